package alicloud

import "imagekeeper/shared/fault"

// makingCodes are those of operations that make, copy, export and delete images.
// That a call failed on the vendor's side is Unavailable: it may have been done.
func makingCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Unavailable: `ImportImageFailed ExportImageFailed CancelTaskFailed CreateSnapshot.Failed InvalidAliUid.IsNull`,
		fault.Forbidden:   `InvalidOSS.NotAuthorized NoSetRoletoECSServiceAcount NoSetRoletoECSServiceAccount InvalidUser.Unauthorized`,
		fault.NotFound: `InvalidTaskId.NotFound InvalidOSSBucket.NotFound InvalidOSSObject.NotFound DestinationRegion.NotFound
			SourceRegion.NotFound InvalidStorageLocation.NotFound InvalidParameter.KMSKeyId.NotFound`,
		fault.Conflict: `InvalidImageName.Duplicated OperationDenied.ImageCopyConflict IdempotenceParamNotMatch IdempotentProcessing
			InvalidParamter.Conflict InvalidOperation.Conflict Operation.Conflict`,
		fault.Exhausted: `QuotaExceed.Image QuotaExceed.Snapshot QuotaExceed.SnapshotQuota QuotaExceed.ConcurrentSnapshotQuota
			QuotaExceed.Tags ImageFamilyQuotaExceed ImageFamilyQuotaFull ImageQuotaExceed.ImageFamily ImageQuotaFull.ImageFamily
			ConcurrentQuotaExceed.ExportImage WeeklyQuotaExceed.ExportImage TooManySnapshot.Unfinished InvalidOSSBucket.FlowLimit`,
		fault.Precondition: `Account.Arrearage AccountForbidden.CreateOrder InvalidAccountStatus.NotEnoughBalance
			InvalidAccountStatus.OSSDisabled InvalidAccountStatus.SnapshotServiceUnavailable
			CancelNotSupported ImageCreatedNotFromCopy ImageIsExporting ImageIsImporting ImageIsPublic ImageNotSupported
			ImageStatus.NotAvailable ImageStatus.NotDeprecated ImageUseShared ImageUsingByInstance InvalidStatus.ImageIsCreating
			OperationDeined.ImageUsingByInstance OperationDenied.ImageCopying OperationDenied.CommunityImage
			OperationDenied.EncryptSnapshotAcrossRegion OperationDenied.KmsServiceUnauthorized
			OperationDenied.NonCompliantDestinationRegion OperationDenied.NotAuthorized OperationDenied.NotPublished
			OperationDenied.SameRegionOnly OperationDenied.InvalidSnapshotCategory RegionNotSupportCopy SizeExceed.Image
			IncorrectDestinationRegion InvalidRegion.NotSupport InvalidRegionId.NotSupportEncryptAlgorithm
			InvalidEncrypted.NotMatchDiskDefaultEncryption InvalidOperation.VhdImageUnsupported
			InvalidOperation.CloudBoxImageCopyUnsupported InvalidOperation.CloudBoxImageImportRoleRequired
			InvalidOperation.CloudBoxImageImportUnsupported InvalidOperation.DiskCategoryUnsupported
			InvalidOperation.FeaturesImdsSupportNotMatch InvalidOperation.SnapshotStorageLocationUnsupported
			InvalidParameter.DataEncryptedKeyCreateFailed InvalidParameter.KmsNotEnabled InvalidParameter.KMSKeyId.KMSUnauthorized
			InvalidImage.DiskAmountOrSize InvalidImageCategory.NotSupported InvalidImageFormat.RegionNotSupported
			InvalidImageLicense.NotSupported InvalidDiskCategory.CreateImage InvalidInstance.NotFoundSystemDisk
			InvalidOSSBucket.EncryptUnsupported InvalidOSSBucket.NotMatched InvalidOSSObject.NeedRestore InvalidOSSObject.Size
			InvalidVHDImage.IncorrectSize InvalidBlockSize.NotSupport ImageCheckUnsupported.WindowsImage
			InvalidSnapshot.TooOld InvalidSnapshotId.NotReady SnapshotNotReady InvalidSnapshotCategory.NotSupportImageCreation
			InvalidSystemSnapshot.Missing InvalidTaskId.IncorrectTaskStatus InvalidTaskId.TaskActionNotSupport`,
		fault.Invalid: `InvalidArchitecture.Malformed InvalidArchitecture.PlatformUnsupported InvalidBootMode.Malformed
			InvalidBootMode.NotSupport InvalidClientToken.Malformed InvalidDataDiskSize InvalidDescription.Malformed
			InvalidDevice.InUse InvalidDevice.Malformed InvalidEncryptAlgorithm InvalidEncrypted.NotMatchEncryptAlgorithm
			InvalidEncrypted.NotMatchKmsKeyId InvalidImageFamily.Malformed InvalidImageFormat.Malformed InvalidImageName.Malformed
			InvalidImageSize InvalidImageVersion.Malformed InvalidLicenseType.BYOLOnly InvalidLicenseType.NotSupported
			InvalidOSSBucket.Malformed InvalidOSSObject.Malformed InvalidOSSPrefix.Malformed InvalidOSType.Malformed
			InvalidParameter.AllEmpty InvalidParameter.DetectionStrategy InvalidParameter.DiskType InvalidParameter.EncryptedIllegal
			InvalidParameter.FeaturesImdsSupport InvalidParameter.Malformed InvalidPlatform.Malformed InvalidSize.ValueNotSupported
			MissingParameter.DiskDeviceMapping UnsupportedSuffix.OSSObject Duplicate.TagKey TagKey.Duplication
			InvalidTagKey.Malformed InvalidTagValue.Malformed`,
	}
}

