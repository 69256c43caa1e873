package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// answered is as much of an answer as tests look at.
type answered struct {
	Items []struct {
		ImageID  string
		RegionID string
		Kind     string
		SeenBy   []string
		Reasons  []image.Reason
	}
	Total      *int
	NextCursor string
	Unknown    []image.Unread
	PassedOver *struct {
		Count    int
		Examples []struct{ ImageID string }
	}
	Status int
	Code   string
	Field  string
}

func (a answered) ids() string {
	var all []string
	for _, i := range a.Items {
		all = append(all, i.ImageID)
	}
	return strings.Join(all, " ")
}

const public = "ubuntu_22_04_x64_20G_alibase_20260101.vhd"

func TestEveryParameter(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for query, want := range map[string]string{
		"kind=custom&region=cn-shanghai":                   "m-shanghai",
		"kind=shared&account=1000000000000001":             "m-given",
		"kind=community,marketplace":                       "m-market", // ours, published, are custom
		"kind=community&account=1000000000000001":          "m-community",
		"kind=public&region=cn-hangzhou":                   public,
		"account=1000000000000002&kind=custom":             "m-theirs m-given m-community",
		"owner=1000000000000002":                           "m-theirs m-given m-community",
		"owner=1000000000000002&kind=community":            "",
		"id=m-market":                                      "m-market",
		"id=m-new,m-old":                                   "m-new m-old",
		"id=m-new&kind=public":                             "",
		"name=WEB-base-N%3F%3F":                            "m-new",
		"name=*shang*":                                     "m-shanghai",
		"family=web-base":                                  "m-new m-shanghai m-old",
		"family=web-base&limit=1":                          "m-new",
		"snapshotId=s-old":                                 "m-old",
		"osType=windows":                                   "m-windows",
		"platform=windows%20server":                        "m-windows",
		"arch=arm64":                                       "m-arm",
		"bootMode=BIOS":                                    "m-windows",
		"instanceType=ecs.g8y.large&kind=custom":           "m-arm",
		"instanceType=ecs.g7.large&family=arm-base":        "",
		"tag.env=prod":                                     "m-new",
		"tag.env=":                                         "m-new",
		"tag.team=web&tag.env=prod":                        "m-new",
		"software=nginx":                                   "m-new",
		"software=cmjj0001":                                "m-market",
		"provider=isv":                                     "m-market",
		"provider=alibaba&region=cn-hangzhou":              public,
		"dataDisks=with":                                   "m-data",
		"licence=unknown&kind=marketplace":                 "m-market",
		"licence=paid":                                     "",
		"status=Deprecated":                                "m-deprecated",
		"status=CreateFailed,Deprecated":                   "m-failed m-deprecated",
		"usage=instance":                                   "",
		"encrypted=true":                                   "m-data",
		"encrypted=false&family=db-base":                   "",
		"createdAfter=2026-01-20T00:00:00Z":                "m-new",
		"createdBefore=2026-01-11T00:00:00Z&kind=custom":   "m-old",
		"sort=createdAt&family=web-base":                   "m-old m-shanghai m-new",
		"sort=-name&family=web-base":                       "m-shanghai m-old m-new",
		"sort=name&family=web-base&region=cn-hangzhou":     "m-new m-old",
		"sort=-size&kind=custom&limit=1&osType=windows":    "m-windows",
		"sort=size&family=web-base&region=cn-hangzhou":     "m-new m-old",
		"family=web-base&region=cn-hangzhou&explain=true":  "m-new m-old",
		"instanceType=ecs.g8y.large&kind=custom&explain=1": "",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			var got answered
			answer := get(t, f, "/images?"+query, &got)
			if strings.HasSuffix(query, "explain=1") {
				if answer.StatusCode != http.StatusBadRequest || got.Field != "explain" {
					t.Errorf("got %d blaming %q", answer.StatusCode, got.Field)
				}
				return
			}
			if answer.StatusCode != http.StatusOK || got.ids() != want || len(got.Unknown) != 0 {
				t.Errorf("got %d %q, unknown %v, want %q", answer.StatusCode, got.ids(), got.Unknown, want)
			}
		})
	}
}

