package usage

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// passedOver says how many servers are not what is asked for, and by what.
func passedOver(f Filter, servers []Server) image.Reason {
	var by []string
	for _, part := range []struct {
		word  string
		given bool
		only  Filter
	}{
		{"id", len(f.IDs) > 0, Filter{IDs: f.IDs}},
		{"image", len(f.Images) > 0, Filter{Images: f.Images}},
		{"family", len(f.Families) > 0, Filter{Families: f.Families}},
		{"behind", f.Behind != nil, Filter{Behind: f.Behind}},
		{"tag", len(f.Tags) > 0, Filter{Tags: f.Tags}},
		{"instanceType", len(f.Types) > 0, Filter{Types: f.Types}},
		{"osName", f.System != "", Filter{System: f.System}},
		{"endOfLifeBefore", !f.EndsBefore.IsZero(), Filter{EndsBefore: f.EndsBefore}},
	} {
		differ := 0
		for _, s := range servers {
			if part.given && !part.only.Wants(s) {
				differ++
			}
		}
		if differ > 0 {
			by = append(by, fmt.Sprintf("%d by %s", differ, part.word))
		}
	}
	sentence := fmt.Sprintf("%d instances were passed over: none is all that was asked for", len(servers))
	if len(by) > 0 {
		sentence += "; they differ: " + strings.Join(by, ", ")
	}
	return image.Reason{Code: "passedOver", Sentence: sentence}
}

// meant says which types, systems and tags there are where no server has those that
// are asked for.
func meant(f Filter, servers []Server) []image.Reason {
	var found []image.Reason
	say := func(code, format string, args ...any) {
		found = append(found, image.Reason{Code: code, Sentence: fmt.Sprintf(format, args...)})
	}
	types := valuesOf(servers, func(s Server) string { return string(s.Type) })
	for _, t := range f.Types {
		if !slices.Contains(types, string(t)) && len(types) > 0 {
			say("instanceTypeNotSeen", "no instance is of the type %s; there are %s", t, some(types, string(t)))
		}
	}
	systems := valuesOf(servers, func(s Server) string {
		if s.Image == nil {
			return ""
		}
		return strings.Join(strings.Fields(s.Image.OSName), " ")
	})
	if f.System != "" && len(systems) > 0 && !slices.ContainsFunc(systems, func(name string) bool { return sameWords(name, f.System) }) {
		say("osNameNotSeen", "no instance runs a system that is called %s; there are %s", f.System, some(systems, f.System))
	}
	var keys []string
	for _, s := range servers {
		keys = slices.AppendSeq(keys, maps.Keys(s.Tags))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Tags)) {
		values := valuesOf(servers, func(s Server) string { return s.Tags[key] })
		switch {
		case len(keys) > 0 && !slices.Contains(keys, key):
			say("tagNotSeen", "no instance has a tag %s; there are %s", key, some(keys, key))
		case len(values) > 0 && f.Tags[key] != "" && !slices.Contains(values, f.Tags[key]):
			say("tagNotSeen", "no instance has the tag %s=%s; there are %s", key, f.Tags[key], some(values, f.Tags[key]))
		}
	}
	return found
}

// valuesOf are what servers have of something, each once, in order.
func valuesOf(servers []Server, of func(Server) string) []string {
	var all []string
	for _, s := range servers {
		if v := of(s); v != "" {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shown is how many names a sentence has.
const shown = 5

// some are those of the names that are like the one that is asked for, else the first.
func some(names []string, asked string) string {
	near := image.Nearest(asked, names)
	if len(near) == 0 {
		near = slices.Compact(slices.Sorted(slices.Values(names)))
	}
	return strings.Join(near[:min(shown, len(near))], ", ")
}
