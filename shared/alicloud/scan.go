package alicloud

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"imagekeeper/shared/image"
)

// errMalformed is the one thing a scanner has to say; where it happened would
// help nobody, and quoting the text could show a secret.
var errMalformed = errors.New("not the JSON that was expected")

// deepest is how deep values may nest. ECS's deepest answer has seven levels.
const deepest = 64

// mostWords and longestWord bound what a scanner remembers between answers.
const (
	mostWords   = 4096
	longestWord = 96
)

// A scanner reads one JSON text front to back without building a tree: the
// answers of 20000 images are read many times faster than by reflection, and
// nothing of the text is kept. It is as strict as encoding/json, and stricter
// about UTF-8. After a failure every method returns zero values at once.
type scanner struct {
	text   []byte
	at     int
	depth  int
	failed bool
	// words holds one copy of each string that comes again and again.
	words map[string]string
	// spare is reused for strings with escapes.
	spare []byte
}

// reset starts over with another text; words stay.
func (s *scanner) reset(text []byte) {
	s.text, s.at, s.depth, s.failed = text, 0, 0, false
	if s.words == nil || len(s.words) >= mostWords {
		s.words = make(map[string]string)
	}
}

// end reports whether everything was read and was right.
func (s *scanner) end() error {
	s.space()
	if s.failed || s.at != len(s.text) {
		return errMalformed
	}
	return nil
}

