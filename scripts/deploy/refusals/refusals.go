// Package refusals says what must not be deployed, before anything is sent: what
// anyone could call, what would carry tokens in the clear, what trusts the keys of
// one machine, and functions of one deployment that disagree.
package refusals

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/local/keys"
)

// tokens are the variables without which nobody may be let in.
func tokens() []string { return []string{"PORTAL_JWKS", "PORTAL_ISSUER", "PORTAL_AUDIENCE"} }

// agreed are the variables that hold for all functions of a deployment: each that
// has one has the same.
func agreed() []string {
	return []string{"JOURNAL", "FOUR_EYES", "SHARE_ALLOWED_ACCOUNTS", "TRUSTED_OWNERS", "PORTAL_ISSUER", "PORTAL_AUDIENCE", "PORTAL_JWKS"}
}

// Check says why the functions named, or all if none is, of the s.yaml in a folder
// must not be deployed with these variables. Nothing found: they may.
func Check(folder string, only []string, look syaml.Lookup) ([]finding.Finding, error) {
	found, err := descriptor.Deployable(os.DirFS(folder))
	if err != nil {
		return nil, err
	}
	if missing := unset(look); len(missing) > 0 {
		return finding.Sort(append(found, missing...)), nil
	}
	path := filepath.Join(folder, descriptor.ServerlessDevs)
	project, err := syaml.Load(path, look)
	var problems *syaml.Problems
	if errors.As(err, &problems) {
		return finding.Sort(append(found, finding.At(descriptor.ServerlessDevs, 0, "not deployed: %v", err))), nil
	}
	if err != nil {
		return nil, err
	}
	chosen, unknown := selected(project, only)
	found = append(found, unknown...)
	found = append(found, issuer(look)...)
	for _, f := range chosen {
		found = append(found, endpoints(f)...)
		found = append(found, memory(f)...)
	}
	found = append(found, disagreements(chosen)...)
	more, err := domains(folder, look)
	if err != nil {
		return nil, err
	}
	return finding.Sort(append(found, more...)), nil
}

// unset are the variables of tokens that are not there.
func unset(look syaml.Lookup) []finding.Finding {
	var found []finding.Finding
	for _, name := range tokens() {
		if value, _ := look(name); strings.TrimSpace(value) == "" {
			found = append(found, finding.At(descriptor.ServerlessDevs, 0,
				"not deployed: %s is not set, so nobody could be told from anybody; README says where a first token comes from", name))
		}
	}
	return found
}

// selected are the functions to deploy, and what is named and is none.
func selected(project *syaml.Project, only []string) ([]syaml.Function, []finding.Finding) {
	if len(only) == 0 {
		return project.Functions, nil
	}
	var chosen []syaml.Function
	var found []finding.Finding
	var names []string
	for _, f := range project.Functions {
		names = append(names, f.Resource)
	}
	for _, name := range only {
		i := slices.Index(names, name)
		if i < 0 {
			found = append(found, finding.At(descriptor.ServerlessDevs, 0, "not deployed: there is no function %q; there are %s", name, strings.Join(names, ", ")))
			continue
		}
		chosen = append(chosen, project.Functions[i])
	}
	return chosen, found
}

// issuer refuses the keys of one machine, and key sets with a private half.
func issuer(look syaml.Lookup) []finding.Finding {
	var found []finding.Finding
	if name, _ := look("PORTAL_ISSUER"); name == keys.Issuer {
		found = append(found, finding.At(descriptor.ServerlessDevs, 0,
			"not deployed: PORTAL_ISSUER is %q, the issuer of the cloud on one machine, whose key lies in a folder; make token has keys of your own", name))
	}
	text, _ := look("PORTAL_JWKS")
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return found // it may name a file of the package; the function itself reads it
	}
	for _, key := range set.Keys {
		_, private := key["d"]
		_, symmetric := key["k"]
		if private || symmetric {
			found = append(found, finding.At(descriptor.ServerlessDevs, 0, "not deployed: PORTAL_JWKS has a private key; only its public half belongs there"))
		}
	}
	return found
}

// endpoints refuses those of an emulator.
func endpoints(f syaml.Function) []finding.Finding {
	var found []finding.Finding
	for _, name := range slices.Sorted(maps.Keys(f.Environment)) {
		value := f.Environment[name]
		if !strings.HasSuffix(name, "_ENDPOINT") || value == "" {
			continue
		}
		host := value
		if at, err := url.Parse(value); err == nil && at.Host != "" {
			host = at.Hostname()
		}
		if strings.HasPrefix(value, "http://") || !strings.HasSuffix(host, ".aliyuncs.com") {
			found = append(found, finding.At(descriptor.ServerlessDevs, f.Position.Line,
				"not deployed: %s of function %s is %q, which is no endpoint of the cloud; unset it", name, f.Resource, value))
		}
	}
	return found
}

// memory refuses a journal that ends with its instance.
func memory(f syaml.Function) []finding.Finding {
	if journal := f.Environment["JOURNAL"]; strings.HasPrefix(journal, "dir:") {
		return []finding.Finding{finding.At(descriptor.ServerlessDevs, f.Position.Line,
			"not deployed: JOURNAL of function %s is %q, a folder that ends with the instance; name a bucket, as oss://bucket/prefix", f.Resource, journal)}
	}
	return nil
}

// disagreements are variables that differ between functions and must not.
func disagreements(functions []syaml.Function) []finding.Finding {
	var found []finding.Finding
	for _, name := range agreed() {
		first := -1
		for i, f := range functions {
			value, has := f.Environment[name]
			switch {
			case !has:
			case first < 0:
				first = i
			case value != functions[first].Environment[name]:
				found = append(found, finding.At(descriptor.ServerlessDevs, f.Position.Line,
					"not deployed: %s of function %s is not that of function %s; all functions of a deployment have the same", name, f.Resource, functions[first].Resource))
			}
		}
	}
	return found
}

// domains refuses a domain that would carry tokens in the clear.
func domains(folder string, look syaml.Lookup) ([]finding.Finding, error) {
	if name, _ := look("DOMAIN"); name == "" {
		return nil, nil // the domain is not deployed: every function has an https address of its own
	}
	domains, err := descriptor.Domains(os.DirFS(folder))
	if err != nil {
		return nil, err
	}
	var found []finding.Finding
	for _, d := range domains {
		if d.Protocol != "HTTPS" {
			found = append(found, finding.At(descriptor.ServerlessDevs, d.Line, "not deployed: protocol of domain %s is %s, so tokens would travel in the clear; HTTPS is the one to use", d.Resource, d.Protocol))
		}
	}
	if value, _ := look("DOMAIN_CERT_ID"); value == "" {
		found = append(found, finding.At(descriptor.ServerlessDevs, 0, "not deployed: DOMAIN_CERT_ID is not set, and the domain speaks https only; unset DOMAIN to do without one"))
	}
	return found, nil
}
