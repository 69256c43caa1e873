package trials_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/apicheck"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
)

// binaries is where the functions are built.
const binaries = "TRIALS_BINARIES"

func TestMain(m *testing.M) { os.Exit(inScratch(m.Run)) }

func inScratch(run func() int) int {
	return drawn.Scratch("trials", func(folder string) int {
		if err := os.Setenv(binaries, folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return run()
	})
}

// built builds functions, each once, when they are first needed.
var built = func() func(t *testing.T, name string) string { //nolint:gochecknoglobals // a test's
	var mu sync.Mutex
	return func(t *testing.T, name string) string {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		folder := filepath.Join(os.Getenv(binaries), name)
		binary := filepath.Join(folder, bootstrap.Name)
		if _, err := os.Stat(binary); err == nil {
			return binary
		}
		if _, err := linked.Build(context.Background(), bootstrap.Order{Root: "../..", Package: "./functions/" + name, To: folder}); err != nil {
			t.Fatal(err)
		}
		return binary
	}
}()

const (
	owner                 = cloudsim.FirstAccount
	bucket                = "trial-journal"
	region image.RegionID = "cn-hangzhou"
)

// account is the n-th of 150 that an image can be shared with.
func account(n int) image.AccountID {
	if n < 80 {
		return image.AccountID(fmt.Sprintf("10000000000000%02d", n+3))
	}
	return image.AccountID(fmt.Sprintf("1000000000000%03d", n+120))
}

// request is one request of a function to its cloud.
type request struct {
	// number counts from 1 since the stage was last armed.
	number int
	// key is the access key that made it.
	key    string
	action string
	// accounts are those that an ECS call adds and removes.
	added, removed []string
	changes        bool
}

// stage is one cloud with its objects, at whose door a test can stand.
type stage struct {
	t *testing.T
	// function is the one whose workers are started.
	function string
	cloud    *cloudsim.Cloud
	// checker holds calls and answers against the OpenAPI document.
	checker  *apicheck.Checker
	ecs, oss *httptest.Server

	mu    sync.Mutex
	count int
	seen  []request
	// before and after meet each request; before may answer it in the cloud's
	// place, and after keep the answer from arriving, by returning true.
	before, after func(r request) bool
	// answered is told of each call that was answered well, before the guard after it.
	answered func(action string, form url.Values, answer []byte)
	// aged is by how much the journal was made older, in nanoseconds.
	aged atomic.Int64
	// ahead is by how much ECS's clock is ahead of the workers', in nanoseconds.
	ahead atomic.Int64
}

// Now is the time by which ECS judges signatures.
func (s *stage) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageOf(t, "share", cloudsim.Options{CopyTime: time.Millisecond, Quotas: cloudsim.Quotas{GrantsReceived: 10_000}})
}

// described is the OpenAPI document, read once for all stages.
var described = sync.OnceValues(func() (*apicheck.Checker, error) { //nolint:gochecknoglobals // a test's
	document, err := os.ReadFile("../../" + openapi.Path)
	if err != nil {
		return nil, err
	}
	return apicheck.New(document)
})

// newStageOf is a stage for one function.
func newStageOf(t *testing.T, function string, o cloudsim.Options) *stage {
	t.Helper()
	document, err := described()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, function: function, cloud: cloudsim.New(o), checker: document}
	if err := s.cloud.As(cloudsim.Caller{Account: owner, Type: "Account"}).PutBucket(bucket, region); err != nil {
		t.Fatal(err)
	}
	s.ecs = httptest.NewServer(s.door(ecsapi.New(s.cloud, ecsapi.Options{RatePerMinute: -1, Clock: s})))
	s.oss = httptest.NewServer(s.door(ossapi.New(s.cloud, ossapi.Options{})))
	t.Cleanup(func() {
		for _, server := range []*httptest.Server{s.ecs, s.oss} {
			server.CloseClientConnections()
			server.Close()
		}
	})
	return s
}

