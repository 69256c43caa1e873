package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for name, c := range map[string]struct{ target, body string }{
		"golden-custom-from-paid":      {"/prices/m-own?instanceType=ecs.g7.xlarge", ""},
		"golden-shared-chain":          {"/prices/m-twin-a?holding=true", ""},
		"golden-replace":               {"/prices/m-own?instanceType=ecs.g7.xlarge&hours=1&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", ""},
		"golden-each-on-its-own":       {"/prices", `{"questions":[{"imageId":"m-idle","holding":true,"hours":0.5},{"imageId":"m-nowhere"},{"imageId":"m-own","hours":"1","seconds":1},{"hours":"1"}]}`},
		"golden-report":                {"/prices", ""},
		"golden-ambiguous-public-name": {"/prices/ubuntu.vhd?instanceType=ecs.g7.xlarge", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := ask(f, c.target, c.body)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, answer)
			}
			golden(t, name, answer)
			sumsUp(t, answer)
		})
	}
}

// sumsUp: the lines of each quote in an answer sum to its total.
func sumsUp(t *testing.T, answer string) {
	t.Helper()
	var one struct {
		pricing.Quote
		Items []struct{ Quote *pricing.Quote }
	}
	if err := json.Unmarshal([]byte(answer), &one); err != nil {
		t.Fatal(err)
	}
	quotes := []*pricing.Quote{&one.Quote}
	for _, i := range one.Items {
		if i.Quote != nil {
			quotes = append(quotes, i.Quote)
		}
	}
	for _, q := range quotes {
		if q.Total == nil {
			continue
		}
		rest := q.Total.Rat()
		for _, l := range q.Lines {
			rest.Sub(rest, l.Amount.Rat())
		}
		if rest.Sign() != 0 {
			t.Errorf("the lines of %v miss the total by %v", q.Image, rest)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	events, err := filepath.Glob("testdata/event-*.json")
	if err != nil || len(events) < 4 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for _, path := range events {
		event, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		answer := string(f.Invoke(t.Context(), function.Call{RequestID: "r-1", Region: "cn-hangzhou"}, event))
		if !strings.Contains(answer, "asOf") || strings.Contains(answer, `"title"`) && !strings.Contains(path, "several") {
			t.Errorf("%s: %s", path, answer)
		}
	}
}

// mistakes are requests with the field that must be blamed.
func mistakes() map[string]string {
	return map[string]string{
		"/prices/m%20own":                                                             "imageId",
		"/prices/m-own?region=nowhere":                                                "region",
		"/prices/m-own?region=cn-beijing":                                             "region",
		"/prices/m-own?account=me":                                                    "account",
		"/prices/m-own?account=1000000000000077":                                      "account",
		"/prices/m-own?instanceType=g7":                                               "instanceType",
		"/prices/m-own?instanceType=ecs.zz.large":                                     "instanceType",
		"/prices/m-own?hours=-1":                                                      "hours",
		"/prices/m-own?hours=":                                                        "hours",
		"/prices/m-own?hours=1e9":                                                     "hours",
		"/prices/m-own?seconds=99999999999999":                                        "seconds",
		"/prices/m-own?hours=1&seconds=1":                                             "seconds",
		"/prices/m-own?period=1&hours=1":                                              "period",
		"/prices/m-own?period=10":                                                     "period",
		"/prices/m-own?period=1&periodUnit=day":                                       "periodUnit",
		"/prices/m-own?period=1&spot=true":                                            "spot",
		"/prices/m-own?refunded=true":                                                 "refunded",
		"/prices/m-own?stoppedHours=721":                                              "stoppedHours",
		"/prices/m-own?stoppedMode=Asleep":                                            "stoppedMode",
		"/prices/m-own?activeVcpus=-1":                                                "activeVcpus",
		"/prices/m-own?holding=true&instanceType=ecs.g7.xlarge":                       "holding",
		"/prices/m-own?holding=yes":                                                   "holding",
		"/prices/m-own?storedFrom=2026-03-01T00:00:00Z":                               "storedTo",
		"/prices/m-own?preheatDisks=1":                                                "preheatDisks",
		"/prices/m-own?preheatDisks=-1&preheatHours=1":                                "preheatDisks",
		"/prices/m-own?for=fly":                                                       "for",
		"/prices/m-own?for=copy":                                                      "to",
		"/prices/m-own?to=cn-shanghai":                                                "to",
		"/prices/m-own?for=replace":                                                   "replaces",
		"/prices/m-own?replaces=m-idle":                                               "replaces",
		"/prices/m-own?for=replace&replaces=m-idle&newDiskGiB=-1":                     "newDiskGiB",
		"/prices/m-own?for=replace&replaces=m-idle&replacedDiskGiB=-1":                "replacedDiskGiB",
		"/prices/m-own?newDiskGiB=40":                                                 "newDiskGiB",
		"/prices/m-own?replacedDiskGiB=40&for=create":                                 "replacedDiskGiB",
		"/prices/m-own?period=0":                                                      "period",
		"/prices/m-own?periodUnit=month":                                              "period",
		"/prices/m-own?activeVcpus=2":                                                 "activeVcpus",
		"/prices/m-own?instanceType=ecs.g7.xlarge&activeVcpus=5":                      "activeVcpus",
		"/prices/m-own?stoppedMode=KeepCharging":                                      "stoppedMode",
		"/prices/m-own?encrypt=true":                                                  "encrypt",
		"/prices/m-own?ownKey=true&for=create":                                        "ownKey",
		"/prices/m-own?firstCopy=false":                                               "firstCopy",
		"/prices/m-own?diskGiBs=40&for=export":                                        "diskGiBs",
		"/prices/m-own?objectBytes=1&for=create":                                      "objectBytes",
		"/prices/m-own?for=create&diskGiBs=0":                                         "diskGiBs",
		"/prices/m-own?for=import&objectBytes=-1":                                     "objectBytes",
		"/prices/m-own?InstanceType=ecs.g7.xlarge":                                    "InstanceType",
		"/prices/m-own?activeVcpus=0&instanceType=ecs.g7.xlarge":                      "activeVcpus",
		"/prices/m-own?for=replace&replaces=m-idle&newDiskGiB=0":                      "newDiskGiB",
		"/prices/m-own?for=import&objectBytes=0":                                      "objectBytes",
		"/prices/m-own?storedFrom=0001-01-01T00:00:00Z":                               "storedFrom",
		"/prices?month=0001-01":                                                       "month",
		"/prices/m-own?holding=true&spot=true":                                        "spot",
		"/prices/m-own?holding=true&period=1":                                         "period",
		"/prices/m-own?holding=true&stoppedHours=1":                                   "stoppedHours",
		"/prices/m-own?holding=true&refunded=true":                                    "refunded",
		"/prices/m-own?stoppedHours=0":                                                "stoppedHours",
		"/prices/m-own?stoppedHours=0&stoppedMode=KeepCharging":                       "stoppedHours",
		"/prices/m-own?preheatDisks=1&preheatHours=0":                                 "preheatDisks",
		"/prices/m-own?instanceType=ecs.g7.xlarge&activeVcpus=0":                      "activeVcpus",
		"/prices/m-own?for=replace&replaces=m-idle&replacedDiskGiB=40&newDiskGiB=20":  "newDiskGiB",
		"/prices/m-own?for=copy&to=cn-shanghai&encrypt=true&firstCopy=true":           "firstCopy",
		"/prices/m-own?storedFrom=1999-01-01T00:00:00Z&storedTo=1999-01-01T01:00:00Z": "storedFrom",
		"/prices/m-own?storedFrom=0001-01-01T00:00:00Z&storedTo=0001-01-01T00:00:00Z": "storedFrom",
		"/prices/m-own?osType=linux":                                                  "osType",
		"/prices/m-own?osType=bsd":                                                    "osType",
		"/prices/m-own?for=import&licenseType=byol":                                   "licenseType",
		"/prices/m-own?for=import&licenseType=BYOL":                                   "licenseType",
		"/prices/m-own?instanceType=g7.xlarge":                                        "instanceType",
		"/prices/m-own?region=CN-HANGZHOU":                                            "region",
		"/prices/m-own?for=copy&to=cn-shangha":                                        "to",
		"/prices?by=colour":                                                           "by",
		"/prices?limit=0":                                                             "limit",
		"/prices?format=xml":                                                          "format",
	}
}

func TestMistakesNameTheField(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for target, field := range mistakes() {
		status, answer := ask(f, target, "")
		var problem struct{ Field, Detail string }
		if err := json.Unmarshal([]byte(answer), &problem); err != nil || status != http.StatusBadRequest || problem.Field != field ||
			!strings.HasPrefix(problem.Detail, field+" ") || !predicate(problem.Detail[len(field)+1:]) {
			t.Errorf("%s: %d %s, want field %s", target, status, answer, field)
		}
	}
	if status, answer := ask(f, "/prices", `{"questions":[]}`); status != http.StatusBadRequest {
		t.Errorf("no questions: %d %s", status, answer)
	}
	if status, answer := ask(f, "/prices/m-nowhere", ""); status != http.StatusNotFound {
		t.Errorf("no such image: %d %s", status, answer)
	}
}

// TestWhatIsGivenCounts: null, zero and nothing are not the same as left out.
func TestWhatIsGivenCounts(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for name, values := range map[string][]string{
		"hours": {"null", `""`}, "seconds": {"null"}, "period": {"null"}, "firstCopy": {"null"}, "diskGiBs": {"null", "[]"},
		"activeVcpus": {"0"}, "newDiskGiB": {"0"}, "objectBytes": {"0"}, "storedFrom": {`"0001-01-01T00:00:00Z"`}, "region": {`""`, `" "`},
	} {
		for _, value := range values {
			status, answer := ask(f, "/prices", `{"questions":[{"imageId":"m-own","instanceType":"ecs.g7.xlarge","`+name+`":`+value+`}]}`)
			if status != http.StatusBadRequest || !strings.Contains(answer, `"field":"questions[0].`+name+`"`) {
				t.Errorf("%s is %s: %d %s", name, value, status, answer)
			}
		}
	}
}

// predicate: a detail begins with the field and goes on as a sentence does.
func predicate(text string) bool {
	for _, begin := range []string{"must ", "goes with", "does not go with ", "is ", "ecs.", "cn-beijing is not ", "1000000000000077 is not "} {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return false
}

// TestIllCloud: what cannot be read makes an answer less exact, or unknown, and
// never wrong.
func TestIllCloud(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		target, want string
		change       func(account) account
	}{
		"prices denied: the table": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "customFromPaid operatingSystemLicence=299.808 snapshotStorage=1.2 unread:ecs:DescribePrice",
			func(a account) account { return ill{account: a, prices: denied("Forbidden.RAM")} },
		},
		"prices refused: the table": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "customFromPaid operatingSystemLicence=299.808 snapshotStorage=1.2",
			func(a account) account {
				return ill{account: a, prices: fault.New(fault.NotFound, "no price").WithCode("PriceNotFound")}
			},
		},
		"prices break: the table": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "customFromPaid operatingSystemLicence=299.808 snapshotStorage=1.2 unread:",
			func(a account) account { return ill{account: a, prices: broken} },
		},
		"disks denied: DescribePrice answers": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "unknownSource operatingSystemLicence=299.808 snapshotStorage=1.2 unread:ecs:DescribeDisks",
			func(a account) account { return ill{account: a, disks: denied("Forbidden.RAM")} },
		},
		"disks and prices denied: unknown": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "unknownSource operatingSystemLicence=? snapshotStorage=1.2 unread:ecs:DescribeDisks unread:ecs:DescribePrice",
			func(a account) account {
				return ill{account: a, disks: denied("Forbidden.RAM"), prices: denied("Forbidden.RAM")}
			},
		},
		"snapshots denied": {
			"/prices/m-idle?holding=true", "customFromFree operatingSystemLicence=0 snapshotStorage=? unread:ecs:DescribeSnapshots",
			func(a account) account { return ill{account: a, snapshots: denied("Forbidden.RAM")} },
		},
		"chains denied: a range": {
			"/prices/m-idle?holding=true", "customFromFree operatingSystemLicence=0 snapshotStorage=0..1.2 unread:ecs:DescribeSnapshotLinks",
			func(a account) account { return ill{account: a, chains: denied("Forbidden.RAM")} },
		},
		"empty answers are no evidence": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "unknownSource operatingSystemLicence=299.808 snapshotStorage=? unread:",
			func(a account) account { return blind{a} },
		},
		"empty answers, and prices denied": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "unknownSource operatingSystemLicence=? snapshotStorage=? unread: unread:ecs:DescribePrice",
			func(a account) account { return ill{account: blind{a}, prices: denied("Forbidden.RAM")} },
		},
		"types denied: DescribePrice answers": {
			"/prices/m-own?instanceType=ecs.g7.xlarge", "customFromPaid operatingSystemLicence=299.808 snapshotStorage=1.2 unread:ecs:DescribeInstanceTypes",
			func(a account) account { return ill{account: a, types: denied("Forbidden.RAM")} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, answer := ask(pricerOf(world(), c.change), c.target, "")
			if got := short(t, answer); status != http.StatusOK || got != c.want {
				t.Errorf("%d\n got %s\nwant %s", status, got, c.want)
			}
		})
	}
}

