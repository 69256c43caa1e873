package selection_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	ours   image.AccountID = "1000000000000001"
	theirs image.AccountID = "1000000000000002"
	role                   = "acs:ram::1000000000000002:role/imagekeeper-reader"
)

// day is the start of a day in January 2026.
func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

// custom is an image of ours that nothing speaks against.
func custom(id image.ID, change ...func(*image.Image)) image.Image {
	i := image.Image{
		Ref: image.Ref{Account: ours, Region: "cn-hangzhou", ID: id}, Owner: ours, Kind: image.KindCustom,
		Name: "web-base-" + string(id), Family: "web-base", Status: image.StatusAvailable, Usable: image.Yes,
		OSType: image.Linux, OSName: "Ubuntu  22.04 64 bit", Platform: "Ubuntu", Architecture: image.X86_64,
		BootMode: image.UEFI, NVMe: "supported", SizeGiB: 40, CreatedAt: day(10), Usage: image.UsageNone,
		CloudInit: true, Progress: 100, SharedOut: image.No,
		Disks: []image.DiskMapping{{Device: "/dev/xvda", System: true, SizeGiB: 40, SnapshotID: "s-1", Encrypted: image.No}},
		Tags:  image.Tags{"team": "web", "env": "prod"},
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

// memory is a catalogue of one account in memory. It filters as ECS does, as
// far as listings go.
type memory struct {
	survey.Reader // what selection does not read
	account       image.AccountID
	images        []image.Image
	regions       []image.RegionID
	types         []image.InstanceType
	// refuses is what ECS knows about an instance type and the listing does not tell.
	refuses map[image.ID]bool

	mu    sync.Mutex
	asked []image.Listing
}

func (m *memory) ID(ctx context.Context) (image.AccountID, error) { return m.account, ctx.Err() }

func (m *memory) Regions(ctx context.Context) ([]image.Region, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []image.Region
	for _, r := range m.regions {
		all = append(all, image.Region{ID: r})
	}
	return all, nil
}

func (m *memory) InstanceTypes(ctx context.Context, _ image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(m.types), func(t image.InstanceType) bool {
		return len(ids) > 0 && !slices.Contains(ids, t.ID)
	}), nil
}

func (m *memory) Images(ctx context.Context, region image.RegionID, l image.Listing) ([]image.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.asked = append(m.asked, l)
	m.mu.Unlock()
	var found []image.Image
	if l.Kind == image.KindPublic && l.Statuses == nil { // every region has public images
		found = append(found, custom("public.vhd", func(i *image.Image) { i.Kind = image.KindPublic }))
	}
	for _, i := range m.images {
		if i.Region == region && listed(i, l) && (l.InstanceType == "" || !m.refuses[i.ID]) {
			found = append(found, i)
		}
	}
	if whole := l.Kind == "" && len(l.Statuses) > 1 && len(l.IDs) == 0; whole && len(found) == 0 {
		found = append(found, custom("public.vhd", func(i *image.Image) {
			i.Region, i.Kind, i.Status, i.Family = region, image.KindPublic, image.StatusDeprecated, ""
		}))
	}
	return found, nil
}

func listed(i image.Image, l image.Listing) bool {
	statuses := l.Statuses
	if len(statuses) == 0 {
		statuses = []image.Status{image.StatusAvailable}
	}
	inDefault := i.Kind == image.KindPublic || i.Kind == image.KindCustom || i.Kind == image.KindShared
	switch {
	case l.Kind == "" && !inDefault, l.Kind != "" && i.Kind != l.Kind,
		!slices.Contains(statuses, i.Status),
		len(l.IDs) > 0 && !slices.Contains(l.IDs, i.ID),
		l.Family != "" && i.Family != l.Family,
		l.OSType != "" && i.OSType != l.OSType,
		l.Architecture != "" && i.Architecture != l.Architecture,
		l.Usage != "" && i.Usage != l.Usage,
		l.Owner != "" && i.Owner != l.Owner:
		return false
	}
	return l.SnapshotID == "" || slices.ContainsFunc(i.Disks, func(d image.DiskMapping) bool { return d.SnapshotID == l.SnapshotID })
}

// look is where a test looks.
type look struct {
	Views   []survey.Account
	Regions []image.RegionID
	All     bool
	Pricer  selection.Pricer
}

func (l look) open(ctx context.Context, q selection.Query) (*survey.Survey, error) {
	return survey.Open(ctx, l.Views, survey.Scope{
		Regions: l.Regions, All: l.All, Within: survey.Within{Regions: q.Regions, Accounts: q.Accounts},
	})
}

func find(ctx context.Context, where look, q selection.Query) (selection.List, error) {
	s, err := where.open(ctx, q)
	if err != nil {
		return selection.List{}, err
	}
	return selection.Find(ctx, s, where.Pricer, q)
}

func newest(ctx context.Context, where look, q selection.Query) ([]selection.Choice, []image.Unread, error) {
	s, err := where.open(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	return selection.Newest(ctx, s, where.Pricer, q)
}

func describe(ctx context.Context, where look, id image.ID, home image.RegionID, q selection.Query, now time.Time) (selection.Described, error) {
	s, err := where.open(ctx, q)
	if err != nil {
		return selection.Described{}, err
	}
	return selection.Describe(ctx, s, id, home, now)
}

// scope looks at images through our own eyes.
func scope(images ...image.Image) (look, *memory) {
	m := &memory{
		account: ours, images: images, regions: []image.RegionID{"cn-hangzhou", "cn-hongkong"},
		types: []image.InstanceType{
			{ID: "ecs.g7.large", Architecture: image.X86_64, BootModes: []image.BootMode{image.BIOS, image.UEFI}, NVMe: "supported"},
			{ID: "ecs.g8i.large", Architecture: image.X86_64, BootModes: []image.BootMode{image.UEFI}, NVMe: "required"},
			{ID: "ecs.g8y.large", Architecture: image.ARM64, BootModes: []image.BootMode{image.UEFI}, NVMe: "required"},
		},
	}
	return look{Views: []survey.Account{{Reader: m}}, Regions: m.regions}, m
}

// ids are the ids of a page, in order.
func ids(page []selection.Chosen) string {
	var all []string
	for _, c := range page {
		all = append(all, string(c.ID))
	}
	return strings.Join(all, " ")
}

func codes(why []image.Reason) string {
	var all []string
	for _, r := range why {
		all = append(all, r.Code)
	}
	return strings.Join(all, " ")
}

// blamed checks that err is of kind Invalid and blames field.
func blamed(t *testing.T, err error, field string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != field {
		t.Errorf("got %v, want kind %s blaming %s", err, fault.Invalid, field)
	}
}

// golden compares got with testdata/golden/<case>; -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; after a look, go test -update\n got: %s\nwant: %s", name, got, want)
	}
}
