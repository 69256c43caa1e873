package ecsapi_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// post sends some parameters in the query and the others in the form.
func (l *local) post(v url.Values, inForm func(name string) bool) (reply, error) {
	query, form := url.Values{}, url.Values{}
	for name := range v {
		if inForm(name) {
			form.Set(name, v.Get(name))
		} else {
			query.Set(name, v.Get(name))
		}
	}
	r, err := http.NewRequest("POST", l.URL+"/?"+query.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return send(r)
}

// TestQueryAndFormAreOne: it does not matter where a parameter travels.
func TestQueryAndFormAreOne(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	l.addImages(3)
	for name, inForm := range map[string]func(string) bool{
		"all in the query": func(string) bool { return false },
		"all in the form":  func(string) bool { return true },
		"split":            func(name string) bool { return len(name)%2 == 0 },
	} {
		out, err := l.post(l.signer("local").rpc("POST", "DescribeImages",
			values("RegionId", region, "ImageName", "app-00", "PageSize", "2", "ImageOwnerAlias", "self")), inForm)
		if err != nil || names(out) != "0 1/3" {
			t.Errorf("%s: %v %s", name, err, out.body)
		}
	}
}

// TestParametersOfEveryStyle: what a caller means arrives.
func TestParametersOfEveryStyle(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	ids := l.addImages(4)
	l.must("TagResources", "RegionId", region, "ResourceType", "image", "ResourceId.1", string(ids[0]), "ResourceId.3", string(ids[2]),
		"Tag.1.Key", "env", "Tag.1.Value", "prod", "Tag.2.Key", "empty")
	l.must("ModifyImageAttribute", "RegionId", region, "ImageId", string(ids[3]), "Features.NvmeSupport", "supported", "Status", "Deprecated")
	l.must("ModifyImageSharePermission", "RegionId", region, "ImageId", string(ids[1]), "AddAccount.2", second, "AddAccount.1", "1000000000000003")
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"repeated structs":            {[]string{"Tag.1.Key", "env", "Tag.1.Value", "prod"}, "0 2/2"},
		"repeated structs, a gap":     {[]string{"Tag.7.Key", "env"}, "0 2/2"},
		"repeated structs, old case":  {[]string{"Tag.1.key", "env", "Tag.1.value", "prod"}, "0 2/2"},
		"comma list":                  {[]string{"ImageId", string(ids[2]) + ", " + string(ids[1])}, "1 2/2"},
		"comma list of states":        {[]string{"Status", "Creating,Deprecated"}, "3/1"},
		"empty parameters are absent": {[]string{"Status", "", "PageSize", "", "IsPublic", "", "ImageFamily", "", "Tag.1.Key", ""}, "0 1 2/3"},
		"a boolean in any case":       {[]string{"ShowExpired", "TRUE", "IsSupportCloudinit", "False"}, "0 1 2/3"},
		"scoping parameters":          {[]string{"OwnerId", "7", "OwnerAccount", "x", "ResourceOwnerId", "7", "ResourceOwnerAccount", "x"}, "0 1 2/3"},
	} {
		out := l.must("DescribeImages", append([]string{"RegionId", region, "ImageOwnerAlias", "self"}, c.pairs...)...)
		if names(out) != c.want {
			t.Errorf("%s: got %s, want %s", name, names(out), c.want)
		}
	}
	if granted := l.must("DescribeImageSharePermission", "RegionId", region, "ImageId", string(ids[1])); granted.text("TotalCount") != "2" {
		t.Errorf("shared with %s", granted.body)
	}
	tags := l.must("ListTagResources", "RegionId", region, "ResourceType", "image", "TagFilter.1.TagKey", "env", "TagFilter.1.TagValues.1", "prod")
	if rows := tags.list("TagResources.TagResource"); len(rows) != 4 {
		t.Errorf("tag filters find %s", tags.body)
	}
}

