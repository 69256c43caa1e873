package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/strictjson"
)

// TestWhatCanHaveNoEffectIsRefused: whatever else is asked, a parameter that is given
// changes the answer, or is refused and named. A parameter without a value here fails.
func TestWhatCanHaveNoEffectIsRefused(t *testing.T) {
	t.Parallel()
	f := withObjectRates(t)
	bases := map[string]string{
		"alone": "", "with an instance": "instanceType=ecs.g7.xlarge", "holding": "holding=true", "spot": "instanceType=ecs.g7.xlarge&spot=true",
		"a subscription": "instanceType=ecs.g7.xlarge&period=1", "stopped": "instanceType=ecs.g7.xlarge&hours=100&stoppedHours=20", "stored": "storedFrom=2026-02-01T00:00:00Z&storedTo=2026-02-20T00:00:00Z",
		"preheated": "preheatDisks=2&preheatHours=3", "create": "for=create", "copy": "for=copy&to=cn-shanghai", "copy snapshots": "for=copySnapshot&to=cn-shanghai",
		"import": "for=import", "export": "for=export", "replace": "instanceType=ecs.g7.xlarge&for=replace&replaces=m-idle&replacedDiskGiB=40",
	}
	values := map[string][]string{
		"region": {"cn-hangzhou"}, "account": {string(ours)}, "maxAge": {"5"}, "instanceType": {"ecs.g7.large"}, "activeVcpus": {"2"}, "holding": {"true"},
		"hours": {"7"}, "seconds": {"90"}, "spot": {"true"}, "period": {"2"}, "periodUnit": {"year"}, "refunded": {"true"}, "stoppedHours": {"5"},
		"stoppedMode": {"KeepCharging"}, "storedFrom": {"2026-02-03T10:20:00Z"}, "storedTo": {"2026-02-28T23:00:00Z"}, "deleted": {"true"},
		"preheatDisks": {"3"}, "preheatHours": {"5"}, "for": {"create", "copy", "copySnapshot", "import", "export", "replace"}, "to": {"cn-beijing", "cn-shanghai"}, "encrypt": {"true"},
		"ownKey": {"true"}, "firstCopy": {"true"}, "diskGiBs": {"20,60"}, "objectBytes": {"1234567890"}, "replaces": {"m-own"},
		"replacedDiskGiB": {"60"}, "newDiskGiB": {"80"}, "osType": {"linux"}, "platform": {"Ubuntu"}, "licenseType": {"BYOL"},
	}
	// what may be given without changing anything, because it says what is so, or how it is looked at
	says := []string{"region", "account", "maxAge"}
	for _, field := range strictjson.Fields(reflect.TypeFor[asking]()) {
		given := values[field.Name]
		if len(given) == 0 && field.Name != "imageId" {
			t.Errorf("nothing says whether %s can be without effect", field.Name)
		}
		for name, base := range bases {
			if slices.ContainsFunc(strings.Split(base, "&"), func(p string) bool { return strings.HasPrefix(p, field.Name+"=") }) {
				continue
			}
			before := answered(t, f, base)
			for _, value := range given {
				code, answer := ask(f, "/prices/m-own?"+strings.Trim(base+"&"+field.Name+"="+value, "&"), "")
				effective(t, name+", "+field.Name+"="+value, code, answer, before, slices.Contains(says, field.Name))
			}
		}
	}
}

// withObjectRates is price where a contract has rates of OSS.
func withObjectRates(t *testing.T) *function.Function {
	t.Helper()
	h := over(world(), same)
	h.rates = negotiated(t, `{"rates":[{"item":"ossStorage","basis":"perGb","unit":"month","regionId":"cn-hangzhou","price":"0.12","currency":"CNY"},
		{"item":"ossTraffic","basis":"perGb","unit":"once","regionId":"cn-hangzhou","price":"0.5","currency":"CNY"}]}`)
	return h.function()
}

