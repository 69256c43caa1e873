package provenance_test

import (
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
)

// TestSourceOf: each end of a chain is said in pricing's words, and of an end
// that is not known nothing is sure and nothing is taken over.
func TestSourceOf(t *testing.T) {
	t.Parallel()
	at := lineage.Key{Region: "cn-hangzhou", ID: "m-origin"}
	origin := image.Image{
		Ref: image.Ref{Account: "1000000000000001", Region: at.Region, ID: at.ID}, OSType: image.Windows, Platform: "Windows Server 2022", LicenseType: "BYOL",
	}
	for end, want := range map[lineage.SourceKind]pricing.SourceKind{
		lineage.SourcePublic: pricing.SourcePublic, lineage.SourceMarketplace: pricing.SourceMarketplace, lineage.SourceImport: pricing.SourceImport,
		lineage.SourceOtherAccount: pricing.SourceAccount, lineage.SourceUnknown: pricing.SourceUnknown,
	} {
		why := image.Reason{Code: "because", Sentence: "it is so"}
		story := lineage.Story{
			Image: lineage.Key{Region: "cn-hangzhou", ID: "m-child"}, Parents: make([]lineage.Link, 2),
			Source: lineage.Source{Kind: end, Image: at, ProductCode: "cmjj01", Owner: "1000000000000002", Certainty: lineage.Recorded, Why: why, Cure: "try again"},
		}
		got := provenance.SourceOf(story, map[lineage.Key]image.Image{at: origin})
		known := end != lineage.SourceUnknown
		broken := !known || end == lineage.SourceOtherAccount
		switch {
		case got.Kind != want || got.Image != at.ID || got.Region != at.Region || got.Account != "1000000000000002" || got.ProductCode != "cmjj01" || got.Depth != 2:
			t.Errorf("%s: %+v", end, got)
		case known != (got.Sure == pricing.Recorded) || known != (got.LicenseType == "BYOL") || known != (got.Platform == origin.Platform):
			t.Errorf("%s is told as if it were known, or not: %+v", end, got)
		case broken != (got.Broken != nil) || broken && got.Broken.Sentence != "it is so; to know it: try again":
			t.Errorf("%s: broken by %v", end, got.Broken)
		}
		if gone := provenance.SourceOf(story, nil); gone.Platform != "" || gone.LicenseType != "" || gone.Kind != want {
			t.Errorf("%s, of which nothing was seen: %+v", end, gone)
		}
	}
}
