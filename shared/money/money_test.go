package money_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, exact string }{
		{"0.1041", "0.1041"}, {"291", "291"}, {"-0.5", "-0.5"}, {"1/6000", "1/6000"}, {"-2/4", "-0.5"}, {"007", "7"},
	} {
		got, err := money.Parse(c.text, money.CNY)
		if err != nil || got.Exact() != c.exact {
			t.Errorf("%s: got %s, %v; want %s", c.text, got.Exact(), err, c.exact)
		}
	}
	for _, bad := range []string{"", "1e9", "0x10", "1/0", "1/-2", "1.5/2", "½", " 1", "1_000", ".5", "5.", "--1", "Inf", "NaN", "+1"} {
		if got, err := money.Parse(bad, money.CNY); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, %v; want kind invalid", bad, got, err)
		}
	}
	if _, err := money.Parse("1", "EUR"); !errors.Is(err, fault.Invalid) {
		t.Errorf("an unknown currency: %v", err)
	}
}

func TestRoundsHalfToEven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ exact, shown string }{
		{"0.00000000005", "0.0000000000"},
		{"0.00000000015", "0.0000000002"},
		{"0.00000000025", "0.0000000002"},
		{"-0.00000000015", "-0.0000000002"},
		{"-0.00000000004", "0.0000000000"},
		{"1/6000", "0.0001666667"},
		{"1/3", "0.3333333333"},
		{"2/3", "0.6666666667"},
		{"0.99999999995", "1.0000000000"},
	} {
		a, err := money.Parse(c.exact, money.CNY)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Decimal(); got != c.shown {
			t.Errorf("%s: got %s, want %s", c.exact, got, c.shown)
		}
	}
}

func TestCurrenciesDoNotMix(t *testing.T) {
	t.Parallel()
	yuan, dollar := money.New(big.NewRat(1, 1), money.CNY), money.New(big.NewRat(1, 1), money.USD)
	if _, err := money.Sum(yuan, dollar); !errors.Is(err, fault.Invalid) {
		t.Errorf("sum: %v", err)
	}
	if _, err := yuan.Cmp(dollar); !errors.Is(err, fault.Invalid) {
		t.Errorf("compare: %v", err)
	}
	if sum, err := money.Sum(money.Amount{}, dollar, money.Amount{}); err != nil || sum.String() != "1 USD" {
		t.Errorf("zero without a currency must add to any: %v, %v", sum, err)
	}
	if _, err := yuan.Over(new(big.Rat)); !errors.Is(err, fault.Invalid) {
		t.Errorf("division by zero: %v", err)
	}
}

func TestJSONRefusesWhatDoesNotAgree(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		`{"amount":"0.1","exact":"1/6000","currency":"CNY"}`,
		`{"amount":"1.0000000000","exact":"1","currency":"EUR"}`,
		`{"amount":"1.0000000000","exact":"1"}`,
		`{"amount":"1.0000000000","exact":"1","currency":"CNY","extra":1}`,
		`{"exact":"x","currency":"CNY"}`,
		`3.5`,
	} {
		var a money.Amount
		if err := json.Unmarshal([]byte(bad), &a); err == nil {
			t.Errorf("%s was accepted as %v", bad, a)
		}
	}
}

// ratios are exact values with wild denominators.
func ratios() *rapid.Generator[*big.Rat] {
	return rapid.Custom(func(t *rapid.T) *big.Rat {
		return big.NewRat(rapid.Int64Range(-1e12, 1e12).Draw(t, "num"), rapid.Int64Range(1, 1e9).Draw(t, "den"))
	})
}

func TestArithmeticIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(ratios()).Draw(t, "values")
		want, amounts := new(big.Rat), make([]money.Amount, 0, len(values))
		for _, v := range values {
			want.Add(want, v)
			amounts = append(amounts, money.New(v, money.CNY))
		}
		got, err := money.Sum(amounts...)
		if err != nil || got.Rat().Cmp(want) != 0 {
			t.Fatalf("sum %v, %v; want %v", got, err, want)
		}
		for i, v := range values {
			if amounts[i].Rat().Cmp(v) != 0 {
				t.Fatalf("Sum changed its argument %d", i)
			}
		}
	})
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := money.New(ratios().Draw(t, "value"), rapid.SampledFrom([]money.Currency{money.CNY, money.USD}).Draw(t, "currency"))
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back money.Amount
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if money.Compare(a, back) != 0 {
			t.Fatalf("%s came back as %v", text, back)
		}
		shown, _ := new(big.Rat).SetString(a.Decimal())
		miss := new(big.Rat).Sub(shown, a.Rat())
		if miss.Abs(miss).Cmp(big.NewRat(1, 2*1e10)) > 0 {
			t.Fatalf("%s is shown as %s", a.Exact(), a.Decimal())
		}
	})
}

func TestSpansKeepTheirOrder(t *testing.T) {
	t.Parallel()
	one, two := money.New(big.NewRat(1, 3), money.CNY), money.New(big.NewRat(2, 3), money.CNY)
	got, err := money.SumSpans(money.Span{Lower: one, Upper: two}, money.Span{Lower: one, Upper: one})
	if err != nil || got.Lower.Exact() != "2/3" || got.Upper.Exact() != "1" {
		t.Errorf("got %v to %v, %v", got.Lower, got.Upper, err)
	}
}

func Example() {
	monthly, _ := money.Parse("0.12", money.CNY) // per GB
	hourly, _ := monthly.Over(big.NewRat(720, 1))
	text, _ := json.Marshal(hourly)
	fmt.Println(string(text))
	fmt.Println(hourly.Times(big.NewRat(720*40, 1)))
	// Output:
	// {"amount":"0.0001666667","exact":"1/6000","currency":"CNY"}
	// 4.8 CNY
}
