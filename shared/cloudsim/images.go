package cloudsim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// The pseudo-accounts that own public and Marketplace images; no answer names
// them.
const (
	SystemOwner      image.AccountID = "system"
	MarketplaceOwner image.AccountID = "marketplace"
)

// An imageState is one state of an image. It is never changed, only replaced.
type imageState struct {
	// img is the image as its owner sees it when nothing is under way: Account,
	// Kind, SharedOut, Usable, Usage and Progress are filled by view.
	img            image.Image
	osNameEN       string
	loginAsNonRoot bool
	imds           string
	// detects: the image was asked to be checked.
	detects bool
	// files are the bytes of its disks, where they were imported.
	files []Content
	// dead: the firmware finds nothing in its system disk to start from.
	dead bool
	// kmsKey is empty for the service key and for images not encrypted.
	kmsKey string
	grants []image.Grant
	work   *work
	parent image.Ref
}

// work is what is being done to make an image. It goes by the clock alone.
type work struct {
	copy bool
	// imports: it is an import, which holds the image until its task has ended.
	imports    bool
	until      time.Time
	source     image.Ref
	start, end time.Time
	fails      bool
}

// failsAt is the progress at which work that fails comes to a stop.
const failsAt = 63

// status is the image's state at now.
func (s *imageState) status(now time.Time) image.Status {
	switch {
	case s.work == nil:
		return s.img.Status
	case now.Before(s.work.start):
		return image.StatusWaiting
	case now.Before(s.work.end):
		return image.StatusCreating
	case s.work.fails:
		return image.StatusCreateFailed
	}
	return s.img.Status
}

// unfinished reports whether the image is still being made.
func (s *imageState) unfinished(now time.Time) bool {
	return s.work != nil && now.Before(s.work.end)
}

// progress is 0 to 100, and what remains in seconds.
func (s *imageState) progress(now time.Time) (percent, remains int) {
	switch status := s.status(now); {
	case status == image.StatusCreateFailed:
		return failsAt, 0
	case status != image.StatusWaiting && status != image.StatusCreating:
		return 100, 0
	case s.work == nil:
		return 0, 0
	case status == image.StatusWaiting:
		return 0, int(s.work.end.Sub(now).Seconds())
	default:
		done := int(100 * now.Sub(s.work.start) / s.work.end.Sub(s.work.start))
		if s.work.fails {
			done = min(done, failsAt)
		}
		return done, int(s.work.end.Sub(now).Seconds())
	}
}

// grantedTo reports whether the image is shared with the account.
func (s *imageState) grantedTo(account image.AccountID) bool {
	return slices.ContainsFunc(s.grants, func(g image.Grant) bool { return g.Account == account })
}

// kind is what the image is to the viewer.
func (s *imageState) kind(viewer image.AccountID) image.Kind {
	switch s.img.Owner {
	case SystemOwner:
		return image.KindPublic
	case MarketplaceOwner:
		return image.KindMarketplace
	case viewer:
		return image.KindCustom
	}
	if s.img.Published {
		return image.KindCommunity
	}
	return image.KindShared
}

// family is the image's family as the viewer sees it; source: the vendor's
// overview of image families.
func (c *Cloud) family(s *imageState, viewer image.AccountID) image.Family {
	img, plain := &s.img, c.readings().FamiliesPlain
	switch {
	case img.Owner == SystemOwner && plain:
		return ""
	case img.Owner == SystemOwner:
		return publicFamily(img)
	case img.Owner == viewer, img.Owner == MarketplaceOwner, img.Family == "", plain:
		return img.Family
	}
	return image.Family("acs:" + string(img.Owner) + ":" + string(img.Family))
}

// publicFamily is acs: and what the ids of a line of public images have before
// their size: acs:ubuntu_22_04_x64. Ids of another form are in no family.
func publicFamily(img *image.Image) image.Family {
	line, rest, _ := strings.Cut(string(img.ID), "_alibase_")
	at := strings.LastIndexByte(line, '_')
	if rest == "" || at < 1 || !strings.HasSuffix(line, "G") {
		return ""
	}
	return image.Family("acs:" + line[:at])
}

