package main

import (
	"net/http"
	"strings"
	"testing"

	"imagekeeper/shared/alicloud"
)

// TestACopyGoesToARegionThatExists: where all regions are looked at, one that no account
// has is the same mistake as elsewhere; where some are named, a copy may go to others.
func TestACopyGoesToARegionThatExists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		regions alicloud.RegionWord
		to      string
		status  int
	}{
		{"all", "cn-nowhere", http.StatusBadRequest}, {"all", "cn-shanghai", http.StatusOK}, {"cn-hangzhou", "cn-nowhere", http.StatusOK}, {"cn-hangzhou", "cn-shanghai", http.StatusOK},
	} {
		h := over(world(), same)
		h.config.Places.Regions = []alicloud.RegionWord{c.regions}
		status, answer := ask(h.function(), "/prices/m-own?for=copy&region=cn-hangzhou&to="+c.to, "")
		refused := strings.Contains(answer, `"code":"unknownRegion"`) && strings.Contains(answer, `"field":"to"`)
		if status != c.status || refused != (status != http.StatusOK) {
			t.Errorf("%s, to %s: %d %.400s", c.regions, c.to, status, answer)
		}
	}
}
