package journal

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
)

// Documents keeps whole texts beside the logs of a place; Directory and Objects
// do. Each is written once, and never changes. Names are like those of logs, but
// do not end in ".ndjson", and no word of them in ".log": logs do.
type Documents interface {
	// Keep stores a text, whole or not at all, durably, before it returns. It
	// fails with fault.Conflict if another text has that name; the same text
	// again is kept, and one whose reply was lost. It fails with fault.Invalid
	// for an empty text, and with fault.Exhausted for more than 64 MiB.
	Keep(ctx context.Context, name string, text []byte) error
	// Kept returns a text. It fails with fault.NotFound if there is none.
	Kept(ctx context.Context, name string) ([]byte, error)
	// Names lists the documents whose names begin with prefix, in order.
	Names(ctx context.Context, prefix string) ([]string, error)
}

// maxDocument is the longest document, in bytes: as much as is read at once.
const maxDocument = 64 << 20

// checkDocument refuses names that cannot be told from logs.
func checkDocument(name string) error {
	if err := checkSubject(name); err != nil {
		return err
	}
	if strings.Contains(name+"/", logSuffix+"/") || strings.HasSuffix(name, objectSuffix) {
		return fault.New(fault.Invalid, "%s is the name of a log, not of a document", name)
	}
	return nil
}

// checkText refuses what cannot be kept.
func checkText(name string, text []byte) error {
	switch {
	case len(text) == 0:
		return fault.New(fault.Invalid, "%s is empty", name)
	case len(text) > maxDocument:
		return fault.New(fault.Exhausted, "%s has %d bytes; at most %d are kept", name, len(text), maxDocument).WithCode("documentTooLong")
	}
	return checkDocument(name)
}

// settled is what became of a text that could not be stored as far as is known:
// it may be there all the same, or another one in its place.
func settled(ctx context.Context, d Documents, name string, text []byte, failure error) error {
	there, err := d.Kept(ctx, name)
	switch {
	case err != nil:
		return failure
	case bytes.Equal(there, text):
		return nil
	}
	return fault.New(fault.Conflict, "there is another document called %s", name).WithCode("documentTaken")
}

func noDocument(name string) error {
	return fault.New(fault.NotFound, "there is no document called %s", name)
}

func (d *Directory) document(name string) string {
	return filepath.Join(d.root, filepath.FromSlash(name))
}

// Keep links a synced file to its name.
func (d *Directory) Keep(ctx context.Context, name string, text []byte) error {
	if err := checkText(name, text); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the time for writing the journal is up")
	}
	err := publish(d.root, d.document(name), text)
	if err == nil {
		return nil
	}
	return settled(ctx, d, name, text, fault.Wrap(fault.Unavailable, err, "%s cannot be written", name))
}

// Kept reads the file.
func (d *Directory) Kept(_ context.Context, name string) ([]byte, error) {
	if err := checkDocument(name); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(d.document(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noDocument(name)
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be read", name)
	}
	return text, nil
}

// Names walks the folders that are not logs.
func (d *Directory) Names(_ context.Context, prefix string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(d.root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && at != d.root && strings.HasSuffix(at, logSuffix) {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(d.root, at)
		if name := filepath.ToSlash(relative); err == nil && !e.IsDir() && strings.HasPrefix(name, prefix) && !strings.HasPrefix(e.Name(), draftPrefix) {
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the journal's folder cannot be listed")
	}
	slices.Sort(found)
	return found, nil
}

// Keep begins an object at its beginning, which only one writer can.
func (o *Objects) Keep(ctx context.Context, name string, text []byte) error {
	if err := checkText(name, text); err != nil {
		return err
	}
	if err := o.bucket.Append(ctx, o.at(name), 0, text); err != nil {
		return settled(ctx, o, name, text, err)
	}
	return nil
}

// Kept reads the object.
func (o *Objects) Kept(ctx context.Context, name string) ([]byte, error) {
	if err := checkDocument(name); err != nil {
		return nil, err
	}
	text, err := o.bucket.Get(ctx, o.at(name), 0)
	if fault.Of(err) == fault.NotFound {
		return nil, noDocument(name)
	}
	return text, err
}

// Names lists the keys below the prefix that are not logs.
func (o *Objects) Names(ctx context.Context, prefix string) ([]string, error) {
	keys, err := o.bucket.List(ctx, o.at(prefix))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, k := range keys {
		if name := strings.TrimPrefix(strings.TrimPrefix(k, o.prefix), "/"); !strings.HasSuffix(name, objectSuffix) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// at is the key of a name below the prefix.
func (o *Objects) at(name string) string { return strings.TrimPrefix(o.prefix+"/"+name, "/") }
