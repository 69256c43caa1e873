package alicloud_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// numbered is a page of a listing by number, as asked: rows from up to total.
func numbered(q url.Values, outer, inner string, total int, row func(n int) string) string {
	number, size := integer(q, "PageNumber", 1), integer(q, "PageSize", 10)
	var list []string
	for n := (number - 1) * size; n < min(number*size, total); n++ {
		list = append(list, row(n))
	}
	return fmt.Sprintf(`{"RequestId":"r","PageNumber":%d,"PageSize":%d,"TotalCount":%d,%q:{%q:[%s]}}`, number, size, total, outer, inner, strings.Join(list, ","))
}

// whole is a list in one answer, by number and by token.
func whole(outer, inner string, size int, rows ...string) string {
	return fmt.Sprintf(`{"RequestId":"r","PageNumber":1,"PageSize":%d,"TotalCount":%d,"NextToken":"",%q:{%q:[%s]}}`, size, len(rows), outer, inner, strings.Join(rows, ","))
}

// fleet answers one good answer for every action that lists references.
func fleet(action string) string {
	return map[string]string{
		"DescribeLaunchTemplates": whole("LaunchTemplateSets", "LaunchTemplateSet", 50, `{"LaunchTemplateId":"lt-1","LaunchTemplateName":"web"}`),
		"DescribeLaunchTemplateVersions": whole("LaunchTemplateVersionSets", "LaunchTemplateVersionSet", 50,
			`{"LaunchTemplateId":"lt-1","LaunchTemplateName":"web","VersionNumber":2,"DefaultVersion":true,"LaunchTemplateData":{"ImageId":"m-2","SystemDisk":{"Size":40}}}`,
			`{"LaunchTemplateId":"lt-1","LaunchTemplateName":"web","VersionNumber":1,"DefaultVersion":false,"LaunchTemplateData":{"InstanceType":"ecs.g7.large"}}`),
		"DescribeScalingConfigurations": whole("ScalingConfigurations", "ScalingConfiguration", 50,
			`{"ScalingConfigurationId":"asc-1","ScalingConfigurationName":"c1","ScalingGroupId":"asg-1","LifecycleState":"Active","ImageId":"m-1","ImageName":"n"}`,
			`{"ScalingConfigurationId":"asc-2","ScalingConfigurationName":"c2","ScalingGroupId":"asg-1","LifecycleState":"Inacitve","ImageFamily":"web"}`),
		"DescribeScalingGroups": whole("ScalingGroups", "ScalingGroup", 50,
			`{"ScalingGroupId":"asg-1","ScalingGroupName":"g1","RegionId":"cn-hangzhou","ActiveScalingConfigurationId":"asc-1"}`,
			`{"ScalingGroupId":"asg-2","ScalingGroupName":"g2","RegionId":"cn-hangzhou","LaunchTemplateId":"lt-1","LaunchTemplateVersion":"Latest"}`),
		"DescribeImagePipelines": whole("ImagePipeline", "ImagePipelineSet", 500,
			`{"ImagePipelineId":"ip-1","Name":"weekly","BaseImage":"web","BaseImageType":"IMAGE_FAMILY"}`),
		"DescribeImagePipelineExecutions": whole("ImagePipelineExecution", "ImagePipelineExecutionSet", 500,
			`{"ExecutionId":"exec-1","ImagePipelineId":"ip-1","ImageId":"m-1","Status":"SUCCESS","CreationTime":"2026-01-02T03:04:05Z"}`,
			`{"ExecutionId":"exec-2","ImagePipelineId":"ip-1","ImageId":"","Status":"FAILED","CreationTime":"2026-01-03T03:04:05Z"}`),
		"DescribeSnapshotLinks": whole("SnapshotLinks", "SnapshotLink", 100,
			`{"SnapshotLinkId":"sl-1","RegionId":"cn-hangzhou","SourceDiskId":"d-1","Category":"Archive","TotalSize":5000000001,"TotalCount":2}`),
		"DescribeSnapshotsUsage": `{"RequestId":"r","SnapshotCount":3,"SnapshotSize":5000000001}`,
		"DescribePrice":          priceBody,
	}[action]
}

