package syaml

import (
	"encoding/json"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer"
)

// JWT is the authConfig of an HTTP trigger that wants a token.
type JWT struct {
	// Keys are those that tokens may be signed with.
	Keys bearer.Keys
	// Header is where the token is; Prefix, if any, and a space stand before it.
	Header, Prefix string
	// Pass are the claims that the function gets as headers.
	Pass []ClaimHeader
	// Open are the paths that need no token, Closed the only ones that do; at
	// most one of them is there. A path is exact, or a prefix that ends in *.
	Open, Closed []string
}

// ClaimHeader is a claim that is passed on in a header.
type ClaimHeader struct{ Claim, Header string }

// jwt reads the authConfig of a trigger.
func (p *parser) jwt(config *object) *JWT {
	auth := config.child("authConfig", required)
	if auth == nil {
		return nil
	}
	out := &JWT{}
	if jwks := auth.get("jwks", required); jwks != nil {
		keys, err := bearer.ParseKeys(jwks.json())
		if err != nil {
			p.d.add(jwks, "authConfig: jwks %s", fault.Sentence(err))
		}
		out.Keys = keys
	}
	p.tokenLookup(auth, out)
	p.claimPassBy(auth, out)
	out.Open, out.Closed = p.paths(auth, "whitelist"), p.paths(auth, "blacklist")
	if at := auth.n.fields["blacklist"]; at != nil && auth.n.fields["whitelist"] != nil {
		p.d.add(at, "authConfig: whitelist and blacklist exclude each other")
	}
	auth.rest()
	return out
}

// tokenLookup reads position:name or position:name:prefix.
func (p *parser) tokenLookup(auth *object, out *JWT) {
	text := auth.text("tokenLookup", required)
	if text == "" {
		return
	}
	parts := strings.Split(text, ":")
	if parts[0] != "header" || len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") || strings.Contains(text, ",") {
		p.d.add(auth.n.fields["tokenLookup"], "authConfig: tokenLookup must be like header:Authorization:Bearer; other places are not supported by a local run")
		return
	}
	out.Header = parts[1]
	if len(parts) == 3 {
		out.Prefix = parts[2]
	}
}

// claimPassBy reads a comma list of header:claim:name.
func (p *parser) claimPassBy(auth *object, out *JWT) {
	text := auth.text("claimPassBy", optional)
	if text == "" {
		return
	}
	for entry := range strings.SplitSeq(text, ",") {
		parts := strings.Split(strings.TrimSpace(entry), ":")
		if len(parts) != 3 || parts[0] != "header" || slices.Contains(parts, "") {
			p.d.add(auth.n.fields["claimPassBy"], "authConfig: claimPassBy must be a comma list of header:<claim>:<name>; other places are not supported by a local run")
			return
		}
		out.Pass = append(out.Pass, ClaimHeader{Claim: parts[1], Header: parts[2]})
	}
}

// paths reads a list of paths, exact or with * at the end.
func (p *parser) paths(auth *object, key string) []string {
	paths := auth.texts(key)
	for i, path := range paths {
		if star := strings.IndexByte(path, '*'); !strings.HasPrefix(path, "/") || star >= 0 && star != len(path)-1 {
			p.d.add(auth.n.fields[key].items[i], "authConfig: %s: %q must be a path, exact or with * at its end", key, path)
		}
	}
	return paths
}

// NeedsToken reports whether a request for path needs a token.
func (j *JWT) NeedsToken(path string) bool {
	listed := func(list []string) bool {
		return slices.ContainsFunc(list, func(one string) bool {
			prefix, wide := strings.CutSuffix(one, "*")
			return wide && strings.HasPrefix(path, prefix) || one == path
		})
	}
	if len(j.Closed) > 0 {
		return listed(j.Closed)
	}
	return !listed(j.Open)
}

// json writes a value as JSON.
func (n *node) json() []byte {
	raw, err := json.Marshal(n.plain())
	if err != nil {
		return nil
	}
	return raw
}

// plain is a value without its place in the file; scalars other than strings
// stay as they are written.
func (n *node) plain() any {
	switch n.kind {
	case mapping:
		fields := map[string]any{}
		for key, value := range n.fields {
			fields[key] = value.plain()
		}
		return fields
	case list:
		items := []any{}
		for _, item := range n.items {
			items = append(items, item.plain())
		}
		return items
	}
	if n.tag == "!!str" || !json.Valid([]byte(n.text)) {
		return n.text
	}
	return json.RawMessage(n.text)
}
