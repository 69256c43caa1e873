package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/scripts/policies/least"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// mutual is a cloud of two accounts, each of which has images with a history: one
// that both use, an idle one that is shared with the other, and one with software
// from the Marketplace that is not.
func mutual() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{CopyTime: time.Millisecond})
	w := pricedRegion{cloud, hangzhou}
	w.origins()
	everywhere(cloud)
	own := map[image.AccountID]image.ID{cloudsim.FirstAccount: "m-first", cloudsim.SecondAccount: "m-second"}
	for account, id := range own {
		w.recalled(account, id+"-recalled", "redhat")
		w.lend(account, id+"-bought", "market")
		for other := range own {
			if other != account {
				w.lend(account, id, "redhat", other)
				w.lend(account, id+"-idle", "redhat", other)
			}
		}
	}
	for account := range own {
		for _, id := range own {
			cloud.AddInstance(account, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: id, Type: "ecs.g7.large"}})
		}
		cloud.AddLaunchTemplate(account, hangzhou, cloudsim.LaunchTemplateSpec{Versions: []cloudsim.TemplateVersionSpec{{Image: own[account]}}})
		cloud.AddScalingGroup(account, hangzhou, cloudsim.ScalingGroupSpec{Configurations: []cloudsim.ScalingConfigurationSpec{{Image: own[account]}}})
		cloud.AddImagePipeline(account, hangzhou, cloudsim.PipelineSpec{Base: "redhat.vhd", Runs: []cloudsim.PipelineRunSpec{{Made: own[account]}}})
	}
	return cloud
}

// lend makes an image of an account, shared with others, of the system's own.
func (w pricedRegion) lend(account image.AccountID, id image.ID, os string, others ...image.AccountID) {
	i := w.system(os, id)
	i.Kind, i.Family = image.KindCustom, image.Family("from-"+os)
	origin := image.ID(os + ".vhd")
	disk := w.cloud.AddDisk(account, w.region, image.Disk{Image: origin, System: true, SizeGiB: 40, ProductCode: i.ProductCode})
	snapshot := w.cloud.AddSnapshot(account, w.region, image.Snapshot{
		SourceDisk: disk, SourceSystemDisk: true, SourceDiskSizeGiB: 40, FullSizeBytes: 10 << 30, Category: "standard",
		ProductCode: i.ProductCode, CreatedAt: i.CreatedAt,
	})
	i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
	w.cloud.AddImage(account, w.region, cloudsim.ImageSpec{
		Image: i, Parent: image.Ref{Account: account, Region: w.region, ID: origin}, SharedWith: others,
	})
}

// recalled makes an image of an account of which only events tell what it was made of:
// the instance and its disk are gone.
func (w pricedRegion) recalled(account image.AccountID, id image.ID, os string) {
	i := w.system(os, id)
	at := time.Now().Add(-time.Hour)
	i.Kind, i.Name, i.CreatedAt, i.ProductCode = image.KindCustom, string(id), at, ""
	snapshot := w.cloud.AddSnapshot(account, w.region, image.Snapshot{
		SourceDisk: image.DiskID("d-of-" + id), SourceSystemDisk: true, SourceDiskSizeGiB: 40, FullSizeBytes: 10 << 30, Category: "standard", CreatedAt: at,
	})
	i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
	w.cloud.AddImage(account, w.region, cloudsim.ImageSpec{Image: i})
	instance, by := "i-of-"+string(id), cloudsim.Caller{Account: account, Type: "Account"}
	w.cloud.AddEvent(w.region, cloudsim.Event{
		ID: "run-" + string(id), Name: "RunInstances", Type: "ApiCall", At: at.Add(-time.Hour), By: by, Request: map[string]any{"ImageId": os + ".vhd"},
		Resources: map[string][]string{cloudsim.TrailInstance: {instance}},
		Response:  map[string]any{"InstanceIdSets": map[string]any{"InstanceIdSet": []any{instance}}},
	})
	w.cloud.AddEvent(w.region, cloudsim.Event{
		ID: "make-" + string(id), Name: "CreateImage", Type: "ApiCall", At: at, By: by, Request: map[string]any{"InstanceId": instance},
		Response: map[string]any{"ImageId": string(id)}, Resources: map[string][]string{cloudsim.TrailImage: {string(id)}, cloudsim.TrailInstance: {instance}},
	})
}

// estate is a function with a key of its own in front of a mutual cloud.
type estate struct {
	*stack
	sim *cloudsim.Cloud
	// said is all that it answered.
	said []string
}

// safe is the bucket of the journal.
const safe = "journal-of-tests"

