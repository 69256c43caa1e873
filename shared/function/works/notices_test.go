package works_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/notify"
)

// letters is a sender that notes what it sends; down says that a target is.
type letters struct {
	mu   sync.Mutex
	sent []notify.Notice
	down bool
}

func (l *letters) Send(_ context.Context, targets []notify.Target, n notify.Notice) []notify.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	told := []notify.Delivery{}
	for _, t := range targets {
		d := notify.Delivery{Target: t.Name, Delivered: !l.down, Attempts: 1}
		if l.down {
			d.Code, d.Sentence = "310000", "the target refuses: sign not match"
		} else {
			l.sent = append(l.sent, n)
		}
		told = append(told, d)
	}
	return told
}

func (l *letters) kinds() []notify.Kind {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []notify.Kind
	for _, n := range l.sent {
		all = append(all, n.Kind)
	}
	return all
}

// telling is a house that tells one target.
func telling(t *testing.T, l *letters) *house {
	t.Helper()
	targets, err := notify.Parse(`{"platform":{"type":"slack","url":"https://slack.example/1"}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newHouseThatTells(t, &notices.Notices{Function: "house", Targets: targets, Sender: l, Address: "https://images.example"})
}

// TestPeopleAreTold of every stage of a work, once, and its state says so.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &letters{}
		h := telling(t, l)
		h.two = true
		plan := h.apply("alice", "", "kitchen", "hall").Plan
		a := h.apply("alice", plan.Digest, "kitchen", "hall")
		h.tick()
		if got := l.kinds(); !slices.Equal(got, []notify.Kind{notify.Waiting}) {
			t.Fatalf("after the first: %v", got)
		}
		h.apply("bob", plan.Digest, "kitchen", "hall")
		for range 5 {
			time.Sleep(time.Minute)
			h.tick()
		}
		if got := l.kinds(); !slices.Equal(got, []notify.Kind{notify.Waiting, notify.Started, notify.Finished}) {
			t.Fatalf("at the end: %v", got)
		}
		last := l.sent[2]
		if last.Subject != a.ID || last.Link != "https://images.example/lamps/"+a.ID || len(last.Counts) != 1 || last.Counts[0] != (notify.Count{Name: notify.Done, N: 2}) {
			t.Errorf("%+v", last)
		}
		status, w := h.get("/lamps/" + a.ID)
		told, _ := w["notices"].([]any)
		if status != http.StatusOK || len(told) != 3 {
			t.Fatalf("%d: %v", status, w)
		}
		first := told[0].(map[string]any)
		if d := first["deliveries"].([]any)[0].(map[string]any); first["stage"] != "awaitingApproval" || first["pending"] != nil || d["delivered"] != true || d["target"] != "platform" {
			t.Errorf("%v", first)
		}
	})
}

// TestNobodyHears: a target that refuses is an outcome that the state shows, and the
// work goes on.
func TestNobodyHears(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &letters{down: true}
		h := telling(t, l)
		plan := h.apply("alice", "", "kitchen").Plan
		a := h.apply("alice", plan.Digest, "kitchen")
		for range 3 {
			h.tick()
			time.Sleep(time.Minute)
		}
		_, w := h.get("/lamps/" + a.ID)
		if w["state"] != "finished" {
			t.Errorf("%v", w["state"])
		}
		told, _ := w["notices"].([]any)
		if len(told) != 2 {
			t.Fatalf("%v", w)
		}
		if d := told[0].(map[string]any)["deliveries"].([]any)[0].(map[string]any); d["delivered"] != false || d["code"] != "310000" {
			t.Errorf("%v", d)
		}
	})
}
