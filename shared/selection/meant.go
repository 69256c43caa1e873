package selection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"imagekeeper/shared/image"
)

// everyday are names by which people call systems, and how ECS calls their
// platforms.
func everyday() map[string][]string {
	return map[string][]string{
		"rhel": {"redhat", "red hat"}, "red hat": {"redhat", "red hat"}, "redhat": {"redhat", "red hat"},
		"red hat enterprise linux": {"redhat", "red hat"},
		"alinux":                   {"aliyun", "alibaba cloud linux"}, "al": {"aliyun", "alibaba cloud linux"},
		"aliyun linux": {"aliyun", "alibaba cloud linux"}, "alibaba": {"aliyun", "alibaba cloud linux"}, "alibaba cloud": {"aliyun", "alibaba cloud linux"},
		"alibaba cloud linux": {"aliyun", "alibaba cloud linux"}, "aliyun": {"aliyun", "alibaba cloud linux"},
		"rocky": {"rocky linux"}, "rockylinux": {"rocky linux"}, "alma": {"almalinux"}, "alma linux": {"almalinux"},
		"sles": {"suse"}, "suse linux": {"suse"}, "suse linux enterprise": {"suse"}, "suse linux enterprise server": {"suse"},
		"win": {"windows"}, "windows": {"windows"}, "winserver": {"windows server"}, "win server": {"windows server"}, "server": {"windows server"},
		"open suse": {"opensuse"}, "fedora coreos": {"fedora coreos", "coreos"}, "anolisos": {"anolis"}, "anolis os": {"anolis"},
		"centosstream": {"centos stream"}, "free bsd": {"freebsd"},
	}
}

// platform is what is asked for of the platform: the ways in which it may be written,
// and the same without the version that people put behind it, such as 7 of "centos 7",
// or nothing. ECS has that of Linux in the full name of the system only.
type platform struct {
	written, unversioned []string
	version              []string
}

// platformOf reads what people call a system.
func platformOf(asked string) platform {
	words := strings.Join(strings.Fields(strings.ToLower(asked)), " ")
	p := platform{written: append([]string{asked}, everyday()[words]...)}
	if at := strings.IndexFunc(words, unicode.IsDigit); at > 0 {
		name := strings.TrimRight(words[:at], " -_")
		p.unversioned, p.version = append([]string{name}, everyday()[name]...), strings.Fields(words[at:])
	}
	return p
}

// named: a platform begins with the words that are asked for, or is what people call
// by them, whatever the version.
func (p platform) named(name string) bool {
	begins := func(words string) bool { return startsWithWords(name, words) }
	return slices.ContainsFunc(p.written, begins) || slices.ContainsFunc(p.unversioned, begins)
}

// is reports whether an image is on the platform, of the version if one is asked for.
func (p platform) is(i *image.Image) bool {
	begins := func(words string) bool { return startsWithWords(i.Platform, words) }
	if slices.ContainsFunc(p.written, begins) {
		return true
	}
	return slices.ContainsFunc(p.unversioned, begins) && p.versioned(strings.Fields(strings.ToLower(i.Platform+" "+strings.TrimSuffix(i.OSName, " 64 bit"))))
}

// versioned: every word of the version is among those of a system's name; 7 is that
// of 7.9, too, and 2204 that of 22.04.
func (p platform) versioned(words []string) bool {
	for _, asked := range p.version {
		if !slices.ContainsFunc(words, func(word string) bool {
			return word == asked || strings.HasPrefix(word, asked+".") || strings.ReplaceAll(word, ".", "") == asked
		}) {
			return false
		}
	}
	return true
}

// onPlatform: it is on the platform that is asked for.
func (j *Judge) onPlatform(i *image.Image) bool { return j.platform.is(i) }

// meant are what may have been meant by a query that nothing fits.
func meant(q Query, all []Sighting) []image.Reason {
	var found []image.Reason
	if q.Name != "" && !strings.ContainsAny(q.Name, "*?") {
		inside := strings.ToLower("*" + q.Name + "*")
		if n := countOf(all, func(s *Sighting) bool { return glob(inside, s.Name) }); n > 0 {
			found = append(found, image.Reason{Code: "nameIsWhole", Sentence: fmt.Sprintf("name=%s asks for the whole name; name=*%s* finds %d", q.Name, q.Name, n)})
		}
	}
	for _, f := range q.Families {
		if near := image.Nearest(string(f), namesOf(all, func(s *Sighting) string { return string(s.FamilyName()) })); len(near) > 0 {
			found = append(found, image.Reason{Code: "familyNear", Sentence: fmt.Sprintf("there is no family %s, but %s", f, strings.Join(near, ", "))})
		}
	}
	if q.Platform != "" {
		found = append(found, meantPlatform(platformOf(q.Platform), q.Platform, all)...)
	}
	if len(q.IDs) > 0 || q.Snapshot != "" { // then nothing else was looked at
		return append(found, notSeen(q, all)...)
	}
	return append(append(found, meantOwner(q.Owner, all)...), meantTags(q, all)...)
}

