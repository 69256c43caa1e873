package alicloud

import "strings"

// The shapes of what comes from outside are matched by hand: regular expressions
// with counts would take as long to compile as a function takes to start.

// in reports whether text has from least to most bytes, all of them letters,
// digits or one of others.
func in(text string, least, most int, others string) bool {
	if len(text) < least || len(text) > most {
		return false
	}
	for _, c := range []byte(text) {
		if !letter(c) && !digit(c) && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// digits reports whether text is from least to most decimal digits.
func digits(text string, least, most int) bool {
	return in(text, least, most, "") && strings.Trim(text, "0123456789") == ""
}

// isHost reports whether text is a DNS name in lower case, of two labels at
// least, the last of letters only.
func isHost(text string) bool {
	labels := strings.Split(text, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || len(last) < 2 || strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") != "" {
		return false
	}
	for _, label := range labels {
		if !in(label, 1, 63, "-") || label != strings.ToLower(label) || strings.Trim(label, "-") != label {
			return false
		}
	}
	return true
}

// isRegion reports whether text has the shape of a region's id: letters, then one
// to four parts of letters and digits. It becomes part of a host name.
func isRegion(text string) bool {
	parts := strings.Split(text, "-")
	if len(text) > 32 || len(parts) < 2 || len(parts) > 5 || text != strings.ToLower(text) {
		return false
	}
	for i, part := range parts {
		if !in(part, 1, 32, "") || i == 0 && (len(part) < 2 || strings.ContainsAny(part, "0123456789")) {
			return false
		}
	}
	return true
}

// isCode reports whether text looks like one of the vendor's codes; anything else
// is not repeated.
func isCode(text string) bool { return in(text, 1, 128, "._-") && letter(text[0]) }

// isRequestID reports whether text looks like a request's id.
func isRequestID(text string) bool { return in(text, 1, 64, "-") }

// isSession reports whether STS takes text as the name of a session.
func isSession(text string) bool { return in(text, 2, 64, ".@_-") }

// roleOf returns the account in the ARN of a RAM role, "" if it is none.
func roleOf(arn string) string {
	rest, ok := strings.CutPrefix(arn, "acs:ram::")
	account, name, ok2 := strings.Cut(rest, ":role/")
	if !ok || !ok2 || !digits(account, 1, 20) || !in(name, 1, 64, ".@_-") {
		return ""
	}
	return account
}
