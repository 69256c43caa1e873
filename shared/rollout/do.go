package rollout

import (
	"cmp"
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

// Do makes one changing call, after its guards.
func (k Kind) Do(ctx context.Context, at survey.Fresh, w work.Work, a work.Act) work.Answer {
	d := &deed{Kind: k, work: w, act: a, item: w.Items[a.Item], spec: specOf(w, a.Item), notes: map[string]string{}}
	var err error
	if d.wish, err = wishOf(w); err == nil {
		d.place = at.Place(d.spec.Account, d.spec.Region)
		d.record, err = recordOf(d.item)
	}
	if d.spec.damaged {
		err = fault.New(fault.Internal, "what the plan says of it cannot be read")
	}
	if err == nil {
		d.cloud, err = k.Cloud(ctx, d.spec.Account)
	}
	if err != nil || d.place == nil {
		err = fault.Wrap(fault.Unavailable, err, "%s cannot be looked at now", d.spec.Region).WithCode("notSent")
	} else {
		err = d.do(ctx)
	}
	return work.Answer{Outcome: d.outcome(err), Notes: d.notes}
}

// outcome is what the engine makes of a call: accepted, certainly not done, or not
// known.
func (d *deed) outcome(err error) plan.Outcome {
	step := plan.Step{Action: d.act.Do, Subject: d.act.Item}
	switch kind := fault.Of(err); {
	case err == nil && d.already:
		return plan.Outcome{Step: step.Name(), Result: plan.Already}
	case err == nil:
		return plan.Outcome{Step: step.Name(), Result: plan.Applied}
	case d.act.Do == doReplace && !d.called && d.item.Notes[noteRepeated] != "":
		return plan.InDoubt(step, err) // an earlier one may have been done all the same
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
	spec   spec
	record record
	place  *survey.FreshPlace
	notes  map[string]string
	// already: what was asked for shows.
	already bool
	// called: the call that the act is about was made.
	called bool
}

func (d *deed) do(ctx context.Context) error {
	if what, ok := strings.CutPrefix(d.act.Do, doRestore); ok {
		return d.restore(ctx, what)
	}
	calls := map[string]func(context.Context) error{
		doBegin: d.begin, doImage: d.image, doLiken: d.liken, doStandby: d.standby, doExit: d.standby, doBefore: d.hook, doAfter: d.hook, doProbe: d.hook,
		doVersion: d.version, doDefault: d.chosen, doRepoint: d.repoint,
		doStop: d.stop, doForce: d.stop, doBackup: d.backup, doSecure: d.secure, doUnsecure: d.secure, doReplace: d.replace, doStart: d.start, doTidy: d.tidy,
	}
	return calls[d.act.Do](ctx)
}

func (d *deed) keep(note, value string) {
	if value != "" {
		d.notes[note] = value
	}
}

// disk is the system disk that this replacement replaces.
func (d *deed) disk() image.DiskID {
	return image.DiskID(cmp.Or(d.item.Notes[noteDisk], string(d.spec.disk)))
}

func (d *deed) content() image.SnapshotID {
	return image.SnapshotID(cmp.Or(d.item.Notes[noteContent], string(d.spec.backup)))
}

// target is the image that the instance is to get.
func (d *deed) target() image.ID {
	if d.content() != "" {
		return image.ID(d.item.Notes[noteImage])
	}
	return d.spec.to
}

// refuse is a guard that does not hold.
func refuse(why image.Reason) error {
	return fault.New(fault.Precondition, "%s", why.Sentence).WithCode(why.Code)
}

// guard looks at the instance once more, and fails if it may not be touched now.
func (d *deed) guard(ctx context.Context, at Moment) (Server, image.Image, error) {
	own := d.work.ID
	if at == BeforeReplace {
		own = "" // ECS refuses while any snapshot is under way
	}
	assistant := at == BeforeStop && d.wish.Hooks.Before != "" && d.act.Do == doBegin
	servers, encrypts, unread := Look(ctx, d.spec.Place, ignoring{d.place, own}, d.cloud, d.cloud, []image.InstanceID{d.spec.ID}, assistant, true)
	if len(unread) > 0 {
		return Server{}, image.Image{}, fault.New(fault.Unavailable, "%s could not be looked at: %s", d.spec.ID, unread[0].Sentence).WithCode("notSent")
	}
	s := servers[0]
	target, err := d.image_(ctx, s)
	if err != nil {
		return s, target, err
	}
	if why := d.moved(s, at); why != nil {
		return s, target, refuse(*why)
	}
	wish := d.wish
	if at != Planning && !assistant {
		wish.Hooks.Before = ""
	}
	v := Judge(wish, s, target, Here{Encrypts: encrypts}, at, d.now())
	if len(v.Refused) > 0 {
		return s, target, refuse(v.Refused[0])
	}
	return s, target, nil
}

// now is the time of the last record: a deed has no clock of its own.
func (d *deed) now() time.Time { return later(d.work.ChangedAt, d.item.Since) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ignoring are the lists of a place without the snapshots of one rollout.
type ignoring struct {
	*survey.FreshPlace
	own string
}

// Snapshots are those that others take.
func (i ignoring) Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error) {
	found, err := i.FreshPlace.Snapshots(ctx, which)
	return slices.DeleteFunc(slices.Clone(found), func(n image.Snapshot) bool { return i.own != "" && n.Tags[TagBackup] == i.own }), err
}

// moved is what of an instance is not as it was when it was planned.
func (d *deed) moved(s Server, at Moment) *image.Reason {
	switch b := s.Before; {
	case b == nil:
		return nil
	case s.Disk != nil && s.Disk.ID != d.disk():
		return new(reason("moved", "its system disk is %s, and was %s", s.Disk.ID, d.disk()))
	case d.item.Notes[noteUndo] == "" && b.Image != d.spec.image:
		return new(reason("moved", "it runs %s, and ran %s", b.Image, d.spec.image))
	case b.Type != d.spec.kind:
		return new(reason("moved", "it is %s, and was %s", b.Type, d.spec.kind))
	case at == BeforeReplace && startedSince(*b, d.item.Notes[noteBackupAt], d.item.Notes[noteUpAt]):
		return new(reason("moved", "somebody started it after its backup was taken, which has not what was written since"))
	case d.act.Do == doBegin && d.item.Notes[noteUndo] == "" && (b.Status == image.InstanceRunning) != d.spec.ran:
		return new(reason("moved", "it is %s, which it was not", b.Status))
	}
	if d.act.Do != doBegin && d.spec.ran {
		return d.regrouped(s)
	}
	return nil
}

// regrouped: since it was begun it came into a scaling group, or somebody let its group
// have it back, which would take it for unhealthy while it is stopped.
func (d *deed) regrouped(s Server) *image.Reason {
	switch g := s.Group; {
	case g == nil:
	case g.Group != d.record.Group:
		return new(reason("moved", "it came into scaling group %s since it was begun", g.Group))
	case g.State != "Standby":
		return new(reason("moved", "its scaling group %s has it as %s again, and would take it for unhealthy", g.Group, g.State))
	}
	return nil
}

// image_ is the image as it is now; of a backup whose image is not there yet, what
// it will be like.
func (d *deed) image_(ctx context.Context, s Server) (image.Image, error) {
	id := d.target()
	if id == "" {
		return d.future(s), nil
	}
	found, err := d.place.Images(ctx, image.Listing{IDs: []image.ID{id}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return image.Image{}, fault.Wrap(fault.Unavailable, err, "%s could not be looked at", id).WithCode("notSent")
	case len(found) == 0:
		return image.Image{}, refuse(reason("imageNotInRegion", "%s is not seen any more", id))
	}
	i := found[0]
	if i.Tags[TagUndo] != "" && i.ProductCode != "" {
		i.Subscribed = true // the disk that it is of ran under the same terms
	}
	if i.Tags[TagUndo] != "" && i.SecureBoot == image.Unknown {
		i.SecureBoot = d.likeness().SecureBoot // as what it is of
	}
	return i, nil
}

// image is one that will be made of a backup.
func (l likeness) image(at Place, system image.OSType, sizeGiB int) image.Image {
	return image.Image{
		Ref: image.Ref{Account: at.Account, Region: at.Region}, Kind: image.KindCustom, Status: image.StatusAvailable, OSType: system,
		Architecture: l.Architecture, BootMode: l.BootMode, NVMe: l.NVMe, SecureBoot: l.SecureBoot, SizeGiB: sizeGiB,
		IOOptimized: image.Yes, // as the instance is whose disk it was
	}
}

// likeness is what the image of a backup is to be like.
func (d *deed) likeness() likeness {
	if d.spec.like != (likeness{}) {
		return d.spec.like
	}
	return d.record.Like
}

// future is the image that a backup will be.
func (d *deed) future(s Server) image.Image {
	like := d.likeness()
	i := like.image(d.spec.Place, d.record.OSType, 1)
	if s.Before != nil && i.OSType == "" {
		i.OSType = s.Before.OSType
	}
	if s.Type != nil && i.Architecture == "" {
		i.Architecture = s.Type.Architecture
	}
	return i
}

// begin guards, records what is, and takes the first snapshot of one that runs.
func (d *deed) begin(ctx context.Context) error {
	s, _, err := d.guard(ctx, BeforeStop)
	if err != nil {
		return err
	}
	if d.item.Notes[noteBefore] == "" {
		if err := d.remember(ctx, s); err != nil {
			return err
		}
	}
	d.keep(noteUpAt, strconv.FormatInt(s.Before.StartedAt.Unix(), 10))
	if s.Before.Status != image.InstanceRunning || d.spec.backup != "" && d.item.Notes[noteFirst] != "" {
		d.already = true
		return nil
	}
	id, err := d.snapshot(ctx, doBegin)
	d.keep(noteFirst, string(id))
	return err
}

// remember writes down what was, for its restoration.
func (d *deed) remember(ctx context.Context, s Server) error {
	r := record{
		Disk: *s.Disk, Policies: s.Policies, KeyPair: s.Before.KeyPair, Metadata: s.Before.Metadata, NonRoot: s.Before.LoginAsNonRoot,
		Locks: s.Before.Locks, OSType: s.Before.OSType,
	}
	if s.Group != nil {
		r.Group = s.Group.Group
	}
	found, err := d.place.Images(ctx, image.Listing{IDs: []image.ID{s.Before.Image}, Statuses: image.Statuses()})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the image that it runs could not be looked at").WithCode("notSent")
	}
	if len(found) > 0 {
		i := found[0]
		r.Of = originOf(i)
		r.Like = likenessOf(i)
	} else if s.Type != nil {
		r.Like = likeness{Architecture: s.Type.Architecture}
	}
	text, err := json.Marshal(r)
	d.keep(noteBefore, string(text))
	return err
}

// snapshot takes a snapshot of the disk. ECS must never delete it by itself.
func (d *deed) snapshot(ctx context.Context, what string) (image.SnapshotID, error) {
	expires := stamped(d.item, d.wish) // the same whenever it is asked for again: it goes with the token
	if expires == "" {
		return "", fault.New(fault.Internal, "when the item was begun was not recorded").WithCode("notSent")
	}
	return d.cloud.CreateSnapshot(ctx, d.spec.Region, image.SnapshotRequest{
		Disk: d.disk(), Name: snapshotName(d.work, d.spec.Name, what, d.act.Attempt), Description: "backup of " + string(d.spec.ID) + " by imagekeeper",
		Tags:  image.Tags{TagBackup: d.work.ID, TagExpires: expires},
		Token: d.work.Token(d.act),
	})
}

// stamped is what the tag of a backup says as long as its rollout is open; empty: it is
// not known when its item was begun.
func stamped(i work.Item, w Wish) string {
	begun, err := time.Parse(time.RFC3339, i.Notes[noteBegunAt])
	if err != nil {
		return ""
	}
	return begun.Add(time.Duration(w.Backup.Keep)).UTC().Format(time.RFC3339)
}

// backup takes the snapshot that counts, of the disk as it is while it is stopped.
func (d *deed) backup(ctx context.Context) error {
	found, err := d.place.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{d.spec.ID}})
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "%s could not be looked at", d.spec.ID).WithCode("notSent")
	case len(found) != 1 || found[0].Status != image.InstanceStopped:
		return refuse(reason("notStopped", "it is not Stopped any more"))
	}
	id, err := d.snapshot(ctx, doBackup)
	d.keep(noteBackup, string(id))
	return err
}

