package cloudsimtest

import (
	"fmt"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// imageCases are about listing images.
func imageCases() map[string]func(*world) {
	return map[string]func(*world){
		"every kind is listed under its name":          kinds,
		"only Available images unless asked":           statuses,
		"pages are complete and without duplicates":    pages,
		"filters keep what they name":                  filters,
		"names by id, unknown ones absent":             byID,
		"an image is read whole":                       wholeImage,
		"usable, shared out and in use are told":       hints,
		"instance types are listed and looked up":      types,
		"regions are listed once, the home among them": regions,
	}
}

func kinds(w *world) {
	of := map[image.Kind]image.ID{}
	owners := map[image.Kind]image.AccountID{image.KindCustom: one, image.KindShared: two, image.KindCommunity: "1000000000000005"}
	for _, kind := range image.Kinds() {
		owner := owners[kind]
		spec := cloudsim.ImageSpec{Image: image.Image{Kind: kind}}
		if kind == image.KindShared {
			spec.SharedWith = []image.AccountID{one}
		}
		of[kind] = w.cloud.AddImage(owner, region, spec)
	}
	expect(w, "without a kind", ids(w.images(image.Listing{}), imageID),
		[]image.ID{of[image.KindPublic], of[image.KindCustom], of[image.KindShared]})
	for _, kind := range image.Kinds() {
		list := w.images(image.Listing{Kind: kind})
		expect(w, string(kind), ids(list, imageID), []image.ID{of[kind]})
		for _, i := range list {
			if i.Kind != kind || i.Owner != owners[kind] || i.Account != one || i.Region != region {
				w.Errorf("%s: kind %q, owner %q, seen as %s", kind, i.Kind, i.Owner, i.Ref)
			}
		}
	}
}

func statuses(w *world) {
	of := map[image.Status]image.ID{}
	for _, s := range image.Statuses() {
		spec := cloudsim.ImageSpec{Image: image.Image{Status: s}}
		if s == image.StatusCreating {
			spec.Making = time.Hour
		}
		of[s] = w.cloud.AddImage(one, region, spec)
	}
	expect(w, "unless asked", ids(w.images(image.Listing{}), imageID), []image.ID{of[image.StatusAvailable]})
	var all []image.ID
	for _, s := range image.Statuses() {
		all = append(all, of[s])
		list := w.images(image.Listing{Statuses: []image.Status{s}})
		expect(w, string(s), ids(list, imageID), []image.ID{of[s]})
		for _, i := range list {
			if i.Status != s {
				w.Errorf("asked for %s, got %s", s, i.Status)
			}
		}
	}
	expect(w, "all", ids(w.images(image.Listing{Statuses: image.Statuses()}), imageID), all)
	w.clock.Advance(2 * time.Hour)
	expect(w, "after it was made", ids(w.images(image.Listing{Statuses: []image.Status{image.StatusCreating}}), imageID), nil)
}

func pages(w *world) {
	var want []image.ID
	for _, n := range []int{0, 1, 100, 101, 1000} {
		for len(want) < n {
			want = append(want, w.add(image.Image{Name: fmt.Sprintf("image-%04d", len(want))})...)
		}
		got := w.images(image.Listing{Kind: image.KindCustom})
		expect(w, fmt.Sprintf("%d images", n), ids(got, imageID), want)
	}
}

func filters(w *world) {
	made := w.add(
		image.Image{Name: "plain"},
		image.Image{Family: "web", Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-web"}}},
		image.Image{OSType: image.Windows, Platform: "Windows Server 2022", BootMode: image.UEFI},
		image.Image{Architecture: image.ARM64, NVMe: "supported"},
	)
	w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{Instance: image.Instance{Image: made[2]}})
	theirs := w.cloud.AddImage(two, region, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}})
	w.cloud.AddImage("1000000000000003", region, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}})
	custom := image.KindCustom
	for _, c := range []struct {
		name string
		l    image.Listing
		want []image.ID
	}{
		{"family", image.Listing{Kind: custom, Family: "web"}, made[1:2]},
		{"a part of a family's name", image.Listing{Kind: custom, Family: "we"}, nil},
		{"snapshot", image.Listing{Kind: custom, SnapshotID: "s-web"}, made[1:2]},
		{"operating system", image.Listing{Kind: custom, OSType: image.Windows}, made[2:3]},
		{"architecture", image.Listing{Kind: custom, Architecture: image.ARM64}, made[3:4]},
		{"instance type of another architecture", image.Listing{Kind: custom, InstanceType: "ecs.g8y.large"}, made[3:4]},
		{"instance type of another boot mode", image.Listing{Kind: custom, InstanceType: "ecs.g6.large"}, made[:2]},
		{"in use", image.Listing{Kind: custom, Usage: image.UsageInstance}, made[2:3]},
		{"not in use, by family", image.Listing{Kind: custom, Family: "web", Usage: image.UsageNone}, made[1:2]},
		{"owner", image.Listing{Kind: image.KindShared, Owner: two}, []image.ID{theirs}},
	} {
		expect(w, c.name, ids(w.images(c.l), imageID), c.want)
	}
}

