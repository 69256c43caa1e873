package cloudsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// NewDisk is one disk of RunInstances.
type NewDisk struct {
	SizeGiB          int
	Category         string
	PerformanceLevel string
	Name             string
	SnapshotID       image.SnapshotID
	// KeptWithInstance: the disk stays when the instance is deleted
	// (DeleteWithInstance=false); for data disks only.
	KeptWithInstance bool
}

// RunInstancesRequest are the parameters of RunInstances. One of ImageID and
// ImageFamily counts, else the launch template's image.
type RunInstancesRequest struct {
	RegionID     image.RegionID
	ImageID      image.ID
	ImageFamily  image.Family
	InstanceType image.InstanceTypeID
	// TemplateID or TemplateName gives what the request leaves open; version 0 is
	// the default one.
	TemplateID      string
	TemplateName    string
	TemplateVersion int
	// Amount is 1 to 100; 0 means absent. MinAmount makes fewer good enough.
	Amount       int
	MinAmount    int
	InstanceName string
	HostName     string
	UniqueSuffix bool
	ZoneID       image.ZoneID
	ChargeType   string // PostPaid or PrePaid
	Period       int
	PeriodUnit   string // Month or Week
	SpotStrategy string
	KeyPair      string
	// VSwitch and SecurityGroups are any "vsw-…" and "sg-…"; absent, the default
	// ones.
	VSwitch        string
	SecurityGroups []string
	SystemDisk     NewDisk
	DataDisks      []NewDisk
	Tags           []Tag
	// AutoReleaseTime is when ECS releases them: half an hour ahead at least.
	AutoReleaseTime string
	// BandwidthOut above 0 gives an address on the Internet.
	BandwidthOut int
	ClientToken  string
	DryRun       bool
}

