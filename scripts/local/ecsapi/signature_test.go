package ecsapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
)

// vectorServer knows the key of the documents' examples, at their time.
func vectorServer(t *testing.T, at time.Time) *ecsapi.Server {
	t.Helper()
	cloud := cloudsim.New(cloudsim.Options{})
	if err := cloud.AddKey(cloudsim.FirstAccount, "testid", "testsecret", "tester", nil); err != nil {
		t.Fatal(err)
	}
	return ecsapi.New(cloud, ecsapi.Options{Clock: cloudsim.NewClock(at)})
}

// TestVectorRPC sends the signed request of the vendor's page "Signature".
func TestVectorRPC(t *testing.T) {
	t.Parallel()
	api := vectorServer(t, time.Date(2016, 2, 23, 12, 46, 24, 0, time.UTC))
	v := values("Action", "DescribeRegions", "Format", "XML", "Version", "2014-05-26", "AccessKeyId", "testid",
		"Timestamp", "2016-02-23T12:46:24Z", "SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
		"SignatureMethod", "HMAC-SHA1", "SignatureVersion", "1.0", "Signature", "OLeaidS1JvxuMvnyHOwuJ+uX5qY=")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("GET", "/?"+v.Encode(), nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<DescribeRegionsResponse>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestVectorACS3 sends what the vendor's npm package openapi-core 1.0.8 signs.
func TestVectorACS3(t *testing.T) {
	t.Parallel()
	api := vectorServer(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	r := httptest.NewRequest("POST", "/?RegionId=cn-hangzhou&ImageName=a%20b%2A~%2F&Tag.1.Key=k&Tag.1.Value=%E4%B8%AD", nil)
	r.Host = "127.0.0.1:8080"
	for name, value := range map[string]string{
		"x-acs-version": "2014-05-26", "x-acs-action": "DescribeImages", "x-acs-date": "2026-01-02T03:04:05Z",
		"x-acs-signature-nonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", "x-acs-content-sha256": sha256Hex(""),
		"Authorization": "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;" +
			"x-acs-signature-nonce;x-acs-version,Signature=33905b20183adca6431339528dfcdf2a92d8901f7a1995121076249ec5a783df",
	} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "{") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// rpcRefusals say what each damage to a signed RPC call is answered with.
// Those that sign again show that the damage itself is refused.
func rpcRefusals() map[string]struct {
	damage func(l *local, v url.Values)
	resign bool
	status int
	code   string
} {
	set := func(name, value string) func(*local, url.Values) {
		return func(_ *local, v url.Values) { v.Set(name, value) }
	}
	shift := func(d time.Duration) func(*local, url.Values) {
		return func(l *local, v url.Values) {
			v.Set("Timestamp", l.signing.Now().Add(d).Format("2006-01-02T15:04:05Z"))
		}
	}
	return map[string]struct {
		damage func(l *local, v url.Values)
		resign bool
		status int
		code   string
	}{
		"no action":                 {set("Action", ""), true, 400, "MissingParameter"},
		"no version":                {set("Version", ""), true, 400, "MissingParameter"},
		"no access key":             {set("AccessKeyId", ""), true, 400, "MissingParameter"},
		"no signature":              {set("Signature", ""), false, 400, "MissingParameter"},
		"no nonce":                  {set("SignatureNonce", ""), true, 400, "MissingParameter"},
		"no time stamp":             {set("Timestamp", ""), true, 400, "MissingParameter"},
		"no method":                 {set("SignatureMethod", ""), true, 400, "MissingParameter"},
		"unknown method":            {set("SignatureMethod", "HMAC-MD5"), true, 400, "InvalidParameter"},
		"unknown signature version": {set("SignatureVersion", "2.0"), true, 400, "InvalidParameter"},
		"unknown format":            {set("Format", "YAML"), true, 400, "InvalidParameter"},
		"unknown action":            {set("Action", "DescribeDreams"), true, 404, "InvalidAction.NotFound"},
		"action in another case":    {set("Action", "describeImages"), true, 404, "InvalidAction.NotFound"},
		"action of another product": {set("Action", "AssumeRole"), true, 404, "InvalidAction.NotFound"},
		"unknown version":           {set("Version", "1999-01-01"), true, 400, "InvalidVersion"},
		"unknown key":               {set("AccessKeyId", "nobody"), true, 404, "InvalidAccessKeyId.NotFound"},
		"wrong signature":           {set("Signature", "bm8="), false, 400, "SignatureDoesNotMatch"},
		"changed after signing":     {set("ImageName", "other"), false, 400, "SignatureDoesNotMatch"},
		"added after signing":       {set("PageSize", "100"), false, 400, "SignatureDoesNotMatch"},
		"no time":                   {set("Timestamp", "yesterday"), true, 400, "InvalidTimeStamp.Format"},
		"fractions of a second":     {set("Timestamp", "2026-11-02T00:00:00.5Z"), true, 400, "InvalidTimeStamp.Format"},
		"just fresh enough":         {shift(-15 * time.Minute), true, 200, ""},
		"stale":                     {shift(-15*time.Minute - time.Second), true, 400, "InvalidTimeStamp.Expired"},
		"of the future":             {shift(15*time.Minute + time.Second), true, 400, "InvalidTimeStamp.Expired"},
		"a token nobody gave":       {set("SecurityToken", "made up"), true, 400, "InvalidSecurityToken.MismatchWithAccessKey"},
	}
}

func TestRPCRefusals(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for name, c := range rpcRefusals() {
		t.Run(name, func(t *testing.T) {
			s := l.signer("local")
			v := s.rpc("GET", "DescribeImages", values("RegionId", region, "ImageName", "web"))
			c.damage(l, v)
			if c.resign {
				v = s.signRPC("GET", v)
			}
			if v.Get("Format") == "YAML" {
				out, err := l.get(v)
				if err != nil || out.status != 400 || !strings.Contains(out.body, "<Code>InvalidParameter</Code>") {
					t.Errorf("%v %s", err, out.body)
				}
				return
			}
			out, err := l.get(v)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, out, c.status, c.code)
		})
	}
}

// TestStringToSignIsShown: the vendor's Go SDK compares it with its own.
func TestStringToSignIsShown(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	s := l.signer("local")
	s.secret = "wrong"
	out, _ := l.get(s.rpc("GET", "DescribeRegions", nil))
	_, shown, _ := strings.Cut(out.text("Message"), "server string to sign is:")
	if !strings.HasPrefix(shown, "GET&%2F&AccessKeyId%3Dlocal%26Action%3DDescribeRegions%26") {
		t.Errorf("message: %s", out.text("Message"))
	}
}

// acs3Refusals say what each damage to a signed ACS3 call is answered with.
func acs3Refusals() map[string]struct {
	damage func(r *http.Request)
	status int
	code   string
} {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	edit := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	return map[string]struct {
		damage func(r *http.Request)
		status int
		code   string
	}{
		"as signed":              {func(*http.Request) {}, 200, ""},
		"no action":              {set("x-acs-action", ""), 400, "MissingParameter"},
		"no version":             {set("x-acs-version", ""), 400, "MissingParameter"},
		"no date":                {set("x-acs-date", ""), 400, "MissingParameter"},
		"no nonce":               {set("x-acs-signature-nonce", ""), 400, "MissingParameter"},
		"no hash":                {set("x-acs-content-sha256", ""), 400, "MissingParameter"},
		"another action":         {set("x-acs-action", "DeleteImage"), 400, "SignatureDoesNotMatch"},
		"unknown action":         {set("x-acs-action", "Dream"), 404, "InvalidAction.NotFound"},
		"unknown version":        {set("x-acs-version", "1999-01-01"), 400, "InvalidVersion"},
		"malformed date":         {set("x-acs-date", "now"), 400, "InvalidTimeStamp.Format"},
		"stale":                  {set("x-acs-date", "2026-01-01T00:00:00Z"), 400, "InvalidTimeStamp.Expired"},
		"another hash":           {set("x-acs-content-sha256", sha256Hex("x")), 400, "SignatureDoesNotMatch"},
		"a header not signed":    {set("x-acs-extra", "1"), 400, "IncompleteSignature"},
		"host not signed":        {edit("SignedHeaders=host;", "SignedHeaders="), 400, "IncompleteSignature"},
		"another key":            {edit("Credential=local", "Credential=nobody"), 404, "InvalidAccessKeyId.NotFound"},
		"no credential":          {edit("Credential=local,", ""), 400, "IncompleteSignature"},
		"a part twice":           {edit("Credential=local", "Credential=local,Credential=local2"), 400, "IncompleteSignature"},
		"another signature":      {edit("Signature=", "Signature=00"), 400, "SignatureDoesNotMatch"},
		"an algorithm not known": {edit("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), 400, "IncompleteSignature"},
		"another query":          {func(r *http.Request) { r.URL.RawQuery += "&PageSize=5" }, 400, "SignatureDoesNotMatch"},
		"a body not signed":      {func(r *http.Request) { r.Body, r.ContentLength = readable("PageSize=5"), 10 }, 400, "SignatureDoesNotMatch"},
		"PUT":                    {func(r *http.Request) { r.Method = "PUT" }, 403, "UnsupportedHTTPMethod"},
	}
}

func readable(s string) *body { return &body{*bytes.NewReader([]byte(s))} }

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

func TestACS3Refusals(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for name, c := range acs3Refusals() {
		t.Run(name, func(t *testing.T) {
			r := l.signer("local").acs3(l.URL, "DescribeImages", values("RegionId", region, "ImageName", "a b*~/"))
			c.damage(r)
			out, err := send(r)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, out, c.status, c.code)
			if kind := out.header.Get("Content-Type"); kind != "application/json;charset=utf-8" {
				t.Errorf("answered as %q", kind)
			}
		})
	}
}

// TestNonceIsUsedUpOnce also by many at the same time, and in both schemes.
func TestNonceIsUsedUpOnce(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	v := l.signer("local").rpc("GET", "DescribeRegions", nil)
	var wg sync.WaitGroup
	codes := make(chan string, 8)
	for range cap(codes) {
		wg.Go(func() {
			out, _ := l.get(v)
			codes <- out.code()
		})
	}
	wg.Wait()
	close(codes)
	count := map[string]int{}
	for code := range codes {
		count[code]++
	}
	if count[""] != 1 || count["SignatureNonceUsed"] != 7 {
		t.Errorf("answers by code: %v", count)
	}
	s := l.signer("local")
	first, _ := send(s.acs3(l.URL, "DescribeRegions", nil))
	again, _ := send(s.acs3(l.URL, "DescribeRegions", nil))
	expect(t, first, 200, "")
	expect(t, again, 400, "SignatureNonceUsed")
}

// TestNonceOutlivesItsTimeStamp: a stamp from the future is good for half an
// hour; so long its nonce must be remembered.
func TestNonceOutlivesItsTimeStamp(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	s := l.signer("local")
	s.at = s.at.Add(15 * time.Minute)
	v := s.rpc("GET", "DescribeRegions", nil)
	first, _ := l.get(v)
	expect(t, first, 200, "")
	for range 30 {
		l.signing.Advance(time.Minute)
		l.must("DescribeRegions") // others go on calling
		again, _ := l.get(v)
		expect(t, again, 400, "SignatureNonceUsed")
	}
	l.signing.Advance(time.Second)
	stale, _ := l.get(v)
	expect(t, stale, 400, "InvalidTimeStamp.Expired")
}

// TestForgedCallBurnsNoNonce: only who can sign uses a nonce up.
func TestForgedCallBurnsNoNonce(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	s := l.signer("local")
	forged := s
	forged.secret = "guessed"
	out, _ := l.get(forged.rpc("GET", "DescribeRegions", nil))
	expect(t, out, 400, "SignatureDoesNotMatch")
	out, _ = l.get(s.rpc("GET", "DescribeRegions", nil))
	expect(t, out, 200, "")
	for _, c := range l.api.Calls() {
		if c.Code == "SignatureDoesNotMatch" && c.Account != "" {
			t.Errorf("a forged call is recorded in the name of %s", c.Account)
		}
	}
}

// TestSessionCredentials: what AssumeRole gives must come with its token, in
// both schemes, until it expires by the cloud's clock.
func TestSessionCredentials(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	role := l.must("AssumeRole", "RoleArn", cloudsim.ReaderRole, "RoleSessionName", "test", "DurationSeconds", "900")
	session := func() signer {
		s := l.signer("local")
		s.key, s.secret, s.token = role.text("Credentials.AccessKeyId"), role.text("Credentials.AccessKeySecret"), role.text("Credentials.SecurityToken")
		return s
	}
	try := func(name string, s signer, status int, code string) {
		t.Helper()
		rpc, _ := l.get(s.rpc("GET", "GetCallerIdentity", nil))
		expect(t, rpc, status, code)
		s.nonce += "b"
		acs3, _ := send(s.acs3(l.URL, "GetCallerIdentity", nil))
		expect(t, acs3, status, code)
		if status == 200 && rpc.text("AccountId") != string(cloudsim.SecondAccount) {
			t.Errorf("%s: acts as %s", name, rpc.text("AccountId"))
		}
	}
	try("whole", session(), 200, "")
	bare := session()
	bare.token = ""
	try("without token", bare, 400, "MissingSecurityToken")
	other := session()
	other.token += "x"
	try("another token", other, 400, "InvalidSecurityToken.MismatchWithAccessKey")
	l.state.Advance(15*time.Minute - time.Second)
	try("at the end", session(), 200, "")
	l.state.Advance(time.Second)
	try("expired", session(), 400, "InvalidSecurityToken.Expired")
}

// TestNoncesAreBounded: however many come, two generations are kept, and the
// last ones are known.
func TestNoncesAreBounded(t *testing.T) {
	t.Parallel()
	n, now := ecsapi.NewNonces(100), time.Unix(1000, 0)
	for i := range 10000 {
		if !n.Use("key", fmt.Sprint(i), now) || n.Held() > 200 {
			t.Fatalf("nonce %d: %d held", i, n.Held())
		}
		if i >= 99 && n.Use("key", fmt.Sprint(i-99), now) {
			t.Fatalf("nonce %d is forgotten after %d", i-99, i)
		}
	}
	if !n.Use("other key", "9999", now) {
		t.Error("keys share nonces")
	}
	if n.Use("key", "9999", now.Add(30*time.Minute)); n.Held() > 200 || !n.Use("key", "9999", now.Add(3*time.Hour)) {
		t.Error("an old nonce is kept for good")
	}
}
