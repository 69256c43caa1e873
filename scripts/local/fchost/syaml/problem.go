package syaml

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
)

// What is accepted at most; a hostile file cannot make the reader work longer.
const (
	maxBytes    = 1 << 20
	maxDepth    = 64
	maxNodes    = 50_000
	maxProblems = 20
)

// Problem is one thing that is not right, and where.
type Problem struct {
	Position Position
	Text     string
}

// String is "s.yaml:12:7: text".
func (p Problem) String() string { return p.Position.String() + ": " + p.Text }

// String is "s.yaml:12:7".
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problems is a failure of kind fault.Invalid with at least one problem, in
// the order of the file.
type Problems struct {
	List []Problem
}

// Error is one line for each problem.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Is makes errors.Is(err, fault.Invalid) true.
func (p *Problems) Is(target error) bool { return target == fault.Invalid }

func problemAt(at Position, format string, args ...any) error {
	return &Problems{List: []Problem{{Position: at, Text: fmt.Sprintf(format, args...)}}}
}

// report collects problems; after the bound the rest is dropped.
type report struct {
	file string
	list []Problem
}

func (r *report) add(line, column int, format string, args ...any) {
	p := Problem{Position: Position{File: r.file, Line: line, Column: column}, Text: fmt.Sprintf(format, args...)}
	if len(r.list) < maxProblems && !slices.Contains(r.list, p) {
		r.list = append(r.list, p)
	}
}

func (r *report) err() error {
	if len(r.list) == 0 {
		return nil
	}
	slices.SortStableFunc(r.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
	return &Problems{List: r.list}
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readBounded(file)
}

func readBounded(from io.Reader) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err == nil && len(src) > maxBytes {
		err = fmt.Errorf("larger than %d bytes", maxBytes)
	}
	return src, err
}