// RunInstances makes instances of an image of any kind and returns their ids at
// once; they are Pending first and Running later. The same client token returns
// the first ids again. Refusals: see RunInstances in the vendor's table; among
// them InvalidImageId.NotFound, OperationDenied.ImageNotValid,
// ImageNotSupportInstanceType, ImageNotSubscribed, ImageRemovedInMarket,
// InvalidSystemDiskSize.LessThanImageSize and IdempotentParameterMismatch.
func (s *Session) RunInstances(req RunInstancesRequest) ([]image.InstanceID, error) {
	if err := s.permit("RunInstances"); err != nil {
		return nil, err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkToken(req.ClientToken)); err != nil {
		return nil, err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	key := tokenKey{s.caller.Account, req.RegionID, "RunInstances", req.ClientToken}
	use := tokenUse{request: textOf(req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return nil, tokenMismatch()
		}
		return given(before), nil
	}
	asked := req
	if err := r.fromTemplate(s.caller.Account, &req); err != nil {
		return nil, err
	}
	if err := checkRun(&req); err != nil {
		return nil, err
	}
	state, err := c.checkLaunch(r, s.caller.Account, &req, now)
	if err != nil {
		return nil, err
	}
	if req.DryRun {
		return nil, c.dryRun()
	}
	var ids []image.InstanceID
	for i := range req.Amount {
		ids = append(ids, c.launch(r, s.caller.Account, req, state, i, now))
	}
	use.id = image.ID(joined(ids))
	s.leave(r, "RunInstances", map[string]any{
		"RegionId": string(r.id), "ImageId": string(asked.ImageID), "ImageFamily": string(asked.ImageFamily), "Amount": asked.Amount,
		"InstanceType": string(asked.InstanceType), "LaunchTemplateId": asked.TemplateID, "LaunchTemplateName": asked.TemplateName,
	}, map[string]any{"InstanceIdSets": map[string]any{"InstanceIdSet": texts(ids)}}, map[string][]string{
		TrailInstance: texts(ids), TrailImage: {string(state.img.ID)},
	})
	c.remember(key, use)
	return ids, nil
}

func tokenMismatch() error {
	return malformed(400, "IdempotentParameterMismatch", "Request uses a client token in a previous request but is not identical to that request.")
}

// joined and given keep instance ids in a client token's use.
func joined(ids []image.InstanceID) string { return strings.Join(texts(ids), " ") }

func given(use tokenUse) []image.InstanceID {
	var ids []image.InstanceID
	for _, id := range strings.Fields(string(use.id)) {
		ids = append(ids, image.InstanceID(id))
	}
	return ids
}

// fromTemplate gives the request what its launch template says and it does not.
func (r *region) fromTemplate(account image.AccountID, req *RunInstancesRequest) error {
	if req.TemplateID == "" && req.TemplateName == "" {
		return nil
	}
	template := r.template(account, req.TemplateID, req.TemplateName)
	if template == nil {
		return refuse(404, "InvalidLaunchTemplate.NotFound", "The specified LaunchTemplate is not found.")
	}
	number := orDefault(req.TemplateVersion, template.row.Default)
	for _, v := range template.versions {
		if v.Version != number {
			continue
		}
		if req.ImageID == "" && req.ImageFamily == "" {
			req.ImageID = v.Image
		}
		req.InstanceType = cmp.Or(req.InstanceType, v.InstanceType)
		return nil
	}
	return refuse(404, "InvalidLaunchTemplateVersion.NotFound", "The specified LaunchTemplateVersion is not found.")
}

// checkRun refuses what is wrong whatever the state, and fills in defaults.
func checkRun(req *RunInstancesRequest) error {
	p, _ := placeOf(req.RegionID)
	req.Amount, req.ChargeType = orDefault(req.Amount, 1), cmp.Or(req.ChargeType, "PostPaid")
	req.SystemDisk.Category = cmp.Or(req.SystemDisk.Category, "cloud_essd")
	req.ZoneID = cmp.Or(req.ZoneID, p.zoneIDs()[0])
	if err := req.checkSource(); err != nil {
		return err
	}
	switch {
	case req.Amount < 1 || req.Amount > instancesPerCall || req.MinAmount < 0 || req.MinAmount > req.Amount:
		return malformed(400, "InvalidMaxAmount.Malformed", "The specified parameter MaxAmount is not valid.")
	case req.InstanceName != "" && !instanceNamed(req.InstanceName):
		return malformed(400, "InvalidInstanceName.Malformed", "The specified parameter \"InstanceName\" is not valid.")
	case req.HostName != "" && !hostNamed(req.HostName):
		return malformed(400, "InvalidHostName.Malformed", "The specified parameter HostName is not valid.")
	case !slices.Contains(p.zoneIDs(), req.ZoneID):
		return refuse(404, "InvalidZoneId.NotFound", "The specified zoneId does not exist.")
	case len(req.Tags) > 20:
		return malformed(400, "InvalidTagCount", "The specified tags are beyond the permitted range.")
	}
	return cmp.Or(checkRunNetwork(req), checkCharge(req), checkNewTags(req.Tags), checkRunDisks(req))
}

// checkSource refuses a request that does not say, or says twice, what to run.
func (req *RunInstancesRequest) checkSource() error {
	switch {
	case req.ImageID == "" && req.ImageFamily == "":
		return missing("ImageId")
	case req.ImageID != "" && req.ImageFamily != "":
		return malformed(400, "UnexpectedImageFamily.ImageIdSupplied", "The parameter ImageFamily cannot be used together with ImageId.")
	case req.InstanceType == "":
		return missing("InstanceType")
	}
	return nil
}

func checkRunNetwork(req *RunInstancesRequest) error {
	switch {
	case req.VSwitch != "" && !strings.HasPrefix(req.VSwitch, "vsw-"):
		return refuse(404, "InvalidVSwitchId.NotFound", "Specified virtual switch does not exist.")
	case slices.ContainsFunc(req.SecurityGroups, func(id string) bool { return !strings.HasPrefix(id, "sg-") }):
		return refuse(404, "InvalidSecurityGroupId.NotFound", "The SecurityGroupId provided does not exist in our records.")
	}
	return nil
}

// instanceNamed: 2 to 128 characters, a letter or Chinese character first;
// source: RunInstances InstanceName. Brackets number several: web[1,3].
func instanceNamed(name string) bool {
	plain, _, _ := strings.Cut(name, "[")
	return len(name) <= 128 && (wellNamed(plain) || len(plain) > 1 && hasReservedPrefix(plain))
}

// hostNamed: 2 to 64 letters, digits, points and hyphens, none of the last two
// at an end; source: RunInstances HostName.
func hostNamed(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-') {
			return false
		}
	}
	return len(name) >= 2 && len(name) <= 64 && !strings.ContainsAny(name[:1]+name[len(name)-1:], ".-")
}

