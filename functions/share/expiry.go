package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// atOnce is how many images a run looks at at a time.
const atOnce = 8

// expiryReport is what a run of the timer did and saw.
type expiryReport struct {
	AsOf time.Time `json:"asOf"`
	// Images is how many with shares of ours were looked at.
	Images int `json:"images"`
	// Removed are shares that ended now, Kept those whose time is over and that are
	// still used, or may be.
	Removed []expiredOut `json:"removed"`
	// Kept: those that stay although their time is over, and why.
	Kept []expiredOut `json:"kept"`
	// Drift is where the cloud and the journal differ.
	Drift []driftOut `json:"drift"`
	// Unrecorded are images that are shared, and of whose shares the journal knows none.
	Unrecorded []image.Ref `json:"unrecorded"`
	// Failed are images that could not be looked at or changed.
	Failed []failedOut `json:"failed"`
	// Left is how many images there was no time for; the next run begins with others.
	Left int `json:"left,omitempty"`
}

// expiredOut is one share whose time is over.
type expiredOut struct {
	image.Ref
	Grantee image.AccountID `json:"sharedWith"`
	Result  plan.Result     `json:"result,omitempty"`
	Reasons []image.Reason  `json:"reasons"`
}

// driftOut is one share that only one of the two knows.
type driftOut struct {
	image.Ref
	Grantee image.AccountID `json:"sharedWith"`
	image.Reason
}

// failedOut is an image that could not be looked at or changed.
type failedOut struct {
	image.Ref
	image.Reason
}

// expire ends the shares whose time is over. It may run late, twice or at the
// same time as another run: who comes second finds the plan approved, or
// nothing left to do.
func (h handler) expire(ctx context.Context, call function.Call, _ function.Tick) (expiryReport, error) {
	report := expiryReport{
		AsOf:    h.now().UTC().Truncate(time.Second),
		Removed: []expiredOut{}, Kept: []expiredOut{}, Drift: []driftOut{}, Unrecorded: []image.Ref{}, Failed: []failedOut{},
	}
	d, err := h.desk(ctx, call, subject{})
	if err != nil {
		return report, err
	}
	targets, err := d.journal.Subjects(ctx, "share/")
	if err != nil {
		return report, err
	}
	run := &expiryRun{desk: d, report: report}
	shared := run.remember(ctx, targets)
	for n, one := range shared {
		if !h.now().Add(enough).Before(d.deadline) {
			run.left(len(shared) - n)
			break
		}
		run.start(func() { run.visit(ctx, one) })
	}
	run.wait.Wait()
	run.sweep(ctx, shared)
	run.sort()
	run.tell()
	return run.report, nil
}

// enough is the time that is left at least when an image is begun with.
const enough = 10 * time.Second

