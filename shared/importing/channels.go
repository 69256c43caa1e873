package importing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Retired is what the tag says of an image that was in a channel and is in none.
const Retired = "retired"

// withdrawnSuffix is what the family of a newer image ends in once stable was set
// back before it: ECS resolves a family to its newest image, and a family cannot
// be cleared.
const withdrawnSuffix = "-withdrawn"

// The actions of a release.
const (
	ActionPromote  = "promote"
	ActionRetire   = "retire"
	ActionWithdraw = "withdraw"
	ActionKeep     = "keep"
	ActionRefuse   = "refuse"
)

// Assigned is the image of a channel in one region.
type Assigned struct {
	Region image.RegionID `json:"regionId"`
	Image  image.ID       `json:"imageId"`
	// Since is when it became that.
	Since time.Time `json:"since"`
	// By is who said so.
	By string `json:"by"`
}

// ReleaseTarget is the log of the channels of a family.
func ReleaseTarget(family image.Family) string { return "release/" + string(family) }

// Channels are the images of each channel, as the log of a family tells.
func Channels(entries []plan.Entry) map[Channel]map[image.RegionID]Assigned {
	now := map[Channel]map[image.RegionID]Assigned{Candidate: {}, Stable: {}}
	for _, a := range History(entries) {
		now[a.Channel][a.Region] = a.Assigned
	}
	return now
}

// Promotion is one time that an image became that of a channel.
type Promotion struct {
	Channel Channel `json:"channel"`
	Assigned
	// Reason: why, for people.
	Reason string `json:"reason,omitempty"`
}

// History has every promotion of a family, oldest first.
func History(entries []plan.Entry) []Promotion {
	plans, approved, told := map[string]*plan.Stored{}, map[string]string{}, map[string]bool{}
	var all []Promotion
	for _, e := range entries {
		if e.Kind == plan.Approved && e.Plan != nil {
			plans[e.Digest], approved[e.Digest] = e.Plan, e.By
		}
		for _, o := range e.Outcomes {
			// The last entry of a plan has all of its outcomes once more.
			if p := plans[e.Digest]; p != nil && o.Done() && !told[e.Digest+" "+o.Step] {
				told[e.Digest+" "+o.Step] = true
				all = append(all, promotions(p, o, e.At, approved[e.Digest])...)
			}
		}
	}
	return all
}

// promotions are those that one outcome tells.
func promotions(p *plan.Stored, o plan.Outcome, at time.Time, by string) []Promotion {
	var all []Promotion
	for _, s := range p.Steps {
		if s.Name() != o.Step {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(s.Sets)) {
			c, region, _ := strings.Cut(key, "/")
			if Channel(c) == Candidate || Channel(c) == Stable {
				all = append(all, Promotion{Channel(c), Assigned{image.RegionID(region), image.ID(s.Sets[key]), at, by}, s.Parameters["reason"]})
			}
		}
	}
	return all
}

// Sighted is what was seen for one image of a release.
type Sighted struct {
	// Image as its owner sees it; nil: no account of ours owns one of that id there.
	Image *image.Image
	// Passed: an import of ours made it, and it passed everything.
	Passed image.Tri
	// Family are the images of ours in that region that are of the family.
	Family []image.Image
}

// ReleaseWish is which images are to be those of a channel.
type ReleaseWish struct {
	Family  image.Family
	Channel Channel
	Images  map[image.RegionID]image.ID
	// Adopt takes images that no import made.
	Adopt bool
	// Reason is why, for people.
	Reason string
}

// PlanRelease decides. now are the channels as the log tells; seen has an entry for
// every region of the wish.
func PlanRelease(w ReleaseWish, now map[Channel]map[image.RegionID]Assigned, seen map[image.RegionID]Sighted) plan.Plan {
	p := plan.Plan{Target: ReleaseTarget(w.Family), Base: plan.Facts{}}
	for c, regions := range now {
		for region, a := range regions {
			p.Base[string(c)+"/"+string(region)] = string(a.Image)
		}
	}
	for _, region := range slices.Sorted(maps.Keys(seen)) {
		for _, i := range seen[region].Family {
			if tag := i.Tags[TagChannel]; tag != "" {
				p.Base[tagFact(region, i.ID)] = tag
			}
			p.Base[familyFact(region, i.ID)] = string(i.Family)
		}
	}
	for _, region := range slices.Sorted(maps.Keys(w.Images)) {
		p.Steps = append(p.Steps, w.inRegion(region, now, seen[region], p.Base)...)
	}
	return p
}

func tagFact(r image.RegionID, id image.ID) string { return "tag/" + string(r) + "/" + string(id) }

func familyFact(r image.RegionID, id image.ID) string {
	return "family/" + string(r) + "/" + string(id)
}

