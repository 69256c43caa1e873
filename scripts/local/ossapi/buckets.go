package ossapi

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// stamp is a time as the documents have it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// owner is an account in a document.
type owner struct {
	ID          image.AccountID
	DisplayName image.AccountID
}

func ownerOf(account image.AccountID) *owner { return &owner{account, account} }

// grants are an access list in a document.
type grants struct{ Grant cloudsim.ACL }

// bucketDocument describes a bucket.
type bucketDocument struct {
	Name                     string
	Location                 string
	CreationDate             string
	StorageClass             cloudsim.StorageClass
	ExtranetEndpoint         string
	IntranetEndpoint         string
	Region                   image.RegionID
	DataRedundancyType       string              `xml:",omitempty"`
	Owner                    *owner              `xml:",omitempty"`
	AccessControlList        *grants             `xml:",omitempty"`
	Versioning               cloudsim.Versioning `xml:",omitempty"`
	ServerSideEncryptionRule *encryptionRule     `xml:",omitempty"`
	TransferAcceleration     string              `xml:",omitempty"`
	CrossRegionReplication   string              `xml:",omitempty"`
	AccessMonitor            string              `xml:",omitempty"`
}

// encryptionRule is how a bucket encrypts, in a document.
type encryptionRule struct {
	SSEAlgorithm   string
	KMSMasterKeyID string `xml:",omitempty"`
}

// endpoint is the name of a region in addresses and documents.
func endpoint(region image.RegionID) string { return "oss-" + string(region) }

func newBucketDocument(b cloudsim.BucketInfo) bucketDocument {
	location := endpoint(b.Region)
	return bucketDocument{
		Name: b.Name, Location: location, CreationDate: stamp(b.CreatedAt), StorageClass: b.StorageClass,
		ExtranetEndpoint: location + vendorDomain, IntranetEndpoint: location + "-internal" + vendorDomain, Region: b.Region,
	}
}

func listBuckets(c *call) error {
	buckets, err := c.session.ListBuckets()
	if err != nil {
		return err
	}
	var document struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Owner   *owner   `xml:",omitempty"`
		Buckets struct{ Bucket []bucketDocument }
	}
	for _, b := range buckets {
		document.Owner = ownerOf(b.Owner)
		document.Buckets.Bucket = append(document.Buckets.Bucket, newBucketDocument(b))
	}
	return c.xml(http.StatusOK, document)
}

// homeRegion is where a bucket is made whose maker does not say, neither by the
// document nor by the endpoint.
const homeRegion = "cn-hangzhou"

// read reads a body that is a document; one that is empty leaves it as it is.
func (c *call) read(document any) error {
	body, err := c.body()
	if err == nil && len(body) > 0 && xml.Unmarshal(body, document) != nil {
		err = malformedXML()
	}
	return err
}

func putBucket(c *call) error {
	var wanted struct {
		XMLName            xml.Name `xml:"CreateBucketConfiguration"`
		LocationConstraint string
		StorageClass       cloudsim.StorageClass
	}
	if err := c.read(&wanted); err != nil {
		return err
	}
	region := strings.TrimPrefix(wanted.LocationConstraint, "oss-")
	if region == "" {
		region = c.region
	}
	if region == "" {
		region = homeRegion
	}
	err := c.session.CreateBucket(cloudsim.CreateBucketRequest{
		Bucket: c.bucket, Region: image.RegionID(region), StorageClass: wanted.StorageClass, ACL: cloudsim.ACL(c.header("x-oss-acl")),
	})
	if err != nil {
		return err
	}
	c.set("Location", "/"+c.bucket)
	return c.done(http.StatusOK)
}

func deleteBucket(c *call) error {
	if err := c.session.DeleteBucket(c.bucket); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}

func bucketInfo(c *call) error {
	info, err := c.session.GetBucketInfo(c.bucket)
	if err != nil {
		return err
	}
	var document struct {
		XMLName xml.Name `xml:"BucketInfo"`
		Bucket  bucketDocument
	}
	b := newBucketDocument(info)
	b.DataRedundancyType, b.Owner, b.AccessControlList = "LRS", ownerOf(info.Owner), &grants{info.ACL}
	b.TransferAcceleration, b.CrossRegionReplication, b.AccessMonitor = "Disabled", "Disabled", "Disabled"
	b.Versioning, b.ServerSideEncryptionRule = info.Versioning, ruleOf(info.Encryption)
	document.Bucket = b
	return c.xml(http.StatusOK, document)
}

