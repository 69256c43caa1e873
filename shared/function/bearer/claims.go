package bearer

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lastInstant is the end of the year 9999; later times are not meant.
const lastInstant = 253402300799

// judge reads the claims of a token whose signature and times hold.
func (p Policy) judge(m members) (Claims, error) {
	var err error
	c := Claims{Issuer: p.Issuer}
	if c.Subject, err = text(m["sub"]); err != nil || !printable(c.Subject) {
		return Claims{}, refused(CodeClaims, "must have a sub of printable text")
	}
	if c.Roles, err = rolesOf(m[p.RolesClaim]); err != nil {
		return Claims{}, err
	}
	if issuer, err := text(m["iss"]); err != nil || issuer != p.Issuer {
		return Claims{}, refused(CodeIssuer, "was issued by another issuer")
	}
	if err := p.meant(m["aud"]); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// meant reports whether the claim aud names one of the audiences.
func (p Policy) meant(raw json.RawMessage) error {
	audiences, err := texts(raw)
	if err != nil {
		one, err := text(raw)
		if err != nil {
			return refused(CodeClaims, "must have an aud")
		}
		audiences = []string{one}
	}
	if !slices.ContainsFunc(audiences, func(one string) bool { return slices.Contains(p.Audiences, one) }) {
		return refused(CodeAudience, "is for another audience")
	}
	return nil
}

// rolesOf reads the claim with the roles: an array of texts, or a text in
// which spaces or commas separate them. There may be none.
func rolesOf(raw json.RawMessage) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	if list, err := texts(raw); err == nil {
		return list, nil
	}
	line, err := text(raw)
	if err != nil {
		return nil, refused(CodeClaims, "must have its roles as a list of texts, or as one text")
	}
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' }), nil
}

// inTime reports whether a token is valid now: exp is required and exact, nbf
// and iat may be ahead by Skew.
func inTime(m members, now time.Time) error {
	if !m.hasAny("exp") {
		return refused(CodeClaims, "must have an exp")
	}
	at := float64(now.UnixMilli()) / 1000
	for _, name := range []string{"exp", "nbf", "iat"} {
		if !m.hasAny(name) {
			continue
		}
		instant, err := instantOf(m[name])
		switch {
		case err != nil:
			return err
		case name == "exp" && at >= instant:
			return refused(CodeExpired, "has expired")
		case name != "exp" && at+Skew.Seconds() < instant:
			return refused(CodeEarly, "is not valid yet")
		}
	}
	return nil
}

// instantOf reads a NumericDate: seconds since 1970, as a JSON number.
func instantOf(raw json.RawMessage) (float64, error) {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds > lastInstant {
		return 0, refused(CodeClaims, "has a time that is none: it must be a number of seconds since 1970")
	}
	return seconds, nil
}
