package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/contract"
)

// bucket is an object store in memory whose replies can get lost.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	// lose says whether the reply to append number n is lost after its effect.
	lose    func(n int) bool
	appends int
}

func newBucket() *bucket {
	return &bucket{objects: map[string][]byte{}, lose: func(int) bool { return false }}
}

func (b *bucket) Get(_ context.Context, key string, offset int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	object, ok := b.objects[key]
	if !ok {
		return nil, fault.New(fault.NotFound, "no object %s", key)
	}
	return slices.Clone(object[offset:]), nil
}

func (b *bucket) Append(_ context.Context, key string, position int64, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if int64(len(b.objects[key])) != position {
		return fault.New(fault.Conflict, "the object is %d long", len(b.objects[key]))
	}
	b.objects[key] = append(b.objects[key], content...)
	b.appends++
	if b.lose(b.appends) {
		return fault.New(fault.Unavailable, "the connection was reset")
	}
	return nil
}

func (b *bucket) List(_ context.Context, prefix string) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// open returns a journal on a store; ids are made from a name and a count.
func open(store journal.Store, name string) *journal.Journal {
	var count atomic.Int64
	return journal.New(store, time.Now, func() string { return fmt.Sprintf("%s-%d", name, count.Add(1)) })
}

// backends are the stores that must keep the same contract. Each call of the
// returned function opens the same place again, as another process would.
func backends(t *testing.T) map[string]func() journal.Store {
	root, shared := t.TempDir(), newBucket()
	return map[string]func() journal.Store{
		"directory": func() journal.Store {
			store, err := journal.OpenDirectory(root)
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
		"objects": func() journal.Store { return journal.OpenObjects(shared, "journal/") },
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, reopen := range backends(t) {
		t.Run(name, func(t *testing.T) { contract.Run(t, reopen) })
	}
}

// TestDocuments: and logs beside them see none of them, nor they any log.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, reopen := range backends(t) {
		t.Run(name, func(t *testing.T) {
			contract.RunDocuments(t, func() journal.Documents { return reopen().(journal.Documents) })
			if err := open(reopen(), "a").Append(t.Context(), "names/log", 0, 1); err != nil {
				t.Fatal(err)
			}
			subjects, err := reopen().Subjects(t.Context(), "")
			if err != nil || !slices.Equal(subjects, []string{"names/log"}) {
				t.Errorf("logs %v, %v", subjects, err)
			}
			names, err := reopen().(journal.Documents).Names(t.Context(), "names/")
			if err != nil || len(names) != 3 {
				t.Errorf("documents %v, %v", names, err)
			}
		})
	}
}

// TestALostDocumentIsRecognised: its own is kept, another's is a conflict.
func TestALostDocumentIsRecognised(t *testing.T) {
	t.Parallel()
	b := newBucket()
	b.lose = func(int) bool { return true }
	o := journal.OpenObjects(b, "")
	if err := o.Keep(t.Context(), "a.json", []byte("ours")); err != nil {
		t.Errorf("the reply was lost: %v", err)
	}
	if err := o.Keep(t.Context(), "a.json", []byte("theirs")); !errors.Is(err, fault.Conflict) {
		t.Errorf("another text: %v", err)
	}
}

func TestALostReplyIsRecognised(t *testing.T) {
	t.Parallel()
	b := newBucket()
	b.lose = func(n int) bool { return n%2 == 1 }
	j := open(journal.OpenObjects(b, ""), "a")
	for n := range 6 {
		if err := j.Append(t.Context(), "log", n, n); err != nil {
			t.Fatalf("append %d: %v", n, err)
		}
	}
	if records, err := j.Read(t.Context(), "log"); err != nil || len(records) != 6 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

func TestDamageIsUnknown(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(text string) string{
		"cut off":            func(s string) string { return s[:len(s)-5] },
		"a record changed":   func(s string) string { return strings.Replace(s, `"body":1`, `"body":7`, 1) },
		"a record taken out": func(s string) string { _, rest, _ := strings.Cut(s, "\n"); return rest },
		"the end taken away": func(s string) string { return s[:strings.Index(s, "\n")+1] },
		"not JSON":           func(string) string { return "hello\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBucket()
			j := open(journal.OpenObjects(b, "p"), "a")
			for n := range 3 {
				if err := j.Append(t.Context(), "log", n, n); err != nil {
					t.Fatal(err)
				}
			}
			b.objects["p/log.ndjson"] = []byte(damage(string(b.objects["p/log.ndjson"])))
			if _, err := j.Read(t.Context(), "log"); !errors.Is(err, fault.Unknown) {
				t.Errorf("got %v, want kind unknown", err)
			}
		})
	}
}

// writerFolder tells a copy of this test to be the writer that gets killed.
const writerFolder = "JOURNAL_TEST_WRITER"

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	if folder := os.Getenv(writerFolder); folder != "" {
		writeUntilKilled(t, folder)
	}
	t.Parallel()
	for round := range 4 {
		folder := t.TempDir()
		acknowledged := runAndKill(t, folder, 10+23*round)
		store, err := journal.OpenDirectory(folder)
		if err != nil {
			t.Fatal(err)
		}
		records, err := open(store, "reader").Read(t.Context(), "log")
		if err != nil {
			t.Fatalf("after the kill: %v", err)
		}
		if len(records) < acknowledged || len(records) > acknowledged+1 {
			t.Errorf("%d records, %d were acknowledged", len(records), acknowledged)
		}
	}
}

func writeUntilKilled(t *testing.T, folder string) {
	store, err := journal.OpenDirectory(folder)
	if err != nil {
		t.Fatal(err)
	}
	j := open(store, "w")
	for n := range 100000 {
		if err := j.Append(t.Context(), "log", n, n); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", n+1)
	}
}

// runAndKill runs a writer, kills it after so many records, and returns how
// many it had acknowledged.
func runAndKill(t *testing.T, folder string, after int) int {
	t.Helper()
	writer := exec.Command(os.Args[0], "-test.run=^TestKilledWriterLosesNothingAcknowledged$")
	writer.Env = append(os.Environ(), writerFolder+"="+folder)
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	last := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &last); err == nil && last == after {
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = writer.Wait() // it was killed
	if last < after {
		t.Fatalf("the writer stopped by itself after %d records", last)
	}
	return last
}

func Example() {
	ctx := context.Background()
	j := journal.New(journal.OpenObjects(newBucket(), "journal"), time.Now, func() string { return "id" })
	fmt.Println(j.Append(ctx, "share/m-1", 0, "approved"))
	fmt.Println(errors.Is(j.Append(ctx, "share/m-1", 0, "approved, too"), fault.Conflict))
	records, _ := j.Read(ctx, "share/m-1")
	fmt.Println(len(records), string(records[0].Body))
	// Output:
	// <nil>
	// true
	// 1 "approved"
}
