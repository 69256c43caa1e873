package cloudsim_test

import (
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func (w *world) events(attributes ...cloudsim.LookupAttribute) []cloudsim.Event {
	w.Helper()
	page, err := w.s.LookupEvents(cloudsim.LookupEventsRequest{RegionID: hangzhou, Attributes: attributes})
	if err != nil {
		w.Fatal(err)
	}
	return page.Events
}

// What changes something leaves an event, which can be looked up after ten
// minutes and for 90 days, and by its own account alone.
func TestCallsLeaveEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	base := w.add(cloudsim.ImageSpec{})
	ids, err := w.s.RunInstances(cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: base, InstanceType: "ecs.g7.large"})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	made, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: ids[0], ImageName: "made"})
	expect(t, err, "", 0)
	w.clock.Advance(time.Minute)
	_, err = w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: made, DestinationRegionID: shanghai, DryRun: true})
	expect(t, err, "DryRunOperation", 400)
	expect(t, w.s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{RegionID: hangzhou, ImageID: made, AddAccounts: []image.AccountID{two}}), "", 0)
	expect(t, w.s.DeleteInstance(cloudsim.DeleteInstancesRequest{InstanceIDs: ids, Force: true}), "", 0)
	if early := w.events(); len(early) != 0 {
		t.Errorf("%d events are there before their time", len(early))
	}
	w.clock.Advance(10 * time.Minute)
	var names []string
	for _, e := range w.events() {
		names = append(names, e.Name)
	}
	slices.Reverse(names)
	if want := []string{"RunInstances", "CreateImage", "ModifyImageSharePermission", "DeleteInstance"}; !slices.Equal(names, want) {
		t.Errorf("events %v, want %v", names, want)
	}
	about := w.events(cloudsim.LookupAttribute{Key: "ResourceName", Value: string(made)}, cloudsim.LookupAttribute{Key: "EventName", Value: "CreateImage"})
	if len(about) != 1 || about[0].Request["InstanceId"] != string(ids[0]) || about[0].Response["ImageId"] != string(made) || about[0].By.Name != "local" {
		t.Errorf("about the image: %+v", about)
	}
	if page, err := w.s2.LookupEvents(cloudsim.LookupEventsRequest{RegionID: hangzhou}); err != nil || len(page.Events) != 0 {
		t.Errorf("the other account sees %d, %v", len(page.Events), err)
	}
	from := w.clock.Now()
	w.clock.Advance(91 * 24 * time.Hour)
	page, err := w.s.LookupEvents(cloudsim.LookupEventsRequest{RegionID: hangzhou, From: from.Add(-time.Hour), To: from})
	if err != nil || len(page.Events) != 0 {
		t.Errorf("after 90 days: %d, %v", len(page.Events), err)
	}
}

func TestLookupEventsComesInPages(t *testing.T) {
	t.Parallel()
	for _, forward := range []bool{false, true} {
		w := newWorld(t, cloudsim.Options{})
		for i := range 45 {
			w.cloud.AddEvent(hangzhou, cloudsim.Event{Name: "CreateImage", At: cloudsim.Epoch().Add(-time.Duration(i) * time.Hour), By: cloudsim.Caller{Account: one}})
		}
		w.clock.Advance(time.Hour)
		req := cloudsim.LookupEventsRequest{RegionID: hangzhou, Forward: forward}
		var times []time.Time
		for pages := 0; pages == 0 || req.Next != "" && pages < 9; pages++ {
			page, err := w.s.LookupEvents(req)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				times = append(times, e.At)
			}
			req.Next = page.Next
		}
		ordered := slices.IsSortedFunc(times, func(a, b time.Time) int {
			if forward {
				return a.Compare(b)
			}
			return b.Compare(a)
		})
		if len(times) != 45 || !ordered {
			t.Errorf("forward %v: %d events, in order %v", forward, len(times), ordered)
		}
	}
}

func TestLookupEventsRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	type request = cloudsim.LookupEventsRequest
	for _, c := range []struct {
		req    request
		code   string
		status int
	}{
		{request{}, "MissingParameter", 400},
		{request{RegionID: "cn-none"}, "InvalidRegionId.NotFound", 404},
		{request{RegionID: hangzhou, From: cloudsim.Epoch()}, "InvalidParameter", 400},
		{request{RegionID: hangzhou, From: cloudsim.Epoch(), To: cloudsim.Epoch().Add(-1)}, "InvalidParameter", 400},
		{request{RegionID: hangzhou, MaxResults: 51}, "InvalidParameter", 400},
		{request{RegionID: hangzhou, Next: "none"}, "InvalidParameter", 400},
		{request{RegionID: hangzhou, Attributes: []cloudsim.LookupAttribute{{Key: "Colour"}}}, "InvalidParameter", 400},
		{request{RegionID: hangzhou, Attributes: make([]cloudsim.LookupAttribute, 3)}, "InvalidParameter", 400},
	} {
		_, err := w.s.LookupEvents(c.req)
		expect(t, err, c.code, c.status)
	}
	if err := w.cloud.AllowOnly("local", []string{"ecs:*"}); err != nil {
		t.Fatal(err)
	}
	_, err := sessionOf(t, w.cloud, "local").LookupEvents(request{RegionID: hangzhou})
	expect(t, err, "NoPermission", 403)
}
