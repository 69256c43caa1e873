package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/deploy/refusals"
	"imagekeeper/scripts/deploy/subset"
	"imagekeeper/scripts/local/fchost/syaml"
)

// The platforms.
const (
	platformFC     = "fc"
	platformLambda = "lambda"
)

// workFolder is where descriptors that were cut lie.
const workFolder = ".build/deploy"

// order is what the command line asks for.
type order struct {
	only                      []string
	platform, region, root    string
	check, plan, destroy, yes bool
}

// command is a program with its arguments.
type command struct {
	args        []string
	folder      string
	environment []string
	// capture returns what it writes instead of showing it.
	capture bool
	// why says what it is for.
	why string
}

// name is the command as a person would write its beginning.
func (c command) name() string { return strings.Join(c.args[:min(len(c.args), 3)], " ") }

// deployer carries an order out in a world that tests replace.
type deployer struct {
	order
	look syaml.Lookup
	in   io.Reader
	out  io.Writer
	tool func(name string) bool
	run  func(ctx context.Context, c command) (string, error)
}

// byDefault are the functions that only read.
func byDefault() []string { return []string{"find", "price"} }

// carryOut refuses, tells, asks and acts, in that order.
func (d deployer) carryOut(ctx context.Context) error {
	if d.platform != platformFC && d.platform != platformLambda {
		return fmt.Errorf("-platform is %s or %s, not %q", platformFC, platformLambda, d.platform)
	}
	all, err := bootstrap.Functions(d.root)
	if err != nil {
		return err
	}
	switch {
	case slices.Equal(d.only, []string{"all"}), len(d.only) == 0 && (d.check || d.destroy):
		d.only = all
	case len(d.only) == 0:
		d.only = byDefault()
	}
	for _, name := range d.only {
		if !slices.Contains(all, name) {
			return fmt.Errorf("ONLY: there is no function %q; there are %s", name, strings.Join(all, ", "))
		}
	}
	slices.Sort(d.only)
	d.only = slices.Compact(d.only)
	whole := slices.Equal(d.only, all)
	if err := d.settle(); err != nil {
		return err
	}
	if d.destroy && d.platform == platformLambda && !whole {
		return fmt.Errorf("on AWS the functions are one stack: make deploy PLATFORM=lambda with ONLY naming those that stay takes the others out; make destroy without ONLY removes all")
	}
	if d.destroy {
		return d.takeBack(ctx, whole)
	}
	return d.deploy(ctx)
}

// awsRegion is the shape of a region of AWS.
var awsRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// settle decides where the functions run. On AWS it may be left to its own
// configuration.
func (d *deployer) settle() error {
	d.region = cmp.Or(d.region, value(d.look, "REGION"))
	if d.platform == platformFC {
		d.region = cmp.Or(d.region, "cn-hangzhou")
		return nil
	}
	d.region = cmp.Or(d.region, value(d.look, "AWS_REGION"), value(d.look, "AWS_DEFAULT_REGION"))
	if d.region != "" && !awsRegion.MatchString(d.region) {
		return fmt.Errorf("REGION: %s is no region of AWS, such as eu-central-1; where the functions look is REGIONS", d.region)
	}
	return nil
}

// where is the region in words.
func (d deployer) where() string { return cmp.Or(d.region, "the region of AWS's own configuration") }

