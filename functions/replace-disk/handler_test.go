package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
)

// TestPlanOfManyPlaces: every instance of three regions and two accounts has a verdict,
// and nothing is changed for it.
func TestPlanOfManyPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "cn-hangzhou", "cn-shanghai", "ap-southeast-1")
		all := map[string]bool{}
		for n, at := range s.places() {
			for _, id := range s.fleet(at, 83+n/4) { // 500
				all[string(id)] = true
			}
		}
		s.looks = true
		began := time.Now()
		wish := object{"select": object{"tag": object{"env": "prod"}}, "to": object{"family": "web", "unreleased": true}, "strategy": object{"maxUnavailable": 50}}
		verdicts, waves := map[string]int{}, map[int]int{}
		for page := with(wish, "limit", 150); ; {
			a := s.do(http.MethodPost, "/rollouts", page)
			if a.Plan == nil || !a.Plan.Applicable || a.Totals.Selected != len(all) || len(a.Unknown) > 0 {
				t.Fatalf("%d %+v", a.status, a)
			}
			for _, one := range a.Plan.Steps {
				verdicts[one.InstanceID]++
				waves[one.Wave]++
				at := rollout.Place{Account: one.AccountID, Region: one.RegionID}
				if one.Action != "replace" || one.To != s.golden[at] || len(one.Reasons) == 0 {
					t.Fatalf("%+v", one)
				}
			}
			if a.NextCursor == "" {
				break
			}
			page = with(page, "cursor", a.NextCursor)
		}
		if want := map[int]int{0: 1, 1: 100, 2: 100, 3: 100, 4: 100, 5: 99}; !maps.Equal(waves, want) { // one canary over all places
			t.Errorf("waves of %v", waves)
		}
		for id := range all {
			if verdicts[id] != 1 {
				t.Errorf("%s has %d verdicts", id, verdicts[id])
			}
		}
		if len(all) != 500 || len(verdicts) != 500 || time.Since(began) > 30*time.Second {
			t.Errorf("%d of %d instances in %s", len(verdicts), len(all), time.Since(began))
		}
	})
}

// TestWhoMayWhat: every role at every operation.
func TestWhoMayWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 1)
		begun := s.applied("/rollouts", s.wish(ids...))
		reason, apply := object{"reason": "a test"}, object{"apply": object{"digest": begun.ID + "00000000000000000000000000000000000000000000"}}
		path := "/rollouts/" + begun.ID
		viewer, applier, fleet := []function.Role{function.Viewer, function.Operator, function.Fleet, function.Reaper}, []function.Role{function.Operator, function.Fleet, function.Reaper}, []function.Role{function.Fleet}
		for _, c := range []struct {
			method, target string
			body           object
			may            []function.Role
		}{
			{"POST", "/rollouts", s.wish(ids...), viewer},
			{"POST", "/rollouts", with(s.wish(ids...), "apply", apply["apply"]), fleet},
			{"POST", path + "/undo", object{}, viewer},
			{"POST", path + "/undo", apply, fleet},
			{"POST", path + "/retry", object{}, viewer},
			{"POST", path + "/retry", apply, fleet},
			{"GET", "/rollouts", nil, viewer},
			{"GET", path, nil, viewer},
			{"PUT", "/rollouts/stop", reason, applier},
			{"DELETE", "/rollouts/stop", nil, fleet},
			{"POST", path + "/pause", reason, applier},
			{"POST", path + "/resume", reason, fleet},
			{"POST", path + "/abort", reason, fleet},
		} {
			for _, role := range viewer {
				var body any
				if c.body != nil {
					body = c.body
				}
				a := s.as(s.token("ann", role), c.method, c.target, body)
				if may := slices.Contains(c.may, role); may == (a.status == http.StatusForbidden) || a.status == http.StatusUnauthorized || a.status >= 500 {
					t.Errorf("%s %s %v by %s: %d %s", c.method, c.target, c.body, role, a.status, a.Code)
				}
			}
			if a := s.as("", c.method, c.target, nil); a.status != http.StatusUnauthorized {
				t.Errorf("%s %s by nobody: %d", c.method, c.target, a.status)
			}
		}
	})
}

