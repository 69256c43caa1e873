package work

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
)

// Stage is a point of a work of which people are told.
type Stage string

// The stages. A work may reach one several times, such as when it is resumed and
// halts again.
const (
	StageWaiting Stage = "awaitingApproval" // a second person has to approve it
	StageStarted Stage = "started"          // it is about to change something for the first time
	StagePaused  Stage = "paused"
	StageHalted  Stage = "halted"
	StageEnded   Stage = "ended"
)

// Reached is a stage that a work has reached.
type Reached struct {
	Stage Stage
	// Position is that of the record by which it did, At when.
	Position int
	At       time.Time
	// State is the work's from then on, and Why the reason of it.
	State State
	Why   *image.Reason
}

// Name tells one stage of one work from all others.
func (r Reached) Name() string { return string(r.Stage) + "-" + strconv.Itoa(r.Position) }

// reaches is the stage that a work reaches by a record; empty: none.
func (w Work) reaches(r Record) Stage {
	switch r.Deed {
	case proposed:
		return StageWaiting
	case intended:
		if w.StartedAt.IsZero() {
			return StageStarted
		}
	case ordered:
		if r.Order.Do == Pause {
			return StagePaused
		}
	case halted:
		return StageHalted
	case expired, ended:
		return StageEnded
	}
	return ""
}

// toTell is the agenda of stages of which nobody was told.
func (r Runner) toTell() string { return r.Name + ".stages" }

// noteStage puts on the agenda that people are to be told of a record, if they are.
func (r Runner) noteStage(ctx context.Context, w Work, rec Record) error {
	if !r.Tells || w.reaches(rec) == "" {
		return nil
	}
	return r.agenda().Note(ctx, journal.Entry{At: rec.At, Function: r.toTell(), Subject: subject(r.Name, w.ID), Position: w.length})
}

// Untold is a stage that a work has reached, and of which nobody says that people
// were told.
type Untold struct {
	Work Work
	Reached
	entries []journal.Entry
}

// Untold returns the stages of which people are to be told, in the order in which
// they were reached. It crosses out those that were announced and never reached.
func (r Runner) Untold(ctx context.Context) ([]Untold, error) {
	entries, err := r.agenda().Due(ctx, r.toTell(), r.Now())
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b journal.Entry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Position, b.Position))
	})
	var untold []Untold
	read := map[string]Work{}
	for _, e := range entries {
		w, known := read[e.Subject]
		if !known {
			if w, err = r.load(ctx, lastWord(e.Subject), true); err != nil {
				return untold, err
			}
			read[e.Subject] = w
		}
		if reached, ok := w.reachedAt(e.Position); ok {
			untold = noted(untold, Untold{w, reached, []journal.Entry{e}})
		} else if e.Settled(w.length, r.Now()) {
			if err := r.agenda().Cross(ctx, e); err != nil {
				return untold, err
			}
		}
	}
	return untold, nil
}

// noted adds a stage, or to the one that is there already another entry of it: a
// record that was written in several tries was announced by each.
func noted(all []Untold, u Untold) []Untold {
	for n, other := range all {
		if other.Work.ID == u.Work.ID && other.Position == u.Position {
			all[n].entries = append(other.entries, u.entries...)
			return all
		}
	}
	return append(all, u)
}

func (w Work) reachedAt(position int) (Reached, bool) {
	for _, r := range w.Reached {
		if r.Position == position {
			return r, true
		}
	}
	return Reached{}, false
}

// Told crosses a stage out: somebody has taken over to tell people.
func (r Runner) Told(ctx context.Context, u Untold) error {
	var failures []error
	for _, e := range u.entries {
		failures = append(failures, r.agenda().Cross(ctx, e))
	}
	return errors.Join(failures...)
}
