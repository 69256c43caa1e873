package lineage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// index fills the look-up tables.
func (g *Graph) index() {
	for _, a := range g.world.Accounts {
		g.accounts[a] = true
	}
	for _, i := range g.world.Images {
		g.images[KeyOf(i.Ref)] = i
	}
	g.keys = slices.SortedFunc(maps.Keys(g.images), compareKeys)
	for _, s := range g.world.Snapshots {
		g.snapshots[snapshotKey{s.Region, s.ID}] = s
	}
	for _, d := range g.world.Disks {
		g.disks[diskKey{d.Region, d.ID}] = d
	}
	for _, b := range g.world.Builds {
		g.builds[Key{b.Region, b.Made}] = b
	}
	g.indexEvents()
	for _, k := range g.keys {
		if d, ok := g.images[k].SystemDisk(); ok && d.SnapshotID != "" {
			s := snapshotKey{k.Region, d.SnapshotID}
			g.onSnapshot[s] = append(g.onSnapshot[s], k)
		}
	}
}

// stepUp finds the one step upwards from an image that was observed. What the
// cloud shows goes before a tag that says otherwise; both are reported.
func (g *Graph) stepUp(i image.Image) up {
	if end, ok := g.root(i); ok {
		return up{end: end}
	}
	tag, tagged, conflicts := g.byTag(i)
	seen, shown := g.byCloud(i)
	if shown {
		if tagged && !i.Copied && tag.Parent != seen.link.Parent {
			conflicts = append(conflicts, image.Reason{Code: "parentTagContradicted", Sentence: fmt.Sprintf(
				"%s is tagged as made from %s, but %s", KeyOf(i.Ref), tag.Parent, seen.why().Sentence)})
		}
		if tagged && !i.Copied && tag.Parent == seen.link.Parent {
			seen.link = tag
		}
		seen.conflicts = conflicts
		return seen
	}
	if tagged {
		return up{link: tag, isLink: true, conflicts: conflicts}
	}
	if link, ok := g.byTrail(i); ok {
		return up{link: link, isLink: true, conflicts: conflicts}
	}
	end := g.fallback(i)
	if link, ok := g.byName(i); ok && end.forgotten() {
		return up{link: link, isLink: true, conflicts: conflicts}
	}
	return up{end: end, conflicts: conflicts}
}

// why is the reason of the step.
func (u up) why() image.Reason {
	if u.isLink {
		return u.link.Why
	}
	return u.end.Why
}

// fallback ends a chain that no evidence continues: at the Marketplace product
// whose code the image carries, else at unknown.
func (g *Graph) fallback(i image.Image) Source {
	return productOf(i, g.lost(i))
}

// orProduct is where a chain ends of which the last image is not seen: at the product
// whose code the one before it carries, if nothing else is known.
func (g *Graph) orProduct(links []Link, end Source) Source {
	if end.Kind != SourceUnknown || len(links) == 0 {
		return end
	}
	return productOf(g.images[links[len(links)-1].Child], end)
}

// productOf is the Marketplace product whose code an image carries: images made of a
// product's keep it. Without one it is end.
func productOf(i image.Image, end Source) Source {
	if i.ProductCode == "" {
		return end
	}
	return Source{
		Kind: SourceMarketplace, At: KeyOf(i.Ref), ProductCode: i.ProductCode, Certainty: Observed,
		Why: image.Reason{Code: "productCode", Sentence: fmt.Sprintf(
			"%s carries the product code %s; the images in between are not known: %s", KeyOf(i.Ref), i.ProductCode, end.Why.Sentence)},
		Cure: end.Cure,
	}
}

// root: images that are a source by what they are.
func (g *Graph) root(i image.Image) (Source, bool) {
	k := KeyOf(i.Ref)
	switch {
	case i.Kind == image.KindPublic:
		return Source{Kind: SourcePublic, Image: k, Certainty: Observed, Why: image.Reason{
			Code: "publicImage", Sentence: fmt.Sprintf("%s is Alibaba Cloud's own", k),
		}}, true
	case i.Kind == image.KindMarketplace:
		return Source{Kind: SourceMarketplace, Image: k, ProductCode: i.ProductCode, Certainty: Observed, Why: image.Reason{
			Code: "marketplaceImage", Sentence: fmt.Sprintf("%s is the Marketplace product %s", k, i.ProductCode),
		}}, true
	case i.Kind != image.KindCustom && !g.accounts[i.Owner]:
		return g.foreign(i), true
	}
	return Source{}, false
}

