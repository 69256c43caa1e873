package ecsapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/cloudsimtest"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// vendor reads the local cloud with the vendor's own SDK, its generated
// requests and its decoders, and nothing of ours in between.
type vendor struct {
	account image.AccountID
	ecs     *ecs.Client
	ess     *ess.Client
}

// TestVendorKeepsTheContract: what the view in memory answers, the vendor's SDK
// reads over HTTP.
func TestVendorKeepsTheContract(t *testing.T) {
	t.Parallel()
	cloudsimtest.RunFurther(t, func(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) cloudsimtest.Further {
		return openVendor(t, cloud, account)
	})
}

func openVendor(t *testing.T, cloud *cloudsim.Cloud, account image.AccountID) *vendor {
	t.Helper()
	server := httptest.NewServer(ecsapi.New(cloud, ecsapi.Options{RatePerMinute: -1, Strict: true}))
	t.Cleanup(server.Close)
	key := map[image.AccountID]string{cloudsim.FirstAccount: "local", cloudsim.SecondAccount: "local2"}[account]
	host := strings.TrimPrefix(server.URL, "http://")
	v := &vendor{account: account}
	var err1, err2 error
	v.ecs, err1 = ecs.NewClientWithAccessKey(region, key, key+"-secret")
	v.ess, err2 = ess.NewClientWithAccessKey(region, key, key+"-secret")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	v.ecs.Domain, v.ess.Domain = host, host
	return v
}

// asked sends a request, about a region, and translates the failure.
func asked(client interface {
	DoAction(requests.AcsRequest, responses.AcsResponse) error
}, r image.RegionID, req requests.AcsRequest, answer responses.AcsResponse,
) error {
	req.GetQueryParams()["RegionId"] = string(r)
	err := client.DoAction(req, answer)
	var no *sdkerrors.ServerError
	if errors.As(err, &no) {
		kind := fault.Invalid
		switch {
		case no.HttpStatus() == 404:
			kind = fault.NotFound
		case no.ErrorCode() == "Forbidden.RAM":
			kind = fault.Forbidden
		}
		return &fault.Error{Kind: kind, Code: no.ErrorCode(), Sentence: no.Message(), Cause: err}
	}
	return err
}

// pagesOf reads pages by number until there are no more.
func pagesOf(read func(page requests.Integer) (rows, total int, err error)) error {
	for have, n := 0, 1; ; n++ {
		rows, total, err := read(requests.NewInteger(n))
		if have += rows; err != nil || have >= total || rows == 0 {
			return err
		}
	}
}

func (v *vendor) TemplateVersions(_ context.Context, r image.RegionID) (list []image.TemplateVersion, err error) {
	var ids []string
	err = pagesOf(func(n requests.Integer) (int, int, error) {
		req, out := ecs.CreateDescribeLaunchTemplatesRequest(), ecs.CreateDescribeLaunchTemplatesResponse()
		req.PageNumber, req.PageSize = n, "50"
		err := asked(v.ecs, r, req, out)
		for _, t := range out.LaunchTemplateSets.LaunchTemplateSet {
			ids = append(ids, t.LaunchTemplateId)
		}
		return len(out.LaunchTemplateSets.LaunchTemplateSet), out.TotalCount, err
	})
	for _, id := range ids {
		err = errors.Join(err, pagesOf(func(n requests.Integer) (int, int, error) {
			req, out := ecs.CreateDescribeLaunchTemplateVersionsRequest(), ecs.CreateDescribeLaunchTemplateVersionsResponse()
			req.LaunchTemplateId, req.PageNumber, req.PageSize = id, n, "50"
			err := asked(v.ecs, r, req, out)
			for _, t := range out.LaunchTemplateVersionSets.LaunchTemplateVersionSet {
				list = append(list, image.TemplateVersion{
					Account: v.account, Region: r, Template: t.LaunchTemplateId, Name: t.LaunchTemplateName, Version: int(t.VersionNumber),
					Default: t.DefaultVersion, Image: image.ID(t.LaunchTemplateData.ImageId), Description: t.VersionDescription,
				})
			}
			return len(out.LaunchTemplateVersionSets.LaunchTemplateVersionSet), out.TotalCount, err
		}))
	}
	return list, err
}

