package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

const (
	own    = cloudsim.FirstAccount
	other  = cloudsim.SecondAccount
	bucket = "golden-uploads"
)

// maker is an account of the cloud in memory with what makes images.
type maker struct {
	*cloudsim.View
	s *cloudsim.Session
}

// told is a refusal as the adapter tells it.
func told(err error) error {
	if no, ok := err.(*cloudsim.Refusal); ok { //nolint:errorlint // a session returns nothing else
		return &fault.Error{Kind: no.Kind, Code: no.Code, Sentence: no.Message, Cause: no}
	}
	return err
}

func tagsOf(t image.Tags) []cloudsim.Tag {
	var all []cloudsim.Tag
	for _, key := range t.Keys() {
		all = append(all, cloudsim.Tag{Key: key, Value: t[key]})
	}
	return all
}

func (m maker) ImportImage(_ context.Context, in image.RegionID, r image.ImportRequest) (image.ID, image.TaskID, error) {
	req := cloudsim.ImportImageRequest{
		RegionID: in, ImageName: r.Name, Description: r.Description, OSType: string(r.OSType), Platform: r.Platform, Architecture: string(r.Architecture),
		BootMode: string(r.BootMode), LicenseType: r.LicenseType, IMDS: r.IMDS, Tags: tagsOf(r.Tags), ClientToken: r.Token,
	}
	if r.Detect {
		req.Detection = "Standard"
	}
	if r.NVMe {
		req.NVMe = "supported"
	}
	for _, d := range r.Disks {
		req.Disks = append(req.Disks, cloudsim.ImportDisk{Format: d.Format, Bucket: d.Bucket, Object: d.Object, SizeGiB: d.SizeGiB})
	}
	made, err := m.s.ImportImage(req)
	return made.ImageID, image.TaskID(made.TaskID), told(err)
}

func (m maker) CopyImage(_ context.Context, from image.RegionID, r image.CopyRequest) (image.ID, error) {
	id, err := m.s.CopyImage(cloudsim.CopyImageRequest{
		RegionID: from, ImageID: r.Image, DestinationRegionID: r.To, Name: r.Name, Description: r.Description, Tags: tagsOf(r.Tags), ClientToken: r.Token,
		Encrypted: encryption(r), KMSKeyID: r.KMSKey,
	})
	return id, told(err)
}

// encryption is what a copy says of it: nothing, or yes.
func encryption(r image.CopyRequest) image.Tri {
	if r.Encrypted {
		return image.Yes
	}
	return image.Unknown
}

func (m maker) CancelTask(_ context.Context, in image.RegionID, id image.TaskID) error {
	return told(m.s.CancelTask(cloudsim.TaskRequest{RegionID: in, TaskID: string(id)}))
}

func (m maker) CancelCopy(_ context.Context, in image.RegionID, id image.ID) error {
	return told(m.s.CancelCopyImage(cloudsim.ImageRequest{RegionID: in, ImageID: id}))
}

func (m maker) Launch(_ context.Context, in image.RegionID, r image.LaunchRequest) (image.InstanceID, error) {
	ids, err := m.s.RunInstances(cloudsim.RunInstancesRequest{
		RegionID: in, ImageID: r.Image, InstanceType: r.Type, Amount: 1, InstanceName: r.Name, VSwitch: r.VSwitch, SecurityGroups: []string{r.SecurityGroup},
		Tags: tagsOf(r.Tags), AutoReleaseTime: r.ReleaseAt.UTC().Format(time.RFC3339), ClientToken: r.Token,
	})
	if err != nil {
		return "", told(err)
	}
	return ids[0], nil
}

func (m maker) Terminate(_ context.Context, in image.RegionID, id image.InstanceID) error {
	return told(m.s.DeleteInstance(cloudsim.DeleteInstancesRequest{RegionID: in, InstanceIDs: []image.InstanceID{id}, Force: true}))
}

func (m maker) ConsoleOutput(_ context.Context, in image.RegionID, id image.InstanceID) (string, error) {
	out, err := m.s.GetInstanceConsoleOutput(in, id)
	text, _ := base64.StdEncoding.DecodeString(out.Output)
	return string(text), told(err)
}

func (m maker) Task(_ context.Context, in image.RegionID, id image.TaskID) (image.Task, error) {
	t, err := m.s.DescribeTaskAttribute(cloudsim.TaskRequest{RegionID: in, TaskID: string(id)})
	task := image.Task{ID: id, Region: in, Action: t.Action, Status: t.Status, Resource: t.Resource, Progress: t.Percent, ErrorCode: t.Code, Error: t.Message, Related: map[string]string{}}
	for _, i := range t.Items {
		task.Related[i.Name] = strings.TrimSpace(task.Related[i.Name] + " " + i.Value)
	}
	return task, told(err)
}

