package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/pricing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Scaling
	alicloud.Trail
	alicloud.Storage
	pricing.Settings
	// Notices say who hears of the monthly report.
	Notices notices.Settings
	// Journal is where the monthly report is kept: dir:///path or
	// oss://bucket/prefix. Without it none is; nothing else needs it.
	Journal ledger.Place `env:"JOURNAL"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }
