package main

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// tokenFolder is where tokens are, beside s.yaml.
const tokenFolder = ".local"

// trusting lets the functions of w and their triggers know whom to trust: the
// issuer that the caller's environment names, else one of this machine, whose
// tokens are then written beside s.yaml, one for each role. The folder with the
// tokens is returned, "" if the caller has tokens of their own.
func trusting(w world, look syaml.Lookup, file string) (world, string, error) {
	if own, _ := look("PORTAL_JWKS"); own != "" {
		return w, "", nil
	}
	folder := filepath.Join(filepath.Dir(file), tokenFolder)
	portal, err := keys.Prepare(folder, time.Now())
	if err != nil {
		return w, "", err
	}
	return w.with(portal.Environment()), folder, nil
}

// lent makes tokens for the page, by the key in folder. Nil, for none: in front
// of real accounts, where not everybody at this machine need be let in, and with an issuer of the caller's own.
func lent(folder string, real bool) func(role string, second bool) (string, error) {
	if folder == "" || real {
		return nil
	}
	return func(name string, second bool) (string, error) {
		role := function.Role(name)
		if !slices.Contains(function.Roles(), role) {
			return "", fault.New(fault.NotFound, "the roles are %v", function.Roles()).WithCode("roleNotFound")
		}
		portal, err := keys.Open(folder)
		if err != nil {
			return "", err
		}
		if second {
			return portal.Colleague(role, time.Now()), nil
		}
		return portal.Token(role, time.Now()), nil
	}
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
