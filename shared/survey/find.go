package survey

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Key names an image: it has a view for each account that sees it, but one key.
type Key struct {
	Region image.RegionID
	ID     image.ID
}

// Sighting is one image, whoever saw it: a region and an id are one image. The
// embedded image is the owner's view where the owner was shown it.
type Sighting struct {
	image.Image
	// Views are all that were shown, the owner's first, then by account.
	Views []image.Image
}

// SeenBy are the accounts that were shown it, in order.
func (s Sighting) SeenBy() []image.AccountID {
	var by []image.AccountID
	for i := range s.Views {
		by = append(by, s.Views[i].Account)
	}
	return inOrder(by)
}

// CodeOwnImageHidden is of an account that was not shown an image of its own, which
// another account sees.
const CodeOwnImageHidden = "ownImageHidden"

// Find looks for images by id, of any kind and in any status: with one call for
// each place where the answer shows that it is one (README.md says how), and again
// only where nobody was shown an image, or only others than its owner. Marketplace
// and community images are asked for where an id is nowhere else. The sightings
// are in order of id and region. What could not be read is in Survey.Unread: for
// want of it, an id that is not there may still exist.
func (s *Survey) Find(ctx context.Context, ids []image.ID) []Sighting {
	f := &finder{survey: s, ids: inOrder(ids), views: map[Key][]image.Image{}, doubtful: map[*Place]bool{}}
	if len(f.ids) == 0 || len(s.places) == 0 {
		return nil
	}
	f.first(ctx)
	f.again(ctx)
	f.others(ctx)
	f.hidden(ctx)
	return f.sightings()
}

// finder is one search.
type finder struct {
	survey *Survey
	ids    []image.ID

	mu    sync.Mutex
	views map[Key][]image.Image
	// doubtful are the places whose answer does not show that it is one.
	doubtful map[*Place]bool
}

// homePlace is asked first: our own account where the function runs.
func (s *Survey) homePlace() *Place {
	return cmp.Or(s.Place(s.home, s.scope.Home), s.ownPlace(), s.places[0])
}

func (s *Survey) ownPlace() *Place {
	n := slices.IndexFunc(s.places, func(p *Place) bool { return p.Account == s.home })
	if n < 0 {
		return nil
	}
	return s.places[n]
}

// first asks every place for all ids at once: at home first where no public image
// is known yet by which an answer would show that it is one. If home has all of
// them, none is needed.
func (f *finder) first(ctx context.Context) {
	home, rest := f.survey.homePlace(), f.survey.places
	if f.survey.recent.publicOf(home.Region) == "" && !home.has(key("images", wider(image.Listing{}))) {
		f.ask(ctx, home)
		rest = slices.DeleteFunc(slices.Clone(rest), func(p *Place) bool { return p == home })
		if !f.owned(home) {
			if err := home.kept.proof.after(home.kept.proof.mark(), func() error { return home.shown(ctx) }); err != nil {
				home.note(MayListImages, err)
			}
		}
	}
	Each(rest, func(p *Place) { f.ask(ctx, p) })
}

// owned: a place showed all ids, as their owner or as what belongs to no account.
func (f *finder) owned(p *Place) bool {
	for _, id := range f.ids {
		if !slices.ContainsFunc(f.views[Key{p.Region, id}], func(i image.Image) bool { return i.Kind != image.KindShared && i.Kind != image.KindCommunity }) {
			return false
		}
	}
	return true
}

// ask asks a place for all ids.
func (f *finder) ask(ctx context.Context, p *Place) {
	found, shows, err := p.byIDs(ctx, f.ids)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(found)
	f.doubtful[p] = err == nil && !shows
}

// byIDs asks for images by id. It tells whether the answer shows that it is one.
func (l *look) byIDs(ctx context.Context, ids []image.ID) (found []image.Image, shows bool, err error) {
	which := image.Listing{IDs: ids, Statuses: image.Statuses()}
	if l.has(key("images", wider(which))) {
		found, err = l.Images(ctx, which)
		return found, true, err
	}
	type answer struct {
		found []image.Image
		shows bool
	}
	one, err := remember(l, key("ids", ids), func() (answer, error) {
		found, shows, err := l.askBeside(ctx, ids)
		return answer{found, shows}, err
	})
	if err != nil {
		l.note(MayListImages, err)
	}
	return one.found, one.shows, err
}

// askBeside asks for images by id, by the hundred, and for a public one beside
// them, where one is known. No answer without rows shows that it is one.
func (l *look) askBeside(ctx context.Context, ids []image.ID) (found []image.Image, shows bool, err error) {
	shows = true
	known := l.call.recent.publicOf(l.kept.region)
	beside := known != "" && !slices.Contains(ids, known)
	for some := range slices.Chunk(ids, most-1) {
		if beside {
			some = append(slices.Clone(some), known)
		}
		answer, err := l.askImages(ctx, image.Listing{IDs: some, Statuses: image.Statuses()})
		if err != nil {
			return nil, false, err
		}
		is := func(i image.Image) bool { return i.ID == known }
		if beside && !slices.ContainsFunc(answer, is) {
			l.call.recent.forget(l.kept.region)
		}
		shows = shows && len(answer) > 0
		if beside {
			answer = slices.DeleteFunc(slices.Clone(answer), is)
		}
		found = append(found, answer...)
	}
	return found, shows, nil
}

// again asks places whose answer did not show that it is one, for the ids that
// nobody showed.
func (f *finder) again(ctx context.Context) {
	left := f.left()
	if len(left) == 0 {
		return
	}
	places := slices.DeleteFunc(slices.Clone(f.survey.places), func(p *Place) bool { return !f.doubtful[p] })
	Each(places, func(p *Place) { f.doubt(ctx, p, left) })
}