// expiryRun is one run over all images.
type expiryRun struct {
	desk   *desk
	places chan struct{}
	wait   atonce.Group
	mu     sync.Mutex
	report expiryReport
	// dark are the images of whose shares the journal could not be read.
	dark []image.Ref
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

// remembered is an image of whose shares the journal knows.
type remembered struct {
	image.Ref
	known map[image.AccountID]sharing.Memory
	// over: the time of one of them has come.
	over bool
}

// unread: the journal could not be read, so what it knows is not known.
func (r *expiryRun) unread(ref image.Ref, err error) remembered {
	r.mu.Lock()
	r.dark = append(r.dark, ref)
	r.mu.Unlock()
	r.failed(ref, err)
	return remembered{}
}

// remember reads the journal: first those images of which something is over, then
// the others, beginning elsewhere at every run so that each has its turn even if
// no run comes to the end.
func (r *expiryRun) remember(ctx context.Context, targets []string) []remembered {
	read := make([]remembered, len(targets))
	for n, target := range targets {
		if ref, ok := sharing.Subject(target); ok {
			r.start(func() { read[n] = r.recall(ctx, ref) })
		}
	}
	r.wait.Wait()
	read = slices.DeleteFunc(read, func(one remembered) bool { return len(one.known) == 0 })
	var due, others []remembered
	for _, one := range read {
		if one.over {
			due = append(due, one)
		} else {
			others = append(others, one)
		}
	}
	if len(others) > 0 {
		first := int(r.desk.now().Unix()/60) % len(others)
		others = slices.Concat(others[first:], others[:first])
	}
	return append(due, others...)
}

// recall is what the journal knows of one image.
func (r *expiryRun) recall(ctx context.Context, ref image.Ref) remembered {
	entries, err := r.desk.log.Read(ctx, sharing.Target(ref))
	if err != nil {
		return r.unread(ref, err)
	}
	one := remembered{Ref: ref, known: sharing.Remember(entries)}
	for _, m := range one.known {
		one.over = one.over || m.Over(r.desk.now())
	}
	return one
}

// visit ends what is over of one image.
func (r *expiryRun) visit(ctx context.Context, one remembered) {
	if r.desk.accounts[one.Account] == nil {
		r.failed(one.Ref, fault.New(fault.Forbidden, "account %s is not among those this deployment works in", one.Account).WithCode("unknownAccount"))
		return
	}
	err := r.end(ctx, one.Ref)
	switch kind := fault.Of(err); {
	case err == nil, kind == fault.Conflict: // another run, or somebody's plan, is at it
	case kind == fault.NotFound:
		r.gone(one.Ref, one.known)
	case kind == fault.Unavailable && !r.desk.now().Before(r.desk.deadline):
		r.left(1)
	default:
		r.failed(one.Ref, err)
	}
}

// left counts images that there was no time for.
func (r *expiryRun) left(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Left += n
}

// sweep notes the images that are shared, and of whose shares the journal knows
// none: one listing for each account and region.
func (r *expiryRun) sweep(ctx context.Context, known []remembered) {
	recorded := map[image.Ref]bool{}
	for _, one := range known {
		recorded[one.Ref] = true
	}
	for _, ref := range r.dark { // what the journal knows of these is not known
		recorded[ref] = true
	}
	for _, owner := range r.desk.owners {
		account := r.desk.accounts[owner]
		regions, err := regionsOf(ctx, account, r.desk.regions)
		if err != nil {
			r.failed(image.Ref{Account: owner}, err)
		}
		for _, region := range regions {
			if !r.desk.now().Add(enough).Before(r.desk.deadline) {
				break // the next run may have time for it
			}
			r.start(func() {
				images, err := account.Images(ctx, region, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
				if err != nil {
					r.failed(image.Ref{Account: owner, Region: region}, err)
				}
				r.unrecorded(images, recorded)
			})
		}
	}
	r.wait.Wait()
}

// unrecorded notes those images that are shared and not recorded.
func (r *expiryRun) unrecorded(images []image.Image, recorded map[image.Ref]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := range images {
		if images[n].SharedOut == image.Yes && !recorded[images[n].Ref] {
			r.report.Unrecorded = append(r.report.Unrecorded, images[n].Ref)
		}
	}
}

// end ends what is over of one image and notes what it saw.
func (r *expiryRun) end(ctx context.Context, ref image.Ref) error {
	now := r.desk.now()
	job := r.desk.single(image.Image{Ref: ref, Kind: image.KindCustom}, wish{
		losing: func(o sharing.Observed) []image.AccountID { _, ifUnused := sharing.Due(o, now); return ifUnused },
		plan:   func(o sharing.Observed) plan.Plan { return sharing.Expire(o, now) },
	})
	p, err := job.work.Plan(ctx)
	if err != nil {
		return err
	}
	r.saw(ref, job.sight(p.Target), p)
	if len(p.Changes()) == 0 {
		return nil
	}
	report, err := job.work.Apply(ctx, plan.Request{Digest: p.Digest(), By: by(r.desk.call), Deadline: r.desk.deadline})
	r.ended(ref, report)
	return err
}

// saw notes drift, and what is over and stays.
func (r *expiryRun) saw(ref image.Ref, s sight, p plan.Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Images++
	for _, g := range s.drift.Outside {
		r.report.Drift = append(r.report.Drift, driftOut{ref, g.Account, image.Reason{Code: "sharedOutside", Sentence: "the journal does not know this share"}})
	}
	for _, m := range s.drift.Gone {
		r.report.Drift = append(r.report.Drift, driftOut{ref, m.Account, image.Reason{Code: "endedOutside", Sentence: "the journal knows this share, and it is gone"}})
	}
	for _, step := range p.Steps {
		if step.Action == sharing.Keep {
			r.report.Kept = append(r.report.Kept, expiredOut{Ref: ref, Grantee: image.AccountID(step.Subject), Reasons: step.Reasons})
		}
	}
}

// ended notes what came of a plan, also of one that broke off.
func (r *expiryRun) ended(ref image.Ref, report plan.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, s := range report.Plan.Changes() {
		if n >= len(report.Outcomes) {
			return
		}
		o := report.Outcomes[n]
		out := expiredOut{Ref: ref, Grantee: image.AccountID(s.Subject), Result: o.Result, Reasons: s.Reasons}
		if o.Why != nil {
			out.Reasons = append(slices.Clone(out.Reasons), *o.Why)
		}
		r.report.Removed = append(r.report.Removed, out)
	}
}

// gone notes the shares of an image that does not exist any more.
func (r *expiryRun) gone(ref image.Ref, known map[image.AccountID]sharing.Memory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Images++
	for a, m := range known {
		if m.Settled {
			r.report.Drift = append(r.report.Drift, driftOut{ref, a, image.Reason{Code: "imageGone", Sentence: "the journal knows this share, and the image is gone"}})
		}
	}
}

func (r *expiryRun) failed(ref image.Ref, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Failed = append(r.report.Failed, failedOut{ref, image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}})
}

// sort brings everything into the order of images and accounts.
func (r *expiryRun) sort() {
	order := func(a, b image.Ref, x, y image.AccountID) int {
		return cmp.Or(cmp.Compare(a.String(), b.String()), cmp.Compare(x, y))
	}
	byShare := func(a, b expiredOut) int { return order(a.Ref, b.Ref, a.Grantee, b.Grantee) }
	slices.SortFunc(r.report.Removed, byShare)
	slices.SortFunc(r.report.Kept, byShare)
	slices.SortFunc(r.report.Drift, func(a, b driftOut) int { return order(a.Ref, b.Ref, a.Grantee, b.Grantee) })
	slices.SortFunc(r.report.Unrecorded, func(a, b image.Ref) int { return cmp.Compare(a.String(), b.String()) })
	slices.SortFunc(r.report.Failed, func(a, b failedOut) int { return order(a.Ref, b.Ref, "", "") })
}

// tell logs what somebody should look at: nobody reads a timer's answer.
func (r *expiryRun) tell() {
	log := r.desk.call.Log
	for _, e := range r.report.Removed {
		log.Info("expired", "image", e.Ref.String(), "shared_with", string(e.Grantee), "result", string(e.Result))
	}
	for _, k := range r.report.Kept {
		log.Warn("kept although its time is over", "image", k.Ref.String(), "shared_with", string(k.Grantee), "code", k.Reasons[0].Code)
	}
	for _, g := range r.report.Drift {
		log.Warn("drift", "image", g.Ref.String(), "shared_with", string(g.Grantee), "code", g.Code)
	}
	if n := len(r.report.Unrecorded); n > 0 {
		log.Warn("drift", "code", "sharedOutside", "images", n, "first", r.report.Unrecorded[0].String())
	}
	if r.report.Left > 0 {
		log.Warn("expiry had no time for all images", "left", r.report.Left)
	}
	for _, f := range r.report.Failed {
		log.Error("expiry failed", "image", f.Ref.String(), "code", f.Code, "error", f.Sentence)
	}
}
