package importing

import (
	"context"
	"maps"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Releasing is what a release into a channel needs.
type Releasing struct {
	// Look opens the places where images of the family are, with nothing remembered:
	// what was just changed is looked for.
	Look func(ctx context.Context) (survey.Fresh, error)
	// Cloud is the one of an account.
	Cloud func(ctx context.Context, account image.AccountID) (Cloud, error)
	// Import reads an import. It fails with fault.NotFound if there is none.
	Import func(ctx context.Context, id string) (work.Work, error)
}

// Observe looks at every image of a family, and plans. told is the log of the
// family. What cannot be read of a region that the wish names is a failure.
func (r Releasing) Observe(ctx context.Context, w ReleaseWish, told []plan.Entry) (plan.Plan, error) {
	s, err := r.Look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	now, seen := Channels(told), map[image.RegionID]Sighted{}
	for _, region := range slices.Sorted(maps.Keys(w.Images)) {
		if seen[region], err = r.sighted(ctx, s, w, now, region); err != nil {
			return plan.Plan{}, err
		}
	}
	return PlanRelease(w, now, seen), nil
}

// sighted are the images of a family in one region, and the one that is wished.
func (r Releasing) sighted(ctx context.Context, s survey.Fresh, w ReleaseWish, now map[Channel]map[image.RegionID]Assigned, region image.RegionID) (Sighted, error) {
	var seen Sighted
	places := in(s, region)
	switch unread := s.Unread(); {
	case len(places) == 0 && len(unread) > 0:
		return seen, survey.Unreadable(unread, "whether %s is looked at is not known (%s)", region, survey.Sentence(unread))
	case len(places) == 0:
		return seen, fault.InField("images."+string(region), survey.CodeUnknownRegion, "%s is not among the regions that are looked at", region)
	}
	for _, p := range places {
		images, err := p.Images(ctx, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
		if err != nil {
			unread := []image.Unread{image.UnreadOf(p.Account, region, "ecs:DescribeImages", err)}
			return seen, survey.Unreadable(unread, "the images of account %s in %s cannot be read: %s", p.Account, region, unread[0].Sentence)
		}
		for n := range images {
			i := images[n]
			if i.ID == w.Images[region] {
				seen.Image = &i
				if seen.Passed, err = r.passed(ctx, i); err != nil {
					return seen, err
				}
			}
			if ofFamily(i, w.Family) || now[Stable][region].Image == i.ID || now[Candidate][region].Image == i.ID || i.ID == w.Images[region] {
				seen.Family = append(seen.Family, i)
			}
		}
	}
	return seen, nil
}

// in are the places of a region.
func in(s survey.Fresh, region image.RegionID) []*survey.FreshPlace {
	return slices.DeleteFunc(s.Places(), func(p *survey.FreshPlace) bool { return p.Region != region })
}

// ofFamily reports whether an image is of a family: by our tag, or by ECS's own family,
// which is another one while it is withdrawn.
func ofFamily(i image.Image, family image.Family) bool {
	return i.Tags[TagFamily] == string(family) || i.Family == family || i.Family == family+withdrawnSuffix
}

// passed reports whether an import of ours made an image and saw it pass.
func (r Releasing) passed(ctx context.Context, i image.Image) (image.Tri, error) {
	id := i.Tags[TagImport]
	if id == "" {
		return image.No, nil
	}
	w, err := r.Import(ctx, id)
	if fault.Of(err) == fault.NotFound {
		return image.No, nil
	}
	if err != nil {
		return image.Unknown, err
	}
	for _, item := range w.Items {
		home := item.Name == string(i.Region) && item.Notes[noteImage] == string(i.ID)
		if home && slices.Contains([]string{LevelNamed, LevelCopied, LevelShared, LevelReleased}, item.Level) {
			return image.Yes, nil
		}
	}
	return image.No, nil
}

// Do carries out one step: first the family, then the tag, which only tells.
func (r Releasing) Do(ctx context.Context, s plan.Step) plan.Outcome {
	region, id, _ := strings.Cut(s.Subject, "/")
	ref, err := r.owner(ctx, image.RegionID(region), image.ID(id))
	if err != nil {
		return plan.Failure(s, err)
	}
	cloud, err := r.Cloud(ctx, ref.Account)
	if err != nil {
		return plan.Failure(s, err)
	}
	if family, set := s.Sets[familyFact(ref.Region, ref.ID)]; set {
		f := image.Family(family)
		if err := cloud.ModifyImage(ctx, ref.Region, ref.ID, image.AttributeChange{Family: &f}); err != nil {
			return outcomeOf(s, err)
		}
	}
	if tag, set := s.Sets[tagFact(ref.Region, ref.ID)]; set {
		if err := cloud.Tag(ctx, ref.Region, "image", []string{id}, image.Tags{TagChannel: tag}); err != nil {
			return outcomeOf(s, err)
		}
	}
	return plan.Outcome{Step: s.Name(), Result: plan.Applied}
}

// owner finds whose image it is, once more.
func (r Releasing) owner(ctx context.Context, region image.RegionID, id image.ID) (image.Ref, error) {
	s, err := r.Look(ctx)
	if err != nil {
		return image.Ref{}, err
	}
	for _, p := range in(s, region) {
		found, err := p.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{id}, Statuses: image.Statuses()})
		if err != nil {
			return image.Ref{}, err
		}
		if len(found) > 0 {
			return found[0].Ref, nil
		}
	}
	return image.Ref{}, fault.New(fault.Precondition, "%s is not an image of ours in %s", id, region).WithCode("notOurs")
}

// outcomeOf is a failure, or a doubt where the call may have been done.
func outcomeOf(s plan.Step, err error) plan.Outcome {
	if k := fault.Of(err); k == fault.Unavailable || k == fault.Unknown {
		return plan.InDoubt(s, err)
	}
	return plan.Failure(s, err)
}
