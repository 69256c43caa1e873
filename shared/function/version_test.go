package function_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"imagekeeper/shared/function"
)

// TestHealth: every function says on its own address that it works, and which
// version it is; every answer has the version.
func TestHealth(t *testing.T) {
	t.Parallel()
	a := ask(t, "GET", "/healthz", "")
	if a.status != 200 || a.body != `{"status":"ok","function":"sample","version":"`+function.Version+`"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	for target, status := range map[string]int{"/healthz": 200, "/who": 200, "/nothing": 404, "/things?limit=0": 400} {
		if a := ask(t, "GET", target, ""); a.status != status || a.header.Get("Imagekeeper-Version") != function.Version {
			t.Errorf("%s: %d, version %q", target, a.status, a.header.Get("Imagekeeper-Version"))
		}
	}
	if a := ask(t, "HEAD", "/healthz", ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
	if a := ask(t, "POST", "/healthz", ""); a.status != 404 {
		t.Errorf("POST: %d %s", a.status, a.body)
	}
}

// TestTwoQueries: an event of Lambda that tells two different queries is refused;
// the two ways in which the platform writes the same one are not.
func TestTwoQueries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw    string
		parsed map[string]string
		right  bool
	}{
		"only the raw one":      {"limit=5", nil, true},
		"the same":              {"limit=5&format=csv", map[string]string{"limit": "5", "format": "csv"}, true},
		"escaped":               {"tag.team=a%20b%2Cc", map[string]string{"tag.team": "a b,c"}, true},
		"a plus":                {"tag.team=a+b", map[string]string{"tag.team": "a b"}, true},
		"a plus as it is":       {"tag.team=a+b", map[string]string{"tag.team": "a+b"}, true},
		"another value":         {"limit=5", map[string]string{"limit": "6"}, false},
		"one more in the raw":   {"limit=5&format=csv", map[string]string{"limit": "5"}, false},
		"one more in the other": {"limit=5", map[string]string{"limit": "5", "format": "csv"}, false},
		"the raw one is empty":  {"", map[string]string{"limit": "5"}, false},
		"the other is empty":    {"limit=5", map[string]string{}, false},
		"another name":          {"limit=5", map[string]string{"Limit": "5"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := map[string]any{
				"version": "2.0", "routeKey": "$default", "rawPath": "/things", "rawQueryString": test.raw, "headers": map[string]string{},
				"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "GET", "path": "/things", "sourceIp": "1.2.3.4"}},
				"body":           "", "isBase64Encoded": false,
			}
			if test.parsed != nil {
				event["queryStringParameters"] = test.parsed
			}
			text, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			var reply struct {
				StatusCode int
				Body       string
			}
			if err := json.Unmarshal(sample().Invoke(t.Context(), function.Call{}, text), &reply); err != nil {
				t.Fatal(err)
			}
			var p struct{ Code string }
			_ = json.Unmarshal([]byte(reply.Body), &p)
			if refused := fmt.Sprintf("%d%s", reply.StatusCode, p.Code) == "400unrecognisedEvent"; refused == test.right {
				t.Errorf("%d %s", reply.StatusCode, reply.Body)
			}
		})
	}
}
