package pricing_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

const us image.AccountID = "1000000000000001"

// reader is a cloud that charges what it is told to.
type reader struct {
	currency money.Currency
	// charges are hourly licences by image; software are Marketplace prices.
	charges, software map[image.ID]string
	refuses           error

	mu sync.Mutex
	// asked are the questions, each once: a survey remembers their answers.
	asked []image.PriceQuestion
}

func (d *reader) Images(_ context.Context, region image.RegionID, _ image.Listing) ([]image.Image, error) {
	free := of(image.KindPublic, ubuntu())
	free.ID, free.Region = "ubuntu_22_04_x64_20G_alibase_20260101.vhd", region
	return []image.Image{free}, nil
}

func (d *reader) Price(_ context.Context, _ image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	d.mu.Lock()
	if !slices.Contains(d.asked, q) {
		d.asked = append(d.asked, q)
	}
	d.mu.Unlock()
	if d.refuses != nil {
		return image.PriceAnswer{}, d.refuses
	}
	amount := func(text string) money.Amount {
		value, ok := new(big.Rat).SetString(text)
		if !ok {
			value = new(big.Rat)
		}
		return money.New(value, d.currency)
	}
	answer := image.PriceAnswer{Currency: d.currency, Trade: amount("2"), Rows: []image.PriceRow{
		{Resource: "instanceType", Trade: amount("1")}, {Resource: "image", Trade: amount(d.charges[q.Image])},
	}}
	if text, sold := d.software[q.Image]; sold {
		price := amount(text)
		answer.Marketplace = &price
	}
	return answer, nil
}

// hourly prices with a reader of the China site.
func hourly(d pricing.Reader) pricing.Hourly {
	return pricing.Hourly{
		Rates: pricing.Published(), Site: pricing.China, Now: time.Date(2026, 5, 27, 8, 0, 0, 0, time.UTC),
		Readers: map[image.AccountID]pricing.Reader{us: d},
	}
}

// subject is an image by id on 4 vCPUs.
func subject(id image.ID, i image.Image, s pricing.Source) pricing.Subject {
	i.ID = id
	return pricing.Subject{Image: i, Source: s, Instance: pricing.InstanceOf("ecs.g7.xlarge", 4), Account: us}
}

// told is a licence in short: rule, and amount or why there is none.
func told(l pricing.Licence) string {
	if l.Amount != nil {
		return string(l.Rule.Code) + " " + l.Amount.Exact()
	}
	var codes []string
	for _, why := range l.Unknown() {
		codes = append(codes, why.Code)
	}
	return string(l.Rule.Code) + " unknown: " + strings.Join(codes, ",")
}

func TestLicences(t *testing.T) {
	t.Parallel()
	nowhere := pricing.Source{Kind: pricing.SourceUnknown, Broken: &image.Reason{Code: "diskReleased", Sentence: "gone"}}
	product := func(i image.Image) image.Image { i.ProductCode = "cmjj01"; return i }
	d := &reader{currency: money.CNY, charges: map[image.ID]string{
		"m-paid-a": "0.4164", "m-lost-a": "0.4164", "m-odd-a": "3",
	}, software: map[image.ID]string{"m-market": "0.5", "m-made": "0.5"}}
	subjects := []pricing.Subject{
		subject("m-free", of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu())),
		subject("m-paid-a", of(image.KindCustom, redHat()), from(pricing.SourcePublic, redHat())),
		subject("m-paid-b", of(image.KindCustom, redHat()), from(pricing.SourcePublic, redHat())),
		subject("m-lost-a", of(image.KindCustom, redHat()), nowhere),
		subject("m-lost-b", of(image.KindCustom, redHat()), nowhere),
		subject("m-market", product(of(image.KindMarketplace, ubuntu())), pricing.Source{}),
		subject("m-made", product(of(image.KindCustom, ubuntu())), pricing.Source{
			Kind: pricing.SourceMarketplace, Image: "m-market", Region: "cn-hangzhou", OS: ubuntu(), ProductCode: "cmjj01", Sure: pricing.Observed,
		}),
		subject("m-odd-a", of(image.KindCustom, ubuntu()), nowhere),
		subject("m-odd-b", of(image.KindCustom, ubuntu()), nowhere),
	}
	out := hourly(d).Licences(t.Context(), subjects)
	for n, want := range []string{
		"customFromFree 0",
		"customFromPaid 0.4164", "customFromPaid 0.4164", // charged alike: one question
		"unknownSource 0.4164", "unknownSource 0", // each what DescribePrice answers for it
		"marketplace 0.5", "customFromMarketplace 0.5",
		"customFromFree 3", "customFromFree unknown: alikeIsCharged", // that one is charged proves nothing of the other
	} {
		if got := told(out.Of[n]); got != want {
			t.Errorf("%s: got %s, want %s", subjects[n].Image.ID, got, want)
		}
	}
	if out.Of[2].AskedFor != "m-paid-a" || out.Sites[us] != pricing.China || len(out.Unread) != 0 {
		t.Errorf("asked for %s, sites %v, unread %v", out.Of[2].AskedFor, out.Sites, out.Unread)
	}
	// One of those that are charged alike, one of each of the others, and the free one.
	if len(d.asked) != 8 {
		t.Errorf("%d questions: %+v", len(d.asked), d.asked)
	}
}