// deploy makes the functions, or updates them.
func (d deployer) deploy(ctx context.Context) error {
	if err := d.refuse(ctx); err != nil {
		return err
	}
	if d.check {
		fmt.Fprintf(d.out, "%s may be deployed\n", strings.Join(d.only, ", "))
		return nil
	}
	project, err := syaml.Load(filepath.Join(d.root, descriptor.ServerlessDevs), d.lookup())
	if err != nil {
		return err
	}
	file, err := d.cut()
	if err != nil {
		return err
	}
	steps, err := d.steps(file)
	if err != nil {
		return err
	}
	missing := d.missing(steps)
	d.tell(project, steps, missing)
	if d.plan {
		return nil
	}
	if len(missing) > 0 {
		return fmt.Errorf("not deployed: install %s first", strings.Join(missing, " and "))
	}
	if unset := d.unset(); len(unset) > 0 {
		return fmt.Errorf("not deployed: set %s first", strings.Join(unset, " and "))
	}
	ok, err := d.agreed(fmt.Sprintf("Deploy %s to %s?", strings.Join(d.only, ", "), d.where()))
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("nothing was sent")
	}
	return follow(ctx, steps)
}

// refuse fails if anything must not be deployed: what the descriptor shows, and
// what each function says of its own variables.
func (d deployer) refuse(ctx context.Context) error {
	found, err := refusals.Check(d.root, d.only, d.lookup())
	if err != nil {
		return err
	}
	for _, f := range found {
		fmt.Fprintln(d.out, f)
	}
	if len(found) > 0 {
		return fmt.Errorf("not deployed: %d reasons", len(found))
	}
	project, err := syaml.Load(filepath.Join(d.root, descriptor.ServerlessDevs), d.lookup())
	if err != nil {
		return err
	}
	wrong := 0
	for _, f := range project.Functions {
		if !slices.Contains(d.only, f.Resource) {
			continue
		}
		environment := []string{"FC_REGION=" + cmp.Or(d.region, "cn-hangzhou")}
		for _, name := range slices.Sorted(maps.Keys(f.Environment)) {
			environment = append(environment, name+"="+f.Environment[name])
		}
		if _, err := d.run(ctx, command{
			args: []string{"go", "run", "./functions/" + f.Resource, "check"}, folder: d.root, environment: environment, capture: true,
			why: "ask the function about its variables",
		}); err != nil {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("not deployed: %d functions are not configured; what is wrong stands above", wrong)
	}
	return nil
}

// lookup is the environment with the region that was asked for.
func (d deployer) lookup() syaml.Lookup {
	return func(name string) (string, bool) {
		if name == "REGION" && d.region != "" {
			return d.region, true
		}
		return d.look(name)
	}
}

// cut writes the descriptor of the functions that are wanted, and returns its path.
func (d deployer) cut() (string, error) {
	name, cutter := descriptor.ServerlessDevs, subset.ServerlessDevs
	if d.platform == platformLambda {
		name, cutter = descriptor.SAM, subset.SAM
	}
	text, err := os.ReadFile(filepath.Join(d.root, name))
	if err != nil {
		return "", err
	}
	root, err := filepath.Abs(d.root)
	if err != nil {
		return "", err
	}
	cut, err := cutter(text, subset.Wish{Functions: d.only, Root: root, Domain: value(d.look, "DOMAIN") != "", Uploads: value(d.look, "IMPORT_UPLOADS") != ""})
	if err != nil {
		return "", err
	}
	file := filepath.Join(root, workFolder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, cut, 0o600)
}

// agreed asks, unless the answer was given before.
func (d deployer) agreed(question string) (bool, error) {
	if d.yes {
		return true, nil
	}
	fmt.Fprintf(d.out, "%s Type yes: ", question)
	line, err := bufio.NewReader(d.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return strings.TrimSpace(line) == "yes", nil
}

// missing are the programs that the steps need and that are not installed.
func (d deployer) missing(steps []step) []string {
	var missing []string
	for _, step := range steps {
		if name := step.tool; !d.tool(name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// unset are the variables without which functions on AWS could ask Alibaba Cloud
// nothing: there no role of the platform gives them.
func (d deployer) unset() []string {
	var unset []string
	for _, name := range []string{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"} {
		if d.platform == platformLambda && value(d.look, name) == "" {
			unset = append(unset, name)
		}
	}
	return unset
}

func value(look syaml.Lookup, name string) string {
	text, _ := look(name)
	return text
}
