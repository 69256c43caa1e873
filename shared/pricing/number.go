package pricing

import (
	"encoding/json"
	"math/big"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/money"
)

// Number is an exact quantity without a unit. The zero value is unset, which is
// not the number zero. In JSON it is a string: a decimal where there is one
// ("0.5"), else a fraction ("1/3").
type Number struct {
	value money.Ratio
	set   bool
}

// NumberOf returns the number r; a nil r is unset.
func NumberOf(r *big.Rat) Number {
	if r == nil {
		return Number{}
	}
	return exactly(money.RatioOf(r))
}

// Whole returns the number n.
func Whole(n int64) Number { return exactly(money.Whole(n)) }

// exactly is a number that is set.
func exactly(r money.Ratio) Number { return Number{value: r, set: true} }

// Hours returns the seconds of h hours; unset stays unset.
func Hours(h Number) Number {
	if h.IsZero() {
		return Number{}
	}
	return exactly(h.value.Times(money.Whole(secondsPerHour)))
}

// IsZero tells whether n is unset.
func (n Number) IsZero() bool { return !n.set }

// Sign is -1, 0 or 1; unset is 0.
func (n Number) Sign() int { return n.value.Sign() }

// Rat returns the exact value; unset is 0.
func (n Number) Rat() *big.Rat { return n.value.Rat() }

// ratio is the exact value; unset is 0.
func (n Number) ratio() money.Ratio { return n.value }

// String is the exact value: a decimal where there is one, else a fraction.
func (n Number) String() string { return money.Of(n.value, "").Exact() }

// MarshalJSON writes the exact value as a string.
func (n Number) MarshalJSON() ([]byte, error) { return json.Marshal(n.String()) }

// JSONSchema is the form of what MarshalJSON writes, as JSON Schema 2020-12.
func (n Number) JSONSchema() map[string]any {
	return map[string]any{
		"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+|/[0-9]+)?$`,
		"description": "An exact number: a decimal where there is one, else a fraction", "examples": []any{"720", "0.5", "1/3"},
	}
}

// UnmarshalJSON reads a string that MarshalJSON writes. It fails with
// fault.Invalid for anything else.
func (n *Number) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fault.Wrap(fault.Invalid, err, "a number is a string such as \"0.5\" or \"1/3\"")
	}
	value, err := money.ParseRatio(text)
	if err != nil {
		return err
	}
	*n = NumberOf(value)
	return nil
}
