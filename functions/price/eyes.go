package main

import (
	"context"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/function"
	archive "imagekeeper/shared/function/memory"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
)

// account is what price reads of one account; nothing here changes anything.
type account interface {
	sizes
	stores
	runners
	launchers
}

// runners is who runs an image, and whom it is shared with.
type runners interface {
	Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error)
	Instances(ctx context.Context, region image.RegionID, listing image.InstanceListing) ([]image.Instance, error)
	Disks(ctx context.Context, region image.RegionID, listing image.DiskListing) ([]image.Disk, error)
	MayList(ctx context.Context, region image.RegionID, listing image.InstanceListing) (image.Tri, error)
}

// launchers is what would launch an image.
type launchers interface {
	Grants(ctx context.Context, region image.RegionID, id image.ID) ([]image.Grant, error)
	TemplateVersions(ctx context.Context, region image.RegionID) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context, region image.RegionID) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context, region image.RegionID) ([]image.Pipeline, error)
}

// sizes is where an account can look, and what instances cost there.
type sizes interface {
	ID(ctx context.Context) (image.AccountID, error)
	Regions(ctx context.Context) ([]image.Region, error)
	InstanceTypes(ctx context.Context, region image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error)
	Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error)
}

// stores are the snapshots behind images, and the runs that built some.
type stores interface {
	Snapshots(ctx context.Context, region image.RegionID, listing image.SnapshotListing) ([]image.Snapshot, error)
	SnapshotChains(ctx context.Context, region image.RegionID) ([]image.Chain, error)
	SnapshotUsage(ctx context.Context, region image.RegionID) (image.SnapshotUsage, error)
	Builds(ctx context.Context, region image.RegionID) ([]image.Build, error)
}

// eye is one account to look through.
type eye struct {
	account account
	// id is known beforehand for a role only.
	id image.AccountID
}

// eyes look at Alibaba Cloud with the credentials of each call.
type eyes struct {
	cloud *alicloud.Cloud
	roles []alicloud.RoleARN
	place archive.Place
	// store is the bucket that reports are kept in, if they are kept in one.
	store *oss.Store
}

// newEyes opens the way to the cloud. It fails with fault.Invalid, naming the
// variable.
func newEyes(c config, home image.RegionID) (eyes, error) {
	e := eyes{roles: c.Accounts, place: c.Journal}
	where, err := c.Places.Config(home)
	if err != nil {
		return e, err
	}
	where.ESSEndpoint, where.Observer = c.ESSEndpoint, function.CloudCall
	if e.cloud, err = alicloud.Open(where); err != nil {
		return e, err
	}
	if c.Journal.Bucket != "" {
		e.store, err = oss.Open(e.cloud, oss.Config{Bucket: c.Journal.Bucket, Endpoint: c.OSSEndpoint})
	}
	return e, err
}

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-price"

func (e eyes) own(call function.Call) *alicloud.Account {
	return e.cloud.Account(alicloud.Credentials{
		AccessKeyID:   call.Credentials.AccessKeyID,
		Secret:        string(call.Credentials.Secret),
		SecurityToken: string(call.Credentials.SecurityToken),
	})
}

// documents opens what is kept, with the credentials of the call if that is a
// bucket.
func (e eyes) documents(call function.Call) (journal.Documents, error) {
	return e.place.Documents(func(string) (journal.Bucket, error) { return e.store.As(e.own(call)), nil })
}

// open returns our own account and one per role. A role that cannot be assumed
// fails every look, and hides no other account.
func (e eyes) open(call function.Call) []eye {
	own := e.own(call)
	all := []eye{{account: own}}
	for _, role := range e.roles {
		id, _ := role.Account() // the configuration was checked
		all = append(all, eye{account: e.cloud.Role(own, role, session), id: id})
	}
	return all
}
