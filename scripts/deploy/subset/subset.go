// Package subset cuts s.yaml and template.yml down to some of their functions, so
// that each can be deployed without the others.
package subset

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"imagekeeper/scripts/check/descriptor"
)

// Wish is what to keep of a descriptor.
type Wish struct {
	// Functions are the names of folders in functions/.
	Functions []string
	// Root is the absolute path of the module: what is cut out lies elsewhere, and
	// names its code by whole paths.
	Root string
	// Domain keeps the custom domain with the routes of the functions.
	Domain bool
	// Uploads keeps the triggers that uploads to a bucket fire.
	Uploads bool
}

// ServerlessDevs cuts s.yaml. The actions of the file are left out: who cuts it
// builds and checks first. It fails if the text is not a descriptor or has not
// all the functions.
func ServerlessDevs(text []byte, wish Wish) ([]byte, error) {
	root, err := parsed(text)
	if err != nil {
		return nil, err
	}
	resources := child(root, "resources")
	if resources == nil {
		return nil, fmt.Errorf("%s has no resources", descriptor.ServerlessDevs)
	}
	var found []string
	keep(resources, func(name string, resource *yaml.Node) bool {
		switch component, _, _ := strings.Cut(word(child(resource, "component")), "@"); component {
		case "fc3":
			if !slices.Contains(wish.Functions, name) {
				return false
			}
			found = append(found, name)
			return true
		case "fc3-domain":
			return wish.Domain && routed(resource, wish.Functions)
		}
		return true
	})
	if err := complete(found, wish.Functions); err != nil {
		return nil, err
	}
	for _, name := range found {
		props := child(child(resources, name), "props")
		if code := child(props, "code"); code != nil {
			code.Value = filepath.Join(wish.Root, code.Value)
		}
		if triggers := child(props, "triggers"); triggers != nil && !wish.Uploads {
			triggers.Content = slices.DeleteFunc(triggers.Content, func(t *yaml.Node) bool { return word(child(t, "triggerType")) == "oss" })
		}
	}
	keep(root, func(name string, _ *yaml.Node) bool { return name != "actions" })
	return written(root)
}

// routed leaves the routes that lead to one of the functions, and reports whether
// there is any.
func routed(domain *yaml.Node, functions []string) bool {
	routes := child(child(child(domain, "props"), "routeConfig"), "routes")
	if routes == nil {
		return false
	}
	routes.Content = slices.DeleteFunc(routes.Content, func(route *yaml.Node) bool {
		to, _ := strings.CutPrefix(word(child(route, "functionName")), "${resources.")
		to, _ = strings.CutSuffix(to, ".props.functionName}")
		return !slices.Contains(functions, to)
	})
	return len(routes.Content) > 0
}

// SAM cuts template.yml, and leaves out the parameters that nothing refers to any
// more. It fails as ServerlessDevs does.
func SAM(text []byte, wish Wish) ([]byte, error) {
	root, err := parsed(text)
	if err != nil {
		return nil, err
	}
	resources := child(root, "Resources")
	if resources == nil {
		return nil, fmt.Errorf("%s has no Resources", descriptor.SAM)
	}
	var found []string
	keep(resources, func(id string, resource *yaml.Node) bool {
		if word(child(resource, "Type")) != "AWS::Serverless::Function" {
			return true
		}
		folder := descriptor.Folder(id)
		if !slices.Contains(wish.Functions, folder) {
			return false
		}
		found = append(found, folder)
		return true
	})
	if err := complete(found, wish.Functions); err != nil {
		return nil, err
	}
	if code := child(child(child(root, "Globals"), "Function"), "CodeUri"); code != nil {
		code.Value = filepath.Join(wish.Root, code.Value)
	}
	if parameters := child(root, "Parameters"); parameters != nil {
		used := map[string]bool{}
		references(root, used)
		keep(parameters, func(name string, _ *yaml.Node) bool { return used[name] })
	}
	return written(root)
}

// Parameters are the names of the parameters of a template.yml, in its order.
func Parameters(text []byte) ([]string, error) {
	root, err := parsed(text)
	if err != nil {
		return nil, err
	}
	var names []string
	if parameters := child(root, "Parameters"); parameters != nil {
		keep(parameters, func(name string, _ *yaml.Node) bool {
			names = append(names, name)
			return true
		})
	}
	return names, nil
}

// references notes what !Ref and Ref name anywhere below a node.
func references(node *yaml.Node, used map[string]bool) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!Ref" {
		used[node.Value] = true
	}
	if node.Kind == yaml.MappingNode && len(node.Content) == 2 && node.Content[0].Value == "Ref" {
		used[node.Content[1].Value] = true
	}
	for _, below := range node.Content {
		references(below, used)
	}
}

// complete fails unless everything wanted was found.
func complete(found, wanted []string) error {
	for _, name := range wanted {
		if !slices.Contains(found, name) {
			return fmt.Errorf("there is no function %q in this descriptor", name)
		}
	}
	return nil
}

func parsed(text []byte) (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the descriptor: %w", err)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("read the descriptor: it is not a mapping")
	}
	return document.Content[0], nil
}

func written(root *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("write the descriptor: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

// keep drops the entries of a mapping that are not wanted.
func keep(mapping *yaml.Node, wanted func(key string, value *yaml.Node) bool) {
	var left []*yaml.Node
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if wanted(mapping.Content[i].Value, mapping.Content[i+1]) {
			left = append(left, mapping.Content[i], mapping.Content[i+1])
		}
	}
	mapping.Content = left
}

// child is the value of a key, nil if there is none.
func child(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func word(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}
