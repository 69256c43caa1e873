package alicloud

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// eventPage is the most rows that a page of events holds; mostEvents how many are
// read unless more are asked for.
const (
	eventPage  = 50
	mostEvents = 1000
)

// Events looks up who called what in a region, latest first, and tells whether
// that is all there was: no more than want.Most are read. Events show ten minutes
// late, are kept for 90 days, and not all name what they were about, so none is no
// proof. Source: ActionTrail LookupEvents.
func (a *Account) Events(ctx context.Context, in image.RegionID, want image.EventListing) (events []image.Event, all bool, err error) {
	if want.From.IsZero() != want.To.IsZero() {
		return nil, false, fault.InField("from", "required", "both ends of the time, or none")
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, false, err
	}
	most := want.Most
	if most <= 0 {
		most = mostEvents
	}
	l := a.events(account, in, want)
	used := map[string]bool{"": true}
	for token := ""; ; {
		got, err := l.page(ctx, a, 0, token, nil)
		if err != nil {
			return nil, false, err
		}
		events = append(events, got.rows...)
		switch {
		case got.token == "":
			return events, true, nil
		case used[got.token]:
			return nil, false, l.contradiction()
		case len(events) >= most:
			return events[:most], false, nil
		}
		token = got.token
		used[token] = true
	}
}

// events is the listing of Events.
func (a *Account) events(account image.AccountID, in image.RegionID, want image.EventListing) listing[image.Event] {
	given := params{
		"RegionId": string(in), "StartTime": instant(want.From), "EndTime": instant(want.To), "Direction": "BACKWARD", "MaxResults": strconv.Itoa(eventPage),
	}
	n := 0
	for _, attribute := range [][2]string{{"ResourceName", want.Resource}, {"EventName", want.Name}} {
		if attribute[1] != "" {
			n++
			at := "LookupAttribute." + strconv.Itoa(n)
			given[at+".Key"], given[at+".Value"] = attribute[0], attribute[1]
		}
	}
	return listing[image.Event]{
		operation: "actiontrail:LookupEvents", account: account, region: in, size: eventPage,
		shape: shape[image.Event]{outer: "Events", row: eventFields()},
		request: func(_ int, token string) params {
			return given.with("NextToken", token)
		},
		key: func(e *image.Event) string { return e.ID },
		check: func(e *image.Event) error {
			if e.Account == "" {
				e.Account = account
			}
			e.Region = image.RegionID(either(string(e.Region), string(in)))
			return same(account, e.Account)
		},
	}
}

// eventFields reads an event. Its members are free-form: what is not as expected
// is left out.
func eventFields() fields[image.Event] {
	who := fields[image.Event]{
		"userName": func(s *scanner, e *image.Event) { e.Who = s.str() },
		"type":     func(s *scanner, e *image.Event) { e.Who = either(e.Who, s.str()) },
	}
	return fields[image.Event]{
		"eventId":            func(s *scanner, e *image.Event) { e.ID = s.str() },
		"eventName":          func(s *scanner, e *image.Event) { e.Name = s.word() },
		"serviceName":        func(s *scanner, e *image.Event) { e.Service = s.word() },
		"eventTime":          func(s *scanner, e *image.Event) { e.At = s.moment() },
		"acsRegion":          func(s *scanner, e *image.Event) { e.Region = image.RegionID(s.word()) },
		"recipientAccountId": func(s *scanner, e *image.Event) { e.Account = s.account() },
		"errorCode":          func(s *scanner, e *image.Event) { e.Failed = s.word() },
		"userIdentity":       func(s *scanner, e *image.Event) { who.read(s, e) },
		"requestParameters":  func(s *scanner, e *image.Event) { e.Parameters = s.scalars() },
		"responseElements":   func(s *scanner, e *image.Event) { e.Made = s.lists() },
		"referencedResources": func(s *scanner, e *image.Event) {
			e.Resources = s.lists()
		},
	}
}

// scalars reads the scalar members of the next object, if it is one.
func (s *scanner) scalars() map[string]string {
	found := map[string]string{}
	if s.peek() != '{' {
		s.skip()
		return nil
	}
	s.object(func(key []byte) {
		name := string(key)
		switch s.peek() {
		case '{', '[':
			s.skip()
		default:
			found[name] = s.str()
		}
	})
	return found
}

// lists reads the texts that stand in the next object, at whatever depth, by the
// name that they or their list have.
func (s *scanner) lists() map[string][]string {
	found := map[string][]string{}
	s.collect("", found)
	return found
}

func (s *scanner) collect(name string, found map[string][]string) {
	switch s.peek() {
	case '{':
		s.object(func(key []byte) { s.collect(string(key), found) })
	case '[':
		s.array(func() { s.collect(name, found) })
	case '"':
		found[name] = append(found[name], s.str())
	default:
		s.skip()
	}
}

// Role returns a role of the account, and the services that may assume it. It
// fails with fault.NotFound for one that does not exist; one that may not be looked
// at is not known, not missing. Source: RAM GetRole.
func (a Operator) Role(ctx context.Context, name string) (image.Role, error) {
	if !in(name, 1, 64, ".@_-") {
		return image.Role{}, fault.InField("role", "roleMalformed", "must be the name of a role")
	}
	account, err := a.ID(ctx)
	if err != nil {
		return image.Role{}, err
	}
	type said struct {
		image.Role
		trust string
	}
	row := fields[said]{
		"RoleName":                 func(s *scanner, r *said) { r.Name = s.str() },
		"Arn":                      func(s *scanner, r *said) { r.ARN = s.str() },
		"AssumeRolePolicyDocument": func(s *scanner, r *said) { r.trust = s.str() },
	}
	got, err := ask(ctx, a.Account, question[said]{
		operation: "ram:GetRole", account: account,
		given:  params{"RoleName": name},
		fields: fields[said]{"Role": func(s *scanner, r *said) { row.read(s, r) }},
		whole:  func(r said) bool { return strings.EqualFold(r.Name, name) },
	})
	if err != nil {
		return image.Role{}, err
	}
	got.Trusted = trusted(got.trust)
	return got.Role, nil
}

// trusted are the services that a trust policy allows to assume its role, in
// order. What cannot be read trusts nobody.
func trusted(document string) []string {
	var policy struct {
		Statement []struct {
			Effect    string
			Principal struct{ Service oneOrMore }
		}
	}
	if json.Unmarshal([]byte(document), &policy) != nil {
		return nil
	}
	var services []string
	for _, s := range policy.Statement {
		if s.Effect == "Allow" {
			services = append(services, s.Principal.Service...)
		}
	}
	slices.Sort(services)
	return slices.Compact(services)
}

// oneOrMore is a text, or a list of them.
type oneOrMore []string

// UnmarshalJSON reads either.
func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}
