package rollout

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// The levels of an item, in their order; those of a replacement that an undo makes
// are the same.
const (
	LevelBegun     = "begun"     // the first snapshot is finished, and what was is recorded
	LevelImaged    = "imaged"    // an undo: the image of the backup is there
	LevelLikened   = "likened"   // and as the old one
	LevelStandby   = "standby"   // its scaling group leaves it alone
	LevelPrepared  = "prepared"  // the hook before the stop has run
	LevelStopped   = "stopped"   // it is Stopped
	LevelBackedUp  = "backedUp"  // the backup is accomplished
	LevelTidied    = "tidied"    // the first snapshot is deleted
	LevelSecured   = "secured"   // the old disk leaves its automatic snapshots behind
	LevelReplaced  = "replaced"  // the new disk is there, as it was asked for
	LevelRestored  = "restored"  // it has the settings of the old one
	LevelStarted   = "started"   // it is Running
	LevelHealthy   = "healthy"   // every probe passed
	LevelFinished  = "finished"  // the hook at the end has run
	LevelInService = "inService" // it is back in its scaling group
)

func levels() []string {
	return []string{
		"", LevelBegun, LevelImaged, LevelLikened, LevelStandby, LevelPrepared, LevelStopped, LevelBackedUp, LevelTidied, LevelSecured,
		LevelReplaced, LevelRestored, LevelStarted, LevelHealthy, LevelFinished, LevelInService,
	}
}

// What is done to an item.
const (
	doBegin    = "begin"
	doImage    = "image"
	doLiken    = "liken"
	doStandby  = "enterStandby"
	doBefore   = "hookBefore"
	doStop     = "stop"
	doForce    = "forceStop"
	doBackup   = "backup"
	doSecure   = "secure"
	doUnsecure = "unsecure"
	doReplace  = "replace"
	doRestore  = "restore:" // and what
	doStart    = "start"
	doProbe    = "probe"
	doAfter    = "hookAfter"
	doExit     = "exitStandby"
	doTidy     = "tidy"
)

// is reports whether the item is at a level, or beyond it.
func (s *stage) is(level string) bool {
	return slices.Index(levels(), s.item.Level) >= slices.Index(levels(), level)
}

// record is what was before, to be restored.
type record struct {
	Disk     image.DiskSetup       `json:"disk"`
	Policies []string              `json:"policies,omitempty"`
	KeyPair  string                `json:"keyPair,omitempty"`
	Metadata image.MetadataOptions `json:"metadata"`
	NonRoot  image.Tri             `json:"loginAsNonRoot"`
	Locks    []string              `json:"locks,omitempty"`
	Group    string                `json:"group,omitempty"`
	OSType   image.OSType          `json:"osType,omitempty"`
	// Of is the image that stands behind the one that it ran.
	Of image.ID `json:"of,omitempty"`
	// Like is what the image was like that it ran.
	Like likeness `json:"like"`
}

// recordOf reads the record of an item; it is empty until the item is begun. What
// cannot be read is reported by unreadable, and acted upon by nobody.
func recordOf(i work.Item) (record, error) {
	var r record
	err := json.Unmarshal([]byte(cmp.Or(i.Notes[noteBefore], "{}")), &r)
	return r, err
}

// unreadable are the notes of an item that do not say what they have to: times,
// numbers, and the record of what was.
func unreadable(i work.Item, errRecord error) []string {
	var all []string
	for _, name := range []string{noteBegunAt, noteCommitted, noteStopAt, noteReplaceAt, noteStartAt, noteProbeAt, noteFailedAt, noteExitAt} {
		if text := i.Notes[name]; text != "" {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				all = append(all, name)
			}
		}
	}
	for _, name := range []string{noteProbe, notePasses} {
		if text := i.Notes[name]; text != "" {
			if n, err := strconv.Atoi(text); err != nil || n < 0 {
				all = append(all, name)
			}
		}
	}
	if errRecord != nil {
		all = append(all, noteBefore)
	}
	return all
}

