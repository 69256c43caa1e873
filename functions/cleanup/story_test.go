package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
)

const (
	first  = cloudsim.FirstAccount
	second = cloudsim.SecondAccount
	region = image.RegionID("cn-hangzhou")
)

// start is when all stories begin.
func start() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// owned is an account of the cloud in memory, as cleanup works in it.
type owned struct {
	*cloudsim.View
	stage *stage
	id    image.AccountID
	door  *door
}

func (o owned) session() *cloudsim.Session {
	return o.stage.cloud.As(cloudsim.Caller{Account: o.id, Type: "Account"})
}

func (o owned) Untag(ctx context.Context, in image.RegionID, resource string, ids, keys []string) error {
	return only(ctx, o.door, met{"Untag " + resource, true}, func() error {
		return o.session().UntagResources(cloudsim.UntagResourcesRequest{RegionID: in, ResourceType: resource, ResourceIDs: ids, TagKeys: keys})
	})
}

func (o owned) DeleteImage(ctx context.Context, in image.RegionID, id image.ID) error {
	return only(ctx, o.door, met{"DeleteImage", true}, func() error {
		o.stage.doors.Lock()
		o.stage.deleted = append(o.stage.deleted, id)
		o.stage.doors.Unlock()
		if o.stage.before != nil {
			o.stage.before(id)
		}
		if now, _, err := o.Look(ctx, image.Ref{Account: o.id, Region: in, ID: id}); err == nil && now.Tags[retention.TagCleanup] == "" {
			o.stage.t.Errorf("%s is to be deleted without our tag, which a policy may ask for", id)
		}
		return o.View.DeleteImage(ctx, in, id)
	})
}

// Events tells of launches, which there are none of but those of the test.
func (o owned) Events(_ context.Context, _ image.RegionID, want image.EventListing) ([]image.Event, bool, error) {
	var found []image.Event
	for _, e := range o.stage.events {
		if e.Account == o.id && e.Name == want.Name && !e.At.Before(want.From) && e.At.Before(want.To) {
			found = append(found, e)
		}
	}
	return found, true, nil
}

// stage is cleanup over the cloud in memory under a held clock.
type stage struct {
	t      *testing.T
	cloud  *cloudsim.Cloud
	clock  *cloudsim.Clock
	bucket *journaltest.Bucket // of the journal
	rules  retention.Ruling
	flaw   notify.Notice // of rules that are broken
	loose  []image.ScalingConfiguration
	// fourEyes: an apply needs two people.
	fourEyes bool
	// regions are those of the deployment beside the first.
	regions []alicloud.RegionWord
	silent  bool
	told    []notify.Notice
	deleted []image.ID
	before  func(image.ID)
	events  []image.Event
	// fate says what becomes of a call of a worker; nil: it passes.
	fate  func(met) fate
	doors sync.Mutex
	turns sync.Mutex
	// opened are the doors of events, by their request, and program what answers them.
	opened  map[string]*door
	program func() *function.Function
}

// Send is how people are told.
func (s *stage) Send(_ context.Context, targets []notify.Target, n notify.Notice) []notify.Delivery {
	var told []notify.Delivery
	for _, target := range targets {
		told = append(told, notify.Delivery{Target: target.Name, Delivered: !s.silent, Code: "unreachable", Sentence: "nobody answers"})
	}
	s.doors.Lock()
	defer s.doors.Unlock()
	if !s.silent {
		s.told = append(s.told, n)
	}
	return told
}

