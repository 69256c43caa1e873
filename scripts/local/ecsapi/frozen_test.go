package ecsapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// longWire carries requests to the emulated cloud. The first change takes a while to
// arrive, whether somebody still waits for it or not.
type longWire struct {
	handler http.Handler
	takes   time.Duration
	mu      sync.Mutex
	said    []string // what the cloud said to each change, in the order of arrival
}

func (w *longWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.RawQuery, "ModifyImageSharePermission") {
		return w.arrive(r), nil
	}
	w.mu.Lock()
	takes := w.takes
	w.takes = 0
	w.mu.Unlock()
	arrived := make(chan *http.Response, 1)
	go func() {
		time.Sleep(takes)
		answer := w.arrive(r)
		w.mu.Lock()
		w.said = append(w.said, answer.Status+" "+answer.Header.Get("Code"))
		w.mu.Unlock()
		arrived <- answer
	}()
	select {
	case answer := <-arrived:
		return answer, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// heard is what the cloud said so far.
func (w *longWire) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.said)
}

// arrive is the request as the cloud gets it.
func (w *longWire) arrive(r *http.Request) *http.Response {
	out := httptest.NewRecorder()
	came := r.Clone(context.Background())
	came.RequestURI = came.URL.RequestURI()
	w.handler.ServeHTTP(out, came)
	answer := out.Result()
	answer.Request = r
	if body := out.Body.String(); strings.Contains(body, "InvalidTimeStamp.Expired") {
		answer.Header.Set("Code", "InvalidTimeStamp.Expired")
	}
	return answer
}

// giving is a kind with one item: an account that gets access to an image.
type giving struct {
	account *alicloud.Account
	image   image.Ref
	to      image.AccountID
	// before and after are how long a worker is frozen before and after its call.
	before, after time.Duration
}

func (g giving) Look(ctx context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	grants, err := g.account.Grants(ctx, g.image.Region, g.image.ID)
	if err != nil {
		return nil, err
	}
	shared := slices.ContainsFunc(grants, func(one image.Grant) bool { return one.Account == g.to })
	return work.Seen{w.Names()[0]: plan.Facts{"shared": fmt.Sprint(shared)}}, nil
}

func (g giving) Next(w work.Work, seen work.Seen, _ time.Time) work.Decision {
	name := w.Names()[0]
	i := w.Items[name]
	i.Name = name
	if i.Ended() {
		return work.Decision{}
	}
	if seen[name]["shared"] == "true" {
		i.Level, i.Sent, i.Outcome = "shared", nil, plan.Outcome{Step: name, Result: plan.Applied}
		return work.Decision{Items: []work.Item{i}}
	}
	return work.Decision{Acts: []work.Act{{Item: name, Do: "share", Level: "shared"}}}
}

func (g giving) Do(ctx context.Context, _ survey.Fresh, _ work.Work, _ work.Act) work.Answer {
	// A process that is frozen hears of no deadline until it wakes.
	ctx = context.WithoutCancel(ctx)
	time.Sleep(g.before)
	call, end := context.WithTimeout(ctx, time.Second)
	defer end()
	err := g.account.Permit(call, g.image, []image.AccountID{g.to}, nil)
	time.Sleep(g.after)
	if err != nil {
		return work.Answer{Outcome: plan.Outcome{Result: plan.Open, Why: &image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}}}
	}
	return work.Answer{Outcome: plan.Outcome{Result: plan.Applied}}
}

// TestAFrozenWorkerChangesNothing: its lease is over, another worker has done the
// work, and somebody has taken it back since. When it wakes, and when its bytes arrive
// that were on their way, the access does not come back.
func TestAFrozenWorkerChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after, takes time.Duration
		arrives              int
	}{
		"before it sends":            {before: 6 * time.Minute, arrives: 1},
		"while its bytes are on way": {after: 6 * time.Minute, takes: 5 * time.Minute, arrives: 2},
		"with a slow wire":           {takes: 4 * time.Minute, after: 10 * time.Second, arrives: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				frozen(t, c.before, c.after, c.takes, c.arrives)
			})
		})
	}
}

func frozen(t *testing.T, before, after, takes time.Duration, arrives int) {
	cloud := cloudsim.New(cloudsim.Options{})
	const region = image.RegionID("cn-hangzhou")
	shared := image.Ref{Account: cloudsim.FirstAccount, Region: region}
	shared.ID = cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Name: "golden"}})
	wire := &longWire{handler: ecsapi.New(cloud, ecsapi.Options{RatePerMinute: -1}), takes: takes}
	where := (&url.URL{Scheme: "http", Host: "127.0.0.1:1"}).String()
	adapter, err := alicloud.Open(alicloud.Config{ECSEndpoint: where, STSEndpoint: where, ESSEndpoint: where, RateShare: 1000, Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	kind := giving{account: adapter.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}), image: shared, to: cloudsim.SecondAccount}
	bucket := journaltest.NewBucket(nil)
	runner := func(name string, kind work.Kind) work.Runner {
		place := journal.OpenObjects(bucket, "")
		var ids atomic.Int64
		return work.Runner{
			Name: "givings", Kind: kind, Documents: place, Worker: name, NotAfter: alicloud.NotAfter, Now: time.Now,
			Journal: journal.New(place, time.Now, func() string { return fmt.Sprint(name, ids.Add(1)) }),
			Again:   func(context.Context) survey.Fresh { return survey.Fresh{} },
			Pause:   func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil },
		}
	}
	p := plan.Plan{Target: "givings", Steps: []plan.Step{{Action: "give", Subject: string(kind.to), Sets: plan.Facts{"shared": "true"}, Reasons: []image.Reason{{Code: "asked"}}}}}
	w, err := runner("person", kind).Approve(t.Context(), work.Document{Plan: p.Stored()}, work.Approval{By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	var first sync.WaitGroup
	first.Go(func() {
		freezes := kind
		freezes.before, freezes.after = before, after
		_, _ = runner("frozen", freezes).Tick(t.Context(), time.Now(), time.Now().Add(20*time.Second)) // it has lost its lease
	})
	time.Sleep(3 * time.Minute)
	if _, err := runner("other", kind).Tick(t.Context(), time.Now(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	session := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	view := func() []image.Grant {
		grants, err := kind.account.Grants(t.Context(), region, shared.ID)
		if err != nil {
			t.Fatal(err)
		}
		return grants
	}
	if w, err := runner("reader", kind).Get(t.Context(), w.ID); err != nil || w.Items[string(kind.to)].Outcome.Result != plan.Applied || len(view()) != 1 {
		t.Fatalf("the other worker has not done it: %s %v, %v", w.State, w.Items, err)
	}
	back := cloudsim.ModifyImageSharePermissionRequest{RegionID: region, ImageID: shared.ID, RemoveAccounts: []image.AccountID{kind.to}}
	if err := session.ModifyImageSharePermission(back); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	time.Sleep(10 * time.Minute)
	said := wire.heard()
	if grants := view(); len(grants) != 0 {
		t.Errorf("the access came back: %v; the cloud said %q", grants, said)
	}
	if len(said) != arrives || arrives == 2 && !strings.Contains(said[1], "InvalidTimeStamp.Expired") {
		t.Errorf("the cloud said %q", said)
	}
}
