package image_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/image"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"1m": time.Minute, "90m": 90 * time.Minute, "36h": 36 * time.Hour, "3660d": image.MaxDuration} {
		var d image.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s: got %v, %v", text, time.Duration(d), err)
		}
	}
	for _, text := range []string{"", "0m", "01m", "1", "m", "1s", "1.5h", "-1h", "+1h", "1h30m", " 1h", "1 h", "1H", "99999d", "1w", "１m", "1m\n"} {
		if err := new(image.Duration).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for text, want := range map[string]string{`"90m"`: `"90m"`, `"120m"`: `"2h"`, `"48h"`: `"2d"`} {
		var d image.Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if out, err := json.Marshal(d); err != nil || string(out) != want {
			t.Errorf("%s: got %s, %v", text, out, err)
		}
	}
}

func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.ParseInLocation("2006-01-02 15:04", text, location)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestWindows(t *testing.T) {
	weekdays := image.MaintenanceWindow{Days: []string{"mon", "tue", "wed", "thu"}, From: "02:00", To: "05:00", TimeZone: "Asia/Shanghai"}
	night := image.MaintenanceWindow{Days: []string{"fri"}, From: "22:00", To: "04:00", TimeZone: "Asia/Shanghai"}
	gap := image.MaintenanceWindow{Days: []string{"sun"}, From: "02:30", To: "04:00", TimeZone: "Europe/Berlin"}
	inGap := image.MaintenanceWindow{Days: []string{"sun"}, From: "02:10", To: "02:50", TimeZone: "Europe/Berlin"}
	whole := image.MaintenanceWindow{Days: []string{"sat"}, From: "00:00", To: "24:00", TimeZone: "UTC"}
	cases := []struct {
		name                    string
		windows                 image.MaintenanceWindows
		zone, now               string
		opens, closes           string
		neverOpens, neverCloses bool
	}{
		{"before", image.MaintenanceWindows{weekdays}, "Asia/Shanghai", "2026-11-30 01:59", "2026-11-30 02:00", "2026-11-30 01:59", false, false},
		{"at its beginning", image.MaintenanceWindows{weekdays}, "Asia/Shanghai", "2026-11-30 02:00", "2026-11-30 02:00", "2026-11-30 05:00", false, false},
		{"at its end", image.MaintenanceWindows{weekdays}, "Asia/Shanghai", "2026-11-30 05:00", "2026-12-01 02:00", "2026-11-30 05:00", false, false},
		{"over the weekend", image.MaintenanceWindows{weekdays}, "Asia/Shanghai", "2026-12-03 06:00", "2026-12-07 02:00", "2026-12-03 06:00", false, false},
		{"in another zone", image.MaintenanceWindows{weekdays}, "UTC", "2026-11-29 18:30", "2026-11-29 18:30", "2026-11-29 21:00", false, false},
		{"after midnight it is still Friday's", image.MaintenanceWindows{night}, "Asia/Shanghai", "2026-12-05 03:00", "2026-12-05 03:00", "2026-12-05 04:00", false, false},
		{"Thursday's night is not", image.MaintenanceWindows{night}, "Asia/Shanghai", "2026-12-04 03:00", "2026-12-04 22:00", "2026-12-04 03:00", false, false},
		{"two that touch", image.MaintenanceWindows{whole, {Days: []string{"sun"}, From: "00:00", To: "01:00", TimeZone: "UTC"}}, "UTC", "2026-12-05 23:00", "2026-12-05 23:00", "2026-12-06 01:00", false, false},
		{"half of it does not exist in spring", image.MaintenanceWindows{gap}, "Europe/Berlin", "2026-03-29 01:00", "2026-03-29 03:00", "2026-03-29 01:00", false, false},
		{"nothing of it exists in spring", image.MaintenanceWindows{inGap}, "Europe/Berlin", "2026-03-29 01:00", "2026-04-05 02:10", "2026-03-29 01:00", false, false},
		{"none given", nil, "UTC", "2026-12-05 23:00", "2026-12-05 23:00", "", false, true},
		{"always", image.MaintenanceWindows{{Days: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, From: "00:00", To: "24:00", TimeZone: "UTC"}}, "UTC", "2026-12-05 23:00", "2026-12-05 23:00", "", false, true},
		{"no such zone", image.MaintenanceWindows{{Days: []string{"mon"}, From: "00:00", To: "24:00", TimeZone: "Mars/Base"}}, "UTC", "2026-12-05 23:00", "", "2026-12-05 23:00", true, false},
	}
	for _, c := range cases {
		now := at(t, c.zone, c.now)
		opens, ok := c.windows.Opens(now)
		if ok == c.neverOpens || ok && !opens.Equal(at(t, c.zone, c.opens)) {
			t.Errorf("%s: opens at %v, %v", c.name, opens, ok)
		}
		closes, ok := c.windows.Closes(now)
		if ok == c.neverCloses || ok && !closes.Equal(at(t, c.zone, c.closes)) {
			t.Errorf("%s: closes at %v, %v", c.name, closes, ok)
		}
	}
}

func TestWindowsThatAreWrong(t *testing.T) {
	good := image.MaintenanceWindow{Days: []string{"mon"}, From: "02:00", To: "05:00", TimeZone: "Asia/Shanghai"}
	if field, err := good.Check(); err != nil {
		t.Fatal(field, err)
	}
	for field, change := range map[string]func(*image.MaintenanceWindow){
		"from":     func(w *image.MaintenanceWindow) { w.From = "2:00" },
		"to":       func(w *image.MaintenanceWindow) { w.To = "24:01" },
		"days[0]":  func(w *image.MaintenanceWindow) { w.Days = []string{"Monday"} },
		"timeZone": func(w *image.MaintenanceWindow) { w.TimeZone = "Local" },
	} {
		w := good
		change(&w)
		if got, err := w.Check(); got != field || err == nil {
			t.Errorf("%s: got %q, %v", field, got, err)
		}
	}
}

func ExampleMaintenanceWindows_Opens() {
	w := image.MaintenanceWindows{{Days: []string{"mon"}, From: "02:00", To: "05:00", TimeZone: "UTC"}}
	opens, _ := w.Opens(time.Date(2026, 11, 29, 21, 0, 0, 0, time.UTC))
	fmt.Println(opens.Format(time.RFC3339))
	// Output: 2026-11-30T02:00:00Z
}
