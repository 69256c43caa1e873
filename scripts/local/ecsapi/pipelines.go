package ecsapi

import (
	"cmp"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// pipelineOperations make and run image pipelines and their components.
func pipelineOperations() []operation {
	return []operation{
		{name: "CreateImagePipeline", run: createImagePipeline, takes: declared(`
			RegionId! BaseImageType! AddAccount.N AdvancedOptions.ImageNameSuffix AdvancedOptions.RetainCloudAssistant:bool BaseImage BuildContent
			ClientToken DeleteInstanceOnFailure:bool Description ImageFamily ImageName ImageOptions.Description ImageOptions.ImageFamily
			ImageOptions.ImageFeatures.NvmeSupport ImageOptions.ImageName ImageOptions.ImageTags.N.Key ImageOptions.ImageTags.N.Value
			ImportImageOptions.Architecture ImportImageOptions.BootMode ImportImageOptions.Description
			ImportImageOptions.DiskDeviceMappings.N.DiskImageSize:int ImportImageOptions.DiskDeviceMappings.N.Format
			ImportImageOptions.DiskDeviceMappings.N.OSSBucket ImportImageOptions.DiskDeviceMappings.N.OSSObject
			ImportImageOptions.Features.ImdsSupport ImportImageOptions.Features.NvmeSupport ImportImageOptions.ImageName
			ImportImageOptions.LicenseType ImportImageOptions.OSType ImportImageOptions.Platform ImportImageOptions.RetentionStrategy
			ImportImageOptions.RoleName InstanceType InternetMaxBandwidthOut:int Name NvmeSupport RepairItem.N RepairMode ResourceGroupId
			SystemDiskSize:int Tag.N.Key Tag.N.Value TestContent ToRegionId.N VSwitchId`)},
		{name: "DeleteImagePipeline", run: deleteImagePipeline, takes: declared(`RegionId! ImagePipelineId!`)},
		{name: "StartImagePipelineExecution", run: startExecution, takes: declared(`
			RegionId! ImagePipelineId! ClientToken Tag.N.Key Tag.N.Value TemplateTag.N.Key TemplateTag.N.Value`)},
		{name: "CancelImagePipelineExecution", run: cancelExecution, takes: declared(`RegionId! ExecutionId! TemplateTag.N.Key TemplateTag.N.Value`)},
		{name: "CreateImageComponent", run: createComponent, takes: declared(`
			RegionId! ClientToken ComponentType ComponentVersion Content Description Name ResourceGroupId SystemType Tag.N.Key Tag.N.Value`)},
		{name: "DescribeImageComponents", run: describeComponents, lists: countedTokens, takes: declared(`
			RegionId! ComponentType ComponentVersion ImageComponentId.N MaxResults:int Name NextToken Owner ResourceGroupId SystemType Tag.N.Key Tag.N.Value`)},
		{name: "DeleteImageComponent", run: deleteComponent, takes: declared(`RegionId! ImageComponentId! TemplateTag.N.Key TemplateTag.N.Value`)},
	}
}

type pipelineAnswer struct {
	receipt
	ImagePipelineID string `json:"ImagePipelineId"`
}

func createImagePipeline(c *call) (answer, error) {
	p := c.parameters
	base := p.text("BaseImage")
	if p.text("BaseImageType") == "OSS" {
		bucket, key := p.member("ImportImageOptions.DiskDeviceMappings", 1, "OSSBucket"), p.member("ImportImageOptions.DiskDeviceMappings", 1, "OSSObject")
		if base = ""; bucket != "" && key != "" {
			base = bucket + "/" + key
		}
	}
	var tags []cloudsim.Tag
	for _, n := range p.numbers("ImageOptions.ImageTags") {
		tags = append(tags, cloudsim.Tag{Key: p.member("ImageOptions.ImageTags", n, "Key"), Value: p.member("ImageOptions.ImageTags", n, "Value")})
	}
	id, err := c.session.CreateImagePipeline(cloudsim.CreateImagePipelineRequest{
		RegionID: image.RegionID(p.text("RegionId")), Name: p.text("Name"), Base: base, BaseType: p.text("BaseImageType"), Description: p.text("Description"),
		ImageName:   cmp.Or(p.text("ImageOptions.ImageName"), p.text("ImageName")),
		ImageFamily: image.Family(cmp.Or(p.text("ImageOptions.ImageFamily"), p.text("ImageFamily"))), InstanceType: image.InstanceTypeID(p.text("InstanceType")),
		SystemDiskGiB: c.size("SystemDiskSize"), Tags: c.tags(), ClientToken: p.text("ClientToken"), Details: cloudsim.PipelineDetails{
			BuildContent: p.text("BuildContent"), TestContent: p.text("TestContent"), ImageTags: tags, VSwitch: p.text("VSwitchId"),
			AddAccounts: given[image.AccountID](p.repeat("AddAccount")), ToRegions: given[image.RegionID](p.repeat("ToRegionId")),
			BandwidthOut: c.size("InternetMaxBandwidthOut"), NVMe: cmp.Or(p.text("ImageOptions.ImageFeatures.NvmeSupport"), p.text("NvmeSupport")),
			RepairMode: p.text("RepairMode"), KeepsOnFailure: p.tri("DeleteInstanceOnFailure") == image.No,
		},
	})
	if err != nil {
		return nil, err
	}
	return &pipelineAnswer{ImagePipelineID: id}, nil
}

func deleteImagePipeline(c *call) (answer, error) {
	return finished(c.session.DeleteImagePipeline(image.RegionID(c.parameters.text("RegionId")), c.parameters.text("ImagePipelineId")))
}

type executionAnswer struct {
	receipt
	ExecutionID string `json:"ExecutionId"`
}

func startExecution(c *call) (answer, error) {
	p := c.parameters
	id, err := c.session.StartImagePipelineExecution(image.RegionID(p.text("RegionId")), p.text("ImagePipelineId"), p.text("ClientToken"))
	if err != nil {
		return nil, err
	}
	return &executionAnswer{ExecutionID: id}, nil
}

func cancelExecution(c *call) (answer, error) {
	return finished(c.session.CancelImagePipelineExecution(image.RegionID(c.parameters.text("RegionId")), c.parameters.text("ExecutionId")))
}

type componentAnswer struct {
	receipt
	ImageComponentID string `json:"ImageComponentId"`
}

func createComponent(c *call) (answer, error) {
	p := c.parameters
	id, err := c.session.CreateImageComponent(cloudsim.CreateImageComponentRequest{
		RegionID: image.RegionID(p.text("RegionId")), Tags: c.tags(), Component: cloudsim.ComponentRow{
			Name: p.text("Name"), Description: p.text("Description"), SystemType: p.text("SystemType"), Type: p.text("ComponentType"),
			Version: p.text("ComponentVersion"), Content: p.text("Content"),
		},
	})
	if err != nil {
		return nil, err
	}
	return &componentAnswer{ImageComponentID: id}, nil
}

type componentsAnswer struct {
	receipt
	pipelineNumbers
	ImageComponent struct{ ImageComponentSet rows[wireComponent] }
}

type wireComponent struct {
	ImageComponentID string `json:"ImageComponentId"`
	Name             string
	Description      string
	SystemType       string
	ComponentType    string
	ComponentVersion string
	Content          string
	Owner            string
	CreationTime     string
	ResourceGroupID  string `json:"ResourceGroupId"`
	Parameters       struct{ Parameter []struct{} }
	Tags             wireTags
}

func (a *componentsAnswer) content() editable { return &a.ImageComponent.ImageComponentSet }

func describeComponents(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeImageComponents(cloudsim.DescribeImageComponentsRequest{
		RegionID: image.RegionID(p.text("RegionId")), IDs: p.repeat("ImageComponentId"), Name: p.text("Name"), Version: p.text("ComponentVersion"),
		SystemType: p.text("SystemType"), Type: p.text("ComponentType"), Owner: p.text("Owner"), ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(),
		Next: p.text("NextToken"), MaxResults: c.positive("MaxResults"),
	})
	if err != nil {
		return nil, err
	}
	a := &componentsAnswer{pipelineNumbers: pipelineNumbers{page.MaxResults, page.Next, page.Total}}
	a.ImageComponent.ImageComponentSet = rowsOf(page.Components, func(row cloudsim.ComponentRow) wireComponent {
		out := wireComponent{
			ImageComponentID: row.ID, Name: row.Name, Description: row.Description, SystemType: row.SystemType, ComponentType: row.Type,
			ComponentVersion: row.Version, Content: row.Content, Owner: "SELF", CreationTime: toSecond(row.CreatedAt), Tags: tagsOnWire(row.Tags),
		}
		out.Parameters.Parameter = []struct{}{}
		return out
	})
	return a, nil
}

func deleteComponent(c *call) (answer, error) {
	return finished(c.session.DeleteImageComponent(image.RegionID(c.parameters.text("RegionId")), c.parameters.text("ImageComponentId")))
}