func TestBadParametersAreNamed(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for query, field := range map[string]string{
		"kind=private": "kind", "region=CN": "region", "region=eu-central-1": "region", "account=x": "account",
		"account=1000000000000009": "account", "owner=me": "owner", "id=a%20b": "id", "family=-": "family",
		"snapshotId=m-1": "snapshotId", "osType=Linux": "osType", "arch=amd64": "arch", "bootMode=uefi": "bootMode",
		"instanceType=g7.large": "instanceType", "instanceType=ecs.made.up": "instanceType", "provider=me": "provider",
		"dataDisks=2": "dataDisks", "licence=cheap": "licence", "status=available": "status", "usage=x": "usage",
		"encrypted=yes": "encrypted", "createdAfter=yesterday": "createdAfter", "sort=age": "sort",
		"createdBefore=0001-01-01T00:00:00Z": "createdBefore", "name=a,b": "name", "software=%20": "software", "id=": "id",
		"createdAfter=2026-01-02T00:00:00Z&createdBefore=2026-01-01T00:00:00Z": "createdBefore",
		"limit=0": "limit", "limit=1001": "limit", "limit=many": "limit", "cursor=x": "cursor", "format=xml": "format",
		"explain=true&format=csv": "explain", "nonsense=1": "nonsense", "OSType=linux": "OSType", "name=": "name",
		"software=" + strings.Repeat("x", 65): "software", "tag.=x": "tag.",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			var got answered
			answer := get(t, f, "/images?"+query, &got)
			if answer.StatusCode != http.StatusBadRequest || got.Field != field {
				t.Errorf("got %d blaming %q (%s), want 400 blaming %s", answer.StatusCode, got.Field, got.Code, field)
			}
		})
	}
}

