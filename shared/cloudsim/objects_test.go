package cloudsim_test

import (
	"errors"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
)

// Every operation of objects asks for its own permission before it looks at anything.
func TestEveryObjectOperationNeedsItsPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	if err := w.cloud.AllowOnly("local", []string{}); err != nil {
		t.Fatal(err)
	}
	s := sessionOf(t, w.cloud, "local")
	name := cloudsim.ObjectName{Bucket: "mine", Key: "k"}
	old := cloudsim.ObjectName{Bucket: "mine", Key: "k", VersionID: "null"}
	upload := cloudsim.UploadName{Bucket: "mine", Key: "k", ID: "u"}
	for action, calls := range map[string][]func() error{
		"oss:PutBucket":              {func() error { return s.PutBucket("mine", hangzhou) }},
		"oss:DeleteBucket":           {func() error { return s.DeleteBucket("mine") }},
		"oss:ListBuckets":            {func() error { return second(s.ListBuckets()) }},
		"oss:GetBucketInfo":          {func() error { return second(s.GetBucketInfo("mine")) }},
		"oss:GetBucketLocation":      {func() error { return second(s.GetBucketLocation("mine")) }},
		"oss:GetBucketAcl":           {func() error { return second(s.GetBucketACL("mine")) }},
		"oss:PutBucketAcl":           {func() error { return s.PutBucketACL("mine", cloudsim.ACLPrivate) }},
		"oss:GetBucketVersioning":    {func() error { return second(s.GetBucketVersioning("mine")) }},
		"oss:PutBucketVersioning":    {func() error { return s.PutBucketVersioning("mine", cloudsim.VersioningEnabled) }},
		"oss:GetBucketEncryption":    {func() error { return second(s.GetBucketEncryption("mine")) }},
		"oss:PutBucketEncryption":    {func() error { return s.PutBucketEncryption("mine", cloudsim.ObjectEncryption{Algorithm: "AES256"}) }},
		"oss:DeleteBucketEncryption": {func() error { return s.PutBucketEncryption("mine", cloudsim.ObjectEncryption{}) }},
		"oss:GetBucketWorm":          {func() error { return second(s.GetBucketWorm("mine")) }},
		"oss:InitiateBucketWorm":     {func() error { return second(s.InitiateBucketWorm("mine", 1)) }},
		"oss:CompleteBucketWorm":     {func() error { return s.CompleteBucketWorm("mine", "w") }},
		"oss:AbortBucketWorm":        {func() error { return s.AbortBucketWorm("mine") }},
		"oss:PutObject": {
			func() error { return second(s.PutObject(cloudsim.PutObjectRequest{Bucket: "mine", Key: "k"})) },
			func() error { return second(s.AppendObject(cloudsim.AppendObjectRequest{Bucket: "mine", Key: "k"})) },
			func() error {
				return second(s.InitiateMultipartUpload("mine", "k", cloudsim.ObjectSettings{}, false))
			},
			func() error { return second(s.UploadPart(upload, 1, cloudsim.Content{})) },
			func() error {
				return second(s.CompleteMultipartUpload(cloudsim.CompleteMultipartUploadRequest{Upload: upload}))
			},
		},
		"oss:GetObject": {
			func() error { return second(s.GetObject(name)) },
			func() error { return second(s.HeadObject(name)) },
			func() error {
				return second(s.CopyObject(cloudsim.CopyObjectRequest{Source: name, Bucket: "mine", Key: "k2"}))
			},
			func() error {
				return second(s.UploadPartCopy(cloudsim.UploadPartCopyRequest{Upload: upload, Source: name, Number: 1}))
			},
		},
		"oss:DeleteObject":         {func() error { return second(s.DeleteObject(name)) }, func() error { return second(s.DeleteObjects([]cloudsim.ObjectName{name})) }},
		"oss:DeleteObjectVersion":  {func() error { return second(s.DeleteObject(old)) }},
		"oss:ListObjects":          {func() error { return second(s.ListObjects(cloudsim.ListObjectsRequest{Bucket: "mine", Max: 1})) }},
		"oss:ListObjectVersions":   {func() error { return second(s.ListObjectVersions(cloudsim.ListObjectVersionsRequest{Bucket: "mine"})) }},
		"oss:GetObjectTagging":     {func() error { return second(s.GetObjectTagging(name)) }},
		"oss:PutObjectTagging":     {func() error { return second(s.PutObjectTagging(name, []cloudsim.ObjectTag{{Key: "k"}})) }},
		"oss:DeleteObjectTagging":  {func() error { return second(s.PutObjectTagging(name, nil)) }},
		"oss:GetObjectAcl":         {func() error { return second(s.GetObjectACL(name)) }},
		"oss:PutObjectAcl":         {func() error { return second(s.PutObjectACL(name, cloudsim.ACLPrivate)) }},
		"oss:AbortMultipartUpload": {func() error { return s.AbortMultipartUpload(upload) }},
		"oss:ListMultipartUploads": {func() error {
			return second(s.ListMultipartUploads(cloudsim.ListMultipartUploadsRequest{Bucket: "mine"}))
		}},
		"oss:ListParts": {func() error { _, _, err := s.ListParts(upload, 0); return err }},
		"oss:RestoreObject": {func() error {
			_, _, err := s.RestoreObject(cloudsim.RestoreObjectRequest{Name: name})
			return err
		}},
	} {
		for n, call := range calls {
			var no *cloudsim.Refusal
			if err := call(); !errors.As(err, &no) || !errors.Is(err, fault.Forbidden) || no.Action != action {
				t.Errorf("%s, %d: %v", action, n, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
