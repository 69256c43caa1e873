package function

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// How much platforms carry: an answer of Lambda is at most 6 MB, one of
// Function Compute 32 MB. A little of it is left for the platform's own words.
const (
	limitLambda          = 6<<20 - 64<<10
	limitFunctionCompute = 32<<20 - 64<<10
)

// patienceLambda is how long AWS's HTTP API waits for a function (30 s, and it is not
// to be had longer); a function URL waits as long as the function has.
const (
	patienceLambda = 29 * time.Second
	functionURL    = ".lambda-url."
)

// margin is how long before the platform's deadline an operation must end, so
// that its answer still arrives; less when there is less than five times as much.
const margin = 500 * time.Millisecond

// grace is how long an operation may take to notice that its context ended.
const grace = 50 * time.Millisecond

// Invoke answers one event of any kind: an HTTP request as an HTTP response,
// anything else as the output itself or, when something went wrong, as a
// problem document. base is what the platform tells beside the event; Source
// and Log are completed. Invoke never fails and never panics.
func (f *Function) Invoke(ctx context.Context, base Call, event []byte) (reply json.RawMessage) {
	start := time.Now()
	call, pack := f.complete(base, "unrecognised"), answer.document
	ctx, did := traced(ctx, call.Log)
	finish := func(a answer) json.RawMessage {
		packed := pack(a)
		if len(packed) > f.limit {
			a = refusal(call.RequestID, tooLong(f.limit))
			packed = pack(a)
		}
		f.record(call, a, did, start)
		return packed
	}
	defer func() {
		if p := recover(); p != nil {
			reply = finish(refusal(call.RequestID, panicked(p)))
		}
	}()
	came, err := recognise(event)
	if came.http != nil {
		base.RequestID = cmp.Or(base.RequestID, came.http.RequestContext.RequestID)
	}
	call = f.complete(base, cmp.Or(came.source, call.Source))
	if came.source == SourceHTTP {
		pack = func(a answer) json.RawMessage { return a.sealed(call.RequestID).response() }
	}
	switch {
	case err != nil:
		return finish(refusal(call.RequestID, err))
	case came.source == SourceHTTP:
		return finish(f.invokeHTTP(ctx, call, came.http))
	}
	return finish(f.invokeDirect(ctx, call, came))
}

func (f *Function) invokeHTTP(ctx context.Context, call Call, event *httpEvent) answer {
	r, err := event.request()
	if err != nil {
		return refusal(call.RequestID, err)
	}
	call.SourceIP = sourceIP(event.RequestContext.HTTP.SourceIP)
	if f.patience > 0 && !strings.Contains(event.RequestContext.DomainName, functionURL) {
		patient, cancel := context.WithTimeout(ctx, f.patience)
		defer cancel()
		ctx = patient
	}
	ctx, cancel := bounded(ctx, &call)
	defer cancel()
	return f.answerHTTP(r.WithContext(ctx), call)
}

// invokeDirect answers everything that is not HTTP.
func (f *Function) invokeDirect(ctx context.Context, call Call, came arrival) answer {
	op, err := f.find(came)
	if f.broken != nil {
		err = f.broken
	}
	if err != nil {
		return refusal(call.RequestID, err)
	}
	call.Caller = f.gate.systemCaller()
	ctx, cancel := bounded(ctx, &call)
	defer cancel()
	return f.perform(ctx, call, op, func() (input, error) { return came.in, nil })
}

// find returns the operation that an arrival is for.
func (f *Function) find(came arrival) (*Operation, error) {
	if came.source == SourceDirect {
		if op := f.operations[came.operation]; op != nil {
			return op, nil
		}
		return nil, fault.InField("operation", codeOperation, "is not known; allowed: %s", strings.Join(sortedKeys(f.operations), ", "))
	}
	for _, name := range []string{came.name, anyName} {
		if op := f.triggers[trigger{came.source, name}]; op != nil {
			return op, nil
		}
	}
	return nil, fault.New(fault.NotFound, "this function does nothing on %s %q", came.source, strictjson.Shown(came.name)).WithCode(codeOperation)
}

