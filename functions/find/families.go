package main

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// families is the answer of find.families. When nothing could be read it is a
// problem document as well.
type families struct {
	*function.Problem
	AsOf  time.Time `json:"asOf"`
	Items []line    `json:"items"`
	// Total is missing while something is unknown.
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	// Hints are what may have been meant, where there is no family.
	Hints []image.Reason `json:"hints,omitempty"`
}

// line is one image family: its images that fit.
type line struct {
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
	Variants []variant `json:"variants"`
}

// variant is what a family has in one region for one kind of machine.
type variant struct {
	RegionID     image.RegionID     `json:"regionId"`
	OSType       image.OSType       `json:"osType"`
	Architecture image.Architecture `json:"architecture"`
	// Images: how many there are.
	Images int `json:"images"`
	// Newest: the one to use; missing where there is none, and reasons say why.
	Newest *member `json:"newest,omitempty"`
	// Stable: the newest that is in the channel stable.
	Stable *member `json:"stable,omitempty"`
	// Candidate: the newest that is in the channel candidate.
	Candidate *member `json:"candidate,omitempty"`
	// Reasons: why the newest is the one to use, or why none is.
	Reasons []image.Reason `json:"reasons"`
}

// member is an image of a family, in short.
type member struct {
	ImageID   image.ID        `json:"imageId"`
	AccountID image.AccountID `json:"accountId"`
	OwnerID   image.AccountID `json:"ownerId,omitempty"`
	// Name: the name its owner gave it.
	Name string `json:"name"`
	// CreatedAt: when it was made.
	CreatedAt time.Time `json:"createdAt"`
}

func (h handler) families(ctx context.Context, call function.Call, in familiesInput) (families, error) {
	here, pricer, err := h.pricing(ctx, call, in.Where, in.filter, "")
	if err != nil {
		return families{}, err
	}
	found, err := selection.Families(ctx, here, pricer, in.query(h.config.TrustedOwners), in.Sort)
	if err != nil {
		return families{}, err
	}
	out := families{
		AsOf: here.AsOf().UTC().Truncate(time.Second), Items: []line{}, NextCursor: found.Next, Unknown: image.AllUnread(found.Unread), Hints: found.Meant,
	}
	if found.Blind {
		if in.Listed() {
			return families{}, blind(found.Unread)
		}
		out.Problem = call.Problem(blind(found.Unread))
	}
	if found.Total >= 0 {
		out.Total = &found.Total
	}
	for _, l := range found.Page {
		out.Items = append(out.Items, newLine(l))
	}
	return out, nil
}

func newLine(l selection.Line) line {
	out := line{
		Family: l.Family, Images: l.Images, Owners: append([]image.AccountID{}, l.Owners...), Kinds: l.Kinds, Regions: l.Regions,
		Architectures: l.Architectures, NewestAt: l.NewestAt.UTC(),
	}
	for _, v := range l.Variants {
		one := variant{
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

func newMember(s *selection.Sighting) *member {
	if s == nil {
		return nil
	}
	return &member{ImageID: s.ID, AccountID: s.Account, OwnerID: s.OwnerID(), Name: s.Name, CreatedAt: s.CreatedAt.UTC()}
}

// list is the frame in the shape that all lists share.
func (f families) list() list {
	return list{Problem: f.Problem, NextCursor: f.NextCursor, Unknown: f.Unknown}
}

// HTTPHeader repeats what a table has no place for.
func (f families) HTTPHeader() http.Header { return f.list().HTTPHeader() }

// Rows are the families as a table. Cells of several values have them apart by a
// space; those of images name region, system and architecture of each.
func (f families) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[line]{
		Header: []string{
			"imageFamily", "images", "ownerIds", "kinds", "regionIds", "architectures", "newestAt", "newest", "stable", "candidate",
		},
		Cells: func(l line) []string {
			return []string{
				string(l.Family), strconv.Itoa(l.Images), spaced(l.Owners), spaced(l.Kinds), spaced(l.Regions), spaced(l.Architectures), l.NewestAt.Format(time.RFC3339),
				l.members(func(v variant) *member { return v.Newest }), l.members(func(v variant) *member { return v.Stable }),
				l.members(func(v variant) *member { return v.Candidate }),
			}
		},
	}.Of(f.Items)
}

// members are the images of a column, each with the place it is for.
func (l line) members(of func(variant) *member) string {
	var all []string
	for _, v := range l.Variants {
		if m := of(v); m != nil {
			all = append(all, string(v.RegionID)+"/"+string(v.OSType)+"/"+string(v.Architecture)+"="+string(m.ImageID))
		}
	}
	return strings.Join(all, " ")
}

// spaced are values in one cell.
func spaced[T ~string](values []T) string {
	texts := make([]string, len(values))
	for n, v := range values {
		texts[n] = string(v)
	}
	return strings.Join(texts, " ")
}

// Lines are the families, one per line, and then one line with the rest.
func (f families) Lines() iter.Seq[any] {
	return function.LinesOf(f.Items, end{End: true, AsOf: f.AsOf, Count: len(f.Items), Total: f.Total, NextCursor: f.NextCursor, Unknown: f.Unknown, Hints: f.Hints})
}

// LineTypes are a family, and the last line.
func (f families) LineTypes() []any { return []any{line{}, end{}} }