func TestReferencesAreReadWholeFromTheWire(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"DescribeLaunchTemplates":         "Version=2014-05-26 PageNumber=1 PageSize=50",
		"DescribeLaunchTemplateVersions":  "LaunchTemplateId=lt-1 DetailFlag=true PageNumber=1 PageSize=50",
		"DescribeScalingConfigurations":   "Version=2014-08-28 PageNumber=1 PageSize=50",
		"DescribeScalingGroups":           "Version=2014-08-28 PageNumber=1 PageSize=50",
		"DescribeImagePipelines":          "MaxResults=500",
		"DescribeImagePipelineExecutions": "ImagePipelineId=ip-1 MaxResults=500",
		"DescribeSnapshotLinks":           "PageNumber=1 PageSize=100",
	}
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		for pair := range strings.FieldsSeq(want[action] + " RegionId=cn-hangzhou") {
			if name, value, _ := strings.Cut(pair, "="); q.Get(name) != value {
				t.Errorf("%s: %s=%q, want %q", action, name, q.Get(name), value)
			}
		}
		if action == "GetCallerIdentity" {
			return answered{}
		}
		return ok(fleet(action))
	})
	a := reader(t, w)
	versions, err1 := a.TemplateVersions(t.Context(), region)
	configurations, err2 := a.ScalingConfigurations(t.Context(), region)
	pipelines, err3 := a.Pipelines(t.Context(), region)
	builds, err4 := a.Builds(t.Context(), region)
	chains, err5 := a.SnapshotChains(t.Context(), region)
	usage, err6 := a.SnapshotUsage(t.Context(), region)
	for _, d := range []string{
		cmp.Diff([]error{nil, nil, nil, nil, nil, nil}, []error{err1, err2, err3, err4, err5, err6}),
		cmp.Diff([]image.TemplateVersion{
			{Account: account, Region: region, Template: "lt-1", Name: "web", Version: 2, Default: true, Image: "m-2"},
			{Account: account, Region: region, Template: "lt-1", Name: "web", Version: 1},
		}, versions),
		cmp.Diff([]image.ScalingConfiguration{
			{Account: account, Region: region, ID: "asc-1", Name: "c1", Group: "asg-1", Active: true, Image: "m-1"},
			{Account: account, Region: region, ID: "asc-2", Name: "c2", Group: "asg-1", Family: "web"},
			{Account: account, Region: region, ID: "asg-2", Name: "g2", Group: "asg-2", Active: true, Template: "lt-1", TemplateVersion: "Latest"},
		}, configurations),
		cmp.Diff([]image.Pipeline{{Account: account, Region: region, ID: "ip-1", Name: "weekly", Base: "web", BaseType: "IMAGE_FAMILY"}}, pipelines),
		cmp.Diff([]image.Build{{
			Account: account, Region: region, Pipeline: "ip-1", Run: "exec-1", Made: "m-1", Base: "web", BaseType: "IMAGE_FAMILY",
			StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}}, builds),
		cmp.Diff([]image.Chain{{Account: account, Region: region, ID: "sl-1", SourceDisk: "d-1", Category: "archive", TotalBytes: 5000000001, Count: 2}}, chains),
		cmp.Diff(image.SnapshotUsage{Account: account, Region: region, Count: 3, Bytes: 5000000001}, usage),
	} {
		if d != "" {
			t.Error(d)
		}
	}
}

// readings are all reading methods of this file's kind.
func readings() map[string]func(context.Context, *alicloud.Account) error {
	return map[string]func(context.Context, *alicloud.Account) error{
		"TemplateVersions": func(ctx context.Context, a *alicloud.Account) error {
			_, err := a.TemplateVersions(ctx, region)
			return err
		},
		"ScalingConfigurations": func(ctx context.Context, a *alicloud.Account) error {
			_, err := a.ScalingConfigurations(ctx, region)
			return err
		},
		"Pipelines": func(ctx context.Context, a *alicloud.Account) error { _, err := a.Pipelines(ctx, region); return err },
		"Builds":    func(ctx context.Context, a *alicloud.Account) error { _, err := a.Builds(ctx, region); return err },
		"SnapshotChains": func(ctx context.Context, a *alicloud.Account) error {
			_, err := a.SnapshotChains(ctx, region)
			return err
		},
		"SnapshotUsage": func(ctx context.Context, a *alicloud.Account) error {
			_, err := a.SnapshotUsage(ctx, region)
			return err
		},
		"Price": func(ctx context.Context, a *alicloud.Account) error {
			_, err := a.Price(ctx, region, image.PriceQuestion{Image: "m-1", InstanceType: "ecs.g7.large"})
			return err
		},
	}
}