// foreign: the image of an account that was not looked at.
func (g *Graph) foreign(i image.Image) Source {
	s := Source{
		Kind: SourceOtherAccount, Image: KeyOf(i.Ref), Owner: i.Owner, ProductCode: i.ProductCode, Certainty: Observed,
		Why: image.Reason{Code: "otherAccount", Sentence: fmt.Sprintf(
			"%s belongs to account %s, whose snapshots and disks cannot be read", KeyOf(i.Ref), i.Owner)},
		Cure: "add a role of that account to ACCOUNTS",
	}
	if i.ProductCode != "" {
		s.Kind, s.Image, s.At = SourceMarketplace, Key{}, KeyOf(i.Ref)
		s.Why = image.Reason{Code: "productCode", Sentence: fmt.Sprintf(
			"%s of account %s carries the product code %s", KeyOf(i.Ref), i.Owner, i.ProductCode)}
	}
	return s
}

// byTag reads ParentTag. On a copy the tag may have been copied along, so there
// it names an ancestor, not the parent.
func (g *Graph) byTag(i image.Image) (Link, bool, []image.Reason) {
	value, ok := i.Tags[ParentTag]
	if !ok {
		return Link{}, false, nil
	}
	parent, err := parseParent(i.Region, value)
	if err != nil || parent == KeyOf(i.Ref) {
		return Link{}, false, []image.Reason{{Code: "parentTagMalformed", Sentence: fmt.Sprintf(
			"the tag %s of %s is %q, which names no other image", ParentTag, KeyOf(i.Ref), value)}}
	}
	link := Link{
		Child: KeyOf(i.Ref), Parent: parent, Evidence: ByTag, Certainty: Recorded,
		Why: image.Reason{Code: "parentTag", Sentence: fmt.Sprintf("the tag %s of %s says %s", ParentTag, KeyOf(i.Ref), value)},
	}
	if i.Copied {
		link.Skips, link.Certainty = true, Inferred
		link.Why.Sentence += "; as it is a copy, the tag may have come along from its source"
	}
	return link, true, nil
}

// byCloud follows what the cloud still shows.
func (g *Graph) byCloud(i image.Image) (up, bool) {
	if b, ok := g.builds[KeyOf(i.Ref)]; ok {
		if u, ok := g.byBuild(i, b); ok {
			return u, true
		}
	}
	disk, ok := i.SystemDisk()
	if !ok {
		return up{}, false
	}
	if disk.ImportObject != "" && !i.Copied {
		return up{end: imported(i, disk)}, true
	}
	snapshot, ok := g.snapshots[snapshotKey{i.Region, disk.SnapshotID}]
	if !ok {
		return up{}, false
	}
	if snapshot.SourceSnapshot != "" {
		return g.byCopy(i, snapshot)
	}
	return g.byDiskOf(i, snapshot, false)
}

func imported(i image.Image, d image.DiskMapping) Source {
	object := "oss://" + d.ImportBucket + "/" + d.ImportObject
	return Source{
		Kind: SourceImport, Image: KeyOf(i.Ref), Object: object, Certainty: Observed,
		Why: image.Reason{Code: "imported", Sentence: fmt.Sprintf("%s was imported from %s", KeyOf(i.Ref), object)},
	}
}

