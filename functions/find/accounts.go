package main

import (
	"context"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-find"

// accounts are those to look through, with the credentials of each call.
func accounts(cloud *alicloud.Cloud, roles []alicloud.RoleARN) func(function.Call) []survey.Account {
	return func(call function.Call) []survey.Account {
		caller := alicloud.Caller{Account: image.AccountID(call.AccountID), Credentials: alicloud.Credentials{
			AccessKeyID: call.Credentials.AccessKeyID, Secret: string(call.Credentials.Secret), SecurityToken: string(call.Credentials.SecurityToken),
		}}
		var all []survey.Account
		for _, a := range cloud.Accounts(caller, roles, session) {
			one := survey.Account{Reader: a, Role: string(a.Through())}
			if one.Role != "" {
				one.ID = a.Named()
			}
			all = append(all, one)
		}
		return all
	}
}

// open is what one call looks at: all that is configured, or what in narrows it to.
func (h handler) open(ctx context.Context, call function.Call, in where, within survey.Within) (*survey.Survey, error) {
	home := image.RegionID(call.Region)
	regions, all, err := h.config.LookIn(home)
	if err != nil {
		return nil, err
	}
	scope := survey.Scope{Regions: regions, All: all, Home: home, Within: within, Recent: h.recent, Now: h.now}
	if in.MaxAge != nil {
		scope.MaxAge = time.Duration(*in.MaxAge) * time.Second
	}
	return survey.Open(ctx, h.accounts(call), scope)
}

// here is what in narrows a call to.
func (h handler) here(ctx context.Context, call function.Call, in where) (*survey.Survey, error) {
	return h.open(ctx, call, in, in.within())
}

// everywhere is all that is configured, and the part that in narrows it to.
func (h handler) everywhere(ctx context.Context, call function.Call, in where) (all, here *survey.Survey, err error) {
	if all, err = h.open(ctx, call, in, survey.Within{}); err != nil {
		return nil, nil, err
	}
	here, err = all.Narrow(in.within())
	return all, here, err
}
