package ecsapi_test

import (
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
)

// TestBootOnTheWire: an instance that tries an image, as clients see it.
func TestBootOnTheWire(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	image := string(l.addImages(1)[0])
	release := l.state.Now().Add(time.Hour).Format("2006-01-02T15:04:05Z")
	run := l.must("RunInstances", "RegionId", region, "ImageId", image, "InstanceType", "ecs.g7.large", "AutoReleaseTime", release, "MinAmount", "1",
		"Amount", "1", "Tag.1.Key", "imagekeeper:test", "Tag.1.Value", "x")
	id := run.list("InstanceIdSets.InstanceIdSet")[0].(string)
	one := []string{"RegionId", region, "InstanceIds", `["` + id + `"]`}
	if out := l.must("DescribeInstances", one...); out.text("Instances.Instance.Status") != "Pending" || out.text("Instances.Instance.AutoReleaseTime") != release[:16]+"Z" ||
		len(out.list("Instances.Instance.PublicIpAddress.IpAddress")) != 0 {
		t.Errorf("%s", out.body)
	}
	l.state.Advance(time.Minute)
	alive := l.must("DescribeCloudAssistantStatus", "RegionId", region, "InstanceId.1", id)
	const row = "InstanceCloudAssistantStatusSet.InstanceCloudAssistantStatus."
	if alive.text(row+"CloudAssistantStatus") != "true" || alive.text(row+"LastHeartbeatTime") == "" {
		t.Errorf("%s", alive.body)
	}
	invoke := l.must("RunCommand", "RegionId", region, "Type", "RunShellScript", "CommandContent", "true", "InstanceId.1", id, "Timeout", "60").text("InvokeId")
	l.state.Advance(time.Minute)
	out := l.must("DescribeInvocationResults", "RegionId", region, "InvokeId", invoke, "ContentEncoding", "PlainText")
	const result = "Invocation.InvocationResults.InvocationResult."
	if out.text(result+"InvocationStatus") != "Success" || out.text(result+"ExitCode") != "0" || out.text(result+"Output") != "ok\n" || out.text("Invocation.TotalCount") != "1" {
		t.Errorf("%s", out.body)
	}
	list := l.must("DescribeInvocations", "RegionId", region, "InvokeId", invoke)
	if list.text("Invocations.Invocation.InvocationStatus") != "Success" || list.text("Invocations.Invocation.InvokeInstances.InvokeInstance.InvocationStatus") != "Success" {
		t.Errorf("%s", list.body)
	}
	if console := l.must("GetInstanceConsoleOutput", "RegionId", region, "InstanceId", id); console.text("ConsoleOutput") == "" || strings.Contains(console.text("LastUpdateTime"), "Z") {
		t.Errorf("%s", console.body)
	}
	l.state.Advance(time.Hour)
	if out := l.must("DescribeInstances", one...); out.text("TotalCount") != "0" {
		t.Errorf("it was not released: %s", out.body)
	}
}

// TestBootModesAndStockAreChosen: the two routes of tests.
func TestBootModesAndStockAreChosen(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	image := string(l.addImages(1)[0])
	boot, stock := "/_local/images/"+image+"/boot", "/_local/stock"
	for _, c := range []struct {
		path, body, field string
		status            int
	}{
		{boot, `{"mode":"commandFails"}`, "", 204},
		{boot, `{"mode":"sometimes"}`, "mode", 400},
		{boot, `{}`, "mode", 400},
		{boot, `{"mode":"ok","more":1}`, "more", 400},
		{"/_local/images/m-none/boot", `{"mode":"ok"}`, "imageId", 404},
		{stock, `{"regionId":"cn-hangzhou","instanceType":"ecs.g7.large","available":false}`, "", 204},
		{stock, `{"instanceType":"ecs.g7.large","available":false}`, "regionId", 400},
		{stock, `{"regionId":"cn-hangzhou","available":false}`, "instanceType", 400},
		{stock, `{"regionId":"cn-hangzhou","instanceType":"ecs.g7.large"}`, "available", 400},
		{stock, `{"regionId":"cn-hangzhou","instanceType":"ecs.none","available":true}`, "instanceType", 404},
	} {
		status, text := l.admin("POST", c.path, c.body)
		if status != c.status || !strings.Contains(text, c.field) {
			t.Errorf("%s %s: %d %s, want %d that names %s", c.path, c.body, status, text, c.status, c.field)
		}
	}
	expect(t, l.call("RunInstances", "RegionId", region, "ImageId", image, "InstanceType", "ecs.g7.large"), 403, "OperationDenied.NoStock")
	id := l.must("RunInstances", "RegionId", region, "ImageId", image, "InstanceType", "ecs.c7.large").list("InstanceIdSets.InstanceIdSet")[0].(string)
	l.state.Advance(time.Minute)
	invoke := l.must("RunCommand", "RegionId", region, "Type", "RunShellScript", "CommandContent", "true", "InstanceId.1", id).text("InvokeId")
	l.state.Advance(time.Minute)
	out := l.must("DescribeInvocationResults", "RegionId", region, "InvokeId", invoke)
	const result = "Invocation.InvocationResults.InvocationResult."
	if out.text(result+"InvocationStatus") != "Failed" || out.text(result+"InvokeRecordStatus") != "Finished" || out.text(result+"ExitCode") != "1" {
		t.Errorf("%s", out.body)
	}
}

