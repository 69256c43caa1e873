package alicloud_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// flood is a body of so many spaces, none of which is kept, and then a rest.
type flood struct {
	left int
	rest *strings.Reader
}

func (f *flood) Read(p []byte) (int, error) {
	if f.left == 0 {
		return f.rest.Read(p)
	}
	n := min(len(p), f.left)
	for i := range n {
		p[i] = ' '
	}
	f.left -= n
	return n, nil
}

func (f *flood) Close() error { return nil }

// TestAnswersAreBoundedByWhatAPageCanHave: an answer of 200 MB is none, whether it
// says so or not; of 11 MB it may be; and 32 of either at a time do not take more
// bytes than a function has.
func TestAnswersAreBoundedByWhatAPageCanHave(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int
		says   bool
		want   fault.Kind
	}{
		{"200 MB", 200 << 20, false, fault.Unknown},
		{"200 MB, as it says", 200 << 20, true, fault.Unknown},
		{"11 MB", 11 << 20, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			peak, stop := watchHeap()
			synctest.Test(t, func(t *testing.T) { // reading takes as long as it takes
				cloud, err := alicloud.Open(alicloud.Config{RateShare: 1000, Jitter: func() float64 { return 0 }, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					if r.URL.Query().Get("Action") == "GetCallerIdentity" {
						return respond(`{"RequestId":"r","AccountId":"1"}`), nil
					}
					answer := respond("")
					answer.ContentLength = -1
					answer.Body = &flood{left: c.length, rest: strings.NewReader(imagesPage(r.URL.Query(), 1))}
					if c.says {
						answer.ContentLength = int64(c.length)
					}
					return answer, nil
				})})
				if err != nil {
					t.Fatal(err)
				}
				a := cloud.Account(planted())
				var all sync.WaitGroup
				for range 32 {
					all.Go(func() {
						_, err := a.Images(t.Context(), region, image.Listing{Kind: image.KindCustom})
						if fault.Of(err) != c.want || c.want != "" && fault.Code(err) != "answerTooLong" {
							t.Errorf("got %v, want kind %q", err, c.want)
						}
					})
				}
				all.Wait()
			})
			stop()
			if most := peak.Load(); most > 200<<20 {
				t.Errorf("the heap had %d MiB", most>>20)
			}
		})
	}
}

// watchHeap measures the most that the heap has beyond what it has now.
func watchHeap() (*atomic.Int64, func()) {
	var peak atomic.Int64
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	begin := int64(now.HeapAlloc)
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), int64(m.HeapAlloc)-begin))
			select {
			case <-end:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return &peak, func() { close(end); <-done }
}

// TestMoreRowsThanWereAskedFor are not read to the end.
func TestMoreRowsThanWereAskedFor(t *testing.T) {
	t.Parallel()
	body := imagesBody(1, 100, 100, []string{strings.Repeat(imageRow(1)+",", 150) + imageRow(2)})
	cloud, err := alicloud.Open(alicloud.Config{RateShare: 1000, Jitter: func() float64 { return 0 }, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("Action") == "GetCallerIdentity" {
			return respond(`{"RequestId":"r","AccountId":"1"}`), nil
		}
		answer := respond("")
		answer.Body = io.NopCloser(strings.NewReader(body))
		return answer, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cloud.Account(planted()).Images(t.Context(), region, image.Listing{})
	if fault.Of(err) != fault.Unknown || fault.Code(err) != "answerContradictory" {
		t.Errorf("got %v (%s)", err, fault.Code(err))
	}
}
