package main

import (
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

// modelled is what the model knows of an image.
type modelled struct {
	ref    image.Ref
	family image.Family
	paid   bool // made from Red Hat's public image
	gib    int64
	shared bool
	// runs are the instances of each account on it.
	runs map[image.AccountID]int
	used bool // by a template, a scaling group or a pipeline, too
}

// estate is a cloud that changes at random through its API, beside a model of what
// everything costs. Our account is of China's site, the other one of the
// international one.
type estate struct {
	*cloudsim.Cloud
	images []*modelled
	number int
	did    map[string]int
}

// rate is what a GiB of snapshots costs in a month.
func rate(c money.Currency) *big.Rat {
	if c == money.USD {
		return big.NewRat(2, 100)
	}
	return big.NewRat(12, 100)
}

// licencePerMonth is what an instance with 4 vCPUs pays Red Hat, as DescribePrice
// and the rates say: 4 x 0.1041 for each of 720 hours, in the currency of the account.
func licencePerMonth() *big.Rat { return big.NewRat(4*1041*720, 10000) }

func currencyOf(a image.AccountID) money.Currency {
	if a == theirs {
		return money.USD
	}
	return money.CNY
}

func otherThan(a image.AccountID) image.AccountID {
	if a == ours {
		return theirs
	}
	return ours
}

func newEstate() *estate {
	e := &estate{Cloud: cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(now())}), did: map[string]int{}}
	for _, region := range []image.RegionID{here, there} {
		for _, i := range []image.Image{redHat("redhat.vhd"), ubuntu("ubuntu.vhd")} {
			i.Kind = image.KindPublic
			e.AddImage(ours, region, cloudsim.ImageSpec{Image: i})
		}
	}
	return e
}

func (e *estate) as(a image.AccountID) *cloudsim.Session {
	return e.As(cloudsim.Caller{Account: a, Type: "Account"})
}

// add makes an image of a public one, on a disk of its own.
func (e *estate) add(t *rapid.T) {
	e.number++
	m := &modelled{
		ref: image.Ref{
			Account: rapid.SampledFrom([]image.AccountID{ours, ours, theirs}).Draw(t, "owner"),
			Region:  rapid.SampledFrom([]image.RegionID{here, there}).Draw(t, "region"), ID: image.ID(fmt.Sprint("m-", e.number)),
		},
		family: rapid.SampledFrom([]image.Family{"web", "db", ""}).Draw(t, "family"), paid: rapid.Bool().Draw(t, "paid"),
		gib: rapid.Int64Range(1, 30).Draw(t, "GiB"), runs: map[image.AccountID]int{},
	}
	i, parent := ubuntu(m.ref.ID), image.ID("ubuntu.vhd")
	if m.paid {
		i, parent = redHat(m.ref.ID), "redhat.vhd"
	}
	i.Kind, i.Family = image.KindCustom, m.family
	disk := e.AddDisk(m.ref.Account, m.ref.Region, image.Disk{Image: parent, System: true, SizeGiB: 40})
	snapshot := e.AddSnapshot(m.ref.Account, m.ref.Region, image.Snapshot{
		ID: image.SnapshotID(fmt.Sprint("s-", e.number)), SourceDisk: disk, SourceSystemDisk: true, FullSizeBytes: m.gib << 30, CreatedAt: i.CreatedAt,
	})
	i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
	e.AddImage(m.ref.Account, m.ref.Region, cloudsim.ImageSpec{Image: i, Parent: image.Ref{Account: m.ref.Account, Region: m.ref.Region, ID: parent}})
	e.images = append(e.images, m)
}

// share shares an image with the other account, or withdraws that.
func (e *estate) share(t *rapid.T, m *modelled) {
	req := cloudsim.ModifyImageSharePermissionRequest{RegionID: m.ref.Region, ImageID: m.ref.ID}
	if m.shared {
		req.RemoveAccounts = []image.AccountID{otherThan(m.ref.Account)}
	} else {
		req.AddAccounts = []image.AccountID{otherThan(m.ref.Account)}
	}
	if err := e.as(m.ref.Account).ModifyImageSharePermission(req); err != nil {
		t.Fatal(err)
	}
	m.shared = !m.shared
	e.did[fmt.Sprint("shared ", m.shared)]++
}

