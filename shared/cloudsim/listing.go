package cloudsim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/image"
)

// tagSearchCap is how many rows a search by tags finds at most.
const tagSearchCap = 1000

// listings remember which entries answered a listing, so that its next page
// need not look at all of them again. They have a lock of their own because
// readers fill them.
type listings struct {
	mu   sync.Mutex
	kept map[string]listed
}

// listed is one answer and how long it holds.
type listed struct {
	generation uint64
	at, until  time.Time // until zero: as long as nothing is written
	entries    []*entry[imageState]
}

// listingsKept bounds how many answers are remembered per region.
const listingsKept = 32

func (l *listings) get(key string, generation uint64, now time.Time) ([]*entry[imageState], bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.kept[key]
	if !ok || k.generation != generation || now.Before(k.at) || !k.until.IsZero() && !now.Before(k.until) {
		return nil, false
	}
	return k.entries, true
}

func (l *listings) put(key string, k listed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil || len(l.kept) >= listingsKept {
		l.kept = map[string]listed{}
	}
	l.kept[key] = k
}

// StatusAll, alone in DescribeImagesRequest.Statuses, asks for every state.
const StatusAll image.Status = "ALL"

// The owner aliases of DescribeImages.
const (
	AliasSystem      = "system"
	AliasSelf        = "self"
	AliasOthers      = "others"
	AliasMarketplace = "marketplace"
)

// Filter is one Filter.N of a request.
type Filter struct{ Key, Value string }

// DescribeImagesRequest are the parameters of DescribeImages.
type DescribeImagesRequest struct {
	RegionID image.RegionID
	// Statuses: none means Available only; StatusAll stands alone.
	Statuses []image.Status
	// ImageIDs are at most 100.
	ImageIDs []image.ID
	// ImageName matches a part of the name.
	ImageName     string
	ImageFamily   image.Family
	OwnerAlias    string
	OwnerID       image.AccountID
	SnapshotID    image.SnapshotID
	InstanceType  image.InstanceTypeID
	IOOptimized   image.Tri
	CloudInit     image.Tri
	OSType        string
	Architecture  string
	Usage         string
	IsPublic      image.Tri
	Usable        image.Tri
	ActionType    string
	ResourceGroup string
	ShowExpired   bool
	Tags          []Tag
	Filters       []Filter
	DryRun        bool
	Pages         Pages
}

// DescribeImagesPage is one page of DescribeImages.
type DescribeImagesPage struct {
	Images []ImageRow
	PageMark
}

// DescribeImages lists what the caller sees in a region, newest first within
// own, shared and public images: Available ones only unless asked, ten to a
// page, Marketplace and community images only when asked. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidParamter and the codes of
// the single parameters.
func (s *Session) DescribeImages(req DescribeImagesRequest) (DescribeImagesPage, error) {
	c := s.cloud
	// Own images need the permission; listings of system or others' images
	// ignore RAM; source: DescribeImages ImageOwnerAlias.
	if req.OwnerAlias != AliasSystem && req.OwnerAlias != AliasOthers || c.readings().ListingsAuthorised {
		if err := s.permit("DescribeImages"); err != nil {
			return DescribeImagesPage{}, err
		}
	}
	test, err := readImageQuery(req)
	if err != nil {
		return DescribeImagesPage{}, err
	}
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return DescribeImagesPage{}, err
	}
	if req.DryRun {
		return DescribeImagesPage{}, c.dryRun()
	}
	c.lapse(req.RegionID)
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	found := c.find(r, s.caller.Account, req, test, now)
	mark.Total = len(found)
	rows := cut(found, mark)
	page := DescribeImagesPage{Images: make([]ImageRow, 0, len(rows)), PageMark: mark}
	for _, e := range rows {
		page.Images = append(page.Images, c.view(r, e.seen(now), s.caller.Account, now))
	}
	return page, nil
}

// find returns the entries that answer the request, from memory if it can.
func (c *Cloud) find(r *region, viewer image.AccountID, req DescribeImagesRequest, test imageTest, now time.Time) []*entry[imageState] {
	req.Pages = Pages{}
	key := fmt.Sprintf("%s %+v", viewer, req)
	if found, ok := r.listings.get(key, r.generation, now); ok {
		return found
	}
	if c.readings().SingleImageID && len(req.ImageIDs) > 1 {
		return nil
	}
	community := req.OwnerAlias == AliasOthers && req.IsPublic == image.Yes
	wanted := func(e *entry[imageState]) bool {
		state := e.seen(now)
		return state != nil && state.reaches(viewer, community) && test.accepts(c, r, state, viewer, now)
	}
	found := r.candidates(viewer, req, wanted)
	if len(req.Tags) > 0 && len(found) > tagSearchCap && !c.readings().TagSearchWhole {
		found = found[:tagSearchCap]
	}
	r.listings.put(key, listed{r.generation, now, r.restsUntil(now), found})
	return found
}

