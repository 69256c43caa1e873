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
	// List returns the keys that begin with prefix, all of them.
	List(ctx context.Context, prefix string) ([]string, error)
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

const objectSuffix = ".ndjson"

func (o *Objects) key(subject string) string {
	return o.at(subject + objectSuffix)
}

// Lines reads the whole object. A last line without an end is damage: appends
// are whole.
func (o *Objects) Lines(ctx context.Context, subject string) ([][]byte, error) {
	text, err := o.bucket.Get(ctx, o.key(subject), 0)
	if fault.Of(err) == fault.NotFound {
		o.remember(subject, end{})
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, damaged(fault.New(fault.Unknown, "the last record of %s is cut off", subject))
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(text) == 0 {
		lines = nil
	}
	o.remember(subject, end{lines: len(lines), bytes: int64(len(text))})
	return lines, nil
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
	return nil
}

// Subjects lists the keys below the prefix.
func (o *Objects) Subjects(ctx context.Context, prefix string) ([]string, error) {
	keys, err := o.bucket.List(ctx, o.at(prefix))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, k := range keys {
		if subject, ok := strings.CutSuffix(strings.TrimPrefix(strings.TrimPrefix(k, o.prefix), "/"), objectSuffix); ok {
			found = append(found, subject)
		}
	}
	slices.Sort(found)
	return found, nil
}
