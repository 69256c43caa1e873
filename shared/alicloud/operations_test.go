package alicloud_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// operation is one method, what it sends, and what it makes of the answer.
type operation struct {
	action string
	do     func(context.Context, alicloud.Operator) (any, error)
	// sent are the parameters, sorted, beside those of every call.
	sent string
	// answer is what the vendor says beside the request id; want what comes of it.
	answer string
	want   any
	// changes; token: it is repeated under a client token.
	changes, token bool
}

const moment = "2026-11-29T20:00:00Z"

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// nothing is what a method returns that only fails or does not.
func nothing(err error) (any, error) { return nil, err }

// account_ is account as a typed id.
const account_ = image.AccountID(account)

// operations are those that make, change and take away, and those that follow it.
func operations() []operation {
	return slices.Concat(operations1(), operations2(), operations3(), operations4(), operations5(), operations6(), operations7(), operations8())
}

// operations1 are ImportImage to CreateImage.
func operations1() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "ImportImage", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				id, task, err := a.ImportImage(ctx, region, image.ImportRequest{
					Name: "web-1", OSType: image.Linux, Platform: "Ubuntu", Architecture: image.ARM64, BootMode: image.UEFI, NVMe: true, IMDS: "v2",
					Disks: []image.ImportDisk{{Format: "QCOW2", Bucket: "b", Object: "a/b c.qcow2", SizeGiB: 40}, {Format: "RAW", Bucket: "b", Object: "d.raw"}},
					Tags:  image.Tags{"b": "2", "a": "1"}, Detect: true, Token: "t-1",
				})
				return []string{string(id), string(task)}, err
			},
			sent: `Architecture=arm64 BootMode=UEFI ClientToken=t-1 DetectionStrategy=Standard DiskDeviceMapping.1.DiskImageSize=40
				DiskDeviceMapping.1.Format=QCOW2 DiskDeviceMapping.1.OSSBucket=b DiskDeviceMapping.1.OSSObject=a/b_c.qcow2
				DiskDeviceMapping.2.Format=RAW DiskDeviceMapping.2.OSSBucket=b DiskDeviceMapping.2.OSSObject=d.raw Features.ImdsSupport=v2
				Features.NvmeSupport=supported ImageName=web-1 OSType=linux Platform=Ubuntu RegionId=cn-hangzhou Tag.1.Key=a Tag.1.Value=1
				Tag.2.Key=b Tag.2.Value=2`,
			answer: `"RegionId":"cn-hangzhou","ImageId":"m-1","TaskId":"t-bp1"`, want: []string{"m-1", "t-bp1"},
		},
		{
			action: "ExportImage", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.ExportImage(ctx, region, image.ExportRequest{Image: "m-1", Bucket: "b", Prefix: "p", Format: "qcow2", Role: "r"})
			},
			sent:   `ImageFormat=qcow2 ImageId=m-1 OSSBucket=b OSSPrefix=p RegionId=cn-hangzhou RoleName=r`,
			answer: `"TaskId":"tsk-1"`, want: image.TaskID("tsk-1"),
		},
		{
			action: "DescribeTasks",
			do: func(ctx context.Context, a account) (any, error) {
				return a.Tasks(ctx, region, image.TaskListing{Action: "ExportImage", From: at(moment), To: at(moment).Add(time.Hour)})
			},
			sent: `EndTime=2026-11-29T21:00:00Z PageNumber=1 PageSize=100 RegionId=cn-hangzhou StartTime=2026-11-29T20:00:00Z TaskAction=ExportImage`,
			answer: `"TotalCount":1,"PageNumber":1,"PageSize":100,"RegionId":"cn-hangzhou","TaskSet":{"Task":[{"TaskId":"t-1","TaskAction":"ExportImage",
				"TaskStatus":"Processing","ResourceId":"m-1","SupportCancel":"true","CreationTime":"2026-11-29T20:00:00Z","FinishedTime":""}]}`,
			want: []image.Task{{ID: "t-1", Region: region, Action: "ExportImage", Status: "Processing", Resource: "m-1", Cancellable: image.Yes}},
		},
		{
			action: "DescribeTaskAttribute",
			do:     func(ctx context.Context, a account) (any, error) { return a.Task(ctx, region, "t-1") },
			sent:   `RegionId=cn-hangzhou TaskId=t-1`,
			answer: `"TaskId":"t-1","TaskAction":"ExportImage","TaskStatus":"Failed","SupportCancel":"false","TaskProcess":"40%","SuccessCount":0,"FailedCount":"1",
				"OperationProgressSet":{"OperationProgress":[{"OperationStatus":"Failed","ErrorCode":"InvalidOSSBucket","ErrorMsg":"no bucket",
				"RelatedItemSet":{"RelatedItem":[{"Name":"OSSObject","Value":"p_m-1_system.raw.tar.gz"}]}}]}`,
			want: image.Task{
				ID: "t-1", Region: region, Action: "ExportImage", Status: "Failed", Cancellable: image.No, Progress: 40, ErrorCode: "InvalidOSSBucket",
				Error: "no bucket", Related: map[string]string{"OSSObject": "p_m-1_system.raw.tar.gz"},
			},
		},
		{
			action: "CancelTask", changes: true,
			do:   func(ctx context.Context, a account) (any, error) { return nothing(a.CancelTask(ctx, region, "t-1")) },
			sent: `RegionId=cn-hangzhou TaskId=t-1`,
		},
		{
			action: "CreateImage", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.CreateImage(ctx, region, image.CreateRequest{
					Name: "web-2", Snapshots: []image.SnapshotDisk{{Snapshot: "s-1"}, {Snapshot: "s-2", SizeGiB: 100}}, BootMode: image.BIOS, Token: "t-2",
				})
			},
			sent: `BootMode=BIOS ClientToken=t-2 DiskDeviceMapping.1.DiskType=system DiskDeviceMapping.1.SnapshotId=s-1 DiskDeviceMapping.2.DiskType=data
				DiskDeviceMapping.2.Size=100 DiskDeviceMapping.2.SnapshotId=s-2 ImageName=web-2 RegionId=cn-hangzhou`,
			answer: `"ImageId":"m-2"`, want: image.ID("m-2"),
		},
	}
}

