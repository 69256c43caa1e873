package alicloud_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// tokenPage is one page of a token listing: rows of ids from to, and the token
// that follows.
func tokenPage(outer, inner, id string, from, to int, next string) string {
	var list []string
	for n := from; n < to; n++ {
		list = append(list, fmt.Sprintf(`{%q:"x-%06d","RegionId":%q}`, id, n, region))
	}
	return fmt.Sprintf(`{"RequestId":"r","TotalCount":0,%s%q:{%q:[%s]}}`, next, outer, inner, strings.Join(list, ","))
}

// instancesPage is tokenPage of instances.
func instancesPage(from, to int, next string) string {
	return tokenPage("Instances", "Instance", "InstanceId", from, to, next)
}

func TestTokensAreFollowedToTheEmptyOne(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action != "DescribeInstances" {
			return answered{}
		}
		switch q.Get("NextToken") + "/" + q.Get("MaxResults") {
		case "/100":
			return ok(instancesPage(0, 100, `"NextToken":"a",`))
		case "a/100":
			return ok(instancesPage(100, 130, `"NextToken":"b",`)) // a short page in the middle
		case "b/100":
			return ok(instancesPage(130, 140, `"NextToken":"",`))
		}
		return refused(400, "InvalidParameter", q)
	})
	got, err := reader(t, w).Instances(t.Context(), region, image.InstanceListing{})
	if err != nil || len(got) != 140 {
		t.Fatalf("%d instances, %v; want 140", len(got), err)
	}
	for n, i := range got {
		if i.ID != image.InstanceID(fmt.Sprintf("x-%06d", n)) || i.Account != account || i.Region != region {
			t.Fatalf("instance %d is %+v", n, i)
		}
	}
}

// TestTokenPagesThatAreNoAnswer and those that are in spite of a missing token.
func TestTokenPagesThatAreNoAnswer(t *testing.T) {
	t.Parallel()
	last := `"NextToken":"",`
	for _, c := range []struct {
		name  string
		pages []string // the last one comes again and again
		want  int      // -1: unknown
	}{
		{"the same token again", []string{instancesPage(0, 9, `"NextToken":"a",`), instancesPage(9, 12, `"NextToken":"a",`)}, -1},
		{"the same rows again", []string{instancesPage(0, 9, `"NextToken":"a",`), instancesPage(0, 9, last)}, -1},
		{"a full page without a token", []string{instancesPage(0, 100, "")}, -1},
		{"a part page without a token", []string{instancesPage(0, 7, "")}, 7},
		{"a full page without a token, and counted", []string{strings.Replace(instancesPage(0, 100, ""), `"TotalCount":0`, `"TotalCount":100`, 1)}, 100},
		{"fewer than are counted", []string{strings.Replace(instancesPage(0, 7, last), `"TotalCount":0`, `"TotalCount":14`, 1)}, -1},
		{"fewer than were counted before", []string{
			strings.Replace(instancesPage(0, 100, `"NextToken":"a",`), `"TotalCount":0`, `"TotalCount":376`, 1), instancesPage(0, 0, last),
		}, -1},
		{"a null token", []string{instancesPage(0, 100, `"NextToken":null,`)}, 100},
		{"none at all", []string{instancesPage(0, 0, last)}, 0},
		{"empty", []string{""}, -1},
		{"null", []string{"null"}, -1},
		{"null list", []string{`{"RequestId":"r","NextToken":"","Instances":null}`}, -1},
		{"no list", []string{`{"RequestId":"r","NextToken":""}`}, -1},
		{"truncated", []string{instancesPage(0, 9, last)[:90]}, -1},
		{"more rows than asked for", []string{instancesPage(0, 101, last)}, -1},
		{"another region", []string{strings.ReplaceAll(instancesPage(0, 9, last), region, "cn-beijing")}, -1},
		{"an error that says it is fine", []string{`{"RequestId":"r","Code":"Throttling","Message":""}`}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, n int, q url.Values) answered {
				if action != "DescribeInstances" {
					return answered{}
				}
				if q.Get("NextToken") == "" {
					n = 1
				}
				return ok(c.pages[min(n, len(c.pages))-1])
			})
			got, err := reader(t, w).Instances(t.Context(), region, image.InstanceListing{})
			switch {
			case c.want < 0 && (fault.Of(err) != fault.Unknown || got != nil):
				t.Errorf("%d instances, %v; want kind %s", len(got), err, fault.Unknown)
			case c.want >= 0 && (err != nil || len(got) != c.want):
				t.Errorf("%d instances, %v; want %d", len(got), err, c.want)
			}
		})
	}
}

