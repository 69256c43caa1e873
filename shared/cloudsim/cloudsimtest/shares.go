package cloudsimtest

import (
	"fmt"
	"strconv"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// shareCases are about who sees what of whom.
func shareCases() map[string]func(*world) {
	return map[string]func(*world){
		"an account sees what is shared with it": shares,
		"grants are listed with their times":     grants,
		"who reads is told":                      identity,
		"two accounts see their own":             accounts,
	}
}

func shares(w *world) {
	id := w.cloud.AddImage(one, region, cloudsim.ImageSpec{
		Image: image.Image{Name: "ours", Tags: image.Tags{"env": "prod"}}, SharedWith: []image.AccountID{two},
	})
	w.add(image.Image{Name: "not-shared"})
	theirs := w.open(w.T, w.cloud, two)
	list, err := theirs.Images(w.ctx(), region, image.Listing{})
	if err != nil || len(list) != 1 {
		w.Fatalf("%d images, %v", len(list), err)
	}
	got := list[0]
	if got.ID != id || got.Kind != image.KindShared || got.Owner != one || got.Account != two || len(got.Tags) != 0 {
		w.Errorf("the grantee sees %+v", got)
	}
	_, err = theirs.Grants(w.ctx(), region, id)
	expectKind(w, "the grantee asks for grants", err, fault.NotFound)
	key, _ := w.cloud.Credential("local")
	err = w.cloud.As(key.Caller).ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: region, ImageID: id, RemoveAccounts: []image.AccountID{two},
	})
	if err != nil {
		w.Fatal(err)
	}
	if list, err = theirs.Images(w.ctx(), region, image.Listing{}); err != nil || len(list) != 0 {
		w.Errorf("after unsharing: %d images, %v", len(list), err)
	}
}

func grants(w *world) {
	at := cloudsim.Epoch().Add(-100 * time.Hour)
	for _, n := range []int{0, 1, 98} {
		spec := cloudsim.ImageSpec{Image: image.Image{CreatedAt: at}}
		var want []image.AccountID
		for i := range n {
			want = append(want, image.AccountID(strconv.Itoa(1000000000000002+i)))
		}
		spec.SharedWith = want
		id := w.cloud.AddImage(one, region, spec)
		list, err := w.subject.Grants(w.ctx(), region, id)
		if err != nil {
			w.Fatal(err)
		}
		expect(w, fmt.Sprintf("%d grants", n), ids(list, func(g image.Grant) image.AccountID { return g.Account }), want)
		for _, g := range list {
			if !g.At.Equal(at) {
				w.Errorf("shared at %s, want %s", g.At, at)
			}
		}
	}
	_, err := w.subject.Grants(w.ctx(), region, "m-bp1unknown00000000001")
	expectKind(w, "grants of an unknown image", err, fault.NotFound)
}

func identity(w *world) {
	for _, account := range []image.AccountID{one, two} {
		got, err := w.open(w.T, w.cloud, account).ID(w.ctx())
		if err != nil || got != account {
			w.Errorf("got %q, %v, want %q", got, err, account)
		}
	}
}

func accounts(w *world) {
	mine := w.add(image.Image{Name: "same-name"})
	his := w.cloud.AddImage(two, region, cloudsim.ImageSpec{Image: image.Image{Name: "same-name"}})
	instance := w.cloud.AddInstance(two, region, cloudsim.InstanceSpec{Instance: image.Instance{Image: his}})
	theirs := w.open(w.T, w.cloud, two)
	for range 3 {
		expect(w, "mine", ids(w.images(image.Listing{}), imageID), mine)
		list, err := theirs.Images(w.ctx(), region, image.Listing{})
		if err != nil {
			w.Fatal(err)
		}
		expect(w, "his", ids(list, imageID), []image.ID{his})
	}
	for _, l := range []image.InstanceListing{{}, {IDs: []image.InstanceID{instance}}} {
		if list, err := w.subject.Instances(w.ctx(), region, l); err != nil || len(list) != 0 {
			w.Errorf("his instances are seen: %d, %v", len(list), err)
		}
	}
	if list := w.images(image.Listing{IDs: []image.ID{his}}); len(list) != 0 {
		w.Errorf("his images are seen: %d", len(list))
	}
}
