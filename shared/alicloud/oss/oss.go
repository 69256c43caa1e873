// Package oss keeps objects in Alibaba Cloud's Object Storage Service: what a
// journal needs of it. It is apart from package alicloud so that functions that
// keep nothing do not carry the vendor's second SDK. Of that SDK it takes the
// signer: the SDK's client reaches every operation of OSS, which would make up a
// tenth of a function's binary.
//
// Failures are *fault.Error; codes.go says which kind each of OSS's codes is.
// Texts of the vendor and addresses never appear in them.
package oss

import (
	"net/url"
	"strings"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Config says which bucket, and where it is.
type Config struct {
	// Bucket is its name; empty for a Store of which only Head and ReadAt are asked,
	// which name theirs.
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
	region string
	// endpoint serves it, base is the address of the bucket; a key follows it.
	endpoint url.URL
	base     string
}

// Open returns a Store; a process needs one for each bucket. It calls nothing.
// It fails with fault.Invalid, naming the field, for a name, a region or an
// endpoint that is not allowed.
func Open(cloud *alicloud.Cloud, config Config) (*Store, error) {
	if config.Bucket != "" && !bucketName(config.Bucket) {
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
	return &Store{cloud: cloud, bucket: config.Bucket, region: string(region), endpoint: *u, base: baseOf(*u, config.Bucket)}, nil
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
	store   *Store
	account *alicloud.Account
	// timeout ends one attempt of one call.
	timeout time.Duration
}

// As returns the bucket as account sees it. It calls nothing.
func (s *Store) As(account *alicloud.Account) *Bucket {
	return &Bucket{store: s, account: account, timeout: attemptTimeout}
}
