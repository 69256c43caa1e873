package cloudsim_test

import (
	"context"
	"fmt"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// A test builds a world, lets time pass by a clock it holds, and reads through
// the view that capabilities take.
func Example() {
	clock := cloudsim.NewClock(cloudsim.Epoch())
	cloud := cloudsim.New(cloudsim.Options{Clock: clock})
	instance := cloud.AddInstance(cloudsim.FirstAccount, "cn-hangzhou", cloudsim.InstanceSpec{})

	key, _ := cloud.Credential("local")
	session := cloud.As(key.Caller)
	_, err := session.CreateImage(cloudsim.CreateImageRequest{RegionID: "cn-hangzhou", InstanceID: instance, ImageName: "web-1"})
	fmt.Println("created:", err == nil)

	for range 2 {
		list, _ := cloud.View(cloudsim.FirstAccount).Images(context.Background(), "cn-hangzhou", image.Listing{Statuses: image.Statuses()})
		fmt.Println(list[0].Name, list[0].Status)
		clock.Advance(20 * time.Second)
	}
	_, err = session.CreateImage(cloudsim.CreateImageRequest{RegionID: "cn-hangzhou", InstanceID: instance, ImageName: "web-1"})
	fmt.Println(err)
	// Output:
	// created: true
	// web-1 Creating
	// web-1 Available
	// InvalidImageName.Duplicated (400): The specified Image name has already bean used.
}