// TestWhatCanHaveNoEffectOnTheReportIsRefused: a parameter without a row fails.
func TestWhatCanHaveNoEffectOnTheReportIsRefused(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	const always = "" // it always shapes what is answered
	refused := map[string]string{
		"maxAge": "maxAge=5&month=2026-02 -> maxAge noEffect", "format": always, "fields": "fields=name -> fields noEffect", "month": "month=0001-01 -> month",
		"by": "by=family -> by noEffect", "limit": "limit=0 -> limit min",
		"region": "region=cn-hangzho -> region unknownRegion", "account": "account=1000000000000009 -> account unknownAccount",
		"family": "family=web&month=2026-02 -> family noEffect", "unused": "unused=true&month=2026-02 -> unused noEffect",
	}
	for _, field := range strictjson.Fields(reflect.TypeFor[reportInput]()) {
		row, there := refused[field.Name]
		if !there {
			t.Errorf("nothing says whether %s can be without effect", field.Name)
		}
		query, want, is := strings.Cut(row, " -> ")
		if !is {
			continue
		}
		var problem function.Problem
		code, answer := ask(f, "/prices?"+query, "")
		if err := json.Unmarshal([]byte(answer), &problem); err != nil || code != http.StatusBadRequest || !strings.HasPrefix(problem.Field+" "+problem.Code, want) {
			t.Errorf("%s: %d %s", query, code, answer)
		}
	}
	if code, answer := ask(f, "/prices?by=family&format=excel", ""); code != http.StatusOK {
		t.Errorf("a table for Excel of families: %d %s", code, answer)
	}
}

// effective fails unless a parameter made a difference, or was refused and named.
func effective(t *testing.T, name string, code int, answer, before string, says bool) {
	t.Helper()
	var problem function.Problem
	if err := json.Unmarshal([]byte(answer), &problem); err != nil {
		t.Fatal(err)
	}
	switch {
	case code == http.StatusBadRequest && problem.Field != "":
	case code != http.StatusOK:
		t.Errorf("%s: %d %s", name, code, answer)
	case !says && answer == before:
		t.Errorf("%s: accepted, and nothing is different", name)
	}
}

// TestWhatCanHaveNoEffectOnAnImageToBe: the same for images that do not exist yet, and
// for those that others keep.
func TestWhatCanHaveNoEffectOnAnImageToBe(t *testing.T) {
	t.Parallel()
	f := withObjectRates(t)
	bases := map[string]string{
		"create": `"for":"create","osType":"linux","platform":"Ubuntu","region":"cn-hangzhou","diskGiBs":[40]`,
		"import": `"for":"import","osType":"linux","platform":"Ubuntu","region":"cn-hangzhou","diskGiBs":[40],"instanceType":"ecs.g7.xlarge"`,
		"public": `"imageId":"redhat.vhd","region":"cn-hangzhou","instanceType":"ecs.g7.xlarge"`,
	}
	for name, base := range bases {
		asked := func(more string) (int, string) {
			code, answer := ask(f, "/prices", `{"questions":[{`+base+more+`}]}`)
			var said struct {
				Items []struct{ Quote, Problem json.RawMessage }
			}
			if err := json.Unmarshal([]byte(answer), &said); err != nil || code != http.StatusOK || len(said.Items) != 1 {
				t.Fatalf("%s%s: %d %s", base, more, code, answer)
			}
			if said.Items[0].Problem != nil {
				return http.StatusBadRequest, string(said.Items[0].Problem)
			}
			return code, string(said.Items[0].Quote)
		}
		code, before := asked("")
		if code != http.StatusOK {
			t.Fatalf("%s: %s", name, before)
		}
		for _, more := range []string{
			`"deleted":true`, `"preheatDisks":2,"preheatHours":"3"`, `"storedFrom":"2026-02-01T00:00:00Z","storedTo":"2026-02-20T00:00:00Z"`, `"hours":"7"`,
			`"stoppedHours":"5"`, `"spot":true`, `"period":2`, `"refunded":true`, `"activeVcpus":2`, `"to":"cn-shanghai"`, `"replaces":"m-idle"`, `"newDiskGiB":80`, `"objectBytes":5`,
		} {
			code, answer := asked("," + more)
			effective(t, name+", "+more, code, answer, before, false)
		}
	}
}

// answered is the answer to a question about m-own.
func answered(t *testing.T, f http.Handler, query string) string {
	t.Helper()
	code, answer := ask(f, "/prices/"+string(image.ID("m-own"))+"?"+query, "")
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", query, code, answer)
	}
	return answer
}