func checkCharge(req *RunInstancesRequest) error {
	prepaid := req.ChargeType == "PrePaid"
	most := map[string]int{"": 9, "Month": 9, "Week": 4}[req.PeriodUnit]
	switch {
	case !prepaid && req.ChargeType != "PostPaid":
		return refuse(404, "InvalidInstanceChargeType.NotFound", "The InstanceChargeType does not exist in our records")
	case prepaid && req.Period == 0:
		return malformed(400, "MissingParamter", "The specified parameter \"Period\" is not null.")
	case prepaid && (req.Period < 1 || req.Period > most && !slices.Contains([]int{12, 24, 36, 48, 60}, req.Period)):
		return malformed(400, "InvalidPeriod", "The specified period is not valid.")
	case !slices.Contains(spotStrategies(), req.SpotStrategy):
		return malformed(400, "InvalidSpotStrategy", "The specified SpotStrategy is not valid.")
	case prepaid && strings.HasPrefix(req.SpotStrategy, "Spot"):
		return malformed(400, "InvalidSpotPrepaid", "The specified Spot type is not support PrePay Instance.")
	}
	return nil
}

func checkRunDisks(req *RunInstancesRequest) error {
	prices := diskPrices()
	if _, sold := prices[req.SystemDisk.Category]; !sold {
		return malformed(400, "InvalidSystemDiskCategory.ValueNotSupported", "The specified parameter \"SystemDisk.Category\" is not valid.")
	}
	switch size := req.SystemDisk.SizeGiB; {
	case size != 0 && size < leastSystemDisk:
		return malformed(404, "InvalidSystemDiskSize.LessThanMinSize", "The specified parameter SystemDisk.Size is less than the min size.")
	case size > mostSystemDisk:
		return malformed(400, "InvalidSystemDiskSize.ValueNotSupported", "The specified parameter SystemDisk.Size is invalid.")
	case len(req.DataDisks) > maxDataDisks:
		return overQuota(403, "InstanceDiskNumLimitExceed", "The number of specified disk in an instance exceeds.")
	}
	for i := range req.DataDisks {
		d := &req.DataDisks[i]
		d.Category = cmp.Or(d.Category, "cloud_essd")
		if _, sold := prices[d.Category]; !sold {
			return malformed(400, "InvalidDataDiskCategory.ValueNotSupported", "The specified parameter \"DataDisk.n.Category\" is not valid.")
		}
		if d.SizeGiB == 0 && d.SnapshotID == "" || d.SizeGiB != 0 && (d.SizeGiB < leastDataDisk || d.SizeGiB > mostDataDisk) {
			return malformed(400, "InvalidDataDiskSize.ValueNotSupported", "The specified DataDisk.n.Size beyond the permitted range, or the capacity of snapshot exceeds the size limit of the specified disk category.")
		}
	}
	return nil
}

// checkLaunch returns the image to launch, as it truly is, or refuses.
func (c *Cloud) checkLaunch(r *region, account image.AccountID, req *RunInstancesRequest, now time.Time) (*imageState, error) {
	if req.ImageID == "" {
		if s := c.inFamily(r, account, req.ImageFamily, now, (*entry[imageState]).truth); s != nil {
			req.ImageID = s.img.ID
		} else {
			return nil, wrongState(403, "InvalidImageFamily.MissingAvailableImage", "The specified image family has no available image.")
		}
	}
	t, known := instanceType(req.InstanceType)
	if !known {
		return nil, malformed(400, "InvalidInstanceType.ValueNotSupported", "The specified InstanceType beyond the permitted range.")
	}
	state, err := c.checkImageToRun(r, account, req.ImageID, t, now)
	if err != nil {
		return nil, err
	}
	if size := req.SystemDisk.SizeGiB; size != 0 && size < state.img.SizeGiB {
		return nil, malformed(404, "InvalidSystemDiskSize.LessThanImageSize", "The specified parameter SystemDisk.Size is less than the image size.")
	}
	if req.KeyPair != "" && state.img.OSType == image.Windows {
		return nil, wrongState(403, "DependencyViolation.WindowsInstance", "The instance creating is window, cannot use ssh key pair to login.")
	}
	if c.soldOut[stockKey{r.id, req.InstanceType}] {
		return nil, wrongState(403, "OperationDenied.NoStock", "The requested resource is sold out in the specified zone; try other types of resources or other regions and zones.")
	}
	if _, err := checkRelease(req.AutoReleaseTime, req.ChargeType, now); err != nil {
		return nil, err
	}
	return state, r.checkDataSnapshots(account, req.DataDisks, now)
}

