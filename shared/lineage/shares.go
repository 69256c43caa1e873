package lineage

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Share says that an image was shared on.
type Share struct {
	Image   Key
	Account image.AccountID
	// At is zero where ECS does not say.
	At time.Time
}

// Shares asks the owners of images whom they are shared with. Images of owners
// that are not looked at are left out, and so are those that ECS marks as not
// shared. What could not be read is noted in the survey.
func Shares(ctx context.Context, s *survey.Survey, images []image.Image) (shares []Share) {
	var mu sync.Mutex
	survey.Each(images, func(i image.Image) {
		owner := s.Place(i.Account, i.Region)
		if owner == nil || i.Kind != image.KindCustom || i.SharedOut == image.No {
			return
		}
		grants, err := owner.Grants(ctx, i.ID)
		if err != nil {
			return // noted
		}
		mu.Lock()
		defer mu.Unlock()
		for _, g := range grants {
			shares = append(shares, Share{KeyOf(i.Ref), g.Account, g.At})
		}
	})
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(compareKeys(a.Image, b.Image), cmp.Compare(a.Account, b.Account))
	})
	return shares
}
