package lineage_test

import (
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

// named is an image of ours that nothing tells of but its name.
func named(name string) image.Image {
	return with(custom("m-1", "s-1", nil), func(i *image.Image) {
		i.Name, i.OSType, i.Architecture, i.CreatedAt = name, image.Linux, image.X86_64, noon()
	})
}

func by(os image.OSType, arch image.Architecture, made time.Time) image.Image {
	return with(custom("m-0", "s-0", nil), func(i *image.Image) { i.OSType, i.Architecture, i.CreatedAt = os, arch, made })
}

// TestByName: the name that OOS gives tells of what an image was made, unless
// anything says that it cannot have been; names that people give tell nothing.
func TestByName(t *testing.T) {
	t.Parallel()
	before := noon().Add(-time.Hour)
	older := by(image.Linux, image.X86_64, before)
	for name, c := range map[string]struct {
		is     image.Image
		others []image.Image
		parent string
	}{
		"of an image":                  {named("UpdateImage_from_m-0_on_exec-5f0a"), []image.Image{older}, "m-0"},
		"of one that is gone":          {named("UpdateImage_from_m-0_on_exec-5f0a"), nil, "m-0"},
		"of a public one":              {named("UpdateImage_from_aliyun_3_x64_20G_alibase_20260815.vhd_on_exec-5f0a"), nil, "aliyun_3_x64_20G_alibase_20260815.vhd"},
		"of a public one with _on_":    {named("UpdateImage_from_a_on_exec-1.vhd_on_exec-5f0a"), nil, "a_on_exec-1.vhd"},
		"of an instance":               {named("UpdateImage_from_i-0_on_exec-5f0a"), nil, ""},
		"of what somebody made up":     {named("UpdateImage_from_web_on_exec-5f0a"), nil, ""},
		"without an execution":         {named("UpdateImage_from_m-0"), nil, ""},
		"with something behind":        {named("UpdateImage_from_m-0_on_exec-5f0a (old)"), nil, ""},
		"with something in front":      {named("old UpdateImage_from_m-0_on_exec-5f0a"), nil, ""},
		"of an instance by the other":  {named("CreateImage_from_i-0"), nil, ""},
		"by Compute Nest":              {named("web__on_exec-5f0a_at_20260301"), nil, ""},
		"by a pipeline":                {named("web_exec-5f0a"), nil, ""},
		"of itself":                    {named("UpdateImage_from_m-1_on_exec-5f0a"), nil, ""},
		"of a younger one":             {named("UpdateImage_from_m-0_on_exec-5f0a"), []image.Image{by(image.Linux, image.X86_64, noon().Add(time.Hour))}, ""},
		"of Windows":                   {named("UpdateImage_from_m-0_on_exec-5f0a"), []image.Image{by(image.Windows, image.X86_64, before)}, ""},
		"of another machine's":         {named("UpdateImage_from_m-0_on_exec-5f0a"), []image.Image{by(image.Linux, image.ARM64, before)}, ""},
		"of a copy's, elsewhere":       {with(named("UpdateImage_from_m-0_on_exec-5f0a"), func(i *image.Image) { i.Copied = true }), []image.Image{older}, ""},
		"the name of a stranger's own": {with(named("UpdateImage_from_m-0_on_exec-5f0a"), func(i *image.Image) { i.Kind, i.Owner = image.KindShared, "1000000000000009" }), []image.Image{older}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := lineage.World{Images: append([]image.Image{c.is}, c.others...), Snapshots: []image.Snapshot{snapshot("s-1", "d-1")}, Accounts: []image.AccountID{owner}}
			g := lineage.New(w)
			parents := g.Ancestry(key("m-1")).Parents
			switch {
			case c.parent == "" && len(parents) > 0:
				t.Errorf("%+v", parents)
			case c.parent != "" && (len(parents) != 1 || parents[0].Parent != key(c.parent) || parents[0].Evidence != lineage.ByName || parents[0].Certainty != lineage.Inferred):
				t.Errorf("%+v", parents)
			case c.parent != "" && (len(g.Proven(key(c.parent))) > 0 || len(g.Story(key(c.parent)).Children) != 1):
				t.Errorf("proven by a name: %v; told: %v", g.Proven(key(c.parent)), g.Story(key(c.parent)).Children)
			case c.parent != "" && g.Source(key("m-1")).Certainty == lineage.Observed:
				t.Errorf("a source of which only a name tells is sure: %+v", g.Source(key("m-1")))
			}
		})
	}
}

