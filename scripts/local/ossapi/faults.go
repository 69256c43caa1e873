package ossapi

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/cloudsim"
)

// FaultKind is a way in which a request goes wrong.
type FaultKind string

// The kinds. Those up to FaultConflict replace the answer, and the request has no
// effect; the others happen to one that took effect.
const (
	FaultThrottle FaultKind = "throttle" // 503 QpsLimitExceeded
	Fault500      FaultKind = "500"      // 500 InternalError
	Fault503      FaultKind = "503"      // 503 ServiceUnavailable
	FaultReset    FaultKind = "reset"    // the connection is reset before anything is answered
	FaultHang     FaultKind = "hang"     // nothing is answered until the client goes away, or 2 minutes have passed
	FaultDenied   FaultKind = "denied"   // 403 AccessDenied
	FaultConflict FaultKind = "conflict" // 409, as if another writer had been there

	FaultDelay     FaultKind = "delay"     // a right answer, delayMs later
	FaultLostReply FaultKind = "lostReply" // the connection is reset when the effect is done
	FaultRepeat    FaultKind = "repeat"    // the request is done twice, as by a network that repeats; the second answer comes
	FaultTruncated FaultKind = "truncated" // the connection ends after half of the body
)

// FaultKinds returns all kinds, in the order of their declaration.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultThrottle, Fault500, Fault503, FaultReset, FaultHang, FaultDenied, FaultConflict,
		FaultDelay, FaultLostReply, FaultRepeat, FaultTruncated,
	}
}

