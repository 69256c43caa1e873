package ecsapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// fleetTrees are what the operations of this file's kind may answer.
func fleetTrees(t *testing.T) map[string]*node {
	t.Helper()
	all := map[string]*node{}
	for line := range strings.Lines(string(readFile(t, "testdata/response-trees-fleet.txt"))) {
		if name, tree, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			all[name] = (&grammar{tree}).node()
		}
	}
	return all
}

// neverInFleet are the keys of an operation's answer that this cloud leaves out.
func neverInFleet(t *testing.T, action string) []string {
	t.Helper()
	var keys []string
	for line := range strings.Lines(string(readFile(t, "testdata/never-answered-fleet.txt"))) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, action+".") {
			keys = append(keys, line)
		}
	}
	return keys
}

// everyFleetCall makes successful calls of every operation that is about prices,
// histories and references.
func everyFleetCall(l *local) map[string][]reply {
	answers := map[string][]reply{}
	call := func(action string, pairs ...string) reply {
		out := l.must(action, append([]string{"RegionId", region}, pairs...)...)
		answers[action] = append(answers[action], out)
		return out
	}
	const base = "aliyun_3_x64_20G_alibase_20260815.vhd"
	run := call("RunInstances", "ImageId", base, "InstanceType", "ecs.g7.large", "Amount", "2", "DataDisk.1.Size", "20", "DataDisk.1.DeleteWithInstance", "false")
	ids := run.list("InstanceIdSets.InstanceIdSet")
	first, second := ids[0].(string), ids[1].(string)
	l.state.Advance(time.Minute)
	call("RebootInstance", "InstanceId", first)
	l.state.Advance(time.Minute)
	call("StopInstance", "InstanceId", first, "StoppedMode", "StopCharging")
	call("StopInstances", "InstanceId.1", second)
	l.state.Advance(time.Minute)
	disk := call("ReplaceSystemDisk", "InstanceId", first, "ImageId", base).text("DiskId")
	l.state.Advance(time.Minute)
	call("StartInstance", "InstanceId", first)
	call("StartInstances", "InstanceId.1", second)
	l.state.Advance(time.Minute)
	snapshot := call("CreateSnapshot", "DiskId", disk, "SnapshotName", "by-hand").text("SnapshotId")
	l.state.Advance(time.Minute)
	call("DescribeSnapshotLinks", "PageSize", "100")
	call("DescribeSnapshotsUsage")
	call("DeleteSnapshot", "SnapshotId", snapshot)
	call("DeleteInstance", "InstanceId", first, "Force", "true")
	call("DeleteInstances", "InstanceId.1", second, "Force", "true")
	for _, unit := range []string{"Hour", "Year"} {
		call("DescribePrice", "InstanceType", "ecs.g7.large", "ImageId", "redhat_9_6_x64_20G_alibase_20260618.vhd", "PriceUnit", unit)
	}
	for _, row := range l.must("DescribeImages", "RegionId", region, "ImageOwnerAlias", "marketplace").list("Images.Image") {
		if row := row.(map[string]any); row["IsSubscribed"] == true && row["ProductCode"] == "cmjj00027311" {
			call("DescribePrice", "InstanceType", "ecs.g7.large", "ImageId", row["ImageId"].(string))
		}
	}
	for _, row := range call("DescribeLaunchTemplates", "PageSize", "50").list("LaunchTemplateSets.LaunchTemplateSet") {
		call("DescribeLaunchTemplateVersions", "LaunchTemplateId", row.(map[string]any)["LaunchTemplateId"].(string))
	}
	l.cloud.AddLaunchTemplate(cloudsim.FirstAccount, region, cloudsim.LaunchTemplateSpec{Name: "disks", Versions: []cloudsim.TemplateVersionSpec{
		{DataSnapshots: []image.SnapshotID{"s-1"}},
	}})
	call("DescribeLaunchTemplateVersions", "LaunchTemplateName", "disks")
	for _, row := range call("DescribeImagePipelines").list("ImagePipeline.ImagePipelineSet") {
		call("DescribeImagePipelineExecutions", "ImagePipelineId", row.(map[string]any)["ImagePipelineId"].(string))
	}
	call("DescribeScalingGroups")
	call("DescribeScalingConfigurations")
	return answers
}

