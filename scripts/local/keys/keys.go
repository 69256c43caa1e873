// Package keys makes the issuer of tokens for the cloud on one machine: a key
// pair that is kept in a folder, one token for each role beside it, and what
// functions and their triggers need to trust them.
package keys

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
)

// Issuer and Audience are in every token made here.
const (
	Issuer   = "imagekeeper-local"
	Audience = "imagekeeper"
)

// Lifetime is how long a token is good.
const Lifetime = 30 * 24 * time.Hour

// keyFile holds the private key. It is RSA, because the vendor's schema of
// triggers knows no other kind.
const keyFile = "token-key.pem"

// Portal is what trusts the tokens.
type Portal struct {
	// Key signs them.
	Key bearertest.Key
	// Files are the paths of the tokens, in the order of function.Roles.
	Files []string
}

// Prepare makes sure of a key in folder, which it creates, and writes a new
// token for every role to <folder>/token-<role>; only the owner may read them.
// The key stays the same from start to start, and programs that start at the
// same time agree on one, so tokens hold for all of them. It fails with
// fault.Precondition if the file with the key is no key.
func Prepare(folder string, now time.Time) (Portal, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Portal{}, fmt.Errorf("tokens: %w", err)
	}
	key, err := keyIn(filepath.Join(folder, keyFile))
	if err != nil {
		return Portal{}, err
	}
	p := Portal{Key: key}
	for _, role := range function.Roles() {
		file := TokenFile(folder, role)
		if err := replace(file, []byte(p.Token(role, now)+"\n")); err != nil {
			return Portal{}, fmt.Errorf("token of %s: %w", role, err)
		}
		p.Files = append(p.Files, file)
	}
	return p, nil
}

// Open returns what Prepare made in folder, and writes nothing but a key that is
// missing. It fails as Prepare does.
func Open(folder string) (Portal, error) {
	key, err := keyIn(filepath.Join(folder, keyFile))
	return Portal{Key: key}, err
}

// TokenFile is where Prepare writes the token of a role.
func TokenFile(folder string, role function.Role) string {
	return filepath.Join(folder, "token-"+string(role))
}

// Token makes a token for a role, from now for Lifetime.
func (p Portal) Token(role function.Role, now time.Time) string {
	return p.Key.Token(bearertest.Grant{
		Issuer: Issuer, Audience: Audience, Subject: "local-" + string(role), Roles: []string{string(role)}, From: now, For: Lifetime,
	})
}

// Colleague makes a token of a role as Token does, for somebody else: who
// approves what the first has proposed.
func (p Portal) Colleague(role function.Role, now time.Time) string {
	return p.Key.Token(bearertest.Grant{
		Issuer: Issuer, Audience: Audience, Subject: "local-" + string(role) + "-2", Roles: []string{string(role)}, From: now, For: Lifetime,
	})
}

// Environment is what functions, and env() in s.yaml, are to see.
func (p Portal) Environment() map[string]string {
	return map[string]string{"PORTAL_JWKS": bearertest.Set(p.Key), "PORTAL_ISSUER": Issuer, "PORTAL_AUDIENCE": Audience}
}

// keyIn returns the key in file, making it if there is none.
func keyIn(file string) (bearertest.Key, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(file); err != nil {
			return bearertest.Key{}, fmt.Errorf("key of tokens: %w", err)
		}
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return bearertest.Key{}, fmt.Errorf("key of tokens: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return bearertest.Key{}, fault.New(fault.Precondition, "%s holds no key; remove it and start again", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return bearertest.Key{}, fault.Wrap(fault.Precondition, err, "%s holds no RSA key; remove it and start again", file)
	}
	print := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return bearertest.Key{ID: "local-" + hex.EncodeToString(print[:6]), Signer: key}, nil
}

// makeKey writes a new key to file, unless another program was faster.
func makeKey(file string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	temporary, err := written(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// replace puts content into file at once, so that a reader never sees half.
func replace(file string, content []byte) error {
	temporary, err := written(file, content)
	if err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

// written puts content into a new file beside file that only the owner may
// read, and returns its name.
func written(file string, content []byte) (string, error) {
	out, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = out.Write(content)
	if err := errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}
