package ecsapi

import "cmp"

// product is one API: a name and the version by which calls name it.
type product struct{ name, version string }

func ecs() product      { return product{"Ecs", "2014-05-26"} }
func sts() product      { return product{"Sts", "2015-04-01"} }
func location() product { return product{"Location", "2015-06-12"} }
func ess() product      { return product{"Ess", "2014-08-28"} }

func actionTrail() product { return product{"Actiontrail", "2020-07-06"} }
func ram() product         { return product{"Ram", "2015-05-01"} }
func quotas() product      { return product{"Quotas", "2020-05-10"} }
func kms() product         { return product{"Kms", "2016-01-20"} }
func vpc() product         { return product{"Vpc", "2016-04-28"} }

// productOf finds the product by its version. An unknown version is taken for
// ECS, without a version, so that the error can name a host.
func productOf(version string) product {
	for _, p := range []product{ecs(), sts(), location(), ess(), actionTrail(), ram(), quotas(), kms(), vpc()} {
		if p.version == version {
			return p
		}
	}
	return product{name: ecs().name}
}

// hostID is the vendor's host that would have answered.
func (p product) hostID(region string) string {
	switch {
	case p.name == sts().name:
		return "sts.aliyuncs.com"
	case p.name == location().name:
		return "location-readonly.aliyuncs.com"
	case p.name == ram().name:
		return "ram.aliyuncs.com"
	case p.name == quotas().name:
		return "quotas.aliyuncs.com"
	case p.name == ess().name:
		return "ess.aliyuncs.com"
	case p.name == functionCompute().name:
		return "fc.aliyuncs.com"
	case p.name == kms().name:
		return "kms." + cmp.Or(region, "cn-hangzhou") + ".aliyuncs.com"
	case p.name == vpc().name:
		return "vpc." + cmp.Or(region, "cn-hangzhou") + ".aliyuncs.com"
	case p.name == actionTrail().name:
		return "actiontrail." + cmp.Or(region, "cn-hangzhou") + ".aliyuncs.com"
	case region == "":
		return "ecs.aliyuncs.com"
	}
	return "ecs." + region + ".aliyuncs.com"
}

// listKind says how an operation lists.
type listKind int

// The kinds: no list, a list without pages, pages by number with a TotalCount,
// pages by token without and with one.
const (
	noList listKind = iota
	wholeList
	numbered
	bareTokens
	countedTokens
)

// defaultRate is the calls per minute of the operations whose rate the vendor
// does not publish; shared/alicloud assumes as much.
const defaultRate = 500

// operation is one row of the table that drives everything: what it is
// called, what it takes, how often it may be called, and what it does.
type operation struct {
	product product
	// also is another product that has the operation by the same name.
	also  product
	name  string
	takes []parameter
	lists listKind
	// perMinute is the documented rate of an account.
	perMinute int
	// missing and malformed refuse a parameter in the operation's own way.
	missing   func(row string) *refusal
	malformed func(name string) *refusal
	run       func(*call) (answer, error)
}

// operations are all operations by name.
func operations() map[string]*operation {
	all := map[string]*operation{}
	for _, group := range [][]operation{
		identityOperations(), placeOperations(), imageOperations(), imageChanges(), tagOperations(), serverOperations(),
		priceOperations(), historyOperations(), referenceOperations(), trailOperations(), keyOperations(), rolloutOperations(), importOperations(),
		roleOperations(), bootOperations(), networkOperations(),
	} {
		for _, op := range group {
			all[op.name] = completed(op)
		}
	}
	return all
}

// completed fills in what most operations have in common.
func completed(op operation) *operation {
	if op.product == (product{}) {
		op.product = ecs()
	}
	if op.perMinute == 0 {
		op.perMinute = defaultRate
	}
	if op.missing == nil {
		op.missing = missingParameter
	}
	if op.malformed == nil {
		op.malformed = invalidParameter
	}
	return &op
}

func identityOperations() []operation {
	return []operation{
		{product: sts(), name: "GetCallerIdentity", run: getCallerIdentity},
		{
			product: sts(), name: "AssumeRole", run: assumeRole,
			takes: declared(`RoleArn! RoleSessionName! DurationSeconds:int ExternalId Policy`),
		},
		{
			product: location(), name: "DescribeEndpoints", run: describeEndpoints, lists: wholeList,
			takes: declared(`Id! ServiceCode! Type`),
		},
	}
}

func placeOperations() []operation {
	return []operation{
		{
			name: "DescribeRegions", run: describeRegions, lists: wholeList,
			takes: declared(`AcceptLanguage InstanceChargeType ResourceType`),
		},
		{
			name: "DescribeZones", run: describeZones, lists: wholeList,
			takes: declared(`RegionId! AcceptLanguage InstanceChargeType SpotStrategy Verbose:bool`),
		},
		{name: "DescribeInstanceTypes", run: describeInstanceTypes, lists: bareTokens, takes: declared(`
			CpuArchitecture InstanceTypeFamily InstanceTypeFamilies.N InstanceTypes.N MaxResults:int NextToken NvmeSupport RegionId`)},
	}
}

