package ecsapi_test

import (
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

// TestOperator works in the local cloud through the adapter: every parameter that
// it sends is one that the operation has, and what it reads back is what it did.
func TestOperator(t *testing.T) {
	t.Parallel()
	clock := cloudsim.NewClock(cloudsim.Epoch())
	cloud := company.New(cloudsim.Options{Seed: 3, Clock: clock}, company.Options{Images: 60, Instances: 20})
	o := alicloud.Operate(openAdapter(t, cloud, cloudsim.FirstAccount))
	ctx := t.Context()
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		clock.Advance(time.Hour)
	}
	running, err := o.Instances(ctx, region, image.InstanceListing{Status: image.InstanceRunning})
	check("instances", err)
	if len(running) == 0 {
		t.Fatal("nothing runs")
	}
	one := running[0].ID
	disks, err := o.Disks(ctx, region, image.DiskListing{Instance: one, System: image.Yes})
	check("disks", err)
	before, err := o.Before(ctx, region, []image.InstanceID{one})
	check("before", err)
	if len(before) != 1 || before[0].Image != running[0].Image || before[0].Metadata.Endpoint == "" || before[0].LoginAsNonRoot == image.Unknown {
		t.Errorf("before: %+v", before)
	}
	backup, err := o.CreateSnapshot(ctx, region, image.SnapshotRequest{Disk: disks[0].ID, Name: "before", Tags: image.Tags{"imagekeeper:backup": "r"}, Token: "t-1"})
	check("snapshot", err)
	again, err := o.CreateSnapshot(ctx, region, image.SnapshotRequest{Disk: disks[0].ID, Name: "before", Tags: image.Tags{"imagekeeper:backup": "r"}, Token: "t-1"})
	if check("the same snapshot", err); again != backup {
		t.Errorf("the same token made %s and %s", backup, again)
	}
	made, err := o.CreateImage(ctx, region, image.CreateRequest{Name: "made-here", Instance: one, Token: "t-2"})
	check("create", err)
	copied, err := o.CopyImage(ctx, region, image.CopyRequest{Image: made, To: "cn-shanghai", Name: "copied-here", Token: "t-3"})
	check("copy", err)
	family := image.Family("made-family")
	check("attributes", o.ModifyImage(ctx, region, made, image.AttributeChange{Family: &family}))
	check("tag", o.Tag(ctx, region, "image", []string{string(made)}, image.Tags{"imagekeeper:channel": "candidate"}))
	check("untag", o.Untag(ctx, region, "image", []string{string(made)}, []string{"imagekeeper:channel"}))
	check("stop", o.Stop(ctx, region, image.StopRequest{Instance: one, Mode: "KeepCharging"}))
	states, err := o.States(ctx, region, []image.InstanceID{one})
	if check("states", err); len(states) != 1 || states[0].Status != image.InstanceStopped {
		t.Errorf("states: %+v", states)
	}
	disk, err := o.ReplaceSystemDisk(ctx, region, image.ReplaceRequest{Instance: one, Image: made, DiskGiB: disks[0].SizeGiB, Token: "t-4"})
	check("replace", err)
	check("start", o.Start(ctx, region, one))
	after, err := o.Disks(ctx, region, image.DiskListing{Instance: one, System: image.Yes})
	if check("disks after", err); len(after) != 1 || after[0].ID != disk || after[0].Image != made {
		t.Errorf("after: %+v, want disk %s of %s", after, disk, made)
	}
	check("disk attributes", o.ModifyDisk(ctx, region, disk, image.DiskAttributes{Name: "system", DeleteWithInstance: image.Yes}))
	check("metadata", o.ModifyMetadata(ctx, region, one, image.MetadataOptions{Endpoint: "enabled", Tokens: "required"}))
	check("protection", o.Protect(ctx, region, one, false))
	_, err = o.SnapshotPolicies(ctx, region)
	check("policies", err)
	_, err = o.SupportedTypes(ctx, image.Ref{Account: cloudsim.FirstAccount, Region: region, ID: made})
	check("types", err)
	check("delete the copy", o.DeleteImage(ctx, "cn-shanghai", copied))
	check("delete the backup", o.DeleteSnapshot(ctx, region, backup))
	check("terminate", o.Terminate(ctx, region, one))
	check("delete", o.DeleteImage(ctx, region, made))
	if left, err := o.Images(ctx, region, image.Listing{Kind: image.KindCustom, IDs: []image.ID{made}, Statuses: image.Statuses()}); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