// bounded ends the context before the platform's deadline and says so in call.
func bounded(ctx context.Context, call *Call) (context.Context, context.CancelFunc) {
	at, known := ctx.Deadline()
	if !known {
		return context.WithCancel(ctx)
	}
	at = at.Add(-max(0, min(margin, time.Until(at)/5)))
	call.Deadline = at
	return context.WithDeadline(ctx, at)
}

// within ends the context early enough for an answer about what was not done.
func (s Spec) within(ctx context.Context) (context.Context, context.CancelFunc) {
	at, known := ctx.Deadline()
	if !known {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, at.Add(-max(0, min(s.Margin, time.Until(at)/10))))
}

// perform does op and renders what it says. It returns when the context has
// ended, even if the operation does not: the platform would cut it off.
func (f *Function) perform(ctx context.Context, call Call, op *Operation, bring func() (input, error)) answer {
	call.Log = call.Log.With("operation", op.spec.Name)
	done := make(chan answer, 1)
	go func() {
		a := f.contained(ctx, call, op, bring)
		a.operation = op.spec.Name
		done <- a
	}()
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
	}
	over := time.NewTimer(grace)
	defer over.Stop()
	select {
	case a := <-done:
		return a
	case <-over.C:
		late := fault.Wrap(fault.Unavailable, ctx.Err(), "the answer was not ready in time").WithCode(codeDeadline)
		a := refusal(call.RequestID, late)
		a.operation = op.spec.Name
		return a
	}
}

// contained turns a panic of an operation into an answer.
func (f *Function) contained(ctx context.Context, call Call, op *Operation, bring func() (input, error)) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = refusal(call.RequestID, panicked(p))
		}
	}()
	a, err := f.run(ctx, call, op, bring)
	if err != nil {
		return refusal(call.RequestID, err)
	}
	return a
}

// run is the one way of every operation, whatever the event. What must hold
// before an operation may be done is asked here.
func (f *Function) run(ctx context.Context, call Call, op *Operation, bring func() (input, error)) (answer, error) {
	did := traceOf(ctx)
	did.came(call, op)
	if err := f.authorise(ctx, call, op, false); err != nil {
		return answer{}, err
	}
	came, err := bring()
	if err != nil {
		return answer{}, err
	}
	in, err := op.decode(came)
	if err != nil {
		return answer{}, came.blamed(err)
	}
	did.asked(op, in)
	if op.spec.ApplyRole != "" && applies(in) {
		if err := f.authorise(ctx, call, op, true); err != nil {
			return answer{}, err
		}
	}
	if op.in != nil {
		if err := f.validation().check(in); err != nil {
			return answer{}, came.blamed(err)
		}
	}
	asked, err := tableOf(in)
	if err != nil {
		return answer{}, came.blamed(err)
	}
	ctx, cancel := op.spec.within(ctx)
	defer cancel()
	out, err := op.do(ctx, call, in)
	if err != nil {
		return answer{}, err
	}
	did.answered(out)
	return render(out, asked, f.limit)
}

// stackError is a panic, with the stack for the log.
type stackError struct {
	said  any
	stack string
}

// Error is what the panic said.
func (e *stackError) Error() string { return fmt.Sprint("panic: ", e.said) }

func panicked(p any) error {
	if elsewhere, ok := p.(*fanout.Panic); ok { // it was in a goroutine of the operation's own
		return fault.Wrap(fault.Internal, &stackError{said: elsewhere.Said, stack: elsewhere.Stack}, "a defect of this function stopped the request")
	}
	return fault.Wrap(fault.Internal, &stackError{said: p, stack: string(debug.Stack())}, "a defect of this function stopped the request")
}

// complete adds to base what this package knows of a call.
func (f *Function) complete(base Call, source Source) Call {
	base.Source = source
	if base.Log == nil {
		base.Log = slog.New(slog.DiscardHandler)
	}
	base.Log = base.Log.With("function", f.name, "request_id", base.RequestID)
	return base
}

// sealed adds the headers that every HTTP answer has.
func (a answer) sealed(requestID string) answer {
	h := http.Header{}
	for name, values := range a.header {
		for _, value := range values {
			h.Add(oneLine(name), oneLine(value))
		}
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set(headerVersion, Version)
	if requestID != "" {
		h.Set("X-Request-Id", oneLine(requestID))
	}
	a.header = h
	return a
}
