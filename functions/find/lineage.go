package main

import (
	"context"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// located is which image a question is about, as the answer says it.
type located struct {
	AsOf   time.Time   `json:"asOf"`
	Image  image.Ref   `json:"image"`
	Name   string      `json:"name"`
	Kind   image.Kind  `json:"kind"`
	Family string      `json:"imageFamily,omitempty"`
	Also   []image.Ref `json:"elsewhere"`
	// Ambiguous: other places have an image of this id, too.
	Ambiguous bool `json:"ambiguous"`
}

func newLocated(d selection.Described, asOf time.Time) located {
	return located{
		AsOf: asOf.UTC().Truncate(time.Second), Image: d.Ref, Name: d.Name, Kind: d.Kind, Family: string(d.Family),
		Also: append([]image.Ref{}, d.Elsewhere...), Ambiguous: len(d.Elsewhere) > 0,
	}
}

// relative is one image of a lineage. Seen tells whether it is still visible.
type relative struct {
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

// link says that child was made from parent.
type link struct {
	Child     relative          `json:"child"`
	Parent    relative          `json:"parent"`
	Evidence  lineage.Evidence  `json:"evidence"`
	Certainty lineage.Certainty `json:"certainty"`
	// Skips: there was at least one image in between that cannot be named.
	Skips bool `json:"skips"`
	// Copy: the child is a copy.
	Copy bool `json:"copy"`
	image.Reason
}

// origin is where the chain of parents ends.
type origin struct {
	Kind lineage.SourceKind `json:"kind"`
	// Image is missing for a Marketplace product whose image is not known.
	Image       *relative         `json:"image,omitempty"`
	ProductCode image.ProductCode `json:"productCode,omitempty"`
	// Object: the OSS object it was imported from.
	Object    string            `json:"object,omitempty"`
	OwnerID   image.AccountID   `json:"ownerId,omitempty"`
	Certainty lineage.Certainty `json:"certainty,omitempty"`
	image.Reason
	// Cure says what would have kept a broken chain, or could still mend it.
	Cure string `json:"cure,omitempty"`
}

// shared says that an image was shared on.
type shared struct {
	RegionID  image.RegionID  `json:"regionId"`
	ImageID   image.ID        `json:"imageId"`
	AccountID image.AccountID `json:"accountId"`
	// At: since when, as ECS says.
	At *time.Time `json:"at,omitempty"`
}

// ancestry is the answer of find.lineage.
type ancestry struct {
	located
	Source origin `json:"source"`
	// Parents, nearest first; children breadth first.
	Parents []link `json:"parents"`
	// Children: what was made from it.
	Children []link `json:"children"`
	// SharedWith: the images and accounts it is shared with.
	SharedWith []shared `json:"sharedWith"`
	// Conflicts: what does not agree with each other.
	Conflicts []image.Reason `json:"conflicts"`
	Unknown   []image.Unread `json:"unknown"`
}

func (h handler) lineage(ctx context.Context, call function.Call, in imageInput) (ancestry, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return ancestry{}, err
	}
	closed := all.Unread()
	traces := all.Apart()
	traces.Each(func(p *survey.Place) { _, _ = p.Images(ctx, image.Listing{Statuses: image.Statuses()}) }) // everything here goes by them
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return ancestry{}, err
	}
	world := lineage.About(ctx, lineage.WithTrail(traces.Places()), *d.Sighting.Image)
	world.Unread = image.AllUnread(world.Unread, closed)
	story, images := lineage.New(world).Story(lineage.KeyOf(d.Ref)), newIndex(world)
	family := []image.Image{*d.Sighting.Image}
	for _, l := range story.Children {
		family = append(family, images[l.Child])
	}
	granted := all.Apart()
	out := newAncestry(newLocated(d, all.AsOf()), story, images, lineage.Shares(ctx, granted, family))
	out.Unknown = image.AllUnread(granted.Unread(), world.Unread, world.BuildsUnread, world.EventsUnread, d.Unread)
	return out, nil
}

// index has the images of a world by their key.
type index map[lineage.Key]image.Image

func newIndex(w lineage.World) index {
	a := make(index, len(w.Images))
	for _, i := range w.Images {
		a[lineage.KeyOf(i.Ref)] = i
	}
	return a
}

func (a index) relative(k lineage.Key) relative {
	i, ok := a[k]
	out := relative{RegionID: k.Region, ImageID: k.ID, Seen: ok}
	if ok {
		created := i.CreatedAt.UTC()
		out.Name, out.Kind, out.OwnerID, out.Status, out.CreatedAt = i.Name, i.Kind, i.Owner, i.Status, &created
	}
	return out
}

// source is the image that a chain ends at; nil if none is known.
func (a index) source(k lineage.Key) *relative {
	if k == (lineage.Key{}) {
		return nil
	}
	found := a.relative(k)
	return &found
}

func (a index) links(found []lineage.Link) []link {
	links := make([]link, 0, len(found))
	for _, l := range found {
		links = append(links, link{
			Child: a.relative(l.Child), Parent: a.relative(l.Parent), Evidence: l.Evidence, Certainty: l.Certainty, Skips: l.Skips,
			Copy: a[l.Child].Copied, Reason: l.Why,
		})
	}
	return links
}

func newAncestry(at located, story lineage.Story, a index, shares []lineage.Share) ancestry {
	s := story.Source
	p := ancestry{
		located: at, Parents: a.links(story.Parents), Children: a.links(story.Children), SharedWith: []shared{},
		Conflicts: append([]image.Reason{}, story.Conflicts...),
		Source: origin{
			Kind: s.Kind, Image: a.source(s.Image), ProductCode: s.ProductCode, Object: s.Object, OwnerID: s.Owner,
			Certainty: s.Certainty, Reason: s.Why, Cure: s.Cure,
		},
	}
	if s.Kind == lineage.SourceUnknown {
		p.Source.Certainty = "" // of what is not known, nothing is sure
	}
	for _, share := range shares {
		p.SharedWith = append(p.SharedWith, shared{share.Image.Region, share.Image.ID, share.Account, known(share.At)})
	}
	return p
}

// known is a time that may be missing.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