// checkImageToRun returns an image that instances of the type can run, or
// refuses it.
func (c *Cloud) checkImageToRun(r *region, account image.AccountID, id image.ID, t image.InstanceType, now time.Time) (*imageState, error) {
	_, state := r.images.live(string(id))
	switch {
	case state == nil || !state.reaches(account, false) && !state.reaches(account, true):
		return nil, refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	case !usable(state.status(now)):
		return nil, wrongState(403, "OperationDenied.ImageNotValid", "The specified Image is disabled or is deleted.")
	case !sameArchitecture(t, &state.img):
		return nil, malformed(400, "InvalidParameter.Conflict", "The specified image does not support the specified instance type.")
	case !boots(t, &state.img):
		return nil, wrongState(403, "ImageNotSupportInstanceType", "The specified image does not support the specified InstanceType.")
	}
	return state, c.checkBought(r, account, state)
}

func (r *region) checkDataSnapshots(account image.AccountID, disks []NewDisk, now time.Time) error {
	for i, d := range disks {
		if d.SnapshotID == "" {
			continue
		}
		_, snap := r.snapshots.owned(account, string(d.SnapshotID))
		switch {
		case snap == nil:
			return refuse(404, "InvalidDataDiskSnapshotId.NotFound", "The specified parameter \"DataDisk.n.SnapshotId\" is not valid.")
		case snap.row.SourceSystemDisk:
			return wrongState(403, "InvalidSnapshotId.NotDataDiskSnapshot", "The specified snapshot is system disk snapshot.")
		case r.snapshotRow(snap, now).Status != "accomplished":
			return wrongState(403, "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet.")
		case d.SizeGiB != 0 && d.SizeGiB < snap.row.SourceDiskSizeGiB:
			return malformed(403, "InvalidDiskSize.TooSmall", "Specified disk size is less than the size of snapshot")
		}
		disks[i].SizeGiB = orDefault(d.SizeGiB, snap.row.SourceDiskSizeGiB)
	}
	return nil
}