// notSeen says which of the images and snapshots that were named are not there at all.
func notSeen(q Query, all []Sighting) []image.Reason {
	var found []image.Reason
	for _, id := range q.IDs {
		if !slices.ContainsFunc(all, func(s Sighting) bool { return s.ID == id }) {
			found = append(found, image.Reason{Code: "imageNotSeen", Sentence: fmt.Sprintf("no image %s is seen where it was looked for: it is in another region, was deleted, or is not shared", id)})
		}
	}
	onIt := func(s Sighting) bool {
		return slices.ContainsFunc(s.Disks, func(d image.DiskMapping) bool { return d.SnapshotID == q.Snapshot })
	}
	if q.Snapshot != "" && !slices.ContainsFunc(all, onIt) {
		found = append(found, image.Reason{Code: "snapshotNotSeen", Sentence: fmt.Sprintf("no image that is seen stands on the snapshot %s", q.Snapshot)})
	}
	return found
}

// meantOwner tells whose images there are where none is of the owner that is asked for.
func meantOwner(owner image.AccountID, all []Sighting) []image.Reason {
	owners := namesOf(all, func(s *Sighting) string { return string(s.Owner) })
	if owner == "" || len(owners) == 0 || slices.Contains(owners, string(owner)) {
		return nil
	}
	return []image.Reason{{Code: "ownerNotSeen", Sentence: fmt.Sprintf("no image of account %s is seen; there are images of %s", owner, strings.Join(owners[:min(shownOwners, len(owners))], ", "))}}
}

// shownOwners is how many accounts a sentence has.
const shownOwners = 5

// meantTags tells which tags, and which software, are like those that no image has.
func meantTags(q Query, all []Sighting) []image.Reason {
	var keys, software []string
	for i := range all {
		for key, value := range all[i].Tags {
			if keys = append(keys, key); strings.EqualFold(key, "software") {
				software = append(software, strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
			}
		}
	}
	keys = inOrder(keys)
	var found []image.Reason
	for _, key := range slices.Sorted(maps.Keys(q.Tags)) {
		if near := image.Nearest(key, keys); len(near) > 0 {
			found = append(found, image.Reason{Code: "tagNear", Sentence: fmt.Sprintf("no image has a tag %s, but %s", key, strings.Join(near, ", "))})
			continue
		}
		values := namesOf(all, func(s *Sighting) string { return s.Tags[key] })
		if near := image.Nearest(q.Tags[key], values); q.Tags[key] != "" && len(near) > 0 {
			found = append(found, image.Reason{Code: "tagNear", Sentence: fmt.Sprintf("no image has the tag %s=%s, but %s", key, q.Tags[key], strings.Join(near, ", "))})
		}
	}
	if near := image.Nearest(strings.ToLower(q.Software), inOrder(software)); q.Software != "" && len(near) > 0 {
		found = append(found, image.Reason{Code: "softwareNear", Sentence: fmt.Sprintf("no image says that it has %s; there is %s", q.Software, strings.Join(near, ", "))})
	}
	return found
}

// meantPlatform tells which platforms there are where none is asked for, and which
// versions where none of these is.
func meantPlatform(p platform, asked string, all []Sighting) []image.Reason {
	there := namesOf(all, func(s *Sighting) string { return s.Platform })
	switch {
	case len(there) == 0 || slices.ContainsFunc(all, func(s Sighting) bool { return p.is(s.Image) }):
		return nil
	case !slices.ContainsFunc(there, p.named):
		return []image.Reason{{Code: "platformUnknown", Sentence: fmt.Sprintf("no platform begins with %s; there are %s", asked, strings.Join(there, ", "))}}
	}
	systems := namesOf(all, func(s *Sighting) string {
		if !p.named(s.Platform) {
			return ""
		}
		return strings.Join(strings.Fields(s.OSName), " ")
	})
	return []image.Reason{{Code: "platformUnknown", Sentence: fmt.Sprintf("no system is %s; there are %s", asked, strings.Join(systems, ", "))}}
}

func countOf(all []Sighting, is func(*Sighting) bool) int {
	n := 0
	for i := range all {
		if is(&all[i]) {
			n++
		}
	}
	return n
}

// namesOf are the names that images have, each once, in order.
func namesOf(all []Sighting, of func(*Sighting) string) []string {
	var names []string
	for i := range all {
		if name := of(&all[i]); name != "" {
			names = append(names, name)
		}
	}
	return inOrder(names)
}
