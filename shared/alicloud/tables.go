package alicloud

import (
	"strings"

	"imagekeeper/shared/image"
)

// tables hold how each kind of row is read. They are built once per Cloud.
type tables struct {
	images    shape[image.Image]
	grants    shape[image.Grant]
	regions   shape[image.Region]
	types     shape[image.InstanceType]
	instances shape[image.Instance]
	disks     shape[image.Disk]
	snapshots shape[image.Snapshot]

	templates      shape[template]
	versions       shape[templateVersion]
	configurations shape[image.ScalingConfiguration]
	groups         shape[scalingGroup]
	pipelines      shape[image.Pipeline]
	runs           shape[image.Build]
	chains         shape[chain]
	prices         prices
}

// newTables builds all tables.
func newTables() *tables {
	return &tables{
		images:    shape[image.Image]{outer: "Images", inner: "Image", row: imageFields()},
		grants:    shape[image.Grant]{outer: "Accounts", inner: "Account", row: grantFields()},
		regions:   shape[image.Region]{outer: "Regions", inner: "Region", row: regionFields()},
		types:     shape[image.InstanceType]{outer: "InstanceTypes", inner: "InstanceType", row: typeFields()},
		instances: shape[image.Instance]{outer: "Instances", inner: "Instance", row: instanceFields()},
		disks:     shape[image.Disk]{outer: "Disks", inner: "Disk", row: diskFields()},
		snapshots: shape[image.Snapshot]{outer: "Snapshots", inner: "Snapshot", row: snapshotFields()},

		templates: shape[template]{outer: "LaunchTemplateSets", inner: "LaunchTemplateSet", row: fields[template]{
			"LaunchTemplateId": func(s *scanner, t *template) { t.id = s.str() },
		}},
		versions:       shape[templateVersion]{outer: "LaunchTemplateVersionSets", inner: "LaunchTemplateVersionSet", row: versionFields()},
		configurations: shape[image.ScalingConfiguration]{outer: "ScalingConfigurations", inner: "ScalingConfiguration", row: configurationFields()},
		groups:         shape[scalingGroup]{outer: "ScalingGroups", inner: "ScalingGroup", row: groupFields()},
		pipelines:      shape[image.Pipeline]{outer: "ImagePipeline", inner: "ImagePipelineSet", row: pipelineFields()},
		runs:           shape[image.Build]{outer: "ImagePipelineExecution", inner: "ImagePipelineExecutionSet", row: runFields()},
		chains:         shape[chain]{outer: "SnapshotLinks", inner: "SnapshotLink", row: chainFields()},
		prices:         newPrices(),
	}
}

