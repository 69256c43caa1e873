package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// fleet measures GET /instances over 2000 instances in eight regions, 50 ms
// away and without a rate: how many calls of the cloud it makes over the least
// that the page sizes allow, and how long it takes compared with as many calls one
// after the other, as pages read through the vendor's SDK take.
func fleet(ctx context.Context, b binaries) ([]result, error) {
	const instances = 2000
	c := serve(running(instances/len(regions()), regions()...), -1, 50*time.Millisecond)
	defer c.Close()
	begun := time.Now()
	least := 0
	for _, region := range regions() {
		for _, action := range []string{"DescribeInstances", "DescribeImages"} {
			pages, err := readThrough(strings.TrimPrefix(c.URL, "http://"), string(region), action)
			if err != nil {
				return nil, err
			}
			least += pages
		}
	}
	each := time.Since(begun) / time.Duration(least)
	before, err := c.made(ctx)
	if err != nil {
		return nil, err
	}

	instance, err := platform.Start(ctx, b.find, c.variables(joined(regions()), "1000"))
	if err != nil {
		return nil, err
	}
	defer instance.Stop()
	begun = time.Now()
	if err := mustered(ctx, instance, instances); err != nil {
		return nil, err
	}
	fast := time.Since(begun)
	after, err := c.made(ctx)
	if err != nil {
		return nil, err
	}
	// Who we are, which the lists do not tell; and in each region what the licences
	// take: one list each of pipelines, snapshots, disks and types, and a price with
	// the image and one without.
	least += 1 + len(regions())*(4+2)
	slow := each * time.Duration(least)
	return []result{
		{
			what: "calls of the fleet / the least", value: float64(after-before) / float64(least), unit: "times", atMost: 1.2,
			about: fmt.Sprintf("%d instances in %d regions, 50 ms away: %d calls, %d are the least", instances, len(regions()), after-before, least),
		},
		{
			what: "fleet call after call / find", value: float64(slow) / float64(fast), unit: "times", atLeast: 2,
			about: fmt.Sprintf("%s and %s", slow.Round(time.Millisecond), fast.Round(time.Millisecond)),
		},
	}, nil
}

// running is a cloud with so many instances in each of these regions, which run
// fifty versions of one family, made of a public image.
func running(each int, regions ...image.RegionID) *cloudsim.Cloud {
	const versions = 50
	sim := cloudsim.New(cloudsim.Options{Seed: 1})
	born := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, region := range regions {
		base := sim.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20230101.vhd"}, Kind: image.KindPublic, Platform: "Ubuntu",
			OSName: "Ubuntu  22.04 64 bit", Architecture: image.X86_64, BootMode: image.UEFIPreferred, SizeGiB: 20, CreatedAt: born,
		}})
		made := make([]image.ID, versions)
		for n := range made {
			disk := sim.AddDisk(cloudsim.FirstAccount, region, image.Disk{Image: base, System: true, SizeGiB: 40})
			snapshot := sim.AddSnapshot(cloudsim.FirstAccount, region, image.Snapshot{SourceDisk: disk, SourceSystemDisk: true, CreatedAt: born})
			made[n] = sim.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{
				Name: fmt.Sprintf("web-base-%06d", n), Family: "web-base", Platform: "Ubuntu", OSName: "Ubuntu  22.04 64 bit",
				Architecture: image.X86_64, BootMode: image.UEFIPreferred, SizeGiB: 40, CreatedAt: born.Add(time.Duration(n) * time.Minute),
				Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}},
			}})
		}
		for n := range each {
			sim.AddInstance(cloudsim.FirstAccount, region, cloudsim.InstanceSpec{Instance: image.Instance{
				Name: fmt.Sprintf("web-%04d", n), Image: made[n%versions], Type: "ecs.g7.large",
			}})
		}
	}
	return sim
}

// readThrough reads all pages of a list, each after the one before, and counts
// them.
func readThrough(address, region, action string) (int, error) {
	client, err := sdk.NewClientWithOptions(region, sdk.NewConfig(), credentials.NewAccessKeyCredential("local", "local-secret"))
	if err != nil {
		return 0, err
	}
	for page, got := 1, 0; ; page++ {
		request := requests.NewCommonRequest()
		request.Method, request.Scheme, request.Domain = http.MethodPost, "http", address
		request.Version, request.ApiName = "2014-05-26", action
		request.QueryParams = map[string]string{
			"RegionId": region, "PageSize": "100", "PageNumber": strconv.Itoa(page), "Format": "JSON",
		}
		reply, err := client.ProcessCommonRequest(request)
		if err != nil {
			return 0, fmt.Errorf("%s, page %d: %w", action, page, err)
		}
		var body struct {
			TotalCount int
			Images     struct{ Image []json.RawMessage }
			Instances  struct{ Instance []json.RawMessage }
		}
		if err := json.Unmarshal(reply.GetHttpContentBytes(), &body); err != nil {
			return 0, fmt.Errorf("%s, page %d: %w", action, page, err)
		}
		got += len(body.Images.Image) + len(body.Instances.Instance)
		if got >= body.TotalCount {
			return page, nil
		}
	}
}

// mustered asks for all instances and wants them, each with its image.
func mustered(ctx context.Context, instance *platform.Instance, want int) error {
	status, body, err := instance.Get(ctx, "/instances?limit=10000")
	if err != nil {
		return err
	}
	var answer struct {
		Items []struct {
			Behind         *int `json:"behind"`
			LicencePerHour struct {
				Amount *struct{ Exact string } `json:"amount"`
			} `json:"licencePerHour"`
		} `json:"items"`
		Total   *int              `json:"total"`
		Unknown []json.RawMessage `json:"unknown"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		return fmt.Errorf("find: status %d: %w: %.400s", status, err, body)
	}
	if answer.Total == nil || *answer.Total != want || len(answer.Items) != want || len(answer.Unknown) > 0 {
		return fmt.Errorf("find: not all %d instances: %d: %.400s", want, len(answer.Items), body)
	}
	for _, item := range answer.Items {
		if item.Behind == nil || item.LicencePerHour.Amount == nil {
			return fmt.Errorf("find: an instance whose image was not seen, or whose licence is not known: %.400s", body)
		}
	}
	return nil
}

// made is how many calls the cloud has counted.
func (c cloud) made(ctx context.Context) (int, error) {
	counters, err := c.counters(ctx)
	if err != nil {
		return 0, err
	}
	made := 0
	for _, counter := range counters {
		made += counter.Total
	}
	return made, nil
}
