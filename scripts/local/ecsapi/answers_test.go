package ecsapi_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
)

// node is what an answer may have at one place: a scalar of a kind, an object
// of keys, or a list of one node.
type node struct {
	scalar string // "string", "number" or "bool"
	keys   map[string]*node
	each   *node
}

// grammar reads the trees of testdata/response-trees.txt.
type grammar struct{ rest string }

func (g *grammar) eat(token string) bool {
	after, ok := strings.CutPrefix(strings.TrimLeft(g.rest, " "), token)
	if ok {
		g.rest = after
	}
	return ok
}

func (g *grammar) node() *node {
	switch {
	case g.eat("{"):
		keys := map[string]*node{}
		for !g.eat("}") {
			g.member(keys)
			g.eat(",")
		}
		return &node{keys: keys}
	case g.eat("["):
		n := &node{each: g.node()}
		g.eat("]")
		return n
	}
	if g.eat("number") {
		return &node{scalar: "number"}
	}
	g.eat("string")
	return &node{scalar: "string"}
}

func (g *grammar) member(keys map[string]*node) {
	g.rest = strings.TrimLeft(g.rest, " ")
	end := strings.IndexAny(g.rest, "#?:,}")
	name := g.rest[:end]
	g.rest = g.rest[end:]
	switch {
	case g.eat("#"):
		keys[name] = &node{scalar: "number"}
	case g.eat("?"):
		keys[name] = &node{scalar: "bool"}
	case g.eat(":"):
		keys[name] = g.node()
	default:
		keys[name] = &node{scalar: "string"}
	}
}

// trees are what every operation may answer.
func trees(t *testing.T) map[string]*node {
	t.Helper()
	all := map[string]*node{}
	for line := range strings.Lines(string(readFile(t, "testdata/response-trees.txt"))) {
		name, tree, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && name != "#" {
			all[name] = (&grammar{tree}).node()
		}
	}
	return all
}

// check compares an answer with its tree: every key must be in the tree, with
// its type. seen collects the paths of the keys that the answer has.
func (n *node) check(path string, got any, seen map[string]bool) error {
	seen[path] = true
	switch value := got.(type) {
	case map[string]any:
		for key, inner := range value {
			next, known := n.keys[key]
			if !known {
				return fmt.Errorf("%s.%s is not a key of the vendor's", path, key)
			}
			if err := next.check(path+"."+key, inner, seen); err != nil {
				return err
			}
		}
		return n.must(path, n.keys != nil, "an object")
	case []any:
		for _, inner := range value {
			if n.each == nil {
				break
			}
			if err := n.each.check(path, inner, seen); err != nil {
				return err
			}
		}
		return n.must(path, n.each != nil, "a list")
	case string:
		return n.must(path, n.scalar == "string", "a string")
	case json.Number:
		return n.must(path, n.scalar == "number", "a number")
	case bool:
		return n.must(path, n.scalar == "bool", "a boolean")
	}
	return fmt.Errorf("%s is %v", path, got)
}

func (n *node) must(path string, ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s must not be %s", path, what)
}