// imageFields reads DescribeImages' Image. ImageOwnerAlias and IsPublic both
// bear on Kind and come in any order; settle ends the row.
func imageFields() fields[image.Image] {
	mappings, tags, detection := mappingFields(), tagFields(), detectionFields()
	features := fields[image.Image]{
		"NvmeSupport": func(s *scanner, i *image.Image) { i.NVMe = s.word() },
		"ImdsSupport": func(s *scanner, i *image.Image) { i.IMDS = s.word() },
	}
	secure := fields[image.Image]{"SecureBootSupport": func(s *scanner, i *image.Image) { i.SecureBoot = supports(s.word()) }}
	return fields[image.Image]{
		"ImageId":              func(s *scanner, i *image.Image) { i.ID = image.ID(s.str()) },
		"ImageOwnerId":         func(s *scanner, i *image.Image) { i.Owner = s.account() },
		"ImageOwnerAlias":      func(s *scanner, i *image.Image) { i.Kind = image.Kind(s.word()) },
		"IsPublic":             func(s *scanner, i *image.Image) { i.Published = s.flag() },
		"ImageName":            func(s *scanner, i *image.Image) { i.Name = s.str() },
		"Description":          func(s *scanner, i *image.Image) { i.Description = s.word() },
		"ImageFamily":          func(s *scanner, i *image.Image) { i.Family = image.Family(s.word()) },
		"ImageVersion":         func(s *scanner, i *image.Image) { i.Version = s.word() },
		"Status":               func(s *scanner, i *image.Image) { i.Status = image.Status(s.word()) },
		"OSType":               func(s *scanner, i *image.Image) { i.OSType = image.OSType(s.word()) },
		"OSNameEn":             func(s *scanner, i *image.Image) { i.OSName = either(s.word(), i.OSName) },
		"OSName":               func(s *scanner, i *image.Image) { i.OSName = either(i.OSName, s.word()) },
		"Platform":             func(s *scanner, i *image.Image) { i.Platform = s.word() },
		"Architecture":         func(s *scanner, i *image.Image) { i.Architecture = image.Architecture(s.word()) },
		"BootMode":             func(s *scanner, i *image.Image) { i.BootMode = image.BootMode(s.word()) },
		"Size":                 func(s *scanner, i *image.Image) { i.SizeGiB = s.count() },
		"CreationTime":         func(s *scanner, i *image.Image) { i.CreatedAt = s.moment() },
		"ProductCode":          func(s *scanner, i *image.Image) { i.ProductCode = image.ProductCode(s.word()) },
		"IsSubscribed":         func(s *scanner, i *image.Image) { i.Subscribed = s.flag() },
		"SupplierName":         func(s *scanner, i *image.Image) { i.Supplier = s.word() },
		"LicenseType":          func(s *scanner, i *image.Image) { i.LicenseType = s.word() },
		"IsCopied":             func(s *scanner, i *image.Image) { i.Copied = s.flag() },
		"IsSelfShared":         func(s *scanner, i *image.Image) { i.SharedOut = s.tri() },
		"Usable":               func(s *scanner, i *image.Image) { i.Usable = s.tri() },
		"Usage":                func(s *scanner, i *image.Image) { i.Usage = image.Usage(s.word()) },
		"IsSupportIoOptimized": func(s *scanner, i *image.Image) { i.IOOptimized = s.tri() },
		"IsSupportCloudinit":   func(s *scanner, i *image.Image) { i.CloudInit = s.flag() },
		"Progress":             func(s *scanner, i *image.Image) { i.Progress = s.percent() },
		"ResourceGroupId":      func(s *scanner, i *image.Image) { i.ResourceGroup = s.word() },
		"Features":             func(s *scanner, i *image.Image) { features.read(s, i) },
		"SecureBootOptions":    func(s *scanner, i *image.Image) { secure.read(s, i) },
		"DetectionOptions":     func(s *scanner, i *image.Image) { i.Detection = detected(s, detection) },
		"Tags":                 func(s *scanner, i *image.Image) { i.Tags = readTags(s, tags) },
		"DiskDeviceMappings":   func(s *scanner, i *image.Image) { i.Disks = rows(s, "DiskDeviceMapping", mappings) },
	}
}

// supports reads whether something is supported, in whichever form ECS writes that: the
// documents name the member SecureBootSupport, and not its values.
func supports(word string) image.Tri {
	switch strings.ToLower(word) {
	case "supported", "required", "true":
		return image.Yes
	case "unsupported", "false":
		return image.No
	}
	return image.Unknown
}

// detectionFields reads DescribeImages' DetectionOptions.
func detectionFields() fields[image.Detection] {
	item := fields[image.DetectionItem]{
		"Name":      func(s *scanner, i *image.DetectionItem) { i.Name = s.word() },
		"Value":     func(s *scanner, i *image.DetectionItem) { i.Value = s.word() },
		"RiskLevel": func(s *scanner, i *image.DetectionItem) { i.Risk = s.word() },
		"RiskCode":  func(s *scanner, i *image.DetectionItem) { i.Code = s.word() },
	}
	return fields[image.Detection]{
		"Status": func(s *scanner, d *image.Detection) { d.Status = s.word() },
		"Items":  func(s *scanner, d *image.Detection) { d.Items = rows(s, "Item", item) },
	}
}

// detected reads a check, nil if there was none.
func detected(s *scanner, f fields[image.Detection]) *image.Detection {
	var d image.Detection
	if f.read(s, &d); d.Status == "" {
		return nil
	}
	return &d
}

