package main

import (
	"context"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/selection"
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

// locate finds the image that is asked about.
func (h handler) locate(ctx context.Context, call function.Call, in imageInput) (selection.Described, located, error) {
	scope, err := h.scope(call)
	if err != nil {
		return selection.Described{}, located{}, err
	}
	asOf := h.now()
	d, err := selection.Describe(ctx, scope, in.ImageID, image.RegionID(call.Region), in.where.query(), asOf)
	if err != nil {
		return d, located{}, err
	}
	return d, located{
		AsOf: asOf.UTC().Truncate(time.Second), Image: d.Ref, Name: d.Name, Kind: d.Kind, Family: string(d.Family),
		Also: append([]image.Ref{}, d.Elsewhere...), Ambiguous: len(d.Elsewhere) > 0,
	}, nil
}

// kin is one image of a lineage. Seen tells whether it is still visible.
type kin struct {
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
	Child     kin               `json:"child"`
	Parent    kin               `json:"parent"`
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
	Kind        lineage.SourceKind `json:"kind"`
	Image       kin                `json:"image"`
	ProductCode image.ProductCode  `json:"productCode,omitempty"`
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

// pedigree is the answer of find.lineage.
type pedigree struct {
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

func (h handler) lineage(ctx context.Context, call function.Call, in imageInput) (pedigree, error) {
	d, at, err := h.locate(ctx, call, in)
	if err != nil {
		return pedigree{}, err
	}
	a, err := h.survey(ctx, call, where{})
	if err != nil {
		return pedigree{}, err
	}
	world := a.history(ctx, in.ImageID)
	story := lineage.New(world).Story(lineage.KeyOf(d.Ref))
	album := newAlbum(world)
	owners := map[image.AccountID]lineage.Granter{}
	for _, p := range a.places {
		owners[p.account] = p.reader
	}
	family := []image.Image{*d.Sighting.Image}
	for _, l := range story.Children {
		family = append(family, album[l.Child])
	}
	shares, unread := lineage.Shares(ctx, family, owners)
	out := newPedigree(at, story, album, shares)
	out.Unknown = inOrder(append(append(append(unread, world.Unread...), world.BuildsUnread...), d.Unread...))
	return out, nil
}

// history is everything that lineage can be found in.
func (a *atlas) history(ctx context.Context, also image.ID) lineage.World {
	world := lineage.Observe(ctx, a.lineagePlaces(), also)
	world.Unread = append(world.Unread, a.unread...)
	return world
}

// lineagePlaces are the places as lineage looks at them.
func (a *atlas) lineagePlaces() []lineage.Place {
	places := make([]lineage.Place, 0, len(a.places))
	for _, p := range a.places {
		places = append(places, lineage.Place{Account: p.account, Region: p.region, Reader: p.reader, Builder: p.reader})
	}
	return places
}

// album has the images of a world by their key.
type album map[lineage.Key]image.Image

func newAlbum(w lineage.World) album {
	a := make(album, len(w.Images))
	for _, i := range w.Images {
		a[lineage.KeyOf(i.Ref)] = i
	}
	return a
}

func (a album) kin(k lineage.Key) kin {
	i, ok := a[k]
	out := kin{RegionID: k.Region, ImageID: k.ID, Seen: ok}
	if ok {
		created := i.CreatedAt.UTC()
		out.Name, out.Kind, out.OwnerID, out.Status, out.CreatedAt = i.Name, i.Kind, i.Owner, i.Status, &created
	}
	return out
}

func (a album) links(found []lineage.Link) []link {
	links := make([]link, 0, len(found))
	for _, l := range found {
		links = append(links, link{
			Child: a.kin(l.Child), Parent: a.kin(l.Parent), Evidence: l.Evidence, Certainty: l.Certainty, Skips: l.Skips,
			Copy: a[l.Child].Copied, Reason: l.Why,
		})
	}
	return links
}

func newPedigree(at located, story lineage.Story, a album, shares []lineage.Share) pedigree {
	s := story.Source
	p := pedigree{
		located: at, Parents: a.links(story.Parents), Children: a.links(story.Children), SharedWith: []shared{},
		Conflicts: append([]image.Reason{}, story.Conflicts...),
		Source: origin{
			Kind: s.Kind, Image: a.kin(s.Image), ProductCode: s.ProductCode, Object: s.Object, OwnerID: s.Owner,
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
