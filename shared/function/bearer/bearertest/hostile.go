package bearertest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/function/bearer"
)

// Case is a request that must be refused.
type Case struct {
	Name string
	// Authorization are the values of the header, in order; none: it is not there.
	Authorization []string
	Status        int
	// Code is that of the problem document.
	Code string
}

// Attack is what is known to those who make hostile tokens, and what is not:
// they have no key that is trusted, but the best of the tokens they send are
// signed as if they had.
type Attack struct {
	// Trusted are the two keys that the function trusts, the first of them RSA.
	Trusted [2]Key
	// Stranger is an RSA key that nobody trusts.
	Stranger Key
	// Grant makes good tokens now.
	Grant Grant
}

// Hostile returns every kind of request that must be refused.
func (a Attack) Hostile() []Case {
	return slices.Concat(a.unsaid(), a.misshapen(), a.algorithms(), a.keys(), a.headers(), a.documents(), a.times(), a.parties(), a.subjects(), a.roles())
}

// Good is the token from which the hostile ones are made; it is accepted.
func (a Attack) Good() string { return a.Trusted[0].Token(a.Grant) }

// refused is the most frequent kind of Case: 401, sent as Bearer.
func refused(name, token, code string) Case {
	return Case{Name: name, Authorization: []string{"Bearer " + token}, Status: http.StatusUnauthorized, Code: code}
}

// header is a token that is good but for its header.
func (a Attack) header(name, code string, edits ...string) Case {
	k := a.Trusted[0]
	return refused(name, k.Sign(k.Header(edits...), a.Grant.Claims()), code)
}

// claims is a token that is good but for its claims.
func (a Attack) claims(name, code string, edits ...string) Case {
	k := a.Trusted[0]
	return refused(name, k.Sign(k.Header(), a.Grant.Claims(edits...)), code)
}

// unsaid are headers that hold a good token, if one, in a wrong way.
func (a Attack) unsaid() []Case {
	good := a.Good()
	raw := func(name, value string) Case {
		return Case{Name: name, Authorization: []string{value}, Status: http.StatusUnauthorized, Code: bearer.CodeMissing}
	}
	malformed := func(name, token string) Case { return refused(name, token, bearer.CodeMalformed) }
	twice := func(name string, values ...string) Case {
		return Case{Name: name, Authorization: values, Status: http.StatusBadRequest, Code: "duplicateField"}
	}
	return []Case{
		{Name: "no header", Status: http.StatusUnauthorized, Code: bearer.CodeMissing},
		raw("an empty header", ""),
		raw("the scheme alone", "Bearer"),
		raw("scheme Basic", "Basic dmlld2VyOmh1bnRlcjI="),
		raw("scheme Basic with a token", "Basic "+good),
		raw("scheme Token", "Token "+good),
		raw("scheme DPoP", "DPoP "+good),
		raw("no scheme", good),
		raw("a space before the scheme", " Bearer "+good),
		raw("a tab after the scheme", "Bearer\t"+good),
		raw("a no-break space after the scheme", "Bearer\u00a0"+good),
		raw("nothing after the scheme", "Bearer "),
		malformed("two spaces", " "+good),
		malformed("a space behind", good+" "),
		malformed("a space inside", good[:40]+" "+good[40:]),
		malformed("a tab inside", good[:40]+"\t"+good[40:]),
		malformed("a line break inside", good[:40]+"\n"+good[40:]),
		malformed("a line break behind", good+"\r\n"),
		malformed("the scheme twice", "Bearer "+good),
		malformed("in quotes", `"`+good+`"`),
		malformed("two tokens after one scheme", good+" "+good),
		twice("two tokens with a comma", "Bearer "+good+", Bearer "+good),
		twice("two tokens joined as the platform joins", "Bearer "+good+",Bearer "+good),
		twice("two headers", "Bearer "+good, "Bearer "+good),
		twice("a good header and a bad one", "Bearer "+good, "Basic x"),
	}
}

