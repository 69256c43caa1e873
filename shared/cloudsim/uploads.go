package cloudsim

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// upload is one in parts that was begun and neither completed nor aborted.
type upload struct {
	UploadInfo
	settings ObjectSettings
	parts    map[int]Part
}

// UploadInfo describes an upload in parts.
type UploadInfo struct {
	Bucket, Key, ID string
	InitiatedAt     time.Time
	StorageClass    StorageClass
}

// UploadName names an upload in parts.
type UploadName struct{ Bucket, Key, ID string }

// Part is one part of an upload.
type Part struct {
	Number     int
	ETag       string
	Content    Content
	ModifiedAt time.Time
}

// Limits of uploads in parts.
const (
	maxParts     = 10000
	smallestPart = 100 << 10
)

// InitiateMultipartUpload begins an upload in parts and returns its id; an object
// of that name stays as it is. Refusals: those of PutObject.
func (s *Session) InitiateMultipartUpload(bucketName, key string, settings ObjectSettings, forbidOverwrite bool) (string, error) {
	if err := s.permitObjects("PutObject", bucketName+"/"+key); err != nil {
		return "", err
	}
	if err := checkKey(key); err != nil {
		return "", err
	}
	if err := settings.check(); err != nil {
		return "", err
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.writable(bucketName)
	if err != nil {
		return "", err
	}
	if b.live(key) != nil && forbidOverwrite && b.Versioning == "" {
		return "", refuse(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
	}
	settings = settings.within(b)
	id := store.name("upload")
	b.uploads[id] = &upload{UploadInfo{bucketName, key, id, now.Truncate(time.Second), settings.StorageClass}, settings, map[int]Part{}}
	store.tell(ObjectEvent{Name: "ObjectCreated:InitiateMultipartUpload", Bucket: b.BucketInfo, Key: key, ContentType: settings.ContentType, At: now, By: s.caller})
	return id, nil
}

// upload returns one that goes on. The store must be locked.
func (s *Session) upload(b *bucket, name UploadName) (*upload, error) {
	u := b.uploads[name.ID]
	if u == nil || u.Key != name.Key {
		return nil, refuse(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
	}
	return u, nil
}

// UploadPart adds a part to an upload, in place of one of that number. Refusals:
// NoSuchBucket, NoSuchUpload, InvalidArgument, AccessDenied.
func (s *Session) UploadPart(name UploadName, number int, content Content) (Part, error) {
	return s.addPart(name, number, content, "ObjectCreated:UploadPart")
}

func (s *Session) addPart(name UploadName, number int, content Content, event string) (Part, error) {
	if err := s.permitObjects("PutObject", name.Bucket+"/"+name.Key); err != nil {
		return Part{}, err
	}
	if number < 1 || number > maxParts {
		return Part{}, malformed(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive.")
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.writable(name.Bucket)
	if err != nil {
		return Part{}, err
	}
	u, err := s.upload(b, name)
	if err != nil {
		return Part{}, err
	}
	p := Part{number, etag(content), content, now.Truncate(time.Second)}
	u.parts[number] = p
	store.tell(ObjectEvent{
		Name: event, Bucket: b.BucketInfo, Key: name.Key, Size: content.Size(), Delta: content.Size(), ETag: p.ETag,
		ContentType: u.settings.ContentType, At: now, By: s.caller,
	})
	return p, nil
}

// UploadPartCopyRequest are the parameters of UploadPartCopy.
type UploadPartCopyRequest struct {
	Upload UploadName
	Number int
	Source ObjectName
	// Range picks bytes from the first to the last, of so many; false, or a nil
	// Range: all of them.
	Range func(size int64) (first, last int64, ok bool)
	// Check judges the source before it is copied; nil: it is copied in any state.
	Check func(Object) error
}

// UploadPartCopy adds an object, or some of its bytes, as a part to an upload. Refusals: those of UploadPart, and of
// CopyObject for the source.
func (s *Session) UploadPartCopy(req UploadPartCopyRequest) (Part, error) {
	source, err := s.source(req.Source, req.Upload.Bucket, req.Check)
	if err != nil {
		return Part{}, err
	}
	content := source.Content
	if req.Range != nil {
		if first, last, ok := req.Range(content.Size()); ok {
			if content, err = ReadContent(content.Section(first, last-first+1)); err != nil {
				return Part{}, err
			}
		}
	}
	return s.addPart(req.Upload, req.Number, content, "ObjectCreated:UploadPartCopy")
}

// CompleteMultipartUploadRequest are the parameters of CompleteMultipartUpload.
type CompleteMultipartUploadRequest struct {
	Upload UploadName
	// Parts are those to put together, by number and ETag, in the order of their numbers.
	Parts []PartName
	// All: all parts that there are, instead.
	All             bool
	ACL             ACL
	ForbidOverwrite bool
}

// PartName names a part of an upload.
type PartName struct {
	Number int
	ETag   string
}

// CompleteMultipartUpload puts parts together to an object, and ends the upload.
// Refusals: NoSuchBucket, NoSuchUpload, InvalidPart, InvalidPartOrder,
// EntityTooSmall, InvalidArgument, FileAlreadyExists, FileImmutable, AccessDenied.
func (s *Session) CompleteMultipartUpload(req CompleteMultipartUploadRequest) (Object, error) {
	if err := s.permitObjects("PutObject", req.Upload.Bucket+"/"+req.Upload.Key); err != nil {
		return Object{}, err
	}
	if req.ACL != "" && !req.ACL.known(true) {
		return Object{}, malformed(400, "InvalidArgument", "no such object access control exists")
	}
	now := s.cloud.now()
	s.cloud.store.mu.Lock()
	defer s.cloud.store.mu.Unlock()
	b, err := s.writable(req.Upload.Bucket)
	if err != nil {
		return Object{}, err
	}
	u, err := s.upload(b, req.Upload)
	if err != nil {
		return Object{}, err
	}
	parts, err := u.chosen(req)
	if err != nil {
		return Object{}, err
	}
	w := writing{"ObjectCreated:CompleteMultipartUpload", u.Bucket, u.Key, req.ForbidOverwrite}
	o, err := s.put(b, w, now, func(*bucket, *Object) (*Object, error) { return u.object(parts, req.ACL), nil })
	if err == nil {
		delete(b.uploads, u.ID)
	}
	return o, err
}

// chosen are the parts that an object is to be put together from.
func (u *upload) chosen(req CompleteMultipartUploadRequest) ([]Part, error) {
	if req.All {
		req.Parts = nil
		for _, n := range slices.Sorted(maps.Keys(u.parts)) {
			req.Parts = append(req.Parts, PartName{n, u.parts[n].ETag})
		}
	}
	if len(req.Parts) == 0 || len(req.Parts) > maxParts {
		return nil, malformed(400, "InvalidArgument", "You must specify at least one part.")
	}
	var parts []Part
	for i, named := range req.Parts {
		p, ok := u.parts[named.Number]
		switch {
		case i > 0 && named.Number <= req.Parts[i-1].Number:
			return nil, malformed(400, "InvalidPartOrder", "The list of parts was not in ascending order. The parts list must be specified in order by part number.")
		case !ok || !strings.EqualFold(strings.Trim(named.ETag, `"`), p.ETag):
			return nil, malformed(400, "InvalidPart", "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.")
		}
		parts = append(parts, p)
	}
	for _, p := range parts[:len(parts)-1] {
		if p.Content.Size() < smallestPart {
			return nil, malformed(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size.")
		}
	}
	return parts, nil
}

// object is what parts make together.
func (u *upload) object(parts []Part, acl ACL) *Object {
	var contents []Content
	var sums bytes.Buffer
	for _, p := range parts {
		contents = append(contents, p.Content)
		fmt.Fprintf(&sums, "%s", p.ETag)
	}
	settings := u.settings
	settings.ACL = cmp.Or(acl, settings.ACL)
	return &Object{
		ObjectSettings: settings, Content: concatenated(contents), Type: TypeMultipart,
		ETag: fmt.Sprintf("%X-%d", md5.Sum(sums.Bytes()), len(parts)),
	}
}

// AbortMultipartUpload ends an upload and forgets its parts. Refusals:
// NoSuchBucket, NoSuchUpload, AccessDenied.
func (s *Session) AbortMultipartUpload(name UploadName) error {
	if err := s.permitObjects("AbortMultipartUpload", name.Bucket+"/"+name.Key); err != nil {
		return err
	}
	store, now := &s.cloud.store, s.cloud.now()
	store.mu.Lock()
	defer store.mu.Unlock()
	b, err := s.bucket(name.Bucket, "AbortMultipartUpload")
	if err != nil {
		return err
	}
	u, err := s.upload(b, name)
	if err != nil {
		return err
	}
	delete(b.uploads, u.ID)
	store.tell(ObjectEvent{Name: "ObjectRemoved:AbortMultipartUpload", Bucket: b.BucketInfo, Key: name.Key, At: now, By: s.caller})
	return nil
}

// ListParts returns an upload and its parts after a number, in order, all that
// there are. Refusals: NoSuchBucket, NoSuchUpload, AccessDenied.
func (s *Session) ListParts(name UploadName, after int) (UploadInfo, []Part, error) {
	if err := s.permitObjects("ListParts", name.Bucket+"/"+name.Key); err != nil {
		return UploadInfo{}, nil, err
	}
	store := &s.cloud.store
	store.mu.RLock()
	defer store.mu.RUnlock()
	b, err := s.bucket(name.Bucket, "ListParts")
	if err != nil {
		return UploadInfo{}, nil, err
	}
	u, err := s.upload(b, name)
	if err != nil {
		return UploadInfo{}, nil, err
	}
	var parts []Part
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if n > after {
			parts = append(parts, u.parts[n])
		}
	}
	return u.UploadInfo, parts, nil
}

// ListMultipartUploadsRequest are the parameters of ListMultipartUploads.
type ListMultipartUploadsRequest struct {
	Bucket, Prefix, Delimiter string
	// KeyMarker and IDMarker: only what comes after that upload of that key, or
	// after all of them.
	KeyMarker, IDMarker string
	Max                 int
}

// UploadsPage is one page of a listing of uploads.
type UploadsPage struct {
	Uploads  []UploadInfo
	Prefixes []string
	// NextKey and NextID are where the next page begins; NextKey is empty on the last.
	NextKey, NextID string
}

// ListMultipartUploads lists the uploads that go on, by key and id. Refusals:
// NoSuchBucket, AccessDenied.
func (s *Session) ListMultipartUploads(req ListMultipartUploadsRequest) (UploadsPage, error) {
	b, done, err := s.readBucket(req.Bucket, "ListMultipartUploads")
	defer done()
	if err != nil {
		return UploadsPage{}, err
	}
	all := slices.SortedFunc(maps.Values(b.uploads), func(x, y *upload) int { return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.ID, y.ID)) })
	var page UploadsPage
	last := UploadInfo{}
	for _, u := range all {
		later := u.Key > req.KeyMarker || u.Key == req.KeyMarker && req.IDMarker != "" && u.ID > req.IDMarker
		if !strings.HasPrefix(u.Key, req.Prefix) || !later {
			continue
		}
		name, common := grouped(u.Key, req.Prefix, req.Delimiter)
		if common && (name == last.Key || name <= req.KeyMarker) {
			continue
		}
		if len(page.Uploads)+len(page.Prefixes) >= req.Max {
			page.NextKey, page.NextID = last.Key, last.ID
			return page, nil
		}
		if last = u.UploadInfo; common {
			last = UploadInfo{Key: name}
			page.Prefixes = append(page.Prefixes, name)
		} else {
			page.Uploads = append(page.Uploads, u.UploadInfo)
		}
	}
	return page, nil
}
