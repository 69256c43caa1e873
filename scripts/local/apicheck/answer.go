package apicheck

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// usual are headers that an answer may have without being told of it: those of
// HTTP itself and of the platform.
func usual() []string {
	return []string{"Content-Type", "Content-Length", "Date", "X-Fc-Request-Id", "Vary", "Connection"}
}

// answer says what is not described of an answer.
func (w *Checker) answer(op operation, x Exchange) []error {
	described, at := w.resolve(member(op.is["responses"], strconv.Itoa(x.Status)), op.at+pointer("responses", strconv.Itoa(x.Status)))
	if described == nil {
		return []error{fmt.Errorf("operation %s does not know this status: %s", op.id, short(x.Answer))}
	}
	told := object{}
	for _, name := range sorted(described["headers"]) {
		told[http.CanonicalHeaderKey(name)] = member(described["headers"], name)
	}
	var found []error
	for _, name := range slices.Sorted(maps.Keys(x.Answered)) {
		header, _ := w.resolve(told[name], "")
		switch {
		case header == nil && !slices.Contains(usual(), name):
			found = append(found, fmt.Errorf("the answer has the header %s, which the document does not tell of", name))
		case header != nil:
			if _, err := scalar(member(header, "schema"), x.Answered.Get(name)); err != nil {
				found = append(found, fmt.Errorf("header %s: %w", name, err))
			}
		}
	}
	if err := w.content(described, at, x); err != nil {
		found = append(found, err)
	}
	return found
}

// unpacked is the body of an answer before it was compressed.
func unpacked(x Exchange) ([]byte, error) {
	if x.Answered.Get("Content-Encoding") == "" {
		return x.Answer, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(x.Answer))
	if err != nil {
		return nil, fmt.Errorf("the answer says that it is compressed: %w", err)
	}
	return io.ReadAll(r)
}

// content holds the body of an answer against what its media type is to be.
func (w *Checker) content(described object, at string, x Exchange) error {
	if x.Method == http.MethodHead { // the server drops what a handler writes
		return nil
	}
	if described["content"] == nil {
		if len(x.Answer) > 0 {
			return fmt.Errorf("the answer has a body where none is described: %s", short(x.Answer))
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(x.Answered.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", x.Answered.Get("Content-Type"), err)
	}
	content := member(described["content"], media)
	if content == nil {
		return fmt.Errorf("the answer is %s, which the document does not tell of", media)
	}
	at += pointer("content", media)
	switch media {
	case "text/csv":
		return table(x, member(content, "x-columns"))
	case "application/x-ndjson":
		return w.lines(x.Answer, at)
	}
	body, err := unpacked(x)
	switch {
	case err != nil:
		return err
	case media != "application/json" && media != "application/problem+json":
		return nil // text has no form of its own
	}
	if err := w.validateText(body, at+"/schema"); err != nil {
		return fmt.Errorf("the answer: %w: %s", err, short(x.Answer))
	}
	return nil
}

// table holds CSV against the headers there may be, of which the request may have
// chosen some.
func table(x Exchange, columns any) error {
	raw := bytes.TrimPrefix(x.Answer, []byte("\ufeff"))
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		return fmt.Errorf("the answer is not CSV: %w", err)
	}
	headers, _ := columns.([]any)
	chosen := x.URL.Query().Get("fields")
	known := func(header any) bool {
		if len(rows) == 0 {
			return false
		}
		if chosen == "" {
			return fmt.Sprint(header) == fmt.Sprint(rows[0])
		}
		all, _ := header.([]any)
		return strings.Join(rows[0], ",") == chosen && !slices.ContainsFunc(rows[0], func(name string) bool { return !slices.Contains(all, any(name)) })
	}
	if !slices.ContainsFunc(headers, known) {
		return fmt.Errorf("the table has other columns than the document: %s", short(raw))
	}
	return nil
}

// lines holds NDJSON against x-line; the last line says that it is the last.
func (w *Checker) lines(raw []byte, at string) error {
	var last json.RawMessage
	for line := range bytes.Lines(raw) {
		if err := w.validateText(line, at+"/x-line"); err != nil {
			return fmt.Errorf("a line of the answer: %w: %s", err, short(line))
		}
		last = line
	}
	if string(decoded(last)["end"]) != "true" {
		return errors.New("the last line of the answer does not say that it is the last")
	}
	return nil
}

// short is the beginning of a body, for a message.
func short(raw []byte) string {
	const enough = 300
	if len(raw) > enough {
		return strings.ToValidUTF8(string(raw[:enough]), "") + "…"
	}
	return strings.TrimSpace(string(raw))
}
