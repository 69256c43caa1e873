package least_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/policies/least"
	"imagekeeper/shared/cloudsim"
)

const root = "../../.."

// with is the code of the module with some files in place of others.
func with(t *testing.T, files map[string]string) least.Code {
	t.Helper()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	c := least.Code{Root: root, Instead: map[string][]byte{}}
	for path, text := range files {
		c.Instead[filepath.Join(top, path)] = []byte(text)
	}
	return c
}

// changed is a file of the module in which one text stands for another.
func changed(t *testing.T, path, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q: %v", path, from, err)
	}
	return strings.ReplaceAll(string(text), from, to)
}

// actions are what a policy allows.
func actions(t *testing.T, files map[string][]byte, path string) []string {
	t.Helper()
	var p least.Policy
	if err := json.Unmarshal(files[path], &p); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p.Actions()
}

// tagging is a main that calls one operation more, by an interface, a function
// value and a closure that others run.
const tagging = `package main

import (
	"context"
	"sync"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

type tagger interface {
	TagImages(ctx context.Context, region image.RegionID, ids []image.ID, key, value string) error
}

type last struct{ end func(tagger) }

func main() {
	function.Serve("price", open)
	l := last{end: func(t tagger) { _ = t.TagImages(context.Background(), "", nil, "", "") }}
	var once sync.Once
	once.Do(func() { l.end((*alicloud.Account)(nil)) })
}
`

// A call that comes is in the policies of those who can reach it and of nobody
// else; a call that goes is in none.
func TestPoliciesFollowTheCode(t *testing.T) {
	t.Parallel()
	before, err := least.Code{Root: root}.Files()
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range before {
		if there, err := os.ReadFile(filepath.Join(root, path)); err != nil || string(there) != string(text) {
			t.Errorf("%s is stale, %v: run %s", path, err, least.Command)
		}
	}
	const accounts = "shared/function/places/places.go"
	if !alternates(t, 0) {
		return
	}
	priced := []string{"functions/price/policy.json"}
	everybody := []string{
		"functions/cleanup/policy.json", "functions/find/policy.json", "functions/import/policy.json", "functions/price/policy.json",
		"functions/replace-disk/policy.json", "functions/share/policy.json", "functions/cleanup/tagged-policy.json",
	}
	const come, gone = "ecs:TagResources", "sts:AssumeRole"
	after, err := with(t, map[string]string{
		"functions/price/main.go": tagging,
		accounts: changed(t, accounts, "return a.cloud.Accounts(", "return alone(a.cloud, ") + `
func alone(cloud *alicloud.Cloud, c alicloud.Caller, _ []alicloud.RoleARN, _ string) []*alicloud.Account {
	return []*alicloud.Account{cloud.Account(c.Credentials)}
}
`,
	}).Files()
	if err != nil {
		t.Fatal(err)
	}
	for path := range before {
		if !strings.HasSuffix(path, ".json") {
			continue
		}
		want := actions(t, before, path)
		if slices.Contains(priced, path) {
			want = append(want, come)
		}
		if slices.Contains(everybody, path) {
			want = slices.DeleteFunc(want, func(a string) bool { return a == gone })
		}
		slices.Sort(want)
		if got := actions(t, after, path); !slices.Equal(got, want) {
			t.Errorf("%s allows %v, want %v", path, got, want)
		}
	}
	needs := string(after["functions/find/needs.go"])
	_, row, _ := strings.Cut(needs, `{Action: "`+come+`", By: []string{`)
	if row, _, _ = strings.Cut(row, "}"); !strings.Contains(row, `"price"`) || strings.Contains(needs, gone) {
		t.Errorf("find is told:\n%s", needs)
	}
}

// importing are the imports that stand before those of a file that needs more.
func importing(text string) string {
	more := "\n"
	for name, path := range map[string]string{
		"os.Args": "os", "requests.": "github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests", "ecs.Create": "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs",
	} {
		if strings.Contains(text, name) && !strings.Contains(text, `"`+path+`"`) {
			more += "import \"" + path + "\"\n"
		}
	}
	return more + "\nimport "
}

// alternates: reading changed code compiles it, so that of two tests that do only one
// has its turn, by the draw.
func alternates(t *testing.T, turn uint64) bool {
	t.Helper()
	if drawn.All() || drawn.Seed()%2 == turn {
		return true
	}
	t.Logf("not drawn by %s=%d: changed code was not read", drawn.Variable, drawn.Seed())
	return false
}

