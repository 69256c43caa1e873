package main

import (
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/selection"
)

// eyes look at Alibaba Cloud with the credentials of each call.
type eyes struct {
	cloud *alicloud.Cloud
	roles []alicloud.RoleARN
}

// session names what the roles are assumed for, in the vendor's audit log.
const session = "imagekeeper-find"

// views returns our own account and one per role. A role that cannot be assumed
// fails every look, and hides no other account.
func (e eyes) views(call function.Call) []selection.View {
	own := e.cloud.Account(alicloud.Credentials{
		AccessKeyID:   call.Credentials.AccessKeyID,
		Secret:        string(call.Credentials.Secret),
		SecurityToken: string(call.Credentials.SecurityToken),
	})
	views := []selection.View{{Catalogue: own}}
	for _, role := range e.roles {
		account, _ := role.Account() // the configuration was checked
		views = append(views, selection.View{
			Catalogue: e.cloud.Role(own, role, session), Account: account, Role: string(role),
		})
	}
	return views
}
