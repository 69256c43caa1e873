package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	flag.Parse()
	os.Exit(m.Run())
}

// now is when all tests take place.
func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

const (
	ours   = cloudsim.FirstAccount
	theirs = cloudsim.SecondAccount
	here   = image.RegionID("cn-hangzhou")
	there  = image.RegionID("cn-shanghai")
)

// world has an image from Red Hat's public one with an instance and a copy in
// another region, one that nobody uses, two that share a chain, one lent.
func world() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())})
	for _, region := range []image.RegionID{here, there} {
		for _, i := range []image.Image{redHat("redhat.vhd"), ubuntu("ubuntu.vhd")} {
			i.Kind = image.KindPublic
			cloud.AddImage(ours, region, cloudsim.ImageSpec{Image: i})
		}
	}
	made := func(account image.AccountID, i image.Image, parent image.ID, disk image.DiskID, with ...image.AccountID) {
		snapshot := cloud.AddSnapshot(account, here, image.Snapshot{
			ID: image.SnapshotID("s-" + i.ID[2:]), SourceDisk: disk, SourceSystemDisk: true, FullSizeBytes: 10 << 30, CreatedAt: i.CreatedAt,
		})
		i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
		cloud.AddImage(account, here, cloudsim.ImageSpec{Image: i, SharedWith: with, Parent: image.Ref{Account: account, Region: here, ID: parent}})
	}
	system := func(account image.AccountID, parent image.ID) image.DiskID {
		return cloud.AddDisk(account, here, image.Disk{Image: parent, System: true, SizeGiB: 40})
	}
	own := redHat("m-own")
	own.Family = "web"
	made(ours, own, "redhat.vhd", system(ours, "redhat.vhd"))
	cloud.AddInstance(ours, here, cloudsim.InstanceSpec{Instance: image.Instance{ID: "i-one", Image: "m-own", Type: "ecs.g7.xlarge"}})
	copied := redHat("m-copy")
	copied.Family, copied.Copied = "web", true
	copied.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.No, SnapshotID: cloud.AddSnapshot(ours, there, image.Snapshot{
		ID: "s-copy", SourceSnapshot: "s-own", SourceRegion: here, SourceSystemDisk: true, FullSizeBytes: 10 << 30, CreatedAt: copied.CreatedAt,
	})}}
	cloud.AddImage(ours, there, cloudsim.ImageSpec{Image: copied, Parent: image.Ref{Account: ours, Region: here, ID: "m-own"}})
	made(ours, ubuntu("m-idle"), "ubuntu.vhd", system(ours, "ubuntu.vhd"))
	made(ours, ubuntu("m-twin-a"), "ubuntu.vhd", "d-twin")
	made(ours, ubuntu("m-twin-b"), "ubuntu.vhd", "d-twin")
	made(theirs, redHat("m-lent"), "redhat.vhd", system(theirs, "redhat.vhd"), ours)
	return cloud
}

func ubuntu(id image.ID) image.Image {
	return image.Image{
		Ref: image.Ref{ID: id}, Name: string(id), OSType: image.Linux, Platform: "Ubuntu", OSName: "Ubuntu  22.04 64 bit",
		Architecture: image.X86_64, BootMode: image.UEFIPreferred, SizeGiB: 40, CreatedAt: time.Date(2026, 1, 10, 8, 0, 0, 0, time.UTC),
	}
}

func redHat(id image.ID) image.Image {
	i := ubuntu(id)
	i.Platform, i.OSName = "RedHat", "Red Hat Enterprise Linux  9.6 64 bit"
	return i
}

// account is what price reads of one account.
type account = survey.Reader

// pricerOf is price over both accounts of a cloud.
func pricerOf(cloud *cloudsim.Cloud, change func(account) account) *function.Function {
	return over(cloud, change).function()
}

// over is what pricerOf is made of.
func over(cloud *cloudsim.Cloud, change func(account) account) handler {
	return handler{
		config: config{Places: alicloud.Places{Regions: []alicloud.RegionWord{"cn-hangzhou", "cn-shanghai"}}, Settings: pricing.Settings{Site: pricing.China}},
		rates:  pricing.Published(), now: now,
		recent: survey.NewRecent(), sites: pricing.NewSites(),
		accounts: func(function.Call) []survey.Account {
			return []survey.Account{{Reader: change(cloud.View(ours))}, {Reader: cloud.View(theirs), ID: theirs, Role: "acs:ram::" + string(theirs) + ":role/reader"}}
		},
	}
}

func same(a account) account { return a }

// ask asks over HTTP; a body makes it a POST.
func ask(f http.Handler, target, body string) (int, string) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// golden compares an answer with testdata/<case>.json.
func golden(t *testing.T, name, answer string) {
	t.Helper()
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(answer), "", "  "); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	text.WriteByte('\n')
	path := filepath.Join("testdata", name+".json")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text.Bytes(), want) {
		t.Errorf("the answer differs from %s (refresh with -update):\n%s", path, text.String())
	}
}

// ill is an account of which some calls fail.
type ill struct {
	account
	prices, snapshots, chains, disks, types error
}

func (i ill) Price(ctx context.Context, r image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	if i.prices != nil {
		return image.PriceAnswer{}, i.prices
	}
	return i.account.Price(ctx, r, q)
}

func (i ill) Snapshots(ctx context.Context, r image.RegionID, l image.SnapshotListing) ([]image.Snapshot, error) {
	if i.snapshots != nil {
		return nil, i.snapshots
	}
	return i.account.Snapshots(ctx, r, l)
}

func (i ill) SnapshotChains(ctx context.Context, r image.RegionID) ([]image.Chain, error) {
	if i.chains != nil {
		return nil, i.chains
	}
	return i.account.SnapshotChains(ctx, r)
}

func (i ill) Disks(ctx context.Context, r image.RegionID, l image.DiskListing) ([]image.Disk, error) {
	if i.disks != nil {
		return nil, i.disks
	}
	return i.account.Disks(ctx, r, l)
}

func (i ill) InstanceTypes(ctx context.Context, r image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	if i.types != nil {
		return nil, i.types
	}
	return i.account.InstanceTypes(ctx, r, ids)
}

// dollars is an account of the international site.
type dollars struct{ account }

func (d dollars) Price(ctx context.Context, r image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	a, err := d.account.Price(ctx, r, q)
	in := func(m money.Amount) money.Amount { return money.New(m.Rat(), money.USD) }
	a.Currency, a.Original, a.Trade = money.USD, in(a.Original), in(a.Trade)
	for n := range a.Rows {
		a.Rows[n].Original, a.Rows[n].Trade = in(a.Rows[n].Original), in(a.Rows[n].Trade)
	}
	return a, err
}

// blind is an account whose snapshots, chains and disks look as if there were
// none.
type blind struct{ account }

func (blind) Snapshots(context.Context, image.RegionID, image.SnapshotListing) ([]image.Snapshot, error) {
	return nil, nil
}

func (blind) SnapshotChains(context.Context, image.RegionID) ([]image.Chain, error) { return nil, nil }

func (blind) Disks(context.Context, image.RegionID, image.DiskListing) ([]image.Disk, error) {
	return nil, nil
}

func denied(code string) error { return fault.New(fault.Forbidden, "not allowed").WithCode(code) }
