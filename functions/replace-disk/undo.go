package main

import (
	"context"
	"errors"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

func asFault(err error, to **fault.Error) bool { return errors.As(err, to) }

// undo plans to bring old content back, or begins it.
func (h handler) undo(ctx context.Context, call function.Call, in undoInput) (answer, error) {
	s, err := h.session(call)
	if err != nil {
		return answer{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.planUndo(ctx, in) }
	return h.kind().Post(ctx, call, in.Request, works.Wish{Plan: planning, Narrow: "narrow it by select.id", Left: s.left, ValidUntil: s.validUntil})
}

// retry plans what a rollout left, or begins it.
func (h handler) retry(ctx context.Context, call function.Call, in retryInput) (answer, error) {
	s, err := h.session(call)
	if err != nil {
		return answer{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.planRetry(ctx, in) }
	return h.kind().Post(ctx, call, in.Request, works.Wish{Plan: planning, Narrow: "narrow it by select.id", Left: s.left, ValidUntil: s.validUntil})
}

// before is the rollout that an undo or a retry is of.
func (s *session) before(ctx context.Context, id string) (work.Work, rollout.Wish, error) {
	w, err := s.runner().Get(ctx, id)
	if err != nil {
		return w, rollout.Wish{}, err
	}
	wish, err := rollout.WishOf(w)
	if err != nil {
		return w, wish, fault.Wrap(fault.Unknown, err, "the wish of rollout %s cannot be read", id).WithCode("journalDamaged")
	}
	return w, wish, nil
}

// planUndo looks at what a rollout did, and at the backups.
func (s *session) planUndo(ctx context.Context, in undoInput) (work.Document, error) {
	w, wish, err := s.before(ctx, in.ID)
	if err != nil {
		return work.Document{}, err
	}
	if wish, err = in.terms.wish(wish); err != nil {
		return work.Document{}, err
	}
	wish.Undoes, wish.OnUnhealthy, wish.Hooks.Before = in.ID, rollout.Halt, ""
	pasts := map[rollout.Name]rollout.Past{}
	var names []rollout.Name
	for _, p := range rollout.Pasts(w) {
		if in.Select.has(p.ID) {
			pasts[p.Name], names = p, append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return work.Document{}, rollout.NothingTo("undo", in.ID)
	}
	all, err := s.look(ctx)
	if err != nil {
		return work.Document{}, err
	}
	o, err := s.observe(ctx, all, names, wish)
	if err != nil {
		return work.Document{}, err
	}
	if in.Select == nil {
		s.point(ctx, all, &o, rollout.Followed(w))
	}
	backups := s.backups(ctx, all, pasts)
	for n := range o.Servers {
		one := &o.Servers[n]
		past := pasts[one.Name]
		var was *image.Image
		if at := slices.IndexFunc(o.Places[one.Place].Images, func(i image.Image) bool { return i.ID == past.Was }); at >= 0 {
			was = &o.Places[one.Place].Images[at]
		}
		one.Aim = past.AimBack(in.To != "", backups[past.Backup], was, *one, s.now())
		if one.Rollout == in.ID {
			one.Rollout = "" // of an open rollout only what has ended is undone, and claims see to the rest
			if !w.Items[one.Name.String()].Ended() {
				one.Rollout = in.ID
			}
		}
	}
	planned, err := rollout.Plan(wish, o, nil, s.now())
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "a plan cannot be written as JSON")
	}
	s.price(ctx, all, wish, &planned, o)
	return s.document(planned, in.ID, unreadOf(o))
}

// backups are the snapshots that there are of what was.
func (s *session) backups(ctx context.Context, all *survey.Survey, pasts map[rollout.Name]rollout.Past) map[image.SnapshotID]*image.Snapshot {
	by := map[rollout.Place][]image.SnapshotID{}
	for _, p := range pasts {
		if p.Backup != "" {
			by[p.Place] = append(by[p.Place], p.Backup)
		}
	}
	found := map[image.SnapshotID]*image.Snapshot{}
	for at, ids := range by {
		p := all.Place(at.Account, at.Region)
		if p == nil {
			continue
		}
		snapshots, err := p.Snapshots(ctx, image.SnapshotListing{IDs: ids})
		if err != nil {
			continue // noted, and a missing backup is refused
		}
		for n := range snapshots {
			found[snapshots[n].ID] = &snapshots[n]
		}
	}
	return found
}

// planRetry plans what failed and what was not begun, each to the image that it was
// to get.
func (s *session) planRetry(ctx context.Context, in retryInput) (work.Document, error) {
	w, wish, err := s.before(ctx, in.ID)
	if err != nil {
		return work.Document{}, err
	}
	if !w.State.Ended() {
		return work.Document{}, fault.New(fault.Conflict, "rollout %s is %s: only one that has ended can be tried again", in.ID, w.State).WithCode("wrongState")
	}
	if wish, err = in.terms.wish(wish); err != nil {
		return work.Document{}, err
	}
	left, pointers := rollout.Left(w), rollout.LeftPointers(w)
	var names []rollout.Name
	for n := range left {
		if in.Select.has(n.ID) {
			names = append(names, n)
		}
	}
	if in.Select != nil {
		pointers = nil
	}
	if len(names) == 0 && len(pointers) == 0 {
		return work.Document{}, rollout.NothingTo("try again", in.ID)
	}
	all, err := s.look(ctx)
	if err != nil {
		return work.Document{}, err
	}
	o, err := s.observe(ctx, all, names, wish)
	if err != nil {
		return work.Document{}, err
	}
	s.point(ctx, all, &o, pointers)
	for n := range o.Servers {
		one := &o.Servers[n]
		named := rollout.Target{Image: left[one.Name]}
		one.Aim = &rollout.Aim{Resolved: named.Resolve(one.Place, o.Places[one.Place], s.ours(all), s.config.Trusted)}
	}
	planned, err := rollout.Plan(wish, o, nil, s.now())
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "a plan cannot be written as JSON")
	}
	s.price(ctx, all, wish, &planned, o)
	return s.document(planned, in.ID, unreadOf(o))
}
