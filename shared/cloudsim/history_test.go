package cloudsim_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// history is a random life of one account's instances, disks and snapshots, and
// what must hold after each step.
type history struct {
	*world
	r         *rapid.T
	images    []image.ID
	instances []image.InstanceID
	disks     []image.DiskID
	snapshots []image.SnapshotID
}

func TestRandomHistoriesKeepTheirRelations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, cloudsim.Options{Seed: rapid.Uint64().Draw(r, "seed")})
		h := &history{world: w, r: r, images: []image.ID{w.add(cloudsim.ImageSpec{}), w.add(cloudsim.ImageSpec{})}}
		r.Repeat(map[string]func(*rapid.T){
			"run": h.run, "power": h.power, "replace": h.replace, "snapshot": h.snap, "image": h.image, "delete": h.remove, "wait": h.wait, "": h.check,
		})
	})
}

// drawn is one of the ids there ever were.
func drawn[T any](r *rapid.T, from []T) (one T) {
	if len(from) == 0 {
		return one
	}
	return rapid.SampledFrom(from).Draw(r, "id")
}

// fine: a refusal is, any other failure is not.
func (h *history) fine(err error) bool {
	var no *cloudsim.Refusal
	if err != nil && !errors.As(err, &no) {
		h.r.Fatal(err)
	}
	return err == nil
}

func (h *history) run(r *rapid.T) {
	ids, err := h.s.RunInstances(cloudsim.RunInstancesRequest{
		RegionID: hangzhou, ImageID: drawn(r, h.images), InstanceType: "ecs.g7.large", Amount: rapid.IntRange(1, 2).Draw(r, "amount"),
		DataDisks: make([]cloudsim.NewDisk, 0),
	})
	if h.fine(err) {
		h.instances = append(h.instances, ids...)
	}
}

func (h *history) power(r *rapid.T) {
	id := cloudsim.InstanceRequest{InstanceID: drawn(r, h.instances)}
	switch rapid.IntRange(0, 2).Draw(r, "power") {
	case 0:
		h.fine(h.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id.InstanceID, StoppedMode: "StopCharging"}))
	case 1:
		h.fine(h.s.StartInstance(id))
	case 2:
		h.fine(h.s.RebootInstance(id))
	}
}

func (h *history) replace(r *rapid.T) {
	disk, err := h.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: drawn(r, h.instances), ImageID: drawn(r, h.images)})
	if h.fine(err) {
		h.disks = append(h.disks, disk)
	}
}

func (h *history) snap(r *rapid.T) {
	id, err := h.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: drawn(r, h.disks)})
	if h.fine(err) {
		h.snapshots = append(h.snapshots, id)
	}
}

func (h *history) image(r *rapid.T) {
	req := cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: drawn(r, h.instances)}
	if rapid.Bool().Draw(r, "fromSnapshot") {
		req = cloudsim.CreateImageRequest{RegionID: hangzhou, SnapshotID: drawn(r, h.snapshots)}
	}
	id, err := h.s.CreateImage(req)
	if h.fine(err) {
		h.images = append(h.images, id)
	}
}

func (h *history) remove(r *rapid.T) {
	switch rapid.IntRange(0, 2).Draw(r, "what") {
	case 0:
		h.fine(h.s.DeleteInstance(cloudsim.DeleteInstancesRequest{InstanceIDs: []image.InstanceID{drawn(r, h.instances)}, Force: true}))
	case 1:
		h.fine(h.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: drawn(r, h.snapshots), Force: true}))
	case 2:
		h.fine(h.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: drawn(r, h.images), Force: true}))
	}
}

func (h *history) wait(r *rapid.T) {
	h.clock.Advance(time.Duration(rapid.IntRange(1, 60).Draw(r, "seconds")) * time.Second)
}

// check: every instance runs what its one system disk was made from, every
// attached disk has its instance, an image is in use exactly while an instance
// runs it, its snapshots are there, and it is known where it comes from.
func (h *history) check(r *rapid.T) {
	view := h.cloud.View(one)
	instances, err1 := view.Instances(h.Context(), hangzhou, image.InstanceListing{})
	disks, err2 := view.Disks(h.Context(), hangzhou, image.DiskListing{})
	snapshots, err3 := view.Snapshots(h.Context(), hangzhou, image.SnapshotListing{})
	images, err4 := view.Images(h.Context(), hangzhou, image.Listing{Statuses: image.Statuses()})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		r.Fatal(err)
	}
	runs, used := map[image.InstanceID]image.ID{}, map[image.ID]bool{}
	for _, i := range instances {
		runs[i.ID], used[i.Image] = i.Image, true
	}
	systems := 0
	for _, d := range disks {
		h.disks = append(h.disks[:min(len(h.disks), 50)], d.ID)
		if of, there := runs[d.Instance]; !there || d.System && of != d.Image {
			r.Fatalf("disk %s of %s, made from %s, which runs %s", d.ID, d.Instance, d.Image, of)
		}
		if d.System {
			systems++
		}
	}
	if systems != len(instances) {
		r.Fatalf("%d instances have %d system disks", len(instances), systems)
	}
	h.checkImages(r, images, snapshots, used)
}

