package ossapi

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// maxDeleted is how many objects one request deletes at most.
const maxDeleted = 1000

// deletedDocument is an object that one of many was deleted.
type deletedDocument struct {
	Key                   string
	VersionID             string `xml:"VersionId,omitempty"`
	DeleteMarker          bool   `xml:",omitempty"`
	DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
}

// deleteObjects deletes up to a thousand objects.
func deleteObjects(c *call) error {
	var wanted struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []struct {
			Key       string
			VersionID string `xml:"VersionId"`
		}
	}
	if err := c.read(&wanted); err != nil {
		return err
	}
	if len(wanted.Object) == 0 || len(wanted.Object) > maxDeleted {
		return malformedXML()
	}
	var named []cloudsim.ObjectName
	for _, o := range wanted.Object {
		named = append(named, cloudsim.ObjectName{Bucket: c.bucket, Key: o.Key, VersionID: o.VersionID})
	}
	gone, err := c.session.DeleteObjects(named)
	if err != nil {
		return err
	}
	encode := c.encoding()
	document := struct {
		XMLName      xml.Name `xml:"DeleteResult"`
		EncodingType string   `xml:",omitempty"`
		Deleted      []deletedDocument
	}{EncodingType: c.query.Get("encoding-type")}
	for n, o := range gone {
		row := deletedDocument{Key: encode(named[n].Key), VersionID: named[n].VersionID, DeleteMarker: o.DeleteMarker}
		if o.DeleteMarker {
			row.DeleteMarkerVersionID = o.VersionID
		}
		if !wanted.Quiet {
			document.Deleted = append(document.Deleted, row)
		}
	}
	return c.xml(http.StatusOK, document)
}

// encoding is how keys are written into documents.
func (c *call) encoding() func(string) string {
	if c.query.Get("encoding-type") == "url" {
		return url.QueryEscape
	}
	return func(text string) string { return text }
}

