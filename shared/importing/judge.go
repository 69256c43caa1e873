package importing

import (
	"fmt"
	"math/big"
	"path"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/importing/diskimage"
)

// Judge returns all that keeps a wish from being done, and all that speaks against
// it, each with its remedy. What is not known is fatal where the image could come
// out wrong by it, and a warning where only its making could fail.
func Judge(w Wish, o Observed) []image.Finding {
	j := &judge{wish: w, seen: o}
	if o.Unread != nil {
		j.fatal("sourceUnread", "the source could not be read: "+o.Unread.Sentence, "")
	}
	switch {
	case w.Source.Object != nil:
		j.objects()
	case w.Source.Instance != nil:
		j.instance()
	case w.Source.Snapshots != nil:
		j.snapshots()
	case w.Source.Image != nil:
		j.existing()
	}
	j.places()
	j.roles()
	j.permissions()
	j.cost()
	j.release()
	return j.found
}

// judge collects findings.
type judge struct {
	wish  Wish
	seen  Observed
	found []image.Finding
}

func (j *judge) fatal(code, sentence, remedy string) { j.add(image.Fatal, code, sentence, remedy) }

func (j *judge) warn(code, sentence, remedy string) { j.add(image.Warning, code, sentence, remedy) }

func (j *judge) add(level image.Level, code, sentence, remedy string) {
	j.found = append(j.found, image.Finding{Level: level, Reason: image.Reason{Code: code, Sentence: sentence}, Remedy: remedy})
}

// objects judges the files of an import.
func (j *judge) objects() {
	for n, o := range j.seen.Objects {
		if !j.readable(o) {
			continue
		}
		j.stored(o)
		j.checksums(n, o)
		j.found = append(j.found, o.Disk.Findings...)
		want := diskimage.Wish{SizeGiB: j.wish.Image.DiskSizeGiB, Architecture: j.wish.Image.Arch(), BootMode: j.wish.Image.BootMode}
		if n > 0 {
			want = diskimage.Wish{SizeGiB: j.wish.Source.Object.DataDisks[n-1].DiskSizeGiB, Data: true}
		}
		j.found = append(j.found, diskimage.Check(o.Disk, want)...)
		if suffix := strings.ToLower(path.Ext(o.Key)); !slices.Contains([]string{".raw", ".img", ".vhd", ".qcow2"}, suffix) {
			j.warn("unusualSuffix", fmt.Sprintf("%s ends in %q; ECS refuses some endings and does not say which", o.Key, suffix), "call it .raw, .img, .vhd or .qcow2")
		}
	}
}

// readable reports whether an object is there to be judged.
func (j *judge) readable(o ObjectSeen) bool {
	where := "oss://" + o.Bucket + "/" + o.Key
	switch {
	case !o.Allowed:
		j.fatal("sourceNotAllowed", where+" is below none of the prefixes that imports may read", "add its prefix to IMPORT_SOURCES")
	case o.Missing:
		j.fatal("objectNotFound", where+" does not exist", "")
	case o.Unread != nil:
		j.fatal("objectUnread", where+" could not be read: "+o.Unread.Sentence, "")
	case o.Region == "":
		j.fatal("bucketRegionUnknown", "the region of the bucket "+o.Bucket+" is not known", "allow oss:GetBucketInfo on the bucket, which tells it")
	case o.Region != j.seen.Region:
		j.fatal("bucketElsewhere", fmt.Sprintf("the bucket %s is in %s; an import in %s reads only buckets there", o.Bucket, o.Region, j.seen.Region), "region: "+string(o.Region))
	default:
		return true
	}
	return false
}

// stored judges how an object is kept.
func (j *judge) stored(o ObjectSeen) {
	archived := o.StorageClass != "" && o.StorageClass != "Standard" && o.StorageClass != "IA"
	if archived && o.Restored != image.Yes {
		j.fatal("objectArchived", fmt.Sprintf("%s is of the storage class %s and not restored", o.Key, o.StorageClass), fmt.Sprintf("ossutil restore oss://%s/%s", o.Bucket, o.Key))
	}
	switch o.Encrypted {
	case image.Yes:
		j.fatal("objectEncrypted", o.Key+" is encrypted by OSS, which ECS cannot import", "store it in a bucket without encryption; the image can be encrypted as a copy")
	case image.Unknown:
		j.warn("encryptionUnknown", "whether OSS encrypts "+o.Key+" is not known", "")
	}
}

