package retention

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Maker changes images and snapshots of one account.
type Maker interface {
	// DeleteImage never forces.
	DeleteImage(ctx context.Context, in image.RegionID, id image.ID) error
	DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error
	ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error
	CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (image.ID, error)
}

// Tagger puts tags on things of one account, and takes them off.
type Tagger interface {
	Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error
	Untag(ctx context.Context, in image.RegionID, resource string, ids, keys []string) error
}

// Cloud is one account's.
type Cloud interface {
	Maker
	Tagger
}

// Shares takes access to images away and gives it back, through the logs that tell
// of it.
type Shares interface {
	// Suspend ends all access and publication, if it is proven that nobody uses the
	// image.
	Suspend(ctx context.Context, r image.Ref, by string) error
	// Resume gives back to those who lost it what they are still to have, and names the
	// others.
	Resume(ctx context.Context, r image.Ref, by string, suspended []image.AccountID, published bool) (left []image.AccountID, err error)
	// Give lets accounts use an image.
	Give(ctx context.Context, r image.Ref, with []image.AccountID, by string) error
}

// Ruling is the document of rules as it is now.
type Ruling struct {
	Document Document
	// Broken is why it cannot be used; nil: it can.
	Broken *image.Reason
	// Approver is whose approval a rule of it is; nil: nobody's.
	Approver func(rule string) string
}

// Announcement tells people about images of one work.
type Announcement struct {
	Work string
	// What is marked, removed or returned.
	What Stage
	// Owner is the value of the owner's tag; empty: the targets of the document.
	Owner  string
	Notify []string
	Images []Announced
	// Due is when the first of them goes on.
	Due time.Time
}

// Announced is one image of an announcement.
type Announced struct {
	Ref    image.Ref
	Name   string
	Reason image.Reason
}

// Diary is what cleanup writes.
type Diary interface {
	Write(ctx context.Context, r image.Ref, c Chapter) error
	// Announce fails unless somebody was told.
	Announce(ctx context.Context, a Announcement) error
}

// Kind is cleanups, and restores from the bin, as the engine of long work carries
// them.
type Kind struct {
	// Cloud is the one of an account. It fails where that cannot be worked in now.
	Cloud   func(ctx context.Context, account image.AccountID) (Cloud, error)
	Shares  Shares
	Diary   Diary
	Archive Archive
	Judge   Judge
	// Rules reads the document anew.
	Rules func(ctx context.Context) Ruling
	Now   func() time.Time
	// Worth is what a snapshot of an image costs a month, in words of whoever prices it;
	// nil: nobody does.
	Worth func(ctx context.Context, of image.Ref, id image.SnapshotID) string
	told  *announcers
}

// New completes a kind.
func New(k Kind) Kind {
	k.told = &announcers{done: map[string]error{}}
	return k
}

