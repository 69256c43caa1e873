package alicloud_test

import (
	"math/big"
	"net/url"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// priceBody is an answer as the documents show it, with a Marketplace price.
const priceBody = `{"RequestId":"r","PriceInfo":{"Rules":{"Rule":[{"RuleId":587,"Description":"a discount"}]},
	"RelatedPrice":{"MarketplaceImagePrice":{"Currency":"CNY","OriginalPrice":0.5,"DiscountPrice":0,"TradePrice":0.5}},
	"Price":{"OriginalPrice":0.7000001,"DiscountPrice":"0.1","TradePrice":0.6000001,"ReservedInstanceHourPrice":0,"Currency":"CNY",
	"DetailInfos":{"DetailInfo":[
	{"Resource":"instanceType","OriginalPrice":0.5,"DiscountPrice":0.1,"TradePrice":0.4,"SubRules":{"Rule":[]}},
	{"Resource":"image","OriginalPrice":0.2,"DiscountPrice":0,"TradePrice":"0.2"},
	{"Resource":"systemDisk","OriginalPrice":1.0E-7,"DiscountPrice":0,"TradePrice":1e-7}]}}}}`

// priceSpoils are the ways in which priceBody is no answer.
func priceSpoils() map[string]func(string) string {
	return map[string]func(string) string{
		"no currency":           swap(`"Currency":"CNY",`+"\n\t"+`"DetailInfos"`, `"DetailInfos"`),
		"another currency":      swap(`"Currency":"CNY",`+"\n", `"Currency":"EUR",`),
		"two currencies":        swap(`{"Currency":"CNY"`, `{"Currency":"USD"`),
		"no total":              swap(`"TradePrice":0.6000001,`, ""),
		"a total of null":       swap(`"TradePrice":0.6000001`, `"TradePrice":null`),
		"a row without a price": swap(`"TradePrice":0.4,`, ""),
		"a row without a name":  swap(`"Resource":"image",`, ""),
		"less than nothing":     swap(`"TradePrice":0.4`, `"TradePrice":-0.4`),
		"a fraction":            swap(`"TradePrice":"0.2"`, `"TradePrice":"1/5"`),
		"a word":                swap(`"TradePrice":"0.2"`, `"TradePrice":"free"`),
		"a number without end":  swap(`1e-7`, `1e1000000000`),
		"not a number":          swap(`1e-7`, `NaN`),
		"no price":              swap(`"Price":{`, `"Other":{`),
		"half a product":        swap(`,"TradePrice":0.5}}`, `}}`),
		"two lists that differ": swap(`"DetailInfo":[`, `"ResourcePriceModel":[{"Resource":"instanceType","OriginalPrice":0.5,"TradePrice":0.5}],"DetailInfo":[`),
	}
}

// exactly compares an amount with a decimal, exactly.
func exactly(t *testing.T, what string, got money.Amount, want string) {
	t.Helper()
	exact, ok := new(big.Rat).SetString(want)
	if !ok || got.Rat().Cmp(exact) != 0 || got.Currency() != money.CNY {
		t.Errorf("%s: %s, want %s CNY", what, got, want)
	}
}

func TestPricesAreExact(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"as documented":     func(text string) string { return text },
		"under another key": func(text string) string { return strings.Replace(text, "DetailInfo\"", "ResourcePriceModel\"", 1) },
		"under both": func(text string) string {
			from := strings.Index(text, `"DetailInfo":`)
			list := strings.TrimSuffix(text[from:], "}}}}")
			return text[:from] + strings.Replace(list, "DetailInfo", "ResourcePriceModel", 1) + "," + text[from:]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action != "DescribePrice" {
					return answered{}
				}
				for name, value := range map[string]string{
					"ResourceType": "instance", "ImageId": "m-1", "InstanceType": "ecs.g7.large", "PriceUnit": "Month", "Period": "3", "Amount": "1",
					"SpotStrategy": "NoSpot", "SystemDisk.Category": "cloud_essd", "SystemDisk.Size": "50",
				} {
					if q.Get(name) != value {
						t.Errorf("%s=%q, want %q", name, q.Get(name), value)
					}
				}
				return ok(change(priceBody))
			})
			q := image.PriceQuestion{Image: "m-1", InstanceType: "ecs.g7.large", Unit: image.PricePerMonth, Period: 3, SystemDiskGiB: 50, SystemDiskCategory: "cloud_essd"}
			a, err := reader(t, w).Price(t.Context(), region, q)
			q.SpotStrategy = "NoSpot"
			if err != nil || len(a.Rows) != 3 || a.Marketplace == nil || a.Question != q || len(a.Rules) != 1 || a.Rules[0] != "a discount" {
				t.Fatalf("%+v, %v", a, err)
			}
			exactly(t, "total", a.Trade, "0.6000001")
			exactly(t, "list price", a.Original, "0.7000001")
			exactly(t, "image", a.Rows[1].Trade, "0.2")
			exactly(t, "disk", a.Rows[2].Trade, "0.0000001")
			exactly(t, "disk's list price", a.Rows[2].Original, "0.0000001")
			exactly(t, "product", *a.Marketplace, "0.5")
		})
	}
}

