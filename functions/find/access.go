package main

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// need is a RAM action, and the functions that need it. Whatever changes something
// is only asked about, by a dry run on a resource that does not exist.
type need struct {
	action string
	by     []string
}

// permission is what is known of one action in one place.
type permission struct {
	AccountID image.AccountID `json:"accountId"`
	RegionID  image.RegionID  `json:"regionId,omitempty"`
	// Action: the RAM action, such as ecs:DescribeImages.
	Action string `json:"action"`
	// Access is allowed, denied or unknown.
	Access string `json:"access"`
	// Needed: the operations that need it.
	Needed []string `json:"neededBy"`
	image.Reason
}

// access is the answer of find.access.
type access struct {
	AsOf  time.Time    `json:"asOf"`
	Items []permission `json:"items"`
	// Allowed: how many may be done.
	Allowed int `json:"allowed"`
	// Denied: how many may not.
	Denied int `json:"denied"`
	// Unsure: of how many that could not be found out.
	Unsure int `json:"unsure"`
	// Sources: of how many custom images it is known where they come from, and what
	// would make it known of the others; only where action narrows nothing, and in JSON.
	Sources *sources       `json:"sources,omitempty"`
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) access(ctx context.Context, call function.Call, in accessInput) (access, error) {
	for _, name := range in.Action {
		if name != survey.MayAssumeRole && !slices.ContainsFunc(needs(), func(n need) bool { return n.action == name }) {
			return access{}, fault.InField("action", "notNeeded", "%s is an action that no function needs", name)
		}
	}
	here, err := h.look().At(ctx, call, in.Within(), in.Age)
	if err != nil {
		return access{}, err
	}
	closed := here.Unread()
	out := access{AsOf: places.AsOf(here), Items: append(assumed(here, in), unlisted(closed, in)...), Unknown: closed}
	var mu sync.Mutex
	here.Each(func(p *survey.Place) {
		for _, found := range permissions(ctx, p, in) {
			mu.Lock()
			out.Items = append(out.Items, found)
			mu.Unlock()
		}
	})
	slices.SortFunc(out.Items, func(a, b permission) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.RegionID, b.RegionID), cmp.Compare(a.Action, b.Action))
	})
	for _, item := range out.Items {
		switch item.Access {
		case allowed:
			out.Allowed++
		case denied:
			out.Denied++
		default:
			out.Unsure++
		}
	}
	if len(in.Action) == 0 && (in.Format == "" || in.Format == "json") {
		known, unread := sourcesOf(ctx, here.Apart())
		out.Sources, out.Unknown = &known, image.AllUnread(closed, unread)
	}
	return out, nil
}

// What is known of a permission.
const (
	allowed = "allowed"
	denied  = "denied"
	unsure  = "unknown"
)

func (in accessInput) wants(action string) bool {
	return len(in.Action) == 0 || slices.Contains(in.Action, action)
}

// assumed tells which roles could be assumed.
func assumed(here *survey.Survey, in accessInput) []permission {
	found := []permission{}
	if !in.wants(survey.MayAssumeRole) {
		return found
	}
	for _, a := range here.Accounts() {
		if a.Role == "" {
			continue
		}
		found = append(found, permission{
			AccountID: a.ID, Action: survey.MayAssumeRole, Access: allowed, Needed: []string{"all with ACCOUNTS"},
			Reason: image.Reason{Code: "assumed", Sentence: "the role of ACCOUNTS was assumed"},
		})
	}
	for _, u := range here.Unread() {
		if u.Permission == survey.MayAssumeRole {
			found = append(found, permission{AccountID: u.Account, Action: survey.MayAssumeRole, Access: denied, Needed: []string{"all with ACCOUNTS"}, Reason: u.Reason})
		}
	}
	return found
}

// unlisted tells which accounts may not list their regions, where that hides
// every place.
func unlisted(closed []image.Unread, in accessInput) []permission {
	var found []permission
	for _, n := range needs() {
		for _, u := range closed {
			if n.action == survey.MayListRegions && u.Permission == survey.MayListRegions && in.wants(survey.MayListRegions) {
				_, why := outcome(image.No, nil)
				found = append(found, permission{AccountID: u.Account, Action: n.action, Access: denied, Needed: n.by, Reason: why})
			}
		}
	}
	return found
}

// permissions asks about every action in one place, all at once.
func permissions(ctx context.Context, p *survey.Place, in accessInput) []permission {
	asked := slices.DeleteFunc(needs(), func(n need) bool { return !in.wants(n.action) })
	found := make([]permission, len(asked))
	var wait atonce.Group
	for i, n := range asked {
		wait.Go(func() {
			may, err := p.May(ctx, n.action)
			found[i] = permission{AccountID: p.Account, RegionID: p.Region, Action: n.action, Needed: n.by}
			found[i].Access, found[i].Reason = outcome(may, err)
		})
	}
	wait.Wait()
	return found
}

// outcome says what a probe told.
func outcome(may image.Tri, err error) (string, image.Reason) {
	switch may {
	case image.Yes:
		return allowed, image.Reason{Code: "answered", Sentence: "ECS answered the call, or said that a dry run would have been done"}
	case image.No:
		return denied, image.Reason{Code: "refused", Sentence: "ECS refused the call for want of permission"}
	}
	if err == nil {
		return unsure, image.Reason{Code: "notTold", Sentence: "the answer does not tell"}
	}
	return unsure, image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}
}

// HTTPHeader repeats what a table has no place for.
func (a access) HTTPHeader() http.Header { return list{Unknown: a.Unknown}.HTTPHeader() }

// Rows is the answer as a table.
func (a access) Rows() ([]string, iter.Seq[[]string]) {
	return []string{"accountId", "regionId", "action", "access", "neededBy", "code", "sentence"}, func(yield func([]string) bool) {
		for _, i := range a.Items {
			row := []string{string(i.AccountID), string(i.RegionID), i.Action, i.Access, strings.Join(i.Needed, " "), i.Code, i.Sentence}
			if !yield(row) {
				return
			}
		}
	}
}

// Lines is the answer one permission per line, and then one line with the rest.
func (a access) Lines() iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, i := range a.Items {
			if !yield(i) {
				return
			}
		}
		total := len(a.Items)
		yield(end{End: true, AsOf: a.AsOf, Count: total, Total: &total, Unknown: a.Unknown})
	}
}

// LineTypes are a permission, and the last line.
func (a access) LineTypes() []any { return []any{permission{}, end{}} }