// image makes an image of the content that comes back.
func (d *deed) image(ctx context.Context) error {
	like := d.likeness()
	id, err := d.cloud.CreateImage(ctx, d.spec.Region, image.CreateRequest{
		Name: undoImageName(d.work, d.spec.Name), Description: "content of " + string(d.spec.ID) + " before its disk was replaced",
		Snapshots: []image.SnapshotDisk{{Snapshot: d.content()}}, Platform: like.Platform, Architecture: like.Architecture, BootMode: like.BootMode,
		Tags: d.imageTags(), Token: d.work.Token(d.act),
	})
	d.keep(noteImage, string(id))
	return err
}

// imageTags say whose the image of a backup is, and which image its content is of.
func (d *deed) imageTags() image.Tags {
	tags, of := image.Tags{TagUndo: d.work.ID}, d.spec.of
	if d.item.Notes[noteContent] != "" { // its own
		of = cmp.Or(d.record.Of, d.spec.image)
	}
	if of != "" {
		tags[TagParent] = string(d.spec.Region) + "/" + string(of)
	}
	return tags
}

// liken sets of that image what one of a snapshot does not take over.
func (d *deed) liken(ctx context.Context) error {
	like := d.likeness()
	found, err := d.place.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{d.target()}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "%s could not be looked at", d.target()).WithCode("notSent")
	case len(found) == 0 || found[0].Tags[TagUndo] != d.work.ID:
		return refuse(reason("undoImageGone", "the image %s of the backup is not there as one of this rollout", d.target()))
	}
	change := image.AttributeChange{}
	if like.NVMe != "" && found[0].NVMe != like.NVMe {
		change.NVMe = new(like.NVMe == "supported")
	}
	if like.IMDS == "v2" && found[0].IMDS != "v2" {
		change.IMDS = new("v2")
	}
	if like.BootMode != "" && found[0].BootMode != like.BootMode {
		change.BootMode = new(like.BootMode)
	}
	if change == (image.AttributeChange{}) {
		return nil
	}
	return d.cloud.ModifyImage(ctx, d.spec.Region, d.target(), change)
}

