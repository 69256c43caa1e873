package main

import (
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// What a boot test costs is known before it, and what costs more is refused.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		w := wish("web-1")
		test, _ := w["test"].(map[string]any)
		test["maxCost"] = "100"
		p := s.call("imports.post", w)
		c := p.Totals.Cost
		if !p.Plan.Applicable || c.TestOnce == "" || c.TestOnce == "0" || c.LicenceHourly != "0" || c.Currency != "CNY" || len(c.Storage) != 1 || c.StorageMonthly != "" {
			t.Errorf("%+v, %+v", c, p.Findings)
		}
		test["maxCost"] = "0.01"
		if p := s.call("imports.post", w); p.Plan.Applicable || !found(p, "costTooHigh") {
			t.Errorf("%+v", p.Findings)
		}
		image, _ := w["image"].(map[string]any)
		image["platform"], test["maxCost"] = "Red Hat", "100"
		if p := s.call("imports.post", w); p.Plan.Applicable || !found(p, "costUnknown") {
			t.Errorf("%+v", p.Findings)
		}
	})
}

func found(a answer, code string) bool {
	return slices.ContainsFunc(a.Findings, func(f image.Finding) bool { return f.Code == code })
}

// misfortune is something that happens during an import, and how that ends.
type misfortune struct {
	// happens is told of each call that came through; the first time it returns true
	// is the last.
	happens func(s *stage, m met) bool
	fates   func(m met) error
	options cloudsim.Options
	// before happens between the plan that is applied and the first call.
	before func(s *stage)
	// lie is what comes instead of an answer, once it is not nil.
	lie     func(m met, answer any) any
	wish    func(w map[string]any)
	home    string // the reason at home; empty: applied
	away    string
	nothing bool // nothing is left
	// images is how many there are afterwards at home and away, where that is held.
	images []int
}

// as is a misfortune that comes once a call of a name came through.
func as(name string, do func(s *stage)) func(*stage, met) bool {
	return func(s *stage, m met) bool {
		if m.name == name {
			do(s)
		}
		return m.name == name
	}
}

// boots has instances of the import's image come up in a way.
func boots(boot cloudsim.Boot) func(*stage, met) bool {
	return as("ImportImage", func(s *stage) {
		for _, i := range s.things("cn-hangzhou").images {
			s.cloud.SetBoot(i.ID, boot)
		}
	})
}

// refusing refuses calls of a name with a code.
func refusing(name, code string) func(met) error {
	return func(m met) error {
		if m.name == name {
			return fault.New(fault.Precondition, "refused").WithCode(code)
		}
		return nil
	}
}

// rewritten writes the object anew, with the same bytes.
func rewritten(s *stage) {
	time.Sleep(time.Second)
	s.upload("incoming/web.raw", 0x83)
}

// swapped writes other bytes, and then those of before.
func swapped(s *stage) {
	s.upload("incoming/web.raw", 7)
	time.Sleep(time.Minute)
	s.upload("incoming/web.raw", 0x83)
}

// full has a region take no more images.
func full(region image.RegionID) func(*stage) {
	return func(s *stage) { s.cloud.SetImageQuota(own, region, len(s.things(region).images)) }
}

// misfortunes are what can happen, by what that is.
func misfortunes() map[string]misfortune {
	all := misfortunesOfSources()
	for _, more := range []map[string]misfortune{misfortunesOfTests(), misfortunesOfCopies(), misfortunesOfImages()} {
		maps.Copy(all, more)
	}
	return all
}

