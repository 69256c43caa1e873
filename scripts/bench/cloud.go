package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// cloud is an emulated cloud on loopback.
type cloud struct {
	*httptest.Server
}

// serve serves a cloud with its rates, or none with -1, and a latency for each call.
func serve(sim *cloudsim.Cloud, perMinute int, latency time.Duration) cloud {
	return cloud{httptest.NewServer(ecsapi.New(sim, ecsapi.Options{RatePerMinute: perMinute, Latency: latency}))}
}

// variables are what a function needs to look at this cloud only.
func (c cloud) variables(regions, share string) map[string]string {
	all := map[string]string{"REGIONS": regions, "ECS_RATE_SHARE": share, "LOG_LEVEL": "error"}
	for _, product := range []string{"ECS", "STS", "ESS", "ACTIONTRAIL", "KMS", "QUOTAS", "RAM"} {
		all[product+"_ENDPOINT"] = c.URL
	}
	return all
}

// images is what the cloud counted of calls to DescribeImages.
func (c cloud) images(ctx context.Context) (ecsapi.Counter, error) {
	counters, err := c.counters(ctx)
	if err != nil {
		return ecsapi.Counter{}, err
	}
	for _, counter := range counters {
		if counter.Action == "DescribeImages" {
			return counter, nil
		}
	}
	return ecsapi.Counter{}, nil
}

// filled is a cloud with so many custom images in each of these regions, and
// nothing else.
func filled(each int, regions ...image.RegionID) *cloudsim.Cloud {
	sim := cloudsim.New(cloudsim.Options{Seed: 1})
	born := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, region := range regions {
		for n := range each {
			sim.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{
				Name: fmt.Sprintf("web-base-%06d", n), Family: "web-base", Description: "nightly build of the web servers",
				CreatedAt: born.Add(time.Duration(n) * time.Minute), Tags: image.Tags{"team": "web", "build": fmt.Sprint(n)},
			}})
		}
	}
	return sim
}
