package cloudsim

import (
	"context"
	"errors"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// numberedRows reads all pages of a list that comes by page number. page returns
// the rows of one page, and how many there are in all.
func numberedRows[T any](size int, page func(Pages) ([]T, int, error)) ([]T, error) {
	var list []T
	for number := 1; ; number++ {
		rows, total, err := page(Pages{Number: number, Size: size})
		if err != nil {
			return nil, err
		}
		list = append(list, rows...)
		if number*size >= total {
			return list, nil
		}
	}
}

// TemplateVersions returns every version of every launch template.
func (v *View) TemplateVersions(ctx context.Context, region image.RegionID) ([]image.TemplateVersion, error) {
	templates, err := numberedRows(templatesPage, func(p Pages) ([]LaunchTemplateRow, int, error) {
		page, err := read(ctx, v, func(s *Session) (LaunchTemplatesPage, error) {
			return s.DescribeLaunchTemplates(DescribeLaunchTemplatesRequest{RegionID: region, Pages: p})
		})
		return page.Templates, page.Total, err
	})
	var list []image.TemplateVersion
	for _, t := range templates {
		rows, err := numberedRows(templatesPage, func(p Pages) ([]TemplateVersionRow, int, error) {
			page, err := read(ctx, v, func(s *Session) (TemplateVersionsPage, error) {
				return s.DescribeLaunchTemplateVersions(DescribeLaunchTemplateVersionsRequest{RegionID: region, TemplateID: t.ID, Pages: p})
			})
			return page.Versions, page.Total, err
		})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			list = append(list, row.TemplateVersion)
		}
	}
	return list, err
}

// ScalingConfigurations returns what the scaling groups of ESS start instances
// from: every scaling configuration, then the groups that launch a template
// instead.
func (v *View) ScalingConfigurations(ctx context.Context, region image.RegionID) ([]image.ScalingConfiguration, error) {
	list, err := numberedRows(50, func(p Pages) ([]image.ScalingConfiguration, int, error) {
		page, err := read(ctx, v, func(s *Session) (ScalingConfigurationsPage, error) {
			return s.DescribeScalingConfigurations(DescribeScalingConfigurationsRequest{RegionID: region, Pages: p})
		})
		var list []image.ScalingConfiguration
		for _, row := range page.Configurations {
			list = append(list, row.ScalingConfiguration)
		}
		return list, page.Total, err
	})
	if err != nil {
		return nil, err
	}
	groups, err := numberedRows(50, func(p Pages) ([]ScalingGroupRow, int, error) {
		page, err := read(ctx, v, func(s *Session) (ScalingGroupsPage, error) {
			return s.DescribeScalingGroups(DescribeScalingGroupsRequest{RegionID: region, Pages: p})
		})
		return page.Groups, page.Total, err
	})
	for _, g := range groups {
		if g.TemplateID != "" {
			list = append(list, image.ScalingConfiguration{
				Account: v.account, Region: region, ID: g.ID, Name: g.Name, Group: g.ID, Active: g.Configuration == "",
				Template: g.TemplateID, TemplateVersion: g.TemplateVersion,
			})
		}
	}
	return list, err
}

// Pipelines returns every image pipeline.
func (v *View) Pipelines(ctx context.Context, region image.RegionID) ([]image.Pipeline, error) {
	var list []image.Pipeline
	req := DescribeImagePipelinesRequest{RegionID: region, MaxResults: pipelinesPage}
	for {
		page, err := read(ctx, v, func(s *Session) (PipelinesPage, error) { return s.DescribeImagePipelines(req) })
		if err != nil {
			return nil, err
		}
		for _, row := range page.Pipelines {
			list = append(list, row.Pipeline)
		}
		if req.Next = page.Next; req.Next == "" {
			return list, nil
		}
	}
}

