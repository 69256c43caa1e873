package rollout

import "maps"

// Remedy is what cures a refusal, by its code; empty: nothing that is known.
func Remedy(code string) string { return remedies()[code] }

// Refusals are the codes of everything that keeps an instance from being replaced,
// with what cures it.
func Refusals() map[string]string { return remedies() }

func remedies() map[string]string {
	all := ofInstances()
	maps.Copy(all, ofTargets())
	return all
}

// ofInstances are the refusals for what an instance and its disk are.
func ofInstances() map[string]string {
	return map[string]string{
		"instanceNotSeen":         "grant ecs:DescribeInstances, or name an instance that exists",
		"optedOut":                "remove the tag imagekeeper:noReplace from the instance",
		"inRollout":               "wait for that rollout, or abort it",
		"lockedForSecurity":       "have the security lock removed by Alibaba Cloud",
		"inArrears":               "pay what is due",
		"beingReclaimed":          "renew the instance",
		"locked":                  "wait until the lock is gone",
		"expired":                 "renew the subscription",
		"busy":                    "wait until it is Running or Stopped",
		"notStopped":              "somebody started it: retry the rollout",
		"hibernated":              "start the instance",
		"hibernationUnknown":      "grant ecs:DescribeInstances",
		"notIOOptimized":          "replace its disk by hand, from an image that supports it",
		"managedByEMR":            "evenIfManaged, or leave it to EMR",
		"managedByACK":            "upgrade the node pool, or evenIfManaged",
		"managedByAutoScaling":    "evenIfManaged: it is put into standby meanwhile",
		"groupUnknown":            "grant ess:DescribeScalingInstances",
		"spot":                    "evenIfMayNotStart",
		"stoppedWithoutResources": "start it, or evenIfMayNotStart",
		"diskNotSeen":             "grant ecs:DescribeDisks",
		"diskTransferring":        "wait until its disk is migrated",
		"diskBusy":                "wait until its disk is In_use",
		"diskNotAttached":         "attach the system disk",
		"snapshotInProgress":      "wait until the snapshot is finished",
		"snapshotsUnknown":        "grant ecs:DescribeSnapshots and ecs:DescribeSnapshotLinks",
		"snapshotQuota":           "delete snapshots of the disk",
		"policiesUnknown":         "grant ecs:DescribeAutoSnapshotPolicyEx",
		"diskSettingsUnknown":     "grant ecs:DescribeDisks",
	}
}

// ofTargets are those for the image, for what does not go together, and for what is
// done.
func ofTargets() map[string]string {
	return map[string]string{
		"imageDeprecated":      "name the image by its id, or take another one",
		"imageNotIOOptimized":  "take an image for I/O optimised instances",
		"expiryUnknown":        "grant ecs:DescribeInstances",
		"spotUnknown":          "grant ecs:DescribeInstances, or evenIfMayNotStart",
		"bootModeUnknown":      "take an image that boots as UEFI-Preferred",
		"nvmeUnknown":          "take an image with NVMe drivers, or say so by PATCH /attributes/{imageId}",
		"imageNotAvailable":    "wait until the image is Available",
		"imageHasDataDisks":    "take an image without data disks",
		"imageNotInRegion":     "copy the image there by POST /imports",
		"termsNotAccepted":     "accept the product's terms on the Marketplace",
		"productRemoved":       "take an image without that product",
		"systemUnknown":        "take an image that says its operating system",
		"crossedSystems":       "launch a new instance instead",
		"regionNotListed":      "launch a new instance instead",
		"systemNotReplaceable": "launch a new instance instead",
		"typeUnknown":          "grant ecs:DescribeInstanceTypes",
		"architectureUnknown":  "take an image that says its architecture",
		"architectureDiffers":  "take an image for its architecture",
		"memoryUnknown":        "grant ecs:DescribeInstanceTypes",
		"tooMuchMemory":        "take an image with 64 bits",
		"bootModeDiffers":      "take an image that boots as the instance type does",
		"nvmeMissing":          "take an image with NVMe drivers, or say so by PATCH /attributes/{imageId}",
		"secureBootMissing":    "take an image that supports secure boot",
		"secureBootUnknown":    "take an image that says it supports secure boot",
		"sizeUnknown":          "take an image that says its size",
		"sizeTooLarge":         "take a smaller image",
		"sizeTooSmall":         "enlarge the disk first",
		"unpaidOrder":          "enlarge the disk and pay for it first",
		"encryptionUnknown":    "grant ecs:DescribeDiskEncryptionByDefaultStatus",
		"encryptionRequired":   "encrypt the disk first",
		"imageEncrypted":       "copy the image into the account first",
		"keyPairNotForWindows": "detach the key pair",
		"assistantMissing":     "take an image with the Cloud Assistant, or health [{\"status\":{}}] without hooks",
		"notPermitted":         "grant the permission that is named",
		"placeUnread":          "see unknown, which names the permission",
		"noImage":              "name an image",
		"noRelease":            "release an image by PUT /releases/{family}, or unreleased",
		"releaseDisputed":      "release the image again by PUT /releases/{family}",
		"releaseUnknown":       "let the function read the journal of import",
		"undoLimited":          "raise the quota of images, or evenIfUndoLimited",
		"moved":                "plan again",
		"notesUnreadable":      "look at its log in the journal, which somebody else wrote to, and plan again",
		"licenceIncrease":      "raise maxLicenceIncreasePerHour, or take an image whose licence costs less",
		"licenceUnknown":       "grant ecs:DescribePrice, give the rate by PRICE_RATES, or leave maxLicenceIncreasePerHour out",
		"referencesUnknown":    "grant ecs:DescribeLaunchTemplates, ecs:DescribeLaunchTemplateVersions, ess:DescribeScalingConfigurations and ess:DescribeScalingGroups, or leave follow out",
		"versionGone":          "choose a version of the launch template by hand",
		"versionDiffers":       "make the version by hand: see the template's versions",
		"nothingReplaced":      "see what became of the instances",
		"backupMissing":        "undo by \"to\":\"previousImage\"",
		"backupExpired":        "undo by \"to\":\"previousImage\"",
		"notReplaced":          "nothing is to be undone",
		"previousImageGone":    "undo by the backup",
	}
}
