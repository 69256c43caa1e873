package rollout

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// The actions of steps.
const (
	ActionReplace = "replace"
	ActionSkip    = "skip"
	ActionRefuse  = "refuse"
)

// The parameters of a step.
const (
	paramTo     = "to"
	paramWave   = "wave"
	paramPower  = "power"
	paramBackup = "backup" // an undo: the snapshot whose content comes back
	paramWas    = "was"    // what it runs now
	paramLike   = "like"   // an undo: what the image of the backup has to be like
	paramOf     = "of"     // and the image that stands behind that content
)

// Planned is a rollout that nobody has approved yet.
type Planned struct {
	Plan     plan.Plan
	Others   []plan.Step
	Findings []image.Finding
	Totals   Totals
	// Claims are held from the approval until the rollout ends.
	Claims []work.Claim

	charged []Charged
}

// Totals are what a plan comes to.
type Totals struct {
	Selected int `json:"selected"`
	Replace  int `json:"replace"`
	Skip     int `json:"skip"`
	Refuse   int `json:"refuse"`
	Waves    int `json:"waves"`
	// Follow is how many launch templates and scaling configurations are to name the
	// new image; NotFollowed is what cannot be changed from here, with what changes it.
	Follow      int          `json:"follow"`
	NotFollowed []Unfollowed `json:"notFollowed,omitempty"`
	// Running are those of Replace that run, and would be down for a while.
	Running int `json:"running"`
	// Minutes is how long it takes at the least, as far as can be told.
	Minutes int `json:"minutes"`
	// QuotaMinutes is how long it takes at the least by the share of the accounts' quota
	// that is used here.
	QuotaMinutes int `json:"quotaMinutes"`
	// Cost is what it costs beside the instances; left out: nothing is replaced.
	Cost *Cost `json:"cost,omitempty"`
	// UndoWithinQuota is how many undos of content the quota of images allows; null:
	// not known.
	UndoWithinQuota *int `json:"undoWithinQuota"`
	// Lost and Restored say what becomes of what belongs to an old disk.
	Lost     []image.Reason `json:"lost"`
	Restored []image.Reason `json:"restored"`
}

// Base facts of a plan.
const (
	factWish   = "wish"
	factUndoes = "undoes"
	factTarget = "target/"
)

// Plan decides. targets has what each place resolves to.
func Plan(w Wish, seen Observed, targets map[Place]Resolved, now time.Time) (Planned, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return Planned{}, err
	}
	p := &planner{wish: w, seen: seen, targets: targets, now: now}
	p.Plan = plan.Plan{Target: "rollout", Base: plan.Facts{factWish: string(text)}}
	if w.Undoes != "" {
		p.Plan.Base[factUndoes] = w.Undoes
	}
	for _, s := range seen.Servers {
		p.one(s)
	}
	p.arrange()
	p.follow()
	p.findings()
	return p.Planned, nil
}

// planner makes one plan.
type planner struct {
	wish    Wish
	seen    Observed
	targets map[Place]Resolved
	now     time.Time
	chosen  []chosen
	// last is the number of the last wave.
	last int
	Planned
}

// chosen is an instance that is to be replaced.
type chosen struct {
	server   Server
	target   image.Image
	step     plan.Step
	unproven bool
}

// one gives a verdict on an instance.
func (p *planner) one(s Server) {
	p.Totals.Selected++
	step := plan.Step{Action: ActionReplace, Subject: s.Name.String(), Parameters: map[string]string{}}
	if s.Before != nil {
		step.Parameters[paramPower], step.Parameters[paramWas] = string(s.Before.Status), string(s.Before.Image)
	}
	t, known := p.targets[s.Place]
	if s.Aim != nil {
		t = s.Aim.Resolved
	} else if !known {
		t.Why = reason("placeUnread", "%s of account %s could not be looked at", s.Region, s.Account)
	}
	switch {
	case known && s.Before == nil: // what is wrong with a place says nothing of what is not there
		looked := p.seen.Looked
		if s.Place != (Place{}) {
			looked = []Place{s.Place}
		}
		p.refuse(step, []image.Reason{notSeen(looked)})
		return
	case t.Image == nil:
		p.refuse(step, []image.Reason{t.Why})
		return
	}
	if step.Parameters[paramTo] = string(t.Image.ID); s.Aim != nil && s.Aim.Backup != "" {
		delete(step.Parameters, paramTo)
		step.Parameters[paramBackup], step.Parameters[paramLike], step.Parameters[paramOf] = string(s.Aim.Backup), s.Aim.Like, string(s.Aim.Of)
	}
	if s.Before != nil && s.Before.Image == t.Image.ID {
		step.Action = ActionSkip
		step.Reasons = []image.Reason{reason("already", "it runs %s", t.Image.ID)}
		p.Others = append(p.Others, step)
		p.Totals.Skip++
		return
	}
	here := p.seen.Places[s.Place]
	v := Judge(p.wish, s, *t.Image, here, Planning, p.now)
	if refused := append(v.Refused, here.forbidden()...); len(refused) > 0 {
		p.refuse(step, refused)
		return
	}
	step.Reasons = append([]image.Reason{t.Why}, append(t.Warnings, v.Warnings...)...)
	p.chosen = append(p.chosen, chosen{s, *t.Image, step, v.Unproven})
}

