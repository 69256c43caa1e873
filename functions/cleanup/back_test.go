package main

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/sharing"
)

// What Terraform owns is not deprecated, as it would be made again, unless the rule says
// so; it goes all the same.
func TestWhatTerraformOwns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tag       image.Tags
		deprecate bool
		status    image.Status
	}{
		"by key":            {image.Tags{"terraform": "true"}, false, image.StatusAvailable},
		"by value":          {image.Tags{"managed-by": "Terraform"}, false, image.StatusAvailable},
		"the rule says so":  {image.Tags{"terraform": "true"}, true, image.StatusDeprecated},
		"nothing of either": {image.Tags{"owner": "web"}, false, image.StatusDeprecated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.rules.Approver = func(rule string) string { return "rule:" + rule + "@etag" }
			s.rules.Document.Rules[0].Deprecate = c.deprecate
			if err := s.cloud.View(first).Tag(t.Context(), region, "image", []string{"m-web1"}, c.tag); err != nil {
				t.Fatal(err)
			}
			quarantined := false
			for hour := 0; hour < 24*24 && !quarantined; hour++ {
				s.event(map[string]any{"triggerTime": s.clock.Now().Format(time.RFC3339), "triggerName": "schedule", "payload": ""})
				s.tick(3)
				s.clock.Advance(57 * time.Minute)
				now, _, err := s.image("m-web1")
				if err != nil {
					t.Fatal(err)
				}
				quarantined = strings.HasPrefix(now.Tags[retention.TagCleanup], "quarantined ")
			}
			s.tick(3)
			if now, _, err := s.image("m-web1"); err != nil || !quarantined || now.Status != c.status {
				t.Errorf("in quarantine %v: %s, %v", quarantined, now.Status, err)
			}
		})
	}
}

// giver is how share works in the log of an image.
func (s *stage) giver() upkeep.Giver {
	return upkeep.Giver{
		Journal: journal.New(s.objects(), s.clock.Now, rand.Text), Allowed: []image.AccountID{second, third}, Now: s.clock.Now,
		Pause: func(context.Context, time.Duration) error { return nil },
		Cloud: func(_ context.Context, a image.AccountID) (sharing.Cloud, error) { return s.cloud.View(a), nil },
	}
}

const third = image.AccountID("1000000000000003")

// A decision about shares that somebody takes during the quarantine wins: what cleanup
// took away is not given back over it, and is listed.
func TestSharesDecidedDuringTheQuarantine(t *testing.T) {
	t.Parallel()
	ref := image.Ref{Account: first, Region: region, ID: "m-web0"}
	until := start().AddDate(0, 6, 0)
	for name, c := range map[string]struct {
		during func(t *testing.T, g upkeep.Giver) error
		grants []image.AccountID
		left   string
	}{
		"nobody decides": {func(*testing.T, upkeep.Giver) error { return nil }, []image.AccountID{second}, ""},
		"another account": {func(t *testing.T, g upkeep.Giver) error {
			t.Helper()
			return g.Lend(t.Context(), ref, []sharing.Terms{{Account: third, Until: until, OnExpiry: sharing.Remove, Reason: "audit"}}, "ann")
		}, []image.AccountID{third}, string(second)},
		"the same account, and it ends again": {func(t *testing.T, g upkeep.Giver) error {
			t.Helper()
			if err := g.Lend(t.Context(), ref, []sharing.Terms{{Account: second, Reason: "audit"}}, "ann"); err != nil {
				return err
			}
			return g.Suspend(t.Context(), ref, "ann")
		}, nil, string(second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			if err := s.cloud.View(first).Tag(t.Context(), region, "image", []string{"m-web0"}, image.Tags{"terraform": "true"}); err != nil { // it stays Available
				t.Fatal(err)
			}
			if err := s.giver().Suspend(t.Context(), ref, "ann"); err != nil {
				t.Fatal(err)
			}
			if err := s.giver().Lend(t.Context(), ref, []sharing.Terms{{Account: second, Until: until, OnExpiry: sharing.Remove, Reason: "a partner"}}, "ann"); err != nil {
				t.Fatal(err)
			}
			id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web0"}})
			s.pass(15 * 24 * time.Hour)
			if i := s.item(id, "m-web0"); i.Stage != retention.StageQuarantined {
				t.Fatalf("it is %+v", i)
			}
			if err := c.during(t, s.giver()); err != nil {
				t.Fatal(err)
			}
			s.call("cleanups.keep", map[string]any{"imageId": "m-web0", "reason": "audit", "until": s.clock.Now().Add(240 * time.Hour)})
			s.pass(24 * time.Hour)
			now, grants, err := s.image("m-web0")
			var with []image.AccountID
			for _, g := range grants {
				with = append(with, g.Account)
			}
			i := s.item(id, "m-web0")
			if err != nil || now.Status != image.StatusAvailable || !slices.Equal(with, c.grants) || i.Level != "returned" {
				t.Errorf("%v: %s, shared with %v: %+v", err, now.Status, with, i)
			}
			var left []string
			for _, a := range i.NotGivenBack {
				left = append(left, string(a))
			}
			if strings.Join(left, ",") != c.left {
				t.Errorf("listed as not given back: %v", left)
			}
		})
	}
}

