package retention

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Do makes one changing call, after its guards.
func (k Kind) Do(ctx context.Context, at survey.Fresh, w work.Work, a work.Act) work.Answer {
	wish, err := wishOf(w)
	d := &deed{Kind: k, at: at, work: w, wish: wish, one: wish.Items[a.Item], act: a, item: w.Items[a.Item], notes: map[string]string{}}
	if err == nil && wish.Restore != nil {
		return d.restore(ctx)
	}
	told := false
	if err == nil {
		d.cloud, err = k.Cloud(ctx, d.one.Ref.Account)
	}
	if err == nil {
		told, err = d.do(ctx)
	}
	o := outcome(a, err)
	if told && err == nil {
		o.Result = plan.Already // its answer tells all there is
	}
	return work.Answer{Outcome: o, Notes: d.notes, Release: d.release}
}

// outcome is what the engine makes of a call: accepted, certainly not done, or not
// known.
func outcome(a work.Act, err error) plan.Outcome {
	step := plan.Step{Action: a.Do, Subject: a.Item}
	switch kind := fault.Of(err); {
	case err == nil:
		return plan.Outcome{Step: step.Name(), Result: plan.Applied}
	case fault.Code(err) == codeNotSent, kind != fault.Unavailable && kind != fault.Unknown && kind != fault.Throttled && kind != fault.Internal:
		return plan.Failure(step, err)
	}
	return plan.InDoubt(step, err)
}

// codeNotSent is of what was certainly not sent.
const codeNotSent = "notSent"

// deed is one call.
type deed struct {
	Kind
	cloud   Cloud
	at      survey.Fresh
	work    work.Work
	wish    Wish
	one     WishItem
	act     work.Act
	item    work.Item
	notes   map[string]string
	release []work.Claim
}

func (d *deed) by() string { return "cleanup/" + d.work.ID }

// do makes the call. told: nothing of it is left to be seen.
func (d *deed) do(ctx context.Context) (told bool, err error) {
	ref := d.one.Ref
	if id, purges := strings.CutPrefix(d.act.Do, doPurge); purges {
		return false, d.purge(ctx, image.SnapshotID(id))
	}
	switch d.act.Do {
	case doMark:
		return false, d.mark(ctx)
	case doAnnounce:
		return true, d.announce(ctx)
	case doSuspend:
		return false, d.suspend(ctx)
	case doDeprecate:
		if err := d.guard(ctx); err != nil {
			return false, err
		}
		return false, d.cloud.ModifyImage(ctx, ref.Region, ref.ID, image.AttributeChange{Deprecated: new(true)})
	case doTag:
		return false, d.tagSnapshots(ctx)
	case doDelete:
		return false, d.delete(ctx)
	case doBin:
		return true, d.bin(ctx)
	case doClose:
		d.notes[noteClosed] = yes
		return true, d.write(ctx, Chapter{Stage: StagePurged, Saved: savedOf(d.item.Notes)})
	case doRevive:
		return false, d.cloud.ModifyImage(ctx, ref.Region, ref.ID, image.AttributeChange{Deprecated: new(false)})
	case doResume:
		return true, d.resume(ctx)
	}
	return false, d.unmark(ctx)
}

func (d *deed) write(ctx context.Context, c Chapter) error {
	c.At, c.Work, c.Rule = d.Now().UTC().Truncate(time.Second), d.work.ID, d.one.Rule
	err := d.Diary.Write(ctx, d.one.Ref, c)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "what is done cannot be written down").WithCode(codeNotSent)
	}
	return nil
}

// cleanupTag is the tag of an image on its way.
func (d *deed) cleanupTag(stage Stage) string {
	text := string(stage) + " " + d.Now().UTC().Format(time.DateOnly)
	if d.one.Rule != "" {
		text += " " + d.one.Rule
	}
	return text
}

func (d *deed) mark(ctx context.Context) error {
	if d.one.Orphan != "" {
		return d.cloud.Tag(ctx, d.one.Ref.Region, "snapshot", []string{string(d.one.Orphan)}, image.Tags{TagCleanup: d.cleanupTag(StageMarked)})
	}
	return d.cloud.Tag(ctx, d.one.Ref.Region, "image", []string{string(d.one.Ref.ID)}, image.Tags{TagCleanup: d.cleanupTag(StageMarked)})
}