// forbidden are the permissions that a dry run denied. What cannot be asked is found
// out by the canary.
func (h Here) forbidden() []image.Reason {
	var all []image.Reason
	for _, action := range Needed() {
		if h.May[action] == image.No {
			all = append(all, reason("notPermitted", "%s is not permitted to the role here", action))
		}
	}
	return all
}

// Needed are the permissions that every replacement needs and a dry run tells of.
func Needed() []string {
	return []string{"ecs:CreateImage", "ecs:StartInstance", "ecs:StopInstance"}
}

func (p *planner) refuse(step plan.Step, why []image.Reason) {
	step.Action, step.Reasons = ActionRefuse, why
	p.Others = append(p.Others, step)
	p.Totals.Refuse++
}

// arrange puts the chosen into waves that spread zones, and their steps into the
// plan.
func (p *planner) arrange() {
	slices.SortStableFunc(p.chosen, func(a, b chosen) int { return cmp.Compare(a.server.Name.String(), b.server.Name.String()) })
	p.spread()
	size, canary := p.wish.Strategy.WaveSize.of(len(p.chosen)), *p.wish.Strategy.Canary
	if canary == 0 && slices.ContainsFunc(p.chosen, func(c chosen) bool { return c.unproven }) {
		canary = 1
	}
	claimed := map[string]bool{}
	for n, c := range p.chosen {
		wave := 0
		if n >= canary {
			wave = 1 + (n-canary)/size
		}
		p.Totals.Waves, p.last = wave+1, wave
		if c.server.Before.Status == image.InstanceRunning {
			p.Totals.Running++
		}
		name := c.server.Name.String()
		c.step.Parameters[paramWave] = strconv.Itoa(wave)
		c.step.Sets = plan.Facts{"image/" + name: cmp.Or(c.step.Parameters[paramTo], c.step.Parameters[paramBackup])}
		p.Plan.Base["image/"+name] = string(c.server.Before.Image)
		p.Plan.Base["disk/"+name] = string(c.server.Disk.ID)
		p.Plan.Base["type/"+name] = string(c.server.Before.Type)
		p.Plan.Steps = append(p.Plan.Steps, c.step)
		p.charge(c)
		thing := work.Claim{Thing: "snapshot/" + string(c.server.Region) + "/" + c.step.Parameters[paramBackup], Shared: true}
		if id := c.target.ID; id != "" {
			p.Plan.Base[factTarget+string(c.server.Region)+"/"+string(id)] = string(c.target.Status)
			thing.Thing = imageThing(c.server.Region, id)
		}
		if !claimed[thing.Thing] {
			claimed[thing.Thing] = true
			p.Claims = append(p.Claims, thing)
		}
	}
	p.Totals.Replace = len(p.chosen)
	if canary == 0 && p.Totals.Waves > 0 {
		p.Totals.Waves--
	}
	p.Totals.QuotaMinutes = p.quotaMinutes()
	p.Totals.Minutes = max(p.minutes(), p.Totals.QuotaMinutes)
}

// imageThing is how an image is claimed.
func imageThing(in image.RegionID, id image.ID) string {
	return "image/" + string(in) + "/" + string(id)
}

