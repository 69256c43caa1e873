package main

import (
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/functiontest"
)

// FuzzSurface: what is sent to the whole function, over the cloud in memory, is
// answered as functiontest.Fuzz says.
func FuzzSurface(f *testing.F) {
	functiontest.Fuzz(f, func(t *testing.T) *function.Function { return newStage(t).function() },
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/shares/m-web", Query: "history=true"},
		functiontest.Sent{Kind: 1, Method: "PUT", Target: "/shares/m-web", Query: "region=cn-hangzhou", Body: []byte(`{"accounts":[{"accountId":"1000000000000003","until":"2027-01-01T00:00:00Z","onExpiry":"remove","reason":"a test"}],"community":false}`)},
		functiontest.Sent{Kind: 0, Method: "PATCH", Target: "/shares/m-web", Body: []byte(`{"remove":["1000000000000002"],"evenIfUsed":["1000000000000002"],"regions":"all"}`)},
		functiontest.Sent{Kind: 0, Method: "PATCH", Target: "/shares/m-web", Body: []byte(`{"add":[{"accountId":"1000000000000003"}],"apply":{"digest":"0000000000000000000000000000000000000000000000000000000000000000"}}`)},
		functiontest.Sent{Kind: 2, Target: "share.patch", Body: []byte(`{"imageId":"m-web","add":[{"accountId":"1000000000000003"}],"apply":{"limits":{"addsOnly":true,"max":1,"accounts":["1000000000000003"]}}}`)},
		functiontest.Sent{Kind: 2, Target: "share.put", Body: []byte(`{"imageId":"m-secret","accounts":[]}`)},
		functiontest.Sent{Kind: 3, Body: []byte(`{"triggerTime":"2026-03-01T12:00:00Z","triggerName":"expiry","payload":""}`)},
	)
}