// run starts instances, by somebody who may.
func (e *estate) run(t *rapid.T, m *modelled, by image.AccountID) {
	n := rapid.IntRange(1, 3).Draw(t, "instances")
	_, err := e.as(by).RunInstances(cloudsim.RunInstancesRequest{RegionID: m.ref.Region, ImageID: m.ref.ID, InstanceType: "ecs.g7.xlarge", Amount: n})
	if err != nil {
		t.Fatal(err)
	}
	m.runs[by] += n
	e.did["run"]++
}

// refer makes something that would launch the image, in its owner's account.
func (e *estate) refer(t *rapid.T, m *modelled, what string) {
	e.number++
	s, name := e.as(m.ref.Account), fmt.Sprint("user-", e.number)
	var err error
	switch what {
	case "template":
		_, err = s.CreateLaunchTemplate(cloudsim.CreateLaunchTemplateRequest{RegionID: m.ref.Region, Name: name, Data: cloudsim.TemplateData{Image: m.ref.ID}})
	case "pipeline":
		_, err = s.CreateImagePipeline(cloudsim.CreateImagePipelineRequest{RegionID: m.ref.Region, Name: name, BaseType: "IMAGE", Base: string(m.ref.ID), ImageName: name})
	default:
		var group string
		if group, err = s.CreateScalingGroup(cloudsim.CreateScalingGroupRequest{RegionID: m.ref.Region, Name: name, Most: 3}); err == nil {
			_, err = s.CreateScalingConfiguration(cloudsim.ScalingConfigurationRequest{Group: group, Image: m.ref.ID, InstanceType: "ecs.g7.xlarge", Name: name})
		}
	}
	if err != nil {
		t.Fatal(what, err)
	}
	m.used = true
	e.did[what]++
}

// live lets something happen.
func (e *estate) live(t *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(t, "images") {
		e.add(t)
	}
	for range rapid.IntRange(0, 12).Draw(t, "steps") {
		m := rapid.SampledFrom(e.images).Draw(t, "image")
		switch what := rapid.SampledFrom([]string{"run", "run", "share", "share", "template", "group", "pipeline"}).Draw(t, "what"); what {
		case "share":
			e.share(t, m)
		case "run":
			by := m.ref.Account
			if m.shared && rapid.Bool().Draw(t, "by the other one") {
				by = otherThan(by)
			}
			e.run(t, m, by)
		default:
			e.refer(t, m, what)
		}
	}
}

// reports is price over an estate, whose other account pays dollars.
func (e *estate) reports(t *testing.T, change func(account) account) http.Handler {
	h := over(e.Cloud, change)
	both := h.accounts
	h.accounts = func(call function.Call) []survey.Account {
		all := both(call)
		all[1].Reader = dollars{all[1].Reader}
		return all
	}
	h.rates = negotiated(t, `{"rates":[
		{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","regionId":"cn-hangzhou","price":"0.1041","currency":"USD"},
		{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","regionId":"cn-shanghai","price":"0.1041","currency":"USD"},
		{"item":"snapshotStorage","category":"standard","basis":"perGb","unit":"month","regionId":"all","price":"0.12","currency":"CNY"},
		{"item":"snapshotStorage","category":"standard","basis":"perGb","unit":"month","regionId":"all","price":"0.02","currency":"USD"},
		{"item":"snapshotStorage","category":"standard","basis":"perGb","unit":"month","regionId":"cn-hangzhou","price":"0.12","currency":"CNY"},
		{"item":"snapshotStorage","category":"standard","basis":"perGb","unit":"month","regionId":"cn-hangzhou","price":"0.02","currency":"USD"}]}`)
	return h.function()
}

// sum is what a group costs, and how much is in it.
type sum struct {
	images, instances int
	storage, licence  *big.Rat
}

