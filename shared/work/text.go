package work

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/plan"
)

// longText is how long the text of a document is that is kept packed.
const longText = 1 << 20

// Text is how a document is kept: JSON, and packed where it is long. The same document
// has the same text.
func (d Document) Text() ([]byte, error) {
	others := d.Others
	many := d.Many
	d.Others, d.Many = nil, nil
	head, err := json.Marshal(d)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a plan cannot be written as JSON")
	}
	t := &text{}
	_, err = t.Write(head[:len(head)-1])
	separator, end := `,"others":[`, "}"
	write := func(step plan.StoredStep) bool { // one by one: there may be very many
		one, bad := json.Marshal(step)
		if err = errors.Join(err, bad); err == nil {
			_, err = t.Write(append([]byte(separator), one...))
		}
		separator, end = ",", "]}"
		return err == nil
	}
	if many != nil {
		many(write)
	}
	for n := range others {
		write(others[n])
	}
	if err == nil {
		_, err = t.Write([]byte(end))
	}
	if err == nil && t.packer != nil {
		err = t.packer.Close()
	}
	if err != nil { // a buffer has no way to fail
		return nil, fault.Wrap(fault.Internal, err, "a plan cannot be written")
	}
	return t.kept.Bytes(), nil
}

// text packs what is written to it as soon as that is long.
type text struct {
	kept   bytes.Buffer
	packer *gzip.Writer
}

// Write adds to it.
func (t *text) Write(more []byte) (int, error) {
	if t.packer != nil {
		return t.packer.Write(more)
	}
	t.kept.Write(more)
	if t.kept.Len() <= longText {
		return len(more), nil
	}
	plain := t.kept
	t.kept = bytes.Buffer{}
	t.packer, _ = gzip.NewWriterLevel(&t.kept, gzip.BestSpeed) // it fails only for a level that there is not
	_, err := t.packer.Write(plain.Bytes())
	return len(more), err
}

// DocumentOf reads the text of a document, packed or not.
func DocumentOf(kept []byte) (d Document, err error) {
	if !bytes.HasPrefix(kept, []byte{0x1f, 0x8b}) {
		return d, json.Unmarshal(kept, &d)
	}
	plain, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return d, err
	}
	decoder := json.NewDecoder(plain)
	if err = decoder.Decode(&d); err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			err = plain.Close()
		}
	}
	return d, err
}