// TestLicencesOfMany: however many images there are, the questions to
// DescribePrice are bounded; beyond them the table decides, or nothing does.
func TestLicencesOfMany(t *testing.T) {
	t.Parallel()
	d := &reader{currency: money.CNY}
	lost := pricing.Source{Kind: pricing.SourceUnknown}
	var subjects []pricing.Subject
	for n := range 20_000 {
		i := of(image.KindCustom, []pricing.OS{ubuntu(), redHat(), suse()}[n%3])
		source := from(pricing.SourcePublic, pricing.OSOf(i))
		if n%100 == 1 {
			source = lost
		}
		i.Region = []image.RegionID{"cn-hangzhou", "us-west-1"}[n%2]
		subjects = append(subjects, subject(image.ID(fmt.Sprint("m-", n)), i, source))
	}
	d.refuses = fault.New(fault.Forbidden, "no").WithCode("Forbidden.RAM")
	out := hourly(d).Licences(t.Context(), subjects)
	if len(d.asked) > pricing.MostInquiries || len(out.Of) != len(subjects) || len(out.Unread) == 0 {
		t.Fatalf("%d calls, %d licences, %d unread", len(d.asked), len(out.Of), len(out.Unread))
	}
	d.refuses, d.asked = nil, nil
	again := hourly(d).Licences(t.Context(), subjects)
	if len(d.asked) > 3*pricing.MostInquiries {
		t.Errorf("%d calls", len(d.asked))
	}
	counts := map[string]int{}
	for n, l := range again.Of {
		counts[told(l)]++
		if l.Amount != nil && l.Amount.Sign() == 0 && l.Rule.Licence == pricing.IsCharged {
			t.Fatalf("%s costs nothing: %+v", subjects[n].Image.ID, l)
		}
	}
	// Of the lost ones the first hundred are asked about; of the others nothing is known.
	if counts["unknownSource unknown: licenceNotDecided"] == 0 || counts["customFromFree 0"] < 6000 {
		t.Errorf("%v", counts)
	}
}