// operations2 are CopyImage to GetInstanceConsoleOutput.
func operations2() []operation {
	type account = alicloud.Operator
	deprecated, family := true, image.Family("web")
	return []operation{
		{
			action: "CopyImage", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.CopyImage(ctx, region, image.CopyRequest{Image: "m-1", To: "cn-shanghai", Name: "web-1", Encrypted: true, KMSKey: "k", Token: "t-3"})
			},
			sent:   `ClientToken=t-3 DestinationImageName=web-1 DestinationRegionId=cn-shanghai Encrypted=true ImageId=m-1 KMSKeyId=k RegionId=cn-hangzhou`,
			answer: `"ImageId":"m-3"`, want: image.ID("m-3"),
		},
		{
			action: "CancelCopyImage", changes: true,
			do:   func(ctx context.Context, a account) (any, error) { return nothing(a.CancelCopy(ctx, region, "m-3")) },
			sent: `ImageId=m-3 RegionId=cn-hangzhou`,
		},
		{
			action: "ModifyImageAttribute", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.ModifyImage(ctx, region, "m-1", image.AttributeChange{Family: &family, Deprecated: &deprecated}))
			},
			sent: `ImageFamily=web ImageId=m-1 RegionId=cn-hangzhou Status=Deprecated`,
		},
		{
			action: "DeleteImage", changes: true,
			do:   func(ctx context.Context, a account) (any, error) { return nothing(a.DeleteImage(ctx, region, "m-1")) },
			sent: `ImageId=m-1 RegionId=cn-hangzhou`,
		},
		{
			action: "DescribeImageSupportInstanceTypes",
			do: func(ctx context.Context, a account) (any, error) {
				return a.SupportedTypes(ctx, image.Ref{Account: account_, Region: region, ID: "m-1"})
			},
			sent:   `ImageId=m-1 RegionId=cn-hangzhou`,
			answer: `"RegionId":"cn-hangzhou","ImageId":"m-1","InstanceTypes":{"InstanceType":[{"InstanceTypeId":"ecs.g7.large"},{"InstanceTypeId":"ecs.c7.large"}]}`,
			want:   []image.InstanceTypeID{"ecs.c7.large", "ecs.g7.large"},
		},
		{
			action: "RunInstances", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.Launch(ctx, region, image.LaunchRequest{
					Image: "m-1", Type: "ecs.g7.large", VSwitch: "vsw-1", SecurityGroup: "sg-1", Name: "test", DiskCategory: "cloud_essd",
					ReleaseAt: at(moment), Tags: image.Tags{"imagekeeper:test": "x"}, Token: "t-4",
				})
			},
			sent: `Amount=1 AutoReleaseTime=2026-11-29T20:00:00Z ClientToken=t-4 ImageId=m-1 InstanceChargeType=PostPaid InstanceName=test
				InstanceType=ecs.g7.large InternetMaxBandwidthOut=0 RegionId=cn-hangzhou SecurityGroupId=sg-1 SystemDisk.Category=cloud_essd
				Tag.1.Key=imagekeeper:test Tag.1.Value=x VSwitchId=vsw-1`,
			answer: `"TradePrice":0.5,"InstanceIdSets":{"InstanceIdSet":["i-1"]}`, want: image.InstanceID("i-1"),
		},
		{
			action: "DeleteInstance", changes: true,
			do:   func(ctx context.Context, a account) (any, error) { return nothing(a.Terminate(ctx, region, "i-1")) },
			sent: `Force=true InstanceId=i-1 RegionId=cn-hangzhou`,
		},
		{
			action: "ModifyInstanceAutoReleaseTime", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.SetAutoRelease(ctx, region, "i-1", at(moment)))
			},
			sent: `AutoReleaseTime=2026-11-29T20:00:00Z InstanceId=i-1 RegionId=cn-hangzhou`,
		},
		{
			action: "GetInstanceConsoleOutput",
			do:     func(ctx context.Context, a account) (any, error) { return a.ConsoleOutput(ctx, region, "i-1") },
			sent:   `InstanceId=i-1 RegionId=cn-hangzhou RemoveSymbols=true`,
			answer: `"InstanceId":"i-1","LastUpdateTime":"2018-03-22 10:04:57","ConsoleOutput":"Ym9vdGVk"`, want: "booted",
		},
	}
}

