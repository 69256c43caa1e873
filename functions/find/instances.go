package main

import (
	"context"
	"iter"
	"net/http"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/usage"
)

// pageOfServers is how many instances a page has unless asked otherwise.
const pageOfServers = 1000

// fleet is the answer of find.instances.
type fleet struct {
	*function.Problem
	AsOf       time.Time        `json:"asOf"`
	Items      []quoting.Server `json:"items"`
	Total      *int             `json:"total,omitempty"`
	NextCursor string           `json:"nextCursor,omitempty"`
	Unknown    []image.Unread   `json:"unknown"`
	// LicencesUnread is what could not be read to price licences. The list of
	// instances is whole all the same.
	LicencesUnread []image.Unread `json:"licencesUnread,omitempty"`
	// Hints are what may have been meant, where there is nothing.
	Hints []image.Reason `json:"hints,omitempty"`
}

func (h handler) instances(ctx context.Context, call function.Call, in fleetInput) (fleet, error) {
	after, err := usage.ParseCursor(in.Cursor, in.Sort)
	if err != nil {
		return fleet{}, err
	}
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return fleet{}, err
	}
	seen, err := usage.Look(ctx, all, here, in.filter())
	if err != nil {
		return fleet{}, err
	}
	out := fleet{Items: []quoting.Server{}, Unknown: seen.Unread, Hints: seen.Hints}
	if len(seen.Unread) == 0 {
		total := len(seen.Servers)
		out.Total = &total
	}
	if seen.Read == 0 && len(seen.Unread) > 0 {
		if in.Listed() {
			return fleet{}, blind(seen.Unread)
		}
		out.Problem = call.Problem(blind(seen.Unread))
	}
	most := pageOfServers
	if in.Limit != nil {
		most = *in.Limit
	}
	shown, next := in.Sort.Page(seen.Servers, after, most)
	told, notRead := h.prices().OfServers(ctx, all, shown)
	out.AsOf, out.LicencesUnread, out.NextCursor = places.AsOf(all), notRead, next
	for n := range shown {
		out.Items = append(out.Items, quoting.NewServer(shown[n], told[n], h.now()))
	}
	return out, nil
}

// HTTPHeader repeats what a table has no place for.
func (f fleet) HTTPHeader() http.Header { return f.list().HTTPHeader() }

// list is the fleet's frame in the shape that all lists share.
func (f fleet) list() list {
	return list{Problem: f.Problem, NextCursor: f.NextCursor, Unknown: f.Unknown}
}

// Rows is the fleet as a table.
func (f fleet) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[quoting.Server]{Header: quoting.ServerHeader(), Cells: quoting.Server.Columns}.Of(f.Items)
}

// Lines is the fleet one instance per line, and then one line with the rest.
func (f fleet) Lines() iter.Seq[any] {
	return function.LinesOf(f.Items, end{End: true, AsOf: f.AsOf, Count: len(f.Items), Total: f.Total, NextCursor: f.NextCursor, Unknown: f.Unknown, LicencesUnread: f.LicencesUnread, Hints: f.Hints})
}

// LineTypes are an instance, and the last line.
func (f fleet) LineTypes() []any { return []any{quoting.Server{}, end{}} }
