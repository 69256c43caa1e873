package cloudsim

import (
	"context"
	"fmt"

	"imagekeeper/shared/image"
)

// Events looks up events of a region, latest first, and tells whether that is all:
// no more than want.Most are read.
func (v *View) Events(ctx context.Context, region image.RegionID, want image.EventListing) (list []image.Event, all bool, err error) {
	req := LookupEventsRequest{RegionID: region, From: want.From, To: want.To, MaxResults: eventsPerPage}
	for _, a := range []LookupAttribute{{"ResourceName", want.Resource}, {"EventName", want.Name}} {
		if a.Value != "" {
			req.Attributes = append(req.Attributes, a)
		}
	}
	most := orDefault(want.Most, 1000)
	for {
		page, err := read(ctx, v, func(s *Session) (EventsPage, error) { return s.LookupEvents(req) })
		if err != nil {
			return nil, false, err
		}
		for _, e := range page.Events {
			list = append(list, e.seen(region))
		}
		switch req.Next = page.Next; {
		case req.Next == "":
			return list, true, nil
		case len(list) >= most:
			return list[:most], false, nil
		}
	}
}

// seen is the event as whoever looks it up reads it.
func (e *Event) seen(region image.RegionID) image.Event {
	out := image.Event{
		Account: e.By.Account, Region: region, ID: e.ID, Name: e.Name, Service: "Ecs", At: e.At, Who: e.By.Name,
		Parameters: map[string]string{}, Made: map[string][]string{}, Resources: e.Resources,
	}
	for name, value := range e.Request {
		switch v := value.(type) {
		case string, int, bool:
			out.Parameters[name] = fmt.Sprint(v)
		}
	}
	collect("", e.Response, out.Made)
	return out
}

// collect gathers the texts in an answer by the names that they, or their lists,
// have.
func collect(name string, in any, found map[string][]string) {
	switch v := in.(type) {
	case map[string]any:
		for name, value := range v {
			collect(name, value, found)
		}
	case []string:
		found[name] = append(found[name], v...)
	case string:
		found[name] = append(found[name], v)
	}
}
