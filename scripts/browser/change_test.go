package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"imagekeeper/scripts/browser"
)

// press types keys, one after the other.
func press(t *testing.T, tab *browser.Tab, keys string) {
	t.Helper()
	must(t, chromedp.Do(tab.Context, chromedp.KeyEvent(keys)))
}

// reach presses Tab until an expression about the focused element e holds.
func reach(t *testing.T, tab *browser.Tab, expression string) {
	t.Helper()
	for range 150 {
		if eval[bool](t, tab, `(e => !!(`+expression+`))(document.activeElement)`) {
			return
		}
		press(t, tab, kb.Tab)
	}
	t.Fatalf("no keyboard reaches %s; the page says %s", expression, eval[string](t, tab, `document.body.innerText.slice(0, 800)`))
}

// grantees are the accounts that may use an image.
func (s *stack) grantees(t *testing.T, id, region string) string {
	t.Helper()
	now := s.ask(t, "viewer", http.MethodGet, "/shares/"+id+"?account=1000000000000001&region="+region, nil)
	var all []string
	accounts, _ := now["accounts"].([]any)
	for _, a := range accounts {
		one, _ := a.(object)
		all = append(all, fmt.Sprint(one["accountId"]))
	}
	return strings.Join(all, " ")
}

// TestShareByKeyboard edits the list of an image with nothing but a keyboard: the
// plan, the typed number, the outcome, and what the cloud says then.
func TestShareByKeyboard(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,price,share,portal"), chromium(t)
	id, region := s.ours(t)
	one := tab(t, b, s, "operator", "#/shares/"+id+"?region="+region+"&account=1000000000000001", browser.Look{})
	must(t, one.Settled())
	reach(t, one, `e.name === 'accountId'`)
	press(t, one, "1000000000000005")
	reach(t, one, `e.name === 'reason'`)
	press(t, one, "=HYPERLINK(1) <b>trial</b>")
	reach(t, one, `e.type === 'submit'`)
	press(t, one, kb.Enter)
	soon(t, one, `document.querySelector('.confirm input[name=changes]')`)
	if got := s.grantees(t, id, region); got != "" {
		t.Fatalf("changed by a plan: %s", got)
	}
	reach(t, one, `e.name === 'changes'`)
	if disabled := eval[bool](t, one, `document.querySelector('.confirm button[type=submit]').disabled`); !disabled {
		t.Error("the button is live before the number is typed")
	}
	press(t, one, "7"+kb.Enter)
	if got := s.grantees(t, id, region); got != "" {
		t.Fatalf("changed by a wrong number: %s", got)
	}
	press(t, one, kb.Backspace+"1"+kb.Enter)
	soon(t, one, `document.querySelector('.confirm .notice.good')`)
	if got := s.grantees(t, id, region); got != "1000000000000005" {
		t.Errorf("the cloud says %q", got)
	}
	soon(t, one, `document.querySelector('tbody')?.innerText.includes('=HYPERLINK(1) <b>trial</b>')`)
	quiet(t, one)
}

// TestSomethingMoved: what another one changed between plan and apply is told,
// nothing is done, and the new plan has to be looked at anew.
func TestSomethingMoved(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,price,share,portal"), chromium(t)
	id, region := s.ours(t)
	one := tab(t, b, s, "operator", "#/shares/"+id+"?region="+region+`&account=1000000000000001&wish={"add":[{"accountId":"1000000000000005"}],"remove":[]}`, browser.Look{})
	soon(t, one, `document.querySelector('.confirm input[name=changes]')`)
	path := "/shares/" + id + "?account=1000000000000001&region=" + region
	wish := object{"add": []object{{"accountId": "1000000000000006"}}}
	plan, _ := s.ask(t, "operator", http.MethodPatch, path, wish)["plan"].(object)
	wish["apply"] = object{"digest": plan["digest"]}
	s.ask(t, "operator", http.MethodPatch, path, wish)
	eval[bool](t, one, `document.querySelector('.confirm input[name=changes]').focus(), true`)
	press(t, one, "1"+kb.Enter)
	soon(t, one, `document.querySelector('.confirm [role=alert]')`)
	if got := s.grantees(t, id, region); got != "1000000000000006" {
		t.Errorf("the cloud says %q", got)
	}
	if text := eval[string](t, one, `document.querySelector('.confirm').innerText`); !strings.Contains(text, "What moved") {
		t.Errorf("it does not say what moved: %s", text)
	}
	if typed := eval[string](t, one, `document.querySelector('.confirm input[name=changes]').value`); typed != "" {
		t.Errorf("the number that was typed for the old plan stands under the new one: %q", typed)
	}
	eval[bool](t, one, `document.querySelector('.confirm input[name=changes]').focus(), true`)
	press(t, one, "1"+kb.Enter)
	soon(t, one, `document.querySelector('.confirm .notice.good')`)
	if got := s.grantees(t, id, region); got != "1000000000000005 1000000000000006" {
		t.Errorf("the cloud says %q", got)
	}
	quiet(t, one)
}

