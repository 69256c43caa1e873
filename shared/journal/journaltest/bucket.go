package journaltest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"imagekeeper/shared/fault"
)

// Bucket is an object store in memory. It is a journal.Bucket.
type Bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	keys    []string // in order
	calls   int
	bytes   int
	watch   func(objects map[string][]byte)
}

// NewBucket returns one without objects. watch, if it is not nil, is called after
// every change with the objects as they are, and must neither keep nor change them.
func NewBucket(watch func(objects map[string][]byte)) *Bucket {
	return &Bucket{objects: map[string][]byte{}, watch: watch}
}

// Calls is how many calls were made, and Bytes how many were written.
func (b *Bucket) Calls() (calls, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls, b.bytes
}

// Objects is a copy of what is in it.
func (b *Bucket) Objects() map[string][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.objects)
}

// Get returns an object from offset on.
func (b *Bucket) Get(_ context.Context, key string, offset int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	object, ok := b.objects[key]
	if !ok {
		return nil, fault.New(fault.NotFound, "no object %s", key)
	}
	return slices.Clone(object[offset:]), nil
}

// Append adds to the end of an object.
func (b *Bucket) Append(_ context.Context, key string, position int64, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if int64(len(b.objects[key])) != position {
		return fault.New(fault.Conflict, "the object is %d long", len(b.objects[key]))
	}
	if at, there := slices.BinarySearch(b.keys, key); !there {
		b.keys = slices.Insert(b.keys, at, key)
	}
	b.objects[key] = append(b.objects[key][:position:position], content...)
	b.bytes += len(content)
	b.changed()
	return nil
}

// List returns the keys with a prefix, up to last.
func (b *Bucket) List(_ context.Context, prefix, last string) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	first, _ := slices.BinarySearch(b.keys, prefix)
	to := first
	for to < len(b.keys) && strings.HasPrefix(b.keys[to], prefix) && (last == "" || b.keys[to] <= last) {
		to++
	}
	return slices.Clone(b.keys[first:to]), nil
}

// Delete removes an object.
func (b *Bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if at, there := slices.BinarySearch(b.keys, key); there {
		b.keys = slices.Delete(b.keys, at, at+1)
	}
	delete(b.objects, key)
	b.changed()
	return nil
}

func (b *Bucket) changed() {
	if b.watch != nil {
		b.watch(b.objects)
	}
}
