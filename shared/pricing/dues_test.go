package pricing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// saidOf is dues in short: rule, charged, amount, rates and what is not known.
func saidOf(d pricing.Dues) string {
	words := []string{string(d.Rule.Code), string(d.Rule.Licence)}
	if d.Amount != nil {
		words = append(words, d.Amount.String())
	}
	for _, r := range d.Rates {
		words = append(words, strings.TrimSpace(fmt.Sprint(r.Amount, " per ", r.Per, " ", r.VCPUs, r.InstanceType)))
	}
	for _, why := range d.Unknown {
		words = append(words, why.Code)
	}
	return strings.Join(words, "; ")
}

func TestDues(t *testing.T) {
	t.Parallel()
	public, market, imported := pricing.SourcePublic, pricing.SourceMarketplace, pricing.SourceImport
	broken := pricing.Source{Kind: pricing.SourceUnknown, Broken: &image.Reason{Code: "diskReleased", Sentence: "the disk is gone"}}
	for _, c := range []struct {
		name   string
		image  image.Image
		source pricing.Source
		region image.RegionID
		site   pricing.Site
		said   string
	}{
		{"from free", of(image.KindCustom, ubuntu()), from(public, ubuntu()), "cn-hangzhou", pricing.China, "sharedFromFree; no; 0 CNY"},
		{
			"from Red Hat", of(image.KindCustom, redHat()), from(public, redHat()), "cn-hangzhou", pricing.China,
			"sharedFromPaid; yes; 0.1041 CNY per vCPU-hour 1-8 vCPU; 0.0781 CNY per vCPU-hour 9-127 vCPU; 0.0694 CNY per vCPU-hour 128+ vCPU",
		},
		{
			"from SUSE", of(image.KindCustom, suse()), from(public, suse()), "cn-hangzhou", pricing.China,
			"sharedFromPaid; yes; 0.41 CNY per instance-hour 1-2 vCPU; 0.82 CNY per instance-hour 3-4 vCPU; 0.99 CNY per instance-hour 5+ vCPU",
		},
		{"from Windows in the mainland", of(image.KindCustom, windows()), from(public, windows()), "cn-hangzhou", pricing.China, "sharedFromFree; no; 0 CNY"},
		{"from Windows abroad", of(image.KindCustom, windows()), from(public, windows()), "ap-southeast-1", pricing.International, "sharedFromPaid; yes; windowsByInstanceType"},
		{"from Marketplace", of(image.KindCustom, ubuntu()), from(market, ubuntu()), "cn-hangzhou", pricing.China, "sharedFromMarketplace; no; marketplacePriceByType"},
		{"imported with its own licence", licensed(of(image.KindCustom, windows()), "BYOL"), from(imported, windows()), "cn-hongkong", pricing.China, "sharedFromFree; no; 0 CNY"},
		{
			"broken chain of Red Hat", of(image.KindCustom, redHat()), broken, "cn-hangzhou", pricing.China,
			"unknownSource; unknown; 0.1041 CNY per vCPU-hour 1-8 vCPU; 0.0781 CNY per vCPU-hour 9-127 vCPU; 0.0694 CNY per vCPU-hour 128+ vCPU; licenceNotDecided",
		},
		{"broken chain of no system", of(image.KindCustom, pricing.OS{}), broken, "cn-hangzhou", pricing.China, "unknownSource; unknown; licenceNotDecided"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.image.Region = c.region
			d := pricing.DuesOf(c.image, c.source, image.KindShared, pricing.Published(), c.site)
			if got := saidOf(d); got != c.said || d.Payer != pricing.InstanceOwner {
				t.Errorf("got  %s\nwant %s", got, c.said)
			}
			if len(d.Unknown) > 0 && d.Amount != nil {
				t.Errorf("%s for what is not known", d.Amount)
			}
		})
	}
}

func TestDuesOfACommunityImage(t *testing.T) {
	t.Parallel()
	d := pricing.DuesOf(of(image.KindCustom, suse()), from(pricing.SourcePublic, suse()), image.KindCommunity, pricing.Published(), pricing.China)
	if d.Rule.Code != pricing.CommunityFromPaid {
		t.Errorf("%+v", d.Rule)
	}
}

// TestDuesAreWhatAQuoteCharges: whatever the size of the instance, a quote of the
// shared image charges one of the rates for it.
func TestDuesAreWhatAQuoteCharges(t *testing.T) {
	t.Parallel()
	for _, os := range []pricing.OS{redHat(), redHatSAP(), suse(), suseSAP(), linuxPro(), ubuntu()} {
		d := pricing.DuesOf(of(image.KindCustom, os), from(pricing.SourcePublic, os), image.KindShared, pricing.Published(), pricing.China)
		for _, vcpus := range []int{1, 2, 4, 8, 9, 64, 127, 128, 256} {
			q := ask(of(image.KindShared, os), from(pricing.SourcePublic, os))
			q.Instance.VCPUs, q.Duration = vcpus, pricing.Hours(pricing.Whole(1))
			l := lineOf(t, price(t, q), pricing.OperatingSystemLicence)
			if d.Amount != nil && l.Amount.Rat().Cmp(d.Amount.Rat()) == 0 {
				continue
			}
			if l.Rate == nil || !slices.ContainsFunc(d.Rates, func(r pricing.DuesRate) bool { return r.Amount.String() == l.Rate.String() }) {
				t.Errorf("%s with %d vCPUs: %s is not among %s", os.Name, vcpus, worth(l), saidOf(d))
			}
		}
	}
}
