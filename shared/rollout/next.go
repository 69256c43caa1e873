package rollout

import (
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// The notes of an item: what cannot be looked up, or what a look found for good.
const (
	noteBefore    = "before"      // the record of what was, to be restored
	noteFirst     = "first"       // the snapshot that was taken while it ran
	noteBackup    = "backup"      // the snapshot of the stopped disk
	noteBackupAt  = "backupAt"    // when that was begun, by ECS's clock
	noteUpAt      = "upAt"        // when the instance had come up last before it was begun, by ECS's clock
	noteDisk      = "disk"        // the system disk that this replacement replaces
	noteNewDisk   = "newDisk"     // the one that it makes
	noteSize      = "size"        // what the new disk was asked for, in GiB
	noteBegunAt   = "begunAt"     // when the first act of the item was sent
	noteCommitted = "committedAt" // from when on it may be down because of us
	noteStopAt    = "stopAt"
	noteReplaceAt = "replaceAt"
	noteStartAt   = "startAt"
	noteExitAt    = "exitAt"     // when its scaling group was asked first to have it back
	noteProbe     = "probe"      // which probe is next
	noteProbeAt   = "probeSince" // since when it is tried
	notePasses    = "passes"
	noteInvoke    = "invoke"
	noteFailed    = "failed" // the code of what failed, while the item is brought to rest
	noteSentence  = "failedSentence"
	noteFailedAt  = "failedAt"
	noteRefused   = "refused" // it was a refusal, which is no failure of the rollout
	noteUndo      = "undo"    // its old content is being brought back, and why
	noteContent   = "content" // the snapshot whose content comes back
	noteImage     = "undoImage"
	noteUnwell    = "unwell"      // it ended while its new system was not well
	noteLost      = "lost"        // nobody waits for it to come up any more
	noteLeft      = "notRestored" // what could not be restored, joined by commas
	noteHooked    = "hookedAfter"
	noteStandby   = "standby" // it was put into standby
	noteUnsecured = "unsecured"
	noteUnread    = "unread"   // which notes could not be read while it was down
	noteRepeated  = "repeated" // the replacement was asked for once more after nobody saw its end
)

// What a look tells of an item.
const (
	factStatus    = "status"   // the power state as ECS writes it, or gone
	factImage     = "image"    // what it runs
	factVerified  = "verified" // the id of its new disk, once all that was sent shows
	factDisk      = "disk"
	factFirst     = "first" // the states of the snapshots, or gone
	factFirstID   = "firstId"
	factBackup    = "backup"
	factBackupID  = "backupId"
	factBackupAt  = "backupAt"
	factAuto      = "deleteAutoSnapshot" // of the disk that it has
	factDiffers   = "differs"            // what of the disk is not as it was, joined by commas
	factHealth    = "health"
	factBeat      = "heartbeat" // "yes": of the new system
	factInvoke    = "invocation"
	factExit      = "exit"
	factGroup     = "group"     // its state in its scaling group
	factMade      = "undoImage" // the state of the image of the backup
	factMadeID    = "undoImageId"
	factUnlike    = "unlike"    // in what that image is not as the old one
	factWithdrawn = "withdrawn" // why the target may not be used any more
	gone          = "gone"
	yes           = "yes"
	no            = "no"
)

// How often things are looked at, and how long they may take.
const (
	lookFirst = 5 * time.Second // after what was just sent
	lookSoon  = 10 * time.Second
	lookLater = time.Minute
	showTime  = 3 * time.Minute  // in which every effect shows
	bootTime  = 20 * time.Minute // from an accepted start to Running
	startTime = 2 * time.Hour    // in which a refused start is asked for again
	madeTime  = 30 * time.Minute // in which a replacement is seen
	imageTime = 4 * time.Hour    // in which an image of a backup is there
	snapTime  = 24 * time.Hour   // in which a snapshot is finished
	stuckTime = 24 * time.Hour   // after which nobody waits for one that neither starts nor stops
	mostTries = 500
	// mostStarts is how often a start that is accepted and not seen is asked for at the least.
	mostStarts = 10
	// mostWasted times as many as the canary has may fail in its place, one after the other.
	mostWasted = 3
	patience   = time.Hour // after which waiting is done with less effort
	seldom     = 60        // what was waited for is looked at so often while that doubles
)

// next decides about one work at one time.
type next struct {
	work  work.Work
	wish  Wish
	specs map[string]spec
	seen  work.Seen
	now   time.Time
	// down is how many of those that ran are not up, or about to go down.
	down     int
	failures int
	// longest is how long one instance took at the most.
	longest time.Duration
	// open is the wave that may be begun; waits is why nothing further may be.
	open  int
	waits *image.Reason
	// own is how many of those that are down are so because of this rollout.
	own int
	// unproven: fewer than the canary has got the new image, since some of them were
	// refused. Others go in their place, room of them now, before any wave does.
	unproven bool
	room     int
	// wasted are those that failed before they had the new image: they say nothing of it.
	wasted int
	// provenAt is when the last one that went in the place of a canary came to its end.
	provenAt time.Time
	// active: something is under way.
	active bool
	work.Decision
}

// Next decides what is to be done. It is pure.
func Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	wish, err := wishOf(w)
	if err != nil {
		return work.Decision{Halt: &image.Reason{Code: "wishUnreadable", Sentence: "the wish of the rollout cannot be read"}}
	}
	n := &next{work: w, wish: wish, specs: specs(w.Document), seen: seen, now: now}
	for name, s := range n.specs {
		if s.damaged {
			return work.Decision{Halt: new(reason("planUnreadable", "what the plan says of %s cannot be read", name))}
		}
	}
	n.count()
	if why := n.withdrawn(); why != nil && n.state(work.Queued, work.Running, work.Waiting) {
		n.Halt = why
	}
	if n.failures > wish.Strategy.mayFail() && n.state(work.Queued, work.Running, work.Waiting) {
		n.Halt = new(reason("tooManyFailures", "%d failed, and %d may", n.failures, wish.Strategy.mayFail()))
	}
	n.prove()
	n.waves()
	for _, name := range n.ordered() {
		n.item(name)
	}
	n.rest()
	return n.Decision
}

