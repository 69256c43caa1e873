package ecsapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// inject asks for faults over HTTP.
func (l *local) inject(faults ...ecsapi.Fault) {
	l.Helper()
	text, _ := json.Marshal(faults)
	if status, body := l.admin("POST", "/_local/faults", string(text)); status != 200 {
		l.Fatalf("faults: %d %s", status, body)
	}
}

func (l *local) admin(method, path, body string) (int, string) {
	l.Helper()
	r, _ := http.NewRequest(method, l.URL+path, strings.NewReader(body))
	out, err := send(r)
	if err != nil {
		l.Fatal(err)
	}
	return out.status, out.body
}

// page asks for a page of two images.
func (l *local) page(number string) (reply, error) {
	return l.get(l.signer("local").rpc("GET", "DescribeImages",
		values("RegionId", region, "PageSize", "2", "PageNumber", number, "ImageOwnerAlias", "self")))
}

// names are the image names of a page, and its count.
func names(r reply) string {
	var all []string
	for _, row := range r.list("Images.Image") {
		all = append(all, strings.TrimPrefix(row.(map[string]any)["ImageName"].(string), "app-00"))
	}
	return strings.Join(all, " ") + "/" + r.text("TotalCount")
}

// TestFaultsInPlaceOfAnAnswer: every kind that is not about pages.
func TestFaultsInPlaceOfAnAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   ecsapi.FaultKind
		status int
		code   string
		body   string
	}{
		{ecsapi.FaultThrottle, 400, "Throttling.User", ""},
		{ecsapi.Fault500, 500, "InternalError", ""},
		{ecsapi.Fault503, 503, "ServiceUnavailable", ""},
		{ecsapi.FaultDenied, 403, "Forbidden.RAM", ""},
		{ecsapi.FaultDelay, 200, "", ""},
		{ecsapi.FaultEmpty200, 200, "", "empty"},
		{ecsapi.FaultNull, 200, "", "null"},
		{ecsapi.FaultTruncated, 200, "", "cut"},
		{ecsapi.FaultReset, 0, "", ""},
		{ecsapi.FaultLostReply, 0, "", ""},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			l := serve(t, ecsapi.Options{})
			l.addImages(2)
			l.inject(ecsapi.Fault{Action: "DescribeImages", Kind: c.kind, RetryAfterMS: 250})
			out, err := l.page("1")
			if c.status == 0 {
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
					t.Errorf("got %d, %v; want a reset", out.status, err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				expect(t, out, c.status, c.code)
				expectBody(t, out, c.body)
			}
			if c.kind == ecsapi.FaultThrottle && out.header.Get("x-acs-retry-after") != "250" {
				t.Errorf("retry after %q", out.header.Get("x-acs-retry-after"))
			}
			calls := l.api.Calls()
			if last := calls[len(calls)-1]; last.Fault != c.kind || last.Status != c.status {
				t.Errorf("recorded as %+v", last)
			}
			again, err := l.page("1")
			if err != nil || names(again) != "0 1/2" {
				t.Errorf("the call after: %v %s", err, again.body)
			}
		})
	}
}

func expectBody(t *testing.T, out reply, want string) {
	t.Helper()
	whole := json.Valid([]byte(out.body))
	switch want {
	case "empty":
		if out.body != "" {
			t.Errorf("body %q", out.body)
		}
	case "null":
		if out.body != "null" {
			t.Errorf("body %q", out.body)
		}
	case "cut":
		if whole || len(out.body) < 100 {
			t.Errorf("body %q", out.body)
		}
	default:
		if !whole {
			t.Errorf("body %q", out.body)
		}
	}
}

// TestFaultsOfPages: what each kind does to page 2 of 5 images, 2 to a page.
// Each can be told from the count, or by comparing pages.
func TestFaultsOfPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind ecsapi.FaultKind
		page string
		want string
	}{
		{ecsapi.FaultShortPage, "2", "2/5"},
		{ecsapi.FaultShortPage, "3", "/5"},
		{ecsapi.FaultRepeatedPage, "2", "0 1/5"},
		{ecsapi.FaultRepeatedPage, "3", "2 3/5"},
		{ecsapi.FaultStalePage, "1", "1 2/5"},
		{ecsapi.FaultStalePage, "2", "3 4/5"},
		{ecsapi.FaultStalePage, "3", "/5"},
		{ecsapi.FaultAuthorisedEmpty, "2", "/0"},
	} {
		t.Run(string(c.kind)+" "+c.page, func(t *testing.T) {
			t.Parallel()
			l := serve(t, ecsapi.Options{})
			l.addImages(5)
			l.inject(ecsapi.Fault{Action: "*", Kind: c.kind})
			out, err := l.page(c.page)
			if err != nil || names(out) != c.want || out.text("PageNumber") != c.page {
				t.Errorf("%v: got %s on page %s, want %s", err, names(out), out.text("PageNumber"), c.want)
			}
		})
	}
}

