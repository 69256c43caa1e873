package retention

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// What is done with items.
const (
	doMark      = "mark"
	doAnnounce  = "announce"
	doSuspend   = "suspend"
	doDeprecate = "deprecate"
	doTag       = "tagSnapshots"
	doDelete    = "delete"
	doBin       = "bin"
	doPurge     = "purge "
	doClose     = "close"
	doRevive    = "makeAvailable"
	doResume    = "resume"
	doUnmark    = "unmark"
)

// How long what failed waits, and how often it is tried.
const (
	firstRetry  = 5 * time.Minute
	mostRetry   = 6 * time.Hour
	mostTries   = 8
	soon        = 10 * time.Minute
	usualLook   = 24 * time.Hour
	lookIsFresh = 60 * time.Second
	// notDone is when what was accepted and does not show is taken as not done.
	notDone = 10 * time.Minute
)

// codeNotShown is of what ECS accepted and does not show.
const codeNotShown = "notShown"

// Next decides what is to be done with every item of a cleanup now. It is pure.
func Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	wish, err := wishOf(w)
	if err != nil {
		return work.Decision{Wake: now.Add(usualLook)}
	}
	if wish.Restore != nil {
		return nextRestore(w, *wish.Restore, seen, now)
	}
	var d work.Decision
	for _, name := range w.Names() {
		item := w.Items[name]
		item.Name = name
		if item.Ended() {
			continue
		}
		facts, known := seen[name]
		if !known {
			d.Wake = earlier(d.Wake, now.Add(soon))
			continue
		}
		s := step{work: w, wish: wish, one: wish.Items[name], item: item, facts: facts, now: now}
		s.item.Notes = maps.Clone(item.Notes)
		if s.item.Notes == nil {
			s.item.Notes = map[string]string{}
		}
		s.next()
		if s.changed {
			d.Items = append(d.Items, s.item)
		}
		if s.act != nil {
			d.Acts = append(d.Acts, *s.act)
			continue
		}
		if !s.item.Ended() {
			d.Wake = earlier(d.Wake, s.wake)
			if s.wait != nil {
				d.Wait = s.wait
			}
		}
	}
	return d
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// step decides about one item.
type step struct {
	work  work.Work
	wish  Wish
	one   WishItem
	item  work.Item
	facts plan.Facts
	now   time.Time

	changed bool
	act     *work.Act
	wake    time.Time
	wait    *image.Reason
}

func (s *step) set(level string) { s.item.Level, s.item.Sent, s.changed = level, nil, true }

func (s *step) end(result plan.Result, why *image.Reason) {
	s.item.Outcome, s.item.Sent, s.changed = plan.Outcome{Step: s.item.Name, Result: result, Why: why}, nil, true
}

// refuse ends an item that may not go, or is not as it was: nothing went wrong with it.
func (s *step) refuse(why *image.Reason) {
	s.item.Notes[noteRefused] = yes
	s.end(plan.Failed, why)
}

// do acts, unless it failed a moment ago, or nothing may be begun.
func (s *step) do(do, level string, claims ...work.Claim) {
	s.act = &work.Act{Item: s.item.Name, Do: do, Level: level, Claims: claims, Notes: map[string]string{noteLooked: s.facts[factLooked]}}
}

func (s *step) sleep(until time.Time, why *image.Reason) { s.wake, s.wait = until, why }

func (s *step) next() {
	if s.item.Sent != nil {
		s.sent()
		return
	}
	if s.failed() {
		return
	}
	switch {
	case s.one.Orphan != "":
		s.orphan()
	case s.item.Level == levelBinned:
		s.inBin()
	case s.facts[factRow] == gone:
		s.isGone()
	case s.item.Level == levelReturning || s.work.State == work.Aborting || Action(s.facts[factAction]) == Return && s.item.Level != "":
		s.back()
	default:
		s.onward()
	}
}

// sent settles an act whose effect was not seen before.
func (s *step) sent() {
	a := *s.item.Sent
	if s.shows(a.Do) {
		s.noted(a.Do)
		s.set(a.Level)
		return
	}
	if s.facts[factRow] == gone && ofRow(a.Do) { // it will never show
		s.set(s.item.Level)
		return
	}
	switch accepted := s.item.Answered == plan.Applied; {
	case accepted && s.now.Sub(s.item.Since) > notDone: // it is decided anew, as after a refusal
		s.item.Refusal = &image.Reason{Code: codeNotShown, Sentence: "ECS accepted to " + a.Do + ", and it does not show"}
		s.set(s.item.Level)
		return
	case accepted:
		s.wake = s.now.Add(10 * time.Second)
		return
	}
	a.Notes = map[string]string{noteLooked: s.facts[factLooked]}
	s.act = &a
}

