package oss_test

import (
	"context"
	"fmt"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/fault"
)

// One Store per process, one Bucket per event. The server here stands for OSS;
// without Endpoint the real one is asked.
func Example() {
	server := start()
	defer server.Close()
	cloud, err := alicloud.Open(alicloud.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := oss.Open(cloud, oss.Config{Bucket: bucketName, Endpoint: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	bucket := store.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}))
	ctx := context.Background()
	fmt.Println(bucket.Append(ctx, "share/m-1.ndjson", 0, []byte("approved\n")))
	fmt.Println(fault.Of(bucket.Append(ctx, "share/m-1.ndjson", 0, []byte("approved, too\n"))))
	content, err := bucket.Get(ctx, "share/m-1.ndjson", 0)
	fmt.Printf("%s%v\n", content, err)
	// Output:
	// <nil>
	// conflict
	// approved
	// <nil>
}
