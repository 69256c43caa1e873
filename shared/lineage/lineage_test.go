package lineage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

const hangzhou image.RegionID = "cn-hangzhou"

func key(id string) lineage.Key { return lineage.Key{Region: hangzhou, ID: image.ID(id)} }

func ref(id string) image.Ref { return image.Ref{Account: owner, Region: hangzhou, ID: image.ID(id)} }

// custom is an image of ours; snapshot "" means it names none.
func custom(id, snapshot string, tags image.Tags) image.Image {
	i := image.Image{Ref: ref(id), Owner: owner, Kind: image.KindCustom, Status: image.StatusAvailable, Tags: tags}
	if snapshot != "" {
		i.Disks = []image.DiskMapping{{System: true, SnapshotID: image.SnapshotID(snapshot)}}
	}
	return i
}

func snapshot(id, disk string) image.Snapshot {
	return image.Snapshot{Account: owner, Region: hangzhou, ID: image.SnapshotID(id), SourceDisk: image.DiskID(disk), SourceSystemDisk: true}
}

// taken is a snapshot that was copied from another one of the region.
func taken(id, from string) image.Snapshot {
	s := snapshot(id, "")
	s.SourceSnapshot, s.SourceRegion = image.SnapshotID(from), hangzhou
	return s
}

func tagged(parent string) image.Tags { return image.Tags{lineage.ParentTag: parent} }

func with(i image.Image, change func(*image.Image)) image.Image {
	change(&i)
	return i
}

