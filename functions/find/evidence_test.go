package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/survey"
)

var update = flag.Bool("update", false, "write the golden files anew")

// past is a company's story on one line: a public image, an image made on an
// instance of it, its copy in another region, an image the second account made of
// it, an import, and one whose builder is gone.
func past(t *testing.T) *historian {
	t.Helper()
	h := newHistorian(cloudsim.Options{Seed: 7})
	h.run(0, h.images[0])
	h.create(h.instances[0])
	base := h.images[len(h.images)-1]
	h.copyTo(0, base, "cn-shanghai")
	h.share(base)
	h.run(1, base)
	h.create(h.instances[1])
	h.importInto("cn-hangzhou")
	h.run(0, base)
	h.create(h.instances[2])
	h.replace(h.instances[2], h.images[0])
	h.name("end")
	return h
}

// masked numbers the ids that the cloud made up, in the order they come.
func masked(text string) string {
	seen := map[string]int{}
	return regexp.MustCompile(`\b([msdi])-[a-z0-9]{20}\b`).ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == 0 {
			seen[id] = len(seen) + 1
		}
		return fmt.Sprintf("%s%02d", id[:2], seen[id])
	})
}

// golden compares an answer with testdata/name.golden.json.
func golden(t *testing.T, name string, answer any) {
	t.Helper()
	got, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = []byte(masked(string(got)))
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || strings.TrimSpace(string(want)) != string(got) {
		t.Errorf("%s (-update writes it anew): %v\n%s", file, err, got)
	}
}

func TestLineageOverHTTP(t *testing.T) {
	t.Parallel()
	h := past(t)
	f := finderIn(views(h.cloud), "cn-hangzhou", "cn-shanghai")
	base := h.images[6]
	for name, c := range map[string]struct {
		id                        image.ID
		source                    lineage.SourceKind
		parents, children, shared int
	}{
		"lineage-base":       {base.ID, lineage.SourcePublic, 1, 3, 1},
		"lineage-copy":       {h.images[7].ID, lineage.SourcePublic, 2, 0, 0},
		"lineage-theirs":     {h.images[8].ID, lineage.SourcePublic, 2, 0, 0},
		"lineage-import":     {h.images[9].ID, lineage.SourceImport, 0, 0, 0},
		"lineage-remembered": {h.images[10].ID, lineage.SourcePublic, 2, 0, 0}, // its disk is gone
		"lineage-market":     {"m-marketcn", lineage.SourceMarketplace, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got ancestry
			answer := get(t, f, "/images/"+string(c.id)+"/lineage?region="+map[bool]string{true: "cn-shanghai", false: "cn-hangzhou"}[name == "lineage-copy"], &got)
			if answer.StatusCode != http.StatusOK || got.Source.Kind != c.source || len(got.Parents) != c.parents || len(got.Children) != c.children || len(got.SharedWith) != c.shared {
				t.Errorf("got %d %s, %d parents, %d children, %d shares", answer.StatusCode, got.Source.Kind, len(got.Parents), len(got.Children), len(got.SharedWith))
			}
			golden(t, name, got)
		})
	}
}

// TestLineageWithoutTrail: where events may not be looked up, what only they could
// tell is unknown, and the cure is named; the rest is answered.
func TestLineageWithoutTrail(t *testing.T) {
	t.Parallel()
	h := past(t)
	var others []string
	for _, n := range needs() {
		if n.Action != survey.MayLookUpEvents {
			others = append(others, n.Action)
		}
	}
	for _, key := range []string{"local", "local2"} {
		if err := h.cloud.AllowOnly(key, others); err != nil {
			t.Fatal(err)
		}
	}
	f := finderIn(views(h.cloud), "cn-hangzhou", "cn-shanghai")
	var got ancestry
	answer := get(t, f, "/images/"+string(h.images[10].ID)+"/lineage?region=cn-hangzhou", &got)
	if answer.StatusCode != http.StatusOK || got.Source.Kind != lineage.SourceUnknown || got.Source.Code != "diskReleased" {
		t.Errorf("%d %+v", answer.StatusCode, got.Source)
	}
	golden(t, "lineage-broken", got)
}

