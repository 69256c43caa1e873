package cloudsim

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// accountsPerCall is how many accounts of each list one call of
// ModifyImageSharePermission heeds; the rest is ignored without a word.
const accountsPerCall = 10

// ModifyImageSharePermissionRequest are the parameters of
// ModifyImageSharePermission. Of each list only the first ten count.
type ModifyImageSharePermissionRequest struct {
	RegionID         image.RegionID
	ImageID          image.ID
	AddAccounts      []image.AccountID
	RemoveAccounts   []image.AccountID
	IsPublic         image.Tri
	LaunchPermission string
	DryRun           bool
}

// ModifyImageSharePermission shares one of the caller's images with accounts,
// stops sharing it, or publishes it to the community. All or nothing. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidImageId.NotFound,
// Image.Public, OperationDenied.InvalidImageStatus, InvalidAccount.NotFound,
// InvalidAccount.Forbbiden, QuotaExceed.ShareImageUser, QuotaExceed.ShareImage,
// InvalidImageId.BidMismatch, InvalidParameter.IsPublic and those of encrypted
// images. An image can be shared while it is still being made. The change is
// seen at once, whatever Options.Visibility says, unless by the other reading.
func (s *Session) ModifyImageSharePermission(req ModifyImageSharePermissionRequest) error {
	if err := s.permit("ModifyImageSharePermission"); err != nil {
		return err
	}
	if err := checkShare(req); err != nil {
		return err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	req.AddAccounts, req.RemoveAccounts = c.heeded(req.AddAccounts), c.heeded(req.RemoveAccounts)
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	e, state := r.images.live(string(req.ImageID))
	switch {
	case state != nil && e.owner == SystemOwner:
		return wrongState(403, "Image.Public", "The specified image is public image.")
	case state == nil || e.owner != s.caller.Account:
		return refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	}
	next := *state
	if err := cmp.Or(c.checkSharable(r, state, req, now), c.publish(&next, req), c.share(r, &next, req, now)); err != nil {
		return err
	}
	if req.DryRun {
		return c.dryRun()
	}
	for _, g := range state.grants {
		c.book(r, g.Account).received--
	}
	for _, g := range next.grants {
		c.book(r, g.Account).received++
	}
	s.leave(r, "ModifyImageSharePermission", numberedAs(numberedAs(map[string]any{
		"RegionId": string(r.id), "ImageId": string(req.ImageID), "IsPublic": req.IsPublic == image.Yes,
	}, "AddAccount", req.AddAccounts), "RemoveAccount", req.RemoveAccounts), nil, map[string][]string{TrailImage: {string(req.ImageID)}})
	r.spread(e, &next)
	if c.readings().SharesLate {
		r.images.put(e, &next, c.visibleFrom(e.id, now), now)
		return nil
	}
	r.images.amend(e, func(s *imageState) { s.grants, s.img.Published = next.grants, next.img.Published })
	return nil
}

func checkShare(req ModifyImageSharePermissionRequest) error {
	accounts := len(req.AddAccounts) + len(req.RemoveAccounts)
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case req.ImageID == "":
		return missing("ImageId")
	case req.LaunchPermission != "" && accounts > 0:
		return malformed(400, "UnnecessaryParameter.LaunchPermission", "The specified parameter \"LaunchPermission\" is unnecessary if paramter \"AddAccounts\" or \"RemoveAccounts\" exist.")
	case req.LaunchPermission != "":
		return malformed(400, "ForbiddenParameter.LaunchPermission", "The specified parameter \"LaunchPermission\" is forbidden for current account.")
	case req.IsPublic != image.Unknown && accounts > 0:
		return malformed(403, "InvalidParameter.IsPublic", "The specified parameter IsPublic is conflicted with other parameters.")
	}
	return nil
}

// heeded is the part of a list of accounts that ECS looks at.
func (c *Cloud) heeded(accounts []image.AccountID) []image.AccountID {
	if len(accounts) <= accountsPerCall {
		return accounts
	}
	if c.readings().MoreThanTenVoid {
		return nil
	}
	return accounts[:accountsPerCall]
}

