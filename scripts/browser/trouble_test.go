package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"imagekeeper/scripts/browser"
)

// row is an image as GET /images tells it.
func row(n int, name string) object {
	return object{
		"imageId": fmt.Sprintf("m-%05d", n), "regionId": "cn-hangzhou", "accountId": "1000000000000001", "kind": "custom", "ownerId": "1000000000000001",
		"seenBy": []string{"1000000000000001"}, "name": name, "description": name, "status": "Available", "usable": true, "osType": "linux", "osName": name, "architecture": "x86_64",
		"sizeGiB": 40, "createdAt": "2026-10-29T23:11:00Z", "licence": "free", "encrypted": nil, "dataDisks": 0, "copied": false, "published": false, "sharedOut": nil, "imageFamily": name,
		"tags": object{name: name}, "reasons": []object{{"code": "kindFits", "sentence": name}},
	}
}

func list(rows []object, total int) object {
	return object{"asOf": "2026-11-30T00:00:00Z", "items": rows, "total": total, "unknown": []any{}}
}

// TestHostileNames: text of others is never markup, stands alone in its
// direction, and shows what is invisible in it; in CSV it is no formula.
func TestHostileNames(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,portal"), chromium(t)
	hostile := []string{
		`<script>window.hit=1</script>`, `<img src=x onerror="window.hit=1">`, `"><svg onload=window.hit=1>`, "good\u202egnp.exe", "a\u200bb", strings.Repeat("w", 128), `=cmd|' /C calc'!A0`, `javascript:window.hit=1`,
		`{{constructor.constructor('window.hit=1')()}}`, "line\nbreak",
	}
	var rows []object
	for n, name := range hostile {
		rows = append(rows, row(n, name))
	}
	s.tell("/images", 200, list(rows, len(rows)))
	detail := row(0, hostile[0])
	detail["unknown"], detail["health"], detail["elsewhere"], detail["use"] = []any{}, []any{}, []any{}, []object{{"tool": hostile[1], "does": hostile[2], "text": hostile[0]}}
	detail["licenceReasons"], detail["diskMappings"], detail["progress"], detail["ambiguous"] = []any{}, []any{}, 100, false
	s.tell("/images/m-00000", 200, detail)
	for _, link := range []string{"#/images", "#/images/m-00000", `#/images/%3Cscript%3Ewindow.hit=1%3C%2Fscript%3E?region="><script>window.hit=1</script>`, `#/<script>window.hit=1</script>`} {
		one := tab(t, b, s, "viewer", link, browser.Look{Width: 320, Height: 800})
		must(t, one.Settled())
		if hit := eval[bool](t, one, `'hit' in window || !!document.querySelector('main script, main img, main svg[onload]')`); hit {
			t.Errorf("%s: a name was taken for markup", link)
		}
		if link == "#/images" {
			text := eval[string](t, one, `document.querySelector('main').innerText`)
			for _, want := range []string{hostile[0], hostile[1], "good⟨U+202E⟩gnp.exe", "a⟨U+200B⟩b", hostile[5], "line⟨U+000A⟩break"} {
				if !strings.Contains(text, want) {
					t.Errorf("the list does not show %q", want)
				}
			}
		}
		if wide := eval[int](t, one, `document.documentElement.scrollWidth`); wide > 320 {
			t.Errorf("%s: %d wide: %s", link, wide, eval[string](t, one, tooWide))
		}
		quiet(t, one)
	}
}