// ofRow: an act shows in the row of an image, which has to be there.
func ofRow(do string) bool {
	switch do {
	case doMark, doAnnounce, doSuspend, doDeprecate, doTag, doRevive, doResume:
		return true
	}
	return false
}

// shows: the effect of an act is seen.
func (s *step) shows(do string) bool {
	f := s.facts
	switch do {
	case doMark:
		return f[factTag] != ""
	case doSuspend:
		return f[factRow] == there && f[factOpen] == ""
	case doDeprecate:
		return f[factStatus] == string(image.StatusDeprecated)
	case doRevive:
		return f[factStatus] == string(image.StatusAvailable)
	case doUnmark:
		return f[factRow] == there && f[factTag] == "" || f[factRow] == gone
	case doTag:
		return f[factTagged] == yes
	case doDelete:
		return f[factRow] == gone
	}
	if len(do) > len(doPurge) && do[:len(doPurge)] == doPurge {
		return f["snapshot/"+do[len(doPurge):]] == gone
	}
	return false // what is told by the answer alone
}

// noted keeps when something was first seen to be so.
func (s *step) noted(do string) {
	switch do {
	case doSuspend:
		s.item.Notes[noteQuarantined] = s.now.UTC().Format(time.RFC3339)
		delete(s.item.Notes, noteDue)
		var rest image.Duration
		if text, known := s.facts[factRest]; known && rest.UnmarshalText([]byte(text)) == nil {
			s.item.Notes[noteDue] = s.now.Add(time.Duration(rest)).UTC().Format(time.RFC3339)
		}
	case doDeprecate:
		s.item.Notes[noteDeprecated] = yes
	case doRevive:
		delete(s.item.Notes, noteDeprecated)
	}
}

// failed waits after a refusal, for longer each time, and ends at last.
func (s *step) failed() bool {
	if s.item.Refusal == nil {
		return false
	}
	n, at := s.tries()
	if at.IsZero() { // the refusal is new
		n, at = n+1, s.now.UTC()
		s.item.Notes[noteFailures], s.item.Notes[noteFailed] = strconv.Itoa(n), at.Format(time.RFC3339)
		s.changed = true
	}
	if action := Action(s.facts[factAction]); action == Return || s.item.Level == levelReturning && n < mostTries {
		if wait := at.Add(time.Minute); s.item.Level == levelReturning && s.now.Before(wait) {
			s.sleep(wait, s.item.Refusal)
			return true
		}
		s.forget()
		return false
	}
	announcing := s.item.Level == levelMarked
	if announcing && s.wish.SkipWaits { // a leaked secret does not wait for whoever cannot be told
		s.item.Notes[noteAnnounced] = s.now.UTC().Format(time.RFC3339)
		s.item.Refusal = nil
		s.set(levelAnnounced)
		return false
	}
	if n >= mostTries && !announcing {
		s.end(plan.Failed, s.item.Refusal)
		return true
	}
	wait := min(firstRetry<<min(n-1, 7), mostRetry)
	if until := at.Add(wait); s.now.Before(until) {
		s.sleep(until, s.item.Refusal)
		return true
	}
	s.forget()
	return false
}

// tries is how often it failed, and when that was last; zero: it was not waited for
// yet. A number that nobody can read is that of the last try.
func (s *step) tries() (int, time.Time) {
	n := 0
	if text := s.item.Notes[noteFailures]; text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 {
			n = mostTries - 1
		}
	}
	at, unreadable := readTime("when it failed", s.item.Notes[noteFailed])
	if unreadable != nil {
		at = time.Time{}
	}
	return n, at
}

// forget lets a refusal be tried again.
func (s *step) forget() {
	s.item.Refusal = nil
	delete(s.item.Notes, noteFailed)
	delete(s.item.Notes, noteRefused)
	s.changed = true
}

// isGone: the image is not there any more.
func (s *step) isGone() {
	switch s.item.Level {
	case "":
		s.end(plan.Already, &image.Reason{Code: "imageGone", Sentence: "it is not there any more"})
	case levelTagged, levelDeleted:
		if s.facts[factBegun] != yes { // nobody wrote down what it was: it was not us
			s.item.Level = levelTagged
			s.refuse(&image.Reason{Code: "imageGone", Sentence: "somebody else deleted it meanwhile, and the bin does not have it"})
			return
		}
		s.do(doBin, levelBinned)
	default:
		s.refuse(&image.Reason{Code: "imageGone", Sentence: "somebody else deleted it meanwhile"})
	}
}

