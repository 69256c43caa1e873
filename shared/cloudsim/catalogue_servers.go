package cloudsim

import (
	"fmt"
	"time"

	"imagekeeper/shared/image"
)

// servers adds n instances: one in six is account 2's.
func (s *seeder) servers(n int) {
	done := 0
	for i, sh := range shares() {
		r := s.cloud.regions[sh.region]
		rnd := newRandom(s.cloud.options.Seed, "servers/"+string(r.id))
		here := n * sh.percent / 100
		if i == len(shares())-1 {
			here = n - done
		}
		done += here
		own, theirs := s.runnable(r, FirstAccount), s.runnable(r, SecondAccount)
		for k := range here {
			account, choices := FirstAccount, own
			if k%6 == 5 {
				account, choices = SecondAccount, theirs
			}
			if len(choices) > 0 {
				s.server(r, account, choices, k, rnd)
			}
		}
	}
}

// runnable are the images that an account's instances run in a region, newest
// first: its own, shared ones and two of the public ones.
func (s *seeder) runnable(r *region, account image.AccountID) []*imageState {
	now := s.cloud.now()
	var list []*imageState
	for _, shelf := range r.shelves(account, "", image.Unknown) {
		publics := 0
		for _, e := range shelf.rows {
			state := e.truth()
			if e.owner == systemOwner {
				publics++
			}
			if usable(state.status(now)) && publics <= 2 {
				list = append(list, state)
			}
		}
	}
	return list
}

// server adds one instance with what befell it since: some were put onto a
// newer image, some were stopped, some run an image that is no more.
func (s *seeder) server(r *region, account image.AccountID, choices []*imageState, k int, rnd random) {
	now := s.cloud.now()
	// Newer images run more often.
	at := rnd.IntN(len(choices))
	at = min(at, rnd.IntN(len(choices)))
	state := choices[at]
	img := state.img
	spec := InstanceSpec{Instance: image.Instance{
		Name: fmt.Sprintf("%s-%03d", serverRole(img), k), Image: img.ID, Type: typeFor(img, rnd),
		Zone: pick(rnd, r.zoneIDs()), CreatedAt: firstPossible(img.CreatedAt, rnd),
		Tags: image.Tags{"team": serverTeam(img), "env": []string{"prod", "prod", "stage", "dev"}[k%4]},
	}}
	switch {
	case rnd.chance(12):
		spec.Instance.Status, spec.Instance.StoppedMode = image.InstanceStopped, pick(rnd, []string{"KeepCharging", "StopCharging"})
	case rnd.chance(15):
		spec.Instance.ChargeType = "PrePaid"
	case rnd.chance(10):
		spec.Instance.SpotStrategy = "SpotAsPriceGo"
	}
	for _, d := range img.DataDisks() {
		spec.DataDisks = append(spec.DataDisks, d.SizeGiB)
	}
	gone := k%31 == 30
	if gone {
		spec.Instance.Image = image.ID(rnd.id("m", r.infix))
		spec.Instance.OSName, spec.Instance.OSType = img.OSName, img.OSType
	}
	id := s.cloud.addInstance(r, account, spec, now, rnd)
	if k%9 == 4 && !gone {
		s.replaced(r, id, choices, img, rnd)
	}
	if k%5 == 2 {
		s.backup(r, account, id, rnd)
	}
	if k%37 == 36 {
		e, _ := r.instances.live(string(id))
		next := *e.truth()
		next.row.Locks = []string{pick(rnd, []string{"security", "financial"})}
		r.instances.put(e, &next, now, now)
	}
}

// replaced puts the instance onto the newest image of its family: the disk that
// told of the first image is gone.
func (s *seeder) replaced(r *region, id image.InstanceID, choices []*imageState, old image.Image, rnd random) {
	for _, c := range choices {
		if c.img.Family == old.Family && c.img.Family != "" && c.img.CreatedAt.After(old.CreatedAt) {
			s.cloud.replaceDisk(r, id, c.img.ID, firstPossible(c.img.CreatedAt, rnd), s.cloud.now(), rnd)
			return
		}
	}
}

// backup takes a snapshot of each of the instance's disks.
func (s *seeder) backup(r *region, account image.AccountID, id image.InstanceID, rnd random) {
	for _, e := range r.disksOf(id, account) {
		disk := e.truth().row
		snap := image.Snapshot{
			ID: image.SnapshotID(rnd.id("s", r.infix)), Name: "backup-" + disk.Device[len("/dev/"):], SourceDisk: disk.ID,
			SourceSystemDisk: disk.System, SourceDiskSizeGiB: disk.SizeGiB, ProductCode: disk.ProductCode,
			Encrypted: disk.Encrypted, CreatedAt: firstPossible(disk.CreatedAt, rnd),
		}
		state := &snapshotState{row: SnapshotRow{Snapshot: snap, Type: "user"}, origin: image.Ref{Account: account, Region: r.id, ID: disk.Image}}
		s.cloud.fillSnapshot(r, state, s.cloud.now(), rnd)
		s.cloud.putSnapshot(r, account, state, s.cloud.now())
	}
}

// firstPossible is some time after at and before Epoch.
func firstPossible(at time.Time, rnd random) time.Time {
	span := Epoch().Sub(at)
	if span <= time.Hour {
		return at.Add(time.Minute)
	}
	return at.Add(time.Hour + time.Duration(rnd.Int64N(int64(span-time.Hour+1)))).Truncate(time.Second)
}

func serverRole(img image.Image) string {
	if img.Family != "" {
		return string(img.Family)
	}
	return "node"
}

func serverTeam(img image.Image) string {
	if team := img.Tags["team"]; team != "" {
		return team
	}
	return "platform"
}

// typeFor picks an instance type that can start from the image.
func typeFor(img image.Image, rnd random) image.InstanceTypeID {
	var fits []image.InstanceTypeID
	for _, t := range instanceTypes() {
		if boots(t, &img) && t.VCPUs <= 16 {
			fits = append(fits, t.ID)
		}
	}
	if len(fits) == 0 {
		return "ecs.g7.large"
	}
	return pick(rnd, fits)
}
