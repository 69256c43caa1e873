// Package bearer decides whom a bearer token names. A token is a JWT (RFC
// 7519) in compact form, signed with one of a few configured public keys; what
// it must be and may not be follows RFC 8725. The token itself says nothing
// about which key or algorithm to trust: it only picks one of those configured.
//
// It decides from its arguments: the time is one of them. No refusal, and no
// error that comes with it, holds any part of the token.
package bearer

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// MaxToken is the longest token that is looked into, in bytes.
const MaxToken = 8 << 10

// Skew is how far another clock may be ahead of ours: a token may have been
// issued, or begin to be valid, that much in the future. It ends on time.
const Skew = time.Minute

// The codes of refusals; their kind is fault.Unauthenticated.
const (
	CodeMissing   = "tokenMissing"     // there is no bearer token
	CodeMalformed = "tokenMalformed"   // it is no JWT that could be accepted
	CodeKey       = "tokenKey"         // no configured key is named
	CodeAlgorithm = "tokenAlgorithm"   // its algorithm is not that of the key
	CodeSignature = "tokenSignature"   // it was not signed with that key
	CodeClaims    = "tokenClaims"      // a claim is missing, or of a wrong type
	CodeIssuer    = "tokenIssuer"      // another issuer's
	CodeAudience  = "tokenAudience"    // for somebody else
	CodeExpired   = "tokenExpired"     // its time is over
	CodeEarly     = "tokenNotYetValid" // its time has not come
)

// Policy is which tokens are accepted. All of it must be set.
type Policy struct {
	// Keys are those it may be signed with; several while they are rotated.
	Keys Keys
	// Issuer is the claim iss, exactly.
	Issuer string
	// Audiences are those that the claim aud may name; one is enough.
	Audiences []string
	// RolesClaim is the name of the claim with the roles.
	RolesClaim string
}

// Claims are what an accepted token says.
type Claims struct {
	// Subject is printable and never empty.
	Subject string
	// Issuer is that of the policy.
	Issuer string
	// Roles are as the token writes them, known or not.
	Roles []string
}

// Check accepts the value of a header Authorization, at the time now, or fails
// with fault.Unauthenticated and one of the codes above.
//
// The scheme is Bearer in any case (RFC 9110 11.1), one space follows. Of the token's header: alg must be one of the key's; typ, if there,
// JWT or at+jwt; kid must name a key, and may be left out when there is only
// one; crit and everything that brings a key along or changes how the token is
// read is refused. Claims iss, aud, exp and sub are required, nbf and iat hold
// if they are there. No member may be there twice.
func (p Policy) Check(authorization string, now time.Time) (Claims, error) {
	token, err := tokenOf(authorization)
	if err != nil {
		return Claims{}, err
	}
	m, err := p.Keys.open(token)
	if err != nil {
		return Claims{}, err
	}
	if err := inTime(m, now); err != nil {
		return Claims{}, err
	}
	return p.judge(m)
}

// Open returns the claims of a token that was signed with one of the keys and
// is valid now, whoever issued it for whom. It fails as Policy.Check does. This
// is what a gateway looks at; it is not enough to let anybody in.
func (k Keys) Open(token string, now time.Time) (map[string]json.RawMessage, error) {
	if err := shapely(token); err != nil {
		return nil, err
	}
	m, err := k.open(token)
	if err != nil {
		return nil, err
	}
	return m, inTime(m, now)
}

// open returns the claims of a well-formed token if its signature holds.
func (k Keys) open(token string) (members, error) {
	h, err := headerOf(token)
	if err != nil {
		return nil, err
	}
	one, err := k.find(h.kid, h.hasKid)
	if err != nil {
		return nil, err
	}
	payload, err := one.verified(token, h)
	if err != nil {
		return nil, err
	}
	return objectOf(payload)
}

// refused is an error of this package: what is wrong with "the token".
func refused(code, sentence string) error {
	return fault.New(fault.Unauthenticated, "the token %s", sentence).WithCode(code)
}

// tokenOf returns the token in the value of a header Authorization.
func tokenOf(authorization string) (string, error) {
	if authorization == "" {
		return "", fault.New(fault.Unauthenticated, "a bearer token is needed, in the header Authorization").WithCode(CodeMissing)
	}
	name, token, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(name, "Bearer") {
		return "", fault.New(fault.Unauthenticated, "the header Authorization must be: Bearer <token>").WithCode(CodeMissing)
	}
	return token, shapely(token)
}

