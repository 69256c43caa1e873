package alicloud

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
)

// documented is one row of testdata/codes.tsv: an error that an operation we
// use is documented to answer, and the kind that callers are to see.
type documented struct {
	operation, code string
	status          int
	kind            fault.Kind
}

// readDocumented reads testdata/codes.tsv.
func readDocumented(t *testing.T) []documented {
	t.Helper()
	file, err := os.Open("testdata/codes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []documented
	for lines := bufio.NewScanner(file); lines.Scan(); {
		parts := strings.Split(lines.Text(), "\t")
		if parts[0] == "operation" {
			continue
		}
		status, err := strconv.Atoi(parts[2])
		if err != nil || len(parts) != 4 {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		all = append(all, documented{parts[0], parts[1], status, fault.Kind(parts[3])})
	}
	return all
}

func TestEveryDocumentedCodeHasItsKind(t *testing.T) {
	t.Parallel()
	table := newCodes()
	rows := readDocumented(t)
	if len(rows) < 120 {
		t.Fatalf("only %d codes", len(rows))
	}
	for _, d := range rows {
		if got := table.kind(d.status, d.code); got != d.kind {
			t.Errorf("%s %s (%d): kind %s, want %s", d.operation, d.code, d.status, got, d.kind)
		}
	}
}

// TestEveryCodeOfTheTableIsDocumented: the table claims nothing that no source
// has, claims no code twice, and knows only kinds of the list.
func TestEveryCodeOfTheTableIsDocumented(t *testing.T) {
	t.Parallel()
	sources := make(map[string]fault.Kind)
	for _, d := range readDocumented(t) {
		sources[d.code] = d.kind
	}
	claimed := make(map[string]fault.Kind)
	claim := func(kind fault.Kind, list string) {
		if kind.HTTPStatus() == 500 && kind != fault.Internal {
			t.Errorf("kind %s is not in the list", kind)
		}
		for code := range strings.FieldsSeq(list) {
			if other, twice := claimed[code]; twice {
				t.Errorf("%s is claimed for %s and %s", code, kind, other)
			}
			claimed[code] = kind
			if sources[code] != kind {
				t.Errorf("%s is claimed to be %s, documented as %q", code, kind, sources[code])
			}
			if !isCode(code) {
				t.Errorf("%s would not be let through", code)
			}
		}
	}
	for _, table := range codeTables() {
		for kind, list := range table {
			claim(kind, list)
		}
	}
	if len(claimed) != len(newCodes().exact) {
		t.Errorf("%d codes are listed, %d are known", len(claimed), len(newCodes().exact))
	}
}

func TestCodesThatAreNotInTheTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		want   fault.Kind
	}{
		{400, "Throttling.Resource", fault.Throttled},
		{400, "Throttlingly", fault.Internal},
		{403, "Forbidden.SomethingNew", fault.Forbidden},
		{403, "NoPermission.Ecs", fault.Forbidden},
		{400, "InvalidSecurityToken.New", fault.Unauthenticated},
		{400, "InvalidParameter.PageSize", fault.Invalid},
		{404, "MissingParameter.RegionId", fault.Invalid},
		{400, "Moon", fault.Internal},
		{404, "Moon", fault.Internal},
		{401, "Moon", fault.Unauthenticated},
		{403, "Moon", fault.Forbidden},
		{429, "Moon", fault.Throttled},
		{500, "Moon", fault.Unavailable},
		{503, "Moon", fault.Unavailable},
	} {
		if got := newCodes().kind(c.status, c.code); got != c.want {
			t.Errorf("%s (%d): kind %s, want %s", c.code, c.status, got, c.want)
		}
	}
}
