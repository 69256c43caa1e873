// Package alicloud is the only package that speaks to Alibaba Cloud. It
// translates between the words of the ECS and STS APIs and those of package
// image, and decides nothing: no type of the vendor's SDK leaves it, and no
// answer that is empty, short, malformed or contradictory passes for an answer.
//
// Failures are *fault.Error. Code is ECS's own code where ECS refused the
// call; the kinds are listed in codes.go. Texts of the vendor and addresses of
// requests never appear in an error, because both carry credentials.
package alicloud

import (
	"crypto/x509"
	"net/http"
	"time"

	"imagekeeper/shared/image"
)

// Config says where the cloud is and how much of it may be used.
type Config struct {
	// Region is where the process runs: its ECS endpoint lists the regions.
	// Default "cn-hangzhou".
	Region image.RegionID
	// ECSEndpoint serves ECS of every region, if set; else each region has its
	// own. "https://host[:port]", or "http://" for loopback hosts.
	ECSEndpoint string
	// STSEndpoint serves STS, if set; else sts.<Region>.aliyuncs.com does.
	STSEndpoint string
	// RateShare is the part of the documented rate of each call that this
	// process may use, above 0 to 1000. Default 0.3. More than 1 is for accounts
	// with raised quotas.
	RateShare float64
	// InFlight is how many calls may be under way at once. Default 32.
	InFlight int
	// AttemptTimeout ends one attempt of one call. Default 10 s.
	AttemptTimeout time.Duration
	// Jitter returns numbers in [0, 1) that spread repeated calls in time.
	// Default: random.
	Jitter func() float64
	// RootCAs are trusted in place of the system's, for an https emulator.
	RootCAs *x509.CertPool
	// Transport sends in place of our own, for tests. Addresses are checked
	// before it is asked.
	Transport http.RoundTripper
}
