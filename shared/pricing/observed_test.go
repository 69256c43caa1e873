package pricing_test

import (
	"math/big"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

func observed(q pricing.Question, o pricing.ObservedPrices) pricing.Question {
	q.Observed = o
	return q
}

func abroad(os pricing.OS) pricing.Question {
	return in(licensedOn(os, 4, "720"), "ap-southeast-1")
}

func TestLicenceByDescribePrice(t *testing.T) {
	t.Parallel()
	broken := ask(of(image.KindCustom, redHat()), pricing.Source{Kind: pricing.SourceUnknown})
	freeFallback := ask(of(image.KindCustom, ubuntu()), pricing.Source{Kind: pricing.SourceUnknown})
	other := answers("1.5", "0")
	other.With.InstanceType = "ecs.g7.large"
	dollars := answers("1.5", "0")
	dollars.Free.Currency = money.USD
	spot := answers("1.5", "0")
	spot.With.Spot = true
	noRow := answers("1.5", "0")
	noRow.Free.Rows = noRow.Free.Rows[1:]
	for _, c := range []struct {
		name    string
		q       pricing.Question
		want    string
		because string
	}{
		{"in the image row", observed(abroad(windows()), answers("1", "0.5")), "360", "licenceInImageRow"},
		{"inside the instance type row", observed(abroad(windows()), answers("1.5", "0")), "360", "licenceInInstanceTypeRow"},
		{"no image row at all", observed(abroad(windows()), answers("1.5", "")), "360", "licenceInInstanceTypeRow"},
		{"half and half", observed(abroad(windows()), answers("1.2", "0.3")), "360", "licenceInImageRow"},
		{"before the published rate", observed(licensedOn(redHat(), 4, "720"), answers("1.4", "0")), "288", "publishedDiffers"},
		{"as the published rate", observed(licensedOn(redHat(), 4, "720"), answers("1", "0.4164")), "299.808", "licenceInImageRow"},
		{"0 for paid", observed(licensedOn(redHat(), 4, "720"), answers("1", "0")), "unknown: answerZeroForPaid", ""},
		{"0 for paid without rate", observed(abroad(windows()), answers("1", "0")), "unknown: answerZeroForPaid", ""},
		{"free and 0", observed(licensedOn(ubuntu(), 4, "720"), answers("1", "0")), "0", ""},
		{"free and not 0", observed(licensedOn(ubuntu(), 4, "720"), answers("1", "0.5")), "unknown: answerContradictsRule", ""},
		{"free by fallback and not 0", observed(freeFallback, answers("1", "0.5")), "360", "answerOutweighsFallback"},
		{"unknown source", observed(broken, answers("1", "0.5")), "360", "answerOnly"},
		{"unknown source and 0", observed(broken, answers("1", "0")), "0", "answerOnly"},
		{"less than the free image", observed(abroad(windows()), answers("0.9", "0")), "unknown: negativeDifference,windowsByInstanceType", ""},
		{"two instance types", observed(abroad(windows()), other), "unknown: answersDoNotCompare,windowsByInstanceType", ""},
		{"two currencies", observed(abroad(windows()), dollars), "unknown: currencyContradictsSite,windowsByInstanceType", ""},
		{"spot prices", observed(abroad(windows()), spot), "unknown: spotAnswersDoNotCompare,windowsByInstanceType", ""},
		{"no instance type row", observed(abroad(windows()), noRow), "unknown: rowsMissing,windowsByInstanceType", ""},
		{"for another term", observed(subscribed(abroad(windows()), 1, pricing.Month), answers("1.5", "0")), "unknown: answerForAnotherTerm,windowsByInstanceType", ""},
		{"only one answer", observed(abroad(windows()), pricing.ObservedPrices{With: answer("1.5", "0")}), "unknown: windowsByInstanceType", ""},
		{"refused", observed(abroad(windows()), refused("PriceNotFound")), "unknown: PriceNotFound,windowsByInstanceType", ""},
		{"refused, but published", observed(licensedOn(redHat(), 4, "720"), refused("Forbidden.RAM")), "299.808", "Forbidden.RAM"},
		{"refused and source unknown", observed(broken, refused("ImageNotSubscribed")), "unknown: licenceNotDecided,ImageNotSubscribed", ""},
	} {
		l := lineOf(t, price(t, c.q), pricing.OperatingSystemLicence)
		if worth(l) != c.want || (c.because != "" && !hasReason(l.Reasons, c.because)) {
			t.Errorf("%s: got %s %v, want %s %s", c.name, worth(l), l.Reasons, c.want, c.because)
		}
		if quote := price(t, c.q); quote.Observed == nil {
			t.Errorf("%s: the answers are not reported", c.name)
		}
	}
}

func refused(code string) pricing.ObservedPrices {
	why := pricing.Refused(code)
	return pricing.ObservedPrices{Refusal: &why}
}

func TestAnswersForAPeriod(t *testing.T) {
	t.Parallel()
	q := subscribed(abroad(windows()), 3, pricing.Month)
	o := answers("900", "300")
	for _, a := range []*pricing.PriceAnswer{o.With, o.Free} {
		a.Unit, a.Period = pricing.Month, 3
	}
	o.Free.Rows[0].Trade = number("900")
	l := lineOf(t, price(t, observed(q, o)), pricing.OperatingSystemLicence)
	if worth(l) != "300" || l.Unit != "instance-term" || l.Quantity.String() != "1" {
		t.Errorf("the answer is for the whole period: %s %s %s", worth(l), l.Quantity, l.Unit)
	}
}

// priced returns answers with a Marketplace price, which is in the image row or
// beside the rows; tradePrice holds it or not. No reading may change the quote.
func priced(market, licence string, inRows, inTrade bool) pricing.ObservedPrices {
	row := ratio(licence)
	if inRows {
		row.Add(row, ratio(market))
	}
	o := answers("1", row.RatString())
	o.With.Marketplace = number(market)
	trade := new(big.Rat).Add(ratio("1.05"), row)
	if inTrade && !inRows {
		trade.Add(trade, ratio(market))
	}
	o.With.Trade = pricing.NumberOf(trade)
	return o
}

func TestMarketplacePriceInsideOrBeside(t *testing.T) {
	t.Parallel()
	free := product(of(image.KindMarketplace, ubuntu()))
	paid := product(of(image.KindMarketplace, redHat()))
	for _, inRows := range []bool{false, true} {
		for _, inTrade := range []bool{false, true} {
			for _, c := range []struct {
				image           image.Image
				market, licence string
				want            string
			}{
				{free, "0.8", "0", "operatingSystemLicence=0 marketplaceSoftware=576"},
				{paid, "0.8", "0.4164", "operatingSystemLicence=299.808 marketplaceSoftware=576"},
				{paid, "0.2", "0.4164", "operatingSystemLicence=299.808 marketplaceSoftware=144"},
			} {
				q := observed(ask(c.image, pricing.Source{}), priced(c.market, c.licence, inRows, inTrade))
				if got := show(price(t, q)); got != c.want {
					t.Errorf("in rows %v, in trade price %v: got %s, want %s", inRows, inTrade, got, c.want)
				}
			}
		}
	}
}

func TestMarketplacePriceThatCannotBeTold(t *testing.T) {
	t.Parallel()
	q := in(ask(product(of(image.KindMarketplace, windows())), pricing.Source{}), "us-west-1")
	got := show(price(t, observed(q, priced("0.2", "0.5", false, false))))
	if want := "operatingSystemLicence=unknown: marketplacePriceInRows,windowsByInstanceType marketplaceSoftware=144"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	free := ask(product(of(image.KindMarketplace, ubuntu())), pricing.Source{})
	got = show(price(t, observed(free, priced("0.2", "0.5", false, false))))
	if want := "operatingSystemLicence=unknown: answerContradictsRule marketplaceSoftware=144"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMarketplacePriceOfZero(t *testing.T) {
	t.Parallel()
	direct := ask(product(of(image.KindMarketplace, ubuntu())), pricing.Source{})
	derived := ask(product(of(image.KindCustom, ubuntu())), from(pricing.SourceMarketplace, ubuntu()))
	zero := answers("1", "0")
	zero.With.Marketplace = pricing.Whole(0)
	confirmed := zero
	confirmed.Source = zero.With
	for _, c := range []struct {
		name string
		q    pricing.Question
		want string
	}{
		{"a free product", observed(direct, zero), "0"},
		{"an image made from a product", observed(derived, zero), "unknown: answerZeroForPaid"},
		{"an image made from a free product", observed(derived, confirmed), "0"},
		{"no price", observed(derived, answers("1", "0")), "unknown: marketplacePriceMissing"},
		{"removed", observed(derived, refused("ImageRemovedInMarket")), "unknown: ImageRemovedInMarket"},
		{"holding only", func() pricing.Question { q := derived; q.Instance = pricing.Instance{None: true}; return q }(), "0"},
	} {
		if got := worth(lineOf(t, price(t, c.q), pricing.MarketplaceSoftware)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAsks(t *testing.T) {
	t.Parallel()
	free := of(image.KindPublic, ubuntu())
	free.ID, free.SizeGiB = "ubuntu.vhd", 20
	q := subscribed(ask(of(image.KindCustom, redHat()), pricing.Source{}), 2, pricing.Year)
	asks := q.Asks(free)
	if len(asks) != 2 || asks[0].Image != "m-bp1" || asks[1].Image != "ubuntu.vhd" {
		t.Fatalf("asks %v", asks)
	}
	asks[1].Image = asks[0].Image
	if asks[0] != asks[1] || asks[0].Unit != pricing.Year || asks[0].Period != 2 || asks[0].SystemDiskGiB != 40 {
		t.Errorf("the two calls differ in more than the image: %v", asks)
	}
	q.Instance.Type = ""
	if len(q.Asks(free)) != 0 {
		t.Error("without an instance type there is nothing to ask")
	}
}

func TestFreeLinux(t *testing.T) {
	t.Parallel()
	arm := of(image.KindPublic, ubuntu())
	arm.ID, arm.Architecture = "arm", image.ARM64
	old := of(image.KindPublic, ubuntu())
	old.ID = "b"
	same := old
	same.ID = "a"
	images := []image.Image{of(image.KindPublic, redHat()), of(image.KindCustom, ubuntu()), of(image.KindPublic, windows()), arm, old, same}
	if got, ok := pricing.FreeLinux(images, image.X86_64); !ok || got.ID != "a" {
		t.Errorf("got %v, %v", got.ID, ok)
	}
	if got, ok := pricing.FreeLinux(images, image.ARM64); !ok || got.ID != "arm" {
		t.Errorf("got %v, %v", got.ID, ok)
	}
	if got, ok := pricing.FreeLinux(images[:3], image.X86_64); ok {
		t.Errorf("got %v", got.ID)
	}
}

// That Marketplace software pauses in economical mode is not documented.
func TestMarketplaceInEconomicalMode(t *testing.T) {
	t.Parallel()
	q := observed(ask(product(of(image.KindMarketplace, redHat())), pricing.Source{}), priced("0.2", "0.4164", false, false))
	q.Charge.Stopped = pricing.Hours(pricing.Whole(220))
	if got, want := show(price(t, q)), "operatingSystemLicence=208.2..299.808 marketplaceSoftware=100..144"; got != want {
		t.Errorf("stopped for a part: got %s, want %s", got, want)
	}
	q.Charge.Stopped = q.Duration
	if got, want := show(price(t, q)), "operatingSystemLicence=0..299.808 marketplaceSoftware=0..144"; got != want {
		t.Errorf("stopped all the time: got %s, want %s", got, want)
	}
	q.Charge.StoppedMode = pricing.KeepCharging
	if got, want := show(price(t, q)), "operatingSystemLicence=299.808 marketplaceSoftware=144"; got != want {
		t.Errorf("stopped in standard mode: got %s, want %s", got, want)
	}
}