// swap replaces one text by another.
func swap(old, instead string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, instead, 1) }
}

// spoils are the ways in which any answer is none, and any list.
func spoils(list bool) map[string]func(string) string {
	all := map[string]func(string) string{
		"empty":                  func(string) string { return "" },
		"null":                   func(string) string { return "null" },
		"an empty object":        func(string) string { return "{}" },
		"cut":                    func(text string) string { return text[:len(text)/2] },
		"twice":                  func(text string) string { return text + text },
		"no request id":          swap(`"RequestId":"r",`, ""),
		"an error that says 200": func(string) string { return `{"RequestId":"r","Code":"Throttling","Message":""}` },
	}
	if list {
		all["a list that is null"] = func(text string) string {
			return text[:strings.Index(text, ":[")+1] + "null" + text[strings.LastIndex(text, "]")+1:]
		}
		all["a count that is too high"] = swap(`"TotalCount":`, `"TotalCount":9`)
		all["a first row without an id"] = func(text string) string { return blank(text, strings.Index(text, "[")) }
	}
	return all
}

// ownSpoils are the ways in which the answers of single actions are none.
func ownSpoils() map[string]map[string]func(string) string {
	return map[string]map[string]func(string) string{
		"DescribeLaunchTemplateVersions": {
			"no version":          func(string) string { return whole("LaunchTemplateVersionSets", "LaunchTemplateVersionSet", 50) },
			"no contents":         swap(`"LaunchTemplateData"`, `"Other"`),
			"contents null":       swap(`{"ImageId":"m-2","SystemDisk":{"Size":40}}`, "null"),
			"another template":    swap(`"LaunchTemplateId":"lt-1"`, `"LaunchTemplateId":"lt-2"`),
			"a version twice":     swap(`"VersionNumber":2`, `"VersionNumber":1`),
			"a version as a word": swap(`"VersionNumber":2`, `"VersionNumber":"two"`),
		},
		"DescribeScalingConfigurations": {
			"neither image nor family": swap(`"ImageId":"m-1"`, `"ImageId":""`), "a page of another number": swap(`"PageNumber":1`, `"PageNumber":2`),
			"none, and a group uses one":       func(string) string { return whole("ScalingConfigurations", "ScalingConfiguration", 50) },
			"not the one that a group uses":    swap(`"ScalingConfigurationId":"asc-1"`, `"ScalingConfigurationId":"asc-9"`),
			"of a group that is not in a list": swap(`"ScalingGroupId":"asg-1"`, `"ScalingGroupId":"asg-9"`),
		},
		"DescribeScalingGroups": {
			"another region":               swap(`"RegionId":"cn-hangzhou"`, `"RegionId":"cn-beijing"`),
			"none, and some are used":      func(string) string { return whole("ScalingGroups", "ScalingGroup", 50) },
			"one that uses what is hidden": swap(`"asc-1"`, `"asc-9"`),
		},
		"DescribeImagePipelines": {"nothing to start from": swap(`"BaseImage":"web"`, `"BaseImage":""`)},
		"DescribeImagePipelineExecutions": {
			"another pipeline": swap(`"ImagePipelineId":"ip-1"`, `"ImagePipelineId":"ip-2"`), "a time that is none": swap("2026-01-02T", "yesterday "),
		},
		"DescribeSnapshotLinks": {
			"no size": swap(`"TotalSize":5000000001,`, ""), "a size of null": swap("5000000001", "null"), "less than nothing": swap("5000000001", "-1"),
			"another region": swap(`"RegionId":"cn-hangzhou"`, `"RegionId":"cn-beijing"`),
		},
		"DescribeSnapshotsUsage": {
			"no size": swap(`,"SnapshotSize":5000000001`, ""), "no count": swap(`"SnapshotCount":3,`, ""), "a size of null": swap("5000000001", "null"),
		},
		"DescribePrice": priceSpoils(),
	}
}

