package ossapi

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"

	"imagekeeper/shared/cloudsim"
)

// upload is the one that the request names.
func (c *call) upload() cloudsim.UploadName {
	return cloudsim.UploadName{Bucket: c.bucket, Key: c.key, ID: c.query.Get("uploadId")}
}

func initiateUpload(c *call) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	settings.ACL = "" // it is said when the upload is completed
	id, err := c.session.InitiateMultipartUpload(c.bucket, c.key, settings, c.forbidsOverwrite())
	if err != nil {
		return err
	}
	c.encrypted(settings.Encryption)
	return c.xml(http.StatusOK, struct {
		XMLName      xml.Name `xml:"InitiateMultipartUploadResult"`
		EncodingType string   `xml:",omitempty"`
		Bucket       string
		Key          string
		UploadID     string `xml:"UploadId"`
	}{EncodingType: c.query.Get("encoding-type"), Bucket: c.bucket, Key: c.encoding()(c.key), UploadID: id})
}

// partNumber reads the number of a part.
func (c *call) partNumber() (int, error) {
	n, err := strconv.Atoi(c.query.Get("partNumber"))
	if err != nil || n < 1 || n > 10000 {
		return 0, refused(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive.").
			with("ArgumentName", "partNumber").with("ArgumentValue", c.query.Get("partNumber"))
	}
	return n, nil
}

func uploadPart(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	if c.header("x-oss-server-side-encryption") != "" {
		return refused(400, "InvalidArgument", "x-oss-server-side-encryption is not supported here.").with("ArgumentName", "x-oss-server-side-encryption")
	}
	content, err := c.content(c.limit)
	if err != nil {
		return err
	}
	p, err := c.session.UploadPart(c.upload(), number, content)
	if err != nil {
		return err
	}
	c.set("ETag", `"`+p.ETag+`"`)
	c.set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(content.CRC(), 10))
	return c.done(http.StatusOK)
}

// copiedDocument tells of what was copied.
type copiedDocument struct {
	XMLName      xml.Name
	LastModified string
	ETag         string
}

func copied(name, at, etag string) copiedDocument {
	return copiedDocument{xml.Name{Local: name}, at, `"` + etag + `"`}
}

func uploadPartCopy(c *call) error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	source, err := c.copySource()
	if err != nil {
		return err
	}
	p, err := c.session.UploadPartCopy(cloudsim.UploadPartCopyRequest{
		Upload: c.upload(), Number: number, Source: source, Check: c.checkSource,
		Range: func(size int64) (int64, int64, bool) { return rangeOf(c.header("x-oss-copy-source-range"), size) },
	})
	if err != nil {
		return c.orNotModified(err)
	}
	c.set("X-Oss-Copy-Source-Version-Id", source.VersionID)
	return c.xml(http.StatusOK, copied("CopyPartResult", stamp(p.ModifiedAt), p.ETag))
}

func completeUpload(c *call) error {
	req := cloudsim.CompleteMultipartUploadRequest{
		Upload: c.upload(), All: c.header("x-oss-complete-all") == "yes", ACL: cloudsim.ACL(c.header("x-oss-object-acl")), ForbidOverwrite: c.forbidsOverwrite(),
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	if req.All && len(body) > 0 {
		return refused(400, "InvalidArgument", "Body must be empty when x-oss-complete-all is used.").with("ArgumentName", "x-oss-complete-all")
	}
	if !req.All {
		var wanted struct {
			XMLName xml.Name `xml:"CompleteMultipartUpload"`
			Part    []struct {
				PartNumber int
				ETag       string
			}
		}
		if xml.Unmarshal(body, &wanted) != nil || len(wanted.Part) == 0 {
			return malformedXML()
		}
		for _, p := range wanted.Part {
			req.Parts = append(req.Parts, cloudsim.PartName{Number: p.PartNumber, ETag: p.ETag})
		}
	}
	o, err := c.session.CompleteMultipartUpload(req)
	if err != nil {
		return err
	}
	c.written(o)
	return c.xml(http.StatusOK, struct {
		XMLName      xml.Name `xml:"CompleteMultipartUploadResult"`
		EncodingType string   `xml:",omitempty"`
		Location     string
		Bucket       string
		Key          string
		ETag         string
	}{
		EncodingType: c.query.Get("encoding-type"), Location: c.location(), Bucket: c.bucket, Key: c.encoding()(c.key), ETag: `"` + o.ETag + `"`,
	})
}

// location is where the object is, as a client would ask for it here.
func (c *call) location() string {
	u := url.URL{Scheme: "http", Host: c.request.Host, Path: c.request.URL.Path}
	return u.String()
}

func abortUpload(c *call) error {
	if err := c.session.AbortMultipartUpload(c.upload()); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}

// partDocument is a part in a listing.
type partDocument struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
	CRC          uint64 `xml:"HashCrc64ecma"`
}

