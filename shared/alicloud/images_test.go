package alicloud_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

func TestImageIsReadWholeFromTheWire(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action != "DescribeImages" {
			return answered{}
		}
		return ok(imagesPage(q, 1))
	})
	got, err := reader(t, w).Images(t.Context(), region, image.Listing{})
	if err != nil {
		t.Fatal(err)
	}
	want := []image.Image{{
		Ref:   image.Ref{Account: account, Region: region, ID: "m-000000"},
		Owner: account, Kind: image.KindCustom, Name: "web-base-0", Description: "base image of the web tier",
		Family: "web-base", Status: image.StatusAvailable, OSType: image.Linux, OSName: "Ubuntu  22.04 64 bit",
		Platform: "Ubuntu", Architecture: image.X86_64, BootMode: image.UEFIPreferred, SizeGiB: 40,
		CreatedAt: time.Date(2023, 3, 6, 6, 4, 4, 0, time.UTC), SharedOut: image.No, Usable: image.Yes,
		Usage: image.UsageNone, CloudInit: true, IOOptimized: image.Yes, NVMe: "supported", Progress: 100,
		Disks: []image.DiskMapping{{Device: "/dev/xvda", System: true, SizeGiB: 40, SnapshotID: "s-000000", Encrypted: image.No}},
		Tags:  image.Tags{"team": "web", "stage": "prod"},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestImagesSendWhatWasAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  image.Listing
		want map[string]string
	}{
		{"nothing", image.Listing{}, map[string]string{"ImageOwnerAlias": "", "Status": "", "PageSize": "100", "PageNumber": "1", "RegionId": region}},
		{"public", image.Listing{Kind: image.KindPublic}, map[string]string{"ImageOwnerAlias": "system"}},
		{"custom", image.Listing{Kind: image.KindCustom}, map[string]string{"ImageOwnerAlias": "self"}},
		{"shared", image.Listing{Kind: image.KindShared, Owner: "7"}, map[string]string{"ImageOwnerAlias": "others", "IsPublic": "", "ImageOwnerId": "7"}},
		{"community", image.Listing{Kind: image.KindCommunity}, map[string]string{"ImageOwnerAlias": "others", "IsPublic": "true"}},
		{"marketplace", image.Listing{Kind: image.KindMarketplace}, map[string]string{"ImageOwnerAlias": "marketplace"}},
		{"the rest", image.Listing{
			IDs: []image.ID{"m-1", "m-2"}, Family: "f", SnapshotID: "s-1", OSType: image.Linux, Architecture: image.ARM64,
			InstanceType: "ecs.g7.large", Usage: image.UsageNone, Statuses: []image.Status{image.StatusAvailable, image.StatusDeprecated},
		}, map[string]string{
			"ImageId": "m-1,m-2", "ImageFamily": "f", "SnapshotId": "s-1", "OSType": "linux", "Architecture": "arm64",
			"InstanceType": "ecs.g7.large", "Usage": "none", "Status": "Available,Deprecated",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, n int, q url.Values) answered {
				if action == "DescribeImages" && n == 1 {
					for name, value := range c.want {
						if q.Get(name) != value {
							t.Errorf("%s=%q, want %q", name, q.Get(name), value)
						}
					}
				}
				switch {
				case action != "DescribeImages":
					return answered{}
				case c.ask.Kind == "" && c.ask.Family == "", c.ask.Kind == image.KindPublic:
					return ok(imagesPage(q, 1))
				}
				return ok(imagesBody(1, 100, 0, nil))
			})
			if _, err := reader(t, w).Images(t.Context(), region, c.ask); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestImagesRefuseWhatECSWouldMisunderstand(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(string, int, url.Values) answered { return answered{status: 500} })
	for _, c := range []struct {
		name, field string
		region      image.RegionID
		ask         image.Listing
	}{
		{"no region", "regionId", "", image.Listing{}},
		{"a host as region", "regionId", "evil.example/", image.Listing{}},
		{"too many ids", "ids", region, image.Listing{IDs: make([]image.ID, 101)}},
		{"an empty id", "ids", region, image.Listing{IDs: []image.ID{""}}},
		{"two ids in one", "ids", region, image.Listing{IDs: []image.ID{"m-1,m-2"}}},
		{"a kind that is none", "kind", region, image.Listing{Kind: "private"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := reader(t, w).Images(t.Context(), c.region, c.ask)
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != c.field {
				t.Errorf("got %v, want kind %s of %s", err, fault.Invalid, c.field)
			}
		})
	}
	if n := w.count("DescribeImages"); n != 0 {
		t.Errorf("%d calls for requests that cannot be right", n)
	}
}

func TestImagesOfManyPagesComeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	var inFlight, peak atomic.Int32
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action != "DescribeImages" {
			return answered{}
		}
		peak.Store(max(peak.Load(), inFlight.Add(1)))
		defer inFlight.Add(-1)
		time.Sleep(2 * time.Millisecond)
		return ok(imagesPage(q, 4321))
	})
	got, err := reader(t, w).Images(t.Context(), region, image.Listing{})
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range got {
		if i.ID != image.ID(fmt.Sprintf("m-%06d", n)) {
			t.Fatalf("image %d is %s", n, i.ID)
		}
	}
	if len(got) != 4321 || w.count("DescribeImages") != 44 {
		t.Errorf("%d images in %d calls", len(got), w.count("DescribeImages"))
	}
	if p := peak.Load(); p < 2 || p > 32 {
		t.Errorf("%d calls at once, want several and at most 32", p)
	}
}

