package sharing_test

import (
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

func TestWhatWasAboutToBeDoneIsRemembered(t *testing.T) {
	t.Parallel()
	p := sharing.Diff(observed(), exactly(account(0), account(1)), sharing.Policy{})
	log := approvedAndDone(p)[:1]
	log = append(log, plan.Entry{Kind: plan.Intended, At: now(), Steps: []string{"add " + string(account(0)), "add " + string(account(1))}})
	known := sharing.Remember(log)
	if len(known) != 2 || known[account(0)].Settled {
		t.Errorf("intended: %+v", known)
	}
	held, drift := sharing.Reconcile(known, []image.Grant{{Account: account(0), At: now()}})
	if _, ours := held[account(0)]; !ours || len(drift.Outside)+len(drift.Gone) != 0 {
		t.Errorf("the one that shows must be ours, the other is no loss: %+v, %+v", held, drift)
	}
	refused := plan.Failure(p.Steps[1], fault.New(fault.NotFound, "no such account"))
	log = append(log, plan.Entry{Kind: plan.Happened, At: now(), Outcomes: []plan.Outcome{{Step: p.Steps[0].Name(), Result: plan.Applied}, refused}})
	if known := sharing.Remember(log); len(known) != 1 || !known[account(0)].Settled {
		t.Errorf("one was refused: %+v", known)
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	ours, outside, again, gone := account(0), account(1), account(2), account(3)
	known := map[image.AccountID]sharing.Record{}
	for _, a := range []image.AccountID{ours, again, gone} {
		known[a] = sharing.Record{Terms: sharing.Terms{Account: a}, At: now(), By: "test", Settled: true}
	}
	held, drift := sharing.Reconcile(known, []image.Grant{
		{Account: again, At: now().AddDate(0, 0, 1)}, {Account: outside, At: now()}, {Account: ours, At: now().Add(-time.Minute)},
	})
	if len(held) != 1 || held[ours].Account != ours {
		t.Errorf("held %+v", held)
	}
	if len(drift.Outside) != 2 || drift.Outside[0].Account != outside || drift.Outside[1].Account != again {
		t.Errorf("outside %+v", drift.Outside)
	}
	if len(drift.Gone) != 1 || drift.Gone[0].Account != gone {
		t.Errorf("gone %+v", drift.Gone)
	}
}

func TestSharedAgainAfterItWasLostOutsideIsOursAgain(t *testing.T) {
	t.Parallel()
	p := sharing.Diff(observed(), exactly(account(0)), sharing.Policy{})
	log := approvedAndDone(p)
	later := approvedAndDone(p)
	for n := range later {
		later[n].At = now().AddDate(0, 1, 0)
	}
	known := sharing.Remember(append(log, later...))
	if held, _ := sharing.Reconcile(known, []image.Grant{{Account: account(0), At: now().AddDate(0, 1, 0)}}); len(held) != 1 {
		t.Errorf("known %+v", known)
	}
}

// until is a wish with one account whose access ends.
func until(end time.Time) sharing.Wanted {
	return sharing.Wanted{Accounts: []sharing.Terms{{Account: account(0), Until: end, OnExpiry: sharing.Remove}}}
}

func TestTheTermsOfAShareThatWasAboutToBeMadeHold(t *testing.T) {
	t.Parallel()
	later, end := now().AddDate(0, 1, 0), now().AddDate(0, 2, 0)
	log := approvedAndDone(sharing.Diff(observed(), exactly(account(0)), sharing.Policy{})) // for good, and lost elsewhere since
	p := sharing.Diff(observed(), until(end), sharing.Policy{})
	log = append(log, approvedAndDone(p)[0], plan.Entry{Kind: plan.Intended, Steps: []string{p.Steps[0].Name()}})
	for n := range log[2:] {
		log[2+n].At = later
	}
	held, drift := sharing.Reconcile(sharing.Remember(log), []image.Grant{{Account: account(0), At: later}})
	if !held[account(0)].Until.Equal(end) || len(drift.Outside) != 0 {
		t.Errorf("the call was made and its outcome lost: %+v, %+v", held, drift)
	}
	refused := plan.Failure(p.Steps[0], fault.New(fault.NotFound, "no such account"))
	log = append(log, plan.Entry{Kind: plan.Happened, At: later, Outcomes: []plan.Outcome{refused}})
	if _, drift := sharing.Reconcile(sharing.Remember(log), nil); len(drift.Gone) != 1 || !drift.Gone[0].Until.IsZero() {
		t.Errorf("it was refused, so that the first one is still the one that is gone: %+v", drift)
	}
}

func TestAnIntendedRemovalIsNoDrift(t *testing.T) {
	t.Parallel()
	end := now().AddDate(0, 1, 0)
	log := approvedAndDone(sharing.Diff(observed(), until(end), sharing.Policy{}))
	o := observed(account(0))
	o.Remembered = sharing.TermsOf(sharing.Remember(log))
	p := sharing.Expire(o, end)
	log = append(log, approvedAndDone(p)[0], plan.Entry{Kind: plan.Intended, At: end, Steps: []string{p.Steps[0].Name()}})
	known := sharing.Remember(log)
	if _, drift := sharing.Reconcile(known, nil); len(drift.Gone) != 0 {
		t.Errorf("it went as intended: %+v", drift.Gone)
	}
	held, drift := sharing.Reconcile(known, []image.Grant{{Account: account(0), At: now()}})
	if !held[account(0)].Until.Equal(end) || len(drift.Outside) != 0 {
		t.Errorf("it did not go, and its time is over: %+v, %+v", held, drift)
	}
	log = append(log, plan.Entry{Kind: plan.Happened, At: end, Outcomes: []plan.Outcome{plan.Failure(p.Steps[0], fault.New(fault.Forbidden, "not permitted"))}})
	if _, drift := sharing.Reconcile(sharing.Remember(log), nil); len(drift.Gone) != 1 {
		t.Errorf("it was refused, and went elsewhere: %+v", drift.Gone)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	end := now().AddDate(0, 1, 0)
	a := account(0)
	for _, c := range []struct {
		name string
		then sharing.OnExpiry
		use  sharing.Use
		at   time.Time
		said string
	}{
		{"a second before", sharing.Remove, sharing.NotInUse, end.Add(-time.Second), ""},
		{"at the instant", sharing.Remove, sharing.NotInUse, end, "remove 002 expired"},
		{"after, and in use", sharing.Remove, sharing.InUse, end.AddDate(1, 0, 0), "remove 002 expired"},
		{"unused", sharing.RemoveIfUnused, sharing.NotInUse, end, "remove 002 expiredUnused"},
		{"used", sharing.RemoveIfUnused, sharing.InUse, end, "keep 002 expiredStillUsed"},
		{"use unknown", sharing.RemoveIfUnused, "", end, "keep 002 expiredUseUnknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := observed(a, account(1))
			o.Remembered = map[image.AccountID]sharing.Terms{a: {Account: a, Until: end, OnExpiry: c.then}}
			o.Uses = map[image.AccountID]sharing.Use{a: c.use}
			if got := said(sharing.Expire(o, c.at)); got != c.said {
				t.Errorf("got %q, want %q", got, c.said)
			}
		})
	}
}

func TestExpiryGoesThroughWhateverTheUseOnlyWhereItWasAgreed(t *testing.T) {
	t.Parallel()
	end := now()
	always, ifUnused := account(0), account(1)
	e := &ecs{shared: []image.AccountID{always, ifUnused}, fail: func(int) (bool, bool) { return false, false }}
	o := observed(e.shared...)
	o.Remembered = map[image.AccountID]sharing.Terms{
		always: {Account: always, Until: end, OnExpiry: sharing.Remove}, ifUnused: {Account: ifUnused, Until: end, OnExpiry: sharing.RemoveIfUnused},
	}
	d := sharing.Doer{
		Image: subject().Ref, Cloud: e,
		Pause: func(context.Context, time.Duration) error { return nil },
		Use:   func(context.Context, []image.AccountID) map[image.AccountID]sharing.Use { return nil },
	}
	d.Do(t.Context(), sharing.Expire(o, end).Changes())
	if !slices.Equal(e.shared, []image.AccountID{ifUnused}) {
		t.Errorf("left %v", e.shared)
	}
}

func TestExpiryTouchesOnlyWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := now().Add(time.Duration(rapid.IntRange(-48, 48).Draw(t, "hours")) * time.Hour)
		o := observed(accounts().Draw(t, "accounts")...)
		uses := rapid.SampledFrom([]sharing.Use{sharing.InUse, sharing.NotInUse, sharing.Unknown})
		for _, g := range o.Grants {
			o.Uses[g.Account] = uses.Draw(t, "use")
			if rapid.Bool().Draw(t, "ends") {
				o.Remembered[g.Account] = sharing.Terms{Account: g.Account, Until: now(), OnExpiry: rapid.SampledFrom([]sharing.OnExpiry{sharing.Remove, sharing.RemoveIfUnused}).Draw(t, "then")}
			}
		}
		for _, s := range sharing.Expire(o, at).Changes() {
			terms, use := o.Remembered[image.AccountID(s.Subject)], o.Uses[image.AccountID(s.Subject)]
			if s.Action != sharing.Take || terms.Until.IsZero() || at.Before(terms.Until) {
				t.Fatalf("%s at %s: %+v", s.Name(), at, terms)
			}
			if terms.OnExpiry == sharing.RemoveIfUnused && use != sharing.NotInUse {
				t.Fatalf("%s although its use is %s", s.Name(), use)
			}
		}
	})
}

