package cloudsim

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// references are a region's things that name images without running them.
type references struct {
	templates      table[templateState]
	groups         table[groupState]
	configurations table[configurationState]
	pipelines      table[pipelineState]
	runs           table[runState]
	components     table[componentState]
}

// States are never changed, only replaced.
type (
	templateState struct {
		row      LaunchTemplateRow
		versions []TemplateVersionRow // newest first
	}

	groupState struct{ row ScalingGroupRow }

	configurationState struct{ row ScalingConfigurationRow }

	pipelineState struct{ row PipelineRow }

	runState struct {
		row PipelineRunRow
		// steps are what becomes of its status by time alone, in their order.
		steps []runStep
		// base is what it is made from.
		base image.Ref
	}
)

func newReferences() references {
	return references{
		newTable[templateState](), newTable[groupState](), newTable[configurationState](), newTable[pipelineState](), newTable[runState](), newTable[componentState](),
	}
}

// enter puts something new into a table, seen at once.
func enter[T any](t *table[T], id string, owner image.AccountID, created time.Time, state *T, now time.Time) {
	e := &entry[T]{id: id, owner: owner, created: created}
	t.add(e)
	t.put(e, state, now, now)
}

// listedOf returns the states of an owner that are there and wanted, newest first.
func listedOf[T any](t *table[T], owner image.AccountID, wanted func(*T) bool) []*T {
	var found []*T
	for _, e := range t.of(owner).rows {
		if state := e.truth(); state != nil && wanted(state) {
			found = append(found, state)
		}
	}
	return found
}

