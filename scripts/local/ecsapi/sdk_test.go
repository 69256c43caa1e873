package ecsapi_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/location"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
)

// realTime is a server whose clients sign by the machine's clock.
func realTime(t *testing.T) *local {
	t.Helper()
	l := serveCompany(t, 60, ecsapi.Options{})
	l.api = ecsapi.New(l.cloud, ecsapi.Options{Strict: true, CloudClock: l.state})
	l.Config.Handler = l.api
	return l
}

// sdkClient is the vendor's client, pointed at the server.
func (l *local) sdkClient(key string) *ecs.Client {
	l.Helper()
	client, err := ecs.NewClientWithAccessKey(region, key, key+"-secret")
	if err != nil {
		l.Fatal(err)
	}
	client.Domain = l.Listener.Addr().String()
	return client
}

// TestVendorSDK walks an image through its life with the vendor's own client.
func TestVendorSDK(t *testing.T) {
	t.Parallel()
	l := realTime(t)
	client := l.sdkClient("local")
	instances := ecs.CreateDescribeInstancesRequest()
	instances.MaxResults = "10"
	from, err := client.DescribeInstances(instances)
	if err != nil || len(from.Instances.Instance) == 0 {
		t.Fatalf("%v, %d instances", err, from.TotalCount)
	}

	create := ecs.CreateCreateImageRequest()
	create.InstanceId, create.ImageName, create.Description = from.Instances.Instance[0].InstanceId, "sdk-image", "a b*~/中"
	create.Tag = &[]ecs.CreateImageTag{{Key: "made by", Value: "sdk"}}
	created, err := client.CreateImage(create)
	if err != nil {
		t.Fatal(err)
	}
	l.state.Advance(time.Hour)
	id := created.ImageId
	got := l.sdkImage(client, id)
	if got.Description != "a b*~/中" || got.Status != "Available" || got.Size == 0 || got.Tags.Tag[0].TagValue != "sdk" ||
		got.DiskDeviceMappings.DiskDeviceMapping[0].Type != "system" {
		t.Errorf("created %+v", got)
	}
	l.sdkCopyAndShare(client, id)
	l.sdkTag(client, id)

	remove := ecs.CreateDeleteImageRequest()
	remove.ImageId, remove.Force = id, "true"
	if _, err := client.DeleteImage(remove); err != nil {
		t.Error(err)
	}
	if left := l.sdkImage(client, id); left.ImageId != "" {
		t.Errorf("left %+v", left)
	}
}

// sdkImage reads one image; its zero value is none.
func (l *local) sdkImage(client *ecs.Client, id string) ecs.Image {
	l.Helper()
	list := ecs.CreateDescribeImagesRequest()
	list.ImageId = id
	answer, err := client.DescribeImages(list)
	if err != nil {
		l.Fatal(err)
	}
	if len(answer.Images.Image) != 1 {
		return ecs.Image{}
	}
	return answer.Images.Image[0]
}

func (l *local) sdkCopyAndShare(client *ecs.Client, id string) {
	l.Helper()
	duplicate := ecs.CreateCopyImageRequest()
	duplicate.ImageId, duplicate.DestinationRegionId, duplicate.DestinationImageName = id, "cn-shanghai", "sdk-copy"
	if copied, err := client.CopyImage(duplicate); err != nil || !strings.HasPrefix(copied.ImageId, "m-") {
		l.Errorf("copy: %v", err)
	}
	for _, c := range []struct {
		add, remove *[]string
		want        int
	}{{&[]string{second}, nil, 1}, {nil, &[]string{second}, 0}} {
		share := ecs.CreateModifyImageSharePermissionRequest()
		share.ImageId, share.AddAccount, share.RemoveAccount = id, c.add, c.remove
		if _, err := client.ModifyImageSharePermission(share); err != nil {
			l.Error(err)
		}
		with := ecs.CreateDescribeImageSharePermissionRequest()
		with.ImageId = id
		if granted, err := client.DescribeImageSharePermission(with); err != nil || len(granted.Accounts.Account) != c.want {
			l.Errorf("shared with %+v, %v; want %d", granted.Accounts, err, c.want)
		}
		seen := l.sdkImage(l.sdkClient("local2"), id)
		if (seen.ImageId == id) != (c.want == 1) {
			l.Errorf("the other account sees %q", seen.ImageId)
		}
	}
}