func TestChangesThatCannotBeRight(t *testing.T) {
	t.Parallel()
	a := sharing.Terms{Account: account(0)}
	for field, c := range map[string]sharing.Change{
		"add":              {},
		"add[1].accountId": {Add: []sharing.Terms{a, a}},
		"add[0].accountId": {Add: []sharing.Terms{a}, Remove: []image.AccountID{account(0)}},
		"add[0].onExpiry":  {Add: []sharing.Terms{{Account: account(0), Until: now().AddDate(1, 0, 0)}}},
		"remove[0]":        {Remove: []image.AccountID{"0123456789012345"}},
		"remove[1]":        {Remove: []image.AccountID{account(0), account(0)}},
		"evenIfUsed[0]":    {Add: []sharing.Terms{a}, EvenIfUsed: []image.AccountID{""}},
		"evenIfUsed[1]":    {Remove: []image.AccountID{account(0)}, EvenIfUsed: []image.AccountID{account(0), account(1)}}, // it would count for nothing
	} {
		var blamed *fault.Error
		if err := c.Check(now()); !errors.As(err, &blamed) || blamed.Kind != fault.Invalid || blamed.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestAPatchKeepsWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	o := observed(account(0), account(1))
	kept := sharing.Terms{Account: account(0), Until: now().AddDate(1, 0, 0), OnExpiry: sharing.Remove, Reason: "trial"}
	o.Remembered = map[image.AccountID]sharing.Terms{account(0): kept}
	w := sharing.Change{Add: []sharing.Terms{{Account: account(2)}}, Remove: []image.AccountID{account(1), account(7)}}.Over(o)
	if got := said(sharing.Diff(o, w, sharing.Policy{})); got != "add 004 wanted; keep 002 hasAccess; keep 009 hasNoAccess; remove 003 notWanted" {
		t.Errorf("got %s", got)
	}
}

func ExampleTell() {
	terms := sharing.Terms{Account: account(0), Until: now().AddDate(0, 1, 0), OnExpiry: sharing.RemoveIfUnused, Reason: "migration"}
	p := sharing.Diff(observed(), sharing.Wanted{Accounts: []sharing.Terms{terms}}, sharing.Policy{})
	for _, e := range sharing.Tell(approvedAndDone(p)) {
		fmt.Println(e.At.Format(time.DateOnly), strings.TrimSpace(e.Sentence))
	}
	// Output:
	// 2026-11-01 test approved: add 1000000000000002 until 2026-12-01T00:00:00Z, then removeIfUnused (migration)
	// 2026-11-01 finished: add 1000000000000002: applied
}
