package ecsapi_test

import (
	"testing"

	"imagekeeper/scripts/local/ecsapi"
)

// TestEndpointsLeadBack to the server that was asked, for what it serves.
func TestEndpointsLeadBack(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	for service, want := range map[string]int{"ecs": 1, "sts": 1, "location": 1, "vpc": 0} {
		out := l.must("DescribeEndpoints", "Id", region, "ServiceCode", service, "Type", "openAPI")
		if got := out.list("Endpoints.Endpoint"); len(got) != want || out.text("Success") != "true" {
			t.Errorf("%s: %s", service, out.body)
		}
		if want == 1 && (out.text("Endpoints.Endpoint.Endpoint") != l.Listener.Addr().String() || out.text("Endpoints.Endpoint.SerivceCode") != service) {
			t.Errorf("%s: %s", service, out.body)
		}
	}
}

// TestWhoCalls: a key's identity, and a role's.
func TestWhoCalls(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	who := l.must("GetCallerIdentity")
	if who.text("AccountId") != first || who.text("IdentityType") != "RAMUser" || who.text("Arn") != "acs:ram::"+first+":user/local" {
		t.Errorf("local is %s", who.body)
	}
	expect(t, l.as("local2", "AssumeRole", "RoleArn", "acs:ram::1000000000000002:role/imagekeeper-reader", "RoleSessionName", "s1"), 403, "NoPermission")
	expect(t, l.call("AssumeRole", "RoleArn", "acs:ram::1000000000000002:role/nobody", "RoleSessionName", "s1"), 404, "EntityNotExist.Role")
}