// doubt deals with notes that cannot be read, and reports whether there were any.
// Nothing is decided by them: what was not replaced is started as it was, what runs
// its new system counts as not well, and what is down is brought up first, with
// its times counted anew.
func (s *stage) doubt() bool {
	var err error
	s.record, err = recordOf(s.item)
	names := unreadable(s.item, err)
	if len(names) == 0 {
		return false
	}
	what := strings.Join(names, ", ")
	var anew []string
	for _, name := range names {
		switch name {
		case noteBefore:
			anew = append(anew, name, "{}", noteLeft, listed(s.item.Notes[noteLeft], "everything: what was is not readable"))
		case noteProbe, notePasses:
			anew = append(anew, name, "")
		default:
			anew = append(anew, name, s.stamp())
		}
	}
	s.note(anew...)
	replacing := s.is(LevelReplaced) || s.itemSent(doReplace)
	switch {
	case s.item.Notes[noteFailed] != "":
		s.changed()
	case !replacing:
		s.giveUp("notesUnreadable", "what was recorded of it cannot be read: %s", what)
	case s.is(LevelStarted) || s.is(LevelReplaced) && !s.spec.ran:
		s.unhealthy("notesUnreadable", "what was recorded of it cannot be read: %s", what)
	default:
		s.changed(noteUnread, what)
	}
	return true
}

// nothingShows: of what was sent for an instance that is gone nothing will be seen any
// more. Whether its disk was replaced is found out by that step itself.
func (s *stage) nothingShows() bool {
	return s.item.Sent == nil || !s.itemSent(doReplace) && s.now.After(s.item.Since.Add(showTime))
}

func (s *stage) undoing() bool { return s.item.Notes[noteUndo] != "" || s.wish.Undoes != "" }

// content is the snapshot whose content comes back; empty: an image is the target.
func (s *stage) content() string { return cmp.Or(s.item.Notes[noteContent], string(s.spec.backup)) }

// step goes on with an item.
func (s *stage) step() {
	if s.doubt() {
		return
	}
	if s.item.Notes[noteFailed] != "" {
		s.back()
		return
	}
	if s.work.State == work.Aborting && s.abort() {
		return
	}
	if s.item.Begun() && s.overdue() {
		s.giveUp("downTooLong", "its disk was not replaced within %s of its stop, so it is started as it was", s.wish.Strategy.MaxDown)
		return
	}
	if s.item.Begun() && s.facts[factStatus] == gone && !s.is(LevelReplaced) && s.nothingShows() {
		s.note(noteRefused, yes)
		s.end(plan.Failed, "instanceGone", "the instance is not there any more")
		return
	}
	for _, part := range s.parts() {
		if s.is(part.level) || !part.needed {
			continue
		}
		part.go_()
		return
	}
	s.applied()
}

// part is one stretch of the way.
type part struct {
	level  string
	needed bool
	go_    func()
}

// parts are the whole way; what this item does not need is passed over.
func (s *stage) parts() []part {
	r := s.record
	ran, hooks, group := s.spec.ran, s.wish.Hooks, s.spec.ran && r.Group != ""
	return []part{
		{LevelBegun, true, s.begin},
		{LevelImaged, s.content() != "", s.image},
		{LevelLikened, s.content() != "", s.liken},
		{LevelStandby, group && s.item.Notes[noteStandby] == "" || group && s.itemSent(doStandby), s.standby},
		{LevelPrepared, ran && hooks.Before != "" && !s.undoing(), s.prepare},
		{LevelStopped, true, s.stop},
		{LevelBackedUp, true, s.backup},
		{LevelTidied, s.item.Notes[noteFirst] != "", s.tidy},
		{LevelSecured, r.Disk.DeleteAutoSnapshot == image.Yes || s.itemSent(doSecure), s.secure},
		{LevelReplaced, true, s.replace},
		{LevelRestored, true, s.restore},
		{LevelStarted, ran, s.start},
		{LevelHealthy, ran, s.healthy},
		{LevelFinished, ran && hooks.After != "", s.finish},
		{LevelInService, group, s.exit},
	}
}

func (s *stage) itemSent(do string) bool { return s.item.Sent != nil && s.item.Sent.Do == do }

// sent reports whether an act is under way. Another one than this is first waited
// for.
func (s *stage) sent() bool { return s.item.Sent != nil }

