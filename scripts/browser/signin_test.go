package browser_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/browser"
	"imagekeeper/shared/function/bearer/bearertest"
)

// provider is an OpenID provider that lets everybody in at once.
type provider struct {
	key    bearertest.Key
	server *httptest.Server

	mu     sync.Mutex
	asked  map[string]url.Values // by code
	grants int
	wrong  []string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := bearertest.NewRSA("provider")
	must(t, err)
	p := &provider{key: key, asked: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		say(w, 200, object{"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token", "jwks_uri": p.server.URL + "/keys", "response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	code := "code-" + q.Get("state")
	p.asked[code] = q
	if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "page" || q.Get("response_type") != "code" || q.Get("state") == "" || q.Get("nonce") == "" || q.Has("client_secret") {
		p.wrong = append(p.wrong, q.Encode())
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.server.URL}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q, known := p.asked[r.PostForm.Get("code")]
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") || r.Header.Get("Authorization") != "" {
		p.wrong = append(p.wrong, r.PostForm.Encode())
		say(w, 400, object{"error": "invalid_grant"})
		return
	}
	delete(p.asked, r.PostForm.Get("code"))
	p.grants++
	access := p.key.Token(bearertest.Grant{Issuer: p.server.URL, Audience: "imagekeeper", Subject: "ada", Roles: []string{"operator"}, From: time.Now(), For: time.Hour})
	w.Header().Set("Cache-Control", "no-store")
	say(w, 200, object{"token_type": "Bearer", "expires_in": 3600, "access_token": access, "id_token": p.identity(q.Get("nonce"))})
}

// identity is an identity token with a nonce, which bearertest has no word for. The
// page reads it from the provider itself, so that its signature counts for nothing there.
func (p *provider) identity(nonce string) string {
	now := time.Now().Unix()
	part := func(o object) string {
		text, _ := json.Marshal(o) // always can be
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(object{"alg": "RS256", "kid": "provider"}) + "." + part(object{"iss": p.server.URL, "aud": "page", "sub": "ada", "nonce": nonce, "iat": now, "exp": now + 3600}) + "." + base64.RawURLEncoding.EncodeToString([]byte("signature"))
}

func (p *provider) count() (int, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.grants, append([]string(nil), p.wrong...)
}

// TestSigningIn: the page sends whoever has no token to the provider and comes
// back to the same link, after a reload too; no token is kept anywhere; a token
// that ends in a form is renewed beside it.
func TestSigningIn(t *testing.T) {
	tried(t)
	p, b := newProvider(t), chromium(t)
	s := up(t, map[string]string{
		"PORTAL_JWKS": bearertest.Set(p.key), "PORTAL_ISSUER": p.server.URL, "PORTAL_AUDIENCE": "imagekeeper", "PORTAL_OIDC_CLIENT": "page",
	}, "-only", "find,portal")
	one := tab(t, b, s, "", "#/images?kind=custom&limit=10", browser.Look{})
	soon(t, one, `document.querySelectorAll('tbody tr').length === 10`)
	if at := eval[string](t, one, `location.pathname + location.search + location.hash`); at != "/#/images?kind=custom&limit=10" {
		t.Errorf("came back to %s", at)
	}
	if text := eval[string](t, one, `document.querySelector('header').innerText`); !strings.Contains(text, "ada") || !strings.Contains(text, "operator") {
		t.Errorf("it does not say who one is: %s", text)
	}
	if kept := eval[string](t, one, `JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])`); strings.Contains(kept, "eyJ") || strings.Contains(kept, "verifier") {
		t.Errorf("something is kept: %s", kept)
	}
	eval[bool](t, one, `location.reload(), true`)
	soon(t, one, `document.querySelectorAll('tbody tr').length === 10`)
	if n, wrong := p.count(); n != 2 || len(wrong) > 0 {
		t.Errorf("%d grants, and wrong %v", n, wrong)
	}

	eval[bool](t, one, `document.querySelector('input[name=name]').value = 'typed', true`)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/images" {
			say(w, 401, problem(401, "tokenExpired"))
			return true
		}
		return false
	})
	eval[bool](t, one, `document.querySelector('.asof button').click(), true`)
	soon(t, one, `document.querySelector('.signin button.main')`)
	s.open()
	eval[bool](t, one, `document.querySelector('.signin button.main').click(), true`)
	soon(t, one, `!document.querySelector('.signin')`)
	if typed := eval[string](t, one, `document.querySelector('input[name=name]').value`); typed != "typed" {
		t.Errorf("what was typed is gone: %q", typed)
	}
	if n, wrong := p.count(); n != 3 || len(wrong) > 0 {
		t.Errorf("%d grants, and wrong %v", n, wrong)
	}
	quiet(t, one)
}