// byCopy follows a copied snapshot to the image that stands on its source;
// where there is none any more, or more than one, to the disk the source was
// taken of: which image was copied is not known then, but all of them were made
// from that disk.
func (g *Graph) byCopy(i image.Image, s image.Snapshot) (up, bool) {
	for hop := range maxCopies {
		from := snapshotKey{cmp.Or(s.SourceRegion, i.Region), s.SourceSnapshot}
		source, ok := g.snapshots[from]
		if owner, ok := g.standsOn(from, i); ok {
			return up{isLink: true, link: Link{
				Child: KeyOf(i.Ref), Parent: owner, Evidence: ByCopiedSnapshot, Certainty: Observed, Skips: hop > 0,
				Why: image.Reason{Code: "copiedSnapshot", Sentence: fmt.Sprintf(
					"the snapshot of %s is a copy of %s/%s, on which %s stands", KeyOf(i.Ref), from.region, from.id, owner)},
			}}, true
		}
		if !ok {
			return up{}, false
		}
		if source.SourceSnapshot == "" {
			return g.byDiskOf(i, source, true)
		}
		s = source
	}
	return up{}, false
}

// maxCopies bounds a walk through copies of copies of a snapshot.
const maxCopies = 64

// standsOn returns the one image that could have been copied from a snapshot.
// Images on one snapshot are twins, alike to the last block: where all but one
// are gone, the one that is left stands for them.
func (g *Graph) standsOn(s snapshotKey, copied image.Image) (Key, bool) {
	owners := g.candidates(s, copied)
	if len(owners) != 1 {
		return Key{}, false
	}
	return owners[0], true
}

// candidates are the images that could have been copied from a snapshot.
func (g *Graph) candidates(s snapshotKey, copied image.Image) []Key {
	var owners []Key
	for _, k := range g.onSnapshot[s] {
		if k != KeyOf(copied.Ref) && !g.images[k].CreatedAt.After(copied.CreatedAt) {
			owners = append(owners, k)
		}
	}
	return owners
}

// byDiskOf follows a snapshot to the disk it was taken of, and that to its image.
func (g *Graph) byDiskOf(i image.Image, s image.Snapshot, skips bool) (up, bool) {
	disk, ok := g.disks[diskKey{s.Region, s.SourceDisk}]
	if !ok || disk.Image == "" || s.SourceDisk == "" {
		return up{}, false
	}
	return up{isLink: true, link: Link{
		Child: KeyOf(i.Ref), Parent: Key{s.Region, disk.Image}, Evidence: ByDisk, Certainty: Observed, Skips: skips,
		Why: image.Reason{Code: "disk", Sentence: fmt.Sprintf(
			"the snapshot %s was taken of the disk %s, which was made from %s", s.ID, disk.ID, disk.Image)},
	}}, true
}

// byBuild follows the pipeline run that made an image.
func (g *Graph) byBuild(i image.Image, b image.Build) (up, bool) {
	link := Link{Child: KeyOf(i.Ref), Evidence: ByPipeline, Certainty: Observed}
	switch b.BaseType {
	case "IMAGE":
		link.Parent = Key{i.Region, image.ID(b.Base)}
	case "IMAGE_FAMILY":
		base, ok := newestBefore(g.family(b), b.StartedAt)
		if !ok {
			return up{}, false
		}
		link.Parent, link.Certainty = KeyOf(base.Ref), Inferred
	default:
		return up{}, false
	}
	link.Why = image.Reason{Code: "pipeline", Sentence: fmt.Sprintf(
		"the run %s of the pipeline %s made %s from %s", b.Run, b.Pipeline, KeyOf(i.Ref), b.Base)}
	return up{isLink: true, link: link}, true
}

// family returns the images a build by family could have started from.
func (g *Graph) family(b image.Build) []image.Image {
	var members []image.Image
	for _, k := range g.keys {
		i := g.images[k]
		if k.Region == b.Region && i.InFamily(image.Family(b.Base)) && i.Kind == image.KindCustom && k.ID != b.Made {
			members = append(members, i)
		}
	}
	return members
}

// parseParent reads the value of ParentTag.
func parseParent(region image.RegionID, value string) (Key, error) {
	r, id, qualified := strings.Cut(value, "/")
	if !qualified {
		r, id = string(region), value
	}
	if r == "" || id == "" || strings.ContainsAny(id, "/ \t\r\n") {
		return Key{}, fmt.Errorf("parent %q is neither imageId nor regionId/imageId", value)
	}
	return Key{image.RegionID(r), image.ID(id)}, nil
}