// TestServersAreReadWholeFromTheWire: every field of instances, disks,
// snapshots and instance types, with what was asked.
func TestServersAreReadWholeFromTheWire(t *testing.T) {
	t.Parallel()
	want := map[string]url.Values{
		"DescribeInstances":     {"InstanceIds": {`["i-1"]`}, "ImageId": {"m-1"}, "Status": {"Stopped"}, "MaxResults": {"100"}},
		"DescribeDisks":         {"DiskIds": {`["d-1"]`}, "InstanceId": {"i-1"}, "DiskType": {"system"}, "SnapshotId": {"s-0"}, "MaxResults": {"500"}},
		"DescribeSnapshots":     {"SnapshotIds": {`["s-1"]`}, "DiskId": {"d-1"}, "Status": {"accomplished"}, "MaxResults": {"100"}},
		"DescribeInstanceTypes": {"InstanceTypes.1": {"ecs.g8y.large"}, "MaxResults": {"100"}},
	}
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		for name, value := range want[action] {
			if q.Get(name) != value[0] {
				t.Errorf("%s: %s=%q, want %q", action, name, q.Get(name), value[0])
			}
		}
		return map[string]answered{
			"DescribeInstances": ok(`{"RequestId":"r","NextToken":"","Instances":{"Instance":[{"RegionId":"cn-hangzhou","ZoneId":"cn-hangzhou-h",
				"InstanceId":"i-1","InstanceName":"web","ImageId":"m-1","InstanceType":"ecs.g7.large","Status":"Stopped","OSType":"linux",
				"OSName":"CentOS 64位","OSNameEn":"CentOS 64 bit","Cpu":2,"Memory":8192,"CreationTime":"2024-05-06T07:08Z",
				"InstanceChargeType":"PostPaid","SpotStrategy":"NoSpot","StoppedMode":"KeepCharging",
				"OperationLocks":{"LockReason":[{"LockReason":"security","LockMsg":"m"}]},"Tags":{"Tag":[{"TagKey":"a","TagValue":""}]}}]}}`),
			"DescribeDisks": ok(`{"RequestId":"r","NextToken":"","Disks":{"Disk":[{"RegionId":"cn-hangzhou","ZoneId":"z","DiskId":"d-1","DiskName":"n",
				"Type":"system","Size":40,"Category":"cloud_essd","Status":"In_use","ImageId":"m-1","InstanceId":"i-1","SourceSnapshotId":"s-0",
				"ProductCode":"p","Encrypted":true,"CreationTime":"2024-05-06T07:08:09Z"}]}}`),
			"DescribeSnapshots": ok(`{"RequestId":"r","NextToken":"","Snapshots":{"Snapshot":[{"RegionId":"cn-hangzhou","SnapshotId":"s-1","SnapshotName":"n",
				"Status":"accomplished","SourceDiskId":"d-1","SourceDiskType":"System","SourceDiskSize":"40","SourceSnapshotId":"s-0","SourceRegionId":"cn-beijing",
				"ProductCode":"p","Usage":"image","Category":"standard","Encrypted":false,"SnapshotLinkId":"sl-1","FullSnapshotSizeInBytes":4096,
				"CreationTime":"2024-05-06T07:08:09Z"}]}}`),
			"DescribeInstanceTypes": ok(`{"RequestId":"r","NextToken":"","InstanceTypes":{"InstanceType":[{"InstanceTypeId":"ecs.g8y.large","InstanceTypeFamily":"ecs.g8y",
				"CpuCoreCount":2,"MemorySize":8.0,"CpuArchitecture":"ARM","NvmeSupport":"required","SecurityOptions":{"SecureBootSupport":"supported"},"SupportedBootModes":{"SupportedBootMode":["UEFI"]}}]}}`),
		}[action]
	})
	a := reader(t, w)
	instances, err1 := a.Instances(t.Context(), region, image.InstanceListing{IDs: []image.InstanceID{"i-1"}, Image: "m-1", Status: image.InstanceStopped})
	disks, err2 := a.Disks(t.Context(), region, image.DiskListing{IDs: []image.DiskID{"d-1"}, Instance: "i-1", System: image.Yes, Snapshot: "s-0"})
	snapshots, err3 := a.Snapshots(t.Context(), region, image.SnapshotListing{IDs: []image.SnapshotID{"s-1"}, Disk: "d-1", Status: "accomplished"})
	types, err4 := a.InstanceTypes(t.Context(), region, []image.InstanceTypeID{"ecs.g8y.large"})
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, d := range []string{
		cmp.Diff([]error{nil, nil, nil, nil}, []error{err1, err2, err3, err4}),
		cmp.Diff([]image.Instance{{
			Account: account, Region: region, Zone: "cn-hangzhou-h", ID: "i-1", Name: "web", Image: "m-1", Type: "ecs.g7.large",
			Status: image.InstanceStopped, OSType: image.Linux, OSName: "CentOS 64 bit", VCPUs: 2, MemoryMiB: 8192, CreatedAt: at.Truncate(time.Minute),
			ChargeType: "PostPaid", SpotStrategy: "NoSpot", StoppedMode: "KeepCharging", Locks: []string{"security"}, Tags: image.Tags{"a": ""},
		}}, instances),
		cmp.Diff([]image.Disk{{
			Account: account, Region: region, Zone: "z", ID: "d-1", Name: "n", System: true, SizeGiB: 40, Category: "cloud_essd",
			Status: "In_use", Image: "m-1", Instance: "i-1", SourceSnapshot: "s-0", ProductCode: "p", Encrypted: image.Yes, CreatedAt: at,
		}}, disks),
		cmp.Diff([]image.Snapshot{{
			Account: account, Region: region, ID: "s-1", Name: "n", Status: "accomplished", SourceDisk: "d-1", SourceSystemDisk: true,
			SourceDiskSizeGiB: 40, SourceSnapshot: "s-0", SourceRegion: "cn-beijing", ProductCode: "p", Usage: "image", Category: "standard",
			Encrypted: image.No, LinkID: "sl-1", FullSizeBytes: 4096, CreatedAt: at,
		}}, snapshots),
		cmp.Diff([]image.InstanceType{{
			ID: "ecs.g8y.large", FamilyName: "ecs.g8y", VCPUs: 2, MemoryGiB: 8, Architecture: image.ARM64,
			BootModes: []image.BootMode{image.UEFI}, NVMe: "required", SecureBoot: image.Yes,
		}}, types),
	} {
		if d != "" {
			t.Error(d)
		}
	}
}

