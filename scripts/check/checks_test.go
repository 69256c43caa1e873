package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestRun(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"go.mod":   {Data: []byte("module m\n")},
		"a/a.go":   {Data: []byte("package a\n")},
		"Makefile": {},
	}
	for name, want := range map[string]string{
		"layering": "no row",
		"shape":    "no comment",
	} {
		found, err := run("", root, []string{name})
		if err != nil || len(found) == 0 || !strings.Contains(found[0].Says, want) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, err := run("", root, []string{"taste"}); err == nil || !strings.Contains(err.Error(), "descriptors") {
		t.Errorf("an unknown check: %v", err)
	}
	if _, err := run("", fstest.MapFS{}, nil); err == nil {
		t.Error("a folder that is no module is accepted")
	}
}
