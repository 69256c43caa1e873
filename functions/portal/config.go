package main

import (
	"net/url"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// localIssuer is the claim iss of the tokens that the cloud on one machine makes.
const localIssuer = "imagekeeper-local"

// config is what the environment says.
type config struct {
	// Issuer is who signs callers in: the one whose tokens the functions take. An
	// address: an OpenID provider.
	Issuer string `env:"PORTAL_ISSUER"`
	// Client is the id of the page at the issuer; empty: callers paste a token.
	Client string `env:"PORTAL_OIDC_CLIENT" validate:"max=256"`
	// Scopes are what the page asks the issuer for.
	Scopes string `env:"PORTAL_OIDC_SCOPES" default:"openid" validate:"max=512"`
	// RolesClaim is the claim with the roles, by which the page knows what to offer.
	RolesClaim string `env:"PORTAL_ROLES_CLAIM" default:"roles"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) {
	c, err := function.Configure[config](look)
	if err != nil {
		return c, err
	}
	if c.Client != "" {
		_, err = c.provider()
	}
	return c, err
}

// provider is where callers sign in, as scheme and host; "" if they do not. It fails with
// fault.Invalid for an issuer that no browser may be sent to.
func (c config) provider() (string, error) {
	if c.Client == "" {
		return "", nil
	}
	at, err := url.Parse(c.Issuer)
	loopback := err == nil && (at.Hostname() == "127.0.0.1" || at.Hostname() == "localhost")
	plain := err == nil && at.Host != "" && at.User == nil && at.RawQuery == "" && at.Fragment == "" && !strings.ContainsAny(at.Host, " ;,'\"*")
	if !plain || at.Scheme != "https" && (at.Scheme != "http" || !loopback) {
		return "", fault.InField("PORTAL_ISSUER", "configuration", "must be the https address of an OpenID provider, because PORTAL_OIDC_CLIENT is set")
	}
	return at.Scheme + "://" + at.Host, nil
}

// told is what the page has to know.
type told struct {
	// Issuer and Client: sign in there; empty: paste a token.
	Issuer string `json:"issuer,omitempty"`
	Client string `json:"client,omitempty"`
	Scopes string `json:"scopes,omitempty"`
	// RolesClaim is the claim with the roles.
	RolesClaim string `json:"rolesClaim"`
	// Local: tokens are those of the cloud on one machine.
	Local bool `json:"local,omitempty"`
}

func (c config) told() told {
	if c.Client == "" {
		return told{RolesClaim: c.RolesClaim, Local: c.Issuer == localIssuer}
	}
	return told{Issuer: c.Issuer, Client: c.Client, Scopes: c.Scopes, RolesClaim: c.RolesClaim}
}
