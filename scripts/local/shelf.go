package main

import (
	"context"
	"errors"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
)

// shelf is the bucket of the journal in the emulated cloud, without a wire.
type shelf struct{ session *cloudsim.Session }

// asFault has the kinds of the project for what the cloud refuses.
func asFault(err error, key string) error {
	var refused *cloudsim.Refusal
	if errors.As(err, &refused) {
		return fault.Wrap(refused.Kind, err, "%s", key)
	}
	return err
}

// Get returns an object from an offset on.
func (s shelf) Get(_ context.Context, key string, offset int64) ([]byte, error) {
	o, err := s.session.GetObject(cloudsim.ObjectName{Bucket: journalBucket, Key: key})
	if err != nil {
		return nil, asFault(err, key)
	}
	return o.Content.Bytes()[min(offset, o.Content.Size()):], nil
}

// Append adds to the end of an object.
func (s shelf) Append(_ context.Context, key string, position int64, content []byte) error {
	_, err := s.session.AppendObject(cloudsim.AppendObjectRequest{Bucket: journalBucket, Key: key, Position: position, Content: cloudsim.ContentOf(content)})
	return asFault(err, key)
}

// List returns the keys that begin with prefix, up to last.
func (s shelf) List(_ context.Context, prefix, last string) ([]string, error) {
	var keys []string
	for after := ""; ; {
		page, err := s.session.ListObjects(cloudsim.ListObjectsRequest{Bucket: journalBucket, Prefix: prefix, After: after, Max: 1000})
		if err != nil {
			return nil, asFault(err, prefix)
		}
		for _, o := range page.Objects {
			if last != "" && o.Key > last {
				return keys, nil
			}
			keys = append(keys, o.Key)
		}
		if after = page.Next; after == "" {
			return keys, nil
		}
	}
}

// Delete removes an object.
func (s shelf) Delete(_ context.Context, key string) error {
	_, err := s.session.DeleteObject(cloudsim.ObjectName{Bucket: journalBucket, Key: key})
	return asFault(err, key)
}