func listParts(c *call) error {
	limit, err := c.number("max-parts", 1000, 1, 1000)
	if err != nil {
		return err
	}
	after, err := c.number("part-number-marker", 0, 0, 10000)
	if err != nil {
		return err
	}
	info, parts, err := c.session.ListParts(c.upload(), int(after))
	if err != nil {
		return err
	}
	document := struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		EncodingType         string   `xml:",omitempty"`
		Bucket               string
		Key                  string
		UploadID             string `xml:"UploadId"`
		StorageClass         cloudsim.StorageClass
		PartNumberMarker     int64
		NextPartNumberMarker int64
		MaxParts             int64
		IsTruncated          bool
		Part                 []partDocument
	}{
		EncodingType: c.query.Get("encoding-type"), Bucket: c.bucket, Key: c.encoding()(c.key), UploadID: info.ID, StorageClass: info.StorageClass,
		PartNumberMarker: after, NextPartNumberMarker: after, MaxParts: limit, IsTruncated: len(parts) > int(limit),
	}
	for _, p := range parts[:min(len(parts), int(limit))] {
		document.NextPartNumberMarker = int64(p.Number)
		document.Part = append(document.Part, partDocument{p.Number, stamp(p.ModifiedAt), `"` + p.ETag + `"`, p.Content.Size(), p.Content.CRC()})
	}
	return c.xml(http.StatusOK, document)
}

// prefixDocument is a common prefix in a listing.
type prefixDocument struct{ Prefix string }

// uploadDocument is an upload in a listing.
type uploadDocument struct {
	Key          string
	UploadID     string `xml:"UploadId"`
	StorageClass cloudsim.StorageClass
	Initiated    string
}

func listUploads(c *call) error {
	limit, err := c.number("max-uploads", 1000, 1, 1000)
	if err != nil {
		return err
	}
	page, err := c.session.ListMultipartUploads(cloudsim.ListMultipartUploadsRequest{
		Bucket: c.bucket, Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"),
		KeyMarker: c.query.Get("key-marker"), IDMarker: c.query.Get("upload-id-marker"), Max: int(limit),
	})
	if err != nil {
		return err
	}
	encode := c.encoding()
	document := struct {
		XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
		EncodingType       string   `xml:",omitempty"`
		Bucket             string
		KeyMarker          string
		UploadIDMarker     string `xml:"UploadIdMarker"`
		NextKeyMarker      string
		NextUploadIDMarker string `xml:"NextUploadIdMarker"`
		Delimiter          string
		Prefix             string
		MaxUploads         int64
		IsTruncated        bool
		Upload             []uploadDocument
		CommonPrefixes     []prefixDocument
	}{
		EncodingType: c.query.Get("encoding-type"), Bucket: c.bucket,
		KeyMarker: encode(c.query.Get("key-marker")), UploadIDMarker: c.query.Get("upload-id-marker"),
		NextKeyMarker: encode(page.NextKey), NextUploadIDMarker: page.NextID, Delimiter: encode(c.query.Get("delimiter")),
		Prefix: encode(c.query.Get("prefix")), MaxUploads: limit, IsTruncated: page.NextKey != "",
	}
	for _, u := range page.Uploads {
		document.Upload = append(document.Upload, uploadDocument{encode(u.Key), u.ID, u.StorageClass, stamp(u.InitiatedAt)})
	}
	for _, p := range page.Prefixes {
		document.CommonPrefixes = append(document.CommonPrefixes, prefixDocument{encode(p)})
	}
	return c.xml(http.StatusOK, document)
}