// TestTwoPeople: where two are needed the first is told so and given a link, by
// which the second finds the same wish.
func TestTwoPeople(t *testing.T) {
	tried(t)
	s, b := up(t, map[string]string{"FOUR_EYES": "share"}, "-only", "find,price,share,portal"), chromium(t)
	id, region := s.ours(t)
	link := "#/shares/" + id + "?region=" + region + `&account=1000000000000001&wish={"add":[{"accountId":"1000000000000005"}],"remove":[]}`
	for n, person := range []string{"operator", "operator-2"} {
		one := tab(t, b, s, person, link, browser.Look{})
		soon(t, one, `document.querySelector('.confirm input[name=changes]')`)
		if n == 1 {
			soon(t, one, `document.querySelector('main').innerText.includes('Waits for a second person')`)
		}
		eval[bool](t, one, `document.querySelector('.confirm input[name=changes]').focus(), true`)
		press(t, one, "1"+kb.Enter)
		soon(t, one, `document.querySelector('.confirm [role=status]')`)
		said := eval[string](t, one, `document.querySelector('.confirm').innerText`)
		if waits := strings.Contains(said, "second person"); waits != (n == 0) {
			t.Errorf("%s is told %s", person, said)
		}
		if n == 0 {
			if got := s.grantees(t, id, region); got != "" {
				t.Fatalf("one person alone changed it: %s", got)
			}
			link = eval[string](t, one, `document.querySelector('.confirm p.id').firstChild.data.replace(/^.*#/, '#').trim()`)
		}
		quiet(t, one)
	}
	if got := s.grantees(t, id, region); got != "1000000000000005" {
		t.Errorf("the cloud says %q", got)
	}
}

// TestViewersHaveNoControls: whoever may not apply anything is offered nothing to
// apply with, and may still look at plans.
func TestViewersHaveNoControls(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,price,share,portal"), chromium(t)
	id, region := s.ours(t)
	one := tab(t, b, s, "viewer", "#/shares/"+id+"?region="+region+`&account=1000000000000001&wish={"add":[{"accountId":"1000000000000005"}],"remove":[]}`, browser.Look{})
	soon(t, one, `document.querySelector('.confirm tbody tr')`)
	if n := eval[int](t, one, `document.querySelectorAll('main form input, main form button, .confirm form').length`); n != 0 {
		t.Errorf("%d controls for a viewer: %s", n, eval[string](t, one, `[...document.querySelectorAll('main form input, main form button')].map(e => e.outerHTML.slice(0, 100)).join('\n')`))
	}
	quiet(t, one)
}

// TestRolloutPausedByKeyboard follows a rollout as it goes, pauses it by keyboard,
// and comes back to it after a reload.
func TestRolloutPausedByKeyboard(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,portal"), chromium(t)
	var state atomic.Value
	state.Store("running")
	var reason atomic.Value
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		switch r.Method + " " + r.URL.Path {
		case "GET /rollouts/12345678901234567890":
			say(w, 200, object{"id": "12345678901234567890", "state": state.Load(), "digest": strings.Repeat("a", 64), "approvedBy": []string{"i fleet"}, "progress": object{"done": 1, "of": 3}, "findings": []any{}, "unknown": []any{}, "items": []object{
				{"instanceId": "i-1", "wave": 0, "level": "done", "result": "applied"}, {"instanceId": "i-2", "wave": 1, "level": "snapshot", "result": "open"}, {"instanceId": "i-3", "wave": 1, "result": "open"},
			}})
		case "POST /rollouts/12345678901234567890/pause":
			state.Store("paused")
			reason.Store("paused")
			say(w, 200, object{"state": "paused"})
		default:
			return false
		}
		return true
	})
	one := tab(t, b, s, "fleet", "#/rollouts/12345678901234567890", browser.Look{})
	soon(t, one, `document.querySelectorAll('.strip span').length === 3`)
	reach(t, one, `e.accessKey === 'p'`)
	press(t, one, kb.Enter)
	soon(t, one, `document.querySelector('main').innerText.includes('paused')`)
	if reason.Load() == nil {
		t.Error("no pause was sent")
	}
	eval[bool](t, one, `location.reload(), true`)
	soon(t, one, `document.querySelector('.tile .figure')?.innerText === 'paused'`)
	state.Store("finished")
	must(t, one.Wait(`document.querySelector('.tile .figure')?.innerText === 'finished'`, 20*time.Second))
	quiet(t, one)
}

// TestImportIsFollowed makes an image of an instance from the page, follows it
// until it ends, and finds it among the images.
func TestImportIsFollowed(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,import,portal"), chromium(t)
	servers := s.ask(t, "viewer", http.MethodGet, "/instances?region=cn-hangzhou&account=1000000000000001&limit=1", nil)
	items, _ := servers["items"].([]any)
	if len(items) == 0 {
		t.Fatalf("no instance: %v", servers)
	}
	server, _ := items[0].(object)
	wish := fmt.Sprintf(`{"source":{"instance":{"instanceId":%q}},"region":"cn-hangzhou","image":{"name":"from-the-page"}}`, server["instanceId"])
	one := tab(t, b, s, "operator", "#/imports?wish="+wish, browser.Look{})
	soon(t, one, `document.querySelector('.confirm input[name=changes]')`)
	changes := eval[string](t, one, `document.querySelector('.confirm label span').innerText.match(/\d+/)[0]`)
	eval[bool](t, one, `document.querySelector('.confirm input[name=changes]').focus(), true`)
	press(t, one, changes+kb.Enter)
	soon(t, one, `document.querySelector('.confirm .notice a')`)
	eval[bool](t, one, `document.querySelector('.confirm .notice a').click(), true`)
	must(t, one.Wait(`['finished', 'partly done', 'failed', 'halted'].includes(document.querySelector('.tile .figure')?.innerText)`, 4*time.Minute))
	t.Log(eval[string](t, one, `document.querySelector('main').innerText.slice(0, 1200)`))
	if state := eval[string](t, one, `document.querySelector('.tile .figure').innerText`); state != "finished" {
		t.Errorf("it ended as %s", state)
	}
	quiet(t, one)
}
