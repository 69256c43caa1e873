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

// besideSaves is where a step has what it saves.
const besideSaves = "saves"

// saves tells each step of a plan what it saves, and returns what all that go save
// together. It is the report of price over the images that were looked at closely.
func (s *session) saves(ctx context.Context, all *survey.Survey, p *retention.Planned, inv retention.Inventory) ([]pricing.Group, error) {
	going := map[image.Ref]bool{}
	for _, j := range p.Judgements {
		going[j.Ref] = j.Snapshot == "" && slices.Contains([]retention.Action{retention.Mark, retention.Wait, retention.Quarantine, retention.Delete}, j.Action)
	}
	var held []pricing.Held
	for n := range inv.Subjects {
		i := &inv.Subjects[n]
		goes, judged := going[i.Ref]
		if i.Shallow || !judged {
			continue
		}
		h := pricing.Held{Image: i.Image, Root: i.Ref, Use: pricing.Used, Shared: image.Yes}
		if goes {
			h.Use = pricing.NotUsed
		}
		if i.GrantsKnown && len(i.Grants) == 0 && !i.Published {
			h.Shared = image.No
		}
		held = append(held, h)
	}
	if len(held) == 0 {
		return []pricing.Group{}, nil
	}
	month, err := s.prices.Savings(ctx, all.Apart(), held)
	if err != nil {
		return nil, err
	}
	costs := map[string]string{}
	for _, row := range slices.Concat(month.Rows, month.Unknown) {
		costs[row.Image.String()] = textOf(row.Storage)
	}
	for n := range p.Document.Plan.Steps {
		beside(&p.Document.Plan.Steps[n].Beside, costs[p.Document.Plan.Steps[n].Subject])
	}
	for n := range p.Document.Others {
		beside(&p.Document.Others[n].Beside, costs[p.Document.Others[n].Subject])
	}
	return slices.Concat([]pricing.Group{}, month.Unused, month.UnusedShared), nil
}

func beside(to *map[string]string, saves string) {
	if saves != "" {
		*to = map[string]string{besideSaves: saves}
	}
}

// worth is what one snapshot of an image costs in a month.
func (s *session) worth(ctx context.Context, of image.Ref, id image.SnapshotID) string {
	o, err := s.opened()
	if err != nil {
		return ""
	}
	i := image.Image{Ref: of, Kind: image.KindCustom, Disks: []image.DiskMapping{{System: true, SnapshotID: id}}}
	month, err := s.prices.Savings(ctx, o.survey.Apart(), []pricing.Held{{Image: i, Root: of, Use: pricing.NotUsed, Shared: image.No}})
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
