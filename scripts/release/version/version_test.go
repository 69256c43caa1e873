package version_test

import (
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/release/version"
)

const source = "package function\n\n// Version is one.\nconst Version = \"0.9.1\"\n"

func TestNext(t *testing.T) {
	t.Parallel()
	for wanted, refusal := range map[string]string{
		"0.9.2": "", "0.10.0": "", "1.0.0": "", "0.9.1": "not later", "0.8.99": "not later", "1": "no version", "v1.0.0": "no version",
		"1.0.0-rc1": "no version", "01.0.0": "no version", "99999999999.0.0": "not later",
	} {
		next, err := version.Next(source, wanted)
		if refusal != "" {
			if err == nil || !strings.Contains(err.Error(), refusal) {
				t.Errorf("%s: %v", wanted, err)
			}
			continue
		}
		if now, errNow := version.Of(next); err != nil || errNow != nil || now != wanted || len(next) < len(source)-1 {
			t.Errorf("%s: %s, %v, %v", wanted, next, err, errNow)
		}
	}
	if _, err := version.Of("package function\n"); err == nil {
		t.Error("a version of nothing")
	}
}

func TestChangelog(t *testing.T) {
	t.Parallel()
	on := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	got, err := version.Changelog("# Changelog\n\n## Unreleased\n\n### Added\n- a\n\n## 0.9.1 (2026-01-01)\n\n- b\n", "1.0.0", on)
	if want := "# Changelog\n\n## Unreleased\n\n## 1.0.0 (2026-11-30)\n\n### Added\n- a\n\n## 0.9.1 (2026-01-01)\n\n- b\n"; got != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for text, wanted := range map[string]string{
		"# Changelog\n": "no heading", "## Unreleased\n\n## 0.9.1 (2026-01-01)\n- b\n": "nothing", "## Unreleased\n- a\n\n## 1.0.0 (2026-01-01)\n": "already",
	} {
		if _, err := version.Changelog(text, "1.0.0", on); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
