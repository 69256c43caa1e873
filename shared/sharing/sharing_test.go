package sharing_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

const owner image.AccountID = "1000000000000001"

func now() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

// account is the n-th account that can be shared with.
func account(n int) image.AccountID { return image.AccountID(fmt.Sprintf("%016d", 1000000000000002+n)) }

func subject() image.Image {
	return image.Image{
		Ref:  image.Ref{Account: owner, Region: "cn-hangzhou", ID: "m-1"},
		Kind: image.KindCustom, Status: image.StatusAvailable,
		Disks: []image.DiskMapping{{System: true, Encrypted: image.No}},
	}
}

func observed(accounts ...image.AccountID) sharing.Observed {
	o := sharing.Observed{Image: subject(), Uses: map[image.AccountID]sharing.Use{}, Remembered: map[image.AccountID]sharing.Terms{}}
	for _, a := range accounts {
		o.Grants = append(o.Grants, image.Grant{Account: a})
		o.Uses[a] = sharing.NotInUse
	}
	return o
}

func exactly(accounts ...image.AccountID) sharing.Wanted {
	var w sharing.Wanted
	for _, a := range accounts {
		w.Accounts = append(w.Accounts, sharing.Terms{Account: a})
	}
	return w
}

// said is a plan in short: action, subject's last digits and reason codes.
func said(p plan.Plan) string {
	var lines []string
	for _, s := range p.Steps {
		var codes []string
		for _, r := range s.Reasons {
			codes = append(codes, r.Code)
		}
		subject := s.Subject
		if len(subject) == 16 {
			subject = subject[13:]
		}
		lines = append(lines, s.Action+" "+subject+" "+strings.Join(codes, "+"))
	}
	return strings.Join(lines, "; ")
}

