package cloudsim

import (
	"time"

	"imagekeeper/shared/image"
)

// LaunchTemplateRow is one launch template as DescribeLaunchTemplates shows it:
// without what it launches.
type LaunchTemplateRow struct {
	ID, Name string
	// Default and Latest are version numbers.
	Default, Latest       int
	CreatedBy             image.AccountID
	CreatedAt, ModifiedAt time.Time
	Tags                  image.Tags
}

// TemplateVersionRow is one version as DescribeLaunchTemplateVersions shows it.
type TemplateVersionRow struct {
	image.TemplateVersion
	Description  string
	CreatedAt    time.Time
	InstanceType image.InstanceTypeID
	// ImageAlias is the image's owner as DescribeImages names it.
	ImageAlias string
	SystemDisk NewDisk
	DataDisks  []NewDisk
}

// DescribeLaunchTemplatesRequest are the parameters of DescribeLaunchTemplates;
// unknown ids and names are absent from the answer.
type DescribeLaunchTemplatesRequest struct {
	RegionID image.RegionID
	IDs      []string
	Names    []string
	// ResourceGroup: every template is in the default one, which has no id here.
	ResourceGroup string
	Tags          []Tag
	Pages         Pages
}

// LaunchTemplatesPage is one page of DescribeLaunchTemplates.
type LaunchTemplatesPage struct {
	Templates []LaunchTemplateRow
	PageMark
}

// DescribeLaunchTemplateVersionsRequest are the parameters of
// DescribeLaunchTemplateVersions: the template by id or name, and versions one
// by one, as a range, or the default one only. Zero numbers are absent.
type DescribeLaunchTemplateVersionsRequest struct {
	RegionID       image.RegionID
	TemplateID     string
	TemplateName   string
	Versions       []int
	Least, Most    int
	DefaultVersion bool
	Pages          Pages
}

// TemplateVersionsPage is one page of DescribeLaunchTemplateVersions.
type TemplateVersionsPage struct {
	Versions []TemplateVersionRow
	PageMark
}

// ScalingGroupRow is one scaling group as ESS's DescribeScalingGroups shows it.
type ScalingGroupRow struct {
	ID, Name string
	Region   image.RegionID
	// Active: LifecycleState.
	Active bool
	// Configuration is the active one; empty for a group that launches a template.
	Configuration string
	// TemplateID and TemplateVersion ("Default", "Latest" or a number) are set
	// for a group that launches a template.
	TemplateID, TemplateVersion string
	Least, Most                 int
	CreatedAt                   time.Time
}

// ScalingConfigurationRow is one configuration as ESS's
// DescribeScalingConfigurations shows it.
type ScalingConfigurationRow struct {
	image.ScalingConfiguration
	ImageName    string
	ImageAlias   string
	InstanceType image.InstanceTypeID
	CreatedAt    time.Time
}

// DescribeScalingGroupsRequest are the parameters of DescribeScalingGroups;
// unknown ids and names are absent from the answer.
type DescribeScalingGroupsRequest struct {
	RegionID image.RegionID
	IDs      []string
	Names    []string
	// GroupType is ECS, ECI or empty; all are of ECS. No group has tags, or is in
	// a resource group.
	GroupType     string
	ResourceGroup string
	Tags          []Tag
	Pages         Pages
}

// ScalingGroupsPage is one page of DescribeScalingGroups.
type ScalingGroupsPage struct {
	Groups []ScalingGroupRow
	PageMark
}

// DescribeScalingConfigurationsRequest are the parameters of
// DescribeScalingConfigurations; unknown ids and names are absent from the
// answer.
type DescribeScalingConfigurationsRequest struct {
	RegionID image.RegionID
	GroupID  string
	IDs      []string
	Names    []string
	Pages    Pages
}

// ScalingConfigurationsPage is one page of DescribeScalingConfigurations.
type ScalingConfigurationsPage struct {
	Configurations []ScalingConfigurationRow
	PageMark
}

// PipelineRow is one pipeline as DescribeImagePipelines shows it.
type PipelineRow struct {
	image.Pipeline
	Description   string
	ImageName     string
	ImageFamily   image.Family
	InstanceType  image.InstanceTypeID
	SystemDiskGiB int
	CreatedAt     time.Time
	Tags          image.Tags
}

// PipelineRunRow is one run as DescribeImagePipelineExecutions shows it.
type PipelineRunRow struct {
	ID       string
	Pipeline string
	Status   string
	// Made is the image it made; empty if it made none yet, or failed.
	Made                  image.ID
	Message               string
	CreatedAt, ModifiedAt time.Time
}

// DescribeImagePipelinesRequest are the parameters of DescribeImagePipelines:
// 1 to 500 rows to a page, 50 when absent.
type DescribeImagePipelinesRequest struct {
	RegionID      image.RegionID
	IDs           []string
	Name          string
	ResourceGroup string
	Tags          []Tag
	Next          string
	MaxResults    int
}

// PipelinesPage is one page of DescribeImagePipelines.
type PipelinesPage struct {
	Pipelines         []PipelineRow
	Next              string
	Total, MaxResults int
}

// DescribeImagePipelineExecutionsRequest are the parameters of
// DescribeImagePipelineExecutions: 1 to 500 rows to a page, 50 when absent.
type DescribeImagePipelineExecutionsRequest struct {
	RegionID    image.RegionID
	PipelineID  string
	ExecutionID string
	// Status is one state, or several with commas.
	Status string
	// Tags: no run has any.
	Tags       []Tag
	Next       string
	MaxResults int
}

// PipelineRunsPage is one page of DescribeImagePipelineExecutions.
type PipelineRunsPage struct {
	Runs              []PipelineRunRow
	Next              string
	Total, MaxResults int
}
