package image_test

import (
	"testing"

	"imagekeeper/shared/image"
)

func TestAlibabaLinux3Pro(t *testing.T) {
	for name, want := range map[string]bool{
		"Alibaba Cloud Linux  3.2104 LTS 64 bit Pro": true,
		"Alibaba Cloud Linux 3 Pro 64 bit":           true,
		"ALIBABA CLOUD LINUX 3.2104 PRO":             true,
		"Alibaba Cloud Linux  3.2104 LTS 64 bit":     false,
		"Alibaba Cloud Linux  2.1903 64 bit Pro":     false,
		"Alibaba Cloud Linux 4 Pro 64 bit":           false,
		"Alibaba Cloud Linux 3 Professional":         false,
		"Rocky Linux 3 Pro":                          false,
		"Alibaba Cloud Linux":                        false,
		"":                                           false,
	} {
		if got := image.AlibabaLinux3Pro(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
