package ecsapi

// rolloutOperations are about what goes with a system disk that is replaced: key
// pairs, snapshot policies and locks, attributes of disks and instances, launch
// templates, scaling groups and image pipelines as they are made and changed.
func rolloutOperations() []operation {
	var all []operation
	for _, group := range [][]operation{keyPairOperations(), snapshotOperations(), diskOperations(), attributeOperations(), templateOperations(), scalingOperations(), pipelineOperations()} {
		all = append(all, group...)
	}
	return all
}

func keyPairOperations() []operation {
	return []operation{
		{name: "CreateKeyPair", run: createKeyPair, takes: declared(`RegionId! KeyPairName! KeyType ResourceGroupId Tag.N.Key Tag.N.Value`)},
		{name: "ImportKeyPair", run: importKeyPair, takes: declared(`RegionId! KeyPairName! PublicKeyBody! ResourceGroupId Tag.N.Key Tag.N.Value`)},
		{name: "DescribeKeyPairs", run: describeKeyPairs, lists: numbered, takes: declared(`
			RegionId! IncludePublicKey:bool KeyPairFingerPrint KeyPairName PageNumber:int PageSize:int ResourceGroupId Tag.N.Key Tag.N.Value`)},
		{name: "DeleteKeyPairs", run: deleteKeyPairs, malformed: malformedIDs("KeyPairNames", refuse(400, "InvalidKeyPairNames.ValueNotSupported", "The specified parameter KeyPairNames is not supported.")), takes: declared(`RegionId! KeyPairNames:ids!`)},
		{name: "AttachKeyPair", run: attachKeyPair, malformed: unsupportedIDs, takes: declared(`RegionId! KeyPairName! InstanceIds:ids!`)},
		{name: "DetachKeyPair", run: detachKeyPair, malformed: unsupportedIDs, takes: declared(`RegionId! KeyPairName! InstanceIds:ids!`)},
	}
}

func snapshotOperations() []operation {
	// The vendor writes these parameters in both ways, and clients send both.
	const policy = `regionId autoSnapshotPolicyId diskIds:ids AutoSnapshotPolicyId DiskIds:ids RegionId`
	invalid := func(string) *refusal {
		return refuse(403, "ParameterInvalid", "The parameter is invalid, missing or malformed.")
	}
	return []operation{
		{name: "DescribeAutoSnapshotPolicyEx", run: describePolicies, lists: numbered, takes: declared(`
			RegionId! AutoSnapshotPolicyId AutoSnapshotPolicyName PageNumber:int PageSize:int ResourceGroupId Tag.N.Key Tag.N.Value`)},
		{name: "DescribeAutoSnapshotPolicyAssociations", run: describeAssociations, lists: bareTokens, takes: declared(`
			RegionId! AutoSnapshotPolicyId DiskId MaxResults:int NextToken`)},
		{name: "ApplyAutoSnapshotPolicy", run: applyPolicy, malformed: invalid, takes: declared(policy)},
		{name: "CancelAutoSnapshotPolicy", run: cancelPolicy, malformed: invalid, takes: declared(policy)},
		{name: "LockSnapshot", run: lockSnapshot, takes: declared(`
			RegionId! SnapshotId! LockMode! LockDuration:int! CoolOffPeriod:int! ClientToken DryRun:bool`)},
		{name: "UnlockSnapshot", run: unlockSnapshot, takes: declared(`RegionId! SnapshotId! ClientToken DryRun:bool`)},
		{name: "DescribeLockedSnapshots", run: describeLockedSnapshots, lists: bareTokens, takes: declared(`
			RegionId! DryRun:bool LockStatus MaxResults:int NextToken SnapshotIds.N`)},
		{name: "ModifySnapshotAttribute", run: modifySnapshotAttribute, takes: declared(`
			SnapshotId! Description DisableInstantAccess:bool RetentionDays:int SnapshotName`)},
		{name: "ModifySnapshotCategory", run: modifySnapshotCategory, takes: declared(`SnapshotId! Category! RetentionDays:int`)},
	}
}

