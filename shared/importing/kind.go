package importing

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// Maker makes images and says what they are.
type Maker interface {
	ImportImage(ctx context.Context, in image.RegionID, r image.ImportRequest) (image.ID, image.TaskID, error)
	CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (image.ID, error)
	// CopyImage is asked where the original is.
	CopyImage(ctx context.Context, from image.RegionID, r image.CopyRequest) (image.ID, error)
	ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error
}

// Remover takes back what was made.
type Remover interface {
	// DeleteImage never forces.
	DeleteImage(ctx context.Context, in image.RegionID, id image.ID) error
	CancelTask(ctx context.Context, in image.RegionID, id image.TaskID) error
	CancelCopy(ctx context.Context, in image.RegionID, id image.ID) error
	// DeleteSnapshot never forces. It fails with fault.NotFound if there is none.
	DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error
}

// Booter boots an image.
type Booter interface {
	Launch(ctx context.Context, in image.RegionID, r image.LaunchRequest) (image.InstanceID, error)
	Terminate(ctx context.Context, in image.RegionID, id image.InstanceID) error
	RunCommand(ctx context.Context, in image.RegionID, r image.CommandRequest) (string, error)
	// ConsoleOutput is the end of what the instance wrote to its console.
	ConsoleOutput(ctx context.Context, in image.RegionID, id image.InstanceID) (string, error)
}

// Follower tells how far things are.
type Follower interface {
	Task(ctx context.Context, in image.RegionID, id image.TaskID) (image.Task, error)
	Invocation(ctx context.Context, in image.RegionID, invoke string) ([]image.Invocation, error)
	Assistants(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.AssistantStatus, error)
	Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error
}

// Cloud is one account's.
type Cloud interface {
	Maker
	Remover
	Booter
	Follower
}

// Giver gives images to others, through the logs that tell of it.
type Giver interface {
	// Share makes sure that accounts may use an image; Shared tells whether they may.
	Share(ctx context.Context, r image.Ref, with []image.AccountID, by string) error
	Shared(ctx context.Context, r image.Ref, with []image.AccountID) (image.Tri, error)
	// Release puts an image into a channel; ChannelOf tells which it is in.
	Release(ctx context.Context, r image.Ref, family image.Family, c Channel, by string) error
	ChannelOf(ctx context.Context, r image.Ref, family image.Family) (Channel, error)
}

// Kind is an import as the engine of long work carries it.
type Kind struct {
	// Cloud is the one of an account. It fails where that cannot be worked in now.
	Cloud   func(ctx context.Context, account image.AccountID) (Cloud, error)
	Objects Store
	Giver   Giver
	// Booting is told before an instance of an import is launched, and until when ECS
	// keeps it at the most; nil: nobody is.
	Booting func(ctx context.Context, id string, until time.Time) error
}

// Look looks at every region of an import.
func (k Kind) Look(ctx context.Context, at survey.Fresh, w work.Work) (work.Seen, error) {
	wish, err := wishOf(w)
	if err != nil {
		return nil, err
	}
	cloud, err := k.Cloud(ctx, wish.Account)
	if err != nil {
		return nil, err
	}
	seen := work.Seen{}
	for _, name := range w.Names() {
		l := &look{Kind: k, cloud: cloud, wish: wish, work: w, item: w.Items[name], region: image.RegionID(name), facts: plan.Facts{}}
		l.place = at.Place(wish.Account, l.region)
		if l.place == nil {
			continue // what could not be seen is not known, and not acted upon
		}
		if err := l.all(ctx); err != nil {
			seen.Refused(name, err)
			continue
		}
		seen[name] = l.facts
	}
	return seen, nil
}

// Next decides; see the function of that name.
func (k Kind) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	return Next(w, seen, now)
}

func wishOf(w work.Work) (Wish, error) {
	var wish Wish
	if err := json.Unmarshal(w.Document.Wish, &wish); err != nil {
		return wish, fault.Wrap(fault.Unknown, err, "the wish of import %s cannot be read", w.ID).WithCode("journalDamaged")
	}
	return wish, nil
}

// look is the look at one region.
type look struct {
	Kind
	cloud  Cloud
	wish   Wish
	work   work.Work
	item   work.Item
	region image.RegionID
	place  *survey.FreshPlace
	facts  plan.Facts
	found  *image.Image
}

func (l *look) home() bool { return l.region == l.wish.Region }

