package ossapi

import (
	"net/http"
	"strings"
)

// operation does what a call asks for and answers it.
type operation struct {
	name string
	run  func(s *Server, c *call) error
	// signedInForm: who asks stands in the form, not in the request.
	signedInForm bool
}

// plain is an operation that needs nothing of the server.
func plain(name string, run func(c *call) error) operation {
	return operation{name: name, run: func(_ *Server, c *call) error { return run(c) }}
}

// operations are those there are, by method, what they are about, and the
// parameters that tell them apart.
func operations() map[string]operation {
	return map[string]operation{
		"GET service": plain("ListBuckets", listBuckets),

		"PUT bucket":               plain("PutBucket", putBucket),
		"DELETE bucket":            plain("DeleteBucket", deleteBucket),
		"GET bucket":               plain("ListObjects", listObjects),
		"GET bucket bucketInfo":    plain("GetBucketInfo", bucketInfo),
		"GET bucket location":      plain("GetBucketLocation", bucketLocation),
		"GET bucket acl":           plain("GetBucketAcl", getBucketACL),
		"PUT bucket acl":           plain("PutBucketAcl", putBucketACL),
		"GET bucket versioning":    plain("GetBucketVersioning", getBucketVersioning),
		"PUT bucket versioning":    plain("PutBucketVersioning", putBucketVersioning),
		"GET bucket versions":      plain("ListObjectVersions", listVersions),
		"GET bucket encryption":    plain("GetBucketEncryption", getBucketEncryption),
		"PUT bucket encryption":    plain("PutBucketEncryption", putBucketEncryption),
		"DELETE bucket encryption": plain("DeleteBucketEncryption", deleteBucketEncryption),
		"GET bucket worm":          plain("GetBucketWorm", getBucketWorm),
		"POST bucket worm":         plain("InitiateBucketWorm", initiateBucketWorm),
		"DELETE bucket worm":       plain("AbortBucketWorm", abortBucketWorm),
		"POST bucket wormId":       plain("CompleteBucketWorm", completeBucketWorm),
		"GET bucket uploads":       plain("ListMultipartUploads", listUploads),
		"POST bucket delete":       plain("DeleteMultipleObjects", deleteObjects),
		"POST bucket form":         {name: "PostObject", run: postObject, signedInForm: true},

		"PUT object":             plain("PutObject", putObject),
		"PUT object copy":        plain("CopyObject", copyObject),
		"POST object append":     plain("AppendObject", appendObject),
		"GET object":             plain("GetObject", getObject),
		"HEAD object":            plain("HeadObject", headObject),
		"HEAD object objectMeta": plain("GetObjectMeta", objectMeta),
		"DELETE object":          plain("DeleteObject", deleteObject),
		"POST object restore":    plain("RestoreObject", restoreObject),
		"GET object tagging":     plain("GetObjectTagging", getTagging),
		"PUT object tagging":     plain("PutObjectTagging", putTagging),
		"DELETE object tagging":  plain("DeleteObjectTagging", deleteTagging),
		"GET object acl":         plain("GetObjectAcl", getObjectACL),
		"PUT object acl":         plain("PutObjectAcl", putObjectACL),

		"POST object uploads":      plain("InitiateMultipartUpload", initiateUpload),
		"PUT object uploadId":      plain("UploadPart", uploadPart),
		"PUT object uploadId copy": plain("UploadPartCopy", uploadPartCopy),
		"POST object uploadId":     plain("CompleteMultipartUpload", completeUpload),
		"DELETE object uploadId":   plain("AbortMultipartUpload", abortUpload),
		"GET object uploadId":      plain("ListParts", listParts),
	}
}

// names are those of the operations.
func names(operations map[string]operation) map[string]bool {
	known := map[string]bool{}
	for _, do := range operations {
		known[do.name] = true
	}
	return known
}

// kind is what a request is, as the table of operations has it.
func (c *call) kind() string {
	about := "object"
	switch {
	case c.bucket == "":
		about = "service"
	case c.key == "":
		about = "bucket"
	}
	name := c.request.Method + " " + about
	for _, special := range special() {
		if c.query.Has(special) {
			name += " " + special
			break
		}
	}
	switch {
	case c.header("x-oss-copy-source") != "":
		name += " copy"
	case name == "POST bucket" && strings.HasPrefix(c.header("Content-Type"), "multipart/form-data"):
		name += " form"
	}
	return name
}

// route finds the operation of a call; one that cannot be run is refused once it
// is known who asks.
func (s *Server) route(c *call) (operation, error) {
	do, known := s.operations[c.kind()]
	switch c.request.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions:
		return do, nil
	}
	if !known {
		return do, refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	return do, nil
}

// special are the parameters that make another operation of a request. Those of
// operations that there are not are among them, so that these are refused.
func special() []string {
	return strings.Fields(`bucketInfo location delete append objectMeta acl cors encryption inventory lifecycle logging policy
		referer replication restore stat style symlink tagging uploadId uploads versioning versions website wormId worm wormExtend
		x-oss-process callback`)
}
