package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
	"imagekeeper/shared/image"
)

const issuer = "https://login.example"

type object = map[string]any

// words are what was met in answers: statuses, states, results, levels, codes of
// problems, and members.
type words struct {
	mu  sync.Mutex
	met map[string]bool
}

func (w *words) meet(word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met[word] = true
}

func (w *words) note(status int, body object) {
	w.meet("status " + strconv.Itoa(status))
	if code, is := body["code"].(string); is && status >= 400 {
		w.meet("code " + code)
	}
	w.walk("", body)
}

func (w *words) walk(path string, v any) {
	switch v := v.(type) {
	case object:
		for name, value := range v {
			if text, is := value.(string); is && slices.Contains([]string{"state", "result", "action", "level", "check"}, name) {
				w.meet(name + " " + text)
			}
			if why, is := value.(object); is && name == "reason" {
				w.meet(fmt.Sprint("reason ", why["code"]))
			}
			w.meet(strings.TrimPrefix(path+"."+name, "."))
			w.walk(path+"."+name, value)
		}
	case []any:
		for _, one := range v {
			w.walk(path, one)
		}
	}
}

// wantedWords are the words of the API as it is agreed upon, as far as an import or an
// export can reach them: neither can be paused, and neither waits for a window.
func wantedWords() []string {
	all := strings.Fields(`
		plan.digest plan.changes plan.applicable plan.steps.action plan.steps.regionId plan.steps.imageId plan.steps.subject plan.base
		plan.steps.reasons.code plan.steps.reasons.sentence
		findings.level findings.code findings.sentence findings.remedy unknown nextCursor total
		totals.cost.currency totals.cost.storage totals.cost.testOnce totals.cost.licenceHourly
		id state digest approvedBy approvedAt startedAt endedAt validUntil progress.done progress.of
		items.regionId items.imageId items.taskId items.check items.testInstanceId items.console items.objects
		items.level items.result items.reason.code items.reason.sentence items.since
		items.id items.state items.approvedBy
		next.at items.next.at items.progress.done reason.code
		applied complete recorded outcomes.action outcomes.subject outcomes.result outcomes.reason.code
		channels.candidate.regionId channels.candidate.imageId channels.stable.since channels.stable.by history.channel history.reason
		status code detail field`)
	for name, some := range map[string]string{
		"status": "200 202 207 400 401 403 404 409 422", "result": "open applied failed",
		"state":  "awaitingApproval queued running aborting aborted finished partly failed",
		"action": "import create copy check test name share release export",
		"level":  "made checked launched commanded tested named copied shared released exported warning fatal",
		"check":  "passed risks unavailable timedOut",
		"code": "alreadyReleased notFound planChanged objectNotFound roleMissing ambiguous reservedTag wrongState planGone tokenMissing " +
			"notAvailable notChecked notOurs oneof cursorMalformed",
		"location": "/imports/ /exports/", "reason": "approvalExpired",
		"tag": "imagekeeper:import imagekeeper:source imagekeeper:parent imagekeeper:family imagekeeper:builtAt imagekeeper:test " +
			"imagekeeper:channel=candidate imagekeeper:channel=stable imagekeeper:channel=retired",
		"boot": "ok never silent commandFails slow stopHangs",
	} {
		for _, word := range strings.Fields(some) {
			all = append(all, name+" "+word)
		}
	}
	return all
}

// unreached are the words of the API that other long work has and no import or export,
// and why.
func unreached() map[string]string {
	return map[string]string{
		"state waiting":  "its plan has no window, grace or pause",
		"state paused":   "it ends by DELETE, and has no brakes",
		"state halted":   "it has one image in each region, and no failures that are counted",
		"result already": "what it makes is its own: nothing that is there already can be it", "of": "it has neither undo nor retry", "asOf": "it is planned at once",
		"result moved":         "an item that moved is one of rollouts and cleanups; here the digest is another one, planChanged",
		"code targetWithdrawn": "it has no target", "status 429": "of Function Compute's limits alone",
		"tag imagekeeper:backup": "a rollout's", "tag imagekeeper:expires": "a rollout's", "tag imagekeeper:undo": "a rollout's",
		"tag imagekeeper:restoredFrom": "cleanup's", "tag imagekeeper:cleanup": "cleanup's", "tag imagekeeper:keep": "cleanup's", "tag imagekeeper:noReplace": "somebody's",
	}
}