// arm starts counting anew, with other guards.
func (s *stage) arm(before, after func(request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count, s.seen, s.before, s.after = 0, nil, before, after
}

// requests are those since the stage was armed.
func (s *stage) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// door lets requests through, past the guards.
func (s *stage) door(inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.count++
		now := read(r, body)
		now.number = s.count
		s.seen = append(s.seen, now)
		before, after := s.before, s.after
		s.mu.Unlock()
		if before != nil && before(now) {
			panic(http.ErrAbortHandler)
		}
		kept := httptest.NewRecorder()
		inside.ServeHTTP(kept, r)
		if s.answered != nil && kept.Code == http.StatusOK && !strings.HasSuffix(now.action, " object") {
			s.answered(now.action, form(r, body), kept.Body.Bytes())
		}
		if after != nil && after(now) {
			panic(http.ErrAbortHandler)
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	})
}

// read tells what a request is about.
func read(r *http.Request, body []byte) request {
	if id, _, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "OSS4-HMAC-SHA256 Credential="), "/"); ok {
		return request{key: id, action: r.Method + " object", changes: r.Method != http.MethodGet && r.Method != http.MethodHead}
	}
	given := form(r, body)
	now := request{key: given.Get("AccessKeyId"), action: given.Get("Action")}
	now.changes = !looks(now.action)
	for name, values := range given {
		if strings.HasPrefix(name, "AddAccount.") {
			now.added = append(now.added, values...)
		}
		if strings.HasPrefix(name, "RemoveAccount.") {
			now.removed = append(now.removed, values...)
		}
	}
	return now
}

// form are the parameters of a call; none, if they cannot be read.
func form(r *http.Request, body []byte) url.Values {
	given, err := url.ParseQuery(string(body) + "&" + r.URL.RawQuery)
	if err != nil {
		return nil
	}
	return given
}

// looks: a call of that name changes nothing.
func looks(action string) bool {
	for _, begin := range []string{"Describe", "Get", "List", "Assume"} {
		if strings.HasPrefix(action, begin) {
			return true
		}
	}
	return false
}

// image puts an image into the cloud, shared with some accounts.
func (s *stage) image(id image.ID, with ...image.AccountID) {
	s.cloud.AddImage(owner, region, cloudsim.ImageSpec{
		Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindCustom, Name: "trial-" + string(id), CreatedAt: time.Now().AddDate(0, -1, 0),
			Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + id[2:]), Encrypted: image.No}},
		},
		SharedWith: with,
	})
}

// list are the accounts that an image is shared with, in order.
func (s *stage) list(id image.ID) []image.AccountID {
	s.t.Helper()
	grants, err := s.cloud.View(owner).Grants(context.Background(), region, id)
	if err != nil {
		s.t.Error(err)
	}
	list := []image.AccountID{}
	for _, g := range grants {
		list = append(list, g.Account)
	}
	slices.Sort(list)
	return list
}

// bucketJournal and folderJournal are values of JOURNAL.
const bucketJournal = "oss://" + bucket + "/journal"

func folderJournal(t *testing.T) string { return "dir://" + t.TempDir() }

// age makes what is in the journal's bucket as old as it would be had so much time
// gone by since, so that a test need not wait for workers' time to be over. What a
// digest covers, the documents, stay as they are.
func (s *stage) age(by time.Duration) {
	s.t.Helper()
	s.aged.Add(int64(by))
	session := s.cloud.As(cloudsim.Caller{Account: owner, Type: "Account"})
	var all []cloudsim.Object
	for from := ""; ; {
		page, err := session.ListObjects(cloudsim.ListObjectsRequest{Bucket: bucket, Max: 1000, After: from})
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, page.Objects...)
		if from = page.Next; from == "" {
			break
		}
	}
	for _, o := range all {
		subject, isLog := strings.CutSuffix(strings.TrimPrefix(o.Key, "journal/"), ".ndjson")
		key, content := older(o.Key, by), o.Content
		if !isLog && !strings.HasSuffix(o.Key, ".sums") && key == o.Key {
			continue
		}
		if _, err := session.DeleteObject(cloudsim.ObjectName{Bucket: bucket, Key: o.Key}); err != nil {
			s.t.Fatal(err)
		}
		switch {
		case isLog:
			content = cloudsim.ContentOf(chained(s.t, subject, content.Bytes(), by))
		case key == o.Key: // sums of the log as it was; the next record makes up for them
			continue
		}
		if _, err := session.AppendObject(cloudsim.AppendObjectRequest{Bucket: bucket, Key: key, Content: content}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// times are those of RFC 3339 in a text, with what goes before one that a repeated call
// bears: of the same call it is the same.
var times = regexp.MustCompile(`("begunAt":")?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// older has all times of a text earlier by so much.
func older(text string, by time.Duration) string {
	return times.ReplaceAllStringFunc(text, func(old string) string {
		at, err := time.Parse(time.RFC3339Nano, old)
		if err != nil || strings.HasPrefix(old, `"`) {
			return old
		}
		return at.Add(-by).Format(time.RFC3339Nano)
	})
}

