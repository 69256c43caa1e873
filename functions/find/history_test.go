package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/survey"
)

// graphOf is the lineage that find sees of a cloud, over all accounts and regions.
func graphOf(t interface {
	Fatal(args ...any)
}, cloud *cloudsim.Cloud, regions ...alicloud.RegionWord,
) (lineage.World, *lineage.Graph) {
	world := observed(t, views(cloud), regions...)
	if len(world.Unread)+len(world.BuildsUnread) > 0 {
		t.Fatal(world.Unread, world.BuildsUnread)
	}
	return world, lineage.New(world)
}

// observed is what lineage is found in, as some accounts see it.
func observed(t interface{ Fatal(args ...any) }, look func(function.Call) []survey.Account, regions ...alicloud.RegionWord) lineage.World {
	h := handler{accounts: look, classes: new(quoting.Classes), now: now}
	h.config.Regions = regions
	all, err := h.look().At(context.Background(), function.Call{}, survey.Within{}, places.Age{})
	if err != nil {
		t.Fatal(err)
	}
	closed := all.Unread()
	world := lineage.Observe(context.Background(), lineage.Places(all.Places()))
	world.Unread = append(world.Unread, closed...)
	return world
}

// historian lives through a company's years, on the API of the cloud.
type historian struct {
	cloud *cloudsim.Cloud
	clock *cloudsim.Clock
	// as are the accounts; images and instances are what they made.
	as        []*cloudsim.Session
	images    []image.Ref
	instances []quoting.Server
	count     int
}

func newHistorian(options cloudsim.Options) *historian {
	clock := cloudsim.NewClock(now())
	options.Clock = clock
	h := &historian{cloud: cloudsim.New(options), clock: clock}
	for _, a := range []image.AccountID{cloudsim.FirstAccount, cloudsim.SecondAccount} {
		h.as = append(h.as, h.cloud.As(cloudsim.Caller{Account: a, Type: "Account"}))
		h.cloud.Configure(a, cloudsim.AccountSettings{ShareRole: true, CommunityTerms: true, Subscriptions: []image.ProductCode{"cmjj01"}})
	}
	for _, r := range []image.RegionID{"cn-hangzhou", "cn-shanghai", "eu-central-1"} {
		for _, i := range []image.Image{
			{Ref: image.Ref{ID: "aliyun_3_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic},
			{Ref: image.Ref{ID: image.ID("m-market" + r[:2])}, Kind: image.KindMarketplace, ProductCode: "cmjj01", Subscribed: true},
		} {
			i.BootMode, i.CreatedAt = image.UEFI, now().AddDate(-1, 0, 0)
			h.images = append(h.images, image.Ref{Region: r, ID: h.cloud.AddImage(cloudsim.FirstAccount, r, cloudsim.ImageSpec{Image: i})})
		}
	}
	return h
}

func (h *historian) name(what string) string {
	h.count++
	h.clock.Advance(20 * time.Minute) // whatever was begun is done
	return fmt.Sprintf("%s-%03d", what, h.count)
}

// run starts an instance of an image, in whichever account may.
func (h *historian) run(account int, from image.Ref) {
	ids, err := h.as[account].RunInstances(cloudsim.RunInstancesRequest{
		RegionID: from.Region, ImageID: from.ID, InstanceType: "ecs.g7.large", InstanceName: h.name("server"), Amount: 1,
	})
	for _, id := range ids {
		if err == nil {
			h.instances = append(h.instances, quoting.Server{AccountID: image.AccountID(fmt.Sprint(account)), RegionID: from.Region, InstanceID: id})
		}
	}
}

func (h *historian) made(region image.RegionID, id image.ID, err error) {
	if err == nil {
		h.images = append(h.images, image.Ref{Region: region, ID: id})
	}
}

// of is the session that owns an instance.
func (h *historian) of(s quoting.Server) *cloudsim.Session {
	if s.AccountID == "1" {
		return h.as[1]
	}
	return h.as[0]
}

func (h *historian) create(s quoting.Server) {
	id, err := h.of(s).CreateImage(cloudsim.CreateImageRequest{RegionID: s.RegionID, InstanceID: s.InstanceID, ImageName: h.name("image")})
	h.made(s.RegionID, id, err)
}

// copyTo copies an image; owner copies to another region, a grantee inside it.
func (h *historian) copyTo(account int, from image.Ref, to image.RegionID) {
	id, err := h.as[account].CopyImage(cloudsim.CopyImageRequest{RegionID: from.Region, ImageID: from.ID, DestinationRegionID: to, Name: h.name("copy")})
	h.made(to, id, err)
}

func (h *historian) importInto(region image.RegionID) {
	id := h.cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{
		Name: h.name("import"), BootMode: image.UEFI,
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.No, ImportBucket: "bucket", ImportObject: h.name("object")}},
	}})
	h.made(region, id, nil)
}

