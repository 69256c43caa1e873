package main

import (
	"fmt"
	"os"
	"strings"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	archive "imagekeeper/shared/function/memory"
	"imagekeeper/shared/pricing"
)

// config is what the environment says.
type config struct {
	alicloud.Places
	alicloud.Scaling
	alicloud.Storage
	// Rates overlay the published ones: JSON, or file: and the path of a file
	// with it.
	Rates string `env:"PRICE_RATES"`
	// Site is where the account was opened. It counts where DescribePrice does
	// not answer; the currency of its answers outweighs it.
	Site pricing.Site `env:"PRICE_SITE" default:"china" validate:"oneof=china international"`
	// Journal is where the monthly report is kept: dir:///path or
	// oss://bucket/prefix. Without it none is; nothing else needs it.
	Journal archive.Place `env:"JOURNAL"`
	// LogLevel is what the log shows at least.
	LogLevel string `env:"LOG_LEVEL" default:"info" validate:"oneof=debug info warn error"`
}

// readConfig reads the environment. It fails with fault.Invalid, naming the variable.
func readConfig(look function.Lookup) (config, error) { return function.Configure[config](look) }

const (
	ratesVariable = "PRICE_RATES"
	ratesInFile   = "file:"
	maxRatesBytes = 1 << 20
)

// rates are the published rates with those of the configuration over them. It
// fails with fault.Invalid naming the variable and the field in it.
func (c config) rates() (pricing.Rates, error) {
	text := c.Rates
	if path, ok := strings.CutPrefix(text, ratesInFile); ok {
		content, err := os.ReadFile(path)
		if err != nil || len(content) > maxRatesBytes {
			return pricing.Rates{}, fault.InField(ratesVariable, "configuration", "names a file that cannot be read, or is longer than %d bytes", maxRatesBytes)
		}
		text = string(content)
	}
	overlay, err := pricing.ParseNegotiated(text)
	if err != nil {
		return pricing.Rates{}, fault.InField(ratesVariable, "configuration", "%s", sentenceOf(err))
	}
	return pricing.Published().With(overlay), nil
}

// sentenceOf names the field inside the JSON, too.
func sentenceOf(err error) string {
	if field := fieldOf(err); field != "" {
		return fmt.Sprintf("%s: %s", field, fault.Sentence(err))
	}
	return fault.Sentence(err)
}