// checksums compares what the wish says of the file of the system disk.
func (j *judge) checksums(n int, o ObjectSeen) {
	want := j.wish.Source.Object
	if n > 0 {
		return
	}
	compare := func(name, wanted, is string) {
		switch {
		case wanted == "":
		case is == "":
			j.fatal("checksumUnknown", fmt.Sprintf("OSS does not tell the %s of %s", name, o.Key), "upload it again, or leave the checksum out")
		case !strings.EqualFold(strings.Trim(wanted, `"`), strings.Trim(is, `"`)):
			j.fatal("checksumMismatch", fmt.Sprintf("the %s of %s is not the one that was given", name, o.Key), "upload the file again")
		}
	}
	compare("crc64", want.CRC64, o.CRC64)
	compare("etag", want.ETag, o.ETag)
	if want.SHA256 != "" {
		j.warn("sha256NotChecked", "OSS knows no SHA-256 of objects: it was not compared", "give crc64 instead")
	}
}

// instance judges a server of whose disks an image is to be made.
func (j *judge) instance() {
	i := j.seen.Instance
	if i == nil {
		if j.seen.Unread == nil {
			j.fatal("instanceNotFound", fmt.Sprintf("%s is not in %s", j.wish.Source.Instance.InstanceID, j.seen.Region), "")
		}
		return
	}
	if len(i.Locks) > 0 {
		j.fatal("instanceLocked", fmt.Sprintf("%s is locked: %s", i.ID, strings.Join(i.Locks, ", ")), "")
	}
	if i.Status != image.InstanceRunning && i.Status != image.InstanceStopped {
		j.fatal("instanceState", fmt.Sprintf("%s is %s; an image is made of a Running or Stopped one", i.ID, i.Status), "")
	}
	if i.Status == image.InstanceRunning {
		j.warn("instanceRunning", fmt.Sprintf("%s is running: what it has not yet written to its disks is not in the image", i.ID), "stop it before")
	}
	switch i.SnapshotRunning {
	case image.Yes:
		j.fatal("snapshotRunning", fmt.Sprintf("a snapshot of a disk of %s is being made", i.ID), "wait for it")
	case image.Unknown:
		j.warn("snapshotsUnknown", fmt.Sprintf("whether a snapshot of %s is being made is not known", i.ID), "")
	}
	switch {
	case len(i.Disks) == 0:
		j.fatal("disksUnread", fmt.Sprintf("the disks of %s are not known", i.ID), "")
	case len(i.Disks) > 17:
		j.fatal("tooManyDisks", fmt.Sprintf("%s has %d disks; an image has up to 17", i.ID, len(i.Disks)), "detach some, or use snapshots")
	}
	j.encrypted(disksEncrypted(i.Disks))
	j.marketplace(i.Disks)
}

// marketplace says that a product's code goes along into the image.
func (j *judge) marketplace(disks []image.Disk) {
	for _, d := range disks {
		if d.ProductCode != "" {
			j.warn("marketplaceProduct", fmt.Sprintf("the disk %s is of the Marketplace product %s: the image is, too, and whoever runs it pays for it", d.ID, d.ProductCode), "")
			return
		}
	}
}

// encrypted says what an encrypted source means for what comes after.
func (j *judge) encrypted(is image.Tri) {
	switch is {
	case image.Yes:
		j.warn("sourceEncrypted", "the source is encrypted: the vendor does not check its image, and sharing it has conditions of its own", "")
	case image.Unknown:
		j.warn("encryptionUnknown", "whether the source is encrypted is not known", "")
	}
}

// disksEncrypted is Yes if one of them is encrypted.
func disksEncrypted(disks []image.Disk) image.Tri {
	all := image.No
	for _, d := range disks {
		switch d.Encrypted {
		case image.Yes:
			return image.Yes
		case image.Unknown:
			all = image.Unknown
		}
	}
	return all
}

// snapshots judges those that an image is to be made of.
func (j *judge) snapshots() {
	want := j.wish.Source.Snapshots
	for n, id := range append([]image.SnapshotID{want.System}, want.Data...) {
		at := slices.IndexFunc(j.seen.Snapshots, func(s image.Snapshot) bool { return s.ID == id })
		if at < 0 {
			if j.seen.Unread == nil {
				j.fatal("snapshotNotFound", fmt.Sprintf("%s is not in %s", id, j.seen.Region), "")
			}
			continue
		}
		j.snapshot(j.seen.Snapshots[at], n == 0)
	}
	if j.wish.Image.Platform == "" {
		j.warn("platformDefault", "of snapshots ECS takes Others Linux for the platform: licence and initialisation go by it", "image.platform")
	}
	j.warn("snapshotResets", "ECS resets metadata access, boot mode and NVMe of images made of snapshots: what was asked for is set afterwards, and read back", "")
}