func newStage(t *testing.T) *stage {
	t.Helper()
	clock := cloudsim.NewClock(start())
	s := &stage{t: t, clock: clock, cloud: cloudsim.New(cloudsim.Options{Clock: clock}), bucket: journaltest.NewBucket(nil)}
	s.rules = retention.Ruling{Document: retention.Document{
		Mode: retention.ModeDelete, Notify: []string{"platform"}, Caps: retention.Caps{PerDay: 20, PercentPerDay: 60, PercentOfFamily: 60},
		Rules: []retention.Rule{{
			Name: "weekly", Match: retention.Match{Family: []image.Family{"web"}}, Remove: retention.Remove{OlderThan: days(90), UnusedFor: days(7)},
			Keep: &retention.Stays{Last: 3},
		}},
	}}
	s.cloud.AddImage(first, region, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic, Name: "ubuntu"}})
	for n := range 6 {
		id := image.ID(fmt.Sprintf("m-web%d", n))
		spec := cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindCustom, Name: "web-" + string(id), Family: "web", Description: "build " + string(id), Architecture: image.X86_64,
			OSType: image.Linux, Platform: "Ubuntu", BootMode: image.UEFI, CreatedAt: start().AddDate(0, 0, -400+60*n), Tags: image.Tags{"env": "stage"},
			Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + id[2:]), Encrypted: image.No}},
		}}
		if n == 0 {
			spec.SharedWith = []image.AccountID{second}
		}
		s.cloud.AddImage(first, region, spec)
	}
	for _, a := range []image.AccountID{first, second} {
		s.runs(a, "ubuntu_22_04_x64_20G_alibase_20260101.vhd")
	}
	s.clock.Advance(time.Hour)
	s.opened, s.program = map[string]*door{}, sync.OnceValue(s.function)
	return s
}

// objects is where everything is kept, past every door.
func (s *stage) objects() *journal.Objects { return journal.OpenObjects(s.bucket, "") }

// door is that of a call, which may die while others go on.
func (s *stage) door(call function.Call) *door {
	s.doors.Lock()
	defer s.doors.Unlock()
	if s.opened[call.RequestID] == nil {
		s.opened[call.RequestID] = &door{stage: s}
	}
	return s.opened[call.RequestID]
}

func days(n int) image.Duration { return image.Duration(time.Duration(n) * 24 * time.Hour) }

func (s *stage) runs(account image.AccountID, id image.ID) {
	s.cloud.AddInstance(account, region, cloudsim.InstanceSpec{Instance: image.Instance{
		Image: id, Type: "ecs.g7.large", Status: image.InstanceRunning, OSType: image.Linux, CreatedAt: s.clock.Now(),
	}})
}

func (s *stage) function() *function.Function {
	s.t.Helper()
	var c config
	c.Regions = append(append(c.Regions, "cn-hangzhou"), s.regions...)
	if s.fourEyes {
		c.FourEyes = []string{"cleanup"}
	}
	targets, err := notify.Parse(`{"platform":{"type":"slack","url":"https://hooks.example/x"}}`, func(string) (string, bool) { return "", false })
	if err != nil {
		s.t.Fatal(err)
	}
	h := handler{
		config: c, recent: survey.NewRecent(), now: s.clock.Now, notAfter: notAfter,
		accounts: func(call function.Call) []account {
			d := s.door(call)
			own, other := owned{s.cloud.View(first), s, first, d}, owned{s.cloud.View(second), s, second, d}
			return []account{
				{survey.Account{Reader: own}, own},
				{survey.Account{Reader: other, ID: second, Role: "acs:ram::1000000000000002:role/reader"}, other},
			}
		},
		journal: func(call function.Call) (*journal.Journal, journal.Documents, error) {
			store, d := s.objects(), s.door(call)
			return journal.New(stored{store, d}, s.clock.Now, rand.Text), kept{store, d}, nil
		},
		ruling:  func(context.Context, function.Call) ruled { return ruled{s.rules, s.flaw} },
		notices: &notices.Notices{Function: "cleanup", Targets: targets, Sender: s},
		prices:  quoting.Prices{Rates: pricing.Published(), Site: pricing.China, Sites: pricing.NewSites(), Now: s.clock.Now},
		pause: func(ctx context.Context, d time.Duration) error {
			s.clock.Advance(d)
			return ctx.Err()
		},
	}
	f := h.function()
	if err := f.Guard(func(name string) (string, bool) { return map[string]string{"SYSTEM_ROLES": "reaper"}[name], true }); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// said is what a call answered.
type said struct {
	Status any
	Code   string
	Field  string
	ID     string
	State  string
	Items  []itemOut
	Plan   struct {
		Digest     string
		Applicable bool
		Steps      []stepOut
	}
	Findings []image.Finding
	Totals   struct{ Actions map[string]int }
}

func (s *stage) event(event any) []byte {
	s.t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.program().Invoke(s.t.Context(), function.Call{RequestID: rand.Text(), Region: "cn-hangzhou", Log: slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))}, text)
}

