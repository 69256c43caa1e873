package cloudsim_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

const late = 5 * time.Second

func TestChangesAreSeenLateOnceAndInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Seed: 11, Visibility: late})
	id := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "n0"}})
	names := []string{"n1", "n2", "n3", "n4"}
	for _, name := range names {
		if err := w.s.ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{RegionID: hangzhou, ImageID: id, ImageName: name}); err != nil {
			t.Fatal(err)
		}
	}
	if row, _ := w.row(hangzhou, id); row.Name == "n4" {
		t.Error("all four changes were seen at once: nothing is late")
	}
	last := ""
	for range 60 {
		row, ok := w.row(hangzhou, id)
		if !ok || row.Name < last {
			t.Fatalf("saw %q after %q", row.Name, last)
		}
		last = row.Name
		w.clock.Advance(100 * time.Millisecond)
	}
	if last != "n4" {
		t.Errorf("after the bound: %q", last)
	}
}

func TestWritesGoByTheTruth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Seed: 4, Visibility: time.Hour})
	a, b := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "aa"}}), w.add(cloudsim.ImageSpec{Image: image.Image{Name: "bb"}})
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: a}), "", 0)
	if _, there := w.row(hangzhou, a); !there {
		t.Fatal("a deletion was seen at once; choose another seed")
	}
	modify := func(id image.ID) error {
		return w.s.ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{RegionID: hangzhou, ImageID: id, ImageName: "aa"})
	}
	expect(t, modify(a), "InvalidImageId.NotFound", 404)
	expect(t, modify(b), "", 0)
	w.clock.Advance(time.Hour)
	if _, there := w.row(hangzhou, a); there {
		t.Error("still seen after the bound")
	}
	if row, _ := w.row(hangzhou, b); row.Name != "aa" {
		t.Errorf("name %q", row.Name)
	}
}

func TestNewRows(t *testing.T) {
	t.Parallel()
	for lateRows := range map[bool]bool{false: true, true: true} {
		w := newWorld(t, cloudsim.Options{Seed: 5, Visibility: time.Hour, Readings: cloudsim.Readings{NewRowsLate: lateRows}})
		instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
		w.clock.Advance(time.Hour)
		id, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: instance})
		if err != nil {
			t.Fatal(err)
		}
		if _, there := w.row(hangzhou, id); there == lateRows {
			t.Errorf("late rows %v: a new row is seen %v", lateRows, there)
		}
		w.clock.Advance(time.Hour)
		if _, there := w.row(hangzhou, id); !there {
			t.Error("not seen after the bound")
		}
	}
}

// A listing that was remembered must not outlive a change that only time makes.
func TestRememberedListingsEndInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.add(cloudsim.ImageSpec{Making: time.Minute})
	available := func() int {
		page, err := w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou})
		if err != nil {
			t.Fatal(err)
		}
		return page.Total
	}
	for _, want := range []int{0, 0, 1, 1} {
		if got := available(); got != want {
			t.Errorf("%d Available, want %d", got, want)
		}
		w.clock.Advance(30 * time.Second)
	}
}

// Sessions are used by many at once; the race detector watches.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1, Visibility: late, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: 200})
	id := cloud.AddImage(one, hangzhou, cloudsim.ImageSpec{})
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			s := sessionOf(t, cloud, []string{"local", "local2"}[n%2])
			for i := range 40 {
				_, err := s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, Pages: cloudsim.Pages{Number: i % 4}})
				if err != nil {
					t.Error(err)
				}
				if n == 0 {
					expect(t, s.TagResources(cloudsim.TagResourcesRequest{
						RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{string(id)}, Tags: []cloudsim.Tag{{Key: "n", Value: fmt.Sprint(i)}},
					}), "", 0)
				}
			}
		})
	}
	all.Wait()
}

// Shares and tags are seen at once, whatever else shows late; by the other
// readings they show late, too.
func TestSharesAndTagsAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	for _, readings := range []cloudsim.Readings{{}, {SharesLate: true, TagsLate: true}} {
		w := newWorld(t, cloudsim.Options{Seed: 11, Visibility: time.Hour, Readings: readings})
		id := w.add(cloudsim.ImageSpec{})
		prompt := 0
		for i := range 12 {
			// A change that is not to be seen yet holds up none that is.
			expect(t, w.s.ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{RegionID: hangzhou, ImageID: id, ImageName: fmt.Sprint("late", i)}), "", 0)
			expect(t, w.s.TagResources(cloudsim.TagResourcesRequest{
				RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{string(id)}, Tags: []cloudsim.Tag{{Key: "n", Value: fmt.Sprint(i)}},
			}), "", 0)
			change := cloudsim.ModifyImageSharePermissionRequest{RegionID: hangzhou, ImageID: id}
			if i%2 == 0 {
				change.AddAccounts = []image.AccountID{two}
			} else {
				change.RemoveAccounts = []image.AccountID{two}
			}
			expect(t, w.s.ModifyImageSharePermission(change), "", 0)
			row, _ := w.row(hangzhou, id)
			if (row.SharedOut == image.Yes) == (i%2 == 0) && row.Tags["n"] == fmt.Sprint(i) && len(w.list(w.s2, hangzhou)) == (i+1)%2 {
				prompt++
			}
		}
		if late := readings.SharesLate; late && prompt == 12 || !late && prompt < 12 {
			t.Errorf("%+v: %d of 12 changes were seen at once", readings, prompt)
		}
		w.clock.Advance(time.Hour)
		if row, _ := w.row(hangzhou, id); row.SharedOut != image.No || row.Tags["n"] != "11" || row.Name != "late11" {
			t.Errorf("%+v: at rest %+v", readings, row)
		}
	}
}
