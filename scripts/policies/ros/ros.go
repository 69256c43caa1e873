// Package ros writes the roles of a deployment as templates of Alibaba Cloud's
// Resource Orchestration Service: one for the account of the functions, one for
// every other account that they look at. Both come from the policies that the
// code needs, so a role never has more than its function uses.
package ros

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/policies/least"
)

// Where the templates stand in the repository, and what writes them.
const (
	Roles   = "functions/roles.ros.json"
	Reader  = "functions/reader.ros.json"
	Refresh = "make policies"
)

// object keeps templates readable: keys are sorted when it is written.
type object = map[string]any

// Files are the templates for the functions of the module in a folder, by path.
func Files(root string) (map[string][]byte, error) {
	names, err := bootstrap.Functions(root)
	if err != nil {
		return nil, err
	}
	roles, err := roles(root, names)
	if err != nil {
		return nil, err
	}
	reader, err := reader(root, names)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{Roles: roles, Reader: reader}, nil
}

// Write writes the templates and returns the paths of those that changed.
func Write(root string) ([]string, error) {
	files, err := Files(root)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, path := range slices.Sorted(maps.Keys(files)) {
		old, err := os.ReadFile(filepath.Join(root, path))
		if err == nil && bytes.Equal(old, files[path]) {
			continue
		}
		if err := os.WriteFile(filepath.Join(root, path), files[path], 0o600); err != nil {
			return changed, err
		}
		changed = append(changed, path)
	}
	return changed, nil
}

// Check reports templates that are not those of the policies.
func Check(root string) ([]finding.Finding, error) {
	files, err := Files(root)
	if err != nil {
		return nil, err
	}
	var found []finding.Finding
	for path, text := range files {
		if old, err := os.ReadFile(filepath.Join(root, path)); err != nil || !bytes.Equal(old, text) {
			found = append(found, finding.At(path, 0, "is not what the policies say; %s writes it", Refresh))
		}
	}
	return finding.Sort(found), nil
}

// shared names the role of functions that only read: one for both.
func shared() map[string]string { return map[string]string{"find": "reading", "price": "reading"} }

// Role is the name of the role that a function runs with unless the deployer
// says otherwise.
func Role(function string) string {
	if group, ok := shared()[function]; ok {
		return "imagekeeper-" + group
	}
	return "imagekeeper-" + function
}

// roles is the template with the roles of the functions that call the cloud.
// Which of them are deployed is said by parameters with the functions' names.
func roles(root string, names []string) ([]byte, error) {
	parameters := object{"Bucket": object{
		"Type": "String", "Default": "",
		"Description": "the bucket of JOURNAL; empty if the functions that are deployed need none",
	}}
	conditions := object{"WithBucket": object{"Fn::Not": object{"Fn::Equals": []any{object{"Ref": "Bucket"}, ""}}}}
	policies, users := map[string][]any{}, map[string][]any{}
	for _, name := range names {
		statements, err := policyOf(root, name, least.PolicyFile)
		if err != nil {
			return nil, err
		}
		if len(statements) == 0 {
			continue
		}
		id, role := camel(name), Role(name)
		parameters[id] = wanted("whether the function " + name + " is deployed")
		conditions[id] = object{"Fn::Equals": []any{object{"Ref": id}, "yes"}}
		users[role] = append(users[role], id)
		policies[role] = append(policies[role], only(id, object{"PolicyName": "imagekeeper-" + name, "PolicyDocument": document(statements)}))
	}
	resources, outputs := object{}, object{}
	for role, of := range policies {
		id, when := camel(strings.TrimPrefix(role, "imagekeeper-"))+"Role", users[role][0]
		if len(users[role]) > 1 {
			conditions[id] = object{"Fn::Or": users[role]}
			when = id
		}
		resources[id] = object{
			"Type": "ALIYUN::RAM::Role", "Condition": when,
			"Properties": object{
				"RoleName": role, "Description": "what Imagekeeper may do here",
				"AssumeRolePolicyDocument": trust(object{"Service": []string{"fc.aliyuncs.com"}}),
				"Policies":                 of,
			},
		}
		outputs[id] = object{"Condition": when, "Value": object{"Fn::GetAtt": []string{id, "Arn"}}}
	}
	return written(object{
		"ROSTemplateFormatVersion": "2015-09-01", "Description": "The roles of Imagekeeper's functions, each with the least that its code uses",
		"Parameters": parameters, "Conditions": conditions, "Resources": resources, "Outputs": outputs,
	})
}

