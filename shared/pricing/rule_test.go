package pricing_test

import (
	"errors"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// row is a row of the vendor's overview (facts 1.1): an image, and what its quote says.
type row struct {
	name    string
	image   image.Image
	source  pricing.Source
	region  image.RegionID
	code    pricing.RuleCode
	lines   string
	sure    pricing.Sureness
	because string
}

func paidRows() []row {
	const yes, region = "299.808", "cn-hangzhou"
	return []row{
		{"public Red Hat", of(image.KindPublic, redHat()), pricing.Source{}, region, pricing.PublicPaid, "operatingSystemLicence=" + yes + "", pricing.Observed, "isSource"},
		{"public Red Hat abroad", of(image.KindPublic, redHat()), pricing.Source{}, "us-west-1", pricing.PublicPaid, "operatingSystemLicence=299.808", pricing.Observed, "isSource"},
		{"public Red Hat for SAP", of(image.KindPublic, redHatSAP()), pricing.Source{}, region, pricing.PublicPaid, "operatingSystemLicence=466.272", pricing.Observed, "isSource"},
		{"public SUSE", of(image.KindPublic, suse()), pricing.Source{}, region, pricing.PublicPaid, "operatingSystemLicence=590.4", pricing.Observed, "isSource"},
		{"public SUSE for SAP", of(image.KindPublic, suseSAP()), pricing.Source{}, region, pricing.PublicPaid, "operatingSystemLicence=1828.8", pricing.Observed, "isSource"},
		{"public Windows in the mainland", of(image.KindPublic, windows()), pricing.Source{}, region, pricing.PublicFree, "operatingSystemLicence=0", pricing.Observed, "windowsInMainland"},
		{"public Windows in Hong Kong", of(image.KindPublic, windows()), pricing.Source{}, "cn-hongkong", pricing.PublicPaid, "operatingSystemLicence=unknown: windowsByInstanceType", pricing.Observed, "windowsOutsideMainland"},
		{"public Windows abroad", of(image.KindPublic, windows()), pricing.Source{}, "ap-southeast-1", pricing.PublicPaid, "operatingSystemLicence=unknown: windowsByInstanceType", pricing.Observed, "windowsOutsideMainland"},
		{"public Windows in a region that is not listed", of(image.KindPublic, windows()), pricing.Source{}, "cn-somewhere", pricing.PublicPaid, "operatingSystemLicence=unknown: licenceNotDecided", pricing.Observed, "regionNotListed"},
		{"public Alibaba Cloud Linux Pro", of(image.KindPublic, linuxPro()), pricing.Source{}, region, pricing.PublicPaid, "operatingSystemLicence=360", pricing.Observed, "isSource"},
		{"public Ubuntu", of(image.KindPublic, ubuntu()), pricing.Source{}, region, pricing.PublicFree, "operatingSystemLicence=0", pricing.Observed, "isSource"},
		{"public of an unlisted system", of(image.KindPublic, pricing.OS{Type: image.Linux, Platform: "Others Linux"}), pricing.Source{}, region, pricing.PublicFree, "operatingSystemLicence=0", pricing.Observed, "isSource"},
		{"public without a named system", of(image.KindPublic, pricing.OS{}), pricing.Source{}, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided", pricing.Fallback, "systemNotNamed"},
		{"public of a disputed system", of(image.KindPublic, pricing.OS{Platform: "CentOS", Name: "Red Hat Enterprise Linux 9"}), pricing.Source{}, region, pricing.PublicPaid, "operatingSystemLicence=unknown: licenceNotDecided", pricing.Observed, "systemDisputed"},
	}
}

func customRows() []row {
	const store, region = " snapshotStorage=4.8", "cn-hangzhou"
	public, market, imported := pricing.SourcePublic, pricing.SourceMarketplace, pricing.SourceImport
	custom := func(os pricing.OS) image.Image { return of(image.KindCustom, os) }
	return []row{
		{"custom from paid public", custom(redHat()), from(public, redHat()), region, pricing.CustomFromPaid, "operatingSystemLicence=299.808" + store, pricing.Observed, "sourcePublic"},
		{"custom from Windows in Hong Kong", custom(windows()), from(public, windows()), "cn-hongkong", pricing.CustomFromPaid, "operatingSystemLicence=unknown: windowsByInstanceType snapshotStorage=unknown: noRateForRegion", pricing.Observed, "windowsOutsideMainland"},
		{"custom from Windows in the mainland", custom(windows()), from(public, windows()), region, pricing.CustomFromFree, "operatingSystemLicence=0" + store, pricing.Observed, "windowsInMainland"},
		{"custom from free", custom(ubuntu()), from(public, ubuntu()), region, pricing.CustomFromFree, "operatingSystemLicence=0" + store, pricing.Observed, "sourcePublic"},
		{"custom from a free Marketplace system", custom(ubuntu()), from(market, ubuntu()), region, pricing.CustomFromMarketplace, "operatingSystemLicence=0 marketplaceSoftware=unknown: notAsked" + store, pricing.Observed, "sourceMarketplace"},
		{"custom from a paid Marketplace system", custom(redHat()), from(market, redHat()), region, pricing.CustomFromMarketplace, "operatingSystemLicence=299.808 marketplaceSoftware=unknown: notAsked" + store, pricing.Observed, "sourceMarketplace"},
		{"custom with a product code", product(custom(ubuntu())), from(public, ubuntu()), region, pricing.CustomFromMarketplace, "operatingSystemLicence=0 marketplaceSoftware=unknown: notAsked" + store, pricing.Fallback, "productCodeContradictsLineage"},
		{"imported Windows with Aliyun licence in Hong Kong", licensed(custom(windows()), "Aliyun"), from(imported, windows()), "cn-hongkong", pricing.ImportedAliyunLicence, "operatingSystemLicence=unknown: windowsByInstanceType snapshotStorage=unknown: noRateForRegion", pricing.Observed, "licenceAliyun"},
		{"imported Windows with Aliyun licence in the mainland", licensed(custom(windows()), "Aliyun"), from(imported, windows()), region, pricing.ImportedAliyunLicence, "operatingSystemLicence=0" + store, pricing.Observed, "windowsInMainland"},
		{"imported Windows with its own licence", licensed(custom(windows()), "BYOL"), from(imported, windows()), "cn-hongkong", pricing.ImportedByol, "operatingSystemLicence=0 snapshotStorage=unknown: noRateForRegion", pricing.Observed, "licenceByol"},
		{"imported Windows with Auto", licensed(custom(windows()), "Auto"), from(imported, windows()), "us-west-1", pricing.ImportedAliyunLicence, "operatingSystemLicence=unknown: windowsByInstanceType snapshotStorage=unknown: noRateForRegion", pricing.Inferred, "licenceAutoIsAliyun"},
		{"imported Windows of no licence type", custom(windows()), from(imported, windows()), "us-west-1", pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided snapshotStorage=unknown: noRateForRegion", pricing.Fallback, "licenceTypeNotKnown"},
		{"imported Windows of no licence type in the mainland", custom(windows()), from(imported, windows()), region, pricing.CustomFromFree, "operatingSystemLicence=0" + store, pricing.Fallback, "licenceTypeNotKnown"},
		{"imported Red Hat", licensed(custom(redHat()), "BYOL"), from(imported, redHat()), region, pricing.ImportedByol, "operatingSystemLicence=0" + store, pricing.Observed, "importNotWindows"},
		{"imported SUSE with Auto", licensed(custom(suse()), "Auto"), from(imported, suse()), region, pricing.ImportedByol, "operatingSystemLicence=0" + store, pricing.Observed, "importNotWindows"},
		{"imported Red Hat with Aliyun", licensed(custom(redHat()), "Aliyun"), from(imported, redHat()), region, pricing.ImportedAliyunLicence, "operatingSystemLicence=unknown: licenceNotDecided" + store, pricing.Observed, "licenceTypeContradictsSystem"},
		{"imported Ubuntu", custom(ubuntu()), from(imported, ubuntu()), region, pricing.CustomFromFree, "operatingSystemLicence=0" + store, pricing.Observed, "importNotWindows"},
		{"imported Windows, Auto here and Aliyun there", licensed(custom(windows()), "Auto"), disputing("Aliyun"), "us-west-1", pricing.ImportedAliyunLicence, "operatingSystemLicence=unknown: windowsByInstanceType snapshotStorage=unknown: noRateForRegion", pricing.Observed, "licenceAliyun"},
		{"imported Windows, BYOL here and Aliyun there", licensed(custom(windows()), "BYOL"), disputing("Aliyun"), "us-west-1", pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided snapshotStorage=unknown: noRateForRegion", pricing.Fallback, "licenceTypeNotKnown"},
		{"imported, the source alone says BYOL", custom(windows()), disputing("BYOL"), "us-west-1", pricing.ImportedByol, "operatingSystemLicence=0 snapshotStorage=unknown: noRateForRegion", pricing.Observed, "importPassedOn"},
		{"imported of a disputed system", custom(pricing.OS{Platform: "CentOS", Name: "Red Hat Enterprise Linux 9"}), pricing.Source{Kind: pricing.SourceImport}, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided" + store, pricing.Fallback, "systemDisputed"},
		{"imported by its OSS object alone", fromObject(custom(redHat())), pricing.Source{}, region, pricing.ImportedByol, "operatingSystemLicence=0" + store, pricing.Inferred, "sourceImport"},
		{"custom from free but of another system type", custom(windows()), from(public, ubuntu()), region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided" + store, pricing.Fallback, "systemContradictsSource"},
	}
}

func foreignRows() []row {
	const region = "cn-hangzhou"
	public, market, imported := pricing.SourcePublic, pricing.SourceMarketplace, pricing.SourceImport
	shared := func(os pricing.OS) image.Image { return of(image.KindShared, os) }
	community := func(os pricing.OS) image.Image { return of(image.KindCommunity, os) }
	return []row{
		{"shared from free", shared(ubuntu()), from(public, ubuntu()), region, pricing.SharedFromFree, "operatingSystemLicence=0", pricing.Observed, "sourcePublic"},
		{"shared from paid", shared(redHat()), from(public, redHat()), region, pricing.SharedFromPaid, "operatingSystemLicence=299.808", pricing.Observed, "sourcePublic"},
		{"shared from Marketplace", shared(ubuntu()), from(market, ubuntu()), region, pricing.SharedFromMarketplace, "operatingSystemLicence=0 marketplaceSoftware=unknown: notAsked", pricing.Observed, "sourceMarketplace"},
		{"shared import with Aliyun licence", licensed(shared(windows()), "Aliyun"), from(imported, windows()), "cn-hongkong", pricing.SharedFromPaid, "operatingSystemLicence=unknown: windowsByInstanceType", pricing.Observed, "importPassedOn"},
		{"shared import with its own licence", licensed(shared(windows()), "BYOL"), from(imported, windows()), "cn-hongkong", pricing.SharedFromFree, "operatingSystemLicence=0", pricing.Observed, "importPassedOn"},
		{"community from free", community(ubuntu()), from(public, ubuntu()), region, pricing.CommunityFromFree, "operatingSystemLicence=0", pricing.Observed, "sourcePublic"},
		{"community from paid", community(suse()), from(public, suse()), region, pricing.CommunityFromPaid, "operatingSystemLicence=590.4", pricing.Observed, "sourcePublic"},
		{"community from Marketplace", community(redHat()), from(market, redHat()), region, pricing.CommunityFromMarketplace, "operatingSystemLicence=299.808 marketplaceSoftware=unknown: notAsked", pricing.Observed, "sourceMarketplace"},
		{"Marketplace of a free system", product(of(image.KindMarketplace, ubuntu())), pricing.Source{}, region, pricing.Marketplace, "operatingSystemLicence=0 marketplaceSoftware=unknown: notAsked", pricing.Observed, "isSource"},
		{"Marketplace of a paid system", product(of(image.KindMarketplace, redHat())), pricing.Source{}, region, pricing.Marketplace, "operatingSystemLicence=299.808 marketplaceSoftware=unknown: notAsked", pricing.Observed, "isSource"},
	}
}

func brokenRows() []row {
	const store, region = " snapshotStorage=4.8", "cn-hangzhou"
	broken := pricing.Source{Kind: pricing.SourceUnknown, Broken: &image.Reason{Code: "diskReleased", Sentence: "the source disk was released"}}
	away := pricing.Source{Kind: pricing.SourceAccount, Account: "2", OS: ubuntu()}
	custom := func(os pricing.OS) image.Image { return of(image.KindCustom, os) }
	return []row{
		{"broken chain of Red Hat", custom(redHat()), broken, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided" + store, pricing.Fallback, "mayBeByol"},
		{"broken chain of Ubuntu", custom(ubuntu()), broken, region, pricing.CustomFromFree, "operatingSystemLicence=0" + store, pricing.Fallback, "diskReleased"},
		{"broken chain of Windows in the mainland", custom(windows()), broken, region, pricing.CustomFromFree, "operatingSystemLicence=0" + store, pricing.Fallback, "windowsInMainland"},
		{"broken chain of Windows abroad", custom(windows()), broken, "us-west-1", pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided snapshotStorage=unknown: noRateForRegion", pricing.Fallback, "licenceTypeNotKnown"},
		{"broken chain with a product code", product(custom(redHat())), broken, region, pricing.CustomFromMarketplace, "operatingSystemLicence=299.808 marketplaceSoftware=unknown: notAsked" + store, pricing.Fallback, "productCode"},
		{"broken chain of an unlisted system", custom(pricing.OS{Type: image.Linux, Platform: "Customized Linux"}), broken, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided" + store, pricing.Fallback, "sourceNotFound"},
		{"broken chain of no system", custom(pricing.OS{}), broken, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided" + store, pricing.Fallback, "systemNotNamed"},
		{"chain into another account", of(image.KindShared, redHat()), away, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided", pricing.Fallback, "sourceOtherAccount"},
		{"image of no kind", of("", redHat()), broken, region, pricing.UnknownSource, "operatingSystemLicence=unknown: licenceNotDecided snapshotStorage=unknown: snapshotsNotRead", pricing.Fallback, "kindNotGiven"},
	}
}

func product(i image.Image) image.Image {
	i.ProductCode = "cmjj01"
	return i
}

func licensed(i image.Image, licence string) image.Image {
	i.LicenseType = licence
	return i
}

// disputing is an import whose source has a licence type of its own.
func disputing(licence string) pricing.Source {
	s := from(pricing.SourceImport, windows())
	s.LicenseType = licence
	return s
}

func fromObject(i image.Image) image.Image {
	i.Disks[0].ImportBucket, i.Disks[0].ImportObject = "images", "rhel.qcow2"
	return i
}

func rows() []row {
	return append(append(append(paidRows(), customRows()...), foreignRows()...), brokenRows()...)
}

func TestEveryRowOfTheOverview(t *testing.T) {
	t.Parallel()
	seen := map[pricing.RuleCode]bool{}
	for _, c := range rows() {
		seen[c.code] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			quote := price(t, in(ask(c.image, c.source), c.region))
			if quote.Rule.Code != c.code || quote.Rule.Sure != c.sure {
				t.Errorf("rule %s (%s), want %s (%s)", quote.Rule.Code, quote.Rule.Sure, c.code, c.sure)
			}
			if got := show(quote); got != c.lines {
				t.Errorf("lines %s\nwant  %s", got, c.lines)
			}
			if !hasReason(quote.Rule.Evidence, c.because) {
				t.Errorf("evidence %v lacks %s", quote.Rule.Evidence, c.because)
			}
			payers(t, quote)
			golden(t, c.name, quote)
		})
	}
	for _, code := range pricing.RuleCodes() {
		if !seen[code] {
			t.Errorf("no case for rule %s", code)
		}
		if pricing.RuleOf(code).Sentence == "" || code != pricing.UnknownSource && pricing.RuleOf(code).Sentence == pricing.RuleOf(pricing.UnknownSource).Sentence {
			t.Errorf("no sentence for rule %s", code)
		}
	}
}

// payers: licences and software by the instance owner, snapshots by the image owner.
func payers(t *testing.T, q pricing.Quote) {
	t.Helper()
	for _, l := range q.Lines {
		want := pricing.InstanceOwner
		if l.Item == pricing.SnapshotStorage {
			want = pricing.ImageOwner
		}
		if l.Payer != want || l.Rule.Code != q.Rule.Code {
			t.Errorf("%s is paid by %s under %s", l.Item, l.Payer, l.Rule.Code)
		}
	}
}

func TestMainlandIsAList(t *testing.T) {
	t.Parallel()
	for region, want := range map[image.RegionID]image.Tri{
		"cn-hangzhou": image.Yes, "cn-shanghai-finance-1": image.Yes, "cn-hongkong": image.No,
		"ap-southeast-1": image.No, "us-east-1": image.No, "cn-newcity": image.Unknown, "": image.Unknown,
	} {
		if got := pricing.Mainland(region); got != want {
			t.Errorf("%q: got %v, want %v", region, got, want)
		}
	}
}

func TestProductOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		os   pricing.OS
		want pricing.Product
	}{
		{redHat(), pricing.RHEL},
		{redHatSAP(), pricing.RHELForSAP},
		{pricing.OS{Platform: "Red Hat", Name: "Red Hat Enterprise Linux 7.9 with ELS 64 bit"}, pricing.RHELWithELS},
		{suse(), pricing.SUSE},
		{suseSAP(), pricing.SUSEForSAP},
		{pricing.OS{Platform: "OpenSUSE", Name: "openSUSE Leap 15.4 64 bit"}, pricing.ProductFree},
		{linuxPro(), pricing.AlibabaLinuxPro},
		{pricing.OS{Platform: "Aliyun", Name: "Alibaba Cloud Linux 3.2104 LTS 64 bit"}, pricing.ProductFree},
		{pricing.OS{Platform: "Aliyun", Name: "Alibaba Cloud Linux 3 Professional profile"}, pricing.ProductFree},
		{windows(), pricing.WindowsServer},
		{pricing.OS{Type: image.Windows}, pricing.WindowsServer},
		{pricing.OS{Type: image.Linux, Platform: "Windows Server 2022"}, pricing.ProductDisputed},
		{pricing.OS{Platform: "CentOS", Name: "Red Hat Enterprise Linux 8"}, pricing.ProductDisputed},
		{pricing.OS{Platform: "openSUSE", Name: "SUSE Linux Enterprise Server 15 SP5 64 bit"}, pricing.ProductDisputed},
		{pricing.OS{Platform: "Ubuntu", Name: "Windows Server 2022 Datacenter 64 bit"}, pricing.ProductDisputed},
		{pricing.OS{Platform: "Aliyun", Name: "CentOS 7.9 64 bit"}, pricing.ProductDisputed},
		{pricing.OS{Platform: "Others Linux", Name: "Red Hat Enterprise Linux 8"}, pricing.RHEL},
		{pricing.OS{Platform: "Kylin", Name: "Kylin V10"}, pricing.ProductUnknown},
		{pricing.OS{}, pricing.ProductUnknown},
	} {
		if got := pricing.ProductOf(c.os); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.os, got, c.want)
		}
	}
}

func TestBadQuestionsNameTheField(t *testing.T) {
	t.Parallel()
	good := ask(of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu()))
	sub := func(q *pricing.Question, period int, unit pricing.Unit) {
		q.Duration, q.Charge = pricing.Number{}, pricing.Charge{Method: pricing.Subscription, Period: period, PeriodUnit: unit}
	}
	for _, c := range []struct {
		field  string
		change func(*pricing.Question)
	}{
		{"site", func(q *pricing.Question) { q.Site = "" }},
		{"vcpus", func(q *pricing.Question) { q.Instance.VCPUs = -1 }},
		{"charge", func(q *pricing.Question) { q.Charge.Method = "" }},
		{"seconds", func(q *pricing.Question) { q.Duration = pricing.Number{} }},
		{"seconds", func(q *pricing.Question) { q.Duration = pricing.Whole(-1) }},
		{"seconds", func(q *pricing.Question) {
			q.Charge = pricing.Charge{Method: pricing.Subscription, Period: 1, PeriodUnit: pricing.Month}
		}},
		{"period", func(q *pricing.Question) { q.Charge.Period = 1 }},
		{"period", func(q *pricing.Question) { sub(q, 10, pricing.Month) }},
		{"period", func(q *pricing.Question) { sub(q, 0, pricing.Year) }},
		{"period", func(q *pricing.Question) { sub(q, 5, pricing.Week) }},
		{"periodUnit", func(q *pricing.Question) { sub(q, 1, pricing.Hour) }},
		{"refunded", func(q *pricing.Question) { q.Charge.Refunded = true }},
		{"stoppedMode", func(q *pricing.Question) { q.Charge.StoppedMode = "Off" }},
		{"stoppedHours", func(q *pricing.Question) { q.Charge.Stopped = pricing.Hours(pricing.Whole(721)) }},
		{"stoppedHours", func(q *pricing.Question) { sub(q, 1, pricing.Month); q.Charge.Stopped = pricing.Whole(1) }},
		{"gbBytes", func(q *pricing.Question) { q.Storage.GBBytes = -1 }},
		{"to", func(q *pricing.Question) { q.Storage.From = good.Image.CreatedAt.Add(1) }},
		{"snapshots", func(q *pricing.Question) { q.Storage.Snapshots = []pricing.Snapshot{{FullBytes: -1}} }},
		{"chains", func(q *pricing.Question) { q.Storage.Chains = []pricing.Chain{{TotalBytes: -1}} }},
		{"preheat", func(q *pricing.Question) { q.Storage.Preheat = &pricing.Preheat{} }},
		{"for", func(q *pricing.Question) { q.For = "delete" }},
		{"to", func(q *pricing.Question) { q.For = pricing.Copy }},
		{"replaced", func(q *pricing.Question) { q.For = pricing.Replace }},
		{"objectBytes", func(q *pricing.Question) { q.Task.ObjectBytes = -1 }},
		{"diskGiBs", func(q *pricing.Question) { q.Task.DiskGiBs = []int{0} }},
		{"diskGiBs", func(q *pricing.Question) { q.Task.DiskGiBs = make([]int, 18) }},
		{"seconds", func(q *pricing.Question) { q.Duration = pricing.Whole(1 << 60) }},
		{"snapshots", func(q *pricing.Question) { q.Storage.Snapshots = []pricing.Snapshot{{DiskGiB: 1 << 40}} }},
	} {
		q := good
		c.change(&q)
		_, err := pricing.Price(q, pricing.Published())
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != c.field {
			t.Errorf("want an invalid %s, got %v", c.field, err)
		}
	}
}
