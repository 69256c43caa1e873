// Package cloudsim is Alibaba Cloud's ECS, and the identities that call it, in
// memory: accounts by regions, with the states, defaults, quotas, paging styles
// and error codes that the vendor documents. It is behaviour only: the wire is
// scripts/local/ecsapi. Time comes from a clock that the caller holds.
package cloudsim

import (
	"time"

	"imagekeeper/shared/image"
)

// TimeSource tells the time; a *Clock of a test, or the machine's.
type TimeSource interface{ Now() time.Time }

// Options say what a cloud looks like. In the zero value changes are
// visible at once, and all goes by the machine's clock.
type Options struct {
	// Seed: the same seed gives the same ids, and the same company.
	Seed uint64
	// Clock is what states, visibility and expiry go by. Default: the machine's.
	Clock TimeSource
	// Visibility bounds how long a change may stay unseen by reads; 0: none.
	Visibility time.Duration
	// CreateTime and CopyTime are how long an image takes. Defaults 20 s, 40 s.
	CreateTime, CopyTime time.Duration
	// SnapshotTime is how long a snapshot takes, PowerTime how long an instance
	// takes to start, stop or be restarted. Defaults 20 s, 10 s.
	SnapshotTime, PowerTime time.Duration
	// BuildTime is how long a run of an image pipeline takes. Default 10 min.
	BuildTime time.Duration
	// ImportTime and ExportTime are how long those take, CheckTime the check of an
	// image. Defaults 20 min, 20 min, 5 min.
	ImportTime, ExportTime, CheckTime time.Duration
	// Speed divides the durations of everything that takes its time by itself.
	// Default 1.
	Speed int
	// EventsDelay is how long after a call LookupEvents knows of it. Default 10 min.
	EventsDelay time.Duration
	// TokenLife is how long a client token stands for its first request.
	// Default 24 h; no source says.
	TokenLife time.Duration
	// Quotas of an account; zero fields have the documented defaults.
	Quotas Quotas
	// Readings choose between behaviours that no source proves.
	Readings Readings
}

// Quotas are an account's limits; a zero field means its default.
type Quotas struct {
	// Images: custom images per region. Default 100; see Cloud.Load.
	Images int
	// Grants: accounts one image is shared with. Default 50.
	Grants int
	// GrantsReceived: images shared to one account per region. Default 100.
	GrantsReceived int
	// Families: non-empty image families per region. Default 100.
	Families int
	// FamilyImages: images per family. Default 100.
	FamilyImages int
	// Copies that run at once per destination region; more wait. Default 5.
	Copies int
}