// inFamily returns the newest Available image of a family, as the account names
// it; nil if there is none.
func (c *Cloud) inFamily(r *region, account image.AccountID, family image.Family, now time.Time, state func(*entry[imageState]) *imageState) *imageState {
	lists := append(r.shelves(account, "", image.Unknown), r.published)
	for _, list := range lists {
		for _, e := range list.rows {
			s := state(e)
			if s == nil || c.family(s, account) != family || s.status(now) != image.StatusAvailable {
				continue
			}
			if s.reaches(account, false) || s.reaches(account, true) {
				return s
			}
		}
	}
	return nil
}

// usage is ECS's hint whether instances run the image.
func (c *Cloud) usage(r *region, id image.ID) image.Usage {
	if r.running[id] > 0 || c.readings().UsageKept && r.everRan[id] {
		return image.UsageInstance
	}
	return image.UsageNone
}

// ImageRow is one image as DescribeImages shows it, with the wire-only fields.
type ImageRow struct {
	image.Image
	// OSNameEN is OSName in English.
	OSNameEN string
	// LoginAsNonRoot: the image offers a user that is not root.
	LoginAsNonRoot bool
	// IMDS is "v1" or "v2", or empty.
	IMDS string
	// IOOptimized: the image supports I/O optimised instances.
	IOOptimized bool
	// RemainSeconds is what is left of a copy, per disk alike; 0 when none runs.
	RemainSeconds int
	// Detection is the state of the image check: "Processing", "Finished" or empty.
	Detection string
	// CheckItems are what a finished check found.
	CheckItems []CheckItem
}

// view is one row of a listing, as the viewer sees the image at now.
func (c *Cloud) view(r *region, s *imageState, viewer image.AccountID, now time.Time) ImageRow {
	row := ImageRow{
		Image: s.img, OSNameEN: s.osNameEN, LoginAsNonRoot: s.loginAsNonRoot, IMDS: s.imds,
		IOOptimized: s.img.IOOptimized != image.No,
	}
	row.Image.IOOptimized = image.TriOf(row.IOOptimized)
	row.Account = viewer
	row.Kind = s.kind(viewer)
	if row.Kind == image.KindPublic || row.Kind == image.KindMarketplace {
		row.Owner = ""
	}
	row.Family = c.family(s, viewer)
	row.Status = s.status(now)
	row.Usable = image.TriOf(usable(row.Status))
	row.Progress, row.RemainSeconds = s.progress(now)
	row.Usage = c.usage(r, s.img.ID)
	row.SharedOut = image.No
	if row.Kind == image.KindCustom {
		row.SharedOut = image.TriOf(len(s.grants) > 0)
	}
	if row.ProductCode != "" {
		row.Subscribed = row.Subscribed || slices.Contains(c.accounts[viewer].Subscriptions, row.ProductCode)
	}
	// Each reader has its own: what one does to a row reaches no other.
	row.Disks = slices.Clone(row.Disks)
	row.Tags = cloneTags(row.Tags)
	row.Detection, row.CheckItems = c.checked(s, now)
	row.Image.IMDS, row.Image.Detection = s.imds, detectionOf(row)
	row.Tags = passedTags(&row)
	if row.Kind != image.KindCustom {
		row.Tags = nil
	}
	return row
}

// usable: instances can be created from an image in this state.
func usable(status image.Status) bool {
	return status == image.StatusAvailable || status == image.StatusDeprecated
}

func cloneTags(tags image.Tags) image.Tags {
	if len(tags) == 0 {
		return nil
	}
	return maps.Clone(tags)
}

