// Package prose checks the documents: links lead somewhere, commands exist, and
// no file has words that must not be in the repository.
package prose

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

// Check reads every document and every other text file below the root.
func Check(root fs.FS) ([]finding.Finding, error) {
	c := checker{root: root}
	makefile, err := fs.ReadFile(root, "Makefile")
	if err != nil {
		return nil, fmt.Errorf("read the targets: %w", err)
	}
	c.targets = targets(makefile)
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(name):
			return fs.SkipDir
		case entry.IsDir() || !entry.Type().IsRegular():
			return nil
		}
		return c.file(name)
	})
	if err != nil {
		return nil, fmt.Errorf("read the documents: %w", err)
	}
	return finding.Sort(c.found), nil
}

// skipped is like source.Skipped, but looks into test data, too, and into the
// hidden folders that people write by hand.
func skipped(folder string) bool {
	switch path.Base(folder) {
	case "testdata", ".github", ".ci":
		return false
	}
	return source.Skipped(folder)
}

type checker struct {
	root    fs.FS
	targets []string
	found   []finding.Finding
}

func (c *checker) file(name string) error {
	text, err := fs.ReadFile(c.root, name)
	if err != nil {
		return err
	}
	for _, magic := range []string{"\x7fELF", "MZ\x90\x00", "\xcf\xfa\xed\xfe"} {
		if bytes.HasPrefix(text, []byte(magic)) {
			c.found = append(c.found, finding.At(name, 0, "is a built program, which go build left here: remove it"))
		}
	}
	if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
		return nil // not text
	}
	if !strings.Contains(name, "testdata/") {
		c.words(name, string(text))
	}
	if path.Ext(name) == ".md" {
		c.document(name, string(text))
	}
	return nil
}

// words finds what must not be in any file, except in a line that says it is an
// example. The patterns are written so that they do not find themselves.
func (c *checker) words(name, text string) {
	lines := strings.Split(text, "\n")
	for _, rule := range forbidden() {
		for i, line := range lines {
			if rule.word.MatchString(line) && !strings.Contains(strings.ToLower(line), "example") {
				c.found = append(c.found, finding.At(name, i+1, "%s", rule.why))
			}
		}
	}
}

type rule struct {
	word *regexp.Regexp
	why  string
}

func forbidden() []rule {
	return []rule{
		{regexp.MustCompile(`\b(TO[D]O|FIX[M]E|X[X]X)\b`), "finish it, or say in the document what is left alone and why"},
		{regexp.MustCompile(`(?i)\b(registry[.-][a-z.-]*\b(org|com|io|dev)|proxy[.]golang[.]org|sum[.]golang[.]org|goproxy[.](io|cn)|pypi[.]org|deb[.]debian[.]org|npmjs[.]|npmmirror[.]|crates[.]io|rubygems[.]org)`), "names a package registry's host; the machine's configuration does that"},
		{regexp.MustCompile(`\bLTA[I][A-Za-z0-9]{12,}\b|\bAKI[A][A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY`), "looks like a real credential"},
		{regexp.MustCompile(`^(<<<<<<<|>>>>>>>) `), "is a conflict that was not resolved"},
	}
}

// document checks one Markdown file.
func (c *checker) document(name, text string) {
	inCode := false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inCode = !inCode
			continue
		}
		if inCode {
			c.command(name, i+1, strings.TrimPrefix(strings.TrimSpace(line), "$ "))
			continue
		}
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
			c.command(name, i+1, code[1])
		}
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(line, -1) {
			c.link(name, i+1, link[1])
		}
	}
}

// command checks the commands that a reader would type: make's targets and the
// programs of this module.
func (c *checker) command(name string, line int, command string) {
	words := strings.Fields(command)
	switch {
	case len(words) > 1 && words[0] == "make":
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "#") {
				return
			}
			if !strings.Contains(word, "=") && !slices.Contains(c.targets, word) {
				c.found = append(c.found, finding.At(name, line, "make has no target %s", word))
			}
		}
	case len(words) > 2 && words[0] == "go" && (words[1] == "run" || words[1] == "test"):
		for _, word := range words[2:] {
			if program, ok := strings.CutPrefix(word, "./"); ok {
				c.exists(name, line, strings.TrimSuffix(strings.TrimSuffix(program, "..."), "/"))
			}
		}
	}
}

// link checks a link within the repository, and the heading it points to.
func (c *checker) link(name string, line int, link string) {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return
	}
	file, anchor, _ := strings.Cut(link, "#")
	target := name
	if file != "" {
		target = path.Join(path.Dir(name), file)
	}
	if !c.exists(name, line, target) || anchor == "" {
		return
	}
	text, err := fs.ReadFile(c.root, target)
	if err != nil || !slices.Contains(headings(string(text)), anchor) {
		c.found = append(c.found, finding.At(name, line, "%s has no heading #%s", target, anchor))
	}
}

func (c *checker) exists(name string, line int, target string) bool {
	if target == "" {
		target = "."
	}
	if _, err := fs.Stat(c.root, target); err != nil {
		c.found = append(c.found, finding.At(name, line, "%s does not exist", target))
		return false
	}
	return true
}

// headings are the anchors of a document, as code hosts make them.
func headings(text string) []string {
	var anchors []string
	for line := range strings.Lines(text) {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))
		anchors = append(anchors, anchor)
	}
	return anchors
}

func targets(makefile []byte) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllSubmatch(makefile, -1) {
		names = append(names, string(match[1]))
	}
	return names
}
