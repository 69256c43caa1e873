package lineage

import (
	"fmt"
	"strings"

	"imagekeeper/shared/image"
)

// How Alibaba Cloud's own automation names an image that it made of another one;
// source: default of targetImageName in OOS's public templates ACS-ECS-UpdateImage
// and ACS-ESS-UpdateScalingConfigurationImage.
const (
	namedFrom = "UpdateImage_from_"
	namedBy   = "_on_exec-"
)

// sourceInName is the image that a name says an image was made of; empty if it says
// none.
func sourceInName(name string) image.ID {
	rest, ok := strings.CutPrefix(name, namedFrom)
	at := strings.LastIndex(rest, namedBy)
	if !ok || at < 0 || strings.Trim(rest[at+len(namedBy):], "0123456789abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	id := image.ID(rest[:at])
	if !strings.HasPrefix(rest, "m-") && !isPublicName(id) { // an instance, or what somebody made up
		return ""
	}
	return id
}

// byName follows the name that the vendor's automation gives by default. Anybody who
// may name images can write it, so that it is inferred, and not believed where the
// images contradict it: a parent is of the same kind, and older. A copy has its name
// from a region that is not told.
func (g *Graph) byName(i image.Image) (Link, bool) {
	k := KeyOf(i.Ref)
	parent := Key{i.Region, sourceInName(i.Name)}
	seen, ok := g.images[parent]
	if parent.ID == "" || parent == k || i.Copied || ok && !couldBeMadeOf(i, seen) {
		return Link{}, false
	}
	return Link{
		Child: k, Parent: parent, Evidence: ByName, Certainty: Inferred,
		Why: image.Reason{Code: "imageName", Sentence: fmt.Sprintf(
			"%s is called %s, as OOS (ACS-ECS-UpdateImage) calls what it makes of %s; nothing else tells", k, i.Name, parent.ID)},
	}, true
}

// couldBeMadeOf: nothing that is known of two images says that one was not made of
// the other.
func couldBeMadeOf(child, parent image.Image) bool {
	switch {
	case child.OSType != "" && parent.OSType != "" && child.OSType != parent.OSType:
		return false
	case child.Architecture != "" && parent.Architecture != "" && child.Architecture != parent.Architecture:
		return false
	}
	return child.CreatedAt.IsZero() || !parent.CreatedAt.After(child.CreatedAt)
}
