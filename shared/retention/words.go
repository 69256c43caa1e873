package retention

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"imagekeeper/shared/image"
)

// tagParent names what an image was made from: region/imageId.
const tagParent = "imagekeeper:parent"

// hasDataDisks: it brings data disks along.
func hasDataDisks(i image.Image) bool {
	return slices.ContainsFunc(i.Disks, func(d image.DiskMapping) bool { return !d.System })
}

// hasSoftware: a name, a description or a tag has the word.
func hasSoftware(i image.Image, word string) bool {
	word = strings.ToLower(word)
	if hasWord(i.Name, word) || hasWord(i.Description, word) {
		return true
	}
	for key, value := range i.Tags {
		name, tagged := strings.CutPrefix(strings.ToLower(key), "software")
		if tagged && (name == ":"+word || name == "" && hasWord(value, word)) {
			return true
		}
	}
	return false
}

// hasWord: text has a word, between characters that are neither letters nor digits.
func hasWord(text, word string) bool {
	text = strings.ToLower(text)
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 || word == "" {
			return false
		}
		at += from
		end := at + len(word)
		if !wordly(text[:at], true) && !wordly(text[end:], false) {
			return true
		}
		from = at + 1
	}
}

// wordly: the end, or the beginning, of a text goes on as a word.
func wordly(text string, end bool) bool {
	letters := []rune(text)
	if len(letters) == 0 {
		return false
	}
	c := letters[0]
	if end {
		c = letters[len(letters)-1]
	}
	return unicode.IsLetter(c) || unicode.IsDigit(c)
}

// Over is the document for the images that ledgers show: what descends from an image
// is found by the tag of each that names its parent. What has no such tag descends
// from nothing, and no rule by descent is about it.
func (d Document) Over(ledgers []*Ledger) Document {
	if !d.AboutDescent() {
		return d
	}
	children := map[image.ID][]image.ID{}
	for _, l := range ledgers {
		for _, i := range l.Images {
			_, parent, ok := strings.Cut(i.Tags[tagParent], "/")
			if ok && i.Account == l.Account {
				children[image.ID(parent)] = append(children[image.ID(parent)], i.ID)
			}
		}
	}
	d.Rules = slices.Clone(d.Rules)
	for n := range d.Rules {
		d.Rules[n].Match = d.Rules[n].Match.over(children)
	}
	return d
}

// AboutDescent reports whether some rule is about what descends from an image: then the
// images of all regions tell together what it is about.
func (d Document) AboutDescent() bool {
	return slices.ContainsFunc(d.Rules, func(r Rule) bool { return r.Match.descends() })
}

// descends: it, or what it excludes, is about descent.
func (m Match) descends() bool {
	return m.DescendantsOf != "" || m.Exclude != nil && m.Exclude.descends()
}

func (m Match) over(children map[image.ID][]image.ID) Match {
	if m.DescendantsOf == "" {
		return m
	}
	m.descendants = map[image.ID]bool{}
	for left := []image.ID{m.DescendantsOf}; len(left) > 0; left = left[1:] {
		for _, child := range children[left[0]] {
			if !m.descendants[child] {
				m.descendants[child] = true
				left = append(left, child)
			}
		}
	}
	return m
}

// Explain tells in a line what a rule does.
func (r Rule) Explain() string {
	if r.Match.Snapshots == Orphaned {
		return r.Name + ": snapshots whose image is gone for " + r.Remove.OlderThan.String() + " go"
	}
	line := r.Name + ": images older than " + r.Remove.OlderThan.String()
	if r.Remove.UnusedFor != 0 {
		line += ", and unused for " + r.Remove.UnusedFor.String()
	}
	line += " go"
	if r.Keep == nil {
		return line
	}
	if r.Keep.Last > 0 {
		line += fmt.Sprintf(", but the last %d of each family, region and architecture", r.Keep.Last)
	}
	if r.Keep.SharedWithOthers {
		line += ", but what is shared"
	}
	if len(r.Keep.Tagged) > 0 {
		line += ", but what is tagged " + strings.Join(r.Keep.Tagged, " or ")
	}
	return line
}
