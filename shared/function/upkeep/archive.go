// Package upkeep is what cleanup keeps in the journal and reads there: the stories of
// images, the words that keep them, the looks at each place, and what other works
// hold. It also takes access to images away and gives it back in the log of share.
package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/work"
)

// Where cleanup keeps what it knows: stories and keeps by image, looks by place.
const (
	storyFolder = "cleanup/"
	keepFolder  = "keep/"
	lookFolder  = "looks/"
)

// Name is the first segment of the route of cleanups, and of their works.
const Name = "cleanups"

// Archive is what the journal knows, for one event.
type Archive struct {
	Journal   *journal.Journal
	Documents journal.Documents
	Now       func() time.Time
}

func (a Archive) runner(kind string) work.Runner {
	return work.Runner{Name: kind, Journal: a.Journal, Documents: a.Documents, Now: a.Now}
}

// refOf reads the image that the log of a folder is about.
func refOf(folder, subject string) (image.Ref, bool) {
	words := strings.Split(strings.TrimPrefix(subject, folder), "/")
	if len(words) != 3 {
		return image.Ref{}, false
	}
	return image.Ref{Account: image.AccountID(words[0]), Region: image.RegionID(words[1]), ID: image.ID(words[2])}, true
}

// readAll reads the logs of some subjects, many at once.
func readAll[T any](ctx context.Context, j *journal.Journal, subjects []string, each func(subject string, records []T)) error {
	var mu sync.Mutex
	var wait fanout.Group
	var failures []error
	turns := make(chan struct{}, 16)
	for _, subject := range subjects {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			records, err := j.Read(ctx, subject)
			list, bad := bodies[T](subject, records)
			if err == nil {
				err = bad
			}
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, err)
			if err == nil {
				each(subject, list)
			}
		})
	}
	wait.Wait()
	return errors.Join(failures...)
}

// Stories are what cleanup did with images.
func (a Archive) Stories(ctx context.Context, of []image.Ref) (map[image.Ref]retention.Story, error) {
	known := map[string]bool{}
	if len(of) > fewStories {
		all, err := a.Journal.Subjects(ctx, storyFolder)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			known[s] = true
		}
	}
	var subjects []string
	for _, r := range of {
		if s := storyFolder + r.String(); len(of) <= fewStories || known[s] {
			subjects = append(subjects, s)
		}
	}
	return a.stories(ctx, subjects)
}

// fewStories are read one by one; of more it is asked first which there are.
const fewStories = 20

func (a Archive) stories(ctx context.Context, subjects []string) (map[image.Ref]retention.Story, error) {
	stories := map[image.Ref]retention.Story{}
	err := readAll(ctx, a.Journal, subjects, func(subject string, chapters []retention.Chapter) {
		if r, ok := refOf(storyFolder, subject); ok && len(chapters) > 0 {
			stories[r] = chapters
		}
	})
	return stories, err
}

// All are the stories of every image that cleanup ever had to do with.
func (a Archive) All(ctx context.Context) (map[image.Ref]retention.Story, error) {
	subjects, err := a.Journal.Subjects(ctx, storyFolder)
	if err != nil {
		return nil, err
	}
	return a.stories(ctx, subjects)
}

// Of are the stories of images that had an id, in whatever account and region.
func (a Archive) Of(ctx context.Context, id image.ID) (map[image.Ref]retention.Story, error) {
	subjects, err := a.Journal.Subjects(ctx, storyFolder)
	if err != nil {
		return nil, err
	}
	return a.stories(ctx, slices.DeleteFunc(subjects, func(s string) bool { return !strings.HasSuffix(s, "/"+string(id)) }))
}

// Write adds a chapter to the story of an image, unless that tells it already.
func (a Archive) Write(ctx context.Context, r image.Ref, c retention.Chapter) error {
	subject := storyFolder + r.String()
	for range 20 {
		records, err := a.Journal.Read(ctx, subject)
		if err != nil {
			return err
		}
		told := make(retention.Story, len(records))
		for n, record := range records {
			if err := json.Unmarshal(record.Body, &told[n]); err != nil {
				return fault.Wrap(fault.Unknown, err, "record %d of %s cannot be read", n, subject).WithCode("journalDamaged")
			}
		}
		if told.Tells(c) {
			return nil
		}
		if err = a.Journal.Append(ctx, subject, len(records), c); fault.Of(err) != fault.Conflict {
			return err
		}
	}
	return fault.New(fault.Unavailable, "too many write about %s at once", r)
}