type sums map[string]*sum // by name and currency

// add counts an image of a group: its storage in its owner's currency, licences in
// those of whoever runs it.
func (s sums) add(name string, m *modelled) {
	at := func(c money.Currency) *sum {
		k := name + " " + string(c)
		if s[k] == nil {
			s[k] = &sum{storage: new(big.Rat), licence: new(big.Rat)}
		}
		return s[k]
	}
	own := at(currencyOf(m.ref.Account))
	own.images++
	own.storage.Add(own.storage, new(big.Rat).Mul(big.NewRat(m.gib, 1), rate(currencyOf(m.ref.Account))))
	for _, a := range []image.AccountID{ours, theirs} {
		n := m.runs[a]
		if n == 0 {
			continue
		}
		of := at(currencyOf(a))
		of.instances += n
		if m.paid {
			of.licence.Add(of.licence, new(big.Rat).Mul(big.NewRat(int64(n), 1), licencePerMonth()))
		}
	}
}

// compare compares the groups of an answer.
func (s sums) compare(t *rapid.T, what string, groups []pricing.Group, name func(pricing.Group) string) {
	t.Helper()
	left := map[string]*sum{}
	for k, v := range s {
		left[k] = v
	}
	for _, g := range groups {
		k := name(g) + " " + string(g.Currency)
		want := left[k]
		if want == nil {
			t.Fatalf("%s: no group %s is expected: %+v", what, k, g)
		}
		total := new(big.Rat).Add(want.storage, want.licence)
		for part, pair := range map[string]struct {
			got  pricing.Cost
			want *big.Rat
		}{"storage": {g.Storage, want.storage}, "licence": {g.Licence, want.licence}, "total": {g.Total, total}} {
			if pair.got.Amount == nil || pair.got.Amount.Rat().Cmp(pair.want) != 0 {
				t.Fatalf("%s %s: %s is %s, want %s", what, k, part, worthOf(pair.got), pair.want.FloatString(4))
			}
		}
		if g.Images != want.images || g.Running != want.instances {
			t.Fatalf("%s %s: %d images, %d instances, want %+v", what, k, g.Images, g.Running, want)
		}
		delete(left, k)
	}
	if len(left) > 0 {
		t.Fatalf("%s: %v are missing", what, left)
	}
}

func keyed(g pricing.Group) string { return g.Key }

// TestReportOfRandomWorlds: totals, groups and savings are those of a model that was
// told of every call, in two currencies, after shares were withdrawn from accounts
// that run an image.
func TestReportOfRandomWorlds(t *testing.T) {
	t.Parallel()
	did := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		e := newEstate()
		e.live(rt)
		r := reportOf(t, e.reports(t, same), "/prices?limit=100000")
		if len(r.Incomplete)+len(r.Unknown)+len(r.MissingRates) != 0 || r.Images != len(e.images) {
			rt.Fatalf("%d of %d images; not known: %+v %+v %+v", r.Images, len(e.images), r.Incomplete, r.Unknown, r.MissingRates)
		}
		totals, families, regions, unused, unusedShared := sums{}, sums{}, sums{}, sums{}, sums{}
		for _, m := range e.images {
			totals.add("", m)
			families.add(string(m.family), m)
			regions.add(string(m.ref.Region), m)
			switch idle := len(m.runs) == 0 && !m.used; {
			case idle && m.shared:
				unusedShared.add("", m)
			case idle:
				unused.add("", m)
			}
		}
		nameless := func(pricing.Group) string { return "" }
		totals.compare(rt, "totals", r.Totals, nameless)
		families.compare(rt, "families", r.Families, func(g pricing.Group) string {
			if g.Key == pricing.WithoutFamily && g.Rest {
				return ""
			}
			return g.Key
		})
		regions.compare(rt, "regions", r.Regions, keyed)
		unused.compare(rt, "unused", r.Unused, nameless)
		unusedShared.compare(rt, "unused, shared", r.UnusedShared, nameless)
		for what, n := range e.did {
			did[what] += n
		}
	})
	if t.Log(did); len(did) != 6 {
		t.Errorf("did %v: these worlds show nothing", did)
	}
}