// candidates walks the shelves, or takes the named ids, and keeps the wanted.
func (r *region) candidates(viewer image.AccountID, req DescribeImagesRequest, wanted func(*entry[imageState]) bool) []*entry[imageState] {
	shelves := r.shelves(viewer, req.OwnerAlias, req.IsPublic)
	var found []*entry[imageState]
	if len(req.ImageIDs) > 0 {
		for _, shelf := range shelves {
			unwanted := func(e *entry[imageState]) bool { return !wanted(e) }
			found = append(found, slices.DeleteFunc(named(shelf, r, req.ImageIDs), unwanted)...)
		}
		return found
	}
	for _, shelf := range shelves {
		for _, e := range shelf.rows {
			if wanted(e) {
				found = append(found, e)
			}
		}
	}
	return found
}

// named returns the shelf's entries with one of the ids, in its order.
func named(s *shelf[imageState], r *region, ids []image.ID) []*entry[imageState] {
	var found shelf[imageState]
	for _, id := range ids {
		e := r.images.byID[string(id)]
		if e == nil {
			continue
		}
		if _, here := slices.BinarySearchFunc(s.rows, e, newest); here {
			found.add(e)
		}
	}
	return found.rows
}

// imageTest is a request's filters, checked and ready.
type imageTest struct {
	req        DescribeImagesRequest
	from, to   time.Time
	bootableBy *image.InstanceType
	folded     string // ImageName in lower case
}

// readImageQuery checks the parameters of DescribeImages.
func readImageQuery(req DescribeImagesRequest) (imageTest, error) {
	test := imageTest{req: req, folded: strings.ToLower(req.ImageName)}
	for _, check := range []func(DescribeImagesRequest) error{checkRegionOf, checkOwner, checkWords, checkStatuses} {
		if err := check(req); err != nil {
			return test, err
		}
	}
	if err := checkTagQuery(req.Tags); err != nil {
		return test, err
	}
	if req.InstanceType != "" {
		t, ok := instanceType(req.InstanceType)
		if !ok {
			return test, malformed(400, "InvalidInstanceType.ValueNotSupported", "The specified instance type %s does not exist. You can use the DescribeInstanceTypes API to query the available instance types.", req.InstanceType)
		}
		test.bootableBy = &t
	}
	return test, test.readFilters(req.Filters)
}

func checkRegionOf(req DescribeImagesRequest) error { return checkRegion(req.RegionID) }

func checkOwner(req DescribeImagesRequest) error {
	switch {
	case !slices.Contains([]string{"", AliasSystem, AliasSelf, AliasOthers, AliasMarketplace}, req.OwnerAlias):
		return malformed(400, "InvalidImageOwnerAlias.ValueNotSupported", "The specified ImageOwnerAlias value is not supported.")
	case req.IsPublic == image.Yes && req.OwnerAlias != AliasOthers:
		return malformed(400, "InvalidImageOwnerAlias.PublicImageUnsupported", "When querying images, the parameter ImageOwnerAlias should be others while specified parameter IsPublic is true.")
	case req.OwnerID != "" && req.OwnerAlias != AliasOthers:
		return malformed(400, "InvalidOperation.ImageOwnerIdUnsupported", "The parameter \"ImageOwnerId\" is not supported in this context, it is only valid when querying shared images or community images.")
	}
	return nil
}

func checkWords(req DescribeImagesRequest) error {
	switch {
	case !slices.Contains([]string{"", "CreateEcs", "ChangeOS"}, req.ActionType), len(req.ImageIDs) > 100:
		return malformed(400, "InvalidParamter", "Invalid Parameter.")
	case !slices.Contains([]string{"", "windows", "linux"}, req.OSType):
		return malformed(404, "InvalidOSType", "The specified OSType is not valid.")
	case !slices.Contains([]string{"", "i386", "x86_64", "arm64"}, req.Architecture):
		return malformed(404, "InvalidArchitecture", "The specified Architecture is not valid.")
	case !slices.Contains([]string{"", "instance", "none"}, req.Usage):
		return malformed(404, "InvalidUsage", "The specified Usage is not valid.")
	}
	return nil
}

func checkStatuses(req DescribeImagesRequest) error {
	for _, status := range req.Statuses {
		all := status == StatusAll && len(req.Statuses) == 1
		if !all && !slices.Contains(image.Statuses(), status) {
			return malformed(400, "InvalidParamter", "Invalid Parameter.")
		}
	}
	return nil
}