// all looks at whatever the item has by now.
func (l *look) all(ctx context.Context) error {
	for _, part := range []func(context.Context) error{l.image, l.task, l.source, l.original, l.instance, l.given} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// image finds the image by its id, or by the tag of this import.
func (l *look) image(ctx context.Context) error {
	if !l.item.Begun() {
		return nil
	}
	id := image.ID(l.item.Notes[noteImage])
	which := image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()}
	if id != "" {
		which.IDs = []image.ID{id}
	}
	images, err := l.place.Images(ctx, which)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(images, func(i image.Image) bool {
		return i.ID == id || id == "" && i.Tags[TagImport] == l.work.ID
	})
	if at < 0 {
		l.facts[factImage] = gone
		return l.remains(ctx)
	}
	l.found = &images[at]
	l.facts[factImage], l.facts[noteImage] = string(l.found.Status), string(l.found.ID)
	l.facts[factUsed], l.facts[factSnapshots] = l.used(), l.snapshotsOf(l.found)
	if l.named() {
		l.facts[factNamed] = yes
	}
	l.detection()
	l.facts[factLikeness] = likenessOf(*l.found)
	return nil
}

// snapshotsOf are the snapshots of an image that were made with it: an image that is
// made of snapshots has those of others.
func (l *look) snapshotsOf(i *image.Image) string {
	if l.home() && l.wish.Source.Snapshots != nil {
		return ""
	}
	var ids []string
	for _, d := range i.Disks {
		if d.SnapshotID != "" {
			ids = append(ids, string(d.SnapshotID))
		}
	}
	return strings.Join(ids, " ")
}

// remains looks whether snapshots of an image that is gone are still there.
func (l *look) remains(ctx context.Context) error {
	ids := snapshotsIn(l.item)
	if len(ids) == 0 {
		return nil
	}
	found, err := l.place.Snapshots(ctx, image.SnapshotListing{IDs: ids})
	if err == nil {
		l.facts[factRemains] = map[bool]string{true: yes, false: no}[len(found) > 0]
	}
	return err
}

// snapshotsIn are those that the item's image had before it was deleted.
func snapshotsIn(i work.Item) []image.SnapshotID {
	var ids []image.SnapshotID
	for _, id := range strings.Fields(i.Notes[noteSnapshots]) {
		ids = append(ids, image.SnapshotID(id))
	}
	return ids
}

// used is "no" only where ECS says that no instance uses the image, and it is
// shared with nobody; an image that was made a moment ago can only be used by the
// test.
func (l *look) used() string {
	if l.found.Usage == image.UsageNone && l.found.SharedOut == image.No && !l.found.Published {
		return no
	}
	return ""
}

// named: the image is as wished.
func (l *look) named() bool {
	i, want := l.found, l.wish.Image
	if i.Name != want.Name || want.Description != "" && i.Description != want.Description {
		return false
	}
	for _, key := range want.Tags.Keys() {
		if i.Tags[key] != want.Tags[key] {
			return false
		}
	}
	return want.Family == "" || i.Tags[TagFamily] == string(want.Family)
}

func (l *look) detection() {
	d := l.found.Detection
	if d == nil {
		return
	}
	l.facts[factCheck] = d.Status
	var risks []string
	for _, item := range d.Items {
		if item.Risk == "High" {
			risks = append(risks, item.Name)
		}
	}
	l.facts[factRisks] = strings.Join(risks, ",")
}

func (l *look) task(ctx context.Context) error {
	id := image.TaskID(l.item.Notes[noteTask])
	if id == "" || l.item.Level != "" {
		return nil
	}
	t, err := l.cloud.Task(ctx, l.region, id)
	if err != nil {
		return err
	}
	l.facts[factTask], l.facts[factError] = t.Status, strings.TrimSpace(t.ErrorCode+" "+t.Error)
	return nil
}

// source compares the objects with what they were when they were checked.
func (l *look) source(ctx context.Context) error {
	if !l.home() || l.item.Level != "" {
		return nil
	}
	if l.wish.Source.Object == nil {
		l.facts[factSource] = "same"
		return nil
	}
	now, err := l.stamps(ctx)
	switch {
	case errors.Is(err, fault.NotFound):
		l.facts[factSource] = "changed"
		return nil
	case err != nil:
		return err
	}
	l.facts[factSource] = "changed"
	if now == l.work.Document.Plan.Base["source"] {
		l.facts[factSource] = "same"
	}
	return nil
}

func (k Kind) stampsOf(ctx context.Context, o *Object) (string, error) {
	var all []string
	for _, key := range o.keys() {
		head, err := k.Objects.Head(ctx, o.Bucket, key)
		if err != nil {
			return "", err
		}
		all = append(all, stampOf(head).String())
	}
	return strings.Join(all, " "), nil
}

func (l *look) stamps(ctx context.Context) (string, error) {
	return l.stampsOf(ctx, l.wish.Source.Object)
}

// keys are those of all objects, the system disk's first.
func (o *Object) keys() []string {
	keys := []string{o.Key}
	for _, d := range o.DataDisks {
		keys = append(keys, d.Key)
	}
	return keys
}

