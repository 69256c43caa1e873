package work_test

import (
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/work"
	"imagekeeper/shared/work/worktest"
)

// TestUnseen: an item that may not be looked at stays as it is and says so, until it
// may be; the others go on. What fails otherwise says nothing.
func TestUnseen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, open := watched(t)
		s := worktest.NewStage(t, open, 3)
		forbidden := fault.New(fault.Forbidden, "it needs ecs:DescribeToys")
		hidden := map[string]error{worktest.ItemName(1): forbidden, worktest.ItemName(2): fault.New(fault.Throttled, "too many calls")}
		s.Kind.Hidden = func(item string) error { return hidden[item] }
		id := s.Approve(worktest.Document("unseen", 0, 1, 2), "ada").ID
		tick := func(times int) work.Work {
			for range times {
				s.Tick(s.Runner(s.Clean()))
				time.Sleep(time.Minute)
			}
			return s.Get(id)
		}
		w := tick(4)
		told := w.Items[worktest.ItemName(1)]
		why := told.Unseen()
		if !w.Items[worktest.ItemName(0)].Ended() || why == nil || why.Code != work.CodeUnseen || told.Begun() || told.ChangedAt().IsZero() {
			t.Fatalf("%s, of the hidden one %+v: %v", w.State, told, why)
		}
		if other := w.Items[worktest.ItemName(2)]; other.Unseen() != nil || other.Begun() {
			t.Errorf("of what failed for now %+v", other)
		}
		first := told.ChangedAt()
		if told = tick(3).Items[worktest.ItemName(1)]; !told.ChangedAt().Equal(first) {
			t.Errorf("it is told again at %s, and not only at %s", told.ChangedAt(), first)
		}

		clear(hidden)
		hidden[""] = forbidden
		if w = tick(2); w.Items[worktest.ItemName(2)].Unseen() == nil || w.Items[worktest.ItemName(0)].Unseen() != nil || w.State != work.Running {
			t.Errorf("where nothing may be looked at: %s, %+v", w.State, w.Items)
		}
		clear(hidden)
		w = s.UntilEnded(id, 10)
		if told = w.Items[worktest.ItemName(1)]; w.State != work.Finished || told.Unseen() != nil || !told.ChangedAt().After(first) {
			t.Errorf("%s, %+v", w.State, told)
		}
		s.Factory.Done(t, w.Names()...)
	})
}
