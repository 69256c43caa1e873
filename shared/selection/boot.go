package selection

import (
	"fmt"
	"slices"

	"imagekeeper/shared/image"
)

// bootRules are about whether the instance type can boot it. ECS's own list
// decides first; what DescribeInstanceTypes tells can only object further. Where
// the listing leaves a fact of the image open, ECS's list is believed.
func bootRules() []rule {
	return append([]rule{
		{
			no: "instanceTypeNotHere", yes: "instanceTypeBoots", asked: typeAsked,
			objects: func(j *Judge, s *Sighting) bool { _, there := j.types[s.Region]; return !there },
			saysNo: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("%s has no instance type %s", s.Region, j.query.InstanceType)
			},
			saysYes: func(j *Judge, _ *Sighting) string { return string(j.query.InstanceType) + " can boot it" },
		},
		{
			no: "instanceTypeRefused", asked: typeAsked,
			objects: func(_ *Judge, s *Sighting) bool { return !s.Bootable },
			saysNo: func(j *Judge, _ *Sighting) string {
				return "ECS does not list it for " + string(j.query.InstanceType)
			},
		},
	}, typeRules()...)
}

func typeAsked(q *Query) bool { return q.InstanceType != "" }

// typeRules compare an image with what DescribeInstanceTypes tells.
func typeRules() []rule {
	return []rule{
		{
			no: "instanceTypeArch", asked: typeAsked,
			objects: func(j *Judge, s *Sighting) bool { t, there := j.types[s.Region]; return there && !runs(t, s.Image) },
			saysNo: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("%s runs %s, the image is %s", j.query.InstanceType, j.types[s.Region].Architecture, s.Architecture)
			},
		},
		{
			no: "instanceTypeBootMode", asked: typeAsked,
			objects: func(j *Judge, s *Sighting) bool { t, there := j.types[s.Region]; return there && !boots(t, s.Image) },
			saysNo: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("%s boots by %s, the image by %s", j.query.InstanceType, joined(j.types[s.Region].BootModes, " or "), s.BootMode)
			},
		},
		{
			no: "instanceTypeNVMe", asked: typeAsked,
			objects: func(j *Judge, s *Sighting) bool {
				return j.types[s.Region].NVMe == "required" && s.NVMe == "unsupported"
			},
			saysNo: func(j *Judge, _ *Sighting) string {
				return string(j.query.InstanceType) + " has NVMe disks only, and the image has no driver for them"
			},
		},
	}
}

// runs: a 64-bit x86 processor also runs 32-bit images.
func runs(t image.InstanceType, i *image.Image) bool {
	if t.Architecture == "" || i.Architecture == "" || t.Architecture == i.Architecture {
		return true
	}
	return t.Architecture == image.X86_64 && i.Architecture == image.I386
}

func boots(t image.InstanceType, i *image.Image) bool {
	if len(t.BootModes) == 0 || i.BootMode == "" || i.BootMode == image.UEFIPreferred {
		return true
	}
	return slices.Contains(t.BootModes, i.BootMode)
}
