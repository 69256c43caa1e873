package importing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Export is what is asked for: an image as a file in a bucket of its region.
type Export struct {
	ImageID image.ID        `json:"imageId" validate:"required,imageid" doc:"The image"`
	Region  image.RegionID  `json:"region,omitempty" validate:"omitempty,regionid" doc:"Where the image is; left out: the region of the function"`
	Account image.AccountID `json:"account,omitempty" validate:"omitempty,accountid" doc:"Whose image it is; left out: the account of the function"`
	Bucket  string          `json:"bucket" validate:"required,min=3,max=63" doc:"A bucket of the same region"`
	Prefix  string          `json:"prefix,omitempty" validate:"omitempty,alphanum,max=30" doc:"What the names of the files begin with, letters and digits; left out: nothing"`
	Format  string          `json:"format,omitempty" validate:"omitempty,oneof=raw vhd qcow2 vmdk vdi" doc:"The format, where the region has others than raw"`
}

// codeNotFound is of an image that is named and is nowhere, as of requests for it.
const codeNotFound = string(fault.NotFound)

// ActionExport is the only one of an export.
const ActionExport = "export"

// exportRole is what ECS assumes to write the file; source: ExportImage RoleName.
const exportRole = "AliyunECSImageExportDefaultRole"

// ExportSeen is what was seen before an export is planned.
type ExportSeen struct {
	Now time.Time
	// Image as its owner sees it; nil: it was not found.
	Image *image.Image
	// Unread is why the image could not be seen.
	Unread *image.Reason
	Role   RoleSeen
	Bucket BucketSeen
}

// BucketSeen is what was seen of the bucket that an export is written into.
type BucketSeen struct {
	// Exists is Unknown where it may not be looked at.
	Exists image.Tri
	Region image.RegionID
	// Journal: every change is recorded there.
	Journal bool
}

// ObserveExport looks at the image, the bucket and the role. It does not fail.
func ObserveExport(ctx context.Context, s *survey.Survey, ports Ports, w Export) ExportSeen {
	o := ExportSeen{Bucket: bucketSeen(ctx, ports, w.Bucket)}
	at := s.Place(w.Account, w.Region)
	if at == nil {
		o.Unread = &image.Reason{Code: survey.CodeUnread, Sentence: "the account cannot be looked at in " + string(w.Region)}
		return o
	}
	found, err := at.Images(ctx, image.Listing{IDs: []image.ID{w.ImageID}, Statuses: image.Statuses()})
	if err != nil {
		o.Unread = reasonOf(err)
	} else if len(found) > 0 {
		o.Image = &found[0]
	}
	o.Role = roleSeen(ctx, ports.Limits, exportRole)
	return o
}

// bucketSeen looks at a bucket. One of a name that OSS gives to none does not exist.
func bucketSeen(ctx context.Context, ports Ports, name string) BucketSeen {
	seen := BucketSeen{Journal: name == ports.Journal}
	region, err := ports.Store.BucketRegion(ctx, name)
	switch {
	case err == nil:
		seen.Exists, seen.Region = image.Yes, region
	case errors.Is(err, fault.NotFound), errors.Is(err, fault.Invalid):
		seen.Exists = image.No
	}
	return seen
}

// PlanExport decides. last is the digest of the same export that ended before, if
// there was one: another export is another plan.
func PlanExport(w Export, o ExportSeen, last string) (plan.Plan, []image.Finding, error) {
	wish, err := json.Marshal(w)
	if err != nil {
		return plan.Plan{}, nil, fault.Wrap(fault.Internal, err, "a wish cannot be written as JSON")
	}
	return plan.Plan{
		Target: "export/" + string(w.Account) + "/" + string(w.Region) + "/" + string(w.ImageID),
		Base:   plan.Facts{"last": last},
		Steps: []plan.Step{{
			Action: ActionExport, Subject: string(w.ImageID), Sets: plan.Facts{ActionExport: "done"}, Parameters: map[string]string{"wish": string(wish)},
			Reasons: []image.Reason{{Code: "asked", Sentence: fmt.Sprintf("ECS writes its disks into oss://%s", w.Bucket)}},
		}},
	}, judgeExport(w, o), nil
}

// The limits of an export; source: ExportImage.
const (
	mostExportDisks = 4
	mostExportGiB   = 500
)

func judgeExport(w Export, o ExportSeen) []image.Finding {
	j := &judge{}
	switch i := o.Image; {
	case o.Unread != nil:
		j.fatal("sourceUnread", "the image could not be read: "+o.Unread.Sentence, "")
	case i == nil:
		j.fatal(codeNotFound, fmt.Sprintf("%s is not in %s", w.ImageID, w.Region), "")
	default:
		j.exported(*i)
	}
	j.target(w, o.Bucket)
	j.serviceRole(exportRole, o.Role, "ECS writes files", exportRoleCommands(w.Bucket))
	return j.found
}

