package main

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/function"
)

// tokenFolder is where tokens are, beside s.yaml.
const tokenFolder = ".local"

// trusting lets the functions of w know whom to trust: the issuer that the
// caller's environment names, else one of this machine, whose tokens are then
// written beside s.yaml. The path of a viewer's token is returned, "" if the
// caller has tokens of their own.
func trusting(w world, look syaml.Lookup, file string, out io.Writer) (world, string, error) {
	if own, _ := look("PORTAL_JWKS"); own != "" {
		return w, "", nil
	}
	folder := filepath.Join(filepath.Dir(file), tokenFolder)
	portal, err := keys.Prepare(folder, time.Now())
	if err != nil {
		return w, "", err
	}
	fmt.Fprintf(out, "tokens   %s   one for each of the roles %v\n", filepath.Join(folder, "token-<role>"), function.Roles())
	return w.with(portal.Environment()), keys.TokenFile(folder, function.Viewer), nil
}

// with sets variables of the functions, and of env() in s.yaml.
func (w world) with(values map[string]string) world {
	before := w.lookup
	w.environment = maps.Clone(w.environment)
	maps.Copy(w.environment, values)
	w.lookup = func(name string) (string, bool) {
		if value, ok := values[name]; ok {
			return value, true
		}
		return before(name)
	}
	return w
}