// TestWhatIsNoAnswerIsUnknown: each action's answer spoilt in every way that
// applies to it makes the whole reading fault.Unknown.
func TestWhatIsNoAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	actions := map[string][]string{
		"TemplateVersions":      {"DescribeLaunchTemplates", "DescribeLaunchTemplateVersions"},
		"ScalingConfigurations": {"DescribeScalingConfigurations", "DescribeScalingGroups"},
		"Pipelines":             {"DescribeImagePipelines"},
		"Builds":                {"DescribeImagePipelines", "DescribeImagePipelineExecutions"},
		"SnapshotChains":        {"DescribeSnapshotLinks"},
		"SnapshotUsage":         {"DescribeSnapshotsUsage"},
		"Price":                 {"DescribePrice"},
	}
	for method, read := range readings() {
		for _, spoilt := range actions[method] {
			changes := spoils(spoilt != "DescribeSnapshotsUsage" && spoilt != "DescribePrice")
			maps.Copy(changes, ownSpoils()[spoilt])
			for name, change := range changes {
				t.Run(method+"/"+spoilt+"/"+name, func(t *testing.T) {
					t.Parallel()
					checkUnknown(t, spoilt, change, read)
				})
			}
		}
	}
}

// blank empties the string value that begins at the key that i is in.
func blank(text string, i int) string {
	from := i + strings.Index(text[i:], `":"`) + 3
	to := from + strings.Index(text[from:], `"`)
	return text[:from] + text[to:]
}

// checkUnknown reads while one action's answer is spoilt.
func checkUnknown(t *testing.T, spoilt string, change func(string) string, read func(context.Context, *alicloud.Account) error) {
	t.Helper()
	if change(fleet(spoilt)) == fleet(spoilt) {
		t.Fatal("nothing was spoilt")
	}
	w := newWire(t, func(action string, _ int, _ url.Values) answered {
		switch action {
		case "GetCallerIdentity":
			return answered{}
		case spoilt:
			return ok(change(fleet(action)))
		}
		return ok(fleet(action))
	})
	if err := read(t.Context(), reader(t, w)); fault.Of(err) != fault.Unknown {
		t.Errorf("got %v, want kind %s", err, fault.Unknown)
	}
}

func TestReferencesThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	for method, read := range readings() {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action == "GetCallerIdentity" {
					return answered{}
				}
				return refused(403, "Forbidden.RAM", q)
			})
			if err := read(t.Context(), reader(t, w)); fault.Of(err) != fault.Forbidden || fault.Code(err) != "Forbidden.RAM" {
				t.Errorf("got %v, want kind %s", err, fault.Forbidden)
			}
		})
	}
}

// TestManyPagesOfReferences: every page of every template, and no more calls than
// that.
func TestManyPagesOfReferences(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(action string, _ int, q url.Values) answered {
		switch action {
		case "DescribeLaunchTemplates":
			return ok(numbered(q, "LaunchTemplateSets", "LaunchTemplateSet", 120, func(n int) string { return fmt.Sprintf(`{"LaunchTemplateId":"lt-%d"}`, n) }))
		case "DescribeLaunchTemplateVersions":
			id := q.Get("LaunchTemplateId")
			versions := 1
			if id == "lt-7" {
				versions = 160
			}
			return ok(numbered(q, "LaunchTemplateVersionSets", "LaunchTemplateVersionSet", versions, func(n int) string {
				return fmt.Sprintf(`{"LaunchTemplateId":%q,"VersionNumber":%d,"LaunchTemplateData":{"ImageId":"m-%d"}}`, id, n+1, n)
			}))
		}
		return answered{}
	})
	versions, err := reader(t, w).TemplateVersions(t.Context(), region)
	if err != nil || len(versions) != 119+160 {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	for n, v := range versions[:7] {
		if v.Template != fmt.Sprint("lt-", n) {
			t.Errorf("version %d is of %s", n, v.Template)
		}
	}
	if n, m := w.count("DescribeLaunchTemplates"), w.count("DescribeLaunchTemplateVersions"); n != 3 || m != 119+4 {
		t.Errorf("%d and %d calls, want 3 and 123", n, m)
	}
}

