package browser_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"imagekeeper/scripts/browser"
)

// home is where these tests change something.
const home = "region=cn-hangzhou&account=1000000000000001"

// target is somebody who is told, and takes it.
func target(t *testing.T) map[string]string {
	t.Helper()
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(there.Close)
	return map[string]string{
		"NOTIFY":                 fmt.Sprintf(`{"platform":{"type":"webhook","url":%q,"secretEnv":"NOTIFY_SECRET_PLATFORM"}}`, there.URL),
		"NOTIFY_SECRET_PLATFORM": "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 32))),
		"CLEANUP_RULES":          "mode: delete\nrules:\n  - {name: weekly, match: {family: [\"web-*\"]}, remove: {olderThan: 90d, unusedFor: 30d}, keep: {last: 3}}\nnotify: [platform]\n",
	}
}

// items are those of an answer.
func items(of object) (all []object) {
	list, _ := of["items"].([]any)
	for _, one := range list {
		if o, ok := one.(object); ok {
			all = append(all, o)
		}
	}
	return all
}

// customs are the ids of our custom images there.
func (s *stack) customs(t *testing.T) (ids []string) {
	t.Helper()
	for _, one := range items(s.ask(t, "viewer", http.MethodGet, "/images?kind=custom&limit=200&"+home, nil)) {
		ids = append(ids, one["imageId"].(string))
	}
	return ids
}

// may finds an image that cleanup would remove at a person's word.
func (s *stack) may(t *testing.T) string {
	t.Helper()
	for _, id := range s.customs(t) {
		told := s.ask(t, "reaper", http.MethodPost, "/cleanups", object{"images": []string{id}})
		plan, _ := told["plan"].(object)
		if plan["applicable"] == true && plan["changes"] == 1.0 {
			return id
		}
	}
	t.Fatal("cleanup would remove no image")
	return ""
}

// confirm types the number of changes that a plan has, and sends it.
func confirm(t *testing.T, tab *browser.Tab) {
	t.Helper()
	soon(t, tab, `document.querySelector('.confirm input[name=changes]')`)
	number := eval[string](t, tab, `document.querySelector('.confirm label span').innerText.match(/\d+/)[0]`)
	reach(t, tab, `e.name === 'changes'`)
	press(t, tab, number+kb.Enter)
}

// link is a place of the page with a wish in it.
func link(place, wish string) string { return "#/" + place + "wish=" + url.QueryEscape(wish) }

// figure waits until a work is in one of these states.
func figure(t *testing.T, tab *browser.Tab, states ...string) string {
	t.Helper()
	must(t, tab.Wait(`['`+strings.Join(states, `', '`)+`'].includes(document.querySelector('.tile .figure')?.innerText)`, 4*time.Minute))
	return eval[string](t, tab, `document.querySelector('.tile .figure').innerText`)
}

