package ecsapi

import (
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// templateName reads which launch template an operation is about.
func (c *call) templateName() cloudsim.TemplateName {
	p := c.parameters
	return cloudsim.TemplateName{RegionID: image.RegionID(p.text("RegionId")), ID: p.text("LaunchTemplateId"), Name: p.text("LaunchTemplateName")}
}

// kept are the parameters of what is launched that are kept as they came.
func kept() []string {
	return strings.Fields(`AutoReleaseTime CreditSpecification DeploymentSetId Description HostName HttpEndpoint HttpTokens InstanceChargeType
		InstanceName InternetChargeType InternetMaxBandwidthIn InternetMaxBandwidthOut IoOptimized KeyPairName NetworkType PasswordInherit Period
		PeriodUnit PrivateIpAddress RamRoleName ResourceGroupId SecurityEnhancementStrategy SecurityGroupId SpotDuration SpotPriceLimit SpotStrategy
		UserData VSwitchId VpcId ZoneId`)
}

// templateData reads what a version launches.
func (c *call) templateData() cloudsim.TemplateData {
	p := c.parameters
	data := cloudsim.TemplateData{
		Image: image.ID(p.text("ImageId")), InstanceType: image.InstanceTypeID(p.text("InstanceType")), SecurityGroups: p.repeat("SecurityGroupIds"),
		Tags: c.tags(), DataDisks: c.newDisks(), Further: map[string]string{},
		SystemDisk: cloudsim.NewDisk{
			Category: p.text("SystemDisk.Category"), SizeGiB: c.size("SystemDisk.Size"), Name: p.text("SystemDisk.DiskName"),
			PerformanceLevel: p.text("SystemDisk.PerformanceLevel"),
		},
	}
	for _, name := range kept() {
		if value := p.text(name); value != "" {
			data.Further[name] = value
		}
	}
	return data
}

type templateAnswer struct {
	receipt
	LaunchTemplateID            string `json:"LaunchTemplateId"`
	LaunchTemplateVersionNumber int    `json:",omitempty"`
}

func templateMade(id string, version int, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	return &templateAnswer{LaunchTemplateID: id, LaunchTemplateVersionNumber: version}, nil
}

func createLaunchTemplate(c *call) (answer, error) {
	p := c.parameters
	id, err := c.session.CreateLaunchTemplate(cloudsim.CreateLaunchTemplateRequest{
		RegionID: image.RegionID(p.text("RegionId")), Name: p.text("LaunchTemplateName"), Description: p.text("VersionDescription"),
		Tags: c.templateTags(), Data: c.templateData(),
	})
	return templateMade(id, 1, err)
}

func createLaunchTemplateVersion(c *call) (answer, error) {
	return templateMade(c.session.CreateLaunchTemplateVersion(cloudsim.CreateLaunchTemplateVersionRequest{
		Template: c.templateName(), Description: c.parameters.text("VersionDescription"), Data: c.templateData(),
	}))
}

func modifyDefaultVersion(c *call) (answer, error) {
	id, err := c.session.ModifyLaunchTemplateDefaultVersion(c.templateName(), c.positive("DefaultVersionNumber"))
	return templateMade(id, 0, err)
}

type versionsGoneAnswer struct {
	receipt
	LaunchTemplateVersions struct{ LaunchTemplateVersion []wireVersionGone }
}

type wireVersionGone struct {
	LaunchTemplateID            string `json:"LaunchTemplateId"`
	LaunchTemplateVersionNumber int
}

func deleteTemplateVersion(c *call) (answer, error) {
	var versions []int
	for _, text := range c.parameters.repeat("DeleteVersion") {
		n, _ := strconv.Atoi(text) // check has read it
		versions = append(versions, n)
	}
	id, err := c.session.DeleteLaunchTemplateVersion(c.templateName(), versions)
	if err != nil {
		return nil, err
	}
	a := &versionsGoneAnswer{}
	a.LaunchTemplateVersions.LaunchTemplateVersion = rowsOf(versions, func(n int) wireVersionGone { return wireVersionGone{id, n} })
	return a, nil
}

type templateGoneAnswer struct {
	receipt
	LaunchTemplateID             string `json:"LaunchTemplateId"`
	LaunchTemplateVersionNumbers struct {
		VersionNumbers []int `json:"versionNumbers"`
	}
}

func deleteLaunchTemplate(c *call) (answer, error) {
	id, versions, err := c.session.DeleteLaunchTemplate(c.templateName())
	if err != nil {
		return nil, err
	}
	a := &templateGoneAnswer{LaunchTemplateID: id}
	a.LaunchTemplateVersionNumbers.VersionNumbers = versions
	return a, nil
}
