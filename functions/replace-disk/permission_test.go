package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// statement is one of a policy.
type statement struct{ Action, Resource []string }

// statements are those of the least policy.
func statements(t *testing.T) []statement {
	t.Helper()
	text, err := os.ReadFile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Statement []statement }
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	return policy.Statement
}

// rows are statements as the emulated cloud has them, without one action.
func rows(all []statement, without string) []string {
	var list []string
	for _, s := range all {
		for _, action := range s.Action {
			for _, on := range s.Resource {
				if action != without {
					list = append(list, action+" on "+on)
				}
			}
		}
	}
	return list
}

// elsewhere are actions that this stage does without: the store of the journal, the
// roles and the regions are the platform's here, and what only a program sees who
// asks ActionTrail. TestLeastPermission of scripts/e2e and the adapter's tests have them.
func elsewhere(action string) bool {
	return strings.HasPrefix(action, "oss:") || slices.Contains([]string{"sts:AssumeRole", "ecs:DescribeRegions", "actiontrail:LookupEvents"}, action)
}

// TestEveryPermissionIsNeeded: with the least policy everything is done; without any
// one of its actions something is not, and what comes tells so.
func TestEveryPermissionIsNeeded(t *testing.T) {
	policy := statements(t)
	run := func(without string) (story string) {
		synctest.Test(t, func(t *testing.T) { story = everything(newStage(t), rows(policy, without)) })
		return story
	}
	whole := run("")
	for _, want := range []string{"rollout finished", "undo finished", "applied []", "deleted 4"} {
		if !strings.Contains(whole, want) {
			t.Fatalf("%q is not in the story with the whole policy:\n%s", want, whole)
		}
	}
	var all []string
	for _, one := range policy {
		all = append(all, one.Action...)
	}
	all = slices.DeleteFunc(all, elsewhere)
	tried := drawn.Some(t, all, 8)
	if price := "ecs:DescribePrice"; !slices.Contains(tried, price) {
		tried = append(tried, price)
	}
	for _, action := range tried {
		if story := run(action); story == whole {
			t.Errorf("nothing is missing without %s", action)
		}
	}
}

// everything is a rollout of an instance that has all that there is to restore, in a
// scaling group, with hooks and what follows; its undo; and the end of its backups.
func everything(s *stage, allow []string) string {
	t, at := s.t, s.home()
	view, ctx := s.cloud.View(own), s.t.Context()
	s.cloud.SetReadings(cloudsim.Readings{ReplaceForgets: true})                                                                                                                        // so that everything has to be restored
	s.old[at] = s.cloud.AddImage(own, at.Region, cloudsim.ImageSpec{Image: image.Image{Name: "web-0", Family: "web", SizeGiB: 500}, SharedWith: []image.AccountID{"1000000000000003"}}) // for a disk of level PL2
	s.golden[at] = s.cloud.AddImage(own, at.Region, cloudsim.ImageSpec{Image: image.Image{                                                                                              // what its licence costs only ECS knows
		Name: "web-2", Family: "web", SizeGiB: 500, OSType: image.Linux, ProductCode: "cmjj00027311", Subscribed: true, Platform: "Red Hat", OSName: "Red Hat Enterprise Linux  9.6 64 bit",
	}})
	s.cloud.AddImage(own, at.Region, cloudsim.ImageSpec{Image: image.Image{Name: "sold", Kind: image.KindMarketplace, ProductCode: "cmjj00027311", SizeGiB: 40, OSType: image.Linux}})
	id := s.fleet(at, 1)[0]
	group, made := s.cloud.AddScalingGroup(own, at.Region, cloudsim.ScalingGroupSpec{Name: "web", Configurations: []cloudsim.ScalingConfigurationSpec{{Image: s.old[at], Active: true}}})
	s.cloud.AddToScalingGroup(at.Region, group, id)
	s.cloud.AddLaunchTemplate(own, at.Region, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{{Image: s.old[at]}}})
	s.cloud.AddKeyPair(own, at.Region, "ops")
	s.cloud.AddImagePipeline(own, at.Region, cloudsim.PipelineSpec{Base: string(s.old[at]), Runs: []cloudsim.PipelineRunSpec{{Made: s.golden[at]}}})
	policy := s.cloud.AddSnapshotPolicy(own, at.Region, cloudsim.SnapshotPolicyRow{})
	disks, err := view.DiskSetups(ctx, at.Region, image.DiskListing{Instance: id, System: image.Yes})
	if err != nil || len(disks) != 1 || len(made) != 1 {
		t.Fatal(disks, err)
	}
	disk := disks[0].ID
	if err := errors.Join(
		view.ModifyDisk(ctx, at.Region, disk, image.DiskAttributes{Name: "system", DeleteAutoSnapshot: image.Yes}),
		view.Tag(ctx, at.Region, "disk", []string{string(disk)}, image.Tags{"team": "web"}),
		view.ApplySnapshotPolicy(ctx, at.Region, policy, []image.DiskID{disk}),
		view.SetPerformance(ctx, at.Region, disk, "PL2", 0),
		view.ModifyMetadata(ctx, at.Region, id, image.MetadataOptions{Endpoint: "enabled", Tokens: "required", HopLimit: 2}),
		view.AttachKeyPair(ctx, at.Region, "ops", []image.InstanceID{id}),
		view.ModifyImage(ctx, at.Region, s.old[at], image.AttributeChange{NVMe: new(true)}),
	); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	if err := s.cloud.AllowOnly("local", allow); err != nil {
		t.Fatal(err)
	}
	return s.story(object{
		"select": object{"tag": object{"env": "prod"}, "account": []image.AccountID{own}}, "to": object{"image": s.golden[at]},
		"hooks": object{"before": "true", "after": "true"}, "backup": object{"keep": "1d"}, "evenIfManaged": true,
		"health": []any{object{"status": object{}}, object{"assistant": object{}}, object{"command": "true"}},
		"follow": object{"launchTemplates": true, "scalingConfigurations": true},
	})
}