func diskOperations() []operation {
	return []operation{
		{name: "ModifyDiskAttribute", run: modifyDiskAttribute, takes: declared(`
			BurstingEnabled:bool DeleteAutoSnapshot:bool DeleteWithInstance:bool Description DiskId DiskIds.N DiskName EnableAutoSnapshot:bool RegionId`)},
		{name: "ModifyDiskSpec", run: modifyDiskSpec, takes: declared(`DiskId! DiskCategory DryRun:bool PerformanceLevel ProvisionedIops:int`)},
		{name: "DescribeDiskEncryptionByDefaultStatus", run: describeDefaultEncryption, takes: declared(`RegionId!`)},
		{name: "DescribeDiskDefaultKMSKeyId", run: describeDefaultKey, takes: declared(`RegionId!`)},
	}
}

func attributeOperations() []operation {
	return []operation{
		{name: "DescribeInstanceAttribute", run: describeInstanceAttribute, takes: declared(`InstanceId!`)},
		{name: "ModifyInstanceAttribute", run: modifyInstanceAttribute, takes: declared(`
			InstanceId! CreditSpecification DeletionProtection:bool Description EnableJumboFrame:bool HostName InstanceName Password Recyclable:bool
			SecurityGroupIds.N UserData`)},
		{name: "ModifyInstanceMetadataOptions", run: modifyMetadata, takes: declared(`
			RegionId! HttpEndpoint! HttpPutResponseHopLimit:int HttpTokens InstanceId InstanceMetadataTags`)},
		{name: "DescribeUserData", run: describeUserData, takes: declared(`RegionId! InstanceId!`)},
		{name: "DescribeUserdata", run: describeUserData, takes: declared(`RegionId! InstanceId!`)},
		{name: "DescribeInstanceRamRole", run: describeRAMRole, malformed: malformedIDs("InstanceIds", refuse(400, "InvalidInstanceIds.Malformed", "The specified InstanceIds is not valid.")), takes: declared(`
			RegionId! InstanceIds:ids PageNumber:int PageSize:int RamRoleName`)},
		{name: "DescribeInstanceMaintenanceAttributes", run: describeMaintenance, lists: numbered, takes: declared(`
			RegionId! InstanceId.N PageNumber:int PageSize:int`)},
		{name: "DescribeInstanceAttachmentAttributes", run: describeAttachment, lists: numbered, takes: declared(`
			RegionId InstanceIds:ids! PageNumber:int PageSize:int`)},
		{name: "DescribeInstancesFullStatus", run: describeFullStatus, lists: numbered, takes: declared(`
			RegionId EventId.N EventPublishTime.End EventPublishTime.Start EventType HealthStatus InstanceEventType.N InstanceId.N NotBefore.End
			NotBefore.Start PageNumber:int PageSize:int Status`)},
	}
}

// launched are the parameters of what a launch template launches, which are those
// of RunInstances.
const launched = `
	AutoReleaseTime CreditSpecification DataDisk.N.Category DataDisk.N.DeleteWithInstance:bool DataDisk.N.Description DataDisk.N.DiskName
	DataDisk.N.Encrypted DataDisk.N.PerformanceLevel DataDisk.N.Size:int DataDisk.N.SnapshotId DeploymentSetId Description EnableVmOsConfig:bool
	HostName HttpEndpoint HttpTokens ImageId ImageOwnerAlias InstanceChargeType InstanceName InstanceType InternetChargeType
	InternetMaxBandwidthIn:int InternetMaxBandwidthOut:int IoOptimized KeyPairName NetworkType PasswordInherit:bool Period:int PeriodUnit
	PrivateIpAddress RamRoleName ResourceGroupId SecurityEnhancementStrategy SecurityGroupId SecurityGroupIds.N SpotDuration:int SpotPriceLimit
	SpotStrategy SystemDisk.Category SystemDisk.DeleteWithInstance:bool SystemDisk.Description SystemDisk.DiskName SystemDisk.Encrypted
	SystemDisk.Iops:int SystemDisk.PerformanceLevel SystemDisk.Size:int Tag.N.Key Tag.N.Value UserData VSwitchId VpcId ZoneId `