// target judges the bucket that an export is written into.
func (j *judge) target(w Export, b BucketSeen) {
	switch {
	case b.Journal:
		j.fatal("journalBucket", fmt.Sprintf("bucket: %s has the journal: exports must neither fill nor overwrite it", w.Bucket), "another bucket of "+string(w.Region))
	case b.Exists == image.No:
		j.fatal("bucketNotFound", fmt.Sprintf("bucket: %s does not exist", w.Bucket), fmt.Sprintf("correct bucket, or ossutil mb oss://%s --region %s", w.Bucket, w.Region))
	case b.Exists == image.Unknown:
		j.warn("bucketUnknown", fmt.Sprintf("bucket: whether %s is there is not known", w.Bucket), "permit oss:GetBucketInfo on it")
	case b.Region != w.Region:
		j.fatal("bucketElsewhere", fmt.Sprintf("bucket: %s is in %s; ECS exports an image of %s into buckets there only", w.Bucket, b.Region, w.Region), "a bucket of "+string(w.Region))
	}
}

func (j *judge) exported(i image.Image) {
	switch {
	case i.Kind != image.KindCustom:
		j.fatal("notOurs", fmt.Sprintf("it is a %s image; ECS exports custom ones", i.Kind), "copy it, or make an image of an instance of it")
	case i.Status != image.StatusAvailable:
		j.fatal("imageStatus", fmt.Sprintf("%s is %s; ECS exports Available images", i.ID, i.Status), "")
	}
	if i.ProductCode != "" {
		j.fatal("marketplaceProduct", fmt.Sprintf("%s is of the Marketplace product %s, which ECS does not export", i.ID, i.ProductCode), "")
	}
	if i.Encrypted() == image.Yes {
		j.fatal("imageEncrypted", fmt.Sprintf("%s is encrypted, and ECS exports plain images only", i.ID), "")
	}
	if i.OSType == image.Windows {
		j.warn("windowsExport", "by an older text of the vendor's Windows Server is not exported", "")
	}
	if data := i.DataDisks(); len(data) > mostExportDisks || slices.ContainsFunc(data, func(d image.DiskMapping) bool { return d.SizeGiB > mostExportGiB }) {
		j.fatal("disksTooLarge", fmt.Sprintf("ECS exports %d data disks of %d GiB at the most", mostExportDisks, mostExportGiB), "")
	}
}

// exportRoleCommands make the role, narrowed to a bucket.
func exportRoleCommands(bucket string) string {
	return roleCommands(exportRole, "imagekeeper-export-"+bucket, bucket,
		`"oss:GetObject","oss:PutObject","oss:DeleteObject","oss:GetBucketLocation","oss:GetBucketInfo","oss:AbortMultipartUpload","oss:ListMultipartUploads","oss:ListParts"`)
}

// Exporter exports images and tells how far that is.
type Exporter interface {
	// ExportImage has no token: what was begun shows in the tasks.
	ExportImage(ctx context.Context, in image.RegionID, r image.ExportRequest) (image.TaskID, error)
	Tasks(ctx context.Context, in image.RegionID, l image.TaskListing) ([]image.Task, error)
	Task(ctx context.Context, in image.RegionID, id image.TaskID) (image.Task, error)
	CancelTask(ctx context.Context, in image.RegionID, id image.TaskID) error
}

// LevelExported: the files are there.
const LevelExported = "exported"

// doExport is what is done to the item of an export.
const doExport = "export"

// The notes of an export, and what a look tells of it.
const (
	noteBegan   = "beganAt"
	noteObjects = "objects"
	factObjects = "objects"
)

// Exports is an export as the engine of long work carries it.
type Exports struct {
	// Cloud is the one of an account. It fails where that cannot be worked in now.
	Cloud func(ctx context.Context, account image.AccountID) (Exporter, error)
}

func exportOf(w work.Work) (Export, error) {
	var wish Export
	if err := json.Unmarshal(w.Document.Wish, &wish); err != nil {
		return wish, fault.Wrap(fault.Unknown, err, "the wish of export %s cannot be read", w.ID).WithCode("journalDamaged")
	}
	return wish, nil
}

// Look looks at the task of an export.
func (k Exports) Look(ctx context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	wish, err := exportOf(w)
	if err != nil {
		return nil, err
	}
	cloud, err := k.Cloud(ctx, wish.Account)
	if err != nil {
		return nil, err
	}
	seen := work.Seen{}
	for _, name := range w.Names() {
		facts, err := exportFacts(ctx, cloud, wish, w.Items[name])
		if err != nil {
			seen.Refused(name, err) // what could not be seen is not known, and not acted upon
			continue
		}
		seen[name] = facts
	}
	return seen, nil
}

func exportFacts(ctx context.Context, cloud Exporter, wish Export, i work.Item) (plan.Facts, error) {
	facts := plan.Facts{}
	if i.Notes[noteBegan] == "" {
		return facts, nil
	}
	id := image.TaskID(i.Notes[noteTask])
	if id == "" {
		began, err := time.Parse(time.RFC3339, i.Notes[noteBegan])
		if err != nil {
			return nil, fault.Wrap(fault.Unknown, err, "when the export began was not recorded").WithCode("journalDamaged")
		}
		all, err := cloud.Tasks(ctx, wish.Region, image.TaskListing{Action: "ExportImage", From: began.Add(-time.Minute)})
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(all, func(t image.Task) bool { return t.Resource == string(wish.ImageID) })
		if at < 0 {
			facts[factTask] = gone
			return facts, nil
		}
		id = all[at].ID
	}
	t, err := cloud.Task(ctx, wish.Region, id)
	if err != nil {
		return nil, err
	}
	facts[noteTask], facts[factTask], facts[factError] = string(t.ID), t.Status, strings.TrimSpace(t.ErrorCode+" "+t.Error)
	facts[factObjects] = t.Related["OSSObject"]
	return facts, nil
}

