// Package schedule reads the cron expressions of Function Compute's timer
// triggers and tells when they fire next. It accepts what the vendor documents
// and nothing else, so that what runs here is accepted there.
package schedule

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // CRON_TZ must work on a machine without a zone database

	"github.com/netresearch/go-cron"

	"imagekeeper/shared/fault"
)

// maxLength bounds an expression; the longest sensible one is far shorter.
const maxLength = 512

// Schedule tells when a timer fires.
type Schedule struct {
	next func(time.Time) time.Time
}

// Next returns the first moment after t at which the timer fires, in UTC.
// The zero time means never.
func (s Schedule) Next(t time.Time) time.Time {
	if s.next == nil {
		return time.Time{}
	}
	next := s.next(t)
	if next.IsZero() {
		return next
	}
	return next.UTC()
}

// Parse reads a cronExpression: "@every 4m", or six fields (second, minute,
// hour, day of month, month, day of week from 1 or MON to 7 or SUN), in UTC
// unless "CRON_TZ=Zone " stands before them. Anything else fails with
// fault.Invalid, also an expression that never fires.
func Parse(expression string) (Schedule, error) {
	if len(expression) > maxLength {
		return Schedule{}, fault.New(fault.Invalid, "cron expression: longer than %d characters", maxLength)
	}
	if rest, ok := strings.CutPrefix(expression, "@every "); ok {
		return every(rest)
	}
	zone, fields := "UTC", expression
	if rest, ok := strings.CutPrefix(expression, "CRON_TZ="); ok {
		zone, fields, _ = strings.Cut(rest, " ")
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return Schedule{}, fault.New(fault.Invalid, "cron expression: time zone %q is not known", zone)
	}
	checked, err := check(fields)
	if err != nil {
		return Schedule{}, err
	}
	return compile(zone, checked)
}

// every reads the interval of "@every".
func every(text string) (Schedule, error) {
	interval, err := time.ParseDuration(text)
	if err != nil || strings.Trim(text, "0123456789smh") != "" || interval < time.Second {
		return Schedule{}, fault.New(fault.Invalid, "cron expression: @every %q is not an interval like 30s, 4m or 1h30m", text)
	}
	return Schedule{next: func(t time.Time) time.Time { return t.Truncate(time.Second).Add(interval) }}, nil
}

// compile hands six checked fields to the cron library, which counts the days
// of the week as 0 to 6.
func compile(zone string, fields [6]string) (Schedule, error) {
	parser, err := cron.TryNewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	if err != nil {
		return Schedule{}, fault.Wrap(fault.Internal, err, "cron parser")
	}
	plan, err := parser.Parse(fmt.Sprintf("CRON_TZ=%s %s", zone, strings.Join(fields[:], " ")))
	if err != nil {
		return Schedule{}, fault.Wrap(fault.Invalid, err, "cron expression: not understood")
	}
	leapYear := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	if plan.Next(leapYear).IsZero() {
		return Schedule{}, fault.New(fault.Invalid, "cron expression: no day is like that, it would never fire")
	}
	return Schedule{next: plan.Next}, nil
}
