package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
)

// savings are what images cost, and what deleting some of them saves: the report of
// price over the images that were looked at closely.
type savings struct {
	*session
	survey *survey.Survey
	// may are those that may go.
	may map[image.Ref]pricing.Holding
}

func (s *session) savings(all *survey.Survey) savings {
	return savings{s, all.Apart(), map[image.Ref]pricing.Holding{}}
}

// atOnce is how many images are priced at once.
const atOnce = 500

// add has a planner judge what a look showed, and prices that: all, or those that are
// named.
func (s savings) add(ctx context.Context, planner *retention.Planner, inv retention.Inventory, named []image.Ref) error {
	one := appraisal{s, s.prices.Collector(s.survey), map[image.Ref]bool{}, map[image.Ref]string{}}
	for _, r := range planner.Add(inv) {
		one.may[r] = true
	}
	var held []pricing.Held
	for n := range inv.Subjects {
		i := &inv.Subjects[n]
		if i.Shallow || len(named) > 0 && !slices.Contains(named, i.Ref) {
			continue
		}
		h := pricing.Held{Image: i.Image, Root: i.Ref, Use: pricing.Used, Shared: image.Yes}
		if i.GrantsKnown && len(i.Grants) == 0 && !i.Published {
			h.Shared = image.No
		}
		if held = append(held, h); len(held) < atOnce {
			continue
		}
		if err := one.price(ctx, held); err != nil {
			return err
		}
		held = held[:0]
	}
	if err := one.price(ctx, held); err != nil {
		return err
	}
	planner.Price(one.costs)
	return nil
}

// appraisal prices what one look showed.
type appraisal struct {
	savings
	collector *pricing.Collector
	may       map[image.Ref]bool
	costs     map[image.Ref]string
}

// price prices some, and keeps those that may go.
func (p appraisal) price(ctx context.Context, held []pricing.Held) error {
	if len(held) == 0 {
		return nil
	}
	holdings := p.collector.Holdings(ctx, held)
	if err := p.prices.Stored(holdings, func(of image.Ref, costs pricing.Cost) { p.costs[of] = textOf(costs) }); err != nil {
		return err
	}
	for n := range holdings {
		if r := holdings[n].Image.Ref; p.may[r] {
			p.savings.may[r] = holdings[n]
		}
	}
	return nil
}

// of is what all those of a plan save that go.
func (s savings) of(p retention.Planned) ([]pricing.Group, error) {
	var going []pricing.Holding
	for _, c := range p.Cases {
		h, held := s.may[c.Ref]
		if held && c.Snapshot == "" && slices.Contains([]retention.Action{retention.Mark, retention.Wait, retention.Quarantine, retention.Delete}, c.Action) {
			h.Use = pricing.NotUsed
			going = append(going, h)
		}
	}
	month, err := s.prices.Savings(going)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]pricing.Group{}, month.Unused, month.UnusedShared), nil
}

// worth is what one snapshot of an image costs in a month.
func (s *session) worth(ctx context.Context, of image.Ref, id image.SnapshotID) string {
	o, err := s.opened()
	if err != nil {
		return ""
	}
	i := image.Image{Ref: of, Kind: image.KindCustom, Disks: []image.DiskMapping{{System: true, SnapshotID: id}}}
	held := []pricing.Held{{Image: i, Root: of, Use: pricing.NotUsed, Shared: image.No}}
	text := ""
	if err := s.prices.Stored(s.prices.Collector(o.survey.Apart()).Holdings(ctx, held), func(_ image.Ref, costs pricing.Cost) { text = textOf(costs) }); err != nil {
		return ""
	}
	return text
}

func textOf(c pricing.Cost) string {
	text, err := json.Marshal(c)
	if err != nil { // amounts have no way to fail
		return ""
	}
	return string(text)
}

// costOf reads a cost that was written down; nil: none was.
func costOf(text string) *pricing.Cost {
	var c pricing.Cost
	if text == "" || json.Unmarshal([]byte(text), &c) != nil {
		return nil
	}
	return &c
}

// sumOf is what snapshots of one image cost together; nil: nobody wrote that down.
func sumOf(saved map[image.SnapshotID]string) *pricing.Cost {
	var costs []pricing.Cost
	for _, text := range saved {
		if c := costOf(text); c != nil {
			costs = append(costs, *c)
		}
	}
	sum := pricing.Add(costs)
	if len(sum) != 1 { // an account pays in one currency
		return nil
	}
	return &sum[0]
}

// Header names the columns of a plan as a table.
func (s stepOut) Header() []string {
	return []string{
		"action", "stage", "imageId", "snapshotId", "regionId", "accountId", "name", "rule", "dueAt", "savesLower", "savesUpper", "currency", "reason", "reasons", "sentence",
	}
}

// Cells are those of one step.
func (s stepOut) Cells() []string {
	due, lower, upper, currency := "", "", "", ""
	if s.DueAt != nil {
		due = s.DueAt.Format(time.RFC3339)
	}
	if s.Saves != nil {
		lower, upper, currency = s.Saves.Bounds()
	}
	codes := make([]string, len(s.Reasons))
	for n, r := range s.Reasons {
		codes[n] = r.Code
	}
	first := image.Reason{}
	if len(s.Reasons) > 0 {
		first = s.Reasons[0]
	}
	return []string{
		s.Action, s.Stage, string(s.ImageID), string(s.SnapshotID), string(s.RegionID), string(s.AccountID), s.Name, s.Rule, due, lower, upper, currency,
		first.Code, strings.Join(codes, " "), first.Sentence,
	}
}