// TestFleetAnswersHaveTheVendorsShape is TestAnswersHaveTheVendorsShape for the
// operations about prices, histories and references.
func TestFleetAnswersHaveTheVendorsShape(t *testing.T) {
	t.Parallel()
	l := serveCompany(t, 1000, ecsapi.Options{Strict: true})
	known, answers := fleetTrees(t), everyFleetCall(l)
	for action, tree := range known {
		if len(answers[action]) == 0 {
			t.Errorf("%s was not called", action)
			continue
		}
		seen := map[string]bool{}
		for _, out := range answers[action] {
			if err := tree.check(action, out.tree, seen); err != nil {
				t.Error(err)
			}
		}
		never := neverInFleet(t, action)
		if absent := missingKeys(tree, action, seen); !slices.Equal(absent, never) {
			t.Errorf("%s: in no answer are\n%s\nbut testdata/never-answered-fleet.txt has\n%s", action, strings.Join(absent, "\n"), strings.Join(never, "\n"))
		}
	}
	for action := range answers {
		if known[action] == nil {
			t.Errorf("%s has no tree", action)
		}
	}
}

// TestVendorSDKMakesHistory walks an instance through its life with the
// vendor's own client.
func TestVendorSDKMakesHistory(t *testing.T) {
	t.Parallel()
	l := realTime(t)
	client := l.sdkClient("local")
	base := l.cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Name: "base"}})
	next := l.cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Name: "next"}})
	run := ecs.CreateRunInstancesRequest()
	run.ImageId, run.InstanceType, run.InstanceName, run.Amount = string(base), "ecs.g7.large", "sdk-built", "1"
	run.SystemDiskSize, run.Tag = "60", &[]ecs.RunInstancesTag{{Key: "env", Value: "test"}}
	made, err := client.RunInstances(run)
	if err != nil || len(made.InstanceIdSets.InstanceIdSet) != 1 {
		t.Fatal(err)
	}
	id := made.InstanceIdSets.InstanceIdSet[0]
	l.state.Advance(time.Minute)
	stop := ecs.CreateStopInstancesRequest()
	stop.InstanceId, stop.StoppedMode = &[]string{id}, "KeepCharging"
	stopped, err := client.StopInstances(stop)
	if err != nil || stopped.InstanceResponses.InstanceResponse[0].Code != "200" || stopped.InstanceResponses.InstanceResponse[0].CurrentStatus != "Stopping" {
		t.Fatalf("%v %+v", err, stopped.InstanceResponses)
	}
	replace := ecs.CreateReplaceSystemDiskRequest()
	replace.InstanceId, replace.ImageId, replace.ClientToken = id, string(next), "once"
	_, err = client.ReplaceSystemDisk(replace)
	expectCode(t, err, 403, "IncorrectInstanceStatus")
	l.state.Advance(time.Minute)
	replaced, err := client.ReplaceSystemDisk(replace)
	if err != nil {
		t.Fatal(err)
	}
	l.state.Advance(time.Minute)
	snapshot := ecs.CreateCreateSnapshotRequest()
	snapshot.DiskId, snapshot.SnapshotName = replaced.DiskId, "sdk"
	taken, err := client.CreateSnapshot(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	l.state.Advance(time.Minute)
	l.sdkChain(client, replaced.DiskId)
	start := ecs.CreateStartInstanceRequest()
	start.InstanceId, start.DryRun = id, "true"
	_, err = client.StartInstance(start)
	expectCode(t, err, 400, "DryRunOperation")
	remove := ecs.CreateDeleteInstanceRequest()
	remove.InstanceId = id
	if _, err := client.DeleteInstance(remove); err != nil {
		t.Error(err)
	}
	drop := ecs.CreateDeleteSnapshotRequest()
	drop.SnapshotId = taken.SnapshotId
	if _, err := client.DeleteSnapshot(drop); err != nil {
		t.Error(err)
	}
}

func (l *local) sdkChain(client *ecs.Client, disk string) {
	l.Helper()
	links := ecs.CreateDescribeSnapshotLinksRequest()
	links.DiskIds = `["` + disk + `"]`
	found, err := client.DescribeSnapshotLinks(links)
	if err != nil || len(found.SnapshotLinks.SnapshotLink) != 1 || found.SnapshotLinks.SnapshotLink[0].TotalSize == 0 ||
		found.SnapshotLinks.SnapshotLink[0].InstanceName != "sdk-built" {
		l.Errorf("chain %+v, %v", found.SnapshotLinks, err)
	}
}

// expectCode asserts what the vendor's client understood.
func expectCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	var no *sdkerrors.ServerError
	if !errors.As(err, &no) || no.HttpStatus() != status || no.ErrorCode() != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

