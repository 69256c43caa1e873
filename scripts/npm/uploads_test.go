package npm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/started"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fanout"
)

// The rules of the test, in a bucket of their own.
const goldenRules = `imports:
  - name: golden
    from: oss://golden-uploads/incoming/
    file: "{family}_{version}.{format}"
    families: ["web-*"]
    image: {name: "{family}-{version}", family: "{family}", bootMode: BIOS}
    test: {boot: true, vSwitchId: vsw-1, securityGroupId: sg-1}
    release: {channel: candidate}
    apply: true
    notify: [hook]
  - name: shown
    from: oss://golden-uploads/shown/
    file: "{family}_{version}.{format}"
    families: ["web-*"]
    image: {name: "{family}-{version}", family: "{family}"}
`

// told is what the webhook of the test gets.
type told struct {
	ID   string
	Type string
	Data struct{ Subject string }
}

// desk is import behind the local host, with buckets, and a webhook that hears of it.
type desk struct {
	t       *testing.T
	cloud   *cloudsim.Cloud
	host    *fchost.Host
	gateway *httptest.Server
	objects *httptest.Server

	mu     sync.Mutex
	heard  []told
	events []fchost.ObjectChange
	hold   bool // events are kept, and delivered to nobody
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, cloud: company.New(cloudsim.Options{Seed: 1, Speed: 600}, company.Options{Images: 20, Instances: 5})}
	owner := d.cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	for _, bucket := range []string{"golden-uploads", "golden-rules"} {
		if err := owner.PutBucket(bucket, "cn-hangzhou"); err != nil {
			t.Fatal(err)
		}
	}
	d.rules(goldenRules)
	wire := httptest.NewServer(ecsapi.New(d.cloud, ecsapi.Options{RatePerMinute: -1}))
	d.objects = httptest.NewServer(ossapi.New(d.cloud, ossapi.Options{}))
	hook := httptest.NewServer(http.HandlerFunc(d.hear))
	t.Cleanup(wire.Close)
	t.Cleanup(d.objects.Close)
	t.Cleanup(hook.Close)
	d.host, _ = started.With(t, root, map[string]string{
		"ECS_ENDPOINT": wire.URL, "STS_ENDPOINT": wire.URL, "RAM_ENDPOINT": wire.URL, "QUOTAS_ENDPOINT": wire.URL, "OSS_ENDPOINT": d.objects.URL,
		"REGIONS": "cn-hangzhou", "ECS_RATE_SHARE": "10", "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()), "IMPORT_SOURCES": "oss://golden-uploads",
		"IMPORT_RULES": "oss://golden-rules/imports.yaml", "SYSTEM_ROLES": "operator", "NOTIFY_SECRET_PLATFORM": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
		"NOTIFY": fmt.Sprintf(`{"hook":{"type":"webhook","url":"%s/hook","secretEnv":"NOTIFY_SECRET_PLATFORM"}}`, hook.URL),
	}, "import")
	d.gateway = httptest.NewServer(d.host)
	t.Cleanup(d.gateway.Close)
	d.cloud.WatchObjects(d.watch)
	return d
}

// rules replaces the rules.
func (d *desk) rules(text string) { d.put("golden-rules", "imports.yaml", []byte(text)) }

func (d *desk) put(bucket, key string, content []byte) {
	d.t.Helper()
	owner := d.cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if _, err := owner.PutObject(cloudsim.PutObjectRequest{Bucket: bucket, Key: key, Content: cloudsim.ContentOf(content)}); err != nil {
		d.t.Fatal(err)
	}
}

// watch delivers what OSS tells of, unless it is held.
func (d *desk) watch(e cloudsim.ObjectEvent) {
	c := fchost.ObjectChange{
		Event: e.Name, Bucket: e.Bucket.Name, Region: string(e.Bucket.Region), Owner: string(e.Bucket.Owner), By: string(e.By.Account),
		Key: e.Key, Size: e.Size, Delta: e.Delta, ETag: e.ETag, ContentType: e.ContentType, At: e.At,
	}
	d.mu.Lock()
	d.events = append(d.events, c)
	hold := d.hold
	d.mu.Unlock()
	if !hold {
		d.host.ObjectChanged(c)
	}
}

// hear is the webhook.
func (d *desk) hear(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	got := told{ID: r.Header.Get("Webhook-Id")}
	if err != nil || json.Unmarshal(body, &got) != nil || r.Header.Get("Webhook-Signature") == "" {
		d.t.Errorf("the webhook got %s, %v", body, r.Header)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, got)
}

// news are what the webhook heard, as type and subject.
func (d *desk) news() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, n := range d.heard {
		all = append(all, n.Type+" "+n.Data.Subject)
	}
	slices.Sort(all)
	return all
}

