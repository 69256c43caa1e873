package ecsapi

// priceOperations tell what things cost and occupy.
func priceOperations() []operation {
	return []operation{
		{name: "DescribePrice", run: describePrice, takes: declared(`
			RegionId! Amount:int DataDisk.N.Category DataDisk.N.PerformanceLevel DataDisk.N.Size:int ImageId InstanceNetworkType
			InstanceType InternetChargeType InternetMaxBandwidthOut:int IoOptimized Period:int PriceUnit ResourceType
			SpotDuration:int SpotStrategy SystemDisk.Category SystemDisk.PerformanceLevel SystemDisk.Size:int ZoneId`)},
		{
			name: "DescribeSnapshotLinks", run: describeSnapshotLinks, lists: numbered,
			malformed: malformedLinks, takes: declared(`
			RegionId! DiskIds:ids InstanceId PageNumber:int PageSize:int SnapshotLinkIds:ids`),
		},
		{name: "DescribeSnapshotsUsage", run: describeSnapshotsUsage, takes: declared(`RegionId!`)},
	}
}

// malformedLinks is how DescribeSnapshotLinks refuses its two lists.
func malformedLinks(name string) *refusal {
	switch name {
	case "DiskIds":
		return refuse(400, "InvalidDiskIds", "The specified diskIds is invalid.")
	case "SnapshotLinkIds":
		return refuse(400, "InvalidSnapshotLinkIds", "The specified snapshotLinkIds is invalid.")
	}
	return invalidParameter(name)
}

// historyOperations make instances, disks and snapshots come, change and go.
func historyOperations() []operation {
	return []operation{
		{name: "RunInstances", run: runInstances, takes: declared(`
			RegionId! Amount:int AutoReleaseTime ClientToken DataDisk.N.Category DataDisk.N.DeleteWithInstance:bool DataDisk.N.DiskName
			DataDisk.N.PerformanceLevel DataDisk.N.Size:int DataDisk.N.SnapshotId DryRun:bool HostName ImageFamily ImageId
			InstanceChargeType InstanceName InstanceType InternetChargeType InternetMaxBandwidthOut:int IoOptimized KeyPairName
			LaunchTemplateId LaunchTemplateName LaunchTemplateVersion:int MinAmount:int Password PasswordInherit:bool Period:int PeriodUnit
			SecurityEnhancementStrategy SecurityGroupId SecurityGroupIds.N SpotStrategy SystemDisk.Category SystemDisk.DiskName
			SystemDisk.PerformanceLevel SystemDisk.Size:int Tag.N.Key Tag.N.Value UniqueSuffix:bool UserData VSwitchId ZoneId`)},
		{name: "DeleteInstance", run: deleteInstance, takes: declared(`
			InstanceId! DryRun:bool Force:bool ForceStop:bool TerminateSubscription:bool`)},
		{name: "DeleteInstances", run: deleteInstances, takes: declared(`
			RegionId! InstanceId.N! ClientToken DryRun:bool Force:bool ForceStop:bool TerminateSubscription:bool`)},
		{name: "StartInstance", run: startInstance, takes: declared(`InstanceId! DryRun:bool InitLocalDisk:bool`)},
		{name: "StopInstance", run: stopInstance, takes: declared(`
			InstanceId! ConfirmStop:bool DryRun:bool ForceStop:bool Hibernate:bool StoppedMode`)},
		{name: "RebootInstance", run: rebootInstance, takes: declared(`InstanceId! DryRun:bool ForceStop:bool`)},
		{name: "StartInstances", run: startInstances, takes: declared(`RegionId! InstanceId.N BatchOptimization DryRun:bool`)},
		{name: "StopInstances", run: stopInstances, takes: declared(`
			RegionId! InstanceId.N BatchOptimization DryRun:bool ForceStop:bool StoppedMode`)},
		{name: "ReplaceSystemDisk", run: replaceSystemDisk, perMinute: 200, takes: declared(`
			InstanceId! ImageId! Architecture ClientToken DiskId Encrypted:bool KMSKeyId KeyPairName LoginAsNonRoot:bool Password
			PasswordInherit:bool Platform SecurityEnhancementStrategy SystemDisk.Size:int UseAdditionalService:bool`)},
		{name: "CreateSnapshot", run: createSnapshot, takes: declared(`
			DiskId! Category ClientToken Description InstantAccess:bool InstantAccessRetentionDays:int ResourceGroupId
			RetentionDays:int SnapshotName Tag.N.Key Tag.N.Value Tag.N.key Tag.N.value`)},
		{name: "DeleteSnapshot", run: deleteSnapshot, takes: declared(`SnapshotId! Force:bool`)},
	}
}

// referenceOperations list what names images without running them.
func referenceOperations() []operation {
	return []operation{
		{name: "DescribeLaunchTemplates", run: describeLaunchTemplates, lists: numbered, takes: declared(`
			RegionId! LaunchTemplateId.N LaunchTemplateName.N PageNumber:int PageSize:int TemplateResourceGroupId
			TemplateTag.N.Key TemplateTag.N.Value`)},
		{name: "DescribeLaunchTemplateVersions", run: describeLaunchTemplateVersions, lists: numbered, takes: declared(`
			RegionId! DefaultVersion:bool DetailFlag:bool LaunchTemplateId LaunchTemplateName LaunchTemplateVersion.N:int
			MaxVersion:int MinVersion:int PageNumber:int PageSize:int`)},
		{name: "DescribeImagePipelines", run: describeImagePipelines, lists: countedTokens, takes: declared(`
			RegionId! ImagePipelineId.N MaxResults:int Name NextToken ResourceGroupId Tag.N.Key Tag.N.Value`)},
		{name: "DescribeImagePipelineExecutions", run: describeImagePipelineExecutions, lists: countedTokens, takes: declared(`
			RegionId! ExecutionId ImagePipelineId MaxResults:int NextToken Status Tag.N.Key Tag.N.Value`)},
		{product: ess(), name: "DescribeScalingGroups", run: describeScalingGroups, lists: numbered, takes: declared(`
			RegionId! GroupType PageNumber:int PageSize:int ResourceGroupId ScalingGroupId.N ScalingGroupName
			ScalingGroupName.N Tag.N.Key Tag.N.Value`)},
		{product: ess(), name: "DescribeScalingConfigurations", run: describeScalingConfigurations, lists: numbered, takes: declared(`
			RegionId! PageNumber:int PageSize:int ScalingConfigurationId.N ScalingConfigurationName.N ScalingGroupId`)},
	}
}
