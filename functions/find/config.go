package main

import (
	"regexp"
	"slices"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// config is what the environment says.
type config struct {
	// Regions to look at, or "all" for whatever regions an account has. None:
	// the function's own.
	Regions []regionWord `env:"REGIONS" validate:"max=100"`
	// Accounts are the roles to assume, to look at other accounts too.
	Accounts []roleWord `env:"ACCOUNTS" validate:"max=50,unique"`
	// ECSEndpoint and STSEndpoint override the vendor's endpoints.
	ECSEndpoint string `env:"ECS_ENDPOINT"`
	STSEndpoint string `env:"STS_ENDPOINT"`
	// RateShare is the part of the account's API rate that may be used.
	RateShare float64 `env:"ECS_RATE_SHARE" default:"0.3" validate:"gt=0,lte=1000"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// allRegions stands for whatever regions an account has.
const allRegions = "all"

// regionWord is a region's id, or "all".
type regionWord image.RegionID

// UnmarshalText accepts the shape of a region's id only.
func (r *regionWord) UnmarshalText(text []byte) error {
	if !regexp.MustCompile(regionPattern).Match(text) {
		return fault.New(fault.Invalid, "must be regions such as cn-hangzhou,cn-shanghai, or all")
	}
	*r = regionWord(text)
	return nil
}

// roleWord is the ARN of a RAM role.
type roleWord alicloud.RoleARN

// UnmarshalText accepts the ARN of a RAM role only.
func (r *roleWord) UnmarshalText(text []byte) error {
	if _, err := alicloud.RoleARN(text).Account(); err != nil {
		return err
	}
	*r = roleWord(text)
	return nil
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) {
	c, err := function.Configure[config](look)
	if err != nil {
		return config{}, err
	}
	if len(c.Regions) > 1 && slices.Contains(c.Regions, allRegions) {
		return config{}, fault.InField("REGIONS", "configuration", "must be all alone, or a list of regions")
	}
	return c, nil
}

// regions returns the regions to look at, or all of them; home is the
// function's own.
func (c config) regions(home image.RegionID) (regions []image.RegionID, all bool, err error) {
	if len(c.Regions) == 1 && c.Regions[0] == allRegions {
		return nil, true, nil
	}
	for _, r := range c.Regions {
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
