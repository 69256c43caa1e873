package cloudsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// maxCopyGiB is the size beyond which images are not copied; source: the user
// guide's 2 TiB.
const maxCopyGiB = 2048

// CopyImageRequest are the parameters of CopyImage. RegionID is the source.
type CopyImageRequest struct {
	RegionID            image.RegionID
	ImageID             image.ID
	DestinationRegionID image.RegionID
	Name                string
	Description         string
	Encrypted           image.Tri
	KMSKeyID            string
	EncryptAlgorithm    string
	ResourceGroup       string
	Tags                []Tag
	ClientToken         string
	DryRun              bool
}

// CopyImage starts to copy an image into another region, or, to encrypt it or
// to own a shared one, within its region. The id returned is the copy's; it is
// in the destination region from now on. Refusals: see CopyImage in the vendor's
// table; among them IncorrectImageStatus, OperationDenied.ImageCopyConflict,
// OperationDenied.SameRegionOnly, IncorrectDestinationRegion and QuotaExceed.Image.
func (s *Session) CopyImage(req CopyImageRequest) (image.ID, error) {
	if err := s.permit("CopyImage"); err != nil {
		return "", err
	}
	if err := checkCopy(&req); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	from, to := c.regions[req.RegionID], c.regions[req.DestinationRegionID]
	to.settle(now)
	key := tokenKey{s.caller.Account, req.RegionID, "CopyImage", req.ClientToken}
	use := tokenUse{request: fmt.Sprintf("%+v", req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return "", malformed(400, "IdempotentParameterMismatch", "Request uses a client token in a previous request but is not identical to that request.")
		}
		return before.id, nil
	}
	source, err := c.checkSource(from, s.caller.Account, req, now)
	if err != nil {
		return "", err
	}
	if err := c.checkDestination(to, s.caller.Account, req, source, now); err != nil {
		return "", err
	}
	if req.DryRun {
		return "", c.dryRun()
	}
	use.id = c.startCopy(to, s.caller.Account, req, source, now)
	s.leave(from, "CopyImage", map[string]any{
		"RegionId": string(from.id), "ImageId": string(req.ImageID), "DestinationRegionId": string(to.id), "DestinationImageName": req.Name,
	}, map[string]any{"ImageId": string(use.id)}, map[string][]string{TrailImage: {string(req.ImageID), string(use.id)}})
	c.remember(key, use)
	return use.id, nil
}

// checkCopy refuses what is wrong whatever the state of the cloud. An absent
// destination is the source region.
func checkCopy(req *CopyImageRequest) error {
	req.DestinationRegionID = cmp.Or(req.DestinationRegionID, req.RegionID)
	_, fromExists := placeOf(req.RegionID)
	_, toExists := placeOf(req.DestinationRegionID)
	switch {
	case req.RegionID == "":
		return missing("RegionId")
	case req.ImageID == "":
		return missing("ImageId")
	case !fromExists:
		return refuseAs(fault.NotFound, 400, "SourceRegion.NotFound", "The source region not found.")
	case !toExists:
		return refuseAs(fault.NotFound, 400, "DestinationRegion.NotFound", "The destination region not found.")
	case req.Name != "" && !wellNamed(req.Name):
		return malformed(400, "InvalidImageName.Malformed", "The specified destination image name is wrongly formed.")
	case req.Description != "" && !wellDescribed(req.Description):
		return malformed(400, "InvalidDescription.Malformed", "The specified destination description is wrongly formed.")
	case len(req.Tags) > 20:
		return overQuota(403, "QuotaExceed.Tags", "The maximum number of tags for a resource is 20.")
	}
	return cmp.Or(checkEncryption(*req), checkNewTags(req.Tags), checkToken(req.ClientToken))
}

func checkEncryption(req CopyImageRequest) error {
	encrypted := req.Encrypted == image.Yes
	switch {
	case req.KMSKeyID != "" && !encrypted:
		return malformed(400, "InvalidParameter.EncryptedIllegal", "The specified parameter Encrypted must be true when kmsKeyId is not empty.")
	case req.EncryptAlgorithm != "" && !encrypted:
		return malformed(400, "InvalidEncrypted.NotMatchEncryptAlgorithm", "The specified parameter Encrypted must be true when EncryptAlgorithm is not empty.")
	case req.EncryptAlgorithm != "":
		return wrongState(403, "InvalidRegionId.NotSupportEncryptAlgorithm", "The current region does not support creating encrypted disks with EncryptAlgorithm.")
	case req.KMSKeyID != "" && !isKMSKey(req.KMSKeyID):
		return refuse(404, "InvalidParameter.KMSKeyId.NotFound", "The specified KMSKeyId does not exist.")
	}
	return nil
}

// isKMSKey: a key id is a UUID, or "key-…" as KMS makes them now.
func isKMSKey(id string) bool {
	return len(id) == 36 && strings.Count(id, "-") == 4 || strings.HasPrefix(id, "key-")
}