// guard looks once more, just before a call that takes something away. What it finds
// keeps the image.
func (d *deed) guard(ctx context.Context) error {
	err := d.onceMore(ctx)
	if fault.Of(err) == fault.Precondition {
		d.notes[noteRefused] = yes
	}
	return err
}

// onceMore reads row, grants and instances.
func (d *deed) onceMore(ctx context.Context) error {
	began := d.Now()
	looked, err := time.Parse(time.RFC3339, d.item.Notes[noteLooked])
	if err != nil || began.Sub(looked) > lookIsFresh {
		return fault.New(fault.Unavailable, "the look that this relies on is older than a minute").WithCode(codeNotSent)
	}
	ref := d.one.Ref
	owner := d.at.Place(ref.Account, ref.Region)
	if owner == nil {
		return fault.New(fault.Unavailable, "%s cannot be looked at now", ref.Region).WithCode(codeNotSent)
	}
	unsure := func(err error) error {
		return fault.Wrap(fault.Unavailable, err, "it could not be looked at once more").WithCode(codeNotSent)
	}
	rows, err := owner.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{ref.ID}, Statuses: image.Statuses()})
	if err != nil {
		return unsure(err)
	}
	if len(rows) != 1 { // a moment ago it was there
		return errNotShown(ref)
	}
	if err := d.row(ctx, owner, rows[0]); err != nil {
		return err
	}
	for _, p := range d.at.Places() {
		if p.Region != ref.Region {
			continue
		}
		run, err := p.Instances(ctx, image.InstanceListing{Image: ref.ID})
		if err != nil {
			return unsure(err)
		}
		if len(run) > 0 {
			return fault.New(fault.Precondition, "instance %s of account %s runs it", run[0].ID, p.Account).WithCode("inUse")
		}
	}
	if d.Now().Sub(began) > guardLasts {
		return fault.New(fault.Unavailable, "looking once more took too long").WithCode(codeNotSent)
	}
	return nil
}

// errNotShown: an image that was there a moment ago is not shown. Whether it is gone the
// next look tells; nothing is done to what nobody sees.
func errNotShown(r image.Ref) error {
	return fault.New(fault.Unavailable, "%s is not shown now", r).WithCode(codeNotSent)
}

// guardLasts is how old the last look may be when a call is made.
const guardLasts = 5 * time.Second

// row compares the image with what was approved and seen.
func (d *deed) row(ctx context.Context, owner *survey.FreshPlace, i image.Image) error {
	switch _, kept := i.Tags[TagKeep]; {
	case kept:
		return fault.New(fault.Precondition, "it has the tag %s", TagKeep).WithCode("kept")
	case i.Tags[TagChannel] == "candidate" || i.Tags[TagChannel] == "stable":
		return fault.New(fault.Precondition, "it is in channel %s", i.Tags[TagChannel]).WithCode("inChannel")
	case i.Tags[TagCleanup] == "":
		return fault.New(fault.Precondition, "somebody took the mark off").WithCode("markGone")
	}
	grants, err := owner.Grants(ctx, i.ID)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "whom it is shared with could not be read").WithCode(codeNotSent)
	}
	if d.act.Do != doSuspend && (len(grants) > 0 || i.Published) {
		return fault.New(fault.Precondition, "it is shared again").WithCode("sharedAgain")
	}
	for _, g := range grants {
		if !slices.Contains(accountsOf(d.item.Notes[noteSuspended]), g.Account) {
			return fault.New(fault.Precondition, "account %s got it since the last look", g.Account).WithCode("sharedSince")
		}
	}
	return nil
}

func (d *deed) suspend(ctx context.Context) error {
	if err := d.guard(ctx); err != nil {
		return err
	}
	suspended, published := accountsOf(d.item.Notes[noteSuspended]), d.item.Notes[notePublished] == yes
	if err := d.write(ctx, Chapter{Stage: StageQuarantined, Suspended: suspended, Published: published}); err != nil {
		return err
	}
	d.notes[noteQuarantined] = d.Now().UTC().Format(time.RFC3339)
	if len(suspended) == 0 && !published {
		return d.retag(ctx)
	}
	if err := d.Shares.Suspend(ctx, d.one.Ref, d.by()); err != nil {
		return err
	}
	return d.retag(ctx)
}

// retag lets the tag tell the stage. That it does not is no failure: the journal
// tells it.
func (d *deed) retag(ctx context.Context) error {
	_ = d.cloud.Tag(ctx, d.one.Ref.Region, "image", []string{string(d.one.Ref.ID)}, image.Tags{TagCleanup: d.cleanupTag(StageQuarantined)})
	return nil
}

