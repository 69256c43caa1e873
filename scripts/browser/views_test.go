package browser_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"imagekeeper/scripts/browser"
)

// axe is the source of axe-core, which make portal installs.
func axe(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, ".build", "page", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		if os.Getenv("REQUIRE_CHROMIUM") != "" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: whether everybody can use the page was NOT tried: make portal installs axe-core")
	}
	return string(source)
}

// accessible fails for whatever axe-core finds.
func accessible(t *testing.T, tab *browser.Tab, source string) {
	t.Helper()
	if _, err := browser.Ask[any](tab, source+"; true"); err != nil {
		t.Fatal(err)
	}
	found := eval[string](t, tab, `axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + n.any.map(a => a.message).join('; '))}))))`)
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Errorf("%s: %s: %v", v.ID, v.Help, v.Nodes)
	}
}

// tooWide names the elements that what is in them sticks out of.
const tooWide = `[...document.querySelectorAll('body *')].filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'visible').slice(-4).map(e => e.outerHTML.slice(0, 160)).join('\n')`

// TestEveryView looks at every view in both languages, wide and light, narrow
// and dark: nothing is violated that axe-core knows of, nothing is wider than the
// window, and the page complains of nothing under its own policy.
func TestEveryView(t *testing.T) {
	tried(t)
	source, s, b := axe(t), up(t, nil), chromium(t)
	id, region := s.ours(t)
	place := id + "?region=" + region + "&account=1000000000000001"
	links := map[string]string{
		"overview": "#/overview", "images": "#/images?kind=custom&explain=true", "image": "#/images/" + place, "fleet": "#/fleet", "costs": "#/costs", "shares": "#/shares",
		"share": "#/shares/" + place + `&wish={"add":[{"accountId":"1000000000000005"}],"remove":[]}`, "access": "#/access", "imports": "#/imports", "rollouts": "#/rollouts", "cleanup": "#/cleanup",
	}
	looks := map[string]browser.Look{
		"en": {Width: 1280, Height: 900, Language: "en-GB"}, "zh": {Width: 320, Height: 800, Language: "zh-CN", Dark: true},
	}
	for language, look := range looks {
		for view, link := range links {
			t.Run(view+" "+language, func(t *testing.T) {
				one := tab(t, b, s, "operator", link, look)
				must(t, one.Settled())
				accessible(t, one, source)
				if wide := eval[int64](t, one, `document.documentElement.scrollWidth`); wide > look.Width {
					t.Errorf("%d wide in a window of %d: %s", wide, look.Width, eval[string](t, one, tooWide))
				}
				if lang := eval[string](t, one, `document.documentElement.lang`); lang != look.Language && (lang != "en" || language != "en") {
					t.Errorf("the language is %s", lang)
				}
				if title := eval[string](t, one, `document.title`); len(title) < len(" · Imagekeeper") {
					t.Errorf("the title is %q", title)
				}
				quiet(t, one)
			})
		}
	}
}

// TestLinksKeep: filters are in the address; back, forward and a reload come to
// the same list.
func TestLinksKeep(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,portal"), chromium(t)
	one := tab(t, b, s, "viewer", "#/images?kind=custom&limit=10", browser.Look{})
	must(t, one.Settled())
	first := eval[string](t, one, `document.querySelector('tbody tr').innerText`)
	eval[bool](t, one, `document.querySelector('a[rel=next]').click(), true`)
	must(t, one.Wait(`document.querySelector('tbody tr') && document.querySelector('tbody tr').innerText !== `+quoted(first), 20*time.Second))
	second := eval[string](t, one, `document.querySelector('tbody tr').innerText`)
	eval[bool](t, one, `history.back(), true`)
	soon(t, one, `document.querySelector('tbody tr')?.innerText.split(' ')[0] === `+quoted(first)+`.split(' ')[0]`)
	eval[bool](t, one, `history.forward(), true`)
	soon(t, one, `document.querySelector('tbody tr')?.innerText.split(' ')[0] === `+quoted(second)+`.split(' ')[0]`)
	eval[bool](t, one, `location.reload(), true`)
	soon(t, one, `document.querySelector('tbody tr')?.innerText.split(' ')[0] === `+quoted(second)+`.split(' ')[0]`)
	soon(t, one, `document.querySelector('input[name=kind][value=custom]')`)
	if kind := eval[bool](t, one, `document.querySelector('input[name=kind][value=custom]').checked`); !kind {
		t.Error("the filter is not shown after a reload")
	}
	quiet(t, one)
}

// quoted is text as JavaScript.
func quoted(text string) string {
	b, _ := json.Marshal(text) // text always can be
	return string(b)
}
