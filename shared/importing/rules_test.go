package importing_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
)

// rule is one that nothing is wrong with.
func rule() importing.Rule {
	return importing.Rule{
		Name: "golden", From: "oss://golden-uploads/incoming/", File: "{family}_{version}.{format}", Families: []image.Family{"web-*", "db-base"},
		Image: importing.Target{
			Name: "{family}-{version}", Family: "{family}", BootMode: "UEFI", Description: "build {version}", Tags: image.Tags{"build": "{version}"},
		},
		Test:    &importing.Test{Boot: true, VSwitchID: "vsw-1", SecurityGroupID: "sg-1"},
		Release: &importing.Release{Regions: []image.RegionID{"cn-shanghai"}, Channel: importing.Candidate},
		Apply:   true, Notify: []string{"platform"},
	}
}

func around() importing.Surroundings {
	return importing.Surroundings{
		Bucket: "golden-rules", Key: "imports.yaml", Sources: []importing.Prefix{{Bucket: "golden-uploads", Key: ""}},
		Outputs: []importing.Prefix{{Bucket: "golden-uploads", Key: "exports"}, {Bucket: "imagekeeper-journal"}}, Targets: []string{"platform"},
	}
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*importing.Rule)
		around func(*importing.Surroundings)
		wrong  string // the paths and codes
	}{
		"good":                      {},
		"all of a bucket":           {change: func(r *importing.Rule) { r.From = "oss://golden-uploads/" }, wrong: "imports[0].from ownOutput"},
		"where exports are":         {change: func(r *importing.Rule) { r.From = "oss://golden-uploads/" }, around: func(s *importing.Surroundings) { s.Outputs = nil }, wrong: "imports[0].from ownOutput"},
		"no slash":                  {change: func(r *importing.Rule) { r.From = "oss://golden-uploads/incoming" }, wrong: "imports[0].from invalidFolder"},
		"not of OSS":                {change: func(r *importing.Rule) { r.From = "https://golden-uploads/incoming/" }, wrong: "imports[0].from invalidFolder"},
		"upwards":                   {change: func(r *importing.Rule) { r.From = "oss://golden-uploads/a/../b/" }, wrong: "imports[0].from invalidFolder"},
		"not a source":              {around: func(s *importing.Surroundings) { s.Sources = nil }, wrong: "imports[0].from outsideSources"},
		"beside a source":           {around: func(s *importing.Surroundings) { s.Sources[0].Key = "incoming/web" }, wrong: "imports[0].from outsideSources"},
		"exports there":             {change: func(r *importing.Rule) { r.From = "oss://golden-uploads/exports/web/" }, wrong: "imports[0].from ownOutput"},
		"exports below":             {around: func(s *importing.Surroundings) { s.Outputs[0].Key = "incoming/exports" }, wrong: "imports[0].from ownOutput"},
		"the rules there":           {around: func(s *importing.Surroundings) { s.Bucket, s.Key = "golden-uploads", "incoming/rules.yaml" }, wrong: "imports[0].from ownDocument"},
		"the rules there, no apply": {change: func(r *importing.Rule) { r.Apply = false }, around: func(s *importing.Surroundings) { s.Bucket, s.Key = "golden-uploads", "incoming/rules.yaml" }},
		"the rules beside it":       {around: func(s *importing.Surroundings) { s.Bucket, s.Key = "golden-uploads", "incoming.yaml" }},
		"braces":                    {change: func(r *importing.Rule) { r.File = "{family}_{}.raw" }, wrong: "imports[0].file invalidPattern"},
		"braces of capitals":        {change: func(r *importing.Rule) { r.File = "{Family}_{version}" }, wrong: "imports[0].file invalidPattern"},
		"captured twice":            {change: func(r *importing.Rule) { r.File = "{family}_{version}_{family}" }, wrong: "imports[0].file invalidPattern"},
		"file upwards":              {change: func(r *importing.Rule) { r.File = "../{family}_{version}" }, wrong: "imports[0].file invalidPattern"},
		"never captured":            {change: func(r *importing.Rule) { r.Image.Tags["team"] = "{team}" }, wrong: "imports[0].image.tags.team notCaptured"},
		"half a brace":              {change: func(r *importing.Rule) { r.Image.Description = "build {version" }, wrong: "imports[0].image.description invalidTemplate"},
		"always the same name":      {change: func(r *importing.Rule) { r.Image.Name = "web" }, wrong: "imports[0].image.name constantName"},
		"no family":                 {change: func(r *importing.Rule) { r.Image.Family = "" }, wrong: "imports[0].image.family required"},
		"a name that ECS refuses":   {change: func(r *importing.Rule) { r.Image.Name = "aliyun-{version}" }, wrong: "imports[0].image.name invalidName"},
		"a tag of ours":             {change: func(r *importing.Rule) { r.Image.Tags["imagekeeper:keep"] = "" }, wrong: "imports[0].image.tags reservedTag"},
		"stable":                    {change: func(r *importing.Rule) { r.Release.Channel = importing.Stable }},
		"stable without test":       {change: func(r *importing.Rule) { r.Release.Channel, r.Test = importing.Stable, nil }, wrong: "imports[0].release.channel stableNeedsTest"},
		"stable with waived risks": {change: func(r *importing.Rule) {
			r.Release.Channel, r.Check = importing.Stable, &importing.Check{Waive: []string{"x"}}
		}, wrong: "imports[0].check.waive stableWaivesNothing"},
		"nobody to tell":      {change: func(r *importing.Rule) { r.Notify = []string{"platform", "other"} }, wrong: "imports[0].notify[1] unknownTarget"},
		"more than one thing": {change: func(r *importing.Rule) { r.From, r.File = "x", "{" }, wrong: "imports[0].file invalidPattern, imports[0].from invalidFolder"},
		"an account twice": {change: func(r *importing.Rule) {
			twice := []importing.Grantee{{AccountID: "1000000000000005"}, {AccountID: "1000000000000005"}}
			r.Release.Share = &importing.Share{Accounts: twice}
		}, wrong: "imports[0].release.share.accounts[1].accountId duplicate"},
		"a licence without a system": {change: func(r *importing.Rule) { r.Image.LicenseType = "BYOL" }, wrong: "imports[0].image.licenceType noEffect"},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := rule(), around()
			if c.change != nil {
				c.change(&r)
			}
			if c.around != nil {
				c.around(&s)
			}
			var got []string
			for _, wrong := range (importing.Rules{Imports: []importing.Rule{r}}).Validate(s) {
				got = append(got, wrong.Field+" "+wrong.Code)
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != c.wrong {
				t.Errorf("got %s", text)
			}
		})
	}
	twice := importing.Rules{Imports: []importing.Rule{rule(), rule()}}.Validate(around())
	if len(twice) != 1 || twice[0].Field != "imports[1].name" || twice[0].Code != "duplicate" {
		t.Errorf("two of one name: %v", twice)
	}
}

