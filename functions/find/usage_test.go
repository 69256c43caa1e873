package main

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/usage"
)

const (
	subject = image.ID("m-subject")
	here    = image.RegionID("cn-hangzhou")
)

// scene is a cloud around one image, in which it may be used.
type scene struct {
	*cloudsim.Cloud
	// snapshot is what the image stands on.
	snapshot image.SnapshotID
}

// uses are the ways to use the image; each puts one into a scene.
func uses() map[string]func(*scene) {
	const first, second = cloudsim.FirstAccount, cloudsim.SecondAccount
	runs := func(s *scene, a image.AccountID, status image.InstanceStatus) {
		s.AddInstance(a, here, cloudsim.InstanceSpec{Instance: image.Instance{Image: subject, Status: status}})
	}
	template := func(s *scene) string {
		return s.AddLaunchTemplate(first, here, cloudsim.LaunchTemplateSpec{Versions: []cloudsim.TemplateVersionSpec{{Image: subject}, {Image: public}}})
	}
	return map[string]func(*scene){
		"running":  func(s *scene) { runs(s, first, image.InstanceRunning) },
		"stopped":  func(s *scene) { runs(s, first, image.InstanceStopped) },
		"theirs":   func(s *scene) { runs(s, second, image.InstanceRunning) },
		"template": func(s *scene) { template(s) },
		"their template": func(s *scene) {
			s.AddLaunchTemplate(second, here, cloudsim.LaunchTemplateSpec{Versions: []cloudsim.TemplateVersionSpec{{Image: subject}}})
		},
		"configuration": func(s *scene) {
			s.AddScalingGroup(first, here, cloudsim.ScalingGroupSpec{Configurations: []cloudsim.ScalingConfigurationSpec{{Image: subject}}})
		},
		"configuration by family": func(s *scene) {
			s.AddScalingGroup(first, here, cloudsim.ScalingGroupSpec{Configurations: []cloudsim.ScalingConfigurationSpec{{Family: "web", Active: true}}})
		},
		"group by template": func(s *scene) {
			s.AddScalingGroup(first, here, cloudsim.ScalingGroupSpec{TemplateID: template(s), TemplateVersion: "1"})
		},
		"pipeline": func(s *scene) { s.AddImagePipeline(first, here, cloudsim.PipelineSpec{Base: string(subject)}) },
		"pipeline by family": func(s *scene) {
			s.AddImagePipeline(first, here, cloudsim.PipelineSpec{Base: "web", BaseType: "IMAGE_FAMILY"})
		},
		"twin": func(s *scene) {
			s.AddImage(first, here, cloudsim.ImageSpec{Image: image.Image{Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: s.snapshot}}, CreatedAt: day(1)}})
		},
	}
}

// stage is a scene with the image, and things that do not use it.
func stage(shared []image.AccountID, published bool) *scene {
	s := &scene{Cloud: cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())}), snapshot: "s-subject"}
	const first = cloudsim.FirstAccount
	s.AddImage(first, here, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: public}, Kind: image.KindPublic}})
	s.AddImage(first, here, cloudsim.ImageSpec{SharedWith: shared, Image: image.Image{
		Ref: image.Ref{ID: subject}, Family: "web", CreatedAt: day(20), Published: published,
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: s.snapshot, Encrypted: image.No}},
	}})
	s.AddImage(first, here, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-older"}, Family: "web", CreatedAt: day(10)}})
	return s
}

// decoys are things that use other images.
func (s *scene) decoys() {
	const first = cloudsim.FirstAccount
	s.AddInstance(first, here, cloudsim.InstanceSpec{Instance: image.Instance{Image: "m-older"}})
	s.AddLaunchTemplate(first, here, cloudsim.LaunchTemplateSpec{Versions: []cloudsim.TemplateVersionSpec{{Image: "m-older"}}})
	s.AddScalingGroup(first, here, cloudsim.ScalingGroupSpec{Configurations: []cloudsim.ScalingConfigurationSpec{{Image: public}}})
	s.AddImagePipeline(first, here, cloudsim.PipelineSpec{Base: public})
}

