package lineage

import (
	"fmt"

	"imagekeeper/shared/image"
)

// Wish is a parent that somebody knows and wants to have recorded.
type Wish struct {
	// Line is where it was asked for, for people.
	Line          int
	Image, Parent Key
}

// Act is what becomes of a wish.
type Act string

// The acts.
const (
	Set    Act = "set"    // the tag is to be written
	Keep   Act = "keep"   // it says so already
	Refuse Act = "refuse" // it would be wrong, or cannot be
)

// Recording is the decision about one wish.
type Recording struct {
	Wish
	Act Act
	Why image.Reason
	// Account owns the image; empty where it is not known.
	Account image.AccountID
	// Value is what ParentTag is to have. It names the region, too: a copy may
	// take its tags along, and values must not begin with "aliyun".
	Value string
}

// What ECS allows of tags; source: TagResources.
const (
	mostTags     = 20
	longestValue = 128
)

// Record decides which parents to record. A wish is refused where it is not about
// an image of an account in w, contradicts another one, a tag that is there or
// what the cloud shows, or closes a circle.
func Record(wishes []Wish, w World) []Recording {
	g := New(w)
	asked := map[Key]Wish{}
	twice := map[Key]bool{}
	for _, wish := range wishes {
		if was, ok := asked[wish.Image]; ok && was.Parent != wish.Parent {
			twice[wish.Image] = true
		}
		asked[wish.Image] = wish
	}
	recordings := make([]Recording, 0, len(wishes))
	for _, wish := range wishes {
		r := Recording{Wish: wish, Account: g.images[wish.Image].Account, Value: wish.Parent.String()}
		if twice[wish.Image] {
			r.refuse("askedTwice", "%s is asked for with several parents", wish.Image)
		} else {
			r.decide(g, asked)
		}
		recordings = append(recordings, r)
	}
	return recordings
}

func (r *Recording) refuse(code, format string, args ...any) {
	r.Act, r.Why = Refuse, image.Reason{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

// decide about one wish that no other contradicts.
func (r *Recording) decide(g *Graph, asked map[Key]Wish) {
	i, ok := g.images[r.Image]
	has, tagged := i.Tags[ParentTag]
	told, err := parseParent(i.Region, has)
	shown, observed := g.byCloud(i)
	switch {
	case !ok:
		r.refuse("imageNotSeen", "%s is not among the images that are looked at", r.Image)
	case i.Kind != image.KindCustom:
		r.refuse("notOurs", "%s is a %s image: only its owner can tag it", r.Image, i.Kind)
	case tagged && err == nil && told == r.Parent:
		r.Act, r.Why = Keep, image.Reason{Code: "recorded", Sentence: "the tag says so already"}
	case tagged:
		r.refuse("tagDiffers", "the tag of %s says %q; take it away first if that is wrong", r.Image, has)
	case len(r.Value) > longestValue:
		r.refuse("valueTooLong", "a tag's value has at most %d characters", longestValue)
	case len(i.Tags) >= mostTags:
		r.refuse("tagsFull", "%s has %d tags, and more are not allowed", r.Image, len(i.Tags))
	case observed && contradicts(shown, r.Parent):
		r.refuse("cloudDiffers", "%s", shown.why().Sentence)
	case circular(g, asked, r.Wish):
		r.refuse("circle", "%s comes from %s itself", r.Parent, r.Image)
	default:
		r.Act, r.Why = Set, image.Reason{Code: "notRecorded", Sentence: "no tag records a parent yet"}
		if _, seen := g.images[r.Parent]; !seen {
			r.Why = image.Reason{Code: "parentNotSeen", Sentence: "the parent is not visible; it is recorded as told"}
		}
	}
}

// contradicts: what the cloud shows is surely another parent, or that there is none.
func contradicts(shown up, parent Key) bool {
	return !shown.isLink || shown.link.Certainty == Observed && !shown.link.Skips && shown.link.Parent != parent
}

// circular: the way up from the parent, as it would be, leads to the image.
func circular(g *Graph, asked map[Key]Wish, wish Wish) bool {
	seen := map[Key]bool{}
	for at := wish.Parent; !seen[at]; {
		if at == wish.Image {
			return true
		}
		seen[at] = true
		u, known := g.ups[at]
		next, wished := asked[at]
		switch {
		case known && u.isLink:
			at = u.link.Parent
		case wished:
			at = next.Parent
		default:
			return false
		}
	}
	return false
}

// ParseParent reads a parent as ParentTag has it: "imageId" of the same region,
// or "regionId/imageId".
func ParseParent(region image.RegionID, value string) (Key, error) { return parseParent(region, value) }
