package plan

import (
	"maps"
	"slices"
	"strings"
)

// joint stands between the target of a part and what the part itself says. No
// target has it.
const joint = "|"

// Join makes one plan of several: one digest, one approval. Its steps are those
// of the parts, part by part, their subjects and facts preceded by the part's
// target. Do of a joined plan carries out each of its Parts by a Work of its own.
func Join(target string, parts ...Plan) Plan {
	p := Plan{Target: target, Base: Facts{}}
	for _, part := range parts {
		for key, value := range part.Base {
			p.Base[part.Target+joint+key] = value
		}
		for _, s := range part.Steps {
			s.Subject, s.Sets, s.After = part.Target+joint+s.Subject, preceded(part.Target, s.Sets), renamed(s.After, func(subject string) string { return part.Target + joint + subject })
			p.Steps = append(p.Steps, s)
		}
	}
	return p
}

func preceded(target string, facts Facts) Facts {
	if facts == nil {
		return nil
	}
	joined := make(Facts, len(facts))
	for key, value := range facts {
		joined[target+joint+key] = value
	}
	return joined
}

// renamed are names of steps with other subjects.
func renamed(names []string, subject func(string) string) []string {
	var changed []string
	for _, name := range names {
		action, of, _ := strings.Cut(name, " ")
		changed = append(changed, Step{Action: action, Subject: subject(of)}.Name())
	}
	return changed
}

// own is the subject of a step as its part has it.
func own(subject string) string {
	_, rest, _ := strings.Cut(subject, joint)
	return rest
}

// Parts are the plans that p was joined of, in the order of their targets; none
// if it was not.
func (p Plan) Parts() []Plan {
	parts := map[string]*Plan{}
	part := func(joined string) (*Plan, string) {
		target, rest, found := strings.Cut(joined, joint)
		if !found {
			return &Plan{Base: Facts{}}, ""
		}
		if parts[target] == nil {
			parts[target] = &Plan{Target: target, Base: Facts{}}
		}
		return parts[target], rest
	}
	for _, key := range slices.Sorted(maps.Keys(p.Base)) {
		of, fact := part(key)
		of.Base[fact] = p.Base[key]
	}
	for _, s := range p.Steps {
		of, subject := part(s.Subject)
		s.Subject, s.After = subject, renamed(s.After, own)
		if s.Sets != nil {
			own := Facts{}
			for key, value := range s.Sets {
				_, fact, _ := strings.Cut(key, joint)
				own[fact] = value
			}
			s.Sets = own
		}
		of.Steps = append(of.Steps, s)
	}
	var list []Plan
	for _, target := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, *parts[target])
	}
	return list
}

// Part is the target that a step of a joined plan belongs to, and the step as
// that part has it. The target of any other step is empty.
func (s Step) Part() (target string, part Step) {
	target, subject, found := strings.Cut(s.Subject, joint)
	if !found {
		return "", s
	}
	part = s
	part.Subject, part.After = subject, renamed(s.After, own)
	return target, part
}