// launch adds the nth instance of a request and its disks: the system disk, one
// for each data disk of the image, and those asked for beside.
func (c *Cloud) launch(r *region, account image.AccountID, req RunInstancesRequest, state *imageState, n int, now time.Time) image.InstanceID {
	img := state.img
	row := InstanceRow{KeyPair: req.KeyPair, HostName: numberedName(req.HostName, req, n), Instance: image.Instance{
		ID: image.InstanceID(c.random.id("i", r.infix)), Name: numberedName(req.InstanceName, req, n), Image: img.ID, Type: req.InstanceType,
		Zone: req.ZoneID, ChargeType: req.ChargeType, SpotStrategy: req.SpotStrategy, Status: image.InstancePending, Tags: tagMap(req.Tags),
	}}
	host := row.HostName
	c.fillInstance(r, &row, img, now, c.random)
	row.HostName, row.VSwitch = cmp.Or(host, row.HostName), cmp.Or(req.VSwitch, row.VSwitch)
	if len(req.SecurityGroups) > 0 {
		row.SecurityGroups = slices.Clone(req.SecurityGroups)
	}
	row.Region = r.id
	row.AutoReleaseAt, _ = checkRelease(req.AutoReleaseTime, req.ChargeType, now) // it was checked
	if req.BandwidthOut > 0 {
		row.PublicIP = fmt.Sprintf("203.0.113.%d", 1+c.random.IntN(250))
	}
	if req.ChargeType == "PrePaid" {
		row.ExpiredAt = expiry(row.CreatedAt, req)
	}
	e := &entry[instanceState]{id: string(row.ID), owner: account, created: row.CreatedAt}
	r.instances.add(e)
	starts := now.Add(c.options.PowerTime / 2)
	steps := []step{{starts, image.InstanceStarting, ""}, {now.Add(c.options.PowerTime), image.InstanceRunning, notApplicable}}
	r.instances.put(e, &instanceState{row: row, steps: c.bent(r, img.ID, steps, now)}, c.bornFrom(e.id, now), now)
	if !row.AutoReleaseAt.IsZero() {
		c.releaseLater(r, row.ID, row.AutoReleaseAt)
	}
	r.startRunning(img.ID)
	for i, d := range disksToLaunch(req, img) {
		disk := DiskRow{
			Device: device(i), DeleteWithInstance: !d.KeptWithInstance, ChargeType: req.ChargeType, PerformanceLevel: d.PerformanceLevel,
			Disk: image.Disk{
				System: i == 0, Instance: row.ID, Zone: row.Zone, SizeGiB: d.SizeGiB, Category: d.Category, Name: d.Name,
				SourceSnapshot: d.SnapshotID, CreatedAt: now, Encrypted: img.Encrypted(), Tags: tagMap(req.Tags),
			},
		}
		if i == 0 {
			disk.Image, disk.ProductCode = img.ID, img.ProductCode
		}
		c.addDisk(r, account, disk, now, c.random)
	}
	return row.ID
}

// disksToLaunch are the disks of an instance, the system disk first.
func disksToLaunch(req RunInstancesRequest, img image.Image) []NewDisk {
	system := req.SystemDisk
	system.SizeGiB = orDefault(system.SizeGiB, max(40, img.SizeGiB))
	disks := []NewDisk{system}
	for _, m := range img.DataDisks() {
		disks = append(disks, NewDisk{SizeGiB: m.SizeGiB, Category: system.Category, SnapshotID: m.SnapshotID})
	}
	return append(disks, req.DataDisks...)
}

// numberedName gives each of several instances its own name where that is asked
// for: web[1,3] is web001, web002 …, and UniqueSuffix adds 001, 002 …
func numberedName(name string, req RunInstancesRequest, n int) string {
	prefix, pattern, ordered := strings.Cut(name, "[")
	first, digits := 1, 3
	if ordered {
		if _, err := fmt.Sscanf(pattern, "%d,%d]", &first, &digits); err != nil {
			return name
		}
		return fmt.Sprintf("%s%0*d", prefix, min(digits, 6), first+n)
	}
	if name != "" && req.UniqueSuffix && req.Amount > 1 {
		return fmt.Sprintf("%s%03d", name, n+1)
	}
	return name
}

func expiry(from time.Time, req RunInstancesRequest) time.Time {
	if req.PeriodUnit == "Week" {
		return from.AddDate(0, 0, 7*req.Period)
	}
	return from.AddDate(0, req.Period, 0)
}

