package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/scripts/policies/least"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// The images of a yard.
const (
	yardOld image.ID = "m-yard1"
	yardNew image.ID = "m-yard2"
)

// yard is replace-disk in front of one instance with settings that a new disk does not
// have, of an image that a launch template names, too.
type yard struct {
	*stack
	sim  *cloudsim.Cloud
	id   image.InstanceID
	disk image.DiskSetup
}

// newYard starts it. The function's key may do no more than is allowed.
func newYard(t *testing.T, allow []string) *yard {
	t.Helper()
	const soon = time.Millisecond
	y := &yard{sim: cloudsim.New(cloudsim.Options{SnapshotTime: soon, PowerTime: soon, CreateTime: soon, CopyTime: soon})}
	w := pricedRegion{y.sim, hangzhou}
	w.origins()
	for _, id := range []image.ID{yardOld, yardNew} {
		w.lend(cloudsim.FirstAccount, id, "ubuntu")
	}
	y.id = y.sim.AddInstance(cloudsim.FirstAccount, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Name: "web", Image: yardOld, Type: "ecs.g7.large"}})
	y.sim.AddLaunchTemplate(cloudsim.FirstAccount, hangzhou, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{{Image: yardOld}}})
	y.sim.AddKeyPair(cloudsim.FirstAccount, hangzhou, "ops")
	policy := y.sim.AddSnapshotPolicy(cloudsim.FirstAccount, hangzhou, cloudsim.SnapshotPolicyRow{})
	v, ctx, disk := y.sim.View(cloudsim.FirstAccount), t.Context(), y.system(t).ID
	owner := y.sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	err := errors.Join(
		owner.PutBucket(safe, hangzhou),
		v.AttachKeyPair(ctx, hangzhou, "ops", []image.InstanceID{y.id}),
		v.ModifyDisk(ctx, hangzhou, disk, image.DiskAttributes{Name: "system", Description: "of web", DeleteWithInstance: image.No, DeleteAutoSnapshot: image.Yes}),
		v.Tag(ctx, hangzhou, "disk", []string{string(disk)}, image.Tags{"team": "web"}),
		v.ApplySnapshotPolicy(ctx, hangzhou, policy, []image.DiskID{disk}),
		y.sim.AllowOnly("local", allow),
	)
	if err != nil {
		t.Fatal(err)
	}
	y.disk = y.system(t)
	objects := httptest.NewServer(ossapi.New(y.sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	y.stack = start(t, options{sim: y.sim, rate: -1, only: []string{"replace-disk"}, environment: map[string]string{
		"REGIONS": string(hangzhou), "ECS_RATE_SHARE": "1000", "JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL,
	}})
	return y
}

// system is the system disk that the instance has.
func (y *yard) system(t *testing.T) image.DiskSetup {
	t.Helper()
	found, err := y.sim.View(cloudsim.FirstAccount).DiskSetups(t.Context(), hangzhou, image.DiskListing{Instance: y.id, System: image.Yes})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

// rolled is what is read of a rollout.
type rolled struct {
	ID, State string
	Plan      struct {
		Digest     string
		Applicable bool
	}
	Items []struct {
		InstanceID, LaunchTemplateID, Result string
		Reason                               *struct{ Code, Sentence string }
	}
	Unknown []any
}

// through plans a rollout or an undo, applies it, and waits for its end.
func (y *yard) through(t *testing.T, target, wish string) (r rolled) {
	t.Helper()
	read := func(role function.Role, method, target, body string, want int) (r rolled) {
		status, text := y.ask(role, method, target, []byte(body))
		if err := json.Unmarshal(text, &r); err != nil || status != want {
			t.Fatalf("%s %s: %d %s", target, body, status, text)
		}
		return r
	}
	plan := read(function.Viewer, http.MethodPost, target, "{"+wish+"}", http.StatusOK)
	if !plan.Plan.Applicable || len(plan.Unknown) > 0 {
		t.Fatalf("%s: %+v", target, plan)
	}
	comma := ","
	if wish == "" {
		comma = ""
	}
	begun := read(function.Fleet, http.MethodPost, target, "{"+wish+comma+`"apply":{"digest":"`+plan.Plan.Digest+`"}}`, http.StatusAccepted)
	for until := time.Now().Add(20 * time.Minute); time.Now().Before(until); time.Sleep(time.Second) {
		y.fire(t, "replace-disk/worker")
		r = read(function.Viewer, http.MethodGet, "/rollouts/"+begun.ID, "", http.StatusOK)
		if slices.Contains([]string{"finished", "partly", "failed", "aborted", "halted"}, r.State) {
			return r
		}
	}
	t.Fatalf("%s is still %s: %+v", begun.ID, r.State, r.Items)
	return r
}

// TestRolloutWithLeastPermission: over the wire, with no more than the least policy, a
// rollout goes all the way, with what follows, and its undo, too; where one action is
// taken out, the instance is as it was, and what is missing is named.
func TestRolloutWithLeastPermission(t *testing.T) {
	own, err := least.Read(root, "replace-disk", least.PolicyFile)
	if err != nil {
		t.Fatal(err)
	}
	allow := allowed(own, safe)
	wish := `"select":{"image":["` + string(yardOld) + `"],"account":["` + string(cloudsim.FirstAccount) + `"]},"to":{"image":"` + string(yardNew) + `"},"health":[{"status":{}}],"follow":{"launchTemplates":true}`
	t.Run("all of it", func(t *testing.T) {
		t.Parallel()
		y := newYard(t, allow)
		first := y.disk.ID
		done := y.through(t, "/rollouts", wish)
		if done.State != "finished" || len(done.Items) != 2 || y.system(t).Image != yardNew {
			t.Fatalf("%+v", done)
		}
		is, was := y.system(t), y.disk
		if is.ID == first {
			t.Error("it still has its disk")
		}
		is.ID, is.Image, is.CreatedAt, is.SourceSnapshot, was.ID, was.Image, was.CreatedAt, was.SourceSnapshot = "", "", time.Time{}, "", "", "", time.Time{}, ""
		if text := func(d image.DiskSetup) string { b, _ := json.Marshal(d); return string(b) }; text(is) != text(was) {
			t.Errorf("the disk was\n%s, and is\n%s", text(was), text(is))
		}
		back := y.through(t, "/rollouts/"+done.ID+"/undo", "")
		if back.State != "finished" || len(back.Items) != 2 || !slices.Contains(y.sim.WrittenOn(hangzhou, y.system(t).ID), first) {
			t.Errorf("%+v", back)
		}
	})
	for _, action := range some(t, []string{"ecs:ReplaceSystemDisk", "ecs:CreateSnapshot"}, 2) {
		t.Run("without "+action, func(t *testing.T) {
			t.Parallel()
			y := newYard(t, without(allow, action))
			got := y.through(t, "/rollouts", wish)
			reason := got.Items[0].Reason
			if got.State == "finished" || y.system(t).ID != y.disk.ID || reason == nil || !strings.Contains(reason.Sentence+reason.Code, strings.TrimPrefix(action, "ecs:")) {
				t.Errorf("%s: %+v, %+v", got.State, got.Items[0], reason)
			}
		})
	}
}
