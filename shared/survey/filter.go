package survey

import (
	"slices"

	"imagekeeper/shared/image"
)

// wider is the listing that has everything of a kind: public, custom and shared
// images are listed together.
func wider(which image.Listing) image.Listing {
	return image.Listing{Kind: Apart(which.Kind), Statuses: image.Statuses()}
}

// Apart is the kind by which images are listed: Marketplace and community images
// apart, all others together, which is "".
func Apart(kind image.Kind) image.Kind {
	if kind == image.KindMarketplace || kind == image.KindCommunity {
		return kind
	}
	return ""
}

// answerable: the listing can be answered from a wider one. What an instance type can
// boot only ECS knows.
func answerable(which image.Listing) bool { return which.InstanceType == "" }

func filterImages(all []image.Image, which image.Listing) []image.Image {
	statuses := which.Statuses
	if len(statuses) == 0 {
		statuses = []image.Status{image.StatusAvailable}
	}
	if wide := wider(which); which.Kind == wide.Kind && len(statuses) == len(wide.Statuses) && bare(which) {
		return all
	}
	wanted := set(which.IDs)
	var found []image.Image
	for n := range all {
		i := &all[n]
		if (wanted == nil || wanted[i.ID]) && slices.Contains(statuses, i.Status) && fits(i, which) {
			found = append(found, *i)
		}
	}
	return found
}

// fits: an image is what a listing asks for, apart from id and status.
func fits(i *image.Image, which image.Listing) bool {
	return either(which.Kind, i.Kind) && either(which.Family, i.Family) && either(which.OSType, i.OSType) &&
		either(which.Architecture, i.Architecture) && either(which.Owner, i.Owner) && either(which.Usage, i.Usage) &&
		(which.SnapshotID == "" || standsOn(i, which.SnapshotID))
}

// either: nothing is asked for, or what is.
func either[T ~string](asked, is T) bool { return asked == "" || asked == is }

// bare: the listing filters by kind and status at most.
func bare(which image.Listing) bool {
	return len(which.IDs) == 0 && which.Family == "" && which.OSType == "" && which.Architecture == "" && which.Owner == "" &&
		which.Usage == "" && which.SnapshotID == ""
}

// onlyIDs: the listing asks for images by id, as Find does.
func onlyIDs(which image.Listing) bool {
	rest := which
	rest.IDs = nil
	return len(which.IDs) > 0 && which.Kind == "" && which.InstanceType == "" && bare(rest) && len(which.Statuses) == len(image.Statuses())
}

func standsOn(i *image.Image, id image.SnapshotID) bool {
	return slices.ContainsFunc(i.Disks, func(d image.DiskMapping) bool { return d.SnapshotID == id })
}

func filterInstances(all []image.Instance, which image.InstanceListing) []image.Instance {
	if len(which.IDs) == 0 && which.Image == "" && which.Status == "" {
		return all
	}
	wanted := set(which.IDs)
	var found []image.Instance
	for n := range all {
		i := &all[n]
		if (which.Image == "" || i.Image == which.Image) && (wanted == nil || wanted[i.ID]) && (which.Status == "" || i.Status == which.Status) {
			found = append(found, *i)
		}
	}
	return found
}

func filterDisks(all []image.Disk, which image.DiskListing) []image.Disk {
	wanted := set(which.IDs)
	var found []image.Disk
	for _, d := range all {
		if (wanted == nil || wanted[d.ID]) && (which.Instance == "" || d.Instance == which.Instance) &&
			(which.Snapshot == "" || d.SourceSnapshot == which.Snapshot) && (which.System == image.Unknown || d.System == (which.System == image.Yes)) {
			found = append(found, d)
		}
	}
	return found
}

func filterSnapshots(all []image.Snapshot, which image.SnapshotListing) []image.Snapshot {
	if len(which.IDs) == 0 && which.Disk == "" && which.Status == "" {
		return slices.Clone(all)
	}
	wanted := set(which.IDs)
	var found []image.Snapshot
	for _, s := range all {
		if (wanted == nil || wanted[s.ID]) && (which.Disk == "" || s.SourceDisk == which.Disk) && (which.Status == "" || s.Status == which.Status) {
			found = append(found, s)
		}
	}
	return found
}

// set is nil for no ids, which stand for all.
func set[ID comparable](ids []ID) map[ID]bool {
	if len(ids) == 0 {
		return nil
	}
	in := make(map[ID]bool, len(ids))
	for _, id := range ids {
		in[id] = true
	}
	return in
}
