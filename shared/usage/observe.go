package usage

import (
	"context"
	"maps"
	"slices"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Compute is what shows who runs an image in one account.
type Compute interface {
	Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error)
	Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error)
	Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error)
	// MayList asks by a dry run whether this listing of instances is permitted.
	MayList(ctx context.Context, in image.RegionID, which image.InstanceListing) (image.Tri, error)
}

// References is what shows who would launch an image in one account.
type References interface {
	// TemplateVersions are all versions of all launch templates.
	TemplateVersions(ctx context.Context, in image.RegionID) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context, in image.RegionID) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context, in image.RegionID) ([]image.Pipeline, error)
}

// Reader reads one account.
type Reader interface {
	Compute
	References
}

// Grants tells whom an image is shared with.
type Grants interface {
	Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error)
}

// Observe looks at everything that can use an image that readers[i.Account]
// owns: the owner's account, and each account it is shared with that has a
// reader. Of an image that none of readers owns, it looks at all of them; owner is
// not asked then. What cannot be read is part of the observation; Observe does not
// fail.
func Observe(ctx context.Context, i image.Image, owner Grants, readers map[image.AccountID]Reader) Observation {
	o := Observation{Image: i}
	accounts := slices.Sorted(maps.Keys(readers))
	if i.Kind == image.KindCustom {
		accounts = o.askOwner(ctx, owner)
	}
	var wait atonce.Group
	views := make([]*View, len(accounts))
	for n, a := range accounts {
		if r, ok := readers[a]; ok {
			wait.Go(func() { views[n] = look(ctx, a, i, r) })
		}
	}
	if r, ok := readers[ownerOf(i)]; ok {
		wait.Go(func() {
			o.Siblings = part(i.Account, i.Region, "ecs:DescribeImages", func() ([]image.Image, error) {
				found, err := r.Images(ctx, i.Region, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
				if err == nil && !slices.ContainsFunc(found, func(s image.Image) bool { return s.ID == i.ID }) {
					err = fault.New(fault.Unknown, "the list of images does not show %s, which is there", i.ID).WithCode("listContradicts")
				}
				return found, err
			})
		})
	}
	wait.Wait()
	for _, v := range views {
		if v != nil {
			o.Views = append(o.Views, *v)
		}
	}
	return o
}

// askOwner asks whom the image is shared with, and returns all who may use it.
func (o *Observation) askOwner(ctx context.Context, owner Grants) []image.AccountID {
	i := o.Image
	grants, err := owner.Grants(ctx, i.Region, i.ID)
	if err != nil {
		u := unread(i.Account, i.Region, "ecs:DescribeImageSharePermission", err)
		o.GrantsUnread = &u
	}
	o.Grants = grants
	accounts := []image.AccountID{i.Account}
	for _, g := range grants {
		if !slices.Contains(accounts, g.Account) {
			accounts = append(accounts, g.Account)
		}
	}
	return accounts
}

// Explain looks for whose instances they are where ECS marks the image as used by
// instances and no account that was looked at shows one: at what the other
// accounts of readers run. They become witnesses, not consumers; what they do not
// explain stays unknown. Where there is nothing to explain it asks for nothing.
func Explain(ctx context.Context, o Observation, readers map[image.AccountID]Reader) Observation {
	if !o.unexplained() {
		return o
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(readers)), func(a image.AccountID) bool {
		return slices.ContainsFunc(o.Views, func(v View) bool { return v.Account == a })
	})
	witnesses := make([]View, len(others))
	var wait atonce.Group
	for n, a := range others {
		witnesses[n].Account = a
		wait.Go(func() { witnesses[n].Instances = instancesOf(ctx, a, o.Image, readers[a]) })
		wait.Go(func() { witnesses[n].SystemDisks = systemDisksOf(ctx, a, o.Image, readers[a]) })
	}
	wait.Wait()
	o.Witnesses = witnesses
	return o
}

func instancesOf(ctx context.Context, a image.AccountID, i image.Image, r Reader) Part[image.Instance] {
	return part(a, i.Region, mayListInstances, func() ([]image.Instance, error) {
		return r.Instances(ctx, i.Region, image.InstanceListing{Image: i.ID})
	})
}

func systemDisksOf(ctx context.Context, a image.AccountID, i image.Image, r Reader) Part[image.Disk] {
	return part(a, i.Region, "ecs:DescribeDisks", func() ([]image.Disk, error) {
		return r.Disks(ctx, i.Region, image.DiskListing{System: image.Yes})
	})
}

// look reads one account, everything at once.
func look(ctx context.Context, a image.AccountID, i image.Image, r Reader) *View {
	v := &View{Account: a}
	if a == i.Account {
		v.Image = i
	}
	var wait atonce.Group
	wait.Go(func() {
		v.Instances = instancesOf(ctx, a, i, r)
		if v.Instances.Unread == nil && len(v.Instances.Found) == 0 {
			v.MaySee, _ = r.MayList(ctx, i.Region, image.InstanceListing{Image: i.ID}) // a dry run that fails leaves it Unknown
		}
	})
	wait.Go(func() { v.SystemDisks = systemDisksOf(ctx, a, i, r) })
	wait.Go(func() {
		v.Templates = part(a, i.Region, "ecs:DescribeLaunchTemplateVersions", func() ([]image.TemplateVersion, error) { return r.TemplateVersions(ctx, i.Region) })
	})
	wait.Go(func() {
		v.Scaling = part(a, i.Region, "ess:DescribeScalingConfigurations", func() ([]image.ScalingConfiguration, error) { return r.ScalingConfigurations(ctx, i.Region) })
	})
	wait.Go(func() {
		v.Pipelines = part(a, i.Region, "ecs:DescribeImagePipelines", func() ([]image.Pipeline, error) { return r.Pipelines(ctx, i.Region) })
	})
	wait.Go(func() {
		seen, err := r.Images(ctx, i.Region, image.Listing{IDs: []image.ID{i.ID}, Statuses: image.Statuses()})
		if n := slices.IndexFunc(seen, func(s image.Image) bool { return s.ID == i.ID }); err == nil && n >= 0 {
			v.Image = seen[n]
		}
	})
	wait.Wait()
	return v
}

// part reads one kind of thing.
func part[T any](a image.AccountID, r image.RegionID, permission string, read func() ([]T, error)) Part[T] {
	found, err := read()
	if err != nil {
		u := unread(a, r, permission, err)
		return Part[T]{Unread: &u}
	}
	return Part[T]{Found: found}
}

func unread(a image.AccountID, r image.RegionID, permission string, err error) image.Unread {
	if fault.Of(err) != fault.Forbidden {
		permission = ""
	} else if refused := fault.Permission(err); refused != "" {
		permission = refused
	}
	return image.Unread{Account: a, Region: r, Permission: permission, Reason: image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}}
}
