package image_test

import (
	"fmt"
	"slices"
	"testing"

	"imagekeeper/shared/image"
)

func TestMainland(t *testing.T) {
	t.Parallel()
	for region, want := range map[image.RegionID]image.Tri{
		"cn-hangzhou": image.Yes, "cn-heyuan-acdr-1": image.Yes, "cn-north-2-gov-1": image.Yes,
		"cn-hongkong": image.No, "eu-central-1": image.No, "xx-new-1": image.No,
		"": image.Unknown, "cn-somewhere-new": image.Unknown,
	} {
		if got := image.Mainland(region); got != want {
			t.Errorf("%q: %s, want %s", region, got, want)
		}
	}
	for _, r := range image.RegionsAbroad() {
		if slices.Contains(image.MainlandRegions(), r) {
			t.Errorf("%s is on both lists", r)
		}
	}
}

func TestFamiliesByEitherName(t *testing.T) {
	t.Parallel()
	ours := image.Image{Ref: image.Ref{Account: "1", Region: "cn-hangzhou"}, Kind: image.KindCustom, Family: "web-base"}
	granted := image.Image{Ref: image.Ref{Account: "2", Region: "cn-hangzhou"}, Kind: image.KindShared, Owner: "1", Family: "acs:1:web-base"}
	plain, public := granted, image.Image{Kind: image.KindPublic, Family: "acs:ubuntu_22_04_x64"}
	plain.Family = "web-base"
	for n, i := range []image.Image{ours, granted, plain} {
		if i.FamilyName() != "web-base" || !i.InFamily("web-base") || !i.InFamily("acs:1:web-base") || i.InFamily("acs:2:web-base") || i.InFamily("web") {
			t.Errorf("%d: %s", n, i.FamilyName())
		}
		if !i.InFamilies([]image.Family{"none", "web-*"}) || !i.InFamilies([]image.Family{"web-bas?"}) || i.InFamilies([]image.Family{"Web*"}) || i.InFamilies(nil) {
			t.Errorf("%d: globs", n)
		}
	}
	if public.FamilyName() != "acs:ubuntu_22_04_x64" || !public.InFamilies([]image.Family{"acs:ubuntu*"}) || (image.Image{}).InFamilies([]image.Family{"*"}) {
		t.Error("families of Alibaba Cloud")
	}
}

func ExampleImage_FamilyName() {
	seen := image.Image{Kind: image.KindShared, Owner: "1000000000000001", Family: "acs:1000000000000001:web-base"}
	fmt.Println(seen.FamilyName())
	// Output: web-base
}
