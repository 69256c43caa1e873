package cloudsim_test

import (
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestCopyImage(t *testing.T) {
	t.Parallel()
	for _, readings := range []cloudsim.Readings{{}, {CopyKeepsTags: true, CopyHidesSource: true}} {
		w := newWorld(t, cloudsim.Options{Readings: readings})
		source := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "web-1", Family: "web", Tags: image.Tags{"env": "prod"}}})
		from, _ := w.row(hangzhou, source)
		id, err := w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: source, DestinationRegionID: shanghai, Name: "web-1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, there := w.row(hangzhou, id); there {
			t.Error("the copy is in the source region")
		}
		w.clock.Advance(40 * time.Second)
		row, ok := w.row(shanghai, id)
		if !ok || row.Status != image.StatusAvailable || !row.Copied || row.Family != "" || (row.Tags["env"] == "prod") != readings.CopyKeepsTags {
			t.Errorf("%v %+v", ok, row)
		}
		page, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: shanghai})
		if err != nil || len(page.Snapshots) != 1 {
			t.Fatalf("%d snapshots, %v", len(page.Snapshots), err)
		}
		if named := page.Snapshots[0].SourceSnapshot == from.Disks[0].SnapshotID; named == readings.CopyHidesSource {
			t.Errorf("source snapshot %q", page.Snapshots[0].SourceSnapshot)
		}
		if parent, ok := w.cloud.Parent(row.Ref); !ok || parent.ID != source || parent.Region != hangzhou {
			t.Errorf("parent %v, %v", parent, ok)
		}
	}
}

func TestCopiesQueueAndMoveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	var copies []image.ID
	for range 7 {
		id, err := w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), DestinationRegionID: shanghai})
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, id)
	}
	status := func(i int) image.Status {
		row, _ := w.row(shanghai, copies[i])
		return row.Status
	}
	if status(4) != image.StatusCreating || status(5) != image.StatusWaiting || status(6) != image.StatusWaiting {
		t.Errorf("%s %s %s", status(4), status(5), status(6))
	}
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: shanghai, ImageID: copies[0], Force: true}), "OperationDenied.ImageCopying", 403)
	expect(t, w.s.CancelCopyImage(cloudsim.ImageRequest{RegionID: shanghai, ImageID: copies[0]}), "", 0)
	if _, there := w.row(shanghai, copies[0]); there {
		t.Error("a cancelled copy is still there")
	}
	if status(5) != image.StatusCreating || status(6) != image.StatusWaiting {
		t.Errorf("after a cancellation: %s %s", status(5), status(6))
	}
	w.clock.Advance(40 * time.Second)
	if status(5) != image.StatusAvailable || status(6) != image.StatusCreating {
		t.Errorf("later: %s %s", status(5), status(6))
	}
	w.clock.Advance(40 * time.Second)
	if status(6) != image.StatusAvailable {
		t.Errorf("in the end: %s", status(6))
	}
	for id, code := range map[image.ID]string{copies[5]: "IncorrectImageStatus", w.cloud.AddImage(one, shanghai, cloudsim.ImageSpec{}): "ImageCreatedNotFromCopy"} {
		expect(t, w.s.CancelCopyImage(cloudsim.ImageRequest{RegionID: shanghai, ImageID: id}), code, 400)
	}
	expect(t, w.s.CancelCopyImage(cloudsim.ImageRequest{RegionID: shanghai, ImageID: "m-x"}), "InvalidImageId.NotFound", 404)
	expect(t, w.s.CancelCopyImage(cloudsim.ImageRequest{RegionID: "cn-x", ImageID: "m-x"}), "InvalidRegionId.NotFound", 404)
}

// The sixth copy starts when the first ends, the seventh when the second does.
func TestCopiesWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	var copies []image.ID
	for range 7 {
		id, err := w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), DestinationRegionID: shanghai})
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, id)
		w.clock.Advance(time.Second)
	}
	for _, step := range []struct {
		wait time.Duration
		want []image.Status
	}{
		{32 * time.Second, []image.Status{image.StatusWaiting, image.StatusWaiting}},    // at 39 s
		{time.Second, []image.Status{image.StatusCreating, image.StatusWaiting}},        // at 40 s
		{time.Second, []image.Status{image.StatusCreating, image.StatusCreating}},       // at 41 s
		{39 * time.Second, []image.Status{image.StatusAvailable, image.StatusCreating}}, // at 80 s
	} {
		w.clock.Advance(step.wait)
		for i, want := range step.want {
			if row, _ := w.row(shanghai, copies[5+i]); row.Status != want {
				t.Errorf("at %s: copy %d is %s, want %s", w.clock.Now().Sub(cloudsim.Epoch()), 6+i, row.Status, want)
			}
		}
	}
}

func TestCopyImageRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	plain := w.add(cloudsim.ImageSpec{})
	encrypted := w.add(cloudsim.ImageSpec{Image: image.Image{Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.Yes}}}})
	huge := w.add(cloudsim.ImageSpec{Image: image.Image{Disks: []image.DiskMapping{{System: true, SizeGiB: 40}, {SizeGiB: 2048}}}})
	deprecated := w.add(cloudsim.ImageSpec{Image: image.Image{Status: image.StatusDeprecated}})
	community := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{Image: image.Image{Kind: image.KindCommunity}})
	shared := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}})
	theirs := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{})
	public := w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindPublic}})
	sold := w.add(cloudsim.ImageSpec{Image: image.Image{ProductCode: "cm1"}})
	unsold := w.add(cloudsim.ImageSpec{Image: image.Image{ProductCode: "cm2"}})
	w.cloud.AddImage(one, shanghai, cloudsim.ImageSpec{Image: image.Image{Kind: image.KindMarketplace, ProductCode: "cm1"}})
	w.cloud.AddImage(one, shanghai, cloudsim.ImageSpec{Image: image.Image{Name: "taken"}})
	type request = cloudsim.CopyImageRequest
	for _, c := range []struct {
		name   string
		change func(*request)
		code   string
		status int
	}{
		{"passes", func(*request) {}, "DryRunOperation", 400},
		{"no image", func(r *request) { r.ImageID = "" }, "MissingParameter", 400},
		{"source region", func(r *request) { r.RegionID = "cn-x" }, "SourceRegion.NotFound", 400},
		{"destination region", func(r *request) { r.DestinationRegionID = "cn-x" }, "DestinationRegion.NotFound", 400},
		{"unknown image", func(r *request) { r.ImageID = "m-x" }, "InvalidImageId.NotFound", 404},
		{"another's image", func(r *request) { r.ImageID = theirs }, "InvalidImageId.NotFound", 404},
		{"public image", func(r *request) { r.ImageID = public }, "InvalidImageId.NotFound", 404},
		{"community image", func(r *request) { r.ImageID = community }, "OperationDenied.CommunityImage", 400},
		{"shared image abroad", func(r *request) { r.ImageID = shared }, "OperationDenied.SameRegionOnly", 403},
		{"shared image at home", func(r *request) { r.ImageID, r.DestinationRegionID = shared, "" }, "DryRunOperation", 400},
		{"own image at home", func(r *request) { r.DestinationRegionID = hangzhou }, "IncorrectDestinationRegion", 403},
		{"own image encrypted at home", func(r *request) { r.DestinationRegionID, r.Encrypted = hangzhou, image.Yes }, "DryRunOperation", 400},
		{"deprecated", func(r *request) { r.ImageID = deprecated }, "IncorrectImageStatus", 400},
		{"decrypting", func(r *request) { r.ImageID, r.Encrypted = encrypted, image.No }, "OperationDeined.EncryptedSnapshot", 403},
		{"too large", func(r *request) { r.ImageID = huge }, "SizeExceed.Image", 403},
		{"name taken", func(r *request) { r.Name = "taken" }, "InvalidImageName.Duplicated", 400},
		{"name", func(r *request) { r.Name = "?" }, "InvalidImageName.Malformed", 400},
		{"description", func(r *request) { r.Description = "x" }, "InvalidDescription.Malformed", 400},
		{"key without encryption", func(r *request) { r.KMSKeyID = "key-1" }, "InvalidParameter.EncryptedIllegal", 400},
		{"unknown key", func(r *request) { r.KMSKeyID, r.Encrypted = "mine", image.Yes }, "InvalidParameter.KMSKeyId.NotFound", 404},
		{"algorithm alone", func(r *request) { r.EncryptAlgorithm = "SM4" }, "InvalidEncrypted.NotMatchEncryptAlgorithm", 400},
		{"algorithm", func(r *request) { r.EncryptAlgorithm, r.Encrypted = "SM4", image.Yes }, "InvalidRegionId.NotSupportEncryptAlgorithm", 403},
		{"terms not accepted", func(r *request) { r.ImageID = sold }, "OperationDenied.NotAuthorized", 403},
		{"not sold there", func(r *request) { r.ImageID = unsold }, "OperationDenied.NotPublished", 403},
		{"tags", func(r *request) { r.Tags = make([]cloudsim.Tag, 21) }, "QuotaExceed.Tags", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := request{RegionID: hangzhou, ImageID: plain, DestinationRegionID: shanghai, DryRun: true}
			c.change(&req)
			_, err := w.s.CopyImage(req)
			expect(t, err, c.code, c.status)
		})
	}
}

func TestOneImageIsNotCopiedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	for anywhere, elsewhere := range map[bool]string{false: "", true: "OperationDenied.ImageCopyConflict"} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{CopyConflictAnywhere: anywhere}})
		req := cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), DestinationRegionID: shanghai}
		_, err := w.s.CopyImage(req)
		expect(t, err, "", 0)
		_, err = w.s.CopyImage(req)
		expect(t, err, "OperationDenied.ImageCopyConflict", 400)
		req.DestinationRegionID = "cn-beijing"
		_, err = w.s.CopyImage(req)
		expect(t, err, elsewhere, 400)
		w.clock.Advance(time.Minute)
		req.DestinationRegionID = shanghai
		_, err = w.s.CopyImage(req)
		expect(t, err, "", 0)
	}
}

func TestEncryptedCopyKeepsItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	share := func(region image.RegionID, id image.ID) error {
		return w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{RegionID: region, ImageID: id, AddAccounts: []image.AccountID{two}})
	}
	for key, code := range map[string]string{"key-1": "", "": "InvalidOperation.ServiceKeyEncryptedImageUnsupported"} {
		id, err := w.s.CopyImage(cloudsim.CopyImageRequest{
			RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), DestinationRegionID: shanghai, Encrypted: image.Yes, KMSKeyID: key,
		})
		expect(t, err, "", 0)
		w.clock.Advance(time.Minute)
		if row, _ := w.row(shanghai, id); row.Encrypted() != image.Yes {
			t.Errorf("encrypted: %s", row.Encrypted())
		}
		expect(t, share(shanghai, id), code, 403)
	}
}
