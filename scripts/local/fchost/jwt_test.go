package fchost_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/function/bearer"
	"imagekeeper/shared/function/bearer/bearertest"
)

// TestTriggerWantsAToken: the trigger lets pass who has a token of a trusted
// key that is valid now, passes claims on, and starts no function for others.
func TestTriggerWantsAToken(t *testing.T) {
	t.Parallel()
	attack := attacker(t)
	keys, err := bearer.ParseKeys([]byte(bearertest.Set(attack.Trusted[0], attack.Trusted[1])))
	if err != nil {
		t.Fatal(err)
	}
	s := started(t, func(o *fchost.Options) {
		o.Project.Functions[0].Triggers[0].HTTP.JWT = &syaml.JWT{
			Keys: keys, Header: "Authorization", Prefix: "Bearer",
			Pass: []syaml.ClaimHeader{{Claim: "sub", Header: "X-Jwt-Sub"}, {Claim: "roles", Header: "X-Jwt-Roles"}, {Claim: "none", Header: "X-Jwt-None"}},
			Open: []string{"/things/open"},
		}
	}, routes, probeResource(), resource{name: "other", role: "probe", timeout: 10})
	forged := []string{"X-Jwt-Roles", "reaper", "X-Jwt-Sub", "root", "X-Jwt-None", "x"}
	token := func(g bearertest.Grant) []string {
		return append([]string{"Authorization", "Bearer " + attack.Trusted[1].Token(g)}, forged...)
	}
	t.Run("a good token", func(t *testing.T) {
		for _, path := range []string{"/things/a", "/_fn/probe/things/a"} {
			r := s.do("POST", path, "", token(attack.Grant)...)
			r.want(t, 200, "")
			e := decode[event](t, r)
			if e.Headers["X-Jwt-Sub"] != "ada" || e.Headers["X-Jwt-Roles"] != `["viewer"]` || e.Headers["X-Jwt-None"] != "" || !strings.HasPrefix(e.Headers["Authorization"], "Bearer ey") {
				t.Errorf("%s: headers %v", path, e.Headers)
			}
		}
	})
	t.Run("of another issuer", func(t *testing.T) {
		other := attack.Grant
		other.Issuer, other.Audience = "https://elsewhere.example", "elsewhere"
		s.do("POST", "/things/a", "", token(other)...).want(t, 200, "") // for the function to judge
	})
	t.Run("an open path", func(t *testing.T) {
		r := s.do("POST", "/things/open", "", forged...)
		r.want(t, 200, "")
		if e := decode[event](t, r); e.Headers["X-Jwt-Sub"]+e.Headers["X-Jwt-Roles"] != "" {
			t.Errorf("headers %v", e.Headers)
		}
	})
	t.Run("another function's trigger", func(t *testing.T) {
		s.do("POST", "/things/special/a", "").want(t, 200, "")
	})
	t.Run("a direct call", func(t *testing.T) {
		s.do("POST", "/_local/invoke/probe", "{}").want(t, 200, "")
	})
	t.Run("hostile tokens", func(t *testing.T) { refusesHostileTokens(t, s, attack) })
}

func attacker(t *testing.T) bearertest.Attack {
	t.Helper()
	var made [3]bearertest.Key
	for i, name := range []string{"first", "second", "stranger"} {
		key, err := bearertest.NewRSA(name)
		if err != nil {
			t.Fatal(err)
		}
		made[i] = key
	}
	grant := bearertest.Grant{Issuer: "https://login.example", Audience: "imagekeeper", Subject: "ada", Roles: []string{"viewer"}, From: time.Now(), For: time.Hour}
	return bearertest.Attack{Trusted: [2]bearertest.Key{made[0], made[1]}, Stranger: made[2], Grant: grant}
}

// refusesHostileTokens sends what can be sent over HTTP. Whom a token is for is
// not the trigger's to judge; everything else is refused before the function.
func refusesHostileTokens(t *testing.T, s *stage, attack bearertest.Attack) {
	refused := 0
	for _, c := range attack.Hostile() {
		var header []string
		for _, value := range c.Authorization {
			header = append(header, "Authorization", value)
		}
		if strings.ContainsAny(strings.Join(header, ""), "\r\n") || len(strings.Join(header, "")) > 64<<10 {
			continue // no client sends these
		}
		judged := c.Code == bearer.CodeIssuer || c.Code == bearer.CodeAudience || c.Code == "roleMissing" ||
			c.Code == bearer.CodeClaims && !strings.HasPrefix(c.Name, "exp") && !strings.HasPrefix(c.Name, "nbf") && !strings.HasPrefix(c.Name, "iat") && c.Name != "no exp"
		r := s.do("POST", "/things/hostile", "", header...)
		if trimmed := c.Name == "a space before the scheme" || c.Name == "a space behind"; judged || trimmed {
			if r.status != 200 {
				t.Errorf("%s: not for the trigger to judge, got %d %s", c.Name, r.status, r.body)
			}
			continue
		}
		refused++
		if r.status != 401 || r.header.Get("WWW-Authenticate") == "" || !strings.Contains(r.body, `"code":"token`) {
			t.Errorf("%s: got %d %s", c.Name, r.status, r.body)
		}
	}
	if refused < 60 {
		t.Errorf("only %d were refused", refused)
	}
	said := s.log.String()
	if n := strings.Count(said, "REFUSED RequestId: "); n != refused {
		t.Errorf("%d lines for %d refusals", n, refused)
	}
	if strings.Contains(said, fmt.Sprint(attack.Good()[:30])) {
		t.Errorf("a token is in the log")
	}
}
