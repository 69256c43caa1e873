// Package plan is how anything here is changed: ordered steps with reasons, a
// digest that names exactly them, and the protocol by which an approved plan is
// carried out once, resumed after a crash, and refused when the world moved.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// Facts are a state of the world as flat keys and values, such as
// "account/1000000000000002" = "shared". A missing key is a fact, too: an
// empty value and a missing key are the same.
type Facts map[string]string

// Epoch is the fact, in the base of a plan, that names the plan which was carried
// out last for the same target: a wish that was carried out never acts again when
// the world comes back to where it was. Before the first there is none.
const Epoch = "epoch"

// Step is one change, or the decision not to change something.
type Step struct {
	// Action is a word of the function's own, e.g. "add", "keep", "refuse".
	Action string `json:"action"`
	// Subject is what it is done to, e.g. an account id.
	Subject string `json:"subject"`
	// Parameters are what the user gave for it, e.g. until.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Reasons say why, for yes and for no.
	Reasons []image.Reason `json:"reasons"`
	// Sets are the facts that are different once it is done. A step that sets
	// nothing changes nothing; a refused one sets what it would.
	Sets Facts `json:"-"`
	// Beside is what is told with it and decides nothing, e.g. what it saves: no digest
	// covers it.
	Beside map[string]string `json:"-"`
	// Refused: the plan as a whole cannot be applied because of this step.
	Refused bool `json:"refused,omitempty"`
	// After names the steps of the same plan that must be done before this one is
	// begun. While one of them is not, this one is left undone.
	After []string `json:"after,omitempty"`
}

// Plan is what would be done, and from which state of the world.
type Plan struct {
	// Target names what the plan is about; plans of one target exclude each other.
	Target string
	// Base is the observed state that the steps start from.
	Base Facts
	// Steps in the order in which they would be done.
	Steps []Step
}

// Changes are the steps that change something.
func (p Plan) Changes() []Step {
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return len(s.Sets) == 0 || s.Refused })
}

// Refusals are the steps that keep the plan from being applied.
func (p Plan) Refusals() []Step {
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return !s.Refused })
}

// Name identifies a step within its plan.
func (s Step) Name() string { return s.Action + " " + s.Subject }

// Done reports whether the world already is as the step would make it.
func (s Step) Done(now Facts) bool {
	for k, v := range s.Sets {
		if now[k] != v {
			return false
		}
	}
	return true
}

// canonical is what a digest covers: what is done to what, from which state,
// with which parameters, and by which reason codes. Sentences, prices, evidence
// and times of observation are not in it.
type canonical struct {
	Target string          `json:"target"`
	Base   Facts           `json:"base"`
	Steps  []canonicalStep `json:"steps"`
}

type canonicalStep struct {
	Action     string            `json:"action"`
	Subject    string            `json:"subject"`
	Parameters map[string]string `json:"parameters"`
	Codes      []string          `json:"codes"`
	Sets       Facts             `json:"sets"`
	Refused    bool              `json:"refused"`
	After      []string          `json:"after,omitempty"`
}

// Digest is the SHA-256 of the plan's canonical form, in lower-case hex. It does
// not depend on the order of steps or reasons.
func (p Plan) Digest() string {
	c := canonical{Target: p.Target, Base: compact(p.Base), Steps: make([]canonicalStep, 0, len(p.Steps))}
	for _, s := range p.Steps {
		codes := make([]string, 0, len(s.Reasons))
		for _, r := range s.Reasons {
			codes = append(codes, r.Code)
		}
		slices.Sort(codes)
		after := slices.Sorted(slices.Values(s.After))
		c.Steps = append(c.Steps, canonicalStep{s.Action, s.Subject, orEmpty(s.Parameters), slices.Compact(codes), orEmpty(s.Sets), s.Refused, slices.Compact(after)})
	}
	slices.SortFunc(c.Steps, func(a, b canonicalStep) int {
		return cmp.Or(strings.Compare(a.Action, b.Action), strings.Compare(a.Subject, b.Subject), slices.Compare(a.Codes, b.Codes))
	})
	text, err := json.Marshal(c)
	if err != nil { // maps and slices of strings have no way to fail
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// orEmpty is m, and an empty map for none: a plan that comes out of a log has the
// digest with which it went in.
func orEmpty[M ~map[string]string](m M) M {
	if m == nil {
		return M{}
	}
	return m
}

// compact drops empty values, which are the same as missing keys.
func compact(f Facts) Facts {
	c := make(Facts, len(f))
	for k, v := range f {
		if v != "" {
			c[k] = v
		}
	}
	return c
}

// Difference is one fact that is not as it was.
type Difference struct {
	// Fact: what is different.
	Fact string `json:"fact"`
	// Was: the value that the plan started from; empty: there was none.
	Was string `json:"was"`
	// Is: the value now; empty: there is none.
	Is string `json:"is"`
}

// Differences between two states, in the order of the facts.
func Differences(was, is Facts) []Difference {
	keys := maps.Clone(compact(was))
	maps.Copy(keys, compact(is))
	var found []Difference
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if was[k] != is[k] {
			found = append(found, Difference{Fact: k, Was: was[k], Is: is[k]})
		}
	}
	return found
}

// goal is the state of the world once all steps are done, those that are refused
// among them: what was asked for. It is that of the epoch which the plan begins.
func (p Plan) goal() Facts {
	goal := maps.Clone(compact(p.Base))
	for _, s := range p.Steps {
		maps.Copy(goal, s.Sets)
	}
	goal[Epoch] = p.Digest()
	return goal
}

// sameWish: neither of two plans about one target changes anything to what the
// other would not have it, so that both ask for the same, each from its own state
// of the world.
func sameWish(a, b Plan) bool { return a.within(b.goal()) && b.within(a.goal()) }

// within: no step sets a fact to what it is not in a goal.
func (p Plan) within(goal Facts) bool {
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.Done(goal) })
}

// unexplained are the differences that no step of the plan made. That a part of
// it was finished begins another epoch of that part.
func (p Plan) unexplained(now Facts) []Difference {
	finished := Facts{Epoch: now[Epoch]} // nobody but its own log tells of it
	for _, part := range p.Parts() {
		finished[part.Target+joint+Epoch] = part.Digest()
	}
	return slices.DeleteFunc(Differences(p.Base, now), func(d Difference) bool {
		if v, ours := finished[d.Fact]; ours && v == d.Is {
			return true
		}
		return slices.ContainsFunc(p.Steps, func(s Step) bool {
			v, sets := s.Sets[d.Fact]
			return sets && v == d.Is
		})
	})
}
