package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"imagekeeper/shared/fault"
)

func TestStatusOfEveryKind(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.Conflict: 409, fault.Precondition: 422, fault.Exhausted: 429, fault.Throttled: 503,
		fault.Unavailable: 503, fault.Unknown: 502, fault.Internal: 500,
	}
	if len(want) != len(fault.Kinds()) {
		t.Fatalf("%d kinds, %d expected", len(fault.Kinds()), len(want))
	}
	for _, k := range fault.Kinds() {
		if k.HTTPStatus() != want[k] {
			t.Errorf("%s: status %d, want %d", k, k.HTTPStatus(), want[k])
		}
	}
	if got := fault.Kind("made up").HTTPStatus(); got != 500 {
		t.Errorf("a kind outside the list: status %d, want 500", got)
	}
}

func TestKindOfWrappedErrors(t *testing.T) {
	inner := fault.New(fault.Throttled, "slow down")
	outer := fault.Wrap(fault.Unknown, inner, "the list is short")
	for _, c := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"nil", nil, ""},
		{"plain", errors.New("secret"), fault.Internal},
		{"own", inner, fault.Throttled},
		{"wrapped by fmt", fmt.Errorf("list images: %w", inner), fault.Throttled},
		{"outermost wins", outer, fault.Unknown},
		{"bare kind", fmt.Errorf("x: %w", fault.NotFound), fault.NotFound},
		{"deadline", context.DeadlineExceeded, fault.Unavailable},
		{"cancelled", fmt.Errorf("x: %w", context.Canceled), fault.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fault.Of(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if !errors.Is(outer, fault.Unknown) {
		t.Error("errors.Is does not find the kind")
	}
	if errors.Is(outer, inner.Kind) || errors.Is(fmt.Errorf("x: %w", outer), inner.Kind) {
		t.Error("a failure is taken for the kind of its cause")
	}
	for _, kind := range []fault.Kind{inner.Kind, fault.Unknown} {
		if !errors.Is(errors.Join(inner, outer), kind) {
			t.Errorf("of two that are joined, %s is not found", kind)
		}
	}
}

// TestCauses: what is no kind is found behind a kind.
func TestCauses(t *testing.T) {
	behind := fault.Wrap(fault.Unavailable, fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), "it is down")
	var path *fs.PathError
	if !errors.Is(behind, fs.ErrNotExist) || !errors.As(behind, &path) || path.Op != "open" {
		t.Errorf("%v hides its cause", behind)
	}
	var f *fault.Error
	if twice := fault.Wrap(fault.Unknown, behind, "twice"); !errors.As(twice, &f) || f != twice || !errors.Is(twice, fs.ErrNotExist) {
		t.Errorf("%v is %v", twice, f)
	}
	if errors.Unwrap(fault.New(fault.Invalid, "no cause")) != nil {
		t.Error("a failure without a cause has one")
	}
}

func TestSentenceNeverShowsForeignText(t *testing.T) {
	secret := errors.New("AccessKeySecret=hunter2")
	if got := fault.Sentence(secret); got != "internal" {
		t.Errorf("foreign text reached the caller: %q", got)
	}
	if got := fault.Sentence(fault.Wrap(fault.Unavailable, secret, "ECS did not answer")); got != "ECS did not answer" {
		t.Errorf("got %q", got)
	}
}

func TestPermissionOfWrappedErrors(t *testing.T) {
	no := &fault.Error{Kind: fault.Forbidden, Permission: "ecs:DescribeImages"}
	for want, err := range map[string]error{
		"ecs:DescribeImages": fmt.Errorf("list images: %w", no),
		"":                   fault.New(fault.Forbidden, "no"),
	} {
		if got := fault.Permission(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

func ExampleInField() {
	err := fault.InField("limit", "outOfRange", "must be between 1 and 1000, not %d", 0)
	fmt.Println(err.Kind.HTTPStatus(), fault.Code(err), err.Field)
	fmt.Println(err)
	// Output:
	// 400 outOfRange limit
	// limit: must be between 1 and 1000, not 0
}
