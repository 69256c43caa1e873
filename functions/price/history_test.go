package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

// past makes images of images, the way people do, in two accounts.
type past struct {
	cloud *cloudsim.Cloud
	// broken: evidence was destroyed on the way.
	broken bool
	// alien: some image on the way belongs to the other account.
	alien bool
	// last is the newest image, as its owner sees it; all are the custom images.
	last, source image.Image
	all          []image.Image
	// lent: the other account sees the newest image as well.
	lent  bool
	steps int
}

// live makes a random history from a public image on. Where its evidence is
// destroyed it is broken.
func (p *past) live(t *rapid.T) {
	for range rapid.IntRange(1, 8).Draw(t, "steps") {
		step := rapid.SampledFrom([]string{"create", "create", "copy", "copy", "share", "share", "share", "unshare", "packer", "delete"}).Draw(t, "step")
		custom := p.last.Kind == image.KindCustom
		switch {
		case step == "copy" && custom:
			p.copy()
		case step == "share" && custom:
			p.derive(t)
		case step == "unshare" && len(p.all) > 1:
			p.unshare(t, rapid.SampledFrom(p.all[:len(p.all)-1]).Draw(t, "unshared"))
		case step == "delete" && len(p.all) > 1:
			p.forget(t)
		case step == "packer":
			p.create("d-gone")
			p.broken = true
		default:
			p.create("")
		}
	}
	if p.last.Kind == image.KindCustom && rapid.Bool().Draw(t, "lent in the end") {
		p.permit(t, p.last, p.others(), "")
		p.lent = true
	}
}

// others is the account that does not own the newest image.
func (p *past) others() image.AccountID {
	if p.last.Account == ours {
		return theirs
	}
	return ours
}

// permit shares an image with an account, or stops that.
func (p *past) permit(t *rapid.T, i image.Image, add, remove image.AccountID) {
	var added, removed []image.AccountID
	if add != "" {
		added = append(added, add)
	}
	if remove != "" {
		removed = append(removed, remove)
	}
	if err := p.cloud.View(i.Account).Permit(context.Background(), i.Ref, added, removed); err != nil {
		t.Fatalf("share %v: %v", i.Ref, err)
	}
}

// derive shares the newest image with the other account, which makes one of it.
func (p *past) derive(t *rapid.T) {
	p.permit(t, p.last, p.others(), "")
	p.last.Account = p.others()
	p.create("")
}

// unshare ends the share of an image: whoever made another one of it keeps that.
func (p *past) unshare(t *rapid.T, i image.Image) {
	with := theirs
	if i.Account == theirs {
		with = ours
	}
	p.permit(t, i, "", with)
}

// forget deletes an image that another one was made of, and what it says.
func (p *past) forget(t *rapid.T) {
	n := rapid.IntRange(0, len(p.all)-2).Draw(t, "deleted")
	i := p.all[n]
	p.unshare(t, i) // ECS deletes no shared image
	err := p.cloud.As(cloudsim.Caller{Account: i.Account, Type: "Account"}).DeleteImage(cloudsim.DeleteImageRequest{RegionID: i.Region, ImageID: i.ID, Force: true})
	if err != nil {
		t.Fatalf("delete %v: %v", i.Ref, err)
	}
	p.all = append(p.all[:n:n], p.all[n+1:]...)
	p.broken = true
}

// create makes an image from a disk of the last one; a disk that is gone takes
// the evidence with it.
func (p *past) create(gone image.DiskID) {
	p.steps++
	account, region, parent := p.last.Account, p.last.Region, p.last
	disk := gone
	if disk == "" {
		disk = p.cloud.AddDisk(account, region, image.Disk{Image: parent.ID, System: true, SizeGiB: 40, ProductCode: parent.ProductCode})
	} else {
		disk += image.DiskID(fmt.Sprint(p.steps))
	}
	p.add(region, cloudsim.ImageSpec{Image: p.next(), Parent: parent.Ref}, image.Snapshot{SourceDisk: disk})
}

// copy makes an image in the other region.
func (p *past) copy() {
	p.steps++
	region, i := here, p.next()
	if p.last.Region == here {
		region = there
	}
	i.Copied = true
	p.add(region, cloudsim.ImageSpec{Image: i, Parent: p.last.Ref}, image.Snapshot{SourceSnapshot: p.last.Disks[0].SnapshotID, SourceRegion: p.last.Region})
}

// next is an image like the last one, a little later.
func (p *past) next() image.Image {
	i := p.last
	i.Ref = image.Ref{ID: image.ID(fmt.Sprint("m-", p.steps))}
	i.Kind, i.Name, i.CreatedAt = image.KindCustom, string(i.ID), p.last.CreatedAt.AddDate(0, 0, 1)
	return i
}

func (p *past) add(region image.RegionID, spec cloudsim.ImageSpec, s image.Snapshot) {
	account := p.last.Account
	s.ID, s.SourceSystemDisk, s.FullSizeBytes = image.SnapshotID(fmt.Sprint("s-", p.steps)), true, 10<<30
	s.CreatedAt, s.ProductCode = spec.Image.CreatedAt, spec.Image.ProductCode
	p.cloud.AddSnapshot(account, region, s)
	spec.Image.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: s.ID, Encrypted: image.No}}
	p.cloud.AddImage(account, region, spec)
	p.last = spec.Image
	p.last.Region, p.last.Account, p.last.Kind = region, account, image.KindCustom
	p.all = append(p.all, p.last)
	p.alien = p.alien || account == theirs
}

