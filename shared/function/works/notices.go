package works

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/outbox"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Notice is what became of telling people of a stage of a work.
type Notice struct {
	// ID is the notice's, the same at every target and for every attempt.
	ID    string     `json:"id"`
	Stage work.Stage `json:"stage"`
	At    time.Time  `json:"at"`
	// Pending: it is still to be sent to somebody.
	Pending bool `json:"pending,omitempty"`
	// Deliveries are what became of it at each target.
	Deliveries []notify.Delivery `json:"deliveries"`
}

// remembered is how long a stage of which nothing is known yet counts as pending.
const remembered = 24 * time.Hour

// runner makes the runner of one call.
func (k Kind[S, I]) runner(ctx context.Context, call function.Call) (work.Runner, error) {
	r, err := k.Runner(ctx, call)
	r.Tells = k.Notices != nil
	return r, err
}

// box keeps the notices of a runner's call.
func (k Kind[S, I]) box(r work.Runner) outbox.Outbox {
	return k.Notices.Box(r.Journal, r.Documents, r.Worker, r.Now)
}

// noticeID names the notice of a stage.
func (k Kind[S, I]) noticeID(w work.Work, reached work.Reached) string {
	return notify.IDOf(k.Notices.Function, k.Name, w.ID, reached.Name())
}

// notice is what people are told of a stage of a work.
func (k Kind[S, I]) notice(w work.Work, reached work.Reached) notify.Notice {
	n := notify.Notice{
		ID: k.noticeID(w, reached), Kind: kindOf(reached), At: reached.At, Subject: w.ID, Function: k.Notices.Function,
		Link: k.Notices.Link("/" + k.Name + "/" + w.ID),
	}
	if k.Subject != nil {
		n.Subject = k.Subject(w)
	}
	if reached.Stage == work.StageWaiting {
		n.Due = w.ValidUntil()
	}
	var done, failed int
	for _, name := range w.Names() {
		i := w.Items[name]
		item := notify.Item{Name: name, Code: i.Level}
		if why := cmp.Or(i.Outcome.Why, i.Refusal); why != nil {
			item.Code, item.Sentence = why.Code, why.Sentence
		}
		switch i.Outcome.Result {
		case plan.Failed:
			n.Items = slices.Insert(n.Items, failed, item)
			failed++
			continue
		case plan.Applied, plan.Already:
			done++
		}
		n.Items = append(n.Items, item)
	}
	if reached.Why != nil {
		n.Items = slices.Insert(n.Items, 0, notify.Item{Name: w.ID, Code: reached.Why.Code, Sentence: reached.Why.Sentence})
	}
	for _, c := range []notify.Count{{Name: notify.Done, N: done}, {Name: notify.Errors, N: failed}, {Name: notify.Open, N: w.Total - done - failed}} {
		if c.N > 0 {
			n.Counts = append(n.Counts, c)
		}
	}
	return n
}

// kindOf is what a notice of a stage tells.
func kindOf(reached work.Reached) notify.Kind {
	switch reached.Stage {
	case work.StageWaiting:
		return notify.Waiting
	case work.StageStarted:
		return notify.Started
	case work.StagePaused:
		return notify.Paused
	case work.StageHalted:
		return notify.Halted
	}
	switch reached.State {
	case work.Finished:
		return notify.Finished
	case work.Partly:
		return notify.Partly
	case work.Aborted:
		return notify.Aborted
	}
	return notify.Failed
}

// tellPeople hands the stages that works have reached over to the box, and sends
// what is due until that time.
func (k Kind[S, I]) tellPeople(ctx context.Context, call function.Call, r work.Runner, until time.Time) error {
	untold, err := r.Untold(ctx)
	box := k.box(r)
	for _, u := range untold {
		if _, failure := box.Put(ctx, k.notice(u.Work, u.Reached), u.Work.Document.Notify); failure != nil {
			err = errors.Join(err, failure)
			continue
		}
		err = errors.Join(err, r.Told(ctx, u))
	}
	if err != nil {
		call.Log.Error("notices of works failed", "kind", k.Name, "code", fault.Code(err), "error", err)
	}
	return errors.Join(err, notices.Deliver(ctx, call, box, until))
}

// tellEvery is how often people are told while a worker stays with works.
const tellEvery = 15 * time.Second

// telling tells people in the background, at once and again and again, until what it
// returns is called.
func (k Kind[S, I]) telling(ctx context.Context, call function.Call, r work.Runner, until time.Time) (quiet func()) {
	if k.Notices == nil {
		return func() {}
	}
	var group fanout.Group
	done := make(chan struct{})
	group.Go(func() {
		ticks := time.NewTicker(tellEvery)
		defer ticks.Stop()
		for {
			_ = k.tellPeople(ctx, call, r, until) // it has logged what failed
			select {
			case <-ticks.C:
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}

// notices tells what became of the notices of a work.
func (k Kind[S, I]) notices(ctx context.Context, r work.Runner, w work.Work) ([]Notice, error) {
	if k.Notices == nil {
		return nil, nil
	}
	box := k.box(r)
	var all []Notice
	for _, reached := range w.Reached {
		n := Notice{ID: k.noticeID(w, reached), Stage: reached.Stage, At: reached.At, Deliveries: []notify.Delivery{}}
		s, err := box.State(ctx, n.ID)
		switch {
		case errors.Is(err, fault.NotFound):
			if r.Now().Sub(reached.At) > remembered {
				continue // nobody was told of works then
			}
			n.Pending = true
		case err != nil:
			return nil, err
		default:
			n.Pending, n.Deliveries = s.Pending(), append(n.Deliveries, s.Deliveries...)
		}
		all = append(all, n)
	}
	return all, nil
}
