package cloudsim_test

import (
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestDeleteImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	used := w.add(cloudsim.ImageSpec{})
	w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: used}})
	shared := w.add(cloudsim.ImageSpec{SharedWith: []image.AccountID{two}})
	published := w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindCommunity}})
	theirs := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{})
	plain := w.add(cloudsim.ImageSpec{})
	row, _ := w.row(hangzhou, plain)
	for _, c := range []struct {
		name   string
		req    cloudsim.DeleteImageRequest
		code   string
		status int
	}{
		{"used", cloudsim.DeleteImageRequest{ImageID: used}, "ImageUsingByInstance", 403},
		{"used, dry run by force", cloudsim.DeleteImageRequest{ImageID: used, Force: true, DryRun: true}, "DryRunOperation", 400},
		{"shared", cloudsim.DeleteImageRequest{ImageID: shared, Force: true}, "ImageUseShared", 403},
		{"published", cloudsim.DeleteImageRequest{ImageID: published, Force: true}, "ImageIsPublic", 403},
		{"another's", cloudsim.DeleteImageRequest{ImageID: theirs}, "InvalidImageId.NotFound", 404},
		{"unknown", cloudsim.DeleteImageRequest{ImageID: "m-x"}, "", 0},
		{"no id", cloudsim.DeleteImageRequest{}, "MissingParameter", 400},
		{"unknown region", cloudsim.DeleteImageRequest{RegionID: "cn-x", ImageID: plain}, "InvalidRegionId.NotFound", 404},
		{"plain", cloudsim.DeleteImageRequest{ImageID: plain}, "", 0},
		{"used, by force", cloudsim.DeleteImageRequest{ImageID: used, Force: true}, "", 0},
	} {
		if c.req.RegionID == "" {
			c.req.RegionID = hangzhou
		}
		t.Run(c.name, func(t *testing.T) { expect(t, w.s.DeleteImage(c.req), c.code, c.status) })
	}
	if _, there := w.row(hangzhou, plain); there {
		t.Error("a deleted image is still there")
	}
	page, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: hangzhou, SnapshotIDs: []image.SnapshotID{row.Disks[0].SnapshotID}})
	if err != nil || len(page.Snapshots) != 1 || page.Snapshots[0].Usage != "none" {
		t.Errorf("its snapshot stays and is needed by nobody: %+v, %v", page.Snapshots, err)
	}
	strict := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{DeleteMissingRefused: true, DryRunSuccess: true}})
	expect(t, strict.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: "m-x"}), "InvalidImageId.NotFound", 404)
	id := strict.add(cloudsim.ImageSpec{})
	expect(t, strict.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: id, DryRun: true}), "DRYRUN.SUCCESS", 400)
}

