package usage

import (
	"context"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// account is what one account shows in one region, by image: of lists that are the same
// for all images, each is put in order once. A panic reaches all who ask.
type account struct {
	Reader
	// images are what the images of the account tell of each other.
	images func() (siblings, error)
	// disks are the system disks that were made from each image.
	disks func() (map[image.ID][]image.Disk, error)
}

func newAccount(ctx context.Context, r Reader) *account {
	return &account{
		Reader: r,
		images: sync.OnceValues(func() (siblings, error) {
			all, err := r.Images(ctx, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
			return siblingsOf(all), err
		}),
		disks: sync.OnceValues(func() (map[image.ID][]image.Disk, error) {
			all, err := r.Disks(ctx, image.DiskListing{System: image.Yes})
			made := map[image.ID][]image.Disk{}
			for n := range all {
				made[all[n].Image] = append(made[all[n].Image], all[n])
			}
			return made, err
		}),
	}
}

// siblings are the images of an account in a region.
type siblings struct {
	listed map[image.ID]bool
	// standing are those that stand on each snapshot.
	standing map[image.SnapshotID][]*image.Image
	// newest are the newest Available ones of each family.
	newest map[image.Family]*image.Image
}

func siblingsOf(all []image.Image) siblings {
	s := siblings{make(map[image.ID]bool, len(all)), make(map[image.SnapshotID][]*image.Image, len(all)), map[image.Family]*image.Image{}}
	for n := range all {
		i := &all[n]
		s.listed[i.ID] = true
		for _, d := range i.Disks {
			if d.SnapshotID != "" {
				s.standing[d.SnapshotID] = append(s.standing[d.SnapshotID], i)
			}
		}
		if top := s.newest[i.FamilyName()]; i.Status == image.StatusAvailable && (top == nil || image.Newest(*i, *top) < 0) {
			s.newest[i.FamilyName()] = i
		}
	}
	return s
}

// of are those that tell something of an image: the newest of its family, and those
// that stand on its snapshots.
func (s siblings) of(i image.Image) []image.Image {
	var found []image.Image
	told := map[image.ID]bool{i.ID: true}
	add := func(other *image.Image) {
		if !told[other.ID] {
			told[other.ID] = true
			found = append(found, *other)
		}
	}
	if top := s.newest[i.FamilyName()]; top != nil {
		add(top)
	}
	for _, d := range i.Disks {
		for _, other := range s.standing[d.SnapshotID] {
			add(other)
		}
	}
	return found
}

// siblings are the other images of the owner that tell something of an image.
func (a *account) siblings(i image.Image) Part[image.Image] {
	return part(i.Account, i.Region, survey.MayListImages, func() ([]image.Image, error) {
		all, err := a.images()
		if err == nil && !all.listed[i.ID] {
			err = fault.New(fault.Unknown, "the list of images does not show %s, which is there", i.ID).WithCode("listContradicts")
		}
		return all.of(i), err
	})
}

// systemDisks are those that were made from an image.
func (a *account) systemDisks(of image.AccountID, i image.Image) Part[image.Disk] {
	return part(of, i.Region, survey.MayListDisks, func() ([]image.Disk, error) {
		made, err := a.disks()
		return made[i.ID], err
	})
}
