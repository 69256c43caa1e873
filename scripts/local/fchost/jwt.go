package fchost

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

// admitted reports whether a request for a path, encoded as it came, may pass
// an HTTP trigger of f, and answers 401 if not. A trigger looks at the signature and the times of a
// token and at nothing else it says; the function itself decides whom it
// serves. What the trigger passes on of the claims is put into r's headers, in
// place of what the caller wrote there.
func (h *Host) admitted(w http.ResponseWriter, r *http.Request, f *function, trigger *syaml.HTTP, rawPath string) bool {
	want := trigger.JWT
	if want == nil {
		return true
	}
	for _, pass := range want.Pass {
		r.Header.Del(pass.Header)
	}
	// What cannot be decoded needs a token; it is refused later on anyway.
	if path, err := url.PathUnescape(rawPath); err == nil && !want.NeedsToken(path) {
		return true
	}
	claims, err := want.Keys.Open(tokenIn(r, want), time.Now())
	if err != nil {
		h.log.printf("%s | REFUSED RequestId: %s Code: %s", f.spec.Resource, w.Header().Get("X-Fc-Request-Id"), fault.Code(err))
		w.Header().Set("WWW-Authenticate", "Bearer")
		h.problem(w, http.StatusUnauthorized, fault.Code(err), "the trigger refuses the request: "+fault.Sentence(err), nil)
		return false
	}
	for _, pass := range want.Pass {
		if raw, there := claims[pass.Claim]; there {
			r.Header.Set(pass.Header, claimText(raw))
		}
	}
	return true
}

// tokenIn returns the token of a request without its prefix, "" if there is
// none. A header that is there twice holds none.
func tokenIn(r *http.Request, want *syaml.JWT) string {
	values := r.Header.Values(want.Header)
	if len(values) != 1 {
		return ""
	}
	if want.Prefix == "" {
		return values[0]
	}
	// A scheme may be written in any case (RFC 9110 11.1).
	prefix, token, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(prefix, want.Prefix) {
		return ""
	}
	return token
}

// claimText is a claim as a header's value: text as it is, all else as JSON.
func claimText(raw json.RawMessage) string {
	text := string(raw)
	var s string
	if json.Unmarshal(raw, &s) == nil {
		text = s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}
