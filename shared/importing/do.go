package importing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// The tags that an import puts on what it makes.
const (
	TagImport  = ReservedTag + "import"
	TagTest    = ReservedTag + "test"
	TagSource  = ReservedTag + "source"
	TagParent  = ReservedTag + "parent"
	TagFamily  = ReservedTag + "family"
	TagBuiltAt = ReservedTag + "builtAt"
	TagChannel = ReservedTag + "channel"
)

// releaseMargin is how much longer than its test an instance may live before ECS
// deletes it by itself; ECS wants half an hour at the least.
const releaseMargin = 35 * time.Minute

// Do makes one changing call, after its guards.
func (k Kind) Do(ctx context.Context, at survey.Fresh, w work.Work, a work.Act) work.Answer {
	wish, err := wishOf(w)
	d := &deed{
		Kind: k, wish: wish, work: w, act: a, item: w.Items[a.Item], region: image.RegionID(a.Item),
		place: at.Place(wish.Account, image.RegionID(a.Item)), notes: map[string]string{},
	}
	if err == nil {
		d.cloud, err = k.Cloud(ctx, wish.Account)
	}
	if err == nil {
		err = d.do(ctx)
	}
	return work.Answer{Outcome: outcome(a, err), Notes: d.notes}
}

// outcome is what the engine makes of a call: accepted, certainly not done, or not
// known.
func outcome(a work.Act, err error) plan.Outcome {
	step := plan.Step{Action: a.Do, Subject: a.Item}
	switch kind := fault.Of(err); {
	case err == nil:
		return plan.Outcome{Step: step.Name(), Result: plan.Applied}
	case fault.Code(err) == "notSent", kind != fault.Unavailable && kind != fault.Unknown && kind != fault.Throttled && kind != fault.Internal:
		return plan.Failure(step, err)
	}
	return plan.InDoubt(step, err)
}

// deed is one call.
type deed struct {
	Kind
	cloud  Cloud
	wish   Wish
	work   work.Work
	act    work.Act
	item   work.Item
	region image.RegionID
	place  *survey.FreshPlace
	notes  map[string]string
}

func (d *deed) do(ctx context.Context) error {
	if d.place == nil {
		return fault.New(fault.Unavailable, "%s cannot be looked at now", d.region).WithCode("notSent")
	}
	calls := map[string]func(context.Context) error{
		doMake: d.make, doCopy: d.copy, doLaunch: d.launch, doCommand: d.command, doTerminate: d.terminate,
		doName: d.name, doShare: d.share, doRelease: d.release, doCancel: d.cancel, doDelete: d.delete, doPurge: d.purge,
	}
	return calls[d.act.Do](ctx)
}

// tags are those that every image of an import bears from its beginning.
func (d *deed) tags() image.Tags {
	t := image.Tags{TagImport: d.work.ID}
	switch s := d.wish.Source; {
	case s.Image != nil:
		t[TagParent] = string(d.from()) + "/" + string(s.Image.ImageID)
	default:
		t[TagSource] = d.work.ID
	}
	return t
}

// from is where the image is that is copied.
func (d *deed) from() image.RegionID {
	return image.RegionID(cmp.Or(d.work.Document.Plan.Base[baseRegion], string(d.wish.Region)))
}

// make makes the image under the name that says that nobody has looked at it.
func (d *deed) make(ctx context.Context) error {
	w, s := d.wish.Image, d.wish.Source
	var id image.ID
	var task image.TaskID
	var err error
	switch {
	case s.Object != nil:
		id, task, err = d.importObject(ctx)
	case s.Image != nil:
		id, err = d.cloud.CopyImage(ctx, d.from(), image.CopyRequest{
			Image: s.Image.ImageID, To: d.region, Name: w.Unverified(), Description: w.Description, Encrypted: s.Image.KMSKeyID != "",
			KMSKey: s.Image.KMSKeyID, ResourceGroup: w.ResourceGroupID, Tags: d.tags(), Token: d.work.Token(d.act),
		})
	default:
		id, err = d.cloud.CreateImage(ctx, d.region, d.creation())
	}
	d.keep(noteImage, string(id))
	d.keep(noteTask, string(task))
	return err
}