func byID(w *world) {
	made := w.add(make([]image.Image, 120)...)
	got := w.images(image.Listing{IDs: append([]image.ID{"m-unknown"}, made[:99]...)})
	expect(w, "a hundred ids, one unknown", ids(got, imageID), made[:99])
	expect(w, "one id", ids(w.images(image.Listing{IDs: made[7:8]}), imageID), made[7:8])
	expect(w, "unknown id", ids(w.images(image.Listing{IDs: []image.ID{"m-bp1aaaaaaaaaaaaaaaaa"}}), imageID), nil)
	_, err := w.subject.Images(w.ctx(), region, image.Listing{IDs: made[:101]})
	expectKind(w, "more than a hundred ids", err, fault.Invalid)
}

func wholeImage(w *world) {
	want := image.Image{
		Ref: image.Ref{Region: region, ID: "m-bp1wholeimage0000001"}, Name: "web-base_2026.11", Family: "web-base",
		Description: "first \"quoted\" line, ünïcode 镜像", Version: "V1.2", Status: image.StatusAvailable, OSType: image.Windows,
		OSName: "Windows Server  2022 Datacenter 64 bit", Platform: "Windows Server 2022", Architecture: image.X86_64,
		BootMode: image.UEFIPreferred, SizeGiB: 80, CreatedAt: time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC),
		ProductCode: "cmjj000001", Subscribed: true, Supplier: "Skyline", LicenseType: "BYOL", Copied: true,
		CloudInit: true, NVMe: "supported", ResourceGroup: "rg-1", Tags: image.Tags{"env": "prod", "imagekeeper:parent": "m-1", "empty": ""},
		Disks: []image.DiskMapping{
			{Device: "/dev/xvda", System: true, SizeGiB: 80, SnapshotID: "s-1", Encrypted: image.Yes, Format: "VHD", ImportBucket: "b", ImportObject: "o/1.vhd"},
			{Device: "/dev/xvdb", SizeGiB: 200, SnapshotID: "s-2", Encrypted: image.No},
		},
	}
	w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: want})
	want.Account, want.Owner, want.Kind, want.IMDS = one, one, image.KindCustom, "v1"
	want.Progress, want.Usable, want.SharedOut, want.Usage, want.IOOptimized = 100, image.Yes, image.No, image.UsageNone, image.Yes
	got := w.images(image.Listing{})
	if len(got) != 1 {
		w.Fatalf("%d images", len(got))
	}
	same(w, "image", got[0], want)
}

func hints(w *world) {
	made := w.add(image.Image{Name: "used"}, image.Image{Status: image.StatusDeprecated}, image.Image{Status: image.StatusCreateFailed})
	shared := w.cloud.AddImage(one, region, cloudsim.ImageSpec{SharedWith: []image.AccountID{two}})
	w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{Instance: image.Instance{Image: made[0]}})
	for _, i := range w.images(image.Listing{Statuses: image.Statuses()}) {
		if want := image.TriOf(i.ID != made[2]); i.Usable != want {
			w.Errorf("%s: usable %s, want %s", i.Status, i.Usable, want)
		}
		if want := image.TriOf(i.ID == shared); i.SharedOut != want {
			w.Errorf("%s: shared out %s, want %s", i.ID, i.SharedOut, want)
		}
		if used := i.Usage == image.UsageInstance; used != (i.ID == made[0]) {
			w.Errorf("%s: usage %q", i.ID, i.Usage)
		}
	}
}

func types(w *world) {
	asked := []image.InstanceTypeID{
		"ecs.g7.large", "ecs.unknown.large", "ecs.g8y.xlarge", "ecs.g6.large", "ecs.c6.large", "ecs.r6.large", "ecs.c7.large",
		"ecs.r7.large", "ecs.g8i.large", "ecs.c8i.large", "ecs.g9i.large", "ecs.g6r.large",
	}
	list, err := w.subject.InstanceTypes(w.ctx(), region, asked)
	if err != nil || len(list) != 11 {
		w.Fatalf("%d types, %v; want 11", len(list), err)
	}
	same(w, "type", list[1], image.InstanceType{
		ID: "ecs.g8y.xlarge", FamilyName: "ecs.g8y", VCPUs: 4, MemoryGiB: 16, Architecture: image.ARM64,
		BootModes: []image.BootMode{image.UEFI}, NVMe: "required", SecureBoot: image.No,
	})
	all, err := w.subject.InstanceTypes(w.ctx(), region, nil)
	if err != nil || len(all) < 60 {
		w.Errorf("%d types in all, %v", len(all), err)
	}
	seen := map[image.InstanceTypeID]bool{}
	for _, t := range all {
		if seen[t.ID] {
			w.Errorf("%s is there twice", t.ID)
		}
		seen[t.ID] = true
	}
}

func regions(w *world) {
	list, err := w.subject.Regions(w.ctx())
	if err != nil {
		w.Fatal(err)
	}
	var got []image.RegionID
	for _, r := range list {
		if r.Name == "" {
			w.Errorf("%s has no name", r.ID)
		}
		got = append(got, r.ID)
	}
	expect(w, "regions", got, []image.RegionID{
		"cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-hongkong", "ap-southeast-1", "eu-central-1", "us-west-1",
	})
}
