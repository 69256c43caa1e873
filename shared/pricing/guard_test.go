package pricing_test

import (
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// Facts 1.3 and 1.4: durations.
func TestDurationGuards(t *testing.T) {
	t.Parallel()
	red := func(seconds int64) pricing.Question {
		q := licensedOn(redHat(), 4, "1")
		q.Duration = pricing.Whole(seconds)
		return q
	}
	with := func(q pricing.Question, change func(*pricing.Question)) pricing.Question {
		change(&q)
		return q
	}
	for _, c := range []struct {
		name    string
		q       pricing.Question
		want    string
		because string
	}{
		{"by the second, no minimum", red(1), "347/3000000", ""},
		{"90 seconds", red(90), "0.01041", ""},
		{"nothing for no time", red(0), "0", ""},
		{"spot at the pay-as-you-go licence", with(red(3600), func(q *pricing.Question) { q.Charge.Method = pricing.Spot }), "0.4164", "spotLicenceOnTop"},
		{"burstable like any", with(red(3600), func(q *pricing.Question) { q.Instance.Burstable = true }), "0.4164", "burstableNotDocumented"},
		{"economical mode", with(red(7200), func(q *pricing.Question) { q.Charge.Stopped = pricing.Whole(3600) }), "0.4164..0.8328", "economicalMode"},
		{"always in economical mode", with(red(7200), func(q *pricing.Question) { q.Charge.Stopped = pricing.Whole(7200) }), "0..0.8328", "economicalMode"},
		{"stopped in standard mode", with(red(7200), func(q *pricing.Question) {
			q.Charge.Stopped, q.Charge.StoppedMode = pricing.Whole(3600), pricing.KeepCharging
		}), "0.8328", "stoppedStandardMode"},
		{"subscription", subscribed(red(0), 1, pricing.Month), "281.72", ""},
		{"subscription given back early", with(subscribed(red(0), 1, pricing.Month), func(q *pricing.Question) { q.Charge.Refunded = true }), "unknown: refundNotCalculable", ""},
		{"no instance", with(red(3600), func(q *pricing.Question) { q.Instance = pricing.Instance{None: true} }), "0", "noInstance"},
	} {
		l := lineOf(t, price(t, c.q), pricing.OperatingSystemLicence)
		if worth(l) != c.want || (c.because != "" && !hasReason(l.Reasons, c.because)) {
			t.Errorf("%s: got %s %v, want %s %s", c.name, worth(l), l.Reasons, c.want, c.because)
		}
	}
	if quote := price(t, subscribed(red(0), 1, pricing.Month)); !hasReason(quote.Notes, "imageUnusableAfterExpiry") || !hasReason(quote.Notes, "cannotBecomePayAsYouGo") {
		t.Errorf("notes of a subscription: %v", quote.Notes)
	}
}

func TestStorageGoesOnWhileStopped(t *testing.T) {
	t.Parallel()
	q := stored(func(q *pricing.Question) { q.Charge.Stopped = q.Duration })
	if got := worth(lineOf(t, price(t, q), pricing.SnapshotStorage)); got != "4.8" {
		t.Errorf("snapshots are charged while the instance is stopped: %s", got)
	}
}

// Facts 1.5.
func TestSavingsPlanNote(t *testing.T) {
	t.Parallel()
	q := in(ask(of(image.KindPublic, windows()), pricing.Source{}), "cn-hongkong")
	if l := lineOf(t, price(t, q), pricing.OperatingSystemLicence); !hasReason(l.Reasons, "savingsPlanMayOffset") {
		t.Errorf("reasons %v", l.Reasons)
	}
}

// replacing is Ubuntu (or another system) giving way to an image.
func replacing(was image.Image, now pricing.Question) pricing.Question {
	now.For = pricing.Replace
	source := from(pricing.SourcePublic, pricing.OSOf(was))
	if was.ProductCode != "" {
		source.Kind = pricing.SourceMarketplace
	}
	now.Task.Replaced = &pricing.Replaced{Image: was, Source: source, DiskGiB: 40}
	return now
}

func public(os pricing.OS) image.Image { return of(image.KindPublic, os) }

// Facts 1.6.
func TestReplaceGuards(t *testing.T) {
	t.Parallel()
	hour := func(os pricing.OS) pricing.Question { return licensedOn(os, 4, "1") }
	month := func(q pricing.Question) pricing.Question { return subscribed(q, 1, pricing.Month) }
	market := ask(product(of(image.KindMarketplace, ubuntu())), pricing.Source{})
	for _, c := range []struct {
		name  string
		q     pricing.Question
		lines string
		note  string
	}{
		{"free to free", replacing(public(ubuntu()), hour(ubuntu())), "operatingSystemLicence=0 systemDiskReplacement=0", ""},
		{"paid to free", replacing(public(redHat()), hour(ubuntu())), "operatingSystemLicence=0 systemDiskReplacement=0", "licenceStopsAtReplacement"},
		{"free to paid", replacing(public(ubuntu()), hour(redHat())), "operatingSystemLicence=0.4164 systemDiskReplacement=0", "licenceStartsAtReplacement"},
		{"paid to paid", replacing(public(suse()), hour(redHat())), "operatingSystemLicence=0.4164 systemDiskReplacement=0", "licenceStopsAtReplacement"},
		{"subscription to paid", replacing(public(ubuntu()), month(hour(redHat()))), "operatingSystemLicence=281.72 systemDiskReplacement=0 licenceAdjustment=unknown: refundRuleNotFound", "imageUnusableAfterExpiry"},
		{"subscription from paid", replacing(public(redHat()), month(hour(ubuntu()))), "operatingSystemLicence=0 systemDiskReplacement=0 licenceAdjustment=unknown: refundRuleNotFound", ""},
		{"subscription of free ones", replacing(public(ubuntu()), month(hour(ubuntu()))), "operatingSystemLicence=0 systemDiskReplacement=0", ""},
		{"same product", replacing(product(of(image.KindMarketplace, ubuntu())), market), "operatingSystemLicence=0 marketplaceSoftware=unknown: notAsked systemDiskReplacement=0 marketplaceChange=0", ""},
		{"same product, subscription", replacing(product(of(image.KindMarketplace, ubuntu())), month(market)), "operatingSystemLicence=0 marketplaceSoftware=0 systemDiskReplacement=0 marketplaceChange=0", ""},
		{"into a product, subscription", replacing(public(ubuntu()), month(market)), "operatingSystemLicence=0 marketplaceSoftware=unknown: remainingTerm systemDiskReplacement=0", ""},
		{"away from a product, subscription", replacing(product(of(image.KindMarketplace, ubuntu())), month(hour(ubuntu()))), "operatingSystemLicence=0 systemDiskReplacement=0 marketplaceRefund=unknown: refundByVendor", ""},
		{"away from a product, by the hour", replacing(product(of(image.KindMarketplace, ubuntu())), hour(ubuntu())), "operatingSystemLicence=0 systemDiskReplacement=0", ""},
	} {
		quote := price(t, c.q)
		if got := show(quote); got != c.lines || (c.note != "" && !hasReason(quote.Notes, c.note)) {
			t.Errorf("%s: got %s %v\nwant %s %s", c.name, got, quote.Notes, c.lines, c.note)
		}
		golden(t, "replace "+c.name, quote)
	}
}

func TestReplaceDiskGrowth(t *testing.T) {
	t.Parallel()
	q := replacing(public(ubuntu()), licensedOn(ubuntu(), 4, "720"))
	q.Task.Replaced.NewDiskGiB = 100
	if got := worth(lineOf(t, price(t, q), pricing.SystemDiskGrowth)); got != "unknown: diskNotPriced" {
		t.Errorf("a larger disk: %s", got)
	}
	rates := negotiated(t, `{"rates":[{"item":"systemDiskGrowth","basis":"perGb","unit":"month","price":"0.35","currency":"CNY"}]}`)
	if got := worth(lineOf(t, priceAt(t, q, rates), pricing.SystemDiskGrowth)); got != "21" {
		t.Errorf("a larger disk at a negotiated rate: %s", got)
	}
	q.Task.Replaced.DiskGiB = 0
	if got := worth(lineOf(t, price(t, q), pricing.SystemDiskGrowth)); got != "unknown: diskSizeNotKnown" {
		t.Errorf("a disk of unknown size: %s", got)
	}
}

func TestReplaceFindings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		q       pricing.Question
		finding string
		fatal   bool
	}{
		{"across systems abroad", in(replacing(public(windows()), licensedOn(ubuntu(), 4, "1")), "us-west-1"), "acrossSystemTypes", true},
		{"across systems in Hong Kong", in(replacing(public(ubuntu()), licensedOn(windows(), 4, "1")), "cn-hongkong"), "acrossSystemTypes", true},
		{"across systems in an unlisted region", in(replacing(public(windows()), licensedOn(ubuntu(), 4, "1")), "cn-newcity"), "regionNotListed", false},
		{"unknown system abroad", in(replacing(public(pricing.OS{}), licensedOn(ubuntu(), 4, "1")), "us-west-1"), "systemTypeNotKnown", false},
		{"Alibaba Cloud Linux 3 Pro", replacing(public(linuxPro()), licensedOn(ubuntu(), 4, "1")), "alibabaLinux3ProNotReplaced", true},
	} {
		quote := price(t, c.q)
		if !hasFinding(quote, c.finding, c.fatal) || (c.fatal && quote.Total != nil) {
			t.Errorf("%s: findings %v, total %v", c.name, quote.Findings, quote.Total)
		}
	}
	// Version 2.1903 is not version 3, though there is a 3 in its name.
	two := pricing.OS{Type: image.Linux, Platform: "Aliyun", Name: "Alibaba Cloud Linux  2.1903 LTS 64 bit Pro"}
	if quote := price(t, replacing(public(two), licensedOn(ubuntu(), 4, "1"))); pricing.ProductOf(two) != pricing.AlibabaLinuxPro || len(quote.Findings) != 0 {
		t.Errorf("Alibaba Cloud Linux 2 Pro: %s, findings %v", pricing.ProductOf(two), quote.Findings)
	}
	if quote := price(t, replacing(public(windows()), licensedOn(ubuntu(), 4, "1"))); len(quote.Findings) != 0 || quote.Total == nil {
		t.Errorf("in the mainland systems replace each other: %v", quote.Findings)
	}
}

