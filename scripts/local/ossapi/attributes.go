package ossapi

import (
	"encoding/xml"
	"net/http"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// taggingDocument are the tags of an object.
type taggingDocument struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  struct{ Tag []cloudsim.ObjectTag }
}

func getTagging(c *call) error {
	o, err := c.session.GetObjectTagging(c.object())
	c.deleted(o)
	if err != nil {
		return err
	}
	var document taggingDocument
	document.TagSet.Tag = o.Tags
	c.set("X-Oss-Version-Id", o.VersionID)
	return c.xml(http.StatusOK, document)
}

func putTagging(c *call) error {
	var wanted taggingDocument
	if err := c.read(&wanted); err != nil {
		return err
	}
	if len(wanted.TagSet.Tag) == 0 {
		return malformedXML()
	}
	return c.tag(wanted.TagSet.Tag, http.StatusOK)
}

func deleteTagging(c *call) error { return c.tag(nil, http.StatusNoContent) }

// tag replaces the tags of an object.
func (c *call) tag(tags []cloudsim.ObjectTag, status int) error {
	o, err := c.session.PutObjectTagging(c.object(), tags)
	c.deleted(o)
	if err != nil {
		return err
	}
	c.set("X-Oss-Version-Id", o.VersionID)
	return c.done(status)
}

func getObjectACL(c *call) error {
	o, err := c.session.GetObjectACL(c.object())
	c.deleted(o)
	if err != nil {
		return err
	}
	info, err := c.session.GetBucketInfo(c.bucket)
	if err != nil {
		info.Owner = image.AccountID("") // who may read the list need not be told whose it is
	}
	c.set("X-Oss-Version-Id", o.VersionID)
	return c.xml(http.StatusOK, accessDocument{Owner: ownerOf(info.Owner), AccessControlList: grants{o.ACL}})
}

func putObjectACL(c *call) error {
	o, err := c.session.PutObjectACL(c.object(), cloudsim.ACL(c.header("x-oss-object-acl")))
	c.deleted(o)
	if err != nil {
		return err
	}
	c.set("X-Oss-Version-Id", o.VersionID)
	return c.done(http.StatusOK)
}

// restoreObject makes an archived object readable: 202 where that begins, 200
// where it is readable already, and for longer now.
func restoreObject(c *call) error {
	wanted := struct {
		XMLName       xml.Name `xml:"RestoreRequest"`
		Days          int
		JobParameters struct{ Tier string }
	}{Days: 1}
	if err := c.read(&wanted); err != nil {
		return err
	}
	if wanted.Days < 1 {
		return malformedXML()
	}
	o, started, err := c.session.RestoreObject(cloudsim.RestoreObjectRequest{Name: c.object(), Days: wanted.Days, Tier: wanted.JobParameters.Tier})
	if err != nil {
		return err
	}
	c.set("X-Oss-Version-Id", o.VersionID)
	if started {
		return c.done(http.StatusAccepted)
	}
	return c.done(http.StatusOK)
}
