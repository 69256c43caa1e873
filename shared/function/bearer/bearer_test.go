package bearer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer"
	"imagekeeper/shared/function/bearer/bearertest"
)

// theKeys are made once: an RSA key takes its time.
func theKeys(t testing.TB) (rsa, ec, stranger bearertest.Key) {
	t.Helper()
	made, err := keyring()
	if err != nil {
		t.Fatal(err)
	}
	return made[0], made[1], made[2]
}

var keyring = sync.OnceValues(func() ([3]bearertest.Key, error) {
	first, err1 := bearertest.NewRSA("first")
	second, err2 := bearertest.NewEC("second")
	stranger, err3 := bearertest.NewRSA("stranger")
	return [3]bearertest.Key{first, second, stranger}, errors.Join(err1, err2, err3)
})

func noon() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

func granted(roles ...string) bearertest.Grant {
	return bearertest.Grant{Issuer: "https://login.example", Audience: "imagekeeper", Subject: "ada", Roles: roles, From: noon(), For: time.Hour}
}

func policy(t testing.TB, keys ...bearertest.Key) bearer.Policy {
	t.Helper()
	set, err := bearer.ParseKeys([]byte(bearertest.Set(keys...)))
	if err != nil {
		t.Fatal(err)
	}
	return bearer.Policy{Keys: set, Issuer: "https://login.example", Audiences: []string{"imagekeeper", "portal"}, RolesClaim: "roles"}
}

// code is that of a refusal, which must be of the right kind.
func code(err error) string {
	if err == nil {
		return "accepted"
	}
	if !errors.Is(err, fault.Unauthenticated) {
		return "of another kind: " + err.Error()
	}
	return fault.Code(err)
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	first, second, _ := theKeys(t)
	p := policy(t, first, second)
	claims := func(edits ...string) string { return first.Sign(first.Header(), granted("viewer").Claims(edits...)) }
	header := func(edits ...string) string {
		return first.Sign(first.Header(edits...), granted("viewer").Claims())
	}
	for name, test := range map[string]struct{ token, roles string }{
		"RSA":                     {first.Token(granted("viewer")), "[viewer]"},
		"elliptic curve":          {second.Token(granted("viewer", "reaper")), "[viewer reaper]"},
		"no typ":                  {header("typ", ""), "[viewer]"},
		"typ in other letters":    {header("typ", `"jwt"`), "[viewer]"},
		"an access token":         {header("typ", `"at+jwt"`), "[viewer]"},
		"an access token in full": {header("typ", `"application/at+jwt"`), "[viewer]"},
		"a thumbprint beside kid": {header("x5t", `"abc"`, "x5t#S256", `"abc"`), "[viewer]"},
		"an unknown header":       {header("vendor", `{"a":[1]}`), "[viewer]"},
		"several audiences":       {claims("aud", `["other","portal"]`), "[viewer]"},
		"another audience of two": {claims("aud", `"portal"`), "[viewer]"},
		"no iat, no nbf":          {claims("iat", "", "nbf", ""), "[viewer]"},
		"fractions of seconds":    {claims("exp", "1769864400.5", "iat", "1769860800.9"), "[viewer]"},
		"roles with spaces":       {claims("roles", `"viewer operator"`), "[viewer operator]"},
		"roles with commas":       {claims("roles", `"viewer, operator,,fleet"`), "[viewer operator fleet]"},
		"no roles":                {claims("roles", ""), "[]"},
		"a long number elsewhere": {claims("uid", "1234567890123456789012345"), "[viewer]"},
		"sub in another script":   {claims("sub", `"艾达 Лавлейс"`), "[viewer]"},
		"issued a little ahead":   {claims("iat", fmt.Sprint(noon().Unix()+60), "nbf", fmt.Sprint(noon().Unix()+60)), "[viewer]"},
	} {
		got, err := p.Check("Bearer "+test.token, noon())
		if err != nil || fmt.Sprint(got.Roles) != test.roles || got.Issuer != p.Issuer || got.Subject == "" {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	p.RolesClaim = "https://login.example/roles"
	if got, err := p.Check("Bearer "+claims("https://login.example/roles", `["fleet"]`), noon()); err != nil || fmt.Sprint(got.Roles) != "[fleet]" {
		t.Errorf("another claim: %+v %v", got, err)
	}
}

// TestHostile: whatever is wrong, the refusal says so without a part of the token.
func TestHostile(t *testing.T) {
	t.Parallel()
	first, second, stranger := theKeys(t)
	p := policy(t, first, second)
	cases := bearertest.Attack{Trusted: [2]bearertest.Key{first, second}, Stranger: stranger, Grant: granted("viewer")}.Hostile()
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.Name] {
			t.Errorf("%s: there twice", c.Name)
		}
		names[c.Name] = true
		if c.Status != 401 {
			continue // two headers, and roles, are not judged here
		}
		_, err := p.Check(strings.Join(c.Authorization, ""), noon())
		if code(err) != c.Code {
			t.Errorf("%s: got %s, want %s", c.Name, code(err), c.Code)
		}
		if err != nil && len(c.Authorization) > 0 && leaks(err.Error(), c.Authorization[0]) {
			t.Errorf("%s: the error repeats the token: %v", c.Name, err)
		}
	}
	if len(cases) < 60 {
		t.Errorf("only %d cases", len(cases))
	}
}

