package image_test

import (
	"regexp"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Every shape is anchored, has a sentence, and takes what its sentence gives as an
// example and nothing that is empty, has a line break or goes on beyond any id.
func TestShapes(t *testing.T) {
	example := map[string]string{
		"family": "web-base", "families": "web-*", "tagkey": "team", "digest": strings.Repeat("0a", 32), "oneline": "for the web team",
	}
	for _, s := range image.Shapes() {
		if !strings.HasPrefix(s.Pattern, "^") || !strings.HasSuffix(s.Pattern, "$") || s.Sentence == "" {
			t.Errorf("%s: %q is not anchored, or has no sentence", s.Tag, s.Pattern)
		}
		good := example[s.Tag]
		if good == "" {
			_, good, _ = strings.Cut(s.Sentence, "such as ")
			good, _, _ = strings.Cut(good, " ")
		}
		if err := image.CheckShape(s.Tag, "f", good); err != nil || good == "" {
			t.Errorf("%s: %q: %v", s.Tag, good, err)
		}
		for _, bad := range []string{"", "a\nb"} {
			if regexp.MustCompile(s.Pattern).MatchString(bad) {
				t.Errorf("%s takes %q", s.Tag, bad)
			}
			if err := image.CheckShape(s.Tag, "f", bad); fault.Of(err) != fault.Invalid || fault.Code(err) != s.Tag {
				t.Errorf("%s: %q: %v", s.Tag, bad, err)
			}
		}
		if long := strings.Repeat(good, 300); regexp.MustCompile(s.Pattern).MatchString(long) {
			t.Errorf("%s takes %d characters", s.Tag, len(long))
		}
	}
	if err := image.CheckShape("nothing", "f", "x"); fault.Of(err) != fault.Invalid {
		t.Errorf("a shape that does not exist: %v", err)
	}
}