func (s *stage) call(operation string, input any) said {
	s.t.Helper()
	raw := s.event(map[string]any{"operation": operation, "input": input})
	var a said
	if err := json.Unmarshal(raw, &a); err != nil {
		s.t.Fatalf("%s: %v: %s", operation, err, raw)
	}
	return a
}

// apply plans and applies, and returns the id of the work.
func (s *stage) apply(operation string, input map[string]any) string {
	s.t.Helper()
	planned := s.call(operation, input)
	input["apply"] = map[string]any{"digest": planned.Plan.Digest}
	applied := s.call(operation, input)
	if applied.ID == "" {
		s.t.Fatalf("%s was not applied: %+v after %+v", operation, applied, planned)
	}
	s.tick(3)
	return applied.ID
}

// tick lets the worker run, once a minute.
func (s *stage) tick(times int) {
	s.t.Helper()
	for range times {
		s.event(map[string]any{"triggerTime": s.clock.Now().Format(time.RFC3339), "triggerName": "worker", "payload": ""})
		s.clock.Advance(time.Minute)
	}
}

// pass lets days go by, with ticks every twelve hours.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	for end := s.clock.Now().Add(d); s.clock.Now().Before(end); {
		s.clock.Advance(12 * time.Hour)
		s.tick(3)
	}
}

// item is one image of a work.
func (s *stage) item(work, id string) itemOut {
	s.t.Helper()
	a := s.call("cleanups.get", map[string]any{"id": work})
	for _, i := range a.Items {
		if string(i.ImageID) == id {
			return i
		}
	}
	s.t.Fatalf("%s has no %s: %+v", work, id, a)
	return itemOut{}
}

// state is that of a cleanup.
func (s *stage) state(id string) string {
	s.t.Helper()
	return s.call("cleanups.get", map[string]any{"id": id}).State
}

func (s *stage) image(id image.ID) (image.Image, []image.Grant, error) {
	return s.cloud.View(first).Look(s.t.Context(), image.Ref{Account: first, Region: region, ID: id})
}

// An image that nobody needs goes through all stages, each at its time, and comes
// back from the bin as it was.
func TestFromMarkToPurgeAndBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	was, _, _ := s.image("m-web0")
	saves := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}}).Plan.Steps[0].Saves
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}})
	now, grants, err := s.image("m-web0")
	if i := s.item(id, "m-web0"); i.Stage != retention.StageMarked || err != nil || !strings.HasPrefix(now.Tags[retention.TagCleanup], "marked ") || len(grants) != 1 {
		t.Fatalf("marked: %+v, %+v, %v", i, now.Tags, grants)
	}
	if len(s.told) == 0 {
		t.Error("nobody was told")
	}
	s.pass(13 * 24 * time.Hour)
	if i := s.item(id, "m-web0"); i.Stage != retention.StageMarked {
		t.Fatalf("before the grace is over: %+v", i)
	}
	s.pass(2 * 24 * time.Hour)
	now, grants, _ = s.image("m-web0")
	if i := s.item(id, "m-web0"); i.Stage != retention.StageQuarantined || len(grants) != 0 || now.Status != image.StatusDeprecated {
		t.Fatalf("quarantined: %+v, %s, %v", i, now.Status, grants)
	}
	s.pass(4 * 24 * time.Hour)
	if _, _, err := s.image("m-web0"); fault.Of(err) != fault.NotFound || s.item(id, "m-web0").Stage != retention.StageDeleted {
		t.Fatalf("deleted: %v, %+v", err, s.item(id, "m-web0"))
	}
	if len(s.deleted) != 2 {
		t.Errorf("DeleteImage was called for %v", s.deleted)
	}
	if p := s.call("cleanups.restore", map[string]any{"id": "m-web0", "shares": true}); p.Totals.Actions["restore"] != 1 || p.Totals.Actions["share"] != 1 {
		t.Errorf("a restore comes to %+v", p.Totals)
	}
	back := s.apply("cleanups.restore", map[string]any{"id": "m-web0", "shares": true})
	s.pass(6 * time.Hour)
	i := s.item(back, "m-web0")
	is, grants, err := s.image(i.Restored)
	if err != nil || i.Result != "applied" || len(retention.Differences(was, is)) != 0 || is.Family != "" || len(grants) != 1 || is.Tags[retention.TagRestored] == "" {
		t.Fatalf("restored: %+v %v, %v: %v", i, i.Reason, err, retention.Differences(was, is))
	}
	s.pass(31 * 24 * time.Hour)
	if snapshots, err := s.cloud.View(first).Snapshots(t.Context(), region, image.SnapshotListing{IDs: []image.SnapshotID{"s-web0", "s-web1"}}); err != nil || len(snapshots) != 1 || snapshots[0].ID != "s-web0" {
		t.Errorf("after the bin: %v, %v", snapshots, err)
	}
	if i := s.item(id, "m-web1"); saves == nil || i.Saved == nil || !reflect.DeepEqual(*i.Saved, *saves) || s.item(id, "m-web0").Saved != nil {
		t.Errorf("it was to save %+v, and saved %+v; what came back saved %+v", saves, i.Saved, s.item(id, "m-web0").Saved)
	}
	var bin binOut
	if err := json.Unmarshal(s.event(map[string]any{"operation": "cleanups.bin", "input": map[string]any{"state": "purged"}}), &bin); err != nil || bin.Total != 1 || len(bin.Saved) != 1 || !reflect.DeepEqual(bin.Saved[0], *saves) {
		t.Errorf("the bin tells %+v, %v", bin, err)
	}
	if refused := s.call("cleanups.restore", map[string]any{"id": "m-web1"}); refused.Plan.Applicable || !slices.ContainsFunc(refused.Findings, func(f image.Finding) bool { return f.Code == "snapshotsGone" }) {
		t.Errorf("a restore after the purge: %+v", refused)
	}
}

