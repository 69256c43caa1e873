package importing

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// Uploaded is an object that somebody has written, as an event tells.
type Uploaded struct {
	Bucket, Key string
	Bytes       int64
}

// Verdict is what rules say of an upload: which of them it matches and what is
// wished then, or why it matches none.
type Verdict struct {
	// Rule that it matches; nil: none.
	Rule *Rule
	// Wish is what the rule makes of it.
	Wish Wish
	// Reasons: one that says which rule, or one for each that it does not match.
	Reasons []image.Reason
}

// The codes of a Verdict.
const (
	CodeMatched     = "ruleMatched"
	CodeEmpty       = "emptyObject"
	CodeTemporary   = "temporaryObject"
	CodeOwnOutput   = "ownOutput"
	CodeNoRules     = "noRules"
	CodeOtherFolder = "otherFolder"
	CodeOtherName   = "otherName"
	CodeOtherFamily = "familyNotAllowed"
)

const (
	// captured is what a text in braces may be.
	captured = `([A-Za-z0-9_-]{1,64})`
	// temporary ends the names of files that somebody is still writing.
	temporary = ".tmp"
	// exported ends the names of what ECS exports.
	exported = ".raw.tar.gz"
)

// Match finds the rule of an upload. It is pure, and takes rules that are valid.
func (r Rules) Match(u Uploaded, outputs []Prefix) Verdict {
	no := func(code, sentence string, args ...any) Verdict {
		return Verdict{Reasons: []image.Reason{{Code: code, Sentence: fmt.Sprintf(sentence, args...)}}}
	}
	switch {
	case u.Bytes == 0 || strings.HasSuffix(u.Key, "/"):
		return no(CodeEmpty, "it is empty")
	case strings.HasSuffix(strings.ToLower(u.Key), temporary):
		return no(CodeTemporary, "it is called %s: it is not meant to stay", temporary)
	case strings.HasSuffix(u.Key, exported), slices.ContainsFunc(outputs, func(p Prefix) bool { return p.Covers(u.Bucket, u.Key) }):
		return no(CodeOwnOutput, "it lies where this deployment writes, or is an export")
	case len(r.Imports) == 0:
		return no(CodeNoRules, "there are no rules")
	}
	var v Verdict
	for _, rule := range r.Imports {
		wish, why := rule.judge(u)
		if why.Code == CodeMatched {
			return Verdict{Rule: &rule, Wish: wish, Reasons: []image.Reason{why}}
		}
		v.Reasons = append(v.Reasons, why)
	}
	return v
}

// judge matches one rule.
func (r Rule) judge(u Uploaded) (Wish, image.Reason) {
	no := func(code, sentence string, args ...any) (Wish, image.Reason) {
		return Wish{}, image.Reason{Code: code, Sentence: "rule " + r.Name + ": " + fmt.Sprintf(sentence, args...)}
	}
	from, ok := r.folder()
	rest, below := strings.CutPrefix(u.Key, from.Key)
	if !ok || u.Bucket != from.Bucket || !below {
		return no(CodeOtherFolder, "it is not in %s", r.From)
	}
	texts := r.texts(rest)
	if texts == nil {
		return no(CodeOtherName, "its name is not like %s", r.File)
	}
	w := r.wish(u.Bucket, u.Key, texts)
	if !(image.Image{Family: w.Image.Family}).InFamilies(r.Families) {
		return no(CodeOtherFamily, "the family %s is not one that it may make images of", w.Image.Family)
	}
	if err := w.Validate(); err != nil {
		field, code, sentence := parts(err)
		return no(code, "%s %s", field, sentence)
	}
	return w, image.Reason{Code: CodeMatched, Sentence: "rule " + r.Name + " makes " + w.Image.Name + " of it"}
}

// texts are those captured of a file's name; nil: it is called otherwise. What stands
// further to the left takes as much as it can.
func (r Rule) texts(name string) map[string]string {
	var pattern strings.Builder
	pattern.WriteString("^")
	last, names := 0, []string{}
	for _, at := range braces().FindAllStringSubmatchIndex(r.File, -1) {
		pattern.WriteString(regexp.QuoteMeta(r.File[last:at[0]]) + captured)
		names, last = append(names, r.File[at[2]:at[3]]), at[1]
	}
	pattern.WriteString(regexp.QuoteMeta(r.File[last:]) + "$")
	compiled, err := regexp.Compile(pattern.String())
	if err != nil {
		return nil
	}
	found := compiled.FindStringSubmatch(name)
	if found == nil {
		return nil
	}
	texts := map[string]string{}
	for n, key := range names {
		texts[key] = found[n+1]
	}
	return texts
}

// wish is what a rule makes of an object with captured texts.
func (r Rule) wish(bucket, key string, texts map[string]string) Wish {
	taken := braces()
	fill := func(text string) string {
		return taken.ReplaceAllStringFunc(text, func(in string) string { return texts[in[1:len(in)-1]] })
	}
	w := Wish{
		Source: Source{Object: &Object{Bucket: bucket, Key: key}}, Region: r.Region, Account: r.Account,
		Image: r.Image, Check: r.Check, Test: r.Test, Release: r.Release,
	}
	w.Image.Name, w.Image.Family, w.Image.Description = fill(w.Image.Name), image.Family(fill(string(w.Image.Family))), fill(w.Image.Description)
	w.Image.Tags = maps.Clone(w.Image.Tags)
	for tag, value := range w.Image.Tags {
		w.Image.Tags[tag] = fill(value)
	}
	return w
}

// parts are the field, the code and the sentence of a refusal.
func parts(err error) (field, code, sentence string) {
	var e *fault.Error
	if errors.As(err, &e) {
		field = e.Field
	}
	return field, fault.Code(err), fault.Sentence(err)
}

// Uploads reports whether an event of OSS says that a file is complete. The wildcard
// of a trigger also fires for parts of files, which are none.
func Uploads(event string) bool {
	return slices.Contains([]string{"ObjectCreated:PutObject", "ObjectCreated:PostObject", "ObjectCreated:CompleteMultipartUpload"}, event)
}

// Subject is what people call an import: the name of its image.
func Subject(w work.Work) string {
	var wish Wish
	if json.Unmarshal(w.Document.Wish, &wish) != nil || wish.Image.Name == "" {
		return w.ID
	}
	return wish.Image.Name
}
