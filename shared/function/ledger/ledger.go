// Package ledger is where the functions that keep something keep it: the
// journal that the variable JOURNAL names, and the log of plans that is kept in
// it.
package ledger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
)

// Place is where a journal is kept: "dir:///path" or "oss://bucket/prefix". The
// zero Place is nowhere.
type Place struct {
	// Folder is the absolute path of a directory; else Bucket and Prefix are set.
	Folder string
	Bucket string
	Prefix string
}

// UnmarshalText reads a place. It fails with fault.Invalid for anything that is
// not one.
func (p *Place) UnmarshalText(text []byte) error {
	bad := fault.New(fault.Invalid, "must be dir:///path or oss://bucket/prefix")
	u, err := url.Parse(string(text))
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return bad
	}
	inside := strings.Trim(u.Path, "/")
	switch {
	case u.Scheme == "dir" && u.Host == "" && inside != "" && path.Clean(u.Path) == strings.TrimSuffix(u.Path, "/"):
		*p = Place{Folder: path.Clean(u.Path)}
	case u.Scheme == "oss" && bucketName(u.Host) && (inside == "" || path.Clean(inside) == inside && !strings.HasPrefix(inside, "..")):
		*p = Place{Bucket: u.Host, Prefix: inside}
	default:
		return bad
	}
	return nil
}

// bucketName: 3 to 63 small letters, digits and hyphens, none at the ends;
// source: PutBucket.
func bucketName(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && name == strings.Trim(name, "-") &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// MarshalText writes a place as JOURNAL has it.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String is the place as JOURNAL has it.
func (p Place) String() string {
	switch {
	case p.Folder != "":
		return "dir://" + p.Folder
	case p.Bucket != "":
		return strings.TrimSuffix("oss://"+p.Bucket+"/"+p.Prefix, "/")
	}
	return ""
}

// Open opens the journal at a place; bucket opens a bucket, and is asked only if
// the place is one. It fails with fault.Invalid for nowhere, and with whatever
// opening the place fails with.
func (p Place) Open(bucket func(name string) (journal.Bucket, error)) (*journal.Journal, error) {
	store, err := p.open(bucket)
	if err != nil {
		return nil, err
	}
	return journal.New(store, time.Now, rand.Text), nil
}

// Documents opens what is kept beside the journal, as Open does.
func (p Place) Documents(bucket func(name string) (journal.Bucket, error)) (journal.Documents, error) {
	return p.open(bucket)
}

// kept is what can be kept at a place: logs, and documents.
type kept interface {
	journal.Store
	journal.Documents
}

func (p Place) open(bucket func(name string) (journal.Bucket, error)) (kept, error) {
	switch {
	case p.Folder != "":
		return journal.OpenDirectory(p.Folder)
	case p.Bucket != "":
		objects, err := bucket(p.Bucket)
		if err != nil {
			return nil, err
		}
		return journal.OpenObjects(objects, p.Prefix), nil
	}
	return nil, fault.InField("JOURNAL", "required", "must say where changes are recorded")
}

// Log keeps the entries of plans in a journal, one log per target. It is a
// plan.Log.
type Log struct{ Journal *journal.Journal }

// Read returns every entry of a target in order. It fails with fault.Unknown for
// a log that is damaged, or holds plans of another target.
func (l Log) Read(ctx context.Context, target string) ([]plan.Entry, error) {
	records, err := l.Journal.Read(ctx, target)
	if err != nil {
		return nil, err
	}
	entries := make([]plan.Entry, len(records))
	for n, r := range records {
		if err := json.Unmarshal(r.Body, &entries[n]); err != nil {
			return nil, fault.Wrap(fault.Unknown, err, "record %d of %s is no entry of a plan", n, target).WithCode("journalDamaged")
		}
		// Records of before they named their subject could be another log's.
		if p := entries[n].Plan; p != nil && p.Target != target {
			return nil, fault.New(fault.Unknown, "record %d of %s is of another target", n, target).WithCode("journalDamaged")
		}
	}
	return entries, nil
}

// Append adds an entry as number position. It fails with fault.Conflict if that
// position is taken.
func (l Log) Append(ctx context.Context, target string, position int, e plan.Entry) error {
	return l.Journal.Append(ctx, target, position, e)
}