func TestPagesOverHTTP(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	var whole, page answered
	get(t, f, "/images?kind=custom&limit=1000", &whole)
	paged, cursor := "", ""
	for range 20 {
		page = answered{}
		get(t, f, "/images?kind=custom&limit=2&cursor="+url.QueryEscape(cursor), &page)
		if cursor == "" {
			page = answered{}
			get(t, f, "/images?kind=custom&limit=2", &page)
		}
		paged += " " + page.ids()
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if strings.TrimSpace(paged) != whole.ids() || *page.Total != len(whole.Items) {
		t.Errorf("by pages %q, whole %q", paged, whole.ids())
	}
}

func TestTheOwnersViewWins(t *testing.T) {
	t.Parallel()
	var got answered
	get(t, finder(views(world())), "/images?id=m-given", &got)
	if len(got.Items) != 1 || got.Items[0].Kind != "custom" || strings.Join(got.Items[0].SeenBy, " ") != "1000000000000001 1000000000000002" {
		t.Errorf("got %+v", got.Items)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	var got answered
	get(t, finder(views(world())), "/images?family=web-base&region=cn-hangzhou&limit=1&explain=true", &got)
	if got.ids() != "m-new" || got.PassedOver == nil || got.PassedOver.Examples[0].ImageID != "m-failed" || got.PassedOver.Examples[1].ImageID != "m-deprecated" {
		t.Errorf("got %s, passed over %+v", got.ids(), got.PassedOver)
	}
	if why := got.Items[0].Reasons; why[len(why)-1].Code != "newest" {
		t.Errorf("reasons %v", why)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	answer := get(t, f, "/images?arch=arm64&format=csv", nil)
	rows, err := csv.NewReader(answer.Body).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[0]) != len(quoting.RowHeader()) || rows[1][0] != "m-arm" {
		t.Errorf("csv: %q, %v", rows, err)
	}
	answer = get(t, f, "/images?family=web-base&limit=2&format=ndjson", nil)
	lines := json.NewDecoder(answer.Body)
	var last struct {
		ImageID    string
		End        bool
		Count      int
		NextCursor string
	}
	for range 3 {
		if err := lines.Decode(&last); err != nil {
			t.Fatal(err)
		}
	}
	if !last.End || last.Count != 2 || last.NextCursor == "" || answer.Header.Get("Next-Cursor") != last.NextCursor || lines.More() {
		t.Errorf("ndjson ends with %+v, header %v", last, answer.Header)
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	var got struct {
		ImageID      string
		RegionID     string
		Ambiguous    bool
		Elsewhere    []image.Ref
		DiskMappings []quoting.Disk
		Health       []selection.Finding
		Licence      string
		Use          []selection.Snippet
	}
	if answer := get(t, f, "/images/m-deprecated", &got); answer.StatusCode != http.StatusOK || got.ImageID != "m-deprecated" ||
		len(got.DiskMappings) != 1 || got.Health[0].Code != "deprecated" || got.Licence != "free" || len(got.Use) == 0 || got.Ambiguous {
		t.Errorf("got %d %+v", answer.StatusCode, got)
	}
	get(t, f, "/images/"+public, &got)
	if !got.Ambiguous || len(got.Elsewhere) != 1 {
		t.Errorf("a public image is in two regions: %+v", got.Elsewhere)
	}
	get(t, f, "/images/"+public+"?region=cn-shanghai", &got)
	if got.Ambiguous || got.RegionID != "cn-shanghai" {
		t.Errorf("with a region: ambiguous %v, %s", got.Ambiguous, got.RegionID)
	}
	for target, status := range map[string]int{"/images/m-none": 404, "/images/a%20b": 400, "/images/m-new?limit=1": 400, "/images/": 404} {
		if answer := get(t, f, target, nil); answer.StatusCode != status {
			t.Errorf("%s: got %d, want %d", target, answer.StatusCode, status)
		}
	}
}

func TestFamily(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	var got struct {
		Items []struct {
			RegionID   string
			Image      *struct{ ImageID string }
			Older      int
			PassedOver struct{ Examples []struct{ ImageID string } }
		}
	}
	get(t, f, "/families/web-base?instanceType=ecs.g7.large&arch=x86_64", &got)
	if len(got.Items) != 2 || got.Items[0].Image.ImageID != "m-new" || got.Items[0].Older != 1 ||
		len(got.Items[0].PassedOver.Examples) != 2 || got.Items[1].Image.ImageID != "m-shanghai" {
		t.Errorf("got %+v", got)
	}
	for target, status := range map[string]int{"/families/none": 404, "/families/-": 400, "/families/web-base?cursor=x": 400, "/families/web-base?family=x": 400} {
		if answer := get(t, f, target, nil); answer.StatusCode != status {
			t.Errorf("%s: got %d, want %d", target, answer.StatusCode, status)
		}
	}
}

// TestFamilies: which there are, by what fits; in orders, by pages, as a table and in
// lines; and what is no such question.
func TestFamilies(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for query, want := range map[string]string{
		"kind=custom": "arm-base db-base their-base web-base win-base", "kind=custom&sort=-name": "win-base web-base their-base db-base arm-base",
		"kind=custom&sort=-images&limit=1": "web-base", "kind=custom&sort=images&limit=1": "arm-base", "kind=custom&sort=-createdAt&limit=2": "web-base arm-base",
		"kind=custom&arch=arm64": "arm-base", "osType=windows&kind=custom": "win-base", "family=w*": "web-base win-base", "region=cn-shanghai&kind=custom": "web-base",
		"owner=1000000000000002": "their-base", "dataDisks=with&kind=custom": "db-base", "status=Deprecated&kind=custom": "web-base", "kind=custom&channel=stable": "",
		"family=none": "",
	} {
		var got families
		if answer := get(t, f, "/families?"+query, &got); answer.StatusCode != http.StatusOK || familyNames(got) != want {
			t.Errorf("%s: %d %q, want %q", query, answer.StatusCode, familyNames(got), want)
		}
		if told := got.PassedOver != nil && got.PassedOver.Count > 0 && len(got.PassedOver.Reasons) > 0; told != (want == "") {
			t.Errorf("%s: %+v is passed over, and there are %q", query, got.PassedOver, want)
		}
	}
	var got families
	get(t, f, "/families?family=web-base", &got)
	l := got.Items[0]
	if l.Images != 3 || quoting.Spaced(l.Owners) != "1000000000000001" || quoting.Spaced(l.Regions) != "cn-hangzhou cn-shanghai" || quoting.Spaced(l.Architectures) != "x86_64" || len(l.Variants) != 2 ||
		l.Variants[0].Newest.ImageID != "m-new" || l.Variants[0].Images != 2 || l.Variants[1].Newest.ImageID != "m-shanghai" || !l.NewestAt.Equal(day(20)) {
		t.Errorf("%+v", l)
	}
	got = families{}
	if get(t, f, "/families?family=web-bas", &got); len(got.Hints) != 1 || got.Hints[0].Code != "familyNear" {
		t.Errorf("hints %+v", got.Hints)
	}
	for format, want := range map[string]string{
		"csv&fields=imageFamily,images,newest": "imageFamily,images,newest\nweb-base,3,cn-hangzhou/linux/x86_64=m-new cn-shanghai/linux/x86_64=m-shanghai\n",
		"ndjson":                               `"end":true`, "excel": "web-base",
	} {
		body, err := io.ReadAll(get(t, f, "/families?family=web-base&format="+format, nil).Body)
		if err != nil {
			t.Fatal(err)
		}
		if body := string(body); !strings.Contains(strings.ReplaceAll(body, "\r", ""), want) {
			t.Errorf("%s: %s", format, body)
		}
	}
}

// TestFamiliesByPages: each family once, whatever the order; a cursor of another
// order is none.
func TestFamiliesByPages(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	for _, order := range []string{"name", "-name", "images", "-images", "createdAt", "-createdAt"} {
		var whole families
		get(t, f, "/families?sort="+order, &whole)
		var paged []string
		query := "/families?limit=2&sort=" + order
		for cursor := "x"; cursor != ""; {
			var page families
			get(t, f, query, &page)
			cursor = page.NextCursor
			query = "/families?limit=2&sort=" + order + "&cursor=" + cursor
			paged = append(paged, strings.Fields(familyNames(page))...)
			if cursor != "" && order == "name" {
				if answer := get(t, f, "/families?limit=2&sort=images&cursor="+cursor, nil); answer.StatusCode != http.StatusBadRequest {
					t.Errorf("a cursor of another order: %d", answer.StatusCode)
				}
			}
		}
		if len(paged) < 5 || strings.Join(paged, " ") != familyNames(whole) {
			t.Errorf("%s: %v, want %s", order, paged, familyNames(whole))
		}
	}
}

// TestFamiliesOfChannels: of what imports made, the stable one is the newest; the
// candidate is told beside it, also before it has ECS's own family; and a stranger's
// is never one to use.
func TestFamiliesOfChannels(t *testing.T) {
	t.Parallel()
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())})
	add := func(account image.AccountID, id image.ID, family image.Family, channel string, created int, with ...image.AccountID) {
		i := image.Image{Ref: image.Ref{ID: id}, Kind: image.KindCustom, Name: string(id[2:]), Family: family, CreatedAt: day(created)}
		if channel != "" {
			i.Tags = image.Tags{"imagekeeper:import": "123", "imagekeeper:family": "web-base", "imagekeeper:channel": channel}
		}
		cloud.AddImage(account, "cn-hangzhou", cloudsim.ImageSpec{Image: i, SharedWith: with})
	}
	add(cloudsim.FirstAccount, "m-stable", "web-base", "stable", 10)
	add(cloudsim.FirstAccount, "m-candidate", "", "candidate", 20)
	add("1000000000000007", "m-strange", "odd-base", "stable", 25, cloudsim.FirstAccount)
	var got families
	get(t, finder(views(cloud)), "/families", &got)
	if familyNames(got) != "odd-base web-base" {
		t.Fatalf("%+v", got)
	}
	odd, web := got.Items[0].Variants[0], got.Items[1].Variants[0]
	if odd.Newest != nil || odd.Stable != nil || !slices.ContainsFunc(odd.Reasons, func(r image.Reason) bool { return r.Code == selection.CodeNotTrusted }) {
		t.Errorf("a stranger's: %+v", odd)
	}
	if web.Images != 2 || web.Newest == nil || web.Newest.ImageID != "m-stable" || web.Stable == nil || web.Stable.ImageID != "m-stable" || web.Candidate == nil || web.Candidate.ImageID != "m-candidate" {
		t.Errorf("%+v", web)
	}
	got = families{}
	if get(t, finder(views(cloud)), "/families?channel=candidate", &got); familyNames(got) != "web-base" || got.Items[0].Variants[0].Newest.ImageID != "m-candidate" {
		t.Errorf("candidates: %+v", got.Items)
	}
}

