package main

import (
	"context"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/function"
	archive "imagekeeper/shared/function/memory"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/survey"
)

// cloud is Alibaba Cloud with the credentials of each call.
type cloud struct {
	*alicloud.Cloud
	roles []alicloud.RoleARN
	place archive.Place
	// store is the bucket that reports are kept in, if they are kept in one.
	store *oss.Store
}

// openCloud opens the way to the cloud. It fails with fault.Invalid, naming the
// variable.
func openCloud(c config, home image.RegionID) (cloud, error) {
	open := cloud{roles: c.Accounts, place: c.Journal}
	where, err := c.Places.Config(home)
	if err != nil {
		return open, err
	}
	where.ESSEndpoint, where.Observer = c.ESSEndpoint, function.CloudCall
	if open.Cloud, err = alicloud.Open(where); err != nil {
		return open, err
	}
	if c.Journal.Bucket != "" {
		open.store, err = oss.Open(open.Cloud, oss.Config{Bucket: c.Journal.Bucket, Endpoint: c.OSSEndpoint})
	}
	return open, err
}

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-price"

func (c cloud) all(call function.Call) []*alicloud.Account {
	return c.Accounts(alicloud.Caller{
		Credentials: alicloud.Credentials{
			AccessKeyID:   call.Credentials.AccessKeyID,
			Secret:        string(call.Credentials.Secret),
			SecurityToken: string(call.Credentials.SecurityToken),
		},
		Account: image.AccountID(call.AccountID),
	}, c.roles, session)
}

// accounts are those to look through, our own first.
func (c cloud) accounts(call function.Call) []survey.Account {
	all := c.all(call)
	accounts := make([]survey.Account, len(all))
	for n, a := range all {
		accounts[n] = survey.Account{Reader: a, Role: string(a.Through())}
		if a.Through() != "" {
			accounts[n].ID = a.Named()
		}
	}
	return accounts
}

// documents opens what is kept, with the credentials of the call if that is a
// bucket.
func (c cloud) documents(call function.Call) (journal.Documents, error) {
	return c.place.Documents(func(string) (journal.Bucket, error) { return c.store.As(c.all(call)[0]), nil })
}

// look opens the places of the configuration; lists that were read at most so many
// seconds ago answer again.
func (h handler) look(ctx context.Context, call function.Call, maxAge *int) (*survey.Survey, error) {
	home := image.RegionID(call.Region)
	configured, all, err := h.config.LookIn(home)
	if err != nil {
		return nil, err
	}
	scope := survey.Scope{Regions: configured, All: all, Home: home, Recent: h.recent, Now: h.now}
	if maxAge != nil {
		scope.MaxAge = time.Duration(*maxAge) * time.Second
	}
	return survey.Open(ctx, h.accounts(call), scope)
}
