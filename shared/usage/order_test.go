package usage_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// Filters match what is known only, and every one has to match.
func TestWants(t *testing.T) {
	t.Parallel()
	ends := time.Date(2024, 6, 30, 0, 0, 0, 0, time.UTC)
	known := usage.Server{
		Instance: image.Instance{ID: "i-1", Type: "ecs.g7.large"}, Image: &image.Image{OSName: "CentOS  7.9 64 bit"}, Behind: 2, Lifetime: &usage.Lifetime{Ends: ends},
	}
	unknown := usage.Server{Instance: image.Instance{ID: "i-2"}, Behind: -1}
	for name, c := range map[string]struct {
		filter         usage.Filter
		known, unknown bool
	}{
		"nothing asked":         {usage.Filter{}, true, true},
		"its type":              {usage.Filter{Types: []image.InstanceTypeID{"ecs.c7.large", "ecs.g7.large"}}, true, false},
		"its system":            {usage.Filter{System: "centos 7"}, true, false},
		"another system":        {usage.Filter{System: "CentOS 8"}, false, false},
		"out of date":           {usage.Filter{EndsBefore: ends.Add(time.Second)}, true, false},
		"not yet out of date":   {usage.Filter{EndsBefore: ends}, false, false},
		"its type, not its id":  {usage.Filter{Types: []image.InstanceTypeID{"ecs.g7.large"}, IDs: []image.InstanceID{"i-2"}}, false, false},
		"its id and its system": {usage.Filter{System: "CentOS", IDs: []image.InstanceID{"i-1"}}, true, false},
	} {
		if got := c.filter.Wants(known); got != c.known {
			t.Errorf("%s: %t", name, got)
		}
		if got := c.filter.Wants(unknown); got != c.unknown {
			t.Errorf("%s of one that is not known: %t", name, got)
		}
	}
}

// What is not known comes last in either direction, and equals are in the order of
// their places.
func TestOrder(t *testing.T) {
	t.Parallel()
	at := func(id image.InstanceID, behind int, ends time.Time) usage.Server {
		s := usage.Server{Instance: image.Instance{ID: id, Account: owner, Region: "cn-hangzhou", CreatedAt: ends}, Behind: behind}
		if !ends.IsZero() {
			s.Lifetime = &usage.Lifetime{Ends: ends}
		}
		return s
	}
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for by, want := range map[usage.Order]string{
		"": "i-a i-b i-c i-d", "behind": "i-b i-d i-a i-c", "-behind": "i-a i-b i-d i-c", "endOfLife": "i-c i-a i-d i-b", "-endOfLife": "i-d i-a i-c i-b",
		"createdAt": "i-c i-a i-d i-b", "-createdAt": "i-d i-a i-c i-b",
	} {
		servers := []usage.Server{at("i-d", 2, year(2030)), at("i-b", 2, time.Time{}), at("i-c", -1, year(2020)), at("i-a", 10, year(2025))}
		by.Sort(servers)
		var got []string
		for _, s := range servers {
			got = append(got, string(s.ID))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", by, got, want)
		}
	}
}

// Pages have every instance once, in order, in whatever order they came, and a cursor
// of another order is none.
func TestPages(t *testing.T) {
	t.Parallel()
	var all []usage.Server
	for n := range 23 {
		s := usage.Server{Instance: image.Instance{ID: image.InstanceID(rune('a' + n)), Account: owner, Region: "cn-hangzhou"}, Behind: n*7%5 - 1}
		all = append(all, s)
	}
	for _, by := range []usage.Order{"", "behind", "-behind"} {
		for _, most := range []int{1, 5, 22, 23, 100} {
			mixed := slices.Clone(all)
			slices.Reverse(mixed)
			want := slices.Clone(all)
			by.Sort(want)
			var got []usage.Server
			for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
				after, err := usage.ParseCursor(cursor, by)
				if err != nil || pages > len(all) {
					t.Fatalf("%q by %d: %d pages, %v", by, most, pages, err)
				}
				var shown []usage.Server
				shown, cursor = by.Page(mixed, after, most)
				if len(shown) == 0 || len(shown) > most {
					t.Fatalf("%q: a page of %d for %d", by, len(shown), most)
				}
				got = append(got, shown...)
				if _, err := usage.ParseCursor(cursor, "createdAt"); cursor != "" && fault.Code(err) != "cursorMalformed" {
					t.Fatalf("a cursor of another order: %v", err)
				}
			}
			if !slices.EqualFunc(got, want, func(a, b usage.Server) bool { return a.ID == b.ID }) {
				t.Errorf("%q by %d: %d of %d, or in another order", by, most, len(got), len(want))
			}
		}
	}
}
