// Package lineage rediscovers where an image comes from and what was made from
// it. ECS names no parent of an image, so each link is found by evidence: a tag,
// the copied snapshot, the disk a snapshot was taken of, the pipeline that built
// it, the calls that made it, the name that automation gave it. A link that no evidence shows is unknown, with what broke it; it is never
// guessed. Everything here is a pure function of what was observed.
package lineage

import (
	"cmp"
	"time"

	"imagekeeper/shared/image"
)

// ParentTag is the tag that records an image's parent where the cloud forgets
// it. Its value is "imageId" of the same region, or "regionId/imageId".
const ParentTag = "imagekeeper:parent"

// Key names an image whoever sees it: ids are unique within a region.
type Key struct {
	Region image.RegionID
	ID     image.ID
}

// KeyOf returns the key of an image.
func KeyOf(r image.Ref) Key { return Key{r.Region, r.ID} }

// World is what was observed; its slices may be in any order.
type World struct {
	// Images of every kind and state, the owner's view where there is one.
	Images []image.Image
	// Snapshots of their system disks, and those they were copied from.
	Snapshots []image.Snapshot
	// Disks those snapshots were taken of, as far as they still exist.
	Disks []image.Disk
	// Builds are runs of image pipelines that made an image.
	Builds []image.Build
	// Accounts whose own images were looked at.
	Accounts []image.AccountID
	// Regions that were looked at; none given: all there are.
	Regions []image.RegionID
	// Unread are the parts that could not be looked at.
	Unread []image.Unread
	// BuildsUnread are the places whose pipelines could not be looked at.
	BuildsUnread []image.Unread
	// Events are what was done to make images of which nothing else shows a parent.
	Events []image.Event
	// Remembers is since when events are remembered; zero: nobody asked for them.
	Remembers time.Time
	// EventsUnread are the places whose events could not be looked up.
	EventsUnread []image.Unread
}

// Evidence is by what a link was found.
type Evidence string

// The kinds of evidence, strongest first.
const (
	ByTag            Evidence = "tag"            // ParentTag on the image
	ByCopiedSnapshot Evidence = "copiedSnapshot" // Snapshot.SourceSnapshotId and SourceRegionId
	ByDisk           Evidence = "disk"           // Snapshot.SourceDiskId, then Disk.ImageId
	ByPipeline       Evidence = "pipeline"       // DescribeImagePipelineExecutions, then BaseImage
	ByTrail          Evidence = "actionTrail"    // LookupEvents: CreateImage, then RunInstances or ReplaceSystemDisk; CopyImage
	ByName           Evidence = "imageName"      // Image.ImageName as OOS's public templates give it: UpdateImage_from_imageId_on_executionId
)

// Certainty is how sure a link is.
type Certainty string

// The certainties.
const (
	Recorded Certainty = "recorded" // somebody wrote it down
	Observed Certainty = "observed" // the cloud says so
	Inferred Certainty = "inferred" // it follows, if nothing unusual was done
)

// Link says that Child was made from Parent.
type Link struct {
	Child, Parent Key
	Evidence      Evidence
	Certainty     Certainty
	// Skips: there was at least one image in between that cannot be named.
	Skips bool
	// Why says it for people, with the ids of the evidence.
	Why image.Reason
}

// SourceKind is where a chain of parents ends.
type SourceKind string

// The ends of a chain.
const (
	SourcePublic       SourceKind = "public"       // an image of Alibaba Cloud
	SourceMarketplace  SourceKind = "marketplace"  // a Marketplace product
	SourceImport       SourceKind = "import"       // an OSS object
	SourceOtherAccount SourceKind = "otherAccount" // an image of an account that was not looked at
	SourceUnknown      SourceKind = "unknown"
)

// Source is the end of a chain of parents.
type Source struct {
	Kind SourceKind
	// Image is the source: the public or Marketplace image, the imported one, the
	// other account's, or where the chain broke. It is zero for a Marketplace product
	// whose image is not known.
	Image Key
	// At is the last image of the chain, where that is not Image: the one that carries
	// the code of a Marketplace product.
	At Key
	// ProductCode of a Marketplace product, also where its image is not known.
	ProductCode image.ProductCode
	// Object is "oss://bucket/key" of an import.
	Object string
	// Owner is the other account.
	Owner image.AccountID
	// Certainty is that of the weakest link of the chain.
	Certainty Certainty
	// Why says how the end is known or, for unknown, what broke the chain.
	Why image.Reason
	// Cure says what would have kept a broken chain, or could still mend it.
	Cure string
}

// Story is everything known of one image's lineage.
type Story struct {
	Image Key
	// Parents, nearest first.
	Parents []Link
	Source  Source
	// Children, and theirs, breadth first, each after its parent.
	Children []Link
	// Conflicts are pieces of evidence that contradict each other.
	Conflicts []image.Reason
}

