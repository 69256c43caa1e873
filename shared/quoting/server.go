package quoting

import (
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// Server is one instance in the list.
type Server struct {
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
	EndOfLife *EndOfLife `json:"endOfLife,omitempty"`
	// LicencePerHour is by pay-as-you-go, whatever the instance is charged by.
	LicencePerHour *Licence `json:"licencePerHour"`
	// Reasons: what behind was judged by.
	Reasons []image.Reason `json:"reasons"`
	// Tags: the tags of the instance.
	Tags image.Tags `json:"tags"`
}

// EndOfLife is until when an operating system gets updates.
type EndOfLife struct {
	// Date: the last day with updates, as 2027-04-30.
	Date string `json:"date"`
	// Past: that day is over.
	Past bool `json:"past"`
	// Source: who published it.
	Source string `json:"source"`
	// AsOf: when it was looked up, as 2026-01-31.
	AsOf string `json:"asOf"`
}

// NewServer is an instance with what its licence costs.
func NewServer(s usage.Server, told *Licence, now time.Time) Server {
	out := Server{
		AccountID: s.Account, RegionID: s.Region, ZoneID: s.Zone, InstanceID: s.ID, Name: s.Name, Status: s.Status, InstanceType: s.Type,
		CreatedAt: s.CreatedAt.UTC(), ImageID: s.Instance.Image, ImageSeen: s.Image != nil, BehindSince: moment(s.Since), NewestImageID: s.Newest,
		OSName: s.OSName, LicencePerHour: told, Reasons: append([]image.Reason{s.Why}, ChargeReasons(s)...), Tags: s.Tags,
	}
	if out.Tags == nil {
		out.Tags = image.Tags{}
	}
	if i := s.Image; i != nil {
		days := max(0, int(now.Sub(i.CreatedAt).Hours()/24))
		out.ImageName, out.ImageKind, out.Family, out.ImageStatus = i.Name, i.Kind, i.FamilyName(), i.Status
		out.ImageCreatedAt, out.ImageAgeDays = moment(i.CreatedAt), &days
	}
	if s.Behind >= 0 {
		out.Behind = &s.Behind
	}
	if l := s.Lifetime; l != nil {
		out.EndOfLife = &EndOfLife{l.Ends.Format(time.DateOnly), now.After(l.Ends.AddDate(0, 0, 1)), l.Source, l.AsOf.Format(time.DateOnly)}
	}
	return out
}

// ServerHeader names the columns of instances in a table.
func ServerHeader() []string {
	return []string{
		"accountId", "regionId", "instanceId", "name", "status", "instanceType", "imageId", "imageName", "imageKind", "imageFamily",
		"imageCreatedAt", "imageAgeDays", "behind", "behindSince", "newestImageId", "osName", "endOfLife", "pastEndOfLife", "createdAt", "tags",
		"licencePerHour", "licenceCurrency", "licenceRule", "licenceUnknown",
	}
}

// Columns are the instance in a table.
func (s Server) Columns() []string {
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
		s.ImageName, string(s.ImageKind), string(s.Family), shown(s.ImageCreatedAt), number(s.ImageAgeDays), number(s.Behind),
		shown(s.BehindSince), string(s.NewestImageID), s.OSName, ends, past, s.CreatedAt.Format(time.RFC3339), strings.Join(tags, " "),
	}, s.LicencePerHour.Columns()...), unknown)
}

func shown(t *time.Time) string {
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

// moment is a time that may be missing.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
