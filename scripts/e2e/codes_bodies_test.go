package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/function"
)

// written is a request with a body that is right, and what its members name.
type written struct {
	asked
	regions, accounts, images []string
	// may are members that may be empty, or may have what elsewhere is a mistake.
	may []string
}

// writers are requests of all operations that take a body. They only plan.
func writers(id, family string) []written {
	const grantee, server = `{"accountId":"1000000000000005","until":"2030-01-01T00:00:00Z","onExpiry":"remove","reason":"a trial"}`, "i-bp1nosuchinstance000"
	post := func(operation, target, body string, role function.Role) asked {
		return asked{operation, http.MethodPost, target, body, role}
	}
	const rollout = `{"select":{"family":["web-base"],"account":["1000000000000001"],"region":["cn-hangzhou"],"id":["` + server + `"]},"to":{"image":"m-bp1nosuchimage00000001"},` +
		`"strategy":{"canary":1},"health":[{"status":{}}],"onUnhealthy":"halt"}`
	const imported = `{"source":{"instance":{"instanceId":"` + server + `"}},"region":"cn-hangzhou","account":"1000000000000001",` +
		`"image":{"name":"golden-1","family":"golden","tags":{"team":"web"}},"release":{"regions":["cn-hangzhou"],"share":{"accounts":[{"accountId":"1000000000000005"}]}}}`
	return []written{
		{
			asked:   post("price.images", "/prices", `{"questions":[{"imageId":"`+id+`","region":"cn-hangzhou","account":"1000000000000001","instanceType":"ecs.g7.large"}]}`, function.Viewer),
			regions: []string{"questions.0.region"}, accounts: []string{"questions.0.account"}, images: []string{"questions.0.imageId"},
		},
		{
			asked:   asked{"share.put", http.MethodPut, "/shares/" + id, `{"region":"cn-hangzhou","account":"1000000000000001","accounts":[` + grantee + `]}`, function.Viewer},
			regions: []string{"region"}, accounts: []string{"account"}, may: []string{"accounts"},
		},
		{
			asked:   asked{"share.patch", http.MethodPatch, "/shares/" + id, `{"region":"cn-hangzhou","account":"1000000000000001","add":[` + grantee + `],"remove":["1000000000000006"],"evenIfUsed":["1000000000000006"]}`, function.Viewer},
			regions: []string{"region"}, accounts: []string{"account"},
		},
		{asked: post("imports.post", "/imports", imported, function.Operator), regions: []string{"region", "release.regions.0"}, accounts: []string{"account"}, may: []string{"image.tags.team"}},
		{asked: post("imports.post", "/imports", `{"source":{"image":{"imageId":"`+id+`"}},"image":{"name":"golden-1"}}`, function.Operator), images: []string{"source.image.imageId"}},
		{
			asked:   post("exports.post", "/exports", `{"imageId":"`+id+`","region":"cn-hangzhou","account":"1000000000000001","bucket":"golden-exports","prefix":"out"}`, function.Operator),
			regions: []string{"region"}, accounts: []string{"account"}, images: []string{"imageId"},
		},
		{
			asked:   asked{"attributes.patch", http.MethodPatch, "/attributes/" + id, `{"region":"cn-hangzhou","account":"1000000000000001","description":"golden","tags":{"team":"web"},"untag":["old"]}`, function.Operator},
			regions: []string{"region"}, accounts: []string{"account"}, may: []string{"tags.team"},
		},
		{asked: asked{"releases.put", http.MethodPut, "/releases/" + family, `{"channel":"stable","images":{"cn-hangzhou":"` + id + `"},"reason":"it is good","adopt":true}`, function.Operator}},
		{asked: post("rollouts.post", "/rollouts", rollout, function.Fleet), regions: []string{"select.region.0"}, accounts: []string{"select.account.0"}, may: []string{"select.family"}},
		{asked: asked{"rollouts.stop", http.MethodPut, "/rollouts/stop", `{"reason":"an incident"}`, function.Fleet}},
		{
			asked:   post("cleanups.create", "/cleanups", `{"images":["`+id+`"],"region":"cn-hangzhou","account":"1000000000000001"}`, function.Reaper),
			regions: []string{"region"}, accounts: []string{"account"}, images: []string{"images.0"},
		},
		{asked: post("cleanups.create", "/cleanups", `{"rules":true,"image":"`+id+`"}`, function.Reaper), images: []string{"image"}},
		{
			asked:   asked{"cleanups.keep", http.MethodPut, "/keeps/" + id, `{"region":"cn-hangzhou","account":"1000000000000001","reason":"an audit","until":"` + time.Now().UTC().AddDate(0, 1, 0).Format(time.RFC3339) + `"}`, function.Viewer},
			regions: []string{"region"}, accounts: []string{"account"},
		},
		{asked: post("cleanups.restore", "/bin/"+id+"/restore", `{"region":"cn-hangzhou"}`, function.Reaper), regions: []string{"region"}},
		{asked: asked{"cleanups.stop", http.MethodPut, "/cleanups/stop", `{"reason":"an incident"}`, function.Reaper}},
	}
}

