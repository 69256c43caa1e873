package usage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// Server is one instance, and what its image means for it.
type Server struct {
	image.Instance
	// Image is what its system disk runs; nil if it cannot be seen any more.
	Image *image.Image
	// Behind is how many newer versions of the image there are; -1 is unknown.
	Behind int
	// Since is when the first newer version was made; zero if there is none.
	Since time.Time
	// Newest is the newest version; empty if there is no newer one.
	Newest image.ID
	// Why says how Behind is known, or why not.
	Why image.Reason
	// Lifetime is how long its operating system is supported; nil if unknown.
	Lifetime *Lifetime
}

// version is one image in its line of versions.
type version struct {
	image.Image
	// made orders the versions of a line.
	made time.Time
}

// lineKey names a line of versions as one account sees it: those that boot where
// the others do.
type lineKey struct {
	viewer image.AccountID
	region image.RegionID
	owner  image.AccountID
	name   string
	os     image.OSType
	arch   image.Architecture
}

// Fleet tells of each instance which image it runs and how far behind that is:
// versions are counted within a family of one owner in one region, for one kind of
// machine, and within a line of Alibaba Cloud's images; only those count that the
// instance's account sees. images are as each account sees them. The servers are in
// order of account, region and id.
func Fleet(instances []image.Instance, images []image.Image) []Server {
	seen := make(map[place]image.Image, len(images))
	views := make(map[image.Ref]image.Image, len(images))
	lines := map[lineKey][]version{}
	for _, i := range images {
		at := place{i.Region, i.ID}
		if was, twice := seen[at]; !twice || i.Kind == image.KindCustom && was.Kind != image.KindCustom {
			seen[at] = i
		}
		views[i.Ref] = i
	}
	for _, i := range views {
		if k, ok := lineOf(i, i.Account); ok && i.Status == image.StatusAvailable {
			lines[k] = append(lines[k], version{i, madeAt(i)})
		}
	}
	for _, line := range lines {
		slices.SortFunc(line, func(a, b version) int { return cmp.Or(b.made.Compare(a.made), image.Newest(a.Image, b.Image)) })
	}
	servers := make([]Server, 0, len(instances))
	lives := Lifetimes()
	for _, i := range instances {
		s := newServer(i, seen, views, lines)
		if life, ok := lookUp(lives, i.OSName); ok {
			s.Lifetime = &life
		}
		servers = append(servers, s)
	}
	slices.SortFunc(servers, func(a, b Server) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	})
	return servers
}

// place is where an image is.
type place struct {
	region image.RegionID
	id     image.ID
}

func newServer(i image.Instance, seen map[place]image.Image, views map[image.Ref]image.Image, lines map[lineKey][]version) Server {
	s := Server{Instance: i, Behind: -1}
	runs, ok := seen[place{i.Region, i.Image}]
	if ok {
		s.Image = &runs
	} else {
		// A public image that is not offered any more still tells its line by its name.
		runs = image.Image{Ref: image.Ref{Region: i.Region, ID: i.Image}, Kind: image.KindPublic}
	}
	own, visible := views[image.Ref{Account: i.Account, Region: i.Region, ID: i.Image}]
	if !visible {
		own = runs
	}
	key, named := lineOf(own, i.Account)
	switch {
	case !named && !ok:
		s.Why = image.Reason{Code: "imageNotSeen", Sentence: "its image " + string(i.Image) + " is not visible: it was deleted, is no longer shared, or could not be read"}
		return s
	case !named:
		s.Why = image.Reason{Code: "noFamily", Sentence: "its image is in no family, so no other image is a version of it"}
		return s
	}
	s.compare(own, lines[key])
	return s
}

// compare counts the versions that are newer than the one that runs.
func (s *Server) compare(runs image.Image, line []version) {
	mine := madeAt(runs)
	newer := line[:0:0]
	for _, v := range line {
		if v.ID != runs.ID && v.made.After(mine) {
			newer = append(newer, v)
		}
	}
	s.Behind = len(newer)
	s.Why = image.Reason{Code: "newestVersion", Sentence: "no newer version of its image is available"}
	if len(newer) > 0 {
		s.Newest, s.Since = newer[0].ID, newer[len(newer)-1].made
		s.Why = image.Reason{Code: "newerVersions", Sentence: "newer versions of its image are available; the newest is " + string(s.Newest)}
	}
}

// lineOf names the line of versions an image belongs to, for an account.
func lineOf(i image.Image, viewer image.AccountID) (lineKey, bool) {
	if i.Kind == image.KindPublic {
		line, _, ok := publicLine(i.ID)
		return lineKey{viewer: viewer, region: i.Region, name: line}, ok
	}
	owner := ownerOf(i)
	k := lineKey{viewer: viewer, region: i.Region, owner: owner, name: "family:" + string(i.FamilyName()), os: i.OSType, arch: i.Architecture}
	return k, i.Family != "" && owner != ""
}

// madeAt orders the versions of a line: Alibaba Cloud's images by the date in
// their name, all others by when they were created.
func madeAt(i image.Image) time.Time {
	if i.Kind == image.KindPublic {
		if _, made, ok := publicLine(i.ID); ok {
			return made
		}
	}
	return i.CreatedAt
}

// publicLine splits the name of one of Alibaba Cloud's images, such as
// aliyun_3_x64_20G_alibase_20260815.vhd, into line and date.
func publicLine(id image.ID) (line string, made time.Time, ok bool) {
	name, isDisk := strings.CutSuffix(string(id), ".vhd")
	at := strings.LastIndexByte(name, '_')
	if !isDisk || at < 0 || strings.HasPrefix(name, "m-") {
		return "", time.Time{}, false
	}
	made, err := time.Parse("20060102", name[at+1:])
	return name[:at], made, err == nil
}