// shelves are those whose entries may answer a listing, in the order in which
// the answer lists them, and the test that an entry's state belongs there.
func (r *region) shelves(viewer image.AccountID, alias string, public image.Tri) []*shelf[imageState] {
	var list []*shelf[imageState]
	if alias == AliasSelf || alias == "" {
		list = append(list, r.images.of(viewer))
	}
	switch {
	case alias == AliasOthers && public == image.Yes:
		list = append(list, r.published)
	case alias == AliasOthers || alias == "":
		if s := r.granted[viewer]; s != nil {
			list = append(list, s)
		}
	}
	if alias == AliasSystem || alias == "" {
		list = append(list, r.images.of(SystemOwner))
	}
	if alias == AliasMarketplace {
		list = append(list, r.images.of(MarketplaceOwner))
	}
	return list
}

// reaches reports whether the state can be listed by the viewer, and on the
// shelf of community images or not.
func (s *imageState) reaches(viewer image.AccountID, community bool) bool {
	switch s.img.Owner {
	case SystemOwner, MarketplaceOwner:
		return true
	case viewer:
		return !community
	}
	if community {
		return s.img.Published
	}
	return s.grantedTo(viewer)
}

// visible returns what the viewer may name by id at now: its own, shared,
// community, public and Marketplace images.
func (r *region) visible(id image.ID, viewer image.AccountID, now time.Time) *imageState {
	e := r.images.byID[string(id)]
	if e == nil {
		return nil
	}
	s := e.seen(now)
	if s == nil || !s.reaches(viewer, false) && !s.reaches(viewer, true) {
		return nil
	}
	return s
}

// DescribeImageFromFamilyRequest are the parameters of DescribeImageFromFamily.
type DescribeImageFromFamilyRequest struct {
	RegionID    image.RegionID
	ImageFamily image.Family
}

// DescribeImageFromFamily returns the newest Available image of a family: the
// caller's own, or a public, shared or community one by the name that the
// caller sees; false if there is none. Refusals: MissingParameter,
// InvalidRegionId.NotFound.
func (s *Session) DescribeImageFromFamily(req DescribeImageFromFamilyRequest) (ImageRow, bool, error) {
	if err := s.permit("DescribeImageFromFamily"); err != nil {
		return ImageRow{}, false, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return ImageRow{}, false, err
	}
	if req.ImageFamily == "" {
		return ImageRow{}, false, missing("ImageFamily")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	state := c.inFamily(r, s.caller.Account, req.ImageFamily, now, func(e *entry[imageState]) *imageState { return e.seen(now) })
	if state == nil {
		return ImageRow{}, false, nil
	}
	return c.view(r, state, s.caller.Account, now), true, nil
}

// DescribeImageSupportInstanceTypesRequest are the parameters of
// DescribeImageSupportInstanceTypes. ImageID may be given as Filter imageId.
type DescribeImageSupportInstanceTypesRequest struct {
	RegionID   image.RegionID
	ImageID    image.ID
	ActionType string
	Filters    []Filter
}

// DescribeImageSupportInstanceTypes lists the instance types that can start
// from an image. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidParamter, InvalidFilterKey.NotFound, InvalidImageId.NotFound for one
// that is not to be seen or not Available.
func (s *Session) DescribeImageSupportInstanceTypes(req DescribeImageSupportInstanceTypesRequest) ([]image.InstanceType, error) {
	if err := s.permit("DescribeImageSupportInstanceTypes"); err != nil {
		return nil, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", "CreateEcs", "ChangeOS"}, req.ActionType) {
		return nil, malformed(400, "InvalidParamter", "Invalid Parameter.")
	}
	id := req.ImageID
	for _, f := range req.Filters {
		if f.Key != "imageId" {
			return nil, malformed(404, "InvalidFilterKey.NotFound", "The specified Filter Key is not found.")
		}
		id = image.ID(f.Value)
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	state := c.regions[req.RegionID].visible(id, s.caller.Account, now)
	if state == nil || !usable(state.status(now)) {
		return nil, refuse(404, "InvalidImageId.NotFound", "The image is not found, please make sure image is exist in current region or image status is available.")
	}
	var types []image.InstanceType
	for _, t := range instanceTypes() {
		if boots(t, &state.img) {
			types = append(types, t)
		}
	}
	return types, nil
}
