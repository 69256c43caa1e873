package cloudsim_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// TestOldContentComesBack: a system disk is replaced, and the backup that was taken
// before brings its content back, also in another replacement.
func TestOldContentComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	golden := w.add(cloudsim.ImageSpec{})
	bad := w.add(cloudsim.ImageSpec{})
	id := w.stopped(golden)
	first := w.disks(id)[0].ID
	backup, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: first})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	replace := func(with image.ID) image.DiskID {
		t.Helper()
		disk, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: with})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		return disk
	}
	second := replace(bad)
	if written := w.cloud.WrittenOn(hangzhou, second); slices.Contains(written, first) || !slices.Contains(written, second) {
		t.Errorf("after the replacement: written on %v", written)
	}
	undo, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, SnapshotID: backup, ImageName: "undo-1"})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	expect(t, w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: backup}), "SnapshotCreatedImage", 403)
	third := replace(undo)
	if written := w.cloud.WrittenOn(hangzhou, third); !slices.Contains(written, first) || written[len(written)-1] != third {
		t.Errorf("after the undo: written on %v", written)
	}
	if again := w.cloud.WrittenOn(hangzhou, replace(golden)); slices.Contains(again, first) {
		t.Errorf("fresh from the golden image: written on %v", again)
	}
	if w.cloud.WrittenOn(hangzhou, "d-none") != nil {
		t.Error("a disk that is not there was written on")
	}
}

// TestWhatAReplacementLoses: the disk's name, description, tags, policies and what
// goes with it; encryption and key pair are what was asked for.
func TestWhatAReplacementLoses(t *testing.T) {
	t.Parallel()
	for keeps, want := range map[bool]string{false: " true false", true: "system false true"} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{ReplaceKeepsDiskSettings: keeps}})
		img := w.add(cloudsim.ImageSpec{})
		id := w.stopped(img)
		w.cloud.AddKeyPair(one, hangzhou, "golden")
		old := w.disks(id)[0]
		policy := w.cloud.AddSnapshotPolicy(one, hangzhou, cloudsim.SnapshotPolicyRow{})
		name, text := "system", "of web"
		auto := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: old.ID, Name: "auto-1"})
		if err := errors.Join(
			w.s.ModifyDiskAttribute(cloudsim.ModifyDiskAttributeRequest{
				DiskID: old.ID, Name: &name, Description: &text, DeleteWithInstance: image.No, DeleteAutoSnapshot: image.Yes,
			}),
			w.s.ApplyAutoSnapshotPolicy(cloudsim.SnapshotPolicyRequest{RegionID: hangzhou, Policy: policy, Disks: []image.DiskID{old.ID}}),
			w.s.TagResources(cloudsim.TagResourcesRequest{RegionID: hangzhou, ResourceType: "disk", ResourceIDs: []string{string(old.ID)}, Tags: []cloudsim.Tag{{Key: "a", Value: "b"}}}),
		); err != nil {
			t.Fatal(err)
		}
		if was := w.disks(id)[0]; was.Name != name || was.Description != text || was.DeleteWithInstance || !slices.Equal(was.Policies, []string{policy}) {
			t.Errorf("before: %+v", was)
		}
		req := cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img, Encrypted: image.Yes, KMSKeyID: "key-1", KeyPair: "golden"}
		if _, err := w.s.ReplaceSystemDisk(req); err != nil {
			t.Fatal(err)
		}
		now := w.disks(id)[0]
		if got := fmt.Sprint(now.Name, " ", now.DeleteWithInstance, " ", now.DeleteAutoSnapshot); got != want {
			t.Errorf("keeps %v: %q, want %q", keeps, got, want)
		}
		if len(now.Tags) != 0 || len(now.Policies) != 0 || now.Encrypted != image.Yes || now.KMSKeyID != "key-1" || now.Status != "Creating" || w.instance(id).KeyPair != "golden" {
			t.Errorf("after: %+v", now)
		}
		if s := w.snapshot(auto); s.ID != "" {
			t.Errorf("its automatic snapshot stayed: %+v", s)
		}
		w.clock.Advance(time.Minute)
		if _, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img}); err != nil {
			t.Fatal(err)
		}
		if plain := w.disks(id)[0]; plain.Encrypted != image.No || plain.KMSKeyID != "" || w.instance(id).KeyPair != "" {
			t.Errorf("what was not asked for: %+v", plain)
		}
	}
}

func TestReplacementsThatTheInstanceRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	for name, c := range map[string]struct {
		prepare func(image.InstanceID)
		code    string
		status  int
	}{
		"recycling":    {func(id image.InstanceID) { w.cloud.LockInstance(hangzhou, id, "recycling") }, "IncorrectInstanceStatus", 403},
		"refunded":     {func(id image.InstanceID) { w.cloud.LockInstance(hangzhou, id, "refunded") }, "IncorrectInstanceStatus", 403},
		"financial":    {func(id image.InstanceID) { w.cloud.LockInstance(hangzhou, id, "dedicatedhostfinancial") }, "InstanceExpiredOrInArrears", 403},
		"unpaid order": {func(id image.InstanceID) { w.set(id, func(d *cloudsim.InstanceDetails) { d.UnpaidOrder = true }) }, "OperationDenied.UnpaidOrder", 403},
		"hibernated":   {func(id image.InstanceID) { w.set(id, func(d *cloudsim.InstanceDetails) { d.Hibernated = true }) }, "HibernationConfigured.InstanceOperationForbidden", 403},
		"being changed": {func(id image.InstanceID) {
			_, _ = w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img})
		}, "IncorrectDiskStatus", 403},
	} {
		id := w.stopped(img)
		c.prepare(id)
		_, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img})
		if err == nil {
			t.Errorf("%s: replaced", name)
			continue
		}
		expect(t, err, c.code, c.status)
	}
	id := w.stopped(img)
	_, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img, KeyPair: "nobody-knows"})
	expect(t, err, "InvalidKeyPairName.NotFound", 400)
	w.set(id, func(d *cloudsim.InstanceDetails) { d.SecureBoot = true })
	unsigned := w.add(cloudsim.ImageSpec{Image: image.Image{SecureBoot: image.No}})
	_, err = w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: unsigned})
	expect(t, err, "InvalidParameter.Conflict", 400)
	w.set(id, func(d *cloudsim.InstanceDetails) { d.SecureBoot = false })
	w.cloud.EncryptByDefault(one, hangzhou, "key-1")
	_, err = w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img})
	expect(t, err, "InvalidEncrypted.NotMatchDiskDefaultEncryption", 403)
	w.cloud.SetReadings(cloudsim.Readings{DefaultEncryptionFills: true})
	if _, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: img}); err != nil || w.disks(id)[0].KMSKeyID != "key-1" {
		t.Errorf("filled in: %+v, %v", w.disks(id)[0], err)
	}
	if on, key, err := w.s.DiskEncryptionByDefault("DescribeDiskDefaultKMSKeyId", hangzhou); !on || key != "key-1" || err != nil {
		t.Errorf("%v, %s, %v", on, key, err)
	}
}

// set changes what an instance is set up with.
func (w *world) set(id image.InstanceID, edit func(*cloudsim.InstanceDetails)) {
	w.Helper()
	if !w.cloud.SetInstance(hangzhou, id, edit) {
		w.Fatalf("there is no %s", id)
	}
}

