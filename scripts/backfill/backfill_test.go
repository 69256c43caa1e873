package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/survey"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want string
		bad  bool
	}{
		"plain":           {text: "imageId,parent\nm-1,m-0\n", want: "2 cn-hangzhou/m-1 cn-hangzhou/m-0"},
		"region":          {text: "regionId,imageId,parent\ncn-beijing,m-1,cn-hangzhou/m-0\n", want: "2 cn-beijing/m-1 cn-hangzhou/m-0"},
		"mark and spaces": {text: "\ufeffparent, imageId\n# why\nm-0, m-1\n", want: "3 cn-hangzhou/m-1 cn-hangzhou/m-0"},
		"no header":       {text: "m-1,m-0\n", bad: true},
		"unknown column":  {text: "imageId,parent,note\n", bad: true},
		"no parent":       {text: "imageId,parent\nm-1,\n", bad: true},
		"other region":    {text: "imageId,parent\ncn-beijing/m-1,m-0\n", bad: true},
		"too many fields": {text: "imageId,parent\nm-1,m-0,x\n", bad: true},
		"empty":           {text: "", bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(strings.NewReader(c.text), "cn-hangzhou")
			if c.bad {
				if fault.Of(err) != fault.Invalid {
					t.Errorf("got %v %v, want kind %s", got, err, fault.Invalid)
				}
				return
			}
			if err != nil || len(got) != 1 || fmt.Sprint(got[0].Line, " ", got[0].Image, " ", got[0].Parent) != c.want {
				t.Errorf("got %v %v, want %s", got, err, c.want)
			}
		})
	}
}

// firm is a cloud whose builders are gone, on the wire.
func firm(t *testing.T) (*cloudsim.Cloud, func(string) (string, bool)) {
	t.Helper()
	cloud := company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 200, Instances: 1, PackerBuilt: true})
	wire := httptest.NewServer(ecsapi.New(cloud, ecsapi.Options{RatePerMinute: -1, Strict: true}))
	t.Cleanup(wire.Close)
	return cloud, func(name string) (string, bool) {
		value, ok := map[string]string{
			"ECS_ENDPOINT": wire.URL, "STS_ENDPOINT": wire.URL, "REGIONS": "all", "ECS_RATE_SHARE": "1000",
			"ALIBABA_CLOUD_ACCESS_KEY_ID": "local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret",
		}[name]
		return value, ok
	}
}

// truth is a file with the true parents of images that have one of the kinds
// that can be recorded.
func truth(t *testing.T, cloud *cloudsim.Cloud) (string, int) {
	t.Helper()
	text, n := "imageId,regionId,parent\n", 0
	images, err := cloud.View(cloudsim.FirstAccount).Images(t.Context(), "cn-hangzhou", image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		if p, ok := cloud.Parent(i.Ref); ok && !i.Imported() {
			text += fmt.Sprintf("%s,%s,%s/%s\n", i.ID, i.Region, p.Region, p.ID)
			n++
		}
	}
	name := filepath.Join(t.TempDir(), "parents.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, n
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	cloud, look := firm(t)
	file, n := truth(t, cloud)
	for _, step := range []struct {
		apply bool
		says  string
	}{
		{false, fmt.Sprintf("%d to set, 0 kept, 0 refused", n)},
		{false, fmt.Sprintf("%d to set, 0 kept, 0 refused", n)}, // a plan changes nothing
		{true, fmt.Sprintf("%d set, 0 calls failed", n)},
		{true, fmt.Sprintf("0 to set, %d kept, 0 refused", n)},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), look, file, step.apply, &out); err != nil || n < 20 || !strings.Contains(out.String(), step.says) {
			t.Fatalf("apply %t of %d: %v, want %q in\n%s", step.apply, n, err, step.says, out.String())
		}
	}
	there, err := survey.Open(t.Context(), []survey.Account{{Reader: cloud.View(cloudsim.FirstAccount)}}, survey.Scope{Regions: []image.RegionID{"cn-hangzhou"}})
	if err != nil {
		t.Fatal(err)
	}
	world := lineage.Observe(t.Context(), lineage.Places(there.Places()))
	graph, found, vendors := lineage.New(world), 0, 0
	for _, i := range world.Images {
		links := graph.Story(lineage.KeyOf(i.Ref)).Parents
		if p, ok := cloud.Parent(i.Ref); ok && len(links) > 0 && links[0].Parent == lineage.KeyOf(p) && links[0].Certainty == lineage.Recorded {
			found++
			if strings.HasPrefix(string(p.ID), "aliyun") {
				vendors++
			}
		}
	}
	if found != n || vendors == 0 {
		t.Errorf("%d of %d recorded parents are found, %d of them have an id that begins with aliyun", found, n, vendors)
	}
}

