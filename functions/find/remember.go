package main

import (
	"context"
	"reflect"
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
	all, public := isWhole(which), isPublic(which)
	w := r.lists.list(in, all)
	if w == nil || !all && !public {
		return r.reader.Images(ctx, in, which)
	}
	w.once.Do(func() { w.images, w.err = r.reader.Images(ctx, in, image.Listing{Statuses: image.Statuses()}) })
	if all || w.err != nil {
		return w.images, w.err
	}
	return publicOf(w.images, which), nil
}

// isWhole: the listing is of all public, custom and shared images in every state.
func isWhole(which image.Listing) bool {
	return reflect.DeepEqual(which, image.Listing{Statuses: image.Statuses()})
}

// isPublic: the listing is of public images that are available, of a system and
// an architecture at most.
func isPublic(which image.Listing) bool {
	which.OSType, which.Architecture = "", ""
	return reflect.DeepEqual(which, image.Listing{Kind: image.KindPublic})
}

// publicOf takes such a listing out of a list.
func publicOf(images []image.Image, which image.Listing) []image.Image {
	var found []image.Image
	for i := range images {
		c := &images[i]
		fits := (which.OSType == "" || c.OSType == which.OSType) && (which.Architecture == "" || c.Architecture == which.Architecture)
		if fits && c.Kind == image.KindPublic && c.Status == image.StatusAvailable {
			found = append(found, *c)
		}
	}
	return found
}
