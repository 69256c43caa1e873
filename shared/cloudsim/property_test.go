package cloudsim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// play is a random sequence of operations by both accounts, and what must hold
// after each of them.
type play struct {
	t     *rapid.T
	cloud *cloudsim.Cloud
	clock *cloudsim.Clock
	s     []*cloudsim.Session
	// ids are all ids that were ever returned, by region.
	ids       map[image.RegionID][]image.ID
	instances map[image.AccountID]image.InstanceID
	// seen are the images that were listed, gone those that are no longer.
	seen, gone map[image.ID]bool
	// prompt: changes are seen at once, so that a list is the truth.
	prompt bool
}

const (
	imageQuota = 8
	grantQuota = 5
)

func TestRandomOperationsKeepTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		clock := cloudsim.NewClock(cloudsim.Epoch())
		visibility := rapid.SampledFrom([]time.Duration{0, 30 * time.Second}).Draw(r, "visibility")
		cloud := cloudsim.New(cloudsim.Options{
			Seed: rapid.Uint64().Draw(r, "seed"), Clock: clock, Visibility: visibility,
			Quotas: cloudsim.Quotas{Images: imageQuota, Grants: grantQuota, Families: 2, FamilyImages: 3},
		})
		p := &play{
			t: r, cloud: cloud, clock: clock, s: []*cloudsim.Session{sessionOf(t, cloud, "local"), sessionOf(t, cloud, "local2")},
			prompt: visibility == 0, ids: map[image.RegionID][]image.ID{}, instances: map[image.AccountID]image.InstanceID{}, seen: map[image.ID]bool{}, gone: map[image.ID]bool{},
		}
		for _, a := range []image.AccountID{one, two} {
			p.instances[a] = cloud.AddInstance(a, hangzhou, cloudsim.InstanceSpec{})
		}
		r.Repeat(map[string]func(*rapid.T){
			"create": p.create, "copy": p.copy, "cancel": p.cancel, "delete": p.delete, "modify": p.modify,
			"share": p.share, "publish": p.publish, "tag": p.tag, "wait": p.wait, "": p.check,
		})
	})
}

func (p *play) region(r *rapid.T) image.RegionID {
	return rapid.SampledFrom([]image.RegionID{hangzhou, shanghai}).Draw(r, "region")
}

func (p *play) who(r *rapid.T) *cloudsim.Session { return p.s[rapid.IntRange(0, 1).Draw(r, "who")] }

func (p *play) image(r *rapid.T, region image.RegionID) image.ID {
	return rapid.SampledFrom(append([]image.ID{"m-x"}, p.ids[region]...)).Draw(r, "image")
}

func name(r *rapid.T) string { return fmt.Sprint("name-", rapid.IntRange(0, 9).Draw(r, "name")) }

// did keeps the id of what was made, and lets a refusal be one.
func (p *play) did(region image.RegionID, id image.ID, err error) {
	if err == nil {
		p.ids[region] = append(p.ids[region], id)
	}
}

func (p *play) create(r *rapid.T) {
	n := rapid.IntRange(0, 1).Draw(r, "who")
	id, err := p.s[n].CreateImage(cloudsim.CreateImageRequest{
		RegionID: hangzhou, InstanceID: p.instances[[]image.AccountID{one, two}[n]], ImageName: name(r), ImageFamily: image.Family(rapid.SampledFrom([]string{"", "fa", "fb", "fc"}).Draw(r, "family")),
	})
	p.did(hangzhou, id, err)
}

func (p *play) copy(r *rapid.T) {
	from, to := p.region(r), p.region(r)
	id, err := p.who(r).CopyImage(cloudsim.CopyImageRequest{RegionID: from, ImageID: p.image(r, from), DestinationRegionID: to, Name: name(r)})
	p.did(to, id, err)
}

func (p *play) cancel(r *rapid.T) {
	region := p.region(r)
	p.did("", "", p.who(r).CancelCopyImage(cloudsim.ImageRequest{RegionID: region, ImageID: p.image(r, region)}))
}

func (p *play) delete(r *rapid.T) {
	region := p.region(r)
	p.did("", "", p.who(r).DeleteImage(cloudsim.DeleteImageRequest{RegionID: region, ImageID: p.image(r, region), Force: rapid.Bool().Draw(r, "force")}))
}

func (p *play) modify(r *rapid.T) {
	region := p.region(r)
	p.did("", "", p.who(r).ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{
		RegionID: region, ImageID: p.image(r, region), ImageName: name(r),
		ImageFamily: image.Family(rapid.SampledFrom([]string{"", "fa", "fb", "fc"}).Draw(r, "family")),
		Status:      rapid.SampledFrom([]image.Status{"", image.StatusDeprecated, image.StatusAvailable}).Draw(r, "status"),
	}))
}

func (p *play) share(r *rapid.T) {
	region := p.region(r)
	accounts := rapid.SliceOfN(rapid.IntRange(1, 14), 0, 12)
	pick := func(label string) (list []image.AccountID) {
		for _, n := range accounts.Draw(r, label) {
			list = append(list, someAccounts(n, 1)...)
		}
		return list
	}
	p.did("", "", p.who(r).ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: region, ImageID: p.image(r, region), AddAccounts: pick("add"), RemoveAccounts: pick("remove"),
	}))
}