func (l *local) sdkTag(client *ecs.Client, id string) {
	l.Helper()
	tag := ecs.CreateTagResourcesRequest()
	tag.ResourceType, tag.ResourceId, tag.Tag = "image", &[]string{id}, &[]ecs.TagResourcesTag{{Key: "env", Value: "test"}}
	if _, err := client.TagResources(tag); err != nil {
		l.Error(err)
	}
	untag := ecs.CreateUntagResourcesRequest()
	untag.ResourceType, untag.ResourceId, untag.TagKey = "image", &[]string{id}, &[]string{"made by"}
	if _, err := client.UntagResources(untag); err != nil {
		l.Error(err)
	}
	tags := ecs.CreateListTagResourcesRequest()
	tags.ResourceType, tags.ResourceId = "image", &[]string{id}
	if list, err := client.ListTagResources(tags); err != nil || len(list.TagResources.TagResource) != 1 || list.TagResources.TagResource[0].TagKey != "env" {
		l.Errorf("tags %+v, %v", list.TagResources, err)
	}
}

// TestVendorSDKErrors: the client understands our errors as the vendor's.
func TestVendorSDKErrors(t *testing.T) {
	t.Parallel()
	l := realTime(t)
	expectSDK := func(client *ecs.Client, status int, code string) {
		t.Helper()
		list := ecs.CreateDescribeImagesRequest()
		list.ImageOwnerId = "1"
		_, err := client.DescribeImages(list)
		var server *sdkerrors.ServerError
		if !errors.As(err, &server) || server.HttpStatus() != status || server.ErrorCode() != code || server.RequestId() == "" ||
			!strings.Contains(server.Recommend(), code) && server.ErrorCode() != "SignatureDoesNotMatch" {
			t.Errorf("got %v, want %d %s", err, status, code)
		}
	}
	expectSDK(l.sdkClient("local"), 400, "InvalidOperation.ImageOwnerIdUnsupported")
	expectSDK(l.sdkClient("nobody"), 404, "InvalidAccessKeyId.NotFound")
	wrong, err := ecs.NewClientWithAccessKey(region, "local", "guessed")
	if err != nil {
		t.Fatal(err)
	}
	wrong.Domain = l.Listener.Addr().String()
	_, err = wrong.DescribeRegions(ecs.CreateDescribeRegionsRequest())
	var server *sdkerrors.ServerError
	if !errors.As(err, &server) || server.ErrorCode() != "SignatureDoesNotMatch" || !strings.Contains(server.Recommend(), "AccessKeySecret") {
		t.Errorf("got %v; want the advice that the secret is wrong", err)
	}
}

// TestVendorSDKIdentity: a role is assumed, the region's endpoint looked up,
// and the session used there.
func TestVendorSDKIdentity(t *testing.T) {
	t.Parallel()
	l := realTime(t)
	host := l.Listener.Addr().String()
	identity, err := sts.NewClientWithAccessKey(region, "local", "local-secret")
	if err != nil {
		t.Fatal(err)
	}
	identity.Domain = host
	assume := sts.CreateAssumeRoleRequest()
	assume.Scheme, assume.RoleArn, assume.RoleSessionName = "HTTP", cloudsim.ReaderRole, "sdk"
	assume.DurationSeconds = requests.NewInteger(900)
	role, err := identity.AssumeRole(assume)
	if err != nil {
		t.Fatal(err)
	}
	c := role.Credentials
	session := credentials.NewStsTokenCredential(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken)
	places, err := location.NewClientWithOptions(region, sdk.NewConfig(), session)
	if err != nil {
		t.Fatal(err)
	}
	places.Domain = host
	where := location.CreateDescribeEndpointsRequest()
	where.Scheme, where.Id, where.ServiceCode, where.Type = "HTTP", region, "ecs", "openAPI"
	found, err := places.DescribeEndpoints(where)
	if err != nil || len(found.Endpoints.Endpoint) != 1 || found.Endpoints.Endpoint[0].Endpoint != host {
		t.Fatalf("%v %+v", err, found.Endpoints)
	}
	client, err := ecs.NewClientWithOptions(region, sdk.NewConfig(), session)
	if err != nil {
		t.Fatal(err)
	}
	client.Domain = found.Endpoints.Endpoint[0].Endpoint
	if _, err := client.DescribeImages(ecs.CreateDescribeImagesRequest()); err != nil {
		t.Error(err)
	}
	calls := l.api.Calls()
	if last := calls[len(calls)-1]; last.Account != second || last.AccessKeyID != c.AccessKeyId {
		t.Errorf("acted as %+v", last)
	}
}