// Every state, status, level and member that the API has for imports and exports is
// met from outside; the test fails for each that never comes, and for each that comes
// and is said not to.
func TestEveryWord(t *testing.T) {
	met := map[string]bool{}
	for name, scenario := range map[string]func(*stage){
		"an import and an export": worded, "two people": wordsOfTwo, "cancelled": wordsOfCancels, "checks": wordsOfChecks, "mistakes": wordsOfMistakes,
		"partly": wordsOfParts, slowCheck: wordsOfTime, "releases": wordsOfReleases, "attributes": wordsOfAttributes, "boots": wordsOfBoots,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStageOf(t, map[string]cloudsim.Options{slowCheck: {CheckTime: 5 * time.Hour}}[name])
				key, err := bearertest.NewEC("only")
				if err != nil {
					t.Fatal(err)
				}
				s.key, s.words = &key, &words{met: map[string]bool{}}
				scenario(s)
				maps.Copy(met, s.words.met)
			})
		})
	}
	for _, word := range wantedWords() {
		if !met[word] {
			t.Errorf("never met: %s", word)
		}
	}
	for word, why := range unreached() {
		if met[word] {
			t.Errorf("met, although %s: %s", why, word)
		}
	}
}

// slowCheck is the scenario whose check has no end in time.
const slowCheck = "a check without an end"

func wordsOfTime(s *stage) {
	if a := s.followed("/imports/" + s.posted(http.MethodPost, "/imports", wished("web-1")).ID); a.State != "failed" || a.Items[0].Reason.Code != "notChecked" {
		s.t.Errorf("%v", a.body)
	}
}

// replied is an answer with its status.
type replied struct {
	status   int
	location string
	answer
	body object
}

// as is a request by somebody over HTTP.
func (s *stage) as(subject string, role function.Role, method, target string, body object) replied {
	s.t.Helper()
	text := []byte{}
	if body != nil {
		text, _ = json.Marshal(body)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, target, bytes.NewReader(text))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if subject != "" {
		r.Header.Set("Authorization", "Bearer "+s.key.Token(bearertest.Grant{
			Issuer: issuer, Audience: "imagekeeper", Subject: subject, Roles: []string{string(role)}, From: time.Now().Add(-time.Second), For: time.Hour,
		}))
	}
	w := httptest.NewRecorder()
	s.function().ServeHTTP(w, r)
	a := replied{status: w.Code, location: w.Header().Get("Location")}
	if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
		s.t.Fatalf("%s %s: %s", method, target, w.Body)
	}
	s.words.note(w.Code, a.body)
	if place := a.location; place != "" {
		s.words.meet("location " + place[:strings.LastIndexByte(place, '/')+1])
	}
	s.tagged()
	a.answer = s.read(w.Body.Bytes())
	return a
}

func (s *stage) do(method, target string, body object) replied {
	s.t.Helper()
	return s.as("ann", function.Operator, method, target, body)
}

// with is an object with one more member, or another one.
func with(o object, name string, value any) object {
	more := maps.Clone(o)
	more[name] = value
	return more
}

// posted plans and applies over HTTP.
func (s *stage) posted(method, target string, wish object) replied {
	s.t.Helper()
	p := s.do(method, target, wish)
	if p.Plan == nil || !p.Plan.Applicable {
		s.t.Fatalf("%s: %d %v", target, p.status, p.body)
	}
	return s.do(method, target, with(wish, "apply", object{"digest": p.Plan.Digest}))
}

// followed asks for a work after every call that changes something, until it has
// ended.
func (s *stage) followed(target string) replied {
	s.t.Helper()
	s.arm(nil, func(m met, _ error) {
		if m.changes {
			s.do(http.MethodGet, target, nil)
		}
	})
	defer s.arm(nil, nil)
	for range 300 {
		if a := s.do(http.MethodGet, target, nil); a.State.Ended() {
			return a
		}
		s.work(&door{stage: s})
		time.Sleep(time.Minute)
	}
	s.t.Fatalf("%s has not ended", target)
	return replied{}
}

