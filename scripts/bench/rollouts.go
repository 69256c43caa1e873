package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/scripts/build/bootstrap"
)

// rolloutPlan measures the plan of a rollout of 2000 instances in eight regions: how
// many calls of the cloud it makes over the least that the page sizes allow, its time,
// and the memory of the function.
func rolloutPlan(ctx context.Context, _ binaries) ([]result, error) {
	const instances = 2000
	folder, err := os.MkdirTemp("", "bench-rollout")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary, err := bootstrap.Build(ctx, bootstrap.Order{Package: "./functions/replace-disk", To: folder + "/replace-disk"})
	if err != nil {
		return nil, err
	}
	c := serve(running(instances/len(regions()), regions()...), -1, 0)
	defer c.Close()
	variables := c.variables(joined(regions()), "1000")
	variables["JOURNAL"], variables["SYSTEM_ROLES"] = "dir://"+folder+"/journal", "fleet"
	instance, err := platform.Start(ctx, binary, variables)
	if err != nil {
		return nil, err
	}
	defer instance.Stop()
	begun := time.Now()
	text, err := instance.Ask(ctx, "rollouts.post", map[string]any{
		"select": map[string]any{"all": true}, "to": map[string]any{"family": "web-base", "unreleased": true}, "limit": 1,
		"strategy": map[string]any{"canary": 1, "waveSize": "20%", "maxUnavailable": 100},
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	var told struct {
		Plan struct {
			Digest  string
			Changes int
		}
		Totals  json.RawMessage
		Unknown []json.RawMessage
	}
	if err := json.Unmarshal(text, &told); err != nil || told.Plan.Digest == "" || len(told.Unknown) > 0 {
		return nil, fmt.Errorf("the plan is %.900s: %w", text, err)
	}
	made, err := c.made(ctx)
	if err != nil {
		return nil, err
	}
	peak, err := instance.PeakMemory()
	if err != nil {
		return nil, err
	}
	least := leastOfRollout(instances / len(regions()))
	return []result{
		{
			what: "calls of a rollout's plan / the least", value: float64(made) / float64(least), unit: "times", atMost: 1.1,
			about: fmt.Sprintf("%d instances, %d of them to be replaced: %d calls, %d are the least, %s", instances, told.Plan.Changes, made, least, took.Round(time.Millisecond)),
		},
		{what: "peak memory of a rollout's plan", value: float64(peak) / (1 << 20), unit: "MiB", atMost: 128},
	}, nil
}

// leastOfRollout is how many calls the page sizes allow at the least for so many
// instances in each region: instances by the hundred, to choose among them and once
// more by their ids, with the attributes that a list does not have; one list each of
// images, snapshots, those under way, chains, pipelines, types, policies and the
// encryption by default, and two of system disks; a second look at each list that is
// empty; three dry runs, the quota of images, and a price with the licence and one
// without; and one call for who we are.
func leastOfRollout(each int) int {
	const page, lists, empty, single = 100, 10, 2, 6
	return len(regions())*(2*((each+page-1)/page)+lists+empty+single) + 1
}