func (d *deed) keep(note, value string) {
	if value != "" {
		d.notes[note] = value
	}
}

// creation asks for an image of an instance or of snapshots.
func (d *deed) creation() image.CreateRequest {
	w, s := d.wish.Image, d.wish.Source
	r := image.CreateRequest{
		Name: w.Unverified(), Description: w.Description, IMDS: w.IMDS, ResourceGroup: w.ResourceGroupID, Tags: d.tags(), Detect: !unchecked(d.work),
		Token: d.work.Token(d.act),
	}
	if s.Instance != nil {
		r.Instance = s.Instance.InstanceID
		return r
	}
	r.Platform, r.Architecture, r.BootMode = w.Platform, w.Arch(), w.BootMode
	r.Snapshots = append(r.Snapshots, image.SnapshotDisk{Snapshot: s.Snapshots.System})
	for _, id := range s.Snapshots.Data {
		r.Snapshots = append(r.Snapshots, image.SnapshotDisk{Snapshot: id})
	}
	return r
}

// importObject looks at the objects again, and has ECS import them.
func (d *deed) importObject(ctx context.Context) (image.ID, image.TaskID, error) {
	now, err := d.stampsOf(ctx, d.wish.Source.Object)
	switch {
	case err != nil && !errors.Is(err, fault.NotFound):
		return "", "", fault.Wrap(fault.Unavailable, err, "the source could not be looked at again").WithCode("notSent")
	case err != nil || now != d.work.Document.Plan.Base["source"]:
		return "", "", fault.New(fault.Precondition, "the source is no longer the one that was checked").WithCode("sourceChanged")
	}
	w := d.wish.Image
	r := image.ImportRequest{
		Name: w.Unverified(), Description: w.Description, OSType: w.OSType, Platform: w.Platform, Architecture: w.Arch(), BootMode: w.BootMode,
		LicenseType: w.Licence(), NVMe: w.NVMe == "supported", IMDS: w.IMDS, ResourceGroup: w.ResourceGroupID, Tags: d.tags(),
		Detect: !unchecked(d.work), Token: d.work.Token(d.act),
	}
	for n, key := range d.wish.Source.Object.keys() {
		r.Disks = append(r.Disks, d.disk(n, key))
	}
	return d.cloud.ImportImage(ctx, d.region, r)
}

// disk is one object of an import, with the format and size that were found.
func (d *deed) disk(n int, key string) image.ImportDisk {
	facts := d.work.Document.Plan.Base
	size := d.wish.Image.DiskSizeGiB
	if n > 0 {
		size = d.wish.Source.Object.DataDisks[n-1].DiskSizeGiB
	}
	if size == 0 {
		_, _ = fmt.Sscan(facts[fmt.Sprintf("disk/%d/sizeGiB", n)], &size)
	}
	return image.ImportDisk{Format: facts[fmt.Sprintf("disk/%d/format", n)], Bucket: d.wish.Source.Object.Bucket, Object: key, SizeGiB: size}
}

// original is the image where it was made.
func (d *deed) original() image.ID {
	return image.ID(d.work.Items[string(d.wish.Region)].Notes[noteImage])
}

func (d *deed) copy(ctx context.Context) error {
	w := d.wish.Image
	tags := d.tags()
	tags[TagParent] = string(d.wish.Region) + "/" + string(d.original())
	for k, v := range d.named() {
		tags[k] = v
	}
	id, err := d.cloud.CopyImage(ctx, d.wish.Region, image.CopyRequest{
		Image: d.original(), To: d.region, Name: w.Name, Description: w.Description, ResourceGroup: w.ResourceGroupID, Tags: tags,
		Token: d.work.Token(d.act),
	})
	d.keep(noteImage, string(id))
	return err
}

