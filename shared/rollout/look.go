package rollout

import (
	"cmp"
	"context"
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

// Powers change instances.
type Powers interface {
	Stop(ctx context.Context, in image.RegionID, r image.StopRequest) error
	Start(ctx context.Context, in image.RegionID, id image.InstanceID) error
	ReplaceSystemDisk(ctx context.Context, in image.RegionID, r image.ReplaceRequest) (image.DiskID, error)
	RunCommand(ctx context.Context, in image.RegionID, r image.CommandRequest) (string, error)
}

// Backups make and delete snapshots and images of them.
type Backups interface {
	CreateSnapshot(ctx context.Context, in image.RegionID, r image.SnapshotRequest) (image.SnapshotID, error)
	DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error
	CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (image.ID, error)
	ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error
}

// Settings are what is restored.
type Settings interface {
	ModifyDisk(ctx context.Context, in image.RegionID, id image.DiskID, to image.DiskAttributes) error
	SetPerformance(ctx context.Context, in image.RegionID, id image.DiskID, level string, iops int) error
	ApplySnapshotPolicy(ctx context.Context, in image.RegionID, policy string, disks []image.DiskID) error
	ModifyMetadata(ctx context.Context, in image.RegionID, id image.InstanceID, to image.MetadataOptions) error
}

// Standby takes instances out of scaling groups and back, and tells of commands.
type Standby interface {
	EnterStandby(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID, token string) error
	ExitStandby(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID, token string) error
	Invocation(ctx context.Context, in image.RegionID, run string) ([]image.Invocation, error)
	Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error
}

// Keepers give key pairs back, and delete images of backups.
type Keepers interface {
	AttachKeyPair(ctx context.Context, in image.RegionID, name string, ids []image.InstanceID) error
	DeleteImage(ctx context.Context, in image.RegionID, id image.ID) error
}

// Looker is what tells how things are.
type Looker interface {
	Watcher
	Policies
}

// Changer is what changes instances, disks and snapshots.
type Changer interface {
	Powers
	Backups
	Settings
}

// Around is what changes what instances go with.
type Around interface {
	Standby
	Keepers
	Followers
}

// Cloud is one account's.
type Cloud interface {
	Looker
	Changer
	Around
}

// Kind is a rollout as the engine of long work carries it.
type Kind struct {
	// Cloud is the one of an account. It fails where that cannot be worked in now.
	Cloud func(ctx context.Context, account image.AccountID) (Cloud, error)
	// Down knows what this worker stopped; nil: nobody does.
	Down *Down
}

// Next decides; see the function of that name.
func (k Kind) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	return Next(w, seen, now)
}

// Look looks at every instance of a rollout, closer at those that are under way.
func (k Kind) Look(ctx context.Context, at survey.Fresh, w work.Work) (work.Seen, error) {
	wish, err := wishOf(w)
	if err != nil {
		return nil, err
	}
	seen, by := work.Seen{}, map[Place][]string{}
	all := specs(w.Document)
	var places []Place
	for _, name := range w.Names() {
		p := all[name].Place
		if by[p] == nil {
			places = append(places, p)
		}
		by[p] = append(by[p], name)
	}
	for _, p := range places {
		place := at.Place(p.Account, p.Region)
		if place == nil {
			continue // what could not be seen is not known, and not acted upon
		}
		cloud, err := k.Cloud(ctx, p.Account)
		if err != nil {
			refused(seen, by[p], err)
			continue
		}
		l := &look{at: p, place: place, cloud: cloud, wish: wish, work: w, specs: all, seen: seen, names: by[p]}
		l.all(ctx)
	}
	return seen, nil
}

// look is the look at one place.
type look struct {
	at    Place
	place *survey.FreshPlace
	cloud Cloud
	wish  Wish
	work  work.Work
	specs map[string]spec
	seen  work.Seen
	names []string
	// active are the items that are under way.
	active []*sight
}

// sight is one item that is under way.
type sight struct {
	spec   spec
	item   work.Item
	facts  plan.Facts
	record record
	before *image.Before
	disk   *image.DiskSetup
}