// applied ends an item that went all the way.
func (s *stage) applied() {
	left := s.item.Notes[noteLeft]
	switch {
	case s.item.Notes[noteUndo] != "" && s.wish.Undoes == "":
		s.end(plan.Failed, s.item.Notes[noteUndo], "%s; its old content is back", s.item.Notes[noteSentence])
	case left != "":
		s.end(plan.Applied, "notRestored", "could not be restored: %s", left)
	case !s.spec.ran:
		s.end(plan.Applied, "notTested", "it was stopped and stays so: whether it boots was not tested")
	default:
		s.end(plan.Applied, "", "")
	}
}

// begin looks at everything again, records what was, and takes the first snapshot
// while the instance runs.
func (s *stage) begin() {
	if s.sent() {
		s.begun()
		return
	}
	if s.item.Refusal != nil && !passing(s.item.Refusal.Code) || s.item.Refusal != nil && s.item.Tries > 30 {
		s.refused(*s.item.Refusal)
		return
	}
	if !s.undoingHere() && !s.item.Begun() && !s.mayBegin(s.spec) {
		return
	}
	if to := string(s.spec.to); !s.item.Begun() && to != "" && s.facts[factImage] == to {
		s.end(plan.Already, "already", "it runs %s by now", to)
		return
	}
	if !s.undoingHere() && s.work.Braked() {
		s.hold(lookLater)
		return
	}
	claim := work.Claim{Thing: s.spec.thing()}
	s.act(doBegin, LevelBegun, map[string]string{noteBegunAt: cmp.Or(s.item.Notes[noteBegunAt], s.stamp())}, claim)
}

// undoingHere: the item brings its own old content back.
func (s *stage) undoingHere() bool { return s.item.Notes[noteUndo] != "" }

// refused ends an item whose facts moved, or that may not be touched by now.
func (s *stage) refused(why image.Reason) {
	if s.undoingHere() {
		s.giveUp(why.Code, "%s", why.Sentence)
		return
	}
	s.note(noteRefused, yes)
	s.end(plan.Failed, why.Code, "%s", why.Sentence)
}

func (s *stage) begun() {
	id := cmp.Or(s.item.Notes[noteFirst], s.facts[factFirstID])
	switch {
	case s.item.Notes[noteBefore] == "":
		s.again(lookSoon)
	case id == "" && s.item.Answered == plan.Applied, s.facts[factFirst] == "failed", s.since(noteBegunAt) > snapTime:
		s.reach(LevelBegun)
	case s.facts[factFirst] == "accomplished":
		s.reach(LevelBegun, noteFirst, id)
	default:
		s.again(lookSoon)
	}
}

// image makes an image of the backup.
func (s *stage) image() {
	if !s.sent() {
		if why, ok := s.act(doImage, LevelImaged, nil); !ok {
			s.giveUp(why.Code, "%s", why.Sentence)
		}
		return
	}
	switch s.facts[factMade] {
	case string(image.StatusAvailable):
		s.reach(LevelImaged, noteImage, s.facts[factMadeID])
	case string(image.StatusCreateFailed):
		s.giveUp("undoImageFailed", "ECS could not make an image of the backup %s", s.content())
	default:
		lasts := imageTime
		if s.facts[factMade] == "" { // not even one that is being made
			lasts = madeTime
		}
		if s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > lasts {
			s.giveUp("undoImageFailed", "ECS accepted to make an image of the backup %s, and it was not there after %s", s.content(), image.Duration(lasts))
			return
		}
		s.again(lookSoon)
	}
}

// liken gives that image what an image of a snapshot does not take over.
func (s *stage) liken() {
	unlike, known := s.facts[factUnlike]
	changeable := slices.ContainsFunc(strings.Split(unlike, ","), func(what string) bool { return what != unlikeArchitecture && what != unlikePlatform })
	late := s.sent() && s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > showTime
	switch {
	case !known:
		s.hold(lookSoon)
	case unlike == "":
		s.reach(LevelLikened)
	case late || !changeable: // the guards tell whether the instance boots that
		s.reach(LevelLikened, noteLeft, listed(s.item.Notes[noteLeft], "image of the backup: "+unlike))
	case s.sent():
		s.again(lookSoon)
	default:
		if _, ok := s.act(doLiken, LevelLikened, nil); !ok {
			s.reach(LevelLikened, noteLeft, listed(s.item.Notes[noteLeft], "image of the backup: "+unlike))
		}
	}
}