// among: no names ask for all.
func among(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

// template returns one of the account's templates by id, else by name.
func (r *region) template(account image.AccountID, id, name string) *templateState {
	found := listedOf(&r.references.templates, account, func(t *templateState) bool {
		return t.row.ID == id || id == "" && t.row.Name == name
	})
	if len(found) == 0 {
		return nil
	}
	return found[0]
}

// checkTemplateRegion refuses a region in the way of the template operations.
func checkTemplateRegion(id image.RegionID) error {
	if id == "" {
		return missing("RegionId")
	}
	if _, ok := placeOf(id); !ok {
		return refuseAs(fault.NotFound, 400, "InvalidRegion.NotExist", "The specified RegionId does not exist.")
	}
	return nil
}

// templatesPage is the largest page of the template operations; source:
// DescribeLaunchTemplates PageSize.
const templatesPage = 50

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

// DescribeLaunchTemplates lists the caller's launch templates, newest first.
// Refusals: MissingParameter, InvalidRegion.NotExist, InvalidParameter.
func (s *Session) DescribeLaunchTemplates(req DescribeLaunchTemplatesRequest) (LaunchTemplatesPage, error) {
	if err := s.permit("DescribeLaunchTemplates"); err != nil {
		return LaunchTemplatesPage{}, err
	}
	if err := cmp.Or(checkTemplateRegion(req.RegionID), checkTagQuery(req.Tags)); err != nil {
		return LaunchTemplatesPage{}, err
	}
	mark, err := pageMark(req.Pages, templatesPage)
	if err != nil {
		return LaunchTemplatesPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := listedOf(&c.regions[req.RegionID].references.templates, s.caller.Account, func(t *templateState) bool {
		return among(req.IDs, t.row.ID) && among(req.Names, t.row.Name) && req.ResourceGroup == "" && hasTags(t.row.Tags, req.Tags)
	})
	mark.Total = len(found)
	page := LaunchTemplatesPage{PageMark: mark}
	for _, t := range cut(found, mark) {
		row := t.row
		row.Tags = cloneTags(row.Tags)
		page.Templates = append(page.Templates, row)
	}
	return page, nil
}

// TemplateVersionRow is one version as DescribeLaunchTemplateVersions shows it.
type TemplateVersionRow struct {
	image.TemplateVersion
	CreatedAt    time.Time
	InstanceType image.InstanceTypeID
	// ImageAlias is the image's owner as DescribeImages names it.
	ImageAlias string
	SystemDisk NewDisk
	DataDisks  []NewDisk
	// SecurityGroups and Tags are those of what is launched; Further are the other
	// parameters that RunInstances takes, as they were given, by name.
	SecurityGroups []string
	Tags           []Tag
	Further        map[string]string
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

// DescribeLaunchTemplateVersions lists the versions of one template, newest
// first. Refusals: MissingParameter, InvalidRegion.NotExist, InvalidParameter,
// InvalidLaunchTemplate.NotFound.
func (s *Session) DescribeLaunchTemplateVersions(req DescribeLaunchTemplateVersionsRequest) (TemplateVersionsPage, error) {
	if err := s.permit("DescribeLaunchTemplateVersions"); err != nil {
		return TemplateVersionsPage{}, err
	}
	if err := checkTemplateRegion(req.RegionID); err != nil {
		return TemplateVersionsPage{}, err
	}
	if req.TemplateID == "" && req.TemplateName == "" {
		return TemplateVersionsPage{}, missing("LaunchTemplateId")
	}
	mark, err := pageMark(req.Pages, templatesPage)
	if err != nil || req.Least < 0 || req.Most < 0 || slices.ContainsFunc(req.Versions, func(n int) bool { return n < 1 }) {
		return TemplateVersionsPage{}, malformed(400, "InvalidParameter", "The specified parameter is not valid.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	template := c.regions[req.RegionID].template(s.caller.Account, req.TemplateID, req.TemplateName)
	if template == nil {
		return TemplateVersionsPage{}, refuse(404, "InvalidLaunchTemplate.NotFound", "The specified LaunchTemplate is not found.")
	}
	var found []TemplateVersionRow
	for _, v := range template.versions {
		if req.wants(v) {
			v.Account, v.DataDisks = s.caller.Account, slices.Clone(v.DataDisks)
			v.SecurityGroups, v.Tags, v.Further = slices.Clone(v.SecurityGroups), slices.Clone(v.Tags), maps.Clone(v.Further)
			found = append(found, v)
		}
	}
	mark.Total = len(found)
	return TemplateVersionsPage{Versions: cut(found, mark), PageMark: mark}, nil
}

func (req *DescribeLaunchTemplateVersionsRequest) wants(v TemplateVersionRow) bool {
	return (req.Versions == nil || slices.Contains(req.Versions, v.Version)) && v.Version >= req.Least &&
		(req.Most == 0 || v.Version <= req.Most) && (!req.DefaultVersion || v.Default)
}

// permitESS refuses unless the caller may do the operation of ESS.
func (s *Session) permitESS(operation string) error {
	if action := "ess:" + operation; !s.caller.may(action, "") {
		return denied(action)
	}
	return nil
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
	CreatedAt, ModifiedAt       time.Time
	// Members are the instances that are in it.
	Members []ScalingMember
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

// DescribeScalingGroups lists the caller's scaling groups, newest first.
// Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidParameter.
func (s *Session) DescribeScalingGroups(req DescribeScalingGroupsRequest) (ScalingGroupsPage, error) {
	if err := s.permitESS("DescribeScalingGroups"); err != nil {
		return ScalingGroupsPage{}, err
	}
	mark, err := checkScaling(req.RegionID, req.Pages, 20, req.IDs, req.Names)
	if err != nil {
		return ScalingGroupsPage{}, err
	}
	if !slices.Contains([]string{"", "ECS", "ECI"}, req.GroupType) {
		return ScalingGroupsPage{}, malformed(400, "InvalidParameter", "The specified parameter GroupType is not valid.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := listedOf(&c.regions[req.RegionID].references.groups, s.caller.Account, func(g *groupState) bool {
		return among(req.IDs, g.row.ID) && among(req.Names, g.row.Name) && req.GroupType != "ECI" && req.ResourceGroup == "" && len(req.Tags) == 0
	})
	mark.Total = len(found)
	page := ScalingGroupsPage{PageMark: mark}
	for _, g := range cut(found, mark) {
		row := g.row
		row.Members = slices.Clone(row.Members)
		page.Groups = append(page.Groups, row)
	}
	return page, nil
}

// checkScaling checks what the operations of ESS have in common; source:
// DescribeScalingGroups and DescribeScalingConfigurations.
func checkScaling(regionID image.RegionID, pages Pages, most int, lists ...[]string) (PageMark, error) {
	if err := checkRegion(regionID); err != nil {
		return PageMark{}, err
	}
	for _, list := range lists {
		if len(list) > most {
			return PageMark{}, malformed(400, "InvalidParameter", "The specified parameter names more than %d.", most)
		}
	}
	return pageMark(pages, 50)
}

// ScalingConfigurationRow is one configuration as ESS's
// DescribeScalingConfigurations shows it.
type ScalingConfigurationRow struct {
	image.ScalingConfiguration
	ImageName    string
	ImageAlias   string
	InstanceType image.InstanceTypeID
	CreatedAt    time.Time
	SystemDisk   NewDisk
	DataDisks    []NewDisk
	// SecurityGroups are those of what is launched; Further are other parameters, as
	// they were given, by name.
	SecurityGroups []string
	Further        map[string]string
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

// DescribeScalingConfigurations lists the caller's scaling configurations,
// newest first. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidParameter, InvalidScalingGroupId.NotFound.
func (s *Session) DescribeScalingConfigurations(req DescribeScalingConfigurationsRequest) (ScalingConfigurationsPage, error) {
	if err := s.permitESS("DescribeScalingConfigurations"); err != nil {
		return ScalingConfigurationsPage{}, err
	}
	mark, err := checkScaling(req.RegionID, req.Pages, 10, req.IDs, req.Names)
	if err != nil {
		return ScalingConfigurationsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	refs := &c.regions[req.RegionID].references
	if _, group := refs.groups.owned(s.caller.Account, req.GroupID); req.GroupID != "" && group == nil {
		return ScalingConfigurationsPage{}, refuse(404, "InvalidScalingGroupId.NotFound", "The specified scaling group does not exist.")
	}
	found := listedOf(&refs.configurations, s.caller.Account, func(sc *configurationState) bool {
		return among(req.IDs, sc.row.ID) && among(req.Names, sc.row.Name) && (req.GroupID == "" || req.GroupID == sc.row.Group)
	})
	mark.Total = len(found)
	page := ScalingConfigurationsPage{PageMark: mark}
	for _, sc := range cut(found, mark) {
		row := sc.row
		row.Account, row.DataDisks = s.caller.Account, slices.Clone(row.DataDisks)
		row.SecurityGroups, row.Further = slices.Clone(row.SecurityGroups), maps.Clone(row.Further)
		page.Configurations = append(page.Configurations, row)
	}
	return page, nil
}

// pipelinesPage is the largest page of the pipeline operations, and what is
// given when nothing is asked for.
const pipelinesPage, pipelinesDefault = 500, 50

// pipelineTokens cuts a list by token. Tokens are places in the list, which for
// one caller and one set of filters only grows at its end that is newest.
func pipelineTokens[T any](rows []*T, id func(*T) string, scope, next string, size int) ([]*T, string, error) {
	from := 0
	if next != "" {
		after, ok := strings.CutPrefix(next, strconv.FormatUint(mix(0, scope), 36)+".")
		at := slices.IndexFunc(rows, func(row *T) bool { return id(row) == after })
		if !ok || at < 0 {
			return nil, "", malformed(403, "Invalid.NextToken", "The specified NextToken is invalid.")
		}
		from = at + 1
	}
	page := rows[from:min(from+size, len(rows))]
	if from+size < len(rows) {
		return page, strconv.FormatUint(mix(0, scope), 36) + "." + id(page[len(page)-1]), nil
	}
	return page, "", nil
}

func checkPipelines(regionID image.RegionID, maxResults *int) error {
	if err := checkRegion(regionID); err != nil {
		return err
	}
	*maxResults = orDefault(*maxResults, pipelinesDefault)
	if *maxResults < 1 || *maxResults > pipelinesPage {
		return malformed(400, "InvalidParameter", "The specified parameter \"MaxResults\" is not valid.")
	}
	return nil
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
	PipelineDetails
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

// DescribeImagePipelines lists the caller's image pipelines, newest first.
// Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidParameter,
// Invalid.NextToken.
func (s *Session) DescribeImagePipelines(req DescribeImagePipelinesRequest) (PipelinesPage, error) {
	if err := s.permit("DescribeImagePipelines"); err != nil {
		return PipelinesPage{}, err
	}
	if err := cmp.Or(checkPipelines(req.RegionID, &req.MaxResults), checkTagQuery(req.Tags)); err != nil {
		return PipelinesPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := listedOf(&c.regions[req.RegionID].references.pipelines, s.caller.Account, func(p *pipelineState) bool {
		return among(req.IDs, p.row.ID) && (req.Name == "" || req.Name == p.row.Name) && req.ResourceGroup == "" && hasTags(p.row.Tags, req.Tags)
	})
	next, size := req.Next, req.MaxResults
	req.Next, req.MaxResults = "", 0
	rows, token, err := pipelineTokens(found, func(p *pipelineState) string { return p.row.ID }, s.scope("pipelines", req), next, size)
	page := PipelinesPage{Next: token, Total: len(found), MaxResults: size}
	for _, p := range rows {
		row := p.row
		row.Account, row.Tags = s.caller.Account, cloneTags(row.Tags)
		page.Pipelines = append(page.Pipelines, row)
	}
	return page, err
}

// runStatuses are the states of a run; source: DescribeImagePipelineExecutions.
func runStatuses() []string {
	return []string{
		"PREPARING", "REPAIRING", "BUILDING", "TESTING", "DISTRIBUTING", "RELEASING", "SUCCESS", "PARTITION_SUCCESS",
		"FAILED", "TEST_FAILED", "CANCELLING", "CANCELLED",
	}
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

// DescribeImagePipelineExecutions lists the runs of one pipeline, newest first,
// or one run. Refusals: MissingParameter, MissingParameter.ImagePipelineId,
// InvalidParameter.Status, InvalidImagePipeline.NotFound, Invalid.NextToken.
func (s *Session) DescribeImagePipelineExecutions(req DescribeImagePipelineExecutionsRequest) (PipelineRunsPage, error) {
	if err := s.permit("DescribeImagePipelineExecutions"); err != nil {
		return PipelineRunsPage{}, err
	}
	if err := checkRuns(&req); err != nil {
		return PipelineRunsPage{}, err
	}
	c := s.cloud
	c.lapse(req.RegionID)
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	refs := &c.regions[req.RegionID].references
	if _, p := refs.pipelines.owned(s.caller.Account, req.PipelineID); req.PipelineID != "" && p == nil {
		return PipelineRunsPage{}, refuse(404, "InvalidImagePipeline.NotFound", "The specified image pipeline does not exist.")
	}
	found := listedOf(&refs.runs, s.caller.Account, func(run *runState) bool { row := run.at(now); return req.wants(&row) })
	next, size := req.Next, req.MaxResults
	req.Next, req.MaxResults = "", 0
	rows, token, err := pipelineTokens(found, func(run *runState) string { return run.row.ID }, s.scope("runs", req), next, size)
	page := PipelineRunsPage{Next: token, Total: len(found), MaxResults: size}
	for _, run := range rows {
		page.Runs = append(page.Runs, run.at(now))
	}
	return page, err
}

func checkRuns(req *DescribeImagePipelineExecutionsRequest) error {
	if err := checkPipelines(req.RegionID, &req.MaxResults); err != nil {
		return err
	}
	for status := range strings.SplitSeq(req.Status, ",") {
		if status != "" && !slices.Contains(runStatuses(), status) {
			return malformed(400, "InvalidParameter.Status", "The specified Status is invalid.")
		}
	}
	if req.PipelineID == "" && req.ExecutionID == "" {
		return malformed(400, "MissingParameter.ImagePipelineId", "The parameter ImagePipelineId is required.")
	}
	return nil
}

// wants reports whether the run passes the request's filters.
func (req *DescribeImagePipelineExecutionsRequest) wants(row *PipelineRunRow) bool {
	return (req.PipelineID == "" || req.PipelineID == row.Pipeline) && (req.ExecutionID == "" || req.ExecutionID == row.ID) &&
		(req.Status == "" || slices.Contains(strings.Split(req.Status, ","), row.Status)) && len(req.Tags) == 0
}