// checkSource returns the image to copy, or refuses to copy it at all.
func (c *Cloud) checkSource(r *region, account image.AccountID, req CopyImageRequest, now time.Time) (*imageState, error) {
	_, source := r.images.live(string(req.ImageID))
	if source == nil || !source.reaches(account, false) && !source.reaches(account, true) || source.img.Owner == SystemOwner || source.img.Owner == MarketplaceOwner {
		return nil, refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	}
	own := source.img.Owner == account
	switch {
	case !own && !source.grantedTo(account), source.img.Published:
		return nil, wrongState(400, "OperationDenied.CommunityImage", "Community image does not support copy.")
	case source.status(now) != image.StatusAvailable:
		return nil, wrongState(400, "IncorrectImageStatus", "The image not available.")
	case !own && req.DestinationRegionID != r.id:
		return nil, wrongState(403, "OperationDenied.SameRegionOnly", "The image shared from others can not be copied to another region directly.")
	case own && req.DestinationRegionID == r.id && req.Encrypted != image.Yes:
		return nil, malformed(403, "IncorrectDestinationRegion", "The destination region is not equal the target region.")
	}
	return source, checkDisksToCopy(source, req)
}

// checkDisksToCopy refuses to decrypt, and images that are too large.
func checkDisksToCopy(source *imageState, req CopyImageRequest) error {
	size := 0
	for _, d := range source.img.Disks {
		size += d.SizeGiB
	}
	switch {
	case source.img.Encrypted() == image.Yes && req.Encrypted == image.No:
		return wrongState(403, "OperationDeined.EncryptedSnapshot", "The image contains encrypted snapshots, which do not support copying to non-encrypted ones.")
	case size > maxCopyGiB:
		return wrongState(403, "SizeExceed.Image", "The image exceeds the maximum size. Use CopySnapshot on the image's snapshots and then create a new image from them.")
	}
	return nil
}

// checkDestination refuses for what is in the destination region already.
func (c *Cloud) checkDestination(r *region, account image.AccountID, req CopyImageRequest, source *imageState, now time.Time) error {
	if err := c.checkProduct(r, account, source); err != nil {
		return err
	}
	ref := image.Ref{Account: source.img.Owner, Region: source.img.Region, ID: source.img.ID}
	if c.copying(r, account, ref, now) {
		return wrongState(400, "OperationDenied.ImageCopyConflict", "The same image cannot be copied concurrently. Please wait until the last copy is completed before performing the next operation.")
	}
	b := c.book(r, account)
	if b.names[req.Name] != "" {
		return malformed(400, "InvalidImageName.Duplicated", "The specified image name is already in use in the target region. Please try a different one.")
	}
	if b.images >= b.quota {
		return overQuota(403, "QuotaExceed.Image", "The number of images exceeds the limit (%d).", b.quota)
	}
	return nil
}

// checkProduct refuses copies of Marketplace-derived images to where the
// product is not sold, or for those who did not accept its terms.
func (c *Cloud) checkProduct(r *region, account image.AccountID, source *imageState) error {
	code := source.img.ProductCode
	if code == "" {
		return nil
	}
	sold := slices.ContainsFunc(r.images.of(MarketplaceOwner).rows, func(e *entry[imageState]) bool {
		s := e.truth()
		return s != nil && s.img.ProductCode == code
	})
	switch {
	case !sold:
		return wrongState(403, "OperationDenied.NotPublished", "The operation is denied because corresponding marketplace image is not published in destination region.")
	case !source.img.Subscribed && !slices.Contains(c.accounts[account].Subscriptions, code):
		return wrongState(403, "OperationDenied.NotAuthorized", "The operation is denied because corresponding marketplace image is not authorized to current user.")
	}
	return nil
}

// copying reports whether the image is being copied to the region, or, by the
// other reading, anywhere.
func (c *Cloud) copying(r *region, account image.AccountID, source image.Ref, now time.Time) bool {
	for _, other := range c.regions {
		if other != r && !c.readings().CopyConflictAnywhere {
			continue
		}
		for _, e := range c.book(other, account).copies {
			if s := e.truth(); s != nil && s.unfinished(now) && s.work.source == source {
				return true
			}
		}
	}
	return false
}

