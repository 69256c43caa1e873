package function

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// arrival is an event whose shape was recognised; exactly one kind of it.
type arrival struct {
	source    Source
	http      *httpEvent
	operation string // of a direct call
	name      string // of a timer, or the type of an event
	in        input
}

// maxEvent is the largest event that is looked into, in bytes: a body of the
// largest size in base64, and more than enough around it.
const maxEvent = 1 << 20

// shape recognises events by their members.
type shape struct {
	source Source
	fits   func(members) bool
	read   func(raw []byte) (arrival, error)
}

type members map[string]json.RawMessage

// shapes are tried in order.
func shapes() []shape {
	return []shape{
		{SourceDirect, fitsDirect, readDirect},
		{SourceHTTP, fitsHTTP, readHTTP},
		{SourceTimer, fitsTimer, readTimer},
		{SourceObject, fitsObjects, readObjects},
		{SourceEvent, fitsCloudEvent, readCloudEvent},
		{SourceEvent, fitsAWSEvent, readAWSEvent},
	}
}

// recognise tells what an event is. An event that is no known shape, or is
// malformed inside one, fails with fault.Invalid; its source is known in the
// latter case, so that the answer can have the right form.
func recognise(raw []byte) (arrival, error) {
	raw = bytes.TrimSpace(raw)
	flaw := flawOf(raw)
	var m members
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return arrival{}, cmp.Or(flaw, unrecognised())
	}
	for _, s := range shapes() {
		if !s.fits(m) {
			continue
		}
		came := arrival{source: s.source}
		err := flaw
		if s.source == SourceHTTP || s.source == SourceDirect {
			err = flawOfRequest(flaw)
		}
		if err == nil {
			came, err = s.read(raw)
		}
		came.source = cmp.Or(came.source, s.source)
		return came, err
	}
	return arrival{}, cmp.Or(flaw, unrecognised())
}

// flawOf is what makes an event ambiguous or too much, whatever its shape.
func flawOf(raw []byte) error {
	if len(raw) > maxEvent {
		return tooLarge(maxBody)
	}
	return strictjson.Check(raw, typeOf[json.RawMessage]())
}

// flawOfRequest names what a caller sent rather than the member of the event
// that brings it.
func flawOfRequest(flaw error) error {
	var e *fault.Error
	if !errors.As(flaw, &e) {
		return flaw
	}
	named := *e
	switch name, rest, _ := strings.Cut(e.Field, "."); {
	case name == "queryParameters", name == "headers", name == "input" && rest != "":
		named.Field = rest
	case name == "rawPath", e.Field == "requestContext.http.path":
		named.Field, named.Sentence = "", inPath+" "+e.Sentence
	case name == "rawQueryString":
		named.Field, named.Sentence = "", inQuery+" "+e.Sentence
	case name == "body":
		named.Field, named.Sentence = "", inBody+" "+e.Sentence
	}
	return &named
}

func tooLarge(limit int) error {
	return fault.New(fault.Invalid, "the body is larger than %d KiB", limit>>10).WithCode(codeTooLarge)
}

func unrecognised() error {
	return fault.New(fault.Invalid, "not an event of a kind this function knows; "+
		`call it as {"operation":"…","input":{…}}`).WithCode(codeEvent)
}

func (m members) has(keys ...string) bool {
	for _, key := range keys {
		if _, ok := m[key]; !ok {
			return false
		}
	}
	return true
}

// text returns a member that is a string.
func (m members) text(key string) string {
	var s string
	if json.Unmarshal(m[key], &s) != nil {
		return ""
	}
	return s
}

func fitsDirect(m members) bool { return m.has("operation") }

func readDirect(raw []byte) (arrival, error) {
	var call struct {
		Operation string          `json:"operation"`
		Input     json.RawMessage `json:"input"`
	}
	if err := strictjson.Decode(raw, &call); err != nil {
		return arrival{}, err
	}
	if string(call.Input) == "null" {
		return arrival{}, fault.InField("input", strictjson.CodeType, "must be an object, not null")
	}
	if len(call.Input) > maxBody {
		return arrival{}, tooLarge(maxBody)
	}
	return arrival{source: SourceDirect, operation: call.Operation, in: input{body: call.Input}}, nil
}

func fitsHTTP(m members) bool {
	version := m.text("version")
	return (version == "v1" || version == "2.0") && m.has("requestContext", "headers") && m.has("rawPath")
}

func readHTTP(raw []byte) (arrival, error) {
	event := &httpEvent{}
	if err := json.Unmarshal(raw, event); err != nil {
		return arrival{}, malformed(err, "an HTTP request")
	}
	if event.RequestContext.HTTP.Method == "" {
		return arrival{}, unrecognised()
	}
	return arrival{source: SourceHTTP, http: event}, nil
}

func malformed(err error, what string) error {
	return fault.Wrap(fault.Invalid, err, "looks like %s but is malformed", what).WithCode(codeEvent)
}

func fitsTimer(m members) bool {
	n := 2
	if m.has("payload") {
		n++
	}
	return m.has("triggerTime", "triggerName") && len(m) == n
}

