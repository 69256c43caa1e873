package ecsapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// BenchmarkDescribeImages serves pages of 100 images, signatures verified.
func BenchmarkDescribeImages(b *testing.B) {
	clock := cloudsim.NewClock(cloudsim.Epoch())
	cloud := company.New(cloudsim.Options{Seed: 1, Clock: clock}, company.Options{Images: 20000})
	l := &local{TB: b, signing: clock, api: ecsapi.New(cloud, ecsapi.Options{RatePerMinute: -1, Clock: clock})}
	var requests []*http.Request
	for range b.N {
		v := l.signer("local").rpc("POST", "DescribeImages", values("RegionId", region, "PageSize", "100"))
		requests = append(requests, httptest.NewRequest("POST", "/?"+v.Encode(), nil))
	}
	b.ResetTimer()
	for _, r := range requests {
		w := httptest.NewRecorder()
		l.api.ServeHTTP(w, r)
		b.SetBytes(int64(w.Body.Len()))
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