// worded: an import to its release, and what can be done with it then.
func worded(s *stage) {
	t := s.t
	begun := s.posted(http.MethodPost, "/imports", wished("web-1"))
	target := "/imports/" + begun.ID
	if begun.status != http.StatusAccepted || begun.location != target {
		t.Fatalf("%d %s %v", begun.status, begun.location, begun.body)
	}
	if page := s.do(http.MethodPost, "/imports", with(wished("web-9"), "limit", 1)); page.body["nextCursor"] == nil {
		t.Errorf("%v", page.body)
	}
	done := s.followed(target)
	if done.State != "finished" || done.status != http.StatusOK {
		t.Fatalf("%+v", done)
	}
	if a := s.do(http.MethodDelete, target, nil); a.status != http.StatusConflict || a.Code != "alreadyReleased" {
		t.Errorf("%d %v", a.status, a.body)
	}
	second := s.followed("/imports/" + s.posted(http.MethodPost, "/imports", wished("web-2")).ID)
	if a := s.do(http.MethodGet, "/imports?limit=1", nil); len(a.Items) != 1 {
		t.Errorf("%v", a.body)
	}
	stable := object{"channel": "stable", "images": object{"cn-hangzhou": second.Items[0].ImageID}, "reason": "a test"}
	for range 2 {
		p := s.do(http.MethodPut, "/releases/web", stable)
		if a := s.do(http.MethodPut, "/releases/web", with(stable, "apply", object{"digest": p.Plan.Digest})); a.status != http.StatusOK {
			t.Errorf("%d %v", a.status, a.body)
		}
	}
	p := s.do(http.MethodPut, "/releases/web", with(stable, "images", object{"cn-hangzhou": done.Items[0].ImageID}))
	for n := range 2 { // the second time it was done before
		if a := s.do(http.MethodPut, "/releases/web", with(with(stable, "images", object{"cn-hangzhou": done.Items[0].ImageID}), "apply", object{"digest": p.Plan.Digest})); n == 1 && a.body["recorded"] != true {
			t.Errorf("%d %v", a.status, a.body)
		}
	}
	s.do(http.MethodGet, "/releases/web", nil)
	export := object{"region": "cn-hangzhou", "imageId": done.Items[0].ImageID, "bucket": bucket, "prefix": "out"}
	if a := s.followed("/exports/" + s.posted(http.MethodPost, "/exports", export).ID); a.State != "finished" {
		t.Errorf("%v", a.body)
	}
	s.do(http.MethodGet, "/exports", nil)
}

// wordsOfTwo: one proposes, another one approves.
func wordsOfTwo(s *stage) {
	s.two = true
	a := s.posted(http.MethodPost, "/imports", wished("web-1"))
	if a.status != http.StatusAccepted || a.State != "awaitingApproval" {
		s.t.Fatalf("%d %v", a.status, a.body)
	}
	digest, _ := a.body["digest"].(string)
	if a = s.as("bob", function.Operator, http.MethodPost, "/imports", with(wished("web-1"), "apply", object{"digest": digest})); a.State != "queued" {
		s.t.Errorf("%d %v", a.status, a.body)
	}
	id := s.posted(http.MethodPost, "/imports", wished("web-2")).ID
	s.do(http.MethodGet, "/imports?state=queued&limit=1", nil)
	for range 26 {
		s.tick()
		time.Sleep(59 * time.Minute)
	}
	if a = s.do(http.MethodGet, "/imports/"+id, nil); a.State != "failed" || a.body["reason"].(object)["code"] != "approvalExpired" {
		s.t.Errorf("an approval that nobody gave: %v", a.body)
	}
}

// wordsOfCancels: an import that is cancelled while ECS makes its image.
func wordsOfCancels(s *stage) {
	id := s.posted(http.MethodPost, "/imports", wished("web-1")).ID
	for range 3 {
		s.tick()
	}
	for _, want := range []int{http.StatusAccepted, http.StatusOK} {
		if a := s.do(http.MethodDelete, "/imports/"+id, nil); a.status != want || a.State != "aborting" {
			s.t.Errorf("%d %v", a.status, a.body)
		}
	}
	if a := s.followed("/imports/" + id); a.State != "aborted" {
		s.t.Errorf("%v", a.body)
	}
	if a := s.do(http.MethodDelete, "/imports/"+id, nil); a.status != http.StatusOK || a.State != "aborted" {
		s.t.Errorf("%d %v", a.status, a.body)
	}
}

// wordsOfChecks: what the vendor's check can come to.
func wordsOfChecks(s *stage) {
	id := s.posted(http.MethodPost, "/imports", wished("web-1")).ID
	s.tick()
	for _, i := range s.things("cn-hangzhou").images {
		s.cloud.SetCheck(i.ID, cloudsim.CheckItem{Name: "GUESTOS.CloudInit", Risk: "High"})
	}
	if a := s.followed("/imports/" + id); a.State != "failed" || a.Items[0].Reason.Code != "checkRisks" {
		s.t.Errorf("%v", a.body)
	}
	for _, i := range s.things("cn-hangzhou").images {
		if err := s.session().DeleteImage(cloudsim.DeleteImageRequest{RegionID: "cn-hangzhou", ImageID: i.ID}); err != nil {
			s.t.Error(err)
		}
	}
	time.Sleep(time.Minute)
	instance := s.cloud.AddInstance(own, "cn-hangzhou", cloudsim.InstanceSpec{Instance: image.Instance{
		Image: "ubuntu_22_04_x64_20G_alibase_20260101.vhd", Status: image.InstanceRunning, Type: "ecs.g7.large", Zone: "cn-hangzhou-i",
	}})
	taken := object{"region": "cn-hangzhou", "source": object{"instance": object{"instanceId": instance}}, "image": object{"name": "taken-1"}, "test": wish("")["test"]}
	if a := s.followed("/imports/" + s.posted(http.MethodPost, "/imports", taken).ID); a.State != "finished" {
		s.t.Errorf("%v", a.body)
	}
}