func readTimer(raw []byte) (arrival, error) {
	var t struct {
		TriggerTime time.Time `json:"triggerTime"`
		TriggerName string    `json:"triggerName"`
		Payload     string    `json:"payload"`
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return arrival{}, malformed(err, "a timer's event")
	}
	return tick(Tick{Name: t.TriggerName, At: t.TriggerTime.UTC(), Payload: t.Payload}), nil
}

func tick(t Tick) arrival {
	return arrival{source: SourceTimer, name: t.Name, in: input{event: t}}
}

// ossEvent is one entry of an OSS notification.
type ossEvent struct {
	EventName   string    `json:"eventName"`
	EventSource string    `json:"eventSource"`
	EventTime   time.Time `json:"eventTime"`
	Region      string    `json:"region"`
	OSS         struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key  string `json:"key"`
			Size int64  `json:"size"`
			ETag string `json:"eTag"`
		} `json:"object"`
	} `json:"oss"`
}

func fitsObjects(m members) bool {
	var events []struct {
		EventSource string          `json:"eventSource"`
		OSS         json.RawMessage `json:"oss"`
	}
	if len(m) != 1 || json.Unmarshal(m["events"], &events) != nil || len(events) == 0 {
		return false
	}
	for _, e := range events {
		if e.EventSource != "acs:oss" || len(e.OSS) == 0 {
			return false
		}
	}
	return true
}

func readObjects(raw []byte) (arrival, error) {
	var notice struct {
		Events []ossEvent `json:"events"`
	}
	if err := json.Unmarshal(raw, &notice); err != nil {
		return arrival{}, malformed(err, "a notification of OSS")
	}
	return objects(notice.Events)
}

// objects are changes that OSS tells of, by itself or over an event bus.
func objects(events []ossEvent) (arrival, error) {
	changed := make([]Object, len(events))
	for i, e := range events {
		if e.OSS.Bucket.Name == "" || e.OSS.Object.Key == "" {
			return arrival{}, fault.InField("events", codeEvent, "must name bucket and key")
		}
		changed[i] = Object{
			Event: strings.TrimPrefix(e.EventName, ossEvents), Region: e.Region, Bucket: e.OSS.Bucket.Name, Key: e.OSS.Object.Key,
			Bytes: e.OSS.Object.Size, ETag: e.OSS.Object.ETag, At: e.EventTime.UTC(),
		}
	}
	return arrival{source: SourceObject, name: anyName, in: input{event: changed}}, nil
}

// How the events of OSS are told on a bus; source: EventBridge, events of OSS.
const (
	ossSource = "acs.oss"
	ossEvents = "oss:"
)

func fitsCloudEvent(m members) bool {
	return m.text("specversion") == "1.0" && m.has("id", "source", "type")
}

func readCloudEvent(raw []byte) (arrival, error) {
	var e struct {
		ID      string          `json:"id"`
		Source  string          `json:"source"`
		Type    string          `json:"type"`
		Subject string          `json:"subject"`
		Time    time.Time       `json:"time"`
		Account string          `json:"aliyunaccountid"`
		Region  string          `json:"aliyunregionid"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return arrival{}, malformed(err, "a CloudEvent")
	}
	return busEvent(Event[json.RawMessage]{
		ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject,
		At: e.Time.UTC(), Account: e.Account, Region: e.Region, Data: e.Data,
	})
}

// busEvent is an event of a bus. What OSS tells over one is what it tells by itself;
// a bridge from another bus may have put the whole event into the data.
func busEvent(e Event[json.RawMessage]) (arrival, error) {
	if e.Source != ossSource || !strings.HasPrefix(e.Type, ossEvents) {
		return arrival{source: SourceEvent, name: e.Type, in: input{event: e}}, nil
	}
	var m members
	if json.Unmarshal(e.Data, &m) == nil && fitsCloudEvent(m) {
		return readCloudEvent(e.Data)
	}
	var told ossEvent
	if err := json.Unmarshal(e.Data, &told); err != nil {
		return arrival{}, malformed(err, "an event of OSS")
	}
	if told.EventName == "" {
		told.EventName = e.Type
	}
	if told.EventTime.IsZero() {
		told.EventTime = e.At
	}
	if told.Region == "" {
		told.Region = e.Region
	}
	return objects([]ossEvent{told})
}

func fitsAWSEvent(m members) bool { return m.has("id", "detail-type", "source", "detail") }

// readAWSEvent reads an event of AWS's EventBridge. Its scheduled events are
// timers, named by their rule.
func readAWSEvent(raw []byte) (arrival, error) {
	var e struct {
		ID        string          `json:"id"`
		Kind      string          `json:"detail-type"`
		Source    string          `json:"source"`
		Account   string          `json:"account"`
		Time      time.Time       `json:"time"`
		Region    string          `json:"region"`
		Resources []string        `json:"resources"`
		Detail    json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return arrival{}, malformed(err, "an event of EventBridge")
	}
	subject := ""
	if len(e.Resources) > 0 {
		subject = e.Resources[0]
	}
	if e.Kind == "Scheduled Event" {
		return tick(Tick{Name: subject[strings.LastIndexByte(subject, '/')+1:], At: e.Time.UTC()}), nil
	}
	return busEvent(Event[json.RawMessage]{
		ID: e.ID, Source: e.Source, Type: e.Kind, Subject: subject,
		At: e.Time.UTC(), Account: e.Account, Region: e.Region, Data: e.Detail,
	})
}
