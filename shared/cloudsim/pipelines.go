package cloudsim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// PipelineDetails are what a pipeline builds, and what it does with it.
type PipelineDetails struct {
	BuildContent, TestContent string
	// ImageTags are those of the images that are built.
	ImageTags      []Tag
	AddAccounts    []image.AccountID
	ToRegions      []image.RegionID
	VSwitch        string
	BandwidthOut   int
	NVMe           string
	RepairMode     string
	KeepsOnFailure bool
}

// Limits of image pipelines.
const (
	longestContent = 16 << 10
	mostAccounts   = 20
	mostRegions    = 20
)

// CreateImagePipelineRequest are the parameters of CreateImagePipeline.
type CreateImagePipelineRequest struct {
	RegionID image.RegionID
	Name     string
	// BaseType is IMAGE, IMAGE_FAMILY or OSS; Base an image, a family, or for OSS
	// bucket/object.
	Base, BaseType string
	Description    string
	ImageName      string
	ImageFamily    image.Family
	InstanceType   image.InstanceTypeID
	SystemDiskGiB  int
	Details        PipelineDetails
	Tags           []Tag
	ClientToken    string
}

// CreateImagePipeline makes a pipeline and returns its id. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidBaseImageType.NotSupportedValue,
// InvalidParameter.BuildContent, InvalidParameter.TestContent, InvalidParameter,
// InvalidImageName.Duplicated, InvalidImage.NotFound,
// InvalidImage.ImageOwnerAliasUnsupported, ImageComponent.NotFound,
// MissingParameter.ImportImageOptions, IdempotentParameterMismatch.
func (s *Session) CreateImagePipeline(req CreateImagePipelineRequest) (string, error) {
	if err := s.permit("CreateImagePipeline"); err != nil {
		return "", err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkToken(req.ClientToken), req.check(), checkNewTags(req.Tags)); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	key := tokenKey{s.caller.Account, req.RegionID, "CreateImagePipeline", req.ClientToken}
	use := tokenUse{request: textOf(req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return "", tokenMismatch()
		}
		return string(before.id), nil
	}
	if err := r.checkPipeline(s.caller.Account, req); err != nil {
		return "", err
	}
	row := PipelineRow{
		Pipeline:    image.Pipeline{Region: r.id, ID: c.random.id("ip", r.infix), Name: req.Name, Base: req.Base, BaseType: req.BaseType},
		Description: req.Description, ImageName: req.ImageName, ImageFamily: req.ImageFamily, InstanceType: req.InstanceType,
		SystemDiskGiB: orDefault(req.SystemDiskGiB, 40), CreatedAt: now.Truncate(time.Second), Tags: tagMap(req.Tags), PipelineDetails: req.Details,
	}
	row.Name = cmp.Or(row.Name, row.ID)
	row.ToRegions = slices.Clone(row.ToRegions)
	if len(row.ToRegions) == 0 {
		row.ToRegions = []image.RegionID{r.id}
	}
	enter(&r.references.pipelines, row.ID, s.caller.Account, row.CreatedAt, &pipelineState{row}, now)
	use.id = image.ID(row.ID)
	c.remember(key, use)
	return row.ID, nil
}

