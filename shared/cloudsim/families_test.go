package cloudsim_test

import (
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// A family is seen by its owner as it was given, by others as the readings say,
// and can be asked for, and run, by the name that is seen.
func TestFamiliesAsTheyAreSeen(t *testing.T) {
	t.Parallel()
	const ubuntu = "ubuntu_22_04_x64_20G_alibase_20260812.vhd"
	for plain, names := range map[bool][3]image.Family{
		false: {"web", "acs:" + image.Family(one) + ":web", "acs:ubuntu_22_04_x64"},
		true:  {"web", "web", ""},
	} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{FamiliesPlain: plain}})
		old := w.add(cloudsim.ImageSpec{SharedWith: []image.AccountID{two}, Image: image.Image{Family: "web", CreatedAt: cloudsim.Epoch().Add(-time.Hour)}})
		w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web"}}) // newer, and the owner's alone
		w.add(cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: ubuntu}, Kind: image.KindPublic}})
		seen := map[image.ID]image.Family{}
		for _, row := range w.list(w.s2, hangzhou) {
			seen[row.ID] = row.Family
		}
		if seen[old] != names[1] || seen[ubuntu] != names[2] || len(seen) != 2 {
			t.Errorf("plain %v: account two sees %v", plain, seen)
		}
		for s, name := range map[*cloudsim.Session]image.Family{w.s: names[0], w.s2: names[1]} {
			page, err := s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, ImageFamily: name})
			row, found, err2 := s.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: hangzhou, ImageFamily: name})
			if err != nil || err2 != nil || page.Total == 0 || !found || row.ID != page.Images[0].ID || row.Family != name {
				t.Errorf("plain %v: %s: %d found, newest %s, %v %v", plain, name, page.Total, row.ID, err, err2)
			}
			_, err = s.RunInstances(cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageFamily: name, InstanceType: "ecs.g7.large", DryRun: true})
			expect(t, err, "DryRunOperation", 400)
		}
		// The owner's own name means nothing to the owner in the others' form.
		_, found, err := w.s.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: hangzhou, ImageFamily: "acs:" + image.Family(one) + ":web"})
		if found || err != nil {
			t.Errorf("plain %v: the owner finds its family by the name of others, %v", plain, err)
		}
	}
}

func TestCopiesAreInNoFamily(t *testing.T) {
	t.Parallel()
	for keeps, want := range map[bool]image.Family{false: "", true: "web"} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{CopyKeepsFamily: keeps}})
		id, err := w.s.CopyImage(cloudsim.CopyImageRequest{
			RegionID: hangzhou, DestinationRegionID: shanghai, ImageID: w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web"}}),
		})
		if row, _ := w.row(shanghai, id); err != nil || row.Family != want {
			t.Errorf("a copy is in the family %q, want %q, %v", row.Family, want, err)
		}
	}
}

// Only a deprecated image is refused: one that is still being made can be
// shared, and its grantee cannot use it before it is Available.
func TestSharingWhatIsStillMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{CopyTime: time.Minute})
	id, err := w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: shanghai, DestinationRegionID: hangzhou, ImageID: w.cloud.AddImage(one, shanghai, cloudsim.ImageSpec{})})
	expect(t, err, "", 0)
	expect(t, w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: hangzhou, ImageID: id, AddAccounts: []image.AccountID{two},
	}), "", 0)
	run := func() error {
		_, err := w.s2.RunInstances(cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: id, InstanceType: "ecs.g7.large", DryRun: true})
		return err
	}
	expect(t, run(), "OperationDenied.ImageNotValid", 403)
	w.clock.Advance(time.Minute)
	expect(t, run(), "DryRunOperation", 400)
}

// The mode that DescribeInstances shows for what runs is taken, and changes
// nothing.
func TestStoppedModeAsItIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for _, mode := range []string{"Not-applicable", ""} {
		id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
		expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id, StoppedMode: mode}), "", 0)
		w.clock.Advance(time.Minute)
		page, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{id}})
		if got := fmt.Sprint(page.Instances[0].Status, page.Instances[0].StoppedMode); err != nil || got != "StoppedKeepCharging" {
			t.Errorf("%q: %s, %v", mode, got, err)
		}
	}
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: "i-1", StoppedMode: "Sometimes"}), "InvalidParameter.StoppedMode", 400)
}
