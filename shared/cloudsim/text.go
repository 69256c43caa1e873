package cloudsim

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"imagekeeper/shared/image"
)

// wellNamed reports whether ECS takes the text as the name of an image or of a
// family: 2 to 128 characters, a letter or Chinese character first, then also
// digits and . : _ -; source: CreateImage ImageName.
func wellNamed(name string) bool {
	if n := utf8.RuneCountInString(name); n < 2 || n > 128 || hasReservedPrefix(name) || mentionsURL(name) {
		return false
	}
	for i, r := range name {
		letter := unicode.IsLetter(r)
		if !letter && (i == 0 || !unicode.IsDigit(r) && !strings.ContainsRune(".:_-", r)) {
			return false
		}
	}
	return true
}

func hasReservedPrefix(s string) bool {
	return strings.HasPrefix(s, "acs:") || strings.HasPrefix(s, "aliyun")
}

func mentionsURL(s string) bool {
	return strings.Contains(s, "http://") || strings.Contains(s, "https://")
}

// wellDescribed: 2 to 256 characters that do not begin as a URL; source:
// CreateImage Description.
func wellDescribed(text string) bool {
	n := utf8.RuneCountInString(text)
	return n >= 2 && n <= 256 && !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://")
}

// checkNewTags refuses tags that cannot be given to a resource.
func checkNewTags(tags []Tag) error {
	var keys []string
	for _, t := range tags {
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > 128 || hasReservedPrefix(t.Key) || mentionsURL(t.Key) {
			return malformed(400, "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid.")
		}
		if utf8.RuneCountInString(t.Value) > 128 || hasReservedPrefix(t.Value) || mentionsURL(t.Value) {
			return malformed(400, "InvalidTagValue.Malformed", "The specified Tag.n.Value is not valid.")
		}
		if slices.Contains(keys, t.Key) {
			return malformed(400, "Duplicate.TagKey", "The Tag.N.Key contain duplicate key.")
		}
		keys = append(keys, t.Key)
	}
	return nil
}

// tagMap turns checked tags into an object's tags; nil for none.
func tagMap(tags []Tag) image.Tags {
	if len(tags) == 0 {
		return nil
	}
	m := image.Tags{}
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// platforms are those CreateImage takes; source: CreateImage Platform.
func platforms() []string {
	return []string{
		"Aliyun", "Anolis", "CentOS", "Ubuntu", "CoreOS", "SUSE", "Debian", "OpenSUSE", "FreeBSD", "RedHat",
		"Kylin", "UOS", "Fedora", "Fedora CoreOS", "CentOS Stream", "AlmaLinux", "Rocky Linux", "Gentoo",
		"Customized Linux", "Others Linux", "Windows Server 2003", "Windows Server 2008", "Windows Server 2012",
		"Windows Server 2016", "Windows Server 2019", "Windows Server 2022", "Windows Server 2025",
	}
}
