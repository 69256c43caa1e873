package main

import (
	"context"
	"crypto/rand"
	"time"

	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/notify"
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
	ended, images := report.Ends()
	for _, n := range []notify.Notice{
		notice(notify.Expired, report.AsOf.Format(time.DateOnly), ended, notify.Count{Name: notify.Images, N: images}, notify.Count{Name: notify.Shares, N: len(ended)}),
		notice(notify.Drifted, report.AsOf.Format("2006-01"), report.Differences(), notify.Count{Name: notify.Shares, N: len(report.Drift)}, notify.Count{Name: notify.Images, N: len(report.Unrecorded)}),
	} {
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

// notice tells some shares, or images; its id is made of what it is about.
func notice(kind notify.Kind, since string, told []sharing.Drifted, counts ...notify.Count) notify.Notice {
	n := notify.Notice{Kind: kind, Counts: counts}
	parts := []string{name, string(kind), since}
	for _, d := range told {
		n.Items = append(n.Items, notify.Item{Name: d.Name(), Code: d.Code, Sentence: d.Sentence})
		parts = append(parts, d.Name(), d.Code)
	}
	n.ID = notify.IDOf(parts...)
	return n
}
