package alicloud_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

type ofEvent struct{}

// TestEveryAttemptIsTold: what it was, where, whose, the vendor's id, how it
// failed, under the context of the caller; and no secret.
func TestEveryAttemptIsTold(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, n int, q url.Values) answered {
		switch {
		case action == "DescribeImages" && n == 1:
			return answered{cut: true}
		case action == "DescribeImages" && n == 2:
			return answered{status: 400, body: `{"RequestId":"B-2","Code":"Throttling.User"}`, header: map[string]string{"X-Acs-Retry-After": "1"}}
		case action == "DescribeImages":
			return answered{status: 200, body: imagesPage(q, 1), header: map[string]string{"X-Acs-Request-Id": "C-3"}}
		case action == "ModifyImageSharePermission":
			return refused(403, "Forbidden.RAM", q)
		}
		return answered{}
	})
	var mu sync.Mutex
	var told []string
	cloud := open(t, w, func(c *alicloud.Config) {
		c.Observer = func(ctx context.Context, action, in, who, id string, took time.Duration, failed error) {
			mu.Lock()
			defer mu.Unlock()
			if took <= 0 || ctx.Value(ofEvent{}) != "event-1" {
				t.Errorf("%s took %v, of %v", action, took, ctx.Value(ofEvent{}))
			}
			told = append(told, fmt.Sprint(action, " ", in, " ", who, " ", id, " ", fault.Of(failed)))
		}
	})
	ctx := context.WithValue(t.Context(), ofEvent{}, "event-1")
	a := cloud.Account(planted())
	if _, err := a.Images(ctx, region, image.Listing{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Permit(ctx, image.Ref{Account: account, Region: region, ID: "m-1"}, []image.AccountID{other}, nil); fault.Of(err) != fault.Forbidden {
		t.Fatal(err)
	}
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	if _, err := a.Images(late, region, image.Listing{}); err == nil {
		t.Error("it was late")
	}
	want := []string{
		"sts:GetCallerIdentity    ",
		"ecs:DescribeImages cn-hangzhou 1000000000000001  unavailable",
		"ecs:DescribeImages cn-hangzhou 1000000000000001 B-2 throttled",
		"ecs:DescribeImages cn-hangzhou 1000000000000001 C-3 ",
		"ecs:ModifyImageSharePermission cn-hangzhou 1000000000000001 00000000-0000-0000-0000-000000000001 forbidden",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(fmt.Sprint(told), "PLANTED") {
		t.Error("a secret was told")
	}
}