// TestCost: what a plan costs is told or said to be unknown, and refused where it is
// too much or not known.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 3)
		plan := s.plan("/rollouts", s.wish(ids...))
		cost := plan.Totals.Cost
		if cost == nil || cost.Backups.GiB != 120 || cost.Backups.Upper == nil || cost.Backups.Upper.Sign() <= 0 || cost.Backups.Lower.Sign() != 0 || plan.Totals.QuotaMinutes < 1 {
			t.Fatalf("%+v", plan.Totals)
		}
		known := cost.Licence.Increase != nil
		if known == (len(cost.Licence.Unknown) > 0) {
			t.Errorf("%+v", cost.Licence)
		}
		limited := s.do(http.MethodPost, "/rollouts", with(s.wish(ids...), "maxLicenceIncreasePerHour", "0.25"))
		refused := slices.ContainsFunc(limited.Findings, func(f image.Finding) bool {
			return f.Level == image.Fatal && f.Code == "licenceUnknown" && f.Remedy != ""
		})
		if refused == known || limited.Plan.Applicable == refused {
			t.Errorf("known %v: %+v", known, limited.Findings)
		}
	})
}

// TestUndoOfAPart brings back one of two, then refuses what was brought back, and
// takes the old image of the other.
func TestUndoOfAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 2)
		view := s.cloud.View(own)
		disk := func(id image.InstanceID) image.DiskID {
			found, err := view.DiskSetups(t.Context(), s.home().Region, image.DiskListing{Instance: id, System: image.Yes})
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			return found[0].ID
		}
		first := map[image.InstanceID]image.DiskID{ids[0]: disk(ids[0]), ids[1]: disk(ids[1])}
		id := s.applied("/rollouts", with(s.wish(ids...), "strategy", object{"maxUnavailable": 2})).ID
		s.end(id)
		part := object{"select": object{"id": []image.InstanceID{ids[0]}}}
		if a := s.end(s.applied("/rollouts/"+id+"/undo", part).ID); a.State != "finished" || len(a.Items) != 1 {
			t.Fatalf("%+v", a)
		}
		written := s.cloud.WrittenOn(s.home().Region, disk(ids[0]))
		if !slices.Contains(written, first[ids[0]]) || slices.Contains(s.cloud.WrittenOn(s.home().Region, disk(ids[1])), first[ids[1]]) {
			t.Errorf("the wrong content is back: %v", written)
		}
		for _, op := range []string{"undo", "retry"} {
			for field, body := range map[string]object{"select.id": {"select": object{}}, "strategy": {"strategy": object{}}} {
				if a := s.do(http.MethodPost, "/rollouts/"+id+"/"+op, body); a.status != http.StatusBadRequest || a.Field != field {
					t.Errorf("%s of %s that is empty: %d %q %s", op, field, a.status, a.Field, a.Code)
				}
			}
		}
		rest := s.do(http.MethodPost, "/rollouts/"+id+"/undo", object{"to": "previousImage"})
		if rest.Totals.Replace != 1 || rest.Totals.Refuse != 1 {
			t.Errorf("%+v", rest.Plan)
		}
		if a := s.end(s.applied("/rollouts/"+id+"/undo", object{"to": "previousImage", "select": object{"id": []image.InstanceID{ids[1]}}}).ID); a.State != "finished" {
			t.Errorf("%+v", a)
		}
		before, err := view.Before(t.Context(), s.home().Region, ids[1:])
		if err != nil || before[0].Image != s.old[s.home()] || slices.Contains(s.cloud.WrittenOn(s.home().Region, disk(ids[1])), first[ids[1]]) {
			t.Errorf("%+v, %v", before, err)
		}
	})
}

// TestBackupsExpire: the timer deletes a backup once its time is over, counted from
// the end of the rollout, and not before.
func TestBackupsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 1)
		id := s.applied("/rollouts", with(s.wish(ids...), "backup", object{"keep": "2d"})).ID
		if a := s.end(id); a.State != "finished" {
			t.Fatalf("%+v", a)
		}
		backups := func() []image.Snapshot {
			found, err := s.cloud.View(own).Snapshots(t.Context(), s.home().Region, image.SnapshotListing{})
			if err != nil {
				t.Fatal(err)
			}
			return slices.DeleteFunc(found, func(n image.Snapshot) bool { return n.Tags[rollout.TagBackup] != id })
		}
		if n := len(backups()); n != 1 {
			t.Fatalf("%d snapshots", n)
		}
		expire := func() expiryReport {
			var r expiryReport
			event, err := json.Marshal(object{"triggerTime": time.Now().UTC().Format(time.RFC3339), "triggerName": "expiry", "payload": ""})
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(s.function().Invoke(t.Context(), function.Call{Region: "cn-hangzhou", Deadline: time.Now().Add(time.Minute)}, event), &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		time.Sleep(46 * time.Hour)
		if r := expire(); len(r.Deleted) > 0 || r.Backups != 1 || len(backups()) != 1 {
			t.Errorf("%+v", r)
		}
		time.Sleep(3 * time.Hour)
		if r := expire(); len(r.Deleted) != 1 || len(backups()) != 0 {
			t.Errorf("%+v", r)
		}
		if a := s.do(http.MethodPost, "/rollouts/"+id+"/undo", object{}); a.Totals.Refuse != 1 || a.Plan.Steps[0].Reasons[0].Code != "backupMissing" {
			t.Errorf("%+v", a.Plan)
		}
	})
}

