package cloudsim

import (
	"cmp"
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ObjectName names an object: its newest version, or one of them.
type ObjectName struct {
	Bucket, Key string
	// VersionID is empty for the newest; "null" is the one that was written while
	// the bucket kept no versions.
	VersionID string
}

func (n ObjectName) resource() string { return n.Bucket + "/" + n.Key }

// ObjectType is how an object was written.
type ObjectType string

// The types of objects.
const (
	TypeNormal     ObjectType = "Normal"
	TypeAppendable ObjectType = "Appendable"
	TypeMultipart  ObjectType = "Multipart"
)

// ObjectTag is a tag of an object.
type ObjectTag struct{ Key, Value string }

// ObjectSettings are what a writer says of an object beside its content.
type ObjectSettings struct {
	ContentType string
	// Headers are those that are given back to readers as they came, such as
	// Cache-Control, by their canonical names.
	Headers map[string]string
	// Meta are the x-oss-meta- headers, by the rest of their names.
	Meta map[string]string
	// StorageClass, ACL and Encryption: empty for the bucket's.
	StorageClass StorageClass
	ACL          ACL
	Encryption   ObjectEncryption
	Tags         []ObjectTag
}

// Object is one version of an object.
type Object struct {
	ObjectSettings
	Key string
	// VersionID is empty in a bucket that never kept versions.
	VersionID string
	// DeleteMarker: the version says that the object was deleted, and has nothing.
	DeleteMarker bool
	// Latest: no version is newer.
	Latest  bool
	Content Content
	// ETag is 32 hexadecimal digits, in capitals; of an object that was put together
	// from parts their number follows.
	ETag       string
	Type       ObjectType
	ModifiedAt time.Time
	// Restored says whether an archived object can be read.
	Restored RestoreState

	restore restoring
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

// checkKey refuses names that OSS does not take.
func checkKey(key string) error {
	if key == "" || len(key) > 1023 || key[0] == '/' || key[0] == '\\' {
		return malformed(400, "InvalidObjectName", "The specified object is not valid.")
	}
	return nil
}

// check refuses settings that no object can have.
func (o ObjectSettings) check() error {
	switch {
	case o.StorageClass != "" && !o.StorageClass.known():
		return malformed(400, "InvalidArgument", "The storage class you specified is not valid.")
	case o.ACL != "" && !o.ACL.known(true):
		return malformed(400, "InvalidArgument", "no such object access control exists")
	}
	if err := checkTags(o.Tags); err != nil {
		return err
	}
	return o.Encryption.check()
}

// within are the settings of an object of the bucket.
func (o ObjectSettings) within(b *bucket) ObjectSettings {
	o.ContentType = cmp.Or(o.ContentType, defaultContentType)
	o.StorageClass = cmp.Or(o.StorageClass, b.StorageClass)
	o.ACL = cmp.Or(o.ACL, ACLDefault)
	o.Encryption = cmp.Or(o.Encryption, b.Encryption)
	o.Meta, o.Headers, o.Tags = maps.Clone(o.Meta), maps.Clone(o.Headers), slices.Clone(o.Tags)
	return o
}

const defaultContentType = "application/octet-stream"

// etag is the one of an object that was written at once.
func etag(c Content) string {
	sum := c.MD5()
	if sum == [md5.Size]byte{} { // it is not known
		sum = ContentOf(c.Bytes()).MD5()
	}
	return fmt.Sprintf("%X", sum)
}

// PutObjectRequest are the parameters of PutObject.
type PutObjectRequest struct {
	Bucket, Key string
	Content     Content
	Settings    ObjectSettings
	// ForbidOverwrite: an object that is there stays; without effect in a bucket
	// that keeps versions, or did.
	ForbidOverwrite bool
	// Form: it came as a form (PostObject).
	Form bool
}

// PutObject writes a whole object. Refusals: NoSuchBucket, InvalidObjectName,
// FileAlreadyExists, FileImmutable, those of the settings, AccessDenied.
func (s *Session) PutObject(req PutObjectRequest) (Object, error) {
	event := "ObjectCreated:PutObject"
	if req.Form {
		event = "ObjectCreated:PostObject"
	}
	return s.write(writing{event, req.Bucket, req.Key, req.ForbidOverwrite}, func(b *bucket, _ *Object) (*Object, error) {
		if err := req.Settings.check(); err != nil {
			return nil, err
		}
		return &Object{ObjectSettings: req.Settings.within(b), Content: req.Content, ETag: etag(req.Content), Type: TypeNormal}, nil
	})
}

// AppendObjectRequest are the parameters of AppendObject.
type AppendObjectRequest struct {
	Bucket, Key string
	Content     Content
	// Settings count for the first part only.
	Settings ObjectSettings
	// Position is the length that the object must have.
	Position int64
}

// longestAppended is how long an object that is appended to can become.
const longestAppended = 5 << 30

// AppendObject adds to the end of an object, or makes it at position 0.
// Refusals: NoSuchBucket, InvalidObjectName, ObjectNotAppendable,
// PositionNotEqualToLength, FileImmutable, EntityTooLarge, AccessDenied. With
// PositionNotEqualToLength comes the object as it is.
func (s *Session) AppendObject(req AppendObjectRequest) (Object, error) {
	var before Object
	o, err := s.write(writing{"ObjectCreated:AppendObject", req.Bucket, req.Key, false}, func(b *bucket, old *Object) (*Object, error) {
		if old == nil {
			if err := req.Settings.check(); err != nil {
				return nil, err
			}
			old = &Object{ObjectSettings: req.Settings.within(b), Type: TypeAppendable}
		}
		before = *old
		switch {
		case old.Type != TypeAppendable:
			return nil, refuse(409, "ObjectNotAppendable", "The object is not appendable")
		case old.Content.Size() != req.Position:
			return nil, refuse(409, "PositionNotEqualToLength", "Position is not equal to file length")
		case old.Content.Size()+req.Content.Size() > longestAppended:
			return nil, malformed(400, "EntityTooLarge", "Your proposed append exceeds the maximum allowed object size.")
		}
		next := *old
		next.Content = old.Content.grown(req.Content)
		next.ETag = fmt.Sprintf("%032X", next.Content.CRC())
		return &next, nil
	})
	if err != nil {
		return before, err
	}
	return o, nil
}

// writing is one way to write an object.
type writing struct {
	event, bucket, key string
	forbidOverwrite    bool
}

// write makes the next state of an object and tells the watchers.
func (s *Session) write(w writing, next func(b *bucket, old *Object) (*Object, error)) (Object, error) {
	if err := s.permitObjects("PutObject", w.bucket+"/"+w.key); err != nil {
		return Object{}, err
	}
	if err := checkKey(w.key); err != nil {
		return Object{}, err
	}
	now := s.cloud.now()
	s.cloud.store.mu.Lock()
	defer s.cloud.store.mu.Unlock()
	b, err := s.writable(w.bucket)
	if err != nil {
		return Object{}, err
	}
	return s.put(b, w, now, next)
}

// writable returns a bucket that the caller may write into. The store must be locked.
func (s *Session) writable(name string) (*bucket, error) {
	b, err := s.anyBucket(name)
	if err == nil && b.Owner != s.caller.Account && !b.ACL.writes() {
		return nil, deniedObjects("oss:PutObject", "You have no right to access this object because of bucket acl.")
	}
	return b, err
}

// put makes the next state of an object in a bucket, and tells the watchers. The
// store must be locked.
func (s *Session) put(b *bucket, w writing, now time.Time, next func(b *bucket, old *Object) (*Object, error)) (Object, error) {
	old := b.live(w.key)
	if old != nil && w.forbidOverwrite && b.Versioning == "" {
		return Object{}, refuse(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
	}
	o, err := next(b, old)
	if err != nil {
		return Object{}, err
	}
	grows := old != nil && o.Type == TypeAppendable
	if err := b.keeps(old, now); err != nil {
		return Object{}, err
	}
	o.Key, o.ModifiedAt = w.key, now.Truncate(time.Second)
	if grows {
		b.objects[w.key][len(b.objects[w.key])-1] = o
	} else {
		s.cloud.store.place(b, o)
	}
	before := int64(0)
	if old != nil {
		before = old.Content.Size()
	}
	s.cloud.store.tell(ObjectEvent{
		Name: w.event, Bucket: b.BucketInfo, Key: w.key, Size: o.Content.Size(), Delta: o.Content.Size() - before,
		ETag: o.ETag, ContentType: o.ContentType, At: now, By: s.caller,
	})
	return b.shown(o, now), nil
}

func (o *objectStore) tell(e ObjectEvent) {
	for _, watcher := range o.watchers {
		watcher(e)
	}
}

// readable finds what the caller may do an operation with: as its owner, or
// because everybody may read it. The store must be locked. A delete marker comes
// with the refusal that it leads to.
func (s *Session) readable(name ObjectName, operation string) (*bucket, *Object, error) {
	b, err := s.anyBucket(name.Bucket)
	if err != nil {
		return nil, nil, err
	}
	o := b.version(name.Key, name.VersionID)
	if b.Owner != s.caller.Account && !(o != nil && o.open(b)) {
		return nil, nil, deniedObjects("oss:"+operation, "You do not have read permission on this object.")
	}
	switch {
	case o == nil && name.VersionID != "":
		return b, nil, refuse(404, "NoSuchVersion", "The specified version does not exist.")
	case o == nil:
		return b, nil, refuse(404, "NoSuchKey", "The specified key does not exist.")
	case o.DeleteMarker && name.VersionID != "":
		return b, o, refuse(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case o.DeleteMarker:
		return b, o, refuse(404, "NoSuchKey", "The specified key does not exist.")
	}
	return b, o, nil
}

// open reports whether everybody may read the object.
func (o *Object) open(b *bucket) bool {
	if o.ACL == ACLDefault {
		return b.ACL.reads()
	}
	return o.ACL.reads()
}

// HeadObject describes an object. Refusals: NoSuchBucket, NoSuchKey,
// NoSuchVersion, MethodNotAllowed, AccessDenied; with the third and a NoSuchKey
// that is due to one comes a delete marker.
func (s *Session) HeadObject(name ObjectName) (Object, error) {
	return s.read(name, "GetObject")
}

// GetObject returns an object. Refusals: those of HeadObject, and
// InvalidObjectState for an archived object that is not restored.
func (s *Session) GetObject(name ObjectName) (Object, error) {
	o, err := s.read(name, "GetObject")
	if err == nil && !o.legible() {
		return o, wrongState(403, "InvalidObjectState", "The operation is not valid for the object's state")
	}
	return o, err
}

// read returns an object to who may do the operation with it.
func (s *Session) read(name ObjectName, operation string) (Object, error) {
	if err := s.permitObjects(operation, name.resource()); err != nil {
		return Object{}, err
	}
	store := &s.cloud.store
	store.mu.RLock()
	defer store.mu.RUnlock()
	b, o, err := s.readable(name, operation)
	if o == nil {
		return Object{}, err
	}
	return b.shown(o, s.cloud.now()), err
}

// DeleteObject removes an object; one that is not there is a success. In a bucket
// that keeps versions it adds a delete marker, which is returned, unless a version
// is named: that one is gone for good. Refusals: NoSuchBucket, FileImmutable,
// AccessDenied.
func (s *Session) DeleteObject(name ObjectName) (Object, error) {
	return s.remove(name, "ObjectRemoved:DeleteObject")
}

// DeleteObjects removes several at once, as DeleteObject does each. It stops at
// the first refusal.
func (s *Session) DeleteObjects(names []ObjectName) ([]Object, error) {
	gone := make([]Object, 0, len(names))
	for _, name := range names {
		o, err := s.remove(name, "ObjectRemoved:DeleteObjects")
		if err != nil {
			return gone, err
		}
		gone = append(gone, o)
	}
	return gone, nil
}

func (s *Session) remove(name ObjectName, event string) (Object, error) {
	operation := "DeleteObject"
	if name.VersionID != "" {
		operation = "DeleteObjectVersion"
	}
	if err := s.permitObjects(operation, name.resource()); err != nil {
		return Object{}, err
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(name.Bucket, operation)
	if err != nil {
		return Object{}, err
	}
	old := b.version(name.Key, name.VersionID)
	if err := b.keeps(old, now); err != nil {
		return Object{}, err
	}
	var left Object
	switch {
	case name.VersionID != "" || b.Versioning == "":
		if old == nil {
			return Object{}, nil
		}
		left = b.shown(old, now)
		b.drop(name.Key, old)
	default:
		marker := &Object{Key: name.Key, DeleteMarker: true, ModifiedAt: now.Truncate(time.Second)}
		store.place(b, marker)
		left = b.shown(marker, now)
	}
	store.tell(ObjectEvent{Name: event, Bucket: b.BucketInfo, Key: name.Key, At: now, By: s.caller})
	return left, nil
}

// CopyObjectRequest are the parameters of CopyObject.
type CopyObjectRequest struct {
	Source      ObjectName
	Bucket, Key string
	// Check judges the source before it is copied; nil: it is copied in any state.
	Check func(Object) error
	// ReplaceMeta and ReplaceTags: those of the settings count instead of the source's.
	ReplaceMeta, ReplaceTags bool
	Settings                 ObjectSettings
	ForbidOverwrite          bool
}

// longestCopy is the longest object that CopyObject copies, by the vendor's
// documents of 2021; newer ones say five times as much.
const longestCopy = 1 << 30

// CopyObject writes an object like another in the same region. Refusals: those of
// GetObject for the source and of PutObject for the target, AccessDenied for a
// source in another region, EntityTooLarge.
func (s *Session) CopyObject(req CopyObjectRequest) (Object, error) {
	source, err := s.source(req.Source, req.Bucket, req.Check)
	if err != nil {
		return Object{}, err
	}
	if source.Content.Size() > longestCopy {
		return Object{}, malformed(400, "EntityTooLarge", "Your proposed copy source exceeds the maximum allowed size.")
	}
	settings := req.Settings
	if !req.ReplaceMeta {
		settings.ContentType, settings.Headers, settings.Meta = source.ContentType, source.Headers, source.Meta
	}
	if !req.ReplaceTags {
		settings.Tags = source.Tags
	}
	return s.write(writing{"ObjectCreated:CopyObject", req.Bucket, req.Key, req.ForbidOverwrite}, func(b *bucket, _ *Object) (*Object, error) {
		if err := settings.check(); err != nil {
			return nil, err
		}
		content := source.Content
		content.pieces = slices.Clip(content.pieces)
		return &Object{ObjectSettings: settings.within(b), Content: content, ETag: etag(content), Type: TypeNormal}, nil
	})
}

// source is what is copied into a bucket.
func (s *Session) source(name ObjectName, into string, check func(Object) error) (Object, error) {
	source, err := s.GetObject(name)
	if err != nil {
		return Object{}, err
	}
	from, _ := s.cloud.RegionOfBucket(name.Bucket)
	to, known := s.cloud.RegionOfBucket(into)
	switch {
	case known && from != to:
		return Object{}, deniedObjects("oss:GetObject", "Target object does not reside in the same data center as source object.")
	case source.Type == TypeAppendable && source.VersionID != "":
		return Object{}, malformed(400, "OperationNotSupported", "The operation is not supported for an appendable object of a bucket with versions.")
	case check != nil:
		err = check(source)
	}
	return source, err
}

// GetObjectTagging returns an object with its tags. Refusals: those of HeadObject.
func (s *Session) GetObjectTagging(name ObjectName) (Object, error) {
	return s.read(name, "GetObjectTagging")
}

// PutObjectTagging replaces all tags of an object; none takes them away. It is
// not modified by that. Refusals: those of HeadObject, InvalidTag.
func (s *Session) PutObjectTagging(name ObjectName, tags []ObjectTag) (Object, error) {
	operation := "PutObjectTagging"
	if len(tags) == 0 {
		operation = "DeleteObjectTagging"
	}
	return s.amend(name, operation, func(o *Object) error {
		if err := checkTags(tags); err != nil {
			return err
		}
		o.Tags = slices.Clone(tags)
		return nil
	})
}

// Limits of tags of an object.
const (
	maxObjectTags     = 10
	maxObjectTagKey   = 128
	maxObjectTagValue = 256
)

func checkTags(tags []ObjectTag) error {
	no := malformed(400, "InvalidTag", "The tag you provided is not valid.")
	seen := map[string]bool{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > maxObjectTagKey || len(t.Value) > maxObjectTagValue || seen[t.Key] || !tagText(t.Key) || !tagText(t.Value) {
			return no
		}
		seen[t.Key] = true
	}
	if len(tags) > maxObjectTags {
		return malformed(400, "InvalidTag", "Object tags cannot be greater than 10.")
	}
	return nil
}

// tagText reports whether a tag of an object can have the text.
func tagText(text string) bool {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" +-=._:/", r) {
			return -1
		}
		return r
	}, text), "") == ""
}

// GetObjectACL returns an object with its access list. Refusals: those of HeadObject.
func (s *Session) GetObjectACL(name ObjectName) (Object, error) {
	return s.read(name, "GetObjectAcl")
}

// PutObjectACL sets an object's access list. Refusals: those of HeadObject,
// InvalidArgument.
func (s *Session) PutObjectACL(name ObjectName, acl ACL) (Object, error) {
	return s.amend(name, "PutObjectAcl", func(o *Object) error {
		if !acl.known(true) {
			return malformed(400, "InvalidArgument", "no such object access control exists")
		}
		o.ACL = acl
		return nil
	})
}

// amend changes what stands beside an object's content.
func (s *Session) amend(name ObjectName, operation string, change func(*Object) error) (Object, error) {
	if err := s.permitObjects(operation, name.resource()); err != nil {
		return Object{}, err
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(name.Bucket, operation)
	if err != nil {
		return Object{}, err
	}
	_, o, err := s.readable(name, operation)
	if err != nil {
		return Object{}, err
	}
	next := *o
	if err := change(&next); err != nil {
		return Object{}, err
	}
	*o = next
	return b.shown(o, now), nil
}
