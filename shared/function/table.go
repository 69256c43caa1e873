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

// tableOf is what an input says of the table it wants. It fails with
// fault.Invalid if there is none to choose columns of.
func tableOf(in any) (Table, error) {
	var t Table
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Struct {
		return t, nil
	}
	for _, f := range strictjson.Fields(v.Type()) {
		switch {
		case f.Name == "format" && f.Type.Kind() == reflect.String:
			t.Format = v.FieldByIndex(f.Index).String()
		case f.Name == "fields":
			t.Fields, _ = v.FieldByIndex(f.Index).Interface().([]string)
		}
	}
	if len(t.Fields) > 0 && t.Format != "csv" && t.Format != "excel" {
		return t, fault.InField("fields", "noEffect", "chooses the columns of a table, so it goes with format=csv or format=excel")
	}
	return t, nil
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
