package ossapi_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/alicloud"
	journalbucket "imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/work/worktest"
)

// wire carries requests to a handler without a network. If it has faults, four of ten
// replies get lost, requests arrive twice, or never.
type wire struct {
	handler http.Handler
	mu      sync.Mutex
	faults  *rand.Rand
}

// RoundTrip is one request.
func (w *wire) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	body := r.GetBody
	send := func() error {
		again := r.Clone(r.Context())
		if body != nil {
			if again.Body, err = body(); err != nil {
				return err
			}
		}
		again.RequestURI = ""
		out := httptest.NewRecorder()
		w.handler.ServeHTTP(out, again)
		answer = out.Result()
		answer.Request = r
		return nil
	}
	if w.faults == nil {
		return answer, errors.Join(send(), r.Context().Err())
	}
	w.mu.Lock()
	n := w.faults.IntN(100)
	w.mu.Unlock()
	if err := worktest.Faulty(n, send); err != nil {
		return nil, err
	}
	return answer, r.Context().Err()
}

// placeAt opens the journal's bucket over a wire.
func placeAt(t testing.TB, w *wire) func() journaltest.Place {
	t.Helper()
	cloud, err := alicloud.Open(alicloud.Config{Transport: w, Jitter: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	store, err := journalbucket.Open(cloud, journalbucket.Config{Bucket: bucket, Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	opened := store.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}))
	return func() journaltest.Place { return journal.OpenObjects(opened, "journal") }
}

// faultyPlace is a new cloud's bucket, with and without faults.
func faultyPlace(t testing.TB, seed uint64) (faulty, clean func() journaltest.Place) {
	t.Helper()
	cloud := cloudsim.New(cloudsim.Options{})
	if err := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"}).PutBucket(bucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	server := ossapi.New(cloud, ossapi.Options{})
	return placeAt(t, &wire{handler: server, faults: rand.New(rand.NewPCG(seed, 1))}), placeAt(t, &wire{handler: server})
}

// TestJournalWithFaults: the journal, its agenda, claims and documents in a bucket
// that cannot be relied on.
func TestJournalWithFaults(t *testing.T) {
	t.Parallel()
	faulty, clean := faultyPlace(t, 1)
	journaltest.RunFaulty(t, faulty, clean)
}

// TestWorks: works in a bucket, relied on or not.
func TestWorks(t *testing.T) {
	t.Parallel()
	t.Run("clean", func(t *testing.T) {
		t.Parallel()
		worktest.Run(t, drawn.Seeds(t, 4, 4), func(t *testing.T) (worker, clean func() journaltest.Place) {
			_, place := faultyPlace(t, 1)
			return place, place
		})
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		seed := uint64(0)
		worktest.Run(t, drawn.Seeds(t, 8, 4), func(t *testing.T) (worker, clean func() journaltest.Place) {
			seed++
			return faultyPlace(t, seed)
		})
	})
}
