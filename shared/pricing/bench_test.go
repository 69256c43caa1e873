package pricing_test

import (
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// BenchmarkPrice: a custom image from a paid one, licence and storage.
func BenchmarkPrice(b *testing.B) {
	q := ask(of(image.KindCustom, redHat()), from(pricing.SourcePublic, redHat()))
	rates := pricing.Published()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Price(q, rates); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "quotes/s")
}

// BenchmarkPriceObserved: the same with answers of DescribePrice.
func BenchmarkPriceObserved(b *testing.B) {
	q := observed(ask(of(image.KindCustom, redHat()), from(pricing.SourcePublic, redHat())), answers("1", "0.4164"))
	rates := pricing.Published()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Price(q, rates); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "quotes/s")
}

// BenchmarkJudge: the rule alone.
func BenchmarkJudge(b *testing.B) {
	i, s := of(image.KindCustom, redHat()), from(pricing.SourcePublic, redHat())
	b.ReportAllocs()
	for b.Loop() {
		if pricing.Judge(i, s, "cn-hangzhou").Code != pricing.CustomFromPaid {
			b.Fatal("another rule")
		}
	}
}
