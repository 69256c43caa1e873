package cloudsimtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

func templates(w *wider) {
	var want []string
	for n := range 53 {
		spec := cloudsim.LaunchTemplateSpec{Name: fmt.Sprint("template-", n), Default: 1}
		versions := 1 + n%3
		if n == 0 {
			versions = 120
		}
		for v := range versions {
			spec.Versions = append(spec.Versions, cloudsim.TemplateVersionSpec{Image: image.ID(fmt.Sprintf("m-%d-%d", n, v))})
		}
		id := w.cloud.AddLaunchTemplate(one, region, spec)
		for v := range versions {
			want = append(want, fmt.Sprintf("%s template-%d %d m-%d-%d", id, n, v+1, n, v))
		}
	}
	list, err := w.subject.TemplateVersions(w.Context(), region)
	if err != nil {
		w.Fatal(err)
	}
	expect(w, "versions", texts(list, func(v image.TemplateVersion) string {
		if v.Account != one || v.Region != region || v.Default != (v.Version == 1) {
			w.Errorf("version %+v", v)
		}
		return fmt.Sprintf("%s %s %d %s", v.Template, v.Name, v.Version, v.Image)
	}), want)
	if list, err := w.subject.TemplateVersions(w.Context(), "cn-beijing"); err != nil || len(list) != 0 {
		w.Errorf("elsewhere: %d, %v", len(list), err)
	}
}

// texts are a list written out.
func texts[T any](list []T, text func(T) string) []string { return ids(list, text) }

func scaling(w *wider) {
	var want []string
	for n := range 26 {
		spec := cloudsim.ScalingGroupSpec{Name: fmt.Sprint("group-", n), Most: 5}
		for c := range n % 9 {
			spec.Configurations = append(spec.Configurations, cloudsim.ScalingConfigurationSpec{
				Name: fmt.Sprintf("c-%d-%d", n, c), Image: image.ID(fmt.Sprint("m-", c)), Active: c == n%9-1,
			})
		}
		if n%9 > 1 {
			spec.Configurations[0].Image, spec.Configurations[0].Family = "", "web"
		}
		group, made := w.cloud.AddScalingGroup(one, region, spec)
		for c, s := range spec.Configurations {
			want = append(want, fmt.Sprintf("%s %s %s %v %q %q", made[c], s.Name, group, s.Active, s.Image, s.Family))
		}
	}
	for n := range 40 {
		name := fmt.Sprint("by-template-", n)
		group, _ := w.cloud.AddScalingGroup(one, region, cloudsim.ScalingGroupSpec{Name: name, TemplateID: "lt-1", TemplateVersion: "Latest"})
		want = append(want, fmt.Sprintf("%s %s %s true lt-1 Latest", group, name, group))
	}
	list, err := w.subject.ScalingConfigurations(w.Context(), region)
	if err != nil {
		w.Fatal(err)
	}
	expect(w, "configurations", texts(list, func(c image.ScalingConfiguration) string {
		if c.Account != one || c.Region != region {
			w.Errorf("configuration %+v", c)
		}
		if c.Template != "" {
			return fmt.Sprintf("%s %s %s %v %s %s", c.ID, c.Name, c.Group, c.Active, c.Template, c.TemplateVersion)
		}
		return fmt.Sprintf("%s %s %s %v %q %q", c.ID, c.Name, c.Group, c.Active, c.Image, c.Family)
	}), want)
}

func pipelines(w *wider) {
	at := cloudsim.Epoch().Add(-time.Hour)
	spec := cloudsim.PipelineSpec{Name: "weekly", Base: "web", BaseType: "IMAGE_FAMILY"}
	var made []image.ID
	for n := range 520 {
		run := cloudsim.PipelineRunSpec{Made: image.ID(fmt.Sprint("m-", n)), CreatedAt: at}
		if n%10 == 3 {
			run = cloudsim.PipelineRunSpec{Status: "FAILED"}
		} else {
			made = append(made, run.Made)
		}
		spec.Runs = append(spec.Runs, run)
	}
	id, runs := w.cloud.AddImagePipeline(one, region, spec)
	idle, _ := w.cloud.AddImagePipeline(one, region, cloudsim.PipelineSpec{Base: "m-base"})
	list, err := w.subject.Pipelines(w.Context(), region)
	if err != nil {
		w.Fatal(err)
	}
	expect(w, "pipelines", texts(list, func(p image.Pipeline) string {
		return fmt.Sprint(p.Account, p.Region, p.ID, p.Name, p.Base, p.BaseType)
	}), []string{
		fmt.Sprint(one, region, id, "weekly", "web", "IMAGE_FAMILY"), fmt.Sprint(one, region, idle, idle, "m-base", "IMAGE"),
	})
	builds, err := w.subject.Builds(w.Context(), region)
	if err != nil {
		w.Fatal(err)
	}
	expect(w, "made", ids(builds, func(b image.Build) image.ID { return b.Made }), made)
	for _, b := range builds {
		if b.Account != one || b.Region != region || b.Pipeline != id || b.Base != "web" || b.BaseType != "IMAGE_FAMILY" || !b.StartedAt.Equal(at) ||
			!slices.Contains(runs, b.Run) {
			w.Errorf("build %+v", b)
		}
	}
}