// firstSnapshots is before when they are too old to make an image of; source: CreateImage.
func firstSnapshots() time.Time { return time.Date(2013, 7, 15, 0, 0, 0, 0, time.UTC) }

func (j *judge) snapshot(s image.Snapshot, system bool) {
	switch {
	case s.Status == "progressing":
		j.fatal("snapshotNotFinished", fmt.Sprintf("%s is still being made", s.ID), "wait for it")
	case s.Status != "accomplished":
		j.fatal("snapshotFailed", fmt.Sprintf("%s is %s", s.ID, s.Status), "")
	case s.CreatedAt.Before(firstSnapshots()):
		j.fatal("snapshotTooOld", fmt.Sprintf("%s is of %s; ECS takes those since 2013-07-15", s.ID, s.CreatedAt.Format(time.DateOnly)), "")
	case s.Category == "archive":
		j.fatal("snapshotArchived", fmt.Sprintf("%s is archived", s.ID), "take it back to the standard category")
	case system && !s.SourceSystemDisk:
		j.fatal("notASystemDisk", fmt.Sprintf("%s is of a data disk; the first one has to be of a system disk", s.ID), "")
	}
	j.encrypted(s.Encrypted)
	if s.ProductCode != "" {
		j.warn("marketplaceProduct", fmt.Sprintf("%s is of the Marketplace product %s: the image is, too", s.ID, s.ProductCode), "")
	}
}

// existing judges an image that is to be copied.
func (j *judge) existing() {
	i := j.seen.Existing
	if i == nil {
		if j.seen.Unread == nil {
			j.fatal(codeNotFound, fmt.Sprintf("%s is in no region that is looked at", j.wish.Source.Image.ImageID), "")
		}
		return
	}
	j.copied()
	here := i.Region == j.wish.Region
	switch {
	case i.Status != image.StatusAvailable:
		j.fatal("imageStatus", fmt.Sprintf("%s is %s; ECS copies Available images", i.ID, i.Status), "")
	case i.Kind == image.KindPublic, i.Kind == image.KindMarketplace, i.Kind == image.KindCommunity:
		j.fatal("kindNotCopied", fmt.Sprintf("%s is a %s image; ECS copies custom and shared ones", i.ID, i.Kind), "make an image of an instance of it")
	case i.Published:
		j.fatal("kindNotCopied", fmt.Sprintf("%s is published as a community image, and ECS copies none of these", i.ID), "stop publishing it, or make an image of an instance of it")
	case i.Kind == image.KindShared && !here:
		j.fatal("sameRegionOnly", fmt.Sprintf("%s is shared with us: ECS copies it within its region %s only", i.ID, i.Region),
			fmt.Sprintf("region: %s, and release.regions: [%s]", i.Region, j.wish.Region))
	case i.Kind == image.KindCustom && here && j.wish.Source.Image.KMSKeyID == "":
		j.fatal("sameRegion", fmt.Sprintf("%s is our own, and in %s: ECS copies such an image there only to encrypt it", i.ID, i.Region),
			"another region, or source.image.kmsKeyId")
	}
	if i.ProductCode != "" {
		j.warn("marketplaceProduct", fmt.Sprintf("%s is of the Marketplace product %s: ECS may refuse to copy it", i.ID, i.ProductCode), "")
	}
	if j.wish.Source.Image.KMSKeyID == "" {
		j.encrypted(i.Encrypted())
	}
}

// places judges names, quotas and copies of every region.
func (j *judge) places() {
	own, _ := j.wish.ID(j.wish.version(j.seen)) // what the same import made before has its names
	for n, region := range j.wish.Regions() {
		p, seen := j.seen.Places[region]
		if !seen || p.Unread != nil {
			why := "it was not looked at"
			if seen {
				why = p.Unread.Sentence
			}
			j.fatal("regionUnread", fmt.Sprintf("%s: which images are there is not known: %s", region, why), "")
			continue
		}
		for _, name := range []string{j.wish.Image.Name, j.wish.Image.Unverified()} {
			if by, taken := p.Taken[name]; taken && (by.Import == "" || by.Import != own) {
				j.fatal("nameTaken", fmt.Sprintf("%s: %s is called %s already", region, by.Image, name), "another image.name")
			}
		}
		j.quota(region, p)
		if n > 0 && p.Copies >= 5 {
			j.warn("copiesQueued", fmt.Sprintf("%s: %d copies are under way; ECS makes five at a time, and ours waits", region, p.Copies), "")
		}
	}
}

