package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// modelled is what the model knows of an image.
type modelled struct {
	ref        image.Ref
	family     image.Family
	os         image.OSType
	arch       image.Architecture
	made       time.Time
	deprecated bool
	shared     bool // with the other account
}

// kind is where versions of it can boot.
func (i *modelled) kind() string { return string(i.os) + "/" + string(i.arch) }

// user is something that uses an image: what, whose, and its id.
type user struct {
	kind    usage.Kind
	account image.AccountID
	id      string
}

// chance is a cloud that changes at random through its API, beside a model that is
// told of each change and never asks the cloud.
type chance struct {
	*cloudsim.Cloud
	clock  *cloudsim.Clock
	images []*modelled
	users  map[image.Ref][]user
	runs   map[image.InstanceID]*modelled
	whose  map[image.InstanceID]image.AccountID
	did    map[string]int
	number int
}

func newChance() *chance {
	clock := cloudsim.NewClock(now())
	c := &chance{
		Cloud: cloudsim.New(cloudsim.Options{Clock: clock}), clock: clock, users: map[image.Ref][]user{},
		runs: map[image.InstanceID]*modelled{}, whose: map[image.InstanceID]image.AccountID{}, did: map[string]int{},
	}
	for _, region := range chanceRegions() {
		c.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: public}, Kind: image.KindPublic}})
	}
	return c
}

func chanceRegions() []image.RegionID { return []image.RegionID{"cn-hangzhou", "cn-shanghai"} }

func other(a image.AccountID) image.AccountID {
	if a == cloudsim.FirstAccount {
		return cloudsim.SecondAccount
	}
	return cloudsim.FirstAccount
}

func (c *chance) as(a image.AccountID) *cloudsim.Session {
	return c.As(cloudsim.Caller{Account: a, Type: "Account"})
}

// add makes an image that is a day younger than the one before.
func (c *chance) add(t *rapid.T) {
	c.number++
	i := &modelled{
		ref: image.Ref{
			Account: rapid.SampledFrom([]image.AccountID{cloudsim.FirstAccount, cloudsim.SecondAccount}).Draw(t, "owner"),
			Region:  rapid.SampledFrom(chanceRegions()).Draw(t, "region"), ID: image.ID(fmt.Sprint("m-", c.number)),
		},
		family: rapid.SampledFrom([]image.Family{"web", "web", "db", ""}).Draw(t, "family"), os: image.Linux, made: day(1).AddDate(0, 0, c.number),
		arch: rapid.SampledFrom([]image.Architecture{image.X86_64, image.X86_64, image.ARM64}).Draw(t, "arch"),
	}
	if i.arch == image.X86_64 && rapid.IntRange(0, 3).Draw(t, "windows") == 0 {
		i.os = image.Windows
	}
	boot := image.BIOS
	if i.arch == image.ARM64 {
		boot = image.UEFI
	}
	c.AddImage(i.ref.Account, i.ref.Region, cloudsim.ImageSpec{Image: image.Image{
		Ref: image.Ref{ID: i.ref.ID}, Name: string(i.ref.ID), Kind: image.KindCustom, Family: i.family, OSType: i.os, Architecture: i.arch, BootMode: boot,
		CreatedAt: i.made, Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + i.ref.ID[2:]), Encrypted: image.No}},
	}})
	c.images = append(c.images, i)
}

