package retention

import (
	"maps"

	"imagekeeper/shared/work"
)

// Meanings are the codes of all reasons, with what each means and what may be done.
func Meanings() map[string]string {
	all := meaningsOnTheWay()
	maps.Copy(all, meaningsOfVerdicts())
	maps.Copy(all, meaningsOfRestores())
	return all
}

// meaningsOfRestores are those of what is found where an image is to come back.
func meaningsOfRestores() map[string]string {
	return map[string]string{
		"restoredBefore": "it was brought back before; a second image is made of the same snapshots",
		"nameTaken":      "an image has its name: what comes back is called as the sentence says",
		"stillNamed":     "a launch template or a scaling configuration still has the old id: the remedy has the call that mends it",
		"purged":         "its time in the bin is over and its snapshots were deleted: it cannot be brought back",
		"newerInFamily":  "its family has a newer version, and would start the older one: leave `family` out",
	}
}

// meaningsOnTheWay are those of what an item waits for.
func meaningsOnTheWay() map[string]string {
	return map[string]string{
		"deleting":      "its deletion was begun: the next look tells whether it is gone",
		"stillShared":   "a leaked image that may not go is shared: the remedy has the call that ends that",
		"purging":       "its snapshots are being deleted: the next look tells which are gone",
		work.CodeUnseen: "it could not be looked at, and stays as it is until it can be",
		codeNotShown:    "ECS accepted a call, and it does not show: it is tried again, and at last given up, but where it has to come back",
		"binNotReady":   "its deletion is not written down yet, so that it cannot be brought back for some minutes",
		"binOver":       "its time in the bin is over: its snapshots go, if they have not gone already",
	}
}

// meaningsOfVerdicts are those of what is decided, and of what became of it.
func meaningsOfVerdicts() map[string]string {
	return map[string]string{
		// Of an image that is never removed.
		"journalUnreadable":   "what other functions recorded cannot be read: nothing goes until that is mended",
		"evidenceShort":       "fewer accounts, regions, images or instances were seen than in the last good look: see what the role may read",
		"regionUnread":        "something of its region could not be read, by name: see what the role may read",
		"notOurs":             "only custom images of our own accounts are removed",
		"kept":                "somebody keeps it, or the tag `imagekeeper:keep`, or did until less than a day ago",
		"inUse":               "something uses it, which the sentence names",
		"useUnknown":          "whether something uses it could not be found out",
		"newestOfFamily":      "it is the newest Available of its family, region and architecture",
		"inChannel":           "it is `candidate` or `stable`, by its tag or by import's journal",
		"heldByWork":          "an open import, export, rollout or restore names it",
		"published":           "it is a community image: who uses it cannot be seen",
		"sharedWithUnread":    "it is shared with an account that cannot be read: end that by `PATCH /shares/{imageId}`, or name the account in `evenIfSharedWith`",
		"grantsUnknown":       "whom it is shared with could not be read",
		"inCreation":          "it is not there yet",
		"beingChecked":        "ECS is checking it",
		"dateMissing":         "a date that matters is missing or cannot be read",
		"madeToday":           "it was made within the last day",
		"madeAfterLook":       "it was made after the look that the plan relies on",
		"keyGone":             "its key of KMS is gone, cannot be used, or could not be asked for: the bin could not bring it back",
		"snapshotNotSeen":     "a snapshot of it is not shown: the bin could not bring it back",
		"notLookedAt":         "no rule is about it, so that nobody looked closely",
		"snapshotWouldExpire": "ECS deletes a snapshot of it by itself before the bin ends",
		// Of a rule that keeps it, or not yet removes it.
		"noRule":               "no rule is about it",
		"noFamily":             "a rule with `last` never removes images without family",
		"keepLast":             "it is one of the last ones that a rule keeps",
		"sharedWithOthers":     "it is shared, and a rule keeps that",
		"tagged":               "it has a tag that a rule keeps",
		"copyKept":             "a regional copy of it is kept",
		"notOldEnough":         "it is not as old as `olderThan`",
		"useNotLongEnoughSeen": "complete looks, at most two hours apart, do not reach back as far as `unusedFor`",
		"usedLately":           "a look or an event shows use within `unusedFor`",
		CodeShortUse:           "ActionTrail does not exclude use between two looks: name it in `images`, or set `acceptShortUse`",
		// Of removal.
		"olderThan":        "it is older than a rule's `olderThan`",
		"unusedFor":        "looks prove that nothing used it for a rule's `unusedFor`",
		"shortUseAccepted": "the rule accepts use between two looks",
		"named":            "somebody named it",
		"orphaned":         "the image that the snapshot was seen in is gone",
		// Of snapshots.
		"neverSeenInImage":       "nobody saw the snapshot in an image of ours",
		"taggedByOther":          "another function or product put its tag on the snapshot",
		"notAccomplished":        "the snapshot is in creation, or failed",
		"locked":                 "the snapshot is locked, or whether it is could not be read",
		"imageThere":             "the image of the snapshot is there again, or another one stands on it",
		codeMarkGone:             "somebody took the mark off",
		"backup":                 "the snapshot is the backup of a rollout",
		"ofAnother":              "the snapshot is in the bin for another image",
		"snapshotOlderThanImage": "the snapshot was there before the image",
		"usedByImage":            "another image stands on the snapshot",
		"usedByDisk":             "a disk was made of the snapshot",
		// Of images on their way.
		"waits":            "the next stage is due at a later time",
		"outsideWindow":    "it waits for a maintenance window",
		"capReached":       "as many have gone as may in 24 hours",
		"modeReport":       "the document of rules only reports",
		"modeMark":         "the document of rules only marks",
		"modeBroken":       "the document of rules cannot be used",
		"notAnnounced":     "nobody could be told: no time runs until somebody was",
		codeTimeUnreadable: "a time that was written down is missing or cannot be read: what waits for it stays",
		"moved":            "it is no longer as it was when this was planned: plan again",
		"imageGone":        "somebody else deleted it",
		"sharedAgain":      "it was shared again during the quarantine",
		"sharedSince":      "an account got it since the last look",
		"aborted":          "the cleanup was aborted",
		"returned":         "it was returned to where it was",
		codeNotSent:        "a look just before the call was not possible: it is tried again",
		// Of the bin.
		"inBin":            "its snapshots go at a later time",
		"restored":         "it was brought back, under a new id",
		"snapshotsGone":    "its snapshots are gone: it cannot be brought back",
		"createFailed":     "ECS could not make an image of the snapshots",
		"attributesDiffer": "it was brought back, and an attribute is not as it was",
		"beyondCaps":       "more would go than may in 24 hours: name some of them in `images`",
		"journalDamaged":   "a record of the journal cannot be read",
	}
}
