package pricing

import (
	"errors"
	"strings"

	"imagekeeper/shared/fault"
)

// Settings are what the environment says of prices. A function's configuration
// embeds them.
type Settings struct {
	// Rates overlay the published ones: JSON, or file: and the path of a file
	// with it.
	Rates string `env:"PRICE_RATES"`
	// Site is where the account was opened. It counts where DescribePrice does
	// not answer; the currency of its answers outweighs it.
	Site Site `env:"PRICE_SITE" default:"china" validate:"oneof=china international"`
}

const (
	ratesInFile   = "file:"
	maxRatesBytes = 1 << 20
)

// Table are the published rates with those of the settings over them. read reads
// the file that the settings name. It fails with fault.Invalid naming the
// variable, and in the sentence the field in it.
func (s Settings) Table(read func(path string) ([]byte, error)) (Rates, error) {
	text := s.Rates
	if path, ok := strings.CutPrefix(text, ratesInFile); ok {
		content, err := read(path)
		if err != nil || len(content) > maxRatesBytes {
			return Rates{}, fault.InField(overlayName, "configuration", "names a file that cannot be read, or is longer than %d bytes", maxRatesBytes)
		}
		text = string(content)
	}
	overlay, err := ParseNegotiated(text)
	if err != nil {
		return Rates{}, fault.InField(overlayName, "configuration", "%s", inRates(err))
	}
	return Published().With(overlay), nil
}

// inRates names the field inside the JSON, too.
func inRates(err error) string {
	var e *fault.Error
	if errors.As(err, &e) && e.Field != "" {
		return e.Field + ": " + fault.Sentence(err)
	}
	return fault.Sentence(err)
}
