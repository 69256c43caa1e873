package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// made puts an image of ours into a region that was made from another one, whose
// system disk is still there.
func (s *stage) made(region image.RegionID, id, parent image.ID, like func(*image.Image)) {
	i := image.Image{Ref: image.Ref{ID: id}, Kind: image.KindCustom, OSType: image.Linux, Architecture: image.X86_64, CreatedAt: start().AddDate(0, -1, 0)}
	like(&i)
	disk := s.cloud.AddDisk(first, region, image.Disk{Image: parent, System: true, SizeGiB: 40})
	snapshot := s.cloud.AddSnapshot(first, region, image.Snapshot{SourceDisk: disk, SourceSystemDisk: true, CreatedAt: i.CreatedAt})
	i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
	s.cloud.AddImage(first, region, cloudsim.ImageSpec{Image: i})
}

func redHat(i *image.Image) {
	i.OSType, i.Platform, i.OSName = image.Linux, "RedHat", "Red Hat Enterprise Linux  9.6 64 bit"
}

func ubuntu(i *image.Image) {
	i.OSType, i.Platform, i.OSName = image.Linux, "Ubuntu", "Ubuntu  22.04 64 bit"
}

// origins puts public and Marketplace images into both regions, and one image
// made from each.
func (s *stage) origins() {
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		for id, like := range map[image.ID]func(*image.Image){"rhel.vhd": redHat, "ubuntu.vhd": ubuntu} {
			i := image.Image{Ref: image.Ref{ID: id}, Kind: image.KindPublic, Architecture: image.X86_64}
			like(&i)
			s.cloud.AddImage(first, region, cloudsim.ImageSpec{Image: i})
		}
	}
	market := image.Image{Ref: image.Ref{ID: "m-market"}, Kind: image.KindMarketplace, ProductCode: "cmjj01"}
	ubuntu(&market)
	s.cloud.AddImage(first, "cn-hangzhou", cloudsim.ImageSpec{Image: market})
	s.made("cn-hangzhou", "m-rhel", "rhel.vhd", redHat)
	s.made("cn-hangzhou", "m-ubuntu", "ubuntu.vhd", ubuntu)
	s.made("cn-hangzhou", "m-shop", "m-market", func(i *image.Image) { ubuntu(i); i.ProductCode = "cmjj01" })
	s.made("cn-hangzhou", "m-lost", "gone.vhd", redHat)
}

// inShort is a licence in short.
func inShort(l *pricing.DuesTold) string {
	if l == nil {
		return "none"
	}
	words := []string{string(l.Rule), string(l.Charged), string(l.PaidBy)}
	if l.Amount != nil {
		words = append(words, l.Amount.String())
	}
	if len(l.Rates) > 0 {
		words = append(words, l.Rates[0].Amount.String()+" per "+l.Rates[0].Per)
	}
	for _, why := range l.Unknown {
		words = append(words, why.Code)
	}
	return strings.Join(words, "; ")
}

func TestThePlanTellsWhatTheAccountWillPay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.origins()
	copied := s.copyTo("cn-shanghai", "m-rhel")
	for id, want := range map[image.ID]string{
		"m-rhel":   "sharedFromPaid; yes; 1000000000000003; 0.1041 CNY per vCPU-hour",
		"m-ubuntu": "sharedFromFree; no; 1000000000000003; 0 CNY",
		"m-shop":   "sharedFromMarketplace; no; 1000000000000003; marketplacePriceByType",
		"m-lost":   "unknownSource; unknown; 1000000000000003; 0.1041 CNY per vCPU-hour; licenceNotDecided",
		copied:     "sharedFromPaid; yes; 1000000000000003; 0.1041 CNY per vCPU-hour", // the chain leads to another region
	} {
		planned := s.call("share.patch", map[string]any{"imageId": id, "add": accounts(third)})
		if len(planned.Plan.Steps) != 1 || inShort(planned.Plan.Steps[0].Licence) != want {
			t.Errorf("%s: %+v, want %s", id, inShort(planned.Plan.Steps[0].Licence), want)
		}
	}
}

