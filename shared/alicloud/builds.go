package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/image"
)

// longPage is the most rows that a page of pipelines, and of their runs, holds.
const longPage = 500

// Pipelines lists the image pipelines of a region, from all pages, in ECS's
// order. Source: DescribeImagePipelines.
func (a *Account) Pipelines(ctx context.Context, region image.RegionID) ([]image.Pipeline, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	return a.pipelines(account, region).byToken(ctx, a)
}

// pipelines is the listing of Pipelines.
func (a *Account) pipelines(account image.AccountID, region image.RegionID) listing[image.Pipeline] {
	return listing[image.Pipeline]{
		operation: "ecs:DescribeImagePipelines", account: account, region: region, shape: a.cloud.tables().pipelines, size: longPage,
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(region), "MaxResults": strconv.Itoa(longPage), "NextToken": token,
			}
		},
		key: func(p *image.Pipeline) string { return p.ID },
		check: func(p *image.Pipeline) error {
			p.Account, p.Region = account, region
			if p.Base == "" && p.BaseType != pipelineOSS {
				return errNotAsked
			}
			return nil
		},
	}
}

// pipelineOSS is the BaseImageType of pipelines that begin with an import.
const pipelineOSS = "OSS"

// Builds lists the runs of a region's image pipelines that made an image, each
// with what its pipeline starts from, pipeline by pipeline. Source:
// DescribeImagePipelineExecutions, asked for each of DescribeImagePipelines.
func (a *Account) Builds(ctx context.Context, region image.RegionID) ([]image.Build, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	all := listing[image.Build]{operation: "ecs:DescribeImagePipelineExecutions", region: region}
	return all.settled(ctx, a, func(ctx context.Context, a *Account) ([]image.Build, error) {
		pipelines, err := a.pipelines(account, region).byToken(ctx, a)
		if err != nil {
			return nil, err
		}
		return each(ctx, a, pipelines, func(ctx context.Context, p image.Pipeline) ([]image.Build, error) {
			runs, err := a.runs(p).byToken(ctx, a)
			if err == nil && len(runs) == 0 { // once empty proves nothing, and who lists builds sees them of all pipelines only
				runs, err = a.runs(p).byToken(ctx, a)
			}
			made := make([]image.Build, 0, len(runs))
			for _, run := range runs {
				if run.Made != "" {
					made = append(made, run)
				}
			}
			return made, gone(err)
		})
	})
}

// runs is the listing of one pipeline's runs.
func (a *Account) runs(of image.Pipeline) listing[image.Build] {
	return listing[image.Build]{
		operation: "ecs:DescribeImagePipelineExecutions", account: of.Account, region: of.Region, shape: a.cloud.tables().runs, size: longPage,
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(of.Region), "ImagePipelineId": of.ID, "MaxResults": strconv.Itoa(longPage), "NextToken": token,
			}
		},
		key: func(b *image.Build) string { return b.Run },
		check: func(b *image.Build) error {
			b.Account, b.Region, b.Base, b.BaseType = of.Account, of.Region, of.Base, of.BaseType
			return same(of.ID, b.Pipeline)
		},
	}
}