// leaks reports whether text holds a long enough part of a token to be one.
func leaks(text, token string) bool {
	const long = 12
	token = strings.TrimPrefix(token, "Bearer ")
	for i := 0; i+long <= min(len(token), 2000); i++ {
		if strings.Contains(text, token[i:i+long]) {
			return true
		}
	}
	return false
}

// TestInstants: a token ends on time, and may begin up to a minute early.
func TestInstants(t *testing.T) {
	t.Parallel()
	first, _, _ := theKeys(t)
	p := policy(t, first)
	token := first.Token(granted("viewer")) // from noon to one
	for after, want := range map[time.Duration]string{
		-61 * time.Second: bearer.CodeEarly, -60 * time.Second: "accepted", 0: "accepted",
		time.Hour - time.Millisecond: "accepted", time.Hour: bearer.CodeExpired, time.Hour + time.Second: bearer.CodeExpired,
	} {
		if _, err := p.Check("Bearer "+token, noon().Add(after)); code(err) != want {
			t.Errorf("%v after: got %s, want %s", after, code(err), want)
		}
	}
}

// TestRotation: while two keys are there both sign; one that is gone does not.
func TestRotation(t *testing.T) {
	t.Parallel()
	before, after, _ := theKeys(t)
	tokens := [2]string{before.Token(granted("viewer")), after.Token(granted("viewer"))}
	for _, stage := range []struct {
		keys []bearertest.Key
		want [2]string
	}{
		{[]bearertest.Key{before}, [2]string{"accepted", bearer.CodeKey}},
		{[]bearertest.Key{before, after}, [2]string{"accepted", "accepted"}},
		{[]bearertest.Key{after, before}, [2]string{"accepted", "accepted"}},
		{[]bearertest.Key{after}, [2]string{bearer.CodeKey, "accepted"}},
	} {
		p := policy(t, stage.keys...)
		for i, token := range tokens {
			if _, err := p.Check("Bearer "+token, noon()); code(err) != stage.want[i] {
				t.Errorf("keys %v, token %d: got %s, want %s", p.Keys, i, code(err), stage.want[i])
			}
		}
	}
}

