package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// tagged notes the tags of the product that things have now.
func (s *stage) tagged() {
	note := func(tags image.Tags) {
		for key, value := range tags {
			if key == "imagekeeper:channel" {
				key += "=" + value
			}
			if strings.HasPrefix(key, "imagekeeper:") {
				s.words.meet("tag " + key)
			}
		}
	}
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		is := s.things(region)
		for _, i := range is.images {
			note(i.Tags)
		}
		for _, i := range is.instances {
			note(i.Tags)
		}
	}
}

// only are the rows of the policy with some actions on one image alone.
func (s *stage) only(id image.ID, actions ...string) []string {
	all := rows(statements(s.t), "")
	for n, row := range all {
		for _, action := range actions {
			if strings.HasPrefix(row, action+" ") {
				all[n] = strings.Replace(row, "image/*", "image/"+string(id), 1)
			}
		}
	}
	return all
}

// freed: everything may be done again.
func (s *stage) freed() {
	s.narrow = false
	if err := s.cloud.AllowOnly("local", nil); err != nil {
		s.t.Fatal(err)
	}
}

// wordsOfReleases: a release that is done in one region of two, one that is done in
// none, and those that are refused.
func wordsOfReleases(s *stage) {
	t := s.t
	made := s.followed("/imports/" + s.posted(http.MethodPost, "/imports", wished("web-1")).ID)
	if made.State != "finished" {
		t.Fatalf("%v", made.body)
	}
	home, away := made.Items[0].ImageID, made.Items[1].ImageID
	put := func(images object, more ...any) replied {
		w := object{"channel": "stable", "images": images}
		for n := 0; n+1 < len(more); n += 2 {
			w[more[n].(string)] = more[n+1]
		}
		p := s.do(http.MethodPut, "/releases/web", w)
		if p.Plan == nil {
			t.Fatalf("%d %v", p.status, p.body)
		}
		return s.do(http.MethodPut, "/releases/web", with(w, "apply", object{"digest": p.Plan.Digest}))
	}
	if err := s.cloud.AllowOnly("local", s.only(home, "ecs:ModifyImageAttribute")); err != nil {
		t.Fatal(err)
	}
	s.narrow = true
	none := put(object{"cn-shanghai": away})
	if none.status < 400 || none.body["outcomes"] == nil || none.body["applied"] == true {
		t.Errorf("done nowhere: %d %v", none.status, none.body)
	}
	part := put(object{"cn-hangzhou": home, "cn-shanghai": away})
	if part.status != http.StatusMultiStatus || part.body["applied"] != true || part.body["complete"] != false {
		t.Errorf("done in part: %d %v", part.status, part.body)
	}
	s.freed()
	if whole := put(object{"cn-hangzhou": home, "cn-shanghai": away}); whole.status != http.StatusOK || whole.body["complete"] != true {
		t.Errorf("done: %d %v", whole.status, whole.body)
	}
	stranger := s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "by-hand", SizeGiB: 20, Platform: "Ubuntu", OSType: image.Linux}})
	broken := s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "broken", SizeGiB: 20, OSType: image.Linux, Status: image.StatusCreateFailed}})
	for code, id := range map[string]image.ID{"notChecked": stranger, "notAvailable": broken, "notOurs": "ubuntu_22_04_x64_20G_alibase_20260101.vhd"} {
		if a := put(object{"cn-hangzhou": id}); a.status != http.StatusUnprocessableEntity || a.Code != code {
			t.Errorf("%s: %d %v", code, a.status, a.body)
		}
	}
	if a := put(object{"cn-hangzhou": stranger}, "adopt", true); a.status != http.StatusOK {
		t.Errorf("adopted: %d %v", a.status, a.body)
	}
	s.do(http.MethodGet, "/releases/web", nil)
	taken := object{"region": "cn-shanghai", "source": object{"image": object{"imageId": home}}, "image": object{"name": "copied-1"}, "test": wish("")["test"]}
	if a := s.followed("/imports/" + s.posted(http.MethodPost, "/imports", taken).ID); a.State != "finished" {
		t.Errorf("a copy: %v", a.body)
	}
	if a := s.do(http.MethodDelete, "/exports/none", nil); a.status != http.StatusNotFound {
		t.Errorf("no export: %d %v", a.status, a.body)
	}
	out := "/exports/" + s.followed("/exports/"+s.posted(http.MethodPost, "/exports", object{"region": "cn-hangzhou", "imageId": home, "bucket": bucket, "prefix": "out"}).ID).ID
	if a := s.do(http.MethodDelete, out, nil); a.status != http.StatusConflict || a.Code != "wrongState" {
		t.Errorf("an export that has ended: %d %v", a.status, a.body)
	}
}