func (v *vendor) ScalingConfigurations(_ context.Context, r image.RegionID) (list []image.ScalingConfiguration, err error) {
	err = pagesOf(func(n requests.Integer) (int, int, error) {
		req, out := ess.CreateDescribeScalingConfigurationsRequest(), ess.CreateDescribeScalingConfigurationsResponse()
		req.PageNumber, req.PageSize = n, "50"
		err := asked(v.ess, r, req, out)
		for _, s := range out.ScalingConfigurations.ScalingConfiguration {
			list = append(list, image.ScalingConfiguration{
				Account: v.account, Region: r, ID: s.ScalingConfigurationId, Name: s.ScalingConfigurationName, Group: s.ScalingGroupId,
				Active: s.LifecycleState == "Active", Image: image.ID(s.ImageId), Family: image.Family(s.ImageFamily),
			})
		}
		return len(out.ScalingConfigurations.ScalingConfiguration), out.TotalCount, err
	})
	return list, errors.Join(err, pagesOf(func(n requests.Integer) (int, int, error) {
		req, out := ess.CreateDescribeScalingGroupsRequest(), ess.CreateDescribeScalingGroupsResponse()
		req.PageNumber, req.PageSize = n, "50"
		err := asked(v.ess, r, req, out)
		for _, g := range out.ScalingGroups.ScalingGroup {
			if g.LaunchTemplateId != "" {
				list = append(list, image.ScalingConfiguration{
					Account: v.account, Region: r, ID: g.ScalingGroupId, Name: g.ScalingGroupName, Group: g.ScalingGroupId,
					Active: g.ActiveScalingConfigurationId == "", Template: g.LaunchTemplateId, TemplateVersion: g.LaunchTemplateVersion,
				})
			}
		}
		return len(out.ScalingGroups.ScalingGroup), out.TotalCount, err
	}))
}

func (v *vendor) Pipelines(_ context.Context, r image.RegionID) (list []image.Pipeline, err error) {
	req := ecs.CreateDescribeImagePipelinesRequest()
	for {
		out := ecs.CreateDescribeImagePipelinesResponse()
		if err := asked(v.ecs, r, req, out); err != nil {
			return nil, err
		}
		for _, p := range out.ImagePipeline.ImagePipelineSet {
			list = append(list, image.Pipeline{Account: v.account, Region: r, ID: p.ImagePipelineId, Name: p.Name, Base: p.BaseImage, BaseType: p.BaseImageType})
		}
		if req.NextToken = out.NextToken; req.NextToken == "" {
			return list, nil
		}
		req = freshPipelines(req.NextToken)
	}
}

// freshPipelines: the SDK keeps the parameters of a request that was sent.
func freshPipelines(token string) *ecs.DescribeImagePipelinesRequest {
	req := ecs.CreateDescribeImagePipelinesRequest()
	req.NextToken = token
	return req
}

func (v *vendor) Builds(ctx context.Context, r image.RegionID) (list []image.Build, err error) {
	pipelines, err := v.Pipelines(ctx, r)
	for _, p := range pipelines {
		for token, first := "", true; first || token != ""; first = false {
			req, out := ecs.CreateDescribeImagePipelineExecutionsRequest(), ecs.CreateDescribeImagePipelineExecutionsResponse()
			req.ImagePipelineId, req.NextToken = p.ID, token
			if err := asked(v.ecs, r, req, out); err != nil {
				return nil, err
			}
			for _, run := range out.ImagePipelineExecution.ImagePipelineExecutionSet {
				at, _ := time.Parse("2006-01-02T15:04:05Z", run.CreationTime)
				if run.ImageId != "" {
					list = append(list, image.Build{
						Account: v.account, Region: r, Pipeline: p.ID, Run: run.ExecutionId, Made: image.ID(run.ImageId),
						Base: p.Base, BaseType: p.BaseType, StartedAt: at,
					})
				}
			}
			token = out.NextToken
		}
	}
	return list, err
}

func (v *vendor) SnapshotChains(_ context.Context, r image.RegionID) (list []image.Chain, err error) {
	err = pagesOf(func(n requests.Integer) (int, int, error) {
		req, out := ecs.CreateDescribeSnapshotLinksRequest(), ecs.CreateDescribeSnapshotLinksResponse()
		req.PageNumber, req.PageSize = n, "100"
		err := asked(v.ecs, r, req, out)
		for _, l := range out.SnapshotLinks.SnapshotLink {
			list = append(list, image.Chain{
				Account: v.account, Region: r, ID: l.SnapshotLinkId, SourceDisk: image.DiskID(l.SourceDiskId), Category: l.Category,
				TotalBytes: l.TotalSize, Count: l.TotalCount,
			})
		}
		return len(out.SnapshotLinks.SnapshotLink), out.TotalCount, err
	})
	return list, err
}

