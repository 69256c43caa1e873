package syaml

import (
	"errors"
	"fmt"
	"strings"
)

// expression is what stands between ${ and }: a path (vars.a.b) or a call
// (env('X', 'd'), json(file('f'))).
type expression struct {
	path []string
	call string
	args []expression
	text *string // a quoted argument
}

// errExpression is the root of all syntax errors in ${}.
var errExpression = errors.New("not an expression that a local run supports")

// parseExpression reads the text between the braces.
func parseExpression(text string) (expression, error) {
	s := &scanner{rest: text}
	e, err := s.expression(0)
	if err != nil {
		return expression{}, err
	}
	if s.space(); s.rest != "" {
		return expression{}, fmt.Errorf("%w: %q is left over", errExpression, s.rest)
	}
	return e, nil
}

type scanner struct{ rest string }

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

// skip consumes the byte c if it comes next, after blanks.
func (s *scanner) skip(c byte) bool {
	s.space()
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) expression(depth int) (expression, error) {
	s.space()
	if s.rest == "" || depth > 4 {
		return expression{}, fmt.Errorf("%w: it is empty or nested too deep", errExpression)
	}
	if s.rest[0] == '\'' || s.rest[0] == '"' {
		return s.quoted()
	}
	word := s.word()
	switch {
	case word == "" || strings.HasPrefix(word, ".") || strings.HasSuffix(word, ".") || strings.Contains(word, ".."):
		return expression{}, fmt.Errorf("%w: %q", errExpression, word+s.rest)
	case s.skip('('):
		return s.arguments(word, depth)
	}
	return expression{path: strings.Split(word, ".")}, nil
}

// word consumes letters, digits, and _ - . as in resources.a-b.props.x.
func (s *scanner) word() string {
	end := strings.IndexFunc(s.rest, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("_-.", r)
	})
	if end < 0 {
		end = len(s.rest)
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return word
}

func (s *scanner) quoted() (expression, error) {
	quote := s.rest[:1]
	text, rest, closed := strings.Cut(s.rest[1:], quote)
	if !closed || strings.Contains(text, `\`) {
		return expression{}, fmt.Errorf("%w: the string %s has no end, or a backslash in it", errExpression, s.rest)
	}
	s.rest = rest
	return expression{text: &text}, nil
}

func (s *scanner) arguments(name string, depth int) (expression, error) {
	e := expression{call: name}
	if s.skip(')') {
		return e, nil
	}
	for {
		arg, err := s.expression(depth + 1)
		if err != nil {
			return expression{}, err
		}
		e.args = append(e.args, arg)
		switch {
		case s.skip(')'):
			return e, nil
		case !s.skip(','):
			return expression{}, fmt.Errorf("%w: a comma or ) is missing at %q", errExpression, s.rest)
		}
	}
}
