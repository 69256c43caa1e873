package image

import (
	"slices"
	"strings"
)

// AlibabaLinux3Pro tells whether osName, the full name of a system, is Alibaba
// Cloud Linux 3 Pro, of whose instances the system disk is never replaced; source:
// the vendor's guide to replacing the operating system. 2.1903 Pro is another.
func AlibabaLinux3Pro(osName string) bool {
	words := strings.Fields(strings.ToLower(osName))
	at := slices.Index(words, "linux")
	if at < 0 || at+1 == len(words) || !slices.Contains(words, "pro") || !strings.HasPrefix(strings.Join(words, " "), "alibaba cloud linux") {
		return false
	}
	version, _, _ := strings.Cut(words[at+1], ".")
	return version == "3"
}
