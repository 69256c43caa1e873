// Package provenance tells pricing what lineage found. Whoever prices an image
// wires the two; they have to do it alike, or the same image would cost one thing
// in a list and another in a quote. It decides nothing.
package provenance

import (
	"cmp"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
)

// SourceOf puts the lineage of an image into the words of pricing: where it
// ultimately comes from, how sure that is, and what broke the chain. images are
// those that were observed.
func SourceOf(story lineage.Story, images map[lineage.Key]image.Image) pricing.Source {
	end := story.Source
	at := cmp.Or(end.Image, end.At) // of a product whose image is not known, what carries its code tells the system
	origin, seen := images[at]
	source := pricing.Source{
		Kind: kindOf(end.Kind), Image: at.ID, Region: at.Region, Account: end.Owner,
		ProductCode: end.ProductCode, Depth: len(story.Parents),
	}
	if end.Kind != lineage.SourceUnknown {
		source.Sure = sureness(end.Certainty)
	}
	if seen && end.Kind != lineage.SourceUnknown {
		source.OS, source.LicenseType = pricing.OSOf(origin), origin.LicenseType
	}
	if end.Kind == lineage.SourceUnknown || end.Kind == lineage.SourceOtherAccount {
		why := end.Why
		if end.Cure != "" {
			why.Sentence += "; to know it: " + end.Cure
		}
		source.Broken = &why
	}
	return source
}

func kindOf(k lineage.SourceKind) pricing.SourceKind {
	switch k {
	case lineage.SourcePublic:
		return pricing.SourcePublic
	case lineage.SourceMarketplace:
		return pricing.SourceMarketplace
	case lineage.SourceImport:
		return pricing.SourceImport
	case lineage.SourceOtherAccount:
		return pricing.SourceAccount
	}
	return pricing.SourceUnknown
}

func sureness(c lineage.Certainty) pricing.Sureness {
	switch c {
	case lineage.Recorded:
		return pricing.Recorded
	case lineage.Observed:
		return pricing.Observed
	case lineage.Inferred:
		return pricing.Inferred
	}
	return pricing.Fallback
}
