package schedule_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost/schedule"
	"imagekeeper/shared/fault"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestNextFiring(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, from, want string }{
		{"@every 4m", "2026-03-01T10:00:30Z", "2026-03-01T10:04:30Z"},
		{"@every 1h30m", "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z"},
		{"0 0 4 * * *", "2026-03-01T10:00:00Z", "2026-03-02T04:00:00Z"},
		{"CRON_TZ=Asia/Shanghai 0 0 4 * * *", "2026-03-01T10:00:00Z", "2026-03-01T20:00:00Z"},
		{"30 */15 * * * *", "2026-03-01T10:00:30Z", "2026-03-01T10:15:30Z"},
		{"0 0 9 ? * 1", "2026-03-01T10:00:00Z", "2026-03-02T09:00:00Z"},   // 2026-03-01 is a Sunday
		{"0 0 9 ? * 7", "2026-03-01T10:00:00Z", "2026-03-08T09:00:00Z"},   // 7 is Sunday
		{"0 0 9 ? * SUN", "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z"}, // named
		{"0 0 9 ? * 5-7", "2026-03-02T10:00:00Z", "2026-03-06T09:00:00Z"}, // Friday first
		{"0 0 9 1 JUL ?", "2026-03-02T10:00:00Z", "2026-07-01T09:00:00Z"},
		{"0 0 9 ? * wed,MON", "2026-03-02T10:00:00Z", "2026-03-04T09:00:00Z"},
		{"0 0 0 29 2 ?", "2026-03-02T10:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		t.Run(c.expression, func(t *testing.T) {
			t.Parallel()
			s, err := schedule.Parse(c.expression)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := s.Next(at(t, c.from)), at(t, c.want); !got.Equal(want) {
				t.Errorf("after %s: %s, want %s", c.from, got.Format(time.RFC3339), c.want)
			}
		})
	}
}

func TestRefusedExpressions(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		"", "@daily", "@every", "@every 4", "@every -4m", "@every 500ms", "@every 0s", "TZ=UTC 0 0 4 * * *",
		"CRON:0 0 4 * * *", "0 4 * * *", "0 0 4 * * * 2026", "* 0 4 * * *", "*/5 0 4 * * *", "0 60 4 * * *",
		"0 0 24 * * *", "0 0 4 0 * *", "0 0 4 32 * *", "0 0 4 * 13 *", "0 0 4 ? * 0", "0 0 4 ? * 8",
		"0 0 4 L * ?", "0 0 4 15W * ?", "0 0 4 ? * MON#2", "0 0 4 ? * */2", "0 0 4 ? * 5-2", "0 */0 4 * * *",
		"0 0  4 * * *", "0 0 4 * ? *", "0 -1 4 * * *", "0 0 4 30 2 ?", "0 0 4 13 * FRI", "CRON_TZ=UTC",
		"CRON_TZ= 0 0 4 * * *", "CRON_TZ=Local 0 0 4 * * *", "CRON_TZ=Mars/Base 0 0 4 * * *",
		"CRON_TZ=../etc/passwd 0 0 4 * * *", "0 ? 4 * * *", "0 0 4 1,? * ?",
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			if _, err := schedule.Parse(expression); !errors.Is(err, fault.Invalid) {
				t.Errorf("got %v, want kind %s", err, fault.Invalid)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("CRON_TZ=Asia/Shanghai 0 */5 1-4 ? JAN MON,3-7")
	f.Add("CRON_TZ=UTC")
	f.Add("@every 1h30m")
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := schedule.Parse(expression)
		if err != nil {
			return
		}
		next := s.Next(now)
		if !next.After(now) {
			t.Fatalf("%q fires at %s, which is not after %s", expression, next, now)
		}
		if again := s.Next(next); !again.After(next) {
			t.Fatalf("%q fires at %s and then at %s", expression, next, again)
		}
	})
}

func ExampleParse() {
	s, err := schedule.Parse("CRON_TZ=Asia/Shanghai 0 30 8 ? * 1-5")
	if err != nil {
		fmt.Println(err)
		return
	}
	friday := time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)
	fmt.Println(s.Next(friday).Format(time.RFC3339))
	// Output: 2026-03-09T00:30:00Z
}