func ownReferences(w *wider) {
	w.cloud.AddLaunchTemplate(two, region, cloudsim.LaunchTemplateSpec{Versions: []cloudsim.TemplateVersionSpec{{Image: "m-1"}}})
	w.cloud.AddScalingGroup(two, region, cloudsim.ScalingGroupSpec{Configurations: []cloudsim.ScalingConfigurationSpec{{Image: "m-1"}}})
	w.cloud.AddImagePipeline(two, region, cloudsim.PipelineSpec{Base: "m-1", Runs: []cloudsim.PipelineRunSpec{{Made: "m-2"}}})
	w.cloud.AddSnapshot(two, region, image.Snapshot{})
	for account, want := range map[image.AccountID]int{one: 0, two: 1} {
		s := w.open(w.T, w.cloud, account)
		versions, err1 := s.TemplateVersions(w.Context(), region)
		configurations, err2 := s.ScalingConfigurations(w.Context(), region)
		builds, err3 := s.Builds(w.Context(), region)
		chains, err4 := s.SnapshotChains(w.Context(), region)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			w.Fatal(err)
		}
		if len(versions) != want || len(configurations) != want || len(builds) != want || len(chains) != want {
			w.Errorf("%s sees %d, %d, %d, %d; want %d of each", account, len(versions), len(configurations), len(builds), len(chains), want)
		}
	}
}

func mayList(w *wider) {
	l := image.InstanceListing{Image: "m-1"}
	check := func(what string, want image.Tri) {
		w.Helper()
		if got, err := w.subject.MayList(w.Context(), region, l); err != nil || got != want {
			w.Errorf("%s: %s, %v; want %s", what, got, err, want)
		}
	}
	check("allowed", image.Yes)
	w.cloud.SetReadings(cloudsim.Readings{DryRunSuccess: true})
	check("allowed, in the other words", image.Yes)
	w.cloud.SetReadings(cloudsim.Readings{})
	if err := w.cloud.AllowOnly("local", []string{"ecs:DescribeImages"}); err != nil {
		w.Fatal(err)
	}
	check("denied", image.No)
	w.cloud.SetReadings(cloudsim.Readings{DryRunDeniedEmpty: true})
	check("denied by an empty list", image.Unknown)
	w.cloud.SetReadings(cloudsim.Readings{DryRunHidesDenial: true})
	check("denied and hidden", image.Yes)
}

func furtherFailures(w *wider) {
	_, err := w.subject.MayList(w.Context(), region, image.InstanceListing{Status: "Asleep"})
	if k := fault.Of(err); k != fault.Invalid && k != fault.NotFound {
		w.Errorf("a state that does not exist: %v", err)
	}
	asks := map[string]func(image.RegionID) error{
		"templates": func(r image.RegionID) error { _, err := w.subject.TemplateVersions(w.Context(), r); return err },
		"scaling":   func(r image.RegionID) error { _, err := w.subject.ScalingConfigurations(w.Context(), r); return err },
		"pipelines": func(r image.RegionID) error { _, err := w.subject.Pipelines(w.Context(), r); return err },
		"builds":    func(r image.RegionID) error { _, err := w.subject.Builds(w.Context(), r); return err },
		"chains":    func(r image.RegionID) error { _, err := w.subject.SnapshotChains(w.Context(), r); return err },
		"usage":     func(r image.RegionID) error { _, err := w.subject.SnapshotUsage(w.Context(), r); return err },
		"price": func(r image.RegionID) error {
			_, err := w.subject.Price(w.Context(), r, image.PriceQuestion{InstanceType: "ecs.g7.large"})
			return err
		},
	}
	if err := w.cloud.AllowOnly("local", []string{"sts:GetCallerIdentity"}); err != nil {
		w.Fatal(err)
	}
	for name, ask := range asks {
		expectKind(w, name+" without the permission", ask(region), fault.Forbidden)
	}
}

// wholeReferences reads a seeded catalogue's references through the subject and
// through the view in memory.
func wholeReferences(t *testing.T, open OpenFurther) {
	cloud := company.New(cloudsim.Options{Seed: 3, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: 300, Instances: 60})
	for _, account := range []image.AccountID{one, two} {
		subject, view := open(t, cloud, account), cloud.View(account)
		regions, err := view.Regions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range regions {
			alike(t, "versions", r.ID, Further.TemplateVersions, subject, view)
			alike(t, "configurations", r.ID, Further.ScalingConfigurations, subject, view)
			alike(t, "pipelines", r.ID, Further.Pipelines, subject, view)
			alike(t, "builds", r.ID, Further.Builds, subject, view)
			alike(t, "chains", r.ID, Further.SnapshotChains, subject, view)
			got, errA := subject.SnapshotUsage(t.Context(), r.ID)
			want, errB := view.SnapshotUsage(t.Context(), r.ID)
			if err := errors.Join(errA, errB); err != nil || got != want {
				t.Errorf("usage of %s: %+v, want %+v, %v", r.ID, got, want, err)
			}
		}
	}
}

// alike compares what two subjects list, whatever the order.
func alike[T any](t *testing.T, what string, region image.RegionID, read func(Further, context.Context, image.RegionID) ([]T, error), a, b Further) {
	t.Helper()
	left, errA := read(a, t.Context(), region)
	right, errB := read(b, t.Context(), region)
	if err := errors.Join(errA, errB); err != nil || len(left) != len(right) {
		t.Fatalf("%s of %s: %d and %d rows, %v", what, region, len(left), len(right), err)
	}
	byText := func(x, y T) int { return cmp.Compare(fmt.Sprintf("%+v", x), fmt.Sprintf("%+v", y)) }
	slices.SortFunc(left, byText)
	slices.SortFunc(right, byText)
	for i := range left {
		same(t, what, left[i], right[i])
	}
}