// TestTroubleIsTold: the API slow, failing, lying and refusing; what was read
// stays, and is marked as old.
func TestTroubleIsTold(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,portal"), chromium(t)
	s.tell("/images", 200, list([]object{row(1, "first")}, 1))
	one := tab(t, b, s, "viewer", "#/images", browser.Look{})
	must(t, one.Settled())
	refresh := func() { eval[bool](t, one, `document.querySelector('.asof button').click(), true`) }
	main := func() string { return eval[string](t, one, `document.querySelector('main').innerText`) }

	for name, answer := range map[string]struct {
		status int
		body   any
		want   string
	}{
		"failing":      {503, problem(503, "serviceUnavailable"), "serviceUnavailable"},
		"no problem":   {500, "oops", "http500"},
		"not JSON":     {200, nil, "answerMalformed"},
		"not allowed":  {403, problem(403, "roleMissing"), "Not allowed."},
		"answers late": {503, problem(503, "deadlineExceeded"), "deadlineExceeded"},
	} {
		s.open()
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/images" {
				return false
			}
			if answer.body == nil {
				_, _ = w.Write([]byte("<html>")) // what a proxy might say
				return true
			}
			say(w, answer.status, answer.body)
			return true
		})
		refresh()
		soon(t, one, `document.querySelector('main').innerText.includes(`+quoted(answer.want)+`)`)
		if text := main(); !strings.Contains(text, "first") || !strings.Contains(text, "may be old") {
			t.Errorf("%s: what was read is gone, or not marked: %s", name, text)
		}
	}

	s.open()
	some := list([]object{row(2, "second")}, 1)
	some["unknown"] = []object{{"regionId": "cn-shanghai", "accountId": "1000000000000001", "code": "Forbidden.RAM", "sentence": "refused", "permission": "ecs:DescribeImages"}}
	s.tell("/images", 200, some)
	refresh()
	soon(t, one, `document.querySelector('main').innerText.includes('cn-shanghai')`)
	if text := main(); strings.Contains(text, "may be old") || !strings.Contains(text, "ecs:DescribeImages") || !strings.Contains(text, "unknown, not none") {
		t.Errorf("a region that was not read is not told: %s", text)
	}

	s.open()
	blind := list([]object{}, 0)
	for name, value := range problem(502, "allUnread") {
		blind[name] = value
	}
	delete(blind, "total")
	blind["unknown"] = some["unknown"]
	s.tell("/images", 502, blind)
	refresh()
	soon(t, one, `document.querySelector('main').innerText.includes('None was seen, but not everything could be read.')`)

	s.open()
	var release atomic.Bool
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/images" {
			return false
		}
		for !release.Load() && r.Context().Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
		say(w, 200, list([]object{}, 0))
		return true
	})
	eval[bool](t, one, `location.hash = '#/images?name=slow', true`)
	soon(t, one, `document.querySelector('main').innerText.includes('Loading')`)
	release.Store(true)
	soon(t, one, `document.querySelector('main').innerText.includes('No image matches.')`)
	quiet(t, one)
}

// TestTheTokenEndsInAForm: what was typed stays, whoever signs in again beside it.
func TestTheTokenEndsInAForm(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,price,share,portal"), chromium(t)
	id, region := s.ours(t)
	one := tab(t, b, s, "operator", "#/shares/"+id+"?region="+region+"&account=1000000000000001", browser.Look{})
	must(t, one.Settled())
	reach(t, one, `e.name === 'accountId'`)
	press(t, one, "1000000000000005")
	reach(t, one, `e.name === 'reason'`)
	press(t, one, "typed before")
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/shares/") {
			say(w, 401, problem(401, "tokenExpired"))
			return true
		}
		return false
	})
	reach(t, one, `e.type === 'submit'`)
	press(t, one, kb.Enter)
	soon(t, one, `document.querySelector('.signin')`)
	s.open()
	eval[bool](t, one, `[...document.querySelectorAll('.signin .choices button')].find(e => e.innerText.includes('operator')).click(), true`)
	soon(t, one, `!document.querySelector('.signin')`)
	if text := eval[string](t, one, `document.querySelector('main').innerText`); !strings.Contains(text, "1000000000000005") || !strings.Contains(text, "typed before") {
		t.Errorf("what was typed is gone: %s", text)
	}
	eval[bool](t, one, `[...document.querySelectorAll('.confirm button')].find(e => e.innerText === 'Try again')?.click(), true`)
	soon(t, one, `document.querySelector('.confirm input[name=changes]')`)
	if kept := eval[string](t, one, `JSON.stringify([Object.values(sessionStorage), Object.values(localStorage), document.cookie])`); strings.Contains(kept, "eyJ") {
		t.Errorf("a token is kept: %s", kept)
	}
	quiet(t, one)
}

