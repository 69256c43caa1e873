package fanout_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
)

// waited is what Wait of a group panicked with, nil if it did not.
func waited(g *fanout.Group) (said any) {
	defer func() { said = recover() }()
	g.Wait()
	return nil
}

func TestAPanicReachesWhoeverWaits(t *testing.T) {
	var g fanout.Group
	var done atomic.Int64
	for n := range 8 {
		g.Go(func() {
			if n == 3 {
				panic("three")
			}
			done.Add(1)
		})
	}
	p, ok := waited(&g).(*fanout.Panic)
	if !ok || p.Said != "three" || !strings.Contains(p.Stack, "fanout_test.go") {
		t.Errorf("got %+v", p)
	}
	if done.Load() != 7 {
		t.Errorf("%d of the other 7 were done", done.Load())
	}
}

func TestAPanicIsAnError(t *testing.T) {
	var p *fanout.Panic
	if err := fanout.Contained(func() error { panic("boom") })(); !errors.As(err, &p) || fault.Of(err) != fault.Internal {
		t.Errorf("got %v", err)
	}
	if err := fanout.Contained(func() error { return fault.NotFound })(); !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := fanout.Contained(func() error { return nil })(); err != nil {
		t.Errorf("got %v", err)
	}
}

func ExampleGroup() {
	squares := make([]int, 4)
	var g fanout.Group
	for n := range squares {
		g.Go(func() { squares[n] = n * n })
	}
	g.Wait()
	fmt.Println(squares)
	// Output: [0 1 4 9]
}