// TestTemplatesThatGoWhileTheyAreRead are read again, and at last not believed.
func TestTemplatesThatGoWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone int // how often the first template is not there
		want fault.Kind
	}{
		"once":   {1, ""},
		"always": {1000, fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, n int, q url.Values) answered {
				if action == "DescribeLaunchTemplateVersions" && n <= c.gone {
					return refused(404, "InvalidLaunchTemplate.NotFound", q)
				}
				return answered{status: 200 * min(1, len(fleet(action))), body: fleet(action)}
			})
			versions, err := reader(t, w).TemplateVersions(t.Context(), region)
			if fault.Of(err) != c.want || (err == nil) != (len(versions) == 2) {
				t.Errorf("%d versions, %v; want kind %q", len(versions), err, c.want)
			}
		})
	}
}

func TestWhetherInstancesMayBeListed(t *testing.T) {
	t.Parallel()
	list := whole("Instances", "Instance", 100)
	for name, c := range map[string]struct {
		say  answered
		want image.Tri
		kind fault.Kind
	}{
		"yes":                      {answered{status: 400, body: `{"RequestId":"R","Code":"DryRunOperation"}`}, image.Yes, ""},
		"yes, in other words":      {answered{status: 400, body: `{"RequestId":"R","Code":"DRYRUN.SUCCESS"}`}, image.Yes, ""},
		"no":                       {answered{status: 403, body: `{"RequestId":"R","Code":"Forbidden.RAM"}`}, image.No, ""},
		"no, in other words":       {answered{status: 403, body: `{"RequestId":"R","Code":"NoPermission"}`}, image.No, ""},
		"an empty list":            {ok(list), image.Unknown, ""},
		"nothing":                  {ok(""), image.Unknown, fault.Unknown},
		"a wrong key":              {answered{status: 404, body: `{"RequestId":"R","Code":"InvalidAccessKeyId.NotFound"}`}, image.Unknown, fault.Unauthenticated},
		"an error of ECS's own":    {answered{status: 500, body: `{"RequestId":"R","Code":"InternalError"}`}, image.Unknown, fault.Unavailable},
		"an error that is unknown": {answered{status: 400, body: `{"RequestId":"R","Code":"Moon"}`}, image.Unknown, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action != "DescribeInstances" {
					return answered{}
				}
				if q.Get("DryRun") != "true" || q.Get("ImageId") != "m-1" || q.Get("InstanceIds") != `["i-1"]` || q.Get("Status") != "Stopped" || q.Get("MaxResults") != "100" {
					t.Errorf("asked %v", q)
				}
				return c.say
			})
			got, err := reader(t, w).MayList(t.Context(), region, image.InstanceListing{Image: "m-1", IDs: []image.InstanceID{"i-1"}, Status: image.InstanceStopped})
			if got != c.want || fault.Of(err) != c.kind {
				t.Errorf("got %s, %v; want %s, kind %q", got, err, c.want, c.kind)
			}
		})
	}
}

// TestWhereAutoScalingIs: the older regions share a host.
func TestWhereAutoScalingIs(t *testing.T) {
	t.Parallel()
	for in, want := range map[image.RegionID]string{
		"cn-hangzhou": "ess.aliyuncs.com", "cn-beijing": "ess.aliyuncs.com", "ap-southeast-1": "ess.aliyuncs.com",
		"cn-zhangjiakou": "ess.cn-zhangjiakou.aliyuncs.com", "eu-central-1": "ess.eu-central-1.aliyuncs.com",
	} {
		hosts := make(chan string, 8)
		cloud, err := alicloud.Open(alicloud.Config{Jitter: func() float64 { return 0 }, RateShare: 1000, Transport: roundTrip(hostsOf(hosts))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cloud.Account(planted()).ScalingConfigurations(t.Context(), in); err != nil {
			t.Error(err)
		}
		for range 2 {
			if got := <-hosts; got != want {
				t.Errorf("%s: %s, want %s", in, got, want)
			}
		}
	}
}