func ruleOf(e cloudsim.ObjectEncryption) *encryptionRule {
	if e.Algorithm == "" {
		return &encryptionRule{SSEAlgorithm: "None"}
	}
	return &encryptionRule{e.Algorithm, e.KeyID}
}

func bucketLocation(c *call) error {
	region, err := c.session.GetBucketLocation(c.bucket)
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: endpoint(region)})
}

// accessDocument is an access list, of a bucket or an object.
type accessDocument struct {
	XMLName           xml.Name `xml:"AccessControlPolicy"`
	Owner             *owner
	AccessControlList grants
}

func getBucketACL(c *call) error {
	info, err := c.session.GetBucketACL(c.bucket)
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, accessDocument{Owner: ownerOf(info.Owner), AccessControlList: grants{info.ACL}})
}

func putBucketACL(c *call) error {
	if err := c.session.PutBucketACL(c.bucket, cloudsim.ACL(c.header("x-oss-acl"))); err != nil {
		return err
	}
	return c.done(http.StatusOK)
}

// versioningDocument is whether a bucket keeps versions.
type versioningDocument struct {
	XMLName xml.Name            `xml:"VersioningConfiguration"`
	Status  cloudsim.Versioning `xml:",omitempty"`
}

func getBucketVersioning(c *call) error {
	versioning, err := c.session.GetBucketVersioning(c.bucket)
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, versioningDocument{Status: versioning})
}

func putBucketVersioning(c *call) error {
	var wanted versioningDocument
	if err := c.read(&wanted); err != nil {
		return err
	}
	if err := c.session.PutBucketVersioning(c.bucket, wanted.Status); err != nil {
		return err
	}
	return c.done(http.StatusOK)
}

// encryptionDocument is how a bucket encrypts.
type encryptionDocument struct {
	XMLName xml.Name       `xml:"ServerSideEncryptionRule"`
	Default encryptionRule `xml:"ApplyServerSideEncryptionByDefault"`
}

func getBucketEncryption(c *call) error {
	e, err := c.session.GetBucketEncryption(c.bucket)
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, encryptionDocument{Default: *ruleOf(e)})
}

func putBucketEncryption(c *call) error {
	var wanted encryptionDocument
	if err := c.read(&wanted); err != nil {
		return err
	}
	e := cloudsim.ObjectEncryption{Algorithm: wanted.Default.SSEAlgorithm, KeyID: wanted.Default.KMSMasterKeyID}
	if e.Algorithm == "" {
		return malformedXML()
	}
	if err := c.session.PutBucketEncryption(c.bucket, e); err != nil {
		return err
	}
	return c.done(http.StatusOK)
}

func deleteBucketEncryption(c *call) error {
	if err := c.session.PutBucketEncryption(c.bucket, cloudsim.ObjectEncryption{}); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}

func getBucketWorm(c *call) error {
	r, err := c.session.GetBucketWorm(c.bucket)
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, struct {
		XMLName               xml.Name `xml:"WormConfiguration"`
		WormID                string   `xml:"WormId"`
		State                 string
		RetentionPeriodInDays int
		CreationDate          string
	}{WormID: r.ID, State: r.State, RetentionPeriodInDays: r.Days, CreationDate: stamp(r.CreatedAt)})
}

func initiateBucketWorm(c *call) error {
	var wanted struct {
		XMLName               xml.Name `xml:"InitiateWormConfiguration"`
		RetentionPeriodInDays int
	}
	if err := c.read(&wanted); err != nil {
		return err
	}
	id, err := c.session.InitiateBucketWorm(c.bucket, wanted.RetentionPeriodInDays)
	if err != nil {
		return err
	}
	c.set("X-Oss-Worm-Id", id)
	return c.done(http.StatusOK)
}

func completeBucketWorm(c *call) error {
	if err := c.session.CompleteBucketWorm(c.bucket, c.query.Get("wormId")); err != nil {
		return err
	}
	return c.done(http.StatusOK)
}

func abortBucketWorm(c *call) error {
	if err := c.session.AbortBucketWorm(c.bucket); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}