// named are the tags of an image that has passed.
func (d *deed) named() image.Tags {
	tags := image.Tags{}
	for k, v := range d.wish.Image.Tags {
		tags[k] = v
	}
	if f := d.wish.Image.Family; f != "" {
		tags[TagFamily] = string(f)
	}
	tags[TagBuiltAt] = d.work.ApprovedAt.UTC().Format(time.RFC3339)
	return tags
}

// image is the image in this region, as it is now.
func (d *deed) image(ctx context.Context) (image.Image, error) {
	id := image.ID(d.item.Notes[noteImage])
	found, err := d.place.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{id}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return image.Image{}, fault.Wrap(fault.Unavailable, err, "the image could not be looked at").WithCode("notSent")
	case len(found) == 0 || found[0].Tags[TagImport] != d.work.ID:
		return image.Image{}, fault.New(fault.Precondition, "%s is not there as an image of this import", id).WithCode("imageGone")
	}
	return found[0], nil
}

// name gives the image its name, tags and attributes. Each part can be repeated.
func (d *deed) name(ctx context.Context) error {
	i, err := d.image(ctx)
	if err != nil {
		return err
	}
	w := d.wish.Image
	change := image.AttributeChange{}
	if i.Name != w.Name {
		change.Name = &w.Name
	}
	if nvme := w.NVMe == "supported"; w.NVMe != "" && (i.NVMe == "supported") != nvme {
		change.NVMe = &nvme
	}
	if w.IMDS == "v2" && i.IMDS != "v2" {
		change.IMDS = &w.IMDS
	}
	if err := d.cloud.Tag(ctx, d.region, "image", []string{string(i.ID)}, d.named()); err != nil {
		return err
	}
	var snapshots []string
	for _, disk := range i.Disks {
		if disk.SnapshotID != "" {
			snapshots = append(snapshots, string(disk.SnapshotID))
		}
	}
	if len(snapshots) > 0 {
		if err := d.cloud.Tag(ctx, d.region, "snapshot", snapshots, image.Tags{TagImport: d.work.ID}); err != nil {
			return err
		}
	}
	if change == (image.AttributeChange{}) {
		return nil
	}
	return d.cloud.ModifyImage(ctx, d.region, i.ID, change)
}

// launch starts the one instance of the test, which ECS itself deletes if nobody
// comes back.
func (d *deed) launch(ctx context.Context) error {
	i, err := d.image(ctx)
	if err != nil {
		return err
	}
	launched, err := time.Parse(time.RFC3339, d.item.Notes[noteLaunched])
	if err != nil {
		return fault.Wrap(fault.Internal, err, "when the test began was not recorded").WithCode("notSent")
	}
	t := d.wish.Test
	until := launched.Add(t.Timeout.Or(testTime) + releaseMargin)
	if d.Booting != nil {
		if err := d.Booting(ctx, d.work.ID, until); err != nil {
			return fault.Wrap(fault.Unavailable, err, "that the test begins could not be recorded").WithCode("notSent")
		}
	}
	id, err := d.cloud.Launch(ctx, d.region, image.LaunchRequest{
		Image: i.ID, Type: image.InstanceTypeID(d.work.Document.Plan.Base["testInstanceType"]), VSwitch: t.VSwitchID, SecurityGroup: t.SecurityGroupID,
		Name: "imagekeeper-test-" + d.work.ID, ReleaseAt: until,
		Tags: image.Tags{TagTest: d.work.ID}, Token: d.work.Token(d.act),
	})
	d.keep(noteInstance, string(id))
	return err
}