// short is a quote in one line.
func short(t *testing.T, answer string) string {
	t.Helper()
	var q struct {
		pricing.Quote
		Unknown []image.Unread
	}
	if err := json.Unmarshal([]byte(answer), &q); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	for n, u := range q.Unknown {
		if slices.Contains(q.Unknown[:n], u) {
			t.Errorf("said twice: %+v", u)
		}
	}
	texts := []string{string(q.Rule.Code)}
	for _, l := range q.Lines {
		worth := "?"
		if l.Amount != nil {
			worth = l.Amount.Exact()
		} else if l.Lower != nil {
			worth = l.Lower.Exact() + ".." + l.Upper.Exact()
		}
		texts = append(texts, string(l.Item)+"="+worth)
	}
	for _, u := range q.Unknown {
		if text := "unread:" + u.Permission; !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " ")
}

// fieldOf is the field that a failure blames, if it does.
func fieldOf(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rates.json")
	if err := os.WriteFile(file, []byte(`{"rates":[{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","price":"0.09","currency":"CNY","date":"2026-01-01"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, value, field string }{
		{"PRICE_SITE", "mars", "PRICE_SITE"},
		{"PRICE_SITE", "international", ""},
		{"PRICE_RATES", "{", "PRICE_RATES"},
		{"PRICE_RATES", "file:/nowhere", "PRICE_RATES"},
		{"PRICE_RATES", "file:" + file, ""},
		{"PRICE_RATES", `{"rates":[{"item":"air"}]}`, "PRICE_RATES"},
		{"REGIONS", "all,cn-hangzhou", "REGIONS"},
		{"ESS_ENDPOINT", "http://example.com", "ESS_ENDPOINT"},
	} {
		_, err := open(func(name string) (string, bool) {
			value, ok := map[string]string{"FC_REGION": "cn-hangzhou", c.name: c.value}[name]
			return value, ok
		})
		if (c.field == "") != (err == nil) || fieldOf(err) != c.field {
			t.Errorf("%s=%s: %v, want field %q", c.name, c.value, err, c.field)
		}
	}
}

// TestIllReport: nothing is called unused, and nothing saved, where use cannot be
// seen; and what could not be read is said.
func TestIllReport(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(account) account{
		"disks denied":     func(a account) account { return ill{account: a, disks: denied("Forbidden.RAM")} },
		"snapshots denied": func(a account) account { return ill{account: a, snapshots: denied("Forbidden.RAM")} },
		"all looks empty":  func(a account) account { return blind{a} },
	} {
		status, answer := ask(pricerOf(world(), change), "/prices", "")
		var r struct {
			Images            int
			Items, Incomplete []pricing.Row
			Unknown           []image.Unread
		}
		if err := json.Unmarshal([]byte(answer), &r); err != nil || status != http.StatusOK || r.Images != 6 {
			t.Fatalf("%s: %d %s, %v", name, status, answer, err)
		}
		for n, u := range r.Unknown {
			if slices.Contains(r.Unknown[:n], u) {
				t.Errorf("%s: said twice: %+v", name, u)
			}
		}
		for _, w := range append(r.Items, r.Incomplete...) {
			free := w.Image.ID == "m-idle" || strings.HasPrefix(string(w.Image.ID), "m-twin") || w.Image.ID == "m-copy" || w.Image.ID == "m-lent"
			if w.Use == pricing.NotUsed && (!free || name == "disks denied" && w.Image.Account == ours) {
				t.Errorf("%s: %s is called unused", name, w.Image)
			}
			if w.Image.Account == ours && name != "disks denied" && w.Storage.Unknown == 0 {
				t.Errorf("%s: %s has storage at %+v", name, w.Image, w.Storage)
			}
		}
	}
}

// shown is an account that is shown no images.
type shown struct{ account }

func (shown) Images(context.Context, image.RegionID, image.Listing) ([]image.Image, error) {
	return nil, nil
}

// A region without images, public ones among them, was not read.
func TestReportOfACloudThatShowsNothing(t *testing.T) {
	t.Parallel()
	nothing := func(a account) account { return shown{a} }
	status, answer := ask(pricerOf(world(), nothing), "/prices", "")
	var r struct{ Unknown []image.Unread }
	if err := json.Unmarshal([]byte(answer), &r); err != nil || status != http.StatusOK || len(r.Unknown) == 0 || r.Unknown[0].Account != ours {
		t.Errorf("one account shows nothing: %d %s, %v", status, answer, err)
	}
	h := over(world(), nothing)
	h.accounts = func(call function.Call) []survey.Account { return over(world(), nothing).accounts(call)[:1] }
	for _, target := range []string{"/prices", "/prices?by=region&format=csv"} {
		if status, answer := ask(h.function(), target, ""); status != http.StatusBadGateway {
			t.Errorf("all accounts show nothing: %s: got %d, want 502: %s", target, status, answer)
		}
	}
}

// TestSite: the currency of an answer outweighs the configuration, and storage
// is then priced by that site's rates.
func TestSite(t *testing.T) {
	t.Parallel()
	abroad := func(a account) account { return dollars{a} }
	for target, want := range map[string]struct {
		change       func(account) account
		site, by, of string
	}{
		"/prices/m-own?instanceType=ecs.g7.xlarge": {abroad, "international", "describePrice", "USD"},
		"/prices/m-own?holding=true":               {abroad, "international", "describePrice", "USD"},
		"/prices/m-idle?holding=true":              {func(a account) account { return ill{account: a, prices: denied("Forbidden.RAM")} }, "china", "configuration", "CNY"},
		"/prices/m-own?instanceType=ecs.g7.large":  {same, "china", "describePrice", "CNY"},
	} {
		_, answer := ask(pricerOf(world(), want.change), target, "")
		var q struct {
			Site, SiteBy, Currency string
			Lines                  []pricing.Line
		}
		if err := json.Unmarshal([]byte(answer), &q); err != nil || q.Site != want.site || q.SiteBy != want.by || q.Currency != want.of {
			t.Errorf("%s: %s, %v", target, answer, err)
			continue
		}
		for _, l := range q.Lines {
			if l.Amount != nil && string(l.Amount.Currency()) != want.of {
				t.Errorf("%s: %s in %s", target, l.Item, l.Amount.Currency())
			}
		}
	}
}

func TestReportTables(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for target, want := range map[string]string{
		"/prices?format=csv&by=copies":         "cn-hangzhou/m-own,2,1,CNY,",
		"/prices?format=csv&by=family":         "web,2,1,CNY,",
		"/prices?format=csv&by=region":         "cn-shanghai,1,0,CNY,",
		"/prices?format=csv":                   "m-idle,cn-hangzhou,1000000000000001,m-idle,,cn-hangzhou/m-idle,customFromFree,notInUse,0,CNY,1.2000000000,1.2000000000",
		"/prices?format=ndjson":                `{"end":true,`,
		"/prices?format=ndjson&by=family":      `"key":"web"`,
		"/prices?format=csv&by=copies&limit=1": "key,images",
	} {
		status, answer := ask(f, target, "")
		if status != http.StatusOK || !strings.Contains(answer, want) {
			t.Errorf("%s: %d\n%s\nlacks %s", target, status, answer, want)
		}
	}
}
