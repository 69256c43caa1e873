package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/function"
)

// TestOneChangeOfAnObject: whoever brings what OSS tells, it is the same.
func TestOneChangeOfAnObject(t *testing.T) {
	t.Parallel()
	want := function.Object{
		Event: "ObjectCreated:CompleteMultipartUpload", Region: "cn-hangzhou", Bucket: "golden-uploads", Key: "incoming/web-base_20261129.qcow2",
		Bytes: 1 << 20, ETag: "5B3C1A2E053D763E1B002CC607C5A0FE", At: time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC),
	}
	read := func(name string) string {
		text, err := os.ReadFile("testdata/event-oss-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	bus := read("eventbridge")
	var whole struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(bus), &whole); err != nil {
		t.Fatal(err)
	}
	for name, event := range map[string]string{
		"OSS":                        fmt.Sprintf(`{"events":[%s]}`, whole.Data),
		"EventBridge":                bus,
		"AWS":                        read("aws"),
		"AWS, the whole in detail":   fmt.Sprintf(`{"id":"1","detail-type":"oss:ObjectCreated:CompleteMultipartUpload","source":"acs.oss","detail":%s}`, bus),
		"a prefix in the event name": fmt.Sprintf(`{"events":[%s]}`, strings.Replace(string(whole.Data), `"eventName": "`, `"eventName": "oss:`, 1)),
	} {
		var got []function.Object
		f := function.New("f", function.OnObjects(func(_ context.Context, call function.Call, changed []function.Object) (int, error) {
			if call.Source != function.SourceObject {
				t.Errorf("%s: came as %s", name, call.Source)
			}
			got = changed
			return len(changed), nil
		}))
		if out := f.Invoke(t.Context(), function.Call{}, []byte(event)); string(out) != "1" || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s, %+v", name, out, got)
		}
	}
	for name, event := range map[string]string{
		"no object": strings.Replace(bus, `"key"`, `"kee"`, 1),
		"no size":   strings.Replace(bus, `"size": 1048576`, `"size": "many"`, 1),
	} {
		f := function.New("f", function.OnObjects(func(context.Context, function.Call, []function.Object) (int, error) { return 0, nil }))
		if out := f.Invoke(t.Context(), function.Call{}, []byte(event)); !strings.Contains(string(out), `"code":"unrecognisedEvent"`) {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// plan is a document that people write.
type dishes struct {
	Menu []dish `json:"menu" validate:"required,min=1,dive" doc:"What there is"`
}

type dish struct {
	Name  string `json:"name" validate:"required,dishname" doc:"Its name"`
	Price int    `json:"price,omitempty" validate:"omitempty,max=100"`
}

func dishName() function.Rule {
	return function.Rule{Tag: "dishname", Pattern: `^[a-z]+$`, Sentence: "must have small letters"}
}

// TestDocuments: what tags say of a document is in its schema, and is checked.
func TestDocuments(t *testing.T) {
	t.Parallel()
	schema, err := json.Marshal(function.SchemaOf[dishes]("Dishes", dishName()))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"$schema":"https://json-schema.org/draft/2020-12/schema"`, `"pattern":"^[a-z]+$"`, `"additionalProperties":false`, `"description":"What there is"`, `"required":["menu"]`, `"#/$defs/`} {
		if !bytes.Contains(schema, []byte(part)) {
			t.Errorf("%s is not in %s", part, schema)
		}
	}
	if bytes.Contains(schema, []byte("x-type")) || bytes.Contains(schema, []byte("components")) {
		t.Errorf("%s", schema)
	}
	wrong := function.Check(dishes{Menu: []dish{{Name: "soup"}, {Name: "Soup", Price: 101}, {}}}, dishName())
	var got []string
	for _, w := range wrong {
		got = append(got, w.Field+" "+w.Code)
	}
	if text := strings.Join(got, ", "); text != "menu[1].name dishname, menu[1].price max, menu[2].name required" {
		t.Errorf("got %s", text)
	}
	if wrong := function.Check(dishes{Menu: []dish{{Name: "soup"}}}, dishName()); wrong != nil {
		t.Errorf("got %v", wrong)
	}
}
