package cloudsim

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// Boot is how instances of an image come up and answer.
type Boot string

// The ways. They can be changed at any time; what an instance is doing stays as
// it began.
const (
	// BootOK: Running, and then the Cloud Assistant answers.
	BootOK Boot = "ok"
	// BootNever: Starting for ever.
	BootNever Boot = "never"
	// BootSilent: Running, but the Cloud Assistant never answers.
	BootSilent Boot = "silent"
	// BootCommandFails: every command ends with 1.
	BootCommandFails Boot = "commandFails"
	// BootSlow: all takes ten times as long.
	BootSlow Boot = "slow"
	// BootStopHangs: Stopping for ever, unless it is forced.
	BootStopHangs Boot = "stopHangs"
)

// Boots are all ways.
func Boots() []Boot {
	return []Boot{BootOK, BootNever, BootSilent, BootCommandFails, BootSlow, BootStopHangs}
}

// SetBoot says how instances of an image come up from now on. It reports whether
// there is such an image, in whatever region.
func (c *Cloud) SetBoot(id image.ID, boot Boot) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.regions {
		if _, state := r.images.live(string(id)); state != nil {
			c.boots[id] = boot
			return true
		}
	}
	return false
}

// boot is how instances of an image come up: as it was said, or as the bytes of
// its system disk have it. The cloud is locked.
func (c *Cloud) boot(r *region, id image.ID) Boot {
	if boot, said := c.boots[id]; said {
		return boot
	}
	if s := c.ever(image.Ref{Region: r.id, ID: id}); s != nil && s.dead {
		return BootSilent
	}
	return BootOK
}

// bent are the steps of an instance as the boot mode of its image bends them.
func (c *Cloud) bent(r *region, id image.ID, steps []step, now time.Time) []step {
	boot := c.boot(r, id)
	steps = slices.Clone(steps)
	for i := range steps {
		if boot == BootSlow {
			steps[i].from = now.Add(10 * steps[i].from.Sub(now))
		}
	}
	return slices.DeleteFunc(steps, func(s step) bool {
		return boot == BootNever && s.status == image.InstanceRunning || boot == BootStopHangs && s.status == image.InstanceStopped
	})
}

// A stockKey names what may be sold out.
type stockKey struct {
	region image.RegionID
	kind   image.InstanceTypeID
}

// SetStock says whether instances of a type can be had in a region. It reports
// whether there is such a type and region.
func (c *Cloud) SetStock(region image.RegionID, kind image.InstanceTypeID, available bool) bool {
	_, known := instanceType(kind)
	if !known || !c.HasRegion(region) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.soldOut[stockKey{region, kind}] = !available
	return true
}

// A release is an instance that ECS will release by itself.
type release struct {
	at     time.Time
	region image.RegionID
	id     image.InstanceID
}

// The bounds of an automatic release; source: RunInstances AutoReleaseTime.
const (
	soonestRelease = 30 * time.Minute
	latestRelease  = 3 * 365 * 24 * time.Hour
)

// checkRelease reads AutoReleaseTime: seconds are cut.
func checkRelease(text, charge string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", text)
	at = at.Truncate(time.Minute)
	if err != nil || at.Before(now.Add(soonestRelease).Truncate(time.Minute)) || at.After(now.Add(latestRelease)) || charge == "PrePaid" {
		return time.Time{}, malformed(400, "InvalidAutoReleaseTime.Malformed", "The specified parameter AutoReleaseTime is not valid.")
	}
	return at, nil
}

// releaseLater remembers an automatic release; one that was changed since is
// told by the instance itself. The cloud is locked.
func (c *Cloud) releaseLater(r *region, id image.InstanceID, at time.Time) {
	c.releases = append(c.releases, release{at, r.id, id})
	if next := c.nextRelease.Load(); next == nil || at.Before(*next) {
		c.nextRelease.Store(&at)
	}
}