// TestKeyWithoutID: kid may be left out where there is nothing to choose.
func TestKeyWithoutID(t *testing.T) {
	t.Parallel()
	first, second, _ := theKeys(t)
	nameless := bearertest.Key{Signer: first.Signer}
	named := first.Sign(first.Header(), granted("viewer").Claims())
	for _, test := range []struct {
		name, token, want string
		keys              []bearertest.Key
	}{
		{"neither has one", nameless.Token(granted()), "accepted", []bearertest.Key{nameless}},
		{"the token has none", nameless.Token(granted()), "accepted", []bearertest.Key{first}},
		{"the key has none", named, bearer.CodeKey, []bearertest.Key{nameless}},
		{"one of two keys has none", nameless.Token(granted()), bearer.CodeKey, []bearertest.Key{nameless, second}},
	} {
		if _, err := policy(t, test.keys...).Check("Bearer "+test.token, noon()); code(err) != test.want {
			t.Errorf("%s: got %s, want %s", test.name, code(err), test.want)
		}
	}
}

// TestOneLetter: no token that differs in one letter from a good one is accepted.
func TestOneLetter(t *testing.T) {
	t.Parallel()
	_, ec, _ := theKeys(t)
	p, good := policy(t, ec), "Bearer "+ec.Token(granted("viewer"))
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(good)-1).Draw(t, "at")
		letter := byte(rapid.IntRange(0, 255).Draw(t, "letter"))
		other := good[:at] + string([]byte{letter}) + good[at+1:]
		scheme := len("Bearer ")
		same := strings.EqualFold(other[:scheme], good[:scheme]) && other[scheme:] == good[scheme:]
		if _, err := p.Check(other, noon()); (err == nil) != same {
			t.Fatalf("letter %d: %v", at, err)
		}
	})
}

// TestAlgorithmsOfKeys: every kind of key signs with its own algorithms only.
func TestAlgorithmsOfKeys(t *testing.T) {
	t.Parallel()
	first, second, _ := theKeys(t)
	free := func(k bearertest.Key) string {
		return strings.Replace(bearertest.Set(k), `"alg":"`+k.Algorithm()+`",`, "", 1)
	}
	for name, test := range map[string]struct{ set, header, want string }{
		"RSA without alg":       {free(first), first.Header(), "accepted"},
		"RSA for PS512 only":    {strings.Replace(bearertest.Set(first), "RS256", "PS512", 1), first.Header(), bearer.CodeAlgorithm},
		"EC without alg":        {free(second), second.Header(), "accepted"},
		"EC with another alg":   {free(second), second.Header("alg", `"RS256"`), bearer.CodeAlgorithm},
		"RSA poses as PSS":      {free(first), first.Header("alg", `"PS256"`), bearer.CodeSignature},
		"RSA poses as stronger": {free(first), first.Header("alg", `"RS512"`), bearer.CodeSignature},
	} {
		keys, err := bearer.ParseKeys([]byte(test.set))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		k := first
		if strings.HasPrefix(name, "EC") {
			k = second
		}
		p := policy(t, first)
		p.Keys = keys
		if _, err := p.Check("Bearer "+k.Sign(test.header, granted("viewer").Claims()), noon()); code(err) != test.want {
			t.Errorf("%s: got %s, want %s", name, code(err), test.want)
		}
	}
}

