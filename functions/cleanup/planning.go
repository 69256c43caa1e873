package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// plan looks at the world and plans.
func (s *session) plan(ctx context.Context, in createInput) (work.Document, error) {
	o, err := s.opened()
	if err != nil {
		return work.Document{}, err
	}
	if in.Rules && in.Image == "" {
		if d, ok, err := s.stored(ctx); ok || err != nil {
			return d, err
		}
	}
	if in.Image != "" {
		if err := s.there(ctx, o.survey, in.Image); err != nil {
			return work.Document{}, err
		}
	}
	rules := s.rules()
	var named []image.Ref
	if len(in.Images) > 0 {
		if named, err = s.named(ctx, o.survey, in); err != nil {
			return work.Document{}, err
		}
	}
	inv := s.observe(ctx, o.survey, &rules.Document, named, in.SkipWaits)
	if inv.Blind() {
		return work.Document{}, errBlind(inv)
	}
	if in.SkipWaits {
		if all := withCopies(inv, named); len(all) > len(named) { // what they were copied from was not looked at closely
			named = all
			inv = s.observe(ctx, o.survey, &rules.Document, named, in.SkipWaits)
		}
	}
	planner := retention.NewPlanner(rules.Document, retention.Request{Images: named, SkipWaits: in.SkipWaits, Reason: in.Reason, Only: in.Image}, s.now())
	costs := s.savings(o.survey)
	if err := costs.add(ctx, planner, inv, named); err != nil {
		return work.Document{}, err
	}
	d, _, err := s.document(ctx, planner, costs, rules, in)
	return d.Whole(), err
}

// errBlind: there is nothing to plan by.
func errBlind(inv retention.Inventory) error {
	return survey.Unreadable(inv.Unread, "the images of no account and region could be read (%s)", survey.Sentence(inv.Unread))
}

// withBin adds to a plan what is in the bin, and waits there for its end: of every image,
// or of one.
func (s *session) withBin(ctx context.Context, p *retention.Planned, only image.ID) error {
	stories, err := s.archive.All(ctx)
	if err != nil {
		return err
	}
	entries, _, err := s.entries(ctx, stories)
	if err != nil {
		return err
	}
	p.WithBin(entries, only, s.now())
	return nil
}

// named finds the images that are named: one of an account of ours each.
func (s *session) named(ctx context.Context, all *survey.Survey, in createInput) ([]image.Ref, error) {
	within := survey.Within{}
	if in.Region != "" {
		within.Regions = []image.RegionID{in.Region}
	}
	if in.Account != "" {
		within.Accounts = []image.AccountID{in.Account}
	}
	asked, err := all.Narrow(within)
	if err != nil {
		return nil, err
	}
	found := asked.Find(ctx, in.Images)
	var refs []image.Ref
	for n, id := range in.Images {
		var own []image.Ref
		seen := false
		for _, f := range found {
			if f.ID != id {
				continue
			}
			seen = true
			for _, i := range f.Views {
				if i.Kind == image.KindCustom && i.Account != "" {
					own = append(own, i.Ref)
				}
			}
		}
		field := fmt.Sprintf("images[%d]", n)
		switch {
		case len(own) == 1:
			refs = append(refs, own[0])
		case len(own) > 1:
			return nil, fault.InField("region", "ambiguous", "must say which %s is meant: %s", id, own)
		case len(asked.Unread()) > 0:
			return nil, survey.Unreadable(asked.Unread(), "%s was not found as an image of ours, and not all could be read (%s)", id, survey.Sentence(asked.Unread()))
		case seen:
			return nil, &fault.Error{Kind: fault.Precondition, Code: "notOurs", Field: field, Sentence: fmt.Sprintf("is %s, which is not an image of an account of ours", id)}
		default:
			return nil, s.notFound(ctx, id)
		}
	}
	return refs, nil
}

// there fails for an image that is neither to be seen nor in the bin.
func (s *session) there(ctx context.Context, all *survey.Survey, id image.ID) error {
	if len(all.Find(ctx, []image.ID{id})) > 0 {
		return nil
	}
	stories, err := s.archive.Of(ctx, id)
	if err != nil || len(stories) > 0 {
		return err
	}
	if unread := all.Unread(); len(unread) > 0 {
		return survey.Unreadable(unread, "%s was not found, and not all could be read (%s)", id, survey.Sentence(unread))
	}
	return s.notFound(ctx, id)
}

// notFound says that an image is not there, and whether the bin has it.
func (s *session) notFound(ctx context.Context, id image.ID) error {
	where := ""
	stories, err := s.archive.Of(ctx, id)
	if entries, _, unread := s.entries(ctx, stories); err == nil && unread == nil && len(entries) > 0 {
		where = fmt.Sprintf("; it was deleted: see GET /bin?state=all, and POST /bin/%s/restore", id)
	}
	return fault.New(fault.NotFound, "there is no image %s where it was looked for%s", id, where)
}