func TestEndsOfChains(t *testing.T) {
	t.Parallel()
	denied := image.Unread{Account: owner, Region: hangzhou, Permission: "ecs:DescribeSnapshots", Reason: image.Reason{Code: "Forbidden.RAM", Sentence: "denied"}}
	imported := with(custom("m-1", "s-1", nil), func(i *image.Image) {
		i.Disks[0].ImportBucket, i.Disks[0].ImportObject = "golden", "base.qcow2"
	})
	foreign := with(custom("m-1", "s-1", nil), func(i *image.Image) { i.Kind, i.Owner = image.KindShared, "1000000000000009" })
	for _, c := range []struct {
		name  string
		world lineage.World
		kind  lineage.SourceKind
		code  string
	}{
		{"public", lineage.World{Images: []image.Image{with(custom("m-1", "", nil), func(i *image.Image) { i.Kind = image.KindPublic })}}, lineage.SourcePublic, "publicImage"},
		{"marketplace", lineage.World{Images: []image.Image{with(custom("m-1", "", nil), func(i *image.Image) { i.Kind = image.KindMarketplace })}}, lineage.SourceMarketplace, "marketplaceImage"},
		{"import", lineage.World{Images: []image.Image{imported}}, lineage.SourceImport, "imported"},
		{"other account", lineage.World{Images: []image.Image{foreign}}, lineage.SourceOtherAccount, "otherAccount"},
		{"other account's product", lineage.World{Images: []image.Image{with(foreign, func(i *image.Image) { i.ProductCode = "cmjj" })}}, lineage.SourceMarketplace, "productCode"},
		{"failed before its snapshot", lineage.World{Images: []image.Image{custom("m-1", "", nil)}}, lineage.SourceUnknown, "noSnapshot"},
		{"snapshot gone", lineage.World{Images: []image.Image{custom("m-1", "s-1", nil)}}, lineage.SourceUnknown, "snapshotGone"},
		{"snapshots denied", lineage.World{Images: []image.Image{custom("m-1", "s-1", nil)}, Unread: []image.Unread{denied}}, lineage.SourceUnknown, "unreadable"},
		{"disk released", lineage.World{Images: []image.Image{custom("m-1", "s-1", nil)}, Snapshots: []image.Snapshot{snapshot("s-1", "d-1")}}, lineage.SourceUnknown, "diskReleased"},
		{"copy without a source", lineage.World{
			Images:    []image.Image{with(custom("m-1", "s-1", nil), func(i *image.Image) { i.Copied = true })},
			Snapshots: []image.Snapshot{snapshot("s-1", "d-1")},
		}, lineage.SourceUnknown, "copySourceHidden"},
		{"copy of a snapshot that is gone", lineage.World{
			Images:    []image.Image{with(custom("m-1", "s-1", nil), func(i *image.Image) { i.Copied = true })},
			Snapshots: []image.Snapshot{taken("s-1", "s-0")},
		}, lineage.SourceUnknown, "copySourceGone"},
		{"copy of a snapshot that is there and tells nothing", lineage.World{
			Images:    []image.Image{with(custom("m-1", "s-1", nil), func(i *image.Image) { i.Copied = true })},
			Snapshots: []image.Snapshot{taken("s-1", "s-0"), snapshot("s-0", "d-gone")},
		}, lineage.SourceUnknown, "copySourceUntold"},
		{"copy of a copy of a snapshot that is there and tells nothing", lineage.World{
			Images:    []image.Image{with(custom("m-1", "s-2", nil), func(i *image.Image) { i.Copied = true })},
			Snapshots: []image.Snapshot{taken("s-2", "s-1"), taken("s-1", "s-0"), snapshot("s-0", "d-gone")},
		}, lineage.SourceUnknown, "copySourceUntold"},
		{"product code outlives the chain", lineage.World{Images: []image.Image{with(custom("m-1", "s-1", nil), func(i *image.Image) { i.ProductCode = "cmjj" })}}, lineage.SourceMarketplace, "productCode"},
		{"tag names itself", lineage.World{Images: []image.Image{custom("m-1", "s-1", tagged("m-1"))}}, lineage.SourceUnknown, "snapshotGone"},
		{"parent deleted", lineage.World{Images: []image.Image{custom("m-1", "s-1", tagged("m-0"))}}, lineage.SourceUnknown, "imageGone"},
		{"retired public image", lineage.World{Images: []image.Image{custom("m-1", "s-1", tagged("centos_6_10_x64_20G_alibase_20201120.vhd"))}}, lineage.SourcePublic, "retiredPublicImage"},
		{"cycle", lineage.World{Images: []image.Image{custom("m-1", "s-1", tagged("m-2")), custom("m-2", "s-2", tagged("cn-hangzhou/m-1"))}}, lineage.SourceUnknown, "cycle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.world.Accounts = []image.AccountID{owner}
			got := lineage.New(c.world).Source(key("m-1"))
			if got.Kind != c.kind || got.Why.Code != c.code {
				t.Errorf("got %s (%s: %s), want %s (%s)", got.Kind, got.Why.Code, got.Why.Sentence, c.kind, c.code)
			}
			if got.Kind == lineage.SourceUnknown && got.Cure == "" {
				t.Error("unknown without a cure")
			}
		})
	}
}

func TestContradictedTagIsReportedAndTheCloudBelieved(t *testing.T) {
	t.Parallel()
	w := lineage.World{
		Images:    []image.Image{custom("m-1", "s-1", tagged("m-9"))},
		Snapshots: []image.Snapshot{snapshot("s-1", "d-1")},
		Disks:     []image.Disk{{Account: owner, Region: hangzhou, ID: "d-1", Image: "m-0"}},
		Accounts:  []image.AccountID{owner},
	}
	story := lineage.New(w).Story(key("m-1"))
	if len(story.Parents) != 1 || story.Parents[0].Parent != key("m-0") {
		t.Errorf("parents %+v, want m-0", story.Parents)
	}
	if len(story.Conflicts) != 1 || story.Conflicts[0].Code != "parentTagContradicted" {
		t.Errorf("conflicts %+v", story.Conflicts)
	}
}