// Next decides. It is pure.
func (k Exports) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	n := &next{work: w, seen: seen, now: now}
	for _, name := range w.Names() {
		item, known := w.Items[name]
		if !known {
			item = work.Item{Name: name}
		}
		facts, looked := seen[name]
		if item.Ended() || !looked {
			continue
		}
		s := &stage{next: n, item: item, facts: facts, was: item}
		s.export()
	}
	return n.Decision
}

// export goes on with an export, or ends it.
func (s *stage) export() {
	status, aborting := s.facts[factTask], s.work.State == work.Aborting
	running := slices.Contains([]string{"Waiting", "Processing"}, status)
	switch {
	case s.item.Sent == nil:
		s.beginExport(aborting)
	case status == "Finished":
		s.item.Level = LevelExported
		s.note(noteTask, s.facts[noteTask], noteObjects, s.facts[factObjects])
		s.end(plan.Applied, "", "")
	case status == "Failed":
		s.exportFailed(aborting)
	case status == gone && s.item.Answered != plan.Applied && s.settled():
		s.unsent(aborting)
	case running && (aborting || s.item.Sent.Do == doCancel):
		s.cancelling()
	case s.now.After(s.item.Since.Add(makeTime)):
		s.fail("notMadeInTime", "ECS has not exported it in %d hours, and was left at it", int(makeTime.Hours()))
	case running || status == gone || status == "":
		s.wake(s.pace())
	default:
		s.fail("taskEnded", "its task ended as %s, which is not known", status)
	}
}

func (s *stage) cancelExport() {
	s.item.Sent = nil
	s.Items = append(s.Items, s.item)
	s.Acts = append(s.Acts, work.Act{Item: s.item.Name, Do: doCancel})
	s.wake(s.pace())
}

// cancelling has a task cancelled, and goes on with one that was to be and is not: what nobody heard of,
// or what was accepted and did not happen, is asked for again.
func (s *stage) cancelling() {
	accepted := s.item.Answered == plan.Applied
	switch {
	case s.item.Sent.Do != doCancel:
		s.note(noteTask, s.facts[noteTask])
		s.cancelExport()
	case !accepted:
		s.again()
	case !s.now.After(s.item.Since.Add(notDone)):
		s.wake(s.pace())
	case s.item.Tries >= mostTries:
		s.fail("aborted", "the task goes on: ECS accepts to cancel it, and does not")
	default:
		s.cancelExport()
	}
}

// exportFailed tells a cancelled task from one that failed by itself.
func (s *stage) exportFailed(aborting bool) {
	if aborting || s.item.Sent.Do == doCancel {
		s.fail("aborted", "the task was cancelled; what it had written may still be in the bucket")
		return
	}
	s.fail("taskFailed", "ECS could not export it: %s", s.facts[factError])
}

func (s *stage) beginExport(aborting bool) {
	if aborting {
		s.fail("aborted", "it was not begun")
		return
	}
	s.act(doExport, LevelExported, map[string]string{noteBegan: s.now.UTC().Format(time.RFC3339), noteTask: ""})
}

// unsent: no task shows, long after the call whose answer nobody saw.
func (s *stage) unsent(aborting bool) {
	if aborting {
		s.fail("aborted", "it was not begun")
		return
	}
	s.Acts = append(s.Acts, *s.item.Sent)
	s.wake(s.pace())
}

// Do makes one changing call.
func (k Exports) Do(ctx context.Context, _ survey.Fresh, w work.Work, a work.Act) work.Answer {
	notes := map[string]string{}
	wish, err := exportOf(w)
	var cloud Exporter
	if err == nil {
		cloud, err = k.Cloud(ctx, wish.Account)
	}
	switch {
	case err != nil:
	case a.Do == doCancel:
		err = cloud.CancelTask(ctx, wish.Region, image.TaskID(w.Items[a.Item].Notes[noteTask]))
	default:
		var task image.TaskID
		if task, err = cloud.ExportImage(ctx, wish.Region, image.ExportRequest{Image: wish.ImageID, Bucket: wish.Bucket, Prefix: wish.Prefix, Format: wish.Format}); task != "" {
			notes[noteTask] = string(task)
		}
	}
	return work.Answer{Outcome: outcome(a, err), Notes: notes}
}

// ToldOfExport is what the item of an export tells beside how far it is.
type ToldOfExport struct {
	Task    image.TaskID
	Objects []string
}

// TellExport reads the notes of the item of an export.
func TellExport(i work.Item) ToldOfExport {
	return ToldOfExport{Task: image.TaskID(i.Notes[noteTask]), Objects: strings.Fields(i.Notes[noteObjects])}
}
