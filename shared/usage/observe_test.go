package usage_test

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// account is one account's part of a small cloud; deny names a call it refuses.
type account struct {
	grants    []image.Grant
	siblings  []image.Image
	instances []image.Instance
	disks     []image.Disk
	templates []image.TemplateVersion
	pipelines []image.Pipeline
	may       image.Tri
	deny      string
}

func (a account) refuse(call string) error {
	if a.deny == call {
		return fault.New(fault.Forbidden, "denied").WithCode("Forbidden.RAM")
	}
	return nil
}

func (a account) Grants(context.Context, image.ID) ([]image.Grant, error) {
	return a.grants, a.refuse("grants")
}

func (a account) Images(_ context.Context, which image.Listing) ([]image.Image, error) {
	if len(which.IDs) > 0 {
		return nil, a.refuse("image")
	}
	return append([]image.Image{subject()}, a.siblings...), a.refuse("images")
}

func (a account) Instances(context.Context, image.InstanceListing) ([]image.Instance, error) {
	return a.instances, a.refuse("instances")
}

func (a account) Disks(context.Context, image.DiskListing) ([]image.Disk, error) {
	return a.disks, a.refuse("disks")
}

func (a account) MayList(context.Context, image.InstanceListing) (image.Tri, error) {
	return a.may, a.refuse("dryRun")
}

func (a account) TemplateVersions(context.Context) ([]image.TemplateVersion, error) {
	return a.templates, a.refuse("templates")
}

func (a account) ScalingConfigurations(context.Context) ([]image.ScalingConfiguration, error) {
	return nil, a.refuse("scaling")
}

func (a account) Pipelines(context.Context) ([]image.Pipeline, error) {
	return a.pipelines, a.refuse("pipelines")
}

func observeAs(t *testing.T, mine account, theirs *account) usage.Report {
	t.Helper()
	readers := map[image.AccountID]usage.Reader{owner: mine}
	if theirs != nil {
		readers[grantee] = *theirs
	}
	i := subject()
	i.SharedOut = image.TriOf(len(mine.grants) > 0)
	return usage.Judge(usage.Observe(t.Context(), i, mine, readers))
}

func TestObservedVerdicts(t *testing.T) {
	t.Parallel()
	shared := []image.Grant{{Account: grantee}}
	running := account{may: image.Yes, instances: []image.Instance{{ID: "i-1"}}}
	for _, c := range []struct {
		name    string
		mine    account
		theirs  *account
		verdict usage.Verdict
	}{
		{"nothing uses it", account{may: image.Yes}, nil, usage.NotInUse},
		{"the owner runs it", running, nil, usage.InUse},
		{"the grantee runs it", account{may: image.Yes, grants: shared}, &running, usage.InUse},
		{"the grantee does not", account{may: image.Yes, grants: shared}, &account{may: image.Yes}, usage.NotInUse},
		{"the grantee has no reader", account{may: image.Yes, grants: shared}, nil, usage.Unknown},
		{"the dry run fails", account{may: image.Unknown, deny: "dryRun"}, nil, usage.Unknown},
		{"the dry run denies", account{may: image.No}, nil, usage.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := observeAs(t, c.mine, c.theirs); got.Verdict != c.verdict {
				t.Errorf("got %s %+v, want %s", got.Verdict, got.Why, c.verdict)
			}
		})
	}
}

func TestEveryCallThatIsDeniedMakesItUnknown(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"grants", "images", "instances", "disks", "templates", "scaling", "pipelines", "dryRun"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			mine := account{may: image.Yes, deny: call}
			if call == "dryRun" {
				mine.may = image.Unknown
			}
			if got := observeAs(t, mine, nil); got.Verdict != usage.Unknown {
				t.Errorf("got %s %+v", got.Verdict, got.Why)
			}
		})
	}
}

// counting is an account whose calls are counted.
type counting struct {
	account
	calls *atomic.Int32
}

func (c counting) Instances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error) {
	c.calls.Add(1)
	return c.account.Instances(ctx, which)
}

func (c counting) Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error) {
	c.calls.Add(1)
	return c.account.Disks(ctx, which)
}

func TestWhoseInstancesTheyAre(t *testing.T) {
	t.Parallel()
	marked := subject()
	marked.Usage = image.UsageInstance
	idle, running := account{may: image.Yes}, account{instances: []image.Instance{{ID: "i-1"}}}
	detached := account{disks: []image.Disk{{ID: "d-1", System: true, Image: "m-1"}}}
	for _, c := range []struct {
		name    string
		seen    image.Image
		others  account
		verdict usage.Verdict
		calls   int32
	}{
		{"the owner's", marked, running, usage.NotInUse, 2},
		{"a disk of the owner's", marked, detached, usage.NotInUse, 2},
		{"nobody's that can be seen", marked, idle, usage.Unknown, 2},
		{"the owner cannot be read", marked, account{deny: "instances"}, usage.Unknown, 2},
		{"there are none", subject(), running, usage.NotInUse, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := usage.Observe(t.Context(), subject(), account{grants: []image.Grant{{Account: grantee}}}, map[image.AccountID]usage.Reader{grantee: idle})
			o.Views[0].Image = c.seen
			var calls atomic.Int32
			all := map[image.AccountID]usage.Reader{owner: counting{c.others, &calls}, grantee: idle}
			report := usage.Judge(usage.Explain(t.Context(), o, all))
			n := slices.IndexFunc(report.Consumers, func(c usage.Consumer) bool { return c.Account == grantee })
			if got := report.Consumers[n]; got.Verdict != c.verdict || calls.Load() != c.calls {
				t.Errorf("%s %+v after %d calls, want %s after %d", got.Verdict, got.Why, calls.Load(), c.verdict, c.calls)
			}
			runs := len(c.others.instances)+len(c.others.disks) > 0 && c.calls > 0
			if slices.ContainsFunc(report.Consumers, func(c usage.Consumer) bool { return c.Account == owner && (c.Verdict == usage.InUse) != runs }) {
				t.Errorf("what the owner runs: %+v", report.Consumers)
			}
		})
	}
}