func TestLineageRefusesBadQuestions(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for target, status := range map[string]int{
		"/images/m-none/lineage": 404, "/images/a%20b/lineage": 400, "/images/m-new/lineage?depth=1": 400, "/images/m-new/lineage?region=x": 400,
		"/images/m-new/lineage?account=1000000000000009": 400, "/images/m-new/ancestors": 404,
	} {
		if answer := get(t, f, target, nil); answer.StatusCode != status {
			t.Errorf("%s: got %d, want %d", target, answer.StatusCode, status)
		}
	}
}

// fleetOf is a cloud with a few servers of every kind.
func fleetOf() *cloudsim.Cloud {
	cloud := world()
	add := func(a image.AccountID, r image.RegionID, id image.InstanceID, runs image.ID, tags image.Tags) {
		cloud.AddInstance(a, r, cloudsim.InstanceSpec{Instance: image.Instance{ID: id, Image: runs, Name: "server " + string(id), CreatedAt: day(25), Tags: tags}})
	}
	add(cloudsim.FirstAccount, "cn-hangzhou", "i-old", "m-old", image.Tags{"env": "prod", "team": "web"})
	add(cloudsim.FirstAccount, "cn-hangzhou", "i-new", "m-new", image.Tags{"env": "dev"})
	add(cloudsim.FirstAccount, "cn-hangzhou", "i-market", "m-market", nil)
	add(cloudsim.FirstAccount, "cn-shanghai", "i-public", public, nil)
	add(cloudsim.SecondAccount, "cn-hangzhou", "i-given", "m-new", nil)
	return cloud
}

func names(f fleet) string {
	var all []string
	for _, i := range f.Items {
		all = append(all, string(i.InstanceID))
	}
	return strings.Join(all, " ")
}

func TestInstances(t *testing.T) {
	t.Parallel()
	f := finder(views(fleetOf()))
	for query, want := range map[string]string{
		"":                                     "i-market i-new i-old i-public i-given",
		"behind=1":                             "i-old",
		"behind=0":                             "i-new i-old i-public i-given",
		"behind=2":                             "",
		"family=web-base":                      "i-new i-old i-given",
		"image=m-old,m-market":                 "i-market i-old",
		"tag.env=prod":                         "i-old",
		"tag.env=":                             "i-new i-old",
		"tag.env=prod&tag.team=x":              "",
		"region=cn-shanghai":                   "i-public",
		"account=1000000000000002":             "i-given",
		"limit=2":                              "i-market i-new",
		"family=web-base&behind=1&limit=10":    "i-old",
		"sort=-behind":                         "i-old i-new i-public i-given i-market",
		"sort=behind":                          "i-new i-public i-given i-old i-market",
		"instanceType=ecs.c9i.large":           "",
		"endOfLifeBefore=1999-01-01T00:00:00Z": "",
		"osName=no such system":                "",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			var got fleet
			if answer := get(t, f, "/instances?"+strings.ReplaceAll(query, " ", "%20"), &got); answer.StatusCode != http.StatusOK || names(got) != want || len(got.Unknown) != 0 || got.Total == nil {
				t.Errorf("got %d %q %+v, want %q", answer.StatusCode, names(got), got.Unknown, want)
			}
		})
	}
	var got fleet
	get(t, f, "/instances", &got)
	golden(t, "instances", got)
}