// ask posts to the gateway and reads what it answers.
func (d *desk) ask(path, body string) map[string]any {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.gateway.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := d.gateway.Client().Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	var got map[string]any
	_ = json.Unmarshal(text, &got)
	return got
}

// states are those of all imports.
func (d *desk) states() []string {
	d.t.Helper()
	items, _ := d.ask("/_local/invoke/import", `{"operation":"imports.list"}`)["items"].([]any)
	var all []string
	for _, i := range items {
		all = append(all, fmt.Sprint(i.(map[string]any)["state"]))
	}
	return all
}

// until fires the worker until something is so.
func (d *desk) until(what string, so func() bool) {
	d.t.Helper()
	for range 240 {
		if so() {
			return
		}
		d.ask("/_local/trigger/import/worker", "")
		time.Sleep(time.Second)
	}
	d.t.Fatalf("never: %s; imports are %v, told was %v", what, d.states(), d.news())
}

// bootable is a file with the system of a disk that BIOS boots.
func bootable() []byte {
	content := make([]byte, 300<<10)
	copy(content, []byte{0xfa, 0x31, 0xc0})
	copy(content[446:], []byte{0x80, 0, 2, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 0x00, 0x02, 0, 0})
	content[510], content[511] = 0x55, 0xaa
	return content
}

// upload has the vendor's client upload, each as put:key, parts:key or empty:key.
func (d *desk) upload(folder string, wishes ...string) {
	d.t.Helper()
	file := filepath.Join(folder, "disk.raw")
	if err := os.WriteFile(file, bootable(), 0o600); err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", append([]string{"uploads.mjs"}, wishes...)...)
	node.Dir, node.Env = folder, append(os.Environ(), "OBJECTS="+strings.TrimPrefix(d.objects.URL, "http://"), "FILE="+file)
	if said, err := node.CombinedOutput(); err != nil {
		d.t.Fatalf("%v\n%s", err, said)
	}
}

// TestUploadsBecomeImages: the vendor's client uploads, in one and in parts; each of
// it becomes one image and is announced, whatever is delivered how often.
func TestUploadsBecomeImages(t *testing.T) {
	if testing.Short() || !drawn.All() {
		t.Skip("SKIPPED: imports take minutes of waiting; TRIALS=full takes them")
	}
	folder := install(t)
	d := newDesk(t)
	d.upload(folder, "put:incoming/web-base_1.raw", "parts:incoming/web-app_1.raw", "put:incoming/evil_1.raw",
		"put:incoming/web-base_2.raw.tmp", "empty:incoming/web-base_3.raw", "put:shown/web-base_9.raw")
	d.until("both are begun", func() bool { return len(d.states()) == 2 })
	before := slices.Clone(d.events)

	// Replaced between its event and the import: one import of what is there; gone by
	// then: none. The later event comes first.
	d.held(true)
	d.put("golden-uploads", "incoming/web-late_1.raw", bootable())
	d.put("golden-uploads", "incoming/web-late_1.raw", append(bootable(), make([]byte, 512)...))
	d.put("golden-uploads", "incoming/web-gone_1.raw", bootable())
	owner := d.cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if _, err := owner.DeleteObject(cloudsim.ObjectName{Bucket: "golden-uploads", Key: "incoming/web-gone_1.raw"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(slices.Clone(d.events[len(before):])) {
		d.host.ObjectChanged(e)
	}
	d.held(false)
	d.until("what is there is begun", func() bool { return len(d.states()) == 3 })

	// Rules that break during imports change nothing of them; nothing new begins.
	d.rules("imports: [\n")
	d.put("golden-uploads", "incoming/web-base_5.raw", bootable())
	news := []string{
		"rule.broken oss://golden-rules/imports.yaml", "rule.planned web-base-9", "work.finished web-app-1", "work.finished web-base-1",
		"work.finished web-late-1", "work.started web-app-1", "work.started web-base-1", "work.started web-late-1",
	}
	d.until("all are imported, and people were told", func() bool { return slices.Equal(d.news(), news) })
	d.rules(goldenRules)

	// The same events five times, at once, when all is over.
	var again fanout.Group
	for _, e := range before {
		for range 5 {
			again.Go(func() { d.host.ObjectChanged(e) })
		}
	}
	again.Wait()
	for range 4 {
		time.Sleep(500 * time.Millisecond)
		d.ask("/_local/trigger/import/worker", "")
	}
	if states := d.states(); !slices.Equal(states, []string{"finished", "finished", "finished"}) || !slices.Equal(d.news(), news) {
		t.Errorf("at the end: %v, %v", states, d.news())
	}
	ids := map[string]bool{}
	for _, n := range d.heard {
		if ids[n.ID] {
			t.Errorf("told twice: %+v", n)
		}
		ids[n.ID] = true
	}
}

// held keeps events from being delivered, or no longer.
func (d *desk) held(hold bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hold = hold
}