// Fault asks that requests go wrong.
type Fault struct {
	// Action is the operation, such as AppendObject, or * for all.
	Action string    `json:"action"`
	Kind   FaultKind `json:"kind"`
	// Count is how many requests; 0 means 1, -1 all to come.
	Count int `json:"count,omitempty"`
	// Skip lets this many requests pass first.
	Skip int `json:"skip,omitempty"`
	// Bucket and Prefix, unless empty, restrict the fault to this bucket, and to
	// keys that begin so.
	Bucket string `json:"bucket,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Percent, unless 0, is how many of a hundred requests meet the fault: which of
	// them is drawn from Seed, always the same.
	Percent int    `json:"percent,omitempty"`
	Seed    uint64 `json:"seed,omitempty"`
	// DelayMS delays what happens by as many milliseconds, at most 120000.
	DelayMS int `json:"delayMs,omitempty"`

	// drawn counts the requests that might have met it.
	drawn uint64
}

// maxHang bounds how long a fault may keep a request.
const maxHang = 2 * time.Minute

// conflicts are the codes that another writer leads to, by operation.
func conflicts() map[string]string {
	return map[string]string{
		"AppendObject": "PositionNotEqualToLength", "PutObject": "FileAlreadyExists", "PostObject": "FileAlreadyExists",
		"CopyObject": "FileAlreadyExists", "InitiateMultipartUpload": "FileAlreadyExists", "CompleteMultipartUpload": "FileAlreadyExists",
		"RestoreObject": "RestoreAlreadyInProgress", "PutBucket": "BucketAlreadyExists", "DeleteBucket": "BucketNotEmpty",
	}
}

// check names the field that is wrong, if one is.
func (f Fault) check(known map[string]bool) error {
	switch {
	case f.Action == "":
		return fmt.Errorf("action: is missing")
	case f.Action != "*" && !known[f.Action]:
		return fmt.Errorf("action: %q is not an operation", f.Action)
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("kind: %q is not one of %v", f.Kind, FaultKinds())
	case f.Kind == FaultConflict && f.Action != "*" && conflicts()[f.Action] == "":
		return fmt.Errorf("kind: %s cannot happen to %s", f.Kind, f.Action)
	case f.Count < -1:
		return fmt.Errorf("count: must be -1 or more, not %d", f.Count)
	case f.Skip < 0:
		return fmt.Errorf("skip: must be 0 or more, not %d", f.Skip)
	case f.Percent < 0 || f.Percent > 100:
		return fmt.Errorf("percent: must be between 0 and 100, not %d", f.Percent)
	case f.DelayMS < 0 || f.DelayMS > int(maxHang/time.Millisecond):
		return fmt.Errorf("delayMs: must be between 0 and %d, not %d", int(maxHang/time.Millisecond), f.DelayMS)
	}
	return nil
}

// meets reports whether a request of what the fault means is one that goes wrong.
func (f *Fault) meets(c *call) bool {
	if f.Action != "*" && f.Action != c.operation || f.Bucket != "" && f.Bucket != c.bucket || !strings.HasPrefix(c.key, f.Prefix) ||
		f.Kind == FaultConflict && conflicts()[c.operation] == "" {
		return false
	}
	if f.Skip > 0 {
		f.Skip--
		return false
	}
	f.drawn++
	if f.Percent == 0 {
		return true
	}
	h := fnv.New64a()
	fmt.Fprint(h, f.Seed, " ", f.drawn, " ", f.Action, " ", f.Kind)
	return h.Sum64()>>32%100 < uint64(f.Percent)
}

// faults are those asked for and not yet used up, oldest first.
type faults struct {
	known map[string]bool
	mu    sync.Mutex
	left  []Fault
}

// add takes all of them, or none and says which is wrong.
func (f *faults) add(more []Fault) error {
	for i, each := range more {
		if err := each.check(f.known); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
		if each.Count == 0 {
			more[i].Count = 1
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = append(f.left, more...)
	return nil
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = nil
}

// list returns what is left, with counts and skips as they are now.
func (f *faults) list() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.left...)
}

// take returns the first fault that the request meets, and uses it up by one.
func (f *faults) take(c *call) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.left {
		each := &f.left[i]
		if !each.meets(c) {
			continue
		}
		met := *each
		if each.Count > 0 {
			each.Count--
		}
		if each.Count == 0 {
			f.left = slices.Delete(f.left, i, i+1)
		}
		return met, true
	}
	return Fault{}, false
}

// Inject asks for faults, as POST /_local/faults does. Its errors name the field
// that is wrong.
func (s *Server) Inject(more ...Fault) error { return s.faults.add(slices.Clone(more)) }

// ClearFaults forgets all faults that are left.
func (s *Server) ClearFaults() { s.faults.clear() }

// errReset asks that the connection be reset instead of answered.
var errReset = errors.New("the connection shall be reset")

// isGone reports whether there is nobody to answer, or nothing to.
func isGone(err error) bool {
	return errors.Is(err, errReset) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// spoiled does what is asked for, as the fault that it meets has it.
func (s *Server) spoiled(c *call, run func(*Server, *call) error) error {
	f, met := s.faults.take(c)
	if !met {
		return run(s, c)
	}
	c.fault = f.Kind
	if err := sleep(c.request.Context(), time.Duration(f.DelayMS)*time.Millisecond); err != nil {
		return err
	}
	switch f.Kind {
	case FaultThrottle:
		return refused(503, "QpsLimitExceeded", "Please reduce your request rate.")
	case Fault500:
		return refused(500, "InternalError", "We encountered an internal error. Please try again.")
	case Fault503:
		return refused(503, "ServiceUnavailable", "Please reduce your request rate.")
	case FaultDenied:
		return refused(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
	case FaultConflict:
		return refused(409, conflicts()[c.operation], "Another request was there first.")
	case FaultReset:
		return errReset
	case FaultHang:
		return firstError(sleep(c.request.Context(), maxHang), errReset)
	}
	return s.afterwards(c, f.Kind, run)
}

// firstError is the first of two errors that is one.
func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// afterwards spoils a request that takes effect.
func (s *Server) afterwards(c *call, kind FaultKind, run func(*Server, *call) error) error {
	client := c.answer
	switch kind {
	case FaultLostReply:
		c.answer = &deaf{header: http.Header{}}
		_ = run(s, c) // nobody hears of it
		c.answer = client
		return errReset
	case FaultRepeat:
		content, err := cloudsim.ReadContent(io.LimitReader(c.request.Body, c.limit+1))
		if err != nil {
			return errReset
		}
		c.answer = &deaf{header: http.Header{}}
		c.request.Body = io.NopCloser(content.Section(0, content.Size()))
		_ = run(s, c) // the second answer is the one that comes
		c.answer = client
		c.request.Body = io.NopCloser(content.Section(0, content.Size()))
	case FaultTruncated:
		c.answer = &half{ResponseWriter: client}
		if err := run(s, c); err != nil {
			s.refuse(c, err)
		}
		c.answer = client
		return errReset
	}
	return run(s, c)
}

// deaf takes an answer that nobody gets.
type deaf struct{ header http.Header }

// Header implements http.ResponseWriter.
func (d *deaf) Header() http.Header { return d.header }

// Write implements http.ResponseWriter.
func (d *deaf) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (d *deaf) WriteHeader(int) {}

// half passes on the first half of a body.
type half struct {
	http.ResponseWriter
	left int64
}

// WriteHeader implements http.ResponseWriter.
func (h *half) WriteHeader(status int) {
	length, _ := strconv.ParseInt(h.Header().Get("Content-Length"), 10, 64)
	h.left = length / 2
	h.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (h *half) Write(b []byte) (int, error) {
	n := min(int64(len(b)), h.left)
	h.left -= n
	if _, err := h.ResponseWriter.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// reset ends a connection without an answer, or in the middle of one.
func reset(w http.ResponseWriter) {
	flusher := http.NewResponseController(w)
	_ = flusher.Flush() // what was written goes out
	connection, _, err := flusher.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the server resets the stream
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
