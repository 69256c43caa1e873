package main

import (
	"context"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/memory"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/sharing"
)

// account is one account as share works in it: as an owner of images, and as
// one that may use them.
type account interface {
	identity
	sharing.Cloud
	runners
	launchers
}

// runners is who runs an image.
type runners interface {
	Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error)
	Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error)
	Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error)
	MayList(ctx context.Context, in image.RegionID, which image.InstanceListing) (image.Tri, error)
}

// launchers is what would launch an image, and whom it is shared with.
type launchers interface {
	Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error)
	TemplateVersions(ctx context.Context, in image.RegionID) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context, in image.RegionID) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context, in image.RegionID) ([]image.Pipeline, error)
}

// identity is who an account is, and where.
type identity interface {
	ID(ctx context.Context) (image.AccountID, error)
	Regions(ctx context.Context) ([]image.Region, error)
	snapshots
}

// snapshots show which images are copies of each other and, with the runs of
// pipelines, where they come from.
type snapshots interface {
	Snapshots(ctx context.Context, in image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error)
	Builds(ctx context.Context, in image.RegionID) ([]image.Build, error)
}

// copies is an account as lineage reads it for regional copies: what disks were
// made from says nothing about those.
type copies struct{ regional }

// Disks are not needed, and not asked for.
func (copies) Disks(context.Context, image.DiskListing) ([]image.Disk, error) {
	return nil, nil
}

// The ways in which an account is seen.
var (
	_ account        = (*alicloud.Account)(nil)
	_ lineage.Reader = copies{}
)

// hands work on Alibaba Cloud, and on the journal, with the credentials of each call.
type hands struct {
	cloud *alicloud.Cloud
	roles []alicloud.RoleARN
	place memory.Place
	// store is the journal's bucket, if it is in one.
	store *oss.Store
}

// newHands opens the way to the cloud. It fails with fault.Invalid, naming the
// variable.
func newHands(c config, home image.RegionID) (hands, error) {
	h := hands{roles: c.Accounts, place: c.Journal}
	where, err := c.Places.Config(home)
	if err != nil {
		return h, err
	}
	where.ESSEndpoint, where.Observer = c.ESSEndpoint, function.CloudCall
	if h.cloud, err = alicloud.Open(where); err != nil {
		return h, err
	}
	if c.Journal.Bucket != "" {
		h.store, err = oss.Open(h.cloud, oss.Config{Bucket: c.Journal.Bucket, Endpoint: c.OSSEndpoint})
	}
	return h, err
}

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-share"

func (h hands) own(call function.Call) *alicloud.Account {
	return h.cloud.Account(alicloud.Credentials{
		AccessKeyID:   call.Credentials.AccessKeyID,
		Secret:        string(call.Credentials.Secret),
		SecurityToken: string(call.Credentials.SecurityToken),
	})
}

// accounts are our own and one per role.
func (h hands) accounts(call function.Call) []account {
	own := h.own(call)
	all := []account{own}
	for _, role := range h.roles {
		all = append(all, h.cloud.Role(own, role, session))
	}
	return all
}

// open opens the journal, with the credentials of the call if it is in a bucket.
func (h hands) open(call function.Call) (*journal.Journal, error) {
	return h.place.Open(func(string) (journal.Bucket, error) { return h.store.As(h.own(call)), nil })
}
