package selection_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/selection"
)

// shelf has the costs of images by id; what it has not is not known.
type shelf struct {
	costs  map[image.ID]string
	unread []image.Unread
	// asked are the images that were asked about.
	asked []image.ID
	// classes are those of images by id; classed are those that were asked about.
	classes map[image.ID]selection.Licence
	classed []image.ID
}

func (s *shelf) Costs(_ context.Context, images []selection.Sighting, _ image.InstanceTypeID, _ selection.Types) selection.Costs {
	out := selection.Costs{Currency: money.CNY, Unread: s.unread}
	for _, i := range images {
		s.asked = append(s.asked, i.ID)
		out.Of = append(out.Of, cost(s.costs[i.ID]))
	}
	return out
}

// Classes tells nothing but what was put in.
func (s *shelf) Classes(_ context.Context, images []selection.Sighting) (map[selection.Key]selection.Class, []image.Unread) {
	found := map[selection.Key]selection.Class{}
	for _, i := range images {
		s.classed = append(s.classed, i.ID)
		if class := s.classes[i.ID]; class != "" {
			found[selection.Key{Region: i.Region, ID: i.ID}] = selection.Class{Licence: class}
		}
	}
	return found, s.unread
}

// cost reads "0.5" and "0.5 USD"; anything else is not known.
func cost(text string) selection.Cost {
	number, currency, other := strings.Cut(text, " ")
	if !other {
		currency = string(money.CNY)
	}
	amount, err := money.Parse(number, money.Currency(currency))
	if err != nil {
		return selection.Cost{Why: image.Reason{Code: "notAsked", Sentence: "nobody knows"}}
	}
	return selection.Cost{Amount: &amount}
}

func most(text string) *big.Rat {
	value, _ := new(big.Rat).SetString(text)
	return value
}

// shop is a place with images, and somebody who knows costs.
func shop(pricer selection.Pricer, images ...image.Image) look {
	at, _ := scope(images...)
	at.Pricer = pricer
	return at
}

func TestSelectionByCost(t *testing.T) {
	t.Parallel()
	images := []image.Image{
		custom("m-a"), custom("m-b"), custom("m-c"), custom("m-d"), custom("m-e"), custom("m-usd"),
		custom("m-arm", func(i *image.Image) { i.Architecture = image.ARM64 }),
	}
	costs := map[image.ID]string{"m-a": "0.5", "m-b": "0", "m-c": "1/3", "m-e": "0.5", "m-usd": "0.1 USD", "m-arm": "0"}
	for _, c := range []struct {
		query selection.Query
		want  string
		over  string
	}{
		{selection.Query{Order: selection.CheapestFirst}, "m-b m-c m-a m-e m-usd m-d", ""},
		{selection.Query{Order: selection.DearestFirst}, "m-a m-e m-c m-b m-usd m-d", ""},
		{selection.Query{MaxLicence: most("0.5"), Order: selection.NameDown}, "m-e m-c m-b m-a", "licenceCostUnknown=1 licenceInOtherCurrency=1"},
		{selection.Query{MaxLicence: most("0.4999")}, "m-b m-c", "licenceTooDear=2 licenceCostUnknown=1 licenceInOtherCurrency=1"},
		{selection.Query{MaxLicence: new(big.Rat)}, "m-b", "licenceTooDear=3 licenceCostUnknown=1 licenceInOtherCurrency=1"},
	} {
		s := &shelf{costs: costs}
		c.query.InstanceType, c.query.Architecture, c.query.Explain = "ecs.g7.large", image.X86_64, true
		list, err := find(t.Context(), shop(s, images...), c.query)
		if err != nil {
			t.Fatal(err)
		}
		var over []string
		for _, r := range list.PassedOver.Reasons {
			if strings.HasPrefix(r.Code, "licence") {
				over = append(over, fmt.Sprint(r.Code, "=", r.Count))
			}
		}
		if got := strings.Join(over, " "); ids(list.Page) != c.want || got != c.over {
			t.Errorf("%+v: got %q, passed over %q; want %q, %q", c.query, ids(list.Page), got, c.want, c.over)
		}
		if slices.Contains(s.asked, "m-arm") {
			t.Error("what does not fit otherwise was priced")
		}
	}
}

// TestCostsAreNotAskedForNothing: nobody is asked about costs by which nothing goes.
func TestCostsAreNotAskedForNothing(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	if _, err := find(t.Context(), shop(s, custom("m-a")), selection.Query{InstanceType: "ecs.g7.large"}); err != nil || len(s.asked) > 0 {
		t.Errorf("asked about %v, %v", s.asked, err)
	}
}

// TestWithoutAPricerNothingIsCheap: where nobody knows costs, none is known.
func TestWithoutAPricerNothingIsCheap(t *testing.T) {
	t.Parallel()
	list, err := find(t.Context(), shop(nil, custom("m-a")), selection.Query{InstanceType: "ecs.g7.large", MaxLicence: most("1000")})
	if err != nil || len(list.Page) > 0 {
		t.Errorf("%s, %v", ids(list.Page), err)
	}
}

