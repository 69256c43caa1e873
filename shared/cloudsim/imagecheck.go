package cloudsim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// CheckItem is one item of a finished image check. Risk is High, Medium or
// empty.
type CheckItem struct{ Name, Value, Risk, RiskCode string }

// The states of an image check.
const (
	checkProcessing = "Processing"
	checkFinished   = "Finished"
)

// checkable reports whether there is a check for images like this: not for
// encrypted ones, and not for systems that it does not know; source: the guide.
func checkable(img *image.Image) bool {
	unknown := []string{"Gentoo", "FreeBSD", "CoreOS", "Fedora CoreOS", "Customized Linux", "Windows Server 2003", "Windows Server 2008"}
	return img.Encrypted() != image.Yes && !slices.Contains(unknown, img.Platform)
}

// checked is the state of the image's check at now, and what it found. It begins
// when the image is Available, and never keeps anybody from using it.
func (c *Cloud) checked(s *imageState, now time.Time) (string, []CheckItem) {
	status := s.status(now)
	if !s.detects || !checkable(&s.img) || status == image.StatusCreateFailed || status == image.StatusCreating || status == image.StatusWaiting {
		return "", nil
	}
	begins := s.img.CreatedAt
	if s.work != nil {
		begins = s.work.end
	}
	if now.Before(begins.Add(c.options.CheckTime)) {
		return checkProcessing, nil
	}
	return checkFinished, s.checkItems(c.risks[s.img.ID])
}

// checkItems are the items of a check, with the risks that were set.
func (s *imageState) checkItems(risks []CheckItem) []CheckItem {
	img := &s.img
	boot := "LEGACY"
	if img.BootMode != image.BIOS {
		boot = "UEFI"
	}
	items := []CheckItem{
		{Name: "GUESTOS.Platform", Value: img.Platform},
		{Name: "GUESTOS.OSVersion", Value: img.OSName},
		{Name: "GUESTOS.Architecture", Value: string(img.Architecture)},
		{Name: "GUESTOS.RtcTimeMode", Value: "UTC"},
		{Name: "GUESTOS.BootMode", Value: boot},
		{Name: "GUESTOS.Virtio", Value: "installed"},
	}
	if s.dead {
		items[4].Risk, items[4].RiskCode = "High", "BootMode.NotMatched"
	}
	nvme := CheckItem{Name: "GUESTOS.Nvme", Value: img.NVMe}
	if img.NVMe != "supported" {
		nvme.Risk, nvme.RiskCode = "Medium", "NVMe.NotInstallded" // the vendor's spelling
	}
	items = append(items, nvme)
	if img.OSType == image.Windows {
		items = append(items, CheckItem{Name: "GUESTOS.BCD", Value: "valid"}, CheckItem{Name: "GUESTOS.Registry", Value: "valid"})
	} else {
		for _, name := range []string{"KernelVersion", "Fstab", "Grub", "Dhcp", "Selinux", "OnlineResizeFS", "CloudAssistant", "CloudInit"} {
			items = append(items, CheckItem{Name: "GUESTOS." + name, Value: "valid"})
		}
	}
	for _, risk := range risks {
		at := slices.IndexFunc(items, func(i CheckItem) bool { return i.Name == risk.Name })
		if at < 0 {
			items = append(items, risk)
			continue
		}
		items[at] = risk
	}
	return items
}

// detectionOf is the check as readers of images have it; nil where there is none.
func detectionOf(row ImageRow) *image.Detection {
	if row.Detection == "" {
		return nil
	}
	d := &image.Detection{Status: row.Detection}
	for _, i := range row.CheckItems {
		d.Items = append(d.Items, image.DetectionItem{Name: i.Name, Value: i.Value, Risk: i.Risk, Code: i.RiskCode})
	}
	return d
}

// passedTags are the tags that an image gets by passing the check.
func passedTags(row *ImageRow) image.Tags {
	if row.Detection != checkFinished || slices.ContainsFunc(row.CheckItems, func(i CheckItem) bool { return i.Risk == "High" }) {
		return row.Tags
	}
	tags := image.Tags{}
	maps.Copy(tags, row.Tags)
	tags["acs:ecs:image:osVersion"] = strings.TrimSpace(row.OSName)
	tags["acs:ecs:image:kernelVersion"] = "5.10.134"
	return tags
}

// SetCheck sets what the check of an image will find, or has found, beside or in
// place of what it finds by itself: items by their names.
func (c *Cloud) SetCheck(id image.ID, items ...CheckItem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.risks[id] = items
}