func TestPipelines(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	member := func(id string, age time.Duration) image.Image {
		return with(custom(id, "", nil), func(i *image.Image) { i.Family, i.CreatedAt = "base", start.Add(-age) })
	}
	images := []image.Image{custom("m-1", "s-1", nil), member("m-old", 48*time.Hour), member("m-new", time.Hour), member("m-later", -time.Hour)}
	for _, c := range []struct {
		base, baseType, parent string
		certainty              lineage.Certainty
	}{
		{"m-7", "IMAGE", "m-7", lineage.Observed},
		{"base", "IMAGE_FAMILY", "m-new", lineage.Inferred},
		{"oss://bucket/key", "OSS", "", ""},
	} {
		t.Run(c.baseType, func(t *testing.T) {
			t.Parallel()
			build := image.Build{Region: hangzhou, Pipeline: "ip-1", Run: "exec-1", Made: "m-1", Base: c.base, BaseType: c.baseType, StartedAt: start}
			parents := lineage.New(lineage.World{Images: images, Builds: []image.Build{build}, Accounts: []image.AccountID{owner}}).Story(key("m-1")).Parents
			if c.parent == "" {
				if len(parents) != 0 {
					t.Errorf("got %+v, want none", parents)
				}
				return
			}
			if len(parents) != 1 || parents[0].Parent != key(c.parent) || parents[0].Certainty != c.certainty {
				t.Errorf("got %+v, want %s %s", parents, c.parent, c.certainty)
			}
		})
	}
}

func TestTenLevelsDown(t *testing.T) {
	t.Parallel()
	w := lineage.World{Accounts: []image.AccountID{owner}, Images: []image.Image{custom("m-00", "", nil)}}
	for n := 1; n <= 10; n++ {
		w.Images = append(w.Images, custom(fmt.Sprintf("m-%02d", n), "", tagged(fmt.Sprintf("m-%02d", n-1))))
	}
	slices.Reverse(w.Images)
	g := lineage.New(w)
	if got := g.Story(key("m-00")).Children; len(got) != 10 || got[9].Child != key("m-10") {
		t.Errorf("children %+v", got)
	}
	if got := g.Story(key("m-10")).Parents; len(got) != 10 || got[9].Parent != key("m-00") {
		t.Errorf("parents %+v", got)
	}
}

// shelf is a cloud that counts its calls.
type shelf struct {
	world lineage.World
	calls map[string]int
	deny  string
}

func (s *shelf) call(name string) error {
	s.calls[name]++
	if s.deny == name {
		return fault.New(fault.Forbidden, "denied").WithCode("Forbidden.RAM")
	}
	return nil
}

func (s *shelf) Images(_ context.Context, which image.Listing) ([]image.Image, error) {
	return pick(s.world.Images, func(i image.Image) bool {
		alone := i.Kind == image.KindMarketplace || i.Kind == image.KindCommunity
		if alone && which.Kind != i.Kind || !alone && which.Kind != "" {
			return false
		}
		return i.Region == hangzhou && (which.IDs == nil || slices.Contains(which.IDs, i.ID))
	}), s.call("images")
}

func (s *shelf) Snapshots(_ context.Context, which image.SnapshotListing) ([]image.Snapshot, error) {
	if err := s.call("snapshots"); err != nil {
		return nil, err
	}
	return pick(s.world.Snapshots, func(x image.Snapshot) bool { return x.Region == hangzhou && slices.Contains(which.IDs, x.ID) }), nil
}

func (s *shelf) Disks(_ context.Context, which image.DiskListing) ([]image.Disk, error) {
	if err := s.call("disks"); err != nil {
		return nil, err
	}
	return pick(s.world.Disks, func(x image.Disk) bool { return x.Region == hangzhou && slices.Contains(which.IDs, x.ID) }), nil
}

func pick[T any](from []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(from), func(x T) bool { return !keep(x) })
}

// company is n images, each made from its own disk of a Marketplace image.
func company(n int) *shelf {
	s := &shelf{calls: map[string]int{}}
	s.world.Images = append(s.world.Images, with(custom("m-market", "", nil), func(i *image.Image) { i.Kind = image.KindMarketplace }))
	for n := range n {
		s.world.Images = append(s.world.Images, custom(fmt.Sprintf("m-%03d", n), fmt.Sprintf("s-%03d", n), nil))
		s.world.Snapshots = append(s.world.Snapshots, snapshot(fmt.Sprintf("s-%03d", n), fmt.Sprintf("d-%03d", n)))
		s.world.Disks = append(s.world.Disks, image.Disk{Account: owner, Region: hangzhou, ID: image.DiskID(fmt.Sprintf("d-%03d", n)), Image: "m-market"})
	}
	return s
}

