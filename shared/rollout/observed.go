package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Place is an account in a region.
type Place struct {
	Account image.AccountID
	Region  image.RegionID
}

// Name is an instance as items and claims name it: account, region and id.
type Name struct {
	Place
	ID image.InstanceID
}

// String is what ParseName reads.
func (n Name) String() string {
	return string(n.Account) + "/" + string(n.Region) + "/" + string(n.ID)
}

// thing is what is claimed: an id is that of one instance, whoever looks at it.
func (n Name) thing() string { return "instance/" + string(n.Region) + "/" + string(n.ID) }

// ParseName reads the name of an item.
func ParseName(text string) (Name, error) {
	words := strings.Split(text, "/")
	if len(words) != 3 {
		return Name{}, fault.New(fault.Invalid, "%.100q does not name an instance", text)
	}
	return Name{Place{image.AccountID(words[0]), image.RegionID(words[1])}, image.InstanceID(words[2])}, nil
}

// Server is one instance as it was seen. What could not be seen is nil, and refuses.
type Server struct {
	Name
	// Before is the instance; nil: it was not shown.
	Before *image.Before
	// Disk is its system disk, with all Policies that take snapshots of it.
	Disk     *image.DiskSetup
	Policies []string
	// PoliciesUnread: which policies there are is not known.
	PoliciesUnread bool
	// Runs is the image that it runs; nil: that is not visible any more.
	Runs *image.Image
	// Type is its size.
	Type *image.InstanceType
	// Snapshotting: a snapshot of the system disk is not finished.
	Snapshotting image.Tri
	// Snapshots is how many there are of it; negative: not known.
	Snapshots int
	// Group is the scaling group that it is in; nil: none that is known of.
	Group *image.ScalingInstance
	// Assistant is its Cloud Assistant; nil: not known.
	Assistant *image.AssistantStatus
	// Rollout is an unfinished one that has it.
	Rollout string
	// Aim is what this one is to get; nil: what its place resolves to.
	Aim *Aim
}

// Aim is what one instance is to get.
type Aim struct {
	Resolved
	// Backup is the snapshot whose content comes back; Like is what an image of it has
	// to be like. Image is then what that will be.
	Backup image.SnapshotID
	Like   string
	// Was is the image that it ran; Of the one that stands behind that.
	Was, Of image.ID
}

// Here is what of an account in a region counts for all its instances.
type Here struct {
	// Encrypts: new disks have to be encrypted.
	Encrypts image.Tri
	// May has what the permissions said by dry run; an action that is absent was
	// not asked about.
	May map[string]image.Tri
	// ImagesLeft is how many images the quota still allows; negative: not known.
	ImagesLeft int
	// PerMinute is how many replacements a minute the quota allows; 0: not known.
	PerMinute float64
	// Images are all that were looked at there.
	Images []image.Image
	// Channels has the released images by channel, as the log of the family tells;
	// ChannelsRead: that log was read.
	Channels     map[string]image.ID
	ChannelsRead bool
	// Copies are the images there that are copies of the one that was named.
	Copies []image.ID
	// References are what else names images there, if something is to follow.
	References References
	// Unread is what could not be read.
	Unread []image.Unread
}

// Observed is everything that a plan goes by.
type Observed struct {
	Servers []Server
	Places  map[Place]Here
	// Looked are the places where what was named was looked for.
	Looked []Place
	// Hints say what of a selection selects or excludes nothing, and what may have
	// been meant.
	Hints []image.Reason
	// Pointers are what an undo or a retry is to have name another image.
	Pointers []Pointer
}

// Resolved is the image that instances of a place are to get, or why there is none.
type Resolved struct {
	Image *image.Image
	Why   image.Reason
	// Warnings about it.
	Warnings []image.Reason
}

// Resolve finds the image of a target in a place. trusted are the accounts beside
// ours whose images may be the one of a family.
func (t Target) Resolve(at Place, here Here, ours, trusted []image.AccountID) Resolved {
	if t.Image != "" {
		return t.named(at, here, ours, trusted)
	}
	if t.Unreleased {
		return t.newest(here, ours, trusted)
	}
	return t.released(at, here)
}

// find is an image that the place sees.
func (h Here) find(id image.ID) *image.Image {
	if n := slices.IndexFunc(h.Images, func(i image.Image) bool { return i.ID == id }); n >= 0 {
		return &h.Images[n]
	}
	return nil
}

// ProductRemoved is why an image cannot be used whose product nobody sells any more.
func ProductRemoved(i image.Image) image.Reason {
	return reason("productRemoved", "the Marketplace product %s of %s was removed", i.ProductCode, i.ID)
}

// origin is the image that stands behind one that was made of a backup: the one that
// the content is of. Of any other it is the image itself.
func (h Here) origin(id image.ID) image.ID {
	if i := h.find(id); i != nil {
		return originOf(*i)
	}
	return id
}

