package main

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// lastWords is how long before its deadline a run no longer tells people.
const lastWords = 2 * time.Second

// announce tells people what a run ended, and where the cloud and the journal
// differ: the latter when it is new, and again each month while it stays. It sends
// what an earlier run could not.
func (r *expiryRun) announce(ctx context.Context, report sharing.ExpiryReport) error {
	if r.told == nil {
		return nil
	}
	box := r.told.Box(r.journal, r.kept, rand.Text(), r.now)
	for _, n := range []notify.Notice{expired(report), drifted(report)} {
		if len(n.Items) == 0 {
			continue
		}
		n.At, n.Function = r.now(), name
		if _, err := box.Put(ctx, n, nil); err != nil {
			return err
		}
	}
	return notices.Deliver(ctx, r.call, box, r.deadline.Add(-lastWords))
}

// grantItem is a share as a notice names it.
func grantItem(of image.Ref, with image.AccountID, why image.Reason) notify.Item {
	return notify.Item{Name: of.String() + " - " + string(with), Code: why.Code, Sentence: why.Sentence}
}

// idOf names a notice by what it is about.
func idOf(kind notify.Kind, since string, items []notify.Item) string {
	parts := []string{name, string(kind), since}
	for _, i := range items {
		parts = append(parts, i.Name, i.Code)
	}
	return notify.IDOf(parts...)
}

// expired tells the shares that a run ended.
func expired(report sharing.ExpiryReport) notify.Notice {
	n := notify.Notice{Kind: notify.Expired}
	var images []image.Ref
	for _, e := range report.Removed {
		if e.Result != plan.Applied && e.Result != plan.Already || len(e.Reasons) == 0 {
			continue
		}
		n.Items = append(n.Items, grantItem(e.Ref, e.Grantee, e.Reasons[len(e.Reasons)-1]))
		if !slices.Contains(images, e.Ref) {
			images = append(images, e.Ref)
		}
	}
	n.Counts = []notify.Count{{Name: notify.Images, N: len(images)}, {Name: notify.Shares, N: len(n.Items)}}
	n.ID = idOf(n.Kind, report.AsOf.Format(time.DateOnly), n.Items)
	return n
}

// drifted tells where the cloud and the journal differ; only a run that looked at
// everything knows.
func drifted(report sharing.ExpiryReport) notify.Notice {
	n := notify.Notice{Kind: notify.Drifted}
	if !report.Everything {
		return n
	}
	for _, d := range report.Drift {
		n.Items = append(n.Items, grantItem(d.Ref, d.Grantee, d.Reason))
	}
	for _, ref := range report.Unrecorded {
		n.Items = append(n.Items, notify.Item{Name: ref.String(), Code: "sharedOutside", Sentence: "it is shared, and the journal knows of none of its shares"})
	}
	n.Counts = []notify.Count{{Name: notify.Shares, N: len(report.Drift)}, {Name: notify.Images, N: len(report.Unrecorded)}}
	n.ID = idOf(n.Kind, report.AsOf.Format("2006-01"), n.Items)
	return n
}