func listed(all, more string) string {
	if all == "" {
		return more
	}
	return all + "," + more
}

// commits reports whether the instance may be taken down now, and takes its place
// among those that are.
func (s *stage) commits() (map[string]string, bool) {
	if s.item.Notes[noteCommitted] != "" {
		return nil, true
	}
	if s.work.Braked() || s.Halt != nil || s.spec.ran && !s.fits() {
		s.waiting()
		return nil, false
	}
	if s.facts[factStatus] != string(image.InstanceRunning) && s.spec.ran {
		s.note(noteRefused, yes)
		s.giveUp("moved", "it is %s, and was Running when it was planned", s.facts[factStatus])
		return nil, false
	}
	if !s.slot(s) {
		s.crowded()
		return nil, false
	}
	return map[string]string{noteCommitted: s.stamp()}, true
}

// waiting waits for an order or a window: nothing of it is on its way.
func (s *stage) waiting() {
	if s.waits == nil {
		s.hold(lookLater)
	}
}

// standby takes it out of its scaling group's service.
func (s *stage) standby() {
	if s.sent() {
		if s.facts[factGroup] == "Standby" {
			s.reach(LevelStandby, noteStandby, yes)
			return
		}
		if s.since(noteCommitted) > patience {
			s.giveUp("standbyNotSeen", "its scaling group accepted to put it into standby, and has it as %s after %s", s.facts[factGroup], image.Duration(patience))
			return
		}
		s.anew()
		return
	}
	notes, ok := s.commits()
	if !ok {
		return
	}
	if why, ok := s.act(doStandby, LevelStandby, notes); !ok {
		s.giveUp(why.Code, "%s", why.Sentence)
	}
}

// anew waits for what was sent. What was accepted and does not show in its time is asked
// for again, as a new attempt.
func (s *stage) anew() {
	if s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > showTime {
		s.item.Sent = nil
		s.changed()
		return
	}
	s.again(lookSoon)
}

// prepare runs the hook before the stop.
func (s *stage) prepare() {
	if s.sent() {
		if ok, over := s.command(doBefore); over && ok {
			s.reach(LevelPrepared, noteInvoke, "")
		} else if over {
			s.giveUp("hookFailed", "the hook before the stop failed: %s", s.said())
		}
		return
	}
	notes, ok := s.commits()
	if !ok {
		return
	}
	if why, ok := s.act(doBefore, LevelPrepared, notes); !ok {
		s.giveUp(why.Code, "%s", why.Sentence)
	}
}

// command tells whether a command of ours has ended, and well.
func (s *stage) command(string) (ok, over bool) {
	switch s.facts[factInvoke] {
	case "Success":
		return s.facts[factExit] == "0", true
	case "Failed", "Timeout", "Stopped", "Error", "Cancelled", "Terminated", "Invalid", "Aborted":
		return false, true
	}
	if s.now.Sub(s.item.Since) > mostHookTime+showTime && s.item.Answered == plan.Applied {
		return false, true
	}
	s.again(lookSoon)
	return false, false
}

// said is how a command ended.
func (s *stage) said() string {
	return cmp.Or(s.facts[factInvoke], "no answer") + ", exit code " + cmp.Or(s.facts[factExit], "not known")
}

