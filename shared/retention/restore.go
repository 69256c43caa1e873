package retention

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// What is done to bring an image back, and how far that is.
const (
	doCreate = "create"
	doAdjust = "adjust"
	doFamily = "family"
	doGive   = "share"
	doTell   = "record"

	levelMade     = "made"
	levelAdjusted = "adjusted"
	levelFamily   = "inFamily"
	levelGiven    = "shared"
	levelTold     = "recorded"
)

// noteImage is the image that was made.
const noteImage = "imageId"

// RestoredName is the item of a restore.
func (r Restore) RestoredName() string { return r.Ref.String() }

// lookRestore looks at the image that was made, by its id or by its tag.
func (k Kind) lookRestore(ctx context.Context, at survey.Fresh, w work.Work, r Restore) (work.Seen, error) {
	p := at.Place(r.Ref.Account, r.Ref.Region)
	if p == nil {
		return work.Seen{}, nil
	}
	name := r.RestoredName()
	item := w.Items[name]
	f := plan.Facts{factRow: gone}
	which := image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()}
	id := image.ID(item.Notes[noteImage])
	if id != "" {
		which.IDs = []image.ID{id}
	}
	images, err := p.Images(ctx, which)
	if err != nil {
		return work.Seen{}, nil //nolint:nilerr // what was not seen is not known
	}
	n := slices.IndexFunc(images, func(i image.Image) bool {
		return i.ID == id || id == "" && i.Tags[TagRestored] == restoredTag(r.Ref, w.ID)
	})
	if n >= 0 {
		i := images[n]
		f[factRow], f[factStatus], f[noteImage] = there, string(i.Status), string(i.ID)
		f["family"] = string(i.Family)
		f["differs"] = strings.Join(Differences(r.Image, i), "; ")
	}
	var missing []string
	var ids []image.SnapshotID
	for _, s := range r.Snapshots {
		ids = append(ids, s.Snapshot)
	}
	found, err := p.Snapshots(ctx, image.SnapshotListing{IDs: ids})
	if err != nil {
		return work.Seen{}, nil //nolint:nilerr // see above
	}
	for _, id := range ids {
		if !slices.ContainsFunc(found, func(s image.Snapshot) bool { return s.ID == id }) {
			missing = append(missing, string(id))
		}
	}
	f["missing"] = strings.Join(missing, ",")
	return work.Seen{name: f}, nil
}

// restoredTag names what an image was, and the work that brought it back.
func restoredTag(r image.Ref, work string) string { return string(r.ID) + " " + work }

// nextRestore decides what is to be done to bring an image back.
func nextRestore(w work.Work, r Restore, seen work.Seen, now time.Time) work.Decision {
	name := r.RestoredName()
	item := w.Items[name]
	item.Name = name
	facts, known := seen[name]
	if item.Ended() || !known {
		return work.Decision{Wake: now.Add(time.Minute)}
	}
	s := step{work: w, item: item, facts: facts, now: now}
	s.item.Notes = map[string]string{}
	for key, value := range item.Notes {
		s.item.Notes[key] = value
	}
	s.restore(r)
	d := work.Decision{Wake: s.wake, Wait: s.wait}
	if s.changed {
		d.Items = []work.Item{s.item}
	}
	if s.act != nil {
		d.Acts = []work.Act{*s.act}
	}
	return d
}

func (s *step) restore(r Restore) {
	f := s.facts
	if s.item.Sent != nil {
		s.restoring(r)
		return
	}
	if s.failed() {
		return
	}
	available := f[factStatus] == string(image.StatusAvailable)
	switch {
	case s.item.Level == "" && f[factRow] == there:
		s.item.Notes[noteImage] = f[noteImage]
		s.set(levelMade)
	case s.item.Level == "" && f["missing"] != "":
		s.refuse(&image.Reason{Code: "snapshotsGone", Sentence: "its snapshots are gone: " + f["missing"]})
	case s.item.Level == "" && s.work.Braked():
		s.wake = s.now.Add(soon)
	case s.item.Level == "":
		s.act = &work.Act{Item: s.item.Name, Do: doCreate, Level: levelMade}
	case f[factStatus] == string(image.StatusCreateFailed):
		s.end(plan.Failed, &image.Reason{Code: "createFailed", Sentence: "ECS could not make the image of the snapshots"})
	case !available:
		s.wake = s.now.Add(15 * time.Second)
	default:
		s.finish(r)
	}
}

// restoring settles an act whose effect was not seen before.
func (s *step) restoring(r Restore) {
	f, sent := s.facts, s.item.Sent
	shows := map[string]bool{
		doCreate: f[factRow] == there, doAdjust: f["differs"] == "", doFamily: f["family"] == string(r.Image.Family),
	}[sent.Do]
	switch {
	case shows:
		if s.item.Notes[noteImage] == "" {
			s.item.Notes[noteImage] = f[noteImage]
		}
		s.set(sent.Level)
	case s.item.Answered != plan.Applied:
		again := *sent
		s.act = &again
	case s.now.Sub(s.item.Since) <= soon:
		s.wake = s.now.Add(15 * time.Second)
	case sent.Do == doAdjust: // ECS accepted it, and shows something else
		s.set(sent.Level)
	case sent.Do == doCreate:
		s.end(plan.Failed, &image.Reason{Code: codeNotShown, Sentence: "ECS accepted to make the image, and it does not show"})
	default:
		s.end(plan.Failed, &image.Reason{Code: codeNotShown, Sentence: "it was brought back as " + s.item.Notes[noteImage] + ", but ECS accepted " + sent.Do + ", and it does not show"})
	}
}

// finish gives an image that is there what it had.
func (s *step) finish(r Restore) {
	act := func(do, level string) { s.act = &work.Act{Item: s.item.Name, Do: do, Level: level} }
	switch s.item.Level {
	case levelMade:
		if s.facts["differs"] == "" {
			s.set(levelAdjusted)
			return
		}
		act(doAdjust, levelAdjusted)
	case levelAdjusted:
		if !r.Family {
			s.set(levelFamily)
			return
		}
		act(doFamily, levelFamily)
	case levelFamily:
		if len(r.With) == 0 {
			s.set(levelGiven)
			return
		}
		act(doGive, levelGiven)
	case levelGiven:
		act(doTell, levelTold)
	default:
		if differs := s.facts["differs"]; differs != "" {
			s.end(plan.Failed, &image.Reason{Code: "attributesDiffer", Sentence: "it was brought back as " + s.item.Notes[noteImage] + ", but " + differs})
			return
		}
		s.end(plan.Applied, &image.Reason{Code: "restored", Sentence: "it was brought back as " + s.item.Notes[noteImage]})
	}
}

// restore makes one call to bring an image back.
func (d *deed) restore(ctx context.Context) work.Answer {
	r := *d.wish.Restore
	cloud, err := d.Cloud(ctx, r.Ref.Account)
	told := false
	now := image.Ref{Account: r.Ref.Account, Region: r.Ref.Region, ID: image.ID(d.item.Notes[noteImage])}
	if err == nil {
		switch d.act.Do {
		case doCreate:
			var id image.ID
			if id, err = cloud.CreateImage(ctx, r.Ref.Region, d.creation(r)); id != "" {
				d.notes[noteImage] = string(id)
			}
		case doAdjust:
			err = d.adjust(ctx, cloud, r, now)
		case doFamily:
			err = cloud.ModifyImage(ctx, now.Region, now.ID, image.AttributeChange{Family: new(r.Image.Family)})
		case doGive:
			told = true
			err = d.Shares.Give(ctx, now, r.With, d.by())
		default:
			told = true
			err = d.Diary.Write(ctx, r.Ref, Chapter{At: d.Now().UTC().Truncate(time.Second), Stage: StageDeleted, Work: d.work.ID, Restored: now.ID})
		}
	}
	o := outcome(d.act, err)
	if told && err == nil {
		o.Result = plan.Already
	}
	return work.Answer{Outcome: o, Notes: d.notes}
}

func (d *deed) creation(r Restore) image.CreateRequest {
	tags := image.Tags{TagRestored: restoredTag(r.Ref, d.work.ID)}
	for key, value := range r.Image.Tags {
		if !dropped(key) {
			tags[key] = value
		}
	}
	return image.CreateRequest{
		Name: r.Name, Description: r.Image.Description, Snapshots: r.Snapshots, Platform: r.Image.Platform, Architecture: r.Image.Architecture,
		BootMode: r.Image.BootMode, IMDS: r.Image.IMDS, ResourceGroup: r.Image.ResourceGroup, Tags: tags, Token: d.work.Token(d.act),
	}
}

// adjust sets what CreateImage does not take.
func (d *deed) adjust(ctx context.Context, cloud Cloud, r Restore, now image.Ref) error {
	p := d.at.Place(now.Account, now.Region)
	if p == nil {
		return fault.New(fault.Unavailable, "%s cannot be looked at now", now.Region).WithCode(codeNotSent)
	}
	rows, err := p.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{now.ID}, Statuses: image.Statuses()})
	if err != nil || len(rows) == 0 {
		return fault.Wrap(fault.Unavailable, err, "it could not be looked at once more").WithCode(codeNotSent)
	}
	was, is, c := r.Image, rows[0], image.AttributeChange{}
	if was.Description != is.Description {
		c.Description = &was.Description
	}
	if was.BootMode != is.BootMode && was.BootMode != "" {
		c.BootMode = &was.BootMode
	}
	if was.NVMe != is.NVMe && was.NVMe != "" {
		c.NVMe = new(was.NVMe == "supported")
	}
	if was.IMDS == "v2" && is.IMDS != "v2" {
		c.IMDS = &was.IMDS
	}
	if was.LicenseType != is.LicenseType && was.LicenseType == "BYOL" {
		c.LicenseType = &was.LicenseType
	}
	if c == (image.AttributeChange{}) {
		return nil
	}
	return cloud.ModifyImage(ctx, now.Region, now.ID, c)
}

// Restored reads the wish of a work; ok is false for one that removes.
func Restored(d work.Document) (r Restore, ok bool) {
	var wish Wish
	if json.Unmarshal(d.Wish, &wish) != nil || wish.Restore == nil {
		return Restore{}, false
	}
	return *wish.Restore, true
}
