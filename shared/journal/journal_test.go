package journal_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
)

// bucket is an object store in memory whose replies can get lost.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	// lose says whether the reply to append number n is lost after its effect.
	lose    func(n int) bool
	appends int
	// deny is the key of an object that is said not to exist.
	deny string
	// deaf is how reads fail; nil: they do not.
	deaf error
}

func newBucket() *bucket {
	return &bucket{objects: map[string][]byte{}, lose: func(int) bool { return false }}
}

func (b *bucket) Get(_ context.Context, key string, offset int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	object, ok := b.objects[key]
	if b.deaf != nil {
		return nil, b.deaf
	}
	if !ok || key == b.deny {
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

func (b *bucket) List(_ context.Context, prefix, last string) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, prefix) && (last == "" || k <= last) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (b *bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
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
		t.Run(name, func(t *testing.T) { journaltest.Run(t, reopen) })
		place := func() journaltest.Place { return reopen().(journaltest.Place) }
		t.Run(name, func(t *testing.T) { journaltest.RunAgenda(t, place) })
		t.Run(name, func(t *testing.T) { journaltest.RunClaims(t, place) })
		t.Run(name+" with faults", func(t *testing.T) {
			journaltest.RunFaulty(t, func() journaltest.Place { return journaltest.Dying(place(), 7) }, place)
		})
	}
}

// TestDocuments: and logs beside them see none of them, nor they any log.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, reopen := range backends(t) {
		t.Run(name, func(t *testing.T) {
			journaltest.RunDocuments(t, func() journal.Documents { return reopen().(journal.Documents) })
			if err := open(reopen(), "a").Append(t.Context(), "names/log", 0, 1); err != nil {
				t.Fatal(err)
			}
			subjects, err := reopen().Subjects(t.Context(), "")
			if err != nil || !slices.Equal(subjects, []string{"names/log"}) {
				t.Errorf("logs %v, %v", subjects, err)
			}
			names, err := reopen().(journal.Documents).Names(t.Context(), "names/", "")
			if err != nil || len(names) != 3 {
				t.Errorf("documents %v, %v", names, err)
			}
		})
	}
}