func (v *vendor) SnapshotUsage(_ context.Context, r image.RegionID) (image.SnapshotUsage, error) {
	out := ecs.CreateDescribeSnapshotsUsageResponse()
	err := asked(v.ecs, r, ecs.CreateDescribeSnapshotsUsageRequest(), out)
	return image.SnapshotUsage{Account: v.account, Region: r, Count: out.SnapshotCount, Bytes: out.SnapshotSize}, err
}

func (v *vendor) MayList(_ context.Context, r image.RegionID, l image.InstanceListing) (image.Tri, error) {
	req := ecs.CreateDescribeInstancesRequest()
	req.ImageId, req.Status, req.DryRun = string(l.Image), string(l.Status), "true"
	err := asked(v.ecs, r, req, ecs.CreateDescribeInstancesResponse())
	switch code := fault.Code(err); {
	case err == nil:
		return image.Unknown, nil
	case code == "DryRunOperation" || code == "DRYRUN.SUCCESS":
		return image.Yes, nil
	case errors.Is(err, fault.Forbidden):
		return image.No, nil
	}
	return image.Unknown, err
}

// priceBody is read beside the SDK's own answer: the SDK has floating-point
// numbers, and lacks ResourcePriceModel.
type priceBody struct {
	PriceInfo struct {
		Price struct {
			Currency                  money.Currency
			OriginalPrice, TradePrice json.Number
			DetailInfos               struct {
				DetailInfo, ResourcePriceModel []struct {
					Resource                  string
					OriginalPrice, TradePrice json.Number
				}
			}
		}
		RelatedPrice struct {
			MarketplaceImagePrice *struct{ TradePrice json.Number }
		}
		Rules struct {
			Rule []struct{ Description string }
		}
	}
}

func (v *vendor) Price(_ context.Context, r image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	req, out := ecs.CreateDescribePriceRequest(), ecs.CreateDescribePriceResponse()
	req.ImageId, req.InstanceType, req.PriceUnit, req.SpotStrategy = string(q.Image), string(q.InstanceType), string(q.Unit), q.SpotStrategy
	req.SystemDiskCategory = q.SystemDiskCategory
	if q.Period != 0 {
		req.Period = requests.NewInteger(q.Period)
	}
	if q.SystemDiskGiB != 0 {
		req.SystemDiskSize = requests.NewInteger(q.SystemDiskGiB)
	}
	var body priceBody
	if err := asked(v.ecs, r, req, out); err != nil {
		return image.PriceAnswer{}, err
	}
	if err := json.Unmarshal(out.GetHttpContentBytes(), &body); err != nil {
		return image.PriceAnswer{}, err
	}
	return body.answer(q, out)
}

func (b priceBody) answer(q image.PriceQuestion, sdk *ecs.DescribePriceResponse) (image.PriceAnswer, error) {
	price := b.PriceInfo.Price
	if got := strconv.FormatFloat(sdk.PriceInfo.Price.TradePrice, 'f', -1, 64); got != price.TradePrice.String() {
		return image.PriceAnswer{}, errors.New("the SDK reads " + got + " for " + price.TradePrice.String())
	}
	if rows := sdk.PriceInfo.Price.DetailInfos.DetailInfo; len(rows) != len(price.DetailInfos.DetailInfo) {
		return image.PriceAnswer{}, errors.New("the SDK reads other rows")
	}
	var failed error
	read := func(n json.Number) money.Amount {
		a, err := money.Parse(n.String(), price.Currency)
		failed = errors.Join(failed, err)
		return a
	}
	if q.Unit == "" {
		q.Unit = image.PricePerHour
	}
	q.Period = max(q.Period, 1)
	a := image.PriceAnswer{Question: q, Currency: price.Currency, Original: read(price.OriginalPrice), Trade: read(price.TradePrice)}
	for _, row := range price.DetailInfos.ResourcePriceModel {
		a.Rows = append(a.Rows, image.PriceRow{Resource: row.Resource, Original: read(row.OriginalPrice), Trade: read(row.TradePrice)})
	}
	if m := b.PriceInfo.RelatedPrice.MarketplaceImagePrice; m != nil {
		trade := read(m.TradePrice)
		a.Marketplace = &trade
	}
	for _, rule := range b.PriceInfo.Rules.Rule {
		a.Rules = append(a.Rules, rule.Description)
	}
	return a, failed
}
