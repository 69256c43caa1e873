package main

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// located is which image a question is about, as the answer says it.
type located struct {
	AsOf   time.Time   `json:"asOf"`
	Image  image.Ref   `json:"image"`
	Name   string      `json:"name"`
	Kind   image.Kind  `json:"kind"`
	Family string      `json:"imageFamily,omitempty"`
	Also   []image.Ref `json:"elsewhere"`
	// Ambiguous: other places have an image of this id, too.
	Ambiguous bool `json:"ambiguous"`
}

func newLocated(d selection.Described, asOf time.Time) located {
	return located{
		AsOf: asOf.UTC().Truncate(time.Second), Image: d.Ref, Name: d.Name, Kind: d.Kind, Family: string(d.Family),
		Also: append([]image.Ref{}, d.Elsewhere...), Ambiguous: len(d.Elsewhere) > 0,
	}
}

// ancestry is the answer of find.lineage.
type ancestry struct {
	located
	lineage.Told
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) lineage(ctx context.Context, call function.Call, in aroundInput) (ancestry, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return ancestry{}, err
	}
	closed := all.Unread()
	traces := all.Apart()
	traces.Each(func(p *survey.Place) { _, _ = p.Images(ctx, image.Listing{Statuses: image.Statuses()}) }) // everything here goes by them
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return ancestry{}, err
	}
	granted := all.Apart()
	told, unread := lineage.Tell(ctx, traces.Places(), granted, *d.Sighting.Image, closed)
	return ancestry{newLocated(d, all.AsOf()), told, image.AllUnread(granted.Unread(), unread, d.Unread)}, nil
}

// HTTPHeader repeats what a table has no place for.
func (a ancestry) HTTPHeader() http.Header { return list{Unknown: a.Unknown}.HTTPHeader() }

// linkRow is a link in one list of both directions.
type linkRow struct {
	// Relation: parent, where the link leads to what the image comes from; child, to
	// what was made from it.
	Relation string `json:"relation"`
	lineage.LinkTold
}

// links are all of both directions, parents first.
func (a ancestry) links() []linkRow {
	var rows []linkRow
	for _, l := range a.Parents {
		rows = append(rows, linkRow{"parent", l})
	}
	for _, l := range a.Children {
		rows = append(rows, linkRow{"child", l})
	}
	return rows
}

// Rows are the links as a table.
func (a ancestry) Rows() ([]string, iter.Seq[[]string]) {
	of := func(r lineage.Relative) []string {
		return []string{string(r.RegionID), string(r.ImageID), r.Name, string(r.OwnerID)}
	}
	return function.Sheet[linkRow]{
		Header: []string{
			"imageId", "relation", "parentRegionId", "parentId", "parentName", "parentOwnerId", "childRegionId", "childId", "childName", "childOwnerId",
			"evidence", "certainty", "skips", "copy", "code", "sentence",
		},
		Cells: func(r linkRow) []string {
			return slices.Concat([]string{string(a.Image.ID), r.Relation}, of(r.Parent), of(r.Child), []string{
				string(r.Evidence), string(r.Certainty), strconv.FormatBool(r.Skips), strconv.FormatBool(r.Copy), r.Code, r.Sentence,
			})
		},
	}.Of(a.links())
}

// Lines are the links, one per line, and then one line with the rest.
func (a ancestry) Lines() iter.Seq[any] {
	rows := a.links()
	return function.LinesOf(rows, ancestryEnd{true, len(rows), a.located, a.Source, a.SharedWith, a.Conflicts, a.Unknown})
}

// LineTypes are a link, and the last line.
func (a ancestry) LineTypes() []any { return []any{linkRow{}, ancestryEnd{}} }

// ancestryEnd is the last line of format=ndjson: all but the links, which came
// before.
type ancestryEnd struct {
	// End: always true: this is the last line, and nothing is missing.
	End bool `json:"end"`
	// Count: how many lines came before.
	Count int `json:"count"`
	located
	Source lineage.Origin `json:"source"`
	// SharedWith: the images and accounts it is shared with.
	SharedWith []lineage.ShareTold `json:"sharedWith"`
	// Conflicts: what does not agree with each other.
	Conflicts []image.Reason `json:"conflicts"`
	Unknown   []image.Unread `json:"unknown"`
}