// TestSelectorsGoTogether: an instance has to be all that a selection asks for. One that
// is named and is not the rest is not selected, wherever it is; only one that
// nobody shows gets a verdict of its own.
func TestSelectorsGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 2)
		for name, c := range map[string]struct {
			more object
			want int
		}{
			"as it is":           {object{"tag": object{"env": "prod"}}, 2},
			"one family":         {object{"family": "web"}, 2},
			"a glob":             {object{"family": "w*"}, 2},
			"some families":      {object{"family": []string{"db", "web"}}, 2},
			"another one":        {object{"family": "db"}, 0},
			"excluded family":    {object{"exclude": object{"family": "web"}}, 0},
			"another tag":        {object{"tag": object{"env": "stage"}}, 0},
			"another image":      {object{"image": []image.ID{s.golden[s.home()]}}, 0},
			"another family":     {object{"family": []string{"db-*"}}, 0},
			"far behind":         {object{"behind": 99}, 0},
			"another type":       {object{"instanceType": []string{"ecs.c9i.large"}}, 0},
			"another system":     {object{"osName": "no such system"}, 0},
			"never out of date":  {object{"endOfLifeBefore": "1999-01-01T00:00:00Z"}, 0},
			"all that is chosen": {object{"exclude": object{"id": ids[:1]}}, 1},
		} {
			chosen := object{"id": ids}
			for word, value := range c.more {
				chosen[word] = value
			}
			a := s.do(http.MethodPost, "/rollouts", with(s.wish(), "select", chosen))
			if a.status != http.StatusOK || a.Plan == nil || len(a.Plan.Steps) != c.want {
				t.Errorf("%s: %d %+v", name, a.status, a.Plan)
			}
		}
		if a := s.do(http.MethodPost, "/rollouts", with(s.wish(), "select", object{"id": []string{"i-none"}, "tag": object{"env": "prod"}})); a.Plan == nil || len(a.Plan.Steps) != 1 || a.Totals.Refuse != 1 {
			t.Errorf("one that nobody shows: %+v", a.Plan)
		}
	})
}

// TestNothingSelectedSaysWhatMayHaveBeenMeant: and what of a selection excludes
// nothing is told, whatever it selects.
func TestNothingSelectedSaysWhatMayHaveBeenMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 2)
		s.fleet(s.home(), 1)
		for name, c := range map[string]struct {
			chosen object
			want   string
		}{
			"a family one letter off":  {object{"family": "wep"}, "nothingSelected familyNotSeen"},
			"an image that is nowhere": {object{"image": []string{"m-none"}}, "nothingSelected imageNotSeen"},
			"a tag that none has":      {object{"tag": object{"env": "stage"}}, "nothingSelected passedOver tagNotSeen"},
			"no descendant":            {object{"descendantsOf": "m-none"}, "nothingSelected passedOver"},
			"all are excluded":         {object{"id": ids, "exclude": object{"tag": object{"env": ""}}}, "nothingSelected allExcluded"},
			"one that is not there":    {object{"id": []string{"i-none"}}, "instanceNotSeen"},
			"nothing is excluded": {
				object{"id": ids, "exclude": object{"id": []string{"i-none"}, "image": []string{"m-none"}, "family": "db", "tag": object{"env": "stage"}}},
				"excludesNothing excludesNothing excludesNothing excludesNothing",
			},
			"one word excludes nothing": {object{"all": true, "exclude": object{"id": []string{string(ids[0]), "i-none"}}}, "excludesNothing"},
			"all words exclude":         {object{"all": true, "exclude": object{"id": ids[:1], "tag": object{"env": "prod"}}}, "nothingSelected allExcluded"},
		} {
			a := s.do(http.MethodPost, "/rollouts", with(s.wish(), "select", c.chosen))
			var got []string
			for _, f := range a.Findings {
				if f.Level != image.Fatal || f.Code == "nothingSelected" || f.Code == "instanceNotSeen" {
					got = append(got, f.Code)
				}
			}
			slices.Sort(got)
			want := strings.Fields(c.want)
			slices.Sort(want)
			if a.status != http.StatusOK || !slices.Equal(got, want) {
				t.Errorf("%s: %d %+v, want %s", name, a.status, a.Findings, c.want)
			}
		}
	})
}

