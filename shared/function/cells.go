package function

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteOrderMark tells Excel that a file is UTF-8.
const byteOrderMark = "\ufeff"

// formulas are what a cell begins with that a spreadsheet takes for a formula,
// also in the full width that Chinese input methods write.
const formulas = "=+-@\uff1d\uff0b\uff0d\uff20"

// digits is how many of them Excel keeps of a number.
const digits = 15

// harmless keeps a spreadsheet from taking a cell for a formula, a terminal from
// obeying it, and a reader from seeing it in another order than it has.
func harmless(cell string) string {
	cell = visible(cell)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, unicode.IsSpace))
	begins, _ := utf8.DecodeRuneInString(cell)
	if cell != "" && (strings.ContainsRune(formulas, first) || strings.ContainsRune("\t\r\n", begins)) {
		return "'" + cell
	}
	return cell
}

// visible writes what would be obeyed and not seen as its code: control characters
// but tab and line breaks, and marks of direction.
func visible(cell string) string {
	hidden := func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) || unicode.Is(unicode.Bidi_Control, r)
	}
	if !strings.ContainsFunc(cell, hidden) {
		return cell
	}
	var out strings.Builder
	for _, r := range cell {
		if hidden(r) {
			fmt.Fprintf(&out, "\\u%04x", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// whole is harmless, and keeps Excel from rounding long numbers of accounts and
// from dropping zeros in front.
func whole(cell string) string {
	number := cell != "" && strings.Trim(cell, "0123456789") == ""
	if number && (len(cell) > digits || len(cell) > 1 && cell[0] == '0') {
		return `="` + cell + `"`
	}
	return harmless(cell)
}
