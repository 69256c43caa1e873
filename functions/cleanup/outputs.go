package main

import (
	"encoding/json"
	"strings"
	"time"

	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/work"
)

// stepOut is what is decided about one image, or about a snapshot that one left.
type stepOut struct {
	// Action: keep, mark, wait, quarantine, delete, purge, return or refuse.
	Action string `json:"action"`
	// Stage is how far the removal is: none, marked, quarantined, deleted or purged.
	Stage      string           `json:"stage"`
	ImageID    image.ID         `json:"imageId,omitempty"`
	SnapshotID image.SnapshotID `json:"snapshotId,omitempty"`
	RegionID   image.RegionID   `json:"regionId"`
	AccountID  image.AccountID  `json:"accountId"`
	Name       string           `json:"name,omitempty"`
	// Rule is the one by which it goes; left out: none, or it was named.
	Rule string `json:"rule,omitempty"`
	// DueAt is when the next stage is due.
	DueAt *time.Time `json:"dueAt,omitempty"`
	// Saves is what its snapshots cost in a month, as price says it: what removing it
	// saves; left out: nobody looked that closely.
	Saves *pricing.Cost `json:"saves,omitempty"`
	// Reasons are all of them, for and against; those that decided come first.
	Reasons []image.Reason `json:"reasons"`
}

// itemOut is one image of a cleanup, or of a restore.
type itemOut struct {
	works.Item
	ImageID    image.ID         `json:"imageId,omitempty"`
	SnapshotID image.SnapshotID `json:"snapshotId,omitempty"`
	RegionID   image.RegionID   `json:"regionId"`
	AccountID  image.AccountID  `json:"accountId"`
	Name       string           `json:"name,omitempty"`
	// Stage is how far the removal is.
	Stage retention.Stage `json:"stage"`
	// DueAt is when the next stage is due, if that is known.
	DueAt *time.Time `json:"dueAt,omitempty"`
	// Restored is the image that was made of what was in the bin.
	Restored image.ID `json:"restoredImageId,omitempty"`
	// NotGivenBack are accounts that lost an image which was returned, and do not have
	// it again.
	NotGivenBack []image.AccountID `json:"notGivenBack,omitempty"`
	// Saved is what its snapshots that are gone cost in a month.
	Saved *pricing.Cost `json:"saved,omitempty"`
}

// thing takes the name of an item apart.
func thing(name string) (account image.AccountID, region image.RegionID, id string) {
	words := strings.SplitN(name, "/", 3)
	if len(words) < 3 {
		return "", "", name
	}
	return image.AccountID(words[0]), image.RegionID(words[1]), words[2]
}

func kindOf(id string) (image.ID, image.SnapshotID) {
	if strings.HasPrefix(id, "s-") {
		return "", image.SnapshotID(id)
	}
	return image.ID(id), ""
}

func showStep(s plan.Step) stepOut {
	account, region, id := thing(s.Subject)
	out := stepOut{
		Action: s.Action, Stage: s.Parameters[retention.ParamStage], AccountID: account, RegionID: region, Name: s.Parameters[retention.ParamName],
		Rule: s.Parameters[retention.ParamRule], Reasons: s.Reasons,
	}
	out.ImageID, out.SnapshotID = kindOf(id)
	out.Saves = costOf(s.Beside[retention.ParamSaves])
	if due, err := time.Parse(time.RFC3339, s.Parameters[retention.ParamDue]); err == nil {
		out.DueAt = &due
	}
	return out
}

func showItem(w work.Work, i work.Item) itemOut {
	account, region, id := thing(i.Name)
	out := itemOut{Item: works.ItemOf(i), AccountID: account, RegionID: region, Stage: retention.StageOf(i.Level)}
	out.ImageID, out.SnapshotID = kindOf(id)
	var wish retention.Wish
	_ = json.Unmarshal(w.Document.Wish, &wish) // a list shows items without documents
	out.Name = wish.Items[i.Name].Name
	if wish.Restore != nil {
		out.Name, out.Stage = wish.Restore.Name, retention.StageDeleted
	}
	told := retention.Tell(w, i)
	out.Restored, out.NotGivenBack, out.Stage = told.Restored, told.NotGivenBack, told.Stage
	if !told.DueAt.IsZero() {
		out.DueAt = &told.DueAt
	}
	if out.Reason == nil {
		out.Reason = told.Why
	}
	out.Saved = sumOf(told.Saved)
	return out
}