// TestNoInstancesSaysWhatMayHaveBeenMeant: a family one letter off is helped, whichever
// letter it is; and behind does not depend on what was asked for.
func TestNoInstancesSaysWhatMayHaveBeenMeant(t *testing.T) {
	t.Parallel()
	f := finder(views(fleetOf()))
	for query, want := range map[string]string{
		"family=web-bas": "but of web-base", "family=wab-base": "but of web-base", "family=web-basee": "but of web-base", "family=ewb-base": "web-base", "family=WEB-BASE": "but of web-base", "family=web": "but of web-base",
		"family=plan-nine": "no image of family plan-nine is seen", "image=m-none": "no image m-none is seen", "id=i-none": "no instance i-none is seen",
	} {
		var got fleet
		if get(t, f, "/instances?"+query, &got); len(got.Items) != 0 || len(got.Hints) != 1 || !strings.Contains(got.Hints[0].Sentence, want) || strings.Contains(got.Hints[0].Sentence, "plan-nine") && strings.Contains(got.Hints[0].Sentence, "but of") {
			t.Errorf("%s: %q, hints %v, want %q", query, names(got), got.Hints, want)
		}
	}
	for query, want := range map[string][2]string{
		"tag.team=none": {"they differ: 5 by tag", "no instance has the tag team=none; there are web"}, "tag.tema=web": {"5 by tag", "no instance has a tag tema; there are team"},
		"instanceType=ecs.g7.larg": {"5 by instanceType", "of the type ecs.g7.larg; there are"}, "osName=plan": {"by osName", "called plan; there are Ubuntu"},
		"behind=9": {"5 by behind", ""}, "endOfLifeBefore=1999-01-01T00:00:00Z": {"5 by endOfLifeBefore", ""}, "tag.env=prod&behind=0&image=m-new": {"by image, ", ""},
	} {
		var got fleet
		get(t, f, "/instances?"+query, &got)
		if len(got.Hints) == 0 || got.Hints[0].Code != "passedOver" || !strings.Contains(got.Hints[0].Sentence, want[0]) || (len(got.Hints) == 2) != (want[1] != "") ||
			!strings.Contains(got.Hints[len(got.Hints)-1].Sentence, want[1]) {
			t.Errorf("%s: hints %v, want %q", query, got.Hints, want)
		}
	}
	for _, query := range []string{"id=i-old", "tag.env=prod", "image=m-old", "account=1000000000000001&behind=1", "region=cn-hangzhou&family=web-base&behind=1", "limit=1&sort=-behind", "osName=ubuntu&image=m-old"} {
		var got fleet
		if get(t, f, "/instances?"+query, &got); names(got) != "i-old" || *got.Items[0].Behind != 1 || got.Items[0].NewestImageID != "m-new" {
			t.Errorf("%s: %+v", query, got.Items)
		}
	}
}

func TestInstancesByPages(t *testing.T) {
	t.Parallel()
	for sort, want := range map[string]string{
		"": "i-market i-new i-old i-public i-given", "&sort=-behind": "i-old i-new i-public i-given i-market", "&sort=endOfLife": "", "&sort=-createdAt": "",
	} {
		instancesByPages(t, sort, want)
	}
}

// instancesByPages: what comes page by page is what comes at once.
func instancesByPages(t *testing.T, sort, want string) {
	t.Helper()
	f := finder(views(fleetOf()))
	var whole, other fleet
	get(t, f, "/instances?limit=100"+sort, &whole)
	if want == "" {
		want = names(whole)
	}
	var paged []string
	cursor := ""
	for range 10 {
		query := "/instances?limit=2" + sort
		if cursor != "" {
			query += "&cursor=" + cursor
		}
		var got fleet
		get(t, f, query, &got)
		paged = append(paged, names(got))
		if cursor = got.NextCursor; cursor == "" {
			break
		}
	}
	if got := strings.Join(paged, " "); got != want || len(whole.Items) != 5 {
		t.Errorf("by pages%s: %s, not %s", sort, got, want)
	}
	get(t, f, "/instances?limit=2"+sort, &whole)
	if answer := get(t, f, "/instances?limit=2&sort=createdAt&cursor="+whole.NextCursor, &other); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a cursor of another order%s: %d", sort, answer.StatusCode)
	}
	if sort != "" {
		return
	}
	answer := get(t, f, "/instances?format=csv", nil)
	rows, err := csv.NewReader(answer.Body).ReadAll()
	if err != nil || len(rows) != 6 || rows[3][2] != "i-old" || rows[3][12] != "1" || rows[1][12] != "unknown" {
		t.Errorf("csv: %q, %v", rows, err)
	}
}

