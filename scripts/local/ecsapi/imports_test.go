package ecsapi_test

import (
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
)

// bucketWith puts one object into a bucket of the first account.
func (l *local) bucketWith(key string, content []byte) {
	l.Helper()
	cred, _ := l.cloud.Credential("local")
	s := l.cloud.As(cred.Caller)
	if err := s.PutBucket("uploads-of-ours", region); err != nil {
		l.Fatal(err)
	}
	if _, err := s.PutObject(cloudsim.PutObjectRequest{Bucket: "uploads-of-ours", Key: key, Content: cloudsim.ContentOf(content)}); err != nil {
		l.Fatal(err)
	}
}

// bootable is a disk that can be started.
func bootable() []byte {
	b := make([]byte, 1<<20)
	b[510], b[511] = 0x55, 0xaa
	return b
}

// TestImportOnTheWire: an import, its task and its check, and an export, as
// clients see them.
func TestImportOnTheWire(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	l.bucketWith("web.raw", bootable())
	in := l.must("ImportImage", "RegionId", region, "ImageName", "imported", "DetectionStrategy", "Standard", "LicenseType", "Auto",
		"DiskDeviceMapping.1.OSSBucket", "uploads-of-ours", "DiskDeviceMapping.1.OSSObject", "web.raw", "DiskDeviceMapping.1.Format", "RAW",
		"DiskDeviceMapping.1.DiskImageSize", "40")
	id, task := in.text("ImageId"), in.text("TaskId")
	if id == "" || task == "" || in.text("RegionId") != region {
		t.Fatal(in.body)
	}
	row := l.must("DescribeImages", "RegionId", region, "ImageId", id, "Status", "Creating")
	mapping := "Images.Image.DiskDeviceMappings.DiskDeviceMapping."
	if row.text(mapping+"Size") != "40" || row.text(mapping+"Format") != "RAW" || row.text(mapping+"ImportOSSObject") != "web.raw" {
		t.Errorf("%s", row.body)
	}
	list := l.must("DescribeTasks", "RegionId", region, "TaskAction", "ImportImage", "TaskIds", task)
	if list.text("TaskSet.Task.TaskStatus") != "Processing" || list.text("TaskSet.Task.SupportCancel") != "true" || list.text("TotalCount") != "1" {
		t.Errorf("%s", list.body)
	}
	l.state.Advance(time.Hour)
	ended := l.must("DescribeTaskAttribute", "RegionId", region, "TaskId", task)
	if ended.text("TaskStatus") != "Finished" || ended.text("TaskProcess") != "100%" || ended.text("ResourceId") != id {
		t.Errorf("%s", ended.body)
	}
	row = l.must("DescribeImages", "RegionId", region, "ImageId", id)
	if row.text("Images.Image.DetectionOptions.Status") != "Finished" || len(row.list("Images.Image.DetectionOptions.Items.Item")) < 8 {
		t.Errorf("%s", row.body)
	}
	out := l.must("ExportImage", "RegionId", region, "ImageId", id, "OSSBucket", "uploads-of-ours", "OSSPrefix", "out")
	l.state.Advance(time.Hour)
	ended = l.must("DescribeTaskAttribute", "RegionId", region, "TaskId", out.text("TaskId"))
	items := ended.list("OperationProgressSet.OperationProgress.RelatedItemSet.RelatedItem")
	if len(items) != 3 || items[1].(map[string]any)["Value"] != "out_"+id+"_system.raw.tar.gz" {
		t.Errorf("%s", ended.body)
	}
	expect(t, l.call("CancelTask", "RegionId", region, "TaskId", task), 403, "InvalidTaskId.IncorrectTaskStatus")
	expect(t, l.call("DescribeTaskAttribute", "RegionId", region, "TaskId", "t-none"), 400, "InvalidTaskId.NotFound")
	expect(t, l.call("ImportImage", "RegionId", region), 403, "MissingParameter.DiskDeviceMapping")
}

// TestRolesAndQuotasOnTheWire: RAM and Quota Center as far as imports ask them.
func TestRolesAndQuotasOnTheWire(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	role := l.must("GetRole", "RoleName", cloudsim.ImportRole)
	if role.text("Role.RoleName") != cloudsim.ImportRole || role.text("Role.AssumeRolePolicyDocument")[0] != '{' {
		t.Errorf("%s", role.body)
	}
	policies := l.must("ListPoliciesForRole", "RoleName", cloudsim.ImportRole)
	policy := l.must("GetPolicy", "PolicyType", policies.text("Policies.Policy.PolicyType"), "PolicyName", policies.text("Policies.Policy.PolicyName"))
	if policy.text("DefaultPolicyVersion.PolicyDocument")[0] != '{' {
		t.Errorf("%s", policy.body)
	}
	expect(t, l.call("GetRole", "RoleName", "nobody"), 404, "EntityNotExist.Role")
	quota := l.must("GetProductQuota", "ProductCode", "ecs", "QuotaActionCode", cloudsim.QuotaImages, "Dimensions.1.Key", "regionId", "Dimensions.1.Value", region)
	if quota.text("Quota.TotalQuota") != "100.0" || quota.text("Quota.TotalUsage") != "0.0" || quota.text("Quota.Dimensions.regionId") != region {
		t.Errorf("%s", quota.body)
	}
	expect(t, l.call("GetProductQuota", "ProductCode", "ecs", "QuotaActionCode", "q_none", "Dimensions.1.Key", "regionId", "Dimensions.1.Value", region), 400, "QUOTA.NOT.FOUND")
	expect(t, l.call("GetProductQuota", "QuotaActionCode", "q"), 400, "MissingProductCode")
	all := l.must("ListProductQuotas", "ProductCode", "ecs", "Dimensions.1.Key", "regionId", "Dimensions.1.Value", region)
	if len(all.list("Quotas")) != 2 {
		t.Errorf("%s", all.body)
	}
}

// TestEventsOnTheWire: what ActionTrail answers.
func TestEventsOnTheWire(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	image := l.addImages(1)[0]
	run := l.must("RunInstances", "RegionId", region, "ImageId", string(image), "InstanceType", "ecs.g7.large", "SystemDisk.Size", "0")
	l.state.Advance(11 * time.Minute)
	out := l.must("LookupEvents", "RegionId", region, "LookupAttribute.1.Key", "ResourceName", "LookupAttribute.1.Value", string(image))
	events := out.list("Events")
	if len(events) != 1 {
		t.Fatal(out.body)
	}
	event := events[0].(map[string]any)
	parameters, _ := event["requestParameters"].(map[string]any)
	if event["eventName"] != "RunInstances" || event["serviceName"] != "Ecs" || event["eventRW"] != "Write" || parameters["ImageId"] != string(image) {
		t.Errorf("%v of %s", event, run.body)
	}
	expect(t, l.call("LookupEvents", "RegionId", region, "StartTime", "yesterday"), 400, "InvalidParameter")
}