// operations3 are RunCommand to DescribeInstanceStatus.
func operations3() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "RunCommand", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.RunCommand(ctx, region, image.CommandRequest{Instance: "i-1", OSType: image.Linux, Command: "id", Timeout: time.Minute, Name: "c", Token: "t-5"})
			},
			sent:   `ClientToken=t-5 CommandContent=aWQ= ContentEncoding=Base64 InstanceId.1=i-1 Name=c RegionId=cn-hangzhou Timeout=60 Type=RunShellScript`,
			answer: `"CommandId":"c-1","InvokeId":"t-9"`, want: "t-9",
		},
		{
			action: "DescribeInvocationResults",
			do:     func(ctx context.Context, a account) (any, error) { return a.Invocation(ctx, region, "t-9") },
			sent:   `ContentEncoding=Base64 InvokeId=t-9 MaxResults=50 RegionId=cn-hangzhou`,
			answer: `"Invocation":{"NextToken":"","TotalCount":2,"PageNumber":1,"PageSize":50,"InvocationResults":{"InvocationResult":[
				{"InstanceId":"i-1","InvokeId":"t-9","InvocationStatus":"Failed","InvokeRecordStatus":"Finished","ExitCode":1,"ErrorCode":"ExitCodeNonzero","Output":"b29wcw==","Dropped":0},
				{"InstanceId":"i-2","InvokeId":"t-9","InvocationStatus":"Running"}]}}`,
			want: []image.Invocation{
				{ID: "t-9", Instance: "i-1", Status: "Failed", ExitCode: 1, ErrorCode: "ExitCodeNonzero", Output: "oops"},
				{ID: "t-9", Instance: "i-2", Status: "Running"},
			},
		},
		{
			action: "DescribeCloudAssistantStatus",
			do: func(ctx context.Context, a account) (any, error) {
				return a.Assistants(ctx, region, []image.InstanceID{"i-1", "i-2"})
			},
			sent: `InstanceId.1=i-1 InstanceId.2=i-2 RegionId=cn-hangzhou`,
			answer: `"TotalCount":1,"InstanceCloudAssistantStatusSet":{"InstanceCloudAssistantStatus":[{"InstanceId":"i-1","CloudAssistantStatus":"true",
				"CloudAssistantVersion":"2.2.3","LastHeartbeatTime":"2026-11-29T20:00:00Z"}]}`,
			want: []image.AssistantStatus{{Instance: "i-1", Alive: true, Version: "2.2.3", HeartbeatAt: at(moment)}},
		},
		{
			action: "DescribeVSwitches",
			do:     func(ctx context.Context, a account) (any, error) { return a.VSwitches(ctx, region, "vpc-1") },
			sent:   `PageNumber=1 PageSize=50 RegionId=cn-hangzhou VpcId=vpc-1`,
			answer: `"TotalCount":1,"PageNumber":1,"PageSize":50,"VSwitches":{"VSwitch":[{"VSwitchId":"vsw-1","VpcId":"vpc-1","ZoneId":"cn-hangzhou-h","Status":"Available","AvailableIpAddressCount":9}]}`,
			want:   []image.VSwitch{{Region: region, ID: "vsw-1", VPC: "vpc-1", Zone: "cn-hangzhou-h", Free: 9, Status: "Available"}},
		},
		{
			action: "DescribeSecurityGroups",
			do:     func(ctx context.Context, a account) (any, error) { return a.SecurityGroups(ctx, region, "vpc-1") },
			sent:   `MaxResults=100 RegionId=cn-hangzhou VpcId=vpc-1`,
			answer: `"NextToken":"","SecurityGroups":{"SecurityGroup":[{"SecurityGroupId":"sg-1","SecurityGroupName":"test","VpcId":"vpc-1"}]}`,
			want:   []image.SecurityGroup{{Region: region, ID: "sg-1", VPC: "vpc-1", Name: "test"}},
		},
		{
			action: "StopInstance", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.Stop(ctx, region, image.StopRequest{Instance: "i-1", Mode: "KeepCharging"}))
			},
			sent: `ConfirmStop=true InstanceId=i-1 RegionId=cn-hangzhou StoppedMode=KeepCharging`,
		},
		{
			action: "StartInstance", changes: true,
			do:   func(ctx context.Context, a account) (any, error) { return nothing(a.Start(ctx, region, "i-1")) },
			sent: `InstanceId=i-1 RegionId=cn-hangzhou`,
		},
		{
			action: "DescribeInstanceStatus",
			do: func(ctx context.Context, a account) (any, error) {
				return a.States(ctx, region, []image.InstanceID{"i-1"})
			},
			sent:   `InstanceId.1=i-1 PageNumber=1 PageSize=50 RegionId=cn-hangzhou`,
			answer: `"TotalCount":1,"PageNumber":1,"PageSize":50,"InstanceStatuses":{"InstanceStatus":[{"InstanceId":"i-1","Status":"Stopped"}]}`,
			want:   []image.InstanceState{{ID: "i-1", Status: image.InstanceStopped}},
		},
	}
}