// TestLyingPagesAreNeverAnAnswer: whatever a page says wrongly, the listing is
// read again or fails as unknown; when the lie stops, the list is whole.
func TestLyingPagesAreNeverAnAnswer(t *testing.T) {
	t.Parallel()
	page := func(n, size, total int) string {
		return imagesPage(url.Values{"PageNumber": {fmt.Sprint(n)}, "PageSize": {fmt.Sprint(size)}}, total)
	}
	whole := page(2, 100, 250)
	for name, lie := range map[string]string{
		"empty body":            "",
		"null":                  "null",
		"an array":              "[]",
		"empty object":          "{}",
		"truncated":             whole[:len(whole)/2],
		"trailing text":         whole + "x",
		"no request id":         strings.Replace(whole, `"RequestId":"r",`, "", 1),
		"empty request id":      strings.Replace(whole, `"RequestId":"r"`, `"RequestId":""`, 1),
		"no list":               `{"RequestId":"r","TotalCount":0,"PageNumber":2,"PageSize":100}`,
		"null list":             `{"RequestId":"r","TotalCount":0,"PageNumber":2,"PageSize":100,"Images":null}`,
		"null inner list":       `{"RequestId":"r","TotalCount":0,"PageNumber":2,"PageSize":100,"Images":{"Image":null}}`,
		"list twice":            strings.Replace(whole, `"Images":`, `"Images":{"Image":[]},"Images":`, 1),
		"null row":              `{"RequestId":"r","TotalCount":101,"PageNumber":2,"PageSize":100,"Images":{"Image":[null]}}`,
		"no count":              strings.Replace(whole, `"TotalCount":250,`, "", 1),
		"a count beyond reason": strings.Replace(whole, `"TotalCount":250`, `"TotalCount":1e400`, 1),
		"a negative count":      strings.Replace(whole, `"TotalCount":250`, `"TotalCount":-1`, 1),
		"a huge count":          strings.Replace(whole, `"TotalCount":250`, `"TotalCount":2000000000`, 1),
		"a short page":          imagesBody(2, 100, 250, []string{imageRow(100)}),
		"a long page":           strings.Replace(page(1, 250, 250), `"PageNumber":1,"PageSize":250`, `"PageNumber":2,"PageSize":100`, 1),
		"another page's number": strings.Replace(page(1, 100, 250), `"PageNumber":2`, `"PageNumber":1`, 1),
		"another page's rows":   strings.Replace(page(1, 100, 250), `"PageNumber":1`, `"PageNumber":2`, 1),
		"another page size":     strings.Replace(whole, `"PageSize":100`, `"PageSize":50`, 1),
		"another count":         page(2, 100, 249),
		"another region":        strings.Replace(whole, region, "cn-shanghai", 1),
		"a row without id":      strings.Replace(whole, `"ImageId":"m-000150"`, `"ImageId":""`, 1),
		"an alias nobody knows": strings.Replace(whole, `"ImageOwnerAlias":"self"`, `"ImageOwnerAlias":"moon"`, 1),
		"an unreadable time":    strings.Replace(whole, `2023-03-06T06:04:04Z`, `yesterday`, 1),
		"an object for a name":  strings.Replace(whole, `"ImageName":"web-base-150"`, `"ImageName":{}`, 1),
		"invalid UTF-8":         strings.Replace(whole, "web-base-150", "web-\xff", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkLie(t, lie, 1)
			checkLie(t, lie, 1<<30)
		})
	}
}

