package trials_test

import (
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// imported is an import from an object in a bucket to a shared candidate in two
// regions.
func imported() story {
	return story{
		function: "import", environment: []string{"REGIONS=cn-hangzhou,cn-shanghai", "IMPORT_SOURCES=oss://golden-uploads/incoming/"},
		post: "imports.post", get: "imports.get", regions: []image.RegionID{region, "cn-shanghai"}, prepare: putDisk, ends: imageMade,
		wish: func() map[string]any {
			return map[string]any{
				"source": map[string]any{"object": map[string]any{"bucket": "golden-uploads", "key": "incoming/web.raw"}},
				"image":  map[string]any{"name": "web-1", "family": "web", "platform": "Ubuntu", "bootMode": "BIOS", "diskSizeGiB": 20, "tags": map[string]string{"team": "web"}},
				"test":   map[string]any{"boot": true, "vSwitchId": "vsw-1", "securityGroupId": "sg-1", "command": "true"},
				"release": map[string]any{
					"regions": []string{"cn-shanghai"}, "channel": "candidate", "share": map[string]any{"accounts": []any{map[string]any{"accountId": account(3)}}},
				},
			}
		},
	}
}

// putDisk uploads a disk with one partition.
func putDisk(s *stage) {
	s.t.Helper()
	for _, in := range []image.RegionID{region, "cn-shanghai"} {
		s.cloud.AddImage(owner, in, cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic, CreatedAt: time.Now().AddDate(0, -1, 0),
		}})
	}
	must(s, s.keeper().PutBucket("golden-uploads", region))
	disk := make([]byte, 1<<20)
	copy(disk, "\xeb\x63boot code")
	disk[446+4], disk[446+8], disk[446+13], disk[510], disk[511] = 0x83, 2, 7, 0x55, 0xaa
	_, err := s.keeper().PutObject(cloudsim.PutObjectRequest{Bucket: "golden-uploads", Key: "incoming/web.raw", Content: cloudsim.ContentOf(disk)})
	must(s, err)
}

// imageMade: there is one image a region, checked, named and shared, and nothing
// else; and the state tells so.
func imageMade(s *stage, last told) {
	s.t.Helper()
	v, ctx := s.cloud.View(owner), s.t.Context()
	if last.State != "finished" || len(last.Items) != 2 {
		s.t.Errorf("it ended as %+v", last)
		return
	}
	for _, i := range last.Items {
		images, err := v.Images(ctx, i.RegionID, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
		must(s, err)
		instances, err := v.Instances(ctx, i.RegionID, image.InstanceListing{})
		must(s, err)
		snapshots, err := v.Snapshots(ctx, i.RegionID, image.SnapshotListing{})
		must(s, err)
		if len(images) != 1 || len(instances) != 0 || len(snapshots) != 1 {
			s.t.Errorf("%s has %v, %v, %v", i.RegionID, images, instances, snapshots)
			continue
		}
		made := images[0]
		grants, err := v.Grants(ctx, i.RegionID, made.ID)
		must(s, err)
		switch {
		case i.Result != "applied" || i.Level != "released" || i.ImageID != made.ID:
			s.t.Errorf("the state tells %+v of %s", i, made.ID)
		case made.Name != "web-1" || made.Tags["team"] != "web" || made.Tags["imagekeeper:channel"] != "candidate" || made.Status != image.StatusAvailable:
			s.t.Errorf("the image is %+v", made)
		case len(grants) != 1 || grants[0].Account != account(3):
			s.t.Errorf("it is shared with %v", grants)
		}
	}
}

// TestImportByAnotherProcess: whatever call of an import its process is killed or
// stopped at, the next tick of another one goes on: one image a region, nothing left
// behind, and the state tells so.
func TestImportByAnotherProcess(t *testing.T) {
	t.Parallel()
	imported().trials(t, 200)
}
