package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/survey"
)

// keeper is price with a folder for its reports, and a clock that a test moves.
type keeper struct {
	handler
	folder string
	at     time.Time
}

func newKeeper(t *testing.T, change func(account) account) *keeper {
	k := &keeper{handler: over(world(), change), folder: t.TempDir(), at: now()}
	k.config.Journal = ledger.Place{Folder: k.folder}
	k.now = func() time.Time { return k.at }
	k.journal = func(function.Call) (*journal.Journal, journal.Documents, error) {
		log, err := k.config.Journal.Open(nil)
		if err != nil {
			return nil, nil, err
		}
		documents, err := k.config.Journal.Documents(nil)
		return log, documents, err
	}
	return k
}

// tick fires the timer.
func (k *keeper) tick(t *testing.T) (keeping, string) {
	t.Helper()
	event := `{"triggerTime":"2026-03-01T02:00:00Z","triggerName":"report","payload":""}`
	answer := k.function().Invoke(t.Context(), function.Call{RequestID: "r-1", Region: "cn-hangzhou"}, []byte(event))
	var told keeping
	if err := json.Unmarshal(answer, &told); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return told, string(answer)
}

// names are the files of the folder.
func (k *keeper) names(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.folder, "reports", "price", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range files {
		files[n] = filepath.Base(files[n])
	}
	return files
}

// TestTheTimerStoresTheReportOnce: late, doubled and missed timers come to one
// report a month, which is read back as it was when it was made.
func TestTheTimerStoresTheReportOnce(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, same)
	_, live := ask(k.function(), "/prices", "")
	told, answer := k.tick(t)
	if !told.Stored || told.Reason.Code != "stored" || told.Name != "reports/price/2026-03-01.json" || told.Images != 6 || len(told.NotRead) != 0 {
		t.Fatalf("the first run: %s", answer)
	}
	for _, later := range []time.Duration{0, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
		k.at = now().Add(later)
		if told, answer := k.tick(t); told.Stored || told.Reason.Code != "alreadyStored" || told.Name != "reports/price/2026-03-01.json" {
			t.Errorf("%v later: %s", later, answer)
		}
	}
	if status, kept := ask(k.function(), "/prices?month=2026-03", ""); status != http.StatusOK || kept != live {
		t.Errorf("kept %d\n%s\nand it was\n%s", status, kept, live)
	}
	if status, table := ask(k.function(), "/prices?month=2026-03&format=csv&by=family&limit=1", ""); status != http.StatusOK || !strings.Contains(table, "web,2,1,CNY,") {
		t.Errorf("as a table: %d %s", status, table)
	}
	k.at = now().AddDate(0, 1, 0)
	if told, answer := k.tick(t); !told.Stored || told.Name != "reports/price/2026-04-01.json" {
		t.Errorf("a month later: %s", answer)
	}
	if got := k.names(t); !slices.Equal(got, []string{"2026-03-01.json", "2026-04-01.json"}) {
		t.Errorf("kept %v", got)
	}
}

func TestRunsAtTheSameTimeStoreOneReport(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, same)
	var wait sync.WaitGroup
	told := make([]keeping, 4)
	for n := range told {
		wait.Go(func() { told[n], _ = k.tick(t) })
	}
	wait.Wait()
	for _, o := range told {
		if o.Reason.Code != "stored" && o.Reason.Code != "alreadyStored" {
			t.Errorf("an outcome: %+v", o)
		}
	}
	if got := k.names(t); len(got) != 1 {
		t.Errorf("kept %v", got)
	}
}

// TestAPartOfAReportIsStoredAndSaysSo, and a later run of the month makes it
// whole, which then is the report of the month.
func TestAPartOfAReportIsStoredAndSaysSo(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, same)
	blindly := k.accounts
	k.accounts = func(c function.Call) []survey.Account {
		eyes := blindly(c)
		eyes[0].Reader = ill{account: eyes[0].Reader, chains: denied("Forbidden.RAM")}
		return eyes
	}
	for range 2 {
		told, answer := k.tick(t)
		if told.Name != "reports/price/2026-03-01-partial.json" || told.Reason.Code != "storedInPart" && told.Reason.Code != "alreadyStored" {
			t.Fatalf("a part: %s", answer)
		}
	}
	status, kept := ask(k.function(), "/prices?month=2026-03", "")
	if status != http.StatusOK || !strings.Contains(kept, "ecs:DescribeSnapshotLinks") {
		t.Errorf("a part, read back: %d %s", status, kept)
	}
	k.accounts, k.at = blindly, now().AddDate(0, 0, 1)
	if told, answer := k.tick(t); !told.Stored || told.Name != "reports/price/2026-03-02.json" {
		t.Errorf("whole: %s", answer)
	}
	if _, kept := ask(k.function(), "/prices?month=2026-03", ""); strings.Contains(kept, "ecs:DescribeSnapshotLinks") {
		t.Errorf("the whole one does not count: %s", kept)
	}
	if got := k.names(t); !slices.Equal(got, []string{"2026-03-01-partial.json", "2026-03-02.json"}) {
		t.Errorf("kept %v", got)
	}
}