// original compares a copy with the image that it is of.
func (l *look) original(ctx context.Context) error {
	original := l.work.Items[string(l.wish.Region)].Notes[noteLikeness]
	if l.home() {
		original = l.work.Document.Plan.Base[baseLikeness]
	}
	if l.home() && original == "" || l.found == nil || l.item.Level != "" || l.found.Status != image.StatusAvailable {
		return nil
	}
	want := map[string]string{}
	if err := json.Unmarshal([]byte(cmp.Or(original, "{}")), &want); err != nil {
		return fault.Wrap(fault.Unknown, err, "what the image is like was not recorded")
	}
	is := likeness(*l.found)
	var differs []string
	for _, what := range []string{"sizeGiB", "architecture", "bootMode", "nvme", "imds", "osType", "platform", "dataDisks"} {
		if want[what] != is[what] {
			differs = append(differs, what+" is "+cmp.Or(is[what], "none")+" and not "+cmp.Or(want[what], "none"))
		}
	}
	l.facts[factDiffers] = strings.Join(differs, "; ")
	return nil
}

// likenessOf is likeness as text.
func likenessOf(i image.Image) string {
	text, err := json.Marshal(likeness(i))
	if err != nil { // texts have no way to fail
		return ""
	}
	return string(text)
}

// likeness is what a copy has to have like its original.
func likeness(i image.Image) map[string]string {
	return map[string]string{
		"sizeGiB": strconv.Itoa(i.SizeGiB), "architecture": string(i.Architecture), "bootMode": string(i.BootMode), "nvme": i.NVMe,
		"imds": i.IMDS, "osType": string(i.OSType), "platform": i.Platform, "dataDisks": strconv.Itoa(len(i.DataDisks())),
	}
}

// instance looks at the instance of the test, by its id or by the tag of this import.
func (l *look) instance(ctx context.Context) error {
	if l.item.Notes[noteLaunched] == "" || l.wish.Test == nil {
		return nil
	}
	id := image.InstanceID(l.item.Notes[noteInstance])
	which := image.InstanceListing{}
	if id != "" {
		which.IDs = []image.InstanceID{id}
	}
	all, err := l.place.Instances(ctx, which)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(i image.Instance) bool { return i.ID == id || id == "" && i.Tags[TagTest] == l.work.ID })
	if at < 0 {
		return l.absent(ctx, which)
	}
	i := all[at]
	l.facts[factInstance], l.facts[noteInstance] = string(i.Status), string(i.ID)
	if i.Status != image.InstanceRunning {
		return nil
	}
	return l.answers(ctx, i.ID)
}

// absent tells what an empty list of instances says: nothing, where they may not be
// listed.
func (l *look) absent(ctx context.Context, which image.InstanceListing) error {
	may, err := l.place.MayList(ctx, which)
	switch {
	case err != nil:
		return err
	case may == image.No:
		return fault.New(fault.Forbidden, "the instances in %s may not be listed", l.region)
	case may == image.Yes:
		l.facts[factInstance] = gone
	}
	return nil
}

// answers looks at the Cloud Assistant of the instance, and at the command.
func (l *look) answers(ctx context.Context, id image.InstanceID) error {
	status, err := l.cloud.Assistants(ctx, l.region, []image.InstanceID{id})
	if err != nil {
		return err
	}
	launched, _ := time.Parse(time.RFC3339, l.item.Notes[noteLaunched])
	for _, s := range status {
		if s.Instance == id && s.Alive && !s.HeartbeatAt.Before(launched) {
			l.facts[factAlive] = yes
		}
	}
	invoke := l.item.Notes[noteInvoke]
	if invoke == "" {
		return nil
	}
	runs, err := l.cloud.Invocation(ctx, l.region, invoke)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Instance == id {
			l.facts[factInvoke], l.facts[factExit] = r.Status, strconv.Itoa(r.ExitCode)
		}
	}
	return nil
}

// given looks at who has the image, once it may be given.
func (l *look) given(ctx context.Context) error {
	r := l.wish.Release
	if r == nil || l.found == nil || l.item.Sent == nil {
		return nil
	}
	switch l.item.Sent.Do {
	case doShare:
		shared, err := l.Giver.Shared(ctx, l.found.Ref, r.Share.ids())
		if err == nil && shared == image.Yes {
			l.facts[factShared] = yes
		}
		return err
	case doRelease:
		c, err := l.Giver.ChannelOf(ctx, l.found.Ref, l.wish.Image.Family)
		l.facts[factReleased] = string(c)
		return err
	}
	return nil
}

func (s *Share) ids() []image.AccountID {
	ids := make([]image.AccountID, len(s.Accounts))
	for n, a := range s.Accounts {
		ids[n] = a.AccountID
	}
	return ids
}

// Told is what an item tells beside how far it is.
type Told struct {
	Image    image.ID
	Task     image.TaskID
	Check    Judged
	Instance image.InstanceID
	Console  string
}

// Tell reads the notes of an item.
func Tell(i work.Item) Told {
	return Told{
		Image: image.ID(i.Notes[noteImage]), Task: image.TaskID(i.Notes[noteTask]), Check: Judged(i.Notes[noteCheck]),
		Instance: image.InstanceID(i.Notes[noteInstance]), Console: i.Notes[noteConsole],
	}
}
