package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// tagCure is what keeps or mends a chain whatever happens to disks and snapshots.
// The region is in it because values must not begin with "aliyun", as some ids do;
// source: TagResources.
const tagCure = "record the parent with the tag " + ParentTag + ", as regionId/imageId"

// lost says what broke the chain at an image that was observed, and what the trail
// could not tell of it.
func (g *Graph) lost(i image.Image) Source {
	end := g.lostFirst(i)
	if end.Cure == tagCure {
		sentence, cure := g.forgotten(i)
		end.Why.Sentence += sentence
		end.Cure = cure + end.Cure
	}
	return end
}

// lostFirst says what broke the chain, whatever the trail may remember.
func (g *Graph) lostFirst(i image.Image) Source {
	k := KeyOf(i.Ref)
	disk, ok := i.SystemDisk()
	if !ok || disk.SnapshotID == "" {
		return broken(k, "noSnapshot", fmt.Sprintf("%s names no system disk snapshot (its status is %s)", k, i.Status), tagCure)
	}
	snapshot, ok := g.snapshots[snapshotKey{i.Region, disk.SnapshotID}]
	holder := i.Account
	if i.Kind != image.KindCustom {
		holder = i.Owner
	}
	switch {
	case snapshot.SourceSnapshot == "" && g.unreadable(k.Region, holder):
		return g.unread(k, holder)
	case snapshot.SourceSnapshot != "" && g.outside(snapshot.SourceRegion):
		return elsewhere(k, snapshot.SourceRegion)
	case !ok:
		return broken(k, "snapshotGone", fmt.Sprintf("the snapshot %s of %s cannot be found", disk.SnapshotID, k), tagCure)
	case snapshot.SourceSnapshot != "" && g.unreadable(snapshot.SourceRegion, holder):
		return g.unread(Key{snapshot.SourceRegion, k.ID}, holder)
	case snapshot.SourceSnapshot != "":
		return g.lostCopy(i, snapshot)
	case i.Copied:
		return broken(k, "copySourceHidden", fmt.Sprintf("%s is a copy, and its snapshot does not name the source", k), tagCure)
	}
	return broken(k, "diskReleased", fmt.Sprintf("the disk %s that the snapshot %s was taken of was released or replaced",
		snapshot.SourceDisk, snapshot.ID), tagCure)
}

// lostCopy says what broke the chain at an image whose snapshot is a copy: the
// snapshot that it was copied from is gone, or is there and does not tell more.
func (g *Graph) lostCopy(i image.Image, s image.Snapshot) Source {
	k := KeyOf(i.Ref)
	for range maxCopies {
		from := snapshotKey{cmp.Or(s.SourceRegion, i.Region), s.SourceSnapshot}
		source, ok := g.snapshots[from]
		if !ok {
			return broken(k, "copySourceGone", fmt.Sprintf("the snapshot %s/%s that %s was copied from is gone", from.region, from.id, k), tagCure)
		}
		if source.SourceSnapshot == "" {
			which := "no image stands on it any more"
			if n := len(g.candidates(from, i)); n > 1 {
				which = fmt.Sprintf("%d images stand on it", n)
			}
			return broken(k, "copySourceUntold", fmt.Sprintf("the snapshot %s/%s that %s was copied from is there, but %s, and the disk %s that it was taken of was released or replaced",
				from.region, from.id, k, which, source.SourceDisk), tagCure)
		}
		s = source
	}
	return broken(k, "copySourceGone", fmt.Sprintf("the snapshot of %s is a copy of copies without an end", k), tagCure)
}

// absent ends a chain at an image that is named but was not observed.
func (g *Graph) absent(k Key, certainty Certainty) Source {
	switch {
	case g.outside(k.Region):
		return elsewhere(k, k.Region)
	case g.unreadable(k.Region, ""):
		return g.unread(k, "")
	case isPublicName(k.ID):
		return Source{Kind: SourcePublic, Image: k, Certainty: weaker(certainty, Inferred), Why: image.Reason{
			Code: "retiredPublicImage", Sentence: fmt.Sprintf("%s is no longer listed; it is named as Alibaba Cloud names its images", k),
		}}
	}
	return broken(k, "imageGone", fmt.Sprintf("%s is not visible any more: it was deleted, or its owner stopped sharing it", k),
		"keep parents until their children are gone, or record the ultimate source with the tag "+ParentTag+", as regionId/imageId")
}

// outside: the region was not looked at.
func (g *Graph) outside(r image.RegionID) bool {
	return r != "" && len(g.world.Regions) > 0 && !slices.Contains(g.world.Regions, r)
}

// CodeRegionNotRead is why a chain ends at a region that was not looked at.
const CodeRegionNotRead = "regionNotRead"

func elsewhere(k Key, r image.RegionID) Source {
	return broken(k, CodeRegionNotRead, fmt.Sprintf("the chain leads to region %s, which is not among those that are looked at", r),
		"add "+string(r)+" to REGIONS")
}

// unreadable: some part of the region could not be looked at with an account's
// credentials; account "" asks for any.
func (g *Graph) unreadable(r image.RegionID, account image.AccountID) bool {
	_, ok := g.unreadIn(r, account)
	return ok
}

func (g *Graph) unreadIn(r image.RegionID, account image.AccountID) (image.Unread, bool) {
	for _, u := range g.world.Unread {
		if (u.Region == r || u.Region == "") && (account == "" || u.Account == "" || u.Account == account) {
			return u, true
		}
	}
	return image.Unread{}, false
}

func (g *Graph) unread(k Key, account image.AccountID) Source {
	u, _ := g.unreadIn(k.Region, account)
	cure := "try again"
	if u.Permission != "" {
		cure = "allow " + u.Permission
	}
	return broken(k, "unreadable", fmt.Sprintf("%s could not be read: %s", k.Region, u.Sentence), cure)
}

// isPublicName: public images have readable names that end in ".vhd"; all
// others start with "m-" (DescribeImages ImageId).
func isPublicName(id image.ID) bool {
	return strings.Contains(string(id), "_") && strings.HasSuffix(string(id), ".vhd") && !strings.HasPrefix(string(id), "m-")
}