func (j *judge) quota(region image.RegionID, p PlaceSeen) {
	switch {
	case p.Images < 0 || p.Most < 0:
		j.warn("quotaUnknown", fmt.Sprintf("%s: how many images there may be is not known", region), "permit quotas:GetProductQuota")
	case p.Images >= p.Most:
		j.fatal("quotaReached", fmt.Sprintf("%s: there are %d custom images of %d", region, p.Images, p.Most), "delete some, or ask for more (Quota Center, q_user-image-count)")
	}
}

// importRole is what ECS assumes to read the object; no other name works; source:
// ImportImage RoleName.
const importRole = "AliyunECSImageImportDefaultRole"

// RoleOf is the role that ECS needs for a wish; empty: none.
func RoleOf(w Wish) string {
	if w.Source.Object == nil {
		return ""
	}
	return importRole
}

func (j *judge) roles() {
	if name := RoleOf(j.wish); name != "" {
		j.serviceRole(name, j.seen.Roles[name], "ECS reads objects", importRoleCommands(j.wish.Source.Object.Bucket))
	}
}

// serviceRole judges a role that ECS assumes.
func (j *judge) serviceRole(name string, r RoleSeen, does, commands string) {
	switch {
	case r.Exists == image.No:
		j.fatal("roleMissing", does+" by the role "+name+", which does not exist", commands)
	case r.Trusts == image.No:
		j.fatal("roleNotTrusted", "the role "+name+" cannot be assumed by ecs.aliyuncs.com", "aliyun ram UpdateRole --RoleName "+name+" --NewAssumeRolePolicyDocument '"+importTrust+"'")
	case r.Exists == image.Unknown || r.Trusts == image.Unknown:
		j.warn("roleUnknown", "whether the role "+name+" is there and can be assumed by ECS is not known", "permit ram:GetRole")
	}
}

