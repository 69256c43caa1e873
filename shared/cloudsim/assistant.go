package cloudsim

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// The times of the Cloud Assistant: how long after its start an instance first
// answers, how often it says that it lives, how long that counts, how long a
// command takes and how long one waits for an instance that does not answer.
const (
	agentStarts   = 30 * time.Second
	heartbeatEach = time.Minute
	heartbeatHold = 2 * time.Minute
	commandTakes  = 5 * time.Second
	deliveryWaits = time.Minute
)

// InvocationStatus is how a command stands on one instance, or over all.
type InvocationStatus string

// The states.
const (
	InvocationPending InvocationStatus = "Pending"
	InvocationRunning InvocationStatus = "Running"
	InvocationSuccess InvocationStatus = "Success"
	InvocationFailed  InvocationStatus = "Failed"
	InvocationTimeout InvocationStatus = "Timeout"
	InvocationAborted InvocationStatus = "Aborted"
	// InvocationPartial is an overall state alone.
	InvocationPartial   InvocationStatus = "PartialFailed"
	InvocationCancelled InvocationStatus = "Cancelled"
	InvocationStopped   InvocationStatus = "Stopped"
)

// A command is what was kept to be run again.
type command struct {
	id      string
	account image.AccountID
	req     RunCommandRequest
}

// An invocation is one run of a command. It goes by the clock.
type invocation struct {
	id, command string
	account     image.AccountID
	at          time.Time
	req         RunCommandRequest
	runs        []run
}

// A run is an invocation on one instance: what will become of it was plain when
// it began.
type run struct {
	instance image.InstanceID
	// starts is when the instance takes it up; zero: never.
	starts, ends time.Time
	end          InvocationStatus
	code, info   string
	exit         int
	output       string
	// cancelled is set for one that was stopped before it began.
	cancelled bool
}

func (r *run) status(now time.Time) InvocationStatus {
	switch {
	case r.cancelled:
		return InvocationCancelled
	case !now.Before(r.ends):
		return r.end
	case !r.starts.IsZero() && !now.Before(r.starts):
		return InvocationRunning
	}
	return InvocationPending
}

// RunCommandRequest are the parameters of RunCommand and, with the id of a
// command that was kept instead of its content, of InvokeCommand.
type RunCommandRequest struct {
	RegionID    image.RegionID
	Type        string // RunShellScript, RunPowerShellScript or RunBatScript
	Content     string
	Encoding    string // PlainText, Base64 or empty
	InstanceIDs []image.InstanceID
	// TimeoutSeconds is 60 when 0.
	TimeoutSeconds int
	Name           string
	Username       string
	WorkingDir     string
	KeepCommand    bool
	RepeatMode     string // Once, DryRun or empty
	Tags           []Tag
	ClientToken    string
	CommandID      string
}

// Invoked is the answer of RunCommand and InvokeCommand.
type Invoked struct{ CommandID, InvokeID string }

// commandTypes are the kinds of scripts.
func commandTypes() []string {
	return []string{"RunShellScript", "RunPowerShellScript", "RunBatScript"}
}

const (
	mostCommandBytes     = 24 << 10
	mostCommandInstances = 100
)

func checkCommand(req *RunCommandRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case !slices.Contains(commandTypes(), req.Type):
		return refuse(404, "InvalidCmdType.NotFound", "The specified command type does not exist.")
	case req.Content == "":
		return missing("CommandContent")
	case len(req.InstanceIDs) == 0:
		return malformed(400, "MissingParam.InstanceId", "The parameter InstanceId is required.")
	case len(req.InstanceIDs) > mostCommandInstances:
		return malformed(403, "InstanceIds.ExceedLimit", "The number of instance IDs exceeds the upper limit.")
	case !slices.Contains([]string{"", "Once", "DryRun"}, req.RepeatMode):
		return malformed(400, "InvalidParameter", "This cloud runs commands once.")
	}
	text := req.Content
	if req.Encoding == "Base64" {
		plain, err := base64.StdEncoding.DecodeString(req.Content)
		if err != nil {
			return malformed(400, "CmdContent.DecodeError", "The command content could not be decoded.")
		}
		text = string(plain)
	}
	if base64.StdEncoding.EncodedLen(len(text)) > mostCommandBytes {
		return malformed(403, "CmdContent.ExceedLimit", "The length of the command content exceeds the upper limit.")
	}
	req.Content, req.Encoding = text, ""
	req.TimeoutSeconds = orDefault(req.TimeoutSeconds, 60)
	return checkToken(req.ClientToken)
}