// TestCleanupByKeyboard goes the whole way with the function itself: a plan with
// reasons on both sides, a keep and its end, the removal, the bin, and the way
// back, with nothing but a keyboard; then the brake.
func TestCleanupByKeyboard(t *testing.T) {
	tried(t)
	s, b := up(t, target(t), "-only", "find,cleanup,portal"), chromium(t)
	id := s.may(t)

	one := tab(t, b, s, "reaper", link("cleanup?", fmt.Sprintf(`{"images":["%s"]}`, strings.Join(s.customs(t), `","`))), browser.Look{})
	soon(t, one, `document.querySelector('.confirm tbody tr')`)
	if said := eval[string](t, one, `document.querySelector('.confirm').innerText`); !strings.Contains(said, "inUse") || !strings.Contains(said, "named") {
		t.Errorf("the plan lacks reasons of one side: %s", said)
	}
	reach(t, one, `e.tagName === 'A' && e.innerText.includes(`+quoted(id)+`) && e.hash.includes('keep=')`)
	press(t, one, kb.Enter)
	soon(t, one, `document.querySelector('input[name=keepImage]')?.value === `+quoted(id))
	reach(t, one, `e.name === 'keepReason'`)
	press(t, one, "an audit")
	eval[bool](t, one, `(d => { d.value = new Date(Date.now() + 864e5 * 30).toISOString().slice(0, 10); d.dispatchEvent(new Event('input', {bubbles: true})); return true })(document.querySelector('input[name=keepUntil]'))`)
	press(t, one, kb.Enter)
	soon(t, one, `document.querySelector('form .notice.good')`)
	if step := s.step(t, id); step["action"] == "mark" {
		t.Errorf("a kept image would go: %v", step)
	}
	quiet(t, one)

	two := tab(t, b, s, "reaper", link("cleanup?", fmt.Sprintf(`{"images":[%q],"skipWaits":true,"reason":"a secret is in it"}`, s.mayBesides(t, id))), browser.Look{})
	confirm(t, two)
	soon(t, two, `document.querySelector('.confirm .notice a')`)
	reach(t, two, `e.tagName === 'A' && e.closest('.confirm .notice')`)
	press(t, two, kb.Enter)
	figure(t, two, "waiting")
	quiet(t, two)

	three := tab(t, b, s, "reaper", "#/cleanup", browser.Look{})
	soon(t, three, `[...document.querySelectorAll('tbody button')].some(b => b.innerText.startsWith('Restore'))`)
	reach(t, three, `e.tagName === 'BUTTON' && e.innerText.startsWith('Restore')`)
	press(t, three, kb.Enter)
	confirm(t, three)
	soon(t, three, `document.querySelector('.confirm .notice a')`)
	reach(t, three, `e.tagName === 'A' && e.closest('.confirm .notice')`)
	press(t, three, kb.Enter)
	if state := figure(t, three, "finished", "partly done", "failed", "halted"); state != "finished" {
		t.Errorf("the restore ended as %s: %s", state, eval[string](t, three, `document.querySelector('main').innerText`))
	}
	entries := items(s.ask(t, "viewer", http.MethodGet, "/bin?state=restored", nil))
	if len(entries) != 1 || entries[0]["state"] != "restored" {
		t.Fatalf("the bin says %v", entries)
	}
	if back := s.ask(t, "viewer", http.MethodGet, "/images/"+entries[0]["restoredImageId"].(string)+"?"+home, nil); back["status"] != "Available" {
		t.Errorf("the restored image is %v", back)
	}
	quiet(t, three)
	s.brake(t, b, "cleanup", "reaper")
}

// step is what cleanup would do with one image.
func (s *stack) step(t *testing.T, id string) object {
	t.Helper()
	plan, _ := s.ask(t, "reaper", http.MethodPost, "/cleanups", object{"images": []string{id}})["plan"].(object)
	steps, _ := plan["steps"].([]any)
	if len(steps) != 1 {
		t.Fatalf("the plan of one image has %d steps: %v", len(steps), plan)
	}
	return steps[0].(object)
}

// mayBesides finds another image that cleanup would remove.
func (s *stack) mayBesides(t *testing.T, kept string) string {
	t.Helper()
	id := s.may(t)
	if id == kept {
		t.Fatalf("%s is kept, and would go", kept)
	}
	return id
}

// brake stops everything of a view, and takes the stop back.
func (s *stack) brake(t *testing.T, b *browser.Browser, view, role string) {
	t.Helper()
	one := tab(t, b, s, role, "#/"+view, browser.Look{})
	soon(t, one, `[...document.querySelectorAll('main button')].some(b => b.innerText === 'Stop everything')`)
	for range 2 {
		reach(t, one, `e.tagName === 'BUTTON' && e.innerText === 'Stop everything'`)
		press(t, one, kb.Enter)
	}
	soon(t, one, `document.querySelector('.notice.bad')?.innerText.includes('Stopped')`)
	reach(t, one, `e.tagName === 'BUTTON' && e.innerText === 'Take the stop back'`)
	press(t, one, kb.Enter)
	soon(t, one, `document.querySelector('main').innerText.includes('Not stopped')`)
	quiet(t, one)
}

