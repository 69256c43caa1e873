package work_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// A document is read as it was written, whether it is short or long; a long one is kept
// in a small text, which is the same each time; and one that was cut off is not read.
func TestTextOfADocument(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 20_000} {
		d := work.Document{Kind: "toys", Plan: plan.Plan{Target: "toys", Base: plan.Facts{"a": "b"}}.Stored(), Wish: json.RawMessage(`{"x":1}`)}
		for k := range n {
			d.Others = append(d.Others, plan.StoredStep{Step: plan.Step{
				Action: "keep", Subject: fmt.Sprint("toy-", k), Parameters: map[string]string{"name": fmt.Sprint("the ", k)},
				Reasons: []image.Reason{{Code: "kept", Sentence: "somebody plays with it"}},
			}})
		}
		kept, err := d.Text()
		again, _ := d.Text()
		whole, _ := json.Marshal(d)
		if err != nil || !bytes.Equal(kept, again) || len(kept) > 1<<20 || n < 10 && !json.Valid(kept) || n > 10 && len(kept)*8 > len(whole) {
			t.Fatalf("%d: %d bytes of %d, %v", n, len(kept), len(whole), err)
		}
		read, err := work.DocumentOf(kept)
		if err != nil || !reflect.DeepEqual(read, d) {
			t.Errorf("%d: read %.300s, %v", n, fmt.Sprintf("%+v", read), err)
		}
		if read, err := work.DocumentOf(kept[:len(kept)-4]); err == nil {
			t.Errorf("%d: cut off, and read as %.100s", n, fmt.Sprintf("%+v", read))
		}
	}
	if _, err := work.DocumentOf([]byte(strings.Repeat("\x1f\x8b", 9))); err == nil {
		t.Error("nonsense was read")
	}
}
