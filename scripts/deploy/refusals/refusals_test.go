package refusals_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/scripts/deploy/refusals"
	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/function/bearer/bearertest"
)

// root is the module's folder.
const root = "../../.."

// environment is one with which everything may be deployed.
func environment(t *testing.T, key bearertest.Key) map[string]string {
	t.Helper()
	return map[string]string{
		"PORTAL_JWKS": bearertest.Set(key), "PORTAL_ISSUER": "https://tokens.example", "PORTAL_AUDIENCE": "imagekeeper",
		"JOURNAL": "oss://audit/imagekeeper",
	}
}

// signer is a key to trust.
func signer(t *testing.T) bearertest.Key {
	t.Helper()
	key, err := bearertest.NewRSA("k1")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// refused are the sentences about the s.yaml of a folder.
func refused(t *testing.T, folder string, only []string, environment map[string]string) string {
	t.Helper()
	found, err := refusals.Check(folder, only, func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range found {
		all.WriteString(f.String() + "\n")
	}
	return all.String()
}

// edited is a folder with the s.yaml of the module, with one text replaced.
func edited(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("s.yaml has no %q", from)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "s.yaml"), []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestRightIsNotRefused: with keys, issuer, audience and a journal in a bucket
// everything may be deployed.
func TestRightIsNotRefused(t *testing.T) {
	if says := refused(t, root, nil, environment(t, signer(t))); says != "" {
		t.Error(says)
	}
}

// TestRefused: each thing that must not be deployed is refused, and the sentence
// names it.
func TestRefused(t *testing.T) {
	key := signer(t)
	http := "- triggerName: http\n          triggerType: http\n          triggerConfig:\n            authType: "
	for name, test := range map[string]struct {
		with     map[string]string
		from, to string
		only     []string
		says     []string
	}{
		"no keys":                {with: map[string]string{"PORTAL_JWKS": ""}, says: []string{"PORTAL_JWKS is not set"}},
		"no issuer":              {with: map[string]string{"PORTAL_ISSUER": " "}, says: []string{"PORTAL_ISSUER is not set"}},
		"no audience":            {with: map[string]string{"PORTAL_AUDIENCE": ""}, says: []string{"PORTAL_AUDIENCE is not set"}},
		"keys that are none":     {with: map[string]string{"PORTAL_JWKS": `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`}, says: []string{"jwks"}},
		"the issuer of a laptop": {with: map[string]string{"PORTAL_ISSUER": keys.Issuer}, says: []string{"one machine"}},
		"a trigger that is open": {from: http + "jwt", to: http + "anonymous", says: []string{"anonymous"}},
		"a folder as journal":    {with: map[string]string{"JOURNAL": "dir:///tmp/journal"}, says: []string{"ends with the instance"}},
		"an emulator":            {with: map[string]string{"ECS_ENDPOINT": "http://127.0.0.1:7070"}, says: []string{"ECS_ENDPOINT", "no endpoint of the cloud"}},
		"somebody's host":        {with: map[string]string{"OSS_ENDPOINT": "https://oss.example.com"}, says: []string{"OSS_ENDPOINT"}},
		"too many variables":     {with: map[string]string{"ACCOUNTS": strings.Repeat("acs:ram::1000000000000002:role/reader,", 120)}, says: []string{"4096", "ACCOUNTS"}},
		"a domain in the clear":  {with: map[string]string{"DOMAIN": "images.example", "DOMAIN_CERT_ID": "1"}, from: "protocol: HTTPS", to: "protocol: HTTP", says: []string{"in the clear"}},
		"both protocols":         {with: map[string]string{"DOMAIN": "images.example", "DOMAIN_CERT_ID": "1"}, from: "protocol: HTTPS", to: "protocol: HTTP,HTTPS", says: []string{"in the clear"}},
		"no certificate":         {with: map[string]string{"DOMAIN": "images.example"}, says: []string{"DOMAIN_CERT_ID"}},
		"two journals":           {from: "JOURNAL: ${env('JOURNAL', '')}", to: "JOURNAL: oss://another/one", says: []string{"JOURNAL of function"}},
		"keys of blanks":         {with: map[string]string{"PORTAL_JWKS": "  \n"}, says: []string{"PORTAL_JWKS is not set"}},
		"an audience of blanks":  {with: map[string]string{"PORTAL_AUDIENCE": "\t"}, says: []string{"PORTAL_AUDIENCE is not set"}},
		"an empty key set":       {with: map[string]string{"PORTAL_JWKS": `{"keys":[]}`}, says: []string{"jwks"}},
		"a trigger by function":  {from: http + "jwt", to: http + "function", says: []string{"function"}},
		"a journal in memory":    {with: map[string]string{"JOURNAL": "dir:///mnt/../tmp"}, says: []string{"ends with the instance"}},
		"another port":           {with: map[string]string{"STS_ENDPOINT": "https://localhost:7070"}, says: []string{"STS_ENDPOINT"}},
		"an address":             {with: map[string]string{"ESS_ENDPOINT": "https://10.0.0.7"}, says: []string{"ESS_ENDPOINT"}},
		"the cloud in the clear": {with: map[string]string{"ECS_ENDPOINT": "http://ecs.aliyuncs.com"}, says: []string{"ECS_ENDPOINT"}},
		"almost the cloud":       {with: map[string]string{"ECS_ENDPOINT": "https://ecs-aliyuncs.com"}, says: []string{"ECS_ENDPOINT"}},
		"who trails":             {with: map[string]string{"ACTIONTRAIL_ENDPOINT": "http://127.0.0.1:7070"}, says: []string{"ACTIONTRAIL_ENDPOINT"}},
		"two pairs of eyes":      {from: "FOUR_EYES: ${env('FOUR_EYES', '')}", to: "FOUR_EYES: share", says: []string{"FOUR_EYES of function"}},
		"two lists of accounts":  {from: "SHARE_ALLOWED_ACCOUNTS: ${env('SHARE_ALLOWED_ACCOUNTS', '')}", to: `SHARE_ALLOWED_ACCOUNTS: "1000000000000002"`, says: []string{"SHARE_ALLOWED_ACCOUNTS of function"}},
		"two lists of owners":    {from: "TRUSTED_OWNERS: ${env('TRUSTED_OWNERS', '')}", to: `TRUSTED_OWNERS: "1000000000000002"`, says: []string{"TRUSTED_OWNERS of function"}},
		"a function that is not": {only: []string{"find", "fnid"}, says: []string{`no function "fnid"`}},
	} {
		t.Run(name, func(t *testing.T) {
			with := environment(t, key)
			for name, value := range test.with {
				with[name] = value
			}
			folder := root
			if test.from != "" {
				folder = edited(t, test.from, test.to)
			}
			says := refused(t, folder, test.only, with)
			for _, part := range test.says {
				if !strings.Contains(says, part) {
					t.Errorf("no word of %q in:\n%s", part, says)
				}
			}
		})
	}
}

// TestPrivateKey: the private half of a key pair is not published as a variable.
func TestPrivateKey(t *testing.T) {
	with := environment(t, signer(t))
	with["PORTAL_JWKS"] = strings.Replace(with["PORTAL_JWKS"], `"kty":"RSA"`, `"d":"AQAB","kty":"RSA"`, 1)
	if says := refused(t, root, nil, with); !strings.Contains(says, "jwks") && !strings.Contains(says, "private key") {
		t.Errorf("a private key is deployed: %q", says)
	}
}