// misfortunesOfSources: an object that is another one before the image is made ends it;
// once the image is made, it is of what was checked.
func misfortunesOfSources() map[string]misfortune {
	refused := misfortune{home: "sourceChanged", away: "homeFailed", nothing: true}
	all := map[string]misfortune{}
	swaps := map[string]func(*stage){
		"swapped":      func(s *stage) { s.upload("incoming/web.raw", 7) },
		"swapped back": swapped,
		"rewritten":    rewritten,
		"gone": func(s *stage) {
			if _, err := s.session().DeleteObject(cloudsim.ObjectName{Bucket: bucket, Key: "incoming/web.raw"}); err != nil {
				s.t.Error(err)
			}
		},
	}
	for what, swap := range swaps {
		c := refused
		c.before = swap
		all["the object is "+what+" before the call"] = c
		c = refused
		c.happens = as("ImportImage", swap)
		all["the object is "+what+" while ECS reads it"] = c
	}
	late := refused
	late.happens = func(s *stage, m met) bool { // the image is there, and its task not over
		images := s.things("cn-hangzhou").images
		if m.name != "Task" || len(images) == 0 || images[0].Status != image.StatusAvailable {
			return false
		}
		rewritten(s)
		return true
	}
	all["the object is rewritten at the last look"] = late
	for _, call := range []string{"Launch", "RunCommand", "Terminate", "Tag image", "CopyImage", "Permit"} {
		all["the object is swapped at "+call] = misfortune{happens: as(call, swaps["swapped"]), images: []int{1, 1}}
	}
	return all
}

func misfortunesOfTests() map[string]misfortune {
	ended := func(status string) func(met, any) any {
		return func(m met, answer any) any {
			runs, is := answer.([]image.Invocation)
			if !is || m.name != "Invocation" {
				return nil
			}
			runs = slices.Clone(runs)
			for n := range runs {
				runs[n].Status, runs[n].ExitCode = status, 0
			}
			return runs
		}
	}
	left := []int{1, 0}
	test := func(s *stage) *image.Instance {
		for _, i := range s.things("cn-hangzhou").instances {
			return &i
		}
		s.t.Error("there is no instance")
		return &image.Instance{}
	}
	all := map[string]misfortune{
		"the instance never comes up": {happens: boots(cloudsim.BootNever), home: "bootFailed", away: "homeFailed", images: left},
		"its assistant is silent":     {happens: boots(cloudsim.BootSilent), home: "assistantSilent", away: "homeFailed", images: left},
		"the command fails":           {happens: boots(cloudsim.BootCommandFails), home: "commandFailed", away: "homeFailed", images: left},
		"the command never ends":      {lie: ended("Running"), home: "commandTimedOut", away: "homeFailed", images: left},
		"the command is being stopped for ever": {
			lie: ended("Stopping"), home: "commandTimedOut", away: "homeFailed", images: left,
		},
		"no instance can be had":         {fates: refusing("Launch", "OperationDenied.NoStock"), home: "OperationDenied.NoStock", away: "homeFailed", images: left},
		"the instance cannot be deleted": {fates: refusing("Terminate", "OperationDenied"), home: "OperationDenied", away: "homeFailed", images: left},
		"the instance cannot be deleted for now": {
			fates: times(3, refusing("Terminate", "IncorrectInstanceStatus.Initializing")), images: []int{1, 1},
		},
		"somebody else deletes the instance": {happens: as("RunCommand", func(s *stage) {
			if err := s.session().DeleteInstance(cloudsim.DeleteInstancesRequest{RegionID: "cn-hangzhou", InstanceIDs: []image.InstanceID{test(s).ID}, Force: true}); err != nil {
				s.t.Error(err)
			}
		}), home: "bootFailed", away: "homeFailed", images: left},
		"somebody takes its tag away": {happens: as("RunCommand", func(s *stage) {
			if err := s.session().UntagResources(cloudsim.UntagResourcesRequest{
				RegionID: "cn-hangzhou", ResourceType: "instance", ResourceIDs: []string{string(test(s).ID)}, TagKeys: []string{"imagekeeper:test"},
			}); err != nil {
				s.t.Error(err)
			}
		}), home: "notOurs", away: "homeFailed", images: left},
	}
	for _, status := range []string{"Failed", "Timeout", "Error", "Invalid", "Aborted", "Cancelled", "Terminated", "Stopped", "PartialFailed", "Unheard"} {
		all["the command ends as "+status] = misfortune{lie: ended(status), home: "commandFailed", away: "homeFailed", images: left}
	}
	return all
}

// times has only the first calls that it means refused.
func times(n int, fates func(met) error) func(met) error {
	var refusals atomic.Int32
	return func(m met) error {
		err := fates(m)
		if err != nil && int(refusals.Add(1)) > n {
			return nil
		}
		return err
	}
}

