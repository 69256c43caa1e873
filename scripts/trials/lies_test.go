package trials_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/image"
	"imagekeeper/shared/sharing"
)

// faults makes ECS fail, or lie, at calls that are still to come.
func (s *stage) faults(list ...ecsapi.Fault) {
	s.t.Helper()
	body, err := json.Marshal(list)
	if err != nil {
		s.t.Fatal(err)
	}
	s.local(http.MethodPost, "/_local/faults", body)
}

// local asks something of the emulator itself.
func (s *stage) local(method, path string, body []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.ecs.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		s.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
}

// anyFaults draws what goes wrong with the calls of one application.
func anyFaults(r *rand.Rand) []ecsapi.Fault {
	looks := []ecsapi.FaultKind{
		ecsapi.FaultThrottle, ecsapi.Fault500, ecsapi.Fault503, ecsapi.FaultReset, ecsapi.FaultEmpty200, ecsapi.FaultNull, ecsapi.FaultTruncated,
		ecsapi.FaultShortPage, ecsapi.FaultStalePage, ecsapi.FaultAuthorisedEmpty,
	}
	changes := []ecsapi.FaultKind{
		ecsapi.FaultThrottle, ecsapi.Fault500, ecsapi.Fault503, ecsapi.FaultReset, ecsapi.FaultLostReply, ecsapi.FaultEmpty200, ecsapi.FaultNull, ecsapi.FaultTruncated,
	}
	var list []ecsapi.Fault
	for range 2 + r.IntN(6) {
		f := ecsapi.Fault{Skip: r.IntN(8), Count: 1 + r.IntN(2)}
		switch f.Action = []string{"DescribeImageSharePermission", "DescribeImages", "ModifyImageSharePermission"}[r.IntN(3)]; f.Action {
		case "ModifyImageSharePermission":
			f.Kind = changes[r.IntN(len(changes))]
		default:
			f.Kind = looks[r.IntN(len(looks))]
		}
		list = append(list, f)
	}
	return list
}

// wish is a list with terms, and whether everyone may use the image.
type wish struct {
	id        image.ID
	had, want []image.AccountID
	// until has the accounts whose access ends, and when.
	until     map[image.AccountID]time.Time
	community bool
}

// put is the event that plans a wish or, with a digest, applies it.
func (w wish) put(digest string) map[string]any {
	event := put(w.id, w.want, w.had, digest)
	input, _ := event["input"].(map[string]any)
	input["community"] = w.community
	accounts, _ := input["accounts"].([]map[string]any)
	for n, a := range w.want {
		if end, ends := w.until[a]; ends {
			accounts[n]["until"], accounts[n]["onExpiry"] = end.UTC().Format(time.RFC3339), sharing.Remove
		}
	}
	return event
}

// anyWish draws a state to begin with, puts it into the cloud, and draws another
// one to be made of it.
func (s *stage) anyWish(id image.ID, r *rand.Rand) wish {
	s.t.Helper()
	of := []int{12, 60, 150}[r.IntN(3)]
	w := wish{id: id, had: anyList(r, of), want: anyList(r, of), until: map[image.AccountID]time.Time{}, community: r.IntN(2) == 0}
	s.image(id, w.had...)
	if err := s.cloud.View(owner).Publish(s.t.Context(), image.Ref{Account: owner, Region: region, ID: id}, r.IntN(2) == 0); err != nil {
		s.t.Fatal(err)
	}
	for _, a := range w.want {
		if r.IntN(3) == 0 {
			w.until[a] = time.Now().AddDate(1, 0, r.IntN(100))
		}
	}
	return w
}

// TestAnyListToAnyOtherWhileECSFailsAndLies: whatever the state, and however ECS
// fails or lies on the way, who keeps access never loses it, and whoever plans and
// applies again until it is done gets exactly what was wanted.
func TestAnyListToAnyOtherWhileECSFailsAndLies(t *testing.T) {
	t.Parallel()
	seed := drawn.Seed()
	t.Logf("seed %d", seed)
	s := newStage(t)
	workers := []*worker{s.start("lies", folderJournal(t), "SHARE_COMMUNITY=allow"), s.start("lies-too", bucketJournal, "SHARE_COMMUNITY=allow")}
	for n := range max(rounds(60), 4) {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		s.againstLies(workers[n%2], s.anyWish(image.ID(fmt.Sprintf("m-lies%d", n)), r), n%2 == 1, r)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, n)
		}
	}
}

// againstLies plans and applies until it is done, with other faults each time.
func (s *stage) againstLies(w *worker, wanted wish, journalled bool, r *rand.Rand) {
	s.t.Helper()
	k := &keepers{stage: s, id: wanted.id, keep: both(wanted.had, wanted.want), journalled: journalled}
	s.arm(nil, func(now request) bool { k.watch(now); return false })
	ask := func(digest string) answer {
		a, err := w.invoke(wanted.put(digest), long)
		if err != nil {
			s.t.Fatal(err)
		}
		return a
	}
	done, digest, answers := answer{}, "", []string{}
	for try := 0; try < 30 && !done.Complete; try++ {
		if digest == "" {
			digest = ask("").Plan.Digest
		}
		faults := anyFaults(r)
		s.faults(faults...)
		if done = ask(digest); done.Code != "" {
			digest = "" // the world is not as it was, or looks so: plan again
		}
		answers = append(answers, fmt.Sprint(faults, ": ", done.short()))
		s.local(http.MethodDelete, "/_local/faults", nil)
	}
	i, _, err := s.cloud.View(owner).Look(s.t.Context(), image.Ref{Account: owner, Region: region, ID: wanted.id})
	if got := s.list(wanted.id); err != nil || !done.Complete || !slices.Equal(got, wanted.want) || i.Published != wanted.community || len(k.wrong()) > 0 {
		s.t.Errorf("had %v\nwant %v %v\ngot %v %v\n%v\n%v\n%s", wanted.had, wanted.want, wanted.community, got, i.Published, k.wrong(), answers, w.log)
	}
	if again := ask(""); again.Plan.Changes != 0 || again.Code != "" {
		s.t.Errorf("a second plan: %s", again.short())
	}
}
