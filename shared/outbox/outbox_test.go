package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/outbox"
)

// post is a sender that has no network: it notes what it was given, and answers as
// it is told to.
type post struct {
	mu     sync.Mutex
	got    map[string][]string // ids, by target
	answer func(target string, n int) notify.Delivery
	takes  time.Duration
}

func (p *post) Send(ctx context.Context, targets []notify.Target, n notify.Notice) []notify.Delivery {
	told := make([]notify.Delivery, 0, len(targets))
	if p.takes > 0 {
		select {
		case <-time.After(p.takes):
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range targets {
		p.got[t.Name] = append(p.got[t.Name], n.ID)
		d := notify.Delivery{Delivered: true}
		if p.answer != nil {
			d = p.answer(t.Name, len(p.got[t.Name]))
		}
		d.Target, d.Attempts = t.Name, 1
		told = append(told, d)
	}
	return told
}

func (p *post) ids(target string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got[target])
}

// place is a journal with an outbox in it.
type place struct {
	t    *testing.T
	kept journaltest.Place
	post *post
	n    int
}

func newPlace(t *testing.T) *place {
	return &place{t: t, kept: journal.OpenObjects(journaltest.NewBucket(nil), ""), post: &post{got: map[string][]string{}}}
}

// box is the outbox of one event.
func (p *place) box() outbox.Outbox {
	p.n++
	worker, ids := fmt.Sprint("event-", p.n), 0
	targets, err := notify.Parse(`{"a":{"type":"slack","url":"https://a.example/1"},"b":{"type":"slack","url":"https://b.example/1"}}`, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return outbox.Outbox{
		Function: "import", Documents: p.kept, Targets: targets, Sender: p.post, Worker: worker, Now: time.Now,
		Journal: journal.New(p.kept, time.Now, func() string { ids++; return fmt.Sprint(worker, "-", ids) }),
	}
}

func (p *place) put(id string, to ...string) {
	p.t.Helper()
	if _, err := p.box().Put(p.t.Context(), notify.Notice{ID: id, Kind: notify.Started, At: time.Now()}, to); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) deliver() outbox.Report {
	p.t.Helper()
	r, err := p.box().Deliver(p.t.Context(), time.Now().Add(50*time.Second))
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *place) state(id string) outbox.State {
	p.t.Helper()
	s, err := p.box().State(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// agenda is what stands on any agenda.
func (p *place) agenda() []string {
	p.t.Helper()
	names, err := p.kept.Names(p.t.Context(), "due/", "")
	if err != nil {
		p.t.Fatal(err)
	}
	return names
}

// Everybody is told once, and nothing is left afterwards.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.put("msg_1")
		p.put("msg_1")
		p.put("msg_2", "b")
		for range 3 {
			p.deliver()
			time.Sleep(time.Minute)
		}
		if a, b := p.post.ids("a"), p.post.ids("b"); !slices.Equal(a, []string{"msg_1"}) || !slices.Equal(b, []string{"msg_1", "msg_2"}) {
			t.Errorf("a got %v, b got %v", a, b)
		}
		if s := p.state("msg_1"); s.Pending() || len(s.Deliveries) != 2 || !s.Deliveries[0].Delivered {
			t.Errorf("%+v", s)
		}
		if left := p.agenda(); len(left) > 0 {
			t.Errorf("left on the agenda: %v", left)
		}
	})
}

// A target that is down is tried again for a day, and costs one notice its time;
// the other one has everything at once.
func TestDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		up := time.Now().Add(40 * time.Minute)
		p.post.answer = func(target string, _ int) notify.Delivery {
			if target == "a" && time.Now().Before(up) {
				return notify.Delivery{Code: "unreachable", Sentence: "could not be reached", Again: true}
			}
			return notify.Delivery{Delivered: true}
		}
		p.put("msg_1")
		p.put("msg_2")
		p.deliver()
		if a, b := p.post.ids("a"), p.post.ids("b"); len(a) != 1 || len(b) != 2 {
			t.Errorf("a got %v, b got %v", a, b)
		}
		if s := p.state("msg_1"); !s.Pending() || s.Deliveries[0].Code != "unreachable" || !s.Deliveries[1].Delivered {
			t.Errorf("%+v", s)
		}
		for range 55 {
			time.Sleep(time.Minute)
			p.deliver()
		}
		if s := p.state("msg_1"); s.Pending() || !s.Deliveries[0].Delivered || s.Deliveries[0].Attempts < 3 {
			t.Errorf("%+v", s)
		}
		if s := p.state("msg_2"); s.Pending() || !s.Deliveries[0].Delivered {
			t.Errorf("%+v", s)
		}
		if b := p.post.ids("b"); len(b) != 2 {
			t.Errorf("b got %v", b)
		}
		if left := p.agenda(); len(left) > 0 {
			t.Errorf("left on the agenda: %v", left)
		}
	})
}

// What can never be delivered is given up: at once where the target says so, else
// after a day.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.post.answer = func(target string, _ int) notify.Delivery {
			return notify.Delivery{Code: "310000", Sentence: "the target refuses", Again: target == "a"}
		}
		p.put("msg_1")
		p.put("msg_2", "c")
		for range 26 * 60 {
			p.deliver()
			time.Sleep(time.Minute)
		}
		a, b := p.post.ids("a"), p.post.ids("b")
		if len(b) != 1 || len(a) < 40 || len(a) > 60 {
			t.Errorf("a was tried %d times, b %d", len(a), len(b))
		}
		if s := p.state("msg_1"); s.Pending() || s.Deliveries[0].Delivered {
			t.Errorf("%+v", s)
		}
		if s := p.state("msg_2"); s.Pending() || s.Deliveries[0].Code != "unknownTarget" {
			t.Errorf("%+v", s)
		}
		if left := p.agenda(); len(left) > 0 {
			t.Errorf("left on the agenda: %v", left)
		}
	})
}

// Of several senders at once one has each notice.
func TestOneSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.post.takes = 3 * time.Second
		for n := range 5 {
			p.put(fmt.Sprint("msg_", n))
		}
		var group fanout.Group
		for range 4 {
			box := p.box()
			group.Go(func() {
				if _, err := box.Deliver(t.Context(), time.Now().Add(50*time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if a := p.post.ids("a"); len(a) != 5 {
			t.Errorf("a got %v", a)
		}
	})
}

// A sender that dies after it sent, and before it wrote that down, sends twice, with
// the same id; whatever dies anywhere, everybody is told.
func TestDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(60) {
			p := newPlace(t)
			clean := p.kept
			p.kept = journaltest.Dying(clean, seed)
			_, _ = p.box().Put(t.Context(), notify.Notice{ID: "msg_1", Kind: notify.Started}, nil)
			_, _ = p.box().Deliver(t.Context(), time.Now().Add(50*time.Second))
			p.kept = clean
			p.put("msg_1") // whoever had it put before asks again
			for range 6 {
				time.Sleep(time.Minute)
				p.deliver()
			}
			for _, target := range []string{"a", "b"} {
				if ids := p.post.ids(target); len(ids) < 1 || len(ids) > 2 || ids[0] != "msg_1" {
					t.Errorf("seed %d: %s got %v", seed, target, ids)
				}
			}
			if s := p.state("msg_1"); s.Pending() {
				t.Errorf("seed %d: %+v", seed, s)
			}
		}
	})
}