// TestUnknownInstance: one that nobody shows is told with every place that was looked
// at, and as being in none of them.
func TestUnknownInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "cn-hangzhou", "cn-shanghai")
		wish := with(s.wish(), "select", object{"id": []string{"i-none"}})
		a := s.do(http.MethodPost, "/rollouts", wish)
		if a.Plan == nil || len(a.Plan.Steps) != 1 || a.Totals.Refuse != 1 {
			t.Fatalf("%d %+v", a.status, a.Plan)
		}
		one := a.Plan.Steps[0]
		if one.InstanceID != "i-none" || one.RegionID != "" || one.AccountID != "" || one.Reasons[0].Code != "instanceNotSeen" {
			t.Errorf("%+v", one)
		}
		for _, at := range s.places() {
			if said := one.Reasons[0].Sentence; !strings.Contains(said, string(at.Region)) || !strings.Contains(said, string(at.Account)) {
				t.Errorf("%v is not in %q", at, said)
			}
		}
		wish = with(s.wish(), "select", object{"id": []string{"i-none"}, "region": []string{"cn-shanghai"}, "account": []string{string(other)}})
		if one := s.do(http.MethodPost, "/rollouts", wish).Plan.Steps[0]; one.RegionID != "cn-shanghai" || one.AccountID != other {
			t.Errorf("%+v", one)
		}
	})
}

// TestProductRemoved: an image with a product that nobody sells any more is refused
// before anything is touched, and taken while somebody does.
func TestProductRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		at := s.home()
		s.golden[at] = s.cloud.AddImage(own, at.Region, cloudsim.ImageSpec{Image: image.Image{Name: "bought", SizeGiB: 40, OSType: image.Linux, ProductCode: "cmjj00027311", Subscribed: true}})
		wish := s.wish(s.fleet(at, 2)...)
		a := s.do(http.MethodPost, "/rollouts", wish)
		if a.Plan == nil || a.Plan.Applicable || a.Totals.Refuse != 2 || a.Plan.Steps[0].Reasons[0].Code != "productRemoved" {
			t.Errorf("%+v", a.Plan)
		}
		s.cloud.AddImage(own, at.Region, cloudsim.ImageSpec{Image: image.Image{Name: "sold", Kind: image.KindMarketplace, ProductCode: "cmjj00027311", SizeGiB: 40, OSType: image.Linux}})
		time.Sleep(time.Hour)
		if a := s.end(s.applied("/rollouts", wish).ID); a.State != "finished" {
			t.Errorf("%+v", a)
		}
	})
}

// TestImagesOfBackups: an image that was made of a backup is deleted once no instance uses
// it and no rollout is to give it to one; its backup stays until its own time is over.
func TestImagesOfBackups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ids := s.fleet(s.home(), 1)
		runs := func() image.ID {
			found, err := s.cloud.View(own).Before(t.Context(), s.home().Region, ids)
			if err != nil {
				t.Fatal(err)
			}
			return found[0].Image
		}
		there := func(id image.ID) bool {
			found, err := s.cloud.View(own).Images(t.Context(), s.home().Region, image.Listing{IDs: []image.ID{id}, Statuses: image.Statuses()})
			if err != nil {
				t.Fatal(err)
			}
			return len(found) == 1
		}
		expire := func() {
			event, err := json.Marshal(object{"triggerTime": time.Now().UTC().Format(time.RFC3339), "triggerName": "expiry", "payload": ""})
			if err != nil {
				t.Fatal(err)
			}
			s.function().Invoke(t.Context(), function.Call{Region: "cn-hangzhou", Deadline: time.Now().Add(time.Minute)}, event)
			time.Sleep(time.Minute)
		}
		first := s.end(s.applied("/rollouts", s.wish(ids...)).ID)
		s.end(s.applied("/rollouts/"+first.ID+"/undo", object{}).ID)
		made := runs()
		if expire(); !there(made) {
			t.Fatal("the image is gone that the instance runs")
		}
		again := s.end(s.applied("/rollouts", with(s.wish(ids...), "strategy", object{"maxDown": "31m"})).ID)
		back := object{"to": "previousImage", "strategy": object{"windows": []any{object{"days": []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, "from": "12:00", "to": "14:00", "timeZone": "UTC"}}}}
		waiting := s.applied("/rollouts/"+again.ID+"/undo", back)
		if expire(); !there(made) {
			t.Fatal("the image is gone that the instance is to get")
		}
		s.do(http.MethodPost, "/rollouts/"+waiting.ID+"/abort", object{"reason": "a test"})
		s.until(waiting.ID, "aborted")
		if expire(); there(made) {
			t.Error("the image is there, and nobody needs it")
		}
		if a := s.do(http.MethodPost, "/rollouts/"+again.ID+"/undo", object{}); a.Plan == nil || !a.Plan.Applicable {
			t.Errorf("the content cannot come back: %+v", a.Plan)
		}
	})
}
