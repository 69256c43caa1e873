package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"imagekeeper/scripts/bench/platform"
)

// The account's quota, as documented, and what one second of it is.
const (
	perMinute = 1000
	oneSecond = float64(perMinute) / 60
)

// quota starts 50 instances at once against the documented rate, with more to
// read than it allows, and counts how far the calls of any minute go over it.
func quota(ctx context.Context, b binaries) ([]result, error) {
	const instances, each = 50, 400
	c := serve(filled(each, regions()...), 0, 0)
	defer c.Close()
	var crowd sync.WaitGroup
	whole, partial := 0, 0
	failures := make([]error, instances)
	var mu sync.Mutex
	for i := range instances {
		crowd.Go(func() {
			all, err := oneOfMany(ctx, b, c, each*len(regions()))
			mu.Lock()
			defer mu.Unlock()
			switch failures[i] = err; {
			case err == nil && all:
				whole++
			case err == nil:
				partial++
			}
		})
	}
	crowd.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	counted, err := c.images(ctx)
	if err != nil {
		return nil, err
	}
	return []result{{
		what: "calls of a minute over the quota", value: max(0, float64(counted.PeakOffered-perMinute)), unit: "calls", atMost: oneSecond,
		about: fmt.Sprintf("%d instances at once, %d of %d calls a minute: %d whole answers, %d that say what is unknown",
			instances, counted.PeakOffered, perMinute, whole, partial),
	}}, nil
}

// oneOfMany asks a new instance for everything. It tells whether the answer was
// whole; one that is not must say so.
func oneOfMany(ctx context.Context, b binaries, c cloud, want int) (whole bool, err error) {
	instance, err := platform.Start(ctx, b.find, c.variables(joined(regions()), "0.3"))
	if err != nil {
		return false, err
	}
	defer instance.Stop()
	status, body, err := instance.Get(ctx, "/images?kind=custom&limit=1")
	if err != nil {
		return false, err
	}
	var answer answered
	if err := json.Unmarshal(body, &answer); err != nil {
		return false, fmt.Errorf("status %d: %w: %.400s", status, err, body)
	}
	switch {
	case status == http.StatusOK && answer.Total != nil && *answer.Total == want && len(answer.Unknown) == 0:
		return true, nil
	case status == http.StatusOK && len(answer.Unknown) > 0, status == http.StatusBadGateway, status == http.StatusServiceUnavailable:
		return false, nil
	}
	return false, fmt.Errorf("an answer that is not whole does not say so: status %d: %.400s", status, body)
}
