package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// scheduleReport is what a run of the timer did.
type scheduleReport struct {
	// Looks is how many places were seen whole, and folded into the looks before.
	Looks int `json:"looks"`
	// Places is how many there are.
	Places int `json:"places"`
	// Removable is how many images and snapshots the rules would have go; left out: that
	// is not known.
	Removable *int `json:"removable,omitempty"`
	// Cleanup is the work that a rule began; left out: none.
	Cleanup string `json:"cleanup,omitempty"`
	// Problems are why less was done than could be.
	Problems []image.Reason `json:"problems"`
}

// planFolder is the place of the plan that the timer makes.
const planFolder = "cleanup-plans/"

// schedule looks at everything, folds that into the looks before, and plans by the
// rules. It may run late, twice or not at all: looks that are too far apart prove
// less. Where the document of rules is an approval, the plan is carried out by it.
func (h handler) schedule(ctx context.Context, call function.Call, _ function.Tick) (scheduleReport, error) {
	s, err := h.session(ctx, call)
	if err != nil {
		return scheduleReport{}, err
	}
	o, err := s.opened()
	if err != nil {
		return scheduleReport{}, err
	}
	r := &round{
		session: s, opened: o, report: scheduleReport{Problems: []image.Reason{}}, began: s.now().UTC(), rules: s.rules(),
		known: retention.ReadKnown(ctx, s.archive), costs: s.savings(o.survey),
	}
	if r.looks = maps.Clone(r.known.Looks); r.looks == nil { // nothing is folded into what could not be read
		r.looks, err = s.archive.Looks(ctx)
	}
	if err == nil {
		err = r.run(ctx)
	}
	for _, p := range r.report.Problems {
		call.Log.Warn("schedule", "code", p.Code, "error", p.Sentence)
	}
	return r.report, err
}

// round is one run of the timer.
type round struct {
	*session
	opened
	report scheduleReport
	began  time.Time
	rules  retention.Ruling
	known  *retention.Known
	// looks are those before.
	looks map[retention.Place]retention.Look
	// planner is nil where no rules can be used.
	planner *retention.Planner
	costs   savings
}

func (r *round) run(ctx context.Context) error {
	if r.rules.Broken == nil {
		r.planner = retention.NewPlanner(r.rules.Document, retention.Request{MarkOnly: r.config.Of("cleanup")}, r.began)
	} else {
		r.report.Problems = append(r.report.Problems, *r.rules.Broken)
	}
	r.report.Places = len(r.survey.Places())
	walk := upkeep.Walk{
		Rules: r.rules.Document, Planned: r.planner != nil, Before: r.looks, Now: r.now,
		Trail: func(ctx context.Context, l *retention.Ledger, last retention.Look) (*retention.Trail, error) {
			return r.trail(ctx, r.owners[l.Account], l, last)
		},
		Take: r.take,
	}
	if err := walk.Places(ctx, r.survey.Places()); err != nil {
		return err
	}
	if r.planner == nil {
		return r.tellBroken(ctx)
	}
	for _, region := range r.planner.Again() {
		if err := walk.Places(ctx, r.survey.In(region)); err != nil {
			return err
		}
	}
	return r.plan(ctx)
}

// take folds what was seen into the looks before, and judges it.
func (r *round) take(ctx context.Context, seen upkeep.Sight) error {
	if err := r.fold(ctx, seen); err != nil {
		return err
	}
	if r.planner != nil {
		doc := r.rules.Document.Over(seen.Ledgers)
		inv := retention.Observe(ctx, retention.Scope{
			Ledgers: seen.Ledgers, Closed: closed(r.survey), Judge: upkeep.Judge, Archive: r.archive, Wanted: doc.About, Evidence: doc.Complete().Evidence,
			Orphans: doc.AboutOrphans(), Known: r.known, Since: r.began, Regions: regionsOf(r.survey),
		})
		for _, l := range seen.Ledgers {
			l.Release()
		}
		if err := r.costs.add(ctx, r.planner.Over(doc), inv, nil); err != nil {
			return err
		}
	}
	for _, l := range seen.Ledgers {
		delete(r.known.Looks, l.Place)
	}
	return nil
}

