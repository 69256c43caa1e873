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
	s.changed(noteFailed, code, noteSentence, fmt.Sprintf(sentence, args...))
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
			noteNewDisk, "", noteBackup, "", noteFirst, "", noteStopAt, "", noteReplaceAt, "", noteStartAt, "", noteInvoke, "", noteProbe, "",
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
	if s.sent() && !s.settled() {
		return
	}
	status := s.facts[factStatus]
	switch {
	case status == gone:
		s.failed()
	case s.spec.ran && status == string(image.InstanceStopped):
		s.startAgain(func(why image.Reason) {
			s.note(noteUnwell, yes, noteSentence, s.item.Notes[noteSentence]+"; and ECS does not start it: "+why.Sentence)
			s.failed()
		})
	case s.spec.ran && status != string(image.InstanceRunning):
		s.hold(lookSoon)
	default:
		s.undress()
	}
}

// undress takes back what was done to an instance that is up again, or was not down.
func (s *stage) undress() {
	r := recordOf(s.item)
	own := s.facts[factDisk] == s.disk()
	switch {
	case own && r.Disk.DeleteAutoSnapshot == image.Yes && s.facts[factAuto] == no && s.item.Notes[noteUnsecured] == "":
		if _, ok := s.act(doUnsecure, s.item.Level, nil); !ok {
			s.item.Refusal = nil
			s.changed(noteUnsecured, yes)
		}
	case s.item.Notes[noteCommitted] != "" && s.item.Notes[noteStopAt] == "" && s.wish.Hooks.After != "" && s.item.Notes[noteHooked] == "":
		if _, ok := s.act(doAfter, s.item.Level, nil); !ok {
			s.item.Refusal = nil
			s.changed(noteHooked, yes)
		}
	case s.item.Notes[noteStandby] != "" && s.facts[factGroup] == "Standby" && s.item.Notes[noteUnwell] == "":
		if _, ok := s.act(doExit, s.item.Level, nil); !ok {
			s.item.Refusal = nil
			s.changed(noteStandby, "")
		}
	case s.item.Notes[noteFirst] != "" && s.facts[factFirst] != gone:
		if _, ok := s.act(doTidy, s.item.Level, nil); !ok {
			s.item.Refusal = nil
			s.changed(noteFirst, "")
		}
	default:
		s.failed()
	}
}

// failed ends an item that was brought to rest.
func (s *stage) failed() {
	code := s.item.Notes[noteFailed]
	if s.item.Notes[noteUndo] != "" {
		code = "undoFailed"
	}
	s.end(plan.Failed, code, "%s", s.item.Notes[noteSentence])
}

// settled waits for what was under way when the item was given up, and reports
// whether nothing is any more.
func (s *stage) settled() bool {
	over := false
	shown := s.now.Sub(s.item.Since) > showTime
	switch s.item.Sent.Do {
	case doStop, doForce:
		over = s.facts[factStatus] == string(image.InstanceStopped) || s.facts[factStatus] == string(image.InstanceRunning) && shown
		if !over {
			s.hold(lookSoon)
			return false
		}
	case doStart:
		over = s.facts[factStatus] == string(image.InstanceRunning) || s.facts[factStatus] == string(image.InstanceStopped) && shown ||
			s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > bootTime
	case doExit:
		over = s.facts[factGroup] != "Standby" || shown && s.item.Answered == plan.Applied
	case doStandby:
		over = s.facts[factGroup] == "Standby" || shown
		s.note(noteStandby, yes)
	case doUnsecure:
		over = s.facts[factAuto] != no
	case doTidy:
		over = s.facts[factFirst] == gone || shown && s.item.Answered == plan.Applied
		if over && s.facts[factFirst] != gone {
			s.note(noteFirst, "")
		}
	case doAfter:
		_, over = s.command(doAfter)
		if over {
			s.note(noteHooked, yes, noteInvoke, "")
		}
		if !over {
			return false
		}
	default:
		over = true // whatever came of it changes nothing of the instance
	}
	if !over {
		s.again(lookSoon)
		return false
	}
	s.item.Sent = nil
	s.changed()
	return false
}

// pointer moves something else that pointed at the old image.
func (s *stage) pointer() {
	if !s.item.Begun() && (!s.mayBegin(s.spec.wave)) {
		return
	}
	switch {
	case s.facts[factCurrent] == string(s.spec.to) && (s.sent() || s.item.Begun()):
		s.end(plan.Applied, "", "")
	case s.facts[factCurrent] == string(s.spec.to):
		s.end(plan.Already, "already", "it points at %s", s.spec.to)
	case s.sent():
		s.again(lookSoon)
	default:
		if why, ok := s.act(s.spec.action, LevelFinished, nil); !ok {
			s.note(noteRefused, yes)
			s.end(plan.Failed, why.Code, "%s", why.Sentence)
		}
	}
}
