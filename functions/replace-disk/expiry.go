package main

import (
	"context"
	"errors"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// expiryReport is what the timer did.
type expiryReport struct {
	// Backups and Images are how many were looked at.
	Backups int `json:"backups"`
	// Images: how many images of backups.
	Images int `json:"images"`
	// Deleted are the ids of what was deleted.
	Deleted []string `json:"deleted"`
	// Kept is how many stay, by why.
	Kept    map[string]int `json:"kept"`
	Unknown []image.Unread `json:"unknown"`
}

// expire deletes backups whose time is over, and images of backups that nothing uses,
// only those that a rollout of ours made and nothing needs any more.
func (h handler) expire(ctx context.Context, call function.Call, _ function.Tick) (expiryReport, error) {
	e := &expiry{report: expiryReport{Deleted: []string{}, Kept: map[string]int{}}, works: map[string]work.Work{}}
	var err error
	if e.session, err = h.session(call); err != nil {
		return e.report, err
	}
	open, err := e.open(ctx)
	if err != nil {
		return e.report, err
	}
	e.needs, e.targets = rollout.Needs(open), rollout.Targets(open)
	all, err := e.look(ctx)
	if err != nil {
		return e.report, err
	}
	for _, p := range all.Places() {
		err = errors.Join(err, e.images(ctx, p), e.backups(ctx, p))
	}
	e.report.Unknown = image.AllUnread(all.Unread())
	return e.report, err
}

// expiry is one run of the timer.
type expiry struct {
	*session
	needs map[image.SnapshotID][]string
	// targets are the images that open rollouts give to instances.
	targets map[string]bool
	works   map[string]work.Work
	report  expiryReport
}

// rollout reads a rollout once. One that cannot be read has no name.
func (e *expiry) rollout(ctx context.Context, id string) work.Work {
	if w, known := e.works[id]; known {
		return w
	}
	w, err := e.runner().Get(ctx, id)
	if err != nil {
		w = work.Work{}
	}
	e.works[id] = w
	return w
}

func (e *expiry) backups(ctx context.Context, p *survey.Place) error {
	found, err := p.Snapshots(ctx, image.SnapshotListing{})
	if err != nil {
		return nil //nolint:nilerr // noted in the survey, and told as unknown
	}
	var failed error
	for _, s := range found {
		id := s.Tags[rollout.TagBackup]
		if id == "" {
			continue
		}
		e.report.Backups++
		fate := rollout.Expiry(s, e.rollout(ctx, id), e.needs[s.ID], e.now())
		failed = errors.Join(failed, e.dispose(ctx, p, fate))
	}
	return failed
}

// dispose does what was decided about a backup.
func (e *expiry) dispose(ctx context.Context, p *survey.Place, fate rollout.Fate) error {
	cloud, err := e.in(ctx, p.Account)
	if err != nil {
		return err
	}
	switch {
	case fate.Delete:
		if err := cloud.DeleteSnapshot(ctx, p.Region, fate.ID); err != nil {
			return err
		}
		e.report.Deleted = append(e.report.Deleted, string(fate.ID))
		return nil
	case fate.Retag:
		tags := image.Tags{rollout.TagExpires: fate.Expires.UTC().Format(time.RFC3339)}
		if err := cloud.Tag(ctx, p.Region, "snapshot", []string{string(fate.ID)}, tags); err != nil {
			return err
		}
	}
	e.report.Kept[fate.Why.Code]++
	return nil
}

// images deletes images of backups: when their rollout has ended, nobody uses them,
// and they are shared with nobody.
func (e *expiry) images(ctx context.Context, p *survey.Place) error {
	found, err := p.Images(ctx, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
	if err != nil {
		return nil //nolint:nilerr // noted in the survey, and told as unknown
	}
	var failed error
	for _, i := range found {
		id := i.Tags[rollout.TagUndo]
		if id == "" {
			continue
		}
		e.report.Images++
		w := e.rollout(ctx, id)
		switch {
		case w.ID != id || !w.State.Ended():
			e.report.Kept["rolloutOpen"]++
			continue
		case rollout.Wanted(i, e.targets, e.needs):
			e.report.Kept["inUse"]++
			continue
		case i.Usage != image.UsageNone || i.SharedOut != image.No || i.Published:
			e.report.Kept["inUse"]++
			continue
		}
		used, err := p.Instances(ctx, image.InstanceListing{Image: i.ID})
		if err != nil || len(used) > 0 {
			e.report.Kept["inUse"]++
			continue
		}
		cloud, err := e.in(ctx, p.Account)
		if err == nil {
			err = cloud.DeleteImage(ctx, p.Region, i.ID)
		}
		if failed = errors.Join(failed, err); err == nil {
			e.report.Deleted = append(e.report.Deleted, string(i.ID))
		} else {
			e.call.Log.Warn("image of a backup not deleted", "image", i.Ref.String(), "code", fault.Code(err), "error", err)
		}
	}
	return failed
}
