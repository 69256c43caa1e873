package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ledger.Place{
		"dir:///var/journal":    {Folder: "/var/journal"},
		"dir:///var/journal/":   {Folder: "/var/journal"},
		"oss://audit/keep/here": {Bucket: "audit", Prefix: "keep/here"},
		"oss://audit/":          {Bucket: "audit"},
		"oss://audit":           {Bucket: "audit"},
	} {
		var p ledger.Place
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
		var again ledger.Place
		if err := again.UnmarshalText([]byte(p.String())); err != nil || again != p {
			t.Errorf("%s again: %+v, %v", p, again, err)
		}
	}
	for _, bad := range []string{
		"", "dir://relative/path", "dir:///", "dir:relative", "dir:///a/../b", "oss://", "oss:///prefix", "oss://UPPER/x", "oss://ab/x",
		"oss://key:secret@bucket/x", "oss://bucket/../x", "oss://bucket/a//b", "oss://bucket/x?y=z", "oss://bucket/x#y", "https://bucket/x", "oss://-bucket/x", "\x00",
	} {
		var p ledger.Place
		if err := p.UnmarshalText([]byte(bad)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %+v, %v", bad, p, err)
		}
	}
}

func TestNowhereCannotBeOpened(t *testing.T) {
	t.Parallel()
	if _, err := (ledger.Place{}).Open(nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := (ledger.Place{}).Documents(nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	no := func(string) (journal.Bucket, error) { return nil, fault.New(fault.Forbidden, "no") }
	if _, err := (ledger.Place{Bucket: "audit"}).Open(no); !errors.Is(err, fault.Forbidden) {
		t.Errorf("got %v", err)
	}
}

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	j, err := ledger.Place{Folder: t.TempDir()}.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	log := ledger.Log{Journal: j}
	e := plan.Entry{
		Kind: plan.Approved, Digest: "d", By: "me", At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Plan: &plan.Stored{Target: "t", Base: plan.Facts{"a": "1"}, Steps: []plan.StoredStep{{Step: plan.Step{Action: "add", Subject: "a"}, Sets: plan.Facts{"a": "2"}}}},
	}
	if err := log.Append(t.Context(), "t", 0, e); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), "t", 0, e); !errors.Is(err, fault.Conflict) {
		t.Errorf("the position again: %v", err)
	}
	entries, err := log.Read(t.Context(), "t")
	if err != nil || len(entries) != 1 || entries[0].Plan.Steps[0].Sets["a"] != "2" || !entries[0].At.Equal(e.At) {
		t.Errorf("read %+v, %v", entries, err)
	}
	if err := j.Append(t.Context(), "t", 1, "not an entry"); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Read(t.Context(), "t"); !errors.Is(err, fault.Unknown) {
		t.Errorf("a record that is no entry: %v", err)
	}
}

func ExamplePlace() {
	var p ledger.Place
	if err := p.UnmarshalText([]byte("dir://" + os.TempDir() + "/imagekeeper-example")); err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(p.Folder)
	j, err := p.Open(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, err := ledger.Log{Journal: j}.Read(context.Background(), "share/1000000000000001/cn-hangzhou/m-1")
	fmt.Println(len(entries), err)
	// Output: 0 <nil>
}
