package retention

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Mode is what a document lets cleanup do.
type Mode string

// The modes.
const (
	ModeReport Mode = "report" // only tells
	ModeMark   Mode = "mark"   // tags and announces
	ModeDelete Mode = "delete" // also quarantines, deletes and purges
)

// Document is what people write. See Check and the defaults of its methods.
type Document struct {
	Mode       Mode                     `json:"mode" validate:"omitempty,oneof=report mark delete" doc:"report only tells; mark tags and announces; delete also takes away. Left out: report"`
	Rules      []Rule                   `json:"rules" validate:"max=200" doc:"What goes, and what stays of it; keep of any rule wins over remove of all"`
	Grace      image.Duration           `json:"grace" doc:"From the announcement to the quarantine; left out: 14d"`
	Quarantine image.Duration           `json:"quarantine" doc:"From unshared and deprecated to deleted; left out: 3d"`
	Bin        image.Duration           `json:"bin" doc:"From deleted until its snapshots go; left out: 30d"`
	Caps       Caps                     `json:"caps" doc:"How much goes in any 24 hours"`
	Evidence   Percent                  `json:"evidence" doc:"How much less than in the last good look may be seen; left out: 10%"`
	Windows    image.MaintenanceWindows `json:"windows" doc:"When something may be taken away; left out: always"`
	Notify     []string                 `json:"notify" validate:"max=20,unique" doc:"The targets of NOTIFY that are told; needed for mark and delete"`
}

// Rule says which images go, when, and which stay all the same.
type Rule struct {
	Name   string `json:"name" validate:"required" doc:"Its name, which every removal by it is approved by"`
	Match  Match  `json:"match" doc:"Which images it is about; all that is given must fit"`
	Remove Remove `json:"remove" doc:"From when on what matches may go"`
	Keep   *Stays `json:"keep" doc:"What of it stays; needed where images that can be used are removed"`
	// OwnerTag is the tag whose value is the target that an image's owner reads.
	OwnerTag string `json:"ownerTag" validate:"max=128" doc:"The tag whose value is the target of NOTIFY that the owner of an image reads"`
	// Deprecate: also images that Terraform owns are deprecated.
	Deprecate bool `json:"deprecate" doc:"true: also images that Terraform owns, which would make them again"`
}

// Match says what a rule is about; all that is given must fit.
type Match struct {
	Region        []image.RegionID   `json:"region" validate:"max=100,unique" doc:"Regions"`
	Account       []image.AccountID  `json:"account" validate:"max=500,unique" doc:"Accounts that own them"`
	ID            []image.ID         `json:"id" validate:"max=500,unique" doc:"Images"`
	Name          string             `json:"name" validate:"max=128" doc:"A name, with * and ?"`
	Family        []image.Family     `json:"family" validate:"max=100,unique" doc:"Families, with * and ?"`
	Tag           map[string]string  `json:"tag" validate:"max=20" doc:"Tags; an empty value: the key is there"`
	Status        []image.Status     `json:"status" validate:"max=6,unique" doc:"Statuses, as ECS writes them; left out: all"`
	OSType        image.OSType       `json:"osType" validate:"omitempty,oneof=linux windows" doc:"linux or windows"`
	Platform      string             `json:"platform" validate:"max=64" doc:"How the platform begins"`
	Arch          image.Architecture `json:"arch" validate:"omitempty,oneof=x86_64 arm64 i386" doc:"Architecture"`
	Software      string             `json:"software" validate:"max=64" doc:"Built-in software, as a word in the name, the description, and the tags software and software:<name>"`
	DataDisks     string             `json:"dataDisks" validate:"omitempty,oneof=with without" doc:"With or without data disks"`
	CreatedAfter  time.Time          `json:"createdAfter" doc:"Made at or after"`
	CreatedBefore time.Time          `json:"createdBefore" doc:"Made before"`
	// DescendantsOf: images that were made of this one, as far as their tags tell.
	DescendantsOf image.ID `json:"descendantsOf" validate:"max=128" doc:"Images that were made of this one, or of one that was, as their tag imagekeeper:parent tells"`
	// Snapshots is "orphaned": the rule is about snapshots that an image left.
	Snapshots string `json:"snapshots" validate:"omitempty,oneof=orphaned" doc:"orphaned: snapshots that an image of ours left"`
	// All: every image is meant, which has to be said.
	All     bool   `json:"all" doc:"true: every image of ours there; what else would mean every one is refused"`
	Exclude *Match `json:"exclude" doc:"Not these"`

	// descendants are those of DescendantsOf, once images were looked at.
	descendants map[image.ID]bool
}

// Orphaned is the word of Match.Snapshots.
const Orphaned = "orphaned"

