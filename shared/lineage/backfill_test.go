package lineage_test

import (
	"fmt"
	"strings"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

// memories is a company whose builders are gone, but for m-seen's.
func memories() lineage.World {
	full := image.Tags{}
	for n := range 20 {
		full[fmt.Sprint("k", n)] = ""
	}
	return lineage.World{
		Accounts: []image.AccountID{owner},
		Images: []image.Image{
			custom("m-1", "s-1", nil), custom("m-2", "s-2", nil), custom("m-told", "s-3", tagged("m-1")), custom("m-seen", "s-4", nil),
			custom("m-full", "s-5", full), with(custom("m-theirs", "", nil), func(i *image.Image) { i.Kind, i.Owner = image.KindShared, "1000000000000002" }),
			with(custom("m-import", "", nil), func(i *image.Image) {
				i.Disks = []image.DiskMapping{{System: true, SnapshotID: "s-6", ImportBucket: "b", ImportObject: "o"}}
			}),
		},
		Snapshots: []image.Snapshot{snapshot("s-4", "d-4")},
		Disks:     []image.Disk{{Account: owner, Region: hangzhou, ID: "d-4", Image: "m-1"}},
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		image, parent string
		act           lineage.Act
		code          string
	}{
		{"m-2", "m-1", lineage.Set, "notRecorded"},
		{"m-2", "m-gone", lineage.Set, "parentNotSeen"},
		{"m-seen", "m-1", lineage.Set, "notRecorded"},
		{"m-told", "m-1", lineage.Keep, "recorded"},
		{"m-told", "m-2", lineage.Refuse, "tagDiffers"},
		{"m-seen", "m-2", lineage.Refuse, "cloudDiffers"},
		{"m-import", "m-2", lineage.Refuse, "cloudDiffers"},
		{"m-full", "m-1", lineage.Refuse, "tagsFull"},
		{"m-theirs", "m-1", lineage.Refuse, "notOurs"},
		{"m-none", "m-1", lineage.Refuse, "imageNotSeen"},
		{"m-1", "m-1", lineage.Refuse, "circle"},
		{"m-1", "m-seen", lineage.Refuse, "circle"},
		{"m-2", strings.Repeat("m", 128), lineage.Refuse, "valueTooLong"},
	} {
		t.Run(c.image+" from "+c.parent[:min(8, len(c.parent))], func(t *testing.T) {
			t.Parallel()
			got := lineage.Record([]lineage.Wish{{Image: key(c.image), Parent: key(c.parent)}}, memories())[0]
			if got.Act != c.act || got.Why.Code != c.code {
				t.Errorf("got %s %+v, want %s %s", got.Act, got.Why, c.act, c.code)
			}
		})
	}
}

func TestWishesThatContradictEachOtherAreAllRefused(t *testing.T) {
	t.Parallel()
	got := lineage.Record([]lineage.Wish{
		{Image: key("m-2"), Parent: key("m-1")}, {Image: key("m-2"), Parent: key("m-seen")},
	}, memories())
	if got[0].Why.Code != "askedTwice" || got[1].Why.Code != "askedTwice" {
		t.Errorf("got %+v", got)
	}
	got = lineage.Record([]lineage.Wish{{Image: key("m-1"), Parent: key("m-2")}, {Image: key("m-2"), Parent: key("m-1")}}, memories())
	if got[0].Why.Code != "circle" || got[1].Why.Code != "circle" {
		t.Errorf("got %+v", got)
	}
}

// What is recorded is found, and is then kept.
func TestWhatIsRecordedIsFound(t *testing.T) {
	t.Parallel()
	w := memories()
	wish := []lineage.Wish{{Image: key("m-2"), Parent: lineage.Key{Region: "cn-beijing", ID: "m-far"}}}
	r := lineage.Record(wish, w)[0]
	w.Images[1].Tags = image.Tags{lineage.ParentTag: r.Value}
	if got := lineage.Record(wish, w)[0].Act; got != lineage.Keep {
		t.Errorf("asked again: %s", got)
	}
	if links := lineage.New(w).Story(key("m-2")).Parents; len(links) != 1 || links[0].Parent != wish[0].Parent || links[0].Certainty != lineage.Recorded {
		t.Errorf("found %+v", links)
	}
}

func ExampleRecord() {
	r := lineage.Record([]lineage.Wish{{Image: key("m-2"), Parent: key("m-1")}}, memories())[0]
	fmt.Println(r.Act, r.Value)
	// Output: set cn-hangzhou/m-1
}
