package ecsapi

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// importOperations bring images in from OSS and out to it, and follow that.
func importOperations() []operation {
	return []operation{
		{name: "ImportImage", run: importImage, takes: declared(`
			RegionId! Architecture BootMode ClientToken Description DetectionStrategy DiskDeviceMapping.N.Device
			DiskDeviceMapping.N.DiskImSize:int DiskDeviceMapping.N.DiskImageSize:int DiskDeviceMapping.N.Format
			DiskDeviceMapping.N.OSSBucket DiskDeviceMapping.N.OSSObject DryRun:bool Features.ImdsSupport Features.NvmeSupport
			ImageName LicenseType OSType Platform ResourceGroupId RoleName Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value`)},
		{name: "ExportImage", run: exportImage, takes: declared(`
			ImageId! OSSBucket! RegionId! DryRun:bool ImageFormat OSSPrefix RoleName`)},
		{name: "DescribeTasks", run: describeTasks, lists: numbered, takes: declared(`
			RegionId! EndTime PageNumber:int PageSize:int ResourceIds.N StartTime TaskAction TaskIds TaskStatus`)},
		{name: "DescribeTaskAttribute", run: describeTaskAttribute, takes: declared(`RegionId! TaskId!`)},
		{name: "CancelTask", run: cancelTask, takes: declared(`RegionId! TaskId!`)},
	}
}

type importAnswer struct {
	receipt
	RegionID string `json:"RegionId"`
	ImageID  string `json:"ImageId"`
	TaskID   string `json:"TaskId"`
}

func importImage(c *call) (answer, error) {
	p := c.parameters
	made, err := c.session.ImportImage(cloudsim.ImportImageRequest{
		RegionID: image.RegionID(p.text("RegionId")), Disks: c.importDisks(), ImageName: p.text("ImageName"), Description: p.text("Description"),
		OSType: p.text("OSType"), Platform: p.text("Platform"), Architecture: p.text("Architecture"), BootMode: p.text("BootMode"),
		LicenseType: p.text("LicenseType"), RoleName: p.text("RoleName"), Detection: p.text("DetectionStrategy"),
		NVMe: p.text("Features.NvmeSupport"), IMDS: p.text("Features.ImdsSupport"), ResourceGroup: p.text("ResourceGroupId"),
		Tags: c.tags(), ClientToken: p.text("ClientToken"), DryRun: p.flag("DryRun"),
	})
	if err != nil {
		return nil, err
	}
	return &importAnswer{RegionID: p.text("RegionId"), ImageID: string(made.ImageID), TaskID: made.TaskID}, nil
}

// importDisks reads DiskDeviceMapping.N, whose size has an old name, too.
func (c *call) importDisks() []cloudsim.ImportDisk {
	const name = "DiskDeviceMapping"
	var disks []cloudsim.ImportDisk
	for _, n := range c.parameters.numbers(name) {
		member := func(key string) string { return c.parameters.member(name, n, key) }
		size := 0
		for _, key := range []string{"DiskImSize", "DiskImageSize"} {
			if gib, err := strconv.Atoi(member(key)); err == nil { // check has read it
				size = refusable(gib)
			}
		}
		disks = append(disks, cloudsim.ImportDisk{
			Format: member("Format"), Bucket: member("OSSBucket"), Object: member("OSSObject"), SizeGiB: size, Device: member("Device"),
		})
	}
	return disks
}

type exportAnswer struct {
	receipt
	RegionID string `json:"RegionId"`
	TaskID   string `json:"TaskId"`
}

func exportImage(c *call) (answer, error) {
	p := c.parameters
	id, err := c.session.ExportImage(cloudsim.ExportImageRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")), Bucket: p.text("OSSBucket"),
		Prefix: p.text("OSSPrefix"), Format: p.text("ImageFormat"), RoleName: p.text("RoleName"), DryRun: p.flag("DryRun"),
	})
	if err != nil {
		return nil, err
	}
	return &exportAnswer{RegionID: p.text("RegionId"), TaskID: id}, nil
}

