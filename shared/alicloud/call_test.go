package alicloud_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// TestEachAccountSignsItsOwnCalls interleaves two accounts on one Cloud; the
// wire computes every signature again with the secret of the key that is named.
func TestEachAccountSignsItsOwnCalls(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"key1": "secret1", "key2": "secret2"}
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		owner := strings.TrimPrefix(q.Get("AccessKeyId"), "key")
		switch {
		case q.Get("Signature") != signature(q, secrets[q.Get("AccessKeyId")]):
			return refused(400, "SignatureDoesNotMatch", q)
		case action == "GetCallerIdentity":
			return ok(`{"RequestId":"r","AccountId":"` + owner + `"}`)
		case q.Get("ImageFamily") != "of-"+owner:
			return refused(403, "Forbidden.RAM", q)
		}
		return ok(imagesPage(q, 301))
	})
	cloud := open(t, w)
	var all sync.WaitGroup
	for n := range 16 {
		owner := fmt.Sprint(1 + n%2)
		all.Go(func() {
			a := cloud.Account(alicloud.Credentials{AccessKeyID: "key" + owner, Secret: "secret" + owner})
			got, err := a.Images(t.Context(), region, image.Listing{Family: image.Family("of-" + owner)})
			if err != nil || len(got) != 301 || string(got[0].Account) != owner {
				t.Errorf("account %s: %d images, %v", owner, len(got), err)
			}
		})
	}
	all.Wait()
}

// signature computes the RPC signature of a POST with these parameters.
func signature(q url.Values, secret string) string {
	escape := func(s string) string {
		return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
	}
	var parts []string
	for name := range q {
		if name != "Signature" {
			parts = append(parts, escape(name)+"="+escape(q.Get(name)))
		}
	}
	slices.Sort(parts)
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte("POST&%2F&" + escape(strings.Join(parts, "&"))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestEveryAttemptIsSignedAnew: a repeated nonce would be refused.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	nonces := map[string]bool{}
	w := newWire(t, func(action string, n int, q url.Values) answered {
		mu.Lock()
		defer mu.Unlock()
		if nonces[q.Get("SignatureNonce")] {
			return refused(400, "InvalidParameter", q)
		}
		nonces[q.Get("SignatureNonce")] = true
		if action == "DescribeImages" && n < 4 {
			return answered{cut: true}
		}
		if action == "DescribeImages" {
			return ok(imagesPage(q, 3))
		}
		return answered{}
	})
	if got, err := reader(t, w).Images(t.Context(), region, image.Listing{}); err != nil || len(got) != 3 {
		t.Errorf("%d images, %v", len(got), err)
	}
}

// planted are credentials that must appear nowhere.
func planted() alicloud.Credentials {
	return alicloud.Credentials{AccessKeyID: "PLANTEDkey", Secret: "PLANTEDsecret", SecurityToken: "PLANTEDtoken+/="}
}

// TestSecretsAreInNoError plants credentials in every way to fail.
func TestSecretsAreInNoError(t *testing.T) {
	t.Parallel()
	echo := func(status int) func(url.Values) answered {
		return func(q url.Values) answered { return answered{status: status, body: q.Encode() + "PLANTEDsecret"} }
	}
	for name, say := range map[string]func(url.Values) answered{
		"cut off": func(url.Values) answered { return answered{cut: true} },
		"redirected": func(q url.Values) answered {
			return answered{status: 302, header: map[string]string{"Location": "http://127.0.0.1:1/?" + q.Encode()}}
		},
		"refused":             func(q url.Values) answered { return refused(403, "Forbidden.RAM", q) },
		"signature":           func(q url.Values) answered { return refused(400, "SignatureDoesNotMatch", q) },
		"a code that repeats": func(q url.Values) answered { return refused(400, "Invalid.PLANTEDsecret", q) },
		"a code that is none": func(q url.Values) answered { return refused(400, "PLANTEDtoken+/=", q) },
		"a request id": func(url.Values) answered {
			return answered{status: 404, body: `{"RequestId":"PLANTEDkey","Code":"InvalidRegionId.NotFound"}`}
		},
		"garbage":                 echo(200),
		"refused with garbage":    echo(400),
		"broken with garbage":     echo(500),
		"a status nobody expects": echo(204),
		"throttled":               func(q url.Values) answered { return refused(400, "Throttling.User", q) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action == "GetCallerIdentity" {
					return answered{}
				}
				return say(q)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := open(t, w).Account(planted()).Images(ctx, region, image.Listing{})
			if err == nil {
				t.Fatal("no error")
			}
			checkNoSecret(t, err)
		})
	}
}