// TestRepeatedPageWaitsForALaterPage: the first page cannot be a repetition.
func TestRepeatedPageWaitsForALaterPage(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	l.addImages(3)
	l.inject(ecsapi.Fault{Action: "DescribeImages", Kind: ecsapi.FaultRepeatedPage})
	first, _ := l.page("1")
	second, _ := l.page("2")
	if names(first) != "0 1/3" || names(second) != "0 1/3" {
		t.Errorf("pages %s and %s", names(first), names(second))
	}
}

// tokenWalk follows the tokens of DescribeDisks and tells the ids of each page.
func (l *local) tokenWalk(pages int) [][]string {
	var walk [][]string
	token := ""
	for range pages {
		out := l.must("DescribeDisks", "RegionId", region, "MaxResults", "10", "NextToken", token)
		var ids []string
		for _, row := range out.list("Disks.Disk") {
			ids = append(ids, row.(map[string]any)["DiskId"].(string))
		}
		walk = append(walk, ids)
		token = out.text("NextToken")
	}
	return walk
}

// TestFaultsOfTokenPages: 25 disks in pages of ten.
func TestFaultsOfTokenPages(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for range 25 {
		l.cloud.AddDisk(cloudsim.FirstAccount, region, image.Disk{})
	}
	right := l.tokenWalk(3)
	if len(right[0]) != 10 || len(right[2]) != 5 {
		t.Fatalf("pages %v", right)
	}
	l.inject(ecsapi.Fault{Action: "DescribeDisks", Kind: ecsapi.FaultRepeatedPage})
	if walk := l.tokenWalk(2); !slices.Equal(walk[1], right[0]) {
		t.Errorf("repeated: %v", walk)
	}
	l.inject(ecsapi.Fault{Action: "DescribeDisks", Kind: ecsapi.FaultStalePage, Skip: 2})
	if last := l.tokenWalk(3)[2]; len(last) != 5 || last[4] != last[0] {
		t.Errorf("stale: %v", last)
	}
	l.inject(ecsapi.Fault{Action: "DescribeDisks", Kind: ecsapi.FaultShortPage})
	if first := l.tokenWalk(1)[0]; !slices.Equal(first, right[0][:5]) {
		t.Errorf("short: %v", first)
	}
	l.inject(ecsapi.Fault{Action: "DescribeDisks", Kind: ecsapi.FaultAuthorisedEmpty})
	out := l.must("DescribeDisks", "RegionId", region, "MaxResults", "10")
	if len(out.list("Disks.Disk")) != 0 || out.text("TotalCount") != "0" || out.text("NextToken") != "" {
		t.Errorf("empty: %s", out.body)
	}
}

// TestLostReplyTookEffect and a 503 did not.
func TestLostReplyTookEffect(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	ids := l.addImages(2)
	l.inject(ecsapi.Fault{Action: "DeleteImage", Kind: ecsapi.Fault503}, ecsapi.Fault{Action: "DeleteImage", Kind: ecsapi.FaultLostReply})
	remove := func(id image.ID) error {
		_, err := l.get(l.signer("local").rpc("GET", "DeleteImage", values("RegionId", region, "ImageId", string(id))))
		return err
	}
	if err := remove(ids[0]); err != nil {
		t.Error(err)
	}
	if err := remove(ids[1]); err == nil {
		t.Error("the reply was not lost")
	}
	if out, _ := l.page("1"); names(out) != "0/1" {
		t.Errorf("left: %s", names(out))
	}
}

