package importing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// exporter is an export whose task shows as the test says.
type exporter struct {
	importing.Exports
	task     string
	cancels  int
	canceled func(n int) plan.Outcome
}

func (e *exporter) Look(_ context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	return work.Seen{w.Names()[0]: plan.Facts{"task": e.task}}, nil
}

func (e *exporter) Do(_ context.Context, _ survey.Fresh, _ work.Work, a work.Act) work.Answer {
	step := plan.Step{Action: a.Do, Subject: a.Item}
	if a.Do == "cancel" {
		e.cancels++
		return work.Answer{Outcome: e.canceled(e.cancels)}
	}
	return work.Answer{Outcome: plan.Outcome{Step: step.Name(), Result: plan.Applied}, Notes: map[string]string{"taskId": "t-1"}}
}

// An export whose task never ends, or never shows, ends some day; a cancel that nobody
// heard of, or that was accepted and not done, is asked for again.
func TestExportsThatDoNotEnd(t *testing.T) {
	accepted := plan.Outcome{Step: "cancel m-1", Result: plan.Applied}
	lost := plan.InDoubt(plan.Step{Action: "cancel", Subject: "m-1"}, fault.New(fault.Unavailable, "no answer"))
	for name, c := range map[string]struct {
		task  string
		abort bool
		// done is the cancel that is done at last.
		done    int
		answers plan.Outcome
		state   work.State
	}{
		"runs for ever":             {task: "Processing", state: work.Failed},
		"never shows":               {task: "gone", state: work.Failed},
		"a cancel that is lost":     {task: "Processing", abort: true, done: 2, answers: lost, state: work.Aborted},
		"a cancel that is not done": {task: "Processing", abort: true, done: 3, answers: accepted, state: work.Aborted},
		"never cancelled":           {task: "Processing", abort: true, done: 1000, answers: accepted, state: work.Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &exporter{task: c.task}
				e.canceled = func(n int) plan.Outcome {
					if n == c.done {
						e.task = "Failed"
						return accepted
					}
					return c.answers
				}
				place, ids := journal.OpenObjects(journaltest.NewBucket(nil), ""), 0
				r := work.Runner{
					Name: "exports", Kind: e, Documents: place, Worker: "one", Now: time.Now,
					Journal: journal.New(place, time.Now, func() string { ids++; return fmt.Sprint(ids) }),
					Pause:   func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil },
					Again:   func(context.Context) survey.Fresh { return survey.Fresh{} },
				}
				wish, err := json.Marshal(importing.Export{Region: home, Account: "1000000000000001", ImageID: "m-1", Bucket: "b"})
				if err != nil {
					t.Fatal(err)
				}
				p := plan.Plan{Target: "exports", Steps: []plan.Step{{Action: "export", Subject: "m-1", Sets: plan.Facts{"export": "done"}}}}
				w, err := r.Approve(t.Context(), work.Document{Plan: p.Stored(), Wish: wish}, work.Approval{By: "iss ann"})
				if err != nil {
					t.Fatal(err)
				}
				for n := 0; n < 600 && !w.State.Ended(); n++ {
					if _, err := r.Tick(t.Context(), time.Now(), time.Now().Add(55*time.Second)); err != nil {
						t.Fatal(err)
					}
					if n == 2 && c.abort {
						if _, err := r.Order(t.Context(), w.ID, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
							t.Fatal(err)
						}
					}
					if w, err = r.Get(t.Context(), w.ID); err != nil {
						t.Fatal(err)
					}
					if c.abort {
						time.Sleep(10 * time.Minute)
					} else {
						time.Sleep(3 * time.Hour)
					}
				}
				if w.State != c.state || c.abort && e.cancels < 2 {
					t.Errorf("%s after %d cancels: %+v", w.State, e.cancels, w.Items)
				}
			})
		})
	}
}