func TestPlans(t *testing.T) {
	t.Parallel()
	a, b := account(0), account(1)
	year := now().AddDate(1, 0, 0)
	encrypted := func(objection error) sharing.Observed {
		o := observed()
		o.Image.Disks[0].Encrypted, o.Asked, o.Objection = image.Yes, true, objection
		return o
	}
	objects := func(code string) error { return fault.New(fault.Precondition, "refused").WithCode(code) }
	altered := func(f func(o *sharing.Observed)) sharing.Observed {
		o := observed(a)
		f(&o)
		return o
	}
	for _, c := range []struct {
		name string
		have sharing.Observed
		want sharing.Wanted
		may  sharing.Policy
		said string
	}{
		{"nothing to do", observed(a), exactly(a), sharing.Policy{}, "keep 002 hasAccess"},
		{"one in, one out", observed(a), exactly(b), sharing.Policy{}, "add 003 wanted; remove 002 notWanted"},
		{"terms change", observed(a), sharing.Wanted{Accounts: []sharing.Terms{{Account: a, Until: year, OnExpiry: sharing.Remove}}}, sharing.Policy{}, "extend 002 newTerms"},
		{"own account", observed(), exactly(owner), sharing.Policy{}, "refuse 001 ownAccount"},
		{"not allowed", observed(), exactly(a, b), sharing.Policy{Allowed: []image.AccountID{b}}, "refuse 002 accountNotAllowed; add 003 wanted"},
		{"not allowed any more, but has it", observed(a), exactly(a), sharing.Policy{Allowed: []image.AccountID{b}}, "keep 002 hasAccess"},
		{"still used", altered(func(o *sharing.Observed) { o.Uses[a] = sharing.InUse }), exactly(), sharing.Policy{}, "refuse 002 stillUsed"},
		{"use unknown", altered(func(o *sharing.Observed) { delete(o.Uses, a) }), exactly(), sharing.Policy{}, "refuse 002 useUnknown"},
		{"used, and removed all the same", altered(func(o *sharing.Observed) { o.Uses[a] = sharing.InUse }), sharing.Wanted{EvenIfUsed: []image.AccountID{a}}, sharing.Policy{}, "remove 002 notWanted+evenIfUsed"},
		{"not ours", altered(func(o *sharing.Observed) { o.Image.Kind = image.KindShared }), exactly(a), sharing.Policy{}, "refuse m-1 notOurs; keep 002 hasAccess"},
		{"deprecated", altered(func(o *sharing.Observed) { o.Image.Status = image.StatusDeprecated }), exactly(a, b), sharing.Policy{}, "refuse m-1 notAvailable; add 003 wanted; keep 002 hasAccess"},
		{"deprecated, and only taken from", altered(func(o *sharing.Observed) { o.Image.Status = image.StatusDeprecated }), exactly(), sharing.Policy{}, "remove 002 notWanted"},
		{"service key", encrypted(objects("InvalidOperation.ServiceKeyEncryptedImageUnsupported")), exactly(a), sharing.Policy{}, "refuse m-1 serviceKeyEncrypted; add 002 wanted"},
		{"key without its role", encrypted(objects("AssumeRoleError")), exactly(a), sharing.Policy{}, "refuse m-1 keyRoleMissing; add 002 wanted"},
		{"encrypted with data disks", encrypted(objects("OperationDeined.FullImage")), exactly(a), sharing.Policy{}, "refuse m-1 encryptedNotSharable; add 002 wanted"},
		{"nobody could ask", encrypted(fault.New(fault.Forbidden, "denied")), exactly(a), sharing.Policy{}, "refuse m-1 keyUnknown; add 002 wanted"},
		{"encrypted, and not asked", altered(func(o *sharing.Observed) { o.Image.Disks[0].Encrypted = image.Yes }), exactly(a, b), sharing.Policy{}, "refuse m-1 keyUnknown; add 003 wanted; keep 002 hasAccess"},
		{"service key, and only taken from", altered(func(o *sharing.Observed) { o.Image.Disks[0].Encrypted = image.Yes }), exactly(), sharing.Policy{}, "remove 002 notWanted"},
		{"own key", encrypted(nil), exactly(a), sharing.Policy{}, "add 002 wanted"},
		{"community, not allowed", observed(), sharing.Wanted{Community: true}, sharing.Policy{}, "refuse m-1 communityNotAllowed; publish m-1 communityWanted"},
		{"community", observed(), sharing.Wanted{Community: true}, sharing.Policy{Community: true}, "publish m-1 communityWanted"},
		{"community, encrypted", encrypted(nil), sharing.Wanted{Community: true}, sharing.Policy{Community: true}, "refuse m-1 encryptedCommunity; publish m-1 communityWanted"},
		{"no longer community", altered(func(o *sharing.Observed) { o.Image.Published = true }), exactly(a), sharing.Policy{}, "unpublish m-1 communityNotWanted; keep 002 hasAccess"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := said(sharing.Diff(c.have, c.want, c.may)); got != c.said {
				t.Errorf("got  %s\nwant %s", got, c.said)
			}
		})
	}
}