// longestTag is how long the value of a tag may be.
const longestTag = 128

// tagSnapshots lets the snapshots tell what they were of.
func (d *deed) tagSnapshots(ctx context.Context) error {
	if err := d.guard(ctx); err != nil {
		return err
	}
	value := []rune(fmt.Sprintf("%s %s %s", d.cleanupTag(StageDeleted), d.one.Ref.ID, d.one.Name))
	value = value[:min(len(value), longestTag)]
	return d.cloud.Tag(ctx, d.one.Ref.Region, "snapshot", d.snapshots(), image.Tags{TagCleanup: string(value)})
}

func (d *deed) snapshots() []string {
	ids := make([]string, len(d.one.Snapshots))
	for n, id := range d.one.Snapshots {
		ids[n] = string(id)
	}
	return ids
}

// delete deletes the image, after writing down all that it is.
func (d *deed) delete(ctx context.Context) error {
	if err := d.guard(ctx); err != nil {
		return err
	}
	owner := d.at.Place(d.one.Ref.Account, d.one.Ref.Region)
	rows, err := owner.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{d.one.Ref.ID}, Statuses: image.Statuses()})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "it could not be looked at once more").WithCode(codeNotSent)
	}
	if len(rows) != 1 {
		return errNotShown(d.one.Ref)
	}
	rows[0].Tags = without(rows[0].Tags, TagCleanup)
	if d.item.Notes[noteDeprecated] == yes {
		rows[0].Status = image.StatusAvailable
	}
	var snapshots []image.Snapshot
	if len(d.one.Snapshots) > 0 {
		if snapshots, err = owner.Snapshots(ctx, image.SnapshotListing{IDs: d.one.Snapshots}); err != nil {
			return fault.Wrap(fault.Unavailable, err, "its snapshots could not be looked at").WithCode(codeNotSent)
		}
	}
	c := Chapter{Stage: StageQuarantined, Image: &rows[0], Snapshots: snapshots, Suspended: accountsOf(d.item.Notes[noteSuspended]), Published: d.item.Notes[notePublished] == yes}
	c.BinUntil = d.binUntil(ctx)
	if err := d.write(ctx, c); err != nil {
		return err
	}
	return d.cloud.DeleteImage(ctx, d.one.Ref.Region, d.one.Ref.ID)
}

func without(tags image.Tags, key string) image.Tags {
	kept := image.Tags{}
	for k, v := range tags {
		if k != key {
			kept[k] = v
		}
	}
	return kept
}

// bin writes down that the image is gone, and lets its snapshots go for whoever wants
// to bring it back.
func (d *deed) bin(ctx context.Context) error {
	now, until := d.Now().UTC().Truncate(time.Second), d.binUntil(ctx)
	c := Chapter{Stage: StageDeleted, BinUntil: until}
	stories, err := d.Archive.Stories(ctx, []image.Ref{d.one.Ref})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "what was done cannot be read").WithCode(codeNotSent)
	}
	for _, told := range stories[d.one.Ref] {
		if told.Image != nil && told.Work == d.work.ID {
			c.Image, c.Snapshots, c.Suspended, c.Published = told.Image, told.Snapshots, told.Suspended, told.Published
		}
	}
	if err := d.write(ctx, c); err != nil {
		return err
	}
	d.notes[noteDeleted], d.notes[noteBin] = now.Format(time.RFC3339), until.Format(time.RFC3339)
	d.release = []work.Claim{{Thing: imageThing(d.one.Ref)}}
	for _, id := range d.one.Snapshots {
		d.release = append(d.release, work.Claim{Thing: snapshotThing(d.one.Ref.Region, id)})
	}
	_ = d.Diary.Announce(ctx, Announcement{Work: d.work.ID, What: StageDeleted, Notify: d.Rules(ctx).Document.Notify, Images: []Announced{d.announced()}, Due: until})
	return nil
}

// binUntil is until when what is deleted now stays in the bin.
func (d *deed) binUntil(ctx context.Context) time.Time {
	return d.Now().UTC().Truncate(time.Second).Add(time.Duration(d.Rules(ctx).Document.Complete().Bin))
}