func TestKeyPairs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	create := func(name string) error {
		return second(w.s.CreateKeyPair(cloudsim.CreateKeyPairRequest{RegionID: hangzhou, Name: name}))
	}
	expect(t, create("golden"), "", 0)
	expect(t, create("golden"), "KeyPair.AlreadyExist", 400)
	expect(t, create("1"), "InvalidKeyPairName.Malformed", 400)
	expect(t, create(""), "MissingParameter", 400)
	expect(t, second(w.s.ImportKeyPair(cloudsim.CreateKeyPairRequest{RegionID: hangzhou, Name: "mine", PublicKey: "no key"})), "InvalidPublicKeyBody.Malformed", 400)
	linux := w.stopped(w.add(cloudsim.ImageSpec{}))
	windows := w.stopped(w.add(cloudsim.ImageSpec{Image: image.Image{OSType: image.Windows}}))
	outcomes, err := w.s.AttachKeyPair(cloudsim.AttachKeyPairRequest{RegionID: hangzhou, Name: "golden", InstanceIDs: []image.InstanceID{linux, windows, "i-none"}})
	if err != nil || outcomes[0].Refused != nil || outcomes[1].Refused.Code != "DependencyViolation.WindowsInstance" || outcomes[2].Refused.Code != "InvalidInstanceId.NotFound" {
		t.Fatalf("%+v, %v", outcomes, err)
	}
	if got := w.instance(linux).KeyPair; got != "golden" {
		t.Errorf("it has %q", got)
	}
	expect(t, w.s.DeleteKeyPairs(hangzhou, []string{"golden"}), "InvalidParameter.KeypairAlreadyAttachedInstance", 400)
	expect(t, second(w.s.AttachKeyPair(cloudsim.AttachKeyPairRequest{RegionID: hangzhou, Name: "other", InstanceIDs: []image.InstanceID{linux}})), "InvalidKeyPairName.NotFound", 400)
	if _, err := w.s.DetachKeyPair(cloudsim.AttachKeyPairRequest{RegionID: hangzhou, Name: "golden", InstanceIDs: []image.InstanceID{linux}}); err != nil {
		t.Error(err)
	}
	expect(t, w.s.DeleteKeyPairs(hangzhou, []string{"golden", "never"}), "", 0)
	page, err := w.s.DescribeKeyPairs(cloudsim.DescribeKeyPairsRequest{RegionID: hangzhou})
	if err != nil || page.Total != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestSnapshotPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	disk := w.disks(w.stopped(""))[0].ID
	apply := func(policy string) error {
		return w.s.ApplyAutoSnapshotPolicy(cloudsim.SnapshotPolicyRequest{RegionID: hangzhou, Policy: policy, Disks: []image.DiskID{disk}})
	}
	cancel := func(policy string) error {
		return w.s.CancelAutoSnapshotPolicy(cloudsim.SnapshotPolicyRequest{RegionID: hangzhou, Policy: policy, Disks: []image.DiskID{disk}})
	}
	var policies []string
	for range 11 {
		policies = append(policies, w.cloud.AddSnapshotPolicy(one, hangzhou, cloudsim.SnapshotPolicyRow{}))
	}
	for _, p := range policies[:10] {
		expect(t, apply(p), "", 0)
	}
	expect(t, apply(policies[10]), "QuotaExceed.AppliedAutoSnapshotPolicyQuota", 403)
	expect(t, apply("sp-none"), "ParameterInvalid", 404)
	expect(t, cancel(""), "OperationDenied.TooManyAutoSnapshotPolicies", 403)
	page, err := w.s.DescribeAutoSnapshotPolicyAssociations(cloudsim.DescribePolicyAssociationsRequest{RegionID: hangzhou, Disk: disk})
	if err != nil || len(page.Associations) != 10 || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	w.cloud.SetReadings(cloudsim.Readings{PoliciesReplace: true})
	expect(t, apply(policies[10]), "", 0)
	of, err := w.s.DescribeAutoSnapshotPolicyAssociations(cloudsim.DescribePolicyAssociationsRequest{RegionID: hangzhou, Policy: policies[10]})
	if err != nil || len(of.Associations) != 1 || of.Associations[0].Disk != disk || !slices.Equal(w.cloud.WrittenOn(hangzhou, disk), []image.DiskID{disk}) {
		t.Errorf("%+v, %v", of, err)
	}
	expect(t, cancel(""), "", 0)
	expect(t, second(w.s.DescribeAutoSnapshotPolicyAssociations(cloudsim.DescribePolicyAssociationsRequest{RegionID: hangzhou})), "MissingParameter.AutoSnapshotPolicyIdOrDiskId", 403)
	expect(t, second(w.s.DescribeAutoSnapshotPolicyAssociations(cloudsim.DescribePolicyAssociationsRequest{RegionID: hangzhou, Policy: "a", Disk: "b"})), "ParameterConflict.AutoSnapshotPolicyIdAndDiskId", 403)
}

