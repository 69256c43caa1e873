package ecsapi

import (
	"cmp"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// attributeAnswer has the keys of DescribeInstanceAttribute.
type attributeAnswer struct {
	receipt
	InstanceID              string `json:"InstanceId"`
	InstanceName            string
	Description             string
	HostName                string
	RegionID                string `json:"RegionId"`
	ZoneID                  string `json:"ZoneId"`
	ImageID                 string `json:"ImageId"`
	InstanceType            string
	Status                  string
	StoppedMode             string
	CPU                     int `json:"Cpu"`
	Memory                  int
	CreationTime            string
	ExpiredTime             string
	InstanceChargeType      string
	InstanceNetworkType     string
	InternetChargeType      string
	InternetMaxBandwidthIn  int
	InternetMaxBandwidthOut int
	IoOptimized             string
	SerialNumber            string
	VlanID                  string `json:"VlanId"`
	ClusterID               string `json:"ClusterId"`
	CreditSpecification     string
	EnableJumboFrame        bool
	EnableNetworkEncryption bool
	DedicatedHostAttribute  struct{ DedicatedHostId, DedicatedHostName string }
	EipAddress              wireEIPOfAttribute
	InnerIPAddress          wireAddresses `json:"InnerIpAddress"`
	PublicIPAddress         wireAddresses `json:"PublicIpAddress"`
	NetworkOptions          struct {
		BandwidthWeighting                        string
		EnableJumboFrame, EnableNetworkEncryption bool
	}
	OperationLocks   struct{ LockReason []wireLock }
	SecurityGroupIDs struct {
		SecurityGroupID []string `json:"SecurityGroupId"`
	} `json:"SecurityGroupIds"`
	SecurityOptions struct{ EnableSecureBoot bool }
	VPCAttributes   wireVPC `json:"VpcAttributes"`
}

type wireEIPOfAttribute struct {
	AllocationID       string `json:"AllocationId"`
	Bandwidth          int
	InternetChargeType string
	IPAddress          string `json:"IpAddress"`
}

func describeInstanceAttribute(c *call) (answer, error) {
	row, err := c.session.DescribeInstanceAttribute(image.InstanceID(c.parameters.text("InstanceId")))
	if err != nil {
		return nil, err
	}
	a := &attributeAnswer{
		InstanceID: string(row.ID), InstanceName: row.Name, Description: row.Description, HostName: row.HostName, RegionID: string(row.Region),
		ZoneID: string(row.Zone), ImageID: string(row.Image), InstanceType: string(row.Type), Status: string(row.Status), StoppedMode: row.StoppedMode,
		CPU: row.VCPUs, Memory: row.MemoryMiB, CreationTime: toMinute(row.CreatedAt), ExpiredTime: never, InstanceChargeType: row.ChargeType,
		InstanceNetworkType: "vpc", InternetChargeType: "PayByTraffic", IoOptimized: "optimized", SerialNumber: "sn-" + string(row.ID),
		InnerIPAddress: addresses(), PublicIPAddress: addresses(),
		VPCAttributes: wireVPC{VPCID: row.VPC, VSwitchID: row.VSwitch, PrivateIPAddress: addresses(row.PrivateIP)},
	}
	if !row.ExpiredAt.IsZero() {
		a.ExpiredTime = toMinute(row.ExpiredAt)
	}
	a.OperationLocks.LockReason = rowsOf(row.Locks, func(reason string) wireLock { return wireLock{reason} })
	a.SecurityGroupIDs.SecurityGroupID = append([]string{}, row.SecurityGroups...)
	return a, nil
}

func modifyInstanceAttribute(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifyInstanceAttribute(cloudsim.ModifyInstanceAttributeRequest{
		InstanceID: image.InstanceID(p.text("InstanceId")), Name: c.optional("InstanceName"), Description: c.optional("Description"),
		HostName: c.optional("HostName"), Password: c.optional("Password"), Data: c.optional("UserData"),
		DeletionProtection: p.tri("DeletionProtection"), SecurityGroups: p.repeat("SecurityGroupIds"),
	}))
}

func modifyMetadata(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifyInstanceMetadataOptions(cloudsim.ModifyInstanceMetadataOptionsRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceID: image.InstanceID(p.text("InstanceId")), Options: cloudsim.MetadataOptions{
			HTTPEndpoint: p.text("HttpEndpoint"), HTTPTokens: p.text("HttpTokens"), HopLimit: c.positive("HttpPutResponseHopLimit"), Tags: p.text("InstanceMetadataTags"),
		},
	}))
}

type userDataAnswer struct {
	receipt
	RegionID   string `json:"RegionId"`
	InstanceID string `json:"InstanceId"`
	UserData   string
}

func describeUserData(c *call) (answer, error) {
	region, id := c.parameters.text("RegionId"), c.parameters.text("InstanceId")
	data, err := c.session.DescribeUserData(image.RegionID(region), image.InstanceID(id))
	if err != nil {
		return nil, err
	}
	return &userDataAnswer{RegionID: region, InstanceID: id, UserData: data}, nil
}

// someInstances reads which instances an operation is about, from a repeat or a list.
func (c *call) someInstances(repeat, list string) cloudsim.InstanceRowsRequest {
	req := cloudsim.InstanceRowsRequest{RegionID: image.RegionID(c.parameters.text("RegionId")), Pages: c.pages()}
	if repeat != "" {
		req.InstanceIDs = given[image.InstanceID](c.parameters.repeat(repeat))
	} else {
		req.InstanceIDs = given[image.InstanceID](c.parameters.ids(list))
	}
	return req
}