// operations4 are ReplaceSystemDisk to AttachKeyPair.
func operations4() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "ReplaceSystemDisk", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.ReplaceSystemDisk(ctx, region, image.ReplaceRequest{Instance: "i-1", Image: "m-1", DiskGiB: 40, KeyPair: "k", LoginAsNonRoot: image.No, Token: "t-6"})
			},
			sent:   `ClientToken=t-6 ImageId=m-1 InstanceId=i-1 KeyPairName=k LoginAsNonRoot=false RegionId=cn-hangzhou SystemDisk.Size=40`,
			answer: `"DiskId":"d-2"`, want: image.DiskID("d-2"),
		},
		{
			action: "CreateSnapshot", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return a.CreateSnapshot(ctx, region, image.SnapshotRequest{Disk: "d-1", Name: "before", RetentionDays: 14, Tags: image.Tags{"imagekeeper:backup": "r"}, Token: "t-7"})
			},
			sent:   `ClientToken=t-7 DiskId=d-1 RegionId=cn-hangzhou RetentionDays=14 SnapshotName=before Tag.1.Key=imagekeeper:backup Tag.1.Value=r`,
			answer: `"SnapshotId":"s-1"`, want: image.SnapshotID("s-1"),
		},
		{
			action: "DeleteSnapshot", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.DeleteSnapshot(ctx, region, "s-1"))
			},
			sent: `RegionId=cn-hangzhou SnapshotId=s-1`,
		},
		{
			action: "ModifyDiskAttribute", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.ModifyDisk(ctx, region, "d-1", image.DiskAttributes{Name: "sys", DeleteWithInstance: image.Yes, DeleteAutoSnapshot: image.No}))
			},
			sent: `DeleteAutoSnapshot=false DeleteWithInstance=true DiskId=d-1 DiskName=sys RegionId=cn-hangzhou`,
		},
		{
			action: "ModifyInstanceMetadataOptions", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.ModifyMetadata(ctx, region, "i-1", image.MetadataOptions{Endpoint: "enabled", Tokens: "required", HopLimit: 2}))
			},
			sent: `HttpEndpoint=enabled HttpPutResponseHopLimit=2 HttpTokens=required InstanceId=i-1 RegionId=cn-hangzhou`,
		},
		{
			action: "ModifyInstanceAttribute", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.Protect(ctx, region, "i-1", true))
			},
			sent: `DeletionProtection=true InstanceId=i-1 RegionId=cn-hangzhou`,
		},
		{
			action: "AttachKeyPair", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.AttachKeyPair(ctx, region, "k", []image.InstanceID{"i-1"}))
			},
			sent:   `InstanceIds=["i-1"] KeyPairName=k RegionId=cn-hangzhou`,
			answer: `"TotalCount":"1","FailCount":"0"`,
		},
	}
}

// operations8 are those that tell how disks and instances are set up.
func operations8() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "DescribeDisks",
			do: func(ctx context.Context, a account) (any, error) {
				return a.DiskSetups(ctx, region, image.DiskListing{Instance: "i-1", System: image.Yes})
			},
			sent: `DiskType=system InstanceId=i-1 MaxResults=500 RegionId=cn-hangzhou`,
			answer: `"NextToken":"","Disks":{"Disk":[{"DiskId":"d-1","Type":"system","InstanceId":"i-1","Description":"of web","DeleteWithInstance":true,
				"DeleteAutoSnapshot":false,"BurstingEnabled":false,"PerformanceLevel":"PL1","ProvisionedIops":100,"KMSKeyId":"key-1","AutoSnapshotPolicyId":"sp-1"}]}`,
			want: []image.DiskSetup{{
				Disk:        image.Disk{Account: account_, Region: region, ID: "d-1", System: true, Instance: "i-1"},
				Description: "of web", DeleteWithInstance: image.Yes, DeleteAutoSnapshot: image.No, Burst: image.No,
				PerformanceLevel: "PL1", IOPS: 100, Key: "key-1", Policy: "sp-1",
			}},
		},
		{
			action: "ModifyDiskSpec", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.SetPerformance(ctx, region, "d-1", "PL2", 0))
			},
			sent: `DiskId=d-1 PerformanceLevel=PL2`,
		},
		{
			action: "DescribeInstancesFullStatus",
			do: func(ctx context.Context, a account) (any, error) {
				return a.Healths(ctx, region, []image.InstanceID{"i-1"})
			},
			sent: `InstanceId.1=i-1 PageNumber=1 PageSize=100 RegionId=cn-hangzhou`,
			answer: `"TotalCount":1,"PageNumber":1,"PageSize":100,"InstanceFullStatusSet":{"InstanceFullStatusType":[{"InstanceId":"i-1",
				"Status":{"Code":1,"Name":"Running"},"HealthStatus":{"Code":0,"Name":"Ok"}}]}`,
			want: []image.InstanceHealth{{ID: "i-1", Status: image.InstanceRunning, Health: "Ok"}},
		},
		{
			action: "DescribeDiskEncryptionByDefaultStatus",
			do:     func(ctx context.Context, a account) (any, error) { return a.EncryptsByDefault(ctx, region) },
			sent:   `RegionId=cn-hangzhou`, answer: `"Encrypted":false`, want: image.No,
		},
	}
}