// DeleteInstance deletes one instance, in whatever region it is; see
// DeleteInstances. Further refusal: MissingParameter.
func (s *Session) DeleteInstance(req DeleteInstancesRequest) error {
	if err := s.permit("DeleteInstance"); err != nil {
		return err
	}
	if len(req.InstanceIDs) != 1 || req.InstanceIDs[0] == "" {
		return missing("InstanceId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, _, state := c.locate(s.caller.Account, req.InstanceIDs[0])
	if state == nil {
		return unknownInstance()
	}
	if err := c.deleteAll(r, s.caller.Account, req); err != nil {
		return err
	}
	s.leave(r, "DeleteInstance", map[string]any{"InstanceId": string(req.InstanceIDs[0]), "Force": req.Force}, nil,
		map[string][]string{TrailInstance: texts(req.InstanceIDs)})
	return nil
}

// DeleteInstancesRequest are the parameters of DeleteInstances and, with one
// instance and no region, of DeleteInstance.
type DeleteInstancesRequest struct {
	RegionID    image.RegionID
	InstanceIDs []image.InstanceID
	// Force deletes running ones, too.
	Force bool
	// TerminateSubscription deletes subscriptions that have expired, too.
	TerminateSubscription bool
	ClientToken           string
	DryRun                bool
}

// DeleteInstances deletes up to a hundred instances of a region, all or none:
// with them the disks that are to go with them, but not the snapshots made by
// hand. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidParameter.TooManyInstanceIds, InvalidInstanceId.NotFound,
// IncorrectInstanceStatus unless Stopped or forced,
// IncorrectInstanceStatus.Initializing, ChargeTypeViolation for subscriptions,
// IdempotentParameterMismatch.
func (s *Session) DeleteInstances(req DeleteInstancesRequest) error {
	if err := s.permit("DeleteInstances"); err != nil {
		return err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkToken(req.ClientToken)); err != nil {
		return err
	}
	switch {
	case len(req.InstanceIDs) == 0:
		return missing("InstanceId.1")
	case len(req.InstanceIDs) > instancesPerCall:
		return malformed(403, "InvalidParameter.TooManyInstanceIds", "Instance ids cannot be more than 100.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	key := tokenKey{s.caller.Account, req.RegionID, "DeleteInstances", req.ClientToken}
	use := tokenUse{request: textOf(req), at: c.now()}
	if before, ok := c.remembered(key, use.at); ok {
		if before.request != use.request {
			return tokenMismatch()
		}
		return nil
	}
	r := c.regions[req.RegionID]
	if err := c.deleteAll(r, s.caller.Account, req); err != nil {
		return err
	}
	s.leave(r, "DeleteInstances", numberedAs(map[string]any{"RegionId": string(r.id), "Force": req.Force}, "InstanceId", req.InstanceIDs), nil,
		map[string][]string{TrailInstance: texts(req.InstanceIDs)})
	c.remember(key, use)
	return nil
}

func (c *Cloud) deleteAll(r *region, account image.AccountID, req DeleteInstancesRequest) error {
	now := c.now()
	r.settle(now)
	for _, id := range req.InstanceIDs {
		_, state := r.instances.owned(account, string(id))
		if state == nil {
			return unknownInstance()
		}
		if err := checkDeletable(state.at(now), req, now); err != nil {
			return err
		}
	}
	if req.DryRun {
		return c.dryRun()
	}
	for _, id := range req.InstanceIDs {
		if e, state := r.instances.owned(account, string(id)); state != nil {
			c.deleteInstance(r, e, state.row, now)
		}
	}
	return nil
}

func checkDeletable(row InstanceRow, req DeleteInstancesRequest, now time.Time) error {
	expired := !row.ExpiredAt.IsZero() && !now.Before(row.ExpiredAt)
	switch {
	case row.ChargeType == "PrePaid" && !(expired && req.TerminateSubscription):
		return wrongState(403, "ChargeTypeViolation", "The operation is not permitted due to charge type of the instance.")
	case row.Status == image.InstancePending:
		return wrongState(403, "IncorrectInstanceStatus.Initializing", "The specified instance status does not support this operation.")
	case row.Status != image.InstanceStopped && !req.Force:
		return wrongState(403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	}
	return nil
}

// deleteInstance releases an instance. Disks that are not to go with it become
// pay-as-you-go, unless it was locked for security.
func (c *Cloud) deleteInstance(r *region, e *entry[instanceState], row InstanceRow, now time.Time) {
	for _, d := range r.disksOf(row.ID, e.owner) {
		disk := *d.truth()
		if disk.row.DeleteWithInstance || slices.Contains(row.Locks, "security") {
			c.releaseDisk(r, d, now)
			continue
		}
		disk.row.Instance, disk.row.Status, disk.row.ChargeType = "", "Available", "PostPaid"
		r.disks.put(d, &disk, c.visibleFrom(d.id, now), now)
	}
	r.instances.put(e, nil, c.visibleFrom(e.id, now), now)
	r.stopRunning(row.Image)
}
