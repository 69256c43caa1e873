package importing_test

import (
	"strings"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
)

// What a step sends is what was asked for, to the letter, and its reason says what
// is now and what comes.
func TestAttributesToTheLetter(t *testing.T) {
	t.Parallel()
	i := image.Image{Ref: image.Ref{ID: "m-1", Region: "cn-hangzhou", Account: "1000000000000001"}, Kind: image.KindCustom, Status: image.StatusAvailable, Description: "before", Tags: image.Tags{"team": "=data", "old": ""}}
	description := "=HYPERLINK(1)"
	p := importing.PlanAttributes(i, importing.Attributes{Description: &description, Tags: map[string]string{"team": "==page", "empty": ""}, Untag: []string{"old"}}, importing.Namesake{})
	sent, said := map[string]string{}, map[string]string{}
	for _, s := range p.Steps {
		sent[s.Subject], said[s.Subject] = s.Parameters["value"], s.Reasons[0].Sentence
	}
	for what, want := range map[string]struct{ value, says string }{
		"description": {"=HYPERLINK(1)", `is "before", and becomes "=HYPERLINK(1)"`},
		"tag/team":    {"==page", `is "=data", and becomes "==page"`},
		"tag/empty":   {"", `is not set, and becomes ""`},
		"tag/old":     {"", `is "", and becomes not set`},
	} {
		if sent[what] != want.value || !strings.Contains(said[what], want.says) {
			t.Errorf("%s: sent %q, said %q", what, sent[what], said[what])
		}
	}
}

// A name that another image of the region has is refused, and so is one of which that is
// not known.
func TestNameTaken(t *testing.T) {
	t.Parallel()
	i := image.Image{Ref: image.Ref{ID: "m-1", Region: "cn-hangzhou", Account: "1000000000000001"}, Kind: image.KindCustom, Status: image.StatusAvailable, Name: "web-1"}
	name := "web-2"
	for code, by := range map[string]importing.Namesake{
		"": {}, "nameTaken": {Image: "m-2"}, "regionUnread": {Unread: &image.Reason{Code: "Forbidden.RAM", Sentence: "no"}},
	} {
		p := importing.PlanAttributes(i, importing.Attributes{Name: &name}, by)
		if first := p.Steps[0]; first.Refused != (code != "") || code != "" && first.Reasons[0].Code != code {
			t.Errorf("%q: %+v", code, first)
		}
	}
}
