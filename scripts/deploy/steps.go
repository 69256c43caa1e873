package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"imagekeeper/scripts/deploy/subset"
	"imagekeeper/scripts/policies/ros"
)

// The stacks that hold what is made.
const (
	rolesStack  = "imagekeeper-roles"
	lambdaStack = "imagekeeper"
)

// step is one thing that is done by a program.
type step struct {
	tool, why string
	do        func(ctx context.Context) error
}

// once is the step of one command.
func (d deployer) once(c command) step {
	return step{c.args[0], c.why, func(ctx context.Context) error {
		_, err := d.run(ctx, c)
		return err
	}}
}

// steps are those of a deployment in their order.
func (d deployer) steps(file string) ([]step, error) {
	build := command{args: append([]string{"go", "run", "./scripts/build"}, d.only...), folder: d.root, why: "package the functions"}
	if d.platform == platformLambda {
		built := filepath.Join(filepath.Dir(file), "sam")
		parameters, err := d.parameters(file)
		if err != nil {
			return nil, err
		}
		return []step{
			d.once(command{args: []string{"sam", "build", "--template-file", file, "--build-dir", built}, folder: d.root, why: "package the functions"}),
			d.once(command{
				args: append([]string{
					"sam", "deploy", "--template-file", filepath.Join(built, "template.yaml"), "--stack-name", lambdaStack, "--resolve-s3",
					"--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset",
				}, append(d.inRegion(), append([]string{"--parameter-overrides"}, parameters...)...)...),
				folder: d.root, why: "make or update the stack " + lambdaStack + ", with the roles of its functions",
			}),
		}, nil
	}
	steps := []step{d.once(build)}
	if value(d.look, "ROLES") != "own" {
		steps = append(steps, step{"aliyun", "make or update the stack " + rolesStack + ": each role has the least that its function uses", stack{d, rolesStack}.make})
	}
	return append(steps, d.once(command{
		args: []string{"s", "deploy", "-y", "-t", file}, folder: d.root, environment: []string{"REGION=" + d.region},
		why: "make or update the functions, their triggers and the domain",
	})), nil
}

// inRegion tells SAM where, unless its own configuration does.
func (d deployer) inRegion() []string {
	if d.region == "" {
		return nil
	}
	return []string{"--region", d.region}
}

// steps of a stack of Resource Orchestration Service, which are chosen by what is
// there already.
type stack struct {
	deployer
	name string
}

// call is a command of the vendor's CLI for the service of stacks.
func (s stack) call(capture bool, why, operation string, args ...string) command {
	return command{
		args:   append([]string{"aliyun", "ros", operation, "--RegionId", s.region}, args...),
		folder: s.root, capture: capture, why: why,
	}
}

// id is the stack's, "" if there is none.
func (s stack) id(ctx context.Context) (string, error) {
	text, err := s.run(ctx, s.call(true, "look for the stack", "ListStacks", "--StackName.1", s.name))
	if err != nil {
		return "", err
	}
	var answer struct {
		Stacks []struct{ StackID, StackName, Status string }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return "", fmt.Errorf("aliyun ros ListStacks: %w", err)
	}
	for _, found := range answer.Stacks {
		if found.StackName == s.name && found.Status != "DELETE_COMPLETE" {
			return found.StackID, nil
		}
	}
	return "", nil
}

// make makes the roles, or brings them up to date, and waits until they are. Roles
// of functions that were deployed before and are not named now stay.
func (s stack) make(ctx context.Context) error {
	template, err := os.ReadFile(filepath.Join(s.root, ros.Roles))
	if err != nil {
		return err
	}
	id, err := s.id(ctx)
	if err != nil {
		return err
	}
	args, operation, done := []string{"--StackName", s.name, "--TimeoutInMinutes", "10"}, "CreateStack", "CREATE_COMPLETE"
	if id != "" {
		args, operation, done = []string{"--StackId", id, "--UsePreviousParameters", "true"}, "UpdateStack", "UPDATE_COMPLETE"
	}
	args = append(args, "--TemplateBody", string(template))
	args = append(args, valued(s.roleParameters("yes"))...)
	text, err := s.run(ctx, s.call(true, "make the roles", operation, args...))
	if err != nil {
		return err
	}
	var answer struct{ StackID string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return fmt.Errorf("aliyun ros %s: %w", operation, err)
	}
	_, err = s.run(ctx, s.call(true, "wait for the roles", "GetStack", "--StackId", cmp.Or(answer.StackID, id), "--waiter", "expr=Status", "to="+done))
	return err
}

// valued are parameters of a stack as arguments.
func valued(parameters [][2]string) []string {
	var args []string
	for i, p := range parameters {
		n := fmt.Sprint("--Parameters.", i+1)
		args = append(args, n+".ParameterKey", p[0], n+".ParameterValue", p[1])
	}
	return args
}