// everyCall makes one successful call of every operation. Reads come twice,
// over a whole region, so that rows of all kinds are seen.
func everyCall(l *local) map[string][]reply {
	const custom = "cn-hangzhou"
	instance := l.must("DescribeInstances", "RegionId", custom, "MaxResults", "10").list("Instances.Instance")[0].(map[string]any)["InstanceId"].(string)
	id := l.must("CreateImage", "RegionId", custom, "InstanceId", instance, "ImageName", "every-call", "ImageFamily", "every-family",
		"Tag.1.Key", "env", "Tag.1.Value", "test", "DetectionStrategy", "Standard").text("ImageId")
	l.state.Advance(time.Hour)
	answers := map[string][]reply{}
	call := func(action string, pairs ...string) {
		answers[action] = append(answers[action], l.must(action, append([]string{"RegionId", custom}, pairs...)...))
	}
	call("CreateImage", "InstanceId", instance)
	call("CopyImage", "ImageId", id, "DestinationRegionId", "cn-beijing")
	call("CancelCopyImage", "RegionId", "cn-beijing", "ImageId", answers["CopyImage"][0].text("ImageId"))
	call("ModifyImageAttribute", "ImageId", id, "Description", "changed")
	call("ModifyImageSharePermission", "ImageId", id, "AddAccount.1", second)
	call("TagResources", "ResourceType", "image", "ResourceId.1", id, "Tag.1.Key", "a", "Tag.1.Value", "b")
	disk := l.must("DescribeDisks", "RegionId", custom, "InstanceId", instance).list("Disks.Disk")[0].(map[string]any)["DiskId"].(string)
	call("TagResources", "ResourceType", "disk", "ResourceId.1", disk, "Tag.1.Key", "a")
	snapshot := l.must("DescribeImages", "RegionId", custom, "ImageId", id).text("Images.Image.DiskDeviceMappings.DiskDeviceMapping.SnapshotId")
	call("TagResources", "ResourceType", "snapshot", "ResourceId.1", snapshot, "Tag.1.Key", "a")
	call("JoinResourceGroup", "ResourceType", "image", "ResourceId", id, "ResourceGroupId", "rg-1")
	call("UntagResources", "ResourceType", "image", "ResourceId.1", id, "TagKey.1", "a")
	for _, region := range l.must("DescribeRegions").list("Regions.Region") {
		region := region.(map[string]any)["RegionId"].(string)
		for _, alias := range []string{"system", "self", "others", "marketplace"} {
			call("DescribeImages", "RegionId", region, "ImageOwnerAlias", alias, "PageSize", "100", "Status", "ALL")
		}
		for _, action := range []string{"DescribeInstances", "DescribeDisks", "DescribeSnapshots"} {
			call(action, "RegionId", region, "MaxResults", "100")
		}
		call("DescribeInstances", "RegionId", region, "AdditionalAttributes.1", "META_OPTIONS", "AdditionalAttributes.2", "LOGIN_AS_NON_ROOT")
	}
	call("DescribeImageFromFamily", "ImageFamily", "every-family")
	call("DescribeImageSupportInstanceTypes", "ImageId", id)
	call("DescribeImageSharePermission", "ImageId", id)
	call("ListTagResources", "ResourceType", "image", "ResourceId.1", id)
	for _, action := range []string{
		"DescribeTags", "DescribeInstanceStatus", "DescribeRegions", "DescribeZones",
		"DescribeInstanceTypes", "GetCallerIdentity",
	} {
		call(action)
	}
	call("AssumeRole", "RoleArn", cloudsim.ReaderRole, "RoleSessionName", "every")
	role := answers["AssumeRole"][0]
	session := l.signer("local")
	session.key, session.secret, session.token = role.text("Credentials.AccessKeyId"), role.text("Credentials.AccessKeySecret"), role.text("Credentials.SecurityToken")
	if out, err := l.get(session.rpc("GET", "GetCallerIdentity", nil)); err == nil {
		answers["GetCallerIdentity"] = append(answers["GetCallerIdentity"], out)
	}
	call("DescribeEndpoints", "Id", custom, "ServiceCode", "ecs")
	call("ModifyImageSharePermission", "ImageId", id, "RemoveAccount.1", second)
	call("DeleteImage", "ImageId", id, "Force", "true")
	return answers
}

// TestAnswersHaveTheVendorsShape: every key of every answer is the vendor's,
// with its type, and every key of the rows that clients rely on is there.
func TestAnswersHaveTheVendorsShape(t *testing.T) {
	t.Parallel()
	l := serveCompany(t, 400, ecsapi.Options{Strict: true})
	known, answers := trees(t), everyCall(l)
	for action, tree := range known {
		if len(answers[action]) == 0 {
			t.Errorf("%s was not called", action)
			continue
		}
		seen := map[string]bool{}
		for _, out := range answers[action] {
			if err := tree.check(action, out.tree, seen); err != nil {
				t.Error(err)
			}
		}
		never := neverThere(t, action)
		if absent := missingKeys(tree, action, seen); action != "DescribeImageFromFamily" && !slices.Equal(absent, never) {
			t.Errorf("%s: in no answer are\n%s\nbut testdata/never-answered.txt has\n%s", action, strings.Join(absent, "\n"), strings.Join(never, "\n"))
		}
	}
	for action := range answers {
		if known[action] == nil {
			t.Errorf("%s has no tree", action)
		}
	}
}

// missingKeys are the paths of a tree that were not seen, outermost only.
func missingKeys(n *node, path string, seen map[string]bool) []string {
	if !seen[path] {
		return []string{path}
	}
	if n.each != nil {
		return missingKeys(n.each, path, seen)
	}
	var missing []string
	for key, next := range n.keys {
		missing = append(missing, missingKeys(next, path+"."+key, seen)...)
	}
	slices.Sort(missing)
	return missing
}

