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
// do not end in ".ndjson" or ".sums", and no word of them in ".log": logs do.
type Documents interface {
	// Keep stores a text, whole or not at all, durably, before it returns. It
	// fails with fault.Conflict if another text has that name; the same text
	// again is kept, and one whose reply was lost. It fails with fault.Invalid
	// for an empty text, and with fault.Exhausted for more than 64 MiB.
	Keep(ctx context.Context, name string, text []byte) error
	// Kept returns a text. It fails with fault.NotFound if there is none.
	Kept(ctx context.Context, name string) ([]byte, error)
	// Names lists the documents whose names begin with prefix, in order; those up to
	// last, if it is not empty.
	Names(ctx context.Context, prefix, last string) ([]string, error)
	// Drop removes a document; one that is not there is removed.
	Drop(ctx context.Context, name string) error
}

// maxDocument is the longest document, in bytes: as much as is read at once.
const maxDocument = 64 << 20

// checkDocument refuses names that cannot be told from logs.
func checkDocument(name string) error {
	if err := checkSubject(name); err != nil {
		return err
	}
	if strings.Contains(name+"/", logSuffix+"/") || isLog(name) {
		return fault.New(fault.Invalid, "%s is the name of a log, not of a document", name)
	}
	return nil
}

// isLog reports whether a key is that of a log, or of its sums.
func isLog(key string) bool {
	return strings.HasSuffix(key, objectSuffix) || strings.HasSuffix(key, sumsSuffix)
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
	case err != nil && fault.Of(err) != fault.NotFound:
		return uncertain(failure, name)
	case err != nil && fault.Of(failure) == fault.Conflict: // dropped meanwhile, or an earlier attempt of ours
		return uncertain(failure, name)
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
	err := d.publish(d.document(name), text)
	if err == nil {
		return nil
	}
	kind := fault.Unavailable
	if errors.Is(err, fs.ErrExist) {
		kind = fault.Conflict
	}
	return settled(ctx, d, name, text, fault.Wrap(kind, err, "%s cannot be written", name))
}

// Kept reads the file.
func (d *Directory) Kept(_ context.Context, name string) ([]byte, error) {
	if err := checkDocument(name); err != nil {
		return nil, err
	}
	text, err := readFile(d.document(name), maxDocument)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noDocument(name)
	case err != nil:
		return nil, unreadable(err, name)
	}
	return text, nil
}

// Names walks the folders that are not logs, from the one on that the prefix is in.
func (d *Directory) Names(_ context.Context, prefix, last string) ([]string, error) {
	var found []string
	top := d.root
	if n := strings.LastIndexByte(prefix, '/'); n > 0 && checkSubject(prefix[:n]) == nil {
		top = d.document(prefix[:n])
	}
	err := filepath.WalkDir(top, func(at string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is none, or it was removed since
		}
		if err != nil {
			return err
		}
		if e.IsDir() && at != d.root && (strings.HasSuffix(at, logSuffix) || e.Name() == drafts) {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(d.root, at)
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), oldDraft) && within(filepath.ToSlash(relative), prefix, last) {
			found = append(found, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the journal's folder cannot be listed")
	}
	slices.Sort(found)
	return found, nil
}

// oldDraft marks what killed writers of the version before left between documents.
const oldDraft = "draft-"

// within reports whether a name is of those that begin with prefix, up to last.
func within(name, prefix, last string) bool {
	return strings.HasPrefix(name, prefix) && (last == "" || name <= last)
}

// Drop removes the file, and the folders that are empty without it.
func (d *Directory) Drop(_ context.Context, name string) error {
	if err := checkDocument(name); err != nil {
		return err
	}
	file := d.document(name)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Unavailable, err, "%s cannot be removed", name)
	}
	for at := filepath.Dir(file); at != d.root && os.Remove(at) == nil; at = filepath.Dir(at) {
	}
	return nil
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

// Kept reads the object. That there is none is believed when the list does not
// show it either.
func (o *Objects) Kept(ctx context.Context, name string) ([]byte, error) {
	if err := checkDocument(name); err != nil {
		return nil, err
	}
	text, err := o.get(ctx, o.at(name), o.at(name))
	if fault.Of(err) == fault.NotFound {
		return nil, noDocument(name)
	}
	return text, err
}

// Names lists the keys below the prefix that are not logs.
func (o *Objects) Names(ctx context.Context, prefix, last string) ([]string, error) {
	if last != "" {
		last = o.at(last)
	}
	keys, err := o.bucket.List(ctx, o.at(prefix), last)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, k := range keys {
		if name := o.name(k); !isLog(name) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// Drop deletes the object.
func (o *Objects) Drop(ctx context.Context, name string) error {
	if err := checkDocument(name); err != nil {
		return err
	}
	return o.bucket.Delete(ctx, o.at(name))
}

// at is the key of a name below the prefix, and name that of a key.
func (o *Objects) at(name string) string { return strings.TrimPrefix(o.prefix+"/"+name, "/") }

func (o *Objects) name(key string) string {
	return strings.TrimPrefix(strings.TrimPrefix(key, o.prefix), "/")
}