const importTrust = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}}]}`

// importRoleCommands make the role, narrowed to a bucket.
func importRoleCommands(bucket string) string {
	return roleCommands(importRole, "imagekeeper-import-"+bucket, bucket, `"oss:GetObject","oss:GetBucketLocation","oss:GetBucketInfo"`)
}

// roleCommands make a role that ECS assumes, with a policy that is narrowed to a bucket.
func roleCommands(role, name, bucket, actions string) string {
	policy := fmt.Sprintf(`{"Version":"1","Statement":[{"Effect":"Allow","Action":[%[2]s],"Resource":["acs:oss:*:*:%[1]s","acs:oss:*:*:%[1]s/*"]}]}`, bucket, actions)
	return strings.Join([]string{
		"aliyun ram CreateRole --RoleName " + role + " --AssumeRolePolicyDocument '" + importTrust + "'",
		"aliyun ram CreatePolicy --PolicyName " + name + " --PolicyDocument '" + policy + "'",
		"aliyun ram AttachPolicyToRole --PolicyType Custom --PolicyName " + name + " --RoleName " + role,
	}, " && ")
}

// permissions judges what we may do ourselves.
func (j *judge) permissions() {
	actions := make([]string, 0, len(j.seen.May))
	for action := range j.seen.May {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	for _, action := range actions {
		switch j.seen.May[action] {
		case image.No:
			j.fatal("notPermitted", action+" is not permitted", "permit "+action)
		case image.Unknown:
			if r := j.seen.Refused; r != nil && j.unexplained() {
				j.fatal(r.Code, "ECS refuses the dry run of "+action+": "+r.Sentence, "change in the wish what ECS names")
				continue
			}
			j.warn("permissionUnknown", "whether "+action+" is permitted is not known", "")
		}
	}
}

// unexplained: nothing that was found is a reason for ECS to refuse the image, and nor
// is that the same import made it already.
func (j *judge) unexplained() bool {
	own, _ := j.wish.ID(j.wish.version(j.seen))
	for _, by := range j.seen.Places[j.wish.Region].Taken {
		if by.Import == own {
			return false
		}
	}
	return !slices.ContainsFunc(j.found, func(f image.Finding) bool { return f.Level == image.Fatal })
}

// cost judges a boot test by what it may cost.
func (j *judge) cost() {
	t := j.wish.Test
	if t == nil || t.MaxCost == "" {
		return
	}
	most, ok := new(big.Rat).SetString(t.MaxCost)
	cost, known := new(big.Rat).SetString(j.seen.Cost.TestOnce)
	switch {
	case !ok:
		j.fatal("maxCost", "test.maxCost is no amount", "such as 2.00")
	case !known:
		j.fatal("costUnknown", "what the boot test costs is not known, so that it cannot be held to test.maxCost", "leave test.maxCost out, or permit ecs:DescribePrice")
	case cost.Cmp(most) > 0:
		j.fatal("costTooHigh", fmt.Sprintf("the boot test costs %s %s at the most, more than %s", j.seen.Cost.TestOnce, j.seen.Cost.Currency, t.MaxCost), "a smaller test.instanceType, or a shorter test.timeout")
	}
}

// release judges whether the image can be tested, and ever be released.
func (j *judge) release() {
	w := j.wish
	if w.Test != nil && len(j.seen.Types) == 0 {
		j.fatal("noInstanceType", "no instance type of the region is known that boots the image", "test.instanceType")
	}
	if w.Release == nil {
		return
	}
	if unavailable, why := checkUnavailable(w, j.seen); unavailable && w.Test == nil {
		j.fatal("needsBootTest", "the vendor does not check this image ("+why+"): to be released it has to pass a boot test", "test: {boot: true, vSwitchId: …, securityGroupId: …}")
	}
	j.encryptedRelease()
	if len(w.Release.Regions) > 0 && w.Source.Image == nil {
		j.copied()
	}
}

// mostCopyGiB is how large an image is at the most that is copied; source: CopyImage,
// SizeExceed.Image.
const mostCopyGiB = 2048

// copied judges how large what is to be copied is.
func (j *judge) copied() {
	if size := j.seen.diskGiB(); size > mostCopyGiB {
		j.fatal("tooLargeToCopy", fmt.Sprintf("the disks of the image have %d GiB, and ECS copies images of up to %d", size, mostCopyGiB), "copy its snapshots (CopySnapshot), and import from these there")
	}
}

// encryptedRelease says what becomes of an encrypted image that is given to others: a
// key is one of its region, so that ECS encrypts copies elsewhere with the service's own
// key, and what that encrypts cannot be shared; source: CopyImage KMSKeyId,
// ModifyImageSharePermission.
func (j *judge) encryptedRelease() {
	r, key := j.wish.Release, ""
	if s := j.wish.Source.Image; s != nil {
		key = s.KMSKeyID
	}
	encrypted := key != "" || j.sourceEncrypted()
	own := key == "" && j.wish.Source.Image != nil // a copy like its original, with the service's key
	switch {
	case !encrypted:
	case r.Share != nil && (len(r.Regions) > 0 || own):
		j.fatal("serviceKeyNotShared", "the image is encrypted: copies of it without a key of their own have that of the service, and ECS shares none of them",
			"an import for each region, with source.image.kmsKeyId, and release.share without release.regions")
	case len(r.Regions) > 0:
		j.warn("serviceKey", "the image is encrypted: its copies in other regions have the key of the service, and can be shared with nobody", "an import for each region, with source.image.kmsKeyId")
	}
}

// sourceEncrypted: what the image is made of is encrypted.
func (j *judge) sourceEncrypted() bool {
	return j.seen.Existing != nil && j.seen.Existing.Encrypted() == image.Yes ||
		j.seen.Instance != nil && disksEncrypted(j.seen.Instance.Disks) == image.Yes ||
		slices.ContainsFunc(j.seen.Snapshots, func(s image.Snapshot) bool { return s.Encrypted == image.Yes })
}

// checkUnavailable tells whether the vendor's check will have no result.
func checkUnavailable(w Wish, o Observed) (yes bool, why string) {
	switch {
	case w.Source.Image != nil:
		return true, "a copy"
	case w.Source.Instance != nil:
		return true, "made of an instance"
	case slices.ContainsFunc(o.Snapshots, func(s image.Snapshot) bool { return s.Encrypted == image.Yes }):
		return true, "encrypted"
	case slices.Contains(notChecked(), w.Image.Platform):
		return true, w.Image.Platform + " is not supported by it"
	}
	return false, ""
}

// notChecked are the platforms that the vendor's check does not know; to be asked for it
// is a reason for ECS to refuse an import of one of Windows.
func notChecked() []string {
	return []string{
		"Gentoo", "LifseaOS", "FreeBSD", "CoreOS", "Fedora CoreOS", "Solaris", "Customized Linux", "Windows Server 2003", "Windows Server 2008",
	}
}