// TestWireOfAnImage holds the details of a capture of the real service.
func TestWireOfAnImage(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	l.addImages(1)
	out := l.must("DescribeImages", "RegionId", region, "ImageOwnerAlias", "self")
	for _, part := range []string{
		`"Size":"40"`, `"Size":40,`, `"Progress":"100%"`, `"IsSelfShared":"False"`, `"Usage":"none"`, `"ProductCode":""`, `"ImageFamily":""`,
		`"ImageVersion":""`, `"ResourceGroupId":""`, `"DetectionOptions":{}`, `"Tags":{"Tag":[]}`, `"CreationTime":"2026-10-31T23:00:00Z"`,
		`"RegionId":"cn-hangzhou"`, `"Type":"system"`, `"Usable":true`, `"PageNumber":1,"PageSize":10,"TotalCount":1`,
	} {
		if !strings.Contains(out.body, part) {
			t.Errorf("no %s in %s", part, out.body)
		}
	}
	if id := out.text("RequestId"); !regexp.MustCompile(`^[0-9A-F]{8}-([0-9A-F]{4}-){3}[0-9A-F]{12}$`).MatchString(id) {
		t.Errorf("request id %q", id)
	}
	empty := l.must("DescribeImages", "RegionId", "cn-beijing", "ImageOwnerAlias", "self")
	if !strings.Contains(empty.body, `"Images":{"Image":[]}`) || empty.text("TotalCount") != "0" {
		t.Errorf("no images: %s", empty.body)
	}
	none := l.must("DescribeImageFromFamily", "RegionId", region, "ImageFamily", "nobody")
	if !strings.Contains(none.body, `"Image":{}`) {
		t.Errorf("no family: %s", none.body)
	}
}

// TestErrorBody has the five keys, of the product that was called.
func TestErrorBody(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	out := l.call("DescribeImages", "RegionId", "cn-nowhere")
	expect(t, out, 404, "InvalidRegionId.NotFound")
	id := out.text("RequestId")
	if len(out.tree) != 5 || out.text("HostId") != "ecs.cn-nowhere.aliyuncs.com" || out.text("Message") == "" ||
		out.text("Recommend") != "https://api.aliyun.com/troubleshoot?q=InvalidRegionId.NotFound&product=Ecs&requestId="+id {
		t.Errorf("body %s", out.body)
	}
	if out.header.Get("x-acs-request-id") != id {
		t.Errorf("header says %q, body %q", out.header.Get("x-acs-request-id"), id)
	}
	if host := l.call("AssumeRole", "RoleArn", "acs:ram::1000000000000002:role/none", "RoleSessionName", "s1").text("HostId"); host != "sts.aliyuncs.com" {
		t.Errorf("STS answers as %q", host)
	}
}

// TestXML: the RPC scheme answers in XML unless JSON is asked for.
func TestXML(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	l.addImages(2)
	for _, format := range []string{"", "XML", "xml"} {
		out, err := l.get(l.signer("local").rpc("GET", "DescribeImages", values("RegionId", region, "ImageOwnerAlias", "self", "Format", format)))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			XMLName    xml.Name `xml:"DescribeImagesResponse"`
			TotalCount int
			Names      []string `xml:"Images>Image>ImageName"`
		}
		if err := xml.Unmarshal([]byte(out.body), &got); err != nil || got.TotalCount != 2 || fmt.Sprint(got.Names) != "[app-000 app-001]" {
			t.Errorf("format %q: %v %+v", format, err, got)
		}
		if kind := out.header.Get("Content-Type"); kind != "text/xml;charset=utf-8" {
			t.Errorf("as %q", kind)
		}
	}
	bad, _ := l.get(l.signer("local").rpc("GET", "Dream<&>", values("Format", "XML")))
	var got struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	if err := xml.NewDecoder(strings.NewReader(bad.body)).Decode(&got); err != nil && !errors.Is(err, io.EOF) || got.Code != "InvalidAction.NotFound" {
		t.Errorf("%v %s", err, bad.body)
	}
}

// neverThere are the keys of an operation's answer that this cloud leaves out.
func neverThere(t *testing.T, action string) []string {
	t.Helper()
	var keys []string
	for line := range strings.Lines(string(readFile(t, "testdata/never-answered.txt"))) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, action+".") {
			keys = append(keys, line)
		}
	}
	return keys
}