func (n *next) state(of ...work.State) bool { return slices.Contains(of, n.work.State) }

// ordered are the items, those that are under way first, so that they have what
// there is before others are begun.
func (n *next) ordered() []string {
	names := slices.Clone(n.work.Names())
	slices.SortStableFunc(names, func(a, b string) int { return n.rank(a) - n.rank(b) })
	return names
}

func (n *next) rank(name string) int {
	i := n.work.Items[name]
	switch {
	case i.Notes[noteCommitted] != "":
		return 0
	case i.Begun():
		return 1
	}
	return 2 + n.specs[name].wave
}

// count tells how the whole stands.
func (n *next) count() {
	for _, name := range n.work.Names() {
		i, s := n.work.Items[name], n.specs[name]
		if s.action == ActionReplace && n.isDown(i, s, n.seen[name]) {
			n.down++
			if i.Begun() && !i.Ended() {
				n.own++
			}
		}
		n.failed(i, s)
		if text := i.Notes[noteBegunAt]; text != "" && i.Ended() {
			began, err := time.Parse(time.RFC3339, text)
			if lasted := i.Since.Sub(began); err == nil {
				n.longest = max(n.longest, lasted)
			} else {
				n.longest = max(n.longest, firstLasts) // how long it took is not known
			}
		}
	}
}

// failed counts one that failed, once it was not resumed after that.
func (n *next) failed(i work.Item, s spec) {
	if !i.Ended() || i.Outcome.Result != plan.Failed || !counts(i) || !i.Since.After(n.work.ResumedAt) {
		return
	}
	n.failures++
	if s.action == ActionReplace && s.ran && !hadImage(i) {
		n.wasted++
	}
}