// TestTenThousand: of ten thousand images a page is shown, and neither that, nor
// scrolling, nor another filter keeps the browser's main thread for a tenth of a
// second. What counts is the thread's own time: a machine may have other things to do.
func TestTenThousand(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,portal"), chromium(t)
	rows := make([]object, 50)
	for n := range rows {
		rows[n] = row(n, fmt.Sprintf("web-base-%05d", n))
	}
	page := list(rows, 10_000)
	page["nextCursor"] = "abc"
	s.tell("/images", 200, page)
	one := tab(t, b, s, "viewer", "#/access", browser.Look{})
	must(t, one.Settled())
	_, err := chromedp.Call(one.Context, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	must(t, err)
	busy := func() float64 {
		metrics, err := chromedp.Call(one.Context, performance.GetMetrics, chromedp.Void{})
		must(t, err)
		for _, m := range metrics.Metrics {
			if m.Name == "ScriptDuration" {
				return m.Value * 1000
			}
		}
		t.Fatalf("no measure of scripts: %v", metrics)
		return 0
	}
	for _, step := range []struct{ name, do string }{
		{"first", `location.hash = '#/images', true`},
		{"scroll", `(async () => { for (let y = 0; y < 4000; y += 400) { scrollTo(0, y); await new Promise(requestAnimationFrame) } return true })()`},
		{"filter", `location.hash = '#/images?osType=linux', true`},
		{"sort", `location.hash = '#/images?osType=linux&sort=name', true`},
	} {
		before := busy()
		eval[bool](t, one, step.do)
		soon(t, one, `document.querySelectorAll('tbody tr').length === 50 && !document.querySelector('[aria-busy=true]')`)
		took := busy() - before
		t.Logf("%s: %.0f ms", step.name, took)
		if took > 100 {
			t.Errorf("%s keeps the page busy for %.0f ms", step.name, took)
		}
	}
	soon(t, one, `document.querySelector('.pages')`)
	if text := eval[string](t, one, `document.querySelector('.pages').innerText`); !strings.Contains(text, "10,000") {
		t.Errorf("it does not say how many there are: %s", text)
	}
}

// TestMemoryIsBounded polls a rollout of 500 instances 720 times under a held
// clock: an hour of looking at it.
func TestMemoryIsBounded(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,portal"), chromium(t)
	items := make([]object, 500)
	for n := range items {
		items[n] = object{"instanceId": fmt.Sprintf("i-%05d", n), "wave": n / 50, "level": "snapshot", "result": "open"}
	}
	var polls atomic.Int64
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/rollouts/12345678901234567890" {
			return false
		}
		polls.Add(1)
		say(w, 200, object{"id": "12345678901234567890", "state": "running", "progress": object{"done": polls.Load() % 500, "of": 500}, "items": items, "findings": []any{}, "unknown": []any{}})
		return true
	})
	one, err := b.Tab(browser.Look{Width: 1280, Height: 900, Language: "en-GB"})
	must(t, err)
	t.Cleanup(one.Close)
	must(t, one.Before(`window.ticks = []; window.setInterval = f => window.ticks.push(f); window.clearInterval = n => { window.ticks[n - 1] = () => {} }`))
	must(t, one.Go(s.address+"#/rollouts/12345678901234567890"))
	soon(t, one, `document.querySelectorAll('.strip span').length === 500`)
	used := func() float64 {
		return eval[float64](t, one, `(gc(), gc(), performance.memory.usedJSHeapSize / 1e6)`)
	}
	poll := func(times int) {
		want := polls.Load() + int64(times)
		for polls.Load() < want {
			eval[bool](t, one, `window.ticks.forEach(f => f()), true`)
			time.Sleep(5 * time.Millisecond)
		}
	}
	poll(60)
	before := used()
	poll(720)
	after := used()
	t.Logf("%.1f MB before, %.1f MB after 720 looks", before, after)
	if after > before*1.3+3 {
		t.Errorf("%.1f MB before, %.1f MB after 720 looks", before, after)
	}
	if nodes := eval[int](t, one, `document.querySelectorAll('*').length`); nodes > 6000 {
		t.Errorf("%d elements", nodes)
	}
}
