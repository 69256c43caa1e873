package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// invitation is what a newcomer can try now: lines to paste.
// token is the file with the token to show; "" if it is not known.
func invitation(gateway string, functions []string, cloud *cloudsim.Cloud, token string) string {
	curl := "curl "
	if token != "" {
		curl += fmt.Sprintf(`-H "Authorization: Bearer $(cat %s)" `, token)
	}
	lines := []string{fmt.Sprintf("curl '%s/_local/functions'", gateway)}
	if slices.Contains(functions, "find") {
		lines = append(lines, curl+fmt.Sprintf("'%s/images?kind=custom&region=cn-hangzhou&osType=linux&limit=5'", gateway))
	}
	if slices.Contains(functions, "find") && cloud != nil {
		lines = append(lines,
			curl+fmt.Sprintf("'%s/images?family=web-base&limit=1&explain=true'", gateway),
			curl+fmt.Sprintf("'%s/families/web-base?region=cn-hangzhou&instanceType=ecs.g7.large'", gateway))
		if id := example(cloud); id != "" {
			lines = append(lines, curl+fmt.Sprintf("'%s/images/%s'", gateway, id))
		}
	}
	return "try:\n  " + strings.Join(lines, "\n  ") + "\n"
}

// example is the id of a custom image of the catalogue, the smallest one.
func example(cloud *cloudsim.Cloud) image.ID {
	images, err := cloud.View(cloudsim.FirstAccount).Images(context.Background(), "cn-hangzhou", image.Listing{Kind: image.KindCustom})
	if err != nil || len(images) == 0 {
		return ""
	}
	return slices.MinFunc(images, func(a, b image.Image) int { return strings.Compare(string(a.ID), string(b.ID)) }).ID
}