// chained rewrites the records of a log with earlier times, and chains them again.
func chained(t *testing.T, subject string, log []byte, by time.Duration) []byte {
	t.Helper()
	store, out := &lines{}, []byte{}
	for n, record := range records(t, log) {
		j := journal.New(store, func() time.Time { return record.At.Add(-by) }, func() string { return record.ID })
		if err := j.Append(context.Background(), subject, n, json.RawMessage(older(string(record.Body), by))); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range store.kept {
		out = append(append(out, line...), '\n')
	}
	return out
}

func records(t *testing.T, log []byte) []journal.Record {
	t.Helper()
	var found []journal.Record
	for line := range bytes.Lines(log) {
		var r journal.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		found = append(found, r)
	}
	return found
}

// lines is a store of one log in memory.
type lines struct{ kept [][]byte }

func (l *lines) Lines(context.Context, string) ([][]byte, error) { return l.kept, nil }

func (l *lines) Add(_ context.Context, _ string, _ int, line []byte) error {
	l.kept = append(l.kept, line)
	return nil
}

func (l *lines) Subjects(context.Context, string) ([]string, error) { return nil, nil }

// worker is the function as a process, asked by a runtime API of its own.
type worker struct {
	t        *testing.T
	function string
	checker  *apicheck.Checker
	process  *exec.Cmd
	asks     chan invocation
	answers  chan []byte
	dead     chan struct{}
	log      *bytes.Buffer
	// report is what the last tick answered.
	report []byte
	// frozen: it was stopped, and another goes on.
	frozen atomic.Bool
}

type invocation struct {
	event   []byte
	timeout time.Duration
}

// start starts the function with a key of its own; more are variables of its
// environment, which win.
func (s *stage) start(key, journal string, more ...string) *worker {
	s.t.Helper()
	if _, known := s.cloud.Credential(key); !known {
		if err := s.cloud.AddKey(owner, key, key+"-secret", key, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	w := &worker{t: s.t, function: s.function, checker: s.checker, asks: make(chan invocation), answers: make(chan []byte, 1), dead: make(chan struct{}), log: &bytes.Buffer{}}
	runtime := httptest.NewServer(w.runtime(key))
	binary := built(s.t, s.function)
	w.process = exec.Command(binary)
	w.process.Dir, w.process.Stdout, w.process.Stderr = filepath.Dir(binary), w.log, w.log
	w.process.Env = append([]string{
		"FC_RUNTIME_API=" + strings.TrimPrefix(runtime.URL, "http://"), "FC_REGION=" + string(region), "REGIONS=" + string(region),
		"ECS_ENDPOINT=" + s.ecs.URL, "STS_ENDPOINT=" + s.ecs.URL, "ESS_ENDPOINT=" + s.ecs.URL,
		"RAM_ENDPOINT=" + s.ecs.URL, "QUOTAS_ENDPOINT=" + s.ecs.URL, "KMS_ENDPOINT=" + s.ecs.URL, "ACTIONTRAIL_ENDPOINT=" + s.ecs.URL, "OSS_ENDPOINT=" + s.oss.URL,
		"JOURNAL=" + journal, "SYSTEM_ROLES=operator", "ECS_RATE_SHARE=1000", "LOG_LEVEL=error",
	}, more...)
	if err := w.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = w.process.Wait() // it is killed
		close(w.dead)
	}()
	s.t.Cleanup(func() {
		w.kill()
		runtime.CloseClientConnections()
		runtime.Close()
	})
	return w
}

// kill is kill -9; a frozen process dies, too.
func (w *worker) kill() {
	_ = w.process.Process.Kill() // it may be dead already
	<-w.dead
}

func (w *worker) signal(signal syscall.Signal) {
	if err := w.process.Process.Signal(signal); err != nil {
		w.t.Errorf("%v: %v", signal, err)
	}
}

// runtime is the runtime API of Function Compute, as far as the SDK needs it.
func (w *worker) runtime(key string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2020-11-11/runtime/invocation/next", func(out http.ResponseWriter, r *http.Request) {
		select {
		case ask := <-w.asks:
			for name, value := range map[string]string{
				"X-Fc-Request-Id": "1-trial", "X-Fc-Function-Deadline": fmt.Sprint(time.Now().Add(ask.timeout).UnixMilli()),
				"X-Fc-Function-Timeout": fmt.Sprint(int(ask.timeout.Seconds())), "X-Fc-Function-Name": "imagekeeper-" + w.function, "X-Fc-Region": string(region),
				"X-Fc-Account-Id": string(owner), "X-Fc-Access-Key-Id": key, "X-Fc-Access-Key-Secret": key + "-secret", "X-Fc-Function-Memory": "512",
				"X-Fc-Function-Handler": "bootstrap", "X-Fc-Security-Token": "", "Content-Type": "application/json",
			} {
				out.Header().Set(name, value)
			}
			_, _ = out.Write(ask.event)
		case <-r.Context().Done():
		}
	})
	take := func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			w.answers <- body
		}
	}
	mux.HandleFunc("POST /2020-11-11/runtime/invocation/{id}/response", take)
	mux.HandleFunc("POST /2020-11-11/runtime/invocation/{id}/error", take)
	return mux
}