// TestAFolderThatIsCalledLikeALog holds documents as any other does.
func TestAFolderThatIsCalledLikeALog(t *testing.T) {
	t.Parallel()
	store, err := journal.OpenDirectory(filepath.Join(t.TempDir(), "imagekeeper.log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Keep(t.Context(), "reports/a.json", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if names, err := store.Names(t.Context(), "", ""); err != nil || !slices.Equal(names, []string{"reports/a.json"}) {
		t.Errorf("%v, %v", names, err)
	}
}

// TestALostDocumentIsRecognised: its own is kept, another's is a conflict.
// Documents that go while the folder is walked do not make the list of subjects fail.
func TestSubjectsWhileDocumentsGo(t *testing.T) {
	t.Parallel()
	store, err := journal.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var wait sync.WaitGroup
	wait.Go(func() {
		for n := 0; !stop.Load(); n++ {
			name := fmt.Sprint("agenda/", n%7, "/entry.json")
			if err := cmp.Or(store.Keep(t.Context(), name, []byte("{}")), store.Drop(t.Context(), name)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 200 {
		if _, err := store.Subjects(t.Context(), ""); err != nil {
			t.Error(err)
			break
		}
	}
	stop.Store(true)
	wait.Wait()
}

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

// TestAWriteThatCannotBeLookedForIsUnknown: where the reply is lost and the record
// cannot be read back, nobody knows whether it is there, whatever the reason. It is
// never told as a conflict, which says that somebody else's is; and read later, it is
// there once. What says for certain that nothing was written stays what it is.
func TestAWriteThatCannotBeLookedForIsUnknown(t *testing.T) {
	t.Parallel()
	for _, deaf := range []fault.Kind{fault.Unavailable, fault.Throttled, fault.Forbidden, fault.Unauthenticated, fault.Internal, fault.Unknown} {
		t.Run(string(deaf), func(t *testing.T) {
			t.Parallel()
			b := newBucket()
			j, o := open(journal.OpenObjects(b, ""), "a"), journal.OpenObjects(b, "")
			if err := j.Append(t.Context(), "log", 0, "first"); err != nil {
				t.Fatal(err)
			}
			lost := func(int) bool {
				b.deaf = fault.New(deaf, "the bucket cannot be read")
				return true
			}
			b.lose = lost
			if err := j.Append(t.Context(), "log", 1, "second"); !errors.Is(err, fault.Unknown) || fault.Code(err) != "writeUnknown" {
				t.Errorf("a record: %v", err)
			}
			b.deaf = nil
			if err := o.Keep(t.Context(), "a.json", []byte("ours")); !errors.Is(err, fault.Unknown) || fault.Code(err) != "writeUnknown" {
				t.Errorf("a document: %v", err)
			}
			b.deaf, b.lose = nil, func(int) bool { return false }
			if records, err := j.Read(t.Context(), "log"); err != nil || len(records) != 2 {
				t.Errorf("%d records, %v", len(records), err)
			}
			if text, err := o.Kept(t.Context(), "a.json"); err != nil || string(text) != "ours" {
				t.Errorf("%q, %v", text, err)
			}
		})
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
			if _, err := j.Read(t.Context(), "log"); !errors.Is(err, fault.Unknown) || fault.Code(err) != "journalDamaged" {
				t.Errorf("got %v, want kind unknown", err)
			}
		})
	}
}

// writerFolder tells the writer that gets killed where to write.
const writerFolder = "JOURNAL_TEST_WRITER"

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	folder := cmp.Or(os.Getenv(writerFolder), t.TempDir())
	journaltest.RunKilled(t, t.Name(), []string{writerFolder + "=" + folder}, func() journal.Store {
		store, err := journal.OpenDirectory(folder)
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

func TestDamagedFilesAreUnknown(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(file func(n int) string) error{
		"one is missing":          func(file func(int) string) error { return os.Remove(file(1)) },
		"the first is missing":    func(file func(int) string) error { return os.Remove(file(0)) },
		"one is empty":            func(file func(int) string) error { return os.Truncate(file(2), 0) },
		"one is torn":             func(file func(int) string) error { return os.Truncate(file(1), 9) },
		"one is in another place": func(file func(int) string) error { return os.Rename(file(1), file(3)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			store, err := journal.OpenDirectory(root)
			if err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				if err := open(store, "a").Append(t.Context(), "log", n, n); err != nil {
					t.Fatal(err)
				}
			}
			file := func(n int) string { return filepath.Join(root, "log.log", fmt.Sprintf("%09d.json", n)) }
			if err := damage(file); err != nil {
				t.Fatal(err)
			}
			other := open(store, "b")
			if records, err := other.Read(t.Context(), "log"); fault.Code(err) != "journalDamaged" || !errors.Is(err, fault.Unknown) {
				t.Errorf("read %d records, %v, want kind unknown", len(records), err)
			}
			for n := range 4 {
				if err := other.Append(t.Context(), "log", n, "more"); !errors.Is(err, fault.Unknown) {
					t.Errorf("written at %d: %v, want kind unknown", n, err)
				}
			}
		})
	}
}

// TestDamageShowsToOthers: what was changed, cut off, copied from another log, or is
// no file at all, is unknown also to who never saw it whole.
func TestDamageShowsToOthers(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(root string, file func(n int) string) error{
		"the end is cut off": func(_ string, file func(int) string) error { return os.Remove(file(2)) },
		"all of it is taken away": func(_ string, file func(int) string) error {
			return errors.Join(os.Remove(file(0)), os.Remove(file(1)), os.Remove(file(2)))
		},
		"the last is changed": func(_ string, file func(int) string) error {
			text, err := os.ReadFile(file(2))
			return errors.Join(err, os.WriteFile(file(2), []byte(strings.Replace(string(text), `"body":2`, `"body":7`, 1)), 0o600))
		},
		"it is a copy of another": func(root string, _ func(int) string) error {
			return errors.Join(os.RemoveAll(filepath.Join(root, "log.log")), os.CopyFS(filepath.Join(root, "log.log"), os.DirFS(filepath.Join(root, "other.log"))))
		},
		"the last is a pipe": func(_ string, file func(int) string) error {
			return errors.Join(os.Remove(file(2)), syscall.Mkfifo(file(2), 0o600))
		},
		"the next is a pipe":     func(_ string, file func(int) string) error { return syscall.Mkfifo(file(3), 0o600) },
		"the next is a folder":   func(_ string, file func(int) string) error { return os.Mkdir(file(3), 0o700) },
		"the last is a gigabyte": func(_ string, file func(int) string) error { return os.Truncate(file(2), 1<<30) },
		"the sums are a pipe": func(root string, _ func(int) string) error {
			sums := filepath.Join(root, "log.log", "sums")
			return errors.Join(os.Remove(sums), syscall.Mkfifo(sums, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			store, err := journal.OpenDirectory(root)
			if err != nil {
				t.Fatal(err)
			}
			j := open(store, "a")
			for n := range 3 {
				if err := errors.Join(j.Append(t.Context(), "log", n, n), j.Append(t.Context(), "other", n, n)); err != nil {
					t.Fatal(err)
				}
			}
			if err := damage(root, func(n int) string { return filepath.Join(root, "log.log", fmt.Sprintf("%09d.json", n)) }); err != nil {
				t.Fatal(err)
			}
			if records, err := open(store, "b").Read(t.Context(), "log"); !errors.Is(err, fault.Unknown) || fault.Code(err) != "journalDamaged" {
				t.Errorf("read %d records, %v, want kind unknown", len(records), err)
			}
		})
	}
}

// TestObjectsDamageShowsToOthers: the same of a log in a bucket.
func TestObjectsDamageShowsToOthers(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(b *bucket, log string){
		"the end is cut off":      func(b *bucket, log string) { b.objects["log.ndjson"] = []byte(log[:strings.Index(log, "\n")+1]) },
		"all of it is taken away": func(b *bucket, _ string) { delete(b.objects, "log.ndjson") },
		"it is empty":             func(b *bucket, _ string) { b.objects["log.ndjson"] = nil },
		"the last is changed": func(b *bucket, log string) {
			b.objects["log.ndjson"] = []byte(strings.Replace(log, `"body":2`, `"body":7`, 1))
		},
		"it is a copy of another": func(b *bucket, _ string) {
			b.objects["log.ndjson"], b.objects["log.sums"] = b.objects["other.ndjson"], b.objects["other.sums"]
		},
		"it is denied": func(b *bucket, _ string) { b.deny = "log.ndjson" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBucket()
			j := open(journal.OpenObjects(b, ""), "a")
			for n := range 3 {
				if err := errors.Join(j.Append(t.Context(), "log", n, n), j.Append(t.Context(), "other", n, n)); err != nil {
					t.Fatal(err)
				}
			}
			damage(b, string(b.objects["log.ndjson"]))
			if records, err := open(journal.OpenObjects(b, ""), "b").Read(t.Context(), "log"); !errors.Is(err, fault.Unknown) {
				t.Errorf("read %d records, %v, want kind unknown", len(records), err)
			}
		})
	}
}

// TestADocumentThatIsDenied: a bucket that lists a document and says that there is
// none is not believed.
func TestADocumentThatIsDenied(t *testing.T) {
	t.Parallel()
	b := newBucket()
	o := journal.OpenObjects(b, "p")
	if err := o.Keep(t.Context(), "a.json", []byte("x")); err != nil {
		t.Fatal(err)
	}
	b.deny = "p/a.json"
	if _, err := o.Kept(t.Context(), "a.json"); fault.Of(err) != fault.Unknown {
		t.Errorf("got %v, want kind unknown", err)
	}
}

// TestSumsAreMadeUpFor: a record whose sum could not be written has one with the
// next, and so have those of a version that wrote none.
func TestSumsAreMadeUpFor(t *testing.T) {
	t.Parallel()
	root, objects := t.TempDir(), newBucket()
	sums := filepath.Join(root, "log.log", "sums")
	for name, c := range map[string]struct {
		reopen      func() (journal.Store, error)
		withoutSums func() error
		has         func() int
	}{
		"directory": {
			func() (journal.Store, error) { return journal.OpenDirectory(root) },
			func() error { return os.Remove(sums) },
			func() int { text, _ := os.ReadFile(sums); return len(bytes.TrimLeft(text, "\x00")) / 65 },
		},
		"objects": {
			func() (journal.Store, error) { return journal.OpenObjects(objects, ""), nil },
			func() error { return objects.Delete(t.Context(), "log.sums") },
			func() int { return len(objects.objects["log.sums"])/65 - 2 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			reopen := func() journal.Store {
				store, err := c.reopen()
				if err != nil {
					t.Fatal(err)
				}
				return store
			}
			j := open(reopen(), "a")
			for n := range 2 {
				if err := j.Append(t.Context(), "log", n, n); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.withoutSums(); err != nil {
				t.Fatal(err)
			}
			for n := 2; n < 4; n++ {
				if err := open(reopen(), fmt.Sprint("b", n)).Append(t.Context(), "log", n, n); err != nil {
					t.Fatal(err)
				}
			}
			if records, err := open(reopen(), "c").Read(t.Context(), "log"); err != nil || len(records) != 4 || c.has() != 2 {
				t.Errorf("%d records, %v; sums of %d new ones", len(records), err, c.has())
			}
		})
	}
}

func TestDraftsOfTheKilledAreNeverRead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	store, err := journal.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	j := open(store, "a")
	if err := j.Append(t.Context(), "log", 0, 0); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(root, "drafts~", "1"), filepath.Join(root, "drafts~", "2")
	for _, name := range []string{filepath.Join(root, "log.log", "draft-1"), filepath.Join(root, "draft-1"), old, young} {
		if err := os.WriteFile(name, []byte(`{"pos`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	again, err := journal.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	if records, err := open(again, "b").Read(t.Context(), "log"); err != nil || len(records) != 1 {
		t.Errorf("%d records, %v", len(records), err)
	}
	names, err := again.Names(t.Context(), "", "")
	subjects, errSubjects := again.Subjects(t.Context(), "")
	if err != nil || errSubjects != nil || len(names) != 0 || !slices.Equal(subjects, []string{"log"}) {
		t.Errorf("documents %v, %v; logs %v, %v", names, err, subjects, errSubjects)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed writer left long ago is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("what a writer may be writing is gone: %v", err)
	}
}

func TestNothingIsWrittenAfterTheDeadline(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), end) // its timers have noticed nothing
	defer cancel()
	for woke, want := range map[time.Duration]bool{-time.Second: true, 0: false, time.Minute: false} {
		b := newBucket()
		j := journal.New(journal.OpenObjects(b, ""), func() time.Time { return end.Add(woke) }, func() string { return "id" })
		err := j.Append(ctx, "log", 0, 0)
		if (err == nil) != want || (len(b.objects["log.ndjson"]) > 0) != want || err != nil && !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s after the deadline: %v, %d written", woke, err, b.appends)
		}
	}
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

// TestTheVersionBefore: its logs, whose records name no subject and have no sums,
// are read and gone on with; but none of its records follows one of ours.
func TestTheVersionBefore(t *testing.T) {
	t.Parallel()
	old := `{"position":0,"id":"a","at":"2026-11-01T00:00:00Z","previous":"","body":1}` + "\n"
	b := newBucket()
	b.objects["log.ndjson"] = []byte(old)
	j := open(journal.OpenObjects(b, ""), "new")
	if err := j.Append(t.Context(), "log", 1, 2); err != nil {
		t.Fatal(err)
	}
	records, err := open(journal.OpenObjects(b, ""), "reader").Read(t.Context(), "log")
	if err != nil || len(records) != 2 || records[0].Subject != "" || records[1].Subject != "log" {
		t.Errorf("%+v, %v", records, err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(b.objects["log.ndjson"][len(old):], []byte("\n")))
	b.objects["log.ndjson"] = fmt.Appendf(b.objects["log.ndjson"], `{"position":2,"id":"b","at":"2026-11-01T00:00:00Z","previous":"%x","body":1}`+"\n", sum)
	if _, err := open(journal.OpenObjects(b, ""), "reader").Read(t.Context(), "log"); fault.Code(err) != "journalDamaged" {
		t.Errorf("a record without subject after one with: %v", err)
	}
}
