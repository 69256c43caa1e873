package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// handler is built once and only read afterwards.
type handler struct {
	config config
	rates  pricing.Rates
	// accounts are those to look through, our own first.
	accounts func(call function.Call) []survey.Account
	recent   *survey.Recent
	// classes are whether licences are charged for, as this process found out.
	classes *quoting.Classes
	now     func() time.Time
}

// open reads the configuration and wires find to Alibaba Cloud.
func open(look function.Lookup) (*function.Function, error) {
	config, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	rates, err := config.Table(os.ReadFile)
	if err != nil {
		return nil, err
	}
	as, err := places.Open("find", look, config.Places, config.Scaling, config.Trail)
	if err != nil {
		return nil, err
	}
	return handler{
		config: config, rates: rates, accounts: as.Readers, recent: survey.NewRecent(), classes: new(quoting.Classes), now: time.Now,
	}.function(), nil
}

// look is where calls look.
func (h handler) look() places.Look {
	return places.Look{Configured: h.config.Places, Accounts: h.accounts, Recent: h.recent, Reads: true, Now: h.now}
}

// prices are by what this deployment prices.
func (h handler) prices() quoting.Prices {
	return quoting.Prices{Rates: h.rates, Site: h.config.Site, Now: h.now}
}

// unreadable are the failures of a list that tell with it what could not be read.
func unreadable() []fault.Kind { return []fault.Kind{fault.Unknown, fault.Throttled} }

// function returns the operations. Everything here reads, so every role may call it.
func (h handler) function() *function.Function {
	return function.New("find",
		function.Handle(function.Spec{
			Name: "find.images", Pattern: "GET /images", Role: function.Viewer, Margin: margin,
			Summary: "Which images there are; the first one, with the default sort, is the one to use",
			Tells:   unreadable(), Headers: headers("Next-Cursor", "Unknown-Count"),
		}, h.images),
		function.Handle(function.Spec{
			Name: "find.image", Pattern: "GET /images/{imageId}", Role: function.Viewer, Margin: margin,
			Summary: "All about one image, and ready lines that use it",
			Fails:   []fault.Kind{fault.NotFound},
		}, h.image),
		function.Handle(function.Spec{
			Name: "find.family", Pattern: "GET /families/{family}", Role: function.Viewer, Margin: margin,
			Summary: "The newest image of a family that fits, for each region",
			Fails:   []fault.Kind{fault.NotFound},
		}, h.family),
		function.Handle(function.Spec{
			Name: "find.families", Pattern: "GET /families", Role: function.Viewer, Margin: margin,
			Summary: "Which image families there are: where, for what machines, and what is the newest, stable or a candidate there",
			Tells:   unreadable(), Headers: headers("Next-Cursor", "Unknown-Count"),
		}, h.families),
		function.Handle(function.Spec{
			Name: "find.lineage", Pattern: "GET /images/{imageId}/lineage", Role: function.Viewer, Margin: margin,
			Summary: "Where an image comes from, and what was made from it, each link with its evidence",
			Fails:   []fault.Kind{fault.NotFound}, Headers: headers("Unknown-Count"),
		}, h.lineage),
		function.Handle(function.Spec{
			Name: "find.usage", Pattern: "GET /images/{imageId}/usage", Role: function.Viewer, Margin: margin,
			Summary: "What would break if an image went, and whether that is all",
			Fails:   []fault.Kind{fault.NotFound}, Headers: headers("Unknown-Count"),
		}, h.usage),
		function.Handle(function.Spec{
			Name: "find.instances", Pattern: "GET /instances", Role: function.Viewer, Margin: margin,
			Summary: "Which instances run what, and how far behind they are",
			Tells:   unreadable(), Headers: headers("Next-Cursor", "Unknown-Count"),
		}, h.instances),
		function.Handle(function.Spec{
			Name: "find.access", Pattern: "GET /access", Role: function.Viewer, Margin: margin,
			Summary: "What may be asked and done where, for every action that a function needs",
			Headers: headers("Unknown-Count"),
		}, h.access),
	).With(rules()...)
}

// headers are what a list says where a table has no place for it.
func headers(names ...string) map[string]string {
	all := map[string]string{
		"Next-Cursor":   "nextCursor of the answer; left out on the last page",
		"Unknown-Count": "How many entries unknown has: places that could not be read; left out if there are none",
	}
	maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(names, name) })
	return all
}

func (h handler) images(ctx context.Context, call function.Call, in listInput) (list, error) {
	if err := in.Unfit("explain", in.Explain); err != nil {
		return list{}, err
	}
	here, pricer, err := h.pricing(ctx, call, in.Where, in.filter, in.Sort)
	if err != nil {
		return list{}, err
	}
	found, err := selection.Find(ctx, here, pricer, in.query(h.config.TrustedOwners))
	if err != nil {
		return list{}, err
	}
	if found.Blind && in.Listed() {
		return list{}, blind(found.Unread)
	}
	shown := sightingsOf(found.Page)
	if found.PassedOver != nil {
		shown = append(shown, sightingsOf(found.PassedOver.Examples)...)
	}
	pricer.Settle(ctx, shown)
	return newList(found, pricer, here.AsOf(), call), nil
}

func (h handler) image(ctx context.Context, call function.Call, in imageInput) (detail, error) {
	here, err := h.look().At(ctx, call, in.Within(), in.Age)
	if err != nil {
		return detail{}, err
	}
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return detail{}, err
	}
	pricer := h.selected(ctx, call, in.Age, nil)
	d.Unread = image.AllUnread(d.Unread, pricer.Settle(ctx, []selection.Sighting{d.Sighting}))
	return newDetail(d, pricer, here.AsOf()), nil
}

func (h handler) family(ctx context.Context, call function.Call, in familyInput) (family, error) {
	here, pricer, err := h.pricing(ctx, call, in.Where, in.filter, "")
	if err != nil {
		return family{}, err
	}
	choices, unread, err := selection.Newest(ctx, here, pricer, in.query(h.config.TrustedOwners))
	if err != nil {
		return family{}, err
	}
	var shown []selection.Sighting
	for _, c := range choices {
		if shown = append(shown, sightingsOf(c.PassedOver.Examples)...); c.Best != nil {
			shown = append(shown, c.Best.Sighting)
		}
	}
	pricer.Settle(ctx, shown)
	return newFamily(in, choices, unread, pricer, here.AsOf()), nil
}

func sightingsOf(chosen []selection.Chosen) []selection.Sighting {
	shown := make([]selection.Sighting, len(chosen))
	for n := range chosen {
		shown[n] = chosen[n].Sighting
	}
	return shown
}

// margin is kept for writing the answer, whatever the cloud does.
const margin = 2 * time.Second
