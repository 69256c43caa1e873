package alicloud

import (
	"context"
	"maps"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// probe is a call that changes nothing, by which a permission shows.
type probe struct {
	given params
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
	page := params{"PageNumber": "1", "PageSize": "10"}
	token := params{"MaxResults": "10"}
	offer := params{"ResourceType": "instance", "InstanceType": "ecs.g7.large"}
	own := params{"ImageOwnerAlias": "self", "PageNumber": "1", "PageSize": "1"}
	return map[string]probe{
		"ecs:DescribeRegions":                 {},
		"ecs:DescribeImages":                  {given: own},
		"ecs:DescribeInstanceTypes":           {given: token},
		"ecs:DescribeInstances":               {given: token.with("DryRun", "true"), dry: true},
		"ecs:DescribeDisks":                   {given: token},
		"ecs:DescribeSnapshots":               {given: token},
		"ecs:DescribeSnapshotLinks":           {given: page},
		"ecs:DescribeSnapshotsUsage":          {},
		"ecs:DescribeLaunchTemplates":         {given: page},
		"ecs:DescribeLaunchTemplateVersions":  {given: page, of: "ecs:DescribeLaunchTemplates", key: "LaunchTemplateId"},
		"ecs:DescribeImagePipelines":          {given: token},
		"ecs:DescribeImagePipelineExecutions": {given: token, of: "ecs:DescribeImagePipelines", key: "ImagePipelineId"},
		"ecs:DescribePrice":                   {given: offer},
		"ecs:DescribeImageSharePermission":    {given: page, of: "ecs:DescribeImages", key: "ImageId"},
		"ess:DescribeScalingConfigurations":   {given: page},
		"ess:DescribeScalingGroups":           {given: page},
		"actiontrail:LookupEvents":            {given: params{"MaxResults": "1"}},
		"ecs:ModifyImageSharePermission":      dryRun("ImageId", noImage),
		"ecs:CreateImage":                     dryRun("InstanceId", noInstance),
		"ecs:CopyImage":                       dryRun("ImageId", noImage),
		"ecs:DeleteImage":                     dryRun("ImageId", noImage),
		"ecs:StopInstance":                    dryRun("InstanceId", noInstance),
		"ecs:StartInstance":                   dryRun("InstanceId", noInstance),
		"ecs:ReplaceSystemDisk":               {given: dryRun("InstanceId", noInstance).given.with("ImageId", noImage), dry: true},
		"ecs:CreateSnapshot":                  dryRun("DiskId", noDisk),
	}
}

func dryRun(name, of string) probe {
	return probe{given: map[string]string{name: of, "DryRun": "true"}, dry: true}
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
		p.given = p.given.with(p.key, id)
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
	err = a.do(ctx, account, call{
		operation: operation(action), region: region,
		given: p.given.with("RegionId", string(region)),
		read: func(s *scanner) error {
			found = ""
			s.firstOf(key, &found)
			return s.end()
		},
	})
	return found, err
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
