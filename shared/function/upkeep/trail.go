package upkeep

import (
	"context"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// Eventful is an account whose events can be looked up.
type Eventful interface {
	// Events are those asked for, and whether that is all.
	Events(ctx context.Context, in image.RegionID, want image.EventListing) ([]image.Event, bool, error)
}

// firstTrail is how far back events are read where none were before; they are kept
// for 90 days.
const firstTrail = 89 * 24 * time.Hour

// mostEvents is how many events of one kind are read at once.
const mostEvents = 5000

// trailDelay is how long after a call its event can be looked up.
const trailDelay = 10 * time.Minute

// ReadTrail reads the events between the look before and the one that the ledger is
// of. An error says that they could not be read whole: then they prove nothing.
func ReadTrail(ctx context.Context, a Eventful, l *retention.Ledger, last retention.Look) (*retention.Trail, error) {
	from, to := last.TrailTo, l.BeganAt.Add(-trailDelay).Truncate(time.Second)
	if from.IsZero() || to.Sub(from) > firstTrail {
		from = to.Add(-firstTrail)
	}
	if !to.After(from) {
		return &retention.Trail{From: from, To: last.TrailTo}, nil
	}
	var events []image.Event
	for _, name := range retention.LaunchEvents() {
		found, all, err := a.Events(ctx, l.Region, image.EventListing{From: from, To: to, Name: name, Most: mostEvents})
		if err != nil {
			return nil, err
		}
		if !all {
			return nil, fault.New(fault.Exhausted, "there are more than %d events %s", mostEvents, name).WithCode("tooManyEvents")
		}
		events = append(events, found...)
	}
	return retention.TrailOf(events, from, to, l), nil
}
