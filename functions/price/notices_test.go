package main

import (
	"context"
	"testing"
	"time"

	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/notify"
)

// letters notes what it sends.
type letters struct{ sent []notify.Notice }

func (l *letters) Send(_ context.Context, targets []notify.Target, n notify.Notice) []notify.Delivery {
	l.sent = append(l.sent, n)
	told := make([]notify.Delivery, len(targets))
	for i, t := range targets {
		told[i] = notify.Delivery{Target: t.Name, Delivered: true, Attempts: 1}
	}
	return told
}

// TestReportIsTold once, however often the timer fires in a month.
func TestReportIsTold(t *testing.T) {
	t.Parallel()
	k, l := newKeeper(t, same), &letters{}
	targets, err := notify.Parse(`{"finance":{"type":"slack","url":"https://slack.example/1"}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	k.told = &notices.Notices{Function: "price", Targets: targets, Sender: l, Address: "https://images.example"}
	for range 3 {
		k.tick(t)
		k.at = k.at.Add(time.Minute)
	}
	month := k.at.Format("2006-01")
	if len(l.sent) != 1 || l.sent[0].Kind != notify.Reported || l.sent[0].Subject != month || l.sent[0].Link != "https://images.example/prices?month="+month || l.sent[0].Counts[0].N == 0 {
		t.Errorf("%+v", l.sent)
	}
}
