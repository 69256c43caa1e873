package bearer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// leastRSA is the shortest RSA modulus that is accepted, in bits (RFC 7518, 3.3).
const leastRSA = 2048

// Keys are the public keys with which tokens may be signed. They are only
// read, so they are safe for concurrent use.
type Keys struct{ list []key }

// key is one public key and the algorithms it may be used with.
type key struct {
	id         string // empty: it has none
	public     any
	algorithms []jose.SignatureAlgorithm
}

// ParseKeys reads a JSON Web Key Set (RFC 7517) of RSA keys of 2048 to 4096
// bits, of elliptic curve keys (P-256, P-384, P-521) and of Ed25519 keys.
//
// It fails with fault.Invalid, saying which key is wrong but nothing of what it
// holds, if a key is private, symmetric, for another use than signatures, of a
// strength or kind that is not accepted, or not to be told from another one: ids
// must differ, and a key without one must be the only one without.
func ParseKeys(jwks []byte) (Keys, error) {
	if err := strictjson.Check(jwks, reflect.TypeFor[json.RawMessage]()); err != nil {
		return Keys{}, err
	}
	var set members
	var list []json.RawMessage
	if json.Unmarshal(jwks, &set) != nil || json.Unmarshal(set["keys"], &list) != nil || len(list) == 0 {
		return Keys{}, fault.New(fault.Invalid, `must be a JSON Web Key Set: {"keys":[…]} with at least one key`)
	}
	var keys Keys
	for i, raw := range list {
		k, err := parseKey(raw)
		if err == nil && slices.ContainsFunc(keys.list, func(other key) bool { return other.id == k.id }) {
			err = errors.New("it has the kid of another key, or like another key none")
		}
		if err != nil {
			return Keys{}, fault.New(fault.Invalid, "key %d of the set is refused: %v", i+1, err)
		}
		keys.list = append(keys.list, k)
	}
	return keys, nil
}

// parseKey reads one key. Its errors tell nothing of what the key holds.
func parseKey(raw json.RawMessage) (key, error) {
	var m members
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		return key{}, errors.New("it is not an object")
	}
	if m.hasAny("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv") {
		return key{}, errors.New("it is private or symmetric; only public keys belong here")
	}
	if err := forSignatures(m); err != nil {
		return key{}, err
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(raw); err != nil || !parsed.Valid() {
		return key{}, errors.New("it is malformed, or of a kind that is not accepted")
	}
	if m.hasAny("kid") && !printable(parsed.KeyID) {
		return key{}, errors.New("its kid must be printable text of 1 to 255 bytes")
	}
	fitting, err := algorithms(parsed.Key)
	if err != nil {
		return key{}, err
	}
	if only := jose.SignatureAlgorithm(parsed.Algorithm); m.hasAny("alg") {
		if !slices.Contains(fitting, only) {
			return key{}, errors.New("its alg is not accepted, or not for such a key")
		}
		fitting = []jose.SignatureAlgorithm{only}
	}
	return key{id: parsed.KeyID, public: parsed.Key, algorithms: fitting}, nil
}

// forSignatures refuses a key that is meant for something else.
func forSignatures(m members) error {
	if use, given := m["use"]; given && string(use) != `"sig"` {
		return errors.New("its use must be sig")
	}
	raw, given := m["key_ops"]
	if !given {
		return nil
	}
	operations, err := texts(raw)
	if err != nil || !slices.Contains(operations, "verify") {
		return errors.New("its key_ops must hold verify")
	}
	return nil
}

// algorithms are those that a public key can be used with. They are all
// asymmetric: neither "none" nor an HMAC is ever among them.
func algorithms(public any) ([]jose.SignatureAlgorithm, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < leastRSA || k.E%2 == 0 {
			return nil, errors.New("RSA keys must have 2048 to 4096 bits and an odd exponent")
		}
		return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, nil
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []jose.SignatureAlgorithm{jose.ES256}, nil
		case 384:
			return []jose.SignatureAlgorithm{jose.ES384}, nil
		}
		return []jose.SignatureAlgorithm{jose.ES512}, nil
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}, nil
	}
	return nil, errors.New("its kind is not accepted")
}

// find returns the key with that id. A token may leave the id out only when
// there is nothing to choose.
func (k Keys) find(id string, given bool) (key, error) {
	if !given && len(k.list) == 1 {
		return k.list[0], nil
	}
	for _, one := range k.list {
		if given && one.id == id {
			return one, nil
		}
	}
	return key{}, refused(CodeKey, "names no key that is trusted here")
}

// IDs returns the ids of the keys, in the order of the set; they are public.
func (k Keys) IDs() []string {
	ids := make([]string, len(k.list))
	for i, one := range k.list {
		ids[i] = one.id
	}
	return ids
}

// String tells the ids.
func (k Keys) String() string { return strings.Join(k.IDs(), ", ") }
