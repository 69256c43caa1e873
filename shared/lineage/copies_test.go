package lineage_test

import (
	"fmt"
	"slices"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

// copyIn is an image in another region, and the snapshot it stands on, which is
// a copy of one in from.
func copyIn(region image.RegionID, id, snapshot string, from image.RegionID, source string) (image.Image, image.Snapshot) {
	i := custom(id, snapshot, nil)
	i.Region, i.Copied = region, true
	return i, image.Snapshot{
		Account: owner, Region: region, ID: image.SnapshotID(snapshot), SourceRegion: from, SourceSnapshot: image.SnapshotID(source), SourceSystemDisk: true,
	}
}

// copied is m-1 of Hangzhou with copies in Shanghai and, made from that one, in
// Beijing; m-t only has a tag that says so.
func copied() lineage.World {
	shanghai, inShanghai := copyIn("cn-shanghai", "m-2", "s-2", hangzhou, "s-1")
	beijing, inBeijing := copyIn("cn-beijing", "m-3", "s-3", "cn-shanghai", "s-2")
	told := with(custom("m-t", "s-t", tagged("cn-hangzhou/m-1")), func(i *image.Image) { i.Region, i.Copied = "cn-qingdao", true })
	derived := custom("m-4", "s-4", tagged("m-1"))
	return lineage.World{
		Images:    []image.Image{custom("m-1", "s-1", nil), shanghai, beijing, told, derived},
		Snapshots: []image.Snapshot{snapshot("s-1", "d-1"), inShanghai, inBeijing},
		Accounts:  []image.AccountID{owner},
	}
}

func TestCopiesAreTheSameFromWhereverOneLooks(t *testing.T) {
	t.Parallel()
	want := []lineage.Key{{Region: "cn-beijing", ID: "m-3"}, {Region: hangzhou, ID: "m-1"}, {Region: "cn-shanghai", ID: "m-2"}}
	g := lineage.New(copied())
	for _, from := range want {
		if got := g.Copies(from).Sure; !slices.Equal(got, want) {
			t.Errorf("from %s: %v", from, got)
		}
	}
}

func TestWhatOnlyFollowsIsNoCopyForSure(t *testing.T) {
	t.Parallel()
	g := lineage.New(copied())
	perhaps := g.Copies(key("m-1")).Perhaps
	if len(perhaps) != 1 || perhaps[0].Child.ID != "m-t" {
		t.Errorf("perhaps %+v", perhaps)
	}
	if got := g.Copies(key("m-4")).Sure; !slices.Equal(got, []lineage.Key{key("m-4")}) {
		t.Errorf("an image made from it: %v", got)
	}
}

func ExampleGraph_Copies() {
	fmt.Println(lineage.New(copied()).Copies(key("m-1")).Sure)
	// Output: [cn-beijing/m-3 cn-hangzhou/m-1 cn-shanghai/m-2]
}