// operations5 are DescribeInstances to ExitStandby.
func operations5() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "DescribeInstances",
			do: func(ctx context.Context, a account) (any, error) {
				return a.Before(ctx, region, []image.InstanceID{"i-1"})
			},
			sent: `AdditionalAttributes.1=META_OPTIONS AdditionalAttributes.2=LOGIN_AS_NON_ROOT InstanceIds=["i-1"] MaxResults=100 RegionId=cn-hangzhou`,
			answer: `"NextToken":"","Instances":{"Instance":[{"InstanceId":"i-1","RegionId":"cn-hangzhou","ImageId":"m-1","Status":"Running","KeyPairName":"k",
				"AutoReleaseTime":"","DeletionProtection":true,"StartTime":"2026-11-29T20:00Z","IoOptimized":true,"HibernationOptions":{"Configured":false},"SecurityOptions":{"EnableSecureBoot":true},"MetadataOptions":{"HttpEndpoint":"enabled","HttpTokens":"optional","HttpPutResponseHopLimit":1},
				"ImageOptions":{"LoginAsNonRoot":false},"VpcAttributes":{"VpcId":"vpc-1","VSwitchId":"vsw-1"},"OperationLocks":{"LockReason":[]}}]}`,
			want: []image.Before{{
				Instance: image.Instance{Account: account_, Region: region, ID: "i-1", Image: "m-1", Status: image.InstanceRunning},
				KeyPair:  "k", Metadata: image.MetadataOptions{Endpoint: "enabled", Tokens: "optional", HopLimit: 1}, LoginAsNonRoot: image.No,
				Protected: image.Yes, VPC: "vpc-1", VSwitch: "vsw-1", StartedAt: at("2026-11-29T20:00:00Z"), IOOptimized: image.Yes, Hibernates: image.No, SecureBoot: image.Yes,
			}},
		},
		{
			action: "DescribeAutoSnapshotPolicyEx",
			do:     func(ctx context.Context, a account) (any, error) { return a.SnapshotPolicies(ctx, region) },
			sent:   `PageNumber=1 PageSize=100 RegionId=cn-hangzhou`,
			answer: `"TotalCount":1,"PageNumber":1,"PageSize":100,"AutoSnapshotPolicies":{"AutoSnapshotPolicy":[{"AutoSnapshotPolicyId":"sp-1","AutoSnapshotPolicyName":"n","DiskNums":3,"Status":"Normal"}]}`,
			want:   []image.SnapshotPolicy{{Account: account_, Region: region, ID: "sp-1", Name: "n", Disks: 3, Status: "Normal"}},
		},
		{
			action: "DescribeDisks",
			do: func(ctx context.Context, a account) (any, error) {
				return a.DisksUnder(ctx, region, "sp-1", []image.DiskID{"d-1"})
			},
			sent:   `AutoSnapshotPolicyId=sp-1 DiskIds=["d-1"] MaxResults=500 RegionId=cn-hangzhou`,
			answer: `"NextToken":"","Disks":{"Disk":[{"DiskId":"d-1","Type":"system"}]}`,
			want:   []image.Disk{{Account: account_, Region: region, ID: "d-1", System: true}},
		},
		{
			action: "ApplyAutoSnapshotPolicy", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.ApplySnapshotPolicy(ctx, region, "sp-1", []image.DiskID{"d-1"}))
			},
			sent: `autoSnapshotPolicyId=sp-1 diskIds=["d-1"] regionId=cn-hangzhou`,
		},
		{
			action: "CancelAutoSnapshotPolicy", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.CancelSnapshotPolicy(ctx, region, "sp-1", []image.DiskID{"d-1"}))
			},
			sent: `autoSnapshotPolicyId=sp-1 diskIds=["d-1"] regionId=cn-hangzhou`,
		},
		{
			action: "EnterStandby", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.EnterStandby(ctx, region, "asg-1", []image.InstanceID{"i-1"}, "t-8"))
			},
			sent:   `ClientToken=t-8 InstanceId.1=i-1 RegionId=cn-hangzhou ScalingGroupId=asg-1`,
			answer: `"ScalingActivityId":"asa-1"`,
		},
		{
			action: "ExitStandby", changes: true, token: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.ExitStandby(ctx, region, "asg-1", []image.InstanceID{"i-1"}, "t-9"))
			},
			sent: `ClientToken=t-9 InstanceId.1=i-1 RegionId=cn-hangzhou ScalingGroupId=asg-1`,
		},
	}
}

