package cloudsim

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// A revision is one state of an object, and from when on reads see it. A nil
// state says that the object is gone.
type revision[T any] struct {
	from  time.Time
	state *T
}

// An entry is one object: what never changes of it, and its revisions, oldest
// first. Writes go by the last one; reads by the last that is to be seen.
type entry[T any] struct {
	id      string
	owner   image.AccountID
	created time.Time
	revs    []revision[T]
}

// truth is the state that writes are judged by; nil when the object is gone.
func (e *entry[T]) truth() *T { return e.revs[len(e.revs)-1].state }

// seen is the state that a read at now shows; nil when it shows none.
func (e *entry[T]) seen(now time.Time) *T {
	for i := len(e.revs) - 1; i >= 0; i-- {
		if !e.revs[i].from.After(now) {
			return e.revs[i].state
		}
	}
	return nil
}

// put adds a state that reads see from the given time on, but never before the
// one that precedes it: what was seen once is not taken back.
func (e *entry[T]) put(state *T, from, now time.Time) {
	if n := len(e.revs); n > 0 && e.revs[n-1].from.After(from) {
		from = e.revs[n-1].from
	}
	e.revs = append(e.revs, revision[T]{from, state})
	for len(e.revs) > 1 && !e.revs[1].from.After(now) {
		e.revs = e.revs[1:]
	}
}

// nextSeen is when a read will next see something else; zero for never.
func (e *entry[T]) nextSeen(now time.Time) time.Time {
	for _, r := range e.revs {
		if r.from.After(now) {
			return r.from
		}
	}
	return time.Time{}
}

// newest orders entries newest first, ties by id: the order of every list.
func newest[T any](a, b *entry[T]) int {
	return cmp.Or(b.created.Compare(a.created), strings.Compare(a.id, b.id))
}

// A shelf holds entries newest first, except while it is loose: then they are
// in any order, until tidy.
type shelf[T any] struct {
	rows  []*entry[T]
	loose bool
}

func (s *shelf[T]) add(e *entry[T]) {
	if s.loose {
		s.rows = append(s.rows, e)
		return
	}
	at, found := slices.BinarySearchFunc(s.rows, e, newest)
	if !found {
		s.rows = slices.Insert(s.rows, at, e)
	}
}

// tidy puts a loose shelf in order.
func (s *shelf[T]) tidy() {
	s.loose = false
	slices.SortFunc(s.rows, newest)
}

func (s *shelf[T]) remove(e *entry[T]) {
	if at, found := slices.BinarySearchFunc(s.rows, e, newest); found {
		s.rows = slices.Delete(s.rows, at, at+1)
	}
}

// A table is all objects of one type in one region.
type table[T any] struct {
	byID    map[string]*entry[T]
	byOwner map[image.AccountID]*shelf[T]
	// restless are the entries that reads will yet see change.
	restless map[*entry[T]]bool
	// loading: shelves are loose while a catalogue is put in.
	loading bool
}

func newTable[T any]() table[T] {
	return table[T]{
		byID:     map[string]*entry[T]{},
		byOwner:  map[image.AccountID]*shelf[T]{},
		restless: map[*entry[T]]bool{},
	}
}

// of returns the shelf of one owner, which is empty if there is none.
func (t *table[T]) of(owner image.AccountID) *shelf[T] {
	if s := t.byOwner[owner]; s != nil {
		return s
	}
	return &shelf[T]{}
}

// add puts a new object in.
func (t *table[T]) add(e *entry[T]) {
	t.byID[e.id] = e
	s := t.byOwner[e.owner]
	if s == nil {
		s = &shelf[T]{loose: t.loading}
		t.byOwner[e.owner] = s
	}
	s.add(e)
}

// loaded ends loading.
func (t *table[T]) loaded() {
	t.loading = false
	for _, s := range t.byOwner {
		s.tidy()
	}
}

// live returns the object's entry and true state, nil if it is not there.
func (t *table[T]) live(id string) (*entry[T], *T) {
	e := t.byID[id]
	if e == nil {
		return nil, nil
	}
	return e, e.truth()
}

// owned is live for objects of one owner only.
func (t *table[T]) owned(owner image.AccountID, id string) (*entry[T], *T) {
	e, state := t.live(id)
	if e == nil || e.owner != owner {
		return nil, nil
	}
	return e, state
}

// put changes an object and remembers it until every read sees the change.
func (t *table[T]) put(e *entry[T], state *T, from, now time.Time) {
	e.put(state, from, now)
	if state == nil || !e.nextSeen(now).IsZero() {
		t.restless[e] = true
	}
}

// amend changes what every read from now on sees of an object, and will see of
// it once earlier changes show.
func (t *table[T]) amend(e *entry[T], edit func(*T)) {
	for i, rev := range e.revs {
		if rev.state != nil {
			next := *rev.state
			edit(&next)
			e.revs[i].state = &next
		}
	}
}

// settle forgets what has come to rest, and returns the entries that are gone
// for every reader.
func (t *table[T]) settle(now time.Time) []*entry[T] {
	var gone []*entry[T]
	for e := range t.restless {
		if !e.nextSeen(now).IsZero() {
			continue
		}
		delete(t.restless, e)
		if e.truth() == nil {
			delete(t.byID, e.id)
			t.byOwner[e.owner].remove(e)
			gone = append(gone, e)
		}
	}
	return gone
}

// nextSeen is when a read will next see something else; zero for never.
func (t *table[T]) nextSeen(now time.Time) time.Time {
	var next time.Time
	for e := range t.restless {
		next = earlier(next, e.nextSeen(now))
	}
	return next
}

// earlier returns the earlier of two times, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
