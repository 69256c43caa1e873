package lineage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

// history makes worlds whose true parents are known: it creates, copies, tags
// and deletes as a company would, and forgets what ECS forgets.
type history struct {
	now       time.Time
	regions   []image.RegionID
	images    map[lineage.Key]image.Image
	parent    map[lineage.Key]lineage.Key
	standing  map[lineage.Key]image.SnapshotID
	disks     map[image.DiskID]image.Disk
	snapshots map[image.SnapshotID]image.Snapshot
	order     []lineage.Key
	count     int
}

const owner image.AccountID = "1000000000000001"

func newHistory() *history {
	h := &history{
		now:       time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		regions:   []image.RegionID{"cn-hangzhou", "cn-hongkong", "eu-central-1"},
		images:    map[lineage.Key]image.Image{},
		parent:    map[lineage.Key]lineage.Key{},
		standing:  map[lineage.Key]image.SnapshotID{},
		disks:     map[image.DiskID]image.Disk{},
		snapshots: map[image.SnapshotID]image.Snapshot{},
	}
	for _, r := range h.regions {
		h.put(image.Image{Ref: image.Ref{Region: r, ID: "aliyun_3_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic})
		h.put(image.Image{Ref: image.Ref{Region: r, ID: image.ID("m-market-" + r)}, Kind: image.KindMarketplace, ProductCode: "cmjj01"})
	}
	return h
}

func (h *history) put(i image.Image) lineage.Key {
	i.CreatedAt = h.now
	k := lineage.KeyOf(i.Ref)
	h.images[k] = i
	h.order = append(h.order, k)
	return k
}

func (h *history) name(prefix string) string {
	h.count++
	h.now = h.now.Add(3 * time.Hour)
	return fmt.Sprintf("%s-%04d", prefix, h.count)
}

// custom makes an image whose system disk is a snapshot.
func (h *history) custom(region image.RegionID, s image.SnapshotID, parent lineage.Key) lineage.Key {
	k := h.put(image.Image{
		Ref: image.Ref{Account: owner, Region: region, ID: image.ID(h.name("m"))}, Owner: owner,
		Kind: image.KindCustom, Status: image.StatusAvailable, ProductCode: h.images[parent].ProductCode,
		Disks: []image.DiskMapping{{System: true, SnapshotID: s}},
	})
	h.parent[k], h.standing[k] = parent, s
	return k
}

// create boots an instance from an image and makes an image of it.
func (h *history) create(from lineage.Key) {
	d := image.Disk{Account: owner, Region: from.Region, ID: image.DiskID(h.name("d")), System: true, Image: from.ID}
	h.disks[d.ID] = d
	s := h.snapshot(from.Region, image.Snapshot{SourceDisk: d.ID, SourceSystemDisk: true})
	h.custom(from.Region, s, from)
}

func (h *history) snapshot(region image.RegionID, s image.Snapshot) image.SnapshotID {
	s.Account, s.Region, s.ID = owner, region, image.SnapshotID(h.name("s"))
	s.CreatedAt = h.now.Add(3 * time.Hour) // as the image that is made next
	h.snapshots[s.ID] = s
	return s.ID
}

// copyTo copies an image, with or without its tags; the copied snapshot names
// its source unless hidden.
func (h *history) copyTo(from lineage.Key, to image.RegionID, tags, hidden bool) {
	source := h.images[from]
	d, ok := source.SystemDisk()
	if !ok || to == from.Region {
		return
	}
	s := image.Snapshot{SourceSnapshot: d.SnapshotID, SourceRegion: from.Region, SourceDisk: "d-elsewhere"}
	if hidden {
		s.SourceSnapshot, s.SourceRegion = "", ""
	}
	k := h.custom(to, h.snapshot(to, s), from)
	i := h.images[k]
	i.Copied = true
	if tags {
		i.Tags = source.Tags
	}
	h.images[k] = i
}

// again makes an image from the snapshot that another one stands on.
func (h *history) again(from lineage.Key) {
	if d, ok := h.images[from].SystemDisk(); ok && !h.images[from].Copied {
		h.custom(from.Region, d.SnapshotID, h.parent[from])
	}
}

func (h *history) tag(k lineage.Key) {
	i := h.images[k]
	if p, ok := h.parent[k]; ok {
		i.Tags = image.Tags{lineage.ParentTag: p.String()}
		h.images[k] = i
	}
}

func (h *history) step(t *rapid.T) {
	k := rapid.SampledFrom(h.order).Draw(t, "image")
	if _, ok := h.images[k]; !ok {
		return
	}
	_, derived := h.parent[k]
	d, _ := h.images[k].SystemDisk()
	switch rapid.IntRange(0, 8).Draw(t, "what") {
	case 0, 1, 2:
		h.create(k)
	case 3, 4:
		h.copyTo(k, rapid.SampledFrom(h.regions).Draw(t, "to"), rapid.Bool().Draw(t, "tags"), rapid.IntRange(0, 4).Draw(t, "hidden") == 0)
	case 5:
		h.again(k)
	case 6:
		h.tag(k)
	case 7:
		delete(h.disks, h.snapshots[d.SnapshotID].SourceDisk)
	case 8:
		if derived {
			delete(h.images, k)
		}
	}
}

func (h *history) world() lineage.World {
	w := lineage.World{Accounts: []image.AccountID{owner}}
	for _, k := range h.order {
		if i, ok := h.images[k]; ok {
			w.Images = append(w.Images, i)
		}
	}
	for _, d := range h.disks {
		w.Disks = append(w.Disks, d)
	}
	for _, s := range h.snapshots {
		w.Snapshots = append(w.Snapshots, s)
	}
	return w
}

// ancestors of k, nearest first.
func (h *history) ancestors(k lineage.Key) []lineage.Key {
	var found []lineage.Key
	for p, ok := h.parent[k]; ok; p, ok = h.parent[p] {
		found = append(found, p)
	}
	return found
}

// twins stand on one snapshot.
func (h *history) twins(a, b lineage.Key) bool {
	return h.standing[a] != "" && h.standing[a] == h.standing[b]
}

func (h *history) check(t *rapid.T, g *lineage.Graph) {
	for _, k := range h.order {
		if _, ok := h.images[k]; !ok {
			continue
		}
		story := g.Story(k)
		for _, l := range story.Parents {
			h.checkLink(t, l)
		}
		h.checkSource(t, k, story)
	}
}

func (h *history) checkLink(t *rapid.T, l lineage.Link) {
	true1 := h.parent[l.Child]
	direct := l.Parent == true1 || (l.Evidence == lineage.ByCopiedSnapshot && h.twins(l.Parent, true1))
	skipped := l.Skips && slices.ContainsFunc(h.ancestors(l.Child), func(a lineage.Key) bool { return a == l.Parent || h.twins(a, l.Parent) })
	if !direct && !skipped {
		t.Fatalf("%s is said to come from %s (%+v), in truth from %v", l.Child, l.Parent, l, h.ancestors(l.Child))
	}
}

func (h *history) checkSource(t *rapid.T, k lineage.Key, story lineage.Story) {
	chain := append([]lineage.Key{k}, h.ancestors(k)...)
	root := chain[len(chain)-1]
	switch story.Source.Kind {
	case lineage.SourcePublic:
		if story.Source.Image != root {
			t.Fatalf("%s is said to end at %s, in truth at %s", k, story.Source.Image, root)
		}
	case lineage.SourceMarketplace:
		if h.images[root].Kind != image.KindMarketplace {
			t.Fatalf("%s is said to be a Marketplace product, in truth it is %s", k, root)
		}
	case lineage.SourceUnknown:
		if story.Source.Why.Code == "" || story.Source.Cure == "" {
			t.Fatalf("%s is unknown without a reason or a cure: %+v", k, story.Source)
		}
	default:
		t.Fatalf("%s is said to end as %s", k, story.Source.Kind)
	}
}

func TestNeverWrongAboutRandomHistories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			h.step(t)
		}
		h.check(t, lineage.New(h.world()))
	})
}

