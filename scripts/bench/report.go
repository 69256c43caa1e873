package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// report measures price's monthly report over 20000 images in eight regions, 50
// ms away: how large the binary is, how many calls of the cloud it makes over
// the least that the page sizes allow, how long it takes, and how much memory.
func report(ctx context.Context, b binaries) ([]result, error) {
	const images = 20_000
	about, err := os.Stat(b.price)
	if err != nil {
		return nil, err
	}
	c := serve(filled(images/len(regions()), regions()...), -1, 50*time.Millisecond)
	defer c.Close()
	variables := c.variables(joined(regions()), "1000")
	variables["FC_FUNCTION_MEMORY_SIZE"] = "512" // as s.yaml has it
	instance, err := platform.Start(ctx, b.price, variables)
	if err != nil {
		return nil, err
	}
	defer instance.Stop()
	begun := time.Now()
	if err := reported(ctx, instance, images); err != nil {
		return nil, err
	}
	took := time.Since(begun)
	made, err := c.made(ctx)
	if err != nil {
		return nil, err
	}
	peak, err := instance.PeakMemory()
	if err != nil {
		return nil, err
	}
	least := leastCalls(images / len(regions()))
	return []result{
		{what: "peak memory of price", value: float64(peak) / (1 << 20), unit: "MiB", atMost: 512},
		{what: "binary of price", value: float64(about.Size()) / 1e6, unit: "MB", atMost: 14},
		{
			what: "calls of the report / the least", value: float64(made) / float64(least), unit: "times", atMost: 1.05,
			about: fmt.Sprintf("%d images, 50 ms away: %d calls, %d are the least, %s", images, made, least, took.Round(time.Millisecond)),
		},
	}, nil
}

// leastCalls is how many calls the evidence needs at the least for so many images in
// each region: images, their snapshots and their chains by the hundred; by the hundred
// and twice, as none of them is there any more and an empty answer is asked for again,
// the disks that the snapshots were taken of; twice as well the seven lists that are
// empty here, which are instances, system disks, launch templates, scaling groups,
// scaling configurations, pipelines and their runs; whether instances may be listed,
// and the size of all snapshots; and one for who we are.
func leastCalls(each int) int {
	const page, lists, gone, empty, single = 100, 3, 2, 7, 2
	return len(regions())*((lists+gone)*((each+page-1)/page)+2*empty+single) + 1
}

// reported asks for the report and wants all images in it, priced or not.
func reported(ctx context.Context, instance *platform.Instance, want int) error {
	status, body, err := instance.Get(ctx, "/prices?limit=1")
	if err != nil {
		return err
	}
	var answer struct {
		Images  int               `json:"images"`
		Unknown []json.RawMessage `json:"unknown"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		return fmt.Errorf("price: status %d: %w: %.400s", status, err, body)
	}
	if answer.Images != want || len(answer.Unknown) > 0 {
		return fmt.Errorf("price: not all %d images: %d: %.400s", want, answer.Images, body)
	}
	return nil
}

// counters are what the cloud counted of each account's calls by action.
func (c cloud) counters(ctx context.Context) ([]ecsapi.Counter, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/_local/calls", http.NoBody)
	if err != nil {
		return nil, err
	}
	reply, err := c.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }()
	var told struct {
		Counters []ecsapi.Counter `json:"counters"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&told); err != nil || reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("counters of the cloud: status %d: %w", reply.StatusCode, err)
	}
	return told.Counters, nil
}

// quotes is how fast the rules alone are: one image from a paid source with its
// licence and its storage, priced again and again by one core. Time is counted as
// the processor does, and the fastest of several rounds counts, so that a busy machine
// does not change it; the collector is as a function has it.
func quotes(context.Context, binaries) ([]result, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	question, rates := paidQuestion(), pricing.Published()
	var failed error
	one := func() {
		if _, err := pricing.Price(question, rates); err != nil {
			failed = err
		}
	}
	const rounds, count = 10, 50_000
	fastest := 0.0
	for range rounds {
		begun, err := processorTime()
		if err != nil {
			return nil, err
		}
		for range count {
			one()
		}
		ended, err := processorTime()
		if err != nil {
			return nil, err
		}
		fastest = max(fastest, count/(ended-begun).Seconds())
	}
	return []result{
		{what: "quotes by the rules, of a core", value: fastest, unit: "/s", atLeast: 250_000},
		{what: "allocations per quote", value: testing.AllocsPerRun(1000, one), unit: "allocs", atMost: 30},
	}, failed
}

// processorTime is what this process has used of all processors.
func processorTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}

// paidQuestion is a month of a custom image from Red Hat's on 4 vCPUs.
func paidQuestion() pricing.Question {
	red := pricing.OS{Type: image.Linux, Platform: "RedHat", Name: "Red Hat Enterprise Linux  9.6 64 bit"}
	return pricing.Question{
		Image: image.Image{
			Ref:  image.Ref{Account: "1000000000000001", Region: "cn-hangzhou", ID: "m-bp1"},
			Kind: image.KindCustom, OSType: red.Type, Platform: red.Platform, OSName: red.Name,
		},
		Source:   pricing.Source{Kind: pricing.SourcePublic, OS: red, Sure: pricing.Observed, Depth: 1},
		Site:     pricing.China,
		Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4},
		Charge:   pricing.Charge{Method: pricing.PayAsYouGo},
		Duration: pricing.Hours(pricing.Whole(720)),
		Storage: pricing.Storage{
			Read:      true,
			Snapshots: []pricing.Snapshot{{ID: "s-1", Chain: "sl-1", FullBytes: 40 << 30}},
			Chains:    []pricing.Chain{{ID: "sl-1", TotalBytes: 40 << 30, TotalCount: 1}},
		},
	}
}