func (m maker) Tasks(_ context.Context, in image.RegionID, l image.TaskListing) ([]image.Task, error) {
	page, err := m.s.DescribeTasks(cloudsim.DescribeTasksRequest{RegionID: in, Action: l.Action, Pages: cloudsim.Pages{Size: 100}})
	var all []image.Task
	for _, t := range page.Tasks {
		if !t.CreatedAt.Before(l.From) {
			all = append(all, image.Task{ID: image.TaskID(t.ID), Status: t.Status, Resource: t.Resource})
		}
	}
	return all, told(err)
}

func (m maker) ExportImage(_ context.Context, in image.RegionID, r image.ExportRequest) (image.TaskID, error) {
	id, err := m.s.ExportImage(cloudsim.ExportImageRequest{RegionID: in, ImageID: r.Image, Bucket: r.Bucket, Prefix: r.Prefix, Format: r.Format})
	return image.TaskID(id), told(err)
}

func (m maker) Untag(_ context.Context, in image.RegionID, resource string, ids, keys []string) error {
	return told(m.s.UntagResources(cloudsim.UntagResourcesRequest{RegionID: in, ResourceType: resource, ResourceIDs: ids, TagKeys: keys}))
}

func (m maker) Quota(_ context.Context, in image.RegionID, code string) (image.Quota, error) {
	q, err := m.s.GetProductQuota(cloudsim.ProductQuotaRequest{Product: "ecs", Quota: code, Region: in, Dimensions: []string{"regionId"}})
	return image.Quota{Total: q.Total, Used: q.Used, Consumable: q.Consumable}, told(err)
}

func (m maker) MayMake(_ context.Context, in image.RegionID, r image.Making) (image.Tri, error) {
	var err error
	switch {
	case r.Import != nil:
		req := cloudsim.ImportImageRequest{
			RegionID: in, ImageName: r.Import.Name, BootMode: string(r.Import.BootMode), OSType: string(r.Import.OSType), Platform: r.Import.Platform,
			LicenseType: r.Import.LicenseType, DryRun: true,
		}
		for _, d := range r.Import.Disks {
			req.Disks = append(req.Disks, cloudsim.ImportDisk{Format: d.Format, Bucket: d.Bucket, Object: d.Object, SizeGiB: d.SizeGiB})
		}
		_, err = m.s.ImportImage(req)
	case r.Create != nil:
		_, err = m.s.CreateImage(cloudsim.CreateImageRequest{RegionID: in, InstanceID: r.Create.Instance, ImageName: r.Create.Name, DryRun: true})
	case r.Copy != nil:
		_, err = m.s.CopyImage(cloudsim.CopyImageRequest{RegionID: in, ImageID: r.Copy.Image, DestinationRegionID: r.Copy.To, Name: r.Copy.Name, Encrypted: encryption(*r.Copy), KMSKeyID: r.Copy.KMSKey, DryRun: true})
	}
	switch code := fault.Code(told(err)); {
	case strings.EqualFold(code, "DryRunOperation") || strings.EqualFold(code, "DRYRUN.SUCCESS"):
		return image.Yes, nil
	case fault.Of(told(err)) == fault.Forbidden:
		return image.No, nil
	}
	return image.Unknown, told(err)
}

func (m maker) Role(_ context.Context, name string) (image.Role, error) {
	r, err := m.s.GetRole(name)
	return image.Role{Name: r.Name, ARN: r.ARN, Trusted: []string{"ecs.aliyuncs.com"}}, told(err)
}

// shelves reads the objects of the cloud in memory.
type shelves struct{ s *cloudsim.Session }

func (h shelves) Head(_ context.Context, bucket, key string) (image.ObjectInfo, error) {
	o, err := h.s.HeadObject(cloudsim.ObjectName{Bucket: bucket, Key: key})
	if err != nil {
		return image.ObjectInfo{}, told(err)
	}
	return image.ObjectInfo{ETag: o.ETag, CRC64: "1", Size: o.Content.Size(), ModifiedAt: o.ModifiedAt, Region: "cn-hangzhou", Encrypted: image.No}, nil
}

func (h shelves) ReadAt(_ context.Context, bucket, key string, offset, length int64) ([]byte, error) {
	o, err := h.s.GetObject(cloudsim.ObjectName{Bucket: bucket, Key: key})
	if err != nil {
		return nil, told(err)
	}
	part := make([]byte, length)
	_, err = o.Content.ReadAt(part, offset)
	return part, err
}

