package sharing_test

import (
	"context"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// blind is an account whose images cannot be listed in some regions.
type blind struct {
	survey.Reader
	in     []image.RegionID
	closed bool
}

// ID fails for an account that cannot be opened.
func (b blind) ID(ctx context.Context) (image.AccountID, error) {
	if b.closed {
		return "", fault.New(fault.Forbidden, "the role may not be assumed")
	}
	return b.Reader.ID(ctx)
}

func (b blind) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	for _, r := range b.in {
		if r == in {
			return nil, fault.New(fault.Forbidden, "no")
		}
	}
	return b.Reader.Images(ctx, in, which)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	const home, away = image.RegionID("cn-hangzhou"), image.RegionID("cn-shanghai")
	const own, other, stranger = cloudsim.FirstAccount, cloudsim.SecondAccount, image.AccountID("1000000000000009")
	cloud := cloudsim.New(cloudsim.Options{})
	add := func(account image.AccountID, region image.RegionID, id image.ID, with ...image.AccountID) {
		kind := image.KindCustom
		if account == "" {
			account, kind = own, image.KindPublic
		}
		cloud.AddImage(account, region, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}, Kind: kind}, SharedWith: with})
	}
	for _, region := range []image.RegionID{home, away} {
		add("", region, "ubuntu.vhd")
		add(own, region, "m-twice")
	}
	add(own, home, "m-1", other)
	add(other, home, "m-2", own)
	add(stranger, home, "m-3", own, other)
	for _, c := range []struct {
		name           string
		id             image.ID
		closed         bool // the other account cannot be opened
		blind, blinder []image.RegionID
		found          image.AccountID
		image          image.Kind
		kind           fault.Kind
	}{
		{"the owner's view wins", "m-1", false, nil, nil, own, image.KindCustom, ""},
		{"the owner is the other account", "m-2", false, nil, nil, other, image.KindCustom, ""},
		{"only shared with us", "m-3", false, nil, nil, own, image.KindShared, ""},
		{"our own although another place is unread", "m-1", false, []image.RegionID{away}, nil, own, image.KindCustom, ""},
		{"shared with us by an account that cannot be opened", "m-2", true, nil, nil, "", "", fault.Unknown},
		{"shared with us by an account that is not read there", "m-2", false, nil, []image.RegionID{home}, "", "", fault.Unknown},
		{"shared with us, and another region is unread", "m-3", false, nil, []image.RegionID{away}, own, image.KindShared, ""},
		{"nowhere", "m-none", false, nil, nil, "", "", fault.NotFound},
		{"nowhere that could be read", "m-none", false, nil, []image.RegionID{away}, "", "", fault.Unknown},
		{"twice", "m-twice", false, nil, nil, "", "", fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			accounts := []survey.Account{
				{Reader: blind{cloud.View(own), c.blind, false}},
				{Reader: blind{cloud.View(other), c.blinder, c.closed}, ID: other, Role: "acs:ram::1000000000000002:role/reader"},
			}
			s, err := survey.Open(t.Context(), accounts, survey.Scope{Regions: []image.RegionID{home, away}, Home: home})
			if err != nil {
				t.Fatal(err)
			}
			i, err := sharing.Locate(t.Context(), s, c.id)
			if i.Account != c.found || i.Kind != c.image || fault.Of(err) != c.kind {
				t.Errorf("got %s %s, %v", i.Ref, i.Kind, err)
			}
		})
	}
}