// doubt asks a place again, beside a list that cannot be empty.
func (f *finder) doubt(ctx context.Context, p *Place, ids []image.ID) {
	found, err := read(&p.look, key("doubted", ids), MayListImages, func() ([]image.Image, error) {
		return p.doubtedAgain(ctx, ids)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.add(found)
	}
}

// doubtedAgain is what doubtedImages does after a list was empty once.
func (l *look) doubtedAgain(ctx context.Context, ids []image.ID) ([]image.Image, error) {
	if found, shows, err := l.askBeside(ctx, ids); err != nil || shows {
		return found, err
	}
	if err := l.kept.proof.after(l.kept.proof.mark(), func() error { return l.shown(ctx) }); err != nil {
		return nil, err
	}
	return l.askImages(ctx, image.Listing{IDs: ids, Statuses: image.Statuses()})
}

// left are the ids that nobody showed.
func (f *finder) left() []image.ID {
	seen := map[image.ID]bool{}
	for k := range f.views {
		seen[k.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(f.ids), func(id image.ID) bool { return seen[id] })
}

// others asks for Marketplace and community images, which are in no list unless
// they are asked for and are the same for every account: one place of each region,
// and where it shows one, the others too.
func (f *finder) others(ctx context.Context) {
	left := f.left()
	if len(left) == 0 {
		return
	}
	type question struct {
		region image.RegionID
		kind   image.Kind
	}
	var all []question
	for _, r := range f.survey.regionsHere() {
		all = append(all, question{r, image.KindMarketplace}, question{r, image.KindCommunity})
	}
	Each(all, func(q question) {
		there := f.survey.In(q.region)
		slices.SortStableFunc(there, func(a, b *Place) int { return f.survey.away(a) - f.survey.away(b) })
		for _, p := range there {
			found, err := p.allOthers(ctx, q.kind, left)
			if err != nil {
				continue
			}
			f.mu.Lock()
			f.add(found)
			f.mu.Unlock()
			if len(found) == 0 {
				return
			}
		}
	})
}

// away is 0 for places of our own account.
func (s *Survey) away(p *Place) int {
	if p.Account == s.home {
		return 0
	}
	return 1
}

// regionsHere are the regions of the places, in order.
func (s *Survey) regionsHere() []image.RegionID {
	var regions []image.RegionID
	for _, p := range s.places {
		regions = append(regions, p.Region)
	}
	return inOrder(regions)
}

// allOthers asks for images of a kind by id; an empty list is asked for again.
func (l *look) allOthers(ctx context.Context, kind image.Kind, ids []image.ID) ([]image.Image, error) {
	which := image.Listing{Kind: kind, IDs: ids, Statuses: image.Statuses()}
	if wide := key("images", wider(which)); l.has(wide) {
		return l.Images(ctx, which)
	}
	return read(l, key("others", which), MayListImages, twice(func() ([]image.Image, error) { return l.askImages(ctx, which) }))
}

// hidden asks an account again that was not shown an image of its own, and notes
// it if it still is not.
func (f *finder) hidden(ctx context.Context) {
	asked := map[*Place][]image.ID{}
	for k, views := range f.views {
		for i := range views {
			p := f.survey.Place(views[i].Owner, k.Region)
			own := func(v image.Image) bool { return v.Account == views[i].Owner }
			if p != nil && views[i].Kind != image.KindCustom && !slices.ContainsFunc(views, own) {
				asked[p] = append(asked[p], k.ID)
			}
		}
	}
	places := slices.SortedFunc(maps.Keys(asked), func(a, b *Place) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	Each(places, func(p *Place) { f.doubt(ctx, p, inOrder(asked[p])) })
	for _, p := range places {
		for _, id := range inOrder(asked[p]) {
			if !slices.ContainsFunc(f.views[Key{p.Region, id}], func(v image.Image) bool { return v.Account == p.Account }) {
				f.survey.Note(image.UnreadOf(p.Account, p.Region, "", fault.New(fault.Unknown,
					"account %s owns %s and was not shown it; ask again", p.Account, id).WithCode(CodeOwnImageHidden)))
			}
		}
	}
}

// add takes views, each account's once.
func (f *finder) add(found []image.Image) {
	for i := range found {
		k := Key{found[i].Region, found[i].ID}
		if !slices.ContainsFunc(f.views[k], func(v image.Image) bool { return v.Ref == found[i].Ref }) {
			f.views[k] = append(f.views[k], found[i])
		}
	}
}

// sightings are what was found, in order.
func (f *finder) sightings() []Sighting {
	keys := slices.SortedFunc(maps.Keys(f.views), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Region, b.Region))
	})
	found := make([]Sighting, 0, len(keys))
	for _, k := range keys {
		views := slices.SortedFunc(slices.Values(f.views[k]), BetterView)
		found = append(found, Sighting{Image: views[0], Views: views})
	}
	return found
}

// BetterView orders the views of one image by how much they tell: the owner's
// first, then that of an account to which it was granted; the rest makes the
// choice independent of the order of reading.
func BetterView(a, b image.Image) int {
	return cmp.Or(
		cmp.Compare(worth(a), worth(b)), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Description, b.Description),
	)
}

func worth(view image.Image) int {
	return slices.Index([]image.Kind{image.KindCustom, image.KindShared, image.KindCommunity, image.KindPublic, image.KindMarketplace}, view.Kind)
}

// Among looks for images by id as Find does and fails as Missing does where one of
// them is nowhere.
func (s *Survey) Among(ctx context.Context, id image.ID) ([]Sighting, error) {
	found := s.Find(ctx, []image.ID{id})
	if len(found) == 0 {
		return nil, s.Missing("image", fmt.Sprint(id))
	}
	return found, nil
}