// TestSnapshotLocks: a lock can be taken back while it cools off, then only be
// prolonged, and ends by the clock.
func TestSnapshotLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{})
	lock := func(days, coolOff int) error {
		return second(w.s.LockSnapshot(cloudsim.LockSnapshotRequest{RegionID: hangzhou, SnapshotID: id, Mode: "compliance", Days: days, CoolOff: coolOff}))
	}
	status := func() string {
		page, err := w.s.DescribeLockedSnapshots(cloudsim.DescribeLockedSnapshotsRequest{RegionID: hangzhou})
		if err != nil || len(page.Locks) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Locks[0].Status(page.At)
	}
	remove := func() error { return w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: id}) }
	expect(t, second(w.s.DescribeLockedSnapshots(cloudsim.DescribeLockedSnapshotsRequest{RegionID: hangzhou, SnapshotIDs: []image.SnapshotID{id}})), "InvalidSnapshotLock.NotFound", 404)
	expect(t, lock(1, 48), "InvalidCoolOffPeriod.ExceedLockDuration", 400)
	expect(t, lock(0, 0), "InvalidParameter", 400)
	expect(t, lock(3, 24), "", 0)
	if got := status(); got != "compliance-cooloff" {
		t.Error(got)
	}
	expect(t, remove(), "OperationDenied.SnapshotLocked", 403)
	expect(t, w.s.UnlockSnapshot(hangzhou, id, false), "", 0)
	expect(t, w.s.UnlockSnapshot(hangzhou, id, false), "InvalidSnapshotLock.NotFound", 404)
	expect(t, lock(3, 24), "", 0)
	w.clock.Advance(25 * time.Hour)
	if got := status(); got != "compliance" {
		t.Error(got)
	}
	expect(t, w.s.UnlockSnapshot(hangzhou, id, false), "InvalidOperation.CoolOffPeriodExpired", 403)
	expect(t, lock(1, 0), "InvalidOperation.CoolOffPeriodExpired", 403)
	expect(t, lock(3, 0), "", 0)
	w.clock.Advance(72 * time.Hour)
	if got := status(); got != "expired" {
		t.Error(got)
	}
	expect(t, remove(), "", 0)
}

func TestSnapshotsOfOthersStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{})
	remove := func() error { return w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: id}) }
	w.cloud.SetSnapshot(hangzhou, id, true, false)
	expect(t, remove(), "InvalidOperation.DeleteSharedSnapshotUnsupported", 403)
	w.cloud.SetSnapshot(hangzhou, id, false, true)
	expect(t, remove(), "InvalidOperation.ResourceManagedByCloudProduct", 403)
	w.cloud.SetSnapshot(hangzhou, id, false, false)
	expect(t, remove(), "", 0)
}