// TestIDsThatNoValueMayBeginWith: ECS refuses the bare id of such a parent as the
// value of a tag; the form that the cure names is written, and read back.
func TestIDsThatNoValueMayBeginWith(t *testing.T) {
	t.Parallel()
	cloud, look := firm(t)
	images, err := cloud.View(cloudsim.FirstAccount).Images(t.Context(), "cn-hangzhou", image.Listing{Kind: image.KindCustom})
	if err != nil {
		t.Fatal(err)
	}
	var child image.ID
	parent := image.ID("")
	for _, i := range images {
		if p, ok := cloud.Parent(i.Ref); ok && strings.HasPrefix(string(p.ID), "aliyun") && i.Tags[lineage.ParentTag] == "" {
			child, parent = i.ID, p.ID
			break
		}
	}
	bare := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"}).TagResources(cloudsim.TagResourcesRequest{
		RegionID: "cn-hangzhou", ResourceType: "image", ResourceIDs: []string{string(child)}, Tags: []cloudsim.Tag{{Key: lineage.ParentTag, Value: string(parent)}},
	})
	if !errors.Is(bare, fault.Invalid) {
		t.Errorf("the bare id %q: %v", parent, bare)
	}
	told := func() lineage.Story {
		there, err := survey.Open(t.Context(), []survey.Account{{Reader: cloud.View(cloudsim.FirstAccount)}}, survey.Scope{Regions: []image.RegionID{"cn-hangzhou"}})
		if err != nil {
			t.Fatal(err)
		}
		return lineage.New(lineage.Observe(t.Context(), lineage.Places(there.Places()))).Ancestry(lineage.Key{Region: "cn-hangzhou", ID: child})
	}
	if before := told(); len(before.Parents) != 0 || !strings.Contains(before.Source.Cure, "as regionId/imageId") {
		t.Fatalf("before: %+v", before)
	}
	name := filepath.Join(t.TempDir(), "parents.csv")
	if err := os.WriteFile(name, fmt.Appendf(nil, "imageId,parent,regionId\n%s,%s,cn-hangzhou\n", child, parent), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), look, name, true, &out); err != nil || !strings.Contains(out.String(), "1 set, 0 calls failed") {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if after := told(); len(after.Parents) != 1 || after.Parents[0].Parent.ID != parent || after.Parents[0].Evidence != lineage.ByTag || after.Source.Kind != lineage.SourcePublic {
		t.Errorf("after: %+v", after)
	}
}

func TestMistakesChangeNothing(t *testing.T) {
	t.Parallel()
	cloud, look := firm(t)
	name := filepath.Join(t.TempDir(), "parents.csv")
	if err := os.WriteFile(name, []byte("imageId,parent\nm-none,m-0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), look, name, true, &out); fault.Of(err) != fault.Precondition || !strings.Contains(out.String(), "0 set") {
		t.Errorf("got %v\n%s", err, out.String())
	}
	for _, bad := range []string{"", filepath.Join(t.TempDir(), "none.csv")} {
		if err := run(t.Context(), look, bad, true, &out); fault.Of(err) != fault.Invalid {
			t.Errorf("file %q: %v", bad, err)
		}
	}
	keyless := func(n string) (string, bool) {
		if n == "ALIBABA_CLOUD_ACCESS_KEY_SECRET" {
			return "", false
		}
		return look(n)
	}
	if err := run(t.Context(), keyless, name, true, &out); fault.Of(err) != fault.Unauthenticated {
		t.Errorf("without a secret: %v", err)
	}
	if err := cloud.AllowOnly("local", []string{"ecs:DescribeRegions"}); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), look, name, true, &out); fault.Of(err) != fault.Unknown {
		t.Errorf("nothing can be read: %v", err)
	}
}