// Graph is a world with its links found. It is read-only and safe for
// concurrent use.
type Graph struct {
	world  *World
	images map[Key]image.Image
	// keys are those of images, in order.
	keys      []Key
	snapshots map[snapshotKey]image.Snapshot
	disks     map[diskKey]image.Disk
	builds    map[Key]image.Build
	// made are the events that made images, ran those by which instances got theirs.
	made map[Key]image.Event
	ran  map[instanceKey][]image.Event
	// onSnapshot are the images whose system disk is a snapshot.
	onSnapshot map[snapshotKey][]Key
	accounts   map[image.AccountID]bool
	ups        map[Key]up
	downs      map[Key][]Link
}

type snapshotKey struct {
	region image.RegionID
	id     image.SnapshotID
}

type diskKey struct {
	region image.RegionID
	id     image.DiskID
}

// up is the one step upwards from an image: a link or the end.
type up struct {
	link      Link
	isLink    bool
	end       Source
	conflicts []image.Reason
}

// New finds the links of a world.
func New(w World) *Graph {
	g := indexed(w)
	for _, k := range g.keys {
		g.ups[k] = g.stepUp(g.images[k])
	}
	for _, k := range g.keys {
		if u := g.ups[k]; u.isLink {
			g.downs[u.link.Parent] = append(g.downs[u.link.Parent], u.link)
		}
	}
	return g
}

// indexed is a graph without links.
func indexed(w World) *Graph {
	g := &Graph{
		world:      &w,
		images:     make(map[Key]image.Image, len(w.Images)),
		snapshots:  make(map[snapshotKey]image.Snapshot, len(w.Snapshots)),
		disks:      make(map[diskKey]image.Disk, len(w.Disks)),
		builds:     make(map[Key]image.Build, len(w.Builds)),
		made:       map[Key]image.Event{},
		ran:        map[instanceKey][]image.Event{},
		onSnapshot: map[snapshotKey][]Key{},
		accounts:   map[image.AccountID]bool{},
		ups:        make(map[Key]up, len(w.Images)),
		downs:      map[Key][]Link{},
	}
	g.index()
	return g
}

// Story tells the lineage of one image. An image that was not observed has an
// unknown source and whatever children name it.
func (g *Graph) Story(k Key) Story {
	s := g.Ancestry(k)
	s.Children = g.descend(k)
	return s
}

// Ancestry tells only where an image comes from: its story without children.
func (g *Graph) Ancestry(k Key) Story {
	s := Story{Image: k}
	s.Parents, s.Source, s.Conflicts = g.climb(k)
	return s
}

// Source is the end of the chain of parents of an image.
func (g *Graph) Source(k Key) Source {
	_, source, _ := g.climb(k)
	return source
}

// climb follows the links up; a chain that comes back to itself is broken.
func (g *Graph) climb(k Key) ([]Link, Source, []image.Reason) {
	var links []Link
	var conflicts []image.Reason
	certainty := Recorded
	seen := map[Key]bool{}
	for at := k; ; {
		if seen[at] {
			return links, broken(at, "cycle", "the recorded parents lead back to "+at.String(), "correct the tag "+ParentTag), conflicts
		}
		seen[at] = true
		u, known := g.ups[at]
		if !known {
			return links, g.orProduct(links, g.absent(at, certainty)), conflicts
		}
		conflicts = append(conflicts, u.conflicts...)
		if !u.isLink {
			u.end.Certainty = weaker(certainty, u.end.Certainty)
			return links, u.end, conflicts
		}
		links = append(links, u.link)
		certainty = weaker(certainty, u.link.Certainty)
		at = u.link.Parent
	}
}

// descend lists the children breadth first.
func (g *Graph) descend(k Key) []Link { return g.below(k, func(Link) bool { return true }) }

// Proven are the images made from one, and from those, by links that are recorded or
// observed: what only follows if nothing unusual was done proves nothing.
func (g *Graph) Proven(k Key) []Key {
	var found []Key
	for _, l := range g.below(k, func(l Link) bool { return l.Certainty != Inferred }) {
		found = append(found, l.Child)
	}
	return found
}

// below lists the children that follow by the links that are taken.
func (g *Graph) below(k Key, taken func(Link) bool) []Link {
	var found []Link
	seen := map[Key]bool{k: true}
	for queue := []Key{k}; len(queue) > 0; queue = queue[1:] {
		for _, l := range g.downs[queue[0]] {
			if !seen[l.Child] && taken(l) {
				seen[l.Child] = true
				found = append(found, l)
				queue = append(queue, l.Child)
			}
		}
	}
	return found
}

// String is region/id.
func (k Key) String() string { return string(k.Region) + "/" + string(k.ID) }

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
}

func weaker(a, b Certainty) Certainty {
	rank := func(c Certainty) int {
		switch c {
		case Inferred:
			return 0
		case Observed:
			return 1
		}
		return 2
	}
	if rank(b) < rank(a) {
		return b
	}
	return a
}

func broken(at Key, code, sentence, cure string) Source {
	return Source{Kind: SourceUnknown, Image: at, Why: image.Reason{Code: code, Sentence: sentence}, Cure: cure}
}

// newestBefore returns the newest image of a family that existed at t.
func newestBefore(images []image.Image, t time.Time) (image.Image, bool) {
	var best image.Image
	found := false
	for _, i := range images {
		if i.CreatedAt.After(t) || (found && image.Newest(best, i) <= 0) {
			continue
		}
		best, found = i, true
	}
	return best, found
}
