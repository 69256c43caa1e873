package sharing

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Record is what a log knows of one account's access.
type Record struct {
	Terms
	// At is when it was last recorded, and By who asked for it.
	At time.Time
	By string
	// Settled: it was done. Else a call was about to be made and what became of it
	// was never recorded.
	Settled bool
	// Leaving: it was about to be taken away, and what became of that was never
	// recorded. If it is gone, that is why.
	Leaving bool
}

// Remember sums up what a log knows of each account: the plans that were
// approved and what became of their steps. A share that was about to be made,
// and whose outcome is not recorded, is remembered too: if it is there, it is
// ours and ends when it was to end.
func Remember(entries []plan.Entry) map[image.AccountID]Record {
	m := records{known: map[image.AccountID]Record{}, before: map[image.AccountID]Record{}}
	for _, e := range entries {
		m.hear(e)
	}
	return m.known
}

// records are summed up entry by entry.
type records struct {
	known map[image.AccountID]Record
	// steps are those of the last approved plan, said those whose end was told.
	steps map[string]plan.StoredStep
	said  map[string]bool
	by    string
	// before is what was known of accounts before a share was about to be made.
	before map[image.AccountID]Record
}

func (m *records) hear(e plan.Entry) {
	if e.Kind == plan.Approved && e.Plan != nil {
		m.by, m.steps, m.said = e.By, map[string]plan.StoredStep{}, map[string]bool{}
		for _, s := range e.Plan.Steps {
			m.steps[s.Name()] = s
		}
	}
	for _, name := range e.Steps {
		m.intend(m.steps[name], e)
	}
	for _, o := range e.Outcomes {
		m.conclude(m.steps[o.Step], o, e)
	}
}

// intend remembers what is about to be done. A share is only made for an account
// that has none, so that terms of an earlier one no longer hold.
func (m *records) intend(s plan.StoredStep, e plan.Entry) {
	account := image.AccountID(s.Subject)
	was, known := m.known[account]
	switch {
	case s.Action == Add && (!known || was.Settled):
		if known {
			m.before[account] = was
		}
		m.known[account] = Record{Terms: termsOf(s.Step), At: e.At, By: m.by}
	case s.Action == Add: // once more: it may be made as late as now
		was.Terms, was.By, was.At, was.Leaving = termsOf(s.Step), m.by, e.At, false
		m.known[account] = was
	case s.Action == Take && known:
		was.Leaving = true
		m.known[account] = was
	}
}

// conclude remembers what became of a step. What is in doubt stays as it was
// intended.
func (m *records) conclude(s plan.StoredStep, o plan.Outcome, e plan.Entry) {
	account := image.AccountID(s.Subject)
	done := o.Result == plan.Applied || o.Result == plan.Already
	if m.said[o.Step] { // again, at the end of the plan
		return
	}
	m.said[o.Step] = done
	was, known := m.known[account]
	switch {
	case done && (s.Action == Add || s.Action == Extend):
		m.known[account] = Record{Terms: termsOf(s.Step), At: e.At, By: m.by, Settled: true}
		delete(m.before, account)
	case done && s.Action == Take:
		delete(m.known, account)
	case o.Result == plan.Failed && s.Action == Take && known:
		was.Leaving = false
		m.known[account] = was
	case o.Result == plan.Failed && s.Action == Add && !was.Settled:
		m.forget(account)
	}
}

// forget takes back a share that was about to be made, and was not.
func (m *records) forget(account image.AccountID) {
	delete(m.known, account)
	if was, ok := m.before[account]; ok {
		m.known[account] = was
	}
}

// termsOf reads the terms that a step carries.
func termsOf(s plan.Step) Terms {
	t := Terms{Account: image.AccountID(s.Subject), OnExpiry: OnExpiry(s.Parameters["onExpiry"]), Reason: s.Parameters["reason"]}
	if until, err := time.Parse(time.RFC3339, s.Parameters["until"]); err == nil {
		t.Until = until
	}
	return t
}

// Drift is where the world and the log differ, each in the order of accounts.
type Drift struct {
	// Outside are shares that were not made here.
	Outside []image.Grant
	// Gone are shares that were made here and ended elsewhere.
	Gone []Record
}

// clocks is how far the clock of ECS and ours may be apart.
const clocks = 5 * time.Minute

// Reconcile compares what a log knows with the shares there are. It returns the
// records that hold, and the drift. A share that began after the log last spoke
// of the account is not the one that the log knows.
func Reconcile(known map[image.AccountID]Record, grants []image.Grant) (map[image.AccountID]Record, Drift) {
	held, left := map[image.AccountID]Record{}, maps.Clone(known)
	var d Drift
	for _, g := range grants {
		m, ok := known[g.Account]
		delete(left, g.Account)
		if !ok || g.At.After(m.At.Add(clocks)) {
			d.Outside = append(d.Outside, g)
			continue
		}
		held[g.Account] = m
	}
	for _, m := range left {
		if m.Settled && !m.Leaving {
			d.Gone = append(d.Gone, m)
		}
	}
	slices.SortFunc(d.Outside, func(a, b image.Grant) int { return cmp.Compare(a.Account, b.Account) })
	slices.SortFunc(d.Gone, func(a, b Record) int { return cmp.Compare(a.Account, b.Account) })
	return held, d
}

// TermsOf are the terms of records.
func TermsOf(held map[image.AccountID]Record) map[image.AccountID]Terms {
	terms := make(map[image.AccountID]Terms, len(held))
	for account, m := range held {
		terms[account] = m.Terms
	}
	return terms
}

// suspender begins the names of those who take access away for a while and give it
// back, unless the log says that somebody decided since: works of cleanup.
const suspender = "cleanup/"

// Suspended reports, by the log of an image, that nobody has decided about its shares
// since they were taken away for a while.
func Suspended(told []plan.Entry) bool {
	for _, e := range slices.Backward(told) {
		if e.Kind == plan.Approved {
			return strings.HasPrefix(e.By, suspender)
		}
	}
	return false
}