// place is one member of a body with a mistake in it.
type place struct {
	asked
	member string
	wrong  any
}

// places are the members in which a mistake can be made.
func (m sameMistake) places(bodies []written) []place {
	var all []place
	for _, w := range bodies {
		var root any
		_ = json.Unmarshal([]byte(w.body), &root) // written above
		add := func(members []string, wrong any) {
			for _, member := range members {
				all = append(all, place{w.asked, member, wrong})
			}
		}
		value, err := url.QueryUnescape(m.value)
		switch {
		case m.inBodies != nil:
			walked(root, "", func(member string, there any) {
				if wrong, can := m.inBodies(there); can && !slices.Contains(w.may, member) && !slices.Contains(m.right, member) {
					add([]string{member}, wrong)
				}
			})
		case err != nil, strings.Contains(m.value, "&"), strings.Contains(value, "\x00"):
		case m.parameter == "region":
			add(w.regions, value)
		case m.parameter == "account":
			add(w.accounts, value)
		case m.image != "":
			value, _ = url.PathUnescape(m.image)
			add(w.images, value)
		}
	}
	return all
}

// walked visits the members of a document, and what is in them.
func walked(v any, at string, visit func(member string, v any)) {
	if at != "" {
		visit(at, v)
	}
	below := func(name string) string { return strings.TrimPrefix(at+"."+name, ".") }
	switch v := v.(type) {
	case object:
		for name, one := range v {
			walked(one, below(name), visit)
		}
	case []any:
		for n, one := range v {
			walked(one, below(fmt.Sprint(n)), visit)
		}
	}
}

// mistakenIn makes a mistake in a body that is right, and returns what comes: status
// and code. What is planned and may not be done has the status of the refusal.
func (s *stack) mistakenIn(t *testing.T, m sameMistake, p place) string {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(p.body), &root); err != nil {
		t.Fatal(err)
	}
	body := encoded(replaced(root, strings.Split(p.member, "."), p.wrong))
	status, answer := s.ask(function.Operator, p.method, p.target, body)
	var told struct {
		Code  string
		Field string
		Items []struct {
			Problem *struct {
				Status      int
				Code, Field string
			}
		}
		Findings []struct{ Level, Code string }
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		t.Errorf("%s: %s %s %s: %d %.300s", m.name, p.method, p.target, body, status, answer)
	}
	if status == http.StatusOK && len(told.Items) > 0 && told.Items[0].Problem != nil {
		status, told.Code = told.Items[0].Problem.Status, told.Items[0].Problem.Code
	}
	for _, f := range told.Findings {
		if status == http.StatusOK && f.Level == "fatal" {
			status, told.Code = map[string]int{"notFound": http.StatusNotFound}[f.Code], f.Code
		}
	}
	if status < http.StatusBadRequest {
		t.Errorf("%s: %s of %s %s %s: %d %.300s", m.name, p.member, p.method, p.target, body, status, answer)
	}
	return fmt.Sprint(status, " ", told.Code)
}

// replaced is a document with another value in one place.
func replaced(v any, path []string, wrong any) any {
	if len(path) == 0 {
		return wrong
	}
	switch v := v.(type) {
	case object:
		v[path[0]] = replaced(v[path[0]], path[1:], wrong)
	case []any:
		var n int
		_, _ = fmt.Sscan(path[0], &n)
		v[n] = replaced(v[n], path[1:], wrong)
	}
	return v
}
