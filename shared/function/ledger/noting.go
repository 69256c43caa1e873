package ledger

import (
	"context"
	"time"

	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
)

// Noting is a log that puts on the agenda when something is due, before the entry is
// written that makes it due.
type Noting struct {
	plan.Log
	Agenda journal.Agenda
	// Function is whose agenda it is.
	Function string
	// Due are the times at which an entry makes something due.
	Due func(target string, e plan.Entry) []time.Time
}

// Append adds an entry.
func (l Noting) Append(ctx context.Context, target string, position int, e plan.Entry) error {
	for _, at := range l.Due(target, e) {
		if err := l.Agenda.Note(ctx, journal.Entry{At: at, Function: l.Function, Subject: target, Position: position}); err != nil {
			return err
		}
	}
	return l.Log.Append(ctx, target, position, e)
}
