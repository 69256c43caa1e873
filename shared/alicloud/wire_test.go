package alicloud_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"imagekeeper/shared/alicloud"
)

const (
	region  = "cn-hangzhou"
	account = "1000000000000001"
)

// answered is what a fake wire says to one call.
type answered struct {
	status int
	header map[string]string
	body   string
	// cut breaks the connection in place of an answer.
	cut bool
}

// ok is an answer with status 200.
func ok(body string) answered { return answered{status: 200, body: body} }

// refused is an error answer as ECS writes it; its message repeats parameters.
func refused(status int, code string, q url.Values) answered {
	return answered{status: status, body: fmt.Sprintf(
		`{"RequestId":"00000000-0000-0000-0000-000000000001","HostId":"ecs","Code":%q,"Message":%q}`, code, q.Encode())}
}

// wire is a server that speaks just enough of the ECS protocol.
type wire struct {
	*httptest.Server
	mu    sync.Mutex
	calls []url.Values
	// say answers a call; n counts the calls of the same action from 1.
	say func(action string, n int, q url.Values) answered
}

// newWire starts a wire. GetCallerIdentity answers with account unless say does.
func newWire(t testing.TB, say func(action string, n int, q url.Values) answered) *wire {
	t.Helper()
	w := &wire{say: say}
	w.Server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.Close)
	return w
}

func (w *wire) serve(out http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	action := q.Get("Action")
	w.mu.Lock()
	w.calls = append(w.calls, q)
	n := 0
	for _, c := range w.calls {
		if c.Get("Action") == action {
			n++
		}
	}
	w.mu.Unlock()
	a := w.say(action, n, q)
	if a.status == 0 && !a.cut && action == "GetCallerIdentity" {
		a = ok(`{"RequestId":"r","AccountId":"` + account + `"}`)
	}
	if a.cut {
		panic(http.ErrAbortHandler)
	}
	for name, value := range a.header {
		out.Header().Set(name, value)
	}
	out.WriteHeader(max(a.status, 200))
	_, _ = out.Write([]byte(a.body))
}

// count returns how often an action was called.
func (w *wire) count(action string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if c.Get("Action") == action {
			n++
		}
	}
	return n
}

// open returns a Cloud that speaks to w, fast enough for tests.
func open(t testing.TB, w *wire, change ...func(*alicloud.Config)) *alicloud.Cloud {
	t.Helper()
	config := alicloud.Config{ECSEndpoint: w.URL, ESSEndpoint: w.URL, STSEndpoint: w.URL, RateShare: 1000, Jitter: func() float64 { return 0 }}
	for _, c := range change {
		c(&config)
	}
	cloud, err := alicloud.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// reader returns an account that reads from w.
func reader(t testing.TB, w *wire) *alicloud.Account {
	return open(t, w).Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"})
}

// integer reads a decimal parameter, with a default.
func integer(q url.Values, name string, otherwise int) int {
	n, err := strconv.Atoi(q.Get(name))
	if err != nil {
		return otherwise
	}
	return n
}

// imageRow is one image as a real answer writes it: numbers as strings here
// and there, empty strings, fields that nobody reads.
func imageRow(n int) string {
	return fmt.Sprintf(`{"ImageId":"m-%06d","ImageOwnerAlias":"self","ImageOwnerId":%s,"ImageName":"web-base-%d",`+
		`"Description":"base image of the web tier","ImageFamily":"web-base","ImageVersion":"","Status":"Available",`+
		`"OSType":"linux","OSName":"Ubuntu  22.04 64 bit","OSNameEn":"Ubuntu  22.04 64 bit","Platform":"Ubuntu",`+
		`"Architecture":"x86_64","BootMode":"UEFI-Preferred","Size":40,"CreationTime":"2023-03-06T06:04:04Z",`+
		`"ProductCode":"","IsSubscribed":false,"IsCopied":false,"IsPublic":false,"IsSelfShared":"False","Usage":"none",`+
		`"Usable":true,"LicenseType":"","IsSupportCloudinit":true,"IsSupportIoOptimized":true,"Progress":"100%%","ResourceGroupId":"",`+
		`"LoginAsNonRootSupported":false,"DetectionOptions":{},"Features":{"NvmeSupport":"supported"},`+
		`"DiskDeviceMappings":{"DiskDeviceMapping":[{"Size":"40","Progress":"","Format":"","ImportOSSBucket":"",`+
		`"ImportOSSObject":"","Device":"/dev/xvda","Type":"system","SnapshotId":"s-%06d","Encrypted":false}]},`+
		`"Tags":{"Tag":[{"TagKey":"team","TagValue":"web"},{"TagKey":"stage","TagValue":"prod"}]}}`, n, account, n, n)
}

// imagesPage is page number of images from up to total, as asked.
func imagesPage(q url.Values, total int) string {
	number, size := integer(q, "PageNumber", 1), integer(q, "PageSize", 10)
	var list []string
	for n := (number - 1) * size; n < min(number*size, total); n++ {
		list = append(list, imageRow(n))
	}
	return imagesBody(number, size, total, list)
}

// imagesBody is an answer of DescribeImages.
func imagesBody(number, size, total int, list []string) string {
	return fmt.Sprintf(`{"RequestId":"r","RegionId":%q,"PageNumber":%d,"PageSize":%d,"TotalCount":%d,"Images":{"Image":[%s]}}`,
		region, number, size, total, strings.Join(list, ","))
}
