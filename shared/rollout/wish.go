// Package rollout moves instances to another image by replacing their system disks,
// in waves, with a backup of each, and brings the old content back. What ECS
// releases at once, the old disk, is never given up before a backup of it is
// finished; whatever is not known is a refusal.
package rollout

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Tags and the beginnings of names that rollouts write.
const (
	ReservedTag  = "imagekeeper:"
	TagBackup    = ReservedTag + "backup"
	TagExpires   = ReservedTag + "expires"
	TagUndo      = ReservedTag + "undo"
	TagParent    = ReservedTag + "parent"
	TagNoReplace = ReservedTag + "noReplace"
	TagChannel   = ReservedTag + "channel"
)

// OnUnhealthy says what becomes of an instance that does not come up well.
type OnUnhealthy string

// What becomes of it: its old content comes back, or it stays for people to see.
const (
	Undo OnUnhealthy = "undo"
	Halt OnUnhealthy = "halt"
)

// Target is what the instances are to run: an image, or the released one of a
// family in each region.
type Target struct {
	Image      image.ID     `json:"image,omitempty" validate:"omitempty,imageid" doc:"An image by its id; in other regions its copy"`
	Family     image.Family `json:"family,omitempty" validate:"omitempty,family" doc:"An image family: its stable image in each region"`
	Channel    string       `json:"channel,omitempty" validate:"omitempty,oneof=candidate stable" doc:"Another channel of the family than stable"`
	Unreleased bool         `json:"unreleased,omitempty" doc:"The newest image of the family, whether it was released or not"`
}

// Strategy is how many at once, when, and how much may go wrong.
type Strategy struct {
	Canary         *int                     `json:"canary,omitempty" validate:"omitempty,min=0,max=1000" doc:"How many go before all waves; 1 if left out"`
	WaveSize       WaveSize                 `json:"waveSize,omitzero" doc:"Instances of a wave: a number, or a part of those to be replaced, as 20%, which is the default"`
	MaxUnavailable int                      `json:"maxUnavailable,omitempty" validate:"omitempty,min=1,max=10000" doc:"How many of the selected may be down at once, for whatever reason; 1 if left out"`
	PauseAfter     []string                 `json:"pauseAfter,omitempty" validate:"omitempty,min=1,max=2,unique,dive,oneof=canary wave" doc:"Wait for a resume after the canary, or after every wave"`
	MaxFailures    *int                     `json:"maxFailures,omitempty" validate:"omitempty,min=0,max=10000" doc:"How many may fail before nothing further is begun; 0 if left out: the first one halts"`
	MaxDown        image.Duration           `json:"maxDown,omitzero" doc:"How long an instance may be down before its disk is replaced; 30m if left out. Then it is started as it was"`
	ForceStopAfter image.Duration           `json:"forceStopAfter,omitzero" doc:"Pull the plug of an instance that does not stop by itself in that time; never if left out"`
	Windows        image.MaintenanceWindows `json:"windows,omitempty" validate:"omitempty,min=1,max=20,dive" doc:"When instances may be down; always if left out"`
}

// Nothing is an object without members.
type Nothing struct{}

// Probe is one way to see that an instance is well: exactly one of its fields.
type Probe struct {
	Status    *Nothing       `json:"status,omitempty" doc:"Running, and ECS says that it is Ok"`
	Assistant *Nothing       `json:"assistant,omitempty" doc:"A heartbeat of the Cloud Assistant of the new system"`
	Command   string         `json:"command,omitempty" validate:"max=4096" doc:"A command of the Cloud Assistant that ends with 0"`
	Passes    int            `json:"passes,omitempty" validate:"omitempty,min=1,max=20" doc:"How often in a row the command has to pass; 1 if left out"`
	Timeout   image.Duration `json:"timeout,omitzero" doc:"How long it may take; 10m if left out"`
}

// Hooks are commands of the Cloud Assistant before the stop, and once it is well.
type Hooks struct {
	Before string `json:"before,omitempty" validate:"max=4096" doc:"Runs before the instance is stopped; if it fails nothing is done"`
	After  string `json:"after,omitempty" validate:"max=4096" doc:"Runs once the instance is well again"`
}

// Backup is how long what was on the disks is kept.
type Backup struct {
	Keep image.Duration `json:"keep,omitzero" doc:"From the end of the rollout on; 7d if left out"`
}

// Even are the words by which somebody takes a risk that is refused without them.
type Even struct {
	Managed     bool `json:"evenIfManaged,omitempty" doc:"Also instances of scaling groups, which are put into standby meanwhile, and those that ACK or EMR manage"`
	MayNotStart bool `json:"evenIfMayNotStart,omitempty" doc:"Also spot instances, and those that were stopped without keeping their resources"`
	UndoLimited bool `json:"evenIfUndoLimited,omitempty" doc:"Also where the quota of images does not allow an undo of all of them"`
}

// Wish is what a rollout is to do, whichever instances were selected. It is kept
// with the plan.
type Wish struct {
	To          Target      `json:"to"`
	Strategy    Strategy    `json:"strategy,omitzero" doc:"How many at once, when, and how much may go wrong"`
	Health      []Probe     `json:"health,omitempty" validate:"omitempty,min=1,max=10,dive" doc:"When an instance counts as well; status and assistant if left out"`
	Hooks       Hooks       `json:"hooks,omitzero" doc:"Commands before the stop and at the end"`
	Backup      Backup      `json:"backup,omitzero" doc:"The backups of the disks"`
	OnUnhealthy OnUnhealthy `json:"onUnhealthy,omitempty" validate:"omitempty,oneof=undo halt" doc:"What becomes of an instance that is not well; halt if left out"`
	Follow      Follow      `json:"follow,omitzero" doc:"What else that names the old image is to name the new one"`
	// MaxLicenceIncrease refuses a plan by which licences cost more.
	MaxLicenceIncrease *Most `json:"maxLicenceIncreasePerHour,omitempty" doc:"How much more the licences of all instances together may cost for an hour, in the currency of the site; what is not known is refused, too"`
	Even
	// Undoes is the rollout whose work this one takes back.
	Undoes string `json:"-" validate:"-" query:"-"`
}