// lie is what one list of a cloud answers in place of the truth.
type lie struct {
	what string
	// kind is denied, broken or empty; times is -1 for ever.
	kind  string
	times int
}

// liar is a reader whose answers are not all true.
type liar struct {
	survey.Reader
	mu   *sync.Mutex
	lies []*lie
}

// told reports which lie is due, and counts it.
func (l liar) told(what string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.lies {
		if x.what == what && x.times != 0 {
			x.times--
			return x.kind
		}
	}
	return ""
}

func told[T any](l liar, what string, truth func() ([]T, error)) ([]T, error) {
	switch l.told(what) {
	case "denied":
		return nil, fault.New(fault.Forbidden, "denied").WithCode("Forbidden.RAM")
	case "broken":
		return nil, fault.New(fault.Unavailable, "broken").WithCode("ServiceUnavailable")
	case "empty":
		return nil, nil
	}
	return truth()
}

func (l liar) Images(ctx context.Context, r image.RegionID, w image.Listing) ([]image.Image, error) {
	return told(l, "images", func() ([]image.Image, error) { return l.Reader.Images(ctx, r, w) })
}

func (l liar) Instances(ctx context.Context, r image.RegionID, w image.InstanceListing) ([]image.Instance, error) {
	return told(l, "instances", func() ([]image.Instance, error) { return l.Reader.Instances(ctx, r, w) })
}

// MayList is a call of the same action, and so the same lie happens to it.
func (l liar) MayList(ctx context.Context, r image.RegionID, w image.InstanceListing) (image.Tri, error) {
	switch l.told("instances") {
	case "denied":
		return image.No, nil
	case "":
		return l.Reader.MayList(ctx, r, w)
	}
	return image.Unknown, nil
}

func (l liar) Disks(ctx context.Context, r image.RegionID, w image.DiskListing) ([]image.Disk, error) {
	return told(l, "disks", func() ([]image.Disk, error) { return l.Reader.Disks(ctx, r, w) })
}

func (l liar) Snapshots(ctx context.Context, r image.RegionID, w image.SnapshotListing) ([]image.Snapshot, error) {
	return told(l, "snapshots", func() ([]image.Snapshot, error) { return l.Reader.Snapshots(ctx, r, w) })
}

func (l liar) Builds(ctx context.Context, r image.RegionID) ([]image.Build, error) {
	return told(l, "builds", func() ([]image.Build, error) { return l.Reader.Builds(ctx, r) })
}

func (l liar) TemplateVersions(ctx context.Context, r image.RegionID) ([]image.TemplateVersion, error) {
	return told(l, "templates", func() ([]image.TemplateVersion, error) { return l.Reader.TemplateVersions(ctx, r) })
}

func (l liar) ScalingConfigurations(ctx context.Context, r image.RegionID) ([]image.ScalingConfiguration, error) {
	return told(l, "scaling", func() ([]image.ScalingConfiguration, error) { return l.Reader.ScalingConfigurations(ctx, r) })
}

func (l liar) Pipelines(ctx context.Context, r image.RegionID) ([]image.Pipeline, error) {
	return told(l, "pipelines", func() ([]image.Pipeline, error) { return l.Reader.Pipelines(ctx, r) })
}

func (l liar) Price(ctx context.Context, r image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	answers, err := told(l, "prices", func() ([]image.PriceAnswer, error) {
		answer, err := l.Reader.Price(ctx, r, q)
		return []image.PriceAnswer{answer}, err
	})
	return slices.Concat(answers, []image.PriceAnswer{{}})[0], err
}

func (l liar) Grants(ctx context.Context, r image.RegionID, id image.ID) ([]image.Grant, error) {
	return told(l, "grants", func() ([]image.Grant, error) { return l.Reader.Grants(ctx, r, id) })
}

