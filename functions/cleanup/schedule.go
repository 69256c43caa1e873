package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	report := scheduleReport{Problems: []image.Reason{}}
	places := map[retention.Place]retention.Reader{}
	for _, p := range o.survey.Places() {
		places[retention.Place{Account: p.Account, Region: p.Region}] = p
	}
	ledgers := retention.OpenLedgers(ctx, places, h.now)
	if s.rules().Document.AboutOrphans() {
		retention.ListAllSnapshots(ctx, ledgers)
	}
	report.Places = len(ledgers)
	if err := s.fold(ctx, o, ledgers, &report); err != nil {
		return report, err
	}
	err = s.planAll(ctx, o, ledgers, &report)
	for _, p := range report.Problems {
		call.Log.Warn("schedule", "code", p.Code, "error", p.Sentence)
	}
	return report, err
}

// fold folds what is seen now into the looks before, each place by itself.
func (s *session) fold(ctx context.Context, o opened, ledgers []*retention.Ledger, report *scheduleReport) error {
	before, err := s.archive.Looks(ctx)
	if err != nil {
		return err
	}
	evidence := s.rules().Document.Complete().Evidence
	for _, l := range ledgers {
		last := before[l.Place]
		trail, err := s.trail(ctx, o.owners[l.Account], l, last)
		if err != nil {
			report.Problems = append(report.Problems, image.Reason{Code: fault.Code(err), Sentence: fmt.Sprintf("events of account %s in %s: %s", l.Account, l.Region, fault.Sentence(err))})
		}
		g, whole := l.Glance(trail)
		if !whole {
			report.Problems = append(report.Problems, image.Reason{Code: "lookIncomplete", Sentence: fmt.Sprintf("account %s in %s was not seen whole", l.Account, l.Region)})
			continue
		}
		if err := s.archive.KeepLook(ctx, retention.Fold(last, g, evidence)); err != nil {
			return err
		}
		report.Looks++
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

// planAll plans by the rules, keeps the plan, and approves it where the document does.
func (s *session) planAll(ctx context.Context, o opened, ledgers []*retention.Ledger, report *scheduleReport) error {
	rules := s.rules()
	if rules.Broken != nil {
		report.Problems = append(report.Problems, *rules.Broken)
		return s.tellBroken(ctx)
	}
	doc := rules.Document.Over(ledgers)
	inv := retention.Observe(ctx, retention.Eyes{
		Ledgers: ledgers, Closed: closed(o.survey), Judge: upkeep.Judge, Archive: s.archive, Wanted: doc.About, Evidence: doc.Complete().Evidence,
		Orphans: doc.AboutOrphans(),
	})
	for _, l := range ledgers {
		l.Release()
	}
	if inv.Blind() { // the plan before says more
		report.Problems = append(report.Problems, image.Reason{Code: survey.CodeUnread, Sentence: fault.Sentence(errBlind(inv))})
		return nil
	}
	p, err := retention.Plan(inv, doc, retention.Request{MarkOnly: s.config.Of("cleanup")}, s.now())
	if err != nil {
		return err
	}
	report.Removable = new(len(p.Going))
	if err := s.withBin(ctx, &p, ""); err != nil {
		return err
	}
	d, err := s.document(ctx, o.survey, p, inv, rules)
	if err != nil {
		return err
	}
	if err := s.keepPlan(ctx, d); err != nil {
		return err
	}
	fatal := slices.ContainsFunc(p.Findings, func(f image.Finding) bool { return f.Level == image.Fatal })
	if len(p.Going) == 0 || fatal || rules.Approver == nil || doc.Mode == "" || doc.Mode == retention.ModeReport {
		return nil
	}
	r := s.runner()
	r.TwoPeople = false // with two people the plan marks only, and that needs nobody else
	w, err := r.Approve(ctx, d, work.Approval{By: rules.Approver(p.Going[0].Rule)})
	report.Cleanup = w.ID
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
