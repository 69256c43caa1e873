// Package money is exact amounts of money. Nothing here rounds, except to show
// an amount: ten digits after the point, half to even.
package money

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"

	"imagekeeper/shared/fault"
)

// Currency is an ISO 4217 code. Alibaba Cloud bills in CNY (China site) or USD
// (international site).
type Currency string

// The currencies of Alibaba Cloud's price lists.
const (
	CNY Currency = "CNY"
	USD Currency = "USD"
)

// digits is how many digits after the point an amount is shown with: what a
// pay-as-you-go price of Alibaba Cloud has at the most.
const digits = 10

// Amount is an exact, signed sum in one currency. The zero value is zero
// without a currency: it adds to any. Amounts are immutable.
type Amount struct {
	value    Ratio
	currency Currency
}

// New returns value in a currency.
func New(value *big.Rat, c Currency) Amount {
	return Amount{value: RatioOf(value), currency: c}
}

// Of returns value in a currency.
func Of(value Ratio, c Currency) Amount { return Amount{value: value, currency: c} }

// Parse reads a decimal ("0.1041") or a fraction ("1/6000") in a currency. It
// fails with fault.Invalid for anything else, exponents included.
func Parse(text string, c Currency) (Amount, error) {
	value, err := ParseRatio(text)
	if err != nil {
		return Amount{}, err
	}
	if !c.known() {
		return Amount{}, fault.New(fault.Invalid, "currency %q is not CNY or USD", c)
	}
	return Amount{value: RatioOf(value), currency: c}, nil
}

// ParseRatio reads a plain number without a currency, as Parse does.
func ParseRatio(text string) (*big.Rat, error) {
	number, denominator, isFraction := strings.Cut(text, "/")
	ok := len(text) <= 64 && decimal(number) && (!isFraction || (natural(denominator) && !strings.Contains(number, ".")))
	if !ok {
		return nil, fault.New(fault.Invalid, "%.64q is not a decimal number or a fraction", text)
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fault.New(fault.Invalid, "%.64q is not a number", text)
	}
	return value, nil
}

func (c Currency) known() bool { return c == CNY || c == USD }

// decimal: an optional minus, digits, and optionally a point with more digits.
func decimal(s string) bool {
	whole, part, hasPoint := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return isDigits(whole) && (!hasPoint || isDigits(part))
}

// natural: digits that are not all zero.
func natural(s string) bool { return isDigits(s) && strings.Trim(s, "0") != "" }

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Currency is empty only for a zero that has none.
func (a Amount) Currency() Currency { return a.currency }

// Rat returns the exact value.
func (a Amount) Rat() *big.Rat { return a.value.Rat() }

// Ratio returns the exact value.
func (a Amount) Ratio() Ratio { return a.value }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int { return a.value.Sign() }

// Times multiplies by a plain number.
func (a Amount) Times(n *big.Rat) Amount { return a.By(RatioOf(n)) }

// By multiplies by a plain number.
func (a Amount) By(n Ratio) Amount { return Amount{value: a.value.Times(n), currency: a.currency} }

// Over divides by a plain number. It fails with fault.Invalid for zero.
func (a Amount) Over(n *big.Rat) (Amount, error) {
	if n.Sign() == 0 {
		return Amount{}, fault.New(fault.Invalid, "an amount cannot be divided by zero")
	}
	return Amount{value: a.value.Over(RatioOf(n)), currency: a.currency}, nil
}

// Minus subtracts. It fails with fault.Invalid if the currencies differ.
func (a Amount) Minus(b Amount) (Amount, error) {
	return Sum(a, b.By(Whole(-1)))
}

// Sum adds exactly. It fails with fault.Invalid if the currencies differ.
func Sum(amounts ...Amount) (Amount, error) {
	sum := Amount{value: Whole(0)}
	for _, a := range amounts {
		c, err := common(sum.currency, a.currency)
		if err != nil {
			return Amount{}, err
		}
		sum.currency = c
		sum.value = sum.value.Plus(a.value)
	}
	return sum, nil
}

// Cmp orders two amounts: -1, 0 or 1. It fails with fault.Invalid if the
// currencies differ.
func (a Amount) Cmp(b Amount) (int, error) {
	if _, err := common(a.currency, b.currency); err != nil {
		return 0, err
	}
	return a.value.Cmp(b.value), nil
}

// rat is the value for reading only.
func (a Amount) rat() *big.Rat { return a.value.rat() }

