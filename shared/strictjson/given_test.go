package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// moment reads itself from text, and knows when it is none.
type moment struct{ at time.Time }

func (m *moment) UnmarshalText(text []byte) (err error) {
	m.at, err = time.Parse("2006-01", string(text))
	return err
}

func (m moment) IsZero() bool { return m.at.IsZero() }

// hours reads itself from JSON.
type hours struct{ text string }

func (h *hours) UnmarshalJSON(raw []byte) error {
	h.text = strings.Trim(string(raw), `"0./`)
	return nil
}

type wish struct {
	List     []string          `json:"list"`
	Exactly  []string          `json:"exactly" validate:"required,max=3,dive,required"`
	Map      map[string]string `json:"map"`
	Text     string            `json:"text"`
	Colour   colour            `json:"colour"`
	Number   int               `json:"number"`
	Required int               `json:"required" validate:"required,min=1"`
	Count    uint8             `json:"count"`
	Ratio    float64           `json:"ratio"`
	Since    time.Time         `json:"since"`
	Month    moment            `json:"month"`
	Hours    hours             `json:"hours"`
	On       bool              `json:"on"`
	Part     limits            `json:"part"`
	Limits   *limits           `json:"limits"`
	Behind   *int              `json:"behind"`
	Until    *time.Time        `json:"until"`
	Note     *string           `json:"note"`
	Any      any               `json:"any"`
	Raw      json.RawMessage   `json:"raw"`
	Deep     []limits          `json:"deep"`
}

type limits struct {
	Accounts []string `json:"accounts"`
	Max      int      `json:"max"`
}

// TestNothingGivenIsRefused: whatever would read as left out, wherever it is.
func TestNothingGivenIsRefused(t *testing.T) {
	t.Parallel()
	const empty, wrong = strictjson.CodeEmpty, strictjson.CodeType
	for _, test := range []struct{ doc, code, field string }{
		{`{"list":[]}`, empty, "list"},
		{`{"list":[ ]}`, empty, "list"},
		{`{"list":null}`, wrong, "list"},
		{`{"list":[""]}`, empty, "list[0]"},
		{`{"list":["a"," "]}`, empty, "list[1]"},
		{`{"list":[null]}`, wrong, "list[0]"},
		{`{"exactly":[""]}`, empty, "exactly[0]"},
		{`{"exactly":null}`, wrong, "exactly"},
		{`{"map":{}}`, empty, "map"},
		{`{"map":{ }}`, empty, "map"},
		{`{"map":null}`, wrong, "map"},
		{`{"map":{"a":null}}`, wrong, "map.a"},
		{`{"text":""}`, empty, "text"},
		{`{"text":" \u00a0"}`, empty, "text"},
		{`{"text" : ""}`, empty, "text"},
		{`{"text":null}`, wrong, "text"},
		{`{"colour":""}`, empty, "colour"},
		{`{"colour":null}`, wrong, "colour"},
		{`{"number":0}`, empty, "number"},
		{`{"number":-0}`, empty, "number"},
		{`{"number":null}`, wrong, "number"},
		{`{"required":0}`, empty, "required"},
		{`{"count":0}`, empty, "count"},
		{`{"ratio":0}`, empty, "ratio"},
		{`{"ratio":0.00}`, empty, "ratio"},
		{`{"ratio":-0e9}`, empty, "ratio"},
		{`{"since":"0001-01-01T00:00:00Z"}`, empty, "since"},
		{`{"since":"0001-01-01T08:00:00+08:00"}`, empty, "since"},
		{`{"since":""}`, empty, "since"},
		{`{"month":"0001-01"}`, empty, "month"},
		{`{"month":""}`, empty, "month"},
		{`{"hours":0}`, empty, "hours"},
		{`{"hours":"0.00"}`, empty, "hours"},
		{`{"hours":""}`, empty, "hours"},
		{`{"hours":null}`, wrong, "hours"},
		{`{"part":{}}`, empty, "part"},
		{`{"part":null}`, wrong, "part"},
		{`{"limits":null}`, wrong, "limits"},
		{`{"limits":{"accounts":[]}}`, empty, "limits.accounts"},
		{`{"limits":{"max":0}}`, empty, "limits.max"},
		{`{"deep":[{"max":1},{"accounts":[]}]}`, empty, "deep[1].accounts"},
		{`{"deep":[null]}`, wrong, "deep[0]"},
		{`{"behind":null}`, wrong, "behind"},
		{`{"until":null}`, wrong, "until"},
		{`{"on":null}`, wrong, "on"},
	} {
		var in wish
		err := strictjson.DecodeInput([]byte(test.doc), &in)
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Code != test.code || e.Field != test.field {
			t.Errorf("%s: got %v, want %s in %s", test.doc, err, test.code, test.field)
		}
	}
}

// TestWhatCanBeToldIsTaken: nothing is a value where the type can say so.
func TestWhatCanBeToldIsTaken(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{}`, `{"exactly":[]}`, `{"map":{"a":""}}`, `{"on":false}`, `{"behind":0}`, `{"until":"0001-01-01T00:00:00Z"}`, `{"note":""}`,
		`{"any":null}`, `{"any":[]}`, `{"any":{"a":{}}}`, `{"raw":null}`, `{"raw":{}}`, `{"raw":""}`, `{"raw":[{}]}`, `{"limits":{}}`,
		`{"list":["0"],"number":-1,"ratio":0.5,"hours":"0.5","month":"0002-01"}`, `{"list":["a"],"any":[]}`, `{"part":{"max":1}}`,
	} {
		var in, lenient wish
		if err := strictjson.DecodeInput([]byte(doc), &in); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
		if err := json.Unmarshal([]byte(doc), &lenient); err != nil || !reflect.DeepEqual(in, lenient) {
			t.Errorf("%s: %v, %v", doc, in, err)
		}
		if err := strictjson.Decode([]byte(doc), &in); err != nil {
			t.Errorf("%s as a document: %v", doc, err)
		}
	}
}

// TestGivenIsNeverLeftOut: an input that is taken and gives a field that cannot
// tell differs from one that does not give it.
func TestGivenIsNeverLeftOut(t *testing.T) {
	t.Parallel()
	values := rapid.SampledFrom([]string{
		`0`, `1`, `-0`, `0.0`, `""`, `" "`, `"a"`, `"red"`, `[]`, `["a"]`, `[[]]`, `{}`, `{"max":1}`, `{"a":""}`, `null`,
		`"0001-01"`, `"2026-01"`, `"0001-01-01T00:00:00Z"`, `"2026-01-01T00:00:00Z"`, `"0"`,
	})
	fields := strictjson.Fields(reflect.TypeFor[wish]())
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(fields).Draw(t, "field")
		doc := fmt.Sprintf(`{%q: %s}`, f.Name, values.Draw(t, "value"))
		var in wish
		if strictjson.DecodeInput([]byte(doc), &in) != nil || strictjson.Tellable(f) {
			return
		}
		if got := reflect.ValueOf(in).FieldByIndex(f.Index); got.IsZero() || strictjson.Nothing(got) != "" {
			t.Fatalf("%s reads as if it were left out", doc)
		}
	})
}

func ExampleDecodeInput() {
	var in struct {
		Accounts []string `json:"accounts"`
	}
	fmt.Println(strictjson.DecodeInput([]byte(`{"accounts":[]}`), &in))
	// Output: accounts: is empty; give it a value, or leave it out
}
