package alicloud

import (
	"context"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// shortPage is the most rows that a page of launch templates, of their
// versions, and of Auto Scaling's lists holds.
const shortPage = 50

// reading checks a region, and returns the account that reads it.
func (a *Account) reading(ctx context.Context, region image.RegionID) (image.AccountID, error) {
	if err := checkRegion(region); err != nil {
		return "", err
	}
	return a.ID(ctx)
}

// each reads one list for each of several, at most as many at once as calls may
// be under way, and joins them in order.
func each[K, T any](ctx context.Context, a *Account, of []K, read func(context.Context, K) ([]T, error)) ([]T, error) {
	found := make([][]T, len(of))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(a.cloud.slots))
	for i, k := range of {
		group.Go(fanout.Contained(func() (err error) {
			found[i], err = read(ctx, k)
			return err
		}))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// gone turns the failure of what was listed a moment ago and does not exist any
// more into errShifted.
func gone(err error) error {
	if fault.Of(err) == fault.NotFound {
		return errShifted
	}
	return err
}

// template is a launch template on the wire; its name may change, its id not.
type template struct{ id string }

// templateVersion is a version on the wire. detailed: what it launches was said.
type templateVersion struct {
	image.TemplateVersion
	detailed bool
}

// TemplateVersions lists every version of every launch template of a region,
// template by template, in ECS's order. Image is empty where a version names
// none. A template without any version, or a version without its contents, is
// not believed. Source: DescribeLaunchTemplates, DescribeLaunchTemplateVersions.
func (a *Account) TemplateVersions(ctx context.Context, region image.RegionID) ([]image.TemplateVersion, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	all := listing[image.TemplateVersion]{operation: "ecs:DescribeLaunchTemplateVersions", region: region}
	return all.settled(ctx, a, func(ctx context.Context, a *Account) ([]image.TemplateVersion, error) {
		templates, err := a.templates(account, region).byNumber(ctx, a)
		if err != nil {
			return nil, err
		}
		return each(ctx, a, templates, func(ctx context.Context, t template) ([]image.TemplateVersion, error) {
			versions, err := a.versions(account, region, t.id).byNumber(ctx, a)
			found := make([]image.TemplateVersion, 0, len(versions))
			for _, v := range versions {
				found = append(found, v.TemplateVersion)
			}
			return found, gone(err)
		})
	})
}

// templates is the listing of a region's launch templates.
func (a *Account) templates(account image.AccountID, region image.RegionID) listing[template] {
	return listing[template]{
		operation: "ecs:DescribeLaunchTemplates", account: account, region: region, shape: a.cloud.tables().templates, size: shortPage,
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(shortPage),
			}
		},
		key:   func(t *template) string { return t.id },
		check: func(*template) error { return nil },
	}
}

// versions is the listing of one launch template's versions.
func (a *Account) versions(account image.AccountID, region image.RegionID, of string) listing[templateVersion] {
	return listing[templateVersion]{
		operation: "ecs:DescribeLaunchTemplateVersions", account: account, region: region, shape: a.cloud.tables().versions, size: shortPage,
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "LaunchTemplateId": of, "DetailFlag": "true", "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(shortPage),
			}
		},
		key: func(v *templateVersion) string { return strconv.Itoa(v.Version) },
		check: func(v *templateVersion) error {
			v.Account, v.Region = account, region
			if !v.detailed {
				return errNotAsked
			}
			return same(of, v.Template)
		},
		never: true,
	}
}

// scalingGroup is a scaling group on the wire.
type scalingGroup struct {
	region            image.RegionID
	id, name          string
	template, version string
	// active is the scaling configuration that it uses.
	active string
}

// ScalingConfigurations lists what the scaling groups of a region start
// instances from: the scaling configurations, in Auto Scaling's order, then the
// groups that name a launch template instead. A configuration that names neither
// an image nor a family is not believed, nor are two lists that do not fit each
// other. Source: ESS DescribeScalingConfigurations, DescribeScalingGroups.
func (a *Account) ScalingConfigurations(ctx context.Context, region image.RegionID) ([]image.ScalingConfiguration, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	all := listing[image.ScalingConfiguration]{operation: "ess:DescribeScalingConfigurations", region: region}
	return all.settled(ctx, a, func(ctx context.Context, a *Account) ([]image.ScalingConfiguration, error) {
		return a.scaling(ctx, account, region)
	})
}

// scaling reads both lists once.
func (a *Account) scaling(ctx context.Context, account image.AccountID, region image.RegionID) ([]image.ScalingConfiguration, error) {
	var found []image.ScalingConfiguration
	var groups []scalingGroup
	both, ctx := errgroup.WithContext(ctx)
	both.Go(fanout.Contained(func() (err error) {
		found, err = a.configurations(account, region).byNumber(ctx, a)
		return err
	}))
	both.Go(fanout.Contained(func() (err error) {
		groups, err = a.groups(account, region).byNumber(ctx, a)
		return err
	}))
	if err := both.Wait(); err != nil {
		return nil, err
	}
	if !fitting(found, groups) {
		return nil, errShifted
	}
	for _, g := range groups {
		if g.template != "" {
			found = append(found, image.ScalingConfiguration{
				Account: account, Region: region, ID: g.id, Name: g.name, Group: g.id,
				Active: g.active == "", Template: g.template, TemplateVersion: g.version,
			})
		}
	}
	return found, nil
}

// fitting: the group of each configuration is listed, and so is the configuration
// that a group uses. Auto Scaling deletes neither without the other. Source: ESS
// DeleteScalingGroup, DeleteScalingConfiguration.
func fitting(configurations []image.ScalingConfiguration, groups []scalingGroup) bool {
	listed := make(map[string]bool, len(configurations)+len(groups))
	for _, g := range groups {
		listed[g.id] = true
	}
	for _, c := range configurations {
		if c.Group != "" && !listed[c.Group] {
			return false
		}
		listed[c.ID] = true
	}
	return !slices.ContainsFunc(groups, func(g scalingGroup) bool { return g.active != "" && !listed[g.active] })
}

// configurations is the listing of a region's scaling configurations.
func (a *Account) configurations(account image.AccountID, region image.RegionID) listing[image.ScalingConfiguration] {
	return listing[image.ScalingConfiguration]{
		operation: "ess:DescribeScalingConfigurations", account: account, region: region,
		shape: a.cloud.tables().configurations, size: shortPage,
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(shortPage),
			}
		},
		key: func(c *image.ScalingConfiguration) string { return c.ID },
		check: func(c *image.ScalingConfiguration) error {
			c.Account, c.Region = account, region
			if c.Image == "" && c.Family == "" {
				return errNotAsked
			}
			return nil
		},
	}
}

// groups is the listing of a region's scaling groups.
func (a *Account) groups(account image.AccountID, region image.RegionID) listing[scalingGroup] {
	return listing[scalingGroup]{
		operation: "ess:DescribeScalingGroups", account: account, region: region,
		shape: a.cloud.tables().groups, size: shortPage,
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(shortPage),
			}
		},
		key: func(g *scalingGroup) string { return g.id },
		check: func(g *scalingGroup) error {
			return same(region, image.RegionID(either(string(g.region), string(region))))
		},
	}
}
