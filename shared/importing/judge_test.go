package importing_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/importing/diskimage"
)

var monday = time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)

const (
	us   = image.AccountID("1000000000000001")
	them = image.AccountID("1000000000000003")
	home = image.RegionID("cn-hangzhou")
	away = image.RegionID("cn-shanghai")
)

// golden is the wish of an image that is to be checked, tested, copied, shared and
// released.
func golden() importing.Wish {
	return importing.Wish{
		Source: importing.Source{Object: &importing.Object{Bucket: "golden-uploads", Key: "incoming/web.qcow2"}},
		Region: home, Account: us,
		Image: importing.Target{Name: "web-20261129", Family: "web-base", OSType: image.Linux, Platform: "Ubuntu", BootMode: image.UEFI},
		Test:  &importing.Test{Boot: true, VSwitchID: "vsw-1", SecurityGroupID: "sg-1", Command: "true"},
		Release: &importing.Release{
			Regions: []image.RegionID{away}, Channel: importing.Candidate,
			Share: &importing.Share{Accounts: []importing.Grantee{{AccountID: them}}},
		},
	}
}

// good is a world in which everything is right for every kind of source.
func good() importing.Observed {
	return importing.Observed{
		Now: monday, Region: home, Account: us,
		Objects: []importing.ObjectSeen{{
			Bucket: "golden-uploads", Key: "incoming/web.qcow2", Allowed: true, Region: home, Encrypted: image.No,
			Stamp: importing.Stamp{ETag: `"ABC"`, CRC64: "123", Size: 42, ModifiedAt: monday},
			Disk:  diskimage.Disk{Format: diskimage.QCOW2, Bytes: 40 << 30, UEFI: image.Yes, BIOS: image.No},
		}},
		Instance: &importing.InstanceSeen{
			Instance: image.Instance{ID: "i-1", Status: image.InstanceStopped}, SnapshotRunning: image.No,
			Disks: []image.Disk{{ID: "d-1", System: true, SizeGiB: 40}},
		},
		Snapshots: []image.Snapshot{
			{ID: "s-system", Status: "accomplished", SourceSystemDisk: true, CreatedAt: monday},
			{ID: "s-data", Status: "accomplished", CreatedAt: monday},
		},
		Existing: &image.Image{Ref: image.Ref{Account: us, Region: away, ID: "m-1"}, Kind: image.KindCustom, Status: image.StatusAvailable},
		Places:   map[image.RegionID]importing.PlaceSeen{home: {Images: 3, Most: 100}, away: {Images: 3, Most: 100}},
		Roles:    map[string]importing.RoleSeen{importing.RoleOf(golden()): {Exists: image.Yes, Trusts: image.Yes}},
		Types:    []image.InstanceType{{ID: "ecs.g7.large"}},
		Cost:     importing.Cost{Currency: "CNY", TestOnce: "0.50"},
	}
}

func codes(found []image.Finding, level image.Level) []string {
	var all []string
	for _, f := range found {
		if f.Level == level {
			all = append(all, f.Code)
		}
	}
	return all
}

// from changes the source of the golden wish to one that needs nothing of a file.
func from(s importing.Source) func(*importing.Wish) {
	return func(w *importing.Wish) {
		w.Source, w.Image.OSType, w.Image.Platform, w.Image.BootMode = s, "", "", ""
	}
}

// finding is one thing that is not right, and what is found.
type finding struct {
	name  string
	wish  func(*importing.Wish)
	seen  func(*importing.Observed)
	fatal string
}

// keyed is a copy that is encrypted with a key, and given to others in some way.
func keyed(release func(*importing.Release)) func(*importing.Wish) {
	return func(w *importing.Wish) {
		from(importing.Source{Image: &importing.Existing{ImageID: "m-1", KMSKeyID: "key"}})(w)
		release(w.Release)
	}
}

