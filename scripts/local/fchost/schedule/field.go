package schedule

import (
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
)

// field is what the vendor allows in one place of the expression.
type field struct {
	name     string
	min, max int
	special  string // of , - * ? /
	names    []string
}

// layout lists the six fields, as the vendor's page on timer triggers does.
func layout() [6]field {
	months := []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	days := []string{"MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"}
	return [6]field{
		{name: "seconds", min: 0, max: 59},
		{name: "minutes", min: 0, max: 59, special: ",-*/"},
		{name: "hours", min: 0, max: 23, special: ",-*/"},
		{name: "day of month", min: 1, max: 31, special: ",-*?/"},
		{name: "month", min: 1, max: 12, special: ",-*/", names: months},
		{name: "day of week", min: 1, max: 7, special: ",-*?", names: days},
	}
}

// check verifies six fields and returns them with numbers for names and the
// days of the week counted from Sunday as 0.
func check(expression string) ([6]string, error) {
	var out [6]string
	parts := strings.Split(expression, " ")
	if len(parts) != len(out) {
		return out, fault.New(fault.Invalid, "cron expression: %d fields, six are needed: second minute hour day-of-month month day-of-week", len(parts))
	}
	for i, f := range layout() {
		text, err := f.check(parts[i])
		if err != nil {
			return out, err
		}
		out[i] = text
	}
	if wild(parts[3]) || wild(parts[5]) {
		out[5] = fromSunday(out[5])
		return out, nil
	}
	return out, fault.New(fault.Invalid, "cron expression: day of month and day of week are both restricted; the vendor does not say whether both or either must match")
}

func wild(text string) bool { return text == "*" || text == "?" }

// check verifies one field: items joined by commas.
func (f field) check(text string) (string, error) {
	if i := strings.IndexAny(text, ",-*?/#LW"); i >= 0 && !strings.Contains(f.special, text[i:i+1]) && !f.named(text) {
		return "", f.refuse(text, "the character is not allowed here")
	}
	if text == "?" {
		return text, nil
	}
	items := strings.Split(text, ",")
	for i, item := range items {
		checked, err := f.item(item)
		if err != nil {
			return "", err
		}
		items[i] = checked
	}
	return strings.Join(items, ","), nil
}

// named reports whether text consists of the names of f, which may contain
// letters that are special elsewhere (JUL, WED).
func (f field) named(text string) bool {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(f.special, r) }) {
		if _, err := strconv.Atoi(word); err != nil && !slices.Contains(f.names, strings.ToUpper(word)) {
			return false
		}
	}
	return true
}

// item verifies "*", "5", "1-5", each with a step where f allows steps.
func (f field) item(item string) (string, error) {
	span, step, stepped := strings.Cut(item, "/")
	if stepped {
		n, err := number(step)
		if err != nil || n < 1 || n > f.max || !strings.Contains(f.special, "/") {
			return "", f.refuse(item, "not a step")
		}
		step = "/" + strconv.Itoa(n)
	}
	if span == "*" && strings.Contains(f.special, "*") {
		return span + step, nil
	}
	from, to, ranged := strings.Cut(span, "-")
	low, err := f.value(from)
	if err != nil {
		return "", err
	}
	if !ranged {
		return strconv.Itoa(low) + step, nil
	}
	high, err := f.value(to)
	if err != nil {
		return "", err
	}
	if high < low || !strings.Contains(f.special, "-") {
		return "", f.refuse(item, "not a range from a lower to a higher value")
	}
	return strconv.Itoa(low) + "-" + strconv.Itoa(high) + step, nil
}

// value reads a number or a name.
func (f field) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return i + 1, nil
	}
	n, err := number(text)
	if err != nil || n < f.min || n > f.max {
		return 0, f.refuse(text, "not between "+strconv.Itoa(f.min)+" and "+strconv.Itoa(f.max))
	}
	return n, nil
}

func (f field) refuse(text, why string) error {
	return fault.New(fault.Invalid, "cron expression: %s %q: %s", f.name, text, why)
}

// number reads one or two digits; signs and spaces are not numbers here.
func number(text string) (int, error) {
	if len(text) == 0 || len(text) > 2 || strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}

// fromSunday rewrites checked days of the week, 1 to 7 from Monday, as a list
// of 0 to 6 from Sunday.
func fromSunday(text string) string {
	if wild(text) {
		return text
	}
	var days []string
	for item := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(item, "-")
		if from == "*" {
			return "*"
		}
		if !ranged {
			to = from
		}
		low, _ := strconv.Atoi(from)
		high, _ := strconv.Atoi(to)
		for day := low; day <= high; day++ {
			days = append(days, strconv.Itoa(day%7))
		}
	}
	return strings.Join(days, ",")
}