// bodies are what the records of a log say.
func bodies[T any](subject string, records []journal.Record) ([]T, error) {
	list := make([]T, len(records))
	for n, r := range records {
		if err := json.Unmarshal(r.Body, &list[n]); err != nil {
			return nil, fault.Wrap(fault.Unknown, err, "record %d of %s cannot be read", n, subject).WithCode("journalDamaged")
		}
	}
	return list, nil
}

// KeepRecord is one record of the log of who keeps an image.
type KeepRecord struct {
	retention.KeepNote
	// Gone: the one who wrote it takes back what By said before.
	Gone bool `json:"gone,omitempty"`
}

// notesOf are the words that keep an image, or kept it until a moment ago.
func notesOf(records []KeepRecord) []retention.KeepNote {
	by := map[string]retention.KeepNote{}
	for _, r := range records {
		note := r.KeepNote.After(by[r.By])
		if r.Gone {
			note = by[r.By]
			note.TakenAt = r.At
		}
		by[r.By] = note
	}
	var notes []retention.KeepNote
	for _, who := range slices.Sorted(maps.Keys(by)) {
		notes = append(notes, by[who])
	}
	return notes
}

// Keeps are the words of people that keep images.
func (a Archive) Keeps(ctx context.Context) (map[image.Ref][]retention.KeepNote, error) {
	subjects, err := a.Journal.Subjects(ctx, keepFolder)
	if err != nil {
		return nil, err
	}
	keeps := map[image.Ref][]retention.KeepNote{}
	err = readAll(ctx, a.Journal, subjects, func(subject string, records []KeepRecord) {
		if r, ok := refOf(keepFolder, subject); ok {
			keeps[r] = notesOf(records)
		}
	})
	return keeps, err
}

// Looks are the last looks at all places.
func (a Archive) Looks(ctx context.Context) (map[retention.Place]retention.Look, error) {
	names, err := a.Documents.Names(ctx, lookFolder, "")
	if err != nil {
		return nil, err
	}
	last := map[string]string{} // by folder, the last name
	for _, name := range names {
		folder := name[:strings.LastIndexByte(name, '/')]
		last[folder] = max(last[folder], name)
	}
	looks := map[retention.Place]retention.Look{}
	for _, name := range last {
		text, err := a.Documents.Kept(ctx, name)
		if err != nil {
			return nil, err
		}
		var l retention.Look
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fault.Wrap(fault.Unknown, err, "%s is no look", name).WithCode("journalDamaged")
		}
		if err := l.Check(); err != nil {
			return nil, fault.Wrap(fault.Unknown, err, "%s is no look: %s", name, fault.Sentence(err)).WithCode("journalDamaged")
		}
		looks[retention.Place{Account: l.Account, Region: l.Region}] = l
	}
	return looks, nil
}

// Keep appends to the log of who keeps an image, and returns the word of its speaker as
// it holds now.
func (a Archive) Keep(ctx context.Context, ref image.Ref, r KeepRecord) (retention.KeepNote, error) {
	subject := keepFolder + ref.String()
	for range 20 {
		records, err := a.Journal.Read(ctx, subject)
		if err != nil {
			return r.KeepNote, err
		}
		if err = a.Journal.Append(ctx, subject, len(records), r); fault.Of(err) == fault.Conflict {
			continue
		}
		said, unread := bodies[KeepRecord](subject, records)
		if err != nil || unread != nil { // a word holds, whatever cannot be read of those before it
			return r.KeepNote, err
		}
		notes := notesOf(append(said, r))
		return notes[slices.IndexFunc(notes, func(n retention.KeepNote) bool { return n.By == r.By })], nil
	}
	return r.KeepNote, fault.New(fault.Unavailable, "too many keep %s at once", ref)
}

// KeepLook stores a look, and drops those that are over.
func (a Archive) KeepLook(ctx context.Context, l retention.Look) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a look cannot be written")
	}
	folder := lookFolder + string(l.Account) + "/" + string(l.Region) + "/"
	err = a.Documents.Keep(ctx, folder+l.At.UTC().Format(Stamp)+".json", text)
	if err != nil && !errors.Is(err, fault.Conflict) { // another run was at it in the same second
		return err
	}
	names, err := a.Documents.Names(ctx, folder, "")
	for n := range max(0, len(names)-KeptLooks) {
		err = errors.Join(err, a.Documents.Drop(ctx, names[n]))
	}
	return err
}

// KeptLooks is how many looks at a place are kept, Stamp their names in order.
const (
	KeptLooks = 3
	Stamp     = "2006-01-02T15-04-05Z"
)

