// Package rulebook is the rules of a function: the document that a variable names,
// read for each event, judged by the validate tags of its type and by its
// capability, described as JSON Schema, and announced when it is broken.
package rulebook

import (
	"context"
	"fmt"
	"io"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/rules"
)

// Book is the rules of a function, of type T. It is made for a process, and safe for
// concurrent use.
type Book[T any] struct {
	// Function is whose rules they are.
	function string
	source   rules.Source
	loader   *rules.Loader[T]
	shapes   []function.Rule
}

// Open finds the document that the value of a variable names. shapes are the rules
// of validate tags of T; validate is the capability's judgement. It reads nothing
// but a file of the package, and fails with fault.Invalid, naming the variable.
func Open[T any](of, variable, value string, read func(path string) ([]byte, error), shapes []function.Rule, validate rules.Check[T]) (*Book[T], error) {
	source, err := rules.Parse(variable, value, read)
	if err != nil {
		return nil, err
	}
	return &Book[T]{of, source, rules.NewLoader(source, checked(shapes, validate)), shapes}, nil
}

// checked judges by tags, and what these let pass by the capability.
func checked[T any](shapes []function.Rule, validate rules.Check[T]) rules.Check[T] {
	return func(document T, from rules.Source) []*fault.Error {
		if wrong := function.Check(document, shapes...); len(wrong) > 0 {
			return wrong
		}
		return validate(document, from)
	}
}

// Given: there is a document.
func (b *Book[T]) Given() bool { return b.source.Given() }

// Load returns the document as it is now; it does not fail.
func (b *Book[T]) Load(ctx context.Context, objects rules.Objects) rules.Document[T] {
	return b.loader.Load(ctx, objects)
}

// Document is what the function says of its rules. explain tells in lines what they
// mean; validate judges them where nothing else is known than the environment.
func (b *Book[T]) Document(title string, validate rules.Check[T], explain func(T) []string) function.Document {
	return function.Document{
		Schema: func() map[string]any { return function.SchemaOf[T](title, b.shapes...) },
		Explain: func(text []byte, out io.Writer) bool {
			d := rules.Read(text, rules.Source{}, "", checked(b.shapes, validate))
			for _, flaw := range d.Flaws {
				fmt.Fprintln(out, flaw)
			}
			if !d.Usable() {
				return false
			}
			for _, line := range explain(d.Rules) {
				fmt.Fprintln(out, line)
			}
			return true
		},
	}
}

// Broken is the notice of a document that cannot be used: one for each version of
// it, and one a day while it cannot be read.
func (b *Book[T]) Broken(d rules.Document[T], now time.Time) notify.Notice {
	version := d.ETag
	if version == "" {
		version = d.Flaws[0].Code + now.UTC().Format(time.DateOnly)
	}
	n := notify.Notice{
		ID: notify.IDOf(b.function, "rules", d.Source, version), Kind: notify.Broken, At: now, Function: b.function, Subject: d.Source,
		Counts: []notify.Count{{Name: notify.Errors, N: len(d.Flaws)}},
	}
	for _, flaw := range d.Flaws {
		n.Items = append(n.Items, notify.Item{Name: flaw.Path, Code: flaw.Code, Sentence: flaw.String()})
	}
	return n
}
