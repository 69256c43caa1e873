package plan

import (
	"context"
	"maps"
	"slices"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
)

// Together is the work on several targets under one approval: one digest, and a
// log of its own beside those of the parts, by whose targets parts are named. Each
// part is carried out by its own digest, for the one who made r.
func Together(target string, log Log, parts map[string]Work, r Request) Work {
	t := together{parts, r}
	one := parts[slices.Min(slices.Collect(maps.Keys(parts)))]
	return Work{
		Target: target, Log: log, Now: one.Now,
		Observe: func(ctx context.Context, _ []Entry) (Plan, error) { return t.observe(ctx, target) },
		Batch:   t.batch, Do: t.do,
	}
}

type together struct {
	parts   map[string]Work
	request Request
}

// observe plans for all parts at once. It fails as the first of them that fails.
func (t together) observe(ctx context.Context, target string) (Plan, error) {
	targets := slices.Sorted(maps.Keys(t.parts))
	plans, failed := make([]Plan, len(targets)), make([]error, len(targets))
	var wait fanout.Group
	for n, part := range targets {
		wait.Go(func() { plans[n], failed[n] = t.parts[part].Plan(ctx) })
	}
	wait.Wait()
	if n := slices.IndexFunc(failed, func(err error) bool { return err != nil }); n >= 0 {
		return Plan{}, failed[n]
	}
	return Join(target, plans...), nil
}

// batch has one batch for each part.
func (t together) batch(changes []Step) [][]Step {
	var batches [][]Step
	last := ""
	for _, s := range changes {
		target, _ := s.Part()
		if target != last {
			batches, last = append(batches, nil), target
		}
		batches[len(batches)-1] = append(batches[len(batches)-1], s)
	}
	return batches
}

// do carries out the part of the approved plan that the steps belong to.
func (t together) do(ctx context.Context, approved Plan, steps []Step) []Outcome {
	target, _ := steps[0].Part()
	parts := approved.Parts()
	n := slices.IndexFunc(parts, func(p Plan) bool { return p.Target == target })
	work, known := t.parts[target]
	if n < 0 || !known {
		return outcomesFor(steps, Report{}, fault.New(fault.Conflict, "%s is no longer a copy that is known", target).WithCode("copyGone"))
	}
	request := Request{Digest: parts[n].Digest(), By: t.request.By, Deadline: t.request.Deadline}
	if earlier, ok := ctx.Deadline(); ok {
		request.Deadline = earlier
	}
	report, err := work.Apply(ctx, request)
	return outcomesFor(steps, report, err)
}

// outcomesFor names the outcomes of a part as the joined plan names its steps. What
// was not tried before the part broke off failed by what broke it off.
func outcomesFor(steps []Step, report Report, failed error) []Outcome {
	var outcomes []Outcome
	for _, s := range steps {
		_, own := s.Part()
		o := Outcome{Step: own.Name(), Result: Open}
		if n := slices.IndexFunc(report.Outcomes, func(o Outcome) bool { return o.Step == own.Name() }); n >= 0 {
			o = report.Outcomes[n]
		}
		if untried := o.Result == Open && o.Why == nil; untried && failed != nil {
			o = Failure(own, failed)
		}
		o.Step = s.Name()
		outcomes = append(outcomes, o)
	}
	return outcomes
}
