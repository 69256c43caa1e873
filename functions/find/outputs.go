package main

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// list is the answer of find.images. When nothing could be read it is a problem
// document as well.
type list struct {
	*function.Problem
	AsOf  time.Time     `json:"asOf"`
	Items []quoting.Row `json:"items"`
	// Total is missing while something is unknown.
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	PassedOver *passedOver    `json:"passedOver,omitempty"`
	// Hints are what may have been meant, where nothing fits.
	Hints []image.Reason `json:"hints,omitempty"`
}

// passedOver tells about the images that do not fit.
type passedOver struct {
	// Count: how many images do not fit.
	Count int `json:"count"`
	// Reasons: why they do not, the most frequent first.
	Reasons []count `json:"reasons"`
	// Examples came closest to fitting.
	Examples []quoting.Row `json:"examples"`
}

type count struct {
	// Code: why an image does not fit.
	Code string `json:"code"`
	// Count: how many do not for that.
	Count int `json:"count"`
}

func newPassedOver(p selection.PassedOver, told *quoting.Selected) *passedOver {
	over := &passedOver{Count: p.Count, Reasons: []count{}, Examples: quoting.NewRows(p.Examples, told)}
	for _, c := range p.Reasons {
		over.Reasons = append(over.Reasons, count(c))
	}
	return over
}

func newList(found selection.List, told *quoting.Selected, asOf time.Time, call function.Call) list {
	l := list{
		AsOf: asOf.UTC().Truncate(time.Second), Items: quoting.NewRows(found.Page, told), NextCursor: found.Next, Unknown: image.AllUnread(found.Unread), Hints: found.Meant,
	}
	if found.Total >= 0 {
		l.Total = &found.Total
	}
	if found.PassedOver != nil {
		l.PassedOver = newPassedOver(*found.PassedOver, told)
	}
	if found.Blind {
		l.Problem = call.Problem(blind(found.Unread))
	}
	return l
}

// blind is why a list is none: nothing could be read.
func blind(unread []image.Unread) error {
	first := unread[0]
	place := strings.Trim(string(first.Account)+"/"+string(first.Region), "/")
	if place != "" { // nothing of it is known where the account itself did not answer
		place += ": "
	}
	return survey.Unreadable(unread, "nothing could be read; of %d places the first says: %s%s", len(unread), place, first.Sentence)
}

// HTTPHeader repeats what a table has no place for.
func (l list) HTTPHeader() http.Header {
	h := l.Problem.HTTPHeader()
	if l.NextCursor != "" {
		h.Set("Next-Cursor", l.NextCursor)
	}
	if len(l.Unknown) > 0 {
		h.Set("Unknown-Count", strconv.Itoa(len(l.Unknown)))
	}
	return h
}

// Rows is the list as a table.
func (l list) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[quoting.Row]{Header: quoting.RowHeader(), Cells: quoting.Row.Columns}.Of(l.Items)
}

// Lines is the list one image per line, and then one line with the rest.
func (l list) Lines() iter.Seq[any] {
	return function.LinesOf(l.Items, end{End: true, AsOf: l.AsOf, Count: len(l.Items), Total: l.Total, NextCursor: l.NextCursor, Unknown: l.Unknown, PassedOver: l.PassedOver, Hints: l.Hints})
}

// LineTypes are an image, and the last line.
func (l list) LineTypes() []any { return []any{quoting.Row{}, end{}} }

// end is the last line of format=ndjson.
type end struct {
	// End: always true: this is the last line, and nothing is missing.
	End  bool      `json:"end"`
	AsOf time.Time `json:"asOf"`
	// Count: how many lines came before.
	Count      int            `json:"count"`
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	PassedOver *passedOver    `json:"passedOver,omitempty"`
	// Hints are what may have been meant, where there is nothing.
	Hints []image.Reason `json:"hints,omitempty"`
	// LicencesUnread is of instances: what could not be read to price licences.
	LicencesUnread []image.Unread `json:"licencesUnread,omitempty"`
}

