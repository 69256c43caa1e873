package main

import (
	"flag"
	"testing"

	"imagekeeper/shared/function/functiontest"
	"imagekeeper/shared/rollout"
)

var update = flag.Bool("update", false, "write the table of refusals into README.md") //nolint:gochecknoglobals // a flag

// Each refusal stands in the README, with what cures it.
func TestRefusalsAreToldInTheREADME(t *testing.T) {
	t.Parallel()
	functiontest.Told(t, "| code | what cures it |\n|---|---|\n", rollout.Refusals(), *update)
}
