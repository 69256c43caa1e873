package ecsapi_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
)

// row is a call that is refused, with the status and the code that the vendor documents.
type row struct {
	status int
	code   string
	action string
	pairs  []string
}

// rows makes rows of one action.
func rows(action string, refusals ...[]string) []row {
	var all []row
	for _, r := range refusals {
		status, _ := strconv.Atoi(r[0])
		all = append(all, row{status, r[1], action, r[2:]})
	}
	return all
}

// TestSecurityGroupsByTokens: each group once, and no count; the last page has no token.
func TestSecurityGroupsByTokens(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	vpc := l.must("DescribeVpcs", "RegionId", region).text("Vpcs.Vpc.VpcId")
	for n := range 12 {
		l.must("CreateSecurityGroup", "RegionId", region, "VpcId", vpc, "SecurityGroupName", "group-"+strconv.Itoa(n))
		l.state.Advance(time.Second)
	}
	first := l.must("DescribeSecurityGroups", "RegionId", region, "MaxResults", "10")
	next := first.text("NextToken")
	second := l.must("DescribeSecurityGroups", "RegionId", region, "MaxResults", "10", "NextToken", next)
	if len(first.list("SecurityGroups.SecurityGroup")) != 10 || len(second.list("SecurityGroups.SecurityGroup")) != 3 || strings.Contains(first.body, "TotalCount") || second.text("NextToken") != "" {
		t.Errorf("%s\n%s", first.body, second.body)
	}
	if all := l.must("DescribeSecurityGroups", "RegionId", region, "PageSize", "50"); all.text("TotalCount") != "13" || len(all.list("SecurityGroups.SecurityGroup")) != 13 {
		t.Errorf("%s", all.body)
	}
}

// TestAttributesOfAVSwitch, by the API of VPC: as clients look whether it is there.
func TestAttributesOfAVSwitch(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	known := l.must("DescribeVSwitches", "RegionId", region, "ZoneId", region+"-h").text("VSwitches.VSwitch.VSwitchId")
	if out := l.must("DescribeVSwitchAttributes", "Version", "2016-04-28", "RegionId", region, "VSwitchId", known); out.text("VSwitchId") != known || out.text("Status") != "Available" {
		t.Errorf("%s", out.body)
	}
	out := l.call("DescribeVSwitchAttributes", "Version", "2016-04-28", "RegionId", region, "VSwitchId", "vsw-none")
	if out.code() != "InvalidVSwitchId.NotFound" && out.code() != "InvalidVswitchID.NotFound" && out.text("VSwitchId") != "" {
		t.Errorf("%s", out.body)
	}
}

