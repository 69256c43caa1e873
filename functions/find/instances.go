package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/usage"
)

// pageOfServers is how many instances a page has unless asked otherwise.
const pageOfServers = 1000

// server is one instance in the list.
type server struct {
	AccountID  image.AccountID  `json:"accountId"`
	RegionID   image.RegionID   `json:"regionId"`
	ZoneID     image.ZoneID     `json:"zoneId,omitempty"`
	InstanceID image.InstanceID `json:"instanceId"`
	// Name: the name of the instance.
	Name         string               `json:"name"`
	Status       image.InstanceStatus `json:"status"`
	InstanceType image.InstanceTypeID `json:"instanceType"`
	// CreatedAt: when the instance was made.
	CreatedAt time.Time `json:"createdAt"`
	ImageID   image.ID  `json:"imageId"`
	// ImageSeen: the image is still visible; what follows is told of it then.
	ImageSeen bool `json:"imageSeen"`
	// ImageName: the name of its image.
	ImageName   string       `json:"imageName,omitempty"`
	ImageKind   image.Kind   `json:"imageKind,omitempty"`
	Family      image.Family `json:"imageFamily,omitempty"`
	ImageStatus image.Status `json:"imageStatus,omitempty"`
	// ImageCreatedAt: when its image was made.
	ImageCreatedAt *time.Time `json:"imageCreatedAt,omitempty"`
	// ImageAgeDays: the age of its image, in whole days.
	ImageAgeDays *int `json:"imageAgeDays,omitempty"`
	// Behind: how many newer versions of its image there are; null: not known.
	Behind *int `json:"behind"`
	// BehindSince: when the first of these newer versions was made.
	BehindSince   *time.Time `json:"behindSince,omitempty"`
	NewestImageID image.ID   `json:"newestImageId,omitempty"`
	// OSName: the full name of the system, such as "Ubuntu  22.04 64 bit".
	OSName    string     `json:"osName,omitempty"`
	EndOfLife *endOfLife `json:"endOfLife,omitempty"`
	// LicencePerHour is by pay-as-you-go, whatever the instance is charged by.
	LicencePerHour *quoting.Licence `json:"licencePerHour"`
	// Reasons: what behind was judged by.
	Reasons []image.Reason `json:"reasons"`
	// Tags: the tags of the instance.
	Tags image.Tags `json:"tags"`
}

// endOfLife is until when an operating system gets updates.
type endOfLife struct {
	// Date: the last day with updates, as 2027-04-30.
	Date string `json:"date"`
	// Past: that day is over.
	Past bool `json:"past"`
	// Source: who published it.
	Source string `json:"source"`
	// AsOf: when it was looked up, as 2026-01-31.
	AsOf string `json:"asOf"`
}

// fleet is the answer of find.instances.
type fleet struct {
	*function.Problem
	AsOf       time.Time      `json:"asOf"`
	Items      []server       `json:"items"`
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	// LicencesUnread is what could not be read to price licences. The list of
	// instances is whole all the same.
	LicencesUnread []image.Unread `json:"licencesUnread,omitempty"`
	// Hints are what may have been meant, where there is nothing.
	Hints []image.Reason `json:"hints,omitempty"`
}

func (h handler) instances(ctx context.Context, call function.Call, in fleetInput) (fleet, error) {
	after, err := parseFleetCursor(in.Cursor)
	if err != nil {
		return fleet{}, err
	}
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return fleet{}, err
	}
	seen, err := usage.Look(ctx, all, here, in.filter())
	if err != nil {
		return fleet{}, err
	}
	out := fleet{Items: []server{}, Unknown: seen.Unread, Hints: seen.Hints}
	if len(seen.Unread) == 0 {
		total := len(seen.Servers)
		out.Total = &total
	}
	if seen.Read == 0 && len(seen.Unread) > 0 {
		if in.Format != "" && in.Format != "json" {
			return fleet{}, blind(seen.Unread)
		}
		out.Problem = call.Problem(blind(seen.Unread))
	}
	shown := out.page(seen.Servers, after, in.Limit)
	told, notRead := h.prices().OfServers(ctx, all, shown)
	out.AsOf, out.LicencesUnread = places.AsOf(all), notRead
	for n := range shown {
		out.Items = append(out.Items, newServerRow(shown[n], told[n], h.now()))
	}
	return out, nil
}

// page returns the servers after a place in the order, and sets the next cursor.
func (f *fleet) page(servers []usage.Server, after *fleetPlace, limit *int) []usage.Server {
	var shown []usage.Server
	most := pageOfServers
	if limit != nil {
		most = *limit
	}
	for _, s := range servers {
		if after != nil && !after.before(s) {
			continue
		}
		if len(shown) == most {
			last := shown[most-1]
			f.NextCursor = fleetPlace{last.Account, last.Region, last.ID}.cursor()
			break
		}
		shown = append(shown, s)
	}
	return shown
}

// fleetPlace is a place in the order of the fleet: that of usage.Fleet.
type fleetPlace struct {
	account image.AccountID
	region  image.RegionID
	id      image.InstanceID
}