// isDown: one that ran is not known to be up, or not to stay so.
func (n *next) isDown(i work.Item, s spec, facts plan.Facts) bool {
	switch {
	case !s.ran:
		return false
	case i.Ended() && facts[factStatus] == gone:
		return false
	case facts[factStatus] != string(image.InstanceRunning):
		return true
	case i.Notes[noteCommitted] != "" && !i.Ended():
		return true
	}
	return i.Ended() && i.Notes[noteUnwell] != ""
}

// Refused reports whether an item was refused, or had moved: its failure is none of the
// rollout.
func (k Kind) Refused(i work.Item) bool { return !counts(i) }

// counts: its failure is one of the rollout, not a refusal.
func counts(i work.Item) bool {
	return i.Notes[noteRefused] == "" && i.Outcome.Why != nil && i.Outcome.Why.Code != "claimed"
}

// withdrawn is why the target may not be used any more.
func (n *next) withdrawn() *image.Reason {
	for _, name := range n.work.Names() {
		if why := n.seen[name][factWithdrawn]; why != "" && !n.work.Items[name].Ended() {
			return new(reason("targetWithdrawn", "%s", why))
		}
	}
	return nil
}

// prove finds out whether as many as the canary has ran the new image. A canary that was
// refused, or failed before its disk was replaced, proves nothing.
func (n *next) prove() {
	canary, trying, left := 0, 0, 0
	var tried []time.Time
	for name, s := range n.specs {
		if s.action != ActionReplace || !s.ran {
			continue
		}
		if s.wave == 0 {
			canary++
		}
		switch i := n.work.Items[name]; {
		case i.Ended() && hadImage(i):
			tried = append(tried, i.Since)
		case i.Ended():
		case i.Begun():
			trying++
		default:
			left++
		}
	}
	if len(tried) < canary {
		n.unproven, n.room = trying+left > 0, canary-len(tried)-trying
		n.waste(canary)
		return
	}
	if canary > 0 {
		slices.SortFunc(tried, time.Time.Compare)
		n.provenAt = tried[canary-1]
	}
}

// hadImage: one that has ended ran the new image.
func hadImage(i work.Item) bool {
	return i.Outcome.Result == plan.Applied || i.Notes[noteNewDisk] != "" || i.Notes[noteUndo] != ""
}

// waste halts where too many failed in the place of the canary.
func (n *next) waste(canary int) {
	if n.unproven && n.wasted >= mostWasted*canary && n.state(work.Queued, work.Running, work.Waiting) && n.Halt == nil {
		n.Halt = new(reason("imageUnproven", "%d failed before they had the new image, so nothing proves it: see why, and resume", n.wasted))
	}
}

// waves finds out which wave is open, and what keeps the next one shut.
func (n *next) waves() {
	ends := map[int]time.Time{}
	last := 0
	for _, s := range n.specs {
		last = max(last, s.wave)
	}
	for n.open = 0; n.open < last; n.open++ {
		for name, s := range n.specs {
			if s.wave != n.open {
				continue
			}
			i := n.work.Items[name]
			if !i.Ended() {
				return
			}
			if i.Since.After(ends[n.open]) {
				ends[n.open] = i.Since
			}
		}
		at, some := ends[n.open]
		if n.open == 0 && n.provenAt.After(at) {
			at = n.provenAt
		}
		if some && n.pausesAfter(n.open) && !n.work.ResumedAt.After(at) {
			n.waits = new(reason("pauseAfter", "the plan has a pause after %s: resume it to go on", waveName(n.open)))
			return
		}
	}
}

func waveName(wave int) string {
	if wave == 0 {
		return "the canary"
	}
	return "this wave"
}

func (n *next) pausesAfter(wave int) bool {
	return slices.Contains(n.wish.Strategy.PauseAfter, everyWave) || wave == 0 && slices.Contains(n.wish.Strategy.PauseAfter, everyCanary)
}

