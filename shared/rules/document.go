package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictyaml"
)

// Flaw is one thing that is wrong with a document. While there is one, nothing of
// the document counts.
type Flaw struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
	// Path is the part of the document, such as imports[2].from; empty: all of it.
	Path   string `json:"path,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Document is a document as it was read. Check tells what is wrong with rules
// beside their form.
type Document[T any] struct {
	// Source is how the variable names it; empty: there is none, and no rules.
	Source string
	// ETag is its version; empty: it could not be read.
	ETag string
	// Rules are what it says; the zero value where Flaws are.
	Rules T
	Flaws []Flaw
}

// Usable: there is a document, and nothing is wrong with it.
func (d Document[T]) Usable() bool { return d.Source != "" && len(d.Flaws) == 0 }

// Approver is whom a work names that a rule has approved: rule:<name>@<ETag>.
func (d Document[T]) Approver(rule string) string { return "rule:" + rule + "@" + d.ETag }

// Check finds what is wrong with rules beside their form. The Field of each is a
// path of the document.
type Check[T any] func(rules T, from Source) []*fault.Error

// Read reads a text. from tells where it is from, and etag its version; empty: one
// is made of the text.
func Read[T any](text []byte, from Source, etag string, check Check[T]) Document[T] {
	d := Document[T]{Source: cmp.Or(from.name, inline), ETag: cmp.Or(etag, version(text))}
	var rules T
	if err := strictyaml.Decode(text, &rules); err != nil {
		d.Flaws = []Flaw{flawOf(text, err)}
		return d
	}
	if check != nil {
		for _, wrong := range check(rules, from) {
			d.Flaws = append(d.Flaws, flawOf(text, wrong))
		}
	}
	slices.SortStableFunc(d.Flaws, func(a, b Flaw) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
	if len(d.Flaws) == 0 {
		d.Rules = rules
	}
	return d
}

// place is how the reader begins a sentence.
const place = `^line (\d+)(?:, column (\d+))?: `

// flawOf places what is wrong with a text.
func flawOf(text []byte, err error) Flaw {
	f := Flaw{Code: fault.Code(err), Sentence: fault.Sentence(err)}
	var e *fault.Error
	if errors.As(err, &e) {
		f.Path = e.Field
	}
	f.Line, f.Column, _ = strictyaml.Place(text, f.Path)
	if found := regexp.MustCompile(place).FindStringSubmatch(f.Sentence); found != nil { // it knows best
		f.Line, _ = strconv.Atoi(found[1])
		f.Column, _ = strconv.Atoi(found[2])
		f.Sentence = f.Sentence[len(found[0]):]
	}
	return f
}

// String tells a flaw in a line: where it is, and what is wrong there.
func (f Flaw) String() string {
	var out strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&out, "line %d", f.Line)
		if f.Column > 0 {
			fmt.Fprintf(&out, ", column %d", f.Column)
		}
		out.WriteString(": ")
	}
	if f.Path != "" {
		out.WriteString(f.Path + " ")
	}
	return out.String() + f.Sentence
}

// Objects reads objects, as package oss does: whole, and nothing while the object
// is the one with the ETag known.
type Objects interface {
	Newer(ctx context.Context, bucket, key, known string, most int) (text []byte, etag string, err error)
}

// Loader reads one document again and again. It is safe for concurrent use, and
// one is made for a process.
type Loader[T any] struct {
	source Source
	check  Check[T]

	mu   sync.Mutex
	last *Document[T]
}

// NewLoader reads from a source. It calls nothing.
func NewLoader[T any](source Source, check Check[T]) *Loader[T] {
	return &Loader[T]{source: source, check: check}
}

// Load returns the document as it is now. It does not fail: one that cannot be read
// is a document with a flaw, and what was read before does not count instead.
// objects may be nil where the source is no object.
func (l *Loader[T]) Load(ctx context.Context, objects Objects) Document[T] {
	bucket, key, object := l.source.Object()
	switch {
	case !l.source.Given():
		return Document[T]{}
	case !object:
		if was := l.remembered(); was != nil {
			return *was
		}
		return l.remember(Read(l.source.text, l.source, "", l.check))
	case objects == nil:
		return l.unread(fault.New(fault.Internal, "there is nobody who reads objects"))
	}
	was, known := l.remembered(), ""
	if was != nil {
		known = was.ETag
	}
	text, etag, err := objects.Newer(ctx, bucket, key, known, strictyaml.MaxBytes)
	switch {
	case err != nil:
		return l.unread(err)
	case text == nil && was != nil:
		return *was
	}
	return l.remember(Read(text, l.source, etag, l.check))
}

func (l *Loader[T]) remembered() *Document[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *Loader[T]) remember(d Document[T]) Document[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = &d
	return d
}

// unread is a document that could not be read.
func (l *Loader[T]) unread(err error) Document[T] {
	sentence := "the document cannot be read: " + fault.Sentence(err)
	return Document[T]{Source: l.source.name, Flaws: []Flaw{{Code: "unreadable", Sentence: sentence}}}
}
