// Package oss keeps objects in Alibaba Cloud's Object Storage Service: what a
// journal needs of it. It is apart from package alicloud so that functions that
// keep nothing do not carry the vendor's second SDK.
//
// Failures are *fault.Error; codes.go says which kind each of OSS's codes is.
// Texts of the vendor and addresses never appear in them.
package oss

import (
	"context"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Config says which bucket, and where it is.
type Config struct {
	// Bucket is its name.
	Bucket string
	// Region is the bucket's. Default: the one that Endpoint names, else the
	// process's own.
	Region image.RegionID
	// Endpoint serves OSS, if set; else oss-<Region>.aliyuncs.com does. The rules
	// are those of alicloud.Config; a loopback host is spoken to in path style.
	Endpoint string
}

// Store is one bucket, whoever asks. Safe for concurrent use.
type Store struct {
	cloud  *alicloud.Cloud
	bucket string
	config sdk.Config
}

// Open returns a Store; a process needs one for each bucket. It calls nothing.
// It fails with fault.Invalid, naming the field, for a name, a region or an
// endpoint that is not allowed.
func Open(cloud *alicloud.Cloud, config Config) (*Store, error) {
	if !bucketName(config.Bucket) {
		return nil, fault.InField("bucket", "bucketMalformed", "must be 3 to 63 small letters, digits or -, as OSS names buckets")
	}
	region, endpoint := config.Region, config.Endpoint
	if region == "" {
		region = regionOf(endpoint, cloud.Home())
	}
	if endpoint == "" {
		endpoint = "https://oss-" + string(region) + ".aliyuncs.com"
	}
	address, err := alicloud.CheckEndpoint("OSS_ENDPOINT", endpoint)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fault.InField("OSS_ENDPOINT", "endpointRefused", "must be a host or https://host")
	}
	return &Store{cloud: cloud, bucket: config.Bucket, config: sdk.Config{
		Region: sdk.Ptr(string(region)), Endpoint: sdk.Ptr(address), HttpClient: answers{cloud.Courier()},
		SignatureVersion: sdk.Ptr(sdk.SignatureVersionV4), RetryMaxAttempts: sdk.Ptr(1), Retryer: retry.NopRetryer{},
		UsePathStyle: sdk.Ptr(!strings.HasSuffix(u.Hostname(), ".aliyuncs.com")),
		UserAgent:    sdk.Ptr("imagekeeper"),
	}}, nil
}

// regionOf returns the region in the name of one of the vendor's endpoints.
func regionOf(endpoint string, otherwise image.RegionID) image.RegionID {
	_, host, _ := strings.Cut(endpoint, "://")
	if host == "" {
		host = endpoint
	}
	name, vendors := strings.CutSuffix(host, ".aliyuncs.com")
	region, regional := strings.CutPrefix(strings.TrimSuffix(name, "-internal"), "oss-")
	if !vendors || !regional || !strings.Contains(region, "-") || strings.Contains(region, ".") {
		return otherwise
	}
	return image.RegionID(region)
}

// bucketName reports whether OSS allows a bucket of that name.
func bucketName(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && strings.Trim(name, "-") == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

// Bucket is a Store with an account's credentials, asked for at each call. Safe
// for concurrent use.
type Bucket struct {
	client *sdk.Client
	name   string
	jitter func() float64
	// timeout ends one attempt of one call.
	timeout time.Duration
}

// As returns the bucket as account sees it. It calls nothing.
func (s *Store) As(account *alicloud.Account) *Bucket {
	config := s.config
	config.CredentialsProvider = credentials.CredentialsProviderFunc(func(ctx context.Context) (credentials.Credentials, error) {
		c, err := account.Credentials(ctx)
		return credentials.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.Secret, SecurityToken: c.SecurityToken}, err
	})
	// The SDK corrects the clock in a field that concurrent calls share.
	still := func(o *sdk.Options) { o.FeatureFlags &^= sdk.FeatureCorrectClockSkew }
	return &Bucket{client: sdk.NewClient(&config, still), name: s.bucket, jitter: s.cloud.Jitter, timeout: attemptTimeout}
}