// mayBegin: nothing keeps an item from being begun.
func (n *next) mayBegin(s spec) bool {
	if n.work.Braked() || n.Halt != nil || s.wave > n.open || !n.fits() {
		return false
	}
	if s.wave == 0 || !n.unproven {
		return true
	}
	if !s.ran || n.room <= 0 {
		return false
	}
	n.room--
	return true
}

// fits: what is begun now ends in the window.
func (n *next) fits() bool {
	windows := n.wish.Strategy.Windows
	if len(windows) == 0 {
		return true
	}
	lasts := firstLasts
	if n.longest > 0 {
		lasts = n.longest
	}
	if windows.Open(n.now) {
		if closes, ends := windows.Closes(n.now); !ends || closes.Sub(n.now) >= lasts {
			return true
		}
	}
	opens, ok := opening(windows, n.after(), lasts)
	if !ok {
		n.waits = new(reason("windowTooShort", "no window is as long as an instance takes"))
		return false
	}
	n.waits = new(reason("window", "the next window opens at %s", opens.UTC().Format(time.RFC3339)))
	n.wake(opens.Sub(n.now))
	return false
}

// after is when the window that is open now has closed; now, if none is.
func (n *next) after() time.Time {
	windows := n.wish.Strategy.Windows
	if closes, ends := windows.Closes(n.now); ends && windows.Open(n.now) {
		return closes
	}
	return n.now
}

// slot takes one of the places of those that may be down, if one is free.
func (n *next) slot(s *stage) bool {
	if !s.spec.ran || s.facts[factStatus] != string(image.InstanceRunning) {
		return true
	}
	if n.down >= n.wish.Strategy.MaxUnavailable {
		return false
	}
	n.down++
	n.own++
	return true
}

// crowded waits for others to come up. Where none of them is down because of this
// rollout, it says so.
func (s *stage) crowded() {
	if s.own > 0 {
		s.hold(lookSoon)
		return
	}
	s.waits = new(reason("tooManyDown", "%d of the selected are down of themselves, and %d may be", s.down, s.wish.Strategy.MaxUnavailable))
	s.wake(lookLater)
}

// item decides about one item.
func (n *next) item(name string) {
	item, known := n.work.Items[name]
	if !known {
		item = work.Item{Name: name}
	}
	facts, looked := n.seen[name]
	if item.Ended() {
		return
	}
	if !looked {
		if item.Begun() {
			n.active = true
			n.wake(lookSoon)
		}
		return
	}
	s := &stage{next: n, spec: n.specs[name], item: item, facts: facts}
	if s.spec.follows() {
		s.follow()
		return
	}
	s.step()
}

// rest says when to look again.
func (n *next) rest() {
	if len(n.Acts) > 0 || len(n.Items) > 0 || n.active && n.Wake.IsZero() {
		n.wake(lookSoon)
	}
	if n.active || len(n.Acts) > 0 || len(n.Items) > 0 {
		return
	}
	if n.waits != nil {
		n.Wait = n.waits
		if n.Wake.IsZero() {
			n.wake(24 * time.Hour)
		}
	}
}

// wake asks to be looked at again.
func (n *next) wake(after time.Duration) {
	at := n.now.Add(after)
	if n.Wake.IsZero() || at.Before(n.Wake) {
		n.Wake = at
	}
}

// stage is one item at one time.
type stage struct {
	*next
	spec  spec
	item  work.Item
	facts plan.Facts
	// record is what was before, once doubt has seen to it.
	record record
}

// note adds pairs of names and values; an empty value takes a note away.
func (s *stage) note(pairs ...string) {
	notes := map[string]string{}
	for k, v := range s.item.Notes {
		notes[k] = v
	}
	for n := 0; n+1 < len(pairs); n += 2 {
		if notes[pairs[n]] = pairs[n+1]; pairs[n+1] == "" {
			delete(notes, pairs[n])
		}
	}
	s.item.Notes = notes
}

