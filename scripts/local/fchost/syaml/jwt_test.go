package syaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer/bearertest"
)

// withJWT is the small file with an authConfig, one line a member.
func withJWT(members ...string) string {
	return strings.Replace(small, "authType: anonymous", "authType: jwt\n            authConfig:\n              "+strings.Join(members, "\n              "), 1)
}

func keySet(t *testing.T) string {
	t.Helper()
	first, err := bearertest.NewEC("first")
	if err != nil {
		t.Fatal(err)
	}
	second, err := bearertest.NewEC("second")
	if err != nil {
		t.Fatal(err)
	}
	return bearertest.Set(first, second)
}

func TestJWT(t *testing.T) {
	t.Parallel()
	set := keySet(t)
	const lookup = "tokenLookup: header:Authorization:Bearer"
	for name, test := range map[string]struct {
		src, want string
	}{
		"a variable": {withJWT("jwks: ${json(env('KEYS'))}", lookup), "first, second Authorization Bearer [] [] []"},
		"a file":     {withJWT("jwks: ${json(file('keys.json'))}", lookup), "first, second Authorization Bearer [] [] []"},
		"in place":   {withJWT("jwks: "+set, lookup), "first, second Authorization Bearer [] [] []"},
		"everything": {
			withJWT("jwks: "+set, "tokenLookup: header:X-Token", "claimPassBy: header:sub:x-sub,header:roles:x-roles", "whitelist: [/healthz, '/assets/*']"),
			"first, second X-Token  [{sub x-sub} {roles x-roles}] [/healthz /assets/*] []",
		},
		"a blacklist": {withJWT("jwks: "+set, lookup, "blacklist: ['/private/*']"), "first, second Authorization Bearer [] [] [/private/*]"},
	} {
		p, err := syaml.Parse("s.yaml", []byte(test.src), environment(map[string]string{"KEYS": set}), files(map[string]string{"keys.json": set}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		j := p.Functions[0].Triggers[0].HTTP.JWT
		if got := fmt.Sprint(j.Keys.String(), " ", j.Header, " ", j.Prefix, " ", j.Pass, " ", j.Open, " ", j.Closed); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestJWTRefused(t *testing.T) {
	t.Parallel()
	set := keySet(t)
	const lookup = "tokenLookup: header:Authorization:Bearer"
	for name, test := range map[string]struct{ src, word string }{
		"no keys":           {withJWT(lookup), "jwks is missing"},
		"no lookup":         {withJWT("jwks: " + set), "tokenLookup is missing"},
		"an empty set":      {withJWT("jwks: {keys: []}", lookup), "Key Set"},
		"keys as text":      {withJWT("jwks: ${env('KEYS')}", lookup), "Key Set"},
		"a private key":     {withJWT("jwks: "+strings.Replace(set, `"kty"`, `"d":"hunter2","kty"`, 1), lookup), "private"},
		"no such variable":  {withJWT("jwks: ${json(env('NONE'))}", lookup), "not set"},
		"not JSON":          {withJWT("jwks: ${json(env('BAD'))}", lookup), "JSON"},
		"two arguments":     {withJWT("jwks: ${json(env('KEYS'), 1)}", lookup), "not"},
		"another place":     {withJWT("jwks: "+set, "tokenLookup: query:t"), "local run"},
		"two places":        {withJWT("jwks: "+set, "tokenLookup: header:A:B,header:C:D"), "local run"},
		"a list of places":  {withJWT("jwks: "+set, "tokenLookup: [{readPosition: header, parameterName: A}]"), "string"},
		"no name":           {withJWT("jwks: "+set, "tokenLookup: 'header:'"), "local run"},
		"claims in cookies": {withJWT("jwks: "+set, lookup, "claimPassBy: cookie:sub:s"), "claimPassBy"},
		"half a claim":      {withJWT("jwks: "+set, lookup, "claimPassBy: header:sub"), "claimPassBy"},
		"both lists":        {withJWT("jwks: "+set, lookup, "whitelist: [/a]", "blacklist: [/b]"), "exclude"},
		"no path":           {withJWT("jwks: "+set, lookup, "whitelist: [healthz]"), "path"},
		"a star inside":     {withJWT("jwks: "+set, lookup, "whitelist: ['/a/*/b']"), "path"},
		"an unknown key":    {withJWT("jwks: "+set, lookup, "matchMode: whitelist"), "matchMode"},
		"config unasked":    {strings.Replace(withJWT("jwks: "+set, lookup), "authType: jwt", "authType: anonymous", 1), "authConfig"},
	} {
		_, err := syaml.Parse("s.yaml", []byte(test.src), environment(map[string]string{"KEYS": set, "BAD": "{"}), files(nil))
		if !errors.Is(err, fault.Invalid) || !strings.Contains(fmt.Sprint(err), test.word) || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNeedsToken(t *testing.T) {
	t.Parallel()
	open := &syaml.JWT{Open: []string{"/healthz", "/assets/*"}}
	closed := &syaml.JWT{Closed: []string{"/private", "/private/*"}}
	for path, want := range map[string][3]bool{ // all, but open, only closed
		"/healthz": {true, false, false}, "/healthz/": {true, true, false}, "/assets/a/b": {true, false, false}, "/assets": {true, true, false},
		"/private": {true, true, true}, "/private/a": {true, true, true}, "/privateer": {true, true, false}, "/": {true, true, false},
	} {
		all := &syaml.JWT{}
		if got := [3]bool{all.NeedsToken(path), open.NeedsToken(path), closed.NeedsToken(path)}; got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}