// stop stops it, and pulls the plug only where that was asked for.
func (s *stage) stop() {
	if s.facts[factStatus] == string(image.InstanceStopped) {
		if s.spec.ran && s.item.Notes[noteStopAt] == "" {
			s.note(noteRefused, yes)
			s.giveUp("moved", "somebody else stopped it")
			return
		}
		s.reach(LevelStopped)
		return
	}
	if !s.spec.ran {
		s.note(noteRefused, yes)
		s.giveUp("moved", "it is %s, and was Stopped when it was planned", s.facts[factStatus])
		return
	}
	if s.sent() {
		s.stopping()
		return
	}
	notes, ok := s.commits()
	if !ok {
		return
	}
	do := doStop
	if force := s.wish.Strategy.ForceStopAfter; force > 0 && s.item.Notes[noteStopAt] != "" && s.since(noteStopAt) >= time.Duration(force) {
		do = doForce
	}
	if notes == nil {
		notes = map[string]string{}
	}
	notes[noteStopAt] = cmp.Or(s.item.Notes[noteStopAt], s.stamp())
	if why, ok := s.act(do, LevelStopped, notes); !ok {
		s.giveUp(why.Code, "%s", why.Sentence)
	}
}

// stopping waits for a stop. One that was accepted and shows nothing is asked for
// again, and one that hangs is forced if that is wished.
func (s *stage) stopping() {
	force := time.Duration(s.wish.Strategy.ForceStopAfter)
	hangs := force > 0 && s.since(noteStopAt) >= force && s.item.Sent.Do != doForce
	switch {
	case s.item.Answered == plan.Applied && hangs:
		s.item.Sent = nil
		s.changed()
	case s.facts[factStatus] == string(image.InstanceRunning):
		s.anew()
	default:
		s.again(lookSoon)
	}
}

// overdue: it is down for longer than it may be, and its disk is not on its way.
func (s *stage) overdue() bool {
	return s.spec.ran && s.item.Notes[noteStopAt] != "" && !s.is(LevelReplaced) && !s.itemSent(doReplace) &&
		s.item.Notes[noteUnwell] == "" && s.since(noteStopAt) > time.Duration(s.wish.Strategy.MaxDown)
}

// backup takes the snapshot of the stopped disk, and waits until it is whole.
func (s *stage) backup() {
	if !s.sent() {
		if why, ok := s.act(doBackup, LevelBackedUp, nil); !ok {
			s.giveUp(why.Code, "%s", why.Sentence)
		}
		return
	}
	switch s.facts[factBackup] {
	case "accomplished":
		s.reach(LevelBackedUp, noteBackup, s.facts[factBackupID], noteBackupAt, s.facts[factBackupAt])
	case "failed":
		s.giveUp("backupFailed", "ECS could not take the backup")
	default:
		if s.now.After(s.item.Since.Add(snapTime)) {
			s.giveUp("backupFailed", "ECS has not finished the backup in %s", image.Duration(snapTime))
			return
		}
		s.again(lookSoon)
	}
}

// secure keeps the automatic snapshots of the old disk, as a second way back.
func (s *stage) secure() {
	switch {
	case s.facts[factAuto] == no:
		s.reach(LevelSecured)
	case s.sent():
		s.again(lookSoon)
	default:
		if why, ok := s.act(doSecure, LevelSecured, nil); !ok {
			s.giveUp(why.Code, "%s", why.Sentence)
		}
	}
}

// replace gives it the new disk. From here on there is no way back but an undo.
func (s *stage) replace() {
	if id := s.facts[factVerified]; id != "" && (s.sent() || s.item.Notes[noteReplaceAt] != "") {
		s.reach(LevelReplaced, noteNewDisk, id)
		return
	}
	if s.sent() {
		s.replacing()
		return
	}
	if why, ok := s.act(doReplace, LevelReplaced, map[string]string{noteReplaceAt: s.stamp(), noteRepeated: ""}); !ok {
		s.giveUp(why.Code, "%s", why.Sentence)
	}
}

// replacing waits for a replacement that was asked for.
func (s *stage) replacing() {
	running := s.facts[factStatus] != string(image.InstanceStopped)
	old, accepted := s.facts[factDisk] == s.disk(), s.item.Answered == plan.Applied
	switch late := s.since(noteReplaceAt) > madeTime; {
	case running && old && s.now.Sub(s.item.Since) > showTime:
		// What was sent did not show, and it has been up since: the same is never sent again.
		s.giveUp("startedMeanwhile", "somebody started it before its disk was replaced")
	case late && old:
		// No call of ours can arrive so late, and what was accepted so long ago comes no more.
		s.giveUp("replacementNotSeen", "whether ECS replaced its disk could not be seen for %s, and it did not", image.Duration(madeTime))
	case late && accepted:
		s.unhealthy("notVerified", "what ECS accepted was not seen in %s", image.Duration(madeTime))
	case running:
		s.hold(lookSoon)
	default:
		s.repeat()
	}
}