// checkNoSecret looks for planted credentials in all that an error shows.
func checkNoSecret(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		if shown := fmt.Sprintf("%v %+v %#v %s", e, e, e, fault.Sentence(e)); strings.Contains(shown, "PLANTED") || strings.Contains(shown, "Signature=") {
			t.Errorf("a secret is in %s", shown)
		}
	}
	var f *fault.Error
	if !errors.As(err, &f) || strings.Contains(f.Code+f.RequestID, "PLANTED") {
		t.Errorf("a secret is in code or request id of %#v, or it is no *fault.Error", err)
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := planted()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "p", &c)
	text, err := json.Marshal(map[string]any{"c": c})
	shown := fmt.Sprintf("%v %+v %#v %s %q %d", c, &c, c, c, c, []any{c}) + log.String() + string(text)
	if err != nil || strings.Contains(shown, "PLANTED") {
		t.Errorf("credentials print: %s %v", shown, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := newWire(t, func(string, int, url.Values) answered { return ok(`{"RequestId":"r","AccountId":"1"}`) })
	w := newWire(t, func(string, int, url.Values) answered {
		return answered{status: 307, header: map[string]string{"Location": other.URL}}
	})
	if _, err := reader(t, w).ID(t.Context()); fault.Of(err) != fault.Unknown {
		t.Errorf("got %v, want kind %s", err, fault.Unknown)
	}
	if len(other.calls) != 0 {
		t.Error("a redirect was followed")
	}
}

// TestWhatIsTriedAgain: which failures are repeated, and how they end.
func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		say   answered
		kind  fault.Kind
		code  string
		calls int
	}{
		{"unavailable", answered{status: 503, body: `{"RequestId":"A-1","Code":"ServiceUnavailable"}`}, fault.Unavailable, "ServiceUnavailable", 4},
		{"broken", answered{status: 502, body: `<html>`}, fault.Unavailable, "unavailable", 4},
		{"cut off", answered{cut: true}, fault.Unavailable, "unavailable", 4},
		{"empty", ok(""), fault.Unknown, "answerMalformed", 4},
		{"forbidden", answered{status: 403, body: `{"RequestId":"A-1","Code":"Forbidden.RAM"}`}, fault.Forbidden, "Forbidden.RAM", 1},
		{"not found", answered{status: 404, body: `{"RequestId":"A-1","Code":"InvalidRegionId.NotFound"}`}, fault.NotFound, "InvalidRegionId.NotFound", 1},
		{"invalid", answered{status: 404, body: `{"RequestId":"A-1","Code":"InvalidUsage"}`}, fault.Invalid, "InvalidUsage", 1},
		{"never heard of", answered{status: 400, body: `{"RequestId":"A-1","Code":"Moon"}`}, fault.Internal, "Moon", 1},
		{"wrong key", answered{status: 404, body: `{"RequestId":"A-1","Code":"InvalidAccessKeyId.NotFound"}`}, fault.Unauthenticated, "InvalidAccessKeyId.NotFound", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, _ url.Values) answered {
				if action == "GetCallerIdentity" {
					return answered{}
				}
				return c.say
			})
			_, err := reader(t, w).Regions(t.Context())
			if fault.Of(err) != c.kind || fault.Code(err) != c.code {
				t.Errorf("got %v (%s, %s), want %s, %s", err, fault.Of(err), fault.Code(err), c.kind, c.code)
			}
			if wants := fault.Permission(err); (wants == "ecs:DescribeRegions") != (c.kind == fault.Forbidden) {
				t.Errorf("it says that %q is missing", wants)
			}
			if n := w.count("DescribeRegions"); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
		})
	}
}

// TestRepeatsHaveABudget: a cloud that is down is not asked four times by
// everyone for ever.
func TestRepeatsHaveABudget(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, _ url.Values) answered {
		if action == "GetCallerIdentity" {
			return answered{}
		}
		return answered{status: 503}
	})
	a := reader(t, w)
	for range 200 {
		if _, err := a.Regions(t.Context()); fault.Of(err) != fault.Unavailable {
			t.Fatalf("got %v, want kind %s", err, fault.Unavailable)
		}
	}
	if n := w.count("DescribeRegions"); n < 300 || n > 301 {
		t.Errorf("%d calls for 200 requests, want 100 repeats", n)
	}
}