func TestWhichStepsHaveALicence(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.origins()
	s.config.Community = "allow"
	until := start().AddDate(0, 1, 0).Format(time.RFC3339)
	const paid = "sharedFromPaid; yes; %s; 0.1041 CNY per vCPU-hour"
	if _, done := s.applyPut(map[string]any{"imageId": "m-rhel", "accounts": accounts(second, third, "1000000000000004")}); !done.Complete || done.Plan.Steps[0].Licence != nil {
		t.Fatalf("%+v", done)
	}
	keep := s.call("share.put", map[string]any{"imageId": "m-rhel", "accounts": accounts(second, third, "1000000000000004")})
	if keep.Plan.Steps[0].Licence != nil {
		t.Errorf("a plan that gives nobody anything: %+v", keep.Plan.Steps[0])
	}
	planned := s.call("share.put", map[string]any{
		"imageId": "m-rhel", "community": true, "evenIfUsed": []string{"1000000000000004"},
		"accounts": []map[string]any{{"accountId": second}, {"accountId": third, "until": until, "onExpiry": "remove"}, {"accountId": "1000000000000005"}},
	})
	got := map[string]string{}
	for _, step := range planned.Plan.Steps {
		got[step.Action] = inShort(step.Licence)
	}
	for action, want := range map[string]string{
		"add": fmt.Sprintf(paid, "1000000000000005"), "extend": fmt.Sprintf(paid, third), "keep": fmt.Sprintf(paid, second),
		"remove": "none", "publish": "communityFromPaid; yes; ; 0.1041 CNY per vCPU-hour",
	} {
		if got[action] != want {
			t.Errorf("%s: %s, want %s", action, got[action], want)
		}
	}
}

// counting is an account that counts what is asked, and whose snapshots cannot be
// read where deny says so.
type counting struct {
	viewed
	mu    *sync.Mutex
	asked map[string]int
	deny  bool
}

func (c counting) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[what]++
}

func (c counting) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	c.count("images")
	return c.viewed.Images(ctx, in, which)
}

func (c counting) Snapshots(ctx context.Context, in image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error) {
	c.count("snapshots")
	if c.deny {
		return nil, fault.New(fault.Forbidden, "denied").WithCode("Forbidden.RAM")
	}
	return c.viewed.Snapshots(ctx, in, which)
}

func (c counting) Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error) {
	c.count("disks")
	return c.viewed.Disks(ctx, in, which)
}

func (c counting) Builds(ctx context.Context, in image.RegionID) ([]image.Build, error) {
	c.count("builds")
	return c.viewed.Builds(ctx, in)
}

func TestALicenceIsNoPartOfTheDigestAndCostsFewCalls(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.origins()
	digests := map[string]bool{}
	for _, deny := range []bool{false, true} {
		seen := counting{mu: &sync.Mutex{}, asked: map[string]int{}, deny: deny}
		s.watch = func(a viewed) viewed { seen.viewed = a; return seen }
		planned := s.call("share.patch", map[string]any{"imageId": "m-rhel", "region": "cn-hangzhou", "account": first, "add": accounts(third)})
		digests[planned.Plan.Digest] = true
		if l := planned.Plan.Steps[0].Licence; deny != (l.Rule == "unknownSource") || deny && l.Amount != nil {
			t.Errorf("snapshots denied %v: %s", deny, inShort(l))
		}
		if missing := planned.Unknown; deny != (len(missing) == 1 && missing[0].Permission == "ecs:DescribeSnapshots") {
			t.Errorf("snapshots denied %v: unknown %+v", deny, missing)
		}
		// The image is looked for; then images and runs of the region are listed once,
		// runs twice because there are none, and the chain is one step long.
		want := map[string]int{"images": 2, "builds": 2, "snapshots": 1, "disks": 1}
		if deny {
			want["disks"] = 0
		}
		for what, n := range want {
			if seen.asked[what] != n {
				t.Errorf("%s were asked for %d times, want %d", what, seen.asked[what], n)
			}
		}
	}
	if len(digests) != 1 {
		t.Errorf("%d digests of one plan", len(digests))
	}
}

func TestAPlanWithoutGiftsAsksForNoPrices(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	seen := counting{mu: &sync.Mutex{}, asked: map[string]int{}}
	s.watch = func(a viewed) viewed { seen.viewed = a; return seen }
	s.call("share.put", map[string]any{"imageId": "m-web", "region": "cn-hangzhou", "account": first, "accounts": accounts(second)})
	if seen.asked["snapshots"]+seen.asked["builds"] != 0 {
		t.Errorf("asked for %v", seen.asked)
	}
}

func TestNegotiatedRates(t *testing.T) {
	t.Parallel()
	_, err := open(func(name string) (string, bool) {
		env := map[string]string{"JOURNAL": "dir:///tmp/journal", "PRICE_RATES": `{"rates":[{}]}`}
		return env[name], env[name] != ""
	})
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "PRICE_RATES") {
		t.Errorf("bad rates: %v", err)
	}
}

func TestALicenceAsJSON(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.origins()
	status, planned := s.over(http.MethodPatch, "/shares/m-ubuntu", `{"add":[{"accountId":"1000000000000003"}]}`)
	text, err := json.Marshal(planned.Plan.Steps[0].Licence)
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	for _, want := range []string{`"rule":"sharedFromFree"`, `"charged":"no"`, `"payer":"instanceOwner"`, `"paidBy":"1000000000000003"`, `"sure":"observed"`, `"exact":"0"`, `"reasons":[{"code":"sourcePublic"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}