// operations6 are DescribeScalingInstances to LookupEvents.
func operations6() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "DescribeScalingInstances",
			do: func(ctx context.Context, a account) (any, error) {
				return a.ScalingInstances(ctx, region, "asg-1", nil)
			},
			sent: `PageNumber=1 PageSize=50 RegionId=cn-hangzhou ScalingGroupId=asg-1`,
			answer: `"TotalCount":1,"PageNumber":1,"PageSize":50,"ScalingInstances":{"ScalingInstance":[{"InstanceId":"i-1","ScalingGroupId":"asg-1",
				"ScalingConfigurationId":"asc-1","LifecycleState":"Standby","HealthStatus":"Healthy"}]}`,
			want: []image.ScalingInstance{{Account: account_, Region: region, Instance: "i-1", Group: "asg-1", State: "Standby", Health: "Healthy", Configuration: "asc-1"}},
		},
		{
			action: "ModifyScalingConfiguration", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.RepointConfiguration(ctx, region, "asc-1", "m-2"))
			},
			sent: `ImageId=m-2 RegionId=cn-hangzhou ScalingConfigurationId=asc-1`,
		},
		{
			action: "ModifyLaunchTemplateDefaultVersion", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.SetDefaultVersion(ctx, region, "lt-1", 3))
			},
			sent: `DefaultVersionNumber=3 LaunchTemplateId=lt-1 RegionId=cn-hangzhou`,
		},
		{
			action: "TagResources", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.Tag(ctx, region, "snapshot", []string{"s-1", "s-2"}, image.Tags{"k": "v"}))
			},
			sent: `RegionId=cn-hangzhou ResourceId.1=s-1 ResourceId.2=s-2 ResourceType=snapshot Tag.1.Key=k Tag.1.Value=v`,
		},
		{
			action: "JoinResourceGroup", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.JoinGroup(ctx, region, "image", "m-1", "rg-1"))
			},
			sent: `RegionId=cn-hangzhou ResourceGroupId=rg-1 ResourceId=m-1 ResourceType=image`,
		},
		{
			action: "UntagResources", changes: true,
			do: func(ctx context.Context, a account) (any, error) {
				return nothing(a.Untag(ctx, region, "image", []string{"m-1"}, []string{"k"}))
			},
			sent: `RegionId=cn-hangzhou ResourceId.1=m-1 ResourceType=image TagKey.1=k`,
		},
		{
			action: "LookupEvents",
			do: func(ctx context.Context, a account) (any, error) {
				events, all, err := a.Events(ctx, region, image.EventListing{Resource: "m-1", Name: "RunInstances", From: at(moment), To: at(moment).Add(time.Hour)})
				if !all {
					return nil, err
				}
				return events, err
			},
			sent: `Direction=BACKWARD EndTime=2026-11-29T21:00:00Z LookupAttribute.1.Key=ResourceName LookupAttribute.1.Value=m-1
				LookupAttribute.2.Key=EventName LookupAttribute.2.Value=RunInstances MaxResults=50 RegionId=cn-hangzhou StartTime=2026-11-29T20:00:00Z`,
			answer: `"NextToken":"","Events":[{"eventId":"e-1","eventVersion":1,"eventName":"RunInstances","serviceName":"Ecs","eventTime":"2026-11-29T20:10:00Z",
				"acsRegion":"cn-hangzhou","userIdentity":{"type":"ram-user","accountId":"1000000000000001","userName":"ci"},"requestParameters":{"ImageId":"m-1",
				"SystemDisk.Size":20,"Tags":[],"IoOptimized":true},"responseElements":{"RequestId":"R","InstanceIdSets":{"InstanceIdSet":["i-1","i-2"]}},
				"referencedResources":{"ACS::ECS::Image":["m-1"]}}]`,
			want: []image.Event{{
				Account: account_, Region: region, ID: "e-1", Name: "RunInstances", Service: "Ecs", At: at("2026-11-29T20:10:00Z"), Who: "ci",
				Parameters: map[string]string{"ImageId": "m-1", "SystemDisk.Size": "20", "IoOptimized": "true"},
				Resources:  map[string][]string{"ACS::ECS::Image": {"m-1"}},
				Made:       map[string][]string{"RequestId": {"R"}, "InstanceIdSet": {"i-1", "i-2"}},
			}},
		},
	}
}

// operations7 are GetRole to GetRole.
func operations7() []operation {
	type account = alicloud.Operator
	return []operation{
		{
			action: "GetRole",
			do: func(ctx context.Context, a account) (any, error) {
				return a.Role(ctx, "AliyunECSImageImportDefaultRole")
			},
			sent: `RoleName=AliyunECSImageImportDefaultRole`,
			answer: `"Role":{"RoleName":"AliyunECSImageImportDefaultRole","Arn":"acs:ram::1:role/aliyunecsimageimportdefaultrole","AssumeRolePolicyDocument":
				"{\"Statement\":[{\"Action\":\"sts:AssumeRole\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":[\"ecs.aliyuncs.com\"]}},{\"Effect\":\"Deny\",\"Principal\":{\"Service\":\"fc.aliyuncs.com\"}}],\"Version\":\"1\"}"}`,
			want: image.Role{Name: "AliyunECSImageImportDefaultRole", ARN: "acs:ram::1:role/aliyunecsimageimportdefaultrole", Trusted: []string{"ecs.aliyuncs.com"}},
		},
	}
}

// common are the parameters of every call.
func common(name string) bool {
	return slices.Contains(strings.Fields("Action Version Format Timestamp SignatureMethod SignatureVersion SignatureNonce AccessKeyId SecurityToken Signature"), name)
}

