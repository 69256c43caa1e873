package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/sharing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Scaling
	alicloud.Trail
	alicloud.Storage
	pricing.Settings
	change.TwoPeople
	// Notices say who hears of what ends, and of what differs.
	Notices notices.Settings
	// Journal is where every change is recorded: dir:///path or oss://bucket/prefix.
	Journal ledger.Place `env:"JOURNAL" validate:"required"`
	// Allowed are the only accounts to share with; none: any.
	Allowed []image.AccountID `env:"SHARE_ALLOWED_ACCOUNTS" validate:"max=500,unique,dive,number,max=20"`
	// Community says whether images may be published to everyone.
	Community string `env:"SHARE_COMMUNITY" default:"deny" validate:"oneof=allow deny"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }

// policy is what this deployment allows.
func (c config) policy() sharing.Policy {
	return sharing.Policy{Allowed: c.Allowed, Community: c.Community == "allow"}
}
