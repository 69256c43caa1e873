package cloudsim

import (
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// The actions and states of tasks.
const (
	TaskImport = "ImportImage"
	TaskExport = "ExportImage"

	TaskWaiting    = "Waiting"
	TaskProcessing = "Processing"
	TaskFinished   = "Finished"
	TaskFailed     = "Failed"
)

// A task is what an import or an export is followed by. It goes by the clock.
type task struct {
	id, action string
	account    image.AccountID
	image      image.ID
	created    time.Time
	start, end time.Time
	// failure says why it fails in the end; empty if it does not.
	failure string
	// cancelled is when it was cancelled; zero if it was not.
	cancelled time.Time
	// items are what an export tells of itself.
	items []TaskItem
}

func (t *task) status(now time.Time) string {
	switch {
	case !t.cancelled.IsZero():
		return TaskFailed
	case now.Before(t.start):
		return TaskWaiting
	case now.Before(t.end):
		return TaskProcessing
	case t.failure != "":
		return TaskFailed
	}
	return TaskFinished
}

// TaskRow is one task as DescribeTasks shows it.
type TaskRow struct {
	ID, Action, Status string
	CanCancel          bool
	Resource           string
	CreatedAt          time.Time
	// FinishedAt is zero until it ended.
	FinishedAt time.Time
}

func (t *task) row(now time.Time) TaskRow {
	row := TaskRow{ID: t.id, Action: t.action, Status: t.status(now), Resource: string(t.image), CreatedAt: t.created}
	switch row.Status {
	case TaskWaiting, TaskProcessing:
		row.CanCancel = true
	default:
		row.FinishedAt = t.end
		if !t.cancelled.IsZero() {
			row.FinishedAt = t.cancelled
		}
	}
	return row
}

// TaskItem is one RelatedItem of a task.
type TaskItem struct{ Name, Value string }

// TaskDetail is one task as DescribeTaskAttribute shows it.
type TaskDetail struct {
	TaskRow
	// Percent is 0 to 100.
	Percent                int
	Success, Failed, Total int
	// Code and Message are set for one that failed.
	Code, Message string
	Items         []TaskItem
}

func (t *task) detail(now time.Time) TaskDetail {
	d := TaskDetail{TaskRow: t.row(now), Total: 1, Percent: 100}
	switch d.Status {
	case TaskWaiting:
		d.Percent = 0
	case TaskProcessing:
		d.Percent = int(100 * now.Sub(t.start) / t.end.Sub(t.start))
	case TaskFinished:
		d.Success, d.Items = 1, slices.Clone(t.items)
	case TaskFailed:
		d.Failed, d.Code, d.Message = 1, t.action+"Failed", t.failure
		if !t.cancelled.IsZero() {
			d.Percent, d.Code, d.Message = 0, "TaskCancelled", "the task was cancelled"
		}
	}
	return d
}

// newTask puts a task in.
func (c *Cloud) newTask(r *region, t task) string {
	t.id = c.random.id("t", r.infix)
	t.created = c.now().Truncate(time.Second)
	r.tasks = append(r.tasks, &t)
	return t.id
}

// taskOf finds a task of the account.
func (r *region) taskOf(account image.AccountID, id string) *task {
	for _, t := range r.tasks {
		if t.account == account && t.id == id {
			return t
		}
	}
	return nil
}

// DescribeTasksRequest are the parameters of DescribeTasks. Status is Finished,
// Processing or Failed; anything else does not filter.
type DescribeTasksRequest struct {
	RegionID  image.RegionID
	IDs       []string
	Action    string
	Status    string
	Resources []string
	From, To  time.Time
	Pages     Pages
}

// TasksPage is one page of DescribeTasks.
type TasksPage struct {
	Tasks []TaskRow
	PageMark
}

// taskRegion refuses the region as the operations of tasks and of imports do.
func taskRegion(id image.RegionID) error {
	if _, ok := placeOf(id); !ok && id != "" {
		return refuseAs(fault.NotFound, 400, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
	}
	return checkRegion(id)
}

// DescribeTasks lists the caller's tasks, newest first. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidParameter.
func (s *Session) DescribeTasks(req DescribeTasksRequest) (TasksPage, error) {
	if err := s.permit("DescribeTasks"); err != nil {
		return TasksPage{}, err
	}
	if err := taskRegion(req.RegionID); err != nil {
		return TasksPage{}, err
	}
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return TasksPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	var found []TaskRow
	for _, t := range slices.Backward(c.regions[req.RegionID].tasks) {
		if row := t.row(now); t.account == s.caller.Account && req.wants(row) {
			found = append(found, row)
		}
	}
	mark.Total = len(found)
	return TasksPage{Tasks: slices.Clone(cut(found, mark)), PageMark: mark}, nil
}

func (req *DescribeTasksRequest) wants(row TaskRow) bool {
	filters := slices.Contains([]string{TaskFinished, TaskProcessing, TaskFailed}, req.Status)
	switch {
	case len(req.IDs) > 0 && !slices.Contains(req.IDs, row.ID),
		req.Action != "" && req.Action != row.Action,
		filters && req.Status != row.Status,
		len(req.Resources) > 0 && !slices.Contains(req.Resources, row.Resource):
		return false
	}
	return (req.From.IsZero() || !row.CreatedAt.Before(req.From)) && (req.To.IsZero() || !row.CreatedAt.After(req.To))
}

// TaskRequest names one task: DescribeTaskAttribute, CancelTask.
type TaskRequest struct {
	RegionID image.RegionID
	TaskID   string
}

func (req TaskRequest) check() error {
	if err := taskRegion(req.RegionID); err != nil {
		return err
	}
	if req.TaskID == "" {
		return missing("TaskId")
	}
	return nil
}

func unknownTask() error {
	return refuseAs(fault.NotFound, 400, "InvalidTaskId.NotFound", "The specified \"TaskId\" is not found.")
}

// DescribeTaskAttribute tells about one task. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidTaskId.NotFound.
func (s *Session) DescribeTaskAttribute(req TaskRequest) (TaskDetail, error) {
	if err := s.permit("DescribeTaskAttribute"); err != nil {
		return TaskDetail{}, err
	}
	if err := req.check(); err != nil {
		return TaskDetail{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	t := c.regions[req.RegionID].taskOf(s.caller.Account, req.TaskID)
	if t == nil {
		return TaskDetail{}, unknownTask()
	}
	return t.detail(c.now()), nil
}

// CancelTask cancels an import or export that is under way. Of an import
// nothing is left, or, by the other reading, the image as CreateFailed and its
// failed snapshot. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidTaskId.NotFound, InvalidTaskId.IncorrectTaskStatus.
func (s *Session) CancelTask(req TaskRequest) error {
	if err := s.permit("CancelTask"); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	t := r.taskOf(s.caller.Account, req.TaskID)
	switch {
	case t == nil:
		return unknownTask()
	case !t.row(now).CanCancel:
		return wrongState(403, "InvalidTaskId.IncorrectTaskStatus", "The specified task status is not invalid.")
	}
	t.cancelled = now.Truncate(time.Second)
	s.leave(r, "CancelTask", map[string]any{"RegionId": string(r.id), "TaskId": t.id}, nil, map[string][]string{TrailImage: {string(t.image)}})
	if t.action == TaskExport {
		c.store.call(t.id)
		return nil
	}
	c.abandon(r, t.image, now)
	return nil
}

// abandon ends the making of an image that was cancelled.
func (c *Cloud) abandon(r *region, id image.ID, now time.Time) {
	e, state := r.images.live(string(id))
	if state == nil {
		return
	}
	if !c.readings().CancelLeavesImage {
		c.dropImage(r, e, state, now)
		for _, d := range state.img.Disks {
			c.dropSnapshot(r, d.SnapshotID, now)
		}
		return
	}
	next := *state
	w := *state.work
	w.end, w.fails = now, true
	next.work = &w
	r.images.put(e, &next, now, now)
	for _, d := range state.img.Disks {
		if e, snap := r.snapshots.live(string(d.SnapshotID)); snap != nil {
			failed := *snap
			failed.work = &w
			r.snapshots.put(e, &failed, now, now)
		}
	}
}
