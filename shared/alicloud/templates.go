package alicloud

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// contents are what a version of a launch template launches, by the names of the
// parameters of CreateLaunchTemplateVersion.
type contents struct {
	version int
	given   params
}

// imageOf are the contents that go with the image; ECS is leaving ImageOwnerAlias out.
func imageOf() []string { return []string{"ImageId", "ImageOwnerAlias"} }

// lists are the members of LaunchTemplateData that are lists, by what their
// parameters are called; source: LaunchTemplateData, CreateLaunchTemplateVersion.
func lists() map[string]string {
	return map[string]string{
		"DataDisks": "DataDisk", "NetworkInterfaces": "NetworkInterface", "SecurityGroupIds": "SecurityGroupIds", "Tags": "Tag",
	}
}

// flat reads the next value of an answer into parameters: objects within by dots,
// lists by numbers.
func (p params) flat(s *scanner, name string) {
	switch s.peek() {
	case '[':
		n := 0
		s.array(func() {
			n++
			p.flat(s, name+"."+strconv.Itoa(n))
		})
	case '{':
		s.object(func(key []byte) { p.member(s, name, string(key)) })
	default:
		if value := s.str(); value != "" {
			p[name] = value
		}
	}
}

// member reads a member of the object called name.
func (p params) member(s *scanner, name, key string) {
	if list, is := lists()[key]; is {
		key = list
		if s.peek() == '{' { // a list in an object of its own: DataDisks.DataDisk[]
			s.object(func([]byte) { p.flat(s, join(name, key)) })
			return
		}
	}
	p.flat(s, join(name, key))
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// sent are the parameters as they are sent: a number that an answer shows as 0 was
// not given, but for what has another default.
func (p params) sent() params {
	out := params{}
	for name, value := range p {
		if value != "0" || name == "SpotDuration" && p["SpotStrategy"] != "" && p["SpotStrategy"] != "NoSpot" {
			out[name] = value
		}
	}
	return out
}

// contents are those of one version of a launch template. It fails with
// fault.NotFound if there is none.
func (a *Account) contents(ctx context.Context, in image.RegionID, template string, version int) (params, error) {
	if err := checkIDs([]string{template}); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	l := listing[contents]{
		operation: "ecs:DescribeLaunchTemplateVersions", account: account, region: in, size: shortPage,
		shape: shape[contents]{outer: "LaunchTemplateVersionSets", inner: "LaunchTemplateVersionSet", row: fields[contents]{
			"VersionNumber": func(s *scanner, c *contents) { c.version = s.count() },
			"LaunchTemplateData": func(s *scanner, c *contents) {
				c.given = params{}
				c.given.flat(s, "")
			},
		}},
		request: func(page int, _ string) params {
			return params{
				"RegionId": string(in), "LaunchTemplateId": template, "LaunchTemplateVersion.1": strconv.Itoa(version), "DetailFlag": "true",
				"PageNumber": strconv.Itoa(page), "PageSize": strconv.Itoa(shortPage),
			}
		},
		key: func(c *contents) string { return strconv.Itoa(c.version) },
		check: func(c *contents) error {
			if c.version != version || len(c.given) == 0 {
				return errNotAsked
			}
			return nil
		},
	}
	found, err := l.byNumber(ctx, a)
	switch {
	case err != nil:
		return nil, err
	case len(found) != 1:
		return nil, fault.New(fault.NotFound, "%s has no version %d", template, version).WithCode("InvalidLaunchTemplateVersion.NotFound")
	}
	return found[0].given, nil
}

// CopyTemplateVersion adds a version to a launch template that launches what another
// one does, from another image, and returns its number; the default stays. Doing it
// twice makes two: look for the description first. Source:
// CreateLaunchTemplateVersion.
func (a Operator) CopyTemplateVersion(ctx context.Context, in image.RegionID, template string, version int, to image.ID, description string) (int, error) {
	if err := checkIDs([]image.ID{to}); err != nil {
		return 0, err
	}
	was, err := a.contents(ctx, in, template, version)
	if err != nil {
		return 0, err
	}
	given := was.sent()
	maps.DeleteFunc(given, func(name, _ string) bool { return slices.Contains(imageOf(), name) })
	maps.Copy(given, params{"RegionId": string(in), "LaunchTemplateId": template, "VersionDescription": description, "ImageId": string(to)})
	return perform(ctx, a.Account, act{
		operation: "ecs:CreateLaunchTemplateVersion", region: in,
		given: given,
	}, fields[int]{
		"LaunchTemplateVersionNumber": func(s *scanner, n *int) { *n = s.count() },
	}, func(n int) bool { return n > 0 })
}

// TemplateDiffers names in what one version of a launch template launches something
// else than another one, beside the image.
func (a Operator) TemplateDiffers(ctx context.Context, in image.RegionID, template string, one, other int) ([]string, error) {
	was, err := a.contents(ctx, in, template, one)
	if err != nil {
		return nil, err
	}
	is, err := a.contents(ctx, in, template, other)
	if err != nil {
		return nil, err
	}
	var differ []string
	for name := range params.union(was, is) {
		if was[name] != is[name] && !slices.Contains(imageOf(), name) {
			differ = append(differ, name)
		}
	}
	slices.Sort(differ)
	return differ, nil
}

// union has the names of both.
func (p params) union(q params) params {
	all := maps.Clone(p)
	maps.Copy(all, q)
	return all
}