// TestInstanceTypesAreAskedForInTens and come in the order they were asked for.
func TestInstanceTypesAreAskedForInTens(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action != "DescribeInstanceTypes" {
			return answered{}
		}
		if q.Has("InstanceTypes.11") {
			return refused(400, "InvalidParameter", q)
		}
		var list []string
		for n := 10; n > 0; n-- {
			if id := q.Get(fmt.Sprintf("InstanceTypes.%d", n)); id != "" && id != "ecs.none" {
				list = append(list, fmt.Sprintf(`{"InstanceTypeId":%q}`, id))
			}
		}
		return ok(`{"RequestId":"r","NextToken":"","InstanceTypes":{"InstanceType":[` + strings.Join(list, ",") + `]}}`)
	})
	ids := []image.InstanceTypeID{"ecs.none", "ecs.none"}
	var want []image.InstanceTypeID
	for n := range 21 {
		id := image.InstanceTypeID(fmt.Sprintf("ecs.t%d", n))
		ids, want = append(ids, id), append(want, id)
	}
	found, err := reader(t, w).InstanceTypes(t.Context(), region, ids)
	var got []image.InstanceTypeID
	for _, f := range found {
		got = append(got, f.ID)
	}
	if d := cmp.Diff(want, got); err != nil || d != "" || w.count("DescribeInstanceTypes") != 3 {
		t.Errorf("%v, %d calls, %s", err, w.count("DescribeInstanceTypes"), d)
	}
}

