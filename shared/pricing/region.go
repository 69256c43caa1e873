package pricing

import (
	"strings"

	"imagekeeper/shared/image"
)

// Mainland tells whether a region lies in the Chinese mainland, where Windows
// costs nothing. Hong Kong, Macao and Taiwan do not count as mainland. A "cn-"
// region that is not in the list is Unknown: the prefix alone proves nothing.
func Mainland(r image.RegionID) image.Tri {
	switch r {
	case "cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou",
		"cn-huhehaote", "cn-wulanchabu", "cn-shenzhen", "cn-heyuan", "cn-guangzhou",
		"cn-chengdu", "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-zhengzhou-jva",
		"cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1",
		"cn-beijing-finance-1", "cn-north-2-gov-1", "cn-heyuan-acdr-1":
		return image.Yes
	case "cn-hongkong":
		return image.No
	case "":
		return image.Unknown
	}
	if strings.HasPrefix(string(r), "cn-") {
		return image.Unknown
	}
	return image.No
}
