package readme

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// shell reads lines as the reader's shell does.
type shell struct {
	// root is the folder that it runs in.
	root fs.FS
	// variables are those that were set so far.
	variables map[string]string
}

// words are the words of a line, which is one simple command; none if it only
// sets variables. What a shell would make something else of, such as an & that
// sends curl to the background with half of a query, is an error.
func (s *shell) words(line string) ([]string, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(line), "")
	if err != nil {
		return nil, err
	}
	if len(file.Stmts) != 1 {
		return nil, errors.New("is not one command; put what means something to a shell in quotes")
	}
	statement := file.Stmts[0]
	call, simple := statement.Cmd.(*syntax.CallExpr)
	if !simple || statement.Background || statement.Negated || len(statement.Redirs) > 0 {
		return nil, errors.New("is not one simple command; put what means something to a shell in quotes")
	}
	config := &expand.Config{Env: expand.FuncEnviron(s.variable), NoUnset: true, CmdSubst: s.substitute}
	for _, set := range call.Assigns {
		if s.variables[set.Name.Value], err = expand.Literal(config, set.Value); err != nil {
			return nil, err
		}
	}
	for _, word := range call.Args {
		if slices.ContainsFunc(word.Parts, isPattern) {
			return nil, errors.New("a shell takes a word of it for a pattern of files; put it in quotes")
		}
	}
	return expand.Fields(config, call.Args...)
}

func (s *shell) variable(name string) string { return s.variables[name] }

// substitute puts a file where $(cat file) stands.
func (s *shell) substitute(to io.Writer, what *syntax.CmdSubst) error {
	var inner strings.Builder
	if err := syntax.NewPrinter().Print(&inner, what); err != nil {
		return err
	}
	name, is := strings.CutPrefix(strings.TrimSuffix(inner.String(), ")"), "$(cat ")
	if !is {
		return fmt.Errorf("the test runs no %s", inner.String())
	}
	content, err := fs.ReadFile(s.root, name)
	if err != nil {
		return err
	}
	_, err = to.Write(content)
	return err
}

// isPattern reports whether part of a word, outside of quotes, makes a shell
// look for files.
func isPattern(part syntax.WordPart) bool {
	bare, is := part.(*syntax.Lit)
	return is && strings.ContainsAny(bare.Value, "?*[{~")
}
