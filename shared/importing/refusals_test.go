package importing_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
)

// warnings are what is said of sources that are taken all the same.
func warnings() []finding {
	instance := from(importing.Source{Instance: &importing.Instance{InstanceID: "i-1"}})
	snapshots := from(importing.Source{Snapshots: &importing.Snapshots{System: "s-system", Data: []image.SnapshotID{"s-data"}}})
	existing := from(importing.Source{Image: &importing.Existing{ImageID: "m-1"}})
	type seen = importing.Observed
	return []finding{
		{"an odd ending", nil, func(o *seen) { o.Objects[0].Key = "incoming/web.disk" }, "unusualSuffix"},
		{"encryption unknown", nil, func(o *seen) { o.Objects[0].Encrypted = image.Unknown }, "encryptionUnknown"},
		{"a sha256", func(w *importing.Wish) { w.Source.Object.SHA256 = strings.Repeat("0", 64) }, nil, "sha256NotChecked"},
		{"running", instance, func(o *seen) { o.Instance.Status = image.InstanceRunning }, "instanceRunning"},
		{"snapshots unknown", instance, func(o *seen) { o.Instance.SnapshotRunning = image.Unknown }, "snapshotsUnknown"},
		{"a product's disk", instance, func(o *seen) { o.Instance.Disks[0].ProductCode = "cmjj1" }, "marketplaceProduct"},
		{"a product's snapshot", snapshots, func(o *seen) { o.Snapshots[0].ProductCode = "cmjj1" }, "marketplaceProduct"},
		{"a product's image", existing, func(o *seen) { o.Existing.ProductCode = "cmjj1" }, "marketplaceProduct"},
		{"encrypted snapshot", snapshots, func(o *seen) { o.Snapshots[0].Encrypted = image.Yes }, "sourceEncrypted"},
		{"a key of home alone", keyed(func(r *importing.Release) { r.Share = nil }), func(o *seen) { o.Existing.Region = home }, "serviceKey"},
		{"no platform", snapshots, nil, "platformDefault"},
		{"resets", snapshots, nil, "snapshotResets"},
		{"five copies", nil, func(o *seen) { o.Places[away] = importing.PlaceSeen{Images: 3, Most: 100, Copies: 5} }, "copiesQueued"},
		{"quota unknown", nil, func(o *seen) { o.Places[away] = importing.PlaceSeen{Images: 100, Most: -1} }, "quotaUnknown"},
		{"role unknown", nil, func(o *seen) { o.Roles = nil }, "roleUnknown"},
		{"permission unknown", nil, func(o *seen) { o.May = map[string]image.Tri{"ecs:ImportImage": image.Unknown} }, "permissionUnknown"},
		{"a cost that is none", func(w *importing.Wish) { w.Test.MaxCost = "much" }, nil, "maxCost"},
		{"no etag to compare", func(w *importing.Wish) { w.Source.Object.ETag = "abc" }, func(o *seen) { o.Objects[0].ETag = "" }, "checksumUnknown"},
	}
}

// exportFindings are what is said of exports.
func exportFindings() []struct {
	name string
	seen func(*importing.ExportSeen)
	code string
} {
	type seen = importing.ExportSeen
	return []struct {
		name string
		seen func(*importing.ExportSeen)
		code string
	}{
		{"nothing", func(*seen) {}, ""},
		{"unread", func(o *seen) { o.Unread = &image.Reason{Code: "x", Sentence: "y"} }, "sourceUnread"},
		{"no image", func(o *seen) { o.Image = nil }, "notFound"},
		{"of others", func(o *seen) { o.Image.Kind = image.KindShared }, "notOurs"},
		{"deprecated", func(o *seen) { o.Image.Status = image.StatusDeprecated }, "imageStatus"},
		{"a product's", func(o *seen) { o.Image.ProductCode = "cmjj1" }, "marketplaceProduct"},
		{"encrypted", func(o *seen) { o.Image.Disks[0].Encrypted = image.Yes }, "imageEncrypted"},
		{"windows", func(o *seen) { o.Image.OSType = image.Windows }, "windowsExport"},
		{"a large data disk", func(o *seen) { o.Image.Disks = append(o.Image.Disks, image.DiskMapping{SizeGiB: 501}) }, "disksTooLarge"},
		{"no role", func(o *seen) { o.Role = importing.RoleSeen{Exists: image.No} }, "roleMissing"},
		{"no trust", func(o *seen) { o.Role.Trusts = image.No }, "roleNotTrusted"},
		{"role unknown", func(o *seen) { o.Role = importing.RoleSeen{} }, "roleUnknown"},
		{"no bucket", func(o *seen) { o.Bucket = importing.BucketSeen{Exists: image.No} }, "bucketNotFound"},
		{"a bucket that may not be seen", func(o *seen) { o.Bucket = importing.BucketSeen{} }, "bucketUnknown"},
		{"a bucket of another region", func(o *seen) { o.Bucket.Region = away }, "bucketElsewhere"},
		{"the journal's", func(o *seen) { o.Bucket.Journal = true }, "journalBucket"},
	}
}

