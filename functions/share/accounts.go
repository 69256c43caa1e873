package main

import (
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// account is one account as share works in it: looked at through a survey, and as
// an owner of images.
type account struct {
	survey.Account
	sharing.Cloud
}

// owners are the accounts to work in, our own first.
func owners(as *places.Accounts) func(call function.Call) []account {
	return func(call function.Call) []account {
		var all []account
		for _, a := range as.Of(call) {
			all = append(all, account{places.Reader(a), a})
		}
		return all
	}
}