// TestHangEndsWithTheClient and keeps the call in flight until then.
func TestHangEndsWithTheClient(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	l.inject(ecsapi.Fault{Action: "DescribeRegions", Kind: ecsapi.FaultHang})
	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL+"/?"+l.signer("local").rpc("GET", "DescribeRegions", nil).Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		reply, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = reply.Body.Close()
		}
		ended <- err
	}()
	inFlight := func(want int) {
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
			c := l.api.Counters()
			if len(c) == 1 && c[0].InFlight == want && c[0].PeakInFlight == 1 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("still %+v", c)
			}
		}
	}
	inFlight(1)
	hangUp()
	if err := <-ended; err == nil {
		t.Error("it answered")
	}
	inFlight(0)
}

// TestFaultsAreAimed at an action, an account and a region, after so many
// calls, so many times.
func TestFaultsAreAimed(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	l.inject(
		ecsapi.Fault{Action: "DescribeImages", Kind: ecsapi.Fault500, Account: "1000000000000002"},
		ecsapi.Fault{Action: "DescribeImages", Kind: ecsapi.Fault503, Region: "cn-beijing", Skip: 1, Count: 2},
		ecsapi.Fault{Action: "DescribeZones", Kind: ecsapi.FaultDenied, Count: -1},
	)
	var got []string
	for _, region := range []string{"cn-hangzhou", "cn-beijing", "cn-beijing", "cn-beijing", "cn-beijing"} {
		got = append(got, l.call("DescribeImages", "RegionId", region).code())
	}
	if strings.Join(got, ",") != ",,ServiceUnavailable,ServiceUnavailable," {
		t.Errorf("first account: %q", got)
	}
	expect(t, l.as("local2", "DescribeImages", "RegionId", region), 500, "InternalError")
	expect(t, l.as("local2", "DescribeImages", "RegionId", region), 200, "")
	for range 3 {
		expect(t, l.call("DescribeZones", "RegionId", region), 403, "Forbidden.RAM")
	}
	_, left := l.admin("GET", "/_local/faults", "")
	if !strings.Contains(left, `"count":-1`) || strings.Contains(left, "DescribeImages") {
		t.Errorf("left: %s", left)
	}
	if status, left := l.admin("DELETE", "/_local/faults", ""); status != 200 || strings.TrimSpace(left) != "[]" {
		t.Errorf("after clearing: %d %s", status, left)
	}
	expect(t, l.call("DescribeZones", "RegionId", region), 200, "")
}

// TestFaultsThatCannotBe are refused with the name of the field.
func TestFaultsThatCannotBe(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for body, field := range map[string]string{
		`[{"kind":"500"}]`:                                         "action",
		`[{"action":"Dream","kind":"500"}]`:                        "action",
		`[{"action":"*","kind":"501"}]`:                            "kind",
		`[{"action":"*"}]`:                                         "kind",
		`[{"action":"DeleteImage","kind":"shortPage"}]`:            "kind",
		`[{"action":"DescribeRegions","kind":"shortPage"}]`:        "kind",
		`[{"action":"DescribeRegions","kind":"repeatedPage"}]`:     "kind",
		`[{"action":"*","kind":"500","count":-2}]`:                 "count",
		`[{"action":"*","kind":"500","count":"1"}]`:                "count",
		`[{"action":"*","kind":"500","skip":-1}]`:                  "skip",
		`[{"action":"*","kind":"500","delayMs":120001}]`:           "delayMs",
		`[{"action":"*","kind":"throttle","retryAfterMs":-1}]`:     "retryAfterMs",
		`[{"action":"*","kind":"500","colour":"red"}]`:             "colour",
		`{"action":"*","kind":"500"}`:                              "body",
		`[{"action":"*","kind":"500"}] []`:                         "body",
		`[`:                                                        "body",
		`[{"action":"*","kind":"500"},{"action":"*","kind":"no"}]`: "fault 2: kind",
	} {
		status, text := l.admin("POST", "/_local/faults", body)
		if status != 400 || !strings.Contains(text, field) {
			t.Errorf("%s: %d %s, want the field %q", body, status, text, field)
		}
	}
	if _, left := l.admin("GET", "/_local/faults", ""); strings.TrimSpace(left) != "[]" {
		t.Errorf("a refused list left %s", left)
	}
}

func TestEveryFaultKindIsDocumented(t *testing.T) {
	t.Parallel()
	readme := readFile(t, "../README.md")
	for _, kind := range ecsapi.FaultKinds() {
		if !bytes.Contains(readme, []byte("| `"+string(kind)+"` |")) {
			t.Errorf("README.md of the folder above has no row for %s", kind)
		}
	}
}
