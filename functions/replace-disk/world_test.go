package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
)

const (
	own   = cloudsim.FirstAccount
	other = cloudsim.SecondAccount
)

// changer is an account of the cloud in memory.
type changer struct {
	*cloudsim.View
	s     *cloudsim.Session
	cloud *cloudsim.Cloud
	id    image.AccountID
}

func (c changer) Quota(_ context.Context, in image.RegionID, code string) (image.Quota, error) {
	if key, known := c.cloud.Credential("local"); known && key.Caller.Account == c.id {
		c.s = c.cloud.As(key.Caller)
	}
	q, err := c.s.GetProductQuota(cloudsim.ProductQuotaRequest{Product: "ecs", Quota: code, Region: in, Dimensions: []string{"regionId"}})
	return image.Quota{Total: q.Total, Used: q.Used, Consumable: q.Consumable}, err
}

// onlooker may change nothing: a call that does ends in a panic.
type onlooker struct {
	rollout.Looker
	rollout.Changer
	rollout.Around
	changer changer
}

func (o onlooker) Quota(ctx context.Context, in image.RegionID, code string) (image.Quota, error) {
	return o.changer.Quota(ctx, in, code)
}

// stage is replace-disk over the cloud in memory, in a bubble whose clock jumps.
type stage struct {
	t       *testing.T
	cloud   *cloudsim.Cloud
	bucket  *journaltest.Bucket
	regions []image.RegionID
	two     bool
	// looks: nothing may be changed.
	looks bool
	key   bearertest.Key
	words *words
	// late: requests come when their time is over.
	late  bool
	event atomic.Int64
	// old and golden are the images by account and region.
	old, golden map[rollout.Place]image.ID
}

func newStage(t *testing.T, regions ...image.RegionID) *stage {
	t.Helper()
	time.Sleep(time.Until(cloudsim.Epoch()))
	key, err := bearertest.NewEC("only")
	if err != nil {
		t.Fatal(err)
	}
	if len(regions) == 0 {
		regions = []image.RegionID{"cn-hangzhou"}
	}
	s := &stage{
		t: t, cloud: cloudsim.New(cloudsim.Options{}), bucket: journaltest.NewBucket(nil), regions: regions, key: key, words: newWords(),
		old: map[rollout.Place]image.ID{}, golden: map[rollout.Place]image.ID{},
	}
	for _, at := range s.places() {
		made := func(name, channel string, days int) image.ID {
			i := image.Image{Name: name, CreatedAt: time.Now().AddDate(0, 0, -days), Family: "web", SizeGiB: 40, OSType: image.Linux}
			if channel != "" {
				i.Tags = image.Tags{rollout.TagChannel: channel}
			}
			return s.cloud.AddImage(at.Account, at.Region, cloudsim.ImageSpec{Image: i})
		}
		s.old[at], s.golden[at] = made("web-1", "", 30), made("web-2", "", 3)
	}
	return s
}

func (s *stage) places() []rollout.Place {
	var all []rollout.Place
	for _, a := range []image.AccountID{own, other} {
		for _, r := range s.regions {
			all = append(all, rollout.Place{Account: a, Region: r})
		}
	}
	return all
}

// fleet puts so many instances of the old image into a place.
func (s *stage) fleet(at rollout.Place, n int) []image.InstanceID {
	var ids []image.InstanceID
	for i := range n {
		ids = append(ids, s.cloud.AddInstance(at.Account, at.Region, cloudsim.InstanceSpec{Instance: image.Instance{
			Name: fmt.Sprint("web-", i), Zone: image.ZoneID(string(at.Region) + "-" + string("hi"[i%2])), Image: s.old[at], Tags: image.Tags{"env": "prod"},
		}}))
	}
	return ids
}

// home is the place of the function.
func (s *stage) home() rollout.Place { return rollout.Place{Account: own, Region: s.regions[0]} }

func (s *stage) function() *function.Function {
	c := config{}
	for _, r := range s.regions {
		c.Regions = append(c.Regions, alicloud.RegionWord(r))
	}
	c.RateShare, c.Site = 0.3, pricing.China
	if s.two {
		c.FourEyes = []string{"replace-disk"}
	}
	rates, err := c.Table(os.ReadFile)
	if err != nil {
		s.t.Fatal(err)
	}
	h := handler{
		config: c, rates: rates, now: time.Now, recent: survey.NewRecent(),
		accounts: func(function.Call) []account {
			var all []account
			for n, id := range []image.AccountID{own, other} {
				v := changer{s.cloud.View(id), s.cloud.As(cloudsim.Caller{Account: id, Type: "Account"}), s.cloud, id}
				a := account{survey.Account{Reader: v.View}, v}
				if n > 0 {
					a.Role = "acs:ram::1000000000000002:role/imagekeeper"
				}
				if s.looks {
					a.cloud = onlooker{Looker: v, changer: v}
				}
				all = append(all, a)
			}
			return all
		},
		journal: func(function.Call) (*journal.Journal, journal.Documents, error) {
			place := journal.OpenObjects(s.bucket, "")
			return journal.New(place, time.Now, func() string { return fmt.Sprint("entry-", s.event.Add(1)) }), place, nil
		},
		pause:  function.Pause,
		worker: func() string { return fmt.Sprint("worker-", s.event.Add(1)) },
	}
	f := h.function()
	environment := map[string]string{"PORTAL_JWKS": bearertest.Set(s.key), "PORTAL_ISSUER": issuer, "PORTAL_AUDIENCE": "imagekeeper"}
	if err := f.Guard(func(name string) (string, bool) { v, is := environment[name]; return v, is }); err != nil {
		s.t.Fatal(err)
	}
	return f
}

