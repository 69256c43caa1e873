package alicloud_test

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
)

// roundTrip is a function as a transport.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond makes an answer with status 200.
func respond(body string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func TestEndpointsThatMayBeConfigured(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]bool{
		"http://127.0.0.1:7070":                     true,
		"http://localhost:7070":                     true,
		"http://[::1]:7070/":                        true,
		"https://127.0.0.1:7070":                    true,
		"ecs.cn-hangzhou.aliyuncs.com":              true,
		"https://ecs-vpc.cn-hangzhou.aliyuncs.com":  true,
		"https://ECS.cn-hangzhou.aliyuncs.com:443":  true,
		"http://ecs.cn-hangzhou.aliyuncs.com":       false,
		"https://aliyuncs.com":                      false,
		"https://evil.example":                      false,
		"https://evilaliyuncs.com":                  false,
		"https://ecs.aliyuncs.com.evil.example":     false,
		"https://ecs.aliyuncs.com@evil.example":     false,
		"https://user:pw@ecs.aliyuncs.com":          false,
		"https://ecs.aliyuncs.com/?x=.aliyuncs.com": false,
		"https://ecs.aliyuncs.com/path":             false,
		"http://10.0.0.1":                           false,
		"http://169.254.169.254":                    false,
		"http://127.0.0.1.evil.example":             false,
		"http://0.0.0.0:7070":                       false,
		"ftp://127.0.0.1":                           false,
		"https://":                                  false,
		"%":                                         false,
	} {
		for _, config := range []alicloud.Config{
			{ECSEndpoint: endpoint},
			{STSEndpoint: endpoint},
			{ESSEndpoint: endpoint},
			{RAMEndpoint: endpoint},
			{QuotasEndpoint: endpoint},
			{ActionTrailEndpoint: endpoint},
		} {
			if _, err := alicloud.Open(config); (err == nil) != want || err != nil && fault.Of(err) != fault.Invalid {
				t.Errorf("%q: %v, want allowed=%t", endpoint, err, want)
			}
		}
	}
}

func TestNumbersThatMayBeConfigured(t *testing.T) {
	t.Parallel()
	for _, config := range []alicloud.Config{
		{RateShare: -1}, {RateShare: 1001}, {InFlight: -1}, {InFlight: 2000}, {AttemptTimeout: -1}, {Region: "x/y"},
	} {
		if _, err := alicloud.Open(config); fault.Of(err) != fault.Invalid {
			t.Errorf("%+v: got %v, want kind %s", config.RateShare, err, fault.Invalid)
		}
	}
}

// TestCertificatesAreChecked: an https endpoint that shows a certificate of
// nobody is no answer; with its authority trusted it is one.
func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, `{"RequestId":"r","AccountId":"1"}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, trusted := range []bool{false, true} {
		config := alicloud.Config{ECSEndpoint: server.URL, STSEndpoint: server.URL, Jitter: func() float64 { return 0 }}
		if trusted {
			config.RootCAs = x509.NewCertPool()
			config.RootCAs.AddCert(server.Certificate())
		}
		cloud, err := alicloud.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = cloud.Account(planted()).ID(t.Context())
		if trusted != (err == nil) || !trusted && fault.Of(err) != fault.Unavailable {
			t.Errorf("trusted=%t: got %v", trusted, err)
		}
	}
}

// hostsOf answers what fleet says, and tells the hosts that Auto Scaling's calls
// go to.
func hostsOf(hosts chan<- string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		action := r.URL.Query().Get("Action")
		if action == "GetCallerIdentity" {
			return respond(`{"RequestId":"r","AccountId":"1"}`), nil
		}
		hosts <- r.URL.Host
		return respond(strings.ReplaceAll(fleet(action), region, r.URL.Query().Get("RegionId"))), nil
	}
}
