package main

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/survey"
)

// access is the answer of find.access.
type access struct {
	AsOf  time.Time           `json:"asOf"`
	Items []survey.Permission `json:"items"`
	// Allowed: how many may be done.
	Allowed int `json:"allowed"`
	// Denied: how many may not.
	Denied int `json:"denied"`
	// Unsure: of how many that could not be found out.
	Unsure int `json:"unsure"`
	// Sources: of how many custom images it is known where they come from, and what
	// would make it known of the others; only where nothing narrows the actions, and in JSON.
	Sources *lineage.Sources `json:"sources,omitempty"`
	Unknown []image.Unread   `json:"unknown"`
}

func (h handler) access(ctx context.Context, call function.Call, in accessInput) (access, error) {
	for _, name := range in.Action {
		if name != survey.MayAssumeRole && !slices.ContainsFunc(needs(), func(n survey.Need) bool { return n.Action == name }) {
			return access{}, fault.InField("action", "notNeeded", "%s is an action that no function needs", name)
		}
	}
	asked := neededBy(in.NeededBy)
	for _, name := range in.Action {
		if name != survey.MayAssumeRole && !slices.ContainsFunc(asked, func(n survey.Need) bool { return n.Action == name }) {
			return access{}, fault.InField("neededBy", "noEffect", "none of %s needs %s", strings.Join(in.NeededBy, ", "), name)
		}
	}
	here, err := h.look().At(ctx, call, in.Within(), in.Age)
	if err != nil {
		return access{}, err
	}
	closed := here.Unread()
	out := access{AsOf: places.AsOf(here), Items: survey.Permitted(ctx, here, asked, in.Action, closed), Unknown: closed}
	for _, item := range out.Items {
		switch item.Access {
		case survey.Allowed:
			out.Allowed++
		case survey.Denied:
			out.Denied++
		default:
			out.Unsure++
		}
	}
	if len(in.Action)+len(in.NeededBy) == 0 && !in.Listed() {
		known, unread := lineage.SourcesOf(ctx, here.Apart())
		out.Sources, out.Unknown = &known, image.AllUnread(closed, unread)
	}
	return out, nil
}

// neededBy are the actions that functions need, each with all who need it; of every
// function if none is named.
func neededBy(functions []string) []survey.Need {
	return slices.DeleteFunc(needs(), func(n survey.Need) bool {
		return len(functions) > 0 && !slices.ContainsFunc(functions, func(f string) bool { return slices.Contains(n.By, f) })
	})
}

// HTTPHeader repeats what a table has no place for.
func (a access) HTTPHeader() http.Header { return list{Unknown: a.Unknown}.HTTPHeader() }

// Rows is the answer as a table.
func (a access) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[survey.Permission]{
		Header: []string{"accountId", "regionId", "action", "access", "neededBy", "code", "sentence"},
		Cells: func(i survey.Permission) []string {
			return []string{string(i.AccountID), string(i.RegionID), i.Action, i.Access, strings.Join(i.Needed, " "), i.Code, i.Sentence}
		},
	}.Of(a.Items)
}

// Lines is the answer one permission per line, and then one line with the rest.
func (a access) Lines() iter.Seq[any] {
	total := len(a.Items)
	return function.LinesOf(a.Items, end{End: true, AsOf: a.AsOf, Count: total, Total: &total, Unknown: a.Unknown})
}

// LineTypes are a permission, and the last line.
func (a access) LineTypes() []any { return []any{survey.Permission{}, end{}} }
