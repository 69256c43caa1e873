package main

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/strictjson"
)

// TestWhatCanHaveNoEffectIsRefused: for each parameter of each list, a question in
// which it could count for nothing, with what is named then; or why there is none.
// A parameter without a row fails.
func TestWhatCanHaveNoEffectIsRefused(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	const always = "" // it always narrows, orders or shapes what is answered
	refused := map[string]map[string]string{
		"/images": {
			"region": "region=cn-hangzho -> region unknownRegion", "account": "account=1000000000000009 -> account unknownAccount", "maxAge": always,
			"kind": "kind=public&tag.team=web -> tag noEffect", "owner": "owner=1000000000000001&kind=public,marketplace -> owner noEffect", "id": always,
			"name": "name=a,b -> name", "snapshotId": "snapshotId=s-old&kind=public -> snapshotId noEffect", "osType": always, "platform": always,
			"arch": "arch=arm64&bootMode=BIOS -> bootMode noEffect", "bootMode": "bootMode=BIOS&arch=arm64 -> bootMode noEffect",
			"instanceType": "instanceType=g7.large -> instanceType instancetype", "tag": "tag.team=web&kind=public -> tag noEffect", "software": always,
			"provider": "provider=isv&kind=public -> provider noEffect", "dataDisks": always,
			"licence": "licence=unknown&maxLicencePerHour=1&instanceType=ecs.g7.large -> licence noEffect", "maxLicencePerHour": "maxLicencePerHour=1 -> instanceType required",
			"status": always, "usage": always, "encrypted": always, "createdAfter": "createdAfter=2026-02-01T00:00:00Z&createdBefore=2026-01-01T00:00:00Z -> createdBefore emptyRange",
			"createdBefore": "createdBefore=2026-01-01T00:00:00Z&createdAfter=2026-01-01T00:00:00Z -> createdBefore emptyRange",
			"family":        "family=web-base&kind=marketplace -> family noEffect", "sort": "sort=licence -> instanceType required", "limit": "limit=0 -> limit min",
			"cursor": "cursor=x -> cursor cursorMalformed", "format": always, "fields": "fields=name -> fields noEffect", "explain": "explain=true&format=excel -> explain notInFormat",
		},
		"/instances": {
			"region": "region=cn-hangzho -> region unknownRegion", "account": "account=1000000000000009 -> account unknownAccount", "maxAge": always,
			"id": always, "image": always, "family": always, "behind": always, "tag": always, "limit": "limit=0 -> limit min", "cursor": "cursor=x -> cursor cursorMalformed", "format": always,
			"fields": "fields=instanceId&format=ndjson -> fields noEffect", "instanceType": always, "osName": always, "endOfLifeBefore": always, "sort": "sort=name -> sort oneof",
		},
		"/families": {
			"region": "region=cn-hangzho -> region unknownRegion", "account": "account=1000000000000009 -> account unknownAccount", "maxAge": always,
			"kind": "kind=public&tag.team=web -> tag noEffect", "owner": "owner=1000000000000001&kind=public,marketplace -> owner noEffect", "id": always,
			"name": "name=a,b -> name", "snapshotId": "snapshotId=s-old&kind=public -> snapshotId noEffect", "osType": always, "platform": always,
			"arch": "arch=arm64&bootMode=BIOS -> bootMode noEffect", "bootMode": always, "instanceType": "instanceType=g7.large -> instanceType instancetype",
			"tag": "tag.team=web&kind=public -> tag noEffect", "software": always, "provider": "provider=isv&kind=public -> provider noEffect", "dataDisks": always,
			"licence": always, "maxLicencePerHour": "maxLicencePerHour=1 -> instanceType required", "status": always, "usage": always, "encrypted": always,
			"createdAfter":  "createdAfter=2026-02-01T00:00:00Z&createdBefore=2026-01-01T00:00:00Z -> createdBefore emptyRange",
			"createdBefore": "createdBefore=2026-01-01T00:00:00Z&createdAfter=2026-01-01T00:00:00Z -> createdBefore emptyRange",
			"family":        "kind=marketplace -> kind noEffect", "channel": "channel=retired -> channel oneof", "sort": "sort=size -> sort oneof", "limit": "limit=0 -> limit min",
			"cursor": "cursor=x -> cursor cursorMalformed", "format": always, "fields": "fields=images&format=ndjson -> fields noEffect",
		},
		"/access": {
			"region": "region=cn-hangzho -> region unknownRegion", "account": "account=1000000000000009 -> account unknownAccount", "maxAge": always,
			"action": "action=ecs:NoSuchAction -> action notNeeded", "neededBy": "action=ecs:RunInstances&neededBy=find -> neededBy noEffect", "format": always, "fields": "fields=action -> fields noEffect",
		},
	}
	for route, in := range map[string]any{"/images": listInput{}, "/families": familiesInput{}, "/instances": fleetInput{}, "/access": accessInput{}} {
		var names []string
		for _, field := range strictjson.Fields(reflect.TypeOf(in)) {
			names = append(names, field.Name)
		}
		for name := range refused[route] {
			if !slices.Contains(names, name) {
				t.Errorf("%s has no %s", route, name)
			}
		}
		for _, name := range names {
			row, there := refused[route][name]
			if !there {
				t.Errorf("%s: nothing says whether %s can be without effect", route, name)
			}
			query, want, is := strings.Cut(row, " -> ")
			if !is {
				continue
			}
			var problem function.Problem
			answer := get(t, f, route+"?"+query, &problem)
			field, code, _ := strings.Cut(want, " ")
			if answer.StatusCode != http.StatusBadRequest || problem.Field != field || code != "" && problem.Code != code {
				t.Errorf("%s?%s: %d %s of %s, want %s", route, query, answer.StatusCode, problem.Code, problem.Field, want)
			}
		}
	}
}

// TestANameWithACommaInJSON: the same is refused whichever way it comes.
func TestANameWithACommaInJSON(t *testing.T) {
	t.Parallel()
	answer := finder(views(world())).Invoke(t.Context(), function.Call{}, []byte(`{"operation":"find.images","input":{"name":"web-a,web-b"}}`))
	if !strings.Contains(string(answer), `"code":"noEffect"`) || !strings.Contains(string(answer), `"field":"name"`) {
		t.Errorf("%s", answer)
	}
}
