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
	alicloud.Trail
	alicloud.Keys
	change.TwoPeople
	notices.Settings
	// Prices are by what is said what removal saves.
	Prices pricing.Settings
	// Journal is where every change is recorded: dir:///path or oss://bucket/prefix.
	Journal ledger.Place `env:"JOURNAL" validate:"required"`
	// Rules are the document: oss://bucket/key, file: and a path, or the document
	// itself. Empty: this deployment only reports.
	Rules function.Lines `env:"CLEANUP_RULES"`
	// Allowed are the only accounts that an image is shared with; none: any.
	Allowed []image.AccountID `env:"SHARE_ALLOWED_ACCOUNTS" validate:"max=500,unique,dive,number,max=20"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }
