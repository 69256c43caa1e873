package importing

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// The levels of an item, in their order. The region where the image is made passes
// through all of them; the others begin with copied.
const (
	LevelMade      = "made"      // ECS shows it Available, and its task Finished
	LevelChecked   = "checked"   // the vendor's check ended, or there is none
	LevelLaunched  = "launched"  // the test's instance is there
	LevelCommanded = "commanded" // the test's command was taken
	LevelTested    = "tested"    // the test's instance is gone again, and it had passed
	LevelNamed     = "named"     // it has its name, tags and attributes
	LevelCopied    = "copied"    // the copy is Available, and as the original
	LevelShared    = "shared"
	LevelReleased  = "released"
)

// What is done to an item.
const (
	doMake      = "make"
	doLaunch    = "launch"
	doCommand   = "command"
	doTerminate = "terminate"
	doName      = "name"
	doCopy      = "copy"
	doShare     = "share"
	doRelease   = "release"
	doCancel    = "cancel"
	doDelete    = "delete"
	doPurge     = "purge" // the snapshots of an image that was deleted
)

// The notes of an item: what cannot be looked up, or what a look found for good.
const (
	noteImage     = "imageId"
	noteTask      = "taskId"
	noteCheck     = "check"
	noteInstance  = "testInstanceId"
	noteInvoke    = "invokeId"
	noteFailed    = "failed" // the code of what failed while the test's instance is still there
	noteSentence  = "failedSentence"
	noteLaunched  = "launchedAt"
	noteLikeness  = "likeness"  // what the image is like, for its copies to be compared with
	noteAttempt   = "attempt"   // the digest of the attempt that last went on from what was left
	noteDiscard   = "discard"   // the image has to go
	noteSnapshots = "snapshots" // those of an image that is deleted, which go after it
	notePurged    = "purged"    // they were asked to go
	noteAborting  = "aborting"  // the attempt that is taken back
	noteGiven     = "given"     // somebody may have got it, although the share of it failed
	noteConsole   = "console"   // the end of what the instance of a failed test wrote to its console
)

// What a look tells of an item.
const (
	factImage     = "image"     // the status as ECS writes it; "gone": it is certainly not there
	factTask      = "task"      // the status as ECS writes it
	factError     = "error"     // why the task failed
	factSource    = "source"    // "same" or "changed"
	factCheck     = "detection" // Processing or Finished; absent: there is none
	factRisks     = "risks"     // the names of items at high risk, joined by commas
	factInstance  = "instance"  // the state as ECS writes it; "gone"
	factAlive     = "assistant" // "yes": it answered since the launch
	factInvoke    = "invocation"
	factExit      = "exit"
	factNamed     = "named"   // "yes": name, tags and attributes are as wished
	factDiffers   = "differs" // in what a copy is not as its original
	factShared    = "shared"  // "yes": with all that were named
	factReleased  = "channel" // the channel it is in
	factUsed      = "used"    // "no": certainly by nobody
	factLikeness  = "likeness"
	factSnapshots = "snapshots" // those that were made with the image
	factRemains   = "remains"   // whether any of an image that is gone is there
	factAvailable = string(image.StatusAvailable)
	gone          = "gone"
	yes           = "yes"
	no            = "no"
)

// How long things may take, and how often they are looked at.
const (
	checkTime = 2 * time.Hour
	// makeTime is for how long ECS is waited for to make or to copy an image.
	makeTime  = 72 * time.Hour
	testTime  = 20 * time.Minute
	lookFirst = 5 * time.Second // after something began; then ever later, up to lookLater
	lookLater = time.Minute
	mostTries = 40
	// showsBy is when what was made shows for certain.
	showsBy = 2 * time.Minute
	// notDone is when what was accepted and does not show is asked for again.
	notDone = 10 * time.Minute
)

// Judged is what the vendor's check came to.
type Judged string

// The results.
const (
	Passed      Judged = "passed"
	Risks       Judged = "risks"
	Unavailable Judged = "unavailable"
	TimedOut    Judged = "timedOut"
)

