package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/scripts/local/pasted"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

// paste runs lines of the vendor's CLI in front of the stack's cloud.
func (s *stack) paste(t *testing.T, lines string, variables ...string) ([]string, error) {
	t.Helper()
	return pasted.Run(t.Context(), s.cloudAt, "local", lines, variables...)
}

// TestLinesThatUseAnImage: the lines of a golden image of each kind do what they say: a
// dry run passes, one instance is made of it, and the image is shown.
func TestLinesThatUseAnImage(t *testing.T) {
	t.Parallel()
	s := start(t, options{
		sim: company.New(cloudsim.Options{Seed: 7}, company.Options{Images: 120, Instances: 20}), rate: -1, only: []string{"find"},
		environment: map[string]string{"REGIONS": string(hangzhou), "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir())},
	})
	place, err := s.paste(t, "aliyun ecs DescribeVSwitches --RegionId cn-hangzhou && aliyun ecs DescribeSecurityGroups --RegionId cn-hangzhou")
	if err != nil {
		t.Fatal(err)
	}
	var at struct {
		VSwitches struct {
			VSwitch []struct {
				VSwitchID string `json:"VSwitchId"`
			}
		}
		SecurityGroups struct {
			SecurityGroup []struct {
				SecurityGroupID string `json:"SecurityGroupId"`
			}
		}
	}
	if err := errors.Join(json.Unmarshal([]byte(place[0]), &at), json.Unmarshal([]byte(place[1]), &at)); err != nil {
		t.Fatal(err)
	}
	known := []string{"VSWITCH_ID=" + at.VSwitches.VSwitch[0].VSwitchID, "SECURITY_GROUP_ID=" + at.SecurityGroups.SecurityGroup[0].SecurityGroupID, "INSTANCE_TYPE=ecs.g7.large"}
	for _, kind := range []string{"custom", "public"} {
		id := s.firstOf(t, kind)
		s.useOf(t, id, "/images/"+url.PathEscape(id)+"?region=cn-hangzhou", known)
	}
	s.useOf(t, "", "/families/web-base?region=cn-hangzhou&instanceType=ecs.g7.large", known)
}

// firstOf is an image of a kind.
func (s *stack) firstOf(t *testing.T, kind string) string {
	t.Helper()
	var list struct {
		Items []struct{ ImageID string }
	}
	status, text := s.get("/images?region=cn-hangzhou&limit=1&encrypted=false&instanceType=ecs.g7.large&kind=" + kind)
	if err := json.Unmarshal(text, &list); err != nil || len(list.Items) == 0 {
		t.Fatalf("%s: %d %s", kind, status, text)
	}
	return list.Items[0].ImageID
}

// useOf pastes the lines of an answer, about the image of an id where it is known.
func (s *stack) useOf(t *testing.T, id, target string, known []string) {
	t.Helper()
	var found struct {
		Use []struct{ Tool, Does, Text string }
	}
	status, text := s.get(target)
	if of := (struct{ Items []json.RawMessage }{}); json.Unmarshal(text, &of) == nil && len(of.Items) > 0 {
		text = of.Items[0] // of a family
	}
	if json.Unmarshal(text, &found) != nil || len(found.Use) != 4 {
		t.Fatalf("%s: %d %s", target, status, text)
	}
	for n, use := range found.Use {
		if use.Tool != "aliyun" {
			continue
		}
		said, err := s.paste(t, use.Text, known...)
		switch n {
		case 0:
			if pasted.Code(err) != "DryRunOperation" {
				t.Errorf("%s: %v %v", use.Text, said, err)
			}
		case 1:
			if err != nil || strings.Count(said[0], `"i-`) != 1 {
				t.Errorf("%s: %v %v", use.Text, said, err)
			}
		default:
			if err != nil || !strings.Contains(said[0], `"TotalCount":1`) || !strings.Contains(said[0], id) {
				t.Errorf("%s: %.300v %v", use.Text, said, err)
			}
		}
		if strings.Contains(target, "instanceType") && n < 2 && !strings.Contains(use.Text, "--InstanceType ecs.g7.large") {
			t.Errorf("%s: it leaves the type out", use.Text)
		}
	}
}

// remedy is what a finding has people do; "": there is no such finding.
func (w worked) remedy(code string) string {
	for _, found := range w.Findings {
		if found.Code == code {
			return found.Remedy
		}
	}
	return ""
}

// TestLinesThatMakeRoles: what is wrong with the roles of imports and exports is not any
// more once the lines were pasted that come with the refusal; and an object that sleeps
// is woken.
func TestLinesThatMakeRoles(t *testing.T) {
	t.Parallel()
	f := newFoundry(t, nil)
	imported := object{
		"source": object{"object": object{"bucket": uploads, "key": "incoming/web.raw"}}, "region": hangzhou,
		"image": object{"name": "web-1", "platform": "Ubuntu", "bootMode": "BIOS", "diskSizeGiB": 20},
	}
	for _, role := range []cloudsim.ServiceRole{{Name: cloudsim.ImportRole, Missing: true}, {Name: cloudsim.ImportRole, Trusts: []string{"fc.aliyuncs.com"}}} {
		code := map[bool]string{true: "roleMissing", false: "roleNotTrusted"}[role.Missing]
		f.sim.SetServiceRole(cloudsim.FirstAccount, role)
		line := f.send(http.MethodPost, "/imports", imported).remedy(code)
		if _, err := f.paste(t, line); line == "" || err != nil {
			t.Fatalf("%s: %s: %v", code, line, err)
		}
		if after := f.send(http.MethodPost, "/imports", imported); !after.Plan.Applicable || after.remedy(code) != "" {
			t.Errorf("%s after %s: %+v", code, line, after.Findings)
		}
	}
	made := f.carried("/imports", imported)
	if f.missing != "" || len(made.Items) != 1 {
		t.Fatalf("%s %+v", f.missing, made)
	}
	exported := object{"imageId": made.Items[0].ImageID, "region": hangzhou, "bucket": uploads, "prefix": "out"}
	f.sim.SetServiceRole(cloudsim.FirstAccount, cloudsim.ServiceRole{Name: cloudsim.ExportRole, Missing: true})
	line := f.send(http.MethodPost, "/exports", exported).remedy("roleMissing")
	if _, err := f.paste(t, line); line == "" || err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if out := f.carried("/exports", exported); f.missing != "" || len(out.Items) != 1 || len(out.Items[0].Objects) != 1 {
		t.Errorf("%s %+v", f.missing, out)
	}
}

// TestLinesThatFollow: what a rollout does not follow by itself, the lines of its plan do.
func TestLinesThatFollow(t *testing.T) {
	t.Parallel()
	const soon = time.Millisecond
	sim := cloudsim.New(cloudsim.Options{SnapshotTime: soon, PowerTime: soon, CreateTime: soon, CopyTime: soon})
	w := pricedRegion{sim, hangzhou}
	w.origins()
	for _, id := range []image.ID{yardOld, yardNew} {
		w.lend(cloudsim.FirstAccount, id, "ubuntu")
	}
	sim.AddInstance(cloudsim.FirstAccount, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Name: "web", Image: yardOld, Type: "ecs.g7.large"}})
	template := func(name string, versions, standard int) string {
		all := make([]cloudsim.TemplateVersionSpec, versions)
		for n := range all {
			all[n] = cloudsim.TemplateVersionSpec{Image: yardOld, InstanceType: "ecs.g7.large"}
		}
		return sim.AddLaunchTemplate(cloudsim.FirstAccount, hangzhou, cloudsim.LaunchTemplateSpec{Name: name, Versions: all, Default: standard})
	}
	pinned, newest := template("pinned", 1, 1), template("newest", 2, 1)
	template("full", 30, 30)
	for id, version := range map[string]string{pinned: "1", newest: "Latest"} {
		sim.AddScalingGroup(cloudsim.FirstAccount, hangzhou, cloudsim.ScalingGroupSpec{Name: "group-" + version, TemplateID: id, TemplateVersion: version, Most: 2})
	}
	owner := sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if err := owner.PutBucket(safe, hangzhou); err != nil {
		t.Fatal(err)
	}
	objects := httptest.NewServer(ossapi.New(sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	s := start(t, options{sim: sim, rate: -1, only: []string{"replace-disk"}, still: true, environment: map[string]string{
		"REGIONS": string(hangzhou), "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL,
	}})
	patches := func() map[string]string {
		wish := object{"select": object{"image": []image.ID{yardOld}}, "to": object{"image": yardNew}, "health": []object{{"status": object{}}}, "follow": object{"launchTemplates": true}}
		status, text := s.ask("viewer", http.MethodPost, "/rollouts", encoded(wish))
		var plan struct {
			Totals struct {
				NotFollowed []struct {
					Code, Patch string
				}
			}
		}
		if err := json.Unmarshal(text, &plan); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		found := map[string]string{}
		for _, u := range plan.Totals.NotFollowed {
			if strings.HasPrefix(u.Patch, pasted.Program+" ") {
				found[u.Code] = u.Patch
			}
		}
		return found
	}
	before := patches()
	for _, code := range []string{"versionPinned", "latestDiffers", "templateVersionQuota"} {
		if _, err := s.paste(t, before[code]); before[code] == "" || err != nil {
			t.Errorf("%s: %q: %v", code, before[code], err)
		}
	}
	after := patches()
	if len(after) > 0 {
		t.Errorf("after %v there is %v", before, after)
	}
}