func common(a, b Currency) (Currency, error) {
	switch {
	case a == "" || a == b:
		return b, nil
	case b == "":
		return a, nil
	}
	return "", fault.New(fault.Invalid, "%s and %s do not add up", a, b)
}

// Decimal is the value with ten digits after the point, half to even.
func (a Amount) Decimal() string { return Round(a.rat(), digits) }

// Exact is the value without loss: a decimal where there is one, else a fraction
// in lowest terms.
func (a Amount) Exact() string {
	r := a.rat()
	if n, finite := r.FloatPrec(); finite {
		return r.FloatString(n)
	}
	return r.RatString()
}

// String is for people: the shortest of the shown decimals, and the currency.
func (a Amount) String() string {
	s := strings.TrimRight(strings.TrimRight(a.Decimal(), "0"), ".")
	if a.currency == "" {
		return s
	}
	return s + " " + string(a.currency)
}

// Round shows a number with n digits after the point, half to even.
func Round(r *big.Rat, n int) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(r), new(big.Rat).SetInt(scale))
	quotient, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	half := rest.Lsh(rest, 1).Cmp(scaled.Denom())
	if half > 0 || (half == 0 && quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(1))
	}
	rounded := new(big.Rat).SetFrac(quotient, scale)
	if r.Sign() < 0 {
		rounded.Neg(rounded)
	}
	return rounded.FloatString(n)
}

// wire is an amount in JSON.
type wire struct {
	Amount   string   `json:"amount"`
	Exact    string   `json:"exact"`
	Currency Currency `json:"currency,omitempty"`
}

// MarshalJSON writes {"amount":"0.0001666667","exact":"1/6000","currency":"CNY"}.
func (a Amount) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{Amount: a.Decimal(), Exact: a.Exact(), Currency: a.currency})
}

// JSONSchema is the form of what MarshalJSON writes, as JSON Schema 2020-12.
func (a Amount) JSONSchema() map[string]any {
	text := func(pattern, means string) map[string]any {
		return map[string]any{"type": "string", "pattern": pattern, "description": means}
	}
	return map[string]any{
		"type":                 "object",
		"description":          "An amount of money; exact is what counts",
		"additionalProperties": false,
		"required":             []string{"amount", "exact"},
		"properties": map[string]any{
			"amount": text(`^-?[0-9]+(\.[0-9]+)?$`, "Rounded half to even to at most ten digits after the point"),
			"exact":  text(`^-?[0-9]+(\.[0-9]+|/[0-9]+)?$`, "A decimal where there is one, else a fraction"),
			"currency": map[string]any{
				"type": "string", "enum": []any{"CNY", "USD"}, "description": "Left out only for an amount of nothing",
			},
		},
		"examples": []any{map[string]any{"amount": "0.0001666667", "exact": "1/6000", "currency": "CNY"}},
	}
}

// UnmarshalJSON reads what MarshalJSON writes. The exact value counts; it fails
// with fault.Invalid if amount is not that value rounded.
func (a *Amount) UnmarshalJSON(b []byte) error {
	var w wire
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&w); err != nil {
		return fault.Wrap(fault.Invalid, err, "an amount has the fields amount, exact and currency")
	}
	value, err := ParseRatio(w.Exact)
	if err != nil {
		return err
	}
	read := Amount{value: RatioOf(value), currency: w.Currency}
	if read.Decimal() != w.Amount {
		return fault.New(fault.Invalid, "amount %q is not %q rounded to ten digits", w.Amount, w.Exact)
	}
	if !w.Currency.known() && (w.Currency != "" || value.Sign() != 0) {
		return fault.New(fault.Invalid, "currency %q is not CNY or USD", w.Currency)
	}
	*a = read
	return nil
}

// Compare is a total order for sorting: by currency, then by value.
func Compare(a, b Amount) int {
	if c := strings.Compare(string(a.currency), string(b.currency)); c != 0 {
		return c
	}
	return a.value.Cmp(b.value)
}

// Span is the least and the most something can cost, where it cannot be known
// exactly. Both ends have the same currency.
type Span struct {
	Lower Amount `json:"lower"`
	Upper Amount `json:"upper"`
}

// SumSpans adds lower and upper ends exactly.
func SumSpans(spans ...Span) (Span, error) {
	var lower, upper []Amount
	for _, s := range spans {
		lower, upper = append(lower, s.Lower), append(upper, s.Upper)
	}
	low, err := Sum(lower...)
	if err != nil {
		return Span{}, err
	}
	high, err := Sum(upper...)
	if err != nil {
		return Span{}, err
	}
	return Span{Lower: low, Upper: high}, nil
}
