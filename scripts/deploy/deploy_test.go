package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/shared/function/bearer/bearertest"
)

// world is where a deployment goes in a test: programs that note how they were
// called.
type world struct {
	t           *testing.T
	environment map[string]string
	missing     string
	stacks      string
	fails       string
	calls       []string
	templates   map[string]string
	out         strings.Builder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := bearertest.NewRSA("k1")
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, stacks: `{"Stacks":[]}`, templates: map[string]string{}, environment: map[string]string{
		"PORTAL_JWKS": bearertest.Set(key), "PORTAL_ISSUER": "https://tokens.example", "PORTAL_AUDIENCE": "imagekeeper", "JOURNAL": "oss://audit/imagekeeper",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "planted-secret",
	}}
}

func (w *world) run(_ context.Context, c command) (string, error) {
	call := strings.Join(c.args, " ")
	w.calls = append(w.calls, call)
	for i, arg := range c.args {
		if arg == "-t" || arg == "--template-file" {
			if text, err := os.ReadFile(c.args[i+1]); err == nil {
				w.templates[c.args[0]] = string(text)
			}
		}
	}
	if w.fails != "" && strings.Contains(call, w.fails) {
		return "", errors.New(w.fails + ": it failed")
	}
	switch {
	case strings.Contains(call, "ListStacks"):
		return w.stacks, nil
	case strings.Contains(call, "Stack"):
		return `{"StackId":"s-1"}`, nil
	}
	return "", nil
}

// carryOut does what a person asks for who then types something.
func (w *world) carryOut(o order, typed string) error {
	if o.platform == "" {
		o.platform = platformFC
	}
	o.root = "../.."
	w.t.Cleanup(func() { os.RemoveAll(filepath.Join(o.root, workFolder)) })
	d := deployer{
		order: o, in: strings.NewReader(typed), out: &w.out, run: w.run,
		look: func(name string) (string, bool) { v, ok := w.environment[name]; return v, ok },
		tool: func(name string) bool { return name != w.missing },
	}
	return d.carryOut(context.Background())
}

// sent are the calls that reach a platform.
func (w *world) sent() []string {
	var sent []string
	for _, call := range w.calls {
		if !strings.HasPrefix(call, "go ") {
			sent = append(sent, call)
		}
	}
	return sent
}

// TestDefault: without words the two that only read are deployed, with one role,
// after what will be made was told and yes was typed.
func TestDefault(t *testing.T) {
	w := newWorld(t)
	if err := w.carryOut(order{}, "yes\n"); err != nil {
		t.Fatal(err)
	}
	sent := strings.Join(w.sent(), "\n")
	for _, part := range []string{"ros CreateStack", "ParameterKey Find", "ParameterKey Price", "ParameterValue audit", "GetStack", "s deploy -y -t"} {
		if !strings.Contains(sent, part) {
			t.Errorf("no %q in what was sent:\n%.2000s", part, sent)
		}
	}
	if strings.Contains(sent, "ParameterKey Share") {
		t.Error("a role for share was asked for")
	}
	if cut := w.templates["s"]; !strings.Contains(cut, "imagekeeper-find") || strings.Contains(cut, "functionName: imagekeeper-share") {
		t.Error("the descriptor that was sent is not that of find and price")
	}
	for _, part := range []string{"function imagekeeper-find", "role imagekeeper-reading", "timer 0 0 2 1-3 * *", "no domain", "bucket audit", "30 days", "3 invocations"} {
		if !strings.Contains(w.out.String(), part) {
			t.Errorf("no word of %q in:\n%s", part, w.out.String())
		}
	}
}

// TestNothingIsSent: without yes, with a tool missing, when something is refused,
// when a function is not configured, and for a plan nothing is sent.
func TestNothingIsSent(t *testing.T) {
	for name, test := range map[string]struct {
		order order
		typed string
		with  func(*world)
		says  string
	}{
		"no":                {typed: "no\n", says: "nothing was sent"},
		"nothing is typed":  {says: "nothing was sent"},
		"no tool":           {typed: "yes\n", with: func(w *world) { w.missing = "s" }, says: "install s"},
		"refused":           {typed: "yes\n", with: func(w *world) { w.environment["PORTAL_JWKS"] = "" }, says: "not deployed"},
		"not configured":    {typed: "yes\n", with: func(w *world) { w.fails = "./functions/price check" }, says: "not configured"},
		"unknown function":  {order: order{only: []string{"fnid"}}, typed: "yes\n", says: "fnid"},
		"unknown platform":  {order: order{platform: "azure"}, typed: "yes\n", says: "azure"},
		"to destroy, no":    {order: order{destroy: true}, typed: "no\n", says: "nothing was removed"},
		"to destroy, tools": {order: order{destroy: true}, typed: "yes\n", with: func(w *world) { w.missing = "aliyun" }, says: "install aliyun"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.with != nil {
				test.with(w)
			}
			err := w.carryOut(test.order, test.typed)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want something about %q", err, test.says)
			}
			if sent := w.sent(); len(sent) > 0 {
				t.Errorf("sent %q", sent)
			}
		})
	}
	for _, o := range []order{{plan: true}, {check: true}, {destroy: true, plan: true}} {
		w := newWorld(t)
		if err := w.carryOut(o, ""); err != nil || len(w.sent()) > 0 {
			t.Errorf("%+v: %v, sent %q", o, err, w.sent())
		}
	}
}