func familyNames(f families) string {
	var all []string
	for _, l := range f.Items {
		all = append(all, string(l.Family))
	}
	return strings.Join(all, " ")
}

// failing is a catalogue that shows nothing.
type failing struct{ sim }

func (failing) Images(context.Context, image.RegionID, image.Listing) ([]image.Image, error) {
	return nil, &fault.Error{Kind: fault.Forbidden, Code: "Forbidden.RAM", Sentence: "not allowed"}
}

func TestUnreadAccountsAreSaid(t *testing.T) {
	t.Parallel()
	cloud := world()
	blind := func(function.Call) []survey.Account {
		return []survey.Account{{Reader: failing{sim{cloud.View(cloudsim.FirstAccount)}}}}
	}
	half := func(call function.Call) []survey.Account { return append(blind(call), views(cloud)(call)[1]) }
	var got answered
	answer := get(t, finder(half), "/images?kind=custom", &got)
	if answer.StatusCode != http.StatusOK || got.ids() != "m-theirs m-given m-community" || len(got.Unknown) != 2 || got.Total != nil ||
		got.Unknown[0].Permission != "ecs:DescribeImages" || answer.Header.Get("Unknown-Count") != "2" {
		t.Errorf("half blind: %d %+v", answer.StatusCode, got)
	}
	got = answered{}
	answer = get(t, finder(blind), "/images?kind=custom", &got)
	if answer.StatusCode != http.StatusBadGateway || got.Status != http.StatusBadGateway || got.Code != survey.CodeUnread ||
		len(got.Unknown) != 2 || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("blind: %d %+v %v", answer.StatusCode, got, answer.Header)
	}
	for _, target := range []string{"/images?format=csv", "/images/m-new", "/families", "/families?format=csv", "/families/web-base"} {
		if answer := get(t, finder(blind), target, nil); answer.StatusCode != http.StatusBadGateway {
			t.Errorf("blind: %s: got %d, want 502", target, answer.StatusCode)
		}
	}
}

