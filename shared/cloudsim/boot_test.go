package cloudsim_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// try runs an instance of an image, and says it by its id.
func (w *world) try(id image.ID, edit func(*cloudsim.RunInstancesRequest)) image.InstanceID {
	w.Helper()
	req := cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: id, InstanceType: "ecs.g7.large"}
	edit(&req)
	ids, err := w.s.RunInstances(req)
	if err != nil {
		w.Fatal(err)
	}
	return ids[0]
}

func asItIs(*cloudsim.RunInstancesRequest) {}

// told is an instance's status, "gone" if there is none.
func (w *world) told(id image.InstanceID) string {
	w.Helper()
	page, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{id}})
	if err != nil {
		w.Fatal(err)
	}
	if len(page.Instances) == 0 {
		return "gone"
	}
	return string(page.Instances[0].Status)
}

func (w *world) alive(id image.InstanceID) cloudsim.AssistantRow {
	w.Helper()
	page, err := w.s.DescribeCloudAssistantStatus(cloudsim.DescribeCloudAssistantStatusRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{id}})
	if err != nil {
		w.Fatal(err)
	}
	return page.Instances[0]
}

func (w *world) command(id image.InstanceID, timeout int) string {
	w.Helper()
	out, err := w.s.RunCommand(cloudsim.RunCommandRequest{
		RegionID: hangzhou, Type: "RunShellScript", Content: "true", InstanceIDs: []image.InstanceID{id}, TimeoutSeconds: timeout,
	})
	if err != nil {
		w.Fatal(err)
	}
	return out.InvokeID
}

func (w *world) result(invoke string) cloudsim.RunRow {
	w.Helper()
	page, err := w.s.DescribeInvocationResults(cloudsim.DescribeInvocationsRequest{RegionID: hangzhou, InvokeID: invoke})
	if err != nil || len(page.Runs) != 1 {
		w.Fatal(page, err)
	}
	return page.Runs[0]
}

// How an instance comes up, answers and stops is its image's boot mode.
func TestBootModes(t *testing.T) {
	t.Parallel()
	for boot, want := range map[cloudsim.Boot]string{
		cloudsim.BootOK:           "Running true Success 0; Stopped",
		cloudsim.BootNever:        "Starting false Aborted 0; Starting",
		cloudsim.BootSilent:       "Running false Aborted 0; Stopped",
		cloudsim.BootCommandFails: "Running true Failed 1; Stopped",
		cloudsim.BootSlow:         "Starting false Aborted 0; Starting",
		cloudsim.BootStopHangs:    "Running true Success 0; Stopping",
	} {
		t.Run(string(boot), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{PowerTime: 10 * time.Second})
			img := w.add(cloudsim.ImageSpec{})
			if !w.cloud.SetBoot(img, boot) {
				t.Fatal("no such image")
			}
			id := w.try(img, asItIs)
			if got := w.told(id); got != "Pending" {
				t.Errorf("first %s", got)
			}
			w.clock.Advance(60 * time.Second)
			status, alive := w.told(id), w.alive(id).Alive
			invoke := w.command(id, 60)
			w.clock.Advance(65 * time.Second)
			run := w.result(invoke)
			_ = w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id}) // refused where it does not run
			w.clock.Advance(20 * time.Second)
			if got := fmt.Sprintf("%s %v %s %d; %s", status, alive, run.Status, run.ExitCode, w.told(id)); boot != cloudsim.BootSlow && got != want {
				t.Errorf("%s, want %s", got, want)
			} else if boot == cloudsim.BootSlow && !strings.HasPrefix(got, "Starting false Aborted 0") {
				t.Error(got)
			}
			force := cloudsim.DeleteInstancesRequest{InstanceIDs: []image.InstanceID{id}, Force: true}
			expect(t, w.s.DeleteInstance(force), "", 0)
			if got := w.told(id); got != "gone" {
				t.Errorf("after it was deleted: %s", got)
			}
		})
	}
}

// A slow instance answers in the end, and its commands may outlast their timeout.
func TestSlowInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{PowerTime: 10 * time.Second})
	img := w.add(cloudsim.ImageSpec{})
	w.cloud.SetBoot(img, cloudsim.BootSlow)
	id := w.try(img, asItIs)
	w.clock.Advance(8 * time.Minute)
	if w.told(id) != "Running" || !w.alive(id).Alive {
		t.Errorf("%s, %+v", w.told(id), w.alive(id))
	}
	short, long := w.command(id, 20), w.command(id, 60)
	w.clock.Advance(30 * time.Second)
	if got := w.result(short); got.Status != cloudsim.InvocationTimeout || got.Code != "ExecutionTimeout" || got.EndedAt.Sub(got.StartedAt) != 20*time.Second {
		t.Errorf("%+v", got)
	}
	if got := w.result(long); got.Status != cloudsim.InvocationRunning {
		t.Errorf("%+v", got)
	}
	w.clock.Advance(30 * time.Second)
	if got := w.result(long); got.Status != cloudsim.InvocationSuccess {
		t.Errorf("%+v", got)
	}
}

