package main

import (
	"context"
	"iter"
	"net/http"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/usage"
)

// users is the answer of find.usage.
type users struct {
	located
	usage.Told
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) usage(ctx context.Context, call function.Call, in aroundInput) (users, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return users{}, err
	}
	closed := all.Unread()
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return users{}, err
	}
	report := usage.Judge(usage.Survey(ctx, *d.Sighting.Image, all.Apart(), closed))
	return users{newLocated(d, all.AsOf()), usage.Tell(report), image.AllUnread(closed, d.Unread)}, nil
}

// HTTPHeader repeats what a table has no place for.
func (u users) HTTPHeader() http.Header { return list{Unknown: u.Unknown}.HTTPHeader() }

// useRow is a use in a table, or an account without one.
type useRow struct {
	of  usage.Consumer
	use usage.Use
}

// Rows are the uses, and the accounts without one, as a table.
func (u users) Rows() ([]string, iter.Seq[[]string]) {
	var rows []useRow
	for _, c := range u.Consumers {
		for _, use := range c.Uses {
			rows = append(rows, useRow{c, use})
		}
		if len(c.Uses) == 0 {
			none := useRow{of: c}
			if len(c.Why) > 0 {
				none.use.Sentence = c.Why[0].Sentence
			}
			rows = append(rows, none)
		}
	}
	return function.Sheet[useRow]{
		Header: []string{"imageId", "accountId", "verdict", "regionId", "kind", "id", "name", "breaks", "sentence"},
		Cells: func(r useRow) []string {
			return []string{
				string(u.Image.ID), string(r.of.Account), string(r.of.Verdict), string(r.use.Region), string(r.use.Kind), r.use.ID, r.use.Name,
				string(r.use.Breaks), r.use.Sentence,
			}
		},
	}.Of(rows)
}

// Lines are the accounts that may use it, one per line, and then one line with the
// rest.
func (u users) Lines() iter.Seq[any] {
	return function.LinesOf(u.Consumers, usersEnd{true, len(u.Consumers), u.located, u.Verdict, u.Reasons, u.SharedWith, u.Causes, u.Unknown})
}

// LineTypes are an account, and the last line.
func (u users) LineTypes() []any { return []any{usage.Consumer{}, usersEnd{}} }

// usersEnd is the last line of format=ndjson: all but the accounts, which came before.
type usersEnd struct {
	// End: always true: this is the last line, and nothing is missing.
	End bool `json:"end"`
	// Count: how many lines came before.
	Count int `json:"count"`
	located
	Verdict usage.Verdict  `json:"verdict"`
	Reasons []image.Reason `json:"reasons"`
	// SharedWith are the accounts it is shared with; that alone is not use.
	SharedWith []usage.Grantee `json:"sharedWith"`
	// Causes are why something could be there that was not seen.
	Causes  []usage.CauseTold `json:"causes"`
	Unknown []image.Unread    `json:"unknown"`
}
