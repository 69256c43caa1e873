package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// atOnce is how many images a run looks at at a time.
const atOnce = 8

// enough is the time that is left at least when an image is begun with.
const enough = 10 * time.Second

// name is whose agenda it is.
const name = "share"

// expire ends the shares whose time is over: those that are on the agenda. Once a
// day it looks at all images of whose shares the journal knows, for drift and for
// what the agenda lacks. It may run late, twice or at the same time as another
// run: who comes second finds the plan approved, or nothing left to do.
func (h handler) expire(ctx context.Context, call function.Call, _ function.Tick) (sharing.ExpiryReport, error) {
	s, err := h.session(ctx, call, subject{})
	if err != nil {
		return sharing.ExpiryReport{}, err
	}
	run := &expiryRun{session: s, Expiry: sharing.NewExpiry(h.now()), gone: map[string]bool{}}
	today := "walked/" + name + "/" + h.now().UTC().Format(time.DateOnly)
	_, err = s.kept.Kept(ctx, today)
	if walks := fault.Of(err) == fault.NotFound; walks || err == nil {
		err = run.work(ctx, walks)
		report := run.Report(walks)
		if report.Everything && err == nil {
			err = s.kept.Keep(ctx, today, []byte("{}\n"))
		}
		run.tell(report)
		return report, errors.Join(err, run.announce(ctx, report))
	}
	return run.Report(false), err
}

// expiryRun is one run of the timer.
type expiryRun struct {
	*session
	*sharing.Expiry
	places chan struct{}
	wait   fanout.Group
	mu     sync.Mutex
	gone   map[string]bool // targets whose image is
}

