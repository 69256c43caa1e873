package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
)

// TestUnseen: what may not be looked at any more is said of the item, which stays as it
// is, and goes on where it was once that may be again.
func TestUnseen(t *testing.T) {
	for name, c := range map[string]struct {
		action   string
		readings cloudsim.Readings
	}{
		"instances":                 {"ecs:DescribeInstances", cloudsim.Readings{}},
		"instances, in empty lists": {"ecs:DescribeInstances", cloudsim.Readings{DeniedListsEmpty: true}},
		"disks":                     {"ecs:DescribeDisks", cloudsim.Readings{}},
		"snapshots":                 {"ecs:DescribeSnapshots", cloudsim.Readings{}},
		"health":                    {"ecs:DescribeInstancesFullStatus", cloudsim.Readings{}},
		"the Assistant":             {"ecs:DescribeCloudAssistantStatus", cloudsim.Readings{}},
		"launch templates":          {"ecs:DescribeLaunchTemplates", cloudsim.Readings{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { unseen(newStage(t), c.action, c.readings) })
		})
	}
}

// unseen takes a permission while a rollout is under way, and gives it back.
func unseen(s *stage, action string, readings cloudsim.Readings) {
	t, at := s.t, s.home()
	policy := statements(t)
	allow := func(without string) {
		if err := s.cloud.AllowOnly("local", rows(policy, without)); err != nil {
			t.Error(err)
		}
	}
	s.cloud.SetReadings(readings)
	ids := s.fleet(at, 1)
	s.cloud.AddLaunchTemplate(at.Account, at.Region, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{{Image: s.old[at]}}})
	time.Sleep(10 * time.Minute)
	allow("")
	id := s.applied("/rollouts", with(s.wish(ids...), "follow", object{"launchTemplates": true})).ID
	time.AfterFunc(12*time.Second, func() { allow(action) })
	for range 10 {
		s.tick()
	}
	a := s.get(id)
	n := slices.IndexFunc(a.Items, func(i item) bool { return i.Reason != nil && i.Reason.Code == "notSeen" })
	if a.State != "running" || n < 0 || !strings.Contains(a.Items[n].Reason.Sentence, "stays as it is") {
		t.Errorf("%s without %s: %+v", a.State, action, a.Items)
	}
	allow("")
	if a := s.end(id); a.State != "finished" {
		t.Errorf("%s: %+v", a.State, a.Items)
	}
}
