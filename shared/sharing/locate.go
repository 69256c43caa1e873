package sharing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Catalogue lists the images of one account.
type Catalogue interface {
	Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error)
}

// Place is one account in one region.
type Place struct {
	Account   image.AccountID
	Region    image.RegionID
	Catalogue Catalogue
}

// Locate finds an image by its id in places: one of an account's own if there is
// one, in whatever state, else as whoever sees it first. It fails with
// fault.NotFound; with fault.Invalid, naming the field to narrow by, if there is
// more than one; and with fault.Unknown if it was not found and some place could
// not be read, or was found as somebody else's and may be that of an account which
// could not be.
func Locate(ctx context.Context, places []Place, id image.ID) (image.Image, error) {
	found, unread := lookFor(ctx, places, id)
	own := slices.DeleteFunc(slices.Clone(found), func(i image.Image) bool { return i.Kind != image.KindCustom })
	switch {
	case len(own) == 1:
		return own[0], nil
	case len(own) > 1:
		return image.Image{}, fault.InField("region", "ambiguous", "must say which %s is meant: %s", id, namesOf(own))
	case len(found) > 0 && !perhapsOwn(found[0], unread):
		return found[0], nil
	case len(unread) > 0:
		return image.Image{}, fault.New(fault.Unknown, "%s was not found as an image of ours, and %d of %d places could not be read; the first is %s/%s: %s",
			id, len(unread), len(places), unread[0].Account, unread[0].Region, unread[0].Sentence).WithCode("unread")
	}
	return image.Image{}, fault.New(fault.NotFound, "there is no image %s in the %d places that were looked at", id, len(places)).WithCode("imageNotFound")
}

// perhapsOwn reports whether an image that is shown as somebody else's may be of an
// account that could not be read.
func perhapsOwn(i image.Image, unread []image.Unread) bool {
	return slices.ContainsFunc(unread, func(u image.Unread) bool {
		return (i.Owner == "" || i.Owner == u.Account) && (u.Region == "" || u.Region == i.Region)
	})
}

func namesOf(images []image.Image) string {
	names := make([]string, len(images))
	for n, i := range images {
		names[n] = fmt.Sprintf("account=%s and region=%s", i.Account, i.Region)
	}
	return strings.Join(names, ", or ")
}

// lookFor looks in all places at once; what it returns is in order.
func lookFor(ctx context.Context, places []Place, id image.ID) ([]image.Image, []image.Unread) {
	var mu sync.Mutex
	var found []image.Image
	var unread []image.Unread
	var wait atonce.Group
	for _, p := range places {
		wait.Go(func() {
			images, err := p.Catalogue.Images(ctx, p.Region, image.Listing{IDs: []image.ID{id}, Statuses: image.Statuses()})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unread = append(unread, image.Unread{Account: p.Account, Region: p.Region, Reason: image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}})
			}
			found = append(found, slices.DeleteFunc(images, func(i image.Image) bool { return i.ID != id })...)
		})
	}
	wait.Wait()
	slices.SortFunc(found, func(a, b image.Image) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	slices.SortFunc(unread, func(a, b image.Unread) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return found, unread
}