func TestConfigChoosesReadings(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	status, body := l.admin("GET", "/_local/config", "")
	var all map[string]bool
	if err := json.Unmarshal([]byte(body), &all); status != 200 || err != nil || len(all) < 20 || all["licenceInInstanceType"] {
		t.Fatalf("%d %s %v", status, body, err)
	}
	status, body = l.admin("POST", "/_local/config", `{"licenceInInstanceType":true,"usageKept":true}`)
	if status != 200 || !strings.Contains(body, `"licenceInInstanceType":true`) || !strings.Contains(body, `"usageKept":true`) {
		t.Errorf("%d %s", status, body)
	}
	_, body = l.admin("POST", "/_local/config", `{"usageKept":false}`)
	if !strings.Contains(body, `"licenceInInstanceType":true`) || !strings.Contains(body, `"usageKept":false`) || !l.cloud.Readings().LicenceInInstanceType {
		t.Errorf("the one that was not named did not stay: %s", body)
	}
	for _, bad := range []string{`{"licence":true}`, `{"usageKept":"yes"}`, `[]`, `{} {}`, ``} {
		if status, body := l.admin("POST", "/_local/config", bad); status != 400 || !strings.Contains(body, "error") {
			t.Errorf("%q: %d %s", bad, status, body)
		}
	}
	readme := readFile(t, "../README.md")
	for name := range all {
		if !bytes.Contains(readme, []byte("`"+name+"`")) {
			t.Errorf("the README does not name the reading %s", name)
		}
	}
}

// TestPriceOnTheWire: numbers keep all their decimals, and the rows come under
// both keys, or as the vendor's documents have them.
func TestPriceOnTheWire(t *testing.T) {
	t.Parallel()
	l := serveCompany(t, 400, ecsapi.Options{Strict: true})
	ask := func() reply {
		return l.must("DescribePrice", "RegionId", region, "InstanceType", "ecs.g7.large", "ImageId", "redhat_9_6_x64_20G_alibase_20260618.vhd")
	}
	const details = "PriceInfo.Price.DetailInfos."
	usual := ask()
	if a, b := usual.list(details+"DetailInfo"), usual.list(details+"ResourcePriceModel"); len(a) != 3 || len(b) != 3 ||
		!strings.Contains(usual.body, `"Resource":"image","OriginalPrice":0.2082,"DiscountPrice":0,"TradePrice":0.2082,`) ||
		strings.Contains(usual.body, "MarketplaceImagePrice") {
		t.Errorf("body %s", usual.body)
	}
	l.admin("POST", "/_local/config", `{"priceRowsAsDocumented":true}`)
	if out := ask(); len(out.list(details+"DetailInfo")) != 0 || !strings.Contains(out.body, `"Resource":"InstanceType"`) {
		t.Errorf("as documented: %s", out.body)
	}
	expect(t, l.call("DescribePrice", "RegionId", region, "InstanceType", "ecs.g7.large", "Amount", "0"), 403, "InvalidAmount.Malformed")
	expect(t, l.call("DescribePrice", "RegionId", region, "InstanceType", "ecs.g7.large", "Period", "0"), 400, "InvalidPeriod")
	expect(t, l.call("DescribePrice", "RegionId", region, "InstanceType", "ecs.g7.large", "DataDisk.1.Size", "x"), 400, "InvalidParameter")
	expect(t, l.call("DescribeSnapshotLinks", "RegionId", region, "DiskIds", "d-1"), 400, "InvalidDiskIds")
	expect(t, l.call("StopInstances", "RegionId", region), 403, "InvalidInstanceId.NotFound")
	expect(t, l.call("ReplaceSystemDisk", "InstanceId", "i-1"), 400, "MissingParameter")
	if host := l.call("DescribeScalingGroups", "RegionId", "cn-nowhere").text("HostId"); host != "ess.aliyuncs.com" {
		t.Errorf("ESS answers as %q", host)
	}
}

// TestFaultsOfPipelinePages: a list by token that has a count and no number.
func TestFaultsOfPipelinePages(t *testing.T) {
	t.Parallel()
	l := serveCompany(t, 400, ecsapi.Options{Strict: true})
	want := l.must("DescribeImagePipelines", "RegionId", region)
	if len(want.list("ImagePipeline.ImagePipelineSet")) != 2 {
		t.Fatal(want.body)
	}
	l.inject(ecsapi.Fault{Action: "DescribeImagePipelines", Kind: ecsapi.FaultAuthorisedEmpty}, ecsapi.Fault{Action: "DescribeImagePipelines", Kind: ecsapi.FaultShortPage})
	if out := l.must("DescribeImagePipelines", "RegionId", region); out.text("TotalCount") != "0" || len(out.list("ImagePipeline.ImagePipelineSet")) != 0 {
		t.Errorf("empty: %s", out.body)
	}
	if out := l.must("DescribeImagePipelines", "RegionId", region); out.text("TotalCount") != "2" || len(out.list("ImagePipeline.ImagePipelineSet")) != 1 {
		t.Errorf("short: %s", out.body)
	}
}