// A stop that hangs ends when it is forced.
func TestForcedStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	w.cloud.SetBoot(img, cloudsim.BootStopHangs)
	id := w.try(img, asItIs)
	w.clock.Advance(time.Minute)
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id, ForceStop: true}), "", 0)
	w.clock.Advance(time.Minute)
	if got := w.told(id); got != "Stopped" {
		t.Error(got)
	}
}

// An image whose bytes cannot be started runs, but nobody answers.
func TestImagesThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		mode    string
		alive   bool
	}{
		"by BIOS, UEFI alone": {efiDisk(), "BIOS", false},
		"by UEFI":             {efiDisk(), "UEFI", true},
		"without boot sector": {make([]byte, 1<<20), "BIOS", false},
		"with one":            {rawDisk(), "BIOS", true},
	} {
		w := newWorld(t, cloudsim.Options{})
		w.upload("disk.raw", c.content)
		req := fromObject("disk.raw", "RAW")
		req.BootMode = c.mode
		made, err := w.s.ImportImage(req)
		expect(t, err, "", 0)
		w.clock.Advance(time.Hour)
		id := w.try(made.ImageID, asItIs)
		w.clock.Advance(3 * time.Minute)
		if got := w.alive(id).Alive; got != c.alive || w.told(id) != "Running" {
			t.Errorf("%s: alive %v, %s", name, got, w.told(id))
		}
	}
}

// A heartbeat counts for two minutes, also after a stop.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{PowerTime: 10 * time.Second})
	id := w.try(w.add(cloudsim.ImageSpec{}), asItIs)
	w.clock.Advance(20 * time.Second)
	if row := w.alive(id); row.Alive || !row.HeartbeatAt.IsZero() {
		t.Errorf("before the first: %+v", row)
	}
	w.clock.Advance(5 * time.Minute)
	if row := w.alive(id); !row.Alive || row.Version == "" || w.clock.Now().Sub(row.HeartbeatAt) > 65*time.Second {
		t.Errorf("running: %+v at %s", row, w.clock.Now())
	}
	expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id}), "", 0)
	w.clock.Advance(30 * time.Second)
	if row := w.alive(id); !row.Alive || row.Version != "" {
		t.Errorf("just stopped: %+v", row)
	}
	w.clock.Advance(3 * time.Minute)
	if row := w.alive(id); row.Alive {
		t.Errorf("long stopped: %+v", row)
	}
}

// ECS releases an instance at the time that was set, whoever looks, unless that
// was taken back.
func TestAutoRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	at := func(d time.Duration) string { return w.clock.Now().Add(d).Format("2006-01-02T15:04:05Z") }
	for name, when := range map[string]string{"too soon": at(29 * time.Minute), "too late": at(4 * 366 * 24 * time.Hour), "no time": "soon"} {
		_, err := w.s.RunInstances(cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: img, InstanceType: "ecs.g7.large", AutoReleaseTime: when})
		if err == nil {
			t.Error(name, "was taken")
		}
		expect(t, err, "InvalidAutoReleaseTime.Malformed", 400)
	}
	released := w.try(img, func(r *cloudsim.RunInstancesRequest) {
		r.AutoReleaseTime, r.Tags = at(31*time.Minute), []cloudsim.Tag{{Key: "t", Value: "v"}}
	})
	kept := w.try(img, func(r *cloudsim.RunInstancesRequest) { r.AutoReleaseTime = at(31 * time.Minute) })
	expect(t, w.s.ModifyInstanceAutoReleaseTime(cloudsim.ModifyInstanceAutoReleaseTimeRequest{InstanceID: kept}), "", 0)
	expect(t, w.s.ModifyInstanceAutoReleaseTime(cloudsim.ModifyInstanceAutoReleaseTimeRequest{InstanceID: "i-none"}), "NoSuchResource", 404)
	disks, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou, InstanceID: released})
	if err != nil || len(disks.Disks) != 1 || disks.Disks[0].Tags["t"] != "v" {
		t.Errorf("the disk bears the instance's tags: %+v, %v", disks.Disks, err)
	}
	w.clock.Advance(30 * time.Minute)
	if got := w.told(released); got != "Running" {
		t.Errorf("a minute before: %s", got)
	}
	w.clock.Advance(time.Minute)
	if w.told(released) != "gone" || w.told(kept) != "Running" {
		t.Errorf("%s, %s", w.told(released), w.told(kept))
	}
	disks, err = w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
	if err != nil || len(disks.Disks) != 1 {
		t.Errorf("%d disks are left, %v", len(disks.Disks), err)
	}
}

func TestStock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	req := cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), InstanceType: "ecs.g7.large", DryRun: true}
	if !w.cloud.SetStock(hangzhou, "ecs.g7.large", false) || w.cloud.SetStock(hangzhou, "ecs.none", false) || w.cloud.SetStock("cn-none", "ecs.g7.large", false) {
		t.Error("stock of what there is, and of nothing else")
	}
	_, err := w.s.RunInstances(req)
	expect(t, err, "OperationDenied.NoStock", 403)
	other := req
	other.InstanceType = "ecs.c7.large"
	_, err = w.s.RunInstances(other)
	expect(t, err, "DryRunOperation", 400)
	w.cloud.SetStock(hangzhou, "ecs.g7.large", true)
	_, err = w.s.RunInstances(req)
	expect(t, err, "DryRunOperation", 400)
}

func TestCommandRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	windows := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{OSType: image.Windows}})
	type request = cloudsim.RunCommandRequest
	for name, c := range map[string]struct {
		edit   func(*request)
		code   string
		status int
	}{
		"region":   {func(r *request) { r.RegionID = "cn-none" }, "InvalidRegionId.NotFound", 404},
		"type":     {func(r *request) { r.Type = "RunPython" }, "InvalidCmdType.NotFound", 404},
		"content":  {func(r *request) { r.Content = "" }, "MissingParameter", 400},
		"base64":   {func(r *request) { r.Encoding = "Base64"; r.Content = "%" }, "CmdContent.DecodeError", 400},
		"length":   {func(r *request) { r.Content = strings.Repeat("x", 24<<10) }, "CmdContent.ExceedLimit", 403},
		"nobody":   {func(r *request) { r.InstanceIDs = nil }, "MissingParam.InstanceId", 400},
		"unknown":  {func(r *request) { r.InstanceIDs = []image.InstanceID{"i-none"} }, "InvalidInstance.NotFound", 404},
		"windows":  {func(r *request) { r.InstanceIDs = []image.InstanceID{windows} }, "InvalidInstance.NotMatch", 400},
		"too many": {func(r *request) { r.InstanceIDs = make([]image.InstanceID, 101) }, "InstanceIds.ExceedLimit", 403},
		"fine":     {func(*request) {}, "", 0},
	} {
		req := request{RegionID: hangzhou, Type: "RunShellScript", Content: base64.StdEncoding.EncodeToString([]byte("true")), InstanceIDs: []image.InstanceID{id}}
		c.edit(&req)
		_, err := w.s.RunCommand(req)
		if t.Log(name); err != nil || c.code != "" {
			expect(t, err, c.code, c.status)
		}
	}
	_, err := w.s.InvokeCommand(request{RegionID: hangzhou, CommandID: "c-none", InstanceIDs: []image.InstanceID{id}})
	expect(t, err, "InvalidCmdId.NotFound", 404)
	kept, err := w.s.RunCommand(request{RegionID: hangzhou, Type: "RunShellScript", Content: "true", InstanceIDs: []image.InstanceID{id}, KeepCommand: true, ClientToken: "once"})
	expect(t, err, "", 0)
	again, err := w.s.InvokeCommand(request{RegionID: hangzhou, CommandID: kept.CommandID, InstanceIDs: []image.InstanceID{id}})
	if err != nil || again.CommandID != kept.CommandID || again.InvokeID == kept.InvokeID {
		t.Errorf("%+v, %v", again, err)
	}
	expect(t, w.s.StopInvocation(hangzhou, again.InvokeID, nil), "", 0)
	if got := w.result(again.InvokeID); got.Status != cloudsim.InvocationCancelled {
		t.Errorf("%+v", got)
	}
	expect(t, w.s.StopInvocation(hangzhou, "t-none", nil), "InvalidInvokeId.NotFound", 404)
	page, err := w.s.DescribeInvocations(cloudsim.DescribeInvocationsRequest{RegionID: hangzhou, InvokeID: "t-none"})
	if err != nil || page.Total != 0 {
		t.Errorf("an unknown run: %+v, %v", page, err)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	w.cloud.SetBoot(img, cloudsim.BootNever)
	id := w.try(img, asItIs)
	_, err := w.s.GetInstanceConsoleOutput(hangzhou, id)
	expect(t, err, "IncorrectInstanceStatus", 405)
	w.clock.Advance(time.Minute)
	out, err := w.s.GetInstanceConsoleOutput(hangzhou, id)
	text, err2 := base64.StdEncoding.DecodeString(out.Output)
	if err != nil || err2 != nil || !strings.Contains(string(text), "panic") {
		t.Errorf("%q, %v %v", text, err, err2)
	}
	_, err = w.s.GetInstanceConsoleOutput(hangzhou, "i-none")
	expect(t, err, "InvalidParameter", 404)
	_, err = w.s.GetInstanceConsoleOutput(hangzhou, w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{OSType: image.Windows}}))
	expect(t, err, "NotSupported", 405)
}