func TestCompleteWhereTheEvidenceExists(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			k := rapid.SampledFrom(h.order).Draw(t, "image")
			if rapid.Bool().Draw(t, "copy") {
				h.copyTo(k, rapid.SampledFrom(h.regions).Draw(t, "to"), false, false)
			} else {
				h.create(k)
			}
		}
		g := lineage.New(h.world())
		for _, k := range h.order {
			want := h.ancestors(k)
			links := g.Story(k).Parents
			if len(links) != len(want) {
				t.Fatalf("%s has %d parents, %d found", k, len(want), len(links))
			}
			for i, l := range links {
				if l.Parent != want[i] || l.Skips || l.Certainty != lineage.Observed {
					t.Fatalf("%s: link %d is %+v, want %s", k, i, l, want[i])
				}
			}
		}
	})
}

func TestOrderOfTheWorldDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			h.step(t)
		}
		w := h.world()
		shuffled := w
		shuffled.Images = rapid.Permutation(w.Images).Draw(t, "images")
		shuffled.Snapshots = rapid.Permutation(w.Snapshots).Draw(t, "snapshots")
		a, b := lineage.New(w), lineage.New(shuffled)
		for _, k := range h.order {
			if got, want := fmt.Sprint(b.Story(k)), fmt.Sprint(a.Story(k)); got != want {
				t.Fatalf("%s:\n%s\n%s", k, got, want)
			}
		}
	})
}
