package cloudsim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// How long ActionTrail keeps events, how long after they happened they can be
// looked up, and how far back a look without a start goes; source: limits and
// LookupEvents.
const (
	eventsKept   = 90 * 24 * time.Hour
	eventsDelay  = 10 * time.Minute
	eventsSought = 7 * 24 * time.Hour
)

// eventsPerPage is how many events one answer of LookupEvents has at most.
const eventsPerPage = 50

// Event is what ActionTrail keeps of one call that changed something.
type Event struct {
	ID   string
	Name string
	// Type is ApiCall, or ConsoleOperation or AliyunServiceEvent for what was put
	// in so.
	Type string
	At   time.Time
	By   Caller
	// Request has the call's parameters by their names on the wire, Response the
	// answer.
	Request, Response map[string]any
	// Resources are the ids that the event is about, by type, such as
	// ACS::ECS::Image.
	Resources map[string][]string
}

// The types of the resources of an event.
const (
	TrailImage    = "ACS::ECS::Image"
	TrailInstance = "ACS::ECS::Instance"
	TrailDisk     = "ACS::ECS::Disk"
	TrailSnapshot = "ACS::ECS::Snapshot"
)

// leave keeps an event of the session's, which changed something in the region.
// The cloud is locked.
func (s *Session) leave(r *region, name string, request, response map[string]any, resources map[string][]string) {
	now := s.cloud.now()
	r.trail = slices.DeleteFunc(r.trail, func(e Event) bool { return now.Sub(e.At) >= eventsKept })
	r.trail = append(r.trail, Event{
		ID: strings.ToUpper(s.cloud.random.letters(32)), Name: name, Type: "ApiCall", At: now.Truncate(time.Second), By: s.caller,
		Request: told(request), Response: told(response), Resources: told(resources),
	})
}

// told is without what a call left open.
func told[V any](fields map[string]V) map[string]V {
	kept := map[string]V{}
	for name, value := range fields {
		switch v := any(value).(type) {
		case string:
			if v == "" {
				continue
			}
		case int:
			if v == 0 {
				continue
			}
		case bool:
			if !v {
				continue
			}
		case []string:
			if len(v) == 0 || v[0] == "" {
				continue
			}
		}
		kept[name] = value
	}
	return kept
}

// numberedAs are the values of a repeat by their names on the wire.
func numberedAs[T ~string](fields map[string]any, name string, values []T) map[string]any {
	for i, v := range values {
		fields[name+"."+strconv.Itoa(i+1)] = string(v)
	}
	return fields
}

// AddEvent puts an event in, as past the API; its time is to be given. It panics
// for a region that does not exist.
func (c *Cloud) AddEvent(regionID image.RegionID, e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.mustRegion(regionID)
	if e.ID == "" {
		e.ID = strings.ToUpper(c.random.letters(32))
	}
	if e.Type == "" {
		e.Type = "ApiCall"
	}
	at := len(r.trail)
	for at > 0 && r.trail[at-1].At.After(e.At) {
		at--
	}
	r.trail = slices.Insert(r.trail, at, e)
}

// LookupAttribute is one LookupAttribute.N of LookupEvents.
type LookupAttribute struct{ Key, Value string }

// LookupEventsRequest are the parameters of LookupEvents. From and To are given
// both or neither. At most two attributes are named.
type LookupEventsRequest struct {
	RegionID   image.RegionID
	From, To   time.Time
	Forward    bool
	MaxResults int // 1 to 50; zero means 20
	Next       string
	Attributes []LookupAttribute
}

// EventsPage is one page of LookupEvents.
type EventsPage struct {
	Events   []Event
	From, To time.Time
	Next     string
}

// lookupKeys are what events can be looked up by; source: LookupEvents.
func lookupKeys() []string {
	return []string{
		"ServiceName", "EventName", "User", "EventId", "ResourceType", "ResourceName", "EventRW", "EventAccessKeyId",
		"SensitiveAction", "SourceIpAddress", "EventType", "RoleName",
	}
}

// LookupEvents lists the account's events of a region, newest first unless
// forward, from ten minutes after they happened until 90 days after. Refusals:
// InvalidParameter, InvalidRegionId.NotFound.
func (s *Session) LookupEvents(req LookupEventsRequest) (EventsPage, error) {
	if action := "actiontrail:LookupEvents"; !s.caller.may(action, "") {
		no := denied(action)
		no.Code = "NoPermission"
		return EventsPage{}, no
	}
	if err := checkLookup(req); err != nil {
		return EventsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	if req.From.IsZero() {
		req.From, req.To = now.Add(-eventsSought).Truncate(time.Second), now.Truncate(time.Second)
	}
	var found []Event
	for _, e := range c.regions[req.RegionID].trail {
		if e.By.Account == s.caller.Account && e.shown(req, now, c.options.EventsDelay) {
			found = append(found, e)
		}
	}
	if !req.Forward {
		slices.Reverse(found)
	}
	from := 0
	if req.Next != "" {
		if from = slices.IndexFunc(found, func(e Event) bool { return e.ID == req.Next }); from < 0 {
			return EventsPage{}, malformed(400, "InvalidParameter", "The specified parameter NextToken is not valid.")
		}
	}
	page := EventsPage{From: req.From, To: req.To, Events: found[from:]}
	if size := orDefault(req.MaxResults, 20); len(page.Events) > size {
		page.Next, page.Events = page.Events[size].ID, page.Events[:size]
	}
	return page, nil
}

func checkLookup(req LookupEventsRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	wrong := func(name string) error {
		return malformed(400, "InvalidParameter", "The specified parameter %s is not valid.", name)
	}
	switch {
	case req.From.IsZero() != req.To.IsZero(), req.To.Before(req.From):
		return wrong("StartTime")
	case req.MaxResults < 0 || req.MaxResults > eventsPerPage:
		return wrong("MaxResults")
	case len(req.Attributes) > 2:
		return wrong("LookupAttribute")
	}
	for _, a := range req.Attributes {
		if !slices.Contains(lookupKeys(), a.Key) {
			return wrong("LookupAttribute.1.Key")
		}
	}
	return nil
}

// shown reports whether the event answers the request at now.
func (e *Event) shown(req LookupEventsRequest, now time.Time, delay time.Duration) bool {
	if e.At.Before(req.From) || e.At.After(req.To) || now.Sub(e.At) < delay || now.Sub(e.At) >= eventsKept {
		return false
	}
	return !slices.ContainsFunc(req.Attributes, func(a LookupAttribute) bool { return !e.has(a) })
}

func (e *Event) has(a LookupAttribute) bool {
	switch a.Key {
	case "ServiceName":
		return a.Value == "Ecs"
	case "EventName":
		return a.Value == e.Name
	case "EventId":
		return a.Value == e.ID
	case "EventRW":
		return a.Value == "Write"
	case "EventType":
		return a.Value == e.Type
	case "User":
		return a.Value == e.By.Name
	case "ResourceType":
		return len(e.Resources[a.Value]) > 0
	case "ResourceName":
		return slices.ContainsFunc(slices.Collect(maps.Values(e.Resources)), func(ids []string) bool { return slices.Contains(ids, a.Value) })
	}
	return false // what nothing here is known by
}