// replaceable are two instances that a rollout may replace, and the image that they
// may get.
func (s *stack) replaceable(t *testing.T) (ids []string, to string) {
	t.Helper()
	for _, family := range []string{"web-base", "api-base"} {
		wish := object{"select": object{"family": []string{family}, "behind": 1, "region": []string{"cn-hangzhou"}, "account": []string{"1000000000000001"}}, "to": object{"family": family, "unreleased": true}, "health": []object{{"status": object{}}}}
		plan, _ := s.ask(t, "fleet", http.MethodPost, "/rollouts", wish)["plan"].(object)
		steps, _ := plan["steps"].([]any)
		for _, step := range steps {
			if one, _ := step.(object); one["action"] == "replace" && (to == "" || one["to"] == to) {
				to = one["to"].(string)
				ids = append(ids, one["instanceId"].(string))
			}
		}
		if len(ids) >= 2 {
			return ids[:2], to
		}
		t.Logf("of %s: %v", family, plan)
		ids, to = nil, ""
	}
	t.Fatal("no two instances can be replaced")
	return nil, ""
}

func (s *stack) replacement(ids []string, to string) object {
	return object{"select": object{"id": ids}, "to": object{"image": to}, "strategy": object{"canary": 1, "waveSize": 1, "maxUnavailable": 1, "pauseAfter": []string{"canary"}}, "health": []object{{"status": object{}}}}
}

// TestRolloutByKeyboard has the function itself replace one of two instances,
// pauses, aborts, takes it back, and tries again what was not done.
func TestRolloutByKeyboard(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,replace-disk,portal", "-images", "252", "-instances", "120"), chromium(t)
	ids, to := s.replaceable(t)
	wish, err := json.Marshal(s.replacement(ids, to))
	must(t, err)
	one := tab(t, b, s, "fleet", link("rollouts?", string(wish)), browser.Look{})
	confirm(t, one)
	soon(t, one, `document.querySelector('.confirm .notice a')`)
	reach(t, one, `e.tagName === 'A' && e.closest('.confirm .notice')`)
	press(t, one, kb.Enter)
	figure(t, one, "running", "waiting")
	reach(t, one, `e.accessKey === 'p'`)
	press(t, one, kb.Enter)
	figure(t, one, "paused")
	reach(t, one, `e.accessKey === 'r'`)
	press(t, one, kb.Enter)
	figure(t, one, "running", "waiting")
	must(t, one.Wait(`document.querySelectorAll('.strip span.good').length === 1`, 5*time.Minute))
	for _, name := range []string{"Abort…", "Yes, abort"} {
		reach(t, one, `e.tagName === 'BUTTON' && e.innerText === `+quoted(name))
		press(t, one, kb.Enter)
	}
	figure(t, one, "aborted", "partly done")
	if now := s.images(t, ids); now[0] == now[1] {
		t.Errorf("one was to be replaced, and one not: %v", now)
	}
	for _, name := range []string{"Retry", "Undo"} {
		two := tab(t, b, s, "fleet", eval[string](t, one, `location.hash`), browser.Look{})
		reach(t, two, `e.tagName === 'A' && e.innerText.startsWith(`+quoted(name)+`)`)
		press(t, two, kb.Enter)
		confirm(t, two)
		soon(t, two, `document.querySelector('.confirm .notice a')`)
		reach(t, two, `e.tagName === 'A' && e.closest('.confirm .notice')`)
		press(t, two, kb.Enter)
		must(t, two.Wait(`['finished', 'waiting', 'paused'].includes(document.querySelector('.tile .figure')?.innerText)`, 5*time.Minute))
		if state := eval[string](t, two, `document.querySelector('.tile .figure').innerText`); state != "finished" {
			reach(t, two, `e.accessKey === 'r'`)
			press(t, two, kb.Enter)
			figure(t, two, "finished")
		}
		quiet(t, two)
	}
	quiet(t, one)
	s.brake(t, b, "rollouts", "fleet")
}

// images are what instances run.
func (s *stack) images(t *testing.T, ids []string) (now []string) {
	t.Helper()
	for _, id := range ids {
		for _, one := range items(s.ask(t, "viewer", http.MethodGet, "/instances?id="+id+"&"+home, nil)) {
			now = append(now, one["imageId"].(string))
		}
	}
	if len(now) != len(ids) {
		t.Fatalf("of %v only %v are seen", ids, now)
	}
	return now
}