// checkTagQuery refuses tags that cannot be searched for.
func checkTagQuery(tags []Tag) error {
	if len(tags) > 20 {
		return malformed(400, "InvalidTagCount", "The specified tags are beyond the permitted range.")
	}
	for _, t := range tags {
		if t.Key == "" {
			return malformed(400, "InvalidTag.Mismatch", "The specified Tag.n.Key and Tag.n.Value are not match.")
		}
	}
	return nil
}

// readFilters checks Filter.N. The filters on online upgrades accept every
// image: none on offer here can do them or says that it cannot.
func (t *imageTest) readFilters(filters []Filter) error {
	for _, f := range filters {
		switch f.Key {
		case "CreationStartTime", "CreationEndTime":
			at, err := time.Parse("2006-01-02T15:04Z", f.Value)
			if err != nil {
				return malformed(404, "InvalidFilterValue", "The specified Filter Value is not valid.")
			}
			if f.Key == "CreationStartTime" {
				t.from = at
			} else {
				t.to = at
			}
		case "NetworkType":
			if f.Value != "vpc" && f.Value != "classic" {
				return malformed(400, "InvalidFilterValue.NetworkType", "The specified networkType value in the Filter is invalid.")
			}
		case "CpuOnlineUpgrade", "CpuOnlineDowngrade", "MemoryOnlineUpgrade", "MemoryOnlineDowngrade":
			if f.Value != "supported" && f.Value != "unsupported" {
				return malformed(404, "InvalidFilterValue", "The specified Filter Value is not valid.")
			}
		default:
			return malformed(404, "InvalidFilterKey.NotFound", "The specified Filter Key is not found.")
		}
	}
	return nil
}

// accepts reports whether the state passes all filters.
func (t *imageTest) accepts(c *Cloud, r *region, s *imageState, viewer image.AccountID, now time.Time) bool {
	return t.acceptsStatus(s.status(now)) && t.acceptsWords(c, s, viewer) && t.acceptsRest(c, r, s) && t.acceptsTags(s, viewer)
}

func (t *imageTest) acceptsStatus(status image.Status) bool {
	if len(t.req.Statuses) == 0 {
		return status == image.StatusAvailable
	}
	if t.req.Usable != image.Unknown && (t.req.Usable == image.Yes) != usable(status) {
		return false
	}
	return t.req.Statuses[0] == StatusAll || slices.Contains(t.req.Statuses, status)
}

func (t *imageTest) acceptsWords(c *Cloud, s *imageState, viewer image.AccountID) bool {
	q, img := &t.req, &s.img
	switch {
	case q.ImageFamily != "" && q.ImageFamily != c.family(s, viewer),
		q.OSType != "" && q.OSType != string(img.OSType),
		q.Architecture != "" && q.Architecture != string(img.Architecture),
		q.OwnerID != "" && q.OwnerID != img.Owner,
		q.ResourceGroup != "" && q.ResourceGroup != img.ResourceGroup:
		return false
	case t.folded == "":
		return true
	case c.readings().NamePrefix:
		return strings.HasPrefix(strings.ToLower(img.Name), t.folded)
	}
	return strings.Contains(strings.ToLower(img.Name), t.folded)
}

func (t *imageTest) acceptsRest(c *Cloud, r *region, s *imageState) bool {
	q, img := &t.req, &s.img
	from := func(d image.DiskMapping) bool { return d.SnapshotID == q.SnapshotID }
	switch {
	case q.SnapshotID != "" && !slices.ContainsFunc(img.Disks, from),
		q.Usage != "" && q.Usage != string(c.usage(r, img.ID)),
		q.CloudInit != image.Unknown && (q.CloudInit == image.Yes) != img.CloudInit,
		q.IOOptimized == image.No,
		q.IsPublic == image.No && img.Published,
		t.bootableBy != nil && !boots(*t.bootableBy, img),
		!t.from.IsZero() && img.CreatedAt.Before(t.from),
		!t.to.IsZero() && img.CreatedAt.After(t.to):
		return false
	}
	return true
}

func (t *imageTest) acceptsTags(s *imageState, viewer image.AccountID) bool {
	return len(t.req.Tags) == 0 || s.img.Owner == viewer && hasTags(s.img.Tags, t.req.Tags)
}

// hasTags reports whether tags bear every tag asked for; an empty value asks
// for the key alone.
func hasTags(tags image.Tags, asked []Tag) bool {
	for _, a := range asked {
		if v, ok := tags[a.Key]; !ok || a.Value != "" && v != a.Value {
			return false
		}
	}
	return true
}
