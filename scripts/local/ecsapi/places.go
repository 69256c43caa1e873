package ecsapi

import (
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type regionsAnswer struct {
	receipt
	Regions struct{ Region rows[wireRegion] }
}

type wireRegion struct {
	RegionID       string `json:"RegionId"`
	LocalName      string
	RegionEndpoint string
	Status         string
}

func (a *regionsAnswer) content() editable { return &a.Regions.Region }
func (a *regionsAnswer) place() *pagePlace { return &pagePlace{} }

func describeRegions(c *call) (answer, error) {
	p := c.parameters
	regions, err := c.session.DescribeRegions(cloudsim.DescribeRegionsRequest{
		AcceptLanguage: p.text("AcceptLanguage"), InstanceChargeType: p.text("InstanceChargeType"), ResourceType: p.text("ResourceType"),
	})
	if err != nil {
		return nil, err
	}
	a := &regionsAnswer{}
	a.Regions.Region = rowsOf(regions, func(r cloudsim.RegionRow) wireRegion {
		return wireRegion{string(r.ID), r.Name, r.Endpoint, r.Status}
	})
	return a, nil
}

type zonesAnswer struct {
	receipt
	Zones struct{ Zone rows[wireZone] }
}

// wireZone tells what can be bought in a zone. This cloud has no dedicated hosts.
type wireZone struct {
	ZoneID                      string `json:"ZoneId"`
	LocalName                   string
	ZoneType                    string
	AvailableDiskCategories     struct{ DiskCategories []string }
	AvailableVolumeCategories   struct{ VolumeCategories []string }
	AvailableInstanceTypes      struct{ InstanceTypes []string }
	AvailableResourceCreation   struct{ ResourceTypes []string }
	AvailableResources          struct{ ResourcesInfo []wireResources }
	AvailableDedicatedHostTypes struct{ DedicatedHostType []string }
	DedicatedHostGenerations    struct{ DedicatedHostGeneration []string }
}

// wireResources repeats what a zone has, in the newer shape; its lists are all
// called supported….
type wireResources struct {
	IoOptimized          bool
	SystemDiskCategories struct {
		Supported []string `json:"supportedSystemDiskCategory"`
	}
	DataDiskCategories struct {
		Supported []string `json:"supportedDataDiskCategory"`
	}
	InstanceTypes struct {
		Supported []string `json:"supportedInstanceType"`
	}
	NetworkTypes struct {
		Supported []string `json:"supportedNetworkCategory"`
	}
}

func (a *zonesAnswer) content() editable { return &a.Zones.Zone }
func (a *zonesAnswer) place() *pagePlace { return &pagePlace{} }

// describeZones leaves the details out when Verbose is false.
func describeZones(c *call) (answer, error) {
	p := c.parameters
	zones, err := c.session.DescribeZones(cloudsim.DescribeZonesRequest{
		RegionID: image.RegionID(p.text("RegionId")), AcceptLanguage: p.text("AcceptLanguage"),
	})
	if err != nil {
		return nil, err
	}
	detailed := p.tri("Verbose") != image.No
	a := &zonesAnswer{}
	a.Zones.Zone = rowsOf(zones, func(z cloudsim.ZoneRow) wireZone { return zoneOnWire(z, detailed) })
	return a, nil
}

func zoneOnWire(z cloudsim.ZoneRow, detailed bool) wireZone {
	types := rowsOf(z.InstanceTypes, func(id image.InstanceTypeID) string { return string(id) })
	disks := append([]string{}, z.DiskCategories...)
	out := wireZone{ZoneID: string(z.ID), LocalName: z.Name, ZoneType: "AvailabilityZone"}
	out.AvailableDiskCategories.DiskCategories = disks
	out.AvailableVolumeCategories.VolumeCategories = []string{}
	out.AvailableInstanceTypes.InstanceTypes = types
	out.AvailableResourceCreation.ResourceTypes = []string{"VSwitch", "IoOptimized", "Instance", "Disk"}
	out.AvailableResources.ResourcesInfo = []wireResources{}
	out.AvailableDedicatedHostTypes.DedicatedHostType = []string{}
	out.DedicatedHostGenerations.DedicatedHostGeneration = []string{}
	if detailed {
		more := wireResources{IoOptimized: true}
		more.SystemDiskCategories.Supported = disks
		more.DataDiskCategories.Supported = disks
		more.InstanceTypes.Supported = types
		more.NetworkTypes.Supported = []string{"vpc"}
		out.AvailableResources.ResourcesInfo = []wireResources{more}
	}
	return out
}

type typesAnswer struct {
	receipt
	NextToken     string
	InstanceTypes struct{ InstanceType rows[wireType] }
}

type wireType struct {
	InstanceTypeID     string `json:"InstanceTypeId"`
	InstanceTypeFamily string
	CPUCoreCount       int `json:"CpuCoreCount"`
	MemorySize         float64
	CPUArchitecture    string `json:"CpuArchitecture"`
	NvmeSupport        string
	SecurityOptions    *wireSupport `json:",omitempty"`
	SupportedBootModes struct{ SupportedBootMode []string }
}

func (a *typesAnswer) content() editable { return &a.InstanceTypes.InstanceType }
func (a *typesAnswer) place() *pagePlace { return &pagePlace{next: &a.NextToken} }

func describeInstanceTypes(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.DescribeInstanceTypesRequest{
		RegionID:      image.RegionID(p.text("RegionId")),
		InstanceTypes: given[image.InstanceTypeID](p.repeat("InstanceTypes")), Families: p.repeat("InstanceTypeFamilies"),
		CPUArchitecture: p.text("CpuArchitecture"), NvmeSupport: p.text("NvmeSupport"), Next: p.text("NextToken"),
	}
	if family := p.text("InstanceTypeFamily"); family != "" {
		req.Families = append(req.Families, family)
	}
	if n, ok := p.integer("MaxResults"); ok {
		req.MaxResults = refusable(n)
	}
	page, err := c.session.DescribeInstanceTypes(req)
	if err != nil {
		return nil, err
	}
	a := &typesAnswer{NextToken: page.Next}
	a.InstanceTypes.InstanceType = rowsOf(page.InstanceTypes, typeOnWire)
	return a, nil
}

func typeOnWire(t image.InstanceType) wireType {
	out := wireType{
		InstanceTypeID: string(t.ID), InstanceTypeFamily: t.FamilyName, CPUCoreCount: t.VCPUs, MemorySize: t.MemoryGiB,
		CPUArchitecture: "X86", NvmeSupport: t.NVMe, SecurityOptions: supportOnWire(t.SecureBoot),
	}
	if t.Architecture == image.ARM64 {
		out.CPUArchitecture = "ARM"
	}
	out.SupportedBootModes.SupportedBootMode = rowsOf(t.BootModes, func(m image.BootMode) string { return string(m) })
	return out
}