// without takes the roles of some functions out, and leaves the others alone; no stack
// is fine.
func (s stack) without(ctx context.Context) error {
	template, err := os.ReadFile(filepath.Join(s.root, ros.Roles))
	if err != nil {
		return err
	}
	id, err := s.id(ctx)
	if err != nil || id == "" {
		return err
	}
	args := append([]string{"--StackId", id, "--UsePreviousParameters", "true", "--TemplateBody", string(template)}, valued(s.roleParameters("no")[1:])...) // the bucket stays
	_, err = s.run(ctx, s.call(false, "take the roles out", "UpdateStack", args...))
	return err
}

// remove removes the roles; none is fine.
func (s stack) remove(ctx context.Context) error {
	id, err := s.id(ctx)
	if err != nil || id == "" {
		return err
	}
	_, err = s.run(ctx, s.call(false, "remove the roles", "DeleteStack", "--StackId", id))
	return err
}

// roleParameters are those of the template of roles: the bucket, and for each function
// whether there is a role.
func (d deployer) roleParameters(there string) [][2]string {
	parameters := [][2]string{{"Bucket", d.bucket()}}
	for _, name := range d.only {
		parameters = append(parameters, [2]string{ros.Parameter(name), there})
	}
	return parameters
}

// bucket is the one of the journal, "" if there is none.
func (d deployer) bucket() string {
	rest, ok := strings.CutPrefix(value(d.look, "JOURNAL"), "oss://")
	if !ok {
		return ""
	}
	bucket, _, _ := strings.Cut(rest, "/")
	return bucket
}

// parameters are those of the template in file that the environment gives:
// PortalJwks is PORTAL_JWKS, and AccessKeyId is ALIBABA_CLOUD_ACCESS_KEY_ID.
func (d deployer) parameters(file string) ([]string, error) {
	template, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	names, err := subset.Parameters(template)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		plain := variable(name)
		if text := cmp.Or(value(d.look, plain), value(d.look, "ALIBABA_CLOUD_"+plain)); text != "" {
			out = append(out, name+"="+text)
		}
	}
	return out, nil
}

// variable is the name of the variable for a parameter of template.yml.
func variable(parameter string) string {
	var out strings.Builder
	for i, r := range parameter {
		if i > 0 && unicode.IsUpper(r) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToUpper(r))
	}
	return out.String()
}

// takeBack removes what a deployment made. Journal and backups stay.
func (d deployer) takeBack(ctx context.Context, whole bool) error {
	file, err := d.cut()
	if err != nil {
		return err
	}
	steps := d.removal(file, whole)
	missing := d.missing(steps)
	fmt.Fprintf(d.out, "To be removed from %s: %s\n", d.where(), strings.Join(d.only, ", "))
	d.tellSteps(steps)
	d.tellKept()
	if d.plan {
		return nil
	}
	if len(missing) > 0 {
		return fmt.Errorf("nothing was removed: install %s first", strings.Join(missing, " and "))
	}
	ok, err := d.agreed("Remove them?")
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("nothing was removed")
	}
	return follow(ctx, steps)
}

// removal are the steps that take a deployment back, as a whole or in part.
func (d deployer) removal(file string, whole bool) []step {
	if d.platform == platformLambda {
		return []step{d.once(command{args: append([]string{"sam", "delete", "--stack-name", lambdaStack, "--no-prompts"}, d.inRegion()...), folder: d.root, why: "remove the stack " + lambdaStack})}
	}
	steps := []step{d.once(command{
		args: []string{"s", "remove", "-y", "-t", file}, folder: d.root, environment: []string{"REGION=" + d.region},
		why: "remove the functions, their triggers and the domain",
	})}
	switch {
	case value(d.look, "ROLES") == "own":
	case whole:
		steps = append(steps, step{"aliyun", "remove the stack " + rolesStack, stack{d, rolesStack}.remove})
	default:
		steps = append(steps, step{"aliyun", "take the roles of these functions out of the stack " + rolesStack, stack{d, rolesStack}.without})
	}
	return steps
}

// follow carries steps out until one fails.
func follow(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tellKept says what is not taken back.
func (d deployer) tellKept() {
	fmt.Fprintln(d.out, "Kept, as they are the audit trail and the way back; remove them yourself when nobody needs them:")
	if journal := value(d.look, "JOURNAL"); journal != "" {
		fmt.Fprintln(d.out, "  the journal", journal)
	} else {
		fmt.Fprintln(d.out, "  the journal, if JOURNAL named one")
	}
	fmt.Fprintln(d.out, "  snapshots with the tag imagekeeper:backup (of rollouts), imagekeeper:cleanup (the bin)")
	fmt.Fprintln(d.out, "  images, their shares, and tags imagekeeper:*")
	fmt.Fprintf(d.out, "  the log project of Function Compute, and role %s in other accounts\n", "imagekeeper-reader")
}
