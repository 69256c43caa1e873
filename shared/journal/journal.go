// Package journal is the memory of the functions that change things, and the
// audit trail: one append-only log per subject, with compare-and-append. An
// append names the position it expects; whoever comes second is told so. Records
// are chained by hashes, name their subject, and their sums are kept beside them,
// so that a record that was changed, taken out, cut off or copied shows. Beside
// the logs it keeps documents, an agenda and claims.
package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"imagekeeper/shared/fault"
)

// Record is one entry of a subject's log.
type Record struct {
	// Subject is whose log it is in. Records of before there was this member have
	// none; none follows one that has it.
	Subject string `json:"subject,omitempty"`
	// Position counts from 0, without gaps.
	Position int `json:"position"`
	// ID is random and made by the writer: after a lost reply it tells whether
	// the record is ours.
	ID string `json:"id"`
	// At is when it was written, by the writer's clock.
	At time.Time `json:"at"`
	// Previous is the SHA-256 of the record before, in hex; empty for the first.
	Previous string `json:"previous"`
	// Body is what the writer has to say.
	Body json.RawMessage `json:"body"`
}

// maxBody bounds a record, so that no log grows by accident, and maxLine what is
// around it as well.
const (
	maxBody = 1 << 20
	maxLine = maxBody + 4096
)

// Journal is a set of logs in one place; safe for concurrent use.
type Journal struct {
	store Store
	now   func() time.Time
	newID func() string

	// mu guards ends: where the logs ended when last read or written. It only
	// saves reading; the store says whether a position is free.
	mu   sync.Mutex
	ends map[string]tip
}

// tip is the end of a log: how many records it has, and the hash that the next
// one has to name.
type tip struct {
	length   int
	previous string
}

// mostEnds bounds what is remembered of ends.
const mostEnds = 4096

// Store keeps the records of a subject; this package has two: Directory and
// Objects. Lines are complete records without line ends.
type Store interface {
	// Lines returns every record of a subject in order; none if there is none. It
	// fails with fault.Unknown if they are not those that were added.
	Lines(ctx context.Context, subject string) ([][]byte, error)
	// Add stores a line at a position, durably, before it returns. It fails with
	// fault.Conflict if the position is taken, also by an earlier Add of the same
	// line whose reply was lost.
	Add(ctx context.Context, subject string, position int, line []byte) error
	// Subjects lists the subjects that begin with prefix, in order.
	Subjects(ctx context.Context, prefix string) ([]string, error)
}

// New returns a journal in store. now and newID are the clock and the source of
// random append ids.
func New(store Store, now func() time.Time, newID func() string) *Journal {
	return &Journal{store: store, now: now, newID: newID, ends: map[string]tip{}}
}

// end is where a log ended when last seen.
func (j *Journal) end(subject string) (tip, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, ok := j.ends[subject]
	return at, ok
}

// remember keeps the end of a log, unless a later one is known.
func (j *Journal) remember(subject string, at tip) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ends) >= mostEnds {
		clear(j.ends)
	}
	if at.length >= j.ends[subject].length {
		j.ends[subject] = at
	}
}

// The limits of a subject: words of letters, digits and "_.:-", with slashes
// between them.
const (
	maxWords = 8
	maxWord  = 128
)

// checkSubject refuses names that a store could misunderstand.
func checkSubject(subject string) error {
	words := strings.Split(subject, "/")
	bad := len(words) > maxWords || slices.ContainsFunc(words, func(w string) bool {
		return w == "" || len(w) > maxWord || strings.Trim(w, ".") == "" || strings.IndexFunc(w, notInWord) >= 0
	})
	if bad {
		return fault.New(fault.Invalid, "%.64q cannot name a log", subject)
	}
	return nil
}

func notInWord(r rune) bool {
	return !strings.ContainsRune("_.:-", r) && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
}

// Read returns every record of a subject in order, after checking that none is
// missing or changed. It fails with fault.Unknown if one is.
func (j *Journal) Read(ctx context.Context, subject string) ([]Record, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	before, _ := j.end(subject)
	lines, err := j.store.Lines(ctx, subject)
	if err != nil {
		return nil, err
	}
	if len(lines) < before.length {
		return nil, damaged(fault.New(fault.Unknown, "%s has %d records, and had %d", subject, len(lines), before.length))
	}
	records, err := decode(subject, lines)
	if err != nil {
		return nil, err
	}
	at := tip{length: len(records)}
	if len(lines) > 0 {
		at.previous = sum(lines[len(lines)-1])
	}
	j.remember(subject, at)
	return records, nil
}

