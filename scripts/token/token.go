package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
)

// longest is the longest life of a token: one that is lost ends by itself.
const longest = 30 * 24 * time.Hour

// wish is what the command line asks for.
type wish struct {
	issuer, audience, subject string
	roles                     []string
	lifetime                  time.Duration
	set, rotate               bool
}

// issue makes a token, or prints the set of public keys. The first time it makes a
// key; with rotate one more.
func issue(folder string, w wish, now time.Time) (string, error) {
	keys, err := read(folder)
	if err != nil {
		return "", err
	}
	if len(keys) == 0 || w.rotate {
		key, err := add(folder, now)
		if err != nil {
			return "", err
		}
		keys = append(keys, key)
	}
	if w.set || w.rotate {
		return bearertest.Set(keys...), nil
	}
	if err := w.check(); err != nil {
		return "", err
	}
	return keys[len(keys)-1].Token(bearertest.Grant{
		Issuer: w.issuer, Audience: w.audience, Subject: w.subject, Roles: w.roles, From: now, For: w.lifetime,
	}), nil
}

// check says which flag is missing or wrong.
func (w wish) check() error {
	for name, value := range map[string]string{"-issuer": w.issuer, "-audience": w.audience, "-subject": w.subject} {
		if value == "" {
			return fmt.Errorf("%s is missing: a token says who made it, for whom and for which functions", name)
		}
	}
	if w.lifetime <= 0 || w.lifetime > longest {
		return fmt.Errorf("-lifetime is %s, and at most %s are allowed", w.lifetime, longest)
	}
	if len(w.roles) == 0 {
		return fmt.Errorf("-roles is empty")
	}
	for _, role := range w.roles {
		if !slices.Contains(function.Roles(), function.Role(role)) {
			return fmt.Errorf("-roles: there is no role %q; there are %v", role, function.Roles())
		}
	}
	return nil
}

// read are the keys of a folder, the oldest first. The names of their files begin
// with when they were made.
func read(folder string) ([]bearertest.Key, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.pem"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	keys := make([]bearertest.Key, 0, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s holds no key", file)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		private, ok := parsed.(*rsa.PrivateKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("%s holds no RSA key: %w", file, err)
		}
		keys = append(keys, bearertest.Key{ID: strings.TrimSuffix(filepath.Base(file), ".pem"), Signer: private})
	}
	return keys, nil
}

// add makes a key. It is RSA, because the platform's schema of triggers knows no
// other kind.
func add(folder string, now time.Time) (bearertest.Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return bearertest.Key{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return bearertest.Key{}, err
	}
	print := sha256.Sum256(x509.MarshalPKCS1PublicKey(&private.PublicKey))
	id := now.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(print[:4])
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return bearertest.Key{}, err
	}
	file := filepath.Join(folder, id+".pem")
	return bearertest.Key{ID: id, Signer: private}, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
