package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// pointing is a world in which templates and scaling groups name the old image.
type pointing struct {
	*world
	template, pinned, latest string
	configuration            string
}

func newPointing(t *testing.T, instances int, options cloudsim.Options) *pointing {
	p := &pointing{world: newWorld(t, instances, options)}
	template := func(name string, of ...image.ID) string {
		spec := cloudsim.LaunchTemplateSpec{Name: name, Default: 1}
		for _, i := range of {
			spec.Versions = append(spec.Versions, cloudsim.TemplateVersionSpec{Image: i, DataSnapshots: []image.SnapshotID{"s-data"}})
		}
		return p.cloud.AddLaunchTemplate(one, hangzhou, spec)
	}
	p.template, p.pinned, p.latest = template("web", p.old), template("pinned", p.old), template("latest", p.old, "m-other")
	template("other", "m-other", p.old)
	p.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "pinned", TemplateID: p.pinned, TemplateVersion: "1"})
	p.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "latest", TemplateID: p.latest, TemplateVersion: "Latest"})
	_, made := p.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "web", Configurations: []cloudsim.ScalingConfigurationSpec{
		{Name: "before", Image: p.old}, {Name: "web", Image: p.old, Active: true},
	}})
	p.configuration = made[1]
	return p
}

// names are the images that the default version and the configuration name.
func (p *pointing) names() (template, configuration image.ID) {
	refs := p.references()
	for _, v := range refs.Templates {
		if v.Template == p.template && v.Default {
			template = v.Image
		}
	}
	for _, c := range refs.Scaling {
		if c.ID == p.configuration {
			configuration = c.Image
		}
	}
	return template, configuration
}

func (p *pointing) follow() rollout.Wish {
	wish := p.to()
	wish.Follow = rollout.Follow{LaunchTemplates: true, ScalingConfigurations: true}
	return wish
}

// wants complains unless both name an image.
func (p *pointing) wants(what string, is image.ID) {
	p.Helper()
	if template, configuration := p.names(); template != is || configuration != is {
		p.Errorf("%s: the template names %s, the configuration %s, want %s by %v", what, template, configuration, is, p.did)
	}
}

// TestFollowed: what names the old image names the new one once instances have it,
// and the old one after an undo; what cannot is listed with what does it.
func TestFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPointing(t, 2, cloudsim.Options{})
		plan := p.plan(p.follow(), p.fleet...)
		var unfollowed []string
		for _, u := range plan.Totals.NotFollowed {
			unfollowed = append(unfollowed, u.Kind+" "+u.Code)
			if u.Patch == "" || u.Sentence == "" || strings.Contains(u.Patch, "%!") {
				t.Errorf("%+v", u)
			}
		}
		want := []string{"account accountNotSeen", "launchTemplate latestDiffers", "scalingGroup versionPinned", "terraform codeNotSeen"}
		if slices.Sort(unfollowed); !slices.Equal(unfollowed, want) || plan.Totals.Follow != 3 {
			t.Fatalf("%v and %+v", unfollowed, plan.Plan.Steps)
		}
		id := p.approve(p.follow(), p.fleet...)
		for p.count("replace") < 2 {
			p.tick()
			p.wants("before the last instance", p.old)
			time.Sleep(time.Minute)
		}
		if got := p.end(id); got.State != work.Finished {
			t.Fatal(got.State, outcomes(got), p.did)
		}
		p.wants("followed", p.golden)
		d, _ := p.undoing(id)
		undo := p.start(d)
		if got := p.end(undo); got.State != work.Finished {
			t.Fatal(got.State, outcomes(got), p.did)
		}
		p.wants("undone", p.old)
		d, _ = p.undoing(undo)
		if got := p.end(p.start(d)); got.State != work.Finished {
			t.Fatal(got.State, outcomes(got), p.did)
		}
		if p.wants("undo undone", p.golden); p.count("templateVersion") != 2 {
			t.Errorf("%v", p.did)
		}
	})
}

