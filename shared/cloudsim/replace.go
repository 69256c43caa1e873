package cloudsim

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// ReplaceSystemDiskRequest are the parameters of ReplaceSystemDisk.
type ReplaceSystemDiskRequest struct {
	InstanceID image.InstanceID
	ImageID    image.ID
	// SizeGiB is 0 for the default: what the image needs, at least 40, and not
	// less than the disk that is replaced.
	SizeGiB         int
	Encrypted       image.Tri
	KMSKeyID        string
	KeyPair         string
	Password        string
	PasswordInherit bool
	// Security is Active, Deactive or empty.
	Security string
	// LoginAsNonRoot: of the image, where it can.
	LoginAsNonRoot bool
	ClientToken    string
}

// ReplaceSystemDisk puts a stopped instance onto another image and returns its
// new system disk. The old one is released at once, its snapshots made by hand
// stay, data disks are not touched; type, addresses and charge stay, too.
// The new disk is encrypted only where that was asked for, and has neither tags
// nor snapshot policies. Until it is ready the instance does not start.
// Refusals: MissingParameter, InvalidInstanceId.NotFound,
// IncorrectInstanceStatus, OperationDenied.InstanceCreating,
// InstanceLockedForSecurity, InstanceExpiredOrInArrears,
// OperationDenied.UnpaidOrder,
// HibernationConfigured.InstanceOperationForbidden,
// InvalidInstance.NotFoundSystemDisk, IncorrectDiskStatus,
// InvalidSystemDiskStatus.IsTransfering, DiskCreatingSnapshot,
// InvalidKeyPairName.NotFound, InvalidEncrypted.NotMatchDiskDefaultEncryption,
// InvalidImageId.NotFound, OperationDenied.ImageNotValid (also for another
// operating system where that is not possible), OperationDenied (an image with
// data disks), InvalidParameter.Conflict, ImageNotSupportInstanceType,
// ImageNotSubscribed, ImageRemovedInMarket, the codes of the size, of the
// password and of encryption, and IdempotentParameterMismatch.
func (s *Session) ReplaceSystemDisk(req ReplaceSystemDiskRequest) (image.DiskID, error) {
	if err := s.permit("ReplaceSystemDisk", "instance/"+string(req.InstanceID), "disk/*", "image/"+string(req.ImageID)); err != nil {
		return "", err
	}
	if err := checkReplace(req); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	key := tokenKey{s.caller.Account, "", "ReplaceSystemDisk", req.ClientToken}
	use := tokenUse{request: textOf(req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return "", tokenMismatch()
		}
		return image.DiskID(before.id), nil
	}
	r, e, state := c.locate(s.caller.Account, req.InstanceID)
	if state == nil {
		return "", unknownInstance()
	}
	r.settle(now)
	row := state.at(now)
	old, err := r.checkReplaceable(row, e.owner, now)
	if err != nil {
		return "", err
	}
	with, err := c.checkReplacement(r, e.owner, row, req, now)
	if err != nil {
		return "", err
	}
	if err := c.checkEncryption(r, e.owner, &req); err != nil {
		return "", err
	}
	if req.SizeGiB, err = sizeToReplace(old.truth().row, with.img, req.SizeGiB); err != nil {
		return "", err
	}
	id := c.replaceSystemDisk(r, e, old, with, req)
	use.id = image.ID(id)
	s.leave(r, "ReplaceSystemDisk", map[string]any{
		"InstanceId": string(req.InstanceID), "ImageId": string(req.ImageID), "SystemDisk.Size": req.SizeGiB,
	}, map[string]any{"DiskId": string(id)}, map[string][]string{
		TrailInstance: {string(req.InstanceID)}, TrailImage: {string(req.ImageID)}, TrailDisk: {string(id)},
	})
	c.remember(key, use)
	return id, nil
}

// checkReplace refuses what is wrong whatever the state of the cloud.
func checkReplace(req ReplaceSystemDiskRequest) error {
	if err := checkToken(req.ClientToken); err != nil {
		return err
	}
	switch {
	case req.InstanceID == "":
		return missing("InstanceId")
	case req.ImageID == "":
		return missing("ImageId")
	case req.Password != "" && req.PasswordInherit:
		return malformed(400, "InvalidPasswordParam.Mismatch", "The input password should be null when passwdInherit is true.")
	case req.Password != "" && !strongPassword(req.Password):
		return malformed(400, "InvalidPassword.Malformed", "The specified parameter \"Password\" is not valid.")
	case !slices.Contains([]string{"", "Active", "Deactive"}, req.Security):
		return malformed(400, "InvalidParameter", "The specified parameter SecurityEnhancementStrategy is not valid.")
	case req.KMSKeyID != "" && req.Encrypted != image.Yes:
		return malformed(400, "InvalidParameter.Conflict", "The specified parameter Encrypted must be true when KMSKeyId is not empty.")
	}
	return nil
}