// TestListsOfIDs: an empty JSON list asks for nothing, none for everything.
func TestListsOfIDs(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	a := l.cloud.AddInstance(cloudsim.FirstAccount, region, cloudsim.InstanceSpec{})
	l.cloud.AddInstance(cloudsim.FirstAccount, region, cloudsim.InstanceSpec{})
	for ids, want := range map[string]int{"": 2, `["` + string(a) + `"]`: 1, `["i-none"]`: 0, "[]": 0} {
		out := l.must("DescribeInstances", "RegionId", region, "InstanceIds", ids)
		if got := len(out.list("Instances.Instance")); got != want {
			t.Errorf("InstanceIds=%s: %d, want %d", ids, got, want)
		}
	}
}

// TestParametersThatCannotBe are refused with ECS's code for the operation.
func TestParametersThatCannotBe(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	for _, c := range []struct {
		action string
		pairs  []string
		status int
		code   string
		blames string
	}{
		{"DescribeImages", nil, 400, "MissingParameter", `"RegionId"`},
		{"DescribeImages", []string{"RegionId", ""}, 400, "MissingParameter", `"RegionId"`},
		{"DeleteImage", []string{"RegionId", region}, 400, "MissingParameter", `"ImageId"`},
		{"DescribeImageFromFamily", []string{"RegionId", region}, 400, "MissingParameter", `"ImageFamily"`},
		{"AssumeRole", []string{"RoleArn", cloudsim.ReaderRole}, 400, "MissingParameter", `"RoleSessionName"`},
		{"TagResources", []string{"ResourceType", "image"}, 404, "MissingParameter.RegionId", "RegionId"},
		{"TagResources", []string{"RegionId", region, "ResourceType", "image", "Tag.1.Key", "a"}, 404, "MissingParameter.ResourceIds", "ResourceIds.N"},
		{"TagResources", []string{"RegionId", region, "ResourceType", "image", "ResourceId.1", "m-1"}, 404, "MissingParameter.Tags", "Tags"},
		{"ListTagResources", []string{"RegionId", region}, 404, "MissingParameter.ResourceType", "ResourceType"},
		{"DescribeDisks", nil, 400, "MissingParamter.RegionId", "regionId"},
		{"DescribeImages", []string{"RegionId", region, "PageSize", "many"}, 400, "InvalidParameter", `"PageSize"`},
		{"DescribeImages", []string{"RegionId", region, "PageSize", "0"}, 400, "InvalidParameter", "PageSize"},
		{"DescribeImages", []string{"RegionId", region, "PageSize", "101"}, 400, "InvalidParameter", "PageSize"},
		{"DescribeImages", []string{"RegionId", region, "PageNumber", "1.5"}, 400, "InvalidParameter", `"PageNumber"`},
		{"DescribeImages", []string{"RegionId", region, "PageNumber", "99999999999"}, 400, "InvalidParameter", `"PageNumber"`},
		{"DescribeImages", []string{"RegionId", region, "IsPublic", "yes"}, 400, "InvalidParameter", `"IsPublic"`},
		{"DescribeImages", []string{"RegionId", region, "ImageOwnerId", "me"}, 400, "InvalidParameter", `"ImageOwnerId"`},
		{"DescribeInstances", []string{"RegionId", region, "InstanceIds", "i-1"}, 400, "InvalidParameter", `"InstanceIds"`},
		{"DescribeInstances", []string{"RegionId", region, "InstanceIds", "null"}, 400, "InvalidParameter", `"InstanceIds"`},
		{"DescribeDisks", []string{"RegionId", region, "DiskIds", "[1]"}, 400, "InvalidParameter.DiskIds", "diskIds"},
		{"DescribeDisks", []string{"RegionId", region, "MaxResults", "x"}, 400, "InvalidParameter", `"MaxResults"`},
		{"DescribeSnapshots", []string{"RegionId", region, "SnapshotIds", "{}"}, 403, "InvalidSnapshotIds.Malformed", "SnapshotIds"},
		{"CreateImage", []string{"RegionId", region, "DiskDeviceMapping.1.Size", "-1"}, 400, "InvalidParameter", "DiskDeviceMapping.1.Size"},
		{"AssumeRole", []string{"RoleArn", cloudsim.ReaderRole, "RoleSessionName", "s1", "DurationSeconds", "0"}, 400, "InvalidParameter.DurationSeconds", ""},
		{"AssumeRole", []string{"RoleArn", cloudsim.ReaderRole, "RoleSessionName", "s1", "DurationSeconds", "899"}, 400, "InvalidParameter.DurationSeconds", ""},
		{"AssumeRole", []string{"RoleArn", cloudsim.ReaderRole, "RoleSessionName", "s1", "Policy", "{}"}, 400, "InvalidParameter.PolicyGrammar", ""},
		{"DescribeImages", []string{"RegionId", region, "Colour", "red"}, 400, "UnsupportedParameter", `"Colour"`},
		{"DescribeImages", []string{"RegionId", region, "regionid", region}, 400, "UnsupportedParameter", `"regionid"`},
		{"DescribeImages", []string{"RegionId", region, "Tag.0.Key", "a"}, 400, "UnsupportedParameter", `"Tag.0.Key"`},
		{"DescribeImages", []string{"RegionId", region, "Tag.01.Key", "a"}, 400, "UnsupportedParameter", `"Tag.01.Key"`},
		{"DeleteImage", []string{"RegionId", region, "ImageId", "m-1", "ClientToken", "t"}, 400, "UnsupportedParameter", `"ClientToken"`},
	} {
		t.Run(c.action+" "+strings.Join(c.pairs, " "), func(t *testing.T) {
			out := l.call(c.action, c.pairs...)
			expect(t, out, c.status, c.code)
			if !strings.Contains(out.text("Message"), c.blames) {
				t.Errorf("message %q does not name %s", out.text("Message"), c.blames)
			}
		})
	}
}

