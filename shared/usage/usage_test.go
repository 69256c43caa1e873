package usage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

const (
	owner   image.AccountID = "1000000000000001"
	grantee image.AccountID = "1000000000000002"
)

func denied(permission string) *image.Unread {
	return &image.Unread{Permission: permission, Reason: image.Reason{Code: "Forbidden.RAM", Sentence: "denied"}}
}

func subject() image.Image {
	return image.Image{
		Ref: image.Ref{Account: owner, Region: "cn-hangzhou", ID: "m-1"}, Kind: image.KindCustom, Family: "web",
		Status: image.StatusAvailable, Disks: []image.DiskMapping{{System: true, SnapshotID: "s-1"}},
	}
}

// unused is a world in which all was looked at and nothing uses the image.
func unused() usage.Observation {
	return usage.Observation{Image: subject(), Views: []usage.View{{Account: owner, Image: subject(), MaySee: image.Yes}}}
}

type change func(o *usage.Observation, v *usage.View)

// observe is the unused world, changed.
func observe(changes ...change) usage.Observation {
	o := unused()
	for _, c := range changes {
		c(&o, &o.Views[0])
	}
	return o
}

func instance(_ *usage.Observation, v *usage.View) {
	v.Instances.Found = []image.Instance{{ID: "i-1", Image: "m-1", Status: image.InstanceStopped}}
}

func disk(_ *usage.Observation, v *usage.View) {
	v.SystemDisks.Found = []image.Disk{{ID: "d-1", System: true, Image: "m-1", Instance: "i-1"}, {ID: "d-2", System: true, Image: "m-2"}}
}

