package main

import (
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// stepOut is one step of a plan: an instance, or what is to name the new image.
type stepOut struct {
	// Action: replace, skip, refuse, followLaunchTemplate, followScalingConfiguration.
	Action string `json:"action"`
	// AccountID and RegionID: left out where an instance was looked for in several
	// places, and is shown in none.
	AccountID image.AccountID `json:"accountId,omitempty"`
	RegionID  image.RegionID  `json:"regionId,omitempty"`
	// InstanceID: the instance.
	InstanceID image.InstanceID `json:"instanceId,omitempty"`
	followOut
	// ImageID is what it runs now; To what it is to run.
	ImageID image.ID `json:"imageId,omitempty"`
	To      image.ID `json:"to,omitempty"`
	// BackupSnapshotID: of an undo, the snapshot whose content comes back.
	BackupSnapshotID image.SnapshotID `json:"backupSnapshotId,omitempty"`
	// Wave: 0 is the canary; null: none.
	Wave    *int           `json:"wave"`
	Reasons []image.Reason `json:"reasons"`
	// Remedy cures the first of the reasons of a refusal.
	Remedy string `json:"remedy,omitempty"`
}

// followOut is what names an image without running it.
type followOut struct {
	// LaunchTemplateID: its new default version launches the new image, or the old one
	// is the default again.
	LaunchTemplateID string `json:"launchTemplateId,omitempty"`
	// ScalingConfigurationID names the new image.
	ScalingConfigurationID string `json:"scalingConfigurationId,omitempty"`
}

func newFollow(t rollout.Told) followOut {
	return followOut{t.Pointer(rollout.ActionFollowTemplate), t.Pointer(rollout.ActionFollowScaling)}
}

func newStep(s plan.Step) stepOut {
	t := rollout.StepTold(s)
	out := stepOut{
		Action: s.Action, AccountID: t.Account, RegionID: t.Region, InstanceID: t.Instance(), followOut: newFollow(t), ImageID: t.Was, To: t.To, BackupSnapshotID: t.Backup, Reasons: s.Reasons,
	}
	if len(s.Sets) > 0 && t.Wave >= 0 {
		out.Wave = &t.Wave
	}
	if s.Action == rollout.ActionRefuse && len(s.Reasons) > 0 {
		out.Remedy = rollout.Remedy(s.Reasons[0].Code)
	}
	return out
}

// itemOut is one instance of a rollout.
type itemOut struct {
	// Action: replace, followLaunchTemplate, followScalingConfiguration.
	Action     string           `json:"action"`
	AccountID  image.AccountID  `json:"accountId"`
	RegionID   image.RegionID   `json:"regionId"`
	InstanceID image.InstanceID `json:"instanceId,omitempty"`
	followOut
	// Wave: 0 is the canary.
	Wave int `json:"wave"`
	// ImageID is what it ran when it was planned; To what it is to run.
	ImageID image.ID `json:"imageId,omitempty"`
	To      image.ID `json:"to,omitempty"`
	// BackupSnapshotID has what was on its disk before.
	BackupSnapshotID image.SnapshotID `json:"backupSnapshotId,omitempty"`
	// UndoImageID is the image that was made of a backup.
	UndoImageID image.ID `json:"undoImageId,omitempty"`
	// Undoing: its old content comes back, or came.
	Undoing bool `json:"undoing,omitempty"`
	works.Item
}

func newItem(w work.Work, i work.Item) itemOut {
	t := rollout.Tell(w, i)
	return itemOut{t.Action, t.Account, t.Region, t.Instance(), newFollow(t), t.Wave, t.Was, t.To, t.Backup, t.Image, t.Undoing, works.ItemOf(i)}
}