// repeat asks for the same replacement under the same token, and says so.
func (s *stage) repeat() {
	if s.item.Answered != plan.Applied {
		a := *s.item.Sent
		a.Notes = map[string]string{noteRepeated: yes}
		s.Acts = append(s.Acts, a)
	}
	s.hold(lookSoon)
}

// disk is the one that is replaced.
func (s *stage) disk() string { return cmp.Or(s.item.Notes[noteDisk], string(s.spec.disk)) }

// restore brings the settings of the old disk to the new one, one after the other.
func (s *stage) restore() {
	differs, known := s.facts[factDiffers]
	if !known {
		s.hold(lookSoon)
		return
	}
	left := strings.Split(s.item.Notes[noteLeft], ",")
	var missing []string
	for _, what := range strings.Split(differs, ",") {
		if what != "" && !slices.Contains(left, what) {
			missing = append(missing, what)
		}
	}
	if s.sent() {
		what := strings.TrimPrefix(s.item.Sent.Do, doRestore)
		switch late := s.now.Sub(s.item.Since) > showTime && s.item.Answered == plan.Applied; {
		case !slices.Contains(missing, what):
			s.item.Sent = nil
			s.changed()
		case late:
			s.item.Sent = nil
			s.changed(noteLeft, listed(s.item.Notes[noteLeft], what))
		default:
			s.again(lookSoon)
		}
		return
	}
	if len(missing) == 0 {
		s.reach(LevelRestored)
		return
	}
	if sentOnly(missing[0]) {
		s.changed(noteLeft, listed(s.item.Notes[noteLeft], missing[0]))
		return
	}
	if _, ok := s.act(doRestore+missing[0], s.item.Level, nil); !ok {
		s.item.Refusal = nil
		s.changed(noteLeft, listed(s.item.Notes[noteLeft], missing[0]))
	}
}

// start starts it. A refusal that lasts is tried for long: it must not stay stopped.
func (s *stage) start() {
	switch {
	case s.facts[factStatus] == string(image.InstanceRunning):
		s.reach(LevelStarted, noteProbeAt, s.stamp(), noteProbe, "0", notePasses, "0")
	case s.sent() && s.facts[factStatus] == string(image.InstanceStopped):
		s.anew()
	case s.sent():
		if s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > bootTime {
			s.unhealthy("doesNotStart", "it was started and did not come up in %s", image.Duration(bootTime))
			return
		}
		s.again(lookSoon)
	default:
		s.startAgain(func(why image.Reason) {
			s.unhealthy("doesNotStart", "ECS does not start it: %s (%s)", why.Sentence, why.Code)
		})
	}
}

// startAgain asks for a start, whatever was refused before or did not show, until it has
// been tried for long.
func (s *stage) startAgain(lost func(why image.Reason)) {
	long := s.item.Notes[noteStartAt] != "" && s.since(noteStartAt) > startTime
	switch r := s.item.Refusal; {
	case r != nil && long:
		lost(*r)
		return
	case long && s.item.Tries > mostStarts:
		lost(reason("notStarted", "it is Stopped %s after that was accepted first", image.Duration(startTime)))
		return
	case r != nil:
		wait := lookLater
		if passing(r.Code) {
			wait = lookSoon
		}
		if s.now.Sub(s.item.Since) < wait {
			s.hold(wait)
			return
		}
	}
	s.item.Refusal = nil
	s.act(doStart, s.item.Level, map[string]string{noteStartAt: cmp.Or(s.item.Notes[noteStartAt], s.stamp())})
}