// mappingFields reads DescribeImages' DiskDeviceMapping.
func mappingFields() fields[image.DiskMapping] {
	return fields[image.DiskMapping]{
		"Device":          func(s *scanner, d *image.DiskMapping) { d.Device = s.word() },
		"Type":            func(s *scanner, d *image.DiskMapping) { d.System = s.word() == "system" },
		"Size":            func(s *scanner, d *image.DiskMapping) { d.SizeGiB = s.count() },
		"SnapshotId":      func(s *scanner, d *image.DiskMapping) { d.SnapshotID = image.SnapshotID(s.str()) },
		"Encrypted":       func(s *scanner, d *image.DiskMapping) { d.Encrypted = s.tri() },
		"Format":          func(s *scanner, d *image.DiskMapping) { d.Format = s.word() },
		"ImportOSSBucket": func(s *scanner, d *image.DiskMapping) { d.ImportBucket = s.word() },
		"ImportOSSObject": func(s *scanner, d *image.DiskMapping) { d.ImportObject = s.str() },
	}
}

// grantFields reads DescribeImageSharePermission's Account.
func grantFields() fields[image.Grant] {
	return fields[image.Grant]{
		"AliyunId":   func(s *scanner, g *image.Grant) { g.Account = s.account() },
		"SharedTime": func(s *scanner, g *image.Grant) { g.At = s.moment() },
	}
}

// regionFields reads DescribeRegions' Region.
func regionFields() fields[image.Region] {
	return fields[image.Region]{
		"RegionId":       func(s *scanner, r *image.Region) { r.ID = image.RegionID(s.str()) },
		"LocalName":      func(s *scanner, r *image.Region) { r.Name = s.str() },
		"RegionEndpoint": func(s *scanner, r *image.Region) { r.Endpoint = s.str() },
	}
}

// typeFields reads DescribeInstanceTypes' InstanceType. CpuArchitecture is
// "X86" or "ARM".
func typeFields() fields[image.InstanceType] {
	secure := fields[image.InstanceType]{"SecureBootSupport": func(s *scanner, t *image.InstanceType) { t.SecureBoot = supports(s.word()) }}
	return fields[image.InstanceType]{
		"InstanceTypeId":     func(s *scanner, t *image.InstanceType) { t.ID = image.InstanceTypeID(s.str()) },
		"InstanceTypeFamily": func(s *scanner, t *image.InstanceType) { t.FamilyName = s.word() },
		"CpuCoreCount":       func(s *scanner, t *image.InstanceType) { t.VCPUs = s.count() },
		"MemorySize":         func(s *scanner, t *image.InstanceType) { t.MemoryGiB = s.fraction() },
		"CpuArchitecture":    func(s *scanner, t *image.InstanceType) { t.Architecture = architecture(s.word()) },
		"NvmeSupport":        func(s *scanner, t *image.InstanceType) { t.NVMe = s.word() },
		"SecurityOptions":    func(s *scanner, t *image.InstanceType) { secure.read(s, t) },
		"LocalStorageAmount": func(s *scanner, t *image.InstanceType) { t.LocalStorage = s.count() > 0 },
		"SupportedBootModes": func(s *scanner, t *image.InstanceType) {
			s.object(func(key []byte) {
				if string(key) != "SupportedBootMode" {
					s.skip()
					return
				}
				s.array(func() { t.BootModes = append(t.BootModes, image.BootMode(s.word())) })
			})
		},
	}
}

// architecture turns DescribeInstanceTypes' word into DescribeImages'.
func architecture(word string) image.Architecture {
	switch word {
	case "X86":
		return image.X86_64
	case "ARM":
		return image.ARM64
	}
	return image.Architecture(word)
}

// neverYear is the one in which, says ECS, what is paid as one goes expires.
const neverYear = 2099