// ask asks find about the image; an answer that is none is unknown.
func (s *scene) ask(t interface{ Fatalf(string, ...any) }, lies []*lie) users {
	look := func(call function.Call) []survey.Account {
		accounts := views(s.Cloud)(call)
		for i := range accounts {
			accounts[i].Reader = liar{accounts[i].Reader, &sync.Mutex{}, clone(lies)}
		}
		return accounts
	}
	h := handler{accounts: look, classes: new(quoting.Classes), now: now}
	h.config.Regions = append(h.config.Regions, "cn-hangzhou")
	got, err := h.usage(context.Background(), function.Call{}, aroundInput{imageInput: imageInput{ImageID: subject}})
	if err != nil && !slices.Contains([]fault.Kind{fault.Unknown, fault.Forbidden, fault.Unavailable}, fault.Of(err)) {
		t.Fatalf("%v", err)
	}
	if err != nil {
		got.Verdict = usage.Unknown
	}
	return got
}

func clone(lies []*lie) []*lie {
	var own []*lie
	for _, l := range lies {
		copied := *l
		own = append(own, &copied)
	}
	return own
}

// drawLies draws what goes wrong. That a list which refuses whoever may not look is
// empty for ever, without a refusal, is no answer of ECS: only instances are so.
func drawLies(t *rapid.T) []*lie {
	var lies []*lie
	for _, what := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"images", "instances", "disks", "templates", "scaling", "pipelines", "grants"}), rapid.ID[string]).Draw(t, "lists") {
		l := &lie{what, rapid.SampledFrom([]string{"denied", "broken", "empty"}).Draw(t, "kind"), rapid.SampledFrom([]int{1, -1}).Draw(t, "times")}
		if l.kind == "empty" && slices.Contains([]string{"templates", "scaling", "pipelines"}, what) {
			l.times = 1
		}
		lies = append(lies, l)
	}
	return lies
}

func TestUsageIsNeverWrong(t *testing.T) {
	t.Parallel()
	var names []string
	for name := range uses() {
		names = append(names, name)
	}
	slices.Sort(names)
	seen := map[usage.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		var shared []image.AccountID
		for _, a := range []image.AccountID{cloudsim.SecondAccount, "1000000000000003"} {
			if rapid.IntRange(0, 2).Draw(t, "shared") == 0 {
				shared = append(shared, a)
			}
		}
		published := rapid.IntRange(0, 5).Draw(t, "published") == 0
		s := stage(shared, published)
		if rapid.Bool().Draw(t, "decoys") {
			s.decoys()
		}
		used := published
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID[string]).Draw(t, "users") {
			if theirs := name == "theirs" || name == "their template"; theirs && !slices.Contains(shared, cloudsim.SecondAccount) {
				continue
			}
			uses()[name](s)
			used = true
		}
		lies := drawLies(t)
		got := s.ask(t, lies)
		seen[got.Verdict]++
		readable := !slices.Contains(shared, "1000000000000003")
		switch {
		case used && got.Verdict == usage.NotInUse:
			t.Fatalf("used, and said to be unused: %+v", got.Consumers)
		case !used && got.Verdict == usage.InUse:
			t.Fatalf("unused, and said to be used: %+v", got.Consumers)
		case used && len(lies) == 0 && got.Verdict != usage.InUse, !used && len(lies) == 0 && readable && got.Verdict != usage.NotInUse:
			t.Fatalf("all could be read, and yet %s: %+v", got.Verdict, got.Causes)
		case got.Verdict == usage.NotInUse && !readable:
			t.Fatalf("an account cannot be read, and yet %s", got.Verdict)
		}
	})
	if t.Log(seen); len(seen) != 3 {
		t.Errorf("verdicts %v: these worlds show nothing", seen)
	}
}

