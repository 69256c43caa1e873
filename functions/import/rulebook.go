package main

import (
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/rulebook"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/rules"
)

// openRules finds the rules that IMPORT_RULES names.
func (c config) openRules(read func(path string) ([]byte, error), told *notices.Notices) (*rulebook.Book[importing.Rules], error) {
	around := importing.Surroundings{Sources: c.Sources, Outputs: handler{config: c}.outputs(), Targets: names(told)}
	return rulebook.Open("import", "IMPORT_RULES", string(c.Rules), read, shapes(), func(r importing.Rules, from rules.Source) []*fault.Error {
		around := around
		around.Bucket, around.Key, _ = from.Object()
		return r.Validate(around)
	})
}

// names are those of the targets.
func names(told *notices.Notices) []string {
	var all []string
	if told == nil {
		return nil
	}
	for _, t := range told.Targets {
		all = append(all, t.Name)
	}
	return all
}

// document is what import says of its rules. What the environment does not name,
// where uploads may lie and who is told, is taken as it stands in them.
func (h handler) document() function.Document {
	return h.book.Document("Rules of what is imported by itself", func(r importing.Rules, _ rules.Source) []*fault.Error {
		around := importing.Surroundings{Sources: h.config.Sources, Outputs: h.outputs(), Targets: names(h.told)}
		for _, rule := range r.Imports {
			if len(h.config.Sources) == 0 {
				var from importing.Prefix
				if from.UnmarshalText([]byte(rule.From)) == nil {
					around.Sources = append(around.Sources, from)
				}
			}
			if h.told == nil {
				around.Targets = append(around.Targets, rule.Notify...)
			}
		}
		return r.Validate(around)
	}, h.explain)
}

// explain tells what rules do.
func (h handler) explain(r importing.Rules) []string {
	var lines []string
	for _, rule := range r.Imports {
		families := make([]string, len(rule.Families))
		for n, f := range rule.Families {
			families[n] = string(f)
		}
		lines = append(lines, fmt.Sprintf("%s: a file %s in %s, of a family like %s, becomes the image %s of family %s",
			rule.Name, rule.File, rule.From, strings.Join(families, ", "), rule.Image.Name, rule.Image.Family))
		lines = append(lines, "  "+strings.Join(h.then(rule), "; "))
	}
	if len(h.config.Sources) == 0 {
		lines = append(lines, "not checked, as IMPORT_SOURCES is not set: whether uploads may be imported from there")
	}
	if h.told == nil && slices.ContainsFunc(r.Imports, func(r importing.Rule) bool { return len(r.Notify) > 0 }) {
		lines = append(lines, "not checked, as NOTIFY is not set: whether there are the targets that are named")
	}
	return lines
}

// then is what becomes of the image of a rule.
func (h handler) then(r importing.Rule) []string {
	var all []string
	if r.Test != nil {
		all = append(all, "it is booted once")
	}
	if r.Release != nil {
		if len(r.Release.Regions) > 0 {
			all = append(all, fmt.Sprintf("it is copied to %v", r.Release.Regions))
		}
		if r.Release.Share != nil {
			all = append(all, fmt.Sprintf("it is shared with %d accounts", len(r.Release.Share.Accounts)))
		}
		if r.Release.Channel != "" {
			all = append(all, "it becomes "+string(r.Release.Channel))
		}
	}
	switch {
	case h.config.Of("import"):
		all = append(all, "only planned: FOUR_EYES asks for people")
	case r.Apply:
		all = append(all, "done by itself")
	default:
		all = append(all, "only planned, as apply is not true")
	}
	if len(r.Notify) > 0 {
		return append(all, "told: "+strings.Join(r.Notify, ", "))
	}
	return append(all, "told: everybody in NOTIFY")
}