// The network of a new instance is the one that can be looked up.
func TestNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.try(w.add(cloudsim.ImageSpec{}), asItIs)
	page, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, InstanceIDs: []image.InstanceID{id}})
	if err != nil {
		t.Fatal(err)
	}
	row := page.Instances[0]
	vpcs, _, err := w.s.DescribeVpcs(cloudsim.NetworkRequest{RegionID: hangzhou})
	switches, _, err2 := w.s.DescribeVSwitches(cloudsim.NetworkRequest{RegionID: hangzhou, VPC: row.VPC, Zone: row.Zone})
	groups, _, err3 := w.s.DescribeSecurityGroups(cloudsim.NetworkRequest{RegionID: hangzhou, VPC: row.VPC})
	if err != nil || err2 != nil || err3 != nil || len(vpcs) != 1 || len(switches) != 1 || len(groups) != 1 ||
		vpcs[0].ID != row.VPC || switches[0].ID != row.VSwitch || groups[0].ID != row.SecurityGroups[0] || groups[0].Instances != 1 || row.PublicIP != "" {
		t.Errorf("%+v of %+v, %+v, %+v, %v %v %v", row, vpcs, switches, groups, err, err2, err3)
	}
	none, mark, err := w.s.DescribeSecurityGroups(cloudsim.NetworkRequest{RegionID: hangzhou, IDs: []string{"sg-none"}})
	if err != nil || len(none) != 0 || mark.Mark.Total != 0 {
		t.Errorf("%+v, %v", none, err)
	}
	if err := w.cloud.AllowOnly("local", []string{"ecs:*"}); err != nil {
		t.Fatal(err)
	}
	_, _, err = sessionOf(t, w.cloud, "local").DescribeVpcs(cloudsim.NetworkRequest{RegionID: hangzhou})
	expect(t, err, "Forbidden.RAM", 403)
}

func TestLegacyTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.add(cloudsim.ImageSpec{})
	req := cloudsim.LegacyTagsRequest{RegionID: hangzhou, ResourceType: "image", ResourceID: string(id), Tags: []cloudsim.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}
	expect(t, w.s.AddTags(req), "", 0)
	req.Tags = []cloudsim.Tag{{Key: "a", Value: "other"}, {Key: "b"}}
	expect(t, w.s.RemoveTags(req), "", 0)
	if row, _ := w.row(hangzhou, id); len(row.Tags) != 1 || row.Tags["a"] != "1" {
		t.Errorf("%v", row.Tags)
	}
	for code, edit := range map[string]func(*cloudsim.LegacyTagsRequest){
		"InvalidResourceType.NotFound": func(r *cloudsim.LegacyTagsRequest) { r.ResourceType = "bucket" },
		"InvalidRegionId.NotFound":     func(r *cloudsim.LegacyTagsRequest) { r.RegionID = "cn-none" },
	} {
		wrong := req
		edit(&wrong)
		expect(t, w.s.AddTags(wrong), code, 404)
	}
	req.Tags = nil
	expect(t, w.s.AddTags(req), "InvalidTagCount", 400)
}

// Everything that takes its time by itself goes faster.
func TestSpeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Speed: 60})
	w.upload("disk.raw", rawDisk())
	req := fromObject("disk.raw", "RAW")
	req.Detection = "Standard"
	made, err := w.s.ImportImage(req)
	expect(t, err, "", 0)
	w.clock.Advance(26 * time.Second) // of 25 minutes, and a little
	row, _ := w.row(hangzhou, made.ImageID)
	if row.Status != image.StatusAvailable || row.Detection != "Finished" {
		t.Errorf("%s %q", row.Status, row.Detection)
	}
	id := w.try(made.ImageID, asItIs)
	w.clock.Advance(time.Second)
	if w.told(id) != "Running" || !w.alive(id).Alive {
		t.Errorf("%s, %+v", w.told(id), w.alive(id))
	}
	invoke := w.command(id, 60)
	w.clock.Advance(time.Second)
	if got := w.result(invoke); got.Status != cloudsim.InvocationSuccess {
		t.Errorf("%+v", got)
	}
}