// TestUnreadCostsAreUnread: what could not be read to know costs is said, and then
// there is no total.
func TestUnreadCostsAreUnread(t *testing.T) {
	t.Parallel()
	denied := image.Unread{Account: ours, Region: "cn-hangzhou", Reason: image.Reason{Code: "NoPermission", Sentence: "no"}, Permission: "ecs:DescribePrice"}
	s := &shelf{unread: []image.Unread{denied, denied}}
	list, err := find(t.Context(), shop(s, custom("m-a")), selection.Query{InstanceType: "ecs.g7.large", Order: selection.CheapestFirst})
	if err != nil || !slices.Equal(list.Unread, []image.Unread{denied}) || list.Total != -1 || list.Blind {
		t.Errorf("%+v, %v", list, err)
	}
	choices, unread, err := newest(t.Context(), shop(s, custom("m-a")), selection.Query{InstanceType: "ecs.g7.large", Families: []image.Family{"web-base"}, MaxLicence: most("1")})
	if err != nil || len(unread) != 1 || len(choices) != 1 || choices[0].Best != nil {
		t.Errorf("%+v, %v, %v", choices, unread, err)
	}
}

func TestCostsNeedAnInstanceType(t *testing.T) {
	t.Parallel()
	for field, q := range map[string]selection.Query{
		"instanceType":      {MaxLicence: most("1")},
		"maxLicencePerHour": {MaxLicence: most("-1"), InstanceType: "ecs.g7.large"},
	} {
		_, err := q.Complete()
		blamed(t, err, field)
	}
	for _, o := range []selection.Order{selection.CheapestFirst, selection.DearestFirst} {
		if _, err := (selection.Query{Order: o}).Complete(); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", o, err)
		}
	}
}

// TestPagesByCostAreTheWholeList: whatever the costs, pages join to the list, and
// shuffling the images changes nothing.
func TestPagesByCostAreTheWholeList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		images := rapid.SliceOfDistinct(anImage(), func(i image.Image) image.ID { return i.ID }).Draw(t, "images")
		s := &shelf{costs: map[image.ID]string{}}
		for n := range images {
			images[n].Region, images[n].Kind, images[n].Status, images[n].Usable = "cn-hangzhou", image.KindCustom, image.StatusAvailable, image.Yes
			s.costs[images[n].ID] = rapid.SampledFrom([]string{"0", "0.5", "1/3", "2", "0.5 USD", "?"}).Draw(t, "cost")
		}
		q := selection.Query{InstanceType: "ecs.g7.large", Order: rapid.SampledFrom([]selection.Order{selection.CheapestFirst, selection.DearestFirst}).Draw(t, "order"), Limit: selection.MaxLimit}
		if rapid.Bool().Draw(t, "bounded") {
			q.MaxLicence = most("0.5")
		}
		find := func(q selection.Query) selection.List {
			list, err := find(context.Background(), shop(s, images...), q)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		whole := ids(find(q).Page)
		images = rapid.Permutation(images).Draw(t, "shuffled")
		var paged []string
		for q.Limit = rapid.IntRange(1, 4).Draw(t, "limit"); ; {
			list := find(q)
			for _, c := range list.Page {
				paged = append(paged, string(c.ID))
			}
			if q.Cursor = list.Next; q.Cursor == "" {
				break
			}
		}
		if got := strings.Join(paged, " "); got != whole {
			t.Fatalf("whole %s, by pages %s", whole, got)
		}
		if q.MaxLicence != nil {
			for _, id := range paged {
				if c := s.costs[image.ID(id)]; c != "0" && c != "0.5" && c != "1/3" {
					t.Fatalf("%s costs %s", id, c)
				}
			}
		}
	})
}

// TestClassesAreAskedWhereTheListingDoesNotTell: about images that fit otherwise,
// and only for a query that goes by the class; what nobody tells stays unknown.
func TestClassesAreAskedWhereTheListingDoesNotTell(t *testing.T) {
	t.Parallel()
	hat := func(id string, region image.RegionID) image.Image {
		return image.Image{
			Ref: image.Ref{Account: "1000000000000001", Region: region, ID: image.ID(id)}, Kind: image.KindCustom, Status: image.StatusAvailable,
			Platform: "Red Hat", OSType: image.Linux, Owner: "1000000000000001", Name: id,
		}
	}
	free := hat("m-free", "cn-hangzhou")
	free.Platform = "Debian"
	s := &shelf{classes: map[image.ID]selection.Licence{"m-paid": selection.Paid}}
	at := shop(s, hat("m-paid", "cn-hangzhou"), hat("m-lost", "cn-hangzhou"), hat("m-other", "cn-hangzhou"), free)
	for class, want := range map[selection.Licence]string{selection.Paid: "m-paid", selection.UnknownLicence: "m-lost", selection.Free: ""} {
		s.classed = nil
		got, err := find(t.Context(), at, selection.Query{Licence: class, IDs: []image.ID{"m-paid", "m-lost"}})
		if err != nil || ids(got.Page) != want || len(s.classed) != 2 && want != "" {
			t.Errorf("%s: %s, asked about %v, %v", class, ids(got.Page), s.classed, err)
		}
	}
	s.classed = nil
	if _, err := find(t.Context(), at, selection.Query{}); err != nil || len(s.classed) > 0 {
		t.Errorf("no class is asked for: asked about %v, %v", s.classed, err)
	}
}