// Readings: each field selects the other reading of something that no source
// proves; the zero value is the more likely one. They can be changed while the
// cloud is used; see Cloud.SetReadings.
type Readings struct {
	// DeniedListsEmpty: DescribeInstances and DescribeDisks without permission
	// answer an empty list, as until 2025-12-20, instead of being refused.
	DeniedListsEmpty bool `json:"deniedListsEmpty"`
	// DryRunSuccess: a passed dry run answers DRYRUN.SUCCESS, instead of
	// DryRunOperation.
	DryRunSuccess bool `json:"dryRunSuccess"`
	// DeleteMissingRefused: DeleteImage of an unknown id is InvalidImageId.NotFound,
	// instead of a success.
	DeleteMissingRefused bool `json:"deleteMissingRefused"`
	// NewRowsLate: new objects, too, become visible late, instead of at once.
	NewRowsLate bool `json:"newRowsLate"`
	// SharesLate: changes of share permissions, too, become visible late, instead
	// of at once.
	SharesLate bool `json:"sharesLate"`
	// TagsLate: changes of tags, too, become visible late, instead of at once.
	TagsLate bool `json:"tagsLate"`
	// FamiliesPlain: public images have no family, and others see the family of a
	// shared or community image as its owner does, instead of as acs:<name> and
	// acs:<owner>:<family>.
	FamiliesPlain bool `json:"familiesPlain"`
	// CopyKeepsFamily: a copy is in the family of its source, instead of in none.
	CopyKeepsFamily bool `json:"copyKeepsFamily"`
	// CancelLeavesImage: of an import that is cancelled the image is left as
	// CreateFailed, with its failed snapshot, instead of nothing.
	CancelLeavesImage bool `json:"cancelLeavesImage"`
	// TaskEndsFirst: the task of an import is Finished before the image is
	// Available, instead of after it.
	TaskEndsFirst bool `json:"taskEndsFirst"`
	// ImportSuffixChecked: ImportImage refuses objects that are not called .raw,
	// .img, .vhd, .qcow2 or .vmdk.
	ImportSuffixChecked bool `json:"importSuffixChecked"`
	// SnapshotKeepsAttributes: an image made from a snapshot has the platform,
	// architecture, boot mode, NVMe and metadata support of what the disk ran,
	// instead of the defaults.
	SnapshotKeepsAttributes bool `json:"snapshotKeepsAttributes"`
	// UsageKept: Usage stays "instance" after the last instance is gone.
	UsageKept bool `json:"usageKept"`
	// CopyKeepsTags: CopyImage copies the tags of the source.
	CopyKeepsTags bool `json:"copyKeepsTags"`
	// CopyHidesSource: snapshots made by CopyImage do not name their source.
	CopyHidesSource bool `json:"copyHidesSource"`
	// NamePrefix: ImageName matches the beginning of a name, instead of any part.
	NamePrefix bool `json:"namePrefix"`
	// SingleImageID: ImageId takes one id; a list of several matches nothing.
	SingleImageID bool `json:"singleImageId"`
	// ListingsAuthorised: DescribeImages of system and others' images needs the
	// permission, too.
	ListingsAuthorised bool `json:"listingsAuthorised"`
	// UnpublishRefused: IsPublic=false of an image that is not published is
	// Image.NotPublic, instead of no effect.
	UnpublishRefused bool `json:"unpublishRefused"`
	// MoreThanTenVoid: more than ten accounts in one list of
	// ModifyImageSharePermission void the list, instead of those beyond ten.
	MoreThanTenVoid bool `json:"moreThanTenVoid"`
	// TokenConflict403: CreateImage answers a reused token with
	// InvalidParamter.Conflict (403), instead of IdempotenceParamNotMatch (400).
	TokenConflict403 bool `json:"tokenConflict403"`
	// CopyConflictAnywhere: an image that is being copied to one region cannot
	// be copied to another at the same time.
	CopyConflictAnywhere bool `json:"copyConflictAnywhere"`
	// TagSearchWhole: a search by tags is not cut off at 1000 rows.
	TagSearchWhole bool `json:"tagSearchWhole"`
	// DryRunHidesDenial: a dry run of DescribeInstances passes even for a caller
	// who may not list instances, instead of being refused.
	DryRunHidesDenial bool `json:"dryRunHidesDenial"`
	// DryRunDeniedEmpty: such a dry run answers an empty list, instead of being
	// refused.
	DryRunDeniedEmpty bool `json:"dryRunDeniedEmpty"`
	// LicenceInInstanceType: DescribePrice has the licence inside the
	// instanceType row, instead of in the image row.
	LicenceInInstanceType bool `json:"licenceInInstanceType"`
	// PaidImagesUnpriced: DescribePrice answers 0 for the licence of paid images.
	PaidImagesUnpriced bool `json:"paidImagesUnpriced"`
	// MarketplaceInTradePrice: Price.TradePrice contains the Marketplace price,
	// instead of leaving it to RelatedPrice alone.
	MarketplaceInTradePrice bool `json:"marketplaceInTradePrice"`
	// DerivedMarketplaceUnpriced: RelatedPrice is filled for Marketplace images
	// only, not for custom and shared images made from them.
	DerivedMarketplaceUnpriced bool `json:"derivedMarketplaceUnpriced"`
	// PriceRowsAsDocumented: details are under ResourcePriceModel only and their
	// resources begin with a capital, as in the vendor's documents, instead of
	// under both keys as SDKs and clients have them.
	PriceRowsAsDocumented bool `json:"priceRowsAsDocumented"`
	// ChainsCompressed: a chain occupies less than its snapshots' full sizes,
	// even a chain of one.
	ChainsCompressed bool `json:"chainsCompressed"`
	// ReplaceStartsInstance: after ReplaceSystemDisk the instance starts by
	// itself, instead of staying Stopped.
	ReplaceStartsInstance bool `json:"replaceStartsInstance"`
	// ReplaceKeepsDiskSettings: the new system disk has name, description and what
	// goes with it from the old one, instead of the defaults.
	ReplaceKeepsDiskSettings bool `json:"replaceKeepsDiskSettings"`
	// ReplaceForgets: ReplaceSystemDisk leaves the instance without key pair and with
	// the metadata options of a new one, and the new disk with the usual performance
	// level, instead of with what was asked for and what was.
	ReplaceForgets bool `json:"replaceForgets"`
	// DefaultEncryptionFills: where new disks have to be encrypted, ReplaceSystemDisk
	// that does not say so encrypts, instead of being refused.
	DefaultEncryptionFills bool `json:"defaultEncryptionFills"`
	// PoliciesReplace: ApplyAutoSnapshotPolicy takes a disk's other policies away.
	PoliciesReplace bool `json:"policiesReplace"`
	// DeleteProgressingRefused: DeleteSnapshot of one that is still being taken is
	// refused, instead of giving it up.
	DeleteProgressingRefused bool `json:"deleteProgressingRefused"`
	// SnapshotsFreedLate: for half a minute after DeleteImage its snapshots are still
	// SnapshotCreatedImage.
	SnapshotsFreedLate bool `json:"snapshotsFreedLate"`
	// StandbyBelowLeast: EnterStandby is refused where fewer instances than MinSize
	// would be left in service.
	StandbyBelowLeast bool `json:"standbyBelowLeast"`
}

// Credential is what belongs to an access key id.
type Credential struct {
	Secret string
	// SecurityToken is empty for long-lived keys.
	SecurityToken string
	Caller        Caller
	// Expires is zero for long-lived keys.
	Expires time.Time
}

// Caller is who calls: an account's identity and what it may do.
type Caller struct {
	Account image.AccountID
	// Type is Account, RAMUser or AssumedRoleUser.
	Type string
	// Name is the user's, or "role/session".
	Name string
	// Allow are patterns of actions such as "ecs:DescribeImages" or
	// "ecs:Describe*"; nil allows everything. One that goes on with " on " and a
	// pattern of resources allows the actions on those: buckets and objects of OSS,
	// such as acs:oss:*:*:bucket/*, roles, such as acs:ram:*:*:role/name, and what
	// Scope tells of actions of ECS, such as acs:ecs:*:*:instance/*. What the other
	// actions are about is not looked at: of them only * allows any.
	Allow []string
	// Within, when not nil, narrows Allow: an action must match both.
	Within []string
}
