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
		{Kind: 0, Method: "GET", Target: "/shares/m-web", Query: "history=true"},
		{Kind: 1, Method: "PUT", Target: "/shares/m-web", Query: "region=cn-hangzhou", Body: []byte(`{"accounts":[{"accountId":"1000000000000003","until":"2027-01-01T00:00:00Z","onExpiry":"remove","reason":"a test"}],"community":false}`)},
		{Kind: 0, Method: "PATCH", Target: "/shares/m-web", Body: []byte(`{"remove":["1000000000000002"],"evenIfUsed":["1000000000000002"],"regions":"all"}`)},
		{Kind: 0, Method: "PATCH", Target: "/shares/m-web", Body: []byte(`{"add":[{"accountId":"1000000000000003"}],"apply":{"digest":"0000000000000000000000000000000000000000000000000000000000000000"}}`)},
		{Kind: 2, Target: "share.patch", Body: []byte(`{"imageId":"m-web","add":[{"accountId":"1000000000000003"}],"apply":{"limits":{"addsOnly":true,"max":1,"accounts":["1000000000000003"]}}}`)},
		{Kind: 2, Target: "share.put", Body: []byte(`{"imageId":"m-secret","accounts":[]}`)},
		{Kind: 3, Body: []byte(`{"triggerTime":"2026-03-01T12:00:00Z","triggerName":"expiry","payload":""}`)},
	} {
		f.Add(s.Kind, s.Method, s.Target, s.Query, s.Name, s.Value, s.Body)
	}

	f.Fuzz(func(t *testing.T, kind uint8, method, target, query, name, value string, body []byte) {
		sent := surface.Sent{Kind: kind, Method: method, Target: target, Query: query, Name: name, Value: value, Body: body}
		if _, err := caller.Send(t.Context(), newStage(t).function(), sent); err != nil {
			t.Fatal(err)
		}
	})
}
