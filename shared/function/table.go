package function

import (
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
	if len(t.Fields) > 0 && t.Format != "csv" && t.Format != "excel" {
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