// instanceFields reads DescribeInstances' Instance.
func instanceFields() fields[image.Instance] {
	tags := tagFields()
	locks := fields[string]{"LockReason": func(s *scanner, lock *string) { *lock = s.word() }}
	return fields[image.Instance]{
		"RegionId":     func(s *scanner, i *image.Instance) { i.Region = image.RegionID(s.word()) },
		"ZoneId":       func(s *scanner, i *image.Instance) { i.Zone = image.ZoneID(s.word()) },
		"InstanceId":   func(s *scanner, i *image.Instance) { i.ID = image.InstanceID(s.str()) },
		"InstanceName": func(s *scanner, i *image.Instance) { i.Name = s.str() },
		"ImageId":      func(s *scanner, i *image.Instance) { i.Image = image.ID(s.word()) },
		"InstanceType": func(s *scanner, i *image.Instance) { i.Type = image.InstanceTypeID(s.word()) },
		"Status":       func(s *scanner, i *image.Instance) { i.Status = image.InstanceStatus(s.word()) },
		"OSType":       func(s *scanner, i *image.Instance) { i.OSType = image.OSType(s.word()) },
		"OSNameEn":     func(s *scanner, i *image.Instance) { i.OSName = either(s.word(), i.OSName) },
		"OSName":       func(s *scanner, i *image.Instance) { i.OSName = either(i.OSName, s.word()) },
		"Cpu":          func(s *scanner, i *image.Instance) { i.VCPUs = s.count() },
		"Memory":       func(s *scanner, i *image.Instance) { i.MemoryMiB = s.count() },
		"CreationTime": func(s *scanner, i *image.Instance) { i.CreatedAt = s.moment() },
		"ExpiredTime": func(s *scanner, i *image.Instance) {
			if at := s.moment(); at.Year() < neverYear {
				i.ExpiresAt = at
			}
		},
		"InstanceChargeType": func(s *scanner, i *image.Instance) { i.ChargeType = s.word() },
		"SpotStrategy":       func(s *scanner, i *image.Instance) { i.SpotStrategy = s.word() },
		"StoppedMode":        func(s *scanner, i *image.Instance) { i.StoppedMode = s.word() },
		"OperationLocks":     func(s *scanner, i *image.Instance) { i.Locks = rows(s, "LockReason", locks) },
		"Tags":               func(s *scanner, i *image.Instance) { i.Tags = readTags(s, tags) },
	}
}

// diskFields reads DescribeDisks' Disk.
func diskFields() fields[image.Disk] {
	tags := tagFields()
	return fields[image.Disk]{
		"RegionId":         func(s *scanner, d *image.Disk) { d.Region = image.RegionID(s.word()) },
		"ZoneId":           func(s *scanner, d *image.Disk) { d.Zone = image.ZoneID(s.word()) },
		"DiskId":           func(s *scanner, d *image.Disk) { d.ID = image.DiskID(s.str()) },
		"DiskName":         func(s *scanner, d *image.Disk) { d.Name = s.str() },
		"Type":             func(s *scanner, d *image.Disk) { d.System = s.word() == "system" },
		"Size":             func(s *scanner, d *image.Disk) { d.SizeGiB = s.count() },
		"Category":         func(s *scanner, d *image.Disk) { d.Category = s.word() },
		"Status":           func(s *scanner, d *image.Disk) { d.Status = s.word() },
		"ImageId":          func(s *scanner, d *image.Disk) { d.Image = image.ID(s.word()) },
		"InstanceId":       func(s *scanner, d *image.Disk) { d.Instance = image.InstanceID(s.str()) },
		"SourceSnapshotId": func(s *scanner, d *image.Disk) { d.SourceSnapshot = image.SnapshotID(s.str()) },
		"ProductCode":      func(s *scanner, d *image.Disk) { d.ProductCode = image.ProductCode(s.word()) },
		"Encrypted":        func(s *scanner, d *image.Disk) { d.Encrypted = s.tri() },
		"CreationTime":     func(s *scanner, d *image.Disk) { d.CreatedAt = s.moment() },
		"Tags":             func(s *scanner, d *image.Disk) { d.Tags = readTags(s, tags) },
	}
}

