package alicloud

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// act describes one call that changes something, in a region.
type act struct {
	operation operation
	region    image.RegionID
	token     string
	given     params
}

// perform makes a call that changes something, and reads its answer.
func perform[T any](ctx context.Context, a *Account, do act, f fields[T], whole func(T) bool) (T, error) {
	var none T
	if err := first(checkRegion(do.region), checkToken(do.token)); err != nil {
		return none, err
	}
	account, err := a.ID(ctx)
	if err != nil {
		return none, err
	}
	return ask(ctx, a, question[T]{
		operation: do.operation, account: account, region: do.region, given: do.given,
		fields: f, whole: whole, changes: true, token: do.token,
	})
}

// actOn changes something of the things that are named.
func (a *Account) actOn(ctx context.Context, do act, ids ...string) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	_, err := perform[done](ctx, a, do, nil, nil)
	return err
}

// started is what a call with a task began.
type started struct {
	image image.ID
	task  image.TaskID
}

// startedFields read ImageId and TaskId.
func startedFields() fields[started] {
	return fields[started]{
		"ImageId": func(s *scanner, g *started) { g.image = image.ID(s.str()) },
		"TaskId":  func(s *scanner, g *started) { g.task = image.TaskID(s.str()) },
	}
}

// ImportImage begins an import and returns the image, which shows at once as
// Creating or Waiting, and the task. It is repeatable under its token. Source:
// ImportImage.
func (a Operator) ImportImage(ctx context.Context, in image.RegionID, r image.ImportRequest) (image.ID, image.TaskID, error) {
	if len(r.Disks) == 0 {
		return "", "", fault.InField("disks", "required", "an image has a disk at least")
	}
	got, err := perform(ctx, a.Account, act{
		operation: "ecs:ImportImage", region: in, token: r.Token,
		given: importParams(in, r),
	}, startedFields(), func(g started) bool { return g.image != "" && g.task != "" })
	return got.image, got.task, err
}

// supported is Features.NvmeSupport of an image with the driver; ECS's default is
// without.
func supported(nvme bool) string {
	if nvme {
		return "supported"
	}
	return ""
}

// strategy has ECS check an image.
func strategy(check bool) string {
	if check {
		return "Standard"
	}
	return ""
}

// ExportImage begins an export and returns its task. After fault.Unavailable or
// fault.Unknown it may have been begun: the tasks show it. Source: ExportImage.
func (a Operator) ExportImage(ctx context.Context, in image.RegionID, r image.ExportRequest) (image.TaskID, error) {
	if err := checkIDs([]image.ID{r.Image}); err != nil {
		return "", err
	}
	given := params{
		"RegionId": string(in), "ImageId": string(r.Image), "OSSBucket": r.Bucket, "OSSPrefix": r.Prefix, "ImageFormat": r.Format, "RoleName": r.Role,
	}
	got, err := perform(ctx, a.Account, act{
		operation: "ecs:ExportImage", region: in,
		given: given,
	}, startedFields(), func(g started) bool { return g.task != "" })
	return got.task, err
}

// taskFields reads DescribeTasks' Task.
func taskFields() fields[image.Task] {
	return fields[image.Task]{
		"TaskId":        func(s *scanner, t *image.Task) { t.ID = image.TaskID(s.str()) },
		"TaskAction":    func(s *scanner, t *image.Task) { t.Action = s.word() },
		"TaskStatus":    func(s *scanner, t *image.Task) { t.Status = s.word() },
		"ResourceId":    func(s *scanner, t *image.Task) { t.Resource = s.str() },
		"SupportCancel": func(s *scanner, t *image.Task) { t.Cancellable = s.tri() },
	}
}

