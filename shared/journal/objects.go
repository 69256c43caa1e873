package journal

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"imagekeeper/shared/fault"
)

// Bucket is what the journal needs of an object store whose objects can be
// appended to at a position, as OSS's can.
type Bucket interface {
	// Get returns an object from byte offset on, and fault.NotFound if there is
	// no such object.
	Get(ctx context.Context, key string, offset int64) ([]byte, error)
	// Append adds to the end of an object, or begins it at position 0. It fails
	// with fault.Conflict if the object's length is not position.
	Append(ctx context.Context, key string, position int64, content []byte) error
	// List returns the keys that begin with prefix, in order; those up to last, if
	// it is not empty.
	List(ctx context.Context, prefix, last string) ([]string, error)
	// Delete removes an object; one that is not there is removed.
	Delete(ctx context.Context, key string) error
}

// Objects keeps each log in one appendable object, a record a line.
type Objects struct {
	bucket Bucket
	prefix string

	// mu guards ends: where the logs ended when last seen. It only saves work;
	// the store itself says whether a position is right.
	mu   sync.Mutex
	ends map[string]end
}

type end struct {
	lines int
	bytes int64
}

// OpenObjects returns the store below prefix in a bucket.
func OpenObjects(bucket Bucket, prefix string) *Objects {
	return &Objects{bucket: bucket, prefix: strings.Trim(prefix, "/"), ends: map[string]end{}}
}

// What the keys of logs end in, and those of their sums.
const (
	objectSuffix = ".ndjson"
	sumsSuffix   = ".sums"
)

func (o *Objects) key(subject string) string { return o.at(subject + objectSuffix) }

func (o *Objects) sumsKey(subject string) string { return o.at(subject + sumsSuffix) }

// Lines reads the whole object, and compares it with its sums. A last line without
// an end is damage: appends are whole.
func (o *Objects) Lines(ctx context.Context, subject string) ([][]byte, error) {
	lines, err := o.read(ctx, subject)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	sums, err := o.bucket.Get(ctx, o.sumsKey(subject), 0)
	if err != nil && fault.Of(err) != fault.NotFound {
		return nil, err
	}
	if len(sums) > len(lines)*sumLength { // written since, or cut off
		if lines, err = o.read(ctx, subject); err != nil {
			return nil, err
		}
	}
	return lines, checkSums(subject, lines, sums)
}

// read reads the object of a log.
func (o *Objects) read(ctx context.Context, subject string) ([][]byte, error) {
	text, err := o.get(ctx, o.key(subject), o.sumsKey(subject))
	if fault.Of(err) == fault.NotFound {
		o.remember(subject, end{})
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return nil, damaged(fault.New(fault.Unknown, "the last record of %s is cut off", subject))
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	o.remember(subject, end{lines: len(lines), bytes: int64(len(text))})
	return lines, nil
}

// get reads an object. That there is none is believed when the list shows neither
// it nor its companion, whose key comes behind in order; else, and if it is not
// found again, it fails with fault.Unknown.
func (o *Objects) get(ctx context.Context, key, companion string) ([]byte, error) {
	text, err := o.bucket.Get(ctx, key, 0)
	if fault.Of(err) != fault.NotFound {
		return text, err
	}
	keys, errList := o.bucket.List(ctx, key[:commonLength(key, companion)], companion)
	switch {
	case errList != nil:
		return nil, errList
	case !slices.Contains(keys, key) && !slices.Contains(keys, companion):
		return nil, err
	}
	if text, err = o.bucket.Get(ctx, key, 0); fault.Of(err) == fault.NotFound { // else it was made just now
		return nil, fault.Wrap(fault.Unknown, err, "the bucket lists %s, and says that there is no such object", o.name(key)).WithCode("journalUnsettled")
	}
	return text, err
}

func commonLength(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// end is where the log ended when last seen; the beginning if it never was.
func (o *Objects) end(subject string) end {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ends[subject]
}

func (o *Objects) remember(subject string, e end) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends[subject] = e
}

// Add appends a line at the byte where the position begins.
func (o *Objects) Add(ctx context.Context, subject string, position int, line []byte) error {
	at := o.end(subject)
	if at.lines != position {
		if _, err := o.Lines(ctx, subject); err != nil {
			return err
		}
		at = o.end(subject)
	}
	if at.lines != position {
		return taken(subject, position)
	}
	content := append(slices.Clone(line), '\n')
	if err := o.bucket.Append(ctx, o.key(subject), at.bytes, content); err != nil {
		return err
	}
	o.remember(subject, end{lines: position + 1, bytes: at.bytes + int64(len(content))})
	o.sumUp(ctx, subject, position, line)
	return nil
}

// sumUp adds the sum of a record at its place, and those of the records before it
// that have none. The record stands without it, too: whoever writes the next one
// makes up for it.
func (o *Objects) sumUp(ctx context.Context, subject string, position int, line []byte) {
	err := o.bucket.Append(ctx, o.sumsKey(subject), int64(position)*sumLength, sumLine(line))
	if fault.Of(err) != fault.Conflict {
		return
	}
	sums, err := o.bucket.Get(ctx, o.sumsKey(subject), 0)
	if err != nil && fault.Of(err) != fault.NotFound || len(sums)%sumLength != 0 {
		return
	}
	lines, err := o.read(ctx, subject)
	if first := len(sums) / sumLength; err == nil && first < len(lines) {
		var rest []byte
		for _, line := range lines[first:] {
			rest = append(rest, sumLine(line)...)
		}
		// Another writer may be doing the same.
		_ = o.bucket.Append(ctx, o.sumsKey(subject), int64(len(sums)), rest)
	}
}

// Subjects lists the keys below the prefix.
func (o *Objects) Subjects(ctx context.Context, prefix string) ([]string, error) {
	keys, err := o.bucket.List(ctx, o.at(prefix), "")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, k := range keys {
		if subject, ok := strings.CutSuffix(o.name(k), objectSuffix); ok {
			found = append(found, subject)
		}
	}
	slices.Sort(found)
	return found, nil
}
