package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

const (
	first                  = cloudsim.FirstAccount
	second                 = cloudsim.SecondAccount
	third  image.AccountID = "1000000000000003"
)

// start is when all tests take place.
func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// stage is share over the cloud in memory: m-web is ours and shared with
// second, m-copy is its copy in Shanghai.
type stage struct {
	t       *testing.T
	cloud   *cloudsim.Cloud
	clock   *cloudsim.Clock
	folder  string
	config  config
	told    *notices.Notices
	permits *permits
	// calls counts regions, images, and grants that are asked for.
	calls atomic.Int32
	// slow is how long each change takes.
	slow time.Duration
	// breaks says which records the journal fails to keep; nil: none.
	breaks func(line []byte) bool
	// refuses says what ECS has against a change; nil: nothing.
	refuses func(add, remove []image.AccountID) error
	// logged is what the log says.
	logged bytes.Buffer
	// watch wraps the first account.
	watch func(viewed) viewed
}

// permits counts what was changed.
type permits struct {
	mu   sync.Mutex
	said []string
}

// viewed is an account as it is looked at and changed.
type viewed interface {
	survey.Reader
	sharing.Cloud
}

// counted is an account whose changes are counted.
type counted struct {
	*cloudsim.View
	permits *permits
	stage   *stage
}

func (c counted) Regions(ctx context.Context) ([]image.Region, error) {
	c.stage.calls.Add(1)
	return c.View.Regions(ctx)
}

func (c counted) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	c.stage.calls.Add(1)
	return c.View.Images(ctx, in, which)
}

func (c counted) Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error) {
	c.stage.calls.Add(1)
	return c.View.Grants(ctx, in, id)
}

func (c counted) Look(ctx context.Context, r image.Ref) (image.Image, []image.Grant, error) {
	c.stage.calls.Add(2) // the image, and whom it is shared with
	return c.View.Look(ctx, r)
}

func (c counted) Permit(ctx context.Context, r image.Ref, add, remove []image.AccountID) error {
	c.permits.mu.Lock()
	c.permits.said = append(c.permits.said, fmt.Sprint(r.ID, " +", add, " -", remove))
	c.permits.mu.Unlock()
	c.stage.clock.Advance(c.stage.slow)
	if c.stage.refuses != nil {
		if err := c.stage.refuses(add, remove); err != nil {
			return err
		}
	}
	return c.View.Permit(ctx, r, add, remove)
}

func newStage(t *testing.T) *stage {
	t.Helper()
	clock := cloudsim.NewClock(start())
	s := &stage{
		t: t, clock: clock, cloud: cloudsim.New(cloudsim.Options{Clock: clock}), folder: t.TempDir(), permits: &permits{},
	}
	s.watch = func(a viewed) viewed { return a }
	s.config.Site = pricing.China
	s.config.Regions = append(s.config.Regions, "cn-hangzhou", "cn-shanghai")
	add := func(account image.AccountID, region image.RegionID, id image.ID, change func(*image.Image), with ...image.AccountID) {
		i := image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindCustom, Name: string(id), CreatedAt: start().AddDate(0, -1, 0),
			Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + id[2:]), Encrypted: image.No}},
		}
		if change != nil {
			change(&i)
		}
		s.cloud.AddImage(account, region, cloudsim.ImageSpec{Image: i, SharedWith: with})
	}
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		add(first, region, "ubuntu_22_04_x64_20G_alibase_20260101.vhd", func(i *image.Image) { i.Kind, i.Disks = image.KindPublic, nil })
	}
	add(first, "cn-hangzhou", "m-web", nil, second)
	add(first, "cn-hangzhou", "m-old", func(i *image.Image) { i.Status = image.StatusDeprecated })
	add(first, "cn-hangzhou", "m-secret", func(i *image.Image) { i.Disks[0].Encrypted = image.Yes })
	add(second, "cn-hangzhou", "m-theirs", nil, first)
	add(first, "cn-shanghai", "m-key", func(i *image.Image) { i.Disks[0].Encrypted = image.Yes })
	s.cloud.AddImage(first, "cn-shanghai", cloudsim.ImageSpec{KMSKey: "key-1", Image: image.Image{
		Ref: image.Ref{ID: "m-vault"}, Kind: image.KindCustom, CreatedAt: start().AddDate(0, -1, 0),
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-vault", Encrypted: image.Yes}},
	}})
	return s
}

// function is share, with both accounts.
func (s *stage) function() *function.Function { return s.handler().function() }

func (s *stage) handler() handler {
	return handler{
		config: s.config, told: s.told, rates: pricing.Published(),
		accounts: func(function.Call) []account {
			own, other := s.watch(counted{s.cloud.View(first), s.permits, s}), counted{s.cloud.View(second), s.permits, s}
			return []account{
				{survey.Account{Reader: own}, own},
				{survey.Account{Reader: other, ID: second, Role: "acs:ram::1000000000000002:role/reader"}, other},
			}
		},
		journal: func(function.Call) (*journal.Journal, journal.Documents, error) {
			store, err := journal.OpenDirectory(s.folder)
			return journal.New(brittle{store, s}, time.Now, rand.Text), store, err
		},
		recent: survey.NewRecent(),
		now:    s.clock.Now,
		pause: func(ctx context.Context, d time.Duration) error {
			s.clock.Advance(d)
			return ctx.Err()
		},
	}
}

