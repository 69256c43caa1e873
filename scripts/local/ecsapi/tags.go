package ecsapi

import (
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func tagResources(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.TagResources(cloudsim.TagResourcesRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"),
		ResourceIDs: p.repeat("ResourceId"), Tags: c.tags(),
	}))
}

func untagResources(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.UntagResources(cloudsim.UntagResourcesRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"),
		ResourceIDs: p.repeat("ResourceId"), TagKeys: p.repeat("TagKey"), All: p.flag("All"),
	}))
}

func joinResourceGroup(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.JoinResourceGroup(cloudsim.JoinGroupRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"), ResourceID: p.text("ResourceId"),
		Group: p.text("ResourceGroupId"),
	}))
}

// legacyTags reads the request of AddTags and RemoveTags: one resource.
func (c *call) legacyTags() cloudsim.LegacyTagsRequest {
	p := c.parameters
	return cloudsim.LegacyTagsRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"), ResourceID: p.text("ResourceId"), Tags: c.tags(),
	}
}

func addTags(c *call) (answer, error) { return finished(c.session.AddTags(c.legacyTags())) }

func removeTags(c *call) (answer, error) { return finished(c.session.RemoveTags(c.legacyTags())) }

type tagResourcesAnswer struct {
	receipt
	NextToken    string
	TagResources struct{ TagResource rows[wireTagResource] }
}

type wireTagResource struct {
	ResourceID   string `json:"ResourceId"`
	ResourceType string
	TagKey       string
	TagValue     string
}

func (a *tagResourcesAnswer) content() editable { return &a.TagResources.TagResource }
func (a *tagResourcesAnswer) place() *pagePlace { return &pagePlace{next: &a.NextToken} }

func listTagResources(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.ListTagResources(cloudsim.ListTagResourcesRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"),
		ResourceIDs: p.repeat("ResourceId"), Tags: c.tags(), TagFilters: c.tagFilters(), Next: p.text("NextToken"),
	})
	if err != nil {
		return nil, err
	}
	a := &tagResourcesAnswer{NextToken: page.Next}
	a.TagResources.TagResource = rowsOf(page.Rows, func(t cloudsim.TagRow) wireTagResource {
		return wireTagResource{t.ResourceID, t.ResourceType, t.Key, t.Value}
	})
	return a, nil
}

func (c *call) tagFilters() []cloudsim.TagFilter {
	var filters []cloudsim.TagFilter
	for _, n := range c.parameters.numbers("TagFilter") {
		filters = append(filters, cloudsim.TagFilter{
			Key:    c.parameters.member("TagFilter", n, "TagKey"),
			Values: c.parameters.memberRepeat("TagFilter", n, "TagValues"),
		})
	}
	return filters
}

type tagCountsAnswer struct {
	receipt
	pageNumbers
	Tags struct{ Tag rows[wireTagCount] }
}

type wireTagCount struct {
	TagKey, TagValue  string
	ResourceTypeCount wireTypeCount
}

// wireTypeCount counts the resources of this cloud; those it does not have are 0.
type wireTypeCount struct {
	Instance, Image, Disk, Snapshot, Volume, Securitygroup, Ddh, Eni int
	KeyPair, LaunchTemplate, ReservedInstance, SnapshotPolicy        int
}

func (a *tagCountsAnswer) content() editable { return &a.Tags.Tag }
func (a *tagCountsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeTags(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeTags(cloudsim.DescribeTagsRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"),
		ResourceID: p.text("ResourceId"), Tags: c.tags(), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &tagCountsAnswer{pageNumbers: marked(page.PageMark)}
	a.Tags.Tag = rowsOf(page.Tags, func(t cloudsim.TagCount) wireTagCount {
		return wireTagCount{t.Key, t.Value, wireTypeCount{Instance: t.Instances, Image: t.Images, Disk: t.Disks, Snapshot: t.Snapshots}}
	})
	return a, nil
}