// drop: something of it could not be seen, so nothing of it is known.
func (l *look) drop(s *sight, err error) { l.seen.Refused(s.item.Name, err) }

// refused: nothing is known of any of these.
func refused(seen work.Seen, names []string, err error) {
	for _, name := range names {
		seen.Refused(name, err)
	}
}

// notShown: ECS does not show a part of it that has to be there.
func notShown(what string) error { return fault.New(fault.Unknown, "%s is not shown", what) }

// all looks at power first, which every item needs, then at the rest of the active.
func (l *look) all(ctx context.Context) {
	if !l.power(ctx) {
		return
	}
	l.target(ctx)
	l.followed(ctx)
	for _, part := range []func(context.Context) error{l.instances, l.disks, l.snapshots, l.images, l.healths, l.groups, l.differences} {
		if err := part(ctx); err != nil {
			for _, s := range l.active {
				l.drop(s, err)
			}
			return
		}
	}
	for _, s := range l.active {
		if err := l.command(ctx, s); err != nil {
			l.drop(s, err)
		}
	}
}

// power reads what state every instance is in.
func (l *look) power(ctx context.Context) bool {
	var ids []image.InstanceID
	for _, name := range l.names {
		if l.specs[name].action == ActionReplace {
			ids = append(ids, l.specs[name].ID)
		}
	}
	found, err := byHundred(ids, func(some []image.InstanceID) ([]image.Instance, error) {
		return l.place.Instances(ctx, image.InstanceListing{IDs: some})
	})
	if err != nil {
		refused(l.seen, l.names, err)
		return false
	}
	status := map[image.InstanceID]image.Instance{}
	for _, i := range found {
		status[i.ID] = i
	}
	absent := image.Unknown
	if len(found) < len(ids) {
		absent, _ = l.place.MayList(ctx, image.InstanceListing{IDs: ids[:min(len(ids), mostIDs)]})
	}
	for _, name := range l.names {
		spec, item := l.specs[name], l.work.Items[name]
		item.Name = name
		i, shown := status[spec.ID]
		facts := plan.Facts{factStatus: string(i.Status), factImage: string(i.Image)}
		switch {
		case spec.action != ActionReplace:
		case !shown && absent != image.Yes:
			l.unlisted(name, absent)
			continue
		case !shown:
			facts = plan.Facts{factStatus: gone}
		}
		l.seen[name] = facts
		if shown && item.Begun() && !item.Ended() {
			was, err := recordOf(item)
			if err != nil {
				continue // known is what shows; what is done about it is decided without the rest
			}
			l.active = append(l.active, &sight{spec: spec, item: item, facts: facts, record: was})
		}
	}
	return true
}

// unlisted: an instance is not in a list that may have been cut, since listing is not
// permitted, or nobody knows whether it is.
func (l *look) unlisted(name string, may image.Tri) {
	if may == image.No {
		l.seen.Refused(name, fault.New(fault.Forbidden, "the instances in %s may not be listed", l.at.Region))
	}
}

// target tells of each item whether its image may still be used.
func (l *look) target(ctx context.Context) {
	var ids []image.ID
	for _, name := range l.names {
		if to := l.specs[name].to; to != "" && !slices.Contains(ids, to) && l.specs[name].action == ActionReplace {
			ids = append(ids, to)
		}
	}
	if len(ids) == 0 {
		return
	}
	found, err := l.place.Images(ctx, image.Listing{IDs: ids, Statuses: image.Statuses()})
	if err != nil {
		return // the guards look again, and refuse
	}
	why := map[image.ID]string{}
	for _, i := range found {
		why[i.ID] = l.unusable(i)
	}
	for _, name := range l.names {
		replaces := l.specs[name].action == ActionReplace
		if facts := l.seen[name]; facts != nil && replaces && why[l.specs[name].to] != "" && !l.work.Items[name].Begun() {
			facts[factWithdrawn] = why[l.specs[name].to]
		}
	}
}

