package main

import (
	"testing"
	"time"
)

// TestLongWork: what is measured of long work is what happens.
func TestLongWork(t *testing.T) {
	t.Parallel()
	w, made, err := carried(t.Context(), 20)
	if err != nil || w.records < 8 || w.bytes < 2000 || made.boundaries < 60 {
		t.Errorf("%+v, %+v, %v", w, made, err)
	}
	none, err := ticked(t.Context(), 20, 0)
	if err != nil || none != 1 {
		t.Errorf("nothing open: %d calls, %v", none, err)
	}
	some, err := ticked(t.Context(), 20, 5)
	if err != nil || some < 25 || some > 100 {
		t.Errorf("five open: %d calls, %v", some, err)
	}
}

// TestRollouts: what is measured of rollouts is what happens.
func TestRollouts(t *testing.T) {
	t.Parallel()
	const instances, down = 12, 4
	crowded, err := drive(t.Context(), instances, down, 1000)
	least := snapshotTakes + instances/down*(powerTakes+snapshotTakes+powerTakes+powerTakes)
	if err != nil || crowded.took < least || crowded.took > least*11/10 {
		t.Errorf("%s, and %s is the least: %v", crowded.took, least, err)
	}
	hasty, err := drive(t.Context(), instances, instances, 0.01) // two a minute
	if err != nil || hasty.replacing < 5*time.Minute || hasty.replacing > 7*time.Minute || hasty.calls < 4*instances {
		t.Errorf("%d calls, replacing for %s: %v", hasty.calls, hasty.replacing, err)
	}
}