// Facts 4: what operations cost.
func TestOperations(t *testing.T) {
	t.Parallel()
	op := func(o pricing.Operation, change func(*pricing.Question)) pricing.Question {
		return stored(func(q *pricing.Question) { q.For = o; change(q) })
	}
	to := func(r image.RegionID) func(*pricing.Question) {
		return func(q *pricing.Question) { q.Task.To = r }
	}
	for _, c := range []struct {
		name  string
		q     pricing.Question
		lines string
	}{
		{"create", op(pricing.Create, func(*pricing.Question) {}), "snapshotStorage=0..4.8"},
		{"create from two disks", op(pricing.Create, func(q *pricing.Question) { q.Task.DiskGiBs = []int{40, 100} }), "snapshotStorage=0..16.8"},
		{"copy", op(pricing.Copy, to("cn-qingdao")), "transfer=0 snapshotStorage=0..4.8"},
		{"first copy", op(pricing.Copy, func(q *pricing.Question) { q.Task.To, q.Task.First = "cn-qingdao", image.Yes }), "transfer=0 snapshotStorage=4.8"},
		{"encrypted copy", op(pricing.Copy, func(q *pricing.Question) {
			q.Task.To, q.Task.Encrypt, q.Task.OwnKey = "cn-qingdao", true, true
			q.Storage = chainOfOne(10)
		}), "transfer=0 snapshotStorage=4.8 keyManagement=unknown: keyManagementNotPriced"},
		{"copy to a region without rate", op(pricing.Copy, to("us-west-1")), "transfer=0 snapshotStorage=unknown: noRateForRegion"},
		{"copy a snapshot", op(pricing.CopySnapshots, func(q *pricing.Question) { q.Task.To, q.Task.First = "cn-qingdao", image.Yes }), "snapshotCopy=20 snapshotStorage=4.8"},
		{"copy a snapshot again", op(pricing.CopySnapshots, to("cn-qingdao")), "snapshotCopy=0..20 snapshotStorage=0..4.8"},
		{"copy a snapshot elsewhere", op(pricing.CopySnapshots, to("cn-beijing")), "snapshotCopy=unknown: noRateForRegion snapshotStorage=unknown: noRateForRegion"},
		{"copy a snapshot within the region", op(pricing.CopySnapshots, to("cn-hangzhou")), "snapshotCopy=0 snapshotStorage=0..4.8"},
		{"import", op(pricing.Import, func(*pricing.Question) {}), "snapshotStorage=0..4.8 ossStorage=unknown: noRate ossTraffic=unknown: noRate ossRequests=unknown: requestsNotCounted"},
		{"export", op(pricing.Export, func(*pricing.Question) {}), "ossStorage=unknown: noRate ossTraffic=unknown: noRate ossRequests=unknown: requestsNotCounted"},
	} {
		quote := price(t, c.q)
		base := show(price(t, func() pricing.Question { q := c.q; q.For = ""; return q }()))
		if got, want := show(quote), base+" "+c.lines; got != want {
			t.Errorf("%s: got %s\nwant %s", c.name, got, want)
		}
		golden(t, "for "+c.name, quote)
	}
}

