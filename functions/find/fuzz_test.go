package main

import (
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/functiontest"
)

// FuzzSurface: what is sent to the whole function, over the cloud in memory, is
// answered as functiontest.Fuzz says.
func FuzzSurface(f *testing.F) {
	whole := finder(views(world()))
	functiontest.Fuzz(f, func(*testing.T) *function.Function { return whole },
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/images", Query: "kind=custom&region=cn-hangzhou&tag.team=web&limit=2&explain=true"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/images", Query: "name=web-*&sort=-size&format=csv&createdAfter=2026-01-01T00:00:00Z"},
		functiontest.Sent{Kind: 0, Method: "HEAD", Target: "/images/m-new", Name: "X-Forwarded-For", Value: "a\r\nSet-Cookie: b"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/images/m-new/lineage", Query: "region=cn-hangzhou"},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/images/m-new/usage"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/families", Query: "kind=custom&sort=-images&format=csv"},
		functiontest.Sent{Kind: 1, Method: "GET", Target: "/families/web-base", Query: "instanceType=ecs.g7.large"},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/instances", Query: "behind=1&format=ndjson"},
		functiontest.Sent{Kind: 0, Method: "GET", Target: "/access", Query: "action=ecs:DescribeImages"},
		functiontest.Sent{Kind: 0, Method: "OPTIONS", Target: "/images/%2e%2e/x"},
		functiontest.Sent{Kind: 2, Target: "find.images", Body: []byte(`{"tag":{"team":"web"},"limit":1,"cursor":"x"}`)},
		functiontest.Sent{Kind: 2, Target: "find.family", Body: []byte(`{"family":"web-base","Region":[]}`)},
	)
}
