package ecsapi_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

const region = "cn-hangzhou"

// local is a cloud and its server, on clocks that stand still: the cloud's and
// the one that clients sign by.
type local struct {
	*httptest.Server
	testing.TB
	api   *ecsapi.Server
	cloud *cloudsim.Cloud
	// state is the cloud's clock, signing the clients'.
	state, signing *cloudsim.Clock
	nonce          atomic.Int64
}

// serve starts a server for an empty cloud.
func serve(t testing.TB, options ecsapi.Options) *local {
	t.Helper()
	return serveCloud(t, cloudsim.Options{}, options)
}

func serveCloud(t testing.TB, world cloudsim.Options, options ecsapi.Options) *local {
	t.Helper()
	l := &local{TB: t, state: cloudsim.NewClock(cloudsim.Epoch()), signing: cloudsim.NewClock(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))}
	world.Clock = l.state
	l.cloud = cloudsim.New(world)
	options.Clock, options.CloudClock, options.Advance = l.signing, l.state, l.state.Advance
	l.api = ecsapi.New(l.cloud, options)
	l.Server = httptest.NewServer(l.api)
	t.Cleanup(l.Close)
	return l
}

// addImages puts n available images of the first account into the region.
func (l *local) addImages(n int) []image.ID {
	var all []image.ID
	for i := range n {
		all = append(all, l.cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{
			Name: fmt.Sprintf("app-%03d", i), CreatedAt: cloudsim.Epoch().Add(-time.Duration(i+1) * time.Hour),
		}}))
	}
	return all
}

// signer signs calls, in the test's own words of the vendor's documents.
type signer struct {
	key, secret, token string
	at                 time.Time
	nonce              string
}

func (l *local) signer(key string) signer {
	return signer{key: key, secret: key + "-secret", at: l.signing.Now(), nonce: fmt.Sprint("nonce-", l.nonce.Add(1))}
}

// values are parameters from names and values in turn.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func version(action string) string {
	switch action {
	case "GetCallerIdentity", "AssumeRole":
		return "2015-04-01"
	case "DescribeEndpoints":
		return "2015-06-12"
	case "DescribeScalingGroups", "DescribeScalingConfigurations", "CreateScalingGroup", "ModifyScalingGroup", "EnableScalingGroup", "DisableScalingGroup",
		"DeleteScalingGroup", "CreateScalingConfiguration", "ModifyScalingConfiguration", "DeactivateScalingConfiguration", "DeleteScalingConfiguration",
		"EnterStandby", "ExitStandby", "DescribeScalingInstances":
		return "2014-08-28"
	case "LookupEvents":
		return "2020-07-06"
	case "GetRole", "ListPoliciesForRole", "GetPolicy":
		return "2015-05-01"
	case "GetProductQuota", "ListProductQuotas":
		return "2020-05-10"
	}
	return "2014-05-26"
}

func quote(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

func joined(v url.Values, quoteName bool) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		shown := name
		if quoteName {
			shown = quote(name)
		}
		parts = append(parts, shown+"="+quote(v.Get(name)))
	}
	return strings.Join(parts, "&")
}

// rpc returns all parameters of a call, signed for the method.
func (s signer) rpc(method, action string, parameters url.Values) url.Values {
	v := values("Action", action, "Version", version(action), "Format", "JSON", "AccessKeyId", s.key,
		"SignatureMethod", "HMAC-SHA1", "SignatureVersion", "1.0", "SignatureNonce", s.nonce, "SignatureType", "",
		"Timestamp", s.at.UTC().Format("2006-01-02T15:04:05Z"))
	if s.token != "" {
		v.Set("SecurityToken", s.token)
	}
	maps.Copy(v, parameters)
	return s.signRPC(method, v)
}