// work looks at what is due, or at everything.
func (r *expiryRun) work(ctx context.Context, everything bool) error {
	by := r.now()
	if everything { // with what is to come, so that what is missing shows
		by = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	noted, err := r.agenda.Due(ctx, name, by)
	if err != nil {
		return err
	}
	var targets []string
	var due []journal.Entry
	for _, e := range noted {
		if !e.At.After(r.now()) {
			due, targets = append(due, e), append(targets, e.Subject)
		}
	}
	if everything {
		if targets, err = r.journal.Subjects(ctx, name+"/"); err != nil {
			return err
		}
	}
	known := r.recall(ctx, targets)
	for n, one := range known {
		if !r.now().Add(enough).Before(r.deadline) {
			r.Left(len(known) - n)
			break
		}
		r.start(func() { r.visit(ctx, one) })
	}
	r.wait.Wait()
	r.cross(ctx, due)
	if everything {
		r.repair(ctx, known, noted)
		r.sweep(ctx, known)
	}
	return nil
}

// start does one thing more, once fewer than atOnce are being done.
func (r *expiryRun) start(do func()) {
	if r.places == nil {
		r.places = make(chan struct{}, atOnce)
	}
	r.places <- struct{}{}
	r.wait.Go(func() {
		defer func() { <-r.places }()
		do()
	})
}

// recall reads the logs of targets, each once, and orders them.
func (r *expiryRun) recall(ctx context.Context, targets []string) []sharing.Recalled {
	ordered := sharing.Subjects(targets)
	read := make([]sharing.Recalled, len(ordered))
	for n, ref := range ordered {
		r.start(func() {
			entries, err := r.log.Read(ctx, sharing.Target(ref))
			if err != nil {
				r.Unread(ref, err)
				return
			}
			read[n] = sharing.Recall(ref, entries, r.now())
		})
	}
	r.wait.Wait()
	return sharing.Turns(read, int(r.now().Unix()/60))
}

// visit ends what is over of one image.
func (r *expiryRun) visit(ctx context.Context, one sharing.Recalled) {
	if r.owners[one.Account] == nil {
		r.Failed(one.Ref, fault.New(fault.Forbidden, "account %s is not among those this deployment works in", one.Account).WithCode(survey.CodeUnknownAccount))
		return
	}
	err := r.end(ctx, one.Ref)
	if fault.Of(err) == fault.NotFound {
		r.mu.Lock()
		r.gone[sharing.Target(one.Ref)] = true
		r.mu.Unlock()
	}
	r.Missed(one, err, !r.now().Before(r.deadline))
}

// end ends what is over of one image and notes what it saw.
func (r *expiryRun) end(ctx context.Context, ref image.Ref) error {
	now := r.now()
	planning := r.single(image.Image{Ref: ref, Kind: image.KindCustom}, wish{
		losing: func(o sharing.Observed) []image.AccountID { _, ifUnused := sharing.Due(o, now); return ifUnused },
		plan:   func(o sharing.Observed) plan.Plan { return sharing.Expire(o, now) },
	})
	p, err := planning.work.Plan(ctx)
	if err != nil {
		return err
	}
	r.Saw(ref, planning.sight(p.Target).Drift, p)
	if len(p.Changes()) == 0 {
		return nil
	}
	report, err := planning.work.Apply(ctx, plan.Request{Digest: p.Digest(), By: change.By(r.call), Deadline: r.deadline})
	r.Ended(ref, report)
	return err
}

// cross takes from the agenda what is over and done, by the logs as they are now;
// what is over and stays is left on it.
func (r *expiryRun) cross(ctx context.Context, due []journal.Entry) {
	for _, e := range due {
		r.start(func() {
			ref, ok := sharing.Subject(e.Subject)
			if !ok {
				return
			}
			entries, err := r.log.Read(ctx, e.Subject)
			if err != nil {
				return // it is told when it is due again
			}
			one := sharing.Recall(ref, entries, r.now())
			stands := slices.ContainsFunc(one.Ends, func(end sharing.End) bool { return end.At.Equal(e.At) })
			r.mu.Lock()
			stands = stands && !r.gone[e.Subject]
			r.mu.Unlock()
			if stands || !e.Settled(one.Length, r.now()) {
				return
			}
			if err := r.agenda.Cross(ctx, e); err != nil {
				r.Failed(ref, err)
			}
		})
	}
	r.wait.Wait()
}

// repair puts on the agenda what ends and is not on it: journals of before there was
// an agenda, and those that were restored.
func (r *expiryRun) repair(ctx context.Context, known []sharing.Recalled, noted []journal.Entry) {
	for _, one := range known {
		for _, end := range one.Ends {
			e := journal.Entry{At: end.At, Function: name, Subject: sharing.Target(one.Ref), Position: end.Position}
			same := func(n journal.Entry) bool { return n.Subject == e.Subject && n.At.Equal(e.At) }
			if r.gone[e.Subject] || slices.ContainsFunc(noted, same) {
				continue
			}
			r.start(func() {
				if err := r.agenda.Note(ctx, e); err != nil {
					r.Failed(one.Ref, err)
				}
			})
		}
	}
	r.wait.Wait()
}

// sweep notes the images that are shared, and of whose shares the journal knows
// none: one listing for each account and region.
func (r *expiryRun) sweep(ctx context.Context, known []sharing.Recalled) {
	for _, p := range r.survey.Places() {
		if !r.now().Add(enough).Before(r.deadline) {
			r.Left(1)
			break
		}
		r.start(func() {
			images, err := p.Images(ctx, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
			if err == nil {
				r.Shared(images, known)
			}
		})
	}
	r.wait.Wait()
	for _, u := range r.survey.Unread() {
		r.Failed(image.Ref{Account: u.Account, Region: u.Region}, fault.New(fault.Unknown, "%s", u.Sentence).WithCode(u.Code))
	}
}

// tell logs what somebody should look at: nobody reads a timer's answer.
func (r *expiryRun) tell(report sharing.ExpiryReport) {
	for _, l := range report.Lines() {
		level := slog.LevelInfo
		if l.Warns {
			level = slog.LevelWarn
		}
		r.call.Log.Log(context.Background(), level, l.Says, l.About...)
	}
	for _, f := range report.Failed {
		r.call.Log.Error("expiry failed", "image", f.Ref.String(), "code", f.Code, "error", f.Sentence)
	}
}