// findings are those of sources, and of what lies around them.
func findings() []finding {
	instance := from(importing.Source{Instance: &importing.Instance{InstanceID: "i-1"}})
	snapshots := from(importing.Source{Snapshots: &importing.Snapshots{System: "s-system", Data: []image.SnapshotID{"s-data"}}})
	existing := from(importing.Source{Image: &importing.Existing{ImageID: "m-1"}})
	type seen = importing.Observed
	return []finding{
		{"an object", nil, nil, ""},
		{"an instance", instance, nil, ""},
		{"snapshots", snapshots, nil, ""},
		{"an image", existing, nil, ""},
		{"not allowed", nil, func(o *seen) { o.Objects[0].Allowed = false }, "sourceNotAllowed"},
		{"no object", nil, func(o *seen) { o.Objects[0].Missing = true }, "objectNotFound"},
		{"object unread", nil, func(o *seen) { o.Objects[0].Unread = &image.Reason{Code: "x", Sentence: "y"} }, "objectUnread"},
		{"other region", nil, func(o *seen) { o.Objects[0].Region = away }, "bucketElsewhere"},
		{"unknown region", nil, func(o *seen) { o.Objects[0].Region = "" }, "bucketRegionUnknown"},
		{"archived", nil, func(o *seen) { o.Objects[0].StorageClass = "ColdArchive" }, "objectArchived"},
		{"restored", nil, func(o *seen) { o.Objects[0].StorageClass, o.Objects[0].Restored = "Archive", image.Yes }, ""},
		{"infrequent access", nil, func(o *seen) { o.Objects[0].StorageClass = "IA" }, ""},
		{"encrypted by OSS", nil, func(o *seen) { o.Objects[0].Encrypted = image.Yes }, "objectEncrypted"},
		{"another crc64", func(w *importing.Wish) { w.Source.Object.CRC64 = "124" }, nil, "checksumMismatch"},
		{"the same etag", func(w *importing.Wish) { w.Source.Object.ETag = "abc" }, nil, ""},
		{"no crc64 to compare", func(w *importing.Wish) { w.Source.Object.CRC64 = "123" }, func(o *seen) { o.Objects[0].CRC64 = "" }, "checksumUnknown"},
		{"a bad file", nil, func(o *seen) {
			o.Objects[0].Disk.Findings = []image.Finding{{Level: image.Fatal, Reason: image.Reason{Code: "backingFile"}}}
		}, "backingFile"},
		{"boot mode", func(w *importing.Wish) { w.Image.BootMode = image.BIOS }, nil, "bootModeMismatch"},
		{"too small", func(w *importing.Wish) { w.Image.DiskSizeGiB = 39 }, nil, "diskSizeTooSmall"},
		{"no instance", instance, func(o *seen) { o.Instance = nil }, "instanceNotFound"},
		{"locked", instance, func(o *seen) { o.Instance.Locks = []string{"security"} }, "instanceLocked"},
		{"starting", instance, func(o *seen) { o.Instance.Status = image.InstanceStarting }, "instanceState"},
		{"disks unread", instance, func(o *seen) { o.Instance.Disks = nil }, "disksUnread"},
		{"snapshot running", instance, func(o *seen) { o.Instance.SnapshotRunning = image.Yes }, "snapshotRunning"},
		{"18 disks", instance, func(o *seen) { o.Instance.Disks = make([]image.Disk, 18) }, "tooManyDisks"},
		{"no snapshot", snapshots, func(o *seen) { o.Snapshots = o.Snapshots[:1] }, "snapshotNotFound"},
		{"unfinished", snapshots, func(o *seen) { o.Snapshots[1].Status = "progressing" }, "snapshotNotFinished"},
		{"failed", snapshots, func(o *seen) { o.Snapshots[0].Status = "failed" }, "snapshotFailed"},
		{"of a data disk", snapshots, func(o *seen) { o.Snapshots[0].SourceSystemDisk = false }, "notASystemDisk"},
		{"archived snapshot", snapshots, func(o *seen) { o.Snapshots[0].Category = "archive" }, "snapshotArchived"},
		{"too old", snapshots, func(o *seen) { o.Snapshots[0].CreatedAt = time.Date(2013, 7, 14, 0, 0, 0, 0, time.UTC) }, "snapshotTooOld"},
		{"no image", existing, func(o *seen) { o.Existing = nil }, "notFound"},
		{"deprecated", existing, func(o *seen) { o.Existing.Status = image.StatusDeprecated }, "imageStatus"},
		{"public", existing, func(o *seen) { o.Existing.Kind = image.KindPublic }, "kindNotCopied"},
		{"shared, elsewhere", existing, func(o *seen) { o.Existing.Kind = image.KindShared }, "sameRegionOnly"},
		{"shared, here", existing, func(o *seen) { o.Existing.Kind, o.Existing.Region = image.KindShared, home }, ""},
		{"our own, here", existing, func(o *seen) { o.Existing.Region = home }, "sameRegion"},
		{"our own, here, to be encrypted", keyed(func(r *importing.Release) { r.Share = nil }), func(o *seen) { o.Existing.Region = home }, ""},
		{"encrypted, and shared here alone", keyed(func(r *importing.Release) { r.Regions = nil }), func(o *seen) { o.Existing.Region = home }, ""},
		{"encrypted, and shared elsewhere", keyed(func(*importing.Release) {}), func(o *seen) { o.Existing.Region = home }, "serviceKeyNotShared"},
		{"a copy by the service's key, shared", existing, func(o *seen) { o.Existing.Disks = []image.DiskMapping{{Encrypted: image.Yes}} }, "serviceKeyNotShared"},
		{"an encrypted disk, shared elsewhere", instance, func(o *seen) { o.Instance.Disks[0].Encrypted = image.Yes }, "serviceKeyNotShared"},
		{"published", existing, func(o *seen) { o.Existing.Published = true }, "kindNotCopied"},
		{"too large a copy", existing, func(o *seen) { o.Existing.Disks = []image.DiskMapping{{SizeGiB: 2000}, {SizeGiB: 49}} }, "tooLargeToCopy"},
		{"too large to be copied", instance, func(o *seen) { o.Instance.Disks[0].SizeGiB = 2049 }, "tooLargeToCopy"},
		{"name", nil, func(o *seen) {
			o.Places[home] = importing.PlaceSeen{Most: 9, Taken: map[string]importing.Taker{"web-20261129": {Image: "m-9"}}}
		}, "nameTaken"},
		{"unverified name elsewhere", nil, func(o *seen) {
			o.Places[away] = importing.PlaceSeen{Most: 9, Taken: map[string]importing.Taker{"unverified-web-20261129": {Image: "m-9"}}}
		}, "nameTaken"},
		{"quota", nil, func(o *seen) { o.Places[away] = importing.PlaceSeen{Images: 100, Most: 100} }, "quotaReached"},
		{"quota unknown", nil, func(o *seen) { o.Places[away] = importing.PlaceSeen{Images: 100, Most: -1} }, ""},
		{"region unread", nil, func(o *seen) { o.Places[away] = importing.PlaceSeen{Unread: &image.Reason{Sentence: "x"}} }, "regionUnread"},
		{"region not looked at", nil, func(o *seen) { delete(o.Places, away) }, "regionUnread"},
		{"no role", nil, func(o *seen) { o.Roles[importing.RoleOf(golden())] = importing.RoleSeen{Exists: image.No} }, "roleMissing"},
		{"no trust", nil, func(o *seen) {
			o.Roles[importing.RoleOf(golden())] = importing.RoleSeen{Exists: image.Yes, Trusts: image.No}
		}, "roleNotTrusted"},
		{"role unknown", nil, func(o *seen) { o.Roles = nil }, ""},
		{"not permitted", nil, func(o *seen) { o.May = map[string]image.Tri{"ecs:ImportImage": image.No} }, "notPermitted"},
		{"costs too much", func(w *importing.Wish) { w.Test.MaxCost = "0.49" }, nil, "costTooHigh"},
		{"costs enough", func(w *importing.Wish) { w.Test.MaxCost = "0.5" }, nil, ""},
		{"cost unknown", func(w *importing.Wish) { w.Test.MaxCost = "2.00" }, func(o *seen) { o.Cost = importing.Cost{} }, "costUnknown"},
		{"no check and no test", func(w *importing.Wish) { instance(w); w.Test = nil }, nil, "needsBootTest"},
		{"no type to test with", nil, func(o *seen) { o.Types = nil }, "noInstanceType"},
		{"no type to test with, and no release", func(w *importing.Wish) { w.Release = nil }, func(o *seen) { o.Types = nil }, "noInstanceType"},
		{"source unread", instance, func(o *seen) { o.Instance, o.Unread = nil, &image.Reason{Sentence: "x"} }, "sourceUnread"},
	}
}

