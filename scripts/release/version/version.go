// Package version writes the version of a release where it stands: in the source, and
// as a heading of the CHANGELOG.
package version

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	constant = regexp.MustCompile(`(?m)^const Version = "([^"]*)"$`)
	semantic = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)
)

// unreleased is the heading of what is in no version yet.
const unreleased = "## Unreleased\n"

// Of is the version that a source says. It fails if it says none, or none of the form
// major.minor.patch.
func Of(source string) (string, error) {
	found := constant.FindStringSubmatch(source)
	if found == nil || !semantic.MatchString(found[1]) {
		return "", errors.New("the source has no constant Version with a version")
	}
	return found[1], nil
}

// Next is the source with another version. It fails unless that is a later one.
func Next(source, wanted string) (string, error) {
	now, err := Of(source)
	if err != nil {
		return "", err
	}
	if !semantic.MatchString(wanted) {
		return "", fmt.Errorf("%q is no version like 1.2.3", wanted)
	}
	if compare(wanted, now) <= 0 {
		return "", fmt.Errorf("%s is not later than %s", wanted, now)
	}
	return constant.ReplaceAllString(source, fmt.Sprintf("const Version = %q", wanted)), nil
}

// compare orders two versions.
func compare(a, b string) int {
	left, right := strings.Split(a, "."), strings.Split(b, ".")
	for n := range left {
		x, errX := strconv.ParseUint(left[n], 10, 32)
		y, errY := strconv.ParseUint(right[n], 10, 32)
		if errX != nil || errY != nil { // longer than any version that is meant
			return -1
		}
		if by := cmp.Compare(x, y); by != 0 {
			return by
		}
	}
	return 0
}

// Changelog gives what is in no version yet the heading of one, on a day, and leaves
// room for what comes. It fails if there is nothing, or the version has a heading.
func Changelog(text, wanted string, on time.Time) (string, error) {
	before, after, found := strings.Cut(text, unreleased)
	what, _, _ := strings.Cut(after, "\n## ")
	switch {
	case !found:
		return "", errors.New("the CHANGELOG has no heading Unreleased")
	case strings.TrimSpace(what) == "":
		return "", errors.New("the CHANGELOG has nothing that is unreleased: say what a user notices")
	case strings.Contains(text, "\n## "+wanted+" "):
		return "", fmt.Errorf("the CHANGELOG has a version %s already", wanted)
	}
	return before + unreleased + "\n## " + wanted + " (" + on.UTC().Format(time.DateOnly) + ")\n" + after, nil
}