// share shares an image with the other account, or withdraws that.
func (c *chance) share(t *rapid.T, i *modelled) {
	req := cloudsim.ModifyImageSharePermissionRequest{RegionID: i.ref.Region, ImageID: i.ref.ID}
	if i.shared {
		req.RemoveAccounts = []image.AccountID{other(i.ref.Account)}
	} else {
		req.AddAccounts = []image.AccountID{other(i.ref.Account)}
	}
	err := c.as(i.ref.Account).ModifyImageSharePermission(req)
	if i.deprecated {
		if err == nil {
			t.Fatal("a deprecated image was shared")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	i.shared = !i.shared
}

// deprecate takes an image out of use, unless it is shared.
func (c *chance) deprecate(t *rapid.T, i *modelled) {
	if i.shared || i.deprecated {
		return
	}
	err := c.as(i.ref.Account).ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{RegionID: i.ref.Region, ImageID: i.ref.ID, Status: image.StatusDeprecated})
	if err != nil {
		t.Fatal(err)
	}
	i.deprecated = true
}

// use makes something that uses an image, by somebody who may: it returns what.
func (c *chance) use(i *modelled, a image.AccountID, kind usage.Kind) (id string, err error) {
	s, region := c.as(a), i.ref.Region
	types := map[image.Architecture]image.InstanceTypeID{image.X86_64: "ecs.g7.large", image.ARM64: "ecs.g8y.large"}
	c.number++
	name := fmt.Sprint("user-", c.number)
	switch kind {
	case usage.ByInstance:
		ids, err := s.RunInstances(cloudsim.RunInstancesRequest{RegionID: region, ImageID: i.ref.ID, InstanceType: types[i.arch], InstanceName: name})
		if err != nil {
			return "", err
		}
		c.runs[ids[0]], c.whose[ids[0]] = i, a
		return string(ids[0]), nil
	case usage.ByTemplate:
		id, err := s.CreateLaunchTemplate(cloudsim.CreateLaunchTemplateRequest{RegionID: region, Name: name, Data: cloudsim.TemplateData{Image: i.ref.ID, InstanceType: types[i.arch]}})
		return id + "/1", err // its first version
	case usage.ByScaling:
		group, err := s.CreateScalingGroup(cloudsim.CreateScalingGroupRequest{RegionID: region, Name: name, Most: 3})
		if err != nil {
			return "", err
		}
		return s.CreateScalingConfiguration(cloudsim.ScalingConfigurationRequest{Group: group, Image: i.ref.ID, InstanceType: types[i.arch], Name: name})
	}
	return s.CreateImagePipeline(cloudsim.CreateImagePipelineRequest{RegionID: region, Name: name, BaseType: "IMAGE", Base: string(i.ref.ID), ImageName: name})
}

// end ends an instance.
func (c *chance) end(t *rapid.T) {
	ids := slices.Sorted(maps.Keys(c.runs))
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "ended")
	i := c.runs[id]
	c.clock.Advance(5 * time.Minute) // until it is running
	if err := c.as(c.whose[id]).DeleteInstances(cloudsim.DeleteInstancesRequest{RegionID: i.ref.Region, InstanceIDs: []image.InstanceID{id}, Force: true}); err != nil {
		t.Fatal(err)
	}
	c.users[i.ref] = slices.DeleteFunc(c.users[i.ref], func(u user) bool { return u.id == string(id) })
	delete(c.runs, id)
	delete(c.whose, id)
}

// live lets something happen.
func (c *chance) live(t *rapid.T) {
	for range rapid.IntRange(2, 6).Draw(t, "images") {
		c.add(t)
	}
	for range rapid.IntRange(4, 18).Draw(t, "steps") {
		i := rapid.SampledFrom(c.images).Draw(t, "image")
		switch what := rapid.SampledFrom([]string{"use", "use", "use", "share", "share", "deprecate", "end", "add"}).Draw(t, "what"); what {
		case "add":
			c.add(t)
		case "share":
			c.share(t, i)
		case "deprecate":
			c.deprecate(t, i)
		case "end":
			c.end(t)
		default:
			a := i.ref.Account
			if i.shared && rapid.Bool().Draw(t, "by the other one") {
				a = other(a)
			}
			kind := rapid.SampledFrom([]usage.Kind{usage.ByInstance, usage.ByInstance, usage.ByTemplate, usage.ByScaling, usage.ByPipeline}).Draw(t, "use")
			id, err := c.use(i, a, kind)
			if err != nil {
				c.did["refused "+string(kind)]++
				continue // what ECS does not allow uses nothing
			}
			c.did[string(kind)]++
			c.users[i.ref] = append(c.users[i.ref], user{kind, a, id})
		}
	}
}

// breaks are what would break if an image went: all that its owner and those it is
// shared with have made of it, and instances of those from whom it was withdrawn.
func (c *chance) breaks(i *modelled) []user {
	var all []user
	for _, u := range c.users[i.ref] {
		if u.kind == usage.ByInstance || u.account == i.ref.Account || i.shared {
			all = append(all, u)
		}
	}
	return all
}

// sees: the account may use the image.
func (i *modelled) sees(a image.AccountID) bool { return a == i.ref.Account || i.shared }

