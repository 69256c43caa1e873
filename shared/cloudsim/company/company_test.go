package company_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

// catalogue is everything account one sees of a seeded cloud.
func catalogue(t testing.TB, cloud *cloudsim.Cloud) map[image.RegionID][]image.Image {
	t.Helper()
	view := cloud.View(cloudsim.FirstAccount)
	regions, err := view.Regions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[image.RegionID][]image.Image{}
	for _, r := range regions {
		for _, kind := range []image.Kind{"", image.KindMarketplace, image.KindCommunity} {
			list, err := view.Images(t.Context(), r.ID, image.Listing{Kind: kind, Statuses: image.Statuses()})
			if err != nil {
				t.Fatal(err)
			}
			all[r.ID] = append(all[r.ID], list...)
		}
	}
	return all
}

func seeded(seed uint64, images int) *cloudsim.Cloud {
	return company.New(cloudsim.Options{Seed: seed, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: images})
}

func TestCatalogueHasAsManyImagesAsAsked(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 7, 60, 400, 3000} {
		total := 0
		for _, list := range catalogue(t, seeded(1, n)) {
			total += len(list)
		}
		if total != n {
			t.Errorf("%d images, want %d", total, n)
		}
	}
}

func TestSameSeedSameCatalogue(t *testing.T) {
	t.Parallel()
	a, b, other := catalogue(t, seeded(1, 400)), catalogue(t, seeded(1, 400)), catalogue(t, seeded(2, 400))
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave two catalogues")
	}
	if reflect.DeepEqual(a, other) {
		t.Error("another seed gave the same catalogue")
	}
}

func TestCatalogueLooksLikeACompanys(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for region, list := range catalogue(t, seeded(1, 400)) {
		names := map[string]bool{}
		for _, i := range list {
			count["kind "+string(i.Kind)]++
			count["status "+string(i.Status)]++
			count["arch "+string(i.Architecture)]++
			count["os "+string(i.OSType)]++
			count["family "+string(i.Family)+" "+string(region)]++
			for what, yes := range map[string]bool{
				"copied": i.Copied, "imported": i.Imported(), "encrypted": i.Encrypted() == image.Yes, "data disks": len(i.DataDisks()) > 0,
				"shared out": i.SharedOut == image.Yes, "published": i.Published && i.Kind == image.KindCustom, "BYOL": i.LicenseType == "BYOL",
				"from a product": i.ProductCode != "" && i.Kind == image.KindCustom, "software": i.Tags["software"] != "",
				"parent tag": i.Tags["imagekeeper:parent"] != "", "in use": i.Usage == image.UsageInstance, "supplier": i.Supplier != "",
			} {
				if yes {
					count[what]++
				}
			}
			if i.Kind == image.KindCustom && names[i.Name] || i.CreatedAt.After(cloudsim.Epoch()) {
				t.Errorf("%s: %s is there twice, or made at %s", region, i.Name, i.CreatedAt)
			}
			names[i.Name] = true
		}
	}
	for _, what := range []string{
		"kind public", "kind custom", "kind shared", "kind marketplace", "kind community",
		"status Available", "status Creating", "status CreateFailed", "status Deprecated", "status UnAvailable",
		"arch x86_64", "arch arm64", "os windows", "copied", "imported", "encrypted", "data disks", "shared out", "published", "BYOL",
		"from a product", "software", "parent tag", "in use", "supplier",
	} {
		if count[what] == 0 {
			t.Errorf("nothing is %s", what)
		}
	}
	if count["family web-base cn-hangzhou"] < 10 || count["family web-base cn-shanghai"] > 2 {
		t.Errorf("versions of web-base: %d at home, %d elsewhere, where most are copies", count["family web-base cn-hangzhou"], count["family web-base cn-shanghai"])
	}
}

// Copies are in no family, or, by the other reading, in their source's; the
// world is the same but for that.
func TestCopiesOfTheCatalogueAndTheirFamilies(t *testing.T) {
	t.Parallel()
	plain := catalogue(t, seeded(1, 400))
	keeps := catalogue(t, company.New(cloudsim.Options{
		Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch()), Readings: cloudsim.Readings{CopyKeepsFamily: true},
	}, company.Options{Images: 400}))
	copies := 0
	for region, list := range keeps {
		for i, kept := range list {
			if !kept.Copied {
				continue
			}
			copies++
			if kept.Family == "" || plain[region][i].Family != "" {
				t.Errorf("%s: families %q and %q", kept.Name, kept.Family, plain[region][i].Family)
			}
			kept.Family = ""
			if !reflect.DeepEqual(kept, plain[region][i]) {
				t.Errorf("%s and %s differ in more", kept.Name, plain[region][i].Name)
			}
		}
	}
	if copies < 50 {
		t.Errorf("%d copies", copies)
	}
}