// next decides about one work at one time.
type next struct {
	work work.Work
	wish Wish
	seen work.Seen
	now  time.Time
	work.Decision
}

// Next decides what is to be done. It is pure.
func Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	n := &next{work: w, seen: seen, now: now}
	if err := json.Unmarshal(w.Document.Wish, &n.wish); err != nil {
		n.Halt = &image.Reason{Code: "wishUnreadable", Sentence: "the wish of the import cannot be read"}
		return n.Decision
	}
	for _, name := range w.Names() {
		item, known := w.Items[name]
		if !known {
			item = work.Item{Name: name}
		}
		facts, looked := seen[name]
		if item.Ended() || !looked {
			continue
		}
		s := &stage{next: n, item: item, facts: facts, home: name == string(n.wish.Region), was: item}
		if w.State == work.Aborting {
			s.abort()
		} else {
			s.step()
		}
	}
	return n.Decision
}

// stage is one item at one time.
type stage struct {
	*next
	item, was work.Item
	facts     plan.Facts
	home      bool
}

// wake asks to be looked at again.
func (s *stage) wake(after time.Duration) {
	at := s.now.Add(after)
	if s.Wake.IsZero() || at.Before(s.Wake) {
		s.Wake = at
	}
}

// pace is how long until the next look: a quarter of the time that the item has been
// as it is, so that a look is late by a part of the wait, and hours cost few looks.
func (s *stage) pace() time.Duration {
	return min(max(s.now.Sub(s.item.Since)/4, lookFirst), lookLater)
}

// settled: what the last call made would show by now.
func (s *stage) settled() bool { return s.now.After(s.item.Since.Add(showsBy)) }

// reach says that an item is at a level, with what a look found for good.
func (s *stage) reach(level string, notes ...string) {
	s.item.Level, s.item.Sent = level, nil
	s.note(notes...)
	s.Items = append(s.Items, s.item)
}

// note adds pairs of names and values.
func (s *stage) note(pairs ...string) {
	notes := map[string]string{}
	for k, v := range s.item.Notes {
		notes[k] = v
	}
	for n := 0; n+1 < len(pairs); n += 2 {
		notes[pairs[n]] = pairs[n+1]
	}
	s.item.Notes = notes
}

// end says what an item came to.
func (s *stage) end(result plan.Result, code, sentence string, args ...any) {
	s.item.Sent = nil
	s.item.Outcome = plan.Outcome{Step: s.item.Name, Result: result}
	if code != "" {
		s.item.Outcome.Why = &image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}
	}
	s.Items = append(s.Items, s.item)
}

func (s *stage) fail(code, sentence string, args ...any) { s.end(plan.Failed, code, sentence, args...) }

// act asks for a call, unless it was refused too often.
func (s *stage) act(do, level string, notes map[string]string, claims ...work.Claim) {
	if r := s.item.Refusal; r != nil && (!passing(r.Code) || s.item.Tries >= mostTries) {
		s.refused(*r)
		return
	}
	if s.early() {
		return
	}
	s.Acts = append(s.Acts, work.Act{Item: s.item.Name, Do: do, Level: level, Notes: notes, Claims: claims})
	s.wake(s.pace())
}

// early: the last act was refused for now, and it is not time to ask again. It waits.
func (s *stage) early() bool {
	if s.item.Refusal == nil {
		return false
	}
	at := s.item.Since.Add(min(lookFirst*time.Duration(max(s.item.Tries, 1)), lookLater))
	if !s.now.Before(at) {
		return false
	}
	s.wake(at.Sub(s.now))
	return true
}