// machineCodes are those of operations on instances, disks and snapshots.
func machineCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Unavailable: `LimitedOperation.ServiceUnavailable InternalError.Dispatch`,
		fault.Throttled:   `Throttling.Resource`,
		fault.NotFound: `NoSuchResource InvalidInstanceIds.NotFound InvalidVolumeId.NotFound InvalidCapacityReservationId.NotFound
			InvalidKeyPairName.NotFound InvalidKeyPair.NotFound InvalidVSwitchId.NotFound InvalidAutoSnapshotPolicyId.NotFound
			InvalidInstance.NotFound InvalidSnapshotLock.NotFound InvalidLaunchTemplateVersion.NotFound`,
		fault.Conflict: `OperationDenied.CreatingConflict InvalidOperation.AutoSnapshotPolicyConflict`,
		fault.Exhausted: `QuotaExceed.ElasticQuota QuotaExceed.PostPaidDisk QuotaExceed.AfterpayInstance QuotaExceed.DiskCapacity
			QuotaExceeded.PrivateIpAddress QuotaExceeded.InternetBandwidth SecurityGroupInstanceLimitExceed
			QuotaExceed.AppliedAutoSnapshotPolicyQuota Invocation.ExceedQuota CmdCount.ExceedQuota`,
		fault.Forbidden: `InvalidUser.PassRoleForbidden Operation.Forbidden OperationDenied.ResourceControl`,
		fault.Precondition: `DISK_HAS_CREATING_SNAPSHOT DiskCategory.OperationNotSupported PartofDiskCategory.OperationNotSupported
			DiskCreatingSnapshot DiskError DiskId.ValueNotSupported DiskInArrears HibernationConfigured.InstanceOperationForbidden
			INST_HAS_UNPAID_ORDER OperationDenied.UnpaidOrder
			IncorrectDiskStatus IncorrectDiskStatus.CreatingSnapshot IncorrectDiskStatus.Invalid IncorrectDiskStatus.NeverAttached
			IncorrectDiskStatus.NeverUsed IncorrectDiskStatus.Transferring IncorrectDiskType.NotSupport IncorrectVolumeStatus
			IncorrectInstanceStatus IncorrectInstanceStatus.NeedRestart IncorrectInstanceStatus.Initializing
			InstanceExpired InstanceExpiredOrInArrears InstanceLockedForSecurity InstanceNotReady
			Invalid.PrivatePoolOptions.NoStock InvalidDedicatedHost.NotEnoughResource LackResource OperationDenied.NoStock
			OperationDenied.HostRepairing OperationDenied.SpotPriceLowerThanPublicPrice OperationDenied.SystemInstanceNotSupport
			OperationDenied.ImageNotValid OperationDenied.InstanceCreating OperationDenied.InconsistentNetwork
			InvalidInstanceId.NotSupport InvalidOperation.DeletionProtection InvalidOperation.EniLinked
			DependencyViolation.SLBConfiguring DependencyViolation.RouteEntry
			InvalidDatadisk.DiskCategoryViolation InvalidDatadisk.DiskStatusViolation InvalidSystemDiskStatus.IsTransfering
			InvalidSystemDiskSize.ImageNotSupportResize ResourcesNotInSameZone InvalidParameter.NotMatch
			InvalidOperation.DeleteSharedSnapshotUnsupported InvalidOperation.RelatedSnapshotNotFinished
			InvalidOperation.ResourceManagedByCloudProduct InvalidOperation.UnfinishedEncryptedSnapshotCopy
			InvalidOperation.KMSKeyIdNotFound InvalidOperation.KMSServiceNotOpen InvalidParameter.Encrypted.KmsNotEnable
			InvalidParameter.UnauthorizedStorageLocationArn InvalidRegion.NotSupportSnapshotInstantAccessRegion
			SnapshotCreatedDisk SnapshotCreatedImage
			InvalidInstanceType.ZoneNotSupported Zone.NotOnSale InvalidResourceType.NotSupported CategoryNotSupported
			ResourceNotAvailable PaymentMethodNotFound InvalidImage.NotSupported InvalidImageFamily.MissingAvailableImage
			ImageNotSupportCloudInit IncorrectVSwitchStatus InvalidEncrypted.NotMatchSnapshot
			InvalidInstance.NotMatch NotSupported RegionId.ApiNotSupported`,
		fault.Invalid: `Abs.InvalidInstanceIds.MalFormed DependencyViolation.IoOptimize InstanceType.ParameterMismatch
			InvalidCategoryAndInstantAccess.Malformed InvalidInstantAccessRetentionDays.Malformed InvalidPassword.Malformed
			InvalidPasswordParam.Mismatch InvalidRetentionDays.Malformed InvalidSnapshotName.Malformed InvalidSystemDiskSize
			InvalidParameter.TooManyInstanceIds InvalidParameter.Mismatch MissingParameter.Architecture MissingParameter.Platform
			InvalidAutoReleaseTime.Malformed InvalidAutoPay.PostPaidUnsupported InvalidSpotParam.EmptyZoneID
			InvalidParam.EncryptedMismatch UnexpectedImageFamily.ImageIdSupplied ParameterInvalid
			MissingParam.InstanceId CmdContent.DecodeError CmdContent.ExceedLimit InstanceIds.ExceedLimit InvalidTimeout.ExceedLimit
			InvalidCmdType.NotFound InvalidResourceTag.ConflictWithInstanceIds`,
	}
}