// The newest builds have left events that name what they were made from; with
// them more of the ways to the parents are found than the disks show.
func TestCatalogueLeavesEvents(t *testing.T) {
	t.Parallel()
	for _, packer := range []bool{false, true} {
		cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{PackerBuilt: packer})
		cred, _ := cloud.Credential("local")
		req := cloudsim.LookupEventsRequest{
			RegionID: "cn-hangzhou", From: cloudsim.Epoch().AddDate(0, 0, -89), To: cloudsim.Epoch(), MaxResults: 50,
		}
		ran, built := map[any]any{}, 0
		req.Forward = true
		for pages := 0; pages == 0 || req.Next != ""; pages++ {
			page, err := cloud.As(cred.Caller).LookupEvents(req)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				switch e.Name {
				case "RunInstances":
					ran[e.Resources[cloudsim.TrailInstance][0]] = e.Request["ImageId"]
				case "CreateImage":
					parent, ok := cloud.Parent(image.Ref{Region: "cn-hangzhou", ID: image.ID(e.Resources[cloudsim.TrailImage][0])})
					if built++; !ok || ran[e.Request["InstanceId"]] != string(parent.ID) {
						t.Errorf("%v was made from %s; the events say %v", e.Response, parent.ID, ran[e.Request["InstanceId"]])
					}
				}
			}
			req.Next = page.Next
		}
		if built < 10 {
			t.Errorf("packer %v: %d builds", packer, built)
		}
	}
}

// Every custom image but the imported ones has a true parent, and the API shows
// the way to it for some and not for others.
func TestLineageIsTrueAndPartlyLost(t *testing.T) {
	t.Parallel()
	cloud := seeded(1, 400)
	view := cloud.View(cloudsim.FirstAccount)
	whole, lost := 0, 0
	for region, list := range catalogue(t, cloud) {
		for _, i := range list {
			if i.Kind != image.KindCustom {
				continue
			}
			parent, ok := cloud.Parent(i.Ref)
			if ok == i.Imported() {
				t.Errorf("%s (%s): parent %v, %v", i.Name, i.Ref, parent, ok)
			}
			system, _ := i.SystemDisk()
			snaps, err := view.Snapshots(t.Context(), region, image.SnapshotListing{IDs: []image.SnapshotID{system.SnapshotID}})
			if err != nil || len(snaps) != 1 || i.Copied && snaps[0].SourceSnapshot == "" {
				t.Fatalf("%s: snapshots %+v, %v", i.Name, snaps, err)
			}
			if i.Copied {
				continue
			}
			disks, err := view.Disks(t.Context(), region, image.DiskListing{IDs: []image.DiskID{snaps[0].SourceDisk}})
			switch {
			case err != nil:
				t.Fatal(err)
			case len(disks) == 0:
				lost++
			case disks[0].Image != parent.ID:
				t.Errorf("%s: the disk came from %s, the parent is %s", i.Name, disks[0].Image, parent.ID)
			default:
				whole++
			}
		}
	}
	if whole == 0 || lost == 0 {
		t.Errorf("%d ways are whole and %d are lost", whole, lost)
	}
}

func TestCatalogueOfInstances(t *testing.T) {
	t.Parallel()
	cloud := seeded(1, 400)
	total, gone, replaced := 0, 0, 0
	images := catalogue(t, cloud)
	for _, account := range []image.AccountID{cloudsim.FirstAccount, cloudsim.SecondAccount} {
		view := cloud.View(account)
		for region, list := range images {
			instances, err := view.Instances(t.Context(), region, image.InstanceListing{})
			disks, err2 := view.Disks(t.Context(), region, image.DiskListing{System: image.Yes})
			if err != nil || err2 != nil || len(disks) != len(instances) {
				t.Fatalf("%d system disks of %d instances, %v %v", len(disks), len(instances), err, err2)
			}
			total += len(instances)
			replaced += younger(disks, instances)
			if account == cloudsim.FirstAccount {
				gone += without(list, instances)
			}
		}
	}
	if total != 120 || gone == 0 || replaced == 0 {
		t.Errorf("%d instances, %d on images that are gone, %d with replaced disks", total, gone, replaced)
	}
}

// without counts the instances whose image is not in the list.
func without(list []image.Image, instances []image.Instance) int {
	return len(slices.DeleteFunc(slices.Clone(instances), func(i image.Instance) bool {
		return slices.ContainsFunc(list, func(img image.Image) bool { return img.ID == i.Image })
	}))
}

