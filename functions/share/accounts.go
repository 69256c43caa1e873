package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/memory"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// account is one account as share works in it: looked at through a survey, and as
// an owner of images.
type account struct {
	survey.Account
	sharing.Cloud
}

// clients work on Alibaba Cloud, and on the journal, with the credentials of each
// call.
type clients struct {
	cloud *alicloud.Cloud
	roles []alicloud.RoleARN
	place memory.Place
	// store is the journal's bucket, if it is in one.
	store *oss.Store
}

// newClients opens the way to the cloud. It fails with fault.Invalid, naming the
// variable.
func newClients(c config, home image.RegionID) (clients, error) {
	h := clients{roles: c.Accounts, place: c.Journal}
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

// all are our own account and one per role; the roles show as imagekeeper-share in
// the vendor's audit log.
func (c clients) all(call function.Call) []*alicloud.Account {
	return c.cloud.Accounts(alicloud.Caller{
		Credentials: alicloud.Credentials{
			AccessKeyID:   call.Credentials.AccessKeyID,
			Secret:        string(call.Credentials.Secret),
			SecurityToken: string(call.Credentials.SecurityToken),
		},
		Account: image.AccountID(call.AccountID),
	}, c.roles, "imagekeeper-share")
}

// accounts are those to work in, our own first.
func (c clients) accounts(call function.Call) []account {
	var all []account
	for _, a := range c.all(call) {
		of := survey.Account{Reader: a, Role: string(a.Through())}
		if of.Role != "" {
			of.ID = a.Named()
		}
		all = append(all, account{of, a})
	}
	return all
}

// open opens the journal, with the credentials of the call if it is in a bucket.
func (c clients) open(call function.Call) (*journal.Journal, journal.Documents, error) {
	bucket := func(string) (journal.Bucket, error) { return c.store.As(c.all(call)[0]), nil }
	log, err := c.place.Open(bucket)
	if err != nil {
		return nil, nil, err
	}
	documents, err := c.place.Documents(bucket)
	return log, documents, err
}
