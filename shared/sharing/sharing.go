// Package sharing makes the list of accounts that may use an image exactly what
// was asked for. Deciding is pure: Diff compares what was observed with what is
// wanted and returns a plan with a step and reasons for every account. Doer
// carries steps out, ten accounts a call, and looks again after each.
package sharing

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Limits of ECS; source: ModifyImageSharePermission, user guide
// share-a-custom-image.
const (
	// MaxAccounts is how many accounts one image can be shared with.
	MaxAccounts = 50
	// MaxPerCall is how many accounts one call takes; ECS ignores the rest
	// without an error.
	MaxPerCall = 10
)

// OnExpiry is what becomes of a share when its time is over.
type OnExpiry string

// The choices.
const (
	Remove         OnExpiry = "remove"         // whatever the use
	RemoveIfUnused OnExpiry = "removeIfUnused" // only when it is known that the account does not use it
)

// Terms are what was agreed about one account's access.
type Terms struct {
	Account image.AccountID `json:"accountId"`
	// Until is when the share ends; zero: never.
	Until    time.Time `json:"until,omitzero"`
	OnExpiry OnExpiry  `json:"onExpiry,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

// Use is what is known about an account's use of the image.
type Use string

// The answers, as package usage gives them.
const (
	InUse    Use = "inUse"
	NotInUse Use = "notInUse"
	Unknown  Use = "unknown"
)

// Wanted is a desired state.
type Wanted struct {
	Accounts  []Terms
	Community bool
	// Without names accounts that are not to have access, of which the plan says so
	// even if they have none; others that are not in Accounts need no naming.
	Without []image.AccountID
	// EvenIfUsed names accounts that may lose access although they use the
	// image, or may use it for all that is known.
	EvenIfUsed []image.AccountID
	// Replaces has, by an account that is wanted, the one that loses access only
	// once it has it.
	Replaces map[image.AccountID]image.AccountID
}

// Policy is what a deployment allows.
type Policy struct {
	// Allowed, if set, are the only accounts to share with (SHARE_ALLOWED_ACCOUNTS).
	Allowed []image.AccountID
	// Community allows publishing (SHARE_COMMUNITY=allow).
	Community bool
}

// Observed is the world as a plan starts from it.
type Observed struct {
	Image  image.Image
	Grants []image.Grant
	// Remembered are the terms that the journal knows, by account.
	Remembered map[image.AccountID]Terms
	// Uses are the accounts' uses; an account that is missing is Unknown.
	Uses map[image.AccountID]Use
	// Asked: ECS was asked what it has against sharing an encrypted image. Objection
	// is what it said, or why it did not; nil: nothing.
	Asked     bool
	Objection error
}

// shared reports whether a has access now.
func (o Observed) shared(a image.AccountID) bool {
	return slices.ContainsFunc(o.Grants, func(g image.Grant) bool { return g.Account == a })
}

// The actions of a plan.
const (
	Add       = "add"
	Keep      = "keep"
	Extend    = "extend"
	Take      = "remove"
	Refuse    = "refuse"
	Publish   = "publish"
	Unpublish = "unpublish"
)

// Target is the log and the subject of the plans about one image.
func Target(r image.Ref) string { return targets + r.String() }

// targets begins all targets.
const targets = "share/"

// Subject is the image that a target is about; false if it is not one of Target.
func Subject(target string) (image.Ref, bool) {
	rest, ours := strings.CutPrefix(target, targets)
	words := strings.Split(rest, "/")
	if !ours || len(words) != 3 {
		return image.Ref{}, false
	}
	return image.Ref{Account: image.AccountID(words[0]), Region: image.RegionID(words[1]), ID: image.ID(words[2])}, true
}

// Losing are the accounts that have access and are not wanted, in the order of
// the grants.
func Losing(o Observed, w Wanted) []image.AccountID {
	var losing []image.AccountID
	for _, g := range o.Grants {
		if !slices.ContainsFunc(w.Accounts, func(t Terms) bool { return t.Account == g.Account }) {
			losing = append(losing, g.Account)
		}
	}
	return losing
}

// Facts are what a plan depends on and changes.
func (o Observed) Facts() plan.Facts {
	f := plan.Facts{"status": string(o.Image.Status), "kind": string(o.Image.Kind), "published": yes(o.Image.Published)}
	for _, g := range o.Grants {
		f[accountFact(g.Account)] = "shared"
		f[termsFact(g.Account)] = o.Remembered[g.Account].text()
	}
	return f
}

func accountFact(a image.AccountID) string { return "account/" + string(a) }
func termsFact(a image.AccountID) string   { return "terms/" + string(a) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// text is terms as a fact: the same terms, the same text.
func (t Terms) text() string {
	if t.Until.IsZero() && t.Reason == "" {
		return ""
	}
	t.Until = t.Until.UTC()
	text, err := json.Marshal(t)
	if err != nil { // a year beyond 9999, which Check refuses
		return t.Until.String()
	}
	return string(text)
}

// sentence says terms for people.
func (t Terms) sentence() string {
	said := "for good"
	if !t.Until.IsZero() {
		said = "until " + t.Until.UTC().Format(time.RFC3339) + ", then " + string(t.OnExpiry)
	}
	if t.Reason != "" {
		said += " (" + t.Reason + ")"
	}
	return said
}

// parameters are what the user gave for an account.
func (t Terms) parameters() map[string]string {
	p := map[string]string{}
	if !t.Until.IsZero() {
		p["until"], p["onExpiry"] = t.Until.UTC().Format(time.RFC3339), string(t.OnExpiry)
	}
	if t.Reason != "" {
		p["reason"] = t.Reason
	}
	return p
}

// Check looks at what can be wrong with a wish whatever the world is like. It
// fails with fault.Invalid, naming the field.
func (w Wanted) Check(now time.Time) error {
	if err := checkTerms("accounts", w.Accounts, now); err != nil {
		return err
	}
	if len(w.Accounts) > MaxAccounts {
		return fault.InField("accounts", "tooMany", "an image can be shared with %d accounts at the most, not %d", MaxAccounts, len(w.Accounts))
	}
	for n, t := range w.Accounts {
		if old := w.Replaces[t.Account]; slices.ContainsFunc(w.Accounts, func(t Terms) bool { return t.Account == old }) {
			return fault.InField(fmt.Sprintf("accounts[%d].replaces", n), "contradiction", "account %s is to have access, and to be replaced", old)
		}
	}
	if err := checkAccounts("evenIfUsed", w.EvenIfUsed); err != nil {
		return err
	}
	for n, a := range w.EvenIfUsed {
		if slices.ContainsFunc(w.Accounts, func(t Terms) bool { return t.Account == a }) {
			return fault.InField(fmt.Sprintf("evenIfUsed[%d]", n), "noEffect", "has no effect: account %s is to have access", a)
		}
	}
	return nil
}

// checkTerms looks at a list of terms in a field.
func checkTerms(field string, list []Terms, now time.Time) error {
	seen := map[image.AccountID]bool{}
	for n, t := range list {
		at := fmt.Sprintf("%s[%d].", field, n)
		switch {
		case !validAccount(t.Account):
			return malformed(at+"accountId", t.Account)
		case seen[t.Account]:
			return fault.InField(at+"accountId", "duplicate", "account %s is named twice", t.Account)
		case t.Until.IsZero() && t.OnExpiry != "":
			return fault.InField(at+"until", "required", "must say when, if onExpiry says what then")
		case !t.Until.IsZero() && t.OnExpiry != Remove && t.OnExpiry != RemoveIfUnused:
			return fault.InField(at+"onExpiry", "required", "must be remove or removeIfUnused where until is given")
		case !t.Until.IsZero() && (!t.Until.After(now) || t.Until.Year() > 9999):
			return fault.InField(at+"until", "past", "must be in the future")
		}
		seen[t.Account] = true
	}
	return nil
}

// checkAccounts looks at a list of accounts in a field.
func checkAccounts(field string, list []image.AccountID) error {
	for n, a := range list {
		at := fmt.Sprintf("%s[%d]", field, n)
		switch {
		case !validAccount(a):
			return malformed(at, a)
		case slices.Contains(list[:n], a):
			return fault.InField(at, "duplicate", "account %s is named twice", a)
		}
	}
	return nil
}

func malformed(field string, a image.AccountID) error {
	return fault.InField(field, "accountid", "must be an account id, a number such as 1234567890123456, not %.40q", a)
}

// validAccount: Aliyun UIDs have 16 digits, old ones fewer.
func validAccount(a image.AccountID) bool {
	return len(a) >= 10 && len(a) <= 20 && a[0] != '0' && strings.Trim(string(a), "0123456789") == ""
}

// Change is a desired state relative to what is there (PATCH).
type Change struct {
	Add        []Terms
	Remove     []image.AccountID
	EvenIfUsed []image.AccountID
	// Replaces is that of the desired state.
	Replaces map[image.AccountID]image.AccountID
}

// Check looks at what can be wrong with a change whatever the world is like. It
// fails with fault.Invalid, naming the field.
func (c Change) Check(now time.Time) error {
	if len(c.Add) == 0 && len(c.Remove) == 0 {
		return fault.InField("add", "required", "must name accounts, or remove must")
	}
	if err := checkTerms("add", c.Add, now); err != nil {
		return err
	}
	if err := checkAccounts("remove", c.Remove); err != nil {
		return err
	}
	for n, t := range c.Add {
		if slices.Contains(c.Remove, t.Account) {
			return fault.InField(fmt.Sprintf("add[%d].accountId", n), "contradiction", "account %s is both added and removed", t.Account)
		}
		if old, replaces := c.Replaces[t.Account]; replaces && !slices.Contains(c.Remove, old) {
			return fault.InField(fmt.Sprintf("add[%d].replaces", n), "contradiction", "account %s must be in remove to be replaced", old)
		}
	}
	if err := checkAccounts("evenIfUsed", c.EvenIfUsed); err != nil {
		return err
	}
	for n, a := range c.EvenIfUsed {
		if !slices.Contains(c.Remove, a) {
			return fault.InField(fmt.Sprintf("evenIfUsed[%d]", n), "noEffect", "has no effect: account %s is not in remove", a)
		}
	}
	return nil
}

// Over is the desired state that c makes of what was observed.
func (c Change) Over(o Observed) Wanted {
	w := Wanted{Community: o.Image.Published, EvenIfUsed: c.EvenIfUsed, Accounts: slices.Clone(c.Add), Without: c.Remove, Replaces: c.Replaces}
	named := map[image.AccountID]bool{}
	for _, t := range c.Add {
		named[t.Account] = true
	}
	for _, g := range o.Grants {
		if !named[g.Account] && !slices.Contains(c.Remove, g.Account) {
			t := o.Remembered[g.Account]
			t.Account = g.Account
			w.Accounts = append(w.Accounts, t)
		}
	}
	return w
}

// Diff plans how to make the accounts exactly those wanted. Whatever is not
// allowed is a refused step with its reason; the plan then cannot be applied.
func Diff(o Observed, w Wanted, p Policy) plan.Plan {
	d := plan.Plan{Target: Target(o.Image.Ref), Base: o.Facts()}
	d.Steps = append(d.Steps, refusals(o, w, p)...)
	d.Steps = append(d.Steps, community(o, w)...)
	for _, t := range w.Accounts {
		d.Steps = append(d.Steps, admit(o, t, p))
	}
	for _, a := range Losing(o, w) {
		d.Steps = append(d.Steps, takeAway(o, a, w))
	}
	for _, a := range w.Without {
		if !o.shared(a) {
			d.Steps = append(d.Steps, step(Keep, string(a), "hasNoAccess", "it has no access"))
		}
	}
	slices.SortStableFunc(d.Steps, func(a, b plan.Step) int {
		return cmp.Or(cmp.Compare(rank(a.Action), rank(b.Action)), cmp.Compare(a.Subject, b.Subject))
	})
	return d
}

// rank is the order in which a plan is shown.
func rank(action string) int {
	return slices.Index([]string{Refuse, Unpublish, Add, Extend, Keep, Take, Publish}, action)
}

func step(action, subject, code, sentence string, args ...any) plan.Step {
	return plan.Step{Action: action, Subject: subject, Reasons: []image.Reason{{Code: code, Sentence: fmt.Sprintf(sentence, args...)}}}
}

func refuse(subject, code, sentence string, args ...any) plan.Step {
	return denied(plan.Step{Subject: subject}, code, sentence, args...)
}

// denied is a step that is refused, with what it would have done.
func denied(s plan.Step, code, sentence string, args ...any) plan.Step {
	no := step(Refuse, s.Subject, code, sentence, args...)
	no.Parameters, no.Sets, no.Refused = s.Parameters, s.Sets, true
	return no
}

// changes: the wish is not already so.
func changes(o Observed, w Wanted) bool {
	if w.Community != o.Image.Published {
		return true
	}
	return slices.ContainsFunc(w.Accounts, func(t Terms) bool { return !o.shared(t.Account) })
}

// refusals are those that concern the image as a whole.
func refusals(o Observed, w Wanted, p Policy) []plan.Step {
	i, subject := o.Image, string(o.Image.ID)
	var found []plan.Step
	if i.Kind != image.KindCustom {
		found = append(found, refuse(subject, "notOurs", "only a custom image of the account itself can be shared, and this is a %s image", i.Kind))
	}
	if i.Status != image.StatusAvailable && changes(o, w) {
		found = append(found, refuse(subject, "notAvailable", "its status is %s, and only Available images can be shared", i.Status))
	}
	if i.Encrypted() != image.No && changes(o, w) {
		found = append(found, encryption(o, w)...)
	}
	if len(w.Accounts) > MaxAccounts && changes(o, w) {
		found = append(found, refuse(subject, "tooMany", "it would be shared with %d accounts, and %d are the most", len(w.Accounts), MaxAccounts))
	}
	if w.Community && !o.Image.Published && !p.Community {
		found = append(found, refuse(subject, "communityNotAllowed", "this deployment does not publish community images (SHARE_COMMUNITY)"))
	}
	return found
}

func encryption(o Observed, w Wanted) []plan.Step {
	subject := string(o.Image.ID)
	switch {
	case w.Community && !o.Image.Published:
		return []plan.Step{refuse(subject, "encryptedCommunity", "an encrypted image, or one that may be, cannot be published")}
	case o.Image.Encrypted() == image.Yes:
		return objection(o)
	}
	return nil
}

// objection is why an encrypted image cannot be shared, if it cannot: what it is
// encrypted with only ECS can tell.
func objection(o Observed) []plan.Step {
	subject := string(o.Image.ID)
	switch {
	case o.Asked && o.Objection == nil:
		return nil
	case fault.Code(o.Objection) == "InvalidOperation.ServiceKeyEncryptedImageUnsupported":
		return []plan.Step{refuse(subject, "serviceKeyEncrypted", "it is encrypted with the service key: only images under a key of your own can be shared")}
	case fault.Code(o.Objection) == "AssumeRoleError":
		return []plan.Step{refuse(subject, "keyRoleMissing", "it is encrypted with a key of your own, which ECS cannot use for other accounts without the role AliyunECSShareEncryptImageDefaultRole")}
	case fault.Of(o.Objection) == fault.Precondition:
		return []plan.Step{refuse(subject, "encryptedNotSharable", "it is encrypted, and ECS does not share it: %s", fault.Code(o.Objection))}
	}
	return []plan.Step{refuse(subject, "keyUnknown", "it is encrypted, and what with cannot be told: images under the service key cannot be shared")}
}

// community is the step about publication, if there is one.
func community(o Observed, w Wanted) []plan.Step {
	subject := string(o.Image.ID)
	switch {
	case w.Community && !o.Image.Published:
		s := step(Publish, subject, "communityWanted", "everyone in %s will be able to use it", o.Image.Region)
		s.Sets = plan.Facts{"published": "yes"}
		return []plan.Step{s}
	case !w.Community && o.Image.Published:
		s := step(Unpublish, subject, "communityNotWanted", "it will no longer be a community image; shares with accounts stay")
		s.Sets = plan.Facts{"published": ""}
		return []plan.Step{s}
	}
	return nil
}

// admit decides about an account that is wanted.
func admit(o Observed, t Terms, p Policy) plan.Step {
	s := step(Add, string(t.Account), "wanted", "it has no access yet")
	s.Parameters = t.parameters()
	s.Sets = plan.Facts{accountFact(t.Account): "shared", termsFact(t.Account): t.text()}
	has := o.shared(t.Account)
	was := o.Remembered[t.Account]
	was.Account = t.Account
	switch {
	case t.Account == o.Image.Account:
		return denied(s, "ownAccount", "account %s owns the image", t.Account)
	case !has && len(p.Allowed) > 0 && !slices.Contains(p.Allowed, t.Account):
		return denied(s, "accountNotAllowed", "account %s is not among those this deployment shares with (SHARE_ALLOWED_ACCOUNTS)", t.Account)
	case has && was.text() == t.text():
		s.Action, s.Sets = Keep, nil
		s.Reasons = []image.Reason{{Code: "hasAccess", Sentence: "it has access on these terms already"}}
	case has:
		s.Action, s.Sets = Extend, plan.Facts{termsFact(t.Account): t.text()}
		s.Reasons = []image.Reason{{Code: "newTerms", Sentence: "it has access already, " + was.sentence() + "; now " + t.sentence()}}
	}
	return s
}

// takeAway decides about an account that has access and is not wanted.
func takeAway(o Observed, a image.AccountID, w Wanted) plan.Step {
	use := cmp.Or(o.Uses[a], Unknown)
	wanted := slices.Contains(w.EvenIfUsed, a)
	s := step(Take, string(a), "notWanted", "it is not in the list; its use of the image is %s", use)
	s.Sets = plan.Facts{accountFact(a): "", termsFact(a): ""}
	for _, t := range w.Accounts {
		if w.Replaces[t.Account] == a && !o.shared(t.Account) {
			s.After = append(s.After, plan.Step{Action: Add, Subject: string(t.Account)}.Name())
		}
	}
	switch {
	case use != NotInUse && wanted:
		s.Reasons = append(s.Reasons, image.Reason{Code: codeForced, Sentence: "removal was asked for although its use is " + string(use)})
	case use != NotInUse:
		code := map[Use]string{InUse: "stillUsed", Unknown: "useUnknown"}[use]
		return denied(s, code, "account %s would lose access, and its use of the image is %s; name it in evenIfUsed to remove it all the same", a, use)
	}
	return s
}

// Batches orders changes for the wire: unpublish; take away only as many as the
// limit requires; add; change terms; take away the rest; publish. No batch has
// more than MaxPerCall accounts. have is how many have access now.
func Batches(changes []plan.Step, have int) [][]plan.Step {
	by := map[string][]plan.Step{}
	for _, s := range changes {
		by[s.Action] = append(by[s.Action], s)
	}
	first := min(max(have+len(by[Add])-MaxAccounts, 0), len(by[Take]))
	var batches [][]plan.Step
	for _, list := range [][]plan.Step{by[Unpublish], by[Take][:first], by[Add], by[Extend], by[Take][first:], by[Publish]} {
		batches = slices.AppendSeq(batches, slices.Chunk(list, MaxPerCall))
	}
	return batches
}