// TestLicencesAreThoseOfQuotes: of whatever is asked together, each licence is the
// one that a quote of its own has.
func TestLicencesAreThoseOfQuotes(t *testing.T) {
	t.Parallel()
	systems := []pricing.OS{ubuntu(), redHat(), suse(), suseSAP(), linuxPro(), windows(), {}}
	rapid.Check(t, func(t *rapid.T) {
		d := &reader{currency: rapid.SampledFrom([]money.Currency{money.CNY, money.USD}).Draw(t, "currency"), charges: map[image.ID]string{}}
		var subjects []pricing.Subject
		for n := range rapid.IntRange(1, 30).Draw(t, "images") {
			os := rapid.SampledFrom(systems).Draw(t, "system")
			i := of(rapid.SampledFrom(image.Kinds()).Draw(t, "kind"), os)
			i.Region = rapid.SampledFrom([]image.RegionID{"cn-hangzhou", "cn-hongkong", "cn-newplace"}).Draw(t, "region")
			i.LicenseType = rapid.SampledFrom([]string{"", "BYOL", "Aliyun"}).Draw(t, "licence type")
			kinds := []pricing.SourceKind{pricing.SourcePublic, pricing.SourceImport, pricing.SourceUnknown, pricing.SourceAccount}
			s := subject(image.ID(fmt.Sprint("m-", n)), i, from(rapid.SampledFrom(kinds).Draw(t, "source"), os))
			subjects = append(subjects, s)
			// The cloud charges by the system, as long as the rule does not call it free.
			if r := pricing.Judge(s.Image, s.Source, i.Region); r.Licence != pricing.NotCharged {
				d.charges[s.Image.ID] = fmt.Sprint("0.", 1+slices.Index(systems, os))
			}
		}
		if rapid.Bool().Draw(t, "refused") {
			d.refuses = fault.New(fault.Forbidden, "no").WithCode("Forbidden.RAM")
		}
		site := pricing.China
		if d.currency == money.USD {
			site = pricing.International
		}
		h := hourly(d)
		h.Site = site
		out := h.Licences(context.Background(), subjects)
		for n, s := range subjects {
			q := pricing.Question{
				Image: s.Image, Source: s.Source, Site: site, Instance: s.Instance,
				Charge: pricing.Charge{Method: pricing.PayAsYouGo}, Duration: pricing.Hours(pricing.Whole(1)),
			}
			q.Observed, _ = pricing.Observe(context.Background(), pricing.Place{Account: us, Region: s.Image.Region, Reader: d}, q, h.Now)
			quote, err := pricing.Price(q, h.Rates)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, l := range quote.Lines {
				if l.Item != pricing.SnapshotStorage {
					want = append(want, string(l.Item)+"="+worth(l))
				}
			}
			var got []string
			for _, l := range out.Of[n].Lines {
				got = append(got, string(l.Item)+"="+worth(l))
			}
			if !slices.Equal(got, want) || out.Of[n].Rule.Code != quote.Rule.Code {
				t.Fatalf("%+v:\n%v %v, a quote says\n%v %v", s, out.Of[n].Rule.Code, got, quote.Rule.Code, want)
			}
		}
	})
}

// TestSitesOfAccounts: the currency is that of DescribePrice, else that of the
// configuration.
func TestSitesOfAccounts(t *testing.T) {
	t.Parallel()
	s := []pricing.Subject{subject("m-free", of(image.KindPublic, ubuntu()), pricing.Source{})}
	for _, c := range []struct {
		reader *reader
		want   money.Currency
	}{
		{&reader{currency: money.USD}, money.USD},
		{&reader{currency: money.CNY}, money.CNY},
		{&reader{refuses: fault.New(fault.Unavailable, "down")}, money.CNY},
	} {
		out := hourly(c.reader).Licences(t.Context(), s)
		if out.Of[0].Amount == nil || out.Of[0].Amount.Currency() != c.want {
			t.Errorf("%+v, want %s", out.Of[0], c.want)
		}
	}
}

// TestSettings: the table of rates is read once, from the text or the file, and
// what is wrong with it is named.
func TestSettings(t *testing.T) {
	t.Parallel()
	const rate = `{"rates":[{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","price":"0.01","currency":"CNY","date":"2026-01-01"}]}`
	read := func(path string) ([]byte, error) {
		if path == "/rates.json" {
			return []byte(rate), nil
		}
		return nil, fmt.Errorf("no file %s", path)
	}
	for text, negotiated := range map[string]int{"": 0, rate: 1, "file:/rates.json": 1} {
		table, err := pricing.Settings{Rates: text}.Table(read)
		if got := len(table.All()) - len(pricing.Published().All()); err != nil || got != negotiated {
			t.Errorf("%q: %d rates, %v; want %d", text, got, err, negotiated)
		}
	}
	for _, text := range []string{"file:/none.json", "{", `{"rates":[{"item":"x"}]}`} {
		if _, err := (pricing.Settings{Rates: text}).Table(read); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
