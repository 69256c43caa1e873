package alicloud

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// probe is a call that changes nothing, by which a permission shows.
type probe struct {
	product product
	given   map[string]string
	// dry: only the outcome of a dry run counts, not an answer.
	dry bool
	// of is the action whose first row has what is asked about: the value of key.
	of, key string
}

// Names that no resource has, for dry runs: whatever became of such a call, it
// could change nothing.
const (
	noImage    = "m-imagekeeperdryrun0"
	noInstance = "i-imagekeeperdryrun0"
	noDisk     = "d-imagekeeperdryrun0"
)

// probes are all there are, by RAM action.
func probes() map[string]probe {
	page := map[string]string{"PageNumber": "1", "PageSize": "10"}
	token := map[string]string{"MaxResults": "10"}
	offer := map[string]string{"ResourceType": "instance", "InstanceType": "ecs.g7.large"}
	own := map[string]string{"ImageOwnerAlias": "self", "PageNumber": "1", "PageSize": "1"}
	return map[string]probe{
		"ecs:DescribeRegions":                 {product: productECS},
		"ecs:DescribeImages":                  {product: productECS, given: own},
		"ecs:DescribeInstanceTypes":           {product: productECS, given: token},
		"ecs:DescribeInstances":               {product: productECS, given: with(token, "DryRun", "true"), dry: true},
		"ecs:DescribeDisks":                   {product: productECS, given: token},
		"ecs:DescribeSnapshots":               {product: productECS, given: token},
		"ecs:DescribeSnapshotLinks":           {product: productECS, given: page},
		"ecs:DescribeSnapshotsUsage":          {product: productECS},
		"ecs:DescribeLaunchTemplates":         {product: productECS, given: page},
		"ecs:DescribeLaunchTemplateVersions":  {product: productECS, given: page, of: "ecs:DescribeLaunchTemplates", key: "LaunchTemplateId"},
		"ecs:DescribeImagePipelines":          {product: productECS, given: token},
		"ecs:DescribeImagePipelineExecutions": {product: productECS, given: token, of: "ecs:DescribeImagePipelines", key: "ImagePipelineId"},
		"ecs:DescribePrice":                   {product: productECS, given: offer},
		"ecs:DescribeImageSharePermission":    {product: productECS, given: page, of: "ecs:DescribeImages", key: "ImageId"},
		"ess:DescribeScalingConfigurations":   {product: productESS, given: page},
		"ess:DescribeScalingGroups":           {product: productESS, given: page},
		"actiontrail:LookupEvents":            {product: productActionTrail, given: map[string]string{"MaxResults": "1"}},
		"ecs:ModifyImageSharePermission":      dryRun("ImageId", noImage),
		"ecs:CreateImage":                     dryRun("InstanceId", noInstance),
		"ecs:CopyImage":                       dryRun("ImageId", noImage),
		"ecs:DeleteImage":                     dryRun("ImageId", noImage),
		"ecs:StopInstance":                    dryRun("InstanceId", noInstance),
		"ecs:StartInstance":                   dryRun("InstanceId", noInstance),
		"ecs:ReplaceSystemDisk":               {product: productECS, given: with(dryRun("InstanceId", noInstance).given, "ImageId", noImage), dry: true},
		"ecs:CreateSnapshot":                  dryRun("DiskId", noDisk),
	}
}

func dryRun(name, of string) probe {
	return probe{product: productECS, given: map[string]string{name: of, "DryRun": "true"}, dry: true}
}

func with(given map[string]string, name, value string) map[string]string {
	more := maps.Clone(given)
	if more == nil {
		more = map[string]string{}
	}
	more[name] = value
	return more
}

// MayAsk names the actions that May can tell about, in order.
func MayAsk() []string { return slices.Sorted(maps.Keys(probes())) }

// May tells whether an action, such as "ecs:DescribeImages", is permitted in a
// region, by a call that changes nothing: a listing, or a dry run about a
// resource that does not exist. Yes and No are what ECS said; Unknown comes with
// the failure: fault.NotFound where there is nothing to ask about, or ECS looked
// for the resource before it told. Source: RAM, DryRun of each operation.
func (a *Account) May(ctx context.Context, region image.RegionID, action string) (image.Tri, error) {
	p, ok := probes()[action]
	if !ok {
		return image.Unknown, fault.New(fault.Invalid, "%s: there is no call that tells and changes nothing", action).WithCode("noProbe")
	}
	account, err := a.reading(ctx, region)
	if err != nil {
		return image.Unknown, err
	}
	if p.of != "" {
		id, err := a.probe(ctx, account, region, p.of, probes()[p.of], p.key)
		if err == nil && id == "" {
			err = fault.New(fault.NotFound, "%s: there is nothing to ask about", action).WithCode("nothingToAskAbout")
		}
		if err != nil {
			return image.Unknown, err
		}
		p.given = with(p.given, p.key, id)
	}
	_, err = a.probe(ctx, account, region, action, p, "RequestId")
	if err == nil && !p.dry {
		return image.Yes, nil
	}
	if err == nil {
		err = fault.New(fault.Unknown, "%s: the dry run was answered as if it were none", action).WithCode("dryRunIgnored")
	}
	return permitted(err)
}

// probe makes one call, and returns the first value of a key in its answer.
func (a *Account) probe(ctx context.Context, account image.AccountID, region image.RegionID, action string, p probe, key string) (found string, err error) {
	_, name, _ := strings.Cut(action, ":")
	err = a.do(ctx, account, call{
		product: p.product, action: name, region: region, at: a.cloud.at(p.product, region),
		build: func() requests.AcsRequest {
			r := &requests.RpcRequest{}
			r.InitWithApiInfo(string(p.product), versionOf(p.product), name, "", "")
			r.QueryParams["RegionId"] = string(region)
			maps.Copy(r.QueryParams, p.given)
			return r
		},
		read: func(s *scanner) error {
			found = ""
			s.firstOf(key, &found)
			return s.end()
		},
	})
	return found, err
}

func versionOf(p product) string {
	switch p {
	case productESS:
		return "2014-08-28"
	case productActionTrail:
		return "2020-07-06"
	}
	return "2014-05-26"
}

// firstOf reads the next value, and keeps the first text that a key has in it,
// at whatever depth.
func (s *scanner) firstOf(key string, found *string) {
	switch s.peek() {
	case '{':
		s.object(func(k []byte) {
			if string(k) == key && *found == "" && s.peek() == '"' {
				*found = s.str()
				return
			}
			s.firstOf(key, found)
		})
	case '[':
		s.array(func() { s.firstOf(key, found) })
	default:
		s.skip()
	}
}
