package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// inUse is a cloud in which each image is used in exactly one way, its name
// says which.
func inUse() *cloudsim.Cloud {
	const first, second, here = cloudsim.FirstAccount, cloudsim.SecondAccount, image.RegionID("cn-hangzhou")
	cloud := cloudsim.New(cloudsim.Options{})
	for _, kind := range []image.Kind{image.KindPublic, image.KindMarketplace} {
		cloud.AddImage(first, here, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_" + image.ID(kind) + ".vhd"}, Kind: kind}})
	}
	for _, name := range []image.ID{"m-instance", "m-theirs", "m-template", "m-scaling", "m-pipeline", "m-unused"} {
		spec := cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: name}}}
		if name == "m-theirs" {
			spec.SharedWith = []image.AccountID{second}
		}
		cloud.AddImage(first, here, spec)
	}
	cloud.AddInstance(first, here, cloudsim.InstanceSpec{Instance: image.Instance{Image: "m-instance"}})
	cloud.AddInstance(second, here, cloudsim.InstanceSpec{Instance: image.Instance{Image: "m-theirs"}})
	cloud.AddLaunchTemplate(first, here, cloudsim.LaunchTemplateSpec{Versions: []cloudsim.TemplateVersionSpec{{Image: "m-template"}, {}}})
	cloud.AddScalingGroup(first, here, cloudsim.ScalingGroupSpec{Configurations: []cloudsim.ScalingConfigurationSpec{{Image: "m-scaling", Active: true}}})
	cloud.AddImagePipeline(first, here, cloudsim.PipelineSpec{Base: "m-pipeline"})
	return cloud
}

// witnesses are the calls that usage makes, each with the image whose use would
// be missed if that call's answer were believed although it is wrong.
func witnesses() map[string]string {
	return map[string]string{
		"GetCallerIdentity": "m-instance", "DescribeImages": "m-instance", "DescribeInstances": "m-instance", "DescribeDisks": "m-instance",
		"AssumeRole": "m-theirs", "DescribeImageSharePermission": "m-theirs",
		"DescribeLaunchTemplates": "m-template", "DescribeLaunchTemplateVersions": "m-template",
		"DescribeScalingConfigurations": "m-scaling", "DescribeScalingGroups": "m-scaling", "DescribeImagePipelines": "m-pipeline",
	}
}

// mayHappen: the kind can happen to the call. That a list which refuses whoever
// may not look is empty for good, without a refusal, is no answer of ECS; where
// another list shows that it cannot be, it is none to usage either.
func mayHappen(f ecsapi.Fault) bool {
	lists := f.Action != "GetCallerIdentity" && f.Action != "AssumeRole"
	refusing := slices.Contains([]string{"DescribeLaunchTemplates", "DescribeImagePipelines"}, f.Action)
	switch f.Kind {
	case ecsapi.FaultAuthorisedEmpty:
		return lists && (f.Count > 0 || !refusing)
	case ecsapi.FaultShortPage, ecsapi.FaultRepeatedPage, ecsapi.FaultStalePage:
		return false // need more rows than these worlds have; the adapter's tests have them
	}
	return true
}

// doubts is every fault on every call of usage, once and for good.
func doubts() []ecsapi.Fault {
	var cells []ecsapi.Fault
	for _, action := range slices.Sorted(maps.Keys(witnesses())) {
		for _, kind := range ecsapi.FaultKinds() {
			for _, count := range []int{1, -1} {
				f := ecsapi.Fault{Action: action, Kind: kind, Count: count}
				if kind == ecsapi.FaultDelay {
					f.DelayMS = 20
				}
				if mayHappen(f) {
					cells = append(cells, f)
				}
			}
		}
	}
	return cells
}

// verdict asks the built function.
func (s *stack) verdict(id string) (status int, verdict string, body []byte) {
	status, body = s.get("/images/" + id + "/usage")
	var answer struct{ Verdict string }
	if json.Unmarshal(body, &answer) != nil {
		return 0, "", body
	}
	return status, answer.Verdict, body
}

