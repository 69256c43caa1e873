package ecsapi

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// acs3 is the name of the signing scheme that travels in the Authorization header.
const acs3 = "ACS3-HMAC-SHA256"

// escape percent-encodes s as both schemes want it: only the unreserved
// characters of RFC 3986 stay as they are.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if unreserved(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.' || c == '~'
}

// pair is one parameter as it came over the wire.
type pair struct{ name, value string }

// canonical joins pairs, sorted by name, as name=value with &. Names are
// encoded where encodeNames says so; values always are.
func canonical(pairs []pair, encodeNames bool) string {
	sorted := slices.Clone(pairs)
	slices.SortStableFunc(sorted, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	for i, p := range sorted {
		if i > 0 {
			b.WriteByte('&')
		}
		name := p.name
		if encodeNames {
			name = escape(name)
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(escape(p.value))
	}
	return b.String()
}

// rpcStringToSign is what the RPC scheme signs: every parameter of query and
// form but Signature itself.
func rpcStringToSign(method string, pairs []pair) string {
	signed := make([]pair, 0, len(pairs))
	for _, p := range pairs {
		if p.name != "Signature" {
			signed = append(signed, p)
		}
	}
	return method + "&%2F&" + escape(canonical(signed, true))
}

// rpcSignature signs with HMAC-SHA1; the key is the secret and an ampersand.
func rpcSignature(secret, stringToSign string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(stringToSign))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// acs3Credential is what an ACS3 Authorization header says.
type acs3Credential struct {
	accessKeyID   string
	signedHeaders []string
	signature     string
}

// parseACS3 reads an Authorization header of the ACS3 scheme. It reports false
// when a part is missing or occurs twice.
func parseACS3(header string) (acs3Credential, bool) {
	rest, ok := strings.CutPrefix(header, acs3)
	if !ok || rest == "" || rest[0] != ' ' {
		return acs3Credential{}, false
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[name]; !ok || twice {
			return acs3Credential{}, false
		}
		parts[name] = value
	}
	c := acs3Credential{accessKeyID: parts["Credential"], signature: parts["Signature"]}
	c.signedHeaders = strings.Split(strings.ToLower(parts["SignedHeaders"]), ";")
	return c, len(parts) == 3 && c.accessKeyID != "" && c.signature != "" && parts["SignedHeaders"] != ""
}

// acs3StringToSign is what the ACS3 scheme signs. payloadHash is of the body
// that came, not what the client says of it. The vendor's SDKs differ in
// whether names of query parameters are encoded, which shows only for odd names.
func acs3StringToSign(r *http.Request, query []pair, signed []string, payloadHash string, encodeNames bool) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + signedPath(r) + "\n" + canonical(query, encodeNames) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + payloadHash)
	return acs3 + "\n" + hexSHA256([]byte(b.String()))
}

// signedPath is the path as it is signed.
func signedPath(r *http.Request) string {
	if p := r.URL.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

func headerValue(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	values := slices.Clone(r.Header.Values(name))
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return strings.Join(values, ",")
}

func acs3Signature(secret, stringToSign string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stringToSign))
	return hex.EncodeToString(mac.Sum(nil))
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sameSecret compares in constant time.
func sameSecret(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
