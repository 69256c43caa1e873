package lineage_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

// noon is when the images of these tests are made.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// event is a call of somebody's; like are its parameters, "made" what it answered.
func event(name string, after time.Duration, parameters map[string]string, made map[string][]string) image.Event {
	return image.Event{
		Account: owner, Region: hangzhou, ID: name + after.String() + parameters["InstanceId"], Name: name, Service: "Ecs", At: noon().Add(after), Who: "packer",
		Parameters: parameters, Made: made,
	}
}

func ran(id, from string, after time.Duration) image.Event {
	return event("RunInstances", after, map[string]string{"ImageId": from}, map[string][]string{"InstanceIdSet": {id}})
}

func replaced(id, by string, after time.Duration) image.Event {
	return event("ReplaceSystemDisk", after, map[string]string{"InstanceId": id, "ImageId": by}, map[string][]string{"DiskId": {"d-" + id}})
}

func created(id, of string, after time.Duration) image.Event {
	return event("CreateImage", after, map[string]string{"InstanceId": of}, map[string][]string{"ImageId": {id}})
}

// TestByTrail: the call that made an image, and what its instance ran then, tell of
// which image it comes; what was refused, or done later, or does not name it, does
// not.
func TestByTrail(t *testing.T) {
	t.Parallel()
	lost := with(custom("m-1", "s-1", nil), func(i *image.Image) { i.CreatedAt = noon() })
	refused := ran("i-1", "m-9", -time.Minute)
	refused.Failed = "OperationDenied"
	template := event("RunInstances", -time.Hour, map[string]string{"LaunchTemplateId": "lt-1"}, map[string][]string{"InstanceIdSet": {"i-1"}})
	resolved, many := template, template
	resolved.Resources = map[string][]string{"ACS::ECS::Image": {"m-0"}}
	many.Resources = map[string][]string{"ACS::ECS::Image": {"m-0", "m-9"}}
	for name, c := range map[string]struct {
		events []image.Event
		parent string
	}{
		"run and made":                {[]image.Event{ran("i-1", "m-0", -time.Hour), created("m-1", "i-1", 0)}, "m-0"},
		"the latest disk counts":      {[]image.Event{ran("i-1", "m-9", -2*time.Hour), replaced("i-1", "m-0", -time.Hour), created("m-1", "i-1", 0)}, "m-0"},
		"a later disk does not":       {[]image.Event{ran("i-1", "m-0", -time.Hour), created("m-1", "i-1", 0), replaced("i-1", "m-9", time.Minute)}, "m-0"},
		"what was refused does not":   {[]image.Event{ran("i-1", "m-0", -time.Hour), refused, created("m-1", "i-1", 0)}, "m-0"},
		"by a template, resolved":     {[]image.Event{resolved, created("m-1", "i-1", 0)}, "m-0"},
		"by a template, not resolved": {[]image.Event{template, created("m-1", "i-1", 0)}, ""},
		"about several images":        {[]image.Event{many, created("m-1", "i-1", 0)}, ""},
		"of another instance":         {[]image.Event{ran("i-2", "m-0", -time.Hour), created("m-1", "i-1", 0)}, ""},
		"of a snapshot":               {[]image.Event{ran("i-1", "m-0", -time.Hour), event("CreateImage", 0, map[string]string{"SnapshotId": "s-1"}, map[string][]string{"ImageId": {"m-1"}})}, ""},
		"not made by any call":        {[]image.Event{ran("i-1", "m-0", -time.Hour)}, ""},
		"made of itself":              {[]image.Event{ran("i-1", "m-1", -time.Hour), created("m-1", "i-1", 0)}, ""},
		"copied": {[]image.Event{event("CopyImage", 0, map[string]string{"RegionId": "cn-hangzhou", "ImageId": "m-0", "DestinationRegionId": "cn-hangzhou"},
			map[string][]string{"ImageId": {"m-1"}})}, "m-0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := lineage.World{
				Images: []image.Image{lost, custom("m-0", "", nil)}, Snapshots: []image.Snapshot{snapshot("s-1", "d-1")}, Accounts: []image.AccountID{owner},
				Events: c.events, Remembers: noon().AddDate(0, 0, -90),
			}
			for range 2 {
				story := lineage.New(w).Ancestry(key("m-1"))
				switch {
				case c.parent == "" && (len(story.Parents) > 0 || story.Source.Why.Code != "diskReleased" || !strings.Contains(story.Source.Why.Sentence, "remembers no call")):
					t.Errorf("%+v", story)
				case c.parent != "" && (len(story.Parents) != 1 || story.Parents[0].Parent != key(c.parent) ||
					story.Parents[0].Evidence != lineage.ByTrail || story.Parents[0].Certainty != lineage.Inferred):
					t.Errorf("%+v", story.Parents)
				}
				slices.Reverse(w.Events)
			}
		})
	}
}

