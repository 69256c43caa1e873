package usage_test

import (
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// built is version n of a family, made on the nth of January.
func built(id image.ID, family image.Family, n int) image.Image {
	i := subject()
	i.ID, i.Family, i.CreatedAt = id, family, time.Date(2026, 1, n, 8, 0, 0, 0, time.UTC)
	return i
}

func public(id image.ID) image.Image {
	i := built(id, "", 1)
	i.Kind, i.Account = image.KindPublic, owner
	return i
}

func fleetImages() []image.Image {
	deprecated := built("m-4", "web", 25)
	deprecated.Status = image.StatusDeprecated
	elsewhere := built("m-5", "web", 28)
	elsewhere.Region = "cn-shanghai"
	theirs := built("m-6", "web", 29)
	theirs.Kind, theirs.Owner = image.KindShared, grantee
	return []image.Image{
		built("m-1", "web", 10), built("m-2", "web", 15), built("m-3", "web", 20), deprecated, elsewhere, theirs, built("m-alone", "", 1),
		public("aliyun_3_x64_20G_alibase_20260616.vhd"), public("aliyun_3_x64_20G_alibase_20260815.vhd"),
	}
}

func TestFleetCountsVersionsInTheLineOfItsOwnerAndRegion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		runs   image.ID
		behind int
		newest image.ID
		since  string
		code   string
	}{
		{"m-1", 2, "m-3", "2026-01-15", "newerVersions"},
		{"m-3", 0, "", "0001-01-01", "newestVersion"},
		{"m-4", 0, "", "0001-01-01", "newestVersion"},
		{"m-6", 0, "", "0001-01-01", "newestVersion"},
		{"m-alone", -1, "", "0001-01-01", "noFamily"},
		{"m-deleted", -1, "", "0001-01-01", "imageNotSeen"},
		{"aliyun_3_x64_20G_alibase_20260616.vhd", 1, "aliyun_3_x64_20G_alibase_20260815.vhd", "2026-08-15", "newerVersions"},
		{"aliyun_3_x64_20G_alibase_20250101.vhd", 2, "aliyun_3_x64_20G_alibase_20260815.vhd", "2026-06-16", "newerVersions"},
	} {
		t.Run(string(c.runs), func(t *testing.T) {
			t.Parallel()
			got := usage.Fleet([]image.Instance{{Account: owner, Region: "cn-hangzhou", ID: "i-1", Image: c.runs}}, fleetImages())[0]
			if got.Behind != c.behind || got.Newest != c.newest || got.Since.Format(time.DateOnly) != c.since || got.Why.Code != c.code {
				t.Errorf("behind %d since %s, newest %s, %s", got.Behind, got.Since.Format(time.DateOnly), got.Newest, got.Why.Code)
			}
		})
	}
}

// TestBehindGoesByWhatTheAccountSeesAndBoots: not by newer images for other
// machines, nor by those that only another account sees.
func TestBehindGoesByWhatTheAccountSeesAndBoots(t *testing.T) {
	t.Parallel()
	arm := built("m-arm", "web", 28)
	arm.Architecture = image.ARM64
	seen := func(i image.Image) image.Image {
		i.Account, i.Kind, i.Owner, i.Family = grantee, image.KindShared, owner, "acs:"+image.Family(owner)+":"+i.Family
		return i
	}
	images := []image.Image{built("m-1", "web", 10), built("m-2", "web", 15), built("m-3", "web", 20), arm, seen(built("m-1", "web", 10)), seen(built("m-2", "web", 15))}
	for account, want := range map[image.AccountID]struct {
		behind int
		newest image.ID
	}{owner: {2, "m-3"}, grantee: {1, "m-2"}} {
		got := usage.Fleet([]image.Instance{{Account: account, Region: "cn-hangzhou", ID: "i-1", Image: "m-1"}}, images)[0]
		if got.Behind != want.behind || got.Newest != want.newest || got.Image.Kind != image.KindCustom {
			t.Errorf("%s: %d behind %s, its image is %s", account, got.Behind, got.Newest, got.Image.Kind)
		}
	}
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]string{
		"Alibaba Cloud Linux  3.2104 LTS 64 bit":            "2031-03-31",
		"Ubuntu  22.04 64 bit":                              "2027-04-01",
		"Windows Server  2012 R2 Datacenter 64 bit Chinese": "2023-10-10",
		"CentOS  7.9 64 bit":                                "2024-06-30",
		"CentOS Stream  9 64 bit":                           "2027-05-31",
		"SUSE Linux Enterprise Server  15 SP7 64 bit":       "2031-07-31",
		"Red Hat Enterprise Linux  9.6 64 bit":              "2032-05-31",
		"Others Linux":                                      "",
		"Ubuntu  22.04.1":                                   "2027-04-01",
		"Debian  120 64 bit":                                "",
		"":                                                  "",
	} {
		got, ok := usage.LifetimeOf(name)
		if ok != (ends != "") || ok && got.Ends.Format(time.DateOnly) != ends {
			t.Errorf("%q: %v %v, want %q", name, got, ok, ends)
		}
	}
	for _, l := range usage.Lifetimes() {
		if l.Source == "" || l.AsOf.IsZero() || l.Ends.IsZero() {
			t.Errorf("%+v is not whole", l)
		}
	}
	if n := len(usage.Lifetimes()); n < 35 {
		t.Errorf("%d rows: some date is malformed", n)
	}
}

func ExampleFleet() {
	s := usage.Fleet([]image.Instance{{Account: owner, Region: "cn-hangzhou", ID: "i-1", Image: "m-1", OSName: "CentOS  7.9 64 bit"}}, fleetImages())[0]
	fmt.Println(s.Behind, s.Newest, s.Lifetime.Ends.Format(time.DateOnly))
	// Output: 2 m-3 2024-06-30
}