// spread takes the instances zone by zone in turn, so that no wave is all of one.
// Those that are known to answer come first, so that a canary proves the image.
func (p *planner) spread() {
	zones := map[string][]chosen{}
	var names []string
	for _, c := range p.chosen {
		z := string(c.server.Region) + "/" + string(c.server.Before.Zone)
		if zones[z] == nil {
			names = append(names, z)
		}
		zones[z] = append(zones[z], c)
	}
	slices.Sort(names)
	var spread []chosen
	for n := 0; len(spread) < len(p.chosen); n++ {
		for _, z := range names {
			if n < len(zones[z]) {
				spread = append(spread, zones[z][n])
			}
		}
	}
	// A stopped instance proves nothing.
	slices.SortStableFunc(spread, func(a, b chosen) int {
		stopped := func(c chosen) int {
			if c.server.Before.Status == image.InstanceRunning {
				return 0
			}
			return 1
		}
		return cmp.Compare(stopped(a), stopped(b))
	})
	p.chosen = spread
}

// oneTakes is how long a replacement takes as the vendor's guide tells, with its
// last snapshot.
const oneTakes = 12 * time.Minute

// minutes is how long all take, so many at once as may be down.
func (p *planner) minutes() int {
	total := time.Duration(0)
	most := p.wish.Strategy.MaxUnavailable
	waves := map[string]int{}
	for _, c := range p.chosen {
		waves[c.step.Parameters[paramWave]]++
	}
	for _, n := range waves {
		total += time.Duration((n+most-1)/most) * oneTakes
	}
	return int(total / time.Minute)
}

// findings are what a plan has to say as a whole.
func (p *planner) findings() {
	p.Totals.Lost = []image.Reason{
		{Code: "content", Sentence: "everything on the system disk; the backup has it"},
		{Code: "hostKeys", Sentence: "SSH host keys are new, and cloud-init runs again, with the instance's user data"},
		{Code: "dataDisks", Sentence: "data disks stay attached and have to be mounted again"},
		{Code: "automaticSnapshots", Sentence: "automatic snapshots of the old disk are kept until their retention ends, and cost until then"},
	}
	p.Totals.Restored = []image.Reason{
		{Code: "disk", Sentence: "name, description, tags, deletion with the instance and of automatic snapshots, snapshot policies, performance level and bursting of the disk"},
		{Code: "instance", Sentence: "key pair, login and metadata options, and whether it runs"},
	}
	for _, hint := range p.seen.Hints {
		p.Findings = append(p.Findings, image.Finding{Level: image.Warning, Reason: hint})
	}
	if p.Totals.Replace == 0 && p.Totals.Selected == p.Totals.Skip && p.Totals.Skip > 0 {
		return
	}
	if p.Totals.Replace == 0 && p.Totals.Follow == 0 {
		why := image.Reason{Code: "nothingSelected", Sentence: "no instance is selected"}
		if p.Totals.Refuse > 0 {
			first := p.Others[slices.IndexFunc(p.Others, func(s plan.Step) bool { return s.Action == ActionRefuse })]
			why = first.Reasons[0]
		}
		p.Findings = append(p.Findings, image.Finding{Level: image.Fatal, Reason: why, Remedy: Remedy(why.Code)})
	}
	p.undoRoom()
	if windows := p.wish.Strategy.Windows; len(windows) > 0 && p.Totals.Replace > 0 {
		if _, ok := opening(windows, p.now, firstLasts); !ok {
			p.Findings = append(p.Findings, image.Finding{
				Level: image.Fatal, Reason: reason("windowTooShort", "no window is as long as the %d minutes that an instance may take", int(firstLasts/time.Minute)),
				Remedy: "make a window longer",
			})
		}
	}
}

// undoRoom compares what the quota of images allows with what an undo would need.
func (p *planner) undoRoom() {
	need, left, known := map[Place]int{}, 0, true
	for _, c := range p.chosen {
		need[c.server.Place]++
	}
	short := false
	for at, n := range need {
		room := p.seen.Places[at].ImagesLeft
		known = known && room >= 0
		left += min(max(room, 0), n)
		short = short || room >= 0 && room < n
	}
	switch {
	case len(need) == 0:
	case !known:
		p.Findings = append(p.Findings, image.Finding{
			Level: image.Warning, Reason: reason("undoQuotaUnknown", "how many images the quota still allows is not known: an undo of content makes one for each instance"),
		})
	default:
		p.Totals.UndoWithinQuota = &left
		if short {
			level := image.Fatal
			if p.wish.UndoLimited {
				level = image.Warning
			}
			p.Findings = append(p.Findings, image.Finding{
				Level: level, Reason: reason("undoLimited", "the quota of images allows an undo of %d of %d instances", left, len(p.chosen)),
				Remedy: Remedy("undoLimited"),
			})
		}
	}
}