// wordsOfAttributes: attributes that are changed, all, in part and not at all, and
// what must not be asked for.
func wordsOfAttributes(s *stage) {
	t := s.t
	id := s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "by-hand", SizeGiB: 20, Platform: "Ubuntu", OSType: image.Linux}})
	s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-twice"}, Name: "twice", SizeGiB: 20, OSType: image.Linux}})
	s.cloud.AddImage(own, "cn-shanghai", cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-twice"}, Name: "twice", SizeGiB: 20, OSType: image.Linux}})
	target := "/attributes/" + string(id)
	for name, c := range map[string]struct {
		a      replied
		status int
		code   string
	}{
		"a tag of ours":        {s.do(http.MethodPatch, target, object{"tags": object{"imagekeeper:keep": ""}}), http.StatusBadRequest, "reservedTag"},
		"one that is taken":    {s.do(http.MethodPatch, target, object{"untag": []string{"imagekeeper:channel"}}), http.StatusBadRequest, "reservedTag"},
		"in which region":      {s.do(http.MethodPatch, "/attributes/m-twice", object{"description": "which one"}), http.StatusBadRequest, "ambiguous"},
		"no such state":        {s.do(http.MethodGet, "/imports?state=done", nil), http.StatusBadRequest, "oneof"},
		"no such page":         {s.do(http.MethodGet, "/imports?cursor=x", nil), http.StatusBadRequest, "cursorMalformed"},
		"a viewer cancels":     {s.as("vic", function.Viewer, http.MethodDelete, "/imports/none", nil), http.StatusForbidden, "roleMissing"},
		"tags of an import":    {s.do(http.MethodPost, "/imports", tagsOfOurs()), http.StatusBadRequest, "reservedTag"},
		"nothing of an import": {s.do(http.MethodPost, "/imports", object{}), http.StatusBadRequest, ""},
	} {
		if c.a.status != c.status || c.code != "" && c.a.Code != c.code {
			t.Errorf("%s: %d %v", name, c.a.status, c.a.body)
		}
	}
	wish := object{"description": "as it is", "tags": object{"team": "web"}, "deprecated": true}
	p := s.do(http.MethodPatch, target, wish)
	if err := s.cloud.AllowOnly("local", rows(statements(t), "ecs:TagResources")); err != nil {
		t.Fatal(err)
	}
	s.narrow = true
	if a := s.do(http.MethodPatch, target, with(wish, "apply", object{"digest": p.Plan.Digest})); a.status != http.StatusMultiStatus || a.body["complete"] != false {
		t.Errorf("in part: %d %v", a.status, a.body)
	}
	s.freed()
	p = s.do(http.MethodPatch, target, wish)
	if a := s.do(http.MethodPatch, target, with(wish, "apply", object{"digest": p.Plan.Digest})); a.status != http.StatusOK || a.body["complete"] != true {
		t.Errorf("the rest: %d %v", a.status, a.body)
	}
}

// tagsOfOurs wishes for a tag that only the product sets.
func tagsOfOurs() object {
	w := wished("web-1")
	of := with(w["image"].(object), "tags", object{"imagekeeper:keep": ""})
	return with(w, "image", of)
}

