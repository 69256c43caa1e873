package ecsapi_test

import (
	"os"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
)

// TestMain fills the vendor's tables of endpoints, which its clients share and
// fill without a lock when the first of them is made.
func TestMain(m *testing.M) {
	ecs.GetEndpointMap()
	ess.GetEndpointMap()
	sts.GetEndpointMap()
	os.Exit(m.Run())
}
