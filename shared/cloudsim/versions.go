package cloudsim

import (
	"slices"
	"strings"
	"time"
)

// nullVersion is the id of what was written while a bucket kept no versions.
const nullVersion = "null"

// latest is the newest version of an object, be it a delete marker; nil: none.
func (b *bucket) latest(key string) *Object {
	if all := b.objects[key]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// live is the newest version of an object that is not deleted.
func (b *bucket) live(key string) *Object {
	if o := b.latest(key); o != nil && !o.DeleteMarker {
		return o
	}
	return nil
}

// version is one of an object; without an id the newest.
func (b *bucket) version(key, id string) *Object {
	if id == "" {
		return b.latest(key)
	}
	for _, o := range b.objects[key] {
		if o.VersionID == id || o.VersionID == "" && id == nullVersion && b.Versioning != "" {
			return o
		}
	}
	return nil
}

// place makes o the newest version of its object.
func (o *objectStore) place(b *bucket, next *Object) {
	all := b.objects[next.Key]
	if at, found := slices.BinarySearch(b.keys, next.Key); !found {
		b.keys = slices.Insert(b.keys, at, next.Key)
	}
	switch b.Versioning {
	case VersioningEnabled:
		next.VersionID = "CAEQ" + o.name("version")
		b.objects[next.Key] = append(all, next)
	case VersioningSuspended:
		next.VersionID = nullVersion
		all = slices.DeleteFunc(all, func(each *Object) bool { return each.VersionID == nullVersion || each.VersionID == "" })
		b.objects[next.Key] = append(all, next)
	default:
		b.objects[next.Key] = []*Object{next}
	}
}

// drop removes a version for good.
func (b *bucket) drop(key string, version *Object) {
	all := slices.DeleteFunc(b.objects[key], func(each *Object) bool { return each == version })
	if len(all) > 0 {
		b.objects[key] = all
		return
	}
	delete(b.objects, key)
	at, _ := slices.BinarySearch(b.keys, key)
	b.keys = slices.Delete(b.keys, at, at+1)
}

// shown is an object as it is told of now.
func (b *bucket) shown(o *Object, now time.Time) Object {
	shown := *o
	shown.Latest = b.latest(o.Key) == o
	if b.Versioning != "" && shown.VersionID == "" {
		shown.VersionID = nullVersion
	}
	shown.Restored = o.restore.state(now)
	return shown
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
	// Next is where the next page begins; empty: this is the last. NextVersion goes
	// with it in a listing of versions.
	Next, NextVersion string
}

// ListObjects lists keys in byte order. Refusals: NoSuchBucket, AccessDenied.
func (s *Session) ListObjects(req ListObjectsRequest) (ObjectsPage, error) {
	b, done, err := s.readBucket(req.Bucket, "ListObjects")
	defer done()
	if err != nil {
		return ObjectsPage{}, err
	}
	var page ObjectsPage
	now, last := s.cloud.now(), ""
	from, _ := slices.BinarySearch(b.keys, max(req.Prefix, req.After))
	for _, key := range b.keys[from:] {
		if !strings.HasPrefix(key, req.Prefix) {
			break
		}
		name, common := grouped(key, req.Prefix, req.Delimiter)
		if name <= req.After || name == last && common || b.live(key) == nil {
			continue
		}
		if len(page.Objects)+len(page.Prefixes) >= req.Max {
			page.Next = last
			return page, nil
		}
		if last = name; common {
			page.Prefixes = append(page.Prefixes, name)
		} else {
			page.Objects = append(page.Objects, b.shown(b.live(key), now))
		}
	}
	return page, nil
}

// grouped is the common prefix that a key belongs to, else the key.
func grouped(key, prefix, delimiter string) (name string, common bool) {
	if delimiter == "" {
		return key, false
	}
	at := strings.Index(key[len(prefix):], delimiter)
	if at < 0 {
		return key, false
	}
	return key[:len(prefix)+at+len(delimiter)], true
}

// ListObjectVersionsRequest are the parameters of ListObjectVersions.
type ListObjectVersionsRequest struct {
	Bucket, Prefix, Delimiter string
	// KeyMarker and VersionMarker: only what comes after that version of that key,
	// or after all of them.
	KeyMarker, VersionMarker string
	Max                      int
}

// ListObjectVersions lists keys in byte order, and of each the versions, newest
// first, delete markers among them. Refusals: NoSuchBucket, AccessDenied.
func (s *Session) ListObjectVersions(req ListObjectVersionsRequest) (ObjectsPage, error) {
	b, done, err := s.readBucket(req.Bucket, "ListObjectVersions")
	defer done()
	if err != nil {
		return ObjectsPage{}, err
	}
	var page ObjectsPage
	now, lastPrefix := s.cloud.now(), ""
	for _, key := range b.keys {
		if !strings.HasPrefix(key, req.Prefix) || key < req.KeyMarker || key == req.KeyMarker && req.VersionMarker == "" {
			continue
		}
		name, common := grouped(key, req.Prefix, req.Delimiter)
		if common && (name == lastPrefix || name <= req.KeyMarker) {
			continue
		}
		rows := b.after(key, req)
		if common {
			rows = rows[:min(len(rows), 1)]
		}
		for _, o := range rows {
			if len(page.Objects)+len(page.Prefixes) >= req.Max {
				return page, nil
			}
			page.Next, page.NextVersion = name, b.shown(o, now).VersionID
			if common {
				lastPrefix, page.NextVersion = name, ""
				page.Prefixes = append(page.Prefixes, name)
			} else {
				page.Objects = append(page.Objects, b.shown(o, now))
			}
		}
	}
	page.Next, page.NextVersion = "", ""
	return page, nil
}

// after are the versions of a key, newest first, that a page may begin with.
func (b *bucket) after(key string, req ListObjectVersionsRequest) []*Object {
	rows := slices.Clone(b.objects[key])
	slices.Reverse(rows)
	if key != req.KeyMarker {
		return rows
	}
	at := slices.IndexFunc(rows, func(o *Object) bool { return o == b.version(key, req.VersionMarker) })
	return rows[at+1:]
}

// RestoreState says whether an archived object can be read. The zero value: nobody
// asked, or it lapsed.
type RestoreState struct {
	// Ongoing: it was asked for, and takes its time.
	Ongoing bool
	// Until is when a restored object is archived again.
	Until time.Time
}

// restoring is a restoration of an archived object; zero: none was asked for.
type restoring struct{ ready, until time.Time }

func (r restoring) state(now time.Time) RestoreState {
	switch {
	case now.Before(r.ready):
		return RestoreState{Ongoing: true}
	case now.Before(r.until):
		return RestoreState{Until: r.until}
	}
	return RestoreState{}
}

// legible reports whether the content can be read.
func (o *Object) legible() bool { return !o.StorageClass.Archived() || !o.Restored.Until.IsZero() }

// RestoreObjectRequest are the parameters of RestoreObject.
type RestoreObjectRequest struct {
	Name ObjectName
	// Days is how long it can be read then; 0: one.
	Days int
	// Tier is Expedited, Standard or Bulk, for the two cold classes; empty: Standard.
	Tier string
}

// The longest that a restored object can be read.
const (
	longestRestored     = 7
	longestRestoredCold = 365
)

// restoreTimes is how long a restoration takes at most, by class and tier, by the
// vendor's guide.
func restoreTimes() map[StorageClass]map[string]time.Duration {
	return map[StorageClass]map[string]time.Duration{
		ClassArchive:         {"": time.Minute},
		ClassColdArchive:     {"Expedited": time.Hour, "": 5 * time.Hour, "Standard": 5 * time.Hour, "Bulk": 12 * time.Hour},
		ClassDeepColdArchive: {"Expedited": 12 * time.Hour, "": 12 * time.Hour, "Standard": 48 * time.Hour},
	}
}

// RestoreObject makes an archived object readable for some days, and reports
// whether that begins now, instead of going on for an object that is readable
// already. Refusals: those of HeadObject, OperationNotSupported for an object that
// is not archived, RestoreAlreadyInProgress, MalformedXML.
func (s *Session) RestoreObject(req RestoreObjectRequest) (o Object, started bool, err error) {
	now := s.cloud.now()
	o, err = s.amend(req.Name, "RestoreObject", func(o *Object) error {
		days := max(req.Days, 1)
		takes, tier := restoreTimes()[o.StorageClass][req.Tier]
		state := o.restore.state(now)
		most := longestRestoredCold
		if o.StorageClass == ClassArchive {
			most = longestRestored
		}
		switch {
		case !o.StorageClass.Archived():
			return malformed(400, "OperationNotSupported", "The operation is not supported for this resource")
		case req.Days < 0 || days > most || !tier:
			return malformed(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
		case state.Ongoing:
			return refuse(409, "RestoreAlreadyInProgress", "The restore operation is in progress.")
		case !state.Until.IsZero():
			o.restore.until = now.AddDate(0, 0, days)
			return nil
		}
		started = true
		ready := now.Add(s.cloud.lasts(takes))
		o.restore = restoring{ready, ready.AddDate(0, 0, days)}
		return nil
	})
	return o, started, err
}