// imagePattern and snapshotPattern find whatever may be the id of an image, or of a
// snapshot.
const (
	imagePattern    = `\bm-[A-Za-z0-9]+`
	snapshotPattern = `\bs-[A-Za-z0-9]+`
)

// holding are the kinds of works whose images stay.
func holding() []string { return []string{"cleanups", "imports", "exports", "rollouts"} }

// releaseFolder is where import keeps the channels of each family.
const releaseFolder = "release/"

// Held is all that an open work of any function names, whatever for, and which images
// are in a channel. What a work does with an image only its function knows; that it
// names it is enough.
func (a Archive) Held(ctx context.Context) (retention.Held, error) {
	held := retention.Held{
		Images: map[image.ID][]string{}, Snapshots: map[image.SnapshotID][]string{}, Orphans: map[image.SnapshotID]string{}, Channels: map[image.ID]string{}, Items: map[image.Ref]work.Item{}, Named: map[image.Ref]bool{},
	}
	for _, kind := range holding() {
		due, err := journal.NewAgenda(a.Documents).Due(ctx, kind, farFuture())
		if err != nil {
			return held, err
		}
		seen := map[string]bool{}
		for _, e := range due {
			words := strings.Split(e.Subject, "/")
			if len(words) != 3 || words[0] != "work" || seen[words[2]] {
				continue
			}
			seen[words[2]] = true
			if err := a.holds(ctx, kind, words[2], held); err != nil {
				return held, err
			}
		}
	}
	return held, a.channels(ctx, held)
}

func farFuture() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// channels enters the images that are candidate or stable of their family.
func (a Archive) channels(ctx context.Context, held retention.Held) error {
	families, err := a.Journal.Subjects(ctx, releaseFolder)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wait fanout.Group
	var failures []error
	turns := make(chan struct{}, 16)
	for _, family := range families {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			told, err := ledger.Log{Journal: a.Journal}.Read(ctx, family)
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, err)
			now := importing.Channels(told)
			for _, c := range []importing.Channel{importing.Candidate, importing.Stable} { // the better one is told
				for _, assigned := range now[c] {
					held.Channels[assigned.Image] = string(c)
				}
			}
		})
	}
	wait.Wait()
	return errors.Join(failures...)
}

// holds enters what one work names.
func (a Archive) holds(ctx context.Context, kind, id string, held retention.Held) error {
	w, err := a.runner(kind).Get(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil // announced, and never written
	}
	if err != nil {
		return err
	}
	if w.State.Ended() {
		return nil
	}
	if kind == Name {
		return a.ownWork(w, held)
	}
	text, err := json.Marshal(struct {
		Document work.Document
		Items    map[string]work.Item
	}{w.Document, w.Items})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "%s %s cannot be told", kind, id)
	}
	for _, found := range regexp.MustCompile(imagePattern).FindAll(text, -1) {
		enter(held.Images, image.ID(found), kind+"/"+id)
	}
	for _, found := range regexp.MustCompile(snapshotPattern).FindAll(text, -1) {
		enter(held.Snapshots, image.SnapshotID(found), kind+"/"+id)
	}
	return nil
}

// ownWork enters the images of a cleanup that are on their way, the snapshots of those
// in the bin, and those of a restore.
func (a Archive) ownWork(w work.Work, held retention.Held) error {
	var wish retention.Wish
	if err := json.Unmarshal(w.Document.Wish, &wish); err != nil {
		return fault.Wrap(fault.Unknown, err, "the wish of cleanup %s cannot be read", w.ID).WithCode("journalDamaged")
	}
	if wish.Restore != nil {
		for _, s := range wish.Restore.Snapshots {
			enter(held.Snapshots, s.Snapshot, Name+"/"+w.ID)
		}
	}
	for item, one := range wish.Items {
		if w.Items[item].Ended() {
			continue
		}
		if one.Orphan != "" {
			held.Orphans[one.Orphan] = w.ID
			continue
		}
		if i, begun := w.Items[item]; begun {
			held.Items[one.Ref] = i
		}
		held.Named[one.Ref] = !wish.ByRule
		enter(held.Images, one.Ref.ID, Name+"/"+w.ID)
		for _, s := range one.Snapshots {
			enter(held.Snapshots, s, Name+"/"+w.ID)
		}
	}
	return nil
}

func enter[T comparable](held map[T][]string, id T, by string) {
	if !slices.Contains(held[id], by) {
		held[id] = append(held[id], by)
	}
}
