package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/notify"
)

// letters notes what it sends, unless its target is down.
type letters struct {
	sent []notify.Notice
	down bool
}

func (l *letters) Send(_ context.Context, targets []notify.Target, n notify.Notice) []notify.Delivery {
	told := make([]notify.Delivery, len(targets))
	for i, t := range targets {
		told[i] = notify.Delivery{Target: t.Name, Delivered: !l.down, Again: l.down, Attempts: 1}
	}
	if !l.down {
		l.sent = append(l.sent, n)
	}
	return told
}

func (l *letters) kinds() []notify.Kind {
	var all []notify.Kind
	for _, n := range l.sent {
		all = append(all, n.Kind)
	}
	return all
}

// TestPeopleHearWhatEnds and what differs, once, also where their target was down.
func TestPeopleHearWhatEnds(t *testing.T) {
	t.Parallel()
	s, l := newStage(t), &letters{down: true}
	targets, err := notify.Parse(`{"platform":{"type":"slack","url":"https://slack.example/1"}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.told = &notices.Notices{Function: "share", Targets: targets, Sender: l}
	end := start().AddDate(0, 1, 0)
	s.until(end, "remove")
	s.clock.Advance(end.Sub(s.clock.Now()))
	s.tick()
	if len(l.sent) > 0 || len(s.removals()) != 1 {
		t.Fatalf("%v, %v", l.sent, s.removals())
	}
	l.down = false
	for range 6 {
		s.clock.Advance(5 * time.Minute)
		s.tick()
	}
	if got := slices.Sorted(slices.Values(l.kinds())); !slices.Equal(got, []notify.Kind{notify.Drifted, notify.Expired}) {
		t.Fatalf("told %v", got) // the world has a share of which the journal knows nothing
	}
	n := l.sent[slices.Index(l.kinds(), notify.Expired)]
	if len(n.Items) != 2 || n.Counts[0].N != 1 || n.Counts[1].N != 2 || n.Items[0].Code == "" {
		t.Errorf("%+v", n)
	}
}