// tagCodes are those of TagResources and its siblings, whose statuses are their own.
func tagCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.NotFound:     `InvalidResourceId.NotFound`,
		fault.Exhausted:    `OperationDenied.QuotaExceed`,
		fault.Forbidden:    `NoPermission.Tag NoPermissionKey.Scope PermissionDenied.Scope PermissionDenied.TagOwnerBid PermissionDenied.TagOwnerUid`,
		fault.Precondition: `InvalidResourceId.NotSupported`,
		fault.Invalid: `BothEmpty.TagsAndResources Invalid.Scope NumberExceed.ResourceIds NumberExceed.TagValues NumberExceed.Tags
			MissingParameter.RegionId MissingParameter.ResourceIds MissingParameter.ResourceType MissingParameter.TagOwnerBid
			MissingParameter.TagOwnerUid MissingParameter.Tags Param.Conflict`,
	}
}

// scalingCodes are those of Auto Scaling's changes, and of RAM.
func scalingCodes() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.NotFound: `InvalidScalingGroupId.NotFound InvalidScalingConfigurationId.NotFound EntityNotExist.Policy
			EntityNotExist.Policy.Version EntityNotExist.Role.Policy`,
		fault.Conflict:     `ScalingActivityInProgress InvalidScalingConfigurationName.Duplicate`,
		fault.Exhausted:    `QuotaExceeded.ScalingConfiguration`,
		fault.Precondition: `IncorrectScalingGroupStatus InvalidImageId.InstanceTypeMismatch IncorrectScalingConfigurationLifecycleState InstanceInUse`,
		fault.Invalid:      `InvalidParameter.Conflict InvalidParameter.RoleName.InvalidChars InvalidParameter.RoleName.Length`,
	}
}
