package retention

import (
	"context"
	"slices"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Stock is what an account has of images.
type Stock interface {
	Images(ctx context.Context, which image.Listing) ([]image.Image, error)
	Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error)
	// Grants asks the owner of an image.
	Grants(ctx context.Context, id image.ID) ([]image.Grant, error)
}

// Runs is what an account runs.
type Runs interface {
	Instances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error)
	MayList(ctx context.Context, which image.InstanceListing) (image.Tri, error)
	Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error)
}

// Launchers are what an account would launch.
type Launchers interface {
	TemplateVersions(ctx context.Context) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context) ([]image.Pipeline, error)
}

// Protections are what keeps snapshots and encrypted images.
type Protections interface {
	SnapshotLocks(ctx context.Context) ([]image.SnapshotLock, error)
	// KeyGone tells whether a key of KMS is gone.
	KeyGone(ctx context.Context, key string) (image.Tri, error)
}

// Reader reads one account in one region: a place of a survey, or a fresh one.
type Reader interface {
	Stock
	Runs
	Launchers
	Protections
}

// Ledger is everything that one account shows in one region, read once, by image.
type Ledger struct {
	Place
	Reader  Reader
	BeganAt time.Time
	// Images are all that it sees there.
	Images []image.Image
	// Counted are how many instances were seen.
	Counted   int
	MaySee    image.Tri
	Unread    Gaps
	byImage   map[image.ID]*Image
	rows      map[image.ID]int // of Images
	templates map[string][]image.TemplateVersion
	// left are all snapshots of the account; nil: they were not read.
	left      []SnapshotRow
	scaling   []image.ScalingConfiguration // by family, or of a template that is not listed
	pipelines []image.Pipeline             // by family
}

// Gaps are the lists that could not be read; nil: it was.
type Gaps struct {
	Images, Instances, Disks, Templates, Scaling, Pipelines, Snapshots *image.Unread
}

// All are those that there are.
func (g Gaps) All() []image.Unread {
	var all []image.Unread
	for _, u := range []*image.Unread{g.Images, g.Instances, g.Disks, g.Templates, g.Scaling, g.Pipelines, g.Snapshots} {
		if u != nil {
			all = append(all, *u)
		}
	}
	return all
}

// Image is what one account shows of one image.
type Image struct {
	Row       image.Image
	Instances []image.Instance
	Disks     []image.Disk
	Templates []image.TemplateVersion
	Scaling   []image.ScalingConfiguration
	Pipelines []image.Pipeline
}

// OpenLedger reads an account in a region. It does not fail: what could not be read
// is a gap.
func OpenLedger(ctx context.Context, p Place, r Reader, now func() time.Time) *Ledger {
	l := &Ledger{Place: p, Reader: r, BeganAt: now().UTC(), byImage: map[image.ID]*Image{}, templates: map[string][]image.TemplateVersion{}}
	var instances []image.Instance
	var disks []image.Disk
	var versions []image.TemplateVersion
	var scaling []image.ScalingConfiguration
	var pipelines []image.Pipeline
	var wait fanout.Group
	wait.Go(func() {
		l.Images, l.Unread.Images = gap(p, survey.MayListImages, func() ([]image.Image, error) {
			return r.Images(ctx, image.Listing{Statuses: image.Statuses()})
		})
	})
	wait.Go(func() {
		instances, l.Unread.Instances = gap(p, survey.MayListInstances, func() ([]image.Instance, error) {
			return r.Instances(ctx, image.InstanceListing{})
		})
		if l.MaySee = image.Yes; l.Unread.Instances == nil && len(instances) == 0 {
			l.MaySee, _ = r.MayList(ctx, image.InstanceListing{}) // a dry run that fails leaves it Unknown
		}
	})
	wait.Go(func() {
		disks, l.Unread.Disks = gap(p, survey.MayListDisks, func() ([]image.Disk, error) { return r.Disks(ctx, image.DiskListing{System: image.Yes}) })
	})
	wait.Go(func() {
		versions, l.Unread.Templates = gap(p, survey.MayListTemplates, func() ([]image.TemplateVersion, error) { return r.TemplateVersions(ctx) })
	})
	wait.Go(func() {
		scaling, l.Unread.Scaling = gap(p, survey.MayListScaling, func() ([]image.ScalingConfiguration, error) { return r.ScalingConfigurations(ctx) })
	})
	wait.Go(func() {
		pipelines, l.Unread.Pipelines = gap(p, survey.MayListPipelines, func() ([]image.Pipeline, error) { return r.Pipelines(ctx) })
	})
	wait.Wait()
	l.enter(instances, disks)
	l.launchers(versions, scaling, pipelines)
	return l
}