// shapely refuses what is not three parts of base64url.
func shapely(token string) error {
	if token == "" {
		return fault.New(fault.Unauthenticated, "a bearer token is needed, in the header Authorization").WithCode(CodeMissing)
	}
	if len(token) > MaxToken {
		return refused(CodeMalformed, "is too long")
	}
	parts := strings.Split(token, ".")
	if strings.ContainsFunc(token, strange) || len(parts) != 3 || slices.Contains(parts, "") {
		return refused(CodeMalformed, "is not a signed JWT in compact form")
	}
	for _, part := range parts {
		if _, err := decode(part); err != nil {
			return err
		}
	}
	return nil
}

// strange reports whether a token never holds r: the decoder would skip some.
func strange(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && r != '-' && r != '_' && r != '.'
}

// decode reads base64url without padding, in the only way to write it.
func decode(part string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, refused(CodeMalformed, "is not base64url")
	}
	return raw, nil
}

// header is what a token says about itself, as far as it matters.
type header struct {
	algorithm jose.SignatureAlgorithm
	kid       string
	hasKid    bool
}

// headerOf reads the header of a token. Members that change nothing are left
// alone, as RFC 7515 wants it; those that would are refused.
func headerOf(token string) (header, error) {
	part, _, _ := strings.Cut(token, ".")
	m, err := object(part)
	if err != nil {
		return header{}, err
	}
	if m.hasAny("crit", "b64", "jku", "jwk", "x5u", "x5c", "cty", "zip", "enc", "epk") {
		return header{}, refused(CodeMalformed, "has a header that is not accepted")
	}
	var h header
	if m.hasAny("typ") {
		typ, err := text(m["typ"])
		if err != nil || !slices.Contains([]string{"jwt", "at+jwt", "application/at+jwt"}, strings.ToLower(typ)) {
			return header{}, refused(CodeMalformed, "has a typ that is not accepted")
		}
	}
	if h.hasKid = m.hasAny("kid"); h.hasKid {
		if h.kid, err = text(m["kid"]); err != nil || h.kid == "" {
			return header{}, refused(CodeKey, "names no key that is trusted here")
		}
	}
	algorithm, err := text(m["alg"])
	if err != nil {
		return header{}, refused(CodeAlgorithm, "names no algorithm")
	}
	h.algorithm = jose.SignatureAlgorithm(algorithm)
	return h, nil
}

// verified returns the payload of a token if k signed it. What the library
// says is dropped: it may quote the token.
func (k key) verified(token string, h header) ([]byte, error) {
	if !slices.Contains(k.algorithms, h.algorithm) {
		return nil, refused(CodeAlgorithm, "is not signed with an algorithm of its key")
	}
	signed, err := jose.ParseSignedCompact(token, k.algorithms)
	if err != nil {
		return nil, refused(CodeMalformed, "is not a signed JWT in compact form")
	}
	payload, err := signed.Verify(k.public)
	if err != nil {
		return nil, refused(CodeSignature, "is not signed with that key")
	}
	return payload, nil
}

// members are those of a JSON object, by their exact names.
type members map[string]json.RawMessage

func (m members) hasAny(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, there := m[name]; return there })
}

// object reads one part of a token as a JSON object without duplicate members.
func object(part string) (members, error) {
	raw, err := decode(part)
	if err != nil {
		return nil, err
	}
	return objectOf(raw)
}

func objectOf(raw []byte) (members, error) {
	var m members
	if strictjson.Check(raw, reflect.TypeFor[json.RawMessage]()) != nil || json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, refused(CodeMalformed, "does not consist of JSON objects without duplicate members")
	}
	return m, nil
}

// text reads a JSON string, and nothing else as one.
func text(raw json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", refused(CodeClaims, "has text that is none")
	}
	return *s, nil
}

// texts reads an array of JSON strings.
func texts(raw json.RawMessage) ([]string, error) {
	var list []*string
	if err := json.Unmarshal(raw, &list); err != nil || list == nil || slices.Contains(list, nil) {
		return nil, refused(CodeClaims, "has a list of texts that is none")
	}
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = *s
	}
	return all, nil
}

// printable reports whether a name can be shown without deceiving anybody who
// reads it: no control characters, nothing invisible, nothing that turns the
// direction of writing.
func printable(name string) bool {
	return name != "" && len(name) <= 255 && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}
