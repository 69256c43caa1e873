package alicloud_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// One Cloud per process, one Account per event. The server here stands for
// Alibaba Cloud; without ECSEndpoint and STSEndpoint the real one is asked.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Action") == "GetCallerIdentity" {
			_, _ = io.WriteString(out, `{"RequestId":"r-1","AccountId":"1000000000000001"}`)
			return
		}
		_, _ = io.WriteString(out, imagesBody(1, 100, 1, []string{imageRow(7)}))
	}))
	defer server.Close()

	cloud, err := alicloud.Open(alicloud.Config{ECSEndpoint: server.URL, STSEndpoint: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	credentials := alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}
	images, err := cloud.Account(credentials).Images(context.Background(), "cn-hangzhou", image.Listing{Kind: image.KindCustom})
	if err != nil {
		fmt.Println(fault.Of(err), fault.Code(err))
		return
	}
	for _, i := range images {
		fmt.Println(i.Ref, i.Kind, i.Name, i.SizeGiB, "GiB")
	}
	fmt.Println("signed with", credentials)
	// Output:
	// 1000000000000001/cn-hangzhou/m-000007 custom web-base-7 40 GiB
	// signed with ***
}

// An answer that cannot be right is no answer: here ECS says that there are
// images, and sends none.
func ExampleAccount_Images() {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Action") == "GetCallerIdentity" {
			_, _ = io.WriteString(out, `{"RequestId":"r-1","AccountId":"1000000000000001"}`)
			return
		}
		_, _ = io.WriteString(out, imagesBody(1, 100, 250, nil))
	}))
	defer server.Close()

	cloud, err := alicloud.Open(alicloud.Config{ECSEndpoint: server.URL, STSEndpoint: server.URL, Jitter: func() float64 { return 0 }})
	if err != nil {
		fmt.Println(err)
		return
	}
	account := cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"})
	_, err = account.Images(context.Background(), "cn-hangzhou", image.Listing{})
	fmt.Println(fault.Of(err), fault.Code(err))
	fmt.Println(err)
	// Output:
	// unknown answerContradictory
	// ecs:DescribeImages in cn-hangzhou: the answer contradicts itself or what was asked
}
