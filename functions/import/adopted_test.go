package main

import (
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// The images of a family that no import made bear no tag of ours: the newer one that a
// rollback withdraws is in another ECS family, and still of this one. It is seen to be
// withdrawn, and can become stable again.
func TestAdoptedForthAndBack(t *testing.T) { synctest.Test(t, adoptedForthAndBack) }

func adoptedForthAndBack(t *testing.T) {
	s := newStage(t)
	var all []image.ID
	for n, name := range []string{"old-1", "old-2", "old-3"} {
		all = append(all, s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{
			Name: name, Family: "old", SizeGiB: 20, Platform: "Ubuntu", OSType: image.Linux, CreatedAt: time.Now().Add(time.Duration(n-9) * time.Hour),
		}}))
	}
	for step, n := range []int{1, 0, 2, 1} {
		wish := object{"family": "old", "channel": "stable", "images": object{"cn-hangzhou": all[n]}, "reason": "a test", "adopt": true}
		p := s.call("releases.put", wish)
		if p.Plan == nil || !p.Plan.Applicable {
			t.Fatalf("%d: %+v", step, p)
		}
		wish["apply"] = object{"digest": p.Plan.Digest}
		for range 2 { // the second time it is what was recorded
			if a := s.call("releases.put", wish); !a.Applied || a.Complete == nil || !*a.Complete {
				t.Fatalf("%d: %+v", step, a)
			}
		}
		row, found, err := s.session().DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: "cn-hangzhou", ImageFamily: "old"})
		if err != nil || !found || row.ID != all[n] {
			t.Errorf("%d: ECS resolves the family to %s, %v, %v", step, row.ID, found, err)
		}
	}
}
