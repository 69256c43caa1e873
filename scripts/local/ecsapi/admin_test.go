package ecsapi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestCallsAreRecorded with who, what, where and how it ended.
func TestCallsAreRecorded(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	l.must("DescribeImages", "RegionId", region)
	l.as("local2", "GetCallerIdentity")
	l.call("DescribeImages", "RegionId", "cn-nowhere")
	_, text := l.admin("GET", "/_local/calls", "")
	var got struct {
		Calls    []ecsapi.Call
		Counters []ecsapi.Counter
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Calls) != 3 {
		t.Fatalf("%v %s", err, text)
	}
	last := got.Calls[2]
	if last.Action != "DescribeImages" || last.Product != "Ecs" || last.Account != "1000000000000001" || last.AccessKeyID != "local" ||
		last.Region != "cn-nowhere" || last.Status != 404 || last.Code != "InvalidRegionId.NotFound" || !last.At.Equal(l.signing.Now()) {
		t.Errorf("recorded %+v", last)
	}
	if got.Calls[1].Product != "Sts" || got.Calls[1].Account != "1000000000000002" {
		t.Errorf("recorded %+v", got.Calls[1])
	}
	if c := got.Counters[0]; c.Action != "DescribeImages" || c.Total != 2 || c.Accepted != 2 || c.Throttled != 0 || c.PeakInFlight != 1 {
		t.Errorf("counted %+v", c)
	}
	l.admin("DELETE", "/_local/calls", "")
	if len(l.api.Calls()) != 0 || l.api.Counters()[0].Total != 0 {
		t.Error("not forgotten")
	}
}

// TestKeyWithLessPermission: its denials are ECS's; by the other reading an empty
// list of instances is one, too.
func TestKeyWithLessPermission(t *testing.T) {
	t.Parallel()
	l := serveCompany(t, 40, ecsapi.Options{})
	status, text := l.admin("POST", "/_local/keys",
		`{"accessKeyId":"weak","secret":"weak-secret","accountId":"1000000000000001","allow":["ecs:DescribeRegions"]}`)
	if status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	expect(t, l.as("weak", "DescribeRegions"), 200, "")
	expect(t, l.as("weak", "DescribeDisks", "RegionId", region), 403, "Forbidden.RAM")
	expect(t, l.as("weak", "AssumeRole", "RoleArn", "acs:ram::1000000000000002:role/imagekeeper-reader", "RoleSessionName", "s1"), 403, "NoPermission")
	out := l.as("weak", "DescribeInstances", "RegionId", region)
	expect(t, out, 403, "Forbidden.RAM")
	if got := out.text("AccessDeniedDetail.AuthAction"); got != "ecs:DescribeInstances" {
		t.Errorf("the denial names %q: %s", got, out.body)
	}
	l.cloud.SetReadings(cloudsim.Readings{DeniedListsEmpty: true})
	out = l.as("weak", "DescribeInstances", "RegionId", region)
	expect(t, out, 200, "")
	if out.text("TotalCount") != "0" || len(out.list("Instances.Instance")) != 0 {
		t.Errorf("instances that may not be seen: %s", out.body)
	}
	if seen := l.must("DescribeInstances", "RegionId", region); len(seen.list("Instances.Instance")) == 0 {
		t.Error("there are none to hide")
	}
}

func TestAdminRefusesBadInput(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for _, c := range []struct {
		path, body, field string
		status            int
	}{
		{"/_local/keys", `{"secret":"s","accountId":"1000000000000001","allow":[]}`, "accessKeyId", 400},
		{"/_local/keys", `{"accessKeyId":"k","accountId":"1000000000000001","allow":[]}`, "secret", 400},
		{"/_local/keys", `{"accessKeyId":"k","secret":"s","allow":[]}`, "accountId", 400},
		{"/_local/keys", `{"accessKeyId":"k","secret":"s","accountId":"1000000000000001"}`, "allow", 400},
		{"/_local/keys", `{"accessKeyId":"k","secret":"s","accountId":"77","allow":[]}`, "accountId", 404},
		{"/_local/keys", `{"accessKeyId":"local","secret":"s","accountId":"1000000000000001","allow":[]}`, "accessKeyId", 409},
		{"/_local/keys", `{"accessKeyId":1}`, "accessKeyId", 400},
		{"/_local/clock", `{"advanceSeconds":0}`, "advanceSeconds", 400},
		{"/_local/clock", `{"advanceSeconds":1.5}`, "advanceSeconds", 400},
		{"/_local/clock", `{}`, "advanceSeconds", 400},
		{"/_local/faults", `{}`, "must be a list", 400},
		{"/_local/clock", `{"seconds":5}`, "seconds", 400},
		{"/_local/nothing", `{}`, "", 404},
	} {
		if status, text := l.admin("POST", c.path, c.body); status != c.status || !strings.Contains(text, c.field) {
			t.Errorf("%s %s: %d %s, want %d naming %q", c.path, c.body, status, text, c.status, c.field)
		}
	}
}

// TestClockMovesStates: an image under way is done when the clock was moved.
func TestClockMovesStates(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	source := l.addImages(1)[0]
	id := l.must("CopyImage", "RegionId", region, "ImageId", string(source), "DestinationRegionId", "cn-beijing").text("ImageId")
	status := func() string {
		return l.must("DescribeImages", "RegionId", "cn-beijing", "ImageId", id, "Status", "Creating,Waiting,Available").text("Images.Image.Status")
	}
	before := status()
	if code, text := l.admin("POST", "/_local/clock", `{"advanceSeconds":600}`); code != 204 {
		t.Fatalf("%d %s", code, text)
	}
	if after := status(); before != "Creating" || after != "Available" {
		t.Errorf("%s, then %s", before, after)
	}
	fixed := ecsapi.New(l.cloud, ecsapi.Options{})
	l.Config.Handler = fixed
	if code, text := l.admin("POST", "/_local/clock", `{"advanceSeconds":600}`); code != 409 {
		t.Errorf("a clock that cannot be moved: %d %s", code, text)
	}
}

// TestAdminIsForThisMachine: neither a name that was made to point here nor a
// page of another site gets in.
func TestAdminIsForThisMachine(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for _, c := range []struct {
		host, origin string
		status       int
	}{
		{"", "", 200},
		{"localhost:7070", "", 200},
		{"[::1]:7070", "", 200},
		{"evil.example:7070", "", 403},
		{"127.0.0.1.evil.example", "", 403},
		{"192.168.0.1", "", 403},
		{"", "https://evil.example", 403},
	} {
		r, _ := http.NewRequest("GET", l.URL+"/_local/faults", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		out, err := send(r)
		if err != nil || out.status != c.status {
			t.Errorf("host %q, origin %q: %d %v, want %d", c.host, c.origin, out.status, err, c.status)
		}
	}
}