// TestTheTrailIsTheLastResort: what is recorded or observed goes before it.
func TestTheTrailIsTheLastResort(t *testing.T) {
	t.Parallel()
	events := []image.Event{ran("i-1", "m-9", -time.Hour), created("m-1", "i-1", 0)}
	for evidence, w := range map[lineage.Evidence]lineage.World{
		lineage.ByTag: {Images: []image.Image{custom("m-1", "s-1", tagged("m-0"))}},
		lineage.ByDisk: {
			Images: []image.Image{custom("m-1", "s-1", nil)}, Snapshots: []image.Snapshot{snapshot("s-1", "d-1")},
			Disks: []image.Disk{{Account: owner, Region: hangzhou, ID: "d-1", Image: "m-0"}},
		},
	} {
		w.Events = events
		if story := lineage.New(w).Ancestry(key("m-1")); len(story.Parents) != 1 || story.Parents[0].Evidence != evidence || story.Parents[0].Parent != key("m-0") {
			t.Errorf("%s: %+v", evidence, story.Parents)
		}
	}
}

// yard is one region with images whose disks are gone, and what was done there.
type yard struct {
	lineage.Reader
	images []image.Image
	events []image.Event
	mu     sync.Mutex
	asked  []image.EventListing
	fails  error
}

func (y *yard) Images(context.Context, image.Listing) ([]image.Image, error) { return y.images, nil }

func (y *yard) Snapshots(_ context.Context, which image.SnapshotListing) (found []image.Snapshot, _ error) {
	for _, id := range which.IDs {
		found = append(found, snapshot(string(id), "d-gone"))
	}
	return found, nil
}

func (y *yard) Disks(context.Context, image.DiskListing) ([]image.Disk, error) { return nil, nil }

func (y *yard) Remembers() time.Time { return noon().AddDate(0, 0, -90) }

func (y *yard) Events(_ context.Context, which image.EventListing) (found []image.Event, all bool, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.asked = append(y.asked, which); y.fails != nil {
		return nil, false, y.fails
	}
	for _, e := range y.events {
		about := e.Parameters["InstanceId"] == which.Resource || slices.Contains(e.Made["ImageId"], which.Resource) || slices.Contains(e.Made["InstanceIdSet"], which.Resource)
		if (which.Name == "" || which.Name == e.Name) && (which.Resource == "" || about) && !e.At.Before(which.From) && !e.At.After(which.To) {
			found = append(found, e)
		}
	}
	return found, true, nil
}

// made are n images, each made of an instance of the one before, the first of m-00.
func made(n int) *yard {
	y := &yard{images: []image.Image{with(custom("m-00", "", nil), func(i *image.Image) { i.Kind = image.KindPublic })}}
	name := func(n int) string { return string(rune('0'+n/10)) + string(rune('0'+n%10)) }
	for k := range n {
		after := time.Duration(k) * time.Hour
		y.images = append(y.images, with(custom("m-"+name(k+1), "s-"+name(k+1), nil), func(i *image.Image) { i.CreatedAt = noon().Add(after) }))
		y.events = append(y.events, ran("i-"+name(k), "m-"+name(k), after-10*time.Minute), created("m-"+name(k+1), "i-"+name(k), after))
	}
	return y
}

