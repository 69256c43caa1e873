package main

import (
	"context"
	"errors"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/work"
)

// subject names an image.
type subject struct {
	ImageID image.ID        `json:"imageId" validate:"required,imageid" doc:"The image, as ECS writes its id"`
	Region  image.RegionID  `json:"region" validate:"omitempty,regionid" doc:"Where the image is; needed only if the id is ambiguous"`
	Account image.AccountID `json:"account" validate:"omitempty,accountid" doc:"Who owns the image; needed only if the id is ambiguous"`
}

// keepInput keeps an image.
type keepInput struct {
	subject
	Reason string    `json:"reason" query:"-" validate:"required,oneline" doc:"Why it is to stay, for people"`
	Until  time.Time `json:"until" query:"-" validate:"required" doc:"Until when; at most a year from now. Where your own word keeps the image already, and longer, that one protects it for a day more"`
}

// keepOut is a word that keeps an image.
type keepOut struct {
	ImageID   image.ID        `json:"imageId"`
	RegionID  image.RegionID  `json:"regionId"`
	AccountID image.AccountID `json:"accountId"`
	// By is whose word it is.
	By string `json:"by"`
	// Reason is why, for people.
	Reason string `json:"reason"`
	// Until is how long it keeps the image; after it was taken back, or shortened, a day
	// more.
	Until time.Time `json:"until"`
	// TakenBack: it was.
	TakenBack bool `json:"takenBack"`
}

// longestKeep is how long a word keeps an image at most.
const longestKeep = 366 * 24 * time.Hour

// locate finds one image of an account of ours.
func (s *session) locate(ctx context.Context, in subject) (image.Ref, error) {
	o, err := s.opened()
	if err != nil {
		return image.Ref{}, err
	}
	refs, err := s.named(ctx, o.survey, createInput{Images: []image.ID{in.ImageID}, Region: in.Region, Account: in.Account})
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Field == "images[0]" {
		named := *refused
		named.Field = "imageId"
		return image.Ref{}, &named
	}
	if err != nil {
		return image.Ref{}, err
	}
	return refs[0], nil
}

// keep records that an image is to stay. It acts at once.
func (h handler) keep(ctx context.Context, call function.Call, in keepInput) (keepOut, error) {
	until := in.Until.UTC().Truncate(time.Second)
	switch now := h.now(); {
	case !until.After(now):
		return keepOut{}, fault.InField("until", "past", "must be in the future")
	case until.After(now.Add(longestKeep)):
		return keepOut{}, fault.InField("until", "tooLong", "must be at most a year from now")
	}
	s, err := h.session(ctx, call)
	if err != nil {
		return keepOut{}, err
	}
	ref, err := s.locate(ctx, in.subject)
	if err != nil {
		return keepOut{}, err
	}
	note := retention.KeepNote{By: change.By(call), Reason: in.Reason, Until: until, At: h.now().UTC().Truncate(time.Second)}
	if note, err = s.archive.Keep(ctx, ref, upkeep.KeepRecord{KeepNote: note}); err != nil {
		return keepOut{}, err
	}
	s.wake(ctx, ref)
	return keepOut{ref.ID, ref.Region, ref.Account, note.By, note.Reason, note.Until, false}, nil
}

// wake lets the cleanups that an image is in look again at once. Without it they do
// at their next step.
func (s *session) wake(ctx context.Context, ref image.Ref) {
	held, err := s.archive.Held(ctx)
	if err != nil {
		s.call.Log.Warn("cleanups not woken", "image", ref.String(), "code", fault.Code(err))
		return
	}
	r := s.runner()
	for _, id := range held.Images[ref.ID] {
		if w, err := r.Get(ctx, cleanupID(id)); err == nil && (w.State == work.Waiting || w.State == work.Running) {
			_, err = r.Order(ctx, w.ID, work.Order{Do: work.Resume, By: change.By(s.call), Reason: "an image of it is kept"})
			if err != nil {
				s.call.Log.Warn("cleanup not woken", "id", w.ID, "code", fault.Code(err))
			}
		}
	}
}

func cleanupID(holder string) string {
	if len(holder) > len(name)+1 && holder[:len(name)+1] == name+"/" {
		return holder[len(name)+1:]
	}
	return ""
}

// unkeepInput names the image whose keep is taken back.
type unkeepInput struct{ subject }

// unkeep takes back the caller's own word, or all of them if the caller may remove
// images. What was kept is protected for a day more.
func (h handler) unkeep(ctx context.Context, call function.Call, in unkeepInput) (keepOut, error) {
	s, err := h.session(ctx, call)
	if err != nil {
		return keepOut{}, err
	}
	ref, err := s.locate(ctx, in.subject)
	if err != nil {
		return keepOut{}, err
	}
	keeps, err := s.archive.Keeps(ctx)
	if err != nil {
		return keepOut{}, err
	}
	now := h.now().UTC().Truncate(time.Second)
	out := keepOut{ImageID: ref.ID, RegionID: ref.Region, AccountID: ref.Account, TakenBack: true}
	others := false
	for _, k := range keeps[ref] {
		switch {
		case !k.Holds(now):
			continue
		case k.By != change.By(call) && call.May(function.Reaper) != nil:
			others = true
			continue
		case k.TakenAt.IsZero():
			if _, err := s.archive.Keep(ctx, ref, upkeep.KeepRecord{KeepNote: retention.KeepNote{By: k.By, At: now}, Gone: true}); err != nil {
				return keepOut{}, err
			}
			k.TakenAt = now
		}
		out.By, out.Reason, out.Until = k.By, k.Reason, k.TakenAt.Add(24*time.Hour)
	}
	switch {
	case out.By == "" && others:
		return keepOut{}, fault.New(fault.Forbidden, "somebody else keeps it; only they, or a caller with the role reaper, may take that back").WithCode("roleMissing")
	case out.By == "":
		return keepOut{}, fault.New(fault.NotFound, "nobody keeps %s by word; a tag %s is taken off in ECS", ref.ID, retention.TagKeep).WithCode("notKept")
	}
	return out, nil
}