func TestModifyImageAttribute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	type request = cloudsim.ModifyImageAttributeRequest
	plain := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "plain"}})
	w.add(cloudsim.ImageSpec{Image: image.Image{Name: "taken"}})
	making := w.add(cloudsim.ImageSpec{Making: time.Hour})
	failed := w.add(cloudsim.ImageSpec{Fails: true})
	deprecated := w.add(cloudsim.ImageSpec{Image: image.Image{Status: image.StatusDeprecated}})
	shared := w.add(cloudsim.ImageSpec{SharedWith: []image.AccountID{two}})
	arm := w.add(cloudsim.ImageSpec{Image: image.Image{Architecture: image.ARM64}})
	used := w.add(cloudsim.ImageSpec{})
	w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: used}})
	windows := w.add(cloudsim.ImageSpec{Image: image.Image{OSType: image.Windows}})
	for _, c := range []struct {
		name   string
		req    request
		code   string
		status int
	}{
		{"unknown", request{ImageID: "m-x"}, "InvalidImageId.NotFound", 404},
		{"no id", request{}, "MissingParameter", 400},
		{"name", request{ImageID: plain, ImageName: "?"}, "InvalidImageName.Malformed", 400},
		{"name taken", request{ImageID: plain, ImageName: "taken"}, "InvalidImageName.Duplicated", 400},
		{"its own name", request{ImageID: plain, ImageName: "plain"}, "", 0},
		{"description", request{ImageID: plain, Description: "x"}, "InvalidDescription.Malformed", 400},
		{"family", request{ImageID: plain, ImageFamily: "?"}, "InvalidImageFamily.Malformed", 400},
		{"status", request{ImageID: plain, Status: "Lost"}, "InvalidParameter", 400},
		{"making", request{ImageID: making, Description: "new"}, "InvalidStatus.ImageIsCreating", 403},
		{"deprecating a failed one", request{ImageID: failed, Status: image.StatusDeprecated}, "ImageStatus.NotAvailable", 403},
		{"deprecating a shared one", request{ImageID: shared, Status: image.StatusDeprecated}, "ImageUseShared", 403},
		{"restoring one that is not deprecated", request{ImageID: plain, Status: image.StatusAvailable}, "ImageStatus.NotDeprecated", 403},
		{"restoring", request{ImageID: deprecated, Status: image.StatusAvailable}, "", 0},
		{"deprecating, dry run", request{ImageID: plain, Status: image.StatusDeprecated, DryRun: true}, "DryRunOperation", 400},
		{"deprecating", request{ImageID: plain, Status: image.StatusDeprecated, ImageName: "renamed"}, "", 0},
		{"boot mode", request{ImageID: arm, BootMode: "DOS"}, "InvalidBootMode.NotSupport", 400},
		{"boot mode of arm64", request{ImageID: arm, BootMode: "BIOS"}, "InvalidBootMode.NotSupport", 400},
		{"boot mode of one in use", request{ImageID: used, BootMode: "UEFI"}, "OperationDeined.ImageUsingByInstance", 403},
		{"licence", request{ImageID: windows, LicenseType: "Aliyun"}, "InvalidLicenseType.NotSupported", 400},
		{"licence of linux", request{ImageID: arm, LicenseType: "BYOL"}, "InvalidLicenseType.NotSupported", 400},
		{"own licence", request{ImageID: windows, LicenseType: "BYOL", IMDS: "v2", NVMe: "supported"}, "", 0},
		{"metadata version back", request{ImageID: windows, IMDS: "v1"}, "InvalidOperation.FeaturesImdsSupportNotMatch", 403},
		{"metadata version", request{ImageID: windows, IMDS: "v3"}, "InvalidParameter.FeaturesImdsSupport", 400},
		{"NVMe", request{ImageID: windows, NVMe: "maybe"}, "InvalidParameter", 400},
	} {
		c.req.RegionID = hangzhou
		t.Run(c.name, func(t *testing.T) { expect(t, w.s.ModifyImageAttribute(c.req), c.code, c.status) })
	}
	if row, _ := w.row(hangzhou, plain); row.Status != image.StatusDeprecated || row.Name != "renamed" || row.Usable != image.Yes {
		t.Errorf("%+v", row)
	}
	if row, _ := w.row(hangzhou, windows); row.LicenseType != "BYOL" || row.IMDS != "v2" || row.NVMe != "supported" {
		t.Errorf("%+v", row)
	}
	expect(t, w.s.ModifyImageAttribute(request{RegionID: hangzhou, ImageID: used, ImageName: "plain"}), "", 0)
}

// someAccounts are n accounts from the first-th on.
func someAccounts(first, n int) []image.AccountID {
	var list []image.AccountID
	for i := range n {
		list = append(list, image.AccountID(fmt.Sprint(1000000000000000+first+i)))
	}
	return list
}

func TestSharingHeedsTenPerCall(t *testing.T) {
	t.Parallel()
	for void, want := range map[bool]int{false: 10, true: 0} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{MoreThanTenVoid: void}})
		id := w.add(cloudsim.ImageSpec{})
		expect(t, w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
			RegionID: hangzhou, ImageID: id, AddAccounts: append(someAccounts(2, 10), "not-an-account"),
		}), "", 0)
		page, err := w.s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{RegionID: hangzhou, ImageID: id})
		if err != nil || page.Total != want {
			t.Errorf("%d grants, %v, want %d", page.Total, err, want)
		}
	}
}

func TestSharingRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Quotas: cloudsim.Quotas{Grants: 3, GrantsReceived: 2}})
	type request = cloudsim.ModifyImageSharePermissionRequest
	w.add(cloudsim.ImageSpec{SharedWith: someAccounts(9, 1)})
	w.add(cloudsim.ImageSpec{SharedWith: someAccounts(9, 1)})
	plain := w.add(cloudsim.ImageSpec{})
	deprecated := w.add(cloudsim.ImageSpec{Image: image.Image{Status: image.StatusDeprecated}})
	public := w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindPublic}})
	theirs := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}})
	for _, c := range []struct {
		name   string
		req    request
		code   string
		status int
	}{
		{"unknown image", request{ImageID: "m-x"}, "InvalidImageId.NotFound", 404},
		{"a grantee shares on", request{ImageID: theirs, AddAccounts: someAccounts(5, 1)}, "InvalidImageId.NotFound", 404},
		{"no image", request{}, "MissingParameter", 400},
		{"public image", request{ImageID: public, AddAccounts: someAccounts(5, 1)}, "Image.Public", 403},
		{"deprecated", request{ImageID: deprecated, AddAccounts: someAccounts(5, 1)}, "OperationDenied.InvalidImageStatus", 403},
		{"unsharing a deprecated one", request{ImageID: deprecated, RemoveAccounts: someAccounts(5, 1)}, "", 0},
		{"oneself", request{ImageID: plain, AddAccounts: someAccounts(1, 1)}, "InvalidAccount.Forbbiden", 404},
		{"unknown account", request{ImageID: plain, AddAccounts: someAccounts(100, 1)}, "InvalidAccount.NotFound", 404},
		{"no account", request{ImageID: plain, RemoveAccounts: []image.AccountID{"x"}}, "InvalidAccount.NotFound", 404},
		{"another site", request{ImageID: plain, AddAccounts: someAccounts(95, 1)}, "InvalidImageId.BidMismatch", 403},
		{"too many grants", request{ImageID: plain, AddAccounts: someAccounts(2, 4)}, "QuotaExceed.ShareImageUser", 403},
		{"too many received", request{ImageID: plain, AddAccounts: someAccounts(9, 1)}, "QuotaExceed.ShareImage", 403},
		{"publishing and accounts", request{ImageID: plain, IsPublic: image.Yes, AddAccounts: someAccounts(5, 1)}, "InvalidParameter.IsPublic", 403},
		{"launch permission", request{ImageID: plain, LaunchPermission: "HIDDEN"}, "ForbiddenParameter.LaunchPermission", 400},
		{"launch permission and accounts", request{ImageID: plain, LaunchPermission: "HIDDEN", AddAccounts: someAccounts(5, 1)}, "UnnecessaryParameter.LaunchPermission", 400},
		{"not published anyway", request{ImageID: plain, IsPublic: image.No}, "", 0},
		{"dry run", request{ImageID: plain, AddAccounts: someAccounts(5, 1), DryRun: true}, "DryRunOperation", 400},
	} {
		c.req.RegionID = hangzhou
		t.Run(c.name, func(t *testing.T) { expect(t, w.s.ModifyImageSharePermission(c.req), c.code, c.status) })
	}
	page, err := w.s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{RegionID: hangzhou, ImageID: plain})
	if err != nil || page.Total != 0 {
		t.Errorf("refused calls shared with %d, %v", page.Total, err)
	}
	_, err = w.s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{RegionID: hangzhou})
	expect(t, err, "MissingParameter", 400)
	_, err = w.s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{RegionID: hangzhou, ImageID: plain, Pages: cloudsim.Pages{Size: 101}})
	expect(t, err, "InvalidParameter", 400)
}

func TestSharingEncryptedImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	mapping := image.DiskMapping{System: true, SizeGiB: 40, Encrypted: image.Yes}
	add := func(region image.RegionID, key string, disks ...image.DiskMapping) image.ID {
		return w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: image.Image{Disks: disks}, KMSKey: key})
	}
	share := func(region image.RegionID, id image.ID) error {
		return w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{RegionID: region, ImageID: id, AddAccounts: []image.AccountID{two}})
	}
	expect(t, share(hangzhou, add(hangzhou, "key-1", mapping)), "OperationDeined.EncryptedSnapshot", 403)
	expect(t, share(shanghai, add(shanghai, "", mapping)), "InvalidOperation.ServiceKeyEncryptedImageUnsupported", 403)
	expect(t, share(shanghai, add(shanghai, "key-1", mapping, image.DiskMapping{SizeGiB: 40, Encrypted: image.Yes})), "OperationDeined.FullImage", 403)
	expect(t, share(shanghai, add(shanghai, "key-1", mapping)), "", 0)
	w.cloud.Configure(one, cloudsim.AccountSettings{})
	expect(t, share(shanghai, add(shanghai, "key-1", mapping)), "AssumeRoleError", 403)
	expect(t, w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), IsPublic: image.Yes,
	}), "PublicImageAgreement.NotSigned", 403)
}

func TestPublishing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{UnpublishRefused: true}})
	id := w.add(cloudsim.ImageSpec{SharedWith: []image.AccountID{two}})
	publish := func(yes image.Tri) error {
		return w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{RegionID: hangzhou, ImageID: id, IsPublic: yes})
	}
	community := func() int {
		page, err := sessionOf(t, w.cloud, "local2").DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, OwnerAlias: cloudsim.AliasOthers, IsPublic: image.Yes})
		if err != nil {
			t.Fatal(err)
		}
		return page.Total
	}
	expect(t, publish(image.No), "Image.NotPublic", 403)
	expect(t, publish(image.Yes), "", 0)
	if community() != 1 {
		t.Error("a published image is not seen")
	}
	expect(t, publish(image.No), "", 0)
	if community() != 0 || len(w.list(w.s2, hangzhou)) != 1 {
		t.Error("unpublishing must keep the grants, and only them")
	}
}
