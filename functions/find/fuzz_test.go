package main

import (
	"os"
	"path/filepath"
	"testing"

	"imagekeeper/shared/function/surface"
)

// FuzzSurface: whatever is sent to the whole function, over the cloud in memory
// that does not fail, is answered in good form and with a status below 500; no
// secret is told, and nothing that is sent acts where a refusal is shown.
func FuzzSurface(f *testing.F) {
	caller, err := surface.NewCaller()
	if err != nil {
		f.Fatal(err)
	}
	events, err := filepath.Glob("testdata/event-*.json")
	if err != nil || len(events) == 0 {
		f.Fatalf("no events in testdata: %v", err)
	}
	for _, name := range events {
		event, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(3), "", "", "", "", "", event)
	}
	for _, s := range []surface.Sent{
		{Kind: 0, Method: "GET", Target: "/images", Query: "kind=custom&region=cn-hangzhou&tag.team=web&limit=2&explain=true"},
		{Kind: 1, Method: "GET", Target: "/images", Query: "name=web-*&sort=-size&format=csv&createdAfter=2026-01-01T00:00:00Z"},
		{Kind: 0, Method: "HEAD", Target: "/images/m-new", Name: "X-Forwarded-For", Value: "a\r\nSet-Cookie: b"},
		{Kind: 1, Method: "GET", Target: "/images/m-new/lineage", Query: "region=cn-hangzhou"},
		{Kind: 0, Method: "GET", Target: "/images/m-new/usage"},
		{Kind: 1, Method: "GET", Target: "/families/web-base", Query: "instanceType=ecs.g7.large"},
		{Kind: 0, Method: "GET", Target: "/instances", Query: "behind=1&format=ndjson"},
		{Kind: 0, Method: "GET", Target: "/access", Query: "action=ecs:DescribeImages"},
		{Kind: 0, Method: "OPTIONS", Target: "/images/%2e%2e/x"},
		{Kind: 2, Target: "find.images", Body: []byte(`{"tag":{"team":"web"},"limit":1,"cursor":"x"}`)},
		{Kind: 2, Target: "find.family", Body: []byte(`{"family":"web-base","Region":[]}`)},
	} {
		f.Add(s.Kind, s.Method, s.Target, s.Query, s.Name, s.Value, s.Body)
	}
	whole := finder(views(world()))
	f.Fuzz(func(t *testing.T, kind uint8, method, target, query, name, value string, body []byte) {
		sent := surface.Sent{Kind: kind, Method: method, Target: target, Query: query, Name: name, Value: value, Body: body}
		if _, err := caller.Send(t.Context(), whole, sent); err != nil {
			t.Fatal(err)
		}
	})
}