// Release lets go of what was read, once it was observed.
func (l *Ledger) Release() {
	l.Images, l.byImage, l.rows, l.templates, l.left, l.scaling, l.pipelines = nil, nil, nil, nil, nil, nil, nil
}

func gap[T any](p Place, permission string, read func() ([]T, error)) ([]T, *image.Unread) {
	found, err := read()
	if err != nil {
		u := image.UnreadOf(p.Account, p.Region, permission, err)
		return nil, &u
	}
	return found, nil
}

func (l *Ledger) at(id image.ID) *Image {
	one := l.byImage[id]
	if one == nil {
		one = &Image{}
		l.byImage[id] = one
	}
	return one
}

func (l *Ledger) enter(instances []image.Instance, disks []image.Disk) {
	l.rows = make(map[image.ID]int, len(l.Images))
	for n := range l.Images {
		l.rows[l.Images[n].ID] = n
	}
	l.Counted = len(instances)
	for _, i := range instances {
		one := l.at(i.Image)
		one.Instances = append(one.Instances, i)
	}
	hidden := false
	for _, d := range disks {
		one := l.at(d.Image)
		one.Disks = append(one.Disks, d)
		hidden = hidden || d.Instance != ""
	}
	if hidden && len(instances) == 0 { // disks of instances that are not listed
		l.MaySee = image.No
	}
}

func (l *Ledger) launchers(versions []image.TemplateVersion, scaling []image.ScalingConfiguration, pipelines []image.Pipeline) {
	for _, v := range versions {
		l.templates[v.Template] = append(l.templates[v.Template], v)
	}
	for _, all := range l.templates {
		for _, id := range namedBy(all) {
			l.at(id).Templates = append(l.at(id).Templates, all...)
		}
	}
	for _, s := range scaling {
		switch {
		case s.Template != "" && len(l.templates[s.Template]) > 0:
			for _, id := range namedBy(l.templates[s.Template]) {
				l.at(id).Scaling = append(l.at(id).Scaling, s)
			}
		case s.Template == "" && s.Image != "":
			l.at(s.Image).Scaling = append(l.at(s.Image).Scaling, s)
		default:
			l.scaling = append(l.scaling, s)
		}
	}
	for _, p := range pipelines {
		if p.BaseType == "IMAGE" {
			l.at(image.ID(p.Base)).Pipelines = append(l.at(image.ID(p.Base)).Pipelines, p)
		} else {
			l.pipelines = append(l.pipelines, p)
		}
	}
}

// namedBy are the images that the versions of a template name, each once.
func namedBy(all []image.TemplateVersion) []image.ID {
	var named []image.ID
	for _, v := range all {
		if v.Image != "" && !slices.Contains(named, v.Image) {
			named = append(named, v.Image)
		}
	}
	return named
}

// Of is what the account shows of an image.
func (l *Ledger) Of(id image.ID) Image {
	var one Image
	if known := l.byImage[id]; known != nil {
		one = *known
	}
	if n, there := l.rows[id]; there {
		one.Row = l.Images[n]
	}
	one.Scaling = append(slices.Clone(one.Scaling), l.scaling...)
	one.Pipelines = append(slices.Clone(one.Pipelines), l.pipelines...)
	return one
}

// Used are the images that something there uses, also in ways that need no image to
// be there.
func (l *Ledger) Used() []image.ID {
	var used []image.ID
	for id, one := range l.byImage {
		named := slices.ContainsFunc(one.Templates, func(v image.TemplateVersion) bool { return v.Image == id })
		if id != "" && (len(one.Instances)+len(one.Disks)+len(one.Scaling)+len(one.Pipelines) > 0 || named) {
			used = append(used, id)
		}
	}
	slices.Sort(used)
	return used
}
