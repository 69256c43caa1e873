package lineage

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/image"
)

// Granter tells whom an image is shared with.
type Granter interface {
	Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error)
}

// Share says that an image was shared on.
type Share struct {
	Image   Key
	Account image.AccountID
	// At is zero where ECS does not say.
	At time.Time
}

// Shares asks the owners of images whom they are shared with. Images of owners
// that cannot be asked are left out, and so are those that ECS marks as not
// shared. What could not be read is in unread.
func Shares(ctx context.Context, images []image.Image, owners map[image.AccountID]Granter) (shares []Share, unreadable []image.Unread) {
	var mu sync.Mutex
	var wait atonce.Group
	for _, i := range images {
		owner, ok := owners[i.Account]
		if !ok || i.Kind != image.KindCustom || i.SharedOut == image.No {
			continue
		}
		wait.Go(func() {
			grants, err := owner.Grants(ctx, i.Region, i.ID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unreadable = append(unreadable, unread(Place{Account: i.Account, Region: i.Region}, err, "ecs:DescribeImageSharePermission"))
				return
			}
			for _, g := range grants {
				shares = append(shares, Share{KeyOf(i.Ref), g.Account, g.At})
			}
		})
	}
	wait.Wait()
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(compareKeys(a.Image, b.Image), cmp.Compare(a.Account, b.Account))
	})
	slices.SortFunc(unreadable, func(a, b image.Unread) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Code, b.Code))
	})
	return shares, slices.Compact(unreadable)
}