// fail stops the scanner.
func (s *scanner) fail() { s.failed = true }

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// peek returns the first byte of the next value or sign, 0 at the end and
// after a failure.
func (s *scanner) peek() byte {
	s.space()
	if s.failed || s.at >= len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// take consumes sign if it is next.
func (s *scanner) take(sign byte) bool {
	if s.peek() != sign || sign == 0 {
		return false
	}
	s.at++
	return true
}

// literal consumes word if it is next.
func (s *scanner) literal(word string) bool {
	if s.peek() != word[0] || !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// null consumes a null if it is next.
func (s *scanner) null() bool { return s.literal("null") }

// enter and leave count the depth.
func (s *scanner) enter() bool {
	s.depth++
	if s.depth > deepest {
		s.fail()
	}
	return !s.failed
}

func (s *scanner) leave() { s.depth-- }

// object calls member for each key of the next object; member must read the
// value. A null is an object without members. The key is valid until then.
func (s *scanner) object(member func(key []byte)) {
	if s.null() {
		return
	}
	if !s.take('{') || !s.enter() {
		s.fail()
		return
	}
	defer s.leave()
	if s.take('}') {
		return
	}
	for !s.failed {
		key := s.quoted()
		if !s.take(':') {
			s.fail()
			return
		}
		member(key)
		if s.take('}') {
			return
		}
		if !s.take(',') {
			s.fail()
		}
	}
}

// array calls element for each element of the next array; element must read
// it. A null is an empty array.
func (s *scanner) array(element func()) {
	if s.null() {
		return
	}
	if !s.take('[') || !s.enter() {
		s.fail()
		return
	}
	defer s.leave()
	if s.take(']') {
		return
	}
	for !s.failed {
		element()
		if s.take(']') {
			return
		}
		if !s.take(',') {
			s.fail()
		}
	}
}

// skip reads over any value, and checks it no less than those that are kept.
func (s *scanner) skip() {
	switch s.peek() {
	case '{':
		s.object(func([]byte) { s.skip() })
	case '[':
		s.array(s.skip)
	case '"':
		s.quoted()
	case 't':
		s.mustBe("true")
	case 'f':
		s.mustBe("false")
	case 'n':
		s.mustBe("null")
	default:
		s.digits()
	}
}

func (s *scanner) mustBe(word string) {
	if !s.literal(word) {
		s.fail()
	}
}

// quoted returns the content of the next string, valid until the next call.
func (s *scanner) quoted() []byte {
	if !s.take('"') {
		s.fail()
		return nil
	}
	ascii := true
	for i := s.at; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			found := s.text[s.at:i]
			s.at = i + 1
			if !ascii && !utf8.Valid(found) {
				s.fail()
			}
			return found
		case c == '\\':
			return s.escaped(i)
		case c < ' ':
			s.fail()
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.fail()
	return nil
}

// escaped finishes a string whose first backslash is at i.
func (s *scanner) escaped(i int) []byte {
	out := append(s.spare[:0], s.text[s.at:i]...)
	for i < len(s.text) {
		c := s.text[i]
		switch {
		case c == '"':
			s.at, s.spare = i+1, out
			if !utf8.Valid(out) {
				s.fail()
			}
			return out
		case c < ' ':
			s.fail()
			return nil
		case c == '\\':
			r, size := unescape(s.text[i:])
			if size == 0 {
				s.fail()
				return nil
			}
			out, i = utf8.AppendRune(out, r), i+size
		default:
			out, i = append(out, c), i+1
		}
	}
	s.fail()
	return nil
}

// unescape returns the character that the escape at the start of text stands
// for, and its length; 0 if there is none. Half a surrogate pair is U+FFFD.
func unescape(text []byte) (rune, int) {
	if len(text) < 2 {
		return 0, 0
	}
	if text[1] != 'u' {
		at := bytes.IndexByte([]byte(`"\/bfnrt`), text[1])
		if at < 0 {
			return 0, 0
		}
		return rune("\"\\/\b\f\n\r\t"[at]), 2
	}
	r, ok := hex4(text[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low, ok := hex4(text[8:]); ok {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				return whole, 12
			}
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads four hexadecimal digits.
func hex4(text []byte) (rune, bool) {
	if len(text) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range text[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// digits returns the text of the next number, as JSON allows it.
func (s *scanner) digits() []byte {
	s.space()
	start := s.at
	s.one('-')
	if !s.one('0') && !s.run() {
		s.fail()
		return nil
	}
	if s.one('.') && !s.run() {
		s.fail()
	}
	if s.one('e') || s.one('E') {
		if !s.one('+') {
			s.one('-')
		}
		if !s.run() {
			s.fail()
		}
	}
	return s.text[start:s.at]
}

// one consumes c if it is the very next byte.
func (s *scanner) one(c byte) bool {
	if s.failed || s.at >= len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

// run consumes decimal digits and reports whether there was one.
func (s *scanner) run() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// scalar returns the text of the next string, number or boolean, and nothing
// for null: ECS writes the same field as one or the other.
func (s *scanner) scalar() []byte {
	switch s.peek() {
	case '"':
		return s.quoted()
	case 't':
		s.mustBe("true")
		return []byte("true")
	case 'f':
		s.mustBe("false")
		return []byte("false")
	case 'n':
		s.mustBe("null")
		return nil
	}
	return s.digits()
}

// str returns the next scalar as a string of its own.
func (s *scanner) str() string { return string(s.scalar()) }

// word returns the next scalar as a string that is shared with all equal
// ones, for values that come again and again.
func (s *scanner) word() string {
	text := s.scalar()
	if len(text) == 0 {
		return ""
	}
	if known, ok := s.words[string(text)]; ok {
		return known
	}
	fresh := string(text)
	if len(fresh) <= longestWord && len(s.words) < mostWords {
		s.words[fresh] = fresh
	}
	return fresh
}

// whole returns the next scalar as a whole number; what is empty is 0, what is
// no whole number within 2^53 is a failure.
func (s *scanner) whole() int64 {
	text := s.scalar()
	if len(text) == 0 {
		return 0
	}
	if n, ok := short(text); ok {
		return n
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		s.fail()
		return 0
	}
	return int64(f)
}

// short reads up to 15 decimal digits.
func short(text []byte) (int64, bool) {
	if len(text) > 15 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// count returns the next scalar as a number that is not negative.
func (s *scanner) count() int {
	n := s.whole()
	if n < 0 || n > math.MaxInt32 {
		s.fail()
		return 0
	}
	return int(n)
}

// size returns the next scalar as a number that is not negative; what is empty
// is a failure, because no size is not size 0.
func (s *scanner) size() int64 {
	text := s.scalar()
	n, ok := short(text)
	if len(text) == 0 || !ok {
		s.fail()
		return 0
	}
	return n
}

// decimal returns the next scalar as exactly the number that its digits say; nil
// if it is empty. What is negative, or longer than a price, is a failure.
func (s *scanner) decimal() *big.Rat {
	text := s.scalar()
	if len(text) == 0 {
		return nil
	}
	number := scanner{text: text}
	number.digits()
	mantissa, exponent, _ := bytes.Cut(bytes.ToLower(text), []byte("e"))
	if number.end() != nil || len(mantissa) > 40 || len(bytes.TrimLeft(exponent, "+-0")) > 2 || text[0] == '-' {
		s.fail()
		return nil
	}
	value, ok := new(big.Rat).SetString(string(text))
	if !ok {
		s.fail()
	}
	return value
}

// fraction returns the next scalar as a number; what is empty is 0.
func (s *scanner) fraction() float64 {
	text := s.scalar()
	if len(text) == 0 {
		return 0
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		s.fail()
		return 0
	}
	return f
}

// percent returns "100%", "100" or 100 as 100; what is empty is 0.
func (s *scanner) percent() int {
	text := bytes.TrimSuffix(s.scalar(), []byte("%"))
	n, ok := short(text)
	if !ok || n > 100 {
		s.fail()
		return 0
	}
	return int(n)
}

// tri returns the next scalar as an answer; what is empty is unknown.
func (s *scanner) tri() image.Tri {
	switch text := s.scalar(); string(text) {
	case "true", "True", "TRUE", "1":
		return image.Yes
	case "false", "False", "FALSE", "0":
		return image.No
	case "":
		return image.Unknown
	}
	s.fail()
	return image.Unknown
}

// flag is tri where a missing answer means no.
func (s *scanner) flag() bool { return s.tri() == image.Yes }

// moment returns the next scalar as a time in UTC; what is empty is the zero
// time. ECS leaves the seconds out for instances and writes them for images.
func (s *scanner) moment() time.Time {
	text := s.str()
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04Z", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	s.fail()
	return time.Time{}
}
