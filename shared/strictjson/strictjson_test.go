package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// colour reads itself from text.
type colour string

func (c *colour) UnmarshalText(text []byte) error {
	if string(text) != "red" {
		return fault.New(fault.Invalid, "must be red")
	}
	*c = colour(text)
	return nil
}

// even reads itself from JSON.
type even int

func (e *even) UnmarshalJSON(raw []byte) error {
	var n int
	if err := json.Unmarshal(raw, &n); err != nil {
		return err
	}
	if n%2 != 0 {
		return errors.New("odd: internal text")
	}
	*e = even(n)
	return nil
}

type base struct {
	Region string `json:"region"`
	DryRun bool   `json:"dryRun"`
}

type account struct {
	ID    string     `json:"id"`
	Until *time.Time `json:"until,omitempty"`
}

type request struct {
	base
	Accounts []account         `json:"accounts"`
	Limit    int8              `json:"limit"`
	Port     uint16            `json:"port"`
	Ratio    float64           `json:"ratio"`
	Short    float32           `json:"short"`
	Number   json.Number       `json:"number"`
	Tags     map[string]string `json:"tags"`
	Since    time.Time         `json:"since"`
	Colour   colour            `json:"colour"`
	Even     even              `json:"even"`
	Any      any               `json:"any"`
	Raw      json.RawMessage   `json:"raw"`
	Bytes    []byte            `json:"bytes"`
	Pair     [2]int            `json:"pair"`
	Self     *request          `json:"self"`
	Hidden   string            `json:"-"`
}

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, code, field string }{
		{"empty", ``, strictjson.CodeMalformed, ""},
		{"cut off", `{"limit":`, strictjson.CodeMalformed, ""},
		{"trailing document", `{"limit":1}{"limit":2}`, strictjson.CodeMalformed, ""},
		{"trailing word", `{} x`, strictjson.CodeMalformed, ""},
		{"byte order mark", "\ufeff{}", strictjson.CodeMalformed, ""},
		{"not UTF-8", "{\"region\":\"\xff\"}", strictjson.CodeText, ""},
		{"not an object", `[]`, strictjson.CodeType, ""},
		{"null", `null`, strictjson.CodeType, ""},
		{"duplicate", `{"dryRun":true,"dryRun":false}`, strictjson.CodeDuplicate, "dryRun"},
		{"duplicate, escaped", `{"dryRun":true,"dry\u0052un":false}`, strictjson.CodeDuplicate, "dryRun"},
		{"duplicate in a map", `{"tags":{"a":"1","a":"2"}}`, strictjson.CodeDuplicate, "tags.a"},
		{"duplicate in any", `{"any":[{"x":1,"x":1}]}`, strictjson.CodeDuplicate, "any[0].x"},
		{"duplicate in raw", `{"raw":{"x":1,"x":1}}`, strictjson.CodeDuplicate, "raw.x"},
		{"other case", `{"dryRun":true,"DRYRUN":false}`, strictjson.CodeCase, "DRYRUN"},
		{"other case, folded", `{"\u017felf":null}`, strictjson.CodeUnknown, "ſelf"},
		{"unknown", `{"regions":"x"}`, strictjson.CodeUnknown, "regions"},
		{"unknown, deep", `{"accounts":[{},{},{"untill":null}]}`, strictjson.CodeUnknown, "accounts[2].untill"},
		{"hidden", `{"Hidden":"x"}`, strictjson.CodeUnknown, "Hidden"},
		{"too deep", `{"any":` + nested(32) + `}`, strictjson.CodeDepth, "any" + strings.Repeat("[0]", 31)},
		{"NUL", `{"region":"a\u0000"}`, strictjson.CodeText, "region"},
		{"NUL in a key", `{"tags":{"\u0000":""}}`, strictjson.CodeText, "tags"},
		{"ESC", `{"region":"\u001b[31m"}`, strictjson.CodeText, "region"},
		{"DEL, as it is", "{\"region\":\"a\x7f\"}", strictjson.CodeText, "region"},
		{"line break", `{"region":"a\nb"}`, strictjson.CodeText, "region"},
		{"line separator", `{"region":"a\u2028b"}`, strictjson.CodeText, "region"},
		{"turned text", `{"any":["a\u202eb"]}`, strictjson.CodeText, "any[0]"},
		{"replaced character", `{"region":"\ufffd"}`, strictjson.CodeText, "region"},
		{"ESC in a key", `{"a\u001b":1}`, strictjson.CodeText, ""},
		{"half a surrogate", `{"region":"\ud800"}`, strictjson.CodeText, "region"},
		{"second half alone", `{"region":"\udc00\ud800"}`, strictjson.CodeText, "region"},
		{"int too large", `{"limit":128}`, strictjson.CodeNumber, "limit"},
		{"int with a point", `{"limit":1.0}`, strictjson.CodeNumber, "limit"},
		{"int with an exponent", `{"limit":1e1}`, strictjson.CodeNumber, "limit"},
		{"negative", `{"port":-1}`, strictjson.CodeNumber, "port"},
		{"loses digits", `{"ratio":9007199254740993}`, strictjson.CodeNumber, "ratio"},
		{"loses digits in any", `{"any":{"n":9007199254740993}}`, strictjson.CodeNumber, "any.n"},
		{"loses digits with a point", `{"ratio":9007199254740993.0}`, strictjson.CodeNumber, "ratio"},
		{"loses digits with an exponent", `{"any":[9007199254740993e3]}`, strictjson.CodeNumber, "any[0]"},
		{"loses digits of 32 bits", `{"short":1.6777217e7}`, strictjson.CodeNumber, "short"},
		{"overflow", `{"ratio":1e400}`, strictjson.CodeNumber, "ratio"},
		{"overflow of 32 bits", `{"short":1e40}`, strictjson.CodeNumber, "short"},
		{"text for a number", `{"limit":"1"}`, strictjson.CodeType, "limit"},
		{"text for a json.Number", `{"number":"1"}`, strictjson.CodeType, "number"},
		{"number for text", `{"region":1}`, strictjson.CodeType, "region"},
		{"number for self-reading text", `{"colour":1}`, strictjson.CodeType, "colour"},
		{"number for a boolean", `{"dryRun":0}`, strictjson.CodeType, "dryRun"},
		{"boolean for text", `{"region":true}`, strictjson.CodeType, "region"},
		{"null for text", `{"region":null}`, strictjson.CodeType, "region"},
		{"null for a time", `{"since":null}`, strictjson.CodeType, "since"},
		{"object for an array", `{"accounts":{}}`, strictjson.CodeType, "accounts"},
		{"array for an object", `{"accounts":[[]]}`, strictjson.CodeType, "accounts[0]"},
		{"array for bytes", `{"bytes":[1]}`, strictjson.CodeType, "bytes"},
		{"not base64", `{"bytes":"?"}`, strictjson.CodeValue, "bytes"},
		{"not a time", `{"accounts":[{"until":"tomorrow"}]}`, strictjson.CodeValue, "accounts[0].until"},
		{"day without time", `{"since":"2026-01-31"}`, strictjson.CodeValue, "since"},
		{"refused by its type", `{"colour":"blue"}`, strictjson.CodeValue, "colour"},
		{"refused by its JSON", `{"even":3}`, strictjson.CodeValue, "even"},
		{"array too short", `{"pair":[1]}`, strictjson.CodeValue, "pair"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var into request
			err := strictjson.Decode([]byte(test.doc), &into)
			var e *fault.Error
			if !errors.As(err, &e) || e.Kind != fault.Invalid {
				t.Fatalf("got %v, want kind %s", err, fault.Invalid)
			}
			if e.Code != test.code || e.Field != test.field {
				t.Errorf("got %s in %q (%s), want %s in %q", e.Code, e.Field, e.Sentence, test.code, test.field)
			}
			if strings.Contains(e.Sentence, "internal") {
				t.Errorf("the sentence tells internal text: %s", e.Sentence)
			}
		})
	}
}