// observe looks at all places, or at the regions of what is named.
func (s *session) observe(ctx context.Context, all *survey.Survey, doc *retention.Document, named []image.Ref, copies bool) retention.Inventory {
	places := map[retention.Place]retention.Reader{}
	for _, p := range all.Places() {
		there := len(named) == 0 || copies || slices.ContainsFunc(named, func(r image.Ref) bool { return r.Region == p.Region })
		if there {
			places[retention.Place{Account: p.Account, Region: p.Region}] = p
		}
	}
	ledgers := retention.OpenLedgers(ctx, places, s.now)
	*doc = doc.Over(ledgers)
	wanted := func(i image.Image) bool {
		if len(named) > 0 {
			return slices.Contains(named, i.Ref) || copies && i.Copied
		}
		return doc.About(i)
	}
	return retention.Observe(ctx, retention.Scope{
		Ledgers: ledgers, Closed: closed(all), Judge: upkeep.Judge, Archive: s.archive, Wanted: wanted,
		Evidence: doc.Complete().Evidence, Orphans: len(named) == 0 && doc.AboutOrphans(), Regions: regionsOf(all),
	})
}

// regionsOf are all that are looked at.
func regionsOf(all *survey.Survey) []image.RegionID {
	var regions []image.RegionID
	for _, p := range all.Places() {
		regions = append(regions, p.Region)
	}
	return regions
}

// closed are the accounts that could not be opened.
func closed(all *survey.Survey) []image.Unread {
	var out []image.Unread
	for _, u := range all.Again().Unread() {
		if u.Region == "" {
			out = append(out, u)
		}
	}
	return out
}

// withCopies adds the regional copies of images.
func withCopies(inv retention.Inventory, named []image.Ref) []image.Ref {
	lines := map[string]bool{}
	for _, s := range inv.Subjects {
		if s.Line != "" && slices.Contains(named, s.Ref) {
			lines[s.Line] = true
		}
	}
	for _, s := range inv.Subjects {
		if lines[s.Line] && !slices.Contains(named, s.Ref) {
			named = append(named, s.Ref)
		}
	}
	return named
}

// totals are the counts of a plan.
type totals struct {
	// AsOf is when the look began that the plan relies on; left out: nothing was seen.
	AsOf time.Time `json:"asOf,omitzero"`
	// AtLeast: something could not be read that a plan goes by, or the document of rules
	// cannot be used: there may be more images, more of them may go, and more be saved.
	AtLeast bool `json:"atLeast,omitempty"`
	Images  int  `json:"images"`
	// Actions is how many there are of each.
	Actions map[retention.Action]int `json:"actions"`
	// Saves is what a month costs less once all of them are gone that this plan removes,
	// or that are on their way already, as the report of price says it: of those that are
	// shared with nobody, and of the others; for each currency. Left out: nothing is known
	// to go, and something could not be read.
	Saves []pricing.Group `json:"saves,omitzero"`
}

// document is what is kept of a plan, and shown, and the plan itself.
func (s *session) document(ctx context.Context, planner *retention.Planner, costs savings, rules retention.Ruling, in createInput) (work.Document, retention.Planned, error) {
	p, err := planner.Plan()
	if err != nil {
		return work.Document{}, p, err
	}
	if in.Rules {
		if err := s.withBin(ctx, &p, in.Image); err != nil {
			return work.Document{}, p, err
		}
	}
	inv := planner.Seen()
	t := totals{AsOf: inv.BeganAt.UTC().Truncate(time.Second), Images: len(p.Cases), Actions: map[retention.Action]int{}}
	for _, c := range p.Cases {
		t.Actions[c.Action]++
	}
	if rules.Broken != nil {
		p.Findings = append([]image.Finding{{Level: image.Fatal, Reason: *rules.Broken, Remedy: "mend the document of rules (CLEANUP_RULES)"}}, p.Findings...)
	}
	if t.Saves, err = costs.of(p); err != nil {
		return work.Document{}, p, err
	}
	t.AtLeast = len(inv.Unread)+len(inv.JournalUnread)+len(inv.Short) > 0 || rules.Broken != nil
	if t.AtLeast && len(t.Saves) == 0 {
		t.Saves = nil
	}
	counts, err := json.Marshal(t)
	if err != nil {
		return work.Document{}, p, fault.Wrap(fault.Internal, err, "totals cannot be written")
	}
	p.Document.Shown, err = json.Marshal(works.Shown{Findings: p.Findings, Totals: counts, Unknown: image.AllUnread(inv.Unread)})
	if err != nil {
		return work.Document{}, p, fault.Wrap(fault.Internal, err, "what is shown with a plan cannot be written")
	}
	return p.Document, p, nil
}
