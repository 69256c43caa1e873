package cloudsim

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// A step is a status that an instance takes on by time alone.
type step struct {
	from   time.Time
	status image.InstanceStatus
	// mode is the StoppedMode from then on.
	mode string
}

// The stopped modes; source: DescribeInstances StoppedMode.
const (
	keepCharging  = "KeepCharging"
	stopCharging  = "StopCharging"
	notApplicable = "Not-applicable"
)

// at is the instance at now: what time has made of its status.
func (i *instanceState) at(now time.Time) InstanceRow {
	row := i.row
	for _, s := range i.steps {
		if s.from.After(now) {
			break
		}
		row.Status, row.StoppedMode = s.status, cmp.Or(s.mode, row.StoppedMode)
		switch {
		case s.status == image.InstanceRunning:
			row.StartedAt = s.from.Truncate(time.Minute)
			row.runningFrom, row.runningUntil = s.from, time.Time{}
		case row.runningUntil.IsZero():
			row.runningUntil = s.from
		}
	}
	return row
}

// locate finds one of the account's instances in whatever region it is: the
// operations that take one instance name no region.
func (c *Cloud) locate(account image.AccountID, id image.InstanceID) (*region, *entry[instanceState], *instanceState) {
	for _, r := range c.regions {
		if e, state := r.instances.owned(account, string(id)); state != nil {
			return r, e, state
		}
	}
	return nil, nil, nil
}

// A power is one of the operations that change whether instances run.
type power struct {
	operation string
	// wants is the status in which the operation is possible.
	wants image.InstanceStatus
	// arrears is the code for an instance that is locked because of money.
	arrears string
	steps   func(row InstanceRow, now time.Time, took time.Duration) []step
	// forced: it ends even where the instance would not let it.
	forced bool
}

func starting() power {
	return power{
		"StartInstance", image.InstanceStopped, "InstanceExpired",
		func(_ InstanceRow, now time.Time, took time.Duration) []step {
			return []step{{now, image.InstanceStarting, notApplicable}, {now.Add(took), image.InstanceRunning, notApplicable}}
		}, false,
	}
}

func rebooting() power {
	return power{
		"RebootInstance", image.InstanceRunning, "InstanceExpiredOrInArrears",
		func(_ InstanceRow, now time.Time, took time.Duration) []step {
			return []step{{now, image.InstanceStarting, ""}, {now.Add(took), image.InstanceRunning, ""}}
		}, false,
	}
}

func stopping(mode string, forced bool) power {
	return power{
		"StopInstance", image.InstanceRunning, "InstanceExpiredOrInArrears",
		func(row InstanceRow, now time.Time, took time.Duration) []step {
			return []step{{now, image.InstanceStopping, ""}, {now.Add(took), image.InstanceStopped, stoppedAs(row, mode)}}
		}, forced,
	}
}

// stoppedAs is the StoppedMode of an instance that was stopped: economical mode
// is for pay-as-you-go alone; others are stopped without it, and without a word.
func stoppedAs(row InstanceRow, mode string) string {
	switch {
	case row.ChargeType != "PostPaid":
		return notApplicable
	case mode == stopCharging:
		return stopCharging
	}
	return keepCharging
}

