package quoting

import (
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// Line is one image family: its images that fit.
type Line struct {
	Family image.Family `json:"imageFamily"`
	// Images: how many of them fit.
	Images int `json:"images"`
	// Owners: the accounts that own them; nobody owns public ones.
	Owners []image.AccountID `json:"ownerIds"`
	// Kinds: the kinds that they are.
	Kinds []image.Kind `json:"kinds"`
	// Regions: where they are.
	Regions []image.RegionID `json:"regionIds"`
	// Architectures: the architectures that they are for.
	Architectures []image.Architecture `json:"architectures"`
	// NewestAt: when the newest of them was made.
	NewestAt time.Time `json:"newestAt"`
	// Variants: what there is in each region for each operating system type and architecture.
	Variants []Variant `json:"variants"`
}

// Variant is what a family has in one region for one kind of machine.
type Variant struct {
	RegionID     image.RegionID     `json:"regionId"`
	OSType       image.OSType       `json:"osType"`
	Architecture image.Architecture `json:"architecture"`
	// Images: how many there are.
	Images int `json:"images"`
	// Newest: the one to use; missing where there is none, and reasons say why.
	Newest *Member `json:"newest,omitempty"`
	// Stable: the newest that is in the channel stable.
	Stable *Member `json:"stable,omitempty"`
	// Candidate: the newest that is in the channel candidate.
	Candidate *Member `json:"candidate,omitempty"`
	// Reasons: why the newest is the one to use, or why none is.
	Reasons []image.Reason `json:"reasons"`
}

// Member is an image of a family, in short.
type Member struct {
	ImageID   image.ID        `json:"imageId"`
	AccountID image.AccountID `json:"accountId"`
	OwnerID   image.AccountID `json:"ownerId,omitempty"`
	// Name: the name its owner gave it.
	Name string `json:"name"`
	// CreatedAt: when it was made.
	CreatedAt time.Time `json:"createdAt"`
}

// NewLine tells a family.
func NewLine(l selection.Line) Line {
	out := Line{
		Family: l.Family, Images: l.Images, Owners: append([]image.AccountID{}, l.Owners...), Kinds: l.Kinds, Regions: l.Regions,
		Architectures: l.Architectures, NewestAt: l.NewestAt.UTC(),
	}
	for _, v := range l.Variants {
		one := Variant{
			RegionID: v.Region, OSType: v.OSType, Architecture: v.Architecture, Images: v.Images,
			Stable: newMember(v.Stable), Candidate: newMember(v.Candidate), Reasons: v.Why,
		}
		if v.Newest != nil {
			one.Newest = newMember(&v.Newest.Sighting)
		}
		out.Variants = append(out.Variants, one)
	}
	return out
}

func newMember(s *selection.Sighting) *Member {
	if s == nil {
		return nil
	}
	return &Member{ImageID: s.ID, AccountID: s.Account, OwnerID: s.OwnerID(), Name: s.Name, CreatedAt: s.CreatedAt.UTC()}
}

// LineHeader names the columns of the table of families.
func LineHeader() []string {
	return []string{
		"imageFamily", "images", "ownerIds", "kinds", "regionIds", "architectures", "newestAt", "newest", "stable", "candidate",
	}
}

// Columns are the cells of the table. Those of several values have them apart by a
// space; those of images name region, system and architecture of each.
func (l Line) Columns() []string {
	return []string{
		string(l.Family), strconv.Itoa(l.Images), Spaced(l.Owners), Spaced(l.Kinds), Spaced(l.Regions), Spaced(l.Architectures), l.NewestAt.Format(time.RFC3339),
		l.members(func(v Variant) *Member { return v.Newest }), l.members(func(v Variant) *Member { return v.Stable }),
		l.members(func(v Variant) *Member { return v.Candidate }),
	}
}

// members are the images of a column, each with the place it is for.
func (l Line) members(of func(Variant) *Member) string {
	var all []string
	for _, v := range l.Variants {
		if m := of(v); m != nil {
			all = append(all, string(v.RegionID)+"/"+string(v.OSType)+"/"+string(v.Architecture)+"="+string(m.ImageID))
		}
	}
	return strings.Join(all, " ")
}

// Spaced are values in one cell.
func Spaced[T ~string](values []T) string {
	texts := make([]string, len(values))
	for n, v := range values {
		texts[n] = string(v)
	}
	return strings.Join(texts, " ")
}
