package cloudsim_test

import (
	"fmt"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/image"
)

// crowd is a region with n images of account one.
func crowd(b *testing.B, n int) *cloudsim.Session {
	b.Helper()
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(cloudsim.Epoch())})
	for i := range n {
		cloud.AddImage(one, hangzhou, cloudsim.ImageSpec{Image: image.Image{Name: fmt.Sprint("image-", i)}})
	}
	return sessionOf(b, cloud, "local")
}

func BenchmarkDescribeImages(b *testing.B) {
	s := crowd(b, 100_000)
	b.Run("next page", func(b *testing.B) {
		for i := range b.N {
			_, err := s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, Pages: cloudsim.Pages{Number: 1 + i%1000, Size: 100}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first page of another listing", func(b *testing.B) {
		for i := range b.N {
			_, err := s.DescribeImages(cloudsim.DescribeImagesRequest{RegionID: hangzhou, ImageName: fmt.Sprint("image-", i), Pages: cloudsim.Pages{Size: 100}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	for range b.N {
		company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, company.Options{Images: 100_000})
	}
}