// onward goes on towards removal.
func (s *step) onward() {
	action, mode := Action(s.facts[factAction]), Mode(s.facts[factMode])
	switch {
	case s.item.Level == "":
		s.begin(action, mode)
	case s.work.Braked():
		s.sleep(s.now.Add(usualLook), nil)
	case s.item.Level == levelMarked:
		s.announce()
	case s.wish.MarkOnly && s.item.Level == levelAnnounced, mode == ModeMark && s.item.Level == levelAnnounced:
		s.end(plan.Applied, nil)
	case mode != ModeDelete:
		s.sleep(s.now.Add(time.Hour), s.because("mode"+title(string(mode)), "the document of rules does not let anything go now"))
	case s.facts[factTerms] != s.item.Notes[noteTerms] && s.item.Level == levelAnnounced:
		s.item.Notes[noteTerms] = ""
		s.set(levelMarked) // other terms: announced anew, and a new grace
	case s.item.Level == levelSuspended:
		s.deprecate()
	case s.item.Level == levelTagged || action == Quarantine || action == Delete:
		s.takeAway(action)
	default:
		s.waits()
	}
}

func title(s string) string {
	if s == "" {
		return ""
	}
	return string(s[0]-'a'+'A') + s[1:]
}

func (s *step) because(code, sentence string) *image.Reason {
	if text := s.facts[factReason]; text != "" {
		return reasonOf(text)
	}
	return &image.Reason{Code: code, Sentence: sentence}
}

func reasonOf(text string) *image.Reason {
	var r image.Reason
	if json.Unmarshal([]byte(text), &r) != nil || r.Code == "" {
		return nil
	}
	return &r
}

// begin marks an image, if everything is as it was approved.
func (s *step) begin(action Action, mode Mode) {
	base := s.work.Document.Plan.Base["image/"+s.item.Name]
	why := reasonOf(s.facts[factKeeps])
	switch {
	case why != nil && !doubtful(why.Code):
		s.refuse(why)
	case why != nil:
		s.sleep(s.now.Add(soon), why)
	case base != s.facts[factBase]:
		s.refuse(&image.Reason{Code: "moved", Sentence: "it is no longer as it was when this was planned: " + s.facts[factBase]})
	case mode != ModeMark && mode != ModeDelete:
		s.sleep(s.now.Add(soon), s.because("modeReport", "the document of rules lets nothing be marked"))
	case action == Mark || action == Wait || action == Quarantine:
		claims := []work.Claim{{Thing: imageThing(s.one.Ref)}}
		for _, id := range s.one.Snapshots {
			claims = append(claims, work.Claim{Thing: snapshotThing(s.one.Ref.Region, id)})
		}
		s.do(doMark, levelMarked, claims...)
	default:
		s.sleep(s.now.Add(soon), nil)
	}
}

func imageThing(r image.Ref) string { return "image/" + string(r.Region) + "/" + string(r.ID) }

func snapshotThing(in image.RegionID, id image.SnapshotID) string {
	return "snapshot/" + string(in) + "/" + string(id)
}

// announce tells the owner, unless that was done on these terms.
func (s *step) announce() {
	if at := s.facts[noteAnnounced]; at != "" && s.facts[noteTerms] == s.facts[factTerms] {
		s.item.Notes[noteAnnounced], s.item.Notes[noteTerms] = at, s.facts[noteTerms]
		s.due(s.facts[factDue])
		s.set(levelAnnounced)
		return
	}
	s.do(doAnnounce, levelAnnounced)
	s.act.Notes[noteTerms] = s.facts[factTerms]
}

// deprecate warns whoever looks for an image to use; it can be taken back.
func (s *step) deprecate() {
	status := image.Status(s.facts[factStatus])
	if s.facts[factTerraform] == yes || status != image.StatusAvailable {
		s.set(levelQuarantined)
		return
	}
	if why := reasonOf(s.facts[factKeeps]); why != nil {
		s.sleep(s.now.Add(soon), why)
		return
	}
	s.do(doDeprecate, levelQuarantined)
}