func TestFindings(t *testing.T) {
	for _, c := range findings() {
		t.Run(c.name, func(t *testing.T) {
			w, o := golden(), good()
			if c.wish != nil {
				c.wish(&w)
			}
			if c.seen != nil {
				c.seen(&o)
			}
			p, err := importing.Plan(w, o, "")
			if err != nil {
				t.Fatal(err)
			}
			got := codes(p.Findings, image.Fatal)
			if strings.Join(got, " ") != c.fatal || p.Applicable() != (c.fatal == "") || fault.Code(p.Refusal()) != c.fatal && c.fatal != "" {
				t.Errorf("got %v, want %q", got, c.fatal)
			}
			for _, f := range p.Findings {
				if f.Sentence == "" && f.Code != "backingFile" {
					t.Errorf("%s has no sentence", f.Code)
				}
			}
		})
	}
}

func TestWishesThatCannotBeRight(t *testing.T) {
	cases := map[string]func(*importing.Wish){
		"source":  func(w *importing.Wish) { w.Source = importing.Source{} },
		"source ": func(w *importing.Wish) { w.Source.Instance = &importing.Instance{InstanceID: "i-1"} },
		"source.object.dataDisks[0].bucket": func(w *importing.Wish) {
			w.Source.Object.DataDisks = []importing.DataDisk{{Bucket: "other-uploads", Key: "a"}}
		},
		"image.name":             func(w *importing.Wish) { w.Image.Name = "aliyun-web" },
		"image.name ":            func(w *importing.Wish) { w.Image.Name = "unverified-web" },
		"image.name  ":           func(w *importing.Wish) { w.Image.Name = "1web" },
		"image.description":      func(w *importing.Wish) { w.Image.Description = "https://x" },
		"image.licenceType":      func(w *importing.Wish) { w.Image.OSType = image.Windows },
		"image.osType":           func(w *importing.Wish) { w.Image.OSType, w.Image.Platform = "", "Windows Server 2022" },
		"image.osType ":          func(w *importing.Wish) { w.Image.Platform = "Other Windows" },
		"image.licenceType ":     func(w *importing.Wish) { w.Image.LicenseType = "BYOL" },
		"image.tags":             func(w *importing.Wish) { w.Image.Tags = image.Tags{"imagekeeper:channel": "stable"} },
		"image.tags ":            func(w *importing.Wish) { w.Image.Tags = image.Tags{"ImageKeeper:keep": ""} },
		"image.tags  ":           func(w *importing.Wish) { w.Image.Tags = image.Tags{"Team": "a", "team": "b"} },
		"image.tags    ":         func(w *importing.Wish) { w.Image.Tags = image.Tags{"docs": "see https://example.com"} },
		"image.tags   ":          func(w *importing.Wish) { w.Image.Tags = image.Tags{"acs:x": "a"} },
		"image.family":           func(w *importing.Wish) { w.Image.Family = "" },
		"image.family ":          func(w *importing.Wish) { w.Image.Family = "a/b" },
		"image.family  ":         func(w *importing.Wish) { w.Image.Family = "web*" },
		"image.family   ":        func(w *importing.Wish) { w.Image.Family = "-web" },
		"image.family    ":       func(w *importing.Wish) { w.Image.Family = "acs:web" },
		"image.family     ":      func(w *importing.Wish) { w.Image.Family = "Aliyun" },
		"test.boot":              func(w *importing.Wish) { w.Test.Boot = false },
		"release":                func(w *importing.Wish) { w.Release = &importing.Release{} },
		"release.share.accounts": func(w *importing.Wish) { w.Release.Share.Accounts[0].AccountID = us },
		"image.diskSizeGiB": func(w *importing.Wish) {
			from(importing.Source{Instance: &importing.Instance{InstanceID: "i-1"}})(w)
			w.Image.DiskSizeGiB = 40
		},
		"image.osType   ": func(w *importing.Wish) { w.Source = importing.Source{Image: &importing.Existing{ImageID: "m-1"}} },
	}
	for field, change := range cases {
		w := golden()
		change(&w)
		var f *fault.Error
		if err := w.Validate(); !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != strings.TrimSpace(field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if err := golden().Validate(); err != nil {
		t.Error(err)
	}
}

// The same source and wish are the same import and plan; whatever differs in either
// is another one.
func TestIdentity(t *testing.T) {
	first, err := importing.Plan(golden(), good(), "")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := importing.Plan(golden(), good(), "")
	if first.ID != again.ID || first.Plan.Digest() != again.Plan.Digest() {
		t.Error("the same wish is another import")
	}
	waiving := golden()
	waiving.Check = &importing.Check{Waive: []string{}}
	if said, _ := importing.Plan(waiving, good(), ""); said.ID != first.ID || said.Plan.Digest() != first.Plan.Digest() {
		t.Error("who says that nothing is waived asks for another import")
	}
	keyed, naming := golden(), golden()
	keyed.Source.Object.DataDisks = []importing.DataDisk{{Key: "incoming/data.raw"}}
	naming.Source.Object.DataDisks = []importing.DataDisk{{Bucket: "golden-uploads", Key: "incoming/data.raw"}}
	without, _ := importing.Plan(keyed, good(), "")
	if said, _ := importing.Plan(naming, good(), ""); said.ID != without.ID || said.Plan.Digest() != without.Plan.Digest() {
		t.Error("who names the bucket of a data disk asks for another import")
	}
	if naming.Source.Object.DataDisks[0].Bucket == "" {
		t.Error("a wish is changed by planning it")
	}
	if without.ID == first.ID {
		t.Error("a data disk more is another import")
	}
	later, _ := importing.Plan(golden(), good(), first.Plan.Digest())
	if later.ID != first.ID || later.Plan.Digest() == first.Plan.Digest() {
		t.Error("another attempt is the same import by another plan")
	}
	o := good()
	o.Objects[0].ETag = "DEF"
	other, _ := importing.Plan(golden(), o, "")
	w := golden()
	w.Test.Command = "false"
	wish, _ := importing.Plan(w, good(), "")
	if other.ID == first.ID || wish.ID == first.ID {
		t.Error("another file, or another wish, is another import")
	}
}

func ExamplePlan() {
	p, err := importing.Plan(golden(), good(), "")
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range p.Plan.Steps {
		fmt.Println(s.Subject, s.Action, s.Reasons[0].Code)
	}
	fmt.Println(p.Applicable(), slices.Equal(codes(p.Findings, image.Fatal), nil))
	// Output:
	// cn-hangzhou import fromObject
	// cn-hangzhou check checkAwaited
	// cn-hangzhou test bootTest
	// cn-hangzhou name passed
	// cn-hangzhou share releaseShare
	// cn-hangzhou release releaseChannel
	// cn-shanghai copy releaseRegion
	// cn-shanghai share releaseShare
	// cn-shanghai release releaseChannel
	// true true
}