// before: s comes after the place.
func (p fleetPlace) before(s usage.Server) bool {
	return cmp.Or(cmp.Compare(p.account, s.Account), cmp.Compare(p.region, s.Region), cmp.Compare(p.id, s.ID)) < 0
}

func (p fleetPlace) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(p.account) + "/" + string(p.region) + "/" + string(p.id)))
}

// parseFleetCursor reads the place that a cursor names; nil for none.
func parseFleetCursor(cursor string) (*fleetPlace, error) {
	if cursor == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.Split(string(text), "/")
	if err != nil || len(parts) != 3 {
		return nil, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
	}
	return &fleetPlace{image.AccountID(parts[0]), image.RegionID(parts[1]), image.InstanceID(parts[2])}, nil
}

func newServerRow(s usage.Server, told *quoting.Licence, now time.Time) server {
	out := server{
		AccountID: s.Account, RegionID: s.Region, ZoneID: s.Zone, InstanceID: s.ID, Name: s.Name, Status: s.Status, InstanceType: s.Type,
		CreatedAt: s.CreatedAt.UTC(), ImageID: s.Instance.Image, ImageSeen: s.Image != nil, BehindSince: known(s.Since), NewestImageID: s.Newest,
		OSName: s.OSName, LicencePerHour: told, Reasons: append([]image.Reason{s.Why}, quoting.ChargeReasons(s)...), Tags: s.Tags,
	}
	if out.Tags == nil {
		out.Tags = image.Tags{}
	}
	if i := s.Image; i != nil {
		days := max(0, int(now.Sub(i.CreatedAt).Hours()/24))
		out.ImageName, out.ImageKind, out.Family, out.ImageStatus = i.Name, i.Kind, i.FamilyName(), i.Status
		out.ImageCreatedAt, out.ImageAgeDays = known(i.CreatedAt), &days
	}
	if s.Behind >= 0 {
		out.Behind = &s.Behind
	}
	if l := s.Lifetime; l != nil {
		out.EndOfLife = &endOfLife{l.Ends.Format(time.DateOnly), now.After(l.Ends.AddDate(0, 0, 1)), l.Source, l.AsOf.Format(time.DateOnly)}
	}
	return out
}

// HTTPHeader repeats what a table has no place for.
func (f fleet) HTTPHeader() http.Header { return f.list().HTTPHeader() }

// list is the fleet's frame in the shape that all lists share.
func (f fleet) list() list {
	return list{Problem: f.Problem, NextCursor: f.NextCursor, Unknown: f.Unknown}
}

// Rows is the fleet as a table.
func (f fleet) Rows() ([]string, iter.Seq[[]string]) {
	head := []string{
		"accountId", "regionId", "instanceId", "name", "status", "instanceType", "imageId", "imageName", "imageKind", "imageFamily",
		"imageCreatedAt", "imageAgeDays", "behind", "behindSince", "newestImageId", "osName", "endOfLife", "pastEndOfLife", "createdAt", "tags",
		"licencePerHour", "licenceCurrency", "licenceRule", "licenceUnknown",
	}
	return head, func(yield func([]string) bool) {
		for i := range f.Items {
			if !yield(f.Items[i].columns()) {
				return
			}
		}
	}
}

func (s server) columns() []string {
	tags := make([]string, 0, len(s.Tags))
	for _, key := range s.Tags.Keys() {
		tags = append(tags, key+"="+s.Tags[key])
	}
	ends, past := "unknown", "unknown"
	if s.EndOfLife != nil {
		ends, past = s.EndOfLife.Date, strconv.FormatBool(s.EndOfLife.Past)
	}
	unknown := ""
	if why := s.LicencePerHour.Unknown; len(why) > 0 {
		unknown = why[0].Code
	}
	return append(append([]string{
		string(s.AccountID), string(s.RegionID), string(s.InstanceID), s.Name, string(s.Status), string(s.InstanceType), string(s.ImageID),
		s.ImageName, string(s.ImageKind), string(s.Family), moment(s.ImageCreatedAt), number(s.ImageAgeDays), number(s.Behind),
		moment(s.BehindSince), string(s.NewestImageID), s.OSName, ends, past, s.CreatedAt.Format(time.RFC3339), strings.Join(tags, " "),
	}, s.LicencePerHour.Columns()...), unknown)
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func number(n *int) string {
	if n == nil {
		return "unknown"
	}
	return strconv.Itoa(*n)
}

// Lines is the fleet one instance per line, and then one line with the rest.
func (f fleet) Lines() iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := range f.Items {
			if !yield(f.Items[i]) {
				return
			}
		}
		yield(end{End: true, AsOf: f.AsOf, Count: len(f.Items), Total: f.Total, NextCursor: f.NextCursor, Unknown: f.Unknown, LicencesUnread: f.LicencesUnread, Hints: f.Hints})
	}
}

// LineTypes are an instance, and the last line.
func (f fleet) LineTypes() []any { return []any{server{}, end{}} }