type rolesAnswer struct {
	receipt
	RegionID            string `json:"RegionId"`
	TotalCount          int
	InstanceRAMRoleSets struct {
		InstanceRAMRoleSet []wireRole `json:"InstanceRamRoleSet"`
	} `json:"InstanceRamRoleSets"`
}

type wireRole struct {
	InstanceID  string `json:"InstanceId"`
	RAMRoleName string `json:"RamRoleName"`
}

func describeRAMRole(c *call) (answer, error) {
	req := c.someInstances("", "InstanceIds")
	req.RAMRole = c.parameters.text("RamRoleName")
	page, err := c.session.DescribeInstanceRAMRole(req)
	if err != nil {
		return nil, err
	}
	a := &rolesAnswer{RegionID: string(req.RegionID), TotalCount: page.Total}
	a.InstanceRAMRoleSets.InstanceRAMRoleSet = rowsOf(page.Instances, func(row cloudsim.InstanceRow) wireRole { return wireRole{string(row.ID), row.RAMRole} })
	return a, nil
}

type maintenanceAnswer struct {
	receipt
	pageNumbers
	MaintenanceAttributes struct{ MaintenanceAttribute rows[wireMaintenance] }
}

type wireMaintenance struct {
	InstanceID          string `json:"InstanceId"`
	NotifyOnMaintenance bool
	ActionOnMaintenance struct {
		Value, DefaultValue string
		SupportedValues     struct{ SupportedValue []string }
	}
	MaintenanceWindows struct{ MaintenanceWindow []struct{} }
}

func (a *maintenanceAnswer) content() editable { return &a.MaintenanceAttributes.MaintenanceAttribute }
func (a *maintenanceAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeMaintenance(c *call) (answer, error) {
	page, err := c.session.DescribeInstanceMaintenanceAttributes(c.someInstances("InstanceId", ""))
	if err != nil {
		return nil, err
	}
	a := &maintenanceAnswer{pageNumbers: marked(page.PageMark)}
	a.MaintenanceAttributes.MaintenanceAttribute = rowsOf(page.Instances, func(row cloudsim.InstanceRow) wireMaintenance {
		out := wireMaintenance{InstanceID: string(row.ID)}
		out.ActionOnMaintenance.Value, out.ActionOnMaintenance.DefaultValue = "AutoRecover", "AutoRecover"
		out.ActionOnMaintenance.SupportedValues.SupportedValue = []string{"Stop", "AutoRecover", "AutoRedeploy"}
		out.MaintenanceWindows.MaintenanceWindow = []struct{}{}
		return out
	})
	return a, nil
}

type attachmentAnswer struct {
	receipt
	pageNumbers
	Instances struct{ Instance rows[wirePool] }
}

type wirePool struct {
	InstanceID                      string `json:"InstanceId"`
	PrivatePoolOptionsID            string `json:"PrivatePoolOptionsId"`
	PrivatePoolOptionsMatchCriteria string
}

func (a *attachmentAnswer) content() editable { return &a.Instances.Instance }
func (a *attachmentAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeAttachment(c *call) (answer, error) {
	page, err := c.session.DescribeInstanceAttachmentAttributes(c.someInstances("", "InstanceIds"))
	if err != nil {
		return nil, err
	}
	a := &attachmentAnswer{pageNumbers: marked(page.PageMark)}
	a.Instances.Instance = rowsOf(page.Instances, func(row cloudsim.InstanceRow) wirePool {
		return wirePool{InstanceID: string(row.ID), PrivatePoolOptionsMatchCriteria: "None"}
	})
	return a, nil
}

type fullStatusAnswer struct {
	receipt
	pageNumbers
	InstanceFullStatusSet struct{ InstanceFullStatusType rows[wireFullStatus] }
}

// wireState is a state by number and name.
type wireState struct {
	Code int
	Name string
}

type wireFullStatus struct {
	InstanceID              string `json:"InstanceId"`
	Status                  wireState
	HealthStatus            wireState
	ScheduledSystemEventSet struct{ ScheduledSystemEventType []struct{} }
}

func (a *fullStatusAnswer) content() editable { return &a.InstanceFullStatusSet.InstanceFullStatusType }
func (a *fullStatusAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

// statusCodes and healthCodes are the vendor's numbers; those it does not name
// are 0.
func statusCodes() map[image.InstanceStatus]int {
	return map[image.InstanceStatus]int{image.InstanceRunning: 1}
}
func healthCodes() map[string]int { return map[string]int{"Warning": 64} }

func describeFullStatus(c *call) (answer, error) {
	req := c.someInstances("InstanceId", "")
	req.Status, req.Health = c.parameters.text("Status"), c.parameters.text("HealthStatus")
	page, err := c.session.DescribeInstancesFullStatus(req)
	if err != nil {
		return nil, err
	}
	a := &fullStatusAnswer{pageNumbers: marked(page.PageMark)}
	a.InstanceFullStatusSet.InstanceFullStatusType = rowsOf(page.Instances, func(row cloudsim.InstanceRow) wireFullStatus {
		health := cmp.Or(row.Health, "Ok")
		out := wireFullStatus{
			InstanceID: string(row.ID), Status: wireState{statusCodes()[row.Status], string(row.Status)}, HealthStatus: wireState{healthCodes()[health], health},
		}
		out.ScheduledSystemEventSet.ScheduledSystemEventType = []struct{}{}
		return out
	})
	return a, nil
}
