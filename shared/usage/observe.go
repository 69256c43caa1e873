package usage

import (
	"context"
	"maps"
	"slices"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Compute is what shows who runs an image in one account, in its region.
type Compute interface {
	Images(ctx context.Context, which image.Listing) ([]image.Image, error)
	Instances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error)
	Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error)
	// MayList asks by a dry run whether this listing of instances is permitted.
	MayList(ctx context.Context, which image.InstanceListing) (image.Tri, error)
}

// References is what shows who would launch an image in one account, in its region.
type References interface {
	// TemplateVersions are all versions of all launch templates.
	TemplateVersions(ctx context.Context) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context) ([]image.Pipeline, error)
}

// Reader reads one account in the region of the image: a place of a survey, or a
// fresh one.
type Reader interface {
	Compute
	References
}

// Grants tells whom an image is shared with.
type Grants interface {
	Grants(ctx context.Context, id image.ID) ([]image.Grant, error)
}

// Observe looks at everything that can use an image: the owner's account, each
// account it is shared with, and what all other readers run, which may have begun
// before a share was withdrawn. Of an image that none of readers owns, all of them
// may use it; owner is not asked then. What cannot be read is part of the
// observation; Observe does not fail.
func Observe(ctx context.Context, i image.Image, owner Grants, readers map[image.AccountID]Reader) Observation {
	return NewIndex(ctx, readers).Observe(ctx, i, owner)
}

// Index is what the accounts of a region show, for looking at many images, each as the
// function Observe does. What concerns all of them is read and put in order once. Safe
// for concurrent use.
type Index struct {
	readers map[image.AccountID]Reader
	// accounts are what each shows, by image.
	accounts map[image.AccountID]*account
}

// NewIndex looks by the accounts of a region.
func NewIndex(ctx context.Context, readers map[image.AccountID]Reader) Index {
	x := Index{readers: readers, accounts: make(map[image.AccountID]*account, len(readers))}
	for a, r := range readers {
		x.accounts[a] = newAccount(ctx, r)
	}
	return x
}

// Observe looks at one image.
func (x Index) Observe(ctx context.Context, i image.Image, owner Grants) Observation {
	found := Observation{Image: i}
	accounts := slices.Sorted(maps.Keys(x.readers))
	if i.Kind == image.KindCustom {
		accounts = found.askOwner(ctx, owner)
	}
	var wait fanout.Group
	wait.Go(func() { found.Views = x.lookAt(ctx, i, accounts) })
	if owned, ok := x.accounts[ownerOf(i)]; ok {
		wait.Go(func() { found.Siblings = owned.siblings(i) })
	}
	wait.Wait()
	return found
}

// lookAt looks at those who may use an image, and at what all others run.
func (x Index) lookAt(ctx context.Context, i image.Image, may []image.AccountID) []View {
	accounts := slices.Sorted(maps.Keys(x.readers))
	views := make([]View, len(accounts))
	survey.EachIndex(len(accounts), func(n int) {
		if a := accounts[n]; slices.Contains(may, a) {
			views[n] = look(ctx, a, i, x.accounts[a])
		} else {
			views[n] = runs(ctx, a, i, x.accounts[a])
		}
	})
	return views
}

