package selection_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

const stranger image.AccountID = "1000000000000666"

// theirOwn is a stranger's image, newer than ours, of the same name and family.
func theirOwn() image.Image {
	return custom("m-stranger", func(i *image.Image) {
		i.Kind, i.Owner, i.CreatedAt = image.KindShared, stranger, day(30)
		i.Family = "acs:" + image.Family(stranger) + ":web-base"
	})
}

// TestAStrangersImageIsNeverTheOneToUse: unless its owner is trusted or named.
func TestAStrangersImageIsNeverTheOneToUse(t *testing.T) {
	t.Parallel()
	where, _ := scope(custom("m-ours"), theirOwn())
	where.Regions = where.Regions[:1]
	for _, c := range []struct {
		name  string
		query selection.Query
		want  string
	}{
		{"neither", selection.Query{Families: []image.Family{"web-base"}}, "m-ours m-stranger"},
		{"trusted", selection.Query{Families: []image.Family{"web-base"}, Trusted: []image.AccountID{stranger}}, "m-stranger m-ours"},
		{"named by owner", selection.Query{Families: []image.Family{"web-base"}, Owner: stranger}, "m-stranger"},
	} {
		list, err := find(context.Background(), where, c.query)
		if err != nil || ids(list.Page) != c.want {
			t.Fatalf("%s: got %q, %v", c.name, ids(list.Page), err)
		}
		last := list.Page[len(list.Page)-1]
		if told := slices.ContainsFunc(last.Why, func(r image.Reason) bool { return r.Code == selection.CodeNotTrusted }); told != (c.name == "neither") {
			t.Errorf("%s: %s", c.name, codes(last.Why))
		}
	}
	choices, _, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}})
	if err != nil || len(choices) != 1 || choices[0].Best == nil || choices[0].Best.ID != "m-ours" || choices[0].PassedOver.Count != 1 {
		t.Errorf("the family's: %+v, %v", choices, err)
	}
}

// TestAStrangersImageIsNotTheCheapest: it comes after those that are to be used,
// whatever it costs, on whichever page.
func TestAStrangersImageIsNotTheCheapest(t *testing.T) {
	t.Parallel()
	pricer := &shelf{costs: map[image.ID]string{"m-a": "0.5", "m-b": "1/3", "m-stranger": "0"}}
	where := shop(pricer, custom("m-a"), custom("m-b"), theirOwn())
	where.Regions = where.Regions[:1]
	q := selection.Query{Order: selection.CheapestFirst, InstanceType: "ecs.g7.large", Limit: 1}
	paged := ""
	for range 3 {
		list, err := find(t.Context(), where, q)
		if err != nil || len(list.Page) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if first := q.Cursor == ""; first != slices.ContainsFunc(list.Page[0].Why, func(r image.Reason) bool {
			return r.Code == "cheapest" && strings.Contains(r.Sentence, "of the 2 that fit")
		}) {
			t.Errorf("%s: %v", list.Page[0].ID, list.Page[0].Why)
		}
		paged, q.Cursor = paged+" "+string(list.Page[0].ID), list.Next
	}
	if paged != " m-b m-a m-stranger" {
		t.Errorf("got %q", paged)
	}
}

// made is an image that an import made, newer than m-ours, in a channel.
func made(id image.ID, channel string, family image.Family) image.Image {
	return custom(id, func(i *image.Image) {
		i.CreatedAt, i.Family = day(30), family
		i.Tags = image.Tags{"imagekeeper:import": "1234", "imagekeeper:family": "web-base"}
		if channel != "" {
			i.Tags["imagekeeper:channel"] = channel
		}
	})
}