func (h shelves) BucketRegion(_ context.Context, bucket string) (image.RegionID, error) {
	b, err := h.s.GetBucketInfo(bucket)
	if no, is := err.(*cloudsim.Refusal); is && no.Code == "NoSuchBucket" { //nolint:errorlint // a session returns nothing else
		return "", fault.New(fault.NotFound, "no such bucket").WithCode(no.Code)
	}
	return b.Region, told(err)
}

// Newer reads nothing: no rules are kept here.
func (h shelves) Newer(context.Context, string, string, string, int) ([]byte, string, error) {
	return nil, "", fault.New(fault.NotFound, "no rules")
}

// stage is import over the cloud in memory, in a bubble whose clock jumps.
type stage struct {
	t      *testing.T
	cloud  *cloudsim.Cloud
	bucket *journaltest.Bucket
	two    bool
	// narrow: what the account's key may do is what import may do in it.
	narrow bool
	// id is that of the work that was begun last.
	id    string
	rules string
	// journal is the bucket that the configuration says has the journal.
	journal string
	events  atomic.Int64
	// key, if there is one, signs the tokens of those who call over HTTP.
	key   *bearertest.Key
	words *words

	mu sync.Mutex
	// fates says what becomes of a call; nil: it passes.
	fates func(met) (fate, how)
	// after hears of every call that came through.
	after func(met, error)
	// doors are those of events, by the ids of their requests.
	doors map[string]*door
	// workers are the ticks that are not over.
	workers sync.WaitGroup
	built   func() *function.Function
}

// how is the error or the lie of a fate, and what is done after the call.
type how struct {
	err  error
	lie  func(answer any) any
	then func()
}

// fateOf asks what becomes of a call.
func (s *stage) fateOf(c met) (fate, how) {
	s.mu.Lock()
	ask := s.fates
	s.mu.Unlock()
	if ask == nil {
		return passes, how{}
	}
	return ask(c)
}

// happened tells of a call that came through.
func (s *stage) happened(c met, err error) {
	s.mu.Lock()
	hear := s.after
	s.mu.Unlock()
	if hear != nil {
		hear(c, err)
	}
}

// arm sets what becomes of calls from now on.
func (s *stage) arm(fates func(met) (fate, how), after func(met, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fates, s.after = fates, after
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageOf(t, cloudsim.Options{})
}

func newStageOf(t *testing.T, o cloudsim.Options) *stage {
	t.Helper()
	s := &stage{t: t, cloud: cloudsim.New(o), bucket: journaltest.NewBucket(nil), doors: map[string]*door{}}
	s.built = sync.OnceValue(s.build)
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		s.cloud.AddImage(own, region, cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic, CreatedAt: time.Now().AddDate(0, -1, 0),
		}})
	}
	if err := s.session().PutBucket(bucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	s.upload("incoming/web.raw", 0x83)
	return s
}

func (s *stage) session() *cloudsim.Session {
	return s.cloud.As(cloudsim.Caller{Account: own, Type: "Account"})
}

// making is the session that import works in.
func (s *stage) making() *cloudsim.Session {
	if key, known := s.cloud.Credential("local"); s.narrow && known {
		return s.cloud.As(key.Caller)
	}
	return s.session()
}

// upload puts a disk with one partition of a kind.
func (s *stage) upload(key string, kind byte) {
	s.t.Helper()
	disk := make([]byte, 1<<20)
	copy(disk, "\xeb\x63boot code")
	disk[446+4], disk[446+8], disk[446+13], disk[510], disk[511] = kind, 2, 7, 0x55, 0xaa
	if _, err := s.session().PutObject(cloudsim.PutObjectRequest{Bucket: bucket, Key: key, Content: cloudsim.ContentOf(disk)}); err != nil {
		s.t.Fatal(err)
	}
}

// function is import: one for all events, as a process has it. An event whose
// request has a door goes through that.
func (s *stage) function() *function.Function { return s.built() }

// through is the door of an event; nil: nothing is between it and the cloud.
func (s *stage) through(c function.Call) *door {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doors[c.RequestID]
}

