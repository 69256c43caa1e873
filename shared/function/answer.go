package function

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"time"

	"imagekeeper/shared/fault"
)

// The media types of answers.
const (
	typeJSON   = "application/json"
	typeCSV    = "text/csv; charset=utf-8; header=present"
	typeNDJSON = "application/x-ndjson"
	// typeProblem is a problem document (RFC 9457).
	typeProblem = "application/problem+json"
)

// What an output may be beside a JSON value; see Handle.
type (
	withStatus interface{ HTTPStatus() int }
	withHeader interface{ HTTPHeader() http.Header }
	withRows   interface {
		Rows() (header []string, rows iter.Seq[[]string])
	}
	withLines     interface{ Lines() iter.Seq[any] }
	withColumns   interface{ Columns() [][]string }
	withLineTypes interface{ LineTypes() []any }
	withContent   interface {
		Content() []byte
		MediaTypes() []string
	}
)

// answer is what goes back, before it is put into the platform's form.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	plain     bool   // the body is bytes of the operation's own, which need not be JSON
	operation string // empty: none was reached
	code      string // of a problem
	err       error  // for the log
}

// response is a as the answer to an HTTP event.
func (a answer) response() json.RawMessage { return encode(a.reply()) }

// document is a as the answer to any other event: always JSON, so that text
// becomes one string.
func (a answer) document() json.RawMessage {
	if kind := a.header.Get("Content-Type"); kind == typeCSV || kind == typeNDJSON || a.plain {
		return encode(string(a.body))
	}
	if len(a.body) == 0 {
		return json.RawMessage("null")
	}
	return encode(json.RawMessage(a.body))
}

func tooLong(limit int) error {
	return fault.New(fault.Exhausted, "the answer is longer than the %d bytes that can be sent; ask for less, for instance with limit, and for the rest by the nextCursor that comes then", limit).WithCode(codeAnswer)
}

// render makes an answer of what an operation returned. Its body is at most
// limit bytes.
func render(out any, asked Table, limit int) (answer, error) {
	a := answer{status: http.StatusOK, header: http.Header{}}
	if o, ok := out.(withHeader); ok {
		for name, values := range o.HTTPHeader() {
			a.header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if o, ok := out.(withStatus); ok {
		a.status = o.HTTPStatus()
	}
	if o, ok := out.(telling); ok && o.told() != nil {
		a.code, a.err = o.told().Code, errors.New(o.told().Detail)
	}
	if a.status < 200 || a.status > 599 {
		return a, fault.New(fault.Internal, "").WithCode("status")
	}
	if o, ok := out.(withContent); ok {
		if a.plain, a.body = true, o.Content(); len(a.body) > limit {
			return a, tooLong(limit)
		}
		return a, nil
	}
	body := &limited{left: limit}
	kind, err := write(body, out, asked)
	switch {
	case body.full:
		return a, tooLong(limit)
	case err != nil:
		return a, err
	}
	if a.status != http.StatusNoContent {
		a.body = body.Bytes()
		if a.header.Get("Content-Type") == "" {
			a.header.Set("Content-Type", kind)
		}
	}
	return a, nil
}

// write puts out into body in the format asked for and returns its media type.
func write(body *limited, out any, asked Table) (string, error) {
	switch asked.Format {
	case "", "json":
		return typeJSON, encoder(body).Encode(out)
	case "csv":
		if table, ok := out.(withRows); ok {
			return typeCSV, writeRows(body, table, asked.Fields, harmless)
		}
	case "excel":
		if table, ok := out.(withRows); ok {
			if _, err := body.Write([]byte(byteOrderMark)); err != nil {
				return typeCSV, err
			}
			return typeCSV, writeRows(body, table, asked.Fields, whole)
		}
	case "ndjson":
		if list, ok := out.(withLines); ok {
			return typeNDJSON, writeLines(body, list)
		}
	}
	return "", fault.InField("format", codeValue, "is not available here")
}

func encoder(body *limited) *json.Encoder {
	e := json.NewEncoder(body)
	e.SetEscapeHTML(false)
	return e
}

func writeLines(body *limited, list withLines) error {
	e := encoder(body)
	for line := range list.Lines() {
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// writeRows writes the columns asked for as CSV by RFC 4180, each cell in the way
// given.
func writeRows(body *limited, table withRows, fields []string, written func(cell string) string) error {
	w := csv.NewWriter(body)
	w.UseCRLF = true
	header, rows := table.Rows()
	columns, err := chosen(header, fields)
	if err != nil {
		return err
	}
	names := make([]string, len(columns))
	for i, at := range columns {
		names[i] = header[at]
	}
	if err := w.Write(names); err != nil {
		return err
	}
	for row := range rows {
		safe := make([]string, len(columns))
		for i, at := range columns {
			safe[i] = written(row[at])
		}
		if err := w.Write(safe); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// limited is a buffer that refuses to grow beyond what can be sent.
type limited struct {
	bytes.Buffer
	left int
	full bool
}

var errFull = errors.New("the answer is too long")

// Write fails when b does not fit any more.
func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		l.full = true
		return 0, errFull
	}
	return l.Buffer.Write(b)
}

// record writes the line of an event.
func (f *Function) record(call Call, a answer, t *trace, start time.Time) {
	attrs := []any{"operation", a.operation, "trigger", string(call.Source), "status", a.status}
	said, undone := t.line()
	attrs = append(attrs, said...)
	if a.code != "" {
		attrs = append(attrs, "code", a.code)
	}
	if a.err != nil {
		attrs = append(attrs, "error", a.err.Error())
		var p *stackError
		if errors.As(a.err, &p) {
			attrs = append(attrs, "stack", p.stack)
		}
	}
	attrs = append(attrs, "ms", time.Since(start).Milliseconds())
	call.Log.Log(context.Background(), levelOf(a.status, undone), "event", attrs...)
}
