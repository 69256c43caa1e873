package pricing

import (
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// replace adds what replacing the system disk costs: the replacement itself is
// free; the new image's licence is in the licence line; disks and Marketplace
// products have lines of their own.
func (b *builder) replace() {
	old := b.q.Task.Replaced
	was := Judge(old.Image, old.Source, b.q.region())
	l := b.operationLine(SystemDiskReplacement, InstanceOwner)
	b.nothing(&l, page{source: replacePage, readAt: undatedRecent})
	l.because("replacementIsFree", "replacing costs nothing itself; only a paid image and a larger disk do")
	b.add(l)
	b.diskGrowth()
	b.licenceChange(was)
	b.marketplaceChange(was)
	b.replaceFindings(old.Image)
}

// diskGrowth: a larger system disk costs more; disk prices are not ours.
func (b *builder) diskGrowth() {
	old := b.q.Task.Replaced
	grown := max(old.NewDiskGiB, old.DiskGiB, b.q.Image.SizeGiB) - old.DiskGiB
	l := b.operationLine(SystemDiskGrowth, InstanceOwner)
	if old.DiskGiB == 0 {
		l.unknown("diskSizeNotKnown", "whether the system disk grows is not known")
		b.add(l)
		return
	}
	if grown <= 0 {
		return
	}
	rate := b.rates.lookup(want{item: SystemDiskGrowth, region: b.q.region(), unit: Month, currency: b.currency})
	if rate == nil {
		l.unknown("diskNotPriced", "the system disk grows, and disk prices are not in the published table; PRICE_RATES can give one")
		b.lack(WantedRate{Item: SystemDiskGrowth, Region: b.q.region(), Basis: PerGB, Unit: Month})
	} else {
		months := over(b.q.diskHours(), HoursPerMonth)
		b.settle(&l, rate, exactly(months.Times(money.Whole(int64(grown)))))
	}
	b.add(l)
}

// diskHours is how long the larger disk is charged: not rounded.
func (q *Question) diskHours() money.Ratio {
	if q.subscription() {
		return q.storageHours()
	}
	return over(q.Duration.ratio(), secondsPerHour)
}

// licenceChange says what happens to the two licences.
func (b *builder) licenceChange(was Ruling) {
	if b.q.subscription() {
		if was.Licence != NotCharged || b.ruling.Licence != NotCharged {
			l := b.operationLine(LicenceAdjustment, InstanceOwner)
			l.unknown("refundRuleNotFound", "whether a subscription is refunded or surcharged when it changes to or from a paid image is not documented")
			b.add(l)
		}
		return
	}
	switch was.Licence {
	case IsCharged:
		b.say("licenceStopsAtReplacement", "the licence of the present image is charged until the replacement")
	case Unsettled:
		b.say("oldLicenceNotKnown", "whether the present image has a licence that stops at the replacement is not known")
	}
	if b.ruling.Licence == IsCharged {
		b.say("licenceStartsAtReplacement", "the licence of the new image is charged from the replacement on")
	}
}

// marketplaceChange: fees of entering and leaving Marketplace products.
func (b *builder) marketplaceChange(was Ruling) {
	same := b.sameProduct(was)
	if b.ruling.Marketplace && same {
		l := b.operationLine(MarketplaceChange, InstanceOwner)
		l.Subject = string(b.ruling.ProductCode)
		b.nothing(&l, faq())
		l.because("sameProduct", "the present image is another version of the same product: no fee (documentation of 2021)")
		b.add(l)
	}
	if was.Marketplace && !same && b.q.subscription() {
		l := b.operationLine(MarketplaceRefund, InstanceOwner)
		l.Subject = string(was.ProductCode)
		l.unknown("refundByVendor", "a refund is given only if the vendor of the product allows it, by actual use; otherwise none")
		b.add(l)
	}
}

func (b *builder) sameProduct(was Ruling) bool {
	return was.Marketplace && was.ProductCode != "" && was.ProductCode == b.ruling.ProductCode
}

// sameProductReplaced: a subscription that already paid for the product.
func (b *builder) sameProductReplaced() bool {
	return b.replacesSubscription() && b.sameProduct(b.was())
}

// termRemains: a subscription that enters a product in the middle of its term.
func (b *builder) termRemains() bool {
	return b.replacesSubscription() && !b.sameProduct(b.was())
}

func (b *builder) replacesSubscription() bool {
	return b.q.For == Replace && b.q.subscription()
}

func (b *builder) was() Ruling {
	old := b.q.Task.Replaced
	return Judge(old.Image, old.Source, b.q.region())
}

// replaceFindings: what ECS refuses.
func (b *builder) replaceFindings(old image.Image) {
	if image.AlibabaLinux3Pro(old.OSName) {
		b.find(true, "alibabaLinux3ProNotReplaced", "the system disk of an Alibaba Cloud Linux 3 Pro instance cannot be replaced")
	}
	from, to := old.OSType, b.q.Image.OSType
	if from == to && from != "" {
		return
	}
	inside := Mainland(b.q.region())
	switch {
	case inside == image.Yes:
	case from == "" || to == "":
		b.find(false, "systemTypeNotKnown", "outside the Chinese mainland Linux is replaced by Linux only, and Windows by Windows; one of the two types is not known")
	case inside == image.No:
		b.find(true, "acrossSystemTypes", "outside the Chinese mainland Linux is replaced by Linux only, and Windows by Windows")
	default:
		b.find(false, "regionNotListed", "Linux and Windows replace each other in the Chinese mainland only; whether this region counts is not known")
	}
}

// notes are remarks about the quote as a whole.
func (b *builder) notes() {
	if !b.q.subscription() {
		return
	}
	paid := b.ruling.Marketplace || b.ruling.Licence != NotCharged
	if paid {
		b.say("imageUnusableAfterExpiry", "without renewal the image cannot be used after the subscription ends")
	}
	public := b.q.Image.Kind == image.KindPublic
	red := b.ruling.Product == RHEL || b.ruling.Product == RHELForSAP || b.ruling.Product == SUSE || b.ruling.Product == SUSEForSAP
	if (public && red) || b.ruling.Code == Marketplace {
		b.say("cannotBecomePayAsYouGo", "an instance on a Red Hat, SUSE or Marketplace image cannot change from subscription to pay-as-you-go")
	}
}
