package cloudsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestDescribeImagesRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	type request = cloudsim.DescribeImagesRequest
	for _, c := range []struct {
		name   string
		req    request
		code   string
		status int
	}{
		{"region", request{RegionID: "cn-nowhere"}, "InvalidRegionId.NotFound", 404},
		{"alias", request{OwnerAlias: "mine"}, "InvalidImageOwnerAlias.ValueNotSupported", 400},
		{"public without others", request{IsPublic: image.Yes}, "InvalidImageOwnerAlias.PublicImageUnsupported", 400},
		{"owner without others", request{OwnerID: two}, "InvalidOperation.ImageOwnerIdUnsupported", 400},
		{"system", request{OSType: "beos"}, "InvalidOSType", 404},
		{"architecture", request{Architecture: "mips"}, "InvalidArchitecture", 404},
		{"usage", request{Usage: "often"}, "InvalidUsage", 404},
		{"action", request{ActionType: "Paint"}, "InvalidParamter", 400},
		{"status", request{Statuses: []image.Status{"Lost"}}, "InvalidParamter", 400},
		{"ALL among others", request{Statuses: []image.Status{"ALL", "Available"}}, "InvalidParamter", 400},
		{"ids", request{ImageIDs: make([]image.ID, 101)}, "InvalidParamter", 400},
		{"instance type", request{InstanceType: "ecs.x.y"}, "InvalidInstanceType.ValueNotSupported", 400},
		{"tag without key", request{Tags: []cloudsim.Tag{{Value: "v"}}}, "InvalidTag.Mismatch", 400},
		{"tags", request{Tags: make([]cloudsim.Tag, 21)}, "InvalidTagCount", 400},
		{"filter key", request{Filters: []cloudsim.Filter{{Key: "Colour"}}}, "InvalidFilterKey.NotFound", 404},
		{"filter time", request{Filters: []cloudsim.Filter{{Key: "CreationStartTime", Value: "today"}}}, "InvalidFilterValue", 404},
		{"filter network", request{Filters: []cloudsim.Filter{{Key: "NetworkType", Value: "moon"}}}, "InvalidFilterValue.NetworkType", 400},
		{"filter upgrade", request{Filters: []cloudsim.Filter{{Key: "CpuOnlineUpgrade", Value: "maybe"}}}, "InvalidFilterValue", 404},
		{"page size", request{Pages: cloudsim.Pages{Size: 101}}, "InvalidParameter", 400},
		{"page number", request{Pages: cloudsim.Pages{Number: -1}}, "InvalidParameter", 400},
		{"dry run", request{DryRun: true}, "DryRunOperation", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.req.RegionID == "" {
				c.req.RegionID = hangzhou
			}
			_, err := w.s.DescribeImages(c.req)
			expect(t, err, c.code, c.status)
		})
	}
	_, err := w.s.DescribeImages(request{})
	expect(t, err, "MissingParameter", 400)
}

func TestListingsOfOthersIgnorePermission(t *testing.T) {
	t.Parallel()
	for _, authorised := range []bool{false, true} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{ListingsAuthorised: authorised}})
		w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindPublic}})
		if err := w.cloud.AllowOnly("local", []string{}); err != nil {
			t.Fatal(err)
		}
		s := sessionOf(t, w.cloud, "local")
		page, err := s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, OwnerAlias: cloudsim.AliasSystem})
		if authorised {
			expect(t, err, "Forbidden.RAM", 403)
		} else if err != nil || page.Total != 1 {
			t.Errorf("public images: %d, %v", page.Total, err)
		}
		_, err = s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, OwnerAlias: cloudsim.AliasSelf})
		expect(t, err, "Forbidden.RAM", 403)
	}
}

func TestDescribeImagesDefaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for i := range 25 {
		w.add(cloudsim.ImageSpec{Image: image.Image{Name: fmt.Sprintf("im-%02d", i), CreatedAt: cloudsim.Epoch().Add(time.Duration(i) * time.Minute)}})
	}
	page, err := w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou})
	if err != nil || len(page.Images) != 10 || page.PageMark != (cloudsim.PageMark{Number: 1, Size: 10, Total: 25}) {
		t.Fatalf("%d rows, %+v, %v", len(page.Images), page.PageMark, err)
	}
	if page.Images[0].Name != "im-24" {
		t.Errorf("the first is %s, want the newest", page.Images[0].Name)
	}
	page, err = w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, Pages: cloudsim.Pages{Number: 4}})
	if err != nil || len(page.Images) != 0 || page.Total != 25 {
		t.Errorf("behind the last page: %d rows, %+v, %v", len(page.Images), page.PageMark, err)
	}
}

func TestDescribeImagesFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	at := cloudsim.Epoch().Add(-48 * time.Hour)
	web := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "team-Web-base-1", Tags: image.Tags{"env": "prod", "k": "v"}, CreatedAt: at, ResourceGroup: "rg-1"}})
	w.add(cloudsim.ImageSpec{Image: image.Image{Name: "api", CloudInit: true, Kind: image.KindCommunity}})
	type request = cloudsim.DescribeImagesRequest
	for name, req := range map[string]request{
		"a part of the name": {ImageName: "web-base"},
		"tag and value":      {Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}}},
		"tag alone":          {Tags: []cloudsim.Tag{{Key: "env"}, {Key: "k", Value: "v"}}},
		"until":              {Filters: []cloudsim.Filter{{Key: "CreationEndTime", Value: at.Format("2006-01-02T15:04Z")}}},
		"from and until": {Filters: []cloudsim.Filter{
			{Key: "CreationStartTime", Value: at.Format("2006-01-02T15:04Z")}, {Key: "CreationEndTime", Value: at.Add(time.Hour).Format("2006-01-02T15:04Z")},
		}},
		"resource group":      {ResourceGroup: "rg-1"},
		"without cloud-init":  {CloudInit: image.No},
		"not published":       {IsPublic: image.No},
		"usable of the named": {ImageIDs: []image.ID{web}, Statuses: []image.Status{"ALL"}, Usable: image.Yes},
	} {
		req.RegionID = hangzhou
		page, err := w.s.DescribeImages(req)
		if err != nil || page.Total != 1 || page.Images[0].ID != web {
			t.Errorf("%s: %d rows, %v", name, page.Total, err)
		}
	}
	for name, req := range map[string]request{
		"another value":     {Tags: []cloudsim.Tag{{Key: "env", Value: "dev"}}},
		"no I/O optimised":  {IOOptimized: image.No},
		"not usable":        {Statuses: []image.Status{"ALL"}, Usable: image.No},
		"others' community": {OwnerAlias: cloudsim.AliasOthers, IsPublic: image.Yes},
	} {
		req.RegionID = hangzhou
		if page, err := w.s.DescribeImages(req); err != nil || page.Total != 0 {
			t.Errorf("%s: %d rows, %v", name, page.Total, err)
		}
	}
}

func TestTagSearchIsCapped(t *testing.T) {
	t.Parallel()
	for whole, want := range map[bool]int{false: 1000, true: 1003} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{TagSearchWhole: whole}})
		for range 1003 {
			w.add(cloudsim.ImageSpec{Image: image.Image{Tags: image.Tags{"env": "prod"}}})
		}
		page, err := w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, Tags: []cloudsim.Tag{{Key: "env"}}})
		if err != nil || page.Total != want {
			t.Errorf("a search by tag finds %d, %v, want %d", page.Total, err, want)
		}
	}
}

func TestNameAndIDReadings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{NamePrefix: true, SingleImageID: true}})
	a := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "web-base"}})
	b := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "old-web-base"}})
	page, err := w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, ImageName: "web"})
	if err != nil || page.Total != 1 || page.Images[0].ID != a {
		t.Errorf("by prefix: %d rows, %v", page.Total, err)
	}
	page, err = w.s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, ImageIDs: []image.ID{a, b}})
	if err != nil || page.Total != 0 {
		t.Errorf("two ids: %d rows, %v", page.Total, err)
	}
}

func TestFromFamilyIsTheNewestAvailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	at := cloudsim.Epoch()
	w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web", CreatedAt: at.Add(-3 * time.Hour)}})
	want := w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web", CreatedAt: at.Add(-2 * time.Hour)}})
	w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web", CreatedAt: at.Add(-time.Hour), Status: image.StatusDeprecated}})
	w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web", CreatedAt: at}, Making: time.Hour})
	w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{Image: image.Image{Family: "theirs"}, SharedWith: []image.AccountID{one}})
	row, found, err := w.s.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: hangzhou, ImageFamily: "web"})
	if err != nil || !found || row.ID != want {
		t.Errorf("got %s, %v, %v; want %s", row.ID, found, err, want)
	}
	_, found, err = w.s.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: hangzhou, ImageFamily: "theirs"})
	if err != nil || found {
		t.Errorf("a shared family: %v, %v", found, err)
	}
	_, _, err = w.s.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: hangzhou})
	expect(t, err, "MissingParameter", 400)
}

func TestSupportedInstanceTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	arm := w.add(cloudsim.ImageSpec{Image: image.Image{Architecture: image.ARM64}})
	failed := w.add(cloudsim.ImageSpec{Fails: true})
	types, err := w.s.DescribeImageSupportInstanceTypes(cloudsim.DescribeImageSupportInstanceTypesRequest{RegionID: hangzhou, ImageID: arm})
	if err != nil || len(types) == 0 {
		t.Fatalf("%d types, %v", len(types), err)
	}
	for _, typ := range types {
		if typ.Architecture != image.ARM64 || typ.NVMe == "required" {
			t.Errorf("%s cannot start from the image", typ.ID)
		}
	}
	byFilter, err := w.s.DescribeImageSupportInstanceTypes(cloudsim.DescribeImageSupportInstanceTypesRequest{
		RegionID: hangzhou, Filters: []cloudsim.Filter{{Key: "imageId", Value: string(arm)}},
	})
	if err != nil || len(byFilter) != len(types) {
		t.Errorf("by filter: %d types, %v", len(byFilter), err)
	}
	for _, id := range []image.ID{failed, "m-unknown"} {
		_, err = w.s.DescribeImageSupportInstanceTypes(cloudsim.DescribeImageSupportInstanceTypesRequest{RegionID: hangzhou, ImageID: id})
		expect(t, err, "InvalidImageId.NotFound", 404)
	}
	_, err = w.s.DescribeImageSupportInstanceTypes(cloudsim.DescribeImageSupportInstanceTypesRequest{RegionID: hangzhou, ActionType: "Paint"})
	expect(t, err, "InvalidParamter", 400)
}

func TestReadersCannotChangeWhatTheyRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.add(cloudsim.ImageSpec{Image: image.Image{Tags: image.Tags{"env": "prod"}}})
	row := w.list(w.s, hangzhou)[0]
	row.Tags["env"], row.Disks[0].SizeGiB = "dev", 1
	if again := w.list(w.s, hangzhou)[0]; again.Tags["env"] != "prod" || again.Disks[0].SizeGiB != 40 {
		t.Errorf("a reader changed it: %v %v", again.Tags, again.Disks)
	}
	if !strings.HasPrefix(string(row.ID), "m-bp1") || len(row.ID) != 22 {
		t.Errorf("id %s does not look like one of cn-hangzhou", row.ID)
	}
}