// fold folds what is seen now into the looks before, each place by itself.
func (r *round) fold(ctx context.Context, seen upkeep.Sight) error {
	evidence := r.rules.Document.Complete().Evidence
	for n, l := range seen.Ledgers {
		if err := seen.Failures[n]; err != nil {
			r.report.Problems = append(r.report.Problems, image.Reason{Code: fault.Code(err), Sentence: fmt.Sprintf("events of account %s in %s: %s", l.Account, l.Region, fault.Sentence(err))})
		}
		g, whole := l.Glance(seen.Trails[n])
		if !whole {
			r.report.Problems = append(r.report.Problems, image.Reason{Code: "lookIncomplete", Sentence: fmt.Sprintf("account %s in %s was not seen whole", l.Account, l.Region)})
			continue
		}
		look := retention.Fold(r.looks[l.Place], g, evidence)
		if err := r.archive.KeepLook(ctx, look); err != nil {
			return err
		}
		if r.known.Looks != nil {
			r.known.Looks[l.Place] = look
		}
		r.report.Looks++
	}
	return nil
}

// trail reads the events since the look before. An error says that they could not be
// read whole: then they prove nothing.
func (s *session) trail(ctx context.Context, a owner, l *retention.Ledger, last retention.Look) (*retention.Trail, error) {
	if a == nil {
		return nil, errNotWorkedIn(l.Account)
	}
	return upkeep.ReadTrail(ctx, a, l, last)
}

// plan keeps the plan, and approves it where the document does.
func (r *round) plan(ctx context.Context) error {
	if inv := r.planner.Seen(); inv.Blind() { // the plan before says more
		r.report.Problems = append(r.report.Problems, image.Reason{Code: survey.CodeUnread, Sentence: fault.Sentence(errBlind(inv))})
		return nil
	}
	d, p, err := r.document(ctx, r.planner, r.costs, r.rules, createInput{Rules: true})
	if err != nil {
		return err
	}
	r.report.Removable = new(len(p.Going))
	if err := r.keepPlan(ctx, d); err != nil {
		return err
	}
	fatal := slices.ContainsFunc(p.Findings, func(f image.Finding) bool { return f.Level == image.Fatal })
	mode := r.rules.Document.Mode
	if len(p.Going) == 0 || fatal || r.rules.Approver == nil || mode == "" || mode == retention.ModeReport {
		return nil
	}
	runner := r.runner()
	runner.TwoPeople = false // with two people the plan marks only, and that needs nobody else
	w, err := runner.Approve(ctx, d, work.Approval{By: r.rules.Approver(p.Going[0].Rule)})
	r.report.Cleanup = w.ID
	return err
}

// tellBroken lets people know that the document of rules cannot be used: once for each
// version of it, however often the timer comes.
func (s *session) tellBroken(ctx context.Context) error {
	if s.notices == nil {
		return nil
	}
	n := s.flawed()
	n.At = s.now().UTC()
	_, err := s.notices.Box(s.journal, s.archive.Documents, rand.Text(), s.now).Put(ctx, n, nil)
	return err
}

// keepPlan stores the whole plan, and drops those that are over.
func (s *session) keepPlan(ctx context.Context, d work.Document) error {
	text, err := d.Text()
	if err != nil {
		return err
	}
	name := planFolder + d.At.UTC().Format(upkeep.Stamp) + ".json"
	if err := s.archive.Documents.Keep(ctx, name, text); err != nil && !errors.Is(err, fault.Conflict) {
		return err
	}
	names, err := s.archive.Documents.Names(ctx, planFolder, "")
	for n := range max(0, len(names)-upkeep.KeptLooks) {
		err = errors.Join(err, s.archive.Documents.Drop(ctx, names[n]))
	}
	return err
}

// planLasts is how old the plan of the timer may be that is shown.
const planLasts = 2 * time.Hour

// stored is the plan that the timer made last; ok is false if it is too old, or none.
func (s *session) stored(ctx context.Context) (d work.Document, ok bool, err error) {
	names, err := s.archive.Documents.Names(ctx, planFolder, "")
	if err != nil || len(names) == 0 {
		return d, false, err
	}
	text, err := s.archive.Documents.Kept(ctx, names[len(names)-1])
	if errors.Is(err, fault.NotFound) {
		return d, false, nil // dropped a moment ago
	}
	if err != nil {
		return d, false, err
	}
	if d, err = work.DocumentOf(text); err != nil {
		return d, false, fault.Wrap(fault.Unknown, err, "the plan of the timer cannot be read").WithCode("journalDamaged")
	}
	return d, s.now().Sub(d.At) <= planLasts, nil
}
