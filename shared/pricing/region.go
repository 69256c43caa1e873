package pricing

import (
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// Mainland tells whether a region lies in the Chinese mainland, where Windows
// costs nothing. Hong Kong, Macao and Taiwan do not count as mainland. A "cn-"
// region that is not in the list is Unknown: the prefix alone proves nothing.
func Mainland(r image.RegionID) image.Tri {
	switch {
	case slices.Contains(inMainland(), r):
		return image.Yes
	case r == "":
		return image.Unknown
	case strings.HasPrefix(string(r), "cn-") && !slices.Contains(abroad(), r):
		return image.Unknown
	}
	return image.No
}

func inMainland() []image.RegionID {
	return []image.RegionID{
		"cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou",
		"cn-huhehaote", "cn-wulanchabu", "cn-shenzhen", "cn-heyuan", "cn-guangzhou",
		"cn-chengdu", "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-zhengzhou-jva",
		"cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1",
		"cn-beijing-finance-1", "cn-north-2-gov-1", "cn-heyuan-acdr-1",
	}
}

// abroad are the regions outside the mainland as of 2026. There may be more.
func abroad() []image.RegionID {
	return []image.RegionID{
		"cn-hongkong", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5",
		"ap-southeast-6", "ap-southeast-7", "ap-south-1", "us-east-1", "us-southeast-1", "us-west-1", "na-south-1", "eu-central-1",
		"eu-west-1", "eu-west-2", "me-east-1", "me-central-1",
	}
}

// meant is the region that was misspelt: r is not known, and a letter too many,
// too few, or two that changed places are all that keeps it from being one that
// is. Regions that differ in their number are different regions.
func meant(r image.RegionID) (image.RegionID, bool) {
	known := slices.Concat(inMainland(), abroad())
	if slices.Contains(known, r) {
		return "", false
	}
	for _, k := range known {
		a, b := letters(r), letters(k)
		if a != b && (lacksOne(a, b) || lacksOne(b, a) || swapped(a, b)) {
			return k, true
		}
	}
	return "", false
}

// letters leaves out the number at the end.
func letters(r image.RegionID) string { return strings.TrimRight(string(r), "0123456789") }

// lacksOne: short is long without one of its letters.
func lacksOne(short, long string) bool {
	if len(short)+1 != len(long) {
		return false
	}
	n := 0
	for n < len(short) && short[n] == long[n] {
		n++
	}
	return short[n:] == long[n+1:]
}

// swapped: two neighbours changed places.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n+1 < len(a) && a[n] == b[n+1] && a[n+1] == b[n] && a[n+2:] == b[n+2:]
}
