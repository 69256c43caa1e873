package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/rules"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// account is one account as import works in it: looked at through a survey, as an
// owner of images, and as where they are made.
type account struct {
	survey.Account
	sharing sharing.Cloud
	making  making
}

// making is what images are made with.
type making interface {
	importing.Cloud
	importing.Limits
	importing.Changer
	importing.Exporter
}

// owners are the accounts to work in, our own first.
func owners(as *places.Accounts) func(call function.Call) []account {
	return func(call function.Call) []account {
		var all []account
		for _, a := range as.Of(call) {
			all = append(all, account{places.Reader(a), a, alicloud.Operate(a)})
		}
		return all
	}
}

// store reads objects of any bucket.
type store interface {
	importing.Store
	rules.Objects
}

// objects reads the objects of imports and of rules, as our own account; each names
// its bucket.
func objects(as *places.Accounts, where alicloud.Storage) (func(call function.Call) store, error) {
	opened, err := oss.Open(as.Cloud(), oss.Config{Endpoint: where.OSSEndpoint})
	return func(call function.Call) store { return opened.As(as.Of(call)[0]) }, err
}
