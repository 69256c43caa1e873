package ossapi

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxCalls bounds how many calls are remembered.
const maxCalls = 10000

// Call is what is remembered of a request.
type Call struct {
	At        time.Time `json:"at"`
	RequestID string    `json:"requestId"`
	// Operation is empty where it did not come so far.
	Operation string `json:"operation"`
	Bucket    string `json:"bucket,omitempty"`
	Key       string `json:"key,omitempty"`
	// Status and Code are those of a refusal.
	Status int    `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
	// Fault is the kind of fault that it met, if it met one.
	Fault FaultKind `json:"fault,omitempty"`
}

// calls are the last ones, oldest first.
type calls struct {
	mu   sync.Mutex
	list []Call
}

func (c *calls) add(one Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == maxCalls {
		c.list = append(c.list[:0], c.list[maxCalls/2:]...)
	}
	c.list = append(c.list, one)
}

func (c *calls) all() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call{}, c.list...)
}

func (c *calls) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = nil
}

// Calls returns the last requests, oldest first, at least 5000 if there were.
func (s *Server) Calls() []Call { return s.calls.all() }

// adminRoutes are the routes that are this server's own and not the vendor's, as
// those of the emulated ECS.
func (s *Server) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_local/faults", s.postFaults)
	mux.HandleFunc("GET /_local/faults", func(w http.ResponseWriter, _ *http.Request) { tell(w, http.StatusOK, s.faults.list()) })
	mux.HandleFunc("DELETE /_local/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		tell(w, http.StatusOK, s.faults.list())
	})
	mux.HandleFunc("GET /_local/calls", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, map[string]any{"calls": s.calls.all()})
	})
	mux.HandleFunc("DELETE /_local/calls", func(w http.ResponseWriter, _ *http.Request) {
		s.calls.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	return guarded(mux)
}

// guarded keeps browsers out: a page of another site reaches a loopback port
// under a name of its own, or sends an Origin.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(bare(r.Host), "[]")
		ip := net.ParseIP(name)
		if name != "localhost" && (ip == nil || !ip.IsLoopback()) || r.Header.Get("Origin") != "" {
			tell(w, http.StatusForbidden, map[string]string{"error": "only for programs that call this machine by a loopback name"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tell(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // what fails here is the connection
}

func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	var more []Fault
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&more)
	if err == nil && decoder.More() {
		err = errors.New("body: one JSON value, and nothing after it")
	}
	if err == nil {
		err = s.Inject(more...)
	}
	if err != nil {
		tell(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	tell(w, http.StatusOK, s.faults.list())
}
