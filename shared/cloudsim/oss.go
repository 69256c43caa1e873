package cloudsim

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"fmt"
	"hash/crc64"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// objectStore is the Object Storage Service: buckets by name, whosever they are.
// Its zero value is empty.
type objectStore struct {
	mu      sync.RWMutex
	buckets map[string]*bucket
	// watchers hear of every change, in the order of changes.
	watchers []func(ObjectEvent)
}

// bucket holds objects; keys are theirs in order.
type bucket struct {
	BucketInfo
	objects map[string]*Object
	keys    []string
}

// BucketInfo describes a bucket.
type BucketInfo struct {
	Name      string
	Owner     image.AccountID
	Region    image.RegionID
	CreatedAt time.Time
}

// Object is one object as it is now. Its Content must not be changed.
type Object struct {
	Key         string
	Content     []byte
	ContentType string
	// Meta are the x-oss-meta- headers, by the rest of their names.
	Meta map[string]string
	// ETag is 32 hexadecimal digits, in capitals.
	ETag string
	// CRC is the CRC-64 (ECMA) of the content.
	CRC uint64
	// Appendable: made by AppendObject, else by PutObject.
	Appendable bool
	ModifiedAt time.Time
}

// ObjectEvent is a change of an object, as a notification tells it.
type ObjectEvent struct {
	// Name is e.g. "ObjectCreated:PutObject".
	Name   string
	Bucket BucketInfo
	Key    string
	// Size is that of the object now, Delta what was added; both 0 if it is gone.
	Size, Delta int64
	ETag        string
	ContentType string
	At          time.Time
	By          Caller
}

// WatchObjects makes watcher hear of every change of an object. It is called
// after the change, in the order of changes, and must not call the cloud.
func (c *Cloud) WatchObjects(watcher func(ObjectEvent)) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.watchers = append(c.store.watchers, watcher)
}

// permitObjects refuses unless the caller may do the OSS operation on what is
// named: "bucket", or "bucket/key".
func (s *Session) permitObjects(operation, name string) error {
	resource := "acs:oss:*:" + string(s.caller.Account) + ":" + name
	if action := "oss:" + operation; !s.caller.may(action, resource) {
		return deniedObjects(action, "You have no right to access this object because of bucket acl.")
	}
	return nil
}

func deniedObjects(action, message string) *Refusal {
	no := refuseAs(fault.Forbidden, 403, "AccessDenied", "%s", message)
	no.Action = action
	return no
}

// bucket returns a bucket of the caller's. The store must be locked.
func (s *Session) bucket(name, operation string) (*bucket, error) {
	b := s.cloud.store.buckets[name]
	switch {
	case !bucketName(name):
		return nil, malformed(400, "InvalidBucketName", "The specified bucket is not valid.")
	case b == nil:
		return nil, refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
	case b.Owner != s.caller.Account:
		return nil, deniedObjects("oss:"+operation, "You do not have read acl permission on this object.")
	}
	return b, nil
}