// Builds returns every run of every image pipeline that made an image.
func (v *View) Builds(ctx context.Context, region image.RegionID) ([]image.Build, error) {
	pipelines, err := v.Pipelines(ctx, region)
	var list []image.Build
	for _, p := range pipelines {
		runs, err := v.runs(ctx, region, p.ID)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			if run.Made == "" {
				continue
			}
			list = append(list, image.Build{
				Account: p.Account, Region: region, Pipeline: p.ID, Run: run.ID, Made: run.Made, Base: p.Base, BaseType: p.BaseType, StartedAt: run.CreatedAt,
			})
		}
	}
	return list, err
}

func (v *View) runs(ctx context.Context, region image.RegionID, pipeline string) ([]PipelineRunRow, error) {
	var list []PipelineRunRow
	req := DescribeImagePipelineExecutionsRequest{RegionID: region, PipelineID: pipeline, MaxResults: pipelinesPage}
	for {
		page, err := read(ctx, v, func(s *Session) (PipelineRunsPage, error) { return s.DescribeImagePipelineExecutions(req) })
		if err != nil {
			return nil, err
		}
		list = append(list, page.Runs...)
		if req.Next = page.Next; req.Next == "" {
			return list, nil
		}
	}
}

// MayList asks by a dry run whether this listing of instances is permitted: Yes
// or No, or Unknown where the answer is neither a passed dry run nor a denial.
// It fails for what is wrong with the listing itself.
func (v *View) MayList(ctx context.Context, region image.RegionID, l image.InstanceListing) (image.Tri, error) {
	_, err := read(ctx, v, func(s *Session) (InstancesPage, error) {
		return s.DescribeInstances(DescribeInstancesRequest{
			RegionID: region, InstanceIDs: orNil(l.IDs), ImageID: l.Image, Status: string(l.Status), DryRun: true,
		})
	})
	switch {
	case err == nil:
		return image.Unknown, nil
	case slices.Contains([]string{"DryRunOperation", "DRYRUN.SUCCESS"}, fault.Code(err)):
		return image.Yes, nil
	case errors.Is(err, fault.Forbidden):
		return image.No, nil
	}
	return image.Unknown, err
}

// SnapshotChains returns every chain of snapshots.
func (v *View) SnapshotChains(ctx context.Context, region image.RegionID) ([]image.Chain, error) {
	return numberedRows(100, func(p Pages) ([]image.Chain, int, error) {
		page, err := read(ctx, v, func(s *Session) (ChainsPage, error) {
			return s.DescribeSnapshotLinks(DescribeSnapshotLinksRequest{RegionID: region, Pages: p})
		})
		var list []image.Chain
		for _, row := range page.Chains {
			list = append(list, row.Chain)
		}
		return list, page.Total, err
	})
}

// SnapshotUsage returns what all snapshots of the region occupy.
func (v *View) SnapshotUsage(ctx context.Context, region image.RegionID) (image.SnapshotUsage, error) {
	return read(ctx, v, func(s *Session) (image.SnapshotUsage, error) { return s.DescribeSnapshotsUsage(region) })
}

// Price asks what one instance would cost. Its failures have ECS's codes, among
// them PriceNotFound and those of images that cannot be priced.
func (v *View) Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	info, err := read(ctx, v, func(s *Session) (PriceInfo, error) {
		return s.DescribePrice(DescribePriceRequest{
			RegionID: region, ImageID: q.Image, InstanceType: q.InstanceType, Unit: q.Unit, Period: q.Period, SpotStrategy: q.SpotStrategy,
			SystemDisk: PriceDisk{SizeGiB: q.SystemDiskGiB, Category: q.SystemDiskCategory},
		})
	})
	if err != nil {
		return image.PriceAnswer{}, err
	}
	q.Unit, q.Period = info.Filled.Unit, info.Filled.Period
	answer := image.PriceAnswer{Question: q, Currency: info.Currency, Original: info.Original, Trade: info.Trade}
	for _, row := range info.Rows {
		answer.Rows = append(answer.Rows, image.PriceRow{Resource: row.Resource, Original: row.Original, Trade: row.Trade})
	}
	if info.Marketplace != nil {
		trade := info.Marketplace.Trade
		answer.Marketplace = &trade
	}
	for _, rule := range info.Rules {
		answer.Rules = append(answer.Rules, rule.Description)
	}
	return answer, nil
}
