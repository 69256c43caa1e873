package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// invitation is what a newcomer can try now: lines to paste. Tokens is the
// folder with a token for each role; "" if the caller has an issuer of their own.
func invitation(gateway string, functions []string, cloud *cloudsim.Cloud, tokens string) string {
	curl := func(path string) string { return fmt.Sprintf(`curl -H "$viewer" '%s%s'`, gateway, path) }
	lines := append(credentials(tokens), fmt.Sprintf("curl '%s/_local/functions'", gateway))
	if slices.Contains(functions, "find") {
		lines = append(lines, curl("/images?kind=custom&region=cn-hangzhou&osType=linux&limit=5"))
	}
	if slices.Contains(functions, "find") && cloud != nil {
		lines = append(lines,
			curl("/images?family=web-base&limit=1&explain=true"),
			curl("/families/web-base?region=cn-hangzhou&instanceType=ecs.g7.large"))
		if id := example(cloud); id != "" {
			lines = append(lines, curl("/images/"+string(id)))
		}
	}
	return "try:\n  " + strings.Join(lines, "\n  ") + "\n"
}

// credentials are lines that set one shell variable for each role, with the
// header that a caller of this role sends.
func credentials(tokens string) []string {
	if tokens == "" {
		return []string{`viewer="Authorization: Bearer …"   # a token of the issuer that PORTAL_ISSUER names`}
	}
	var lines []string
	for _, role := range function.Roles() {
		lines = append(lines, fmt.Sprintf(`%s="Authorization: Bearer $(cat %s)"`, role, keys.TokenFile(tokens, role)))
	}
	return lines
}

// example is the id of a custom image of the catalogue, the smallest one.
func example(cloud *cloudsim.Cloud) image.ID {
	images, err := cloud.View(cloudsim.FirstAccount).Images(context.Background(), "cn-hangzhou", image.Listing{Kind: image.KindCustom})
	if err != nil || len(images) == 0 {
		return ""
	}
	return slices.MinFunc(images, func(a, b image.Image) int { return strings.Compare(string(a.ID), string(b.ID)) }).ID
}
