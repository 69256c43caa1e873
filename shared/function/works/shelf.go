package works

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/work"
)

// shelf keeps plans that nobody has approved yet, by the day, the digest, and what
// they say. They are dropped when two days are over.
type shelf struct{ runner work.Runner }

// kept is how many days a plan is found, that on which it was made among them.
const kept = 3

func (s shelf) folder() string { return "plans/" + s.runner.Name + "/" }

// keep stores a plan and returns its name. The same again is kept.
func (s shelf) keep(ctx context.Context, d work.Document) (string, error) {
	text, err := d.Text()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	name := s.folder() + s.runner.Now().UTC().Format(time.DateOnly) + "/" + d.Plan.Plan().Digest() + "-" + hex.EncodeToString(sum[:6]) + ".json"
	if err := s.runner.Documents.Keep(ctx, name, text); err != nil && !errors.Is(err, fault.Conflict) {
		return "", err
	}
	return name, nil
}

// planGone says that nothing is kept by the name or the digest of a plan.
func planGone() error {
	return fault.New(fault.NotFound, "the plan is no longer kept: plan again").WithCode("planGone")
}

// read reads a plan. It fails with fault.NotFound if it was dropped.
func (s shelf) read(ctx context.Context, name string) (work.Document, error) {
	text, err := s.runner.Documents.Kept(ctx, name)
	if errors.Is(err, fault.NotFound) {
		return work.Document{}, planGone()
	}
	if err != nil {
		return work.Document{}, err
	}
	digest, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	return work.ReadDocument(text, digest)
}

// find finds what has a digest: the newest plan that is kept, or what was approved.
func (s shelf) find(ctx context.Context, digest string) (work.Document, bool, error) {
	w, err := s.runner.Get(ctx, work.IDOf(digest))
	switch {
	case err == nil && w.Digest == digest:
		return w.Document, true, nil
	case err != nil && !errors.Is(err, fault.NotFound):
		return work.Document{}, false, err
	}
	for day := range kept {
		at := s.runner.Now().UTC().AddDate(0, 0, -day).Format(time.DateOnly)
		names, err := s.runner.Documents.Names(ctx, s.folder()+at+"/"+digest+"-", "")
		if err != nil {
			return work.Document{}, false, err
		}
		if len(names) > 0 {
			d, err := s.newest(ctx, names)
			return d, err == nil, err
		}
	}
	return s.approved(ctx, digest)
}

// newest is the plan of those that was made last: what is told beside the same steps, such
// as why they may not be applied, changes.
func (s shelf) newest(ctx context.Context, names []string) (work.Document, error) {
	var last work.Document
	slices.Sort(names)
	for _, name := range names {
		d, err := s.read(ctx, name)
		if err != nil {
			return d, err
		}
		if !d.At.Before(last.At) {
			last = d
		}
	}
	return last, nil
}

// approved finds what was approved once, as a work of whatever name.
func (s shelf) approved(ctx context.Context, digest string) (work.Document, bool, error) {
	names, err := s.runner.Documents.Names(ctx, "works/"+s.runner.Name+"/", "")
	at := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, "/"+digest+".json") })
	if err != nil || at < 0 {
		return work.Document{}, false, err
	}
	text, err := s.runner.Documents.Kept(ctx, names[at])
	if err != nil {
		return work.Document{}, false, err
	}
	d, err := work.ReadDocument(text, digest)
	return d, err == nil, err
}

// drop drops the plans that are over, and returns how many.
func (s shelf) drop(ctx context.Context) (int, error) {
	last := s.folder() + s.runner.Now().UTC().AddDate(0, 0, -kept).Format(time.DateOnly) + "~" // ~ comes after every name
	names, err := s.runner.Documents.Names(ctx, s.folder(), last)
	for _, name := range names {
		err = errors.Join(err, s.runner.Documents.Drop(ctx, name))
	}
	return len(names), err
}

// CursorOf is where a list goes on: behind position of what is named.
func CursorOf(name string, position int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(position) + " " + name))
}

// ReadCursor reads what CursorOf wrote. It fails for any other text.
func ReadCursor(text string) (name string, position int, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", 0, err
	}
	number, name, _ := strings.Cut(string(raw), " ")
	position, err = strconv.Atoi(number)
	if err == nil && position < 0 {
		err = strconv.ErrRange
	}
	return name, position, err
}
