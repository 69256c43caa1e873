package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// everyImage are rules that look closely at every image of the cloud here.
const everyImage = `{"mode":"report","rules":[{"name":"all","match":{"all":true},"remove":{"olderThan":"30d","unusedFor":"7d"},"keep":{"last":3}},
{"name":"orphans","match":{"snapshots":"orphaned"},"remove":{"olderThan":"30d"}}]}`

// instance is the memory in MiB of the instance that makes the plan.
const instance = "256"

// cleanups measures the plan of cleanup's timer over so many images in eight regions,
// every one of which a rule is about: the processor time and the memory of the
// function, and how many calls it makes over the least that the page sizes allow. Where
// it is not held to limits it shows how all that grows.
func cleanups(images int, held bool) func(ctx context.Context, b binaries) ([]result, error) {
	return func(ctx context.Context, _ binaries) ([]result, error) {
		folder, err := os.MkdirTemp("", "bench-cleanup")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		binary, err := bootstrap.Build(ctx, bootstrap.Order{Package: "./functions/cleanup", To: folder + "/cleanup"})
		if err != nil {
			return nil, err
		}
		found, err := planned(ctx, binary, images)
		for n := range found {
			if !held {
				found[n].atMost = 0
			}
		}
		return found, err
	}
}

// planned has the timer make one plan over so many images.
func planned(ctx context.Context, binary string, images int) ([]result, error) {
	each := images / len(regions())
	sim := filled(each, regions()...)
	for _, region := range regions() {
		id := sim.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20230101.vhd"}, Kind: image.KindPublic, SizeGiB: 20,
		}})
		sim.AddInstance(cloudsim.FirstAccount, region, cloudsim.InstanceSpec{Instance: image.Instance{Image: id, Type: "ecs.g7.large"}})
	}
	c := serve(sim, -1, 0)
	defer c.Close()
	journal, err := os.MkdirTemp("", "bench-journal")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(journal) }()
	variables := c.variables(joined(regions()), "1000")
	variables["FC_FUNCTION_MEMORY_SIZE"], variables["JOURNAL"], variables["CLEANUP_RULES"] = instance, "dir://"+journal, everyImage
	process, err := platform.Start(ctx, binary, variables)
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	begun := time.Now()
	text, err := process.Fire(ctx, "schedule")
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	var report struct {
		Looks, Places int
		Problems      []json.RawMessage
	}
	if err := json.Unmarshal(text, &report); err != nil || report.Looks != len(regions()) || report.Places != report.Looks || len(report.Problems) > 0 {
		return nil, fmt.Errorf("the timer answered %.600s: %w", text, err)
	}
	return effortOf(ctx, c, process, images, took)
}

func effortOf(ctx context.Context, c cloud, instance *platform.Instance, images int, took time.Duration) ([]result, error) {
	made, err := c.made(ctx)
	if err != nil {
		return nil, err
	}
	peak, err := instance.PeakMemory()
	if err != nil {
		return nil, err
	}
	used, err := instance.Processor()
	if err != nil {
		return nil, err
	}
	least := leastOfPlan(images / len(regions()))
	what := fmt.Sprintf(" of a plan over %d images", images)
	return []result{
		{what: "processor time" + what, value: used.Seconds(), unit: "s", atMost: 10, about: took.Round(time.Millisecond).String()},
		{what: "peak memory" + what, value: float64(peak) / (1 << 20), unit: "MiB", atMost: 256},
		{what: "calls" + what + " / the least", value: float64(made) / float64(least), unit: "times", atMost: 1.1, about: fmt.Sprintf("%d calls, %d are the least", made, least)},
	}, nil
}

// leastOfPlan is how many calls the page sizes allow at the least for so many images
// in each region: images, snapshots and chains by the hundred; one call each for
// instances, system disks, launch templates, scaling groups, scaling configurations,
// pipelines and locks, and four kinds of events; and one for who we are.
func leastOfPlan(each int) int {
	const page, lists, single = 100, 3, 11
	return len(regions())*(lists*((each+page-1)/page)+single) + 1
}