// inRegion are the steps of one region.
func (w ReleaseWish) inRegion(region image.RegionID, now map[Channel]map[image.RegionID]Assigned, seen Sighted, base plan.Facts) []plan.Step {
	id := w.Images[region]
	promote := plan.Step{
		Action: ActionPromote, Subject: string(region) + "/" + string(id),
		Sets: plan.Facts{string(w.Channel) + "/" + string(region): string(id), tagFact(region, id): w.tag(region, now, id)},
	}
	for name, value := range map[string]string{"reason": w.Reason, "adopt": map[bool]string{true: "true"}[w.Adopt]} {
		if value != "" {
			promote.Parameters = with(promote.Parameters, name, value)
		}
	}
	if w.Channel == Stable {
		promote.Sets[familyFact(region, id)] = string(w.Family)
	}
	if why := w.refusal(region, id, seen); why != nil {
		promote.Action, promote.Refused, promote.Reasons = ActionRefuse, true, []image.Reason{*why}
		return []plan.Step{promote}
	}
	if promote.Done(base) {
		promote.Action, promote.Sets = ActionKeep, nil
		promote.Reasons = []image.Reason{{Code: "already", Sentence: fmt.Sprintf("%s is %s in %s", id, w.Channel, region)}}
		return []plan.Step{promote}
	}
	promote.Reasons = []image.Reason{{Code: "promoted", Sentence: fmt.Sprintf("%s becomes %s of %s in %s", id, w.Channel, w.Family, region)}}
	return append([]plan.Step{promote}, w.others(region, now, seen)...)
}

func with(parameters map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	maps.Copy(all, parameters)
	return all
}

// refusal is why an image may not be released.
func (w ReleaseWish) refusal(region image.RegionID, id image.ID, seen Sighted) *image.Reason {
	no := func(code, sentence string, args ...any) *image.Reason {
		return &image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}
	}
	i := seen.Image
	switch {
	case i == nil:
		return no("notOurs", "%s is not an image of an account of ours in %s", id, region)
	case i.Status != image.StatusAvailable:
		return no("notAvailable", "%s is %s", id, i.Status)
	case strings.HasPrefix(i.Name, unverified):
		return no("notChecked", "%s has not passed: it is called %s", id, i.Name)
	case seen.Passed != image.Yes && !w.Adopt:
		return no("notChecked", "no import of ours made %s and saw it pass; adopt it by \"adopt\": true", id)
	case i.Tags[TagFamily] != "" && i.Tags[TagFamily] != string(w.Family), i.Family != "" && !ofFamily(*i, w.Family):
		return no("otherFamily", "%s is of the family %s", id, cmp.Or(image.Family(i.Tags[TagFamily]), i.Family))
	}
	return nil
}

// builtAt is when an image was built, the order of versions.
func builtAt(i image.Image) time.Time {
	if at, err := time.Parse(time.RFC3339, i.Tags[TagBuiltAt]); err == nil {
		return at
	}
	return i.CreatedAt
}

// tag is what the tag of an image says once the wish is done: the better of its
// channels.
func (w ReleaseWish) tag(region image.RegionID, now map[Channel]map[image.RegionID]Assigned, id image.ID) string {
	in := func(c Channel) bool {
		if c == w.Channel {
			return w.Images[region] == id
		}
		return now[c][region].Image == id
	}
	switch {
	case in(Stable):
		return string(Stable)
	case in(Candidate):
		return string(Candidate)
	}
	return Retired
}

// others are the steps for images that lose the channel, or that ECS would still
// take for the newest of the family.
func (w ReleaseWish) others(region image.RegionID, now map[Channel]map[image.RegionID]Assigned, seen Sighted) []plan.Step {
	var steps []plan.Step
	for _, i := range slices.SortedFunc(slices.Values(seen.Family), image.ByName) {
		if w.Images[region] == i.ID {
			continue
		}
		if now[w.Channel][region].Image == i.ID {
			tag := w.tag(region, now, i.ID)
			steps = append(steps, plan.Step{
				Action: ActionRetire, Subject: string(region) + "/" + string(i.ID), Sets: plan.Facts{tagFact(region, i.ID): tag},
				Reasons: []image.Reason{{Code: "replaced", Sentence: fmt.Sprintf("%s is no longer %s: it is %s", i.ID, w.Channel, tag)}},
			})
		}
		if w.Channel == Stable && i.Family == w.Family && builtAt(i).After(builtAt(*seen.Image)) {
			steps = append(steps, plan.Step{
				Action: ActionWithdraw, Subject: string(region) + "/" + string(i.ID),
				Sets:    plan.Facts{familyFact(region, i.ID): string(w.Family) + withdrawnSuffix},
				Reasons: []image.Reason{{Code: "newerThanStable", Sentence: fmt.Sprintf("%s is newer than the stable one: ECS would take it for the newest of %s", i.ID, w.Family)}},
			})
		}
	}
	return steps
}
