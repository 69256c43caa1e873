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
	"imagekeeper/shared/image"
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
	Unsure  int            `json:"unsure"`
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) access(ctx context.Context, call function.Call, in accessInput) (access, error) {
	for _, name := range in.Action {
		if name != mayAssumeRole && !slices.ContainsFunc(needs(), func(n need) bool { return n.action == name }) {
			return access{}, fault.InField("action", "notNeeded", "%s is an action that no function needs", name)
		}
	}
	asOf := h.now()
	a, err := h.survey(ctx, call, in.where)
	if err != nil {
		return access{}, err
	}
	out := access{AsOf: asOf.UTC().Truncate(time.Second), Items: append(a.assumed(in), a.unlisted(in)...), Unknown: inOrder(a.unread)}
	var mu sync.Mutex
	a.each(func(p place) {
		for _, found := range p.permissions(ctx, in) {
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
func (a *atlas) assumed(in accessInput) []permission {
	found := []permission{}
	if !in.wants(mayAssumeRole) {
		return found
	}
	for _, id := range a.roles {
		found = append(found, permission{
			AccountID: id, Action: mayAssumeRole, Access: allowed, Needed: []string{"all with ACCOUNTS"},
			Reason: image.Reason{Code: "assumed", Sentence: "the role of ACCOUNTS was assumed"},
		})
	}
	for _, u := range a.unread {
		if u.Permission == mayAssumeRole {
			found = append(found, permission{AccountID: u.Account, Action: mayAssumeRole, Access: denied, Needed: []string{"all with ACCOUNTS"}, Reason: u.Reason})
		}
	}
	return found
}

// unlisted tells which accounts may not list their regions, where that hides
// every place.
func (a *atlas) unlisted(in accessInput) []permission {
	var found []permission
	for _, n := range needs() {
		for _, u := range a.unread {
			if n.action == mayListRegions && u.Permission == mayListRegions && in.wants(mayListRegions) {
				_, why := outcome(image.No, nil)
				found = append(found, permission{AccountID: u.Account, Action: n.action, Access: denied, Needed: n.by, Reason: why})
			}
		}
	}
	return found
}

// permissions asks about every action in one place, all at once.
func (p place) permissions(ctx context.Context, in accessInput) []permission {
	asked := slices.DeleteFunc(needs(), func(n need) bool { return !in.wants(n.action) })
	found := make([]permission, len(asked))
	var wait atonce.Group
	for i, n := range asked {
		wait.Go(func() {
			may, err := p.reader.May(ctx, p.region, n.action)
			found[i] = permission{AccountID: p.account, RegionID: p.region, Action: n.action, Needed: n.by}
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
