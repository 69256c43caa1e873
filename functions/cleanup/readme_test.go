package main

import (
	"flag"
	"testing"

	"imagekeeper/shared/function/functiontest"
	"imagekeeper/shared/retention"
)

var update = flag.Bool("update", false, "write the table of reasons into README.md") //nolint:gochecknoglobals // a flag

// What every reason means stands in the README.
func TestReasonsAreToldInTheREADME(t *testing.T) {
	t.Parallel()
	functiontest.Told(t, "| code | what it means |\n|---|---|\n", retention.Meanings(), *update)
}
