package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/notify"
)

// month is one of the calendar, UTC; the zero month is none.
type month struct{ first time.Time }

// monthLayout is a month as it is written: 2026-11.
const monthLayout = "2006-01"

// IsZero reports whether there is no month.
func (m month) IsZero() bool { return m.first.IsZero() }

// String is the month as it is written.
func (m month) String() string { return m.first.Format(monthLayout) }

// UnmarshalText reads a month. It fails with fault.Invalid for anything else.
func (m *month) UnmarshalText(text []byte) error {
	first, err := time.Parse(monthLayout, string(text))
	if err != nil {
		return fault.New(fault.Invalid, "must be a month such as 2026-11")
	}
	m.first = first
	return nil
}

// Stored reports are called for the day on which they were made. One in which
// something could not be read says so in its name, too.
const (
	reportFolder  = "reports/price/"
	reportWhole   = ".json"
	reportPartial = "-partial.json"
)

// reportName is how a report is called.
func reportName(r report) string {
	name := reportFolder + r.AsOf.Format(time.DateOnly)
	if len(r.NotRead) > 0 {
		return name + reportPartial
	}
	return name + reportWhole
}

// ofMonth is the newest whole report of a month, else the newest one, else empty.
func ofMonth(ctx context.Context, shelf journal.Documents, m month) (name string, whole bool, err error) {
	names, err := shelf.Names(ctx, reportFolder+m.String()+"-", "")
	for _, n := range names { // in order of their days
		isWhole := strings.HasSuffix(n, reportWhole) && !strings.HasSuffix(n, reportPartial)
		if isWhole || !whole {
			name, whole = n, isWhole
		}
	}
	return name, whole, err
}

// keeping is what a run of the timer did.
type keeping struct {
	AsOf time.Time `json:"asOf"`
	// Stored: this run stored a report.
	Stored bool         `json:"stored"`
	Reason image.Reason `json:"reason"`
	// Name is that of the report in the journal's store.
	Name string `json:"name,omitempty"`
	// Images is how many are in it.
	Images int `json:"images,omitempty"`
	// Incomplete is how many of them not everything is known of.
	Incomplete int `json:"incomplete,omitempty"`
	// NotRead are the places that the report lacks.
	NotRead []image.Unread `json:"unknown"`
}

// keep stores the report of this month, unless a whole one is there already. It
// may run late, twice, or at the same time as another run; and again where an
// earlier one failed, or could not read everything. What came of it is logged,
// too: nobody reads a timer's answer.
func (h handler) keep(ctx context.Context, call function.Call, _ function.Tick) (keeping, error) {
	out := keeping{AsOf: h.now().UTC().Truncate(time.Second), NotRead: []image.Unread{}}
	out, err := h.keepOnce(ctx, call, out)
	switch {
	case err != nil:
		call.Log.Error("report not kept", "code", fault.Code(err), "error", err)
	case out.Reason.Code == partCode:
		call.Log.Warn("report kept in part", "name", out.Name, "unread", len(out.NotRead), "first", out.NotRead[0].Sentence)
	default:
		call.Log.Info("report", "code", out.Reason.Code, "name", out.Name)
	}
	return out, err
}

func (h handler) keepOnce(ctx context.Context, call function.Call, out keeping) (keeping, error) {
	if h.config.Journal == (ledger.Place{}) {
		out.Reason = image.Reason{Code: "noJournal", Sentence: "JOURNAL names no place to keep a report in, so none was made"}
		return out, nil
	}
	log, shelf, err := h.journal(call)
	if err != nil {
		return out, err
	}
	out, err = h.keepAt(ctx, call, shelf, out)
	return out, errors.Join(err, h.announce(ctx, call, log, shelf, out))
}

// keepAt stores the report at a place.
func (h handler) keepAt(ctx context.Context, call function.Call, shelf journal.Documents, out keeping) (keeping, error) {
	name, whole, err := ofMonth(ctx, shelf, month{out.AsOf})
	switch {
	case err != nil:
		return out, fmt.Errorf("look for the report of %s: %w", month{out.AsOf}, err)
	case whole:
		return out.there(name), nil
	}
	reading, end := leavingTime(ctx, h.now())
	defer end()
	r, err := h.whole(reading, call)
	if err != nil {
		return out, err
	}
	return out.store(ctx, shelf, r)
}

