package money_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/money"
)

// wild draws numbers about the edge of what fits into machine words.
func wild() *rapid.Generator[*big.Rat] {
	part := rapid.OneOf(
		rapid.SampledFrom([]int64{0, 1, -1, 2, 720, 1 << 30, 1 << 62, math.MaxInt64, math.MinInt64, math.MinInt64 + 1}),
		rapid.Int64(), rapid.Int64Range(-1000, 1000),
	)
	return rapid.Custom(func(t *rapid.T) *big.Rat {
		den := part.Draw(t, "den")
		if den == 0 {
			den = 1
		}
		r := big.NewRat(part.Draw(t, "num"), den)
		if rapid.Bool().Draw(t, "wide") {
			r.Mul(r, big.NewRat(part.Draw(t, "more"), den))
		}
		return r
	})
}

// TestRatiosAreExact: whatever the numbers, they are those of math/big, and equal
// ones are equal.
func TestRatiosAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := wild().Draw(t, "x"), wild().Draw(t, "y")
		a, b := money.RatioOf(x), money.RatioOf(y)
		same := func(what string, got money.Ratio, want *big.Rat) {
			if got.Rat().Cmp(want) != 0 || got.Sign() != want.Sign() || got.IsWhole() != want.IsInt() {
				t.Fatalf("%v %s %v: got %v, want %v", x, what, y, got.Rat(), want)
			}
			if want.Num().IsInt64() && want.Denom().IsInt64() && want.Num().Int64() != math.MinInt64 && got != money.RatioOf(want) {
				t.Fatalf("%v %s %v: equal numbers differ", x, what, y)
			}
		}
		same("+", a.Plus(b), new(big.Rat).Add(x, y))
		same("-", a.Minus(b), new(big.Rat).Sub(x, y))
		same("*", a.Times(b), new(big.Rat).Mul(x, y))
		if y.Sign() != 0 {
			same("/", a.Over(b), new(big.Rat).Quo(x, y))
		}
		if got := a.Cmp(b); got != x.Cmp(y) {
			t.Fatalf("%v compares with %v as %d", x, y, got)
		}
		up := a.Up().Rat()
		if gap := new(big.Rat).Sub(up, x); !up.IsInt() || gap.Sign() < 0 || gap.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("%v up is %v", x, up)
		}
		if a.Rat().Cmp(x) != 0 {
			t.Fatalf("%v changed", x)
		}
	})
	if money.Fraction(math.MinInt64, -2).Rat().Cmp(new(big.Rat).SetFrac(big.NewInt(math.MinInt64), big.NewInt(-2))) != 0 || money.Whole(math.MinInt64).Rat().Num().Int64() != math.MinInt64 {
		t.Error("the least number is not itself")
	}
	var zero money.Ratio
	if zero.Sign() != 0 || zero.Plus(money.Whole(2)) != money.Whole(2) || zero.Rat().Sign() != 0 || !zero.IsWhole() {
		t.Error("the zero value is not zero")
	}
}

func TestRatiosNeedNoMemory(t *testing.T) {
	a, b := money.Fraction(1041, 10000), money.Fraction(720*4, 7)
	var sink money.Ratio
	if n := testing.AllocsPerRun(100, func() { sink = a.Times(b).Plus(a).Over(b).Up() }); n != 0 {
		t.Errorf("%v allocations, %v", n, sink.Rat())
	}
}
