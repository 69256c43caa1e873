package cloudsim

import (
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// A place is one region: what never changes of it.
type place struct {
	id      image.RegionID
	infix   string // of the ids made there
	english string
	chinese string
	zones   string // their last letters
}

// places are the regions, in the order in which ECS lists them.
func places() []place {
	return []place{
		{"cn-beijing", "2ze", "China (Beijing)", "华北2（北京）", "ghl"},
		{"cn-hangzhou", "bp1", "China (Hangzhou)", "华东1（杭州）", "hijk"},
		{"cn-shanghai", "uf6", "China (Shanghai)", "华东2（上海）", "bglm"},
		{"cn-shenzhen", "wz9", "China (Shenzhen)", "华南1（深圳）", "def"},
		{"cn-hongkong", "j6c", "China (Hong Kong)", "中国香港", "bcd"},
		{"ap-southeast-1", "t4n", "Singapore", "新加坡", "abc"},
		{"us-west-1", "rj9", "US (Silicon Valley)", "美国（硅谷）", "ab"},
		{"eu-central-1", "gw8", "Germany (Frankfurt)", "德国（法兰克福）", "abc"},
	}
}

// place returns the region called id, if there is one.
func placeOf(id image.RegionID) (place, bool) {
	for _, p := range places() {
		if p.id == id {
			return p, true
		}
	}
	return place{}, false
}

// endpoint is the host of the region's ECS API.
func (p place) endpoint() string { return "ecs." + string(p.id) + ".aliyuncs.com" }

// name is the region's name in the language asked for. Languages other than
// Chinese are all answered in English.
func (p place) name(language string) string {
	if language == "" || strings.HasPrefix(language, "zh") {
		return p.chinese
	}
	return p.english
}

// zoneIDs returns the region's zones. Regions outside China have a digit at the
// end of their id and set the zone's letter directly after it.
func (p place) zoneIDs() []image.ZoneID {
	var zones []image.ZoneID
	for _, letter := range p.zones {
		sep := "-"
		if last := p.id[len(p.id)-1]; last >= '0' && last <= '9' {
			sep = ""
		}
		zones = append(zones, image.ZoneID(string(p.id)+sep+string(letter)))
	}
	return zones
}

// sharesEncrypted: regions where encrypted images may be shared; source: the
// user guide's list.
func (p place) sharesEncrypted() bool {
	return slices.Contains([]image.RegionID{"cn-beijing", "cn-shanghai", "cn-hongkong", "ap-southeast-1"}, p.id)
}

// languages are those DescribeRegions and DescribeZones can answer in.
func languages() []string {
	return []string{"", "zh-CN", "zh-TW", "en-US", "ja", "fr", "de", "es", "pt", "ru"}
}

// DescribeRegionsRequest are the parameters of DescribeRegions.
type DescribeRegionsRequest struct {
	AcceptLanguage     string
	InstanceChargeType string
	ResourceType       string
}

// RegionRow is one region of DescribeRegions. Name follows AcceptLanguage.
type RegionRow struct {
	image.Region
	// Status is "available" or "soldOut".
	Status string
}

// DescribeRegions lists all regions. Refusals: InvalidAcceptLanguage.NotFound,
// Invalid.InstanceChargeType, InvalidResourceType.NotFound.
func (s *Session) DescribeRegions(req DescribeRegionsRequest) ([]RegionRow, error) {
	if err := s.permit("DescribeRegions"); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(languages(), req.AcceptLanguage):
		return nil, refuse(404, "InvalidAcceptLanguage.NotFound", "Only Chinese (zh-CN), English (en-US), and Japanese (ja) are allowed.")
	case !slices.Contains([]string{"", "PrePaid", "PostPaid", "SpotWithPriceLimit", "SpotAsPriceGo"}, req.InstanceChargeType):
		return nil, malformed(403, "Invalid.InstanceChargeType", "The specified InstanceChargeType is invalid.")
	case !slices.Contains([]string{"", "instance", "disk", "reservedinstance", "scu"}, req.ResourceType):
		return nil, refuse(404, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	}
	var rows []RegionRow
	for _, p := range places() {
		rows = append(rows, RegionRow{image.Region{ID: p.id, Name: p.name(req.AcceptLanguage), Endpoint: p.endpoint()}, "available"})
	}
	return rows, nil
}

// DescribeZonesRequest are the parameters of DescribeZones.
type DescribeZonesRequest struct {
	RegionID       image.RegionID
	AcceptLanguage string
}

// ZoneRow is one zone of DescribeZones.
type ZoneRow struct {
	ID            image.ZoneID
	Name          string
	InstanceTypes []image.InstanceTypeID
	// DiskCategories are those that can be bought there.
	DiskCategories []string
}

// DescribeZones lists the zones of a region and what can be bought there.
// Refusals: InvalidRegionId.NotFound, MissingParameter,
// InvalidAcceptLanguage.NotFound.
func (s *Session) DescribeZones(req DescribeZonesRequest) ([]ZoneRow, error) {
	if err := s.permit("DescribeZones"); err != nil {
		return nil, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return nil, err
	}
	if !slices.Contains(languages(), req.AcceptLanguage) {
		return nil, refuse(404, "InvalidAcceptLanguage.NotFound", "Only Chinese (zh-CN), English (en-US), and Japanese (ja) are allowed.")
	}
	p, _ := placeOf(req.RegionID)
	var types []image.InstanceTypeID
	for _, t := range instanceTypes() {
		types = append(types, t.ID)
	}
	var rows []ZoneRow
	for _, z := range p.zoneIDs() {
		letter := strings.ToUpper(string(z[len(z)-1:]))
		name := p.chinese + " 可用区" + letter
		if p.name(req.AcceptLanguage) == p.english {
			name = p.english + " Zone " + letter
		}
		rows = append(rows, ZoneRow{z, name, types, []string{"cloud_essd", "cloud_essd_entry", "cloud_auto", "cloud_efficiency"}})
	}
	return rows, nil
}

// checkRegion refuses a region that is missing or does not exist.
func checkRegion(id image.RegionID) error {
	if id == "" {
		return missing("RegionId")
	}
	if _, ok := placeOf(id); !ok {
		return refuse(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
	}
	return nil
}
