package survey

import (
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// The rule of empty lists: ECS answers some callers who may not look, and now and
// then others, with a list without rows that looks authorised. A list of images
// without rows counts only after one that cannot be empty was not, and when it was
// then empty again: whatever makes ECS answer nothing for a while is over before
// it is believed. Every region has public images.

// doubtedImages reads one listing. It fails with fault.Unknown, CodeEmptyList,
// where not even public images are shown, or nothing at all of a whole place.
func (l *look) doubtedImages(ctx context.Context, which image.Listing) ([]image.Image, error) {
	found, err := l.askImages(ctx, which)
	if err != nil || len(found) > 0 {
		return found, err
	}
	if err := l.kept.proof.after(l.kept.proof.mark(), func() error { return l.shown(ctx) }); err != nil {
		return nil, err
	}
	found, err = l.askImages(ctx, which)
	if err == nil && len(found) == 0 && hasPublic(which) {
		return nil, errNothingShown()
	}
	return found, err
}

// hasPublic: the listing has the public images that are available, among others.
func hasPublic(which image.Listing) bool {
	available := len(which.Statuses) == 0 || slices.Contains(which.Statuses, image.StatusAvailable)
	return which.Kind == "" && bare(which) && which.InstanceType == "" && available
}

func errNothingShown() error {
	return fault.New(fault.Unknown, "no image is shown, not even the public ones, which every region has").WithCode(CodeEmptyList)
}

// askImages asks for images by the hundred, and learns a public one of the region.
func (l *look) askImages(ctx context.Context, which image.Listing) ([]image.Image, error) {
	if len(which.IDs) <= most {
		found, err := l.kept.reader.Images(ctx, l.kept.region, which)
		l.call.recent.learn(l.kept.region, found)
		return found, err
	}
	var found []image.Image
	for ids := range slices.Chunk(which.IDs, most) {
		which.IDs = ids
		some, err := l.kept.reader.Images(ctx, l.kept.region, which)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// shown fails unless lists of images are answered here now: by a public image that
// is known, else by all of them.
func (l *look) shown(ctx context.Context) error {
	if known := l.call.recent.publicOf(l.kept.region); known != "" {
		found, err := l.kept.reader.Images(ctx, l.kept.region, image.Listing{IDs: []image.ID{known}, Statuses: image.Statuses()})
		if err != nil || len(found) > 0 {
			return err
		}
		l.call.recent.forget(l.kept.region)
	}
	found, err := l.kept.reader.Images(ctx, l.kept.region, image.Listing{Kind: image.KindPublic})
	if err == nil && len(found) == 0 {
		return errNothingShown()
	}
	l.call.recent.learn(l.kept.region, found)
	return err
}

// proof is when it was last shown that a place answers lists; those who doubt at
// the same time share one.
type proof struct {
	turn  sync.Mutex
	mu    sync.Mutex
	begun int
	last  int
	err   error
}

// mark is now, for after.
func (p *proof) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

// after is the outcome of a proof that began after mark was taken.
func (p *proof) after(mark int, prove func() error) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.mu.Lock()
	if p.last > mark {
		defer p.mu.Unlock()
		return p.err
	}
	p.begun++
	n := p.begun
	p.mu.Unlock()
	err := prove()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.err = n, err
	return err
}
