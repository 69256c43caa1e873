package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/function"
)

// ruled has one field for each rule whose sentence is ours.
type ruled struct {
	Len       string    `json:"len" validate:"omitempty,len=3"`
	Entries   []string  `json:"entries" validate:"omitempty,len=2"`
	Gt        int       `json:"gt" validate:"omitempty,gt=1"`
	Gte       int       `json:"gte" validate:"omitempty,gte=2"`
	Map       []int     `json:"map" validate:"max=1,dive,oneof=1 2"`
	When      string    `json:"when" validate:"omitempty,datetime=2006-01-02"`
	URL       string    `json:"url" validate:"omitempty,url"`
	Word      string    `json:"word" validate:"omitempty,alphanum"`
	Hex       string    `json:"hex" validate:"omitempty,hexadecimal"`
	MAC       string    `json:"mac" validate:"omitempty,mac"`
	Start     time.Time `json:"start" validate:"omitempty,ltefield=End"`
	End       time.Time `json:"end"`
	Low       int       `json:"low" validate:"omitempty,ltfield=High"`
	High      int       `json:"high" validate:"omitempty,gtefield=Low"`
	Same      string    `json:"same" validate:"omitempty,nefield=Word"`
	With      string    `json:"with" validate:"required_with=Partner"`
	Partner   string    `json:"partner" validate:"excluded_with=Rival"`
	Rival     string    `json:"rival" validate:"excluded_without=Word"`
	Either    string    `json:"either" validate:"required_without=Low"`
	Depending string    `json:"depending" validate:"required_if=Word x,excluded_if=Word y"`
	Inner     []inner   `json:"inner" validate:"dive"`
}

type inner struct {
	Boot bool   `json:"bootIt"`
	Need string `json:"need" validate:"required_if=Boot true"`
}

func TestSentences(t *testing.T) {
	t.Parallel()
	tests := []struct{ body, detail string }{
		{`{"len":"ab"}`, "len must have exactly 3 characters"},
		{`{"entries":["a"]}`, "entries must have exactly 2 entries"},
		{`{"gt":1}`, "gt must be more than 1"},
		{`{"gte":1}`, "gte must be at least 2"},
		{`{"map":[1,2]}`, "map must have at most 1 entry"},
		{`{"map":[3]}`, "map[0] must be one of 1, 2"},
		{`{"when":"today"}`, "when must be a time written as 2006-01-02"},
		{`{"url":"x"}`, "url must be a URL"},
		{`{"word":"-"}`, "word must consist of letters and digits"},
		{`{"hex":"z"}`, "hex must consist of hexadecimal digits"},
		{`{"mac":"z"}`, "mac does not satisfy the rule mac"},
		{`{"start":"2026-01-31T12:00:00Z","end":"2026-01-30T12:00:00Z"}`, "start must not be after, or more than, end"},
		{`{"low":3,"high":3}`, "low must be before, or less than, high"},
		{`{"low":1,"high":-1}`, "low must be before, or less than, high"},
		{`{"word":"a","same":"a"}`, "same must differ from word"},
		{`{"partner":"a"}`, "with is required together with partner"},
		{`{"with":"x","partner":"a","rival":"b","word":"a"}`, "partner must not be given together with rival"},
		{`{"rival":"b"}`, "rival must not be given without word"},
		{`{"high":1}`, "either is required unless low is given"},
		{`{"word":"x"}`, "depending is required here; it depends on word, x"},
		{`{"word":"y","depending":"a"}`, "depending must not be given here; it depends on word, y"},
		{`{"inner":[{"bootIt":true}]}`, "inner[0].need is required here; it depends on bootIt, true"},
	}
	f := function.New("f", function.Handle(function.Spec{Name: "f.rules"}, echo[ruled]))
	for _, test := range tests {
		t.Run(test.detail, func(t *testing.T) {
			t.Parallel()
			body := test.body
			if !strings.Contains(test.detail, "either") {
				body = `{"either":"x",` + strings.TrimPrefix(body, "{")
			}
			raw := f.Invoke(context.Background(), function.Call{}, []byte(`{"operation":"f.rules","input":`+body+`}`))
			var p problem
			if err := json.Unmarshal(raw, &p); err != nil || p.Detail != test.detail || p.Status != 400 {
				t.Errorf("got %s, want %s", raw, test.detail)
			}
		})
	}
}

func TestSecretsAreNotSeen(t *testing.T) {
	t.Parallel()
	call := function.Call{Credentials: function.Credentials{AccessKeyID: "visible-id", Secret: "visible-secret", SecurityToken: "visible-token"}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "credentials", call.Credentials, "secret", call.Credentials.Secret)
	encoded, err := json.Marshal(struct {
		C function.Credentials
		S function.Secret
	}{call.Credentials, call.Credentials.Secret})
	if err != nil {
		t.Fatal(err)
	}
	said := log.String() + string(encoded) +
		fmt.Sprintf("%v %+v %#v %s %q", call, call, call.Credentials, call.Credentials.Secret, call.Credentials.Secret) +
		fmt.Sprintf("%#v %v", call.Credentials.Secret, []function.Secret{"visible"})
	if strings.Contains(said, "visible") || !strings.Contains(said, "***") {
		t.Errorf("got %s", said)
	}
	if got := fmt.Sprint(function.Credentials{}, function.Secret("")); got != "none" {
		t.Errorf("nothing prints as %q", got)
	}
}

func TestContextEndsBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		raw := sample().Invoke(ctx, function.Call{}, []byte(`{"operation":"sample.wait","input":{"honour":true}}`))
		if ctx.Err() != nil || !strings.Contains(string(raw), `"status":503`) {
			t.Errorf("%v: %s", ctx.Err(), raw)
		}
		past, cancel := context.WithTimeout(t.Context(), -time.Second)
		defer cancel()
		raw = sample().Invoke(past, function.Call{}, []byte(`{"operation":"sample.wait","input":{"honour":true}}`))
		if !strings.Contains(string(raw), `"status":503`) {
			t.Errorf("%s", raw)
		}
	})
}
