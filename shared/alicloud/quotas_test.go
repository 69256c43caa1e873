package alicloud_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// rateRow is a row of QuotaCategory=FlowControl.
func rateRow(where, action string, total float64, period int, unit string) string {
	return fmt.Sprintf(`{"ProductCode":"ecs","QuotaActionCode":"q_api-%s","QuotaName":"%s","QuotaCategory":"FlowControl","TotalQuota":%g,"TotalUsage":0.0,`+
		`"Consumable":false,"Adjustable":false,"Dimensions":{"regionId":%q,"api":%q},"Period":{"PeriodValue":%d,"PeriodUnit":%q},"QuotaItems":[]}`,
		strings.ToLower(action), "rate", total, where, action, period, unit)
}

func ratesBody(next string, list ...string) string {
	return fmt.Sprintf(`{"RequestId":"r","TotalCount":0,"MaxResults":100,"NextToken":%q,"Quotas":[%s]}`, next, strings.Join(list, ","))
}

// TestRatesThatQuotaCenterTells are what calls are paced by, each in its region.
func TestRatesThatQuotaCenterTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud, err := alicloud.Open(alicloud.Config{RateShare: 1, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(50 * time.Millisecond)
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			switch q := r.Form; {
			case r.URL.Host == "quotas.aliyuncs.com" && q.Get("QuotaCategory") == "FlowControl" && q.Get("NextToken") == "":
				return respond(ratesBody("t2", rateRow("cn-hangzhou", "DescribeImages", 200, 1, "Second"), rateRow("cn-shanghai", "DescribeImages", 60, 60, "Second"))), nil
			case r.URL.Host == "quotas.aliyuncs.com":
				return respond(ratesBody("", rateRow("cn-hangzhou", "CopyImage", 5, 1, "Day"))), nil
			case q.Get("Action") == "DescribeImages":
				return respond(strings.ReplaceAll(imagesPage(q, 1), region, q.Get("RegionId"))), nil
			}
			return respond(`{"RequestId":"r","AccountId":"` + account + `"}`), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		a := alicloud.Operate(cloud.Account(planted()))
		for _, in := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
			if n, err := a.LearnQuotas(t.Context(), in); err != nil || n != 1 {
				t.Fatalf("%s: %d quotas, %v", in, n, err)
			}
		}
		took := func(in image.RegionID, calls int) time.Duration {
			began := time.Now()
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					if _, err := a.Images(t.Context(), in, image.Listing{}); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			return time.Since(began)
		}
		if d := took("cn-hangzhou", 200); d > 2*time.Second {
			t.Errorf("200 calls where 12000 a minute are allowed took %v", d)
		}
		if d := took("cn-beijing", 40); d < 2*time.Second || d > 10*time.Second {
			t.Errorf("40 calls where 1000 a minute are documented took %v", d)
		}
		if d := took("cn-shanghai", 40); d < 20*time.Second || d > 70*time.Second {
			t.Errorf("40 calls where 60 a minute are allowed took %v", d)
		}
	})
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(string, int, url.Values) answered { return answered{} })
	var body string
	w.say = func(action string, _ int, q url.Values) answered {
		if action == "GetProductQuota" {
			return answered{status: map[bool]int{true: 200, false: 400}[strings.Contains(body, "Quota\":")], body: body}
		}
		return answered{}
	}
	a := alicloud.Operate(open(t, w, func(c *alicloud.Config) { c.QuotasEndpoint = w.URL }).Account(planted()))
	for _, c := range []struct {
		name, body string
		kind       fault.Kind
		total      float64
		used       bool
	}{
		{"whole", `{"RequestId":"r","Quota":{"ProductCode":"ecs","QuotaActionCode":"q_user-image-count","TotalQuota":100.0,"TotalUsage":7.0,"Consumable":true,"Dimensions":{"regionId":"cn-hangzhou"}}}`, "", 100, true},
		{"usage means nothing", `{"RequestId":"r","Quota":{"QuotaActionCode":"q_user-image-count","TotalQuota":100,"TotalUsage":0,"Consumable":false}}`, "", 100, false},
		{"another quota", `{"RequestId":"r","Quota":{"QuotaActionCode":"q_other","TotalQuota":100}}`, fault.Unknown, 0, false},
		{"no total", `{"RequestId":"r","Quota":{"QuotaActionCode":"q_user-image-count"}}`, fault.Unknown, 0, false},
		{"no quota", `{"RequestId":"r","Code":"QUOTA.NOT.FOUND"}`, fault.NotFound, 0, false},
		{"not permitted", `{"RequestId":"r","Code":"RAM.PERMISSION.DENIED"}`, fault.Forbidden, 0, false},
	} {
		body = c.body
		got, err := a.Quota(t.Context(), region, "q_user-image-count")
		if fault.Of(err) != c.kind || got.Total != c.total || got.Consumable != c.used {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}