// unwilling is a store that refuses some calls.
type unwilling struct {
	journal.Documents
	names, keep error
}

func (u unwilling) Names(ctx context.Context, prefix, last string) ([]string, error) {
	if u.names != nil {
		return nil, u.names
	}
	return u.Documents.Names(ctx, prefix, last)
}

func (u unwilling) Keep(ctx context.Context, name string, text []byte) error {
	if u.keep != nil {
		return u.keep
	}
	return u.Documents.Keep(ctx, name, text)
}

// TestWhatCannotBeStoredIsAFailure: with a problem for the platform's log, and
// nothing kept.
func TestWhatCannotBeStoredIsAFailure(t *testing.T) {
	t.Parallel()
	no := denied("AccessDenied")
	down := ill{}
	for name, c := range map[string]struct {
		store  unwilling
		change func(account) account
		status int
	}{
		"listing denied": {unwilling{names: no}, same, http.StatusForbidden},
		"storing denied": {unwilling{keep: no}, same, http.StatusForbidden},
		"store is down":  {unwilling{keep: fault.New(fault.Unavailable, "down")}, same, http.StatusServiceUnavailable},
		"nothing could be read": {unwilling{}, func(a account) account {
			down.account = a
			return unseen{down}
		}, http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(t, c.change)
			if name == "nothing could be read" {
				all := k.accounts
				k.accounts = func(call function.Call) []survey.Account { return all(call)[:1] }
			}
			k.journal = func(function.Call) (*journal.Journal, journal.Documents, error) {
				kept, err := k.config.Journal.Documents(nil)
				c.store.Documents = kept
				return nil, c.store, err
			}
			told, answer := k.tick(t)
			if told.Stored {
				t.Errorf("it says stored: %s", answer)
			}
			var problem struct{ Status int }
			if err := json.Unmarshal([]byte(answer), &problem); err != nil || problem.Status != c.status {
				t.Errorf("%s, want status %d", answer, c.status)
			}
			if got := k.names(t); len(got) != 0 {
				t.Errorf("kept %v", got)
			}
		})
	}
}

// unseen is an account none of whose images can be listed.
type unseen struct{ account }

func (unseen) Images(context.Context, image.RegionID, image.Listing) ([]image.Image, error) {
	return nil, errors.New("down")
}

func TestWithoutAJournalNothingIsStored(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, same)
	k.config.Journal, k.journal = ledger.Place{}, nil
	if told, answer := k.tick(t); told.Stored || told.Reason.Code != "noJournal" {
		t.Errorf("the timer: %s", answer)
	}
	if status, answer := ask(k.function(), "/prices?month=2026-03", ""); status != http.StatusBadRequest || !strings.Contains(answer, "month") {
		t.Errorf("a stored report: %d %s", status, answer)
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, same)
	for month, status := range map[string]int{"2026-02": 404, "2026-13": 400, "2026": 400, "2026-03-01": 400, "": 400, "..": 400} {
		if got, answer := ask(k.function(), "/prices?month="+month, ""); got != status {
			t.Errorf("%q: %d %s", month, got, answer)
		}
	}
	k.tick(t)
	path := filepath.Join(k.folder, "reports", "price", "2026-03-01.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, answer := ask(k.function(), "/prices?month=2026-03", ""); got != http.StatusBadGateway || !strings.Contains(answer, "reportDamaged") {
		t.Errorf("a damaged report: %d %s", got, answer)
	}
	direct := k.function().Invoke(t.Context(), function.Call{Region: "cn-hangzhou"}, []byte(`{"operation":"price.report","input":{"month":"2026-02"}}`))
	if !strings.Contains(string(direct), "reportNotStored") {
		t.Errorf("a direct call: %s", direct)
	}
}
