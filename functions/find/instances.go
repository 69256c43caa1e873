package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"imagekeeper/shared/fault"
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
	after, err := parseFleetCursor(in.Cursor, in.Sort)
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
	shown := out.page(seen.Servers, in.Sort, after, in.Limit)
	told, notRead := h.prices().OfServers(ctx, all, shown)
	out.AsOf, out.LicencesUnread = places.AsOf(all), notRead
	for n := range shown {
		out.Items = append(out.Items, quoting.NewServer(shown[n], told[n], h.now()))
	}
	return out, nil
}

// page returns the servers after a position in an order, and sets the next cursor.
func (f *fleet) page(servers []usage.Server, by usage.Order, after *usage.Position, limit *int) []usage.Server {
	var shown []usage.Server
	most := pageOfServers
	if limit != nil {
		most = *limit
	}
	by.Sort(servers)
	for _, s := range servers {
		if after != nil && by.Compare(*after, by.At(s)) >= 0 {
			continue
		}
		if len(shown) == most {
			f.NextCursor = fleetCursor(by, by.At(shown[most-1]))
			break
		}
		shown = append(shown, s)
	}
	return shown
}

// fleetPlace is what a cursor says: a position, and in which order.
type fleetPlace struct {
	By usage.Order    `json:"by,omitempty"`
	At usage.Position `json:"at"`
}

func fleetCursor(by usage.Order, at usage.Position) string {
	text, _ := json.Marshal(fleetPlace{by, at}) // text always can be
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseFleetCursor reads the position that a cursor names; nil for none.
func parseFleetCursor(cursor string, by usage.Order) (*usage.Position, error) {
	if cursor == "" {
		return nil, nil
	}
	var p fleetPlace
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p.At.ID == "" || p.By != by {
		return nil, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API, or of another order")
	}
	return &p.At, nil
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
