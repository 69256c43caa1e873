package cloudsim

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Tag is one key and value in the order in which a request gave them.
type Tag struct{ Key, Value string }

// maxTags is how many tags one resource bears at most.
const maxTags = 20

// tagPage is the size of a page of ListTagResources, which the server chooses.
const tagPage = 50

// absent is how the tag operations answer for a missing parameter: with 404.
func absent(name string) *Refusal {
	return refuseAs(fault.Invalid, 404, "MissingParameter."+name, "The parameter - %s should not be null", name)
}

// checkTagTarget checks what all tag operations have in common.
func checkTagTarget(region image.RegionID, resourceType string, ids int) error {
	_, ok := placeOf(region)
	switch {
	case region == "":
		return absent("RegionId")
	case !ok:
		return refuse(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
	case resourceType == "":
		return absent("ResourceType")
	case !slices.Contains(resourceTypes(), resourceType):
		return refuseAs(fault.Invalid, 404, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	case ids > 50:
		return malformed(400, "NumberExceed.ResourceIds", "The ResourceIds parameter's number is exceed , Valid : 50")
	}
	return nil
}

// resourceTypes are the types that can bear tags here.
func resourceTypes() []string { return []string{"disk", "image", "instance", "snapshot"} }

// TagResourcesRequest are the parameters of TagResources. ResourceType is
// image, instance, disk or snapshot.
type TagResourcesRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceIDs  []string
	Tags         []Tag
}

// TagResources gives resources of the caller tags; a key that is there gets the
// new value. All or nothing. Refusals: MissingParameter.* (404),
// NumberExceed.*, Duplicate.TagKey, TagKey.Duplication, InvalidTagKey.Malformed,
// InvalidTagValue.Malformed, InvalidResourceType.NotFound,
// InvalidResourceId.NotFound, InvalidResourceId.NotSupported and
// OperationDenied.QuotaExceed.
func (s *Session) TagResources(req TagResourcesRequest) error {
	if err := s.permit("TagResources", req.ResourceType+"/*"); err != nil {
		return err
	}
	if err := checkTagTarget(req.RegionID, req.ResourceType, len(req.ResourceIDs)); err != nil {
		return err
	}
	switch {
	case len(req.ResourceIDs) == 0:
		return absent("ResourceIds")
	case len(req.Tags) == 0:
		return absent("Tags")
	case len(req.Tags) > maxTags:
		return malformed(400, "NumberExceed.Tags", "The Tags parameter's number is exceed , Valid : 20")
	}
	if err := cmp.Or(checkNewTags(req.Tags), checkFolded(req.Tags)); err != nil {
		return err
	}
	return s.retag(req.RegionID, req.ResourceType, req.ResourceIDs, func(tags image.Tags) (image.Tags, error) { return added(tags, req.Tags) })
}

// checkFolded refuses keys that differ in case only.
func checkFolded(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if key := strings.ToLower(t.Key); seen[key] {
			return malformed(403, "TagKey.Duplication", "The TagKey has duplication with others, case-insensitive.")
		}
		seen[strings.ToLower(t.Key)] = true
	}
	return nil
}

// LegacyTagsRequest are the parameters of AddTags and RemoveTags, the old way to
// tag one resource.
type LegacyTagsRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceID   string
	Tags         []Tag
}

func (req *LegacyTagsRequest) check() error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case req.ResourceID == "":
		return missing("ResourceId")
	case !slices.Contains(resourceTypes(), req.ResourceType):
		return refuse(404, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	case len(req.Tags) == 0 || len(req.Tags) > maxTags:
		return malformed(400, "InvalidTagCount", "The specified tags are beyond the permitted range.")
	}
	return nil
}

// AddTags gives one resource tags; a key that is there gets the new value.
// Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidResourceType.NotFound, InvalidTagCount and those of the tags.
func (s *Session) AddTags(req LegacyTagsRequest) error {
	if err := s.permit("AddTags"); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	if err := cmp.Or(checkNewTags(req.Tags), checkFolded(req.Tags)); err != nil {
		return err
	}
	return s.retag(req.RegionID, req.ResourceType, []string{req.ResourceID}, func(tags image.Tags) (image.Tags, error) { return added(tags, req.Tags) })
}

