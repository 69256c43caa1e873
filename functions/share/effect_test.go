package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/strictjson"
)

// TestWhatCanHaveNoEffectIsRefused: for each parameter of each operation, a request in
// which it could count for nothing, with what is named then; or why there is none. A
// parameter without a row fails.
func TestWhatCanHaveNoEffectIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const always = "" // it always says which image, what is to be, or how it is answered
	const known = `"accountId":"` + string(second) + `"`
	place := map[string]string{
		"imageId": always, "region": `"region":"cn-hangzho" -> region unknownRegion`, "account": `"account":"1000000000000009" -> account unknownAccount`,
	}
	changing := map[string]string{
		"regions": `"regions":"none" -> regions`, "apply": `"apply":{} -> apply required`,
		"apply.digest": `"apply":{"digest":"` + strings.Repeat("0", 64) + `","limits":{"max":1}} -> apply required`,
		"apply.limits": `"apply":{"limits":{"accounts":[]}} -> apply.limits.accounts`,
	}
	term := func(list, with string) map[string]string {
		return map[string]string{
			list + ".accountId": `"` + list + `":[{` + known + `},{` + known + `}]` + with + ` -> ` + list + `[1].accountId duplicate`,
			list + ".until":     `"` + list + `":[{` + known + `,"until":"2020-01-01T00:00:00Z","onExpiry":"remove"}]` + with + ` -> ` + list + `[0].until past`,
			list + ".onExpiry":  `"` + list + `":[{` + known + `,"onExpiry":"remove"}]` + with + ` -> ` + list + `[0].until required`,
			list + ".reason":    `"` + list + `":[{` + known + `,"reason":""}]` + with + ` -> ` + list + `[0].reason`,
			list + ".replaces":  `"` + list + `":[{` + known + `,"replaces":"` + string(second) + `"}]` + with + ` -> ` + list + `[0].replaces contradiction`,
		}
	}
	operations := map[string]struct {
		in   reflect.Type
		base string
		rows []map[string]string
	}{
		"share.get": {reflect.TypeFor[getInput](), ``, []map[string]string{place, {
			"history": `"history":true,"format":"csv" -> history notInFormat`, "format": always, "fields": `"fields":["reason"] -> fields noEffect`,
		}}},
		"share.put": {reflect.TypeFor[putInput](), `"accounts":[]`, []map[string]string{place, changing, term("accounts", ""), {
			"accounts": always, "community": always,
			"evenIfUsed": `"accounts":[{` + known + `}],"evenIfUsed":["` + string(second) + `"] -> evenIfUsed[0] noEffect`,
		}}},
		"share.patch": {reflect.TypeFor[patchInput](), `"remove":["` + string(second) + `"]`, []map[string]string{place, changing, term("add", ""), {
			"add": `"add":[] -> add`, "remove": `"add":[{` + known + `}],"remove":["` + string(second) + `"] -> add[0].accountId contradiction`,
			"evenIfUsed": `"add":[{` + known + `}],"evenIfUsed":["` + string(second) + `"] -> evenIfUsed[0] noEffect`,
		}}},
	}
	for operation, o := range operations {
		rows := map[string]string{}
		for _, some := range o.rows {
			for name, row := range some {
				rows[name] = row
			}
		}
		names := parameters(o.in)
		for name := range rows {
			if !slices.Contains(names, name) {
				t.Errorf("%s has no %s", operation, name)
			}
		}
		for _, name := range names {
			row, there := rows[name]
			if !there {
				t.Errorf("%s: nothing says whether %s can be without effect", operation, name)
			}
			members, want, is := strings.Cut(row, " -> ")
			if !is {
				continue
			}
			input := `"imageId":"m-web",` + members
			if o.base != "" && !strings.Contains(input, `"`+strings.SplitN(o.base, `"`, 3)[1]+`":`) && !strings.Contains(input, `"add":`) {
				input += "," + o.base
			}
			var problem function.Problem
			answer := s.operator().Invoke(t.Context(), function.Call{}, []byte(`{"operation":"`+operation+`","input":{`+input+`}}`))
			field, code, _ := strings.Cut(want, " ")
			if err := json.Unmarshal(answer, &problem); err != nil || problem.Status != 400 || problem.Field != field || code != "" && problem.Code != code {
				t.Errorf("%s {%s}: %s, want %s", operation, input, answer, want)
			}
		}
	}
}

// parameters are all of an input, those within lists and objects by dots.
func parameters(in reflect.Type) []string {
	var names []string
	for _, f := range strictjson.Fields(in) {
		names = append(names, f.Name)
		within := map[reflect.Type]reflect.Type{
			reflect.TypeFor[sharing.AskedList](): reflect.TypeFor[sharing.Asked](), reflect.TypeFor[*applyInput](): reflect.TypeFor[applyInput](),
		}[f.Type]
		if within == nil {
			continue
		}
		for _, inner := range strictjson.Fields(within) {
			names = append(names, f.Name+"."+inner.Name)
		}
	}
	return names
}