// decode reads lines as the records of a subject. It is not strict about members
// that it does not know: they are of a later version, whose records an older one has
// to read after a downgrade.
func decode(subject string, lines [][]byte) ([]Record, error) {
	records, previous, bound := make([]Record, 0, len(lines)), "", false
	for n, line := range lines {
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, damaged(fault.Wrap(fault.Unknown, err, "record %d of %s is damaged", n, subject))
		}
		if r.Position != n || r.Previous != previous {
			return nil, damaged(fault.New(fault.Unknown, "record %d of %s does not follow the one before it", n, subject))
		}
		bound = bound || r.Subject != ""
		if bound && r.Subject != subject {
			return nil, damaged(fault.New(fault.Unknown, "record %d of %s is of another log", n, subject))
		}
		records, previous = append(records, r), sum(line)
	}
	return records, nil
}

// Append writes body as the record at position. It fails with fault.Conflict if
// another writer was there first, with fault.Invalid for a position beyond the
// end, and with fault.Unavailable once the context's deadline is over. A lost
// reply is not a failure: the record is found by its id; fault.Unknown says that
// it may be there and could not be looked for.
func (j *Journal) Append(ctx context.Context, subject string, position int, body any) error {
	text, err := j.text(subject, body)
	if err != nil {
		return err
	}
	at, known := j.end(subject)
	if !known || at.length != position {
		if _, err := j.Read(ctx, subject); err != nil {
			return err
		}
		at, _ = j.end(subject)
	}
	switch {
	case position < at.length:
		return taken(subject, position)
	case position > at.length:
		return fault.New(fault.Invalid, "%s has %d records; none can be written at position %d", subject, at.length, position)
	}
	return j.write(ctx, subject, at, text)
}

// begin writes body as the first record of a log that is believed to be new, without
// reading it; else as Append.
func (j *Journal) begin(ctx context.Context, subject string, body any) error {
	text, err := j.text(subject, body)
	if err != nil {
		return err
	}
	return j.write(ctx, subject, tip{}, text)
}

// text is the body of a record as it is written.
func (j *Journal) text(subject string, body any) ([]byte, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a record of %s cannot be written as JSON", subject)
	}
	if len(text) > maxBody {
		return nil, fault.New(fault.Exhausted, "a record of %s has %d bytes; at most %d are kept", subject, len(text), maxBody)
	}
	return text, nil
}

// write writes a record behind the end of a log.
func (j *Journal) write(ctx context.Context, subject string, at tip, text []byte) error {
	position := at.length
	r := Record{Subject: subject, Position: position, ID: j.newID(), At: j.now().UTC(), Previous: at.previous, Body: text}
	line, err := json.Marshal(r)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a record of %s cannot be written as JSON", subject)
	}
	if late(ctx, j.now()) {
		return fault.New(fault.Unavailable, "the time for writing %s is up", subject)
	}
	if err := j.add(ctx, subject, r, line); err != nil {
		return err
	}
	j.remember(subject, tip{position + 1, sum(line)})
	return nil
}

// late reports whether the context's deadline is over by the clock on the wall: a
// process that was frozen past it must not write before its timers have noticed.
func late(ctx context.Context, now time.Time) bool {
	end, limited := ctx.Deadline()
	return limited && !now.Round(0).Before(end.Round(0))
}

// add stores the line, and after any failure looks whether it is there.
func (j *Journal) add(ctx context.Context, subject string, r Record, line []byte) error {
	failure := j.store.Add(ctx, subject, r.Position, line)
	if failure == nil {
		return nil
	}
	records, err := j.Read(ctx, subject)
	if err != nil {
		return uncertain(failure, "record "+strconv.Itoa(r.Position)+" of "+subject)
	}
	if len(records) > r.Position {
		if records[r.Position].ID == r.ID {
			return nil
		}
		return taken(subject, r.Position)
	}
	return failure
}

// Subjects lists the subjects that begin with prefix, in order.
func (j *Journal) Subjects(ctx context.Context, prefix string) ([]string, error) {
	return j.store.Subjects(ctx, prefix)
}

// uncertain is what a failed write is when it could not be looked for: it may have
// been done, also where it was refused because an earlier attempt of it was, unless
// the failure says for certain that nothing was.
func uncertain(failure error, what string) error {
	switch fault.Of(failure) {
	case fault.Conflict, fault.Unavailable, fault.Unknown, fault.Internal:
		return fault.Wrap(fault.Unknown, failure, "whether %s was written is not known", what).WithCode("writeUnknown")
	}
	return failure
}

// damaged marks a failure that trying again does not mend.
func damaged(err *fault.Error) error { return err.WithCode("journalDamaged") }

func taken(subject string, position int) error {
	return fault.New(fault.Conflict, "position %d of %s is taken", position, subject).WithCode("positionTaken")
}

func sum(line []byte) string {
	s := sha256.Sum256(line)
	return hex.EncodeToString(s[:])
}