func (d *deed) standby(ctx context.Context) error {
	some := []image.InstanceID{d.spec.ID}
	found, err := d.cloud.ScalingInstances(ctx, d.spec.Region, "", some)
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "the scaling group could not be looked at").WithCode("notSent")
	case len(found) != 1:
		return refuse(reason("moved", "it is in no scaling group any more"))
	}
	group, enter := found[0].Group, d.act.Do == doStandby
	if enter == (found[0].State == "Standby") {
		return nil // it shows already
	}
	if enter {
		return d.cloud.EnterStandby(ctx, d.spec.Region, group, some, d.work.Token(d.act))
	}
	return d.cloud.ExitStandby(ctx, d.spec.Region, group, some, d.work.Token(d.act))
}

// hook runs a command inside: a hook, or the probe that is next.
func (d *deed) hook(ctx context.Context) error {
	command, timeout := d.wish.Hooks.Before, mostHookTime
	switch d.act.Do {
	case doAfter:
		command = d.wish.Hooks.After
	case doProbe:
		n, err := strconv.Atoi(d.item.Notes[noteProbe])
		if err != nil || n < 0 || n >= len(d.wish.Health) {
			return refuse(reason("notesUnreadable", "which probe is next cannot be read: %.20q", d.item.Notes[noteProbe]))
		}
		command, timeout = d.wish.Health[n].Command, time.Minute
	}
	system := d.record.OSType
	if d.act.Do != doBefore {
		found, err := d.place.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{d.spec.ID}})
		if err != nil || len(found) != 1 {
			return fault.Wrap(fault.Unavailable, err, "%s could not be looked at", d.spec.ID).WithCode("notSent")
		}
		system = found[0].OSType
	}
	invoke, err := d.cloud.RunCommand(ctx, d.spec.Region, image.CommandRequest{
		Instance: d.spec.ID, OSType: system, Command: command, Timeout: timeout, Name: "imagekeeper-" + d.act.Do, Token: d.work.Token(d.act),
	})
	d.keep(noteInvoke, invoke)
	return err
}