// TestNobodyFollows: a bad image that no instance kept is named by nothing, and what
// somebody else changed meanwhile is left alone.
func TestNobodyFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPointing(t, 2, cloudsim.Options{})
		p.cloud.SetBoot(p.golden, cloudsim.BootSilent)
		wish := p.follow()
		wish.OnUnhealthy, wish.Strategy.MaxFailures = rollout.Undo, new(5)
		got := p.end(p.approve(wish, p.fleet...))
		if p.wants("nobody has it", p.old); got.State != work.Failed || p.count("templateVersion")+p.count("repoint") > 0 {
			t.Errorf("%s: %v", got.State, outcomes(got))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := newPointing(t, 1, cloudsim.Options{})
		id := p.approve(p.follow(), p.fleet...)
		if err := p.view().RepointConfiguration(t.Context(), hangzhou, p.configuration, "m-other"); err == nil {
			t.Error("an image that is not there was taken")
		}
		other := p.image(image.Image{Name: "other"})
		if err := p.view().RepointConfiguration(t.Context(), hangzhou, p.configuration, other); err != nil {
			t.Fatal(err)
		}
		got := p.end(id)
		if _, configuration := p.names(); configuration != other || got.State != work.Partly || outcomes(got)[image.InstanceID(p.configuration)] != "failed moved" {
			t.Errorf("%s: %s, %v", got.State, configuration, outcomes(got))
		}
	})
}

// TestFollowedThroughDeath: a worker dies at each of the calls by which templates and
// configurations follow; they do, and each template has one version more.
func TestFollowedThroughDeath(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for n := 7; n <= 11; n++ {
			synctest.Test(t, func(t *testing.T) {
				p := newPointing(t, 1, cloudsim.Options{Visibility: 20 * time.Second, Seed: uint64(n)})
				died := ""
				if lost {
					p.lose = func(is int, call string) bool {
						if is == n && died == "" {
							died = call
							return p.freeze()
						}
						return false
					}
				} else {
					p.before = func(is int, call string) error {
						if is == n && died == "" {
							died = call
							p.freeze()
							return fault.New(fault.Unavailable, "frozen")
						}
						return nil
					}
				}
				got := p.end(p.approve(p.follow(), p.fleet...))
				p.wants(fmt.Sprint("death at ", died), p.golden)
				if got.State != work.Finished || p.count("templateVersion") != 2 || !strings.HasPrefix(died, "templ") && died != "repoint" && n > 7 {
					t.Errorf("%d, lost %v, at %s: %s %v by %v", n, lost, died, got.State, outcomes(got), p.did)
				}
			})
		}
	}
}

// TestFollowedAfterUndo: an image of a backup stands for the one that its content is of,
// so that what names that one follows the next rollout, too, and comes back with its
// undo; whatever the way by which the content came back.
func TestFollowedAfterUndo(t *testing.T) {
	for _, itself := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPointing(t, 2, cloudsim.Options{})
			wish := p.follow()
			if itself { // the rollout itself brings the old content of the bad canary back
				p.cloud.SetBoot(p.golden, cloudsim.BootSilent)
				wish.OnUnhealthy = rollout.Undo
			}
			id := p.approve(wish, p.fleet[:1]...)
			if got := p.end(id); itself != (got.State == work.Halted) {
				t.Fatal(got.State, outcomes(got))
			}
			if !itself {
				d, _ := p.undoing(id)
				if got := p.end(p.start(d)); got.State != work.Finished {
					t.Fatal(got.State, outcomes(got))
				}
			}
			p.wants("undone", p.old)
			made := p.instance(p.fleet[0]).Image
			if made == p.old || made == p.golden {
				t.Fatalf("it runs %s", made)
			}
			if itself {
				if _, err := p.runner().Order(t.Context(), id, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
					t.Fatal(err)
				}
				p.end(id)
			}
			third := p.image(image.Image{Name: "web-3", Family: "web"})
			wish = p.follow()
			wish.To = rollout.Target{Image: third}
			next := p.plan(wish, p.fleet[0])
			if next.Totals.Follow != 3 || slices.ContainsFunc(next.Totals.NotFollowed, func(u rollout.Unfollowed) bool { return strings.Contains(u.Patch, string(made)) }) {
				t.Fatalf("%d follow, %+v", next.Totals.Follow, next.Totals.NotFollowed)
			}
			id = p.approve(wish, p.fleet[0])
			if got := p.end(id); got.State != work.Finished {
				t.Fatal(got.State, outcomes(got))
			}
			p.wants("followed", third)
			d, _ := p.undoing(id)
			if got := p.end(p.start(d)); got.State != work.Finished {
				t.Fatal(got.State, outcomes(got))
			}
			p.wants("undone again", p.old)
		})
	}
}