func (h *historian) share(i image.Ref) {
	h.name("share")
	_ = h.as[0].ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: i.Region, ImageID: i.ID, AddAccounts: []image.AccountID{cloudsim.SecondAccount},
	}) // refused for images of others
}

// replace makes an instance run another image; the disk it had is gone.
func (h *historian) replace(s quoting.Server, with image.Ref) {
	h.name("stop")
	_ = h.of(s).StopInstance(cloudsim.StopInstanceRequest{InstanceID: s.InstanceID})
	h.name("replace")
	_, _ = h.of(s).ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: s.InstanceID, ImageID: with.ID})
}

// destroy forgets things: instances with their disks, and images.
func (h *historian) destroy(t *rapid.T) {
	h.name("destroy")
	if rapid.Bool().Draw(t, "an image") {
		i := rapid.SampledFrom(h.images).Draw(t, "image")
		_ = h.as[0].DeleteImage(cloudsim.DeleteImageRequest{RegionID: i.Region, ImageID: i.ID, Force: true})
		return
	}
	s := rapid.SampledFrom(h.instances).Draw(t, "instance")
	_ = h.of(s).DeleteInstance(cloudsim.DeleteInstancesRequest{RegionID: s.RegionID, InstanceIDs: []image.InstanceID{s.InstanceID}, Force: true})
}

// live lives through some years; gently, nothing is ever taken away.
func (h *historian) live(t *rapid.T, gently bool) {
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		i := rapid.SampledFrom(h.images).Draw(t, "image")
		account := rapid.IntRange(0, 1).Draw(t, "account")
		what := rapid.IntRange(0, 9).Draw(t, "event")
		if len(h.instances) == 0 || what <= 1 {
			h.run(account, i)
			continue
		}
		s := rapid.SampledFrom(h.instances).Draw(t, "instance")
		switch {
		case what <= 4:
			h.create(s)
		case what == 5:
			h.copyTo(account, i, rapid.SampledFrom([]image.RegionID{"cn-hangzhou", "cn-shanghai", "eu-central-1"}).Draw(t, "to"))
		case what == 6:
			h.share(i)
		case what == 7:
			h.importInto(i.Region)
		case what == 8 && !gently:
			h.replace(s, i)
		case what == 9 && !gently:
			h.destroy(t)
		}
	}
	h.name("end")
}

// judge counts what was found of a cloud's lineage, and names what is wrong.
type judge struct {
	cloud *cloudsim.Cloud
	// twins are images that stand on one snapshot, alike to the last block.
	twins          map[lineage.Key]image.SnapshotID
	links, of      int
	sources, roots int
	wrong          []string
}

func newJudge(cloud *cloudsim.Cloud, w lineage.World, g *lineage.Graph) *judge {
	j := &judge{cloud: cloud, twins: map[lineage.Key]image.SnapshotID{}}
	for _, i := range w.Images {
		if d, ok := i.SystemDisk(); ok {
			j.twins[lineage.KeyOf(i.Ref)] = d.SnapshotID
		}
	}
	for _, i := range w.Images {
		if i.Kind == image.KindCustom {
			j.look(lineage.KeyOf(i.Ref), g.Story(lineage.KeyOf(i.Ref)))
		}
	}
	return j
}

// parent is the true one.
func (j *judge) parent(k lineage.Key) (lineage.Key, bool) {
	p, ok := j.cloud.Parent(image.Ref{Region: k.Region, ID: k.ID})
	return lineage.KeyOf(p), ok
}

func (j *judge) look(k lineage.Key, story lineage.Story) {
	if p, ok := j.parent(k); ok {
		j.of++
		if len(story.Parents) > 0 && story.Parents[0].Parent == p {
			j.links++
		}
	}
	for _, l := range story.Parents {
		if !j.right(l) {
			p, _ := j.parent(l.Child)
			j.wrong = append(j.wrong, fmt.Sprintf("%s is said to come from %s (%s, skips %t), in truth from %s", l.Child, l.Parent, l.Evidence, l.Skips, p))
		}
	}
	j.roots++
	truth, _ := j.cloud.Source(image.Ref{Region: k.Region, ID: k.ID})
	switch s := story.Source; s.Kind {
	case lineage.SourceUnknown, lineage.SourceOtherAccount:
		if s.Why.Code == "" || s.Cure == "" {
			j.wrong = append(j.wrong, fmt.Sprintf("%s is unknown without reason or cure", k))
		}
		return
	case lineage.SourceMarketplace:
		if truth.Account != "marketplace" {
			j.wrong = append(j.wrong, fmt.Sprintf("%s is said to end at product %s, in truth at %s", k, s.ProductCode, truth))
		}
	default:
		if s.Image != lineage.KeyOf(truth) {
			j.wrong = append(j.wrong, fmt.Sprintf("%s is said to end at %s, in truth at %s", k, s.Image, truth))
		}
	}
	j.sources++
}

