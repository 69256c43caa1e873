package usage_test

import (
	"context"
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