// Wish is what a work of cleanup is about, for Next.
type Wish struct {
	// Restore: the work brings an image back.
	Restore *Restore `json:"restore,omitempty"`
	// Items are the images, by the name of their item.
	Items map[string]WishItem `json:"items,omitempty"`
	// ByRule: rules have them go; else somebody named them.
	ByRule bool `json:"byRule,omitempty"`
	// MarkOnly: the approval covers the mark alone.
	MarkOnly  bool   `json:"markOnly,omitempty"`
	SkipWaits bool   `json:"skipWaits,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// WishItem is one image that is to go.
type WishItem struct {
	Ref    image.Ref    `json:"ref"`
	Name   string       `json:"name"`
	Rule   string       `json:"rule,omitempty"`
	Terms  string       `json:"terms,omitempty"`
	Owner  string       `json:"owner,omitempty"`
	Family image.Family `json:"family,omitempty"`
	// Snapshots are those of its mapping; they are claimed with it.
	Snapshots []image.SnapshotID `json:"snapshots,omitempty"`
	// Orphan: the item is a snapshot that an image left.
	Orphan image.SnapshotID `json:"orphan,omitempty"`
	// Copies are the regional copies, which are looked at together with it.
	Copies []image.Ref `json:"copies,omitempty"`
	// Deprecate: also what Terraform owns.
	Deprecate bool   `json:"deprecate,omitempty"`
	Why       string `json:"why,omitempty"`
	// Caps are the places that it takes.
	Caps []work.Claim `json:"caps,omitempty"`
}

// Told is what an item tells beside how far it is.
type Told struct {
	Stage        Stage
	DueAt        time.Time
	Restored     image.ID
	NotGivenBack []image.AccountID
	// Saved is what the snapshots that are gone cost, as whoever priced them says.
	Saved map[image.SnapshotID]string
	// Why is what an item waits for that tells no other reason; nil: nothing is known.
	Why *image.Reason
}

// Tell reads the notes of an item.
func Tell(_ work.Work, i work.Item) Told {
	t := Told{Stage: stageOf(i), Restored: image.ID(i.Notes[noteImage]), NotGivenBack: accountsOf(i.Notes[noteLeft])}
	if i.Notes[noteClosed] == yes {
		t.Stage = StagePurged
	}
	if t.Stage == StagePurged || i.Outcome.Result == plan.Applied {
		t.Saved = savedOf(i.Notes)
	}
	if due, unreadable := readTime("when the next stage is due", dueOf(i)); unreadable == nil {
		t.DueAt = due
	}
	switch {
	case i.Ended():
	case i.Sent != nil && i.Sent.Do == doDelete:
		t.Why = &image.Reason{Code: "deleting", Sentence: "its deletion was begun: the next look tells whether it is gone"}
	case i.Sent != nil && (i.Sent.Do == doClose || strings.HasPrefix(i.Sent.Do, doPurge)):
		t.Why = &image.Reason{Code: "purging", Sentence: "its snapshots are being deleted: the next look tells which are gone"}
	}
	return t
}

// dueOf is what is written down of when the next stage of an item is due.
func dueOf(i work.Item) string {
	switch {
	case i.Ended():
		return ""
	case i.Notes[noteBin] != "":
		return i.Notes[noteBin]
	case i.Level == levelAnnounced || i.Level == levelSuspended || i.Level == levelQuarantined:
		return i.Notes[noteDue]
	}
	return ""
}

func wishOf(w work.Work) (Wish, error) {
	var wish Wish
	if err := json.Unmarshal(w.Document.Wish, &wish); err != nil {
		return wish, fault.Wrap(fault.Unknown, err, "the wish of cleanup %s cannot be read", w.ID).WithCode("journalDamaged")
	}
	return wish, nil
}

// The facts of an item.
const (
	factAction    = "action"
	factStage     = "stage"
	factDue       = "due"
	factKeeps     = "keeps"
	factReason    = "why"
	factRow       = "row"
	factStatus    = "status"
	factTag       = "tag"
	factOpen      = "open" // somebody else may still use it
	factTerraform = "terraform"
	factSnapshots = "snapshots"
	factTagged    = "snapshotsTagged"
	factMode      = "mode"
	factWindow    = "window" // when work may be done; empty: now
	factLooked    = "looked"
	factRest      = "quarantine" // how long it lasts
	factBin       = "bin"
	factTerms     = "ruleTerms" // those of the rule now; noteTerms are those that were announced
	factCap       = "cap"
	factBase      = "base"
	factBegun     = "begun" // what it was is written down, as before its deletion

	there = "there"
	gone  = "gone"
	yes   = "yes"
)

// The levels of an item.
const (
	levelMarked      = "marked"
	levelAnnounced   = "announced"
	levelSuspended   = "suspended"
	levelQuarantined = "quarantined"
	levelTagged      = "tagged"
	levelDeleted     = "deleted"
	levelBinned      = "binned"
	levelReturning   = "returning"
	levelReturned    = "returned"
)

// StageOf is the stage that a level is of.
func StageOf(level string) Stage {
	switch level {
	case levelMarked, levelAnnounced:
		return StageMarked
	case levelSuspended, levelQuarantined, levelTagged:
		return StageQuarantined
	case levelDeleted, levelBinned:
		return StageDeleted
	}
	return StageNone
}

// stageOf is the stage of an item. One on its way back is where it came from until it
// is back.
func stageOf(i work.Item) Stage {
	switch {
	case i.Level != levelReturning:
		return StageOf(i.Level)
	case i.Notes[noteQuarantined] != "" || i.Notes[noteDeprecated] == yes:
		return StageQuarantined
	}
	return StageMarked
}

// Notes of an item.
const (
	noteAnnounced   = "announcedAt"
	noteTerms       = "terms"
	noteQuarantined = "quarantinedAt"
	noteDeleted     = "deletedAt"
	noteSuspended   = "suspended"
	notePublished   = "published"
	noteDeprecated  = "deprecated"
	noteResumed     = "resumed"
	noteWhy         = "returnedFor"
	noteLooked      = "looked"
	noteFailures    = "failures"
	noteFailed      = "failedAt"
	noteRefused     = "refused" // a guard kept it, or it was not as it had been: no failure
	noteDue         = "dueAt"   // when its next stage is due, until it is in the bin
	noteBin         = "binUntil"
	noteClosed      = "closed"
	noteSaved       = "saved/" // and a snapshot: what it cost
)

// savedOf are the notes of what snapshots cost that are gone.
func savedOf(notes map[string]string) map[image.SnapshotID]string {
	saved := map[image.SnapshotID]string{}
	for key, worth := range notes {
		if id, is := strings.CutPrefix(key, noteSaved); is && worth != "" {
			saved[image.SnapshotID(id)] = worth
		}
	}
	return saved
}

// reached is how far an item is, as Decide wants to know it. A time that cannot be
// read is the zero one, from which nothing runs.
func reached(i work.Item, before Reached) Reached {
	at := func(note string) time.Time {
		t, unreadable := readTime(note, i.Notes[note])
		if unreadable != nil {
			return time.Time{}
		}
		return t
	}
	r := Reached{Stage: stageOf(i), Terms: i.Notes[noteTerms], AnnouncedAt: at(noteAnnounced), QuarantinedAt: at(noteQuarantined), DeletedAt: at(noteDeleted)}
	if i.Notes[noteAnnounced] == "" && before.Stage == StageMarked {
		r.AnnouncedAt, r.Terms = before.AnnouncedAt, before.Terms
	}
	return r
}

// Look looks at everything that speaks for or against each item, in every account
// that can see it.
func (k Kind) Look(ctx context.Context, at survey.Fresh, w work.Work) (work.Seen, error) {
	wish, err := wishOf(w)
	if err != nil {
		return nil, err
	}
	if wish.Restore != nil {
		return k.lookRestore(ctx, at, w, *wish.Restore)
	}
	l := &looking{Kind: k, at: at, work: w, wish: wish, rules: k.Rules(ctx), began: k.Now().UTC()}
	return l.all(ctx), nil
}

// Next decides; see the function of that name.
func (k Kind) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	return Next(w, seen, now)
}

// Refused reports whether an item stays because a guard keeps it, because it is not as it
// was any more, or because another work has it.
func (Kind) Refused(i work.Item) bool {
	return i.Notes[noteRefused] == yes || i.Outcome.Why != nil && i.Outcome.Why.Code == "claimed"
}

// looking is one look of a work.
type looking struct {
	Kind
	at    survey.Fresh
	work  work.Work
	wish  Wish
	rules Ruling
	began time.Time
}

// refs are the images that are looked at closely: those that are not in the bin.
func (l *looking) refs() map[image.Ref]string {
	refs := map[image.Ref]string{}
	for name, one := range l.wish.Items {
		if i := l.work.Items[name]; one.Orphan == "" && !i.Ended() && i.Level != levelBinned {
			refs[one.Ref] = name
		}
	}
	return refs
}

// regionsOf are all that are looked at.
func regionsOf(at survey.Fresh) []image.RegionID {
	var all []image.RegionID
	for _, p := range at.Places() {
		all = append(all, p.Region)
	}
	return all
}

func (l *looking) all(ctx context.Context) work.Seen {
	seen, refs := work.Seen{}, l.refs()
	left := slices.ContainsFunc(l.work.Names(), func(name string) bool { return l.wish.Items[name].Orphan != "" && !l.work.Items[name].Ended() })
	places := map[Place]Reader{}
	if len(refs) > 0 || left {
		places = l.places()
	}
	ledgers := OpenLedgers(ctx, places, l.Now)
	l.rules.Document = l.rules.Document.Over(ledgers)
	inv := Observe(ctx, Scope{
		Ledgers: ledgers, Closed: l.at.Unread(), Judge: l.Judge, Archive: l.Archive,
		Wanted: func(i image.Image) bool {
			_, ours := refs[i.Ref]
			return ours || l.copied(i.Ref)
		},
		Evidence: l.rules.Document.Complete().Evidence, Orphans: left, Regions: regionsOf(l.at),
	})
	for n := range inv.Subjects {
		s := &inv.Subjects[n]
		if name, ours := refs[s.Ref]; ours {
			s.Reached = reached(l.work.Items[name], s.Reached)
		}
	}
	judged, orphans := map[image.Ref]Judgement{}, map[image.SnapshotID]Judgement{}
	for _, j := range l.decide(inv, refs) {
		if j.Snapshot != "" {
			orphans[j.Snapshot] = j
			continue
		}
		judged[j.Ref] = j
	}
	for name, one := range l.wish.Items {
		item := l.work.Items[name]
		switch {
		case one.Orphan != "":
			l.orphan(ctx, name, one, inv, orphans, seen)
		case item.Level == levelBinned:
			l.binned(ctx, name, one, item, seen)
		default:
			l.image(ctx, name, one, inv, judged, seen)
		}
	}
	return seen
}

// places are those of the regions that the work is about, in every account.
func (l *looking) places() map[Place]Reader {
	regions := map[image.RegionID]bool{}
	for _, one := range l.wish.Items {
		regions[one.Ref.Region] = true
		for _, c := range one.Copies {
			regions[c.Region] = true
		}
	}
	places := map[Place]Reader{}
	for _, p := range l.at.Places() {
		if regions[p.Region] {
			places[Place{p.Account, p.Region}] = p
		}
	}
	return places
}

func (l *looking) copied(r image.Ref) bool {
	for _, one := range l.wish.Items {
		if slices.Contains(one.Copies, r) {
			return true
		}
	}
	return false
}

// decide judges by the rules as they are now, or by name.
func (l *looking) decide(inv Inventory, refs map[image.Ref]string) []Judgement {
	now := l.Now()
	if l.wish.ByRule {
		return Decide(inv, l.rules.Document, now)
	}
	named := make([]image.Ref, 0, len(refs))
	for r := range refs {
		named = append(named, r)
	}
	return DecideNamed(inv, l.rules.Document, now, named, l.wish.SkipWaits)
}

// common are the facts that all items have.
func (l *looking) common() plan.Facts {
	doc := l.rules.Document.Complete()
	f := plan.Facts{
		factMode: string(doc.Mode), factLooked: l.began.Format(time.RFC3339), factRest: doc.Quarantine.String(), factBin: doc.Bin.String(),
	}
	if l.wish.SkipWaits {
		delete(f, factRest)
	}
	if l.rules.Broken != nil {
		f[factMode] = "broken"
		f[factReason] = reasonText(*l.rules.Broken)
	}
	if opens, ok := doc.Windows.Opens(l.Now()); !l.wish.SkipWaits && (!ok || opens.After(l.Now())) {
		f[factWindow] = opens.UTC().Format(time.RFC3339)
	}
	return f
}

func reasonText(r image.Reason) string {
	text, err := json.Marshal(r)
	if err != nil { // two texts have no way to fail
		return ""
	}
	return string(text)
}

// image are the facts of an image that is not deleted yet, as far as is known.
func (l *looking) image(ctx context.Context, name string, one WishItem, inv Inventory, judged map[image.Ref]Judgement, seen work.Seen) {
	f := l.common()
	n := slices.IndexFunc(inv.Subjects, func(s Subject) bool { return s.Ref == one.Ref })
	if n < 0 {
		for _, u := range inv.Unread {
			if u.Region == "" || u.Region == one.Ref.Region { // it may be there
				seen.Unseen(name, u.Sentence)
				return
			}
		}
		if l.at.Place(one.Ref.Account, one.Ref.Region) == nil {
			unseen(seen, name, errNoPlace(one.Ref))
			return
		}
		f[factRow] = gone
		if err := l.begun(ctx, one.Ref, f); err != nil {
			unseen(seen, name, err)
			return
		}
		seen[name] = f
		return
	}
	l.shown(f, one, inv, inv.Subjects[n], judged[one.Ref])
	seen[name] = f
}

// unseen tells why something could not be looked at, whatever the kind of that: the
// next look may be hours away.
func unseen(seen work.Seen, name string, err error) { seen.Unseen(name, fault.Sentence(err)) }

func errNoPlace(r image.Ref) error {
	return fault.New(fault.Unavailable, "account %s in %s is not looked at", r.Account, r.Region)
}

// begun adds whether what an image was is written down, as before its deletion.
func (l *looking) begun(ctx context.Context, r image.Ref, f plan.Facts) error {
	stories, err := l.Archive.Stories(ctx, []image.Ref{r})
	for _, c := range stories[r] {
		if c.Image != nil && c.Work == l.work.ID {
			f[factBegun] = yes
		}
	}
	return err
}

// shown are the facts of an image that is there.
func (l *looking) shown(f plan.Facts, one WishItem, inv Inventory, s Subject, j Judgement) {
	f[factRow], f[factStatus], f[factTag] = there, string(s.Status), s.Tags[TagCleanup]
	f[factAction], f[factStage], f[factBase] = string(j.Action), string(j.Stage), BaseOf(s)
	if !j.DueAt.IsZero() {
		f[factDue] = j.DueAt.UTC().Format(time.RFC3339)
	}
	if len(j.Keeps) > 0 {
		f[factKeeps] = reasonText(firstSure(j.Keeps))
	}
	if len(s.Grants) > 0 || s.Published || !s.GrantsKnown {
		f[factOpen] = yes
	}
	f[noteSuspended] = accountsText(s.Grants)
	if s.Published {
		f[notePublished] = yes
	}
	if ownedByTerraform(s.Tags) && !one.Deprecate {
		f[factTerraform] = yes
	}
	if j.Rule != "" {
		f[factTerms] = termsOf(l.rules.Document.Complete())[j.Rule]
	}
	if !s.Reached.AnnouncedAt.IsZero() {
		f[noteAnnounced], f[noteTerms] = s.Reached.AnnouncedAt.UTC().Format(time.RFC3339), s.Reached.Terms
	}
	if !slices.ContainsFunc(s.Snapshots, func(r SnapshotRow) bool { return r.Tags[TagCleanup] == "" }) {
		f[factTagged] = yes
	}
}

// firstSure is the first reason that is no doubt, else the first.
func firstSure(keeps []image.Reason) image.Reason {
	for _, k := range keeps {
		if !doubtful(k.Code) {
			return k
		}
	}
	return keeps[0]
}

func accountsText(accounts []image.AccountID) string {
	words := make([]string, len(accounts))
	for n, a := range accounts {
		words[n] = string(a)
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

func accountsOf(text string) []image.AccountID {
	var accounts []image.AccountID
	for word := range strings.SplitSeq(text, ",") {
		if word != "" {
			accounts = append(accounts, image.AccountID(word))
		}
	}
	return accounts
}

// BaseOf is what of an image an approval is about: when it moves, the image is left
// alone.
func BaseOf(s Subject) string {
	return string(s.Status) + " " + s.Name + " " + accountsText(s.Grants) + " " + strconv.FormatBool(s.Published)
}

// ownedByTerraform: a tag says that Terraform made it, which would make it again if
// it were deprecated.
func ownedByTerraform(tags image.Tags) bool {
	for key, value := range tags {
		if strings.Contains(strings.ToLower(key), "terraform") || strings.Contains(strings.ToLower(value), "terraform") {
			return true
		}
	}
	return false
}
