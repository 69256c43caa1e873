package main

import (
	"encoding/csv"
	"encoding/json"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

// tabled is a table with its columns by name.
type tabled []map[string]string

func tableOf(t *testing.T, f http.Handler, target string) tabled {
	t.Helper()
	status, text := ask(f, target, "")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || status != http.StatusOK || len(rows) == 0 {
		t.Fatalf("%s: %d %s, %v", target, status, text, err)
	}
	var all tabled
	for _, cells := range rows[1:] {
		row := map[string]string{}
		for n, name := range rows[0] {
			row[name] = cells[n]
		}
		all = append(all, row)
	}
	return all
}

// linesOf are the rows of format=ndjson, and its last line.
func linesOf(t *testing.T, f http.Handler, target string) (groups []pricing.Group, end reported) {
	t.Helper()
	status, text := ask(f, target, "")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if status != http.StatusOK || len(lines) < 2 {
		t.Fatalf("%s: %d %s", target, status, text)
	}
	groups = make([]pricing.Group, len(lines)-1)
	for n := range groups {
		if err := json.Unmarshal([]byte(lines[n]), &groups[n]); err != nil {
			t.Fatalf("%s: %s: %v", target, lines[n], err)
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil {
		t.Fatal(err)
	}
	return groups, end
}

// ways are the two ways to a report: as it is now, and as it was stored.
func ways(t *testing.T, rates pricing.Rates) (f http.Handler, targets []string) {
	t.Helper()
	k := newKeeper(t, same)
	k.rates = rates
	if told, answer := k.tick(t); !told.Stored {
		t.Fatalf("not stored: %s", answer)
	}
	return k.function(), []string{"/prices?", "/prices?month=2026-03&"}
}

// TestABoundThatIsNotKnownIsEmpty: in every table a cell is the bound that the
// JSON answer has, and empty where that has none; nothing is 0 for want of a rate.
func TestABoundThatIsNotKnownIsEmpty(t *testing.T) {
	t.Parallel()
	f, targets := ways(t, pricing.Published())
	for _, target := range targets {
		for _, format := range []string{"csv", "excel"} {
			whole := reportOf(t, f, target)
			known := map[string]pricing.Costs{}
			keep := func(by string, groups []pricing.Group) {
				for _, g := range groups {
					known[by+g.Key+string(g.Currency)] = g.Costs
				}
			}
			keep("family", whole.Families)
			keep("region", whole.Regions)
			keep("copies", whole.Copies)
			for _, w := range append(whole.Items, whole.Incomplete...) {
				known["image"+string(w.Image.ID)+string(w.Currency)] = w.Costs
			}
			for _, by := range []string{"image", "family", "region", "copies"} {
				empty := 0
				for _, row := range tableOf(t, f, target+"format="+format+"&by="+by) {
					key := row["key"]
					if by == "image" {
						key = row["\ufeffimageId"] + row["imageId"]
					}
					costs, ok := known[by+strings.TrimPrefix(key+row["\ufeffkey"], "'")+row["currency"]]
					if !ok {
						t.Fatalf("%s%s by %s: a row that JSON has not: %v", target, format, by, row)
					}
					empty += sameBounds(t, row, costs)
				}
				if empty == 0 {
					t.Errorf("%s%s by %s: no bound is empty, and Shanghai has no rate", target, format, by)
				}
			}
		}
	}
}

// sameBounds compares the cells of a row with what JSON says, and counts the empty ones.
func sameBounds(t *testing.T, row map[string]string, costs pricing.Costs) (empty int) {
	t.Helper()
	for name, c := range map[string]pricing.Cost{"storage": costs.Storage, "licence": costs.Licence, "software": costs.Software, "total": costs.Total} {
		for column, bounds := range map[string][]*money.Amount{"Lower": {c.Amount, c.Lower, c.AtLeast}, "Upper": {c.Amount, c.Upper}} {
			want := ""
			for _, a := range bounds {
				if a != nil {
					want = a.Decimal()
					break
				}
			}
			if got, ok := row[name+column]; !ok || strings.TrimSuffix(strings.TrimPrefix(got, `="`), `"`) != want {
				t.Errorf("%s%s of %v is %q, want %q", name, column, row, got, want)
			}
			if want == "" {
				empty++
			}
		}
	}
	return empty
}

// TestFamiliesAddUpInEveryFormat: what the groups cost and how many images they have
// is the total, in JSON, tables and lines, of now and as it was stored, whole and cut.
func TestFamiliesAddUpInEveryFormat(t *testing.T) {
	t.Parallel()
	f, targets := ways(t, negotiated(t, `{"rates":[{"item":"snapshotStorage","category":"standard","basis":"perGb","unit":"month","regionId":"all","price":"0.12","currency":"CNY"}]}`))
	for _, target := range targets {
		for _, by := range []string{"family", "region", "copies"} {
			for _, cut := range []string{"", "&limit=1"} {
				listed := target + "by=" + by + cut + "&format="
				groups, end := linesOf(t, f, listed+"ndjson")
				want, images := sumOf(end.Totals), 0
				if want.Sign() == 0 || end.Images != 6 {
					t.Fatalf("%s: %d images cost %s", listed, end.Images, want)
				}
				for _, g := range groups {
					images += g.Images
				}
				if got := sumOf(groups); got.Cmp(want) != 0 || images != end.Images {
					t.Errorf("%sndjson: %d images cost %s, in all %d cost %s", listed, images, got.FloatString(4), end.Images, want.FloatString(4))
				}
				for _, format := range []string{"csv", "excel"} {
					if got, images := tableSum(t, tableOf(t, f, listed+format)); got.FloatString(8) != want.FloatString(8) || images != end.Images {
						t.Errorf("%s%s: %d images cost %s, in all %d cost %s", listed, format, images, got.FloatString(4), end.Images, want.FloatString(4))
					}
				}
			}
		}
	}
}

// tableSum is, but for the last of its ten digits, the least that the rows cost together, and how many images they have.
func tableSum(t *testing.T, rows tabled) (sum *big.Rat, images int) {
	t.Helper()
	sum = new(big.Rat)
	for _, row := range rows {
		total, ok := new(big.Rat).SetString(strings.Trim(row["totalLower"], `="`))
		n, err := strconv.Atoi(row["images"])
		if !ok || err != nil {
			t.Fatalf("no total: %v", row)
		}
		sum.Add(sum, total)
		images += n
	}
	return sum, images
}
