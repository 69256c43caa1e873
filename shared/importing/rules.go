package importing

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Rules are a document of what is imported by itself once it has been uploaded. The
// first rule that an upload matches counts.
type Rules struct {
	Imports []Rule `json:"imports" validate:"required,min=1,max=100,dive" doc:"The rules; the first one that an upload matches counts"`
}

// Rule says what becomes of the uploads in a folder.
type Rule struct {
	Name string `json:"name" validate:"required,rulename" doc:"Its name, which every import of it is approved by"`
	// From is the folder, oss://bucket/folder/.
	From string `json:"from" validate:"required,max=1000" doc:"The folder of the uploads: oss://bucket/folder/"`
	// File is how the rest of the key reads, with captured texts in braces.
	File string `json:"file" validate:"required,max=500" doc:"How a file is called, such as {family}_{version}.{format}: what is in braces is captured, letters, digits, _ and -, 1 to 64 of them"`
	// Families are those that it may make images of, with * and ?.
	Families []image.Family  `json:"families" validate:"required,min=1,max=100,unique,dive,familypattern" doc:"The families that it may make images of, with * and ?"`
	Region   image.RegionID  `json:"region,omitempty" validate:"omitempty,regionid" doc:"Where the image is made; left out: the region of the function"`
	Account  image.AccountID `json:"account,omitempty" validate:"omitempty,accountid" doc:"Whose image it will be; left out: the account of the function"`
	// Image is as in a request; its name, family, description and values of tags
	// take captured texts in braces.
	Image   Target   `json:"image" doc:"What the image is to be, as in POST /imports; name, family, description and the values of tags take captured texts in braces"`
	Check   *Check   `json:"check,omitempty" doc:"As in POST /imports"`
	Test    *Test    `json:"test,omitempty" doc:"As in POST /imports"`
	Release *Release `json:"release,omitempty" doc:"As in POST /imports; stable needs a boot test, and a check that passes with nothing waived"`
	// Apply: what the rule says is done; else the plan is stored and announced only.
	Apply bool `json:"apply,omitempty" doc:"true: it is done; left out: the plan is stored and announced only"`
	// Notify are the targets of NOTIFY that hear of it; left out: all of them.
	Notify []string `json:"notify,omitempty" validate:"max=20,unique" doc:"The targets of NOTIFY that hear of it; left out: all"`
}

// Surroundings are what rules are judged by, beside what they say.
type Surroundings struct {
	// Bucket and Key are where their document is kept; empty: it is no object.
	Bucket, Key string
	// Sources are those of IMPORT_SOURCES.
	Sources []Prefix
	// Outputs are where this deployment writes: its journal, its exports.
	Outputs []Prefix
	// Targets are the names in NOTIFY.
	Targets []string
}

// Validate returns all that is wrong with rules beside their form, with paths such
// as imports[2].from.
func (r Rules) Validate(s Surroundings) []*fault.Error {
	var wrong []*fault.Error
	names := map[string]int{}
	for n, rule := range r.Imports {
		v := &ruleCheck{Rule: rule, path: fmt.Sprintf("imports[%d]", n), all: r, around: s}
		if first, twice := names[rule.Name]; twice {
			v.refuse("name", "duplicate", "is the name of imports[%d] already", first)
		} else {
			names[rule.Name] = n
		}
		v.folder()
		captures, known := v.file()
		if known {
			v.templates(captures)
		}
		v.stable()
		v.targets()
		v.sample(captures)
		wrong = append(wrong, v.wrong...)
	}
	return wrong
}

// ruleCheck looks at one rule.
type ruleCheck struct {
	Rule
	path   string
	all    Rules
	around Surroundings
	wrong  []*fault.Error
}

func (v *ruleCheck) refuse(field, code, sentence string, args ...any) {
	v.wrong = append(v.wrong, fault.InField(v.path+"."+field, code, sentence, args...))
}

// folder checks where uploads are looked for.
func (v *ruleCheck) folder() {
	from, ok := v.Rule.folder()
	if !ok {
		v.refuse("from", "invalidFolder", "must be oss://bucket/folder/, and end with a slash")
		return
	}
	if !slices.ContainsFunc(v.around.Sources, func(p Prefix) bool { return p.Covers(from.Bucket, from.Key+"x") }) {
		v.refuse("from", "outsideSources", "must lie below one of IMPORT_SOURCES, or nothing of it may be imported")
	}
	if from.Key == "" {
		v.refuse("from", "ownOutput", "must be a folder of its bucket: exports are written beside all folders, and would start it")
		return
	}
	for _, out := range v.around.Outputs {
		if from.overlaps(out) {
			v.refuse("from", "ownOutput", "must not be where this deployment writes: what it makes would start it again")
			break
		}
	}
	if v.around.Bucket != "" && v.anyApplies() && from.Covers(v.around.Bucket, v.around.Key) {
		v.refuse("from", "ownDocument", "must not hold the rules themselves: whoever may upload could change what is done with uploads")
	}
}

