package main

import (
	"context"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/usage"
)

// reader is what find reads of one account; nothing here changes anything.
type reader interface {
	selection.Catalogue
	usage.Reader
	lineage.Granter
	storage
}

// storage is what lies behind images, what they cost, and what may be asked at all.
type storage interface {
	Snapshots(ctx context.Context, in image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error)
	Builds(ctx context.Context, in image.RegionID) ([]image.Build, error)
	// May tells whether an action is permitted, by a call that changes nothing.
	May(ctx context.Context, in image.RegionID, action string) (image.Tri, error)
	// Price asks what an instance would cost.
	Price(ctx context.Context, in image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error)
}

// eye is one account to look through.
type eye struct {
	reader reader
	// account and role are known beforehand for roles only.
	account image.AccountID
	role    string
}

// view is the eye as selection looks through it.
func (e eye) view() selection.View {
	return selection.View{Catalogue: e.reader, Account: e.account, Role: e.role}
}

// eyes look at Alibaba Cloud with the credentials of each call.
type eyes struct {
	cloud *alicloud.Cloud
	roles []alicloud.RoleARN
}

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-find"

// open returns our own account and one per role. A role that cannot be assumed
// fails every look, and hides no other account.
func (e eyes) open(call function.Call) []eye {
	own := e.cloud.Account(alicloud.Credentials{
		AccessKeyID:   call.Credentials.AccessKeyID,
		Secret:        string(call.Credentials.Secret),
		SecurityToken: string(call.Credentials.SecurityToken),
	})
	all := []eye{{reader: own}}
	for _, role := range e.roles {
		account, _ := role.Account() // the configuration was checked
		all = append(all, eye{reader: e.cloud.Role(own, role, session), account: account, role: string(role)})
	}
	return all
}