// sentOf is what was sent beside the common parameters, sorted, blanks as lines.
func sentOf(q url.Values) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !common(name) {
			all = append(all, name+"="+strings.ReplaceAll(q.Get(name), " ", "_"))
		}
	}
	return strings.Join(all, " ")
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// everywhere sends every product to w.
func everywhere(w *wire) func(*alicloud.Config) {
	return func(c *alicloud.Config) {
		c.RAMEndpoint, c.QuotasEndpoint, c.ActionTrailEndpoint = w.URL, w.URL, w.URL
	}
}

// versions are those of the products that are not ECS, by their operations.
func versions() map[string]string {
	return map[string]string{
		"EnterStandby": "2014-08-28", "ExitStandby": "2014-08-28", "DescribeScalingInstances": "2014-08-28", "ModifyScalingConfiguration": "2014-08-28",
		"LookupEvents": "2020-07-06", "GetRole": "2015-05-01", "ListProductQuotas": "2020-05-10", "GetProductQuota": "2020-05-10", "DescribeKey": "2016-01-20",
	}
}

// TestOperations: what each sends, to which product, under which names, and what it
// makes of the answer.
func TestOperations(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		t.Run(o.action, func(t *testing.T) {
			t.Parallel()
			var sent, version string
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action != o.action {
					return answered{}
				}
				sent, version = sentOf(q), q.Get("Version")
				return ok(strings.TrimSuffix(`{"RequestId":"r",`+o.answer, ",") + `}`)
			})
			got, err := o.do(t.Context(), alicloud.Operate(open(t, w, everywhere(w)).Account(planted())))
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(strings.Fields(o.sent), " "); sent != want {
				t.Errorf("sent\n%s\nwant\n%s", sent, want)
			}
			if want := either(versions()[o.action], "2014-05-26"); version != want {
				t.Errorf("asks for version %s of the API, want %s", version, want)
			}
			if diff := cmp.Diff(o.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWhatIsNoAnswerToAnOperation: empty, half, without an id, about something
// else, never passes for one.
func TestWhatIsNoAnswerToAnOperation(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		for name, body := range map[string]string{"empty": "", "nothing": "{}", "a page": "<html>", "half": `{"RequestId":"r","Ima`} {
			t.Run(o.action+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWire(t, func(action string, _ int, _ url.Values) answered {
					if action != o.action {
						return answered{}
					}
					return ok(body)
				})
				got, err := o.do(t.Context(), alicloud.Operate(open(t, w, everywhere(w)).Account(planted())))
				if fault.Of(err) != fault.Unknown {
					t.Errorf("got %v, %v, want kind %s", got, err, fault.Unknown)
				}
				if n := w.count(o.action); o.changes && !o.token && n != 1 {
					t.Errorf("sent %d times, though nobody knows what became of the first", n)
				}
			})
		}
	}
}

// TestChangesAreNotRepeatedBlindly: a change whose answer was lost is repeated
// only under its client token, the same each time; one that was throttled was not
// done, and is made again.
func TestChangesAreNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		if !o.changes {
			continue
		}
		t.Run(o.action, func(t *testing.T) {
			t.Parallel()
			tokens := map[string]bool{}
			w := newWire(t, func(action string, n int, q url.Values) answered {
				switch {
				case action != o.action:
					return answered{}
				case n == 1:
					return answered{status: 400, body: `{"RequestId":"A","Code":"Throttling.User"}`, header: map[string]string{"X-Acs-Retry-After": "1"}}
				case n == 2:
					tokens[q.Get("ClientToken")] = true
					return answered{cut: true}
				case n == 3:
					tokens[q.Get("ClientToken")] = true
					return answered{status: 403, body: `{"RequestId":"A","Code":"IdempotentProcessing"}`}
				}
				tokens[q.Get("ClientToken")] = true
				return ok(strings.TrimSuffix(`{"RequestId":"r",`+o.answer, ",") + `}`)
			})
			_, err := o.do(t.Context(), alicloud.Operate(open(t, w, everywhere(w)).Account(planted())))
			n := w.count(o.action)
			if o.token && (err != nil || n != 4 || len(tokens) != 1 || tokens[""]) {
				t.Errorf("under a token: %v after %d calls with %d tokens", err, n, len(tokens))
			}
			if !o.token && (fault.Of(err) != fault.Unavailable || n != 2) {
				t.Errorf("without one: %v after %d calls", err, n)
			}
		})
	}
}

// TestAnOutcomeInDoubtStaysSo: after an attempt whose answer was lost, a refusal of
// the next does not tell that nothing was done.
func TestAnOutcomeInDoubtStaysSo(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, n int, _ url.Values) answered {
		switch {
		case action != "CreateSnapshot":
			return answered{}
		case n == 1:
			return answered{cut: true}
		}
		return answered{status: 403, body: `{"RequestId":"A","Code":"DISK_HAS_CREATING_SNAPSHOT"}`}
	})
	_, err := alicloud.Operate(open(t, w).Account(planted())).CreateSnapshot(t.Context(), region, image.SnapshotRequest{Disk: "d-1", Token: "t"})
	if fault.Of(err) != fault.Unknown || fault.Code(err) != "outcomeUnknown" {
		t.Errorf("got %v (%s), want kind %s", err, fault.Code(err), fault.Unknown)
	}
}

