package cloudsim

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// DeleteImageRequest are the parameters of DeleteImage.
type DeleteImageRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
	Force    bool
	DryRun   bool
}

// DeleteImage deletes one of the caller's images; its snapshots stay. An id
// that does not exist is a success, or InvalidImageId.NotFound by the other
// reading. Refusals: MissingParameter, InvalidRegionId.NotFound,
// OperationDenied.ImageCopying, ImageIsPublic, ImageUseShared and, unless
// forced, ImageUsingByInstance.
func (s *Session) DeleteImage(req DeleteImageRequest) error {
	if err := s.permit("DeleteImage", "image/"+string(req.ImageID)); err != nil {
		return err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	if req.ImageID == "" {
		return missing("ImageId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	e, state := r.images.live(string(req.ImageID))
	unknown := refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	switch {
	case state == nil && c.readings().DeleteMissingRefused, state != nil && e.owner != s.caller.Account:
		return unknown
	case state == nil && !req.DryRun:
		return nil
	case state != nil:
		if err := r.checkDelete(state, req.Force, now); err != nil {
			return err
		}
	}
	if req.DryRun {
		return c.dryRun()
	}
	c.dropImage(r, e, state, now)
	s.leave(r, "DeleteImage", map[string]any{"RegionId": string(r.id), "ImageId": string(req.ImageID), "Force": req.Force}, nil,
		map[string][]string{TrailImage: {string(req.ImageID)}})
	return nil
}

// exporting reports whether the image is being exported.
func (r *region) exporting(id image.ID, now time.Time) bool {
	return slices.ContainsFunc(r.tasks, func(t *task) bool { return t.action == TaskExport && t.image == id && t.row(now).CanCancel })
}

func (r *region) checkDelete(state *imageState, force bool, now time.Time) error {
	switch {
	case state.unfinished(now) && state.work.copy:
		return wrongState(403, "OperationDenied.ImageCopying", "The image is being copied. Please use the CancelCopyImage API.")
	case state.work != nil && state.work.imports && now.Before(state.work.until) && state.status(now) != image.StatusCreateFailed:
		return wrongState(403, "ImageIsImporting", "The specified Image is importing.")
	case r.exporting(state.img.ID, now):
		return wrongState(403, "ImageIsExporting", "The specified Image is being exported.")
	case state.img.Published:
		return wrongState(403, "ImageIsPublic", "You can not delete public image, please modify it to private.")
	case len(state.grants) > 0:
		return wrongState(403, "ImageUseShared", "The specified image has been shared to others. You can use the DescribeImageSharePermission API to query the users who have been shared.")
	case !force && r.running[state.img.ID] > 0:
		return wrongState(403, "ImageUsingByInstance", "The specified image has been used to create instances. You can use the DescribeInstances API to query these instances, or you can use the force parameter to proceed.")
	}
	return nil
}

// dropImage takes an image away: for its owner's limits at once, for readers
// when they see it.
func (c *Cloud) dropImage(r *region, e *entry[imageState], state *imageState, now time.Time) {
	r.images.put(e, nil, c.visibleFrom(e.id, now), now)
	r.buried[state.img.ID] = state
	r.uncount(c.book(r, e.owner), state)
	for _, g := range state.grants {
		c.book(r, g.Account).received--
	}
	for _, d := range state.img.Disks {
		r.freed[d.SnapshotID] = now
		if r.inImages[d.SnapshotID]--; r.inImages[d.SnapshotID] <= 0 {
			delete(r.inImages, d.SnapshotID)
		}
	}
}

// ModifyImageAttributeRequest are the parameters of ModifyImageAttribute;
// empty fields stay as they are.
type ModifyImageAttributeRequest struct {
	RegionID    image.RegionID
	ImageID     image.ID
	ImageName   string
	Description string
	ImageFamily image.Family
	Status      image.Status
	BootMode    string
	LicenseType string
	NVMe        string
	IMDS        string
	DryRun      bool
}

// ModifyImageAttribute changes one of the caller's images; what is empty in the
// request stays. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidImageId.NotFound, InvalidStatus.ImageIsCreating, the malformed and
// duplicate codes of name, description and family, ImageStatus.NotAvailable,
// ImageStatus.NotDeprecated, ImageUseShared, OperationDeined.ImageUsingByInstance
// and those of the features.
func (s *Session) ModifyImageAttribute(req ModifyImageAttributeRequest) error {
	if err := s.permit("ModifyImageAttribute", "image/"+string(req.ImageID)); err != nil {
		return err
	}
	if err := checkModify(req); err != nil {
		return err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	e, state := r.images.owned(s.caller.Account, string(req.ImageID))
	if state == nil {
		return refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	}
	b := c.book(r, s.caller.Account)
	if err := cmp.Or(c.checkRename(b, state, req), checkStatusChange(state, req.Status, now), r.checkFeatures(state, req)); err != nil {
		return err
	}
	if req.DryRun {
		return c.dryRun()
	}
	next := *state
	req.change(&next)
	if next.img.Name != state.img.Name || next.img.Family != state.img.Family {
		r.uncount(b, state)
		r.count(b, &next)
	}
	r.images.put(e, &next, c.visibleFrom(e.id, now), now)
	return nil
}

// change enters what the request gives into the state.
func (req ModifyImageAttributeRequest) change(s *imageState) {
	img := &s.img
	img.Name = cmp.Or(req.ImageName, img.Name)
	img.Description = cmp.Or(req.Description, img.Description)
	img.Family = cmp.Or(req.ImageFamily, img.Family)
	img.Status = cmp.Or(req.Status, img.Status)
	img.BootMode = cmp.Or(image.BootMode(req.BootMode), img.BootMode)
	img.LicenseType = cmp.Or(req.LicenseType, img.LicenseType)
	img.NVMe = cmp.Or(req.NVMe, img.NVMe)
	s.imds = cmp.Or(req.IMDS, s.imds)
}

func checkModify(req ModifyImageAttributeRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case req.ImageID == "":
		return missing("ImageId")
	case req.ImageName != "" && !wellNamed(req.ImageName):
		return malformed(400, "InvalidImageName.Malformed", "The specified Image name is wrongly formed.")
	case req.Description != "" && !wellDescribed(req.Description):
		return malformed(400, "InvalidDescription.Malformed", "The specified description is wrongly formed.")
	case req.ImageFamily != "" && !wellNamed(string(req.ImageFamily)):
		return malformed(400, "InvalidImageFamily.Malformed", "The specified parameter \"ImageFamily\" is malformed.")
	case !slices.Contains([]image.Status{"", image.StatusAvailable, image.StatusDeprecated}, req.Status):
		return malformed(400, "InvalidParameter", "The specified parameter Status is not valid.")
	case !slices.Contains([]string{"", "BIOS", "UEFI", "UEFI-Preferred"}, req.BootMode):
		return malformed(400, "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported.")
	case req.LicenseType != "" && req.LicenseType != "BYOL":
		return malformed(400, "InvalidLicenseType.NotSupported", "The specified parameter LicenseType is not supported.")
	case !slices.Contains([]string{"", "v1", "v2"}, req.IMDS):
		return malformed(400, "InvalidParameter.FeaturesImdsSupport", "The specified parameter Features.ImdsSupport is not supported.")
	case !slices.Contains([]string{"", "supported", "unsupported"}, req.NVMe):
		return malformed(400, "InvalidParameter", "The specified parameter Features.NvmeSupport is not valid.")
	}
	return nil
}

func (c *Cloud) checkRename(b *book, state *imageState, req ModifyImageAttributeRequest) error {
	if holder := b.names[req.ImageName]; holder != "" && holder != state.img.ID {
		return malformed(400, "InvalidImageName.Duplicated", "The specified Image name has already bean used.")
	}
	if req.ImageFamily == state.img.Family {
		return nil
	}
	return c.checkFamilyRoom(b, req.ImageFamily, limitCodes{family: "ImageQuotaFull.ImageFamily", families: "ImageFamilyQuotaFull"})
}

// checkStatusChange refuses while the image is made, and transitions other than
// between Available and Deprecated.
func checkStatusChange(state *imageState, to image.Status, now time.Time) error {
	is := state.status(now)
	switch {
	case is == image.StatusCreating || is == image.StatusWaiting:
		return wrongState(403, "InvalidStatus.ImageIsCreating", "The operation cannot be performed because the image is creating. Please wait until the creation is complete and try again.")
	case to == image.StatusDeprecated && is != image.StatusAvailable:
		return wrongState(403, "ImageStatus.NotAvailable", "The specified image status is not available.")
	case to == image.StatusDeprecated && (len(state.grants) > 0 || state.img.Published):
		return wrongState(403, "ImageUseShared", "The specified image has been shared to others, please remove shared accounts first.")
	case to == image.StatusAvailable && is != image.StatusDeprecated:
		return wrongState(403, "ImageStatus.NotDeprecated", "The specified image status is not deprecated.")
	}
	return nil
}

func (r *region) checkFeatures(state *imageState, req ModifyImageAttributeRequest) error {
	switch {
	case req.BootMode != "" && r.running[state.img.ID] > 0:
		return wrongState(403, "OperationDeined.ImageUsingByInstance", "The boot mode of the image cannot be modified because it has associated instances.")
	case req.BootMode != "" && req.BootMode != "UEFI" && state.img.Architecture == image.ARM64:
		return malformed(400, "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported for current image architecture.")
	case req.LicenseType != "" && state.img.OSType != image.Windows:
		return malformed(400, "InvalidLicenseType.NotSupported", "The specified parameter LicenseType is not supported.")
	case req.IMDS == "v1" && state.imds == "v2":
		return wrongState(403, "InvalidOperation.FeaturesImdsSupportNotMatch", "The specified parameter Features.ImdsSupport can not be set to v1 from v2.")
	}
	return nil
}
