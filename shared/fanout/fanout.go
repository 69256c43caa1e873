// Package fanout does several things at the same time and lets no panic of one of
// them end the process, in which other calls are being answered: it is carried to
// whoever waits, and so to where the panics of a call are contained.
package fanout

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// Group does things at the same time and waits for all of them. The zero Group is
// ready. Use it where sync.WaitGroup would be used: a panic in a goroutine of its
// own ends the process, whoever recovers elsewhere.
type Group struct {
	wait  sync.WaitGroup
	mu    sync.Mutex
	first *Panic
}

// Go begins f. A panic in it is kept for Wait.
func (g *Group) Go(f func()) {
	g.wait.Go(func() {
		if p := contain(f); p != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.first == nil {
				g.first = p
			}
		}
	})
}

// Wait waits for all that was begun. If something of it panicked, Wait panics
// with the *Panic that came first.
func (g *Group) Wait() {
	g.wait.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.first != nil {
		panic(g.first)
	}
}

// Contained is f, but with its panic as an error, a *Panic. It is for whoever
// waits for goroutines by their errors.
func Contained(f func() error) func() error {
	return func() (err error) {
		if p := contain(func() { err = f() }); p != nil {
			return p
		}
		return err
	}
}

// contain does f; it returns its panic, nil if there is none.
func contain(f func()) (p *Panic) {
	defer func() {
		if said := recover(); said != nil {
			p = &Panic{Said: said, Stack: string(debug.Stack())}
		}
	}()
	f()
	return nil
}

// Panic is a panic of something that was done at the same time as others. As an
// error it has no kind: it is a defect.
type Panic struct {
	// Said is what the panic said.
	Said any
	// Stack is that of the goroutine in which it was, for the log.
	Stack string
}

// Error is what the panic said.
func (p *Panic) Error() string { return fmt.Sprint("panic: ", p.Said) }
