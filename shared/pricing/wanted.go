package pricing

import (
	"cmp"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// The codes of what an amount rests on.
const (
	codeDefaultRate        = "defaultRate"
	codeOldRate            = "rateMayBeOld"
	codeEconomical         = "economicalMode"
	codeEconomicalSoftware = "economicalModeSoftware"
	codePeriodInferred     = "periodInferred"
	codePeriodUnknown      = "periodNotKnown"
)

// codeOneOf is of a word that is none of those that there are, as everywhere.
const codeOneOf = "oneof"

// WantedRate is a rate that is not known, in the form in which PRICE_RATES takes
// it once its price is filled in: {"rates":[…]} around such ones is a template.
type WantedRate struct {
	Item         Item                 `json:"item"`
	Product      Product              `json:"product,omitempty"`
	ProductCode  image.ProductCode    `json:"productCode,omitempty"`
	Category     Category             `json:"category,omitempty"`
	Region       image.RegionID       `json:"regionId,omitempty"`
	To           image.RegionID       `json:"toRegionId,omitempty"`
	InstanceType image.InstanceTypeID `json:"instanceType,omitempty"`
	Basis        Basis                `json:"basis"`
	Unit         Unit                 `json:"unit"`
	// Price is empty: it is to be filled in.
	Price    string         `json:"price"`
	Currency money.Currency `json:"currency"`
}

// distinctRates has each once, in order; nil for none.
func distinctRates(all []WantedRate) []WantedRate {
	if len(all) == 0 {
		return nil
	}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b WantedRate) int {
		return cmp.Or(
			cmp.Compare(a.Item, b.Item), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Product, b.Product), cmp.Compare(a.ProductCode, b.ProductCode),
			cmp.Compare(a.Category, b.Category), cmp.Compare(a.Region, b.Region), cmp.Compare(a.To, b.To), cmp.Compare(a.InstanceType, b.InstanceType),
			cmp.Compare(a.Basis, b.Basis), cmp.Compare(a.Unit, b.Unit),
		)
	})
	return slices.Compact(sorted)
}

// lackLicence says that the rate of the ruling's product is missing, if a rate is
// what is missing.
func (b *builder) lackLicence(why *image.Reason) {
	w := WantedRate{
		Item: OperatingSystemLicence, Product: b.ruling.Product, Region: b.q.region(), Basis: PerInstance, Unit: b.term.unit,
	}
	switch {
	case why.Code == "windowsByInstanceType" && b.q.Instance.Type != "":
		w.InstanceType = b.q.Instance.Type
	case why.Code != "noRate":
		return
	case b.ruling.Product == RHEL || b.ruling.Product == RHELForSAP || b.ruling.Product == RHELWithELS:
		w.Basis = PerVCPU
	}
	b.lack(w)
}