type tasksAnswer struct {
	receipt
	pageNumbers
	RegionID string `json:"RegionId"`
	TaskSet  struct{ Task rows[wireTask] }
}

type wireTask struct {
	TaskID        string `json:"TaskId"`
	TaskAction    string
	TaskStatus    string
	SupportCancel string
	CreationTime  string
	FinishedTime  string
	ResourceID    string `json:"ResourceId"`
}

func (a *tasksAnswer) content() editable { return &a.TaskSet.Task }
func (a *tasksAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func taskOnWire(t cloudsim.TaskRow) wireTask {
	return wireTask{
		TaskID: t.ID, TaskAction: t.Action, TaskStatus: t.Status, SupportCancel: strconv.FormatBool(t.CanCancel),
		CreationTime: toSecond(t.CreatedAt), FinishedTime: toSecond(t.FinishedAt), ResourceID: t.Resource,
	}
}

func describeTasks(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.DescribeTasksRequest{
		RegionID: image.RegionID(p.text("RegionId")), Action: p.text("TaskAction"), Status: p.text("TaskStatus"),
		Resources: p.repeat("ResourceIds"), Pages: c.pages(),
	}
	if ids := p.text("TaskIds"); ids != "" {
		req.IDs = slices.DeleteFunc(strings.Split(ids, ","), func(id string) bool { return id == "" })
	}
	for name, to := range map[string]*time.Time{"StartTime": &req.From, "EndTime": &req.To} {
		at, no := timeOf(p, name)
		if no != nil {
			return nil, no
		}
		*to = at
	}
	page, err := c.session.DescribeTasks(req)
	if err != nil {
		return nil, err
	}
	a := &tasksAnswer{pageNumbers: marked(page.PageMark), RegionID: p.text("RegionId")}
	a.TaskSet.Task = rowsOf(page.Tasks, taskOnWire)
	return a, nil
}

// timeOf is the value of a parameter that is a time; zero if there is none.
func timeOf(p *parameters, name string) (time.Time, *refusal) {
	text := p.text(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(stampLayout, text)
	if err != nil {
		return time.Time{}, invalidParameter(name)
	}
	return at, nil
}

type taskDetailAnswer struct {
	receipt
	RegionID string `json:"RegionId"`
	wireTask
	TaskProcess          string
	TotalCount           int
	SuccessCount         int
	FailedCount          int
	OperationProgressSet struct{ OperationProgress []wireProgress }
}

type wireProgress struct {
	OperationStatus string
	ErrorCode       string
	ErrorMsg        string
	RelatedItemSet  struct{ RelatedItem []wireItem }
}

type wireItem struct{ Name, Value string }

func describeTaskAttribute(c *call) (answer, error) {
	p := c.parameters
	detail, err := c.session.DescribeTaskAttribute(cloudsim.TaskRequest{RegionID: image.RegionID(p.text("RegionId")), TaskID: p.text("TaskId")})
	if err != nil {
		return nil, err
	}
	a := &taskDetailAnswer{
		RegionID: p.text("RegionId"), wireTask: taskOnWire(detail.TaskRow), TaskProcess: percent(detail.Percent),
		TotalCount: detail.Total, SuccessCount: detail.Success, FailedCount: detail.Failed,
	}
	progress := wireProgress{OperationStatus: detail.Status, ErrorCode: detail.Code, ErrorMsg: detail.Message}
	progress.RelatedItemSet.RelatedItem = rowsOf(detail.Items, func(i cloudsim.TaskItem) wireItem { return wireItem(i) })
	a.OperationProgressSet.OperationProgress = []wireProgress{progress}
	return a, nil
}

func cancelTask(c *call) (answer, error) {
	return finished(c.session.CancelTask(cloudsim.TaskRequest{
		RegionID: image.RegionID(c.parameters.text("RegionId")), TaskID: c.parameters.text("TaskId"),
	}))
}
