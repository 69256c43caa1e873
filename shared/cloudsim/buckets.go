package cloudsim

import (
	"fmt"
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
	// made counts what was given a name of its own: versions and uploads.
	made uint64
	// watchers hear of every change, in the order of changes.
	watchers []func(ObjectEvent)
	// due are objects that exports will have written.
	due []delivery
}

// bucket holds objects; keys are theirs in order. Of each there are the versions,
// oldest first; without versioning there is one.
type bucket struct {
	BucketInfo
	objects map[string][]*Object
	keys    []string
	uploads map[string]*upload
}

// BucketInfo describes a bucket.
type BucketInfo struct {
	Name      string
	Owner     image.AccountID
	Region    image.RegionID
	CreatedAt time.Time
	// StorageClass is that of objects whose writer does not say.
	StorageClass StorageClass
	ACL          ACL
	// Versioning is empty for a bucket that never had any.
	Versioning Versioning
	// Encryption is that of objects whose writer does not say.
	Encryption ObjectEncryption
	// Retention is the bucket's retention policy.
	Retention Retention
}

// StorageClass is how objects are kept.
type StorageClass string

// The storage classes. Objects of the last three are read only after they were
// restored.
const (
	ClassStandard        StorageClass = "Standard"
	ClassIA              StorageClass = "IA"
	ClassArchive         StorageClass = "Archive"
	ClassColdArchive     StorageClass = "ColdArchive"
	ClassDeepColdArchive StorageClass = "DeepColdArchive"
)

// Archived reports whether objects of the class have to be restored to be read.
func (c StorageClass) Archived() bool {
	return c == ClassArchive || c == ClassColdArchive || c == ClassDeepColdArchive
}

func (c StorageClass) known() bool {
	return c == ClassStandard || c == ClassIA || c.Archived()
}

// ACL says who else may read or write.
type ACL string

// The access lists; Default is the bucket's, and objects' alone.
const (
	ACLDefault         ACL = "default"
	ACLPrivate         ACL = "private"
	ACLPublicRead      ACL = "public-read"
	ACLPublicReadWrite ACL = "public-read-write"
)

// reads and writes report whether everybody may.
func (a ACL) reads() bool  { return a == ACLPublicRead || a == ACLPublicReadWrite }
func (a ACL) writes() bool { return a == ACLPublicReadWrite }

func (a ACL) known(ofObject bool) bool {
	return a == ACLPrivate || a == ACLPublicRead || a == ACLPublicReadWrite || a == ACLDefault && ofObject
}

// Versioning is whether a bucket keeps old versions of its objects.
type Versioning string

// The states of versioning that a bucket can be put into.
const (
	VersioningEnabled   Versioning = "Enabled"
	VersioningSuspended Versioning = "Suspended"
)

// ObjectEncryption is how the server encrypts an object; empty: not at all.
type ObjectEncryption struct {
	// Algorithm is AES256, KMS or SM4.
	Algorithm string
	// KeyID names a key of KMS; empty: the service's own.
	KeyID string
}

func (e ObjectEncryption) check() error {
	if !slices.Contains([]string{"", "AES256", "KMS", "SM4"}, e.Algorithm) || e.KeyID != "" && e.Algorithm != "KMS" {
		return malformed(400, "InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid. Supported value: AES256/KMS/SM4.")
	}
	return nil
}

// Retention is a policy by which objects can be neither changed nor deleted for
// some days. One that is InProgress counts for a day; Locked is for good.
type Retention struct {
	ID string
	// State is InProgress or Locked; empty: there is none.
	State     string
	Days      int
	CreatedAt time.Time
}

// WatchObjects makes watcher hear of every change of an object. It is called
// after the change, in the order of changes, and must not call the cloud.
func (c *Cloud) WatchObjects(watcher func(ObjectEvent)) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.watchers = append(c.store.watchers, watcher)
}

// name is one that nothing in the store had before: hexadecimal digits in capitals.
func (o *objectStore) name(kind string) string {
	o.made++
	return fmt.Sprintf("%016X%016X", mix(o.made, kind), o.made)
}