// Whoever begins to use an image, or keeps it, at any stage before it is deleted gets
// it back as it was.
func TestOneReasonBringsItBack(t *testing.T) {
	t.Parallel()
	for name, need := range map[string]func(*stage){
		"instance":        func(s *stage) { s.runs(first, "m-web0") },
		"another account": func(s *stage) { s.runs(second, "m-web0") },
		"keep": func(s *stage) {
			s.call("cleanups.keep", map[string]any{"imageId": "m-web0", "reason": "audit", "until": s.clock.Now().Add(240 * time.Hour)})
		},
		"template version": func(s *stage) {
			s.cloud.AddLaunchTemplate(first, region, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{{Image: "m-web0"}, {Image: "m-web5"}}})
		},
	} {
		for stageName, after := range map[retention.Stage]time.Duration{retention.StageMarked: 24 * time.Hour, retention.StageQuarantined: 15 * 24 * time.Hour} {
			t.Run(name+" "+string(stageName), func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web0"}})
				s.pass(after)
				if i := s.item(id, "m-web0"); i.Stage != stageName {
					t.Fatalf("it is %+v", i)
				}
				need(s)
				s.pass(6 * 24 * time.Hour)
				now, _, err := s.image("m-web0")
				i := s.item(id, "m-web0")
				if err != nil || now.Status != image.StatusAvailable || now.Tags[retention.TagCleanup] != "" || i.Result != "failed" || s.state(id) != "partly" || len(s.deleted) > 0 {
					t.Errorf("%s: %+v, %v: %s, %v", s.state(id), i, err, now.Status, now.Tags)
				}
			})
		}
	}
}

// What is used between the look and the call is kept by ECS, which is never forced,
// and then returned.
func TestUsedBetweenLookAndCall(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	s.before = func(of image.ID) { s.before = nil; s.runs(first, of) }
	s.pass(25 * 24 * time.Hour)
	if now, _, err := s.image("m-web1"); err != nil || now.Status != image.StatusAvailable || s.item(id, "m-web1").Reason.Code != "inUse" || len(s.deleted) != 1 {
		t.Errorf("%v, %+v, %v", err, s.item(id, "m-web1"), s.deleted)
	}
}

// While nobody can be told no time runs.
func TestAnnouncementsThatFail(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.silent = true
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	s.pass(20 * 24 * time.Hour)
	if i := s.item(id, "m-web1"); i.Level != "marked" {
		t.Fatalf("nobody was told, and it is %+v", i)
	}
	s.silent = false
	s.pass(13 * 24 * time.Hour)
	if i := s.item(id, "m-web1"); i.Stage != retention.StageMarked {
		t.Errorf("the grace is not over, and it is %+v", i)
	}
	s.pass(3 * 24 * time.Hour)
	if i := s.item(id, "m-web1"); i.Stage != retention.StageQuarantined {
		t.Errorf("the grace is over, and it is %+v", i)
	}
}