func TestWishesThatCannotBeRight(t *testing.T) {
	t.Parallel()
	a := account(0)
	many := sharing.Wanted{}
	for n := range 51 {
		many.Accounts = append(many.Accounts, sharing.Terms{Account: account(n)})
	}
	one := func(terms sharing.Terms) sharing.Wanted { return sharing.Wanted{Accounts: []sharing.Terms{terms}} }
	for field, w := range map[string]sharing.Wanted{
		"accounts[0].accountId": exactly("123"),
		"accounts[1].accountId": exactly(a, a),
		"accounts[0].onExpiry":  one(sharing.Terms{Account: a, Until: now().AddDate(0, 1, 0)}),
		"accounts[0].until":     one(sharing.Terms{Account: a, OnExpiry: sharing.Remove}),
		"evenIfUsed[0]":         {EvenIfUsed: []image.AccountID{"x"}},
		"accounts":              many,
	} {
		var blamed *fault.Error
		if err := w.Check(now()); !errors.As(err, &blamed) || blamed.Kind != fault.Invalid || blamed.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	past := one(sharing.Terms{Account: a, Until: now(), OnExpiry: sharing.Remove})
	if err := past.Check(now()); !errors.Is(err, fault.Invalid) {
		t.Errorf("until now: %v", err)
	}
}

// ecs is a share list as ECS keeps it, with its bad habits.
type ecs struct {
	shared   []image.AccountID
	stale    [][]image.AccountID // what the next looks show instead
	keep     []image.AccountID   // must never lose access
	problems []string
	bad      image.AccountID // refused by ECS, with badly
	badly    error
	calls    int
	empty    int // how many looks show no account, falsely
	// fail says what happens to a call: nothing, an error before, or one after.
	fail func(call int) (before, after bool)
}

func (e *ecs) Look(context.Context, image.Ref) (image.Image, []image.Grant, error) {
	list := e.shared
	if len(e.stale) > 0 {
		list, e.stale = e.stale[0], e.stale[1:]
	}
	var grants []image.Grant
	for _, a := range list {
		grants = append(grants, image.Grant{Account: a})
	}
	i := subject()
	i.SharedOut = image.TriOf(len(grants) > 0)
	if e.empty > 0 {
		e.empty--
		grants = nil
	}
	return i, grants, nil
}

func (e *ecs) Permit(_ context.Context, _ image.Ref, add, remove []image.AccountID) error {
	e.calls++
	before, after := e.fail(e.calls)
	if before {
		return fault.New(fault.Unavailable, "no connection")
	}
	if len(add) > sharing.MaxPerCall || len(remove) > sharing.MaxPerCall {
		e.problems = append(e.problems, fmt.Sprintf("a call with %d and %d accounts", len(add), len(remove)))
	}
	if slices.Contains(add, e.bad) {
		return cmp.Or(e.badly, error(fault.New(fault.NotFound, "no such account").WithCode("InvalidAccount.NotFound")))
	}
	was := slices.Clone(e.shared)
	e.shared = slices.DeleteFunc(e.shared, func(a image.AccountID) bool { return slices.Contains(remove, a) })
	for _, a := range add {
		if !slices.Contains(e.shared, a) {
			e.shared = append(e.shared, a)
		}
	}
	if len(e.shared) > sharing.MaxAccounts {
		e.shared = was
		return fault.New(fault.Exhausted, "more than 50 accounts")
	}
	for _, a := range e.keep {
		if !slices.Contains(e.shared, a) {
			e.problems = append(e.problems, "account "+string(a)+" lost access")
		}
	}
	e.stale = append(e.stale, was)
	if after {
		return fault.New(fault.Unavailable, "the reply was lost")
	}
	return nil
}

func (e *ecs) Objection(context.Context, image.Ref) error { return nil }

func (e *ecs) Publish(context.Context, image.Ref, bool) error { return nil }

// unused: nobody uses the image.
func unused(_ context.Context, accounts []image.AccountID) map[image.AccountID]sharing.Use {
	uses := map[image.AccountID]sharing.Use{}
	for _, a := range accounts {
		uses[a] = sharing.NotInUse
	}
	return uses
}

// apply carries out the plan for want from what the cloud shows now.
func (e *ecs) apply(want []image.AccountID) []plan.Outcome {
	d := sharing.Doer{
		Image: subject().Ref, Cloud: e,
		Use:   unused,
		Pause: func(context.Context, time.Duration) error { return nil },
	}
	p := sharing.Diff(observed(e.shared...), exactly(want...), sharing.Policy{})
	var outcomes []plan.Outcome
	for _, batch := range sharing.Batches(p.Changes(), len(e.shared)) {
		outcomes = append(outcomes, d.Do(context.Background(), batch)...)
	}
	return outcomes
}

func accounts() *rapid.Generator[[]image.AccountID] {
	return rapid.Custom(func(t *rapid.T) []image.AccountID {
		var list []image.AccountID
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 96), 0, sharing.MaxAccounts, rapid.ID).Draw(t, "accounts") {
			list = append(list, account(n))
		}
		return list
	})
}

func TestAnyListToAnyOtherUnderFaults(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		have, want := accounts().Draw(t, "have"), accounts().Draw(t, "want")
		faults := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 12).Draw(t, "faults")
		e := &ecs{shared: slices.Clone(have), fail: func(call int) (bool, bool) {
			return call <= len(faults) && faults[call-1] == 0, call <= len(faults) && faults[call-1] == 1
		}}
		for _, a := range have {
			if slices.Contains(want, a) {
				e.keep = append(e.keep, a)
			}
		}
		for range 14 { // the same wish again, as a caller would after a failure
			outcomes := e.apply(want)
			if !slices.ContainsFunc(outcomes, func(o plan.Outcome) bool { return o.Result == plan.Failed || o.Result == plan.Open }) {
				break
			}
		}
		slices.Sort(want)
		slices.Sort(e.shared)
		if !slices.Equal(e.shared, want) || len(e.problems) > 0 {
			t.Fatalf("list %v\nwant %v\n%v", e.shared, want, e.problems)
		}
		if left := sharing.Diff(observed(e.shared...), exactly(want...), sharing.Policy{}).Changes(); len(left) > 0 {
			t.Fatalf("a second plan has %d changes", len(left))
		}
	})
}