// stop stops the instance, and keeps its resources whatever the account's default is.
func (d *deed) stop(ctx context.Context) error {
	force := d.act.Do == doForce
	s, _, err := d.guard(ctx, BeforeStop)
	if s.Before != nil && (s.Before.Status == image.InstanceStopped || s.Before.Status == image.InstanceStopping && !force) {
		return nil // decided by what shows, not by what a call said
	}
	if err != nil && !(force && fault.Code(err) == "busy") {
		return err
	}
	d.Down.note(d.act.Item, true)
	return d.cloud.Stop(ctx, d.spec.Region, image.StopRequest{Instance: d.spec.ID, Force: force, Mode: keepCharging})
}

func (d *deed) start(ctx context.Context) error {
	err := d.cloud.Start(ctx, d.spec.Region, d.spec.ID)
	if err == nil {
		d.Down.note(d.act.Item, false)
	}
	return err
}

// secure keeps the automatic snapshots of the old disk, or lets them go with it as
// before.
func (d *deed) secure(ctx context.Context) error {
	return d.cloud.ModifyDisk(ctx, d.spec.Region, d.disk(), image.DiskAttributes{DeleteAutoSnapshot: image.TriOf(d.act.Do == doUnsecure)})
}

// replace gives the instance its new disk: after a last look, and with everything
// sent that has a default which would lose something.
func (d *deed) replace(ctx context.Context) error {
	s, target, err := d.guard(ctx, BeforeReplace)
	if err != nil {
		return err
	}
	if err := d.backedUp(ctx); err != nil {
		return err
	}
	r := image.ReplaceRequest{
		Instance: d.spec.ID, Image: target.ID, DiskGiB: SizeFor(*s.Disk, target), LoginAsNonRoot: d.record.NonRoot,
		Encrypted: s.Disk.Encrypted, Key: s.Disk.Key, Token: d.work.Token(d.act),
	}
	if s.Disk.Encrypted == image.No {
		r.Key = ""
	}
	if target.OSType == image.Linux {
		r.KeyPair = s.Before.KeyPair
	}
	if d.content() != "" && r.KeyPair == "" {
		r.KeepPassword = true // the password that the old content has
	}
	if r.LoginAsNonRoot == image.No {
		r.LoginAsNonRoot = image.Unknown
	}
	d.called = true
	d.keep(noteSize, strconv.Itoa(r.DiskGiB))
	d.Down.note(d.act.Item, false) // whatever comes of it: what is in doubt is looked at, and not started blindly
	id, err := d.cloud.ReplaceSystemDisk(ctx, d.spec.Region, r)
	d.keep(noteNewDisk, string(id))
	return err
}

