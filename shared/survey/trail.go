package survey

import (
	"context"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

const (
	// remembered is how long the cloud remembers what was done. Source: ActionTrail,
	// limits.
	remembered = 90 * 24 * time.Hour
	// settled is how old events are that are all shown; ActionTrail says ten minutes.
	settled = 20 * time.Minute
	// patience is how long a look for events may take: they are asked for slowly, and
	// what they tell is never all of an answer.
	patience = 8 * time.Second
)

// HasTrail reports whether the account can be asked what was done.
func (l *look) HasTrail() bool {
	_, ok := l.kept.reader.(Trail)
	return ok
}

// Remembers is since when the cloud remembers what was done, to the day.
func (l *look) Remembers() time.Time {
	return l.call.now().Add(-remembered).Truncate(24 * time.Hour).Add(24 * time.Hour)
}

// told are events, and whether they are all.
type told struct {
	events []image.Event
	all    bool
}

// Events looks up what was done here, latest first, and tells whether that is all.
// What was done some time ago does not change, so this process asks for it once. A
// failure is for whoever asked: it is not told by Survey.Unread.
func (l *look) Events(ctx context.Context, which image.EventListing) ([]image.Event, bool, error) {
	ask := key("events", which)
	found, err := remember(l, ask, func() (told, error) {
		began := l.call.now()
		kept, _, ok := recall[told](l.call.recent, l.kept.at, ask, time.Time{})
		if ok && l.remembers {
			return kept[0], nil
		}
		trail, ok := l.kept.reader.(Trail)
		if !ok {
			return told{}, fault.New(fault.Unknown, "this account cannot be asked what was done").WithCode("noTrail")
		}
		ctx, end := context.WithTimeout(ctx, patience)
		defer end()
		events, all, err := trail.Events(ctx, l.kept.region, which)
		if past := !which.To.IsZero() && began.Sub(which.To) >= settled; err == nil && past {
			l.call.recent.keep(l.kept.at, ask, began, len(events)+1, []told{{events, all}})
		}
		return told{events, all}, err
	})
	return found.events, found.all, err
}