func templateOperations() []operation {
	return []operation{
		{name: "CreateLaunchTemplate", run: createLaunchTemplate, takes: declared(`
			RegionId! LaunchTemplateName! TemplateResourceGroupId TemplateTag.N.Key TemplateTag.N.Value VersionDescription` + launched)},
		{name: "CreateLaunchTemplateVersion", run: createLaunchTemplateVersion, takes: declared(`
			RegionId! LaunchTemplateId LaunchTemplateName VersionDescription` + launched)},
		{name: "ModifyLaunchTemplateDefaultVersion", run: modifyDefaultVersion, takes: declared(`
			RegionId! DefaultVersionNumber:int! LaunchTemplateId LaunchTemplateName`)},
		{name: "DeleteLaunchTemplateVersion", run: deleteTemplateVersion, takes: declared(`
			RegionId! DeleteVersion.N:int LaunchTemplateId LaunchTemplateName`)},
		{name: "DeleteLaunchTemplate", run: deleteLaunchTemplate, takes: declared(`RegionId! LaunchTemplateId LaunchTemplateName`)},
	}
}

func scalingOperations() []operation {
	const configuration = `
		Cpu:int DataDisk.N.Category DataDisk.N.DeleteWithInstance:bool DataDisk.N.Device DataDisk.N.Size:int DataDisk.N.SnapshotId HostName HttpEndpoint
		HttpTokens ImageFamily ImageId ImageName InstanceName InstanceType InstanceTypes.N InternetChargeType InternetMaxBandwidthOut:int
		KeyPairName Memory:int OwnerAccount PasswordInherit:bool RamRoleName ScalingConfigurationName SecurityGroupId SecurityGroupIds.N
		SpotStrategy SystemDisk.Category SystemDisk.Size:int Tags UserData ZoneId`
	const group = `
		DefaultCooldown:int GroupDeletionProtection:bool HealthCheckType LaunchTemplateId LaunchTemplateVersion MaxSize:int MinSize:int
		MultiAZPolicy RemovalPolicy.N ScalingGroupName VSwitchIds.N`
	ops := []operation{
		{name: "CreateScalingGroup", run: createScalingGroup, takes: declared(`
			RegionId! ClientToken DesiredCapacity:int GroupType InstanceId Tag.N.Key Tag.N.Value VSwitchId` + group)},
		{name: "ModifyScalingGroup", run: modifyScalingGroup, takes: declared(`
			ScalingGroupId! ActiveScalingConfigurationId DesiredCapacity:int DisableDesiredCapacity:bool` + group)},
		{name: "EnableScalingGroup", run: enableScalingGroup, takes: declared(`
			ScalingGroupId! ActiveScalingConfigurationId InstanceId.N LaunchTemplateId LaunchTemplateVersion`)},
		{name: "DisableScalingGroup", run: disableScalingGroup, takes: declared(`ScalingGroupId!`)},
		{name: "DeleteScalingGroup", run: deleteScalingGroup, takes: declared(`ScalingGroupId! ForceDelete:bool`)},
		{name: "CreateScalingConfiguration", run: createScalingConfiguration, takes: declared(`ScalingGroupId! ClientToken` + configuration)},
		{name: "ModifyScalingConfiguration", run: modifyScalingConfiguration, takes: declared(`ScalingConfigurationId! Override:bool` + configuration)},
		{name: "DeactivateScalingConfiguration", run: deactivateScalingConfiguration, takes: declared(`ScalingConfigurationId!`)},
		{name: "DeleteScalingConfiguration", run: deleteScalingConfiguration, takes: declared(`ScalingConfigurationId!`)},
		{name: "EnterStandby", run: enterStandby, takes: declared(`ScalingGroupId! InstanceId.N Async:bool ClientToken`)},
		{name: "ExitStandby", run: exitStandby, takes: declared(`ScalingGroupId! InstanceId.N Async:bool ClientToken`)},
		{name: "DescribeScalingInstances", run: describeScalingInstances, lists: numbered, takes: declared(`
			RegionId! CreationType HealthStatus InstanceId.N LifecycleState PageNumber:int PageSize:int ScalingConfigurationId ScalingGroupId`)},
	}
	for i := range ops {
		ops[i].product = ess()
	}
	return ops
}