// A document that is broken, or lets nothing go, stops what is on its way.
func TestRulesThatChange(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*retention.Ruling){
		"broken": func(r *retention.Ruling) { r.Broken = &image.Reason{Code: "rulesBroken", Sentence: "line 3"} },
		"report": func(r *retention.Ruling) { r.Document.Mode = retention.ModeReport },
		"mark":   func(r *retention.Ruling) { r.Document.Mode = retention.ModeMark },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
			change(&s.rules)
			s.pass(30 * 24 * time.Hour)
			if _, _, err := s.image("m-web1"); err != nil || len(s.deleted) > 0 {
				t.Errorf("%v, %v", err, s.deleted)
			}
		})
	}
}

// A leaked image is unshared and deprecated within a minute, where its grantees do
// not use it.
func TestSkippedWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.apply("cleanups.create", map[string]any{"images": []string{"m-web0"}, "skipWaits": true, "reason": "a key was in it"})
	if now, grants, err := s.image("m-web0"); err == nil && (len(grants) > 0 || now.Status == image.StatusAvailable) {
		t.Errorf("%s, shared with %v", now.Status, grants)
	}
	used := newStage(t)
	used.runs(second, "m-web0")
	if refused := used.call("cleanups.create", map[string]any{"images": []string{"m-web0"}, "skipWaits": true, "reason": "a key was in it"}); refused.Plan.Applicable || refused.Plan.Steps[0].Action != "refuse" || !slices.ContainsFunc(refused.Findings, func(f image.Finding) bool {
		return f.Code == "stillShared" && f.Remedy == `PATCH /shares/m-web0?region=cn-hangzhou {"remove":["1000000000000002"]}`
	}) {
		t.Errorf("%+v", refused.Plan)
	}
}

// Rules have go what looks and events have proven to be unused, by their own approval.
func TestRulesByThemselves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rules.Approver = func(rule string) string { return "rule:" + rule + "@etag" }
	hourly := func(hours int) {
		for range hours {
			s.event(map[string]any{"triggerTime": s.clock.Now().Format(time.RFC3339), "triggerName": "schedule", "payload": ""})
			s.clock.Advance(time.Hour)
		}
	}
	hourly(24 * 6)
	if p := s.call("cleanups.create", map[string]any{"rules": true, "image": "m-web0"}); p.Plan.Steps[0].Action != "keep" {
		t.Fatalf("after six days of looks: %+v", p.Plan.Steps)
	}
	hourly(30)
	list := s.call("cleanups.list", map[string]any{})
	if len(list.Items) == 0 {
		t.Fatal("no cleanup was begun")
	}
	s.tick(3)
	if now, _, err := s.image("m-web1"); err != nil || !strings.Contains(now.Tags[retention.TagCleanup], "weekly") {
		t.Errorf("%v: %v", err, now.Tags)
	}
	if now, _, err := s.image("m-web3"); err != nil || now.Tags[retention.TagCleanup] != "" {
		t.Errorf("one of the last three: %v", now.Tags)
	}
}

// What cannot be meant is refused with the name of its field.
func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for field, input := range map[string]map[string]any{
		"images": {},
		"reason": {"images": []string{"m-web0"}, "skipWaits": true},
		"image":  {"images": []string{"m-web0"}, "image": "m-web0"},
	} {
		if a := s.call("cleanups.create", input); fmt.Sprint(a.Status) != "400" || a.Field != field {
			t.Errorf("%v: %+v", input, a)
		}
	}
	if a := s.call("cleanups.create", map[string]any{"images": []string{"ubuntu_22_04_x64_20G_alibase_20260101.vhd"}}); fmt.Sprint(a.Status) != "422" || a.Field != "images[0]" || a.Code != "notOurs" {
		t.Errorf("%+v", a)
	}
	s.rules.Document.Mode = retention.ModeReport
	p := s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}})
	if a := s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}, "apply": map[string]any{"digest": p.Plan.Digest}}); fmt.Sprint(a.Status) != "422" || a.Code != "modeReport" {
		t.Errorf("%+v", a)
	}
}