// tick does what time alone does: it releases instances. Every call of a session
// begins with it. The cloud must not be locked.
func (c *Cloud) tick() {
	now := c.now()
	if next := c.nextRelease.Load(); next == nil || now.Before(*next) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var next *time.Time
	c.releases = slices.DeleteFunc(c.releases, func(due release) bool {
		if due.at.After(now) {
			if next == nil || due.at.Before(*next) {
				next = &due.at
			}
			return false
		}
		r := c.regions[due.region]
		if e, state := r.instances.live(string(due.id)); state != nil && state.row.AutoReleaseAt.Equal(due.at) {
			r.settle(now)
			c.deleteInstance(r, e, state.at(now), now)
		}
		return true
	})
	c.nextRelease.Store(next)
}

// ModifyInstanceAutoReleaseTimeRequest are the parameters of
// ModifyInstanceAutoReleaseTime; without a time the release is cancelled.
type ModifyInstanceAutoReleaseTimeRequest struct {
	InstanceID      image.InstanceID
	AutoReleaseTime string
}

// ModifyInstanceAutoReleaseTime sets when ECS releases an instance, or that it
// does not. Refusals: MissingParameter, NoSuchResource, ChargeTypeViolation,
// InvalidAutoReleaseTime.Malformed.
func (s *Session) ModifyInstanceAutoReleaseTime(req ModifyInstanceAutoReleaseTimeRequest) error {
	if err := s.permit("ModifyInstanceAutoReleaseTime"); err != nil {
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
		return refuse(404, "NoSuchResource", "The specified resource is not found.")
	}
	if state.row.ChargeType == "PrePaid" {
		return wrongState(403, "ChargeTypeViolation", "The operation is not permitted due to charge type of the instance.")
	}
	at, err := checkRelease(req.AutoReleaseTime, state.row.ChargeType, now)
	if err != nil {
		return err
	}
	r.settle(now)
	next := *state
	next.row.AutoReleaseAt = at
	r.instances.put(e, &next, now, now)
	if !at.IsZero() {
		c.releaseLater(r, req.InstanceID, at)
	}
	return nil
}

// ConsoleOutput is the answer of GetInstanceConsoleOutput.
type ConsoleOutput struct {
	// Output is base64.
	Output    string
	UpdatedAt time.Time
}

// GetInstanceConsoleOutput returns what an instance wrote to its console while it
// started. Refusals: MissingParameter, InvalidParameter (404),
// IncorrectInstanceStatus (405) before it started, NotSupported (405) for
// Windows.
func (s *Session) GetInstanceConsoleOutput(region image.RegionID, id image.InstanceID) (ConsoleOutput, error) {
	if err := s.permit("GetInstanceConsoleOutput"); err != nil {
		return ConsoleOutput{}, err
	}
	if err := checkRegion(region); err != nil {
		return ConsoleOutput{}, err
	}
	if id == "" {
		return ConsoleOutput{}, missing("InstanceId")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[region], c.now()
	_, state := r.instances.owned(s.caller.Account, string(id))
	if state == nil {
		return ConsoleOutput{}, refuse(404, "InvalidParameter", "The specified parameter InstanceId is not valid.")
	}
	row := state.at(now)
	switch {
	case row.OSType == image.Windows:
		return ConsoleOutput{}, wrongState(405, "NotSupported", "The operation is not supported for instances of Windows.")
	case row.Status == image.InstancePending:
		return ConsoleOutput{}, wrongState(405, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	}
	text := c.console(r, row)
	return ConsoleOutput{base64.StdEncoding.EncodeToString([]byte(text)), row.StartedAt}, nil
}

// console is what an instance has written by now.
func (c *Cloud) console(r *region, row InstanceRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[    0.000000] Booting %s on %s\r\n", cmp.Or(row.OSName, "an unknown system"), row.ID)
	switch c.boot(r, row.Image) {
	case BootNever:
		b.WriteString("[    1.204311] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n")
	case BootSilent:
		b.WriteString("[    8.530212] systemd[1]: aliyun.service: Failed with result 'exit-code'.\r\n")
	default:
		fmt.Fprintf(&b, "[    9.118820] cloud-init: finished\r\n%s login: ", row.HostName)
	}
	return b.String()
}
