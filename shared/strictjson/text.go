package strictjson

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unshowable says what is wrong with a text that does more where it is shown
// than be seen, or that lost a part of itself on its way here: it must be
// UTF-8, without control characters, line breaks of Unicode and marks that turn
// the direction of text. It is empty for any other text.
func Unshowable(text string) string {
	switch {
	case !utf8.ValidString(text), strings.ContainsRune(text, utf8.RuneError):
		return "must be UTF-8"
	case strings.ContainsFunc(text, hidden):
		return "must not contain control characters"
	}
	return ""
}

// hidden reports whether r acts instead of being seen. The joiners of emoji and
// of some scripts are not among these.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == '\ufeff'
}

// longestShown is how many bytes of a name from outside an answer repeats.
const longestShown = 64

// Shown is a name from outside, as far as it may be repeated in an answer.
func Shown(name string) string {
	clean := strings.Map(func(r rune) rune {
		if hidden(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if len(clean) > longestShown {
		clean = strings.ToValidUTF8(clean[:longestShown], "") + "…"
	}
	return clean
}