// check refuses what is wrong whatever the state of the cloud.
func (req CreateImagePipelineRequest) check() error {
	d := req.Details
	switch {
	case req.BaseType == "":
		return missing("BaseImageType")
	case !slices.Contains([]string{"IMAGE", "IMAGE_FAMILY", "OSS"}, req.BaseType):
		return malformed(400, "InvalidBaseImageType.NotSupportedValue", "The specified BaseImageType is not supported.")
	case req.Base == "":
		return noBase(req.BaseType)
	case len(d.BuildContent) > longestContent:
		return malformed(400, "InvalidParameter.BuildContent", "The specified BuildContent is too long.")
	case len(d.TestContent) > longestContent:
		return malformed(400, "InvalidParameter.TestContent", "The specified TestContent is too long.")
	case req.SystemDiskGiB != 0 && (req.SystemDiskGiB < 20 || req.SystemDiskGiB > 500) || len(d.AddAccounts) > mostAccounts || len(d.ToRegions) > mostRegions:
		return malformed(400, "InvalidParameter", "The specified parameter is not valid.")
	case !slices.Contains([]string{"", "Standard", "All", "Customized"}, d.RepairMode):
		return malformed(400, "InvalidParameter", "The specified parameter RepairMode is not valid.")
	}
	if slices.ContainsFunc(d.ToRegions, func(to image.RegionID) bool { return checkRegion(to) != nil }) {
		return malformed(400, "InvalidParameter", "The specified parameter ToRegionId is not valid.")
	}
	return nil
}

// noBase refuses a pipeline that builds on nothing.
func noBase(kind string) error {
	if kind == "OSS" {
		return refuseAs(fault.Invalid, 404, "MissingParameter.ImportImageOptions", "The parameter ImportImageOptions is required.")
	}
	return missing("BaseImage")
}

// checkPipeline refuses for what the pipeline refers to.
func (r *region) checkPipeline(account image.AccountID, req CreateImagePipelineRequest) error {
	for _, id := range componentsOf(req.Details.BuildContent) {
		if _, component := r.references.components.owned(account, id); component == nil {
			return refuse(404, "ImageComponent.NotFound", "The specified image component does not exist.")
		}
	}
	if req.BaseType != "IMAGE" {
		return nil
	}
	_, state := r.images.live(req.Base)
	switch {
	case state == nil || !state.reaches(account, false) && !state.reaches(account, true):
		return refuse(404, "InvalidImage.NotFound", "The specified image does not exist.")
	case state.img.Owner == MarketplaceOwner && len(req.Details.AddAccounts) > 0:
		return wrongState(400, "InvalidImage.ImageOwnerAliasUnsupported", "Images made of it cannot be distributed.")
	}
	return nil
}

// componentsOf are the components that a build's commands name, COMPONENT ic-….
func componentsOf(content string) []string {
	var ids []string
	for line := range strings.Lines(content) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == "COMPONENT" {
			ids = append(ids, words[1])
		}
	}
	return ids
}

func unknownPipeline() error {
	return refuse(404, "InvalidImagePipeline.NotFound", "The specified image pipeline does not exist.")
}

