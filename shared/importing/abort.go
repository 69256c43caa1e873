package importing

import (
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Released reports whether somebody may have got an image of a work: from then on
// it goes through cleanup only.
func Released(w work.Work) bool {
	home := ""
	if names := w.Names(); len(names) > 0 {
		home = names[0]
	}
	for _, i := range w.Items {
		given := slices.Contains([]string{LevelShared, LevelReleased}, i.Level) || i.Name != home && i.Level != "" || i.Notes[noteGiven] == yes
		giving := i.Sent != nil && slices.Contains([]string{doShare, doRelease, doCopy}, i.Sent.Do)
		if given || giving && (i.Name != home || i.Sent.Do != doCopy) || i.Outcome.Result == plan.Applied {
			return true
		}
	}
	return false
}

// abort takes an item back: the test's instance, the task, the image, and with it
// its snapshots. What cannot be taken back is said.
func (s *stage) abort() {
	status := s.facts[factImage]
	switch {
	case !s.item.Begun():
		s.fail("aborted", "it was not begun")
	case s.item.Refusal != nil && s.item.Notes[noteAborting] != s.work.Digest: // of what it was about to do
		s.item.Refusal = nil
		s.note(noteAborting, s.work.Digest)
		s.Items = append(s.Items, s.item)
		s.wake(0)
	case s.doubtful():
		s.again() // asked with the same token, ECS tells
	case s.item.Notes[noteInstance] != "" && s.facts[factInstance] != gone:
		s.undo(doTerminate)
	case s.unfinished():
		s.undo(doCancel)
	case status == "", s.taken():
		s.fail("aborted", "everything that was made is gone")
	case status == gone:
		s.undo(doPurge)
	case s.facts[factUsed] == no:
		s.undo(doDelete)
	default:
		s.fail("aborted", "the image %s was left: whether it is used by nobody is not known", s.item.Notes[noteImage])
	}
}

// doubtful: whether something was made is not known, and nothing of it shows.
func (s *stage) doubtful() bool {
	sent := s.item.Sent
	return sent != nil && slices.Contains([]string{doMake, doCopy, doLaunch}, sent.Do) && (s.item.Answered != plan.Applied || !s.settled()) &&
		s.hidden(sent.Do)
}

// hidden: what was asked for does not show, or not yet.
func (s *stage) hidden(do string) bool {
	status := s.facts[factImage]
	if do == doLaunch {
		status = s.facts[factInstance]
	}
	return status == "" || status == gone
}

// unfinished: ECS is still at it, so that the image cannot be deleted.
func (s *stage) unfinished() bool {
	return slices.Contains([]string{"Waiting", "Processing"}, s.facts[factTask]) ||
		slices.Contains([]string{string(image.StatusCreating), string(image.StatusWaiting)}, s.facts[factImage])
}

// undo asks for a call that takes something back; one that is refused too often
// leaves it, and says so.
func (s *stage) undo(do string) {
	if s.item.Sent != nil && s.item.Sent.Do == do {
		switch again, often := s.ignored(); {
		case often:
			s.fail("aborted", "something was left: ECS accepts to take it back, and it stays")
		case !again:
			s.again()
		}
		return
	}
	if r := s.item.Refusal; r != nil && (!passing(r.Code) || s.item.Tries >= 2*mostTries) {
		s.fail("aborted", "something was left: %s", r.Sentence)
		return
	}
	if s.early() {
		return
	}
	if s.item.Sent != nil { // the act is given up: what it made is taken back now
		s.item.Sent = nil
		s.Items = append(s.Items, s.item)
	}
	notes := map[string]string{noteAborting: s.work.Digest}
	switch do {
	case doCancel, doDelete:
		notes[noteSnapshots] = s.facts[factSnapshots]
	case doPurge:
		notes[notePurged] = yes
	}
	s.Acts = append(s.Acts, work.Act{Item: s.item.Name, Do: do, Level: s.item.Level, Notes: notes})
	s.wake(s.pace())
}
