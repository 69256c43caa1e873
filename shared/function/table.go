package function

import (
	"iter"
	"reflect"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// Table is what an input embeds whose answer is a table, too.
type Table struct {
	Format string   `json:"format" validate:"omitempty,oneof=json csv excel ndjson" doc:"Default json; excel is csv that Excel reads without losing digits or characters"`
	Fields []string `json:"fields" validate:"max=60,unique,dive,min=1,max=60" doc:"The columns of the table, in this order; for format=csv and excel. Default all"`
}

// Tabular reports whether a table is asked for, which has place for one list only.
func (t Table) Tabular() bool { return t.Format == "csv" || t.Format == "excel" }

// Listed reports whether one list is asked for, in rows or in lines.
func (t Table) Listed() bool { return t.Tabular() || t.Format == "ndjson" }

// Unfit fails with fault.Invalid if a table is asked for and a parameter, which adds
// what a table has no place for, is given.
func (t Table) Unfit(parameter string, given bool) error {
	if given && t.Tabular() {
		return fault.InField(parameter, "notInFormat", "does not go into a table; use format json or ndjson")
	}
	return nil
}

// Sheet is how rows of one type stand in a table: the names of the columns, and the
// cells of a row, one for each.
type Sheet[T any] struct {
	Header []string
	Cells  func(row T) []string
}

// Of are rows as the Rows of an output.
func (s Sheet[T]) Of(rows []T) ([]string, iter.Seq[[]string]) {
	return s.Header, func(yield func([]string) bool) {
		for _, row := range rows {
			if !yield(s.Cells(row)) {
				return
			}
		}
	}
}

// LinesOf are rows as the Lines of an output: one for each, and then one with the
// rest of the answer, so that whoever reads to the end knows that nothing is missing.
func LinesOf[T any](rows []T, last any) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, row := range rows {
			if !yield(row) {
				return
			}
		}
		yield(last)
	}
}

// tableOf is what an input that embeds a Table says of the table it wants; fields
// of others that are called format or fields are their own. It fails with
// fault.Invalid if there is no table to choose columns of.
func tableOf(in any) (Table, error) {
	v := reflect.ValueOf(in)
	at := tableIn(reflect.TypeOf(in))
	if at == nil {
		return Table{}, nil
	}
	t, _ := v.FieldByIndex(at).Interface().(Table) // tableIn found it by its type
	if len(t.Fields) > 0 && !t.Tabular() {
		return t, fault.InField("fields", "noEffect", "chooses the columns of a table, so it goes with format=csv or format=excel")
	}
	return t, nil
}

// tableIn is where a type of input embeds a Table; nil if it embeds none.
func tableIn(in reflect.Type) []int {
	if in == nil || in.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(in) {
		if f.Anonymous && f.Type == reflect.TypeFor[Table]() {
			return f.Index
		}
	}
	return nil
}

// chosen are the positions of the fields asked for in a header; of all, if none is.
func chosen(header, fields []string) ([]int, error) {
	if len(fields) == 0 {
		fields = header
	}
	columns := make([]int, len(fields))
	for i, name := range fields {
		at := slices.Index(header, name)
		if at < 0 {
			return nil, fault.InField("fields", codeValue, "%s is no column of this table; there are %s", strictjson.Shown(name), strings.Join(header, ", "))
		}
		columns[i] = at
	}
	return columns, nil
}
