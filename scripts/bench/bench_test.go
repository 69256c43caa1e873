package main

import (
	"strings"
	"testing"
)

func TestResult(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		result result
		kept   bool
		says   string
	}{
		"within":        {result{value: 1.9, atMost: 2}, true, "ok"},
		"at the limit":  {result{value: 2, atMost: 2}, true, "at most 2"},
		"above":         {result{value: 2.1, atMost: 2}, false, "TOO MUCH"},
		"enough":        {result{value: 11, atLeast: 10}, true, "at least 10"},
		"below":         {result{value: 9, atLeast: 10}, false, "TOO LITTLE"},
		"without limit": {result{value: 9, unit: "s"}, true, "9.00 s"},
	} {
		if test.result.kept() != test.kept || !strings.Contains(test.result.String(), test.says) {
			t.Errorf("%s: kept %t: %s", name, test.result.kept(), test.result)
		}
	}
}

func TestUnknownMeasurement(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), nil, "beauty"); err == nil || !strings.Contains(err.Error(), "listing") {
		t.Errorf("an unknown measurement: %v", err)
	}
}