// Remove says from when on what matches may go.
type Remove struct {
	OlderThan image.Duration `json:"olderThan" validate:"required" doc:"How old it is at least"`
	UnusedFor image.Duration `json:"unusedFor" doc:"For how long looks prove that nothing used it; at least 7d where images that can be used are removed"`
	// AcceptShortUse: use between two looks need not be excluded by ActionTrail.
	AcceptShortUse bool `json:"acceptShortUse" doc:"true: use between two looks need not be excluded by ActionTrail"`
	// EvenIfSharedWith names accounts that cannot be read and may lose the image.
	EvenIfSharedWith []image.AccountID `json:"evenIfSharedWith" validate:"max=100,unique" doc:"Accounts that cannot be read, and may lose it"`
}

// Stays says which of what matches stays. It wins over the Remove of every rule.
type Stays struct {
	Last             int      `json:"last" validate:"min=0,max=10000" doc:"The newest Available of each family, region and architecture"`
	SharedWithOthers bool     `json:"sharedWithOthers" doc:"true: what is shared"`
	Tagged           []string `json:"tagged" validate:"max=20,unique" doc:"What has one of these tags"`
}

// Caps bound what goes in any 24 hours.
type Caps struct {
	PerDay          int `json:"perDay" validate:"min=0,max=10000" doc:"Images; left out: 20"`
	PercentPerDay   int `json:"percentPerDay" validate:"min=0,max=100" doc:"Percent of the custom images of an account in a region, rounded down; left out: 10"`
	PercentOfFamily int `json:"percentOfFamily" validate:"min=0,max=100" doc:"Percent of a family there, rounded down; left out: 50"`
}

// Percent is a share as people write it: 10%.
type Percent int

// percentPattern is how a Percent is written.
const percentPattern = `^([1-9]?[0-9]|100)%$`

// UnmarshalText reads 0% to 100%.
func (p *Percent) UnmarshalText(text []byte) error {
	found := regexp.MustCompile(percentPattern).FindSubmatch(text)
	if found == nil {
		return errors.New("must be a whole number from 0 to 100 and %, such as 10%")
	}
	n, err := strconv.Atoi(string(found[1]))
	*p = Percent(n)
	return err
}

// JSONSchema is the form of what is read, as JSON Schema 2020-12.
func (Percent) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": percentPattern, "description": "A whole number and %", "examples": []string{"10%"}}
}

// MarshalText writes it as it is read.
func (p Percent) MarshalText() ([]byte, error) { return []byte(strconv.Itoa(int(p)) + "%"), nil }

// The times and caps of a document that leaves them out.
const (
	usualGrace      = 14 * day
	usualQuarantine = 3 * day
	usualBin        = 30 * day
	usualEvidence   = 10
	day             = 24 * time.Hour
	// leastUnused is the shortest unusedFor that proves anything.
	leastUnused = 7 * day
)

// Complete is the document with what it leaves out.
func (d Document) Complete() Document {
	if d.Mode == "" {
		d.Mode = ModeReport
	}
	d.Grace = image.Duration(d.Grace.Or(usualGrace))
	d.Quarantine = image.Duration(d.Quarantine.Or(usualQuarantine))
	d.Bin = image.Duration(d.Bin.Or(usualBin))
	if d.Evidence == 0 {
		d.Evidence = usualEvidence
	}
	for _, c := range []struct {
		of    *int
		usual int
	}{{&d.Caps.PerDay, 20}, {&d.Caps.PercentPerDay, 10}, {&d.Caps.PercentOfFamily, 50}} {
		if *c.of == 0 {
			*c.of = c.usual
		}
	}
	return d
}

// Check returns what is wrong with a document: fault.Invalid, with the path of the
// field and the words to use instead.
func (d Document) Check() error {
	if !slices.Contains([]Mode{"", ModeReport, ModeMark, ModeDelete}, d.Mode) {
		return fault.InField("mode", "oneof", "must be report, mark or delete")
	}
	if (d.Mode == ModeMark || d.Mode == ModeDelete) && len(d.Notify) == 0 {
		return fault.InField("notify", "required", "must name a target of NOTIFY: with mode %s somebody has to be told before anything goes", d.Mode)
	}
	if err := d.checkNumbers(); err != nil {
		return err
	}
	for n, w := range d.Windows {
		if field, err := w.Check(); err != nil {
			return fault.InField(fmt.Sprintf("windows[%d].%s", n, field), "invalidValue", "%s", err)
		}
		if len(w.Days) == 0 {
			return fault.InField(fmt.Sprintf("windows[%d].days", n), "required", "must name days, such as mon")
		}
	}
	names := map[string]bool{}
	for n, r := range d.Rules {
		at := fmt.Sprintf("rules[%d].", n)
		if err := r.check(at); err != nil {
			return err
		}
		if names[r.Name] {
			return fault.InField(at+"name", "duplicate", "must be another one: %q is there twice", r.Name)
		}
		names[r.Name] = true
	}
	return nil
}

