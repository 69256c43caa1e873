package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

// oneMinute is how long queries are counted: the time for which the vendor counts
// calls.
const oneMinute = time.Minute

// queries counts the lists that one instance answers in a minute over two accounts
// by eight regions, at the documented rate and the default share of it: whole ones,
// without a word of what is unknown. Then the same where lists may be half a minute
// old, and queries of every form, none of which may be short.
func queries(ctx context.Context, b binaries) ([]result, error) {
	world := company.New(cloudsim.Options{Seed: 1}, company.Options{})
	random, err := randomQueries(ctx, world)
	if err != nil {
		return nil, err
	}
	list := func(int) string { return "/images?kind=custom&limit=20" }
	cases := []struct {
		what    string
		ask     func(n int) string
		atLeast float64
	}{
		{"list queries a minute", list, 300},
		{"list queries a minute, maxAge=30", func(n int) string { return list(n) + "&maxAge=30" }, 1500},
		{"queries of every form a minute", func(n int) string { return random[n%len(random)] }, 0},
	}
	var results []result
	for _, c := range cases {
		asked, short, err := inAMinute(ctx, b, world, c.ask)
		if err != nil {
			return nil, err
		}
		results = append(results,
			result{what: c.what, value: float64(asked - short), unit: "whole", atLeast: c.atLeast, about: fmt.Sprintf("%d asked", asked)},
			result{what: "of them short or refused", value: float64(short), unit: "", atMost: 0.5, about: "502, 503, or something unknown"},
		)
	}
	return results, nil
}

// inAMinute asks one instance again and again for a minute, and counts the answers,
// and those that are not whole. The cloud is served anew, so that its minute is too.
func inAMinute(ctx context.Context, b binaries, world *cloudsim.Cloud, ask func(n int) string) (asked, short int, err error) {
	c := serve(world, 0, 0)
	defer c.Close()
	variables := c.variables(joined(regions()), "0.3")
	variables["ACCOUNTS"] = cloudsim.ReaderRole
	instance, err := platform.Start(ctx, b.find, variables)
	if err != nil {
		return 0, 0, err
	}
	defer instance.Stop()
	for end := time.Now().Add(oneMinute); time.Now().Before(end); asked++ {
		status, body, err := instance.Get(ctx, ask(asked))
		if err != nil {
			return asked, short, err
		}
		var answer answered
		if err := json.Unmarshal(body, &answer); err != nil {
			return asked, short, fmt.Errorf("status %d: %w: %.400s", status, err, body)
		}
		if status != http.StatusOK || len(answer.Unknown) > 0 {
			short++
		}
	}
	return asked, short, nil
}

// randomQueries are for images by ids, by snapshots and in every state, over
// everything that is there.
func randomQueries(ctx context.Context, world *cloudsim.Cloud) ([]string, error) {
	var images []image.Image
	for _, region := range regions() {
		found, err := world.View(cloudsim.FirstAccount).Images(ctx, region, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
		if err != nil {
			return nil, err
		}
		images = append(images, found...)
	}
	draw := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same queries in every run, not a secret
	some := func() image.Image { return images[draw.IntN(len(images))] }
	var all []string
	for n := range 300 {
		i := some()
		switch disk, _ := i.SystemDisk(); n % 3 {
		case 0:
			all = append(all, fmt.Sprintf("/images?id=%s,%s", i.ID, some().ID))
		case 1:
			all = append(all, "/images?snapshotId="+string(disk.SnapshotID))
		default:
			all = append(all, "/images?limit=5&status="+string(image.Statuses()[draw.IntN(len(image.Statuses()))]))
		}
	}
	return all, nil
}
