package selection_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// seenBy is i as another account sees it.
func seenBy(a image.AccountID, kind image.Kind, i image.Image) image.Image {
	i.Account, i.Kind = a, kind
	return i
}

func TestMergeTakesTheOwnersView(t *testing.T) {
	t.Parallel()
	mine := custom("m-1")
	shared := seenBy(theirs, image.KindShared, mine)
	glimpses := []selection.Glimpse{
		{Account: theirs, Images: []image.Image{shared}},
		{Account: ours, Images: []image.Image{mine, custom("m-2")}},
		{Account: "1000000000000003", Images: []image.Image{seenBy("1000000000000003", image.KindCommunity, mine)}},
	}
	for _, s := range selection.Merge(glimpses) {
		want := []image.AccountID{ours, theirs} // everybody sees what is published
		if s.ID == "m-2" {
			want = want[:1]
		}
		if s.Kind != image.KindCustom || s.Account != ours || !slices.Equal(s.SeenBy, want) {
			t.Errorf("%s: kind %s of %s, seen by %v, want %v", s.ID, s.Kind, s.Account, s.SeenBy, want)
		}
	}
}

func TestMergeKeepsRegionsApart(t *testing.T) {
	t.Parallel()
	elsewhere := custom("m-1", func(i *image.Image) { i.Region = "cn-hongkong" })
	if got := selection.Merge([]selection.Glimpse{{Account: ours, Images: []image.Image{custom("m-1"), elsewhere}}}); len(got) != 2 {
		t.Errorf("got %d sightings, want 2", len(got))
	}
}

func TestMergeDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	told := func(sightings []selection.Sighting) string {
		slices.SortFunc(sightings, func(a, b selection.Sighting) int { return image.ByName(*a.Image, *b.Image) })
		text := ""
		for _, s := range sightings {
			text += fmt.Sprintln(s.Ref, s.Kind, s.Name, s.SeenBy, s.Bootable)
		}
		return text
	}
	rapid.Check(t, func(t *rapid.T) {
		var glimpses []selection.Glimpse
		for _, account := range []image.AccountID{ours, theirs, "1000000000000003"} {
			images := rapid.SliceOfN(anImage(), 0, 8).Draw(t, "images")
			for i := range images {
				images[i].Account = account
			}
			glimpses = append(glimpses, selection.Glimpse{Account: account, Images: images, Bootable: rapid.Bool().Draw(t, "bootable")})
		}
		one := told(selection.Merge(glimpses))
		if other := told(selection.Merge(rapid.Permutation(glimpses).Draw(t, "order"))); one != other {
			t.Fatalf("one order:\n%sanother:\n%s", one, other)
		}
	})
}
