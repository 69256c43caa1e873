package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// theFunction is one of s.yaml.
func theFunction(t *testing.T, name string) syaml.Function {
	t.Helper()
	project, err := load(binaries(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range project.Functions {
		if f.Resource == name {
			return f
		}
	}
	t.Fatalf("there is no %s", name)
	return syaml.Function{}
}

// mostOnLambda is what a function may answer there, in bytes.
const mostOnLambda = 6 << 20

// crowd is a region with many instances, with long tags.
func crowd(instances, tagged int) *cloudsim.Cloud {
	sim := cloudsim.New(cloudsim.Options{})
	w := pricedRegion{sim, hangzhou}
	w.origins()
	tags := image.Tags{}
	for n := range tagged {
		tags[fmt.Sprintf("key-%02d", n)] = strings.Repeat("v", 128)
	}
	for n := range instances {
		sim.AddInstance(cloudsim.FirstAccount, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{
			Name: fmt.Sprintf("web-%05d", n), Image: "ubuntu.vhd", Type: "ecs.g7.large", Tags: tags,
		}})
	}
	return sim
}

// TestLongAnswersOnLambda: what is longer than Lambda carries is refused, and says how to
// page; in pages all of it comes; Function Compute carries it whole.
func TestLongAnswersOnLambda(t *testing.T) {
	t.Parallel()
	const all = 2200
	s := start(t, options{sim: crowd(all, 20), rate: -1, only: []string{"find"}, environment: map[string]string{
		"REGIONS": string(hangzhou), "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()),
	}})
	f := onLambda(t, theFunction(t, "find"), s.settings)
	get := func(target string) (int, string) {
		return f.ask(asked{"find.instances", http.MethodGet, target, "", function.Viewer}, s.tokens[function.Viewer])
	}
	status, whole := s.get("/instances?limit=10000")
	if status != http.StatusOK || len(whole) <= mostOnLambda {
		t.Fatalf("Function Compute: %d, %d bytes, which is no trial", status, len(whole))
	}
	for _, format := range drawn.Some(t, []string{"json", "csv", "ndjson"}, 3) {
		status, said := get("/instances?limit=10000&format=" + format)
		if status != http.StatusRequestEntityTooLarge || !strings.Contains(said, `"answerTooLarge"`) || !strings.Contains(said, "limit") || !strings.Contains(said, "ursor") {
			t.Errorf("%s: %d %.500s", format, status, said)
		}
	}
	seen, requests := map[string]bool{}, 0
	for cursor := ""; ; requests++ {
		status, said := get("/instances?limit=1100" + cursor)
		var page struct {
			Items      []struct{ InstanceID string }
			NextCursor string
		}
		if err := json.Unmarshal([]byte(said), &page); err != nil || status != http.StatusOK || len(said) > mostOnLambda {
			t.Fatalf("%d, %d bytes: %.500s", status, len(said), said)
		}
		for _, one := range page.Items {
			seen[one.InstanceID] = true
		}
		if cursor = "&cursor=" + page.NextCursor; page.NextCursor == "" {
			break
		}
	}
	if len(seen) != all || requests != 1 {
		t.Errorf("%d of %d in %d pages", len(seen), all, requests+1)
	}
	status, said := get("/instances?limit=10000&fields=instanceId,name&format=csv")
	if lines := strings.Count(said, "\n"); status != http.StatusOK || lines != all+1 {
		t.Errorf("two columns of all: %d, %d lines", status, lines)
	}
}

// TestSlowCloudOnLambda: behind an HTTP API, which waits for 29 seconds whatever the
// function has, there is an answer although the cloud takes longer for all of it; what
// was not read is told.
func TestSlowCloudOnLambda(t *testing.T) {
	t.Parallel()
	// Each page comes, and all of them take a minute, one after the other.
	s := start(t, options{sim: crowd(2000, 0), rate: -1, latency: 3 * time.Second, only: []string{"find", "price"}, environment: map[string]string{
		"REGIONS": string(hangzhou), "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()),
	}})
	for name, target := range map[string]string{"find": "/instances?limit=1", "price": "/prices?limit=1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onLambda(t, theFunction(t, name), s.settings)
			f.time = 15 * time.Minute // so it is not the function's own time that ends it
			status, said := f.through(byAPI, asked{name, http.MethodGet, target, "", function.Viewer}, s.tokens[function.Viewer])
			var answer struct {
				Code    string
				Unknown []object
			}
			if err := json.Unmarshal([]byte(said), &answer); err != nil {
				t.Fatalf("%d %s", status, said)
			}
			if told := status == http.StatusOK && len(answer.Unknown) > 0; !told && status != http.StatusServiceUnavailable && answer.Code != "unread" {
				t.Errorf("%d %.500s", status, said)
			}
			t.Logf("%d %.300s", status, said)
		})
	}
}
