package selection_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// A glob means what the regular expression made of it means.
func TestGlobIsARegularExpression(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[abAB*?.é网-]{1,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[abABéÉ网.-]{0,10}`).Draw(t, "name")
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile(`(?is)^` + expression + `$`).MatchString(name)
		where, _ := scope(custom("m-1", func(i *image.Image) { i.Name = name }))
		list, err := find(context.Background(), where, selection.Query{Name: pattern})
		if err != nil || (len(list.Page) == 1) != want {
			t.Fatalf("%q matches %q: got %v, want %v, %v", pattern, name, len(list.Page) == 1, want, err)
		}
	})
}

func TestManyStarsDoNotTakeForever(t *testing.T) {
	t.Parallel()
	long := custom("m-1", func(i *image.Image) { i.Name = strings.Repeat("a", 128) })
	if got := decide(t, selection.Query{Name: strings.Repeat("*a", 63) + "b"}, nil, long); len(got.Page) != 0 {
		t.Error("it ends with b?")
	}
}

func TestSoftwareIsAWord(t *testing.T) {
	t.Parallel()
	for text, found := range map[string]bool{
		"nginx": true, "NGINX 1.24": true, "with-nginx_1": true, "预装nginx环境": true, "enginx": false, "openresty/nginx.": true,
		"nginxplus": false, "xnginx": false, "nginxx nginx": true, "": false, "ngin": false,
	} {
		got := decide(t, selection.Query{Software: "nginx"}, nil, custom("m-1", func(i *image.Image) { i.Name = text }))
		if (len(got.Page) == 1) != found {
			t.Errorf("%q: found %v, want %v", text, !found, found)
		}
	}
}
