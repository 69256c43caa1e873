package places_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/survey"
)

// The accounts of a call are the function's own, then one for each role, named by
// its ARN; the function's name shows in the session.
func TestAccountsOfACall(t *testing.T) {
	const role = "acs:ram::1000000000000002:role/reader"
	as, err := places.Open("find", nowhere, alicloud.Places{Accounts: []alicloud.RoleARN{role}}, alicloud.Scaling{ESSEndpoint: "https://ess.aliyuncs.com"})
	if err != nil {
		t.Fatal(err)
	}
	readers := as.Readers(function.Call{AccountID: "1000000000000001"})
	if len(readers) != 2 || readers[0].Role != "" || readers[0].ID != "" || readers[1].Role != role || readers[1].ID != "1000000000000002" {
		t.Errorf("%+v", readers)
	}
}

// An endpoint that is none is refused with the name of its variable, and so is
// "all" beside a region.
func TestOpenNamesTheVariable(t *testing.T) {
	for field, open := range map[string]func() error{
		"REGIONS": func() error {
			_, err := places.Open("find", nowhere, alicloud.Places{Regions: []alicloud.RegionWord{"all", "cn-hangzhou"}})
			return err
		},
		"ESS_ENDPOINT": func() error {
			_, err := places.Open("find", nowhere, alicloud.Places{}, alicloud.Scaling{ESSEndpoint: "ftp://ess.example"})
			return err
		},
	} {
		var refused *fault.Error
		if err := open(); !errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// A place that is not looked at is refused by the name of its parameter, before
// anybody is asked; without a region of its own a function says what to set.
func TestLookRefuses(t *testing.T) {
	look := places.Look{
		Configured: alicloud.Places{Regions: []alicloud.RegionWord{"cn-hangzhou"}}, Recent: survey.NewRecent(), Now: time.Now,
		Accounts: func(function.Call) []survey.Account { return nil },
	}
	var refused *fault.Error
	_, err := look.At(context.Background(), function.Call{}, survey.Just("cn-beijing", ""), places.Age{})
	if !errors.As(err, &refused) || refused.Field != "region" || refused.Code != survey.CodeUnknownRegion {
		t.Errorf("region: %v", err)
	}
	look.Configured.Regions = nil
	if _, err := look.At(context.Background(), function.Call{}, survey.Within{}, places.Age{}); fault.Of(err) != fault.Internal {
		t.Errorf("nowhere: %v", err)
	}
}

// What is not given is no age and narrows nothing.
func TestNothingGiven(t *testing.T) {
	seconds := 30
	if (places.Age{}).Duration() != 0 || (places.Age{MaxAge: &seconds}).Duration() != 30*time.Second {
		t.Error("an age")
	}
	if w := survey.Just("", ""); len(w.Regions)+len(w.Accounts) != 0 {
		t.Errorf("%+v", w)
	}
	if w := survey.Just("cn-hangzhou", "1000000000000001"); len(w.Regions) != 1 || len(w.Accounts) != 1 {
		t.Errorf("%+v", w)
	}
}

func nowhere(string) (string, bool) { return "", false }