// strongPassword: 8 to 30 characters of three of the four sorts; source:
// ReplaceSystemDisk Password.
func strongPassword(password string) bool {
	var sorts [4]bool
	for _, r := range password {
		switch {
		case r >= 'a' && r <= 'z':
			sorts[0] = true
		case r >= 'A' && r <= 'Z':
			sorts[1] = true
		case unicode.IsDigit(r):
			sorts[2] = true
		case strings.ContainsRune("()`~!@#$%^&*-_+=|{}[]:;'<>,.?/", r):
			sorts[3] = true
		default:
			return false
		}
	}
	met := 0
	for _, sort := range sorts {
		if sort {
			met++
		}
	}
	return met >= 3 && len(password) >= 8 && len(password) <= 30
}

// checkReplaceable refuses for the state of the instance and its system disk,
// which it returns.
func (r *region) checkReplaceable(row InstanceRow, account image.AccountID, now time.Time) (*entry[diskState], error) {
	switch {
	case slices.Contains(row.Locks, "security"):
		return nil, wrongState(403, "InstanceLockedForSecurity", "The instance is locked due to security.")
	case slices.Contains(row.Locks, "financial"), slices.Contains(row.Locks, "dedicatedhostfinancial"), !row.ExpiredAt.IsZero() && !now.Before(row.ExpiredAt):
		return nil, wrongState(403, "InstanceExpiredOrInArrears", "The specified operation is denied as your prepay instance is expired (prepay mode) or in arrears (afterpay mode).")
	case len(row.Locks) > 0:
		return nil, wrongState(403, "IncorrectInstanceStatus", "The instance is locked: %s.", row.Locks[0])
	case row.UnpaidOrder:
		return nil, wrongState(403, "OperationDenied.UnpaidOrder", "The specified instance has unpaid order.")
	case row.Hibernated:
		return nil, hibernated()
	case row.Status == image.InstancePending:
		return nil, wrongState(403, "OperationDenied.InstanceCreating", "The specified instance is creating.")
	case row.Status != image.InstanceStopped:
		return nil, wrongState(403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	}
	for _, e := range r.disksOf(row.ID, account) {
		if !e.truth().row.System {
			continue
		}
		switch e.truth().at(now).Status {
		case "In_use":
		case "Transferring":
			return nil, wrongState(403, "InvalidSystemDiskStatus.IsTransfering", "The current status of the resource does not support this operation, system disk is transfering.")
		default:
			return nil, wrongState(403, "IncorrectDiskStatus", "The current disk status does not support this operation.")
		}
		if _, underWay := r.snapshotsOf(image.DiskID(e.id), account, now); underWay > 0 {
			return nil, wrongState(403, "DiskCreatingSnapshot", "The operation is denied due to a snapshot of the specified disk is not completed yet.")
		}
		return e, nil
	}
	return nil, wrongState(400, "InvalidInstance.NotFoundSystemDisk", "The specified instance has no system disk.")
}

// checkReplacement returns the image to put the instance onto, or refuses it.
func (c *Cloud) checkReplacement(r *region, account image.AccountID, row InstanceRow, req ReplaceSystemDiskRequest, now time.Time) (*imageState, error) {
	t, _ := instanceType(row.Type)
	with, err := c.checkImageToRun(r, account, req.ImageID, t, now)
	if err != nil {
		return nil, err
	}
	switch {
	case row.SecureBoot && with.img.SecureBoot == image.No:
		return nil, malformed(400, "InvalidParameter.Conflict", "The specified image does not support the secure boot of the instance.")
	case with.img.IOOptimized == image.No:
		return nil, wrongState(403, "IoOptimized.NotSupported", "The specified image is not support IoOptimized Instance.")
	case len(with.img.DataDisks()) > 0:
		return nil, wrongState(400, "OperationDenied", "The specified image contains the snapshot of the data disk,does not support this operation.")
	case with.img.OSType != row.OSType && !r.mainland():
		return nil, wrongState(403, "OperationDenied.ImageNotValid", "The operating system cannot be changed between Linux and Windows in this region.")
	case image.AlibabaLinux3Pro(row.OSName):
		return nil, wrongState(403, "OperationDenied.ImageNotValid", "The operating system of an Alibaba Cloud Linux 3 Pro instance cannot be replaced.")
	case req.Encrypted != image.Yes && with.img.Encrypted() == image.Yes && with.img.Owner != account:
		return nil, malformed(400, "InvalidParameter.Conflict", "The specified parameter Encrypted must be true for a shared encrypted image.")
	}
	return with, r.checkKeyPair(account, with, req)
}

// checkKeyPair refuses a key pair that cannot be bound.
func (r *region) checkKeyPair(account image.AccountID, with *imageState, req ReplaceSystemDiskRequest) error {
	switch {
	case req.KeyPair != "" && with.img.OSType == image.Windows:
		return wrongState(403, "InvalidParameter.NotMatch", "A key pair cannot be bound to a Windows instance.")
	case req.KeyPair != "" && !r.hasKeyPair(account, req.KeyPair):
		return refuseAs(fault.NotFound, 400, "InvalidKeyPairName.NotFound", "The specified KeyPairName does not exist.")
	}
	return nil
}

// checkEncryption refuses a plain disk where an account's new disks have to be
// encrypted, or, by the other reading, encrypts one that was not spoken of.
func (c *Cloud) checkEncryption(r *region, account image.AccountID, req *ReplaceSystemDiskRequest) error {
	key, wanted := r.encryption[account]
	switch {
	case !wanted || req.Encrypted == image.Yes:
		return nil
	case req.Encrypted == image.Unknown && c.readings().DefaultEncryptionFills:
		req.Encrypted, req.KMSKeyID = image.Yes, key
		return nil
	}
	return wrongState(403, "InvalidEncrypted.NotMatchDiskDefaultEncryption", "The disk has to be encrypted, by the account's default.")
}

// sizeToReplace is the size of the new system disk: what was asked for, else 40
// GiB or what image and old disk have.
func sizeToReplace(old DiskRow, img image.Image, asked int) (int, error) {
	most := mostSystemDisk
	if old.Category == "cloud" {
		most = 500
	}
	switch {
	case asked == 0:
		return max(40, img.SizeGiB, old.SizeGiB), nil
	case asked < leastSize(old):
		return 0, malformed(404, "InvalidSystemDiskSize.LessThanMinSize", "The specified parameter SystemDisk.Size is less than the min size.")
	case asked > most:
		return 0, malformed(404, "InvalidSystemDiskSize.MoreThanMaxSize", "The specified SystemDisk.Size parameter exceeds the maximum size.")
	case asked < img.SizeGiB:
		return 0, malformed(404, "InvalidSystemDiskSize.LessThanImageSize", "The specified parameter SystemDisk.Size is less than the image size.")
	case asked < old.SizeGiB:
		return 0, malformed(400, "InvalidSystemDiskSize.ValueNotSupported", "The specified parameter SystemDisk.Size is invalid.")
	}
	return asked, nil
}

// replaceSystemDisk does what was checked; the request's size is the disk's.
func (c *Cloud) replaceSystemDisk(r *region, e *entry[instanceState], old *entry[diskState], with *imageState, req ReplaceSystemDiskRequest) image.DiskID {
	now := c.now()
	before := e.truth().at(now)
	ready := now.Add(c.replacing())
	next := instanceState{row: before, busy: ready}
	next.row.Image, next.row.OSType, next.row.OSName = with.img.ID, with.img.OSType, with.img.OSName
	next.row.KeyPair, next.row.LoginAsNonRoot = req.KeyPair, req.LoginAsNonRoot
	if c.readings().ReplaceStartsInstance {
		next.steps = c.bent(r, with.img.ID, starting().steps(next.row, ready, c.options.PowerTime), now)
	}
	r.stopRunning(before.Image)
	r.startRunning(with.img.ID)
	row := old.truth().row
	c.releaseDisk(r, old, now)
	row.ID, row.Image, row.SizeGiB, row.ProductCode, row.SourceSnapshot = "", with.img.ID, req.SizeGiB, with.img.ProductCode, ""
	row.Encrypted = image.TriOf(req.Encrypted == image.Yes || with.img.Encrypted() == image.Yes)
	row.CreatedAt, row.AttachedAt, row.Tags = now, now, nil
	description := row.Description
	row.DiskDetails = DiskDetails{KMSKeyID: req.KMSKeyID}
	if c.readings().ReplaceKeepsDiskSettings {
		row.Description = description
	} else {
		row.Name, row.DeleteWithInstance, row.DeleteAutoSnapshot = "", true, false
	}
	if c.readings().ReplaceForgets {
		next.row.KeyPair, next.row.Metadata = "", MetadataOptions{}
		if row.PerformanceLevel != "" {
			row.PerformanceLevel = "PL1"
		}
	}
	id := c.addDisk(r, e.owner, row, now, c.random)
	_, disk := r.disks.live(string(id))
	disk.ready = ready // nobody has seen it yet
	r.instances.put(e, &next, c.visibleFrom(e.id, now), now)
	return id
}