// startCopy puts the copy and its snapshots into the destination region.
func (c *Cloud) startCopy(r *region, account image.AccountID, req CopyImageRequest, source *imageState, now time.Time) image.ID {
	id := image.ID(c.random.id("m", r.infix))
	b := c.book(r, account)
	start := c.copyStart(b, now)
	w := &work{
		copy: true, source: image.Ref{Account: source.img.Owner, Region: source.img.Region, ID: source.img.ID},
		start: start, end: start.Add(c.options.CopyTime), fails: c.fails(account),
	}
	state := *source
	state.work, state.grants, state.parent, state.detects = w, nil, w.source, false
	img := &state.img
	img.Ref = image.Ref{Region: r.id, ID: id}
	img.Owner, img.Status, img.CreatedAt = account, image.StatusAvailable, now.Truncate(time.Second)
	img.Name, img.Description, img.Family = cmp.Or(req.Name, string(id)), req.Description, ""
	if c.readings().CopyKeepsFamily && source.img.Owner == account {
		img.Family = source.img.Family
	}
	img.Copied, img.Published, img.ResourceGroup = true, false, req.ResourceGroup
	img.Tags = tagMap(req.Tags)
	if c.readings().CopyKeepsTags && img.Tags == nil && source.img.Owner == account {
		img.Tags = source.img.Tags
	}
	encrypt := req.Encrypted == image.Yes || source.img.Encrypted() == image.Yes
	if req.Encrypted == image.Yes {
		state.kmsKey = req.KMSKeyID
	}
	img.Disks = slices.Clone(source.img.Disks)
	for i := range img.Disks {
		img.Disks[i].Encrypted = image.TriOf(encrypt)
		img.Disks[i].SnapshotID = c.copySnapshot(r, account, source.img.Region, img.Disks[i], &state, now)
	}
	c.putImage(r, &state, now)
	return id
}

// copySnapshot adds the snapshot that one disk of a copy consists of.
func (c *Cloud) copySnapshot(r *region, account image.AccountID, from image.RegionID, disk image.DiskMapping, state *imageState, now time.Time) image.SnapshotID {
	id := image.SnapshotID(c.random.id("s", r.infix))
	made := now.Truncate(time.Second)
	snap := &snapshotState{work: state.work, kmsKey: state.kmsKey, row: SnapshotRow{Type: "copied", LastModifiedAt: made, Snapshot: image.Snapshot{
		ID: id, Region: r.id, Status: "accomplished", SourceSystemDisk: disk.System, SourceDiskSizeGiB: disk.SizeGiB,
		SourceSnapshot: disk.SnapshotID, SourceRegion: from, ProductCode: state.img.ProductCode, Category: "standard",
		Encrypted: disk.Encrypted, LinkID: "sl-" + strings.TrimPrefix(string(id), "s-"),
		FullSizeBytes: int64(disk.SizeGiB) << 29, CreatedAt: made,
	}}}
	if disk.System {
		snap.origin = state.parent
	}
	if origin := c.regions[from]; origin != nil {
		if _, source := origin.snapshots.live(string(disk.SnapshotID)); source != nil {
			snap.written = source.written
		}
	}
	if c.readings().CopyHidesSource {
		snap.row.SourceSnapshot, snap.row.SourceRegion = "", ""
	}
	c.putSnapshot(r, account, snap, now)
	return id
}

// copyStart is when one more copy would start: at once while fewer than the
// limit run, else when enough of those before it have ended.
func (c *Cloud) copyStart(b *book, now time.Time) time.Time {
	b.copies = slices.DeleteFunc(b.copies, func(e *entry[imageState]) bool {
		s := e.truth()
		return s == nil || !s.unfinished(now)
	})
	var ends []time.Time
	for _, e := range b.copies {
		ends = append(ends, e.truth().work.end)
	}
	if len(ends) < c.options.Quotas.Copies {
		return now
	}
	slices.SortFunc(ends, time.Time.Compare)
	return ends[len(ends)-c.options.Quotas.Copies]
}

// requeue lets the copies that wait move up after one was cancelled.
func (c *Cloud) requeue(r *region, b *book, now time.Time) {
	waiting := b.copies
	b.copies = nil
	for _, e := range waiting {
		s := e.truth()
		if s == nil || !s.unfinished(now) {
			continue
		}
		if now.Before(s.work.start) {
			moved, w := *s, *s.work
			w.start = c.copyStart(b, now)
			w.end = w.start.Add(c.options.CopyTime)
			moved.work = &w
			r.images.put(e, &moved, now, now)
		}
		b.copies = append(b.copies, e)
	}
}

// ImageRequest names one image: CancelCopyImage.
type ImageRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
}

// CancelCopyImage stops a copy that has not ended; the copy is gone then.
// RegionID is the destination's. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidImageId.NotFound, ImageCreatedNotFromCopy,
// IncorrectImageStatus for one that has ended or failed.
func (s *Session) CancelCopyImage(req ImageRequest) error {
	if err := s.permit("CancelCopyImage"); err != nil {
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
	e, state := r.images.owned(s.caller.Account, string(req.ImageID))
	switch {
	case state == nil:
		return refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	case !state.img.Copied:
		return wrongState(400, "ImageCreatedNotFromCopy", "The specified image is not the target image of a copy action.")
	case state.status(now) == image.StatusCreateFailed:
		return wrongState(400, "IncorrectImageStatus", "The Image copy has been failed.")
	case !state.unfinished(now):
		return wrongState(400, "IncorrectImageStatus", "The image copy has completed.")
	}
	c.dropImage(r, e, state, now)
	for _, d := range state.img.Disks {
		c.dropSnapshot(r, d.SnapshotID, now)
	}
	c.requeue(r, c.book(r, s.caller.Account), now)
	return nil
}
