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

// add has a planner judge what a look showed, and prices that.
func (s savings) add(ctx context.Context, planner *retention.Planner, inv retention.Inventory, among []image.Ref) error {
	var held []pricing.Held
	for n := range inv.Subjects {
		i := &inv.Subjects[n]
		if i.Shallow || len(among) > 0 && !slices.Contains(among, i.Ref) {
			continue
		}
		h := pricing.Held{Image: i.Image, Root: i.Ref, Use: pricing.NotUsed, Shared: image.Yes}
		if i.GrantsKnown && len(i.Grants) == 0 && !i.Published {
			h.Shared = image.No
		}
		held = append(held, h)
	}
	costs := map[image.Ref]string{}
	var holdings []pricing.Holding
	if len(held) > 0 {
		holdings = s.prices.Holdings(ctx, s.survey, held)
		month, err := s.prices.Savings(holdings)
		if err != nil {
			return err
		}
		for _, rows := range [][]pricing.Row{month.Rows, month.Unknown} {
			for n := range rows {
				costs[rows[n].Image] = textOf(rows[n].Storage)
			}
		}
	}
	may := map[image.Ref]bool{}
	for _, r := range planner.Add(inv, func(r image.Ref) string { return costs[r] }) {
		may[r] = true
	}
	for n := range holdings {
		if may[holdings[n].Image.Ref] {
			s.may[holdings[n].Image.Ref] = holdings[n]
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
	month, err := s.prices.Savings(s.prices.Holdings(ctx, o.survey.Apart(), []pricing.Held{{Image: i, Root: of, Use: pricing.NotUsed, Shared: image.No}}))
	if err != nil || len(month.Rows)+len(month.Unknown) == 0 {
		return ""
	}
	return textOf(slices.Concat(month.Rows, month.Unknown)[0].Storage)
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