// The events in testdata are those that the local host and the laptop send.
func TestEvents(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	files, err := filepath.Glob("testdata/event*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			event, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			reply := f.Invoke(context.Background(), function.Call{RequestID: "r-1", Region: "cn-hangzhou"}, event)
			if text := string(reply); !strings.Contains(text, "m-new") || strings.Contains(text, `"code"`) && strings.Contains(text, "invalid") {
				t.Errorf("got %s", text)
			}
		})
	}
}

func TestConfigurationNamesTheVariable(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"REGIONS": "Hangzhou", "ACCOUNTS": "1000000000000002", "ECS_RATE_SHARE": "0", "LOG_LEVEL": "loud",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(func(n string) (string, bool) { return map[string]string{name: value}[n], n == name })
			if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want kind %s naming %s", err, fault.Invalid, name)
			}
		})
	}
	if _, err := open(func(string) (string, bool) { return "", false }); err != nil {
		t.Errorf("an empty environment: %v", err)
	}
	if _, err := open(func(n string) (string, bool) { return "all,cn-hangzhou", n == "REGIONS" }); fault.Of(err) != fault.Invalid {
		t.Errorf("all and a region: %v", err)
	}
	for _, name := range []string{"ECS_ENDPOINT", "STS_ENDPOINT"} {
		if _, err := open(func(n string) (string, bool) { return "http://example.com", n == name }); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where an account itself did not answer there is no place to name.
func TestBlindnessNamesWhatItCan(t *testing.T) {
	t.Parallel()
	for want, first := range map[string]image.Unread{
		"nothing could be read; of 1 places the first says: no answer":                               {Reason: image.Reason{Sentence: "no answer"}},
		"nothing could be read; of 1 places the first says: 1000000000000001/cn-hangzhou: no answer": {Account: cloudsim.FirstAccount, Region: "cn-hangzhou", Reason: image.Reason{Sentence: "no answer"}},
	} {
		if got := fault.Sentence(blind([]image.Unread{first})); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// throttled is an account whose every list is refused for the pace of the calls.
type throttled struct{ survey.Reader }

func (throttled) Images(context.Context, image.RegionID, image.Listing) ([]image.Image, error) {
	return nil, &fault.Error{Kind: fault.Throttled, Code: "Throttling.User", Sentence: "too many calls", RetryAfter: 7 * time.Second}
}

// TestThrottledIsToldAsSuch: where nothing could be read for the pace of the calls, the
// answer says when to try again; where something else failed, too, it does not.
func TestThrottledIsToldAsSuch(t *testing.T) {
	t.Parallel()
	cloud := world()
	look := func(others ...survey.Account) func(function.Call) []survey.Account {
		return func(function.Call) []survey.Account {
			return append([]survey.Account{{Reader: throttled{sim{cloud.View(cloudsim.FirstAccount)}}}}, others...)
		}
	}
	for _, target := range []string{"/images?kind=custom", "/images?format=csv", "/images/m-new", "/families", "/families/web-base"} {
		var got answered
		answer := get(t, finder(look()), target, nil)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v %+v", target, answer.StatusCode, answer.Header, got)
		}
	}
}