// detail is the answer of find.image: the image, and what follows from it.
type detail struct {
	AsOf time.Time `json:"asOf"`
	quoting.Row
	// Progress: of creating, importing or copying, in percent.
	Progress int `json:"progress"`
	// ResourceGroup: left out for the default group.
	ResourceGroup string `json:"resourceGroupId,omitempty"`
	// CloudInit: initialisation by cloud-init is supported.
	CloudInit bool `json:"cloudInit"`
	// Subscribed: the terms of its Marketplace product were accepted.
	Subscribed bool `json:"subscribed"`
	// DiskMappings: the disks inside the image.
	DiskMappings []quoting.Disk `json:"diskMappings"`
	// Health: what speaks against using it, with what to do about it.
	Health []selection.Finding `json:"health"`
	// LicenceReasons: what the licence is judged by.
	LicenceReasons []image.Reason `json:"licenceReasons"`
	// Use: ready lines that use the image, by tool.
	Use []selection.Snippet `json:"use"`
	// Ambiguous: other places have an image of this id, too.
	Ambiguous bool           `json:"ambiguous"`
	Elsewhere []image.Ref    `json:"elsewhere"`
	Unknown   []image.Unread `json:"unknown"`
}

func newDetail(d selection.Described, told *quoting.Selected, asOf time.Time) detail {
	out := detail{
		AsOf: asOf.UTC().Truncate(time.Second), Row: quoting.NewRow(d.Sighting, told, nil), Progress: d.Progress, ResourceGroup: d.ResourceGroup,
		CloudInit: d.CloudInit, Subscribed: d.Subscribed,
		DiskMappings: []quoting.Disk{}, Health: []selection.Finding{},
		Use: []selection.Snippet{}, Ambiguous: len(d.Elsewhere) > 0, Elsewhere: []image.Ref{}, Unknown: image.AllUnread(d.Unread),
	}
	_, out.LicenceReasons = told.Class(d.Sighting)
	for _, m := range d.Disks {
		out.DiskMappings = append(out.DiskMappings, quoting.Disk(m))
	}
	out.Health = append(out.Health, d.Health...)
	out.Use = append(out.Use, d.Use...)
	out.Elsewhere = append(out.Elsewhere, d.Elsewhere...)
	if out.Ambiguous {
		out.Reasons = []image.Reason{{
			Code:     "severalPlaces",
			Sentence: fmt.Sprintf("%d places have an image of this id; name a region to choose", len(d.Elsewhere)+1),
		}}
	}
	return out
}

// family is the answer of find.family.
type family struct {
	AsOf   time.Time    `json:"asOf"`
	Family image.Family `json:"imageFamily"`
	// Items: the image to use, for each region.
	Items   []choice       `json:"items"`
	Unknown []image.Unread `json:"unknown"`
}

// choice is the image to use in one region, for one operating system type and
// architecture.
type choice struct {
	RegionID image.RegionID `json:"regionId"`
	// Image is missing where no image of the family fits.
	Image *quoting.Row `json:"image,omitempty"`
	// Use: ready lines that use the image, by tool, on the instance type that was asked for.
	Use []selection.Snippet `json:"use"`
	// Older is how many more fit.
	Older int `json:"older"`
	// PassedOver: the images of the family that do not fit.
	PassedOver *passedOver `json:"passedOver"`
}

func newFamily(in familyInput, choices []selection.Choice, unread []image.Unread, told *quoting.Selected, asOf time.Time) family {
	f := family{AsOf: asOf.UTC().Truncate(time.Second), Family: in.Family, Items: []choice{}, Unknown: image.AllUnread(unread)}
	for _, c := range choices {
		item := choice{RegionID: c.Region, Use: []selection.Snippet{}, Older: c.Older, PassedOver: newPassedOver(c.PassedOver, told)}
		if c.Best != nil {
			best := quoting.NewRow(c.Best.Sighting, told, c.Best.Why)
			item.Image, item.Use = &best, selection.UseOf(c.Best.Sighting, in.InstanceType)
		}
		f.Items = append(f.Items, item)
	}
	return f
}