// refuses is why the operation is not possible on the instance now, if so.
func (p power) refuses(row InstanceRow) error {
	switch {
	case slices.Contains(row.Locks, "security"):
		return wrongState(403, "InstanceLockedForSecurity", "The specified operation is denied as your instance is locked for security reasons.")
	case slices.Contains(row.Locks, "financial"):
		return wrongState(403, p.arrears, "The specified operation is denied as your prepay instance is expired (prepay mode) or in arrears (afterpay mode).")
	case row.Status != p.wants:
		return wrongState(403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	}
	return nil
}

// refusesNow is refuses, also while the system disk is being replaced.
func (p power) refusesNow(state *instanceState, now time.Time) error {
	row := state.at(now)
	switch {
	case now.Before(state.busy):
		return wrongState(403, "IncorrectInstanceStatus", "The system disk of the instance is being replaced.")
	case row.Hibernated && p.wants == image.InstanceRunning:
		return hibernated()
	}
	return p.refuses(row)
}

// InstanceRequest names one instance, in whatever region: StartInstance,
// RebootInstance.
type InstanceRequest struct {
	InstanceID image.InstanceID
	DryRun     bool
}

// StartInstance starts one instance. Refusals: MissingParameter,
// InvalidInstanceId.NotFound, IncorrectInstanceStatus unless it is Stopped,
// InstanceLockedForSecurity, InstanceExpired.
func (s *Session) StartInstance(req InstanceRequest) error { return s.power(starting(), req) }

// RebootInstance restarts one instance. Refusals: MissingParameter,
// InvalidInstanceId.NotFound, IncorrectInstanceStatus unless it is Running,
// InstanceLockedForSecurity, InstanceExpiredOrInArrears.
func (s *Session) RebootInstance(req InstanceRequest) error { return s.power(rebooting(), req) }

// StopInstanceRequest are the parameters of StopInstance.
type StopInstanceRequest struct {
	InstanceID image.InstanceID
	// StoppedMode is KeepCharging, StopCharging or empty; Not-applicable, which
	// running instances show, has no effect.
	StoppedMode string
	// ForceStop is as pulling the plug.
	ForceStop bool
	DryRun    bool
}

// StopInstance stops one instance, in economical mode where that was asked for
// and is possible. Refusals: MissingParameter, InvalidParameter.StoppedMode,
// InvalidInstanceId.NotFound, IncorrectInstanceStatus unless it is Running,
// InstanceLockedForSecurity, InstanceExpiredOrInArrears.
func (s *Session) StopInstance(req StopInstanceRequest) error {
	if err := checkStoppedMode(req.StoppedMode); err != nil {
		return err
	}
	return s.power(stopping(req.StoppedMode, req.ForceStop), InstanceRequest{InstanceID: req.InstanceID, DryRun: req.DryRun})
}

func checkStoppedMode(mode string) error {
	if !slices.Contains([]string{"", keepCharging, stopCharging, notApplicable}, mode) {
		return malformed(400, "InvalidParameter.StoppedMode", "The specified parameter StoppedMode is not valid.")
	}
	return nil
}

func (s *Session) power(p power, req InstanceRequest) error {
	if err := s.permit(p.operation, "instance/"+string(req.InstanceID)); err != nil {
		return err
	}
	if req.InstanceID == "" {
		return missing("InstanceId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	r, e, state := c.locate(s.caller.Account, req.InstanceID)
	if state == nil {
		return unknownInstance()
	}
	r.settle(now)
	if !r.patrols.IsZero() && !now.Before(r.patrols) {
		c.patrol(r, now)
		if state = e.truth(); state == nil {
			return unknownInstance()
		}
	}
	if err := p.refusesNow(state, now); err != nil {
		return err
	}
	if req.DryRun {
		return c.dryRun()
	}
	c.step(r, e, p, now)
	return nil
}

func unknownInstance() error {
	return refuse(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
}

// step sets the instance on its way, and returns where it was and is.
func (c *Cloud) step(r *region, e *entry[instanceState], p power, now time.Time) (before, after image.InstanceStatus) {
	row := e.truth().at(now)
	row.Hibernated = false
	steps := p.steps(row, now, c.options.PowerTime)
	if !p.forced {
		steps = c.bent(r, row.Image, steps, now)
	}
	next := &instanceState{row: row, steps: steps, busy: e.truth().busy}
	if row.Tags[groupTag] != "" && p.operation == "StopInstance" {
		r.patrols = earlier(r.patrols, now.Add(unhealthyFor))
	}
	r.instances.put(e, next, c.visibleFrom(e.id, now), now)
	return row.Status, next.at(now).Status
}

// instancesPerCall is how many instances a plural operation takes.
const instancesPerCall = 100

// InstancesRequest are the parameters of StartInstances and StopInstances.
type InstancesRequest struct {
	RegionID    image.RegionID
	InstanceIDs []image.InstanceID
	// BatchOptimization is AllTogether (all or none, the default) or SuccessFirst.
	BatchOptimization string
	// StoppedMode and ForceStop are for StopInstances.
	StoppedMode string
	ForceStop   bool
	DryRun      bool
}

// PowerOutcome is what became of one instance of a StartInstances or
// StopInstances.
type PowerOutcome struct {
	InstanceID image.InstanceID
	// Before and After are its status before and after the call.
	Before, After image.InstanceStatus
	// Refused is why it was left alone; nil if it was not.
	Refused error

	entry *entry[instanceState]
}

// StartInstances starts up to a hundred instances: all or none, or, by
// SuccessFirst, those that can be. Refusals: as StartInstance's, and
// InvalidParameter.TooManyInstanceIds, InvalidParameter.BatchOptimization.
func (s *Session) StartInstances(req InstancesRequest) ([]PowerOutcome, error) {
	return s.powerAll(starting(), req)
}

// StopInstances stops up to a hundred instances: all or none, or, by
// SuccessFirst, those that can be. Refusals: as StopInstance's, and
// InvalidParameter.TooManyInstanceIds, InvalidParameter.BatchOptimization.
func (s *Session) StopInstances(req InstancesRequest) ([]PowerOutcome, error) {
	if err := checkStoppedMode(req.StoppedMode); err != nil {
		return nil, err
	}
	return s.powerAll(stopping(req.StoppedMode, req.ForceStop), req)
}

func (s *Session) powerAll(p power, req InstancesRequest) ([]PowerOutcome, error) {
	if err := s.permit(p.operation + "s"); err != nil {
		return nil, err
	}
	if err := checkBatch(req); err != nil {
		return nil, err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	outcomes := make([]PowerOutcome, len(req.InstanceIDs))
	for i, id := range req.InstanceIDs {
		outcomes[i] = PowerOutcome{InstanceID: id}
		e, state := r.instances.owned(s.caller.Account, string(id))
		no := unknownInstance()
		if state != nil {
			no = p.refusesNow(state, now)
			outcomes[i].Before = state.at(now).Status
			outcomes[i].After = outcomes[i].Before
		}
		if no != nil && req.BatchOptimization != successFirst {
			return nil, no
		}
		outcomes[i].entry, outcomes[i].Refused = e, no
	}
	if req.DryRun {
		return nil, refuse(400, "DRYRUN.SUCCESS", "This request is a dryrun request with successful result.")
	}
	for i := range outcomes {
		if o := &outcomes[i]; o.Refused == nil {
			o.Before, o.After = c.step(r, o.entry, p, now)
		}
	}
	return outcomes, nil
}

// The ways of StartInstances and StopInstances with what cannot be done.
const (
	allTogether  = "AllTogether"
	successFirst = "SuccessFirst"
)

func checkBatch(req InstancesRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case len(req.InstanceIDs) == 0:
		return malformed(403, "InvalidInstanceId.NotFound", "InstanceId should not be null.")
	case len(req.InstanceIDs) > instancesPerCall:
		return malformed(403, "InvalidParameter.TooManyInstanceIds", "Instance ids cannot be more than 100.")
	case !slices.Contains([]string{"", allTogether, successFirst}, req.BatchOptimization):
		return malformed(400, "InvalidParameter.BatchOptimization", "The specified parameter BatchOptimization is not valid.")
	}
	sorted := slices.Sorted(slices.Values(req.InstanceIDs))
	if len(slices.Compact(sorted)) < len(req.InstanceIDs) {
		return malformed(403, "Abs.InvalidInstanceIds.MalFormed", "The specified instanceIds is not valid.")
	}
	return nil
}
