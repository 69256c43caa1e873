package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Scaling
	alicloud.Trail
	pricing.Settings
	// TrustedOwners are accounts beside ours whose shared images may be the one to use.
	TrustedOwners []image.AccountID `env:"TRUSTED_OWNERS" validate:"max=100,unique,dive,numeric,max=20"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }
