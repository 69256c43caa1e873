package sharing

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Event is one line of an image's story.
type Event struct {
	// At: when.
	At time.Time `json:"at"`
	// Kind is that of the entry, e.g. "approved".
	Kind plan.EntryKind `json:"kind"`
	// Digest names the plan.
	Digest string `json:"digest"`
	// By is who asked for it, where somebody did.
	By string `json:"by,omitempty"`
	// Sentence says it for people.
	Sentence string `json:"sentence"`
}

// Tell tells a log as a story, a line for each entry, oldest first.
func Tell(entries []plan.Entry) []Event {
	story := make([]Event, 0, len(entries))
	for _, e := range entries {
		story = append(story, Event{At: e.At, Kind: e.Kind, Digest: e.Digest, By: e.By, Sentence: sentence(e)})
	}
	return story
}

func sentence(e plan.Entry) string {
	switch e.Kind {
	case plan.Proposed:
		return fmt.Sprintf("%s proposed, and another one has to approve: %s", e.By, changesOf(e.Plan))
	case plan.Approved:
		if e.First != "" {
			return fmt.Sprintf("%s approved what %s had proposed: %s", e.By, e.First, changesOf(e.Plan))
		}
		return fmt.Sprintf("%s approved: %s", e.By, changesOf(e.Plan))
	case plan.Resumed:
		return fmt.Sprintf("%s asked again, and the work went on", e.By)
	case plan.Intended:
		return "about to " + strings.Join(e.Steps, ", ")
	case plan.Happened:
		return outcomesOf(e.Outcomes)
	case plan.Released:
		return "stopped with work left: " + outcomesOf(e.Outcomes)
	}
	return "finished: " + outcomesOf(e.Outcomes)
}

// changesOf says what an approved plan changes.
func changesOf(p *plan.Stored) string {
	var said []string
	for _, s := range p.Steps {
		if len(s.Sets) == 0 || s.Refused {
			continue
		}
		line := s.Name()
		if until := s.Parameters["until"]; until != "" && s.Action != Take {
			line += " until " + until + ", then " + s.Parameters["onExpiry"]
		}
		if reason := s.Parameters["reason"]; reason != "" {
			line += fmt.Sprintf(" (%s)", reason)
		}
		for _, why := range s.Reasons {
			if s.Action == Take {
				line += ", as " + why.Sentence
			}
		}
		said = append(said, line)
	}
	return strings.Join(said, "; ")
}

func outcomesOf(outcomes []plan.Outcome) string {
	if len(outcomes) == 0 {
		return "nothing was left to do"
	}
	said := make([]string, 0, len(outcomes))
	for _, o := range outcomes {
		line := o.Step + ": " + string(o.Result)
		if o.Why != nil {
			line += " (" + o.Why.Sentence + ")"
		}
		said = append(said, line)
	}
	return strings.Join(said, "; ")
}

// Told is what became of one step, as the API says it.
type Told struct {
	// Action: that of the step.
	Action    string          `json:"action"`
	RegionID  image.RegionID  `json:"regionId"`
	ImageID   image.ID        `json:"imageId"`
	AccountID image.AccountID `json:"accountId,omitempty"`
	Result    plan.Result     `json:"result"`
	Reason    *image.Reason   `json:"reason,omitempty"`
	// Permission is the action that was refused, as RAM names it, if that is why.
	Permission string `json:"permission,omitempty"`
}

// About is the image that a step of a plan about asked is about, with its target,
// the step as that image's plan has it, and its account, if it is about one.
func About(s plan.Step, asked image.Ref) (ref image.Ref, target string, own plan.Step, account image.AccountID) {
	target, own = s.Part()
	ref = asked
	if of, ok := Subject(target); ok {
		ref = of
	}
	if own.Subject != string(ref.ID) {
		account = image.AccountID(own.Subject)
	}
	return ref, cmp.Or(target, Target(ref)), own, account
}