// TestWhatAnImportMadeIsTheOneToUseOnceItIsStable: before, and after it was retired,
// it comes last and is passed over, unless it is named or asked for by its channel.
func TestWhatAnImportMadeIsTheOneToUseOnceItIsStable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		channel string
		family  image.Family // ECS's own
		first   string
	}{
		{"", "", "m-ours"}, {"candidate", "", "m-ours"}, {"retired", "web-base", "m-ours"}, {"stable", "web-base", "m-made"},
	} {
		where, _ := scope(custom("m-ours"), made("m-made", c.channel, c.family))
		where.Regions = where.Regions[:1]
		list, err := find(context.Background(), where, selection.Query{})
		if err != nil || len(list.Page) != 2 || string(list.Page[0].ID) != c.first || !strings.Contains(codes(list.Page[0].Why), "newest") {
			t.Errorf("%s: got %q, %v", c.channel, ids(list.Page), err)
		}
		if told := strings.Contains(codes(list.Page[len(list.Page)-1].Why), selection.CodeNotStable); told != (c.channel != "stable") {
			t.Errorf("%s: %s", c.channel, codes(list.Page[1].Why))
		}
		if list, err = find(context.Background(), where, selection.Query{IDs: []image.ID{"m-made"}}); err != nil || strings.Contains(codes(list.Page[0].Why), selection.CodeNotStable) {
			t.Errorf("%s, by its id: %s, %v", c.channel, codes(list.Page[0].Why), err)
		}
		choices, _, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}})
		if err != nil || len(choices) != 1 || string(choices[0].Best.ID) != c.first {
			t.Errorf("%s: the family's: %+v, %v", c.channel, choices, err)
		}
	}
	where, _ := scope(made("m-made", "candidate", ""), made("m-old", "retired", "web-base"))
	where.Regions = where.Regions[:1]
	if list, err := find(context.Background(), where, selection.Query{}); err != nil || !strings.Contains(codes(list.Page[0].Why), "noneStable") {
		t.Errorf("none is stable: %+v, %v", list, err)
	}
	choices, _, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}, Channel: selection.Candidate})
	if err != nil || len(choices) != 1 || choices[0].Best == nil || choices[0].Best.ID != "m-made" {
		t.Errorf("the candidate: %+v, %v", choices, err)
	}
	choices, _, err = newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}, Channel: selection.Stable})
	if err != nil || len(choices) != 1 || choices[0].Best != nil || choices[0].PassedOver.Count != 2 {
		t.Errorf("the stable one: %+v, %v", choices, err)
	}
	if _, _, err = newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}, Channel: "retired"}); fault.Of(err) != fault.Invalid {
		t.Errorf("no channel: %v", err)
	}
}

// TestAFamilyHasOneNewestForEachKindOfMachine: none is newer than one that boots
// elsewhere.
func TestAFamilyHasOneNewestForEachKindOfMachine(t *testing.T) {
	t.Parallel()
	where, _ := scope(custom("m-x86"), custom("m-old"), custom("m-arm", func(i *image.Image) { i.Architecture, i.CreatedAt = image.ARM64, day(20) }))
	where.Regions = where.Regions[:1]
	choices, _, err := newest(context.Background(), where, selection.Query{Families: []image.Family{"web-base"}})
	if err != nil || len(choices) != 2 || choices[0].Best.ID != "m-arm" || choices[1].Best.Architecture != image.X86_64 || choices[1].Older != 1 {
		t.Errorf("got %+v, %v", choices, err)
	}
}

// TestNothingFoundSaysWhatMayHaveBeenMeant: and what was passed over.
func TestNothingFoundSaysWhatMayHaveBeenMeant(t *testing.T) {
	t.Parallel()
	gone := custom("m-gone", func(i *image.Image) { i.Status = image.StatusDeprecated })
	where, _ := scope(custom("m-1", func(i *image.Image) {
		i.Platform, i.OSName = "RedHat", "Red Hat Enterprise Linux  9.6 64 bit"
		i.Tags = image.Tags{"team": "web", "Software": "Nginx 1.26,redis"}
	}), gone)
	where.Regions = where.Regions[:1]
	for _, c := range []struct {
		query      selection.Query
		page, hint string
	}{
		{selection.Query{Name: "web-base"}, "", "nameIsWhole"},
		{selection.Query{Families: []image.Family{"web-bas"}}, "", "familyNear"},
		{selection.Query{Platform: "Plan 9"}, "", "platformUnknown"},
		{selection.Query{Platform: "rhel"}, "m-1", ""},
		{selection.Query{Platform: "Red Hat"}, "m-1", ""},
		{selection.Query{IDs: []image.ID{"m-gone"}}, "m-gone", ""},
		{selection.Query{Snapshot: "s-1"}, "m-1 m-gone", ""},
		{selection.Query{IDs: []image.ID{"m-none"}}, "", "imageNotSeen"},
		{selection.Query{IDs: []image.ID{"m-none", "m-never"}, Owner: theirs}, "", "imageNotSeen imageNotSeen"},
		{selection.Query{IDs: []image.ID{"m-1"}, Owner: theirs}, "", ""},
		{selection.Query{Snapshot: "s-none"}, "", "snapshotNotSeen"},
		{selection.Query{Owner: "1000000000000009"}, "", "ownerNotSeen"},
		{selection.Query{Owner: ours, Name: "*z*"}, "", ""},
		{selection.Query{Tags: map[string]string{"Team": "web"}}, "", "tagNear"},
		{selection.Query{Tags: map[string]string{"tem": ""}}, "", "tagNear"},
		{selection.Query{Tags: map[string]string{"team": "Web"}}, "", "tagNear"},
		{selection.Query{Tags: map[string]string{"team": "plan-nine"}}, "", ""},
		{selection.Query{Software: "ngnix"}, "", "softwareNear"},
		{selection.Query{Software: "oracle"}, "", ""},
	} {
		list, err := find(context.Background(), where, c.query)
		if err != nil || ids(list.Page) != c.page || codes(list.Meant) != c.hint || (c.page == "") != (list.PassedOver != nil) {
			t.Errorf("%+v: got %q, hints %s, %v, %v", c.query, ids(list.Page), codes(list.Meant), list.PassedOver, err)
		}
	}
}