// TestDocumentedRefusals: each operation that other clients call refuses what the
// vendor documents that it refuses, by that code and status.
func TestDocumentedRefusals(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	long := strings.Repeat("x", 129)
	vpc := l.must("DescribeVpcs", "RegionId", region).text("Vpcs.Vpc.VpcId")
	base := string(l.addImages(1)[0])
	l.must("CreateKeyPair", "RegionId", region, "KeyPairName", "there")
	template := l.must("CreateLaunchTemplate", "RegionId", region, "LaunchTemplateName", "there", "ImageId", base).text("LaunchTemplateId")
	component := l.must("CreateImageComponent", "RegionId", region, "Name", "agent", "Content", "RUN true").text("ImageComponentId")
	l.must("CreateImagePipeline", "RegionId", region, "Name", "uses", "BaseImageType", "IMAGE", "BaseImage", base, "BuildContent", "COMPONENT "+component)
	l.state.Advance(time.Minute)
	names := make([]string, 101)
	for n := range names {
		names[n] = `"k` + strconv.Itoa(n) + `"`
	}
	many := "[" + strings.Join(names, ",") + "]"
	var table []row
	for _, some := range [][]row{
		rows("CreateKeyPair", []string{"400", "KeyPair.AlreadyExist", "KeyPairName", "there"}, []string{"400", "InvalidKeyPairName.Malformed", "KeyPairName", "x"},
			[]string{"400", "InvalidKeyPairName.Malformed", "KeyPairName", long}, []string{"400", "MissingParameter"}),
		rows("ImportKeyPair", []string{"400", "InvalidPublicKeyBody.Malformed", "KeyPairName", "other", "PublicKeyBody", "no key"}, []string{"400", "KeyPair.AlreadyExist", "KeyPairName", "there", "PublicKeyBody", "ssh-rsa AAAA x"}),
		rows("DeleteKeyPairs", []string{"400", "MissingParameter"}, []string{"400", "InvalidKeyPairNames.ValueNotSupported", "KeyPairNames", "there"}, []string{"403", "InstanceKeyPairLimitExceeded", "KeyPairNames", many}),
		rows("AttachKeyPair", []string{"400", "InvalidKeyPairName.NotFound", "KeyPairName", "nobody", "InstanceIds", `["i-none"]`}, []string{"400", "InvalidInstanceIds.ValueNotSupported", "KeyPairName", "there", "InstanceIds", "i-none"},
			[]string{"403", "InstanceKeyPairLimitExceeded", "KeyPairName", "there", "InstanceIds", many}),
		rows("DescribeInstanceAttribute", []string{"404", "InvalidInstanceId.NotFound", "InstanceId", "i-none"}),
		rows("DescribeUserData", []string{"404", "InvalidInstanceId.NotFound", "InstanceId", "i-none"}),
		rows("DescribeInstanceRamRole", []string{"403", "InvalidParameter.AllEmpty"}, []string{"400", "InvalidInstanceIds.Malformed", "InstanceIds", "i-none"}, []string{"404", "InvalidInstanceId.NotFound", "InstanceIds", `["i-none"]`}),
		rows("DescribeInstanceAttachmentAttributes", []string{"404", "InvalidInstanceIds.NotFound", "InstanceIds", `["i-none"]`}, []string{"403", "InvalidParameter.TooManyInstanceIds", "InstanceIds", many}),
		rows("CreateVSwitch", []string{"400", "InvalidParameter", "VpcId", vpc, "ZoneId", region + "-h", "CidrBlock", "8.8.8.0/24"}, []string{"400", "MissingParameter", "VpcId", vpc}),
		rows("DescribeSecurityGroups", []string{"400", "InvalidSecurityGroupId.Malformed", "SecurityGroupIds", "sg-none"}, []string{"400", "InValidParameter.NextToken", "MaxResults", "10", "NextToken", "nonsense"}),
		rows("CreateSecurityGroup", []string{"404", "InvalidVpcId.NotFound", "VpcId", "vpc-none"}, []string{"400", "InvalidSecurityGroupName.Malformed", "VpcId", vpc, "SecurityGroupName", "x"}),
		rows("DeleteSecurityGroup", []string{"404", "InvalidSecurityGroup.NotFound", "SecurityGroupId", "sg-none"}),
		rows("AuthorizeSecurityGroup", []string{"404", "InvalidSecurityGroupId.NotFound", "SecurityGroupId", "sg-none", "IpProtocol", "tcp", "PortRange", "22/22", "SourceCidrIp", "0.0.0.0/0"}),
		rows("AddTags", []string{"404", "InvalidResourceType.NotFound", "ResourceType", "picture", "ResourceId", base, "Tag.1.Key", "a"}, []string{"400", "InvalidTagCount", "ResourceType", "image", "ResourceId", base}),
		rows("RemoveTags", []string{"400", "InvalidTagCount", "ResourceType", "image", "ResourceId", base}, []string{"404", "InvalidResourceType.NotFound", "ResourceType", "picture", "ResourceId", base, "Tag.1.Key", "a"}),
		rows("CreateLaunchTemplate", []string{"403", "LaunchTemplateName.Duplicated", "LaunchTemplateName", "there"}, []string{"400", "InvalidLaunchTemplateName.Malformed", "LaunchTemplateName", "x"}, []string{"400", "MissingParameter"},
			[]string{"400", "InvalidUserData.Base64FormatInvalid", "LaunchTemplateName", "other", "UserData", "%%%"}),
		rows("CreateLaunchTemplateVersion", []string{"404", "InvalidLaunchTemplate.NotFound", "LaunchTemplateId", "lt-none"}),
		rows("ModifyLaunchTemplateDefaultVersion", []string{"404", "InvalidLaunchTemplate.NotFound", "LaunchTemplateId", "lt-none", "DefaultVersionNumber", "1"},
			[]string{"404", "InvalidLaunchTemplateVersion.NotFound", "LaunchTemplateId", template, "DefaultVersionNumber", "7"}),
		rows("DeleteLaunchTemplateVersion", []string{"403", "InvalidOperation.DeleteDefaultVersion", "LaunchTemplateId", template, "DeleteVersion.1", "1"}),
		rows("CreateImageComponent", []string{"400", "MissingParameter.Content", "Name", "empty"}, []string{"400", "InvalidName.Malformed", "Name", "x", "Content", "RUN true"}, []string{"404", "NotSupportedCommand.FROM", "Name", "from", "Content", "FROM x"},
			[]string{"400", "InvalidContent.LengthExceeded", "Name", "long", "Content", "RUN " + strings.Repeat("x", 17<<10)}, []string{"403", "InvalidComponentVersion.Exist", "Name", "agent", "ComponentVersion", "1.0.0", "Content", "RUN true"}),
		rows("DescribeImageComponents", []string{"400", "InvalidParameter.Owner", "Owner", "ME"}, []string{"403", "Invalid.NextToken", "NextToken", "nonsense"}),
		rows("DeleteImageComponent", []string{"404", "InvalidImageComponent.NotFound", "ImageComponentId", "ic-none"}, []string{"403", "InvalidImageComponent.InUse", "ImageComponentId", component}),
		rows("CreateImagePipeline", []string{"404", "InvalidImage.NotFound", "BaseImageType", "IMAGE", "BaseImage", "m-none"}, []string{"400", "InvalidBaseImageType.NotSupportedValue", "BaseImageType", "DISK", "BaseImage", base},
			[]string{"404", "ImageComponent.NotFound", "BaseImageType", "IMAGE", "BaseImage", base, "BuildContent", "COMPONENT ic-none"}),
		rows("StartImagePipelineExecution", []string{"404", "InvalidImagePipeline.NotFound", "ImagePipelineId", "ip-none"}),
		rows("DeleteImagePipeline", []string{"404", "InvalidImagePipeline.NotFound", "ImagePipelineId", "ip-none"}),
		{{404, "InvalidInstanceId.NotFound", "DescribeInstanceAttribute", []string{"InstanceId", "i-none"}}},
	} {
		table = append(table, some...)
	}
	for _, r := range table {
		out := l.call(r.action, append([]string{"RegionId", region}, r.pairs...)...)
		if out.code() != r.code || out.status != r.status {
			t.Errorf("%s %.200v: %d %.200s, want %d %s", r.action, r.pairs, out.status, out.body, r.status, r.code)
		}
	}
}
