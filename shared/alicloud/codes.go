package alicloud

import (
	"net/http"
	"strings"

	"imagekeeper/shared/fault"
)

// codes turn what ECS and STS say when they refuse into kinds of failure. It
// is the only place that does.
type codes struct {
	exact map[string]fault.Kind
	// families are prefixes, tried in order, of codes that carry a suffix.
	families []family
}

// family is all codes that are prefix or begin with prefix and a dot.
type family struct {
	prefix string
	kind   fault.Kind
}

// newCodes builds the table. Source: the error tables of the operations used
// here and the common table of the ECS API reference; spelling is the vendor's.
func newCodes() *codes {
	exact := make(map[string]fault.Kind)
	for _, table := range codeTables() {
		for kind, list := range table {
			for _, code := range strings.Fields(list) {
				exact[code] = kind
			}
		}
	}
	return &codes{exact: exact, families: codeFamilies()}
}

// codeTables are all codes, by kind.
func codeTables() []map[fault.Kind]string {
	return []map[fault.Kind]string{
		exactCodes(), referenceCodes(), priceCodes(), shareCodes(), quotaCodes(), makingCodes(), machineCodes(), tagCodes(), scalingCodes(),
	}
}

// exactCodes are the codes of identities, and of what lists images and servers.
func exactCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Throttled: `Throttling Throttling.User Throttling.Api Throttling.ConcurrentLimitExceeded Rejected.Throttling`,
		fault.Unavailable: `InternalError ServiceUnavailable ServiceUnavailable.RegionMaintaining UnknownError
			SignatureNonceUsed InvalidTimeStamp.Expired IllegalTimestamp`,
		fault.Unauthenticated: `InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive Forbidden.AccessKeyDisabled
			SignatureDoesNotMatch IncompleteSignature MissingSecurityToken InvalidSecurityToken.Expired
			InvalidSecurityToken.Malformed InvalidSecurityToken.MismatchWithAccessKey`,
		fault.Forbidden: `Forbidden.RAM Forbidden.SubUser Forbidden.Unauthorized Forbidden.NotSupportRAM
			Forbidden.RiskControl NoPermission Unauthorized.EmptyRegion RealNameAuthenticationError
			UserNotInTheWhiteList CurrentAccount.NotSupportPublicImage`,
		fault.NotFound: `InvalidImageId.NotFound InvalidInstanceId.NotFound InvalidDiskId.NotFound
			InvalidSnapshotId.NotFound InvalidSnapshot.NotFound InvalidSnapshotLinkId.NotFound
			InvalidSecurityGroupId.NotFound InvalidRegionId.NotFound InvalidRegion.NotFound InvalidZoneId.NotFound
			InvalidAccount.NotFound InvalidHpcClusterId.NotFound EntityNotExist.Role Forbidden.KeyNotFound`,
		fault.Invalid: `InvalidParameter InvalidParamater InvalidParamter InvalidParameter.IsNull InvalidParameter.OwnerAccount
			InvalidParameter.DiskIds InvalidParameter.RoleArn InvalidParameter.RoleSessionName InvalidParameter.DurationSeconds
			MissingParameter MissingParamter.RegionId IncompleteParamter UnsupportedParameter
			InvalidImageOwnerAlias.ValueNotSupported InvalidImageOwnerAlias.PublicImageUnsupported
			InvalidOperation.ImageOwnerIdUnsupported InvalidInstanceType.ValueNotSupported InvalidUsage InvalidOSType
			InvalidArchitecture InvalidFilterKey.NotFound InvalidFilterValue InvalidFilterValue.NetworkType
			InvalidTag.Mismatch InvalidTagCount InvalidStatus.NotFound InvalidStatus.ValueNotSupported
			InvalidInstanceChargeType.NotFound InvalidInternetChargeType.ValueNotSupported InvalidLockReason.NotFound
			InvalidNetworkType.NotFound InvalidDiskType.ValueNotSupported InvalidCategory.ValueNotSupported
			InvalidDiskIds.Malformed InvalidDiskIds.ValueNotSupported InvalidDiskChargeType.NotFound
			InvalidSnapshotIds.Malformed InvalidSnapshotCategory.Malformed InvalidSourceDiskType
			InvalidSnapshotType.NotFound Invalid.InstanceChargeType InvalidAcceptLanguage.NotFound
			InvalidResourceType.NotFound`,
		fault.Precondition: `InsufficientBalance ChargeTypeViolation InvalidHpcClusterId.Creating`,
		fault.Conflict: `OperationConflict LastTokenProcessing IdempotentParameterMismatch
			InvalidIdempotenceParameter.Mismatch`,
		fault.Internal: `InvalidAction InvalidAction.NotFound InvalidVersion InvalidTimeStamp.Format
			UnsupportedHTTPMethod DryRunOperation DRYRUN.SUCCESS`,
	}
}

// referenceCodes are the codes of what lists launch templates and pipelines.
func referenceCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Unavailable: `InnerServiceFailed`,
		fault.NotFound:    `InvalidLaunchTemplate.NotFound InvalidImagePipeline.NotFound InvalidRegion.NotExist`,
		fault.Invalid:     `Invalid.NextToken`,
	}
}