// TestServersThatWereNotAskedFor are no answer.
func TestServersThatWereNotAskedFor(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"DescribeInstances":     instancesPage(1, 2, `"NextToken":"",`),
		"DescribeDisks":         tokenPage("Disks", "Disk", "DiskId", 1, 2, `"NextToken":"",`),
		"DescribeSnapshots":     tokenPage("Snapshots", "Snapshot", "SnapshotId", 1, 2, `"NextToken":"",`),
		"DescribeInstanceTypes": tokenPage("InstanceTypes", "InstanceType", "InstanceTypeId", 1, 2, `"NextToken":"",`),
	}
	w := newWire(t, func(action string, _ int, _ url.Values) answered {
		if page, listed := pages[action]; listed {
			return ok(page)
		}
		return answered{}
	})
	a, ctx := reader(t, w), t.Context()
	for name, read := range map[string]func() error{
		"instances of other ids": func() error {
			_, err := a.Instances(ctx, region, image.InstanceListing{IDs: []image.InstanceID{"i-1"}})
			return err
		},
		"instances of other images": func() error { _, err := a.Instances(ctx, region, image.InstanceListing{Image: "m-1"}); return err },
		"disks of other ids": func() error {
			_, err := a.Disks(ctx, region, image.DiskListing{IDs: []image.DiskID{"d-1"}})
			return err
		},
		"data disks for system": func() error { _, err := a.Disks(ctx, region, image.DiskListing{System: image.Yes}); return err },
		"snapshots of other ids": func() error {
			_, err := a.Snapshots(ctx, region, image.SnapshotListing{IDs: []image.SnapshotID{"s-1"}})
			return err
		},
		"snapshots of other disks": func() error { _, err := a.Snapshots(ctx, region, image.SnapshotListing{Disk: "d-1"}); return err },
		"other types": func() error {
			_, err := a.InstanceTypes(ctx, region, []image.InstanceTypeID{"ecs.g7.large"})
			return err
		},
	} {
		if err := read(); fault.Of(err) != fault.Unknown {
			t.Errorf("%s: got %v, want kind %s", name, err, fault.Unknown)
		}
	}
}

// TestWhatIsNeverEmpty: regions, and all instance types of one; named types may
// be absent.
func TestWhatIsNeverEmpty(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, _ url.Values) answered {
		switch action {
		case "DescribeRegions":
			return ok(`{"RequestId":"r","Regions":{"Region":[]}}`)
		case "DescribeInstanceTypes":
			return ok(`{"RequestId":"r","NextToken":"","InstanceTypes":{"InstanceType":[]}}`)
		}
		return answered{}
	})
	a := reader(t, w)
	if got, err := a.Regions(t.Context()); fault.Of(err) != fault.Unknown {
		t.Errorf("%d regions, %v; want kind %s", len(got), err, fault.Unknown)
	}
	if got, err := a.InstanceTypes(t.Context(), region, nil); fault.Of(err) != fault.Unknown {
		t.Errorf("%d types, %v; want kind %s", len(got), err, fault.Unknown)
	}
	if got, err := a.InstanceTypes(t.Context(), region, []image.InstanceTypeID{"ecs.none"}); err != nil || len(got) != 0 {
		t.Errorf("%d types, %v; want none", len(got), err)
	}
}
