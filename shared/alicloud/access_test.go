package alicloud_test

import (
	"net/url"
	"slices"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// list is an answer with one row.
const list = `{"RequestId":"r","TotalCount":1,"Images":{"Image":[{"ImageId":"m-bp1"}]},"LaunchTemplateSets":{"LaunchTemplateSet":[{"LaunchTemplateId":"lt-1"}]}}`

func TestMay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, action string
		answer       func(url.Values) answered
		want         image.Tri
		kind         fault.Kind
	}{
		{"a listing is answered", "ecs:DescribeDisks", func(url.Values) answered { return ok(list) }, image.Yes, ""},
		{"a listing is refused", "ecs:DescribeDisks", func(q url.Values) answered { return refused(403, "Forbidden.RAM", q) }, image.No, ""},
		{"a dry run passes", "ecs:DescribeInstances", func(q url.Values) answered { return refused(400, "DryRunOperation", q) }, image.Yes, ""},
		{"a dry run is answered with a list", "ecs:DescribeInstances", func(url.Values) answered { return ok(list) }, image.Unknown, fault.Unknown},
		{"a dry run about nothing", "ecs:DeleteImage", func(q url.Values) answered { return refused(404, "InvalidImageId.NotFound", q) }, image.Unknown, fault.NotFound},
		{"a dry run is refused", "ecs:DeleteImage", func(q url.Values) answered { return refused(403, "Forbidden.RAM", q) }, image.No, ""},
		{"about the first of a list", "ecs:DescribeImageSharePermission", func(q url.Values) answered {
			if q.Get("Action") == "DescribeImageSharePermission" && q.Get("ImageId") != "m-bp1" {
				return refused(404, "InvalidImageId.NotFound", q)
			}
			return ok(list)
		}, image.Yes, ""},
		{"there is nothing to ask about", "ecs:DescribeImageSharePermission", func(url.Values) answered { return ok(`{"RequestId":"r"}`) }, image.Unknown, fault.NotFound},
		{"the answer is cut", "ecs:DescribeDisks", func(url.Values) answered { return ok(list[:40]) }, image.Unknown, fault.Unknown},
		{"no call tells", "ecs:DeleteSnapshot", nil, image.Unknown, fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action == "GetCallerIdentity" {
					return answered{}
				}
				return c.answer(q)
			})
			got, err := reader(t, w).May(t.Context(), region, c.action)
			if got != c.want || (err != nil) != (c.kind != "") || err != nil && fault.Of(err) != c.kind {
				t.Errorf("got %s %v, want %s %s", got, err, c.want, c.kind)
			}
		})
	}
}

// Whatever is asked about a change is a dry run about something that does not exist.
func TestNothingIsChangedByAsking(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, _ url.Values) answered {
		if action == "GetCallerIdentity" {
			return answered{}
		}
		return ok(list)
	})
	a := reader(t, w)
	for _, action := range alicloud.MayAsk() {
		_, _ = a.May(t.Context(), region, action)
	}
	for _, q := range w.calls {
		action := q.Get("Action")
		if action == "GetCallerIdentity" || len(action) > 8 && action[:8] == "Describe" {
			continue
		}
		ids := []string{q.Get("ImageId"), q.Get("InstanceId"), q.Get("DiskId")}
		madeUp := slices.ContainsFunc(ids, func(id string) bool { return len(id) > 13 && id[2:13] == "imagekeeper" })
		if q.Get("DryRun") != "true" || !madeUp || q.Get("RegionId") != region {
			t.Errorf("%s was asked with %v", action, q)
		}
	}
}

func TestTagImages(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, n int, q url.Values) answered {
		switch {
		case action == "GetCallerIdentity":
			return answered{}
		case n == 1:
			return refused(400, "Throttling.User", q)
		}
		return ok(`{"RequestId":"r"}`)
	})
	a := reader(t, w)
	if err := a.TagImages(t.Context(), region, []image.ID{"m-1", "m-2"}, "k", "cn-hangzhou/m-0"); err != nil {
		t.Fatal(err)
	}
	q := w.calls[len(w.calls)-1]
	if q.Get("ResourceId.2") != "m-2" || q.Get("ResourceType") != "image" || q.Get("Tag.1.Key") != "k" || q.Get("Tag.1.Value") != "cn-hangzhou/m-0" {
		t.Errorf("asked %v", q)
	}
	for _, ids := range [][]image.ID{nil, make([]image.ID, 51), {"not an id"}} {
		if err := a.TagImages(t.Context(), region, ids, "k", "v"); fault.Of(err) != fault.Invalid {
			t.Errorf("%d ids: %v", len(ids), err)
		}
	}
}

// TestMayMake: what makes an image is asked with all that it has, as a dry run; an
// answer that is no refusal proves nothing, and another objection tells nothing.
func TestMayMake(t *testing.T) {
	t.Parallel()
	makings := map[string]image.Making{
		"ImportImage": {Import: &image.ImportRequest{Name: "web", Disks: []image.ImportDisk{{Format: "RAW", Bucket: "b", Object: "web.raw"}}}},
		"CreateImage": {Create: &image.CreateRequest{Name: "web", Instance: "i-1"}},
		"CopyImage":   {Copy: &image.CopyRequest{Image: "m-1", To: "cn-shanghai", Name: "web"}},
	}
	for action, m := range makings {
		for code, want := range map[string]image.Tri{
			"DryRunOperation": image.Yes, "DRYRUN.SUCCESS": image.Yes, "Forbidden.RAM": image.No, "InvalidImageName.Duplicated": image.Unknown, "": image.Unknown,
		} {
			w := newWire(t, func(called string, _ int, q url.Values) answered {
				switch {
				case called == "GetCallerIdentity":
					return answered{}
				case called != action || q.Get("DryRun") != "true":
					t.Errorf("%s: %s was called with %v", action, called, q)
				case code == "":
					return ok(`{"RequestId":"r","ImageId":"m-2","TaskId":"t-1"}`)
				}
				status := 400
				if code == "Forbidden.RAM" {
					status = 403
				}
				return refused(status, code, q)
			})
			got, err := alicloud.Operate(reader(t, w)).MayMake(t.Context(), region, m)
			if got != want || (err == nil) != (want != image.Unknown) {
				t.Errorf("%s, %s: got %s, %v", action, code, got, err)
			}
		}
	}
	if _, err := (alicloud.Operator{}).MayMake(t.Context(), region, image.Making{}); fault.Of(err) != fault.Invalid {
		t.Errorf("nothing: %v", err)
	}
}
