package cloudsim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

func TestAssumedRoleReadsTheOtherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{})
	got, err := w.s.AssumeRole(cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "find"})
	if err != nil {
		t.Fatal(err)
	}
	cred, ok := w.cloud.Credential(got.AccessKeyID)
	if !ok || cred.SecurityToken == "" || cred.Secret == "" || !cred.Expires.Equal(w.clock.Now().Add(time.Hour)) {
		t.Fatalf("credential %+v, %v", cred, ok)
	}
	reader := w.cloud.As(cred.Caller)
	who, err := reader.GetCallerIdentity()
	if err != nil || who.Account != two || who.IdentityType != "AssumedRoleUser" || who.ARN != got.ARN {
		t.Errorf("identity %+v, %v", who, err)
	}
	if list := w.list(reader, hangzhou); len(list) != 1 || list[0].ID != id {
		t.Errorf("the role sees %+v", list)
	}
	err = reader.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: id})
	expect(t, err, "Forbidden.RAM", 403)
	w.clock.Advance(3 * time.Hour)
	if _, err := w.s.AssumeRole(cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "find"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.cloud.Credential(got.AccessKeyID); ok {
		t.Error("a key that expired long ago is still known")
	}
}

func TestRoleIsAllowedLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	got, err := w.s.AssumeRole(cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "find"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cloud.AllowRole(cloudsim.ReaderRole, []string{"ecs:DescribeImages"}); err != nil {
		t.Fatal(err)
	}
	later, err := w.s.AssumeRole(cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "find"})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{got.AccessKeyID, later.AccessKeyID} {
		reader := sessionOf(t, w.cloud, key)
		w.list(reader, hangzhou)
		_, err = reader.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
		expect(t, err, "Forbidden.RAM", 403)
	}
	if _, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou}); err != nil {
		t.Errorf("who assumes the role: %v", err)
	}
	if err := w.cloud.AllowRole("acs:ram::1000000000000002:role/none", nil); !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestSessionPolicyNarrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	got, err := w.s.AssumeRole(cloudsim.AssumeRoleRequest{
		RoleARN: cloudsim.ReaderRole, SessionName: "x1", Allow: []string{"ecs:DescribeImages", "ecs:DeleteImage"},
	})
	if err != nil {
		t.Fatal(err)
	}
	reader := w.cloud.As(got.Credential.Caller)
	w.list(reader, hangzhou)
	_, err = reader.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
	expect(t, err, "Forbidden.RAM", 403)
	expect(t, reader.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: "m-1"}), "Forbidden.RAM", 403)
}

func TestAssumeRoleRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	root := w.cloud.As(cloudsim.Caller{Account: one, Type: "Account"})
	for _, c := range []struct {
		name    string
		session *cloudsim.Session
		req     cloudsim.AssumeRoleRequest
		code    string
		status  int
	}{
		{"no role", w.s, cloudsim.AssumeRoleRequest{SessionName: "ab"}, "MissingParameter", 400},
		{"no session name", w.s, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole}, "MissingParameter", 400},
		{"not a role", w.s, cloudsim.AssumeRoleRequest{RoleARN: "role", SessionName: "ab"}, "InvalidParameter.RoleArn", 400},
		{"unknown role", w.s, cloudsim.AssumeRoleRequest{RoleARN: "acs:ram::1000000000000002:role/none", SessionName: "ab"}, "EntityNotExist.Role", 404},
		{"session name too short", w.s, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "a"}, "InvalidParameter.RoleSessionName", 400},
		{"session name with a slash", w.s, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "a/b"}, "InvalidParameter.RoleSessionName", 400},
		{"too short", w.s, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "ab", Duration: time.Minute}, "InvalidParameter.DurationSeconds", 400},
		{"too long", w.s, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "ab", Duration: 2 * time.Hour}, "InvalidParameter.DurationSeconds", 400},
		{"not trusted", w.s2, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "ab"}, "NoPermission", 403},
		{"root", root, cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "ab"}, "NoPermission", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.session.AssumeRole(c.req)
			expect(t, err, c.code, c.status)
		})
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	user, _ := w.s.GetCallerIdentity()
	if user.IdentityType != "RAMUser" || user.ARN != "acs:ram::1000000000000001:user/local" || len(user.UserID) != 18 {
		t.Errorf("%+v", user)
	}
	root, _ := w.cloud.As(cloudsim.Caller{Account: two, Type: "Account"}).GetCallerIdentity()
	if root.IdentityType != "Account" || !strings.HasSuffix(root.ARN, ":root") || root.UserID != string(two) {
		t.Errorf("%+v", root)
	}
	if _, ok := w.cloud.Credential("nobody"); ok {
		t.Error("an unknown key is known")
	}
}

func TestKeysWithLessPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	if err := w.cloud.AddKey(one, "less", "secret", "less", []string{"ecs:describeimage*"}); err != nil {
		t.Fatal(err)
	}
	less := sessionOf(t, w.cloud, "less")
	w.list(less, hangzhou)
	_, err := less.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
	expect(t, err, "Forbidden.RAM", 403)
	_, err = less.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou})
	expect(t, err, "Forbidden.RAM", 403)
	w.cloud.SetReadings(cloudsim.Readings{DeniedListsEmpty: true})
	page, err := less.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou})
	if err != nil || len(page.Instances) != 0 || page.Mark.Total != 0 || page.Next != "" {
		t.Errorf("instances without permission: %+v, %v", page, err)
	}
	disks, err := less.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
	if err != nil || len(disks.Disks) != 0 || disks.Mark.Total != 0 || disks.Next != "" {
		t.Errorf("disks without permission: %+v, %v", disks, err)
	}
	_, err = less.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, DryRun: true})
	expect(t, err, "Forbidden.RAM", 403)
	_, err = w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, DryRun: true})
	expect(t, err, "DryRunOperation", 400)
	for account, want := range map[image.AccountID]fault.Kind{"1000000000000100": fault.NotFound, "x": fault.NotFound, one: fault.Conflict} {
		if err := w.cloud.AddKey(account, "less", "secret", "less", nil); !errors.Is(err, want) {
			t.Errorf("a further key of %s: %v, want kind %s", account, err, want)
		}
	}
	if err := w.cloud.AllowOnly("nobody", nil); !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
}

// A permission may be for some buckets, objects and roles only.
func TestPermissionsOnResources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow           string
		get, list, role bool
	}{
		{"*", true, true, true},
		{"* on *", true, true, true},
		{"oss:* on acs:oss:*:*:mine", false, true, false},
		{"oss:* on acs:oss:*:*:mine/*", true, false, false},
		{"oss:* on acs:oss:*:1000000000000001:mine/logs/*", true, false, false},
		{"oss:* on acs:oss:*:1000000000000002:mine/*", false, false, false},
		{"oss:* on acs:oss:*:*:min", false, false, false},
		{"oss:* on acs:oss:*:*:*mine", false, true, false},
		{"oss:* on acs:oss:*:*:mine/*log*log", true, false, false},
		{"oss:* on acs:oss:*:*:mine/*log*log*log", false, false, false},
		{"oss:GetObject on acs:oss:*:*:mine*", true, false, false},
		{"sts:AssumeRole on acs:ram:*:*:role/imagekeeper-reader", false, false, true},
		{"sts:AssumeRole on acs:ram:*:*:role/imagekeeper-writer", false, false, false},
	} {
		w := newWorld(t, cloudsim.Options{})
		if err := errors.Join(w.s.PutBucket("mine", hangzhou), w.cloud.AddKey(one, "some", "secret", "some", []string{c.allow})); err != nil {
			t.Fatal(err)
		}
		if _, err := w.s.AppendObject(cloudsim.AppendObjectRequest{Bucket: "mine", Key: "logs/a.log", Content: cloudsim.ContentOf([]byte("x"))}); err != nil {
			t.Fatal(err)
		}
		some := sessionOf(t, w.cloud, "some")
		_, get := some.GetObject(cloudsim.ObjectName{Bucket: "mine", Key: "logs/a.log"})
		_, list := some.ListObjects(cloudsim.ListObjectsRequest{Bucket: "mine", Max: 10})
		_, role := some.AssumeRole(cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "find"})
		if (get == nil) != c.get || (list == nil) != c.list || (role == nil) != c.role {
			t.Errorf("%s: get %v, list %v, role %v", c.allow, get, list, role)
		}
	}
}

