package cloudsimtest

import (
	"context"
	"fmt"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Sharer is the side that gives away images of an account's own.
type Sharer interface {
	Look(ctx context.Context, r image.Ref) (image.Image, []image.Grant, error)
	Permit(ctx context.Context, r image.Ref, add, remove []image.AccountID) error
	Publish(ctx context.Context, r image.Ref, published bool) error
	Objection(ctx context.Context, r image.Ref) error
}

// sharingRegion is one in which encrypted images can be shared.
const sharingRegion = image.RegionID("cn-shanghai")

// RunSharing runs the suite on what open returns for account one.
func RunSharing(t *testing.T, open func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) Sharer) {
	t.Helper()
	for name, check := range map[string]func(*sharingWorld){
		"shared, published and back": giveAndTake,
		"what is refused":            refusals,
		"objections change nothing":  objections,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := cloudsim.NewClock(cloudsim.Epoch())
			cloud := cloudsim.New(cloudsim.Options{Seed: 7, Clock: clock})
			check(&sharingWorld{t, cloud, open(t, cloud, one)})
		})
	}
}

type sharingWorld struct {
	*testing.T
	cloud   *cloudsim.Cloud
	subject Sharer
}

// add puts an image of account one into the region, encrypted with a key if one
// is named; "service" is the service key.
func (w *sharingWorld) add(key string) image.Ref {
	spec := cloudsim.ImageSpec{Image: image.Image{Kind: image.KindCustom, Disks: []image.DiskMapping{{
		System: true, SizeGiB: 40, Encrypted: image.TriOf(key != ""),
	}}}}
	if key != "service" {
		spec.KMSKey = key
	}
	return image.Ref{Account: one, Region: sharingRegion, ID: w.cloud.AddImage(one, sharingRegion, spec)}
}

// state is an image's list of accounts and whether it is a community image.
func (w *sharingWorld) state(r image.Ref) string {
	w.Helper()
	i, grants, err := w.subject.Look(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	list := []image.AccountID{}
	for _, g := range grants {
		list = append(list, g.Account)
	}
	return fmt.Sprint(list, " ", i.Published, " ", i.SharedOut == image.Yes)
}

func (w *sharingWorld) expect(r image.Ref, what, want string, err error) {
	w.Helper()
	if got := w.state(r); err != nil || got != want {
		w.Errorf("%s: %s, %v; want %s", what, got, err, want)
	}
}

func giveAndTake(w *sharingWorld) {
	r, ctx := w.add(""), w.Context()
	w.expect(r, "new", "[] false false", nil)
	w.expect(r, "shared", fmt.Sprintf("[%s] false true", two), w.subject.Permit(ctx, r, []image.AccountID{two}, nil))
	w.expect(r, "shared again", fmt.Sprintf("[%s] false true", two), w.subject.Permit(ctx, r, []image.AccountID{two}, nil))
	w.expect(r, "published", fmt.Sprintf("[%s] true true", two), w.subject.Publish(ctx, r, true))
	w.expect(r, "unpublished", fmt.Sprintf("[%s] false true", two), w.subject.Publish(ctx, r, false))
	w.expect(r, "unshared", "[] false false", w.subject.Permit(ctx, r, nil, []image.AccountID{two}))
	w.expect(r, "unshared again", "[] false false", w.subject.Permit(ctx, r, nil, []image.AccountID{two}))
}

func refusals(w *sharingWorld) {
	r, ctx := w.add(""), w.Context()
	gone := image.Ref{Account: one, Region: sharingRegion, ID: "m-none"}
	for what, c := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"an account that does not exist":   {w.subject.Permit(ctx, r, []image.AccountID{two, "9999999999999999"}, nil), fault.NotFound},
		"the owner":                        {w.subject.Permit(ctx, r, []image.AccountID{one}, nil), fault.Invalid},
		"an image that does not exist":     {w.subject.Permit(ctx, gone, []image.AccountID{two}, nil), fault.NotFound},
		"an image encrypted by the system": {w.subject.Permit(ctx, w.add("service"), []image.AccountID{two}, nil), fault.Precondition},
		"an encrypted image for everyone":  {w.subject.Publish(ctx, w.add("key-1"), true), fault.Precondition},
	} {
		if fault.Of(c.err) != c.kind {
			w.Errorf("%s: %v, want kind %s", what, c.err, c.kind)
		}
	}
	w.expect(r, "after refusals", "[] false false", nil)
}

// objections: what ECS has against sharing an image is told without sharing it.
func objections(w *sharingWorld) {
	plain, ours, service := w.add(""), w.add("key-1"), w.add("service")
	told := func(r image.Ref) string { return fault.Code(w.subject.Objection(w.Context(), r)) }
	if got := told(plain) + told(ours); got != "" {
		w.Errorf("objected with %s", got)
	}
	if got := told(service); got != "InvalidOperation.ServiceKeyEncryptedImageUnsupported" {
		w.Errorf("the service key: objected with %q", got)
	}
	w.cloud.Configure(one, cloudsim.AccountSettings{})
	if got := told(ours); got != "AssumeRoleError" {
		w.Errorf("without the role: objected with %q", got)
	}
	for _, r := range []image.Ref{plain, ours, service} {
		w.expect(r, "after asking", "[] false false", nil)
	}
}
