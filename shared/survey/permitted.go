package survey

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Need is a RAM action, and the functions that need it. Whatever changes something
// is only asked about, by a dry run on a resource that does not exist.
type Need struct {
	Action string
	By     []string
}

// Permission is what is known of one action in one place.
type Permission struct {
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

// Permitted finds out what is permitted of what is needed, in every place; of some
// actions only, where any are named. closed is what could not be opened.
func Permitted(ctx context.Context, here *Survey, needs []Need, actions []string, closed []image.Unread) []Permission {
	all := append(assumed(here, actions), unlisted(needs, closed, actions)...)
	var mu sync.Mutex
	here.Each(func(p *Place) {
		for _, found := range permissions(ctx, needs, p, actions) {
			mu.Lock()
			all = append(all, found)
			mu.Unlock()
		}
	})
	slices.SortFunc(all, func(a, b Permission) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.RegionID, b.RegionID), cmp.Compare(a.Action, b.Action))
	})
	return all
}

// What is known of a permission.
const (
	Allowed = "allowed"
	Denied  = "denied"
	Unsure  = "unknown"
)

// asks are the actions that a question is about; none: all.
type asks []string

func (in asks) wants(action string) bool {
	return len(in) == 0 || slices.Contains(in, action)
}

// assumed tells which roles could be assumed.
func assumed(here *Survey, in asks) []Permission {
	found := []Permission{}
	if !in.wants(MayAssumeRole) {
		return found
	}
	for _, a := range here.Accounts() {
		if a.Role == "" {
			continue
		}
		found = append(found, Permission{
			AccountID: a.ID, Action: MayAssumeRole, Access: Allowed, Needed: []string{"all with ACCOUNTS"},
			Reason: image.Reason{Code: "assumed", Sentence: "the role of ACCOUNTS was assumed"},
		})
	}
	for _, u := range here.Unread() {
		if u.Permission == MayAssumeRole {
			found = append(found, Permission{AccountID: u.Account, Action: MayAssumeRole, Access: Denied, Needed: []string{"all with ACCOUNTS"}, Reason: u.Reason})
		}
	}
	return found
}

// unlisted tells which accounts may not list their regions, where that hides
// every place.
func unlisted(needs []Need, closed []image.Unread, in asks) []Permission {
	var found []Permission
	for _, n := range needs {
		for _, u := range closed {
			if n.Action == MayListRegions && u.Permission == MayListRegions && in.wants(MayListRegions) {
				_, why := outcome(image.No, nil)
				found = append(found, Permission{AccountID: u.Account, Action: n.Action, Access: Denied, Needed: n.By, Reason: why})
			}
		}
	}
	return found
}

// permissions asks about every action in one place, all at once.
func permissions(ctx context.Context, needs []Need, p *Place, in asks) []Permission {
	asked := slices.DeleteFunc(slices.Clone(needs), func(n Need) bool { return !in.wants(n.Action) })
	found := make([]Permission, len(asked))
	var wait fanout.Group
	for i, n := range asked {
		wait.Go(func() {
			may, err := p.May(ctx, n.Action)
			found[i] = Permission{AccountID: p.Account, RegionID: p.Region, Action: n.Action, Needed: n.By}
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
		return Allowed, image.Reason{Code: "answered", Sentence: "ECS answered the call, or said that a dry run would have been done"}
	case image.No:
		return Denied, image.Reason{Code: "refused", Sentence: "ECS refused the call for want of permission"}
	}
	if err == nil {
		return Unsure, image.Reason{Code: "notTold", Sentence: "the answer does not tell"}
	}
	return Unsure, image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}
}
