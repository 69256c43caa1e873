package image

import (
	"slices"
	"strings"
)

// Mainland tells whether a region lies in the Chinese mainland. Hong Kong, Macao
// and Taiwan do not count as mainland. A "cn-" region that is not in the list is
// Unknown: the prefix alone proves nothing. Source: the vendor's list of regions
// and zones, finance and government clouds included.
func Mainland(r RegionID) Tri {
	switch {
	case slices.Contains(MainlandRegions(), r):
		return Yes
	case r == "", strings.HasPrefix(string(r), "cn-") && !slices.Contains(RegionsAbroad(), r):
		return Unknown
	}
	return No
}

// MainlandRegions are the regions in the Chinese mainland.
func MainlandRegions() []RegionID {
	return []RegionID{
		"cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou",
		"cn-huhehaote", "cn-wulanchabu", "cn-shenzhen", "cn-heyuan", "cn-guangzhou",
		"cn-chengdu", "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-zhengzhou-jva",
		"cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1",
		"cn-beijing-finance-1", "cn-north-2-gov-1", "cn-heyuan-acdr-1",
	}
}

// RegionsAbroad are the regions outside the mainland as of 2026. There may be more.
func RegionsAbroad() []RegionID {
	return []RegionID{
		"cn-hongkong", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5",
		"ap-southeast-6", "ap-southeast-7", "ap-south-1", "us-east-1", "us-southeast-1", "us-west-1", "na-south-1", "eu-central-1",
		"eu-west-1", "eu-west-2", "me-east-1", "me-central-1",
	}
}