// lastWords is how long before its deadline a run no longer tells people.
const lastWords = 2 * time.Second

// announce tells people of the report of a month, once when it is stored in part,
// and once when it is whole, whichever run finds it there; and sends what an earlier
// run could not.
func (h handler) announce(ctx context.Context, call function.Call, log *journal.Journal, shelf journal.Documents, out keeping) error {
	if h.told == nil {
		return nil
	}
	box := h.told.Box(log, shelf, rand.Text(), h.now)
	if out.Name != "" {
		n := notify.Notice{
			ID: notify.IDOf("price", out.Name), Kind: notify.Reported, At: h.now(), Function: "price", Subject: month{out.AsOf}.String(),
			Link: h.told.Link("/prices?month=" + month{out.AsOf}.String()),
		}
		for _, c := range []notify.Count{{Name: notify.Images, N: out.Images}, {Name: notify.Unread, N: len(out.NotRead)}} {
			if c.N > 0 {
				n.Counts = append(n.Counts, c)
			}
		}
		for _, u := range out.NotRead {
			n.Items = append(n.Items, notify.Item{Name: string(u.Account) + " " + string(u.Region), Code: u.Code, Sentence: u.Sentence})
		}
		if _, err := box.Put(ctx, n, nil); err != nil {
			return err
		}
	}
	until := call.Deadline.Add(-lastWords)
	if call.Deadline.IsZero() {
		until = h.now().Add(time.Minute)
	}
	return notices.Deliver(ctx, call, box, until)
}

// partCode is why a report is stored that lacks something.
const partCode = "storedInPart"

// there is the outcome where a report had been stored.
func (k keeping) there(name string) keeping {
	k.Name = name
	k.Reason = image.Reason{Code: "alreadyStored", Sentence: "the report of " + month{k.AsOf}.String() + " had been stored"}
	return k
}

// store stores a report. Another run that was first on this day wins.
func (k keeping) store(ctx context.Context, shelf journal.Documents, r report) (keeping, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return k, fault.Wrap(fault.Internal, err, "the report cannot be written as JSON")
	}
	k.Name, k.Images, k.Incomplete, k.NotRead = reportName(r), r.Images, len(r.Incomplete), r.NotRead
	switch err := shelf.Keep(ctx, k.Name, text); {
	case fault.Of(err) == fault.Conflict:
		return keeping{AsOf: k.AsOf, NotRead: []image.Unread{}}.there(k.Name), nil
	case err != nil:
		return k, fmt.Errorf("store %s: %w", k.Name, err)
	}
	k.Stored, k.Reason = true, image.Reason{Code: "stored", Sentence: "the report was stored, and everything could be read for it"}
	if len(r.NotRead) > 0 {
		k.Reason = image.Reason{Code: partCode, Sentence: fmt.Sprintf(
			"the report was stored without what could not be read, in %d places; a later run of this month stores a whole one", len(r.NotRead))}
	}
	return k, nil
}

// leavingTime ends the reading when a quarter of the time is left, for storing
// what was read.
func leavingTime(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-deadline.Sub(now)/4))
}

// kept is the whole report that was stored in a month. It fails with
// fault.Invalid where reports are not stored, with fault.NotFound where none of
// this month is, and with fault.Unknown if it is damaged.
func (h handler) kept(ctx context.Context, call function.Call, m month) (report, error) {
	if h.config.Journal == (ledger.Place{}) {
		return report{}, fault.InField("month", "noJournal", "cannot be asked for: this deployment has no JOURNAL to keep reports in")
	}
	_, shelf, err := h.journal(call)
	if err != nil {
		return report{}, err
	}
	name, _, err := ofMonth(ctx, shelf, m)
	if err != nil {
		return report{}, err
	}
	if name == "" {
		return report{}, fault.New(fault.NotFound, "no report of %s was stored", m).WithCode("reportNotStored")
	}
	text, err := shelf.Kept(ctx, name)
	if err != nil {
		return report{}, err
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return report{}, fault.Wrap(fault.Unknown, err, "the stored report %s is damaged", name).WithCode("reportDamaged")
	}
	return r, nil
}