// checkSharable refuses to give away an image that cannot be given.
func (c *Cloud) checkSharable(r *region, state *imageState, req ModifyImageSharePermissionRequest, now time.Time) error {
	adds, publishes := len(req.AddAccounts) > 0, req.IsPublic == image.Yes
	if !adds && !publishes {
		return nil
	}
	encrypted := state.img.Encrypted() == image.Yes
	switch {
	case state.status(now) == image.StatusDeprecated:
		return wrongState(403, "OperationDenied.InvalidImageStatus", "The specified image cannot be shared when it is deprecated.")
	case encrypted && publishes, encrypted && !r.sharesEncrypted():
		return wrongState(403, "OperationDeined.EncryptedSnapshot", "The image contains encrypted snapshots, which do not support share.")
	case encrypted && state.kmsKey == "":
		return wrongState(403, "InvalidOperation.ServiceKeyEncryptedImageUnsupported", "The specified service key encrypted image is not supported for this operation. Please switch to a CMK (Customer Master Key) encrypted image.")
	case encrypted && len(state.img.Disks) > 1:
		return wrongState(403, "OperationDeined.FullImage", "The encrypted image contains multiple snapshots, which do not support share.")
	case encrypted && !c.accounts[state.img.Owner].ShareRole:
		return wrongState(403, "AssumeRoleError", "Requires a RAM role of AliyunECSShareEncryptImageDefaultRole before sharing encrypted image.")
	}
	return nil
}

// publish makes a community image of the state, or stops it being one.
func (c *Cloud) publish(state *imageState, req ModifyImageSharePermissionRequest) error {
	switch {
	case req.IsPublic == image.Unknown:
		return nil
	case req.IsPublic == image.Yes && !c.accounts[state.img.Owner].CommunityTerms:
		return wrongState(403, "PublicImageAgreement.NotSigned", "The current account has not signed \"Community Image Terms of Service\".")
	case req.IsPublic == image.No && !state.img.Published && c.readings().UnpublishRefused:
		return wrongState(403, "Image.NotPublic", "The specified image is not public image.")
	}
	state.img.Published = req.IsPublic == image.Yes
	return nil
}

// share changes the state's grants: those added, then without those removed.
func (c *Cloud) share(r *region, state *imageState, req ModifyImageSharePermissionRequest, now time.Time) error {
	owner := state.img.Owner
	_, ownerAbroad := exists(owner)
	grants := slices.Clone(state.grants)
	for _, a := range slices.Concat(req.AddAccounts, req.RemoveAccounts) {
		found, abroad := exists(a)
		switch {
		case !found:
			return refuse(404, "InvalidAccount.NotFound", "The specified account %s in parameter \"AddAccount.n\" or \"RemoveAccount.n\" does not exist.", a)
		case a == owner:
			return refuseAs(fault.Invalid, 404, "InvalidAccount.Forbbiden", "The specified Account does not yourself.")
		case abroad != ownerAbroad && slices.Contains(req.AddAccounts, a):
			return wrongState(403, "InvalidImageId.BidMismatch", "Cannot share the image with users %s of other sites.", a)
		}
	}
	for _, a := range req.AddAccounts {
		if slices.ContainsFunc(grants, func(g image.Grant) bool { return g.Account == a }) {
			continue
		}
		if !slices.Contains(req.RemoveAccounts, a) && c.book(r, a).received >= c.options.Quotas.GrantsReceived {
			return overQuota(403, "QuotaExceed.ShareImage", "The shared Image Quota exceeds.")
		}
		grants = append(grants, image.Grant{Account: a, At: now.Truncate(time.Second)})
	}
	grants = slices.DeleteFunc(grants, func(g image.Grant) bool { return slices.Contains(req.RemoveAccounts, g.Account) })
	if len(grants) > c.options.Quotas.Grants && len(grants) > len(state.grants) {
		return overQuota(403, "QuotaExceed.ShareImageUser", "The shared Image user Quota exceeds.")
	}
	state.grants = grants
	return nil
}

// DescribeImageSharePermissionRequest are the parameters of
// DescribeImageSharePermission.
type DescribeImageSharePermissionRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
	Pages    Pages
}

// GrantsPage is one page of DescribeImageSharePermission.
type GrantsPage struct {
	Grants []image.Grant
	PageMark
}

// DescribeImageSharePermission lists the accounts that one of the caller's
// images is shared with, in the order of their ids. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidImageId.NotFound, InvalidParameter.
func (s *Session) DescribeImageSharePermission(req DescribeImageSharePermissionRequest) (GrantsPage, error) {
	if err := s.permit("DescribeImageSharePermission"); err != nil {
		return GrantsPage{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return GrantsPage{}, err
	}
	if req.ImageID == "" {
		return GrantsPage{}, missing("ImageId")
	}
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return GrantsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	e := r.images.byID[string(req.ImageID)]
	if e == nil || e.owner != s.caller.Account || e.seen(now) == nil {
		return GrantsPage{}, refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	}
	grants := slices.Clone(e.seen(now).grants)
	slices.SortFunc(grants, func(a, b image.Grant) int { return strings.Compare(string(a.Account), string(b.Account)) })
	mark.Total = len(grants)
	return GrantsPage{Grants: slices.Clone(cut(grants, mark)), PageMark: mark}, nil
}
