package alicloud_test

import (
	"errors"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

func TestRegionsToLookIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		regions []alicloud.RegionWord
		home    image.RegionID
		want    []image.RegionID
		all     bool
		kind    fault.Kind
	}{
		"its own":      {nil, "cn-beijing", []image.RegionID{"cn-beijing"}, false, ""},
		"nowhere":      {nil, "", nil, false, fault.Internal},
		"all":          {[]alicloud.RegionWord{"all"}, "", nil, true, ""},
		"two of three": {[]alicloud.RegionWord{"cn-shanghai", "cn-beijing", "cn-shanghai"}, "cn-hangzhou", []image.RegionID{"cn-beijing", "cn-shanghai"}, false, ""},
	} {
		got, all, err := alicloud.Places{Regions: c.regions}.LookIn(c.home)
		if !slices.Equal(got, c.want) || all != c.all || fault.Of(err) != c.kind {
			t.Errorf("%s: %v, %t, %v", name, got, all, err)
		}
	}
}

func TestPlacesAreChecked(t *testing.T) {
	t.Parallel()
	_, err := alicloud.Places{Regions: []alicloud.RegionWord{"cn-beijing", "all"}}.Config("cn-beijing")
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != "REGIONS" {
		t.Errorf("all and another: %v", err)
	}
	got, err := alicloud.Places{ECSEndpoint: "a", STSEndpoint: "b", RateShare: 0.5}.Config("cn-beijing")
	if want := (alicloud.Config{Region: "cn-beijing", ECSEndpoint: "a", STSEndpoint: "b", RateShare: 0.5}); err != nil ||
		got.Region != want.Region || got.ECSEndpoint != want.ECSEndpoint || got.STSEndpoint != want.STSEndpoint || got.RateShare != want.RateShare {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, want := range map[string]bool{"cn-hangzhou": true, "all": true, "": false, "Hangzhou": false, "cn-hangzhou,cn-beijing": false, "all ": false} {
		var r alicloud.RegionWord
		if err := r.UnmarshalText([]byte(text)); (err == nil) != want || err == nil && string(r) != text || err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("region %q: %v", text, err)
		}
	}
	for text, want := range map[string]bool{string(arn): true, "": false, "1000000000000002": false} {
		var r alicloud.RoleARN
		if err := r.UnmarshalText([]byte(text)); (err == nil) != want || err == nil && string(r) != text || err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("role %q: %v", text, err)
		}
	}
}

// TestRolesAreAssumedWhenTheyAreUsed: once, by whoever looks first; nothing is
// called before.
func TestRolesAreAssumedWhenTheyAreUsed(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		switch action {
		case "AssumeRole":
			return ok(assumedBody(1, time.Now().Add(time.Hour)))
		case "DescribeImages":
			if q.Get("AccessKeyId") == "local" {
				t.Error("asked with our own key")
			}
			return ok(imagesPage(q, 1))
		}
		return answered{}
	})
	cloud := open(t, w)
	a := cloud.Role(cloud.Account(planted()), arn, "s1")
	if id, err := a.ID(t.Context()); err != nil || id != "1000000000000002" || w.count("AssumeRole") != 0 {
		t.Errorf("account %s, %v, %d calls", id, err, w.count("AssumeRole"))
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := a.Images(t.Context(), region, image.Listing{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.count("AssumeRole"); n != 1 {
		t.Errorf("assumed %d times, want once", n)
	}
}

// TestRolesThatCannotBeUsed fail every look with the reason, and STS is asked
// once for all of them.
func TestRolesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action == "AssumeRole" {
			return refused(403, "NoPermission", q)
		}
		return answered{}
	})
	cloud := open(t, w)
	own := cloud.Account(planted())
	a := cloud.Role(own, arn, "s1")
	for range 5 {
		if _, err := a.Images(t.Context(), region, image.Listing{}); fault.Of(err) != fault.Forbidden || fault.Code(err) != "NoPermission" {
			t.Errorf("got %v, want kind %s", err, fault.Forbidden)
		}
	}
	if n := w.count("AssumeRole"); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	for role, session := range map[alicloud.RoleARN]string{"nobody": "s1", arn: "a b"} {
		if _, err := cloud.Role(own, role, session).Regions(t.Context()); fault.Of(err) != fault.Invalid {
			t.Errorf("%s as %q: %v, want kind %s", role, session, err, fault.Invalid)
		}
	}
}