// What an upload is taken for, and why it is not.
func TestUploads(t *testing.T) {
	other := rule()
	other.Name, other.From, other.File, other.Families = "nested", "oss://golden-uploads/", "team/{team}/{family}-{version}.raw", []image.Family{"*"}
	other.Image = importing.Target{Name: "{family}-{version}", Family: "{family}", Tags: image.Tags{"team": "{team}"}}
	rules := importing.Rules{Imports: []importing.Rule{rule(), other}}
	for key, want := range map[string]string{
		"incoming/web-base_20261129.qcow2":                               "golden web-base-20261129 web-base",
		"incoming/web_a_b_3.raw":                                         "familyNotAllowed otherName", // {family} takes as much as it can: web_a_b
		"incoming/db-base_1.vhd":                                         "golden db-base-1 db-base",
		"incoming/db-base2_1.vhd":                                        "familyNotAllowed otherName",
		"incoming/evil_1.qcow2":                                          "familyNotAllowed otherName",
		"incoming/web-base.qcow2":                                        "otherName otherName",
		"incoming/sub/web-base_1.qcow2":                                  "otherName otherName",
		"incoming/web-base_1.qcow2.tmp":                                  "temporaryObject",
		"incoming/web-base_1.TMP":                                        "temporaryObject",
		"incoming/web-base_1.raw.tar.gz":                                 "ownOutput",
		"incoming/web-base_<b>.qcow2":                                    "otherName otherName",
		"incoming/web-base_..qcow2":                                      "otherName otherName",
		"incoming/web-base_%2e.qcow2":                                    "otherName otherName",
		"incoming/web-\n_1.qcow2":                                        "otherName otherName",
		"incoming/web-base_1.qcow2\n":                                    "otherName otherName",
		"incoming/web-base_長.qcow2":                                      "otherName otherName",
		"incoming/web-base_@all.qcow2":                                   "otherName otherName",
		"incoming/web-base_{version}.qcow2":                              "otherName otherName",
		"incoming/":                                                      "emptyObject",
		"incoming-old/web-base_1.qcow2":                                  "otherFolder otherName",
		"exports/web-base_1.qcow2":                                       "ownOutput",
		"team/blue/web-base-7.raw":                                       "nested web-base-7 web-base",
		"team/blue/7-7.raw":                                              "otherFolder invalidName",
		"incoming/web-" + fmt.Sprint(strings.Repeat("a", 61)) + "_1.raw": "otherName otherName",
	} {
		v := rules.Match(importing.Uploaded{Bucket: "golden-uploads", Key: key, Bytes: 1 << 20}, around().Outputs)
		var got []string
		for _, why := range v.Reasons {
			got = append(got, why.Code)
		}
		if v.Rule != nil {
			if len(got) != 1 || got[0] != importing.CodeMatched || v.Wish.Source.Object.Key != key || v.Wish.Validate() != nil {
				t.Errorf("%s: %+v", key, v)
			}
			got = []string{v.Rule.Name, v.Wish.Image.Name, string(v.Wish.Image.Family)}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q: got %s, want %s", key, text, want)
		}
	}
	for name, u := range map[string]importing.Uploaded{
		importing.CodeEmpty:       {Bucket: "golden-uploads", Key: "incoming/web-base_1.raw"},
		importing.CodeOtherFolder: {Bucket: "golden-upload", Key: "incoming/web-base_1.raw", Bytes: 1},
	} {
		if v := rules.Match(u, nil); v.Rule != nil || v.Reasons[0].Code != name {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := (importing.Rules{}).Match(importing.Uploaded{Bucket: "b", Key: "k", Bytes: 1}, nil); v.Rule != nil || v.Reasons[0].Code != importing.CodeNoRules {
		t.Errorf("no rules: %+v", v)
	}
}

// A rule is not changed by what it matches.
func TestMatchingChangesNoRule(t *testing.T) {
	rules := importing.Rules{Imports: []importing.Rule{rule()}}
	before, _ := json.Marshal(rules)
	v := rules.Match(importing.Uploaded{Bucket: "golden-uploads", Key: "incoming/web-a_1.raw", Bytes: 1}, nil)
	v.Wish.Image.Tags["build"] = "other"
	if after, _ := json.Marshal(rules); string(after) != string(before) {
		t.Errorf("%s", after)
	}
}

// Whatever an upload is called, what is made of it is a family that is allowed, and
// nothing of its name is more than letters, digits, _ and -.
func FuzzMatch(f *testing.F) {
	for _, key := range []string{"incoming/web-base_1.qcow2", "incoming/web-{version}_1.raw", "incoming/web-\u202e_1.raw", "incoming/web-a_b_c.d", "incoming/../x_1.y"} {
		f.Add(key)
	}
	rules := importing.Rules{Imports: []importing.Rule{rule()}}
	f.Fuzz(func(t *testing.T, key string) {
		v := rules.Match(importing.Uploaded{Bucket: "golden-uploads", Key: key, Bytes: 1}, nil)
		if v.Rule == nil {
			if len(v.Reasons) == 0 {
				t.Error("no reason")
			}
			return
		}
		i := v.Wish.Image
		text := i.Name + string(i.Family) + i.Tags["build"]
		if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || !(image.Image{Family: i.Family}).InFamilies(v.Rule.Families) {
			t.Errorf("%q became %+v", key, i)
		}
	})
}

func ExampleRules_Match() {
	rules := importing.Rules{Imports: []importing.Rule{rule()}}
	for _, key := range []string{"incoming/web-base_20261129.qcow2", "incoming/evil_1.qcow2"} {
		v := rules.Match(importing.Uploaded{Bucket: "golden-uploads", Key: key, Bytes: 1 << 30}, nil)
		fmt.Println(v.Reasons[0].Sentence)
	}
	// Output:
	// rule golden makes web-base-20261129 of it
	// rule golden: the family evil is not one that it may make images of
}
