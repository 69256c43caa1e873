package pricing_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	flag.Parse()
	os.Exit(m.Run())
}

// golden compares a quote with testdata/<case>.json.
func golden(t *testing.T, name string, quote pricing.Quote) {
	t.Helper()
	text, err := json.MarshalIndent(quote, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(name)+".json")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("the quote differs from %s (refresh with -update) at %s", path, firstDifference(string(text), string(want)))
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "line " + strconv.Itoa(i+1) + ": got " + a[i] + ", want " + b[i]
		}
	}
	return "its end"
}

// The systems that images are of.
func ubuntu() pricing.OS {
	return pricing.OS{Type: image.Linux, Platform: "Ubuntu", Name: "Ubuntu  22.04 64 bit"}
}

func redHat() pricing.OS {
	return pricing.OS{Type: image.Linux, Platform: "Red Hat", Name: "Red Hat Enterprise Linux 9.2 64 bit"}
}

func redHatSAP() pricing.OS {
	return pricing.OS{Type: image.Linux, Platform: "Red Hat", Name: "Red Hat Enterprise Linux for SAP 8.4 with HA and US 64 bit"}
}

func suse() pricing.OS {
	return pricing.OS{Type: image.Linux, Platform: "SUSE", Name: "SUSE Linux Enterprise Server 15 SP5 64 bit"}
}

func suseSAP() pricing.OS {
	return pricing.OS{Type: image.Linux, Platform: "SUSE", Name: "SUSE Linux Enterprise Server for SAP 15 SP5 64 bit"}
}

func linuxPro() pricing.OS {
	return pricing.OS{Type: image.Linux, Platform: "Aliyun", Name: "Alibaba Cloud Linux 3 Pro 64 bit"}
}

func windows() pricing.OS {
	return pricing.OS{Type: image.Windows, Platform: "Windows Server 2022", Name: "Windows Server 2022 Datacenter 64 bit"}
}

// of returns an image of a kind and system.
func of(kind image.Kind, os pricing.OS) image.Image {
	return image.Image{
		Ref:  image.Ref{Account: "1000000000000001", Region: "cn-hangzhou", ID: "m-bp1"},
		Kind: kind, Status: image.StatusAvailable, OSType: os.Type, Platform: os.Platform, OSName: os.Name,
		Architecture: image.X86_64, SizeGiB: 40,
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-1"}},
	}
}

func from(kind pricing.SourceKind, os pricing.OS) pricing.Source {
	return pricing.Source{Kind: kind, Image: "origin.vhd", OS: os, Sure: pricing.Observed, Depth: 1}
}

// chainOfOne is storage of exactly gb GB.
func chainOfOne(gb int64) pricing.Storage {
	return pricing.Storage{
		Read:      true,
		Snapshots: []pricing.Snapshot{{ID: "s-1", Chain: "sl-1", Category: pricing.Standard, FullBytes: gb << 30, DiskGiB: 40}},
		Chains:    []pricing.Chain{{ID: "sl-1", TotalBytes: gb << 30, TotalCount: 1}},
	}
}

// ask is a question about 720 hours of pay-as-you-go on 4 vCPUs in Hangzhou.
func ask(i image.Image, s pricing.Source) pricing.Question {
	q := pricing.Question{
		Image: i, Source: s, Site: pricing.China,
		Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4},
		Charge:   pricing.Charge{Method: pricing.PayAsYouGo},
		Duration: pricing.Hours(pricing.Whole(720)),
	}
	if i.Kind == image.KindCustom {
		q.Storage = chainOfOne(40)
	}
	return q
}

func in(q pricing.Question, r image.RegionID) pricing.Question {
	q.Image.Region = r
	return q
}

func price(t testing.TB, q pricing.Question) pricing.Quote {
	t.Helper()
	return priceAt(t, q, pricing.Published())
}

func priceAt(t testing.TB, q pricing.Question, r pricing.Rates) pricing.Quote {
	t.Helper()
	quote, err := pricing.Price(q, r)
	if err != nil {
		t.Fatal(err)
	}
	return quote
}

// lineOf returns the only line of an item, or fails.
func lineOf(t testing.TB, q pricing.Quote, item pricing.Item) pricing.Line {
	t.Helper()
	var found []pricing.Line
	for _, l := range q.Lines {
		if l.Item == item {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines of %s in %v", len(found), item, show(q))
	}
	return found[0]
}

// worth is a line in short: an amount, a range, or "unknown: <codes>".
func worth(l pricing.Line) string {
	switch {
	case l.Amount != nil:
		return exactly(*l.Amount)
	case l.Lower != nil && l.Upper != nil:
		return exactly(*l.Lower) + ".." + exactly(*l.Upper)
	}
	codes := make([]string, len(l.Unknown))
	for i, r := range l.Unknown {
		codes[i] = r.Code
	}
	return "unknown: " + strings.Join(codes, ",")
}

func exactly(a money.Amount) string { return a.Exact() }

// show is a quote in short: its lines, each "item=worth".
func show(q pricing.Quote) string {
	texts := make([]string, len(q.Lines))
	for i, l := range q.Lines {
		texts[i] = string(l.Item) + "=" + worth(l)
	}
	return strings.Join(texts, " ")
}

func hasReason(reasons []image.Reason, code string) bool {
	for _, r := range reasons {
		if r.Code == code {
			return true
		}
	}
	return false
}

func hasFinding(q pricing.Quote, code string, fatal bool) bool {
	for _, f := range q.Findings {
		if f.Code == code && f.Fatal == fatal {
			return true
		}
	}
	return false
}

func ratio(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

func number(text string) pricing.Number { return pricing.NumberOf(ratio(text)) }

// answer is one answer of DescribePrice for an hour.
func answer(instanceType, imageRow string) *pricing.PriceAnswer {
	rows := []pricing.PriceRow{{Resource: "instanceType", Trade: number(instanceType)}, {Resource: "systemDisk", Trade: number("0.05")}}
	if imageRow != "" {
		rows = append(rows, pricing.PriceRow{Resource: "Image", Trade: number(imageRow)})
	}
	return &pricing.PriceAnswer{
		InstanceType: "ecs.g7.xlarge", Currency: money.CNY, Unit: pricing.Hour, Period: 1, Rows: rows,
		At: time.Date(2026, 5, 27, 8, 0, 0, 0, time.UTC),
	}
}

// answers are two observations: with the image, and with a free one at 1 an hour.
func answers(instanceType, imageRow string) pricing.ObservedPrices {
	return pricing.ObservedPrices{With: answer(instanceType, imageRow), Free: answer("1", "0")}
}
