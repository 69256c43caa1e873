package selection_test

import (
	"context"
	"slices"
	"testing"

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
	where, _ := scope(custom("m-1", func(i *image.Image) { i.Platform, i.OSName = "RedHat", "Red Hat Enterprise Linux  9.6 64 bit" }), gone)
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
	} {
		list, err := find(context.Background(), where, c.query)
		if err != nil || ids(list.Page) != c.page || codes(list.Meant) != c.hint || (c.page == "") != (list.PassedOver != nil) {
			t.Errorf("%+v: got %q, hints %s, %v, %v", c.query, ids(list.Page), codes(list.Meant), list.PassedOver, err)
		}
	}
}
