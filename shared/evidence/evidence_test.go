package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"imagekeeper/shared/evidence"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// script is a catalogue that answers lists of public images, and others, in turn.
type script struct {
	public, others [][]image.Image
	fails          error
}

func (s *script) Images(_ context.Context, _ image.RegionID, which image.Listing) ([]image.Image, error) {
	turn := &s.others
	if which.Kind == image.KindPublic {
		turn = &s.public
	}
	if len(*turn) == 0 {
		return nil, s.fails
	}
	answer := (*turn)[0]
	*turn = (*turn)[1:]
	return answer, nil
}

func TestImages(t *testing.T) {
	t.Parallel()
	none, one := []image.Image(nil), []image.Image{{Name: "one"}}
	byID := image.Listing{IDs: []image.ID{"m-1"}}
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		script script
		which  image.Listing
		found  int
		kind   error
	}{
		"rows are believed":                   {script{others: [][]image.Image{one}}, byID, 1, nil},
		"nothing, beside public images":       {script{others: [][]image.Image{none, none}, public: [][]image.Image{one}}, byID, 0, nil},
		"nothing at first":                    {script{others: [][]image.Image{none, one}, public: [][]image.Image{one}}, byID, 1, nil},
		"nothing anywhere":                    {script{others: [][]image.Image{none, one}, public: [][]image.Image{none}}, byID, 0, fault.Unknown},
		"a whole region without an image":     {script{others: [][]image.Image{none, none}, public: [][]image.Image{one}}, image.Listing{}, 0, fault.Unknown},
		"the list of public images is broken": {script{others: [][]image.Image{none}, fails: broken}, byID, 0, broken},
	} {
		found, err := evidence.Doubting{Catalogue: &c.script}.Images(t.Context(), "cn-hangzhou", c.which)
		if len(found) != c.found || !errors.Is(err, c.kind) {
			t.Errorf("%s: %d images, %v; want %d, %v", name, len(found), err, c.found, c.kind)
		}
	}
}

func TestHidden(t *testing.T) {
	t.Parallel()
	ours := func(a image.AccountID, r image.RegionID) bool { return a == "1" && r == "cn-hangzhou" }
	for name, c := range map[string]struct {
		seen image.Image
		want bool
	}{
		"the owner's view":           {image.Image{Ref: image.Ref{Region: "cn-hangzhou"}, Kind: image.KindCustom, Owner: "1"}, false},
		"shared by one of ours":      {image.Image{Ref: image.Ref{Region: "cn-hangzhou"}, Kind: image.KindShared, Owner: "1"}, true},
		"shared by a stranger":       {image.Image{Ref: image.Ref{Region: "cn-hangzhou"}, Kind: image.KindShared, Owner: "2"}, false},
		"where we do not look":       {image.Image{Ref: image.Ref{Region: "cn-beijing"}, Kind: image.KindShared, Owner: "1"}, false},
		"a public image of nobody's": {image.Image{Ref: image.Ref{Region: "cn-hangzhou"}, Kind: image.KindPublic}, false},
	} {
		if got := evidence.Hidden(c.seen, ours); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func ExampleTwice() {
	answers := [][]string{nil, {"s-1"}}
	found, err := evidence.Twice(func() ([]string, error) {
		answer := answers[0]
		answers = answers[1:]
		return answer, nil
	})
	fmt.Println(found, err)
	// Output: [s-1] <nil>
}