func TestDecodes(t *testing.T) {
	t.Parallel()
	doc := ` {"region":"cn-hangzhou","dryRun":true,"limit":-128,"port":65535,"ratio":9007199254740991,"short":0.5,
		"number":12345678901234567890123,"tags":{"":"","a b":"\ud83d\ude00\\"},"since":"2026-01-31T12:00:00+08:00","colour":"red",
		"even":4,"any":{"deep":[1,null,"x"]},"raw":[ 1, "a\n\u2028" ],"bytes":"aGk=","pair":[1,2],"accounts":[{"id":"1","until":null}],
		"self":{"limit":1,"accounts":null,"tags":null}} `
	var strict, lenient request
	if err := strictjson.Decode([]byte(doc), &strict); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(doc), &lenient); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lenient, strict, cmp.AllowUnexported(request{})); diff != "" {
		t.Error(diff)
	}
}

func TestLongKeysAreCut(t *testing.T) {
	t.Parallel()
	err := strictjson.Decode([]byte(`{"`+strings.Repeat("k", 10000)+`":1}`), &request{})
	var e *fault.Error
	if !errors.As(err, &e) || len(e.Field)+len(e.Sentence) > 1000 {
		t.Errorf("got %d bytes", len(err.Error()))
	}
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	allowed := []string{"osType", "limit", "createdAfter"}
	for name, want := range map[string]string{"ostyp": "osType", "limti": "limit", "createdAftr": "createdAfter"} {
		if e := strictjson.UnknownName(name, name, allowed); !strings.Contains(e.Sentence, "mean "+want+"?") {
			t.Errorf("%s: %s", name, e.Sentence)
		}
	}
	if e := strictjson.UnknownName("x", "x", allowed); !strings.Contains(e.Sentence, "osType, limit, createdAfter") {
		t.Error(e.Sentence)
	}
	if e := strictjson.UnknownName("x", "x", nil); !strings.Contains(e.Sentence, "nothing") {
		t.Error(e.Sentence)
	}
}

