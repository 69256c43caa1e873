package ecsapi_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// The vendor's own client lists an image of a cloud that has one, and then
// meets a fault.
func Example() {
	cloud := cloudsim.New(cloudsim.Options{})
	cloud.AddImage(cloudsim.FirstAccount, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Name: "web-1"}})
	api := ecsapi.New(cloud, ecsapi.Options{})
	server := httptest.NewServer(api)
	defer server.Close()

	client, err := ecs.NewClientWithAccessKey("cn-hangzhou", "local", "local-secret")
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Domain = server.Listener.Addr().String()
	request := ecs.CreateDescribeImagesRequest()
	request.ImageOwnerAlias = "self"
	answer, err := client.DescribeImages(request)
	fmt.Println(answer.TotalCount, answer.Images.Image[0].ImageName, err)

	if err := api.Inject(ecsapi.Fault{Action: "DescribeImages", Kind: ecsapi.FaultNull}); err != nil {
		fmt.Println(err)
	}
	answer, err = client.DescribeImages(request)
	fmt.Println(answer.TotalCount, len(answer.Images.Image), err)
	// Output:
	// 1 web-1 <nil>
	// 0 0 <nil>
}
