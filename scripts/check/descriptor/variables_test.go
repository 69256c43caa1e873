package descriptor_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/check/source"
)

// TestVariablesAreThoseOfTheConfiguration: what a function embeds or holds counts,
// wherever it is declared, and so does what a package reads for itself; a struct
// that nobody configures does not.
func TestVariablesAreThoseOfTheConfiguration(t *testing.T) {
	t.Parallel()
	tree, err := source.Read(fstest.MapFS{
		"go.mod": {Data: []byte("module m\n")},
		"shared/cloud/places.go": {Data: []byte("package cloud\n" +
			"type Places struct { Regions []string `env:\"REGIONS\"`; Deeper }\n" +
			"type Deeper struct { Share float64 `env:\"SHARE\"` }\n" +
			"type Unused struct { Other string `env:\"OTHER\"` }\n")},
		"shared/function/function.go": {Data: []byte("package function\n" +
			"type access struct { Keys string `env:\"KEYS\"` }\n" +
			"var _ = Configure[access](nil)\n")},
		"functions/a/main.go": {Data: []byte("package main\n" +
			"import (\n\"m/shared/cloud\"\n\"m/shared/function\"\n)\n" +
			"type config struct { cloud.Places; More more; Level string `env:\"LEVEL\"`; Plain string }\n" +
			"type more struct { Journal string `env:\"JOURNAL\"` }\n" +
			"var _ = function.Configure[config](nil)\n")},
		"functions/a/main_test.go": {Data: []byte("package main\n" +
			"type test struct { Not string `env:\"NOT\"` }\nvar _ = Configure[test](nil)\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"JOURNAL", "KEYS", "LEVEL", "REGIONS", "SHARE"}
	if got := descriptor.Written(tree); len(got) != 1 || !slices.Equal(got[0].Variables, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
