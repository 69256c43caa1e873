package lineage

import (
	"context"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// relative is one image of a  Seen tells whether it is still visible.
type Relative struct {
	RegionID image.RegionID `json:"regionId"`
	ImageID  image.ID       `json:"imageId"`
	// Seen: it is visible; else only its id is known.
	Seen bool `json:"seen"`
	// Name: the name of the image.
	Name    string          `json:"name,omitempty"`
	Kind    image.Kind      `json:"kind,omitempty"`
	OwnerID image.AccountID `json:"ownerId,omitempty"`
	Status  image.Status    `json:"status,omitempty"`
	// CreatedAt: when it was made.
	CreatedAt *time.Time `json:"createdAt,omitempty"`
}

// LinkTold says that child was made from parent.
type LinkTold struct {
	Child     Relative  `json:"child"`
	Parent    Relative  `json:"parent"`
	Evidence  Evidence  `json:"evidence"`
	Certainty Certainty `json:"certainty"`
	// Skips: there was at least one image in between that cannot be named.
	Skips bool `json:"skips"`
	// Copy: the child is a copy.
	Copy bool `json:"copy"`
	image.Reason
}

// Origin is where the chain of parents ends.
type Origin struct {
	Kind SourceKind `json:"kind"`
	// Image is missing for a Marketplace product whose image is not known.
	Image       *Relative         `json:"image,omitempty"`
	ProductCode image.ProductCode `json:"productCode,omitempty"`
	// Object: the OSS object it was imported from.
	Object    string          `json:"object,omitempty"`
	OwnerID   image.AccountID `json:"ownerId,omitempty"`
	Certainty Certainty       `json:"certainty,omitempty"`
	image.Reason
	// Cure says what would have kept a broken chain, or could still mend it.
	Cure string `json:"cure,omitempty"`
}

// ShareTold says that an image was shared on.
type ShareTold struct {
	RegionID  image.RegionID  `json:"regionId"`
	ImageID   image.ID        `json:"imageId"`
	AccountID image.AccountID `json:"accountId"`
	// At: since when, as ECS says.
	At *time.Time `json:"at,omitempty"`
}

// Told is the lineage of an image as the API says it.
type Told struct {
	Source Origin `json:"source"`
	// Parents, nearest first; children breadth first.
	Parents []LinkTold `json:"parents"`
	// Children: what was made from it.
	Children []LinkTold `json:"children"`
	// SharedWith: the images and accounts it is shared with.
	SharedWith []ShareTold `json:"sharedWith"`
	// Conflicts: what does not agree with each other.
	Conflicts []image.Reason `json:"conflicts"`
}

// Tell looks at where an image comes from, at what was made from it, and at whom all
// that is shared with. A failure to read whom it is shared with is noted in granted;
// the others are returned.
func Tell(ctx context.Context, places []*survey.Place, granted *survey.Survey, x image.Image, closed []image.Unread) (Told, []image.Unread) {
	world := About(ctx, WithTrail(places), x)
	world.Unread = image.AllUnread(world.Unread, closed)
	story, images := New(world).Story(KeyOf(x.Ref)), indexOf(world)
	family := []image.Image{x}
	for _, l := range story.Children {
		family = append(family, images[l.Child])
	}
	return told(story, images, Shares(ctx, granted, family)), image.AllUnread(world.Unread, world.BuildsUnread, world.EventsUnread)
}

func told(story Story, a index, shares []Share) Told {
	s := story.Source
	t := Told{
		Parents: a.links(story.Parents), Children: a.links(story.Children), SharedWith: []ShareTold{},
		Conflicts: append([]image.Reason{}, story.Conflicts...),
		Source: Origin{
			Kind: s.Kind, Image: a.source(s.Image), ProductCode: s.ProductCode, Object: s.Object, OwnerID: s.Owner,
			Certainty: s.Certainty, Reason: s.Why, Cure: s.Cure,
		},
	}
	if s.Kind == SourceUnknown {
		t.Source.Certainty = "" // of what is not known, nothing is sure
	}
	for _, share := range shares {
		told := ShareTold{RegionID: share.Image.Region, ImageID: share.Image.ID, AccountID: share.Account}
		if at := share.At.UTC(); !share.At.IsZero() {
			told.At = &at
		}
		t.SharedWith = append(t.SharedWith, told)
	}
	return t
}

// index has the images of a world by their key.
type index map[Key]image.Image

func indexOf(w World) index {
	a := make(index, len(w.Images))
	for _, i := range w.Images {
		a[KeyOf(i.Ref)] = i
	}
	return a
}

func (a index) relative(k Key) Relative {
	i, ok := a[k]
	out := Relative{RegionID: k.Region, ImageID: k.ID, Seen: ok}
	if ok {
		created := i.CreatedAt.UTC()
		out.Name, out.Kind, out.OwnerID, out.Status, out.CreatedAt = i.Name, i.Kind, i.Owner, i.Status, &created
	}
	return out
}

// source is the image that a chain ends at; nil if none is known.
func (a index) source(k Key) *Relative {
	if k == (Key{}) {
		return nil
	}
	found := a.relative(k)
	return &found
}

func (a index) links(found []Link) []LinkTold {
	links := make([]LinkTold, 0, len(found))
	for _, l := range found {
		links = append(links, LinkTold{
			Child: a.relative(l.Child), Parent: a.relative(l.Parent), Evidence: l.Evidence, Certainty: l.Certainty, Skips: l.Skips,
			Copy: a[l.Child].Copied, Reason: l.Why,
		})
	}
	return links
}

// Sources is of how many custom images it is known where they come from.
type Sources struct {
	// Images: how many custom images there are.
	Images int `json:"images"`
	// Unknown: of how many the source is not known, Percent of them, rounded.
	Unknown int `json:"unknown"`
	// Percent: that of all, rounded.
	Percent int `json:"percent"`
	// Causes: by what it got lost, the most frequent first.
	Causes []LostBy `json:"causes"`
}

// LostBy is one way in which sources got lost.
type LostBy struct {
	// Code: as in the source of find.lineage.
	Code string `json:"code"`
	// Images: how many.
	Images int `json:"images"`
	// Cure says what would have kept them, or could still mend them.
	Cure string `json:"cure"`
	// Latest: the image that was made last.
	Latest Relative `json:"latest"`
}

// SourcesOf looks at where all custom images of the places come from.
func SourcesOf(ctx context.Context, here *survey.Survey) (Sources, []image.Unread) {
	world := Observe(ctx, WithTrail(here.Places()))
	of, gaps := New(world).Gaps()
	out, images := Sources{Images: of, Causes: []LostBy{}}, indexOf(world)
	for _, g := range gaps {
		out.Unknown += g.Images
		out.Causes = append(out.Causes, LostBy{g.Code, g.Images, g.Cure, images.relative(g.Latest)})
	}
	if of > 0 {
		out.Percent = (200*out.Unknown + of) / (2 * of)
	}
	return out, image.AllUnread(world.Unread, world.BuildsUnread, world.EventsUnread)
}
