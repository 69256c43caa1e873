package function

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

// newLog returns the logger of a function: one JSON object per line, in which
// what looks like a secret is replaced by ***.
func newLog(w io.Writer, level string) *slog.Logger {
	least := slog.LevelInfo
	if level != "" {
		// An unknown level leaves the default: logging must not fail a function.
		_ = least.UnmarshalText([]byte(level))
	}
	leaks := sync.OnceValue(leakPatterns)
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: least,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			return redact(a, leaks)
		},
	}))
}

// redact hides a if its name or its text looks like a secret.
func redact(a slog.Attr, leaks func() []*regexp.Regexp) slog.Attr {
	if secretName(a.Key) {
		return slog.String(a.Key, stars)
	}
	var text string
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case *slog.Source, slog.Level:
			return a
		case error:
			text = v.Error()
		case fmt.Stringer:
			text = v.String()
		case []byte:
			text = string(v)
		default:
			text = fmt.Sprintf("%+v", v)
		}
	default:
		return a
	}
	if word(text) {
		return slog.String(a.Key, text)
	}
	for _, leak := range leaks() {
		text = leak.ReplaceAllString(text, "${1}"+stars)
	}
	return slog.String(a.Key, text)
}

// word reports whether text is too short and too plain to hold a secret that
// leakPatterns would find. Most of a line is, so that a start, whose only line
// consists of such words, does not wait for the patterns.
func word(text string) bool {
	return len(text) < 14 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func secretName(key string) bool {
	key = strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(key))
	for _, word := range []string{"secret", "password", "securitytoken", "authorization", "credential", "signature", "cookie", "privatekey"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "token"
}

// leakPatterns finds secrets in running text: parameters of a signed request,
// keys of STS and RAM, bearer tokens. What is kept is in the first group.
func leakPatterns() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)((?:AccessKeyId|AccessKeySecret|SecurityToken|Security-Token|Password|Signature|Secret)["']?\s*(?:=|:|%3D)\s*["']?)[^&\s"',;}]+`),
		regexp.MustCompile(`(?i)(Bearer\s+)[A-Za-z0-9._~+/=-]+`),
		regexp.MustCompile(`()\b(?:STS\.|LTAI)[A-Za-z0-9]{10,}`),
		regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`),
	}
}