func misfortunesOfCopies() map[string]misfortune {
	of := func(region image.RegionID, change func(*image.Image)) func(met, any) any {
		return func(m met, answer any) any {
			images, is := answer.([]image.Image)
			if !is || m.name != "Images" || m.region != region || len(images) == 0 {
				return nil
			}
			images = slices.Clone(images)
			for n := range images {
				change(&images[n])
			}
			return images
		}
	}
	two := []any{map[string]string{"accountId": string(other)}, map[string]string{"accountId": "1000000000000003"}}
	return map[string]misfortune{
		"the quota is reached before the call": {before: full("cn-hangzhou"), home: "QuotaExceed.Image", away: "homeFailed", nothing: true},
		"the quota is reached between the regions": {
			happens: as("Launch", full("cn-shanghai")), away: "QuotaExceed.Image", images: []int{1, 0},
		},
		"a copy is refused": {fates: refusing("CopyImage", "OperationDenied.NotPublished"), away: "OperationDenied.NotPublished", images: []int{1, 0}},
		"a copy fails":      {happens: as("Terminate", func(s *stage) { s.cloud.FailNext(own, 1) }), away: "createFailed", images: []int{1, 1}},
		"a copy has another size": {
			lie: of("cn-shanghai", func(i *image.Image) { i.SizeGiB = 30 }), away: "copyDiffers", images: []int{1, 1},
		},
		"a copy boots otherwise": {
			lie: of("cn-shanghai", func(i *image.Image) { i.BootMode = image.UEFI }), away: "copyDiffers", images: []int{1, 1},
		},
		"a copy never ends": {options: cloudsim.Options{CopyTime: 400 * time.Hour}, away: "notMadeInTime", images: []int{1, 1}},
		"one account is refused": {
			wish: func(w map[string]any) {
				release, _ := w["release"].(map[string]any)
				release["share"] = map[string]any{"accounts": []any{two[0], map[string]string{"accountId": "9999999999999999"}}}
			},
			home: "InvalidAccount.NotFound", away: "InvalidAccount.NotFound", images: []int{1, 1},
		},
		"every account is refused": {
			fates: refusing("Permit", "InvalidAccount.NotFound"), home: "InvalidAccount.NotFound", away: "InvalidAccount.NotFound", images: []int{1, 1},
		},
	}
}

func misfortunesOfImages() map[string]misfortune {
	hidden := func(m met, answer any) any {
		if images, is := answer.([]image.Image); is && m.name == "Images" && m.region == "cn-hangzhou" && len(images) > 0 {
			return slices.DeleteFunc(slices.Clone(images), func(i image.Image) bool { return i.Kind == image.KindCustom })
		}
		return nil
	}
	task := func(status string) func(met, any) any {
		return func(_ met, answer any) any {
			if t, is := answer.(image.Task); is {
				t.Status = status
				return t
			}
			return nil
		}
	}
	failed, unheard := task("Failed"), task("Unheard")
	deleted := func(s *stage) {
		for _, i := range s.things("cn-hangzhou").images {
			if err := s.session().DeleteImage(cloudsim.DeleteImageRequest{RegionID: "cn-hangzhou", ImageID: i.ID, Force: true}); err != nil {
				s.t.Error(err)
			}
		}
	}
	available := func(s *stage, m met) bool {
		images := s.things("cn-hangzhou").images
		if m.name != "Images" || len(images) == 0 || images[0].Detection == nil || images[0].Detection.Status != "Processing" {
			return false
		}
		return s.session().DeleteImage(cloudsim.DeleteImageRequest{RegionID: "cn-hangzhou", ImageID: images[0].ID}) == nil // once its task is over
	}
	return map[string]misfortune{
		"ECS fails":                                {before: func(s *stage) { s.cloud.FailNext(own, 1) }, home: "createFailed", away: "homeFailed", images: []int{1, 0}},
		"the task is finished, and has no image":   {lie: hidden, home: "imageGone", away: "homeFailed", images: []int{1, 0}},
		"the task fails":                           {lie: failed, home: "taskFailed", away: "homeFailed", images: []int{1, 0}},
		"the task ends as nobody knows":            {lie: unheard, home: "taskEnded", away: "homeFailed", images: []int{1, 0}},
		"the image is deleted while it is checked": {happens: available, home: "imageGone", away: "homeFailed", images: []int{0, 0}},
		"the image is deleted before its test":     {happens: as("Launch", deleted), home: "imageGone", away: "homeFailed", images: []int{0, 0}},
		"the image is deleted before its name":     {happens: as("Terminate", deleted), home: "imageGone", away: "homeFailed", images: []int{0, 0}},
		"an import without end":                    {options: cloudsim.Options{ImportTime: 400 * time.Hour}, home: "notMadeInTime", away: "homeFailed", images: []int{1, 0}},
	}
}

