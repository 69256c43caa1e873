package fchost

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// journal writes whole lines, also when many goroutines write.
type journal struct {
	mu  sync.Mutex
	out io.Writer
}

func (j *journal) printf(format string, args ...any) {
	j.write(fmt.Appendf(nil, format+"\n", args...))
}

func (j *journal) write(line []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.out.Write(line) // nobody is left to be told that the log cannot be written
}

// maxLine bounds a line of a function's output; longer ones are cut in pieces.
const maxLine = 16 << 10

// childOutput turns what a child writes into lines with its name before them.
// The marks of the runtime's SDK are left out: START and END tell the same.
type childOutput struct {
	journal *journal
	prefix  string
	mu      sync.Mutex
	pending []byte
	last    string // the last line, for the reason of a crash
}

// Write never fails, so that a child never blocks or dies for its output.
func (c *childOutput) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, p...)
	for {
		end := bytes.IndexByte(c.pending, '\n')
		if end < 0 && len(c.pending) < maxLine {
			return len(p), nil
		}
		if end < 0 || end > maxLine {
			c.line(c.pending[:maxLine])
			c.pending = c.pending[maxLine:]
			continue
		}
		c.line(c.pending[:end])
		c.pending = c.pending[end+1:]
	}
}

// flush writes what has no end of line yet.
func (c *childOutput) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > 0 {
		c.line(c.pending)
		c.pending = nil
	}
}

func (c *childOutput) line(text []byte) {
	if bytes.HasPrefix(text, []byte("FC Invoke Start RequestId: ")) || bytes.HasPrefix(text, []byte("FC Invoke End RequestId: ")) {
		return
	}
	text = bytes.TrimRight(text, "\r")
	c.last = string(text[:min(len(text), 300)])
	c.journal.printf("%s | %s", c.prefix, text)
}

// lastLine returns the last line that was written, shortened.
func (c *childOutput) lastLine() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}