// unusable is why an image may not be used any more that might be when it was
// approved; empty: it may.
func (l *look) unusable(i image.Image) string {
	was := l.work.Document.Plan.Base[factTarget+string(l.at.Region)+"/"+string(i.ID)]
	if i.Status == image.StatusDeprecated && was != string(image.StatusDeprecated) {
		return string(i.ID) + " was deprecated since the approval"
	}
	tag := i.Tags[TagChannel]
	if channel := l.wish.To.Channel; channel != "" && i.Kind == image.KindCustom && tag != channelOf && tag != channel {
		return string(i.ID) + " is no longer " + channel + " of its family"
	}
	return ""
}

func (l *look) instances(ctx context.Context) error {
	ids := ids(l.active, func(*sight) bool { return true })
	found, err := byHundred(ids, func(some []image.InstanceID) ([]image.Before, error) { return l.cloud.Before(ctx, l.at.Region, some) })
	if err != nil {
		return err
	}
	for _, s := range l.active {
		n := slices.IndexFunc(found, func(b image.Before) bool { return b.ID == s.spec.ID })
		if n < 0 {
			l.drop(s, notShown("the instance"))
			continue
		}
		s.before = &found[n]
		s.facts[factStatus], s.facts[factImage] = string(found[n].Status), string(found[n].Image)
	}
	return nil
}

func ids(of []*sight, wanted func(*sight) bool) []image.InstanceID {
	var all []image.InstanceID
	for _, s := range of {
		if wanted(s) {
			all = append(all, s.spec.ID)
		}
	}
	return all
}

// diskOf is the disk that an item is known to have; empty: that has to be found out.
func (s *sight) diskOf() image.DiskID {
	if s.item.Sent != nil && s.item.Sent.Do == doReplace {
		return ""
	}
	return image.DiskID(cmp.Or(s.item.Notes[noteNewDisk], s.item.Notes[noteDisk], string(s.spec.disk)))
}

// disks finds the system disks: by id where it is known, else by the instance.
func (l *look) disks(ctx context.Context) error {
	var known []image.DiskID
	for _, s := range l.active {
		if id := s.diskOf(); id != "" {
			known = append(known, id)
		}
	}
	found, err := byHundred(known, func(some []image.DiskID) ([]image.DiskSetup, error) {
		return l.cloud.DiskSetups(ctx, l.at.Region, image.DiskListing{IDs: some})
	})
	if err != nil {
		return err
	}
	for _, s := range l.active {
		id := s.diskOf()
		n := slices.IndexFunc(found, func(d image.DiskSetup) bool { return d.ID == id && d.System && d.Instance == s.spec.ID })
		if n >= 0 {
			s.disk = &found[n]
		} else if err := l.ownDisk(ctx, s); err != nil {
			l.drop(s, err)
			continue
		}
		if s.disk != nil {
			s.facts[factDisk], s.facts[factAuto] = string(s.disk.ID), triFact(s.disk.DeleteAutoSnapshot)
			s.verify(l.work)
		}
	}
	return nil
}

func (l *look) ownDisk(ctx context.Context, s *sight) error {
	found, err := l.cloud.DiskSetups(ctx, l.at.Region, image.DiskListing{Instance: s.spec.ID, System: image.Yes})
	if err == nil && len(found) == 1 {
		s.disk = &found[0]
	}
	return err
}

func triFact(t image.Tri) string {
	return map[image.Tri]string{image.Yes: yes, image.No: no}[t]
}

// verify: the new disk is there, as it was asked for, and nothing locks the
// instance that did not before.
func (s *sight) verify(work.Work) {
	d, b := s.disk, s.before
	if b == nil || string(d.ID) == cmp.Or(s.item.Notes[noteDisk], string(s.spec.disk)) {
		return
	}
	to := cmp.Or(s.item.Notes[noteImage], string(s.spec.to))
	locked := slices.ContainsFunc(b.Locks, func(lock string) bool { return !slices.Contains(s.record.Locks, lock) })
	asked, size := s.item.Notes[noteNewDisk], s.item.Notes[noteSize]
	sized := d.SizeGiB >= s.record.Disk.SizeGiB && (size == "" || size == strconv.Itoa(d.SizeGiB))
	if string(b.Image) == to && string(d.Image) == to && d.Status == "In_use" && sized && !locked && (asked == "" || asked == string(d.ID)) {
		s.facts[factVerified] = string(d.ID)
	}
}

