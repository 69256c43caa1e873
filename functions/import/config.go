package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/sharing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Storage
	alicloud.Quotas
	alicloud.Roles
	change.TwoPeople
	notices.Settings
	// Journal is where every change is recorded: dir:///path or oss://bucket/prefix.
	Journal ledger.Place `env:"JOURNAL" validate:"required"`
	// Sources are what imports may read: oss://bucket/prefix; none: no object at all.
	Sources []importing.Prefix `env:"IMPORT_SOURCES" validate:"max=100"`
	// Allowed are the only accounts to share with; none: any.
	Allowed []image.AccountID `env:"SHARE_ALLOWED_ACCOUNTS" validate:"max=500,unique,dive,number,max=20"`
	// Rules say what is imported by itself: oss://bucket/key, file: and a path, or the
	// document.
	Rules function.Lines `env:"IMPORT_RULES"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }

// policy is what this deployment allows to share.
func (c config) policy() sharing.Policy { return sharing.Policy{Allowed: c.Allowed} }
