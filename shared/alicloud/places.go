package alicloud

import (
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Places is the part of a function's configuration that says where it looks; a
// function embeds it, and Scaling and Storage if it speaks to them. The tags are
// those of package function's Configure.
type Places struct {
	// Regions to look at, or "all" for whatever regions an account has. None: the
	// function's own.
	Regions []RegionWord `env:"REGIONS" validate:"max=100"`
	// Accounts are the roles to assume, to look at other accounts too.
	Accounts []RoleARN `env:"ACCOUNTS" validate:"max=50,unique"`
	// ECSEndpoint overrides the vendor's endpoints.
	ECSEndpoint string `env:"ECS_ENDPOINT"`
	// STSEndpoint overrides the vendor's endpoints.
	STSEndpoint string `env:"STS_ENDPOINT"`
	// RateShare is the part of the account's API rate that may be used.
	RateShare float64 `env:"ECS_RATE_SHARE" default:"0.3" validate:"gt=0,lte=1000"`
}

// Scaling is the configuration of a function that asks Auto Scaling.
type Scaling struct {
	// ESSEndpoint overrides the vendor's endpoints.
	ESSEndpoint string `env:"ESS_ENDPOINT"`
}

// Trail is the configuration of a function that asks ActionTrail.
type Trail struct {
	// ActionTrailEndpoint overrides the vendor's endpoints.
	ActionTrailEndpoint string `env:"ACTIONTRAIL_ENDPOINT"`
}

// Keys is the configuration of a function that asks KMS.
type Keys struct {
	// KMSEndpoint overrides the vendor's endpoints.
	KMSEndpoint string `env:"KMS_ENDPOINT"`
}

// Quotas is the configuration of a function that asks Quota Center.
type Quotas struct {
	// QuotasEndpoint overrides the vendor's endpoint.
	QuotasEndpoint string `env:"QUOTAS_ENDPOINT"`
}

// Roles is the configuration of a function that asks RAM.
type Roles struct {
	// RAMEndpoint overrides the vendor's endpoint.
	RAMEndpoint string `env:"RAM_ENDPOINT"`
}

// Storage is the configuration of a function that keeps objects in OSS.
type Storage struct {
	// OSSEndpoint overrides the vendor's endpoints.
	OSSEndpoint string `env:"OSS_ENDPOINT"`
}

// everyRegion stands for whatever regions an account has.
const everyRegion = "all"

// RegionWord is a region's id, or "all".
type RegionWord image.RegionID

// UnmarshalText accepts the shape of a region's id, and "all". It fails with
// fault.Invalid for anything else.
func (r *RegionWord) UnmarshalText(text []byte) error {
	if string(text) != everyRegion && checkRegion(image.RegionID(text)) != nil {
		return fault.New(fault.Invalid, "must be regions such as cn-hangzhou,cn-shanghai, or all")
	}
	*r = RegionWord(text)
	return nil
}

// UnmarshalText accepts the ARN of a RAM role. It fails with fault.Invalid for
// anything else.
func (r *RoleARN) UnmarshalText(text []byte) error {
	arn := RoleARN(text)
	if _, err := arn.Account(); err != nil {
		return err
	}
	*r = arn
	return nil
}

// Config is what Open takes, for a function in region home. It fails with
// fault.Invalid, naming the variable, when "all" is not alone.
func (p Places) Config(home image.RegionID) (Config, error) {
	if len(p.Regions) > 1 && slices.Contains(p.Regions, everyRegion) {
		return Config{}, fault.InField("REGIONS", "configuration", "must be all alone, or a list of regions")
	}
	return Config{Region: home, ECSEndpoint: p.ECSEndpoint, STSEndpoint: p.STSEndpoint, RateShare: p.RateShare}, nil
}

// LookIn returns the regions to look at, in order, or that it is all of them;
// home is the function's own. It fails with fault.Internal if nothing says where.
func (p Places) LookIn(home image.RegionID) (regions []image.RegionID, all bool, err error) {
	if len(p.Regions) == 1 && p.Regions[0] == everyRegion {
		return nil, true, nil
	}
	for _, r := range p.Regions {
		regions = append(regions, image.RegionID(r))
	}
	if len(regions) == 0 && home == "" {
		return nil, false, fault.New(fault.Internal, "the function's region is not known; set REGIONS")
	}
	if len(regions) == 0 {
		regions = []image.RegionID{home}
	}
	slices.Sort(regions)
	return slices.Compact(regions), false, nil
}

// Endpoint is where a service beside ECS and STS is, as the configuration says.
type Endpoint interface{ Set(c *Config) }

// Set says where Auto Scaling is.
func (s Scaling) Set(c *Config) { c.ESSEndpoint = s.ESSEndpoint }

// Set says where ActionTrail is.
func (t Trail) Set(c *Config) { c.ActionTrailEndpoint = t.ActionTrailEndpoint }

// Set says where KMS is.
func (k Keys) Set(c *Config) { c.KMSEndpoint = k.KMSEndpoint }

// Set says where Quota Center is.
func (q Quotas) Set(c *Config) { c.QuotasEndpoint = q.QuotasEndpoint }

// Set says where RAM is.
func (r Roles) Set(c *Config) { c.RAMEndpoint = r.RAMEndpoint }
