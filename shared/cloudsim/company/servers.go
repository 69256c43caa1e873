package company

import (
	"fmt"
	"slices"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// servers adds n instances: one in six is account 2's.
func (s *seeder) servers(n int) {
	done := 0
	for i, sh := range shares() {
		b := s.builder(sh.region, "servers")
		here := n * sh.percent / 100
		if i == len(shares())-1 {
			here = n - done
		}
		done += here
		own, theirs := runnable(b, cloudsim.FirstAccount), runnable(b, cloudsim.SecondAccount)
		for k := range here {
			account, choices := cloudsim.FirstAccount, own
			if k%6 == 5 {
				account, choices = cloudsim.SecondAccount, theirs
			}
			if len(choices) > 0 {
				s.server(b, account, choices, k)
			}
		}
	}
}

// runnable are the images that an account's instances run in a region, newest
// first: its own, shared ones and two of the public ones.
func runnable(b *cloudsim.Builder, account image.AccountID) []image.Image {
	list := append(b.Images(account), b.SharedTo(account)...)
	public := b.Images(cloudsim.SystemOwner)
	list = append(list, public[:min(2, len(public))]...)
	return slices.DeleteFunc(list, func(i image.Image) bool { return !usable(i) })
}

// server adds one instance with what befell it since: some were put onto a
// newer image, some were stopped, some run an image that is no more.
func (s *seeder) server(b *cloudsim.Builder, account image.AccountID, choices []image.Image, k int) {
	// Newer images run more often.
	at := b.IntN(len(choices))
	at = min(at, b.IntN(len(choices)))
	img := choices[at]
	spec := cloudsim.InstanceSpec{Instance: image.Instance{
		Name: fmt.Sprintf("%s-%03d", serverRole(img), k), Image: img.ID, Type: typeFor(img, b),
		Zone: pick(b, b.Zones()), CreatedAt: firstPossible(img.CreatedAt, b),
		Tags: image.Tags{"team": serverTeam(img), "env": []string{"prod", "prod", "stage", "dev"}[k%4]},
	}}
	switch {
	case chance(b, 12):
		spec.Instance.Status, spec.Instance.StoppedMode = image.InstanceStopped, pick(b, []string{"KeepCharging", "StopCharging"})
	case chance(b, 15):
		spec.Instance.ChargeType = "PrePaid"
	case chance(b, 10):
		spec.Instance.SpotStrategy = "SpotAsPriceGo"
	}
	for _, d := range img.DataDisks() {
		spec.DataDisks = append(spec.DataDisks, d.SizeGiB)
	}
	gone := k%31 == 30
	if gone {
		spec.Instance.Image = image.ID(b.ID("m"))
		spec.Instance.OSName, spec.Instance.OSType = img.OSName, img.OSType
	}
	id := b.AddInstance(account, spec)
	if k%9 == 4 && !gone {
		s.replaced(b, id, choices, img)
	}
	if k%5 == 2 {
		s.backup(b, account, id)
	}
	if k%37 == 36 {
		s.cloud.LockInstance(b.Region(), id, pick(b, []string{"security", "financial"}))
	}
}

// replaced puts the instance onto the newest image of its family: the disk that
// told of the first image is gone.
func (s *seeder) replaced(b *cloudsim.Builder, id image.InstanceID, choices []image.Image, old image.Image) {
	for _, c := range choices {
		if lineOf(c) == lineOf(old) && lineOf(c) != "" && c.CreatedAt.After(old.CreatedAt) {
			b.ReplaceSystemDisk(id, c.ID, firstPossible(c.CreatedAt, b))
			return
		}
	}
}

// backup takes a snapshot of each of the instance's disks.
func (s *seeder) backup(b *cloudsim.Builder, account image.AccountID, id image.InstanceID) {
	for _, disk := range b.Disks(account, id) {
		b.AddSnapshot(account, image.Snapshot{
			ID: image.SnapshotID(b.ID("s")), Name: "backup-" + disk.Device[len("/dev/"):], SourceDisk: disk.ID,
			SourceSystemDisk: disk.System, SourceDiskSizeGiB: disk.SizeGiB, ProductCode: disk.ProductCode,
			Encrypted: disk.Encrypted, CreatedAt: firstPossible(disk.CreatedAt, b),
		})
	}
}

// firstPossible is some time after at and before cloudsim.Epoch.
func firstPossible(at time.Time, b *cloudsim.Builder) time.Time {
	span := cloudsim.Epoch().Sub(at)
	if span <= time.Hour {
		return at.Add(time.Minute)
	}
	return at.Add(time.Hour + time.Duration(b.Int64N(int64(span-time.Hour+1)))).Truncate(time.Second)
}

func serverRole(img image.Image) string {
	if line := lineOf(img); line != "" {
		return string(line)
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
func typeFor(img image.Image, b *cloudsim.Builder) image.InstanceTypeID {
	fits := slices.DeleteFunc(cloudsim.TypesFor(img), func(t image.InstanceType) bool { return t.VCPUs > 16 })
	if len(fits) == 0 {
		return "ecs.g7.large"
	}
	return pick(b, fits).ID
}

// chance is true in p of 100 cases.
func chance(b *cloudsim.Builder, p int) bool { return b.IntN(100) < p }

// pick returns one of the choices.
func pick[T any](b *cloudsim.Builder, choices []T) T { return choices[b.IntN(len(choices))] }