// Defaults.
const (
	usualWave    = 20 // percent
	usualDown    = 30 * time.Minute
	usualKeep    = 7 * 24 * time.Hour
	usualProbe   = 10 * time.Minute
	firstLasts   = 45 * time.Minute // how long one instance takes, before one was seen
	everyCanary  = "canary"
	everyWave    = "wave"
	channelOf    = "stable"
	mostHookTime = 10 * time.Minute
)

// mayFail is how many may fail before the rollout halts.
func (s Strategy) mayFail() int {
	if s.MaxFailures == nil {
		return 0
	}
	return *s.MaxFailures
}

// Check refuses a wish that contradicts itself, naming the field.
func (w Wish) Check() error {
	if (w.To.Image == "") == (w.To.Family == "") {
		return fault.InField("to", "required", "must have either image or family")
	}
	if w.To.Image != "" && (w.To.Channel != "" || w.To.Unreleased) {
		return fault.InField("to.image", "noEffect", "goes without channel and unreleased, which choose an image of a family")
	}
	if w.To.Channel != "" && w.To.Unreleased {
		return fault.InField("to.channel", "contradiction", "does not go with unreleased")
	}
	if w.Health != nil && len(w.Health) == 0 {
		return fault.InField("health", "emptyValue", "must have a probe at least; leave it out for status and assistant")
	}
	for n, p := range w.Health {
		if err := p.check(fmt.Sprintf("health[%d]", n)); err != nil {
			return err
		}
	}
	for n, window := range w.Strategy.Windows {
		if field, err := window.Check(); err != nil {
			return fault.InField(fmt.Sprintf("strategy.windows[%d].%s", n, field), "value", "%s", err.Error())
		}
	}
	return nil
}

func (p Probe) check(field string) error {
	given := 0
	for _, is := range []bool{p.Status != nil, p.Assistant != nil, p.Command != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return fault.InField(field, "required", "must have exactly one of status, assistant and command")
	}
	if p.Command == "" && p.Passes != 0 {
		return fault.InField(field+".passes", "noEffect", "is for a command only")
	}
	return nil
}

// Filled is the wish with its defaults.
func (w Wish) Filled() Wish {
	if w.Strategy.Canary == nil {
		w.Strategy.Canary = new(1)
	}
	if w.Strategy.WaveSize == (WaveSize{}) {
		w.Strategy.WaveSize.Percent = usualWave
	}
	w.Strategy.MaxUnavailable = max(1, w.Strategy.MaxUnavailable)
	if w.Strategy.mayFail() == 0 {
		w.Strategy.MaxFailures = nil // said or left out: it is the same rollout
	}
	w.Strategy.MaxDown = image.Duration(w.Strategy.MaxDown.Or(usualDown))
	w.Backup.Keep = image.Duration(w.Backup.Keep.Or(usualKeep))
	if len(w.Health) == 0 {
		w.Health = []Probe{{Status: &Nothing{}}, {Assistant: &Nothing{}}}
	}
	if w.OnUnhealthy == "" {
		w.OnUnhealthy = Halt
	}
	if w.To.Family != "" && w.To.Channel == "" && !w.To.Unreleased {
		w.To.Channel = channelOf
	}
	return w
}

// needsAssistant: a probe or a hook runs inside the new system.
func (w Wish) needsAssistant() bool {
	for _, p := range w.Health {
		if p.Status == nil {
			return true
		}
	}
	return w.Hooks.After != ""
}

// WaveSize is how many instances a wave has: a number, or a part in percent.
type WaveSize struct{ Count, Percent int }

// UnmarshalText reads 5 or 20%.
func (z *WaveSize) UnmarshalText(text []byte) error {
	digits, percent := strings.CutSuffix(string(text), "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || strconv.Itoa(n) != digits || n > 10000 || percent && n > 100 {
		return fault.New(fault.Invalid, "must be a number of instances, or a part as 20%%")
	}
	*z = WaveSize{Count: n}
	if percent {
		*z = WaveSize{Percent: n}
	}
	return nil
}

// UnmarshalJSON reads a number, or a text as in 20%.
func (z *WaveSize) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	return z.UnmarshalText([]byte(text))
}

// MarshalJSON writes what UnmarshalJSON reads.
func (z WaveSize) MarshalJSON() ([]byte, error) {
	if z.Percent > 0 {
		return json.Marshal(strconv.Itoa(z.Percent) + "%")
	}
	return json.Marshal(z.Count)
}

// IsZero: it was left out.
func (z WaveSize) IsZero() bool { return z == WaveSize{} }

// JSONSchema is the form of what UnmarshalJSON reads, as JSON Schema 2020-12.
func (z WaveSize) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"string", "integer"}, "pattern": "^[1-9][0-9]{0,4}%?$", "minimum": 1, "maximum": 10000, "examples": []any{"20%", 5}}
}

// of is how many instances a wave has of so many.
func (z WaveSize) of(all int) int {
	if z.Count > 0 {
		return z.Count
	}
	return max(1, all*z.Percent/100)
}
