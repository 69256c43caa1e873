package fchost

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

// local serves /_local/…: what is for the person at the machine. Requests that
// a web page of another origin makes are refused.
func (h *Host) local(id string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_local/invoke/{function}", func(w http.ResponseWriter, r *http.Request) { h.direct(w, r, id) })
	mux.HandleFunc("POST /_local/trigger/{function}/{trigger}", func(w http.ResponseWriter, r *http.Request) { h.fire(w, r, id) })
	mux.HandleFunc("POST /_local/token/{role}", h.token)
	mux.HandleFunc("GET /_local/functions", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, h.status()) })
	mux.HandleFunc("/_local/", func(w http.ResponseWriter, r *http.Request) {
		h.problem(w, http.StatusNotFound, "noRoute", strconv.Quote(r.Method+" "+r.URL.Path)+" does not exist", map[string]any{"routes": []string{
			"POST /_local/invoke/{function}", "POST /_local/trigger/{function}/{trigger}", "POST /_local/token/{role}", "GET /_local/functions",
		}})
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// Invocations answers InvokeFunction of Function Compute 3.0, POST
// /2023-03-30/functions/{function}/invocations, as /_local/invoke/{function}
// does. It trusts whoever calls: their signature is to be checked before.
func (h *Host) Invocations() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2023-03-30/functions/{function}/invocations", func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID(time.Now())
		w.Header().Set("X-Fc-Request-Id", id)
		r.Body = http.MaxBytesReader(w, r.Body, maxSyncBody)
		h.direct(w, r, id)
	})
	return mux
}

// direct sends any event and answers what the function answers, unchanged. As
// the vendor's API does, it answers 200 with X-Fc-Error-Type for an error that
// the function returned.
func (h *Host) direct(w http.ResponseWriter, r *http.Request, id string) {
	f := h.find(r.PathValue("function"))
	if f == nil {
		h.noFunction(w, r.PathValue("function"))
		return
	}
	h.event(w, r, f, "direct", id, nil)
}

// token answers a token of a role, for the page: whoever is at this machine may
// be anybody in its emulated cloud. With person=second it is that of a colleague.
func (h *Host) token(w http.ResponseWriter, r *http.Request) {
	if h.options.Token == nil {
		h.problem(w, http.StatusNotFound, "noTokens", "no tokens are made here: show one of the issuer that the functions trust", nil)
		return
	}
	token, err := h.options.Token(r.PathValue("role"), r.URL.Query().Get("person") == "second")
	if err != nil {
		h.problem(w, http.StatusNotFound, fault.Code(err), fault.Sentence(err), nil)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
}

// fire fires a trigger now. A timer makes its own event; for other sources the
// body is the event.
func (h *Host) fire(w http.ResponseWriter, r *http.Request, id string) {
	f := h.find(r.PathValue("function"))
	if f == nil {
		h.noFunction(w, r.PathValue("function"))
		return
	}
	at := slices.IndexFunc(f.spec.Triggers, func(t syaml.Trigger) bool { return t.Name == r.PathValue("trigger") })
	if at < 0 {
		names := []string{}
		for _, t := range f.spec.Triggers {
			names = append(names, t.Name)
		}
		h.problem(w, http.StatusNotFound, "noTrigger", "there is no trigger "+strconv.Quote(r.PathValue("trigger")), map[string]any{"triggers": names})
		return
	}
	switch t := f.spec.Triggers[at]; t.Type {
	case syaml.TriggerHTTP:
		h.problem(w, http.StatusBadRequest, "httpTrigger", "an http trigger is fired by a request to /_fn/"+f.spec.Resource+"/", nil)
	case syaml.TriggerTimer:
		due := h.options.Clock.Now()
		h.event(w, r, f, string(t.Type), id, (&timer{trigger: t}).event(due))
	default:
		h.event(w, r, f, string(t.Type), id, nil)
	}
}

// event sends one event, the body if it is nil, and answers raw.
func (h *Host) event(w http.ResponseWriter, r *http.Request, f *function, source, id string, event []byte) {
	if !h.started.Load() {
		h.starting(w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.unreadable(w, err)
		return
	}
	if event != nil && len(body) > 0 {
		h.problem(w, http.StatusBadRequest, "bodyRefused", "a timer makes its own event; the body must be empty", nil)
		return
	}
	if event == nil {
		event = body
	}
	call := newInvocation(id, source, event)
	if asynchronous(r) {
		h.accept(w, f, call)
		return
	}
	out := f.invoke(call)
	if out.kind == outcomeFunctionError {
		h.failed(w, out, http.StatusOK)
		return
	}
	if out.errorType != "" {
		h.failed(w, out, out.kind.status())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out.body)
}

// hostStatus is what GET /_local/functions answers.
type hostStatus struct {
	Functions []functionStatus `json:"functions"`
	Routes    []routeStatus    `json:"routes"`
}

type functionStatus struct {
	Function     string           `json:"function"`
	FunctionName string           `json:"functionName"`
	Triggers     []triggerStatus  `json:"triggers"`
	Instances    []instanceStatus `json:"instances"`
}

type triggerStatus struct {
	Name    string     `json:"name"`
	Type    string     `json:"type"`
	Next    *time.Time `json:"next,omitempty"`
	Running bool       `json:"running,omitempty"` // the timer's last invocation
}

type instanceStatus struct {
	ID          string    `json:"id"`
	PID         int       `json:"pid"`
	State       string    `json:"state"` // starting, idle, busy
	RequestID   string    `json:"requestId,omitempty"`
	Invocations int       `json:"invocations"`
	StartedAt   time.Time `json:"startedAt"`
	MaxMemory   int64     `json:"maxMemoryBytes"`
}

type routeStatus struct {
	Path     string `json:"path"`
	Function string `json:"function"`
}

func (h *Host) status() hostStatus {
	out := hostStatus{Functions: []functionStatus{}, Routes: []routeStatus{}}
	now := h.options.Clock.Now()
	for _, f := range h.functions {
		s := functionStatus{Function: f.spec.Resource, FunctionName: f.spec.Name, Triggers: []triggerStatus{}, Instances: f.instances()}
		for _, t := range f.spec.Triggers {
			ts := triggerStatus{Name: t.Name, Type: string(t.Type)}
			if t.Timer != nil && t.Timer.Enabled {
				next := t.Timer.Schedule.Next(now)
				ts.Next, ts.Running = &next, f.firing(t.Name)
			}
			s.Triggers = append(s.Triggers, ts)
		}
		out.Functions = append(out.Functions, s)
	}
	for _, r := range h.routes {
		out.Routes = append(out.Routes, routeStatus{Path: r.String(), Function: r.function.spec.Resource})
	}
	return out
}

// instances tells of each instance, the oldest first.
func (f *function) instances() []instanceStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []instanceStatus{}
	for i := range f.all {
		out = append(out, i.status())
	}
	slices.SortFunc(out, func(a, b instanceStatus) int { return a.StartedAt.Compare(b.StartedAt) })
	return out
}

func (i *instance) status() instanceStatus {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := instanceStatus{
		ID: i.id, PID: i.cmd.Process.Pid, State: "idle", Invocations: i.calls,
		StartedAt: i.started.UTC(), MaxMemory: peakMemory(i.cmd.Process.Pid),
	}
	select {
	case <-i.polled:
	default:
		out.State = "starting"
	}
	if i.current != nil {
		out.State, out.RequestID = "busy", i.current.id
	}
	return out
}
