package cloudsim_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

const (
	hangzhou = image.RegionID("cn-hangzhou")
	shanghai = image.RegionID("cn-shanghai")
	one      = cloudsim.FirstAccount
	two      = cloudsim.SecondAccount
)

// world is an empty cloud and the sessions of the two accounts that have keys.
type world struct {
	*testing.T
	cloud *cloudsim.Cloud
	clock *cloudsim.Clock
	s, s2 *cloudsim.Session
}

func newWorld(t *testing.T, options cloudsim.Options) *world {
	t.Helper()
	clock := cloudsim.NewClock(cloudsim.Epoch())
	options.Clock = clock
	cloud := cloudsim.New(options)
	return &world{T: t, cloud: cloud, clock: clock, s: sessionOf(t, cloud, "local"), s2: sessionOf(t, cloud, "local2")}
}

func sessionOf(t testing.TB, cloud *cloudsim.Cloud, key string) *cloudsim.Session {
	t.Helper()
	cred, ok := cloud.Credential(key)
	if !ok {
		t.Fatalf("no key %s", key)
	}
	return cloud.As(cred.Caller)
}

// add puts an image of account one into cn-hangzhou.
func (w *world) add(spec cloudsim.ImageSpec) image.ID { return w.cloud.AddImage(one, hangzhou, spec) }

// list is what a session sees of the region, whatever the state.
func (w *world) list(s *cloudsim.Session, region image.RegionID) []cloudsim.ImageRow {
	w.Helper()
	page, err := s.DescribeImages(cloudsim.DescribeImagesRequest{
		RegionID: region, Statuses: []image.Status{cloudsim.StatusAll}, Pages: cloudsim.Pages{Size: 100},
	})
	if err != nil {
		w.Fatal(err)
	}
	return page.Images
}

// row is one image as account one sees it.
func (w *world) row(region image.RegionID, id image.ID) (cloudsim.ImageRow, bool) {
	w.Helper()
	for _, row := range w.list(w.s, region) {
		if row.ID == id {
			return row, true
		}
	}
	return cloudsim.ImageRow{}, false
}

// expect asserts a refusal by ECS's code and HTTP status; "" is a success.
func expect(t testing.TB, err error, code string, status int) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("got %v, want no refusal", err)
		}
		return
	}
	var no *cloudsim.Refusal
	if !errors.As(err, &no) || no.Code != code || no.Status != status {
		t.Errorf("got %v, want %s (%d)", err, code, status)
	}
}

func TestRefusalIsItsKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Quotas: cloudsim.Quotas{Images: 1}})
	id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	request := cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: id}
	if _, err := w.s.CreateImage(request); err != nil {
		t.Fatal(err)
	}
	_, err := w.s.CreateImage(request)
	if !errors.Is(err, fault.Exhausted) || errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want kind %s", err, fault.Exhausted)
	}
	request.InstanceID = "i-unknown"
	if _, err := w.s.CreateImage(request); !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v, want kind %s", err, fault.NotFound)
	}
}

func TestClockOnlyGoesForward(t *testing.T) {
	t.Parallel()
	clock := cloudsim.NewClock(cloudsim.Epoch())
	clock.Advance(time.Hour)
	clock.Advance(-2 * time.Hour)
	if got := clock.Now(); !got.Equal(cloudsim.Epoch().Add(time.Hour)) {
		t.Errorf("the clock shows %s", got)
	}
}

func TestRegionsAndZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	rows, err := w.s.DescribeRegions(cloudsim.DescribeRegionsRequest{AcceptLanguage: "en-US"})
	if err != nil || len(rows) != 8 {
		t.Fatalf("%d regions, %v", len(rows), err)
	}
	for _, r := range rows {
		if r.Endpoint != "ecs."+string(r.ID)+".aliyuncs.com" || r.Status != "available" || r.Name == "" {
			t.Errorf("%+v", r)
		}
		zones, err := w.s.DescribeZones(cloudsim.DescribeZonesRequest{RegionID: r.ID})
		if err != nil || len(zones) < 2 || !strings.HasPrefix(string(zones[0].ID), string(r.ID)) {
			t.Errorf("zones of %s: %v, %v", r.ID, zones, err)
		}
	}
	_, err = w.s.DescribeRegions(cloudsim.DescribeRegionsRequest{AcceptLanguage: "xx"})
	expect(t, err, "InvalidAcceptLanguage.NotFound", 404)
	_, err = w.s.DescribeRegions(cloudsim.DescribeRegionsRequest{InstanceChargeType: "Free"})
	expect(t, err, "Invalid.InstanceChargeType", 403)
	_, err = w.s.DescribeRegions(cloudsim.DescribeRegionsRequest{ResourceType: "moon"})
	expect(t, err, "InvalidResourceType.NotFound", 404)
	_, err = w.s.DescribeZones(cloudsim.DescribeZonesRequest{RegionID: "cn-nowhere"})
	expect(t, err, "InvalidRegionId.NotFound", 404)
	_, err = w.s.DescribeZones(cloudsim.DescribeZonesRequest{})
	expect(t, err, "MissingParameter", 400)
}

func TestInstanceTypesComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	all, err := w.s.DescribeInstanceTypes(cloudsim.DescribeInstanceTypesRequest{})
	if err != nil || all.Next != "" {
		t.Fatalf("next %q, %v", all.Next, err)
	}
	var paged []image.InstanceType
	request := cloudsim.DescribeInstanceTypesRequest{MaxResults: 7}
	for {
		page, err := w.s.DescribeInstanceTypes(request)
		if err != nil || len(page.InstanceTypes) > 7 {
			t.Fatalf("%d types, %v", len(page.InstanceTypes), err)
		}
		paged = append(paged, page.InstanceTypes...)
		if request.Next = page.Next; request.Next == "" {
			break
		}
	}
	same := func(a, b image.InstanceType) bool { return a.ID == b.ID }
	if !slices.EqualFunc(all.InstanceTypes, paged, same) {
		t.Errorf("%d types in pages, %d at once", len(paged), len(all.InstanceTypes))
	}
	for _, bad := range []cloudsim.DescribeInstanceTypesRequest{
		{MaxResults: 101}, {MaxResults: -1}, {Next: "!"}, {CPUArchitecture: "MIPS"}, {InstanceTypes: make([]image.InstanceTypeID, 11)},
	} {
		_, err := w.s.DescribeInstanceTypes(bad)
		expect(t, err, "InvalidParameter", 400)
	}
	arm, err := w.s.DescribeInstanceTypes(cloudsim.DescribeInstanceTypesRequest{CPUArchitecture: "ARM", NvmeSupport: "required"})
	if err != nil || len(arm.InstanceTypes) == 0 {
		t.Fatalf("%d types, %v", len(arm.InstanceTypes), err)
	}
	for _, a := range arm.InstanceTypes {
		if a.Architecture != image.ARM64 || a.NVMe != "required" {
			t.Errorf("%+v", a)
		}
	}
}
