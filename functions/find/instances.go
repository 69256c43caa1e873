package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"iter"
	"net/http"
	"strings"
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
	after, err := parseFleetCursor(in.Cursor)
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
	shown := out.page(seen.Servers, after, in.Limit)
	told, notRead := h.prices().OfServers(ctx, all, shown)
	out.AsOf, out.LicencesUnread = places.AsOf(all), notRead
	for n := range shown {
		out.Items = append(out.Items, quoting.NewServer(shown[n], told[n], h.now()))
	}
	return out, nil
}

// page returns the servers after a place in the order, and sets the next cursor.
func (f *fleet) page(servers []usage.Server, after *fleetPlace, limit *int) []usage.Server {
	var shown []usage.Server
	most := pageOfServers
	if limit != nil {
		most = *limit
	}
	for _, s := range servers {
		if after != nil && !after.before(s) {
			continue
		}
		if len(shown) == most {
			last := shown[most-1]
			f.NextCursor = fleetPlace{last.Account, last.Region, last.ID}.cursor()
			break
		}
		shown = append(shown, s)
	}
	return shown
}

// fleetPlace is a place in the order of the fleet: that of usage.Fleet.
type fleetPlace struct {
	account image.AccountID
	region  image.RegionID
	id      image.InstanceID
}

// before: s comes after the place.
func (p fleetPlace) before(s usage.Server) bool {
	return cmp.Or(cmp.Compare(p.account, s.Account), cmp.Compare(p.region, s.Region), cmp.Compare(p.id, s.ID)) < 0
}

func (p fleetPlace) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(p.account) + "/" + string(p.region) + "/" + string(p.id)))
}

// parseFleetCursor reads the place that a cursor names; nil for none.
func parseFleetCursor(cursor string) (*fleetPlace, error) {
	if cursor == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.Split(string(text), "/")
	if err != nil || len(parts) != 3 {
		return nil, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
	}
	return &fleetPlace{image.AccountID(parts[0]), image.RegionID(parts[1]), image.InstanceID(parts[2])}, nil
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
