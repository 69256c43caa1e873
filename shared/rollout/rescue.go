package rollout

import (
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Down knows which instances a worker stopped and neither replaced nor started again.
// It is for one invocation.
type Down struct {
	mu    sync.Mutex
	items map[string]bool
}

func (d *Down) note(item string, is bool) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.items == nil {
		d.items = map[string]bool{}
	}
	if d.items[item] = is; !is {
		delete(d.items, item)
	}
}

func (d *Down) all() []string {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for item := range d.items {
		all = append(all, item)
	}
	slices.Sort(all)
	return all
}

// Rescue starts what this worker stopped and did not replace, when the journal cannot
// be written any more: as it was, with its old disk. It reports whether some of it has
// to be waited for.
func (k Kind) Rescue(ctx context.Context, at survey.Fresh, w work.Work) (again bool) {
	all := specs(w.Document)
	for _, item := range k.Down.all() {
		s, ours := all[item]
		if !ours || s.damaged {
			continue
		}
		if i := w.Items[item]; i.Ended() || i.Sent != nil && i.Sent.Do == doReplace && i.Answered != "" {
			k.Down.note(item, false)
			continue
		}
		if !k.startAsItWas(ctx, at, s) {
			again = true
			continue
		}
		k.Down.note(item, false)
	}
	return again
}

// startAsItWas starts one, and reports whether nothing more is to be done.
func (k Kind) startAsItWas(ctx context.Context, at survey.Fresh, s spec) bool {
	place := at.Place(s.Account, s.Region)
	cloud, err := k.Cloud(ctx, s.Account)
	if place == nil || err != nil {
		return false
	}
	found, err := place.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{s.ID}})
	switch {
	case err != nil || len(found) != 1:
		return false
	case found[0].Status == image.InstanceStarting:
		return true
	case found[0].Status != image.InstanceStopped:
		return false
	}
	return cloud.Start(ctx, s.Region, s.ID) == nil
}
