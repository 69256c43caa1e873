package selection

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"imagekeeper/shared/image"
)

// glob reports whether text matches pattern without regard to case: * is any
// text, also none, and ? is one character. pattern must be lower case already.
// It takes at most len(pattern) x len(text) steps and allocates nothing.
func glob(pattern, text string) bool {
	p, t := 0, 0
	star, retry := -1, 0
	for t < len(text) {
		is, width := utf8.DecodeRuneInString(text[t:])
		want, length := utf8.DecodeRuneInString(pattern[p:])
		switch {
		case length > 0 && want == '*':
			star, retry = p, t
			p++
		case length > 0 && (want == '?' || want == unicode.ToLower(is)):
			p += length
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

// hasWord reports whether text has word, without regard to case, and not inside
// a longer word: "php" is in "php7.4", "java" is not in "javascript".
func hasWord(text, word string) bool {
	if word == "" {
		return false
	}
	for start, r := range text {
		end := start + len(word)
		if end > len(text) {
			return false
		}
		if r >= utf8.RuneSelf || strings.EqualFold(text[start:start+1], word[:1]) {
			before, _ := utf8.DecodeLastRuneInString(text[:start])
			after, _ := utf8.DecodeRuneInString(text[end:])
			if strings.EqualFold(text[start:end], word) && !joins(before) && !joins(after) {
				return true
			}
		}
	}
	return false
}

// joins: the letter r makes one word with a letter beside it. Chinese text has
// no spaces, so a Chinese character does not.
func joins(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Han, r) }

// softwareIn says where in i the software is named, "" if nowhere. It knows
// the Marketplace product and its vendor, name and description, and the tags
// software=<names> and software:<name>.
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