// snapshotFields reads DescribeSnapshots' Snapshot.
func snapshotFields() fields[image.Snapshot] {
	tags := tagFields()
	return fields[image.Snapshot]{
		"RegionId":                func(s *scanner, n *image.Snapshot) { n.Region = image.RegionID(s.word()) },
		"SnapshotId":              func(s *scanner, n *image.Snapshot) { n.ID = image.SnapshotID(s.str()) },
		"SnapshotName":            func(s *scanner, n *image.Snapshot) { n.Name = s.str() },
		"Status":                  func(s *scanner, n *image.Snapshot) { n.Status = s.word() },
		"SourceDiskId":            func(s *scanner, n *image.Snapshot) { n.SourceDisk = image.DiskID(s.str()) },
		"SourceDiskType":          func(s *scanner, n *image.Snapshot) { n.SourceSystemDisk = systemDisk(s.word()) },
		"SourceDiskSize":          func(s *scanner, n *image.Snapshot) { n.SourceDiskSizeGiB = s.count() },
		"SourceSnapshotId":        func(s *scanner, n *image.Snapshot) { n.SourceSnapshot = image.SnapshotID(s.str()) },
		"SourceRegionId":          func(s *scanner, n *image.Snapshot) { n.SourceRegion = image.RegionID(s.word()) },
		"ProductCode":             func(s *scanner, n *image.Snapshot) { n.ProductCode = image.ProductCode(s.word()) },
		"Usage":                   func(s *scanner, n *image.Snapshot) { n.Usage = s.word() },
		"Category":                func(s *scanner, n *image.Snapshot) { n.Category = s.word() },
		"Encrypted":               func(s *scanner, n *image.Snapshot) { n.Encrypted = s.tri() },
		"KMSKeyId":                func(s *scanner, n *image.Snapshot) { n.Key = either(s.str(), image.ServiceKey) },
		"SnapshotLinkId":          func(s *scanner, n *image.Snapshot) { n.LinkID = s.str() },
		"FullSnapshotSizeInBytes": func(s *scanner, n *image.Snapshot) { n.FullSizeBytes = s.whole() },
		"RetentionDays":           func(s *scanner, n *image.Snapshot) { n.RetentionDays = int(max(s.whole(), 0)) },
		"CreationTime":            func(s *scanner, n *image.Snapshot) { n.CreatedAt = s.moment() },
		"Tags":                    func(s *scanner, n *image.Snapshot) { n.Tags = readTags(s, tags) },
	}
}

// systemDisk: DescribeSnapshots writes "system" in the documents and "System"
// in some answers.
func systemDisk(word string) bool { return word == "system" || word == "System" }

// either returns the first unless it is empty. OSNameEn is preferred to
// OSName, which depends on the language asked for.
func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// account returns the next scalar as an account id; what is not empty and not
// decimal is a failure.
func (s *scanner) account() image.AccountID {
	id := s.word()
	for _, c := range []byte(id) {
		if c < '0' || c > '9' {
			s.fail()
			return ""
		}
	}
	return image.AccountID(id)
}

// rows reads {"<inner>":[row, row]} into a new slice of exact length.
func rows[T any](s *scanner, inner string, f fields[T]) []T {
	var room [4]T
	found := room[:0]
	s.object(func(key []byte) {
		if string(key) != inner {
			s.skip()
			return
		}
		s.array(func() {
			var row T
			f.read(s, &row)
			found = append(found, row)
		})
	})
	if len(found) == 0 {
		return nil
	}
	return append(make([]T, 0, len(found)), found...)
}

// tag is one tag on the wire.
type tag struct{ key, value string }

// tagFields reads a Tag: TagKey and TagValue in current answers, Key and Value
// in some older ones.
func tagFields() fields[tag] {
	key := func(s *scanner, t *tag) { t.key = s.word() }
	value := func(s *scanner, t *tag) { t.value = s.word() }
	return fields[tag]{"TagKey": key, "TagValue": value, "Key": key, "Value": value}
}

// readTags reads {"Tag":[…]}; no tags are nil.
func readTags(s *scanner, f fields[tag]) image.Tags {
	found := rows(s, "Tag", f)
	if len(found) == 0 {
		return nil
	}
	tags := make(image.Tags, len(found))
	for _, t := range found {
		tags[t.key] = t.value
	}
	return tags
}
