package main

import (
	"context"
	"sync"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// eyes look at Alibaba Cloud with the credentials of each call.
type eyes struct {
	cloud *alicloud.Cloud
	roles []roleWord
}

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-find"

// views returns our own account and one per role.
func (e eyes) views(call function.Call) []selection.View {
	own := e.cloud.Account(alicloud.Credentials{
		AccessKeyID:   call.Credentials.AccessKeyID,
		Secret:        string(call.Credentials.Secret),
		SecurityToken: string(call.Credentials.SecurityToken),
	})
	views := []selection.View{{Catalogue: own}}
	for _, role := range e.roles {
		arn := alicloud.RoleARN(role)
		account, _ := arn.Account() // the configuration was checked
		views = append(views, selection.View{
			Catalogue: &assumed{assume: func(ctx context.Context) (*alicloud.Account, error) {
				return e.cloud.Assume(ctx, own, arn, session)
			}},
			Account: account, Role: string(arn),
		})
	}
	return views
}

// assumed is an account whose role is assumed when somebody first looks. A
// role that cannot be assumed fails every look, and hides no other account.
type assumed struct {
	assume func(ctx context.Context) (*alicloud.Account, error)

	once    sync.Once
	account *alicloud.Account
	err     error
}

func (a *assumed) open(ctx context.Context) (*alicloud.Account, error) {
	a.once.Do(func() { a.account, a.err = a.assume(ctx) })
	return a.account, a.err
}

func (a *assumed) ID(ctx context.Context) (image.AccountID, error) {
	account, err := a.open(ctx)
	if err != nil {
		return "", err
	}
	return account.ID(ctx)
}

func (a *assumed) Regions(ctx context.Context) ([]image.Region, error) {
	account, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	return account.Regions(ctx)
}

func (a *assumed) Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error) {
	account, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	return account.Images(ctx, region, listing)
}

func (a *assumed) InstanceTypes(ctx context.Context, region image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error) {
	account, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	return account.InstanceTypes(ctx, region, types)
}
