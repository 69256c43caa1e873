package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Locate finds an image by its id: one of an account's own if there is one, in
// whatever state, else as whoever sees it first. It fails with fault.NotFound; with
// fault.Invalid, naming the field to narrow by, if there is more than one; and with
// fault.Unknown if it was not found and some place could not be read, or was found
// as somebody else's and may be that of an account which could not be.
func Locate(ctx context.Context, s *survey.Survey, id image.ID) (image.Image, error) {
	found := s.Find(ctx, []image.ID{id})
	var own []image.Image
	for _, f := range found {
		own = append(own, slices.DeleteFunc(slices.Clone(f.Views), func(i image.Image) bool { return i.Kind != image.KindCustom })...)
	}
	switch {
	case len(own) == 1:
		return own[0], nil
	case len(own) > 1:
		return image.Image{}, fault.InField("region", "ambiguous", "must say which %s is meant: %s", id, namesOf(own))
	case len(found) > 0 && !perhapsOwn(found[0].Image, s.Unread()):
		return found[0].Image, nil
	case len(found) > 0:
		return image.Image{}, survey.Unreadable(s.Unread(), "%s was not found as an image of ours, and not all could be read (%s)", id, survey.Sentence(s.Unread()))
	}
	return image.Image{}, s.Missing("image", string(id))
}

// perhapsOwn reports whether an image that is shown as somebody else's may be of an
// account that could not be read.
func perhapsOwn(i image.Image, unread []image.Unread) bool {
	return slices.ContainsFunc(unread, func(u image.Unread) bool {
		return (i.Owner == "" || u.Account == "" || i.Owner == u.Account) && (u.Region == "" || u.Region == i.Region)
	})
}

func namesOf(images []image.Image) string {
	names := make([]string, len(images))
	for n, i := range images {
		names[n] = fmt.Sprintf("account=%s and region=%s", i.Account, i.Region)
	}
	return strings.Join(names, ", or ")
}