// bucketName: 3 to 63 small letters, digits and hyphens, none at the ends.
func bucketName(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && name == strings.Trim(name, "-") &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// checkKey refuses names that OSS does not take.
func checkKey(key string) error {
	if key == "" || len(key) > 1023 || key[0] == '/' || key[0] == '\\' {
		return malformed(400, "InvalidObjectName", "The specified object is not valid.")
	}
	return nil
}

// PutBucket makes a bucket in a region. Making one's own again is a success.
// Refusals: InvalidBucketName, BucketAlreadyExists, InvalidLocationConstraint,
// AccessDenied.
func (s *Session) PutBucket(name string, region image.RegionID) error {
	if err := s.permitObjects("PutBucket", name); err != nil {
		return err
	}
	if !bucketName(name) {
		return malformed(400, "InvalidBucketName", "The specified bucket is not valid.")
	}
	if _, known := placeOf(region); !known {
		return malformed(400, "InvalidLocationConstraint", "The specified location-constraint is not valid.")
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	if b := store.buckets[name]; b != nil {
		if b.Owner == s.caller.Account && b.Region == region {
			return nil
		}
		return refuse(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
	}
	if store.buckets == nil {
		store.buckets = map[string]*bucket{}
	}
	store.buckets[name] = &bucket{BucketInfo{name, s.caller.Account, region, now.Truncate(time.Second)}, map[string]*Object{}, nil}
	return nil
}

// DeleteBucket removes an empty bucket. Refusals: NoSuchBucket, BucketNotEmpty,
// AccessDenied.
func (s *Session) DeleteBucket(name string) error {
	if err := s.permitObjects("DeleteBucket", name); err != nil {
		return err
	}
	store := &s.cloud.store
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(name, "DeleteBucket")
	if err != nil {
		return err
	}
	if len(b.keys) > 0 {
		return refuse(409, "BucketNotEmpty", "The bucket you tried to delete is not empty.")
	}
	delete(store.buckets, name)
	return nil
}

// GetBucketInfo describes a bucket. Refusals: NoSuchBucket, AccessDenied.
func (s *Session) GetBucketInfo(name string) (BucketInfo, error) {
	if err := s.permitObjects("GetBucketInfo", name); err != nil {
		return BucketInfo{}, err
	}
	store := &s.cloud.store
	store.mu.RLock()
	defer store.mu.RUnlock()
	b, err := s.bucket(name, "GetBucketInfo")
	if err != nil {
		return BucketInfo{}, err
	}
	return b.BucketInfo, nil
}

// ListBuckets lists the caller's buckets in the order of their names.
func (s *Session) ListBuckets() ([]BucketInfo, error) {
	if err := s.permitObjects("ListBuckets", "*"); err != nil {
		return nil, err
	}
	store := &s.cloud.store
	store.mu.RLock()
	defer store.mu.RUnlock()
	var own []BucketInfo
	for _, name := range slices.Sorted(maps.Keys(store.buckets)) {
		if b := store.buckets[name]; b.Owner == s.caller.Account {
			own = append(own, b.BucketInfo)
		}
	}
	return own, nil
}

// PutObjectRequest are the parameters of PutObject.
type PutObjectRequest struct {
	Bucket, Key, ContentType string
	Content                  []byte
	Meta                     map[string]string
	// ForbidOverwrite: an object that is there stays.
	ForbidOverwrite bool
}

// PutObject writes a whole object. Refusals: NoSuchBucket, InvalidObjectName,
// FileAlreadyExists, AccessDenied.
func (s *Session) PutObject(req PutObjectRequest) (Object, error) {
	return s.write("PutObject", req.Bucket, req.Key, func(old *Object) (*Object, error) {
		if old != nil && req.ForbidOverwrite {
			return nil, refuse(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
		}
		return &Object{
			Key: req.Key, Content: bytes.Clone(req.Content), ContentType: cmp.Or(req.ContentType, defaultContentType), Meta: maps.Clone(req.Meta),
			ETag: fmt.Sprintf("%X", md5.Sum(req.Content)), CRC: crc64.Checksum(req.Content, crc64.MakeTable(crc64.ECMA)),
		}, nil
	})
}

const defaultContentType = "application/octet-stream"

// AppendObjectRequest are the parameters of AppendObject.
type AppendObjectRequest struct {
	Bucket, Key, ContentType string
	Content                  []byte
	Meta                     map[string]string
	// Position is the length that the object must have.
	Position int64
}

// AppendObject adds to the end of an object, or makes it at position 0.
// Refusals: NoSuchBucket, InvalidObjectName, ObjectNotAppendable,
// PositionNotEqualToLength, AccessDenied.
func (s *Session) AppendObject(req AppendObjectRequest) (Object, error) {
	return s.write("AppendObject", req.Bucket, req.Key, func(old *Object) (*Object, error) {
		if old == nil {
			old = &Object{Key: req.Key, ContentType: cmp.Or(req.ContentType, defaultContentType), Meta: maps.Clone(req.Meta), Appendable: true}
		}
		switch {
		case !old.Appendable:
			return nil, refuse(409, "ObjectNotAppendable", "The object is not appendable")
		case int64(len(old.Content)) != req.Position:
			return nil, refuse(409, "PositionNotEqualToLength", "Position is not equal to file length")
		}
		next := *old
		// Readers of the old content see it only up to its old length.
		next.Content = append(old.Content, req.Content...)
		next.CRC = crc64.Update(old.CRC, crc64.MakeTable(crc64.ECMA), req.Content)
		next.ETag = fmt.Sprintf("%032X", next.CRC)
		return &next, nil
	})
}

// write makes the next state of an object and tells the watchers.
func (s *Session) write(operation, bucketName, key string, next func(old *Object) (*Object, error)) (Object, error) {
	if err := s.permitObjects("PutObject", bucketName+"/"+key); err != nil {
		return Object{}, err
	}
	if err := checkKey(key); err != nil {
		return Object{}, err
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(bucketName, "PutObject")
	if err != nil {
		return Object{}, err
	}
	old := b.objects[key]
	o, err := next(old)
	if err != nil {
		return Object{}, err
	}
	o.ModifiedAt = now.Truncate(time.Second)
	if at, found := slices.BinarySearch(b.keys, key); !found {
		b.keys = slices.Insert(b.keys, at, key)
	}
	b.objects[key] = o
	before := 0
	if old != nil {
		before = len(old.Content)
	}
	store.tell(ObjectEvent{
		Name: "ObjectCreated:" + operation, Bucket: b.BucketInfo, Key: key, Size: int64(len(o.Content)), Delta: int64(len(o.Content) - before),
		ETag: o.ETag, ContentType: o.ContentType, At: now, By: s.caller,
	})
	return *o, nil
}

func (o *objectStore) tell(e ObjectEvent) {
	for _, watcher := range o.watchers {
		watcher(e)
	}
}

// GetObject returns an object. Refusals: NoSuchBucket, NoSuchKey, AccessDenied.
func (s *Session) GetObject(bucketName, key string) (Object, error) {
	if err := s.permitObjects("GetObject", bucketName+"/"+key); err != nil {
		return Object{}, err
	}
	store := &s.cloud.store
	store.mu.RLock()
	defer store.mu.RUnlock()
	b, err := s.bucket(bucketName, "GetObject")
	if err != nil {
		return Object{}, err
	}
	o := b.objects[key]
	if o == nil {
		return Object{}, refuse(404, "NoSuchKey", "The specified key does not exist.")
	}
	return *o, nil
}

// DeleteObject removes an object; one that is not there is a success. Refusals:
// NoSuchBucket, AccessDenied.
func (s *Session) DeleteObject(bucketName, key string) error {
	if err := s.permitObjects("DeleteObject", bucketName+"/"+key); err != nil {
		return err
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(bucketName, "DeleteObject")
	if err != nil {
		return err
	}
	if b.objects[key] == nil {
		return nil
	}
	at, _ := slices.BinarySearch(b.keys, key)
	b.keys = slices.Delete(b.keys, at, at+1)
	delete(b.objects, key)
	store.tell(ObjectEvent{Name: "ObjectRemoved:DeleteObject", Bucket: b.BucketInfo, Key: key, At: now, By: s.caller})
	return nil
}

// ListObjectsRequest are the parameters of both listings.
type ListObjectsRequest struct {
	Bucket, Prefix, Delimiter string
	// After: only what comes after it, be it a key or a common prefix.
	After string
	// Max is how many keys and common prefixes a page has at most.
	Max int
}

// ObjectsPage is one page of a listing.
type ObjectsPage struct {
	Objects []Object
	// Prefixes are the common prefixes, up to and with the delimiter.
	Prefixes []string
	// Next is where the next page begins; empty: this is the last.
	Next string
}

// ListObjects lists keys in byte order. Refusals: NoSuchBucket, AccessDenied.
func (s *Session) ListObjects(req ListObjectsRequest) (ObjectsPage, error) {
	if err := s.permitObjects("ListObjects", req.Bucket); err != nil {
		return ObjectsPage{}, err
	}
	store := &s.cloud.store
	store.mu.RLock()
	defer store.mu.RUnlock()
	b, err := s.bucket(req.Bucket, "ListObjects")
	if err != nil {
		return ObjectsPage{}, err
	}
	var page ObjectsPage
	last := ""
	from, _ := slices.BinarySearch(b.keys, max(req.Prefix, req.After))
	for _, key := range b.keys[from:] {
		if !strings.HasPrefix(key, req.Prefix) {
			break
		}
		name, common := grouped(key, req)
		if name <= req.After || name == last && common {
			continue
		}
		if len(page.Objects)+len(page.Prefixes) >= req.Max {
			page.Next = last
			return page, nil
		}
		if last = name; common {
			page.Prefixes = append(page.Prefixes, name)
		} else {
			page.Objects = append(page.Objects, *b.objects[key])
		}
	}
	return page, nil
}

// grouped is the common prefix that a key belongs to, else the key.
func grouped(key string, req ListObjectsRequest) (name string, common bool) {
	if req.Delimiter == "" {
		return key, false
	}
	at := strings.Index(key[len(req.Prefix):], req.Delimiter)
	if at < 0 {
		return key, false
	}
	return key[:len(req.Prefix)+at+len(req.Delimiter)], true
}