// snapshots tells how the first snapshot and the backup are: by id, or by our tag
// where the id is not known.
func (l *look) snapshots(ctx context.Context) error {
	var known []image.SnapshotID
	for _, s := range l.active {
		for _, note := range []string{noteFirst, noteBackup} {
			if id := s.item.Notes[note]; id != "" {
				known = append(known, image.SnapshotID(id))
			}
		}
	}
	found, err := byHundred(known, func(some []image.SnapshotID) ([]image.Snapshot, error) {
		return l.place.Snapshots(ctx, image.SnapshotListing{IDs: some})
	})
	if err != nil {
		return err
	}
	for _, s := range l.active {
		for note, fact := range map[string]string{noteFirst: factFirst, noteBackup: factBackup} {
			id := s.item.Notes[note]
			if id == "" {
				continue
			}
			s.facts[fact], s.facts[fact+"Id"] = gone, id
			if n := slices.IndexFunc(found, func(f image.Snapshot) bool { return string(f.ID) == id }); n >= 0 {
				s.facts[fact], s.facts[fact+"At"] = found[n].Status, stampOf(found[n])
			}
		}
		if err := l.unnamed(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// stampOf is when a snapshot was begun, by ECS's clock: in seconds since 1970, as no time
// of ours is to be compared with it.
func stampOf(s image.Snapshot) string { return strconv.FormatInt(s.CreatedAt.Unix(), 10) }

// startedSince: it came up after its backup was begun. All times are ECS's. That of a
// start is told to the minute, so one in the minute of the backup is none only if the
// same was told before, which is up.
func startedSince(b image.Before, backup, up string) bool {
	at, err := strconv.ParseInt(backup, 10, 64)
	if err != nil {
		return false
	}
	started := b.StartedAt.Unix()
	same := b.StartedAt.Equal(time.Unix(at, 0).Truncate(time.Minute))
	return started > at || same && up != "" && up != strconv.FormatInt(started, 10)
}

// snapshotName is what our snapshots are called.
func snapshotName(w work.Work, n Name, what string, tries int) string {
	return "imagekeeper-" + w.ID + "-" + shortID(n.ID) + "-" + what + strconv.Itoa(tries)
}

// unnamed finds a snapshot whose id nobody heard.
func (l *look) unnamed(ctx context.Context, s *sight) error {
	sent := s.item.Sent
	if sent == nil || sent.Do != doBegin && sent.Do != doBackup {
		return nil
	}
	note, fact := noteFirst, factFirst
	if sent.Do == doBackup {
		note, fact = noteBackup, factBackup
	}
	if s.item.Notes[note] != "" {
		return nil
	}
	disk := image.DiskID(cmp.Or(s.item.Notes[noteDisk], string(s.spec.disk)))
	found, err := l.place.Snapshots(ctx, image.SnapshotListing{Disk: disk})
	if err != nil {
		return err
	}
	name := snapshotName(l.work, s.spec.Name, sent.Do, sent.Attempt)
	for _, f := range found {
		if f.Tags[TagBackup] == l.work.ID && f.Name == name {
			s.facts[fact], s.facts[fact+"Id"], s.facts[fact+"At"] = f.Status, string(f.ID), stampOf(f)
		}
	}
	return nil
}

// undoImageName is what the image of a backup is called.
func undoImageName(w work.Work, n Name) string { return "undo-" + w.ID + "-" + string(n.ID) }

// images looks at the images of backups.
func (l *look) images(ctx context.Context) error {
	for _, s := range l.active {
		id, sent := s.item.Notes[noteImage], s.item.Sent
		making := sent != nil && sent.Do == doImage
		if !making && (id == "" || s.item.Level != LevelImaged) {
			continue
		}
		which := image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()}
		if id != "" {
			which.IDs = []image.ID{image.ID(id)}
		}
		found, err := l.place.Images(ctx, which)
		if err != nil {
			return err
		}
		name := undoImageName(l.work, s.spec.Name)
		n := slices.IndexFunc(found, func(i image.Image) bool { return string(i.ID) == id || id == "" && i.Name == name })
		if n < 0 {
			continue
		}
		s.facts[factMade], s.facts[factMadeID] = string(found[n].Status), string(found[n].ID)
		s.facts[factUnlike] = unlike(found[n], s.likeness())
	}
	return nil
}

// likeness is what the image of the backup has to be like.
func (s *sight) likeness() likeness {
	if s.spec.like != (likeness{}) {
		return s.spec.like
	}
	return s.record.Like
}

const (
	unlikeArchitecture = "architecture"
	unlikePlatform     = "platform"
)

// unlike is in what an image differs: IMDS can only rise, and what the image was made
// with is not changed any more.
func unlike(i image.Image, want likeness) string {
	var differs []string
	if want.Architecture != "" && i.Architecture != want.Architecture {
		differs = append(differs, unlikeArchitecture)
	}
	if want.Platform != "" && i.Platform != want.Platform {
		differs = append(differs, unlikePlatform)
	}
	if want.BootMode != "" && i.BootMode != want.BootMode {
		differs = append(differs, "bootMode")
	}
	if want.NVMe != "" && i.NVMe != want.NVMe {
		differs = append(differs, "nvme")
	}
	if want.IMDS == "v2" && i.IMDS != "v2" {
		differs = append(differs, "imds")
	}
	return strings.Join(differs, ",")
}

// healths looks at those that have been started.
func (l *look) healths(ctx context.Context) error {
	started := func(s *sight) bool {
		return s.item.Level == LevelStarted && s.before != nil
	}
	some := ids(l.active, started)
	if len(some) == 0 {
		return nil
	}
	health, err := byHundred(some, func(part []image.InstanceID) ([]image.InstanceHealth, error) {
		return l.cloud.Healths(ctx, l.at.Region, part)
	})
	if err != nil {
		return err
	}
	beats, err := byHundred(some, func(part []image.InstanceID) ([]image.AssistantStatus, error) {
		return l.cloud.Assistants(ctx, l.at.Region, part)
	})
	if err != nil {
		return err
	}
	for _, s := range l.active {
		if !started(s) {
			continue
		}
		for _, h := range health {
			if h.ID == s.spec.ID {
				s.facts[factHealth] = h.Health
			}
		}
		for _, b := range beats {
			if b.Instance == s.spec.ID && b.Alive && s.beatsSince(b.HeartbeatAt) {
				s.facts[factBeat] = yes
			}
		}
	}
	return nil
}

// beatsSince: a heartbeat of the new system: after our start, and no earlier than it
// came up, which is told to the minute.
func (s *sight) beatsSince(beat time.Time) bool {
	start, err := time.Parse(time.RFC3339, s.item.Notes[noteStartAt])
	if err != nil {
		return false
	}
	return beat.After(start) && !s.before.StartedAt.Before(start.Truncate(time.Minute)) && !beat.Before(s.before.StartedAt)
}

// groups looks at those that are in scaling groups.
func (l *look) groups(ctx context.Context) error {
	grouped := func(s *sight) bool { return s.record.Group != "" }
	some := ids(l.active, grouped)
	if len(some) == 0 {
		return nil
	}
	found, err := byHundred(some, func(part []image.InstanceID) ([]image.ScalingInstance, error) {
		return l.cloud.ScalingInstances(ctx, l.at.Region, "", part)
	})
	if err != nil {
		return err
	}
	for _, s := range l.active {
		if !grouped(s) {
			continue
		}
		s.facts[factGroup] = gone
		for _, m := range found {
			if m.Instance == s.spec.ID {
				s.facts[factGroup] = m.State
			}
		}
	}
	return nil
}

// differences compares the new disk of those that are to be restored.
func (l *look) differences(ctx context.Context) error {
	var disks []image.DiskID
	for _, s := range l.active {
		if s.item.Level == LevelReplaced && s.disk != nil {
			disks = append(disks, s.disk.ID)
		}
	}
	bound, err := policiesOf(ctx, l.cloud, l.at.Region, disks)
	if err != nil {
		return err
	}
	for _, s := range l.active {
		if s.item.Level == LevelReplaced && s.disk != nil && s.before != nil {
			s.facts[factDiffers] = strings.Join(s.record.differs(*s.disk, bound[s.disk.ID], *s.before), ",")
		}
	}
	return nil
}

// What of a disk and an instance is restored.
const (
	whatTags        = "tags"
	whatAttributes  = "attributes"
	whatPolicies    = "policies"
	whatPerformance = "performance"
	whatMetadata    = "metadata"
	whatKeyPair     = "keyPair"
	whatEncryption  = "encryption"   // sent with the replacement: nothing changes it afterwards
	whatLogin       = "loginOptions" // as well
)

// sentOnly reports whether nothing but the replacement itself can bring a setting.
func sentOnly(what string) bool { return what == whatEncryption || what == whatLogin }

// differs is what is not as it was.
func (r record) differs(d image.DiskSetup, policies []string, b image.Before) []string {
	var all []string
	was := r.Disk
	for key, value := range was.Tags {
		if d.Tags[key] != value && !reserved(key) {
			all = append(all, whatTags)
			break
		}
	}
	if r.attributes(d) != (image.DiskAttributes{}) {
		all = append(all, whatAttributes)
	}
	if len(missing(r.Policies, policies)) > 0 {
		all = append(all, whatPolicies)
	}
	if was.PerformanceLevel != "" && d.PerformanceLevel != was.PerformanceLevel || was.IOPS != 0 && d.IOPS != was.IOPS {
		all = append(all, whatPerformance)
	}
	if r.Metadata.Endpoint != "" && b.Metadata != r.Metadata {
		all = append(all, whatMetadata)
	}
	if r.KeyPair != "" && b.KeyPair != r.KeyPair {
		all = append(all, whatKeyPair)
	}
	return append(all, r.sent(d, b)...)
}

// sent is what is not as it was of what only the replacement itself brings.
func (r record) sent(d image.DiskSetup, b image.Before) []string {
	var all []string
	if was := r.Disk; was.Encrypted == image.Yes && (d.Encrypted != image.Yes || was.Key != "" && d.Key != was.Key) {
		all = append(all, whatEncryption)
	}
	if r.NonRoot != image.Unknown && b.LoginAsNonRoot != image.Unknown && b.LoginAsNonRoot != r.NonRoot {
		all = append(all, whatLogin)
	}
	return all
}

// reserved are tags that only their owner writes.
func reserved(key string) bool {
	return strings.HasPrefix(key, "acs:") || strings.HasPrefix(key, "aliyun")
}

// attributes is what of a disk has to be changed to be as it was.
func (r record) attributes(d image.DiskSetup) image.DiskAttributes {
	var to image.DiskAttributes
	if r.Disk.Name != "" && d.Name != r.Disk.Name {
		to.Name = r.Disk.Name
	}
	if r.Disk.Description != "" && d.Description != r.Disk.Description {
		to.Description = r.Disk.Description
	}
	for _, each := range []struct {
		was, is image.Tri
		to      *image.Tri
	}{
		{r.Disk.DeleteWithInstance, d.DeleteWithInstance, &to.DeleteWithInstance},
		{r.Disk.DeleteAutoSnapshot, d.DeleteAutoSnapshot, &to.DeleteAutoSnapshot},
		{r.Disk.Burst, d.Burst, &to.Burst},
	} {
		if each.was != image.Unknown && each.was != each.is {
			*each.to = each.was
		}
	}
	return to
}

func missing(want, is []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(p string) bool { return slices.Contains(is, p) })
}

// command looks at the command that runs, if one does.
func (l *look) command(ctx context.Context, s *sight) error {
	sent, invoke := s.item.Sent, s.item.Notes[noteInvoke]
	if sent == nil || invoke == "" || sent.Do != doBefore && sent.Do != doAfter && sent.Do != doProbe {
		return nil
	}
	if s.item.Answered != plan.Applied {
		return nil // the note is that of an earlier command
	}
	runs, err := l.cloud.Invocation(ctx, l.at.Region, invoke)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Instance == s.spec.ID {
			s.facts[factInvoke], s.facts[factExit] = r.Status, strconv.Itoa(r.ExitCode)
		}
	}
	return nil
}
