package alicloud

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"imagekeeper/shared/image"
)

// tree reads any value the slow way, to compare with encoding/json.
func tree(s *scanner) any {
	switch s.peek() {
	case '{':
		m := map[string]any{}
		s.object(func(key []byte) {
			name := string(key)
			m[name] = tree(s)
		})
		return m
	case '[':
		list := []any{}
		s.array(func() { list = append(list, tree(s)) })
		return list
	case '"':
		return s.str()
	case 't', 'f':
		return s.flag()
	case 'n':
		s.skip()
		return nil
	}
	return json.Number(s.digits())
}

// FuzzScanner holds the scanner to encoding/json: it accepts the same texts,
// but for invalid UTF-8 and depth, skipping or not, and reads the same values.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `"a\u00e9\ud83d\ude00\ud800x\n"`, `{"a":[1,-0.5e+10,true,false,null,{"b":""}]}`, ` {"a" : 1 } `,
		`{"a":1,}`, `[1 2]`, `01`, `-`, `1.`, `"\x"`, `"\u12"`, `tru`, `{"a"}`, `"` + "\x00" + `"`, `"` + "\xff" + `"`, `1e999`, strings.Repeat("[", 70),
		string(benchPage(1)),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) || deep(text) {
			return
		}
		var whole, over scanner
		whole.reset(text)
		got := tree(&whole)
		over.reset(text)
		over.skip()
		if a, b := whole.end() == nil, over.end() == nil; a != json.Valid(text) || b != a {
			t.Fatalf("read: %t, skipped: %t, valid: %t", a, b, json.Valid(text))
		}
		if whole.end() != nil {
			return
		}
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !slices.Equal(a, b) {
			t.Fatalf("got %s, want %s", a, b)
		}
	})
}

// deep reports whether text may nest deeper than the scanner follows.
func deep(text []byte) bool {
	n := 0
	for _, c := range text {
		if c == '[' || c == '{' {
			n++
		}
	}
	return n > deepest
}

// FuzzImages: no answer makes the reader panic, and what it accepts has a
// request id and only rows with what every image has.
func FuzzImages(f *testing.F) {
	f.Add([]byte(`{"RequestId":"r","Images":{"Image":[{"ImageId":"m-1","Size":"40","Tags":{"Tag":[{"TagKey":"a"}]}}]},"TotalCount":1}`))
	f.Add(benchPage(2))
	tables := newTables()
	f.Fuzz(func(t *testing.T, text []byte) {
		var s scanner
		s.reset(text)
		got, err := tables.images.read(&s, nil, 100)
		if err == nil && (got.requestID == "" || !json.Valid(text)) {
			t.Fatalf("accepted %q", text)
		}
		for _, i := range got.rows {
			if i.SizeGiB < 0 || i.Progress < 0 || i.Progress > 100 {
				t.Fatalf("accepted %+v", i)
			}
		}
	})
}

func TestScalarsComeInEveryDress(t *testing.T) {
	t.Parallel()
	read := func(text string) *scanner {
		var s scanner
		s.reset([]byte(text))
		return &s
	}
	for text, want := range map[string]int64{
		`40`: 40, `"40"`: 40, `""`: 0, `null`: 0, `4e1`: 40, `40.0`: 40, `-3`: -3, `9007199254740992`: 1 << 53,
	} {
		if s := read(text); s.whole() != want || s.failed {
			t.Errorf("%s is not read as %d", text, want)
		}
	}
	for _, text := range []string{`1e400`, `40.5`, `"4x"`, `true`, `{}`, `[]`, `"NaN"`, `9007199254740993000`} {
		if s := read(text); s.whole() != 0 || !s.failed {
			t.Errorf("%s was read as a whole number", text)
		}
	}
	for text, want := range map[string]image.Tri{
		`true`: image.Yes, `"True"`: image.Yes, `"true"`: image.Yes, `1`: image.Yes,
		`false`: image.No, `"False"`: image.No, `0`: image.No, `""`: image.Unknown, `null`: image.Unknown,
	} {
		if s := read(text); s.tri() != want || s.failed {
			t.Errorf("%s is not read as %s", text, want)
		}
	}
	for text, want := range map[string]int{`"100%"`: 100, `"7"`: 7, `7`: 7, `""`: 0, `null`: 0, `"0%"`: 0} {
		if s := read(text); s.percent() != want || s.failed {
			t.Errorf("%s is not read as %d %%", text, want)
		}
	}
	if s := read(`"8.5"`); s.fraction() != 8.5 || s.failed {
		t.Error(`"8.5" is not read as a fraction`)
	}
	if s := read(`"Infinity"`); s.fraction() != 0 || !s.failed {
		t.Error("infinity was read as a fraction")
	}
	if s := read(`2147483648`); s.count() != 0 || !s.failed {
		t.Error("a count beyond 32 bits was read")
	}
}

// TestEqualStringsAreKeptOnce: reading 1000 pages of equal words keeps one copy
// of each, and a scanner's memory is bounded.
func TestEqualStringsAreKeptOnce(t *testing.T) {
	t.Parallel()
	var s scanner
	for range 3 {
		s.reset([]byte(`["Ubuntu","Ubuntu"]`))
		s.array(func() { s.word() })
	}
	if len(s.words) != 1 {
		t.Errorf("%d words are kept, want 1", len(s.words))
	}
	for n := range 3 * mostWords {
		s.reset([]byte(`"` + strings.Repeat("x", n%90) + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + `"`))
		s.word()
	}
	if len(s.words) > mostWords {
		t.Errorf("%d words are kept, want at most %d", len(s.words), mostWords)
	}
}
