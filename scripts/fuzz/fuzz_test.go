package main

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/source"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	tree, err := source.Read(fstest.MapFS{
		"go.mod":      {Data: []byte("module m\n")},
		"a/a.go":      {Data: []byte("package a\nfunc FuzzNot() {}\n")},
		"a/a_test.go": {Data: []byte("package a\nfunc FuzzOne() {}\nfunc (t) FuzzMethod() {}\nfunc TestFuzz() {}\n")},
		"b/b_test.go": {Data: []byte("package b\nfunc FuzzTwo() {}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := targets(tree); !slices.Equal(got, []target{{"a", "FuzzOne"}, {"b", "FuzzTwo"}}) {
		t.Errorf("found %v", got)
	}
}

// What reads bytes from outside is fuzzed, and stays so.
func TestTheDecodersAreFuzzed(t *testing.T) {
	t.Parallel()
	tree, err := source.Read(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	all := targets(tree)
	for _, folder := range []string{"shared/function", "shared/strictjson", "shared/selection", "scripts/local/ecsapi"} {
		if !slices.ContainsFunc(all, func(t target) bool { return t.folder == folder }) {
			t.Errorf("%s has no fuzz target", folder)
		}
	}
}

// A time that ends in the middle of an input is no finding; everything else is.
func TestOnlyEnded(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		"fuzz: elapsed: 3s\n--- FAIL: FuzzOne (3.13s)\n    context deadline exceeded\nFAIL\nexit status 1\n":                     true,
		"--- FAIL: FuzzOne (3.13s)\n    context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzOne/1\nFAIL\n": false,
		"--- FAIL: FuzzOne (0.02s)\n    --- FAIL: FuzzOne (0.00s)\n        one_test.go:9: wrong\nFAIL\n":                         false,
		"--- FAIL: FuzzTwo (3.13s)\n    context deadline exceeded\nFAIL\n":                                                       false,
		"panic: none\nFAIL\n": false,
		"":                    false,
	} {
		if got := onlyEnded("FuzzOne", said); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
}
