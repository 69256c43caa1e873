package cloudsim

import (
	"context"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Look returns an image of the account's own, in whatever state, with the
// accounts it is shared with. It fails with fault.NotFound if there is none.
func (v *View) Look(ctx context.Context, ref image.Ref) (image.Image, []image.Grant, error) {
	found, err := v.Images(ctx, ref.Region, image.Listing{Kind: image.KindCustom, IDs: []image.ID{ref.ID}, Statuses: image.Statuses()})
	if err != nil {
		return image.Image{}, nil, err
	}
	if len(found) == 0 {
		return image.Image{}, nil, fault.New(fault.NotFound, "%s has no image %s in %s", ref.Account, ref.ID, ref.Region)
	}
	grants, err := v.Grants(ctx, ref.Region, ref.ID)
	return found[0], grants, err
}

// Permit lets accounts use an image, or no longer. What it may do goes by the
// account's first key, as everything of a View.
func (v *View) Permit(ctx context.Context, ref image.Ref, add, remove []image.AccountID) error {
	return v.modifyShare(ctx, ModifyImageSharePermissionRequest{RegionID: ref.Region, ImageID: ref.ID, AddAccounts: add, RemoveAccounts: remove})
}

// Publish makes an image a community image, or no longer one.
func (v *View) Publish(ctx context.Context, ref image.Ref, published bool) error {
	return v.modifyShare(ctx, ModifyImageSharePermissionRequest{RegionID: ref.Region, ImageID: ref.ID, IsPublic: image.TriOf(published)})
}

// Objection asks what ECS has against sharing an image at all, and changes
// nothing: a dry run about the owner, whom nothing can be shared with.
func (v *View) Objection(ctx context.Context, ref image.Ref) error {
	err := v.modifyShare(ctx, ModifyImageSharePermissionRequest{
		RegionID: ref.Region, ImageID: ref.ID, AddAccounts: []image.AccountID{ref.Account}, DryRun: true,
	})
	if slices.Contains([]string{"DryRunOperation", "DRYRUN.SUCCESS", "InvalidAccount.Forbbiden"}, fault.Code(err)) {
		return nil
	}
	return err
}

func (v *View) modifyShare(ctx context.Context, req ModifyImageSharePermissionRequest) error {
	_, err := read(ctx, v, func(s *Session) (struct{}, error) { return struct{}{}, s.ModifyImageSharePermission(req) })
	return err
}
