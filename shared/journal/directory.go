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
	"time"

	"imagekeeper/shared/fault"
)

// Directory keeps each record in a numbered file of its own below a folder. A
// file is written under another name, synced, and then linked to its number, so
// that it is either whole or not there, and only one writer gets a number.
type Directory struct{ root string }

// OpenDirectory returns the store below root, which is made if it is missing.
// Drafts that killed writers left behind are removed.
func OpenDirectory(root string) (*Directory, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		err = os.MkdirAll(filepath.Join(root, drafts), 0o700)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the journal's folder cannot be made")
	}
	sweep(filepath.Join(root, drafts))
	return &Directory{root: root}, nil
}

// drafts is the folder of files that are not finished. No subject and no document
// can have that name.
const drafts = "drafts~"

// sweep removes what killed writers left. A writer that is still at it after an
// hour is told that its file is gone.
func sweep(folder string) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return // it saves room, and nothing else
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(folder, f.Name())) // another one may have been first
		}
	}
}

// logSuffix marks the folder of a subject, so that a subject can lie below
// another one.
const logSuffix = ".log"

func (d *Directory) folder(subject string) string {
	return filepath.Join(d.root, filepath.FromSlash(subject)+logSuffix)
}

const recordSuffix = ".json"

func recordName(position int) string { return fmt.Sprintf("%09d", position) + recordSuffix }

// sumsName is the file of the sums of a log's records.
const sumsName = "sums"

// Lines reads the numbered files from 0 on, up to the last, and compares them with
// their sums.
func (d *Directory) Lines(ctx context.Context, subject string) ([][]byte, error) {
	lines, err := d.numbered(ctx, subject)
	if err != nil {
		return nil, err
	}
	sums, err := readFile(filepath.Join(d.folder(subject), sumsName), maxDocument)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable(err, "the sums of "+subject)
	}
	if len(sums) > len(lines)*sumLength { // written since, or cut off
		if lines, err = d.from(ctx, subject, lines); err != nil {
			return nil, err
		}
	}
	return lines, checkSums(subject, lines, sums)
}

// numbered reads the numbered files. A number that is missing before the last is
// damage: they are given in order.
func (d *Directory) numbered(ctx context.Context, subject string) ([][]byte, error) {
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
		line, err := readFile(filepath.Join(d.folder(subject), recordName(len(lines))), maxLine)
		if errors.Is(err, fs.ErrNotExist) {
			return lines, nil
		}
		if err != nil {
			return nil, unreadable(err, fmt.Sprintf("record %d of %s", len(lines), subject))
		}
		lines = append(lines, line)
	}
}

// errNoFile says that something stands where a file of ours does, and is none.
var errNoFile = errors.New("this is no file that a journal writes")

// readFile reads a file of at most that many bytes. Whatever else has the name is
// not opened: a pipe would never end.
func readFile(name string, most int64) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, errNoFile
	}
	return os.ReadFile(name)
}

// unreadable is a failure to read a file that is there.
func unreadable(err error, what string) error {
	if errors.Is(err, errNoFile) {
		return damaged(fault.Wrap(fault.Unknown, err, "%s is not what was written", what))
	}
	return fault.Wrap(fault.Unavailable, err, "%s cannot be read", what)
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
	if _, err := os.Lstat(filepath.Join(d.folder(subject), sumsName)); position == 0 && err == nil {
		return taken(subject, position) // also where the first record was taken away
	}
	err := d.publish(filepath.Join(d.folder(subject), recordName(position)), line)
	if errors.Is(err, fs.ErrExist) {
		return taken(subject, position)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "record %d of %s cannot be written", position, subject)
	}
	d.sumUp(subject, position, line)
	return nil
}

// sumUp writes the sum of a record at its place. The record stands without it, too:
// it is then covered by the one after it.
func (d *Directory) sumUp(subject string, position int, line []byte) {
	f, err := os.OpenFile(filepath.Join(d.folder(subject), sumsName), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := f.WriteAt(sumLine(line), int64(position)*sumLength); err == nil {
		_ = f.Sync()
	}
}

// Subjects walks the folders.
func (d *Directory) Subjects(_ context.Context, prefix string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(d.root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != d.root:
			return nil // a document that was dropped meanwhile
		case err != nil:
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
func (d *Directory) publish(name string, content []byte) error {
	draft, err := d.writeDraft(content)
	if draft != "" {
		defer func() { _ = os.Remove(draft) }() // a draft left behind is never read
	}
	if err != nil {
		return err
	}
	folder := filepath.Dir(name)
	for try := 1; ; try++ {
		if err = makeFolder(d.root, folder); err == nil {
			err = os.Link(draft, name)
		}
		// A folder that was empty may be removed at any time.
		if !errors.Is(err, fs.ErrNotExist) || try >= mostTries {
			break
		}
	}
	if err != nil {
		return err
	}
	return syncFolder(folder)
}

// mostTries bounds how often a folder is made again.
const mostTries = 10

// writeDraft writes content to a new file and syncs it.
func (d *Directory) writeDraft(content []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Join(d.root, drafts), "*")
	if err != nil {
		return "", err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

// makeFolder makes a folder, and syncs every folder it is in.
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
