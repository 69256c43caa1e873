package function_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// ends tells when an operation's context ends, and what is left then of its call.
type ends struct {
	Left int64 `json:"left"`
}

// TestMargin: an operation has so much less time than its call as it keeps for
// its answer, at most a tenth, and without a margin as much.
func TestMargin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		margin, time time.Duration
		least, most  int64 // milliseconds
	}{
		"as it says":    {2 * time.Second, time.Hour, 2000, 2000},
		"at most tenth": {2 * time.Hour, time.Hour, 1, 360000},
		"none":          {0, time.Hour, 0, 0},
	} {
		f := function.New("f", function.Handle(function.Spec{Name: "f.left", Margin: c.margin},
			func(ctx context.Context, call function.Call, _ struct{}) (ends, error) {
				at, _ := ctx.Deadline()
				return ends{call.Deadline.Sub(at).Milliseconds()}, nil
			}))
		ctx, cancel := context.WithTimeout(context.Background(), c.time)
		var got ends
		if err := json.Unmarshal(f.Invoke(ctx, function.Call{}, []byte(`{"operation":"f.left","input":{}}`)), &got); err != nil {
			t.Fatal(err)
		}
		cancel()
		if got.Left < c.least || got.Left > c.most {
			t.Errorf("%s: it ends %d ms before the call, want %d to %d", name, got.Left, c.least, c.most)
		}
	}
}

// whole is an output that may be a problem as well.
type whole struct {
	*function.Problem
	Done int `json:"done"`
}

// TestAnOutputThatIsAProblem has status, headers and members of one, beside its own.
func TestAnOutputThatIsAProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		kind   string
	}{
		{nil, http.StatusOK, "application/json"},
		{fault.InField("name", "tooOdd", "must be even"), http.StatusBadRequest, "application/problem+json"},
		{fault.New(fault.Throttled, "slow down"), http.StatusServiceUnavailable, "application/problem+json"},
	} {
		f := function.New("f", function.Handle(function.Spec{Name: "f.do", Pattern: "GET /f", Tells: []fault.Kind{fault.Throttled}},
			func(_ context.Context, call function.Call, _ struct{}) (whole, error) {
				return whole{call.Problem(c.err), 7}, nil
			}))
		a := guard(t, f, nil).handled(t, request{method: "GET", target: "/f"})
		var got struct {
			Done   int
			Status int
			Code   string
			Field  string
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if a.status != c.status || a.header.Get("Content-Type") != c.kind || got.Done != 7 {
			t.Errorf("%v: %d %v %s", c.err, a.status, a.header, a.body)
		}
		if c.err != nil && (got.Status != c.status || got.Code != fault.Code(c.err)) {
			t.Errorf("%v: %s", c.err, a.body)
		}
		if (a.header.Get("Retry-After") != "") != (c.status == http.StatusServiceUnavailable) {
			t.Errorf("%v: %v", c.err, a.header)
		}
	}
}
