package main

import (
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// stepOut is one step of a plan.
type stepOut struct {
	// Action: import, create or copy, check, test, name, share, release.
	Action   string         `json:"action"`
	RegionID image.RegionID `json:"regionId"`
	Reasons  []image.Reason `json:"reasons"`
}

func newStep(s plan.Step) stepOut {
	return stepOut{s.Action, image.RegionID(s.Subject), s.Reasons}
}

// exportStepOut is the step of an export.
type exportStepOut struct {
	// Action: export.
	Action  string         `json:"action"`
	ImageID image.ID       `json:"imageId"`
	Reasons []image.Reason `json:"reasons"`
}

func newExportStep(s plan.Step) exportStepOut {
	return exportStepOut{s.Action, image.ID(s.Subject), s.Reasons}
}

// exportItemOut is the image of an export.
type exportItemOut struct {
	ImageID image.ID `json:"imageId"`
	// TaskID is ECS's own work on it.
	TaskID image.TaskID `json:"taskId,omitempty"`
	// Objects are the keys of the files, one for each disk.
	Objects []string `json:"objects,omitempty"`
	works.Item
}

func newExportItem(_ work.Work, i work.Item) exportItemOut {
	told := importing.TellExport(i)
	return exportItemOut{image.ID(i.Name), told.Task, told.Objects, works.ItemOf(i)}
}

// totalsOut is what a plan comes to.
type totalsOut struct {
	// Cost is what it costs, as far as that is known.
	Cost importing.Cost `json:"cost"`
}

// exportTotalsOut is what the plan of an export comes to.
type exportTotalsOut struct {
	// Images is how many are written: one, or none that was seen.
	Images int `json:"images"`
	// SizeGiB is the size of its system disk; left out: it is not known.
	SizeGiB int `json:"sizeGiB,omitempty"`
}

// itemOut is one region of an import.
type itemOut struct {
	RegionID image.RegionID `json:"regionId"`
	// ImageID is the image there, once ECS has said it.
	ImageID image.ID `json:"imageId,omitempty"`
	// TaskID is ECS's own work on it.
	TaskID image.TaskID `json:"taskId,omitempty"`
	// Check is what the vendor's check came to: passed, risks, unavailable or timedOut.
	Check importing.Judged `json:"check,omitempty"`
	// TestInstanceID is the instance that was booted from it.
	TestInstanceID image.InstanceID `json:"testInstanceId,omitempty"`
	// Console is the end of what the instance of a failed test wrote to its console.
	Console string `json:"console,omitempty"`
	works.Item
}

func newItem(_ work.Work, i work.Item) itemOut {
	told := importing.Tell(i)
	return itemOut{image.RegionID(i.Name), told.Image, told.Task, told.Check, told.Instance, told.Console, works.ItemOf(i)}
}