// Tasks lists the tasks of a region that match the listing, from all pages, in
// ECS's order. An id that does not exist is absent. Source: DescribeTasks.
func (a Operator) Tasks(ctx context.Context, region image.RegionID, want image.TaskListing) ([]image.Task, error) {
	if err := checkIDs(want.IDs); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	l := listing[image.Task]{
		operation: "ecs:DescribeTasks", account: account, region: region, size: pageSize,
		shape: shape[image.Task]{outer: "TaskSet", inner: "Task", row: taskFields()},
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "TaskIds": joined(want.IDs), "TaskAction": want.Action, "StartTime": instant(want.From), "EndTime": instant(want.To), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(pageSize),
			}
		},
		key: func(t *image.Task) string { return string(t.ID) },
		check: func(t *image.Task) error {
			t.Region = region
			return first(asked(want.IDs, t.ID), same(want.Action, t.Action))
		},
	}
	return l.byNumber(ctx, a.Account)
}

// Task returns one task, with how far it is and what came of it. It fails with
// fault.NotFound for one that does not exist. Source: DescribeTaskAttribute.
func (a Operator) Task(ctx context.Context, region image.RegionID, id image.TaskID) (image.Task, error) {
	if err := checkIDs([]image.TaskID{id}); err != nil {
		return image.Task{}, err
	}
	account, err := a.reading(ctx, region)
	if err != nil {
		return image.Task{}, err
	}
	got, err := ask(ctx, a.Account, question[image.Task]{
		operation: "ecs:DescribeTaskAttribute", account: account, region: region,
		given:  params{"RegionId": string(region), "TaskId": string(id)},
		fields: wholeTaskFields(),
		whole:  func(t image.Task) bool { return t.ID == id && t.Status != "" },
	})
	if err != nil {
		return image.Task{}, err
	}
	got.Region = region
	return got, nil
}

// operation is one part of a task on the wire.
type taskPart struct {
	code, message string
	related       []tag
}

// wholeTaskFields reads DescribeTaskAttribute's answer.
func wholeTaskFields() fields[image.Task] {
	item := fields[tag]{
		"Name":  func(s *scanner, t *tag) { t.key = s.word() },
		"Value": func(s *scanner, t *tag) { t.value = s.str() },
	}
	part := fields[taskPart]{
		"ErrorCode":      func(s *scanner, p *taskPart) { p.code = s.word() },
		"ErrorMsg":       func(s *scanner, p *taskPart) { p.message = s.str() },
		"RelatedItemSet": func(s *scanner, p *taskPart) { p.related = rows(s, "RelatedItem", item) },
	}
	all := taskFields()
	all["TaskProcess"] = func(s *scanner, t *image.Task) { t.Progress = s.percent() }
	all["OperationProgressSet"] = func(s *scanner, t *image.Task) {
		for _, p := range rows(s, "OperationProgress", part) {
			if t.ErrorCode == "" {
				t.ErrorCode, t.Error = p.code, p.message
			}
			for _, r := range p.related {
				if t.Related == nil {
					t.Related = make(map[string]string)
				}
				t.Related[r.key] = strings.TrimSpace(t.Related[r.key] + " " + r.value)
			}
		}
	}
	return all
}

// CancelTask asks ECS to end a task. One that has ended fails with
// fault.Precondition. Whether it ended shows in the task. Source: CancelTask.
func (a Operator) CancelTask(ctx context.Context, region image.RegionID, id image.TaskID) error {
	return a.actOn(ctx, act{operation: "ecs:CancelTask", region: region, given: params{"RegionId": string(region), "TaskId": string(id)}}, string(id))
}

// CreateImage begins to make an image from an instance or from snapshots. It shows
// at once, as Creating. It is repeatable under its token. Source: CreateImage.
func (a Operator) CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (image.ID, error) {
	if (r.Instance == "") == (len(r.Snapshots) == 0) {
		return "", fault.InField("instance", "required", "an image is made from an instance, or from snapshots")
	}
	got, err := perform(ctx, a.Account, act{
		operation: "ecs:CreateImage", region: in, token: r.Token,
		given: createParams(in, r),
	}, startedFields(), func(g started) bool { return g.image != "" })
	return got.image, err
}

