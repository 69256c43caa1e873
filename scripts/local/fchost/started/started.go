// Package started starts functions as they are deployed in front of a cloud that a
// test holds.
package started

import (
	"path/filepath"
	"testing"
	"time"

	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/cloudsim"
)

// Functions builds and starts functions of the s.yaml in root in front of the
// cloud at an address, until the test ends. Callers present tokens of the portal.
func Functions(t testing.TB, root, cloud string, names ...string) (*fchost.Host, keys.Portal) {
	t.Helper()
	return With(t, root, map[string]string{"ECS_ENDPOINT": cloud, "STS_ENDPOINT": cloud, "ESS_ENDPOINT": cloud}, names...)
}

// With is Functions with all variables that the cloud needs, and further ones.
func With(t testing.TB, root string, variables map[string]string, names ...string) (*fchost.Host, keys.Portal) {
	t.Helper()
	portal, err := keys.Prepare(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	environment := portal.Environment()
	project, err := syaml.Load(filepath.Join(root, descriptor.ServerlessDevs), func(name string) (string, bool) {
		value, set := environment[name]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := fchost.New(fchost.Options{
		Project: project, Root: root, Only: names,
		Environment: variables,
		Credentials: fchost.Credentials{AccessKeyID: "local", Secret: "local-secret"}, AccountID: string(cloudsim.FirstAccount),
	})
	if err == nil {
		t.Cleanup(host.Close)
		err = host.Build(t.Context())
	}
	if err == nil {
		err = host.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return host, portal
}
