package works

import (
	"iter"

	"imagekeeper/shared/image"
)

// Row is a step that can be shown as a row of a table, for inputs that have a
// function.Table.
type Row interface {
	// Header names the columns, the same for every step.
	Header() []string
	Cells() []string
}

// Rows are the steps of the plan as a table; none if the kind's steps are no rows.
func (a Answer[S, I]) Rows() ([]string, iter.Seq[[]string]) {
	var none S
	row, ok := any(none).(Row)
	if !ok {
		return nil, func(func([]string) bool) {}
	}
	return row.Header(), func(yield func([]string) bool) {
		for _, s := range a.steps() {
			if row, ok := any(s).(Row); ok && !yield(row.Cells()) {
				return
			}
		}
	}
}

func (a Answer[S, I]) steps() []S {
	if a.Plan == nil {
		return nil
	}
	return a.Plan.Steps
}

// LineTypes are a step, and the last line.
func (a Answer[S, I]) LineTypes() []any {
	var step S
	return []any{step, planEnd{}}
}

// Lines are the plan one step per line, and then one line with the rest of the answer.
func (a Answer[S, I]) Lines() iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, s := range a.steps() {
			if !yield(s) {
				return
			}
		}
		end := planEnd{End: true, Count: len(a.steps()), Findings: a.Findings, Totals: a.Totals, Unknown: a.Unknown, NextCursor: a.NextCursor}
		if a.Plan != nil {
			end.Digest, end.Applicable = a.Plan.Digest, a.Plan.Applicable
		}
		yield(end)
	}
}

// planEnd is the last line of format=ndjson.
type planEnd struct {
	// End: always true: this is the last line, and nothing is missing.
	End bool `json:"end"`
	// Count: how many lines came before.
	Count int `json:"count"`
	// Digest: what this plan is applied by.
	Digest string `json:"digest"`
	// Applicable: nothing keeps it from being applied.
	Applicable bool `json:"applicable"`
	// Findings: what is objected to.
	Findings []image.Finding `json:"findings"`
	// Totals: what the plan comes to.
	Totals  Totals         `json:"totals,omitempty"`
	Unknown []image.Unread `json:"unknown"`
	// NextCursor asks for further steps of the plan; left out: these are the last.
	NextCursor string `json:"nextCursor,omitempty"`
}
