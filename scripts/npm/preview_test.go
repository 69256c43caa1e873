package npm_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/scripts/local/fchost/schedule"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/function/bearer"
)

// root is the folder of s.yaml.
const root = "../.."

// TestPreview: Serverless Devs, which deploys it, reads s.yaml as we read it.
// What it makes of expressions, templates and variables is read again, and is
// the same project.
func TestPreview(t *testing.T) {
	t.Parallel()
	folder := install(t)
	portal, err := keys.Prepare(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	environment := portal.Environment()
	environment["ACCOUNTS"], environment["REGIONS"] = "acs:ram::1000000000000002:role/imagekeeper-reader", "cn-hangzhou,cn-shanghai"
	ours, err := syaml.Load(filepath.Join(root, "s.yaml"), func(name string) (string, bool) {
		value, set := environment[name]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	said := preview(t, folder, environment)
	theirs, err := syaml.Parse("preview", said, func(string) (string, bool) { return "", false }, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if diff := cmp.Diff(ours, theirs,
		cmp.Comparer(func(_, _ syaml.Position) bool { return true }),
		cmp.Comparer(func(a, b schedule.Schedule) bool { return a.Next(at).Equal(b.Next(at)) }),
		cmp.Comparer(func(a, b bearer.Keys) bool { return reflect.DeepEqual(a, b) }),
	); diff != "" {
		t.Errorf("read by us (-) and by Serverless Devs (+):\n%s", diff)
	}
}

// preview is what "s preview" makes of s.yaml, as JSON.
func preview(t *testing.T, folder string, environment map[string]string) []byte {
	t.Helper()
	descriptor, err := filepath.Abs(filepath.Join(root, "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	s := exec.CommandContext(ctx, filepath.Join(folder, "node_modules", ".bin", "s"), "preview", "-o", "json", "-t", descriptor)
	s.Dir = folder
	s.Env = []string{"HOME=" + folder, "PATH=" + os.Getenv("PATH")} // no .env, no credentials of this machine
	for name, value := range environment {
		s.Env = append(s.Env, name+"="+value)
	}
	said, err := s.CombinedOutput()
	if err != nil {
		t.Fatalf("s preview: %v\n%s", err, said)
	}
	return said[max(0, bytes.IndexByte(said, '{')):]
}
