package ecsapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
)

// TestInvokeFunction: a call of a function reaches it as it is if its owner
// signed it, and nobody else's does.
func TestInvokeFunction(t *testing.T) {
	t.Parallel()
	var heard []string
	l := serve(t, ecsapi.Options{Functions: ecsapi.Functions{
		Account: cloudsim.FirstAccount,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			event, _ := io.ReadAll(r.Body)
			heard = append(heard, r.URL.Path+" "+string(event))
			_, _ = io.WriteString(w, `{"answer":1}`)
		}),
	}})
	for key, allow := range map[string][]string{"caller": {"fc:InvokeFunction"}, "reader": {"ecs:Describe*"}} {
		if err := l.cloud.AddKey(cloudsim.FirstAccount, key, key+"-secret", key, allow); err != nil {
			t.Fatal(err)
		}
	}
	const event = `{"operation":"find.images","input":{}}`
	call := func(key string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.URL+"/2023-03-30/functions/imagekeeper-find/invocations", strings.NewReader(event))
		if err != nil {
			t.Fatal(err)
		}
		s := l.signer(key)
		for name, value := range map[string]string{
			"x-acs-action": "InvokeFunction", "x-acs-version": "2023-03-30", "x-acs-date": s.at.UTC().Format("2006-01-02T15:04:05Z"),
			"x-acs-signature-nonce": s.nonce, "x-acs-content-sha256": sha256Hex(event),
		} {
			r.Header.Set(name, value)
		}
		s.signACS3(r, nil)
		return r
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"the owner":               {call("local"), 200, ""},
		"a user who may":          {call("caller"), 200, ""},
		"a user who may not":      {call("reader"), 403, "AccessDenied"},
		"another account":         {call("local2"), 403, "AccessDenied"},
		"another event":           {edited(call("local"), func(r *http.Request) { r.Body, r.ContentLength = readable("{}"), 2 }), 400, "SignatureDoesNotMatch"},
		"another function":        {edited(call("local"), func(r *http.Request) { r.URL.Path += "/x" }), 400, "SignatureDoesNotMatch"},
		"no signature":            {edited(call("local"), func(r *http.Request) { r.Header.Del("Authorization") }), 400, "IncompleteSignature"},
		"a token of another kind": {edited(call("local"), func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }), 400, "IncompleteSignature"},
	} {
		heard = nil
		out, err := send(c.request)
		if err != nil {
			t.Fatal(err)
		}
		if out.status != c.status || out.code() != c.code {
			t.Errorf("%s: got %d %s, want %d %s", name, out.status, out.body, c.status, c.code)
		}
		want := "/2023-03-30/functions/imagekeeper-find/invocations " + event
		if reached := len(heard) == 1 && heard[0] == want; reached != (c.status == 200) || len(heard) > 1 {
			t.Errorf("%s: the function heard %q", name, heard)
		}
	}
}

// edited is r after an edit.
func edited(r *http.Request, edit func(*http.Request)) *http.Request {
	edit(r)
	return r
}
