package sharing_test

import (
	"context"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/sharing"
)

// shelf is a catalogue with what it shows, or the failure of looking.
type shelf struct {
	images []image.Image
	err    error
}

func (s shelf) Images(context.Context, image.RegionID, image.Listing) ([]image.Image, error) {
	return s.images, s.err
}

func TestLocate(t *testing.T) {
	t.Parallel()
	at := func(account image.AccountID, region image.RegionID, kind image.Kind) sharing.Place {
		i := image.Image{Ref: image.Ref{Account: account, Region: region, ID: "m-1"}, Kind: kind}
		return sharing.Place{Account: account, Region: region, Catalogue: shelf{images: []image.Image{i, {Ref: image.Ref{ID: "m-other"}, Kind: image.KindCustom}}}}
	}
	blind := sharing.Place{Account: owner, Region: "cn-qingdao", Catalogue: shelf{err: fault.New(fault.Forbidden, "no")}}
	elsewhere := sharing.Place{Account: owner, Catalogue: shelf{err: fault.New(fault.Forbidden, "no")}}
	empty := sharing.Place{Account: owner, Region: "cn-qingdao", Catalogue: shelf{}}
	own, other := at(owner, "cn-hangzhou", image.KindCustom), at(account(0), "cn-hangzhou", image.KindShared)
	for _, c := range []struct {
		name   string
		places []sharing.Place
		found  image.AccountID
		kind   fault.Kind
	}{
		{"the owner's view wins", []sharing.Place{other, own, empty}, owner, ""},
		{"only shared with us", []sharing.Place{empty, other}, account(0), ""},
		{"our own although another place is dark", []sharing.Place{blind, own}, owner, ""},
		{"shared with us, perhaps by an account that is dark", []sharing.Place{elsewhere, other}, "", fault.Unknown},
		{"shared with us, and another region is dark", []sharing.Place{blind, other}, account(0), ""},
		{"nowhere", []sharing.Place{empty}, "", fault.NotFound},
		{"nowhere that could be read", []sharing.Place{empty, blind}, "", fault.Unknown},
		{"twice", []sharing.Place{own, at(account(0), "cn-shanghai", image.KindCustom)}, "", fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i, err := sharing.Locate(t.Context(), c.places, "m-1")
			if i.Account != c.found || fault.Of(err) != c.kind {
				t.Errorf("got %s, %v", i.Ref, err)
			}
		})
	}
}
