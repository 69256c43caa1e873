package main

import (
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/image"
)

// remembering is a reader that lists all images of a region once, for whatever
// needs them, and takes the public ones out of that list where there is one.
type remembering struct {
	reader
	lists *lists
}

// lists are those of one account, for one answer.
type lists struct {
	mu sync.Mutex
	of map[image.RegionID]*whole
}

// whole is the list of all images of a region, or the failure to read it.
type whole struct {
	once   sync.Once
	images []image.Image
	err    error
}

// list is the whole list of a region; nil if it is not to be begun and was not.
func (l *lists) list(in image.RegionID, begin bool) *whole {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[in] == nil && begin {
		l.of[in] = &whole{}
	}
	return l.of[in]
}

// Images lists images. What is answered is not to be changed.
func (r remembering) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	wide := len(which.IDs) == 0 && which.Owner == "" && which.Family == "" && which.SnapshotID == "" && which.Usage == "" && which.InstanceType == ""
	all := wide && which.Kind == "" && which.OSType == "" && which.Architecture == "" && slices.Equal(which.Statuses, image.Statuses())
	public := wide && which.Kind == image.KindPublic && len(which.Statuses) == 0
	w := r.lists.list(in, all)
	if w == nil || !all && !public {
		return r.reader.Images(ctx, in, which)
	}
	w.once.Do(func() { w.images, w.err = r.reader.Images(ctx, in, image.Listing{Statuses: image.Statuses()}) })
	if all || w.err != nil {
		return w.images, w.err
	}
	var found []image.Image
	for i := range w.images {
		c := &w.images[i]
		if c.Kind == image.KindPublic && c.Status == image.StatusAvailable &&
			(which.OSType == "" || c.OSType == which.OSType) && (which.Architecture == "" || c.Architecture == which.Architecture) {
			found = append(found, *c)
		}
	}
	return found, nil
}