func TestKeysRefused(t *testing.T) {
	t.Parallel()
	first, second, _ := theKeys(t)
	good, ec := bearertest.Set(first), bearertest.Set(second)
	with := func(member string) string { return strings.Replace(good, `{"keys":[{`, `{"keys":[{`+member+`,`, 1) }
	short := base64.RawURLEncoding.EncodeToString(append([]byte{0x80}, make([]byte, 127)...))
	for name, set := range map[string]string{
		"nothing":            ``,
		"not JSON":           `keys`,
		"a list":             `[` + good + `]`,
		"no keys":            `{"keys":[]}`,
		"keys are null":      `{"keys":null}`,
		"keys in capitals":   strings.Replace(good, `"keys"`, `"KEYS"`, 1),
		"two documents":      good + good,
		"a key alone":        `{"kty":"RSA"}`,
		"a key is null":      `{"keys":[null]}`,
		"a key is a list":    `{"keys":[[]]}`,
		"members twice":      with(`"kid":"x"`),
		"private exponent":   with(`"d":"hunter2"`),
		"a prime":            with(`"p":"hunter2"`),
		"other primes":       with(`"oth":[]`),
		"a shared secret":    `{"keys":[{"kty":"oct","kid":"a","k":"aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg"}]}`,
		"kind unknown":       `{"keys":[{"kty":"XYZ","kid":"a"}]}`,
		"no kind":            strings.Replace(good, `"kty":"RSA"`, `"x":"y"`, 1),
		"for encryption":     strings.Replace(good, `"use":"sig"`, `"use":"enc"`, 1),
		"to sign only":       with(`"key_ops":["sign"]`),
		"operations no list": with(`"key_ops":"verify"`),
		"alg of a secret":    strings.Replace(good, "RS256", "HS256", 1),
		"alg none":           strings.Replace(good, "RS256", "none", 1),
		"alg of a curve":     strings.Replace(good, "RS256", "ES256", 1),
		"RSA too short":      `{"keys":[{"kty":"RSA","e":"AQAB","n":"` + short + `"}]}`,
		"even exponent":      strings.Replace(good, `"e":"AQAB"`, `"e":"Ag"`, 1),
		"exponent one":       strings.Replace(good, `"e":"AQAB"`, `"e":"AQ"`, 1),
		"no modulus":         `{"keys":[{"kty":"RSA","e":"AQAB"}]}`,
		"point off curve":    strings.Replace(ec, `"x":"`, `"x":"AAAA`, 1),
		"curve unknown":      strings.Replace(ec, "P-256", "secp256k1", 1),
		"kid twice":          bearertest.Set(first, bearertest.Key{ID: first.ID, Signer: second.Signer}),
		"two without kid":    bearertest.Set(bearertest.Key{Signer: first.Signer}, bearertest.Key{Signer: second.Signer}),
		"kid is empty":       strings.Replace(good, `"kid":"first"`, `"kid":""`, 1),
		"kid is a number":    strings.Replace(good, `"kid":"first"`, `"kid":7`, 1),
		"kid with a break":   strings.Replace(good, `"kid":"first"`, `"kid":"a\nb"`, 1),
		"certificates":       with(`"x5c":["hunter2"]`),
	} {
		_, err := bearer.ParseKeys([]byte(set))
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the key is told: %v", name, err)
		}
	}
	for name, set := range map[string]string{
		"operations":     with(`"key_ops":["verify"]`),
		"other members":  with(`"exp":1,"x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA"`),
		"beside members": strings.Replace(good, `{"keys"`, `{"more":1,"keys"`, 1),
		"Ed25519":        `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"P-521": `{"keys":[{"kty":"EC","crv":"P-521","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
			"y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"}]}`,
	} {
		if _, err := bearer.ParseKeys([]byte(set)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fixed is the same key in every process, as fuzzing needs it.
func fixed(t testing.TB) bearertest.Key {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return bearertest.Key{ID: "fixed", Signer: key}
}

// TestScheme: the scheme is Bearer in any case (RFC 9110 11.1).
func TestScheme(t *testing.T) {
	k, grant := fixed(t), granted("viewer")
	p := policy(t, k)
	for _, scheme := range []string{"Bearer", "bearer", "BEARER", "bEARER"} {
		if _, err := p.Check(scheme+" "+k.Token(grant), noon()); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	for _, scheme := range []string{"Bearer ", "Bear", "Bearers", "Basic", ""} {
		if _, err := p.Check(scheme+" "+k.Token(grant), noon()); err == nil {
			t.Errorf("%q is accepted", scheme)
		}
	}
}

// FuzzCheck: whatever is sent, only what was signed with the key is accepted.
func FuzzCheck(f *testing.F) {
	k, grant := fixed(f), granted("viewer")
	_, second, stranger := theKeys(f)
	p := policy(f, k, second)
	for _, c := range (bearertest.Attack{Trusted: [2]bearertest.Key{k, second}, Stranger: stranger, Grant: grant}).Hostile() {
		if c.Status == 401 && len(c.Authorization) == 1 && len(c.Authorization[0]) < 4<<10 {
			f.Add(c.Authorization[0])
		}
	}
	good := "Bearer " + k.Token(grant)
	signed := good[:strings.LastIndexByte(good, '.')]
	f.Add(good)
	f.Fuzz(func(t *testing.T, authorization string) {
		claims, err := p.Check(authorization, noon())
		_, token, _ := strings.Cut(authorization, " ")
		if err == nil && !strings.HasPrefix("Bearer "+token, signed+".") {
			t.Fatalf("accepted as %+v: %q", claims, authorization)
		}
		if err != nil && (authorization == good || !errors.Is(err, fault.Unauthenticated)) {
			t.Fatalf("%q: %v", authorization, err)
		}
	})
}

// FuzzHeaderAndClaims: documents signed with the right key are accepted only
// if they say what they must, exactly once.
func FuzzHeaderAndClaims(f *testing.F) {
	ec, grant := fixed(f), granted("viewer")
	p := policy(f, ec)
	f.Add(ec.Header(), grant.Claims())
	f.Add(ec.Header("crit", `["x"]`), grant.Claims("exp", `"1"`))
	f.Add(ec.Header("jku", `"x"`), grant.Claims("aud", `["imagekeeper"]`))
	f.Add(ec.Header("kid", ``), grant.Claims("roles", `"viewer"`, "sub", `"\u202e"`))
	f.Fuzz(func(t *testing.T, header, claims string) {
		got, err := p.Check("Bearer "+ec.Sign(header, claims), noon())
		if err != nil {
			return
		}
		var said map[string]any
		if json.Unmarshal([]byte(claims), &said) != nil || said["iss"] != grant.Issuer || said["sub"] != got.Subject {
			t.Fatalf("accepted as %+v: %s", got, claims)
		}
		if exp, ok := said["exp"].(float64); !ok || exp <= float64(noon().Unix()) {
			t.Fatalf("accepted without exp: %s", claims)
		}
		var h map[string]json.RawMessage
		if json.Unmarshal([]byte(header), &h) != nil || string(h["alg"]) != `"ES256"` {
			t.Fatalf("accepted with header %s", header)
		}
		for _, member := range []string{"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip"} {
			if h[member] != nil {
				t.Fatalf("accepted with %s: %s", member, header)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	first, second, _ := theKeys(b)
	for _, k := range []bearertest.Key{first, second} {
		p, authorization := policy(b, k), "Bearer "+k.Token(granted("viewer"))
		b.Run(k.Algorithm(), func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Check(authorization, noon()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseKeys(b *testing.B) {
	first, second, _ := theKeys(b)
	set := []byte(bearertest.Set(first, second))
	for b.Loop() {
		if _, err := bearer.ParseKeys(set); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOpen: a gateway looks at signature and times, and at nothing else.
func TestOpen(t *testing.T) {
	t.Parallel()
	first, second, stranger := theKeys(t)
	p := policy(t, first, second)
	sign := func(edits ...string) string {
		return first.Sign(first.Header(), granted("viewer").Claims(edits...))
	}
	for name, test := range map[string]struct{ token, want string }{
		"good":             {sign(), "accepted"},
		"another issuer":   {sign("iss", `"x"`), "accepted"},
		"another audience": {sign("aud", `"x"`, "sub", ""), "accepted"},
		"expired":          {sign("exp", "1"), bearer.CodeExpired},
		"no exp":           {sign("exp", ""), bearer.CodeClaims},
		"a stranger's":     {stranger.Token(granted()), bearer.CodeKey},
		"with its scheme":  {"Bearer " + sign(), bearer.CodeMalformed},
		"nothing":          {"", bearer.CodeMissing},
	} {
		claims, err := p.Keys.Open(test.token, noon())
		if code(err) != test.want || err == nil && string(claims["roles"]) != `["viewer"]` {
			t.Errorf("%s: got %s %s, want %s", name, code(err), claims["roles"], test.want)
		}
	}
}