// What cannot be told from the code is refused, with the place.
func TestWhatCannotBeToldIsRefused(t *testing.T) {
	t.Parallel()
	if !alternates(t, 1) {
		return
	}
	files, said := map[string]string{}, map[string]string{}
	for name, c := range map[string]struct{ path, from, to, says string }{
		"a request without its constructor": {
			"functions/share/main.go", "func main() {", "func main() {\n\tvar r requests.RpcRequest\n\tr.InitWithApiInfo(\"ecs\", \"\", os.Args[1], \"\", \"\")\n\t",
			"functions/share.main sends an operation that is named only when it runs",
		},
		"a request of the vendor's own": {
			"functions/price/main.go", "func main() {", "func main() {\n\t_ = ecs.CreateDescribeImagesRequest()\n\t",
			"functions/price.main sends an operation that is named only when it runs",
		},
		"an operation that is made up": {
			"shared/alicloud/permission.go", "operation: asked.operation", "operation: operation(\"ecs:\" + listing.Image)",
			"(*shared/alicloud.Account).MayList sends an operation that is named only when it runs: name it by a constant",
		},
		"an operation of OSS that is made up": {
			"shared/alicloud/oss/bucket.go", "b.read(ctx, getObject,", "b.read(ctx, operation(key),",
			"(*shared/alicloud/oss.Bucket).Get sends an operation that is named only when it runs: name it by a constant",
		},
	} {
		text := changed(t, c.path, c.from, c.to)
		files[c.path], said[name] = strings.Replace(text, "\nimport ", importing(text), 1), c.says
	}
	_, err := with(t, files).Files()
	for name, says := range said {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := map[string]string{"functions/find/main.go": changed(t, "functions/find/main.go", "open)", "close)")}
	if _, err := with(t, broken).Files(); err == nil || !strings.Contains(err.Error(), "functions/find") {
		t.Errorf("code that does not compile: %v", err)
	}
}

// Every policy allows something, each action on what it is about: on all only what
// lists, and what RAM cannot narrow.
func TestPoliciesAreNarrow(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"find", "price", "share", "import", "replace-disk", "cleanup"} {
		for _, file := range []string{least.PolicyFile, least.ReaderFile} {
			p, err := least.Read(root, function, file)
			if err != nil || p.Version != "1" || len(p.Actions()) == 0 {
				t.Errorf("%s of %s: %+v, %v", file, function, p, err)
			}
			for _, s := range p.Statement {
				for _, action := range s.Action {
					product, name, _ := strings.Cut(action, ":")
					whole := product != "sts" && product != "oss" && (product != "ecs" || len(cloudsim.Scope(name)) == 0)
					if s.Effect != "Allow" || len(s.Resource) == 0 || whole != slices.Equal(s.Resource, []string{"*"}) || strings.Contains(action, "*") ||
						file == least.ReaderFile && (!whole || !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Lookup") && !strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "List")) {
						t.Errorf("%s of %s: %s on %v", file, function, action, s.Resource)
					}
				}
			}
		}
	}
}

// Import deletes only instances that bear the tag of its tests.
func TestInstancesAreDeletedByTheirTag(t *testing.T) {
	t.Parallel()
	p, err := least.Read(root, "import", least.PolicyFile)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, s := range p.Statement {
		deletes := slices.Contains(s.Action, "ecs:DeleteInstance")
		if deletes != (len(s.Condition) > 0) || deletes && (len(s.Action) != 1 || !slices.Equal(s.Condition["StringLike"]["acs:ResourceTag/imagekeeper:test"], []string{"*"})) {
			t.Errorf("%v under %v", s.Action, s.Condition)
		}
		if deletes {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d statements allow it", found)
	}
}

// The variant by tags allows the same on the same things; what deletes only where the
// tag is.
func TestTaggedPolicyIsAsNarrow(t *testing.T) {
	t.Parallel()
	on := func(file string) map[string][]string {
		p, err := least.Read(root, "cleanup", file)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string][]string{}
		for _, s := range p.Statement {
			if len(s.Action) == 0 {
				t.Errorf("%s has a statement without actions", file)
			}
			for _, action := range s.Action {
				all[action] = s.Resource
				if gated := file == least.TaggedFile && strings.HasPrefix(action, "ecs:Delete"); gated != (len(s.Condition) > 0) {
					t.Errorf("%s: %s under %v", file, action, s.Condition)
				}
			}
		}
		return all
	}
	if plain, tagged := on(least.PolicyFile), on(least.TaggedFile); !maps.EqualFunc(plain, tagged, slices.Equal) {
		t.Errorf("%v, %v", plain, tagged)
	}
}