// instance is the instance of the test, only if it is certainly ours: recorded, with
// our tag, and of our image.
func (d *deed) instance(ctx context.Context) (image.Instance, error) {
	id := image.InstanceID(d.item.Notes[noteInstance])
	all, err := d.place.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{id}})
	switch {
	case err != nil:
		return image.Instance{}, fault.Wrap(fault.Unavailable, err, "the instance could not be looked at").WithCode("notSent")
	case id == "" || len(all) == 0:
		return image.Instance{}, fault.New(fault.NotFound, "the instance of the test is not there").WithCode("testGone")
	case all[0].Tags[TagTest] != d.work.ID || string(all[0].Image) != d.item.Notes[noteImage]:
		return image.Instance{}, fault.New(fault.Precondition, "%s is not an instance of this test", id).WithCode("notOurs")
	}
	return all[0], nil
}

func (d *deed) command(ctx context.Context) error {
	i, err := d.instance(ctx)
	if err != nil {
		return err
	}
	t := d.wish.Test
	invoke, err := d.cloud.RunCommand(ctx, d.region, image.CommandRequest{
		Instance: i.ID, OSType: i.OSType, Command: t.Command, Timeout: t.Timeout.Or(testTime), Name: "imagekeeper-test", Token: d.work.Token(d.act),
	})
	d.keep(noteInvoke, invoke)
	return err
}

// terminate keeps the end of the console's output of a test that failed, and
// deletes the instance.
func (d *deed) terminate(ctx context.Context) error {
	i, err := d.instance(ctx)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.item.Notes[noteFailed] != "" && d.item.Notes[noteConsole] == "" {
		if text, err := d.cloud.ConsoleOutput(ctx, d.region, i.ID); err == nil {
			d.keep(noteConsole, tail(text))
		}
	}
	return d.cloud.Terminate(ctx, d.region, i.ID)
}

// mostConsole is how much of a console's output is kept.
const mostConsole = 2000

func tail(text string) string { return text[max(0, len(text)-mostConsole):] }

func (d *deed) by() string { return "import/" + d.work.ID }

func (d *deed) share(ctx context.Context) error {
	i, err := d.image(ctx)
	if err != nil {
		return err
	}
	with := d.wish.Release.Share.ids()
	err = d.Giver.Share(ctx, i.Ref, with, d.by())
	if err != nil && fault.Code(err) != "notSent" && !d.nobodyHas(ctx, i.Ref, with) {
		d.notes[noteGiven] = yes
	}
	return err
}

// nobodyHas is whether none of the accounts may use an image; what cannot be read is
// no proof of that.
func (d *deed) nobodyHas(ctx context.Context, r image.Ref, with []image.AccountID) bool {
	return !slices.ContainsFunc(with, func(id image.AccountID) bool {
		has, err := d.Giver.Shared(ctx, r, []image.AccountID{id})
		return err != nil || has != image.No
	})
}

func (d *deed) release(ctx context.Context) error {
	i, err := d.image(ctx)
	if err != nil {
		return err
	}
	return d.Giver.Release(ctx, i.Ref, d.wish.Image.Family, d.wish.Release.Channel, d.by())
}

// cancel ends what ECS is still at.
func (d *deed) cancel(ctx context.Context) error {
	if task := d.item.Notes[noteTask]; task != "" {
		return d.cloud.CancelTask(ctx, d.region, image.TaskID(task))
	}
	return d.cloud.CancelCopy(ctx, d.region, image.ID(d.item.Notes[noteImage]))
}

// delete removes the image that this import made, if nobody uses it.
func (d *deed) delete(ctx context.Context) error {
	i, err := d.image(ctx)
	if fault.Code(err) == "imageGone" {
		return nil
	}
	if err != nil {
		return err
	}
	if i.Usage == image.UsageInstance || i.SharedOut == image.Yes || i.Published {
		return fault.New(fault.Precondition, "%s is used or shared", i.ID).WithCode("inUse")
	}
	return d.cloud.DeleteImage(ctx, d.region, i.ID)
}

// purge deletes the snapshots of an image that this import made and deleted: only
// those that were recorded before that.
func (d *deed) purge(ctx context.Context) error {
	for _, id := range snapshotsIn(d.item) {
		if err := d.cloud.DeleteSnapshot(ctx, d.region, id); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}
