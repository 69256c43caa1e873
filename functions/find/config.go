package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/pricing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Scaling
	pricing.Settings
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }
