package selection

import (
	"math/bits"
	"slices"
	"strings"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Types are the facts about the instance type that a query names, per region.
// A region that was read and is absent does not have the type.
type Types map[image.RegionID]image.InstanceType

// Why an image that fits is not the one to use.
const (
	CodeNotTrusted = "ownerNotTrusted" // it is a stranger's
	CodeNotStable  = "notStable"       // an import made it, and nobody made it stable
)

// The tags by which an import tells what it made, which family that is for, and how
// far it is.
const (
	tagImport  = "imagekeeper:import"
	tagFamily  = "imagekeeper:family"
	tagChannel = "imagekeeper:channel"
)

// Stable is the channel of images for everybody, Candidate of those that are tried.
const (
	Stable    = "stable"
	Candidate = "candidate"
)

// Verdict is what was decided about one image.
type Verdict struct {
	Sighting
	// objections is a set of positions in the rules of the judge.
	objections uint64
	// cost is what its licence costs; nil if it was not priced.
	cost *Cost
	// stranger: it is of an account that is neither ours, nor trusted, nor named.
	stranger bool
	// pending: an import made it, it is not stable, and no channel was asked for.
	pending bool
}

// aside: it is not the one to use, however new it is, and comes after all others.
func (v Verdict) aside() bool { return v.stranger || v.pending }

// Fits reports whether nothing speaks against the image.
func (v Verdict) Fits() bool { return v.objections == 0 }

// Judge holds a query, prepared so that judging an image costs no memory.
// It is safe for concurrent use.
type Judge struct {
	query Query
	glob  string // the name in lower case
	// platform is that which is asked for.
	platform platform
	types    Types
	rules    []rule

	costs    map[Key]*Cost
	classes  map[Key]Class
	currency money.Currency
	// trusted are the accounts whose images may be the one to use.
	trusted map[image.AccountID]bool
}

// rule is one thing that a query can ask of an image.
type rule struct {
	// no and yes are the codes of an objection and of its absence. A rule
	// without a yes is the fine print of another one.
	no, yes string
	// asked: the query cares.
	asked func(q *Query) bool
	// last: the rule only speaks about what fits by all rules before it.
	last bool
	// objects: the image does not fit.
	objects func(j *Judge, s *Sighting) bool
	// saysNo and saysYes are the sentences.
	saysNo, saysYes func(j *Judge, s *Sighting) string
}

// NewJudge prepares to judge by q, which must be complete. types is nil unless
// q names an instance type.
func NewJudge(q Query, types Types) *Judge {
	j := &Judge{query: q, glob: strings.ToLower(q.Name), platform: platformOf(q.Platform), types: types}
	for _, list := range [][]rule{identityRules(), systemRules(), bootRules(), contentRules(), stateRules(), timeRules(), costRules()} {
		for _, r := range list {
			if r.asked(&q) {
				j.rules = append(j.rules, r)
			}
		}
	}
	return j
}

// knowing lets the judge know what licences cost, and which accounts are ours.
func (j *Judge) knowing(seen Observed) *Judge {
	j.costs, j.classes, j.currency, j.trusted = seen.Costs, seen.Classes, seen.Currency, map[image.AccountID]bool{}
	for _, a := range slices.Concat(seen.Ours, j.query.Trusted, one(j.query.Owner)) {
		j.trusted[a] = a != ""
	}
	return j
}

// stranger: the image is of an account that is neither ours, nor trusted, nor
// named. Anybody can share or publish an image with any name and family.
func (j *Judge) stranger(s *Sighting) bool {
	others := s.Kind == image.KindShared || s.Kind == image.KindCommunity
	return others && !j.trusted[s.Owner] && !slices.Contains(j.query.IDs, s.ID)
}

// pending: an import made the image, and it is not stable. One that is named, or asked
// for by its channel, is meant.
func (j *Judge) pending(s *Sighting) bool {
	return s.Tags[tagImport] != "" && s.Tags[tagChannel] != Stable && j.query.Channel == "" && !slices.Contains(j.query.IDs, s.ID)
}

// Verdict decides about one image.
func (j *Judge) Verdict(s *Sighting) Verdict {
	if s.Granted != nil && !slices.Contains(j.query.Kinds, s.Kind) && slices.Contains(j.query.Kinds, image.KindShared) {
		granted := *s // who asks for what is shared asks those that it is shared with
		granted.Image = s.Granted
		s = &granted
	}
	v := Verdict{Sighting: *s, cost: j.costOf(s), stranger: j.stranger(s), pending: j.pending(s)}
	for i := range j.rules {
		if r := &j.rules[i]; (!r.last || v.objections == 0) && r.objects(j, s) {
			v.objections |= 1 << i
		}
	}
	return v
}

// Sort decides about every image and returns those that fit in the query's
// order, and the rest in no particular order. Every sighting is in exactly one
// of the two.
func (j *Judge) Sort(sightings []Sighting) (fit, passed []Verdict) {
	for i := range sightings {
		v := j.Verdict(&sightings[i])
		switch {
		case v.Fits():
			fit = append(fit, v)
		case j.query.Explain:
			passed = append(passed, v)
		}
	}
	sortBy(fit, j.query.Order)
	return fit, passed
}

// Why returns the reasons of v: all objections, or what was asked and found.
func (j *Judge) Why(v Verdict) []image.Reason {
	var why []image.Reason
	for i := range j.rules {
		r, objects := &j.rules[i], v.objections&(1<<i) != 0
		switch {
		case objects:
			why = append(why, image.Reason{Code: r.no, Sentence: r.saysNo(j, &v.Sighting)})
		case v.Fits() && r.yes != "":
			why = append(why, image.Reason{Code: r.yes, Sentence: r.saysYes(j, &v.Sighting)})
		}
	}
	if v.stranger {
		why = append(why, image.Reason{Code: CodeNotTrusted, Sentence: "account " + string(v.Owner) +
			" owns it, which is not among those that are looked at: anybody can share an image of any name; owner= or TRUSTED_OWNERS makes it one to use"})
	}
	if v.pending {
		why = append(why, image.Reason{Code: CodeNotStable, Sentence: "an import made it, and nobody has made it stable: PUT /releases/{family} does"})
	}
	return why
}

// objectionCount is how far v is from fitting.
func (v Verdict) objectionCount() int { return bits.OnesCount64(v.objections) }
