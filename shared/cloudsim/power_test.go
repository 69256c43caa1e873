package cloudsim_test

import (
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// instance is one instance of account one as it is listed; its zero value is none.
func (w *world) instance(id image.InstanceID) cloudsim.InstanceRow {
	w.Helper()
	page, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{id}})
	if err != nil {
		w.Fatal(err)
	}
	if len(page.Instances) == 0 {
		return cloudsim.InstanceRow{}
	}
	return page.Instances[0]
}

// is asserts an instance's status and stopped mode.
func (w *world) is(id image.InstanceID, status image.InstanceStatus, mode string) {
	w.Helper()
	if row := w.instance(id); row.Status != status || row.StoppedMode != mode {
		w.Errorf("%s is %s, %s; want %s, %s", id, row.Status, row.StoppedMode, status, mode)
	}
}

// stopped puts a stopped instance of an image in.
func (w *world) stopped(img image.ID) image.InstanceID {
	w.Helper()
	return w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: img, Status: image.InstanceStopped}})
}

func TestInstancesStopAndStartByTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id, DryRun: true}), "DryRunOperation", 400)
	w.is(id, image.InstanceRunning, "Not-applicable")
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id, StoppedMode: "StopCharging"}), "", 0)
	w.is(id, image.InstanceStopping, "Not-applicable")
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id}), "IncorrectInstanceStatus", 403)
	w.clock.Advance(10 * time.Second)
	w.is(id, image.InstanceStopped, "StopCharging")
	statuses, err := w.s.DescribeInstanceStatus(cloudsim.DescribeInstanceStatusRequest{RegionID: hangzhou})
	if err != nil || statuses.Instances[0].Status != image.InstanceStopped {
		t.Errorf("%+v, %v", statuses, err)
	}
	expect(t, w.s.RebootInstance(cloudsim.InstanceRequest{InstanceID: id}), "IncorrectInstanceStatus", 403)
	w.clock.Advance(time.Hour)
	expect(t, w.s.StartInstance(cloudsim.InstanceRequest{InstanceID: id}), "", 0)
	w.is(id, image.InstanceStarting, "Not-applicable")
	w.clock.Advance(10 * time.Second)
	w.is(id, image.InstanceRunning, "Not-applicable")
	if row := w.instance(id); !row.StartedAt.After(cloudsim.Epoch().Add(59 * time.Minute)) {
		t.Errorf("started at %s", row.StartedAt)
	}
	expect(t, w.s.RebootInstance(cloudsim.InstanceRequest{InstanceID: id}), "", 0)
	w.is(id, image.InstanceStarting, "Not-applicable")
	found, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, Status: "Starting"})
	if err != nil || len(found.Instances) != 1 {
		t.Errorf("by status: %d, %v", len(found.Instances), err)
	}
	w.clock.Advance(10 * time.Second)
	w.is(id, image.InstanceRunning, "Not-applicable")
}

func TestStoppedModes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ charge, asked, want string }{
		{"PostPaid", "", "KeepCharging"},
		{"PostPaid", "KeepCharging", "KeepCharging"},
		{"PostPaid", "StopCharging", "StopCharging"},
		{"PrePaid", "StopCharging", "Not-applicable"},
		{"PrePaid", "", "Not-applicable"},
	} {
		w := newWorld(t, cloudsim.Options{})
		id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{ChargeType: c.charge}})
		expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id, StoppedMode: c.asked}), "", 0)
		w.clock.Advance(time.Minute)
		w.is(id, image.InstanceStopped, c.want)
	}
}

func TestPowerRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	locked := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	w.cloud.LockInstance(hangzhou, locked, "security")
	poor := w.stopped("")
	w.cloud.LockInstance(hangzhou, poor, "financial")
	theirs := w.cloud.AddInstance(two, hangzhou, cloudsim.InstanceSpec{})
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{}), "MissingParameter", 400)
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: locked, StoppedMode: "Sleep"}), "InvalidParameter.StoppedMode", 400)
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: theirs}), "InvalidInstanceId.NotFound", 404)
	expect(t, w.s.StartInstance(cloudsim.InstanceRequest{InstanceID: "i-nowhere"}), "InvalidInstanceId.NotFound", 404)
	expect(t, w.s.RebootInstance(cloudsim.InstanceRequest{InstanceID: locked}), "InstanceLockedForSecurity", 403)
	expect(t, w.s.StartInstance(cloudsim.InstanceRequest{InstanceID: poor}), "InstanceExpired", 403)
	weak := w.cloud.As(cloudsim.Caller{Account: one, Allow: []string{"ecs:Describe*"}})
	expect(t, weak.StartInstance(cloudsim.InstanceRequest{InstanceID: poor}), "Forbidden.RAM", 403)
	_, err := weak.StopInstances(cloudsim.InstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{locked}})
	expect(t, err, "Forbidden.RAM", 403)
}

func TestPluralsAreAllOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	running := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	stopped := w.stopped("")
	both := cloudsim.InstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{running, stopped}}
	_, err := w.s.StopInstances(both)
	expect(t, err, "IncorrectInstanceStatus", 403)
	w.is(running, image.InstanceRunning, "Not-applicable")

	both.BatchOptimization = "SuccessFirst"
	both.InstanceIDs = append(both.InstanceIDs, "i-nowhere")
	outcomes, err := w.s.StopInstances(both)
	if err != nil || len(outcomes) != 3 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	if o := outcomes[0]; o.Before != image.InstanceRunning || o.After != image.InstanceStopping || o.Refused != nil {
		t.Errorf("the running one: %+v", o)
	}
	expect(t, outcomes[1].Refused, "IncorrectInstanceStatus", 403)
	expect(t, outcomes[2].Refused, "InvalidInstanceId.NotFound", 404)
	w.clock.Advance(time.Minute)
	_, err = w.s.StartInstances(cloudsim.InstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{running, stopped}, DryRun: true})
	expect(t, err, "DRYRUN.SUCCESS", 400)
	if _, err = w.s.StartInstances(cloudsim.InstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{running, stopped}}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	w.is(stopped, image.InstanceRunning, "Not-applicable")

	for _, c := range []struct {
		name   string
		change func(*cloudsim.InstancesRequest)
		code   string
		status int
	}{
		{"no region", func(r *cloudsim.InstancesRequest) { r.RegionID = "" }, "MissingParameter", 400},
		{"unknown region", func(r *cloudsim.InstancesRequest) { r.RegionID = "cn-x" }, "InvalidRegionId.NotFound", 404},
		{"another region", func(r *cloudsim.InstancesRequest) { r.RegionID = shanghai }, "InvalidInstanceId.NotFound", 404},
		{"none", func(r *cloudsim.InstancesRequest) { r.InstanceIDs = nil }, "InvalidInstanceId.NotFound", 403},
		{"too many", func(r *cloudsim.InstancesRequest) { r.InstanceIDs = make([]image.InstanceID, 101) }, "InvalidParameter.TooManyInstanceIds", 403},
		{"twice", func(r *cloudsim.InstancesRequest) { r.InstanceIDs = []image.InstanceID{running, running} }, "Abs.InvalidInstanceIds.MalFormed", 403},
		{"how", func(r *cloudsim.InstancesRequest) { r.BatchOptimization = "Maybe" }, "InvalidParameter.BatchOptimization", 400},
		{"mode", func(r *cloudsim.InstancesRequest) { r.StoppedMode = "Maybe" }, "InvalidParameter.StoppedMode", 400},
	} {
		req := cloudsim.InstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{running}}
		c.change(&req)
		_, err := w.s.StopInstances(req)
		t.Run(c.name, func(t *testing.T) { expect(t, err, c.code, c.status) })
	}
}
