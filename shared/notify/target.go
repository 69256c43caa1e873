package notify

import (
	"cmp"
	"encoding/base64"
	"net"
	"net/url"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// Type is a kind of target.
type Type string

// The types of targets.
const (
	DingTalk Type = "dingtalk"
	Feishu   Type = "feishu"
	Slack    Type = "slack"
	Webhook  Type = "webhook"
)

// Target is somebody who is told.
type Target struct {
	Name     string
	Type     Type
	Language Language
	// url and secret are never shown.
	url    *url.URL
	secret []byte
}

// declared is a target as NOTIFY has it.
type declared struct {
	Type      Type     `json:"type"`
	URL       string   `json:"url"`
	SecretEnv string   `json:"secretEnv,omitempty"`
	Language  Language `json:"language,omitempty"`
}

// Parse reads the value of NOTIFY: targets by their names, as JSON. look finds the
// variables that secretEnv names. It fails with fault.Invalid, naming the target
// and the field, and never shows an address or a secret.
func Parse(value string, look func(name string) (string, bool)) ([]Target, error) {
	var all map[string]declared
	if err := strictjson.Decode([]byte(value), &all); err != nil {
		return nil, err
	}
	targets := make([]Target, 0, len(all))
	for name, d := range all {
		t, err := d.target(name, look)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	slices.SortFunc(targets, func(a, b Target) int { return cmp.Compare(a.Name, b.Name) })
	return targets, nil
}

// secretPrefix is how the variables of secrets begin, so that NOTIFY cannot name
// any other one.
const secretPrefix = "NOTIFY_SECRET_"

func (d declared) target(name string, look func(string) (string, bool)) (Target, error) {
	t := Target{Name: name, Type: d.Type, Language: cmp.Or(d.Language, English)}
	refuse := func(field, sentence string, args ...any) (Target, error) {
		return t, fault.InField("NOTIFY."+name+"."+field, "invalidTarget", sentence, args...)
	}
	if !wellNamed(name) {
		return t, fault.InField("NOTIFY", "invalidTarget", "the name of a target has 1 to 40 letters, digits, - and _")
	}
	if !slices.Contains([]Type{DingTalk, Feishu, Slack, Webhook}, d.Type) {
		return refuse("type", "must be dingtalk, feishu, slack or webhook")
	}
	if !slices.Contains(Languages(), t.Language) {
		return refuse("language", "must be en or zh")
	}
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return refuse("url", "must be an https address, without a user and without a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return refuse("url", "must begin with https; http is for this machine only")
	}
	t.url = u
	t.secret, err = d.secret(name, look)
	return t, err
}

// secret is what signs; only a webhook must have one.
func (d declared) secret(name string, look func(string) (string, bool)) ([]byte, error) {
	refuse := func(sentence string, args ...any) ([]byte, error) {
		return nil, fault.InField("NOTIFY."+name+".secretEnv", "invalidTarget", sentence, args...)
	}
	if d.SecretEnv == "" {
		if d.Type == Webhook {
			return refuse("must name the variable that holds the secret, which signs what a webhook gets")
		}
		return nil, nil
	}
	if !strings.HasPrefix(d.SecretEnv, secretPrefix) {
		return refuse("must begin with %s", secretPrefix)
	}
	secret, ok := look(d.SecretEnv)
	if !ok || secret == "" {
		return refuse("names %s, which is not set", d.SecretEnv)
	}
	if d.Type != Webhook {
		return []byte(secret), nil
	}
	key, err := webhookKey(secret)
	if err != nil {
		return refuse("names %s, which must hold whsec_ and the base64 of 24 to 64 bytes", d.SecretEnv)
	}
	return key, nil
}

func wellNamed(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return name != "" && len(name) <= 40 && strings.Trim(name, letters) == ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// webhookKey is the key of a Standard Webhooks secret.
func webhookKey(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, fault.New(fault.Invalid, "not a secret of a webhook")
	}
	return key, nil
}

// Among returns the targets that are named, in that order. It fails with
// fault.Invalid for a name that there is no target of.
func Among(targets []Target, names []string) ([]Target, error) {
	var found []Target
	for _, name := range names {
		at := slices.IndexFunc(targets, func(t Target) bool { return t.Name == name })
		if at < 0 {
			return nil, fault.InField("notify", "unknownTarget", "%q is not among the targets of NOTIFY", name)
		}
		found = append(found, targets[at])
	}
	return found, nil
}
