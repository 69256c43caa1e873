// Package places is where a call looks, the same for every function: as which
// accounts, in which regions, how old lists may be, and how requests name all that.
package places

import (
	"context"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Accounts opens Alibaba Cloud as the accounts of a deployment: the function's own,
// and those that the roles of ACCOUNTS lead to.
type Accounts struct {
	cloud   *alicloud.Cloud
	roles   []alicloud.RoleARN
	session string
}

// Open opens the way to the cloud for the function called name; beside says where
// other services than ECS and STS are. It fails with fault.Invalid, naming the
// variable.
func Open(name string, look function.Lookup, where alicloud.Places, beside ...alicloud.Endpoint) (*Accounts, error) {
	home, _ := look("FC_REGION")
	config, err := where.Config(image.RegionID(home))
	if err != nil {
		return nil, err
	}
	config.Observer = function.CloudCall
	for _, service := range beside {
		service.Set(&config)
	}
	cloud, err := alicloud.Open(config)
	if err != nil {
		return nil, err
	}
	return &Accounts{cloud: cloud, roles: where.Accounts, session: "imagekeeper-" + name}, nil
}

// Cloud is the way to Alibaba Cloud, without anybody's credentials.
func (a *Accounts) Cloud() *alicloud.Cloud { return a.cloud }

// Of are the accounts, our own first, with the credentials of a call. The roles show
// as imagekeeper- and the function's name in the vendor's audit log.
func (a *Accounts) Of(call function.Call) []*alicloud.Account {
	return a.cloud.Accounts(alicloud.Caller{
		Account: image.AccountID(call.AccountID),
		Credentials: alicloud.Credentials{
			AccessKeyID: call.Credentials.AccessKeyID, Secret: string(call.Credentials.Secret), SecurityToken: string(call.Credentials.SecurityToken),
		},
	}, a.roles, a.session)
}

// Readers are the accounts of a call as a survey looks as them, our own first.
func (a *Accounts) Readers(call function.Call) []survey.Account {
	var all []survey.Account
	for _, one := range a.Of(call) {
		all = append(all, Reader(one))
	}
	return all
}

// Reader is an account as a survey looks as it.
func Reader(a *alicloud.Account) survey.Account {
	of := survey.Account{Reader: a, Role: string(a.Through())}
	if of.Role != "" {
		of.ID = a.Named()
	}
	return of
}

// Look opens what calls look at.
type Look struct {
	// Configured says where this deployment looks.
	Configured alicloud.Places
	// Accounts are those to look as, our own first.
	Accounts func(call function.Call) []survey.Account
	// Recent is what the process remembers between calls.
	Recent *survey.Recent
	// Reads: the function changes nothing.
	Reads bool
	Now   func() time.Time
}

// At opens what a request narrows the configuration to. It fails with fault.Invalid,
// naming the parameter, for what is not looked at.
func (l Look) At(ctx context.Context, call function.Call, within survey.Within, age Age) (*survey.Survey, error) {
	home := image.RegionID(call.Region)
	regions, all, err := l.Configured.LookIn(home)
	if err != nil {
		return nil, err
	}
	return survey.Open(ctx, l.Accounts(call), survey.Scope{
		Regions: regions, All: all, Home: home, Within: within, Recent: l.Recent, MaxAge: age.Duration(), Reads: l.Reads, Now: l.Now,
	})
}

// Both opens all that is configured, and the part of it that a request asks for.
func (l Look) Both(ctx context.Context, call function.Call, in Where) (all, here *survey.Survey, err error) {
	if all, err = l.At(ctx, call, survey.Within{}, in.Age); err != nil {
		return nil, nil, err
	}
	here, err = all.Narrow(in.Within())
	return all, here, err
}

// Again is what look opens with nothing remembered. Where it opens nothing, the log says
// why, and nothing is looked at.
func Again(ctx context.Context, call function.Call, look func(context.Context) (*survey.Survey, error)) survey.Fresh {
	opened, err := look(ctx)
	if err != nil {
		call.Log.Warn("accounts not opened", "code", fault.Code(err), "error", err)
		return survey.Fresh{}
	}
	return opened.Again()
}

// Age is how old lists may be that answer again.
type Age struct {
	MaxAge *int `json:"maxAge" validate:"omitempty,min=0,max=3600" doc:"Seconds: lists that this instance read at most so long ago answer again; asOf says when. Default 0"`
}

// Duration is the age; nothing given is none.
func (a Age) Duration() time.Duration {
	if a.MaxAge == nil {
		return 0
	}
	return time.Duration(*a.MaxAge) * time.Second
}

// Where is how a request narrows the places to look at.
type Where struct {
	Region  []image.RegionID  `json:"region" validate:"max=100,dive,regionid" doc:"Regions to look at, among those that the deployment looks at"`
	Account []image.AccountID `json:"account" validate:"max=100,dive,accountid" doc:"Accounts as whom to look"`
	Age
}

// Within is the same for a survey.
func (w Where) Within() survey.Within {
	return survey.Within{Regions: w.Region, Accounts: w.Account}
}

// Rules are the shapes of all that requests name.
func Rules() []function.Rule {
	var rules []function.Rule
	for _, s := range image.Shapes() {
		rules = append(rules, function.Rule(s))
	}
	return rules
}

// AsOf is when what a survey read was true, to the second.
func AsOf(s *survey.Survey) time.Time { return s.AsOf().UTC().Truncate(time.Second) }
