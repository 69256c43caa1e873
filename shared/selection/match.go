package selection

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"imagekeeper/shared/image"
)

// glob reports whether text matches pattern: * is any text, also none, and ?
// is one character. Both must be lower case already. It takes at most
// len(pattern) x len(text) steps and allocates nothing.
func glob(pattern, text string) bool {
	p, t := 0, 0
	star, retry := -1, 0
	for t < len(text) {
		_, width := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += width
		case p < len(pattern) && strings.HasPrefix(pattern[p:], text[t:t+width]):
			p += width
			t += width
		case star >= 0:
			_, step := utf8.DecodeRuneInString(text[retry:])
			retry += step
			p, t = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// startsWithWords reports whether text is words, or goes on after them with a
// space, without regard to case.
func startsWithWords(text, words string) bool {
	if len(text) < len(words) || !strings.EqualFold(text[:len(words)], words) {
		return false
	}
	return len(text) == len(words) || text[len(words)] == ' '
}

// hasWord reports whether text has word not inside a longer word: "php" is in
// "php7.4", "java" is not in "javascript". word must be lower case already.
func hasWord(text, word string) bool {
	text = strings.ToLower(text)
	for from := 0; from < len(text); {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		start, end := from+at, from+at+len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsLetter(before) && !unicode.IsLetter(after) {
			return true
		}
		_, width := utf8.DecodeRuneInString(text[start:])
		from = start + width
	}
	return false
}

// softwareIn says where in i the software is named, "" if nowhere. It knows
// the Marketplace product and its vendor, name and description, and the tags
// software=<names> and software:<name>. word must be lower case already.
func softwareIn(i *image.Image, word string) string {
	switch {
	case hasWord(string(i.ProductCode), word):
		return "the Marketplace product"
	case hasWord(i.Supplier, word):
		return "the Marketplace vendor"
	case hasWord(i.Name, word):
		return "the name"
	case hasWord(i.Description, word):
		return "the description"
	}
	for key, value := range i.Tags { // any hit gives the same answer
		name, tagged := strings.CutPrefix(key, "software")
		switch {
		case !tagged:
		case name == "" && hasWord(value, word), strings.HasPrefix(name, ":") && hasWord(name[1:], word):
			return "a software tag"
		}
	}
	return ""
}
