package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
)

// taken is a permission that is taken once a call came through.
type taken struct {
	after, action string
	readings      cloudsim.Readings
}

// What may not be looked at any more is said of the item, whose work goes on where it
// was once that may be again: nothing is made twice.
func TestUnseen(t *testing.T) {
	for name, c := range map[string]taken{
		"the image":                    {"ImportImage", "ecs:DescribeImages", cloudsim.Readings{}},
		"the task":                     {"ImportImage", "ecs:DescribeTaskAttribute", cloudsim.Readings{}},
		"the instance":                 {"Launch", "ecs:DescribeInstances", cloudsim.Readings{}},
		"the instance, in empty lists": {"Launch", "ecs:DescribeInstances", cloudsim.Readings{DeniedListsEmpty: true}},
		"the Assistant":                {"Launch", "ecs:DescribeCloudAssistantStatus", cloudsim.Readings{}},
		"the command":                  {"RunCommand", "ecs:DescribeInvocationResults", cloudsim.Readings{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.goes(t) })
		})
	}
}

func (c taken) goes(t *testing.T) {
	s := newStage(t)
	policy := rows(statements(t), "")
	allow := func(rows []string) {
		if err := s.cloud.AllowOnly("local", rows); err != nil {
			t.Fatal(err)
		}
	}
	allow(policy)
	s.cloud.SetReadings(c.readings)
	s.narrow = true
	story := s.begin(wish("web-1"))
	var gone atomic.Bool
	s.arm(nil, func(m met, err error) {
		if m.name == c.after && err == nil && gone.CompareAndSwap(false, true) {
			allow(rows(statements(t), c.action))
		}
	})
	for range 30 {
		s.minute()
	}
	_, a := s.get("/imports/" + story.id)
	if r := a.Items[0].Reason; !gone.Load() || a.State != "running" || r == nil || r.Code != "notSeen" || !strings.Contains(r.Sentence, "stays as it is") {
		t.Errorf("%s without %s, reason %+v", a.State, c.action, r)
	}
	allow(policy)
	for range 60 {
		s.minute()
	}
	if _, a = s.get("/imports/" + story.id); a.State != "finished" {
		t.Errorf("%s, %+v", a.State, a.Items)
	}
	time.Sleep(time.Hour)
	if is := s.things("cn-hangzhou"); len(is.images) != 1 || len(is.instances) != 0 {
		t.Errorf("there are %v", is)
	}
}