func (s *stage) build() *function.Function {
	s.t.Helper()
	c := config{Sources: []importing.Prefix{{Bucket: bucket}}, Rules: function.Lines(s.rules)}
	c.Journal.Bucket = s.journal
	c.Regions = append(c.Regions, "cn-hangzhou", "cn-shanghai")
	if s.two {
		c.FourEyes = []string{"import"}
	}
	book, err := c.openRules(os.ReadFile, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	h := handler{
		config: c, book: book, now: time.Now,
		accounts: func(c function.Call) []account {
			d, m := s.through(c), maker{s.cloud.View(own), s.making()}
			if d == nil {
				return []account{{survey.Account{Reader: m}, m, m}}
			}
			return []account{{survey.Account{Reader: doored{m, d}}, doored{m, d}, doored{m, d}}}
		},
		objects: func(c function.Call) store {
			d := s.through(c)
			if d == nil {
				return shelves{s.session()}
			}
			return shelf{shelves{s.session()}, d}
		},
		journal: func(c function.Call) (*journal.Journal, journal.Documents, error) {
			place := journal.OpenObjects(s.bucket, "")
			if d := s.through(c); d != nil {
				place = journal.OpenObjects(kept{s.bucket, d}, "")
			}
			return journal.New(place, time.Now, func() string { return s.unique("entry-") }), place, nil
		},
		pause: function.Pause, notAfter: notAfter, worker: func() string { return s.unique("worker-") },
	}
	f := h.function()
	environment := map[string]string{"SYSTEM_ROLES": "operator"}
	if s.key != nil {
		maps.Copy(environment, map[string]string{"PORTAL_JWKS": bearertest.Set(*s.key), "PORTAL_ISSUER": issuer, "PORTAL_AUDIENCE": "imagekeeper"})
	}
	if err := f.Guard(func(name string) (string, bool) { return environment[name], true }); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// unique is a word that nothing else has.
func (s *stage) unique(word string) string { return fmt.Sprint(word, s.events.Add(1)) }

// answer is what the tests read of answers.
type answer struct {
	Status, Code, Field string
	ID                  string
	State               work.State
	Plan                *struct {
		Digest     string
		Applicable bool
		Changes    int
		Base       map[string]string
	}
	Items []struct {
		RegionID image.RegionID
		ImageID  image.ID
		Level    string
		Check    string
		Result   string
		Reason   *image.Reason
		Console  string
		Objects  []string
	}
	Outcomes []outcomeOut
	Unknown  []any
	Findings []image.Finding
	Totals   struct {
		Cost   importing.Cost
		Images int
	}
	Applied  bool
	Complete *bool
	Progress struct{ Done, Of int }
	Channels map[string][]importing.Assigned
	History  []importing.Promotion
}

// call is a direct call by an operator.
func (s *stage) call(operation string, input any) answer {
	s.t.Helper()
	event, err := json.Marshal(map[string]any{"operation": operation, "input": input})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.read(s.function().Invoke(s.t.Context(), called(), event))
}

func (s *stage) read(text []byte) answer {
	s.t.Helper()
	var loose map[string]any
	var a answer
	if err := json.Unmarshal(text, &loose); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	if status, is := loose["status"].(float64); is {
		loose["status"] = fmt.Sprint(status)
	}
	again, _ := json.Marshal(loose)
	if err := json.Unmarshal(again, &a); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return a
}

// get reads over HTTP, as a viewer.
func (s *stage) get(path string) (int, answer) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.function().ServeHTTP(w, httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil))
	return w.Code, s.read(w.Body.Bytes())
}

// called is a call that logs nothing.
func called() function.Call {
	return function.Call{Region: "cn-hangzhou", Log: slog.New(slog.DiscardHandler)}
}

// work is one event of the timer.
func (s *stage) work(d *door) {
	c := called()
	c.RequestID = s.unique("request-")
	s.mu.Lock()
	s.doors[c.RequestID] = d
	s.mu.Unlock()
	event := fmt.Sprintf(`{"triggerTime":%q,"triggerName":"worker","payload":""}`, time.Now().UTC().Format(time.RFC3339))
	c.Deadline = time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(context.Background(), c.Deadline)
	defer cancel()
	s.function().Invoke(ctx, c, []byte(event))
}

// tick is one minute.
func (s *stage) tick() {
	s.t.Helper()
	s.work(nil)
	time.Sleep(time.Minute)
}

// end ticks until a work has ended.
func (s *stage) end(kind, id string) answer {
	s.t.Helper()
	for range 200 {
		if _, a := s.get("/" + kind + "/" + id); a.State.Ended() {
			return a
		}
		s.tick()
	}
	_, a := s.get("/" + kind + "/" + id)
	s.t.Fatalf("%s %s has not ended: %+v", kind, id, a)
	return a
}

// applied plans and applies.
func (s *stage) applied(operation string, input map[string]any) answer {
	s.t.Helper()
	p := s.call(operation, input)
	if p.Plan == nil || !p.Plan.Applicable {
		s.t.Fatalf("%s: %+v", operation, p)
	}
	input["apply"] = map[string]any{"digest": p.Plan.Digest}
	defer delete(input, "apply")
	return s.call(operation, input)
}