func (p *play) publish(r *rapid.T) {
	region := p.region(r)
	p.did("", "", p.who(r).ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: region, ImageID: p.image(r, region), IsPublic: image.TriOf(rapid.Bool().Draw(r, "public")),
	}))
}

func (p *play) tag(r *rapid.T) {
	region := p.region(r)
	p.did("", "", p.who(r).TagResources(cloudsim.TagResourcesRequest{
		RegionID: region, ResourceType: "image", ResourceIDs: []string{string(p.image(r, region))},
		Tags: []cloudsim.Tag{{Key: "env", Value: rapid.SampledFrom([]string{"prod", "dev"}).Draw(r, "value")}},
	}))
}

func (p *play) wait(r *rapid.T) {
	p.clock.Advance(time.Duration(rapid.IntRange(1, 60).Draw(r, "seconds")) * time.Second)
}

// check reads everything and asserts what always holds.
func (p *play) check(r *rapid.T) {
	for n, account := range []image.AccountID{one, two} {
		for _, region := range []image.RegionID{hangzhou, shanghai} {
			whole := p.whole(r, p.s[n], region, cloudsim.DescribeImagesRequest{Statuses: []image.Status{cloudsim.StatusAll}})
			p.checkListing(r, p.s[n], account, region, whole)
			dev := cloudsim.DescribeImagesRequest{Statuses: []image.Status{cloudsim.StatusAll}, Tags: []cloudsim.Tag{{Key: "env", Value: "dev"}}}
			kept := slices.DeleteFunc(slices.Clone(whole), func(i cloudsim.ImageRow) bool { return i.Tags["env"] != "dev" })
			if got := p.whole(r, p.s[n], region, dev); !slices.EqualFunc(got, kept, func(a, b cloudsim.ImageRow) bool { return a.ID == b.ID }) {
				r.Fatalf("the search by tag finds %d of %d", len(got), len(kept))
			}
		}
	}
}

// whole concatenates all pages of a listing, of a size drawn for it.
func (p *play) whole(r *rapid.T, s *cloudsim.Session, region image.RegionID, req cloudsim.DescribeImagesRequest) []cloudsim.ImageRow {
	var all []cloudsim.ImageRow
	req.RegionID, req.Pages.Size = region, 3
	for req.Pages.Number = 1; ; req.Pages.Number++ {
		page, err := s.DescribeImages(req)
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, page.Images...)
		if req.Pages.Number*3 >= page.Total {
			if len(all) != page.Total {
				r.Fatalf("%d rows in pages, %d told", len(all), page.Total)
			}
			return all
		}
	}
}

// checkListing: names are unique among one's own and quotas kept, where a list
// is the truth; share lists are bounded, no image comes back, none is there twice.
func (p *play) checkListing(r *rapid.T, s *cloudsim.Session, account image.AccountID, region image.RegionID, rows []cloudsim.ImageRow) {
	own, ids, names := 0, map[image.ID]bool{}, map[string]bool{}
	for _, i := range rows {
		if ids[i.ID] {
			r.Fatalf("%s is listed twice", i.ID)
		}
		ids[i.ID] = true
		if i.Kind != image.KindCustom {
			continue
		}
		own++
		if names[i.Name] && p.prompt {
			r.Fatalf("two images are called %s", i.Name)
		}
		names[i.Name] = true
		if p.gone[i.ID] {
			r.Fatalf("%s came back", i.ID)
		}
		p.seen[i.ID] = true
		checkOwn(r, s, account, i)
	}
	for _, id := range p.ids[region] {
		if p.seen[id] && !ids[id] && !p.listed(region, id) {
			p.gone[id] = true
		}
	}
	if own > imageQuota && p.prompt {
		r.Fatalf("%d images with a quota of %d", own, imageQuota)
	}
}

// checkOwn: what a row says of its grants, state and owner fits together.
func checkOwn(r *rapid.T, s *cloudsim.Session, account image.AccountID, i cloudsim.ImageRow) {
	grants, err := s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{RegionID: i.Region, ImageID: i.ID})
	if err != nil || grants.Total > grantQuota {
		r.Fatalf("%d grants, %v", grants.Total, err)
	}
	if (grants.Total > 0) != (i.SharedOut == image.Yes) || grants.Total > 0 && i.Status == image.StatusDeprecated {
		r.Fatalf("%s: %d grants, shared out %s, %s", i.ID, grants.Total, i.SharedOut, i.Status)
	}
	if i.Owner != account || (i.Usable == image.Yes) != (i.Status == image.StatusAvailable || i.Status == image.StatusDeprecated) {
		r.Fatalf("%+v", i)
	}
}

// listed reports whether either account still lists the image as its own.
func (p *play) listed(region image.RegionID, id image.ID) bool {
	for _, s := range p.s {
		page, err := s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: region, ImageIDs: []image.ID{id}, OwnerAlias: cloudsim.AliasSelf, Statuses: []image.Status{cloudsim.StatusAll}})
		if err != nil || len(page.Images) == 1 {
			return true
		}
	}
	return false
}