// Flaws are what is wrong with a document; none: it can be used.
func Flaws(d Document) []*fault.Error {
	var wrong *fault.Error
	if errors.As(d.Check(), &wrong) {
		return []*fault.Error{wrong}
	}
	return nil
}

// About reports whether some rule may be about an image, or about what it is a copy of.
func (d Document) About(i image.Image) bool {
	for n := range d.Rules {
		m := d.Rules[n].Match
		if m.Fits(i) {
			return true
		}
		if m.Family = nil; i.Copied && i.Family == "" && m.Fits(i) { // its line may have a family
			return true
		}
	}
	return false
}

func (d Document) checkNumbers() error {
	for _, c := range []struct {
		field string
		value int
		most  int
	}{{"perDay", d.Caps.PerDay, 10000}, {"percentPerDay", d.Caps.PercentPerDay, 100}, {"percentOfFamily", d.Caps.PercentOfFamily, 100}} {
		if c.value < 0 || c.value > c.most {
			return fault.InField("caps."+c.field, "invalidValue", "must be 1 to %d", c.most)
		}
	}
	return nil
}

// longestName is how many characters the name of a rule has at the most.
const longestName = 40

// named: the rule has a name that shows.
func (r Rule) named() bool {
	control := func(c rune) bool { return c < ' ' || c == 0x7f }
	return utf8.RuneCountInString(r.Name) <= longestName && !strings.ContainsFunc(r.Name, control) && strings.TrimSpace(r.Name) != ""
}

func (r Rule) check(at string) error {
	if !r.named() {
		return fault.InField(at+"name", "required", "must be a name of 1 to 40 characters")
	}
	if err := r.Match.check(at + "match"); err != nil {
		return err
	}
	available := len(r.Match.Status) == 0 || slices.Contains(r.Match.Status, image.StatusAvailable) || slices.Contains(r.Match.Status, image.StatusDeprecated)
	switch {
	case r.Remove.OlderThan == 0:
		return fault.InField(at+"remove.olderThan", "required", "must say how old, such as 90d")
	case r.Match.Snapshots != "":
		if r.Remove.UnusedFor != 0 || r.Keep != nil {
			return fault.InField(at+"match.snapshots", "noEffect", "has neither remove.unusedFor nor keep: a snapshot that anything uses is never removed")
		}
		return nil
	case available && time.Duration(r.Remove.UnusedFor) < leastUnused:
		return fault.InField(at+"remove.unusedFor", "required", "must be at least 7d where images that can be used are removed, such as 30d")
	case available && r.Keep == nil:
		return fault.InField(at+"keep", "required", "must say what stays, such as {last: 3}, or {tagged: [keep]}")
	}
	if r.Keep != nil {
		return r.Keep.check(at + "keep")
	}
	return nil
}

func (k Stays) check(at string) error {
	switch {
	case k.Last < 0 || k.Last > 10000:
		return fault.InField(at+".last", "invalidValue", "must be 1 to 10000")
	case k.Last == 0 && !k.SharedWithOthers && len(k.Tagged) == 0:
		return fault.InField(at, "empty", "must keep something: last, sharedWithOthers: true, or tagged")
	}
	return nil
}

// check refuses a match that means everything, or may.
func (m Match) check(at string) error {
	if m.Snapshots != "" && m.Snapshots != Orphaned {
		return fault.InField(at+".snapshots", "oneof", "must be orphaned")
	}
	for n, f := range m.Family {
		if strings.Trim(string(f), "*?") == "" {
			return fault.InField(fmt.Sprintf("%s.family[%d]", at, n), "matchesAll", "must name a part of a family, such as web-*: a glob of nothing but * and ? means every one")
		}
	}
	if m.Name != "" && strings.Trim(m.Name, "*?") == "" {
		return fault.InField(at+".name", "matchesAll", "must name a part of a name, such as build-*: a glob of nothing but * and ? means every one")
	}
	for n, s := range m.Status {
		if !slices.Contains(image.Statuses(), s) {
			return fault.InField(fmt.Sprintf("%s.status[%d]", at, n), "oneof", "must be a status as ECS writes it, such as Available")
		}
	}
	return m.checkExtent(at)
}

