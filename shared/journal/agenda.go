package journal

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
)

// Agenda says when which log is to be looked at again, so that nobody has to read
// those of which nothing is due. It is kept as documents, one for each entry.
//
// Whoever is about to append a record that makes something due notes that first,
// with the position of the record. An entry is Settled once its position is taken:
// the record that it announced is there, or can never be. Only then, or an hour
// after its time, may it be crossed out, so that under any death what is due is on
// the agenda. Safe for concurrent use.
type Agenda struct{ documents Documents }

// NewAgenda returns the agenda that is kept among documents.
func NewAgenda(documents Documents) Agenda { return Agenda{documents} }

// Entry is one thing on an agenda.
type Entry struct {
	// At is when it is due, to the second.
	At time.Time
	// Function is whose it is: a word.
	Function string
	// Subject is the log to be looked at, of at most four words.
	Subject string
	// Position is that of the record which makes it due.
	Position int
}

// agendaFolder holds the entries, by function and then by time: a list in the
// order of names up to now has what is due, and nothing else.
const agendaFolder = "due"

// stamp is a time as the names of entries have it, in order.
const stamp = "2006-01-02T15:04:05Z"

// forgotten is how long after its time an entry was certainly written long ago: no
// writer lives that long.
const forgotten = time.Hour

// name is the document of an entry.
func (e Entry) name() string {
	return strings.Join([]string{agendaFolder, e.Function, e.At.UTC().Format(stamp), e.Subject, strconv.Itoa(e.Position)}, "/")
}

// entryOf reads a name.
func entryOf(name string) (Entry, bool) {
	words := strings.Split(name, "/")
	if len(words) < 5 || words[0] != agendaFolder {
		return Entry{}, false
	}
	at, errAt := time.Parse(stamp, words[2])
	position, errPosition := strconv.Atoi(words[len(words)-1])
	e := Entry{At: at, Function: words[1], Subject: strings.Join(words[3:len(words)-1], "/"), Position: position}
	return e, errAt == nil && errPosition == nil && e.name() == name
}

// Settled reports whether the record that an entry announced is in a log of that
// length, or can no longer come.
func (e Entry) Settled(length int, now time.Time) bool {
	return e.Position < length || now.Sub(e.At) > forgotten
}

// Note puts an entry on the agenda, durably, before it returns. What is there
// already is there.
func (a Agenda) Note(ctx context.Context, e Entry) error {
	if strings.Contains(e.Function, "/") || e.Position < 0 {
		return fault.New(fault.Invalid, "%.64q, %d: this cannot be on an agenda", e.Function, e.Position)
	}
	return a.documents.Keep(ctx, e.name(), []byte("{}\n"))
}

// Due lists what is due of a function by a time, in the order of times. It fails
// with fault.Unknown for an entry that nobody wrote.
func (a Agenda) Due(ctx context.Context, function string, by time.Time) ([]Entry, error) {
	folder := agendaFolder + "/" + function + "/"
	names, err := a.documents.Names(ctx, folder, folder+by.UTC().Format(stamp)+"~") // ~ comes after every word
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		e, ok := entryOf(name)
		if !ok {
			return nil, damaged(fault.New(fault.Unknown, "%s is no entry of an agenda", name))
		}
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	return entries, nil
}

// Cross crosses an entry out. One that is not there is crossed out.
func (a Agenda) Cross(ctx context.Context, e Entry) error { return a.documents.Drop(ctx, e.name()) }
