package cloudsimtest

import (
	"context"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// Referrers is the part of the reading side that is about what names images
// without running them.
type Referrers interface {
	TemplateVersions(ctx context.Context, region image.RegionID) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context, region image.RegionID) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context, region image.RegionID) ([]image.Pipeline, error)
	Builds(ctx context.Context, region image.RegionID) ([]image.Build, error)
}

// Costs is the part of the reading side that is about prices and storage, and
// about what an empty list of instances proves.
type Costs interface {
	SnapshotChains(ctx context.Context, region image.RegionID) ([]image.Chain, error)
	SnapshotUsage(ctx context.Context, region image.RegionID) (image.SnapshotUsage, error)
	Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error)
	MayList(ctx context.Context, region image.RegionID, l image.InstanceListing) (image.Tri, error)
}

// Further is what a subject answers beyond Subject.
type Further interface {
	Referrers
	Costs
}

// OpenFurther returns the subject that reads the cloud as the account, as Open
// does.
type OpenFurther func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) Further

// A wider is one cloud and who reads of it what Further is about.
type wider struct {
	*testing.T
	cloud   *cloudsim.Cloud
	clock   *cloudsim.Clock
	subject Further
	open    OpenFurther
}

// RunFurther runs the suite about references, prices and storage.
func RunFurther(t *testing.T, open OpenFurther) {
	t.Helper()
	for name, check := range furtherCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := cloudsim.NewClock(cloudsim.Epoch())
			cloud := cloudsim.New(cloudsim.Options{Seed: 7, Clock: clock})
			check(&wider{t, cloud, clock, open(t, cloud, one), open})
		})
	}
	t.Run("the references of a catalogue are read as they are", func(t *testing.T) {
		t.Parallel()
		wholeReferences(t, open)
	})
}

func furtherCases() map[string]func(*wider) {
	return map[string]func(*wider){
		"every version of every template is listed":    templates,
		"scaling configurations of ESS are listed":     scaling,
		"pipelines and what they made are listed":      pipelines,
		"references are their own account's":           ownReferences,
		"chains are what their snapshots occupy":       chains,
		"a price has its rows":                         price,
		"a price is for the unit and period asked for": terms,
		"readings of a price are read as they are":     readings,
		"images that cannot be priced are refused":     unpriced,
		"a dry run tells who may list":                 mayList,
		"refusals have their kinds":                    furtherFailures,
	}
}
