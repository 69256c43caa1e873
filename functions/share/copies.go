package main

import (
	"context"
	"maps"
	"slices"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// joint is the job of an image and all its regional copies: one plan, one
// digest. It fails with fault.Unknown if some region could not be read, because
// a copy there would be left out.
func (d *desk) joint(ctx context.Context, found image.Image, w wish) (*job, error) {
	images, perhaps, err := d.copies(ctx, found)
	if err != nil {
		return nil, err
	}
	j := &job{now: d.now, asked: found.Ref, sights: map[string]sight{}}
	for _, l := range perhaps {
		j.unsure = append(j.unsure, image.Reason{Code: "perhapsCopy", Sentence: l.Child.String() + " may be a copy of " + l.Parent.String() + ", and is left out: " + l.Why.Sentence})
	}
	parts := map[string]plan.Work{}
	for _, i := range images {
		parts[sharing.Target(i.Ref)] = d.workOn(j, i, w)
	}
	together := together{desk: d, parts: parts}
	j.work = plan.Work{
		Target: sharing.Target(found.Ref) + "/copies", Log: d.log, Now: d.now,
		Observe: func(ctx context.Context, _ []plan.Entry) (plan.Plan, error) {
			return together.observe(ctx, sharing.Target(found.Ref)+"/copies")
		},
		Batch: together.batch, Do: together.do,
	}
	return j, nil
}

// copies finds the regional copies of an image, itself among them.
func (d *desk) copies(ctx context.Context, found image.Image) ([]image.Image, []lineage.Link, error) {
	owner := d.accounts[found.Account]
	if found.Kind != image.KindCustom {
		return []image.Image{found}, nil, nil
	}
	regions, _, err := d.config.LookIn(image.RegionID(d.call.Region))
	if err != nil {
		return nil, nil, err
	}
	if regions, err = regionsOf(ctx, owner, regions); err != nil {
		return nil, nil, err
	}
	var places []lineage.Place
	for _, r := range regions {
		places = append(places, lineage.Place{Account: found.Account, Region: r, Reader: copies{regional{owner, r}}})
	}
	world := lineage.Observe(ctx, places)
	if len(world.Unread) > 0 {
		first := world.Unread[0]
		return nil, nil, fault.New(fault.Unknown, "the regional copies cannot be told: %d places could not be read; the first is %s: %s",
			len(world.Unread), first.Region, first.Sentence).WithCode("copiesUnknown")
	}
	known := lineage.New(world).Copies(lineage.KeyOf(found.Ref))
	images := slices.DeleteFunc(world.Images, func(i image.Image) bool {
		return i.Kind != image.KindCustom || !slices.Contains(known.Sure, lineage.KeyOf(i.Ref))
	})
	return images, known.Perhaps, nil
}

// together is the work on several images, each of which has its own.
type together struct {
	desk  *desk
	parts map[string]plan.Work
}

// observe plans for all images at once. It fails as the first of them that fails.
func (t together) observe(ctx context.Context, target string) (plan.Plan, error) {
	targets := slices.Sorted(maps.Keys(t.parts))
	plans, failed := make([]plan.Plan, len(targets)), make([]error, len(targets))
	var wait atonce.Group
	for n, part := range targets {
		wait.Go(func() { plans[n], failed[n] = t.parts[part].Plan(ctx) })
	}
	wait.Wait()
	if n := slices.IndexFunc(failed, func(err error) bool { return err != nil }); n >= 0 {
		return plan.Plan{}, failed[n]
	}
	return plan.Join(target, plans...), nil
}

// batch has one batch for each image.
func (t together) batch(changes []plan.Step) [][]plan.Step {
	var batches [][]plan.Step
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

// do carries out the part of the approved plan that the steps belong to, by its
// own digest.
func (t together) do(ctx context.Context, approved plan.Plan, steps []plan.Step) []plan.Outcome {
	target, _ := steps[0].Part()
	parts := approved.Parts()
	n := slices.IndexFunc(parts, func(p plan.Plan) bool { return p.Target == target })
	work, known := t.parts[target]
	if n < 0 || !known {
		return failures(steps, fault.New(fault.Conflict, "%s is no longer a copy that is known", target).WithCode("copyGone"))
	}
	deadline := t.desk.deadline
	if earlier, ok := ctx.Deadline(); ok {
		deadline = earlier
	}
	report, err := work.Apply(ctx, plan.Request{Digest: parts[n].Digest(), By: by(t.desk.call), Deadline: deadline})
	return outcomesFor(steps, report, err)
}

func failures(steps []plan.Step, err error) []plan.Outcome {
	outcomes := make([]plan.Outcome, len(steps))
	for n, s := range steps {
		outcomes[n] = plan.Failure(s, err)
	}
	return outcomes
}

// outcomesFor names the outcomes of a part as the joined plan names its steps. What
// was not tried before the part broke off failed by what broke it off.
func outcomesFor(steps []plan.Step, report plan.Report, failed error) []plan.Outcome {
	var outcomes []plan.Outcome
	for _, s := range steps {
		_, own := s.Part()
		o := plan.Outcome{Step: own.Name(), Result: plan.Open}
		if n := slices.IndexFunc(report.Outcomes, func(o plan.Outcome) bool { return o.Step == own.Name() }); n >= 0 {
			o = report.Outcomes[n]
		}
		if untried := o.Result == plan.Open && o.Why == nil; untried && failed != nil {
			o = plan.Failure(own, failed)
		}
		o.Step = s.Name()
		outcomes = append(outcomes, o)
	}
	return outcomes
}