// passing: ECS refuses for now what it takes later; source: the error tables of
// CopyImage, ModifyImageAttribute, RunInstances, DeleteInstance and RunCommand.
func passing(code string) bool {
	return slices.Contains([]string{
		"notSent", "rateShare", "IdempotentProcessing", "IncorrectInstanceStatus", "IncorrectInstanceStatus.Initializing", "IncorrectImageStatus",
		"OperationDenied.ImageCopying", "OperationDenied.ImageCopyConflict", "ImageIsImporting", "InvalidStatus.ImageIsCreating",
		"OperationDenied.CreatingConflict", "Operation.Conflict", "OperationConflict", "InvalidOperation.Conflict", "InternalError.Dispatch",
	}, code) || strings.HasPrefix(code, "Throttling")
}

// refused ends an item whose call was refused for good; a test's instance goes
// before, as long as that can be hoped for. Else ECS deletes it when its time comes.
func (s *stage) refused(why image.Reason) {
	left := s.item.Notes[noteInstance] != "" && s.facts[factInstance] != gone
	code, sentence := s.item.Notes[noteFailed], s.item.Notes[noteSentence]
	switch {
	case left && code == "":
		s.broken(why.Code, why.Sentence)
	case left && s.item.Tries < mostTries:
		if !s.early() {
			s.Acts = append(s.Acts, work.Act{Item: s.item.Name, Do: doTerminate, Level: s.item.Level})
			s.wake(s.pace())
		}
	case left:
		s.fail(code, "%s; its instance %s was left, and ECS deletes it by itself: %s", sentence, s.item.Notes[noteInstance], why.Sentence)
	case code != "":
		s.fail(code, "%s", sentence)
	default:
		s.fail(why.Code, "%s", why.Sentence)
	}
}

// again repeats the act of which nobody saw the end; while its call was accepted,
// it waits.
func (s *stage) again() {
	if s.item.Answered != plan.Applied {
		s.Acts = append(s.Acts, *s.item.Sent)
	}
	s.wake(s.pace())
}

// ignored has what ECS accepted long ago, and what does not show, asked for again as
// another attempt, and reports whether it did. Too often is for the caller to end.
func (s *stage) ignored() (again, often bool) {
	if s.item.Answered != plan.Applied || !s.now.After(s.item.Since.Add(notDone)) {
		return false, false
	}
	if s.item.Tries >= mostTries {
		return false, true
	}
	s.item.Sent = nil
	s.Items = append(s.Items, s.item)
	s.wake(0)
	return true, false
}

// step goes on with an item.
func (s *stage) step() {
	if s.item.Sent != nil && s.sent() {
		return
	}
	if s.item.Begun() && !s.item.Since.After(s.work.ApprovedAt) && s.item.Notes[noteAttempt] != s.work.Digest && s.resume() {
		return
	}
	if s.item.Notes[noteDiscard] != "" {
		s.discard()
		return
	}
	switch s.item.Level {
	case "":
		s.begin()
	case LevelMade:
		s.checked()
	case LevelChecked, LevelLaunched, LevelCommanded:
		s.test()
	case LevelTested:
		s.act(doName, LevelNamed, nil)
	case LevelNamed, LevelCopied:
		s.share()
	case LevelShared, LevelReleased:
		s.release()
	}
}

// resume begins another attempt with what an earlier one left: at the last level
// that still holds, and without what made it fail. It reports whether that changed
// anything.
func (s *stage) resume() bool {
	status := s.facts[factImage]
	s.note(noteAttempt, s.work.Digest)
	switch {
	case status == string(image.StatusCreateFailed), s.item.Level == "" && status != "" && status != gone:
		s.note(append(forgotten(noteFailed, noteSentence), noteDiscard, yes)...)
		s.Items = append(s.Items, s.item)
		s.wake(0)
	case status == gone && (s.item.Level != "" || s.item.Notes[noteImage] != ""):
		s.reach("", allForgotten()...)
		s.wake(0)
	case slices.Contains([]string{LevelChecked, LevelLaunched, LevelCommanded}, s.item.Level) && (s.item.Notes[noteInstance] == "" || s.facts[factInstance] == gone):
		s.reach(LevelMade, forgotten(noteCheck, noteInstance, noteInvoke, noteLaunched, noteFailed, noteSentence)...)
		s.wake(0)
	default:
		return false
	}
	return true
}

