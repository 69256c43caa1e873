package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagekeeper/functions"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// from is an environment.
func from(values map[string]string) function.Lookup {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// served is a portal with an environment.
func served(t *testing.T, values map[string]string) *function.Function {
	t.Helper()
	f, err := open(from(values))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// reply is an answer to an HTTP event of either platform.
type reply struct {
	StatusCode      int
	Headers         map[string]string
	IsBase64Encoded bool
	Body            string
}

// bytes is what a browser gets, decoded as it does.
func (r reply) bytes(t *testing.T) []byte {
	t.Helper()
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			t.Fatal(err)
		}
	}
	if r.Headers["Content-Encoding"] != "gzip" {
		return body
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// get asks as a platform does: v1 is Function Compute, 2.0 is Lambda.
func get(t *testing.T, f *function.Function, platform, path string, headers map[string]string) reply {
	t.Helper()
	type object = map[string]any
	event, err := json.Marshal(object{
		"version": platform, "rawPath": path, "routeKey": "$default", "rawQueryString": "", "queryParameters": object{}, "headers": headers, "body": "", "isBase64Encoded": false,
		"requestContext": object{"accountId": "1", "apiId": "a", "domainName": "images.example", "requestId": "r-1", "stage": "$default", "http": object{"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if platform == "v1" {
		var e object
		if err := json.Unmarshal(event, &e); err != nil {
			t.Fatal(err)
		}
		delete(e, "routeKey")
		delete(e, "rawQueryString")
		event, _ = json.Marshal(e)
	}
	var r reply
	if err := json.Unmarshal(f.Invoke(t.Context(), function.Call{}, event), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

var platforms = [...]string{"v1", "2.0"} //nolint:gochecknoglobals // an array of constants

func TestThePageIsGuardedOnBothPlatforms(t *testing.T) {
	t.Parallel()
	f := served(t, map[string]string{"PORTAL_ISSUER": "https://login.example/realms/a", "PORTAL_OIDC_CLIENT": "page"})
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' https://login.example; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control": "no-cache", "Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Encoding",
	}
	for _, platform := range platforms {
		r := get(t, f, platform, "/", nil)
		for name, value := range want {
			if r.StatusCode != 200 || r.Headers[name] != value {
				t.Errorf("%s: %d, %s is %q, want %q", platform, r.StatusCode, name, r.Headers[name], value)
			}
		}
		if _, cookie := r.Headers["Set-Cookie"]; cookie || strings.Contains(want["Content-Security-Policy"], "unsafe") {
			t.Errorf("%s: a cookie, or an unsafe policy", platform)
		}
		if page := string(r.bytes(t)); !strings.Contains(page, `content="{&#34;issuer&#34;:&#34;https://login.example/realms/a&#34;,&#34;client&#34;:&#34;page&#34;`) {
			t.Errorf("%s: the page is not told whom to ask: %s", platform, page)
		}
	}
}

// TestNothingIsInline: the policy would refuse a script or a style in the page, and the browser would show nothing.
func TestNothingIsInline(t *testing.T) {
	t.Parallel()
	page := string(get(t, served(t, nil), "v1", "/", nil).bytes(t))
	for _, bad := range []string{`<script>`, `<style`, ` style=`, ` onload=`, ` onclick=`, `javascript:`, `http://`, `https://`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, file := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if r := get(t, served(t, nil), "2.0", "/"+file[1], nil); r.StatusCode != 200 || r.Headers["Cache-Control"] != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", file[1], r.StatusCode, r.Headers)
		}
	}
}

func TestAnswersAreCompressedAndKept(t *testing.T) {
	t.Parallel()
	f := served(t, nil)
	for _, platform := range platforms {
		for _, path := range []string{"/", "/openapi.json", "/assets/" + script(t)} {
			plain, packed := get(t, f, platform, path, nil), get(t, f, platform, path, map[string]string{"accept-encoding": "br;q=1.0, gzip;q=0.8"})
			if packed.Headers["Content-Encoding"] != "gzip" || !packed.IsBase64Encoded || !bytes.Equal(packed.bytes(t), plain.bytes(t)) || packed.Headers["Etag"] == plain.Headers["Etag"] {
				t.Errorf("%s %s: packed %v, plain %v", platform, path, packed.Headers, plain.Headers)
			}
			if r := get(t, f, platform, path, map[string]string{"Accept-Encoding": "gzip;q=0, *"}); r.Headers["Content-Encoding"] != "" {
				t.Errorf("%s %s: gzip for who wants none", platform, path)
			}
			again := get(t, f, platform, path, map[string]string{"Accept-Encoding": "gzip", "If-None-Match": `"x", W/` + packed.Headers["Etag"]})
			if again.StatusCode != 304 || again.Body != "" {
				t.Errorf("%s %s: %d with %d bytes for who has it", platform, path, again.StatusCode, len(again.Body))
			}
		}
	}
}

// script is the name of the one script of the page.
func script(t *testing.T) string {
	t.Helper()
	found, err := fs.Glob(site, "site/assets/*.js")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return path.Base(found[0])
}

// budget is the most that the whole page may weigh, compressed.
const budget = 60 << 10

func TestThePageIsSmall(t *testing.T) {
	t.Parallel()
	served, err := newFiles(told{})
	if err != nil {
		t.Fatal(err)
	}
	all := len(served.page.packed())
	for _, name := range slices.Sorted(maps.Keys(served.assets)) {
		all += len(served.assets[name].packed())
	}
	if all > budget {
		t.Errorf("%d bytes, at most %d", all, budget)
	}
}

func TestTheDocumentIsTheOneBesideTheFunctions(t *testing.T) {
	t.Parallel()
	r := get(t, served(t, nil), "v1", "/openapi.json", map[string]string{"accept-encoding": "gzip"})
	if !bytes.Equal(r.bytes(t), functions.Document()) || r.Headers["Content-Type"] != "application/json" {
		t.Errorf("%v", r.Headers)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	f := served(t, nil)
	for _, path := range []string{"/assets/none.js", "/assets/..%2fconfig.go", "/assets/", "/site/index.html", "/images"} {
		if r := get(t, f, "v1", path, nil); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, issuer := range map[string]string{
		"none": "", "no address": "imagekeeper-local", "plain HTTP": "http://login.example", "a password": "https://a:b@login.example", "a policy": "https://x.example;script-src *",
		"a query": "https://login.example/?a=b", "a script": "javascript://login.example/",
	} {
		_, err := open(from(map[string]string{"PORTAL_OIDC_CLIENT": "page", "PORTAL_ISSUER": issuer}))
		var e *fault.Error
		if !errors.As(err, &e) || e.Field != "PORTAL_ISSUER" || !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, issuer := range []string{"http://127.0.0.1:9000/realms/a", "https://login.example"} {
		if _, err := open(from(map[string]string{"PORTAL_OIDC_CLIENT": "page", "PORTAL_ISSUER": issuer})); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

// TestHostileConfiguration: what the environment says cannot leave its attribute.
func TestHostileConfiguration(t *testing.T) {
	t.Parallel()
	f := served(t, map[string]string{"PORTAL_ISSUER": "https://login.example", "PORTAL_OIDC_CLIENT": `"><script>alert(1)</script>`})
	if page := string(get(t, f, "v1", "/", nil).bytes(t)); strings.Contains(page, "<script>") || strings.Count(page, `content="{`) != 1 {
		t.Errorf("%s", page)
	}
}