// TestRetentionEnds: a snapshot goes when its days are over, unless an image or a
// lock needs it; the days can only become more.
func TestRetentionEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	disk := w.disks(w.stopped(""))[0].ID
	take := func() image.SnapshotID {
		id, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: disk, RetentionDays: 3})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		return id
	}
	plain, longer, imaged, locked := take(), take(), take(), take()
	modify := func(days int) error {
		return w.s.ModifySnapshotAttribute(cloudsim.ModifySnapshotAttributeRequest{SnapshotID: longer, RetentionDays: days})
	}
	expect(t, modify(2), "InvalidOperation.DecreaseRetentionDaysUnsupported", 400)
	expect(t, modify(0), "NoAttributeToModify", 400)
	expect(t, modify(5), "", 0)
	img, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, SnapshotID: imaged})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, second(w.s.LockSnapshot(cloudsim.LockSnapshotRequest{RegionID: hangzhou, SnapshotID: locked, Mode: "compliance", Days: 4})), "InvalidLockDuration.ExceedRetentionDays", 400)
	expect(t, second(w.s.LockSnapshot(cloudsim.LockSnapshotRequest{RegionID: hangzhou, SnapshotID: locked, Mode: "compliance", Days: 2})), "", 0)
	left := func() (there []string) {
		for name, id := range map[string]image.SnapshotID{"plain": plain, "longer": longer, "imaged": imaged, "locked": locked} {
			if w.snapshot(id).ID != "" {
				there = append(there, name)
			}
		}
		slices.Sort(there)
		return there
	}
	w.clock.Advance(71 * time.Hour)
	if got := left(); len(got) != 4 {
		t.Errorf("a day early: %v", got)
	}
	w.clock.Advance(2 * time.Hour)
	if got := strings.Join(left(), " "); got != "imaged longer" {
		t.Errorf("after three days: %s", got)
	}
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: img}), "", 0)
	w.clock.Advance(49 * time.Hour)
	if got := left(); len(got) != 0 {
		t.Errorf("after five days: %v", got)
	}
}

func TestArchivedSnapshots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	young := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{})
	old := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{CreatedAt: w.clock.Now().AddDate(0, 0, -20)})
	archive := func(id image.SnapshotID, category string, days int) error {
		return second(w.s.ModifySnapshotCategory(id, category, days))
	}
	expect(t, archive(young, "Archive", 0), "InvalidStatus.SnapshotAgeLimit", 400)
	expect(t, archive(old, "Standard", 0), "InvalidParameter.SnapshotCategory", 400)
	expect(t, archive(old, "Archive", 73), "InvalidRetentionDays.Malformed", 400)
	expect(t, archive(old, "Archive", 100), "", 0)
	expect(t, archive(old, "Archive", 100), "InvalidStatus.SnapshotInArchive", 400)
	if s := w.snapshot(old); s.Category != "archive" || s.RetentionDays != 100 {
		t.Errorf("%+v", s)
	}
}

func TestDisksAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	disk := w.disks(w.stopped(""))[0].ID
	bad, good := "x", "system"
	type request = cloudsim.ModifyDiskAttributeRequest
	for _, c := range []struct {
		req    request
		code   string
		status int
	}{
		{request{}, "MissingParameter.DiskIdOrDiskIds", 400},
		{request{DiskID: disk, DiskIDs: []image.DiskID{disk}, Name: &good}, "ParameterConflict.DiskIdAndDiskIds", 400},
		{request{DiskID: disk}, "NoAttributeToModify", 400},
		{request{DiskID: disk, Name: &bad}, "InvalidDiskName.Malformed", 400},
		{request{DiskID: disk, Description: &bad}, "InvalidDescription.Malformed", 404},
		{request{DiskID: "d-none", Name: &good}, "InvalidDiskId.NotFound", 404},
		{request{DiskID: disk, Name: &good, RegionID: "cn-beijing"}, "InvalidDiskId.NotFound", 404},
		{request{DiskID: disk, Name: &good, RegionID: "mars"}, "InvalidRegionId.MalFormed", 400},
		{request{DiskID: disk, Bursting: image.Yes}, "BurstingEnabledForDiskCategoryUnsupported", 400},
		{request{DiskIDs: []image.DiskID{disk, "d-none"}, Name: &good}, "InvalidDiskId.NotFound", 404},
	} {
		expect(t, w.s.ModifyDiskAttribute(c.req), c.code, c.status)
	}
	spec := func(category, level string) error {
		return w.s.ModifyDiskSpec(cloudsim.ModifyDiskSpecRequest{DiskID: disk, Category: category, PerformanceLevel: level})
	}
	expect(t, spec("", "PL9"), "InvalidPerformanceLevel.Malformed", 400)
	expect(t, spec("floppy", ""), "InvalidDiskCategory.ValueNotSupported", 400)
	expect(t, spec("", "PL1"), "NoChangeInDiskCategoryAndPerformanceLevel", 403)
	expect(t, spec("", "PL2"), "OperationDenied.PerformanceLevelNotMatch", 403)
	expect(t, spec("", "PL0"), "OperationDenied.PerformanceLevelNotMatch", 403)
	expect(t, spec("cloud_auto", ""), "", 0)
	if d := w.cloud.WrittenOn(hangzhou, disk); len(d) != 1 {
		t.Errorf("it was written on %v", d)
	}
}

func TestInstancesAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.stopped("")
	bad, name, data := "x", "web-2", "IyEvYmluL3No"
	type request = cloudsim.ModifyInstanceAttributeRequest
	for _, c := range []struct {
		req    request
		code   string
		status int
	}{
		{request{}, "MissingParameter", 400},
		{request{InstanceID: "i-none", Name: &name}, "InvalidInstanceId.NotFound", 404},
		{request{InstanceID: id, Name: &bad}, "InvalidInstanceName.Malformed", 400},
		{request{InstanceID: id, HostName: &bad}, "InvalidHostName.Malformed", 400},
		{request{InstanceID: id, Password: &bad}, "InvalidPassword.Malformed", 400},
		{request{InstanceID: id, Data: &bad}, "InvalidUserData.Base64FormatInvalid", 400},
		{request{InstanceID: id, SecurityGroups: []string{"x"}}, "InvalidSecurityGroupId.NotFound", 404},
		{request{InstanceID: id, Name: &name, Data: &data, DeletionProtection: image.Yes}, "", 0},
	} {
		expect(t, w.s.ModifyInstanceAttribute(c.req), c.code, c.status)
	}
	row, err := w.s.DescribeInstanceAttribute(id)
	got, errData := w.s.DescribeUserData(hangzhou, id)
	if err != nil || errData != nil || row.Name != name || !row.DeletionProtection || got != data {
		t.Errorf("%+v, %s, %v, %v", row, got, err, errData)
	}
	metadata := func(m cloudsim.MetadataOptions) error {
		return w.s.ModifyInstanceMetadataOptions(cloudsim.ModifyInstanceMetadataOptionsRequest{RegionID: hangzhou, InstanceID: id, Options: m})
	}
	expect(t, metadata(cloudsim.MetadataOptions{HTTPTokens: "required"}), "MissingParameter", 400)
	expect(t, metadata(cloudsim.MetadataOptions{HTTPEndpoint: "on"}), "InvalidHttpEndpoint.NotSupported", 400)
	expect(t, metadata(cloudsim.MetadataOptions{HTTPEndpoint: "enabled", HTTPTokens: "some"}), "InvalidHttpTokens.NotSupported", 400)
	expect(t, metadata(cloudsim.MetadataOptions{HTTPEndpoint: "enabled", HopLimit: 65}), "InvalidHttpPutResponseHopLimit.NotSupported", 400)
	expect(t, metadata(cloudsim.MetadataOptions{HTTPEndpoint: "enabled", HTTPTokens: "required"}), "", 0)
	expect(t, metadata(cloudsim.MetadataOptions{HTTPEndpoint: "disabled"}), "", 0)
	want := cloudsim.MetadataOptions{HTTPEndpoint: "disabled", HTTPTokens: "required", HopLimit: 1, Tags: "disabled"}
	if got := w.instance(id).Metadata.Filled(); got != want {
		t.Errorf("%+v", got)
	}
	w.set(id, func(d *cloudsim.InstanceDetails) { d.Health = "Impaired" })
	full, err := w.s.DescribeInstancesFullStatus(cloudsim.InstanceRowsRequest{RegionID: hangzhou, Health: "Impaired"})
	if err != nil || len(full.Instances) != 1 {
		t.Errorf("%+v, %v", full, err)
	}
	expect(t, second(w.s.DescribeInstancesFullStatus(cloudsim.InstanceRowsRequest{})), "MissingParameter", 404)
	expect(t, second(w.s.DescribeInstanceRAMRole(cloudsim.InstanceRowsRequest{RegionID: hangzhou})), "InvalidParameter.AllEmpty", 403)
	expect(t, second(w.s.DescribeInstanceAttachmentAttributes(cloudsim.InstanceRowsRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{"i-none"}})), "InvalidInstanceIds.NotFound", 404)
}

