// Package alicloud is the only package that speaks to Alibaba Cloud. It
// translates between the words of the ECS, ESS and STS APIs and those of package
// image, and decides nothing: no type of the vendor's SDK leaves it, and no
// answer that is empty, short, malformed or contradictory passes for an answer.
//
// Failures are *fault.Error. Code is ECS's own code where ECS refused the
// call, and codes.go says which kind each code is. Texts of the vendor and
// addresses of requests never appear in an error, because both carry
// credentials.
package alicloud

import (
	"cmp"
	"crypto/x509"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
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
	// ESSEndpoint serves Auto Scaling of every region, if set; else each region's
	// own endpoint does.
	ESSEndpoint string
	// RAMEndpoint serves RAM, if set; else ram.aliyuncs.com does.
	RAMEndpoint string
	// QuotasEndpoint serves Quota Center, if set; else quotas.aliyuncs.com does.
	QuotasEndpoint string
	// ActionTrailEndpoint serves ActionTrail of every region, if set; else each
	// region's own endpoint does.
	ActionTrailEndpoint string
	// KMSEndpoint serves KMS of every region, if set; else each region's own.
	KMSEndpoint string
	// RateShare is the part of the documented rate of each call that this
	// process may use, above 0 to 1000. Default 0.3. More than 1 is for accounts
	// with raised quotas.
	RateShare float64
	// InFlight is how many calls may be under way at once. Default 32.
	InFlight int
	// AttemptTimeout ends one attempt of one call. Default 10 s.
	AttemptTimeout time.Duration
	// Observer is told of every attempt that left; nil: nobody is.
	Observer Observer
	// Jitter returns numbers in [0, 1) that spread repeated calls in time.
	// Default: random.
	Jitter func() float64
	// RootCAs are trusted in place of the system's, for an https emulator.
	RootCAs *x509.CertPool
	// Transport sends in place of our own, for tests. Addresses are checked
	// before it is asked.
	Transport http.RoundTripper
}

// defaults for fields of Config that are zero.
const (
	defaultRegion   = "cn-hangzhou"
	defaultShare    = 0.3
	defaultInFlight = 32
	defaultTimeout  = 10 * time.Second
)

// Cloud is one process's way to Alibaba Cloud: transport, limits, endpoints
// and what was learnt of accounts. Safe for concurrent use.
type Cloud struct {
	home image.RegionID
	// overrides are the endpoints that the configuration names, for every region.
	overrides map[product]endpoint
	http      *http.Client
	timeout   time.Duration
	jitter    func() float64
	// tables and codes are built when the first answer, or refusal, is read.
	tables  func() *tables
	codes   func() *codes
	limits  *limiter
	retries *budget
	// slots bounds calls under way.
	slots chan struct{}
	// bodies hold answers, scanners read them; both are used again.
	bodies   *bodies
	scanners sync.Pool
	observer Observer
	clock    clock

	mu sync.Mutex
	// endpoints are those that DescribeRegions named.
	endpoints map[image.RegionID]endpoint
	// accounts remembers whose credentials are whose.
	accounts map[identity]image.AccountID
	roles    map[assumption]*role
}

// Open returns a Cloud; a process needs one. It fails with fault.Invalid,
// naming the field, for an endpoint or a number that is not allowed.
func Open(config Config) (*Cloud, error) {
	c := &Cloud{
		home: cmp.Or(config.Region, defaultRegion), timeout: cmp.Or(config.AttemptTimeout, defaultTimeout),
		jitter: config.Jitter, tables: sync.OnceValue(newTables), codes: sync.OnceValue(newCodes), retries: &budget{left: fullBudget},
		bodies: newBodies(), observer: config.Observer,
		scanners:  sync.Pool{New: func() any { return new(scanner) }},
		endpoints: map[image.RegionID]endpoint{}, accounts: map[identity]image.AccountID{},
		roles: map[assumption]*role{},
	}
	if err := checkRegion(c.home); err != nil {
		return nil, err
	}
	if err := c.place(config); err != nil {
		return nil, err
	}
	if c.jitter == nil {
		c.jitter = rand.Float64
	}
	return c, c.limit(config)
}

// place takes the endpoints.
func (c *Cloud) place(config Config) error {
	c.overrides = make(map[product]endpoint)
	for _, o := range []struct {
		product     product
		field, text string
	}{
		{productECS, "ECS_ENDPOINT", config.ECSEndpoint},
		{productSTS, "STS_ENDPOINT", config.STSEndpoint},
		{productESS, "ESS_ENDPOINT", config.ESSEndpoint},
		{productRAM, "RAM_ENDPOINT", config.RAMEndpoint},
		{productQuotas, "QUOTAS_ENDPOINT", config.QuotasEndpoint},
		{productActionTrail, "ACTIONTRAIL_ENDPOINT", config.ActionTrailEndpoint},
		{productKMS, "KMS_ENDPOINT", config.KMSEndpoint},
	} {
		if o.text == "" {
			continue
		}
		at, err := parseEndpoint(o.field, o.text)
		if err != nil {
			return err
		}
		c.overrides[o.product] = at
	}
	return nil
}

// limit takes the numbers, and makes what depends on them.
func (c *Cloud) limit(config Config) error {
	share := cmp.Or(config.RateShare, defaultShare)
	if math.IsNaN(share) || share <= 0 || share > 1000 {
		return fault.InField("ECS_RATE_SHARE", "outOfRange", "must be above 0 and at most 1000")
	}
	inFlight := cmp.Or(config.InFlight, defaultInFlight)
	if inFlight < 1 || inFlight > 1024 {
		return fault.InField("inFlight", "outOfRange", "must be between 1 and 1024")
	}
	if c.timeout < 0 {
		return fault.InField("attemptTimeout", "outOfRange", "must not be negative")
	}
	c.limits = &limiter{share: share, pacers: map[place]*pacer{}}
	c.slots = make(chan struct{}, inFlight)
	c.http = &http.Client{
		Transport:     config.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if config.Transport == nil {
		c.http.Transport = newTransport(inFlight, config.RootCAs)
	}
	return nil
}

// at returns where a product's API of a region is: the override, what
// DescribeRegions said, or the regular name.
func (c *Cloud) at(p product, region image.RegionID) endpoint {
	if known, ok := c.overrides[p]; ok {
		return known
	}
	host := string(p)
	switch p {
	case productSTS:
		host += "." + string(c.home)
	case productESS:
		if !slices.Contains(strings.Fields(essCentral), string(region)) {
			host += "." + string(region)
		}
	case productECS:
		if known, ok := c.learnt(region); ok {
			return known
		}
		host += "." + string(region)
	case productActionTrail, productKMS:
		host += "." + string(region)
	}
	return endpoint{scheme: "https", host: host + vendorDomain}
}

// learnt returns what DescribeRegions said of a region's endpoint.
func (c *Cloud) learnt(region image.RegionID) (endpoint, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.endpoints[region]
	return known, ok
}

// learn remembers the endpoints of regions that are hosts of the vendor; the
// others keep their regular name.
func (c *Cloud) learn(regions []image.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range regions {
		if vendor(r.Endpoint) {
			c.endpoints[r.ID] = endpoint{scheme: "https", host: r.Endpoint}
		}
	}
}