// TestSurplusIsLogged, and tolerated, where the server is not strict.
func TestSurplusIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := serve(t, ecsapi.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	expect(t, l.call("DescribeRegions", "Colour", "red", "OwnerId", "7"), 200, "")
	if text := log.String(); !strings.Contains(text, "Colour") || !strings.Contains(text, "DescribeRegions") || strings.Contains(text, "OwnerId") {
		t.Errorf("logged %q", text)
	}
}

// TestAmbiguousParametersAreRefused: what was signed must be what is done.
func TestAmbiguousParametersAreRefused(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	v := l.signer("local").rpc("GET", "DescribeImages", values("RegionId", region))
	for query, want := range map[string]string{
		v.Encode() + "&RegionId=cn-beijing": "InvalidParameter",
		v.Encode() + "&RegionId=%zz":        "InvalidParameter",
		v.Encode() + "&=x":                  "InvalidParameter",
	} {
		r, _ := http.NewRequest("GET", l.URL+"/", nil)
		r.URL.RawQuery = query
		out, err := send(r)
		if err != nil || out.status != 400 || out.code() != want {
			t.Errorf("%v %d %s", err, out.status, out.body)
		}
	}
	long, _ := http.NewRequest("POST", l.URL+"/", strings.NewReader(strings.Repeat("a", 1<<20+1)))
	if out, err := send(long); err != nil || out.status != 413 {
		t.Errorf("a long body: %d %v", out.status, err)
	}
}