// An empty fleet is believed only where the permission was shown.
func TestInstancesThatMayNotBeListedAreUnknown(t *testing.T) {
	t.Parallel()
	cloud := fleetOf()
	if err := cloud.AllowOnly("local", []string{"ecs:DescribeImages", "ecs:DescribeRegions"}); err != nil {
		t.Fatal(err)
	}
	var got fleet
	answer := get(t, finder(views(cloud)), "/instances", &got)
	if answer.StatusCode != http.StatusOK || names(got) != "i-given" || got.Total != nil || len(got.Unknown) != 2 ||
		got.Unknown[0].Permission != "ecs:DescribeInstances" || answer.Header.Get("Unknown-Count") != "2" {
		t.Errorf("got %d %s %+v", answer.StatusCode, names(got), got.Unknown)
	}
	var none answered
	if answer := get(t, finder(views(cloud)), "/instances?account=1000000000000001", &none); answer.StatusCode != http.StatusBadGateway || none.Code != survey.CodeUnread || len(none.Unknown) != 2 {
		t.Errorf("nothing could be read: %d %+v", answer.StatusCode, none)
	}
	if answer := get(t, finder(views(cloud)), "/instances?account=1000000000000001&format=csv", nil); answer.StatusCode != http.StatusBadGateway {
		t.Errorf("nothing could be read, as a table: %d", answer.StatusCode)
	}
	if answer := get(t, finder(views(fleetOf())), "/instances?region=cn-shanghai&account=1000000000000002", &got); answer.StatusCode != http.StatusOK {
		t.Errorf("an empty fleet: %d", answer.StatusCode)
	}
}

// hiding is an account that shows no instance, though a dry run says that it would.
type hiding struct{ survey.Reader }

func (hiding) Instances(context.Context, image.RegionID, image.InstanceListing) ([]image.Instance, error) {
	return nil, nil
}

// Disks that are attached contradict a fleet without instances; without any, a
// permitted empty list is believed.
func TestInstancesThatDisksContradictAreUnknown(t *testing.T) {
	t.Parallel()
	var got fleet
	blinded := func(look func(function.Call) []survey.Account) func(function.Call) []survey.Account {
		return func(call function.Call) []survey.Account {
			all := look(call)
			all[0].Reader = hiding{all[0].Reader}
			return all
		}
	}
	get(t, finder(blinded(views(fleetOf()))), "/instances", &got)
	if len(got.Unknown) != 2 || got.Unknown[0].Code != "instancesHidden" || got.Unknown[1].Code != "instancesHidden" || got.Total != nil || names(got) != "i-given" {
		t.Errorf("got %s %+v", names(got), got.Unknown)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	var got access
	get(t, f, "/access?region=cn-hangzhou", &got)
	if len(got.Items) != 2*len(needs())+1 || got.Allowed != 3 || got.Denied != 2 || got.Unsure != len(got.Items)-5 {
		t.Errorf("%d items: %d allowed, %d denied, %d unsure", len(got.Items), got.Allowed, got.Denied, got.Unsure)
	}
	if s := got.Sources; s == nil || s.Images == 0 || s.Unknown > s.Images || (s.Unknown > 0) != (len(s.Causes) > 0) {
		t.Errorf("sources: %+v", s)
	}
	got = access{}
	get(t, f, "/access?action=ecs:DescribeImages,ecs:ModifyImageSharePermission&account=1000000000000001&region=cn-shanghai", &got)
	golden(t, "access", got)
	if got.Sources != nil {
		t.Errorf("one action was asked about, and %+v is told", got.Sources)
	}
	got = access{}
	get(t, f, "/access?neededBy=price&region=cn-hangzhou&account=1000000000000001", &got)
	if len(got.Items) < 10 || len(got.Items) >= len(needs()) || got.Sources != nil {
		t.Errorf("what price needs: %d of %d, %+v", len(got.Items), len(needs()), got.Sources)
	}
	for _, item := range got.Items {
		if !slices.Contains(item.Needed, "price") {
			t.Errorf("price does not need %+v", item)
		}
	}
	answer := get(t, f, "/access?format=csv&action=ecs:ModifyImageSharePermission", nil)
	if rows, err := csv.NewReader(answer.Body).ReadAll(); err != nil || len(rows) != 5 || rows[1][3] != "denied" {
		t.Errorf("csv: %q, %v", rows, err)
	}
}

// Where every region is looked at, one that no account has is a mistake, and no
// fleet without instances.
func TestRegionsThatNobodyHas(t *testing.T) {
	t.Parallel()
	f := finderIn(views(fleetOf()), "all")
	for _, path := range []string{"/instances", "/access", "/images", "/families/web"} {
		var got answered
		if answer := get(t, f, path+"?region=xx-nowhere-1", &got); answer.StatusCode != http.StatusBadRequest || got.Field != "region" {
			t.Errorf("%s: got %d blaming %q (%s), want 400 blaming region", path, answer.StatusCode, got.Field, got.Code)
		}
	}
	for _, path := range []string{"/instances", "/access"} {
		if answer := get(t, f, path+"?region=cn-hangzhou", nil); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d for a region that there is", path, answer.StatusCode)
		}
	}
}