// allForgotten is forgotten of all that an image leaves in notes.
func allForgotten() []string {
	return forgotten(noteImage, noteTask, noteLikeness, noteCheck, noteInstance, noteInvoke, noteLaunched, noteFailed, noteSentence,
		noteDiscard, noteSnapshots, notePurged)
}

// forgotten empties notes.
func forgotten(names ...string) []string {
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name, "")
	}
	return pairs
}

// begin makes the image where it is made, and a copy elsewhere once that passed.
func (s *stage) begin() {
	if s.home {
		s.act(doMake, LevelMade, nil, s.nameClaim())
		return
	}
	home := s.work.Items[string(s.wish.Region)]
	switch {
	case home.Ended() && home.Outcome.Result == plan.Failed && !passed(home.Level):
		s.fail("homeFailed", "the image did not pass in %s", s.wish.Region)
	case passed(home.Level):
		s.act(doCopy, LevelCopied, nil, s.nameClaim())
	default:
		s.wake(lookLater)
	}
}

// nameClaim keeps two imports from making images of one name.
func (s *stage) nameClaim() work.Claim {
	return work.Claim{Thing: "imageName/" + string(s.wish.Account) + "/" + s.item.Name + "/" + s.wish.Image.Name}
}

// passed: the image may be given to others.
func passed(level string) bool {
	return slices.Contains([]string{LevelNamed, LevelShared, LevelReleased}, level)
}

// sent goes by what a look shows of the act that was sent, and reports whether that
// is all for now.
func (s *stage) sent() bool {
	switch s.item.Sent.Do {
	case doMake, doCopy:
		s.making()
	case doLaunch:
		s.launched()
	case doCommand:
		s.commanded()
	case doTerminate:
		s.terminated()
	case doName:
		s.shows(factNamed, yes, LevelNamed)
	case doShare:
		s.shows(factShared, yes, LevelShared)
	case doRelease:
		s.shows(factReleased, string(s.wish.Release.Channel), LevelReleased)
	case doDelete, doPurge:
		s.deleted()
	default:
		s.again()
	}
	return true
}

// shows reaches a level once a fact has a value.
func (s *stage) shows(fact, value, level string) {
	if s.facts[fact] == value {
		s.reach(level)
		s.wake(0)
		return
	}
	switch again, often := s.ignored(); {
	case often:
		if s.item.Sent.Do != doName { // somebody may have got it
			s.note(noteGiven, yes)
		}
		s.fail("notShown", "ECS accepted %s %d times, and it does not show", s.item.Sent.Do, s.item.Tries)
	case !again:
		s.again()
	}
}

// making waits for an image: for its row and for its task.
func (s *stage) making() {
	status, task := s.facts[factImage], s.facts[factTask]
	switch {
	case task == "Failed":
		s.fail("taskFailed", "ECS could not import it: %s", s.facts[factError])
	case status == string(image.StatusCreateFailed):
		s.fail("createFailed", "ECS could not make the image")
	case status == factAvailable && (task == "" || task == "Finished"):
		s.made()
	case status == gone && s.item.Answered == plan.Applied && s.item.Notes[noteImage] != "" && s.settled():
		s.fail("imageGone", "the image %s is no longer there", s.item.Notes[noteImage])
	case task != "" && !slices.Contains([]string{"Waiting", "Processing", "Finished"}, task):
		s.fail("taskEnded", "its task ended as %s, which is not known", task)
	case s.now.After(s.item.Since.Add(makeTime)):
		s.fail("notMadeInTime", "ECS has not made it in %d hours, and was left at it", int(makeTime.Hours()))
	default:
		s.again()
	}
}

