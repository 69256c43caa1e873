package rollout_test

import (
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// documented is one refusal that ECS documents of a call that rollouts make: which
// checks catch it before anything is touched, or why none can, and what becomes of an
// instance that meets it all the same.
type documented struct {
	operation, code string
	kind            fault.Kind
	// then is refused, later where the same call is taken after a while, or doubt where
	// it may have been carried out.
	then   string
	caught []string
	why    string
}

// allDocumented reads testdata/refusals.tsv.
func allDocumented(t *testing.T) []documented {
	t.Helper()
	text, err := os.ReadFile("testdata/refusals.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []documented
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 7 {
			t.Fatalf("%q has %d cells", line, len(cells))
		}
		if cells[0] != "operation" {
			all = append(all, documented{cells[0], cells[1], fault.Kind(cells[3]), cells[4], strings.Fields(cells[5]), cells[6]})
		}
	}
	return all
}

// TestDocumentedRefusals: each that ECS documents is caught by checks of ours that have
// a case each, or it is said why it cannot be known before the call.
func TestDocumentedRefusals(t *testing.T) {
	t.Parallel()
	cases := ofInstances()
	maps.Copy(cases, ofImages())
	has := besides()
	for _, c := range cases {
		has = append(has, c.code)
	}
	all := allDocumented(t)
	for _, d := range all {
		if (len(d.caught) == 0) != (d.why != "") {
			t.Errorf("%s %s: caught by %v, %q", d.operation, d.code, d.caught, d.why)
		}
		for _, code := range d.caught {
			if !slices.Contains(has, code) {
				t.Errorf("%s %s: no case is refused by %s", d.operation, d.code, code)
			}
		}
	}
	if len(all) < 200 {
		t.Errorf("only %d are documented", len(all))
	}
}

// met is an instance whose call is refused, and how often it was.
type met struct {
	documented
	call string
	// stopped: only while it is stopped.
	stopped bool
	times   int
}

// TestRefusedAllTheSame: whatever ECS refuses, although nothing told so before, leaves
// the instance running: as it was, or, where the refusal passes or ECS fails, with what
// it was to get. A few are tried, others by each DRAW, all for TRIALS=full.
func TestRefusedAllTheSame(t *testing.T) {
	sum := fnv.New32()
	_, _ = sum.Write([]byte(os.Getenv("DRAW")))
	var tried []documented
	for n, d := range allDocumented(t) {
		if os.Getenv("TRIALS") == "full" || n%8 == int(sum.Sum32()%8) {
			tried = append(tried, d)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRefusing(t, tried)
		wish := r.to()
		wish.Strategy.MaxUnavailable, wish.Strategy.WaveSize.Count, wish.Strategy.MaxFailures = 1000, 1000, new(1000)
		id := r.approve(wish, r.fleet...)
		got := r.end(id)
		for ; got.State == work.Halted; got = r.end(id) { // many fail before one proves the image
			if _, err := r.runner().Order(t.Context(), id, work.Order{Do: work.Resume, By: "iss ann"}); err != nil {
				t.Fatal(err)
			}
		}
		r.check(got, r.golden)
		wish.Strategy.Canary = new(0)
		d, _ := r.undoing(id)
		r.check(r.end(r.start(d)), "")
	})
}

// refusing is a world that refuses.
type refusing struct {
	*world
	mu   sync.Mutex
	meet map[image.InstanceID]*met
	was  map[image.InstanceID]image.DiskID
}

func newRefusing(t *testing.T, tried []documented) *refusing {
	r := &refusing{world: newWorld(t, 0, cloudsim.Options{Readings: cloudsim.Readings{ReplaceForgets: true}}), meet: map[image.InstanceID]*met{}}
	r.cloud.AddKeyPair(one, hangzhou, "ops")
	add := func(m met) {
		id := r.add(image.Instance{Name: m.operation, Zone: "cn-hangzhou-h", Image: r.old})
		r.meet[id] = &m
		if err := r.view().AttachKeyPair(t.Context(), hangzhou, "ops", []image.InstanceID{id}); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string]string{
		"ReplaceSystemDisk": "replace", "StopInstance": "stop", "StartInstance": "start", "CreateImage": "image", "DeleteSnapshot": "deleteSnapshot",
		"CreateSnapshot": "snapshot", "AttachKeyPair": "keyPair",
	}
	for _, d := range tried {
		add(met{documented: d, call: calls[d.operation]})
		if d.operation == "CreateSnapshot" {
			add(met{documented: d, call: "snapshot", stopped: true})
		}
	}
	r.was = r.disks()
	r.refuses = r.refuse
	return r
}

// refuse is what ECS says to a call.
func (r *refusing) refuse(call, of string) error {
	for id, m := range r.meet {
		if m.call != call || !r.about(call, of, id) || m.stopped && r.instance(id).Status != image.InstanceStopped {
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if m.times++; m.times > 2 && (m.then != "refused" || call == "start") {
			return nil
		}
		return fault.New(m.kind, "refused").WithCode(m.code)
	}
	return nil
}

// about reports whether a call is about an instance.
func (r *refusing) about(call, of string, id image.InstanceID) bool {
	switch call {
	case "snapshot":
		return r.disk(id).ID == image.DiskID(of)
	case "deleteSnapshot":
		found, err := r.view().Snapshots(r.Context(), hangzhou, image.SnapshotListing{IDs: []image.SnapshotID{image.SnapshotID(of)}})
		return err == nil && len(found) == 1 && found[0].SourceDisk == r.disk(id).ID
	case "image":
		return strings.HasSuffix(of, strings.TrimPrefix(string(id), "i-"))
	}
	return strings.HasPrefix(of, string(id))
}

// check looks at what became of each.
func (r *refusing) check(got work.Work, golden image.ID) {
	r.Helper()
	for id, is := range outcomes(got) {
		m := r.meet[id]
		runs, fails := r.instance(id).Status == image.InstanceRunning, m.call != "start" && m.then == "refused"
		untouched := r.disk(id).ID == r.was[id]
		var right bool
		switch {
		case !runs:
		case m.call == "deleteSnapshot", m.call == "image" && golden != "":
			right = is == "applied"
		case m.call == "keyPair":
			right = is == "applied notRestored" || (!fails || golden == "") && is == "applied"
		case fails && golden == "" && m.call != "image":
			right = true // it was not replaced, so there is nothing to undo
		case fails:
			right = is == "failed "+m.code && untouched == (golden != "")
		default:
			right = is == "applied" && (golden == "" || r.instance(id).Image == golden)
		}
		if !right || golden != "" && m.call != "image" && m.times == 0 {
			r.Errorf("%s %s (%s, while stopped %v, met %d times): %s, running %v, untouched %v", m.operation, m.code, m.then, m.stopped, m.times, is, runs, untouched)
		}
	}
	if golden == "" && time.Since(got.EndedAt) > time.Hour {
		r.Errorf("%s since %s", got.State, got.EndedAt)
	}
}
