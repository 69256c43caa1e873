package ecsapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type templatesAnswer struct {
	receipt
	pageNumbers
	LaunchTemplateSets struct{ LaunchTemplateSet rows[wireTemplate] }
}

type wireTemplate struct {
	LaunchTemplateID     string `json:"LaunchTemplateId"`
	LaunchTemplateName   string
	DefaultVersionNumber int
	LatestVersionNumber  int
	CreateTime           string
	ModifiedTime         string
	CreatedBy            string
	ResourceGroupID      string `json:"ResourceGroupId"`
	Tags                 wireTags
}

func (a *templatesAnswer) content() editable { return &a.LaunchTemplateSets.LaunchTemplateSet }
func (a *templatesAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeLaunchTemplates(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeLaunchTemplates(cloudsim.DescribeLaunchTemplatesRequest{
		RegionID: image.RegionID(p.text("RegionId")), IDs: p.repeat("LaunchTemplateId"), Names: p.repeat("LaunchTemplateName"),
		ResourceGroup: p.text("TemplateResourceGroupId"), Tags: c.templateTags(), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &templatesAnswer{pageNumbers: marked(page.PageMark)}
	a.LaunchTemplateSets.LaunchTemplateSet = rowsOf(page.Templates, func(t cloudsim.LaunchTemplateRow) wireTemplate {
		return wireTemplate{
			LaunchTemplateID: t.ID, LaunchTemplateName: t.Name, DefaultVersionNumber: t.Default, LatestVersionNumber: t.Latest,
			CreateTime: toSecond(t.CreatedAt), ModifiedTime: toSecond(t.ModifiedAt), CreatedBy: string(t.CreatedBy), Tags: tagsOnWire(t.Tags),
		}
	})
	return a, nil
}

func (c *call) templateTags() []cloudsim.Tag {
	var tags []cloudsim.Tag
	for _, n := range c.parameters.numbers("TemplateTag") {
		tags = append(tags, cloudsim.Tag{Key: c.parameters.member("TemplateTag", n, "Key"), Value: c.parameters.member("TemplateTag", n, "Value")})
	}
	return tags
}

type versionsAnswer struct {
	receipt
	pageNumbers
	LaunchTemplateVersionSets struct {
		LaunchTemplateVersionSet rows[wireTemplateVersion]
	}
}

type wireTemplateVersion struct {
	LaunchTemplateID   string `json:"LaunchTemplateId"`
	LaunchTemplateName string
	VersionNumber      int
	VersionDescription string
	DefaultVersion     bool
	CreateTime         string
	ModifiedTime       string
	CreatedBy          string
	LaunchTemplateData *wireTemplateData `json:",omitempty"`
}

// wireTemplateData has the system disk twice: older SDKs and documents have it
// flat, newer SDKs as an object.
type wireTemplateData struct {
	ImageID            string `json:"ImageId"`
	ImageOwnerAlias    string
	InstanceType       string
	InstanceChargeType string
	NetworkType        string
	SystemDisk         wireTemplateDisk
	SystemDiskCategory string `json:"SystemDisk.Category"`
	SystemDiskSize     int    `json:"SystemDisk.Size"`
	SystemDiskName     string `json:"SystemDisk.DiskName,omitempty"`
	SystemDiskLevel    string `json:"SystemDisk.PerformanceLevel,omitempty"`
	DataDisks          struct{ DataDisk []wireTemplateDisk }
	NetworkInterfaces  struct{ NetworkInterface []struct{} }
	SecurityGroupIDs   struct {
		SecurityGroupID []string `json:"SecurityGroupId"`
	} `json:"SecurityGroupIds"`
	Tags struct{ InstanceTag []wireInstanceTag }

	further map[string]string
}

type wireInstanceTag struct{ Key, Value string }

// numbersOfTemplates and flagsOfTemplates are the kept parameters that are not texts.
func numbersOfTemplates() []string {
	return []string{"InternetMaxBandwidthIn", "InternetMaxBandwidthOut", "Period", "SpotDuration", "SpotPriceLimit"}
}
func flagsOfTemplates() []string { return []string{"PasswordInherit"} }

// MarshalJSON writes what was kept as it came beside the rest.
func (d *wireTemplateData) MarshalJSON() ([]byte, error) {
	type plain wireTemplateData
	text, err := json.Marshal((*plain)(d))
	if err != nil || len(d.further) == 0 {
		return text, err
	}
	all := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil {
		return nil, err
	}
	for name, value := range d.further {
		switch {
		case slices.Contains(numbersOfTemplates(), name) && json.Valid([]byte(value)):
			all[name] = json.Number(value)
		case slices.Contains(flagsOfTemplates(), name):
			all[name] = strings.EqualFold(value, "true")
		default:
			all[name] = value
		}
	}
	return json.Marshal(all)
}

type wireTemplateDisk struct {
	Category           string
	Size               int
	DiskName           string `json:",omitempty"`
	PerformanceLevel   string `json:",omitempty"`
	SnapshotID         string `json:"SnapshotId,omitempty"`
	DeleteWithInstance bool
}

func (a *versionsAnswer) content() editable {
	return &a.LaunchTemplateVersionSets.LaunchTemplateVersionSet
}
func (a *versionsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeLaunchTemplateVersions(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.DescribeLaunchTemplateVersionsRequest{
		RegionID: image.RegionID(p.text("RegionId")), TemplateID: p.text("LaunchTemplateId"), TemplateName: p.text("LaunchTemplateName"),
		Least: c.positive("MinVersion"), Most: c.positive("MaxVersion"), DefaultVersion: p.flag("DefaultVersion"), Pages: c.pages(),
	}
	for _, text := range p.repeat("LaunchTemplateVersion") {
		n, _ := strconv.Atoi(text) // check has read it
		req.Versions = append(req.Versions, n)
	}
	page, err := c.session.DescribeLaunchTemplateVersions(req)
	if err != nil {
		return nil, err
	}
	details := p.tri("DetailFlag") != image.No
	a := &versionsAnswer{pageNumbers: marked(page.PageMark)}
	a.LaunchTemplateVersionSets.LaunchTemplateVersionSet = rowsOf(page.Versions, func(v cloudsim.TemplateVersionRow) wireTemplateVersion {
		out := wireTemplateVersion{
			LaunchTemplateID: v.Template, LaunchTemplateName: v.Name, VersionNumber: v.Version, VersionDescription: v.Description,
			DefaultVersion: v.Default, CreateTime: toSecond(v.CreatedAt), ModifiedTime: toSecond(v.CreatedAt), CreatedBy: string(v.Account),
		}
		if details {
			out.LaunchTemplateData = templateDataOnWire(v)
		}
		return out
	})
	return a, nil
}

func diskOfTemplate(d cloudsim.NewDisk) wireTemplateDisk {
	return wireTemplateDisk{d.Category, d.SizeGiB, d.Name, d.PerformanceLevel, string(d.SnapshotID), !d.KeptWithInstance}
}

func templateDataOnWire(v cloudsim.TemplateVersionRow) *wireTemplateData {
	out := &wireTemplateData{
		ImageID: string(v.Image), ImageOwnerAlias: v.ImageAlias, InstanceType: string(v.InstanceType), InstanceChargeType: "PostPaid",
		NetworkType: "vpc", SystemDisk: diskOfTemplate(v.SystemDisk), SystemDiskCategory: v.SystemDisk.Category, SystemDiskSize: v.SystemDisk.SizeGiB,
		SystemDiskName: v.SystemDisk.Name, SystemDiskLevel: v.SystemDisk.PerformanceLevel,
	}
	out.DataDisks.DataDisk = rowsOf(v.DataDisks, diskOfTemplate)
	out.NetworkInterfaces.NetworkInterface = []struct{}{}
	out.SecurityGroupIDs.SecurityGroupID = append([]string{}, v.SecurityGroups...)
	out.Tags.InstanceTag = rowsOf(v.Tags, func(t cloudsim.Tag) wireInstanceTag { return wireInstanceTag{t.Key, t.Value} })
	out.further = v.Further
	return out
}

// pipelineNumbers are in the answers of the pipeline operations.
type pipelineNumbers struct {
	MaxResults int
	NextToken  string
	TotalCount int
}

func (n *pipelineNumbers) place() *pagePlace {
	return &pagePlace{next: &n.NextToken, total: &n.TotalCount}
}

type pipelinesAnswer struct {
	receipt
	pipelineNumbers
	ImagePipeline struct{ ImagePipelineSet rows[wirePipeline] }
}

type wirePipeline struct {
	ImagePipelineID         string `json:"ImagePipelineId"`
	Name                    string
	Description             string
	BaseImage               string
	BaseImageType           string
	BuildContent            string
	TestContent             string
	ImageName               string
	ImageFamily             string
	InstanceType            string
	SystemDiskSize          int
	InternetMaxBandwidthOut int
	DeleteInstanceOnFailure bool
	VSwitchID               string `json:"VSwitchId"`
	NvmeSupport             string
	RepairMode              string
	ResourceGroupID         string `json:"ResourceGroupId"`
	CreationTime            string
	AddAccounts             struct{ AddAccount []string }
	ToRegionIDs             struct {
		ToRegionID []string `json:"ToRegionId"`
	} `json:"ToRegionIds"`
	Tags wireTags
}

func (a *pipelinesAnswer) content() editable { return &a.ImagePipeline.ImagePipelineSet }

func describeImagePipelines(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeImagePipelines(cloudsim.DescribeImagePipelinesRequest{
		RegionID: image.RegionID(p.text("RegionId")), IDs: p.repeat("ImagePipelineId"), Name: p.text("Name"),
		ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(), Next: p.text("NextToken"), MaxResults: c.positive("MaxResults"),
	})
	if err != nil {
		return nil, err
	}
	a := &pipelinesAnswer{pipelineNumbers: pipelineNumbers{page.MaxResults, page.Next, page.Total}}
	a.ImagePipeline.ImagePipelineSet = rowsOf(page.Pipelines, pipelineOnWire)
	return a, nil
}

func pipelineOnWire(row cloudsim.PipelineRow) wirePipeline {
	out := wirePipeline{
		ImagePipelineID: row.ID, Name: row.Name, Description: row.Description, BaseImage: row.Base, BaseImageType: row.BaseType,
		ImageName: row.ImageName, ImageFamily: string(row.ImageFamily), InstanceType: string(row.InstanceType),
		SystemDiskSize: row.SystemDiskGiB, DeleteInstanceOnFailure: !row.KeepsOnFailure, CreationTime: toSecond(row.CreatedAt), Tags: tagsOnWire(row.Tags),
	}
	out.BuildContent, out.TestContent, out.VSwitchID, out.InternetMaxBandwidthOut = row.BuildContent, row.TestContent, row.VSwitch, row.BandwidthOut
	out.NvmeSupport, out.RepairMode = row.NVMe, row.RepairMode
	out.AddAccounts.AddAccount = rowsOf(row.AddAccounts, func(id image.AccountID) string { return string(id) })
	out.ToRegionIDs.ToRegionID = []string{string(row.Region)}
	if len(row.ToRegions) > 0 {
		out.ToRegionIDs.ToRegionID = rowsOf(row.ToRegions, func(id image.RegionID) string { return string(id) })
	}
	return out
}

type runsAnswer struct {
	receipt
	pipelineNumbers
	ImagePipelineExecution struct {
		ImagePipelineExecutionSet rows[wireRun]
	}
}

type wireRun struct {
	ExecutionID     string `json:"ExecutionId"`
	ImagePipelineID string `json:"ImagePipelineId"`
	Status          string
	ImageID         string `json:"ImageId"`
	Message         string
	CreationTime    string
	ModifiedTime    string
	ResourceGroupID string `json:"ResourceGroupId"`
	Tags            wireTags
}

func (a *runsAnswer) content() editable { return &a.ImagePipelineExecution.ImagePipelineExecutionSet }

func describeImagePipelineExecutions(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeImagePipelineExecutions(cloudsim.DescribeImagePipelineExecutionsRequest{
		RegionID: image.RegionID(p.text("RegionId")), PipelineID: p.text("ImagePipelineId"), ExecutionID: p.text("ExecutionId"),
		Status: p.text("Status"), Tags: c.tags(), Next: p.text("NextToken"), MaxResults: c.positive("MaxResults"),
	})
	if err != nil {
		return nil, err
	}
	a := &runsAnswer{pipelineNumbers: pipelineNumbers{page.MaxResults, page.Next, page.Total}}
	a.ImagePipelineExecution.ImagePipelineExecutionSet = rowsOf(page.Runs, func(r cloudsim.PipelineRunRow) wireRun {
		return wireRun{
			ExecutionID: r.ID, ImagePipelineID: r.Pipeline, Status: r.Status, ImageID: string(r.Made), Message: r.Message,
			CreationTime: toSecond(r.CreatedAt), ModifiedTime: toSecond(r.ModifiedAt), Tags: tagsOnWire(nil),
		}
	})
	return a, nil
}
