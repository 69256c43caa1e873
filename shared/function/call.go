package function

import (
	"log/slog"
	"net/http"
	"time"
)

// Secret is text that must not be seen. It prints as ***; string(s) is the text.
type Secret string

const stars = "***"

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return stars
}

// GoString hides the text.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the text from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Credentials are those with which one event is to act on the cloud. They are
// valid for that event only and are never stored. They print as ***.
type Credentials struct {
	AccessKeyID   string
	Secret        Secret
	SecurityToken Secret
}

// String hides everything, the id of the key included.
func (c Credentials) String() string {
	if c == (Credentials{}) {
		return "none"
	}
	return stars
}

// GoString hides everything.
func (c Credentials) GoString() string { return c.String() }

// MarshalText hides everything from encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue hides everything from logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Source is how an event reached the function.
type Source string

// The sources.
const (
	SourceHTTP   Source = "http"
	SourceDirect Source = "direct"
	SourceTimer  Source = "timer"
	SourceObject Source = "oss"
	SourceEvent  Source = "event"
)

// Call is what an operation may know of the event it answers, beside its input.
type Call struct {
	// RequestID is the platform's name for this event.
	RequestID string
	// AccountID is the account the function belongs to; empty when the platform does not say.
	AccountID string
	// Region is where the function runs, e.g. "cn-hangzhou"; empty when the platform does not say.
	Region string
	// Credentials act on the cloud for this event.
	Credentials Credentials
	// Deadline is when the answer must be ready. The context ends then. Zero: none.
	Deadline time.Time
	// Source is how the event came.
	Source Source
	// SourceIP is the address of an HTTP caller; empty when it is not known.
	SourceIP string
	// Caller is who asks. May tells what for.
	Caller Caller
	// Header is what an HTTP caller sent beside the token, for those who answer
	// in several encodings; nil for other events. Nothing in it is proof of anything.
	Header http.Header
	// Log carries the function, the operation and the request id; never nil.
	Log *slog.Logger
}