// regionless is a reader that may not list its regions.
type regionless struct{ sim }

func (regionless) Regions(context.Context) ([]image.Region, error) {
	return nil, fault.New(fault.Forbidden, "ecs:DescribeRegions: refused").WithCode("Forbidden.RAM")
}

// An account that may not list its regions has no places to ask in, unless one is
// named: that alone is denied.
func TestAccessWithoutRegions(t *testing.T) {
	t.Parallel()
	cloud := world()
	f := finderIn(func(function.Call) []survey.Account {
		return []survey.Account{{Reader: regionless{sim{cloud.View(cloudsim.FirstAccount)}}}}
	}, "all")
	var asked access
	if get(t, f, "/access?region=cn-hangzhou", &asked); len(asked.Items) != len(needs()) {
		t.Errorf("a region that is named can be asked all the same: %+v", asked)
	}
	for _, query := range []string{""} {
		var got access
		get(t, f, "/access"+query, &got)
		if len(got.Items) != 1 || got.Denied != 1 || got.Items[0].Action != "ecs:DescribeRegions" || got.Items[0].AccountID != cloudsim.FirstAccount || len(got.Unknown) != 1 {
			t.Errorf("%q: %+v", query, got)
		}
	}
}

func TestBadParametersOfFleetAndAccess(t *testing.T) {
	t.Parallel()
	f := finder(views(fleetOf()))
	for target, field := range map[string]string{
		"/instances?behind=-1": "behind", "/instances?behind=true": "behind", "/instances?limit=0": "limit", "/instances?limit=10001": "limit",
		"/instances?cursor=AAAA": "cursor", "/instances?cursor=%20": "cursor", "/instances?family=-": "family", "/instances?image=a%20b": "image",
		"/instances?region=eu-central-1": "region", "/instances?account=1000000000000009": "account", "/instances?format=xml": "format",
		"/instances?status=x": "status", "/access?action=DescribeImages": "action", "/access?action=ecs:DescribeVpcs": "action",
		"/access?region=CN": "region", "/access?limit=1": "limit",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			var got answered
			if answer := get(t, f, target, &got); answer.StatusCode != http.StatusBadRequest || got.Field != field {
				t.Errorf("got %d blaming %q (%s), want 400 blaming %s", answer.StatusCode, got.Field, got.Code, field)
			}
		})
	}
}