// takeAway takes one step after which somebody may miss something.
func (s *step) takeAway(action Action) {
	if why := reasonOf(s.facts[factKeeps]); why != nil {
		s.sleep(s.now.Add(soon), why)
		return
	}
	if opens := s.facts[factWindow]; opens != "" {
		s.sleepUntil("when the next maintenance window opens", opens, outsideWindow())
		return
	}
	if free := s.facts[factCap]; free != "" {
		s.sleepUntil("when the next may go", free, image.Reason{Code: "capReached", Sentence: "as many have gone as may in 24 hours"})
		return
	}
	switch {
	case action == Quarantine:
		s.do(doSuspend, levelSuspended, capsOf(s.one.Caps, "quarantine", s.now)...)
		s.act.Notes[noteSuspended], s.act.Notes[notePublished] = s.facts[noteSuspended], s.facts[notePublished]
	case s.item.Level == levelTagged:
		s.do(doDelete, levelDeleted, capsOf(s.one.Caps, "delete", s.now)...)
	default:
		s.do(doTag, levelTagged)
		s.act.Notes[noteTagged] = yes // from the intent on: whoever returns it takes the tags off
	}
}

// capsOf are the places that an item takes, for a day.
func capsOf(caps []work.Claim, kind string, now time.Time) []work.Claim {
	var claims []work.Claim
	for _, c := range caps {
		c.Thing = "cap/" + kind + "/" + c.Thing
		c.Until = now.Add(day).UTC().Truncate(time.Second)
		claims = append(claims, c)
	}
	return claims
}

// waits until the next step is due.
func (s *step) waits() {
	if why := reasonOf(s.facts[factKeeps]); why != nil {
		s.sleep(s.now.Add(soon), why)
		return
	}
	due := s.facts[factDue]
	s.due(due)
	s.sleepUntil("when the next step is due", due, image.Reason{Code: "waits", Sentence: "the next step is due at " + due})
}

// due writes down when the next stage is due, where the rules have another time for it
// than is written.
func (s *step) due(at string) {
	if _, unreadable := readTime("when the next step is due", at); unreadable == nil && s.item.Notes[noteDue] != at {
		s.item.Notes[noteDue], s.changed = at, true
	}
}

// back returns an image to where it was.
func (s *step) back() {
	if s.item.Level == "" {
		if !s.item.Begun() { // of an abort: it was never begun
			return
		}
		s.refuse(s.returned())
		return
	}
	if s.item.Level != levelReturning {
		s.item.Notes[noteWhy] = s.facts[factKeeps]
		if s.item.Notes[noteWhy] == "" {
			s.item.Notes[noteWhy] = reasonText(image.Reason{Code: "aborted", Sentence: "the cleanup was aborted"})
		}
		s.set(levelReturning)
	}
	_, suspended := s.item.Notes[noteSuspended]
	switch {
	case s.item.Notes[noteDeprecated] == yes && s.facts[factStatus] == string(image.StatusDeprecated):
		s.do(doRevive, levelReturning)
	case suspended && s.item.Notes[noteResumed] == "":
		s.do(doResume, levelReturning)
	case s.facts[factTag] != "":
		s.do(doUnmark, levelReturning)
	default:
		s.item.Level = levelReturned
		s.refuse(s.returned())
	}
}

func (s *step) returned() *image.Reason {
	if why := reasonOf(s.item.Notes[noteWhy]); why != nil {
		return why
	}
	return &image.Reason{Code: "returned", Sentence: "it was returned to where it was"}
}

// inBin purges the snapshots when the time is over.
func (s *step) inBin() {
	until, unreadable := s.binUntil()
	switch {
	case s.facts["restored"] != "":
		s.end(plan.Applied, &image.Reason{Code: "restored", Sentence: "it was brought back as " + s.facts["restored"]})
	case unreadable != nil && s.work.State != work.Aborting:
		s.sleep(s.now.Add(usualLook), unreadable)
	case s.now.Before(until):
		s.sleep(until, &image.Reason{Code: "inBin", Sentence: "its snapshots go at " + until.Format(time.RFC3339)})
	case s.work.State == work.Aborting:
		s.end(plan.Applied, &image.Reason{Code: "aborted", Sentence: "the image is gone; its snapshots stay"})
	case s.work.Braked():
		s.sleep(s.now.Add(usualLook), nil)
	case Mode(s.facts[factMode]) != ModeDelete:
		s.sleep(s.now.Add(time.Hour), s.because("mode"+title(s.facts[factMode]), "the document of rules does not let anything go now"))
	case s.facts[factWindow] != "":
		s.sleepUntil("when the next maintenance window opens", s.facts[factWindow], outsideWindow())
	default:
		s.purge()
	}
}

