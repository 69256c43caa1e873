package fchost

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// invocation is one event on its way through a function.
type invocation struct {
	id      string
	payload []byte
	source  string // http, direct, timer, oss, eventbridge
	retry   int
	answer  chan outcome
}

func newInvocation(id, source string, payload []byte) *invocation {
	return &invocation{id: id, source: source, payload: payload, answer: make(chan outcome, 1)}
}

// finish records the first outcome; a second one is dropped.
func (c *invocation) finish(out outcome) {
	select {
	case c.answer <- out:
	default:
	}
}

// outcomeKind is how an invocation ended.
type outcomeKind int

const (
	outcomeAnswered outcomeKind = iota
	outcomeFunctionError
	outcomeCrashed
	outcomeTimedOut
	outcomeNotStarted
	outcomeTooLarge
	outcomeThrottled
	outcomeStopped
)

// outcome is the end of an invocation. errorType is what the header
// X-Fc-Error-Type says; it is empty only for an answer.
type outcome struct {
	kind      outcomeKind
	body      []byte
	errorType string
	sentence  string
}

// failure is an outcome that the host itself tells, in the form of a function
// error.
func failure(kind outcomeKind, format string, args ...any) outcome {
	out := outcome{kind: kind, errorType: kind.errorType(), sentence: fmt.Sprintf(format, args...)}
	out.body, _ = json.Marshal(map[string]string{"errorType": out.errorType, "errorMessage": out.sentence})
	return out
}

// errorType names a failure of the platform. Only CAExited is known to be the
// vendor's word.
func (k outcomeKind) errorType() string {
	switch k {
	case outcomeCrashed:
		return "CAExited"
	case outcomeTimedOut:
		return "FunctionTimedOut"
	case outcomeNotStarted:
		return "FunctionNotStarted"
	case outcomeTooLarge:
		return "ResponseSizeTooLarge"
	case outcomeThrottled:
		return "ResourceThrottled"
	case outcomeStopped:
		return "HostStopped"
	}
	return "UnhandledInvocationError"
}

// status is how an HTTP caller is answered: 502 for whatever the function did
// wrong.
func (k outcomeKind) status() int {
	switch k {
	case outcomeAnswered:
		return http.StatusOK
	case outcomeTimedOut:
		return http.StatusGatewayTimeout
	case outcomeThrottled:
		return http.StatusTooManyRequests
	case outcomeStopped:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

// newRequestID looks like those of Function Compute:
// 1-64f6cd87-4b3d2a10-9c1f0e2d3b4a.
func newRequestID(now time.Time) string {
	id := newID()
	return fmt.Sprintf("1-%08x-%s-%s", now.Unix(), id[:8], id[8:20])
}

// newID is 32 random hexadecimal digits.
func newID() string {
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}