// wordsOfBoots: each way in which an instance of the image can come up, and what its
// import comes to.
func wordsOfBoots(s *stage) {
	for boot, want := range map[cloudsim.Boot]string{
		cloudsim.BootOK: "finished", cloudsim.BootSlow: "finished", cloudsim.BootStopHangs: "finished",
		cloudsim.BootNever: "failed", cloudsim.BootSilent: "failed", cloudsim.BootCommandFails: "failed",
	} {
		name := "web-" + string(boot)
		id := s.posted(http.MethodPost, "/imports", wished(name)).ID
		s.tick()
		s.boot("unverified-"+name, boot)
		a := s.do(http.MethodGet, "/imports/"+id, nil)
		for n := 0; n < 90 && !a.State.Ended(); n++ {
			s.tick()
			a = s.do(http.MethodGet, "/imports/"+id, nil)
		}
		if string(a.State) != want || want == "failed" && a.Items[0].Reason == nil {
			s.t.Errorf("%s: %v", boot, a.body)
		}
		if is := s.things("cn-hangzhou"); len(is.instances) > 0 {
			s.t.Errorf("%s: left %v", boot, is.instances)
		}
		s.words.meet("boot " + string(boot))
	}
}

// A name that another image of ours has in that region is refused, and taken elsewhere
// it is not.
func TestAttributesNameTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		id := s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "web-1", SizeGiB: 20, OSType: image.Linux}})
		s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "web-2", SizeGiB: 20, OSType: image.Linux}})
		s.cloud.AddImage(own, "cn-shanghai", cloudsim.ImageSpec{Image: image.Image{Name: "web-3", SizeGiB: 20, OSType: image.Linux}})
		for name, want := range map[string]string{"web-1": "", "web-2": "nameTaken", "web-3": ""} {
			wish := object{"imageId": id, "name": name}
			p := s.call("attributes.patch", wish)
			if p.Plan == nil || p.Plan.Applicable != (want == "") {
				t.Fatalf("%s: %+v", name, p)
			}
			a := s.call("attributes.patch", with(wish, "apply", object{"digest": p.Plan.Digest}))
			if a.Code != want || want != "" && a.Status != "422" {
				t.Errorf("%s: %+v", name, a)
			}
		}
	})
}

// An export is refused into a bucket that is not there, and into that of the journal.
func TestExportBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.journal = "records"
		if err := s.session().PutBucket(s.journal, "cn-hangzhou"); err != nil {
			t.Fatal(err)
		}
		id := s.cloud.AddImage(own, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "web-1", SizeGiB: 20, OSType: image.Linux}})
		for into, want := range map[string]string{bucket: "", "nowhere-at-all": "bucketNotFound", "No_Name": "bucketNotFound", s.journal: "journalBucket"} {
			wish := object{"imageId": id, "region": "cn-hangzhou", "bucket": into}
			p := s.call("exports.post", wish)
			if p.Plan == nil || p.Plan.Applicable != (want == "") || want != "" && (len(p.Findings) != 1 || p.Findings[0].Code != want) {
				t.Fatalf("%s: %+v", into, p)
			}
			if want == "" {
				continue
			}
			if a := s.call("exports.post", with(wish, "apply", object{"digest": p.Plan.Digest})); a.Status != "422" || a.Code != want {
				t.Errorf("%s: %+v", into, a)
			}
		}
	})
}

// What ECS refuses in the dry run is fatal in its own words.
func TestDryRunRefusedByECS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		w := wished("web-1")
		w["image"] = with(w["image"].(object), "platform", "Nonesuch 9")
		p := s.call("imports.post", w)
		if p.Plan == nil || p.Plan.Applicable {
			t.Fatalf("%+v", p)
		}
		own := false
		for _, f := range p.Findings {
			own = own || f.Level == image.Fatal && strings.HasPrefix(f.Code, "Invalid") && f.Remedy != ""
		}
		if !own {
			t.Errorf("%+v", p.Findings)
		}
	})
}
