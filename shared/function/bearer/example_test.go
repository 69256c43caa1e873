package bearer_test

import (
	"fmt"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer"
	"imagekeeper/shared/function/bearer/bearertest"
)

func ExamplePolicy_Check() {
	key, err := bearertest.NewEC("2026-01")
	if err != nil {
		fmt.Println(err)
		return
	}
	trusted, err := bearer.ParseKeys([]byte(bearertest.Set(key)))
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := bearer.Policy{Keys: trusted, Issuer: "https://login.example", Audiences: []string{"imagekeeper"}, RolesClaim: "roles"}

	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	token := key.Token(bearertest.Grant{
		Issuer: "https://login.example", Audience: "imagekeeper", Subject: "ada", Roles: []string{"operator"}, From: now, For: time.Hour,
	})
	claims, err := policy.Check("Bearer "+token, now)
	fmt.Println(claims.Subject, claims.Roles, err)
	_, err = policy.Check("Bearer "+token, now.Add(time.Hour))
	fmt.Println(fault.Code(err), err)
	// Output:
	// ada [operator] <nil>
	// tokenExpired the token has expired
}