func TestCallsOfTenOrFewer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ have, want, overlap, calls int }{
		{0, 11, 0, 2}, {0, 20, 0, 2}, {0, 21, 0, 3}, {0, 50, 0, 5}, {50, 0, 0, 5}, {50, 50, 0, 10}, {50, 50, 49, 2}, {45, 10, 0, 6},
	} {
		t.Run(fmt.Sprintf("%d to %d, %d of them the same", c.have, c.want, c.overlap), func(t *testing.T) {
			t.Parallel()
			e := &ecs{fail: func(int) (bool, bool) { return false, false }}
			var want []image.AccountID
			for n := range c.have {
				e.shared = append(e.shared, account(n))
			}
			for n := range c.want {
				want = append(want, account(c.have-c.overlap+n))
			}
			e.apply(want)
			slices.Sort(e.shared)
			if !slices.Equal(e.shared, want) || e.calls != c.calls || len(e.problems) > 0 {
				t.Errorf("%d calls, want %d; %d accounts; %v", e.calls, c.calls, len(e.shared), e.problems)
			}
		})
	}
}

func TestOneBadAccountStopsNoOther(t *testing.T) {
	t.Parallel()
	e := &ecs{bad: account(3), fail: func(int) (bool, bool) { return false, false }}
	var want []image.AccountID
	for n := range 12 {
		want = append(want, account(n))
	}
	failed := slices.DeleteFunc(e.apply(want), func(o plan.Outcome) bool { return o.Result == plan.Applied })
	if len(failed) != 1 || failed[0].Step != "add "+string(account(3)) || failed[0].Why.Code != "InvalidAccount.NotFound" {
		t.Errorf("failed: %+v", failed)
	}
	if len(e.shared) != 11 {
		t.Errorf("%d accounts have access, want 11", len(e.shared))
	}
}

func TestOneAccountThatIsRefusedStrangelyStopsNoOther(t *testing.T) {
	t.Parallel()
	e := &ecs{bad: account(3), badly: fault.New(fault.Internal, "a code nobody knows"), fail: func(int) (bool, bool) { return false, false }}
	var want []image.AccountID
	for n := range 10 {
		want = append(want, account(n))
	}
	open := slices.DeleteFunc(e.apply(want), func(o plan.Outcome) bool { return o.Result == plan.Applied })
	if len(open) != 1 || open[0].Step != "add "+string(account(3)) || open[0].Result != plan.Open || len(e.shared) != 9 {
		t.Errorf("%d accounts have access; left %+v", len(e.shared), open)
	}
}

func TestWhatIsRefusedBecauseOfUsIsNotAskedForEachAccount(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Throttled, fault.Forbidden, fault.Unauthenticated} {
		e := &ecs{bad: account(3), badly: fault.New(kind, "no"), fail: func(int) (bool, bool) { return false, false }}
		var want []image.AccountID
		for n := range 10 {
			want = append(want, account(n))
		}
		outcomes := e.apply(want)
		if len(outcomes) != 10 || e.calls != 1 || slices.ContainsFunc(outcomes, func(o plan.Outcome) bool { return o.Result != plan.Failed }) {
			t.Errorf("%s: %d calls, %+v", kind, e.calls, outcomes)
		}
	}
}