func TestEachUseIsFoundAndSaysWhatBreaks(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]usage.Breakage{
		"running": usage.CannotReinitialise, "stopped": usage.CannotReinitialise, "theirs": usage.CannotReinitialise,
		"template": usage.CannotLaunch, "their template": usage.CannotLaunch, "configuration": usage.CannotScaleOut,
		"configuration by family": usage.CannotScaleOut, "group by template": usage.CannotScaleOut,
		"pipeline": usage.CannotBuild, "pipeline by family": usage.CannotBuild, "twin": usage.LosesSnapshot,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage([]image.AccountID{cloudsim.SecondAccount}, false)
			uses()[name](s)
			got := s.ask(t, nil)
			found := false
			for _, c := range got.Consumers {
				found = found || slices.ContainsFunc(c.Uses, func(u usage.Use) bool { return u.Breaks == breaks && u.ID != "" && u.Sentence != "" })
			}
			if got.Verdict != usage.InUse || !found || len(got.SharedWith) != 1 {
				t.Errorf("%s: %+v", got.Verdict, got.Consumers)
			}
		})
	}
}

func TestUnknownNamesItsCauseAndItsCure(t *testing.T) {
	t.Parallel()
	for what, permission := range map[string]string{
		"instances": "ecs:DescribeInstances", "disks": "ecs:DescribeDisks", "templates": "ecs:DescribeLaunchTemplateVersions",
		"scaling": "ess:DescribeScalingConfigurations", "pipelines": "ecs:DescribeImagePipelines", "grants": "ecs:DescribeImageSharePermission",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			got := stage(nil, false).ask(t, []*lie{{what, "denied", -1}})
			if got.Verdict != usage.Unknown || !slices.ContainsFunc(got.Causes, func(c usage.CauseTold) bool { return c.Permission == permission && c.Sentence != "" }) {
				t.Errorf("%s: %+v", got.Verdict, got.Causes)
			}
		})
	}
}

// Every reading of what no source proves: with less permission the verdict is
// right or unknown.
func TestDeniedInstancesUnderEveryReading(t *testing.T) {
	t.Parallel()
	for name, readings := range map[string]cloudsim.Readings{
		"refused": {}, "empty": {DeniedListsEmpty: true}, "dry run hides": {DeniedListsEmpty: true, DryRunHidesDenial: true},
		"dry run is empty": {DeniedListsEmpty: true, DryRunDeniedEmpty: true}, "success": {DryRunSuccess: true}, "kept": {UsageKept: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, used := range []bool{true, false} {
				s := stage(nil, false)
				s.SetReadings(readings)
				if used {
					uses()["running"](s)
				}
				if err := s.AllowOnly("local", []string{"ecs:DescribeImage*", "ecs:DescribeRegions", "ecs:DescribeDisks", "ecs:DescribeLaunchTemplate*", "ess:*"}); err != nil {
					t.Fatal(err)
				}
				got := s.ask(t, nil).Verdict
				if used && got == usage.NotInUse || !used && got == usage.InUse || !used && got == usage.NotInUse && name != "dry run hides" {
					t.Errorf("used %t: %s", used, got)
				}
			}
		})
	}
}

func TestUsageOverHTTP(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	var got users
	if answer := get(t, f, "/images/m-new/usage", &got); answer.StatusCode != http.StatusOK || got.Verdict != usage.NotInUse ||
		len(got.SharedWith) != 1 || len(got.Consumers) != 2 || got.Image.ID != "m-new" {
		t.Errorf("got %d %+v", answer.StatusCode, got)
	}
	if slices.ContainsFunc(got.Consumers, func(c usage.Consumer) bool { return c.Uses == nil || c.Why == nil }) {
		t.Errorf("an empty list is none: %+v", got.Consumers)
	}
	got = users{}
	if get(t, f, "/images/m-market/usage", &got); got.Verdict != usage.Unknown || got.Causes[0].Code != "everybody" {
		t.Errorf("of a Marketplace image: %s %+v", got.Verdict, got.Causes)
	}
	for target, status := range map[string]int{
		"/images/m-none/usage": 404, "/images/a%20b/usage": 400, "/images/m-new/usage?limit=1": 400, "/images/m-new/usage?region=eu-central-1": 400,
		"/images/m-new/usage?account=9": 400,
	} {
		if answer := get(t, f, target, nil); answer.StatusCode != status {
			t.Errorf("%s: got %d, want %d", target, answer.StatusCode, status)
		}
	}
}
