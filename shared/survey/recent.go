package survey

import (
	"cmp"
	"sync"
	"time"

	"imagekeeper/shared/image"
)

// Recent is what a process read lately: lists, which answer again where a request
// allows them to be old, and one public image of each region that was shown, by
// which an answer by ids shows that it is one. It is bounded; a process needs one.
// Safe for concurrent use.
type Recent struct {
	mu    sync.Mutex
	lists map[recentKey]recentList
	rows  int
	// known are public images by region, empty where one was not shown; usual is one
	// for regions of which nothing is known: most have the same id in all of them.
	known map[image.RegionID]image.ID
	usual image.ID
}

// What Recent holds at most.
const (
	mostRows  = 30_000
	mostLists = 4_096
)

type recentKey struct {
	at
	key string
}

type recentList struct {
	list  any
	began time.Time
	rows  int
}

// NewRecent returns an empty Recent.
func NewRecent() *Recent {
	return &Recent{lists: map[recentKey]recentList{}, known: map[image.RegionID]image.ID{}}
}

// recall returns a list whose reading did not begin before since.
func recall[T any](r *Recent, where at, key string, since time.Time) (list []T, began time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, ok := r.lists[recentKey{where, key}]
	if !ok || kept.began.Before(since) {
		return nil, time.Time{}, false
	}
	list, ok = kept.list.([]T)
	return list, kept.began, ok
}

func (r *Recent) has(where at, key string, since time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, ok := r.lists[recentKey{where, key}]
	return ok && !kept.began.Before(since)
}

// keep keeps a list; the oldest go where there are too many rows. A list that would
// fill it all is not kept.
func (r *Recent) keep(where at, key string, began time.Time, rows int, list any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := recentKey{where, key}
	r.drop(name)
	if rows > mostRows {
		return
	}
	for r.rows+rows > mostRows || len(r.lists) >= mostLists {
		r.drop(r.eldest())
	}
	r.lists[name] = recentList{list, began, rows}
	r.rows += rows
}

func (r *Recent) drop(name recentKey) {
	r.rows -= r.lists[name].rows
	delete(r.lists, name)
}

// eldest names the list whose reading began first.
func (r *Recent) eldest() (name recentKey) {
	var began time.Time
	for k, l := range r.lists {
		if name == (recentKey{}) || l.began.Before(began) {
			name, began = k, l.began
		}
	}
	return name
}

// publicOf is a public image that a region probably shows; empty if none is known.
func (r *Recent) publicOf(region image.RegionID) image.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[region]; ok {
		return known
	}
	return r.usual
}

// learn takes down a public image of a list.
func (r *Recent) learn(region image.RegionID, images []image.Image) {
	for i := range images {
		if images[i].Kind == image.KindPublic && images[i].Status == image.StatusAvailable {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.known[region], r.usual = images[i].ID, cmp.Or(r.usual, images[i].ID)
			return
		}
	}
}

// forget drops the public image of a region, which was not shown.
func (r *Recent) forget(region image.RegionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[region] == r.usual {
		r.usual = ""
	}
	r.known[region] = ""
}

// forgetPlace drops the lists of a place.
func (r *Recent) forgetPlace(where at) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.lists {
		if name.at == where {
			r.drop(name)
		}
	}
}
