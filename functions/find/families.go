package main

import (
	"context"
	"iter"
	"net/http"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
)

// families is the answer of find.families. When nothing could be read it is a
// problem document as well.
type families struct {
	*function.Problem
	AsOf  time.Time      `json:"asOf"`
	Items []quoting.Line `json:"items"`
	// Total is missing while something is unknown.
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	// PassedOver: the images that do not fit, where there is no family.
	PassedOver *passedOver `json:"passedOver,omitempty"`
	// Hints are what may have been meant, where there is no family.
	Hints []image.Reason `json:"hints,omitempty"`
}

func (h handler) families(ctx context.Context, call function.Call, in familiesInput) (families, error) {
	here, pricer, err := h.pricing(ctx, call, in.Where, in.filter, "")
	if err != nil {
		return families{}, err
	}
	found, err := selection.Families(ctx, here, pricer, in.query(h.config.TrustedOwners), in.Sort)
	if err != nil {
		return families{}, err
	}
	out := families{
		AsOf: here.AsOf().UTC().Truncate(time.Second), Items: []quoting.Line{}, NextCursor: found.Next, Unknown: image.AllUnread(found.Unread), Hints: found.Meant,
	}
	if found.Blind {
		if in.Listed() {
			return families{}, blind(found.Unread)
		}
		out.Problem = call.Problem(blind(found.Unread))
	}
	if found.Total >= 0 {
		out.Total = &found.Total
	}
	if found.PassedOver != nil {
		pricer.Settle(ctx, sightingsOf(found.PassedOver.Examples))
		out.PassedOver = newPassedOver(*found.PassedOver, pricer)
	}
	for _, l := range found.Page {
		out.Items = append(out.Items, quoting.NewLine(l))
	}
	return out, nil
}

// list is the frame in the shape that all lists share.
func (f families) list() list {
	return list{Problem: f.Problem, NextCursor: f.NextCursor, Unknown: f.Unknown}
}

// HTTPHeader repeats what a table has no place for.
func (f families) HTTPHeader() http.Header { return f.list().HTTPHeader() }

// Rows are the families as a table.
func (f families) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[quoting.Line]{Header: quoting.LineHeader(), Cells: quoting.Line.Columns}.Of(f.Items)
}

// Lines are the families, one per line, and then one line with the rest.
func (f families) Lines() iter.Seq[any] {
	return function.LinesOf(f.Items, end{End: true, AsOf: f.AsOf, Count: len(f.Items), Total: f.Total, NextCursor: f.NextCursor, Unknown: f.Unknown, PassedOver: f.PassedOver, Hints: f.Hints})
}

// LineTypes are a family, and the last line.
func (f families) LineTypes() []any { return []any{quoting.Line{}, end{}} }