func (v *ruleCheck) anyApplies() bool {
	return slices.ContainsFunc(v.all.Imports, func(r Rule) bool { return r.Apply })
}

// folder is where uploads are looked for.
func (r Rule) folder() (Prefix, bool) {
	place, ok := strings.CutPrefix(r.From, "oss://")
	bucket, key, slash := strings.Cut(place, "/")
	if !ok || !slash || len(bucket) < 3 || key != "" && !strings.HasSuffix(key, "/") ||
		strings.Contains("/"+key, "//") || slices.Contains(strings.Split(key, "/"), "..") {
		return Prefix{}, false
	}
	return Prefix{bucket, key}, true
}

// overlaps: something may lie below both.
func (p Prefix) overlaps(o Prefix) bool {
	a, b := strings.TrimSuffix(p.Key, "/")+"/", strings.TrimSuffix(o.Key, "/")+"/"
	return p.Bucket == o.Bucket && (a == "/" || b == "/" || strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}

// file checks how files are called, and returns what is captured, if that is known.
func (v *ruleCheck) file() (captures []string, known bool) {
	captures, wrong := capturesIn(v.File)
	switch {
	case wrong != "":
		v.refuse("file", "invalidPattern", "%s", wrong)
		return nil, false
	case strings.HasPrefix(v.File, "/") || slices.Contains(strings.Split(v.File, "/"), ".."):
		v.refuse("file", "invalidPattern", "must not begin with a slash, and have no ..")
	}
	for n, name := range captures {
		if slices.Contains(captures[:n], name) {
			v.refuse("file", "invalidPattern", "captures {%s} twice", name)
		}
	}
	return captures, true
}

// braces are a captured text in a pattern or a template. Few need it, so it is compiled
// when they do, and not at every start.
func braces() *regexp.Regexp { return regexp.MustCompile(`\{([a-z][A-Za-z0-9]{0,31})\}`) }

// capturesIn are the names in braces of a text, or what is wrong with its braces.
func capturesIn(text string) (names []string, wrong string) {
	pattern := braces()
	for _, found := range pattern.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	if strings.ContainsAny(pattern.ReplaceAllString(text, ""), "{}") {
		return names, "braces hold a name of letters and digits, such as {family}"
	}
	return names, ""
}

// templates checks that what is in braces is captured, and that names differ.
func (v *ruleCheck) templates(captures []string) {
	texts := map[string]string{"image.name": v.Image.Name, "image.family": string(v.Image.Family), "image.description": v.Image.Description}
	for key, value := range v.Image.Tags {
		texts["image.tags."+key] = value
	}
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		names, wrong := capturesIn(texts[field])
		if wrong != "" {
			v.refuse(field, "invalidTemplate", "%s", wrong)
		}
		for _, name := range names {
			if !slices.Contains(captures, name) {
				v.refuse(field, "notCaptured", "takes {%s}, which file does not capture", name)
			}
		}
		if field == "image.name" && wrong == "" && len(names) == 0 {
			v.refuse(field, "constantName", "must take a captured text: images of one region have different names")
		}
	}
	if v.Image.Family == "" {
		v.refuse("image.family", "required", "must be given, as families says which ones are allowed")
	}
}

// stable checks what a rule has to ask for before it may release to everybody.
func (v *ruleCheck) stable() {
	if v.Release == nil || v.Release.Channel != Stable {
		return
	}
	if v.Test == nil || !v.Test.Boot {
		v.refuse("release.channel", "stableNeedsTest", "may be stable by a rule only after a boot test: add test")
	}
	if len(v.Check.waived()) > 0 {
		v.refuse("check.waive", "stableWaivesNothing", "must be left out where a rule releases to stable")
	}
}

func (v *ruleCheck) targets() {
	for n, name := range v.Notify {
		if !slices.Contains(v.around.Targets, name) {
			v.refuse(fmt.Sprintf("notify[%d]", n), "unknownTarget", "%q is not among the targets of NOTIFY", name)
		}
	}
}

// sample checks the wish that an upload would become, unless something is wrong
// already.
func (v *ruleCheck) sample(captures []string) {
	if len(v.wrong) > 0 {
		return
	}
	texts := map[string]string{}
	for _, name := range captures {
		texts[name] = "a1"
	}
	from, _ := v.Rule.folder()
	w := v.wish(from.Bucket, from.Key+"sample", texts)
	if err := w.Validate(); err != nil {
		field, code, sentence := parts(err)
		v.refuse(field, code, "%s", sentence)
	}
}
