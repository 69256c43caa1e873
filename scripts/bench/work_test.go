package main

import "testing"

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
