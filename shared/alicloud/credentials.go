package alicloud

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Credentials sign the calls of one account. They show as "***" wherever they
// are printed, logged or encoded.
type Credentials struct {
	// AccessKeyID names the key; temporary ones start with "STS.".
	AccessKeyID string
	// Secret signs. It never leaves the process.
	Secret string
	// SecurityToken goes with temporary credentials, else empty.
	SecurityToken string
}

// String hides everything.
func (Credentials) String() string { return "***" }

// Format hides everything from every verb of package fmt.
func (Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// LogValue hides everything from structured logs.
func (Credentials) LogValue() slog.Value { return slog.StringValue("***") }

// MarshalText hides everything from JSON and other encodings.
func (Credentials) MarshalText() ([]byte, error) { return []byte("***"), nil }

// fingerprint tells credentials apart without keeping them.
type fingerprint [sha256.Size]byte

// print returns the fingerprint of all three parts.
func (c Credentials) print() fingerprint {
	return sha256.Sum256([]byte(c.AccessKeyID + "\x00" + c.Secret + "\x00" + c.SecurityToken))
}

// within reports whether text holds any part of the credentials.
func (c Credentials) within(text string) bool {
	for _, part := range []string{c.AccessKeyID, c.Secret, c.SecurityToken} {
		if part != "" && strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// check fails with fault.Unauthenticated when a mandatory part is missing.
func (c Credentials) check() error {
	if c.AccessKeyID == "" || c.Secret == "" {
		return fault.New(fault.Unauthenticated, "no cloud credentials: access key id and secret are both needed").WithCode("noCredentials")
	}
	return nil
}

// grant is a set of credentials and the time after which they are not used.
// The zero time means they do not expire.
type grant struct {
	credentials Credentials
	expires     time.Time
}

// fresh reports whether the grant may still sign a call that starts now.
func (g grant) fresh(now time.Time) bool {
	return g.expires.IsZero() || now.Before(g.expires)
}

// RoleARN names a RAM role: "acs:ram::<account>:role/<name>".
type RoleARN string

// Account returns the account that owns the role. It fails with fault.Invalid
// for anything that is not the ARN of a RAM role.
func (r RoleARN) Account() (image.AccountID, error) {
	found := roleOf(string(r))
	if found == "" {
		return "", fault.InField("role", "roleMalformed", "must look like acs:ram::1000000000000002:role/name")
	}
	return image.AccountID(found), nil
}