// TestSecondFunction: roles that are there are updated, and those of functions that
// are not named now stay.
func TestSecondFunction(t *testing.T) {
	w := newWorld(t)
	w.stacks = `{"Stacks":[{"StackId":"s-0","StackName":"imagekeeper-roles","Status":"DELETE_COMPLETE"},{"StackId":"s-1","StackName":"imagekeeper-roles","Status":"CREATE_COMPLETE"}]}`
	if err := w.carryOut(order{only: []string{"share"}, yes: true}, ""); err != nil {
		t.Fatal(err)
	}
	sent := strings.Join(w.sent(), "\n")
	for _, part := range []string{"UpdateStack", "--StackId s-1", "--UsePreviousParameters true", "ParameterKey Share"} {
		if !strings.Contains(sent, part) {
			t.Errorf("no %q in what was sent:\n%.2000s", part, sent)
		}
	}
	if strings.Contains(sent, "ParameterKey Find") {
		t.Error("the role of find is changed")
	}
}

// TestAFailureEnds: what comes after a step that failed is not done.
func TestAFailureEnds(t *testing.T) {
	w := newWorld(t)
	w.fails = "CreateStack"
	if err := w.carryOut(order{yes: true}, ""); err == nil {
		t.Fatal("no error")
	}
	for _, call := range w.sent() {
		if strings.HasPrefix(call, "s deploy") {
			t.Errorf("functions were sent without their roles: %s", call)
		}
	}
}

// TestLambda: the same on AWS, by SAM, with the parameters that the environment
// gives.
func TestLambda(t *testing.T) {
	w := newWorld(t)
	if err := w.carryOut(order{platform: platformLambda, only: []string{"find"}, yes: true}, ""); err != nil {
		t.Fatal(err)
	}
	sent := strings.Join(w.sent(), "\n")
	for _, part := range []string{"sam build", "sam deploy", "PortalIssuer=https://tokens.example", "AccessKeyId=id"} {
		if !strings.Contains(sent, part) {
			t.Errorf("no %q in what was sent:\n%s", part, sent)
		}
	}
	if strings.Contains(w.out.String(), "planted-secret") {
		t.Error("a secret was printed")
	}
	if cut := w.templates["sam"]; !strings.Contains(cut, "FindFunction") || strings.Contains(cut, "ShareFunction") {
		t.Error("the template that was sent is not that of find")
	}
}

// TestLambdaSaysWhere: REGION, else what AWS's own configuration says; a region of the
// other platform is refused; and what is not set is told.
func TestLambdaSaysWhere(t *testing.T) {
	for region, want := range map[string]string{"eu-central-1": "--region eu-central-1", "": "sam deploy", "cn-hangzhou": ""} {
		w := newWorld(t)
		w.environment["REGION"] = region
		err := w.carryOut(order{platform: platformLambda, only: []string{"find"}, yes: true}, "")
		sent := strings.Join(w.sent(), "\n")
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "no region of AWS") || sent != "" {
				t.Errorf("%s: %v; sent %s", region, err, sent)
			}
			continue
		}
		if err != nil || !strings.Contains(sent, want) || region == "" && strings.Contains(sent, "--region") {
			t.Errorf("%s: %v; sent %s", region, err, sent)
		}
		if said := w.out.String(); !strings.Contains(said, "gateway") || !strings.Contains(said, "a role that SAM makes") || strings.Contains(said, "cn-hangzhou") {
			t.Errorf("%s: told %s", region, said)
		}
	}
	w := newWorld(t)
	delete(w.environment, "ALIBABA_CLOUD_ACCESS_KEY_ID")
	if err := w.carryOut(order{platform: platformLambda, yes: true}, ""); err == nil || len(w.sent()) > 0 || !strings.Contains(w.out.String(), "Not set: ALIBABA_CLOUD_ACCESS_KEY_ID") {
		t.Errorf("without a key: %v, sent %v, told %s", err, w.sent(), w.out.String())
	}
}

// TestDestroyOfOne: the roles of the others stay; and on AWS, where all are one stack,
// one alone is refused.
func TestDestroyOfOne(t *testing.T) {
	w := newWorld(t)
	w.stacks = `{"Stacks":[{"StackId":"s-1","StackName":"imagekeeper-roles","Status":"CREATE_COMPLETE"}]}`
	if err := w.carryOut(order{destroy: true, only: []string{"share"}}, "yes\n"); err != nil {
		t.Fatal(err)
	}
	sent := strings.Join(w.sent(), "\n")
	if strings.Contains(sent, "DeleteStack") || !strings.Contains(sent, "UpdateStack") || !strings.Contains(sent, "Share --Parameters.1.ParameterValue no") {
		t.Errorf("sent %s", sent)
	}
	w = newWorld(t)
	if err := w.carryOut(order{destroy: true, only: []string{"share"}, platform: platformLambda}, "yes\n"); err == nil || len(w.sent()) > 0 {
		t.Errorf("%v, sent %v", err, w.sent())
	}
}

// TestDestroy: functions and roles go, and what stays is listed.
func TestDestroy(t *testing.T) {
	w := newWorld(t)
	w.stacks = `{"Stacks":[{"StackId":"s-1","StackName":"imagekeeper-roles","Status":"CREATE_COMPLETE"}]}`
	if err := w.carryOut(order{destroy: true}, "yes\n"); err != nil {
		t.Fatal(err)
	}
	sent := strings.Join(w.sent(), "\n")
	for _, part := range []string{"s remove -y", "DeleteStack --RegionId cn-hangzhou --StackId s-1"} {
		if !strings.Contains(sent, part) {
			t.Errorf("no %q in what was sent:\n%s", part, sent)
		}
	}
	for _, part := range []string{"oss://audit/imagekeeper", "imagekeeper:backup", "imagekeeper:cleanup"} {
		if !strings.Contains(w.out.String(), part) {
			t.Errorf("no word of %q in:\n%s", part, w.out.String())
		}
	}
}
