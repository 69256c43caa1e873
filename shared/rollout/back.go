package rollout

import (
	"cmp"
	"fmt"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// giveUp begins to bring an instance whose disk was not replaced back to what it
// was.
func (s *stage) giveUp(code, sentence string, args ...any) {
	if s.item.Notes[noteUndo] != "" { // its new system is not well, and its old one could not be brought back
		s.note(noteUnwell, yes)
	}
	if refusal(code) && s.item.Notes[noteUndo] == "" {
		s.note(noteRefused, yes)
	}
	s.item.Refusal = nil
	s.changed(noteFailed, code, noteSentence, fmt.Sprintf(sentence, args...), noteFailedAt, s.stamp())
}

// refusal: a code of ours that keeps an instance from being replaced, which is no
// failure of the rollout.
func refusal(code string) bool {
	_, ours := remedies()[code]
	return ours || code == "aborted"
}

// unhealthy is for an instance whose new system does not come up well.
func (s *stage) unhealthy(code, sentence string, args ...any) {
	text := fmt.Sprintf(sentence, args...)
	s.item.Refusal, s.item.Sent = nil, nil
	if s.wish.OnUnhealthy == Undo && s.wish.Undoes == "" && s.item.Notes[noteUndo] == "" && s.item.Notes[noteBackup] != "" {
		s.item.Level = ""
		s.changed(
			noteUndo, code, noteSentence, text, noteContent, s.item.Notes[noteBackup], noteDisk, cmp.Or(s.item.Notes[noteNewDisk], s.facts[factDisk]),
			noteNewDisk, "", noteSize, "", noteBackup, "", noteBackupAt, "", noteUpAt, "", noteFirst, "", noteStopAt, "", noteReplaceAt, "", noteStartAt, "", noteInvoke, "", noteProbe, "",
			noteProbeAt, "", notePasses, "",
		)
		return
	}
	if s.item.Notes[noteUndo] != "" {
		code, text = "undoFailed", "its old content was brought back, and is not well either: "+text
	}
	s.note(noteUnwell, yes)
	s.end(plan.Failed, code, "%s", text)
}

// abort brings what is begun to an end, and reports whether that is all: what was
// not replaced is left as it was.
func (s *stage) abort() bool {
	if !s.item.Begun() {
		return true
	}
	if s.is(LevelReplaced) || s.itemSent(doReplace) || s.item.Notes[noteUndo] != "" {
		return false
	}
	s.giveUp("aborted", "the rollout was aborted before its disk was replaced")
	return true
}

// back brings an instance that was not replaced to rest: as it was.
func (s *stage) back() {
	status, lost := s.facts[factStatus], s.item.Notes[noteLost] != ""
	if !lost && s.since(noteFailedAt) > stuckTime && status != string(image.InstanceRunning) && status != string(image.InstanceStopped) {
		s.lose("it is " + status + " for a day")
		return
	}
	if s.sent() && !s.settled() || s.replacedAfterAll() {
		return
	}
	s.rests(status, lost)
}

// rests brings one that nothing is under way of to where it was.
func (s *stage) rests(status string, lost bool) {
	switch {
	case status == gone:
		s.failed()
	case s.spec.ran && !lost && status == string(image.InstanceStopped):
		s.startAgain(func(why image.Reason) { s.lose("ECS does not start it: " + why.Sentence) })
	case s.spec.ran && !lost && status != string(image.InstanceRunning), s.mayStop():
		s.hold(lookSoon)
	default:
		s.undress()
	}
}

// replacedAfterAll goes on with an instance of which ECS refused the replacement, and made
// it all the same.
func (s *stage) replacedAfterAll() bool {
	id := s.facts[factVerified]
	if id == "" || s.item.Notes[noteReplaceAt] == "" || s.is(LevelReplaced) {
		return false
	}
	s.reach(LevelReplaced, noteNewDisk, id, noteFailed, "", noteFailedAt, "", noteRefused, "", noteUnwell, "", noteLost, "")
	return true
}

// mayStop: a stop was asked for and not seen, and may show yet, whatever was answered.
func (s *stage) mayStop() bool {
	return s.spec.ran && s.item.Notes[noteStopAt] != "" && !s.is(LevelStopped) && s.since(noteFailedAt) < 2*showTime
}

// lose gives up that it comes up again. What was done to it is taken back all the same.
func (s *stage) lose(why string) {
	s.item.Sent, s.item.Refusal = nil, nil
	s.changed(noteUnwell, yes, noteLost, yes, noteSentence, s.item.Notes[noteSentence]+"; and "+why)
}

// undress takes back what was done to an instance that is up again, or was not down.
func (s *stage) undress() {
	for _, u := range s.undoings() {
		if !u.needed {
			continue
		}
		if _, ok := s.act(u.do, s.item.Level, nil); !ok {
			s.item.Refusal = nil
			s.changed(u.note, u.value)
		}
		return
	}
	s.failed()
}

// undoing is one thing that was done to an instance, and is taken back. What cannot
// be is noted as if it were.
type undoing struct {
	do          string
	needed      bool
	note, value string
}

func (s *stage) undoings() []undoing {
	notes := s.item.Notes
	own := s.facts[factDisk] == s.disk()
	return []undoing{
		{doUnsecure, own && s.record.Disk.DeleteAutoSnapshot == image.Yes && s.facts[factAuto] == no && notes[noteUnsecured] == "", noteUnsecured, yes},
		{doAfter, s.commitOnly() && s.wish.Hooks.After != "" && notes[noteHooked] == "", noteHooked, yes},
		{doExit, notes[noteStandby] != "" && s.facts[factGroup] == "Standby" && notes[noteUnwell] == "", noteStandby, ""},
		{doTidy, notes[noteFirst] != "" && s.facts[factFirst] != gone, noteFirst, ""},
	}
}

// commitOnly: it was made ready for its stop, and was not stopped.
func (s *stage) commitOnly() bool {
	return s.item.Notes[noteCommitted] != "" && s.item.Notes[noteStopAt] == ""
}

// failed ends an item that was brought to rest.
func (s *stage) failed() {
	code := s.item.Notes[noteFailed]
	if s.item.Notes[noteUndo] != "" {
		code = "undoFailed"
	}
	s.end(plan.Failed, code, "%s", s.item.Notes[noteSentence])
}

// settled waits for what was under way when the item was given up. It reports false
// while it does, and once more when that is over.
func (s *stage) settled() bool {
	status, shown := s.facts[factStatus], s.now.Sub(s.item.Since) > showTime
	accepted := s.item.Answered == plan.Applied
	over := map[string]func() bool{
		doStop: func() bool {
			return status == string(image.InstanceStopped) || status == string(image.InstanceRunning) && shown
		},
		doForce: func() bool { return status == string(image.InstanceStopped) },
		doStart: func() bool { return s.startOver(shown) },
		doExit:  func() bool { return s.facts[factGroup] != "Standby" || shown && accepted },
		doStandby: func() bool {
			s.note(noteStandby, yes)
			return s.facts[factGroup] == "Standby" || shown
		},
		doUnsecure: func() bool { return s.facts[factAuto] != no || shown && accepted },
		doTidy:     func() bool { return s.facts[factFirst] == gone || shown && accepted },
		doAfter:    func() bool { return s.hookOver() },
	}[s.item.Sent.Do]
	switch do := s.item.Sent.Do; {
	case over == nil || over(): // whatever came of another act changes nothing of the instance
		s.settle(do)
	case do == doStop || do == doForce:
		s.hold(lookSoon) // a stop is not asked for again
	default:
		s.again(lookSoon)
	}
	return false
}

// settle notes that an act is over, whether its effect showed or not.
func (s *stage) settle(do string) {
	s.item.Sent = nil
	switch {
	case do == doTidy && s.facts[factFirst] != gone:
		s.note(noteFirst, "")
	case do == doUnsecure && s.facts[factAuto] == no:
		s.note(noteUnsecured, yes)
	case do == doExit && s.facts[factGroup] == "Standby":
		s.note(noteStandby, "")
	case do == doAfter:
		s.note(noteHooked, yes, noteInvoke, "")
	}
	s.changed()
}

// startOver: a start showed, did not in its time, or did not come up.
func (s *stage) startOver(shown bool) bool {
	status := s.facts[factStatus]
	return status == string(image.InstanceRunning) || status == string(image.InstanceStopped) && shown ||
		s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > bootTime
}

func (s *stage) hookOver() bool {
	switch s.facts[factInvoke] {
	case "", "Pending", "Running":
		return s.now.Sub(s.item.Since) > mostHookTime+showTime
	}
	return true
}