// newEstate starts a function whose key may do some actions, as may the role of
// the second account.
func newEstate(t *testing.T, name string, may, roleMay []string, everywhere bool) *estate {
	t.Helper()
	sim := mutual()
	owner := sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	err := errors.Join(owner.PutBucket(safe, hangzhou), sim.AllowOnly("local", may), sim.AllowRole(cloudsim.ReaderRole, roleMay))
	if err != nil {
		t.Fatal(err)
	}
	objects := httptest.NewServer(ossapi.New(sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	environment := map[string]string{
		"REGIONS": "cn-hangzhou", "ECS_RATE_SHARE": "1000", "JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL,
	}
	if everywhere {
		environment["REGIONS"] = "all"
	}
	return &estate{sim: sim, stack: start(t, options{sim: sim, rate: -1, only: []string{name}, environment: environment})}
}

// wanting is what an answer says is missing; empty: nothing.
func (e *estate) wanting(what string, status int, body []byte) string {
	e.said = append(e.said, string(body))
	var answer struct {
		Status                              any
		Verdict, Code                       string
		Unknown, Causes, Incomplete, Failed []any
		Complete                            *bool
	}
	problem := json.Unmarshal(body, &answer)
	inner, _ := answer.Status.(float64)
	if problem != nil || status != http.StatusOK || inner > 299 || answer.Verdict == "unknown" || answer.Complete != nil && !*answer.Complete ||
		len(answer.Unknown)+len(answer.Causes)+len(answer.Incomplete)+len(answer.Failed) > 0 {
		return fmt.Sprintf("%s: %d %.600s\n", what, status, body)
	}
	return ""
}

// asked gets some things, and returns what is missing in the answers.
func (e *estate) asked(targets ...string) (missing string) {
	for _, target := range targets {
		status, body := e.get(target)
		missing += e.wanting(target, status, body)
	}
	return missing
}

// ticked fires a timer, and returns what is missing in what it did.
func (e *estate) ticked(t *testing.T, trigger string) string {
	return e.wanting(trigger, http.StatusOK, []byte(e.fire(t, trigger)))
}

// wished plans a PATCH and carries it out if that is wished, too. It returns what
// is missing, also if the plan has another number of changes.
func (e *estate) wished(target, change string, changes int, apply bool) string {
	status, body := e.ask(function.Operator, http.MethodPatch, target, []byte("{"+change+"}"))
	var planned struct {
		Plan struct {
			Digest     string
			Changes    int
			Applicable bool
		}
	}
	if missing := e.wanting(target, status, body); missing != "" {
		return missing
	}
	if err := json.Unmarshal(body, &planned); err != nil || planned.Plan.Changes != changes || !planned.Plan.Applicable {
		return fmt.Sprintf("%s: %s\n", target, body)
	}
	if !apply {
		return ""
	}
	status, body = e.ask(function.Operator, http.MethodPatch, target, []byte("{"+change+`,"apply":{"digest":"`+planned.Plan.Digest+`"}}`))
	return e.wanting(target, status, body)
}

// deeds are all that each function can do. They return what is missing.
func deeds() map[string]func(*testing.T, *estate) string {
	month := time.Now().UTC().Format("2006-01")
	return map[string]func(*testing.T, *estate) string{
		"find": func(_ *testing.T, e *estate) string {
			return e.asked("/images?family=from-redhat&instanceType=ecs.g7.large", "/images?family=from-market&instanceType=ecs.g7.large&maxLicencePerHour=1000",
				"/images/m-first/lineage", "/images/m-second/lineage", "/images/m-first-recalled/lineage", "/images/m-second-recalled/lineage",
				"/images/m-first-idle/usage", "/images/m-second-idle/usage", "/instances")
		},
		"price": func(t *testing.T, e *estate) string {
			return e.asked("/prices/m-first?region=cn-hangzhou&instanceType=ecs.g7.large", "/prices/m-first?region=cn-hangzhou&holding=true",
				"/prices/m-second?region=cn-hangzhou&instanceType=ecs.g7.large&account=1000000000000002",
				"/prices/m-first-recalled?region=cn-hangzhou&instanceType=ecs.g7.large",
				"/prices/m-second-recalled?region=cn-hangzhou&instanceType=ecs.g7.large&account=1000000000000002", "/prices") +
				e.ticked(t, "price/report") + e.asked("/prices?month="+month)
		},
		"share": func(t *testing.T, e *estate) string {
			return e.wished("/shares/m-first?regions=all", `"add":[{"accountId":"1000000000000003"}]`, 1, true) +
				e.wished("/shares/m-first-idle", `"remove":["1000000000000002"]`, 1, true) +
				e.wished("/shares/m-first-recalled", `"add":[{"accountId":"1000000000000003"}]`, 1, false) +
				e.wished("/shares/m-second-recalled", `"add":[{"accountId":"1000000000000003"}]`, 1, false) +
				e.wished("/shares/m-second?regions=all", `"add":[{"accountId":"1000000000000003"}]`, 1, false) +
				e.wished("/shares/m-second-idle", `"remove":["1000000000000001"]`, 1, false) +
				e.asked("/shares/m-first?history=true", "/shares/m-second") + e.ticked(t, "share/expiry")
		},
	}
}

// allowed is what a policy allows, with the bucket's name in its place, as the
// emulated cloud writes it: an action, and on what.
func allowed(p least.Policy, bucket string) []string {
	rows := []string{}
	for _, s := range p.Statement {
		for _, action := range s.Action {
			for _, on := range s.Resource {
				rows = append(rows, action+" on "+strings.ReplaceAll(on, least.Bucket, bucket))
			}
		}
	}
	return rows
}

// without is a list that does not allow an action.
func without(list []string, action string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(row string) bool { return strings.HasPrefix(row, action+" on ") })
}

// TestLeastPermission: each function does all it can with what its policy and its
// policy for a role of another account allow; and where any one action is taken out
// of either, something is missing, and the answer names what for.
func TestLeastPermission(t *testing.T) {
	for name := range deeds() {
		own, err := least.Read(root, name, least.PolicyFile)
		if err != nil {
			t.Fatal(err)
		}
		role, err := least.Read(root, name, least.ReaderFile)
		if err != nil {
			t.Fatal(err)
		}
		may, roleMay := own.Actions(), role.Actions()
		allow, roleAllow := allowed(own, safe), allowed(role, safe)
		for _, everywhere := range some(t, []bool{false, true}, 2) {
			t.Run(fmt.Sprintf("%s, all regions %v", name, everywhere), func(t *testing.T) {
				t.Parallel()
				e := newEstate(t, name, allow, roleAllow, everywhere)
				if missing := deeds()[name](t, e); missing != "" {
					t.Errorf("with the whole policy: %s", missing)
				}
			})
		}
		if slices.Contains(may, "oss:GetObject") {
			t.Run(name+" with another bucket's policy", func(t *testing.T) {
				t.Parallel()
				e := newEstate(t, name, allowed(own, "another"), roleAllow, false)
				first := "oss:ListObjects"
				if name == "share" {
					first = "oss:GetObject" // it reads the log of an image before it lists anything
				}
				e.misses(t, name, first, may)
			})
		}
		for _, action := range some(t, may, 21) {
			if action == afterwards {
				continue
			}
			t.Run(name+" without "+action, func(t *testing.T) {
				t.Parallel()
				e := newEstate(t, name, without(allow, action), roleAllow, action == "ecs:DescribeRegions")
				e.misses(t, name, action, may)
			})
		}
		for _, action := range some(t, roleMay, 21) {
			t.Run(name+", the role without "+action, func(t *testing.T) {
				t.Parallel()
				e := newEstate(t, name, allow, without(roleAllow, action), action == "ecs:DescribeRegions")
				e.misses(t, name, action, may)
			})
		}
	}
}

const mayAssumeRole = "sts:AssumeRole"

// afterwards is wanted only once a share has ended: what is over is then taken from
// the agenda, and a failure is in the timer's answer. No deed here waits for that.
const afterwards = "oss:DeleteObject"

// actionsIn are the actions that a text names.
func actionsIn(said string) []string {
	return regexp.MustCompile(`\b(?:ecs|ess|sts|oss|actiontrail|kms|quotas|ram):[A-Z][A-Za-z0-9]+`).FindAllString(said, -1)
}

// misses checks that something is missing for want of an action, that it is said
// as what would cure it, and that nothing else is named than what the policy has.
func (e *estate) misses(t *testing.T, name, action string, may []string) {
	t.Helper()
	missing := deeds()[name](t, e)
	if missing == "" {
		t.Errorf("everything works without %s", action)
	}
	said := strings.Join(e.said, "\n")
	named := false
	for _, found := range actionsIn(said) {
		permission := least.Permission(found)
		named = named || permission == action
		if permission != "" && !slices.Contains(may, permission) {
			t.Errorf("%s is named, which the policy does not have", found)
		}
	}
	if !named {
		t.Errorf("nothing names %s: %s", action, missing)
	}
	for _, found := range regexp.MustCompile(`"permission":"([^"]*)"|"cures":\["([^"]*)"`).FindAllStringSubmatch(said, -1) {
		// Of an account that nothing was seen of, a role is what cures it.
		if cure := found[1] + found[2]; cure != action && !strings.HasPrefix(cure, mayAssumeRole+" of a reading role in account ") {
			t.Errorf("without %s it says that %s would cure it", action, cure)
		}
	}
}