// opening is the first time at which a window opens that is long enough.
func opening(windows image.MaintenanceWindows, now time.Time, lasts time.Duration) (time.Time, bool) {
	if len(windows) == 0 {
		return now, true
	}
	for at, tries := now, 0; tries < 64; tries++ {
		opens, ok := windows.Opens(at)
		if !ok {
			return time.Time{}, false
		}
		closes, ends := windows.Closes(opens)
		if !ends || closes.Sub(opens) >= lasts {
			return opens, true
		}
		at = closes
	}
	return time.Time{}, false
}

// spec is what the plan says of one item.
type spec struct {
	Name
	to     image.ID
	wave   int
	ran    bool
	image  image.ID
	disk   image.DiskID
	kind   image.InstanceTypeID
	backup image.SnapshotID
	like   likeness
	of     image.ID
	action string
	// version and back are of a launch template: its default version, and that which
	// is the default again. called is its name.
	version, back int
	called        string
	// damaged: what the plan says of it cannot be read.
	damaged bool
}

// likeness is what an image that is made of a backup has to be like.
type likeness struct {
	Platform     string             `json:"platform,omitempty"`
	Architecture image.Architecture `json:"architecture,omitempty"`
	BootMode     image.BootMode     `json:"bootMode,omitempty"`
	NVMe         string             `json:"nvme,omitempty"`
	IMDS         string             `json:"imds,omitempty"`
	SecureBoot   image.Tri          `json:"secureBoot,omitempty"`
}

func likenessOf(i image.Image) likeness {
	return likeness{i.Platform, i.Architecture, i.BootMode, i.NVMe, i.IMDS, i.SecureBoot}
}

// LikenessOf is what an image made of a disk of i has to be like, as a parameter.
func LikenessOf(i image.Image) string {
	text, err := json.Marshal(likenessOf(i))
	if err != nil { // texts have no way to fail
		return ""
	}
	return string(text)
}

// specs reads the plan of a work.
func specs(d work.Document) map[string]spec {
	all := make(map[string]spec, len(d.Plan.Steps))
	for _, s := range d.Plan.Steps {
		if len(s.Sets) > 0 {
			all[s.Subject] = readSpec(s, d.Plan.Base)
		}
	}
	return all
}

// specOf is what the plan of a work says of one item.
func specOf(w work.Work, item string) spec {
	var last spec
	for _, s := range w.Document.Plan.Steps {
		if s.Subject == item && len(s.Sets) > 0 {
			last = readSpec(s, w.Document.Plan.Base)
		}
	}
	return last
}

// readSpec reads a step of a plan.
func readSpec(s plan.StoredStep, base plan.Facts) spec {
	n, err := ParseName(s.Subject)
	one := spec{
		Name: n, to: image.ID(s.Parameters[paramTo]), ran: s.Parameters[paramPower] == string(image.InstanceRunning),
		image: image.ID(base["image/"+s.Subject]), disk: image.DiskID(base["disk/"+s.Subject]), kind: image.InstanceTypeID(base["type/"+s.Subject]),
		backup: image.SnapshotID(s.Parameters[paramBackup]), of: image.ID(s.Parameters[paramOf]), action: s.Action, called: s.Parameters[paramName],
	}
	var numbers [3]int
	for n, name := range []string{paramWave, paramVersion, paramBack} {
		var failed error
		numbers[n], failed = strconv.Atoi(cmp.Or(s.Parameters[name], "0"))
		err = errors.Join(err, failed)
	}
	one.wave, one.version, one.back = numbers[0], numbers[1], numbers[2]
	err = errors.Join(err, json.Unmarshal([]byte(cmp.Or(s.Parameters[paramLike], "{}")), &one.like))
	one.damaged = err != nil
	return one
}

// wishOf reads the wish of a work from what its digest covers.
func wishOf(w work.Work) (Wish, error) {
	var wish Wish
	if err := json.Unmarshal([]byte(w.Document.Plan.Base[factWish]), &wish); err != nil {
		return wish, fmt.Errorf("the wish of rollout %s cannot be read: %w", w.ID, err)
	}
	wish.Undoes = w.Document.Plan.Base[factUndoes]
	return wish.Filled(), nil
}

// shortID is the end of an instance's id, for names that have to be short.
func shortID(id image.InstanceID) string { return strings.TrimPrefix(string(id), "i-") }
