package main

import (
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/functiontest"
)

// FuzzSurface: what is sent to the whole function, over the cloud in memory, is
// answered as functiontest.Fuzz says.
func FuzzSurface(f *testing.F) {
	whole := pricerOf(world(), same)
	functiontest.Fuzz(f, func(*testing.T) *function.Function { return whole },
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/prices/m-own", Query: "hours=1/3&instanceType=ecs.g7.xlarge&spot=true"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/prices/m-own", Query: "period=1&periodUnit=year&refunded=true"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/prices/m-own", Query: "for=copy&to=cn-shanghai&encrypt=true&firstCopy=false"},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/prices/m-own", Query: "for=replace&replaces=m-idle&replacedDiskGiB=40&newDiskGiB=80"},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/prices/m-own", Query: "for=create&diskGiBs=40,100&preheatDisks=2&preheatHours=0.5"},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/prices", Query: "by=family&format=csv&limit=3", Name: "Accept", Value: "text/csv"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/prices", Query: "month=2026-02"},
		functiontest.Sent{Kind: 0, Method: "POST", Target: "/prices", Body: []byte(`{"questions":[{"imageId":"m-own","hours":1e9},{"imageId":"m-idle","seconds":"7/2","diskGiBs":[1]}]}`)},
		functiontest.Sent{Kind: 2, Target: "price.image", Body: []byte(`{"imageId":"m-own","stoppedHours":10,"stoppedMode":"KeepCharging"}`)},
		functiontest.Sent{Kind: 2, Target: "price.images", Body: []byte(`{"questions":[{"imageId":"m-own","storedFrom":"2026-01-01T00:00:00Z","storedTo":"2026-02-01T00:00:00Z"}]}`)},
	)
}