// younger counts the system disks that are younger than their instances.
func younger(disks []image.Disk, instances []image.Instance) (n int) {
	for _, d := range disks {
		for _, i := range instances {
			if i.ID == d.Instance && d.CreatedAt.After(i.CreatedAt.Add(2*time.Minute)) {
				n++
			}
		}
	}
	return n
}

// The seeded company lives within the documented quotas, so that there is room
// for what is created next.
func TestCatalogueLeavesRoom(t *testing.T) {
	t.Parallel()
	cloud := seeded(1, 3000)
	cred, _ := cloud.Credential("local")
	s := cloud.As(cred.Caller)
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai", "us-west-1"} {
		page, err := s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: region, Status: "Running"})
		if err != nil || len(page.Instances) == 0 {
			t.Fatal(len(page.Instances), err)
		}
		if _, err := s.CreateImage(cloudsim.CreateImageRequest{RegionID: region, InstanceID: page.Instances[0].ID, ImageFamily: "brand-new"}); err != nil {
			t.Error(err)
		}
	}
}

// TestCatalogueReferences: what the catalogue's references name is mostly there,
// and pipelines made what they claim, of what they claim.
func TestCatalogueReferences(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{})
	view := cloud.View(cloudsim.FirstAccount)
	images, err := view.Images(t.Context(), "cn-hangzhou", image.Listing{Statuses: image.Statuses()})
	if err != nil {
		t.Fatal(err)
	}
	there := map[image.ID]bool{}
	for _, i := range images {
		there[i.ID] = true
	}
	versions, err := view.TemplateVersions(t.Context(), "cn-hangzhou")
	perTemplate := map[string]int{}
	for _, v := range versions {
		perTemplate[v.Template]++
		if !there[v.Image] {
			t.Errorf("%s version %d names %s, which is not there", v.Name, v.Version, v.Image)
		}
	}
	if err != nil || len(perTemplate) < 5 || perTemplate[versions[0].Template] < 2 {
		t.Errorf("%d templates, %v", len(perTemplate), err)
	}
	configurations, err := view.ScalingConfigurations(t.Context(), "cn-hangzhou")
	byFamily := 0
	for _, c := range configurations {
		if c.Family != "" {
			byFamily++
		}
	}
	if err != nil || len(configurations) < 3 || byFamily == 0 || byFamily == len(configurations) {
		t.Errorf("%d configurations, %d by family, %v", len(configurations), byFamily, err)
	}
	builds, err := view.Builds(t.Context(), "cn-hangzhou")
	for _, b := range builds {
		parent, ok := cloud.Parent(image.Ref{Region: "cn-hangzhou", ID: b.Made})
		if !there[b.Made] || !ok || string(parent.ID) != b.Base {
			t.Errorf("build %+v; truly made from %s", b, parent)
		}
	}
	if err != nil || len(builds) < 3 {
		t.Errorf("%d builds, %v", len(builds), err)
	}
}

// TestPackerBuiltCatalogue: nothing of what images were made on is left.
func TestPackerBuiltCatalogue(t *testing.T) {
	t.Parallel()
	for packer, wantChains := range map[bool]bool{false: true, true: false} {
		cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{PackerBuilt: packer})
		view := cloud.View(cloudsim.FirstAccount)
		images, err := view.Images(t.Context(), "cn-hangzhou", image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
		if err != nil || len(images) < 20 {
			t.Fatalf("%d images, %v", len(images), err)
		}
		disks, err := view.Disks(t.Context(), "cn-hangzhou", image.DiskListing{})
		if err != nil {
			t.Fatal(err)
		}
		alive := map[image.DiskID]bool{}
		for _, d := range disks {
			alive[d.ID] = true
		}
		whole, tagged := 0, 0
		for _, i := range images {
			if i.Tags["imagekeeper:parent"] != "" {
				tagged++
			}
			system, _ := i.SystemDisk()
			snapshots, err := view.Snapshots(t.Context(), "cn-hangzhou", image.SnapshotListing{IDs: []image.SnapshotID{system.SnapshotID}})
			if err == nil && len(snapshots) == 1 && alive[snapshots[0].SourceDisk] {
				whole++
			}
		}
		builds, err := view.Builds(t.Context(), "cn-hangzhou")
		if (whole > 0) != wantChains || (tagged > 0) != wantChains || (len(builds) > 0) != wantChains || err != nil {
			t.Errorf("built by Packer %v: %d source disks are left, %d tags, %d builds, %v", packer, whole, tagged, len(builds), err)
		}
	}
}
