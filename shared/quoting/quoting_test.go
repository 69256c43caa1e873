package quoting_test

import (
	"context"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/survey"
)

const (
	ours = cloudsim.FirstAccount
	here = image.RegionID("cn-hangzhou")
)

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// world has Red Hat's public image, one of ours made from it, and an instance of that.
func world() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())})
	like := image.Image{
		Ref: image.Ref{ID: "redhat.vhd"}, Kind: image.KindPublic, OSType: image.Linux, Platform: "RedHat", OSName: "Red Hat Enterprise Linux  9.6 64 bit",
		Architecture: image.X86_64, SizeGiB: 40, CreatedAt: now().AddDate(0, -2, 0),
	}
	cloud.AddImage(ours, here, cloudsim.ImageSpec{Image: like})
	snapshot := cloud.AddSnapshot(ours, here, image.Snapshot{
		SourceDisk: cloud.AddDisk(ours, here, image.Disk{Image: like.ID, System: true, SizeGiB: 40}), SourceSystemDisk: true, FullSizeBytes: 10 << 30,
	})
	like.ID, like.Kind = "m-own", image.KindCustom
	like.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
	cloud.AddImage(ours, here, cloudsim.ImageSpec{Image: like, Parent: image.Ref{Account: ours, Region: here, ID: "redhat.vhd"}})
	cloud.AddInstance(ours, here, cloudsim.InstanceSpec{Instance: image.Instance{ID: "i-own", Image: "m-own", Type: "ecs.g7.xlarge"}})
	return cloud
}

// looking is our account in one region of a cloud.
func looking(t *testing.T, cloud *cloudsim.Cloud) *survey.Survey {
	t.Helper()
	s, err := survey.Open(context.Background(), []survey.Account{{Reader: cloud.View(ours)}}, survey.Scope{Regions: []image.RegionID{here}, Home: here, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func prices() quoting.Prices {
	return quoting.Prices{Rates: pricing.Published(), Site: pricing.China, Sites: pricing.NewSites(), Now: now}
}

// TestOneImageThreeWays: a quote, the report of a month and the licence of who runs
// it say the same of an image.
func TestOneImageThreeWays(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), looking(t, world())
	asked := pricing.Asking{ImageID: "m-own"}
	asked.InstanceType = "ecs.g7.xlarge"
	p, err := prices().Pricer(ctx, s, here, nil, asked.IDs())
	if err != nil {
		t.Fatal(err)
	}
	quote, err := p.Quote(ctx, asked)
	if err != nil || quote.Rule.Code != pricing.CustomFromPaid || quote.SiteBy == "" || quote.Instance.VCPUs != 4 {
		t.Errorf("%+v, %v", quote, err)
	}
	month, _, err := prices().Month(ctx, s, pricing.Only{})
	if err != nil || len(month.Rows) != 1 || month.Rows[0].Running != 1 || month.Rows[0].Licence.Amount.Exact() != "299.808" {
		t.Errorf("%+v, %v", month.Rows, err)
	}
	held := quoting.Held(ctx, s)
	licences := prices().Licences(ctx, s, []pricing.Subject{{Image: held[0].Image, Account: ours, Instance: pricing.InstanceOf("ecs.g7.xlarge", 4)}})
	if told := quoting.NewLicence(licences.Of[0]); told.Amount == nil || told.Amount.Exact() != "0.4164" || told.Columns()[2] != string(pricing.CustomFromPaid) {
		t.Errorf("%+v", told)
	}
}

// TestWhatCannotBeQuoted: by its kind, and with the field.
func TestWhatCannotBeQuoted(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), looking(t, world())
	if _, err := prices().Pricer(ctx, s, here, []image.RegionID{"cn-beijing"}, nil); fault.Of(err) != fault.Invalid || fault.Code(err) != survey.CodeUnknownRegion {
		t.Errorf("a region that is not looked at: %v", err)
	}
	p, err := prices().Pricer(ctx, s, here, nil, []image.ID{"m-none"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Quote(ctx, pricing.Asking{ImageID: "m-none"}); fault.Of(err) != fault.NotFound {
		t.Errorf("no such image: %v", err)
	}
	cloud := world()
	if err := cloud.AllowOnly("local", []string{"ecs:DescribeRegions"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := prices().Month(ctx, looking(t, cloud), pricing.Only{}); fault.Of(err) != fault.Unknown || fault.Code(err) != survey.CodeUnread {
		t.Errorf("nothing may be read: %v", err)
	}
	if told := (*quoting.Licence)(nil).Columns(); told[0] != "" {
		t.Errorf("a licence that was not asked about: %v", told)
	}
}