// brittle is a store that fails to keep some records.
type brittle struct {
	*journal.Directory
	stage *stage
}

func (b brittle) Add(ctx context.Context, subject string, position int, line []byte) error {
	if b.stage.breaks != nil && b.stage.breaks(line) {
		return fault.New(fault.Unavailable, "the disk is full")
	}
	return b.Directory.Add(ctx, subject, position, line)
}

// operator lets direct calls apply.
func (s *stage) operator() *function.Function {
	f := s.function()
	if err := f.Guard(func(name string) (string, bool) { return map[string]string{"SYSTEM_ROLES": "operator"}[name], true }); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// said is what a call answered.
type said struct {
	Status      any                 `json:"status"` // of a problem: a number; else of an image
	Code        string              `json:"code"`
	Field       string              `json:"field"`
	Detail      string              `json:"detail"`
	Applied     bool                `json:"applied"`
	Complete    bool                `json:"complete"`
	Recorded    bool                `json:"recorded"`
	Plan        saidPlan            `json:"plan"`
	Outcomes    []sharing.Told      `json:"outcomes"`
	Differences []any               `json:"differences"`
	Unknown     []image.Unread      `json:"unknown"`
	Accounts    []sharing.Share     `json:"accounts"`
	Gone        []sharing.Ended     `json:"gone"`
	Unfinished  *sharing.Unfinished `json:"unfinished"`
	History     []struct{ Sentence string }
	Community   bool `json:"community"`
}

type saidPlan struct {
	Digest     string    `json:"digest"`
	Changes    int       `json:"changes"`
	Applicable bool      `json:"applicable"`
	Steps      []stepOut `json:"steps"`
}

// call makes a direct call as a system caller that may apply.
func (s *stage) call(operation string, input any) said {
	s.t.Helper()
	event, err := json.Marshal(map[string]any{"operation": operation, "input": input})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.event(event)
}

func (s *stage) event(event []byte) said {
	s.t.Helper()
	raw := s.operator().Invoke(s.t.Context(), function.Call{Region: "cn-hangzhou"}, event)
	var answer said
	if err := json.Unmarshal(raw, &answer); err != nil {
		s.t.Fatalf("%v: %s", err, raw)
	}
	return answer
}

// over sends an HTTP request as a viewer.
func (s *stage) over(method, target, body string) (int, said) {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(s.t.Context(), method, target, bytes.NewBufferString(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	s.function().ServeHTTP(w, r)
	var answer said
	if err := json.NewDecoder(w.Body).Decode(&answer); err != nil {
		s.t.Fatalf("%s %s: %d: %v", method, target, w.Code, err)
	}
	if w.Code >= http.StatusBadRequest && w.Header().Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s %s: %d of type %s", method, target, w.Code, w.Header().Get("Content-Type"))
	}
	return w.Code, answer
}

// problem is the status of a problem document, 0 if it is none.
func (a said) problem() int {
	status, _ := a.Status.(float64)
	return int(status)
}

// steps is a plan in short.
func (p saidPlan) steps() string {
	text := ""
	for _, step := range p.Steps {
		subject := string(step.AccountID)
		if subject == "" {
			subject = string(step.ImageID)
		}
		text += fmt.Sprintf("%s %s %s; ", step.Action, subject, step.Reasons[0].Code)
	}
	return text
}

// applyPut plans and applies, and returns both answers.
func (s *stage) applyPut(input map[string]any) (planned, applied said) {
	s.t.Helper()
	planned = s.call("share.put", input)
	with := map[string]any{"apply": map[string]any{"digest": planned.Plan.Digest}}
	for key, value := range input {
		with[key] = value
	}
	return planned, s.call("share.put", with)
}

// log keeps what it is told.
func (s *stage) log() *slog.Logger { return slog.New(slog.NewJSONHandler(&s.logged, nil)) }

// set moves the clock to a time that is not over.
func (s *stage) set(at time.Time) { s.clock.Advance(at.Sub(s.clock.Now())) }

// runs makes an instance of an account that runs an image.
func (s *stage) runs(account image.AccountID, id image.ID) {
	s.cloud.AddInstance(account, "cn-hangzhou", cloudsim.InstanceSpec{Instance: image.Instance{
		Image: id, Type: "ecs.g7.large", Status: image.InstanceRunning, OSType: image.Linux, CreatedAt: start(),
	}})
}

// delete unshares and deletes one of our images, elsewhere.
func (s *stage) delete(id image.ID) {
	s.t.Helper()
	ref := image.Ref{Account: first, Region: "cn-hangzhou", ID: id}
	_, grants, err := s.cloud.View(first).Look(s.t.Context(), ref)
	if err != nil {
		s.t.Fatal(err)
	}
	var all []image.AccountID
	for _, g := range grants {
		all = append(all, g.Account)
	}
	if err := s.cloud.View(first).Permit(s.t.Context(), ref, nil, all); err != nil {
		s.t.Fatal(err)
	}
	session := s.cloud.As(cloudsim.Caller{Account: first, Type: "Account"})
	if err := session.DeleteImage(cloudsim.DeleteImageRequest{RegionID: "cn-hangzhou", ImageID: id}); err != nil {
		s.t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
}