// TestReleaseExportAttributes sets a channel, writes an image to a bucket, and
// edits what an image says of itself.
func TestReleaseExportAttributes(t *testing.T) {
	tried(t)
	s, b := up(t, nil, "-only", "find,import,portal"), chromium(t)
	id, _ := s.ours(t)
	family, _ := s.ask(t, "viewer", http.MethodGet, "/images/"+id+"?"+home, nil)["imageFamily"].(string)
	for _, wish := range []struct{ link, after string }{
		{link("imports?make=release&family="+url.QueryEscape(family)+"&", fmt.Sprintf(`{"channel":"stable","images":{"cn-hangzhou":%q},"reason":"by hand","adopt":true}`, id)), `[...document.querySelectorAll('main ul a')].some(a => a.hash.includes(` + quoted(id) + `))`},
		{link("images/"+id+"?"+home+"&", `{"description":"=HYPERLINK(1)","tags":{"team":"page","=HYPERLINK(1)":"x"}}`), `document.querySelector('main').innerText.includes('team=page')`},
	} {
		one := tab(t, b, s, "operator", wish.link, browser.Look{})
		confirm(t, one)
		soon(t, one, `document.querySelector('.confirm .notice.good')`)
		soon(t, one, wish.after)
		quiet(t, one)
	}
	list := tab(t, b, s, "viewer", "#/images?id="+id, browser.Look{})
	soon(t, list, `document.querySelector('tbody tr') && [...document.querySelectorAll('button')].some(b => b.innerText === 'CSV')`)
	eval[bool](t, list, `(() => { const made = URL.createObjectURL; URL.createObjectURL = b => { b.text().then(text => { window.saved = text }); return made(b) }; [...document.querySelectorAll('button')].find(b => b.innerText === 'CSV').click(); return true })()`)
	soon(t, list, `window.saved`)
	if saved := eval[string](t, list, `window.saved`); !strings.Contains(saved, "'=HYPERLINK(1)") || !strings.Contains(saved, id) {
		t.Errorf("what is saved as CSV: %s", saved)
	}
	quiet(t, list)
	one := tab(t, b, s, "operator", link("imports?make=export&", fmt.Sprintf(`{"imageId":%q,"region":"cn-hangzhou","account":"1000000000000001","bucket":"golden-uploads","prefix":"page","format":"raw"}`, id)), browser.Look{})
	confirm(t, one)
	soon(t, one, `document.querySelector('.confirm .notice a')`)
	eval[bool](t, one, `document.querySelector('.confirm .notice a').click(), true`)
	if state := figure(t, one, "finished", "partly done", "failed", "halted"); state != "finished" {
		t.Errorf("the export ended as %s: %s", state, eval[string](t, one, `document.querySelector('main').innerText`))
	}
	quiet(t, one)
}

// TestSecondPersonOfARollout: a second person finds what waits in the list, and
// approves the same plan.
func TestSecondPersonOfARollout(t *testing.T) {
	tried(t)
	s, b := up(t, map[string]string{"FOUR_EYES": "replace-disk"}, "-only", "find,replace-disk,portal", "-images", "252", "-instances", "120"), chromium(t)
	ids, to := s.replaceable(t)
	wish, err := json.Marshal(s.replacement(ids, to))
	must(t, err)
	one := tab(t, b, s, "fleet", link("rollouts?", string(wish)), browser.Look{})
	confirm(t, one)
	soon(t, one, `document.querySelector('.confirm [role=status]')?.innerText.includes('second person')`)
	quiet(t, one)
	two := tab(t, b, s, "fleet-2", "#/rollouts?state=awaitingApproval", browser.Look{})
	soon(t, two, `document.querySelector('tbody a.id')`)
	eval[bool](t, two, `document.querySelector('tbody a.id').click(), true`)
	soon(t, two, `document.querySelector('.confirm input[name=changes]')`)
	number := eval[string](t, two, `document.querySelector('.confirm label span').innerText.match(/\d+/)[0]`)
	reach(t, two, `e.name === 'changes'`)
	press(t, two, number+kb.Enter)
	figure(t, two, "queued", "running", "waiting")
	quiet(t, two)
}