// made judges an image that is there: of the same source, or as its original.
func (s *stage) made() {
	switch {
	case s.facts[factDiffers] != "":
		s.fail("copyDiffers", "the copy is not as the image: %s", s.facts[factDiffers])
	case !s.home:
		s.reach(LevelCopied, noteImage, s.facts[noteImage])
		s.wake(0)
	case s.facts[factSource] == "changed":
		s.note(noteImage, s.facts[noteImage], noteDiscard, yes, noteFailed, "sourceChanged", noteSentence, "the source is no longer the one that was checked")
		s.item.Sent = nil
		s.Items = append(s.Items, s.item)
		s.wake(0)
	case s.facts[factSource] != "same":
		s.wake(s.pace()) // whether it changed is not known yet
	default:
		s.reach(LevelMade, noteImage, s.facts[noteImage], noteLikeness, s.facts[factLikeness])
		s.wake(0)
	}
}

// deleted waits until what must not stay is gone.
func (s *stage) deleted() {
	if s.facts[factImage] != gone || s.item.Sent.Do == doPurge && s.facts[factRemains] != no {
		s.left()
		return
	}
	s.item.Sent = nil
	s.Items = append(s.Items, s.item)
	s.wake(0)
}

// left goes on with what was to be deleted and is there.
func (s *stage) left() {
	switch again, often := s.ignored(); {
	case often:
		s.fail(cmp.Or(s.item.Notes[noteFailed], "notShown"), "%s; %s was left: ECS accepts to delete it, and it stays", s.item.Notes[noteSentence], s.item.Notes[noteImage])
	case !again:
		s.again()
	}
}

// discard has an image go that must not stay, and its snapshots after it. Then the
// item ends as what speaks against the image, or begins anew if nothing does.
func (s *stage) discard() {
	code, sentence := s.item.Notes[noteFailed], s.item.Notes[noteSentence]
	switch r := s.item.Refusal; {
	case s.taken():
		if code != "" {
			s.fail(code, "%s", sentence)
			return
		}
		s.reach("", allForgotten()...)
		s.wake(0)
	case r != nil && (!passing(r.Code) || s.item.Tries >= mostTries) && code != "":
		s.fail(code, "%s; %s was left: %s", sentence, s.item.Notes[noteImage], r.Sentence)
	case s.facts[factImage] != gone:
		s.act(doDelete, "", map[string]string{noteSnapshots: s.facts[factSnapshots]})
	default:
		s.act(doPurge, "", map[string]string{notePurged: yes})
	}
}

// taken: the image is gone, and the snapshots that were made with it.
func (s *stage) taken() bool {
	return s.facts[factImage] == gone && (s.item.Notes[noteSnapshots] == "" || s.item.Notes[notePurged] == yes && s.facts[factRemains] == no)
}

// checked waits for the vendor's check, which does not block the image by itself.
func (s *stage) checked() {
	result := s.judged()
	switch {
	case s.facts[factImage] == gone && s.settled():
		s.fail("imageGone", "the image %s is no longer there", s.item.Notes[noteImage])
		return
	case result == "" || s.facts[factImage] == gone:
		s.wake(s.pace())
		return
	}
	s.reach(LevelChecked, noteCheck, string(result))
	s.wake(0)
}

// judged is what the check came to; empty: it goes on.
func (s *stage) judged() Judged {
	over := s.now.After(s.item.Since.Add(checkTime))
	switch {
	case s.facts[factCheck] == "Finished":
		for _, risk := range strings.Split(s.facts[factRisks], ",") {
			if risk != "" && !slices.Contains(s.wish.Check.waived(), risk) {
				return Risks
			}
		}
		return Passed
	case s.facts[factCheck] == "" && s.unchecked():
		return Unavailable
	case over:
		return TimedOut
	}
	return ""
}

// unchecked: the plan says that the vendor does not check this image.
func (s *stage) unchecked() bool { return unchecked(s.work) }

func unchecked(w work.Work) bool {
	for _, kept := range w.Document.Plan.Steps {
		if kept.Action == ActionCheck {
			return slices.ContainsFunc(kept.Reasons, func(r image.Reason) bool { return r.Code == "checkUnavailable" })
		}
	}
	return false
}