func imageOperations() []operation {
	return []operation{
		{name: "DescribeImages", run: describeImages, lists: numbered, perMinute: 1000, takes: declared(`
			RegionId! ActionType Architecture DryRun:bool Filter.N.Key Filter.N.Value ImageFamily ImageId:list ImageName
			ImageOwnerAlias ImageOwnerId:int64 InstanceType IsPublic:bool IsSupportCloudinit:bool IsSupportIoOptimized:bool
			OSType PageNumber:int PageSize:int ResourceGroupId ShowExpired:bool SnapshotId Status:list
			Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value Usable:bool Usage`)},
		{name: "DescribeImageFromFamily", run: describeImageFromFamily, takes: declared(`ImageFamily! RegionId!`)},
		{
			name: "DescribeImageSupportInstanceTypes", run: describeImageSupportInstanceTypes, lists: wholeList,
			takes: declared(`RegionId! ActionType Filter.N.Key Filter.N.Value ImageId`),
		},
		{
			name: "DescribeImageSharePermission", run: describeImageSharePermission, lists: numbered,
			takes: declared(`ImageId! RegionId! PageNumber:int PageSize:int`),
		},
	}
}

func imageChanges() []operation {
	return []operation{
		{name: "CreateImage", run: createImage, takes: declared(`
			RegionId! Architecture BootMode ClientToken Description DetectionStrategy
			DiskDeviceMapping.N.Device DiskDeviceMapping.N.DiskType DiskDeviceMapping.N.Size:int DiskDeviceMapping.N.SnapshotId
			DryRun:bool Features.ImdsSupport ImageFamily ImageName ImageVersion InstanceId Platform ResourceGroupId SnapshotId
			Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value`)},
		{name: "CopyImage", run: copyImage, takes: declared(`
			ImageId! RegionId! ClientToken DestinationDescription DestinationImageName DestinationRegionId DryRun:bool
			EncryptAlgorithm Encrypted:bool KMSKeyId ResourceGroupId Tag.N.Key Tag.N.Value`)},
		{name: "CancelCopyImage", run: cancelCopyImage, takes: declared(`ImageId! RegionId!`)},
		{name: "DeleteImage", run: deleteImage, takes: declared(`ImageId! RegionId! DryRun:bool Force:bool`)},
		{name: "ModifyImageAttribute", run: modifyImageAttribute, takes: declared(`
			ImageId! RegionId! BootMode Description DryRun:bool Features.ImdsSupport Features.NvmeSupport
			ImageFamily ImageName LicenseType Status`)},
		{name: "ModifyImageSharePermission", run: modifyImageSharePermission, takes: declared(`
			ImageId! RegionId! AddAccount.N DryRun:bool IsPublic:bool LaunchPermission RemoveAccount.N`)},
	}
}

func tagOperations() []operation {
	return []operation{
		{name: "TagResources", run: tagResources, missing: missingInTags, takes: declared(`
			RegionId! ResourceId.N! ResourceType! Tag.N.Key! Tag.N.Value`)},
		{name: "UntagResources", run: untagResources, missing: missingInTags, takes: declared(`
			RegionId! ResourceId.N! ResourceType! All:bool TagKey.N`)},
		{name: "JoinResourceGroup", run: joinResourceGroup, takes: declared(`
			RegionId! ResourceGroupId! ResourceId! ResourceType!`)},
		{name: "AddTags", run: addTags, takes: declared(`
			RegionId! ResourceId! ResourceType! Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value`)},
		{name: "RemoveTags", run: removeTags, takes: declared(`
			RegionId! ResourceId! ResourceType! Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value`)},
		{name: "ListTagResources", run: listTagResources, missing: missingInTags, lists: bareTokens, takes: declared(`
			RegionId! ResourceType! NextToken ResourceId.N Tag.N.Key Tag.N.Value TagFilter.N.TagKey TagFilter.N.TagValues.N`)},
		{name: "DescribeTags", run: describeTags, lists: numbered, takes: declared(`
			RegionId! Category PageNumber:int PageSize:int ResourceId ResourceType Tag.N.Key Tag.N.Value`)},
	}
}

func serverOperations() []operation {
	return []operation{
		{name: "DescribeInstances", run: describeInstances, lists: countedTokens, takes: declared(`
			RegionId! AdditionalAttributes.N DryRun:bool Filter.N.Key Filter.N.Value ImageId InstanceChargeType InstanceIds:ids InstanceName
			InstanceNetworkType InstanceType LockReason MaxResults:int NextToken PageNumber:int PageSize:int ResourceGroupId
			SecurityGroupId Status Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value VSwitchId VpcId ZoneId`)},
		{name: "DescribeInstanceStatus", run: describeInstanceStatus, lists: numbered, takes: declared(`
			RegionId! InstanceId.N PageNumber:int PageSize:int ZoneId`)},
		{
			name: "DescribeDisks", run: describeDisks, lists: countedTokens, missing: missingInDisks,
			malformed: malformedIDs("DiskIds", refuse(400, "InvalidParameter.DiskIds", "The specified parameter diskIds is not valid.")),
			takes: declared(`
			RegionId! AdditionalAttributes.N AutoSnapshotPolicyId Category DiskChargeType DiskIds:ids DiskName DiskType DryRun:bool Encrypted:bool Filter.N.Key Filter.N.Value
			InstanceId MaxResults:int NextToken PageNumber:int PageSize:int ResourceGroupId SnapshotId Status
			Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value ZoneId`),
		},
		{
			name: "DescribeSnapshots", run: describeSnapshots, lists: countedTokens,
			malformed: malformedIDs("SnapshotIds", refuse(403, "InvalidSnapshotIds.Malformed", "The specified SnapshotIds is not valid.")),
			takes: declared(`
			RegionId! Category DiskId DryRun:bool Encrypted:bool Filter.N.Key Filter.N.Value InstanceId MaxResults:int NextToken
			PageNumber:int PageSize:int ResourceGroupId SnapshotIds:ids SnapshotName SnapshotType SourceDiskType Status
			Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value Usage`),
		},
	}
}
