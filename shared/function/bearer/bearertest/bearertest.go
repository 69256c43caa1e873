// Package bearertest makes tokens as an issuer does, for tests and for the cloud on
// one machine: good ones with Key.Token, and with Hostile every kind that must
// be refused. Nothing that is deployed uses it.
package bearertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Key signs tokens.
type Key struct {
	// ID is the kid; empty: tokens and the key set name none.
	ID string
	// Signer is an RSA key (RS256) or one of P-256 (ES256).
	Signer crypto.Signer
}

// NewRSA makes an RSA key of 2048 bits.
func NewRSA(id string) (Key, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Key{}, fmt.Errorf("make an RSA key: %w", err)
	}
	return Key{ID: id, Signer: key}, nil
}

// NewEC makes a key of the curve P-256.
func NewEC(id string) (Key, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make an EC key: %w", err)
	}
	return Key{ID: id, Signer: key}, nil
}

// Algorithm is the alg of tokens signed with k.
func (k Key) Algorithm() string {
	if _, ok := k.Signer.(*ecdsa.PrivateKey); ok {
		return "ES256"
	}
	return "RS256"
}

// Set returns the public keys as a JSON Web Key Set.
func Set(keys ...Key) string {
	list := make([]map[string]string, len(keys))
	for i, k := range keys {
		list[i] = k.public()
	}
	return text(map[string]any{"keys": list})
}

// public is the key as a JSON Web Key.
func (k Key) public() map[string]string {
	jwk := map[string]string{"use": "sig", "alg": k.Algorithm()}
	if k.ID != "" {
		jwk["kid"] = k.ID
	}
	switch public := k.Signer.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"] = "RSA", encode(public.N.Bytes())
		jwk["e"] = encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err == nil {
			jwk["kty"], jwk["crv"] = "EC", "P-256"
			jwk["x"], jwk["y"] = encode(point[1:33]), encode(point[33:])
		}
	}
	return jwk
}

// Sign returns the token of a header and claims, which are JSON as they are to
// be sent, good or bad.
func (k Key) Sign(header, claims string) string {
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	return signed + "." + encode(k.signature([]byte(signed)))
}

// signature is empty if the key cannot sign.
func (k Key) signature(message []byte) []byte {
	digest := sha256.Sum256(message)
	if key, ok := k.Signer.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			return nil
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	signature, err := k.Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil
	}
	return signature
}

// Header is that of a good token, with edits: pairs of a member and its JSON,
// "" to leave it out.
func (k Key) Header(edits ...string) string {
	kid := ""
	if k.ID != "" {
		kid = text(k.ID)
	}
	return document([]string{"alg", text(k.Algorithm()), "typ", `"JWT"`, "kid", kid}, edits)
}

// Grant is what a token is to say.
type Grant struct {
	Issuer, Audience, Subject string
	Roles                     []string
	// From is when it is issued; it is valid for For.
	From time.Time
	For  time.Duration
}

// Claims are those of a good token, with edits as in Header.
func (g Grant) Claims(edits ...string) string {
	roles := g.Roles
	if roles == nil {
		roles = []string{}
	}
	return document([]string{
		"iss", text(g.Issuer), "aud", text(g.Audience), "sub", text(g.Subject), "roles", text(roles),
		"iat", fmt.Sprint(g.From.Unix()), "nbf", fmt.Sprint(g.From.Unix()), "exp", fmt.Sprint(g.From.Add(g.For).Unix()),
	}, edits)
}

// Token returns a good token.
func (k Key) Token(g Grant) string { return k.Sign(k.Header(), g.Claims()) }

// document writes members, as pairs of name and JSON, with edits.
func document(members, edits []string) string {
	members = slices.Clone(members)
	for i := 0; i+1 < len(edits); i += 2 {
		at := slices.IndexFunc(members, func(name string) bool { return name == edits[i] })
		if at >= 0 && at%2 == 0 {
			members[at+1] = edits[i+1]
		} else {
			members = append(members, edits[i], edits[i+1])
		}
	}
	var parts []string
	for i := 0; i < len(members); i += 2 {
		if members[i+1] != "" {
			parts = append(parts, text(members[i])+":"+members[i+1])
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// text writes a value as JSON; those of this package cannot fail.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(raw)
}

// mac signs with a shared secret, as no key here is.
func mac(secret []byte, header, claims string) string {
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(signed))
	return signed + "." + encode(h.Sum(nil))
}
