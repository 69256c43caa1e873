package ecsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// maxCalls bounds how many calls are remembered.
const maxCalls = 10000

// Call is what is remembered of a call. Of one whose caller could not be told
// the account is empty.
type Call struct {
	At          time.Time `json:"at"`
	RequestID   string    `json:"requestId"`
	Product     string    `json:"product"`
	Action      string    `json:"action"`
	Account     string    `json:"account"`
	AccessKeyID string    `json:"accessKeyId"`
	Region      string    `json:"region"`
	// Status is the HTTP status; 0: nothing was answered.
	Status int `json:"status"`
	// Code is ECS's error code; empty if there was none.
	Code string `json:"code"`
	// Fault is the kind of fault the call met, if it met one.
	Fault FaultKind `json:"fault,omitempty"`
}

// journal is a ring of calls.
type journal struct {
	mu    sync.Mutex
	limit int
	ring  []Call
	next  int
}

func newJournal(limit int) *journal { return &journal{limit: limit} }

func (j *journal) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < j.limit {
		j.ring = append(j.ring, c)
		return
	}
	j.ring[j.next] = c
	j.next = (j.next + 1) % j.limit
}

// list returns the calls, oldest first.
func (j *journal) list() []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Concat([]Call{}, j.ring[j.next:], j.ring[:j.next])
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ring, j.next = nil, 0
}

// record remembers how a call ended.
func (s *Server) record(c *call, status int, code string) {
	if c.fault == FaultLostReply {
		status = 0
	}
	s.calls.add(Call{
		At: c.at.UTC(), RequestID: c.requestID, Product: c.product.name, Action: c.action, Account: c.account(),
		AccessKeyID: c.accessKeyID, Region: c.region, Status: status, Code: code, Fault: c.fault,
	})
}

// adminRoutes are the routes that are this server's own and not the vendor's.
func (s *Server) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_local/faults", s.postFaults)
	mux.HandleFunc("GET /_local/faults", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, s.faults.list())
	})
	mux.HandleFunc("DELETE /_local/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		tell(w, http.StatusOK, s.faults.list())
	})
	mux.HandleFunc("GET /_local/calls", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, map[string]any{"calls": s.calls.list(), "counters": s.meters.list()})
	})
	mux.HandleFunc("DELETE /_local/calls", func(w http.ResponseWriter, _ *http.Request) {
		s.calls.clear()
		s.meters.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_local/keys", s.postKeys)
	mux.HandleFunc("POST /_local/images/{imageId}/boot", s.postBoot)
	mux.HandleFunc("POST /_local/stock", s.postStock)
	mux.HandleFunc("POST /_local/clock", s.postClock)
	mux.HandleFunc("GET /_local/config", s.getConfig)
	mux.HandleFunc("POST /_local/config", s.postConfig)
	return guarded(mux)
}

// guarded keeps browsers out: a page of another site reaches a loopback port
// under a name of its own, or sends an Origin.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) || r.Header.Get("Origin") != "" {
			tellError(w, http.StatusForbidden, errors.New("only for programs that call this machine by a loopback name"))
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

func tellError(w http.ResponseWriter, status int, err error) {
	tell(w, status, map[string]string{"error": err.Error()})
}

// readStrictly reads one JSON value and nothing else; keys that v does not
// have are errors.
func readStrictly(r *http.Request, v any) error {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return plainJSON(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body: one JSON value, and nothing after it")
	}
	return nil
}

// plainJSON names the field of a decoder's error where it has one.
func plainJSON(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return fmt.Errorf("%s: must not be a %s", wrongType.Field, wrongType.Value)
	}
	if wrongType != nil && wrongType.Type.Kind() == reflect.Slice {
		return errors.New("body: must be a list")
	}
	if wrongType != nil {
		return errors.New("body: must be an object")
	}
	return fmt.Errorf("body: %w", err)
}

func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	var more []Fault
	if err := readStrictly(r, &more); err != nil {
		tellError(w, http.StatusBadRequest, err)
		return
	}
	if err := s.Inject(more...); err != nil {
		tellError(w, http.StatusBadRequest, err)
		return
	}
	tell(w, http.StatusOK, s.faults.list())
}

