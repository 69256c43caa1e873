package money

import (
	"math"
	"math/big"
	"math/bits"
)

// Ratio is an exact number without a unit. Its zero value is zero. Ratios are
// immutable, in lowest terms, and equal numbers are equal by ==, unless one has
// more digits than fit into two machine words: those that fit need no memory of
// their own, which is what makes pricing quick.
type Ratio struct {
	// num over den, where they fit; den is 0 for the zero value.
	num, den int64
	// wide is the number where they do not.
	wide *big.Rat
}

// Whole is the number n.
func Whole(n int64) Ratio { return small(n, 1) }

// RatioOf is the number r; nil is zero.
func RatioOf(r *big.Rat) Ratio {
	if r == nil {
		return Whole(0)
	}
	if r.Num().IsInt64() && r.Denom().IsInt64() && r.Num().Int64() != math.MinInt64 {
		return Ratio{num: r.Num().Int64(), den: r.Denom().Int64()}
	}
	return Ratio{wide: new(big.Rat).Set(r)}
}

// Fraction is num over den, which is not zero.
func Fraction(num, den int64) Ratio {
	if num == math.MinInt64 || den == math.MinInt64 || den <= 0 {
		return RatioOf(big.NewRat(num, den))
	}
	return small(num, den)
}

// small reduces num over a positive den.
func small(num, den int64) Ratio {
	if num == math.MinInt64 {
		return RatioOf(big.NewRat(num, den))
	}
	common := divisor(num, den)
	return Ratio{num: num / common, den: den / common}
}

// divisor is the greatest common divisor of a number and a positive one.
func divisor(a, b int64) int64 {
	if a < 0 {
		a = -a
	}
	for a != 0 {
		a, b = b%a, a
	}
	return b
}

// fits tells whether r is in two words, and gives them.
func (r Ratio) fits() (num, den int64, ok bool) {
	if r.wide != nil {
		return 0, 0, false
	}
	return r.num, max(r.den, 1), true
}

// Rat is the number, as a copy.
func (r Ratio) Rat() *big.Rat {
	if r.wide != nil {
		return new(big.Rat).Set(r.wide)
	}
	return big.NewRat(r.num, max(r.den, 1))
}

// rat is the number for reading only.
func (r Ratio) rat() *big.Rat {
	if r.wide != nil {
		return r.wide
	}
	return r.Rat()
}

// Sign is -1, 0 or 1.
func (r Ratio) Sign() int {
	switch {
	case r.wide != nil:
		return r.wide.Sign()
	case r.num < 0:
		return -1
	case r.num > 0:
		return 1
	}
	return 0
}

// Times multiplies.
func (r Ratio) Times(o Ratio) Ratio {
	a, b, ok := r.fits()
	c, d, fits := o.fits()
	if !ok || !fits {
		return RatioOf(new(big.Rat).Mul(r.rat(), o.rat()))
	}
	left, right := divisor(a, d), divisor(c, b)
	num, ok := product(a/left, c/right)
	den, fits := product(b/right, d/left)
	if !ok || !fits {
		return RatioOf(new(big.Rat).Mul(r.rat(), o.rat()))
	}
	return Ratio{num: num, den: den}
}

// Over divides by a number that is not zero.
func (r Ratio) Over(o Ratio) Ratio {
	c, d, fits := o.fits()
	if !fits || c <= 0 {
		return RatioOf(new(big.Rat).Quo(r.rat(), o.rat()))
	}
	return r.Times(Ratio{num: d, den: c})
}

// Plus adds.
func (r Ratio) Plus(o Ratio) Ratio {
	a, b, ok := r.fits()
	c, d, fits := o.fits()
	if !ok || !fits {
		return RatioOf(new(big.Rat).Add(r.rat(), o.rat()))
	}
	common := divisor(b, d)
	left, ok := product(a, d/common)
	right, fits := product(c, b/common)
	den, whole := product(b/common, d)
	num := left + right
	overflows := (left > 0) == (right > 0) && (num > 0) != (left > 0) && left != 0 && right != 0
	if !ok || !fits || !whole || overflows {
		return RatioOf(new(big.Rat).Add(r.rat(), o.rat()))
	}
	return small(num, den)
}

// Minus subtracts.
func (r Ratio) Minus(o Ratio) Ratio { return r.Plus(o.Times(Whole(-1))) }

// Cmp is -1, 0 or 1.
func (r Ratio) Cmp(o Ratio) int { return r.Minus(o).Sign() }

// IsWhole tells whether there is no part of a whole.
func (r Ratio) IsWhole() bool {
	if r.wide != nil {
		return r.wide.IsInt()
	}
	return r.den <= 1
}

// Up is the least whole number that is not less.
func (r Ratio) Up() Ratio {
	if num, den, ok := r.fits(); ok && num >= 0 {
		whole := num / den
		if num%den != 0 {
			whole++
		}
		return Whole(whole)
	}
	whole, rest := new(big.Int).DivMod(r.rat().Num(), r.rat().Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return RatioOf(new(big.Rat).SetInt(whole))
}

// product multiplies, if that fits.
func product(a, b int64) (int64, bool) {
	negative := (a < 0) != (b < 0)
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(low), true
	}
	return int64(low), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return uint64(-a)
	}
	return uint64(a)
}