// wanted is a parameter that is yes or no.
func wanted(description string) object {
	return object{"Type": "String", "AllowedValues": []string{"yes", "no"}, "Default": "no", "Description": description}
}

// only is a value that is there if a condition holds.
func only(condition string, value any) object {
	return object{"Fn::If": []any{condition, value, object{"Ref": "ALIYUN::NoValue"}}}
}

// reader is the template for another account: one role that the account of the
// functions may assume, with what the functions read there.
func reader(root string, names []string) ([]byte, error) {
	parameters := object{"Account": object{
		"Type": "String", "AllowedPattern": "^[0-9]{10,20}$", "Description": "the account in which the functions run",
	}}
	conditions := object{}
	var policies []any
	for _, name := range names {
		statements, err := policyOf(root, name, least.ReaderFile)
		if err != nil {
			return nil, err
		}
		if len(statements) == 0 {
			continue
		}
		id := camel(name)
		parameters[id] = wanted("whether the function " + name + " looks at this account")
		conditions[id] = object{"Fn::Equals": []any{object{"Ref": id}, "yes"}}
		policies = append(policies, only(id, object{"PolicyName": least.Role + "-" + name, "PolicyDocument": document(statements)}))
	}
	return written(object{
		"ROSTemplateFormatVersion": "2015-09-01", "Description": "What Imagekeeper's functions may look at in this account",
		"Parameters": parameters, "Conditions": conditions,
		"Resources": object{"ReaderRole": object{
			"Type": "ALIYUN::RAM::Role",
			"Properties": object{
				"RoleName": least.Role, "Description": "lets Imagekeeper look at this account's images",
				"AssumeRolePolicyDocument": trust(object{"RAM": []any{object{"Fn::Sub": "acs:ram::${Account}:root"}}}),
				"Policies":                 policies,
			},
		}},
		"Outputs": object{"RoleArn": object{
			"Description": "name it in ACCOUNTS of the functions", "Value": object{"Fn::GetAtt": []string{"ReaderRole", "Arn"}},
		}},
	})
}

// policyOf are the statements of a policy that lies beside a function; none if
// there is no such file.
func policyOf(root, name, file string) ([]object, error) {
	text, err := os.ReadFile(filepath.Join(root, "functions", name, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var policy struct{ Statement []object }
	if err := json.Unmarshal(text, &policy); err != nil {
		return nil, fmt.Errorf("functions/%s/%s: %w", name, file, err)
	}
	return policy.Statement, nil
}

// document is a policy in which the bucket is a parameter: without one, what is
// about it is left out.
func document(statements []object) object {
	out := make([]any, 0, len(statements))
	for _, s := range statements {
		statement, bucket := maps.Clone(s), false
		var resources []any
		for _, resource := range list(s["Resource"]) {
			text, _ := resource.(string)
			if strings.Contains(text, least.Bucket) {
				resource, bucket = object{"Fn::Sub": strings.ReplaceAll(text, least.Bucket, "${Bucket}")}, true
			}
			resources = append(resources, resource)
		}
		statement["Resource"] = resources
		if bucket {
			out = append(out, only("WithBucket", statement))
			continue
		}
		out = append(out, statement)
	}
	return object{"Version": "1", "Statement": out}
}

func list(value any) []any {
	l, _ := value.([]any)
	return l
}

func trust(principal object) object {
	return object{"Version": "1", "Statement": []any{object{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}}}
}

// Parameter is the name of the parameter that says whether a function is deployed:
// ReplaceDisk for replace-disk.
func Parameter(function string) string { return camel(function) }

func camel(name string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}

func written(template object) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(template); err != nil {
		return nil, fmt.Errorf("write the template: %w", err)
	}
	return out.Bytes(), nil
}