func TestAnEmptyListIsNotBelievedWhileTheImageIsMarkedShared(t *testing.T) {
	t.Parallel()
	never := func(int) (bool, bool) { return false, false }
	pause := func(context.Context, time.Duration) error { return nil }
	e := &ecs{shared: []image.AccountID{account(0)}, empty: 2, fail: never}
	if _, grants, err := sharing.Look(t.Context(), e, subject().Ref, pause); err != nil || len(grants) != 1 {
		t.Errorf("%v, %v", grants, err)
	}
	e.empty = 99
	if _, _, err := sharing.Look(t.Context(), e, subject().Ref, pause); !errors.Is(err, fault.Unknown) {
		t.Errorf("a list that stays empty: %v", err)
	}
	p := sharing.Diff(observed(account(0)), exactly(), sharing.Policy{})
	d := sharing.Doer{Image: subject().Ref, Cloud: e, Use: unused, Pause: pause}
	e.empty = 99
	if got := d.Do(t.Context(), p.Changes()); got[0].Result != plan.Failed || got[0].Why.Code != "grantsContradict" || e.calls != 0 {
		t.Errorf("%+v after %d calls", got, e.calls)
	}
	e.empty = 3
	if got := d.Do(t.Context(), p.Changes()); got[0].Result != plan.Applied || e.calls != 1 || len(e.shared) != 0 {
		t.Errorf("%+v after %d calls, left %v", got, e.calls, e.shared)
	}
}

func TestNobodyLosesAccessWhoseUseChangedSinceThePlan(t *testing.T) {
	t.Parallel()
	e := &ecs{shared: []image.AccountID{account(0), account(1)}, fail: func(int) (bool, bool) { return false, false }}
	p := sharing.Diff(observed(e.shared...), exactly(), sharing.Policy{})
	d := sharing.Doer{
		Image: subject().Ref, Cloud: e, Pause: func(context.Context, time.Duration) error { return nil },
		Use: func(ctx context.Context, accounts []image.AccountID) map[image.AccountID]sharing.Use {
			uses := unused(ctx, accounts)
			delete(uses, account(0))
			return uses
		},
	}
	outcomes := d.Do(t.Context(), p.Changes())
	if !slices.Equal(e.shared, []image.AccountID{account(0)}) {
		t.Errorf("left %v, want only %s", e.shared, account(0))
	}
	if len(outcomes) != 2 || outcomes[0].Result != plan.Failed || outcomes[0].Why.Code != "useChanged" {
		t.Errorf("outcomes %+v", outcomes)
	}
}

func TestTermsAreRemembered(t *testing.T) {
	t.Parallel()
	terms := sharing.Terms{Account: account(0), Until: now().AddDate(0, 1, 0), OnExpiry: sharing.RemoveIfUnused, Reason: "migration"}
	p := sharing.Diff(observed(), sharing.Wanted{Accounts: []sharing.Terms{terms, {Account: account(1)}}}, sharing.Policy{})
	log := approvedAndDone(p)
	known := sharing.Remember(log)
	if len(known) != 2 || known[account(0)].Terms != terms || !known[account(0)].Settled || known[account(0)].By != "test" {
		t.Errorf("known %+v, want %+v", known, terms)
	}
	o := observed(account(0), account(1))
	o.Remembered = sharing.TermsOf(known)
	log = append(log, approvedAndDone(sharing.Diff(o, exactly(account(1)), sharing.Policy{}))...)
	if known := sharing.Remember(log); len(known) != 1 {
		t.Errorf("after the removal: %+v", known)
	}
}

// approvedAndDone is the log of a plan that worked.
func approvedAndDone(p plan.Plan) []plan.Entry {
	stored := &plan.Stored{Target: p.Target, Base: p.Base}
	var outcomes []plan.Outcome
	for _, s := range p.Steps {
		stored.Steps = append(stored.Steps, plan.StoredStep{Step: s, Sets: s.Sets})
	}
	for _, s := range p.Changes() {
		outcomes = append(outcomes, plan.Outcome{Step: s.Name(), Result: plan.Applied})
	}
	return []plan.Entry{{Kind: plan.Approved, At: now(), By: "test", Plan: stored}, {Kind: plan.Finished, At: now(), Outcomes: outcomes}}
}

func ExampleDiff() {
	p := sharing.Diff(observed(account(0)), exactly(account(1)), sharing.Policy{})
	for _, s := range p.Steps {
		fmt.Println(s.Action, s.Subject, s.Reasons[0].Code)
	}
	// Output:
	// add 1000000000000003 wanted
	// remove 1000000000000002 notWanted
}