func sharedWith(o *usage.Observation, _ *usage.View) {
	o.Grants = []image.Grant{{Account: grantee}}
	o.Image.SharedOut = image.Yes
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		world   usage.Observation
		verdict usage.Verdict
		code    string
	}{
		{"nothing uses it", observe(), usage.NotInUse, "provenUnused"},
		{"a stopped instance", observe(instance), usage.InUse, "usedBy"},
		{"only its disk shows", observe(disk), usage.InUse, "usedBy"},
		{"a template version", observe(func(_ *usage.Observation, v *usage.View) {
			v.Templates.Found = []image.TemplateVersion{{Template: "lt-1", Version: 3, Image: "m-1"}}
		}), usage.InUse, "usedBy"},
		{"another template", observe(func(_ *usage.Observation, v *usage.View) {
			v.Templates.Found = []image.TemplateVersion{{Template: "lt-1", Version: 3, Image: "m-2"}}
		}), usage.NotInUse, "provenUnused"},
		{"a scaling configuration", observe(func(_ *usage.Observation, v *usage.View) {
			v.Scaling.Found = []image.ScalingConfiguration{{ID: "asc-1", Image: "m-1"}}
		}), usage.InUse, "usedBy"},
		{"a scaling configuration by family, and it is the newest", observe(func(_ *usage.Observation, v *usage.View) {
			v.Scaling.Found = []image.ScalingConfiguration{{ID: "asc-1", Family: "web"}}
		}), usage.InUse, "usedBy"},
		{"a scaling configuration by family, and another is newer", observe(func(o *usage.Observation, v *usage.View) {
			v.Scaling.Found = []image.ScalingConfiguration{{ID: "asc-1", Family: "web"}}
			newer := subject()
			newer.ID, newer.CreatedAt, newer.Disks = "m-2", newer.CreatedAt.AddDate(0, 0, 1), nil
			o.Siblings.Found = []image.Image{newer}
		}), usage.NotInUse, "provenUnused"},
		{"a pipeline", observe(func(_ *usage.Observation, v *usage.View) {
			v.Pipelines.Found = []image.Pipeline{{ID: "ip-1", BaseType: "IMAGE", Base: "m-1"}}
		}), usage.InUse, "usedBy"},
		{"a twin on its snapshot", observe(func(o *usage.Observation, _ *usage.View) {
			twin := subject()
			twin.ID = "m-2"
			o.Siblings.Found = []image.Image{twin}
		}), usage.InUse, "usedBy"},
		{"community image", observe(func(o *usage.Observation, _ *usage.View) { o.Image.Published = true }), usage.InUse, "usedBy"},
		{"empty without proof", observe(func(_ *usage.Observation, v *usage.View) { v.MaySee = image.Unknown }), usage.Unknown, "emptyNotProven"},
		{"empty and denied", observe(func(_ *usage.Observation, v *usage.View) { v.MaySee = image.No }), usage.Unknown, "emptyNotProven"},
		{"ECS says used, nothing shows", observe(func(_ *usage.Observation, v *usage.View) { v.Image.Usage = image.UsageInstance }), usage.Unknown, "usageContradicts"},
		{"templates denied", observe(func(_ *usage.Observation, v *usage.View) {
			v.Templates.Unread = denied("ecs:DescribeLaunchTemplates")
		}), usage.Unknown, "notReadable"},
		{"shared with an account that cannot be read", observe(sharedWith), usage.Unknown, "accountNotRead"},
		{"shared with an account that does not use it", observe(sharedWith, func(o *usage.Observation, _ *usage.View) {
			o.Views = append(o.Views, usage.View{Account: grantee, MaySee: image.Yes})
		}), usage.NotInUse, "provenUnused"},
		{"shared with an account that uses it", observe(sharedWith, func(o *usage.Observation, _ *usage.View) {
			v := usage.View{Account: grantee}
			instance(nil, &v)
			o.Views = append(o.Views, v)
		}), usage.InUse, "usedBy"},
		{"marked shared, with nobody", observe(sharedWith, func(o *usage.Observation, _ *usage.View) { o.Grants = nil }), usage.Unknown, "grantsContradict"},
		{"grants denied", observe(func(o *usage.Observation, _ *usage.View) {
			o.GrantsUnread = denied("ecs:DescribeImageSharePermission")
		}), usage.Unknown, "granteesNotReadable"},
		{"the owner was not looked at", usage.Observation{Image: subject()}, usage.Unknown, "accountNotRead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := usage.Judge(c.world)
			if got.Verdict != c.verdict || !slices.ContainsFunc(got.Why, func(r image.Reason) bool { return r.Code == c.code }) {
				t.Errorf("got %s %+v, want %s with %s", got.Verdict, got.Why, c.verdict, c.code)
			}
		})
	}
}

func TestUnknownNamesThePermissionThatCuresIt(t *testing.T) {
	t.Parallel()
	got := usage.Judge(observe(func(_ *usage.Observation, v *usage.View) {
		v.MaySee = image.No
		v.Scaling.Unread = denied("ess:DescribeScalingConfigurations")
	}))
	if want := []string{"ess:DescribeScalingConfigurations", "ecs:DescribeInstances"}; !slices.Equal(got.Consumers[0].Cures, want) {
		t.Errorf("cures %v, want %v", got.Consumers[0].Cures, want)
	}
}

// lies are what a cloud can answer instead of the truth.
func lies() map[string]change {
	return map[string]change{
		"instances denied": func(_ *usage.Observation, v *usage.View) {
			v.Instances = usage.Part[image.Instance]{Unread: denied("x")}
		},
		"disks denied": func(_ *usage.Observation, v *usage.View) { v.SystemDisks = usage.Part[image.Disk]{Unread: denied("x")} },
		"templates denied": func(_ *usage.Observation, v *usage.View) {
			v.Templates = usage.Part[image.TemplateVersion]{Unread: denied("x")}
		},
		"empty, not permitted":      func(_ *usage.Observation, v *usage.View) { v.Instances.Found, v.MaySee = nil, image.No },
		"empty, although permitted": func(_ *usage.Observation, v *usage.View) { v.Instances.Found = nil },
		"grants denied":             func(o *usage.Observation, _ *usage.View) { o.Grants, o.GrantsUnread = nil, denied("x") },
		"grants empty":              func(o *usage.Observation, _ *usage.View) { o.Grants = nil },
	}
}

