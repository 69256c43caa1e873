package lineage

import (
	"slices"

	"imagekeeper/shared/image"
)

// Copies are an image and its copies in other regions, as far as copies are
// linked to each other.
type Copies struct {
	// Sure are the images whose links are recorded or observed, in order; the one
	// asked for is among them.
	Sure []Key
	// Perhaps are links by which others might be copies, too, but that only follow
	// if nothing unusual was done.
	Perhaps []Link
}

// Copies follows the links between copies from an image, in both directions.
// Images in its own region are left out: they are other images.
func (g *Graph) Copies(k Key) Copies {
	c := Copies{Sure: []Key{k}}
	seen := map[Key]bool{k: true}
	for queue := []Key{k}; len(queue) > 0; queue = queue[1:] {
		for _, l := range g.copyLinks(queue[0]) {
			other := l.Child
			if other == queue[0] {
				other = l.Parent
			}
			if seen[other] {
				continue
			}
			if l.Certainty == Inferred {
				c.Perhaps = append(c.Perhaps, l)
				continue
			}
			seen[other] = true
			queue = append(queue, other)
			if _, there := g.images[other]; there && other.Region != k.Region {
				c.Sure = append(c.Sure, other)
			}
		}
	}
	slices.SortFunc(c.Sure, compareKeys)
	return c
}

// copyLinks are the links of an image to what it was copied from and to what was
// copied from it.
func (g *Graph) copyLinks(k Key) []Link {
	var links []Link
	if u := g.ups[k]; u.isLink && g.isCopy(u.link) {
		links = append(links, u.link)
	}
	for _, l := range g.downs[k] {
		if g.isCopy(l) {
			links = append(links, l)
		}
	}
	return links
}

// isCopy: the child was made by CopyImage, and the link says of which image.
func (g *Graph) isCopy(l Link) bool {
	return g.images[l.Child].Copied && (l.Evidence == ByCopiedSnapshot || l.Evidence == ByTag)
}

// Root is the image that one is a regional copy of, as far as copies are recorded
// or observed; itself if it is none.
func (g *Graph) Root(k Key) image.Ref {
	at := k
	for seen := map[Key]bool{}; !seen[at]; {
		seen[at] = true
		u := g.ups[at]
		if _, there := g.images[u.link.Parent]; !u.isLink || !there || !g.isCopy(u.link) || u.link.Certainty == Inferred {
			break
		}
		at = u.link.Parent
	}
	return image.Ref{Account: g.images[at].Account, Region: at.Region, ID: at.ID}
}
