package selection_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// walk reads all pages of q. arrive may add images between two pages.
func walk(t *rapid.T, q selection.Query, images []image.Image, arrive func([]image.Image) []image.Image) []image.ID {
	var all []image.ID
	for range 1000 {
		list, err := selection.Decide(q, selection.Observed{Glimpses: []selection.Glimpse{{Account: ours, Images: images}}, Read: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Page {
			all = append(all, c.ID)
		}
		if list.Next == "" {
			return all
		}
		q.Cursor = list.Next
		images = arrive(images)
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestPagesAreTheWholeList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		images := rapid.SliceOfDistinct(anImage(), func(i image.Image) image.ID { return i.ID }).Draw(t, "images")
		q := aQuery().Draw(t, "query")
		q.Limit = selection.MaxLimit
		q, err := q.Complete()
		if err != nil {
			t.Fatal(err)
		}
		same := func(i []image.Image) []image.Image { return i }
		whole := walk(t, q, images, same)
		q.Limit = rapid.IntRange(1, 5).Draw(t, "limit")
		if paged := walk(t, q, images, same); !slices.Equal(whole, paged) {
			t.Fatalf("whole %v, by pages of %d %v", whole, q.Limit, paged)
		}
	})
}

func TestImagesThatArriveAtTheFrontMoveNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		images := rapid.SliceOfDistinct(anImage(), func(i image.Image) image.ID { return i.ID }).Draw(t, "images")
		for i := range images {
			images[i].Status, images[i].Usable, images[i].Kind = image.StatusAvailable, image.Yes, image.KindCustom
		}
		q, err := selection.Query{Limit: rapid.IntRange(1, 4).Draw(t, "limit")}.Complete()
		if err != nil {
			t.Fatal(err)
		}
		arrived := 0
		seen := walk(t, q, images, func(images []image.Image) []image.Image {
			arrived++
			new := custom(image.ID(fmt.Sprint("m-new-", arrived)), func(i *image.Image) { i.CreatedAt = day(20 + arrived%5) })
			return append([]image.Image{new}, images...)
		})
		if len(seen) != len(images) {
			t.Fatalf("%d images, %d seen: %v", len(images), len(seen), seen)
		}
		for _, i := range images {
			if n := count(seen, i.ID); n != 1 {
				t.Fatalf("%s was seen %d times", i.ID, n)
			}
		}
	})
}

func count(list []image.ID, id image.ID) (n int) {
	for _, i := range list {
		if i == id {
			n++
		}
	}
	return n
}

func TestSortOrders(t *testing.T) {
	t.Parallel()
	images := []image.Image{
		custom("m-1", func(i *image.Image) { i.Name, i.SizeGiB, i.CreatedAt = "b", 20, day(3) }),
		custom("m-2", func(i *image.Image) { i.Name, i.SizeGiB, i.CreatedAt = "a", 40, day(2) }),
		custom("m-3", func(i *image.Image) { i.Name, i.SizeGiB, i.CreatedAt = "c", 40, day(3) }),
	}
	for order, want := range map[selection.Order]string{
		"":                      "m-1 m-3 m-2",
		selection.NewestFirst:   "m-1 m-3 m-2",
		selection.OldestFirst:   "m-2 m-1 m-3",
		selection.NameUp:        "m-2 m-1 m-3",
		selection.NameDown:      "m-3 m-1 m-2",
		selection.SmallestFirst: "m-1 m-2 m-3",
		selection.LargestFirst:  "m-2 m-3 m-1",
	} {
		if got := ids(decide(t, selection.Query{Order: order}, nil, images...).Page); got != want {
			t.Errorf("sort=%s: got %s, want %s", order, got, want)
		}
	}
}

func TestCursorOfAnotherQueryIsRefused(t *testing.T) {
	t.Parallel()
	first := decide(t, selection.Query{Limit: 1, Name: "web*"}, nil, custom("m-1"), custom("m-2"))
	for name, q := range map[string]selection.Query{
		"other glob":  {Name: "we*", Cursor: first.Next},
		"other sort":  {Name: "web*", Cursor: first.Next, Order: selection.NameUp},
		"other words": {Name: "web*", Cursor: "bm90IGEgY3Vyc29y"},
		"no base64":   {Name: "web*", Cursor: "not a cursor"},
		"too long":    {Name: "web*", Cursor: strings.Repeat("A", 5000)},
		"padded":      {Name: "web*", Cursor: first.Next + "="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := q.Complete()
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = selection.Page(q, nil)
			blamed(t, err, "cursor")
		})
	}
	next := decide(t, selection.Query{Name: "web*", Cursor: first.Next, Explain: true, Limit: 7}, nil, custom("m-1"), custom("m-2"))
	if ids(next.Page) != "m-2" {
		t.Errorf("the same query with another limit goes on with %q, want m-2", ids(next.Page))
	}
}

func FuzzCursor(f *testing.F) {
	q, err := selection.Query{}.Complete()
	if err != nil {
		f.Fatal(err)
	}
	images := []image.Image{custom("m-1"), custom("m-2", func(i *image.Image) { i.CreatedAt = day(1) })}
	q.Limit = 1
	list, err := selection.Decide(q, selection.Observed{Glimpses: []selection.Glimpse{{Account: ours, Images: images}}, Read: 1})
	if err != nil {
		f.Fatal(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(list.Next)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(list.Next, false)
	f.Add(string(text), true)
	f.Add(strings.Replace(string(text), `"v":1`, `"v":2`, 1), true)
	f.Fuzz(func(t *testing.T, cursor string, encode bool) {
		if encode {
			cursor = base64.RawURLEncoding.EncodeToString([]byte(cursor))
		}
		q := q
		q.Cursor = cursor
		page, _, err := selection.Page(q, nil)
		if err != nil {
			blamed(t, err, "cursor")
		}
		if len(page) != 0 {
			t.Errorf("a page of nothing has %d images", len(page))
		}
	})
}