// priceCodes are those of DescribePrice. That an image has no price is not a
// lack of permission, whatever the status.
func priceCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Forbidden: `Forbbiden InvalidAction.Unauthorized RegionUnauthorized`,
		fault.NotFound: `PriceNotFound InvalidMarketImage.NotFound Invalid.InstanceId.NotFound InvalidDiskIds.NotFound
			InvalidSystemDisk.NotFound InvalidResourceGroup.NotFound`,
		fault.Precondition: `ImageNotSubscribed ImageRemovedInMarket ImageNotSupportInstanceType IncorrectImageStatus
			InstanceType.Offline InvalidChargeType.MarketImage InvalidInstanceType.NotSupported
			InvalidInstanceType.ValueUnauthorized InvalidSystemDiskCategory.ValueUnauthorized IoOptimized.NotSupported
			OperationDenied OperationDenied.TestAccountRetricted PrePaidInstance.Expired QuotaExceed.BuyImage`,
		fault.Exhausted: `QuotaExceed.PortableCloudDisk`,
		fault.Invalid: `DependencyViolation.IoOptimized EncryptedOption.Conflict InstanceDiskCategoryLimitExceed
			InstanceDiskNumLimitExceed InstanceDiskNumber.LimitExceed Invalid.ZoneId InvalidAmount.Malformed
			InvalidDataDiskCategory.ValueNotSupported InvalidDataDiskSize.ValueNotSupported InvalidDiskCategory.Mismatch
			InvalidDiskCategory.Missing InvalidDiskCategory.NotSupported InvalidDiskCategory.ValueNotSupported
			InvalidDiskIds.NotPortable InvalidDiskSize.TooSmall InvalidInstanceType.Missing
			InvalidInternetMaxBandwidthOut.ValueNotSupported InvalidIoOptimizedValue.ValueNotSupported
			InvalidNetworkType.Mismatch InvalidNetworkType.ValueNotSupported InvalidPeriod
			InvalidPriceUnit.ValueNotSupported InvalidResourceType.ValueNotSupported
			InvalidSystemDiskCategory.ValueNotSupported InvalidSystemDiskSize.LessThanImageSize
			InvalidSystemDiskSize.LessThanMinSize InvalidSystemDiskSize.MoreThanMaxSize
			InvalidSystemDiskSize.ValueNotSupported`,
	}
}

// shareCodes are those of ModifyImageSharePermission: most say of the image why
// it cannot be shared, with a status that elsewhere means a denial.
func shareCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Forbidden: `ForbiddenParameter.LaunchPermission`,
		fault.Exhausted: `QuotaExceed.ShareImage QuotaExceed.ShareImageUser`,
		fault.Precondition: `AssumeRoleError CurrentRegion.NotSupportPublicImage Image.NotPublic Image.Public
			ImageDescription.ContainsSensitiveWords ImageName.ContainsSensitiveWords InvalidImageId.BidMismatch
			InvalidOperation.ServiceKeyEncryptedImageUnsupported InvalidParameter.KMSKeyId.CMKNotEnabled
			InvalidParameter.KMSKeyId.CMKUnauthorized OperationDeined.EncryptedSnapshot OperationDeined.FullImage
			OperationDenied.InvalidImageStatus PublicImageAgreement.NotSigned`,
		fault.Invalid: `InvalidAccount.Forbbiden InvalidGroup.Malformed UnnecessaryParameter.LaunchPermission`,
	}
}

// quotaCodes are those of Quota Center, which answers every refusal with 400.
func quotaCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.NotFound:    `QUOTA.NOT.FOUND DIMENSIONGROUP.NOT.FOUND`,
		fault.Forbidden:   `RAM.PERMISSION.DENIED RAM.VERIFICATION.ERROR`,
		fault.Throttled:   `ACQUIRE.LOCK.FAIL`,
		fault.Unavailable: `BUSINESS.ERROR`,
		fault.Invalid: `QUOTA.DIMENSION.MISS QUOTA.DIMENSION.UNSUPPORT QUOTA.DIMENSION.VALUE.UNSUPPORT CATEGORY.NOT.SUPPORTED
			MissingProductCode PARAMETER.ILLEGALL`,
	}
}

// codeFamilies lists prefixes whose suffixes vary or are not all documented.
func codeFamilies() []family {
	return []family{
		{"Throttling", fault.Throttled},
		{"Forbidden", fault.Forbidden},
		{"NoPermission", fault.Forbidden},
		{"InvalidSecurityToken", fault.Unauthenticated},
		{"InvalidAccessKeyId", fault.Unauthenticated},
		{"ServiceUnavailable", fault.Unavailable},
		{"InternalError", fault.Unavailable},
		{"InvalidParameter", fault.Invalid},
		{"MissingParameter", fault.Invalid},
	}
}

// kind returns the kind of a refusal. What the table does not know goes by
// status, as far as a status alone can tell: what the vendor calls its own
// failure is Unavailable, a denial Forbidden; any other refusal of a call that
// we composed is a defect of ours.
func (c *codes) kind(status int, code string) fault.Kind {
	kind := c.named(status, code)
	if status >= 500 && kind != fault.Throttled {
		return fault.Unavailable // what ECS failed at it may have done, whatever the code is elsewhere
	}
	return kind
}

// named is the kind by the code, or by the status where no table has that.
func (c *codes) named(status int, code string) fault.Kind {
	if kind, ok := c.exact[code]; ok {
		return kind
	}
	for _, f := range c.families {
		if rest, ok := strings.CutPrefix(code, f.prefix); ok && (rest == "" || rest[0] == '.') {
			return f.kind
		}
	}
	switch {
	case status >= 500:
		return fault.Unavailable
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status == http.StatusUnauthorized:
		return fault.Unauthenticated
	case status == http.StatusForbidden:
		return fault.Forbidden
	}
	return fault.Internal
}