// newer are the images that are later in the line of i, as an account sees it,
// newest first.
func (c *chance) newer(i *modelled, a image.AccountID) []*modelled {
	var all []*modelled
	for _, j := range c.images {
		if i.family != "" && j.family == i.family && j.ref.Account == i.ref.Account && j.ref.Region == i.ref.Region && j.kind() == i.kind() && !j.deprecated &&
			j.made.After(i.made) && j.sees(a) {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, func(x, y *modelled) int { return y.made.Compare(x.made) })
	return all
}

// asked is what find answers; a problem is an error.
func asked[T any](t *rapid.T, f http.Handler, target string) (answer T, status int) {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	return answer, w.Code
}

// rightUsage asks about an image and compares; denied says that something may not be
// read, so that no proof of emptiness is possible where it hides.
func (c *chance) rightUsage(t *rapid.T, f http.Handler, i *modelled, denied bool) usage.Verdict {
	got, status := asked[users](t, f, "/images/"+string(i.ref.ID)+"/usage?region="+string(i.ref.Region))
	want := c.breaks(i)
	if status != http.StatusOK {
		if denied {
			return usage.Unknown
		}
		t.Fatalf("%s: %d", i.ref, status)
	}
	switch {
	case len(want) > 0 && got.Verdict == usage.NotInUse, len(want) == 0 && got.Verdict == usage.InUse:
		t.Fatalf("%s is %s, used by %v: %+v", i.ref, got.Verdict, want, got.Consumers)
	case !denied && (len(want) > 0) != (got.Verdict == usage.InUse), !denied && len(want) == 0 && got.Verdict != usage.NotInUse:
		t.Fatalf("%s is %s though all could be read, used by %v: %+v", i.ref, got.Verdict, want, got.Causes)
	}
	found := map[user]bool{}
	for _, consumer := range got.Consumers {
		for _, u := range consumer.Uses {
			runs := func(x user) bool { return x.kind == usage.ByInstance && x.account == u.Account }
			if u.Kind == usage.ByDisk && denied && slices.ContainsFunc(want, runs) {
				continue // its disk shows what may not be listed
			}
			found[user{u.Kind, u.Account, u.ID}] = true
		}
	}
	for _, u := range want {
		if !denied && !found[u] {
			t.Fatalf("%s: %v is not told: %v", i.ref, u, found)
		}
		delete(found, u)
	}
	if len(found) > 0 {
		t.Fatalf("%s: %v does not use it", i.ref, found)
	}
	return got.Verdict
}

// rightFleet compares the instances.
func (c *chance) rightFleet(t *rapid.T, f http.Handler) {
	got, status := asked[fleet](t, f, "/instances?limit=10000")
	if status != http.StatusOK || len(got.Items) != len(c.runs) || got.Total == nil || *got.Total != len(c.runs) {
		t.Fatalf("%d %d instances, there are %d; %+v", status, len(got.Items), len(c.runs), got.Unknown)
	}
	for _, s := range got.Items {
		i := c.runs[s.InstanceID]
		if i == nil || s.AccountID != c.whose[s.InstanceID] || s.ImageID != i.ref.ID || s.RegionID != i.ref.Region {
			t.Fatalf("%+v runs %+v", s, i)
		}
		newer := c.newer(i, s.AccountID)
		switch {
		case i.family == "":
			if s.Behind != nil {
				t.Fatalf("%s of no family is %d behind", s.InstanceID, *s.Behind)
			}
		case !i.sees(s.AccountID):
			// The share of what it runs was withdrawn: the account sees nothing of its line.
			if s.Behind != nil && *s.Behind > len(c.newer(i, i.ref.Account)) {
				t.Fatalf("%s is %d behind", s.InstanceID, *s.Behind)
			}
		case s.Behind == nil || *s.Behind != len(newer):
			t.Fatalf("%s of %s in %s: behind %v, want %d; %v", s.InstanceID, s.AccountID, i.ref, s.Behind, len(newer), s.Reasons)
		case len(newer) > 0 && (s.NewestImageID != newer[0].ref.ID || !s.BehindSince.Equal(newer[len(newer)-1].made)):
			t.Fatalf("%s: newest %s since %v, want %s", s.InstanceID, s.NewestImageID, s.BehindSince, newer[0].ref.ID)
		}
	}
}

// rightFamily compares the choices of a family: the newest for each region, type of
// system and architecture.
func (c *chance) rightFamily(t *rapid.T, f http.Handler, name image.Family) {
	want := map[string][]*modelled{}
	exists := false
	for _, i := range c.images {
		if i.family == name {
			exists = true
			if !i.deprecated {
				k := string(i.ref.Region) + "/" + i.kind()
				want[k] = append(want[k], i)
			}
		}
	}
	c.rightLine(t, f, name, want)
	got, status := asked[family](t, f, "/families/"+string(name))
	if !exists {
		if status != http.StatusNotFound {
			t.Fatalf("family %s: %d", name, status)
		}
		return
	}
	for _, item := range got.Items {
		if item.Image == nil {
			continue
		}
		k := strings.Join([]string{string(item.RegionID), string(item.Image.OSType), string(item.Image.Architecture)}, "/")
		fits := want[k]
		slices.SortFunc(fits, func(a, b *modelled) int { return cmp.Or(b.made.Compare(a.made), cmp.Compare(a.ref.ID, b.ref.ID)) })
		if len(fits) == 0 || item.Image.ImageID != fits[0].ref.ID || item.Older != len(fits)-1 {
			t.Fatalf("%s in %s: %s and %d older; want %v", name, k, item.Image.ImageID, item.Older, fits)
		}
		delete(want, k)
	}
	if len(want) > 0 {
		t.Fatalf("family %s, %d: nothing for %v; %+v", name, status, slices.Collect(maps.Keys(want)), got.Items)
	}
}

// rightLine compares what the list of families says of one.
func (c *chance) rightLine(t *rapid.T, f http.Handler, name image.Family, want map[string][]*modelled) {
	got, status := asked[families](t, f, "/families?family="+string(name))
	if status != http.StatusOK || len(got.Items) != min(len(want), 1) || got.Total == nil || *got.Total != len(got.Items) {
		t.Fatalf("families, %s: %d %+v; want %v", name, status, got, want)
	}
	if len(want) == 0 {
		return
	}
	all := 0
	for _, v := range got.Items[0].Variants {
		fits := want[strings.Join([]string{string(v.RegionID), string(v.OSType), string(v.Architecture)}, "/")]
		newest := slices.MaxFunc(fits, func(a, b *modelled) int { return cmp.Or(a.made.Compare(b.made), cmp.Compare(b.ref.ID, a.ref.ID)) })
		if v.Images != len(fits) || v.Newest == nil || v.Newest.ImageID != newest.ref.ID {
			t.Fatalf("families, %s: %+v; want %v", name, v, fits)
		}
		all += len(fits)
	}
	if len(got.Items[0].Variants) != len(want) || got.Items[0].Images != all {
		t.Fatalf("families, %s: %+v; want %v", name, got.Items[0], want)
	}
}

// TestFindTellsTheTruthOfRandomWorlds: what uses an image, which instances are how
// far behind, and which image of a family is the newest, as a model that was told of
// every call knows it. Shares are withdrawn while others run, launch, scale out with
// and build on an image.
func TestFindTellsTheTruthOfRandomWorlds(t *testing.T) {
	t.Parallel()
	verdicts, did := map[usage.Verdict]int{}, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := newChance()
		c.live(t)
		f := finder(views(c.Cloud))
		for _, i := range c.images {
			verdicts[c.rightUsage(t, f, i, false)]++
		}
		c.rightFleet(t, f)
		for _, name := range []image.Family{"web", "db"} {
			c.rightFamily(t, f, name)
		}
		for what, n := range c.did {
			did[what] += n
		}
	})
	t.Log(verdicts, did)
	for _, kind := range []usage.Kind{usage.ByInstance, usage.ByTemplate, usage.ByScaling, usage.ByPipeline} {
		if did[string(kind)] == 0 {
			t.Errorf("nothing was made: %s", kind)
		}
	}
	if verdicts[usage.InUse] == 0 || verdicts[usage.NotInUse] == 0 || verdicts[usage.Unknown] != 0 {
		t.Errorf("verdicts %v", verdicts)
	}
}

// TestNoPermissionMakesUsageWrong: with any one action denied to our own account,
// each verdict is right or unknown, and every use that is told is one.
func TestNoPermissionMakesUsageWrong(t *testing.T) {
	t.Parallel()
	actions := []string{
		"ecs:DescribeImages", "ecs:DescribeInstances", "ecs:DescribeDisks", "ecs:DescribeLaunchTemplates", "ecs:DescribeLaunchTemplateVersions",
		"ess:DescribeScalingConfigurations", "ess:DescribeScalingGroups", "ecs:DescribeImagePipelines", "ecs:DescribeImageSharePermission", "ecs:DescribeRegions",
	}
	verdicts := map[usage.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := newChance()
		c.live(t)
		denied := rapid.SampledFrom(actions).Draw(t, "denied")
		if err := c.AllowOnly("local", slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return a == denied })); err != nil {
			t.Fatal(err)
		}
		f := finder(views(c.Cloud))
		for _, i := range c.images {
			verdicts[c.rightUsage(t, f, i, true)]++
		}
	})
	if t.Log(verdicts); len(verdicts) != 3 {
		t.Errorf("verdicts %v: these worlds show nothing", verdicts)
	}
}