// hanging answers every call but those of DescribeImages up to number hang,
// which it leaves until their context ends.
func hanging(hang int32) roundTrip {
	var calls atomic.Int32
	return func(r *http.Request) (*http.Response, error) {
		q := r.URL.Query()
		if q.Get("Action") == "DescribeImages" && calls.Add(1) <= hang {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		if q.Get("Action") == "DescribeImages" {
			return respond(imagesPage(q, 1)), nil
		}
		return respond(`{"RequestId":"r","AccountId":"1"}`), nil
	}
}

// TestAHangingCallEndsAndIsTriedAgain within the time of one attempt.
func TestAHangingCallEndsAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud, err := alicloud.Open(alicloud.Config{Transport: hanging(2), AttemptTimeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := cloud.Account(planted()).Images(t.Context(), region, image.Listing{})
		if took := time.Since(began); err != nil || len(got) != 1 || took < 6*time.Second || took > 7*time.Second {
			t.Errorf("%d images after %v, %v", len(got), took, err)
		}
	})
}

// TestACallEndsWithItsContext, whatever the server does.
func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud, err := alicloud.Open(alicloud.Config{Transport: hanging(1 << 30)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		began := time.Now()
		_, err = cloud.Account(planted()).Images(ctx, region, image.Listing{})
		if took := time.Since(began); fault.Of(err) != fault.Unavailable || took > 25*time.Second {
			t.Errorf("got %v after %v, want kind %s in time", err, took, fault.Unavailable)
		}
	})
}

// TestAccountsAreAskedForOnce: the identity of credentials is remembered, but
// not for others that only share the key id.
func TestAccountsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(string, int, url.Values) answered { return answered{} })
	cloud := open(t, w)
	for range 3 {
		if id, err := cloud.Account(planted()).ID(t.Context()); err != nil || id != account {
			t.Fatalf("got %s, %v", id, err)
		}
	}
	other := planted()
	other.Secret = "guessed"
	if _, err := cloud.Account(other).ID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.count("GetCallerIdentity"); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestMissingCredentialsFailBeforeAnyCall(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(string, int, url.Values) answered { return answered{} })
	for _, c := range []alicloud.Credentials{{}, {AccessKeyID: "a"}, {Secret: "s"}} {
		if _, err := open(t, w).Account(c).ID(t.Context()); fault.Of(err) != fault.Unauthenticated {
			t.Errorf("got %v, want kind %s", err, fault.Unauthenticated)
		}
	}
	if len(w.calls) != 0 {
		t.Errorf("%d calls", len(w.calls))
	}
}

// TestRegionsTeachEndpoints: hosts of the vendor are taken, others are not.
func TestRegionsTeachEndpoints(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var hosts []string
	through := roundTrip(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		hosts = append(hosts, r.URL.Scheme+"://"+r.URL.Host)
		mu.Unlock()
		body := `{"RequestId":"r","AccountId":"1"}`
		switch r.URL.Query().Get("Action") {
		case "DescribeRegions":
			body = `{"RequestId":"r","Regions":{"Region":[
				{"RegionId":"cn-hangzhou","LocalName":"Hangzhou","RegionEndpoint":"ecs-vpc.cn-hangzhou.aliyuncs.com"},
				{"RegionId":"cn-beijing","RegionEndpoint":"evil.example"},
				{"RegionId":"eu-west-1","RegionEndpoint":"169.254.169.254"},
				{"RegionId":"us-west-1","RegionEndpoint":"aliyuncs.com.evil.example/.aliyuncs.com"}]}}`
		case "DescribeImages":
			body = imagesBody(1, 100, 0, nil)
			body = strings.Replace(body, `"RegionId":"cn-hangzhou",`, "", 1)
		}
		return respond(body), nil
	})
	cloud, err := alicloud.Open(alicloud.Config{Transport: through})
	if err != nil {
		t.Fatal(err)
	}
	a := cloud.Account(planted())
	regions, err := a.Regions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range regions {
		if _, err := a.Images(t.Context(), r.ID, image.Listing{Kind: image.KindCustom}); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
	want := []string{
		"https://sts.cn-hangzhou.aliyuncs.com", "https://ecs.cn-hangzhou.aliyuncs.com", "https://ecs-vpc.cn-hangzhou.aliyuncs.com",
		"https://ecs.cn-beijing.aliyuncs.com", "https://ecs.eu-west-1.aliyuncs.com", "https://ecs.us-west-1.aliyuncs.com",
	}
	if !slices.Equal(hosts, want) {
		t.Errorf("spoke to %v, want %v", hosts, want)
	}
}
