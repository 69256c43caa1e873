package rollout_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/rollout"
)

// TestLicenceIncrease: sums are of all instances, and one that is not known makes the
// sum unknown, which is refused like one that is too high.
func TestLicenceIncrease(t *testing.T) {
	amount := func(text string) *money.Amount {
		a, err := money.Parse(text, money.CNY)
		if err != nil {
			t.Fatal(err)
		}
		return &a
	}
	dollars, err := money.Parse("1", money.USD)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		most string
		fees []rollout.Fee
		code string
		more string
	}{
		"no limit":     {"", []rollout.Fee{{Before: amount("0.1"), After: amount("0.9")}, {Before: amount("0"), After: amount("0.3")}}, "", "1.1"},
		"within":       {`"1.1"`, []rollout.Fee{{Before: amount("0.1"), After: amount("0.9")}, {Before: amount("0"), After: amount("0.3")}}, "", "1.1"},
		"above":        {`1.0999999999`, []rollout.Fee{{Before: amount("0.1"), After: amount("0.9")}, {Before: amount("0"), After: amount("0.3")}}, "licenceIncrease", "1.1"},
		"less":         {`0`, []rollout.Fee{{Before: amount("0.5"), After: amount("0.1")}, {Before: amount("0"), After: amount("0.3")}}, "", "-0.1"},
		"one unknown":  {`100`, []rollout.Fee{{Before: amount("0.1"), After: amount("0.1")}, {Before: amount("0"), Why: []image.Reason{{Code: "noRate", Sentence: "no rate"}}}}, "licenceUnknown", ""},
		"not asked":    {`100`, []rollout.Fee{{Before: amount("0.1"), After: amount("0.1")}}, "licenceUnknown", ""},
		"two accounts": {`100`, []rollout.Fee{{Before: amount("0.1"), After: amount("0.1")}, {Before: &dollars, After: &dollars}}, "licenceUnknown", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, cloudsim.Options{})
				wish := w.to()
				if c.most != "" {
					wish.MaxLicenceIncrease = new(rollout.Most)
					if err := json.Unmarshal([]byte(c.most), wish.MaxLicenceIncrease); err != nil {
						t.Fatal(err)
					}
				}
				p := w.plan(wish, w.fleet...)
				fees := map[rollout.Name]rollout.Fee{}
				for n, one := range p.Charged() {
					if n < len(c.fees) {
						fees[one.Name] = c.fees[n]
					}
				}
				p.Price(wish, fees, []rollout.Store{{Lower: amount("0"), Upper: amount("3")}, {Lower: amount("0"), Upper: amount("1")}})
				code := ""
				for _, f := range p.Findings {
					if f.Level == image.Fatal {
						code = f.Code
					}
				}
				more, cost := "", p.Totals.Cost
				if cost.Licence.Increase != nil {
					more = cost.Licence.Increase.Exact()
				}
				if code != c.code || more != c.more || (more == "") != (len(cost.Licence.Unknown) > 0) || cost.Backups.Upper.Exact() != "4" || cost.Backups.GiB != 80 {
					t.Errorf("refused by %q, %s more an hour: %+v", code, more, cost)
				}
			})
		})
	}
}
