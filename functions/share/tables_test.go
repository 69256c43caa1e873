package main

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// TestWhoMayUseAnImageAsATable: csv and excel have a row for each account, also of
// those that lost it elsewhere; ndjson ends with the rest.
func TestWhoMayUseAnImageAsATable(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	give := map[string]any{"imageId": "m-web", "add": []map[string]any{{"accountId": third, "reason": "=1+1"}}}
	give["apply"] = map[string]any{"digest": s.call("share.patch", give).Plan.Digest}
	if said := s.call("share.patch", give); !said.Complete {
		t.Fatalf("%+v", said)
	}
	get := func(target string) *http.Response {
		w := httptest.NewRecorder()
		s.function().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		return w.Result()
	}
	rows, err := csv.NewReader(get("/shares/m-web?format=csv&fields=accountId,origin,reason,ownerId").Body).ReadAll()
	want := "accountId,origin,reason,ownerId\n" + string(second) + ",outside,,1000000000000001\n" + string(third) + ",imagekeeper,'=1+1,1000000000000001"
	var got []string
	for _, row := range rows {
		got = append(got, strings.Join(row, ","))
	}
	if err != nil || strings.Join(got, "\n") != want {
		t.Errorf("csv: %v\n%s\nwant\n%s", err, strings.Join(got, "\n"), want)
	}
	if err := s.cloud.View(first).Permit(t.Context(), image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}, nil, []image.AccountID{third}); err != nil {
		t.Fatal(err)
	}
	rows, err = csv.NewReader(get("/shares/m-web?format=excel&fields=accountId,origin").Body).ReadAll()
	if err != nil || len(rows) != 3 || rows[2][0] != `="`+string(third)+`"` || rows[2][1] != "gone" {
		t.Errorf("excel: %q, %v", rows, err)
	}
	lines := json.NewDecoder(get("/shares/m-web?format=ndjson&history=true").Body)
	var last struct {
		AccountID image.AccountID `json:"accountId"`
		End       bool            `json:"end"`
		Count     int             `json:"count"`
		Gone      []any           `json:"gone"`
		History   []any           `json:"history"`
	}
	for n := 1; lines.More(); n++ {
		if err := lines.Decode(&last); err != nil || n > 2 || last.End != (n == 2) {
			t.Fatalf("line %d: %+v, %v", n, last, err)
		}
	}
	if last.Count != 1 || len(last.Gone) != 1 || len(last.History) == 0 || last.AccountID != first {
		t.Errorf("ndjson ends with %+v", last)
	}
	for target, field := range map[string]string{"history=true&format=csv": "history", "history=true&format=excel": "history", "fields=reason": "fields", "format=csv&fields=none": "fields"} {
		var problem function.Problem
		answer := get("/shares/m-web?" + target)
		if err := json.NewDecoder(answer.Body).Decode(&problem); err != nil || answer.StatusCode != http.StatusBadRequest || problem.Field != field {
			t.Errorf("%s: %d %+v, %v", target, answer.StatusCode, problem, err)
		}
	}
}
