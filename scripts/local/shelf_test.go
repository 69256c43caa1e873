package main

import (
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
)

func shelfOf(t *testing.T) shelf {
	t.Helper()
	owner := cloudsim.New(cloudsim.Options{Seed: 1}).As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if err := owner.PutBucket(journalBucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	return shelf{owner}
}

func TestTheShelfIsAPlaceForJournals(t *testing.T) {
	t.Parallel()
	s := shelfOf(t)
	journaltest.Run(t, func() journal.Store { return journal.OpenObjects(s, journalPrefix) })
}

// With a journal in the emulated OSS the past of cleanup is there, too, where the
// functions read it.
func TestThePastWithAJournalInTheBucket(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 400})
	if err := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"}).PutBucket(journalBucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	w := emulated(variables(map[string]string{"JOURNAL": "oss"}), "127.0.0.1:7", "127.0.0.1:8", "/j")
	if err := <-remember(t.Context(), w, cloud, []string{"cleanup"}); err != nil {
		t.Fatal(err)
	}
	store, err := w.store(cloud)
	if err != nil {
		t.Fatal(err)
	}
	subjects, err := journal.New(store, time.Now, func() string { return "id" }).Subjects(t.Context(), "cleanup/")
	looks, failed := store.Names(t.Context(), "looks/", "")
	if err != nil || failed != nil || len(subjects) < 9 || len(looks) == 0 {
		t.Errorf("%d images have a story, and %d looks: %v, %v", len(subjects), len(looks), err, failed)
	}
}
