package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// mostAccounts is how many accounts ModifyImageSharePermission takes in each of
// its lists; it ignores the rest without an error.
const mostAccounts = 10

// Look returns an image of the account's own, in whatever state, with the
// accounts it is shared with. It fails with fault.NotFound if there is none.
func (a *Account) Look(ctx context.Context, ref image.Ref) (image.Image, []image.Grant, error) {
	found, err := a.Images(ctx, ref.Region, image.Listing{Kind: image.KindCustom, IDs: []image.ID{ref.ID}, Statuses: image.Statuses()})
	if err != nil {
		return image.Image{}, nil, err
	}
	if len(found) == 0 {
		return image.Image{}, nil, fault.New(fault.NotFound, "%s has no image %s in %s", ref.Account, ref.ID, ref.Region)
	}
	grants, err := a.Grants(ctx, ref.Region, ref.ID)
	return found[0], grants, err
}

// Permit lets accounts use an image, or no longer. Both lists have at most ten
// accounts, else it fails with fault.Invalid without a call. It is repeatable;
// after fault.Unavailable or fault.Unknown it may have been done. Source:
// ModifyImageSharePermission.
func (a *Account) Permit(ctx context.Context, ref image.Ref, add, remove []image.AccountID) error {
	if len(add) > mostAccounts || len(remove) > mostAccounts {
		return fault.New(fault.Invalid, "ecs:ModifyImageSharePermission: takes at most %d accounts", mostAccounts)
	}
	return a.modifyShare(ctx, ref, repeat(repeat(params{}, "AddAccount", add), "RemoveAccount", remove))
}

// Publish makes an image a community image, or no longer one; otherwise as
// Permit. Source: ModifyImageSharePermission IsPublic.
func (a *Account) Publish(ctx context.Context, ref image.Ref, published bool) error {
	return a.modifyShare(ctx, ref, params{"IsPublic": strconv.FormatBool(published)})
}

// Objection asks what ECS has against sharing an image at all, such as the key it
// is encrypted with, and changes nothing: it is a dry run, and about the owner,
// whom nothing can be shared with. Nil is no objection that shows so. Source:
// ModifyImageSharePermission DryRun, error codes.
func (a *Account) Objection(ctx context.Context, ref image.Ref) error {
	err := a.modifyShare(ctx, ref, params{"AddAccount.1": string(ref.Account), "DryRun": "true"})
	if code := fault.Code(err); dryRunDone(code) || code == codeOwnAccount {
		return nil
	}
	return err
}

// codeOwnAccount is the vendor's spelling.
const codeOwnAccount = "InvalidAccount.Forbbiden"

func (a *Account) modifyShare(ctx context.Context, ref image.Ref, change params) error {
	if err := checkRegion(ref.Region); err != nil {
		return err
	}
	if err := checkIDs([]image.ID{ref.ID}); err != nil {
		return err
	}
	return a.change(ctx, ref.Account, call{
		operation: "ecs:ModifyImageSharePermission", region: ref.Region,
		given: change.with("RegionId", string(ref.Region)).with("ImageId", string(ref.ID)),
		read:  readDone,
	})
}

// readDone reads an answer that only says that it was done.
func readDone(s *scanner) error {
	var requestID string
	s.object(func(key []byte) {
		if string(key) == "RequestId" {
			requestID = s.str()
			return
		}
		s.skip()
	})
	if err := s.end(); err != nil || requestID == "" {
		return errMalformed
	}
	return nil
}
