package function

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// trace is what one event did, for its line in the log. An operation that is
// answered for because it was late may still write to it.
type trace struct {
	mu        sync.Mutex
	log       *slog.Logger
	caller    Caller
	subject   []any
	said      []any
	undone    bool
	calls     int
	throttled int
}

type traceKey struct{}

// traced adds a trace to ctx.
func traced(ctx context.Context, log *slog.Logger) (context.Context, *trace) {
	t := &trace{log: log}
	return context.WithValue(ctx, traceKey{}, t), t
}

func traceOf(ctx context.Context) *trace {
	t, _ := ctx.Value(traceKey{}).(*trace)
	return t
}

// CloudCall notes one attempt of a call to the cloud that an event made: what it
// was, as RAM names it, where and as whom; the vendor's id of it; how long it
// took; and why it failed, nil if it did not. The line of the event counts
// them; with LOG_LEVEL=debug each has a line of its own. It is safe for
// concurrent use, and does nothing outside an event.
func CloudCall(ctx context.Context, action, region, account, requestID string, took time.Duration, failed error) {
	t := traceOf(ctx)
	if t == nil {
		return
	}
	kind := fault.Of(failed)
	t.mu.Lock()
	t.calls++
	if kind == fault.Throttled {
		t.throttled++
	}
	log := t.log
	t.mu.Unlock()
	attrs := []any{"action", action, "region", region, "account", account, "vendor_request_id", requestID, "ms", took.Milliseconds()}
	if failed != nil {
		attrs = append(attrs, "kind", string(kind), "code", fault.Code(failed))
	}
	log.DebugContext(ctx, "call", attrs...)
}

// came notes who asks for what.
func (t *trace) came(call Call, op *Operation) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.caller, t.log = call.Caller, call.Log
	if op.trigger.source != "" {
		t.subject = []any{"name", op.trigger.name}
	}
}

// asked notes what the input names: the thing that the route is about.
func (t *trace) asked(op *Operation, in any) {
	if t == nil || op.in == nil {
		return
	}
	names := wildcards(op.spec.Pattern)
	v := reflect.ValueOf(in)
	var subject []any
	for _, f := range strictjson.Fields(op.in) {
		if slices.Contains(names, f.Name) {
			subject = append(subject, f.Name, v.FieldByIndex(f.Index).String())
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subject = subject
}

// answered notes what an output tells, in the words that all answers share.
func (t *trace) answered(out any) {
	if t == nil {
		return
	}
	said, undone := summary(out)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said, t.undone = said, undone
}

// line is what the trace adds to the line of its event, and whether something
// was not done.
func (t *trace) line() (attrs []any, undone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	attrs = slices.Clone(t.subject)
	if t.caller.Subject != "" {
		attrs = append(attrs, "caller", t.caller.Subject)
	}
	if t.caller.Issuer != "" {
		attrs = append(attrs, "issuer", t.caller.Issuer)
	}
	attrs = append(attrs, t.said...)
	return append(attrs, "calls", t.calls, "throttled", t.throttled), t.undone
}

// summary is what an output tells, by the members that mean the same in every
// answer: id and state of a work, its digest or its plan's, the plan's changes,
// applied, complete, recorded, outcomes and items by result, unknown by code, total.
// undone: something was not read, or not done.
func summary(out any) (attrs []any, undone bool) {
	v := reflect.Indirect(reflect.ValueOf(out))
	planned := member(v, "plan")
	if state := textOf(v, "state"); state != "" {
		attrs = append(attrs, "work", textOf(v, "id"), "state", state)
	}
	if digest := cmp.Or(textOf(v, "digest"), textOf(planned, "digest")); digest != "" {
		attrs = append(attrs, "digest", digest)
	}
	for _, name := range []string{"applied", "complete", "recorded"} {
		if is := member(v, name); is.IsValid() && is.Kind() == reflect.Bool {
			attrs = append(attrs, name, is.Bool())
			undone = undone || name == "complete" && !is.Bool()
		}
	}
	if changes := member(planned, "changes"); changes.IsValid() && changes.CanInt() {
		attrs = append(attrs, "changes", changes.Int())
	}
	for _, name := range []string{"outcomes", "items"} {
		if counts := countsBy(member(v, name), "result"); len(counts) > 0 {
			attrs = append(attrs, slog.Any(name, counts))
		}
	}
	if counts := countsBy(member(v, "unknown"), "code"); len(counts) > 0 {
		attrs, undone = append(attrs, slog.Any("unknown", counts)), true
	}
	if total := member(v, "total"); total.IsValid() && total.CanInt() {
		attrs = append(attrs, "total", total.Int())
	}
	return attrs, undone
}

// member is a member of a struct by its JSON name, nothing if it has none or it
// is nil.
func member(v reflect.Value, name string) reflect.Value {
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	for _, f := range strictjson.Fields(v.Type()) {
		if f.Name != name {
			continue
		}
		found, err := v.FieldByIndexErr(f.Index) // an error is an embedded nil
		if err != nil {
			return reflect.Value{}
		}
		return reflect.Indirect(found)
	}
	return reflect.Value{}
}

// textOf is a member that is a text, else empty.
func textOf(v reflect.Value, name string) string {
	said := member(v, name)
	if !said.IsValid() || said.Kind() != reflect.String {
		return ""
	}
	return said.String()
}

// countsBy counts the entries of a list by what one of their members says.
func countsBy(list reflect.Value, name string) map[string]int {
	counts := map[string]int{}
	if !list.IsValid() || list.Kind() != reflect.Slice {
		return counts
	}
	for i := range list.Len() {
		said := member(reflect.Indirect(list.Index(i)), name)
		if said.IsValid() && said.Kind() == reflect.String {
			counts[said.String()]++
		}
	}
	return counts
}

// levelOf is how loud the line of an event is.
func levelOf(status int, undone bool) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case undone, status == http.StatusMultiStatus:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