// key is the body of POST /_local/keys.
type key struct {
	AccessKeyID string `json:"accessKeyId"`
	Secret      string `json:"secret"`
	AccountID   string `json:"accountId"`
	// Allow are actions such as "ecs:Describe*"; an empty list allows nothing.
	Allow []string `json:"allow"`
}

func (k key) check() error {
	switch {
	case k.AccessKeyID == "":
		return errors.New("accessKeyId: is missing")
	case k.Secret == "":
		return errors.New("secret: is missing")
	case k.AccountID == "":
		return errors.New("accountId: is missing")
	case k.Allow == nil:
		return errors.New("allow: is missing; [] allows nothing, [\"*\"] everything")
	}
	return nil
}

func (s *Server) postKeys(w http.ResponseWriter, r *http.Request) {
	var k key
	err := readStrictly(r, &k)
	if err == nil {
		err = k.check()
	}
	if err != nil {
		tellError(w, http.StatusBadRequest, err)
		return
	}
	err = s.cloud.AddKey(image.AccountID(k.AccountID), k.AccessKeyID, k.Secret, k.AccessKeyID, k.Allow)
	switch {
	case errors.Is(err, fault.NotFound):
		tellError(w, http.StatusNotFound, fmt.Errorf("accountId: %w", err))
	case errors.Is(err, fault.Conflict):
		tellError(w, http.StatusConflict, fmt.Errorf("accessKeyId: %w", err))
	case err != nil:
		tellError(w, http.StatusInternalServerError, err)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

// postBoot says how instances of an image come up.
func (s *Server) postBoot(w http.ResponseWriter, r *http.Request) {
	var as struct {
		Mode cloudsim.Boot `json:"mode"`
	}
	err := readStrictly(r, &as)
	if err == nil && !slices.Contains(cloudsim.Boots(), as.Mode) {
		err = fmt.Errorf("mode: must be one of %v, not %q", cloudsim.Boots(), as.Mode)
	}
	switch id := r.PathValue("imageId"); {
	case err != nil:
		tellError(w, http.StatusBadRequest, err)
	case !s.cloud.SetBoot(image.ID(id), as.Mode):
		tellError(w, http.StatusNotFound, fmt.Errorf("imageId: there is no image %q", id))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// postStock says whether instances of a type can be had in a region.
func (s *Server) postStock(w http.ResponseWriter, r *http.Request) {
	var stock struct {
		RegionID     image.RegionID       `json:"regionId"`
		InstanceType image.InstanceTypeID `json:"instanceType"`
		Available    *bool                `json:"available"`
	}
	err := readStrictly(r, &stock)
	switch {
	case err != nil:
	case stock.RegionID == "":
		err = errors.New("regionId: is missing")
	case stock.InstanceType == "":
		err = errors.New("instanceType: is missing")
	case stock.Available == nil:
		err = errors.New("available: is missing")
	}
	switch {
	case err != nil:
		tellError(w, http.StatusBadRequest, err)
	case !s.cloud.SetStock(stock.RegionID, stock.InstanceType, *stock.Available):
		tellError(w, http.StatusNotFound, fmt.Errorf("instanceType: there is no %s in %q", stock.InstanceType, stock.RegionID))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// longestAdvance is how far one call may move the cloud's clock: ten years.
const longestAdvance = 10 * 365 * 24 * 3600

func (s *Server) postClock(w http.ResponseWriter, r *http.Request) {
	var by struct {
		AdvanceSeconds int `json:"advanceSeconds"`
	}
	err := readStrictly(r, &by)
	if err == nil && (by.AdvanceSeconds < 1 || by.AdvanceSeconds > longestAdvance) {
		err = fmt.Errorf("advanceSeconds: must be between 1 and %d, not %d", longestAdvance, by.AdvanceSeconds)
	}
	switch {
	case err != nil:
		tellError(w, http.StatusBadRequest, err)
	case s.options.Advance == nil:
		tellError(w, http.StatusConflict, errors.New("this cloud goes by the machine's clock, which cannot be moved"))
	default:
		s.options.Advance(time.Duration(by.AdvanceSeconds) * time.Second)
		w.WriteHeader(http.StatusNoContent)
	}
}