// backedUp: the backup is there, whole, of this disk, and ours.
func (d *deed) backedUp(ctx context.Context) error {
	id := image.SnapshotID(d.item.Notes[noteBackup])
	if id == "" {
		return refuse(reason("backupMissing", "there is no backup"))
	}
	found, err := d.place.Snapshots(ctx, image.SnapshotListing{IDs: []image.SnapshotID{id}})
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "the backup could not be looked at").WithCode("notSent")
	case len(found) != 1 || found[0].Status != "accomplished" || found[0].SourceDisk != d.disk() || found[0].Tags[TagBackup] != d.work.ID:
		return refuse(reason("backupMissing", "%s is not a finished backup of %s", id, d.disk()))
	}
	return nil
}

// restore brings one kind of setting to the new disk, or the instance.
func (d *deed) restore(ctx context.Context, what string) error {
	disk := image.DiskID(d.item.Notes[noteNewDisk])
	found, err := d.cloud.DiskSetups(ctx, d.spec.Region, image.DiskListing{IDs: []image.DiskID{disk}})
	if err != nil || len(found) != 1 || found[0].Instance != d.spec.ID {
		return fault.Wrap(fault.Unavailable, err, "the disk %s could not be looked at", disk).WithCode("notSent")
	}
	switch was := d.record.Disk; what {
	case whatTags:
		tags := image.Tags{}
		for key, value := range was.Tags {
			if !reserved(key) && found[0].Tags[key] != value {
				tags[key] = value
			}
		}
		return d.cloud.Tag(ctx, d.spec.Region, "disk", []string{string(disk)}, tags)
	case whatAttributes:
		return d.cloud.ModifyDisk(ctx, d.spec.Region, disk, d.record.attributes(found[0]))
	case whatPolicies:
		return d.policies(ctx, disk)
	case whatPerformance:
		level := was.PerformanceLevel
		if found[0].PerformanceLevel == level {
			level = ""
		}
		return d.cloud.SetPerformance(ctx, d.spec.Region, disk, level, was.IOPS)
	case whatMetadata:
		return d.cloud.ModifyMetadata(ctx, d.spec.Region, d.spec.ID, d.record.Metadata)
	case whatKeyPair:
		return d.cloud.AttachKeyPair(ctx, d.spec.Region, d.record.KeyPair, []image.InstanceID{d.spec.ID})
	}
	return fault.New(fault.Internal, "there is no way to restore %s", what)
}