// RunCommand runs a script on instances by the Cloud Assistant. How it ends is
// the boot mode of their images'; what the script says is not looked at.
// Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidCmdType.NotFound,
// MissingParam.InstanceId, InstanceIds.ExceedLimit, CmdContent.DecodeError,
// CmdContent.ExceedLimit, InvalidInstance.NotFound, InvalidInstance.NotMatch,
// IdempotentParameterMismatch.
func (s *Session) RunCommand(req RunCommandRequest) (Invoked, error) {
	if err := s.permit("RunCommand"); err != nil {
		return Invoked{}, err
	}
	return s.invoke(req)
}

// InvokeCommand runs a command that RunCommand kept. Refusals: as RunCommand's,
// and InvalidCmdId.NotFound.
func (s *Session) InvokeCommand(req RunCommandRequest) (Invoked, error) {
	if err := s.permit("InvokeCommand"); err != nil {
		return Invoked{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return Invoked{}, err
	}
	c := s.cloud
	c.mu.RLock()
	at := slices.IndexFunc(c.regions[req.RegionID].commands, func(k command) bool { return k.id == req.CommandID && k.account == s.caller.Account })
	if at < 0 {
		c.mu.RUnlock()
		return Invoked{}, refuse(404, "InvalidCmdId.NotFound", "The specified command ID does not exist.")
	}
	kept := c.regions[req.RegionID].commands[at].req
	c.mu.RUnlock()
	kept.InstanceIDs, kept.CommandID, kept.ClientToken, kept.KeepCommand = req.InstanceIDs, req.CommandID, req.ClientToken, false
	kept.RepeatMode = req.RepeatMode
	kept.TimeoutSeconds = orDefault(req.TimeoutSeconds, kept.TimeoutSeconds)
	return s.invoke(kept)
}

func (s *Session) invoke(req RunCommandRequest) (Invoked, error) {
	if err := checkCommand(&req); err != nil {
		return Invoked{}, err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	key := tokenKey{s.caller.Account, req.RegionID, "RunCommand", req.ClientToken}
	use := tokenUse{request: textOf(req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return Invoked{}, malformed(403, "IdempotentParameterMismatch", "The specified clientToken is used.")
		}
		command, invoke, _ := strings.Cut(string(before.id), " ")
		return Invoked{command, invoke}, nil
	}
	inv := invocation{id: c.random.id("t", r.infix), command: req.CommandID, account: s.caller.Account, at: now, req: req}
	for _, id := range req.InstanceIDs {
		_, state := r.instances.owned(s.caller.Account, string(id))
		if state == nil {
			return Invoked{}, refuse(404, "InvalidInstance.NotFound", "The specified instances do not exist.")
		}
		if row := state.at(now); (row.OSType == image.Windows) == (req.Type == "RunShellScript") {
			return Invoked{}, malformed(400, "InvalidInstance.NotMatch", "The specified instance does not match the type of the command.")
		}
		inv.runs = append(inv.runs, c.planRun(r, state, req, now))
	}
	if inv.command == "" {
		inv.command = c.random.id("c", r.infix)
	}
	if req.KeepCommand {
		r.commands = append(r.commands, command{inv.command, s.caller.Account, req})
	}
	r.invocations = append(r.invocations, &inv)
	use.id = image.ID(inv.command + " " + inv.id)
	c.remember(key, use)
	return Invoked{inv.command, inv.id}, nil
}

// planRun is what becomes of a command on an instance.
func (c *Cloud) planRun(r *region, state *instanceState, req RunCommandRequest, now time.Time) run {
	row, boot := state.at(now), c.boot(r, state.row.Image)
	out := run{instance: row.ID}
	takes := c.lasts(commandTakes)
	if boot == BootSlow {
		takes *= 10
	}
	answers := c.answersFrom(r, row)
	switch {
	case row.Status != image.InstanceRunning:
		out.ends, out.end, out.code, out.info = now, InvocationAborted, "InstanceNotRunning", "the instance is not running"
		return out
	case boot == BootSilent || answers.After(now.Add(c.lasts(deliveryWaits))):
		out.ends, out.end, out.code, out.info = now.Add(c.lasts(deliveryWaits)), InvocationAborted, "ClientNotResponse", "the Cloud Assistant does not answer"
		return out
	}
	out.starts = now.Add(c.lasts(time.Second))
	if out.starts.Before(answers) {
		out.starts = answers
	}
	out.ends = out.starts.Add(takes)
	if most := time.Duration(req.TimeoutSeconds) * time.Second; takes > most {
		out.ends, out.end, out.code, out.info = out.starts.Add(most), InvocationTimeout, "ExecutionTimeout", "the command took longer than its timeout"
		return out
	}
	out.end, out.output = InvocationSuccess, "ok\n"
	if boot == BootCommandFails {
		out.end, out.exit, out.code, out.info, out.output = InvocationFailed, 1, "ExitCodeNonzero", "the exit code is 1", "failed\n"
	}
	return out
}

// answersFrom is when the instance's Cloud Assistant first answers, if it does.
func (c *Cloud) answersFrom(r *region, row InstanceRow) time.Time {
	wait := c.lasts(agentStarts)
	if c.boot(r, row.Image) == BootSlow {
		wait *= 10
	}
	return row.runningFrom.Add(wait)
}

// RunRow is one command on one instance as DescribeInvocationResults shows it.
type RunRow struct {
	InvokeID, CommandID string
	InstanceID          image.InstanceID
	Status              InvocationStatus
	ExitCode            int
	Code, Info          string
	// Output is plain.
	Output             string
	StartedAt, EndedAt time.Time
	Username, Launcher string
	Tags               image.Tags
	Repeats            int
}

// InvocationRow is one run of a command as DescribeInvocations shows it.
type InvocationRow struct {
	InvokeID, CommandID string
	Request             RunCommandRequest
	Status              InvocationStatus
	CreatedAt           time.Time
	Runs                []RunRow
}

func (i *invocation) row(now time.Time) InvocationRow {
	row := InvocationRow{InvokeID: i.id, CommandID: i.command, Request: i.req, CreatedAt: i.at}
	for _, r := range i.runs {
		one := RunRow{
			InvokeID: i.id, CommandID: i.command, InstanceID: r.instance, Status: r.status(now), Username: i.req.Username, Tags: tagMap(i.req.Tags),
		}
		if !r.starts.IsZero() && !now.Before(r.starts) {
			one.StartedAt, one.Repeats = r.starts, 1
		}
		if !now.Before(r.ends) || r.cancelled {
			one.EndedAt, one.ExitCode, one.Code, one.Info, one.Output = r.ends, r.exit, r.code, r.info, r.output
		}
		row.Runs = append(row.Runs, one)
	}
	row.Status = overall(row.Runs)
	return row
}

// overall is how a run of a command stands over all its instances; source:
// DescribeInvocations InvocationStatus.
func overall(runs []RunRow) InvocationStatus {
	count := map[InvocationStatus]int{}
	for _, r := range runs {
		count[r.Status]++
	}
	failed := count[InvocationFailed] + count[InvocationTimeout] + count[InvocationAborted]
	switch {
	case count[InvocationPending] > 0:
		return InvocationPending
	case count[InvocationRunning] > 0:
		return InvocationRunning
	case failed > 0 && count[InvocationSuccess] > 0:
		return InvocationPartial
	case failed > 0:
		return InvocationFailed
	case count[InvocationSuccess] > 0:
		return InvocationSuccess
	}
	return InvocationStopped
}

// DescribeInvocationsRequest are the parameters of DescribeInvocations and of
// DescribeInvocationResults.
type DescribeInvocationsRequest struct {
	RegionID   image.RegionID
	InvokeID   string
	CommandID  string
	InstanceID image.InstanceID
	Pages      Pages
}

// InvocationsPage is one page of DescribeInvocations.
type InvocationsPage struct {
	Invocations []InvocationRow
	PageMark
}

// invocationsKept is how long runs are told of.
const invocationsKept = 30 * 24 * time.Hour

// DescribeInvocations lists the caller's runs of commands, newest first; an
// unknown id finds none. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidParameter.
func (s *Session) DescribeInvocations(req DescribeInvocationsRequest) (InvocationsPage, error) {
	if err := s.permit("DescribeInvocations"); err != nil {
		return InvocationsPage{}, err
	}
	return s.invocations(req)
}

func (s *Session) invocations(req DescribeInvocationsRequest) (InvocationsPage, error) {
	if err := checkRegion(req.RegionID); err != nil {
		return InvocationsPage{}, err
	}
	mark, err := pageMark(req.Pages, 50)
	if err != nil {
		return InvocationsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	var found []InvocationRow
	for _, inv := range slices.Backward(c.regions[req.RegionID].invocations) {
		if inv.account != s.caller.Account || now.Sub(inv.at) > invocationsKept || !req.wants(inv) {
			continue
		}
		found = append(found, inv.row(now))
	}
	mark.Total = len(found)
	return InvocationsPage{slices.Clone(cut(found, mark)), mark}, nil
}

func (req *DescribeInvocationsRequest) wants(inv *invocation) bool {
	return (req.InvokeID == "" || req.InvokeID == inv.id) && (req.CommandID == "" || req.CommandID == inv.command) &&
		(req.InstanceID == "" || slices.Contains(inv.req.InstanceIDs, req.InstanceID))
}

// RunsPage is one page of DescribeInvocationResults.
type RunsPage struct {
	Runs []RunRow
	PageMark
}

// DescribeInvocationResults lists what became of commands, instance by instance.
// Refusals as DescribeInvocations'.
func (s *Session) DescribeInvocationResults(req DescribeInvocationsRequest) (RunsPage, error) {
	if err := s.permit("DescribeInvocationResults"); err != nil {
		return RunsPage{}, err
	}
	mark, err := pageMark(req.Pages, 50)
	if err != nil {
		return RunsPage{}, err
	}
	var rows []RunRow
	for number := 1; ; number++ {
		all := req
		all.Pages = Pages{Number: number, Size: 50}
		page, err := s.invocations(all)
		if err != nil {
			return RunsPage{}, err
		}
		for _, inv := range page.Invocations {
			rows = append(rows, slices.DeleteFunc(inv.Runs, func(r RunRow) bool { return req.InstanceID != "" && r.InstanceID != req.InstanceID })...)
		}
		if number*50 >= page.Total {
			break
		}
	}
	mark.Total = len(rows)
	return RunsPage{slices.Clone(cut(rows, mark)), mark}, nil
}

// StopInvocation stops a run where it has not begun yet; what runs goes on.
// Refusals: MissingParameter, InvalidInvokeId.NotFound.
func (s *Session) StopInvocation(region image.RegionID, id string, instances []image.InstanceID) error {
	if err := s.permit("StopInvocation"); err != nil {
		return err
	}
	if err := checkRegion(region); err != nil {
		return err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, inv := range c.regions[region].invocations {
		if inv.id != id || inv.account != s.caller.Account {
			continue
		}
		for i := range inv.runs {
			r := &inv.runs[i]
			if r.status(now) == InvocationPending && (len(instances) == 0 || slices.Contains(instances, r.instance)) {
				r.cancelled, r.ends = true, now
			}
		}
		return nil
	}
	return refuse(404, "InvalidInvokeId.NotFound", "The specified invocation ID does not exist.")
}

// AssistantRow is one instance as DescribeCloudAssistantStatus shows it.
type AssistantRow struct {
	InstanceID image.InstanceID
	// Alive: a heartbeat came within the last two minutes.
	Alive   bool
	Version string
	// HeartbeatAt is zero if there never was one.
	HeartbeatAt time.Time
	OSType      image.OSType
}

// AssistantPage is one page of DescribeCloudAssistantStatus.
type AssistantPage struct {
	Instances []AssistantRow
	PageMark
}

// DescribeCloudAssistantStatusRequest are the parameters of
// DescribeCloudAssistantStatus.
type DescribeCloudAssistantStatusRequest struct {
	RegionID    image.RegionID
	InstanceIDs []image.InstanceID
	OSType      string
	Pages       Pages
}

// DescribeCloudAssistantStatus tells whose Cloud Assistant lives. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InstanceIds.ExceedLimit,
// InvalidInstance.NotFound.
func (s *Session) DescribeCloudAssistantStatus(req DescribeCloudAssistantStatusRequest) (AssistantPage, error) {
	if err := s.permit("DescribeCloudAssistantStatus"); err != nil {
		return AssistantPage{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return AssistantPage{}, err
	}
	if len(req.InstanceIDs) > mostCommandInstances {
		return AssistantPage{}, malformed(403, "InstanceIds.ExceedLimit", "The number of instance IDs exceeds the upper limit.")
	}
	if len(req.InstanceIDs) > 0 {
		req.Pages = Pages{Size: mostCommandInstances}
	}
	mark, err := pageMark(req.Pages, mostCommandInstances)
	if err != nil {
		return AssistantPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	var ids []image.InstanceID
	if len(req.InstanceIDs) > 0 {
		ids = req.InstanceIDs
	}
	found := rows(&r.instances, s.caller.Account, ids, now, func(i *instanceState) bool {
		return req.OSType == "" || strings.EqualFold(req.OSType, string(i.row.OSType))
	})
	if ids != nil && req.OSType == "" && len(found) < len(ids) {
		return AssistantPage{}, refuse(404, "InvalidInstance.NotFound", "The specified instances do not exist.")
	}
	mark.Total = len(found)
	page := AssistantPage{PageMark: mark}
	for _, e := range cut(found, mark) {
		page.Instances = append(page.Instances, c.assistant(r, e.seen(now).at(now), now))
	}
	return page, nil
}

// assistant is the state of an instance's Cloud Assistant: heartbeats come every
// minute while it runs, and the last one counts for two.
func (c *Cloud) assistant(r *region, row InstanceRow, now time.Time) AssistantRow {
	out := AssistantRow{InstanceID: row.ID, OSType: row.OSType}
	boot := c.boot(r, row.Image)
	if boot == BootSilent || boot == BootNever || row.runningFrom.IsZero() {
		return out
	}
	first, last := c.answersFrom(r, row), now
	if !row.runningUntil.IsZero() && row.runningUntil.Before(now) {
		last = row.runningUntil
	}
	if last.Before(first) {
		return out
	}
	out.HeartbeatAt = first.Add(last.Sub(first).Truncate(heartbeatEach))
	out.Alive = now.Sub(out.HeartbeatAt) <= heartbeatHold
	if row.Status == image.InstanceRunning {
		out.Version = "2.2.3.857"
	}
	return out
}