// DeleteImagePipeline deletes a pipeline; its runs and images stay. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidImagePipeline.NotFound,
// InvalidImagePipeline.HasRunningExecution.
func (s *Session) DeleteImagePipeline(regionID image.RegionID, id string) error {
	if err := s.permit("DeleteImagePipeline"); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	if id == "" {
		return missing("ImagePipelineId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[regionID], c.now()
	c.build(r, now)
	e, state := r.references.pipelines.owned(s.caller.Account, id)
	switch {
	case state == nil:
		return unknownPipeline()
	case r.runningOf(s.caller.Account, id, now):
		return wrongState(403, "InvalidImagePipeline.HasRunningExecution", "The image pipeline has a running execution.")
	}
	r.references.pipelines.put(e, nil, now, now)
	r.references.pipelines.settle(now)
	return nil
}

// runningOf reports whether a run of the pipeline goes on.
func (r *region) runningOf(account image.AccountID, pipeline string, now time.Time) bool {
	return len(listedOf(&r.references.runs, account, func(run *runState) bool {
		row := run.at(now)
		return row.Pipeline == pipeline && !row.over()
	})) > 0
}

// over reports whether nothing becomes of the run any more.
func (row PipelineRunRow) over() bool {
	return slices.Contains([]string{"SUCCESS", "PARTITION_SUCCESS", "FAILED", "TEST_FAILED", "CANCELLED"}, row.Status)
}

// A runStep is a status that a run takes on by time alone.
type runStep struct {
	from   time.Time
	status string
}

// at is the run at now: what time has made of its status.
func (run *runState) at(now time.Time) PipelineRunRow {
	row := run.row
	for _, s := range run.steps {
		if s.from.After(now) {
			break
		}
		row.Status, row.ModifiedAt = s.status, s.from.Truncate(time.Second)
	}
	return row
}

// StartImagePipelineExecution starts a run of a pipeline, which makes an image by
// time alone, and returns its id. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidImagePipeline.NotFound,
// InvalidImagePipeline.HasRunningExecution, InvalidImage.NotFound,
// InvalidImagePipeline.OSSObjectNotFound, IdempotentParameterMismatch.
func (s *Session) StartImagePipelineExecution(regionID image.RegionID, pipeline, token string) (string, error) {
	if err := s.permit("StartImagePipelineExecution"); err != nil {
		return "", err
	}
	if err := cmp.Or(checkRegion(regionID), checkToken(token)); err != nil {
		return "", err
	}
	if pipeline == "" {
		return "", missing("ImagePipelineId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[regionID], c.now()
	c.build(r, now)
	key := tokenKey{s.caller.Account, regionID, "StartImagePipelineExecution", token}
	use := tokenUse{request: pipeline, at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return "", tokenMismatch()
		}
		return string(before.id), nil
	}
	_, state := r.references.pipelines.owned(s.caller.Account, pipeline)
	switch {
	case state == nil:
		return "", unknownPipeline()
	case r.runningOf(s.caller.Account, pipeline, now):
		return "", wrongState(403, "InvalidImagePipeline.HasRunningExecution", "The image pipeline has a running execution.")
	}
	base, err := c.baseOf(r, s.caller.Account, state.row, now)
	if err != nil {
		return "", err
	}
	run := c.newRun(r, s.caller.Account, state.row, base, now)
	enter(&r.references.runs, run.row.ID, s.caller.Account, run.row.CreatedAt, run, now)
	use.id = image.ID(run.row.ID)
	c.remember(key, use)
	return run.row.ID, nil
}

// baseOf is the image that a run of a pipeline builds on, empty for a file.
func (c *Cloud) baseOf(r *region, account image.AccountID, p PipelineRow, now time.Time) (image.Ref, error) {
	switch p.BaseType {
	case "OSS":
		bucket, key, _ := strings.Cut(p.Base, "/")
		c.store.mu.RLock()
		defer c.store.mu.RUnlock()
		if b := c.store.buckets[bucket]; b == nil || b.Owner != account || b.live(key) == nil {
			return image.Ref{}, refuse(404, "InvalidImagePipeline.OSSObjectNotFound", "The specified OSS object does not exist.")
		}
		return image.Ref{}, nil
	case "IMAGE_FAMILY":
		if s := c.inFamily(r, account, image.Family(p.Base), now, (*entry[imageState]).truth); s != nil {
			return image.Ref{Account: account, Region: r.id, ID: s.img.ID}, nil
		}
		return image.Ref{}, refuse(404, "InvalidImage.NotFound", "There is no available image in the family.")
	}
	_, state := r.images.live(p.Base)
	if state == nil || !usable(state.status(now)) {
		return image.Ref{}, refuse(404, "InvalidImage.NotFound", "The specified image does not exist.")
	}
	return image.Ref{Account: account, Region: r.id, ID: state.img.ID}, nil
}

// newRun is a run that begins now, with all that will become of it.
func (c *Cloud) newRun(r *region, account image.AccountID, p PipelineRow, base image.Ref, now time.Time) *runState {
	took := c.options.BuildTime
	at := func(percent int) time.Time { return now.Add(took * time.Duration(percent) / 100) }
	run := &runState{base: base, row: PipelineRunRow{
		ID: c.random.id("exec", r.infix), Pipeline: p.ID, Status: "PREPARING", CreatedAt: now.Truncate(time.Second), ModifiedAt: now.Truncate(time.Second),
	}}
	run.steps = []runStep{{now, "PREPARING"}, {at(10), "BUILDING"}}
	if p.TestContent != "" {
		run.steps = append(run.steps, runStep{at(60), "TESTING"})
	}
	if c.fails(account) {
		run.row.Message = "the build command ended with exit code 1"
		run.steps = append(run.steps[:2], runStep{at(50), "FAILED"})
		return run
	}
	run.steps = append(run.steps, runStep{at(80), "DISTRIBUTING"}, runStep{at(90), "RELEASING"}, runStep{at(100), "SUCCESS"})
	r.builds = earlier(r.builds, at(80))
	return run
}

// build puts in the images of the runs that have come so far.
func (c *Cloud) build(r *region, now time.Time) {
	r.builds = time.Time{}
	for account, s := range r.references.runs.byOwner {
		for _, e := range slices.Clone(s.rows) {
			run := e.truth()
			if run == nil || run.row.Made != "" {
				continue
			}
			i := slices.IndexFunc(run.steps, func(s runStep) bool { return s.status == "DISTRIBUTING" })
			switch {
			case i < 0:
			case now.Before(run.steps[i].from):
				r.builds = earlier(r.builds, run.steps[i].from)
			default:
				next := *run
				next.row.Made = c.built(r, account, run, now)
				r.references.runs.put(e, &next, now, now)
			}
		}
	}
}

// built is the image of a run, with its copies and grants.
func (c *Cloud) built(r *region, account image.AccountID, run *runState, now time.Time) image.ID {
	_, pipeline := r.references.pipelines.owned(account, run.row.Pipeline)
	var p PipelineRow
	if pipeline != nil {
		p = pipeline.row
	}
	img := c.inherited(run.base, "", nil).img
	if parent := c.ever(run.base); parent != nil {
		img.ProductCode, img.SizeGiB = parent.img.ProductCode, parent.img.SizeGiB
	}
	img.Name, img.Family, img.Tags = cmp.Or(p.ImageName, run.row.Pipeline)+"_"+run.row.ID, p.ImageFamily, tagMap(p.ImageTags)
	img.SizeGiB, img.NVMe = max(img.SizeGiB, p.SystemDiskGiB), cmp.Or(supportedOnly(p.NVMe), img.NVMe)
	spec := ImageSpec{Image: img, SharedWith: p.AddAccounts, Parent: run.base}
	r.settle(now)
	id := c.addImage(r, account, spec, now, c.random)
	for _, to := range p.ToRegions {
		if other := c.regions[to]; other != nil && other != r {
			copied := ImageSpec{Image: img, SharedWith: p.AddAccounts, Parent: image.Ref{Account: account, Region: r.id, ID: id}}
			copied.Image.Copied = true
			other.settle(now)
			c.addImage(other, account, copied, now, c.random)
		}
	}
	return id
}

// supportedOnly drops auto, which leaves it to the build.
func supportedOnly(nvme string) string {
	if nvme == "supported" || nvme == "unsupported" {
		return nvme
	}
	return ""
}

// cancelTime is how long a run takes to be given up.
const cancelTime = 30 * time.Second

// CancelImagePipelineExecution gives up a run that has not built yet. Refusals:
// MissingParameter, InvalidRegionId.NotFound,
// InvalidImagePipelineExecution.NotFound, InvalidStatus.CancelFailed for one that
// is over, InvalidStatus.ImagePipelineExecution for one that has come too far.
func (s *Session) CancelImagePipelineExecution(regionID image.RegionID, id string) error {
	if err := s.permit("CancelImagePipelineExecution"); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	if id == "" {
		return missing("ExecutionId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[regionID], c.now()
	c.build(r, now)
	e, run := r.references.runs.owned(s.caller.Account, id)
	if run == nil {
		return refuse(404, "InvalidImagePipelineExecution.NotFound", "The specified execution does not exist.")
	}
	switch row := run.at(now); {
	case row.over():
		return wrongState(400, "InvalidStatus.CancelFailed", "The execution is over.")
	case !slices.Contains([]string{"PREPARING", "REPAIRING", "BUILDING"}, row.Status):
		return wrongState(403, "InvalidStatus.ImagePipelineExecution", "The execution cannot be cancelled any more.")
	}
	next := *run
	next.steps = []runStep{{now, "CANCELLING"}, {now.Add(cancelTime), "CANCELLED"}}
	r.references.runs.put(e, &next, now, now)
	return nil
}

type componentState struct{ row ComponentRow }

// ComponentRow is one image component as DescribeImageComponents shows it.
type ComponentRow struct {
	ID, Name, Description string
	// SystemType is Linux or Windows, Type Build or Test, Version x.y.z.
	SystemType, Type, Version string
	Content                   string
	CreatedAt                 time.Time
	Tags                      image.Tags
}

// CreateImageComponentRequest are the parameters of CreateImageComponent.
type CreateImageComponentRequest struct {
	RegionID  image.RegionID
	Component ComponentRow
	Tags      []Tag
}

// CreateImageComponent makes a component and returns its id. Refusals:
// MissingParameter, InvalidRegionId.NotFound, MissingParameter.Content,
// InvalidContent.LengthExceeded, InvalidName.Malformed, InvalidParameter,
// NotSupportedCommand.FROM, InvalidComponentVersion.Exist.
func (s *Session) CreateImageComponent(req CreateImageComponentRequest) (string, error) {
	if err := s.permit("CreateImageComponent"); err != nil {
		return "", err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkComponent(req.Component), checkNewTags(req.Tags)); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	row := req.Component
	row.ID, row.CreatedAt, row.Tags = c.random.id("ic", r.infix), now.Truncate(time.Second), tagMap(req.Tags)
	row.Name, row.SystemType, row.Type = cmp.Or(row.Name, row.ID), cmp.Or(row.SystemType, "Linux"), cmp.Or(row.Type, "Build")
	namesakes := listedOf(&r.references.components, s.caller.Account, func(x *componentState) bool { return x.row.Name == row.Name })
	if row.Version == "" {
		highest := 0
		for _, x := range namesakes {
			major, _, _ := strings.Cut(x.row.Version, ".")
			n, _ := strconv.Atoi(major) // checkComponent has read it
			highest = max(highest, n)
		}
		row.Version = fmt.Sprintf("%d.0.0", highest+1)
	}
	if slices.ContainsFunc(namesakes, func(x *componentState) bool { return x.row.Version == row.Version }) {
		return "", refuseAs(fault.Conflict, 403, "InvalidComponentVersion.Exist", "The component version exists already.")
	}
	enter(&r.references.components, row.ID, s.caller.Account, row.CreatedAt, &componentState{row}, now)
	return row.ID, nil
}

func checkComponent(row ComponentRow) error {
	var x, y, z uint16
	_, err := fmt.Sscanf(row.Version, "%d.%d.%d", &x, &y, &z)
	switch {
	case row.Content == "":
		return malformed(400, "MissingParameter.Content", "The parameter Content is required.")
	case len(row.Content) > longestContent:
		return malformed(400, "InvalidContent.LengthExceeded", "The specified Content is too long.")
	case strings.HasPrefix(row.Content, "FROM "):
		return refuseAs(fault.Invalid, 404, "NotSupportedCommand.FROM", "The command FROM is not supported.")
	case row.Name != "" && !wellNamed(row.Name):
		return malformed(400, "InvalidName.Malformed", "The specified Name is not valid.")
	case row.Version != "" && err != nil,
		!slices.Contains([]string{"", "Linux", "Windows"}, row.SystemType), !slices.Contains([]string{"", "Build", "Test"}, row.Type):
		return malformed(400, "InvalidParameter", "The specified parameter is not valid.")
	}
	return nil
}

// DescribeImageComponentsRequest are the parameters of DescribeImageComponents: 1
// to 500 rows to a page, 50 when absent.
type DescribeImageComponentsRequest struct {
	RegionID image.RegionID
	IDs      []string
	// Version may end in *, and goes with Name alone.
	Name, Version, SystemType, Type string
	// Owner is SELF or ALIYUN; the vendor's components are none here.
	Owner         string
	ResourceGroup string
	Tags          []Tag
	Next          string
	MaxResults    int
}

// ComponentsPage is one page of DescribeImageComponents.
type ComponentsPage struct {
	Components        []ComponentRow
	Next              string
	Total, MaxResults int
}

// DescribeImageComponents lists the caller's image components, newest first.
// Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidParameter,
// InvalidParameter.Owner, InvalidImageComponentIdSize.ExceededMaxNumber,
// Invalid.NextToken.
func (s *Session) DescribeImageComponents(req DescribeImageComponentsRequest) (ComponentsPage, error) {
	if err := s.permit("DescribeImageComponents"); err != nil {
		return ComponentsPage{}, err
	}
	if err := cmp.Or(checkPipelines(req.RegionID, &req.MaxResults), checkTagQuery(req.Tags)); err != nil {
		return ComponentsPage{}, err
	}
	switch {
	case !slices.Contains([]string{"", "SELF", "ALIYUN"}, req.Owner):
		return ComponentsPage{}, malformed(400, "InvalidParameter.Owner", "The specified Owner is not valid.")
	case len(req.IDs) > 20:
		return ComponentsPage{}, malformed(400, "InvalidImageComponentIdSize.ExceededMaxNumber", "The specified parameter names more than 20.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := listedOf(&c.regions[req.RegionID].references.components, s.caller.Account, func(x *componentState) bool { return req.wants(&x.row) })
	next, size := req.Next, req.MaxResults
	req.Next, req.MaxResults = "", 0
	rows, token, err := pipelineTokens(found, func(x *componentState) string { return x.row.ID }, s.scope("components", req), next, size)
	page := ComponentsPage{Next: token, Total: len(found), MaxResults: size}
	for _, x := range rows {
		row := x.row
		row.Tags = maps.Clone(row.Tags)
		page.Components = append(page.Components, row)
	}
	return page, err
}

func (req *DescribeImageComponentsRequest) wants(row *ComponentRow) bool {
	return req.Owner != "ALIYUN" && req.ResourceGroup == "" && among(req.IDs, row.ID) && (req.Name == "" || req.Name == row.Name) &&
		(req.Version == "" || req.Name == "" || globs(req.Version, row.Version)) && (req.SystemType == "" || req.SystemType == row.SystemType) &&
		(req.Type == "" || req.Type == row.Type) && hasTags(row.Tags, req.Tags)
}

// DeleteImageComponent deletes a component that no pipeline builds with. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidImageComponent.NotFound,
// InvalidImageComponent.InUse.
func (s *Session) DeleteImageComponent(regionID image.RegionID, id string) error {
	if err := s.permit("DeleteImageComponent"); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	if id == "" {
		return missing("ImageComponentId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[regionID], c.now()
	e, state := r.references.components.owned(s.caller.Account, id)
	users := listedOf(&r.references.pipelines, s.caller.Account, func(p *pipelineState) bool { return slices.Contains(componentsOf(p.row.BuildContent), id) })
	switch {
	case state == nil:
		return refuse(404, "InvalidImageComponent.NotFound", "The specified image component does not exist.")
	case len(users) > 0:
		return wrongState(403, "InvalidImageComponent.InUse", "The image component is used by an image pipeline.")
	}
	r.references.components.put(e, nil, now, now)
	r.references.components.settle(now)
	return nil
}