type left struct {
	Same string `json:"same"`
	Deep string `json:"deep"`
}

type right struct {
	Same   string `json:"same"`
	Tagged string `json:"Plain"`
}

type plain struct{ Plain string }

type crossed struct {
	left
	*right
	plain
	Deep   int `json:"deep"`
	Opt    int `json:",omitempty"`
	hidden int
}

// TestFieldsAgreeWithJSON compares the names with those that encoding/json writes.
func TestFieldsAgreeWithJSON(t *testing.T) {
	t.Parallel()
	v := crossed{right: &right{}, Opt: 1, hidden: 1}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, key := range strictjson.Keys(raw) {
		written[key] = true
	}
	found := map[string]bool{}
	for _, f := range strictjson.Fields(reflect.TypeFor[crossed]()) {
		found[f.Name] = true
		if want := f.Name == "Opt" || f.Name == "Plain"; f.Optional != want {
			t.Errorf("%s: optional %v", f.Name, f.Optional)
		}
	}
	if diff := cmp.Diff(written, found); diff != "" {
		t.Error(diff)
	}
	if got := strictjson.Keys([]byte(`[1]`)); got != nil {
		t.Errorf("keys of an array: %v", got)
	}
}

// TestWhatIsWrittenIsRead: a document that encoding/json writes of a value is
// read as that value.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	type sample struct {
		Text  string            `json:"text"`
		Whole int64             `json:"whole"`
		Ratio float64           `json:"ratio"`
		Map   map[string]string `json:"map"`
		List  []string          `json:"list"`
	}
	texts := rapid.StringMatching(`[a-zäöü😀"\\<>& ]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		v := sample{
			Text: texts.Draw(t, "text"), Whole: rapid.Int64().Draw(t, "whole"),
			Ratio: float64(rapid.Int32().Draw(t, "ratio")) / 1024,
			Map:   rapid.MapOf(texts, texts).Draw(t, "map"), List: rapid.SliceOf(texts).Draw(t, "list"),
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back sample
		if err := strictjson.Decode(raw, &back); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if !cmp.Equal(v, back) {
			t.Fatal(cmp.Diff(v, back))
		}
	})
}

// FuzzDecode: what is accepted, encoding/json accepts too with the same result;
// written again it is accepted again, and no digit was lost.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"region":"x","accounts":[{"id":"1","until":"2026-01-31T12:00:00Z"}],"any":[1.5,{"a":null}],"limit":7}`))
	f.Add([]byte(`{"dryRun":true,"DRYRUN":false}`))
	f.Add([]byte(`{"any":1e400,"raw":"\ud83d\ude00"}`))
	f.Add([]byte(`{"tags":{"a":"1","a":"2"}} {}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var strict, lenient request
		if strictjson.Decode(raw, &strict) != nil {
			return
		}
		if err := json.Unmarshal(raw, &lenient); err != nil {
			t.Fatalf("only we accept %q: %v", raw, err)
		}
		if !reflect.DeepEqual(strict, lenient) {
			t.Fatalf("differs from encoding/json: %q", raw)
		}
		again, err := json.Marshal(strict.Any)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := strictjson.Decode(again, &back); err != nil || !reflect.DeepEqual(back, strict.Any) {
			t.Fatalf("%q came back as %q: %v", raw, again, err)
		}
		exact(t, string(raw), strict.Ratio)
	})
}

// exact fails if the whole number under "ratio" is not the one that was read.
func exact(t *testing.T, raw string, got float64) {
	t.Helper()
	var written struct {
		Ratio json.Number `json:"ratio"`
	}
	if err := json.Unmarshal([]byte(raw), &written); err != nil || written.Ratio == "" {
		return
	}
	whole, ok := new(big.Int).SetString(written.Ratio.String(), 10)
	if ok && new(big.Float).SetInt(whole).Cmp(big.NewFloat(got)) != 0 {
		t.Fatalf("%s was read as %v", written.Ratio, got)
	}
}

func ExampleDecode() {
	var in struct {
		DryRun bool `json:"dryRun"`
	}
	err := strictjson.Decode([]byte(`{"dryRun":true,"DRYRUN":false}`), &in)
	fmt.Println(err)
	// Output: DRYRUN: is not known: write it dryRun
}
