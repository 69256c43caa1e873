package importing

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// Amounts are told with so many digits; costs that something is held to are rounded
// up.
const digits = 10

// cost finds out what an import costs: the boot test at the most, until ECS deletes
// its instance by itself, the licence of its system, and the storage of its snapshots
// in all regions, of which each holds at the most what the disks have.
func (o *observer) cost(ctx context.Context) Cost {
	c := Cost{Reading: "0"}
	if o.wish.Source.Object != nil {
		c.Reading = "" // what requests to OSS cost, no source tells; within a region traffic is free
		c.unknown("readingUnknown", "ECS reads the objects within the region, where OSS charges no traffic; what its requests cost is not told")
	}
	o.instanceCost(ctx, &c)
	o.storageCost(&c)
	return c
}

func (c *Cost) unknown(code, sentence string, args ...any) {
	c.Why = append(c.Why, image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)})
}

// instanceCost asks what an instance costs that is like the one of the test.
func (o *observer) instanceCost(ctx context.Context, c *Cost) {
	home := o.home()
	if o.wish.Test == nil || home == nil || len(o.seen.Types) == 0 {
		c.TestOnce = map[bool]string{true: "0"}[o.wish.Test == nil]
		c.unknown("licenceUnknown", "what instances of it pay for its licence is told by GET /prices/{imageId} once it is there")
		if o.wish.Test != nil {
			c.unknown("costUnknown", "no instance type is known that boots it")
		}
		return
	}
	like, size, err := o.like(ctx)
	if err != nil || like == "" {
		c.unknown("costUnknown", "no image is known that costs what this one will: its licence is not known")
		return
	}
	answer, err := home.Price(ctx, image.PriceQuestion{Image: like, InstanceType: o.seen.Types[0].ID, SystemDiskGiB: max(o.diskGiB(), o.wish.Image.DiskSizeGiB, size, 20)})
	if err != nil {
		c.unknown("costUnknown", "what the boot test costs could not be asked: %s", reasonOf(err).Sentence)
		return
	}
	hours := (o.wish.Test.Timeout.Or(testTime) + releaseMargin + time.Hour - 1) / time.Hour
	c.Currency = string(answer.Currency)
	c.TestOnce = up(new(big.Rat).Mul(answer.Trade.Rat(), new(big.Rat).SetInt64(int64(hours))))
	licence := new(big.Rat)
	for _, row := range answer.Rows {
		if strings.EqualFold(row.Resource, "image") {
			licence.Add(licence, row.Trade.Rat())
		}
	}
	if o.wish.Image.Licence() == "BYOL" {
		licence.SetInt64(0)
	}
	c.LicenceHourly = up(licence)
}

// licensed are the systems whose instances pay for a licence, by words of their
// platforms.
func licensed() []string { return []string{"windows", "red hat", "redhat", "suse"} }

// like is an image that costs what the wished one will: the one that it is made of,
// or the vendor's of the same system, the newest.
func (o *observer) like(ctx context.Context) (id image.ID, sizeGiB int, err error) {
	switch s := o.wish.Source; {
	case s.Image != nil:
		return s.Image.ImageID, 0, nil
	case s.Instance != nil && o.seen.Instance != nil:
		return o.seen.Instance.Instance.Image, 0, nil
	}
	all, err := o.home().Images(ctx, image.Listing{Kind: image.KindPublic})
	if err != nil {
		return "", 0, err
	}
	want := o.wish.Image
	platform, system := strings.ToLower(want.Platform), cmp.Or(want.OSType, image.Linux)
	pays := func(platform string) bool {
		return slices.ContainsFunc(licensed(), func(word string) bool { return strings.Contains(strings.ToLower(platform), word) })
	}
	fits := slices.DeleteFunc(slices.Clone(all), func(i image.Image) bool {
		other := i.Architecture != "" && i.Architecture != want.Arch() || i.OSType != "" && i.OSType != system
		return other || (pays(platform) || system == image.Windows || pays(i.Platform)) && !strings.EqualFold(i.Platform, want.Platform)
	})
	if len(fits) == 0 {
		return "", 0, nil
	}
	same := func(i image.Image) int { return map[bool]int{true: 1}[strings.EqualFold(i.Platform, want.Platform)] }
	found := slices.MaxFunc(fits, func(a, b image.Image) int {
		return cmp.Or(cmp.Compare(same(a), same(b)), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return found.ID, found.SizeGiB, nil
}

// storageCost adds up what the snapshots cost a month where they are.
func (o *observer) storageCost(c *Cost) {
	if o.ports.Storage == nil {
		return
	}
	sum, size, all := new(big.Rat), new(big.Rat).SetInt64(int64(o.diskGiB())), true
	for _, region := range o.wish.Regions() {
		rate := o.ports.Storage(region, cmp.Or(c.Currency, "CNY"))
		if rate == nil || size.Sign() == 0 {
			c.unknown("storageUnknown", "%s: what snapshots cost there, or how large the image is, is not known", region)
			all = false
			continue
		}
		monthly := new(big.Rat).Mul(rate, size)
		c.Storage = append(c.Storage, RegionCost{region, up(monthly)})
		sum.Add(sum, monthly)
	}
	c.Currency = cmp.Or(c.Currency, "CNY")
	if all {
		c.StorageMonthly = up(sum)
	}
}

// up writes an amount as a decimal, rounded up.
func up(r *big.Rat) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil)
	n := new(big.Int).Mul(r.Num(), scale)
	n.Add(n, new(big.Int).Sub(r.Denom(), big.NewInt(1)))
	n.Quo(n, r.Denom())
	text := new(big.Rat).SetFrac(n, scale).FloatString(digits)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
