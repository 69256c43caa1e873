package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/scripts/policies/least"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// shanghai is where copies go.
const shanghai = image.RegionID("cn-shanghai")

// foundry is import, built, over a cloud in which everything is quick, with an upload
// to make images of.
type foundry struct {
	*stack
	t   *testing.T
	sim *cloudsim.Cloud
	// said is all that it answered, and missing what of it was not as it is wished.
	said    []string
	missing string
}

// uploads is the bucket of what is imported.
const uploads = "golden-uploads"

// newFoundry starts import with a key that may do some actions; nil: all.
func newFoundry(t *testing.T, may []string) *foundry {
	t.Helper()
	quick := 300 * time.Millisecond
	sim := cloudsim.New(cloudsim.Options{
		ImportTime: quick, ExportTime: quick, CheckTime: quick, CopyTime: quick, CreateTime: quick, SnapshotTime: quick, PowerTime: quick,
	})
	for _, in := range []image.RegionID{hangzhou, shanghai} {
		sim.AddImage(cloudsim.FirstAccount, in, cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic, CreatedAt: time.Now().AddDate(0, -1, 0),
		}})
	}
	owner := sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if err := errors.Join(owner.PutBucket(uploads, hangzhou), owner.PutBucket(safe, hangzhou), sim.AllowOnly("local", may)); err != nil {
		t.Fatal(err)
	}
	for key, partition := range map[string]byte{"web": 0x83, "windows": 7} {
		disk := make([]byte, 1<<20)
		copy(disk, "\xeb\x63boot code")
		disk[446+4], disk[446+8], disk[446+13], disk[510], disk[511] = partition, 2, 7, 0x55, 0xaa
		if _, err := owner.PutObject(cloudsim.PutObjectRequest{Bucket: uploads, Key: "incoming/" + key + ".raw", Content: cloudsim.ContentOf(disk)}); err != nil {
			t.Fatal(err)
		}
	}
	objects := httptest.NewServer(ossapi.New(sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	f := &foundry{t: t, sim: sim}
	f.stack = start(t, options{sim: sim, rate: -1, only: []string{"import"}, timeout: 20 * time.Second, environment: map[string]string{
		"REGIONS": "cn-hangzhou,cn-shanghai", "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL,
		"IMPORT_SOURCES": "oss://" + uploads + "/incoming",
	}})
	f.settings["QUOTAS_ENDPOINT"], f.settings["RAM_ENDPOINT"] = f.cloudAt, f.cloudAt
	f.renew(t, 20*time.Second)
	return f
}

// worked is what is read of plans and works.
type worked struct {
	ID, State, Code string
	Complete        *bool
	Plan            struct {
		Digest     string
		Applicable bool
	}
	Findings []image.Finding
	Unknown  []any
	Items    []struct {
		RegionID image.RegionID
		ImageID  image.ID
		Result   string
		Reason   *image.Reason
		Objects  []string
	}
}

func (f *foundry) send(method, target string, wish object) worked {
	f.t.Helper()
	var text []byte
	if wish != nil {
		text, _ = json.Marshal(wish)
	}
	_, body := f.ask(function.Operator, method, target, text)
	f.said = append(f.said, string(body))
	var a worked
	if err := json.Unmarshal(body, &a); err != nil && !strings.Contains(err.Error(), "cannot unmarshal") {
		f.t.Fatalf("%s %s: %s, %v", method, target, body, err)
	}
	return a
}

// wants notes what is not as it has to be.
func (f *foundry) wants(is bool, what string, args ...any) {
	if !is {
		f.missing += fmt.Sprintf(what, args...) + "\n"
	}
}

// applied plans a wish and applies it.
func (f *foundry) applied(method, target string, wish object) worked {
	f.t.Helper()
	p := f.send(method, target, wish)
	for _, found := range p.Findings {
		f.wants(found.Code != "quotaUnknown" && found.Code != "roleUnknown" && found.Code != "permissionUnknown" && found.Level != image.Fatal, "%s: %+v", target, found)
	}
	f.wants(len(p.Unknown) == 0, "%s: unknown %v", target, p.Unknown)
	if !p.Plan.Applicable {
		f.wants(false, "%s: not applicable", target)
		return worked{}
	}
	applied := object{"apply": object{"digest": p.Plan.Digest}}
	for name, value := range wish {
		applied[name] = value
	}
	return f.send(method, target, applied)
}

// carried applies a wish and fires the timer until it has ended.
func (f *foundry) carried(target string, wish object) worked {
	f.t.Helper()
	begun := f.applied(http.MethodPost, target, wish)
	if begun.ID == "" {
		return begun
	}
	over := make(chan struct{})
	var ticks sync.WaitGroup
	var ticked []string
	ticks.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Second): // another one may be at it
				ticked = append(ticked, f.fire(f.t, "import/worker"))
			}
		}
	})
	a := f.until(target + "/" + begun.ID)
	close(over)
	ticks.Wait()
	f.said = append(append(f.said, ticked...), a.text)
	f.wants(a.State == "finished", "%s: %s", target, a.text)
	return a.worked
}

