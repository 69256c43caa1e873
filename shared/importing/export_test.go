package importing

import (
	"time"

	"imagekeeper/shared/image"
)

// BuiltAt is when an image was built.
func BuiltAt(i image.Image) time.Time { return builtAt(i) }
