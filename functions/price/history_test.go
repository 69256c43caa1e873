package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// past makes images of images, the way people do.
type past struct {
	cloud  *cloudsim.Cloud
	broken bool
	last   image.Image
	steps  int
}

// live makes a random history from a public image on. Where its evidence is
// destroyed it is broken.
func (p *past) live(t *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"create", "create", "copy", "copy", "packer"}).Draw(t, "step") {
		case "copy":
			if p.last.Kind == image.KindCustom {
				p.copy()
				continue
			}
			p.create("")
		case "packer":
			p.create("d-gone")
			p.broken = true
		default:
			p.create("")
		}
	}
}

// create makes an image from a disk of the last one; a disk that is gone takes
// the evidence with it.
func (p *past) create(gone image.DiskID) {
	p.steps++
	region, parent := p.last.Region, p.last
	disk := gone
	if disk == "" {
		disk = p.cloud.AddDisk(ours, region, image.Disk{Image: parent.ID, System: true, SizeGiB: 40})
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
	s.ID, s.SourceSystemDisk, s.FullSizeBytes = image.SnapshotID(fmt.Sprint("s-", p.steps)), true, 10<<30
	s.CreatedAt = spec.Image.CreatedAt
	p.cloud.AddSnapshot(ours, region, s)
	spec.Image.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: s.ID, Encrypted: image.No}}
	p.cloud.AddImage(ours, region, spec)
	p.last = spec.Image
	p.last.Region, p.last.Account, p.last.Kind = region, ours, image.KindCustom
}

// TestPricedLikeTheSource: whatever the depth and order of creations and copies,
// an image is priced like its ultimate source where the evidence survives; and
// where it does not, the licence is unknown or what DescribePrice says.
func TestPricedLikeTheSource(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := past{cloud: cloudsim.New(cloudsim.Options{Empty: true, Clock: cloudsim.NewClock(now())})}
		sources := []image.Image{redHat("redhat.vhd"), ubuntu("ubuntu.vhd")}
		for _, region := range []image.RegionID{here, there} {
			for _, i := range sources {
				i.Kind = image.KindPublic
				p.cloud.AddImage(ours, region, cloudsim.ImageSpec{Image: i})
			}
		}
		p.last = rapid.SampledFrom(sources).Draw(t, "source")
		p.last.Region, p.last.Kind = here, image.KindPublic
		source := p.last
		p.live(t)
		silent := rapid.Bool().Draw(t, "without DescribePrice")
		change := same
		if silent {
			change = func(a account) account { return ill{account: a, prices: denied("Forbidden.RAM")} }
		}
		f := pricer(p.cloud, change)
		want := licence(t, f, source)
		got := licence(t, f, p.last)
		switch {
		case got.amount == want.amount && (p.broken || got.rule != pricing.UnknownSource):
		case p.broken && silent && got.amount == "unknown":
		default:
			t.Fatalf("%v: %+v, its source %+v; broken %v, silent %v", p.last.Ref, got, want, p.broken, silent)
		}
	})
}

// priced is a licence and the rule behind it.
type priced struct {
	rule   pricing.RuleCode
	amount string
}

func licence(t *rapid.T, f http.Handler, i image.Image) priced {
	_, answer := ask(f, fmt.Sprintf("/prices/%s?region=%s&instanceType=ecs.g7.xlarge", i.ID, i.Region), "")
	var q pricing.Quote
	if err := json.Unmarshal([]byte(answer), &q); err != nil || len(q.Lines) == 0 {
		t.Fatalf("%v: %s, %v", i.Ref, answer, err)
	}
	if q.Lines[0].Amount == nil {
		return priced{q.Rule.Code, "unknown"}
	}
	return priced{q.Rule.Code, q.Lines[0].Amount.Exact()}
}