var errDied = errors.New("the worker died")

// invoke sends an event and waits for what it answers, or for its death.
func (w *worker) invoke(event any, timeout time.Duration) (answer, error) {
	var a answer
	body, err := w.text(event, timeout)
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	return a, err
}

// text is invoke, with the answer as it came.
func (w *worker) text(event any, timeout time.Duration) ([]byte, error) {
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	select {
	case w.asks <- invocation{text, timeout}:
	case <-w.dead:
		return nil, errDied
	}
	return w.wait(text)
}

// wait waits for the answer to an event, which has to be one that the OpenAPI
// document describes.
func (w *worker) wait(event []byte) ([]byte, error) {
	select {
	case body := <-w.answers:
		for _, err := range w.checker.Judge(apicheck.Exchange{
			Method: http.MethodPost, URL: &url.URL{Path: "/_local/invoke/" + w.function}, Body: event, Status: http.StatusOK, Answer: body,
		}) {
			w.t.Error(err)
		}
		return body, nil
	case <-w.dead:
		return nil, errDied
	case <-time.After(2 * time.Minute):
		return nil, errors.New("no answer")
	}
}

// answer is what share says, and of works their id.
type answer struct {
	ID string `json:"id"`
	// Status is a number in a problem, else an image's.
	Status   any    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Complete bool   `json:"complete"`
	Recorded bool   `json:"recorded"`
	Plan     struct {
		Digest  string `json:"digest"`
		Changes int    `json:"changes"`
		Steps   []any  `json:"steps"`
	} `json:"plan"`
	Outcomes []struct {
		AccountID string `json:"accountId"`
		Result    string `json:"result"`
	} `json:"outcomes"`
	History []struct {
		Kind     string `json:"kind"`
		Digest   string `json:"digest"`
		By       string `json:"by"`
		Sentence string `json:"sentence"`
	} `json:"history"`
}

// problem is the status of a problem, 0 if it is none.
func (a answer) problem() int {
	status, _ := a.Status.(float64)
	return int(status)
}

// short is an answer for the log of a test.
func (a answer) short() string {
	return fmt.Sprintf("%d %s (%s), complete %v, %d outcomes", a.problem(), a.Code, a.Detail, a.Complete, len(a.Outcomes))
}

// put is the wish that exactly some accounts have access, whatever the use.
func put(id image.ID, want []image.AccountID, had []image.AccountID, digest string) map[string]any {
	list, losing := []map[string]any{}, []image.AccountID{}
	for _, a := range want {
		list = append(list, map[string]any{"accountId": a})
	}
	for _, a := range had {
		if !slices.Contains(want, a) {
			losing = append(losing, a)
		}
	}
	input := map[string]any{"imageId": id, "accounts": list}
	if len(losing) > 0 { // given and empty would be refused
		input["evenIfUsed"] = losing
	}
	if digest != "" {
		input["apply"] = map[string]any{"digest": digest}
	}
	return map[string]any{"operation": "share.put", "input": input}
}

// long is a time in which everything here is done.
const long = time.Minute