// misshapen are tokens that are not three parts of base64url.
func (a Attack) misshapen() []Case {
	good := a.Good()
	parts := strings.Split(good, ".")
	malformed := func(name, token string) Case { return refused(name, token, bearer.CodeMalformed) }
	long := a.Grant.Claims("padding", text(strings.Repeat("x", bearer.MaxToken)))
	last := good[len(good)-1]
	return []Case{
		malformed("no token at all", "hello"),
		malformed("one part", parts[0]),
		malformed("two parts", parts[0]+"."+parts[1]),
		malformed("no signature", parts[0]+"."+parts[1]+"."),
		malformed("no claims", parts[0]+".."+parts[2]),
		malformed("no header part", "."+parts[1]+"."+parts[2]),
		malformed("four parts", good+"."+parts[2]),
		malformed("five parts, as encrypted tokens have", good+"."+parts[1]+"."+parts[2]),
		malformed("a dot behind", good+"."),
		malformed("only dots", ".."),
		{
			Name: "JSON serialization", Status: http.StatusBadRequest, Code: "duplicateField",
			Authorization: []string{fmt.Sprintf(`Bearer {"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])},
		},
		malformed("padded", parts[0]+"=."+parts[1]+"==."+parts[2]+"=="),
		malformed("the other base64", strings.NewReplacer("-", "+", "_", "/").Replace(parts[0])+"+/."+parts[1]+"."+parts[2]),
		malformed("letters of another script", "еyJ"+good[3:]),
		malformed("wide dots", strings.ReplaceAll(good, ".", "．")),
		malformed("escaped dots", strings.ReplaceAll(good, ".", "%2E")),
		malformed("an invisible character", good[:40]+"\u200b"+good[40:]),
		malformed("another spelling of the last letter", good[:len(good)-1]+string(neighbour(last))),
		malformed("a length that base64 does not have", good+"AAA"),
		malformed("too long", a.Trusted[0].Sign(a.Trusted[0].Header(), long)),
		malformed("much too long", strings.Repeat("a", 100<<10)),
		refused("the signature cut short", parts[0]+"."+parts[1]+"."+parts[2][:len(parts[2])-4-len(parts[2])%4], bearer.CodeSignature),
		refused("the signature of something else", parts[0]+"."+parts[1]+"."+strings.Repeat("A", 342), bearer.CodeSignature),
		refused("other claims under the signature", parts[0]+"."+encode([]byte(a.Grant.Claims("roles", `["reaper"]`)))+"."+parts[2], bearer.CodeSignature),
		refused("another header over the signature", encode([]byte(a.Trusted[0].Header("x", "1")))+"."+parts[1]+"."+parts[2], bearer.CodeSignature),
	}
}

// neighbour is a letter that differs from b in its lowest bit, which is not
// used at the end of a signature of 256 bytes.
func neighbour(b byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, b)^1]
}

// algorithms are tokens that want to be verified in another way than the key is for.
func (a Attack) algorithms() []Case {
	k, claims := a.Trusted[0], a.Grant.Claims()
	var cases []Case
	add := func(name, token string) { cases = append(cases, refused(name, token, bearer.CodeAlgorithm)) }
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", ""} {
		header := k.Header("alg", text(none))
		add(fmt.Sprintf("alg %q with the signature", none), k.Sign(header, claims))
		cases = append(cases, refused(fmt.Sprintf("alg %q without", none), encode([]byte(header))+"."+encode([]byte(claims))+".", bearer.CodeMalformed))
	}
	for name, secret := range publicAsSecret(k) {
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			add("alg "+alg+", the secret being "+name, mac(secret, k.Header("alg", text(alg)), claims))
		}
	}
	for _, alg := range []string{
		`"rs256"`, `"RS256 "`, `"RS1"`, `"ES256"`, `"ES384"`, `"EdDSA"`, `"PS256"`, `"RSA-OAEP"`, `"dir"`,
		`null`, `256`, `["RS256"]`, `{"alg":"RS256"}`, ``,
	} {
		add("alg "+alg, k.Sign(k.Header("alg", alg), claims))
	}
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return cases
}

// publicAsSecret are the forms in which a public key has been taken for the
// secret of an HMAC.
func publicAsSecret(k Key) map[string][]byte {
	secrets := map[string][]byte{"nothing": {}, "its kid": []byte(k.ID), "the key set": []byte(Set(k))}
	public, ok := k.Signer.Public().(*rsa.PublicKey)
	if !ok {
		return secrets
	}
	der := x509.MarshalPKCS1PublicKey(public)
	secrets["the modulus"] = public.N.Bytes()
	secrets["the PEM of PKCS 1"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})
	if der, err := x509.MarshalPKIXPublicKey(public); err == nil {
		secrets["the PEM"] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		secrets["the DER"] = der
	}
	return secrets
}

// keys are tokens that are signed with another key, or bring one along.
func (a Attack) keys() []Case {
	k, other, stranger, claims := a.Trusted[0], a.Trusted[1], a.Stranger, a.Grant.Claims()
	posing := Key{ID: k.ID, Signer: stranger.Signer}
	cases := []Case{
		refused("a stranger's key under a known kid", posing.Token(a.Grant), bearer.CodeSignature),
		refused("a stranger's key under its own kid", stranger.Token(a.Grant), bearer.CodeKey),
		refused("the kid of the other key, its alg", k.Sign(other.Header(), claims), bearer.CodeSignature),
		refused("the kid of the other key", k.Sign(k.Header("kid", text(other.ID)), claims), bearer.CodeAlgorithm),
		refused("no kid while there are two keys", k.Sign(k.Header("kid", ""), claims), bearer.CodeKey),
		refused("a path as kid", mac(nil, k.Header("kid", `"../../dev/null"`, "alg", `"HS256"`), claims), bearer.CodeKey),
		refused("SQL as kid", k.Sign(k.Header("kid", `"x' OR '1'='1"`), claims), bearer.CodeKey),
	}
	for _, kid := range []string{`""`, `null`, `7`, `["` + k.ID + `"]`, text(k.ID + " "), text(k.ID + "\u200b"), text(strings.ToUpper(k.ID)), text(k.ID + "," + other.ID)} {
		cases = append(cases, refused("kid "+kid, k.Sign(k.Header("kid", kid), claims), bearer.CodeKey))
	}
	jwk := text(stranger.public())
	for member, value := range map[string]string{
		"jwk": jwk, "jku": `"https://attacker.example/jwks.json"`, "x5u": `"https://attacker.example/cert.pem"`, "x5c": `["MIIB"]`,
	} {
		edits := []string{member, value}
		cases = append(cases,
			refused(member+" of a stranger who signed", posing.Sign(posing.Header(edits...), claims), bearer.CodeMalformed),
			refused(member+" of a stranger without kid", stranger.Sign(stranger.Header(append(edits, "kid", "")...), claims), bearer.CodeMalformed),
			refused(member+" under a good signature", k.Sign(k.Header(edits...), claims), bearer.CodeMalformed))
	}
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return cases
}

// headers are tokens whose header says more than it may, or nothing.
func (a Attack) headers() []Case {
	k, good := a.Trusted[0], a.Trusted[0].Header()
	malformed := func(name string, edits ...string) Case { return a.header(name, bearer.CodeMalformed, edits...) }
	whole := func(name, header string) Case {
		return refused(name, k.Sign(header, a.Grant.Claims()), bearer.CodeMalformed)
	}
	return []Case{
		malformed("an unknown critical extension", "crit", `["policy"]`, "policy", `"x"`),
		malformed("a critical exp", "crit", `["exp"]`, "exp", "1"),
		malformed("no critical extension", "crit", `[]`),
		malformed("crit is null", "crit", `null`),
		malformed("claims not encoded", "crit", `["b64"]`, "b64", `false`),
		malformed("claims not encoded, not critical", "b64", `false`),
		malformed("compressed", "zip", `"DEF"`),
		malformed("encrypted by its header", "enc", `"A256GCM"`),
		malformed("an ephemeral key", "epk", `{"kty":"EC"}`),
		malformed("nested", "cty", `"JWT"`),
		malformed("typ JWE", "typ", `"JWE"`),
		malformed("typ of a logout token", "typ", `"logout+jwt"`),
		malformed("typ of a proof of possession", "typ", `"dpop+jwt"`),
		malformed("typ is a number", "typ", `1`),
		malformed("typ is null", "typ", `null`),
		malformed("typ is empty", "typ", `""`),
		whole("alg twice in the header", `{"alg":"none",`+good[1:]),
		whole("kid twice in the header", `{"kid":"x",`+good[1:]),
		whole("kid twice, once escaped", `{"\u006bid":"x",`+good[1:]),
		whole("two headers in one", good+good),
		whole("a header after a mark", "\ufeff"+good),
		whole("the header is a list", `[`+good+`]`),
		whole("the header is a text", `"x"`),
		whole("the header is null", `null`),
		whole("the header is cut", good[:len(good)-1]),
		whole("the header is not text", "{\"alg\":\"\xff\"}"),
		a.header("members in capitals", bearer.CodeKey, "kid", "", "KID", text(k.ID)),
		a.header("alg in capitals", bearer.CodeAlgorithm, "alg", "", "ALG", `"RS256"`),
	}
}

// documents are tokens whose claims are no object, or an ambiguous one.
func (a Attack) documents() []Case {
	k, good := a.Trusted[0], a.Grant.Claims()
	whole := func(name, claims string) Case {
		return refused(name, k.Sign(k.Header(), claims), bearer.CodeMalformed)
	}
	return []Case{
		whole("the claims are a token", k.Sign(k.Header(), good)),
		whole("the claims are a list", `[`+good+`]`),
		whole("the claims are null", `null`),
		whole("the claims are a text", `"viewer"`),
		whole("the claims are cut", good[:len(good)-1]),
		whole("two documents", good+good),
		whole("a comment", good+`//`),
		whole("roles twice", `{"roles":["reaper"],`+good[1:]),
		whole("roles twice, the strong ones last", good[:len(good)-1]+`,"roles":["reaper"]}`),
		whole("sub twice", `{"sub":"root",`+good[1:]),
		whole("exp twice", `{"exp":1,`+good[1:]),
		whole("iss twice, once escaped", `{"\u0069ss":"x",`+good[1:]),
		whole("a claim twice, deep inside", good[:len(good)-1]+`,"x":{"y":[{"z":1,"z":2}]}}`),
		whole("half a character", good[:len(good)-1]+`,"x":"\ud800"}`),
		whole("NUL", good[:len(good)-1]+`,"x":"\u0000"}`),
		whole("not UTF-8", good[:len(good)-1]+",\"x\":\"\xc3\x28\"}"),
		whole("deeply nested", good[:len(good)-1]+`,"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`),
		whole("exp is NaN", a.Grant.Claims("exp", "NaN")),
		whole("exp is infinite", a.Grant.Claims("exp", "Infinity")),
		whole("exp in hexadecimal", a.Grant.Claims("exp", "0x7fffffff")),
	}
}

// times are tokens that are not valid now, or do not say until when.
func (a Attack) times() []Case {
	now := a.Grant.From
	at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	cases := []Case{
		a.claims("no exp", bearer.CodeClaims, "exp", ""),
		a.claims("exp in capitals", bearer.CodeClaims, "exp", "", "EXP", at(time.Hour)),
		a.claims("expired for an hour", bearer.CodeExpired, "exp", at(-time.Hour)),
		a.claims("expired for a second", bearer.CodeExpired, "exp", at(-time.Second)),
		a.claims("expired this second", bearer.CodeExpired, "exp", at(0)),
		a.claims("expired in 1970", bearer.CodeExpired, "exp", "0"),
		a.claims("expired, in another notation", bearer.CodeExpired, "exp", "1e9"),
		a.claims("valid in an hour", bearer.CodeEarly, "nbf", at(time.Hour)),
		a.claims("valid in two minutes", bearer.CodeEarly, "nbf", at(2*time.Minute)),
		a.claims("issued in an hour", bearer.CodeEarly, "iat", at(time.Hour)),
		a.claims("issued in two minutes", bearer.CodeEarly, "iat", at(2*time.Minute)),
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, value := range []string{`"` + at(-time.Minute) + `"`, `"NaN"`, `""`, `null`, `true`, `[1]`, `{}`, `-1`, `1e300`, `1e400`, `99999999999999999999`, `9223372036854775808`} {
			cases = append(cases, a.claims(name+" is "+value, bearer.CodeClaims, name, value))
		}
	}
	return cases
}

// parties are tokens by another issuer, or for another audience.
func (a Attack) parties() []Case {
	g := a.Grant
	var cases []Case
	for _, value := range []string{
		``, `null`, `""`, `7`, `[` + text(g.Issuer) + `]`, `"https://attacker.example"`, text(g.Issuer + "/"), text(g.Issuer + " "),
		text(strings.ToUpper(g.Issuer)), text(g.Issuer + "\u200b"), text(g.Issuer + ".attacker.example"), text(g.Issuer[:len(g.Issuer)-1]),
	} {
		cases = append(cases, a.claims("iss "+value, bearer.CodeIssuer, "iss", value))
	}
	for _, value := range []string{
		`""`, `[]`, `["elsewhere"]`, `["elsewhere","` + g.Audience + `s"]`, `"*"`, text(g.Audience + " other"), text(g.Audience + ",other"),
		text(strings.ToUpper(g.Audience)), text(g.Audience[:len(g.Audience)-1]), text(g.Audience + "\u200b"), `[""]`,
	} {
		cases = append(cases, a.claims("aud "+value, bearer.CodeAudience, "aud", value))
	}
	for _, value := range []string{``, `null`, `7`, `true`, `{"` + g.Audience + `":true}`, `["` + g.Audience + `",7]`, `["` + g.Audience + `",null]`, `[["` + g.Audience + `"]]`} {
		cases = append(cases, a.claims("aud "+value, bearer.CodeClaims, "aud", value))
	}
	return cases
}

// subjects are tokens that name nobody, or somebody in a way that deceives who reads it.
func (a Attack) subjects() []Case {
	var cases []Case
	for _, value := range []string{
		``, `null`, `""`, `" "`, `7`, `["ada"]`, `{"id":"ada"}`, `"ada\nadmin"`, `"ada\u007f"`, `"\u202eada"`, `"ada\u200b"`, `" ada"`, `"ada "`,
		`"ada\u00a0"`, `"\u2028"`, `"\ufeffada"`, text(strings.Repeat("a", 256)),
	} {
		cases = append(cases, a.claims("sub "+shortened(value), bearer.CodeClaims, "sub", value))
	}
	return cases
}

func shortened(s string) string { return s[:min(len(s), 40)] }

// roles are tokens that give no role that exists. Those whose roles are no list
// of texts are refused whoever they name.
func (a Attack) roles() []Case {
	var cases []Case
	for _, value := range []string{
		`null`, `7`, `true`, `{"reaper":true}`, `{"0":"reaper"}`, `[7]`, `["viewer",7]`, `["viewer",null]`, `[["reaper"]]`, `[{"role":"reaper"}]`,
	} {
		cases = append(cases, a.claims("roles "+value, bearer.CodeClaims, "roles", value))
	}
	for _, value := range []string{
		``, `""`, `[]`, `[""]`, `"admin"`, `["admin","*","root"]`, `"*"`, `"Reaper"`, `["VIEWER"]`, `["viewer "]`, `["viewer reaper"]`, `["viewer,reaper"]`,
		`"viewer\u00a0reaper"`, `"viewer;reaper"`, `["view\u0435r"]`, `["\uff56\uff49\uff45\uff57\uff45\uff52"]`, `["viewer\u200b"]`, `"viewer\treaper"`,
	} {
		c := a.claims("roles "+value, "roleMissing", "roles", value)
		c.Status = http.StatusForbidden
		cases = append(cases, c)
	}
	elsewhere := a.claims("roles in other claims", "roleMissing", "roles", "", "Roles", `["reaper"]`, "role", `"reaper"`, "scope", `"reaper"`, "realm_access", `{"roles":["reaper"]}`)
	elsewhere.Status = http.StatusForbidden
	return append(cases, elsewhere)
}