// right: the parent is the true one or its twin; of a link that skips, an
// ancestor or its twin.
func (j *judge) right(l lineage.Link) bool {
	same := func(a, b lineage.Key) bool {
		return a == b || j.twins[a] != "" && a.Region == b.Region && j.twins[a] == j.twins[b]
	}
	p, ok := j.parent(l.Child)
	for range 100 {
		if ok && same(p, l.Parent) {
			return true
		}
		if !ok || !l.Skips {
			return false
		}
		p, ok = j.parent(p)
	}
	return false
}

func TestLineageIsNeverWrongAboutHistories(t *testing.T) {
	t.Parallel()
	links, of := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		readings := cloudsim.Readings{CopyHidesSource: rapid.Bool().Draw(t, "hidden"), CopyKeepsTags: rapid.Bool().Draw(t, "tags")}
		h := newHistorian(cloudsim.Options{Seed: 1, Readings: readings})
		h.live(t, false)
		w, g := graphOf(t, h.cloud, "cn-hangzhou", "cn-shanghai", "eu-central-1")
		j := newJudge(h.cloud, w, g)
		if links, of = links+j.links, of+j.of; len(j.wrong) > 0 {
			t.Fatal(j.wrong)
		}
	})
	if t.Logf("%d of %d links are found", links, of); links < 50 || links == of {
		t.Errorf("%d of %d links: these histories show nothing", links, of)
	}
}

func TestLineageIsCompleteWhereTheEvidenceExists(t *testing.T) {
	t.Parallel()
	links := 0
	rapid.Check(t, func(t *rapid.T) {
		h := newHistorian(cloudsim.Options{Seed: 1})
		h.live(t, true)
		w, g := graphOf(t, h.cloud, "cn-hangzhou", "cn-shanghai", "eu-central-1")
		j := newJudge(h.cloud, w, g)
		if links += j.of; len(j.wrong) > 0 || j.links != j.of || j.sources != j.roots {
			t.Fatal(j.links, "of", j.of, "links,", j.sources, "of", j.roots, "sources", j.wrong)
		}
	})
	if t.Logf("%d links", links); links < 50 {
		t.Errorf("%d links: these histories show nothing", links)
	}
}

func TestLineageOfTheCatalogue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		readings cloudsim.Readings
		size     company.Options
	}{
		"seeded":                  {},
		"seeded, sources hidden":  {readings: cloudsim.Readings{CopyHidesSource: true}},
		"seeded, tags are copied": {readings: cloudsim.Readings{CopyKeepsTags: true}},
		"built as Packer builds":  {size: company.Options{PackerBuilt: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := company.New(cloudsim.Options{Seed: 1, Readings: c.readings, Clock: cloudsim.NewClock(cloudsim.Epoch())}, c.size)
			w, g := graphOf(t, cloud, "all")
			j := newJudge(cloud, w, g)
			t.Logf("%d of %d links (%d%%) and %d of %d sources (%d%%) are found",
				j.links, j.of, 100*j.links/j.of, j.sources, j.roots, 100*j.sources/j.roots)
			if len(j.wrong) > 0 || j.sources == 0 {
				t.Error(len(j.wrong), j.wrong[:min(5, len(j.wrong))])
			}
			if slices.ContainsFunc(w.Images, func(i image.Image) bool { return i.Ref == image.Ref{} }) {
				t.Error("an image without a name")
			}
		})
	}
}

// Whatever is answered in place of the truth, a link that is told is true.
func TestLineageIsNeverWrongUnderLies(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: 300})
	for _, what := range []string{"images", "snapshots", "disks", "builds"} {
		for _, kind := range []string{"denied", "broken", "empty"} {
			for _, times := range []int{1, 3, -1} {
				t.Run(fmt.Sprint(what, " ", kind, " ", times), func(t *testing.T) {
					t.Parallel()
					world := observed(t, func(call function.Call) []survey.Account {
						accounts := views(cloud)(call)
						for i := range accounts {
							accounts[i].Reader = liar{accounts[i].Reader, &sync.Mutex{}, []*lie{{what, kind, times}}}
						}
						return accounts
					}, "all")
					if j := newJudge(cloud, world, lineage.New(world)); len(j.wrong) > 0 {
						t.Error(len(j.wrong), j.wrong[:min(3, len(j.wrong))])
					}
					if kind != "empty" && len(world.Unread)+len(world.BuildsUnread) == 0 {
						t.Error("what could not be read is not said")
					}
				})
			}
		}
	}
}