// story carries a rollout and its undo out as far as that goes, and tells.
func (s *stage) story(wish object) string {
	var story strings.Builder
	tell := func(what string, a reply) {
		fmt.Fprintln(&story, what, a.State, a.status, a.Code, a.Unknown, a.Findings)
		if a.Totals != nil {
			cost, err := json.Marshal(a.Totals)
			fmt.Fprintln(&story, string(cost), err)
		}
		if a.Plan != nil {
			fmt.Fprintln(&story, a.Plan.Steps)
		}
		for _, i := range a.Items {
			fmt.Fprintln(&story, i.Action, i.Level, i.Result, reasons(i))
		}
	}
	try := func(what, target string, wish object) string {
		p := s.do(http.MethodPost, target, wish)
		if tell("plan of "+what, p); p.Plan == nil || !p.Plan.Applicable {
			return ""
		}
		begun := s.do(http.MethodPost, target, with(wish, "apply", object{"digest": p.Plan.Digest}))
		for range 400 {
			a := s.get(begun.ID)
			if slices.Contains([]string{"finished", "partly", "failed", "aborted", "halted", ""}, a.State) {
				break
			}
			s.tick()
		}
		tell(what, s.get(begun.ID))
		return begun.ID
	}
	if id := try("rollout", "/rollouts", wish); id != "" {
		try("undo", "/rollouts/"+id+"/undo", object{})
		try("again", "/rollouts", with(wish, "strategy", object{"maxDown": "31m"}))
	}
	time.Sleep(30 * time.Hour)
	s.fleet(s.home(), 6) // many are looked at in another way than few
	tell("plan of many", s.do(http.MethodPost, "/rollouts", with(wish, "select", object{"descendantsOf": s.old[s.home()]})))
	for range 2 {
		s.expired(&story)
		time.Sleep(time.Hour)
	}
	return story.String()
}

func (s *stage) expired(story *strings.Builder) {
	event := fmt.Sprintf(`{"triggerTime":%q,"triggerName":"expiry","payload":""}`, time.Now().UTC().Format(time.RFC3339))
	var r expiryReport
	text := s.function().Invoke(s.t.Context(), function.Call{Region: string(s.regions[0]), Deadline: time.Now().Add(time.Minute)}, []byte(event))
	err := json.Unmarshal(text, &r)
	fmt.Fprintln(story, "deleted", len(r.Deleted), r.Kept, r.Unknown, err)
}

// reasons is why an item came to what it did.
func reasons(i item) []string {
	if i.Reason == nil {
		return []string{}
	}
	return []string{i.Reason.Code, i.Reason.Sentence}
}