// CopyImage begins to copy an image of a region and returns the copy, which shows
// at once where it is made. It is repeatable under its token. Source: CopyImage.
func (a Operator) CopyImage(ctx context.Context, from image.RegionID, r image.CopyRequest) (image.ID, error) {
	if err := first(checkIDs([]image.ID{r.Image}), checkRegion(r.To)); err != nil {
		return "", err
	}
	got, err := perform(ctx, a.Account, act{
		operation: "ecs:CopyImage", region: from, token: r.Token,
		given: copyParams(from, r),
	}, startedFields(), func(g started) bool { return g.image != "" && g.image != r.Image })
	return got.image, err
}

// CancelCopy ends a copy that is being made, and deletes it. One that has ended
// fails with fault.Precondition. Source: CancelCopyImage.
func (a Operator) CancelCopy(ctx context.Context, in image.RegionID, copied image.ID) error {
	return a.actOn(ctx, act{operation: "ecs:CancelCopyImage", region: in, given: params{"RegionId": string(in), "ImageId": string(copied)}}, string(copied))
}

// DeleteImage deletes an image of the account's own; its snapshots stay. It never
// forces: while instances run from it, it fails with fault.Precondition. An image
// that is already gone is a success. It is asynchronous. Source: DeleteImage.
func (a Operator) DeleteImage(ctx context.Context, in image.RegionID, id image.ID) error {
	err := a.actOn(ctx, act{operation: "ecs:DeleteImage", region: in, given: params{"RegionId": string(in), "ImageId": string(id)}}, string(id))
	return unlessGone(err, "InvalidImageId.NotFound")
}

// unlessGone turns a refusal because the thing does not exist into success.
func unlessGone(err error, code string) error {
	if fault.Code(err) == code {
		return nil
	}
	return err
}

// ModifyImage changes attributes of an image of the account's own; nil ones stay.
// It is repeatable. Source: ModifyImageAttribute.
func (a Operator) ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error {
	given := params{"RegionId": string(in), "ImageId": string(id)}
	for name, value := range map[string]*string{
		"ImageName": c.Name, "Description": c.Description, "ImageFamily": (*string)(c.Family), "BootMode": (*string)(c.BootMode), "Features.ImdsSupport": c.IMDS,
		"LicenseType": c.LicenseType,
	} {
		if value != nil {
			given[name] = *value
		}
	}
	if c.Deprecated != nil {
		given["Status"] = map[bool]string{true: string(image.StatusDeprecated), false: string(image.StatusAvailable)}[*c.Deprecated]
	}
	if c.NVMe != nil {
		given["Features.NvmeSupport"] = map[bool]string{true: "supported", false: "unsupported"}[*c.NVMe]
	}
	return a.actOn(ctx, act{operation: "ecs:ModifyImageAttribute", region: in, given: given}, string(id))
}

// SupportedTypes lists the instance types that an image can boot on, in order.
// Source: DescribeImageSupportInstanceTypes.
func (a Operator) SupportedTypes(ctx context.Context, ref image.Ref) ([]image.InstanceTypeID, error) {
	if err := checkIDs([]image.ID{ref.ID}); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, ref.Region)
	if err != nil {
		return nil, err
	}
	l := listing[image.InstanceTypeID]{
		operation: "ecs:DescribeImageSupportInstanceTypes", account: account, region: ref.Region, size: mostSupported,
		shape: shape[image.InstanceTypeID]{outer: "InstanceTypes", inner: "InstanceType", row: fields[image.InstanceTypeID]{
			"InstanceTypeId": func(s *scanner, id *image.InstanceTypeID) { *id = image.InstanceTypeID(s.str()) },
		}},
		request: func(int, string) params {
			return params{"RegionId": string(ref.Region), "ImageId": string(ref.ID)}
		},
		key:   func(id *image.InstanceTypeID) string { return string(*id) },
		check: func(*image.InstanceTypeID) error { return nil },
		echo:  func(m mark) error { return same(ref.ID, image.ID(either(string(m.image), string(ref.ID)))) },
	}
	found, err := l.once(ctx, a.Account)
	slices.Sort(found)
	return found, err
}

// mostSupported bounds how many instance types there are.
const mostSupported = 10_000
