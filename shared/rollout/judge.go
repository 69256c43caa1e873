package rollout

import (
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// Moment is when an instance is judged: while a plan is made, right before it is
// stopped, or right before its disk is replaced.
type Moment string

// The moments.
const (
	Planning      Moment = "planning"
	BeforeStop    Moment = "beforeStop"
	BeforeReplace Moment = "beforeReplace"
)

// Verdict is what is to become of an instance.
type Verdict struct {
	// Refused are all reasons not to touch it.
	Refused []image.Reason
	// Warnings are what somebody should know who replaces it.
	Warnings []image.Reason
	// Unproven: whether the new system answers can only be tried.
	Unproven bool
}

// judge is one instance before one target.
type judge struct {
	wish   Wish
	server Server
	target image.Image
	here   Here
	at     Moment
	now    time.Time
	Verdict
}

// Judge decides whether an instance may get an image. It names every reason.
func Judge(w Wish, s Server, target image.Image, here Here, at Moment, now time.Time) Verdict {
	j := &judge{wish: w, server: s, target: target, here: here, at: at, now: now}
	if s.Before == nil {
		j.Refused = append(j.Refused, notSeen([]Place{s.Place}))
		return j.Verdict
	}
	for _, check := range []func(){j.owned, j.state, j.managed, j.mayStart, j.disk, j.image, j.machine, j.secureBoot, j.size, j.encryption, j.login, j.probes, j.loss} {
		check()
	}
	return j.Verdict
}

// notSeen is why an instance is refused that nobody shows, wherever it was looked for.
func notSeen(looked []Place) image.Reason {
	var accounts []image.AccountID
	regions := map[image.AccountID][]string{}
	for _, p := range looked {
		if regions[p.Account] == nil {
			accounts = append(accounts, p.Account)
		}
		regions[p.Account] = append(regions[p.Account], string(p.Region))
	}
	var all []string
	for _, a := range accounts {
		all = append(all, strings.Join(regions[a], ", ")+" of account "+string(a))
	}
	return reason("instanceNotSeen", "the instance is not shown, or may not be looked at, in %s", strings.Join(all, "; "))
}

func (j *judge) no(code, sentence string, args ...any) {
	j.Refused = append(j.Refused, reason(code, sentence, args...))
}

func (j *judge) warn(code, sentence string, args ...any) {
	j.Warnings = append(j.Warnings, reason(code, sentence, args...))
}

// owned: it may be touched by a rollout at all, and by this one.
func (j *judge) owned() {
	if _, out := j.server.Before.Tags[TagNoReplace]; out {
		j.no("optedOut", "it bears the tag %s", TagNoReplace)
	}
	if j.server.Rollout != "" {
		j.no("inRollout", "the rollout %s has it", j.server.Rollout)
	}
}

// locked are the reasons of operation locks by the code of their refusal.
func lockCode(lock string) string {
	switch lock {
	case "security":
		return "lockedForSecurity"
	case "financial", "dedicatedhostfinancial":
		return "inArrears"
	case "recycling", "refunded":
		return "beingReclaimed"
	}
	return "locked"
}

// state: ECS would take the calls for an instance in this state.
func (j *judge) state() {
	i := j.server.Before
	for _, lock := range i.Locks {
		j.no(lockCode(lock), "it is locked: %s", lock)
	}
	switch {
	case !i.ExpiresAt.IsZero() && !j.now.Before(i.ExpiresAt):
		j.no("expired", "its subscription ended at %s", i.ExpiresAt.UTC().Format(time.RFC3339))
	case i.ExpiresAt.IsZero() && i.ChargeType != postPaid:
		j.no("expiryUnknown", "until when its subscription runs is not said")
	}
	switch {
	case j.at == BeforeReplace && i.Status != image.InstanceStopped:
		j.no("notStopped", "it is %s, and has to be Stopped", i.Status)
	case i.Status != image.InstanceRunning && i.Status != image.InstanceStopped:
		j.no("busy", "it is %s: it has to be Running or Stopped", i.Status)
	}
	switch {
	case i.Hibernates == image.Yes && i.Status == image.InstanceStopped && j.at == Planning:
		j.no("hibernated", "it is stopped and may be hibernated; start it first")
	case i.Hibernates == image.Unknown:
		j.no("hibernationUnknown", "whether it is hibernated is not known")
	}
	if i.IOOptimized != image.Yes {
		j.no("notIOOptimized", "it is not I/O optimised, or that is not known: ECS replaces the disk of such a one by some images of Windows only")
	}
}

// Tags by which others say that an instance is theirs to manage.
const (
	tagScaling = "acs:autoscaling:scalingGroupId"
	tagEMR     = "acs:emr:"
)

// ackTags are the beginnings of those of the container service.
func ackTags() []string {
	return []string{"ack.aliyun.com", "ack.alibabacloud.com/", "k8s.io/cluster-autoscaler", "k8s.aliyun.com"}
}

// managed: another product would undo what is done, or is harmed by it.
func (j *judge) managed() {
	if j.wish.Managed {
		if j.server.inGroup() && j.server.Group == nil {
			j.no("groupUnknown", "its scaling group could not be looked at, so it cannot be put into standby")
		}
		return
	}
	for _, key := range j.server.Before.Tags.Keys() {
		switch {
		case strings.HasPrefix(key, tagEMR):
			j.no("managedByEMR", "it belongs to an EMR cluster, by its tag %s", key)
			return
		case slices.ContainsFunc(ackTags(), func(p string) bool { return strings.HasPrefix(key, p) }):
			j.no("managedByACK", "it is a node of a container cluster, by its tag %s: use the node pool's upgrade", key)
			return
		}
	}
	if j.server.inGroup() {
		j.no("managedByAutoScaling", "a scaling group would take it for unhealthy while it is stopped; evenIfManaged puts it into standby")
	}
}

// inGroup: it is in a scaling group, as far as it shows.
func (s Server) inGroup() bool {
	return s.Group != nil || s.Before != nil && s.Before.Tags[tagScaling] != ""
}

// Modes of stopped instances.
const (
	keepCharging  = "KeepCharging"
	stopCharging  = "StopCharging"
	notApplicable = "Not-applicable"
	noSpot        = "NoSpot"
	postPaid      = "PostPaid"
	prePaid       = "PrePaid"
)

// mayStart: nothing is known that could keep it from starting again.
func (j *judge) mayStart() {
	i := j.server.Before
	if j.wish.MayNotStart {
		if i.SpotStrategy != noSpot {
			j.warn("spot", "it is a spot instance, or that is not said, which may be reclaimed while it is stopped")
		}
		return
	}
	switch i.SpotStrategy {
	case noSpot:
	case "":
		j.no("spotUnknown", "whether it is a spot instance is not said, which may be reclaimed while it is stopped; evenIfMayNotStart takes that risk")
	default:
		j.no("spot", "it is a spot instance, which may be reclaimed while it is stopped; evenIfMayNotStart takes that risk")
	}
	if i.Status == image.InstanceStopped && j.at == Planning && i.ChargeType != prePaid && i.StoppedMode != keepCharging {
		j.no("stoppedWithoutResources", "it was stopped as %s: its resources were given back, or may have been; evenIfMayNotStart takes that risk", orUnsaid(i.StoppedMode))
	}
}

func orUnsaid(word string) string {
	if word == "" {
		return "is not said"
	}
	return word
}

// disk: the system disk can be released, and its backup taken.
func (j *judge) disk() {
	d := j.server.Disk
	switch {
	case d == nil:
		j.no("diskNotSeen", "its system disk is not shown")
		return
	case d.Status == "Transferring":
		j.no("diskTransferring", "its system disk is being migrated")
	case d.Status != "In_use":
		j.no("diskBusy", "its system disk is %s", orUnsaid(d.Status))
	}
	if d.Instance != j.server.ID {
		j.no("diskNotAttached", "the system disk that is shown is not attached to it")
	}
	if j.server.Snapshotting != image.No {
		j.no("snapshotInProgress", "a snapshot of its system disk is not finished, or that is not known")
	}
	switch {
	case j.server.Snapshots < 0:
		j.no("snapshotsUnknown", "how many snapshots its system disk has is not known")
	case j.server.Snapshots > mostSnapshots-2:
		j.no("snapshotQuota", "its system disk has %d snapshots, and %d are the most", j.server.Snapshots, mostSnapshots)
	}
	j.settings(d)
}

// settings: what the disk is like is shown, so that the new one can be like it.
func (j *judge) settings(d *image.DiskSetup) {
	if j.server.PoliciesUnread {
		j.no("policiesUnknown", "which snapshot policies its system disk has could not be read, so they could not be restored")
	}
	if d.DeleteAutoSnapshot == image.Unknown || d.DeleteWithInstance == image.Unknown || d.Encrypted == image.Unknown || d.Category == "" ||
		d.Category == "cloud_essd" && d.PerformanceLevel == "" || d.Category == "cloud_auto" && d.Burst == image.Unknown {
		j.no("diskSettingsUnknown", "the settings of its system disk are not all shown, so the new one could not be as it was")
	}
}

// mostSnapshots are those made by hand that a disk can have; source: limits of
// snapshots.
const mostSnapshots = 2000

// image: the image can be used for this.
func (j *judge) image() {
	t := j.target
	switch {
	case t.Status == image.StatusDeprecated && j.wish.To.Image == t.ID:
		j.warn("imageDeprecated", "%s is deprecated", t.ID)
	case t.Status == image.StatusDeprecated:
		j.no("imageDeprecated", "%s is deprecated; name it by its id if it is to be used all the same", t.ID)
	case t.Status != image.StatusAvailable:
		j.no("imageNotAvailable", "%s is %s", t.ID, orUnsaid(string(t.Status)))
	}
	if t.IOOptimized != image.Yes {
		j.no("imageNotIOOptimized", "%s is not for instances that are I/O optimised, or that is not said", t.ID)
	}
	if len(t.DataDisks()) > 0 {
		j.no("imageHasDataDisks", "%s has data disks", t.ID)
	}
	if t.ProductCode != "" && !t.Subscribed {
		j.no("termsNotAccepted", "the terms of the Marketplace product %s were not accepted", t.ProductCode)
	}
	if t.Kind == image.KindShared || t.Kind == image.KindCommunity {
		j.warn("ownerMayWithdraw", "%s belongs to account %s, which can take it away", t.ID, t.OwnerID())
	}
	j.system()
}

// system: the operating system may be changed to that of the image.
func (j *judge) system() {
	i, t := j.server.Before, j.target
	switch {
	case i.OSType == "" || t.OSType == "" || i.OSName == "":
		j.no("systemUnknown", "the operating system of the instance or of %s is not said", t.ID)
	case i.OSType != t.OSType:
		j.crossed()
	}
	if image.AlibabaLinux3Pro(i.OSName) {
		j.no("systemNotReplaceable", "the system of an Alibaba Cloud Linux 3 Pro instance cannot be replaced")
	}
}

// crossed: Linux becomes Windows, or Windows Linux; source: the vendor's guide to
// replacing the operating system.
func (j *judge) crossed() {
	i, t := j.server.Before, j.target
	switch image.Mainland(j.server.Region) {
	case image.Yes:
		j.warn("systemChanges", "it changes from %s to %s", i.OSType, t.OSType)
	case image.No:
		j.no("crossedSystems", "Linux and Windows can be exchanged in regions of the Chinese mainland only")
	default:
		j.no("regionNotListed", "Linux and Windows can be exchanged in regions of the Chinese mainland only, and whether %s is one is not known", j.server.Region)
	}
	if n := len(i.HostName); t.OSType == image.Windows && n > 0 && (n < leastWindowsHost || n > mostWindowsHost) {
		j.warn("hostNameForWindows", "Windows wants a host name of %d to %d characters; %q has %d", leastWindowsHost, mostWindowsHost, i.HostName, n)
	}
}

// The characters of a host name of Windows; source: the vendor's guide to
// replacing the operating system.
const (
	leastWindowsHost = 2
	mostWindowsHost  = 15
)

// machine: the size of the instance boots the image.
func (j *judge) machine() {
	k, t := j.server.Type, j.target
	if k == nil {
		j.no("typeUnknown", "the instance type %s is not shown", j.server.Before.Type)
		return
	}
	is32 := t.Architecture == image.I386
	switch {
	case k.Architecture == "" || t.Architecture == "":
		j.no("architectureUnknown", "the architecture of %s or of %s is not said", k.ID, t.ID)
	case is32 && k.Architecture != image.X86_64, !is32 && k.Architecture != t.Architecture:
		j.no("architectureDiffers", "%s is for %s, and %s is %s", t.ID, t.Architecture, k.ID, k.Architecture)
	case is32 && k.MemoryGiB >= 4:
		j.no("tooMuchMemory", "%s has 32 bits, for instance types with less than 4 GiB", t.ID)
	}
	if k.MemoryGiB <= 0 {
		j.no("memoryUnknown", "the memory of %s is not said", k.ID)
	}
	j.boots(k)
	if k.LocalStorage {
		j.warn("localDisks", "it has local disks: what is on them survives a stop that keeps its resources, and no failure of the host")
	}
}

// boots: the image starts by a way that the instance type has, from the disks it has.
func (j *judge) boots(k *image.InstanceType) {
	t := j.target
	switch {
	case len(k.BootModes) == 0 && t.BootMode != image.UEFIPreferred:
		j.no("bootModeUnknown", "by what %s boots is not said", k.ID)
	case len(k.BootModes) > 0 && !bootable(t.BootMode, k.BootModes):
		j.no("bootModeDiffers", "%s boots by %s, which %s does not", t.ID, orUnsaid(string(t.BootMode)), k.ID)
	}
	switch {
	case t.NVMe == "supported":
	case k.NVMe == "required":
		j.no("nvmeMissing", "%s needs NVMe drivers, and %s is not said to have them", k.ID, t.ID)
	case k.NVMe == "":
		j.no("nvmeUnknown", "whether %s needs NVMe drivers is not said, nor that %s has them", k.ID, t.ID)
	}
}

// secureBoot: where only what is signed boots, the image has to say that it does.
// Where ECS does not say whether that is on, it may be if the type can.
func (j *judge) secureBoot() {
	on, t := j.server.Before.SecureBoot, j.target
	switch {
	case t.SecureBoot == image.Yes || on == image.No:
	case on == image.Yes && t.SecureBoot == image.No:
		j.no("secureBootMissing", "its secure boot is on, and %s does not support that", t.ID)
	case on == image.Yes:
		j.no("secureBootUnknown", "its secure boot is on, and whether %s supports that is not said", t.ID)
	case j.server.Type != nil && j.server.Type.SecureBoot == image.Yes:
		j.no("secureBootUnknown", "whether its secure boot is on is not said, and %s is not said to support that", t.ID)
	case j.server.Type != nil && j.server.Type.SecureBoot == image.Unknown:
		j.warn("secureBootUnsaid", "neither the instance nor its type says whether secure boot is on")
	}
}

// bootable: an image that says nothing boots by BIOS; source: DescribeImages BootMode.
func bootable(mode image.BootMode, by []image.BootMode) bool {
	switch mode {
	case image.UEFIPreferred:
		return true
	case "":
		return slices.Contains(by, image.BIOS)
	}
	return slices.Contains(by, mode)
}

// size: the disk is large enough, and stays as large as it is.
func (j *judge) size() {
	d, t := j.server.Disk, j.target
	if d == nil {
		return
	}
	size := SizeFor(*d, t)
	most := 2048
	if d.Category == "cloud" {
		most = 500
	}
	switch {
	case t.SizeGiB <= 0 || d.SizeGiB <= 0:
		j.no("sizeUnknown", "the size of the disk or of %s is not said", t.ID)
	case size > most:
		j.no("sizeTooLarge", "%s needs a disk of %d GiB, and a %s has at most %d", t.ID, size, d.Category, most)
	case size < leastSize(*d):
		j.no("sizeTooSmall", "a disk of %d GiB is too small for %s", size, orUnsaid(d.PerformanceLevel))
	case size > d.SizeGiB && j.server.Before.ChargeType != postPaid:
		j.no("unpaidOrder", "%s needs a larger disk than there is, and a subscription would have to pay for it first", t.ID)
	case size > d.SizeGiB:
		j.warn("diskGrows", "the disk grows from %d to %d GiB, which costs more", d.SizeGiB, size)
	}
	if t.OSType == image.Windows && size < 40 {
		j.no("sizeTooSmall", "Windows needs a disk of 40 GiB")
	}
}

// SizeFor is the size of the new disk: that of the old one, or the image's if that
// is larger.
func SizeFor(d image.DiskSetup, t image.Image) int { return max(d.SizeGiB, t.SizeGiB) }

// leastSize is the least a system disk can have; source: ReplaceSystemDisk
// SystemDisk.Size.
func leastSize(d image.DiskSetup) int {
	switch {
	case d.Category == "cloud_auto", d.PerformanceLevel == "PL0":
		return 1
	case d.PerformanceLevel == "PL2":
		return 461
	case d.PerformanceLevel == "PL3":
		return 1261
	}
	return 20
}

// encryption: the new disk is encrypted as the old one was.
func (j *judge) encryption() {
	d, t := j.server.Disk, j.target
	if d == nil {
		return
	}
	switch {
	case j.here.Encrypts == image.Unknown:
		j.no("encryptionUnknown", "whether new disks have to be encrypted here is not known")
	case j.here.Encrypts == image.Yes && d.Encrypted == image.No:
		j.no("encryptionRequired", "new disks have to be encrypted here, and its disk is not")
	}
	if d.Encrypted == image.Yes && d.Key == "" {
		j.warn("serviceKey", "by which key its system disk is encrypted is not shown, as it is not of the service's own: that is the new one's")
	}
	if t.Encrypted() == image.Yes && d.Encrypted == image.No && t.Kind != image.KindCustom {
		j.no("imageEncrypted", "%s is encrypted and shared, and the disk is not encrypted", t.ID)
	}
}

// login: whoever could log in still can.
func (j *judge) login() {
	i, t := j.server.Before, j.target
	if i.KeyPair != "" && t.OSType == image.Windows {
		j.no("keyPairNotForWindows", "it has the key pair %s, which Windows cannot have", i.KeyPair)
	}
	if i.KeyPair == "" {
		j.warn("passwordOfInstance", "it has no key pair: its password stays, as ECS says; whoever logs in by keys of the old disk cannot any more")
	}
}

// probes: what the health of the new system is asked by answers.
func (j *judge) probes() {
	if !j.wish.needsAssistant() && j.wish.Hooks.Before == "" {
		return
	}
	if j.wish.Hooks.Before != "" && j.at != BeforeReplace && j.server.Before.Status == image.InstanceRunning {
		if a := j.server.Assistant; a == nil || !a.Alive {
			j.no("assistantMissing", "the hook before the stop needs the Cloud Assistant, which does not answer there")
		}
	}
	if !j.wish.needsAssistant() {
		return
	}
	switch has := assistantIn(j.target); has {
	case image.No:
		j.no("assistantMissing", "%s has no Cloud Assistant, which the health of it is asked by", j.target.ID)
	case image.Unknown:
		j.Unproven = true
	}
}

// assistantIn tells whether an image has the Cloud Assistant: the check of ECS says
// so, and public images have it; source: DetectionOptions, overview of the Cloud Assistant.
func assistantIn(i image.Image) image.Tri {
	if i.Kind == image.KindPublic {
		return image.Yes
	}
	if i.Detection != nil && i.Detection.Status == "Finished" {
		for _, item := range i.Detection.Items {
			if strings.Contains(item.Name, "CloudAssistant") {
				return image.TriOf(item.Risk == "")
			}
		}
	}
	return image.Unknown
}

// loss: what is gone or different afterwards, whatever is done.
func (j *judge) loss() {
	if j.at != Planning {
		return
	}
	if j.target.OSType == image.Windows {
		j.warn("freeSpaceNotSeen", "Windows needs 1 GiB free in its system partition, which ECS does not show: see that %s leaves it", j.target.ID)
	}
	j.warn("contentLost", "what is on its system disk is gone from it; the backup has it")
	if j.server.Before.Status == image.InstanceStopped {
		j.warn("notTested", "it is stopped and stays so: whether it boots is not tested")
	}
}