// RemoveTags takes tags from one resource: those of the key and value, or, of a
// key without a value, whatever value it has. Refusals as AddTags'.
func (s *Session) RemoveTags(req LegacyTagsRequest) error {
	if err := s.permit("RemoveTags"); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	return s.retag(req.RegionID, req.ResourceType, []string{req.ResourceID}, func(tags image.Tags) (image.Tags, error) {
		next := maps.Clone(tags)
		maps.DeleteFunc(next, func(key, value string) bool {
			return slices.ContainsFunc(req.Tags, func(t Tag) bool { return t.Key == key && (t.Value == "" || t.Value == value) })
		})
		return next, nil
	})
}

// added are tags with others beside, unless there are too many.
func added(tags image.Tags, more []Tag) (image.Tags, error) {
	next := maps.Clone(tags)
	if next == nil {
		next = image.Tags{}
	}
	maps.Copy(next, tagMap(more))
	if len(next) > maxTags {
		return nil, overQuota(400, "OperationDenied.QuotaExceed", "The quota of tags on resource is beyond permitted range.")
	}
	return next, nil
}

// UntagResourcesRequest are the parameters of UntagResources.
type UntagResourcesRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceIDs  []string
	TagKeys      []string
	All          bool
}

// UntagResources takes tags from resources of the caller: the keys given, or,
// if none is given and All is set, all. Refusals as of TagResources, and
// MissingParameter.Tags.
func (s *Session) UntagResources(req UntagResourcesRequest) error {
	if err := s.permit("UntagResources", req.ResourceType+"/*"); err != nil {
		return err
	}
	if err := checkTagTarget(req.RegionID, req.ResourceType, len(req.ResourceIDs)); err != nil {
		return err
	}
	switch {
	case len(req.ResourceIDs) == 0:
		return absent("ResourceIds")
	case len(req.TagKeys) == 0 && !req.All:
		return absent("Tags")
	case len(req.TagKeys) > maxTags:
		return malformed(400, "NumberExceed.Tags", "The Tags parameter's number is exceed , Valid : 20")
	}
	return s.retag(req.RegionID, req.ResourceType, req.ResourceIDs, func(tags image.Tags) (image.Tags, error) {
		if len(req.TagKeys) == 0 {
			return nil, nil
		}
		next := maps.Clone(tags)
		for _, k := range req.TagKeys {
			delete(next, k)
		}
		return next, nil
	})
}

// retag works out the new tags of every resource, then enters them.
func (s *Session) retag(id image.RegionID, resourceType string, ids []string, next func(image.Tags) (image.Tags, error)) error {
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[id], c.now()
	r.settle(now)
	var enter []func()
	for _, id := range ids {
		bearer := r.bearer(resourceType, id)
		switch {
		case bearer == nil:
			return refuse(404, "InvalidResourceId.NotFound", "The specified ResourceIds are not found in our records.")
		case bearer.owner == SystemOwner || bearer.owner == MarketplaceOwner:
			return wrongState(403, "InvalidResourceId.NotSupported", "The specified ResourceId does not support tagging.")
		case bearer.owner != s.caller.Account:
			return refuse(404, "InvalidResourceId.NotFound", "The specified ResourceIds are not found in our records.")
		}
		tags, err := next(bearer.tags)
		if err != nil {
			return err
		}
		enter = append(enter, func() {
			if c.readings().TagsLate {
				bearer.retag(tags, c.visibleFrom(id, now), now)
				return
			}
			bearer.amend(tags)
		})
	}
	for _, f := range enter {
		f()
	}
	return nil
}

// A bearer is a resource in so far as it bears tags.
type bearer struct {
	owner image.AccountID
	tags  image.Tags
	retag func(tags image.Tags, from, now time.Time)
	// amend is retag for every read from now on.
	amend func(tags image.Tags)
}

// bearer returns the resource as it truly is, nil if there is none.
func (r *region) bearer(resourceType, id string) *bearer {
	switch resourceType {
	case "image":
		return bearerOf(&r.images, id)
	case "instance":
		return bearerOf(&r.instances, id)
	case "disk":
		return bearerOf(&r.disks, id)
	}
	return bearerOf(&r.snapshots, id)
}

// taggable is a state that bears tags and can be had with others.
type taggable[T any] interface {
	*T
	tags() image.Tags
	tagged(image.Tags) *T
}

func bearerOf[T any, P taggable[T]](t *table[T], id string) *bearer {
	e, state := t.live(id)
	if state == nil {
		return nil
	}
	return &bearer{
		owner: e.owner, tags: P(state).tags(),
		retag: func(tags image.Tags, from, now time.Time) { t.put(e, P(e.truth()).tagged(tags), from, now) },
		amend: func(tags image.Tags) { t.amend(e, func(s *T) { *s = *P(s).tagged(tags) }) },
	}
}

