package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Scaling
	alicloud.Storage
	alicloud.Quotas
	pricing.Settings
	change.TwoPeople
	// Notices say who hears of what.
	Notices notices.Settings
	// Journal is where every change is recorded: dir:///path or oss://bucket/prefix.
	Journal ledger.Place `env:"JOURNAL" validate:"required"`
	// Trusted are accounts beside ours whose shared images may be the one of a family.
	Trusted []image.AccountID `env:"TRUSTED_OWNERS" validate:"max=100,unique,dive,number,max=20"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }
