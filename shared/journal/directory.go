package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
)

// Directory keeps each record in a numbered file of its own below a folder. A
// file is written under another name, synced, and then linked to its number, so
// that it is either whole or not there, and only one writer gets a number.
type Directory struct{ root string }

// OpenDirectory returns the store below root, which is made if it is missing.
func OpenDirectory(root string) (*Directory, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		err = os.MkdirAll(root, 0o700)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the journal's folder cannot be made")
	}
	return &Directory{root: root}, nil
}

// logSuffix marks the folder of a subject, so that a subject can lie below
// another one.
const logSuffix = ".log"

func (d *Directory) folder(subject string) string {
	return filepath.Join(d.root, filepath.FromSlash(subject)+logSuffix)
}

const recordSuffix = ".json"

func recordName(position int) string { return fmt.Sprintf("%09d", position) + recordSuffix }

// Lines reads the numbered files from 0 on, up to the last. A number that is
// missing before it is damage: they are given in order.
func (d *Directory) Lines(ctx context.Context, subject string) ([][]byte, error) {
	lines, err := d.from(ctx, subject, nil)
	if err != nil {
		return nil, err
	}
	count, err := d.count(subject)
	if err == nil && count > len(lines) { // one was missing, or writers were at it
		lines, err = d.from(ctx, subject, lines)
	}
	if err == nil && count > len(lines) {
		err = damaged(fault.New(fault.Unknown, "record %d of %s is missing", len(lines), subject))
	}
	if err != nil {
		return nil, err
	}
	return lines, nil
}

// from reads on after lines, up to the first number that is missing.
func (d *Directory) from(ctx context.Context, subject string, lines [][]byte) ([][]byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "the journal was not read to its end")
		}
		line, err := os.ReadFile(filepath.Join(d.folder(subject), recordName(len(lines))))
		if errors.Is(err, fs.ErrNotExist) {
			return lines, nil
		}
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "record %d of %s cannot be read", len(lines), subject)
		}
		lines = append(lines, line)
	}
}

// count is how many records there must be by the highest number there is.
func (d *Directory) count(subject string) (int, error) {
	files, err := os.ReadDir(d.folder(subject))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fault.Wrap(fault.Unavailable, err, "the records of %s cannot be listed", subject)
	}
	count := 0
	for _, f := range files {
		number, err := strconv.Atoi(strings.TrimSuffix(f.Name(), recordSuffix))
		if err == nil && f.Name() == recordName(number) {
			count = max(count, number+1)
		}
	}
	return count, nil
}

// Add links a synced file to its number.
func (d *Directory) Add(ctx context.Context, subject string, position int, line []byte) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the time for writing the journal is up")
	}
	err := publish(d.root, filepath.Join(d.folder(subject), recordName(position)), line)
	if errors.Is(err, fs.ErrExist) {
		return taken(subject, position)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "record %d of %s cannot be written", position, subject)
	}
	return nil
}

// Subjects walks the folders.
func (d *Directory) Subjects(_ context.Context, prefix string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(d.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(d.root, name)
		if err != nil {
			return err
		}
		subject, isLog := strings.CutSuffix(filepath.ToSlash(relative), logSuffix)
		if e.IsDir() && isLog && strings.HasPrefix(subject, prefix) {
			found = append(found, subject)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the journal's folder cannot be listed")
	}
	slices.Sort(found)
	return found, nil
}

// publish makes a file that is whole from the beginning, in a folder below root
// that is made if it is missing. It fails with fs.ErrExist if there is one.
func publish(root, name string, content []byte) error {
	folder := filepath.Dir(name)
	if err := makeFolder(root, folder); err != nil {
		return err
	}
	draft, err := writeDraft(folder, content)
	if draft != "" {
		defer func() { _ = os.Remove(draft) }() // a draft left behind is never read
	}
	if err == nil {
		err = os.Link(draft, name)
	}
	if err == nil {
		err = syncFolder(folder)
	}
	return err
}

// draftPrefix marks a file that is not finished.
const draftPrefix = "draft-"

// writeDraft writes a line to a new file and syncs it.
func writeDraft(folder string, line []byte) (name string, err error) {
	f, err := os.CreateTemp(folder, draftPrefix+"*")
	if err != nil {
		return "", err
	}
	if _, err = f.Write(line); err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

// makeFolder makes the folder of a subject, and syncs every folder it is in.
func makeFolder(root, folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for at := filepath.Dir(folder); strings.HasPrefix(at, root); at = filepath.Dir(at) {
		if err := syncFolder(at); err != nil {
			return err
		}
	}
	return nil
}

func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
