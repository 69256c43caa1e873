package fchost

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
)

// ServeHTTP is the gateway: /_local/… controls the host, /_fn/{function}/… is
// a function's own trigger, the routes of the custom domain come next, and
// /healthz and /openapi.json are answered here as long as no route claims them. Only loopback names
// are accepted as the host, so that no web page can reach it by another name.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newRequestID(time.Now())
	w.Header().Set("X-Fc-Request-Id", id)
	if !loopback(r.Host) {
		h.problem(w, http.StatusForbidden, "hostRefused", "the gateway answers only to loopback names such as localhost, not to "+strconv.Quote(r.Host), nil)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxSyncBody)
	switch {
	case strings.HasPrefix(r.URL.Path, "/_local/"):
		h.local(id).ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/_fn/"):
		h.trigger(w, r, id)
	default:
		h.domain(w, r, id)
	}
}

// documentPath is where the OpenAPI document is served.
const documentPath = "/openapi.json"

// loopback reports whether host, with or without a port, is this machine.
func loopback(host string) bool {
	name := host
	if bare, _, err := net.SplitHostPort(host); err == nil {
		name = bare
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && address.IsLoopback()
}

// domain leads a request along the routes of the custom domain.
func (h *Host) domain(w http.ResponseWriter, r *http.Request, id string) {
	found, ok := match(h.routes, r.URL.Path)
	if r.URL.Path == "/healthz" && h.misconfigured(w) {
		return
	}
	switch {
	case ok && len(found.methods) > 0 && !slices.Contains(found.methods, r.Method):
		h.notAllowed(w, found.methods)
	case ok:
		h.serve(w, r, id, found.function, r.URL.EscapedPath())
	case r.URL.Path == "/healthz":
		h.health(w)
	case r.URL.Path == documentPath && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		h.describe(w)
	default:
		paths := []string{"/healthz", documentPath}
		for _, known := range h.routes {
			paths = append(paths, known.String())
		}
		h.problem(w, http.StatusNotFound, "noRoute", "no route leads from "+strconv.Quote(r.URL.Path)+" to a function", map[string]any{"routes": paths})
	}
}

// health answers 200 once the functions are built and started.
func (h *Host) health(w http.ResponseWriter) {
	if !h.started.Load() {
		h.starting(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (h *Host) starting(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "2")
	h.problem(w, http.StatusServiceUnavailable, "starting", "the functions are being built and started", nil)
}

// trigger serves /_fn/{function}/…, where a function sees only the rest of the
// path.
func (h *Host) trigger(w http.ResponseWriter, r *http.Request, id string) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/_fn/"), "/")
	f := h.find(name)
	if f == nil {
		h.noFunction(w, name)
		return
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/_fn/"+name)
	if path == "" {
		path = "/"
	}
	h.serve(w, r, id, f, path)
}

func (h *Host) noFunction(w http.ResponseWriter, name string) {
	names := make([]string, len(h.functions))
	for i, f := range h.functions {
		names[i] = f.spec.Resource
	}
	h.problem(w, http.StatusNotFound, "noFunction", "there is no function "+strconv.Quote(name), map[string]any{"functions": names})
}

// serve passes a request through the HTTP trigger of f.
func (h *Host) serve(w http.ResponseWriter, r *http.Request, id string, f *function, rawPath string) {
	if !h.started.Load() {
		h.starting(w)
		return
	}
	at := slices.IndexFunc(f.spec.Triggers, func(t syaml.Trigger) bool { return t.HTTP != nil })
	if at < 0 {
		h.problem(w, http.StatusNotFound, "noTrigger", "the function "+f.spec.Resource+" has no http trigger", nil)
		return
	}
	trigger := f.spec.Triggers[at].HTTP
	if !slices.Contains(trigger.Methods, r.Method) {
		h.notAllowed(w, trigger.Methods)
		return
	}
	if !h.admitted(w, r, f, trigger, rawPath) {
		return
	}
	event, err := eventOf(r, rawPath, id, h.options.AccountID, time.Now())
	if err != nil {
		h.unreadable(w, err)
		return
	}
	call := newInvocation(id, string(syaml.TriggerHTTP), event)
	if asynchronous(r) {
		h.accept(w, f, call)
		return
	}
	h.answer(w, f, f.invoke(call))
}

// answer turns a function's answer into HTTP. An error that the function
// returned is 502 here; the vendor's documents say nothing certain about go1.
func (h *Host) answer(w http.ResponseWriter, f *function, out outcome) {
	if out.errorType != "" {
		h.failed(w, out, out.kind.status())
		return
	}
	status, header, body, err := answerOf(out.body)
	if err != nil {
		h.failed(w, outcome{errorType: "InvalidHTTPAnswer", sentence: "the function's answer cannot be sent over HTTP: " + err.Error()}, http.StatusBadGateway)
		return
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that went away needs no answer
	if status == http.StatusAccepted {
		f.fireWorker()
	}
}

// asynchronous reports whether the caller does not wait for the answer.
func asynchronous(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Fc-Invocation-Type"), "Async")
}

// accept takes an asynchronous invocation.
func (h *Host) accept(w http.ResponseWriter, f *function, call *invocation) {
	switch {
	case len(call.payload) > maxAsyncBody:
		h.problem(w, http.StatusRequestEntityTooLarge, "tooLarge", "an asynchronous event has at most 131072 bytes", nil)
	case !f.invokeAsync(call, nil):
		h.problem(w, http.StatusTooManyRequests, "throttled", "too many asynchronous invocations wait already", nil)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// failed tells the caller of a failure in the form that the vendor uses.
func (h *Host) failed(w http.ResponseWriter, out outcome, status int) {
	w.Header().Set("X-Fc-Error-Type", out.errorType)
	if out.body == nil {
		writeJSON(w, status, map[string]string{"errorType": out.errorType, "errorMessage": out.sentence})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(out.body)
}

func (h *Host) notAllowed(w http.ResponseWriter, methods []string) {
	w.Header().Set("Allow", strings.Join(methods, ", "))
	h.problem(w, http.StatusMethodNotAllowed, "methodNotAllowed", "allowed here: "+strings.Join(methods, ", "), nil)
}

func (h *Host) unreadable(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		h.problem(w, http.StatusRequestEntityTooLarge, "tooLarge", "a request has at most 33554432 bytes", nil)
		return
	}
	h.problem(w, http.StatusBadRequest, "unreadable", err.Error(), nil)
}

// problem answers with an RFC 9457 document.
func (h *Host) problem(w http.ResponseWriter, status int, code, detail string, more map[string]any) {
	document := map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
		"requestId": w.Header().Get("X-Fc-Request-Id"),
	}
	for name, value := range more {
		document[name] = value
	}
	body, _ := json.Marshal(document)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