func TestObserveAsksByTheHundred(t *testing.T) {
	t.Parallel()
	s := company(250)
	w := lineage.Observe(t.Context(), []lineage.Place{{Account: owner, Region: hangzhou, Reader: s}})
	if got, want := fmt.Sprint(s.calls), "map[disks:3 images:3 snapshots:3]"; got != want {
		t.Errorf("calls %s, want %s", got, want)
	}
	g := lineage.New(w)
	for n := range 250 {
		if got := g.Source(key(fmt.Sprintf("m-%03d", n))); got.Kind != lineage.SourceMarketplace || got.Image != key("m-market") {
			t.Fatalf("image %d: %+v", n, got)
		}
	}
	if got := g.Story(key("m-market")).Children; len(got) != 250 {
		t.Errorf("%d children", len(got))
	}
}

func TestWhatCannotBeReadIsUnknownWithItsCure(t *testing.T) {
	t.Parallel()
	for call, permission := range map[string]string{
		"images": "ecs:DescribeImages", "snapshots": "ecs:DescribeSnapshots", "disks": "ecs:DescribeDisks",
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			s := company(3)
			s.deny = call
			w := lineage.Observe(t.Context(), []lineage.Place{{Account: owner, Region: hangzhou, Reader: s}})
			if len(w.Unread) != 1 || w.Unread[0].Permission != permission || w.Unread[0].Code != "Forbidden.RAM" {
				t.Fatalf("unread %+v", w.Unread)
			}
			got := lineage.New(w).Source(key("m-001"))
			if got.Kind != lineage.SourceUnknown || got.Why.Code != "unreadable" || !strings.Contains(got.Cure, permission) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// A place that answers, and does not show a snapshot that an image stands on, was
// not wholly read. Images that are still made, or failed, have none to show.
func TestHiddenSnapshotsAreUnknown(t *testing.T) {
	t.Parallel()
	observed := func(s *shelf) []image.Unread {
		return lineage.Observe(t.Context(), []lineage.Place{{Account: owner, Region: hangzhou, Reader: s}}).Unread
	}
	one, none, failed := company(3), company(3), company(1)
	one.world.Snapshots = one.world.Snapshots[1:]
	none.world.Snapshots = nil
	failed.world.Images = append(failed.world.Images, with(custom("m-failed", "s-failed", nil), func(i *image.Image) { i.Status = image.StatusCreateFailed }))
	for name, c := range map[string]struct {
		shelf *shelf
		want  int
	}{"all there": {company(3), 0}, "one hidden": {one, 1}, "all hidden": {none, 1}, "a failed image": {failed, 0}} {
		unread := observed(c.shelf)
		if len(unread) != c.want || c.want == 1 && (unread[0].Code != "snapshotHidden" || unread[0].Region != hangzhou || unread[0].Permission != "") {
			t.Errorf("%s: %+v", name, unread)
		}
	}
}

func Example() {
	w := lineage.World{
		Accounts: []image.AccountID{owner},
		Images: []image.Image{
			custom("m-web", "s-1", nil),
			with(custom("aliyun_3_x64_20G_alibase_20260815.vhd", "", nil), func(i *image.Image) { i.Kind = image.KindPublic }),
		},
		Snapshots: []image.Snapshot{snapshot("s-1", "d-1")},
		Disks:     []image.Disk{{Region: hangzhou, ID: "d-1", Image: "aliyun_3_x64_20G_alibase_20260815.vhd"}},
	}
	story := lineage.New(w).Story(key("m-web"))
	fmt.Println(story.Parents[0].Evidence, story.Parents[0].Certainty, story.Source.Kind)
	fmt.Println(story.Parents[0].Why.Sentence)
	// Output:
	// disk observed public
	// the snapshot s-1 was taken of the disk d-1, which was made from aliyun_3_x64_20G_alibase_20260815.vhd
}