const issuer = "https://login.example"

// token is one of a person with roles; each is another one.
func (s *stage) token(subject string, roles ...function.Role) string {
	grant := bearertest.Grant{Issuer: issuer, Audience: "imagekeeper", Subject: subject, From: time.Now().Add(-time.Duration(s.event.Add(1)) * time.Second), For: 24 * time.Hour}
	for _, r := range roles {
		grant.Roles = append(grant.Roles, string(r))
	}
	return s.key.Token(grant)
}

type object = map[string]any

// reply is what the tests read of answers.
type reply struct {
	status int
	header http.Header
	Code   string
	Field  string
	Detail string
	ID     string
	State  string
	Plan   *struct {
		Digest     string
		Applicable bool
		Changes    int
		Steps      []step
	}
	Items      []item
	Findings   []image.Finding
	Totals     *rollout.Totals
	Unknown    []image.Unread
	NextCursor string
	ApprovedBy []string
	Of         string
	Reason     *image.Reason
}

type step struct {
	Action, InstanceID, LaunchTemplateID, ScalingConfigurationID string
	RegionID                                                     image.RegionID
	AccountID                                                    image.AccountID
	To                                                           image.ID
	Wave                                                         int
	Reasons                                                      []image.Reason
}

type item struct {
	Action, InstanceID, LaunchTemplateID, Level, Result string
	Reason                                              *image.Reason
	Since                                               *time.Time
}

// as is a request by somebody.
func (s *stage) as(token, method, target string, body any) reply {
	s.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	ctx := s.t.Context()
	if s.late {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, time.Now())
		defer cancel()
	}
	r := httptest.NewRequestWithContext(ctx, method, target, bytes.NewReader(text))
	if text != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.function().ServeHTTP(w, r)
	a := reply{status: w.Code, header: w.Header()}
	var loose object
	if err := json.Unmarshal(w.Body.Bytes(), &loose); err != nil {
		s.t.Fatalf("%s %s: %s", method, target, w.Body)
	}
	s.words.note(w.Code, loose)
	delete(loose, "status")
	if _, is := loose["reason"].(string); is { // of the stop
		delete(loose, "reason")
	}
	again, err := json.Marshal(loose)
	if err == nil {
		err = json.Unmarshal(again, &a)
	}
	if err != nil {
		s.t.Fatalf("%s %s: %s: %v", method, target, w.Body, err)
	}
	return a
}

// do is a request by somebody who may move fleets.
func (s *stage) do(method, target string, body any) reply {
	s.t.Helper()
	return s.as(s.token("ann", function.Fleet), method, target, body)
}

// plan plans, and fails unless the plan may be carried out.
func (s *stage) plan(target string, wish object) reply {
	s.t.Helper()
	a := s.do(http.MethodPost, target, wish)
	if a.Plan == nil || !a.Plan.Applicable {
		s.t.Fatalf("%s: %d %+v", target, a.status, a)
	}
	return a
}

// applied plans and applies.
func (s *stage) applied(target string, wish object) reply {
	s.t.Helper()
	return s.do(http.MethodPost, target, with(wish, "apply", object{"digest": s.plan(target, wish).Plan.Digest}))
}

// with is an object with one more member, or another one.
func with(o object, name string, value any) object {
	more := object{name: value}
	for k, v := range o {
		if k != name {
			more[k] = v
		}
	}
	return more
}

// tick is one minute.
func (s *stage) tick() {
	s.t.Helper()
	event := fmt.Sprintf(`{"triggerTime":%q,"triggerName":"worker","payload":""}`, time.Now().UTC().Format(time.RFC3339))
	s.function().Invoke(s.t.Context(), function.Call{Region: string(s.regions[0]), Deadline: time.Now().Add(58 * time.Second)}, []byte(event))
	time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
}

func (s *stage) get(id string) reply {
	s.t.Helper()
	return s.do(http.MethodGet, "/rollouts/"+id, nil)
}

// until ticks until a rollout is in one of some states.
func (s *stage) until(id string, states ...string) reply {
	s.t.Helper()
	var a reply
	for range 300 {
		if a = s.get(id); slices.Contains(states, a.State) {
			return a
		}
		s.tick()
	}
	s.t.Fatalf("rollout %s is %s and not %s: %+v", id, a.State, strings.Join(states, " or "), a.Items)
	return a
}

func (s *stage) end(id string) reply {
	s.t.Helper()
	return s.until(id, "finished", "partly", "failed", "aborted", "halted")
}

// wish is the simplest.
func (s *stage) wish(ids ...image.InstanceID) object {
	return object{"select": object{"id": ids}, "to": object{"image": s.golden[s.home()]}}
}
