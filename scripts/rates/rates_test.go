package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/shared/pricing"
)

const short = `{"images":1,"missingRates":[
	{"item":"snapshotStorage","category":"standard","regionId":"cn-beijing","basis":"perGb","unit":"month","price":"","currency":"CNY"},
	{"item":"operatingSystemLicence","product":"windows","regionId":"us-west-1","instanceType":"ecs.g7.xlarge","basis":"perInstance","unit":"hour","price":"","currency":"USD"}]}`

// TestTemplate: what is printed is read by price once its prices are filled in.
func TestTemplate(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prices" || r.Header.Get("Authorization") != "Bearer of-a-viewer" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(short))
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("of-a-viewer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var asked, piped strings.Builder
	if err := run(t.Context(), strings.TrimPrefix(server.URL, "http://"), token, nil, &asked); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), "", "", strings.NewReader(short), &piped); err != nil || piped.String() != asked.String() {
		t.Fatalf("asked for\n%s\npiped\n%s, %v", asked.String(), piped.String(), err)
	}
	if _, err := pricing.ParseNegotiated(asked.String()); err == nil {
		t.Error("a template that is not filled in is taken")
	}
	n, err := pricing.ParseNegotiated(strings.ReplaceAll(asked.String(), `"price":""`, `"price":"0.2"`))
	if err != nil || len(n.Rates) != 2 || n.Rates[0].Region != "cn-beijing" || n.Rates[1].InstanceType != "ecs.g7.xlarge" {
		t.Errorf("%s\n%+v, %v", asked.String(), n, err)
	}
	if err := run(t.Context(), server.URL, "", nil, &piped); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without a token: %v", err)
	}
	for _, bad := range []string{"", "[]", `{"images":1}`} {
		if err := run(t.Context(), "", "", strings.NewReader(bad), &piped); err == nil {
			t.Errorf("%q is taken for an answer of price", bad)
		}
	}
	var none strings.Builder
	if err := run(t.Context(), "", "", strings.NewReader(`{"missingRates":[]}`), &none); err != nil || strings.TrimSpace(none.String()) != `{"rates": []}` {
		t.Errorf("nothing is missing: %q, %v", none.String(), err)
	}
}