// Every action that is asked about is needed, and what can be asked is asked.
func TestNeedsAreInOrder(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, n := range needs() {
		if seen[n.Action] || len(n.By) == 0 || !strings.Contains(n.Action, ":") {
			t.Errorf("%+v", n)
		}
		seen[n.Action] = true
	}
	if !slices.ContainsFunc(needs(), func(n survey.Need) bool { return n.Action == survey.MayListInstances }) {
		t.Error("instances are not asked about")
	}
}

// TestEvidenceAsTables: lineage and usage have a row for each link and each use, and
// an account without a use has one, too; ndjson ends with the rest.
func TestEvidenceAsTables(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for target, header := range map[string]string{
		"/images/m-new/lineage": "imageId relation parentRegionId parentId", "/images/m-new/usage": "imageId accountId verdict regionId",
	} {
		rows, err := csv.NewReader(get(t, f, target+"?format=csv", nil).Body).ReadAll()
		if err != nil || !strings.HasPrefix(strings.Join(rows[0], " "), header) || strings.HasSuffix(target, "usage") && len(rows) < 2 {
			t.Fatalf("%s: %q, %v", target, rows, err)
		}
		lines := json.NewDecoder(get(t, f, target+"?format=ndjson", nil).Body)
		n, last := 0, map[string]any{}
		for lines.More() {
			clear(last)
			if err := lines.Decode(&last); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if last["end"] != true || last["count"] != float64(n-1) || last["unknown"] == nil || last["image"] == nil {
			t.Errorf("%s: ends with %v after %d", target, last, n)
		}
		var whole struct {
			Parents, Children, Consumers []any
		}
		get(t, f, target, &whole)
		if n-1 != len(whole.Parents)+len(whole.Children)+len(whole.Consumers) {
			t.Errorf("%s: %d lines of %+v", target, n, whole)
		}
		var problem function.Problem
		if answer := get(t, f, target+"?fields=sentence&format=ndjson", &problem); answer.StatusCode != http.StatusBadRequest || problem.Field != "fields" {
			t.Errorf("%s: %d %+v", target, answer.StatusCode, problem)
		}
	}
}

// TestLineageWithNothingButAName: the name that OOS gives is told as inferred, in
// JSON and in a table; and of a Marketplace product that only a code tells of, no image
// is named as its source.
func TestLineageWithNothingButAName(t *testing.T) {
	t.Parallel()
	cloud := world()
	add := func(id image.ID, name string, code image.ProductCode) {
		cloud.AddImage(cloudsim.FirstAccount, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindCustom, Name: name, ProductCode: code, Architecture: image.X86_64, BootMode: image.UEFI, CreatedAt: day(25),
			Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.No, SnapshotID: image.SnapshotID("s-" + id[2:])}},
		}})
	}
	add("m-updated", "UpdateImage_from_m-new_on_exec-4f9be9d9f4a24c5a", "")
	add("m-coded", "erp", "cmjj0001")
	f := finder(views(cloud))
	var got ancestry
	get(t, f, "/images/m-updated/lineage?region=cn-hangzhou", &got)
	if len(got.Parents) != 1 || got.Parents[0].Parent.ImageID != "m-new" || got.Parents[0].Evidence != lineage.ByName || got.Parents[0].Certainty != lineage.Inferred ||
		got.Parents[0].Code != "imageName" {
		t.Errorf("%+v", got.Parents)
	}
	rows, err := csv.NewReader(get(t, f, "/images/m-updated/lineage?region=cn-hangzhou&format=csv", nil).Body).ReadAll()
	if err != nil || len(rows) != 2 || !slices.Contains(rows[1], "imageName") || !slices.Contains(rows[1], "inferred") {
		t.Errorf("%v %v", rows, err)
	}
	got = ancestry{}
	get(t, f, "/images/m-coded/lineage?region=cn-hangzhou", &got)
	if got.Source.Kind != lineage.SourceMarketplace || got.Source.ProductCode != "cmjj0001" || got.Source.Image != nil || len(got.Parents) != 0 {
		t.Errorf("%+v", got.Source)
	}
}