// purge deletes one snapshot of the bin, unless something needs it.
func (d *deed) purge(ctx context.Context, id image.SnapshotID) error {
	owner := d.at.Place(d.one.Ref.Account, d.one.Ref.Region)
	if owner == nil {
		return fault.New(fault.Unavailable, "%s cannot be looked at now", d.one.Ref.Region).WithCode(codeNotSent)
	}
	why, err := d.needed(ctx, owner, id)
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "it could not be looked at once more").WithCode(codeNotSent)
	case why != nil:
		d.notes[noteRefused] = yes
		return fault.New(fault.Precondition, "%s", why.Sentence).WithCode(why.Code)
	}
	return d.cloud.DeleteSnapshot(ctx, d.one.Ref.Region, id)
}

func (d *deed) resume(ctx context.Context) error {
	left, err := d.Shares.Resume(ctx, d.one.Ref, d.by(), accountsOf(d.item.Notes[noteSuspended]), d.item.Notes[notePublished] == yes)
	if err != nil {
		return err
	}
	d.notes[noteResumed] = yes
	if len(left) > 0 {
		d.notes[noteLeft] = accountsText(left)
	}
	return nil
}

// noteLeft are accounts that lost the image and do not get it back.
const noteLeft = "notGivenBack"

func (d *deed) unmark(ctx context.Context) error {
	if d.one.Orphan != "" {
		return d.cloud.Untag(ctx, d.one.Ref.Region, "snapshot", []string{string(d.one.Orphan)}, []string{TagCleanup})
	}
	why := d.work.Items[d.act.Item].Notes[noteWhy]
	if err := d.write(ctx, Chapter{Stage: StageNone, Reason: reasonOf(why)}); err != nil {
		return err
	}
	if d.item.Notes[noteTagged] == yes && len(d.one.Snapshots) > 0 {
		if err := d.cloud.Untag(ctx, d.one.Ref.Region, "snapshot", d.snapshots(), []string{TagCleanup}); err != nil {
			return err
		}
	}
	_ = d.Diary.Announce(ctx, Announcement{Work: d.work.ID, What: StageNone, Notify: d.Rules(ctx).Document.Notify, Images: []Announced{d.announced()}})
	return d.cloud.Untag(ctx, d.one.Ref.Region, "image", []string{string(d.one.Ref.ID)}, []string{TagCleanup})
}

// noteTagged: its snapshots bear the tag.
const noteTagged = "snapshotsTagged"

func (d *deed) announced() Announced {
	a := Announced{Ref: d.one.Ref, Name: d.one.Name, Reason: image.Reason{Code: d.one.Why}}
	if why := reasonOf(d.item.Notes[noteWhy]); why != nil {
		a.Reason = *why
	}
	return a
}

// announcers tell several images of one work in one message.
type announcers struct {
	mu   sync.Mutex
	done map[string]error
}

// announce tells whoever owns the image. Of the images that are announced at the same
// time to the same owner, the first speaks for all.
func (d *deed) announce(ctx context.Context) error {
	rules := d.Rules(ctx)
	a := Announcement{Work: d.work.ID, What: StageMarked, Owner: d.one.Owner, Notify: rules.Document.Notify}
	var names []string
	for _, name := range d.work.Names() {
		i := d.work.Items[name]
		if one := d.wish.Items[name]; i.Sent != nil && i.Sent.Do == doAnnounce && one.Owner == d.one.Owner {
			names = append(names, name)
			a.Images = append(a.Images, Announced{Ref: one.Ref, Name: one.Name, Reason: image.Reason{Code: one.Why}})
		}
	}
	now := d.Now().UTC().Truncate(time.Second)
	a.Due = now
	if !d.wish.SkipWaits {
		a.Due = now.Add(time.Duration(rules.Document.Complete().Grace))
	}
	key := strings.Join(names, " ") + d.item.Since.String()
	d.told.mu.Lock()
	defer d.told.mu.Unlock()
	err, told := d.told.done[key]
	if !told {
		err = d.Diary.Announce(ctx, a)
		d.told.done[key] = err
	}
	if err != nil {
		return fault.Wrap(fault.Precondition, err, "nobody could be told: %s", fault.Sentence(err)).WithCode("notAnnounced")
	}
	if d.one.Orphan == "" {
		if err := d.write(ctx, Chapter{Stage: StageMarked, Terms: d.item.Notes[noteTerms]}); err != nil {
			return err
		}
	}
	d.notes[noteAnnounced], d.notes[noteDue] = now.Format(time.RFC3339), a.Due.Format(time.RFC3339)
	return nil
}
