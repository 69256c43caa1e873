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
		{Kind: 0, Method: "GET", Target: "/prices/m-own", Query: "hours=1/3&instanceType=ecs.g7.xlarge&spot=true"},
		{Kind: 1, Method: "GET", Target: "/prices/m-own", Query: "period=1&periodUnit=year&refunded=true"},
		{Kind: 1, Method: "GET", Target: "/prices/m-own", Query: "for=copy&to=cn-shanghai&encrypt=true&firstCopy=false"},
		{Kind: 0, Method: "GET", Target: "/prices/m-own", Query: "for=replace&replaces=m-idle&replacedDiskGiB=40&newDiskGiB=80"},
		{Kind: 0, Method: "GET", Target: "/prices/m-own", Query: "for=create&diskGiBs=40,100&preheatDisks=2&preheatHours=0.5"},
		{Kind: 0, Method: "GET", Target: "/prices", Query: "by=family&format=csv&limit=3", Name: "Accept", Value: "text/csv"},
		{Kind: 1, Method: "GET", Target: "/prices", Query: "month=2026-02"},
		{Kind: 0, Method: "POST", Target: "/prices", Body: []byte(`{"questions":[{"imageId":"m-own","hours":1e9},{"imageId":"m-idle","seconds":"7/2","diskGiBs":[1]}]}`)},
		{Kind: 2, Target: "price.image", Body: []byte(`{"imageId":"m-own","stoppedHours":10,"stoppedMode":"KeepCharging"}`)},
		{Kind: 2, Target: "price.images", Body: []byte(`{"questions":[{"imageId":"m-own","storedFrom":"2026-01-01T00:00:00Z","storedTo":"2026-02-01T00:00:00Z"}]}`)},
	} {
		f.Add(s.Kind, s.Method, s.Target, s.Query, s.Name, s.Value, s.Body)
	}
	whole := pricer(world(), same)
	f.Fuzz(func(t *testing.T, kind uint8, method, target, query, name, value string, body []byte) {
		sent := surface.Sent{Kind: kind, Method: method, Target: target, Query: query, Name: name, Value: value, Body: body}
		if _, err := caller.Send(t.Context(), whole, sent); err != nil {
			t.Fatal(err)
		}
	})
}
