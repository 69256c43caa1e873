package selection_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*image.Image)
		want   string
		usable bool
	}{
		"healthy":           {func(*image.Image) {}, "", true},
		"deprecated":        {func(i *image.Image) { i.Status = image.StatusDeprecated }, "deprecated", true},
		"failed":            {func(i *image.Image) { i.Status = image.StatusCreateFailed }, "failed", false},
		"creating":          {func(i *image.Image) { i.Status, i.Progress = image.StatusCreating, 42 }, "creating", false},
		"waiting":           {func(i *image.Image) { i.Status = image.StatusWaiting }, "creating", false},
		"unavailable":       {func(i *image.Image) { i.Status = image.StatusUnavailable }, "unavailable", false},
		"not usable":        {func(i *image.Image) { i.Usable = image.No }, "notUsable", false},
		"usable unsaid":     {func(i *image.Image) { i.Usable = image.Unknown }, "usableUnknown", true},
		"shared":            {func(i *image.Image) { i.Kind, i.Owner = image.KindShared, theirs }, "notOurs", true},
		"community":         {func(i *image.Image) { i.Kind = image.KindCommunity }, "community", true},
		"published":         {func(i *image.Image) { i.Published = true }, "published", true},
		"Marketplace terms": {func(i *image.Image) { i.ProductCode = "cmjj1" }, "termsNotAccepted", true},
		"old":               {func(i *image.Image) { i.CreatedAt = day(1).AddDate(-1, 0, 0) }, "old", true},
		"encrypted":         {func(i *image.Image) { i.Disks[0].Encrypted = image.Yes }, "encrypted", true},
		"encryption unsaid": {func(i *image.Image) { i.Disks[0].Encrypted = image.Unknown }, "encryptionUnknown", true},
		"data disks":        {func(i *image.Image) { i.Disks = append(i.Disks, image.DiskMapping{Encrypted: image.No}) }, "dataDisks", true},
		"no cloud-init":     {func(i *image.Image) { i.CloudInit = false }, "noCloudInit", true},
		"the gravest first": {func(i *image.Image) { i.Status, i.Published, i.CloudInit = image.StatusCreateFailed, true, false }, "failed published noCloudInit", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := custom("m-1", c.change)
			d := selection.DetailOf(selection.Sighting{Image: &i}, day(20))
			var got []string
			for _, f := range d.Health {
				got = append(got, f.Code)
			}
			if strings.Join(got, " ") != c.want || len(d.Use) > 0 != c.usable {
				t.Errorf("got %q and %d ways to use it, want %q, usable %v", got, len(d.Use), c.want, c.usable)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	twin := func(r image.RegionID) image.Image {
		return custom("ubuntu_22_04_x64.vhd", func(i *image.Image) { i.Kind, i.Region = image.KindPublic, r })
	}
	market := custom("m-market", func(i *image.Image) { i.Kind, i.Status = image.KindMarketplace, image.StatusDeprecated })
	where, _ := scope(twin("cn-hongkong"), twin("cn-hangzhou"), market)
	describe := func(id image.ID, home image.RegionID, q selection.Query) (selection.Described, error) {
		return describe(context.Background(), where, id, home, q, day(20))
	}
	d, err := describe("ubuntu_22_04_x64.vhd", "cn-hongkong", selection.Query{})
	if err != nil || d.Region != "cn-hongkong" || len(d.Elsewhere) != 1 || d.Elsewhere[0].Region != "cn-hangzhou" {
		t.Errorf("at home: %v, elsewhere %v, %v", d.Region, d.Elsewhere, err)
	}
	d, err = describe("ubuntu_22_04_x64.vhd", "eu-central-1", selection.Query{})
	if err != nil || d.Region != "cn-hangzhou" || len(d.Elsewhere) != 1 {
		t.Errorf("away from home: %v, elsewhere %v, %v", d.Region, d.Elsewhere, err)
	}
	d, err = describe("ubuntu_22_04_x64.vhd", "", selection.Query{Regions: []image.RegionID{"cn-hangzhou"}})
	if err != nil || len(d.Elsewhere) != 0 {
		t.Errorf("in one region: elsewhere %v, %v", d.Elsewhere, err)
	}
	if _, err = describe("m-market", "", selection.Query{}); err != nil {
		t.Errorf("any kind and any status: %v", err)
	}
	if _, err = describe("m-none", "", selection.Query{}); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v, want kind %s", err, fault.NotFound)
	}
}

// What was not found where not all was read is not known to be missing.
func TestNotFoundNeedsAWholeLook(t *testing.T) {
	t.Parallel()
	where, own := scope(custom("m-1"))
	where.Views[0].Reader = &broken{memory: own, call: "Images", region: "cn-hongkong", err: fault.New(fault.Unavailable, "down")}
	if _, err := describe(context.Background(), where, "m-2", "", selection.Query{}, day(20)); fault.Of(err) != fault.Unknown {
		t.Errorf("image: got %v, want kind %s", err, fault.Unknown)
	}
	if d, err := describe(context.Background(), where, "m-1", "", selection.Query{}, day(20)); err != nil || len(d.Unread) != 1 {
		t.Errorf("image: unread %v, %v", d.Unread, err)
	}
	if _, _, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"none"}}); fault.Of(err) != fault.Unknown {
		t.Errorf("family: got %v, want kind %s", err, fault.Unknown)
	}
}