// TestANameIsTheLastResort: whatever else tells goes before a name, and where
// something could not be read a name does not hide that.
func TestANameIsTheLastResort(t *testing.T) {
	t.Parallel()
	is := named("UpdateImage_from_m-0_on_exec-5f0a")
	snapshots := []image.Snapshot{snapshot("s-1", "d-1")}
	for evidence, w := range map[lineage.Evidence]lineage.World{
		lineage.ByTag:   {Images: []image.Image{with(is, func(i *image.Image) { i.Tags = tagged("m-9") })}},
		lineage.ByDisk:  {Images: []image.Image{is}, Snapshots: snapshots, Disks: []image.Disk{{Account: owner, Region: hangzhou, ID: "d-1", Image: "m-9"}}},
		lineage.ByTrail: {Images: []image.Image{is}, Snapshots: snapshots, Events: []image.Event{ran("i-1", "m-9", -time.Hour), created("m-1", "i-1", 0)}},
		lineage.ByPipeline: {Images: []image.Image{is}, Snapshots: snapshots, Builds: []image.Build{
			{Account: owner, Region: hangzhou, Made: "m-1", BaseType: "IMAGE", Base: "m-9"},
		}},
	} {
		if story := lineage.New(w).Ancestry(key("m-1")); len(story.Parents) != 1 || story.Parents[0].Evidence != evidence || story.Parents[0].Parent != key("m-9") {
			t.Errorf("%s: %+v", evidence, story.Parents)
		}
	}
	unread := image.UnreadOf(owner, hangzhou, "ecs:DescribeDisks", fault.New(fault.Forbidden, "denied"))
	w := lineage.World{Images: []image.Image{is}, Snapshots: snapshots, Accounts: []image.AccountID{owner}, Unread: []image.Unread{unread}}
	if story := lineage.New(w).Ancestry(key("m-1")); len(story.Parents) != 0 || story.Source.Why.Code != "unreadable" {
		t.Errorf("disks were not read: %+v", story)
	}
}

// TestTheCodeOfAProduct: where images are gone, the product is known by its code, and
// no image is named as its source that is not.
func TestTheCodeOfAProduct(t *testing.T) {
	t.Parallel()
	coded := func(tags image.Tags) image.Image {
		return with(custom("m-1", "s-1", tags), func(i *image.Image) { i.ProductCode = "cmjj01" })
	}
	child := custom("m-2", "s-2", tagged("m-1"))
	child.ProductCode = "cmjj01"
	for name, w := range map[string]lineage.World{
		"nothing tells":          {Images: []image.Image{coded(nil)}, Snapshots: []image.Snapshot{snapshot("s-1", "d-1")}},
		"the parent is gone":     {Images: []image.Image{coded(tagged("m-gone"))}},
		"the one before it, too": {Images: []image.Image{coded(tagged("m-gone")), child}},
		"its name tells":         {Images: []image.Image{with(coded(nil), func(i *image.Image) { i.Name = "UpdateImage_from_m-gone_on_exec-5f0a" })}},
		"its owner is not read":  {Images: []image.Image{with(coded(nil), func(i *image.Image) { i.Kind, i.Owner = image.KindShared, "1000000000000009" })}},
	} {
		w.Accounts = []image.AccountID{owner}
		for _, i := range w.Images {
			end := lineage.New(w).Source(lineage.KeyOf(i.Ref))
			if end.Kind != lineage.SourceMarketplace || end.ProductCode != "cmjj01" || end.Image != (lineage.Key{}) || end.At != key("m-1") {
				t.Errorf("%s: %s: %+v", name, i.ID, end)
			}
		}
	}
}