func TestOperationFindings(t *testing.T) {
	t.Parallel()
	archive := stored(func(q *pricing.Question) {
		q.For, q.Task.To = pricing.CopySnapshots, "cn-qingdao"
		q.Storage.Snapshots[0].Category = pricing.Archive
	})
	if quote := price(t, archive); !hasFinding(quote, "archiveCannotBeCopied", true) || quote.Total != nil {
		t.Errorf("archive: %v", quote.Findings)
	}
	market := stored(func(q *pricing.Question) { q.For, q.Image.ProductCode = pricing.Export, "cmjj01" })
	if quote := price(t, market); !hasFinding(quote, "marketplaceNotExported", true) {
		t.Errorf("marketplace: %v", quote.Findings)
	}
	win := ask(of(image.KindCustom, windows()), from(pricing.SourcePublic, windows()))
	win.For = pricing.Export
	if quote := price(t, win); !hasFinding(quote, "windowsNotExported", true) {
		t.Errorf("windows: %v", quote.Findings)
	}
	does := func(kind image.Kind, op pricing.Operation, to image.RegionID) pricing.Question {
		q := stored(func(q *pricing.Question) { q.For, q.Task.To, q.Image.Kind = op, to, kind })
		return q
	}
	encrypt := func(q pricing.Question) pricing.Question { q.Task.Encrypt = true; return q }
	sealed := does(image.KindCustom, pricing.Export, "")
	sealed.Image.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.Yes}}
	published := does(image.KindCustom, pricing.Copy, "cn-qingdao")
	published.Image.Published = true
	const other, own = image.RegionID("cn-qingdao"), image.RegionID("cn-hangzhou")
	for _, c := range []struct {
		name, code string
		q          pricing.Question
	}{
		{"copy a public image", "notCopied", does(image.KindPublic, pricing.Copy, other)},
		{"copy a Marketplace image", "notCopied", does(image.KindMarketplace, pricing.Copy, other)},
		{"copy a community image", "communityNotCopied", does(image.KindCommunity, pricing.Copy, other)},
		{"copy one's own community image", "communityNotCopied", published},
		{"copy a shared image away", "sharedCopiedWithinRegion", does(image.KindShared, pricing.Copy, other)},
		{"copy a shared image here", "", does(image.KindShared, pricing.Copy, own)},
		{"copy to where it is", "copiedToItsRegion", does(image.KindCustom, pricing.Copy, own)},
		{"encrypt where it is", "", encrypt(does(image.KindCustom, pricing.Copy, own))},
		{"copy another's snapshots", "snapshotsOfOthers", does(image.KindShared, pricing.CopySnapshots, other)},
		{"export a public image", "notExported", does(image.KindPublic, pricing.Export, "")},
		{"export a shared image", "notExported", does(image.KindShared, pricing.Export, "")},
		{"export an encrypted image", "encryptedNotExported", sealed},
		{"export", "", does(image.KindCustom, pricing.Export, "")},
	} {
		quote := price(t, c.q)
		if c.code == "" && len(quote.Findings) > 0 || c.code != "" && (!hasFinding(quote, c.code, true) || quote.Total != nil) {
			t.Errorf("%s: %v, total %v", c.name, quote.Findings, quote.Total)
		}
	}
}