// What happens during an import ends it with its reason in the region that it is of,
// nobody gets what did not pass, and no instance stays.
func TestMisfortunes(t *testing.T) {
	all := misfortunes()
	for _, name := range drawn.Some(t, slices.Sorted(maps.Keys(all)), 3) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { befalls(t, all[name]) })
		})
	}
}

func befalls(t *testing.T, c misfortune) {
	s := newStageOf(t, c.options)
	w := wish("web-1")
	if c.wish != nil {
		c.wish(w)
	}
	story := s.begin(w)
	if c.before != nil {
		c.before(s)
	}
	var over atomic.Bool
	s.arm(func(m met) (fate, how) {
		if c.fates != nil {
			if err := c.fates(m); err != nil {
				return refused, how{err: err}
			}
		}
		if c.lie != nil {
			return lies, how{lie: func(answer any) any {
				if instead := c.lie(m, answer); instead != nil {
					return instead
				}
				return answer
			}}
		}
		return passes, how{}
	}, func(m met, err error) {
		if err == nil && c.happens != nil && !over.Load() && c.happens(s, m) {
			over.Store(true)
		}
	})
	if c.options != (cloudsim.Options{}) { // of what takes days only a minute of each hour is looked at
		story.live(60, 30)
		for range 75 {
			s.work(&door{stage: s})
			time.Sleep(time.Hour)
		}
	}
	a := story.live(300, 5)
	if c.happens != nil && !over.Load() {
		t.Error("it never happened")
	}
	for n, want := range []string{c.home, c.away} {
		got := ""
		if r := a.Items[n].Reason; r != nil {
			got = r.Code
		}
		if got != want || (want == "") != (a.Items[n].Result == "applied") {
			t.Errorf("%s: %s %q, and not %q", a.Items[n].RegionID, a.Items[n].Result, got, want)
		}
	}
	want := map[bool]work.State{true: work.Failed, false: work.Partly}[c.home != ""]
	if c.home+c.away == "" {
		want = work.Finished
	}
	if a.State != want {
		t.Errorf("it is %s", a.State)
	}
	if c.nothing {
		s.nothing()
	}
	time.Sleep(2 * time.Hour)
	s.leftBehind(c, a)
}

// leftBehind holds what is there after a misfortune against what the state lists.
func (s *stage) leftBehind(c misfortune, a answer) {
	t := s.t
	t.Helper()
	if is := s.things("cn-hangzhou"); len(is.instances) > 0 {
		t.Errorf("left: %v", is.instances)
	}
	for n, i := range a.Items {
		images := s.things(i.RegionID).images
		if c.images != nil && len(images) != c.images[n] {
			t.Errorf("%s has %d images", i.RegionID, len(images))
		}
		for _, made := range images {
			if made.ID != i.ImageID {
				t.Errorf("%s is in %s, and the state lists %q", made.ID, i.RegionID, i.ImageID)
			}
			if i.Result != "applied" && made.Tags["imagekeeper:channel"] != "" {
				t.Errorf("%s is in a channel", made.ID)
			}
			if n == 0 && c.home != "" && c.away == "homeFailed" && made.Name != "unverified-web-1" {
				t.Errorf("%s is called %s", made.ID, made.Name)
			}
		}
	}
}