// healthy goes through the probes, one after the other.
func (s *stage) healthy() {
	n, err := strconv.Atoi(s.item.Notes[noteProbe])
	switch {
	case err != nil: // probes begin where nobody knows how far they were
		s.changed(noteProbe, "0", noteProbeAt, s.stamp(), notePasses, "0")
		return
	case s.item.Notes[noteUnread] != "":
		s.unhealthy("notesUnreadable", "what was recorded of it could not be read: %s", s.item.Notes[noteUnread])
		return
	case n >= len(s.wish.Health):
		s.reach(LevelHealthy)
		return
	}
	p := s.wish.Health[n]
	late := s.since(noteProbeAt) > p.Timeout.Or(usualProbe)
	var passed bool
	switch {
	case p.Status != nil:
		passed = s.facts[factStatus] == string(image.InstanceRunning) && s.facts[factHealth] == "Ok"
	case p.Assistant != nil:
		passed = s.facts[factBeat] == yes
	default:
		s.probe(n, p, late)
		return
	}
	switch {
	case passed:
		s.changed(noteProbe, strconv.Itoa(n+1), noteProbeAt, s.stamp(), notePasses, "0")
	case late:
		s.unhealthy("unhealthy", "probe %d did not pass in %s", n+1, image.Duration(p.Timeout.Or(usualProbe)))
	default:
		s.hold(lookSoon)
	}
}

// probe runs a command until it has passed often enough.
func (s *stage) probe(n int, p Probe, late bool) {
	passes, err := strconv.Atoi(s.item.Notes[notePasses])
	if err != nil {
		passes = 0 // none is known to have passed
	}
	if s.sent() {
		ok, over := s.command(doProbe)
		if !over {
			return
		}
		passes++
		if !ok {
			passes = 0
		}
		s.item.Sent = nil
		if passes >= max(1, p.Passes) {
			s.changed(noteProbe, strconv.Itoa(n+1), noteProbeAt, s.stamp(), notePasses, "0", noteInvoke, "")
			return
		}
		s.changed(notePasses, strconv.Itoa(passes), noteInvoke, "")
		return
	}
	if late {
		s.unhealthy("unhealthy", "the command of probe %d did not pass in %s", n+1, image.Duration(p.Timeout.Or(usualProbe)))
		return
	}
	s.item.Refusal = nil // a system that is coming up refuses commands
	if s.now.Sub(s.item.Since) < lookSoon {
		s.hold(lookSoon)
		return
	}
	s.act(doProbe, s.item.Level, nil)
}

// finish runs the hook at the end.
func (s *stage) finish() {
	if s.sent() {
		if ok, over := s.command(doAfter); over && ok {
			s.reach(LevelFinished, noteInvoke, "")
		} else if over {
			s.unhealthy("hookFailed", "the hook at the end failed: %s", s.said())
		}
		return
	}
	if why, ok := s.act(doAfter, LevelFinished, nil); !ok {
		s.unhealthy(why.Code, "%s", why.Sentence)
	}
}

// exit brings it back into its scaling group's service.
func (s *stage) exit() {
	switch {
	case s.facts[factGroup] == "InService" || s.facts[factGroup] == gone:
		s.reach(LevelInService)
	case s.sent() && s.since(noteExitAt) > patience:
		s.reach(LevelInService, noteLeft, listed(s.item.Notes[noteLeft], "scalingGroup: still "+s.facts[factGroup]))
	case s.sent():
		s.anew()
	default:
		notes := map[string]string{noteExitAt: cmp.Or(s.item.Notes[noteExitAt], s.stamp())}
		if why, ok := s.act(doExit, LevelInService, notes); !ok {
			s.reach(LevelInService, noteLeft, listed(s.item.Notes[noteLeft], "scalingGroup: "+why.Code))
		}
	}
}

// tidy deletes the first snapshot, now that the backup is whole. Whether that shows is
// not waited for, as the instance is down: one that stays expires by itself.
func (s *stage) tidy() {
	over := func() { s.reach(LevelTidied) }
	switch {
	case s.facts[factFirst] == gone, s.sent() && s.item.Answered == plan.Applied:
		over()
	case s.sent() && s.item.Sends > 1 && s.now.Sub(s.item.Since) > showTime: // one that was sent once may never have left a worker that died
		over()
	case s.sent():
		s.again(lookSoon)
	default:
		if _, ok := s.act(doTidy, LevelTidied, nil); !ok {
			over()
		}
	}
}