func (h *history) checkImages(r *rapid.T, images []image.Image, snapshots []image.Snapshot, used map[image.ID]bool) {
	needed := map[image.SnapshotID]bool{}
	there := map[image.SnapshotID]image.Snapshot{}
	for _, s := range snapshots {
		there[s.ID] = s
	}
	for _, i := range images {
		if (i.Usage == image.UsageInstance) != used[i.ID] {
			r.Fatalf("%s: usage %s, run %v", i.ID, i.Usage, used[i.ID])
		}
		for _, d := range i.Disks {
			needed[d.SnapshotID] = true
			if there[d.SnapshotID].ID == "" {
				r.Fatalf("%s stands on %s, which is gone", i.ID, d.SnapshotID)
			}
		}
		if parent, ok := h.cloud.Parent(i.Ref); ok && parent.ID == i.ID {
			r.Fatalf("%s is its own parent", i.ID)
		}
		if _, ok := h.cloud.Source(i.Ref); !ok {
			r.Fatalf("%s comes from nowhere", i.ID)
		}
	}
	for id, s := range there {
		if (s.Usage == "image") != needed[id] {
			r.Fatalf("snapshot %s: usage %s, needed %v", id, s.Usage, needed[id])
		}
	}
}

// TestFurtherOperationsNeedTheirPermission: each asks for its own before it
// looks at anything.
func TestFurtherOperationsNeedTheirPermission(t *testing.T) {
	t.Parallel()
	s := newWorld(t, cloudsim.Options{}).cloud.As(cloudsim.Caller{Account: one, Allow: []string{}})
	calls := map[string]func() error{
		"ecs:DescribePrice":          func() error { _, err := s.DescribePrice(cloudsim.DescribePriceRequest{}); return err },
		"ecs:DescribeSnapshotLinks":  func() error { _, err := s.DescribeSnapshotLinks(cloudsim.DescribeSnapshotLinksRequest{}); return err },
		"ecs:DescribeSnapshotsUsage": func() error { _, err := s.DescribeSnapshotsUsage(""); return err },
		"ecs:RunInstances":           func() error { _, err := s.RunInstances(cloudsim.RunInstancesRequest{}); return err },
		"ecs:DeleteInstance":         func() error { return s.DeleteInstance(cloudsim.DeleteInstancesRequest{}) },
		"ecs:DeleteInstances":        func() error { return s.DeleteInstances(cloudsim.DeleteInstancesRequest{}) },
		"ecs:StartInstance":          func() error { return s.StartInstance(cloudsim.InstanceRequest{}) },
		"ecs:StopInstance":           func() error { return s.StopInstance(cloudsim.StopInstanceRequest{}) },
		"ecs:RebootInstance":         func() error { return s.RebootInstance(cloudsim.InstanceRequest{}) },
		"ecs:StartInstances":         func() error { _, err := s.StartInstances(cloudsim.InstancesRequest{}); return err },
		"ecs:StopInstances":          func() error { _, err := s.StopInstances(cloudsim.InstancesRequest{}); return err },
		"ecs:ReplaceSystemDisk":      func() error { _, err := s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{}); return err },
		"ecs:CreateSnapshot":         func() error { _, err := s.CreateSnapshot(cloudsim.CreateSnapshotRequest{}); return err },
		"ecs:DeleteSnapshot":         func() error { return s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{}) },
		"ecs:DescribeLaunchTemplates": func() error {
			_, err := s.DescribeLaunchTemplates(cloudsim.DescribeLaunchTemplatesRequest{})
			return err
		},
		"ecs:DescribeLaunchTemplateVersions": func() error {
			_, err := s.DescribeLaunchTemplateVersions(cloudsim.DescribeLaunchTemplateVersionsRequest{})
			return err
		},
		"ecs:DescribeImagePipelines": func() error { _, err := s.DescribeImagePipelines(cloudsim.DescribeImagePipelinesRequest{}); return err },
		"ecs:DescribeImagePipelineExecutions": func() error {
			_, err := s.DescribeImagePipelineExecutions(cloudsim.DescribeImagePipelineExecutionsRequest{})
			return err
		},
		"ess:DescribeScalingGroups": func() error { _, err := s.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{}); return err },
		"ess:DescribeScalingConfigurations": func() error {
			_, err := s.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{})
			return err
		},
	}
	for action, call := range calls {
		err := call()
		expect(t, err, "Forbidden.RAM", 403)
		var no *cloudsim.Refusal
		if !errors.As(err, &no) || no.Action != action || !errors.Is(err, fault.Forbidden) {
			t.Errorf("%s: %+v", action, no)
		}
	}
}

// TestReadingsChangeWhileTheCloudIsUsed is for the race detector.
func TestReadingsChangeWhileTheCloudIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.add(cloudsim.ImageSpec{Image: image.Image{Name: "web-1"}})
	done := make(chan bool)
	go func() {
		defer close(done)
		for n := range 200 {
			w.cloud.SetReadings(cloudsim.Readings{NamePrefix: n%2 == 0})
		}
	}()
	for range 200 {
		page, err := w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, ImageName: "1"})
		if err != nil || len(page.Images) > 1 {
			t.Fatalf("%d images, %v", len(page.Images), err)
		}
	}
	<-done
	for prefix, want := range map[bool]int{true: 0, false: 1} {
		w.cloud.SetReadings(cloudsim.Readings{NamePrefix: prefix})
		page, err := w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, ImageName: "1"})
		if err != nil || len(page.Images) != want || w.cloud.Readings().NamePrefix != prefix {
			t.Errorf("by the beginning of a name %v: %d images, %v", prefix, len(page.Images), err)
		}
	}
}
