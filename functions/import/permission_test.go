package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
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

// elsewhere are actions that this stage does without: the store of the journal and of
// the uploads, the roles and the regions are the platform's here. TestLeastPermission
// of scripts/e2e has them.
func elsewhere(action string) bool {
	return strings.HasPrefix(action, "oss:") || slices.Contains([]string{"sts:AssumeRole", "ecs:DescribeRegions"}, action)
}

// needed are the actions of the policy that this stage needs.
func needed(policy []statement) []string {
	var all []string
	for _, one := range policy {
		for _, action := range one.Action {
			if !elsewhere(action) {
				all = append(all, action)
			}
		}
	}
	return all
}

// TestEveryPermissionIsNeeded: with the least policy everything is done; without any
// one of its actions something is not, and what comes tells so.
func TestEveryPermissionIsNeeded(t *testing.T) {
	policy := statements(t)
	run := func(without string) (told string) {
		synctest.Test(t, func(t *testing.T) {
			told = newStageOf(t, cloudsim.Options{CopyTime: 10 * time.Minute}).everything(rows(policy, without))
		})
		return told
	}
	whole := run("")
	for _, want := range wholeStory() {
		if !strings.Contains(whole, want) {
			t.Fatalf("%q is not in the story with the whole policy:\n%s", want, whole)
		}
	}
	if again := run(""); again != whole {
		t.Fatalf("the story is another one each time:\n%s\n%s", whole, again)
	}
	for _, action := range drawn.Some(t, needed(policy), 10) {
		if told := run(action); told == whole {
			t.Errorf("nothing is missing without %s", action)
		}
	}
}

// wholeStory is what is done where everything may be.
func wholeStory() []string {
	return []string{
		"a file finished", "broken failed", "Kernel panic", "stable true", "back true", "attributes true", "an instance finished",
		"exported finished", "cancelled aborted", "copied aborted", "left image 6, instance 1, snapshot 6",
	}
}

// everything is an import to its release, one whose test fails, a release and its
// rollback, attributes, an image of an instance, an export, and works that are
// cancelled while ECS is at them.
func (s *stage) everything(allow []string) string {
	s.t.Helper()
	at := image.RegionID("cn-hangzhou")
	server := s.cloud.AddInstance(own, at, cloudsim.InstanceSpec{Instance: image.Instance{
		Image: "ubuntu_22_04_x64_20G_alibase_20260101.vhd", Status: image.InstanceRunning, Type: "ecs.g7.large", Zone: "cn-hangzhou-i",
	}})
	s.upload("incoming/none.raw", 0x83)
	if err := s.cloud.AllowOnly("local", allow); err != nil {
		s.t.Fatal(err)
	}
	s.cloud.SetReadings(cloudsim.Readings{CancelLeavesImage: true}) // so that it has to be deleted
	s.narrow = true
	var told strings.Builder
	tell := func(what string, a any) { fmt.Fprintln(&told, what, a) }
	first := s.follow(tell, "a file", "imports", wish("web-1"), nil)
	never := with(wish("web-2"), "source", object{"object": object{"bucket": bucket, "key": "incoming/none.raw"}})
	s.follow(tell, "broken", "imports", never, func() { s.boot("unverified-web-2", cloudsim.BootNever) })
	third := s.follow(tell, "newer", "imports", wish("web-3"), nil)
	s.changed(tell, "stable", "releases.put", object{"family": "web", "channel": "stable", "images": object{string(at): third}})
	s.changed(tell, "back", "releases.put", object{"family": "web", "channel": "stable", "images": object{string(at): first}})
	s.changed(tell, "attributes", "attributes.patch", object{"imageId": first, "region": at, "resourceGroupId": "rg-1", "description": "as it is", "untag": []string{"team"}})
	taken := s.follow(tell, "an instance", "imports", object{"source": object{"instance": object{"instanceId": server}}, "image": object{"name": "taken-1"}}, nil)
	s.loses("ExportImage")
	s.follow(tell, "exported", "exports", object{"imageId": taken, "bucket": bucket, "prefix": "out"}, nil)
	s.follow(tell, "cancelled", "imports", wish("web-4"), s.cancels)
	s.follow(tell, "copied", "imports", object{
		"source": object{"image": object{"imageId": taken}}, "region": "cn-shanghai", "image": object{"name": "copied-1"},
	}, s.cancels)
	if err := s.cloud.AllowOnly("local", nil); err != nil {
		s.t.Fatal(err)
	}
	is, away := s.things(at), s.things("cn-shanghai")
	tell("left", fmt.Sprintf("image %d, instance %d, snapshot %d", len(is.images)+len(away.images), len(is.instances), len(is.snapshots)+len(away.snapshots)))
	return told.String()
}

// follow carries a work to its end, and tells all that an operator would see of it.
// What is to happen once it was begun does so while ECS is at it.
func (s *stage) follow(tell func(string, any), what, kind string, wish object, meanwhile func()) image.ID {
	s.t.Helper()
	p := s.call(kind+".post", wish)
	tell("plan: "+what, fmt.Sprint(p.Code, p.Findings, p.Unknown, p.Totals.Cost, p.Plan != nil && p.Plan.Applicable))
	if p.Plan == nil || !p.Plan.Applicable {
		return "m-none"
	}
	a := s.call(kind+".post", with(wish, "apply", object{"digest": p.Plan.Digest}))
	s.id = a.ID
	s.minute()
	if meanwhile != nil {
		meanwhile()
	}
	for range 90 {
		if _, a = s.get("/" + kind + "/" + s.id); a.State.Ended() || a.State == "" {
			break
		}
		s.minute()
	}
	tell(what, fmt.Sprint(a.State, " ", a.Findings))
	id := image.ID("m-none")
	for n, i := range a.Items {
		reason := image.Reason{}
		if i.Reason != nil {
			reason = *i.Reason
		}
		tell(string(i.RegionID), fmt.Sprint(i.Level, i.Check, i.Result, reason, i.Console, i.Objects))
		if n == 0 && i.ImageID != "" {
			id = i.ImageID
		}
	}
	return id
}

// minute is one of the timer, whose calls can be lost.
func (s *stage) minute() {
	s.work(&door{stage: s})
	time.Sleep(time.Minute)
}

// loses the answer to the first call of a name: what it began has to be found.
func (s *stage) loses(name string) {
	var once atomic.Bool
	s.arm(func(m met) (fate, how) {
		if m.name == name && once.CompareAndSwap(false, true) {
			return lost, how{err: fault.New(fault.Unavailable, "no answer")}
		}
		return passes, how{}
	}, nil)
}

// changed carries out what is done within the call, and tells.
func (s *stage) changed(tell func(string, any), what, operation string, wish object) {
	p := s.call(operation, wish)
	tell("plan: "+what, fmt.Sprint(p.Code, p.Plan != nil && p.Plan.Applicable))
	if p.Plan != nil && p.Plan.Applicable {
		a := s.call(operation, with(wish, "apply", object{"digest": p.Plan.Digest}))
		tell(what, fmt.Sprint(a.Complete != nil && *a.Complete, a.Code, a.Outcomes))
	}
}

// cancels the work that was begun last.
func (s *stage) cancels() { s.call("imports.cancel", object{"id": s.id}) }

// boot says how instances of an image of a name come up.
func (s *stage) boot(name string, boot cloudsim.Boot) {
	all, err := s.cloud.View(own).Images(s.t.Context(), "cn-hangzhou", image.Listing{Statuses: image.Statuses()})
	if err != nil {
		return // not permitted
	}
	for _, i := range all {
		if i.Name == name {
			s.cloud.SetBoot(i.ID, boot)
		}
	}
}
