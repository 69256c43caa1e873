package main

import (
	"slices"
	"testing"
	"testing/synctest"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// Windows is imported with the licence that is asked for, by either spelling, checked as
// far as the vendor checks it, booted and released; without a licence it is refused, as a
// licence is for Linux.
func TestWindows(t *testing.T) {
	for name, c := range map[string]struct{ member, licence, platform string }{
		"the vendor's":    {"licenceType", "Aliyun", "Windows Server 2022"},
		"one's own":       {"licenceType", "BYOL", "Windows Server 2019"},
		"as ECS spells":   {"licenseType", "BYOL", "Windows Server 2016"},
		"one not checked": {"licenceType", "Aliyun", "Windows Server 2003"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { windows(t, c.member, c.licence, c.platform) })
		})
	}
}

func windows(t *testing.T, member, licence, platform string) {
	s := newStage(t)
	s.upload("incoming/web.raw", 7)
	w := wish("win-1")
	of, _ := w["image"].(object)
	of["osType"], of["platform"], of["bootMode"] = "windows", platform, "BIOS"
	if a := s.call("imports.post", w); a.Status != "400" || a.Field != "image.licenceType" {
		t.Errorf("without a licence: %+v", a)
	}
	of[member] = licence
	linux := wish("win-1")
	linux["image"].(object)[member] = licence
	if a := s.call("imports.post", linux); a.Status != "400" || a.Field != "image.licenceType" {
		t.Errorf("Linux: %+v", a)
	}
	a := s.end("imports", s.applied("imports.post", w).ID)
	if a.State != work.Finished || a.Items[0].Level != "released" {
		t.Fatalf("%+v", a)
	}
	made := s.things("cn-hangzhou").images[0]
	if made.OSType != image.Windows || made.LicenseType != licence || made.Platform != platform || made.Name != "win-1" {
		t.Errorf("the image is %+v", made)
	}
	if want := map[bool]string{true: "unavailable", false: "passed"}[platform == "Windows Server 2003"]; a.Items[0].Check != want {
		t.Errorf("the check is %s", a.Items[0].Check)
	}
}

// A copy with a key of one's own is encrypted by it where it is made, and by the
// service's key where it is copied to; what ECS does not share is refused before.
func TestKeys(t *testing.T) { synctest.Test(t, keys) }

func keys(t *testing.T) {
	s := newStage(t)
	id := s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "plain", SizeGiB: 20, Platform: "Ubuntu", OSType: image.Linux}})
	copied := func(region, key string) object {
		source := object{"imageId": id}
		if key != "" {
			source["kmsKeyId"] = key
		}
		return object{
			"source": object{"image": source}, "region": region, "image": object{"name": "kept-1", "family": "kept"}, "test": wish("")["test"],
			"release": object{"regions": []string{"cn-shanghai"}, "channel": "candidate"},
		}
	}
	if p := s.call("imports.post", copied("cn-hangzhou", "")); p.Plan.Applicable || !found(p, "sameRegion") {
		t.Errorf("in its own region without a key: %+v", p.Findings)
	}
	shared := copied("cn-hangzhou", "key-own")
	shared["release"].(object)["share"] = object{"accounts": []object{{"accountId": other}}}
	if p := s.call("imports.post", shared); p.Plan.Applicable || !found(p, "serviceKeyNotShared") {
		t.Errorf("shared: %+v", p.Findings)
	}
	if p := s.call("imports.post", copied("cn-hangzhou", "none")); p.Plan.Applicable || !found(p, "InvalidParameter.KMSKeyId.NotFound") {
		t.Errorf("an unknown key: %+v", p.Findings)
	}
	p := s.call("imports.post", copied("cn-hangzhou", "key-own"))
	if !p.Plan.Applicable || !found(p, "serviceKey") {
		t.Errorf("%+v", p.Findings)
	}
	a := s.end("imports", s.applied("imports.post", copied("cn-hangzhou", "key-own")).ID)
	if a.State != work.Finished {
		t.Fatalf("%+v", a)
	}
	for n, i := range a.Items {
		images := s.things(i.RegionID).images
		at := slices.IndexFunc(images, func(one image.Image) bool { return one.ID == i.ImageID })
		if at < 0 || images[at].Encrypted() != image.Yes || images[at].Tags["imagekeeper:parent"] == "" {
			t.Errorf("item %d: %+v", n, images)
		}
	}
	if a.Items[0].Check != "unavailable" {
		t.Errorf("the check is %s", a.Items[0].Check)
	}
	from := copied("cn-shanghai", "")
	from["source"], from["release"], from["image"] = object{"image": object{"imageId": a.Items[0].ImageID}}, object{"share": object{"accounts": []object{{"accountId": other}}}}, object{"name": "kept-2"}
	if p := s.call("imports.post", from); p.Plan.Applicable || !found(p, "serviceKeyNotShared") {
		t.Errorf("a copy of it: %+v", p.Findings)
	}
}