// What still names an image that is gone is listed with what mends it, whoever has it.
func TestWhatStillNamesWhatIsGone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	s.apply("cleanups.create", map[string]any{"images": []string{"m-web0"}})
	s.tick(30)
	if _, _, err := s.image("m-web0"); fault.Of(err) != fault.NotFound {
		t.Fatalf("it is there: %v", err)
	}
	named := cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{{Image: "m-web5"}, {Image: "m-web0"}}}
	s.cloud.AddLaunchTemplate(first, region, named)
	s.cloud.AddLaunchTemplate(second, region, named)
	s.cloud.AddScalingGroup(second, region, cloudsim.ScalingGroupSpec{Name: "web", Configurations: []cloudsim.ScalingConfigurationSpec{
		{Name: "old", Image: "m-web0", InstanceType: "ecs.g7.large"}, {Name: "new", Active: true, Image: "m-web5", InstanceType: "ecs.g7.large"},
	}})
	planned := s.call("cleanups.restore", map[string]any{"id": "m-web0"})
	var told []string
	for _, f := range planned.Findings {
		if f.Code == "stillNamed" {
			told = append(told, f.Sentence+" | "+f.Remedy)
		}
	}
	slices.Sort(told)
	want := []string{
		`scaling configuration asc-[^ ]+ of account 1000000000000002 still names m-web0 \| aliyun ess ModifyScalingConfiguration --RegionId cn-hangzhou --ScalingConfigurationId asc-[^ ]+ --ImageId "\$IMAGE_ID"`,
		`version 2 of launch template lt-[^ ]+ of account 1000000000000001 still names m-web0 \| (?s:.*)\n-  image_id = "m-web0"\n\+  image_id = "\$IMAGE_ID"`,
		`version 2 of launch template lt-[^ ]+ of account 1000000000000002 still names m-web0 \| (?s:.*)\n-  image_id = "m-web0"\n\+  image_id = "\$IMAGE_ID"`,
	}
	if len(told) != len(want) || !planned.Plan.Applicable {
		t.Fatalf("applicable %v: %q", planned.Plan.Applicable, told)
	}
	for n, one := range told {
		if !regexp.MustCompile("^" + want[n] + "$").MatchString(one) {
			t.Errorf("%q does not say %q", one, want[n])
		}
	}
}

// A snapshot that a rollout keeps as its backup stays when the image in the bin goes that
// was made of it, and so does one that is older than the image.
func TestBackupsBehindImages(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	old := s.cloud.AddSnapshot(first, region, image.Snapshot{ID: "s-older", Status: "accomplished", CreatedAt: start().AddDate(-2, 0, 0)})
	custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-undo"}, Tags: image.Tags{retention.TagUndo: "r-1"}}})
	custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-made"}, Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: old, Encrypted: image.No}}}})
	custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-plain"}}})
	if err := s.cloud.View(first).Tag(t.Context(), region, "snapshot", []string{"s-undo"}, image.Tags{retention.TagBackup: "r-1"}); err != nil {
		t.Fatal(err)
	}
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-undo", "m-made", "m-plain"}})
	s.pass(60 * 24 * time.Hour)
	for snapshot, stays := range map[image.SnapshotID]bool{"s-undo": true, old: true, "s-plain": false} {
		if _, there := s.snapshot(snapshot); there != stays {
			t.Errorf("%s: there %v, want %v; %s: %+v", snapshot, there, stays, s.state(id), s.call("cleanups.get", map[string]any{"id": id}).Items)
		}
	}
}

// Where a region is not there any more that was seen of late nothing goes, by anybody,
// and that is told; after a week without it, it is no longer missed.
func TestRegionsThatAreMissed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := s.clock.Now().UTC()
	archive := upkeep.Archive{Journal: journal.New(s.objects(), s.clock.Now, rand.Text), Documents: s.objects(), Now: s.clock.Now}
	if err := archive.KeepLook(t.Context(), retention.Look{
		Account: first, Region: "cn-beijing", At: at, Since: at, Used: map[image.ID]time.Time{}, Images: 4, Best: retention.Best{At: at, Images: 4},
	}); err != nil {
		t.Fatal(err)
	}
	told := func() (short bool) {
		for _, ask := range []map[string]any{{"images": []string{"m-web1"}}, {"images": []string{"m-web1"}, "skipWaits": true, "reason": "leaked"}} {
			p := s.call("cleanups.create", ask)
			step := p.Plan.Steps[0]
			short = slices.ContainsFunc(step.Reasons, func(r image.Reason) bool {
				return r.Code == "evidenceShort" && strings.HasSuffix(r.Sentence, "2 regions were seen of late, and of these not now: cn-beijing")
			})
			if short != (step.Action == "refuse") {
				t.Errorf("%v: %s %+v", ask, step.Action, step.Reasons)
			}
		}
		return short
	}
	if !told() {
		t.Error("cn-beijing is not missed")
	}
	s.looks(1, time.Hour)
	if p := s.call("cleanups.create", map[string]any{"rules": true}); !slices.ContainsFunc(p.Findings, func(f image.Finding) bool { return f.Code == "evidenceShort" }) {
		t.Errorf("the plan of the timer does not say so: %+v", p.Findings)
	}
	s.pass(8 * 24 * time.Hour)
	if told() {
		t.Error("cn-beijing is missed for ever")
	}
}