// TestEverydayNamesOfSystems: a system is found by what people call it, with and
// without its version, and not by that of another.
func TestEverydayNamesOfSystems(t *testing.T) {
	t.Parallel()
	systems := map[image.ID][2]string{
		"m-centos7": {"CentOS", "CentOS  7.9 64 bit"}, "m-centos6": {"CentOS", "CentOS  6.10 64 bit"}, "m-stream9": {"CentOS Stream", "CentOS Stream  9 64 bit"},
		"m-rhel8": {"RedHat", "Red Hat Enterprise Linux  8.10 64 bit"}, "m-rhel9": {"Red Hat", "Red Hat Enterprise Linux  9.6 64 bit"},
		"m-al2": {"Aliyun", "Alibaba Cloud Linux  2.1903 LTS 64 bit"}, "m-al3": {"Aliyun", "Alibaba Cloud Linux  3.2104 LTS 64 bit"},
		"m-ubuntu22": {"Ubuntu", "Ubuntu  22.04 64 bit"}, "m-ubuntu24": {"Ubuntu", "Ubuntu  24.04 64 bit"}, "m-debian12": {"Debian", "Debian  12.11 64 bit"},
		"m-win2022": {"Windows Server 2022", "Windows Server  2022 Datacenter 64 bit"}, "m-win2016": {"Windows Server 2016", "Windows Server  2016 Datacenter 64 bit"},
		"m-sles15": {"SUSE", "SUSE Linux Enterprise Server  15 SP7 64 bit"}, "m-sles12": {"SUSE", "SUSE Linux Enterprise Server  12 SP5 64 bit"},
		"m-rocky9": {"Rocky Linux", "Rocky Linux  9.6 64 bit"}, "m-alma8": {"AlmaLinux", "AlmaLinux  8.10 64 bit"},
	}
	all := make([]image.Image, 0, len(systems))
	for _, id := range slices.Sorted(maps.Keys(systems)) {
		all = append(all, custom(id, func(i *image.Image) { i.Platform, i.OSName = systems[id][0], systems[id][1] }))
	}
	where, _ := scope(all...)
	where.Regions = where.Regions[:1]
	for asked, want := range map[string]string{
		"centos 7": "m-centos7", "CentOS7": "m-centos7", "centos 7.9": "m-centos7", "centos-6": "m-centos6", "centos stream 9": "m-stream9", "CentOS Stream": "m-stream9",
		"rhel8": "m-rhel8", "RHEL 9": "m-rhel9", "red hat enterprise linux 8.10": "m-rhel8", "Alinux3": "m-al3", "al2": "m-al2", "alibaba cloud linux 3": "m-al3",
		"ubuntu 22.04": "m-ubuntu22", "ubuntu2404": "m-ubuntu24", "Ubuntu 22": "m-ubuntu22", "debian12": "m-debian12", "debian 12": "m-debian12",
		"win2022": "m-win2022", "windows 2016": "m-win2016", "Windows Server 2022": "m-win2022", "server 2016": "m-win2016", "winserver2022": "m-win2022",
		"sles 15": "m-sles15", "suse 15 sp7": "m-sles15", "sles12 sp5": "m-sles12", "rocky9": "m-rocky9", "alma linux 8": "m-alma8",
		"centos 8": "", "centos 64": "", "ubuntu 2": "", "win2019": "", "debian 1": "", "rhel 7": "", "suse 15 sp6": "",
	} {
		list, err := find(context.Background(), where, selection.Query{Platform: asked})
		hint := map[bool]string{true: "platformUnknown"}[want == ""]
		if err != nil || ids(list.Page) != want || codes(list.Meant) != hint {
			t.Errorf("%s: got %q, hints %v, %v; want %q", asked, ids(list.Page), list.Meant, err, want)
		}
	}
}