// permitObjects refuses unless the caller may do the OSS operation on what is
// named: "bucket", or "bucket/key".
func (s *Session) permitObjects(operation, name string) error {
	s.cloud.deliver()
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
	b, err := s.anyBucket(name)
	if err == nil && b.Owner != s.caller.Account {
		return nil, deniedObjects("oss:"+operation, "You do not have read acl permission on this object.")
	}
	return b, err
}

// anyBucket returns a bucket, whosever it is.
func (s *Session) anyBucket(name string) (*bucket, error) {
	b := s.cloud.store.buckets[name]
	switch {
	case !bucketName(name):
		return nil, malformed(400, "InvalidBucketName", "The specified bucket is not valid.")
	case b == nil:
		return nil, refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
	}
	return b, nil
}

// bucketName: 3 to 63 small letters, digits and hyphens, none at the ends.
func bucketName(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && name == strings.Trim(name, "-") &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// readBucket permits the operation and finds the bucket; it holds the store for
// reading until the returned function is called, also after an error.
func (s *Session) readBucket(name, operation string) (*bucket, func(), error) {
	if err := s.permitObjects(operation, name); err != nil {
		return nil, func() {}, err
	}
	s.cloud.store.mu.RLock()
	b, err := s.bucket(name, operation)
	return b, s.cloud.store.mu.RUnlock, err
}

// changeBucket permits the operation and changes the bucket.
func (s *Session) changeBucket(name, operation string, change func(*bucket) error) error {
	if err := s.permitObjects(operation, name); err != nil {
		return err
	}
	store := &s.cloud.store
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(name, operation)
	if err != nil {
		return err
	}
	return change(b)
}

// PutBucket makes a private bucket of the class Standard in a region. Making
// one's own again is a success. Refusals: InvalidBucketName, BucketAlreadyExists,
// InvalidLocationConstraint, AccessDenied.
func (s *Session) PutBucket(name string, region image.RegionID) error {
	return s.CreateBucket(CreateBucketRequest{Bucket: name, Region: region})
}

// CreateBucketRequest are the parameters of PutBucket.
type CreateBucketRequest struct {
	Bucket string
	Region image.RegionID
	// StorageClass and ACL: empty for Standard and private.
	StorageClass StorageClass
	ACL          ACL
}

// CreateBucket makes a bucket as PutBucket does, of any class and access list.
// Refusals: also InvalidStorageClass, InvalidArgument.
func (s *Session) CreateBucket(req CreateBucketRequest) error {
	if err := s.permitObjects("PutBucket", req.Bucket); err != nil {
		return err
	}
	if req.StorageClass == "" {
		req.StorageClass = ClassStandard
	}
	if req.ACL == "" {
		req.ACL = ACLPrivate
	}
	_, place := placeOf(req.Region)
	switch {
	case !bucketName(req.Bucket):
		return malformed(400, "InvalidBucketName", "The specified bucket is not valid.")
	case !place:
		return malformed(400, "InvalidLocationConstraint", "The specified location-constraint is not valid.")
	case !req.StorageClass.known():
		return malformed(400, "InvalidStorageClass", "The storage class you specified is not valid.")
	case !req.ACL.known(false):
		return malformed(400, "InvalidArgument", "no such bucket access control exists")
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	if b := store.buckets[req.Bucket]; b != nil {
		if b.Owner == s.caller.Account && b.Region == req.Region {
			return nil
		}
		return refuse(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
	}
	if store.buckets == nil {
		store.buckets = map[string]*bucket{}
	}
	store.buckets[req.Bucket] = &bucket{
		BucketInfo: BucketInfo{
			Name: req.Bucket, Owner: s.caller.Account, Region: req.Region, CreatedAt: now.Truncate(time.Second),
			StorageClass: req.StorageClass, ACL: req.ACL,
		},
		objects: map[string][]*Object{}, uploads: map[string]*upload{},
	}
	return nil
}

// DeleteBucket removes an empty bucket. Refusals: NoSuchBucket, BucketNotEmpty
// (also for uploads that are not ended), AccessDenied.
func (s *Session) DeleteBucket(name string) error {
	return s.changeBucket(name, "DeleteBucket", func(b *bucket) error {
		if len(b.keys)+len(b.uploads) > 0 {
			return refuse(409, "BucketNotEmpty", "The bucket you tried to delete is not empty.")
		}
		delete(s.cloud.store.buckets, name)
		return nil
	})
}

// GetBucketInfo describes a bucket. Refusals: NoSuchBucket, AccessDenied.
func (s *Session) GetBucketInfo(name string) (BucketInfo, error) {
	return s.describeBucket(name, "GetBucketInfo")
}

// describeBucket describes a bucket to those who may do the operation.
func (s *Session) describeBucket(name, operation string) (BucketInfo, error) {
	b, done, err := s.readBucket(name, operation)
	defer done()
	if err != nil {
		return BucketInfo{}, err
	}
	return b.BucketInfo, nil
}

// GetBucketLocation is where a bucket is. Refusals: NoSuchBucket, AccessDenied.
func (s *Session) GetBucketLocation(name string) (image.RegionID, error) {
	info, err := s.describeBucket(name, "GetBucketLocation")
	return info.Region, err
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

// RegionOfBucket is where a bucket is, whosever it is: an endpoint of another
// region answers with it before it looks at who asks.
func (c *Cloud) RegionOfBucket(name string) (image.RegionID, bool) {
	c.store.mu.RLock()
	defer c.store.mu.RUnlock()
	b := c.store.buckets[name]
	if b == nil {
		return "", false
	}
	return b.Region, true
}

// GetBucketACL is a bucket's access list, with its owner. Refusals: NoSuchBucket,
// AccessDenied.
func (s *Session) GetBucketACL(name string) (BucketInfo, error) {
	return s.describeBucket(name, "GetBucketAcl")
}

// PutBucketACL sets a bucket's access list. Refusals: NoSuchBucket,
// InvalidArgument, AccessDenied.
func (s *Session) PutBucketACL(name string, acl ACL) error {
	return s.changeBucket(name, "PutBucketAcl", func(b *bucket) error {
		if !acl.known(false) {
			return malformed(400, "InvalidArgument", "no such bucket access control exists")
		}
		b.ACL = acl
		return nil
	})
}

// GetBucketVersioning is whether a bucket keeps old versions. Refusals:
// NoSuchBucket, AccessDenied.
func (s *Session) GetBucketVersioning(name string) (Versioning, error) {
	info, err := s.describeBucket(name, "GetBucketVersioning")
	return info.Versioning, err
}

// PutBucketVersioning makes a bucket keep old versions, or stop to. Refusals:
// NoSuchBucket, MalformedXML, InvalidBucketState (under a retention policy),
// AccessDenied.
func (s *Session) PutBucketVersioning(name string, versioning Versioning) error {
	return s.changeBucket(name, "PutBucketVersioning", func(b *bucket) error {
		switch {
		case versioning != VersioningEnabled && versioning != VersioningSuspended:
			return malformed(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
		case b.Retention.State != "":
			return refuse(409, "InvalidBucketState", "The bucket has a retention policy.")
		}
		b.Versioning = versioning
		return nil
	})
}

// GetBucketEncryption is how a bucket encrypts. Refusals: NoSuchBucket,
// NoSuchServerSideEncryptionRule, AccessDenied.
func (s *Session) GetBucketEncryption(name string) (ObjectEncryption, error) {
	info, err := s.describeBucket(name, "GetBucketEncryption")
	if err == nil && info.Encryption.Algorithm == "" {
		err = refuse(404, "NoSuchServerSideEncryptionRule", "The server side encryption configuration does not exist.")
	}
	return info.Encryption, err
}

// PutBucketEncryption sets how a bucket encrypts what is written from now on;
// the zero value: not at all. Refusals: NoSuchBucket,
// InvalidEncryptionAlgorithmError, AccessDenied.
func (s *Session) PutBucketEncryption(name string, encryption ObjectEncryption) error {
	operation := "PutBucketEncryption"
	if encryption == (ObjectEncryption{}) {
		operation = "DeleteBucketEncryption"
	}
	return s.changeBucket(name, operation, func(b *bucket) error {
		if err := encryption.check(); err != nil {
			return err
		}
		b.Encryption = encryption
		return nil
	})
}

// retentionLapses is when a retention policy that nobody locked is gone.
const retentionLapses = 24 * time.Hour

// holds reports whether the policy counts at a time.
func (r Retention) holds(now time.Time) bool {
	return r.State == "Locked" || r.State == "InProgress" && now.Sub(r.CreatedAt) < retentionLapses
}

// keeps refuses to change or delete what a retention policy protects.
func (b *bucket) keeps(o *Object, now time.Time) error {
	if o != nil && b.Retention.holds(now) && now.Before(o.ModifiedAt.AddDate(0, 0, b.Retention.Days)) {
		return refuse(409, "FileImmutable", "The object you specified is immutable.")
	}
	return nil
}

// GetBucketWorm is a bucket's retention policy. Refusals: NoSuchBucket,
// NoSuchWORMConfiguration, AccessDenied.
func (s *Session) GetBucketWorm(name string) (Retention, error) {
	info, err := s.describeBucket(name, "GetBucketWorm")
	if err == nil && !info.Retention.holds(s.cloud.now()) {
		return Retention{}, refuse(404, "NoSuchWORMConfiguration", "The WORM Configuration does not exist.")
	}
	return info.Retention, err
}

// longestRetention is that of a policy: 70 years.
const longestRetention = 25550

// InitiateBucketWorm gives a bucket a retention policy, which lapses in a day
// unless it is locked, and returns its id. Refusals: NoSuchBucket,
// InvalidArgument, WORMConfigurationLocked, InvalidBucketState (with versioning),
// AccessDenied.
func (s *Session) InitiateBucketWorm(name string, days int) (id string, err error) {
	now := s.cloud.now()
	err = s.changeBucket(name, "InitiateBucketWorm", func(b *bucket) error {
		switch {
		case days < 1 || days > longestRetention:
			return malformed(400, "InvalidArgument", "The retention period is not valid.")
		case b.Retention.holds(now):
			return refuse(409, "WORMConfigurationLocked", "The WORM Configuration is locked.")
		case b.Versioning != "":
			return refuse(409, "InvalidBucketState", "The bucket has versions.")
		}
		id = s.cloud.store.name("worm")
		b.Retention = Retention{ID: id, State: "InProgress", Days: days, CreatedAt: now.Truncate(time.Second)}
		return nil
	})
	return id, err
}

// CompleteBucketWorm locks a retention policy. Refusals: NoSuchBucket,
// NoSuchWORMConfiguration, AccessDenied.
func (s *Session) CompleteBucketWorm(name, id string) error {
	return s.changeBucket(name, "CompleteBucketWorm", func(b *bucket) error {
		if !b.Retention.holds(s.cloud.now()) || b.Retention.ID != id {
			return refuse(404, "NoSuchWORMConfiguration", "The WORM Configuration does not exist.")
		}
		b.Retention.State = "Locked"
		return nil
	})
}

// AbortBucketWorm takes back a retention policy that is not locked. Refusals:
// NoSuchBucket, NoSuchWORMConfiguration, WORMConfigurationLocked, AccessDenied.
func (s *Session) AbortBucketWorm(name string) error {
	return s.changeBucket(name, "AbortBucketWorm", func(b *bucket) error {
		switch {
		case b.Retention.State == "Locked":
			return refuse(409, "WORMConfigurationLocked", "The WORM Configuration is locked.")
		case !b.Retention.holds(s.cloud.now()):
			return refuse(404, "NoSuchWORMConfiguration", "The WORM Configuration does not exist.")
		}
		b.Retention = Retention{}
		return nil
	})
}

// HasRegion reports whether there is a region of that name.
func (c *Cloud) HasRegion(region image.RegionID) bool {
	_, known := placeOf(region)
	return known
}
