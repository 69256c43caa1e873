package function

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// anyName registers for every timer or event that has no operation of its own.
const anyName = "*"

// trigger is what makes an operation run beside a caller.
type trigger struct {
	source Source // empty: none
	name   string // of the timer, or the type of the event
}

// Tick is one firing of a timer.
type Tick struct {
	// Name is the trigger's.
	Name string
	// At is when it was due, UTC. A timer may fire twice for the same time.
	At time.Time
	// Payload is the text configured with the trigger.
	Payload string
}

// Object is a change of one OSS object.
type Object struct {
	// Event is e.g. "ObjectCreated:PutObject".
	Event  string
	Region string
	Bucket string
	// Key is as OSS wrote it.
	Key string
	// Bytes is the size now.
	Bytes int64
	ETag  string
	At    time.Time
}

// Event is one event of an event bus: a CloudEvent of Alibaba Cloud's or an
// event of AWS's EventBridge.
type Event[Data any] struct {
	ID     string
	Source string
	// Type is e.g. "ecs:Instance:StateChange".
	Type    string
	Subject string
	At      time.Time
	Account string
	Region  string
	Data    Data
}

// OnTimer makes do the answer to the timer trigger called name; "*" means
// every other timer. Timers fire at least once, so do must be repeatable.
func OnTimer[Out any](name string, do func(ctx context.Context, call Call, tick Tick) (Out, error)) Operation {
	return onTrigger(trigger{SourceTimer, name}, given, do)
}

// OnObjects makes do the answer to notifications of OSS. They come at least once.
func OnObjects[Out any](do func(ctx context.Context, call Call, changed []Object) (Out, error)) Operation {
	return onTrigger(trigger{SourceObject, anyName}, given, do)
}

// OnEvent makes do the answer to events of an event bus of that type; "*"
// means every other type. Data is decoded leniently: who sends events may add
// to them. Events come at least once.
func OnEvent[Data, Out any](kind string, do func(ctx context.Context, call Call, event Event[Data]) (Out, error)) Operation {
	return onTrigger(trigger{SourceEvent, kind}, carried[Data], do)
}

func onTrigger[In, Out any](on trigger, decode func(input) (any, error), do func(context.Context, Call, In) (Out, error)) Operation {
	return Operation{
		spec:    Spec{Name: string(on.source) + ":" + on.name},
		trigger: on,
		out:     reflect.TypeFor[Out](),
		decode:  decode,
		do: func(ctx context.Context, call Call, in any) (any, error) {
			return do(ctx, call, in.(In))
		},
	}
}

func given(in input) (any, error) { return in.event, nil }

// carried decodes the data of an event.
func carried[Data any](in input) (any, error) {
	raw := in.event.(Event[json.RawMessage])
	event := Event[Data]{
		ID: raw.ID, Source: raw.Source, Type: raw.Type, Subject: raw.Subject,
		At: raw.At, Account: raw.Account, Region: raw.Region,
	}
	if len(raw.Data) == 0 {
		return event, nil
	}
	if err := json.Unmarshal(raw.Data, &event.Data); err != nil {
		e := fault.InField("data", codeValue, "is not what events of type %s carry", strictjson.Shown(raw.Type))
		e.Cause = err
		return nil, e
	}
	return event, nil
}
