package alicloud

import (
	"regexp"
	"strings"
	"testing"
)

// shapes are the hand-written matchers, each with what it must match.
func shapes() map[string]func(string) bool {
	return map[string]func(string) bool{
		`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`: isHost,
		`^[a-z]{2,}(-[a-z0-9]+){1,4}$`:                         func(s string) bool { return isRegion(s) },
		`^[A-Za-z][A-Za-z0-9._-]{0,127}$`:                      isCode,
		`^[A-Za-z0-9-]{1,64}$`:                                 isRequestID,
		`^[A-Za-z0-9.@_-]{2,64}$`:                              isSession,
		`^acs:ram::[0-9]{1,20}:role/[A-Za-z0-9.@_-]{1,64}$`:    func(s string) bool { return roleOf(s) != "" },
		`^[0-9]{1,20}$`:                                        func(s string) bool { return digits(s, 1, 20) },
	}
}

// FuzzShapes holds the hand-written matchers to the regular expressions that say
// the same.
func FuzzShapes(f *testing.F) {
	for _, text := range []string{
		"", "a", "ecs.cn-hangzhou.aliyuncs.com", "-a.com", "a-.com", "a..com", "a.b1", "A.com", "cn-hangzhou", "cn-north-2-gov-1", "cn-a-b-c-d-e",
		"c-1", "cn-", "cn--a", "1n-a", "InvalidImageId.NotFound", ".Code", "a b", "00000000-0000", "acs:ram::1000000000000002:role/reader",
		"acs:ram:::role/x", "acs:ram::1:role/", "acs:ram::1:role/a:role/b", "acs:ram::x:role/a", "12345678901234567890", "é", "a\n", "\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for pattern, match := range shapes() {
			if len(text) > 32 && strings.HasPrefix(pattern, "^[a-z]{2,}(") {
				continue // a region is short, too
			}
			if got, want := match(text), regexp.MustCompile(pattern).MatchString(text); got != want {
				t.Errorf("%q: %t by hand, %t by %s", text, got, want, pattern)
			}
		}
	})
}
