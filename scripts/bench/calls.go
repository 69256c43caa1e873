package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// route is a question about one image, or about all, over two accounts in eight
// regions, and how many calls of the cloud it may take.
type route struct {
	binary     string
	what, path string
	status     int
	// least is how many calls its evidence needs: about says which.
	least, most int
	about       string
}

// Where the routes look: who we are and the role are asked for once, and each
// account for its regions.
const (
	places = 2 * 8
	opened = 4
)

// routes are the questions. m-bp1p3iw05ysr6wic1ldo is a custom image in our own region
// that is shared and used, and was made on an instance; m-none is no image.
func routes(b binaries) []route {
	const id = "m-bp1p3iw05ysr6wic1ldo"
	const image, price, share = "/images/" + id, "/prices/" + id, "/shares/" + id
	return []route{
		{b.find, "one image", image, http.StatusOK, opened + places, 20, "one list for each place, by id"},
		{b.find, "one image, region named", image + "?region=cn-hangzhou", http.StatusOK, opened + 2, 8, "one list for each account, by id"},
		{b.find, "an unknown id", "/images/m-none", http.StatusNotFound, opened + places + 2*2*8 + 1, 56, "each place beside a public image, Marketplace and community lists of each region twice"},
		{b.find, "who uses it", image + "/usage", http.StatusOK, opened + places + 2 + 12 + 12, 46, "the image; its shares and siblings; what runs or launches it in each account of its region, twice where there is none"},
		{b.find, "where it comes from", image + "/lineage", http.StatusOK, opened + 6*places, 6 * (opened + 6*places) / 5, "of each place images, snapshots, and twice the pipelines and disks that there are none of; beside it what ActionTrail alone tells"},
		{b.find, "all with a paid licence", "/images?licence=paid", http.StatusOK, opened + places + 41, opened + places + 42, "one list for each place, and what the derived ones were made from"},
		{b.price, "what it costs", price, http.StatusOK, opened + places + 13, opened + places + 13, "the image; the snapshots, chains, disks, pipelines and events of its region, twice where there are none"},
		{b.price, "what it costs, region named", price + "?region=cn-hangzhou", http.StatusOK, opened + 2 + 13, opened + 2 + 13, "the same, without the other regions"},
		{b.share, "who may use it", share, http.StatusOK, opened + places + 1, opened + places + 1, "the image, and whom it is shared with"},
		{b.share, "who may use it, region named", share + "?region=cn-hangzhou", http.StatusOK, opened + 2 + 1, 8, "the same, without the other regions"},
	}
}

// calls counts how many calls of the cloud each route takes in the first
// call of a process, and in the next one.
func calls(ctx context.Context, b binaries) ([]result, error) {
	var all []result
	for _, r := range routes(b) {
		first, next, err := r.count(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, result{
			what: "calls of " + r.what, value: float64(first), unit: "calls", atMost: float64(r.most),
			about: fmt.Sprintf("then %d; the least is %d: %s", next, r.least, r.about),
		})
	}
	return all, nil
}

// count asks a new process twice.
func (r route) count(ctx context.Context) (first, next int, err error) {
	c := serve(company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 400}), -1, 0)
	defer c.Close()
	variables := c.variables("all", "1000")
	folder, err := os.MkdirTemp("", "journal")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	variables["ACCOUNTS"], variables["JOURNAL"] = cloudsim.ReaderRole, "dir://"+filepath.ToSlash(folder)
	instance, err := platform.Start(ctx, r.binary, variables)
	if err != nil {
		return 0, 0, err
	}
	defer instance.Stop()
	var made [3]int
	for n := range made {
		if n > 0 {
			status, body, err := instance.Get(ctx, r.path)
			if err != nil || status != r.status {
				return 0, 0, fmt.Errorf("%s: status %d: %w: %.400s", r.path, status, err, body)
			}
		}
		if made[n], err = c.made(ctx); err != nil {
			return 0, 0, err
		}
	}
	return made[1] - made[0], made[2] - made[1], nil
}
