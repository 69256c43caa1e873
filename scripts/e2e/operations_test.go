package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
)

// asked is a request that is right, for an operation.
type asked struct {
	operation, method, target, body string
	role                            function.Role
}

// object is a JSON object.
type object = map[string]any

// documented is a stack with every function, and an image of ours in it with
// its family.
func documented(t *testing.T) (*stack, string, string) {
	t.Helper()
	s := start(t, options{
		sim: company.New(cloudsim.Options{Seed: 7}, company.Options{Images: 60, Instances: 20}),
		environment: map[string]string{
			"JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()), "REGIONS": "cn-hangzhou", "ACCOUNTS": "", "ECS_RATE_SHARE": "10", "SYSTEM_ROLES": "operator",
		},
	})
	status, body := s.get("/images?kind=custom&limit=1000&encrypted=false")
	var found struct {
		Items []struct {
			ImageID string `json:"imageId"`
			Family  string `json:"imageFamily"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &found); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, body, err)
	}
	for _, image := range found.Items {
		if image.Family != "" {
			return s, image.ImageID, image.Family
		}
	}
	t.Fatalf("no image of ours has a family: %s", body)
	return nil, "", ""
}

// right are requests for every operation of the document.
func right(id, family string) []asked {
	get := func(operation, target string) asked {
		return asked{operation, http.MethodGet, target, "", function.Viewer}
	}
	const grantee = `{"accountId":"1000000000000005","until":"2030-01-01T00:00:00Z","onExpiry":"remove","reason":"a trial"}`
	return []asked{
		get("find.images", "/images?limit=3&explain=true"), get("find.image", "/images/"+id), get("find.families", "/families"), get("find.family", "/families/"+family),
		get("find.lineage", "/images/"+id+"/lineage"), get("find.usage", "/images/"+id+"/usage"), get("find.instances", "/instances"),
		get("find.access", "/access"), get("price.image", "/prices/"+id+"?hours=1.5"), get("price.report", "/prices"), get("share.get", "/shares/"+id+"?history=true"),
		{"price.images", http.MethodPost, "/prices", `{"questions":[{"imageId":"` + id + `","hours":720},{"imageId":"m-none","hours":"1/3"},{"region":"?"}]}`, function.Viewer},
		{"portal.page", http.MethodGet, "/", "", ""},
		{"portal.document", http.MethodGet, "/openapi.json", "", ""},
		{"portal.health", http.MethodGet, "/healthz", "", ""},
		{"portal.asset", http.MethodGet, "/assets/" + asset(), "", ""},
		{"share.put", http.MethodPut, "/shares/" + id, `{"accounts":[` + grantee + `],"community":false}`, function.Viewer},
		{"share.patch", http.MethodPatch, "/shares/" + id, `{"add":[` + grantee + `],"remove":["1000000000000006"]}`, function.Viewer},
	}
}

// asset is a file of the page, whose name changes with its content.
func asset() string {
	found, err := filepath.Glob(filepath.Join(root, "functions", "portal", "site", "assets", "*.js"))
	if err != nil || len(found) != 1 {
		panic(fmt.Sprintf("the page has %v %v", found, err))
	}
	return filepath.Base(found[0])
}

// TestEveryOperation asks for each operation of the document once, in each
// format, by HEAD, directly and through the function's own trigger; the checker
// at the gateway judges what comes. An operation that is not asked for fails.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	s, id, family := documented(t)
	for _, r := range right(id, family) {
		for _, target := range []string{r.target, "/_fn/" + owner(r.operation) + r.target} {
			if status, body := s.ask(r.role, r.method, target, []byte(r.body)); status != http.StatusOK {
				t.Errorf("%s: %s %s: %d %s", r.operation, r.method, target, status, body)
			}
		}
		if r.method == http.MethodGet {
			if status, _ := s.ask(r.role, http.MethodHead, r.target, nil); status != http.StatusOK {
				t.Errorf("%s: HEAD %s: %d", r.operation, r.target, status)
			}
		}
		input := inputOf(t, r, id, family)
		status, body := s.ask("", http.MethodPost, "/_local/invoke/"+owner(r.operation), input)
		if status != http.StatusOK || strings.Contains(string(body), `"about:blank"`) && r.operation != "price.images" {
			t.Errorf("%s directly: %d %s", r.operation, status, body)
		}
	}
	for _, target := range []string{"/images?", "/families?", "/instances?", "/access?", "/prices?", "/prices?by=family&"} {
		for _, format := range []string{"csv", "ndjson"} {
			if status, body := s.get(target + "format=" + format); status != http.StatusOK {
				t.Errorf("%s%s: %d %s", target, format, status, body)
			}
		}
	}
	for _, timer := range []string{"share/expiry", "price/report"} {
		if status, body := s.ask("", http.MethodPost, "/_local/trigger/"+timer, nil); status != http.StatusOK {
			t.Errorf("%s: %d %s", timer, status, body)
		}
	}
	s.healthy(t)
	seen := s.checker.Seen()
	// What outlives a call is asked by TestMatrix, TestOddRequests and TestMistakes.
	long := []string{"attributes", "cleanups", "exports", "imports", "releases", "rollouts"}
	for _, operation := range s.checker.Operations() {
		if seen[operation+" 200"] == 0 && !slices.Contains(long, owner(operation)) {
			t.Errorf("%s was never answered: add it to the list", operation)
		}
	}
	if seen["share timer 200"] == 0 || seen["price timer 200"] == 0 || seen["find.images direct 200"] == 0 {
		t.Errorf("timers and direct calls were not judged: %v", seen)
	}
}

// healthy: every function says at its own address, to whoever may ask, that it is well,
// what it is called and its version; to nobody else.
func (s *stack) healthy(t *testing.T) {
	t.Helper()
	functions, err := bootstrap.Functions(root)
	if err != nil || len(functions) < 7 {
		t.Fatal(functions, err)
	}
	for _, name := range functions {
		ask := func(token string) (int, []byte) {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/_fn/"+name+"/healthz", http.NoBody)
			request.Header.Set("Authorization", token)
			w := httptest.NewRecorder()
			s.door.Load().ServeHTTP(w, request)
			return w.Code, w.Body.Bytes()
		}
		var said struct{ Status, Function, Version string }
		status, body := ask("Bearer " + s.tokens[function.Viewer])
		if err := json.Unmarshal(body, &said); err != nil || status != http.StatusOK || said.Status != "ok" || said.Function != name || said.Version != function.Version {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status, body = ask(""); status != http.StatusUnauthorized && name != "portal" {
			t.Errorf("%s, asked by nobody: %d %s", name, status, body)
		}
	}
}

// owner is the function of an operation.
func owner(operation string) string {
	name, _, _ := strings.Cut(operation, ".")
	return name
}

// inputOf is r as a direct call.
func inputOf(t *testing.T, r asked, id, family string) []byte {
	t.Helper()
	input := object{}
	if r.body != "" {
		if err := json.Unmarshal([]byte(r.body), &input); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(r.target, id) {
		input["imageId"] = id
	}
	_, query, _ := strings.Cut(r.target, "?")
	given, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	for name := range given {
		var value any
		if json.Unmarshal([]byte(given.Get(name)), &value) != nil {
			value = given.Get(name)
		}
		input[name] = value
	}
	if r.operation == "portal.asset" {
		input["file"] = asset()
	}
	if r.operation == "find.family" {
		input["family"] = family
	}
	text, err := json.Marshal(object{"operation": r.operation, "input": input})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestWhatTheDocumentForbids sends each operation what the document forbids of
// each parameter and each field, at any depth. Each is refused with a problem
// that names the field; the checker would tell of one that is not.
func TestWhatTheDocumentForbids(t *testing.T) {
	t.Parallel()
	s, id, family := documented(t)
	var document object
	if err := json.Unmarshal(checkedIn(t), &document); err != nil {
		t.Fatal(err)
	}
	d := reader{document}
	tried := 0
	refused := func(r asked, target, body, name string) {
		tried++
		status, answer := s.ask(r.role, r.method, target, []byte(body))
		var problem struct {
			Field  string `json:"field"`
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal(answer, &problem); err != nil || status != http.StatusBadRequest || !strings.Contains(problem.Field+" "+problem.Detail, name) {
			t.Errorf("%s %s %s: %d %s: want 400 and %s", r.method, target, body, status, answer, name)
		}
	}
	for _, r := range right(id, family) {
		operation := d.operation(r.operation)
		target, _, _ := strings.Cut(r.target, "?")
		for _, p := range d.list(operation["parameters"]) {
			name, _ := p["name"].(string)
			if p["in"] != "query" || p["explode"] == true {
				continue
			}
			for _, text := range d.wrongTexts(d.resolve(p["schema"])) {
				refused(r, target+"?"+url.Values{name: {text}}.Encode(), r.body, name)
			}
			refused(r, target+"?"+strings.ToUpper(name)+"=a", r.body, strings.ToUpper(name))
			refused(r, target+"?"+name+"=", r.body, name)
		}
		refused(r, target+"?noSuchParameter=a", r.body, "noSuchParameter")
		if r.body == "" {
			continue
		}
		body, _ := operation["requestBody"].(object)
		schema := d.resolve(body["content"].(object)["application/json"].(object)["schema"])
		var good any
		if err := json.Unmarshal([]byte(r.body), &good); err != nil {
			t.Fatal(err)
		}
		for _, m := range d.wrongValues(schema, good, "") {
			text, err := json.Marshal(m.value)
			if err != nil {
				t.Fatal(err)
			}
			refused(r, target, string(text), m.name)
		}
	}
	if tried < 300 {
		t.Errorf("only %d requests were tried", tried)
	}
}

// reader follows the references of a document.
type reader struct{ document object }

func (d reader) resolve(value any) object {
	o, _ := value.(object)
	ref, isRef := o["$ref"].(string)
	if !isRef {
		if any, ok := o["anyOf"].([]any); ok { // something, or null
			return d.resolve(any[0])
		}
		return o
	}
	var at any = d.document
	for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(object)[strings.ReplaceAll(key, "~1", "/")]
	}
	return d.resolve(at)
}

func (d reader) list(value any) []object {
	var all []object
	values, _ := value.([]any)
	for _, one := range values {
		all = append(all, d.resolve(one))
	}
	return all
}

func (d reader) operation(id string) object {
	for _, path := range d.document["paths"].(object) {
		for _, operation := range path.(object) {
			if operation := operation.(object); operation["operationId"] == id {
				return operation
			}
		}
	}
	return nil
}

// takes reports whether a schema takes values of a JSON type.
func takes(schema object, kind string) bool {
	if either, ok := schema["oneOf"].([]any); ok {
		return slices.ContainsFunc(either, func(one any) bool { return one.(object)["type"] == kind })
	}
	kinds, several := schema["type"].([]any)
	return schema["type"] == kind || several && slices.Contains(kinds, any(kind))
}

// wrongTexts are values of a parameter that its schema forbids.
func (d reader) wrongTexts(schema object) []string {
	var wrong []string
	switch {
	case takes(schema, "array"):
		wrong = d.wrongTexts(d.resolve(schema["items"]))
		if most, ok := schema["maxItems"].(float64); ok {
			wrong = append(wrong, strings.TrimSuffix(strings.Repeat("a,", int(most)+1), ","))
		}
	case takes(schema, "boolean"):
		wrong = append(wrong, "yes", "1", "TRUE")
	case takes(schema, "integer"):
		wrong = append(wrong, "x", "1.5", "1e3", "99999999999999999999")
		if least, ok := schema["minimum"].(float64); ok {
			wrong = append(wrong, fmt.Sprint(int(least)-1))
		}
		if most, ok := schema["maximum"].(float64); ok {
			wrong = append(wrong, fmt.Sprint(int(most)+1))
		}
	}
	if schema["format"] == "date-time" {
		wrong = append(wrong, "yesterday", "2026-01-31", "2026-01-31T12:00:00")
	}
	return append(wrong, wrongWords(schema)...)
}

// wrongWords are texts that a schema of a text forbids.
func wrongWords(schema object) []string {
	var wrong []string
	if schema["enum"] != nil {
		wrong = append(wrong, "noSuchWord")
	}
	if pattern, ok := schema["pattern"].(string); ok {
		for _, text := range []string{"?!", "a b", strings.Repeat("a", 300)} {
			if !regexp.MustCompile(pattern).MatchString(text) {
				wrong = append(wrong, text)
			}
		}
	}
	if most, ok := schema["maxLength"].(float64); ok {
		wrong = append(wrong, strings.Repeat("a", int(most)+1))
	}
	return wrong
}

// mistaken is a body with one mistake, and the name of what is wrong with it.
type mistaken struct {
	value any
	name  string
}

// wrongValues are copies of a good value with one mistake each.
func (d reader) wrongValues(schema object, good any, name string) []mistaken {
	var wrong []mistaken
	for kind, value := range map[string]any{"string": "", "integer": 7, "boolean": true, "array": []any{}, "object": object{}} {
		if name != "" && !takes(schema, kind) && (kind != "integer" || !takes(schema, "number")) {
			wrong = append(wrong, mistaken{value, name})
		}
	}
	for _, text := range wrongWords(schema) {
		wrong = append(wrong, mistaken{text, name})
	}
	switch good := good.(type) {
	case object:
		wrong = append(wrong, d.wrongMembers(schema, good)...)
	case []any:
		for n, one := range good {
			for _, m := range d.wrongValues(d.resolve(schema["items"]), one, fmt.Sprintf("%s[%d]", name, n)) {
				other := slices.Clone(good)
				other[n] = m.value
				wrong = append(wrong, mistaken{other, m.name})
			}
		}
		if most, ok := schema["maxItems"].(float64); ok && len(good) > 0 {
			wrong = append(wrong, mistaken{slices.Repeat(good[:1], int(most)+1), name})
		}
	}
	return wrong
}

func (d reader) wrongMembers(schema, good object) []mistaken {
	var wrong []mistaken
	with := func(key string, value any, name string) {
		other := maps.Clone(good)
		other[key] = value
		wrong = append(wrong, mistaken{other, name})
	}
	with("noSuchField", 1, "noSuchField")
	properties, _ := schema["properties"].(object)
	for key, property := range properties {
		for _, m := range d.wrongValues(d.resolve(property), good[key], key) {
			with(key, m.value, m.name)
		}
		if upper := strings.ToUpper(key); good[key] != nil && upper != key {
			with(upper, good[key], upper)
		}
	}
	required, _ := schema["required"].([]any)
	for _, key := range required {
		other := maps.Clone(good)
		delete(other, key.(string))
		wrong = append(wrong, mistaken{other, key.(string)})
	}
	return wrong
}