func TestNewestOfAFamily(t *testing.T) {
	t.Parallel()
	where, _ := scope(
		custom("m-1", func(i *image.Image) { i.CreatedAt = day(1) }),
		custom("m-2", func(i *image.Image) { i.CreatedAt = day(2) }),
		custom("m-3", func(i *image.Image) { i.CreatedAt, i.Status = day(3), image.StatusDeprecated }),
		custom("m-4", func(i *image.Image) { i.Region, i.Architecture = "cn-hongkong", image.ARM64 }),
	)
	choices, unread, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}, InstanceType: "ecs.g7.large"})
	if err != nil || len(unread) != 0 || len(choices) != 2 {
		t.Fatalf("got %+v, %v, %v", choices, unread, err)
	}
	here, there := choices[0], choices[1]
	if here.Best == nil || here.Best.ID != "m-2" || here.Older != 1 || ids(here.PassedOver.Examples) != "m-3" {
		t.Errorf("cn-hangzhou: %+v", here)
	}
	if !slices.Contains(words(codes(here.Best.Why)), "newest") {
		t.Errorf("no reason for the best: %v", here.Best.Why)
	}
	if there.Best != nil || codes(there.PassedOver.Examples[0].Why) != "instanceTypeArch" {
		t.Errorf("cn-hongkong: %+v", there)
	}
	if _, _, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"none"}}); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v, want kind %s", err, fault.NotFound)
	}
	_, _, err = newest(context.Background(), where, selection.Query{})
	blamed(t, err, "family")
}

func TestGoldenUse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*image.Image){
		"use a custom image.txt":      func(*image.Image) {},
		"use on an instance type.txt": func(*image.Image) {},
		"use a community image.txt":   func(i *image.Image) { i.Kind = image.KindCommunity },
		"use a marketplace image.txt": func(i *image.Image) { i.Kind, i.SizeGiB = image.KindMarketplace, 80 },
		"use a deprecated image.txt":  func(i *image.Image) { i.Status = image.StatusDeprecated },
		"use a hostile id.txt":        func(i *image.Image) { i.ID, i.Region = "m-1'; rm -rf \"$HOME\" ${x} %{y}", "cn-\\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := custom("m-bp1abc", change)
			var text strings.Builder
			var on image.InstanceTypeID
			if name == "use on an instance type.txt" {
				on = "ecs.g7.large"
			}
			for _, s := range selection.UseOf(selection.Sighting{Image: &i}, on) {
				text.WriteString("# " + s.Tool + ": " + s.Does + "\n" + s.Text + "\n\n")
				if s.Tool == "terraform" {
					formatted(t, s.Text)
				}
			}
			golden(t, name, text.String())
		})
	}
}

// formatted has Terraform itself, where it is installed, read a text; it is as
// Terraform would write it.
func formatted(t *testing.T, text string) {
	t.Helper()
	program, err := exec.LookPath("terraform")
	if err != nil {
		t.Logf("SKIPPED: Terraform did not read this: %v", err)
		return
	}
	format := exec.CommandContext(t.Context(), program, "fmt", "-check", "-diff", "-")
	format.Stdin = strings.NewReader(text + "\n")
	if said, err := format.CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, said, text)
	}
}

// A shell reads back exactly the id that was quoted.
func TestShellQuotingSurvivesAShell(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	for _, id := range []image.ID{"m-1", "m 1", "a'b", "$(touch x)", "`x`", `a"b\c`, "*", ""} {
		i := custom(id)
		line := selection.UseOf(selection.Sighting{Image: &i}, "")[2].Text // DescribeImages: id last
		out, err := exec.CommandContext(context.Background(), sh, "-c", "aliyun() { for last; do :; done; printf %s \"$last\"; }; "+line).Output()
		if err != nil || string(out) != string(id) {
			t.Errorf("%q came back as %q, %v", id, out, err)
		}
	}
}