// TestNothingThatIsUsedIsSaidToBeUnused: whatever goes wrong on whatever call.
func TestNothingThatIsUsedIsSaidToBeUnused(t *testing.T) {
	sim := inUse()
	cells := make(chan ecsapi.Fault)
	all := some(t, doubts(), 32)
	var lanes sync.WaitGroup
	for range min(6, 1+len(all)/8) {
		lane := start(t, options{sim: sim, rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "1000", "REGIONS": "cn-hangzhou"}})
		for _, id := range []string{"m-instance", "m-theirs", "m-template", "m-scaling", "m-pipeline", "m-unused"} {
			want := map[bool]string{true: "notInUse", false: "inUse"}[id == "m-unused"]
			if status, got, body := lane.verdict(id); status != 200 || got != want {
				t.Fatalf("without a fault, %s: %d %s", id, status, body)
			}
		}
		lanes.Go(func() {
			for f := range cells {
				lane.doubt(t, f)
			}
		})
	}
	for _, f := range all {
		cells <- f
	}
	close(cells)
	lanes.Wait()
}

// doubt judges one cell.
func (s *stack) doubt(t *testing.T, f ecsapi.Fault) {
	patience := 2 * time.Second
	mends := f.Count == 1 && f.Kind != ecsapi.FaultDenied && f.Kind != ecsapi.FaultHang
	if mends {
		patience = 30 * time.Second
	}
	s.renew(t, patience)
	s.fault(t, f)
	what := fmt.Sprintf("%s %s x%d", f.Action, f.Kind, f.Count)
	switch status, verdict, body := s.verdict(witnesses()[f.Action]); {
	case !slices.Contains([]int{200, 403, 502, 503, 504}, status):
		t.Errorf("%s: status %d: %.400s", what, status, body)
	case status == 200 && verdict != "inUse" && verdict != "unknown":
		t.Errorf("%s: a used image is said to be %q: %.900s", what, verdict, body)
	case mends && verdict != "inUse":
		t.Errorf("%s: one such answer must be mended by asking again: %d %.900s", what, status, body)
	}
}

// permissions is the answer of /access by action, for the first account.
func (s *stack) permissions(t *testing.T) map[string]string {
	t.Helper()
	status, body := s.get("/access?account=1000000000000001&region=cn-hangzhou")
	var answer struct {
		Items []struct{ Action, Access, Code, Sentence string }
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 {
		t.Fatalf("%d %v: %.400s", status, err, body)
	}
	found := map[string]string{}
	for _, i := range answer.Items {
		found[i.Action] = i.Access
		if i.Access == "unknown" {
			found[i.Action] += " " + i.Code
		}
	}
	return found
}

// TestAccessTellsWhatIsPermitted: with all permissions, and with few.
func TestAccessTellsWhatIsPermitted(t *testing.T) {
	sim := inUse()
	s := start(t, options{sim: sim, rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "1000", "REGIONS": "cn-hangzhou"}})
	for action, got := range s.permissions(t) {
		reads := !slices.ContainsFunc([]string{"Create", "Copy", "Import", "Tag", "Stop", "Start", "Replace", "Delete", "Modify"}, func(verb string) bool {
			return strings.HasPrefix(action, "ecs:"+verb)
		})
		if !slices.Contains(alicloud.MayAsk(), action) {
			if got != "unknown noProbe" {
				t.Errorf("%s, which no call can ask about: %s", action, got)
			}
			continue
		}
		if reads && got != "allowed" || !reads && got == "denied" {
			t.Errorf("with every permission, %s: %s", action, got)
		}
	}
	few := []string{"ecs:DescribeRegions", "ecs:DescribeImages", "ecs:DescribeDisks", "ess:DescribeScalingGroups"}
	if err := sim.AllowOnly("local", few); err != nil {
		t.Fatal(err)
	}
	for action, got := range s.permissions(t) {
		want := map[bool]string{true: "allowed", false: "denied"}[slices.Contains(few, action)]
		if got != want && got[:len("unknown")] != "unknown" {
			t.Errorf("with few permissions, %s: %s, want %s", action, got, want)
		}
	}
	if got := s.permissions(t)["ecs:DescribeInstances"]; got != "denied" {
		t.Errorf("DescribeInstances is %s, by its dry run", got)
	}
}