// listing is the document of both ways to list.
type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	Marker                *string `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	MaxKeys               int64
	Delimiter             string
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	NextMarker            string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              *int   `xml:",omitempty"`
	Contents              []listed
	CommonPrefixes        []prefixDocument
}

// listed is an object in a listing; VersionID and IsLatest are of versions.
type listed struct {
	Key          string
	VersionID    string `xml:"VersionId,omitempty"`
	IsLatest     *bool  `xml:",omitempty"`
	LastModified string
	ETag         string                `xml:",omitempty"`
	Type         cloudsim.ObjectType   `xml:",omitempty"`
	Size         *int64                `xml:",omitempty"`
	StorageClass cloudsim.StorageClass `xml:",omitempty"`
	RestoreInfo  string                `xml:",omitempty"`
	Owner        *owner                `xml:",omitempty"`
}

// row is an object in a listing.
func (c *call) row(o cloudsim.Object) listed {
	l := listed{Key: c.encoding()(o.Key), LastModified: stamp(o.ModifiedAt)}
	if o.DeleteMarker {
		return l
	}
	size := o.Content.Size()
	l.ETag, l.Type, l.Size, l.StorageClass = `"`+o.ETag+`"`, o.Type, &size, o.StorageClass
	switch {
	case o.Restored.Ongoing:
		l.RestoreInfo = `ongoing-request="true"`
	case !o.Restored.Until.IsZero():
		l.RestoreInfo = `ongoing-request="false", expiry-date="` + o.Restored.Until.UTC().Format(http.TimeFormat) + `"`
	}
	return l
}

// listObjects answers GetBucket (V1) and ListObjectsV2.
func listObjects(c *call) error {
	second := c.query.Get("list-type") == "2"
	limit, err := c.number("max-keys", 100, 1, 1000)
	if err != nil {
		return err
	}
	after, err := c.after(second)
	if err != nil {
		return err
	}
	page, err := c.session.ListObjects(cloudsim.ListObjectsRequest{
		Bucket: c.bucket, Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), After: after, Max: int(limit),
	})
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, c.listing(page, c.whose(), limit, second))
}

// whose is the bucket; empty: who may list need not be told.
func (c *call) whose() image.AccountID {
	info, err := c.session.GetBucketInfo(c.bucket)
	if err != nil {
		return ""
	}
	return info.Owner
}

// after is where a page begins.
func (c *call) after(second bool) (string, error) {
	if !second {
		return c.query.Get("marker"), nil
	}
	token := c.query.Get("continuation-token")
	if token == "" {
		return c.query.Get("start-after"), nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", refused(400, "InvalidArgument", "The continuation token provided is incorrect.")
	}
	return max(string(text), c.query.Get("start-after")), nil
}

// listing fills in the document.
func (c *call) listing(page cloudsim.ObjectsPage, whose image.AccountID, limit int64, second bool) listing {
	encode := c.encoding()
	l := listing{
		Name: c.bucket, Prefix: encode(c.query.Get("prefix")), MaxKeys: limit, Delimiter: encode(c.query.Get("delimiter")),
		EncodingType: c.query.Get("encoding-type"), IsTruncated: page.Next != "",
	}
	for _, o := range page.Objects {
		one := c.row(o)
		if whose != "" && (!second || c.query.Get("fetch-owner") == "true") {
			one.Owner = ownerOf(whose)
		}
		l.Contents = append(l.Contents, one)
	}
	for _, p := range page.Prefixes {
		l.CommonPrefixes = append(l.CommonPrefixes, prefixDocument{encode(p)})
	}
	if !second {
		marker := encode(c.query.Get("marker"))
		l.Marker, l.NextMarker = &marker, encode(page.Next)
		return l
	}
	count := len(page.Objects) + len(page.Prefixes)
	l.KeyCount, l.StartAfter, l.ContinuationToken = &count, encode(c.query.Get("start-after")), c.query.Get("continuation-token")
	if page.Next != "" {
		l.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(page.Next))
	}
	return l
}

// listVersions answers ListObjectVersions.
func listVersions(c *call) error {
	limit, err := c.number("max-keys", 100, 1, 1000)
	if err != nil {
		return err
	}
	page, err := c.session.ListObjectVersions(cloudsim.ListObjectVersionsRequest{
		Bucket: c.bucket, Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"),
		KeyMarker: c.query.Get("key-marker"), VersionMarker: c.query.Get("version-id-marker"), Max: int(limit),
	})
	if err != nil {
		return err
	}
	encode, whose := c.encoding(), c.whose()
	document := struct {
		XMLName             xml.Name `xml:"ListVersionsResult"`
		Name                string
		Prefix              string
		KeyMarker           string
		VersionIDMarker     string `xml:"VersionIdMarker"`
		NextKeyMarker       string `xml:",omitempty"`
		NextVersionIDMarker string `xml:"NextVersionIdMarker,omitempty"`
		MaxKeys             int64
		Delimiter           string
		EncodingType        string `xml:",omitempty"`
		IsTruncated         bool
		Version             []listed
		DeleteMarker        []listed
		CommonPrefixes      []prefixDocument
	}{
		Name: c.bucket, Prefix: encode(c.query.Get("prefix")), KeyMarker: encode(c.query.Get("key-marker")), VersionIDMarker: c.query.Get("version-id-marker"),
		NextKeyMarker: encode(page.Next), NextVersionIDMarker: page.NextVersion, MaxKeys: limit,
		Delimiter: encode(c.query.Get("delimiter")), EncodingType: c.query.Get("encoding-type"), IsTruncated: page.Next != "",
	}
	for _, o := range page.Objects {
		one := c.row(o)
		one.VersionID, one.IsLatest = o.VersionID, &o.Latest
		if one.VersionID == "" {
			one.VersionID = "null"
		}
		if whose != "" {
			one.Owner = ownerOf(whose)
		}
		if o.DeleteMarker {
			document.DeleteMarker = append(document.DeleteMarker, one)
		} else {
			document.Version = append(document.Version, one)
		}
	}
	for _, p := range page.Prefixes {
		document.CommonPrefixes = append(document.CommonPrefixes, prefixDocument{encode(p)})
	}
	return c.xml(http.StatusOK, document)
}
