package rollout

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Moved fails with fault.Conflict, "moved", where no instance of a plan is as it was when
// it was planned. What cannot be looked at now is not known to have moved: the guards
// look again.
func Moved(ctx context.Context, at survey.Fresh, d work.Document) error {
	by := map[Place]map[image.InstanceID]spec{}
	for _, s := range specs(d) {
		if s.follows() {
			return nil
		}
		if by[s.Place] == nil {
			by[s.Place] = map[image.InstanceID]spec{}
		}
		by[s.Place][s.ID] = s
	}
	for in, all := range by {
		place := at.Place(in.Account, in.Region)
		if place == nil || asPlanned(ctx, place, all) {
			return nil
		}
	}
	return fault.New(fault.Conflict, "no instance of the plan is as it was when it was planned: plan again").WithCode("moved")
}

// asPlanned reports whether an instance of a place is as it was, or may be.
func asPlanned(ctx context.Context, place *survey.FreshPlace, all map[image.InstanceID]spec) bool {
	ids := make([]image.InstanceID, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	found, err := byHundred(ids, func(some []image.InstanceID) ([]image.Instance, error) {
		return place.Instances(ctx, image.InstanceListing{IDs: some})
	})
	if err != nil {
		return true
	}
	for _, i := range found {
		s := all[i.ID]
		runs := i.Status == image.InstanceRunning || i.Status == image.InstanceStarting
		if runs == s.ran && i.Type == s.kind && (i.Image == s.image || i.Image == s.to) {
			return true
		}
	}
	if len(found) == len(ids) {
		return false
	}
	shown, err := place.MayList(ctx, image.InstanceListing{IDs: ids[:min(len(ids), mostIDs)]})
	return err != nil || shown != image.Yes
}
