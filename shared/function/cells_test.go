package function_test

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"imagekeeper/shared/function"
)

// TestCells: names that a spreadsheet or a terminal would obey are texts in a
// table, and what was there can still be read.
func TestCells(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"web-base": "web-base", "": "", "a=b": "a=b", "1000000000000001": "1000000000000001", "0012": "0012",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx",
		" =1": "' =1", "\u3000=1": "'\u3000=1", "\u00a0@x": "'\u00a0@x",
		"\uff1d1+1": "'\uff1d1+1", "\uff0b1": "'\uff0b1", "\uff0d1": "'\uff0d1", "\uff20x": "'\uff20x",
		"a\x1b[31mb": `a\u001b[31mb`, "a\u202egnp.exe": `a\u202egnp.exe`, "a\u2066b": `a\u2066b`, "a\x00b": `a\u0000b`,
	} {
		if got := cells(t, "csv", cell); got != want {
			t.Errorf("%q: got %q, want %q", cell, got, want)
		}
	}
	for cell, want := range map[string]string{
		"1000000000000001": `="1000000000000001"`, "0012": `="0012"`, "0": "0", "123456789012345": "123456789012345", "0.5": "0.5", "=1+1": "'=1+1", "12a": "12a",
	} {
		if got := cells(t, "excel", cell); got != want {
			t.Errorf("for Excel, %q: got %q, want %q", cell, got, want)
		}
	}
}

// cells is how one cell is written.
func cells(t *testing.T, format, cell string) string {
	t.Helper()
	a := askFor(t, format, cell)
	text, marked := strings.CutPrefix(a, "\ufeff")
	if marked != (format == "excel") {
		t.Fatalf("%s begins with a byte order mark: %v", format, marked)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%q: %v", a, err)
	}
	return rows[1][0]
}

// askFor is a table of one cell in a format.
func askFor(t *testing.T, format, cell string) string {
	t.Helper()
	type asked struct {
		function.Table
	}
	f := function.New("f", function.Handle(function.Spec{Name: "f.cells", Pattern: "GET /cells"},
		func(context.Context, function.Call, asked) (table, error) { return table{Items: []string{cell}}, nil }))
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/cells?format="+format, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestFields: a table has the columns that were asked for, in their order; one that
// it has not is refused, and so is a choice where there is no table.
func TestFields(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"format=csv&fields=length":      "length\r\n5\r\n",
		"format=csv&fields=length,name": "length,name\r\n5,plain\r\n",
		"format=csv&fields=name":        "name\r\nplain\r\n",
		"format=excel&fields=name":      "\ufeffname\r\nplain\r\n",
		"format=csv":                    "name,length\r\nplain,5\r\n",
		"format=csv&fields=name,colour": `colour is no column of this table; there are name, length`,
		"format=csv&fields=name,name":   `"field":"fields"`,
		"fields=name":                   `"code":"noEffect"`,
		"format=ndjson&fields=name":     `"code":"noEffect"`,
	} {
		if got := tabled(t, query); !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// tabled is the answer of an operation that embeds Table.
func tabled(t *testing.T, query string) string {
	t.Helper()
	f := function.New("f", function.Handle(function.Spec{Name: "f.cells", Pattern: "GET /cells"},
		func(context.Context, function.Call, struct{ function.Table }) (table, error) {
			return table{Items: []string{"plain"}}, nil
		}))
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/cells?"+query, nil))
	return w.Body.String()
}

// A field of a request that is called format, and chooses no table, is its own.
func TestFormatOfItsOwn(t *testing.T) {
	t.Parallel()
	type export struct {
		Format string `json:"format" validate:"omitempty,oneof=raw vhd"`
	}
	f := function.New("f", function.Handle(function.Spec{Name: "f.made", Pattern: "GET /made"},
		func(_ context.Context, _ function.Call, in export) (table, error) {
			return table{Items: []string{in.Format}}, nil
		}))
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/made?format=vhd", nil))
	if got := w.Body.String(); w.Code != http.StatusOK || got != "{\"items\":[\"vhd\"]}\n" {
		t.Errorf("%d %s", w.Code, got)
	}
}