// A dry run that ECS refuses is fatal, in its own words, where nothing else explains it.
func TestDryRunRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seen func(*importing.Observed)
		want string
	}{
		"unexplained": {func(*importing.Observed) {}, "InvalidPlatform.ValueNotSupported"},
		"no role": {func(o *importing.Observed) {
			o.Roles[importing.RoleOf(golden())] = importing.RoleSeen{Exists: image.No}
		}, "roleMissing"},
		"no answer": {func(o *importing.Observed) { o.Refused = nil }, ""},
	} {
		o := good()
		o.May = map[string]image.Tri{"ecs:ImportImage": image.Unknown}
		o.Refused = &image.Reason{Code: "InvalidPlatform.ValueNotSupported", Sentence: "The platform is not supported."}
		c.seen(&o)
		if got := strings.Join(codes(importing.Judge(golden(), o), image.Fatal), " "); got != c.want {
			t.Errorf("%s: %q, and not %q", name, got, c.want)
		}
	}
}

// codesMet are all codes that the cases have, and each case has its own.
func codesMet(t *testing.T) map[string]bool {
	t.Helper()
	met := map[string]bool{}
	note := func(name, want string, found []image.Finding) {
		var got []string
		for _, f := range found {
			met[f.Code], got = true, append(got, f.Code)
		}
		if want != "" && !slices.Contains(got, want) {
			t.Errorf("%s: %v, and not %s", name, got, want)
		}
	}
	for _, c := range slices.Concat(findings(), warnings()) {
		w, o := golden(), good()
		if c.wish != nil {
			c.wish(&w)
		}
		if c.seen != nil {
			c.seen(&o)
		}
		note(c.name, c.fatal, importing.Judge(w, o))
	}
	for _, c := range exportFindings() {
		o := importing.ExportSeen{
			Now: monday, Role: importing.RoleSeen{Exists: image.Yes, Trusts: image.Yes}, Bucket: importing.BucketSeen{Exists: image.Yes, Region: home},
			Image: &image.Image{
				Ref: image.Ref{Account: us, Region: home, ID: "m-1"}, Kind: image.KindCustom, Status: image.StatusAvailable, OSType: image.Linux,
				Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.No}},
			},
		}
		c.seen(&o)
		_, found, err := importing.PlanExport(importing.Export{ImageID: "m-1", Region: home, Account: us, Bucket: "b"}, o, "")
		if err != nil || c.code == "" && len(found) > 0 {
			t.Errorf("%s: %v, %v", c.name, found, err)
		}
		note(c.name, c.code, found)
	}
	return met
}

// Every code that the sources of this package have is met by a case, and stands in the
// README of the function, with what cures it.
func TestEveryCodeHasACase(t *testing.T) {
	met := codesMet(t)
	readme, err := os.ReadFile("../../functions/import/README.md")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`\b(fatal|warn|add)\((?:image\.\w+, )?"(\w+)"`)
	number := 0
	for _, folder := range []string{".", "diskimage"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range said.FindAllStringSubmatch(string(text), -1) {
				number++
				if folder == "." && !met[m[2]] {
					t.Errorf("no case has %s", m[2])
				}
				if !strings.Contains(string(readme), "`"+m[2]+"`") {
					t.Errorf("the README of import does not know %s", m[2])
				}
			}
		}
	}
	if number < 80 {
		t.Errorf("only %d codes were found in the sources", number)
	}
}
