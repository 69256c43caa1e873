package cloudsim

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/image"
)

// A series is a family of instance types that differ in size only.
type series struct {
	family    string
	ratio     float64 // GiB of memory per vCPU
	arm       bool
	nvme      string
	bootModes []image.BootMode
	sizes     string // names of the sizes, space-separated
}

// allSeries are the instance families on offer.
func allSeries() []series {
	const usual = "large xlarge 2xlarge 4xlarge 8xlarge"
	bios := []image.BootMode{image.BIOS}
	both := []image.BootMode{image.BIOS, image.UEFI}
	uefi := []image.BootMode{image.UEFI}
	return []series{
		{"ecs.t6-c1m2", 2, false, "unsupported", bios, "large xlarge 2xlarge"},
		{"ecs.e-c1m2", 2, false, "supported", both, "large xlarge 2xlarge"},
		{"ecs.g6", 4, false, "unsupported", bios, usual},
		{"ecs.c6", 2, false, "unsupported", bios, usual},
		{"ecs.r6", 8, false, "unsupported", bios, usual},
		{"ecs.g7", 4, false, "supported", both, usual + " 16xlarge 32xlarge"},
		{"ecs.c7", 2, false, "supported", both, usual + " 16xlarge 32xlarge"},
		{"ecs.r7", 8, false, "supported", both, usual + " 16xlarge 32xlarge"},
		{"ecs.g8i", 4, false, "required", both, usual + " 12xlarge"},
		{"ecs.c8i", 2, false, "required", both, usual + " 12xlarge"},
		{"ecs.g9i", 4, false, "required", uefi, usual},
		{"ecs.g6r", 4, true, "unsupported", uefi, usual},
		{"ecs.c6r", 2, true, "unsupported", uefi, usual},
		{"ecs.g8y", 4, true, "required", uefi, usual + " 16xlarge"},
		{"ecs.c8y", 2, true, "required", uefi, usual + " 16xlarge"},
		{"ecs.gn6i-c4g1", 3.875, false, "unsupported", bios, "xlarge 2xlarge 4xlarge"},
		{"ecs.gn7i-c8g1", 3.75, false, "supported", both, "2xlarge 4xlarge"},
	}
}

// instanceTypes are all instance types, by family and size.
func instanceTypes() []image.InstanceType {
	var all []image.InstanceType
	for _, s := range allSeries() {
		for _, size := range strings.Fields(s.sizes) {
			t := image.InstanceType{
				ID: image.InstanceTypeID(s.family + "." + size), FamilyName: s.family, VCPUs: vcpus(size),
				Architecture: image.X86_64, BootModes: s.bootModes, NVMe: s.nvme,
				SecureBoot: image.TriOf(s.nvme == "required" && !s.arm),
			}
			t.MemoryGiB = float64(t.VCPUs) * s.ratio
			if s.arm {
				t.Architecture = image.ARM64
			}
			all = append(all, t)
		}
	}
	return all
}

// vcpus is 2 for large, 4 for xlarge and 4n for nxlarge.
func vcpus(size string) int {
	if size == "large" {
		return 2
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, "xlarge"))
	if err != nil {
		return 4
	}
	return 4 * n
}

// instanceType returns one instance type by id.
func instanceType(id image.InstanceTypeID) (image.InstanceType, bool) {
	for _, t := range instanceTypes() {
		if t.ID == id {
			return t, true
		}
	}
	return image.InstanceType{}, false
}

// boots reports whether an instance of type t can start from the image.
func boots(t image.InstanceType, img *image.Image) bool {
	arch := img.Architecture
	if arch == image.I386 {
		arch = image.X86_64
	}
	if arch != t.Architecture {
		return false
	}
	if t.NVMe == "required" && img.NVMe != "supported" {
		return false
	}
	return img.BootMode == image.UEFIPreferred || img.BootMode == "" || slices.Contains(t.BootModes, img.BootMode)
}

// typesPage is the size of a page of DescribeInstanceTypes, both default and most.
const typesPage = 100

// typesPerCall is how many ids or families one call names at most.
const typesPerCall = 10

// DescribeInstanceTypesRequest are the parameters of DescribeInstanceTypes.
// MaxResults is 1 to 100, 100 when absent; at most ten types or families are
// named. RegionID may be absent: types are the same everywhere.
type DescribeInstanceTypesRequest struct {
	RegionID        image.RegionID
	InstanceTypes   []image.InstanceTypeID
	Families        []string
	CPUArchitecture string // X86 or ARM
	NvmeSupport     string
	Next            string
	MaxResults      int
}

// InstanceTypesPage is one page of DescribeInstanceTypes.
type InstanceTypesPage struct {
	InstanceTypes []image.InstanceType
	Next          string
}

// DescribeInstanceTypes lists instance types; unknown ids and families are
// absent from the answer. Refusals: InvalidParameter, InvalidRegionId.NotFound.
func (s *Session) DescribeInstanceTypes(req DescribeInstanceTypesRequest) (InstanceTypesPage, error) {
	if err := s.permit("DescribeInstanceTypes"); err != nil {
		return InstanceTypesPage{}, err
	}
	if req.RegionID != "" {
		if err := checkRegion(req.RegionID); err != nil {
			return InstanceTypesPage{}, err
		}
	}
	size := orDefault(req.MaxResults, typesPage)
	from, err := typesToken(req.Next)
	if err != nil || size < 1 || size > typesPage || len(req.InstanceTypes) > typesPerCall || len(req.Families) > typesPerCall || !slices.Contains([]string{"", "X86", "ARM"}, req.CPUArchitecture) {
		return InstanceTypesPage{}, malformed(400, "InvalidParameter", "The specified parameter is not valid.")
	}
	var found []image.InstanceType
	for _, t := range instanceTypes() {
		if typeWanted(t, req) {
			found = append(found, t)
		}
	}
	from = min(from, len(found))
	to := min(from+size, len(found))
	page := InstanceTypesPage{InstanceTypes: found[from:to]}
	if to < len(found) {
		page.Next = base64.RawURLEncoding.EncodeToString([]byte("types:" + strconv.Itoa(to)))
	}
	return page, nil
}

func typeWanted(t image.InstanceType, req DescribeInstanceTypesRequest) bool {
	arm := t.Architecture == image.ARM64
	return (req.InstanceTypes == nil || slices.Contains(req.InstanceTypes, t.ID)) &&
		(req.Families == nil || slices.Contains(req.Families, t.FamilyName)) &&
		(req.CPUArchitecture == "" || (req.CPUArchitecture == "ARM") == arm) &&
		(req.NvmeSupport == "" || req.NvmeSupport == t.NVMe)
}

func typesToken(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(string(raw), "types:"), 10, 31)
	return int(n), err
}