func originOf(i image.Image) image.ID {
	if _, parent, recorded := strings.Cut(i.Tags[TagParent], "/"); recorded && i.Tags[TagUndo] != "" {
		return image.ID(parent)
	}
	return i.ID
}

func reason(code, sentence string, args ...any) image.Reason {
	return image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}
}

// named is the image by its id, or its copy.
func (t Target) named(at Place, here Here, ours, trusted []image.AccountID) Resolved {
	found := here.find(t.Image)
	if found == nil {
		for _, id := range here.Copies {
			if i := here.find(id); i != nil && i.Status == image.StatusAvailable && (found == nil || image.Newest(*i, *found) < 0) {
				found = i
			}
		}
	}
	if found == nil {
		return Resolved{Why: reason("imageNotInRegion", "%s is not seen in %s by account %s, and no copy of it is: copy it by an import first", t.Image, at.Region, at.Account)}
	}
	r := Resolved{Image: found, Why: reason("imageNamed", "the image was named")}
	if found.ID != t.Image {
		r.Why = reason("copyOfImage", "it is the copy of %s in %s", t.Image, at.Region)
	}
	if owner := found.OwnerID(); found.Kind == image.KindShared || found.Kind == image.KindCommunity {
		if !slices.Contains(ours, owner) && !slices.Contains(trusted, owner) {
			r.Warnings = append(r.Warnings, reason("strangersImage", "%s belongs to account %s, which is not one of ours", found.ID, owner))
		}
	}
	return r
}

// newest is the newest image of a family that may be used.
func (t Target) newest(here Here, ours, trusted []image.AccountID) Resolved {
	var best *image.Image
	for n := range here.Images {
		i := &here.Images[n]
		owner := i.OwnerID()
		known := i.Kind == image.KindCustom || slices.Contains(ours, owner) || slices.Contains(trusted, owner)
		made := i.Tags[TagUndo] == "" && i.Tags[ReservedTag+"restoredFrom"] == ""
		if i.InFamily(t.Family) && i.Status == image.StatusAvailable && known && made && (best == nil || builtAt(*i).After(builtAt(*best))) {
			best = i
		}
	}
	if best == nil {
		return Resolved{Why: reason("noImage", "the family %s has no available image here", t.Family)}
	}
	return Resolved{Image: best, Why: reason("newestOfFamily", "it is the newest image of %s, released or not", t.Family)}
}

// builtAt is when an image was built, the order of versions.
func builtAt(i image.Image) time.Time {
	if at, err := time.Parse(time.RFC3339, i.Tags[ReservedTag+"builtAt"]); err == nil {
		return at
	}
	return i.CreatedAt
}

// released is the image of a channel: the log and the tags have to agree.
func (t Target) released(at Place, here Here) Resolved {
	channel := cmp.Or(t.Channel, channelOf)
	byLog := here.Channels[channel]
	var byTag []image.ID
	for _, i := range here.Images {
		if i.InFamily(t.Family) && i.Tags[TagChannel] == channel && i.Kind == image.KindCustom {
			byTag = append(byTag, i.ID)
		}
	}
	switch {
	case !here.ChannelsRead:
		return Resolved{Why: reason("releaseUnknown", "which image of %s is released could not be read", t.Family)}
	case byLog == "" && len(byTag) == 0:
		return Resolved{Why: reason("noRelease", "no image of %s is %s in %s: release one, or say \"unreleased\": true", t.Family, channel, at.Region)}
	case !here.agrees(channel, byLog, byTag):
		return Resolved{Why: reason("releaseDisputed", "by the log %s is %s of %s in %s, by the tags %s", orNone(byLog), channel, t.Family, at.Region, joined(byTag))}
	}
	found := here.find(byLog)
	if found == nil {
		return Resolved{Why: reason("imageNotInRegion", "%s, which is %s of %s, is not seen by account %s", byLog, channel, t.Family, at.Account)}
	}
	return Resolved{Image: found, Why: reason("released", "it is %s of %s in %s", channel, t.Family, at.Region)}
}

// agrees: the tags say what the log does.
func (h Here) agrees(channel string, byLog image.ID, byTag []image.ID) bool {
	if len(byTag) > 0 {
		return len(byTag) == 1 && byTag[0] == byLog
	}
	found := h.find(byLog)
	if found == nil {
		return false
	}
	// The better channel of an image is its tag: a candidate that is stable, too. And
	// tags do not show to the accounts that an image is shared with.
	return channel != channelOf && found.Tags[TagChannel] == channelOf || found.Kind != image.KindCustom
}

func orNone(id image.ID) string { return cmp.Or(string(id), "none") }

func joined(ids []image.ID) string {
	if len(ids) == 0 {
		return "none"
	}
	var all []string
	for _, id := range ids {
		all = append(all, string(id))
	}
	return strings.Join(all, ", ")
}