// binUntil is when the snapshots may go: what was said when the image was deleted, and
// not before what the document of rules says now.
func (s *step) binUntil() (time.Time, *image.Reason) {
	until, unreadable := readTime("the end of its time in the bin", s.item.Notes[noteBin])
	if unreadable != nil {
		return time.Time{}, unreadable
	}
	if s.facts[factBin] == "" { // not known now
		return until, nil
	}
	deleted, unreadable := readTime("when it was deleted", s.item.Notes[noteDeleted])
	if unreadable != nil {
		return time.Time{}, unreadable
	}
	var says image.Duration
	if err := says.UnmarshalText([]byte(s.facts[factBin])); err != nil {
		return time.Time{}, &image.Reason{Code: codeTimeUnreadable, Sentence: "how long the bin keeps snapshots cannot be read"}
	}
	return later(until, deleted.Add(time.Duration(says))), nil
}

// purge deletes the snapshots one after another; those that something needs stay.
func (s *step) purge() {
	for _, id := range s.one.Snapshots {
		if s.facts["snapshot/"+string(id)] == there {
			s.do(doPurge+string(id), s.item.Level, work.Claim{Thing: snapshotThing(s.one.Ref.Region, id)})
			s.act.Notes[noteSaved+string(id)] = s.facts[noteSaved+string(id)]
			return
		}
	}
	if s.item.Notes[noteClosed] == yes {
		s.end(plan.Applied, nil)
		return
	}
	s.do(doClose, s.item.Level)
	for _, id := range s.one.Snapshots {
		if s.facts["snapshot/"+string(id)] != gone { // it stays, and saves nothing
			s.act.Notes[noteSaved+string(id)] = ""
		}
	}
}

// orphan removes a snapshot that an image left: marked, and after the grace deleted.
func (s *step) orphan() {
	why := reasonOf(s.facts[factKeeps])
	switch {
	case s.facts[factRow] == gone:
		s.end(plan.Applied, nil)
	case why != nil && !doubtful(why.Code) || s.item.Level == levelReturning || s.work.State == work.Aborting:
		s.orphanStays(why)
	case why != nil:
		s.sleep(s.now.Add(soon), why)
	case s.work.Braked():
		s.sleep(s.now.Add(usualLook), nil)
	case s.item.Level == levelMarked:
		s.do(doAnnounce, levelAnnounced)
		s.act.Notes[noteTerms] = s.facts[factTerms]
	default:
		s.orphanOnward(Mode(s.facts[factMode]))
	}
}

// orphanOnward goes on as far as the document of rules lets it.
func (s *step) orphanOnward(mode Mode) {
	switch {
	case s.item.Level == "" && mode != ModeMark && mode != ModeDelete:
		s.sleep(s.now.Add(soon), s.because("modeReport", "the document of rules lets nothing be marked"))
	case s.item.Level == "":
		s.do(doMark, levelMarked, work.Claim{Thing: snapshotThing(s.one.Ref.Region, s.one.Orphan)})
	case s.facts[factTerms] != s.item.Notes[noteTerms]:
		s.set(levelMarked) // other terms: announced anew, and a new grace
	case s.wish.MarkOnly, mode == ModeMark:
		s.end(plan.Applied, nil)
	case mode != ModeDelete:
		s.sleep(s.now.Add(time.Hour), s.because("mode"+title(string(mode)), "the document of rules does not let anything go now"))
	default:
		s.orphanGoes()
	}
}

// orphanGoes deletes the snapshot when its time has come.
func (s *step) orphanGoes() {
	due, unreadable := readTime("when it was announced", s.facts[factDue])
	switch {
	case unreadable != nil:
		s.sleep(s.now.Add(usualLook), unreadable)
	case s.now.Before(due):
		s.due(s.facts[factDue])
		s.sleep(due, &image.Reason{Code: "waits", Sentence: "the next step is due at " + due.Format(time.RFC3339)})
	case s.facts[factWindow] != "":
		s.sleepUntil("when the next maintenance window opens", s.facts[factWindow], outsideWindow())
	default:
		s.do(doPurge+string(s.one.Orphan), levelDeleted, capsOf(s.one.Caps, "purge", s.now)...)
		s.act.Notes[noteSaved+string(s.one.Orphan)] = s.facts[noteSaved+string(s.one.Orphan)]
	}
}

// orphanStays takes the mark off a snapshot that is to stay.
func (s *step) orphanStays(why *image.Reason) {
	if why == nil {
		why = &image.Reason{Code: "aborted", Sentence: "the cleanup was aborted"}
	}
	if s.item.Level == "" {
		if s.item.Begun() || s.work.State != work.Aborting {
			s.refuse(why)
		}
		return
	}
	if s.item.Level != levelReturning {
		s.item.Notes[noteWhy] = reasonText(*why)
		s.set(levelReturning)
	}
	if s.facts[factTag] != "" {
		s.do(doUnmark, levelReturning)
		return
	}
	s.item.Level = levelReturned
	s.refuse(s.returned())
}
