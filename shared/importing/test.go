package importing

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// test boots the image if that is wished, and lets nothing pass that may not.
func (s *stage) test() {
	if code := s.item.Notes[noteFailed]; code != "" {
		s.act(doTerminate, s.item.Level, nil)
		return
	}
	switch {
	case s.item.Level == LevelChecked && s.wish.Test != nil:
		s.act(doLaunch, LevelLaunched, map[string]string{noteLaunched: s.now.UTC().Format(time.RFC3339)})
	case s.item.Level == LevelChecked:
		s.passes(LevelTested)
	case s.item.Level == LevelLaunched:
		s.booted()
	default:
		s.act(doTerminate, LevelTested, nil)
	}
}

// passes lets an image go on if the check allows it: passed, or unavailable and
// booted. An image that nobody is to get needs neither.
func (s *stage) passes(level string) {
	check, booted := Judged(s.item.Notes[noteCheck]), s.wish.Test != nil
	switch {
	case s.stableByRule() && (check != Passed || !booted || len(s.wish.Check.waived()) > 0):
		s.fail("notChecked", "the check is %s: a rule releases to stable only what passed it with nothing waived, and a boot test", check)
	case check == Passed, check == Unavailable && booted, s.wish.Release == nil && check != Risks:
		s.reach(level)
		s.wake(0)
	case check == Risks:
		s.fail("checkRisks", "the vendor's check found items at high risk: %s", s.facts[factRisks])
	default:
		s.fail("notChecked", "the check is %s, and the image did not pass a boot test either", check)
	}
}

// stableByRule: nobody but a rule approved that everybody gets the image.
func (s *stage) stableByRule() bool {
	if s.wish.Release == nil || s.wish.Release.Channel != Stable {
		return false
	}
	return !slices.ContainsFunc(s.work.Approvals, func(a work.Approval) bool { return !strings.HasPrefix(a.By, approvedByRule) })
}

// approvedByRule begins whom a work names that a rule has approved.
const approvedByRule = "rule:"

// booted waits for the instance and its Cloud Assistant.
func (s *stage) booted() {
	switch {
	case s.facts[factInstance] == gone:
		s.fail("bootFailed", "the instance of the test is gone")
	case s.facts[factInstance] == string(image.InstanceRunning) && s.facts[factAlive] == yes && s.wish.Test.Command == "":
		s.act(doTerminate, LevelTested, nil)
	case s.facts[factInstance] == string(image.InstanceRunning) && s.facts[factAlive] == yes:
		s.act(doCommand, LevelCommanded, nil)
	case s.late():
		if s.facts[factInstance] == string(image.InstanceRunning) {
			s.broken("assistantSilent", "the instance runs, and its Cloud Assistant did not answer in time")
			return
		}
		s.broken("bootFailed", "the instance did not come up in time")
	default:
		s.wake(s.pace())
	}
}

// late: the time of the test is over.
func (s *stage) late() bool {
	began, err := time.Parse(time.RFC3339, s.item.Notes[noteLaunched])
	return err != nil || s.now.After(began.Add(s.wish.Test.Timeout.Or(testTime)))
}

// broken remembers why a test failed until its instance is gone.
func (s *stage) broken(code, sentence string) {
	s.item.Sent, s.item.Refusal = nil, nil
	s.note(noteFailed, code, noteSentence, sentence)
	s.Items = append(s.Items, s.item)
	s.Acts = append(s.Acts, work.Act{Item: s.item.Name, Do: doTerminate, Level: s.item.Level})
	s.wake(s.pace())
}

// launched waits until the instance shows.
func (s *stage) launched() {
	switch {
	case s.facts[factInstance] != "" && s.facts[factInstance] != gone:
		s.reach(LevelLaunched, noteInstance, s.facts[noteInstance])
		s.wake(s.pace())
	case s.facts[factInstance] == gone && s.item.Answered == plan.Applied && s.late():
		s.fail("bootFailed", "the instance of the test never showed")
	default:
		s.again()
	}
}

// commanded waits for the end of the command.
func (s *stage) commanded() {
	switch status := s.facts[factInvoke]; {
	case s.facts[factInstance] == gone:
		s.fail("bootFailed", "the instance of the test is gone")
	case status == "Success" && s.facts[factExit] == "0":
		s.reach(LevelCommanded)
		s.wake(0)
	case slices.Contains([]string{"", "Pending", "Scheduled", "Running", "Stopping"}, status):
		if s.late() {
			s.broken("commandTimedOut", "the command did not end in time")
			return
		}
		s.again()
	default:
		s.broken("commandFailed", "the command ended as "+status+" with "+s.facts[factExit])
	}
}

// terminated waits until the instance of the test is gone.
func (s *stage) terminated() {
	if s.facts[factInstance] != gone {
		s.stays()
		return
	}
	if code := s.item.Notes[noteFailed]; code != "" {
		s.fail(code, "%s", s.item.Notes[noteSentence])
		return
	}
	s.item.Sent = nil
	s.passes(LevelTested)
}

// stays goes on with the instance of a test that was to be deleted and is there.
func (s *stage) stays() {
	switch again, often := s.ignored(); {
	case often:
		s.fail(cmp.Or(s.item.Notes[noteFailed], "notShown"), "%s; the instance %s of the test was left, and ECS deletes it by itself", s.item.Notes[noteSentence], s.item.Notes[noteInstance])
	case !again:
		s.again()
	}
}

// share gives the image to others, if that is wished.
func (s *stage) share() {
	if s.wish.Release == nil || s.wish.Release.Share == nil {
		s.release()
		return
	}
	s.act(doShare, LevelShared, nil)
}

// release puts the image into its channel, if that is wished, and ends the item.
func (s *stage) release() {
	if s.wish.Release == nil || s.wish.Release.Channel == "" || s.item.Level == LevelReleased {
		s.end(plan.Applied, "", "")
		return
	}
	s.act(doRelease, LevelReleased, nil)
}
