package alicloud

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// mostIDs is how many ids one listing may name.
const mostIDs = 100

// checkIDs fails with fault.Invalid for more ids than one listing takes, and
// for what cannot be an id: it would change the meaning of a list.
func checkIDs[ID ~string](ids []ID) error {
	if len(ids) > mostIDs {
		return fault.InField("ids", "tooMany", "at most %d may be asked for at once, not %d", mostIDs, len(ids))
	}
	for _, id := range ids {
		if id == "" || len(id) > 128 || strings.ContainsFunc(string(id), func(r rune) bool {
			return r <= ' ' || r > '~' || strings.ContainsRune(`,"\[]`, r)
		}) {
			return fault.InField("ids", "idMalformed", "one of them cannot be an id")
		}
	}
	return nil
}

// Images lists the images of one region that match the listing, from all
// pages, each with the Ref of this account. The order is ECS's. An id that
// does not exist is absent. Source: DescribeImages.
//
// It fails with fault.Unknown rather than return a list that may be short: the
// count, the page numbers and the ids must agree, and a list that changes
// while it is read is read again. An empty list is passed on as it is: whether
// it can be true is for whoever asked.
func (a *Account) Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error) {
	if err := checkListing(region, listing); err != nil {
		return nil, err
	}
	id, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.images(ctx, id, region, listing)
	if err != nil || len(found) > 0 || len(listing.IDs) < 2 {
		return found, err
	}
	// Some versions of the API take one id only and find nothing for several.
	for _, one := range listing.IDs {
		listing.IDs = []image.ID{one}
		more, err := a.images(ctx, id, region, listing)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// checkListing fails with fault.Invalid for what ECS would misunderstand.
func checkListing(region image.RegionID, listing image.Listing) error {
	if err := checkRegion(region); err != nil {
		return err
	}
	if listing.Kind != "" && !slices.Contains(image.Kinds(), listing.Kind) {
		return fault.InField("kind", "unknownKind", "must be one of public, custom, shared, marketplace, community")
	}
	return checkIDs(listing.IDs)
}

// images reads one listing of images.
func (a *Account) images(ctx context.Context, id image.AccountID, region image.RegionID, asked image.Listing) ([]image.Image, error) {
	l := listing[image.Image]{
		operation: "ecs:DescribeImages", account: id, region: region, shape: a.cloud.tables().images, size: pageSize,
		request: func(number int, _ string) params { return imagesRequest(region, asked, number) },
		key:     func(i *image.Image) string { return string(i.ID) },
		check: func(i *image.Image) error {
			i.Ref = image.Ref{Account: id, Region: region, ID: i.ID}
			if len(asked.IDs) > 0 && !slices.Contains(asked.IDs, i.ID) {
				return errNotAsked
			}
			return settleKind(i, id)
		},
	}
	return l.byNumber(ctx, a)
}

// imagesRequest asks for one page of a listing of images.
func imagesRequest(region image.RegionID, asked image.Listing, number int) params {
	return params{
		"RegionId": string(region), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(pageSize),
		"ImageOwnerAlias": alias(asked.Kind), "IsPublic": flagged(asked.Kind == image.KindCommunity),
		"ImageId": joined(asked.IDs), "Status": joined(asked.Statuses), "ImageFamily": string(asked.Family),
		"SnapshotId": string(asked.SnapshotID), "OSType": string(asked.OSType), "Architecture": string(asked.Architecture),
		"InstanceType": string(asked.InstanceType), "ImageOwnerId": string(asked.Owner), "Usage": string(asked.Usage),
	}
}

// joined writes a list as ECS's comma lists.
func joined[S ~string](list []S) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = string(s)
	}
	return strings.Join(parts, ",")
}

// alias returns the ImageOwnerAlias of a kind.
func alias(kind image.Kind) string {
	switch kind {
	case image.KindPublic:
		return "system"
	case image.KindCustom:
		return "self"
	case image.KindShared, image.KindCommunity:
		return "others"
	case image.KindMarketplace:
		return "marketplace"
	}
	return ""
}

// settleKind turns the ImageOwnerAlias that was read into the kind, and names
// the owner of custom images when ECS does not.
func settleKind(i *image.Image, reader image.AccountID) error {
	switch i.Kind {
	case "system":
		i.Kind = image.KindPublic
	case "self":
		i.Kind = image.KindCustom
		if i.Owner == "" {
			i.Owner = reader
		}
	case "others":
		i.Kind = image.KindShared
		if i.Published {
			i.Kind = image.KindCommunity
		}
	case "marketplace":
		i.Kind = image.KindMarketplace
	default:
		return errNotAsked
	}
	return nil
}

// Grants lists the accounts that an image is shared with, from all pages, in
// ECS's order. It fails with fault.NotFound for an image that is not the
// account's own. Source: DescribeImageSharePermission.
func (a *Account) Grants(ctx context.Context, region image.RegionID, id image.ID) ([]image.Grant, error) {
	if err := checkRegion(region); err != nil {
		return nil, err
	}
	if err := checkIDs([]image.ID{id}); err != nil {
		return nil, err
	}
	account, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	l := listing[image.Grant]{
		operation: "ecs:DescribeImageSharePermission", account: account, region: region, shape: a.cloud.tables().grants, size: pageSize,
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "ImageId": string(id), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(pageSize),
			}
		},
		key:   func(g *image.Grant) string { return string(g.Account) },
		check: func(*image.Grant) error { return nil },
		echo: func(m mark) error {
			if m.image != "" && m.image != id {
				return errNotAsked
			}
			return nil
		},
	}
	return l.byNumber(ctx, a)
}

// Regions lists the regions that the account may use, in ECS's order, with
// names in English; Endpoint is the override's host if there is one. Source:
// DescribeRegions.
func (a *Account) Regions(ctx context.Context) ([]image.Region, error) {
	account, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	home := a.cloud.home
	l := listing[image.Region]{
		operation: "ecs:DescribeRegions", account: account, region: home, shape: a.cloud.tables().regions, size: mostRegions,
		request: func(int, string) params {
			return params{
				"RegionId": string(home), "AcceptLanguage": "en-US",
			}
		},
		key:   func(r *image.Region) string { return string(r.ID) },
		check: func(r *image.Region) error { return checkRegion(r.ID) },
		never: true,
	}
	found, err := l.settled(ctx, a, l.once)
	if err != nil {
		return nil, err
	}
	a.cloud.learn(found)
	for i := range found {
		found[i].Endpoint = a.cloud.at(productECS, found[i].ID).host
	}
	return found, nil
}

// mostRegions bounds an answer of DescribeRegions; there are about thirty.
const mostRegions = 1000

// once reads a list that comes in one answer.
func (l listing[T]) once(ctx context.Context, a *Account) ([]T, error) {
	got, err := l.page(ctx, a, 0, "", nil)
	if err != nil {
		return nil, err
	}
	return got.rows, l.distinct(got.rows)
}
