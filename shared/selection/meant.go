package selection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// everyday are names by which people call systems, and how ECS calls their
// platforms.
func everyday() map[string][]string {
	return map[string][]string{
		"rhel": {"redhat", "red hat"}, "red hat": {"redhat", "red hat"}, "redhat": {"redhat", "red hat"},
		"red hat enterprise linux": {"redhat", "red hat"},
		"alinux":                   {"aliyun", "alibaba cloud linux"}, "al2": {"aliyun", "alibaba cloud linux"}, "al3": {"aliyun", "alibaba cloud linux"},
		"aliyun linux": {"aliyun", "alibaba cloud linux"}, "alibaba": {"aliyun", "alibaba cloud linux"}, "alibaba cloud": {"aliyun", "alibaba cloud linux"},
		"alibaba cloud linux": {"aliyun", "alibaba cloud linux"}, "aliyun": {"aliyun", "alibaba cloud linux"},
		"rocky": {"rocky linux"}, "rockylinux": {"rocky linux"}, "alma": {"almalinux"}, "alma linux": {"almalinux"},
		"sles": {"suse"}, "suse linux": {"suse"}, "suse linux enterprise": {"suse"}, "suse linux enterprise server": {"suse"},
		"win": {"windows"}, "windows": {"windows"}, "win2016": {"windows server 2016"}, "win2019": {"windows server 2019"},
		"win2022": {"windows server 2022"}, "win2025": {"windows server 2025"}, "windows 2016": {"windows server 2016"},
		"windows 2019": {"windows server 2019"}, "windows 2022": {"windows server 2022"}, "windows 2025": {"windows server 2025"},
		"open suse": {"opensuse"}, "fedora coreos": {"fedora coreos", "coreos"}, "anolisos": {"anolis"}, "anolis os": {"anolis"},
		"centosstream": {"centos stream"}, "free bsd": {"freebsd"},
	}
}

// platforms are the ways in which the platform that is asked for may be written.
func platforms(asked string) []string {
	words := strings.Join(strings.Fields(strings.ToLower(asked)), " ")
	return append([]string{asked}, everyday()[words]...)
}

// onPlatform: the platform begins with the words that are asked for, or is what
// people call by them.
func (j *Judge) onPlatform(i *image.Image) bool {
	return slices.ContainsFunc(j.platforms, func(words string) bool { return startsWithWords(i.Platform, words) })
}

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
		if near := nearest(string(f), namesOf(all, func(s *Sighting) string { return string(s.FamilyName()) })); len(near) > 0 {
			found = append(found, image.Reason{Code: "familyNear", Sentence: fmt.Sprintf("there is no family %s, but %s", f, strings.Join(near, ", "))})
		}
	}
	if q.Platform != "" {
		there := namesOf(all, func(s *Sighting) string { return s.Platform })
		fits := func(name string) bool {
			return slices.ContainsFunc(platforms(q.Platform), func(words string) bool { return startsWithWords(name, words) })
		}
		if len(there) > 0 && !slices.ContainsFunc(there, fits) {
			found = append(found, image.Reason{Code: "platformUnknown", Sentence: fmt.Sprintf("no platform begins with %s; there are %s", q.Platform, strings.Join(there, ", "))})
		}
	}
	return found
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

// shownNames is how many names a sentence has.
const shownNames = 3

// nearest are the names that differ from one by little, or have it inside, the
// nearest first. If the name itself is there, none is meant instead.
func nearest(name string, names []string) []string {
	if slices.Contains(names, name) {
		return nil
	}
	far := func(other string) int {
		a, b := strings.ToLower(name), strings.ToLower(other)
		if strings.Contains(b, a) || strings.Contains(a, b) {
			return 1
		}
		return distance(a, b)
	}
	near := slices.DeleteFunc(slices.Clone(names), func(other string) bool { return far(other) > max(1, len(name)/4) })
	slices.SortFunc(near, func(a, b string) int { return cmp.Or(cmp.Compare(far(a), far(b)), cmp.Compare(a, b)) })
	return near[:min(shownNames, len(near))]
}

// distance is how many letters are to be added, left out or changed to make b of a.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	for n := range before {
		before[n] = n
	}
	for i := range len(a) {
		now := make([]int, len(b)+1)
		now[0] = i + 1
		for k := range len(b) {
			change := before[k]
			if a[i] != b[k] {
				change++
			}
			now[k+1] = min(change, before[k+1]+1, now[k]+1)
		}
		before = now
	}
	return before[len(b)]
}
