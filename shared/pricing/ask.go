package pricing

import (
	"cmp"
	"strings"

	"imagekeeper/shared/image"
)

// Ask is one call of DescribePrice that a question would like to have answered.
type Ask struct {
	Region       image.RegionID       `json:"regionId"`
	Image        image.ID             `json:"imageId"`
	InstanceType image.InstanceTypeID `json:"instanceType"`
	// Unit and Period: an hour, or the purchased period.
	Unit   Unit `json:"priceUnit"`
	Period int  `json:"period"`
	// SystemDiskGiB is the same for both calls, so that disks cancel out.
	SystemDiskGiB int `json:"systemDiskGiB,omitempty"`
}

// Asks returns the two calls whose difference is the licence: for the image, and
// for a free one with everything else the same. Never as a spot price, which
// changes in between. There are none without an instance type.
func (q Question) Asks(free image.Image) []Ask {
	if q.Instance.None || q.Instance.Type == "" || free.ID == "" {
		return nil
	}
	ask := Ask{
		Region: q.region(), Image: q.Image.ID, InstanceType: q.Instance.Type,
		Unit: Hour, Period: 1, SystemDiskGiB: max(q.Image.SizeGiB, free.SizeGiB),
	}
	if q.subscription() {
		ask.Unit, ask.Period = q.Charge.PeriodUnit, q.Charge.Period
	}
	other := ask
	other.Image = free.ID
	return []Ask{ask, other}
}

// FreeLinux picks the image that another one of the architecture is compared
// with: the newest available public image of a Linux that certainly costs
// nothing. ok is false if there is none among images.
func FreeLinux(images []image.Image, a image.Architecture) (image.Image, bool) {
	var best *image.Image
	for i := range images {
		c := &images[i]
		if !comparableTo(c, a) {
			continue
		}
		if best == nil || newer(c, best) < 0 {
			best = c
		}
	}
	if best == nil {
		return image.Image{}, false
	}
	return *best, true
}

func comparableTo(c *image.Image, a image.Architecture) bool {
	return c.Kind == image.KindPublic && c.Status == image.StatusAvailable && c.Usable != image.No &&
		c.Architecture == a && c.OSType == image.Linux && c.ProductCode == "" && ProductOf(OSOf(*c)) == ProductFree
}

// newer is image.Newest without copying the images.
func newer(a, b *image.Image) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(string(a.ID), string(b.ID)))
}