func (s *imageState) tags() image.Tags    { return s.img.Tags }
func (s *instanceState) tags() image.Tags { return s.row.Tags }
func (s *diskState) tags() image.Tags     { return s.row.Tags }
func (s *snapshotState) tags() image.Tags { return s.row.Tags }

func (s *imageState) tagged(t image.Tags) *imageState {
	n := *s
	n.img.Tags = t
	return &n
}

func (s *instanceState) tagged(t image.Tags) *instanceState {
	n := *s
	n.row.Tags = t
	return &n
}

func (s *diskState) tagged(t image.Tags) *diskState {
	n := *s
	n.row.Tags = t
	return &n
}

func (s *snapshotState) tagged(t image.Tags) *snapshotState {
	n := *s
	n.row.Tags = t
	return &n
}

// tagsSeen lists the caller's resources of a type with the tags a read at now
// shows, in the order of their ids.
func (r *region) tagsSeen(account image.AccountID, resourceType string, now time.Time) []tagsOf {
	switch resourceType {
	case "image":
		return tagsIn(&r.images, account, now)
	case "instance":
		return tagsIn(&r.instances, account, now)
	case "disk":
		return tagsIn(&r.disks, account, now)
	}
	return tagsIn(&r.snapshots, account, now)
}

type tagsOf struct {
	id   string
	tags image.Tags
}

func tagsIn[T any, P taggable[T]](t *table[T], account image.AccountID, now time.Time) []tagsOf {
	var list []tagsOf
	for _, e := range t.of(account).rows {
		if state := e.seen(now); state != nil && len(P(state).tags()) > 0 {
			list = append(list, tagsOf{e.id, P(state).tags()})
		}
	}
	slices.SortFunc(list, func(a, b tagsOf) int { return strings.Compare(a.id, b.id) })
	return list
}

// TagFilter is one TagFilter.N of ListTagResources: a key and, unless Values
// is empty, the values of which one must be there.
type TagFilter struct {
	Key    string
	Values []string
}

// ListTagResourcesRequest are the parameters of ListTagResources.
type ListTagResourcesRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceIDs  []string
	Tags         []Tag
	TagFilters   []TagFilter
	Next         string
}

// TagRow is one tag of one resource.
type TagRow struct {
	ResourceType string
	ResourceID   string
	Key, Value   string
}

// TagsPage is one page of ListTagResources.
type TagsPage struct {
	Rows []TagRow
	Next string
}

// ListTagResources lists tags of the caller's resources, by id, by tag, or by
// both, in pages whose size the server chooses. Refusals: MissingParameter.*,
// BothEmpty.TagsAndResources, NumberExceed.*, InvalidTagCount, Invalid.NextToken.
func (s *Session) ListTagResources(req ListTagResourcesRequest) (TagsPage, error) {
	if err := s.permit("ListTagResources"); err != nil {
		return TagsPage{}, err
	}
	if err := checkListTags(req); err != nil {
		return TagsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	var rows []TagRow
	for _, res := range r.tagsSeen(s.caller.Account, req.ResourceType, now) {
		if len(req.ResourceIDs) > 0 && !slices.Contains(req.ResourceIDs, res.id) || !hasTags(res.tags, req.Tags) || !passesTags(res.tags, req.TagFilters) {
			continue
		}
		for _, key := range res.tags.Keys() {
			rows = append(rows, TagRow{req.ResourceType, res.id, key, res.tags[key]})
		}
	}
	return cutTags(rows, req.Next)
}

func checkListTags(req ListTagResourcesRequest) error {
	if err := checkTagTarget(req.RegionID, req.ResourceType, len(req.ResourceIDs)); err != nil {
		return err
	}
	if len(req.ResourceIDs)+len(req.Tags)+len(req.TagFilters) == 0 {
		return malformed(403, "BothEmpty.TagsAndResources", "ResourceIds and Tags must not both be empty.")
	}
	for _, f := range req.TagFilters {
		if len(f.Values) > 10 {
			return malformed(403, "NumberExceed.TagValues", "The number of tag values is exceed.")
		}
	}
	return checkTagQuery(req.Tags)
}

// passesTags: each filter's key is there, with one of its values if it has any.
func passesTags(tags image.Tags, filters []TagFilter) bool {
	for _, f := range filters {
		if v, ok := tags[f.Key]; !ok || len(f.Values) > 0 && !slices.Contains(f.Values, v) {
			return false
		}
	}
	return true
}

// cutTags returns the rows after the token, which names the last row shown.
func cutTags(rows []TagRow, token string) (TagsPage, error) {
	from := 0
	if token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		id, key, ok := strings.Cut(string(raw), "\x00")
		if err != nil || !ok {
			return TagsPage{}, malformed(403, "Invalid.NextToken", "The specified NextToken is invalid.")
		}
		for from < len(rows) && cmp.Or(strings.Compare(rows[from].ResourceID, id), strings.Compare(rows[from].Key, key)) <= 0 {
			from++
		}
	}
	to := min(from+tagPage, len(rows))
	page := TagsPage{Rows: rows[from:to]}
	if to < len(rows) {
		last := rows[to-1]
		page.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s\x00%s", last.ResourceID, last.Key))
	}
	return page, nil
}