// checkLie reads 250 images from a wire that gives lie as page 2, so often.
func checkLie(t *testing.T, lie string, often int32) {
	t.Helper()
	var told atomic.Int32
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		switch {
		case action != "DescribeImages":
			return answered{}
		case q.Get("PageNumber") == "2" && told.Add(1) <= often:
			return ok(lie)
		}
		return ok(imagesPage(q, 250))
	})
	got, err := reader(t, w).Images(t.Context(), region, image.Listing{})
	switch {
	case often == 1 && (err != nil || len(got) != 250):
		t.Errorf("told once: %d images, %v; want all 250", len(got), err)
	case often > 1 && (fault.Of(err) != fault.Unknown || got != nil):
		t.Errorf("told always: %d images, %v; want kind %s", len(got), err, fault.Unknown)
	}
}

func TestImagesOfOtherIDsAreNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action != "DescribeImages" {
			return answered{}
		}
		return ok(imagesPage(q, 1))
	})
	_, err := reader(t, w).Images(t.Context(), region, image.Listing{IDs: []image.ID{"m-other"}})
	if fault.Of(err) != fault.Unknown {
		t.Errorf("got %v, want kind %s", err, fault.Unknown)
	}
}

// TestSeveralIDsWhereTheAPITakesOne: the other reading of ImageId.
func TestSeveralIDsWhereTheAPITakesOne(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		switch {
		case action != "DescribeImages":
			return answered{}
		case q.Get("ImageId") == "m-000000":
			return ok(imagesPage(q, 1))
		}
		return ok(imagesBody(1, 100, 0, nil))
	})
	got, err := reader(t, w).Images(t.Context(), region, image.Listing{IDs: []image.ID{"m-000000", "m-none"}})
	if err != nil || len(got) != 1 || got[0].ID != "m-000000" {
		t.Errorf("got %v, %v; want the one that exists", got, err)
	}
}

// TestImagesAreNotGoneAllAtOnce: a list that was not empty a moment ago is not
// believed to be empty when it is read again.
func TestImagesAreNotGoneAllAtOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, n int, q url.Values) answered {
		switch {
		case action != "DescribeImages":
			return answered{}
		case n == 1:
			return ok(imagesPage(q, 250))
		}
		return ok(imagesBody(integer(q, "PageNumber", 1), 100, 0, nil))
	})
	got, err := reader(t, w).Images(t.Context(), region, image.Listing{Kind: image.KindCustom})
	if fault.Of(err) != fault.Unknown {
		t.Errorf("250 images that are gone at once: %d images, %v; want kind %s", len(got), err, fault.Unknown)
	}
}

func TestGrantsAreReadFromAllPages(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		if action != "DescribeImageSharePermission" {
			return answered{}
		}
		number := integer(q, "PageNumber", 1)
		var list []string
		for n := (number - 1) * 100; n < min(number*100, 130); n++ {
			list = append(list, fmt.Sprintf(`{"AliyunId":"%d","SharedTime":"2024-01-02T03:04:05Z"}`, 2000+n))
		}
		return ok(fmt.Sprintf(`{"RequestId":"r","ImageId":"m-1","RegionId":%q,"TotalCount":130,"PageNumber":%d,"PageSize":100,`+
			`"ShareGroups":{"ShareGroup":[]},"Accounts":{"Account":[%s]}}`, region, number, strings.Join(list, ",")))
	})
	got, err := reader(t, w).Grants(t.Context(), region, "m-1")
	if err != nil || len(got) != 130 {
		t.Fatalf("%d grants, %v", len(got), err)
	}
	if want := (image.Grant{Account: "2000", At: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}); got[0] != want {
		t.Errorf("got %v, want %v", got[0], want)
	}
	if _, err := reader(t, w).Grants(t.Context(), region, "m-2"); fault.Of(err) != fault.Unknown {
		t.Errorf("the grants of another image: got %v, want kind %s", err, fault.Unknown)
	}
}