// The bin is told in parts, with how many there are in all; a text that no answer had is
// no place to go on at.
func TestTheBinByParts(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.apply("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}, "skipWaits": true, "reason": "a key was in them"})
	var ids []string
	part := func(input map[string]any) (out binOut) {
		if input["state"] == nil {
			input["state"] = "all"
		}
		if raw := s.event(map[string]any{"operation": "cleanups.bin", "input": input}); json.Unmarshal(raw, &out) != nil {
			t.Fatalf("%s", raw)
		}
		for _, e := range out.Items {
			ids = append(ids, string(e.ID))
		}
		return out
	}
	for range 100 {
		if s.tick(1); part(map[string]any{}).Total == 2 {
			break
		}
	}
	ids = nil
	one := part(map[string]any{"limit": 1})
	if rest := part(map[string]any{"limit": 1, "cursor": one.NextCursor}); one.Total != 2 || rest.Total != 2 || one.NextCursor == "" || rest.NextCursor != "" {
		t.Errorf("%+v, %+v", one, rest)
	}
	if slices.Sort(ids); !slices.Equal(ids, []string{"m-web0", "m-web1"}) {
		t.Errorf("the bin has %v", ids)
	}
	// The part goes on where it was, also if its last entry is not in that state any more.
	if left := part(map[string]any{"state": "restored", "cursor": one.NextCursor}); left.Total != 0 || len(left.Items) != 0 {
		t.Errorf("%+v", left)
	}
	if a := s.call("cleanups.bin", map[string]any{"cursor": "x"}); fmt.Sprint(a.Status) != "400" || a.Code != "cursorMalformed" || a.Field != "cursor" {
		t.Errorf("%+v", a)
	}
}

// A plan by rules of one image that is nowhere is refused, as every question for it is.
func TestRulesOfOneImage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if a := s.call("cleanups.create", map[string]any{"rules": true, "image": "m-none"}); fmt.Sprint(a.Status) != "404" || a.Code != "notFound" {
		t.Errorf("%+v", a)
	}
	if a := s.call("cleanups.create", map[string]any{"rules": true, "image": "m-web0"}); len(a.Plan.Steps) != 1 {
		t.Errorf("%+v", a)
	}
}

// Each item tells when its next stage is due, from its announcement to the end of the
// bin, by the rules as they are now; what is due is written down once.
func TestDueAt(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := newStage(t)
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	tells := func(stage retention.Stage, after time.Duration, since time.Time) {
		t.Helper()
		i := s.item(id, "m-web1")
		if i.Stage != stage || i.DueAt == nil || i.DueAt.Sub(since.Add(after)).Abs() > 10*time.Minute {
			t.Errorf("%s: due at %v, and not %s after %s", i.Stage, i.DueAt, after, since)
		}
	}
	announced := s.clock.Now()
	tells(retention.StageMarked, 14*day, announced)
	before := *s.item(id, "m-web1").Since
	s.pass(2 * day)
	if tells(retention.StageMarked, 14*day, announced); !s.item(id, "m-web1").Since.Equal(before) {
		t.Error("it was written down again, and is the same")
	}
	s.rules.Document.Grace = image.Duration(5 * day)
	s.pass(2 * day)
	tells(retention.StageMarked, 5*day, announced)
	s.clock.Advance(announced.Add(5 * day).Sub(s.clock.Now()))
	s.tick(4)
	quarantined := s.clock.Now()
	tells(retention.StageQuarantined, 3*day, quarantined)
	before = *s.item(id, "m-web1").Since
	s.rules.Document.Quarantine = image.Duration(4 * day)
	s.pass(2 * day)
	if tells(retention.StageQuarantined, 4*day, quarantined); s.item(id, "m-web1").Since.Equal(before) {
		t.Error("another time was not written down")
	}
	s.clock.Advance(quarantined.Add(4 * day).Sub(s.clock.Now()))
	s.tick(6)
	tells(retention.StageDeleted, 30*day, s.clock.Now())
	s.pass(31 * day)
	s.pass(day)
	if i := s.item(id, "m-web1"); i.Result != "applied" || i.DueAt != nil {
		t.Errorf("at its end: %+v", i)
	}
}
