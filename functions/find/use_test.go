package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// attacked is the fleet, and an account outside of ours that shares with us what is
// newer than ours: of the same name, of the same family, of a family that is written
// like ours, and one that is published.
func attacked() *cloudsim.Cloud {
	cloud := fleetOf()
	const attacker = "1000000000000666"
	add := func(id image.ID, kind image.Kind, name string, family image.Family, created int, with ...image.AccountID) {
		cloud.AddImage(attacker, "cn-hangzhou", cloudsim.ImageSpec{SharedWith: with, Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: kind, Name: name, Family: family, CreatedAt: day(created), Architecture: image.X86_64, BootMode: image.UEFI, NVMe: "supported",
			Platform: "Ubuntu", OSName: "Ubuntu  22.04 64 bit", Tags: image.Tags{"team": "web"},
		}})
	}
	add("m-evilname", image.KindCustom, "web-base-new", "", 27, cloudsim.FirstAccount, cloudsim.SecondAccount)
	add("m-evilfamily", image.KindCustom, "web-base-newer", "web-base", 28, cloudsim.FirstAccount, cloudsim.SecondAccount)
	add("m-evilpublished", image.KindCommunity, "web-base-new", "web-base", 29)
	return cloud
}

// TestAStrangersImageNeverWins: wherever the one to use is told, it is ours; the
// stranger's is listed with its reason.
func TestAStrangersImageNeverWins(t *testing.T) {
	t.Parallel()
	f := finder(views(attacked()))
	for query, want := range map[string]string{
		"name=web-base-new*&kind=custom,shared,community": "m-new",
		"name=web-base-new&kind=shared,community,custom":  "m-new",
		"family=web-base": "m-new",
		"family=web-*&kind=custom,shared,community":                                                                 "m-new",
		"family=web-base&region=cn-hangzhou&limit=1":                                                                "m-new",
		"region=cn-hangzhou&osType=linux&arch=x86_64":                                                               "m-new",
		"instanceType=ecs.g7.large&region=cn-hangzhou&sort=licence&name=web-base-new*&kind=custom,shared,community": "m-new",
		"owner=1000000000000666":                                                                                    "m-evilfamily",
	} {
		var got answered
		if answer := get(t, f, "/images?"+query, &got); answer.StatusCode != http.StatusOK || len(got.Items) == 0 || got.Items[0].ImageID != want {
			t.Errorf("%s: %d %q, want %s first", query, answer.StatusCode, got.ids(), want)
		}
		for _, i := range got.Items {
			told := slices.ContainsFunc(i.Reasons, func(r image.Reason) bool { return r.Code == selection.CodeNotTrusted })
			if told != (strings.HasPrefix(i.ImageID, "m-evil") && want != "m-evilfamily") {
				t.Errorf("%s: %s: %v", query, i.ImageID, i.Reasons)
			}
		}
	}
	for _, target := range []string{"/families?family=web-base&region=cn-hangzhou", "/families?family=web-base&region=cn-hangzhou&kind=custom,shared,community"} {
		var got families
		if get(t, f, target, &got); familyNames(got) != "web-base" || got.Items[0].Variants[0].Newest == nil || got.Items[0].Variants[0].Newest.ImageID != "m-new" {
			t.Errorf("%s: %+v", target, got.Items)
		}
	}
	for _, query := range []string{"", "&kind=custom,shared,community", "&instanceType=ecs.g7.large"} {
		var got struct {
			Items []struct{ Image struct{ ImageID string } }
		}
		if get(t, f, "/families/web-base?region=cn-hangzhou"+query, &got); len(got.Items) != 1 || got.Items[0].Image.ImageID != "m-new" {
			t.Errorf("%s: %+v", query, got)
		}
	}
	var servers fleet
	get(t, f, "/instances?id=i-old,i-new,i-given", &servers)
	for _, s := range servers.Items {
		if strings.HasPrefix(string(s.NewestImageID), "m-evil") || s.Behind == nil || *s.Behind != map[image.InstanceID]int{"i-old": 1}[s.InstanceID] {
			t.Errorf("%s is %v behind %s", s.InstanceID, s.Behind, s.NewestImageID)
		}
	}
}

// TestTheOneToUseIsSaidWhereItIsDetermined: not where several regions, architectures
// or systems fit.
func TestTheOneToUseIsSaidWhereItIsDetermined(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for query, one := range map[string]bool{
		"kind=custom": false, "kind=custom&region=cn-hangzhou": false, "kind=custom&region=cn-hangzhou&osType=linux": false, "kind=custom&osType=linux&arch=x86_64": false,
		"kind=custom&region=cn-hangzhou&osType=linux&arch=x86_64": true, "kind=custom&region=cn-hangzhou&instanceType=ecs.g7.large&osType=linux": true,
		"family=web-base": false, "family=web-base&region=cn-shanghai": true, "family=*-base&region=cn-hangzhou": false,
	} {
		var got answered
		get(t, f, "/images?"+query, &got)
		if len(got.Items) == 0 {
			t.Fatalf("%s: nothing", query)
		}
		said := slices.ContainsFunc(got.Items[0].Reasons, func(r image.Reason) bool {
			return r.Code == "newest" && strings.HasSuffix(r.Sentence, "the one to use")
		})
		if said != one {
			t.Errorf("%s: %v", query, got.Items[0].Reasons)
		}
	}
}

// TestAnImageOfAFamilyByItsID: the family and the id have to go together.
func TestAnImageOfAFamilyByItsID(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for query, want := range map[string]string{"id=m-old": "m-old", "id=m-old,m-new": "m-new", "id=m-arm": "", "id=m-none": ""} {
		var got struct {
			Items  []struct{ Image struct{ ImageID string } }
			Detail string
		}
		answer := get(t, f, "/families/web-base?region=cn-hangzhou&"+query, &got)
		switch {
		case want == "" && (answer.StatusCode != http.StatusNotFound || !strings.Contains(got.Detail, "among those that id names")):
			t.Errorf("%s: %d %q", query, answer.StatusCode, got.Detail)
		case want != "" && (len(got.Items) != 1 || got.Items[0].Image.ImageID != want):
			t.Errorf("%s: %d %+v", query, answer.StatusCode, got)
		}
	}
}

// TestTheVendorsProductsOfTheMarketplace: are provided by Alibaba Cloud, by whichever
// of its names, and are no other vendor's.
func TestTheVendorsProductsOfTheMarketplace(t *testing.T) {
	t.Parallel()
	cloud := world()
	for id, supplier := range map[image.ID]string{"m-vendor": "Alibaba Cloud", "m-chinese": "阿里云计算有限公司", "m-lower": "alibaba cloud computing"} {
		cloud.AddImage(cloudsim.FirstAccount, "cn-shanghai", cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindMarketplace, Name: "product", CreatedAt: day(3), Architecture: image.X86_64, Platform: "Ubuntu", ProductCode: "cmjj0002", Supplier: supplier,
		}})
	}
	f := finder(views(cloud))
	for query, want := range map[string]string{"alibaba": "m-chinese m-lower m-vendor", "isv": "m-market"} {
		var got answered
		get(t, f, "/images?kind=marketplace&provider="+query, &got)
		ids := strings.Fields(got.ids())
		slices.Sort(ids)
		if strings.Join(ids, " ") != want {
			t.Errorf("%s: %q, want %q", query, ids, want)
		}
	}
}