func TestPricesWithoutAProduct(t *testing.T) {
	t.Parallel()
	for name, related := range map[string]string{"none": "", "null": `"RelatedPrice":null,`, "empty": `"RelatedPrice":{},`, "an empty one": `"RelatedPrice":{"MarketplaceImagePrice":{}},`} {
		w := newWire(t, func(action string, _ int, q url.Values) answered {
			if action != "DescribePrice" {
				return answered{}
			}
			if q.Has("SystemDisk.Size") || q.Get("Period") != "1" || q.Get("PriceUnit") != "Hour" {
				t.Errorf("asked %v", q)
			}
			return ok(`{"RequestId":"r","PriceInfo":{` + related + `"Price":{"TradePrice":0,"OriginalPrice":0,"Currency":"USD"}}}`)
		})
		a, err := reader(t, w).Price(t.Context(), region, image.PriceQuestion{InstanceType: "ecs.g7.large"})
		if err != nil || a.Marketplace != nil || len(a.Rows) != 0 || a.Currency != money.USD || a.Trade.Sign() != 0 || a.Question.Period != 1 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestPricesThatMayNotBeAsked(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(string, int, url.Values) answered { return answered{} })
	for name, q := range map[string]image.PriceQuestion{
		"no type":         {Image: "m-1"},
		"two images":      {Image: "m-1,m-2", InstanceType: "ecs.g7.large"},
		"another unit":    {InstanceType: "ecs.g7.large", Unit: "Decade"},
		"two hours":       {InstanceType: "ecs.g7.large", Period: 2},
		"ten months":      {InstanceType: "ecs.g7.large", Unit: image.PricePerMonth, Period: 10},
		"a negative disk": {InstanceType: "ecs.g7.large", SystemDiskGiB: -1},
		"less than once":  {InstanceType: "ecs.g7.large", Period: -1},
	} {
		if _, err := reader(t, w).Price(t.Context(), region, q); fault.Of(err) != fault.Invalid || w.count("DescribePrice") > 0 {
			t.Errorf("%s: %v, want kind %s", name, err, fault.Invalid)
		}
	}
}

// TestPricesThatAreRefused keep ECS's code, and are no lack of permission.
func TestPricesThatAreRefused(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		want   fault.Kind
	}{
		"ImageNotSubscribed": {403, fault.Precondition}, "ImageRemovedInMarket": {403, fault.Precondition}, "OperationDenied": {403, fault.Precondition},
		"PriceNotFound": {400, fault.NotFound}, "InvalidImageId.NotFound": {404, fault.NotFound}, "Forbbiden": {403, fault.Forbidden},
		"InvalidSystemDiskSize.LessThanImageSize": {400, fault.Invalid}, "IncorrectImageStatus": {400, fault.Precondition},
	} {
		w := newWire(t, func(action string, _ int, q url.Values) answered {
			if action != "DescribePrice" {
				return answered{}
			}
			return refused(c.status, code, q)
		})
		_, err := reader(t, w).Price(t.Context(), region, image.PriceQuestion{Image: "m-1", InstanceType: "ecs.g7.large"})
		if fault.Of(err) != c.want || fault.Code(err) != code || w.count("DescribePrice") != 1 {
			t.Errorf("%s: %v after %d calls, want kind %s after one", code, err, w.count("DescribePrice"), c.want)
		}
	}
}
