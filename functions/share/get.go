package main

import (
	"context"
	"fmt"
	"iter"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/sharing"
)

// get answers who may use an image.
func (h handler) get(ctx context.Context, call function.Call, in getInput) (shares, error) {
	if err := in.Unfit("history", in.History); err != nil {
		return shares{}, err
	}
	s, err := h.session(ctx, call, in.subject)
	if err != nil {
		return shares{}, err
	}
	found, err := sharing.Locate(ctx, s.asked, in.ImageID)
	if err != nil {
		return shares{}, err
	}
	if found.Kind != image.KindCustom {
		return shares{}, &fault.Error{
			Kind: fault.Precondition, Code: "notOurs", Field: "imageId",
			Sentence: fmt.Sprintf("is a %s image: only its owner sees whom it is shared with", found.Kind),
		}
	}
	asOf := h.now()
	seen, err := s.looker().See(ctx, found, s.log.Read)
	if err != nil {
		return shares{}, err
	}
	return shares{sharing.ListOf(seen, asOf, in.History)}, nil
}

// shares is who may use an image.
type shares struct{ sharing.List }

// Rows are the accounts as a table: those that have access, and those that had it
// and lost it elsewhere.
func (s shares) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[sharing.Share]{Header: sharing.Columns(), Cells: s.Cells}.Of(s.List.Rows())
}

// Lines are the accounts that have access, one per line, and then one line with the
// rest.
func (s shares) Lines() iter.Seq[any] {
	return function.LinesOf(s.Accounts, sharesEnd{true, s.Total, s.Shared})
}

// LineTypes are an account, and the last line.
func (s shares) LineTypes() []any { return []any{sharing.Share{}, sharesEnd{}} }

// sharesEnd is the last line of format=ndjson.
type sharesEnd struct {
	// End: always true: this is the last line, and nothing is missing.
	End bool `json:"end"`
	// Count: how many lines came before.
	Count int `json:"count"`
	sharing.Shared
}
