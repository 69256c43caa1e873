package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/function/rulebook"
	"imagekeeper/shared/image"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/rules"
)

// openRules finds the rules that CLEANUP_RULES names.
func (c config) openRules(read func(path string) ([]byte, error), told *notices.Notices) (*rulebook.Book[retention.Document], error) {
	return rulebook.Open("cleanup", "CLEANUP_RULES", string(c.Rules), read, nil, func(d retention.Document, _ rules.Source) []*fault.Error {
		return flaws(d, told, true)
	})
}

// flaws are what is wrong with a document. Where NOTIFY is not known, whether its
// targets exist cannot be told.
func flaws(d retention.Document, told *notices.Notices, deployed bool) []*fault.Error {
	wrong := retention.Flaws(d)
	if told == nil && !deployed || d.Mode == "" || d.Mode == retention.ModeReport { // it tells nobody
		return wrong
	}
	for n, name := range d.Notify {
		if told == nil || !slices.ContainsFunc(told.Targets, func(t notify.Target) bool { return t.Name == name }) {
			wrong = append(wrong, fault.InField(fmt.Sprintf("notify[%d]", n), "unknownTarget", "%q is not a target of NOTIFY", name))
		}
	}
	return wrong
}

// ruled is the document as it is now; where it cannot be used, with what people are
// told of that.
type ruled struct {
	retention.Ruling
	notice notify.Notice
}

// ruling reads the document anew for each event.
func ruling(book *rulebook.Book[retention.Document], objects *oss.Store, as *places.Accounts) func(context.Context, function.Call) ruled {
	return func(ctx context.Context, call function.Call) ruled {
		if !book.Given() {
			return ruled{Ruling: retention.Ruling{Document: retention.Document{Mode: retention.ModeReport}}}
		}
		d := book.Load(ctx, objects.As(as.Of(call)[0]))
		if d.Usable() {
			return ruled{Ruling: retention.Ruling{Document: d.Rules, Approver: d.Approver}}
		}
		broken := image.Reason{Code: "rulesBroken", Sentence: "the document of rules cannot be used"}
		if len(d.Flaws) > 0 {
			broken.Sentence += ": " + d.Flaws[0].String()
		}
		return ruled{retention.Ruling{Document: retention.Document{Mode: retention.ModeReport}, Broken: &broken}, book.Broken(d, time.Now())}
	}
}

// document is what cleanup says of its rules.
func (h handler) document() function.Document {
	return h.book.Document("Rules of what is removed, and of what stays", func(d retention.Document, _ rules.Source) []*fault.Error {
		return flaws(d, h.notices, false)
	}, h.explain)
}

// explain tells what a document does.
func (h handler) explain(d retention.Document) []string {
	d = d.Complete()
	var lines []string
	for _, r := range d.Rules {
		lines = append(lines, r.Explain())
	}
	switch d.Mode {
	case retention.ModeDelete:
		lines = append(lines, fmt.Sprintf("they are marked and announced, unshared and deprecated after %s, deleted after another %s, and can be brought back for %s",
			d.Grace, d.Quarantine, d.Bin))
	case retention.ModeMark:
		lines = append(lines, "they are marked and announced, and nothing is taken away")
	default:
		lines = append(lines, "it is only reported: mode is report")
	}
	lines = append(lines, fmt.Sprintf("in any 24 hours at most %d go, %d %% of an account's images in a region, and %d %% of a family",
		d.Caps.PerDay, d.Caps.PercentPerDay, d.Caps.PercentOfFamily))
	if h.config.Of("cleanup") {
		lines = append(lines, "rules only mark: FOUR_EYES asks for people")
	}
	if h.notices == nil && len(d.Notify) > 0 {
		lines = append(lines, "not checked, as NOTIFY is not set: whether there are the targets that are named")
	}
	return lines
}
