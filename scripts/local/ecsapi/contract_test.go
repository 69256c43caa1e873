package ecsapi_test

import (
	"net/http/httptest"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/cloudsimtest"
	"imagekeeper/shared/image"
)

// TestContract runs the suite that the view in memory passes on the adapter,
// over HTTP, signatures and all.
func TestContract(t *testing.T) {
	t.Parallel()
	cloudsimtest.Run(t, func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Subject {
		return openAdapter(t, cloud, account)
	})
}

// TestContractFurther does so with the suite about references, prices and storage.
func TestContractFurther(t *testing.T) {
	t.Parallel()
	cloudsimtest.RunFurther(t, func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Further {
		return openAdapter(t, cloud, account)
	})
}

// TestContractSharing does so with the suite about giving images away.
func TestContractSharing(t *testing.T) {
	t.Parallel()
	cloudsimtest.RunSharing(t, func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Sharer {
		return openAdapter(t, cloud, account)
	})
}

func openAdapter(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) *alicloud.Account {
	t.Helper()
	server := httptest.NewServer(ecsapi.New(cloud, ecsapi.Options{RatePerMinute: -1, Strict: true}))
	t.Cleanup(server.Close)
	adapter, err := alicloud.Open(alicloud.Config{ECSEndpoint: server.URL, STSEndpoint: server.URL, ESSEndpoint: server.URL, RateShare: 1000})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[image.AccountID]alicloud.Credentials{
		cloudsim.FirstAccount:  {AccessKeyID: "local", Secret: "local-secret"},
		cloudsim.SecondAccount: {AccessKeyID: "local2", Secret: "local2-secret"},
	}
	return adapter.Account(keys[account])
}