// TestNoPermissionMakesTheReportWrong: with any one action denied to our own
// account, an amount that is said is right, a lower bound is one, and nothing that is
// used is said to be saved.
func TestNoPermissionMakesTheReportWrong(t *testing.T) {
	t.Parallel()
	actions := []string{
		"ecs:DescribeImages", "ecs:DescribeInstances", "ecs:DescribeDisks", "ecs:DescribeSnapshots", "ecs:DescribeSnapshotLinks", "ecs:DescribeSnapshotsUsage",
		"ecs:DescribeLaunchTemplates", "ecs:DescribeLaunchTemplateVersions", "ess:DescribeScalingConfigurations", "ess:DescribeScalingGroups", "ecs:DescribeImagePipelines",
		"ecs:DescribeImagePipelineExecutions", "ecs:DescribeImageSharePermission", "ecs:DescribeInstanceTypes", "ecs:DescribePrice", "ecs:DescribeRegions",
	}
	unsure := 0
	rapid.Check(t, func(rt *rapid.T) {
		e := newEstate()
		e.live(rt)
		denied := rapid.SampledFrom(actions).Draw(rt, "denied")
		if err := e.AllowOnly("local", slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return a == denied })); err != nil {
			rt.Fatal(err)
		}
		f := e.reports(t, same)
		if status, answer := ask(f, "/prices", ""); status == http.StatusBadGateway {
			unsure++ // nothing but what is denied is there
			if rt.Logf("%s", answer); denied != "ecs:DescribeImages" && denied != "ecs:DescribeRegions" {
				rt.Fatal("nothing could be read")
			}
			return
		}
		r := reportOf(t, f, "/prices?limit=100000")
		unsure += len(r.Incomplete)
		saved := sums{}
		for _, m := range e.images {
			if len(m.runs) == 0 && !m.used {
				saved.add("", m)
			}
		}
		for _, g := range slices.Concat(r.Unused, r.UnusedShared) {
			most := saved[" "+string(g.Currency)]
			if g.Images > 0 && (most == nil || g.Images > most.images) {
				rt.Fatalf("%s denied: %d images would be saved in %s: %+v", denied, g.Images, g.Currency, most)
			}
		}
		rows := slices.Concat(r.Items, r.Incomplete)
		for _, w := range rows {
			elsewhere := func(o pricing.Row) bool { // the image's row in another currency says that its storage is not known
				return o.Image.ID == w.Image.ID && o.Image.Region == w.Image.Region && o.Currency != w.Currency && o.Storage.Unknown > 0
			}
			n := slices.IndexFunc(e.images, func(m *modelled) bool { return m.ref.ID == w.Image.ID && m.ref.Region == w.Image.Region })
			if n < 0 {
				rt.Fatalf("a row of nothing: %+v", w)
			}
			one := sums{}
			one.add("", e.images[n])
			want := one[" "+string(w.Currency)]
			if want == nil { // a row in the currency of the configuration, where the site is not told
				continue
			}
			for part, pair := range map[string]struct {
				got  pricing.Cost
				want *big.Rat
			}{"storage": {w.Storage, want.storage}, "licence": {w.Licence, want.licence}} {
				if part == "storage" && slices.ContainsFunc(rows, elsewhere) {
					continue
				}
				exact := pair.got.Amount != nil && pair.got.Amount.Rat().Cmp(pair.want) != 0
				least := pair.got.AtLeast != nil && pair.got.AtLeast.Rat().Cmp(pair.want) > 0
				if exact || least {
					rt.Fatalf("%s denied: %s of %s is %s, in truth %s: %+v", denied, part, w.Image, worthOf(pair.got), pair.want.FloatString(4), w)
				}
			}
		}
	})
	if t.Log(unsure); unsure == 0 {
		t.Error("nothing was ever unknown: these worlds show nothing")
	}
}