func TestNeverUnusedWhileSomethingUsesIt(t *testing.T) {
	t.Parallel()
	names := []string{}
	for name := range lies() {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		o, used := unused(), false
		v := &o.Views[0]
		if rapid.Bool().Draw(t, "instance") {
			used = true
			instance(&o, v)
			disk(&o, v)
			v.Image.Usage = image.UsageInstance
		}
		if rapid.Bool().Draw(t, "template") {
			used = true
			v.Templates.Found = []image.TemplateVersion{{Template: "lt-1", Image: "m-1"}}
		}
		if rapid.Bool().Draw(t, "shared") {
			sharedWith(&o, v)
			if rapid.Bool().Draw(t, "role") {
				o.Views = append(o.Views, usage.View{Account: grantee, MaySee: image.Yes})
			} else {
				used = true // for all we can know
			}
		}
		told := rapid.SliceOfDistinct(rapid.SampledFrom(names), func(s string) string { return s }).Draw(t, "lies")
		for _, name := range told {
			lies()[name](&o, &o.Views[0])
		}
		got := usage.Judge(o)
		if used && got.Verdict == usage.NotInUse {
			t.Fatalf("used, and said to be unused, under %s", strings.Join(told, ", "))
		}
		if !used && got.Verdict == usage.InUse {
			t.Fatalf("not used, and said to be used: %+v", got)
		}
		if !used && len(told) == 0 && got.Verdict != usage.NotInUse {
			t.Fatalf("all was read, nothing uses it, and yet %s: %+v", got.Verdict, got.Why)
		}
	})
}

func Example() {
	o := unused()
	fmt.Println(usage.Judge(o).Verdict)
	o.Views[0].MaySee = image.Unknown // an empty list, and no proof that we may look
	got := usage.Judge(o)
	fmt.Println(got.Verdict, got.Why[0].Code, got.Consumers[0].Cures)
	// Output:
	// notInUse
	// unknown emptyNotProven [ecs:DescribeInstances]
}

// What was looked at and could not be read is told with the permission that is
// missing; an account that was not looked at is not.
func TestUnreadOfAnObservation(t *testing.T) {
	t.Parallel()
	whole := observe(func(o *usage.Observation, _ *usage.View) {
		o.Grants = append(o.Grants, image.Grant{Account: "1000000000000077"})
	})
	if got := whole.Unread(); len(got) != 0 {
		t.Errorf("everything was read: %+v", got)
	}
	for permission, spoil := range map[string]func(*usage.Observation, *usage.View){
		"ecs:DescribeInstances":       func(_ *usage.Observation, v *usage.View) { v.MaySee = image.No },
		"ecs:DescribeDisks":           func(_ *usage.Observation, v *usage.View) { v.SystemDisks.Unread = denied("ecs:DescribeDisks") },
		"ecs:DescribeLaunchTemplates": func(_ *usage.Observation, v *usage.View) { v.Templates.Unread = denied("ecs:DescribeLaunchTemplates") },
		"ess:DescribeScalingConfigurations": func(_ *usage.Observation, v *usage.View) {
			v.Scaling.Unread = denied("ess:DescribeScalingConfigurations")
		},
		"ecs:DescribeImagePipelines":       func(_ *usage.Observation, v *usage.View) { v.Pipelines.Unread = denied("ecs:DescribeImagePipelines") },
		"ecs:DescribeImageSharePermission": func(o *usage.Observation, _ *usage.View) { o.GrantsUnread = denied("ecs:DescribeImageSharePermission") },
		"ecs:DescribeImages":               func(o *usage.Observation, _ *usage.View) { o.Siblings.Unread = denied("ecs:DescribeImages") },
	} {
		if got := observe(spoil).Unread(); len(got) != 1 || got[0].Permission != permission {
			t.Errorf("without %s: %+v", permission, got)
		}
	}
}
