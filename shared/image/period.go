package image

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
)

// Duration is a length of time as people write it in requests and rules: a whole
// number and m, h or d.
type Duration time.Duration

// durationPattern is what a duration looks like.
const durationPattern = `^([1-9][0-9]{0,4})([mhd])$`

// MaxDuration is ten years.
const MaxDuration = 3660 * 24 * time.Hour

// UnmarshalText reads 20m, 36h or 90d, up to MaxDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "mhd")
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[string(text[len(number):])]
	n, err := strconv.ParseUint(number, 10, 17)
	if err != nil || unit == 0 || n > 99_999 || strings.HasPrefix(number, "0") {
		return fault.New(fault.Invalid, "must be a whole number and m, h or d, such as 90m or 14d")
	}
	length := time.Duration(n) * unit
	if length > MaxDuration {
		return fault.New(fault.Invalid, "must not be longer than 3660d")
	}
	*d = Duration(length)
	return nil
}

// MarshalText writes the largest unit that is exact.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is what MarshalText writes.
func (d Duration) String() string {
	minutes := int64(time.Duration(d) / time.Minute)
	switch {
	case minutes%(24*60) == 0:
		return strconv.FormatInt(minutes/(24*60), 10) + "d"
	case minutes%60 == 0:
		return strconv.FormatInt(minutes/60, 10) + "h"
	}
	return strconv.FormatInt(minutes, 10) + "m"
}

// Or is d, or another one where d was left out.
func (d Duration) Or(other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return time.Duration(d)
}

// IsZero: it was left out.
func (d Duration) IsZero() bool { return d == 0 }

// JSONSchema is the form of what is read, as JSON Schema 2020-12.
func (d Duration) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": durationPattern, "description": "A whole number and m, h or d", "examples": []string{"90m", "14d"}}
}

// MaintenanceWindow is a time of the week in which work may be done.
type MaintenanceWindow struct {
	// Days: mon to sun; on which the window begins.
	Days []string `json:"days" validate:"required,min=1,max=7,unique,dive,oneof=mon tue wed thu fri sat sun"`
	// From and To are wall-clock times of TimeZone, as in 02:00. A window whose To is
	// not after its From ends on the day after.
	From string `json:"from" validate:"required,max=64"`
	// To is when it ends, as From.
	To string `json:"to" validate:"required,max=64"`
	// TimeZone is an IANA name, such as Asia/Shanghai.
	TimeZone string `json:"timeZone" validate:"required,max=64"`
}

// MaintenanceWindows are times in which work may be done; without any it always may.
type MaintenanceWindows []MaintenanceWindow

// weekdays are the days as windows name them, by time.Weekday.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// Check returns what is wrong with a window, and in which field; nil is nothing.
func (w MaintenanceWindow) Check() (field string, err error) {
	if _, err := clock(w.From); err != nil {
		return "from", err
	}
	if _, err := clock(w.To); err != nil {
		return "to", err
	}
	for n, d := range w.Days {
		if !slices.Contains(weekdays(), d) {
			return fmt.Sprintf("days[%d]", n), errors.New("must be mon, tue, wed, thu, fri, sat or sun")
		}
	}
	if _, err := w.zone(); err != nil {
		return "timeZone", err
	}
	return "", nil
}

// zone fails for names that the machine does not know, and for Local, which means
// another one on each.
func (w MaintenanceWindow) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil || w.TimeZone == "Local" || w.TimeZone == "" {
		return nil, errors.New("must be a time zone such as Asia/Shanghai or UTC")
	}
	return zone, nil
}

// clock is a wall-clock time in minutes since midnight; 24:00 is the end of a day.
func clock(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, errH := strconv.Atoi(hour)
	m, errM := strconv.Atoi(minute)
	valid := ok && errH == nil && errM == nil && len(hour) == 2 && len(minute) == 2 && h >= 0 && m >= 0 && m < 60 && (h < 24 || h == 24 && m == 0)
	if !valid {
		return 0, errors.New("must be a time of day such as 02:00")
	}
	return 60*h + m, nil
}

// open reports whether the window is open at a time, by what the clocks of its
// zone show then: an hour that is left out in spring is in no window, and one that
// comes twice in autumn is twice.
func (w MaintenanceWindow) open(now time.Time) bool {
	zone, errZone := w.zone()
	from, errFrom := clock(w.From)
	to, errTo := clock(w.To)
	if errZone != nil || errFrom != nil || errTo != nil {
		return false
	}
	at := now.In(zone)
	minute, day := 60*at.Hour()+at.Minute(), int(at.Weekday())
	on := func(day int) bool { return slices.Contains(w.Days, weekdays()[day]) }
	if from < to {
		return on(day) && minute >= from && minute < to
	}
	return on(day) && minute >= from || on((day+6)%7) && minute < to
}

// Open reports whether work may be done at a time.
func (w MaintenanceWindows) Open(now time.Time) bool {
	return len(w) == 0 || slices.ContainsFunc(w, func(one MaintenanceWindow) bool { return one.open(now) })
}

// horizon is how far ahead windows are looked for: each opens every week, but for
// one hour in spring.
const horizon = 15 * 24 * time.Hour

// Opens is the first minute from now on at which work may be done: now, if it may
// be. ok is false if that is never.
func (w MaintenanceWindows) Opens(now time.Time) (at time.Time, ok bool) { return w.turn(now, true) }

// Closes is the first minute from now on at which work may no longer be done. ok is
// false if it always may be.
func (w MaintenanceWindows) Closes(now time.Time) (at time.Time, ok bool) { return w.turn(now, false) }

func (w MaintenanceWindows) turn(now time.Time, open bool) (time.Time, bool) {
	if w.Open(now) == open {
		return now, true
	}
	if len(w) == 0 {
		return time.Time{}, false
	}
	for at := now.Truncate(time.Minute).Add(time.Minute); at.Before(now.Add(horizon)); at = at.Add(time.Minute) {
		if w.Open(at) == open {
			return at, true
		}
	}
	return time.Time{}, false
}
