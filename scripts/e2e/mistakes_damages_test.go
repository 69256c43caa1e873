package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// damage is what is done to one value.
type damage struct {
	name string
	// value is a text of a parameter, or JSON.
	value string
	// always refused, whatever the schema says; else the schema has the word: what
	// it forbids is refused, and what it allows is left to the operation.
	always bool
}

// acting are texts that do something where they are shown, or are no texts.
func acting() map[string]string {
	return map[string]string{
		"NUL": "a\x00b", "CR LF": "a\r\nSet-Cookie: x=1", "tab": "a\tb", "DEL": "a\x7fb", "ESC": "\x1b[31mred", "C1": "a\u0085b",
		"line separator": "a\u2028b", "paragraph separator": "a\u2029b", "right-to-left override": "\u202eabc", "right-to-left mark": "\u200fabc",
		"isolate": "\u2066abc", "byte order mark": "\ufeffabc", "replacement character": "a\ufffdb",
		"no UTF-8": "\xff\xfe", "overlong": "\xc0\xaf", "half a pair in UTF-8": "\xed\xa0\x80",
	}
}

// far is more entries than any list may have.
const far = 5000

// long is longer than any text may be.
const long = 20_000

// texts are what is wrong with a value as text.
func (f field) texts() []damage {
	var all []damage
	texts := acting()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, damage{name, texts[name], true})
	}
	good := f.example()
	text := fmt.Sprint(good)
	if list, ok := good.([]any); ok {
		text = "x"
		if entry := f.entry(); entry != nil {
			text = fmt.Sprint(entry.example())
		}
		all = append(all,
			damage{"far too many", strings.TrimSuffix(strings.Repeat(text+",", far), ","), true},
			damage{"an empty entry", text + ",," + text, true}, damage{"a comma at the end", text + ",", true},
		)
		_ = list
	} else {
		all = append(all, damage{"far too long", strings.Repeat("1", long), true})
	}
	for _, odd := range []string{
		text + "," + text, " " + text, text + " ", strings.ToUpper(text), "\u00a0" + text, "０１２", "١٢٣", "+5", "007", "-0", "1e3", "1.5", "0x10", "1_000",
		"-1", "0", "999999999999999999999", "1e999", "NaN", "Infinity", "TRUE", "yes", "null", "{}", "[]", `"x"`, "..", "../../etc/passwd", "a/b", `a\b`,
		"%00", "%252e", "<script>", "' or 1=1", "${x}", "{{x}}", "*", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "-",
		strings.Repeat("é", 200),
	} {
		all = append(all, damage{fmt.Sprintf("%.20q", odd), odd, false})
	}
	return append(all, f.beyond(func(v any) string { return fmt.Sprint(v) })...)
}

// entry is a field like f's entries, if it is a list.
func (f field) entry() *field {
	items, ok := f.is["items"].(map[string]any)
	if !ok {
		return nil
	}
	return &field{op: f.op, is: items}
}

// beyond are values right outside the limits that the schema names.
func (f field) beyond(write func(any) string) []damage {
	var all []damage
	limit := func(key string) (int64, bool) {
		n, ok := f.is[key].(json.Number)
		if !ok {
			return 0, false
		}
		whole, err := n.Int64()
		return whole, err == nil
	}
	if n, ok := limit("minimum"); ok {
		all = append(all, damage{"below the minimum", fmt.Sprint(n - 1), false})
	}
	if n, ok := limit("maximum"); ok {
		all = append(all, damage{"above the maximum", fmt.Sprint(n + 1), false})
	}
	if n, ok := limit("maxLength"); ok {
		all = append(all, damage{"one too long", write(strings.Repeat("x", int(n)+1)), false})
	}
	return all
}

// documents are what is wrong with a value as JSON.
func (f field) documents() []damage {
	var all []damage
	quoted := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			return "null"
		}
		return string(b)
	}
	if f.may("string") || f.may("array") || f.may("object") { // of another type, the characters are not what is wrong
		texts := acting()
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			text := texts[name]
			all = append(all, damage{name, `"` + strings.NewReplacer("\x00", `\u0000`, "\r", `\r`, "\n", `\n`, "\t", `\t`, "\x1b", `\u001b`).Replace(text) + `"`, true})
		}
	}
	all = append(all,
		damage{"half a pair", `"\ud800"`, true}, damage{"the other half", `"\udc00x"`, true}, damage{"1e999", "1e999", true},
		damage{"far too long", `"` + strings.Repeat("1", long) + `"`, true}, damage{"far too many", "[" + strings.Repeat(`"1",`, far) + `"1"]`, true},
		damage{"a list in a list", "[[1]]", true}, damage{"an unknown member", `{"nothing":1}`, true},
		damage{"a member twice", `{"a":1,"a":1}`, true}, damage{"no JSON", "nothing", true}, damage{"a single quote", "'x'", true},
		damage{"a comment", "1/*x*/", true}, damage{"NaN", "NaN", true}, damage{"leading zero", "007", true}, damage{"plus", "+1", true}, damage{"hex", "0x1", true},
		damage{"33 deep", strings.Repeat("[", 33) + strings.Repeat("]", 33), true},
	)
	for _, odd := range []string{
		"null", "true", "false", "0", "-1", "1.5", "-0", "1e3", "9007199254740993", "99999999999999999999", `""`, `"x"`, `" "`, "[]", "[1]", `["x"]`, "[null]", "[{}]", "{}",
		`"TRUE"`, `"1"`, `"0"`, `"..` + `"`, `"\u0661\u0662"`, `"2026-13-01T00:00:00Z"`, `"2026-01-01"`,
	} {
		all = append(all, damage{odd, odd, false})
	}
	if f.may("string") {
		text := fmt.Sprint(f.example())
		for _, odd := range []string{" " + text, text + " ", strings.ToUpper(text), text + "," + text} {
			all = append(all, damage{fmt.Sprintf("%.20q", odd), quoted(odd), false})
		}
	}
	return append(all, f.beyond(quoted)...)
}

// forbids reports whether the schema forbids a text as the value of a parameter.
func (f field) forbids(text string) bool { return f.rule.Validate(f.valueOf(text)) != nil }

// valueOf is what a text means in a parameter of f's type.
func (f field) valueOf(text string) any {
	if entry := f.entry(); entry != nil {
		var list []any
		for part := range strings.SplitSeq(text, ",") {
			list = append(list, entry.valueOf(strings.TrimSpace(part)))
		}
		return list
	}
	literal := slices.Contains([]string{"true", "false"}, text) && !f.may("string")
	number := !f.may("string") && json.Valid([]byte(text)) && text != "null" && strings.Trim(text, "0123456789-") == "" && text != "-0"
	if literal || number {
		return decoded(text)
	}
	return text
}

// decoded is JSON as a value, with its numbers as they are written.
func decoded(text string) any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	return v
}