// TestSessionPolicyNarrows what a role may do.
func TestSessionPolicyNarrows(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	assume := func(policy string) reply {
		return l.call("AssumeRole", "RoleArn", cloudsim.ReaderRole, "RoleSessionName", "s1", "Policy", policy)
	}
	role := assume(`{"Version":"1","Statement":[{"Effect":"Allow","Action":["ecs:DescribeRegions"],"Resource":"*"}]}`)
	for action, status := range map[string]int{"DescribeRegions": 200, "DescribeDisks": 403} {
		s := l.signer("local")
		s.key, s.secret, s.token = role.text("Credentials.AccessKeyId"), role.text("Credentials.AccessKeySecret"), role.text("Credentials.SecurityToken")
		if out, _ := l.get(s.rpc("GET", action, values("RegionId", region))); out.status != status {
			t.Errorf("%s: %d %s", action, out.status, out.body)
		}
	}
	for _, policy := range []string{
		`{"Statement":[{"Effect":"Deny","Action":"ecs:*","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"acs:ecs:*:*:image/m-1"}]}`,
		`{"Statement":[{"Effect":"Allow","Resource":"*"}]}`, `[]`, `nonsense`,
	} {
		expect(t, assume(policy), 400, "InvalidParameter.PolicyGrammar")
	}
}

// FuzzParameters sends signed requests with arbitrary query strings: the
// server never fails, always answers with a request id, and does not care
// which part of them travelled in the form.
func FuzzParameters(f *testing.F) {
	for _, seed := range []string{
		"Action=DescribeImages&RegionId=cn-hangzhou&Tag.1.Key=a&Tag.1.Value=b", "Action=DescribeInstances&RegionId=cn-hangzhou&InstanceIds=%5B%22i-1%22%5D",
		"Action=CreateImage&RegionId=cn-hangzhou&DiskDeviceMapping.2.Size=-1&DiskDeviceMapping.1.SnapshotId=s", "Action=DescribeTags&PageSize=9e9&&=&a",
		"Action=ListTagResources&RegionId=cn-hangzhou&ResourceType=image&TagFilter.1.TagValues.1000=x", "Action=%00&Tag..Key=1&%zz=2",
		"Action=AssumeRole&RoleArn=x&RoleSessionName=y&DurationSeconds=00900&Policy=%7B%22Statement%22%3A%5B%7B%7D%5D%7D",
	} {
		f.Add(seed)
	}
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(cloudsim.Epoch())})
	cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Name: "a"}})
	l := &local{TB: f, signing: cloudsim.NewClock(cloudsim.Epoch())}
	api := ecsapi.New(cloud, ecsapi.Options{RatePerMinute: -1, Strict: true, Clock: l.signing})
	f.Fuzz(func(t *testing.T, query string) {
		given, err := url.ParseQuery(query)
		if err != nil {
			given = url.Values{"Action": {query}}
		}
		for name := range given {
			given[name] = given[name][:1]
		}
		given.Del("Signature")
		var codes [2]string
		for i, inForm := range []func(string) bool{func(string) bool { return false }, func(n string) bool { return len(n)%2 == 1 }} {
			codes[i] = fuzzed(t, api, l.signer("local").rpc("POST", given.Get("Action"), maps.Clone(given)), inForm)
		}
		// A change may be refused the second time because the first did it.
		if codes[0] != codes[1] && strings.HasPrefix(given.Get("Action"), "Describe") {
			t.Errorf("%q: %s in the query, %s in the form", query, codes[0], codes[1])
		}
	})
}

func fuzzed(t *testing.T, api http.Handler, v url.Values, inForm func(string) bool) string {
	t.Helper()
	query, form := url.Values{}, url.Values{}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if inForm(name) {
			form.Set(name, v.Get(name))
		} else {
			query.Set(name, v.Get(name))
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
	r.URL.RawQuery = query.Encode()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var got struct{ RequestId, Code string }
	if v.Get("Format") == "JSON" && (json.Unmarshal(w.Body.Bytes(), &got) != nil || len(got.RequestId) != 36) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return got.Code
}

// TestTablesNameKnownKinds: a kind that check does not know would be text.
func TestTablesNameKnownKinds(t *testing.T) {
	t.Parallel()
	for kind, names := range ecsapi.Kinds() {
		if !slices.Contains([]string{"", "int", "int64", "bool", "list", "ids"}, kind) {
			t.Errorf("kind %q of %v", kind, names)
		}
	}
}