// ended is a work with the text that told of it.
type ended struct {
	worked
	text string
}

// until asks for a work until it has ended, for some minutes at the most.
func (s *stack) until(target string) ended {
	var a ended
	for range 1200 {
		_, body := s.get(target)
		a = ended{text: string(body)}
		if json.Unmarshal(body, &a.worked) == nil && slices.Contains([]string{"finished", "partly", "failed", "aborted"}, a.State) {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return a
}

// deeds: an import of a file to candidates in two regions, made stable; an export of it;
// its attributes. It returns what is missing.
func (f *foundry) deeds() string {
	f.t.Helper()
	made := f.carried("/imports", object{
		"source": object{"object": object{"bucket": uploads, "key": "incoming/web.raw"}},
		"region": hangzhou,
		"image":  object{"name": "web-1", "family": "web", "platform": "Ubuntu", "bootMode": "BIOS", "diskSizeGiB": 20, "tags": object{"team": "web"}},
		"test":   object{"boot": true, "vSwitchId": "vsw-1", "securityGroupId": "sg-1", "command": "true", "timeout": "1m"},
		"release": object{
			"regions": []image.RegionID{shanghai}, "channel": "candidate", "share": object{"accounts": []object{{"accountId": cloudsim.SecondAccount}}},
		},
	})
	if f.missing != "" || len(made.Items) != 2 {
		return f.missing
	}
	stable := f.applied(http.MethodPut, "/releases/web", object{"channel": "stable", "images": object{string(hangzhou): made.Items[0].ImageID}, "reason": "it passed"})
	f.wants(stable.Complete != nil && *stable.Complete, "stable: %v", stable)
	out := f.carried("/exports", object{"imageId": made.Items[0].ImageID, "region": hangzhou, "bucket": uploads, "prefix": "out"})
	f.wants(len(out.Items) == 1 && len(out.Items[0].Objects) == 1, "no file was exported: %v", out)
	changed := f.applied(http.MethodPatch, "/attributes/"+string(made.Items[0].ImageID), object{"description": "as it is", "resourceGroupId": "rg-1", "untag": []string{"team"}})
	f.wants(changed.Complete != nil && *changed.Complete, "attributes: %v", changed)
	return f.missing
}

// leastOfImport are the rows of import's policy, with what its sources need.
func leastOfImport(t *testing.T) (may, rows []string) {
	t.Helper()
	own, err := least.Read(root, "import", least.PolicyFile)
	if err != nil {
		t.Fatal(err)
	}
	return own.Actions(), append(allowed(own, safe), "oss:GetObject on acs:oss:*:*:"+uploads+"/*", "oss:GetBucketInfo on acs:oss:*:*:"+uploads)
}

// unneeded are the actions of import that its deeds here do without: of what is
// cancelled or taken back, of other sources, and of what no answer is lost of. Import's own
// test of its permissions, in its package, has them.
func unneeded() []string {
	return []string{
		"ecs:CancelCopyImage", "ecs:CancelTask", "ecs:CreateImage", "ecs:DeleteImage", "ecs:DeleteSnapshot", "ecs:DescribeDisks", "ecs:DescribePrice",
		"ecs:DescribeTasks", "ecs:GetInstanceConsoleOutput", "oss:DeleteObject", "sts:AssumeRole", "ecs:DescribeRegions", "ecs:DescribeSnapshots",
	}
}

// TestLeastPermissionOfImport: import as it is built does all that it can with what its
// policy allows; and without any one of its actions something is missing, and the answer
// names what for.
func TestLeastPermissionOfImport(t *testing.T) {
	may, rows := leastOfImport(t)
	t.Run("the whole policy", func(t *testing.T) {
		t.Parallel()
		if missing := newFoundry(t, rows).deeds(); missing != "" {
			t.Error(missing)
		}
	})
	tried := slices.DeleteFunc(slices.Clone(may), func(action string) bool { return slices.Contains(unneeded(), action) })
	for _, action := range drawn.Some(t, tried, 48) {
		t.Run("without "+action, func(t *testing.T) {
			t.Parallel()
			f := newFoundry(t, without(rows, action))
			missing := f.deeds()
			if missing == "" {
				t.Fatalf("everything works without %s", action)
			}
			if said := strings.Join(f.said, "\n"); !slices.ContainsFunc(actionsIn(said), func(found string) bool { return least.Permission(found) == action }) {
				t.Errorf("nothing names %s: %s", action, said)
			}
		})
	}
}

// tested is a boot test of an import.
func tested() object {
	return object{"boot": true, "vSwitchId": "vsw-1", "securityGroupId": "sg-1", "command": "true", "timeout": "1m"}
}

// made finds the image of an item.
func (f *foundry) made(a worked, n int) image.Image {
	f.t.Helper()
	if len(a.Items) <= n {
		f.wants(false, "there is no item %d: %v", n, a)
		return image.Image{}
	}
	found, err := f.sim.View(cloudsim.FirstAccount).Images(f.t.Context(), a.Items[n].RegionID, image.Listing{IDs: []image.ID{a.Items[n].ImageID}, Statuses: image.Statuses()})
	if err != nil || len(found) != 1 {
		f.wants(false, "image %s is not there: %v", a.Items[n].ImageID, err)
		return image.Image{}
	}
	return found[0]
}

// TestWindowsAndKeys: import as it is built imports Windows by either licence, and not
// without one, and copies an image encrypted by a key of one's own into other regions.
func TestWindowsAndKeys(t *testing.T) {
	t.Parallel()
	_, rows := leastOfImport(t)
	f := newFoundry(t, rows)
	f.windows()
	f.keys()
	if f.missing != "" {
		t.Errorf("%s\n%s", f.missing, strings.Join(f.said, "\n"))
	}
}

func (f *foundry) windows() {
	f.t.Helper()
	of := func(name, licence string) object {
		target := object{"name": name, "osType": "windows", "platform": "Windows Server 2022", "bootMode": "BIOS"}
		if licence != "" {
			target["licenceType"] = licence
		}
		return object{
			"source": object{"object": object{"bucket": uploads, "key": "incoming/windows.raw"}}, "region": hangzhou, "image": target, "test": tested(),
		}
	}
	if a := f.send(http.MethodPost, "/imports", of("win-none", "")); a.Code == "" || a.Plan.Applicable {
		f.wants(false, "Windows without a licence: %v", a)
	}
	linux := of("web-9", "BYOL")
	linux["image"].(object)["osType"], linux["image"].(object)["platform"] = "linux", "Ubuntu"
	if a := f.send(http.MethodPost, "/imports", linux); a.Code == "" || a.Plan.Applicable {
		f.wants(false, "Linux with a licence: %v", a)
	}
	for _, licence := range []string{"Aliyun", "BYOL"} {
		if i := f.made(f.carried("/imports", of("win-"+licence, licence)), 0); i.LicenseType != licence || i.OSType != image.Windows || i.Name != "win-"+licence {
			f.wants(false, "%s: %+v", licence, i)
		}
	}
}

func (f *foundry) keys() {
	f.t.Helper()
	id := f.sim.AddImage(cloudsim.FirstAccount, hangzhou, cloudsim.ImageSpec{Image: image.Image{Name: "plain", SizeGiB: 20, Platform: "Ubuntu", OSType: image.Linux}})
	a := f.carried("/imports", object{
		"source": object{"image": object{"imageId": id, "kmsKeyId": "key-own"}}, "region": hangzhou, "image": object{"name": "kept-1", "family": "kept"}, "test": tested(),
		"release": object{"regions": []image.RegionID{shanghai}, "channel": "candidate"},
	})
	for n := range 2 {
		if i := f.made(a, n); i.Encrypted() != image.Yes || i.Name != "kept-1" || i.Tags["imagekeeper:parent"] == "" || i.Tags["imagekeeper:channel"] != "candidate" {
			f.wants(false, "the copy %d: %+v", n, i)
		}
	}
}