// TestNetworkOnTheWire: what clients look up before they run an instance.
func TestNetworkOnTheWire(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	vpc := l.must("DescribeVpcs", "RegionId", region).text("Vpcs.Vpc.VpcId")
	switches := l.must("DescribeVSwitches", "RegionId", region, "VpcId", vpc)
	group := l.must("DescribeSecurityGroups", "RegionId", region, "VpcId", vpc).text("SecurityGroups.SecurityGroup.SecurityGroupId")
	found := l.must("DescribeSecurityGroups", "RegionId", region, "SecurityGroupIds", `["`+group+`"]`)
	if len(switches.list("VSwitches.VSwitch")) < 2 || found.text("TotalCount") != "1" {
		t.Errorf("%s %s", switches.body, found.body)
	}
	if none := l.must("DescribeVpcs", "RegionId", region, "VpcId", "vpc-none"); none.text("TotalCount") != "0" {
		t.Errorf("%s", none.body)
	}
	image := string(l.addImages(1)[0])
	l.must("AddTags", "RegionId", region, "ResourceType", "image", "ResourceId", image, "Tag.1.Key", "a", "Tag.1.Value", "b")
	l.must("RemoveTags", "RegionId", region, "ResourceType", "image", "ResourceId", image, "Tag.1.Key", "a")
	if out := l.must("DescribeImages", "RegionId", region, "ImageId", image); len(out.list("Images.Image.Tags.Tag")) != 0 {
		t.Errorf("%s", out.body)
	}
}

// TestMadeNetworkOnTheWire: a VPC, a vSwitch in it and a security group are made, used
// for nothing and taken away, in the order that their dependencies ask for.
func TestMadeNetworkOnTheWire(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	made := l.must("CreateVpc", "RegionId", region, "VpcName", "builder", "ClientToken", "one").text("VpcId")
	if again := l.must("CreateVpc", "RegionId", region, "VpcName", "builder", "ClientToken", "one").text("VpcId"); again != made {
		t.Errorf("%s and %s by one token", made, again)
	}
	status := func() string {
		return l.must("DescribeVpcs", "RegionId", region, "VpcId", made).text("Vpcs.Vpc.Status")
	}
	const zone = region + "-h"
	l.refused("IncorrectVpcStatus", "CreateVSwitch", "RegionId", region, "VpcId", made, "ZoneId", zone, "CidrBlock", "172.16.0.0/24")
	if got := status(); got != "Pending" {
		t.Errorf("a new VPC is %s", got)
	}
	l.state.Advance(time.Minute)
	if got := status(); got != "Available" {
		t.Errorf("a VPC is %s", got)
	}
	vSwitch := l.must("CreateVSwitch", "RegionId", region, "VpcId", made, "ZoneId", zone, "CidrBlock", "172.16.0.0/24").text("VSwitchId")
	l.refused("InvalidCidrBlock.Overlapped", "CreateVSwitch", "RegionId", region, "VpcId", made, "ZoneId", zone, "CidrBlock", "172.16.0.0/25")
	l.refused("InvalidParameter", "CreateVSwitch", "RegionId", region, "VpcId", made, "ZoneId", zone, "CidrBlock", "10.0.0.0/24")
	group := l.must("CreateSecurityGroup", "RegionId", region, "VpcId", made, "SecurityGroupName", "builder").text("SecurityGroupId")
	for _, operation := range []string{"AuthorizeSecurityGroup", "AuthorizeSecurityGroupEgress"} {
		peer := map[string]string{"AuthorizeSecurityGroup": "SourceCidrIp", "AuthorizeSecurityGroupEgress": "DestCidrIp"}[operation]
		l.must(operation, "RegionId", region, "SecurityGroupId", group, "IpProtocol", "all", "PortRange", "-1/-1", "NicType", "internet", peer, "0.0.0.0/0")
		l.must(operation, "RegionId", region, "SecurityGroupId", group, "Permissions.1.IpProtocol", "tcp", "Permissions.1.PortRange", "22/22", "Permissions.1."+peer, "10.0.0.0/8")
	}
	l.refused("MissingParameter.Source", "AuthorizeSecurityGroup", "RegionId", region, "SecurityGroupId", group, "IpProtocol", "tcp", "PortRange", "22/22")
	if rules := l.must("DescribeSecurityGroups", "RegionId", region, "SecurityGroupId", group); rules.text("SecurityGroups.SecurityGroup.RuleCount") != "4" {
		t.Errorf("%s", rules.body)
	}
	l.state.Advance(time.Minute)
	l.refused("DependencyViolation.VSwitch", "DeleteVpc", "VpcId", made)
	l.must("DeleteVSwitch", "VSwitchId", vSwitch)
	l.state.Advance(time.Minute)
	l.refused("DependencyViolation.SecurityGroup", "DeleteVpc", "VpcId", made)
	l.must("DeleteSecurityGroup", "RegionId", region, "SecurityGroupId", group)
	l.must("DeleteVpc", "VpcId", made)
	if got := status(); got != "Deleting" {
		t.Errorf("a VPC that goes is %s", got)
	}
	l.state.Advance(time.Minute)
	if gone := l.must("DescribeVpcs", "RegionId", region, "VpcId", made); gone.text("TotalCount") != "0" {
		t.Errorf("%s", gone.body)
	}
	l.refused("InvalidVpcId.NotFound", "DeleteVpc", "VpcId", made)
}

// refused is a call that is refused with a code.
func (l *local) refused(code, action string, pairs ...string) {
	l.Helper()
	if out := l.call(action, pairs...); out.code() != code {
		l.Errorf("%s %v: %s, want %s", action, pairs, out.body, code)
	}
}
