package pricing

import (
	"context"
	"fmt"
	"sync"

	"imagekeeper/shared/image"
)

// Remembering is a desk that asks nothing twice: many questions compare with the
// same free image. A failure is remembered as well. It is for one answer only.
func Remembering(d Desk) Desk { return &remembering{desk: d, kept: map[string]any{}} }

type remembering struct {
	desk Desk
	mu   sync.Mutex
	kept map[string]any
}

// reply is one answer, or its failure.
type reply[T any] struct {
	once  sync.Once
	value T
	err   error
}

// remember asks once for a key, however many ask for it at the same time.
func remember[T any](r *remembering, key string, ask func() (T, error)) (T, error) {
	r.mu.Lock()
	kept, ok := r.kept[key].(*reply[T])
	if !ok {
		kept = &reply[T]{}
		r.kept[key] = kept
	}
	r.mu.Unlock()
	kept.once.Do(func() { kept.value, kept.err = ask() })
	return kept.value, kept.err
}

func (r *remembering) Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error) {
	return remember(r, fmt.Sprintf("images %s %+v", region, listing), func() ([]image.Image, error) { return r.desk.Images(ctx, region, listing) })
}

func (r *remembering) Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	return remember(r, fmt.Sprintf("price %s %+v", region, q), func() (image.PriceAnswer, error) { return r.desk.Price(ctx, region, q) })
}
