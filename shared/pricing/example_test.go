package pricing_test

import (
	"fmt"

	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// A custom image made from Red Hat's public one, on 4 vCPUs for a month.
func ExamplePrice() {
	red := pricing.OS{Type: image.Linux, Platform: "Red Hat", Name: "Red Hat Enterprise Linux 9.2 64 bit"}
	quote, err := pricing.Price(pricing.Question{
		Image: image.Image{
			Ref:  image.Ref{Account: "1000000000000001", Region: "cn-hangzhou", ID: "m-bp1"},
			Kind: image.KindCustom, OSType: red.Type, Platform: red.Platform, OSName: red.Name,
		},
		Source:   pricing.Source{Kind: pricing.SourcePublic, OS: red, Sure: pricing.Observed, Depth: 2},
		Site:     pricing.China,
		Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4},
		Charge:   pricing.Charge{Method: pricing.PayAsYouGo},
		Duration: pricing.Hours(pricing.Whole(720)),
		Storage: pricing.Storage{
			Read:      true,
			Snapshots: []pricing.Snapshot{{ID: "s-1", Chain: "sl-1", FullBytes: 40 << 30}},
			Chains:    []pricing.Chain{{ID: "sl-1", TotalBytes: 40 << 30, TotalCount: 1}},
		},
	}, pricing.Published())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(quote.Rule.Code)
	for _, l := range quote.Lines {
		fmt.Println(l.Item, l.Quantity, l.Unit, "at", l.Rate, "=", l.Amount, "by", l.Payer)
	}
	fmt.Println("total", quote.Total)
	// Output:
	// customFromPaid
	// operatingSystemLicence 2880 vCPU-hour at 0.1041 CNY = 299.808 CNY by instanceOwner
	// snapshotStorage 40 GB-month at 0.12 CNY = 4.8 CNY by imageOwner
	// total 304.608 CNY
}

// Negotiated rates win over the published ones.
func ExampleParseNegotiated() {
	overlay, err := pricing.ParseNegotiated(`{"rates":[{"item":"operatingSystemLicence",
		"product":"rhel","basis":"perVcpu","unit":"hour","price":0.09,"currency":"CNY"}]}`)
	fmt.Println(overlay.Rates, err)
	// Output:
	// [] rates[0].price: it is a text that is not empty
}
