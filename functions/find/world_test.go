package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/survey"
)

// now is when all tests take place.
func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// day is a day in January 2026.
func day(n int) time.Time { return time.Date(2026, 1, n, 8, 0, 0, 0, time.UTC) }

// world is a small cloud in which every parameter of find tells images apart.
func world() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())})
	add := func(account image.AccountID, region image.RegionID, i image.Image, with ...image.AccountID) {
		if i.Disks == nil {
			i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + i.ID[2:]), Encrypted: image.No}}
		}
		cloud.AddImage(account, region, cloudsim.ImageSpec{Image: i, SharedWith: with})
	}
	custom := func(id image.ID, created int, change func(*image.Image)) image.Image {
		i := image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindCustom, Name: "web-base-" + string(id[2:]), Family: "web-base",
			Platform: "Ubuntu", OSName: "Ubuntu  22.04 64 bit", Architecture: image.X86_64, BootMode: image.UEFI,
			NVMe: "supported", CreatedAt: day(created), CloudInit: true, Tags: image.Tags{"team": "web"},
		}
		if change != nil {
			change(&i)
		}
		return i
	}
	const first, second = cloudsim.FirstAccount, cloudsim.SecondAccount
	add(first, "cn-hangzhou", custom("m-old", 10, nil))
	add(first, "cn-hangzhou", custom("m-new", 20, func(i *image.Image) { i.Tags["env"] = "prod"; i.Description = "with nginx inside" }), second)
	add(first, "cn-hangzhou", custom("m-deprecated", 21, func(i *image.Image) { i.Status = image.StatusDeprecated }))
	add(first, "cn-hangzhou", custom("m-failed", 22, func(i *image.Image) { i.Status = image.StatusCreateFailed }))
	add(first, "cn-hangzhou", custom("m-arm", 19, func(i *image.Image) { i.Architecture, i.Family, i.Name = image.ARM64, "arm-base", "Arm=base" }))
	add(first, "cn-hangzhou", custom("m-windows", 18, func(i *image.Image) {
		i.OSType, i.Platform, i.OSName, i.BootMode, i.Family, i.SizeGiB = image.Windows, "Windows Server 2022", "Windows Server 2022", image.BIOS, "win-base", 60
	}))
	add(first, "cn-hangzhou", custom("m-data", 17, func(i *image.Image) {
		i.Family, i.Disks = "db-base", []image.DiskMapping{
			{System: true, SizeGiB: 40, Encrypted: image.Yes, SnapshotID: "s-datasystem"}, {SizeGiB: 100, Encrypted: image.Yes, SnapshotID: "s-datadata"},
		}
	}))
	add(first, "cn-shanghai", custom("m-shanghai", 15, nil))
	add(second, "cn-hangzhou", custom("m-theirs", 16, func(i *image.Image) { i.Family = "their-base" }))
	add(second, "cn-hangzhou", custom("m-given", 14, func(i *image.Image) { i.Family = "their-base" }), first)
	add(second, "cn-hangzhou", custom("m-community", 13, func(i *image.Image) { i.Kind, i.Family = image.KindCommunity, "" }))
	add(first, "cn-hangzhou", custom("m-market", 12, func(i *image.Image) {
		i.Kind, i.Family, i.ProductCode, i.Supplier = image.KindMarketplace, "", "cmjj0001", "Example Software"
	}))
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		add(first, region, custom("ubuntu_22_04_x64_20G_alibase_20260101.vhd", 1, func(i *image.Image) { i.Kind, i.Family, i.Tags = image.KindPublic, "", nil }))
	}
	return cloud
}

// sim is an account of a cloud in memory, which has no May.
type sim struct{ *cloudsim.View }

func (sim) May(_ context.Context, _ image.RegionID, action string) (image.Tri, error) {
	return map[string]image.Tri{"ecs:DescribeImages": image.Yes, "ecs:ModifyImageSharePermission": image.No}[action], nil
}

// views look at cloud through both accounts.
func views(cloud *cloudsim.Cloud) func(function.Call) []survey.Account {
	return func(function.Call) []survey.Account {
		return []survey.Account{
			{Reader: sim{cloud.View(cloudsim.FirstAccount)}},
			{Reader: sim{cloud.View(cloudsim.SecondAccount)}, ID: cloudsim.SecondAccount, Role: cloudsim.ReaderRole},
		}
	}
}

// finder is find over the world, in two regions.
func finder(look func(function.Call) []survey.Account) *function.Function {
	return finderIn(look, "cn-hangzhou", "cn-shanghai")
}

// finderIn is find with these in REGIONS.
func finderIn(look func(function.Call) []survey.Account, regions ...alicloud.RegionWord) *function.Function {
	return handler{
		config: config{Places: alicloud.Places{Regions: regions}, Settings: pricing.Settings{Site: pricing.China}},
		rates:  pricing.Published(), accounts: look, classes: new(quoting.Classes), now: now,
	}.function()
}

// get asks f over HTTP and decodes the answer into out, unless that is nil.
func get(t *testing.T, f http.Handler, target string, out any) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil))
	answer := w.Result()
	if out == nil {
		return answer
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		t.Fatalf("%s: %d: %v", target, answer.StatusCode, err)
	}
	return answer
}
