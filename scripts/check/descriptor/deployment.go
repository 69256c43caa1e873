package descriptor

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// deployment is what a descriptor deploys, in the words that both have in common.
type deployment struct {
	doc       *document
	functions []function
	routes    []route
}

// function is one deployed function.
type function struct {
	// folder is its name in functions/.
	folder string
	// name is what the platform calls it.
	name    string
	code    string
	timeout int
	memory  int
	// variables are the names in its environment, in order.
	variables []string
	// blank are those among them that are given as no text at all: what Globals give
	// every function is taken away from one that has no use for it in this way.
	blank []string
	line  int
}

// route sends a path, or everything below a folder when it ends in *, to a function.
type route struct {
	method, path, folder string
	line                 int
}

// serverlessDevs reads s.yaml.
func serverlessDevs(root fs.FS) (*deployment, error) {
	doc, err := open(root, ServerlessDevs)
	if err != nil {
		return nil, err
	}
	d := &deployment{doc: doc}
	resources := mapping(doc.value["resources"])
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		resource := mapping(resources[name])
		switch resource["component"] {
		case "fc3":
			d.functions = append(d.functions, fc3(doc, name, mapping(resource["props"])))
		case "fc3-domain":
			d.routes = append(d.routes, domain(doc, name, resources)...)
		}
	}
	return d, nil
}

func fc3(doc *document, name string, props map[string]any) function {
	return function{
		folder:    name,
		name:      text(props["functionName"]),
		code:      text(props["code"]),
		timeout:   number(props["timeout"]),
		memory:    number(props["memorySize"]),
		variables: slices.Sorted(maps.Keys(mapping(props["environmentVariables"]))),
		line:      doc.line([]string{"resources", name}),
	}
}

func domain(doc *document, name string, resources map[string]any) []route {
	var routes []route
	config := mapping(mapping(mapping(resources[name])["props"])["routeConfig"])
	for i, value := range list(config["routes"]) {
		r := mapping(value)
		for _, method := range list(r["methods"]) {
			routes = append(routes, route{
				method: text(method),
				path:   text(r["path"]),
				folder: target(text(r["functionName"]), resources),
				line:   doc.line([]string{"resources", name, "props", "routeConfig", "routes", strconv.Itoa(i)}),
			})
		}
	}
	return routes
}

// Domain is a custom domain of s.yaml.
type Domain struct {
	Resource, Protocol string
	Line               int
}

// Domains are the custom domains of s.yaml, in the order of their names.
func Domains(root fs.FS) ([]Domain, error) {
	doc, err := open(root, ServerlessDevs)
	if err != nil {
		return nil, err
	}
	var domains []Domain
	resources := mapping(doc.value["resources"])
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		resource := mapping(resources[name])
		if resource["component"] == "fc3-domain" {
			protocol := text(mapping(resource["props"])["protocol"])
			domains = append(domains, Domain{name, protocol, doc.line([]string{"resources", name, "props", "protocol"})})
		}
	}
	return domains, nil
}

// target is the resource that a route names, by its function's name or by a
// reference to it.
func target(name string, resources map[string]any) string {
	if key, ok := strings.CutPrefix(name, "${resources."); ok {
		key, _ = strings.CutSuffix(key, ".props.functionName}")
		return key
	}
	for key, resource := range resources {
		if text(mapping(mapping(resource)["props"])["functionName"]) == name {
			return key
		}
	}
	return name
}

// sam reads template.yml.
func sam(root fs.FS) (*deployment, error) {
	doc, err := open(root, SAM)
	if err != nil {
		return nil, err
	}
	d := &deployment{doc: doc}
	globals := mapping(mapping(doc.value["Globals"])["Function"])
	resources := mapping(doc.value["Resources"])
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		resource := mapping(resources[id])
		if resource["Type"] != "AWS::Serverless::Function" {
			continue
		}
		props := merged(globals, mapping(resource["Properties"]))
		folder := Folder(id)
		d.functions = append(d.functions, function{
			folder:    folder,
			name:      text(props["FunctionName"]),
			code:      "./.build/" + folder,
			timeout:   number(props["Timeout"]),
			memory:    number(props["MemorySize"]),
			variables: ours(mapping(mapping(props["Environment"])["Variables"])),
			blank:     blank(mapping(mapping(props["Environment"])["Variables"])),
			line:      doc.line([]string{"Resources", id}),
		})
		d.routes = append(d.routes, events(doc, id, folder, mapping(props["Events"]))...)
	}
	return d, nil
}

func events(doc *document, id, folder string, events map[string]any) []route {
	var routes []route
	for _, name := range slices.Sorted(maps.Keys(events)) {
		event := mapping(events[name])
		if event["Type"] != "HttpApi" {
			continue
		}
		props := mapping(event["Properties"])
		routes = append(routes, route{
			method: text(props["Method"]),
			path:   strings.Replace(text(props["Path"]), "{proxy+}", "*", 1),
			folder: folder,
			line:   doc.line([]string{"Resources", id, "Properties", "Events", name}),
		})
	}
	return routes
}

// ours are the variables that the functions' configuration reads; credentials
// are not configuration: on Function Compute the role gives them.
func ours(variables map[string]any) []string {
	names := slices.Sorted(maps.Keys(variables))
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "ALIBABA_CLOUD_") })
}

// blank are the variables whose value is an empty text, in order.
func blank(variables map[string]any) []string {
	names := ours(variables)
	return slices.DeleteFunc(names, func(name string) bool { return variables[name] != "" })
}

// Folder is the folder of the function with a logical id of template.yml:
// ReplaceDiskFunction is replace-disk.
func Folder(logicalID string) string {
	var folder strings.Builder
	for i, r := range strings.TrimSuffix(logicalID, "Function") {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				folder.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		folder.WriteRune(r)
	}
	return folder.String()
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func number(value any) int {
	n, _ := value.(json.Number)
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return int(i)
}