// DescribeTagsRequest are the parameters of the legacy DescribeTags, which
// counts resources per tag. At most 100 per page, 50 when absent.
type DescribeTagsRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceID   string
	Tags         []Tag
	Pages        Pages
}

// TagCount is one tag and how many resources of each type bear it.
type TagCount struct {
	Key, Value string
	Images     int
	Instances  int
	Disks      int
	Snapshots  int
}

// TagCountsPage is one page of DescribeTags.
type TagCountsPage struct {
	Tags []TagCount
	PageMark
}

// DescribeTags is the legacy list of tags in use, by key and value, with how
// many resources bear each. Refusals: MissingParameter.*,
// InvalidRegionId.NotFound, InvalidResourceType.NotFound, InvalidTagCount.
func (s *Session) DescribeTags(req DescribeTagsRequest) (TagCountsPage, error) {
	if err := s.permit("DescribeTags"); err != nil {
		return TagCountsPage{}, err
	}
	types := resourceTypes()
	if req.ResourceType != "" || req.ResourceID != "" {
		types = []string{req.ResourceType}
	}
	if err := cmp.Or(checkTagTarget(req.RegionID, types[0], 0), checkTagQuery(req.Tags)); err != nil {
		return TagCountsPage{}, err
	}
	req.Pages.Size = orDefault(req.Pages.Size, 50)
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return TagCountsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	counts := map[Tag]*TagCount{}
	for _, kind := range types {
		c.regions[req.RegionID].countTags(counts, s.caller.Account, kind, req, c.now())
	}
	rows := make([]TagCount, 0, len(counts))
	for _, n := range counts {
		rows = append(rows, *n)
	}
	slices.SortFunc(rows, func(a, b TagCount) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
	})
	mark.Total = len(rows)
	return TagCountsPage{cut(rows, mark), mark}, nil
}

func (r *region) countTags(counts map[Tag]*TagCount, account image.AccountID, resourceType string, req DescribeTagsRequest, now time.Time) {
	for _, res := range r.tagsSeen(account, resourceType, now) {
		if req.ResourceID != "" && req.ResourceID != res.id || !hasTags(res.tags, req.Tags) {
			continue
		}
		for key, value := range res.tags {
			n := counts[Tag{key, value}]
			if n == nil {
				n = &TagCount{Key: key, Value: value}
				counts[Tag{key, value}] = n
			}
			switch resourceType {
			case "image":
				n.Images++
			case "instance":
				n.Instances++
			case "disk":
				n.Disks++
			default:
				n.Snapshots++
			}
		}
	}
}

// JoinGroupRequest are the parameters of JoinResourceGroup.
type JoinGroupRequest struct {
	RegionID                 image.RegionID
	ResourceType, ResourceID string
	Group                    string
}

// JoinResourceGroup puts an image of the caller into a resource group; other things
// have no group here. Refusals: MissingParameter, InvalidResourceType.NotFound,
// InvalidResourceGroup.NotFound, InvalidImageId.NotFound.
func (s *Session) JoinResourceGroup(req JoinGroupRequest) error {
	if err := s.permit("JoinResourceGroup"); err != nil {
		return err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case req.ResourceID == "":
		return missing("ResourceId")
	case req.Group == "":
		return missing("ResourceGroupId")
	case req.ResourceType != "image":
		return refuse(404, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	case !strings.HasPrefix(req.Group, "rg-"):
		return refuse(404, "InvalidResourceGroup.NotFound", "The ResourceGroup provided does not exist in our records.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	e, state := r.images.owned(s.caller.Account, req.ResourceID)
	if state == nil {
		return refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	}
	next := *state
	next.img.ResourceGroup = req.Group
	r.images.put(e, &next, c.visibleFrom(e.id, now), now)
	return nil
}
