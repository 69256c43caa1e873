package main

import (
	"net/http"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// knownToPrice is the class that price knows: whether the system's licence is charged
// for, where no Marketplace product is charged for beside it; empty if it does not know.
func knownToPrice(r pricing.Ruling) selection.Licence {
	switch {
	case r.Licence == pricing.IsCharged:
		return selection.Paid
	case r.Licence == pricing.NotCharged && !r.Marketplace:
		return selection.Free
	}
	return ""
}

// TestTheClassIsWhatPriceKnows: no image of a whole company is said to be free, or
// not known, whose licence price knows, in a list, alone and by the filter; and what
// is known once is not asked for again.
func TestTheClassIsWhatPriceKnows(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: 300, Instances: 60})
	h := handler{
		config: config{Places: alicloud.Places{Regions: []alicloud.RegionWord{"all"}}, Settings: pricing.Settings{Site: pricing.China}},
		rates:  pricing.Published(), accounts: views(cloud), classes: new(quoting.Classes), now: cloudsim.Epoch,
	}
	f := h.function()
	const everything = "/images?kind=custom,shared,community&limit=1000&status=Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"
	var all list
	if answer := get(t, f, everything, &all); answer.StatusCode != http.StatusOK || len(all.Items) < 100 {
		t.Fatalf("%d, %d items", answer.StatusCode, len(all.Items))
	}
	s, err := survey.Open(t.Context(), views(cloud)(function.Call{}), survey.Scope{All: true, Home: "cn-hangzhou", Now: cloudsim.Epoch})
	if err != nil {
		t.Fatal(err)
	}
	classes, onlySources := map[lineage.Key]selection.Licence{}, 0
	for _, r := range all.Items {
		classes[lineage.Key{Region: r.RegionID, ID: r.ImageID}] = r.Licence
	}
	images := map[lineage.Key]image.Image{}
	for _, p := range s.Places() {
		found, err := p.Images(t.Context(), image.Listing{Statuses: image.Statuses()})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range found {
			if _, shown := classes[lineage.KeyOf(i.Ref)]; shown {
				images[lineage.KeyOf(i.Ref)] = i
			}
		}
	}
	var keys []lineage.Key
	var subjects []pricing.Subject
	for k, i := range images {
		keys, subjects = append(keys, k), append(subjects, pricing.Subject{Image: i, Account: i.Account})
	}
	for n, one := range h.prices().Licences(t.Context(), s, subjects).Of {
		k, i := keys[n], subjects[n].Image
		want := knownToPrice(one.Rule)
		if listed, _ := selection.LicenceOf(&i); want != "" && listed == selection.UnknownLicence {
			onlySources++
			var alone detail
			get(t, f, "/images/"+string(i.ID)+"?region="+string(i.Region), &alone)
			if alone.Licence != want || len(alone.LicenceReasons) == 0 {
				t.Errorf("%s alone is %s: %v, price says %s", k, alone.Licence, alone.LicenceReasons, want)
			}
		}
		if got := classes[k]; want != "" && got != want {
			t.Errorf("%s (%s) is %s, price says %s", k, i.Platform, got, want)
		}
	}
	if onlySources == 0 {
		t.Error("of no image only the source tells")
	}
	total := 0
	for _, class := range []selection.Licence{selection.Free, selection.Paid, selection.UnknownLicence} {
		var some list
		get(t, f, everything+"&licence="+string(class), &some)
		total += len(some.Items)
		for _, r := range some.Items {
			if r.Licence != class {
				t.Errorf("licence=%s has %s, which is %s", class, r.ImageID, r.Licence)
			}
		}
	}
	if total != len(all.Items) {
		t.Errorf("%d of %d images by their class", total, len(all.Items))
	}
}

// TestTheListingAndPriceAgree: what the listing alone tells of an image that was
// made from another one is not contradicted by price, whatever it was made from.
func TestTheListingAndPriceAgree(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, platform := range []string{"Aliyun", "CentOS", "Ubuntu", "Red Hat", "SUSE", "OpenSUSE", "Windows Server 2022", "Rocky Linux", "Others Linux", "Debian"} {
		for _, kind := range []image.Kind{image.KindCustom, image.KindShared, image.KindCommunity} {
			for _, region := range []image.RegionID{"cn-hangzhou", "cn-hongkong", "ap-southeast-1", "cn-atlantis"} {
				for _, licence := range []string{"", "BYOL", "Aliyun", "Auto"} {
					i := image.Image{Ref: image.Ref{Account: cloudsim.FirstAccount, Region: region, ID: "m-1"}, Kind: kind, Platform: platform, OSType: image.Linux, LicenseType: licence}
					if platform == "Windows Server 2022" {
						i.OSType = image.Windows
					} else if licence != "" {
						continue // licence types are for Windows
					}
					origin := pricing.OSOf(i)
					for _, source := range []pricing.Source{
						{},
						{Kind: pricing.SourceUnknown},
						{Kind: pricing.SourceAccount},
						{Kind: pricing.SourcePublic, Sure: pricing.Observed, OS: origin},
						{Kind: pricing.SourceImport, Sure: pricing.Observed, OS: origin, LicenseType: licence},
					} {
						if licence != "" && source.Kind == pricing.SourcePublic {
							continue // only imports have one
						}
						listed, _ := selection.LicenceOf(&i)
						if want := knownToPrice(pricing.Judge(i, source, i.Region)); listed != selection.UnknownLicence && want != "" && want != listed {
							t.Errorf("%s %s in %s, licence %q, from %q: the listing says %s, price %s", kind, platform, region, licence, source.Kind, listed, want)
						}
						checked++
					}
				}
			}
		}
	}
	if checked < 500 {
		t.Errorf("%d", checked)
	}
}