// askOwner asks whom the image is shared with, and returns all who may use it.
func (o *Observation) askOwner(ctx context.Context, owner Grants) []image.AccountID {
	i := o.Image
	grants, err := owner.Grants(ctx, i.ID)
	if err != nil {
		u := image.UnreadOf(i.Account, i.Region, survey.MayListGrants, err)
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
// instances and no account that was looked at shows one: at what the accounts of
// readers run that were not looked at. What they do not explain stays unknown.
// Where there is nothing to explain it asks for nothing.
func Explain(ctx context.Context, o Observation, readers map[image.AccountID]Reader) Observation {
	if !o.unexplained() {
		return o
	}
	others := maps.Clone(readers)
	for _, v := range o.Views {
		delete(others, v.Account)
	}
	o.Views = slices.Concat(o.Views, NewIndex(ctx, others).lookAt(ctx, o.Image, nil))
	return o
}

// runs looks at what an account runs that may not use the image.
func runs(ctx context.Context, a image.AccountID, i image.Image, r *account) View {
	v := View{Account: a, Other: true}
	var wait fanout.Group
	wait.Go(func() { v.Instances, v.MaySee = instancesOf(ctx, a, i, r) })
	wait.Go(func() { v.SystemDisks = r.systemDisks(a, i) })
	wait.Wait()
	return v
}

// instancesOf lists the instances that run an image, and tells whether they would
// have been shown.
func instancesOf(ctx context.Context, a image.AccountID, i image.Image, r Reader) (found Part[image.Instance], may image.Tri) {
	which := image.InstanceListing{Image: i.ID}
	found = part(a, i.Region, survey.MayListInstances, func() ([]image.Instance, error) { return r.Instances(ctx, which) })
	if found.Unread == nil && len(found.Found) == 0 {
		may, _ = r.MayList(ctx, which) // a dry run that fails leaves it Unknown
	}
	return found, may
}

// look reads one account that may use the image, everything at once.
func look(ctx context.Context, a image.AccountID, i image.Image, r *account) View {
	v := View{Account: a}
	if a == i.Account {
		v.Image = i
	}
	var wait fanout.Group
	wait.Go(func() { v.Instances, v.MaySee = instancesOf(ctx, a, i, r) })
	wait.Go(func() { v.SystemDisks = r.systemDisks(a, i) })
	wait.Go(func() {
		v.Templates = part(a, i.Region, survey.MayListTemplates, func() ([]image.TemplateVersion, error) { return r.TemplateVersions(ctx) })
	})
	wait.Go(func() {
		v.Scaling = part(a, i.Region, survey.MayListScaling, func() ([]image.ScalingConfiguration, error) { return r.ScalingConfigurations(ctx) })
	})
	wait.Go(func() {
		v.Pipelines = part(a, i.Region, survey.MayListPipelines, func() ([]image.Pipeline, error) { return r.Pipelines(ctx) })
	})
	wait.Go(func() {
		if a == i.Account {
			return // it is what it was seen as
		}
		seen, err := r.Images(ctx, image.Listing{IDs: []image.ID{i.ID}, Statuses: image.Statuses()})
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
		u := image.UnreadOf(a, r, permission, err)
		return Part[T]{Unread: &u}
	}
	return Part[T]{Found: found}
}

// Survey is Observe by the places of a survey: the owner's, those it is shared with,
// and all others of its region. closed are the accounts that could not be opened.
func Survey(ctx context.Context, i image.Image, s *survey.Survey, closed []image.Unread) Observation {
	readers := map[image.AccountID]Reader{}
	var owner Grants = nobody{}
	for _, p := range s.In(i.Region) {
		readers[p.Account] = p
		if p.Account == i.Account {
			owner = p
		}
	}
	o := Observe(ctx, i, owner, readers)
	o.Closed = closed
	return o
}

// nobody answers for an owner that cannot be asked any more.
type nobody struct{}

func (nobody) Grants(context.Context, image.ID) ([]image.Grant, error) {
	return nil, fault.New(fault.Unknown, "the owner of the image can no longer be asked").WithCode("ownerNotRead")
}

// By looks at what some accounts do with an image. Accounts that cannot be read are
// among them, with a use that is not known.
func By(ctx context.Context, i image.Image, fresh survey.Fresh, of []image.AccountID) map[image.AccountID]Consumer {
	if len(of) == 0 {
		return nil
	}
	readers, all := map[image.AccountID]Reader{}, map[image.AccountID]Reader{}
	for _, p := range fresh.Places() {
		if p.Region != i.Region {
			continue
		}
		if all[p.Account] = p; slices.Contains(of, p.Account) {
			readers[p.Account] = p
		}
	}
	told := map[image.AccountID]Consumer{}
	for _, c := range Judge(Explain(ctx, Observe(ctx, i, grantees(of), readers), all)).Consumers {
		if slices.Contains(of, c.Account) {
			told[c.Account] = c
		}
	}
	return told
}

// grantees are the accounts whose use is asked for.
type grantees []image.AccountID

// Grants returns them.
func (g grantees) Grants(context.Context, image.ID) ([]image.Grant, error) {
	grants := make([]image.Grant, len(g))
	for n, a := range g {
		grants[n].Account = a
	}
	return grants, nil
}
