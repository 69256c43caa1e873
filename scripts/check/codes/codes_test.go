package codes_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/codes"
	"imagekeeper/scripts/check/source"
)

// sample has a code of every form in which one is written.
const sample = `package f

import (
	"x/shared/fault"
	"x/shared/words"
)

const codeOwn = "ownCode"

type in struct {
	Limit int ` + "`json:\"limit\" validate:\"omitempty,min=1,shape\"`" + `
}

func rules() []rule { return []rule{{Tag: "shape", Pattern: "^a$", Sentence: "must be a shape"}} }

func f(at place, name string) error {
	if name == "" {
		return fault.InField("name", codeOwn, "is not %q", name)
	}
	if name == "b" {
		return fault.New(fault.Conflict, "another %d writer", 2).WithCode("written")
	}
	if name == "c" {
		return at.refuse(words.CodeFar, "must be near")
	}
	return &fault.Error{Kind: fault.NotFound, Code: "gone", Sentence: "is gone"}
}
`

// refusing has the codes of what plans refuse, which an apply is answered with.
const refusing = `package importing

import "x/shared/image"

func (j *judge) all(n int) {
	j.fatal("tooOld", "is too old", "take another one")
	j.warn("onlyWarned", "may be too old", "")
	say(image.Fatal, "tooMuch", "take less", "is %d", n)
	say(image.Warning, "onlyMuch", "take less", "is %d", n)
	j.found = append(j.found, image.Finding{Level: image.Fatal, Reason: image.Reason{Code: "tooDear", Sentence: fmt.Sprintf("costs %d", n)}})
	j.found = append(j.found, image.Finding{Level: image.Warning, Reason: image.Reason{Code: "onlyNoted", Sentence: "costs"}})
}

func unchangeable() *image.Reason { return &image.Reason{Code: "fixed", Sentence: "stays"} }

func already() image.Reason { return image.Reason{Code: "onlySaid", Sentence: "is so"} }

func (v *ruleCheck) rule() { v.refuse("a.member", "notARule", "is no rule") }
`

// bearing has the codes of tokens.
const bearing = `package bearer

const CodeOver = "tokenOver"

func f() error { return refused(CodeOver, "is over") }
`

func treeOf(t *testing.T, text string) *source.Tree {
	t.Helper()
	tree, err := source.Read(fstest.MapFS{
		"go.mod":                           {Data: []byte("module x\n")},
		"functions/f/f.go":                 {Data: []byte(text)},
		"functions/f/f_test.go":            {Data: []byte("package f\n\nvar _ = fault.InField(\"a\", \"onlyInTests\", \"x\")\n")},
		"shared/words/words.go":            {Data: []byte("package words\n\nconst CodeFar = \"tooFar\"\n")},
		"shared/importing/importing.go":    {Data: []byte(refusing)},
		"shared/function/bearer/bearer.go": {Data: []byte(bearing)},
		"shared/cloudsim/c.go":             {Data: []byte("package cloudsim\n\nvar _ = fault.InField(\"a\", \"onlyEmulated\", \"x\")\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

const frame = "# f\n<!-- the catalogue of codes: `make openapi` writes it -->\n<!-- end of the catalogue -->\nafter\n"

func TestEveryFormIsRead(t *testing.T) {
	t.Parallel()
	got, err := codes.Write(frame, treeOf(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"| `ownCode` | 400 | is not … | correct what `field` names |", "| `written` | 409 | another … writer | look at what is there now, and decide again |",
		"| `tooFar` | 400 | must be near |", "| `gone` | 404 | is gone |", "| `shape` | 400 | must be a shape |", "| `min` | 400 | less, shorter or fewer than allowed |",
		"| `tooOld` | 422 | is too old |", "| `tooMuch` | 422 | is … |", "| `tooDear` | 422 | costs … |", "| `fixed` | 422 | stays |", "| `notARule` | 400 | is no rule |", "| `tokenOver` | 401 | is over |",
		"| `throttled` | 503 | too many calls | repeat after `Retry-After` |",
	} {
		if strings.Count(got, "\n"+row) != 1 {
			t.Errorf("no row %s in\n%s", row, got)
		}
	}
	if all := codes.Catalogued(got); !slices.Equal(all["written"], []int{409}) || !slices.Equal(all["tooOld"], []int{422}) || all["a.member"] != nil {
		t.Error(all)
	}
	if strings.Contains(got, "only") || !strings.HasSuffix(got, "<!-- end of the catalogue -->\nafter\n") {
		t.Error(got)
	}
	if again, err := codes.Write(got, treeOf(t, sample)); err != nil || again != got {
		t.Errorf("written again it is another one: %v\n%s", err, again)
	}
}

func TestAStaleCatalogueIsFound(t *testing.T) {
	t.Parallel()
	right, err := codes.Write(frame, treeOf(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	for text, findings := range map[string]int{right: 0, frame: 1, strings.Replace(right, "409", "404", 1): 1} {
		found, err := codes.Check(fstest.MapFS{codes.Path: {Data: []byte(text)}}, treeOf(t, sample))
		if err != nil || len(found) != findings {
			t.Errorf("%v, %v: want %d", found, err, findings)
		}
	}
	if _, err := codes.Check(fstest.MapFS{codes.Path: {Data: []byte("no place")}}, treeOf(t, sample)); err == nil {
		t.Error("a document without a place for it is right")
	}
}

// TestRepository holds the catalogue to the source.
func TestRepository(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../../..")
	tree, err := source.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	found, err := codes.Check(root, tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// TestEveryRuleHasItsCode: whatever a rule of an input refuses, the catalogue has its code.
func TestEveryRuleHasItsCode(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../../..")
	document, err := fs.ReadFile(root, codes.Path)
	if err != nil {
		t.Fatal(err)
	}
	known, rules := codes.Catalogued(string(document)), 0
	tags := regexp.MustCompile("`[^`]*validate:\"([^\"]*)\"")
	err = fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !strings.HasPrefix(path, "functions/") && !strings.HasPrefix(path, "shared/") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		for _, found := range tags.FindAllStringSubmatch(string(text), -1) {
			for rule := range strings.SplitSeq(found[1], ",") {
				name, _, _ := strings.Cut(rule, "=")
				code, _, _ := strings.Cut(name, "_")
				switch {
				case strings.Contains(found[0], "env:"), slices.Contains([]string{"omitempty", "dive", "keys", "endkeys", "-"}, name):
				case code == "unique":
				default:
					if rules++; known[code] == nil {
						t.Errorf("%s: the catalogue lacks %s", path, code)
					}
				}
			}
		}
		return err
	})
	if err != nil || rules < 100 {
		t.Errorf("%d rules, %v", rules, err)
	}
}
