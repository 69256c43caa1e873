package retention_test

import (
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// The words of match mean what they mean elsewhere; what cannot be told does not match.
func TestWordsOfMatch(t *testing.T) {
	t.Parallel()
	base := image.Image{
		Ref: image.Ref{Account: own, Region: "cn-hangzhou", ID: "m-1"}, Name: "web-nginx_2", Description: "with Node.js", Tags: image.Tags{"software:redis": ""},
		Disks: []image.DiskMapping{{System: true}, {}},
	}
	for name, c := range map[string]struct {
		match retention.Match
		fits  bool
	}{
		"all":              {retention.Match{All: true}, true},
		"all of elsewhere": {retention.Match{All: true, Region: []image.RegionID{"cn-beijing"}}, false},
		"all but it":       {retention.Match{All: true, Exclude: &retention.Match{Name: "web-*"}}, false},
		"in its name":      {retention.Match{Software: "nginx"}, true},
		"in a description": {retention.Match{Software: "node.js"}, true},
		"in a tag":         {retention.Match{Software: "redis"}, true},
		"a part of a word": {retention.Match{Software: "ngin"}, false},
		"with data disks":  {retention.Match{DataDisks: "with"}, true},
		"without":          {retention.Match{DataDisks: "without"}, false},
		"descent unseen":   {retention.Match{DescendantsOf: "m-0"}, false},
	} {
		if is := c.match.Fits(base); is != c.fits {
			t.Errorf("%s: %v", name, is)
		}
	}
	child := func(id image.ID, parent string) image.Image {
		return image.Image{Ref: image.Ref{Account: own, ID: id}, Tags: image.Tags{"imagekeeper:parent": parent}}
	}
	l := &retention.Ledger{Place: retention.Place{Account: own}, Images: []image.Image{
		child("m-2", "cn-hangzhou/m-1"), child("m-3", "cn-hangzhou/m-2"), child("m-1", "cn-hangzhou/m-3"), child("m-9", "m-1"), {Ref: image.Ref{Account: own, ID: "m-8"}},
	}}
	doc := retention.Document{Rules: []retention.Rule{{Match: retention.Match{DescendantsOf: "m-1"}}}}
	over := doc.Over([]*retention.Ledger{l})
	for _, i := range l.Images {
		if is, want := over.About(i), i.ID == "m-2" || i.ID == "m-3" || i.ID == "m-1"; is != want {
			t.Errorf("%s descends from m-1: %v", i.ID, is)
		}
		if doc.About(i) {
			t.Errorf("%s descends before anybody looked", i.ID)
		}
	}
}
