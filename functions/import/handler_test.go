package main

import (
	"testing"
	"testing/synctest"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// wish is an import of the uploaded disk.
func wish(name string) map[string]any {
	return map[string]any{
		"source": map[string]any{"object": map[string]any{"bucket": bucket, "key": "incoming/web.raw"}},
		"image":  map[string]any{"name": name, "family": "web", "platform": "Ubuntu", "bootMode": "BIOS", "diskSizeGiB": 20, "tags": map[string]string{"team": "web"}},
		"test":   map[string]any{"boot": true, "vSwitchId": "vsw-1", "securityGroupId": "sg-1", "command": "true"},
		"release": map[string]any{
			"regions": []string{"cn-shanghai"}, "channel": "candidate", "share": map[string]any{"accounts": []any{map[string]string{"accountId": string(other)}}},
		},
	}
}

// An import comes to its end, is known as candidate, becomes stable and is set back;
// its image is not taken back any more.
func TestFromAFileToStable(t *testing.T) { synctest.Test(t, fromAFileToStable) }

func fromAFileToStable(t *testing.T) {
	s := newStage(t)
	begun := s.applied("imports.post", wish("web-1"))
	if begun.State != work.Queued || begun.ID == "" {
		t.Fatalf("%+v", begun)
	}
	if again := s.applied("imports.post", wish("web-1")); again.ID != begun.ID {
		t.Errorf("the same wish is import %s, and was %s", again.ID, begun.ID)
	}
	w := s.end("imports", begun.ID)
	if w.State != work.Finished || len(w.Items) != 2 || w.Items[0].Level != "released" {
		t.Fatalf("%+v", w)
	}
	first := w.Items[0].ImageID
	if a := s.call("imports.cancel", map[string]any{"id": begun.ID}); a.Code != "alreadyReleased" {
		t.Errorf("a released image: %+v", a)
	}
	second := s.end("imports", s.applied("imports.post", wish("web-2")).ID).Items[0].ImageID
	for _, id := range []image.ID{second, first} {
		a := s.applied("releases.put", map[string]any{"family": "web", "channel": "stable", "images": map[string]string{"cn-hangzhou": string(id)}, "reason": "a test"})
		if !a.Applied || a.Complete == nil || !*a.Complete {
			t.Fatalf("stable: %+v", a)
		}
	}
	_, r := s.get("/releases/web")
	if stable := r.Channels["stable"]; len(stable) != 1 || stable[0].Image != first || len(r.Channels["candidate"]) != 2 {
		t.Errorf("%+v", r.Channels)
	}
	if n := len(r.History); n != 6 || r.History[n-1].Reason != "a test" {
		t.Errorf("%d promotions: %+v", n, r.History)
	}
	row, found, err := s.session().DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: "cn-hangzhou", ImageFamily: "web"})
	if err != nil || !found || row.ID != first {
		t.Errorf("ECS resolves the family to %s, %v, %v", row.ID, found, err)
	}
	if a := s.applied("attributes.patch", map[string]any{"imageId": string(second), "description": "not that one", "resourceGroupId": "rg-web", "tags": map[string]string{"a": "b"}}); a.Complete == nil || !*a.Complete {
		t.Errorf("attributes: %+v", a)
	}
	if p := s.call("exports.post", map[string]any{"imageId": string(first), "bucket": bucket}); p.Totals.Images != 1 {
		t.Errorf("an export comes to %+v", p.Totals)
	}
	e := s.end("exports", s.applied("exports.post", map[string]any{"imageId": string(first), "bucket": bucket, "prefix": "out"}).ID)
	if e.State != work.Finished || len(e.Items) != 1 || len(e.Items[0].Objects) != 1 {
		t.Errorf("export: %+v", e)
	}
}

// Whatever minute an import is cancelled in, before it is released, nothing of it is
// left.
func TestCancelledInAnyMinute(t *testing.T) {
	for _, minutes := range []int{0, 1, 5, 19, 21, 25} {
		synctest.Test(t, func(t *testing.T) { cancelledAfter(t, minutes) })
	}
}

func cancelledAfter(t *testing.T, minutes int) {
	s := newStage(t)
	id := s.applied("imports.post", wish("web-1")).ID
	for range minutes {
		s.tick()
	}
	a := s.call("imports.cancel", map[string]any{"id": id})
	if a.Code == "alreadyReleased" {
		return
	}
	w := s.end("imports", id)
	images, err := s.cloud.View(own).Images(t.Context(), "cn-hangzhou", image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
	running, errRunning := s.cloud.View(own).Instances(t.Context(), "cn-hangzhou", image.InstanceListing{})
	if err != nil || errRunning != nil || w.State != work.Aborted || len(images) > 0 || len(running) > 0 {
		t.Errorf("after %d minutes: %+v, left %v, %v", minutes, w, images, running)
	}
}

// With two people the first apply waits, and the plan is not carried on.
func TestTwoPeople(t *testing.T) { synctest.Test(t, twoPeople) }

func twoPeople(t *testing.T) {
	s := newStage(t)
	s.two = true
	a := s.applied("imports.post", wish("web-1"))
	s.tick()
	if _, w := s.get("/imports/" + a.ID); a.State != work.AwaitingApproval || w.State != work.AwaitingApproval {
		t.Errorf("%s, then %s", a.State, w.State)
	}
}

// What cannot be right is refused by its field, and what is found by its code.
func TestRefusals(t *testing.T) { synctest.Test(t, refusals) }

func refusals(t *testing.T) {
	s := newStage(t)
	change := func(part string, fields map[string]any) map[string]any {
		w := wish("web-1")
		inner, _ := w[part].(map[string]any)
		for name, value := range fields {
			inner[name] = value
		}
		return w
	}
	for name, c := range map[string]struct {
		operation string
		input     map[string]any
		field     string
	}{
		"two sources":              {"imports.post", change("source", map[string]any{"instance": map[string]any{"instanceId": "i-1"}}), "source"},
		"a value that ECS refuses": {"imports.post", change("image", map[string]any{"tags": map[string]string{"base": "aliyun_3_x64_20G_alibase_20260815.vhd"}}), "image.tags"},
		"reserved tag":             {"imports.post", change("image", map[string]any{"tags": map[string]string{"imagekeeper:keep": ""}}), "image.tags"},
		"a licence":                {"imports.post", change("image", map[string]any{"licenseType": "BYOL"}), "image.licenceType"},
		"no boot":                  {"imports.post", change("test", map[string]any{"boot": false}), "test.boot"},
		"nothing":                  {"attributes.patch", map[string]any{"imageId": "m-1"}, "name"},
	} {
		if a := s.call(c.operation, c.input); a.Status != "400" || a.Field != c.field {
			t.Errorf("%s: %+v", name, a)
		}
	}
	bare := wish("web-1")
	bare["check"] = object{"waive": []string{}}
	if a := s.call("imports.post", bare); a.Plan == nil || !a.Plan.Applicable {
		t.Errorf("nothing waived: %+v", a)
	}
	bare["check"] = object{}
	if a := s.call("imports.post", bare); a.Status != "400" || a.Field != "check.waive" {
		t.Errorf("a check of nothing: %+v", a)
	}
	if a := s.call("imports.post", change("source", map[string]any{"object": map[string]any{"bucket": bucket, "key": "incoming/none.raw"}})); a.Plan == nil || a.Plan.Applicable || a.Findings[0].Code != "objectNotFound" {
		t.Errorf("no object: %+v", a)
	}
}
