package retention

import (
	"fmt"

	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// Place is an account in a region.
type Place struct {
	Account image.AccountID
	Region  image.RegionID
}

// Room is how much may go in 24 hours.
type Room struct {
	PerDay int
	// Places and Families are by count, of the images that there are.
	Places   map[Place]int
	Families map[string]int
}

// counts are of the images that there are.
type counts struct {
	places   map[Place]int
	families map[string]int
}

func newCounts() counts { return counts{map[Place]int{}, map[string]int{}} }

// add counts an inventory.
func (c counts) add(at *scene) {
	families := map[lineKey]int{}
	for n := range at.inv.Subjects {
		s := &at.inv.Subjects[n]
		c.places[Place{s.Account, s.Region}]++
		if key, ok := at.lineOf(s); ok {
			key.arch = ""
			families[key]++
		}
	}
	for key, n := range families {
		c.families[familyThing(image.Ref{Account: key.account, Region: key.region}, key.family)] += n
	}
}

func (c counts) join(o counts) {
	for p, n := range o.places {
		c.places[p] += n
	}
	for f, n := range o.families {
		c.families[f] += n
	}
}

// room is how much of so many may go.
func (c counts) room(caps Caps) Room {
	room := Room{PerDay: caps.PerDay, Places: map[Place]int{}, Families: map[string]int{}}
	for p, n := range c.places {
		room.Places[p] = n * caps.PercentPerDay / 100
	}
	for f, n := range c.families {
		room.Families[f] = n * caps.PercentOfFamily / 100
	}
	return room
}

func familyThing(r image.Ref, family image.Family) string {
	return fmt.Sprintf("%s/%s/%s", r.Account, r.Region, hash(string(family))[:12])
}

// Beyond says which cap a number of removals is beyond; nil: none.
func (r Room) Beyond(going []Going) *image.Reason {
	not := func(what string, n, most int) *image.Reason {
		return &image.Reason{Code: "beyondCaps", Sentence: fmt.Sprintf("%d images of %s would go, and %d may in 24 hours", n, what, most)}
	}
	if len(going) > r.PerDay {
		return not("all", len(going), r.PerDay)
	}
	places, families := map[Place]int{}, map[string]int{}
	for _, g := range going {
		p := Place{g.Ref.Account, g.Ref.Region}
		if places[p]++; places[p] > r.Places[p] {
			return not(fmt.Sprintf("account %s in %s", p.Account, p.Region), places[p], r.Places[p])
		}
		if g.Family == "" {
			continue
		}
		f := familyThing(g.Ref, g.Family)
		if families[f]++; families[f] > r.Families[f] {
			return not("family "+string(g.Family), families[f], r.Families[f])
		}
	}
	return nil
}

// Going is an image that is to go.
type Going struct {
	Ref    image.Ref
	Family image.Family
}

// places are those of caps that a removal takes, without the kind of removal.
func (r Room) places(g Going) []work.Claim {
	claims := []work.Claim{
		{Thing: "all", Most: r.PerDay},
		{Thing: fmt.Sprintf("%s/%s", g.Ref.Account, g.Ref.Region), Most: max(1, r.Places[Place{g.Ref.Account, g.Ref.Region}])},
	}
	if g.Family != "" {
		f := familyThing(g.Ref, g.Family)
		claims = append(claims, work.Claim{Thing: "family/" + f, Most: max(1, r.Families[f])})
	}
	return claims
}
