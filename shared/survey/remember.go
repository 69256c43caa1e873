package survey

import (
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/image"
)

// answered is one answer of the cloud, or its failure, and when its reading began.
type answered[T any] struct {
	value T
	began time.Time
	err   error
}

// remember asks once for a key, however many ask for it at the same time, unless
// the look is fresh. A panic reaches all of them.
func remember[T any](l *look, key string, ask func() (T, error)) (T, error) {
	begin := func() answered[T] {
		began := l.call.now()
		value, err := ask()
		return answered[T]{value, began, err}
	}
	if !l.remembers {
		a := begin()
		l.fresh.began(l.kept.at, key, a.began)
		return a.value, a.err
	}
	l.kept.mu.Lock()
	once, ok := l.kept.answers[key].(func() answered[T])
	if !ok {
		once = sync.OnceValue(begin)
		l.kept.answers[key] = once
	}
	l.kept.mu.Unlock()
	a := once()
	return a.value, a.err
}

// read is remember for lists: one that this process read lately enough answers
// again, and a failure is noted with the permission that cures it.
func read[T any](l *look, key, permission string, ask func() ([]T, error)) ([]T, error) {
	found, err := remember(l, key, func() ([]T, error) {
		if !l.remembers {
			return ask()
		}
		if found, began, ok := recall[T](l.call.recent, l.kept.at, key, l.call.now().Add(-l.call.scope.MaxAge)); ok && l.call.scope.MaxAge > 0 {
			l.call.used(began)
			return found, nil
		}
		began := l.call.now()
		found, err := ask()
		if err == nil {
			l.call.recent.keep(l.kept.at, key, began, len(found), found)
		}
		return found, err
	})
	if err != nil && permission != "" {
		l.note(permission, err)
	}
	return found, err
}

// used takes down when a reading began that answers now.
func (c *call) used(began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if began.Before(c.oldest) {
		c.oldest = began
	}
}

// has reports whether a list was read, or is being read, in this call, or lately
// enough by this process.
func (l *look) has(key string) bool {
	if !l.remembers {
		return false
	}
	l.kept.mu.Lock()
	_, ok := l.kept.answers[key]
	l.kept.mu.Unlock()
	return ok || l.call.scope.MaxAge > 0 && l.call.recent.has(l.kept.at, key, l.call.now().Add(-l.call.scope.MaxAge))
}

// note tells the survey what could not be read here.
func (l *look) note(permission string, err error) {
	l.survey.Note(image.UnreadOf(l.kept.account, l.kept.region, permission, err))
}

// twice is a reading that asks again for what was empty.
func twice[T any](ask func() ([]T, error)) func() ([]T, error) {
	return func() ([]T, error) {
		if found, err := ask(); err != nil || len(found) > 0 {
			return found, err
		}
		return ask()
	}
}

// most is how many ids one call takes.
const most = 100

// byHundred is a reading of things by their ids, a hundred at a time, each hundred
// asked for again if it was empty; without ids it is one reading.
func byHundred[ID, T any](ids []ID, ask func([]ID) ([]T, error)) func() ([]T, error) {
	return func() ([]T, error) {
		if len(ids) <= most {
			return twice(func() ([]T, error) { return ask(ids) })()
		}
		batches := slices.Collect(slices.Chunk(ids, most))
		found, failed := make([][]T, len(batches)), make([]error, len(batches))
		EachIndex(len(batches), func(n int) {
			found[n], failed[n] = twice(func() ([]T, error) { return ask(batches[n]) })()
		})
		for _, err := range failed {
			if err != nil {
				return nil, err
			}
		}
		return slices.Concat(found...), nil
	}
}

// shelf holds the snapshots of a place that were asked for by id.
type shelf struct {
	mu    sync.Mutex
	asked map[image.SnapshotID]bool
	found map[image.SnapshotID]image.Snapshot
}

// take returns those that exist, and reads those that were not asked for yet.
func (s *shelf) take(ids []image.SnapshotID, ask func([]image.SnapshotID) ([]image.Snapshot, error)) ([]image.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked, s.found = map[image.SnapshotID]bool{}, map[image.SnapshotID]image.Snapshot{}
	}
	missing := inOrder(slices.DeleteFunc(slices.Clone(ids), func(id image.SnapshotID) bool { return s.asked[id] }))
	if len(missing) > 0 {
		shown, err := ask(missing)
		if err != nil {
			return nil, err
		}
		for _, id := range missing {
			s.asked[id] = true
		}
		for i := range shown {
			s.found[shown[i].ID] = shown[i]
		}
	}
	var found []image.Snapshot
	for _, id := range ids {
		if one, ok := s.found[id]; ok {
			found = append(found, one)
		}
	}
	return found, nil
}

func (s *shelf) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.found = nil, nil
}