// wordsOfMistakes: whoever may not, what is not there, and what cannot be right.
func wordsOfMistakes(s *stage) {
	t := s.t
	w := wished("web-1")
	for name, c := range map[string]struct {
		a      replied
		status int
		code   string
	}{
		"nobody":            {s.as("", "", http.MethodGet, "/imports", nil), http.StatusUnauthorized, "tokenMissing"},
		"a viewer applies":  {s.as("vic", function.Viewer, http.MethodPost, "/imports", with(w, "apply", object{"digest": strings.Repeat("0", 64)})), http.StatusForbidden, "roleMissing"},
		"no import":         {s.do(http.MethodGet, "/imports/none", nil), http.StatusNotFound, "notFound"},
		"no source":         {s.do(http.MethodPost, "/imports", with(w, "source", object{})), http.StatusBadRequest, ""},
		"another plan":      {s.do(http.MethodPost, "/imports", with(w, "apply", object{"digest": strings.Repeat("0", 64)})), http.StatusConflict, "planChanged"},
		"a digest alone":    {s.do(http.MethodPost, "/imports", object{"apply": object{"digest": strings.Repeat("0", 64)}}), http.StatusNotFound, "planGone"},
		"of an export":      {s.do(http.MethodPost, "/exports", object{"apply": object{"digest": strings.Repeat("0", 64)}}), http.StatusNotFound, "planGone"},
		"nothing of a file": {s.noObject(), http.StatusUnprocessableEntity, "objectNotFound"},
		"no role of ECS":    {s.noRole(), http.StatusUnprocessableEntity, "roleMissing"},
	} {
		if c.a.status != c.status || c.code != "" && c.a.Code != c.code {
			t.Errorf("%s: %d %v", name, c.a.status, c.a.body)
		}
	}
}

// noObject applies a plan that must not be applied.
func (s *stage) noObject() replied {
	w := with(wished("web-1"), "source", object{"object": object{"bucket": bucket, "key": "incoming/none.raw"}})
	return s.do(http.MethodPost, "/imports", with(w, "apply", object{"digest": s.do(http.MethodPost, "/imports", w).Plan.Digest}))
}

// noRole applies one where ECS may not read the bucket, and then, what has the same
// digest, one where it may.
func (s *stage) noRole() replied {
	s.cloud.SetServiceRole(own, cloudsim.ServiceRole{Name: cloudsim.ImportRole, Missing: true})
	w := wished("web-3")
	no := s.do(http.MethodPost, "/imports", with(w, "apply", object{"digest": s.do(http.MethodPost, "/imports", w).Plan.Digest}))
	s.cloud.SetServiceRole(own, cloudsim.ServiceRole{Name: cloudsim.ImportRole})
	time.Sleep(time.Minute)
	if a := s.posted(http.MethodPost, "/imports", w); a.status != http.StatusAccepted {
		s.t.Errorf("once the role is there: %d %v", a.status, a.body)
	}
	return no
}

// wordsOfParts: a region that gets no copy, and a test that fails.
func wordsOfParts(s *stage) {
	id := s.posted(http.MethodPost, "/imports", wished("web-1")).ID
	s.arm(func(m met) (fate, how) {
		if m.name == "CopyImage" {
			return refused, how{err: fault.New(fault.Precondition, "refused").WithCode("QuotaExceed.Image")}
		}
		return passes, how{}
	}, nil)
	for range 60 {
		s.work(&door{stage: s})
		time.Sleep(time.Minute)
	}
	if a := s.do(http.MethodGet, "/imports/"+id, nil); a.State != "partly" {
		s.t.Errorf("%v", a.body)
	}
	id = s.posted(http.MethodPost, "/imports", wished("web-2")).ID
	s.tick()
	for _, i := range s.things("cn-hangzhou").images {
		s.cloud.SetBoot(i.ID, cloudsim.BootCommandFails)
	}
	if a := s.followed("/imports/" + id); a.State != "failed" || a.Items[0].Reason.Code != "commandFailed" {
		s.t.Errorf("%v", a.body)
	}
}

// wished is wish with the region that a platform would tell.
func wished(name string) object { return with(wish(name), "region", "cn-hangzhou") }