// checkExtent refuses a match of everything that does not say so.
func (m Match) checkExtent(at string) error {
	if m.DataDisks != "" && m.DataDisks != "with" && m.DataDisks != "without" {
		return fault.InField(at+".dataDisks", "oneof", "must be with or without")
	}
	if m.All && m.narrow() {
		return fault.InField(at+".all", "noEffect", "means every image, and goes with region, account and exclude alone")
	}
	if m.Exclude != nil && m.Exclude.descends() {
		return fault.InField(at+".exclude.descendantsOf", "noEffect", "cannot be excluded: an image without the tag of its parent would go all the same; exclude a family, a name or a tag")
	}
	if m.Exclude != nil && m.Exclude.empty() {
		return fault.InField(at+".exclude", "empty", "must say which images are not meant, or be left out")
	}
	if !m.narrow() && !m.All {
		return fault.InField(at, "matchesAll", "must say which images, by family, name, tag, status or id: a match of nothing, or of region and account alone, means every one; if that is meant, say all: true")
	}
	return nil
}

// empty: nothing is said.
func (m Match) empty() bool {
	return !m.narrow() && !m.All && len(m.Region) == 0 && len(m.Account) == 0 && len(m.Status) == 0 && m.Exclude == nil
}

// narrow: the match does not mean every image.
func (m Match) narrow() bool {
	return len(m.ID) > 0 || m.Name != "" || len(m.Family) > 0 || len(m.Tag) > 0 || len(m.Status) > 0 && len(m.Status) < len(image.Statuses()) ||
		m.OSType != "" || m.Platform != "" || m.Arch != "" || m.Software != "" || m.DataDisks != "" || m.DescendantsOf != "" || !m.CreatedAfter.IsZero() || !m.CreatedBefore.IsZero() || m.Snapshots != ""
}

// Terms are what a rule says, as a short text: another text is another rule.
func (r Rule) Terms() string {
	text, err := json.Marshal(struct {
		Match  Match
		Remove Remove
		Keep   *Stays
	}{r.Match, r.Remove, r.Keep})
	if err != nil { // times beyond the year 9999, which nobody can write
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Fits reports whether an image is what a match is about.
func (m Match) Fits(i image.Image) bool {
	if m.Snapshots != "" || !m.where(i) || !m.named(i) || !m.holds(i) || !m.when(i) || m.Exclude != nil && m.Exclude.Fits(i) {
		return false
	}
	for key, value := range m.Tag {
		if has, ok := i.Tags[key]; !ok || value != "" && has != value {
			return false
		}
	}
	return true
}

// where: the image is where a match says, and as far.
func (m Match) where(i image.Image) bool {
	return among(m.Region, i.Region) && among(m.Account, i.Account) && among(m.ID, i.ID) && among(m.Status, i.Status)
}

// named: the image is called, and made for, what a match says.
func (m Match) named(i image.Image) bool {
	byName := m.Name == "" || glob(strings.ToLower(m.Name), strings.ToLower(i.Name))
	platform := m.Platform == "" || strings.HasPrefix(strings.ToLower(i.Platform)+" ", strings.ToLower(m.Platform)+" ")
	return byName && platform && (len(m.Family) == 0 || inFamilies(i, m.Family)) &&
		(m.OSType == "" || m.OSType == i.OSType) && (m.Arch == "" || m.Arch == i.Architecture)
}

// holds: the image has in it, and comes from, what a match says.
func (m Match) holds(i image.Image) bool {
	return (m.Software == "" || hasSoftware(i, m.Software)) && (m.DataDisks == "" || (m.DataDisks == "with") == hasDataDisks(i)) &&
		(m.DescendantsOf == "" || m.descendants[i.ID])
}

// when: the image was made when a match says.
func (m Match) when(i image.Image) bool {
	return (m.CreatedAfter.IsZero() || !i.CreatedAt.Before(m.CreatedAfter)) && (m.CreatedBefore.IsZero() || i.CreatedAt.Before(m.CreatedBefore))
}

// among: nothing is asked for, or this is.
func among[T comparable](asked []T, is T) bool { return len(asked) == 0 || slices.Contains(asked, is) }

// familyOf is the line of versions of an image: its family, or the one that it is to
// have.
func familyOf(i image.Image) image.Family {
	if f := i.FamilyName(); f != "" {
		return f
	}
	return image.Family(i.Tags[TagFamily])
}

func inFamilies(i image.Image, globs []image.Family) bool {
	family := familyOf(i)
	return family != "" && slices.ContainsFunc(globs, func(g image.Family) bool { return glob(string(g), string(family)) })
}

// glob reports whether text matches a pattern in which * is any text and ? one
// character.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	at, star, retry := 0, -1, 0
	for n := 0; n < len(t); {
		switch {
		case at < len(p) && p[at] == '*':
			star, retry = at, n
			at++
		case at < len(p) && (p[at] == '?' || p[at] == t[n]):
			at++
			n++
		case star >= 0:
			retry++
			at, n = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(string(p[at:]), "*") == ""
}

// hash is a short name for a text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