// TestWhatDoesNotRunHasNoTotal: a type that the image does not run on.
func TestWhatDoesNotRunHasNoTotal(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ImageNotSupportInstanceType", "InvalidInstanceType.NotSupported", "InvalidParameter.Conflict", "PriceNotFound"} {
		q := licensedOn(redHat(), 4, "1")
		why := pricing.Refused(code)
		q.Observed.Refusal = &why
		runs := code == "PriceNotFound"
		if quote := price(t, q); hasFinding(quote, "doesNotRunOnType", true) == runs || (quote.Total != nil) != runs {
			t.Errorf("%s: %v, total %v", code, quote.Findings, quote.Total)
		}
	}
}

func TestOSSRatesCanBeGiven(t *testing.T) {
	t.Parallel()
	rates := negotiated(t, `{"rates":[
		{"item":"ossStorage","basis":"perGb","unit":"month","price":"0.12","currency":"CNY"},
		{"item":"ossTraffic","basis":"perGb","unit":"once","price":"0.5","currency":"CNY","regionId":"cn-hangzhou"}]}`)
	q := stored(func(q *pricing.Question) { q.For, q.Task.ObjectBytes = pricing.Export, 10<<30 })
	quote := priceAt(t, q, rates)
	if a, b := worth(lineOf(t, quote, pricing.OSSStorage)), worth(lineOf(t, quote, pricing.OSSTraffic)); a != "1.2" || b != "5" {
		t.Errorf("got %s and %s", a, b)
	}
}

func negotiated(t testing.TB, text string) pricing.Rates {
	t.Helper()
	overlay, err := pricing.ParseNegotiated(text)
	if err != nil {
		t.Fatal(err)
	}
	return pricing.Published().With(overlay)
}
