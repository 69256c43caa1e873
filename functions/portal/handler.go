package main

import (
	"context"
	"maps"
	"net/http"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// open makes the function. It fails with fault.Invalid, naming the variable.
func open(look function.Lookup) (*function.Function, error) {
	c, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	served, err := newFiles(c.told())
	if err != nil {
		return nil, err
	}
	provider, err := c.provider()
	if err != nil {
		return nil, err
	}
	return handler{files: served, provider: provider}.function(), nil
}

// handler answers; it keeps nothing from call to call.
type handler struct {
	files    files
	provider string
}

// function returns the operations. All are public: none has anything that is
// not in the source.
func (h handler) function() *function.Function {
	return function.New("portal",
		function.Handle(function.Spec{
			Name: "portal.page", Pattern: "GET /{$}", Public: true, Success: []int{http.StatusOK, http.StatusNotModified},
			Summary: "The page, for browsers",
			Headers: keeping(map[string]string{
				"Content-Security-Policy":      "What the page may load and whom it may ask: itself, and the provider that signs in",
				"Cross-Origin-Opener-Policy":   "same-origin: no page of others holds this one",
				"Cross-Origin-Resource-Policy": "same-origin: no page of others loads this one",
				"Permissions-Policy":           "What the page does without",
				"Referrer-Policy":              "no-referrer: nobody is told of links",
				"X-Frame-Options":              "DENY, for browsers that do not know frame-ancestors",
			}),
		}, h.page),
		function.Handle(function.Spec{
			Name: "portal.asset", Pattern: "GET /assets/{file}", Public: true, Success: []int{http.StatusOK, http.StatusNotModified},
			Summary: "A file that the page needs; its name changes with its content",
			Fails:   []fault.Kind{fault.NotFound},
			Headers: keeping(map[string]string{"Cross-Origin-Resource-Policy": "same-origin: no page of others loads this"}),
		}, h.asset),
		function.Handle(function.Spec{
			Name: "portal.document", Pattern: "GET /openapi.json", Public: true, Success: []int{http.StatusOK, http.StatusNotModified},
			Summary: "This document",
			Headers: keeping(nil),
		}, h.document),
		function.Handle(function.Spec{
			Name: "portal.health", Pattern: "GET /healthz", Public: true, Summary: "That this function answers",
		}, h.health),
	)
}

// keeping adds the headers by which what is served is kept and compressed.
func keeping(more map[string]string) map[string]string {
	all := map[string]string{
		"Content-Encoding": "gzip for who accepts it; left out: as it is",
		"Etag":             "What If-None-Match may name, to be answered 304 as long as nothing has changed",
	}
	maps.Copy(all, more)
	return all
}

// pageInput is what an OpenID provider sends back with a caller. The page reads
// it in the browser; this function looks at none of it.
type pageInput struct {
	Code         string `json:"code" validate:"max=4096" doc:"For the page: the authorization code"`
	State        string `json:"state" validate:"max=1024" doc:"For the page: the state that it sent"`
	Issuer       string `json:"iss" validate:"max=1024" doc:"For the page: who sent the caller back"`
	SessionState string `json:"session_state" validate:"max=1024" doc:"For the page: the session at the provider"`
	Scope        string `json:"scope" validate:"max=1024" doc:"For the page: what was granted"`
	Error        string `json:"error" validate:"max=256" doc:"For the page: why there is no code"`
	Description  string `json:"error_description" validate:"max=2048" doc:"For the page: the same, for people"`
	Address      string `json:"error_uri" validate:"max=2048" doc:"For the page: where more is written about it"`
}

// nothing is an input without fields.
type nothing struct{}

// assetInput asks for a file of the page.
type assetInput struct {
	File string `json:"file" validate:"required,max=128" doc:"The name of the file, as the page has it"`
}

// content is bytes as they are, with their headers.
type content struct {
	status int
	header http.Header
	body   []byte
}

// HTTPStatus is 200, or 304 for who has it.
func (c content) HTTPStatus() int { return c.status }

// HTTPHeader says what the bytes are, and how long they may be kept.
func (c content) HTTPHeader() http.Header { return c.header }

// Content are the bytes.
func (c content) Content() []byte { return c.body }

type (
	pageOut     struct{ content }
	assetOut    struct{ content }
	documentOut struct{ content }
	healthOut   struct {
		// Status is "ok".
		Status string `json:"status"`
		// Function is the one that answers, for the domain that joins all of them.
		Function string `json:"function"`
		// Version is its version.
		Version string `json:"version"`
	}
)

// MediaTypes is what a page is.
func (pageOut) MediaTypes() []string { return []string{"text/html"} }

// MediaTypes is what a page is made of.
func (assetOut) MediaTypes() []string {
	return []string{"text/javascript", "text/css", "image/svg+xml"}
}

// MediaTypes is what the document is.
func (documentOut) MediaTypes() []string { return []string{"application/json"} }

func (h handler) page(_ context.Context, call function.Call, _ pageInput) (pageOut, error) {
	c := h.files.page.answer(call.Header)
	for name, value := range h.guards() {
		c.header.Set(name, value)
	}
	return pageOut{c}, nil
}

// guards are what keeps the page from doing, or being made to do, anything but
// what it was built for.
func (h handler) guards() map[string]string {
	ask := "'self'"
	if h.provider != "" {
		ask += " " + h.provider
	}
	return map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + ask +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=()",
		"Referrer-Policy":              "no-referrer",
		"X-Frame-Options":              "DENY",
	}
}

func (h handler) asset(_ context.Context, call function.Call, in assetInput) (assetOut, error) {
	f, found := h.files.assets[in.File]
	if !found {
		return assetOut{}, fault.New(fault.NotFound, "the page has no such file; load the page again").WithCode("assetNotFound")
	}
	c := f.answer(call.Header)
	c.header.Set("Cross-Origin-Resource-Policy", "same-origin")
	return assetOut{c}, nil
}

func (h handler) document(_ context.Context, call function.Call, _ nothing) (documentOut, error) {
	return documentOut{h.files.document.answer(call.Header)}, nil
}

func (h handler) health(context.Context, function.Call, nothing) (healthOut, error) {
	return healthOut{Status: "ok", Function: "portal", Version: function.Version}, nil
}
