package subset_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/deploy/subset"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/function/bearer/bearertest"
)

const root = "../../.."

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// project reads what was cut as the local host reads s.yaml.
func project(t *testing.T, text []byte, root string) *syaml.Project {
	t.Helper()
	key, err := bearertest.NewRSA("k1")
	if err != nil {
		t.Fatal(err)
	}
	with := map[string]string{"PORTAL_JWKS": bearertest.Set(key), "PORTAL_ISSUER": "i", "PORTAL_AUDIENCE": "a"}
	local := strings.ReplaceAll(string(text), root+"/", "")
	p, err := syaml.Parse("s.yaml", []byte(local), func(name string) (string, bool) { v, ok := with[name]; return v, ok }, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestServerlessDevs: what is cut has the functions that are wanted, as they were,
// and no route to another one.
func TestServerlessDevs(t *testing.T) {
	cut, err := subset.ServerlessDevs(read(t, "s.yaml"), subset.Wish{Functions: []string{"find", "price"}, Root: "/module", Domain: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(cut), "code: /module/.build/find") {
		t.Error("the code of find is not named by its whole path")
	}
	whole, part := project(t, read(t, "s.yaml"), "/module"), project(t, cut, "/module")
	var names []string
	for _, f := range part.Functions {
		names = append(names, f.Resource)
		i := slices.IndexFunc(whole.Functions, func(o syaml.Function) bool { return o.Resource == f.Resource })
		if o := whole.Functions[i]; len(o.Environment) != len(f.Environment) || len(o.Triggers) != len(f.Triggers) || o.Timeout != f.Timeout {
			t.Errorf("%s is not as it was: %+v, %+v", f.Resource, f, o)
		}
	}
	if !slices.Equal(names, []string{"find", "price"}) {
		t.Errorf("functions %v", names)
	}
	if len(part.Routes) == 0 || len(part.Routes) >= len(whole.Routes) {
		t.Errorf("%d of %d routes", len(part.Routes), len(whole.Routes))
	}
	if strings.Contains(string(cut), "pre-deploy") {
		t.Error("actions of the whole are carried out for the part")
	}
}

// TestNoDomain: where no domain is named none is deployed.
func TestNoDomain(t *testing.T) {
	cut, err := subset.ServerlessDevs(read(t, "s.yaml"), subset.Wish{Functions: []string{"find"}, Root: "/module"})
	if err != nil {
		t.Fatal(err)
	}
	if p := project(t, cut, "/module"); len(p.Routes) != 0 || strings.Contains(string(cut), "fc3-domain") {
		t.Errorf("a domain with %d routes", len(p.Routes))
	}
}

// TestSAM: the same of template.yml, without parameters that nothing needs.
func TestSAM(t *testing.T) {
	cut, err := subset.SAM(read(t, "template.yml"), subset.Wish{Functions: []string{"find"}, Root: "/module"})
	if err != nil {
		t.Fatal(err)
	}
	for text, wanted := range map[string]bool{
		"FindFunction:": true, "PriceFunction:": false, "ShareFunction:": false, "Gateway:": true, "TrustedOwners:": true,
		"ShareCommunity:": false, "FourEyes:": false, "CodeUri: /module": true, "!Ref PortalJwks": true,
	} {
		if strings.Contains(string(cut), text) != wanted {
			t.Errorf("%s: %v, wanted %v", text, !wanted, wanted)
		}
	}
}

// TestUnknown: a name that is in no descriptor fails, as does what is none.
func TestUnknown(t *testing.T) {
	for name, cut := range map[string]func([]byte, subset.Wish) ([]byte, error){"s.yaml": subset.ServerlessDevs, "template.yml": subset.SAM} {
		if _, err := cut(read(t, name), subset.Wish{Functions: []string{"fnid"}}); err == nil || !strings.Contains(err.Error(), "fnid") {
			t.Errorf("%s: %v", name, err)
		}
		for _, broken := range []string{"", "- a", "a: [", "a: b"} {
			if _, err := cut([]byte(broken), subset.Wish{}); err == nil {
				t.Errorf("%s: %q is taken for a descriptor", name, broken)
			}
		}
	}
}