func (y *yard) places() []lineage.Place {
	return []lineage.Place{{Account: owner, Region: hangzhou, Reader: y, Trail: y}}
}

// TestHowManyEventsAreAskedFor: a few images are asked for by their names, many by
// three lists, whichever way they are looked at; each but once.
func TestHowManyEventsAreAskedFor(t *testing.T) {
	t.Parallel()
	for n, most := range map[int]int{1: 2, 3: 6, 12: 3} {
		y := made(n)
		last := lineage.KeyOf(y.images[n].Ref)
		worlds := map[string]lineage.World{
			"observed": lineage.Observe(t.Context(), y.places()),
			"about":    lineage.About(t.Context(), y.places(), y.images[n]),
		}
		if len(y.asked) != 2*most {
			t.Errorf("%d images: %d questions twice, want %d", n, len(y.asked), most)
		}
		y.asked = nil
		worlds["traced"] = lineage.Trace(t.Context(), y.places(), []lineage.Key{last})
		if len(y.asked) != 2*n {
			t.Errorf("%d steps up: %d questions", n, len(y.asked))
		}
		for how, w := range worlds {
			if story := lineage.New(w).Story(last); story.Source.Kind != lineage.SourcePublic || len(story.Parents) != n || story.Source.Certainty != lineage.Inferred {
				t.Errorf("%d images %s: %+v", n, how, story)
			}
		}
	}
}

// TestATrailThatIsClosed: nothing fails; the reason and the cure are told. Of images
// that it has forgotten nobody is asked.
func TestATrailThatIsClosed(t *testing.T) {
	t.Parallel()
	y := made(1)
	y.fails = fault.New(fault.Forbidden, "denied").WithCode("NoPermission")
	w := lineage.Observe(t.Context(), y.places())
	end := lineage.New(w).Source(key("m-01"))
	if end.Kind != lineage.SourceUnknown || !strings.HasPrefix(end.Cure, "allow actiontrail:LookupEvents") || len(w.EventsUnread) != 1 || len(w.Unread) > 0 {
		t.Errorf("%+v, %+v", end, w.EventsUnread)
	}
	y.asked, y.images[1].CreatedAt = nil, noon().AddDate(0, -6, 0)
	w = lineage.Observe(t.Context(), y.places())
	if end := lineage.New(w).Source(key("m-01")); len(y.asked) > 0 || strings.Contains(end.Why.Sentence+end.Cure, "ctionTrail") {
		t.Errorf("asked %v: %+v", y.asked, end)
	}
}

// TestGaps: of how many images the source got lost, by what, and what cures it.
func TestGaps(t *testing.T) {
	t.Parallel()
	y := made(4)
	y.images = append(y.images, with(custom("m-old", "s-old", nil), func(i *image.Image) { i.CreatedAt = noon().AddDate(-1, 0, 0) }))
	of, gaps := lineage.New(lineage.Observe(t.Context(), y.places())).Gaps()
	if of != 5 || len(gaps) != 1 || gaps[0].Code != "diskReleased" || gaps[0].Images != 1 || gaps[0].Latest != key("m-old") || strings.Contains(gaps[0].Cure, "actiontrail") {
		t.Errorf("%d, %+v", of, gaps)
	}
	y.fails = fault.New(fault.Forbidden, "denied")
	of, gaps = lineage.New(lineage.Observe(t.Context(), y.places())).Gaps()
	if of != 5 || len(gaps) != 2 || gaps[0].Images != 4 || gaps[0].Latest != key("m-04") || !strings.HasPrefix(gaps[0].Cure, "allow actiontrail:LookupEvents") {
		t.Errorf("%d, %+v", of, gaps)
	}
}