// reach says that the item is at a level, with what a look found for good. What was
// refused on the way there says nothing of what comes next.
func (s *stage) reach(level string, notes ...string) {
	s.item.Level, s.item.Sent, s.item.Refusal = level, nil, nil
	s.changed(notes...)
}

// changed records the item as it is now.
func (s *stage) changed(notes ...string) {
	s.note(notes...)
	s.Items = append(s.Items, s.item)
	s.active = true
}

// end says what the item came to.
func (s *stage) end(result plan.Result, code, sentence string, args ...any) {
	s.item.Sent = nil
	s.item.Outcome = plan.Outcome{Step: s.item.Name, Result: result}
	if code != "" {
		s.item.Outcome.Why = new(reason(code, sentence, args...))
	}
	s.changed()
}

// hold waits for something; what was just sent may show at once, and what has not shown
// for hours is looked at the more seldom the longer that is.
func (s *stage) hold(after time.Duration) {
	lasts := s.now.Sub(s.item.Since)
	if s.sent() && lasts < lookSoon {
		after = min(after, lookFirst)
	}
	if lasts > patience {
		after = max(after, lasts/seldom)
	}
	s.active = true
	s.wake(after)
}

// act asks for a call. It reports false, with the refusal, if the last one was
// refused for good.
func (s *stage) act(do, level string, notes map[string]string, claims ...work.Claim) (image.Reason, bool) {
	if r := s.item.Refusal; r != nil && (!passing(r.Code) || s.item.Tries >= mostTries) {
		return *r, false
	} else if r != nil && s.now.Sub(s.item.Since) < lookSoon {
		s.hold(lookSoon) // what ECS refuses for now is asked for again later
		return image.Reason{}, true
	}
	s.Acts = append(s.Acts, work.Act{Item: s.item.Name, Do: do, Level: level, Notes: notes, Claims: claims})
	s.active = true
	return image.Reason{}, true
}

// again repeats the act of which nobody saw the end; while its call was accepted,
// it waits.
func (s *stage) again(wait time.Duration) {
	if s.item.Answered != plan.Applied {
		s.Acts = append(s.Acts, *s.item.Sent)
	}
	s.hold(wait)
}

// since is how long ago a note says that something was.
func (s *stage) since(note string) time.Duration {
	at, err := time.Parse(time.RFC3339, s.item.Notes[note])
	if err != nil {
		return 0
	}
	return s.now.Sub(at)
}

func (s *stage) stamp() string { return s.now.UTC().Format(time.RFC3339) }

// passing: ECS refuses for now what it takes later; source: the error tables of
// ReplaceSystemDisk, StartInstance, StopInstance, CreateSnapshot, CreateImage.
func passing(code string) bool {
	return slices.Contains([]string{
		"notSent", "rateShare", "notSeenNow", "IdempotentProcessing", "LastTokenProcessing", "IncorrectInstanceStatus", "IncorrectInstanceStatus.Initializing",
		"InvalidOperation.Conflict", "OperationConflict", "Operation.Conflict", "InternalError.Dispatch", "IncorrectDiskStatus", "DiskCreatingSnapshot",
		"IncorrectDiskStatus.CreatingSnapshot", "SnapshotNotReady", "InvalidSnapshotId.NotReady", "ScalingActivityInProgress", "IncorrectScalingGroupStatus",
		"InvalidStatus.DiskNotReady", "InstanceNotReady", "snapshotInProgress", "diskBusy", "busy", "InvalidOperation.RelatedSnapshotNotFinished",
		"DISK_HAS_CREATING_SNAPSHOT", "QuotaExceed.ConcurrentSnapshotQuota", "TooManySnapshot.Unfinished", "IncorrectDiskStatus.Transferring",
		"InvalidSystemDiskStatus.IsTransfering", "InvalidOperation.UnfinishedEncryptedSnapshotCopy", "OperationDenied.InstanceCreating", "diskTransferring",
	}, code) || strings.HasPrefix(code, "Throttling")
}