// TestWhoRunsItAfterItsShareWasWithdrawn: every account that can be read is looked
// at, whatever ECS says of the image's use; what it runs is use, and what it cannot
// be seen to run is not known.
func TestWhoRunsItAfterItsShareWasWithdrawn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		theirs  account
		verdict usage.Verdict
		listed  bool
	}{
		{"it runs an instance", account{instances: []image.Instance{{ID: "i-1"}}}, usage.InUse, true},
		{"it has a disk of it", account{may: image.Yes, disks: []image.Disk{{ID: "d-1", System: true, Image: "m-1"}}}, usage.InUse, true},
		{"it runs nothing", account{may: image.Yes}, usage.NotInUse, false},
		{"its template launches nothing any more", account{may: image.Yes, templates: []image.TemplateVersion{{Template: "lt-1", Image: "m-1"}}}, usage.NotInUse, false},
		{"it may not list instances", account{may: image.No}, usage.Unknown, true},
		{"its disks are refused", account{may: image.Yes, deny: "disks"}, usage.Unknown, true},
	} {
		for _, said := range []image.Usage{"", image.UsageNone} {
			i := subject()
			i.Usage = said
			mine := account{may: image.Yes}
			got := usage.Judge(usage.Observe(t.Context(), i, mine, map[image.AccountID]usage.Reader{owner: mine, grantee: c.theirs}))
			listed := slices.ContainsFunc(got.Consumers, func(c usage.Consumer) bool { return c.Account == grantee })
			if got.Verdict != c.verdict || listed != c.listed {
				t.Errorf("%s: got %s %+v", c.name, got.Verdict, got.Consumers)
			}
		}
	}
}

func TestAnAccountThatCannotBeOpenedMayRunIt(t *testing.T) {
	t.Parallel()
	mine := account{may: image.Yes}
	o := usage.Observe(t.Context(), subject(), mine, map[image.AccountID]usage.Reader{owner: mine})
	o.Closed = []image.Unread{{Account: grantee, Permission: "sts:AssumeRole", Reason: image.Reason{Code: "NoPermission", Sentence: "no"}}}
	got := usage.Judge(o)
	if got.Verdict != usage.Unknown || len(got.Causes) != 1 || got.Causes[0].Permission != "sts:AssumeRole" {
		t.Errorf("got %+v", got)
	}
}

// listing counts how often the lists of an account are read.
type listing struct {
	account
	images, disks *atomic.Int32
}

func (l listing) Images(ctx context.Context, which image.Listing) ([]image.Image, error) {
	l.images.Add(1)
	return l.account.Images(ctx, which)
}

func (l listing) Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error) {
	l.disks.Add(1)
	return l.account.Disks(ctx, which)
}

func TestManyImagesAreJudgedFromListsReadOnce(t *testing.T) {
	t.Parallel()
	const count = 50
	mine := listing{account{may: image.Yes}, &atomic.Int32{}, &atomic.Int32{}}
	all := make([]image.Image, count)
	want := make([]usage.Verdict, count)
	for n := range all {
		one := subject()
		one.ID, one.SharedOut, one.CreatedAt = image.ID("m-"+strconv.Itoa(100+n)), image.No, one.CreatedAt.AddDate(0, 0, n)
		one.Disks = []image.DiskMapping{{System: true, SnapshotID: image.SnapshotID("s-" + strconv.Itoa(100+n))}}
		all[n], want[n] = one, usage.NotInUse
	}
	all[7].Disks[0].SnapshotID = all[8].Disks[0].SnapshotID
	all[count-1].Status = image.StatusDeprecated // so the one before it is the newest of the family that can be used
	for _, used := range []int{3, 7, 8, count - 2, count - 1} {
		want[used] = usage.InUse
	}
	mine.account.pipelines = []image.Pipeline{{ID: "ip-1", BaseType: "IMAGE_FAMILY", Base: "web"}}
	mine.account.siblings = all
	mine.account.disks = append(mine.account.disks, image.Disk{ID: "d-3", Image: all[3].ID, System: true, Instance: "i-hidden"})
	index := usage.NewIndex(t.Context(), map[image.AccountID]usage.Reader{owner: mine})
	for n := range all {
		if got := usage.Judge(index.Observe(t.Context(), all[n], mine)); got.Verdict != want[n] {
			t.Errorf("image %d: got %s %+v, want %s", n, got.Verdict, got.Why, want[n])
		}
	}
	if mine.images.Load() != 1 || mine.disks.Load() != 1 {
		t.Errorf("images were listed %d times and disks %d times", mine.images.Load(), mine.disks.Load())
	}
	stranger := subject()
	stranger.ID, stranger.Family = "m-stranger", ""
	if got := usage.Judge(index.Observe(t.Context(), stranger, mine)); got.Verdict != usage.Unknown {
		t.Errorf("an image that its owner's list does not show: %+v", got)
	}
}