// policies applies the first policy that is missing; a look tells of the rest.
func (d *deed) policies(ctx context.Context, disk image.DiskID) error {
	bound, err := policiesOf(ctx, d.cloud, d.spec.Region, []image.DiskID{disk})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "its snapshot policies could not be looked at").WithCode("notSent")
	}
	for _, p := range missing(d.record.Policies, bound[disk]) {
		if err := d.cloud.ApplySnapshotPolicy(ctx, d.spec.Region, p, []image.DiskID{disk}); err != nil {
			return err
		}
	}
	return nil
}

// tidy deletes the snapshot that was taken while the instance ran, only if it is
// certainly ours and not the backup.
func (d *deed) tidy(ctx context.Context) error {
	id := image.SnapshotID(d.item.Notes[noteFirst])
	found, err := d.place.Snapshots(ctx, image.SnapshotListing{IDs: []image.SnapshotID{id}})
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "the first snapshot could not be looked at").WithCode("notSent")
	case len(found) == 0:
		return nil
	case found[0].Tags[TagBackup] != d.work.ID || string(id) == d.item.Notes[noteBackup] || id == d.content():
		return refuse(reason("notOurs", "%s is not a first snapshot of this rollout", id))
	}
	return d.cloud.DeleteSnapshot(ctx, d.spec.Region, id)
}
