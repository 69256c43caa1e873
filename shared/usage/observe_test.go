package usage_test

import (
	"context"
	"slices"
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
	may       image.Tri
	deny      string
}

func (a account) refuse(call string) error {
	if a.deny == call {
		return fault.New(fault.Forbidden, "denied").WithCode("Forbidden.RAM")
	}
	return nil
}

func (a account) Grants(context.Context, image.RegionID, image.ID) ([]image.Grant, error) {
	return a.grants, a.refuse("grants")
}

func (a account) Images(_ context.Context, _ image.RegionID, which image.Listing) ([]image.Image, error) {
	if len(which.IDs) > 0 {
		return nil, a.refuse("image")
	}
	return append([]image.Image{subject()}, a.siblings...), a.refuse("images")
}

func (a account) Instances(context.Context, image.RegionID, image.InstanceListing) ([]image.Instance, error) {
	return a.instances, a.refuse("instances")
}

func (a account) Disks(context.Context, image.RegionID, image.DiskListing) ([]image.Disk, error) {
	return a.disks, a.refuse("disks")
}

func (a account) MayList(context.Context, image.RegionID, image.InstanceListing) (image.Tri, error) {
	return a.may, a.refuse("dryRun")
}

func (a account) TemplateVersions(context.Context, image.RegionID) ([]image.TemplateVersion, error) {
	return a.templates, a.refuse("templates")
}

func (a account) ScalingConfigurations(context.Context, image.RegionID) ([]image.ScalingConfiguration, error) {
	return nil, a.refuse("scaling")
}

func (a account) Pipelines(context.Context, image.RegionID) ([]image.Pipeline, error) {
	return nil, a.refuse("pipelines")
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

func (c counting) Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error) {
	c.calls.Add(1)
	return c.account.Instances(ctx, in, which)
}

func (c counting) Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error) {
	c.calls.Add(1)
	return c.account.Disks(ctx, in, which)
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
			if slices.ContainsFunc(report.Consumers, func(c usage.Consumer) bool { return c.Account == owner && c.Verdict != usage.Unknown }) {
				t.Errorf("a witness was judged: %+v", report.Consumers)
			}
		})
	}
}

// flaky lists nothing the first time.
type flaky struct {
	account
	asked *atomic.Int32
}

func (f flaky) TemplateVersions(context.Context, image.RegionID) ([]image.TemplateVersion, error) {
	if f.asked.Add(1) == 1 {
		return nil, nil
	}
	return []image.TemplateVersion{{Template: "lt-1", Version: 1, Image: "m-1"}}, nil
}

func TestCarefulAsksAgainForWhatIsEmpty(t *testing.T) {
	t.Parallel()
	for careful, want := range map[bool]usage.Verdict{false: usage.NotInUse, true: usage.InUse} {
		mine := flaky{account{may: image.Yes}, new(atomic.Int32)}
		readers := map[image.AccountID]usage.Reader{owner: mine}
		if careful {
			readers[owner] = usage.Careful(mine)
		}
		if got := usage.Judge(usage.Observe(t.Context(), subject(), mine, readers)); got.Verdict != want {
			t.Errorf("careful %v: got %s %+v, want %s", careful, got.Verdict, got.Why, want)
		}
	}
}