func (s signer) signRPC(method string, v url.Values) url.Values {
	v.Del("Signature")
	mac := hmac.New(sha1.New, []byte(s.secret+"&"))
	mac.Write([]byte(method + "&%2F&" + quote(joined(v, true))))
	v.Set("Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return v
}

// acs3 returns a request signed in its headers.
func (s signer) acs3(base, action string, parameters url.Values) *http.Request {
	r, err := http.NewRequest("POST", base+"/?"+joined(parameters, false), http.NoBody)
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"x-acs-action": action, "x-acs-version": version(action), "x-acs-date": s.at.UTC().Format("2006-01-02T15:04:05Z"),
		"x-acs-signature-nonce": s.nonce, "x-acs-content-sha256": sha256Hex(""), "accept": "application/json",
	} {
		r.Header.Set(name, value)
	}
	if s.token != "" {
		r.Header.Set("x-acs-security-token", s.token)
	}
	s.signACS3(r, parameters)
	return r
}

func (s signer) signACS3(r *http.Request, parameters url.Values) {
	lines := map[string]string{"host": r.Host}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-acs-") {
			lines[name] = r.Header.Get(name)
		}
	}
	names := slices.Sorted(maps.Keys(lines))
	text := r.Method + "\n" + r.URL.EscapedPath() + "\n" + joined(parameters, false) + "\n"
	for _, name := range names {
		text += name + ":" + lines[name] + "\n"
	}
	text += "\n" + strings.Join(names, ";") + "\n" + r.Header.Get("x-acs-content-sha256")
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + sha256Hex(text)))
	r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+s.key+",SignedHeaders="+strings.Join(names, ";")+
		",Signature="+hex.EncodeToString(mac.Sum(nil)))
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	// tree is the body as JSON; numbers are json.Number.
	tree map[string]any
}

func (r reply) code() string { s, _ := r.tree["Code"].(string); return s }

// at follows keys into the tree; a list is followed into its only element.
func (r reply) at(path string) any {
	var here any = r.tree
	for key := range strings.SplitSeq(path, ".") {
		if list, ok := here.([]any); ok && len(list) == 1 {
			here = list[0]
		}
		object, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = object[key]
	}
	return here
}

func (r reply) list(path string) []any { l, _ := r.at(path).([]any); return l }

// text is what at finds, as text.
func (r reply) text(path string) string { return fmt.Sprint(r.at(path)) }

// send sends a request and reads the answer. It returns an error only when
// there is no whole answer.
func send(r *http.Request) (reply, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	return read(answer)
}

func read(answer *http.Response) (reply, error) {
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	out := reply{status: answer.StatusCode, header: answer.Header, body: string(body)}
	decoder := json.NewDecoder(strings.NewReader(out.body))
	decoder.UseNumber()
	_ = decoder.Decode(&out.tree)
	return out, err
}

// get sends parameters as they are, in the query.
func (l *local) get(v url.Values) (reply, error) {
	r, err := http.NewRequest("GET", l.URL+"/?"+v.Encode(), nil)
	if err != nil {
		return reply{}, err
	}
	return send(r)
}

// as calls an action with a key, without a connection, and ends the test
// without an answer.
func (l *local) as(key, action string, pairs ...string) reply {
	l.Helper()
	w := httptest.NewRecorder()
	l.api.ServeHTTP(w, httptest.NewRequest("GET", l.URL+"/?"+l.signer(key).rpc("GET", action, values(pairs...)).Encode(), nil))
	out, err := read(w.Result())
	if err != nil {
		l.Fatalf("%s: %v", action, err)
	}
	return out
}

func (l *local) call(action string, pairs ...string) reply {
	l.Helper()
	return l.as("local", action, pairs...)
}

// must is call that expects a success.
func (l *local) must(action string, pairs ...string) reply {
	l.Helper()
	out := l.call(action, pairs...)
	if out.status != 200 {
		l.Fatalf("%s: %d %s", action, out.status, out.body)
	}
	return out
}

// expect compares status and code.
func expect(t testing.TB, out reply, status int, code string) {
	t.Helper()
	if out.status != status || out.code() != code {
		t.Errorf("got %d %q, want %d %q: %.300s", out.status, out.code(), status, code, out.body)
	}
}

// serveCompany serves a company with n images and as many instances.
func serveCompany(t testing.TB, n int, options ecsapi.Options) *local {
	t.Helper()
	l := serveCloud(t, cloudsim.Options{Seed: 5}, options)
	company.Fill(l.cloud, company.Options{Images: n, Instances: n})
	return l
}