// TestOperationsOfARolloutNeedTheirPermission: each asks for its own before it
// looks at anything.
func TestOperationsOfARolloutNeedTheirPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	if err := w.cloud.AllowOnly("local", []string{}); err != nil {
		t.Fatal(err)
	}
	s := sessionOf(t, w.cloud, "local")
	for action, call := range map[string]func() error{
		"ecs:CreateKeyPair":    func() error { return second(s.CreateKeyPair(cloudsim.CreateKeyPairRequest{})) },
		"ecs:ImportKeyPair":    func() error { return second(s.ImportKeyPair(cloudsim.CreateKeyPairRequest{})) },
		"ecs:DescribeKeyPairs": func() error { return second(s.DescribeKeyPairs(cloudsim.DescribeKeyPairsRequest{})) },
		"ecs:DeleteKeyPairs":   func() error { return s.DeleteKeyPairs("", nil) },
		"ecs:AttachKeyPair":    func() error { return second(s.AttachKeyPair(cloudsim.AttachKeyPairRequest{})) },
		"ecs:DetachKeyPair":    func() error { return second(s.DetachKeyPair(cloudsim.AttachKeyPairRequest{})) },
		"ecs:DescribeAutoSnapshotPolicyEx": func() error {
			return second(s.DescribeAutoSnapshotPolicyEx(cloudsim.DescribeSnapshotPoliciesRequest{}))
		},
		"ecs:DescribeAutoSnapshotPolicyAssociations": func() error {
			return second(s.DescribeAutoSnapshotPolicyAssociations(cloudsim.DescribePolicyAssociationsRequest{}))
		},
		"ecs:ApplyAutoSnapshotPolicy":               func() error { return s.ApplyAutoSnapshotPolicy(cloudsim.SnapshotPolicyRequest{}) },
		"ecs:CancelAutoSnapshotPolicy":              func() error { return s.CancelAutoSnapshotPolicy(cloudsim.SnapshotPolicyRequest{}) },
		"ecs:LockSnapshot":                          func() error { return second(s.LockSnapshot(cloudsim.LockSnapshotRequest{})) },
		"ecs:UnlockSnapshot":                        func() error { return s.UnlockSnapshot("", "", false) },
		"ecs:DescribeLockedSnapshots":               func() error { return second(s.DescribeLockedSnapshots(cloudsim.DescribeLockedSnapshotsRequest{})) },
		"ecs:ModifySnapshotAttribute":               func() error { return s.ModifySnapshotAttribute(cloudsim.ModifySnapshotAttributeRequest{}) },
		"ecs:ModifySnapshotCategory":                func() error { return second(s.ModifySnapshotCategory("", "", 0)) },
		"ecs:ModifyDiskAttribute":                   func() error { return s.ModifyDiskAttribute(cloudsim.ModifyDiskAttributeRequest{}) },
		"ecs:ModifyDiskSpec":                        func() error { return s.ModifyDiskSpec(cloudsim.ModifyDiskSpecRequest{}) },
		"ecs:DescribeInstanceAttribute":             func() error { return second(s.DescribeInstanceAttribute("")) },
		"ecs:ModifyInstanceAttribute":               func() error { return s.ModifyInstanceAttribute(cloudsim.ModifyInstanceAttributeRequest{}) },
		"ecs:ModifyInstanceMetadataOptions":         func() error { return s.ModifyInstanceMetadataOptions(cloudsim.ModifyInstanceMetadataOptionsRequest{}) },
		"ecs:DescribeUserData":                      func() error { return second(s.DescribeUserData("", "")) },
		"ecs:DescribeInstanceRamRole":               func() error { return second(s.DescribeInstanceRAMRole(cloudsim.InstanceRowsRequest{})) },
		"ecs:DescribeInstanceMaintenanceAttributes": func() error { return second(s.DescribeInstanceMaintenanceAttributes(cloudsim.InstanceRowsRequest{})) },
		"ecs:DescribeInstanceAttachmentAttributes":  func() error { return second(s.DescribeInstanceAttachmentAttributes(cloudsim.InstanceRowsRequest{})) },
		"ecs:DescribeInstancesFullStatus":           func() error { return second(s.DescribeInstancesFullStatus(cloudsim.InstanceRowsRequest{})) },
		"ecs:CreateLaunchTemplate":                  func() error { return second(s.CreateLaunchTemplate(cloudsim.CreateLaunchTemplateRequest{})) },
		"ecs:CreateLaunchTemplateVersion": func() error {
			_, _, err := s.CreateLaunchTemplateVersion(cloudsim.CreateLaunchTemplateVersionRequest{})
			return err
		},
		"ecs:ModifyLaunchTemplateDefaultVersion": func() error { return second(s.ModifyLaunchTemplateDefaultVersion(cloudsim.TemplateName{}, 0)) },
		"ecs:DeleteLaunchTemplateVersion":        func() error { return second(s.DeleteLaunchTemplateVersion(cloudsim.TemplateName{}, nil)) },
		"ecs:DeleteLaunchTemplate": func() error {
			_, _, err := s.DeleteLaunchTemplate(cloudsim.TemplateName{})
			return err
		},
		"ess:CreateScalingGroup":             func() error { return second(s.CreateScalingGroup(cloudsim.CreateScalingGroupRequest{})) },
		"ess:ModifyScalingGroup":             func() error { return s.ModifyScalingGroup(cloudsim.CreateScalingGroupRequest{}) },
		"ess:EnableScalingGroup":             func() error { return s.EnableScalingGroup(cloudsim.EnableScalingGroupRequest{}) },
		"ess:DisableScalingGroup":            func() error { return s.DisableScalingGroup("") },
		"ess:DeleteScalingGroup":             func() error { return s.DeleteScalingGroup("", false) },
		"ess:CreateScalingConfiguration":     func() error { return second(s.CreateScalingConfiguration(cloudsim.ScalingConfigurationRequest{})) },
		"ess:ModifyScalingConfiguration":     func() error { return s.ModifyScalingConfiguration(cloudsim.ScalingConfigurationRequest{}) },
		"ess:DeactivateScalingConfiguration": func() error { return s.DeactivateScalingConfiguration("") },
		"ess:DeleteScalingConfiguration":     func() error { return s.DeleteScalingConfiguration("") },
		"ess:EnterStandby":                   func() error { return second(s.EnterStandby(cloudsim.StandbyRequest{})) },
		"ess:ExitStandby":                    func() error { return second(s.ExitStandby(cloudsim.StandbyRequest{})) },
		"ess:DescribeScalingInstances":       func() error { return second(s.DescribeScalingInstances(cloudsim.DescribeScalingInstancesRequest{})) },
	} {
		var no *cloudsim.Refusal
		if err := call(); !errors.As(err, &no) || !errors.Is(err, fault.Forbidden) || no.Action != action {
			t.Errorf("%s: %v", action, err)
		}
	}
}