// newPast has three public images and a Marketplace image, of which a history
// begins with one.
func newPast(t *rapid.T) *past {
	p := &past{cloud: cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())})}
	market := redHat("market.vhd")
	market.ProductCode, market.Subscribed = "cmjj01", true
	windows := ubuntu("windows.vhd")
	windows.OSType, windows.Platform, windows.OSName = image.Windows, "Windows Server 2022", "Windows Server  2022 Datacenter 64 bit"
	sources := []image.Image{redHat("redhat.vhd"), ubuntu("ubuntu.vhd"), windows, market}
	for n := range sources {
		sources[n].Kind = image.KindPublic
		if sources[n].ProductCode != "" {
			sources[n].Kind = image.KindMarketplace
		}
		for _, region := range []image.RegionID{here, there} {
			p.cloud.AddImage(ours, region, cloudsim.ImageSpec{Image: sources[n]})
		}
	}
	for _, a := range []image.AccountID{ours, theirs} {
		p.cloud.Configure(a, cloudsim.AccountSettings{Subscriptions: []image.ProductCode{"cmjj01"}})
	}
	p.last = rapid.SampledFrom(sources).Draw(t, "source")
	p.last.Region, p.last.Account = here, ours
	p.source = p.last
	return p
}

// prices is price over a history: of both accounts or of ours alone, and with
// DescribePrice or without.
func (p *past) prices(alone, silent bool) http.Handler {
	h := over(p.cloud, same)
	both := h.accounts
	h.accounts = func(call function.Call) []survey.Account {
		eyes := both(call)
		if alone {
			eyes = eyes[:1]
		}
		for n := range eyes {
			if silent {
				eyes[n].Reader = ill{account: eyes[n].Reader, prices: denied("Forbidden.RAM")}
			}
		}
		return eyes
	}
	return h.function()
}

// TestPricedLikeTheSource: whatever the depth and order of creations, copies and
// shares, an image is priced like its ultimate source where the evidence
// survives; and where it does not, or lies in an account that is not looked at,
// the licence is unknown or what DescribePrice says. Who it is shared with pays
// the same as its owner.
func TestPricedLikeTheSource(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := newPast(t)
		p.live(t)
		alone, silent := rapid.Bool().Draw(t, "alone"), rapid.Bool().Draw(t, "without DescribePrice")
		f := p.prices(alone, silent)
		want := licence(t, f, p.source, "")
		if want.software != "" && want.software != "unknown" {
			seen["software"]++
		}
		broken := p.broken || alone && p.alien
		viewers := map[image.AccountID]pricing.RuleCode{p.last.Account: "custom"}
		if p.lent {
			viewers[p.others()] = "shared"
		}
		for viewer, kind := range viewers {
			if alone && viewer == theirs {
				continue
			}
			got := licence(t, f, p.last, viewer)
			switch {
			case got.amount == want.amount && got.software == want.software && (broken || got.rule[:len(kind)] == kind):
				seen[string(kind)]++
			case broken && (silent && got.amount == "unknown" || got.amount == want.amount) && (got.software == want.software || got.software == "unknown"):
				seen["unknown"]++
			default:
				t.Fatalf("%v by %s: %+v, its source %+v; broken %v, silent %v, alone %v", p.last.Ref, viewer, got, want, broken, silent, alone)
			}
		}
	})
	if t.Log(seen); len(seen) != 4 {
		t.Errorf("priced %v: these histories show nothing", seen)
	}
}

// TestThereAndBack: an image that was shared, derived, copied and shared back is
// priced like what it began with, though its own account never saw the middle.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPast(t)
		p.create("")
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			p.derive(t)
			p.copy()
			p.create("")
		}
		for _, i := range p.all[:len(p.all)-1] {
			p.unshare(t, i)
		}
		f := p.prices(false, rapid.Bool().Draw(t, "without DescribePrice"))
		want, got := licence(t, f, p.source, ""), licence(t, f, p.last, "")
		rules := []pricing.RuleCode{pricing.CustomFromPaid, pricing.CustomFromFree, pricing.CustomFromMarketplace}
		if got.amount != want.amount || got.software != want.software || !slices.Contains(rules, got.rule) {
			t.Fatalf("%v: %+v, its source %+v", p.last.Ref, got, want)
		}
	})
}

// priced is what runs cost, licence and software, and the rule behind it.
type priced struct {
	rule             pricing.RuleCode
	amount, software string
}

// licence is what an account pays for it; without one, the image's owner.
func licence(t *rapid.T, f http.Handler, i image.Image, account image.AccountID) priced {
	target := fmt.Sprintf("/prices/%s?region=%s&instanceType=ecs.g7.xlarge", i.ID, i.Region)
	if account != "" {
		target += "&account=" + string(account)
	}
	_, answer := ask(f, target, "")
	var q pricing.Quote
	if err := json.Unmarshal([]byte(answer), &q); err != nil || len(q.Lines) == 0 {
		t.Fatalf("%v: %s, %v", i.Ref, answer, err)
	}
	told := priced{rule: q.Rule.Code, amount: "unknown"}
	for _, l := range q.Lines {
		worth := "unknown"
		if l.Amount != nil {
			worth = l.Amount.Exact()
		}
		switch l.Item {
		case pricing.OperatingSystemLicence:
			told.amount = worth
		case pricing.MarketplaceSoftware:
			told.software = worth
		}
	}
	return told
}
