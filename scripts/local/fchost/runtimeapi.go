package fchost

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// runtimeAPI is what the SDK in the child talks to. It never answers a
// question for work with an error: the SDK would ask again without a pause.
func (i *instance) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2020-11-11/runtime/invocation/next", i.next)
	mux.HandleFunc("POST /2020-11-11/runtime/invocation/{id}/response", i.response)
	mux.HandleFunc("POST /2020-11-11/runtime/invocation/{id}/error", i.failed)
	mux.HandleFunc("POST /2020-11-11/runtime/init/error", i.initFailed)
	return mux
}

// next answers when there is work. The SDK asks again while it still works;
// it waits here until its instance is given the next invocation.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	i.pollOnce.Do(func() { close(i.polled) })
	select {
	case call := <-i.work:
		f, o := i.f.spec, i.f.host.options
		header := w.Header()
		for name, value := range map[string]string{
			"x-fc-request-id":        call.id,
			"x-fc-function-deadline": strconv.FormatInt(time.Now().Add(f.Timeout).UnixMilli(), 10),
			"x-fc-function-timeout":  strconv.Itoa(int(f.Timeout / time.Second)),
			"x-fc-function-name":     f.Name,
			"x-fc-function-handler":  f.Handler,
			"x-fc-function-memory":   strconv.Itoa(f.MemoryMB),
			"x-fc-region":            f.Region,
			"x-fc-account-id":        o.AccountID,
			"x-fc-access-key-id":     o.Credentials.AccessKeyID,
			"x-fc-access-key-secret": o.Credentials.Secret,
			"x-fc-security-token":    o.Credentials.SecurityToken,
			"x-fc-qualifier":         "LATEST",
			"x-fc-version-id":        "LATEST",
			"x-fc-retry-count":       strconv.Itoa(call.retry),
			"Content-Type":           "application/octet-stream",
		} {
			header.Set(name, value)
		}
		_, _ = w.Write(call.payload) // a child that went away is noticed by its end
	case <-r.Context().Done():
	case <-i.exited:
	}
}

// response takes the answer of an invocation; the SDK wants exactly 200.
func (i *instance) response(w http.ResponseWriter, r *http.Request) {
	call := i.invocation(w, r)
	if call == nil {
		return
	}
	body, ok := i.read(w, r, call)
	if ok {
		w.WriteHeader(http.StatusOK)
		call.finish(outcome{kind: outcomeAnswered, body: body})
	}
}

// failed takes the error that the handler returned, or its panic.
func (i *instance) failed(w http.ResponseWriter, r *http.Request) {
	call := i.invocation(w, r)
	if call == nil {
		return
	}
	body, ok := i.read(w, r, call)
	if !ok {
		return
	}
	var said struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(body, &said); err != nil || said.ErrorType == "" {
		said.ErrorType = "UnhandledInvocationError"
	}
	w.WriteHeader(http.StatusOK)
	call.finish(outcome{kind: outcomeFunctionError, body: body, errorType: headerSafe(said.ErrorType), sentence: said.ErrorMessage})
}

// initFailed is how a runtime says that it cannot start.
func (i *instance) initFailed(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	i.f.host.log.printf("%s | initialisation failed: %s", i.f.spec.Resource, body)
	w.WriteHeader(http.StatusAccepted)
	i.kill("initialisation failed")
}

// invocation returns the one that the request is about; of any other it
// answers 404.
func (i *instance) invocation(w http.ResponseWriter, r *http.Request) *invocation {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current == nil || i.current.id != r.PathValue("id") {
		http.Error(w, "no such invocation is running", http.StatusNotFound)
		return nil
	}
	return i.current
}

func (i *instance) read(w http.ResponseWriter, r *http.Request, call *invocation) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSyncBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "larger than allowed", http.StatusRequestEntityTooLarge)
		call.finish(failure(outcomeTooLarge, "the function's answer is larger than %d bytes", maxSyncBody))
		return nil, false
	case err != nil:
		return nil, false // the child went away in the middle; its end tells
	}
	return body, true
}

// headerSafe makes text fit for a header value: printable ASCII, short.
func headerSafe(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, text[:min(len(text), 128)])
}