// TestWhatIsGoneIsDeleted: deleting what does not exist any more is a success.
func TestWhatIsGoneIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		switch action {
		case "DeleteImage":
			return refused(404, "InvalidImageId.NotFound", q)
		case "DeleteSnapshot":
			return refused(404, "InvalidSnapshotId.NotFound", q)
		case "DeleteInstance":
			return refused(404, "InvalidInstanceId.NotFound", q)
		}
		return answered{}
	})
	a := alicloud.Operate(open(t, w).Account(planted()))
	for _, err := range []error{
		a.DeleteImage(t.Context(), region, "m-1"), a.DeleteSnapshot(t.Context(), region, "s-1"), a.Terminate(t.Context(), region, "i-1"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestWhatMayNotBeAskedOfOperations fails without a call.
func TestWhatMayNotBeAskedOfOperations(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(string, int, url.Values) answered { return answered{} })
	a := alicloud.Operate(open(t, w).Account(planted()))
	ctx, long := t.Context(), strings.Repeat("t", 65)
	for name, ask := range map[string]func() error{
		"no disk": func() error { _, _, err := a.ImportImage(ctx, region, image.ImportRequest{}); return err },
		"a long token": func() error {
			_, err := a.CreateImage(ctx, region, image.CreateRequest{Instance: "i-1", Token: long})
			return err
		},
		"no source":         func() error { _, err := a.CreateImage(ctx, region, image.CreateRequest{}); return err },
		"a region":          func() error { return a.DeleteImage(ctx, "x/y", "m-1") },
		"a list":            func() error { return a.DeleteImage(ctx, region, "m-1,m-2") },
		"nowhere":           func() error { _, err := a.CopyImage(ctx, region, image.CopyRequest{Image: "m-1"}); return err },
		"no time":           func() error { return a.SetAutoRelease(ctx, region, "i-1", time.Time{}) },
		"no tags":           func() error { return a.Tag(ctx, region, "image", []string{"m-1"}, nil) },
		"no keys":           func() error { return a.Untag(ctx, region, "image", []string{"m-1"}, nil) },
		"no instance":       func() error { return a.EnterStandby(ctx, region, "asg-1", nil, "t") },
		"version 0":         func() error { return a.SetDefaultVersion(ctx, region, "lt-1", 0) },
		"half a time":       func() error { _, _, err := a.Events(ctx, region, image.EventListing{From: at(moment)}); return err },
		"a role as a path":  func() error { _, err := a.Role(ctx, "a/b"); return err },
		"no key pair":       func() error { return a.AttachKeyPair(ctx, region, "", []image.InstanceID{"i-1"}) },
		"a hundred and one": func() error { _, err := a.Assistants(ctx, region, make([]image.InstanceID, 101)); return err },
	} {
		if err := ask(); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v, want kind %s", name, err, fault.Invalid)
		}
	}
	for _, o := range operations() {
		if n := w.count(o.action); n > 0 {
			t.Errorf("%s was called", o.action)
		}
	}
}

// TestLongParametersGoIntoTheBody: an address has an end.
func TestLongParametersGoIntoTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inQuery, inBody int
		cloud, err := alicloud.Open(alicloud.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("Action") != "RunCommand" {
				return respond(`{"RequestId":"r","AccountId":"` + account + `"}`), nil
			}
			inQuery = len(r.URL.RawQuery)
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			inBody = len(r.PostForm.Get("CommandContent"))
			all := maps.Clone(r.Form)
			if want := signature(all, planted().Secret); all.Get("Signature") != want {
				t.Errorf("signed %s, want %s", all.Get("Signature"), want)
			}
			return respond(`{"RequestId":"r","InvokeId":"t-1"}`), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		_, err = alicloud.Operate(cloud.Account(planted())).RunCommand(t.Context(), region, image.CommandRequest{Instance: "i-1", Command: strings.Repeat("echo hello world\n", 700)})
		if err != nil || inQuery > 1024 || inBody < 12000 {
			t.Errorf("%d bytes in the address, %d in the body: %v", inQuery, inBody, err)
		}
	})
}

// Events that have no end are cut, and it is told.
func TestManyEventsAreCut(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, n int, _ url.Values) answered {
		if action != "LookupEvents" {
			return answered{}
		}
		var rows []string
		for i := range 50 {
			rows = append(rows, fmt.Sprintf(`{"eventId":"e-%d-%d","eventName":"CopyImage","eventTime":"2026-11-29T20:00:00Z"}`, n, i))
		}
		return ok(fmt.Sprintf(`{"RequestId":"r","NextToken":"t%d","Events":[%s]}`, n, strings.Join(rows, ",")))
	})
	events, all, err := alicloud.Operate(open(t, w, everywhere(w)).Account(planted())).Events(t.Context(), region, image.EventListing{Most: 120})
	if err != nil || all || len(events) != 120 || w.count("LookupEvents") != 3 {
		t.Errorf("%d events, all=%t, after %d calls, %v", len(events), all, w.count("LookupEvents"), err)
	}
}
