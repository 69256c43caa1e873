package rulebook_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/rulebook"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/rules"
)

type dishes struct {
	Menu []dish `json:"menu" validate:"required,min=1,dive"`
}

type dish struct {
	Name string `json:"name" validate:"required,dishname"`
	Hot  bool   `json:"hot,omitempty"`
}

func shapes() []function.Rule {
	return []function.Rule{{Tag: "dishname", Pattern: `^[a-z]+$`, Sentence: "must have small letters"}}
}

// once: no dish is there twice.
func once(d dishes, _ rules.Source) []*fault.Error {
	if len(d.Menu) > 1 && d.Menu[0].Name == d.Menu[1].Name {
		return []*fault.Error{fault.InField("menu[1].name", "duplicate", "is there already")}
	}
	return nil
}

func open(t *testing.T, value string) *rulebook.Book[dishes] {
	t.Helper()
	b, err := rulebook.Open("kitchen", "MENU", value, os.ReadFile, shapes(), once)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A document counts if its form, its tags and its capability have nothing against it.
func TestBook(t *testing.T) {
	for value, want := range map[string]string{
		"menu: [{name: soup, hot: true}, {name: fish, hot: false}]": "",
		"menu: [{name: soup, cold: true}]":                          "unknownField line 1, column 27: menu[0].cold",
		"menu: [{name: Soup}]":                                      "dishname line 1, column 15: menu[0].name must have small letters",
		"menu: []":                                                  "emptyValue line 1, column 7: menu is empty",
		"menu: [{name: soup}, {name: soup}]":                        "duplicate line 1, column 29: menu[1].name is there already",
	} {
		b := open(t, value)
		d := b.Load(t.Context(), nil)
		if d.Usable() != (want == "") {
			t.Errorf("%s: %+v", value, d)
			continue
		}
		if want == "" {
			continue
		}
		if got := d.Flaws[0].Code + " " + d.Flaws[0].String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s", value, got)
		}
		n := b.Broken(d, time.Unix(1700000000, 0))
		if n.Kind != notify.Broken || n.Function != "kitchen" || n.Items[0].Code != d.Flaws[0].Code || n.ID != b.Broken(b.Load(t.Context(), nil), time.Unix(1800000000, 0)).ID {
			t.Errorf("%s: %+v", value, n)
		}
	}
	if b := open(t, ""); b.Given() || b.Load(t.Context(), nil).Usable() {
		t.Error("no document, and rules")
	}
	if _, err := rulebook.Open("kitchen", "MENU", "file:none.yaml", os.ReadFile, shapes(), once); !errors.Is(err, fault.Invalid) {
		t.Errorf("no such file: %v", err)
	}
}

// What cannot be read is announced once a day.
func TestUnreadable(t *testing.T) {
	b := open(t, "oss://rules/menu.yaml")
	d := b.Load(t.Context(), nil)
	at := time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC)
	if d.Usable() || b.Broken(d, at).ID != b.Broken(d, at.Add(time.Hour)).ID || b.Broken(d, at).ID == b.Broken(d, at.Add(24*time.Hour)).ID {
		t.Errorf("%+v", d)
	}
}

// A document is explained without anything being deployed.
func TestExplain(t *testing.T) {
	doc := open(t, "").Document("Menu", once, func(d dishes) []string { return []string{"there is " + d.Menu[0].Name} })
	for text, want := range map[string]string{
		"menu: [{name: soup}]": "there is soup\n",
		"menu: [{name: 3}]":    "line 1, column 15: menu[0].name must be a string",
	} {
		var out strings.Builder
		if ok := doc.Explain([]byte(text), &out); ok != strings.HasPrefix(want, "there") || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: %t, %s", text, ok, out.String())
		}
	}
	if doc.Schema()["title"] != "Menu" {
		t.Errorf("%v", doc.Schema())
	}
}
