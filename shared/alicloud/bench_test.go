package alicloud

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"imagekeeper/shared/image"
)

// benchPage is a page of n images as a real answer writes it.
func benchPage(n int) []byte {
	row := `{"ImageId":"m-bp1%014d","ImageOwnerAlias":"self","ImageOwnerId":1000000000000001,"ImageName":"web-base-20260301-%d",` +
		`"Description":"base image of the web tier","ImageFamily":"web-base","ImageVersion":"","Status":"Available",` +
		`"OSType":"linux","OSName":"Ubuntu  22.04 64 bit","OSNameEn":"Ubuntu  22.04 64 bit","Platform":"Ubuntu",` +
		`"Architecture":"x86_64","BootMode":"UEFI-Preferred","Size":40,"CreationTime":"2023-03-06T06:04:04Z",` +
		`"ProductCode":"","IsSubscribed":false,"IsCopied":false,"IsPublic":false,"IsSelfShared":"False","Usage":"none",` +
		`"Usable":true,"LicenseType":"","IsSupportCloudinit":true,"IsSupportIoOptimized":true,"Progress":"100%%","ResourceGroupId":"",` +
		`"LoginAsNonRootSupported":false,"DetectionOptions":{},"Features":{"NvmeSupport":"supported"},` +
		`"DiskDeviceMappings":{"DiskDeviceMapping":[{"Size":"40","Progress":"","Format":"","ImportOSSBucket":"",` +
		`"ImportOSSObject":"","Device":"/dev/xvda","Type":"system","SnapshotId":"s-bp1%014d","Encrypted":false}]},` +
		`"Tags":{"Tag":[{"TagKey":"team","TagValue":"web"},{"TagKey":"stage","TagValue":"prod"}]}}`
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(row, i, i, i))
	}
	return []byte(`{"RequestId":"r","RegionId":"cn-hangzhou","PageNumber":1,"PageSize":100,"TotalCount":100,"Images":{"Image":[` + strings.Join(list, ",") + `]}}`)
}

// BenchmarkDecode reads a page of 100 images; allocs/op is for all 100.
func BenchmarkDecode(b *testing.B) {
	page, shape := benchPage(100), newTables().images
	var s scanner
	room := make([]image.Image, 0, 100)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		s.reset(page)
		if a, err := shape.read(&s, room, 100); err != nil || len(a.rows) != 100 {
			b.Fatal(err, len(a.rows))
		}
	}
}

// BenchmarkDecodeByReflection is encoding/json on the same page with plain
// fields, for comparison; it tolerates nothing.
func BenchmarkDecodeByReflection(b *testing.B) {
	type row struct {
		ImageId, ImageOwnerAlias, ImageName, Description, ImageFamily, ImageVersion, Status, OSType, OSName, OSNameEn string
		Platform, Architecture, BootMode, CreationTime, ProductCode, Usage, LicenseType, Progress, ResourceGroupId    string
		ImageOwnerId                                                                                                  int64
		Size                                                                                                          int
		DiskDeviceMappings                                                                                            struct {
			DiskDeviceMapping []struct{ Size, Device, Type, SnapshotId string }
		}
		Tags struct {
			Tag []struct{ TagKey, TagValue string }
		}
	}
	page := benchPage(100)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		var a struct{ Images struct{ Image []row } }
		if err := json.Unmarshal(page, &a); err != nil || len(a.Images.Image) != 100 {
			b.Fatal(err)
		}
	}
}
