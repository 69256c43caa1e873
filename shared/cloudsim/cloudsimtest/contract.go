// Package cloudsimtest is one suite about the reading side of the cloud, run on
// every implementation of it: the view in memory and the adapter over HTTP. A
// world is built with cloudsim, then read through the subject.
package cloudsimtest

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Catalogue is the part of the reading side that is about images.
type Catalogue interface {
	Regions(ctx context.Context) ([]image.Region, error)
	Images(ctx context.Context, region image.RegionID, l image.Listing) ([]image.Image, error)
	InstanceTypes(ctx context.Context, region image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error)
	Grants(ctx context.Context, region image.RegionID, id image.ID) ([]image.Grant, error)
}

// Fleet is the part of the reading side that is about who uses images.
type Fleet interface {
	ID(ctx context.Context) (image.AccountID, error)
	Instances(ctx context.Context, region image.RegionID, l image.InstanceListing) ([]image.Instance, error)
	Disks(ctx context.Context, region image.RegionID, l image.DiskListing) ([]image.Disk, error)
	Snapshots(ctx context.Context, region image.RegionID, l image.SnapshotListing) ([]image.Snapshot, error)
}

// Subject is the whole reading side, for one account.
type Subject interface {
	Catalogue
	Fleet
}

// Open returns the subject that reads the cloud as the account, by the
// account's first key ("local" or "local2"). What it starts ends with the test.
type Open func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) Subject

const (
	one    = cloudsim.FirstAccount
	two    = cloudsim.SecondAccount
	region = image.RegionID("cn-hangzhou")
)

// A world is one cloud and who reads it.
type world struct {
	*testing.T
	cloud   *cloudsim.Cloud
	clock   *cloudsim.Clock
	subject Subject
	open    Open
}

// Run runs the suite on the subject that open returns.
func Run(t *testing.T, open Open) {
	t.Helper()
	groups := []map[string]func(*world){imageCases(), shareCases(), fleetCases(), failureCases()}
	for _, group := range groups {
		for name, check := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				clock := cloudsim.NewClock(cloudsim.Epoch())
				cloud := cloudsim.New(cloudsim.Options{Seed: 7, Clock: clock})
				check(&world{t, cloud, clock, open(t, cloud, one), open})
			})
		}
	}
	t.Run("a whole catalogue is read as it is", func(t *testing.T) {
		t.Parallel()
		wholeCatalogue(t, open)
	})
}

// ctx is the context of calls that are not given up.
func (w *world) ctx() context.Context { return w.Context() }

// images lists images, or ends the test.
func (w *world) images(l image.Listing) []image.Image {
	w.Helper()
	list, err := w.subject.Images(w.ctx(), region, l)
	if err != nil {
		w.Fatalf("images %+v: %v", l, err)
	}
	return list
}

// add puts images of account one into the region.
func (w *world) add(specs ...image.Image) []image.ID {
	var ids []image.ID
	for _, s := range specs {
		ids = append(ids, w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: s}))
	}
	return ids
}

// expect compares two lists as sets, and refuses duplicates.
func expect[T cmp.Ordered](t testing.TB, what string, got, want []T) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d: %.300v, want %d: %.300v", what, len(got), got, len(want), want)
	}
}

// ids are the ids of a list.
func ids[T any, ID ~string](list []T, id func(T) ID) []ID {
	out := make([]ID, 0, len(list))
	for _, v := range list {
		out = append(out, id(v))
	}
	return out
}

func imageID(i image.Image) image.ID               { return i.ID }
func instanceID(i image.Instance) image.InstanceID { return i.ID }
func diskID(d image.Disk) image.DiskID             { return d.ID }
func snapshotID(s image.Snapshot) image.SnapshotID { return s.ID }

// expectKind asserts the kind of a failure.
func expectKind(t testing.TB, what string, err error, want fault.Kind) {
	t.Helper()
	if fault.Of(err) != want {
		t.Errorf("%s: got %q (%v), want %q", what, fault.Of(err), err, want)
	}
}

// same asserts that two values are equal, down to every field; no list and an
// empty one are the same.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	g, w := settled(reflect.ValueOf(got)), settled(reflect.ValueOf(want))
	if !reflect.DeepEqual(g.Interface(), w.Interface()) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// settled returns a copy of a struct whose empty lists and maps are nil.
func settled(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range out.NumField() {
		f := out.Field(i)
		if k := f.Kind(); (k == reflect.Slice || k == reflect.Map) && f.Len() == 0 {
			f.SetZero()
		}
	}
	return out
}

// wholeCatalogue reads a seeded catalogue through the subject and, as a second
// opinion, through the view in memory: every field of every row must agree.
func wholeCatalogue(t *testing.T, open Open) {
	cloud := company.New(cloudsim.Options{Seed: 3, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: 300, Instances: 60})
	for _, account := range []image.AccountID{one, two} {
		subject, view := open(t, cloud, account), cloud.View(account)
		regions, err := subject.Regions(t.Context())
		if err != nil || len(regions) < 8 {
			t.Fatalf("regions: %d, %v", len(regions), err)
		}
		for _, r := range regions {
			for _, kind := range append(image.Kinds(), "") {
				l := image.Listing{Kind: kind, Statuses: image.Statuses()}
				agree(t, "images", imageID, func(s Subject) ([]image.Image, error) { return s.Images(t.Context(), r.ID, l) }, subject, view)
			}
			agree(t, "instances", instanceID, func(s Subject) ([]image.Instance, error) {
				return s.Instances(t.Context(), r.ID, image.InstanceListing{})
			}, subject, view)
			agree(t, "disks", diskID, func(s Subject) ([]image.Disk, error) {
				return s.Disks(t.Context(), r.ID, image.DiskListing{})
			}, subject, view)
			agree(t, "snapshots", snapshotID, func(s Subject) ([]image.Snapshot, error) {
				return s.Snapshots(t.Context(), r.ID, image.SnapshotListing{})
			}, subject, view)
		}
	}
}

// agree compares what two subjects answer, row by row.
func agree[T any, ID ~string](t *testing.T, what string, id func(T) ID, read func(Subject) ([]T, error), a, b Subject) {
	t.Helper()
	left, errA := read(a)
	right, errB := read(b)
	if err := errors.Join(errA, errB); err != nil || len(left) != len(right) {
		t.Fatalf("%s: %d and %d rows, %v", what, len(left), len(right), err)
	}
	byID := func(x, y T) int { return cmp.Compare(id(x), id(y)) }
	slices.SortFunc(left, byID)
	slices.SortFunc(right, byID)
	for i := range left {
		same(t, what+" "+string(id(left[i])), left[i], right[i])
	}
}