// Every operation asks for its own permission before it looks at anything.
func TestEveryOperationNeedsItsPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	if err := w.cloud.AllowOnly("local", []string{}); err != nil {
		t.Fatal(err)
	}
	s := sessionOf(t, w.cloud, "local")
	calls := map[string]func() error{
		"DescribeRegions":       func() error { _, err := s.DescribeRegions(cloudsim.DescribeRegionsRequest{}); return err },
		"DescribeZones":         func() error { _, err := s.DescribeZones(cloudsim.DescribeZonesRequest{}); return err },
		"DescribeInstanceTypes": func() error { _, err := s.DescribeInstanceTypes(cloudsim.DescribeInstanceTypesRequest{}); return err },
		"DescribeImages":        func() error { _, err := s.DescribeImages(cloudsim.DescribeImagesRequest{}); return err },
		"DescribeImageFromFamily": func() error {
			_, _, err := s.DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{})
			return err
		},
		"DescribeImageSupportInstanceTypes": func() error {
			_, err := s.DescribeImageSupportInstanceTypes(cloudsim.DescribeImageSupportInstanceTypesRequest{})
			return err
		},
		"CreateImage":                func() error { _, err := s.CreateImage(cloudsim.CreateImageRequest{}); return err },
		"CopyImage":                  func() error { _, err := s.CopyImage(cloudsim.CopyImageRequest{}); return err },
		"CancelCopyImage":            func() error { return s.CancelCopyImage(cloudsim.ImageRequest{}) },
		"DeleteImage":                func() error { return s.DeleteImage(cloudsim.DeleteImageRequest{}) },
		"ModifyImageAttribute":       func() error { return s.ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{}) },
		"ModifyImageSharePermission": func() error { return s.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{}) },
		"DescribeImageSharePermission": func() error {
			_, err := s.DescribeImageSharePermission(cloudsim.DescribeImageSharePermissionRequest{})
			return err
		},
		"TagResources":           func() error { return s.TagResources(cloudsim.TagResourcesRequest{}) },
		"JoinResourceGroup":      func() error { return s.JoinResourceGroup(cloudsim.JoinGroupRequest{}) },
		"UntagResources":         func() error { return s.UntagResources(cloudsim.UntagResourcesRequest{}) },
		"ListTagResources":       func() error { _, err := s.ListTagResources(cloudsim.ListTagResourcesRequest{}); return err },
		"DescribeTags":           func() error { _, err := s.DescribeTags(cloudsim.DescribeTagsRequest{}); return err },
		"DescribeInstanceStatus": func() error { _, err := s.DescribeInstanceStatus(cloudsim.DescribeInstanceStatusRequest{}); return err },
		"DescribeDisks":          func() error { _, err := s.DescribeDisks(cloudsim.DescribeDisksRequest{}); return err },
		"DescribeSnapshots":      func() error { _, err := s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{}); return err },
	}
	for name, call := range calls {
		err := call()
		expect(t, err, "Forbidden.RAM", 403)
		var no *cloudsim.Refusal
		if !errors.As(err, &no) || no.Action != "ecs:"+name || !errors.Is(err, fault.Forbidden) {
			t.Errorf("%s: %+v", name, no)
		}
	}
}

// A policy that names things allows an action on these alone; one that is about
// several kinds of things takes a permission for each.
func TestPermissionsOnThings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	const on = " on acs:ecs:*:*:"
	mine, other := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{}), w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	as := func(allow ...string) *cloudsim.Session {
		return w.cloud.As(cloudsim.Caller{Account: one, Type: "RAMUser", Name: "narrow", Allow: allow})
	}
	narrow := as("ecs:StopInstance" + on + "instance/" + string(mine))
	expect(t, narrow.StopInstance(cloudsim.StopInstanceRequest{InstanceID: other}), "Forbidden.RAM", 403)
	if err := narrow.StopInstance(cloudsim.StopInstanceRequest{InstanceID: mine}); err != nil {
		t.Error(err)
	}
	expect(t, as("ecs:StopInstance"+on+"image/*").StopInstance(cloudsim.StopInstanceRequest{InstanceID: other}), "Forbidden.RAM", 403)
	request := cloudsim.ReplaceSystemDiskRequest{InstanceID: mine, ImageID: "m-none"}
	some := []string{"ecs:ReplaceSystemDisk" + on + "instance/*", "ecs:ReplaceSystemDisk" + on + "disk/*"}
	_, err := as(some...).ReplaceSystemDisk(request)
	expect(t, err, "Forbidden.RAM", 403)
	_, err = as(append(some, "ecs:ReplaceSystemDisk"+on+"image/*")...).ReplaceSystemDisk(request)
	expect(t, err, "IncorrectInstanceStatus", 403)
}
