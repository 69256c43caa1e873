package cloudsimtest

import (
	"context"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// failureCases are about the kinds in which reading fails.
func failureCases() map[string]func(*world) {
	return map[string]func(*world){
		"an unknown region is not found":            unknownRegion,
		"what may not be read is forbidden":         deniedReads,
		"instances that may not be read are none":   deniedInstances,
		"a listing that cannot be right is invalid": badListings,
		"a call that was given up is unavailable":   givenUp,
	}
}

// reads are all calls that are made to one region.
func reads(ctx context.Context, s Subject, region image.RegionID) map[string]error {
	calls := map[string]error{}
	_, calls["Images"] = s.Images(ctx, region, image.Listing{})
	_, calls["InstanceTypes"] = s.InstanceTypes(ctx, region, nil)
	_, calls["Grants"] = s.Grants(ctx, region, "m-1")
	_, calls["Instances"] = s.Instances(ctx, region, image.InstanceListing{})
	_, calls["Disks"] = s.Disks(ctx, region, image.DiskListing{})
	_, calls["Snapshots"] = s.Snapshots(ctx, region, image.SnapshotListing{})
	return calls
}

func unknownRegion(w *world) {
	for name, err := range reads(w.ctx(), w.subject, "cn-nowhere") {
		expectKind(w, name, err, fault.NotFound)
	}
}

func deniedReads(w *world) {
	w.add(image.Image{Ref: image.Ref{ID: "m-1"}})
	if err := w.cloud.AllowOnly("local", []string{"ecs:TagResources"}); err != nil {
		w.Fatal(err)
	}
	for name, err := range reads(w.ctx(), w.subject, region) {
		expectKind(w, name, err, fault.Forbidden)
	}
	_, err := w.subject.Regions(w.ctx())
	expectKind(w, "Regions", err, fault.Forbidden)
	if fault.Code(err) != "Forbidden.RAM" {
		w.Errorf("code %q", fault.Code(err))
	}
}

func deniedInstances(w *world) {
	w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{})
	if err := w.cloud.AllowOnly("local", []string{"ecs:DescribeImages"}); err != nil {
		w.Fatal(err)
	}
	_, err := w.subject.Instances(w.ctx(), region, image.InstanceListing{})
	expectKind(w, "instances", err, fault.Forbidden)
	w.cloud.SetReadings(cloudsim.Readings{DeniedListsEmpty: true})
	list, err := w.subject.Instances(w.ctx(), region, image.InstanceListing{})
	if err != nil || len(list) != 0 {
		w.Errorf("%d instances, %v; want none, without a failure", len(list), err)
	}
	disks, err := w.subject.Disks(w.ctx(), region, image.DiskListing{})
	if err != nil || len(disks) != 0 {
		w.Errorf("%d disks, %v; want none, without a failure", len(disks), err)
	}
	if _, err := w.subject.Images(w.ctx(), region, image.Listing{}); err != nil {
		w.Errorf("images are allowed, but: %v", err)
	}
}

func badListings(w *world) {
	for name, l := range map[string]image.Listing{
		"owner without shared or community": {Owner: two},
		"unknown instance type":             {InstanceType: "ecs.none.large"},
		"unknown operating system":          {OSType: "beos"},
		"unknown architecture":              {Architecture: "mips"},
		"unknown usage":                     {Usage: "sometimes"},
		"unknown status":                    {Statuses: []image.Status{"Lost"}},
	} {
		_, err := w.subject.Images(w.ctx(), region, l)
		expectKind(w, name, err, fault.Invalid)
	}
}

func givenUp(w *world) {
	ctx, cancel := context.WithCancel(w.ctx())
	cancel()
	for name, err := range reads(ctx, w.subject, region) {
		expectKind(w, name, err, fault.Unavailable)
	}
}
